//! A real PostgreSQL: one server for all tests that want a database, and servers of their own for those that break one.
//!
//! *Invariant:* a server of the machine is never touched, every test has a database of its own, and a server ends with the
//! process that started it, however that ends. The tests of the log, which stand inside the program, use this file, too.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The password in every address here. It must never be seen in what the program says.
pub(crate) const PASSWORD: &str = "geheim-4711";

/// A server that ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Postgres {
    folder: Option<PathBuf>,
    child: Option<Child>,
    url: String,
}

impl Postgres {
    /// A new server; everything it kept goes with it.
    pub(crate) fn start() -> Self {
        Self::run(None)
    }

    /// A new server that can be stopped and started again: it keeps its data in this folder, which becomes its own.
    pub(crate) fn start_in(folder: PathBuf) -> Self {
        Self::run(Some(folder))
    }

    fn run(folder: Option<PathBuf>) -> Self {
        let mut server = Self { folder, child: None, url: String::new() };
        server.start_again();
        server
    }

    /// Starts it with what it kept, at the same address.
    pub(crate) fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let mut command = Command::new("bash");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres")).args(&self.folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.child = Some(child);
        line.trim().clone_into(&mut self.url);
        assert!(self.url.starts_with("postgres://"), "PostgreSQL did not start");
    }

    /// Stops it like a power cut: nothing is finished, nobody is told (`pg_ctl stop -m immediate`).
    pub(crate) fn stop_immediately(&mut self) {
        let mut child = self.child.take().expect("it does not run");
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    /// The address of a new, empty database.
    pub(crate) fn database(&self) -> String {
        new_database(&self.url)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.stop_immediately();
        }
    }
}

/// The address of a new, empty database on the server that all tests share: the one that `tests/run` started, or else one of
/// this process.
pub(crate) fn database() -> String {
    static OWN: OnceLock<Postgres> = OnceLock::new();
    match std::env::var("IMABOARD_TEST_POSTGRES") {
        Ok(url) if !url.is_empty() => new_database(&url),
        _ => OWN.get_or_init(Postgres::start).database(),
    }
}

fn new_database(url: &str) -> String {
    let name = format!("test_{:016x}", rand::random::<u64>());
    sql(url, &format!("CREATE DATABASE {name}"));
    let (server, options) = url.split_once('?').expect("an address with a socket");
    let server = server.rsplit_once('/').expect("an address with a database").0;
    format!("{server}/{name}?{options}")
}

/// Runs SQL as somebody with the keys of the server would; gives what it prints.
pub(crate) fn sql(url: &str, statements: &str) -> String {
    let output = Command::new(tool("psql"))
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
        .args(["--command", statements, url])
        .output()
        .unwrap();
    assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Debian keeps each version's programs in a folder of its own; what stands on the search path is a slow wrapper.
fn tool(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|version| version.path().join("bin").join(name)).filter(|file| file.is_file()).max();
    newest.unwrap_or_else(|| PathBuf::from(name))
}

/// Whether a test that needs PostgreSQL may go on; see `needs` in `support`. Without the server the test fails, unless
/// `IMABOARD_TEST_SKIP` lists `initdb`.
pub(crate) fn is_here() -> bool {
    let skip = std::env::var("IMABOARD_TEST_SKIP").unwrap_or_default();
    let is_here = !skip.split([',', ' ']).any(|name| name == "initdb");
    if !is_here {
        eprintln!("SKIPPED: this test needs initdb, and IMABOARD_TEST_SKIP lists it");
    }
    is_here
}
