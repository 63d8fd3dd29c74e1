//! imaboard

pub mod clock;
pub mod control;
pub mod data_folder;
pub mod log;
pub mod settings;
pub mod telemetry;
pub mod web;
