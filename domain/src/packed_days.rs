//! The free places of each day as a checkpoint holds them: every service's days in one piece of bytes.
//!
//! After a year they are most of a board, and reading them field by field was most of what a start took longer than after a
//! fortnight. One day is 52 bytes, little-endian: year (2), month, day, the two times of its rank in seconds (8) and nanoseconds
//! (4), the report's id (16), the free places (8; below zero if no number was said). *Invariant:* what is read is what was
//! written; bytes that are no days are refused as a whole.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::aspect::Aspect;
use crate::board::DayCount;
use crate::id::EntryId;

type Days = BTreeMap<Date, DayCount>;

const DAY_BYTES: usize = 52;

pub(crate) fn serialize<S: Serializer>(history: &BTreeMap<Aspect, Days>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(history.iter().map(|(aspect, days)| (aspect, Written(days))))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Aspect, Days>, D::Error> {
    let history = BTreeMap::<Aspect, Read>::deserialize(deserializer)?;
    Ok(history.into_iter().map(|(aspect, Read(days))| (aspect, days)).collect())
}

struct Written<'a>(&'a Days);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.len() * DAY_BYTES);
        for (date, DayCount { rank: (observed_at, recorded_at, report), count }) in self.0 {
            bytes.extend(date.year().to_le_bytes());
            bytes.extend(date.month().to_le_bytes());
            bytes.extend(date.day().to_le_bytes());
            for at in [observed_at, recorded_at] {
                bytes.extend(at.as_second().to_le_bytes());
                bytes.extend(at.subsec_nanosecond().to_le_bytes());
            }
            bytes.extend(report.0.as_bytes());
            bytes.extend(count.map_or(-1, i64::from).to_le_bytes());
        }
        serializer.serialize_bytes(&bytes)
    }
}

struct Read(Days);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "days of {DAY_BYTES} bytes each")
    }

    fn visit_bytes<E: Error>(self, mut bytes: &[u8]) -> Result<Read, E> {
        let mut days = Vec::with_capacity(bytes.len() / DAY_BYTES);
        while !bytes.is_empty() {
            days.push(day(&mut bytes).ok_or_else(|| E::custom("these bytes are no days"))?);
        }
        Ok(Read(days.into_iter().collect()))
    }

    /// JSON has no bytes; there they are a list of numbers.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Read, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}

fn day(bytes: &mut &[u8]) -> Option<(Date, DayCount)> {
    let (year, month, day) = (i16::from_le_bytes(take(bytes)?), i8::from_le_bytes(take(bytes)?), i8::from_le_bytes(take(bytes)?));
    let date = Date::new(year, month, day).ok()?;
    let (observed_at, recorded_at) = (instant(bytes)?, instant(bytes)?);
    let report = EntryId(Uuid::from_bytes(take(bytes)?));
    let count = match i64::from_le_bytes(take(bytes)?) {
        -1 => None,
        count => Some(u32::try_from(count).ok()?),
    };
    Some((date, DayCount { rank: (observed_at, recorded_at, report), count }))
}

fn instant(bytes: &mut &[u8]) -> Option<Timestamp> {
    Timestamp::new(i64::from_le_bytes(take(bytes)?), i32::from_le_bytes(take(bytes)?)).ok()
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Held(#[serde(with = "super")] BTreeMap<Aspect, Days>);

    fn held() -> Held {
        let day = |date: &str, at: &str, count| {
            let at: Timestamp = at.parse().unwrap();
            (date.parse().unwrap(), DayCount { rank: (at, Timestamp::MIN, EntryId(Uuid::max())), count })
        };
        let days = Days::from([
            day("2026-11-28", "2026-11-28T00:10:00.123456789Z", Some(u32::MAX)),
            day("2026-11-29", "1969-12-31T23:59:59.9Z", Some(0)),
            day("-000001-02-03", "2026-11-29T00:00:00Z", None),
        ]);
        Held(BTreeMap::from([(Aspect::Operation, days)]))
    }

    #[test]
    fn days_come_back_to_the_nanosecond_from_bytes_and_from_json() {
        let held = held();
        let json = serde_json::to_string(&held).unwrap();
        assert_eq!(serde_json::from_str::<Held>(&json).unwrap(), held);
        let days = &held.0[&Aspect::Operation];
        let bytes: Vec<u8> = serde_json::from_value(serde_json::to_value(Written(days)).unwrap()).unwrap();
        assert_eq!(bytes.len(), 3 * DAY_BYTES);
        assert_eq!(Reader.visit_bytes::<serde_json::Error>(&bytes).unwrap().0, *days);
    }

    #[test]
    fn bytes_that_are_no_days_are_refused() {
        for bytes in [vec![0; DAY_BYTES - 1], vec![0; DAY_BYTES], vec![0xff; DAY_BYTES + 1]] {
            assert!(Reader.visit_bytes::<serde_json::Error>(&bytes).is_err(), "{} bytes", bytes.len());
        }
        assert!(Reader.visit_bytes::<serde_json::Error>(&[]).unwrap().0.is_empty());
    }
}
