//! What everybody may learn from: the rule of what may be shared, and the pages the city writes itself.
//!
//! Invariant: the lines are those the desk and the facilities see.

use imaboard_domain::GuidePage;
use maud::{Markup, html};

use crate::guide;
use crate::layout::{Frame, page, time_tag};

/// What may be shared and what not: one page on the screen, one sheet of A4 on paper.
#[must_use]
pub fn rule(frame: &Frame<'_>) -> Markup {
    let title = frame.t("rule.title");
    let middle = html! {
        article.guide {
            h1 { (title) }
            (guide::rule(frame.words))
            p.s.screen { (frame.t("rule.print_hint")) }
        }
    };
    page(frame, title, middle)
}

/// A page the city writes itself.
#[must_use]
pub fn guide_page(frame: &Frame<'_>, which: GuidePage) -> Markup {
    let title = guide::title(frame.words, which);
    let edited = frame.moment.board.page(which);
    let middle = html! {
        article.guide {
            h1 { (title) }
            (guide::prose(guide::text_of(frame.words, which, edited)))
            @if let Some(held) = edited.filter(|held| held.text.is_some()) {
                p.s { (frame.t("guide.edited")) " " (time_tag(held.at, frame.now())) }
            }
            p.s { (frame.t("guide.other")) " "
                @for other in GuidePage::ALL.iter().filter(|p| **p != which) { a.ib href=(guide::path(*other)) { (guide::title(frame.words, *other)) } " " }
                a.ib href=(guide::RULE_PATH) { (frame.t("rule.title")) }
            }
        }
    };
    page(frame, title, middle)
}
