//! Which of the two databases is underneath.
//!
//! It exists as the one list of what SQLite and PostgreSQL do differently. Invariant: everything else of the log is the same
//! code with the same SQL on both.

use std::path::Path;

use super::driver::{Connection, Row, Value};
use super::error::{OpenError, StoreError};
use super::format::Identity;
use super::postgres::PostgresLog;
use super::record::DatabasePlace;
use super::sqlite::{SqliteLog, Traces};

/// A log's database, open for reading.
#[derive(Debug)]
pub(super) enum Database {
    Sqlite(SqliteLog),
    Postgres(Box<PostgresLog>),
}

impl Database {
    /// Looks at the place without changing anything.
    pub(super) async fn identify(place: &DatabasePlace) -> Result<Identity, OpenError> {
        match place {
            DatabasePlace::Sqlite(path) => SqliteLog::identify(&absolute(path)?).await,
            DatabasePlace::Postgres(url) => {
                let log = PostgresLog::at(url)?;
                let identity = log.identify().await;
                log.close().await;
                identity
            }
        }
    }

    /// Opens a database of ours for reading; says what it found.
    pub(super) async fn open(place: &DatabasePlace) -> Result<(Self, Identity), OpenError> {
        match place {
            DatabasePlace::Sqlite(path) => {
                let path = absolute(path)?;
                match SqliteLog::identify(&path).await? {
                    Identity::Empty => Err(OpenError::Missing { place: place.clone() }),
                    identity => Ok((Self::Sqlite(SqliteLog::open(&path).await?), identity)),
                }
            }
            DatabasePlace::Postgres(url) => {
                let log = PostgresLog::at(url)?;
                match log.identify().await? {
                    Identity::Empty => Err(OpenError::Empty { place: place.clone() }),
                    identity => Ok((Self::Postgres(Box::new(log)), identity)),
                }
            }
        }
    }

    /// Opens a database for writing: founds it or brings it up to date. Gives the writing connection and what stood there.
    pub(super) async fn found(place: &DatabasePlace) -> Result<(Self, Connection, Identity), OpenError> {
        match place {
            DatabasePlace::Sqlite(path) => {
                let path = absolute(path)?;
                let identity = SqliteLog::identify(&path).await?;
                let connection = SqliteLog::found(&path).await?;
                Ok((Self::Sqlite(SqliteLog::open(&path).await?), connection, identity))
            }
            DatabasePlace::Postgres(url) => {
                let log = PostgresLog::at(url)?;
                let (connection, identity) = log.found().await?;
                Ok((Self::Postgres(Box::new(log)), connection, identity))
            }
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(log) => log.readers.close().await,
            Self::Postgres(log) => log.close().await,
        }
    }

    pub(super) async fn fetch_all(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(log) => log.fetch_all(sql, values).await,
            Self::Postgres(log) => log.fetch_all(sql, values).await,
        }
    }

    pub(super) async fn fetch_optional(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// Refuses to write where the database is not the one that was opened. On a server the lock tells.
    pub(super) async fn ensure_unmoved(&self, slot: &mut Option<Connection>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(log) => log.ensure_unmoved(slot).await,
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Something else than a batch moves the end of the log.
    pub(super) fn forget_head(&self) {
        match self {
            Self::Sqlite(log) => drop(log.take_head()),
            Self::Postgres(_) => {}
        }
    }

    /// The one writing connection, anew. `page_limit` lets a test fill the disk of SQLite.
    pub(super) async fn connect_writer(&self, page_limit: Option<u32>) -> Result<Connection, OpenError> {
        match self {
            Self::Sqlite(log) => log.connect_writer(page_limit).await,
            Self::Postgres(log) => log.connect_writer().await,
        }
    }

    /// Whether a connection that was kept may have been closed by the other side while nothing was wrong with it.
    pub(super) const fn closes_by_itself(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Removes what an erased text left behind, as far as the database lets us; `false` when it must be tried again.
    pub(super) async fn scrub(&self, connection: &mut Connection, traces: Traces) -> Result<bool, StoreError> {
        match (self, connection) {
            (Self::Sqlite(log), Connection::Sqlite(connection)) => log.scrub(connection, traces).await,
            (Self::Postgres(log), _) => log.scrub().await,
            (Self::Sqlite(_), Connection::Postgres(_)) => {
                Err(StoreError::Away { source: "the writing connection belongs to another database".into() })
            }
        }
    }

    pub(super) async fn ensure_sound(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(log) => log.ensure_sound().await,
            Self::Postgres(log) => log.ensure_sound().await,
        }
    }
}

fn absolute(path: &Path) -> Result<std::path::PathBuf, OpenError> {
    // SQLite would take a name that starts with `file:` for a URI.
    std::path::absolute(path).map_err(|error| OpenError::Away { place: path.into(), source: Box::new(error) })
}
