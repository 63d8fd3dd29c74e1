//! What comes in besides the web: presses of buttons and files of the register.

pub mod feedback;
pub mod listening;
pub mod press;
pub mod register;
