//! Reports of which nobody knows whether they were meant for the exercise: to be asked about by telephone.
//!
//! *Invariant:* until somebody has asked, they count as real, because a false alarm is better than a missed one.

use imaboard_domain::Told;
use maud::{Markup, html};
use uuid::Uuid;

use super::{acts, told};
use crate::desk::{Frame, Room, document};
use crate::layout::{tel, time_tag};
use crate::time;

/// Named at once; more come up as these are settled.
const MOST: usize = 5;

/// What is to be asked about; nothing if nothing is.
pub(super) fn section(frame: &Frame<'_>) -> Markup {
    let list: Vec<&Told> = frame.moment.unclear().take(MOST).collect();
    html! {
        @if !list.is_empty() {
            section.overview-unclear aria-labelledby="un" {
                h2 #un { (frame.t("desk.overview.unclear.title")) }
                p.s { (frame.t("desk.overview.unclear.note")) }
                ul {
                    @for t in list { @if let Some(held) = frame.moment.board.find_facility(&t.facility) { li {
                        (time_tag(t.at, frame.now())) " " b { (held.facility.name) } " " (told(frame, &held.facility, t)) " "
                        (tel(&held.facility.phone)) " "
                        @if acts(frame) { a href={ "/desk/unclear/" (t.report) } { (frame.t("desk.overview.unclear.was_drill")) } }
                    } } }
                }
            }
        }
    }
}

/// Asks once before a report is taken back as practised.
#[must_use]
pub fn ask(frame: &Frame<'_>, report: &Told, nonce: Uuid, problem: Option<&str>) -> Markup {
    let Some(held) = frame.moment.board.find_facility(&report.facility) else { return html! {} };
    let title = frame.fill("desk.overview.unclear.ask", &[("name", &held.facility.name)]);
    let what = match &report.what {
        Some((aspect, value)) if aspect.is_vacancy() => frame.words.t(crate::marks::level_key(value.level())).to_owned(),
        Some((aspect, value)) => super::plain_words(frame, &held.facility, aspect, value),
        None => frame.t("desk.overview.news.remark").to_owned(),
    };
    let middle = html! {
        section.said {
            h1 { (title) }
            @if let Some(problem) = problem { p.overview-wrong role="alert" { (problem) } }
            p { (frame.fill("desk.overview.unclear.consequence", &[("when", &time::when(report.at, frame.now())), ("what", &what)])) }
            p { (tel(&held.facility.phone)) }
            form.acts method="post" action={ "/desk/unclear/" (report.report) } {
                input type="hidden" name="nonce" value=(nonce);
                button.go data-key="Ctrl+Enter" { kbd { "Ctrl+Enter" } (frame.t("desk.overview.unclear.yes")) }
                a.btn href=(Room::Overview.path()) { (frame.t("desk.overview.unclear.no")) }
            }
        }
    };
    document(frame, Some(Room::Overview), &title, middle)
}
