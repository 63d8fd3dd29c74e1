//! The embedded broker: for a house that has none, so that a button needs nothing but this program.
//!
//! It wraps the broker library, whose own habits are not ours: it asks for topic rights after its publish hook, lets last
//! wills pass unchecked, and spawns tasks nobody can wait for. So all checks are made here, and the library lives in a
//! runtime of its own that ends with [`Broker::stop`].
//!
//! Invariant: PUBACK (or PUBREC) leaves only after the sink answered [`Outcome::Done`]; otherwise the connection is closed
//! without it, and the device sends again. The library awaits its rights hook between reading a publish and acknowledging
//! it, one connection at a time, so a slow commit holds up that device only.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use rmqtt::codec::types::{MQTT_LEVEL_5, Publish as PublishPacket};
use rmqtt::codec::v5::{PublishAckReason, SubscribeAckReason};
use rmqtt::context::ServerContext;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType, Type};
use rmqtt::retain::{DefaultRetainStorage, RetainStorage};
use rmqtt::server::MqttServer;
use rmqtt::session::SessionState;
use rmqtt::shared::Entry;
use rmqtt::types::{
    AuthResult, ConnectInfo, From, FromType, Id, LastWill, Publish as Message, PublishAclResult, PublishResult, QoS, Retain,
    SubscribeAclResult, TopicFilter, TopicName,
};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::gate::{self, Limits};
use crate::message::{self, Delivered, Outcome, Publish, PublishError, Rights, Sink, Will};

/// How the embedded broker behaves. [`BrokerSettings::new`] gives values that fit a city.
#[derive(Debug, Clone)]
pub struct BrokerSettings {
    /// Where devices connect; port 0 takes any free one.
    pub listen: SocketAddr,
    /// A larger packet ends its connection.
    pub max_packet_bytes: usize,
    /// Open connections, logged in or not. Each costs three file descriptors.
    pub max_connections: usize,
    /// Open connections of one address, logged in or not.
    pub max_connections_per_address: usize,
    /// Sessions one user may hold at a time under different client ids; one that is away makes room for one that comes.
    pub max_sessions_per_user: usize,
    /// A connection without a CONNECT packet is closed after this time.
    pub handshake_timeout: Duration,
    /// A commit that takes longer counts as not stored; the device sends again. Kept under the five seconds that a device
    /// coming back waits for its old connection to end.
    pub commit_timeout: Duration,
    /// How long a device that is away (and asked for a lasting session) keeps its subscriptions and messages.
    pub session_expiry: Duration,
    /// Messages that may wait for one device, away or slow; what comes after them is dropped. A new subscription to all
    /// retained messages needs one place for each.
    pub max_queued_messages: usize,
    /// Published when the broker stops in order.
    pub will: Option<Will>,
}

impl BrokerSettings {
    /// Settings for a broker on this address.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            // Contract: payloads of 1 MB must pass; a press has 100 bytes.
            max_packet_bytes: 2 * 1024 * 1024,
            max_connections: 1000,
            max_connections_per_address: 400,
            max_sessions_per_user: 4,
            handshake_timeout: Duration::from_secs(10),
            commit_timeout: Duration::from_secs(4),
            session_expiry: Duration::from_secs(24 * 60 * 60),
            max_queued_messages: 10_000,
            will: None,
        }
    }
}

/// Why the broker could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, not ours, or not allowed.
    #[error("the MQTT broker cannot listen on {address}")]
    Listen {
        /// The address of the settings.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// No threads, or no loopback port for the library behind the gate.
    #[error("the MQTT broker cannot start: {0}")]
    Engine(String),
}

/// A running embedded broker. Dropping it ends it at once; [`Broker::stop`] ends it in order.
pub struct Broker {
    local_addr: SocketAddr,
    context: ServerContext,
    guard: Arc<Guard>,
    closing: CancellationToken,
    ending: CancellationToken,
    relays: TaskTracker,
    alive: Arc<watch::Sender<bool>>,
    will: Option<Will>,
    max_packet_bytes: usize,
    engine: Mutex<Option<Engine>>,
}

