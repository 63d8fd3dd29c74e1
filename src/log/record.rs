//! What stands on the log: plain records, and how they come out of a row.
//!
//! They exist apart from the domain's entries so that neither storage nor domain changes because of the other. Invariant:
//! a row that does not decode is damage, never a default.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use uuid::Uuid;

use super::chain::Hash;
use super::driver::Row;
use super::error::StoreError;

/// Kind of the entries that [`Log::append_redaction`](super::Log::append_redaction) writes.
pub const REDACTED_KIND: &str = "redacted";

/// Subject of the entry that tells of the redaction of entry `seq`.
#[must_use]
pub fn redaction_subject(seq: u64) -> String {
    format!("entry:{seq}")
}

/// A time as the log keeps it, in whole microseconds.
///
/// Whoever folds an entry without reading it back must use the same time, or a replay gives another board.
#[must_use]
pub fn stored_precision(time: Timestamp) -> Timestamp {
    // Cutting off digits cannot leave the range, so the fallback is never taken.
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// Where a log is kept. Shown to people without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabasePlace {
    /// A file on a local disk; its `-wal` and `-shm` stand beside it.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server.
    Postgres(PostgresUrl),
}

impl fmt::Display for DatabasePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

impl From<&Path> for DatabasePlace {
    fn from(path: &Path) -> Self {
        Self::Sqlite(path.to_owned())
    }
}

/// The address of a PostgreSQL database: `postgres://user:password@host:port/database?options`.
///
/// It may hold a password, so what is printed of it, for people and for engineers, stops before one could stand.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    /// Takes an address as it was written; whether a server is there shows when the log is opened.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The whole text, for the one place that connects.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(url) = url::Url::parse(&self.0) else { return f.write_str("postgres://…") };
        f.write_str("postgres://")?;
        if !url.username().is_empty() {
            write!(f, "{}@", url.username())?;
        }
        f.write_str(url.host_str().unwrap_or_default())?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        // Not the options: a password may stand among them, too.
        f.write_str(url.path())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What a log is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Creates or upgrades the database when needed. The caller holds the lock of the data folder.
    Write,
    /// Changes nothing; works beside a writer in another process.
    Read,
}

/// An entry on its way to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Chosen by the sender; a second entry with the same id is a [`StoreError::Conflict`].
    pub id: Uuid,
    /// When we received it; kept in whole microseconds, see [`stored_precision`].
    pub recorded_at: Timestamp,
    /// Opaque id of who acted; names of people live elsewhere.
    pub actor: String,
    /// How it reached us.
    pub channel: String,
    /// What sort of entry it is.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// The structured part as canonical JSON. It stays for good: nothing a person typed freely belongs here.
    pub facts: String,
    /// Tells "the same request again" from "the same id with other content". It survives a redaction, so where the
    /// request held typed text it must be a keyed hash; a plain one would let a guesser confirm a name.
    pub digest: Option<String>,
    /// What a person typed; can be erased by a redaction.
    pub text: Option<String>,
}

/// An entry on the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Position, gapless from 1.
    pub seq: u64,
    /// Chosen by the sender.
    pub id: Uuid,
    /// When we received it, in whole microseconds.
    pub recorded_at: Timestamp,
    /// Opaque id of who acted.
    pub actor: String,
    /// How it reached us.
    pub channel: String,
    /// What sort of entry it is.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Canonical JSON.
    pub facts: String,
    /// See [`NewRecord::digest`].
    pub digest: Option<String>,
    /// What a person typed; `None` when nothing was typed or it was erased.
    pub text: Option<String>,
    /// Proves the text; `None` when nothing was typed.
    pub text_hash: Option<Hash>,
    /// Proves this entry and all before it.
    pub hash: Hash,
    /// Something was typed and has been erased.
    pub redacted: bool,
}

impl Record {
    /// What it says, without what proves it.
    #[must_use]
    pub fn said(&self) -> Said<'_> {
        Said {
            seq: self.seq,
            id: self.id,
            recorded_at: self.recorded_at,
            actor: &self.actor,
            channel: &self.channel,
            kind: &self.kind,
            facts: &self.facts,
            text: self.text.as_deref(),
        }
    }
}

/// What an entry on the log says, as a fold reads it; each field is that of [`Record`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they stand at the fields of Record")]
pub struct Said<'a> {
    pub seq: u64,
    pub id: Uuid,
    pub recorded_at: Timestamp,
    pub actor: &'a str,
    pub channel: &'a str,
    pub kind: &'a str,
    pub facts: &'a str,
    pub text: Option<&'a str>,
}

