//! Where to look instead of looking everywhere: who offers what where, who has reported, whose key, whose button.
//!
//! Everything here follows from the board and is never stored; time plays no part in it (see [`crate::tally`] for what ages).
//! *Invariant:* the index kept by difference equals the index built from the finished board, whatever happened before.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization;

use crate::aspect::{Aspect, Staffing, Value};
use crate::board::{FacilityBoard, FacilityKey};
use crate::button::Button;
use crate::facility::Facility;
use crate::id::{ButtonId, DistrictId, FacilityId, First, IncidentId, KeyId, PostingId, ServiceId};
use crate::posting::{Posting, PostingKind, PostingState};
use crate::service::{ServiceKind, ServiceRow};

/// A facility's place in a list: by kind (`None`: whatever it offers), district, kana, name, id.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub(crate) kind: Option<ServiceKind>,
    pub(crate) district: DistrictId,
    /// `None` stands before every facility of the kind and district.
    pub(crate) facility: Option<Arc<Facility>>,
}

impl Listing {
    fn key(&self) -> (Option<ServiceKind>, &DistrictId, Option<[&str; 3]>) {
        (self.kind, &self.district, self.facility.as_ref().map(|f| [f.kana.as_str(), f.name.as_str(), f.id.as_str()]))
    }
}

impl PartialEq for Listing {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Listing {}

impl PartialOrd for Listing {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Listing {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// How many facilities and services stand in one list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) facilities: u32,
    pub(crate) services: u32,
}

/// When a facility said its first report in an incident or exercise.
type Told = (IncidentId, Reverse<Timestamp>, FacilityId);

/// The index of a board.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Index {
    /// Facilities of the register, in reading order.
    pub(crate) listed: OrdSet<Listing>,
    /// How many there are, by kind and district; `None`: whatever they offer.
    pub(crate) offered: OrdMap<(Option<ServiceKind>, DistrictId), Offered>,
    /// Facilities by row of the vacancy table and district.
    pub(crate) rows: OrdMap<(ServiceRow, DistrictId), u32>,
    /// Facilities that report vacancies at all.
    pub(crate) with_grid: u32,
    /// What people search in.
    pub(crate) search: OrdMap<FacilityId, Arc<str>>,
    /// Facilities that have ever said anything that is still kept, retired ones too.
    pub(crate) reported: OrdSet<FacilityId>,
    /// Those with a real standing that is no vacancy.
    pub(crate) damage: OrdSet<FacilityId>,
    /// Those with a standing inside an exercise.
    pub(crate) exercise: OrdSet<FacilityId>,
    /// Those whose real standing of staff is short or critical.
    pub(crate) short_of_staff: OrdSet<FacilityId>,
    /// First reports that were no "safe", newest first within their incident.
    pub(crate) told: OrdSet<Told>,
    /// Keys that are not revoked, by facility.
    pub(crate) keys: OrdSet<(FacilityId, KeyId)>,
    /// Buttons by device family and device.
    pub(crate) buttons: OrdSet<(Arc<str>, Arc<str>, ButtonId)>,
    /// Released postings with words.
    pub(crate) published: OrdSet<(PostingKind, PostingId)>,
    /// Notices and jobs of facilities that wait or went back.
    unreleased: OrdSet<(FacilityId, PostingId)>,
    /// Released remarks by facility.
    pub(crate) remarks: OrdSet<(FacilityId, PostingId)>,
    /// When released postings appear and expire.
    pub(crate) posting_times: OrdSet<(Timestamp, PostingId)>,
    /// Service ids, so that each is held once.
    services: Once<ServiceId>,
    /// District ids, likewise.
    districts: Once<DistrictId>,
}

/// Values of which each is held once, however many share it. Which were ever asked for is no fact about the board.
#[derive(Debug, Clone)]
struct Once<A: Ord>(OrdSet<A>);

impl<A: Ord> Default for Once<A> {
    fn default() -> Self {
        Self(OrdSet::default())
    }
}

impl<A: Ord> PartialEq for Once<A> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<A: Ord + Clone> Once<A> {
    fn shared(&mut self, item: A) -> A {
        match self.0.get(&item) {
            Some(held) => held.clone(),
            None => {
                self.0.insert(item.clone());
                item
            }
        }
    }
}

/// Where a facility stands in the index by what it has said.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Marks {
    reported: bool,
    damage: bool,
    exercise: bool,
    short_of_staff: bool,
    told: [Option<Told>; 2],
}

