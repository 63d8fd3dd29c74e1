//! Times as a checkpoint holds them: two numbers. In JSON, which people read, they stay words.
//!
//! A board is mostly standings, days and reports, each with one time or two; reading those from words was a large part of a start
//! after a year. *Invariant:* what is read is the very instant that was written, to the nanosecond, whichever way it was written.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds since 1970 and nanoseconds of the second, both with the sign of the instant.
pub(crate) type Parts = (i64, i32);

/// An instant in parts.
pub(crate) fn parts(at: Timestamp) -> Parts {
    (at.as_second(), at.subsec_nanosecond())
}

/// The instant of its parts; fails on parts that are no instant.
pub(crate) fn whole((second, nanosecond): Parts) -> Result<Timestamp, jiff::Error> {
    Timestamp::new(second, nanosecond)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this shape")]
pub(crate) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() { at.serialize(serializer) } else { parts(*at).serialize(serializer) }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    if deserializer.is_human_readable() {
        return Timestamp::deserialize(deserializer);
    }
    whole(Parts::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}
