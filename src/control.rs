//! The control socket: the local door through which commands reach a running server.
//!
//! It exists because a board has one writer: while `serve` runs, `imaboard incident open` must ask it instead of
//! opening the log itself. One connection carries one request, a line of JSON, and any number of answers, a line of
//! JSON each: `{"item": …}` repeated, then `{"done": null}` or `{"refused": "why"}`. A client keeps its sending side
//! open until then. Invariant: an answer without `done` or `refused` at its end was cut off, and the client says so.

use std::fs::{self, DirBuilder, File};
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::data_folder::Lock;

/// The longest request by default: a register of 260,000 facilities as one request is about 60 MB.
pub const MAX_REQUEST_BYTES: u64 = 128 * 1024 * 1024;

/// A client on the same machine has sent its whole request by then, or hangs.
const REQUEST_PATIENCE: Duration = Duration::from_secs(30);

/// How long a command under way may take to finish when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Answers that may wait for a slow reader before the command is held back.
const ANSWERS_WAITING: usize = 64;

/// Longer names do not fit into a socket address (108 bytes with the final zero on Linux).
const SOCKET_NAME_BYTES: usize = 107;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Frame {
    Item(Value),
    Done(()),
    Refused(String),
}

/// Where a command sends its answers.
#[derive(Debug, Clone)]
pub struct Responder {
    answers: mpsc::Sender<Value>,
    stop: CancellationToken,
}

/// Nobody listens any more: the client left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client is gone")]
pub struct Gone;

impl Responder {
    /// Sends one answer, and waits while the client is slow.
    ///
    /// # Errors
    /// [`Gone`] if the client left; a command that only reads should end then.
    pub async fn send<T: Serialize + Sync>(&self, answer: &T) -> Result<(), Gone> {
        let value = serde_json::to_value(answer).map_err(|error| {
            tracing::error!(%error, "an answer on the control socket cannot be written as JSON");
            Gone
        })?;
        self.answers.send(value).await.map_err(|_| Gone)
    }

