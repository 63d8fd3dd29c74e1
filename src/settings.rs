//! The settings: what a city may change without changing the program.
//!
//! They exist as one typed value, because every room should receive what it needs already checked and none should
//! read files or the environment itself. Four layers are merged, the later winning: the annotated
//! `config/imaboard.toml` that is built in (so the documented default *is* the default), the city's file,
//! `IMABOARD__SECTION__KEY` in the environment, and the arguments.
//!
//! Invariant: [`Settings::load`] either returns settings that satisfy every rule stated here, or *all* problems at
//! once, each with its key, where it was written and what is allowed. Secrets appear in neither.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::value::{Dict, Map, Num, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use url::Url;

/// The annotated defaults, as they are printed for a person who wants a file to start from.
pub const DEFAULTS: &str = include_str!("../config/imaboard.toml");

/// The name of the settings file that is looked for in the data folder when none is named.
pub const FILE_NAME: &str = "imaboard.toml";

/// What every environment variable that is a setting begins with.
pub const ENVIRONMENT_PREFIX: &str = "IMABOARD__";

/// Names that share our prefix in the environment without being settings: two arguments of the command line.
pub const OTHER_ENVIRONMENT: [&str; 2] = ["IMABOARD_CONFIG", "IMABOARD_DATA"];

/// What `tests/run` tells the tests; no settings either.
const TEST_ENVIRONMENT: &str = "IMABOARD_TEST_";

/// Keys whose values are never repeated in messages, because they hold or may hold a password.
const SECRET_KEYS: [&str; 3] = ["database.url", "mqtt.url", "mqtt.password"];

/// Everything a city may change.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who runs the board, and where.
    pub city: City,
    /// How the public reaches the board.
    pub public: Public,
    /// HTTPS at the public door.
    pub tls: Tls,
    /// The doors the program opens.
    pub listen: Listen,
    /// The desk in city hall.
    pub desk: Seats,
    /// Where the log is kept.
    pub database: Database,
    /// The broker the buttons speak to.
    pub mqtt: Mqtt,
    /// How fast each kind of value ages.
    pub freshness: Freshness,
    /// From counts to symbols.
    pub vacancy: Vacancy,
    /// The one writer.
    pub recorder: Recorder,
    /// Saved boards.
    pub checkpoint: Checkpoint,
    /// Limits towards visitors.
    pub web: Web,
    /// The wall displays.
    pub wall: Wall,
    /// The log for engineers.
    pub log: Log,
}

/// The municipality.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct City {
    /// Its name (市区町村名).
    pub name: Text,
    /// How the name is read, in hiragana, for ruby.
    pub name_kana: Option<Text>,
    /// The local government code (全国地方公共団体コード), six digits.
    pub code: LocalGovernmentCode,
    /// Where residents ask about places.
    pub consultation_desk: Desk,
    /// Whom facilities call in a disaster.
    pub disaster_desk: Desk,
    /// The districts (地区) in the order they are printed.
    pub districts: Vec<District>,
    /// The areas of official warnings.
    pub areas: Vec<Area>,
}

/// Somebody to telephone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desk {
    /// What the desk is called.
    pub label: Text,
    /// Its telephone number.
    pub phone: Phone,
    /// Where report sheets are faxed to, if it has a FAX.
    pub fax: Option<Phone>,
    /// When somebody answers, in words.
    pub hours: Text,
}

impl City {
    /// The numbers of the city's desks, which may stand in any text: they are public.
    #[must_use]
    pub fn public_phones(&self) -> Vec<String> {
        let numbers =
            [&self.consultation_desk, &self.disaster_desk].into_iter().flat_map(|desk| [Some(&desk.phone), desk.fax.as_ref()]);
        numbers.flatten().map(|number| number.as_str().to_owned()).collect()
    }
}

/// One district (地区) of the city.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct District {
    /// How files and URLs name it.
    pub id: Slug,
    /// How people name it.
    pub name: Text,
    /// Its ferry-only islands.
    #[serde(default)]
    pub islands: Vec<Island>,
}

/// An island that only a ferry reaches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Island {
    /// How files and URLs name it.
    pub id: Slug,
    /// How people name it.
    pub name: Text,
    /// How many people live there: where few do, small counts of people are not published.
    pub residents: Whole<0, 10_000_000>,
}

/// An area of official warnings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// How files and the command line name it.
    pub id: Slug,
    /// Its official name.
    pub name: Text,
    /// Ids of the districts and islands in it.
    pub members: Vec<Slug>,
}

/// How the public reaches the board.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Public {
    /// Scheme and host that people type and QR codes carry; absent means the listening address.
    pub base_url: Option<BaseUrl>,
}

/// HTTPS at the public door: both files or none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the certificate and those that lead to its authority.
    pub certificate: Option<PathBuf>,
    /// PEM file of its private key.
    pub key: Option<PathBuf>,
}

impl Tls {
    /// Both files, if the door speaks TLS.
    #[must_use]
    pub fn files(&self) -> Option<(&Path, &Path)> {
        Some((self.certificate.as_deref()?, self.key.as_deref()?))
    }
}

/// How long somebody may sit at the desk without proving again who they are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seats {
    /// Without touching anything; at most a day.
    pub idle_minutes: Whole<5, 1440>,
    /// In all; at most two days, for who runs a disaster.
    pub session_hours: Whole<1, 48>,
}

