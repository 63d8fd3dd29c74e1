//! The client of an external broker: for a city that already runs one.
//!
//! It exists because the promise "acknowledged only after the commit" needs control that the library's own event loop does
//! not give: its packets and codec are used, the loop around them is ours. A stable client id and a lasting session make
//! the broker keep presses while we are away; what we do not acknowledge comes again after we reconnect.
//!
//! Invariant: messages reach the sink one at a time, in the order in which the broker sent them, and PUBACKs leave in that
//! order, each after its [`Outcome::Done`].

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use futures_util::{SinkExt, StreamExt};
use rumqttc::mqttbytes::v4::{self, Connect, ConnectReturnCode, LastWill, Login, Packet, PubAck, PubRec, Subscribe};
use rumqttc::mqttbytes::{self, QoS};
use rumqttc::{PubComp, PubRel, SubscribeFilter, SubscribeReasonCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::codec::{Decoder, Encoder, Framed};
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

use crate::message::{self, Delivered, Outcome, Publish, PublishError, Sink, Will};
use crate::tls::Trust;
pub use crate::tls::TrustError;

// MQTT 3.1.1, table 2.1.
const PUBLISH: u8 = 3;
/// Name look-up, TCP, TLS and CONNACK together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the broker may take none of our bytes, or leave a publish of ours without acknowledgement.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// First upper bound of the wait between two attempts; doubles with each (full jitter).
const RETRY_FIRST: Duration = Duration::from_millis(250);
/// Messages held while the sink is busy. Brokers send 10 to 100 before they wait for an acknowledgement; beyond this we
/// stop reading, and QoS 0 is dropped.
const WAITING_LIMIT: usize = 1000;
/// A connection that lived this long was a good one: the next attempt after it comes quickly.
const GOOD_CONNECTION: Duration = Duration::from_secs(60);

/// How to reach the external broker. [`ClientSettings::new`] fills in what is the same everywhere.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// `mqtt://host:port` or `mqtts://host:port`; without a port 1883 or 8883.
    pub url: String,
    /// The same after every restart, and nobody else's: the broker keeps our session under it.
    pub client_id: String,
    /// Whether the broker keeps our session while we are away: yes for who listens; who only says something once leaves none
    /// behind.
    pub keeps_session: bool,
    /// Login, if the broker wants one.
    pub user: Option<String>,
    /// Password of that login.
    pub password: Option<String>,
    /// PEM file of the authority that signed the broker's certificate; `None` trusts those of the operating system.
    pub ca_file: Option<PathBuf>,
    /// What to subscribe to, at QoS 1.
    pub filters: Vec<String>,
    /// A larger message is read past, acknowledged and reported in the log: leaving it would block all others for ever.
    pub max_packet_bytes: usize,
    /// Published by the broker when our connection breaks, and by us when we stop.
    pub will: Option<Will>,
    /// A silent connection is asked for a sign of life after this time, and given up after twice this time.
    pub keep_alive: Duration,
    /// Upper bound of the wait between two attempts to connect.
    pub retry_at_most: Duration,
}

impl ClientSettings {
    /// Settings for this broker under this client id.
    #[must_use]
    pub fn new(url: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            client_id: client_id.into(),
            keeps_session: true,
            user: None,
            password: None,
            ca_file: None,
            filters: Vec::new(),
            max_packet_bytes: 2 * 1024 * 1024,
            will: None,
            keep_alive: Duration::from_secs(20),
            retry_at_most: Duration::from_secs(30),
        }
    }
}

