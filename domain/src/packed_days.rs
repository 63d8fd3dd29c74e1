//! The free places of each day as a checkpoint holds them: every service's days in one piece of bytes.
//!
//! After a year they are most of a board, and reading them field by field was most of what a start took longer than after a
//! fortnight. One day is 52 bytes, little-endian: year (2), month, day, the two times of its rank in seconds (8) and nanoseconds
//! (4), the report's id (16), the free places (8; below zero if no number was said). *Invariant:* what is read is what was
//! written; bytes that are no days are refused as a whole.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serializer};
use uuid::Uuid;

use crate::aspect::Aspect;
use crate::board::DayCount;
use crate::id::EntryId;
use crate::packed::{Bytes, Piece, TIME_BYTES, put_time, take, take_time};

type Days = BTreeMap<Date, DayCount>;

const DAY_BYTES: usize = 2 + 1 + 1 + 2 * TIME_BYTES + 16 + 8;

pub(crate) fn serialize<S: Serializer>(history: &BTreeMap<Aspect, Days>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(history.iter().map(|(aspect, days)| (aspect, Bytes(days))))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Aspect, Days>, D::Error> {
    let history = BTreeMap::<Aspect, Bytes<Days>>::deserialize(deserializer)?;
    Ok(history.into_iter().map(|(aspect, Bytes(days))| (aspect, days)).collect())
}

impl Piece for Days {
    const WHAT: &'static str = "days";

    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.reserve(self.len() * DAY_BYTES);
        for (date, DayCount { rank: (observed_at, recorded_at, report), count }) in self {
            bytes.extend(date.year().to_le_bytes());
            bytes.extend(date.month().to_le_bytes());
            bytes.extend(date.day().to_le_bytes());
            put_time(bytes, *observed_at);
            put_time(bytes, *recorded_at);
            bytes.extend(report.0.as_bytes());
            bytes.extend(count.map_or(-1, i64::from).to_le_bytes());
        }
    }

    fn take(mut bytes: &[u8]) -> Option<Self> {
        let mut days = Vec::with_capacity(bytes.len() / DAY_BYTES);
        while !bytes.is_empty() {
            days.push(day(&mut bytes)?);
        }
        Some(days.into_iter().collect())
    }
}

fn day(bytes: &mut &[u8]) -> Option<(Date, DayCount)> {
    let (year, month, day) = (i16::from_le_bytes(take(bytes)?), i8::from_le_bytes(take(bytes)?), i8::from_le_bytes(take(bytes)?));
    let date = Date::new(year, month, day).ok()?;
    let (observed_at, recorded_at) = (take_time(bytes)?, take_time(bytes)?);
    let report = EntryId(Uuid::from_bytes(take(bytes)?));
    let count = match i64::from_le_bytes(take(bytes)?) {
        -1 => None,
        count => Some(u32::try_from(count).ok()?),
    };
    Some((date, DayCount { rank: (observed_at, recorded_at, report), count }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use jiff::Timestamp;
    use serde::Serialize;

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
        let bytes: Vec<u8> = serde_json::from_value(serde_json::to_value(Bytes(days)).unwrap()).unwrap();
        assert_eq!(bytes.len(), 3 * DAY_BYTES);
        assert_eq!(Days::take(&bytes).unwrap(), *days);
    }

    #[test]
    fn bytes_that_are_no_days_are_refused() {
        for bytes in [vec![0; DAY_BYTES - 1], vec![0; DAY_BYTES], vec![0xff; DAY_BYTES + 1]] {
            assert!(Days::take(&bytes).is_none(), "{} bytes", bytes.len());
        }
        assert!(Days::take(&[]).unwrap().is_empty());
    }
}
