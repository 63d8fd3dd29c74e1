//! From a device message to a report: which button is this, what does the gesture set, is it stored?
//!
//! Knows the board and the recorder; the wire is `imaboard_mqtt`'s. *Invariant:* a message is acknowledged only when everything in it is
//! durable or certainly nothing to store; a press is remembered as seen only after its commit.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use imaboard_domain::{Button, ButtonId, Channel, Entry, Facts, Gesture, Observation, PressFacts, Rules, Value};
use imaboard_mqtt::message::{Delivered, Outcome, Rights, Sink};
use imaboard_mqtt::{DeviceReport, Incoming, Press, Recent};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::intake::feedback::Feedback;
use crate::intake::listening::{Heard, TEST_LASTS};
use crate::recorder::{Intent, ReportIntent, Submission, SubmitError, new_id};

/// What is known of a device besides its presses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceState {
    /// The device family.
    pub profile: String,
    /// The device's own name on the wire.
    pub device: String,
    /// When anything was last heard of it.
    pub last_heard_at: Timestamp,
    /// Battery in percent.
    pub battery_pct: Option<u8>,
    /// Whether it says it is there.
    pub available: Option<bool>,
}

/// Devices kept in memory beyond the enrolled ones; a stranger's flood of names must not grow it.
const MOST_DEVICES: usize = 10_000;
/// Devices are spread over this many lanes; within a lane presses are stored one after the other.
const LANES: u64 = 64;
/// A device's own time is used up to this far ahead of ours (architecture: now + 2 min).
const AHEAD: SignedDuration = SignedDuration::from_mins(2);

/// Battery, availability and last contact of every device heard.
#[derive(Debug, Default)]
pub struct Devices(Mutex<BTreeMap<(String, String), DeviceState>>);

impl Devices {
    /// Notes that a device was heard; gives its previous contact.
    fn heard(
        &self,
        profile: &str,
        device: &str,
        battery_pct: Option<u8>,
        available: Option<bool>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let mut devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (profile.to_owned(), device.to_owned());
        if let Some(state) = devices.get_mut(&key) {
            let before = state.last_heard_at;
            state.last_heard_at = now;
            state.battery_pct = battery_pct.or(state.battery_pct);
            state.available = available.or(state.available);
            return Some(before);
        }
        if devices.len() < MOST_DEVICES {
            let state = DeviceState { profile: key.0.clone(), device: key.1.clone(), last_heard_at: now, battery_pct, available };
            devices.insert(key, state);
        }
        None
    }

    /// What is known of one device.
    #[must_use]
    pub fn find(&self, profile: &str, device: &str) -> Option<DeviceState> {
        let devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        devices.get(&(profile.to_owned(), device.to_owned())).cloned()
    }

    /// Every device heard of.
    #[must_use]
    pub fn list(&self) -> Vec<DeviceState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Takes back what was saved before a restart.
    pub fn restore(&self, states: Vec<DeviceState>) {
        let mut devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for state in states.into_iter().take(MOST_DEVICES) {
            devices.insert((state.profile.clone(), state.device.clone()), state);
        }
    }
}

/// What makes two deliveries of a device the same press.
type PressKey = (String, String, Gesture, Option<u16>, Option<String>);

fn key_of(press: &Press) -> PressKey {
    (press.profile.clone(), press.device.clone(), gesture_of(press), press.button, press.dedupe.clone())
}

/// A press that waits longer than this is in nobody's queue: the device's clock is wrong (our own broker forgets a session
/// after a day).
const OLDEST: SignedDuration = SignedDuration::from_hours(24);
/// Failed presses remembered; while the disk is full every device may hold one.
const MOST_UNANSWERED: usize = 10_000;

/// The sink of both MQTT doors.
pub struct PressIntake {
    app: Arc<App>,
    feedback: Arc<Feedback>,
    /// Short critical sections only; one press is decided at a time per device by the broker's own order.
    recent: Mutex<Recent>,
    /// Presses that were not stored, or not known to be: sent again they keep their id, so that a commit whose answer was lost
    /// makes no second entry.
    unanswered: Mutex<HashMap<PressKey, (Timestamp, Submission)>>,
    /// When the last press of each device was made: the earliest its next one can be. Contact alone says less, because a device
    /// that comes back says "online" before it delivers what it held.
    made: Mutex<HashMap<(String, String), Timestamp>>,
    /// Presses being stored right now, by device: the same press heard twice at once (two gateways) waits for the first.
    in_hand: Vec<tokio::sync::Mutex<()>>,
}