/// What is wrong with the settings. A broker that is away is no error: the client keeps trying.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not `mqtt://host:port` or `mqtts://host:port`.
    #[error("{url:?} is not the address of an MQTT broker: {why}")]
    Url {
        /// The address of the settings, without any login in it.
        url: String,
        /// What to change.
        why: &'static str,
    },
    /// The client id is empty, so that the broker could not keep a session.
    #[error("the MQTT client id must not be empty")]
    ClientId,
    /// A filter that no broker accepts.
    #[error("{0:?} is not a topic filter")]
    Filter(String),
    /// The last will cannot be published.
    #[error("the last will cannot be published")]
    Will(#[source] PublishError),
    /// Certificates.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// A running client. Dropping it ends it without a word (the broker then publishes the will); [`Client::stop`] says goodbye.
pub struct Client {
    outgoing: mpsc::Sender<Outgoing>,
    connected: watch::Receiver<bool>,
    stopping: CancellationToken,
    driver: Mutex<Option<JoinHandle<()>>>,
    max_packet_bytes: usize,
}

struct Outgoing {
    packet: v4::Publish,
    taken: oneshot::Sender<()>,
}

impl Client {
    /// Checks the settings and starts to connect in the background.
    ///
    /// # Errors
    /// [`ClientError`] for settings that can never work.
    pub fn start(settings: ClientSettings, sink: Arc<dyn Sink>) -> Result<Self, ClientError> {
        let address = Address::read(&settings)?;
        if settings.client_id.is_empty() {
            return Err(ClientError::ClientId);
        }
        if let Some(filter) = settings.filters.iter().find(|filter| !mqttbytes::valid_filter(filter)) {
            return Err(ClientError::Filter(filter.clone()));
        }
        if let Some(will) = &settings.will {
            message::check_publish(&will.topic, will.payload.len(), will.qos, settings.max_packet_bytes)
                .map_err(ClientError::Will)?;
        }
        let (outgoing, requests) = mpsc::channel(64);
        let (connected_sender, connected) = watch::channel(false);
        let stopping = CancellationToken::new();
        let max_packet_bytes = settings.max_packet_bytes;
        let driver = Driver {
            settings,
            address,
            sink,
            requests,
            connected: connected_sender,
            stopping: stopping.clone(),
            commit: None,
            attempts: 0,
            subscribed: false,
        };
        let driver = Mutex::new(Some(tokio::spawn(driver.run())));
        Ok(Self { outgoing, connected, stopping, driver, max_packet_bytes })
    }

    /// True while messages can arrive: connected, and every filter subscribed. Each change to true is the moment to
    /// publish retained messages again.
    #[must_use]
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.clone()
    }

    /// Publishes the will, disconnects and leaves the session with the broker, which keeps what comes in meanwhile. Takes
    /// less than two seconds.
    pub async fn stop(&self) {
        self.stopping.cancel();
        let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut driver) = driver
            && timeout(Duration::from_millis(1800), &mut driver).await.is_err()
        {
            driver.abort();
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take() {
            driver.abort();
        }
    }
}

#[async_trait]
impl Publish for Client {
    async fn publish(&self, topic: &str, payload: Vec<u8>, qos: u8, retain: bool) -> Result<(), PublishError> {
        message::check_publish(topic, payload.len(), qos, self.max_packet_bytes)?;
        if !*self.connected.borrow() {
            return Err(PublishError::Away);
        }
        let mut packet = v4::Publish::from_bytes(topic, quality(qos), payload.into());
        packet.retain = retain;
        let (taken, answer) = oneshot::channel();
        let exchange = async {
            self.outgoing.send(Outgoing { packet, taken }).await.map_err(|_e| PublishError::Away)?;
            answer.await.map_err(|_e| PublishError::Away)
        };
        timeout(ANSWER_TIMEOUT, exchange).await.unwrap_or(Err(PublishError::Away))
    }
}

