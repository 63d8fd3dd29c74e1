//! Where the rooms meet: opens the city, opens its doors, and closes them again in order.
//!
//! *Invariant:* at a stop, doors close before the recorder, the recorder finishes what it took, and the log closes last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imaboard_domain::{Board, Channel, DistrictId, Facts};
use imaboard_mqtt::broker::{Broker, BrokerSettings};
use imaboard_mqtt::client::{Client, ClientSettings};
use imaboard_mqtt::message::{Publish, Will};
use imaboard_templates::{City, Desk, District};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{App, SharedBoard};
use crate::burden::Burden;
use crate::checkpoint::Checkpoints;
use crate::clock::{Clock, SystemClock};
use crate::commands::{self, Failed};
use crate::control::{self, Responder};
use crate::core::{self, Request};
use crate::data_folder::{DataFolder, Lock};
use crate::fold::Folded;
use crate::intake::feedback::{self, Feedback, Mouth};
use crate::intake::listening::Listening;
use crate::intake::press::{DeviceRights, Devices, PressIntake, RememberedPress};
use crate::jobs::{self, Jobs};
use crate::keys::Keys;
use crate::log::{DatabasePlace, Log, OpenMode, PostgresUrl};
use crate::paints::Paints;
use crate::recorder::{self, Health, Intent, Parts, Recorder, Submission};
use crate::replay::{Replayed, replay};
use crate::settings::{self, Settings};
use crate::staff::{self, Staff};
use crate::trail::Trail;
use crate::verifying::Verifying;
use crate::web::accept::{self, Limits};
use crate::web::ops::Check;
use crate::{descriptors, press, sample, telemetry, web};

/// A city that is open: its board is folded and its recorder runs. No door is open yet.
pub struct Opened {
    /// What every door shares.
    pub app: Arc<App>,
    /// The log, for those who read it directly.
    pub log: Log,
    /// Saved boards.
    pub checkpoints: Checkpoints,
    /// The recorder's task.
    writer: JoinHandle<()>,
    /// Ends the recorder, after every door is closed.
    stop_writer: CancellationToken,
    /// Presses of the last minutes.
    presses: Vec<RememberedPress>,
    /// Held while we may write.
    lock: Option<Lock>,
}

/// How to open a city.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve or to write: takes the lock, creates what is missing.
    Write,
    /// To look only: leaves no trace.
    Read,
}

fn failed(error: &dyn std::error::Error) -> Failed {
    Failed::because(error)
}

/// Opens the city of a data folder.
pub async fn open(settings: Settings, folder: DataFolder, purpose: Purpose) -> Result<Opened, Failed> {
    let base_url = settings.base_url(settings.listen.public.socket());
    open_at(settings, folder, purpose, base_url).await
}

async fn open_at(settings: Settings, folder: DataFolder, purpose: Purpose, base_url: String) -> Result<Opened, Failed> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let lock = match purpose {
        Purpose::Write => Some(folder.lock(clock.now()).map_err(|e| failed(&e))?),
        Purpose::Read => None,
    };
    let secret = folder.secret().map_err(|e| failed(&e))?;
    let place = place(&settings, &folder);
    let mode = if purpose == Purpose::Write { OpenMode::Write } else { OpenMode::Read };
    let log = Log::open(&place, mode).await.map_err(|e| failed(&e))?;

    let checkpoints = Checkpoints::of(&folder);
    if purpose == Purpose::Write {
        checkpoints.clean_up();
    }
    let folded = fold(&log, &checkpoints, purpose).await?;
    let presses = folded.presses.list(clock.now());
    let last_recorded_at = folded.last_recorded_at.unwrap_or(jiff::Timestamp::MIN);

    let head = log.head().await.map_err(|e| failed(&e))?;
    let devices = Devices::default();
    devices.restore(log.list_devices().await.map_err(|e| failed(&e))?.into_iter().filter_map(jobs::device_of).collect());
    let profiles = commands::load_profiles(settings.mqtt.profiles_dir.as_deref())?;
    let rhythms = settings.freshness.rhythms();
    let thresholds = settings.vacancy.thresholds();
    let keys = Keys::new(*secret.reveal());
    let board = SharedBoard::resume(folded);
    let (announcements, _) = broadcast::channel(ANNOUNCEMENTS);
    let stop_writer = CancellationToken::new();
    let trail = Arc::new(Trail::default());
    let (recorder, writer) = Recorder::start(
        Parts {
            log: log.clone(),
            board: board.clone(),
            clock: Arc::clone(&clock),
            rhythms,
            announce: announcements.clone(),
            trail: Arc::clone(&trail),
            queue_entries: settings.recorder.queue_entries.size(),
            batch_entries: settings.recorder.batch_entries.size(),
            last_recorded_at,
            head,
            public_phones: settings.city.public_phones(),
            keys: keys.clone(),
            checkpoints: checkpoints.clone(),
        },
        stop_writer.clone(),
    );
    let limits = settings.desk.limits();
    let people = Staff::new(log.clone(), keys.clone(), Arc::clone(&clock), limits, &base_url, settings.city.name.as_str());
    // For the names in lists of what was done; without them the ids stand there.
    if let Err(error) = people.list().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the names of the desk could not be read");
    }
    let app = Arc::new(App {
        staff: people,
        base_url,
        city: city_of(&settings.city),
        epoch: log.epoch(),
        settings: Arc::new(settings),
        clock,
        board,
        recorder,
        keys,
        rhythms,
        thresholds,
        profiles,
        devices,
        paints: Paints::default(),
        listening: Listening::default(),
        register_turn: tokio::sync::Mutex::default(),
        trail,
        announcements,
        stop: CancellationToken::new(),
        verifying: Verifying::default(),
        burden: Burden::default(),
    });
    Ok(Opened { app, log, checkpoints, writer, stop_writer, presses, lock })
}

