//! What a wall's streams carry: what changed since a position, or everything.
//!
//! One [`Feed`] serves every screen of the same display; it renders nothing and knows no socket. *Invariant:* applying the
//! updates since a position to the wall of that position gives the wall of now, or the answer is a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::fragment::Fragment;
use crate::wall::Wall;

/// What travels to a screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Update {
    /// Keys of the pages there are now, in order.
    pub pages: Vec<String>,
    /// Changed elements by key; an inner one is not repeated beside an outer one.
    pub fragments: BTreeMap<String, String>,
}

/// When a fragment last changed: by the entry at `seq`, or later by time alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    seq: u64,
    by_time: bool,
}

/// The newest wall of one display, and since when each of its fragments stands.
#[derive(Debug)]
pub struct Feed {
    wall: Wall,
    seq: u64,
    first_seq: u64,
    stamps: BTreeMap<String, Stamp>,
    pages_stamp: Stamp,
}

impl Feed {
    /// Begins with a wall at a position; nothing is known of what was before.
    #[must_use]
    pub fn new(wall: Wall, seq: u64) -> Self {
        let now = Stamp { seq, by_time: false };
        Self { stamps: stamps(&wall, |_| now), wall, seq, first_seq: seq, pages_stamp: now }
    }

    /// The position of the newest wall.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Takes the wall of a position (the same one again if only time has passed); `None` if nothing differs.
    pub fn advance(&mut self, wall: Wall, seq: u64) -> Option<Update> {
        let by_time = seq <= self.seq;
        let now = Stamp { seq: seq.max(self.seq), by_time };
        self.seq = now.seq;
        let pages_changed = !self.wall.pages.iter().map(|p| &p.key).eq(wall.pages.iter().map(|p| &p.key));
        // A page that is shared with the wall before holds nothing that differs. No key stands on two pages.
        let is_new = |pages: &[Arc<Fragment>], at: usize, page: &Arc<Fragment>| {
            pages.get(at).is_none_or(|other| !Arc::ptr_eq(other, page))
        };
        let old = |at: usize, page: &Arc<Fragment>| is_new(&wall.pages, at, page);
        let new = |at: usize, page: &Arc<Fragment>| is_new(&self.wall.pages, at, page);
        let mut before = BTreeMap::new();
        self.wall.pages.iter().enumerate().filter(|(at, p)| old(*at, p)).for_each(|(_, p)| p.owns(&mut before));
        let mut after = BTreeMap::new();
        wall.pages.iter().enumerate().filter(|(at, p)| new(*at, p)).for_each(|(_, p)| p.owns(&mut after));
        let changed = |key: &str| before.get(key) != after.get(key);
        let fragments = outermost(wall.pages.iter().enumerate().filter(|(at, p)| new(*at, p)).map(|(_, p)| p), &changed);
        if fragments.is_empty() && !pages_changed {
            return None;
        }
        if pages_changed {
            self.pages_stamp = now;
        }
        for key in before.keys().filter(|key| !after.contains_key(*key)) {
            self.stamps.remove(*key);
        }
        for key in after.keys().filter(|key| changed(key)) {
            self.stamps.insert((*key).to_owned(), now);
        }
        let update = Update { pages: keys(&wall), fragments };
        self.wall = wall;
        Some(update)
    }

    /// Everything.
    #[must_use]
    pub fn snapshot(&self) -> Update {
        Update { pages: keys(&self.wall), fragments: outermost(self.wall.pages.iter(), &|_| true) }
    }

    /// Takes note of entries that change nothing on this wall.
    pub fn pass(&mut self, seq: u64) {
        self.seq = self.seq.max(seq);
    }

    /// What a screen that has painted position `seq` lacks; `None` if that cannot be known: it is from before this
    /// feed began, or from a future that never was. `same_feed`: the screen got its picture from this very feed; another
    /// one that ended where this one begins may have had other pages.
    #[must_use]
    pub fn since(&self, seq: u64, same_feed: bool) -> Option<Update> {
        let oldest = if same_feed { self.first_seq } else { self.first_seq + 1 };
        if seq < oldest || seq > self.seq {
            return None;
        }
        let missed = |stamp: Stamp| stamp.seq > seq || (stamp.seq == seq && stamp.by_time);
        let changed = |key: &str| self.stamps.get(key).is_some_and(|s| missed(*s));
        Some(Update { pages: keys(&self.wall), fragments: outermost(self.wall.pages.iter(), &changed) })
    }

    /// The wall as it stands.
    #[must_use]
    pub fn wall(&self) -> &Wall {
        &self.wall
    }
}

fn keys(wall: &Wall) -> Vec<String> {
    wall.pages.iter().map(|p| p.key.clone()).collect()
}

fn stamps(wall: &Wall, stamp: impl Fn(&str) -> Stamp) -> BTreeMap<String, Stamp> {
    let mut all = BTreeMap::new();
    wall.pages.iter().for_each(|p| p.owns(&mut all));
    all.into_keys().map(|key| (key.to_owned(), stamp(key))).collect()
}

fn outermost<'a>(pages: impl Iterator<Item = &'a Arc<Fragment>>, changed: &dyn Fn(&str) -> bool) -> BTreeMap<String, String> {
    let mut list = Vec::new();
    pages.for_each(|p| p.outermost(changed, &mut list));
    list.into_iter().map(|f| (f.key.clone(), f.html())).collect()
}