fn quality(qos: u8) -> QoS {
    match qos {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

struct Address {
    host: String,
    port: u16,
    trust: Option<Trust>,
}

impl Address {
    fn read(settings: &ClientSettings) -> Result<Self, ClientError> {
        let wrong = |url: &str, why| ClientError::Url { url: url.to_owned(), why };
        let url = Url::parse(&settings.url).map_err(|_e| wrong("", "write mqtt://host:port or mqtts://host:port"))?;
        let shown = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(&shown, "put user and password into their own settings, addresses end up in logs"));
        }
        let tls = match url.scheme() {
            "mqtt" => false,
            "mqtts" => true,
            _ => return Err(wrong(&shown, "it must begin with mqtt:// or mqtts://")),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong(&shown, "nothing may follow the port"));
        }
        // Brackets belong to the notation of an IPv6 address, not to the address.
        let host = match url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Domain(_)) | None => return Err(wrong(&shown, "the host is missing")),
        };
        let trust = if tls { Some(Trust::new(&host, settings.ca_file.as_deref())?) } else { None };
        let port = url.port().unwrap_or(if tls { 8883 } else { 1883 });
        Ok(Self { host, port, trust })
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Broke {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Packet(#[from] mqttbytes::Error),
    #[error("the broker refused the login: {0:?}")]
    Refused(ConnectReturnCode),
    #[error("the broker does not answer")]
    Silent,
    #[error("the broker closed the connection")]
    Closed,
    #[error("the broker sent something out of turn")]
    OutOfTurn,
    #[error("a message could not be stored and has to come again")]
    NotStored,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
type Line = Framed<Box<dyn Stream>, Frames>;

struct Driver {
    settings: ClientSettings,
    address: Address,
    sink: Arc<dyn Sink>,
    requests: mpsc::Receiver<Outgoing>,
    connected: watch::Sender<bool>,
    stopping: CancellationToken,
    /// The delivery under way. It outlives a broken connection, so that the same message, coming again, waits for it
    /// instead of running beside it.
    commit: Option<Commit>,
    attempts: u32,
    /// Whether this process has subscribed already; a former one may have had other filters.
    subscribed: bool,
}

struct Commit {
    task: JoinHandle<Outcome>,
    /// What to acknowledge; `None` once the connection it came through is gone.
    acknowledge: Option<Acknowledge>,
}

#[derive(Debug, Clone, Copy)]
enum Acknowledge {
    Nothing,
    One(u16),
    Two(u16),
}

/// What lives as long as one connection.
struct Session {
    line: Line,
    /// In the order of the wire; nothing to deliver where a message was too large.
    waiting: VecDeque<(Option<Delivered>, Acknowledge)>,
    unacknowledged: Vec<(u16, oneshot::Sender<()>)>,
    last_id: u16,
    subscription: Option<u16>,
    silent: bool,
}

impl Driver {
    async fn run(mut self) {
        let stopping = self.stopping.clone();
        loop {
            let began = Instant::now();
            let ended = tokio::select! {
                () = stopping.cancelled() => return,
                connected = timeout(CONNECT_TIMEOUT, self.connect()) => match connected {
                    Ok(Ok((line, session_present))) => self.converse(line, session_present).await,
                    Ok(Err(broke)) => Err(broke),
                    Err(_elapsed) => Err(Broke::Silent),
                },
            };
            self.connected.send_replace(false);
            // Requests that were made while the connection broke: their callers are told by the closed channel.
            while self.requests.try_recv().is_ok() {}
            if let Some(commit) = &mut self.commit {
                commit.acknowledge = None;
            }
            let Err(broke) = ended else { return };
            if began.elapsed() > GOOD_CONNECTION {
                self.attempts = 0;
            }
            let most = RETRY_FIRST.saturating_mul(2_u32.saturating_pow(self.attempts)).min(self.settings.retry_at_most);
            let wait = most.mul_f64(rand::random::<f64>());
            self.attempts = self.attempts.saturating_add(1);
            tracing::warn!(
                broker = %self.address.host, reason = %broke, wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "not connected to the MQTT broker"
            );
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn connect(&self) -> Result<(Line, bool), Broke> {
        let stream = TcpStream::connect((self.address.host.as_str(), self.address.port)).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.address.trust {
            Some(trust) => Box::new(trust.wrap(stream).await?),
            None => Box::new(stream),
        };
        let mut line = Framed::new(stream, Frames::new(self.settings.max_packet_bytes));
        let mut connect = Connect::new(self.settings.client_id.as_str());
        connect.clean_session = !self.settings.keeps_session;
        connect.keep_alive = u16::try_from(self.settings.keep_alive.as_secs().max(1)).unwrap_or(u16::MAX);
        connect.login = self
            .settings
            .user
            .as_ref()
            .map(|user| Login { username: user.clone(), password: self.settings.password.clone().unwrap_or_default() });
        connect.last_will = self.settings.will.as_ref().map(|will| LastWill {
            topic: will.topic.clone(),
            message: will.payload.clone(),
            qos: quality(will.qos),
            retain: will.retain,
        });
        line.send(Packet::Connect(connect)).await?;
        match line.next().await.ok_or(Broke::Closed)?? {
            Frame::Packet(Packet::ConnAck(answer)) if answer.code == ConnectReturnCode::Success => {
                Ok((line, answer.session_present))
            }
            Frame::Packet(Packet::ConnAck(answer)) => Err(Broke::Refused(answer.code)),
            Frame::Packet(_) | Frame::Oversized { .. } => Err(Broke::OutOfTurn),
        }
    }

    async fn converse(&mut self, line: Line, session_present: bool) -> Result<(), Broke> {
        let mut session =
            Session { line, waiting: VecDeque::new(), unacknowledged: Vec::new(), last_id: 0, subscription: None, silent: false };
        if self.settings.filters.is_empty() || (session_present && self.subscribed) {
            self.connected.send_replace(true);
        } else {
            let id = session.next_id();
            let filters = self.settings.filters.iter();
            let mut subscribe = Subscribe::new_many(filters.map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtLeastOnce)));
            subscribe.pkid = id;
            session.subscription = Some(id);
            session.send(Packet::Subscribe(subscribe)).await?;
        }
        tracing::info!(broker = %self.address.host, session_present, "connected to the MQTT broker");

        let mut ping = tokio::time::interval(self.settings.keep_alive.max(Duration::from_secs(1)));
        ping.reset();
        loop {
            self.next_commit(&mut session);
            tokio::select! {
                () = self.stopping.cancelled() => return self.goodbye(&mut session).await,
                (acknowledge, outcome) = finished(&mut self.commit) => {
                    self.commit = None;
                    match (outcome, acknowledge) {
                        (_, None) => {}
                        // Sent at most once: no broker sends it again, whatever we do.
                        (Outcome::NotStored, Some(Acknowledge::Nothing)) => {
                            tracing::warn!("an MQTT message of QoS 0 was not stored and is lost");
                        }
                        (Outcome::NotStored, Some(_)) => {
                            // In order, so that the broker keeps our will to itself: we are coming back.
                            session.leave().await?;
                            return Err(Broke::NotStored);
                        }
                        (Outcome::Done, Some(acknowledge)) => {
                            self.attempts = 0;
                            session.acknowledge(acknowledge).await?;
                        }
                    }
                }
                frame = session.line.next(), if session.waiting.len() < WAITING_LIMIT => {
                    session.silent = false;
                    let frame = frame.ok_or(Broke::Closed)??;
                    self.take(&mut session, frame).await?;
                }
                request = self.requests.recv() => match request {
                    Some(request) => session.publish(request).await?,
                    None => return self.goodbye(&mut session).await,
                },
                _ = ping.tick() => {
                    // While we do not read, an answer cannot be seen; the broker hears from us all the same.
                    if session.silent && session.waiting.len() < WAITING_LIMIT {
                        return Err(Broke::Silent);
                    }
                    session.silent = true;
                    session.send(Packet::PingReq).await?;
                }
            }
        }
    }

    async fn take(&mut self, session: &mut Session, frame: Frame) -> Result<(), Broke> {
        match frame {
            Frame::Oversized { topic, bytes, acknowledge } => {
                tracing::error!(
                    topic,
                    bytes,
                    limit_bytes = self.settings.max_packet_bytes,
                    "an MQTT message is too large; it is skipped"
                );
                session.waiting.push_back((None, acknowledge));
                Ok(())
            }
            Frame::Packet(Packet::Publish(publish)) => {
                let acknowledge = match publish.qos {
                    QoS::AtMostOnce if session.waiting.len() + 1 >= WAITING_LIMIT => {
                        tracing::warn!(topic = %publish.topic, "too many MQTT messages at once; one of QoS 0 is dropped");
                        return Ok(());
                    }
                    QoS::AtMostOnce => Acknowledge::Nothing,
                    QoS::AtLeastOnce => Acknowledge::One(publish.pkid),
                    QoS::ExactlyOnce => Acknowledge::Two(publish.pkid),
                };
                let delivered = Delivered {
                    topic: publish.topic,
                    payload: publish.payload,
                    qos: publish.qos as u8,
                    retain: publish.retain,
                    dup: publish.dup,
                    from: None,
                };
                session.waiting.push_back((Some(delivered), acknowledge));
                Ok(())
            }
            Frame::Packet(Packet::SubAck(answer)) if session.subscription == Some(answer.pkid) => {
                session.subscription = None;
                let refused: Vec<_> = self
                    .settings
                    .filters
                    .iter()
                    .zip(&answer.return_codes)
                    .filter(|(_, code)| matches!(code, SubscribeReasonCode::Failure))
                    .map(|(filter, _)| filter.as_str())
                    .collect();
                if refused.is_empty() {
                    self.subscribed = true;
                    self.connected.send_replace(true);
                } else {
                    tracing::error!(?refused, "the MQTT broker does not let us subscribe; presses will not be heard");
                }
                Ok(())
            }
            Frame::Packet(Packet::PubAck(PubAck { pkid }) | Packet::PubComp(PubComp { pkid })) => {
                session.taken(pkid);
                Ok(())
            }
            Frame::Packet(Packet::PubRec(PubRec { pkid })) => session.send(Packet::PubRel(PubRel { pkid })).await,
            Frame::Packet(Packet::PubRel(PubRel { pkid })) => session.send(Packet::PubComp(PubComp { pkid })).await,
            Frame::Packet(Packet::PingResp | Packet::SubAck(_) | Packet::UnsubAck(_)) => Ok(()),
            Frame::Packet(
                Packet::Connect(_)
                | Packet::ConnAck(_)
                | Packet::Subscribe(_)
                | Packet::Unsubscribe(_)
                | Packet::PingReq
                | Packet::Disconnect,
            ) => Err(Broke::OutOfTurn),
        }
    }

    /// Starts the next delivery once the last one is over.
    fn next_commit(&mut self, session: &mut Session) {
        if self.commit.is_none()
            && let Some((delivered, acknowledge)) = session.waiting.pop_front()
        {
            let sink = self.sink.clone();
            let task = tokio::spawn(async move {
                match delivered {
                    Some(delivered) => sink.deliver(delivered).await,
                    None => Outcome::Done,
                }
            });
            self.commit = Some(Commit { task, acknowledge: Some(acknowledge) });
        }
    }

    async fn goodbye(&mut self, session: &mut Session) -> Result<(), Broke> {
        // Finishes what is in hand; the rest stays with the broker.
        if self.commit.is_some()
            && let Ok((Some(acknowledge), Outcome::Done)) = timeout(Duration::from_millis(800), finished(&mut self.commit)).await
        {
            session.acknowledge(acknowledge).await?;
        }
        if let Some(will) = &self.settings.will {
            let mut packet = v4::Publish::from_bytes(will.topic.as_str(), quality(will.qos), will.payload.clone());
            packet.retain = will.retain;
            let (taken, mut answer) = oneshot::channel();
            session.publish(Outgoing { packet, taken }).await?;
            let acknowledged = async {
                while answer.try_recv().is_err() {
                    let frame = session.line.next().await.ok_or(Broke::Closed)??;
                    if let Frame::Packet(Packet::PubAck(PubAck { pkid }) | Packet::PubComp(PubComp { pkid })) = frame {
                        session.taken(pkid);
                    } else if let Frame::Packet(Packet::PubRec(PubRec { pkid })) = frame {
                        session.send(Packet::PubRel(PubRel { pkid })).await?;
                    }
                }
                Ok::<(), Broke>(())
            };
            let _ = timeout(Duration::from_millis(400), acknowledged).await;
        }
        session.leave().await
    }
}

/// Waits for the delivery under way; for ever when there is none. Safe to drop half way.
async fn finished(commit: &mut Option<Commit>) -> (Option<Acknowledge>, Outcome) {
    let Some(commit) = commit else {
        return pending().await;
    };
    let outcome = (&mut commit.task).await.unwrap_or_else(|error| {
        tracing::error!(%error, "taking an MQTT message failed");
        Outcome::NotStored
    });
    (commit.acknowledge, outcome)
}

impl Session {
    async fn send(&mut self, packet: Packet) -> Result<(), Broke> {
        timeout(ANSWER_TIMEOUT, self.line.send(packet)).await.map_err(|_elapsed| Broke::Silent)??;
        Ok(())
    }

    /// Disconnects in order. Closing a socket while something unread is in it makes TCP reset the connection, and the broker
    /// then loses acknowledgements of ours that it has not read yet; so we read until it closes.
    async fn leave(&mut self) -> Result<(), Broke> {
        self.send(Packet::Disconnect).await?;
        let emptied = async { while let Some(Ok(_)) = self.line.next().await {} };
        let _ = timeout(Duration::from_millis(300), emptied).await;
        Ok(())
    }

    async fn acknowledge(&mut self, acknowledge: Acknowledge) -> Result<(), Broke> {
        match acknowledge {
            Acknowledge::Nothing => Ok(()),
            Acknowledge::One(pkid) => self.send(Packet::PubAck(PubAck { pkid })).await,
            Acknowledge::Two(pkid) => self.send(Packet::PubRec(PubRec { pkid })).await,
        }
    }

    async fn publish(&mut self, Outgoing { mut packet, taken }: Outgoing) -> Result<(), Broke> {
        if packet.qos == QoS::AtMostOnce {
            self.send(Packet::Publish(packet)).await?;
            let _ = taken.send(());
            return Ok(());
        }
        // Callers that gave up leave their number free.
        self.unacknowledged.retain(|(_, taken)| !taken.is_closed());
        packet.pkid = self.next_id();
        self.unacknowledged.push((packet.pkid, taken));
        self.send(Packet::Publish(packet)).await
    }

    fn taken(&mut self, pkid: u16) {
        if let Some(index) = self.unacknowledged.iter().position(|(id, _)| *id == pkid) {
            let _ = self.unacknowledged.swap_remove(index).1.send(());
        }
    }

    fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if self.unacknowledged.iter().all(|(id, _)| *id != self.last_id) {
                return self.last_id;
            }
        }
    }
}

