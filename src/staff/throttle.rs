//! How often a password may be tried, so that guessing takes for ever and locking somebody out is impossible.
//!
//! Failures are counted per name for all strangers together, and for each known browser on its own (device cookies, as OWASP
//! describes them): an attacker makes strangers wait and nobody else. Hashing passwords is the only thing here that costs time;
//! strangers share one place for it and a short queue, known browsers have a place of their own. *Invariant:* memory is bounded,
//! whatever names and addresses are tried.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Failures before anybody waits: a mistyped password, caps lock, last month's password.
const FREE_TRIES: u32 = 5;
/// The longest wait.
const LONGEST_WAIT_S: u64 = 3_600;
/// Names are counted in so many buckets; two names in one bucket merely wait together.
const BUCKETS: u64 = 4_096;
/// Known browsers with failures kept in mind; beyond it the oldest failure is forgiven.
const MOST_DEVICES: usize = 4_096;
/// Strangers waiting for their password to be hashed.
const MOST_WAITING: usize = 8;
/// The longest a known browser waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether somebody may try now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Yes.
    Now,
    /// In so many seconds.
    Wait(u64),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Failures {
    fn wait_s(&self, now: Timestamp) -> u64 {
        let beyond = self.count.saturating_sub(FREE_TRIES);
        if beyond == 0 {
            return 0;
        }
        let wait = 1u64.checked_shl(beyond - 1).unwrap_or(LONGEST_WAIT_S).min(LONGEST_WAIT_S);
        // A clock that was set back must not lengthen the wait.
        let passed = u64::try_from(now.duration_since(self.last).max(SignedDuration::ZERO).as_secs()).unwrap_or(0);
        wait.saturating_sub(passed)
    }
}

/// Counts failures and hands out turns.
#[derive(Debug)]
pub struct Throttle {
    strangers: Mutex<HashMap<u64, Failures>>,
    devices: Mutex<HashMap<String, Failures>>,
    strangers_work: Semaphore,
    strangers_wait: Semaphore,
    known_work: Semaphore,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            strangers: Mutex::default(),
            devices: Mutex::default(),
            strangers_work: Semaphore::new(1),
            strangers_wait: Semaphore::new(MOST_WAITING),
            known_work: Semaphore::new(1),
        }
    }
}

/// A place for hashing one password.
#[derive(Debug)]
pub struct Work<'a> {
    _place: SemaphorePermit<'a>,
    _waiting: Option<SemaphorePermit<'a>>,
}

impl Throttle {
    /// Whether a password for this name may be tried now, by a known browser or by a stranger.
    pub fn ask(&self, name: &str, device: Option<&str>, now: Timestamp) -> Turn {
        let wait = match device {
            Some(device) => lock(&self.devices).get(device).map_or(0, |failures| failures.wait_s(now)),
            None => lock(&self.strangers).get(&bucket(name)).map_or(0, |failures| failures.wait_s(now)),
        };
        if wait == 0 { Turn::Now } else { Turn::Wait(wait) }
    }

    /// Counts a failure.
    pub fn failed(&self, name: &str, device: Option<&str>, now: Timestamp) {
        let again = |failures: &mut Failures| {
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
        };
        let first = Failures { count: 1, last: now };
        match device {
            Some(device) => {
                let mut devices = lock(&self.devices);
                if devices.len() >= MOST_DEVICES
                    && !devices.contains_key(device)
                    && let Some(oldest) = devices.iter().min_by_key(|(_, f)| f.last).map(|(name, _)| name.clone())
                {
                    devices.remove(&oldest);
                }
                devices.entry(device.to_owned()).and_modify(again).or_insert(first);
            }
            None => {
                lock(&self.strangers).entry(bucket(name)).and_modify(again).or_insert(first);
            }
        }
    }

    /// Forgives: who comes in was right.
    pub fn succeeded(&self, name: &str, device: Option<&str>) {
        match device {
            Some(device) => drop(lock(&self.devices).remove(device)),
            None => drop(lock(&self.strangers).remove(&bucket(name))),
        }
    }

    /// A place for hashing; `None` if too many strangers wait for one already.
    pub async fn work(&self, known: bool) -> Option<Work<'_>> {
        if known {
            let place = tokio::time::timeout(PATIENCE, self.known_work.acquire()).await.ok()?.ok()?;
            return Some(Work { _place: place, _waiting: None });
        }
        let waiting = self.strangers_wait.try_acquire().ok()?;
        let place = self.strangers_work.acquire().await.ok()?;
        Some(Work { _place: place, _waiting: Some(waiting) })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bucket(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.to_lowercase().hash(&mut hasher);
    hasher.finish() % BUCKETS
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn strangers_wait_longer_and_longer_and_a_known_browser_does_not() {
        let (throttle, mut now) = (Throttle::default(), Timestamp::UNIX_EPOCH);
        for _ in 0..FREE_TRIES {
            assert_eq!(throttle.ask("a", None, now), Turn::Now);
            throttle.failed("a", None, now);
        }
        assert_eq!(throttle.ask("a", None, now), Turn::Now);
        let mut waits = Vec::new();
        for _ in 0..20 {
            throttle.failed("a", None, now);
            let Turn::Wait(seconds) = throttle.ask("a", None, now) else { return assert!(!waits.is_empty()) };
            waits.push(seconds);
            now = now.checked_add(SignedDuration::from_secs(i64::try_from(seconds).unwrap())).unwrap();
            assert_eq!(throttle.ask("a", None, now), Turn::Now);
        }
        assert_eq!(waits[..5], [1, 2, 4, 8, 16]);
        assert_eq!(*waits.last().unwrap(), LONGEST_WAIT_S);
        assert_eq!(throttle.ask("a", Some("browser"), now), Turn::Now);
        assert_eq!(throttle.ask("b", None, now), Turn::Now);
    }

    #[test]
    fn a_stolen_browser_waits_as_well_and_success_forgives() {
        let (throttle, now) = (Throttle::default(), Timestamp::UNIX_EPOCH);
        (0..=FREE_TRIES).for_each(|_| throttle.failed("a", Some("browser"), now));
        assert_eq!(throttle.ask("a", Some("browser"), now), Turn::Wait(1));
        assert_eq!(throttle.ask("a", Some("another"), now), Turn::Now);
        throttle.succeeded("a", Some("browser"));
        assert_eq!(throttle.ask("a", Some("browser"), now), Turn::Now);
    }

    #[test]
    fn memory_is_bounded_whatever_is_tried() {
        let (throttle, now) = (Throttle::default(), Timestamp::UNIX_EPOCH);
        for n in 0..20_000 {
            throttle.failed(&format!("name {n}"), None, now);
        }
        for n in 0..MOST_DEVICES + 100 {
            throttle.failed("a", Some(&n.to_string()), now);
        }
        assert!(lock(&throttle.strangers).len() <= usize::try_from(BUCKETS).unwrap());
        assert_eq!(lock(&throttle.devices).len(), MOST_DEVICES);
    }

    #[tokio::test]
    async fn strangers_queue_up_only_so_far_and_never_before_a_known_browser() {
        let throttle = Throttle::default();
        let _first = throttle.work(false).await.unwrap();
        let mut waiting: Vec<_> = (1..MOST_WAITING).map(|_| Box::pin(throttle.work(false))).collect();
        for one in &mut waiting {
            assert!(futures_util::poll!(one).is_pending());
        }
        assert!(throttle.work(false).await.is_none());
        assert!(throttle.work(true).await.is_some());
    }
}
