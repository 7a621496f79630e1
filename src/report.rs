//! Reports for team leads: what came, what was answered, how long it took, and who has how much. Pure: rows of the store, a
//! range of time and a zone in, figures out, and pages and pictures of them as text.
//!
//! A day is a civil day of the zone, so that one on which the clocks change has 23 or 25 hours. Times between two moments are
//! elapsed seconds, never hours of business.

pub mod figures;
pub mod page;
pub mod periods;
pub mod plot;
pub mod statistics;
mod text;

use crate::store::label::labels;
use crate::store::reports::{CaseFacts, LetterFacts, Named, Wait};

labels! {
    /// What a report is about.
    pub enum Kind {
        /// Who has how much.
        Workload = "workload",
        /// How long customers waited for the first answer.
        FirstResponse = "first-response",
        /// How long it took until cases were closed.
        Resolution = "resolution",
        /// How many cases are open.
        Backlog = "backlog",
        /// What came and what went.
        Volume = "volume",
        /// The same by group account.
        Accounts = "accounts",
        /// The same by tag.
        Tags = "tags",
    }
}

labels! {
    /// What the rows of a report are.
    pub enum By {
        Day = "day",
        /// From Monday to Sunday.
        Week = "week",
        Month = "month",
        User = "user",
        Team = "team",
        Account = "account",
        Tag = "tag",
    }
}

impl By {
    /// Rows are times, not things.
    pub fn is_time(self) -> bool {
        matches!(self, By::Day | By::Week | By::Month)
    }

    /// What stands over the rows.
    pub fn heading(self) -> &'static str {
        match self {
            By::Day => "DAY",
            By::Week => "WEEK",
            By::Month => "MONTH",
            By::User => "USER",
            By::Team => "TEAM",
            By::Account => "ACCOUNT",
            By::Tag => "TAG",
        }
    }

    /// The row of cases that have no such thing.
    pub fn none(self) -> &'static str {
        match self {
            By::Day | By::Week | By::Month => "",
            By::User => "(nobody)",
            By::Team => "(no team)",
            By::Account => "(no account)",
            By::Tag => "(no tag)",
        }
    }
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    /// Elapsed seconds; `None` where nothing was measured.
    Seconds,
}

/// One of the numbers of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Name for programs.
    pub field: &'static str,
    /// Over a column of a terminal.
    pub heading: &'static str,
    /// On a page.
    pub words: &'static str,
    pub unit: Unit,
    /// Where there is little room, the figures with a rank go, the lowest first.
    pub rank: u8,
}

const fn count(field: &'static str, heading: &'static str, words: &'static str, rank: u8) -> Figure {
    Figure { field, heading, words, unit: Unit::Count, rank }
}

const fn span(field: &'static str, heading: &'static str, words: &'static str, rank: u8) -> Figure {
    Figure { field, heading, words, unit: Unit::Seconds, rank }
}

const VOLUME: &[Figure] = &[
    count("opened", "OPENED", "Opened", 0),
    count("closed", "CLOSED", "Closed", 0),
    count("received", "RECEIVED", "Received", 1),
    count("answers", "ANSWERS", "Answers", 2),
];
const BACKLOG: &[Figure] = &[
    count("open_count", "OPEN", "Open", 0),
    count("opened", "OPENED", "Opened", 1),
    count("closed", "CLOSED", "Closed", 2),
    span("oldest_seconds", "OLDEST", "Age of the oldest", 3),
];
const FIRST_RESPONSE: &[Figure] = &[
    count("case_count", "CASES", "Cases", 1),
    count("answered", "ANSWERED", "Answered", 2),
    count("unanswered", "UNANSWERED", "Unanswered", 3),
    span("median_seconds", "MEDIAN", "Median", 0),
    span("p90_seconds", "90%", "90th percentile", 0),
];
const RESOLUTION: &[Figure] = &[
    count("closed", "CLOSED", "Closed", 0),
    span("median_seconds", "MEDIAN", "Median", 0),
    span("p90_seconds", "90%", "90th percentile", 0),
];
const OVERVIEW: &[Figure] = &[
    count("open_count", "OPEN", "Open", 0),
    count("waiting_count", "WAITING", "Waiting", 5),
    count("opened", "OPENED", "Opened", 2),
    count("closed", "CLOSED", "Closed", 4),
    count("received", "RECEIVED", "Received", 1),
    count("answers", "ANSWERS", "Answers", 6),
    span("first_response_seconds", "FIRST REPLY", "First response", 3),
];

impl Kind {
    /// The figures of its rows in their order.
    pub fn figures(self) -> &'static [Figure] {
        match self {
            Kind::Volume => VOLUME,
            Kind::Backlog => BACKLOG,
            Kind::FirstResponse => FIRST_RESPONSE,
            Kind::Resolution => RESOLUTION,
            Kind::Workload | Kind::Accounts | Kind::Tags => OVERVIEW,
        }
    }

    /// The figure that is drawn.
    pub fn main(self) -> usize {
        match self {
            Kind::Volume | Kind::Backlog | Kind::Workload => 0,
            Kind::Resolution => 1,
            Kind::Accounts | Kind::Tags => 2,
            Kind::FirstResponse => 3,
        }
    }

    /// Rows have a course over time.
    pub fn has_trend(self) -> bool {
        matches!(self, Kind::Workload | Kind::Accounts | Kind::Tags)
    }

    pub fn title(self) -> &'static str {
        match self {
            Kind::Workload => "Workload",
            Kind::FirstResponse => "First response",
            Kind::Resolution => "Resolution",
            Kind::Backlog => "Backlog",
            Kind::Volume => "Volume",
            Kind::Accounts => "Accounts",
            Kind::Tags => "Tags",
        }
    }
}

/// What figures are made of.
#[derive(Debug, Default)]
pub struct Facts {
    pub cases: Vec<CaseFacts>,
    pub waits: Vec<Wait>,
    pub letters: Vec<LetterFacts>,
    /// Case and team.
    pub teams_of_cases: Vec<(i64, i64)>,
    /// Case and tag.
    pub tags_of_cases: Vec<(i64, String)>,
    pub users: Vec<Named>,
    pub teams: Vec<Named>,
    pub accounts: Vec<Named>,
}
