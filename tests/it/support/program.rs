//! The program as a process: started, asked, killed, started again.
//!
//! *Invariant:* its messages are kept and shown if the test fails; a restart takes the same ports, as in a real house.

use std::io::{BufRead, BufReader, Read};
use std::ops::Deref;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;

use super::{City, DEADLINE, Device, Web, wait_for};

/// The addresses of the `ready` line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doors {
    /// The line itself.
    pub(crate) line: String,
    public: Option<String>,
    mqtt: Option<String>,
    ops: Option<String>,
}

impl Doors {
    fn read(line: &str) -> Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |name: &str| words.iter().position(|w| *w == name).map(|at| words[at + 1].to_owned());
        Self { line: line.to_owned(), public: after("public"), mqtt: after("mqtt"), ops: after("ops") }
    }

    /// `--listen …` and so on, so that the next start takes the same ports.
    fn arguments(&self) -> Vec<String> {
        let doors = [("--listen", &self.public), ("--mqtt-listen", &self.mqtt), ("--ops-listen", &self.ops)];
        doors
            .into_iter()
            .flat_map(|(name, url)| {
                let address = url.as_ref().and_then(|u| u.split_once("://")).map_or("127.0.0.1:0", |(_, a)| a);
                [name.to_owned(), address.to_owned()]
            })
            .collect()
    }
}

/// A running program. Dereferences to its [`City`], so commands can be run beside it.
pub(crate) struct Program {
    city: City,
    command: &'static str,
    arguments: Vec<String>,
    doors: Doors,
    child: Option<Child>,
    said: Arc<Mutex<String>>,
    printed: Arc<Mutex<String>>,
}

impl Deref for Program {
    type Target = City;

    fn deref(&self) -> &City {
        self.city()
    }
}

impl Program {
    /// The sample city, freshly loaded.
    pub(crate) async fn sample() -> Self {
        City::new().serve().await
    }

    /// The demonstration; it has a folder of its own.
    pub(crate) async fn demo(city: City) -> Self {
        Self::launch(city, "demo", &[]).await
    }

    pub(crate) async fn start(city: City, arguments: &[&str]) -> Self {
        Self::launch(city, "serve", arguments).await
    }

    async fn launch(city: City, command: &'static str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&a| a.to_owned()).collect();
        let doors = Doors::default();
        let mut program = Self { city, command, arguments, doors, child: None, said: Arc::default(), printed: Arc::default() };
        program.start_again().await;
        program
    }

    /// Starts it on the same folder; after the first time on the same ports.
    pub(crate) async fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let mut command = self.city.command().into_std();
        command.arg(self.command).args(self.doors.arguments().chunks(2).filter(|c| !self.arguments.contains(&c[0])).flatten());
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        keep_reading(child.stderr.take().unwrap(), Arc::clone(&self.said));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        self.child = Some(child);
        let (heard, ready) = oneshot::channel();
        let printed = Arc::clone(&self.printed);
        std::thread::spawn(move || {
            let mut line = String::new();
            drop(stdout.read_line(&mut line));
            drop(heard.send(line));
            keep_reading(stdout, printed);
        });
        // A first start loads the sample city; beside other tests that takes a while.
        let line = tokio::time::timeout(DEADLINE * 2, ready).await.map(Result::unwrap_or_default).unwrap_or_default();
        assert!(line.starts_with("ready "), "no ready line but {line:?}");
        self.doors = Doors::read(line.trim_end());
    }

    /// The folder it runs on.
    pub(crate) fn city(&self) -> &City {
        &self.city
    }

    pub(crate) fn doors(&self) -> &Doors {
        &self.doors
    }

    /// `http://host:port` of the pages.
    pub(crate) fn base_url(&self) -> &str {
        self.doors.public.as_deref().expect("no public door")
    }

    /// `mqtt://host:port` of the embedded broker.
    pub(crate) fn mqtt_url(&self) -> &str {
        self.doors.mqtt.as_deref().expect("no MQTT door")
    }

    /// A visitor of the pages.
    pub(crate) fn web(&self) -> Web {
        Web::new(self.base_url())
    }

    /// A visitor of the operations listener.
    pub(crate) fn ops(&self) -> Web {
        Web::new(self.doors.ops.as_deref().expect("no operations door"))
    }

    /// A device that is enrolled for a facility, and connected to the embedded broker with its own credential.
    pub(crate) async fn enrol(&self, facility: &str, device: &str, sets: &[&str]) -> Device {
        let arguments = ["button", "enrol", "--facility", facility, "--profile", "imaboard", "--device", device, "--json"];
        let enrolled = self.run(arguments.into_iter().chain(sets.iter().flat_map(|s| ["--set", s]))).await.json();
        let text = |name: &str| enrolled[name].as_str().unwrap().to_owned();
        Device::connect(self.mqtt_url(), &text("mqtt_user"), &text("mqtt_password"), device).await.named(&text("id"))
    }

    /// The process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("it does not run"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill_9(&mut self) {
        let mut child = self.child.take().expect("it does not run");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks it to stop, asserts exit code 0 and gives the time it took.
    pub(crate) async fn stop(&mut self) -> Duration {
        self.signal(Signal::TERM);
        let started = Instant::now();
        let status = self.ended().await;
        assert_eq!(status.code(), Some(0), "it did not stop in order");
        started.elapsed()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = self.child.as_mut().expect("it does not run");
        let status = wait_for("the end of the program", async || child.try_wait().unwrap()).await;
        self.child = None;
        status
    }

    /// What it wrote to stdout after the ready line.
    pub(crate) fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    /// Everything it wrote to stderr since the first start.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        if std::thread::panicking() {
            eprintln!("--- the program said:\n{}---", self.said());
        }
    }
}

fn keep_reading(mut from: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        let mut bytes = [0_u8; 8_192];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    });
}
