//! `log verify`: walks the chain and says whether it is whole, and if not, where it breaks first.
//!
//! It exists so that a change of the past cannot go unnoticed. Invariant: a log that verifies against a head noted
//! elsewhere holds, up to that head, exactly the entries that were appended; only erased texts may be missing, and each
//! of them is owned up to by a redaction entry.

use std::collections::BTreeSet;

use super::chain::{self, GENESIS, Hash, Link};
use super::database::Database;
use super::error::StoreError;
use super::record::{REDACTED_KIND, Record, head_of, record_of, redaction_subject, saturating};
use super::statements;

/// Rows in memory at a time.
const PAGE: u32 = 512;

/// A hash that somebody wrote down when it was the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotedHead {
    /// The position, when it was written down too.
    pub seq: Option<u64>,
    /// The hash.
    pub hash: Hash,
}

/// What a walk over the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The chain is whole, and the noted head (if one was given) is part of it.
    Verified {
        /// Position and hash of the last entry; `None` on an empty log.
        head: Option<(u64, Hash)>,
        /// How many entries have had their text erased.
        redacted: u64,
    },
    /// The chain does not hold.
    Broken {
        /// The first position that is wrong.
        seq: u64,
        /// What is wrong there, for an operator.
        why: String,
    },
}

fn broken(seq: u64, why: impl Into<String>) -> Verdict {
    Verdict::Broken { seq, why: why.into() }
}

pub(super) async fn verify(
    database: &Database,
    noted: Option<NotedHead>,
    mut progress: impl FnMut(u64, u64) + Send,
) -> Result<Verdict, StoreError> {
    // Before the head: what is appended in between then stands behind this row, never behind the head.
    let last_seq: Option<i64> = match database.fetch_optional(statements::LAST_SEQ, &[]).await {
        Ok(row) => row.and_then(|row| row.column(0).ok()).flatten(),
        // The walk finds the place.
        Err(StoreError::Corrupt { .. }) => None,
        Err(error) => return Err(error),
    };
    let last_seq = last_seq.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(0);
    let Some(row) = database.fetch_optional(statements::HEAD, &[]).await? else {
        return Ok(broken(1, "the head is missing"));
    };
    let Ok((head_seq, head_hash)) = head_of(&row) else {
        return Ok(broken(1, "the head is unreadable"));
    };

    let mut walk = Walk::new(noted);
    while walk.next_seq <= head_seq {
        progress(walk.next_seq - 1, head_seq);
        let page = [saturating(walk.next_seq).into(), i64::from(PAGE).into()];
        let rows = match database.fetch_all(statements::ENTRIES_FROM, &page).await {
            Ok(rows) => rows,
            Err(StoreError::Corrupt { source }) => {
                return Ok(broken(walk.next_seq, format!("the database is damaged here or later: {source}")));
            }
            Err(error) => return Err(error),
        };
        if rows.is_empty() {
            return Ok(broken(walk.next_seq, format!("the entry is missing (the head stands at {head_seq})")));
        }
        for row in &rows {
            // Appended since we looked at the head.
            if walk.next_seq > head_seq {
                break;
            }
            let (record, salt) = match record_of(row) {
                Ok(read) => read,
                Err(_) => return Ok(broken(walk.next_seq, "the entry holds values of another type")),
            };
            if let Err(why) = walk.step(&record, salt.as_deref()) {
                return Ok(broken(walk.next_seq, why));
            }
        }
    }
    progress(head_seq, head_seq);

    if last_seq > head_seq {
        return Ok(broken(head_seq + 1, format!("the entry stands behind the head ({head_seq})")));
    }
    if walk.previous != head_hash {
        return Ok(broken(head_seq, "the head has another hash than the last entry"));
    }
    for seq in &walk.unexplained {
        // Redacted while we walked: the explaining entry stands behind the head we started with.
        let subject = redaction_subject(*seq);
        let values = [subject.as_str().into(), REDACTED_KIND.into(), saturating(head_seq).into()];
        let explained = database.fetch_optional(statements::REDACTION_OF, &values).await?.is_some();
        if !explained {
            return Ok(broken(*seq, "the text is gone, and no redaction tells why"));
        }
    }
    if let Some(noted) = walk.noted {
        let seq = noted.seq.unwrap_or(head_seq);
        return Ok(broken(seq, "the noted head is not part of this chain: it was rewritten or cut"));
    }
    Ok(Verdict::Verified { head: (head_seq > 0).then_some((head_seq, head_hash)), redacted: walk.redacted })
}

struct Walk {
    next_seq: u64,
    previous: Hash,
    /// Until it is met.
    noted: Option<NotedHead>,
    /// Entries without their text for which no redaction entry has come yet.
    unexplained: BTreeSet<u64>,
    redacted: u64,
}

impl Walk {
    fn new(noted: Option<NotedHead>) -> Self {
        Self { next_seq: 1, previous: GENESIS, noted, unexplained: BTreeSet::new(), redacted: 0 }
    }

    fn step(&mut self, record: &Record, salt: Option<&[u8]>) -> Result<(), &'static str> {
        if record.seq != self.next_seq {
            return Err("the entry is missing");
        }
        let hash = Link {
            seq: record.seq,
            id: record.id,
            recorded_at_us: record.recorded_at.as_microsecond(),
            actor: &record.actor,
            channel: &record.channel,
            kind: &record.kind,
            subject: &record.subject,
            digest: record.digest.as_deref(),
            facts: &record.facts,
            text_hash: record.text_hash.as_ref(),
        }
        .hash_after(&self.previous);
        if hash != record.hash {
            return Err("the entry was changed, moved, or does not follow the one before it");
        }
        match (&record.text, salt, &record.text_hash) {
            (Some(text), Some(salt), Some(text_hash)) if chain::text_hash(salt, text) == *text_hash => {}
            (None, None, None) => {}
            (None, None, Some(_)) => {
                self.redacted += 1;
                self.unexplained.insert(record.seq);
            }
            _ => return Err("the text was changed"),
        }
        if record.kind == REDACTED_KIND
            && let Some(seq) = record.subject.strip_prefix("entry:").and_then(|seq| seq.parse::<u64>().ok())
        {
            self.unexplained.remove(&seq);
        }
        if self.noted.is_some_and(|noted| noted.hash == hash && noted.seq.is_none_or(|seq| seq == record.seq)) {
            self.noted = None;
        }
        self.previous = hash;
        self.next_seq += 1;
        Ok(())
    }
}