impl Marks {
    pub(crate) fn of(held: &FacilityBoard) -> Self {
        // Vacancies sort before everything else.
        let plain = |map: &std::collections::BTreeMap<Aspect, _>| map.last_key_value().is_some_and(|(a, _)| !a.is_vacancy());
        let told = [&held.real, &held.exercise].map(|map| {
            let s = map.get(&Aspect::FirstReport)?;
            let worth_telling = matches!(&s.value, Value::FirstReport(v) if *v != crate::FirstReport::Safe);
            let incident = s.incident.clone().filter(|_| worth_telling)?;
            Some((incident, Reverse(s.observed_at), held.facility.id.clone()))
        });
        Self {
            reported: !held.real.is_empty() || !held.exercise.is_empty() || !held.history.is_empty(),
            damage: plain(&held.real),
            exercise: plain(&held.exercise),
            short_of_staff: held
                .real
                .get(&Aspect::Staff)
                .is_some_and(|s| matches!(s.value, Value::Staff(Staffing::Short | Staffing::Critical))),
            told,
        }
    }
}

fn flip<A: Ord + Clone>(set: &mut OrdSet<A>, item: &A, was: bool, is: bool) {
    if is && !was {
        set.insert(item.clone());
    } else if was && !is {
        set.remove(item);
    }
}

impl Index {
    /// Takes in everything of a board that was stored.
    pub(crate) fn rebuild_from(
        &mut self,
        facilities: &OrdMap<FacilityId, Arc<FacilityBoard>>,
        keys: &OrdMap<KeyId, FacilityKey>,
        buttons: &OrdMap<ButtonId, Button>,
        postings: &OrdMap<PostingId, Arc<Posting>>,
    ) {
        for held in facilities.values() {
            if !held.retired {
                self.list(&held.facility);
            }
            self.mark(&held.facility.id, &Marks::default(), &Marks::of(held));
        }
        keys.iter().for_each(|(id, key)| self.key(id, key));
        buttons.values().for_each(|button| self.button(button, true));
        postings.values().for_each(|posting| self.posting(posting, true));
    }

    /// Gives a record ids that are held once for all facilities, and takes away room it does not need.
    pub(crate) fn share(&mut self, facility: &mut Facility) {
        facility.district = self.districts.shared(facility.district.clone());
        for service in &mut facility.services {
            service.id = self.services.shared(service.id.clone());
        }
        facility.services.shrink_to_fit();
    }

    /// A facility came into the register.
    pub(crate) fn list(&mut self, facility: &Arc<Facility>) {
        self.search.insert(facility.id.clone(), search_text(facility));
        self.each_list(facility, 1);
    }

    /// A facility left the register, or is about to be replaced by its new record.
    pub(crate) fn unlist(&mut self, facility: &Arc<Facility>) {
        self.search.remove(&facility.id);
        self.each_list(facility, -1);
    }

    fn each_list(&mut self, facility: &Arc<Facility>, by: i32) {
        let district = &facility.district;
        let mut kinds: Vec<ServiceKind> = facility.services.iter().map(|s| s.kind).collect();
        kinds.sort_unstable();
        for kind in kinds.iter().map(|k| Some(*k)).chain([None]) {
            let key = (kind, district.clone());
            let entry = self.offered.entry(key.clone()).or_default();
            entry.services = entry.services.saturating_add_signed(by);
            let empty = entry.services == 0;
            // Facilities are counted once below, also those with two services of a kind.
            if empty && entry.facilities == 0 {
                self.offered.remove(&key);
            }
        }
        kinds.dedup();
        for kind in kinds.iter().map(|k| Some(*k)).chain([None]) {
            let listing = Listing { kind, district: district.clone(), facility: Some(Arc::clone(facility)) };
            let key = (kind, district.clone());
            let entry = self.offered.entry(key.clone()).or_default();
            entry.facilities = entry.facilities.saturating_add_signed(by);
            if *entry == Offered::default() {
                self.offered.remove(&key);
            }
            if by > 0 {
                self.listed.insert(listing);
            } else {
                self.listed.remove(&listing);
            }
        }
        let mut rows: Vec<ServiceRow> = kinds.iter().filter_map(|k| k.row()).collect();
        rows.sort_unstable();
        rows.dedup();
        for row in rows {
            let key = (row, district.clone());
            let n = self.rows.entry(key.clone()).or_default();
            *n = n.saturating_add_signed(by);
            if *n == 0 {
                self.rows.remove(&key);
            }
        }
        if kinds.iter().any(|k| k.grid().is_some()) {
            self.with_grid = self.with_grid.saturating_add_signed(by);
        }
    }

    /// What a facility has said differs from before.
    pub(crate) fn mark(&mut self, id: &FacilityId, before: &Marks, after: &Marks) {
        flip(&mut self.reported, id, before.reported, after.reported);
        flip(&mut self.damage, id, before.damage, after.damage);
        flip(&mut self.exercise, id, before.exercise, after.exercise);
        flip(&mut self.short_of_staff, id, before.short_of_staff, after.short_of_staff);
        if before.told != after.told {
            for told in before.told.iter().flatten() {
                self.told.remove(told);
            }
            for told in after.told.iter().flatten() {
                self.told.insert(told.clone());
            }
        }
    }

    /// A key is valid, unless it is revoked.
    pub(crate) fn key(&mut self, id: &KeyId, key: &FacilityKey) {
        if !key.revoked {
            self.keys.insert((key.facility.clone(), id.clone()));
        }
    }

