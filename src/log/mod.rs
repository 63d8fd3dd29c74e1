//! The append-only log: the one place where what was reported is kept for good.
//!
//! Everything else the program shows can be computed again from here. The log speaks in its own plain records, and the
//! recorder converts: a change of the domain never touches storage, and a change of the database never touches the
//! domain. Invariant: an entry is stored completely and durably before anybody gets an `Ok`, positions are gapless from
//! 1, and nothing but the typed text of an entry ever changes afterwards (and that only to nothing).
//!
//! Only this module names sqlx. How entries prove themselves is written down in [`chain`].

mod append;
pub mod chain;
mod error;
mod place;
mod record;
mod sqlite;
mod statements;
#[cfg(test)]
mod tests;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Connection as _, Row as _};
use tokio::sync::Mutex;
use uuid::Uuid;

use append::{SCRUB_PENDING, discard, finish_scrub, save_devices_on, traces_of};
use chain::Hash;
pub use error::{OpenError, RedactError, Source, StoreError};
use place::Found;
pub use record::{
    Appended, DatabasePlace, DeviceState, NewRecord, OpenMode, REDACTED_KIND, Record, Redaction, redaction_subject,
    stored_precision,
};
use record::{corrupt, head_of, record_of, saturating, timestamp};
use sqlite::{Identity, Traces};
pub use verify::{NotedHead, Verdict};

/// An open log. Clones share the same connections.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// Which file stood there when it was opened.
    file: place::FileIdentity,
    /// Which write-ahead file the connections have open; known from the first write on. Held for a look only.
    wal: std::sync::Mutex<Option<place::FileIdentity>>,
    mode: OpenMode,
    /// Taken out while in use and put back only when known to be sound: a call that fails or is dropped half-way leaves
    /// `None`, and the next one connects anew. sqlx loses count of transactions that SQLite rolled back by itself.
    writer: Mutex<Option<SqliteConnection>>,
    readers: SqlitePool,
    epoch: std::sync::Mutex<String>,
    #[cfg(test)]
    faults: tests::Faults,
}

impl Log {
    /// Opens the log at a place, creating it there when it is opened for writing and nothing stands there.
    ///
    /// # Errors
    /// [`OpenError`] says what an operator can do; a file that is not ours is never changed.
    pub async fn open(place: &DatabasePlace, mode: OpenMode) -> Result<Self, OpenError> {
        let DatabasePlace::Sqlite(path) = place;
        // Absolute: SQLite would take a name that starts with `file:` for a URI.
        let path = std::path::absolute(path).map_err(|error| OpenError::Away { path: path.clone(), source: Box::new(error) })?;
        sqlite::ensure_library().await?;
        let found = place::examine(&path)?;
        let identity = match found {
            Found::Nothing if mode == OpenMode::Read => return Err(OpenError::Missing { path }),
            Found::Nothing => Identity::Empty,
            Found::Database => sqlite::identify(&path).await?,
        };
        let writer = match mode {
            OpenMode::Write => Some(open_writer(&path).await?),
            OpenMode::Read => match identity {
                Identity::Empty => return Err(OpenError::Missing { path }),
                Identity::Older => return Err(OpenError::Older { path }),
                Identity::Current => None,
            },
        };
        let readers = sqlite::connect_readers(&path).await?;
        let failed = |source: Source| OpenError::Away { path: path.clone(), source };
        let epoch = match find_meta(&readers, "epoch").await {
            Ok(Some(epoch)) => epoch,
            Ok(None) => return Err(OpenError::Corrupt { path, source: "the log has no epoch".into() }),
            Err(StoreError::Corrupt { source }) => return Err(OpenError::Corrupt { path, source }),
            Err(error) => return Err(failed(Box::new(error))),
        };
        let file = place::file_identity(&path).map_err(|error| failed(Box::new(error)))?;
        Ok(Self {
            shared: Arc::new(Shared {
                path,
                file,
                wal: std::sync::Mutex::default(),
                mode,
                writer: Mutex::new(writer),
                readers,
                epoch: std::sync::Mutex::new(epoch),
                #[cfg(test)]
                faults: tests::Faults::default(),
            }),
        })
    }

    /// Closes all connections; the last writer to leave empties the WAL.
    pub async fn close(self) {
        self.shared.readers.close().await;
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
        let mut connection = self.writer(&mut slot).await?;
        let outcome = self.append_on(&mut connection, &batch).await;
        self.settle(&mut slot, connection, first.id, outcome).await
    }

    /// Erases what was typed in entry `seq` and appends, in the same transaction, the entry that says so.
    ///
    /// The kind and subject of `record` are set here ([`REDACTED_KIND`], [`redaction_subject`]), because `verify` accepts
    /// a missing text only when such an entry follows. Afterwards the bytes are removed from database and WAL.
    ///
    /// # Errors
    /// [`RedactError`] when there is nothing to erase or the log cannot be written.
    pub async fn append_redaction(&self, seq: u64, mut record: NewRecord) -> Result<Redaction, RedactError> {
        record.kind = REDACTED_KIND.to_owned();
        record.subject = redaction_subject(seq);
        let mut slot = self.shared.writer.lock().await;

        let (text, salt) = self.typed_text(seq).await?;
        let mut connection = self.writer(&mut slot).await?;
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
        if find_meta(&self.shared.readers, SCRUB_PENDING).await?.is_none() {
            return Ok(true);
        }
        self.scrub_with(&mut slot, Traces::Unknown).await
    }

