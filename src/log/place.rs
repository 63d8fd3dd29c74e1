//! Where the log may lie: what the file system says before the database is touched.
//!
//! It exists because SQLite notices a network disk or a foreign file only by damage or by cryptic codes. Invariant:
//! nothing here changes an existing file.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use super::error::OpenError;

/// Every SQLite file starts with this (<https://www.sqlite.org/fileformat.html>).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// A file system reached over a network or through a host share, where locks and shared memory cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NetworkMount {
    pub(super) fs_type: String,
    pub(super) mount_point: PathBuf,
}

/// The network file system that holds `path`, if one does.
///
/// `mountinfo` is the text of `/proc/self/mountinfo` (proc(5)); `path` is absolute and free of symbolic links.
pub(super) fn network_mount(mountinfo: &str, path: &Path) -> Option<NetworkMount> {
    let mut holder: Option<(PathBuf, &str)> = None;
    for line in mountinfo.lines() {
        let Some((mount_point, fs_type)) = mount_of(line) else {
            continue;
        };
        // A later line with the same mount point covers the earlier one.
        let deeper = holder.as_ref().is_none_or(|(held, _)| mount_point.components().count() >= held.components().count());
        if deeper && path.starts_with(&mount_point) {
            holder = Some((mount_point, fs_type));
        }
    }
    let (mount_point, fs_type) = holder?;
    is_network(fs_type).then(|| NetworkMount { fs_type: fs_type.to_owned(), mount_point })
}

fn mount_of(line: &str) -> Option<(PathBuf, &str)> {
    // 36 35 98:0 /root /mount rw,noatime master:1 - ext4 /dev/root rw
    let (left, right) = line.split_once(" - ")?;
    let mount_point = unescape(left.split(' ').nth(4)?);
    let fs_type = right.split(' ').next()?;
    Some((mount_point, fs_type))
}

/// The kernel writes space, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> PathBuf {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'\\')
            .then(|| tail.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(byte) = escaped {
            plain.push(byte);
            rest = &tail[3..];
        } else {
            plain.push(first);
            rest = tail;
        }
    }
    PathBuf::from(OsString::from_vec(plain))
}

fn is_network(fs_type: &str) -> bool {
    const EXACT: &[&str] = &[
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "glusterfs",
        "lustre",
        "ncpfs",
        "prl_fs",
        "smb3",
        "smbfs",
        "vboxsf",
        "vmhgfs",
    ];
    // Everything FUSE is a program between us and the disk; these are known to reach over a network.
    const FUSE: &[&str] = &[
        "ceph",
        "curlftpfs",
        "davfs",
        "gcsfuse",
        "glusterfs",
        "goofys",
        "mount.davfs",
        "rclone",
        "s3fs",
        "smbnetfs",
        "sshfs",
        "vmhgfs-fuse",
    ];
    fs_type.starts_with("nfs")
        || EXACT.contains(&fs_type)
        || fs_type.strip_prefix("fuse.").is_some_and(|program| FUSE.iter().any(|known| program.starts_with(known)))
}

/// What stands at the path now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or an empty file, which SQLite treats alike.
    Nothing,
    /// Something that begins like a SQLite database.
    Database,
}

/// Looks at folder and file and refuses what could only go wrong later.
pub(super) fn examine(path: &Path) -> Result<Found, OpenError> {
    let away = |source: io::Error| OpenError::Away { place: path.into(), source: Box::new(source) };
    let folder = folder_of(path);
    let real_folder = match folder.canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::Missing { place: folder.into() });
        }
        Err(error) => return Err(away(error)),
    };
    // The file itself may be a link to another disk.
    let real = path.canonicalize().unwrap_or_else(|_| real_folder.join(path.file_name().unwrap_or_default()));
    // Only Linux has this file; elsewhere there is no portable way to ask.
    if let Ok(mountinfo) = std::fs::read_to_string("/proc/self/mountinfo")
        && let Some(mount) = network_mount(&mountinfo, &real)
    {
        return Err(OpenError::Network { place: path.into(), fs_type: mount.fs_type, mount_point: mount.mount_point });
    }

    let mut start = Vec::with_capacity(MAGIC.len());
    match std::fs::File::open(path) {
        Ok(file) => {
            if !file.metadata().map_err(away)?.is_file() {
                return Err(OpenError::NotADatabase { place: path.into() });
            }
            file.take(MAGIC.len() as u64).read_to_end(&mut start).map_err(away)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(away(error)),
    }
    if start.is_empty() {
        Ok(Found::Nothing)
    } else if start == MAGIC {
        Ok(Found::Database)
    } else {
        Err(OpenError::NotADatabase { place: path.into() })
    }
}

