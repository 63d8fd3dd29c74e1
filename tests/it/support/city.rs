//! A data folder, and the command line beside it.
//!
//! Commands run as a person's would: the built binary, its arguments, its exit code. *Invariant:* every city has a folder of its
//! own, so tests know nothing of each other.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{DEADLINE, Program, fixture, postgres};

/// A data folder that goes when its last owner does.
#[derive(Debug, Clone)]
pub(crate) struct City {
    place: std::sync::Arc<tempfile::TempDir>,
    settings: Vec<(String, String)>,
}

/// What a command left: its exit code, its data and its messages.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl City {
    /// An empty folder: what `serve` finds there is the sample city.
    pub(crate) fn new() -> Self {
        let city = Self::on_a_file();
        if on_postgres() { city.set("database.url", postgres::database()) } else { city }
    }

    /// An empty folder with a SQLite file in it, whatever the others have.
    pub(crate) fn on_a_file() -> Self {
        let place = tempfile::Builder::new().prefix("imaboard-test-").tempdir().unwrap();
        Self { place: place.into(), settings: Vec::new() }
    }

    /// A real city, without sample data: `init` has run.
    pub(crate) async fn real() -> Self {
        let city = Self::new();
        city.run(["init"]).await.ok();
        city
    }

    /// A real city of six facilities, h1 to h6, one of each grid, where nothing was reported yet.
    pub(crate) async fn small() -> Self {
        let city = Self::real().await;
        city.run(["register", "import", fixture("small_city.csv").to_str().unwrap()]).await.ok();
        city
    }

    /// Sets a setting for every command and every `serve` of this city, by its environment name: `wall.rotation_seconds`.
    pub(crate) fn set(mut self, key: &str, value: impl ToString) -> Self {
        let name = format!("IMABOARD__{}", key.replace('.', "__").to_uppercase());
        self.settings.push((name, value.to_string()));
        self
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// A file beside the data folder, for what a test imports or exports.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// The binary with this city's folder and settings, and nothing of the environment that could change it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imaboard"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("IMABOARD_") {
                command.env_remove(name);
            }
        }
        command
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .env("IMABOARD_DATA", self.data())
            .env("NO_PROXY", "*")
            .current_dir(self.place.path())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        self.run_reading(arguments, "").await
    }

    /// Runs a command that reads this from stdin.
    pub(crate) async fn run_reading<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: impl AsRef<[u8]>,
    ) -> Output {
        let mut child =
            self.command().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writing = async move {
            // A command that reads nothing may be gone already.
            drop(stdin.write_all(input.as_ref()).await);
            drop(stdin);
        };
        let waiting = async { tokio::join!(writing, child.wait_with_output()).1.unwrap() };
        let output = tokio::time::timeout(DEADLINE * 2, waiting).await.expect("the command never ended");
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// The data of a listing with `--json`.
    pub(crate) async fn list(&self, arguments: &[&str]) -> Value {
        self.run(arguments.iter().chain(&["--json"])).await.json()
    }

    /// Every entry of the log from a position, as `log tail --json` prints them.
    pub(crate) async fn log(&self, from: u64) -> Vec<Value> {
        self.run(["log", "tail", "--json", "--from", &from.to_string()]).await.ok().json_lines()
    }

    /// The report URL of a facility's key.
    pub(crate) async fn report_url(&self, facility: &str) -> String {
        self.run(["facility", "key", facility]).await.ok().stdout.trim().to_owned()
    }

    /// Starts the program on this folder, all doors on free ports.
    pub(crate) async fn serve(&self) -> Program {
        Program::start(self.clone(), &[]).await
    }

    /// Starts the program with further arguments.
    pub(crate) async fn serve_with(&self, arguments: &[&str]) -> Program {
        Program::start(self.clone(), arguments).await
    }
}

/// Whether cities of this run keep their log on a PostgreSQL server. `tests/run` runs the doors once on each.
pub(crate) fn on_postgres() -> bool {
    std::env::var("IMABOARD_TEST_DATABASE").is_ok_and(|database| database == "postgres")
}

impl Output {
    /// Asserts exit code 0.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "the command failed: {}", self.stderr);
        self
    }

    /// Asserts an exit code other than 0.
    #[track_caller]
    pub(crate) fn refused(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Stdout as one JSON value; asserts exit code 0.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let output = self.ok();
        serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("stdout is no JSON: {e}\n{}", output.stdout))
    }

    /// Stdout as one JSON value a line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("no JSON: {e}\n{l}"))).collect()
    }
}

/// Whether any file under a folder holds these bytes.
pub(crate) fn holds(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            holds(&path, bytes)
        } else {
            path.is_file() && std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes)
        }
    })
}
