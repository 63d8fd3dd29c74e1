//! A sink that can be told how to answer, rights of a small house, a client that shows every packet, and a Mosquitto.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use imaboard_mqtt::broker::{Broker, BrokerSettings};
use imaboard_mqtt::message::{Delivered, Outcome, Rights, Sink};
use rumqttc::mqttbytes::v4::{self, Connect, ConnectReturnCode, LastWill, Packet, Subscribe, SubscribeReasonCode};
use rumqttc::mqttbytes::{Error, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// How long we look before we say that nothing came.
pub(crate) const A_WHILE: Duration = Duration::from_millis(300);

/// Waits for a condition that something else brings about.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(DEADLINE, waiting).await.is_ok(), "never: {what}");
}

/// Remembers everything, answers as told (then [`Outcome::Done`]), and holds its answers while closed.
pub(crate) struct Desk {
    pub(crate) heard: Mutex<Vec<Delivered>>,
    pub(crate) answers: Mutex<VecDeque<Outcome>>,
    pub(crate) open: watch::Sender<bool>,
    /// Topics that are answered even while closed.
    pub(crate) express: &'static str,
}

impl Desk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            heard: Mutex::default(),
            answers: Mutex::default(),
            open: watch::Sender::new(true),
            express: "imaboard/button/express/",
        })
    }

    pub(crate) fn answer(&self, outcomes: impl IntoIterator<Item = Outcome>) {
        self.answers.lock().unwrap().extend(outcomes);
    }

    pub(crate) fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    /// Waits for this many deliveries and returns their payloads.
    pub(crate) async fn payloads(&self, count: usize) -> Vec<String> {
        until(&format!("{count} deliveries"), || self.count() >= count).await;
        self.heard.lock().unwrap().iter().map(|d| String::from_utf8_lossy(&d.payload).into_owned()).collect()
    }

    pub(crate) async fn first(&self) -> Delivered {
        until("a delivery", || self.count() > 0).await;
        self.heard.lock().unwrap()[0].clone()
    }
}

#[async_trait]
impl Sink for Desk {
    async fn deliver(&self, message: Delivered) -> Outcome {
        let express = message.topic.starts_with(self.express);
        self.heard.lock().unwrap().push(message);
        if !express {
            self.open.subscribe().wait_for(|open| *open).await.unwrap();
        }
        self.answers.lock().unwrap().pop_front().unwrap_or(Outcome::Done)
    }
}

/// Everyone's password is the name spelled backwards; everyone owns `imaboard/button/{name}/…`.
pub(crate) struct House {
    pub(crate) expelled: Mutex<Vec<String>>,
}

impl House {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { expelled: Mutex::default() })
    }
}

pub(crate) fn password(user: &str) -> String {
    user.chars().rev().collect()
}

#[async_trait]
impl Rights for House {
    async fn authenticate(&self, user: &str, given: &[u8]) -> bool {
        given == password(user).as_bytes() && !self.expelled.lock().unwrap().iter().any(|e| e == user)
    }

    fn may_publish(&self, user: &str, topic: &str) -> bool {
        topic.starts_with(&format!("imaboard/button/{user}/")) && !self.expelled.lock().unwrap().iter().any(|e| e == user)
    }

    fn may_subscribe(&self, user: &str, filter: &str) -> bool {
        filter.starts_with(&format!("imaboard/button/{user}/"))
            || filter.starts_with("imaboard/facility/")
            || filter == "imaboard/server/availability"
    }
}

pub(crate) async fn broker(desk: &Arc<Desk>) -> Broker {
    broker_with(desk, |_| {}).await
}

pub(crate) async fn broker_with(desk: &Arc<Desk>, change: impl FnOnce(&mut BrokerSettings)) -> Broker {
    let mut settings = BrokerSettings::new(([127, 0, 0, 1], 0).into());
    change(&mut settings);
    Broker::start(settings, House::new(), desk.clone()).await.unwrap()
}

/// A client that does nothing by itself.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    buffer: BytesMut,
}

