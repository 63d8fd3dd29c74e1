//! A program under load: started on a folder of its own, asked by its own command line, measured through /proc.
//!
//! *Invariant:* it ends with its owner, by its process id, and so does its folder.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Failed;

/// How long a start with the sample city may take, in a debug build on a busy machine.
const START: Duration = Duration::from_secs(120);

/// A running program with a sample city.
#[derive(Debug)]
pub struct Running {
    program: PathBuf,
    folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
    child: Child,
    pid: u32,
    /// `host:port` of the pages.
    pub public: String,
    /// `host:port` of the embedded broker.
    pub mqtt: String,
    /// `host:port` of health and figures.
    pub ops: String,
}

/// What /proc says of a process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Memory in use (VmRSS), in kB.
    pub rss_kb: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// Processor time since its start.
    pub cpu: Duration,
}

impl Running {
    /// Starts `program serve` on an empty folder; `settings` are named as in the file, such as `wall.max_streams`.
    ///
    /// # Errors
    /// If it cannot be started, or is not ready in time.
    pub async fn start(program: &Path, settings: &[(&str, String)]) -> Result<Self, Failed> {
        let folder = tempfile::Builder::new().prefix("imaboard-load-").tempdir()?;
        let program = std::path::absolute(program)?;
        let settings: Vec<(String, String)> = settings
            .iter()
            .map(|(key, value)| (format!("IMABOARD__{}", key.replace('.', "__").to_uppercase()), value.clone()))
            .collect();
        let any = "127.0.0.1:0";
        let mut child = command(&program, &folder, &settings)
            .args(["serve", "--listen", any, "--mqtt-listen", any, "--ops-listen", any])
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.path().join("messages"))?)
            .spawn()?;
        let pid = child.id().ok_or("the program ended at once")?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
        let ready = tokio::time::timeout(START, lines.next_line()).await.map_err(|_| "no ready line in time")??;
        let ready = ready.ok_or("the program ended before it was ready")?;
        let words: Vec<&str> = ready.split_whitespace().collect();
        let door = |name: &str| {
            let at = words.iter().position(|w| *w == name)?;
            Some(words.get(at + 1)?.split_once("://")?.1.to_owned())
        };
        let missing = || format!("not a ready line: {ready}");
        let (public, mqtt, ops) = (door("public"), door("mqtt"), door("ops"));
        Ok(Self {
            public: public.ok_or_else(missing)?,
            mqtt: mqtt.ok_or_else(missing)?,
            ops: ops.ok_or_else(missing)?,
            program,
            folder,
            settings,
            child,
            pid,
        })
    }

    /// Runs a command of the program beside it and gives what it printed.
    ///
    /// # Errors
    /// If it fails, with its own words.
    pub async fn command(&self, arguments: &[&str]) -> Result<String, Failed> {
        let output = command(&self.program, &self.folder, &self.settings).args(arguments).output().await?;
        if !output.status.success() {
            return Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// The data of a command with `--json`.
    ///
    /// # Errors
    /// As [`Running::command`].
    pub async fn json(&self, arguments: &[&str]) -> Result<Value, Failed> {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        Ok(serde_json::from_str(&self.command(&arguments).await?)?)
    }

    /// The path of a facility's report page.
    ///
    /// # Errors
    /// If there is no such facility.
    pub async fn report_path(&self, facility: &str) -> Result<String, Failed> {
        let url = self.command(&["facility", "key", facility]).await?;
        let path = url.lines().find_map(|line| line.trim().rsplit_once("/r/")).ok_or("no report address")?.1;
        Ok(format!("/r/{path}"))
    }

    /// What it uses now.
    ///
    /// # Errors
    /// If it has ended.
    pub fn usage(&self) -> Result<Usage, Failed> {
        let proc = PathBuf::from(format!("/proc/{}", self.pid));
        let status = std::fs::read_to_string(proc.join("status"))?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').split_whitespace().next()?.parse().ok()
        };
        let stat = std::fs::read_to_string(proc.join("stat"))?;
        // The name may hold spaces; after its bracket come state and numbers (proc(5): utime and stime are 14 and 15).
        let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
        Ok(Usage {
            rss_kb: number("VmRSS").ok_or("no VmRSS")?,
            threads: number("Threads").unwrap_or(0),
            descriptors: std::fs::read_dir(proc.join("fd"))?.count() as u64,
            cpu: Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second()),
        })
    }

    /// Bytes of a file of the data folder; 0 if it is not there.
    #[must_use]
    pub fn file_bytes(&self, name: &str) -> u64 {
        std::fs::metadata(self.folder.path().join("data").join(name)).map_or(0, |m| m.len())
    }

    /// Bytes of the whole data folder.
    #[must_use]
    pub fn folder_bytes(&self) -> u64 {
        fn sum(folder: &Path) -> u64 {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|e| e.metadata().map_or(0, |m| if m.is_dir() { sum(&e.path()) } else { m.len() })).sum()
        }
        sum(&self.folder.path().join("data"))
    }

    /// Its last messages, for a report of what went wrong.
    #[must_use]
    pub fn last_messages(&self) -> String {
        let messages = std::fs::read_to_string(self.folder.path().join("messages")).unwrap_or_default();
        let lines: Vec<&str> = messages.lines().collect();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }

    /// Asks it to stop and waits for its end; gives the time it took.
    ///
    /// # Errors
    /// If it does not end in order.
    pub async fn stop(mut self) -> Result<Duration, Failed> {
        let began = Instant::now();
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw).ok_or("no process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let status = tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await.map_err(|_| "it does not stop")??;
        if !status.success() {
            return Err(format!("it stopped with {status}: {}", self.last_messages()).into());
        }
        Ok(began.elapsed())
    }
}

fn command(program: &Path, folder: &tempfile::TempDir, settings: &[(String, String)]) -> Command {
    let mut command = Command::new(program);
    command
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .env("IMABOARD_DATA", folder.path().join("data"))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Lets this process open as many files as the system allows; gives that number.
///
/// # Errors
/// If the system refuses.
pub fn raise_descriptor_limit() -> Result<u64, Failed> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}