    /// A key is about to be revoked or replaced.
    pub(crate) fn forget_key(&mut self, id: &KeyId, key: &FacilityKey) {
        self.keys.remove(&(key.facility.clone(), id.clone()));
    }

    pub(crate) fn keys_of(&self, facility: &FacilityId) -> impl Iterator<Item = &KeyId> {
        let of = facility.clone();
        // The empty text stands before every id.
        self.keys.range((facility.clone(), KeyId::first())..).take_while(move |(f, _)| *f == of).map(|(_, key)| key)
    }

    pub(crate) fn find_button(&self, profile: &str, device: &str) -> Option<&ButtonId> {
        let from = (Arc::from(profile), Arc::from(device), ButtonId::first());
        let (_, _, id) = self.buttons.range(from..).next().filter(|(p, d, _)| **p == *profile && **d == *device)?;
        Some(id)
    }

    /// A button was enrolled (`here`), or is about to be replaced or removed.
    pub(crate) fn button(&mut self, button: &Button, here: bool) {
        let entry = (button.profile.as_str().into(), button.device.as_str().into(), button.id.clone());
        flip(&mut self.buttons, &entry, !here, here);
    }

    /// A posting is (`here`), or is about to be changed.
    pub(crate) fn posting(&mut self, posting: &Posting, here: bool) {
        let waits = matches!(posting.state, PostingState::Pending | PostingState::Returned);
        if let (true, PostingKind::Notice | PostingKind::Job, Some(facility)) = (waits, posting.kind, &posting.facility) {
            flip(&mut self.unreleased, &(facility.clone(), posting.id.clone()), !here, here);
        }
        if posting.state != PostingState::Published {
            return;
        }
        let id = &posting.id;
        for at in [posting.publish_at, posting.expires_at].into_iter().flatten() {
            flip(&mut self.posting_times, &(at, id.clone()), !here, here);
        }
        if posting.text.is_none() {
            return;
        }
        flip(&mut self.published, &(posting.kind, id.clone()), !here, here);
        if let (PostingKind::Remark, Some(facility)) = (posting.kind, &posting.facility) {
            flip(&mut self.remarks, &(facility.clone(), id.clone()), !here, here);
        }
    }

    /// Released postings of a kind that have words.
    pub(crate) fn published(&self, kind: PostingKind) -> impl Iterator<Item = &PostingId> {
        self.published.range((kind, PostingId::first())..).take_while(move |(k, _)| *k == kind).map(|(_, id)| id)
    }

    /// Notices and jobs of a facility that wait or went back.
    pub(crate) fn unreleased_of(&self, facility: &FacilityId) -> impl Iterator<Item = &PostingId> {
        let of = facility.clone();
        let from = (facility.clone(), PostingId::first());
        self.unreleased.range(from..).take_while(move |(f, _)| *f == of).map(|(_, id)| id)
    }

    /// Released remarks of a facility.
    pub(crate) fn remarks_of(&self, facility: &FacilityId) -> impl Iterator<Item = &PostingId> {
        let of = facility.clone();
        let from = (facility.clone(), PostingId::first());
        self.remarks.range(from..).take_while(move |(f, _)| *f == of).map(|(_, id)| id)
    }

    /// When the next released posting appears or expires.
    pub(crate) fn next_posting_time(&self, now: Timestamp) -> Option<Timestamp> {
        // A posting of this very moment has appeared already.
        self.posting_times.range((now, PostingId::first())..).map(|(at, _)| *at).find(|at| *at > now)
    }

    /// The facilities of one kind (`None`: any) in one district, in reading order.
    pub(crate) fn members(&self, kind: Option<ServiceKind>, district: &DistrictId) -> impl Iterator<Item = &Arc<Facility>> {
        let from = Listing { kind, district: district.clone(), facility: None };
        let within = district.clone();
        self.listed.range(from..).take_while(move |l| l.kind == kind && l.district == within).filter_map(|l| l.facility.as_ref())
    }
}

/// Text as people mean it when they search: full and half width, hiragana and katakana, case, spaces and hyphens are the same.
#[must_use]
pub fn search_form(text: &str) -> String {
    text.nfkc()
        .flat_map(char::to_lowercase)
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | 'ー' | '‐' | '−' | '・' | '(' | ')'))
        .map(|c| match c {
            'ァ'..='ヶ' => char::from_u32(u32::from(c) - 0x60).unwrap_or(c),
            other => other,
        })
        .collect()
}

/// Everything of the record by which a facility is found, one part a line.
fn search_text(f: &Facility) -> Arc<str> {
    let mut text = String::new();
    for part in [&f.name, &f.kana, &f.operator, &f.address, &f.office_number, &f.phone, &f.fax] {
        if !part.is_empty() {
            text.push_str(&search_form(part));
            text.push('\n');
        }
    }
    if let Some(island) = &f.island {
        text.push_str(&search_form(island));
    }
    text.into()
}