/// What comes off the wire.
#[derive(Debug)]
enum Frame {
    Packet(Packet),
    /// A PUBLISH over the limit; its payload was thrown away as it came in.
    Oversized {
        topic: String,
        bytes: usize,
        acknowledge: Acknowledge,
    },
}

/// The library's codec, made able to read past a message that is too large. The codec alone would report an error, the
/// connection would end, and the broker would send the same message again, for ever.
struct Frames {
    codec: v4::Codec,
    limit_bytes: usize,
    skipping: Option<Skipping>,
}

struct Skipping {
    topic: String,
    bytes: usize,
    acknowledge: Acknowledge,
    left: usize,
}

impl Frames {
    fn new(limit_bytes: usize) -> Self {
        // What we send is checked before; the room above the limit is for topic and header.
        let max_outgoing_size = limit_bytes.saturating_add(1024);
        Self { codec: v4::Codec { max_incoming_size: limit_bytes, max_outgoing_size }, limit_bytes, skipping: None }
    }

    /// Looks at the front of what has arrived.
    fn front(&self, source: &[u8]) -> Result<Front, mqttbytes::Error> {
        let Some((header_bytes, length)) = packet_length(source)? else {
            return Ok(Front::Ordinary);
        };
        let first = source[0];
        if first >> 4 != PUBLISH || length <= self.limit_bytes {
            return Ok(Front::Ordinary);
        }
        let mut rest = &source[header_bytes..];
        if rest.len() < 2 {
            return Ok(Front::Unclear);
        }
        let topic_bytes = usize::from(rest.get_u16());
        let qos = (first >> 1) & 3;
        let id_bytes = if qos == 0 { 0 } else { 2 };
        if topic_bytes + id_bytes + 2 > length {
            return Err(mqttbytes::Error::MalformedPacket);
        }
        if rest.len() < topic_bytes + id_bytes {
            return Ok(Front::Unclear);
        }
        let topic = String::from_utf8_lossy(&rest[..topic_bytes]).into_owned();
        rest.advance(topic_bytes);
        let acknowledge = match qos {
            0 => Acknowledge::Nothing,
            1 => Acknowledge::One(rest.get_u16()),
            _ => Acknowledge::Two(rest.get_u16()),
        };
        Ok(Front::Oversized(Skipping { topic, bytes: length, acknowledge, left: header_bytes + length }))
    }
}