impl Seats {
    /// The same in the words of those who keep sessions.
    #[must_use]
    pub fn limits(&self) -> crate::staff::SessionLimits {
        let span = |value: u64, unit: fn(i64) -> jiff::SignedDuration| unit(i64::try_from(value).unwrap_or(i64::MAX));
        crate::staff::SessionLimits {
            idle: span(self.idle_minutes.value(), jiff::SignedDuration::from_mins),
            absolute: span(self.session_hours.value(), jiff::SignedDuration::from_hours),
        }
    }
}

/// The doors the program opens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Public pages, reports, walls and desk.
    pub public: Address,
    /// The embedded broker.
    pub mqtt: Door,
    /// Health and figures.
    pub ops: Door,
}

/// Where the log is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Absent means SQLite in the data folder.
    pub url: Option<DatabaseUrl>,
}

/// The broker the buttons speak to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mqtt {
    /// An external broker; absent means the embedded one.
    pub url: Option<BrokerUrl>,
    /// The name we log in with there.
    pub user: Option<Text>,
    /// The password, if it stands in the settings.
    pub password: Option<Secret>,
    /// The file whose first line is the password.
    pub password_file: Option<PathBuf>,
    /// PEM file of the authority that signed the broker's certificate; absent means the usual authorities.
    pub ca_file: Option<PathBuf>,
    /// Stable across restarts, so that the broker keeps our session and what was pressed meanwhile.
    pub client_id: ClientId,
    /// A folder of further device profiles.
    pub profiles_dir: Option<PathBuf>,
    /// Larger packets are refused. At least 1 kB, at most 1 MB: the longest payload of any family is below 4 kB.
    pub max_packet_bytes: Whole<1024, 1_048_576>,
    /// Devices at the embedded broker at once.
    pub max_connections: Whole<1, 1_000_000>,
    /// Devices of one address at once: all buttons of a house stand behind one, or a hostile machine does.
    pub max_connections_per_address: Whole<1, 1_000_000>,
}

/// How fast each kind of value ages, in peace and during an incident.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// While no incident is open.
    pub peace: Rhythms,
    /// While one is.
    pub incident: Rhythms,
}

/// How long each kind of value stays fresh.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rhythms {
    /// Beds and rooms.
    pub beds_hours: Rhythm,
    /// Registration, day and night places.
    pub slots_hours: Rhythm,
    /// Whether new users are taken.
    pub intake_hours: Rhythm,
    /// Dates of short stays.
    pub dates_hours: Rhythm,
    /// Weekday grids.
    pub weekdays_hours: Rhythm,
    /// Operation and first report.
    pub operation_hours: Rhythm,
    /// Damage, lifelines and needs.
    pub damage_hours: Rhythm,
}

impl Rhythms {
    /// Each rhythm with the key it has during an incident, for the rule that holds for all of them.
    fn named(&self) -> [(&'static str, Rhythm); 7] {
        [
            ("freshness.incident.beds_hours", self.beds_hours),
            ("freshness.incident.slots_hours", self.slots_hours),
            ("freshness.incident.intake_hours", self.intake_hours),
            ("freshness.incident.dates_hours", self.dates_hours),
            ("freshness.incident.weekdays_hours", self.weekdays_hours),
            ("freshness.incident.operation_hours", self.operation_hours),
            ("freshness.incident.damage_hours", self.damage_hours),
        ]
    }
}

impl Freshness {
    /// The rhythms in the words of the domain.
    #[must_use]
    pub const fn rhythms(&self) -> imaboard_domain::Rhythms {
        const fn both(peace: Rhythm, incident: Rhythm) -> imaboard_domain::Rhythm {
            imaboard_domain::Rhythm { peace_hours: peace.hours(), incident_hours: incident.hours() }
        }
        let (peace, incident) = (&self.peace, &self.incident);
        imaboard_domain::Rhythms {
            beds: both(peace.beds_hours, incident.beds_hours),
            slots: both(peace.slots_hours, incident.slots_hours),
            intake: both(peace.intake_hours, incident.intake_hours),
            dates: both(peace.dates_hours, incident.dates_hours),
            weekdays: both(peace.weekdays_hours, incident.weekdays_hours),
            operation: both(peace.operation_hours, incident.operation_hours),
            damage: both(peace.damage_hours, incident.damage_hours),
        }
    }
}

/// From counts to symbols.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vacancy {
    /// The largest count printed as △.
    pub few_up_to: Whole<0, 100>,
    /// The largest count printed as ○.
    pub available_up_to: Whole<1, 1000>,
}

impl Vacancy {
    /// The thresholds in the words of the domain.
    #[must_use]
    pub fn thresholds(&self) -> imaboard_domain::Thresholds {
        // The bounds of both settings lie far within the type.
        let count = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        imaboard_domain::Thresholds {
            few_up_to: count(self.few_up_to.value()),
            available_up_to: count(self.available_up_to.value()),
        }
    }
}

/// The one writer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorder {
    /// How many submissions may wait.
    pub queue_entries: Whole<1, 1_000_000>,
    /// How many share one commit.
    pub batch_entries: Whole<1, 10_000>,
}

/// Saved boards: how much a start has to replay at most.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// After so many entries a checkpoint is saved.
    pub entries: Whole<1, 100_000_000>,
    /// After so long, if anything was stored since; at most a week.
    pub minutes: Whole<1, 10_080>,
}

impl Checkpoint {
    /// When the next checkpoint is due, in the words of those who save it.
    #[must_use]
    pub fn pace(&self) -> crate::checkpoint::Pace {
        crate::checkpoint::Pace { entries: self.entries.value(), interval: Duration::from_secs(60 * self.minutes.value()) }
    }
}

