//! Why the log refused: reasons an operator can act on, not codes of a library.
//!
//! They exist so that the recorder can decide (wait, answer 503, stop) and a person can repair, without either knowing
//! which database is underneath. Invariant: an error means "not stored, or not known to be stored"; the only way to
//! learn that an entry is stored is an `Ok`.

use std::path::PathBuf;

use sqlx::postgres::PgDatabaseError;
use uuid::Uuid;

use super::record::DatabasePlace;

/// What went wrong underneath, for the chain of causes in the program's own log.
pub type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder or, for reading, the file does not exist.
    #[error("{place} does not exist")]
    Missing {
        /// What was looked for.
        place: DatabasePlace,
    },
    /// There is a database, but no city in it, and a reader founds none.
    #[error("{place} is empty; `imaboard serve` or `imaboard init` founds a city in it")]
    Empty {
        /// The database.
        place: DatabasePlace,
    },
    /// The file holds something else than a SQLite database.
    #[error("{place} is not a database; it was left untouched, move it away or choose another data folder")]
    NotADatabase {
        /// The database.
        place: DatabasePlace,
    },
    /// The file is a SQLite database of another program.
    #[error("{place} is a database of another program ({found}); it was left untouched")]
    Foreign {
        /// The database.
        place: DatabasePlace,
        /// What told us so.
        found: String,
    },
    /// A newer version of this program has written here.
    #[error("{place} was written by a newer version ({found}; this program knows {known}); update the program")]
    Newer {
        /// The database.
        place: DatabasePlace,
        /// What the database says of itself.
        found: String,
        /// What this program can read.
        known: String,
    },
    /// An older version wrote it, and a reader may not bring it up to date.
    #[error("{place} has an older format; start `imaboard serve` once to bring it up to date")]
    Older {
        /// The database.
        place: DatabasePlace,
    },
    /// File or folder cannot be written.
    #[error("{place} cannot be written; check its owner and permissions and whether the disk is mounted read-only")]
    ReadOnly {
        /// The file, folder or database.
        place: DatabasePlace,
        /// The cause.
        #[source]
        source: Source,
    },
    /// Locks and shared memory do not work over a network, and a log without them can be destroyed.
    #[error(
        "{place} lies on a network file system ({fs_type} at {mount_point}), where a log cannot be kept safely; use a local disk"
    )]
    Network {
        /// The database.
        place: DatabasePlace,
        /// For example `nfs4`.
        fs_type: String,
        /// Where that file system is mounted.
        mount_point: PathBuf,
    },
    /// The newest entries stand in the write-ahead file, and reading it needs a writable folder.
    #[error(
        "{place} has entries waiting in its -wal file, which cannot be read from a read-only folder; copy both files to a writable folder and read them there"
    )]
    WalUnreadable {
        /// The database.
        place: DatabasePlace,
        /// The cause.
        #[source]
        source: Source,
    },
    /// No space to create or upgrade the database.
    #[error("the disk of {place} is full")]
    Full {
        /// The database.
        place: DatabasePlace,
        /// The cause.
        #[source]
        source: Source,
    },
    /// The file is damaged.
    #[error("{place} is damaged; restore a backup, and keep the damaged file for examination")]
    Corrupt {
        /// The database.
        place: DatabasePlace,
        /// The cause.
        #[source]
        source: Source,
    },
    /// The SQLite library in this build is older than the fix of the WAL-reset corruption.
    #[error(
        "this build contains SQLite {found}, but {wanted} or newer is needed to keep data safe; build it again with the committed Cargo.lock"
    )]
    OldLibrary {
        /// The version in this build.
        found: String,
        /// The oldest one accepted.
        wanted: String,
    },
    /// A copy into this database was cut off before its end.
    #[error("{place} holds a copy of a city that was cut off; run the same `imaboard copy` again to finish it")]
    HalfCopy {
        /// The database.
        place: DatabasePlace,
    },
    /// Another program writes to this database.
    #[error("{place} is in use by {holder}; a database has one writer: stop that one first")]
    InUse {
        /// The database.
        place: DatabasePlace,
        /// Who holds it, as far as the server tells.
        holder: String,
    },
    /// The server does not let this user in, or not far enough.
    #[error("{place} refuses this user; check its name, its password and what it may do there")]
    Denied {
        /// The database.
        place: DatabasePlace,
        /// The cause.
        #[source]
        source: Source,
    },
    /// A setting that durability depends on was not taken.
    #[error("the database does not accept the setting {setting} = {wanted} (it says {found}); the log would not be safe")]
    Setting {
        /// Its name in the database.
        setting: &'static str,
        /// What we asked for.
        wanted: String,
        /// What it reads back as.
        found: String,
    },
    /// Anything else that keeps the database away, for example another process holding it locked.
    #[error("{place} cannot be opened")]
    Away {
        /// The database.
        place: DatabasePlace,
        /// The cause.
        #[source]
        source: Source,
    },
}