/// The board of a log: from its newest checkpoint and the entries after it, or from all entries.
async fn fold(log: &Log, checkpoints: &Checkpoints, purpose: Purpose) -> Result<Folded, Failed> {
    let started = Instant::now();
    let end = log.head().await.map_err(|e| failed(&e))?.map_or(0, |(seq, _)| seq);
    let start = checkpoints.load(log).await.map_err(|e| failed(&e))?.unwrap_or_default();
    let from_checkpoint = start.board.position();
    let Replayed { folded, entries, erases_earlier } = replay(log, start, end).await.map_err(|e| failed(&e))?;
    if erases_earlier && purpose == Purpose::Write {
        // Erased by somebody who did not know of our files.
        drop(checkpoints.erase().await.map_err(|e| failed(&e))?);
    }
    let took = started.elapsed();
    metrics::gauge!("imaboard_replayed_entries").set(entries as f64);
    metrics::gauge!("imaboard_replay_seconds").set(took.as_secs_f64());
    tracing::info!(
        checkpoint = from_checkpoint,
        replayed = entries,
        took_ms = took.as_millis() as u64,
        facilities = folded.board.facilities().len(),
        "the board is folded"
    );
    Ok(folded)
}

impl Opened {
    /// Closes the city: the recorder finishes what it took, then the log closes.
    pub async fn close(self) {
        self.app.stop.cancel();
        self.stop_writer.cancel();
        if let Err(error) = self.writer.await {
            tracing::error!(%error, "the recorder ended badly");
        }
        self.log.close().await;
        drop(self.lock);
    }
}

/// Where the log of these settings stands.
#[must_use]
pub fn place(settings: &Settings, folder: &DataFolder) -> DatabasePlace {
    settings.database.url.as_ref().map_or_else(|| DatabasePlace::Sqlite(folder.database()), place_at)
}

/// The place that an address names.
#[must_use]
pub fn place_at(url: &settings::DatabaseUrl) -> DatabasePlace {
    match url.reveal().strip_prefix("sqlite:") {
        // sqlite:///absolute/path and sqlite:relative/path both occur in the wild.
        Some(path) => DatabasePlace::Sqlite(path.strip_prefix("//").unwrap_or(path).into()),
        None => DatabasePlace::Postgres(PostgresUrl::new(url.reveal())),
    }
}

/// Founds a city on an empty log; does nothing on any other.
pub async fn found(app: &Arc<App>, sample: bool) -> Result<bool, Failed> {
    if app.board.read(Board::position) > 0 {
        return Ok(false);
    }
    let submission = Submission {
        id: recorder::new_id(),
        channel: Channel::System,
        actor: "system".to_owned(),
        intent: Intent::Control(Box::new(Facts::CityFounded { sample })),
        text: None,
    };
    app.recorder.submit(submission).await.map_err(|e| failed(&e))?;
    Ok(true)
}

/// What pages say of the city, from the settings.
#[must_use]
pub fn city_of(city: &settings::City) -> City {
    City {
        name: city.name.as_str().to_owned(),
        desk: Desk {
            label: city.consultation_desk.label.as_str().to_owned(),
            phone: city.consultation_desk.phone.as_str().to_owned(),
            hours: city.consultation_desk.hours.as_str().to_owned(),
        },
        disaster_desk: Desk {
            label: city.disaster_desk.label.as_str().to_owned(),
            phone: city.disaster_desk.phone.as_str().to_owned(),
            hours: String::new(),
        },
        districts: city
            .districts
            .iter()
            // Ids of the settings are checked when loaded; one that is no id of ours could match no facility anyway.
            .filter_map(|d| {
                Some(District {
                    id: DistrictId::new(d.id.as_str()).ok()?,
                    name: d.name.as_str().to_owned(),
                    islands: d.islands.iter().map(|i| i.name.as_str().to_owned()).collect(),
                })
            })
            .collect(),
    }
}

