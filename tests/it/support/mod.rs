//! What every test stands on: the program as a process, and the clients that stand at its doors.
//!
//! Nothing here knows how the program is built inside. *Invariant:* no fixed sleeps; everything waits for a condition with a
//! deadline, and everything started here ends when its owner is dropped, by its process id.

pub(crate) mod browser;
pub(crate) mod city;
pub(crate) mod device;
pub(crate) mod mosquitto;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod web;

pub(crate) use browser::{Browser, Screen};
pub(crate) use city::City;
pub(crate) use device::Device;
pub(crate) use mosquitto::Mosquitto;
pub(crate) use program::Program;
pub(crate) use web::{Answer, Events, Web};

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long we wait before we say that something never came. Generous: the two processors of a CI machine are shared.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// How often a condition is looked at; short, because what is measured should not be our own patience.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Waits until a condition holds and gives the time it took; fails after `deadline`, saying what never came.
pub(crate) async fn wait_until(what: &str, deadline: Duration, mut condition: impl AsyncFnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < deadline, "never within {deadline:?}: {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    started.elapsed()
}

/// Waits until something is there; fails after [`DEADLINE`], saying what never came.
pub(crate) async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "never within {DEADLINE:?}: {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Whether a test may go on: true if this machine has the tool.
///
/// A missing tool fails the test, unless `IMABOARD_TEST_SKIP` lists it: then the test says SKIPPED and ends. This is the only
/// place where a test may be left out.
pub(crate) fn needs(tool: &str) -> bool {
    let skip = std::env::var("IMABOARD_TEST_SKIP").unwrap_or_default();
    if skip.split([',', ' ']).any(|name| name == tool) {
        eprintln!("SKIPPED: this test needs {tool}, and IMABOARD_TEST_SKIP lists it");
        return false;
    }
    assert!(
        find_tool(tool).is_some(),
        "this test needs {tool}: install it (tests/run does, where it may), or set IMABOARD_TEST_SKIP={tool}"
    );
    true
}

/// Where a program of this machine stands; Debian keeps servers outside the search path of ordinary users.
pub(crate) fn find_tool(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let beside = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(beside).map(|folder| folder.join(tool)).find(|file| file.is_file())
}

/// A file of `tests/fixtures`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}