    /// Becomes ready when an endless answer should end: the client left or the server stops.
    pub async fn ended(&self) {
        tokio::select! {
            () = self.answers.closed() => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// The open door. It serves until its token is cancelled, and then takes the socket away.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
    max_request_bytes: u64,
}

/// Opens the door of a data folder. Only the holder of its lock may, so a socket that is found there is left over
/// from a process that died, and is replaced.
///
/// # Errors
/// If the socket cannot be created.
pub fn listen(lock: &Lock, max_request_bytes: u64) -> io::Result<Listener> {
    let path = lock.folder().control_socket();
    // Bound inside a folder that nobody else can enter and then moved, so that there is no moment in which the
    // socket exists with wider rights than 0600.
    let nursery = lock.folder().path().join("control.new");
    if nursery.exists() {
        fs::remove_dir_all(&nursery)?;
    }
    DirBuilder::new().mode(0o700).create(&nursery)?;
    let opened = with_short_name(&nursery.join("s"), |name| UnixListener::bind(name)).and_then(|listener| {
        fs::set_permissions(nursery.join("s"), fs::Permissions::from_mode(0o600))?;
        fs::rename(nursery.join("s"), &path)?;
        Ok(Listener { listener, path, max_request_bytes })
    });
    fs::remove_dir_all(&nursery)?;
    opened
}

impl Listener {
    /// Answers requests with `command` until `stop` is cancelled; commands under way then have five seconds.
    ///
    /// `command` returns `Err` with a sentence for the person at the keyboard to refuse a request.
    pub async fn serve<C, F>(self, stop: CancellationToken, command: C)
    where
        C: Fn(Value, Responder) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (command, stop) = (command.clone(), stop.clone());
                    let max_request_bytes = self.max_request_bytes;
                    connections.spawn(async move {
                        if let Err(error) = converse(stream, max_request_bytes, stop, command).await {
                            tracing::debug!(%error, "a client of the control socket left early");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        connections.close();
        if timeout(STOP_PATIENCE, connections.wait()).await.is_err() {
            tracing::warn!("commands on the control socket were cut off by the stop");
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "the control socket was already gone");
        }
    }
}

async fn converse<C, F>(stream: UnixStream, max_request_bytes: u64, stop: CancellationToken, command: C) -> io::Result<()>
where
    C: Fn(Value, Responder) -> F,
    F: Future<Output = Result<(), String>>,
{
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    let read = timeout(REQUEST_PATIENCE, (&mut reader).take(max_request_bytes + 1).read_until(b'\n', &mut line)).await;
    let request = match read {
        Err(_) => Err("no request arrived".to_owned()),
        Ok(Err(error)) => return Err(error),
        Ok(Ok(0)) => return Ok(()),
        Ok(Ok(read)) if read as u64 > max_request_bytes => Err(format!("a request has at most {max_request_bytes} bytes")),
        Ok(Ok(_)) => serde_json::from_slice::<Value>(&line).map_err(|error| format!("the request is not JSON: {error}")),
    };
    let request = match request {
        Ok(request) => request,
        Err(refusal) => return write(&mut writer, &Frame::Refused(refusal)).await,
    };

    let (answers, mut waiting) = mpsc::channel(ANSWERS_WAITING);
    let outcome = command(request, Responder { answers, stop });
    let delivery = async move {
        let mut unexpected = [0_u8; 64];
        // Ending drops the receiver: a client that left does not undo its request, but the command can see it.
        loop {
            tokio::select! {
                answer = waiting.recv() => match answer {
                    Some(answer) => write(&mut writer, &Frame::Item(answer)).await?,
                    None => return Ok::<_, io::Error>(writer),
                },
                more = reader.read(&mut unexpected) => match more {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(_) => {}
                    Err(error) => return Err(error),
                },
            }
        }
    };
    let (outcome, delivered) = tokio::join!(outcome, delivery);
    let mut writer = delivered?;
    let last = match outcome {
        Ok(()) => Frame::Done(()),
        Err(refusal) => Frame::Refused(refusal),
    };
    write(&mut writer, &last).await
}

async fn write(writer: &mut OwnedWriteHalf, frame: &Frame) -> io::Result<()> {
    let mut line = serde_json::to_vec(frame)?;
    line.push(b'\n');
    writer.write_all(&line).await
}

/// Why a call through the control socket brought no full answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No server runs on this data folder: take the lock and do the work here.
    #[error("no server is running on this data folder")]
    NoServer,
    /// The server refused, with a sentence for the person at the keyboard.
    #[error("{0}")]
    Refused(String),
    /// The connection ended before the answer did; whether the request was carried out is unknown.
    #[error("the server ended before it had answered in full")]
    CutOff,
    /// The server speaks another version of this program's language.
    #[error("the server's answer is not understood: {0}")]
    NotUnderstood(#[from] serde_json::Error),
    /// The operating system refused.
    #[error("control socket: {0}")]
    Io(#[from] io::Error),
}

/// The answers to one request, one after the other.
#[derive(Debug)]
pub struct Call<T> {
    lines: Lines<BufReader<OwnedReadHalf>>,
    // Kept open, because the server takes its end as the client leaving.
    _writer: OwnedWriteHalf,
    answers: PhantomData<fn() -> T>,
}

/// Sends one request to the server that runs on this data folder.
///
/// # Errors
/// [`CallError::NoServer`] if none runs, also if a dead one left its socket.
pub async fn call<T: DeserializeOwned>(socket: &Path, request: &(impl Serialize + Sync)) -> Result<Call<T>, CallError> {
    let connected = match connect(socket) {
        Ok(stream) => UnixStream::from_std(stream)?,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Err(CallError::NoServer);
        }
        Err(error) => return Err(error.into()),
    };
    let (reader, mut writer) = connected.into_split();
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    match writer.write_all(&line).await {
        // The server may refuse an oversized request before it has read it all: its reason is worth reading.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    Ok(Call { lines: BufReader::new(reader).lines(), _writer: writer, answers: PhantomData })
}

/// Whether a server runs on this data folder.
#[must_use]
pub fn server_runs(socket: &Path) -> bool {
    connect(socket).is_ok()
}

impl<T: DeserializeOwned> Call<T> {
    /// The next answer, or `None` after the last.
    ///
    /// # Errors
    /// If the server refused, was cut off, or sent something else than `T`.
    pub async fn next(&mut self) -> Result<Option<T>, CallError> {
        let line = match self.lines.next_line().await {
            Ok(Some(line)) => line,
            Ok(None) => return Err(CallError::CutOff),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Err(CallError::CutOff),
            Err(error) => return Err(error.into()),
        };
        match serde_json::from_str(&line)? {
            Frame::Item(value) => Ok(Some(serde_json::from_value(value)?)),
            Frame::Done(()) => Ok(None),
            Frame::Refused(why) => Err(CallError::Refused(why)),
        }
    }

    /// All answers together.
    ///
    /// # Errors
    /// As [`Call::next`].
    pub async fn all(mut self) -> Result<Vec<T>, CallError> {
        let mut answers = Vec::new();
        while let Some(answer) = self.next().await? {
            answers.push(answer);
        }
        Ok(answers)
    }
}

fn connect(socket: &Path) -> io::Result<std::os::unix::net::UnixStream> {
    // Connecting on this machine succeeds or fails at once, so it may happen outside the runtime.
    let stream = with_short_name(socket, |name| std::os::unix::net::UnixStream::connect(name))?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Calls `open` with a name of the socket that fits into a socket address, however deep its folder is: through
/// the folder's entry among this process's open files.
fn with_short_name<T>(socket: &Path, open: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if socket.as_os_str().len() <= SOCKET_NAME_BYTES {
        return open(socket);
    }
    let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = File::open(folder)?;
    let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    open(&short)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::data_folder::DataFolder;
    use jiff::Timestamp;
    use serde_json::json;
    use tokio::task::JoinHandle;

    struct Server {
        _place: tempfile::TempDir,
        socket: PathBuf,
        stop: CancellationToken,
        running: JoinHandle<()>,
    }

    fn serve_in(folder: &str, max_request_bytes: u64) -> Server {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path().join(folder)).unwrap();
        let socket = folder.control_socket();
        // Left over from a server that was killed.
        drop(with_short_name(&socket, |name| std::os::unix::net::UnixListener::bind(name)).unwrap());
        let lock = folder.lock(Timestamp::UNIX_EPOCH).unwrap();
        assert!(!server_runs(&socket));
        let listener = listen(&lock, max_request_bytes).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(listener.serve(stop.clone(), |request: Value, responder: Responder| async move {
            match request["do"].as_str() {
                Some("count") => {
                    for number in 0..request["to"].as_u64().unwrap_or(0) {
                        responder.send(&number).await.map_err(|gone| gone.to_string())?;
                    }
                    Ok(())
                }
                Some("follow") => {
                    responder.send(&0).await.map_err(|gone| gone.to_string())?;
                    responder.ended().await;
                    Ok(())
                }
                _ => Err("I do not know that".to_owned()),
            }
        }));
        Server { _place: place, socket, stop, running }
    }

    #[tokio::test]
    async fn many_answers_arrive_in_order_and_end() {
        let server = serve_in("data", 1000);
        assert!(server_runs(&server.socket));
        let answers = call::<u64>(&server.socket, &json!({"do": "count", "to": 500})).await.unwrap().all().await.unwrap();
        assert_eq!(answers, (0..500).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn the_door_is_for_its_owner_alone() {
        let server = serve_in("data", 1000);
        assert_eq!(fs::metadata(&server.socket).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_refusal_carries_its_sentence() {
        let server = serve_in("data", 1000);
        let refusal = call::<u64>(&server.socket, &json!({"do": "fly"})).await.unwrap().all().await.unwrap_err();
        assert!(matches!(refusal, CallError::Refused(why) if why == "I do not know that"));
    }

    #[tokio::test]
    async fn an_oversized_request_is_refused() {
        let server = serve_in("data", 1000);
        let refusal = call::<u64>(&server.socket, &"x".repeat(2_000)).await.unwrap().all().await.unwrap_err();
        assert!(matches!(refusal, CallError::Refused(why) if why.contains("1000 bytes")));
    }

    #[tokio::test]
    async fn something_that_is_not_json_is_refused() {
        let server = serve_in("data", 1000);
        let mut stream = UnixStream::connect(&server.socket).await.unwrap();
        stream.write_all(b"hello\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(r#"{"refused":"the request is not JSON"#), "{answer}");
    }

    #[tokio::test]
    async fn a_deep_data_folder_is_no_obstacle() {
        let server = serve_in(&"deep/".repeat(40), 1000);
        let answers = call::<u64>(&server.socket, &json!({"do": "count", "to": 1})).await.unwrap().all().await.unwrap();
        assert_eq!(answers, [0]);
    }

    #[tokio::test]
    async fn a_stopping_server_ends_endless_answers_and_takes_its_door_away() {
        let server = serve_in("data", 1000);
        let mut following = call::<u64>(&server.socket, &json!({"do": "follow"})).await.unwrap();
        assert_eq!(following.next().await.unwrap(), Some(0));
        server.stop.cancel();
        assert_eq!(following.next().await.unwrap(), None);
        server.running.await.unwrap();
        assert!(!server.socket.exists());
        assert!(matches!(call::<u64>(&server.socket, &json!({})).await, Err(CallError::NoServer)));
    }
}