/// Runs the board until a stop signal.
pub async fn serve(settings: Settings, folder: DataFolder, kind: Serve) -> Result<(), Failed> {
    let metrics = telemetry::install_metrics();
    let descriptors = descriptors::raise_limit();
    let shares = descriptors::shares(descriptors, &settings);
    descriptors::announce(descriptors, &settings, &shares);
    let listener = bind(settings.listen.public.socket(), "listen.public").await?;
    let public = local(&listener)?;
    let ops_listener = match settings.listen.ops {
        settings::Door::At(address) => Some(bind(address, "listen.ops").await?),
        settings::Door::Off => None,
    };
    // Port 0 is known only now; addresses that people type are made from the real one.
    let base_url = settings.base_url(public);
    let opened = open_at(settings, folder, Purpose::Write, base_url).await?;
    let app = Arc::clone(&opened.app);
    if found(&app, true).await? {
        tracing::info!("empty data folder: loading the sample city");
    }
    if app.board.read(Board::is_sample) {
        // Does nothing on a whole sample city; finishes one whose loading was cut off.
        sample::load(&app).await?;
    }

    let (feedback, mouth) = Feedback::new();
    let intake = Arc::new(PressIntake::new(Arc::clone(&app), Arc::clone(&feedback), &opened.presses));
    let mqtt = Mqtt::open(&app, intake, mouth, shares.mqtt_connections).await?;
    let jobs = Jobs::new(Arc::clone(&app), opened.log.clone(), opened.checkpoints.clone());
    let mut scheduler = jobs.start().await.map_err(|e| failed(&e))?;
    let saving = tokio::spawn(Arc::clone(&jobs).keep_checkpoints());
    let states =
        mqtt.connected().map(|connected| tokio::spawn(feedback::keep_states(Arc::clone(&app), Arc::clone(&feedback), connected)));

    let lock = opened.lock.as_ref().ok_or_else(|| Failed("the data folder is not locked".to_owned()))?;
    let control = control::listen(lock, MOST_REQUEST_BYTES).map_err(|e| failed(&e))?;
    let answering = Arc::clone(&app);
    let broker_url = mqtt.url();
    let control = tokio::spawn(control.serve(app.stop.clone(), move |request, responder: Responder| {
        let app = Arc::clone(&answering);
        let broker_url = broker_url.clone();
        async move {
            let request: Request = serde_json::from_value(request).map_err(|e| format!("unknown request: {e}"))?;
            let mut value = core::answer(&app, request.clone()).await?;
            if matches!(request, Request::Doors) {
                value["mqtt"] = broker_url.into();
            }
            responder.send(&value).await.map_err(|gone| gone.to_string())
        }
    }));

    let tls = app
        .settings
        .tls
        .files()
        .map(|(certificate, key)| accept::Tls::open(certificate, key))
        .transpose()
        .map_err(|e| failed(&e))?;
    let scheme = app.settings.scheme();
    let mut ready = format!("ready public {scheme}://{public} wall {scheme}://{public}/wall desk {scheme}://{public}/desk");
    if let Some(url) = mqtt.local_url() {
        ready.push_str(&format!(" mqtt {url}"));
    }
    let ops = match ops_listener {
        None => None,
        Some(listener) => {
            ready.push_str(&format!(" ops http://{}", local(&listener)?));
            let checking = Arc::clone(&app);
            let buttons = mqtt.connected();
            let (measuring, heard, saying) = (Arc::clone(&app), mqtt.connected(), Arc::clone(&feedback));
            let router = web::ops::router(
                Arc::new(move || checks(&checking, buttons.as_ref())),
                Arc::new(move || measure(&measuring, &saying, heard.as_ref())),
                metrics.clone(),
            );
            let limits = Limits { max_connections: OPS_CONNECTIONS, ..Limits::from(&app.settings.web) };
            Some(tokio::spawn(accept::serve(listener, router, limits, app.stop.clone())))
        }
    };
    let upkeep = tokio::spawn(metrics.upkeep(app.stop.clone()));
    let renewing = tls.clone().map(|tls| tokio::spawn(tls.keep_current(app.stop.clone())));
    let limits = Limits { max_connections: shares.web_connections, tls, ..Limits::from(&app.settings.web) };
    let site = web::site(&app, shares.streams);
    let pages = tokio::spawn(accept::serve(listener, site, limits, app.stop.clone()));

    kind.greet(&app).await;
    // Before anybody is told: whoever reads "ready" may ask us to stop at once.
    let stopped = stop_signal()?;
    commands::line(&ready)?;
    let life = (kind == Serve::Demo).then(|| tokio::spawn(sample::live(Arc::clone(&app), mqtt.local_url())));

    stopped.await;
    tracing::info!("stopping");
    // Doors first: what is acknowledged from here on is only what was already taken.
    feedback.server(false);
    mqtt.stop().await;
    app.stop.cancel();
    for task in [Some(pages), ops, states, Some(control), Some(upkeep), Some(saving), renewing].into_iter().flatten() {
        if let Err(error) = task.await {
            tracing::error!(%error, "a door ended badly");
        }
    }
    if let Some(life) = life {
        life.abort();
    }
    if let Err(error) = scheduler.shutdown().await {
        tracing::warn!(%error, "the scheduler did not stop");
    }
    jobs.save_devices().await;
    jobs.save_checkpoint().await;
    opened.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Who asks for health and figures is few; part of the reserve of descriptors.
const OPS_CONNECTIONS: usize = 8;

/// The longest request of the command line: a register of 100,000 facilities with 600 bytes each.
const MOST_REQUEST_BYTES: u64 = 64 * 1024 * 1024;

/// Why the board is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serve {
    /// For real, or to look at the sample city.
    City,
    /// With simulated life.
    Demo,
}