/// Limits towards visitors. The three times stay below 15 s, within which slow and silent connections are closed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Web {
    /// How long a request head may take; also how long a kept-alive connection may idle.
    pub header_timeout_seconds: Whole<1, 14>,
    /// How long a request body may take in all.
    pub body_timeout_seconds: Whole<1, 14>,
    /// How long a visitor may stop reading what we send.
    pub write_timeout_seconds: Whole<1, 14>,
    /// The largest request body. Never below 4 kB, which a full report needs.
    pub max_body_bytes: Whole<4096, 16_777_216>,
    /// Connections at once.
    pub max_connections: Whole<10, 1_000_000>,
    /// Connections of one address at once. A whole town hall may stand behind one.
    pub max_connections_per_address: Whole<1, 1_000_000>,
    /// For whom the limits of one address do not hold, and whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Networks,
    /// How long answers under way may take when stopping.
    pub stop_seconds: Whole<1, 25>,
}

/// The wall displays.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wall {
    /// How long one scene stays. Below 5 s nobody finishes reading.
    pub rotation_seconds: Whole<5, 3600>,
    /// The heartbeat; displays rely on one at least every 15 s.
    pub ping_seconds: Whole<1, 15>,
    /// Streams open at once; a screen beyond them is told to come again.
    pub max_streams: Whole<1, 1_000_000>,
    /// Streams of one address at once.
    pub max_streams_per_address: Whole<1, 1_000_000>,
}

/// The log for engineers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The least important level that is written.
    pub level: LogLevel,
    /// For people or for machines.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what failed.
    Error,
    /// Also what will fail if nobody looks.
    Warn,
    /// Also what a person wants to know about a normal day.
    Info,
    /// Also what helps to find a fault.
    Debug,
    /// Everything.
    Trace,
}

/// Who reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// People: one readable line an event.
    Human,
    /// Machines: one JSON object a line.
    Json,
}

impl Mqtt {
    /// The name and password for the external broker, from the address, the settings or the password file.
    ///
    /// # Errors
    /// If the password file cannot be read.
    pub fn login(&self) -> std::io::Result<Option<(String, Secret)>> {
        let url = self.url.as_ref();
        if let Some(user) = url.and_then(BrokerUrl::user) {
            let password = url.and_then(BrokerUrl::password).cloned().unwrap_or_else(|| Secret(String::new()));
            return Ok(Some((user.to_owned(), password)));
        }
        let Some(user) = &self.user else { return Ok(None) };
        let password = match (&self.password, &self.password_file) {
            (Some(password), _) => password.clone(),
            (None, Some(path)) => Secret(std::fs::read_to_string(path)?.lines().next().unwrap_or_default().to_owned()),
            (None, None) => Secret(String::new()),
        };
        Ok(Some((user.as_str().to_owned(), password)))
    }
}

/// Which broker the buttons speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broker<'a> {
    /// Ours, on this address.
    Embedded(SocketAddr),
    /// Somebody else's.
    External(&'a BrokerUrl),
    /// None: buttons are not used.
    Off,
}

impl Settings {
    /// Merges all layers and checks them.
    ///
    /// # Errors
    /// Every problem found in any layer, in the order of their keys.
    pub fn load(sources: &Sources) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let defaults = Layer::from_toml("the built-in defaults", DEFAULTS)?;
        let mut layers = vec![defaults.clone()];
        if let Some(layer) = sources.read_file(&mut problems) {
            layers.push(layer);
        }
        layers.extend(sources.environment_layers(&defaults.dict, &mut problems));
        layers.extend(sources.overrides.layers());

        let origins: BTreeMap<String, String> = layers.iter().flat_map(|layer| layer.origins.clone()).collect();
        let figment = layers.into_iter().fold(Figment::new(), |merged, layer| merged.merge(layer));
        let merged: Dict = match figment.extract() {
            Ok(dict) => dict,
            Err(error) => {
                problems.push(Problem::new("", "the merged settings", &error.to_string()));
                return Err(problems);
            }
        };

