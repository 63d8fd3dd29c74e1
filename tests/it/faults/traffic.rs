//! Senders that never give up, the book of what they were told, and the audit that compares it with the log.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::Value;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::wire::{Login, Wire};
use super::{form_with, new_id, report};
use crate::support::{City, Web};

/// One thing somebody sent, as it can be recognised on the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// By the id its sender chose.
    Json(String),
    /// By the remark typed.
    Form(String),
    /// By button and counter.
    Press(String, u64),
}

impl Mark {
    fn of(entry: &Value) -> Option<Self> {
        if entry["kind"] != "report" {
            return None;
        }
        let press = &entry["facts"]["press"];
        if let (Some(button), Some(dedupe)) = (press["button"].as_str(), press["dedupe"].as_str()) {
            return Some(Self::Press(button.to_owned(), dedupe.strip_prefix("n:")?.parse().ok()?));
        }
        match entry["text"].as_str() {
            Some(text) => Some(Self::Form(text.to_owned())),
            None => Some(Self::Json(entry["id"].as_str()?.to_owned())),
        }
    }
}

/// Instants at which a kill hurts most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instant {
    /// A press is on the wire, unanswered.
    PressSent,
    /// A PUBACK has just arrived.
    PressAcknowledged,
    /// A form or JSON report is about to be sent.
    Posting,
    /// A receipt has just arrived.
    Posted,
}

/// What all senders share.
pub(super) struct Traffic {
    pub(super) instants: broadcast::Sender<Instant>,
    book: Mutex<Book>,
    /// When cancelled, senders finish what they have in hand and end.
    enough: CancellationToken,
}

#[derive(Default)]
struct Book {
    sent: BTreeSet<Mark>,
    acknowledged: BTreeSet<Mark>,
}

/// How long a sender waits before it tries again; a person or a device would take longer.
const AGAIN: Duration = Duration::from_millis(15);

impl Traffic {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { instants: broadcast::channel(65_536).0, book: Mutex::default(), enough: CancellationToken::new() })
    }

    pub(super) fn enough(&self) {
        self.enough.cancel();
    }

    fn sent(&self, mark: Mark) {
        assert!(self.book.lock().unwrap().sent.insert(mark), "sent twice by the test itself");
    }

    pub(super) fn acknowledged(&self, mark: Mark) {
        self.book.lock().unwrap().acknowledged.insert(mark);
    }

    pub(super) fn told(&self) -> BTreeSet<Mark> {
        self.book.lock().unwrap().acknowledged.clone()
    }

    pub(super) fn all_sent(&self) -> BTreeSet<Mark> {
        self.book.lock().unwrap().sent.clone()
    }

    fn at(&self, instant: Instant) {
        // Nobody aiming at it is fine.
        drop(self.instants.send(instant));
    }

    /// A program that reports with ids of its own, and asks again with the same id until it is told.
    pub(super) fn json(self: &Arc<Self>, senders: &mut JoinSet<()>, web: Web, path: String, mut rng: StdRng) {
        let traffic = Arc::clone(self);
        senders.spawn(async move {
            while !traffic.enough.is_cancelled() {
                let id = new_id();
                traffic.sent(Mark::Json(id.clone()));
                let body = report(&id);
                let mut told: Option<Vec<u8>> = None;
                loop {
                    traffic.at(Instant::Posting);
                    let request = web.request(reqwest::Method::POST, &format!("{path}/reports")).json(&body);
                    let Ok(response) = request.send().await else {
                        tokio::time::sleep(AGAIN).await;
                        continue;
                    };
                    let status = response.status().as_u16();
                    if status != 201 {
                        assert_eq!(status, 503, "{:?}", response.text().await);
                        tokio::time::sleep(AGAIN).await;
                        continue;
                    }
                    // The status alone is a promise already.
                    traffic.at(Instant::Posted);
                    traffic.acknowledged(Mark::Json(id.clone()));
                    let Ok(receipt) = response.bytes().await else { continue };
                    if let Some(before) = &told {
                        assert_eq!(before.as_slice(), &receipt[..], "the same report, another receipt");
                        break;
                    }
                    told = Some(receipt.to_vec());
                    // Some senders lose their memory and ask once more.
                    if !rng.random_bool(0.3) {
                        break;
                    }
                }
            }
        });
    }

    /// A person whose page did not answer and who taps again.
    pub(super) async fn form(
        self: &Arc<Self>,
        senders: &mut JoinSet<()>,
        web: Web,
        path: String,
        name: &'static str,
        mut rng: StdRng,
    ) {
        let traffic = Arc::clone(self);
        let page = form_with(&web, &path, "").await;
        senders.spawn(async move {
            let mut number = 0;
            while !traffic.enough.is_cancelled() {
                number += 1;
                let remark = format!("{name}のきろく その{number}");
                let nonce = new_id();
                let fields: Vec<(String, String)> = page
                    .iter()
                    .map(|(n, v)| match n.as_str() {
                        "nonce" => (n.clone(), nonce.clone()),
                        "remark" => (n.clone(), remark.clone()),
                        _ => (n.clone(), v.clone()),
                    })
                    .collect();
                traffic.sent(Mark::Form(remark.clone()));
                let mut taps = if rng.random_bool(0.3) { 2 } else { 1 };
                while taps > 0 {
                    traffic.at(Instant::Posting);
                    let request = web.request(reqwest::Method::POST, &format!("{path}/reports")).form(&fields);
                    match request.send().await {
                        Ok(response) if response.status() == 303 => {
                            traffic.at(Instant::Posted);
                            traffic.acknowledged(Mark::Form(remark.clone()));
                            taps -= 1;
                        }
                        Ok(response) => {
                            assert_eq!(response.status().as_u16(), 503, "{:?}", response.text().await);
                            tokio::time::sleep(AGAIN).await;
                        }
                        Err(_) => tokio::time::sleep(AGAIN).await,
                    }
                }
            }
        });
    }

    /// A device that keeps up to three presses on the wire and sends again, with the same counter, what was not acknowledged.
    /// `pause` lies between two presses: a broker that acknowledges by itself would take them faster than any disk.
    pub(super) fn button(
        self: &Arc<Self>,
        senders: &mut JoinSet<()>,
        login: Login,
        button: String,
        device: String,
        pause: Duration,
        mut rng: StdRng,
    ) {
        let traffic = Arc::clone(self);
        senders.spawn(async move {
            let topic = format!("imaboard/button/{device}/press");
            let mut seq = 0;
            let mut pending: VecDeque<u64> = VecDeque::new();
            loop {
                let Some(connected) = Wire::connect(&login).await else {
                    tokio::time::sleep(AGAIN).await;
                    continue;
                };
                let Ok(mut wire) = connected else { panic!("{button} was refused") };
                // Firmware differs: most set the mark of redelivery, some do not.
                let mark = rng.random_bool(0.7);
                let mut alive = true;
                for &again in &pending {
                    alive &= wire.publish(&topic, press(again), number(again), mark).await.is_some();
                    traffic.at(Instant::PressSent);
                }
                while alive {
                    let window = rng.random_range(1..=3);
                    while alive && pending.len() < window && !traffic.enough.is_cancelled() {
                        tokio::time::sleep(pause).await;
                        seq += 1;
                        traffic.sent(Mark::Press(button.clone(), seq));
                        pending.push_back(seq);
                        alive = wire.publish(&topic, press(seq), number(seq), false).await.is_some();
                        traffic.at(Instant::PressSent);
                    }
                    if pending.is_empty() {
                        return;
                    }
                    match wire.acknowledged().await {
                        Some(id) => {
                            traffic.at(Instant::PressAcknowledged);
                            let at = pending.iter().position(|s| number(*s) == id).expect("a PUBACK for something pending");
                            traffic.acknowledged(Mark::Press(button.clone(), pending.remove(at).unwrap()));
                        }
                        None => alive = false,
                    }
                    // A radio that drops out now and then.
                    if rng.random_bool(0.01) {
                        alive = false;
                    }
                }
            }
        });
    }
}