impl Serve {
    /// Says to a person what to open: plain lines and not the log, because a report key must stand in no log.
    async fn greet(self, app: &Arc<App>) {
        if app.settings.log.format == settings::LogFormat::Json {
            return;
        }
        match app.staff.first_invitation(imaboard_templates::words::JA.t("desk.account.role.first")).await {
            Ok(Some(invitation)) => {
                let url = staff::join_url(&app.base_url, &invitation);
                eprintln!("管理の席がまだありません。次の住所でつくってください（3日のあいだ、1回だけ）");
                eprintln!("nobody administers the desk yet; take the first seat here (once, within three days)");
                eprintln!("  最初の管理者 / first admin       {url}");
            }
            Ok(None) => {}
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "no invitation for the first administrator"),
        }
        let first = app.look(|m| m.board.is_sample().then(|| m.facilities().next().map(|f| f.facility.id.to_string())).flatten());
        let Some(first) = first else { return };
        let base = &app.base_url;
        eprintln!("見本の市です / this is a sample city");
        eprintln!("  公開ページ / public board       {base}/");
        eprintln!("  壁の表示   / wall display       {base}/wall/cityhall");
        match core::facility_key(app, &first, false, "玄関").await {
            Ok(key) => {
                let (url, name) = (commands::text(&key, "url"), commands::text(&key, "name"));
                eprintln!("  報告ページ / report page        {url}  ({name})");
            }
            Err(why) => tracing::warn!(why, "no sample report page"),
        }
    }
}

async fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener, Failed> {
    TcpListener::bind(address).await.map_err(|e| Failed(format!("{setting} = {address}: {e}; is the program running already?")))
}

fn local(listener: &TcpListener) -> Result<SocketAddr, Failed> {
    listener.local_addr().map_err(|e| failed(&e))
}

fn checks(app: &App, buttons: Option<&watch::Receiver<bool>>) -> Vec<Check> {
    let health = app.recorder.health();
    let store = match &health {
        Health::Able => "the last commit worked".to_owned(),
        Health::Failing(why) => why.clone(),
    };
    let mut checks = vec![Check { name: "store", ok: health == Health::Able, detail: store }];
    if let Some(buttons) = buttons {
        let ok = *buttons.borrow();
        let detail = if ok { "the MQTT door is open" } else { "the MQTT broker is away" };
        checks.push(Check { name: "buttons", ok, detail: detail.to_owned() });
    }
    checks
}