/// Why the log could not store or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk is full. The same log works again once there is space.
    #[error("the disk is full, nothing was stored")]
    Full {
        /// The cause.
        #[source]
        source: Source,
    },
    /// The file or its disk cannot be written, or the log was opened for reading.
    #[error("the log cannot be written")]
    ReadOnly {
        /// The cause.
        #[source]
        source: Source,
    },
    /// The database does not answer: locked, input/output error, file gone. Worth trying again.
    #[error("the database is away")]
    Away {
        /// The cause.
        #[source]
        source: Source,
    },
    /// An entry with this id is on the log already, or twice in one batch; nothing of the batch was stored.
    #[error("an entry with id {id} exists already")]
    Conflict {
        /// The id in question.
        id: Uuid,
    },
    /// The database is damaged or holds values that no version of this program writes.
    #[error("the database is damaged; stop and restore a backup")]
    Corrupt {
        /// The cause.
        #[source]
        source: Source,
    },
}

/// Why an entry was not redacted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedactError {
    /// There is no such entry.
    #[error("there is no entry {seq}")]
    NoSuchEntry {
        /// Position asked for.
        seq: u64,
    },
    /// Nothing was typed in that entry, so there is nothing to erase; facts are corrected, not erased.
    #[error("entry {seq} holds no typed text; facts are corrected by a correction, not by redaction")]
    NothingTyped {
        /// Position asked for.
        seq: u64,
    },
    /// Its text is gone already.
    #[error("the text of entry {seq} is erased already")]
    AlreadyRedacted {
        /// Position asked for.
        seq: u64,
    },
    /// The log could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The reasons both kinds of error share, read off the library's error once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Full,
    ReadOnly,
    Corrupt,
    NotADatabase,
    CannotOpen,
    Duplicate,
    /// The server knows no such database.
    Missing,
    /// The server does not let this user in.
    Denied,
    Away,
}

impl Reason {
    pub(super) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(database) => match database.try_downcast_ref::<PgDatabaseError>() {
                Some(error) => Self::of_postgres(error.code()),
                None => {
                    let code: i32 = database.code().and_then(|code| code.parse().ok()).unwrap_or(0);
                    Self::of_sqlite(code, database.is_unique_violation())
                }
            },
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::RowNotFound => Self::Corrupt,
            _ => Self::Away,
        }
    }

    /// Primary result codes of SQLite: <https://www.sqlite.org/rescode.html>.
    fn of_sqlite(code: i32, is_unique_violation: bool) -> Self {
        match (code & 0xff, code) {
            // SQLITE_FULL; SQLITE_IOERR_SHMSIZE is a full disk met while growing the shared index.
            (13, _) | (_, 4874) => Self::Full,
            (8, _) => Self::ReadOnly,
            (11, _) => Self::Corrupt,
            (26, _) => Self::NotADatabase,
            (14, _) => Self::CannotOpen,
            (19, _) if is_unique_violation => Self::Duplicate,
            // Our own CHECKs: only values that no version of this program writes break them.
            (19 | 20, _) => Self::Corrupt,
            _ => Self::Away,
        }
    }

    /// SQLSTATE codes of PostgreSQL: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn of_postgres(code: &str) -> Self {
        match code {
            "53100" => Self::Full,
            // A standby, or a user who may not write here.
            "25006" | "42501" => Self::ReadOnly,
            "23505" => Self::Duplicate,
            "3D000" => Self::Missing,
            "28000" | "28P01" => Self::Denied,
            // Damaged pages and indexes; then our own CHECKs and values that no version of this program writes.
            "XX001" | "XX002" => Self::Corrupt,
            _ if code.starts_with("22") || code.starts_with("23") => Self::Corrupt,
            _ => Self::Away,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let source = |error| Box::new(error) as Source;
        match Reason::of(&error) {
            Reason::Full => Self::Full { source: source(error) },
            Reason::ReadOnly => Self::ReadOnly { source: source(error) },
            Reason::Corrupt | Reason::NotADatabase => Self::Corrupt { source: source(error) },
            // Which id collided is known only where rows are inserted; elsewhere nothing is unique.
            Reason::CannotOpen | Reason::Duplicate | Reason::Missing | Reason::Denied | Reason::Away => {
                Self::Away { source: source(error) }
            }
        }
    }
}

/// A connection that cannot be brought back is reported in the words of storing.
impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Full { source, .. } => Self::Full { source },
            OpenError::ReadOnly { source, .. } => Self::ReadOnly { source },
            OpenError::Corrupt { source, .. } => Self::Corrupt { source },
            other @ (OpenError::NotADatabase { .. } | OpenError::Foreign { .. }) => Self::Corrupt { source: Box::new(other) },
            other => Self::Away { source: Box::new(other) },
        }
    }
}