impl PressIntake {
    /// Hears presses for this city; `presses` are those of the last minutes before a restart.
    #[must_use]
    pub fn new(app: Arc<App>, feedback: Arc<Feedback>, presses: &[RememberedPress]) -> Self {
        let mut recent = Recent::new(&app.profiles);
        let mut made = HashMap::new();
        recent.seed(presses.iter().filter_map(|press| {
            let button = app.board.read(|b| b.buttons().get(&press.facts.button).cloned())?;
            let device = (button.profile.clone(), button.device.clone());
            made.entry(device).and_modify(|at: &mut Timestamp| *at = press.made_at.max(*at)).or_insert(press.made_at);
            Some((press.on_the_wire(&button), press.recorded_at))
        }));
        Self {
            app,
            feedback,
            recent: Mutex::new(recent),
            unanswered: Mutex::default(),
            made: Mutex::new(made),
            in_hand: (0..LANES).map(|_| tokio::sync::Mutex::default()).collect(),
        }
    }

    /// The device's own time, if it can be true: after its last press and not far ahead of us.
    fn own_time(&self, press: &Press, now: Timestamp) -> Option<Timestamp> {
        let device = (press.profile.clone(), press.device.clone());
        let oldest = now.checked_sub(OLDEST).unwrap_or(Timestamp::MIN);
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(&device).copied();
        press.at.filter(|at| *at <= now + AHEAD && *at >= oldest && made.is_none_or(|m| *at >= m))
    }

