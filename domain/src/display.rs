//! Wall displays of the register.

use serde::{Deserialize, Serialize};

use crate::id::{DisplayId, DistrictId};

/// A wall display (表示端末).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Display {
    /// Its id, part of its address.
    pub id: DisplayId,
    /// Where it hangs (市役所 1階ロビー).
    pub name: String,
    /// Districts it shows; empty means the whole city.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub districts: Vec<DistrictId>,
}