impl Broker {
    /// Opens the port and starts to serve. The sink and the rights run in the runtime of the caller.
    ///
    /// # Errors
    /// [`StartError`] when the port cannot be opened or the machine gives no threads.
    pub async fn start(settings: BrokerSettings, rights: Arc<dyn Rights>, sink: Arc<dyn Sink>) -> Result<Self, StartError> {
        // Two threads: one can be busy with a large packet while the other keeps the presses going. On a single core they would only
        // wake each other.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let engine = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.min(2))
            .thread_name("mqtt-broker")
            .enable_all()
            .build()
            .map_err(|e| StartError::Engine(e.to_string()))?;
        let engine = Engine(Some(engine));
        let opened = engine.spawn(open(settings, rights, sink, Handle::current())).await;
        let mut broker = opened.map_err(|e| StartError::Engine(e.to_string()))??;
        broker.engine = Mutex::new(Some(engine));
        Ok(broker)
    }

    /// Where it listens; the real port even when the settings said 0.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// True while devices can connect; turns false at the stop, or if the library should ever give up.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<bool> {
        self.alive.subscribe()
    }

    /// Ends every session of this user, because the rights were withdrawn. A last will of it is no longer heard, provided
    /// that [`Rights`] already say no.
    pub async fn expel(&self, user: &str) {
        let sessions: Vec<_> = self.context.extends.shared().await.iter().collect();
        for mut entry in sessions {
            if entry.session().is_some_and(|session| session.id.username_ref() == user) {
                // The library waits up to five seconds for a session that is in the middle of a commit, then goes on.
                if let Err(error) = entry.kick(true, true, true).await {
                    tracing::warn!(user, %error, "an MQTT session did not end when asked to");
                }
            }
        }
    }

    /// Says goodbye (see [`BrokerSettings::will`]), closes the port and all sessions; takes less than two seconds.
    pub async fn stop(&self) {
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut engine) = engine else { return };
        self.closing.cancel();
        if let Some(will) = &self.will
            && let Err(error) = self.publish(&will.topic, will.payload.to_vec(), will.qos, will.retain).await
        {
            tracing::warn!(%error, "the MQTT broker could not say goodbye");
        }
        let delivered = timeout(Duration::from_millis(300), self.queues_emptied()).await;
        if delivered.is_err() {
            tracing::debug!("some devices did not take their last messages");
        }
        // From here on the wills of devices are not news: it is we who leave.
        self.guard.stopping.store(true, Ordering::SeqCst);
        let sessions: Vec<_> = self.context.extends.shared().await.iter().collect();
        let kicks = sessions.into_iter().map(|mut entry| async move {
            let _ = entry.kick(true, true, true).await;
        });
        if timeout(Duration::from_millis(700), join_all(kicks)).await.is_err() {
            tracing::debug!("some MQTT sessions were busy when the broker stopped");
        }
        self.relays.close();
        let _ = timeout(Duration::from_millis(100), self.relays.wait()).await;
        self.ending.cancel();
        self.alive.send_replace(false);
        if let Some(runtime) = engine.0.take() {
            // Waits until the tasks, and with them the sockets, are gone; a thread of its own, because it blocks.
            let ended = tokio::task::spawn_blocking(move || {
                runtime.shutdown_timeout(Duration::from_millis(500));
            })
            .await;
            if let Err(error) = ended {
                tracing::warn!(%error, "the MQTT broker did not end cleanly");
            }
        }
    }

    async fn queues_emptied(&self) {
        loop {
            let mut waiting = false;
            for entry in self.context.extends.shared().await.iter() {
                if let Some(session) = entry.session()
                    && session.connected().await.unwrap_or_default()
                    && !session.deliver_queue().is_empty()
                {
                    waiting = true;
                }
            }
            // The last message leaves the queue shortly before it leaves the socket.
            tokio::time::sleep(Duration::from_millis(10)).await;
            if !waiting {
                return;
            }
        }
    }
}

#[async_trait]
impl Publish for Broker {
    async fn publish(&self, topic: &str, payload: Vec<u8>, qos: u8, retain: bool) -> Result<(), PublishError> {
        message::check_publish(topic, payload.len(), qos, self.max_packet_bytes)?;
        if !*self.alive.borrow() {
            return Err(PublishError::Away);
        }
        let packet = PublishPacket {
            dup: false,
            retain,
            qos: QoS::try_from(qos).map_err(|_e| PublishError::Qos(qos))?,
            topic: topic.into(),
            packet_id: None,
            payload: payload.into(),
            properties: None,
        };
        let from = From::from_system(Id::from(self.context.node.id(), "server".into()));
        SessionState::forwards(&self.context, from, packet.into(), false, None).await.map_err(|error| {
            tracing::warn!(topic, %error, "the MQTT broker did not take a message");
            PublishError::Away
        })
    }
}

