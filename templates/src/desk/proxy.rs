//! Proxy entry (代理入力): what was said by telephone or FAX, typed in with the keyboard, read back, recorded.
//!
//! One model of `questions` makes the form, the paper sheet and the sentence to read back, so caller and coordinator read the same
//! lines under the same figures. *Invariant:* nothing is filled in beforehand: what nobody said is not recorded.

mod entry;
mod questions;
mod receipt;
mod say;
mod sheet;

pub use entry::{Entry, Problem, Search, hits, page};
pub use receipt::receipt;
pub use say::{Said, live, said_at, sentence};
pub use sheet::{Of, Order, Sheets, sheets};

/// How many facilities one page of hits holds: what stands beside the form without pushing it away.
pub const HITS_A_PAGE: usize = 8;
/// How many sheets are printed at once: a district of a large city is a stack of paper, and a browser has limits.
pub const SHEETS_A_PAGE: usize = 100;

use imaboard_domain::{Aspect, Cell, Facility, Service};

use crate::words::Words;

/// A word of the room.
fn word(words: &Words, key: &str) -> String {
    words.t(&format!("desk.proxy.{key}")).to_owned()
}

/// The same with `{name}` filled in.
fn filled(words: &Words, key: &str, values: &[(&str, &str)]) -> String {
    words.fill(&format!("desk.proxy.{key}"), values)
}

/// What an aspect is called at the desk: of a vacancy its service and cell.
fn aspect_name(words: &Words, facility: &Facility, aspect: &Aspect) -> String {
    let Aspect::Vacancy { service, cell } = aspect else { return word(words, &format!("question.{}", aspect.word())) };
    let Some(service) = facility.find_service(service) else { return cell.to_string() };
    let cell = questions::cell_name(words, service, *cell);
    let several = facility.services.iter().filter(|s| s.kind.grid().is_some()).count() > 1;
    if several { format!("{} {cell}", service.kind.name_ja()) } else { cell }
}

/// The service of a vacancy.
fn service_of<'a>(facility: &'a Facility, aspect: &Aspect) -> Option<(&'a Service, Cell)> {
    match aspect {
        Aspect::Vacancy { service, cell } => facility.find_service(service).map(|s| (s, *cell)),
        _ => None,
    }
}
