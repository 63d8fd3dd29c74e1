//! A log of any length, as a year of reports would leave it, written in minutes instead of a year.
//!
//! It exists so that start, replay and checkpoints are measured on long histories. *Invariant:* every entry is one that the program
//! itself could have recorded: it passes through the same conversion, and a replay understands all of it.

use imaboard::log::{Log, NewRecord, StoreError};
use imaboard::recorder::record_of;
use imaboard_domain::{
    Aspect, Button, Channel, Entry, EntryId, Facility, Facts, Gesture, Hazard, Incident, Observed, Operation, Power, PressFacts,
    Report, RollCall, Severity, Thresholds, Utility, Value, city_date,
};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::Failed;

/// Entries that share one commit, as many as the recorder takes at most by default.
const BATCH: usize = 256;

/// One facility in so many has a button.
const FACILITIES_PER_BUTTON: usize = 10;

/// One remark in so many reports, one correction in so many.
const REPORTS_PER_REMARK: u32 = 200;
const REPORTS_PER_CORRECTION: u32 = 150;

/// One incident, with a roll call, in so many entries; it stays open for a hundredth of that.
const ENTRIES_PER_INCIDENT: u64 = 40_000;

/// A year of a city, ending at some moment.
#[derive(Debug)]
pub struct History {
    facilities: Vec<Facility>,
    /// How many entries in all.
    entries: u64,
    ends_at: Timestamp,
    random: StdRng,
    seq: u64,
    /// The last report of each facility that could be taken back, with what stood before it.
    incident: Option<(Incident, RollCall)>,
    last: Option<(EntryId, Report)>,
}

impl History {
    /// A year of these facilities, told in so many entries and ending at `ends_at`.
    #[must_use]
    pub fn new(facilities: Vec<Facility>, entries: u64, ends_at: Timestamp, seed: u64) -> Self {
        Self { facilities, entries, ends_at, random: StdRng::seed_from_u64(seed), seq: 0, incident: None, last: None }
    }

    /// A city is set up in a day; what comes after is spread over a year.
    fn recorded_at(&self, seq: u64) -> Timestamp {
        let year_us = SignedDuration::from_hours(24 * 365).as_micros();
        let left_us = year_us * i128::from(self.entries - seq) / i128::from(self.entries);
        let left = SignedDuration::from_micros(i64::try_from(left_us).unwrap_or(i64::MAX));
        // A year before any date of this century is a date.
        self.ends_at.checked_sub(left).unwrap_or(self.ends_at)
    }

    fn id(&mut self, at: Timestamp) -> EntryId {
        let since_epoch_ms = u64::try_from(at.as_millisecond()).unwrap_or(0);
        EntryId(uuid::Builder::from_unix_timestamp_millis(since_epoch_ms, &self.random.random()).into_uuid())
    }

    fn button(at: usize, facility: &Facility) -> Result<Button, Failed> {
        let sets = ["single=vacancy:full", "double=vacancy:available", "long=first_report:needs_help"];
        Ok(Button::new(
            format!("b-{}", facility.id).parse()?,
            facility.id.clone(),
            "imaboard".to_owned(),
            format!("load-{at}"),
            sets.iter().map(|s| s.parse()).collect::<Result<_, _>>()?,
        ))
    }

    /// How the city is set up: the register, a key a facility, a few buttons.
    fn founding(&self) -> Result<Vec<Facts>, Failed> {
        let mut all = vec![Facts::CityFounded { sample: false }];
        all.extend(self.facilities.iter().map(|f| Facts::FacilityRegistered(Box::new(f.clone()))));
        for f in &self.facilities {
            all.push(Facts::KeyIssued {
                key: format!("k-{}", f.id).parse()?, facility: f.id.clone(), label: "玄関".to_owned()
            });
        }
        for (at, f) in self.facilities.iter().enumerate().step_by(FACILITIES_PER_BUTTON) {
            all.push(Facts::ButtonEnrolled(Self::button(at, f)?));
        }
        Ok(all)
    }

    fn observations(&mut self, facility: &Facility, at: Timestamp) -> Vec<Observed> {
        let mut observed = Vec::new();
        let mut add = |aspect, value| observed.push(Observed { aspect, value, confirms: None });
        let random = &mut self.random;
        if let Some(service) = facility.services.choose(random) {
            for cell in service.cells(city_date(at)).into_iter().take(7) {
                let count = random.random_range(0..6);
                let level = Thresholds::default().level(count);
                add(
                    Aspect::Vacancy { service: service.id.clone(), cell },
                    Value::Vacancy { level, count: Some(count), total: None },
                );
            }
        }
        let talks_of_damage = self.incident.is_some() || facility.services.is_empty();
        if talks_of_damage || random.random_ratio(1, 20) {
            add(Aspect::Operation, Value::Operation { state: Operation::Normal, reopens: None });
        }
        if talks_of_damage {
            let hours = random.random_range(1..48);
            add(Aspect::Power, Value::Power { state: Power::Generator, hours: Some(hours) });
            add(Aspect::Water, Value::Utility { state: Utility::Usable, hours: None });
        }
        if observed.is_empty() {
            observed.push(Observed {
                aspect: Aspect::Operation,
                value: Value::Operation { state: Operation::Normal, reopens: None },
                confirms: None,
            });
        }
        observed
    }

