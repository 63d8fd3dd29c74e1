//! imaboard

pub mod log;