        let mut tree = Value::from(merged);
        let defaults = Value::from(defaults.dict);
        let settings = deserialize_repairing(&mut tree, &defaults, &origins, &mut problems);
        if let Some(settings) = &settings {
            let already: BTreeSet<String> = problems.iter().map(|problem| problem.key.clone()).collect();
            for (keys, allowed) in settings.contradictions() {
                // A rule about a value that was wrong in itself would only repeat that problem.
                if keys.iter().any(|key| already.iter().any(|known| known.starts_with(key))) {
                    continue;
                }
                let key = keys.first().copied().unwrap_or_default();
                let mut problem = Problem::new(key, &origin_of(&origins, key), &allowed);
                problem.found = shown(key, find(&tree, &path_of(key)));
                problems.push(problem);
            }
        }
        problems.sort_by(|left, right| left.key.cmp(&right.key));
        match settings {
            Some(settings) if problems.is_empty() => Ok(settings),
            Some(_) | None => Err(problems),
        }
    }

    /// The broker the buttons speak to: an external one, if named, takes the place of the embedded one.
    #[must_use]
    pub fn broker(&self) -> Broker<'_> {
        match (&self.mqtt.url, self.listen.mqtt) {
            (Some(url), _) => Broker::External(url),
            (None, Door::At(address)) => Broker::Embedded(address),
            (None, Door::Off) => Broker::Off,
        }
    }

    /// Scheme and host of every address we print, without a slash at the end; `bound` is where we really listen.
    #[must_use]
    pub fn base_url(&self, bound: SocketAddr) -> String {
        self.public.base_url.as_ref().map_or_else(|| format!("{}://{bound}", self.scheme()), |url| url.as_str().to_owned())
    }

    /// `https` if the public door speaks TLS itself.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.files().is_some() { "https" } else { "http" }
    }

    /// Rules that concern more than one key: the keys (the first is the one to change) and what is allowed.
    fn contradictions(&self) -> Vec<(Vec<&'static str>, String)> {
        let mut found = Vec::new();
        if self.vacancy.few_up_to.value() >= self.vacancy.available_up_to.value() {
            found.push((
                vec!["vacancy.few_up_to", "vacancy.available_up_to"],
                format!("less than vacancy.available_up_to, which is {}", self.vacancy.available_up_to.value()),
            ));
        }
        for ((_, peace), (key, incident)) in self.freshness.peace.named().into_iter().zip(self.freshness.incident.named()) {
            if incident.longer_than(peace) {
                found.push((vec![key], format!("not longer than in peace, where it is {peace}")));
            }
        }
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            found.push((vec!["tls.key", "tls.certificate"], "tls.certificate and tls.key together, or neither".to_owned()));
        }
        let mqtt = &self.mqtt;
        if mqtt.password.is_some() && mqtt.password_file.is_some() {
            found.push((
                vec!["mqtt.password_file", "mqtt.password"],
                "only one of mqtt.password and mqtt.password_file".to_owned(),
            ));
        }
        if let Some(url) = &mqtt.url {
            if url.user().is_some() && (mqtt.user.is_some() || mqtt.password.is_some() || mqtt.password_file.is_some()) {
                found.push((
                    vec!["mqtt.url", "mqtt.user", "mqtt.password", "mqtt.password_file"],
                    "either a name in the address or mqtt.user with a password, not both".to_owned(),
                ));
            }
            if mqtt.ca_file.is_some() && !url.tls() {
                found.push((
                    vec!["mqtt.ca_file", "mqtt.url"],
                    "only together with an address that begins with mqtts://".to_owned(),
                ));
            }
        }
        if (mqtt.password.is_some() || mqtt.password_file.is_some()) && mqtt.user.is_none() {
            found
                .push((vec!["mqtt.user", "mqtt.password", "mqtt.password_file"], "required together with a password".to_owned()));
        }
        self.contradictions_of_places(&mut found);
        found
    }

    /// Ids of districts and islands are one set, and areas may only name members of it.
    fn contradictions_of_places(&self, found: &mut Vec<(Vec<&'static str>, String)>) {
        if self.city.districts.is_empty() {
            found.push((vec!["city.districts"], "at least one district".to_owned()));
        }
        let mut places = BTreeSet::new();
        for district in &self.city.districts {
            for id in std::iter::once(&district.id).chain(district.islands.iter().map(|island| &island.id)) {
                if !places.insert(id) {
                    found.push((vec!["city.districts"], format!("each id only once; {id} is there twice")));
                }
            }
        }
        let mut areas = BTreeSet::new();
        for area in &self.city.areas {
            if !areas.insert(&area.id) {
                found.push((vec!["city.areas", "city.districts"], format!("each id only once; {} is there twice", area.id)));
            }
            for member in area.members.iter().filter(|member| !places.contains(member)) {
                let known = places.iter().map(|id| id.as_str());
                let suggestion =
                    nearest(member.as_str(), known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                found.push((
                    vec!["city.areas", "city.districts"],
                    format!("members that are ids of districts or islands; {member} of {} is not one{suggestion}", area.id),
                ));
            }
        }
    }
}

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The full name of the key, such as `listen.public`; empty if a whole file is concerned.
    pub key: String,
    /// Where it was written: a file with its line, a variable or an argument.
    pub origin: String,
    /// What was written, unless it is a secret.
    pub found: Option<String>,
    /// What is allowed.
    pub allowed: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl Problem {
    fn new(key: &str, origin: &str, allowed: &str) -> Self {
        Self { key: key.to_owned(), origin: origin.to_owned(), found: None, allowed: allowed.to_owned(), suggestion: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}", self.origin)?;
        } else {
            write!(f, "{}", self.key)?;
            if let Some(found) = &self.found {
                write!(f, " = {found}")?;
            }
            write!(f, " ({})", self.origin)?;
        }
        write!(f, ": {}", self.allowed)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean {suggestion}?")?;
        }
        Ok(())
    }
}

/// All problems as a text for a person, one a line under a heading that counts them.
#[must_use]
pub fn explain(problems: &[Problem]) -> String {
    let heading = match problems.len() {
        1 => "1 problem in the settings:".to_owned(),
        count => format!("{count} problems in the settings:"),
    };
    problems.iter().fold(heading, |text, problem| format!("{text}\n  {problem}"))
}

/// Where settings come from, apart from the built-in defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file named by `--config`: it must exist.
    pub config: Option<PathBuf>,
    /// The data folder, whose `imaboard.toml` is read when no file is named and it exists.
    pub data_folder: Option<PathBuf>,
    /// The environment as pairs of name and value.
    pub environment: Vec<(String, String)>,
    /// The arguments.
    pub overrides: Overrides,
}

impl Sources {
    /// The sources of this process: its environment, and what its command line said.
    #[must_use]
    pub fn of_process(config: Option<PathBuf>, data_folder: Option<PathBuf>, overrides: Overrides) -> Self {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .filter(|(name, _)| name.to_ascii_uppercase().starts_with("IMABOARD_"))
            .collect();
        Self { config, data_folder, environment, overrides }
    }

