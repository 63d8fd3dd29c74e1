//! Writing: one transaction per batch, and what becomes of the connection when it fails.
//!
//! It exists apart from the public face because every line here decides whether "stored" is true. Invariant: the writing
//! connection goes back into its slot only when it is known to be sound, and an unclear commit is looked up on a fresh one.

use std::path::Path;

use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _};
use uuid::Uuid;

use super::chain::{self, Hash, Link, Salt};
use super::error::{self, RedactError, StoreError};
use super::record::{Appended, DeviceState, NewRecord, OpenMode, corrupt, head_of, record_of, saturating};
use super::sqlite::Traces;
use super::{Log, place, sqlite, statements};

/// Name in `meta` of the mark that an erased text may still be in the files.
pub(super) const SCRUB_PENDING: &str = "scrub_pending";

/// How a write failed, which decides what becomes of the connection.
pub(super) enum Failure {
    /// Rolled back; the connection is sound.
    Refused(StoreError),
    /// Nothing was stored; the connection is in an unknown state.
    Broken(StoreError),
    /// The commit answered with an error: whether the entries landed must be looked up.
    Unclear(StoreError, Vec<Appended>),
}

impl Log {
    /// The writing connection, taken out of its slot; a new one when the last call did not bring it back.
    pub(super) async fn writer(&self, slot: &mut Option<SqliteConnection>) -> Result<SqliteConnection, StoreError> {
        if self.shared.mode == OpenMode::Read {
            return Err(StoreError::ReadOnly { source: "the log was opened for reading".into() });
        }
        // SQLite would go on writing into a file that was deleted or replaced, and the answer would be a lie.
        match place::file_identity(&self.shared.path) {
            Ok(file) if file == self.shared.file => {}
            Ok(_) => {
                return Err(StoreError::Away { source: "another file stands where the log was; restart the program".into() });
            }
            Err(error) => return Err(StoreError::Away { source: Box::new(error) }),
        }
        self.ensure_same_wal(slot).await?;
        match slot.take() {
            Some(connection) => Ok(connection),
            None => Ok(sqlite::connect_writer(&self.shared.path, self.page_limit()).await?),
        }
    }

