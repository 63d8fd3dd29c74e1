//! Moving a city from one database to another, SQLite or PostgreSQL: entries byte for byte, head, epoch, devices, people.
//!
//! It exists so that a city can outgrow its small PC, or come back to one. Invariant: until the copy is whole and its chain is
//! proved, the target carries a mark in the place of its format, and no version of this program opens it as a city.

use super::append::device_values;
use super::chain::Hash;
use super::database::Database;
use super::driver::{Connection, Value};
use super::error::{OpenError, StoreError};
use super::format::{COPYING, FORMAT_NAME, Identity};
use super::record::{DatabasePlace, REDACTED_KIND, Record, head_of, record_of, saturating};
use super::verify::{self, NotedHead, Verdict};
use super::{Log, SCRUB_PENDING, device_of, statements};

/// Name in `meta` of the mark that says which city is being copied, by its epoch.
const COPY_OF: &str = "copy_of";

/// Entries that share one commit: few enough to hold in memory, enough that the disk is not the limit.
const PAGE: u32 = 1_024;

/// What stands in `meta` about a database and not about the city in it.
const NOT_COPIED: &[&str] = &[FORMAT_NAME, COPY_OF, SCRUB_PENDING, "probe"];

/// How far a copy has come, in entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many of so many stand in the target.
    Copied(u64, u64),
    /// So many of so many were proved there.
    Verified(u64, u64),
}

/// A copy that is whole and proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Position and hash of the last entry, the same in both; `None` for a log without entries.
    pub head: Option<(u64, Hash)>,
    /// How many entries an earlier copy that was cut off had brought already.
    pub found: u64,
}

/// Why a city was not copied. The source is never changed; an unfinished target is recognised by every program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The target holds a city.
    #[error("{place} is not empty: it holds a city already; nothing was changed")]
    NotEmpty {
        /// The target.
        place: DatabasePlace,
    },
    /// The target holds the beginning of something else.
    #[error("{place} holds the beginning of a copy of another city; empty it, or choose another target")]
    AnotherCopy {
        /// The target.
        place: DatabasePlace,
    },
    /// The target was changed meanwhile.
    #[error("another program writes to {place}; stop it and begin with an empty target")]
    Disturbed {
        /// The target.
        place: DatabasePlace,
    },
    /// PostgreSQL cannot keep what SQLite can.
    #[error("entry {seq} holds the character U+0000, which PostgreSQL cannot keep; redact its text first")]
    Unstorable {
        /// The entry.
        seq: u64,
    },
    /// The source or the target does not prove itself.
    #[error("the copy does not hold together at entry {seq}: {why}; check the source with `imaboard log verify`")]
    Broken {
        /// The first position that is wrong.
        seq: u64,
        /// What is wrong there.
        why: String,
    },
    /// The target cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Reading or writing failed; the same command goes on where this one stopped.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for CopyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Copies a city into an empty database, up to the source's head of now, and proves the copy.
///
/// A copy that was cut off goes on where it stopped when it is asked for again. The source may be in use: it is only read,
/// and what is redacted there meanwhile is redacted in the copy, too.
///
/// # Errors
/// [`CopyError`]; the target is then no city for any program.
pub async fn copy(source: &Log, target: &DatabasePlace, mut progress: impl FnMut(Progress) + Send) -> Result<Copied, CopyError> {
    ensure_empty(target).await?;
    let mut end = source.head().await?.map_or(0, |(seq, _)| seq);
    let (database, connection, _) = Database::found(target).await?;
    let mut copy = Copy { source, target, connection, seq: 0, hash: [0; 32] };
    copy.begin().await?;
    let found = copy.seq;
    loop {
        while copy.seq < end {
            progress(Progress::Copied(copy.seq, end));
            copy.page(end).await?;
        }
        // A text that was erased while we copied is missing in the copy; the entry that says why belongs to it.
        match last_redaction(source, end).await? {
            Some(later) => end = later,
            None => break,
        }
    }
    progress(Progress::Copied(copy.seq, end));
    copy.meta_and_devices().await?;

    let head = match source.read(end, 1).await?.first() {
        Some(last) if end > 0 => Some((last.seq, last.hash)),
        _ => None,
    };
    let noted = head.map(|(seq, hash)| NotedHead { seq: Some(seq), hash });
    match verify::verify(&database, noted, |done, total| progress(Progress::Verified(done, total))).await? {
        Verdict::Verified { head: proved, .. } if proved == head => {}
        Verdict::Verified { .. } => {
            return Err(CopyError::Broken { seq: end, why: "the copy has another head than the source".to_owned() });
        }
        Verdict::Broken { seq, why } => return Err(CopyError::Broken { seq, why }),
    }
    copy.finish().await?;
    database.close().await;
    copy.connection.close().await?;
    Ok(Copied { head, found })
}