    /// The layer of the settings file, if there is one; what is wrong with it as a whole goes to `problems`.
    fn read_file(&self, problems: &mut Vec<Problem>) -> Option<Layer> {
        let in_data = self.data_folder.as_ref().map(|folder| folder.join(FILE_NAME));
        let (path, required): (&Path, bool) = match (&self.config, &in_data) {
            (Some(path), _) => (path, true),
            (None, Some(path)) => (path, false),
            (None, None) => return None,
        };
        let name = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => return None,
            Err(error) => {
                problems.push(Problem::new("", &name, &format!("cannot be read: {error}")));
                return None;
            }
        };
        match Layer::from_toml(&name, &text) {
            Ok(layer) => Some(layer),
            Err(found) => {
                problems.extend(found);
                None
            }
        }
    }

    /// One layer a variable. A value takes the type its default has, so that a password of digits stays text.
    fn environment_layers(&self, defaults: &Dict, problems: &mut Vec<Problem>) -> Vec<Layer> {
        let defaults = Value::from(defaults.clone());
        let mut layers = Vec::new();
        for (name, text) in &self.environment {
            let upper = name.to_ascii_uppercase();
            let is_other = OTHER_ENVIRONMENT.contains(&upper.as_str()) || upper.starts_with(TEST_ENVIRONMENT);
            if !upper.starts_with("IMABOARD_") || is_other {
                continue;
            }
            let origin = format!("environment variable {name}");
            let Some(rest) = upper.strip_prefix(ENVIRONMENT_PREFIX) else {
                let keys = leaf_keys(&defaults);
                let variables: Vec<String> = keys.iter().map(|key| variable_of(key)).collect();
                let mut problem =
                    Problem::new(name, &origin, &format!("settings in the environment begin with {ENVIRONMENT_PREFIX}"));
                problem.suggestion = nearest(&upper, variables.iter().map(String::as_str)).map(ToOwned::to_owned);
                problems.push(problem);
                continue;
            };
            let path: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
            if path.iter().any(String::is_empty) {
                problems.push(Problem::new(name, &origin, "a name of the form IMABOARD__SECTION__KEY"));
                continue;
            }
            let value = typed_like(find(&defaults, &path), text);
            layers.push(Layer::from_value(&origin, &path, value));
        }
        layers
    }
}

/// What the command line says, if it says it; the names of the arguments stand beside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    /// `--listen ADDR` → `listen.public`.
    pub listen: Option<String>,
    /// `--mqtt-listen ADDR|off` → `listen.mqtt`.
    pub mqtt_listen: Option<String>,
    /// `--mqtt-url URL` → `mqtt.url`.
    pub mqtt_url: Option<String>,
    /// `--ops-listen ADDR|off` → `listen.ops`.
    pub ops_listen: Option<String>,
    /// `--database URL` → `database.url`.
    pub database: Option<String>,
}

impl Overrides {
    fn layers(&self) -> impl Iterator<Item = Layer> {
        [
            ("--listen", "listen.public", &self.listen),
            ("--mqtt-listen", "listen.mqtt", &self.mqtt_listen),
            ("--mqtt-url", "mqtt.url", &self.mqtt_url),
            ("--ops-listen", "listen.ops", &self.ops_listen),
            ("--database", "database.url", &self.database),
        ]
        .into_iter()
        .filter_map(|(argument, key, value)| {
            let value = Value::from(value.clone()?);
            Some(Layer::from_value(&format!("argument {argument}"), &path_of(key), value))
        })
    }
}

/// One source of settings together with where each of its keys was written.
#[derive(Debug, Clone)]
struct Layer {
    name: String,
    dict: Dict,
    origins: BTreeMap<String, String>,
}

impl Layer {
    /// Reads TOML. Broken TOML is reported with all its broken places.
    fn from_toml(name: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let (table, errors) = toml::de::DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors
                .iter()
                .map(|error| {
                    let line = error.span().map(|span| line_of(text, span.start));
                    let origin = line.map_or_else(|| name.to_owned(), |line| format!("{name} line {line}"));
                    Problem::new("", &origin, &format!("not valid TOML: {}", error.message()))
                })
                .collect());
        }
        let dict = toml::from_str(text).map_err(|error| vec![Problem::new("", name, &format!("not valid TOML: {error}"))])?;
        let mut origins = BTreeMap::new();
        note_lines(table.get_ref(), "", name, text, &mut origins);
        Ok(Self { name: name.to_owned(), dict, origins })
    }

    fn from_value(origin: &str, path: &[String], value: Value) -> Self {
        let origins = BTreeMap::from([(path.join("."), origin.to_owned())]);
        let nested = path.iter().rev().fold(value, |inner, key| Value::from(Dict::from([(key.clone(), inner)])));
        let dict = match nested {
            Value::Dict(_, dict) => dict,
            Value::String(..) | Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) | Value::Array(..) => {
                Dict::new()
            }
        };
        Self { name: origin.to_owned(), dict, origins }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.dict.clone())]))
    }
}

