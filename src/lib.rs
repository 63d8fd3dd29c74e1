//! Imaboard (いまボード): the status board of a city.
//!
//! Everything that changes what the board shows is an entry in an append-only [`log`]; the board is a pure fold over that log
//! (`imaboard_domain::Board`), kept in memory; every page, display and message to a device is a view of the board. Who follows
//! one press from wire to pixel opens, in order: `mqtt/src/profile.rs`, [`intake::press`], [`recorder`], `domain/src/board.rs`,
//! [`web`]`::wall` and `display/assets/wall.js`. [`wiring`] is where the rooms meet.
//!
//! *Architecture invariant:* only [`log`] names sqlx, only [`web`] axum, only [`jobs`] the scheduler; nothing is told
//! "stored" before the commit returned; the read side never touches the database.

pub mod app;
pub mod checkpoint;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod control;
pub mod core;
pub mod data_folder;
pub mod descriptors;
pub mod fold;
pub mod intake;
pub mod jobs;
pub mod keys;
pub mod log;
pub mod paints;
pub mod press;
pub mod recorder;
pub mod replay;
pub mod sample;
pub mod settings;
pub mod telemetry;
pub mod trail;
pub mod views;
pub mod web;
pub mod wiring;
