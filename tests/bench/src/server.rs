//! The servers of a comparison: each pinned to the servers' core, with a folder of its own, and gone at the end.
//!
//! *Invariant:* a server has answered before anything is measured, and is ended by its own process id.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Outcome, machine};

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// The process that does the work: of nginx it is the worker, not the master.
    pid: u32,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        machine::cpu_of(self.pid)
    }

    pub(crate) fn memory_bytes(&self) -> Outcome<u64> {
        machine::memory_of(self.pid)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A master would leave its worker behind if it were killed at once.
        for pid in machine::children_of(self.child.id()) {
            drop(Command::new("kill").arg(pid.to_string()).status());
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A command that runs on one core.
pub(crate) fn on_core(core: usize, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

/// The program under test: it stands beside this one.
pub(crate) fn imaboard() -> Outcome<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("imaboard"))
}

/// Runs a command of ours on a data folder and gives its JSON.
pub(crate) fn command(data: &Path, arguments: &[&str]) -> Outcome<Value> {
    let output = Command::new(imaboard()?).arg("--data").arg(data).args(arguments).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(format!("imaboard {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

/// The board on a data folder, and its MQTT door.
pub(crate) fn board(core: usize, data: &Path, mqtt: bool) -> Outcome<(Server, Option<SocketAddr>)> {
    let log = File::create(data.with_extension("log"))?;
    let mut command = on_core(core, &imaboard()?);
    let mqtt = if mqtt { "127.0.0.1:0" } else { "off" };
    command.args(["serve", "--listen", "127.0.0.1:0", "--ops-listen", "off", "--mqtt-listen", mqtt, "--data"]).arg(data);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
    let ready = first_line(&mut child)?;
    let words: Vec<&str> = ready.split_whitespace().collect();
    let after = |name: &str| words.iter().position(|w| *w == name).and_then(|at| words.get(at + 1));
    let door = |name: &str| after(name).and_then(|url| url.split_once("://")).and_then(|(_, a)| a.parse().ok());
    let Some(address) = door("public") else {
        drop(child.kill());
        drop(child.wait());
        return Err(format!("the board did not start; see {}", data.with_extension("log").display()).into());
    };
    let pid = child.id();
    Ok((Server { child, pid, address }, door("mqtt")))
}

/// nginx with one worker and a configuration; `LISTEN` in it becomes the address, `modules` are loaded first.
pub(crate) fn nginx(core: usize, folder: &Path, modules: &str, http: &str) -> Outcome<Server> {
    let address = free_address()?;
    let http = http.replace("LISTEN", &address.to_string());
    // As root the worker would become another user, who may not read here.
    let user = if machine_user_is_root() { "user root;" } else { "" };
    let config = format!(
        "{modules}\n{user}\nworker_processes 1;\nworker_rlimit_nofile 20000;\npid {0}/nginx.pid;\nerror_log {0}/nginx-error.log;\n\
         events {{ worker_connections 16000; }}\nhttp {{\naccess_log off;\nclient_body_temp_path {0}/body;\nproxy_temp_path {0}/proxy;\n\
         fastcgi_temp_path {0}/fastcgi;\nuwsgi_temp_path {0}/uwsgi;\nscgi_temp_path {0}/scgi;\nkeepalive_requests 1000000000;\n\
         keepalive_timeout 75s;\nsendfile on;\ntcp_nopush on;\ntcp_nodelay on;\nserver_tokens off;\n{http}\n}}\n",
        folder.display()
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config)?;
    let mut command = on_core(core, &find_program("nginx"));
    command.arg("-c").arg(std::path::absolute(&file)?).args(["-g", "daemon off;"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(folder.join("nginx.log"))?).spawn()?;
    let mut server = Server { pid: child.id(), child, address };
    wait_for(&mut server, "nginx", folder)?;
    // The master listens before it has a worker.
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.pid == server.child.id() {
        match machine::children_of(server.child.id()).first() {
            Some(worker) => server.pid = *worker,
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            None => return Err("nginx has no worker".into()),
        }
    }
    Ok(server)
}

/// mosquitto that lets everybody in.
pub(crate) fn mosquitto(core: usize, folder: &Path) -> Outcome<Server> {
    let address = free_address()?;
    let file = folder.join("mosquitto.conf");
    std::fs::write(&file, format!("listener {} {}\nallow_anonymous true\npersistence false\n", address.port(), address.ip()))?;
    let mut command = on_core(core, &find_program("mosquitto"));
    let child = command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut server = Server { pid: child.id(), child, address };
    wait_for(&mut server, "mosquitto", folder)?;
    Ok(server)
}

/// A worker of this program that serves; it prints its address.
pub(crate) fn worker(core: usize, arguments: &[&str]) -> Outcome<Server> {
    let mut command = on_core(core, &std::env::current_exe()?);
    let mut child = command.arg("worker").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let address = first_line(&mut child)?.trim().parse()?;
    Ok(Server { pid: child.id(), child, address })
}

/// Runs a worker of this program to its end and gives its JSON.
pub(crate) fn work(core: usize, arguments: &[&str]) -> Outcome<Value> {
    let mut command = on_core(core, &std::env::current_exe()?);
    let output = command.arg("worker").args(arguments).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(format!("worker {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn first_line(child: &mut Child) -> Outcome<String> {
    let stdout = child.stdout.take().ok_or("no output")?;
    let mut reader = BufReader::new(stdout);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    // Whatever else is printed must not stop the server because nobody reads.
    std::thread::spawn(move || drop(reader.read_to_end(&mut Vec::new())));
    Ok(line)
}

fn wait_for(server: &mut Server, name: &str, folder: &Path) -> Outcome<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if let Some(status) = server.child.try_wait()? {
            return Err(format!("{name} ended with {status}; see {}", folder.display()).into());
        }
        if std::net::TcpStream::connect(server.address).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("{name} does not answer").into())
}

fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Debian keeps servers outside the search path of ordinary users.
fn find_program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    places.map(|p| p.join(name)).find(|p| p.is_file()).unwrap_or_else(|| name.into())
}

fn machine_user_is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|l| l.strip_prefix("Uid:").is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0")))
}
