//! Device families as data: which topic and which bytes are a press, and what only looks like one.
//!
//! A family is one TOML file: topic patterns, where gesture, button, counter, time, battery and
//! availability stand, its words, and what such a device publishes (so that a press can be simulated).
//! A family unknown today is added by a file alone. Invariant: [`Profiles::read`] is total — whatever the
//! bytes, it answers without failing — and a retained replay never yields a press.
//!
//! # Which profile speaks
//! All topic patterns of all profiles are sorted once, the most exact first: `reserved` topics, then the
//! number of literal levels, of partly literal levels, of typed names, no multi-level name, more levels,
//! literals further left, a user's file before a built-in one, then profile name and order in the file.
//! Patterns of equal shape and origin are read together (one Shelly notification may carry a wired input
//! and a radio button). Reading stops at the first shape that finds a press, a report or a known gesture
//! word that is not a press; a topic marked `ignore` stops it at once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::pattern::{Captures, Pattern, Scope, Token, covers, filter, render, shape, specificity, tokens, with_kinds_of};
use crate::press::{DeviceReport, Gesture, Heard, Incoming, Press};
use crate::words::{Word, Words, WordsSpec};

/// A button message is a few hundred bytes; the largest known (a full Shelly status) stays below 20 kB.
const PAYLOAD_BYTES: usize = 256 * 1024;
/// MQTT allows 65,535; the longest topics of these families stay below 200.
const TOPIC_BYTES: usize = 1024;
/// Longest device id accepted.
const DEVICE_BYTES: usize = 256;
/// Longest single value looked at: a word, a code, an address.
const VALUE_BYTES: usize = 1024;
/// One message holds one press, rarely four; more is noise.
const PRESSES_PER_MESSAGE: usize = 32;
/// A profile file is a few kB.
const FILE_BYTES: u64 = 1024 * 1024;

const BUILTIN: [(&str, &str); 10] = [
    ("esphome.toml", include_str!("../profiles/esphome.toml")),
    ("home-assistant.toml", include_str!("../profiles/home-assistant.toml")),
    ("imaboard.toml", include_str!("../profiles/imaboard.toml")),
    ("openmqttgateway.toml", include_str!("../profiles/openmqttgateway.toml")),
    ("plain.toml", include_str!("../profiles/plain.toml")),
    ("shelly-blu.toml", include_str!("../profiles/shelly-blu.toml")),
    ("shelly-gen1.toml", include_str!("../profiles/shelly-gen1.toml")),
    ("shelly-gen2.toml", include_str!("../profiles/shelly-gen2.toml")),
    ("tasmota.toml", include_str!("../profiles/tasmota.toml")),
    ("zigbee2mqtt.toml", include_str!("../profiles/zigbee2mqtt.toml")),
];

