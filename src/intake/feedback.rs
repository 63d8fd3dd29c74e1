//! What devices hear back: `stored` after the commit, and the retained state of their facility.
//!
//! *Invariant:* `stored` is published only for entries that are durable; the retained state says how fresh it is.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use imaboard_domain::{Button, ButtonId, Entry, FacilityBoard, FacilityId, Moment, Realm, View};
use imaboard_mqtt::message::Publish;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{broadcast, mpsc, watch};

use crate::app::App;

/// Messages that wait for the door.
const QUEUE: usize = 65_536;

/// One message to devices.
#[derive(Debug)]
struct Message {
    topic: String,
    payload: Vec<u8>,
    retain: bool,
    /// The button whose press it answers.
    button: Option<ButtonId>,
}

/// Speaks to devices through whichever MQTT door is open; never waits for it, because a slow light must not hold up an acknowledgement.
#[derive(Debug)]
pub struct Feedback {
    queue: mpsc::Sender<Message>,
    /// The last `stored` of each device: a device that lost the acknowledgement hears it again.
    last: Mutex<HashMap<String, Vec<u8>>>,
}

/// What waits to be said, for the task that says it.
#[derive(Debug)]
pub struct Mouth(mpsc::Receiver<Message>);

impl Mouth {
    /// Publishes what waits, in order, until every [`Feedback`] is dropped.
    pub async fn speak(mut self, door: Arc<dyn Publish>) {
        while let Some(message) = self.0.recv().await {
            match (door.publish(&message.topic, message.payload, 1, message.retain).await, message.button) {
                (Ok(()), Some(button)) => tracing::info!(button.id = %button, topic = message.topic, "the device was told"),
                (Ok(()), None) => {}
                // The report itself is stored; only the light stays dark.
                (Err(error), button) => tracing::warn!(
                    button.id = button.map(|b| b.to_string()),
                    topic = message.topic,
                    error = &error as &dyn std::error::Error,
                    "feedback could not be published"
                ),
            }
        }
    }
}

impl Feedback {
    /// A pair: what is said, and who says it.
    #[must_use]
    pub fn new() -> (Arc<Self>, Mouth) {
        let (queue, heard) = mpsc::channel(QUEUE);
        (Arc::new(Self { queue, last: Mutex::default() }), Mouth(heard))
    }

    /// How many messages wait, and how many may.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        (self.queue.max_capacity() - self.queue.capacity(), self.queue.max_capacity())
    }

    fn publish(&self, topic: String, payload: Vec<u8>, retain: bool, button: Option<&ButtonId>) {
        let message = Message { topic, payload, retain, button: button.cloned() };
        if self.queue.try_send(message).is_err() {
            metrics::counter!("imaboard_feedback_dropped_total").increment(1);
            tracing::debug!("no MQTT door, or it is far behind: feedback dropped");
        }
    }

    /// Tells a device that its press is stored.
    pub fn stored(&self, button: &Button, seq: Option<u64>, entry: &Entry, value: Option<&str>) {
        let mut message = json!({ "entry": entry.seq, "value": value, "at": entry.recorded_at.as_millisecond() });
        if let Some(seq) = seq {
            message["seq"] = seq.into();
        }
        let payload = message.to_string().into_bytes();
        self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(button.device.clone(), payload.clone());
        self.publish(button.light_topic(), payload, false, Some(&button.id));
    }

    /// Tells a device again what it was told last, because it sent the same press again.
    pub fn stored_again(&self, button: &Button) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).get(&button.device).cloned();
        if let Some(payload) = last {
            self.publish(button.light_topic(), payload, false, Some(&button.id));
        }
    }

    /// Publishes whether the server is there (retained).
    pub fn server(&self, online: bool) {
        let word = if online { "online" } else { "offline" };
        self.publish("imaboard/server/availability".to_owned(), word.into(), true, None);
    }

    /// Whether so many messages find room behind those that wait.
    fn has_room(&self, messages: usize) -> bool {
        self.queue.capacity() >= messages
    }

    /// Publishes the state of one facility; gives the time at which it changes by itself.
    fn facility(&self, app: &App, id: &FacilityId) -> Option<Timestamp> {
        let (state, next) = app.look(|m| {
            let held = m.board.find_facility(id)?;
            Some((state(&m, held).to_string(), m.next_change_of(held)))
        })?;
        self.publish(format!("imaboard/facility/{id}/state"), state.into_bytes(), true, None);
        next
    }
}

