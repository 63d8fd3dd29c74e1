//! The integration tests: one binary, one module a subject, every test a claim.
//!
//! They see the program from outside only: its process, its doors, its files. *Invariant:* every test has its own data folder.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod commands;
#[expect(dead_code, unused_imports, reason = "the modules that use the rest arrive with the pages they test")]
mod support;
mod wall;
