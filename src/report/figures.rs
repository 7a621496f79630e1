//! The figures of a report.
//!
//! A case counts where its moment lies: it is opened when it was made, closed when it was closed, and asked for an answer
//! when the customer's first mail came. What is open is counted at the end of a period. A case of two teams or tags counts
//! in both, and once in the total.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::periods::{self, Period};
use super::statistics::{median, p90};
use super::{By, Facts, Kind};
use crate::store::cases::CaseStatus;
use crate::store::reports::{CaseFacts, Named};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub kind: Kind,
    pub by: By,
    /// The second moment is not part of it.
    pub range: Range<Timestamp>,
    pub zone: TimeZone,
}

/// A row of figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Period or thing; `None` = the cases that have no such thing.
    pub name: Option<String>,
    /// Id of a user, team or account.
    pub id: Option<i64>,
    pub period: Option<Period>,
    /// In the order of [`Kind::figures`].
    pub values: Vec<Option<i64>>,
    /// Cases opened, or answers written by a user, in each step of the range.
    pub trend: Vec<i64>,
}

#[derive(Debug, Clone)]
pub struct Report {
    pub asked: Asked,
    pub rows: Vec<Row>,
    /// All rows together, each case once.
    pub total: Row,
    /// Step of the trends.
    pub step: Option<By>,
}

/// What one row adds up.
#[derive(Debug, Clone, Default)]
struct Sums {
    opened: i64,
    closed: i64,
    received: i64,
    answers: i64,
    open: i64,
    waiting: i64,
    asked: i64,
    /// When the oldest open case was made.
    oldest: Option<i64>,
    responses: Vec<i64>,
    resolutions: Vec<i64>,
    trend: Vec<i64>,
}

impl Sums {
    fn has_open(&mut self, case: &CaseFacts, waits: bool) {
        self.open += 1;
        self.waiting += i64::from(waits);
        self.oldest = Some(self.oldest.map_or(case.created_at, |oldest| oldest.min(case.created_at)));
    }

    /// The values of a row that ends at `end`.
    fn values(&mut self, kind: Kind, end: i64) -> Vec<Option<i64>> {
        let (opened, closed, open) = (Some(self.opened), Some(self.closed), Some(self.open));
        let (received, answers) = (Some(self.received), Some(self.answers));
        match kind {
            Kind::Volume => vec![opened, closed, received, answers],
            Kind::Backlog => vec![open, opened, closed, self.oldest.map(|oldest| end - oldest)],
            Kind::FirstResponse => {
                let answered = i64::try_from(self.responses.len()).unwrap_or(i64::MAX);
                let (middle, slow) = (median(&mut self.responses), p90(&mut self.responses));
                vec![Some(self.asked), Some(answered), Some(self.asked - answered), middle, slow]
            }
            Kind::Resolution => {
                let closed = i64::try_from(self.resolutions.len()).unwrap_or(i64::MAX);
                vec![Some(closed), median(&mut self.resolutions), p90(&mut self.resolutions)]
            }
            Kind::Workload | Kind::Accounts | Kind::Tags => {
                vec![open, Some(self.waiting), opened, closed, received, answers, median(&mut self.responses)]
            }
        }
    }
}

/// Which rows a case counts in.
enum Groups {
    Time(Vec<Period>),
    Things {
        by: By,
        names: Vec<(Option<i64>, Option<String>)>,
        by_id: HashMap<i64, usize>,
        by_case: HashMap<i64, Vec<usize>>,
    },
}

impl Groups {
    fn of(asked: &Asked, facts: &Facts) -> Option<Groups> {
        if asked.by.is_time() {
            return periods::periods(&asked.range, asked.by, &asked.zone).map(Groups::Time);
        }
        let mut names: Vec<(Option<i64>, Option<String>)> = vec![(None, None)];
        let (mut by_id, mut by_case) = (HashMap::new(), HashMap::<i64, Vec<usize>>::new());
        let named: &[Named] = match asked.by {
            By::User => &facts.users,
            By::Team => &facts.teams,
            By::Account => &facts.accounts,
            By::Tag | By::Day | By::Week | By::Month => &[],
        };
        for (id, name) in named {
            by_id.insert(*id, names.len());
            names.push((Some(*id), Some(name.clone())));
        }
        if asked.by == By::Team {
            for (case, team) in &facts.teams_of_cases {
                by_case.entry(*case).or_default().extend(by_id.get(team));
            }
        }
        if asked.by == By::Tag {
            let mut by_tag: BTreeMap<&str, usize> = BTreeMap::new();
            for (case, tag) in &facts.tags_of_cases {
                let place = *by_tag.entry(tag).or_insert_with(|| {
                    names.push((None, Some(tag.clone())));
                    names.len() - 1
                });
                by_case.entry(*case).or_default().push(place);
            }
        }
        Some(Groups::Things { by: asked.by, names, by_id, by_case })
    }