/// Sets the figures that are levels; their names stand in `telemetry::figures`.
fn measure(app: &App, feedback: &Feedback, buttons: Option<&watch::Receiver<bool>>) {
    let flag = |is: bool| if is { 1.0 } else { 0.0 };
    let announced = (app.announcements.len(), ANNOUNCEMENTS);
    for (queue, (length, limit)) in
        [("recorder", app.recorder.waiting()), ("feedback", feedback.waiting()), ("announcements", announced)]
    {
        metrics::gauge!("imaboard_queue_length", "queue" => queue).set(length as f64);
        metrics::gauge!("imaboard_queue_limit", "queue" => queue).set(limit as f64);
    }
    metrics::gauge!("imaboard_head_seq").set(app.recorder.head().map_or(0, |(seq, _)| seq) as f64);
    let (position, facilities) = app.look(|m| (m.board.position(), m.facilities().count()));
    metrics::gauge!("imaboard_board_seq").set(position as f64);
    metrics::gauge!("imaboard_facilities").set(facilities as f64);
    metrics::gauge!("imaboard_store_able").set(flag(app.recorder.health() == Health::Able));
    if let Some(connected) = buttons {
        metrics::gauge!("imaboard_mqtt_connected").set(flag(*connected.borrow()));
    }
    let devices = app.devices.list();
    let low = devices.iter().filter(|d| d.battery_pct.is_some_and(|percent| percent <= LOW_BATTERY_PCT)).count();
    let away = devices.iter().filter(|d| d.available == Some(false)).count();
    for (state, count) in [("known", devices.len()), ("low_battery", low), ("away", away)] {
        metrics::gauge!("imaboard_devices", "state" => state).set(count as f64);
    }
}

/// Coin cells of wall buttons give out within weeks from here.
pub const LOW_BATTERY_PCT: u8 = 15;

/// Entries a listener may be behind before it must look at everything anew.
const ANNOUNCEMENTS: usize = 4_096;

/// Listens for stop signals from now on; what it gives becomes ready at the first.
fn stop_signal() -> Result<impl Future<Output = ()>, Failed> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| failed(&e))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| failed(&e))?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The MQTT door, whichever it is.
enum Mqtt {
    Embedded(Arc<Broker>),
    External(Arc<Client>, String),
    Off,
}

impl Mqtt {
    async fn open(app: &Arc<App>, intake: Arc<PressIntake>, mouth: Mouth, most_devices: usize) -> Result<Self, Failed> {
        let will = Will { topic: "imaboard/server/availability".to_owned(), payload: "offline".into(), qos: 1, retain: true };
        let settings = &app.settings.mqtt;
        match app.settings.broker() {
            settings::Broker::Off => Ok(Self::Off),
            settings::Broker::Embedded(address) => {
                let mut options = BrokerSettings::new(address);
                options.max_packet_bytes = settings.max_packet_bytes.size();
                options.max_connections = most_devices;
                options.max_connections_per_address = settings.max_connections_per_address.size();
                options.will = Some(will);
                let rights = Arc::new(DeviceRights { app: Arc::clone(app) });
                let broker = Arc::new(Broker::start(options, rights, intake).await.map_err(|e| failed(&e))?);
                tokio::spawn(mouth.speak(Arc::clone(&broker) as Arc<dyn Publish>));
                Ok(Self::Embedded(broker))
            }
            settings::Broker::External(url) => {
                let mut options = ClientSettings::new(press::address(url), settings.client_id.as_str());
                if let Some((user, password)) = settings.login().map_err(|e| failed(&e))? {
                    options.user = Some(user);
                    options.password = Some(password.reveal().to_owned());
                }
                options.ca_file = settings.ca_file.clone();
                options.filters = app.profiles.subscriptions();
                options.max_packet_bytes = settings.max_packet_bytes.size();
                options.will = Some(will);
                let address = options.url.clone();
                let client = Arc::new(Client::start(options, intake).map_err(|e| failed(&e))?);
                tokio::spawn(mouth.speak(Arc::clone(&client) as Arc<dyn Publish>));
                Ok(Self::External(client, address))
            }
        }
    }

    /// The broker's address for our own command line.
    fn url(&self) -> Option<String> {
        match self {
            Self::Embedded(broker) => Some(format!("mqtt://{}", broker.local_addr())),
            Self::External(_, url) => Some(url.clone()),
            Self::Off => None,
        }
    }

    /// The embedded broker's address; a door of somebody else's is not ours to announce.
    fn local_url(&self) -> Option<String> {
        match self {
            Self::Embedded(_) => self.url(),
            Self::External(..) | Self::Off => None,
        }
    }

    fn connected(&self) -> Option<watch::Receiver<bool>> {
        match self {
            Self::Embedded(broker) => Some(broker.state()),
            Self::External(client, _) => Some(client.connected()),
            Self::Off => None,
        }
    }

    async fn stop(&self) {
        match self {
            Self::Embedded(broker) => broker.stop().await,
            Self::External(client, _) => client.stop().await,
            Self::Off => {}
        }
        // Messages on their way out have left or are lost with the door; nothing stored depends on them.
        tokio::time::sleep(Duration::ZERO).await;
    }
}
