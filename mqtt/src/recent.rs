//! The short memory that tells a second delivery from a second press.
//!
//! Radios repeat, QoS 1 delivers at least once, and firmware resends until it is answered; a press must
//! still count once. Invariant: a press enters this memory only through [`Recent::remember`], which the
//! caller invokes after its commit, so a press whose commit failed is welcome again.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::press::{Gesture, Press};
use crate::profile::Profiles;

/// The same counter or time stamp within this span is the same press (contract).
const COUNTER_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// A DUP delivery with the counter or time stamp of the device's last press is that press again within this span: as long as a
/// broker may hold a press whose acknowledgement was lost while we were away.
const HELD_WINDOW: SignedDuration = SignedDuration::from_hours(24);
/// A DUP delivery of a device without counter is its last press again within this span (contract).
const REDELIVERY_WINDOW: SignedDuration = SignedDuration::from_secs(60);
/// Presses remembered at once; far above what a city presses in ten minutes, a few MB at most.
const CAPACITY: usize = 20_000;

type Source = (String, String);
type Key = (Source, Option<u16>, Gesture, String);

/// Remembers recent presses of all devices.
#[derive(Debug)]
pub struct Recent {
    /// Seconds within which an equal code is radio echo, per profile that declares it.
    echo: HashMap<String, SignedDuration>,
    /// When each (device, button, gesture, dedupe) was last counted or, for echo, last heard.
    marks: HashMap<Key, Timestamp>,
    /// Insertion order of `marks`, for eviction.
    order: VecDeque<Key>,
    /// Last press of each device, for redelivery and for "consecutive" in radio echo.
    last: HashMap<Source, (Option<u16>, Gesture, Option<String>, Timestamp)>,
    last_order: VecDeque<Source>,
    capacity: usize,
}

impl Recent {
    /// An empty memory that knows which profiles echo.
    #[must_use]
    pub fn new(profiles: &Profiles) -> Self {
        Self::with_capacity(profiles, CAPACITY)
    }

    fn with_capacity(profiles: &Profiles, capacity: usize) -> Self {
        Self {
            echo: profiles
                .list()
                .iter()
                .filter_map(|profile| Some((profile.name().to_owned(), profile.echo_window()?)))
                .collect(),
            marks: HashMap::new(),
            order: VecDeque::new(),
            last: HashMap::new(),
            last_order: VecDeque::new(),
            capacity: capacity.max(1),
        }
    }

    /// Whether this is a press already counted. `dup` is the packet's redelivery mark.
    ///
    /// Takes `&mut self` because hearing an echo prolongs it: a remote held down repeats its code for as
    /// long as the finger stays, and that is one press.
    pub fn seen(&mut self, press: &Press, dup: bool, now: Timestamp) -> bool {
        let source = (press.profile.clone(), press.device.clone());
        let Some(dedupe) = &press.dedupe else {
            return dup
                && self.last.get(&source).is_some_and(|(button, gesture, _, at)| {
                    *button == press.button && *gesture == press.gesture && within(*at, now, REDELIVERY_WINDOW)
                });
        };
        let key = (source, press.button, press.gesture, dedupe.clone());
        if !dedupe.starts_with("e:") {
            let held = dup
                && self.last.get(&key.0).is_some_and(|(button, gesture, code, at)| {
                    *button == press.button
                        && *gesture == press.gesture
                        && code.as_ref() == Some(dedupe)
                        && within(*at, now, HELD_WINDOW)
                });
            return held || self.marks.get(&key).is_some_and(|at| within(*at, now, COUNTER_WINDOW));
        }
        let redelivered = dup && self.marks.get(&key).is_some_and(|at| within(*at, now, REDELIVERY_WINDOW));
        let consecutive = self.last.get(&key.0).is_some_and(|(button, gesture, code, _)| {
            *button == press.button && *gesture == press.gesture && code.as_ref() == Some(dedupe)
        });
        let Some(window) = self.echo.get(&press.profile).copied() else {
            return redelivered;
        };
        match self.marks.get_mut(&key) {
            Some(at) if consecutive && within(*at, now, window) => {
                *at = now.max(*at);
                true
            }
            Some(_) | None => redelivered,
        }
    }

    /// Notes a press as counted. Call it after the press is committed, never before.
    pub fn remember(&mut self, press: &Press, now: Timestamp) {
        let source = (press.profile.clone(), press.device.clone());
        let last = (press.button, press.gesture, press.dedupe.clone(), now);
        if self.last.insert(source.clone(), last).is_none() {
            self.last_order.push_back(source.clone());
            while self.last_order.len() > self.capacity {
                if let Some(oldest) = self.last_order.pop_front() {
                    self.last.remove(&oldest);
                }
            }
        }
        let Some(dedupe) = &press.dedupe else { return };
        let key = (source, press.button, press.gesture, dedupe.clone());
        if self.marks.insert(key.clone(), now).is_none() {
            self.order.push_back(key);
        }
        // From the front everything too old for any window leaves; capacity bounds the rest.
        while let Some(oldest) = self.order.front() {
            let stale = self.marks.get(oldest).is_none_or(|at| !within(*at, now, COUNTER_WINDOW));
            if !stale && self.order.len() <= self.capacity {
                break;
            }
            if let Some(oldest) = self.order.pop_front() {
                self.marks.remove(&oldest);
            }
        }
    }