    fn len(&self) -> usize {
        match self {
            Groups::Time(periods) => periods.len(),
            Groups::Things { names, .. } => names.len(),
        }
    }

    /// Calls for each row that something counts in which happened to a case at a moment; a letter is its writer's.
    fn each(&self, case: &CaseFacts, at: i64, writer: Option<Option<i64>>, mut call: impl FnMut(usize)) {
        match self {
            Groups::Time(periods) => periods::find(periods, at).into_iter().for_each(call),
            Groups::Things { by, by_id, by_case, .. } => {
                let thing = match by {
                    By::User => writer.unwrap_or(case.assigned_user_id),
                    By::Account => case.account_id,
                    By::Team | By::Tag | By::Day | By::Week | By::Month => {
                        let places = by_case.get(&case.id).map(Vec::as_slice).unwrap_or(&[0]);
                        return places.iter().for_each(|place| call(*place));
                    }
                };
                call(thing.and_then(|id| by_id.get(&id)).copied().unwrap_or(0));
            }
        }
    }

    /// The row of a place without its figures, and when it ends.
    fn row(&self, place: usize, end: i64) -> (Row, i64) {
        let empty = Row { name: None, id: None, period: None, values: Vec::new(), trend: Vec::new() };
        match self {
            Groups::Time(periods) => {
                let period = periods.get(place).cloned();
                let end = period.as_ref().map_or(end, |period| period.at.end);
                (Row { name: period.as_ref().map(|period| period.name.clone()), period, ..empty }, end)
            }
            Groups::Things { names, .. } => {
                let (id, name) = names.get(place).cloned().unwrap_or_default();
                (Row { id, name, ..empty }, end)
            }
        }
    }
}

struct Adder<'f> {
    groups: Groups,
    range: Range<i64>,
    /// A row for each group, and one for all.
    sums: Vec<Sums>,
    /// The steps of trends; none = there are no trends.
    steps: Vec<Period>,
    cases: HashMap<i64, &'f CaseFacts>,
}

impl Adder<'_> {
    /// Adds something to the rows that it counts in, and to all.
    fn add(&mut self, case: &CaseFacts, at: i64, writer: Option<Option<i64>>, add: impl Fn(&mut Sums)) {
        if !self.range.contains(&at) {
            return;
        }
        let all = self.groups.len();
        let sums = &mut self.sums;
        self.groups.each(case, at, writer, |place| sums.get_mut(place).into_iter().for_each(&add));
        sums.get_mut(all).into_iter().for_each(&add);
    }

    /// One more in the step of a trend in which a moment lies.
    fn step(&mut self, case: &CaseFacts, at: i64, writer: Option<Option<i64>>) {
        if let Some(step) = periods::find(&self.steps, at) {
            self.add(case, at, writer, |sums| sums.trend.get_mut(step).into_iter().for_each(|number| *number += 1));
        }
    }

    /// Counts a case as open at the ends at which it was.
    fn open(&mut self, case: &CaseFacts) {
        let was_open = |at: i64| case.created_at < at && case.closed_at.is_none_or(|closed| closed >= at);
        let waits = case.closed_at.is_none() && case.waiting_since.is_some();
        let (all, end) = (self.groups.len(), self.range.end);
        match &self.groups {
            Groups::Time(periods) => {
                let first = periods.partition_point(|period| period.at.end <= case.created_at);
                let rows = periods.iter().zip(&mut self.sums).skip(first);
                let open = rows.take_while(|(period, _)| was_open(period.at.end));
                open.for_each(|(_, sums)| sums.has_open(case, waits));
            }
            groups if was_open(end) => {
                let sums = &mut self.sums;
                groups.each(case, end, None, |place| {
                    sums.get_mut(place).into_iter().for_each(|sums| sums.has_open(case, waits));
                });
            }
            Groups::Things { .. } => {}
        }
        if was_open(end) {
            self.sums.get_mut(all).into_iter().for_each(|sums| sums.has_open(case, waits));
        }
    }
}

