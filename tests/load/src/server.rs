//! A program under measurement: started on a folder, asked over its doors, read through the kernel's books.
//!
//! *Invariant:* a server that was started here is stopped when its handle goes, whatever happened in between.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Failed, city};

/// How long a start, a stop or an answer may take before the measurement is given up; a debug build folds slowly.
const PATIENCE: Duration = Duration::from_secs(600);

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// `HOST:PORT` of its public door.
    pub public: String,
    data: PathBuf,
}

/// What the kernel has counted for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Books {
    /// Processor time in its own code and in the kernel, in microseconds; the kernel counts in steps of 10,000.
    pub cpu_us: u64,
    /// Bytes it asked the kernel to write, to files and sockets.
    pub written_bytes: u64,
    /// Memory it holds.
    pub resident_bytes: u64,
}

impl Server {
    /// Starts `program` on a data folder with every door but the public one closed, and waits until it is ready.
    ///
    /// # Errors
    /// If it cannot be started or says nothing for ten minutes.
    pub fn start(program: &Path, data: &Path) -> Result<Self, Failed> {
        let mut child = Command::new(program)
            .arg("serve")
            .args(["--listen", "127.0.0.1:0", "--mqtt-listen", "off", "--ops-listen", "off", "--data"])
            .arg(data)
            // One line an entry would be measured with the entry.
            .env("IMABOARD__LOG__LEVEL", "warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let out = child.stdout.take().ok_or("no stdout")?;
        let mut lines = BufReader::new(out).lines();
        let ready = loop {
            match lines.next() {
                Some(line) => {
                    let line = line?;
                    if line.starts_with("ready ") {
                        break line;
                    }
                }
                None => return Err(format!("{} ended before it was ready", program.display()).into()),
            }
        };
        let public = ready.split_whitespace().nth(2).and_then(|url| url.strip_prefix("http://")).ok_or("no public door")?;
        // Somebody has to read on, or the server would wait for a full pipe.
        let server = Self { child, public: public.to_owned(), data: data.to_owned() };
        std::thread::spawn(move || lines.for_each(drop));
        Ok(server)
    }

    /// Asks over the control socket and gives the answer.
    ///
    /// # Errors
    /// If the server refuses or is gone.
    pub fn ask(&self, request: &Value) -> Result<Value, Failed> {
        let mut stream = UnixStream::connect(self.data.join("control.sock"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        writeln!(stream, "{request}")?;
        let mut answer = Value::Null;
        for line in BufReader::new(&stream).lines() {
            let mut frame: Value = serde_json::from_str(&line?)?;
            if let Some(why) = frame.get("refused") {
                return Err(format!("{request}: {why}").into());
            }
            match frame.get_mut("item") {
                Some(item) => answer = item.take(),
                None => return Ok(answer),
            }
        }
        Err("the server ended before it had answered".into())
    }

    /// The report key of a facility, made if it has none.
    ///
    /// # Errors
    /// If there is no such facility.
    pub fn report_path(&self, facility: &str) -> Result<String, Failed> {
        let answer = self.ask(&json!({ "do": "facility_key", "id": facility, "rotate": false, "label": "" }))?;
        let url = answer["url"].as_str().ok_or("no report address")?;
        let key = url.rsplit('/').next().unwrap_or_default();
        Ok(format!("/r/{key}/reports"))
    }

    /// What the kernel has counted.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn books(&self) -> Result<Books, Failed> {
        let pid = self.child.id();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name in parentheses may hold spaces; fields are counted behind it (proc(5): utime is 14, stime 15).
        let (_, fields) = stat.rsplit_once(')').ok_or("unreadable /proc/PID/stat")?;
        let field = |n: usize| fields.split_whitespace().nth(n - 3).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
        let of = |text: &str, name: &str| -> u64 {
            let line = text.lines().find_map(|l| l.strip_prefix(name));
            line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        Ok(Books {
            cpu_us: (field(14) + field(15)) * 10_000,
            written_bytes: of(&io, "wchar:"),
            resident_bytes: of(&status, "VmRSS:") * 1024,
        })
    }

    /// Stops it as a service manager would, and waits.
    ///
    /// # Errors
    /// If it does not end.
    pub fn stop(mut self) -> Result<(), Failed> {
        self.terminate()?;
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            if began.elapsed() > PATIENCE {
                return Err("the server does not stop".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn terminate(&self) -> Result<(), Failed> {
        Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whoever stopped it has waited already; whoever failed wants it gone.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Makes a city of this many generated facilities in an empty folder, by the program's own commands; keeps one that is
/// there. Gives the seconds the import took, 0 for a city that was there.
///
/// # Errors
/// If a command fails.
pub fn found(program: &Path, data: &Path, facilities: usize) -> Result<f64, Failed> {
    if data.join("imaboard.db").exists() {
        return Ok(0.0);
    }
    std::fs::create_dir_all(data)?;
    run(Command::new(program).arg("init").arg("--data").arg(data))?;
    let register = data.join("city.csv");
    std::fs::write(&register, city::csv(&city::facilities(facilities, 1, &city::saikai()?)?)?)?;
    let began = Instant::now();
    run(Command::new(program).args(["register", "import"]).arg(&register).arg("--data").arg(data))?;
    Ok(began.elapsed().as_secs_f64())
}

fn run(command: &mut Command) -> Result<(), Failed> {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

/// One keep-alive connection.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

/// An answer: its status and its body as it travelled.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Connection {
    /// Connects to `HOST:PORT`.
    ///
    /// # Errors
    /// If nobody listens.
    pub fn open(host: &str) -> Result<Self, Failed> {
        let stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), host: host.to_owned() })
    }

    /// Fetches a page as a browser would, packed.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn fetch(&mut self, path: &str) -> Result<Answer, Failed> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: gzip\r\n\r\n", self.host);
        self.exchange(head.as_bytes())
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn post(&mut self, path: &str, body: &Value) -> Result<Answer, Failed> {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.exchange(request.as_bytes())
    }

    /// Opens an endless stream and counts its bytes in the background.
    ///
    /// # Errors
    /// If the connection breaks at once.
    pub fn follow(mut self, path: &str) -> Result<std::sync::Arc<std::sync::atomic::AtomicU64>, Failed> {
        write!(self.stream.get_mut(), "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n\r\n", self.host)?;
        let bytes = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counted = std::sync::Arc::clone(&bytes);
        std::thread::spawn(move || {
            let mut part = [0_u8; 65_536];
            while let Ok(n) = self.stream.read(&mut part)
                && n > 0
            {
                counted.fetch_add(n as u64, std::sync::atomic::Ordering::Relaxed);
            }
        });
        Ok(bytes)
    }

    fn exchange(&mut self, request: &[u8]) -> Result<Answer, Failed> {
        self.stream.get_mut().write_all(request)?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split_whitespace().nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| format!("no status: {line:?}"))?;
        let (mut length, mut chunked) = (0_usize, false);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(n) = header.strip_prefix("content-length:") {
                length = n.trim().parse()?;
            }
            chunked |= header.starts_with("transfer-encoding:") && header.contains("chunked");
        }
        let mut body = Vec::new();
        if !chunked {
            body.resize(length, 0);
            self.stream.read_exact(&mut body)?;
            return Ok(Answer { status, body });
        }
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let n = usize::from_str_radix(line.trim(), 16)?;
            let at = body.len();
            body.resize(at + n, 0);
            self.stream.read_exact(&mut body[at..])?;
            line.clear();
            self.stream.read_line(&mut line)?;
            if n == 0 {
                return Ok(Answer { status, body });
            }
        }
    }
}