/// The library's runtime. Dropped inside another runtime it must not wait, or the drop panics.
struct Engine(Option<Runtime>);

impl Engine {
    fn spawn<F>(&self, future: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        match &self.0 {
            Some(runtime) => runtime.spawn(future),
            None => Handle::current().spawn(future),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

async fn open(
    settings: BrokerSettings,
    rights: Arc<dyn Rights>,
    sink: Arc<dyn Sink>,
    home: Handle,
) -> Result<Broker, StartError> {
    let listen = |source| StartError::Listen { address: settings.listen, source };
    let listener = gate::bind(settings.listen).map_err(listen)?;
    let local_addr = listener.local_addr().map_err(listen)?;

    // The busy check would refuse devices while the machine is under load, which is when presses matter most.
    let sessions = isize::try_from(settings.max_connections.saturating_mul(2)).unwrap_or(isize::MAX);
    let context = ServerContext::new().busy_check_enable(false).mqtt_max_sessions(sessions).build().await;
    *context.extends.retain_mut().await = Box::new(Retained::default());

    let guard = Arc::new(Guard {
        rights,
        sink,
        home,
        context: context.clone(),
        owners: Mutex::new(HashMap::new()),
        stopping: AtomicBool::new(false),
        commit_timeout: settings.commit_timeout,
        handshake_timeout: settings.handshake_timeout,
        max_sessions_per_user: settings.max_sessions_per_user,
    });
    let hooks = context.extends.hook_mgr().register();
    for event in [Type::ClientAuthenticate, Type::ClientSubscribeCheckAcl, Type::MessagePublishCheckAcl, Type::MessagePublish] {
        hooks.add(event, Box::new(Hook(guard.clone()))).await;
    }
    hooks.start().await;

    let engine = |e: rmqtt::Error| StartError::Engine(e.to_string());
    let inner = rmqtt::net::Builder::new()
        .name("imaboard")
        .laddr((Ipv4Addr::LOCALHOST, 0).into())
        .nodelay(true)
        .allow_anonymous(false)
        .max_packet_size(u32::try_from(settings.max_packet_bytes).unwrap_or(u32::MAX))
        .max_connections(settings.max_connections)
        // Logins at a time; the others wait. A password hash must not take the whole machine after a power cut.
        .max_handshaking_limit(64)
        .max_clientid_len(256)
        .max_subscriptions(100)
        .max_inflight(NonZeroU16::MAX.min(NonZeroU16::new(64).unwrap_or(NonZeroU16::MIN)))
        .handshake_timeout(settings.handshake_timeout)
        .max_mqueue_len(settings.max_queued_messages)
        .session_expiry_interval(settings.session_expiry)
        .max_session_expiry_interval(settings.session_expiry)
        // Zero is "never": the default would forget a retained availability after five minutes.
        .message_expiry_interval(Duration::ZERO)
        .bind()
        .and_then(rmqtt::net::Listener::tcp)
        .map_err(engine)?;
    let inner_addr = inner.local_addr().map_err(engine)?;
    let server = MqttServer::new(context.clone()).listener_by_id(inner, inner_addr.port()).build();

    let alive = Arc::new(watch::Sender::new(true));
    let closing = CancellationToken::new();
    let ending = CancellationToken::new();
    let relays = TaskTracker::new();
    let limits = Limits {
        connections: settings.max_connections,
        per_address: settings.max_connections_per_address,
        packet_bytes: settings.max_packet_bytes,
        handshake: settings.handshake_timeout,
    };
    let served = tokio::spawn(server.run());
    let gate = tokio::spawn(gate::keep(listener, inner_addr, limits, closing.clone(), ending.clone(), relays.clone()));
    let watched = alive.clone();
    let stopped = closing.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = served => {}
            _ = gate => {}
        }
        if !stopped.is_cancelled() {
            tracing::error!("the MQTT broker has ended by itself");
            watched.send_replace(false);
        }
    });

    Ok(Broker {
        local_addr,
        context,
        guard,
        closing,
        ending,
        relays,
        alive,
        will: settings.will,
        max_packet_bytes: settings.max_packet_bytes,
        engine: Mutex::new(None),
    })
}

