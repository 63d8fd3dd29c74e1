//! SQLite underneath the log: connections, settings, format, and the clean-up after a redaction.
//!
//! It exists so that everything particular to SQLite stands in one file. Invariant: no connection is used whose settings
//! did not read back as wanted, and no database is written to that did not identify itself as ours or as empty.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::chain::Hash;
use super::driver::{Connection, Row, Value, bound, rows};
use super::error::{OpenError, Reason, StoreError};
use super::format::{self, Identity};
use super::place::{self, FileIdentity, Found};
use super::statements;

pub(super) static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// `PRAGMA application_id` of our files; set by the first migration.
const APPLICATION_ID: i64 = i64::from_be_bytes(*b"\0\0\0\0Imab");

/// The release with the fix of the corruption that a WAL reset could cause (<https://www.sqlite.org/wal.html>).
const OLDEST_LIBRARY: [u32; 3] = [3, 51, 3];

/// Longer than any commit on a slow SD card, shorter than the patience of a person.
const BUSY_TIMEOUT_MS: u64 = 5_000;

/// Four readers keep a start-up replay, a verify and two look-ups going on a small PC.
const READERS: u32 = 4;

/// Pages of 4 KiB: a checkpoint every 4 MiB keeps the WAL small and replay after a power cut under a second.
const WRITER_SETTINGS: &[(&str, &str, &str)] = &[
    ("journal_mode", "PRAGMA journal_mode", "wal"),
    ("synchronous", "PRAGMA synchronous", "2"),
    ("foreign_keys", "PRAGMA foreign_keys", "1"),
    ("secure_delete", "PRAGMA secure_delete", "1"),
    ("trusted_schema", "PRAGMA trusted_schema", "0"),
    ("busy_timeout", "PRAGMA busy_timeout", "5000"),
    ("wal_autocheckpoint", "PRAGMA wal_autocheckpoint", "1000"),
    ("journal_size_limit", "PRAGMA journal_size_limit", "16777216"),
    ("encoding", "PRAGMA encoding", "UTF-8"),
];

const READER_SETTINGS: &[(&str, &str, &str)] = &[
    ("query_only", "PRAGMA query_only", "1"),
    ("foreign_keys", "PRAGMA foreign_keys", "1"),
    ("trusted_schema", "PRAGMA trusted_schema", "0"),
    ("busy_timeout", "PRAGMA busy_timeout", "5000"),
    ("encoding", "PRAGMA encoding", "UTF-8"),
];

/// A log in a SQLite file, open for reading; whoever writes asks for the one writing connection.
#[derive(Debug)]
pub(super) struct SqliteLog {
    path: PathBuf,
    /// Which file stood there when it was opened.
    file: FileIdentity,
    /// Which write-ahead file the connections have open; known from the first write on. Held for a look only.
    wal: Mutex<Option<FileIdentity>>,
    /// Where the log ends, as the last commit of this process left it; `None` when it must be asked. Held for a look only.
    head: Mutex<Option<(u64, Hash)>>,
    pub(super) readers: SqlitePool,
}

impl SqliteLog {
    /// Whose file stands there, without changing anything. `path` is absolute: SQLite would take a name that starts with
    /// `file:` for a URI.
    pub(super) async fn identify(path: &Path) -> Result<Identity, OpenError> {
        ensure_library().await?;
        match place::examine(path)? {
            Found::Nothing => Ok(Identity::Empty),
            Found::Database => identify(path).await,
        }
    }

    /// The writing connection to a file that may have to be created or brought up to date.
    pub(super) async fn found(path: &Path) -> Result<Connection, OpenError> {
        place::ensure_writable(path)?;
        let mut connection = connect_writer(path, None).await?;
        migrate(&mut connection, path).await?;
        // SQLite syncs the folder when it creates a journal, not when it is handed an empty file.
        std::fs::File::open(place::folder_of(path))
            .and_then(|folder| folder.sync_all())
            .map_err(|error| OpenError::Away { place: path.into(), source: Box::new(error) })?;
        Ok(Connection::Sqlite(connection))
    }

    /// Opens a file that is ours for reading.
    pub(super) async fn open(path: &Path) -> Result<Self, OpenError> {
        let readers = connect_readers(path).await?;
        let file = place::file_identity(path).map_err(|error| OpenError::Away { place: path.into(), source: Box::new(error) })?;
        Ok(Self { path: path.to_owned(), file, wal: Mutex::default(), head: Mutex::default(), readers })
    }

