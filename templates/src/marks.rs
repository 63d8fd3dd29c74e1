//! The marks of the board — ◎ ○ △ × ？, damage, help, telephone — as inline SVG.
//!
//! Fonts disagree about these signs (a phone may paint ◎ as an emoji, or not at all), so a page carries [`symbols`] once and
//! points to them. Invariant: a mark never stands alone; the word it means is printed or read out beside it.

use imaboard_domain::{Condition, FirstReport, Level, Operation};
use maud::{Markup, html};

use crate::words::Words;

/// One drawn sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// ◎
    Plenty,
    /// ○, also for "usable" and "open".
    Available,
    /// △, also for "with limits".
    Few,
    /// ×, quiet: full.
    Full,
    /// ？, dashed: missing, stale or unconfirmed.
    Unknown,
    /// × on red: broken, closed by damage. Never for "full".
    Bad,
    /// Diamond with a stroke on red: needs help.
    Help,
    /// A telephone receiver.
    Phone,
}

impl Mark {
    /// Every mark.
    pub const ALL: [Mark; 8] =
        [Mark::Plenty, Mark::Available, Mark::Few, Mark::Full, Mark::Unknown, Mark::Bad, Mark::Help, Mark::Phone];

    /// The id of its symbol; reserved on every page that carries [`symbols`].
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Mark::Plenty => "m-plenty",
            Mark::Available => "m-available",
            Mark::Few => "m-few",
            Mark::Full => "m-full",
            Mark::Unknown => "m-unknown",
            Mark::Bad => "m-bad",
            Mark::Help => "m-help",
            Mark::Phone => "m-phone",
        }
    }

    /// The mark of a level; `None` in is unknown, `None` out is "not offered", which is a dash and no mark.
    #[must_use]
    pub fn of_level(level: Option<Level>) -> Option<Mark> {
        Some(match level {
            Some(Level::Plenty) => Mark::Plenty,
            Some(Level::Available) => Mark::Available,
            Some(Level::Few) => Mark::Few,
            Some(Level::Full) => Mark::Full,
            Some(Level::NotOffered) => return None,
            None => Mark::Unknown,
        })
    }

    /// The mark of a damage value; `None` is unknown.
    #[must_use]
    pub fn of_condition(condition: Option<Condition>) -> Mark {
        match condition {
            Some(Condition::Good) => Mark::Available,
            Some(Condition::Limited) => Mark::Few,
            Some(Condition::Bad) => Mark::Bad,
            Some(Condition::Unconfirmed) | None => Mark::Unknown,
        }
    }

    /// The mark of a first report; `None` is no answer.
    #[must_use]
    pub fn of_first_report(first: Option<FirstReport>) -> Mark {
        match first {
            Some(FirstReport::Safe) => Mark::Available,
            Some(FirstReport::Impaired) => Mark::Few,
            Some(FirstReport::NeedsHelp) => Mark::Help,
            None => Mark::Unknown,
        }
    }

    /// The mark of a state of operation; `None` is no answer.
    #[must_use]
    pub fn of_operation(state: Option<Operation>) -> Mark {
        match state {
            Some(Operation::Normal) => Mark::Available,
            Some(Operation::Limited) => Mark::Few,
            Some(Operation::Suspended | Operation::Evacuated) => Mark::Bad,
            None => Mark::Unknown,
        }
    }
}

/// The key of the words for a level; `None` is unknown.
#[must_use]
pub fn level_key(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Plenty) => "level.plenty",
        Some(Level::Available) => "level.available",
        Some(Level::Few) => "level.few",
        Some(Level::Full) => "level.full",
        Some(Level::NotOffered) => "level.not_offered",
        None => "level.unknown",
    }
}

/// The drawings, once per page, before the first [`mark`].
#[must_use]
pub fn symbols() -> Markup {
    html! {
        svg.defs aria-hidden="true" {
            @for mark in Mark::ALL {
                symbol id=(mark.id()) viewBox="0 0 20 20" { (drawing(mark)) }
            }
        }
    }
}

fn drawing(mark: Mark) -> Markup {
    match mark {
        Mark::Plenty => html! {
            circle cx="10" cy="10" r="8.8" fill="#b5ecd8" stroke="currentColor" stroke-width="1.8" {}
            circle cx="10" cy="10" r="4.2" fill="#03af7a" stroke="currentColor" stroke-width="1.8" {}
        },
        Mark::Available => html! {
            circle cx="10" cy="10" r="8.5" fill="#8ee3c5" stroke="currentColor" stroke-width="2" {}
        },
        Mark::Few => html! {
            path d="M10 2.2 18.4 17.2H1.6Z" fill="#fff27a" stroke="currentColor" stroke-width="1.9" stroke-linejoin="round" {}
        },
        Mark::Full => html! {
            path d="M4 4l12 12M16 4L4 16" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" {}
        },
        Mark::Unknown => html! {
            circle cx="10" cy="10" r="8.7" fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="3.1 2.4" {}
            path d="M7.2 8.1c0-1.7 1.2-2.8 2.8-2.8s2.8 1.1 2.8 2.6c0 1.9-2.6 2.1-2.6 4.1" fill="none" stroke="currentColor"
                stroke-width="1.8" stroke-linecap="round" {}
            circle cx="10.1" cy="14.8" r="1.2" fill="currentColor" {}
        },
        Mark::Bad => html! {
            rect x="1.4" y="1.4" width="17.2" height="17.2" rx="3" fill="#ff4b00" stroke="currentColor" stroke-width="1.8" {}
            path d="M6 6l8 8M14 6l-8 8" stroke="#000" stroke-width="2.4" stroke-linecap="round" {}
        },
        Mark::Help => html! {
            path d="M10 .8 19.2 10 10 19.2.8 10Z" fill="#ff4b00" stroke="currentColor" stroke-width="1.6"
                stroke-linejoin="round" {}
            path d="M10 5.4v5.6" stroke="#000" stroke-width="2.4" stroke-linecap="round" {}
            circle cx="10" cy="14.2" r="1.4" {}
        },
        Mark::Phone => html! {
            path d="M5.6 1.8 8 6.2 6.2 8c1 2.3 3.4 4.8 5.8 5.8l1.8-1.8 4.4 2.4c-.2 2-1.6 3.8-3.6 3.8C8 18 2 12 1.8 5.4c0-2 1.8-3.4 3.8-3.6Z"
                fill="currentColor" {}
        },
    }
}

/// One mark, hidden from screen readers: print its word beside it.
#[must_use]
pub fn mark(mark: Mark) -> Markup {
    html! { svg.m aria-hidden="true" { use href=(Href(mark)) {} } }
}

struct Href(Mark);

impl maud::Render for Href {
    fn render_to(&self, buffer: &mut String) {
        buffer.push('#');
        buffer.push_str(self.0.id());
    }
}

/// The mark of a level with its word for screen readers only: for tables, where the column says the rest.
#[must_use]
pub fn level_quiet(words: &Words, level: Option<Level>) -> Markup {
    let word = words.t(level_key(level));
    match Mark::of_level(level) {
        Some(drawn) => html! { (mark(drawn)) span.v { (word) } },
        None => html! { span.nil aria-hidden="true" { "–" } span.v { (word) } },
    }
}

/// The mark of a level with its word in sight.
#[must_use]
pub fn level_spoken(words: &Words, level: Option<Level>) -> Markup {
    let word = words.t(level_key(level));
    match Mark::of_level(level) {
        Some(drawn) => html! { (mark(drawn)) (word) },
        None => html! { span.nil aria-hidden="true" { "–" } " " (word) },
    }
}