    /// The submission of an earlier attempt at this press.
    fn take_unanswered(&self, press: &Press, dup: bool, now: Timestamp) -> Option<Submission> {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, submission) = unanswered.remove(&key_of(press))?;
        // Without a counter only the mark of the wire says that it is the same press.
        (dup || press.dedupe.is_some() && now.duration_since(since) <= REMEMBER).then_some(submission)
    }

    fn keep_unanswered(&self, press: &Press, submission: Submission, now: Timestamp) {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        if unanswered.len() < MOST_UNANSWERED {
            unanswered.insert(key_of(press), (now, submission));
        }
    }

    fn remember(&self, press: &Press, made_at: Timestamp, now: Timestamp) {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).remember(press, now);
        let device = (press.profile.clone(), press.device.clone());
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(device, made_at.min(now));
    }

    async fn press(&self, press: &Press, delivered: &Delivered) -> Outcome {
        let app = &self.app;
        let now = app.clock.now();
        // What another broker delivers again may be old; it is no contact.
        let before = if delivered.dup && delivered.from.is_none() {
            app.devices.find(&press.profile, &press.device).map(|d| d.last_heard_at)
        } else {
            app.devices.heard(&press.profile, &press.device, press.battery_pct, Some(true), now)
        };
        let found = app.board.read(|b| b.find_button(&press.profile, &press.device).cloned());
        let outcome = |what: &'static str| metrics::counter!("imaboard_presses_total", "outcome" => what).increment(1);
        let Some(button) = found else {
            outcome("unknown_device");
            tracing::info!(device = press.device, profile = press.profile, "a device nobody enrolled was pressed");
            app.listening.stranger(heard_at(press, now));
            return Outcome::Done;
        };
        let gesture = gesture_of(press);
        let heard = std::time::Instant::now();
        tracing::info!(
            button.id = %button.id,
            device = press.device,
            profile = press.profile,
            %gesture,
            key = press.button,
            topic = delivered.topic,
            again = delivered.dup,
            "a press was heard"
        );
        // One at a time: a press heard twice at once (two gateways) must find the first one remembered.
        let mut hasher = std::hash::DefaultHasher::new();
        press.device.hash(&mut hasher);
        let lane = usize::try_from(hasher.finish() % LANES).unwrap_or(0);
        let _turn = self.in_hand[lane].lock().await;
        if app.listening.is_heard_again(&heard_at(press, now)) {
            outcome("duplicate");
            tracing::info!(button.id = %button.id, dedupe = press.dedupe, "a press that was only tried, again");
            return Outcome::Done;
        }
        let seen = self.recent.lock().unwrap_or_else(PoisonError::into_inner).seen(press, delivered.dup, now);
        if seen {
            outcome("duplicate");
            tracing::info!(button.id = %button.id, dedupe = press.dedupe, "the same press again");
            // What came again may be a press that was only tried: its light must not say that something was stored.
            let tried = app.listening.tries(&button.id).first().is_some_and(|h| now.duration_since(h.at) <= TEST_LASTS);
            if !tried {
                self.feedback.stored_again(&button);
            }
            return Outcome::Done;
        }
        // What waited somewhere was made before the test: it was meant.
        if !delivered.dup && app.listening.tested_until(&button.id, now).is_some() {
            outcome("tried");
            tracing::info!(button.id = %button.id, %gesture, key = press.button, "a button is being tried: nothing is recorded");
            self.remember(press, now, now);
            app.listening.tried(&button.id, heard_at(press, now));
            return Outcome::Done;
        }
        let Some(setting) = button.find_setting(gesture, press.button) else {
            outcome("nothing_set");
            tracing::info!(button.id = %button.id, %gesture, key = press.button, "this gesture sets nothing");
            return Outcome::Done;
        };
        let parsed = app.look(|m| {
            let held = m.board.find_facility(&button.facility)?;
            let rules = Rules { today: m.today(), thresholds: app.thresholds, incident: true };
            Some(Observation::parse(std::slice::from_ref(&setting.sets), &held.facility, rules))
        });
        let observations = match parsed {
            Some(Ok(observations)) => observations,
            Some(Err(refused)) => {
                outcome("refused");
                tracing::error!(button.id = %button.id, ?refused, "what this button sets no longer fits its facility");
                return Outcome::Done;
            }
            None => {
                outcome("refused");
                tracing::error!(button.id = %button.id, facility.id = %button.facility, "the button's facility is retired");
                return Outcome::Done;
            }
        };
        let own_time = self.own_time(press, now);
        // Without one, a delivery that comes again may be old: then it was made after the last contact, and that is all we know.
        let late = own_time.is_none() && delivered.dup;
        let observed_at = if late { before } else { own_time };
        let value = observations.first().map(|o| o.value.clone());
        let submission = self.take_unanswered(press, delivered.dup, now).unwrap_or_else(|| Submission {
            id: new_id(),
            channel: Channel::Button,
            actor: format!("button:{}", button.id),
            intent: Intent::Report(ReportIntent {
                facility: Some(button.facility.clone()),
                observed_at,
                observations,
                press: Some(PressFacts { button: button.id.clone(), gesture, key: press.button, dedupe: press.dedupe.clone() }),
                late,
                ..ReportIntent::default()
            }),
            text: None,
        });
        match app.recorder.submit(submission.clone()).await {
            Ok(receipt) => {
                self.remember(press, own_time.unwrap_or(now), now);
                let took = heard.elapsed();
                // The walls first: everybody looks at them, one person at this light.
                tokio::task::yield_now().await;
                app.listening.goes_on(&press.profile, &press.device);
                outcome("stored");
                metrics::histogram!("imaboard_press_seconds").record(took);
                tracing::info!(
                    button.id = %button.id,
                    entry.seq = receipt.entry.seq,
                    %gesture,
                    took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                    "press stored"
                );
                self.feedback.stored(&button, press.seq, &receipt.entry, value.as_ref().map(Value::word));
                Outcome::Done
            }
            Err(SubmitError::Busy { .. } | SubmitError::NotStored(_)) => {
                self.keep_unanswered(press, submission, now);
                outcome("not_stored");
                tracing::warn!(button.id = %button.id, "press not stored; the device will send it again");
                Outcome::NotStored
            }
            Err(error @ (SubmitError::Conflict | SubmitError::Refused(_))) => {
                outcome("refused");
                tracing::error!(button.id = %button.id, error = &error as &dyn std::error::Error, "press refused");
                Outcome::Done
            }
        }
    }

    fn device(&self, report: &DeviceReport) {
        let now = self.app.clock.now();
        if report.availability == Some(true) {
            // A device that starts may count from one again: what it presses then is meant.
            self.app.listening.goes_on(&report.profile, &report.device);
        }
        self.app.devices.heard(&report.profile, &report.device, report.battery_pct, report.availability, now);
    }
}

