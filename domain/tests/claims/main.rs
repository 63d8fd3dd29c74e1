//! What the domain claims, as tests that can fail: one binary, because linking costs more than running.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod ageing;
mod burden;
mod calls;
mod corrections;
mod counting;
mod exercises;
mod fold;
mod parsing;
mod questions;
mod support;
mod words;
