//! Tells cargo that the migrations are part of the program.
//!
//! They are embedded by a macro that cargo cannot see through: without this line a new migration would be missing
//! from the next build. Invariant: nothing is generated here.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