#[async_trait]
impl Sink for PressIntake {
    async fn deliver(&self, message: Delivered) -> Outcome {
        // At our own broker nothing is replayed: the bit only says what the device asked for, and some families set it
        // always. Our own topics are never published with it, so there it stays a reason to ignore.
        let live = message.from.is_some() && !message.topic.starts_with("imaboard/");
        let incoming = Incoming {
            topic: &message.topic,
            payload: &message.payload,
            qos: message.qos,
            retain: message.retain && !live,
            dup: message.dup,
        };
        let heard = self.app.profiles.read(&incoming);
        if let Some(report) = &heard.device {
            self.device(report);
        }
        if let Some(reason) = &heard.ignored {
            tracing::debug!(topic = message.topic, reason, "not a press");
        }
        let messages = |what: &'static str| metrics::counter!("imaboard_mqtt_messages_total", "what" => what).increment(1);
        messages(match (&heard.ignored, heard.presses.is_empty()) {
            (_, false) => "press",
            (Some(_), true) => "ignored",
            (None, true) => "device",
        });
        let mut outcome = Outcome::Done;
        for press in &heard.presses {
            // Every press of the message is tried; one that failed makes the whole message come again, and those
            // that were stored are then duplicates.
            if self.press(press, &message).await == Outcome::NotStored {
                outcome = Outcome::NotStored;
            }
        }
        outcome
    }
}

fn heard_at(press: &Press, at: Timestamp) -> Heard {
    Heard {
        profile: press.profile.clone(),
        device: press.device.clone(),
        gesture: gesture_of(press),
        key: press.button,
        dedupe: press.dedupe.clone(),
        battery_pct: press.battery_pct,
        at,
    }
}

fn gesture_of(press: &Press) -> Gesture {
    match press.gesture {
        imaboard_mqtt::Gesture::Single => Gesture::Single,
        imaboard_mqtt::Gesture::Double => Gesture::Double,
        imaboard_mqtt::Gesture::Triple => Gesture::Triple,
        imaboard_mqtt::Gesture::Quadruple => Gesture::Quadruple,
        imaboard_mqtt::Gesture::Quintuple => Gesture::Quintuple,
        imaboard_mqtt::Gesture::Long => Gesture::Long,
    }
}

/// A gesture as the wire names it.
#[must_use]
pub fn gesture_on_the_wire(gesture: Gesture) -> imaboard_mqtt::Gesture {
    match gesture {
        Gesture::Single => imaboard_mqtt::Gesture::Single,
        Gesture::Double => imaboard_mqtt::Gesture::Double,
        Gesture::Triple => imaboard_mqtt::Gesture::Triple,
        Gesture::Quadruple => imaboard_mqtt::Gesture::Quadruple,
        Gesture::Quintuple => imaboard_mqtt::Gesture::Quintuple,
        Gesture::Long => imaboard_mqtt::Gesture::Long,
    }
}

/// A press found on the log at start: duplicates are recognised across restarts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RememberedPress {
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// When it was made, as far as known.
    pub made_at: Timestamp,
    /// What the log says of it.
    pub facts: PressFacts,
}

/// How long a press is remembered (contract: 10 minutes); the last press of each button for longer.
pub const REMEMBER: SignedDuration = SignedDuration::from_mins(10);

/// Collects, while the log is folded, the presses that may come again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RememberedPresses {
    /// Those before the last of their button, about in the order of the log.
    recent: VecDeque<RememberedPress>,
    last: BTreeMap<ButtonId, RememberedPress>,
}