    /// Position and hash of the last entry; `None` on an empty log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn head(&self) -> Result<Option<(u64, Hash)>, StoreError> {
        let row = sqlx::query(statements::HEAD).fetch_one(&self.shared.readers).await?;
        let (seq, hash) = head_of(&row)?;
        Ok((seq > 0).then_some((seq, hash)))
    }

    /// At most `limit` entries from position `from_seq` on, oldest first; shorter than `limit` means the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, from_seq: u64, limit: u32) -> Result<Vec<Record>, StoreError> {
        let rows = sqlx::query(statements::ENTRIES_FROM)
            .bind(saturating(from_seq))
            .bind(i64::from(limit))
            .fetch_all(&self.shared.readers)
            .await?;
        rows.iter().map(|row| Ok(record_of(row)?.0)).collect()
    }

    /// The entry with an id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_by_id(&self, id: Uuid) -> Result<Option<Record>, StoreError> {
        sqlx::query(statements::ENTRY_BY_ID)
            .bind(id.as_bytes().as_slice())
            .fetch_optional(&self.shared.readers)
            .await?
            .map(|row| Ok(record_of(&row)?.0))
            .transpose()
    }

    /// The newest entries about a subject, newest first, of one kind or of all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_by_subject(&self, subject: &str, kind: Option<&str>, limit: u32) -> Result<Vec<Record>, StoreError> {
        let rows = sqlx::query(statements::ENTRIES_BY_SUBJECT)
            .bind(subject)
            .bind(kind)
            .bind(i64::from(limit))
            .fetch_all(&self.shared.readers)
            .await?;
        rows.iter().map(|row| Ok(record_of(row)?.0)).collect()
    }

    /// Walks the whole chain, calling `progress(done, total)` now and then, and compares it with a head noted elsewhere.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read; that it does not hold together is an answer, not an error.
    pub async fn verify(&self, noted: Option<NotedHead>, progress: impl FnMut(u64, u64) + Send) -> Result<Verdict, StoreError> {
        verify::verify(&self.shared.readers, noted, progress).await
    }

    /// Asks the database whether its pages and indexes are sound.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first thing found.
    pub async fn ensure_sound(&self) -> Result<(), StoreError> {
        sqlite::ensure_sound(&self.shared.readers).await
    }

    /// Writes a compact, consistent and durable copy to a path where nothing stands yet, beside running appends.
    ///
    /// # Errors
    /// [`StoreError`]; an incomplete copy may be left behind.
    pub async fn copy_to(&self, target: &Path) -> Result<(), StoreError> {
        sqlite::copy(&self.shared.path, target).await
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
        find_meta(&self.shared.readers, name).await
    }

    /// Keeps a small fact about this database; not part of the chain.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_meta(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let mut slot = self.shared.writer.lock().await;
        let mut connection = self.writer(&mut slot).await?;
        match sqlx::query(statements::SAVE_META).bind(name).bind(value).execute(&mut connection).await {
            Ok(_) => {
                *slot = Some(connection);
                Ok(())
            }
            Err(error) => {
                discard(connection).await;
                Err(error.into())
            }
        }
    }

    /// Keeps the newest known health of devices, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`]; nothing of the batch is kept.
    pub async fn save_devices(&self, devices: Vec<DeviceState>) -> Result<(), StoreError> {
        if devices.is_empty() {
            return Ok(());
        }
        let mut slot = self.shared.writer.lock().await;
        let mut connection = self.writer(&mut slot).await?;
        match save_devices_on(&mut connection, &devices).await {
            Ok(()) => {
                *slot = Some(connection);
                Ok(())
            }
            Err(error) => {
                discard(connection).await;
                Err(error.into())
            }
        }
    }

    /// The health of all known devices, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_devices(&self) -> Result<Vec<DeviceState>, StoreError> {
        let rows = sqlx::query(statements::DEVICES).fetch_all(&self.shared.readers).await?;
        rows.iter()
            .map(|row| {
                let heard_us: Option<i64> = row.try_get("last_heard_at")?;
                let battery: Option<i64> = row.try_get("battery_pct")?;
                Ok(DeviceState {
                    device: row.try_get("device")?,
                    last_heard_at: heard_us.map(timestamp).transpose()?,
                    battery_pct: battery.map(u8::try_from).transpose().map_err(corrupt)?,
                    availability: row.try_get("availability")?,
                    json: row.try_get("details")?,
                })
            })
            .collect()
    }
}

async fn open_writer(path: &Path) -> Result<SqliteConnection, OpenError> {
    place::ensure_writable(path)?;
    let mut connection = sqlite::connect_writer(path, None).await?;
    sqlite::migrate(&mut connection, path).await?;
    let failed = |error: sqlx::Error| sqlite::open_error(path, error);
    sqlx::query(statements::SAVE_META_ONCE).bind("epoch").bind(new_epoch()).execute(&mut connection).await.map_err(failed)?;
    let is_scrub_pending =
        sqlx::query(statements::META).bind(SCRUB_PENDING).fetch_optional(&mut connection).await.map_err(failed)?.is_some();
    if is_scrub_pending {
        match finish_scrub(&mut connection, path, Traces::Unknown).await {
            Ok(true) => tracing::info!("finished removing an erased text from the files of the log"),
            Ok(false) => tracing::warn!("an erased text may still be in the files of the log: another process is reading"),
            // Not a reason to keep the board away from everybody; the mark stays.
            Err(error) => tracing::warn!(error = %error, "an erased text may still be in the files of the log"),
        }
    }
    // SQLite syncs the folder when it creates a journal, not when it is handed an empty file.
    std::fs::File::open(place::folder_of(path))
        .and_then(|folder| folder.sync_all())
        .map_err(|error| OpenError::Away { path: path.to_owned(), source: Box::new(error) })?;
    Ok(connection)
}

async fn find_meta(readers: &SqlitePool, name: &str) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar(statements::META).bind(name).fetch_optional(readers).await?)
}

fn new_epoch() -> String {
    format!("{:016x}", rand::random::<u64>())
}