    /// Where the log ends, if it is known; known no more afterwards. For the holder of the writer.
    pub(super) fn take_head(&self) -> Option<(u64, Hash)> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What is stored now; for the holder of the writer, after a commit that worked.
    pub(super) fn note_head(&self, head: (u64, Hash)) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = Some(head);
    }

    pub(super) async fn fetch_all(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        Ok(bound(sql, values).fetch_all(&self.readers).await.map(rows)?)
    }

    /// Refuses to write when the files are not those that were opened.
    ///
    /// SQLite would go on writing into a file that was deleted or replaced, and the answer would be a lie.
    pub(super) async fn ensure_unmoved(&self, slot: &mut Option<Connection>) -> Result<(), StoreError> {
        match place::file_identity(&self.path) {
            Ok(file) if file == self.file => {}
            Ok(_) => {
                return Err(StoreError::Away { source: "another file stands where the log was; restart the program".into() });
            }
            Err(error) => return Err(StoreError::Away { source: Box::new(error) }),
        }
        self.ensure_same_wal(slot).await
    }

    /// SQLite does not notice that its write-ahead file was deleted: it would go on writing into a file without a name, and
    /// everything stored from then on would be gone after a power cut.
    async fn ensure_same_wal(&self, slot: &mut Option<Connection>) -> Result<(), StoreError> {
        let found = place::file_identity(&place::wal_of(&self.path)).ok();
        {
            let mut wal = self.wal.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody holds the old one open any more: SQLite itself removed it, with everything in the database.
            if slot.is_none() && self.readers.size() == 0 {
                *wal = None;
            }
            match *wal {
                None => {
                    *wal = found;
                    return Ok(());
                }
                known if known == found => return Ok(()),
                Some(_) => {}
            }
        }
        // The nameless file still holds entries that were acknowledged: they are moved into the database while it is open.
        if let Some(Connection::Sqlite(connection)) = slot {
            match empty_wal(connection).await {
                Ok(true) => tracing::warn!("the write-ahead file was removed; what it held is in the database"),
                Ok(false) => tracing::error!("the write-ahead file was removed, and a reader keeps us from saving all it held"),
                Err(error) => tracing::error!(%error, "the write-ahead file was removed, and what it held could not be saved"),
            }
        }
        Err(StoreError::Away { source: "the write-ahead file beside the log was removed; restart the program".into() })
    }

    /// The one writing connection. `page_limit` lets a test fill the disk.
    pub(super) async fn connect_writer(&self, page_limit: Option<u32>) -> Result<Connection, OpenError> {
        Ok(Connection::Sqlite(connect_writer(&self.path, page_limit).await?))
    }

    /// See [`scrub`].
    pub(super) async fn scrub(&self, connection: &mut SqliteConnection, traces: Traces) -> Result<bool, StoreError> {
        scrub(connection, &self.path, traces).await
    }

    /// Asks SQLite whether pages and indexes are sound.
    pub(super) async fn ensure_sound(&self) -> Result<(), StoreError> {
        let answer: String =
            sqlx::query("PRAGMA integrity_check(1)").fetch_one(&self.readers).await.and_then(|row| row.try_get_unchecked(0))?;
        if answer == "ok" { Ok(()) } else { Err(StoreError::Corrupt { source: answer.into() }) }
    }

    /// See [`copy`].
    pub(super) async fn copy_to(&self, target: &Path) -> Result<(), StoreError> {
        copy(&self.path, target).await
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))
        .foreign_keys(true)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

/// The words of opening for an error of the library.
fn open_error(path: &Path, error: sqlx::Error) -> OpenError {
    let place = path.into();
    match Reason::of(&error) {
        Reason::Full => OpenError::Full { place, source: Box::new(error) },
        Reason::ReadOnly => OpenError::ReadOnly { place, source: Box::new(error) },
        Reason::Corrupt => OpenError::Corrupt { place, source: Box::new(error) },
        Reason::NotADatabase => OpenError::NotADatabase { place },
        Reason::CannotOpen | Reason::Duplicate | Reason::Missing | Reason::Denied | Reason::Away => {
            OpenError::Away { place, source: Box::new(error) }
        }
    }
}

