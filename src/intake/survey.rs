//! What is new in a folder (B2.2, B2.3): by UIDVALIDITY and UID alone, not by anything else the server says of itself.
//!
//! UIDNEXT and EXISTS are hints. They save the question where both say that nothing is new, and they cause a second one
//! where the answer does not fit to them; the watermark moves over what was seen in a list. What contradicts itself to the
//! end is an error of the folder: nothing is missed in silence.

use anyhow::Result;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::session_desk::{Desk, Start};
use crate::net::{Listed, Listing, MailSource, NetError, NetErrorKind, OpenFolder};
use crate::store::accounts::Folder;
use crate::store::deliveries::Recorded;

/// Maximum number of messages that the first poll lists instead of searching: a list can be counted.
const SMALL: u32 = 1_000;

/// What was found in a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// What is to be fetched, ascending.
    pub(super) new: Vec<Listed>,
    /// The watermark may move up to here, once all of this is in the ledger.
    pub(super) seen: u32,
    /// Messages from before fetch-since among what was listed.
    pub(super) left_out: u32,
    /// Messages that the folder has now.
    pub(super) messages: Option<u32>,
    /// The server contradicts itself: told when what it does list has been fetched, without moving the watermark.
    pub(super) fault: Option<NetError>,
}

/// Looks for what is new in the open folder.
pub(super) fn look(
    source: &mut dyn MailSource,
    fetch_since: Timestamp,
    folder: &str,
    open: OpenFolder,
    desk: &mut dyn Desk,
) -> Result<Survey> {
    let mut poll = Poll { source, fetch_since, folder, open, desk };
    let known = poll.desk.opened(folder, open.uidvalidity)?;
    let renumbered = known.is_some();
    if let Some(start) = known
        && let Some(survey) = poll.again(&start)?
    {
        return Ok(survey);
    }
    poll.first(renumbered)
}

/// Everything in the open folder that the account is to have, ascending; up to `past_uid` fetch-since decides.
pub(super) fn everything(
    source: &mut dyn MailSource,
    fetch_since: Timestamp,
    open: OpenFolder,
    past_uid: u32,
) -> Result<Vec<Listed>> {
    if open.exists == 0 {
        return Ok(Vec::new());
    }
    let mut listed = since(source, fetch_since, 0, past_uid)?;
    listed.extend(source.list(past_uid.saturating_add(1))?.rows);
    Ok(listed)
}

/// What a poll of the open folder would fetch, as far as the server can be believed; nothing is remembered.
pub(super) fn waiting(
    source: &mut dyn MailSource,
    fetch_since: Timestamp,
    open: OpenFolder,
    folder: &Folder,
) -> Result<Vec<Listed>> {
    if open.exists == 0 {
        return Ok(Vec::new());
    }
    let known = folder.uidvalidity == Some(open.uidvalidity);
    let newest = open.uidnext.map_or(u32::MAX - 1, |next| next.saturating_sub(1));
    let (last_uid, past_uid) = if known { (folder.last_uid, folder.past_uid) } else { (0, newest) };
    let mut listed = if last_uid < past_uid { since(source, fetch_since, last_uid, past_uid)? } else { Vec::new() };
    let above = last_uid.max(past_uid).saturating_add(1);
    if open.uidnext.is_none_or(|next| next > above) {
        listed.extend(source.list(above)?.rows);
    }
    Ok(listed)
}

struct Poll<'a> {
    source: &'a mut dyn MailSource,
    fetch_since: Timestamp,
    folder: &'a str,
    open: OpenFolder,
    desk: &'a mut dyn Desk,
}

