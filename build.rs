//! Tells cargo what a build depends on beyond the code it sees: the migrations, and everything that decides what the fold makes
//! of a log.
//!
//! The migrations are embedded by a macro that cargo cannot see through. The fingerprint of the fold lets a checkpoint of another
//! version be recognised: it is ignored, and the log is replayed. *Invariant:* two builds with the same fingerprint fold the same
//! log to the same board; the reverse need not hold, because a needless replay only costs time.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What decides the fold: the domain, what is remembered beside the board, how both are written, and all their dependencies.
const FOLD: [&str; 5] = ["Cargo.lock", "domain/src", "src/checkpoint/format.rs", "src/fold.rs", "src/intake/press.rs"];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=migrations");
    let mut files = BTreeSet::new();
    for part in FOLD {
        println!("cargo:rerun-if-changed={part}");
        collect(Path::new(part), &mut files)?;
    }
    // Not a secret and not under attack: 64 bits tell all versions that will ever be from each other.
    let mut hasher = DefaultHasher::new();
    for file in files {
        let bytes = fs::read(&file)?;
        hasher.write(file.as_os_str().as_encoded_bytes());
        hasher.write_usize(bytes.len());
        hasher.write(&bytes);
    }
    // Not IMABOARD_…: cargo hands this to what it runs, where such names are settings.
    println!("cargo:rustc-env=FOLD_FINGERPRINT={:016x}", hasher.finish());
    Ok(())
}

fn collect(path: &Path, files: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else {
        files.insert(path.to_owned());
    }
    Ok(())
}
