//! The standings of a facility as a checkpoint holds them: without the names of their fields.
//!
//! A disaster leaves a facility with a standing for each of its lifelines, and they stay; after a year most of a board is this.
//! In JSON, which people read, they stay what they are. *Invariant:* what is read is what was written.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::aspect::{Aspect, Value};
use crate::id::{EntryId, IncidentId};
use crate::packed::{Named, named};
use crate::packed_time;
use crate::standing::{Channel, Standing};

type Standings = BTreeMap<Aspect, Standing>;

/// The aspect, and the fields of [`Standing`] in their order; of the incident its place in the list.
type Packed<A, V, R, S> = (A, V, packed_time::Packed, packed_time::Packed, R, Channel, S, Option<u32>, bool, Option<R>);

pub(crate) fn serialize<S: Serializer>(standings: &Standings, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return standings.serialize(serializer);
    }
    let mut incidents = Named::new();
    let packed: Vec<_> = standings
        .iter()
        .map(|(aspect, standing)| {
            let Standing { value, observed_at, recorded_at, report, channel, reporter, incident, exercise, confirms } = standing;
            let packed: Packed<_, _, _, _> = (
                aspect,
                value,
                packed_time::Packed(*observed_at),
                packed_time::Packed(*recorded_at),
                report,
                *channel,
                reporter,
                incident.as_ref().map(|incident| incidents.place(incident)),
                *exercise,
                confirms.as_ref(),
            );
            packed
        })
        .collect();
    (incidents.list(), packed).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Standings, D::Error> {
    if deserializer.is_human_readable() {
        return Standings::deserialize(deserializer);
    }
    type All = (Vec<IncidentId>, Vec<Packed<Aspect, Value, EntryId, String>>);
    let (incidents, packed) = All::deserialize(deserializer)?;
    let standings =
        packed.into_iter().map(|(aspect, value, observed, recorded, report, channel, reporter, incident, exercise, confirms)| {
            let (packed_time::Packed(observed_at), packed_time::Packed(recorded_at)) = (observed, recorded);
            let incident = incident.map(|place| named(&incidents, place)).transpose()?;
            Ok((aspect, Standing { value, observed_at, recorded_at, report, channel, reporter, incident, exercise, confirms }))
        });
    standings.collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use uuid::Uuid;

    use super::*;
    use crate::aspect::{Operation, Power};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Held(#[serde(with = "super")] Standings);

    fn held() -> Held {
        let plain = Standing {
            value: Value::Operation { state: Operation::Limited, reopens: Some("2026-12-01".parse().unwrap()) },
            observed_at: "1969-12-31T23:59:59.9Z".parse().unwrap(),
            recorded_at: "2026-11-29T03:04:05.678901234Z".parse().unwrap(),
            report: EntryId(Uuid::max()),
            channel: Channel::Fax,
            reporter: "key:k-1".to_owned(),
            incident: None,
            exercise: false,
            confirms: None,
        };
        let exercised = Standing {
            value: Value::Power { state: Power::Generator, hours: Some(36) },
            incident: Some("i-1".parse().unwrap()),
            exercise: true,
            confirms: Some(EntryId(Uuid::nil())),
            ..plain.clone()
        };
        Held(BTreeMap::from([(Aspect::Operation, plain), (Aspect::Power, exercised)]))
    }

    #[test]
    fn standings_come_back_as_they_were_and_name_no_fields() {
        let held = held();
        let packed = rmp_serde::to_vec_named(&held).unwrap();
        assert!(!packed.windows(11).any(|part| part == b"observed_at"));
        assert_eq!(rmp_serde::from_slice::<Held>(&packed).unwrap(), held);
        assert_eq!(serde_json::from_str::<Held>(&serde_json::to_string(&held).unwrap()).unwrap(), held);
    }

    #[test]
    fn what_is_no_standing_is_refused() {
        let mut packed = rmp_serde::to_vec_named(&held()).unwrap();
        packed.truncate(packed.len() - 1);
        assert!(rmp_serde::from_slice::<Held>(&packed).is_err());
    }
}
