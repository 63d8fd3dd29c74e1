//! Checkpoints: the folded board on disk, so that a start does not read the whole history.
//!
//! They are files in the data folder, the same for every database, and never part of the truth: a missing, damaged or foreign one
//! means a longer replay. A checkpoint is used only if this very fold made it and if the log holds, at its position, the entry it
//! was made from. *Invariant:* writing one holds no lock while it serialises and stalls nobody; and once an erasure has begun
//! ([`Checkpoints::erase`]) no file with the erased words is left or comes into being.

mod format;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::app::SharedBoard;
use crate::data_folder::DataFolder;
use crate::fold::Folded;
use crate::log::{Log, StoreError};
pub use format::Header;

/// Kept, the newest first: the second one is for the day on which the first is damaged.
const KEPT: usize = 2;

/// Left to the log on a disk that fills up: what people report comes before what makes a start quicker.
const RESERVE_BYTES: u64 = 32 << 20;

/// Ending of a whole checkpoint.
const WHOLE: &str = "fold";
/// Ending of one that is being written.
const PARTIAL: &str = "partial";

/// Why a checkpoint is not used. Nothing is lost by it: the log is replayed instead.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The file system refused.
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    /// It is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// Another version of the program made it.
    #[error("another version of the program made it")]
    OtherVersion,
    /// The log does not hold what it was made from.
    #[error("it is of another log: {0}")]
    OtherLog(&'static str),
}

impl Unusable {
    fn damaged(why: impl ToString) -> Self {
        Self::Damaged(why.to_string())
    }
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::damaged("it was cut off") } else { Self::Io(error) }
    }
}

/// Why no checkpoint was saved. The older ones stay.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The file system refused.
    #[error("checkpoint not written: {0}")]
    Io(#[from] io::Error),
    /// The log could not be asked for the hash of the entry.
    #[error("checkpoint not written: {0}")]
    Store(#[from] StoreError),
    /// A text was erased while it was written, and it may have held that text.
    #[error("checkpoint not written: a text was erased meanwhile")]
    Erased,
}

/// A checkpoint that was saved or loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// Of which position.
    pub seq: u64,
    /// When it was made.
    pub made_at: Timestamp,
    /// How large the file is.
    pub bytes: u64,
}

/// The checkpoints of one data folder. Clones share what they know.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    /// Held while files are renamed and removed, never while serialising; waited for by blocking threads alone.
    files: Mutex<Files>,
    /// Held for a look only.
    last: Mutex<Option<Saved>>,
    /// Counts ended erasures: a board read before the last one may hold what was erased. Changes under `files`.
    erasures: AtomicU64,
    /// One is written at a time.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Files {
    /// Erasures under way: while there are any, no checkpoint comes into being.
    erasing: u32,
    /// Known to be good, the newest first.
    usable: Vec<PathBuf>,
}