    fn report(&mut self, seq: u64, recorded_at: Timestamp) -> Result<Entry, Failed> {
        let at = self.random.random_range(0..self.facilities.len());
        let facility = self.facilities[at].clone();
        let id = self.id(recorded_at);
        let is_press = at.is_multiple_of(FACILITIES_PER_BUTTON) && self.random.random_bool(0.7);
        let has_remark = !is_press && self.random.random_ratio(1, REPORTS_PER_REMARK);
        let mut observations = self.observations(&facility, recorded_at);
        if is_press {
            observations.truncate(1);
        }
        let report = Report {
            facility: facility.id.clone(),
            observed_at: recorded_at,
            late: false,
            incident: self.incident.as_ref().map(|(incident, _)| incident.id.clone()),
            roll_call: self.incident.as_ref().map(|(_, call)| call.id.clone()),
            exercise: false,
            unclear: false,
            observations,
            effort: None,
            remark: if has_remark { Some(format!("r-{id}").parse()?) } else { None },
            press: if is_press {
                Some(PressFacts {
                    button: format!("b-{}", facility.id).parse()?,
                    gesture: Gesture::Single,
                    key: None,
                    dedupe: Some(format!("n:{seq}")),
                })
            } else {
                None
            },
        };
        if !has_remark && !is_press {
            self.last = Some((id, report.clone()));
        }
        let (channel, actor) = match self.random.random_range(0..10) {
            _ if is_press => (Channel::Button, format!("button:b-{}", facility.id)),
            0 => (Channel::Phone, "staff:s-1".to_owned()),
            1 | 2 => (Channel::Form, format!("key:k-{}", facility.id)),
            _ => (Channel::Qr, format!("key:k-{}", facility.id)),
        };
        let text = has_remark.then(|| format!("{seq}番のお知らせ。送迎の時間が30分遅れます。"));
        Ok(Entry { seq, id, recorded_at, actor, channel, facts: Facts::Report(report), text })
    }

    fn next_entry(&mut self, founding: &mut std::vec::IntoIter<Facts>) -> Result<Entry, Failed> {
        self.seq += 1;
        let (seq, recorded_at) = (self.seq, self.recorded_at(self.seq));
        let facts = match founding.next() {
            Some(facts) => Some(facts),
            None if seq.is_multiple_of(ENTRIES_PER_INCIDENT) => {
                let incident = Incident {
                    id: format!("i-{seq}").parse()?,
                    name: format!("台風第{}号", seq / ENTRIES_PER_INCIDENT),
                    hazard: Hazard::Typhoon,
                    areas: Vec::new(),
                    severity: Severity::Incident,
                    exercise: false,
                    opened_at: recorded_at,
                    closed_at: None,
                };
                let call = RollCall {
                    id: format!("rc-{seq}").parse()?,
                    areas: Vec::new(),
                    exercise: false,
                    opened_at: recorded_at,
                    closed_at: None,
                    answers: imaboard_domain::OrdMap::default(),
                };
                self.incident = Some((incident.clone(), call));
                Some(Facts::IncidentOpened(incident))
            }
            None if seq % ENTRIES_PER_INCIDENT == 1 => {
                self.incident.as_ref().map(|(_, call)| Facts::RollCallOpened(call.clone()))
            }
            None if seq % ENTRIES_PER_INCIDENT == ENTRIES_PER_INCIDENT / 100 => {
                self.incident.as_ref().map(|(_, call)| Facts::RollCallClosed { roll_call: call.id.clone() })
            }
            None if seq % ENTRIES_PER_INCIDENT == ENTRIES_PER_INCIDENT / 100 + 1 => {
                self.incident.take().map(|(incident, _)| Facts::IncidentClosed { incident: incident.id })
            }
            None if self.random.random_ratio(1, REPORTS_PER_CORRECTION) => self.last.take().map(|(replaces, report)| {
                let stands = report.observations.iter().map(|o| (o.aspect.clone(), None)).collect();
                Facts::Corrected {
                    replaces,
                    facility: report.facility,
                    stands,
                    days: Vec::new(),
                    answer: None,
                    exercise: false,
                    remark: None,
                }
            }),
            None => None,
        };
        let Some(facts) = facts else { return self.report(seq, recorded_at) };
        let id = self.id(recorded_at);
        Ok(Entry { seq, id, recorded_at, actor: "cli".to_owned(), channel: Channel::System, facts, text: None })
    }

    /// Writes all of it to an empty log, many entries a commit; `progress` is told how many are stored.
    ///
    /// # Errors
    /// If the log is not empty or cannot be written; never because of the entries themselves.
    pub async fn write(mut self, log: &Log, mut progress: impl FnMut(u64)) -> Result<(), Failed> {
        if log.head().await?.is_some() {
            return Err("the log holds a city already".into());
        }
        let mut founding = self.founding()?.into_iter();
        let mut batch: Vec<NewRecord> = Vec::with_capacity(BATCH);
        while self.seq < self.entries {
            let entry = self.next_entry(&mut founding)?;
            // As long as the recorder's keyed hash.
            let digest = format!("{:032x}{:032x}", self.random.random::<u128>(), self.random.random::<u128>());
            batch.push(record_of(&entry, Some(digest)));
            if batch.len() == BATCH || self.seq == self.entries {
                append(log, std::mem::take(&mut batch)).await?;
                progress(self.seq);
            }
        }
        Ok(())
    }
}

async fn append(log: &Log, batch: Vec<NewRecord>) -> Result<(), StoreError> {
    log.append(batch).await.map(drop)
}
