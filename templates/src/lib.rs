//! Domain values as pages, plain text and print sheets; every visible word.
//!
//! Functions here take a [`imaboard_domain::Moment`] and give markup; they read nothing else. *Invariant:* a value is only ever
//! printed from an [`imaboard_domain::Shown`], with its time beside it.

pub mod city;
pub mod desk;
pub mod guide;
pub mod layout;
pub mod marks;
pub mod poster;
pub mod public;
pub mod report;
pub mod text;
pub mod time;
pub mod words;

pub use city::{City, Desk, District};
