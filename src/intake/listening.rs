//! Who is pressing right now: devices that nobody enrolled, and buttons that somebody is trying out.
//!
//! The desk asks "press the button now" and finds the device here. *Invariant:* bounded, in memory only; a test ends by itself, and
//! when the program ends: forgetting it can only make a press count that was meant as a try, never lose one that was meant.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use imaboard_domain::{ButtonId, Gesture};
use jiff::{SignedDuration, Timestamp};

/// How long a test of a button lasts.
pub const TEST_LASTS: SignedDuration = SignedDuration::from_mins(10);
/// Unknown devices kept in mind; a stranger's flood of names pushes out only other strangers.
const MOST_STRANGERS: usize = 60;
/// How long an unknown device is offered after its press: long enough to walk from the door to the desk.
pub const STRANGER_LASTS: SignedDuration = SignedDuration::from_mins(15);
/// How long a press that nobody answered is known again: a device without an answer sends it until one comes.
const UNANSWERED_LASTS: SignedDuration = SignedDuration::from_hours(24);
/// Presses without an answer kept in mind.
const MOST_UNANSWERED: usize = 500;
/// Presses of tests kept in mind.
const MOST_TRIED: usize = 200;

/// One press as it was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The device family.
    pub profile: String,
    /// The device's own name on the wire.
    pub device: String,
    /// How it was pressed.
    pub gesture: Gesture,
    /// Which key of it.
    pub key: Option<u16>,
    /// What makes two deliveries the same press.
    pub dedupe: Option<String>,
    /// Battery in percent, if it says.
    pub battery_pct: Option<u8>,
    /// When.
    pub at: Timestamp,
}

#[derive(Debug, Default)]
struct Ears {
    /// The newest press of each unknown device, the newest last.
    strangers: VecDeque<Heard>,
    /// Until when each button is tried.
    tests: BTreeMap<ButtonId, Timestamp>,
    tried: VecDeque<(ButtonId, Heard)>,
    /// Presses that recorded nothing by intention and got no lamp: a device may send them again.
    unanswered: VecDeque<Heard>,
}

impl Ears {
    fn unanswered(&mut self, heard: Heard) {
        // The code of a radio is the same for every press: it tells none from the other.
        if heard.dedupe.as_ref().is_some_and(|code| !code.starts_with("e:")) {
            self.unanswered.push_back(heard);
            if self.unanswered.len() > MOST_UNANSWERED {
                self.unanswered.pop_front();
            }
        }
    }
}

/// What was heard. Locked for moments, never across an await.
#[derive(Debug, Default)]
pub struct Listening(Mutex<Ears>);

impl Listening {
    fn ears(&self) -> MutexGuard<'_, Ears> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A device nobody enrolled was pressed.
    pub fn stranger(&self, heard: Heard) {
        let mut ears = self.ears();
        ears.strangers.retain(|old| (&old.profile, &old.device) != (&heard.profile, &heard.device));
        ears.strangers.push_back(heard);
        if ears.strangers.len() > MOST_STRANGERS {
            ears.strangers.pop_front();
        }
    }

    /// The unknown devices that were pressed lately, the newest press first.
    #[must_use]
    pub fn strangers(&self, now: Timestamp) -> Vec<Heard> {
        let mut ears = self.ears();
        ears.strangers.retain(|heard| now.duration_since(heard.at) < STRANGER_LASTS);
        ears.strangers.iter().rev().cloned().collect()
    }

    /// The device has an owner now. The press by which it was found was no report, also when it comes again.
    pub fn known(&self, profile: &str, device: &str) {
        let mut ears = self.ears();
        if let Some(at) = ears.strangers.iter().position(|old| old.profile == profile && old.device == device)
            && let Some(found) = ears.strangers.remove(at)
        {
            ears.unanswered(found);
        }
    }

    /// Whether this is a press that was tried, or by which the device was found, once more. The device may send it for as long as
    /// it hears no answer, which it never does.
    #[must_use]
    pub fn is_heard_again(&self, heard: &Heard) -> bool {
        let same = |old: &Heard| {
            (&old.profile, &old.device, old.gesture, old.key, &old.dedupe)
                == (&heard.profile, &heard.device, heard.gesture, heard.key, &heard.dedupe)
        };
        let lasts = |old: &Heard| heard.at.duration_since(old.at).abs() <= UNANSWERED_LASTS;
        self.ears().unanswered.iter().any(|old| same(old) && lasts(old))
    }

    /// The device goes on: it made another press that was stored, or it started, and with it perhaps its counter.
    pub fn goes_on(&self, profile: &str, device: &str) {
        self.ears().unanswered.retain(|old| old.profile != profile || old.device != device);
    }

    /// Begins a test of a button; gives when it ends by itself.
    pub fn begin_test(&self, button: &ButtonId, now: Timestamp) -> Timestamp {
        let until = now.checked_add(TEST_LASTS).unwrap_or(now);
        let mut ears = self.ears();
        ears.tests.retain(|_, end| *end > now);
        ears.tests.insert(button.clone(), until);
        ears.tried.retain(|(tried, _)| tried != button);
        until
    }