/// Refuses a build whose SQLite can corrupt a log.
async fn ensure_library() -> Result<(), OpenError> {
    let memory = Path::new(":memory:");
    let mut connection = options(memory).in_memory(true).connect().await.map_err(|error| open_error(memory, error))?;
    let found: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut connection)
        .await
        .map_err(|error| open_error(memory, error))?;
    if is_new_enough(&found) {
        Ok(())
    } else {
        Err(OpenError::OldLibrary { found, wanted: OLDEST_LIBRARY.map(|part| part.to_string()).join(".") })
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    let mut next = || parts.next().and_then(Result::ok).unwrap_or(0);
    [next(), next(), next()] >= OLDEST_LIBRARY
}

async fn ensure_settings(
    connection: &mut SqliteConnection,
    path: &Path,
    settings: &[(&'static str, &'static str, &str)],
) -> Result<(), OpenError> {
    for (setting, question, wanted) in settings {
        let found: String = sqlx::query(*question)
            .fetch_one(&mut *connection)
            .await
            .and_then(|row| row.try_get_unchecked(0))
            .map_err(|error| open_error(path, error))?;
        if !found.eq_ignore_ascii_case(wanted) {
            return Err(OpenError::Setting { setting, wanted: (*wanted).to_owned(), found });
        }
    }
    Ok(())
}

/// Reads, without changing anything, whose database this is, and refuses a foreign or newer one.
async fn identify(path: &Path) -> Result<Identity, OpenError> {
    let mut connection = connect_for_reading(path).await?;
    let identity = identify_on(&mut connection, path).await;
    // Nothing was written, so a failing close loses nothing.
    let _ = connection.close().await;
    identity
}

async fn identify_on(connection: &mut SqliteConnection, path: &Path) -> Result<Identity, OpenError> {
    let failed = |error| open_error(path, error);
    let application_id: i64 = sqlx::query("PRAGMA application_id")
        .fetch_one(&mut *connection)
        .await
        .and_then(|row| row.try_get_unchecked(0))
        .map_err(failed)?;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    // A power cut between the first two steps of creation leaves the table of migrations alone.
    if application_id == 0 && tables.iter().all(|table| table == format::MIGRATIONS) {
        return Ok(Identity::Empty);
    }
    let is_ours =
        application_id == APPLICATION_ID && format::TABLES.iter().all(|wanted| tables.iter().any(|table| table == wanted));
    if !is_ours {
        let some: Vec<&str> = tables.iter().take(4).map(String::as_str).collect();
        return Err(OpenError::Foreign {
            place: path.into(),
            found: format!("application id {application_id}, tables {}", some.join(", ")),
        });
    }

    let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    let schema: i64 = sqlx::query_scalar(statements::SCHEMA_VERSION).fetch_one(&mut *connection).await.map_err(failed)?;
    let format: Option<String> =
        sqlx::query_scalar(statements::META).bind(format::FORMAT_NAME).fetch_optional(&mut *connection).await.map_err(failed)?;
    format::judge(&path.into(), schema, known, format.as_deref())
}

fn read_only_options(path: &Path) -> SqliteConnectOptions {
    options(path).read_only(true).pragma("query_only", "ON")
}

/// Options that can read the file where it lies, even in a folder where SQLite cannot put its side files.
async fn reading_options(path: &Path) -> Result<SqliteConnectOptions, OpenError> {
    let plain = read_only_options(path);
    let error = match probe(&plain).await {
        Ok(()) => return Ok(plain),
        Err(error) => error,
    };
    if !matches!(Reason::of(&error), Reason::CannotOpen | Reason::ReadOnly) {
        return Err(open_error(path, error));
    }
    if std::fs::metadata(place::wal_of(path)).is_ok_and(|wal| wal.len() > 0) {
        return Err(OpenError::WalUnreadable { place: path.into(), source: Box::new(error) });
    }
    // Without waiting entries the file is complete, and a read-only disk cannot change under us.
    let immutable = plain.immutable(true);
    match probe(&immutable).await {
        Ok(()) => Ok(immutable),
        Err(error) => Err(open_error(path, error)),
    }
}

async fn probe(options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = options.connect().await?;
    // Opening is lazy: only a read touches the file, its WAL and its shared memory.
    sqlx::query("SELECT count(*) FROM sqlite_schema").fetch_one(&mut connection).await?;
    connection.close().await
}

async fn connect_for_reading(path: &Path) -> Result<SqliteConnection, OpenError> {
    reading_options(path).await?.connect().await.map_err(|error| open_error(path, error))
}

