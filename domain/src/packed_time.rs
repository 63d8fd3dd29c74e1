//! Times as a checkpoint holds them: seconds since 1970 and nanoseconds. In JSON, which people read, they stay words.
//!
//! Standings and reports have one time or two each, and words take long to read. *Invariant:* what is read is the very
//! instant that was written, to the nanosecond, whichever way it was written.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time among other packed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Packed(#[serde(with = "crate::packed_time")] pub(crate) Timestamp);

pub(crate) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        at.serialize(serializer)
    } else {
        (at.as_second(), at.subsec_nanosecond()).serialize(serializer)
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    if deserializer.is_human_readable() {
        return Timestamp::deserialize(deserializer);
    }
    let (second, nanosecond) = <(i64, i32)>::deserialize(deserializer)?;
    Timestamp::new(second, nanosecond).map_err(serde::de::Error::custom)
}