    /// SQLite does not notice that its write-ahead file was deleted: it would go on writing into a file without a name, and
    /// everything stored from then on would be gone after a power cut.
    async fn ensure_same_wal(&self, slot: &mut Option<SqliteConnection>) -> Result<(), StoreError> {
        let found = place::file_identity(&place::wal_of(&self.shared.path)).ok();
        {
            let mut wal = self.shared.wal.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            // Nobody holds the old one open any more: SQLite itself removed it, with everything in the database.
            if slot.is_none() && self.shared.readers.size() == 0 {
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
        if let Some(connection) = slot {
            match sqlite::empty_wal(connection).await {
                Ok(true) => tracing::warn!("the write-ahead file was removed; what it held is in the database"),
                Ok(false) => tracing::error!("the write-ahead file was removed, and a reader keeps us from saving all it held"),
                Err(error) => tracing::error!(%error, "the write-ahead file was removed, and what it held could not be saved"),
            }
        }
        Err(StoreError::Away { source: "the write-ahead file beside the log was removed; restart the program".into() })
    }

    fn page_limit(&self) -> Option<u32> {
        #[cfg(test)]
        return self.shared.faults.page_limit();
        #[cfg(not(test))]
        None
    }

    async fn commit(&self, transaction: sqlx::Transaction<'_, sqlx::Sqlite>) -> Result<(), sqlx::Error> {
        #[cfg(test)]
        return self.shared.faults.commit(transaction).await;
        #[cfg(not(test))]
        transaction.commit().await
    }

    /// Puts the connection back or discards it, and finds out what an unclear commit did.
    pub(super) async fn settle(
        &self,
        slot: &mut Option<SqliteConnection>,
        connection: SqliteConnection,
        first_id: Uuid,
        outcome: Result<Vec<Appended>, Failure>,
    ) -> Result<Vec<Appended>, StoreError> {
        let (error, hoped) = match outcome {
            Ok(appended) => {
                *slot = Some(connection);
                return Ok(appended);
            }
            Err(Failure::Refused(error)) => {
                *slot = Some(connection);
                return Err(error);
            }
            Err(Failure::Broken(error)) => {
                discard(connection).await;
                return Err(error);
            }
            Err(Failure::Unclear(error, hoped)) => {
                discard(connection).await;
                (error, hoped)
            }
        };
        // A fresh writing connection sees what the next append will see.
        let Ok(mut connection) = self.writer(slot).await else {
            return Err(error);
        };
        let landed = sqlx::query(statements::ENTRY_BY_ID)
            .bind(first_id.as_bytes().as_slice())
            .fetch_optional(&mut connection)
            .await
            .map_err(StoreError::from)
            .and_then(|row| row.map(|row| record_of(&row)).transpose());
        match landed {
            Ok(found) => {
                *slot = Some(connection);
                let has_landed = found.is_some_and(|(record, _)| {
                    hoped.first().is_some_and(|first| first.seq == record.seq && first.hash == record.hash)
                });
                if has_landed {
                    tracing::warn!(error = %error, "a commit reported an error but is stored");
                    Ok(hoped)
                } else {
                    Err(error)
                }
            }
            Err(_) => {
                discard(connection).await;
                Err(error)
            }
        }
    }

    pub(super) async fn append_on(
        &self,
        connection: &mut SqliteConnection,
        batch: &[NewRecord],
    ) -> Result<Vec<Appended>, Failure> {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|error| Failure::Broken(error.into()))?;
        match insert(&mut transaction, batch).await {
            Ok(appended) => match self.commit(transaction).await {
                Ok(()) => Ok(appended),
                Err(error) => Err(Failure::Unclear(error.into(), appended)),
            },
            Err(error) => Err(roll_back(transaction, error).await),
        }
    }

    pub(super) async fn redact_on(
        &self,
        connection: &mut SqliteConnection,
        seq: u64,
        record: &NewRecord,
    ) -> Result<Vec<Appended>, Failure> {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|error| Failure::Broken(error.into()))?;
        let outcome = async {
            let appended = insert(&mut transaction, std::slice::from_ref(record)).await?;
            sqlx::query(statements::ERASE_TEXT).bind(saturating(seq)).execute(&mut *transaction).await?;
            sqlx::query(statements::SAVE_META).bind(SCRUB_PENDING).bind(seq.to_string()).execute(&mut *transaction).await?;
            Ok(appended)
        }
        .await;
        match outcome {
            Ok(appended) => match self.commit(transaction).await {
                Ok(()) => Ok(appended),
                Err(error) => Err(Failure::Unclear(error.into(), appended)),
            },
            Err(error) => Err(roll_back(transaction, error).await),
        }
    }

    /// What was typed in an entry. Only the holder of the writer may erase, so the answer stays true.
    pub(super) async fn typed_text(&self, seq: u64) -> Result<(String, Vec<u8>), RedactError> {
        let row = sqlx::query(statements::TEXT_OF_ENTRY)
            .bind(saturating(seq))
            .fetch_optional(&self.shared.readers)
            .await
            .map_err(StoreError::from)?
            .ok_or(RedactError::NoSuchEntry { seq })?;
        let text: Option<String> = row.try_get("text").map_err(StoreError::from)?;
        let salt: Option<Vec<u8>> = row.try_get("salt").map_err(StoreError::from)?;
        let text_hash: Option<Vec<u8>> = row.try_get("text_hash").map_err(StoreError::from)?;
        match (text, text_hash) {
            (Some(text), _) => Ok((text, salt.unwrap_or_default())),
            (None, Some(_)) => Err(RedactError::AlreadyRedacted { seq }),
            (None, None) => Err(RedactError::NothingTyped { seq }),
        }
    }

    pub(super) async fn scrub_with(&self, slot: &mut Option<SqliteConnection>, traces: Traces) -> Result<bool, StoreError> {
        let mut connection = self.writer(slot).await?;
        match finish_scrub(&mut connection, &self.shared.path, traces).await {
            Ok(done) => {
                *slot = Some(connection);
                Ok(done)
            }
            Err(error) => {
                discard(connection).await;
                Err(error)
            }
        }
    }
}

pub(super) async fn finish_scrub(connection: &mut SqliteConnection, path: &Path, traces: Traces) -> Result<bool, StoreError> {
    let is_done = sqlite::scrub(connection, path, traces).await?;
    if is_done {
        sqlx::query(statements::REMOVE_META).bind(SCRUB_PENDING).execute(&mut *connection).await?;
    }
    Ok(is_done)
}

