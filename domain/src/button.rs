//! Push buttons: which gesture of which device sets what.
//!
//! Invariant: a press SETS a state; it never toggles, so pressing twice is harmless.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aspect::RawObservation;
use crate::id::{ButtonId, FacilityId};
use crate::words::words;

words! {
    /// How a button was pressed.
    Gesture {
        /// once
        Single = "single",
        /// twice
        Double = "double",
        /// three times
        Triple = "triple",
        /// four times
        Quadruple = "quadruple",
        /// five times
        Quintuple = "quintuple",
        /// held
        Long = "long",
    }
}

/// What one gesture sets: `GESTURE[@N]=ASPECT:VALUE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The gesture.
    pub gesture: Gesture,
    /// Which key of a device with several, from 1; `None` matches any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub button: Option<u16>,
    /// What it sets; resolved against the facility when pressed.
    pub sets: RawObservation,
}

/// Why a `GESTURE[@N]=ASPECT:VALUE` cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not GESTURE[@N]=ASPECT:VALUE ({why})")]
pub struct BadSetting {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl std::str::FromStr for Setting {
    type Err = BadSetting;

    /// Reads `single=vacancy:full`, `long@2=first_report:needs_help`, `double=vacancy/short-stay:available`,
    /// `single=vacancy/tokuyo/male:full`, `single=vacancy:2` (a count).
    fn from_str(text: &str) -> Result<Self, BadSetting> {
        let bad = |why: &str| BadSetting { text: text.to_owned(), why: why.to_owned() };
        let (left, right) = text.split_once('=').ok_or_else(|| bad("no '='"))?;
        let (gesture, button) = match left.split_once('@') {
            None => (left, None),
            Some((gesture, n)) => {
                let n: u16 = n.parse().map_err(|_| bad("the number after '@' is not one"))?;
                if n == 0 {
                    return Err(bad("keys are numbered from 1"));
                }
                (gesture, Some(n))
            }
        };
        let gesture =
            gesture.parse().map_err(|_| bad("unknown gesture; one of single double triple quadruple quintuple long"))?;
        let (aspect, value) = right.split_once(':').ok_or_else(|| bad("no ':' between aspect and value"))?;
        let mut parts = aspect.splitn(3, '/');
        let mut sets = RawObservation {
            aspect: parts.next().unwrap_or_default().to_owned(),
            service: parts.next().map(str::to_owned),
            cell: parts.next().map(str::to_owned),
            ..RawObservation::default()
        };
        match value.parse::<u32>() {
            Ok(count) => sets.count = Some(count),
            Err(_) => value.clone_into(&mut sets.value),
        }
        Ok(Setting { gesture, button, sets })
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.gesture)?;
        if let Some(n) = self.button {
            write!(f, "@{n}")?;
        }
        write!(f, "={}", self.sets.aspect)?;
        for part in [&self.sets.service, &self.sets.cell].into_iter().flatten() {
            write!(f, "/{part}")?;
        }
        match self.sets.count {
            Some(count) => write!(f, ":{count}"),
            None => write!(f, ":{}", self.sets.value),
        }
    }
}

/// A push button enrolled for a facility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// Its id.
    pub id: ButtonId,
    /// For whom it speaks.
    pub facility: FacilityId,
    /// The device family (name of a profile).
    pub profile: String,
    /// The device's own name on the wire.
    pub device: String,
    /// What its gestures set.
    pub sets: Vec<Setting>,
    /// Where its lamp is told, if not at [`Button::usual_light`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub light: Option<String>,
    /// Which of its passwords holds: each new one ends the one before.
    #[serde(default, skip_serializing_if = "is_first")]
    pub password: u32,
    /// Since when it speaks for its facility; unknown of those that were joined before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_first(password: &u32) -> bool {
    *password == 0
}

impl Button {
    /// A button as it is first joined.
    #[must_use]
    pub fn new(id: ButtonId, facility: FacilityId, profile: String, device: String, sets: Vec<Setting>) -> Self {
        Self { id, facility, profile, device, sets, light: None, password: 0, joined_at: None }
    }

    /// Where a device hears that its press is stored, unless somebody chose another topic.
    #[must_use]
    pub fn usual_light(device: &str) -> String {
        format!("imaboard/button/{device}/stored")
    }

    /// The topic on which this button's lamp is told.
    #[must_use]
    pub fn light_topic(&self) -> String {
        self.light.clone().unwrap_or_else(|| Self::usual_light(&self.device))
    }

    /// What this gesture sets, if anything: a setting for that key wins over one for any key.
    #[must_use]
    pub fn find_setting(&self, gesture: Gesture, key: Option<u16>) -> Option<&Setting> {
        let of_gesture = || self.sets.iter().filter(|s| s.gesture == gesture);
        of_gesture().find(|s| s.button.is_some() && s.button == key).or_else(|| of_gesture().find(|s| s.button.is_none()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_of_an_older_log_reads_and_writes_as_it_did_and_its_lamp_is_told_at_the_usual_topic() {
        let old = r#"{"id":"b1","facility":"f001","profile":"imaboard","device":"door","sets":[]}"#;
        let button: Button = serde_json::from_str(old).expect("reads");
        assert_eq!(button.light_topic(), "imaboard/button/door/stored");
        assert_eq!((button.password, button.joined_at), (0, None));
        assert_eq!(serde_json::to_string(&button).expect("writes"), old);
        let other = Button { light: Some("lamps/door".into()), ..button };
        assert_eq!(other.light_topic(), "lamps/door");
    }
}