/// Looks at the target before anything is created there.
async fn ensure_empty(target: &DatabasePlace) -> Result<(), CopyError> {
    let not_empty = || CopyError::NotEmpty { place: target.clone() };
    match Database::identify(target).await? {
        Identity::Empty | Identity::HalfCopy => Ok(()),
        // Older, too: a copy that was killed between two migrations has left tables and nothing in them.
        Identity::Older | Identity::Current => {
            let (database, _) = Database::open(target).await?;
            let row = database.fetch_optional(statements::HEAD, &[]).await?;
            database.close().await;
            match row.map(|row| head_of(&row)).transpose()? {
                Some((0, _)) => Ok(()),
                _ => Err(not_empty()),
            }
        }
    }
}

async fn last_redaction(source: &Log, after: u64) -> Result<Option<u64>, StoreError> {
    let values = [REDACTED_KIND.into(), saturating(after).into()];
    let row = source.shared.database.fetch_optional(statements::LAST_OF_KIND, &values).await?;
    let seq: Option<i64> = row.map(|row| row.column(0)).transpose()?.flatten();
    Ok(seq.and_then(|seq| u64::try_from(seq).ok()))
}

struct Copy<'a> {
    source: &'a Log,
    target: &'a DatabasePlace,
    connection: Connection,
    /// Where the target's head stands, and with which hash.
    seq: u64,
    hash: Hash,
}

