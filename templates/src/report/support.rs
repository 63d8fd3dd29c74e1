//! 「来て 教えてほしい」: a facility asks for a support visit (伴走支援) with one press and without a name.
//!
//! *Invariant:* a wish that is still open is shown with its time, so that nobody asks twice.

use imaboard_domain::{FacilityBoard, Moment};
use maud::{Markup, html};
use uuid::Uuid;

use super::form::{Problem, Typed, What};
use super::page::Unstored;
use super::sprite::mark;
use super::{Frame, document, path, problem};
use crate::{guide, time};

/// The most characters of what they would like to be shown.
pub const MOST_NOTE_CHARS: usize = 100;

/// The page; after a refusal with what was typed and why.
#[must_use]
pub fn page(
    frame: Frame<'_>,
    moment: Moment<'_>,
    facility: &FacilityBoard,
    nonce: Uuid,
    typed: Option<&Typed>,
    wrong: Option<&Problem>,
    unstored: Option<Unstored>,
) -> Markup {
    let support = moment.board.support().get(&facility.facility.id);
    let open = support.and_then(|held| held.open());
    let last = support.and_then(|held| held.cases.iter().flat_map(|case| &case.visits).map(|visit| visit.on).max());
    let note = typed.and_then(|t| t.one("note")).unwrap_or_default();
    let main = html! {
        @if let Some(why) = unstored { (problem::unstored(frame, moment, why)) }
        @if let Some(case) = open {
            section.block.done aria-labelledby="asked" role="status" {
                h2 #asked { (frame.word("support.asked")) }
                @if let Some(at) = case.asked_at {
                    p.hint { (frame.fill("support.asked_more", &[("when", &time::when(at, moment.now)), ("n", &case.seq.to_string())])) }
                }
                @if let Some(text) = &case.note { p.said { (text) } }
            }
        } @else {
            section.block aria-labelledby="ask" {
                h2 #ask { (frame.word("support.title")) }
                p.hint { (frame.word("support.lead")) }
                @if let Some(on) = last { p.hint { (frame.word("support.last")) " " (time::day(on)) } }
                form method="post" action=(path(frame, "/support")) novalidate {
                    input type="hidden" name="nonce" value=(nonce);
                    p.ng { (mark("ng")) span { (frame.word("posting.ng")) " " a href=(guide::RULE_PATH) { (frame.words.t("rule.title")) } } }
                    @if let Some(wrong) = wrong { (problem::why(frame, facility, wrong, "note-why")) }
                    @if let Some(Problem { what: What::Personal(findings), .. }) = wrong { p.said { (problem::said(note, findings)) } }
                    label.field for="note" { span { (frame.word("support.note")) " " span.opt-note { (frame.word("optional")) } } }
                    textarea #note name="note" rows="3" data-most=(MOST_NOTE_CHARS) aria-invalid=[wrong.map(|_| "true")]
                        aria-describedby=[wrong.map(|_| "note-why")] { (note) }
                    div.sendbar { button.send { (frame.word("support.send")) } }
                }
            }
        }
        p.aside { a href=(path(frame, "")) { (frame.word("back")) } }
    };
    document(frame, moment, Some(facility), "desk.tell", main)
}
