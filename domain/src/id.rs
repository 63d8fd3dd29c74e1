//! Identifiers as types, so that a button can never be passed where a facility is meant.
//!
//! Invariant: an id that exists is well-formed (lowercase ASCII letters, digits, `-`, 1 to 64 characters),
//! so it can stand in a URL, a topic and a file name without quoting.

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

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text as an id; fails unless it is well-formed.
            pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
                let text = text.into();
                if well_formed(&text) { Ok(Self(text)) } else { Err(BadId(text)) }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str { &self.0 }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> { Self::new(text) }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String { id.0 }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> { Self::new(text) }
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
