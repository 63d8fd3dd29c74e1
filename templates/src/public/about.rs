//! What this is, how values age, who runs it, what may be shared; and the page for an address that leads nowhere.
//!
//! Invariant: the spans printed here are the rhythms the board really uses, never numbers of the text.

use imaboard_domain::{Mode, Rhythm};
use maud::{Markup, html};

use super::front;
use crate::guide;
use crate::layout::{Frame, as_of, grouped, page, tel_big};
use crate::marks::{Mark, mark};

/// What the about page tells of the machine behind the board.
#[derive(Debug, Clone, Copy)]
pub struct Imprint<'a> {
    /// The hash of the log's last entry, to be noted elsewhere; `None` before the first.
    pub head_hash: Option<&'a str>,
    /// The program's version.
    pub version: &'a str,
}

/// About this board.
#[must_use]
pub fn about(frame: &Frame<'_>, imprint: Imprint<'_>) -> Markup {
    let title = frame.t("public.about.title");
    let r = frame.moment.rhythms;
    let rows: [(&str, Rhythm); 6] = [
        ("public.about.beds", r.beds),
        ("public.about.dates", r.dates),
        ("public.about.weekdays", r.weekdays),
        ("public.about.slots", r.slots),
        ("public.about.intake", r.intake),
        ("public.about.damage", r.damage),
    ];
    let position = grouped(frame.moment.board.position());
    let middle = html! {
        h1 { (title) }
        (as_of(frame, html! {}))
        div.prose { @for key in ["public.about.what_1", "public.about.what_2", "public.about.what_3"] { p { (frame.t(key)) } } }
        section aria-labelledby="age" {
            h2 #age { (frame.t("public.about.ageing")) }
            div.prose { p { (frame.t("public.about.ageing_text")) } }
            (front::legend(frame, false))
            p.key { span { i.sw.aging {} (frame.t("public.about.aging_key")) } span { (mark(Mark::Bad)) (frame.t("public.about.bad_key")) } span { (mark(Mark::Help)) (frame.t("first_report.needs_help")) } }
            div.scroll tabindex="0" role="region" aria-label=(frame.t("public.about.rhythms")) {
                table.rhythm {
                    thead { tr {
                        th scope="col" { (frame.t("public.about.value")) }
                        th scope="col" { (frame.t("public.about.peace")) }
                        th scope="col" { (frame.t("public.about.incident")) }
                    } }
                    tbody { @for (key, rhythm) in rows { tr {
                        th scope="row" { (frame.t(key)) }
                        td { (span(frame, rhythm, Mode::Peace)) }
                        td { (span(frame, rhythm, Mode::Incident)) }
                    } } }
                }
            }
        }
        section #sharing aria-labelledby="sh" {
            h2 #sh { (frame.t("public.about.sharing")) }
            div.prose {
                p { (frame.t("public.about.sharing_yes")) }
                p { (frame.t("public.about.sharing_no")) }
                p { (frame.t("public.about.sharing_few")) }
                p { a href=(guide::RULE_PATH) { (frame.t("rule.title")) } }
            }
        }
        section aria-labelledby="who" {
            h2 #who { (frame.t("public.about.who")) }
            dl.facts.wide {
                @for desk in [&frame.city.desk, &frame.city.disaster_desk] {
                    dt { (desk.label) }
                    dd { (tel_big(&desk.phone)) " " small { (desk.hours) } }
                }
            }
        }
        section aria-labelledby="log" {
            h2 #log { (frame.t("public.about.log")) }
            div.prose { p { (frame.t("public.about.log_text")) } }
            dl.facts.wide {
                dt { (frame.t("public.about.position")) } dd.num { (frame.fill("public.foot.position", &[("seq", &position)])) }
                @if let Some(hash) = imprint.head_hash { dt { (frame.t("public.about.head")) } dd.num.hash { (hash) } }
                dt { (frame.t("public.about.version")) } dd.num { (frame.t("brand.name")) " " (imprint.version) }
            }
        }
    };
    page(frame, title, middle)
}

fn span(frame: &Frame<'_>, rhythm: Rhythm, mode: Mode) -> String {
    let hours = match mode {
        Mode::Peace | Mode::Alert => rhythm.peace_hours,
        Mode::Incident => rhythm.incident_hours,
    };
    match hours {
        None => frame.t("public.about.never").to_owned(),
        Some(h) => frame.fill("public.about.span", &[("fresh", &hours_words(frame, h)), ("stale", &hours_words(frame, h * 2))]),
    }
}

fn hours_words(frame: &Frame<'_>, hours: u32) -> String {
    if hours >= 48 && hours.is_multiple_of(24) {
        frame.fill("public.about.days", &[("n", &(hours / 24).to_string())])
    } else {
        frame.fill("public.about.hours", &[("n", &hours.to_string())])
    }
}

/// The page for an address that leads nowhere.
#[must_use]
pub fn lost(frame: &Frame<'_>) -> Markup {
    let title = frame.t("public.lost.title");
    let middle = html! {
        h1 { (title) }
        div.prose { p { (frame.t("public.lost.text")) } }
        (front::search(frame, ""))
        p.more { a href="/" { (frame.t("public.lost.home")) } }
        p.ask { (frame.t("public.ask_by_phone")) " " (tel_big(&frame.desk().phone)) }
    };
    page(frame, title, middle)
}
