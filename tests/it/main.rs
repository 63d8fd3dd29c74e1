//! The integration tests: one binary, one module a subject, every test a claim.
//!
//! They see the program from outside only: its process, its doors, its files. *Invariant:* every test has its own data folder.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod browser;
mod commands;
mod copy;
mod desk;
mod faults;
mod mqtt_door;
mod overload;
mod pages;
mod path;
mod size;
mod support;
mod trace;
mod wall;
