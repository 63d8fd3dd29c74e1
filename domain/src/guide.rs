//! What people learn from, and who wants somebody to come and show it: the pages the city writes itself, and visits.
//!
//! Invariant: what a person typed stands here only as long as the entry it came from has its words.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// A page that the city writes itself.
    GuidePage {
        /// 使い分け: when to telephone, chat or meet.
        Contact = "contact",
        /// 職種間の共通言語: medical and care words.
        Glossary = "glossary",
    }
}

words! {
    /// How a support visit (伴走支援) ended.
    VisitOutcome {
        /// They can do it themselves now.
        Settled = "settled",
        /// Somebody comes again.
        Again = "again",
        /// A telephone call was enough.
        ByPhone = "by_phone",
        /// It is not wanted any more.
        Declined = "declined",
    }
}

/// A page as the city last wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditedPage {
    /// Its words; `None` after redaction: then the page stands as it came.
    pub text: Option<String>,
    /// How often it was written.
    pub revision: u32,
    /// When it was written last.
    pub at: Timestamp,
    /// The entry with the words.
    pub seq: u64,
}

/// One visit, or what took its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// On which day.
    pub on: Date,
    /// How it ended.
    pub outcome: VisitOutcome,
    /// What was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The entry that says so.
    pub seq: u64,
}

/// One wish for support, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupportCase {
    /// When the facility asked; `None`: somebody came without being asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// What they would like to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The entry that began it.
    pub seq: u64,
    /// Visits, in the order they were noted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub visits: Vec<Visit>,
}

impl SupportCase {
    /// Whether somebody is still to come.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.visits.last().is_none_or(|visit| visit.outcome == VisitOutcome::Again)
    }
}

/// Everything about support visits at one facility.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Support {
    /// Its wishes, the oldest first.
    pub cases: Vec<SupportCase>,
}

impl Support {
    /// The wish that is still open; there is never more than one.
    #[must_use]
    pub fn open(&self) -> Option<&SupportCase> {
        self.cases.last().filter(|case| case.is_open())
    }

    pub(crate) fn ask(&mut self, at: Timestamp, note: Option<String>, seq: u64) {
        if self.open().is_none() && self.cases.iter().all(|case| case.seq != seq) {
            self.cases.push(SupportCase { asked_at: Some(at), note, seq, visits: Vec::new() });
        }
    }

    pub(crate) fn visit(&mut self, visit: Visit) {
        let seq = visit.seq;
        if self.cases.iter().flat_map(|case| &case.visits).any(|known| known.seq == seq) {
            return;
        }
        match self.cases.last_mut().filter(|case| case.is_open()) {
            Some(case) => case.visits.push(visit),
            None => self.cases.push(SupportCase { asked_at: None, note: None, seq, visits: vec![visit] }),
        }
    }

    /// Forgets the words of one entry.
    pub(crate) fn redact(&mut self, seq: u64) {
        for case in &mut self.cases {
            if case.seq == seq {
                case.note = None;
            }
            for visit in case.visits.iter_mut().filter(|visit| visit.seq == seq) {
                visit.note = None;
            }
        }
    }

    pub(crate) fn holds_words_of(&self, seq: u64) -> bool {
        self.cases.iter().any(|case| {
            (case.seq == seq && case.note.is_some()) || case.visits.iter().any(|visit| visit.seq == seq && visit.note.is_some())
        })
    }
}
