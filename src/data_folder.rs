//! The data folder: the one place on disk that belongs to a board, and the lock that gives it one writer.
//!
//! It exists so that every room asks here for names and rights instead of joining paths itself. Invariant: whoever
//! holds a [`Lock`] is the only process that writes into the folder; the operating system frees it when that process
//! ends, however it ends.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rand::TryRngCore;

/// How long the signing secret is: as long as the output of the hash that signs (SHA-256).
pub const SECRET_BYTES: usize = 32;

/// A folder that holds, or will hold, everything one board keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder {
    path: PathBuf,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something of that name exists, but it is not a folder.
    #[error("{0} is not a folder")]
    NotAFolder(PathBuf),
    /// The operating system refused.
    #[error("{doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("{path} is in use by {holder}; stop it first, or let it do the work through its control socket")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Who holds it, as that process wrote it.
        holder: String,
    },
    /// The signing secret can be read by others, so whoever read it could make report keys.
    #[error(
        "{path} may be read by others (mode {mode:o}); make it 0600, and rotate all report keys if anybody else uses this machine"
    )]
    SecretExposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The signing secret is not one: the file was cut off or edited.
    #[error("{path} holds {length} bytes instead of {SECRET_BYTES}; restore it from a backup, or old posters stop working")]
    SecretDamaged {
        /// The file.
        path: PathBuf,
        /// What it holds.
        length: usize,
    },
}

impl Error {
    fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), source }
    }
}

impl DataFolder {
    /// Opens the folder, and creates it, readable by its owner only, if it does not exist.
    ///
    /// # Errors
    /// If it cannot be created or is not a folder.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => Ok(Self { path }),
            Ok(_) => Err(Error::NotAFolder(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match DirBuilder::new().recursive(true).mode(0o700).create(&path) {
                    Ok(()) => Ok(Self { path }),
                    Err(source) => Err(Error::io("cannot create", &path, source)),
                }
            }
            Err(source) => Err(Error::io("cannot look into", &path, source)),
        }
    }

    /// Opens the folder only if it exists: for commands that read and must leave no trace.
    ///
    /// # Errors
    /// If it does not exist or is not a folder.
    pub fn existing(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => Ok(Self { path }),
            Ok(_) => Err(Error::NotAFolder(path)),
            Err(source) => Err(Error::io("cannot look into", &path, source)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join("imaboard.db")
    }

    /// The signing secret.
    #[must_use]
    pub fn secret_file(&self) -> PathBuf {
        self.path.join("secret.key")
    }

    /// The local door for the command line.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    /// The lock file.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// Where backups go by default.
    #[must_use]
    pub fn backups(&self) -> PathBuf {
        self.path.join("backups")
    }

    /// Saved boards; all of them may be deleted at any time, at the price of a longer start.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// The static copy of the public board.
    #[must_use]
    pub fn public_copy(&self) -> PathBuf {
        self.path.join("public")
    }

    /// Makes this process the one writer, until the returned value is dropped.
    ///
    /// # Errors
    /// [`Error::InUse`] names the holder if another process is the writer.
    pub fn lock(&self, now: Timestamp) -> Result<Lock, Error> {
        let path = self.lock_file();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| Error::io("cannot open", &path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Naming the holder is a courtesy: not being able to must not hide that there is one.
                let read = file.read_to_string(&mut holder);
                let holder = match (read, holder.trim()) {
                    (Ok(_), named) if !named.is_empty() => named.to_owned(),
                    _ => "another process".to_owned(),
                };
                return Err(Error::InUse { path: self.path.clone(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(Error::io("cannot lock", &path, source)),
        }
        let text = format!("pid {} since {now}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(|source| Error::io("cannot write", &path, source))?;
        Ok(Lock { file, folder: self.clone() })
    }

    /// The secret that signs report keys; created on first use.
    ///
    /// # Errors
    /// If others could read it, if it is damaged, or if it can be neither read nor created.
    pub fn secret(&self) -> Result<SigningSecret, Error> {
        let path = self.secret_file();
        if let Some(secret) = read_secret(&path)? {
            return Ok(secret);
        }
        // Written beside and linked into place, so that a crash leaves a whole secret or none, and of two processes
        // that create it at the same moment one wins and both use the winner's.
        let beside = self.path.join(format!("secret.key.{}", std::process::id()));
        let mut bytes = [0_u8; SECRET_BYTES];
        rand::rngs::OsRng
            .try_fill_bytes(&mut bytes)
            .map_err(|error| Error::io("no random numbers for", &path, io::Error::other(error.to_string())))?;
        let placed = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
            .and_then(|()| match fs::hard_link(&beside, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            })
            .and_then(|()| File::open(&self.path)?.sync_all());
        let removed = fs::remove_file(&beside);
        placed.and(removed).map_err(|source| Error::io("cannot create", &path, source))?;
        read_secret(&path)?.ok_or_else(|| Error::io("cannot read", &path, io::ErrorKind::NotFound.into()))
    }
}

fn read_secret(path: &Path) -> Result<Option<SigningSecret>, Error> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::io("cannot read", path, source)),
    };
    let mode = file.metadata().map_err(|source| Error::io("cannot look at", path, source))?.permissions().mode() & 0o777;
    if mode & 0o177 != 0 {
        return Err(Error::SecretExposed { path: path.to_owned(), mode });
    }
    let mut bytes = Vec::with_capacity(SECRET_BYTES + 1);
    file.read_to_end(&mut bytes).map_err(|source| Error::io("cannot read", path, source))?;
    let length = bytes.len();
    let bytes = bytes.try_into().map_err(|_| Error::SecretDamaged { path: path.to_owned(), length })?;
    Ok(Some(SigningSecret(bytes)))
}

/// The right to write into a data folder. Others are refused until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    folder: DataFolder,
}