    /// Ends a test.
    pub fn end_test(&self, button: &ButtonId) {
        self.ears().tests.remove(button);
    }

    /// Until when a button is tried, if it is.
    #[must_use]
    pub fn tested_until(&self, button: &ButtonId, now: Timestamp) -> Option<Timestamp> {
        self.ears().tests.get(button).copied().filter(|until| *until > now)
    }

    /// Notes a press of a button that is tried.
    pub fn tried(&self, button: &ButtonId, heard: Heard) {
        let mut ears = self.ears();
        ears.unanswered(heard.clone());
        ears.tried.push_back((button.clone(), heard));
        if ears.tried.len() > MOST_TRIED {
            ears.tried.pop_front();
        }
    }

    /// The presses of a button's last test, the newest first.
    #[must_use]
    pub fn tries(&self, button: &ButtonId) -> Vec<Heard> {
        self.ears().tried.iter().rev().filter(|(tried, _)| tried == button).map(|(_, heard)| heard.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn heard(device: &str, at: &str) -> Heard {
        Heard {
            profile: "plain".into(),
            device: device.into(),
            gesture: Gesture::Single,
            key: None,
            dedupe: None,
            battery_pct: None,
            at: at.parse().unwrap(),
        }
    }

    #[test]
    fn a_flood_of_names_stays_bounded_and_one_device_stands_once_with_its_newest_press() {
        let listening = Listening::default();
        for n in 0..500 {
            listening.stranger(heard(&format!("d{n}"), "2026-11-24T09:00:00Z"));
        }
        listening.stranger(heard("d499", "2026-11-24T09:01:00Z"));
        let now: Timestamp = "2026-11-24T09:02:00Z".parse().unwrap();
        let found = listening.strangers(now);
        assert_eq!(found.len(), MOST_STRANGERS);
        assert_eq!(found[0], heard("d499", "2026-11-24T09:01:00Z"));
        assert_eq!(found.iter().filter(|h| h.device == "d499").count(), 1);
        listening.known("plain", "d499");
        assert!(listening.strangers(now).iter().all(|h| h.device != "d499"));
    }

    #[test]
    fn a_test_ends_by_itself_after_ten_minutes() {
        let (listening, button) = (Listening::default(), "f001-b1".parse().unwrap());
        let start: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
        let until = listening.begin_test(&button, start);
        assert_eq!(until.duration_since(start), SignedDuration::from_mins(10));
        assert!(listening.tested_until(&button, until - SignedDuration::from_secs(1)).is_some());
        assert_eq!(listening.tested_until(&button, until), None);
    }

    #[test]
    fn an_unknown_device_is_forgotten_after_a_quarter_of_an_hour() {
        let listening = Listening::default();
        listening.stranger(heard("old", "2026-11-24T09:00:00Z"));
        listening.stranger(heard("new", "2026-11-24T09:05:00Z"));
        let names = |at: &str| -> Vec<String> {
            listening.strangers(at.parse().unwrap()).into_iter().map(|heard| heard.device).collect()
        };
        assert_eq!(names("2026-11-24T09:14:59Z"), ["new", "old"]);
        assert_eq!(names("2026-11-24T09:15:00Z"), ["new"]);
        assert!(names("2026-11-24T09:20:00Z").is_empty());
    }

    #[test]
    fn a_press_without_an_answer_is_known_again_until_the_device_goes_on() {
        let (listening, button) = (Listening::default(), "f001-b1".parse().unwrap());
        let counted = |count: &str, at: &str| Heard { dedupe: Some(count.into()), ..heard("d", at) };
        listening.tried(&button, counted("n:1", "2026-11-24T09:00:00Z"));
        assert!(listening.is_heard_again(&counted("n:1", "2026-11-24T09:30:00Z")), "half an hour later");
        assert!(!listening.is_heard_again(&counted("n:2", "2026-11-24T09:30:00Z")), "the next press");
        let long = Heard { gesture: Gesture::Long, ..counted("n:1", "2026-11-24T09:30:00Z") };
        assert!(!listening.is_heard_again(&long), "another gesture");
        assert!(!listening.is_heard_again(&counted("n:1", "2026-11-25T09:00:01Z")), "a day later");
        listening.goes_on("plain", "d");
        assert!(!listening.is_heard_again(&counted("n:1", "2026-11-24T09:30:00Z")), "its counter began anew");
        listening.tried(&button, counted("e:0x7", "2026-11-24T09:00:00Z"));
        assert!(!listening.is_heard_again(&counted("e:0x7", "2026-11-24T09:01:00Z")), "a radio's code stands for every press");
        listening.stranger(counted("n:5", "2026-11-24T09:00:00Z"));
        listening.known("plain", "d");
        assert!(listening.is_heard_again(&counted("n:5", "2026-11-24T09:12:00Z")), "by this press it was found");
    }
}
