//! The desk through a year: a disaster closed and read afterwards, a posting returned, a support visit, an exercise in peace.
//!
//! *Invariant:* as for the desk's other walks.