/// What to look for in the files: the salt is unique, and the ends of the text survive a partly overwritten cell.
pub(super) fn traces_of(text: &str, salt: &[u8]) -> Vec<Vec<u8>> {
    /// Shorter strings occur by chance in any database.
    const SHORTEST_BYTES: usize = 6;
    const LONGEST_BYTES: usize = 32;
    let text = text.as_bytes();
    let end = text.len().min(LONGEST_BYTES);
    [salt, &text[..end], &text[text.len() - end..]]
        .into_iter()
        .filter(|bytes| bytes.len() >= SHORTEST_BYTES)
        .map(<[u8]>::to_vec)
        .collect()
}

/// Inserts a batch after the head and moves the head, inside a transaction.
pub(super) async fn insert(transaction: &mut SqliteConnection, batch: &[NewRecord]) -> Result<Vec<Appended>, StoreError> {
    let count = i64::try_from(batch.len()).map_err(corrupt)?;
    let rows = sqlx::query(statements::MOVE_HEAD).bind(count).fetch_all(&mut *transaction).await?;
    let Some(row) = rows.first() else {
        return Err(StoreError::Corrupt { source: "the log has no head".into() });
    };
    let (last_seq, mut previous) = head_of(row)?;
    let first_seq = last_seq - batch.len() as u64 + 1;

    let mut appended = Vec::with_capacity(batch.len());
    for (seq, record) in (first_seq..).zip(batch) {
        let salt: Option<Salt> = record.text.is_some().then(rand::random);
        let text_hash = record.text.as_deref().zip(salt).map(|(text, salt)| chain::text_hash(&salt, text));
        let recorded_at_us = record.recorded_at.as_microsecond();
        let hash = Link {
            seq,
            id: record.id,
            recorded_at_us,
            actor: &record.actor,
            channel: &record.channel,
            kind: &record.kind,
            subject: &record.subject,
            digest: record.digest.as_deref(),
            facts: &record.facts,
            text_hash: text_hash.as_ref(),
        }
        .hash_after(&previous);
        sqlx::query(statements::INSERT_ENTRY)
            .bind(saturating(seq))
            .bind(record.id.as_bytes().as_slice())
            .bind(recorded_at_us)
            .bind(&record.actor)
            .bind(&record.channel)
            .bind(&record.kind)
            .bind(&record.subject)
            .bind(&record.facts)
            .bind(&record.digest)
            .bind(&record.text)
            .bind(salt.as_ref().map(Salt::as_slice))
            .bind(text_hash.as_ref().map(Hash::as_slice))
            .bind(hash.as_slice())
            .execute(&mut *transaction)
            .await
            .map_err(|error| match error::Reason::of(&error) {
                error::Reason::Duplicate => StoreError::Conflict { id: record.id },
                _ => error.into(),
            })?;
        appended.push(Appended { seq, hash });
        previous = hash;
    }
    sqlx::query(statements::SEAL_HEAD).bind(previous.as_slice()).bind(saturating(last_seq)).execute(&mut *transaction).await?;
    Ok(appended)
}

pub(super) async fn roll_back(transaction: sqlx::Transaction<'_, sqlx::Sqlite>, error: StoreError) -> Failure {
    match (transaction.rollback().await, error) {
        // Only a refused id is sure to leave SQLite's transaction as sqlx believes it to be.
        (Ok(()), error @ StoreError::Conflict { .. }) => Failure::Refused(error),
        (_, error) => Failure::Broken(error),
    }
}

pub(super) async fn save_devices_on(connection: &mut SqliteConnection, devices: &[DeviceState]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for state in devices {
        sqlx::query(statements::SAVE_DEVICE)
            .bind(&state.device)
            .bind(state.last_heard_at.map(Timestamp::as_microsecond))
            .bind(state.battery_pct.map(|percent| i64::from(percent.min(100))))
            .bind(&state.availability)
            .bind(&state.json)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

pub(super) async fn discard(connection: SqliteConnection) {
    // It is in an unknown state: whatever closing says, nothing is built on it any more.
    let _ = connection.close_hard().await;
}