impl Copy<'_> {
    /// Sets the mark, or recognises the one that an earlier copy left.
    async fn begin(&mut self) -> Result<(), CopyError> {
        let epoch = self.source.epoch();
        self.connection.begin().await?;
        // Moves nothing, but holds everybody else off until the mark stands.
        (self.seq, self.hash) = self.move_head(0).await?;
        let format = self.meta(FORMAT_NAME).await?;
        if format.as_deref() == Some(COPYING) {
            if self.meta(COPY_OF).await?.as_deref() != Some(epoch.as_str()) {
                return Err(CopyError::AnotherCopy { place: self.target.clone() });
            }
        } else if self.seq > 0 {
            return Err(CopyError::NotEmpty { place: self.target.clone() });
        }
        self.save_meta(FORMAT_NAME, COPYING).await?;
        self.save_meta(COPY_OF, &epoch).await?;
        self.connection.commit().await?;
        if self.seq > 0 {
            let held = self.source.read(self.seq, 1).await?;
            if held.first().is_none_or(|record| record.seq != self.seq || record.hash != self.hash) {
                return Err(CopyError::AnotherCopy { place: self.target.clone() });
            }
        }
        Ok(())
    }

    async fn move_head(&mut self, count: u64) -> Result<(u64, Hash), CopyError> {
        let row = self.connection.fetch_optional(statements::MOVE_HEAD, &[saturating(count).into()]).await?;
        let row = row.ok_or_else(|| StoreError::Corrupt { source: "the log has no head".into() })?;
        Ok(head_of(&row)?)
    }

    async fn meta(&mut self, name: &str) -> Result<Option<String>, CopyError> {
        let row = self.connection.fetch_optional(statements::META, &[name.into()]).await?;
        Ok(row.map(|row| row.column(0)).transpose()?)
    }

    async fn save_meta(&mut self, name: &str, value: &str) -> Result<(), CopyError> {
        Ok(self.connection.execute(statements::SAVE_META, &[name.into(), value.into()]).await?)
    }

    /// Copies the next entries, at most up to `end`, in one transaction.
    async fn page(&mut self, end: u64) -> Result<(), CopyError> {
        let limit = i64::from(PAGE).min(saturating(end - self.seq));
        let values = [saturating(self.seq + 1).into(), limit.into()];
        let rows = self.source.shared.database.fetch_all(statements::ENTRIES_FROM, &values).await?;
        let entries = rows.iter().map(record_of).collect::<Result<Vec<_>, _>>()?;
        let Some((last, _)) = entries.last() else {
            return Err(CopyError::Broken { seq: self.seq + 1, why: "the entry is missing in the source".to_owned() });
        };
        if let DatabasePlace::Postgres(_) = self.target
            && let Some(seq) = entries.iter().find_map(|(record, _)| holds_nul(record).then_some(record.seq))
        {
            return Err(CopyError::Unstorable { seq });
        }
        let count = entries.len() as u64;
        if last.seq != self.seq + count {
            return Err(CopyError::Broken { seq: self.seq + 1, why: "an entry is missing in the source".to_owned() });
        }
        self.connection.begin().await?;
        if self.move_head(count).await? != (last.seq, self.hash) {
            return Err(CopyError::Disturbed { place: self.target.clone() });
        }
        let mut rest = entries.as_slice();
        while !rest.is_empty() {
            let (sql, rows) = statements::insert_entries(rest.len());
            let (now, later) = rest.split_at(rows);
            let values: Vec<Value<'_>> = now.iter().flat_map(|(record, salt)| values_of(record, salt.as_deref())).collect();
            self.connection.execute(sql, &values).await?;
            rest = later;
        }
        // An earlier copy that was cut off may have brought the text before it was erased in the source.
        for (record, _) in &entries {
            if let Some(seq) = redacted_by(record) {
                self.connection.execute(statements::ERASE_TEXT, &[saturating(seq).into()]).await?;
            }
        }
        let sealed = [last.hash.as_slice().into(), saturating(last.seq).into()];
        self.connection.execute(statements::SEAL_HEAD, &sealed).await?;
        self.connection.commit().await?;
        (self.seq, self.hash) = (last.seq, last.hash);
        Ok(())
    }

    async fn meta_and_devices(&mut self) -> Result<(), CopyError> {
        let source = &self.source.shared.database;
        let facts = source.fetch_all(statements::ALL_META, &[]).await?;
        let devices = source.fetch_all(statements::DEVICES, &[]).await?;
        self.connection.begin().await?;
        for row in &facts {
            let (name, value): (String, String) = (row.column(0)?, row.column(1)?);
            if !NOT_COPIED.contains(&name.as_str()) {
                self.save_meta(&name, &value).await?;
            }
        }
        for device in devices.iter().map(device_of) {
            self.connection.execute(statements::SAVE_DEVICE, &device_values(&device?)).await?;
        }
        self.people().await?;
        Ok(self.connection.commit().await?)
    }

    /// The people of the desk with all they come in with, except that their browsers must come in again.
    async fn people(&mut self) -> Result<(), CopyError> {
        let source = &self.source.shared.database;
        for [empty, read, write] in statements::STAFF_TABLES {
            let rows = source.fetch_all(read, &[]).await?;
            self.connection.execute(empty, &[]).await?;
            for row in &rows {
                self.connection.execute(write, &row.values()?).await?;
            }
        }
        Ok(())
    }

    /// Takes the mark away: from here on it is a city.
    async fn finish(&mut self) -> Result<(), CopyError> {
        let format = self.source.find_meta(FORMAT_NAME).await?.unwrap_or_default();
        self.connection.begin().await?;
        if self.move_head(0).await? != (self.seq, self.hash) {
            return Err(CopyError::Disturbed { place: self.target.clone() });
        }
        self.save_meta(FORMAT_NAME, &format).await?;
        self.connection.execute(statements::REMOVE_META, &[COPY_OF.into()]).await?;
        Ok(self.connection.commit().await?)
    }
}

/// The entry whose text an entry says is erased.
fn redacted_by(record: &Record) -> Option<u64> {
    (record.kind == REDACTED_KIND).then(|| record.subject.strip_prefix("entry:")?.parse().ok()).flatten()
}

fn holds_nul(record: &Record) -> bool {
    [&record.actor, &record.channel, &record.kind, &record.subject, &record.facts]
        .into_iter()
        .chain(&record.digest)
        .chain(&record.text)
        .any(|text| text.contains('\0'))
}

/// In the order of the columns in `statements`.
fn values_of<'a>(record: &'a Record, salt: Option<&'a [u8]>) -> [Value<'a>; 13] {
    [
        saturating(record.seq).into(),
        record.id.as_bytes().as_slice().into(),
        record.recorded_at.as_microsecond().into(),
        record.actor.as_str().into(),
        record.channel.as_str().into(),
        record.kind.as_str().into(),
        record.subject.as_str().into(),
        record.facts.as_str().into(),
        record.digest.as_deref().into(),
        record.text.as_deref().into(),
        salt.into(),
        record.text_hash.as_ref().map(Hash::as_slice).into(),
        record.hash.as_slice().into(),
    ]
}