impl Raw {
    pub(crate) async fn dial(to: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(to).await.unwrap(), buffer: BytesMut::new() }
    }

    pub(crate) async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, usize::MAX).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// The next packet; `None` when the other side closed.
    pub(crate) async fn next(&mut self) -> Option<Packet> {
        timeout(DEADLINE, self.read()).await.expect("neither a packet nor the end")
    }

    async fn read(&mut self) -> Option<Packet> {
        loop {
            match Packet::read(&mut self.buffer, usize::MAX) {
                Ok(packet) => return Some(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => panic!("{error}"),
            }
            self.stream.read_buf(&mut self.buffer).await.ok().filter(|read| *read > 0)?;
        }
    }

    pub(crate) async fn is_quiet(&mut self) -> bool {
        timeout(A_WHILE, self.read()).await.is_err()
    }

    pub(crate) async fn connect(to: SocketAddr, connect: Connect) -> Result<(Self, bool), ConnectReturnCode> {
        let mut raw = Self::dial(to).await;
        raw.send(Packet::Connect(connect)).await;
        match raw.next().await {
            Some(Packet::ConnAck(answer)) if answer.code == ConnectReturnCode::Success => Ok((raw, answer.session_present)),
            Some(Packet::ConnAck(answer)) => Err(answer.code),
            // Too many are being refused for each to be told why.
            None => Err(ConnectReturnCode::ServiceUnavailable),
            other => panic!("no CONNACK but {other:?}"),
        }
    }

    pub(crate) async fn login(to: SocketAddr, user: &str) -> Self {
        Self::connect(to, connect(user)).await.unwrap().0
    }

    pub(crate) async fn publish(&mut self, pkid: u16, topic: &str, payload: impl Into<Vec<u8>>) {
        self.send(Packet::Publish(publish(pkid, topic, payload))).await;
    }

    pub(crate) async fn subscribe(&mut self, filter: &str) -> SubscribeReasonCode {
        let mut subscribe = Subscribe::new(filter, QoS::AtLeastOnce);
        subscribe.pkid = 1;
        self.send(Packet::Subscribe(subscribe)).await;
        match self.next().await {
            Some(Packet::SubAck(answer)) => answer.return_codes[0],
            other => panic!("no SUBACK but {other:?}"),
        }
    }

    pub(crate) async fn press(&mut self, pkid: u16, user: &str, payload: &str) {
        self.publish(pkid, &press_topic(user), payload).await;
    }

    pub(crate) async fn acknowledged(&mut self, pkid: u16) {
        match self.next().await {
            Some(Packet::PubAck(answer)) if answer.pkid == pkid => {}
            other => panic!("no PUBACK {pkid} but {other:?}"),
        }
    }
}

pub(crate) fn press_topic(user: &str) -> String {
    format!("imaboard/button/{user}/press")
}

/// Session kept, client id and user the same name.
pub(crate) fn connect(user: &str) -> Connect {
    let mut connect = Connect::new(user);
    connect.clean_session = false;
    connect.keep_alive = 60;
    connect.set_login(user, password(user));
    connect
}

pub(crate) fn with_will(user: &str, topic: &str) -> Connect {
    let mut connect = connect(user);
    connect.last_will = Some(LastWill::new(topic, "offline", QoS::AtLeastOnce, true));
    connect
}

/// QoS 1 with a packet id, QoS 0 with none.
pub(crate) fn publish(pkid: u16, topic: &str, payload: impl Into<Vec<u8>>) -> v4::Publish {
    let qos = if pkid == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    let mut publish = v4::Publish::new(topic, qos, payload);
    publish.pkid = pkid;
    publish
}

/// True when this machine lacks a program and the run was told to go on without it.
pub(crate) fn skipped(program: &str) -> bool {
    let skip = std::env::var("IMABOARD_TEST_SKIP").unwrap_or_default();
    let skip = skip.split([',', ' ']).any(|name| name == program);
    if skip {
        eprintln!("SKIPPED: needs {program}, and IMABOARD_TEST_SKIP lists it");
    }
    skip
}

fn find(program: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/usr/local/sbin"]);
    folders.map(|folder| Path::new(folder).join(program)).find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("this test needs the package `mosquitto` (program {program}); or set IMABOARD_TEST_SKIP=mosquitto")
    })
}

/// A real Mosquitto on a free port, which keeps sessions over a restart.
pub(crate) struct Mosquitto {
    pub(crate) address: SocketAddr,
    pub(crate) folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Mosquitto {
    /// `more` is added to the configuration; `{folder}` in it stands for the temporary folder.
    pub(crate) async fn start(users: &[&str], more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, users, more).await
    }

    pub(crate) async fn start_in(folder: tempfile::TempDir, users: &[&str], more: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = folder.path().display().to_string();
        for (index, user) in users.iter().enumerate() {
            let mut command = Command::new(find("mosquitto_passwd"));
            command.arg("-b").args((index == 0).then_some("-c")).arg(folder.path().join("passwords"));
            assert!(command.arg(user).arg(password(user)).stderr(Stdio::null()).status().unwrap().success());
        }
        let more = more.replace("{folder}", &path);
        // Started as root it would change to a user who cannot write here.
        let config = format!(
            "listener {port} 127.0.0.1\n{more}\nallow_anonymous false\npassword_file {path}/passwords\npersistence true\n\
             persistence_location {path}/\nmax_queued_messages 10000\nuser root\nlog_dest none\n"
        );
        std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let mut mosquitto = Self { address: ([127, 0, 0, 1], port).into(), folder, child: None };
        mosquitto.rise().await;
        mosquitto
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }

    pub(crate) async fn rise(&mut self) {
        let mut command = Command::new(find("mosquitto"));
        command.arg("-c").arg(self.folder.path().join("mosquitto.conf")).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let address = self.address;
        until("Mosquitto listens", || std::net::TcpStream::connect(address).is_ok()).await;
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }

    /// Stops it in order; it writes its sessions to disk.
    pub(crate) fn fall(&mut self) {
        if let Some(mut child) = self.child.take() {
            assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
            child.wait().unwrap();
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
