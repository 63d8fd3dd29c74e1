//! The public board: one function per page, from a [`Frame`] to markup.
//!
//! Invariant: every value stands with the time it was true, and what is too old stands as ？.

mod about;
mod chart;
mod facility;
mod find;
mod front;
mod guide;
pub(crate) mod incident;
mod posting;
mod row;
mod value;

pub use about::{Imprint, about, lost};
pub use chart::{Drawings, free_places};
pub use facility::facility;
pub(crate) use find::encoded;
pub use find::{FindQuery, KindChoice, PAGE_LEN, find};
pub use front::front;
pub use guide::{guide_page, rule};
pub use incident::{incident, need_words};
pub use posting::{job, jobs, notice, notices};
pub use row::{ROWS, Row};
pub(crate) use value::{channel_key, room};
pub use value::{damage_words, is_small_island};

pub use crate::layout::Frame;
