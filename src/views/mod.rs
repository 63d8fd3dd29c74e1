//! What is rendered at most once per revision or deadline and shared by all readers as bytes.
//!
//! A page declares which views of the board it shows ([`PageKey`]); a [`Change`] makes exactly those pages old. Ageing makes
//! pages old without an entry, so each page also has a moment until which it is true, and the as-of time it prints moves
//! at least every minute. One request renders while the others for the same page wait for it. *Invariant:* a page that is
//! handed out shows no value that had changed, or changed its age class, before the request came.

mod key;
mod page;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use imaboard_domain::{Change, View};
use jiff::{SignedDuration, Timestamp};

pub use key::PageKey;
pub use page::{Encoding, Packed, Page, Rendered, tagged};

use key::{COUNTERS, counter_of};

/// Memory that rendered pages may take, compressed forms included, before the least used are dropped: the front page of a
/// large city is under 100 kB, so this holds some hundred lists and thousands of facilities.
pub const BUDGET_BYTES: usize = 48 * 1024 * 1024;

/// A clock that was set back by more than this makes every page of the future old.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(2);

/// The rendered pages.
#[derive(Debug)]
pub struct Views {
    /// How often each view of the board changed; the sum over a page's views only ever grows.
    counters: [AtomicU64; COUNTERS],
    /// A lock and not a concurrent map: it is written once per page that is new, and read for a look-up.
    shelf: RwLock<Shelf>,
    /// Counts requests, so that the least used page is known.
    clock: AtomicU64,
    budget_bytes: usize,
}

#[derive(Debug, Default)]
struct Shelf {
    slots: HashMap<PageKey, Arc<Slot>>,
    bytes: usize,
}

/// The place of one page. A slot taken off the shelf still serves those who hold it.
#[derive(Debug, Default)]
struct Slot {
    /// Read by every request, written after each rendering.
    page: RwLock<Option<Arc<Page>>>,
    /// Held while rendering: one renders, the others wait and take what came out.
    rendering: Mutex<()>,
    used: AtomicU64,
    bytes: AtomicUsize,
}

impl Default for Views {
    fn default() -> Self {
        Self::new(BUDGET_BYTES)
    }
}

impl Views {
    /// An empty shelf that holds about this many bytes.
    #[must_use]
    pub fn new(budget_bytes: usize) -> Self {
        Self {
            counters: std::array::from_fn(|_| AtomicU64::new(0)),
            shelf: RwLock::default(),
            clock: AtomicU64::new(0),
            budget_bytes,
        }
    }

    /// Makes the pages old that show what an entry changed. Call it after the fold, before the sender is told.
    pub fn note(&self, change: &Change) {
        for view in &change.views {
            if let View::Facility(id) = view {
                let key = PageKey::Facility(id.clone());
                let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
                if let Some(slot) = shelf.slots.remove(&key) {
                    shelf.bytes = shelf.bytes.saturating_sub(slot.bytes.load(Ordering::Relaxed));
                }
            }
            if let Some(counter) = counter_of(view) {
                self.counters[counter].fetch_add(1, Ordering::Release);
            }
        }
    }

    /// Makes every page old; for a follower that missed changes.
    pub fn forget(&self) {
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        *shelf = Shelf::default();
    }

    /// The page as it is at `now`; `render` is called only if there is none that is still true.
    pub fn page(&self, key: &PageKey, now: Timestamp, render: impl FnOnce() -> Rendered) -> Arc<Page> {
        let slot = self.slot(key);
        slot.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        if let Some(page) = self.valid(&slot, key, now) {
            return page;
        }
        let turn = slot.rendering.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(page) = self.valid(&slot, key, now) {
            return page;
        }
        // Taken before the board is read: what changes in between makes the page old at once, never missed.
        let stamp = self.stamp(key);
        let started = std::time::Instant::now();
        let page = Arc::new(Page::new(render(), now, stamp));
        metrics::counter!("imaboard_renders_total", "page" => key.name()).increment(1);
        metrics::histogram!("imaboard_render_seconds", "page" => key.name()).record(started.elapsed());
        *slot.page.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&page));
        self.weigh(key, &slot, page.weight_bytes);
        drop(turn);
        page
    }

    /// The page if there is one that is true at `now`; renders nothing and makes no place for one.
    pub fn find(&self, key: &PageKey, now: Timestamp) -> Option<Arc<Page>> {
        let slot = self.shelf.read().unwrap_or_else(PoisonError::into_inner).slots.get(key).cloned()?;
        let page = self.valid(&slot, key, now)?;
        slot.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Some(page)
    }

    /// Bytes that the rendered pages are counted with.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner).bytes
    }

    fn slot(&self, key: &PageKey) -> Arc<Slot> {
        if let Some(slot) = self.shelf.read().unwrap_or_else(PoisonError::into_inner).slots.get(key) {
            return Arc::clone(slot);
        }
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shelf.slots.entry(key.clone()).or_default())
    }

    fn valid(&self, slot: &Slot, key: &PageKey, now: Timestamp) -> Option<Arc<Page>> {
        let held = slot.page.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let current = held.stamp == self.stamp(key) && now < held.fresh_until && held.rendered_at <= now + CLOCK_SLACK;
        current.then_some(held)
    }

    fn stamp(&self, key: &PageKey) -> u64 {
        let mut sum = 0u64;
        key.each_counter(|counter| sum = sum.wrapping_add(self.counters[counter].load(Ordering::Acquire)));
        sum
    }

    fn weigh(&self, key: &PageKey, slot: &Arc<Slot>, bytes: usize) {
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        if shelf.slots.get(key).is_none_or(|held| !Arc::ptr_eq(held, slot)) {
            return;
        }
        let before = slot.bytes.swap(bytes, Ordering::Relaxed);
        shelf.bytes = shelf.bytes.saturating_sub(before) + bytes;
        metrics::gauge!("imaboard_pages_held_bytes").set(shelf.bytes as f64);
        if shelf.bytes <= self.budget_bytes {
            return;
        }
        // Down to three quarters, so that this is not done for every new page.
        let mut by_use: Vec<(u64, PageKey)> =
            shelf.slots.iter().filter(|(k, _)| *k != key).map(|(k, s)| (s.used.load(Ordering::Relaxed), k.clone())).collect();
        by_use.sort_unstable_by_key(|(used, _)| *used);
        for (_, old) in by_use {
            if shelf.bytes <= self.budget_bytes / 4 * 3 {
                break;
            }
            if let Some(slot) = shelf.slots.remove(&old) {
                shelf.bytes = shelf.bytes.saturating_sub(slot.bytes.load(Ordering::Relaxed));
            }
        }
    }
}

#[cfg(test)]
mod tests;
