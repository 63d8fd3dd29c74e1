//! Writing: one transaction per batch, and what becomes of the connection when it fails.
//!
//! It exists apart from the public face because every line here decides whether "stored" is true. Invariant: the writing
//! connection goes back into its slot only when it is known to be sound, and an unclear commit is looked up on a fresh one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use super::chain::{self, Hash, Link, Salt};
use super::driver::{Connection, Row, Value};
use super::error::{self, RedactError, StoreError};
use super::record::{Appended, DeviceState, NewRecord, OpenMode, corrupt, head_of, record_of, saturating};
use super::sqlite::{SqliteLog, Traces};
use super::trip::{self, Trip};
use super::{Log, statements};

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

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Broken(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl Log {
    /// The writing connection, taken out of its slot; a new one when the last call did not bring it back.
    pub(super) async fn writer(&self, slot: &mut Option<Connection>) -> Result<Connection, StoreError> {
        if self.shared.mode == OpenMode::Read {
            return Err(StoreError::ReadOnly { source: "the log was opened for reading".into() });
        }
        self.shared.database.ensure_unmoved(slot).await?;
        match slot.take() {
            Some(connection) => Ok(connection),
            None => Ok(self.shared.database.connect_writer(self.page_limit()).await?),
        }
    }

    /// The writing connection inside a new transaction.
    pub(super) async fn begin(&self, slot: &mut Option<Connection>) -> Result<Connection, StoreError> {
        let was_kept = slot.is_some();
        let mut connection = self.writer(slot).await?;
        let Err(error) = connection.begin().await else { return Ok(connection) };
        connection.discard().await;
        // A server that was started again closed the connection we kept, and nothing was said on it yet.
        if !(was_kept && self.shared.database.closes_by_itself()) {
            return Err(error.into());
        }
        tracing::info!(%error, "connecting to the database again");
        let mut connection = self.writer(slot).await?;
        match connection.begin().await {
            Ok(()) => Ok(connection),
            Err(error) => {
                connection.discard().await;
                Err(error.into())
            }
        }
    }

    fn page_limit(&self) -> Option<u32> {
        #[cfg(test)]
        return self.shared.faults.page_limit();
        #[cfg(not(test))]
        None
    }

    async fn commit(&self, connection: &mut Connection, commit: Commit<'_>) -> Result<(), sqlx::Error> {
        #[cfg(test)]
        return self.shared.faults.commit(connection, commit).await;
        #[cfg(not(test))]
        commit.make(connection).await
    }

    /// Puts the connection back or discards it, and finds out what an unclear commit did.
    pub(super) async fn settle(
        &self,
        slot: &mut Option<Connection>,
        connection: Connection,
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
                connection.discard().await;
                return Err(error);
            }
            Err(Failure::Unclear(error, hoped)) => {
                connection.discard().await;
                (error, hoped)
            }
        };
        // A fresh writing connection sees what the next append will see. On a server it gets the writer's lock only when the
        // old session is over, so a commit that was still under way is decided by then.
        let Ok(mut connection) = self.writer(slot).await else {
            return Err(error);
        };
        let landed = connection
            .fetch_optional(statements::ENTRY_BY_ID, &[first_id.as_bytes().as_slice().into()])
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
                connection.discard().await;
                Err(error)
            }
        }
    }

    /// Appends a batch to SQLite, in a transaction of its own. The one writer of a file remembers where it ends.
    pub(super) async fn append_by_trips(
        &self,
        log: &SqliteLog,
        connection: &mut Connection,
        batch: &[NewRecord],
    ) -> Result<Vec<Appended>, Failure> {
        ensure_different(batch).map_err(|id| Failure::Refused(StoreError::Conflict { id }))?;
        // Taken out, so that whatever goes wrong from here on makes the next call ask the database.
        let (last_seq, previous) = match log.take_head() {
            Some(head) => head,
            None => match connection.fetch_optional(statements::HEAD, &[]).await? {
                Some(row) => head_of(&row)?,
                None => return Err(no_head().into()),
            },
        };
        let sealed = seal(batch, last_seq, previous);
        let appended: Vec<Appended> = sealed.iter().map(Sealed::appended).collect();
        let Some(head) = appended.last().map(|last| (last.seq, last.hash)) else { return Ok(appended) };
        let trips = trip::trips(&sealed, &head.1);
        let Some((last, first)) = trips.split_last() else { return Ok(appended) };
        for trip in first {
            if let Err(error) = trip.make(connection).await {
                return Err(refuse_twin(connection, batch, error).await);
            }
        }
        match self.commit(connection, Commit::Joined(last)).await {
            Ok(()) => {
                log.note_head(head);
                Ok(appended)
            }
            Err(error) if error::Reason::of(&error) == error::Reason::Duplicate => {
                Err(refuse_known(connection, batch, error.into()).await)
            }
            // Joined with other statements, a commit cannot be told from what stands before it.
            Err(error) => Err(Failure::Unclear(error.into(), appended)),
        }
    }

    /// Appends inside the transaction that [`Log::begin`] began, and ends it.
    pub(super) async fn append_on(&self, connection: &mut Connection, batch: &[NewRecord]) -> Result<Vec<Appended>, Failure> {
        let appended = insert(connection, batch).await?;
        match self.commit(connection, Commit::Alone).await {
            Ok(()) => Ok(appended),
            Err(error) => Err(Failure::Unclear(error.into(), appended)),
        }
    }

    /// Appends the entry that tells of a redaction, and erases, inside the transaction that [`Log::begin`] began.
    pub(super) async fn redact_on(
        &self,
        connection: &mut Connection,
        seq: u64,
        record: &NewRecord,
    ) -> Result<Vec<Appended>, Failure> {
        self.shared.database.forget_head();
        let appended = insert(connection, std::slice::from_ref(record)).await?;
        connection.execute(statements::ERASE_TEXT, &[saturating(seq).into()]).await?;
        connection.execute(statements::SAVE_META, &[SCRUB_PENDING.into(), seq.to_string().as_str().into()]).await?;
        match self.commit(connection, Commit::Alone).await {
            Ok(()) => Ok(appended),
            Err(error) => Err(Failure::Unclear(error.into(), appended)),
        }
    }

    /// What was typed in an entry. Only the holder of the writer may erase, so the answer stays true.
    pub(super) async fn typed_text(&self, seq: u64) -> Result<(String, Vec<u8>), RedactError> {
        let row = self
            .shared
            .database
            .fetch_optional(statements::TEXT_OF_ENTRY, &[saturating(seq).into()])
            .await?
            .ok_or(RedactError::NoSuchEntry { seq })?;
        let text: Option<String> = row.column(0).map_err(StoreError::from)?;
        let salt: Option<Vec<u8>> = row.column(1).map_err(StoreError::from)?;
        let text_hash: Option<Vec<u8>> = row.column(2).map_err(StoreError::from)?;
        match (text, text_hash) {
            (Some(text), _) => Ok((text, salt.unwrap_or_default())),
            (None, Some(_)) => Err(RedactError::AlreadyRedacted { seq }),
            (None, None) => Err(RedactError::NothingTyped { seq }),
        }
    }

    pub(super) async fn scrub_with(&self, slot: &mut Option<Connection>, traces: Traces) -> Result<bool, StoreError> {
        let mut connection = self.writer(slot).await?;
        let outcome = async {
            let is_done = self.shared.database.scrub(&mut connection, traces).await?;
            if is_done {
                connection.execute(statements::REMOVE_META, &[SCRUB_PENDING.into()]).await?;
            }
            Ok(is_done)
        }
        .await;
        match outcome {
            Ok(done) => {
                *slot = Some(connection);
                Ok(done)
            }
            Err(error) => {
                connection.discard().await;
                Err(error)
            }
        }
    }

    /// Writes something that is not on the log, in a transaction of its own.
    pub(super) async fn write(
        &self,
        slot: &mut Option<Connection>,
        statements: &[(&'static str, Vec<Value<'_>>)],
    ) -> Result<(), StoreError> {
        let mut connection = self.begin(slot).await?;
        let outcome = async {
            for (sql, values) in statements {
                connection.execute(sql, values).await?;
            }
            connection.commit().await
        }
        .await;
        match outcome {
            Ok(()) => {
                *slot = Some(connection);
                Ok(())
            }
            Err(error) => {
                connection.discard().await;
                Err(error.into())
            }
        }
    }
}