/// Everything the library asks us before it lets something pass.
struct Guard {
    rights: Arc<dyn Rights>,
    sink: Arc<dyn Sink>,
    /// The caller's runtime: a database connection opened inside the library's runtime would die with it.
    home: Handle,
    context: ServerContext,
    /// Client id → the user whose session it is. Shared with all connections; held for a look-up, never across an await.
    owners: Mutex<HashMap<String, Owner>>,
    stopping: AtomicBool,
    commit_timeout: Duration,
    handshake_timeout: Duration,
    max_sessions_per_user: usize,
}

/// What became of the claim to a client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    Granted,
    /// Its session belongs to another user.
    Foreign,
    /// The user holds as many sessions as it may.
    Full,
}

struct Owner {
    user: String,
    since: Instant,
    /// A refused message of QoS 0 was reported; one line a connection is enough.
    reported: bool,
    /// Held by the delivery in hand. A message that comes again while its first commit is still running waits for it, and a
    /// sink that hangs collects one message a device, not one for each attempt.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Guard {
    async fn admit(&self, connect: &ConnectInfo) -> AuthResult {
        let (Some(user), Some(password)) = (connect.username(), connect.password()) else {
            return AuthResult::NotAuthorized;
        };
        let user = user.to_string();
        let password = password.clone();
        let rights = self.rights.clone();
        let asked = user.clone();
        let proven = self.home.spawn(async move { rights.authenticate(&asked, &password).await });
        if user.is_empty() || !proven.await.unwrap_or(false) {
            tracing::info!(user, "MQTT login refused: unknown user or wrong password");
            return AuthResult::BadUsernameOrPassword;
        }
        let will = connect.last_will().map(|will| match will {
            LastWill::V3(will) => will.topic.to_string(),
            LastWill::V5(will) => will.topic.to_string(),
        });
        if let Some(topic) = will
            && !self.may_publish(&user, &topic)
        {
            tracing::warn!(user, topic, "MQTT login refused: the last will is outside the rights");
            return AuthResult::NotAuthorized;
        }
        let mut claim = self.claim(connect.client_id(), &user).await;
        // A device that makes up a new client id at every start would lock itself out with the sessions it left behind.
        if claim == Claim::Full && self.end_oldest_away(&user).await {
            claim = self.claim(connect.client_id(), &user).await;
        }
        match claim {
            Claim::Granted => AuthResult::Allow(false, None),
            Claim::Foreign => {
                tracing::warn!(user, client = %connect.client_id(), "MQTT login refused: client id of another user");
                AuthResult::NotAuthorized
            }
            Claim::Full => {
                tracing::warn!(user, client = %connect.client_id(), "MQTT login refused: too many connections of this user");
                AuthResult::NotAuthorized
            }
        }
    }

    /// Binds a client id to a user for as long as its session lives, so that nobody inherits another one's session.
    async fn claim(&self, client_id: &str, user: &str) -> Claim {
        let shared = self.context.extends.shared().await;
        let now = Instant::now();
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        // A claim counts before its session exists (the handshake goes on after this) and as long as the session does.
        let fresh = self.handshake_timeout;
        owners.retain(|id, owner| now.duration_since(owner.since) < fresh || shared.exist(id));
        if owners.get(client_id).is_some_and(|owner| owner.user != user) {
            return Claim::Foreign;
        }
        // Only sessions that exist count against the limit: coming back quickly under new client ids is legal.
        let living = owners.iter().filter(|(id, owner)| owner.user == user && *id != client_id && shared.exist(id));
        if living.count() >= self.max_sessions_per_user {
            return Claim::Full;
        }
        let turn = owners.get(client_id).map(|owner| owner.turn.clone()).unwrap_or_default();
        owners.insert(client_id.to_owned(), Owner { user: user.to_owned(), since: now, reported: false, turn });
        Claim::Granted
    }

