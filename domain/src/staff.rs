//! Who may do what at the coordinator's desk (運用者).
//!
//! Invariant: each role may do everything that those before it may.

use crate::words::words;

words! {
    /// What someone at the desk may do; each may do what those before it may.
    Role {
        /// Looks.
        Viewer = "viewer",
        /// Runs the city: types in reports, opens incidents, edits the register, publishes.
        Coordinator = "coordinator",
        /// Also invites and disables people.
        Admin = "admin",
    }
}