/// The read-only connections.
async fn connect_readers(path: &Path) -> Result<SqlitePool, OpenError> {
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        // All of them now: a process without a free descriptor could open none later, and could then store nothing.
        .min_connections(READERS)
        // Kept open: a full disk or a lack of file handles later cannot take reading away.
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))
        .connect_with(reading_options(path).await?)
        .await
        .map_err(|error| open_error(path, error))?;
    let mut connection = readers.acquire().await.map_err(|error| open_error(path, error))?;
    ensure_settings(&mut connection, path, READER_SETTINGS).await?;
    drop(connection);
    Ok(readers)
}

/// The one writing connection. `page_limit` lets a test fill the disk.
async fn connect_writer(path: &Path, page_limit: Option<u32>) -> Result<SqliteConnection, OpenError> {
    let mut wanted = options(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("secure_delete", "ON")
        .pragma("wal_autocheckpoint", "1000")
        .pragma("journal_size_limit", "16777216");
    if let Some(pages) = page_limit {
        wanted = wanted.pragma("max_page_count", pages.to_string());
    }
    let mut connection = wanted.connect().await.map_err(|error| open_error(path, error))?;
    ensure_settings(&mut connection, path, WRITER_SETTINGS).await?;
    Ok(connection)
}

/// Creates the tables or brings them up to date.
async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    MIGRATOR.run(&mut *connection).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => open_error(path, error),
        MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => OpenError::Newer {
            place: path.into(),
            found: format!("another schema {version}"),
            known: "the schemas of this build".to_owned(),
        },
        other => OpenError::Corrupt { place: path.into(), source: Box::new(other) },
    })
}

/// Moves everything from the WAL into the database and cuts the WAL to nothing; `false` when a reader held it up.
async fn empty_wal(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let busy: i64 = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut *connection)
        .await
        .and_then(|row| row.try_get_unchecked(0))?;
    Ok(busy == 0)
}

/// What to look for after an erasure.
#[derive(Debug)]
pub(super) enum Traces {
    /// Byte strings of the erased text.
    Of(Vec<Vec<u8>>),
    /// The text is not known any more (the program was stopped before it could clean up).
    Unknown,
}

/// Removes what an erased text left behind in free space of the database and in the WAL.
///
/// `secure_delete` overwrites the erased cell, but SQLite does not overwrite what it moved between pages earlier; when
/// something is left, the database is rebuilt page by page. Returns `false` when a reader held the WAL; try again later.
async fn scrub(connection: &mut SqliteConnection, path: &Path, traces: Traces) -> Result<bool, StoreError> {
    if !empty_wal(connection).await? {
        return Ok(false);
    }
    let must_rebuild = match traces {
        Traces::Unknown => true,
        Traces::Of(needles) => {
            let path = path.to_owned();
            tokio::task::spawn_blocking(move || place::files_contain(&path, &needles))
                .await
                .map_err(|error| StoreError::Away { source: Box::new(error) })?
                .map_err(|error| StoreError::Away { source: Box::new(error) })?
        }
    };
    if must_rebuild {
        sqlx::query("VACUUM").execute(&mut *connection).await?;
        if !empty_wal(connection).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes a compact, consistent copy to a path where nothing stands yet.
async fn copy(path: &Path, target: &Path) -> Result<(), StoreError> {
    let Some(name) = target.to_str() else {
        return Err(StoreError::Away { source: "the name of a copy must be valid UTF-8".into() });
    };
    // Not a pooled reader: `query_only` forbids VACUUM INTO although it leaves this database alone.
    let mut connection = options(path).read_only(true).connect().await?;
    sqlx::query("VACUUM INTO $1").bind(name).execute(&mut connection).await?;
    connection.close().await?;
    let target = target.to_owned();
    // VACUUM INTO does not wait for the disk; a backup that a power cut can empty is none.
    tokio::task::spawn_blocking(move || {
        std::fs::File::open(&target)?.sync_all()?;
        std::fs::File::open(place::folder_of(&target))?.sync_all()
    })
    .await
    .map_err(|error| StoreError::Away { source: Box::new(error) })?
    .map_err(|error| StoreError::Away { source: Box::new(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_before_the_fix_is_refused() {
        assert!(!is_new_enough("3.51.2"));
        assert!(!is_new_enough("3.9.9"));
        assert!(!is_new_enough("nonsense"));
        assert!(is_new_enough("3.51.3"));
        assert!(is_new_enough("3.52.0"));
        assert!(is_new_enough("4.0"));
    }
}