impl Poll<'_> {
    /// Nothing is known of this folder, or of its numbers: what lies there now is the past.
    fn first(&mut self, renumbered: bool) -> Result<Survey> {
        let OpenFolder { uidvalidity, uidnext, exists } = self.open;
        let before_next = uidnext.map_or(0, |next| next.saturating_sub(1));
        let begin = |poll: &mut Self, newest: u32| {
            poll.desk.begin(poll.folder, uidvalidity, newest.max(before_next), renumbered)
        };
        if exists == 0 {
            let start = begin(self, 0)?;
            return Ok(self.again(&start)?.unwrap_or_default());
        }
        if exists > SMALL {
            let newest = self.newest()?;
            let start = begin(self, newest)?;
            return self.narrowed(&start, newest);
        }
        let answer = self.ask(0, exists)?;
        let start = begin(self, answer.highest)?;
        self.judge(&start, exists, answer)
    }

    /// The folder has been polled; nothing where it turns out to be renumbered.
    fn again(&mut self, start: &Start) -> Result<Option<Survey>> {
        let OpenFolder { uidnext, exists, .. } = self.open;
        // A UIDNEXT that is not above the highest known UID says nothing.
        let next = uidnext.filter(|next| *next > start.last_uid);
        let says_nothing_new = next == Some(start.last_uid.saturating_add(1));
        let nothing = Survey { seen: start.last_uid, messages: Some(exists), ..Survey::default() };
        if exists == 0 {
            let claims_more = next.is_some() && !says_nothing_new;
            return if claims_more { self.against_exists(start).map(Some) } else { Ok(Some(nothing)) };
        }
        let Some(messages) = start.messages else {
            if start.last_uid < start.past_uid && exists > SMALL {
                let newest = self.newest()?;
                return self.narrowed(start, newest).map(Some);
            }
            let expected = if start.last_uid == 0 { exists } else { 0 };
            return self.listed(start, expected);
        };
        let grown = exists.saturating_sub(messages);
        if says_nothing_new && grown == 0 { Ok(Some(nothing)) } else { self.listed(start, grown) }
    }

    /// Lists from the newest known message on; at least `expected` are new. Nothing where the folder was renumbered.
    fn listed(&mut self, start: &Start, expected: u32) -> Result<Option<Survey>> {
        let answer = self.ask(start.last_uid, expected)?;
        if let Some(known) = answer.known
            && self.is_another(&known, Strict::Both)?
        {
            return Ok(None);
        }
        if answer.above.is_empty() && answer.highest < start.last_uid && self.is_renumbered(start, &answer)? {
            return Ok(None);
        }
        self.judge(start, expected, answer).map(Some)
    }

    /// What lies above a UID, by FETCH; where that does not fit to what the server says of the folder, by SEARCH as well.
    fn ask(&mut self, last_uid: u32, expected: u32) -> Result<Answer> {
        let Listing { rows, below, nameless } = self.source.list(last_uid.max(1))?;
        let (known, mut above): (Vec<Listed>, Vec<Listed>) = rows.into_iter().partition(|row| row.uid <= last_uid);
        let known = known.last().copied();
        let mut highest = above.last().copied().or(known).or(below).map(|message| message.uid);
        let mut is_whole = !are_fewer(&above, expected);
        if highest.is_none() || nameless > 0 || are_fewer(&above, expected) {
            let found = self.source.search_all()?.unwrap_or_default();
            highest = highest.max(found.last().copied());
            is_whole = u32::try_from(found.len()).is_ok_and(|count| count >= self.open.exists);
            let is_missing =
                |uid: &u32| *uid > last_uid && above.binary_search_by_key(uid, |message| message.uid).is_err();
            let missing: Vec<u32> = found.into_iter().filter(is_missing).collect();
            above.extend(list_found(self.source, &missing)?);
            above.sort_by_key(|message| message.uid);
        }
        let highest = highest.ok_or_else(|| self.lists_none())?;
        Ok(Answer { above, known, below, highest, is_whole })
    }

    /// What of an answer is to be fetched.
    fn judge(&mut self, start: &Start, expected: u32, answer: Answer) -> Result<Survey> {
        let mut new = answer.above;
        let fault = (are_fewer(&new, expected) && !answer.is_whole).then(|| {
            let words = format!("the server says that {expected} messages have come, and lists {}", new.len());
            NetError::new(NetErrorKind::Folder, words)
        });
        let messages = Some(self.now_there(start, &new));
        let all = new.len();
        new.retain(|message| message.uid > start.past_uid || is_since(message, self.fetch_since));
        let left_out = u32::try_from(all - new.len())?;
        new.retain(|message| start.known.binary_search(&message.uid).is_err());
        if fault.is_some() {
            return Ok(Survey { new, seen: start.last_uid, left_out: 0, messages: start.messages, fault });
        }
        Ok(Survey { new, seen: answer.highest.max(start.last_uid), left_out, messages, fault })
    }

    /// The highest UID that is there is below the highest known one: a message was moved away or deleted, which is
    /// nothing, or the server has begun to count again.
    fn is_renumbered(&mut self, start: &Start, answer: &Answer) -> Result<bool> {
        if let Some(next) = self.open.uidnext {
            return Ok(next <= start.last_uid);
        }
        let message = match answer.below {
            Some(message) => Some(message),
            None => self.source.list_uids(&[answer.highest])?.pop(),
        };
        let Some(message) = message else { return Ok(false) };
        // Mail of the past is not in the ledger.
        let is_past = message.uid <= start.past_uid && message.internal_date.is_none_or(|date| date < self.fetch_since);
        Ok((!is_past || self.recorded(message.uid)?.is_some()) && self.is_another(&message, Strict::Either)?)
    }

    fn recorded(&mut self, uid: u32) -> Result<Option<Recorded>> {
        self.desk.recorded(self.folder, self.open.uidvalidity, uid)
    }

    /// Whether a UID that is known, or should be, is that of another message now.
    fn is_another(&mut self, message: &Listed, strict: Strict) -> Result<bool> {
        let Some(entry) = self.recorded(message.uid)? else {
            return Ok(strict == Strict::Either);
        };
        let size = entry.size > 0 && message.size > 0 && entry.size.unsigned_abs() != message.size;
        let date = message.internal_date.zip(entry.internal_date);
        let date = date.is_some_and(|(there, here)| there.as_second() != here.as_second());
        Ok(match strict {
            Strict::Either => size || date,
            Strict::Both => size && date,
        })
    }

    /// The folder is said to be empty, and to have given out further UIDs: they may have been moved away.
    fn against_exists(&mut self, start: &Start) -> Result<Survey> {
        let mut found = self.source.search_all()?.unwrap_or_default();
        let messages = Some(u32::try_from(found.len())?);
        let highest = found.last().copied().unwrap_or_default();
        found.retain(|uid| *uid > start.last_uid);
        let above = list_found(self.source, &found)?;
        let survey = self.judge(start, 0, Answer { above, highest, known: None, below: None, is_whole: true })?;
        Ok(Survey { messages, ..survey })
    }

    /// The first poll of a large folder: SEARCH SINCE narrows what is listed.
    fn narrowed(&mut self, start: &Start, newest: u32) -> Result<Survey> {
        let mut new = since(self.source, self.fetch_since, start.last_uid, start.past_uid)?;
        if self.open.uidnext.is_none_or(|next| next > start.past_uid.saturating_add(1)) {
            new.extend(self.source.list(start.past_uid.max(start.last_uid).saturating_add(1))?.rows);
        }
        let seen = new.last().map_or(0, |message| message.uid).max(newest).max(start.last_uid);
        let messages = Some(self.now_there(start, &new));
        new.retain(|message| start.known.binary_search(&message.uid).is_err());
        Ok(Survey { new, seen, left_out: 0, messages, fault: None })
    }

    /// The highest UID in the folder; 0 = it is empty.
    fn newest(&mut self) -> Result<u32> {
        if self.open.exists == 0 {
            return Ok(0);
        }
        let listing = self.source.list(u32::MAX - 1)?;
        let mut newest = listing.rows.last().or(listing.below.as_ref()).map(|message| message.uid);
        if newest.is_none() {
            newest = self.source.search_all()?.unwrap_or_default().last().copied();
        }
        newest.ok_or_else(|| self.lists_none())
    }

    fn lists_none(&self) -> anyhow::Error {
        let words = format!("the server says that the folder has {} messages, and lists none", self.open.exists);
        NetError::new(NetErrorKind::Folder, words).into()
    }

    /// How many messages the folder has, with those that came after it was opened.
    fn now_there(&self, start: &Start, listed: &[Listed]) -> u32 {
        let next = self.open.uidnext.filter(|next| *next > start.last_uid).unwrap_or(u32::MAX);
        let came = listed.iter().filter(|message| message.uid >= next).count();
        self.open.exists.saturating_add(u32::try_from(came).unwrap_or(u32::MAX))
    }
}

