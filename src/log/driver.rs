//! Two drivers behind one face: the log's statements run on whichever database is underneath.
//!
//! It exists so that no line above it is written twice. Invariant: the same text with the same values does the same on both;
//! only what stands in `sqlite.rs` and `postgres.rs` knows which of the two it is.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::encode::Encode;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Decode, Executor as _, Postgres, Row as _, Sqlite, Type};

/// Longer than a busy server takes for a page of entries or a commit, shorter than a report may wait. Without a limit a
/// network that swallows packets would hold the one writer for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// A value for one `$n`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        Self::Bytes(value)
    }
}

/// A statement with its values, for either driver.
pub(super) fn bound<'q, D: sqlx::Database>(sql: &'static str, values: &[Value<'_>]) -> Query<'q, D, D::Arguments>
where
    for<'v> Option<i64>: Encode<'v, D> + Type<D>,
    for<'v> Option<&'v str>: Encode<'v, D> + Type<D>,
    for<'v> Option<&'v [u8]>: Encode<'v, D> + Type<D>,
{
    values.iter().fold(sqlx::query(sql), |query, value| match *value {
        Value::Integer(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

/// A row of either database.
#[derive(Debug)]
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Self::Postgres(row)
    }
}

impl Row {
    /// The value of the column at a place in the statement, from 0.
    pub(super) fn column<'r, T>(&'r self, index: usize) -> Result<T, sqlx::Error>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(index),
            Self::Postgres(row) => row.try_get(index),
        }
    }
}

impl Row {
    /// Every value of the row, to be written elsewhere.
    pub(super) fn values(&self) -> Result<Vec<Value<'_>>, sqlx::Error> {
        use sqlx::{Column as _, TypeInfo as _, ValueRef as _};
        match self {
            Self::Sqlite(row) => (0..row.len())
                .map(|at| {
                    // SQLite knows the type of a value; that of a column says nothing about NULL.
                    let raw = row.try_get_raw(at)?;
                    Ok(match raw.type_info().name() {
                        "NULL" => Value::Text(None),
                        "INTEGER" => Value::Integer(row.try_get(at)?),
                        "BLOB" => Value::Bytes(row.try_get(at)?),
                        _ => Value::Text(row.try_get(at)?),
                    })
                })
                .collect(),
            Self::Postgres(row) => row
                .columns()
                .iter()
                .map(|column| {
                    let at = column.ordinal();
                    Ok(match column.type_info().name() {
                        "INT8" => Value::Integer(row.try_get(at)?),
                        "BYTEA" => Value::Bytes(row.try_get(at)?),
                        _ => Value::Text(row.try_get(at)?),
                    })
                })
                .collect(),
        }
    }
}

pub(super) fn rows<R>(rows: Vec<R>) -> Vec<Row>
where
    Row: From<R>,
{
    rows.into_iter().map(Row::from).collect()
}

/// Gives up on a server that does not answer; its connection is then in an unknown state.
pub(super) async fn patiently<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    within(PATIENCE, answer).await
}

pub(super) async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let silent = || {
        let text = format!("the database server did not answer within {} s", patience.as_secs());
        Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text)))
    };
    tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| silent())
}

/// A connection to either database.
#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    pub(super) async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => bound(sql, values).execute(connection).await.map(drop),
            Self::Postgres(connection) => patiently(bound(sql, values).execute(connection)).await.map(drop),
        }
    }

    /// Runs a text of several statements, of which SQLite alone takes values; fails unless each of them says that it is done.
    ///
    /// It goes on with the last answer. The library's thread tells afterwards that there is no further one, and on a single core that
    /// is one more switch of threads, about 0.1 ms in a trace of single commits.
    pub(super) async fn execute_each(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        statements: usize,
    ) -> Result<(), sqlx::Error> {
        let Self::Sqlite(connection) = self else { return self.execute(sql, values).await };
        let mut answers = connection.fetch_many(bound(sql, values));
        let mut done = 0;
        while done < statements {
            match answers.try_next().await? {
                Some(sqlx::Either::Left(_)) => done += 1,
                Some(sqlx::Either::Right(_)) => {}
                // Whoever runs the statements is gone; what became of them is not known.
                None => return Err(sqlx::Error::WorkerCrashed),
            }
        }
        Ok(())
    }

    pub(super) async fn fetch_all(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => bound(sql, values).fetch_all(connection).await.map(rows),
            Self::Postgres(connection) => patiently(bound(sql, values).fetch_all(connection)).await.map(rows),
        }
    }

    pub(super) async fn fetch_optional(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Option<Row>, sqlx::Error> {
        // All rows, because a statement that is left half-way has not done its work yet.
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// Begins a transaction that may write.
    ///
    /// By hand and not through the library, which loses count of transactions that SQLite rolled back by itself. Whoever
    /// begins owns the connection, so a future that is dropped half-way closes it, and the database rolls back.
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        match self {
            // A plain BEGIN would take the lock only at the first write, too late to wait for it.
            Self::Sqlite(connection) => connection.execute("BEGIN IMMEDIATE").await.map(drop),
            // Said in full, because a role or a database may have other defaults.
            Self::Postgres(connection) => {
                patiently(connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")).await.map(drop)
            }
        }
    }

    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.execute("COMMIT").await.map(drop),
            Self::Postgres(connection) => patiently(connection.execute("COMMIT")).await.map(drop),
        }
    }

    pub(super) async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.execute("ROLLBACK").await.map(drop),
            Self::Postgres(connection) => patiently(connection.execute("ROLLBACK")).await.map(drop),
        }
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => patiently(connection.close()).await,
        }
    }

    /// Ends a connection in an unknown state: whatever closing says, nothing is built on it any more.
    pub(super) async fn discard(self) {
        match self {
            Self::Sqlite(connection) => drop(connection.close_hard().await),
            // The server notices the closed socket; waiting for a server that may be gone helps nobody.
            Self::Postgres(connection) => drop(connection),
        }
    }
}
