//! Identifiers as types, so that a button can never be passed where a facility is meant.
//!
//! An id is shared text: cloning one copies no letters, because a board of a nation holds millions of them.
//! Invariant: an id that exists is well-formed (lowercase ASCII letters, digits, `-`, 1 to 64 characters),
//! so it can stand in a URL, a topic and a file name without quoting.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: {0:?} (lowercase letters, digits and '-', 1 to 64 characters)")]
pub struct BadId(pub String);

fn well_formed(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
}

/// Where a search in sorted ids begins; no id itself.
pub(crate) trait First {
    /// Stands before every id.
    fn first() -> Self;
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text as an id; fails unless it is well-formed.
            pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
                let text = text.into();
                if well_formed(&text) { Ok(Self(text.into())) } else { Err(BadId(text)) }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str { &self.0 }
        }

        impl First for $name {
            fn first() -> Self { Self("".into()) }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> { Self::new(text) }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String { id.as_str().to_owned() }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(&self.0) }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                crate::parsed::deserialize(d)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                if well_formed(text) { Ok(Self(text.into())) } else { Err(BadId(text.to_owned())) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
    )+};
}

ids! {
    /// A facility of the register (施設・事業所); stable from day one.
    FacilityId,
    /// A service, unique within its facility.
    ServiceId,
    /// A district of the city (地区), as listed in the settings.
    DistrictId,
    /// A push button enrolled for a facility.
    ButtonId,
    /// A wall display.
    DisplayId,
    /// An incident or exercise.
    IncidentId,
    /// A roll call.
    RollCallId,
    /// A notice, a job or a remark.
    PostingId,
    /// A report key: the public half of what stands in a QR code.
    KeyId,
}

/// The id of one entry of the log: a UUID, version 7 when we make it.
///
/// The sender may choose it; sending the same id again gives the same receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub uuid::Uuid);

impl std::fmt::Display for EntryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