enum Front {
    /// For the codec, complete or not.
    Ordinary,
    /// Too large, and its topic is still on its way.
    Unclear,
    Oversized(Skipping),
}

/// Size of the fixed header and of what follows it, once the header has arrived (MQTT 3.1.1, 2.2.3).
fn packet_length(source: &[u8]) -> Result<Option<(usize, usize)>, mqttbytes::Error> {
    let mut length = 0;
    for (index, byte) in source.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((index + 2, length)));
        }
    }
    if source.len() > 4 { Err(mqttbytes::Error::MalformedRemainingLength) } else { Ok(None) }
}

impl Decoder for Frames {
    type Item = Frame;
    type Error = mqttbytes::Error;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Frame>, Self::Error> {
        if self.skipping.is_none() {
            match self.front(source)? {
                Front::Ordinary => return Ok(self.codec.decode(source)?.map(Frame::Packet)),
                Front::Unclear => {
                    source.reserve(usize::from(u16::MAX));
                    return Ok(None);
                }
                Front::Oversized(skipping) => self.skipping = Some(skipping),
            }
        }
        let Some(skipping) = &mut self.skipping else {
            return Ok(None);
        };
        let step = skipping.left.min(source.len());
        source.advance(step);
        skipping.left -= step;
        if skipping.left > 0 {
            source.reserve(64 * 1024);
            return Ok(None);
        }
        Ok(self.skipping.take().map(|Skipping { topic, bytes, acknowledge, .. }| Frame::Oversized { topic, bytes, acknowledge }))
    }
}

