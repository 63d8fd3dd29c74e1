//! Postings as a checkpoint holds them: remarks that nobody has touched without the names of their fields.
//!
//! Every report may carry a remark, and until the city looks at it it waits: after a year they are thousands, more than
//! everything else that has grown. In JSON, which people read, they stay what they are. *Invariant:* what is read is what was
//! written, in the order of the ids.

use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{FacilityId, PostingId};
use crate::packed::{Named, named};
use crate::packed_time;
use crate::posting::Posting;

type Postings = OrdMap<PostingId, Arc<Posting>>;

/// Id, place of the facility in the list, words, position of its entry, and when it reached us.
type Remark<I, T> = (I, u32, T, u64, packed_time::Packed);

pub(crate) fn serialize<S: Serializer>(postings: &Postings, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return postings.serialize(serializer);
    }
    let mut facilities = Named::new();
    let mut remarks: Vec<Remark<&PostingId, Option<&str>>> = Vec::new();
    let mut others = Vec::new();
    for posting in postings.values() {
        match posting.facility.as_ref().filter(|_| posting.is_untouched_remark()) {
            Some(facility) => {
                let received_at = packed_time::Packed(posting.received_at);
                let facility = facilities.place(facility);
                remarks.push((&posting.id, facility, posting.text.as_deref(), posting.source_seq, received_at));
            }
            None => others.push(posting),
        }
    }
    (facilities.list(), remarks, others).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Postings, D::Error> {
    if deserializer.is_human_readable() {
        return Postings::deserialize(deserializer);
    }
    type Packed = (Vec<FacilityId>, Vec<Remark<PostingId, Option<String>>>, Vec<Arc<Posting>>);
    let (facilities, remarks, others) = Packed::deserialize(deserializer)?;
    let mut postings = Postings::new();
    for (id, facility, text, source_seq, packed_time::Packed(received_at)) in remarks {
        let facility = named(&facilities, facility)?;
        postings.insert(id.clone(), Arc::new(Posting::remark(id, facility, text, source_seq, received_at)));
    }
    postings.extend(others.into_iter().map(|posting| (posting.id.clone(), posting)));
    Ok(postings)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::posting::{PostingKind, PostingState};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Held(#[serde(with = "super")] Postings);

    fn held() -> Held {
        let remark = |id: &str, text: Option<&str>| {
            let at = "2026-11-29T03:04:05.678901Z".parse().unwrap();
            Posting::remark(id.parse().unwrap(), "f001".parse().unwrap(), text.map(str::to_owned), 7, at)
        };
        let postings = [
            remark("r-1", Some("発電機で動いています")),
            // A redaction has erased the words.
            remark("r-2", None),
            Posting { state: PostingState::Withdrawn, ..remark("r-3", Some("通行止め")) },
            Posting { kind: PostingKind::Notice, facility: None, from_city: true, ..remark("p-4", Some("題\n本文")) },
            Posting { expires_at: Some(jiff::Timestamp::MAX), ..remark("r-5", Some("断水")) },
        ];
        Held(postings.into_iter().map(|posting| (posting.id.clone(), Arc::new(posting))).collect())
    }

    #[test]
    fn touched_or_not_postings_come_back_as_they_were() {
        let held = held();
        let packed = rmp_serde::to_vec_named(&held).unwrap();
        assert_eq!(rmp_serde::from_slice::<Held>(&packed).unwrap(), held);
        assert_eq!(serde_json::from_str::<Held>(&serde_json::to_string(&held).unwrap()).unwrap(), held);
    }

    #[test]
    fn a_remark_that_waits_names_none_of_its_fields() {
        let only = |id: &str| {
            let Held(all) = held();
            rmp_serde::to_vec_named(&Held(all.into_iter().filter(|(held, _)| held.as_str() == id).collect())).unwrap()
        };
        let names = |packed: &[u8]| packed.windows(11).any(|part| part == b"received_at");
        assert!(!names(&only("r-1")) && !names(&only("r-2")));
        assert!(names(&only("r-3")) && names(&only("r-5")), "what is more than a remark is written whole");
    }

    #[test]
    fn a_time_that_is_none_and_a_facility_that_is_not_named_are_refused() {
        let read = |facility: u32, second: i64| {
            let remark = ("r-1", facility, None::<&str>, 7_u64, (second, 0_i32));
            let packed = (["f001"], vec![remark], Vec::<u8>::new());
            rmp_serde::from_slice::<Held>(&rmp_serde::to_vec(&packed).unwrap())
        };
        assert!(read(0, 0).is_ok());
        assert!(read(0, i64::MAX).is_err());
        assert!(read(1, 0).is_err());
    }
}