/// What the server has answered.
struct Answer {
    /// New by UID, ascending.
    above: Vec<Listed>,
    /// The newest known message, if it is still there.
    known: Option<Listed>,
    /// The highest message below it, where the server names it.
    below: Option<Listed>,
    /// The highest UID in the folder.
    highest: u32,
    /// There are as many as the server says.
    is_whole: bool,
}

/// How much of a known message must differ so that it is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strict {
    /// Size or date; so must one that is not known at all.
    Either,
    /// Size and date.
    Both,
}

fn are_fewer(listed: &[Listed], expected: u32) -> bool {
    u32::try_from(listed.len()).is_ok_and(|count| count < expected)
}

fn is_since(message: &Listed, fetch_since: Timestamp) -> bool {
    message.internal_date.is_none_or(|date| date >= fetch_since)
}

/// What lay in the folder at the first poll, above `last_uid`: SEARCH SINCE the day before narrows, INTERNALDATE decides.
fn since(source: &mut dyn MailSource, fetch_since: Timestamp, last_uid: u32, past_uid: u32) -> Result<Vec<Listed>> {
    let day_before = (fetch_since - SignedDuration::from_hours(24)).to_zoned_datetime(TimeZone::UTC).date();
    let is_past = |uid: u32| uid > last_uid && uid <= past_uid;
    let mut listed = match source.search_since(day_before)? {
        Some(mut uids) => {
            uids.retain(|uid| is_past(*uid));
            list_found(source, &uids)?
        }
        None => source.list(last_uid.saturating_add(1))?.rows,
    };
    listed.retain(|message| is_past(message.uid) && is_since(message, fetch_since));
    Ok(listed)
}

/// Lists what a search has found. What the list leaves out is fetched all the same: nothing is known of it.
fn list_found(source: &mut dyn MailSource, uids: &[u32]) -> Result<Vec<Listed>> {
    if uids.is_empty() {
        return Ok(Vec::new());
    }
    let mut listed = source.list_uids(uids)?;
    let missing = |uid: &u32| listed.binary_search_by_key(uid, |message| message.uid).is_err();
    let unknown: Vec<u32> = uids.iter().copied().filter(missing).collect();
    listed.extend(unknown.into_iter().map(|uid| Listed { uid, size: 0, internal_date: None, seen: false }));
    listed.sort_by_key(|message| message.uid);
    Ok(listed)
}
