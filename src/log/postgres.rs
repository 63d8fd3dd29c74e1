//! PostgreSQL underneath the log: connections, the lock of the one writer, settings, format, and the clean-up after a redaction.
//!
//! It exists so that everything particular to PostgreSQL stands in one file. Invariant: the connection that writes is the one
//! that holds the database's advisory lock. So there is one writer; and once another connection has the lock, the old one is
//! gone together with whatever it left half-done, which makes looking up an unclear commit final.

use std::str::FromStr as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Executor as _, Row as _};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::driver::{Connection, Row, Value, bound, patiently, rows, within};
use super::error::{OpenError, Reason, StoreError};
use super::format::{self, Identity};
use super::record::{DatabasePlace, PostgresUrl};
use super::statements;

pub(super) static MIGRATOR: Migrator = sqlx::migrate!("migrations/postgres");

/// The comment on the table of entries, set by the first migration, says that a database is ours.
const OURS: &str = "imaboard log";

/// First half of the advisory lock's number: 'Imab', as in SQLite's application id. The second half stands for the schema.
const LOCK: i32 = i32::from_be_bytes(*b"Imab");

/// Versions before are no longer repaired by their makers (<https://www.postgresql.org/support/versioning/>).
const OLDEST_SERVER: i32 = 140_000;

/// A server that takes longer to let us in is as good as away.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// After a program was killed its session lives on for moments; a network that was cut keeps it for about a minute, see
/// [`options`], and then the refusal tells who it is.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// How often a lock that is held is tried again.
const LOCK_AGAIN: Duration = Duration::from_millis(50);

/// While the server is away, so many questions fail without another attempt; else those that wait in a queue would each
/// wait for the network in turn.
const REST: Duration = Duration::from_millis(500);

/// Cleaning up a table of ten million entries on a slow disk takes minutes.
const VACUUM_PATIENCE: Duration = Duration::from_secs(3_600);

/// Four readers keep a start-up replay, a verify and two look-ups going.
const READERS: usize = 4;

/// A log on a PostgreSQL server.
#[derive(Debug)]
pub(super) struct PostgresLog {
    place: DatabasePlace,
    options: PgConnectOptions,
    /// Reading connections that are free and were sound when last used. Held for a look only.
    idle: Mutex<Vec<PgConnection>>,
    /// So many read at once.
    places: Semaphore,
    /// When the server last kept us waiting in vain, and how it failed. Held for a look only.
    failed: Mutex<Option<(Instant, String)>>,
    /// The session that wrote last: its number on the server and since when it ran. Held for a look only.
    wrote: Mutex<Option<(i32, String)>>,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Writer,
    Reader,
    /// Cleans up: may write, but is not the writer.
    Upkeep,
}

impl PostgresLog {
    /// Reads the address; no connection is made yet.
    pub(super) fn at(url: &PostgresUrl) -> Result<Self, OpenError> {
        let place = DatabasePlace::Postgres(url.clone());
        let options = PgConnectOptions::from_str(url.reveal())
            .map_err(|error| OpenError::Away { place: place.clone(), source: Box::new(error) })?;
        Ok(Self {
            place,
            options: self::options(options),
            idle: Mutex::default(),
            places: Semaphore::new(READERS),
            failed: Mutex::default(),
            wrote: Mutex::default(),
        })
    }