impl Log {
    /// Writes one thing that is not on the log, in a transaction of its own, and gives the row it says it changed.
    pub(super) async fn write_returning(
        &self,
        slot: &mut Option<Connection>,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        let mut connection = self.begin(slot).await?;
        let outcome = async {
            let row = connection.fetch_optional(sql, values).await?;
            connection.commit().await?;
            Ok(row)
        }
        .await;
        match outcome {
            Ok(row) => {
                *slot = Some(connection);
                Ok(row)
            }
            Err::<_, sqlx::Error>(error) => {
                connection.discard().await;
                Err(error.into())
            }
        }
    }
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

/// How a transaction ends.
pub(super) enum Commit<'a> {
    /// By a statement of its own.
    Alone,
    /// Together with the last statements, see `trip.rs`.
    Joined(&'a Trip<'a>),
}

impl Commit<'_> {
    pub(super) async fn make(self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        match self {
            Self::Alone => connection.commit().await,
            Self::Joined(trip) => trip.make(connection).await,
        }
    }
}

/// An entry with what was made for it: where it stands and what proves it.
pub(super) struct Sealed<'a> {
    record: &'a NewRecord,
    seq: u64,
    salt: Option<Salt>,
    text_hash: Option<Hash>,
    hash: Hash,
}

/// Inserts a batch after the head and moves the head, inside a transaction.
async fn insert(connection: &mut Connection, batch: &[NewRecord]) -> Result<Vec<Appended>, Failure> {
    if let Err(id) = ensure_different(batch) {
        return Err(refuse(connection, id).await);
    }
    let count = i64::try_from(batch.len()).map_err(corrupt)?;
    let Some(row) = connection.fetch_optional(statements::MOVE_HEAD, &[count.into()]).await? else {
        return Err(no_head().into());
    };
    let (last_seq, previous) = head_of(&row)?;
    let sealed = seal(batch, last_seq - batch.len() as u64, previous);

    let mut rest = sealed.as_slice();
    while !rest.is_empty() {
        let (sql, rows) = statements::insert_entries(rest.len());
        let (now, later) = rest.split_at(rows);
        let values: Vec<Value<'_>> = now.iter().flat_map(Sealed::values).collect();
        if let Err(error) = connection.execute(sql, &values).await {
            return Err(refuse_twin(connection, batch, error).await);
        }
        rest = later;
    }
    let last_hash = sealed.last().map_or(&previous, |last| &last.hash);
    connection.execute(statements::SEAL_HEAD, &[last_hash.as_slice().into(), saturating(last_seq).into()]).await?;
    Ok(sealed.iter().map(Sealed::appended).collect())
}