impl Encoder<Packet> for Frames {
    type Error = mqttbytes::Error;

    fn encode(&mut self, packet: Packet, target: &mut BytesMut) -> Result<(), Self::Error> {
        self.codec.encode(packet, target)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;

    fn wire(payload_bytes: usize, qos: QoS) -> BytesMut {
        let mut publish = v4::Publish::new("a/button", qos, vec![7; payload_bytes]);
        publish.pkid = 5;
        let mut bytes = BytesMut::new();
        Frames::new(10_000_000).encode(Packet::Publish(publish), &mut bytes).unwrap();
        Frames::new(1000).encode(Packet::PingResp, &mut bytes).unwrap();
        bytes
    }

    fn read(bytes: &[u8], step: usize) -> Vec<Frame> {
        let mut frames = Frames::new(1000);
        let (mut source, mut read) = (BytesMut::new(), Vec::new());
        for part in bytes.chunks(step) {
            source.extend_from_slice(part);
            while let Some(frame) = frames.decode(&mut source).unwrap() {
                read.push(frame);
            }
        }
        assert!(source.is_empty());
        read
    }

    #[test]
    fn a_message_over_the_limit_is_read_past_and_the_next_packet_arrives() {
        for step in [1, 3, 700, 100_000] {
            let frames = read(&wire(5000, QoS::AtLeastOnce), step);
            let [Frame::Oversized { topic, bytes, acknowledge: Acknowledge::One(5) }, Frame::Packet(Packet::PingResp)] =
                frames.as_slice()
            else {
                panic!("{frames:?} in steps of {step}");
            };
            assert_eq!((topic.as_str(), *bytes), ("a/button", 5000 + 2 + 8 + 2));
        }
        assert!(matches!(read(&wire(5000, QoS::AtMostOnce), 9)[0], Frame::Oversized { acknowledge: Acknowledge::Nothing, .. }));
    }

    #[test]
    fn a_message_at_the_limit_passes() {
        let frames = read(&wire(1000 - 12, QoS::AtLeastOnce), 64);
        let [Frame::Packet(Packet::Publish(publish)), Frame::Packet(Packet::PingResp)] = frames.as_slice() else {
            panic!("{frames:?}");
        };
        assert_eq!(publish.payload.len(), 988);
        assert!(matches!(read(&wire(1000 - 11, QoS::AtLeastOnce), 64)[0], Frame::Oversized { .. }));
    }

    #[test]
    fn addresses_are_read_and_wrong_ones_are_explained() {
        let read = |url: &str| Address::read(&ClientSettings::new(url, "id")).map(|a| (a.host, a.port, a.trust.is_some()));
        assert_eq!(read("mqtt://broker.example").unwrap(), ("broker.example".to_owned(), 1883, false));
        assert_eq!(read("mqtt://10.0.0.7:1884/").unwrap(), ("10.0.0.7".to_owned(), 1884, false));
        assert_eq!(read("mqtt://[::1]:1885").unwrap(), ("::1".to_owned(), 1885, false));
        for wrong in ["", "broker:1883", "http://broker", "mqtt://", "mqtt://broker/topic", "mqtt://broker?x=1"] {
            assert!(matches!(read(wrong), Err(ClientError::Url { .. })), "{wrong}");
        }
        let error = read("mqtt://ann:secret@broker").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
        assert!(read("mqtt://broker").is_ok_and(|(.., tls)| !tls));
    }

    #[test]
    fn a_certificate_file_that_holds_none_is_refused_with_its_path() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut settings = ClientSettings::new("mqtts://broker", "id");
        settings.ca_file = Some(file.path().to_owned());
        let Err(ClientError::Trust(TrustError::File { path, .. })) = Address::read(&settings) else {
            panic!("an empty file gave trust");
        };
        assert_eq!(path, file.path());
    }

    #[test]
    fn no_bytes_of_a_broker_bring_the_reader_down() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move || {
            // xorshift64: the same bytes in every run.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..200_000 {
            let length = (random() % 24) as usize;
            let mut source: BytesMut = (0..length).map(|_| random() as u8).collect::<Vec<u8>>().as_slice().into();
            if length > 1 && random() % 4 > 0 {
                source[1] = (length - 2) as u8;
            }
            let mut frames = Frames::new(1000);
            while let Ok(Some(_)) = frames.decode(&mut source) {}
        }
    }
}
