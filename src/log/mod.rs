//! The append-only log: the one place where what was reported is kept for good.
//!
//! Everything else the program shows can be computed again from here. The log speaks in its own plain records, and the
//! recorder converts: a change of the domain never touches storage, and a change of the database never touches the
//! domain. Invariant: an entry is stored completely and durably before anybody gets an `Ok`, positions are gapless from
//! 1, and nothing but the typed text of an entry ever changes afterwards (and that only to nothing).
//!
//! Only this module names sqlx. How entries prove themselves is written down in [`chain`].

pub mod chain;
mod error;
mod place;
mod sqlite;
mod statements;
#[cfg(test)]
mod tests;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{Connection as _, Row as _};
use tokio::sync::Mutex;
use uuid::Uuid;

use chain::{Hash, Link, Salt};
pub use error::{OpenError, RedactError, Source, StoreError};
use place::Found;
use sqlite::{Identity, Traces};
pub use verify::{NotedHead, Verdict};

/// Kind of the entries that [`Log::append_redaction`] writes.
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

/// Where a log is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabasePlace {
    /// A file on a local disk; its `-wal` and `-shm` stand beside it.
    Sqlite(PathBuf),
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
    /// Nothing is left in the files either. When `false` (a reader in another process held the WAL), [`Log::scrub`]
    /// finishes the work, and so does the next opening for writing.
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

/// An open log. Clones share the same connections.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    mode: OpenMode,
    /// Taken out while in use and put back only when known to be sound: a call that fails or is dropped half-way leaves
    /// `None`, and the next one connects anew. sqlx loses count of transactions that SQLite rolled back by itself.
    writer: Mutex<Option<SqliteConnection>>,
    readers: SqlitePool,
    epoch: std::sync::Mutex<String>,
    #[cfg(test)]
    faults: tests::Faults,
}

