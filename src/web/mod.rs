//! The web: everything that speaks HTTP.
//!
//! It exists so that only this room knows axum. Invariant: nothing in here decides what the board believes; it asks
//! the recorder and the views.

pub mod accept;
pub mod observe;
pub mod ops;