/// Two entries of a batch with the same id, if there are any.
fn ensure_different(batch: &[NewRecord]) -> Result<(), Uuid> {
    let mut ids = BTreeSet::new();
    batch.iter().find(|record| !ids.insert(record.id)).map_or(Ok(()), |twice| Err(twice.id))
}

fn no_head() -> StoreError {
    StoreError::Corrupt { source: "the log has no head".into() }
}

/// Chains a batch to the entry at `last_seq` with hash `previous`.
fn seal(batch: &[NewRecord], last_seq: u64, mut previous: Hash) -> Vec<Sealed<'_>> {
    let mut sealed = Vec::with_capacity(batch.len());
    for (seq, record) in (last_seq + 1..).zip(batch) {
        let salt: Option<Salt> = record.text.is_some().then(rand::random);
        let text_hash = record.text.as_deref().zip(salt).map(|(text, salt)| chain::text_hash(&salt, text));
        let hash = Link {
            seq,
            id: record.id,
            recorded_at_us: record.recorded_at.as_microsecond(),
            actor: &record.actor,
            channel: &record.channel,
            kind: &record.kind,
            subject: &record.subject,
            digest: record.digest.as_deref(),
            facts: &record.facts,
            text_hash: text_hash.as_ref(),
        }
        .hash_after(&previous);
        sealed.push(Sealed { record, seq, salt, text_hash, hash });
        previous = hash;
    }
    sealed
}

/// What an error while inserting means: an id that is taken refuses the batch, everything else breaks the connection.
async fn refuse_twin(connection: &mut Connection, batch: &[NewRecord], error: sqlx::Error) -> Failure {
    match error::Reason::of(&error) {
        error::Reason::Duplicate => refuse_known(connection, batch, error.into()).await,
        _ => error.into(),
    }
}

impl Sealed<'_> {
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    fn appended(&self) -> Appended {
        Appended { seq: self.seq, hash: self.hash }
    }

    /// In the order of the columns in `statements`.
    pub(super) fn values(&self) -> [Value<'_>; 13] {
        [
            saturating(self.seq).into(),
            self.record.id.as_bytes().as_slice().into(),
            self.record.recorded_at.as_microsecond().into(),
            self.record.actor.as_str().into(),
            self.record.channel.as_str().into(),
            self.record.kind.as_str().into(),
            self.record.subject.as_str().into(),
            self.record.facts.as_str().into(),
            self.record.digest.as_deref().into(),
            self.record.text.as_deref().into(),
            self.salt.as_ref().map(Salt::as_slice).into(),
            self.text_hash.as_ref().map(Hash::as_slice).into(),
            self.hash.as_slice().into(),
        ]
    }
}

/// Ends a transaction because an id is taken; the connection can go on.
async fn refuse(connection: &mut Connection, id: Uuid) -> Failure {
    match connection.roll_back().await {
        Ok(()) => Failure::Refused(StoreError::Conflict { id }),
        Err(_) => Failure::Broken(StoreError::Conflict { id }),
    }
}

/// Ends a transaction in which one of many ids was refused, and finds out which.
async fn refuse_known(connection: &mut Connection, batch: &[NewRecord], error: StoreError) -> Failure {
    if connection.roll_back().await.is_err() {
        return Failure::Broken(error);
    }
    for record in batch {
        match connection.fetch_optional(statements::ENTRY_BY_ID, &[record.id.as_bytes().as_slice().into()]).await {
            Ok(Some(_)) => return Failure::Refused(StoreError::Conflict { id: record.id }),
            Ok(None) => {}
            Err(error) => return error.into(),
        }
    }
    // Not an id, then a position: an entry stands behind the head.
    Failure::Broken(StoreError::Corrupt { source: Box::new(error) })
}

/// The statements that keep the health of devices.
pub(super) fn device_values(state: &DeviceState) -> Vec<Value<'_>> {
    vec![
        state.device.as_str().into(),
        state.last_heard_at.map(Timestamp::as_microsecond).into(),
        state.battery_pct.map(|percent| i64::from(percent.min(100))).into(),
        state.availability.as_deref().into(),
        state.json.as_str().into(),
    ]
}
