//! The wire to buttons and lamps: MQTT bytes in, MQTT bytes out.
//!
//! It exists so that the rest of the program never meets a broker, a packet or a device family. Two doors, one behaviour:
//! [`broker::Broker`] is the embedded broker for a house without one, [`client::Client`] speaks to the broker a city
//! already runs. What comes in is read by [`Profiles`]: bytes and a device profile become a [`Press`], and [`Recent`]
//! tells a second delivery from a second press.
//!
//! Invariant: this crate knows no facility and keeps no state that outlives a restart.

pub mod broker;
pub mod client;
pub mod decode;
mod gate;
pub mod message;
mod pattern;
pub mod press;
pub mod profile;
pub mod recent;
mod tls;
mod words;

pub use decode::Decoder;
pub use press::{DeviceReport, Gesture, Heard, Incoming, Press, UnknownGesture};
pub use profile::{Profile, ProfileError, Profiles};
pub use recent::Recent;
