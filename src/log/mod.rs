//! The append-only log: the one place where what was reported is kept for good.
//!
//! Everything else the program shows can be computed again from here. The log speaks in its own plain records, and the
//! recorder converts: a change of the domain never touches storage, and a change of the database never touches the
//! domain. Invariant: an entry is stored completely and durably before anybody gets an `Ok`, positions are gapless from
//! 1, and nothing but the typed text of an entry ever changes afterwards (and that only to nothing).
//!
//! Only this module names sqlx. How entries prove themselves is written down in [`chain`]. SQLite and PostgreSQL run the same
//! statements; what differs stands in `sqlite.rs` and `postgres.rs`, and `database.rs` lists it.

mod append;
pub mod chain;
mod copy;
mod database;
mod driver;
mod error;
mod format;
mod history;
mod place;
mod postgres;
mod record;
mod sqlite;
pub mod staff;
mod statements;
#[cfg(test)]
mod tests;
mod trip;
mod verify;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Mutex;
use uuid::Uuid;

use append::{SCRUB_PENDING, device_values, traces_of};
use chain::Hash;
pub use copy::{Copied, CopyError, Progress, copy};
use database::Database;
use driver::{Connection, Row};
pub use error::{OpenError, RedactError, Source, StoreError};
use format::Identity;
pub use record::{
    Appended, DatabasePlace, DeviceState, NewRecord, OpenMode, Page, PostgresUrl, REDACTED_KIND, Record, Redaction, Said,
    redaction_subject, stored_precision,
};
use record::{corrupt, head_of, record_of, saturating, timestamp};
use sqlite::Traces;
pub use verify::{NotedHead, Verdict};

/// An open log. Clones share the same connections.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    place: DatabasePlace,
    database: Database,
    mode: OpenMode,
    /// Taken out while in use and put back only when known to be sound: a call that fails or is dropped half-way leaves
    /// `None`, and the next one connects anew.
    writer: Mutex<Option<Connection>>,
    epoch: std::sync::Mutex<String>,
    #[cfg(test)]
    faults: tests::Faults,
}

impl Log {
    /// Opens the log at a place, founding it there when it is opened for writing and nothing stands there.
    ///
    /// # Errors
    /// [`OpenError`] says what an operator can do; a database that is not ours is never changed.
    pub async fn open(place: &DatabasePlace, mode: OpenMode) -> Result<Self, OpenError> {
        let (database, writer, identity) = match mode {
            OpenMode::Write => {
                let (database, connection, identity) = Database::found(place).await?;
                (database, Some(connection), identity)
            }
            OpenMode::Read => {
                let (database, identity) = Database::open(place).await?;
                (database, None, identity)
            }
        };
        match identity {
            Identity::HalfCopy => return Err(OpenError::HalfCopy { place: place.clone() }),
            Identity::Older if mode == OpenMode::Read => return Err(OpenError::Older { place: place.clone() }),
            Identity::Empty | Identity::Current | Identity::Older => {}
        }
        Self::on(place, mode, database, writer).await
    }

    /// A log on a database whose identity was checked.
    async fn on(
        place: &DatabasePlace,
        mode: OpenMode,
        database: Database,
        writer: Option<Connection>,
    ) -> Result<Self, OpenError> {
        let shared = Shared {
            place: place.clone(),
            database,
            mode,
            writer: Mutex::new(writer),
            epoch: std::sync::Mutex::default(),
            #[cfg(test)]
            faults: tests::Faults::default(),
        };
        let log = Self { shared: Arc::new(shared) };
        match log.settle_in().await {
            Ok(()) => Ok(log),
            Err(error) => Err(open_error(place, error)),
        }
    }

    /// What every opening does before anybody may use the log.
    async fn settle_in(&self) -> Result<(), StoreError> {
        if self.shared.mode == OpenMode::Write {
            let mut slot = self.shared.writer.lock().await;
            let epoch = new_epoch();
            let once = (statements::SAVE_META_ONCE, vec!["epoch".into(), epoch.as_str().into()]);
            self.write(&mut slot, &[once]).await?;
            drop(slot);
            match self.scrub().await {
                Ok(true) => {}
                Ok(false) => tracing::warn!("an erased text may still be in the files of the log: another process is reading"),
                // Not a reason to keep the board away from everybody; the mark stays.
                Err(error) => tracing::warn!(error = %error, "an erased text may still be in the files of the log"),
            }
        }
        match self.find_meta("epoch").await? {
            Some(epoch) => {
                *self.lock_epoch() = epoch;
                Ok(())
            }
            None => Err(StoreError::Corrupt { source: "the log has no epoch".into() }),
        }
    }

    /// Where it is kept.
    #[must_use]
    pub fn place(&self) -> &DatabasePlace {
        &self.shared.place
    }