/// How a write failed, which decides what becomes of the connection.
enum Failure {
    /// Rolled back; the connection is sound.
    Refused(StoreError),
    /// Nothing was stored; the connection is in an unknown state.
    Broken(StoreError),
    /// The commit answered with an error: whether the entries landed must be looked up.
    Unclear(StoreError, Vec<Appended>),
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
        let epoch = find_meta(&readers, "epoch")
            .await
            .and_then(|epoch| epoch.ok_or_else(|| StoreError::Corrupt { source: "the log has no epoch".into() }));
        let epoch = epoch.map_err(|error| OpenError::Corrupt { path: path.clone(), source: Box::new(error) })?;
        Ok(Self {
            shared: Arc::new(Shared {
                path,
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

    /// The writing connection, taken out of its slot; a new one when the last call did not bring it back.
    async fn writer(&self, slot: &mut Option<SqliteConnection>) -> Result<SqliteConnection, StoreError> {
        if self.shared.mode == OpenMode::Read {
            return Err(StoreError::ReadOnly { source: "the log was opened for reading".into() });
        }
        match slot.take() {
            Some(connection) => Ok(connection),
            None => Ok(sqlite::connect_writer(&self.shared.path, self.page_limit()).await?),
        }
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
    async fn settle(
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

    async fn append_on(&self, connection: &mut SqliteConnection, batch: &[NewRecord]) -> Result<Vec<Appended>, Failure> {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|error| Failure::Broken(error.into()))?;
        match insert(&mut transaction, batch).await {
            Ok(appended) => match self.commit(transaction).await {
                Ok(()) => Ok(appended),
                Err(error) => Err(Failure::Unclear(error.into(), appended)),
            },
            Err(error) => Err(roll_back(transaction, error).await),
        }
    }

    async fn redact_on(&self, connection: &mut SqliteConnection, seq: u64, record: &NewRecord) -> Result<Vec<Appended>, Failure> {
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
    async fn typed_text(&self, seq: u64) -> Result<(String, Vec<u8>), RedactError> {
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

    async fn scrub_with(&self, slot: &mut Option<SqliteConnection>, traces: Traces) -> Result<bool, StoreError> {
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

/// Name in `meta` of the mark that an erased text may still be in the files.
const SCRUB_PENDING: &str = "scrub_pending";

async fn open_writer(path: &Path) -> Result<SqliteConnection, OpenError> {
    place::ensure_writable(path)?;
    let mut connection = sqlite::connect_writer(path, None).await?;
    sqlite::migrate(&mut connection, path).await?;
    let away = |error: sqlx::Error| OpenError::Away { path: path.to_owned(), source: Box::new(error) };
    sqlx::query(statements::SAVE_META_ONCE).bind("epoch").bind(new_epoch()).execute(&mut connection).await.map_err(away)?;
    let is_scrub_pending =
        sqlx::query(statements::META).bind(SCRUB_PENDING).fetch_optional(&mut connection).await.map_err(away)?.is_some();
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

async fn finish_scrub(connection: &mut SqliteConnection, path: &Path, traces: Traces) -> Result<bool, StoreError> {
    let is_done = sqlite::scrub(connection, path, traces).await?;
    if is_done {
        sqlx::query(statements::REMOVE_META).bind(SCRUB_PENDING).execute(&mut *connection).await?;
    }
    Ok(is_done)
}

/// What to look for in the files: the salt is unique, and the ends of the text survive a partly overwritten cell.
fn traces_of(text: &str, salt: &[u8]) -> Vec<Vec<u8>> {
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
async fn insert(transaction: &mut SqliteConnection, batch: &[NewRecord]) -> Result<Vec<Appended>, StoreError> {
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

async fn roll_back(transaction: sqlx::Transaction<'_, sqlx::Sqlite>, error: StoreError) -> Failure {
    match (transaction.rollback().await, error) {
        // Only a refused id is sure to leave SQLite's transaction as sqlx believes it to be.
        (Ok(()), error @ StoreError::Conflict { .. }) => Failure::Refused(error),
        (_, error) => Failure::Broken(error),
    }
}

async fn save_devices_on(connection: &mut SqliteConnection, devices: &[DeviceState]) -> Result<(), sqlx::Error> {
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

async fn discard(connection: SqliteConnection) {
    // It is in an unknown state: whatever closing says, nothing is built on it any more.
    let _ = connection.close_hard().await;
}

async fn find_meta(readers: &SqlitePool, name: &str) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar(statements::META).bind(name).fetch_optional(readers).await?)
}

fn new_epoch() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// Positions beyond the range of the database are beyond the end of every log.
fn saturating(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn corrupt(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Corrupt { source: Box::new(error) }
}

fn timestamp(microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds).map_err(corrupt)
}

fn hash_of(row: &SqliteRow, column: &str) -> Result<Hash, StoreError> {
    row.try_get::<&[u8], _>(column)?.try_into().map_err(corrupt)
}

fn head_of(row: &SqliteRow) -> Result<(u64, Hash), StoreError> {
    let seq: i64 = row.try_get("seq")?;
    Ok((u64::try_from(seq).map_err(corrupt)?, hash_of(row, "hash")?))
}

/// The entry in a row, and the salt beside its text.
fn record_of(row: &SqliteRow) -> Result<(Record, Option<Vec<u8>>), StoreError> {
    let seq: i64 = row.try_get("seq")?;
    let text: Option<String> = row.try_get("text")?;
    let text_hash = row.try_get::<Option<&[u8]>, _>("text_hash")?.map(Hash::try_from).transpose().map_err(corrupt)?;
    let record = Record {
        seq: u64::try_from(seq).map_err(corrupt)?,
        id: Uuid::from_slice(row.try_get("id")?).map_err(corrupt)?,
        recorded_at: timestamp(row.try_get("recorded_at")?)?,
        actor: row.try_get("actor")?,
        channel: row.try_get("channel")?,
        kind: row.try_get("kind")?,
        subject: row.try_get("subject")?,
        facts: row.try_get("facts")?,
        digest: row.try_get("digest")?,
        redacted: text.is_none() && text_hash.is_some(),
        text,
        text_hash,
        hash: hash_of(row, "hash")?,
    };
    Ok((record, row.try_get("salt")?))
}