impl Lock {
    /// The folder it locks.
    #[must_use]
    pub const fn folder(&self) -> &DataFolder {
        &self.folder
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Only so that nobody reads an old name: the lock itself ends with the file handle, whatever happens here.
        if let Err(error) = self.file.set_len(0) {
            tracing::debug!(%error, "the lock file keeps the name of its last holder");
        }
    }
}

/// The secret that signs report keys. Whoever knows it can report for every facility.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret([u8; SECRET_BYTES]);

impl SigningSecret {
    /// The bytes, for the one place that signs and the one that backs up.
    #[must_use]
    pub const fn reveal(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn folder() -> (tempfile::TempDir, DataFolder) {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path().join("new/data")).unwrap();
        (place, folder)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_folder_belongs_to_its_owner_alone() {
        let (_place, folder) = folder();
        assert_eq!(mode(folder.path()), 0o700);
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_refused() {
        let place = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(DataFolder::open(place.path()), Err(Error::NotAFolder(_))));
    }

    #[test]
    fn a_reading_command_creates_nothing() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("absent");
        assert!(DataFolder::existing(&path).is_err());
        assert!(!path.exists());
    }

    #[test]
    fn the_second_writer_is_refused_by_name_and_admitted_when_the_first_is_gone() {
        let (_place, folder) = folder();
        let first = folder.lock(Timestamp::UNIX_EPOCH).unwrap();
        let refusal = folder.lock(Timestamp::UNIX_EPOCH).unwrap_err().to_string();
        assert!(refusal.contains(&format!("pid {} since 1970-01-01", std::process::id())), "{refusal}");
        drop(first);
        folder.lock(Timestamp::UNIX_EPOCH).unwrap();
    }

    #[test]
    fn the_secret_is_created_once_for_its_owner_alone() {
        let (_place, folder) = folder();
        let secret = folder.secret().unwrap();
        assert_ne!(secret.reveal(), &[0; SECRET_BYTES]);
        assert_eq!(folder.secret().unwrap(), secret);
        assert_eq!(mode(&folder.secret_file()), 0o600);
        assert_eq!(format!("{secret:?}"), "(secret)");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let (_place, folder) = folder();
        folder.secret().unwrap();
        fs::set_permissions(folder.secret_file(), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(folder.secret(), Err(Error::SecretExposed { mode: 0o640, .. })));
    }

    #[test]
    fn a_cut_off_secret_is_refused_and_kept() {
        let (_place, folder) = folder();
        folder.secret().unwrap();
        fs::write(folder.secret_file(), [1; 31]).unwrap();
        assert!(matches!(folder.secret(), Err(Error::SecretDamaged { length: 31, .. })));
        assert_eq!(fs::read(folder.secret_file()).unwrap().len(), 31);
    }
}