/// The summary a device or another program finds under `imaboard/facility/{id}/state`.
fn state(m: &Moment<'_>, held: &FacilityBoard) -> serde_json::Value {
    let standings = held.real.iter().map(|(aspect, standing)| {
        let shown = m.shown(held, aspect, Realm::Real);
        json!({
            "aspect": aspect,
            // A stale value is not sent as if it held.
            "value": shown.current().map(|s| s.value.word()),
            "count": shown.current().and_then(|s| s.value.count()),
            "observed_at": standing.observed_at,
            "channel": standing.channel,
            "freshness": shown.freshness(),
        })
    });
    json!({ "facility": held.facility.id, "as_of": m.now, "standings": standings.collect::<Vec<_>>() })
}

/// States published in one breath when all are published, and the pause after it: 10,000 a second, beside which presses
/// and their lights are not held up.
const BREATH: usize = 200;
const PAUSE: Duration = Duration::from_millis(20);

/// What [`keep_states`] still has to say, and when what.
#[derive(Default)]
struct Agenda {
    /// When the state of a facility changes by itself.
    due: BTreeSet<(Timestamp, FacilityId)>,
    next: HashMap<FacilityId, Timestamp>,
    /// Facilities that are published again, a breath at a time.
    waiting: VecDeque<FacilityId>,
}

impl Agenda {
    /// Everybody who has ever said something: whoever has not, has no state.
    fn everybody(&mut self, app: &App) {
        self.waiting = app.look(|m| m.reported().map(|f| f.facility.id.clone()).collect());
    }

    fn publish(&mut self, app: &App, feedback: &Feedback, id: &FacilityId) {
        if let Some(old) = self.next.remove(id) {
            self.due.remove(&(old, id.clone()));
        }
        if let Some(next) = feedback.facility(app, id) {
            self.due.insert((next, id.clone()));
            self.next.insert(id.clone(), next);
        }
    }

    fn breathe(&mut self, app: &App, feedback: &Feedback) {
        if feedback.has_room(BREATH) {
            for id in self.waiting.drain(..BREATH.min(self.waiting.len())).collect::<Vec<_>>() {
                self.publish(app, feedback, &id);
            }
        }
    }

    /// Publishes those whose time has come, some at a time: after a roll call thousands age within minutes.
    fn catch_up(&mut self, app: &App, feedback: &Feedback) {
        let now = app.clock.now();
        let aged: Vec<FacilityId> =
            self.due.iter().take_while(|(at, _)| *at <= now).take(BREATH).map(|(_, id)| id.clone()).collect();
        for id in aged {
            self.publish(app, feedback, &id);
        }
    }

    /// How long until something has aged.
    fn nap(&self, now: Timestamp) -> Duration {
        let until = self.due.first().map(|(at, _)| at.duration_since(now));
        // Looked at again now and then, should somebody set the clock.
        until.map_or(LONGEST_NAP, |until| (Duration::try_from(until).unwrap_or_default() + PAUSE).min(LONGEST_NAP))
    }
}

/// The clock is looked at again at least this often.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// Keeps the retained states true: all at start, then whatever changes or ages; all again when the mode changes.
pub async fn keep_states(app: Arc<App>, feedback: Arc<Feedback>, mut connected: watch::Receiver<bool>) {
    let mut announcements = app.announcements.subscribe();
    let mut agenda = Agenda::default();
    feedback.server(true);
    agenda.everybody(&app);
    loop {
        tokio::select! {
            () = app.stop.cancelled() => break,
            () = tokio::time::sleep(PAUSE), if !agenda.waiting.is_empty() => agenda.breathe(&app, &feedback),
            () = tokio::time::sleep(agenda.nap(app.clock.now())) => agenda.catch_up(&app, &feedback),
            // A broker that comes back may have lost what was retained.
            changed = connected.changed() => match changed {
                Ok(()) if *connected.borrow_and_update() => {
                    feedback.server(true);
                    agenda.everybody(&app);
                }
                Ok(()) => {}
                Err(_) => break,
            },
            heard = announcements.recv() => match heard {
                Ok(news) => {
                    // After the walls, which people look at; what is retained is asked for by who comes later.
                    tokio::task::yield_now().await;
                    for view in &news.change.views {
                        match view {
                            View::Facility(id) => agenda.publish(&app, &feedback, id),
                            View::Mode => agenda.everybody(&app),
                            _ => {}
                        }
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => agenda.everybody(&app),
                Err(broadcast::error::RecvError::Closed) => break,
            },
        }
    }
}