    /// Ends the session of this user that has been away for longest; false if all are connected.
    async fn end_oldest_away(&self, user: &str) -> bool {
        let sessions: Vec<_> = self.context.extends.shared().await.iter().collect();
        let mut oldest: Option<(i64, Box<dyn Entry>)> = None;
        for entry in sessions {
            let Some(session) = entry.session().filter(|session| session.id.username_ref() == user) else { continue };
            if entry.is_connected().await {
                continue;
            }
            let since = session.disconnected_at().await.unwrap_or_default();
            if oldest.as_ref().is_none_or(|(before, _)| since < *before) {
                oldest = Some((since, entry));
            }
        }
        let Some((_, mut entry)) = oldest else { return false };
        if let Err(error) = entry.kick(true, true, true).await {
            tracing::warn!(user, %error, "an MQTT session that was away did not end when asked to");
        }
        true
    }

    fn may_publish(&self, user: &str, topic: &str) -> bool {
        !topic.starts_with('$') && self.rights.may_publish(user, topic)
    }

    fn is_first_report(&self, client_id: &str) -> bool {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get_mut(client_id).is_some_and(|owner| !std::mem::replace(&mut owner.reported, true))
    }

    fn may_subscribe(&self, user: &str, filter: &str) -> bool {
        !filter.starts_with('$') && self.rights.may_subscribe(user, filter)
    }

    async fn deliver(&self, id: &Id, message: &Message) -> Outcome {
        if self.stopping.load(Ordering::SeqCst) {
            return Outcome::NotStored;
        }
        let user = id.username_ref();
        let delivered = Delivered {
            topic: message.topic.to_string(),
            payload: message.payload.clone(),
            qos: message.qos.value(),
            retain: message.retain,
            dup: message.dup,
            from: Some(user.to_owned()),
        };
        let turn = {
            let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
            owners.get(&*id.client_id).map(|owner| owner.turn.clone()).unwrap_or_default()
        };
        let sink = self.sink.clone();
        let commit = async {
            let turn = turn.lock_owned().await;
            // In a task of its own: a connection that breaks does not stop a commit half way.
            let task = self.home.spawn(async move {
                let outcome = sink.deliver(delivered).await;
                drop(turn);
                outcome
            });
            task.await
        };
        match timeout(self.commit_timeout, commit).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                tracing::error!(user, topic = %message.topic, %error, "taking an MQTT message failed");
                Outcome::NotStored
            }
            Err(_elapsed) => {
                tracing::warn!(user, topic = %message.topic, "storing an MQTT message takes too long; it will come again");
                Outcome::NotStored
            }
        }
    }
}

struct Hook(Arc<Guard>);

#[async_trait]
impl Handler for Hook {
    async fn hook(&self, parameter: &Parameter, before: Option<HookResult>) -> ReturnType {
        let guard = &self.0;
        if let Parameter::ClientAuthenticate(connect) = parameter {
            return (false, Some(HookResult::AuthResult(guard.admit(connect).await)));
        }
        if let Parameter::ClientSubscribeCheckAcl(session, subscribe) = parameter {
            let user = session.id.username_ref();
            let answer = if guard.may_subscribe(user, &subscribe.topic_filter) {
                SubscribeAclResult::new_success(subscribe.opts.qos(), None)
            } else {
                tracing::warn!(user, filter = %subscribe.topic_filter, "MQTT subscription refused: outside the rights");
                SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized)
            };
            return (false, Some(HookResult::SubscribeAclResult(answer)));
        }
        if let Parameter::MessagePublishCheckAcl(session, publish) = parameter {
            let user = session.id.username_ref();
            let answer = if !guard.may_publish(user, &publish.topic) {
                if publish.qos != QoS::AtMostOnce || guard.is_first_report(&session.id.client_id) {
                    tracing::warn!(user, topic = %publish.topic, "MQTT message refused: outside the rights");
                }
                // MQTT 5 can say no in the acknowledgement; 3.1.1 cannot, and acknowledging what nobody took would be a
                // lie, so the connection ends. QoS 0 is not acknowledged and only dropped.
                let v5 = session.connect_info().await.is_ok_and(|connect| connect.proto_ver() == MQTT_LEVEL_5);
                PublishAclResult::rejected(!v5 && publish.qos != QoS::AtMostOnce, None)
            } else if guard.deliver(&session.id, publish).await == Outcome::Done {
                PublishAclResult::allow()
            } else if publish.qos == QoS::AtMostOnce {
                PublishAclResult::rejected(false, None)
            } else {
                let reason = PublishAckReason::UnspecifiedError;
                PublishAclResult(PublishResult::reason_code(reason, Some("not stored, send again".into()), true))
            };
            return (false, Some(HookResult::PublishAclResult(answer)));
        }
        // A last will comes past this hook only, without the question for rights, and cannot be refused here.
        if let Parameter::MessagePublish(Some(session), from, publish) = parameter
            && matches!(from.typ(), FromType::LastWill)
        {
            let user = session.id.username_ref();
            if !guard.may_publish(user, &publish.topic) {
                // The rights were withdrawn since the login; nobody may subscribe below `$`, so nobody hears it.
                let mut withheld: Message = (*publish).clone();
                withheld.inner.topic = "$withheld".into();
                withheld.inner.retain = false;
                return (false, Some(HookResult::Publish(withheld)));
            }
            if guard.deliver(&session.id, publish).await == Outcome::NotStored && !guard.stopping.load(Ordering::SeqCst) {
                tracing::warn!(user, topic = %publish.topic, "a last will could not be stored");
            }
        }
        (true, before)
    }
}

