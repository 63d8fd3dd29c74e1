//! The answers to a roll call as a checkpoint holds them: by channel, without the names of their fields.
//!
//! A roll call that is over keeps all its answers, and after a year of exercises they are more than the facilities. In JSON,
//! which people read, they stay what they are. *Invariant:* what is read is what was written.

use std::collections::BTreeMap;

use imbl::OrdMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{EntryId, FacilityId};
use crate::incident::Answer;
use crate::packed_time;
use crate::standing::Channel;

type Answers = OrdMap<FacilityId, Answer>;

/// Who answered, when, and by which report.
type Packed<F, E> = (F, packed_time::Packed, E);

pub(crate) fn serialize<S: Serializer>(answers: &Answers, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return answers.serialize(serializer);
    }
    let mut by_channel: BTreeMap<Channel, Vec<Packed<&FacilityId, &EntryId>>> = BTreeMap::new();
    for (facility, Answer { at, report, channel }) in answers {
        by_channel.entry(*channel).or_default().push((facility, packed_time::Packed(*at), report));
    }
    by_channel.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Answers, D::Error> {
    if deserializer.is_human_readable() {
        return Answers::deserialize(deserializer);
    }
    let by_channel = BTreeMap::<Channel, Vec<Packed<FacilityId, EntryId>>>::deserialize(deserializer)?;
    let mut answers = Answers::new();
    for (channel, packed) in by_channel {
        for (facility, packed_time::Packed(at), report) in packed {
            answers.insert(facility, Answer { at, report, channel });
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Held(#[serde(with = "super")] Answers);

    fn held() -> Held {
        let answer = |facility: &str, at: &str, channel| {
            let report = EntryId(uuid::Uuid::from_u128(u128::from(facility.len() as u64)));
            (facility.parse().unwrap(), Answer { at: at.parse().unwrap(), report, channel })
        };
        Held(OrdMap::from_iter([
            answer("f001", "2026-11-29T03:04:05.678901234Z", Channel::Qr),
            answer("f002-long", "1969-12-31T23:59:59.9Z", Channel::Button),
            answer("f010", "2026-11-29T03:04:06Z", Channel::Qr),
        ]))
    }

    #[test]
    fn answers_come_back_as_they_were_and_name_no_fields() {
        let held = held();
        let packed = rmp_serde::to_vec_named(&held).unwrap();
        assert!(!packed.windows(6).any(|part| part == b"report"));
        assert_eq!(rmp_serde::from_slice::<Held>(&packed).unwrap(), held);
        assert_eq!(serde_json::from_str::<Held>(&serde_json::to_string(&held).unwrap()).unwrap(), held);
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        let bad = BTreeMap::from([(Channel::Qr, vec![("f001", (0_i64, i32::MAX), EntryId(uuid::Uuid::nil()))])]);
        assert!(rmp_serde::from_slice::<Held>(&rmp_serde::to_vec(&(bad,)).unwrap()).is_err());
    }
}