impl Checkpoints {
    /// The checkpoints of a data folder; touches nothing yet.
    #[must_use]
    pub fn of(folder: &DataFolder) -> Self {
        let shared = Shared {
            folder: folder.checkpoints(),
            files: Mutex::default(),
            last: Mutex::default(),
            erasures: AtomicU64::default(),
            turn: tokio::sync::Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    fn lock_files(&self) -> MutexGuard<'_, Files> {
        // A panic elsewhere leaves at worst a file too many, which the next save removes.
        self.shared.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, last: Option<Saved>) {
        *self.shared.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
    }

    /// The newest that was saved or loaded, if any is left.
    #[must_use]
    pub fn last(&self) -> Option<Saved> {
        *self.shared.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes what a killed process left half-written. The caller holds the lock of the data folder.
    pub fn clean_up(&self) {
        for path in self.files().into_iter().filter(|path| path.extension().is_some_and(|e| e == PARTIAL)) {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "half a checkpoint stays behind");
            }
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        // A folder that is missing or cannot be read holds no checkpoint for us.
        let entries = fs::read_dir(&self.shared.folder).into_iter().flatten().filter_map(Result::ok);
        entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
    }

    /// Whole checkpoints, the newest first.
    fn list(&self) -> Vec<PathBuf> {
        let mut paths = self.files();
        paths.retain(|path| path.extension().is_some_and(|e| e == WHOLE));
        // Names hold the position with leading zeros, so they sort by it.
        paths.sort_unstable_by(|a, b| b.cmp(a));
        paths
    }

    /// The newest checkpoint that this version could use, looked at without the log; `None` when there is none.
    ///
    /// # Errors
    /// Why the newest file is no such checkpoint.
    pub fn newest(&self) -> Option<Result<Saved, Unusable>> {
        let path = self.list().into_iter().next()?;
        Some(File::open(path).map_err(Unusable::from).and_then(|mut file| {
            let bytes = format::ensure_sealed(&mut file)?;
            let header = format::read_header(&mut file)?;
            ensure_same_fold(&header)?;
            Ok(Saved { seq: header.seq, made_at: header.made_at, bytes })
        }))
    }

    /// The newest checkpoint that this log proves. Files that cannot be used are named in the log and passed over.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read; a bad checkpoint is no error.
    pub async fn load(&self, log: &Log) -> Result<Option<Folded>, StoreError> {
        for path in self.list() {
            match self.load_one(&path, log).await? {
                Ok((saved, folded)) => {
                    self.lock_files().usable = vec![path];
                    self.remember(Some(saved));
                    return Ok(Some(folded));
                }
                Err(why @ Unusable::OtherVersion) => tracing::info!(path = %path.display(), %why, "checkpoint passed over"),
                Err(why) => tracing::warn!(path = %path.display(), %why, "checkpoint passed over"),
            }
        }
        Ok(None)
    }

    async fn load_one(&self, path: &Path, log: &Log) -> Result<Result<(Saved, Folded), Unusable>, StoreError> {
        let header = match File::open(path).map_err(Unusable::from).and_then(|mut file| {
            let header = format::read_header(&mut file)?;
            ensure_same_fold(&header)?;
            Ok((header, file))
        }) {
            Ok(header) => header,
            Err(why) => return Ok(Err(why)),
        };
        let (header, mut file) = header;
        if header.epoch != log.epoch() {
            return Ok(Err(Unusable::OtherLog("it has another epoch")));
        }
        match log.read(header.seq, 1).await?.first() {
            Some(entry) if entry.seq == header.seq && data_encoding::HEXLOWER.encode(&entry.hash) == header.hash => {}
            Some(_) => return Ok(Err(Unusable::OtherLog("another entry stands at its position"))),
            None => return Ok(Err(Unusable::OtherLog("the log does not reach so far"))),
        }
        let read = tokio::task::spawn_blocking(move || {
            let bytes = file.metadata()?.len();
            let (sealed, folded) = format::read(&mut file)?;
            // What was compared with the log above was not sealed yet.
            if sealed != header {
                return Err(Unusable::damaged("its header changed while it was read"));
            }
            Ok((Saved { seq: sealed.seq, made_at: sealed.made_at, bytes }, folded))
        });
        Ok(read.await.unwrap_or_else(|error| Err(Unusable::damaged(error))))
    }

    /// Saves the board as it is now and removes all but the last two; `None` when the newest holds all there is.
    ///
    /// # Errors
    /// [`SaveError`]; the checkpoints from before stay.
    pub async fn save(&self, log: &Log, board: &SharedBoard, now: Timestamp) -> Result<Option<Saved>, SaveError> {
        let _turn = self.shared.turn.lock().await;
        let started = Instant::now();
        // Before the board is read: what is erased from here on may still be in it.
        let erasures = self.shared.erasures.load(Ordering::SeqCst);
        let folded = board.snapshot();
        let seq = folded.board.position();
        if seq == 0 || self.last().is_some_and(|last| last.seq == seq) {
            return Ok(None);
        }
        let entry = log.read(seq, 1).await?.into_iter().find(|entry| entry.seq == seq);
        let Some(entry) = entry else {
            return Err(StoreError::Corrupt { source: format!("entry {seq} was folded and is not on the log").into() }.into());
        };
        let header = Header {
            fold: format::FINGERPRINT.to_owned(),
            epoch: log.epoch(),
            seq,
            hash: data_encoding::HEXLOWER.encode(&entry.hash),
            made_at: now,
        };
        let checkpoints = self.clone();
        let (done, outcome) = tokio::sync::oneshot::channel();
        // A thread of its own, because its priority cannot be raised again afterwards.
        std::thread::Builder::new().name("checkpoint".to_owned()).spawn(move || {
            // Reports and pages come first. Where the system does not let us step back, it is only a little slower for them.
            let _ = rustix::process::setpriority_process(None, 10);
            drop(done.send(checkpoints.write(&header, folded, erasures)));
        })?;
        let saved = outcome.await.map_err(io::Error::other)??;
        let took = started.elapsed();
        metrics::histogram!("imaboard_checkpoint_seconds").record(took.as_secs_f64());
        metrics::gauge!("imaboard_checkpoint_bytes").set(saved.bytes as f64);
        metrics::gauge!("imaboard_checkpoint_seq").set(saved.seq as f64);
        tracing::info!(seq, bytes = saved.bytes, took_ms = took.as_millis() as u64, "checkpoint saved");
        Ok(Some(saved))
    }

    fn write(&self, header: &Header, folded: Folded, erasures: u64) -> Result<Saved, SaveError> {
        let folder = &self.shared.folder;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let partial = folder.join(format!("{:020}.{PARTIAL}", header.seq));
        let whole = folder.join(format!("{:020}.{WHOLE}", header.seq));
        let written = write_file(&partial, header, &folded, self.last().map_or(0, |last| last.bytes));
        // The snapshot shares memory with the board: let go before anything else takes time.
        drop(folded);
        let outcome = written.map_err(SaveError::from).and_then(|bytes| {
            let mut files = self.lock_files();
            if files.erasing > 0 || self.shared.erasures.load(Ordering::SeqCst) != erasures {
                return Err(SaveError::Erased);
            }
            fs::rename(&partial, &whole)?;
            File::open(folder)?.sync_all()?;
            files.usable.retain(|path| *path != whole);
            files.usable.insert(0, whole);
            files.usable.truncate(KEPT);
            let saved = Saved { seq: header.seq, made_at: header.made_at, bytes };
            self.remember(Some(saved));
            // Only now, with a good one in its place: older ones, and whatever could not be used.
            for path in self.list().into_iter().filter(|path| !files.usable.contains(path)) {
                fs::remove_file(path)?;
            }
            Ok(saved)
        });
        if outcome.is_err() && partial.exists() {
            // What cannot be removed now is removed at the next start.
            drop(fs::remove_file(&partial));
        }
        outcome
    }

    /// Removes every checkpoint, because a text they may hold is about to be erased from the log. Until the returned value is
    /// dropped none comes into being, and none that was begun before.
    ///
    /// Called before the erasure is committed: a crash in between leaves a longer replay, never the words.
    ///
    /// # Errors
    /// If a file cannot be removed; then the words must not be said to be gone.
    pub async fn erase(&self) -> io::Result<Erasing> {
        let checkpoints = self.clone();
        let erasing = tokio::task::spawn_blocking(move || {
            let mut files = checkpoints.lock_files();
            files.usable.clear();
            checkpoints.remember(None);
            files.erasing += 1;
            let erasing = Erasing { checkpoints: checkpoints.clone() };
            let removed = checkpoints.remove_all();
            // Dropping `erasing` after a failure takes the lock again.
            drop(files);
            removed.map(|()| erasing)
        });
        erasing.await.map_err(io::Error::other)?
    }

    fn remove_all(&self) -> io::Result<()> {
        let folder = &self.shared.folder;
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            match fs::remove_file(entry?.path()) {
                // Being written: its writer finds out and gives up.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        // A power cut must not bring them back.
        File::open(folder)?.sync_all()
    }
}

/// An erasure under way; see [`Checkpoints::erase`].
#[derive(Debug)]
#[must_use = "checkpoints with the erased words may come into being once this is dropped"]
pub struct Erasing {
    checkpoints: Checkpoints,
}

impl Drop for Erasing {
    fn drop(&mut self) {
        let mut files = self.checkpoints.lock_files();
        files.erasing -= 1;
        self.checkpoints.shared.erasures.fetch_add(1, Ordering::SeqCst);
    }
}

fn ensure_same_fold(header: &Header) -> Result<(), Unusable> {
    if header.fold == format::FINGERPRINT { Ok(()) } else { Err(Unusable::OtherVersion) }
}

fn write_file(path: &Path, header: &Header, folded: &Folded, expected_bytes: u64) -> io::Result<u64> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // At first for the whole file, then for what may still come.
    let mut wanted = RESERVE_BYTES + expected_bytes;
    let mut ensure_room = || {
        let disk = rustix::fs::statvfs(folder)?;
        let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free_bytes < std::mem::replace(&mut wanted, RESERVE_BYTES) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, format!("only {free_bytes} bytes are free")));
        }
        Ok(())
    };
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let bytes = format::write(&mut file, header, folded, &mut ensure_room)?;
    file.sync_all()?;
    Ok(bytes)
}

/// When the next checkpoint is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// After so many entries.
    pub entries: u64,
    /// After so long, if anything was stored since.
    pub interval: Duration,
}

impl Pace {
    /// Whether enough came in since the last checkpoint, whatever the clock says.
    #[must_use]
    pub fn is_due_by_entries(&self, position: u64, last: Option<Saved>) -> bool {
        position.saturating_sub(last.map_or(0, |last| last.seq)) >= self.entries
    }

    /// Whether one is due at `now`; the first one as soon as there is anything to save.
    #[must_use]
    pub fn is_due(&self, position: u64, last: Option<Saved>, now: Timestamp) -> bool {
        let Some(saved) = last else { return position > 0 };
        // A clock that was set back counts like one that went on: what matters is that the last one is long ago or of another time.
        let is_old = now.duration_since(saved.made_at).unsigned_abs() >= self.interval;
        self.is_due_by_entries(position, last) || position > saved.seq && is_old
    }
}
