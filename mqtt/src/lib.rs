//! The wire to buttons and lamps: MQTT bytes in, MQTT bytes out.
//!
//! It exists so that the rest of the program never meets a broker, a packet or a device family. Two doors, one behaviour:
//! [`broker::Broker`] is the embedded broker for a house without one, [`client::Client`] speaks to the broker a city
//! already runs.
//!
//! Invariant: this crate knows no facility and keeps no state that outlives a restart.

pub mod broker;
pub mod client;
mod gate;
pub mod message;
mod tls;
