//! The register at the desk: a file of facilities taken in and put back, closures, what a lost key reported taken back.
//!
//! *Invariant:* as for the desk's other walks.