impl RememberedPresses {
    /// Looks at the next entry of the log.
    pub fn note(&mut self, entry: &Entry) {
        let Facts::Report(report) = &entry.facts else { return };
        let Some(facts) = report.press.clone() else { return };
        // In both directions: after a clock was set back, what lies ahead must not stay for ever either.
        let is_over = |press: &RememberedPress| entry.recorded_at.duration_since(press.recorded_at).abs() > REMEMBER;
        while self.recent.front().is_some_and(is_over) {
            self.recent.pop_front();
        }
        let button = facts.button.clone();
        let press = RememberedPress { recorded_at: entry.recorded_at, made_at: report.observed_at, facts };
        if let Some(before) = self.last.insert(button, press)
            && !is_over(&before)
        {
            self.recent.push_back(before);
        }
    }

    /// What may still come again at `now`.
    #[must_use]
    pub fn list(&self, now: Timestamp) -> Vec<RememberedPress> {
        let recent = self.recent.iter().filter(|press| now.duration_since(press.recorded_at).abs() <= REMEMBER);
        recent.chain(self.last.values()).cloned().collect()
    }
}

impl RememberedPress {
    fn on_the_wire(&self, button: &Button) -> Press {
        Press {
            profile: button.profile.clone(),
            device: button.device.clone(),
            gesture: gesture_on_the_wire(self.facts.gesture),
            button: self.facts.key,
            dedupe: self.facts.dedupe.clone(),
            seq: None,
            at: None,
            battery_pct: None,
        }
    }
}

/// Who may connect to the embedded broker and which topics are theirs.
///
/// Users are button ids with a password derived from the signing secret, and `gateway-PROFILE` for gateways that speak for a whole
/// family. Nobody publishes under `imaboard/server` or `imaboard/facility`.
pub struct DeviceRights {
    /// The app: its board knows the buttons, its keys their passwords.
    pub app: Arc<App>,
}

impl DeviceRights {
    fn button(&self, user: &str) -> Option<Button> {
        let id: ButtonId = user.parse().ok()?;
        self.app.board.read(|b| b.buttons().get(&id).cloned())
    }

    fn gateway<'a>(&self, user: &'a str) -> Option<&'a str> {
        user.strip_prefix("gateway-").filter(|profile| self.app.profiles.find(profile).is_some())
    }
}

#[async_trait]
impl Rights for DeviceRights {
    async fn authenticate(&self, user: &str, password: &[u8]) -> bool {
        if let Some(profile) = self.gateway(user) {
            return self.app.keys.is_password("mqtt-gateway", profile, password);
        }
        self.button(user).is_some_and(|button| self.app.keys.is_device_password(&button, password))
    }

    fn may_publish(&self, user: &str, topic: &str) -> bool {
        let filters = match (self.gateway(user), self.button(user)) {
            (Some(_), _) if topic.starts_with("imaboard/") => None,
            (Some(profile), _) => self.app.profiles.find(profile).map(imaboard_mqtt::Profile::gateway_filters),
            (None, Some(button)) => self.app.profiles.find(&button.profile).map(|p| p.publish_filters(&button.device)),
            (None, None) => None,
        };
        filters.is_some_and(|filters| filters.iter().any(|filter| topic_matches(filter, topic)))
    }

    fn may_subscribe(&self, user: &str, filter: &str) -> bool {
        if filter == "imaboard/server/availability" {
            return true;
        }
        match (self.gateway(user), self.button(user)) {
            (Some(profile), _) => !filter.starts_with("imaboard/") && !filter.starts_with('#') && profile != "imaboard",
            (None, Some(button)) => {
                let own = format!("imaboard/button/{}/", button.device);
                filter.strip_prefix(&own).is_some_and(|rest| !rest.is_empty())
                    || filter == button.light_topic()
                    || filter == format!("imaboard/facility/{}/state", button.facility)
            }
            (None, None) => false,
        }
    }
}

/// Whether an MQTT topic filter covers a topic.
#[must_use]
pub fn topic_matches(filter: &str, topic: &str) -> bool {
    let mut topic = topic.split('/');
    for level in filter.split('/') {
        if level == "#" {
            return true;
        }
        match topic.next() {
            Some(name) if level == "+" || level == name => {}
            _ => return false,
        }
    }
    topic.next().is_none()
}