/// Turns the tree into settings; what does not fit is noted and replaced by its default, so that the next wrong
/// value is found as well. `None` only if repairing made no progress.
fn deserialize_repairing(
    tree: &mut Value,
    defaults: &Value,
    origins: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Option<Settings> {
    // Each round removes or replaces one value; nobody writes this many wrong ones.
    const MOST_PROBLEMS: usize = 1000;
    for _ in 0..MOST_PROBLEMS {
        let error = match tree.deserialize::<Settings>() {
            Ok(settings) => return Some(settings),
            Err(error) => error,
        };
        let path = &error.path;
        let key = path.join(".");
        let mut problem = Problem::new(&key, &origin_of(origins, &key), &allowed(&error.kind));
        if let figment::error::Kind::UnknownField(_, siblings) = &error.kind {
            problem.suggestion = suggestion(path, siblings, defaults);
        } else {
            problem.found = shown(&key, find(tree, path));
        }
        if let figment::error::Kind::MissingField(name) = &error.kind {
            problem.key = if key.is_empty() { name.to_string() } else { format!("{key}.{name}") };
            problem.found = None;
        }
        // A required value that was wrong and had no default is missing now: that was said already.
        if !problems.iter().any(|known| known.key == problem.key) {
            problems.push(problem);
        }
        if !repair(tree, path, stand_in(defaults, path)) {
            return None;
        }
    }
    None
}

/// A valid value for a place: the default there or, within a list, that of any item, so that the list keeps its
/// length and later items their numbers.
fn stand_in<'a>(defaults: &'a Value, path: &[String]) -> Option<&'a Value> {
    let Some((step, rest)) = path.split_first() else { return Some(defaults) };
    match defaults {
        Value::Dict(_, dict) => stand_in(dict.get(step)?, rest),
        Value::Array(_, items) => items.iter().find_map(|item| stand_in(item, rest)),
        Value::String(..) | Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) => None,
    }
}

/// Puts the stand-in in the place of a wrong value, or takes the value out if there is none.
fn repair(tree: &mut Value, path: &[String], stand_in: Option<&Value>) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let mut place = tree;
    for step in parents {
        let next = match place {
            Value::Dict(_, dict) => dict.get_mut(step),
            Value::Array(_, items) => step.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            Value::String(..) | Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) => None,
        };
        let Some(next) = next else { return false };
        place = next;
    }
    match place {
        Value::Dict(_, dict) => match (dict.get_mut(last), stand_in) {
            // The stand-in itself cannot be wrong, so putting it there twice would not get any further.
            (Some(wrong), Some(valid)) if wrong != valid => *wrong = valid.clone(),
            (Some(_), _) => drop(dict.remove(last)),
            (None, _) => return false,
        },
        Value::Array(_, items) => {
            let Some(index) = last.parse::<usize>().ok().filter(|index| *index < items.len()) else { return false };
            match (items.get_mut(index), stand_in) {
                (Some(wrong), Some(valid)) if wrong != valid => *wrong = valid.clone(),
                _ => drop(items.remove(index)),
            }
        }
        Value::String(..) | Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) => return false,
    }
    true
}

/// What is allowed, from the reason why a value was not.
fn allowed(kind: &figment::error::Kind) -> String {
    use figment::error::Kind;
    match kind {
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) | Kind::InvalidLength(_, expected) => {
            format!("must be {expected}")
        }
        Kind::UnknownVariant(_, variants) => format!("must be one of {}", variants.join(", ")),
        Kind::UnknownField(_, []) => "unknown key".to_owned(),
        Kind::UnknownField(_, fields) => format!("unknown key; known here: {}", fields.join(", ")),
        Kind::MissingField(_) => "required, but missing".to_owned(),
        Kind::Message(_)
        | Kind::DuplicateField(_)
        | Kind::ISizeOutOfRange(_)
        | Kind::USizeOutOfRange(_)
        | Kind::Unsupported(_)
        | Kind::UnsupportedKey(..) => kind.to_string(),
    }
}

/// What an unknown key was probably meant to be: a neighbour with a similar name, or the same name in another section.
fn suggestion(path: &[String], siblings: &[&str], defaults: &Value) -> Option<String> {
    let (name, parents) = path.split_last()?;
    let beside = |near: &str| parents.iter().map(String::as_str).chain([near]).collect::<Vec<_>>().join(".");
    if let Some(near) = nearest(name, siblings.iter().copied()) {
        return Some(beside(near));
    }
    leaf_keys(defaults).into_iter().find(|key| key.rsplit('.').next() == Some(name))
}

/// The candidate most similar to what was written, if any is similar enough to be a slip of the fingers.
fn nearest<'a>(written: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Two slips in a short name already make another word.
    let slips = (written.chars().count() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(written, candidate), candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Notes the line of every key of a TOML table.
fn note_lines(table: &toml::de::DeTable<'_>, prefix: &str, name: &str, text: &str, origins: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        origins.insert(path.clone(), format!("{name} line {}", line_of(text, key.span().start)));
        if let Some(inner) = value.get_ref().as_table() {
            note_lines(inner, &path, name, text, origins);
        }
        for (index, item) in value.get_ref().as_array().into_iter().flatten().enumerate() {
            if let Some(inner) = item.get_ref().as_table() {
                let path = format!("{path}.{index}");
                origins.insert(path.clone(), format!("{name} line {}", line_of(text, item.span().start)));
                note_lines(inner, &path, name, text, origins);
            }
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Where a key was written; for a key within a list, at least where the list was.
fn origin_of(origins: &BTreeMap<String, String>, key: &str) -> String {
    let mut at = key;
    loop {
        if let Some(origin) = origins.get(at) {
            return origin.clone();
        }
        match at.rsplit_once('.') {
            Some((parent, _)) => at = parent,
            None => return "not written anywhere".to_owned(),
        }
    }
}

fn path_of(key: &str) -> Vec<String> {
    key.split('.').map(ToOwned::to_owned).collect()
}

fn variable_of(key: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))
}

fn find<'a>(tree: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(tree, |place, step| match place {
        Value::Dict(_, dict) => dict.get(step),
        Value::Array(_, items) => items.get(step.parse::<usize>().ok()?),
        Value::String(..) | Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) => None,
    })
}