    async fn connect(&self, role: Role) -> Result<PgConnection, sqlx::Error> {
        let resting = self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, why)) = resting
            && at.elapsed() < REST
        {
            return Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::NotConnected, why)));
        }
        let read_only = if role == Role::Reader { "on" } else { "off" };
        let options = self.options.clone().options([("default_transaction_read_only", read_only)]);
        let outcome = within(CONNECT_PATIENCE, options.connect()).await;
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = match &outcome {
            Ok(_) => None,
            Err(error) => Some((Instant::now(), error.to_string())),
        };
        outcome
    }

    /// The writing connection to a database that may have to be founded or brought up to date.
    pub(super) async fn found(&self) -> Result<(Connection, Identity), OpenError> {
        let mut connection = self.lock().await?;
        let identity = self.identify_on(&mut connection).await?;
        MIGRATOR.run(&mut connection).await.map_err(|error| self.migrate_error(error))?;
        Ok((Connection::Postgres(connection), identity))
    }

    /// Reads, without changing anything, whose database this is, and refuses a foreign or newer one.
    pub(super) async fn identify(&self) -> Result<Identity, OpenError> {
        let mut connection = self.connect(Role::Reader).await.map_err(|error| self.open_error(error))?;
        self.ensure_server(&mut connection).await?;
        let identity = self.identify_on(&mut connection).await?;
        self.put_back(connection);
        Ok(identity)
    }

    /// The one writing connection.
    pub(super) async fn connect_writer(&self) -> Result<Connection, OpenError> {
        Ok(Connection::Postgres(self.lock().await?))
    }

    pub(super) async fn fetch_all(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let _place = self.places.acquire().await.map_err(|_| StoreError::Away { source: "the log is closed".into() })?;
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut connection) = kept {
            match patiently(bound(sql, values).fetch_all(&mut connection)).await {
                Ok(found) => {
                    self.put_back(connection);
                    return Ok(rows(found));
                }
                // A server that was started again has closed all that we kept; reading twice does no harm.
                Err(error) if is_cut(&error) => self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear(),
                Err(error) => return Err(error.into()),
            }
        }
        let mut connection = self.connect(Role::Reader).await?;
        let found = patiently(bound(sql, values).fetch_all(&mut connection)).await?;
        self.put_back(connection);
        Ok(rows(found))
    }

    fn put_back(&self, connection: PgConnection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    pub(super) async fn close(&self) {
        self.places.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in idle {
            // Nothing was written on it, so a failing close loses nothing.
            drop(patiently(sqlx::Connection::close(connection)).await);
        }
    }

    /// A connection that holds the lock of the one writer, with settings that keep what is acknowledged.
    async fn lock(&self) -> Result<PgConnection, OpenError> {
        let failed = |error| self.open_error(error);
        let mut connection = self.connect(Role::Writer).await.map_err(failed)?;
        self.ensure_server(&mut connection).await?;
        self.ensure_durable(&mut connection).await?;
        self.end_old_session(&mut connection).await.map_err(failed)?;
        let started = Instant::now();
        loop {
            let row = patiently(
                sqlx::query(
                    "SELECT pg_try_advisory_lock($1, hashtext(current_schema())), pg_backend_pid(), \
                     (SELECT backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid())",
                )
                .bind(LOCK)
                .fetch_one(&mut connection),
            )
            .await
            .map_err(failed)?;
            let (is_ours, pid): (bool, i32) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
            let since: Option<String> = row.try_get(2).map_err(failed)?;
            if is_ours {
                *self.wrote.lock().unwrap_or_else(PoisonError::into_inner) = since.map(|since| (pid, since));
                return Ok(connection);
            }
            if started.elapsed() >= LOCK_PATIENCE {
                let holder = self.holder(&mut connection).await.map_err(failed)?;
                return Err(OpenError::InUse { place: self.place.clone(), holder });
            }
            tokio::time::sleep(LOCK_AGAIN).await;
        }
    }

    /// Ends the session that wrote before on our behalf, if the server still believes in it: a network that swallowed the
    /// farewell would otherwise keep us out for a minute.
    async fn end_old_session(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let wrote = self.wrote.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((pid, since)) = wrote {
            patiently(
                sqlx::query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE pid = $1 AND backend_start::text = $2 AND application_name = current_setting('application_name')",
                )
                .bind(pid)
                .bind(since)
                .fetch_all(connection),
            )
            .await?;
        }
        Ok(())
    }

    /// Who holds the lock, as far as the server tells this user.
    async fn holder(&self, connection: &mut PgConnection) -> Result<String, sqlx::Error> {
        let row = patiently(
            sqlx::query(
                "SELECT a.pid, a.application_name, host(a.client_addr), to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') \
                 FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
                 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = $1::bigint::oid \
                 AND l.objid = (hashtext(current_schema())::bigint & 4294967295)::oid \
                 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            )
            .bind(i64::from(LOCK))
            .fetch_optional(connection),
        )
        .await?;
        let Some(row) = row else { return Ok("a program that has just let go of it".to_owned()) };
        let (pid, name): (Option<i32>, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        let (address, since): (Option<String>, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
        let mut words = vec![name.filter(|name| !name.is_empty()).unwrap_or_else(|| "another program".to_owned())];
        words.extend(address.map(|address| format!("at {address}")));
        words.extend(since.map(|since| format!("since {since}")));
        words.extend(pid.map(|pid| format!("(server process {pid})")));
        Ok(words.join(" "))
    }

    fn refuse(&self, setting: &'static str, wanted: &str, found: impl Into<String>) -> OpenError {
        OpenError::Setting { setting, wanted: wanted.to_owned(), found: found.into() }
    }

    /// Refuses a server that cannot hold a log at all.
    async fn ensure_server(&self, connection: &mut PgConnection) -> Result<(), OpenError> {
        let row = patiently(
            sqlx::query(
                "SELECT current_setting('server_version_num')::int, current_setting('server_version'), \
                 current_setting('server_encoding'), current_schema()::text",
            )
            .fetch_one(connection),
        )
        .await
        .map_err(|error| self.open_error(error))?;
        let read = || -> Result<(i32, String, String, Option<String>), sqlx::Error> {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
        };
        let (number, version, encoding, schema) = read().map_err(|error| self.open_error(error))?;
        if number < OLDEST_SERVER {
            return Err(self.refuse("server_version", &format!("{} or newer", OLDEST_SERVER / 10_000), version));
        }
        if encoding != "UTF8" {
            return Err(self.refuse("server_encoding", "UTF8", encoding));
        }
        if schema.is_none() {
            return Err(self.refuse("search_path", "a schema that exists", "none"));
        }
        Ok(())
    }

    /// Refuses or repairs what would let a server say "stored" before it is.
    async fn ensure_durable(&self, connection: &mut PgConnection) -> Result<(), OpenError> {
        // Said even when it is on already, so that a change of the server's configuration cannot switch it off under us.
        // What is stronger than `on` for a server with standbys stays as it is.
        let row = patiently(
            sqlx::query(
                "SELECT current_setting('fsync'), current_setting('transaction_read_only'), \
                 set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' \
                 ELSE current_setting('synchronous_commit') END, false)",
            )
            .fetch_one(&mut *connection),
        )
        .await
        .map_err(|error| self.open_error(error))?;
        let read =
            || -> Result<(String, String, String), sqlx::Error> { Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)) };
        let (fsync, read_only, commit) = read().map_err(|error| self.open_error(error))?;
        if fsync != "on" {
            return Err(self.refuse("fsync", "on", fsync));
        }
        if read_only != "off" {
            return Err(self.refuse("transaction_read_only", "off", "on: a standby, or a server that was set to read only"));
        }
        if commit == "off" {
            return Err(self.refuse("synchronous_commit", "on", commit));
        }
        Ok(())
    }

    async fn identify_on(&self, connection: &mut PgConnection) -> Result<Identity, OpenError> {
        let failed = |error| self.open_error(error);
        // Without what extensions brought along: many servers put views of theirs beside everybody's tables.
        let found = patiently(
            sqlx::query(
                "SELECT c.relname::text, c.relpersistence::text, obj_description(c.oid, 'pg_class') FROM pg_class c \
                 WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
                 ORDER BY c.relname",
            )
            .fetch_all(&mut *connection),
        )
        .await
        .map_err(failed)?;
        let tables: Vec<(String, String, Option<String>)> = found
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
            .collect::<Result<_, sqlx::Error>>()
            .map_err(failed)?;
        // A power cut between the first two steps of founding leaves the table of migrations alone.
        if tables.iter().all(|(table, ..)| table == format::MIGRATIONS) {
            return Ok(Identity::Empty);
        }
        let is_ours = format::TABLES.iter().all(|wanted| tables.iter().any(|(table, ..)| table == wanted))
            && tables.iter().any(|(table, _, comment)| table == "entries" && comment.as_deref() == Some(OURS));
        if !is_ours {
            let some: Vec<&str> = tables.iter().take(4).map(|(table, ..)| table.as_str()).collect();
            return Err(OpenError::Foreign { place: self.place.clone(), found: format!("tables {}", some.join(", ")) });
        }
        // The server empties an unlogged table after a crash.
        if tables.iter().any(|(table, persistence, _)| format::TABLES.contains(&table.as_str()) && persistence != "p") {
            return Err(self.refuse("persistence of the tables", "permanent", "unlogged or temporary"));
        }
        let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
        let schema: i64 =
            patiently(sqlx::query_scalar(statements::SCHEMA_VERSION).fetch_one(&mut *connection)).await.map_err(failed)?;
        let format: Option<String> =
            patiently(sqlx::query_scalar(statements::META).bind(format::FORMAT_NAME).fetch_optional(&mut *connection))
                .await
                .map_err(failed)?;
        format::judge(&self.place, schema, known, format.as_deref())
    }

    /// The words of opening for an error of the library.
    fn open_error(&self, error: sqlx::Error) -> OpenError {
        let place = self.place.clone();
        match Reason::of(&error) {
            Reason::Full => OpenError::Full { place, source: Box::new(error) },
            Reason::Corrupt => OpenError::Corrupt { place, source: Box::new(error) },
            Reason::Missing => OpenError::Missing { place },
            Reason::Denied | Reason::ReadOnly => OpenError::Denied { place, source: Box::new(error) },
            Reason::NotADatabase | Reason::CannotOpen | Reason::Duplicate | Reason::Away => {
                OpenError::Away { place, source: Box::new(error) }
            }
        }
    }

    fn migrate_error(&self, error: MigrateError) -> OpenError {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => self.open_error(error),
            MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => OpenError::Newer {
                place: self.place.clone(),
                found: format!("another schema {version}"),
                known: "the schemas of this build".to_owned(),
            },
            other => OpenError::Corrupt { place: self.place.clone(), source: Box::new(other) },
        }
    }

    /// Removes the row versions that an erased text left in the table; `false` when another transaction still sees them.
    ///
    /// That is as far as SQL reaches. The bytes may lie in free space of the table and in write-ahead files until these are
    /// written over, and in whatever was copied from the server before: archives, standbys, backups. The warning says so.
    pub(super) async fn scrub(&self) -> Result<bool, StoreError> {
        let mut connection = self.connect(Role::Upkeep).await?;
        within(VACUUM_PATIENCE, connection.execute("VACUUM entries")).await?;
        let left: i64 = patiently(
            sqlx::query_scalar("SELECT coalesce(pg_stat_get_dead_tuples('entries'::regclass), 0)").fetch_one(&mut connection),
        )
        .await?;
        drop(patiently(sqlx::Connection::close(connection)).await);
        tracing::warn!(
            "an erased text is out of the database; the server's own write-ahead files, and archives, standbys and backups of the \
             server, may hold it until they are written over or removed"
        );
        Ok(left == 0)
    }

    /// Reads everything once, and asks the server to check the indexes where it lets us.
    pub(super) async fn ensure_sound(&self) -> Result<(), StoreError> {
        let mut connection = self.connect(Role::Reader).await?;
        // Through the table and through the index: a damaged page of either fails here.
        let counts = [
            ("SET enable_seqscan = on; SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off"),
            ("SET enable_seqscan = off; SET enable_indexscan = on; SET enable_indexonlyscan = off; SET enable_bitmapscan = off"),
        ];
        let mut found = Vec::new();
        for plan in counts {
            connection.execute(plan).await?;
            let row = sqlx::query(
                "SELECT count(*), coalesce(sum(octet_length(facts) + coalesce(octet_length(text), 0))::bigint, 0) \
                 FROM entries WHERE seq >= 0",
            )
            .fetch_one(&mut connection)
            .await?;
            found.push((row.try_get::<i64, _>(0)?, row.try_get::<i64, _>(1)?));
        }
        // Entries may have been appended in between; none are ever taken away.
        if found.first().map(|count| count.0) > found.last().map(|count| count.0) {
            return Err(StoreError::Corrupt { source: "an index holds fewer entries than the table".into() });
        }
        let can_check: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'bt_index_check' AND pronargs = 2 \
             AND has_function_privilege(oid, 'EXECUTE'))",
        )
        .fetch_one(&mut connection)
        .await?;
        if can_check {
            sqlx::query(
                "SELECT bt_index_check(i.indexrelid, true) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid \
                 WHERE t.relnamespace = to_regnamespace(quote_ident(current_schema())) \
                 AND t.relname IN ('entries', 'head', 'meta', 'devices')",
            )
            .fetch_all(&mut connection)
            .await?;
        }
        drop(patiently(sqlx::Connection::close(connection)).await);
        Ok(())
    }
}

/// Whether the connection is gone, and not only the question refused.
fn is_cut(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        // Connection exceptions, and a server that is stopping, starting or has crashed.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P")),
        _ => false,
    }
}

fn options(options: PgConnectOptions) -> PgConnectOptions {
    // Who holds the lock is told to whoever is refused; the server keeps 63 bytes.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut name = format!("imaboard process {} on {}", std::process::id(), host.trim());
    name.truncate(name.floor_char_boundary(63));
    options
        .application_name(&name)
        .options([
            // Somebody else who holds the head's row must not hold us for ever.
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "60s"),
            // A machine that lost its power says no farewell: the server lets go of its lock after about a minute.
            ("tcp_keepalives_idle", "30"),
            ("tcp_keepalives_interval", "10"),
            ("tcp_keepalives_count", "3"),
        ])
        .disable_statement_logging()
}
