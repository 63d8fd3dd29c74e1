//! Roll calls as a checkpoint holds them: every call's answers in one piece of bytes, every facility named once.
//!
//! A roll call that is over keeps all its answers, and after a year of exercises they are many times the facilities. One answer is
//! 33 bytes, little-endian: the place of the facility in the list (4), when it was recorded (12), the report's id (16), the place of
//! the channel among all (1). In JSON, which people read, they stay what they are. *Invariant:* what is read is what was written.

use imbl::OrdMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::id::{EntryId, FacilityId, RollCallId};
use crate::incident::{Answer, RollCall};
use crate::packed::{Bytes, Named, Piece, TIME_BYTES, named, put_time, take, take_time};
use crate::standing::Channel;

type Calls = OrdMap<RollCallId, RollCall>;

const ANSWER_BYTES: usize = 4 + TIME_BYTES + 16 + 1;

/// Who answered by place, and the answer.
struct Answers(Vec<(u32, Answer)>);

impl Piece for Answers {
    const WHAT: &'static str = "answers";

    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.reserve(self.0.len() * ANSWER_BYTES);
        for (place, Answer { at, report, channel }) in &self.0 {
            bytes.extend(place.to_le_bytes());
            put_time(bytes, *at);
            bytes.extend(report.0.as_bytes());
            // `ALL` is made of the variants in their order.
            bytes.push(*channel as u8);
        }
    }

    fn take(mut bytes: &[u8]) -> Option<Self> {
        let mut answers = Vec::with_capacity(bytes.len() / ANSWER_BYTES);
        while !bytes.is_empty() {
            let place = u32::from_le_bytes(take(&mut bytes)?);
            let at = take_time(&mut bytes)?;
            let report = EntryId(Uuid::from_bytes(take(&mut bytes)?));
            let [channel] = take(&mut bytes)?;
            answers.push((place, Answer { at, report, channel: *Channel::ALL.get(usize::from(channel))? }));
        }
        Some(Self(answers))
    }
}

pub(crate) fn serialize<S: Serializer>(calls: &Calls, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return calls.serialize(serializer);
    }
    let mut facilities = Named::new();
    let parted: Vec<(RollCall, Answers)> = calls
        .values()
        .map(|call| {
            let answers = call.answers.iter().map(|(facility, answer)| (facilities.place(facility), answer.clone()));
            let answers = Answers(answers.collect());
            (RollCall { answers: OrdMap::new(), ..call.clone() }, answers)
        })
        .collect();
    let packed: Vec<(&RollCall, Bytes<&Answers>)> = parted.iter().map(|(call, answers)| (call, Bytes(answers))).collect();
    (facilities.list(), packed).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Calls, D::Error> {
    if deserializer.is_human_readable() {
        return Calls::deserialize(deserializer);
    }
    let (facilities, packed) = <(Vec<FacilityId>, Vec<(RollCall, Bytes<Answers>)>)>::deserialize(deserializer)?;
    packed
        .into_iter()
        .map(|(call, Bytes(Answers(answers)))| {
            let answers = answers.into_iter().map(|(place, answer)| Ok((named(&facilities, place)?, answer)));
            Ok((call.id.clone(), RollCall { answers: answers.collect::<Result<_, D::Error>>()?, ..call }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Held(#[serde(with = "super")] Calls);

    fn answer(facility: &str, at: &str, channel: Channel) -> (FacilityId, Answer) {
        let report = EntryId(Uuid::from_u128(u128::from(facility.len() as u64)));
        (facility.parse().unwrap(), Answer { at: at.parse().unwrap(), report, channel })
    }

    fn held() -> Held {
        let call = |id: &str, answers: &[(FacilityId, Answer)]| RollCall {
            id: id.parse().unwrap(),
            areas: vec!["oseto".parse().unwrap()],
            exercise: true,
            opened_at: "2026-11-29T03:00:00Z".parse().unwrap(),
            closed_at: Some("2026-11-29T04:00:00Z".parse().unwrap()),
            answers: answers.iter().cloned().collect(),
        };
        let all: Vec<_> = Channel::ALL.iter().map(|c| answer(&format!("f-{c}"), "2026-11-29T03:04:05.678901234Z", *c)).collect();
        let calls = [
            call("c-1", &all),
            call(
                "c-2",
                &[
                    answer("f-qr", "1969-12-31T23:59:59.9Z", Channel::Button),
                    answer("f-new", "2026-11-29T03:04:06Z", Channel::Qr),
                ],
            ),
            RollCall { areas: vec![], exercise: false, closed_at: None, ..call("c-3", &[]) },
        ];
        Held(calls.into_iter().map(|call| (call.id.clone(), call)).collect())
    }

    #[test]
    fn calls_come_back_as_they_were_and_name_each_facility_once() {
        let held = held();
        let packed = rmp_serde::to_vec_named(&held).unwrap();
        assert!(!packed.windows(6).any(|part| part == b"report"));
        assert_eq!(packed.windows(4).filter(|part| part == b"f-qr").count(), 1);
        assert_eq!(rmp_serde::from_slice::<Held>(&packed).unwrap(), held);
        assert_eq!(serde_json::from_str::<Held>(&serde_json::to_string(&held).unwrap()).unwrap(), held);
    }

    #[test]
    fn bytes_that_are_no_answers_are_refused() {
        let mut bytes = Vec::new();
        Answers(vec![(0, answer("f", "2026-11-29T03:04:06Z", Channel::Qr).1)]).put(&mut bytes);
        assert_eq!(bytes.len(), ANSWER_BYTES);
        assert!(Answers::take(&bytes).is_some());
        assert!(Answers::take(&bytes[1..]).is_none(), "one byte less");
        assert!(Answers::take(&[bytes.as_slice(), &[0]].concat()).is_none(), "one byte more");
        let last = bytes.last_mut().unwrap();
        *last = u8::MAX;
        assert!(Answers::take(&bytes).is_none(), "no such channel");
    }

    #[test]
    fn an_answer_of_a_facility_that_is_not_named_is_refused() {
        let call = held().0.values().next().unwrap().clone();
        let answers = Answers(vec![(1, answer("f", "2026-11-29T03:04:06Z", Channel::Qr).1)]);
        let packed = |named: &[&str]| {
            let call = RollCall { answers: OrdMap::new(), ..call.clone() };
            rmp_serde::to_vec_named(&(named, vec![(call, Bytes(&answers))])).unwrap()
        };
        assert!(rmp_serde::from_slice::<Held>(&packed(&["f-1"])).is_err());
        assert!(rmp_serde::from_slice::<Held>(&packed(&["f-1", "f-2"])).is_ok());
    }
}