fn leaf_keys(tree: &Value) -> Vec<String> {
    fn walk(value: &Value, prefix: &str, keys: &mut Vec<String>) {
        match value {
            Value::Dict(_, dict) => {
                for (name, inner) in dict {
                    walk(inner, &if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") }, keys);
                }
            }
            Value::String(..) | Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) | Value::Array(..) => {
                keys.push(prefix.to_owned());
            }
        }
    }
    let mut keys = Vec::new();
    walk(tree, "", &mut keys);
    keys
}

/// Reads the text of a variable as the type its default has; what cannot be read stays text and is refused later.
fn typed_like(default: Option<&Value>, text: &str) -> Value {
    let text = text.trim();
    match default {
        Some(Value::Num(..)) => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
        Some(Value::Bool(..)) => text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        Some(Value::Array(..) | Value::Dict(..)) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
        // "never" is text, but a number is as good in its place.
        Some(Value::String(_, word)) if word == Rhythm::NEVER => {
            text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
        }
        Some(Value::String(..) | Value::Char(..) | Value::Empty(..)) | None => Value::from(text),
    }
}

/// A found value as it is repeated in a message: never a secret, never a whole list.
fn shown(key: &str, value: Option<&Value>) -> Option<String> {
    if SECRET_KEYS.contains(&key) {
        return Some("(not shown)".to_owned());
    }
    match value? {
        Value::String(_, text) => Some(format!("{text:?}")),
        Value::Char(_, letter) => Some(format!("{letter:?}")),
        Value::Bool(_, truth) => Some(truth.to_string()),
        Value::Num(_, number) => Some(match number {
            Num::F32(_) | Num::F64(_) => number.to_f64().map(|number| number.to_string()).unwrap_or_default(),
            _ => Value::from(*number).to_i128().map(|number| number.to_string()).unwrap_or_default(),
        }),
        Value::Empty(..) | Value::Dict(..) | Value::Array(..) => None,
    }
}

/// A whole number between two bounds, both allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Whole<MIN, MAX> {
    /// The number.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The number as a length or size in memory.
    #[must_use]
    pub fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// The number as seconds.
    #[must_use]
    pub const fn seconds(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounds<const MIN: u64, const MAX: u64>;
        impl<const MIN: u64, const MAX: u64> Visitor<'_> for Bounds<MIN, MAX> {
            type Value = Whole<MIN, MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole number from {MIN} to {MAX}")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                if (MIN..=MAX).contains(&number) {
                    Ok(Whole(number))
                } else {
                    Err(E::invalid_value(de::Unexpected::Unsigned(number), &self))
                }
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                u64::try_from(number)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
                    .and_then(|number| self.visit_u64(number))
            }
        }
        deserializer.deserialize_u64(Bounds::<MIN, MAX>)
    }
}

/// How long a value stays fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rhythm {
    /// This many hours.
    Hours(u32),
    /// It does not age.
    Never,
}

impl Rhythm {
    const NEVER: &str = "never";
    /// One year: whoever wants longer means never.
    const MOST_HOURS: u32 = 8784;

    /// The hours, or `None` if it does not age.
    #[must_use]
    pub const fn hours(self) -> Option<u32> {
        match self {
            Self::Hours(hours) => Some(hours),
            Self::Never => None,
        }
    }

    const fn longer_than(self, other: Self) -> bool {
        match (self, other) {
            (Self::Hours(this), Self::Hours(other)) => this > other,
            (Self::Never, Self::Hours(_)) => true,
            (_, Self::Never) => false,
        }
    }
}

impl fmt::Display for Rhythm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hours(hours) => write!(f, "{hours}"),
            Self::Never => f.write_str(Self::NEVER),
        }
    }
}

impl<'de> Deserialize<'de> for Rhythm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HoursOrNever;
        impl Visitor<'_> for HoursOrNever {
            type Value = Rhythm;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "hours from 1 to {}, or \"{}\"", Rhythm::MOST_HOURS, Rhythm::NEVER)
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Rhythm, E> {
                match u32::try_from(number) {
                    Ok(hours) if (1..=Rhythm::MOST_HOURS).contains(&hours) => Ok(Rhythm::Hours(hours)),
                    Ok(_) | Err(_) => Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)),
                }
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Rhythm, E> {
                u64::try_from(number)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
                    .and_then(|number| self.visit_u64(number))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Rhythm, E> {
                if text == Rhythm::NEVER { Ok(Rhythm::Never) } else { Err(E::invalid_value(de::Unexpected::Str(text), &self)) }
            }
        }
        deserializer.deserialize_any(HoursOrNever)
    }
}

/// Defines a text type whose `FromStr` decides and whose refusal says what is allowed.
macro_rules! read_from_text {
    ($type:ty, $expected:expr, $parse:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reader;
                impl Visitor<'_> for Reader {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        let parse: fn(&str) -> Option<$type> = $parse;
                        // The refused text is added later, and only if it is not a secret.
                        parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Other("text"), &self))
                    }
                }
                deserializer.deserialize_str(Reader)
            }
        }
    };
}

/// Defines a checked text with its accessor.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $expected:expr, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        read_from_text!($name, $expected, |text| {
            let accepts: fn(&str) -> bool = $accepts;
            accepts(text.trim()).then(|| $name(text.trim().to_owned()))
        });
    };
}