fn number(seq: u64) -> u16 {
    u16::try_from(seq % 60_000).unwrap() + 1
}

fn press(seq: u64) -> String {
    crate::support::device::press("single", seq)
}

/// What stands on the log, read on as it grows.
pub(super) struct Audit {
    next: u64,
    found: BTreeMap<Mark, u64>,
}

impl Audit {
    /// Looks at what comes after position `from`.
    pub(super) fn after(from: u64) -> Self {
        Self { next: from + 1, found: BTreeMap::new() }
    }

    /// Reads on; fails on a gap, on a double, and on anything acknowledged that is missing.
    pub(super) async fn go_on(&mut self, city: &City, traffic: &Traffic) {
        // Taken first: what is acknowledged while we read may not be in what we read.
        let told = traffic.told();
        self.read(city).await;
        let lost: Vec<&Mark> = told.iter().filter(|mark| !self.found.contains_key(mark)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    }

    /// Reads on; fails on a gap and on a double.
    pub(super) async fn read(&mut self, city: &City) {
        for entry in city.log(self.next).await {
            assert_eq!(entry["seq"].as_u64(), Some(self.next), "positions have a gap");
            self.next += 1;
            if let Some(mark) = Mark::of(&entry)
                && let Some(first) = self.found.insert(mark.clone(), self.next - 1)
            {
                panic!("{mark:?} stands twice: at {first} and {}", self.next - 1);
            }
        }
    }

    /// Everything that was ever sent stands there once, and nothing else.
    pub(super) fn is_complete(&self, traffic: &Traffic) {
        let found: BTreeSet<Mark> = self.found.keys().cloned().collect();
        let sent = traffic.all_sent();
        let missing: Vec<_> = sent.difference(&found).collect();
        let strange: Vec<_> = found.difference(&sent).collect();
        assert!(missing.is_empty() && strange.is_empty(), "missing: {missing:?}\nnever sent: {strange:?}");
    }

    pub(super) fn holds(&self, mark: &Mark) -> bool {
        self.found.contains_key(mark)
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }
}