    /// Refills the memory after a restart with presses from the log, each with the time it was counted.
    pub fn seed(&mut self, presses: impl IntoIterator<Item = (Press, Timestamp)>) {
        let mut presses: Vec<_> = presses.into_iter().collect();
        presses.sort_by_key(|(_, at)| *at);
        for (press, at) in presses {
            self.remember(&press, at);
        }
    }
}

/// A clock that was set back must not make everything new, so distance counts in both directions.
fn within(earlier: Timestamp, now: Timestamp, window: SignedDuration) -> bool {
    now.duration_since(earlier).abs() <= window
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(dedupe: Option<&str>) -> Press {
        Press {
            profile: "openmqttgateway".into(),
            device: "d".into(),
            gesture: Gesture::Single,
            button: None,
            dedupe: dedupe.map(Into::into),
            seq: None,
            at: None,
            battery_pct: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_763_872_000 + second).expect("in range")
    }

    fn memory() -> Recent {
        Recent::new(&Profiles::builtin())
    }

    #[test]
    fn a_counter_is_a_duplicate_for_ten_minutes() {
        let mut recent = memory();
        assert!(!recent.seen(&press(Some("n:1")), false, at(0)));
        recent.remember(&press(Some("n:1")), at(0));
        assert!(recent.seen(&press(Some("n:1")), false, at(600)));
        assert!(!recent.seen(&press(Some("n:1")), false, at(601)));
        assert!(!recent.seen(&press(Some("n:2")), false, at(1)));
    }

    #[test]
    fn a_press_that_was_never_committed_is_welcome_again() {
        let mut recent = memory();
        assert!(!recent.seen(&press(Some("n:1")), false, at(0)));
        assert!(!recent.seen(&press(Some("n:1")), true, at(1)));
    }

    #[test]
    fn a_press_that_a_broker_held_through_a_long_outage_still_counts_once() {
        let mut recent = memory();
        recent.seed([(press(Some("n:1")), at(0))]);
        assert!(recent.seen(&press(Some("n:1")), true, at(7200)), "the acknowledgement was lost, the broker sends again");
        assert!(!recent.seen(&press(Some("n:1")), false, at(7200)), "a device that starts to count anew");
        recent.remember(&press(Some("n:2")), at(7201));
        assert!(!recent.seen(&press(Some("n:1")), true, at(7202)), "only the last press can have been left unacknowledged");
    }

    #[test]
    fn another_gesture_or_button_with_the_same_counter_is_another_press() {
        let mut recent = memory();
        recent.remember(&press(Some("n:1")), at(0));
        let long = Press { gesture: Gesture::Long, ..press(Some("n:1")) };
        let second_key = Press { button: Some(2), ..press(Some("n:1")) };
        assert!(!recent.seen(&long, false, at(1)));
        assert!(!recent.seen(&second_key, false, at(1)));
    }

    #[test]
    fn without_a_counter_only_a_redelivery_of_the_last_press_is_a_duplicate() {
        let mut recent = memory();
        recent.remember(&press(None), at(0));
        assert!(!recent.seen(&press(None), false, at(1)));
        assert!(recent.seen(&press(None), true, at(60)));
        assert!(!recent.seen(&press(None), true, at(61)));
        recent.remember(&Press { gesture: Gesture::Double, ..press(None) }, at(2));
        assert!(!recent.seen(&press(None), true, at(3)));
    }

    #[test]
    fn an_echo_counts_only_in_its_window_and_only_while_consecutive() {
        let mut recent = memory();
        recent.remember(&press(Some("e:1")), at(0));
        for second in [2, 4, 6] {
            assert!(recent.seen(&press(Some("e:1")), false, at(second)), "held at {second}");
        }
        assert!(!recent.seen(&press(Some("e:1")), false, at(60)));
        recent.remember(&press(Some("e:1")), at(60));
        recent.remember(&press(Some("e:2")), at(61));
        assert!(!recent.seen(&press(Some("e:1")), false, at(62)), "another code came between");
        let undeclared = Press { profile: "esphome".into(), ..press(Some("e:1")) };
        recent.remember(&undeclared, at(70));
        assert!(!recent.seen(&undeclared, false, at(70)), "a profile without echo never echoes");
    }

    #[test]
    fn memory_is_bounded_and_survives_a_restart() {
        let mut recent = Recent::with_capacity(&Profiles::builtin(), 3);
        for n in 0..100 {
            let press = Press { device: format!("d{n}"), ..press(Some(&format!("n:{n}"))) };
            recent.remember(&press, at(n));
        }
        assert!(recent.marks.len() <= 3 && recent.order.len() <= 3 && recent.last.len() <= 3);
        let mut after = memory();
        after.seed([(press(Some("n:9")), at(5)), (press(Some("n:8")), at(1))]);
        assert!(after.seen(&press(Some("n:8")), false, at(10)));
        assert!(after.seen(&press(Some("n:9")), false, at(10)));
    }
}