checked_text!(
    /// A short text that people read: not empty, at most 200 characters, on one line.
    Text, "a text of 1 to 200 characters on one line",
    |text| (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control)
);
checked_text!(
    /// An id for files, URLs and the command line.
    Slug, "an id of 1 to 40 small letters a-z, digits and hyphens",
    |text| (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
);
checked_text!(
    /// A telephone number as it is printed.
    Phone, "a telephone number of digits and hyphens, such as 0959-00-0100",
    |text| {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        (3..=15).contains(&digits) && text.bytes().enumerate().all(|(at, byte)| byte.is_ascii_digit() || byte == b'-' || (at == 0 && byte == b'+'))
    }
);
checked_text!(
    /// The local government code with its check digit.
    LocalGovernmentCode, "six digits, the last of which is the check digit of the other five, such as \"422126\"",
    has_check_digit
);
checked_text!(
    /// How we call ourselves at the broker. MQTT 3.1.1 promises 23 characters; common brokers take more.
    ClientId, "a name of 1 to 64 letters, digits, hyphens and underscores",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
);

/// The rule of the Ministry of Internal Affairs for 全国地方公共団体コード: weights 6 to 2, eleven minus the rest, last digit.
fn has_check_digit(code: &str) -> bool {
    let digits: Option<Vec<u32>> = code.chars().map(|letter| letter.to_digit(10)).collect();
    let Some([first, second, third, fourth, fifth, check]) = digits.as_deref() else { return false };
    let sum = first * 6 + second * 5 + third * 4 + fourth * 3 + fifth * 2;
    (11 - sum % 11) % 10 == *check
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one place that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

read_from_text!(Secret, "a text that is not empty", |text| (!text.is_empty()).then(|| Secret(text.to_owned())));

/// An address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(SocketAddr);

impl Address {
    /// The address; port 0 means any free one.
    #[must_use]
    pub const fn socket(self) -> SocketAddr {
        self.0
    }
}

read_from_text!(Address, "an IP address and a port, such as 127.0.0.1:8080 or [::]:8080", |text| parse_address(text)
    .map(Address));

/// A door that may stay closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Open on this address.
    At(SocketAddr),
    /// Closed.
    Off,
}

read_from_text!(Door, "an IP address and a port, such as 127.0.0.1:1883 or [::]:1883, or \"off\"", |text| {
    if text.trim() == "off" { Some(Door::Off) } else { parse_address(text).map(Door::At) }
});

/// Host names are not looked up, because a door must not depend on a name server; `localhost` needs none.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    match text.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port| SocketAddr::from(([127, 0, 0, 1], port))),
        None => text.parse().ok(),
    }
}

/// Networks of machines that are trusted, such as proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

/// An address and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Networks {
    /// Nobody is trusted.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Whether an address belongs to one of them.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }
}

impl Network {
    fn read(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.trim().parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(other)) => (ours.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits,
            (IpAddr::V6(ours), IpAddr::V6(other)) => (ours.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits,
            _ => false,
        }
    }
}

read_from_text!(Networks, "IP addresses or networks with commas between them, such as 127.0.0.0/8, ::1, or \"none\"", |text| {
    if text.trim() == "none" {
        return Some(Networks::none());
    }
    text.split(',').map(|part| Network::read(part.trim())).collect::<Option<Vec<_>>>().map(Networks)
});

/// Scheme and host of the public board, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    loopback: bool,
}

impl BaseUrl {
    /// The text, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether only this machine can reach it; a QR code with such an address helps nobody.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }
}

read_from_text!(
    BaseUrl,
    "an address that begins with http:// or https:// and names only the host, such as https://board.example.jp",
    |text| {
        let url = Url::parse(text.trim()).ok()?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        url.host()?;
        plain.then(|| BaseUrl { loopback: is_loopback(&url), text: url.as_str().trim_end_matches('/').to_owned() })
    }
);

/// Whether an address leads only back to the machine it is opened on.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => false,
    }
}

/// Where the log is kept, if not in the data folder. May hold a password, so it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Reads an address; `None` if it is none of a database.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let known = text.strip_prefix("sqlite:").is_some_and(|path| !path.trim_matches('/').is_empty())
            || (Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql") && url.has_host()));
        known.then(|| Self(text.to_owned()))
    }

    /// The text, for the one place that connects.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:(secret)", self.0.split(':').next().unwrap_or_default())
    }
}

read_from_text!(DatabaseUrl, "an address that begins with sqlite: or postgres://", DatabaseUrl::new);

/// An external broker. May hold a password, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUrl {
    host: String,
    port: u16,
    tls: bool,
    user: Option<String>,
    password: Option<Secret>,
}

impl BrokerUrl {
    /// Name or address of the machine.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 1883 or, with TLS, 8883 if the address names none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub const fn tls(&self) -> bool {
        self.tls
    }

    /// The name within the address.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password within the address.
    #[must_use]
    pub const fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", if self.tls { "mqtts" } else { "mqtt" }, self.host, self.port)
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BrokerUrl({self}, user {:?})", self.user)
    }
}

read_from_text!(
    BrokerUrl,
    "an address that begins with mqtt:// or mqtts:// and names host and port, such as mqtts://broker.example.jp:8883",
    |text| {
        let url = Url::parse(text.trim()).ok()?;
        let tls = match url.scheme() {
            "mqtt" => false,
            "mqtts" => true,
            _ => return None,
        };
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let decoded =
            |part: &str| percent_encoding::percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned);
        let user = if url.username().is_empty() { None } else { Some(decoded(url.username())?) };
        let password = match url.password() {
            Some(password) => Some(Secret(decoded(password)?)),
            None => None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
        bare.then(|| BrokerUrl { host, port: url.port().unwrap_or(if tls { 8883 } else { 1883 }), tls, user, password })
    }
);

#[cfg(test)]
mod tests;
