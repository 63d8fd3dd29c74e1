//! Wall displays, and what every page borrows from them: charts, QR codes and the browser's own files.
//!
//! Everything here is a pure function of its arguments: no clock, no I/O. *Invariant:* a value reaches a wall only through
//! [`imaboard_domain::Shown`], and carries the times at which a browser left alone has to hatch it and then to doubt it.

pub mod ages;
pub mod assets;
pub mod bars;
pub mod chart;
pub mod feed;
pub mod fragment;
pub mod qr;
pub mod scene;
pub mod wall;