/// Why the profiles could not be loaded. Shown to the person who wrote the file.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The folder or a file in it could not be read.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what a profile file should be.
    #[error("{file}: {key}: {why}")]
    Invalid {
        /// The file's name.
        file: String,
        /// The key inside it, such as `topic[2].pattern`, or `file` for the file as a whole.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileSpec {
    name: String,
    title: String,
    #[serde(default)]
    gateway: bool,
    #[serde(default)]
    publishes: Vec<PublishSpec>,
    echo_seconds: Option<u32>,
    #[serde(default)]
    words: WordsSpec,
    #[serde(default)]
    topic: Vec<TopicSpec>,
    #[serde(default)]
    compose: Vec<ComposeSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicSpec {
    pattern: OneOrMany,
    subscribe: Option<Vec<String>>,
    #[serde(default)]
    reserved: bool,
    ignore: Option<String>,
    #[serde(default)]
    body: Body,
    #[serde(default)]
    press: Vec<PressSpec>,
    #[serde(default)]
    report: Vec<ReportSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishSpec {
    /// Device ids this holds for; every one when absent.
    device: Option<String>,
    filters: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    /// JSON only.
    #[default]
    Json,
    /// The whole payload is one value.
    Text,
    /// A JSON object or array if it is one, else one value.
    Either,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PressSpec {
    each: Option<String>,
    #[serde(default)]
    when: BTreeMap<String, String>,
    #[serde(default)]
    gesture: Vec<String>,
    /// Words of this place alone, `"0" = "single"`; the profile's words are then not asked.
    #[serde(default)]
    values: BTreeMap<String, Gesture>,
    always: Option<Gesture>,
    device: Option<String>,
    button: Option<ButtonSpec>,
    #[serde(default = "one")]
    numbered_from: u16,
    #[serde(default)]
    seq: Vec<String>,
    #[serde(default)]
    at: Vec<String>,
    echo: Option<String>,
}

fn one() -> u16 {
    1
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ButtonSpec {
    /// Always this key.
    Number(u16),
    /// Where the number stands in the message.
    Pointer(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportSpec {
    each: Option<String>,
    #[serde(default)]
    when: BTreeMap<String, String>,
    device: Option<String>,
    #[serde(default)]
    battery: Vec<String>,
    /// Percent per unit of the reported value: 100 for a level between 0 and 1.
    battery_scale: Option<f64>,
    #[serde(default)]
    availability: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ButtonUse {
    /// The message cannot carry a button number.
    None,
    /// It may.
    Optional,
    /// It always does; the first key stands in when none is asked for.
    Required,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ComposeSpec {
    device: Option<String>,
    topic: String,
    qos: u8,
    button: ButtonUse,
    words: BTreeMap<String, String>,
    payload: toml::Value,
}

/// Where an item lies and which conditions it meets; shared by presses and reports.
#[derive(Clone, Debug)]
struct Place {
    each: Vec<Pattern>,
    when: Vec<(String, Pattern)>,
    device: Vec<Token>,
    /// Reads a device id back into the names of the topic; `None` if the topic does not name the device. Made once, because rights
    /// are asked for with every message.
    named: Option<Pattern>,
}

#[derive(Clone, Debug)]
struct PressRule {
    place: Place,
    gesture: Vec<String>,
    values: BTreeMap<String, Gesture>,
    always: Option<Gesture>,
    button: Option<ButtonSpec>,
    numbered_from: u16,
    seq: Vec<String>,
    at: Vec<String>,
    echo: Option<Vec<Token>>,
}

#[derive(Clone, Debug)]
struct ReportRule {
    place: Place,
    battery: Vec<String>,
    battery_scale: f64,
    availability: Vec<String>,
}

#[derive(Clone, Debug)]
struct Topic {
    pattern: Pattern,
    subscribe: Vec<String>,
    reserved: bool,
    ignore: Option<String>,
    body: Body,
    press: Vec<PressRule>,
    report: Vec<ReportRule>,
}

#[derive(Clone, Debug)]
struct Compose {
    device: Pattern,
    topic: Vec<Token>,
    qos: u8,
    button: ButtonUse,
    words: BTreeMap<Gesture, String>,
    payload: Value,
}

/// One device family.
#[derive(Clone, Debug)]
pub struct Profile {
    name: String,
    title: String,
    builtin: bool,
    gateway: bool,
    publishes: Vec<(Pattern, Vec<Token>)>,
    echo: Option<SignedDuration>,
    words: Words,
    topics: Vec<Topic>,
    compose: Vec<Compose>,
}

impl Profile {
    /// The family's name in commands and output, such as `shelly-gen1`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The family's name for people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Whether a gateway connects to the broker for the devices of this family, so that none has a login of its own.
    #[must_use]
    pub fn is_behind_gateway(&self) -> bool {
        self.gateway
    }

    /// Gestures that [`Profile::compose`] can build for some device of this family.
    #[must_use]
    pub fn gestures(&self) -> Vec<Gesture> {
        let known: BTreeSet<Gesture> = self.compose.iter().flat_map(|compose| compose.words.keys().copied()).collect();
        known.into_iter().collect()
    }

    /// How long an equal code counts as radio echo, if the family's radio repeats by itself.
    #[must_use]
    pub fn echo_window(&self) -> Option<SignedDuration> {
        self.echo
    }

    /// Topic filters to which a device with this id may publish; empty for an id that would widen them.
    ///
    /// A radio code travels through a gateway, so its filter names the gateway's topic with `+`.
    #[must_use]
    pub fn publish_filters(&self, device: &str) -> Vec<String> {
        if !is_device(device) || device.contains(['+', '#']) || device.starts_with('$') {
            return Vec::new();
        }
        let mut filters = BTreeSet::new();
        for (id, extra) in &self.publishes {
            if let Some(mut known) = id.capture(device) {
                known.insert("device".to_owned(), device.to_owned());
                filters.insert(filter(extra, &known, true));
            }
        }
        for topic in self.topics.iter().filter(|topic| topic.ignore.is_none()) {
            let places = topic.press.iter().map(|rule| &rule.place);
            let places = places.chain(topic.report.iter().map(|rule| &rule.place));
            for place in places {
                // A device that the topic does not name could be any publisher: no right follows from it.
                if let Some(known) = place.named.as_ref().and_then(|named| named.capture(device)) {
                    filters.insert(filter(&topic.pattern.tokens, &known, false));
                }
            }
        }
        for compose in &self.compose {
            if let Some(mut known) = compose.device.capture(device) {
                known.insert("device".to_owned(), device.to_owned());
                filters.insert(filter(&compose.topic, &known, false));
            }
        }
        narrowest_set(filters)
    }

    /// Topic filters to which a gateway of this family may publish: all that is heard of the family.
    #[must_use]
    pub fn gateway_filters(&self) -> Vec<String> {
        let heard = self.topics.iter().filter(|topic| topic.ignore.is_none());
        narrowest_set(heard.flat_map(|topic| topic.subscribe.iter().cloned()).collect())
    }

    /// The message such a device would really publish, as (topic, payload, QoS).
    ///
    /// `None` when the family has no such gesture, no such button, or another shape of device id.
    #[must_use]
    pub fn compose(
        &self,
        device: &str,
        gesture: Gesture,
        button: Option<u16>,
        seq: Option<u64>,
        now: Timestamp,
    ) -> Option<(String, Vec<u8>, u8)> {
        if !is_device(device) || device.contains(['+', '#']) {
            return None;
        }
        let fits = |compose: &&Compose, exactly: bool| match (compose.button, button) {
            (ButtonUse::None, None) | (ButtonUse::Optional, _) | (ButtonUse::Required, Some(_)) => true,
            (ButtonUse::Required, None) => !exactly,
            (ButtonUse::None, Some(_)) => false,
        };
        let usable = |compose: &&Compose| compose.words.contains_key(&gesture) && compose.device.matches(device);
        let chosen = self
            .compose
            .iter()
            .filter(usable)
            .find(|compose| fits(compose, true))
            .or_else(|| self.compose.iter().filter(usable).find(|compose| fits(compose, false)))?;
        let button = match (chosen.button, button) {
            (ButtonUse::Required, None) => Some(1),
            _ => button,
        };
        if button == Some(0) {
            return None;
        }
        let mut known = chosen.device.capture(device)?;
        known.insert("device".to_owned(), device.to_owned());
        known.insert("word".to_owned(), chosen.words.get(&gesture)?.clone());
        if let Some(n) = button {
            known.insert("n".to_owned(), n.to_string());
            known.insert("n0".to_owned(), n.saturating_sub(1).to_string());
        }
        if let Some(seq) = seq {
            known.insert("seq".to_owned(), seq.to_string());
        }
        let now_ms = now.as_millisecond();
        known.insert("at_ms".to_owned(), now_ms.to_string());
        known.insert("at_s".to_owned(), format!("{}.{:03}", now_ms / 1000, now_ms.rem_euclid(1000)));
        let topic = render(&chosen.topic, &known, |_| None)?;
        let payload = match fill(&chosen.payload, &known)? {
            Value::String(text) => text.into_bytes(),
            other => other.to_string().into_bytes(),
        };
        Some((topic, payload, chosen.qos))
    }
}

/// All families that are known, and the order in which they are asked.
#[derive(Clone, Debug)]
pub struct Profiles {
    list: Vec<Profile>,
    /// (profile, topic, claim), the most exact first.
    order: Vec<(usize, usize, String)>,
    /// Places in `order` of the topics that may begin with a level of this text, in the same order.
    by_first_level: HashMap<String, Vec<usize>>,
    /// Places in `order` of the topics that may begin with anything.
    anywhere: Vec<usize>,
}

impl Profiles {
    /// The families this program knows by itself.
    #[must_use]
    pub fn builtin() -> Self {
        let list = BUILTIN
            .iter()
            .map(|(file, text)| parse(file, text, true).expect("built-in profiles are checked by the tests"))
            .collect();
        Self::sorted(list)
    }

    /// The built-in families plus every `*.toml` in a folder; a file with a built-in name replaces it.
    ///
    /// A folder that does not exist adds nothing.
    ///
    /// # Errors
    /// When the folder or a file cannot be read, or a file is not a valid profile.
    pub fn with_folder(folder: &Path) -> Result<Self, ProfileError> {
        let unreadable = |path: &Path, source| ProfileError::Unreadable { path: path.to_owned(), source };
        let mut list = Self::builtin().list;
        let mut files = Vec::new();
        match fs::read_dir(folder) {
            Ok(entries) => {
                for entry in entries {
                    let path = entry.map_err(|e| unreadable(folder, e))?.path();
                    if path.extension().is_some_and(|extension| extension == "toml") {
                        files.push(path);
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(folder, error)),
        }
        files.sort();
        let mut given: BTreeMap<String, String> = BTreeMap::new();
        for path in files {
            let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
            let bytes = fs::metadata(&path).map_err(|e| unreadable(&path, e))?.len();
            if bytes > FILE_BYTES {
                return Err(invalid(&file, "file", format!("{bytes} bytes are too many for a profile")));
            }
            let text = fs::read_to_string(&path).map_err(|e| unreadable(&path, e))?;
            let profile = parse(&file, &text, false)?;
            if let Some(other) = given.insert(profile.name.clone(), file.clone()) {
                let why = format!("{:?} is already the name of {other}", profile.name);
                return Err(invalid(&file, "name", why));
            }
            list.retain(|known| known.name != profile.name);
            list.push(profile);
        }
        Ok(Self::sorted(list))
    }

    fn sorted(mut list: Vec<Profile>) -> Self {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        let mut order = Vec::new();
        for (p, profile) in list.iter().enumerate() {
            for (t, topic) in profile.topics.iter().enumerate() {
                let rank = (topic.reserved, specificity(&topic.pattern.tokens), !profile.builtin);
                let claim = format!("{}{}", profile.builtin, shape(&topic.pattern.tokens));
                order.push((std::cmp::Reverse(rank), claim, p, t));
            }
        }
        order.sort();
        let order: Vec<(usize, usize, String)> = order.into_iter().map(|(_, claim, p, t)| (p, t, claim)).collect();
        let first = |&(p, t, _): &(usize, usize, String)| list[p].topics[t].pattern.first_level();
        let begins = |level: Option<&str>| {
            let may = |at: &usize| first(&order[*at]).is_none_or(|fixed| Some(fixed) == level);
            (0..order.len()).filter(may).collect()
        };
        let by_first_level = order.iter().filter_map(first).map(|level| (level.to_owned(), begins(Some(level)))).collect();
        let anywhere = begins(None);
        Self { order, by_first_level, anywhere, list }
    }

    /// Every family, by name.
    #[must_use]
    pub fn list(&self) -> &[Profile] {
        &self.list
    }

    /// The family of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Profile> {
        self.list.iter().find(|profile| profile.name == name)
    }

    /// MQTT filters that together hear every press and report, without overlap where that is possible.
    ///
    /// Devices whose name holds a `/` are heard through [`Profile::publish_filters`] of that device.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<String> {
        let filters =
            self.list.iter().flat_map(|profile| &profile.topics).flat_map(|topic| topic.subscribe.iter().cloned()).collect();
        narrowest_set(filters)
    }

    /// What one message says. Never fails; never a press from a retained replay.
    #[must_use]
    pub fn read(&self, message: &Incoming<'_>) -> Heard {
        if message.topic.len() > TOPIC_BYTES || message.topic.starts_with('$') {
            return Heard::ignored("not a topic of a device");
        }
        let levels: Vec<&str> = message.topic.split('/').collect();
        let mut candidates = Vec::new();
        let first = levels.first().copied().unwrap_or_default();
        for at in self.by_first_level.get(first).unwrap_or(&self.anywhere) {
            let (p, t, claim) = &self.order[*at];
            let profile = &self.list[*p];
            let topic = &profile.topics[*t];
            if !topic.pattern.could_match(&levels) {
                continue;
            }
            if let Some(captures) = topic.pattern.capture(message.topic) {
                candidates.push((profile, topic, captures, claim));
            }
        }
        if candidates.is_empty() {
            return Heard::ignored("no profile knows this topic");
        }
        if message.payload.is_empty() {
            return Heard::ignored("empty payload");
        }
        if message.payload.len() > PAYLOAD_BYTES {
            return Heard::ignored("payload too large for a button");
        }
        let Ok(text) = std::str::from_utf8(message.payload) else {
            return Heard::ignored("payload is not UTF-8");
        };
        let bodies = Bodies::new(text);
        let mut reason = None;
        let mut rest = candidates.as_slice();
        while let Some((_, _, _, claim)) = rest.first() {
            let same = rest.iter().take_while(|(_, _, _, other)| other == claim).count();
            let (group, further) = rest.split_at(same);
            rest = further;
            let mut found = Found::default();
            for (profile, topic, captures, _) in group {
                if let Some(why) = &topic.ignore {
                    return Heard::ignored(why.clone());
                }
                read_topic(profile, topic, captures, &bodies, &mut found);
            }
            if !found.presses.is_empty() || !found.reports.is_empty() || found.decided {
                return found.heard(message.retain);
            }
            reason = reason.or(found.reason);
        }
        Heard::ignored(reason.unwrap_or_else(|| "nothing here is a press".to_owned()))
    }
}

/// The payload, parsed at most once for each reading.
struct Bodies<'a> {
    text: &'a str,
    json: Option<Value>,
}

impl<'a> Bodies<'a> {
    fn new(text: &'a str) -> Self {
        // serde_json stops at 128 levels, so deep nesting is an error and not a stack overflow.
        Self { text, json: serde_json::from_str(text).ok() }
    }

    fn select(&self, body: Body) -> Option<Cow<'_, Value>> {
        let text = || Some(Cow::Owned(Value::String(self.text.trim().to_owned())));
        match body {
            Body::Json => self.json.as_ref().map(Cow::Borrowed),
            Body::Text => text(),
            Body::Either => match &self.json {
                Some(json @ (Value::Object(_) | Value::Array(_))) => Some(Cow::Borrowed(json)),
                _ => text(),
            },
        }
    }
}

#[derive(Default)]
struct Found {
    presses: Vec<Press>,
    reports: Vec<DeviceReport>,
    reason: Option<String>,
    /// A gesture word was read, so no less exact profile may read it differently.
    decided: bool,
}

impl Found {
    fn refuse(&mut self, why: impl Into<String>) {
        self.reason.get_or_insert_with(|| why.into());
    }

    fn heard(mut self, retain: bool) -> Heard {
        if retain && !self.presses.is_empty() {
            self.presses.clear();
            self.reason = Some("retained replay".to_owned());
        }
        for press in &mut self.presses {
            let own = self.reports.iter().find(|r| r.profile == press.profile && r.device == press.device);
            press.battery_pct = own.and_then(|report| report.battery_pct);
        }
        // What a press already carries need not be told twice.
        let presses = self.presses;
        let device = self.reports.into_iter().find(|report| {
            report.availability.is_some() || !presses.iter().any(|p| p.profile == report.profile && p.device == report.device)
        });
        let ignored =
            (presses.is_empty() && device.is_none()).then(|| self.reason.unwrap_or_else(|| "nothing here is a press".to_owned()));
        Heard { presses, device, ignored }
    }
}

fn read_topic(profile: &Profile, topic: &Topic, captures: &Captures, bodies: &Bodies<'_>, found: &mut Found) {
    let Some(root) = bodies.select(topic.body) else {
        found.refuse("payload is not JSON");
        return;
    };
    for rule in &topic.press {
        for (item, captures) in rule.place.items(&root, captures) {
            if found.presses.len() >= PRESSES_PER_MESSAGE {
                return;
            }
            match read_press(profile, rule, &root, item, &captures) {
                Reading::Press(press) => {
                    found.decided = true;
                    found.presses.push(press);
                }
                Reading::Refused(why) => {
                    found.decided = true;
                    found.refuse(why);
                }
                Reading::Absent => {}
            }
        }
    }
    for rule in &topic.report {
        for (item, captures) in rule.place.items(&root, captures) {
            if let Some(report) = read_report(profile, rule, &root, item, &captures) {
                found.reports.push(report);
            }
        }
    }
}

enum Reading {
    Press(Press),
    Refused(String),
    Absent,
}

fn read_press(profile: &Profile, rule: &PressRule, root: &Value, item: &Value, captures: &Captures) -> Reading {
    let at_pointer = |pointer: &str| locate(root, item, pointer).and_then(scalar);
    let (gesture, word_button, repeating) = match rule.always {
        Some(gesture) => (gesture, None, false),
        None => {
            let Some(word) = rule.gesture.iter().find_map(|pointer| at_pointer(pointer)) else {
                return Reading::Absent;
            };
            let meaning = if rule.values.is_empty() {
                profile.words.find(&word)
            } else {
                match rule.values.get(&word).copied() {
                    Some(gesture) => Word::Gesture { gesture, button: None, repeating: false },
                    None => Word::Unknown,
                }
            };
            match meaning {
                Word::Gesture { gesture, button, repeating } => (gesture, button, repeating),
                Word::Edge => return Reading::Refused(format!("{word:?} is not a press")),
                Word::Unknown if word.is_empty() => {
                    return Reading::Refused("an empty gesture word".to_owned());
                }
                Word::Unknown => {
                    let word: String = word.chars().take(40).collect();
                    return Reading::Refused(format!("{word:?} is no gesture of this profile"));
                }
            }
        }
    };
    let Some(device) = render(&rule.place.device, captures, at_pointer).filter(|d| is_device(d)) else {
        return Reading::Absent;
    };
    let button = match (word_button, &rule.button) {
        (Some(n), _) => Some(n),
        (None, Some(ButtonSpec::Number(n))) => Some(*n),
        (None, Some(ButtonSpec::Pointer(pointer))) => match locate(root, item, pointer) {
            None | Some(Value::Null) => None,
            Some(value) => match read_button(profile, rule, value) {
                Ok(button) => button,
                Err(why) => return Reading::Refused(why),
            },
        },
        (None, None) => match captures.get("n") {
            None => None,
            Some(n) => match n.parse::<u16>().ok().and_then(|n| from_base(n, rule.numbered_from)) {
                Some(n) => Some(n),
                None => return Reading::Refused(format!("{n:?} is no button number")),
            },
        },
    };
    let seq = rule.seq.iter().find_map(|pointer| at_pointer(pointer)?.parse::<u64>().ok());
    let at = rule.at.iter().find_map(|pointer| locate(root, item, pointer).and_then(timestamp));
    let echo = rule.echo.as_ref().and_then(|template| {
        // A field that this model leaves out takes no part in its code.
        render(template, captures, |pointer| Some(at_pointer(pointer).unwrap_or_default()))
    });
    let dedupe = match (echo, seq, at) {
        (Some(code), _, _) => Some(format!("e:{code}")),
        (None, _, _) if repeating => Some("e:held".to_owned()),
        (None, Some(seq), _) => Some(format!("n:{seq}")),
        (None, None, Some(at)) => Some(format!("t:{}", at.as_millisecond())),
        (None, None, None) => None,
    };
    Reading::Press(Press { profile: profile.name.clone(), device, gesture, button, dedupe, seq, at, battery_pct: None })
}

fn read_button(profile: &Profile, rule: &PressRule, value: &Value) -> Result<Option<u16>, String> {
    let Some(text) = scalar(value) else {
        return Err("the button number is no number".to_owned());
    };
    if text.is_empty() || text.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let number = text.parse::<u16>().ok().and_then(|n| from_base(n, rule.numbered_from));
    match number.or_else(|| profile.words.find_key(&text)) {
        Some(n) => Ok(Some(n)),
        None => Err("the button number is no number".to_owned()),
    }
}

fn read_report(profile: &Profile, rule: &ReportRule, root: &Value, item: &Value, captures: &Captures) -> Option<DeviceReport> {
    let at_pointer = |pointer: &str| locate(root, item, pointer).and_then(scalar);
    let battery_pct = rule.battery.iter().find_map(|pointer| percent(&at_pointer(pointer)?, rule.battery_scale));
    let availability = rule.availability.iter().find_map(|pointer| profile.words.find_availability(&at_pointer(pointer)?));
    if battery_pct.is_none() && availability.is_none() {
        return None;
    }
    let device = render(&rule.place.device, captures, at_pointer).filter(|d| is_device(d))?;
    Some(DeviceReport { profile: profile.name.clone(), device, battery_pct, availability })
}

impl Place {
    /// Items of the message that this rule speaks about, each with everything captured on the way.
    fn items<'v>(&self, root: &'v Value, captures: &Captures) -> Vec<(&'v Value, Captures)> {
        let mut items = vec![(root, captures.clone())];
        for step in &self.each {
            let mut deeper = Vec::new();
            for (value, captures) in items {
                let children: Box<dyn Iterator<Item = (String, &'v Value)>> = match value {
                    Value::Object(map) => Box::new(map.iter().map(|(key, v)| (key.clone(), v))),
                    Value::Array(list) => Box::new(list.iter().enumerate().map(|(index, v)| (index.to_string(), v))),
                    _ => continue,
                };
                for (key, child) in children {
                    if let Some(named) = step.capture(&key) {
                        let mut captures = captures.clone();
                        captures.extend(named);
                        deeper.push((child, captures));
                    }
                    if deeper.len() > PRESSES_PER_MESSAGE {
                        break;
                    }
                }
            }
            items = deeper;
        }
        items.retain_mut(|(item, captures)| {
            self.when.iter().all(|(pointer, pattern)| {
                let value = locate(root, item, pointer).and_then(scalar);
                match value.and_then(|value| pattern.capture(&value)) {
                    Some(named) => {
                        captures.extend(named);
                        true
                    }
                    None => false,
                }
            })
        });
        items
    }
}

fn locate<'v>(root: &'v Value, item: &'v Value, pointer: &str) -> Option<&'v Value> {
    match pointer.strip_prefix('^') {
        Some(pointer) => root.pointer(pointer),
        None => item.pointer(pointer),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (text.len() <= VALUE_BYTES).then(|| text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Family numbers start at 0 or 1; ours at 1.
fn from_base(number: u16, numbered_from: u16) -> Option<u16> {
    number.checked_sub(numbered_from)?.checked_add(1)
}

fn percent(text: &str, scale: f64) -> Option<u8> {
    let value = text.trim().trim_end_matches('%').trim().parse::<f64>().ok()? * scale;
    if !(0.0..=100.0).contains(&value) {
        return None;
    }
    (0..=100u8).find(|pct| f64::from(*pct) >= value - 0.5)
}

/// Seconds or milliseconds since 1970, or RFC 3339. A device without a clock says nothing usable.
fn timestamp(value: &Value) -> Option<Timestamp> {
    /// Milliseconds since 1970 passed this in 1973, seconds will in the year 5138.
    const MILLISECONDS_FROM: f64 = 1e11;
    /// 2001-09-09: an earlier time is a clock that was never set.
    const CLOCK_SET_FROM_S: f64 = 1e9;
    let number = match value {
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(at) => return Some(at),
            Err(_) => text.parse::<f64>().ok()?,
        },
        Value::Number(number) => number.as_f64()?,
        _ => return None,
    };
    let seconds = if number >= MILLISECONDS_FROM { number / 1000.0 } else { number };
    if !seconds.is_finite() || !(CLOCK_SET_FROM_S..MILLISECONDS_FROM).contains(&seconds) {
        return None;
    }
    // Rounded to the millisecond: families send no finer time, and a float cannot hold one.
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok()
}

fn is_device(device: &str) -> bool {
    !device.is_empty() && device.len() <= DEVICE_BYTES && !device.chars().any(char::is_control)
}

fn names_of(template: &[Token]) -> impl Iterator<Item = &String> {
    template.iter().filter_map(|token| match token {
        Token::Name { name, .. } => Some(name),
        Token::Literal(_) | Token::Wild | Token::Pointer(_) => None,
    })
}

/// Drops filters that another one already covers.
fn narrowest_set(filters: BTreeSet<String>) -> Vec<String> {
    filters.iter().filter(|own| !filters.iter().any(|other| other != *own && covers(other, own))).cloned().collect()
}

/// Fills a payload template; an entry whose name is unknown is left out.
fn fill(template: &Value, known: &Captures) -> Option<Value> {
    match template {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix("{number:").and_then(|t| t.strip_suffix('}')) {
                return serde_json::from_str(known.get(name)?).ok();
            }
            render(&tokens(text).ok()?, known, |_| None).map(Value::String)
        }
        Value::Array(items) => Some(items.iter().filter_map(|item| fill(item, known)).collect()),
        Value::Object(map) => {
            let mut filled = Map::new();
            for (key, value) in map {
                let key = render(&tokens(key).ok()?, known, |_| None);
                if let (Some(key), Some(value)) = (key, fill(value, known)) {
                    filled.insert(key, value);
                }
            }
            Some(Value::Object(filled))
        }
        other => Some(other.clone()),
    }
}

fn invalid(file: &str, key: impl Into<String>, why: impl Into<String>) -> ProfileError {
    ProfileError::Invalid { file: file.to_owned(), key: key.into(), why: why.into() }
}

fn parse(file: &str, text: &str, builtin: bool) -> Result<Profile, ProfileError> {
    let spec: ProfileSpec = toml::from_str(text).map_err(|e| invalid(file, "file", e.to_string()))?;
    let well_named = !spec.name.is_empty() && spec.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !well_named {
        return Err(invalid(file, "name", "use small letters, digits and -"));
    }
    if spec.topic.is_empty() {
        return Err(invalid(file, "topic", "a profile needs at least one [[topic]]"));
    }
    let words = Words::compile(&spec.words).map_err(|(key, why)| invalid(file, key, why))?;
    let mut topics = Vec::new();
    for (index, topic) in spec.topic.iter().enumerate() {
        let at = |(key, why): Problem| invalid(file, format!("topic[{}].{key}", index + 1), why);
        let patterns = match &topic.pattern {
            OneOrMany::One(pattern) => std::slice::from_ref(pattern),
            OneOrMany::Many(patterns) => patterns.as_slice(),
        };
        if patterns.is_empty() {
            return Err(at(problem("pattern", "give at least one")));
        }
        for pattern in patterns {
            topics.push(compile_topic(topic, pattern, spec.echo_seconds.is_some()).map_err(at)?);
        }
    }
    let compose = spec
        .compose
        .iter()
        .enumerate()
        .map(|(index, compose)| {
            compile_compose(compose).map_err(|(key, why)| invalid(file, format!("compose[{}].{key}", index + 1), why))
        })
        .collect::<Result<_, _>>()?;
    let mut publishes = Vec::new();
    for extra in &spec.publishes {
        let wrong = |why: String| invalid(file, "publishes", why);
        let id = extra.device.as_deref().unwrap_or("{device}");
        let id = Pattern::parse(id, Scope::Text).map_err(wrong)?;
        for text in &extra.filters {
            let extra = tokens(text).map_err(|why| wrong(format!("{text:?}: {why}")))?;
            publishes.push((id.clone(), extra));
        }
    }
    Ok(Profile {
        name: spec.name,
        title: spec.title,
        builtin,
        gateway: spec.gateway,
        publishes,
        echo: spec.echo_seconds.map(|s| SignedDuration::from_secs(i64::from(s))),
        words,
        topics,
        compose,
    })
}

type Problem = (String, String);

fn problem(key: impl Into<String>, why: impl Into<String>) -> Problem {
    (key.into(), why.into())
}

fn compile_topic(spec: &TopicSpec, text: &str, echoes: bool) -> Result<Topic, Problem> {
    let quoted = |why: String| problem("pattern", format!("{text:?}: {why}"));
    if text.is_empty() || text.replace("+}", "}").contains(['+', '#']) {
        return Err(quoted("write {name} or {name+} instead of + and #".to_owned()));
    }
    let pattern = Pattern::parse(text, Scope::Topic).map_err(quoted)?;
    if text.matches("+}").count() > 1 {
        return Err(quoted("one {name+} is enough".to_owned()));
    }
    if spec.ignore.is_none() && spec.press.is_empty() && spec.report.is_empty() {
        return Err(problem("press", "a topic needs press, report or ignore"));
    }
    let subscribe = match (&spec.subscribe, &spec.ignore) {
        (Some(filters), _) => filters.clone(),
        (None, Some(_)) => Vec::new(),
        (None, None) => vec![filter(&pattern.tokens, &Captures::new(), false)],
    };
    if let Some(wide) =
        subscribe.iter().find(|filter| covers("cmnd/#", filter) || filter.as_str() == "#" || filter.starts_with('$'))
    {
        return Err(problem("subscribe", format!("{wide:?} hears commands or everything")));
    }
    let mut press = Vec::new();
    for (index, rule) in spec.press.iter().enumerate() {
        let at = |(key, why): Problem| problem(format!("press[{}].{key}", index + 1), why);
        if rule.gesture.is_empty() == rule.always.is_none() {
            return Err(at(problem("gesture", "give either gesture = [places] or always = \"word\"")));
        }
        let pointers = rule.gesture.iter().chain(&rule.seq).chain(&rule.at);
        check_pointers(pointers.chain(match &rule.button {
            Some(ButtonSpec::Pointer(pointer)) => Some(pointer),
            Some(ButtonSpec::Number(_)) | None => None,
        }))
        .map_err(at)?;
        if rule.echo.is_some() && !echoes {
            return Err(at(problem("echo", "the profile needs echo_seconds for this")));
        }
        let place = compile_place(&pattern, &rule.each, &rule.when, &rule.device).map_err(at)?;
        let echo = match &rule.echo {
            None => None,
            Some(text) => Some(tokens(text).map_err(|why| at(problem("echo", why)))?),
        };
        press.push(PressRule {
            place,
            gesture: rule.gesture.clone(),
            values: rule.values.clone(),
            always: rule.always,
            button: rule.button.clone(),
            numbered_from: rule.numbered_from,
            seq: rule.seq.clone(),
            at: rule.at.clone(),
            echo,
        });
    }
    let mut report = Vec::new();
    for (index, rule) in spec.report.iter().enumerate() {
        let at = |(key, why): Problem| problem(format!("report[{}].{key}", index + 1), why);
        if rule.battery.is_empty() && rule.availability.is_empty() {
            return Err(at(problem("battery", "a report needs battery or availability")));
        }
        check_pointers(rule.battery.iter().chain(&rule.availability)).map_err(at)?;
        report.push(ReportRule {
            place: compile_place(&pattern, &rule.each, &rule.when, &rule.device).map_err(at)?,
            battery: rule.battery.clone(),
            battery_scale: rule.battery_scale.unwrap_or(1.0),
            availability: rule.availability.clone(),
        });
    }
    Ok(Topic { pattern, subscribe, reserved: spec.reserved, ignore: spec.ignore.clone(), body: spec.body, press, report })
}

fn check_pointers<'a>(pointers: impl Iterator<Item = &'a String>) -> Result<(), Problem> {
    for pointer in pointers {
        let plain = pointer.strip_prefix('^').unwrap_or(pointer);
        if !plain.is_empty() && !plain.starts_with('/') {
            return Err(problem("place", format!("{pointer:?} must be empty (the whole payload) or start with /")));
        }
    }
    Ok(())
}

fn compile_place(
    topic: &Pattern,
    each: &Option<String>,
    when: &BTreeMap<String, String>,
    device: &Option<String>,
) -> Result<Place, Problem> {
    let mut names: BTreeSet<String> = topic.names().iter().cloned().collect();
    let mut steps = Vec::new();
    if let Some(path) = each {
        let Some(path) = path.strip_prefix('/') else {
            return Err(problem("each", format!("{path:?} must start with /")));
        };
        for step in path.split('/') {
            let pattern = Pattern::parse(step, Scope::Text).map_err(|why| problem("each", format!("{step:?}: {why}")))?;
            names.extend(pattern.names().iter().cloned());
            steps.push(pattern);
        }
    }
    let mut conditions = Vec::new();
    for (pointer, text) in when {
        let pattern = Pattern::parse(text, Scope::Text).map_err(|why| problem("when", format!("{text:?}: {why}")))?;
        names.extend(pattern.names().iter().cloned());
        conditions.push((pointer.clone(), pattern));
    }
    check_pointers(when.keys())?;
    let text = device.as_deref().unwrap_or("{device}");
    let device = tokens(text).map_err(|why| problem("device", format!("{text:?}: {why}")))?;
    for token in &device {
        if let Token::Name { name, .. } = token
            && !names.contains(name)
        {
            return Err(problem("device", format!("{{{name}}} stands neither in the topic nor in each nor in when")));
        }
    }
    let named = names_of(&device).any(|own| topic.names().contains(own));
    let named = named.then(|| Pattern::from_tokens(with_kinds_of(&device, &topic.tokens), Scope::Text).ok()).flatten();
    Ok(Place { each: steps, when: conditions, device, named })
}

fn compile_compose(spec: &ComposeSpec) -> Result<Compose, Problem> {
    let device = spec.device.as_deref().unwrap_or("{device}");
    let pattern = Pattern::parse(device, Scope::Text).map_err(|why| problem("device", why))?;
    let topic = tokens(&spec.topic).map_err(|why| problem("topic", why))?;
    if spec.qos > 2 {
        return Err(problem("qos", "0, 1 or 2"));
    }
    let mut words = BTreeMap::new();
    for (gesture, word) in &spec.words {
        let gesture: Gesture = gesture.parse().map_err(|e: crate::press::UnknownGesture| problem("words", e.to_string()))?;
        words.insert(gesture, word.clone());
    }
    let payload = serde_json::to_value(&spec.payload).map_err(|e| problem("payload", e.to_string()))?;
    Ok(Compose { device: pattern, topic, qos: spec.qos, button: spec.button, words, payload })
}