/// Makes a report; `None` = it would have too many periods.
pub fn report(asked: Asked, facts: &Facts) -> Option<Report> {
    let range = asked.range.start.as_second()..asked.range.end.as_second();
    let groups = Groups::of(&asked, facts)?;
    let step = asked.kind.has_trend().then(|| periods::usual(&asked.range));
    let steps = step.map_or_else(|| Some(Vec::new()), |step| periods::periods(&asked.range, step, &asked.zone))?;
    let empty = Sums { trend: vec![0; steps.len()], ..Sums::default() };
    let sums = vec![empty; groups.len() + 1];
    let cases = facts.cases.iter().map(|case| (case.id, case)).collect();
    let mut adder = Adder { groups, range, sums, steps, cases };
    add_cases(&mut adder, asked.kind, facts);
    add_letters(&mut adder, asked.kind, facts);
    Some(adder.into_report(asked, step))
}

fn add_cases(adder: &mut Adder<'_>, kind: Kind, facts: &Facts) {
    // What has not gone out comes after every answer.
    let mut first: HashMap<i64, (i64, i64)> = HashMap::new();
    for wait in &facts.waits {
        let answer = (wait.until.unwrap_or(i64::MAX), wait.since);
        first.entry(wait.case_id).and_modify(|first| *first = answer.min(*first)).or_insert(answer);
    }
    for case in &facts.cases {
        adder.add(case, case.created_at, None, |sums| sums.opened += 1);
        if kind != Kind::Workload {
            adder.step(case, case.created_at, None);
        }
        adder.open(case);
        if let Some(closed_at) = case.closed_at {
            adder.add(case, closed_at, None, |sums| sums.closed += 1);
            if case.status == CaseStatus::Closed {
                let lasted = (closed_at - case.created_at).max(0);
                adder.add(case, closed_at, None, |sums| sums.resolutions.push(lasted));
            }
        }
        // Nobody owes an answer to spam, and the other case has that of a duplicate.
        let owes = !matches!(case.status, CaseStatus::Rejected | CaseStatus::Duplicate);
        let lasted = |until: i64, since: i64| (until < i64::MAX).then_some(until - since);
        let answer = first.get(&case.id).map(|(until, since)| (*since, lasted(*until, *since)));
        let asked = answer.or_else(|| case.waiting_since.map(|since| (since, None)));
        if let Some((since, lasted)) = asked.filter(|_| owes) {
            adder.add(case, since, None, |sums| {
                sums.asked += 1;
                sums.responses.extend(lasted);
            });
        }
    }
}

fn add_letters(adder: &mut Adder<'_>, kind: Kind, facts: &Facts) {
    for letter in &facts.letters {
        let Some(case) = adder.cases.get(&letter.case_id).copied() else { continue };
        // A colleague who asks for help writes as a customer.
        let is_ours = letter.is_sent || (letter.writer.is_some() && letter.writer != case.requester_user_id);
        if is_ours {
            adder.add(case, letter.at, Some(letter.writer), |sums| sums.answers += 1);
            if kind == Kind::Workload {
                adder.step(case, letter.at, Some(letter.writer));
            }
        } else {
            adder.add(case, letter.at, None, |sums| sums.received += 1);
        }
    }
}

impl Adder<'_> {
    fn into_report(self, asked: Asked, step: Option<By>) -> Report {
        let Adder { groups, range, mut sums, .. } = self;
        let all = sums.pop().unwrap_or_default();
        let row = |place: usize, mut sums: Sums| {
            let (row, end) = groups.row(place, range.end);
            Row { values: sums.values(asked.kind, end), trend: sums.trend, ..row }
        };
        let total = Row { name: None, id: None, period: None, ..row(usize::MAX, all) };
        let mut rows: Vec<Row> = sums.into_iter().enumerate().map(|(place, sums)| row(place, sums)).collect();
        if !asked.by.is_time() {
            rows.retain(|row| row.values.iter().flatten().any(|value| *value != 0));
            let main = |row: &Row| row.values.get(asked.kind.main()).copied().flatten();
            let name = |row: &Row| (row.name.is_none(), row.name.as_deref().unwrap_or_default().to_lowercase());
            rows.sort_by(|one, other| main(other).cmp(&main(one)).then_with(|| name(one).cmp(&name(other))));
        }
        Report { asked, rows, total, step }
    }
}