/// Refuses a file or folder that cannot be written, and creates the file when it is missing.
///
/// SQLite needs the folder too: its `-wal` and `-shm` files stand beside the database.
pub(super) fn ensure_writable(path: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::OpenOptionsExt as _;

    let folder = folder_of(path);
    let refuse = |path: &Path, source: io::Error| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            OpenError::Full { place: path.into(), source: Box::new(source) }
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            OpenError::ReadOnly { place: path.into(), source: Box::new(source) }
        }
        _ => OpenError::Away { place: path.into(), source: Box::new(source) },
    };
    let probe = folder.join(format!(".imaboard-write-probe-{:016x}", rand::random::<u64>()));
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe)
        .and_then(|_| std::fs::remove_file(&probe))
        .map_err(|error| refuse(folder, error))?;
    // People type into the log; other accounts of the machine have no business in it.
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| refuse(path, error))?;
    Ok(())
}

/// Tells one file from another that stands at the same path later: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
}

/// Which file stands at the path now.
pub(super) fn file_identity(path: &Path) -> io::Result<FileIdentity> {
    use std::os::unix::fs::MetadataExt as _;

    let metadata = std::fs::metadata(path)?;
    Ok(FileIdentity { device: metadata.dev(), inode: metadata.ino() })
}

/// The folder of a file; the current one for a bare name.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The write-ahead file SQLite keeps beside a database.
pub(super) fn wal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Whether the database or its write-ahead file still contains one of the byte strings.
pub(super) fn files_contain(path: &Path, needles: &[Vec<u8>]) -> io::Result<bool> {
    for file in [path.to_owned(), wal_of(path)] {
        match std::fs::File::open(&file) {
            Ok(file) => {
                if contains(file, needles)? {
                    return Ok(true);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn contains(mut reader: impl io::Read, needles: &[Vec<u8>]) -> io::Result<bool> {
    const CHUNK_BYTES: usize = 1 << 20;
    let longest = needles.iter().map(Vec::len).max().unwrap_or(0);
    let mut window: Vec<u8> = Vec::with_capacity(CHUNK_BYTES + longest);
    loop {
        // The tail of the last chunk stays, so that a match across the border is found.
        let keep = window.len().min(longest.saturating_sub(1));
        window.drain(..window.len() - keep);
        if reader.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut window)? == 0 {
            return Ok(false);
        }
        if needles.iter().any(|needle| {
            needle.first().is_some_and(|first| {
                window.iter().enumerate().any(|(at, byte)| byte == first && window[at..].starts_with(needle))
            })
        }) {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const MOUNTS: &str = "\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 27 0:50 / /srv rw,relatime shared:7 - nfs4 nas:/export rw,vers=4.2
31 30 8:1 / /srv/local rw,relatime - xfs /dev/sda1 rw
32 27 0:51 / /mnt/city\\040hall rw,relatime - cifs //nas/share rw
33 27 0:52 / /home/a/far rw,nosuid - fuse.sshfs a@b:/ rw
34 27 0:53 / /mnt/c rw,noatime - 9p C:\\134 rw
35 27 0:54 / /data rw - ext4 /dev/sdb rw
36 27 0:55 / /data rw - smb3 //nas/data rw
37 27 0:56 / /media/usb rw - fuse.exfat /dev/sdc rw
38 27 0:57 / /srvother rw - ext4 /dev/sdd rw
";

    fn fs_type(path: &str) -> Option<String> {
        network_mount(MOUNTS, Path::new(path)).map(|mount| mount.fs_type)
    }

    #[test]
    fn network_disks_are_recognised_by_the_longest_mount() {
        assert_eq!(fs_type("/var/lib/imaboard.db"), None);
        assert_eq!(fs_type("/srv/imaboard.db").as_deref(), Some("nfs4"));
        assert_eq!(fs_type("/srv/local/imaboard.db"), None);
        assert_eq!(fs_type("/srvother/imaboard.db"), None);
        assert_eq!(fs_type("/mnt/city hall/imaboard.db").as_deref(), Some("cifs"));
        assert_eq!(fs_type("/home/a/far/x/imaboard.db").as_deref(), Some("fuse.sshfs"));
        assert_eq!(fs_type("/mnt/c/imaboard.db").as_deref(), Some("9p"));
        assert_eq!(fs_type("/media/usb/imaboard.db"), None);
    }

    #[test]
    fn a_mount_over_a_mount_counts() {
        assert_eq!(fs_type("/data/imaboard.db").as_deref(), Some("smb3"));
    }

    #[test]
    fn an_unreadable_mount_table_is_no_network() {
        assert_eq!(network_mount("", Path::new("/x")), None);
        assert_eq!(network_mount("nonsense\n1 2 3 - ", Path::new("/x")), None);
    }

    #[test]
    fn bytes_are_found_across_chunks() {
        let mut bytes = vec![0u8; (1 << 20) - 3];
        bytes.extend(b"needle");
        assert!(contains(&bytes[..], &[b"needle".to_vec()]).unwrap());
        assert!(!contains(&bytes[..], &[b"noodle".to_vec()]).unwrap());
    }
}