/// Neighbouring entries, as the database gave them: nothing is copied out of them before it is looked at.
#[derive(Debug)]
pub struct Page(pub(super) Vec<Row>);

impl Page {
    /// How many entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] in place of one that does not decode.
    pub fn iter(&self) -> impl Iterator<Item = Result<Said<'_>, StoreError>> {
        self.0.iter().map(said_of)
    }

    /// The position of the newest; `None` of no entries.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it does not decode.
    pub fn last_seq(&self) -> Result<Option<u64>, StoreError> {
        self.0.last().map(seq_of).transpose()
    }
}

/// Where an entry came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Position, gapless from 1.
    pub seq: u64,
    /// Proves the entry and all before it.
    pub hash: Hash,
}

/// What a redaction achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redaction {
    /// The entry that tells of the redaction.
    pub appended: Appended,
    /// Nothing is left in SQLite's files either; in PostgreSQL nothing is left in the table, while the server's write-ahead
    /// files, archives, standbys and backups are beyond our reach (a warning says so). When `false` (somebody in another
    /// process was reading), [`Log::scrub`](super::Log::scrub) finishes the work, and so does the next opening for writing.
    pub is_scrubbed: bool,
}

/// The health of one device. Telemetry: not on the log and allowed to be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceState {
    /// Name of the device on the wire.
    pub device: String,
    /// When anything came from it, in whole microseconds.
    pub last_heard_at: Option<Timestamp>,
    /// 0 to 100.
    pub battery_pct: Option<u8>,
    /// What it or its last will said, for example `online`.
    pub availability: Option<String>,
    /// Everything else as JSON.
    pub json: String,
}

/// Positions beyond the range of the database are beyond the end of every log.
pub(super) fn saturating(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

pub(super) fn corrupt(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Corrupt { source: Box::new(error) }
}

pub(super) fn timestamp(microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds).map_err(corrupt)
}

fn hash_of(row: &Row, column: usize) -> Result<Hash, StoreError> {
    row.column::<&[u8]>(column)?.try_into().map_err(corrupt)
}

fn seq_of(row: &Row) -> Result<u64, StoreError> {
    u64::try_from(row.column::<i64>(0)?).map_err(corrupt)
}

/// What the entry in a row says. The order of columns is that of `statements::FACTS_FROM`.
fn said_of(row: &Row) -> Result<Said<'_>, StoreError> {
    Ok(Said {
        seq: seq_of(row)?,
        id: Uuid::from_slice(row.column(1)?).map_err(corrupt)?,
        recorded_at: timestamp(row.column(2)?)?,
        actor: row.column(3)?,
        channel: row.column(4)?,
        kind: row.column(5)?,
        facts: row.column(6)?,
        text: row.column(7)?,
    })
}

/// Position and hash from a row that holds these two.
pub(super) fn head_of(row: &Row) -> Result<(u64, Hash), StoreError> {
    Ok((seq_of(row)?, hash_of(row, 1)?))
}

/// The entry in a row, and the salt beside its text. The order of columns is that of `statements`.
pub(super) fn record_of(row: &Row) -> Result<(Record, Option<Vec<u8>>), StoreError> {
    let text: Option<String> = row.column(9)?;
    let text_hash = row.column::<Option<&[u8]>>(11)?.map(Hash::try_from).transpose().map_err(corrupt)?;
    let record = Record {
        seq: seq_of(row)?,
        id: Uuid::from_slice(row.column(1)?).map_err(corrupt)?,
        recorded_at: timestamp(row.column(2)?)?,
        actor: row.column(3)?,
        channel: row.column(4)?,
        kind: row.column(5)?,
        subject: row.column(6)?,
        facts: row.column(7)?,
        digest: row.column(8)?,
        redacted: text.is_none() && text_hash.is_some(),
        text,
        text_hash,
        hash: hash_of(row, 12)?,
    };
    Ok((record, row.column(10)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (written, shown) in [
            ("postgres://ima:geheim@db.example:5433/city?sslmode=require", "postgres://ima@db.example:5433/city"),
            ("postgresql://db/city?password=geheim&user=ima", "postgres://db/city"),
            ("postgres://ima:ge heim@@/", "postgres://…"),
        ] {
            let url = PostgresUrl::new(written);
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
            assert_eq!(DatabasePlace::Postgres(url).to_string(), shown);
        }
    }
}
