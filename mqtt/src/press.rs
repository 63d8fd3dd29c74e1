//! What a button said, once the wire's dialect is stripped off.
//!
//! Every device family spells its gestures differently; past this module there is one word for each.
//! Invariant: nothing here knows a facility, and a [`Press`] is never made from a retained replay.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One message as it came off the wire.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The topic it was published on.
    pub topic: &'a str,
    /// The bytes, unchecked: any length, any encoding.
    pub payload: &'a [u8],
    /// Delivery promise, 0 to 2.
    pub qos: u8,
    /// True when the broker replays a stored message to a new subscriber. A device's own live publish
    /// that merely asks to be stored is not a replay: whoever sits inside the broker passes false for it,
    /// because families such as ESPHome ask for storage on every press.
    pub retain: bool,
    /// True when the sender marked the packet as a second attempt.
    pub dup: bool,
}

/// What a hand did to a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gesture {
    /// Pressed once.
    Single,
    /// Pressed twice in a row.
    Double,
    /// Pressed three times in a row.
    Triple,
    /// Pressed four times in a row.
    Quadruple,
    /// Pressed five times or more in a row.
    Quintuple,
    /// Held down.
    Long,
}

impl Gesture {
    /// Every gesture, in the order people learn them.
    pub const ALL: [Self; 6] = [Self::Single, Self::Double, Self::Triple, Self::Quadruple, Self::Quintuple, Self::Long];

    /// The word used in commands, logs and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Double => "double",
            Self::Triple => "triple",
            Self::Quadruple => "quadruple",
            Self::Quintuple => "quintuple",
            Self::Long => "long",
        }
    }
}

impl fmt::Display for Gesture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The word is none of the six gestures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a gesture (single, double, triple, quadruple, quintuple, long)")]
pub struct UnknownGesture(pub String);

impl FromStr for Gesture {
    type Err = UnknownGesture;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|gesture| gesture.word() == word).ok_or_else(|| UnknownGesture(word.to_owned()))
    }
}

/// One press of one button, in the house's own words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Press {
    /// Name of the profile that understood the message.
    pub profile: String,
    /// The device as its family names it: a friendly name, a chip id, a radio address or a radio code.
    pub device: String,
    /// What the hand did.
    pub gesture: Gesture,
    /// Which key, counted from 1, where the device has several or says so.
    pub button: Option<u16>,
    /// What makes two deliveries the same press: `n:` a counter, `t:` a time stamp (ms), `e:` a code that
    /// the radio repeats by itself. Absent when the family offers none of them.
    pub dedupe: Option<String>,
    /// The device's counter, if it sends one.
    pub seq: Option<u64>,
    /// The device's own time, if the message carries one.
    pub at: Option<Timestamp>,
    /// Battery level the same message reported, in percent.
    pub battery_pct: Option<u8>,
}

/// What a device says about itself without being pressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// Name of the profile that understood the message.
    pub profile: String,
    /// The device, spelled as in [`Press::device`].
    pub device: String,
    /// Battery level in percent.
    pub battery_pct: Option<u8>,
    /// True for online, false for offline.
    pub availability: Option<bool>,
}

/// Everything one message said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// Presses, in the order the message lists them. Nearly always none or one.
    pub presses: Vec<Press>,
    /// Battery or availability of a device that was not pressed in this message.
    pub device: Option<DeviceReport>,
    /// Why nothing was taken from the message; set exactly when the other two are empty.
    pub ignored: Option<String>,
}

impl Heard {
    /// A message from which nothing is taken.
    #[must_use]
    pub fn ignored(reason: impl Into<String>) -> Self {
        Self { ignored: Some(reason.into()), ..Self::default() }
    }
}