    /// Closes all connections; the last writer to leave empties SQLite's WAL.
    pub async fn close(self) {
        self.shared.database.close().await;
        if let Some(connection) = self.shared.writer.lock().await.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(error = %error, "closing the log did not end cleanly; nothing that was stored is lost");
        }
    }

    /// Stores a batch in one transaction: all of it or nothing, one wait for the disk.
    ///
    /// The answer stands in the order of the batch. When the commit itself fails, the log looks up whether the batch
    /// landed and answers accordingly. Should even that be impossible, it returns the error; the entries may then turn
    /// out to be stored, which shows as a later append that does not continue at the position expected (read what lies
    /// between) or as a [`StoreError::Conflict`] when the batch is sent again.
    ///
    /// # Errors
    /// [`StoreError`]; nothing of the batch is stored, except as said above. The log stays usable.
    pub async fn append(&self, batch: Vec<NewRecord>) -> Result<Vec<Appended>, StoreError> {
        let Some(first) = batch.first() else {
            return Ok(Vec::new());
        };
        let mut slot = self.shared.writer.lock().await;
        let (connection, outcome) = match &self.shared.database {
            Database::Sqlite(log) => {
                let mut connection = self.writer(&mut slot).await?;
                let outcome = self.append_by_trips(log, &mut connection, &batch).await;
                (connection, outcome)
            }
            Database::Postgres(_) => {
                let mut connection = self.begin(&mut slot).await?;
                let outcome = self.append_on(&mut connection, &batch).await;
                (connection, outcome)
            }
        };
        self.settle(&mut slot, connection, first.id, outcome).await
    }

    /// Erases what was typed in entry `seq` and appends, in the same transaction, the entry that says so.
    ///
    /// The kind and subject of `record` are set here ([`REDACTED_KIND`], [`redaction_subject`]), because `verify` accepts
    /// a missing text only when such an entry follows. Afterwards the bytes are removed from database and WAL
    /// of SQLite; a PostgreSQL server keeps them for a while where no SQL reaches, see [`Redaction::is_scrubbed`].
    ///
    /// # Errors
    /// [`RedactError`] when there is nothing to erase or the log cannot be written.
    pub async fn append_redaction(&self, seq: u64, mut record: NewRecord) -> Result<Redaction, RedactError> {
        record.kind = REDACTED_KIND.to_owned();
        record.subject = redaction_subject(seq);
        let mut slot = self.shared.writer.lock().await;

        let (text, salt) = self.typed_text(seq).await?;
        let mut connection = self.begin(&mut slot).await?;
        let outcome = self.redact_on(&mut connection, seq, &record).await;
        let appended = self.settle(&mut slot, connection, record.id, outcome).await?;
        let Some(appended) = appended.first().copied() else {
            return Err(StoreError::Corrupt { source: "a redaction was stored without an entry".into() }.into());
        };

        let traces = Traces::Of(traces_of(&text, &salt));
        let is_scrubbed = match self.scrub_with(&mut slot, traces).await {
            Ok(done) => done,
            // The redaction itself is stored; the mark in `meta` makes somebody finish.
            Err(error) => {
                tracing::warn!(entry.seq = seq, error = %error, "traces of a redacted text may be left in the files");
                false
            }
        };
        Ok(Redaction { appended, is_scrubbed })
    }

    /// Finishes the removal of erased texts from the files, if any is left to do; `false` when a reader still holds them.
    ///
    /// # Errors
    /// [`StoreError`]; the work stays marked as unfinished.
    pub async fn scrub(&self) -> Result<bool, StoreError> {
        let mut slot = self.shared.writer.lock().await;
        if self.find_meta(SCRUB_PENDING).await?.is_none() {
            return Ok(true);
        }
        self.scrub_with(&mut slot, Traces::Unknown).await
    }

    /// Position and hash of the last entry; `None` on an empty log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn head(&self) -> Result<Option<(u64, Hash)>, StoreError> {
        let row = self.shared.database.fetch_optional(statements::HEAD, &[]).await?;
        let row = row.ok_or_else(|| StoreError::Corrupt { source: "the log has no head".into() })?;
        let (seq, hash) = head_of(&row)?;
        Ok((seq > 0).then_some((seq, hash)))
    }

    /// At most `limit` entries from position `from_seq` on, oldest first; shorter than `limit` means the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, from_seq: u64, limit: u32) -> Result<Vec<Record>, StoreError> {
        let values = [saturating(from_seq).into(), i64::from(limit).into()];
        let rows = self.shared.database.fetch_all(statements::ENTRIES_FROM, &values).await?;
        rows.iter().map(|row| Ok(record_of(row)?.0)).collect()
    }

    /// What those entries say, for whoever folds many of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_page(&self, from_seq: u64, limit: u32) -> Result<Page, StoreError> {
        let values = [saturating(from_seq).into(), i64::from(limit).into()];
        Ok(Page(self.shared.database.fetch_all(statements::FACTS_FROM, &values).await?))
    }

    /// The entry with an id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_by_id(&self, id: Uuid) -> Result<Option<Record>, StoreError> {
        let row = self.shared.database.fetch_optional(statements::ENTRY_BY_ID, &[id.as_bytes().as_slice().into()]).await?;
        row.map(|row| Ok(record_of(&row)?.0)).transpose()
    }

    /// The newest entries about a subject, newest first, of one kind or of all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_by_subject(&self, subject: &str, kind: Option<&str>, limit: u32) -> Result<Vec<Record>, StoreError> {
        let values = [subject.into(), kind.into(), i64::from(limit).into()];
        let rows = self.shared.database.fetch_all(statements::ENTRIES_BY_SUBJECT, &values).await?;
        rows.iter().map(|row| Ok(record_of(row)?.0)).collect()
    }

    /// Walks the whole chain, calling `progress(done, total)` now and then, and compares it with a head noted elsewhere.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read; that it does not hold together is an answer, not an error.
    pub async fn verify(&self, noted: Option<NotedHead>, progress: impl FnMut(u64, u64) + Send) -> Result<Verdict, StoreError> {
        verify::verify(&self.shared.database, noted, progress).await
    }

    /// Asks the database whether its pages and indexes are sound.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first thing found.
    pub async fn ensure_sound(&self) -> Result<(), StoreError> {
        self.shared.database.ensure_sound().await
    }

    /// Writes a consistent and durable copy to a path where nothing stands yet, beside running appends: a SQLite file, also
    /// of a log on PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError`]; an incomplete copy may be left behind, and no program opens it.
    pub async fn copy_to(&self, target: &Path) -> Result<(), StoreError> {
        match &self.shared.database {
            Database::Sqlite(log) => log.copy_to(target).await,
            Database::Postgres(_) => {
                if target.exists() {
                    return Err(StoreError::Away { source: format!("{} exists already", target.display()).into() });
                }
                match copy(self, &target.into(), |_| {}).await {
                    Ok(_) => Ok(()),
                    Err(CopyError::Store(error)) => Err(error),
                    Err(error) => Err(StoreError::Away { source: Box::new(error) }),
                }
            }
        }
    }

    /// Random id of this run of history, part of every stream id: letters and digits only.
    #[must_use]
    pub fn epoch(&self) -> String {
        self.lock_epoch().clone()
    }

    /// Starts a new epoch, as a restored backup must: its positions may mean other entries than before.
    ///
    /// # Errors
    /// [`StoreError`]; the old epoch stays.
    pub async fn renew_epoch(&self) -> Result<String, StoreError> {
        let epoch = new_epoch();
        self.save_meta("epoch", &epoch).await?;
        self.lock_epoch().clone_from(&epoch);
        Ok(epoch)
    }

    fn lock_epoch(&self) -> std::sync::MutexGuard<'_, String> {
        // A plain string cannot be left half-changed by a panic elsewhere.
        self.shared.epoch.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A small fact about this database by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        let row = self.shared.database.fetch_optional(statements::META, &[name.into()]).await?;
        Ok(row.map(|row| row.column(0)).transpose()?)
    }

    /// Keeps a small fact about this database; not part of the chain.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_meta(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let mut slot = self.shared.writer.lock().await;
        self.write(&mut slot, &[(statements::SAVE_META, vec![name.into(), value.into()])]).await
    }

    /// Keeps the newest known health of devices, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`]; nothing of the batch is kept.
    pub async fn save_devices(&self, devices: Vec<DeviceState>) -> Result<(), StoreError> {
        if devices.is_empty() {
            return Ok(());
        }
        let statements: Vec<_> = devices.iter().map(|state| (statements::SAVE_DEVICE, device_values(state))).collect();
        let mut slot = self.shared.writer.lock().await;
        self.write(&mut slot, &statements).await
    }

    /// The health of all known devices, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_devices(&self) -> Result<Vec<DeviceState>, StoreError> {
        let rows = self.shared.database.fetch_all(statements::DEVICES, &[]).await?;
        rows.iter().map(device_of).collect()
    }
}

fn device_of(row: &Row) -> Result<DeviceState, StoreError> {
    let heard_us: Option<i64> = row.column(1)?;
    let battery: Option<i64> = row.column(2)?;
    Ok(DeviceState {
        device: row.column(0)?,
        last_heard_at: heard_us.map(timestamp).transpose()?,
        battery_pct: battery.map(u8::try_from).transpose().map_err(corrupt)?,
        availability: row.column(3)?,
        json: row.column(4)?,
    })
}

/// The words of opening for what failed while a log settled in.
fn open_error(place: &DatabasePlace, error: StoreError) -> OpenError {
    let place = place.clone();
    match error {
        StoreError::Full { source } => OpenError::Full { place, source },
        StoreError::ReadOnly { source } => OpenError::ReadOnly { place, source },
        StoreError::Corrupt { source } => OpenError::Corrupt { place, source },
        StoreError::Away { source } => OpenError::Away { place, source },
        other @ StoreError::Conflict { .. } => OpenError::Away { place, source: Box::new(other) },
    }
}

fn new_epoch() -> String {
    format!("{:016x}", rand::random::<u64>())
}