/// Most bytes that devices may leave behind as retained messages, topics included; what the server itself retains (one state a
/// facility) is not counted.
const RETAINED_BYTES: usize = 32 * 1024 * 1024;
/// What a retained message costs besides its topic and payload.
const RETAINED_EACH_BYTES: usize = 512;

/// The library's storage with its switch turned on, and with a limit for what devices leave behind.
struct Retained {
    store: DefaultRetainStorage,
    /// Topics retained by devices, with what they cost. Held for a look-up, never across an await.
    weights: Mutex<Weights>,
}

#[derive(Default)]
struct Weights {
    by_topic: HashMap<String, usize>,
    bytes: usize,
    /// One line a shortage is enough.
    reported: bool,
}

impl Weights {
    /// Counts a message; false if there is no room for it. An empty payload clears its topic.
    fn weigh(&mut self, topic: &str, payload_bytes: usize) -> bool {
        let before = self.by_topic.get(topic).copied().unwrap_or(0);
        let after = if payload_bytes == 0 { 0 } else { topic.len() * 2 + payload_bytes + RETAINED_EACH_BYTES };
        let bytes = self.bytes - before + after;
        if bytes > RETAINED_BYTES && after > before {
            return false;
        }
        self.bytes = bytes;
        self.reported = false;
        if after == 0 {
            self.by_topic.remove(topic);
        } else {
            self.by_topic.insert(topic.to_owned(), after);
        }
        true
    }
}

impl Default for Retained {
    fn default() -> Self {
        Self { store: DefaultRetainStorage::new(), weights: Mutex::default() }
    }
}

#[async_trait]
impl RetainStorage for Retained {
    fn enable(&self) -> bool {
        true
    }

    async fn set(&self, topic: &TopicName, retain: Retain, expiry: Option<Duration>) -> rmqtt::Result<()> {
        if !matches!(retain.from.typ(), FromType::System) {
            let mut weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
            if !weights.weigh(topic, retain.publish.payload.len()) {
                if !std::mem::replace(&mut weights.reported, true) {
                    tracing::warn!(%topic, bytes = weights.bytes, "an MQTT message is passed on but not retained: devices retain too much");
                }
                return Ok(());
            }
        }
        // The library passes the listener's zero ("never") on as "at once".
        self.store.set_with_timeout(topic, retain, expiry.filter(|expiry| !expiry.is_zero())).await
    }

    async fn get(&self, filter: &TopicFilter) -> rmqtt::Result<Vec<(TopicName, Retain)>> {
        self.store.get_message(filter).await
    }

    async fn count(&self) -> isize {
        self.store.count().await
    }

    async fn max(&self) -> isize {
        self.store.max().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_devices_retain_is_bounded_and_room_comes_back() {
        let mut weights = Weights::default();
        let large = RETAINED_BYTES / 4;
        assert_eq!((0..10).filter(|n| weights.weigh(&format!("t{n}"), large)).count(), 3);
        assert!(weights.weigh("t0", 0), "clearing always works");
        assert!(weights.weigh("new", large) && !weights.weigh("one more", large));
        assert!(weights.weigh("new", 10), "a smaller message in the place of a larger one always fits");
        let small = (0..1_000_000).take_while(|n| weights.weigh(&format!("small/{n}"), 1)).count();
        assert!((10_000..100_000).contains(&small), "{small}");
        let sum: usize = weights.by_topic.values().sum();
        assert_eq!(sum, weights.bytes);
    }
}
