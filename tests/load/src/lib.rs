//! What tests and measurements need beyond one small city: registers of any size, and load.
//!
//! It exists so that the tests, the measurements and a person at a terminal use the same cities. *Invariant:* the same
//! seed gives the same bytes on every machine, and no name or number belongs to anybody.

pub mod city;
pub mod endurance;
pub mod history;
pub mod running;
pub mod server;
pub mod size;
pub mod start;
pub mod streams;

/// Whatever went wrong, in words for a person at a terminal.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;
