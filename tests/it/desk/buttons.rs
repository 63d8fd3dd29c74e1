//! Buttons and keys at the desk, as a person joins, tries and revokes them in a browser.
//!
//! *Invariant:* as for the desk's other walks.
