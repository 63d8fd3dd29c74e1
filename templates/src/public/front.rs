//! The front page: where there is room (平常), or what can be used (災害).
//!
//! Invariant: over kinds and districts only numbers of facilities per level are printed, never one merged sign.

use imaboard_domain::{Level, LevelCounts, Mode, PostingKind, Realm};
use maud::{Markup, html};

use super::{incident, posting, row};
use crate::layout::{Frame, as_of, page, tel};
use crate::marks::{Mark, level_key, mark};

/// The front page as things are.
#[must_use]
pub fn front(frame: &Frame<'_>) -> Markup {
    match (frame.moment.mode(), frame.moment.incident()) {
        (Mode::Incident, Some(open)) => {
            let title = frame.t("public.incident.title");
            let middle = html! {
                h1 { (title) }
                (incident::board(frame, Realm::Real, open))
                (vacancies(frame))
                (news(frame))
            };
            page(frame, title, middle)
        }
        (Mode::Peace | Mode::Alert | Mode::Incident, _) => peace(frame),
    }
}

fn peace(frame: &Frame<'_>) -> Markup {
    let state = match frame.moment.mode() {
        Mode::Alert => "public.front.alert",
        Mode::Peace | Mode::Incident => "public.front.peace",
    };
    let middle = html! {
        div.head {
            div {
                h1 { (frame.t("public.front.title_a")) span.ib { (frame.t("public.front.title_b")) } }
                (as_of(frame, html! { span.ib { (frame.t(state)) } }))
            }
            (search(frame, ""))
        }
        div.head {
            p.quick {
                a href="/find?kind=stay&on=today" { (frame.t("public.quick.stay")) }
                a href="/find?kind=day-care" { (frame.t("public.quick.day")) }
                a href="/find?kind=live-in" { (frame.t("public.quick.home")) }
                a href="/find?kind=at-home" { (frame.t("public.quick.visit")) }
            }
            p.ask { (frame.t("public.ask_by_phone")) " " (tel(&frame.desk().phone)) }
        }
        (vacancies(frame))
        (news(frame))
    };
    let title = format!("{}{}", frame.t("public.front.title_a"), frame.t("public.front.title_b"));
    page(frame, &title, middle)
}

/// The search box.
pub(super) fn search(frame: &Frame<'_>, typed: &str) -> Markup {
    html! {
        form.find action="/find" role="search" {
            label for="q" { (frame.t("public.find.label")) }
            div.row {
                input #q name="q" type="search" value=[(!typed.is_empty()).then_some(typed)] autocomplete="off" maxlength="60";
                button { (frame.t("public.find.button")) }
            }
        }
    }
}

/// The legend of the levels.
pub(super) fn legend(frame: &Frame<'_>, numbers: bool) -> Markup {
    html! {
        p.key {
            @for level in [Level::Plenty, Level::Available, Level::Few, Level::Full] {
                span { @if let Some(m) = Mark::of_level(Some(level)) { (mark(m)) } (frame.t(level_key(Some(level)))) }
            }
            span { (mark(Mark::Unknown)) (frame.t("public.unknown_old")) }
            @if numbers { span { (frame.t("public.front.numbers")) } }
        }
    }
}

/// Districts with a column of their own; a table of more is wider than any screen.
pub(super) const MOST_COLUMNS: usize = 12;

/// Kinds by districts.
fn vacancies(frame: &Frame<'_>) -> Markup {
    let rows = row::counts(&frame.moment);
    let districts = &frame.city.districts;
    // A table of a nation's municipalities would be read by nobody and carried by everybody.
    let one_column = districts.len() > MOST_COLUMNS;
    html! {
        section #vacancies aria-labelledby="vt" {
            h2 #vt { (frame.t("public.front.by_district")) }
            @if rows.is_empty() {
                p { (frame.t("public.front.no_facility")) }
            } @else {
                (legend(frame, true))
                table.mx.kd role="table" aria-labelledby="vt" {
                    thead role="rowgroup" { tr role="row" {
                        th role="columnheader" scope="col" { (frame.t("public.front.service")) }
                        @if one_column { th role="columnheader" scope="col" { (frame.t("public.front.everywhere")) } }
                        @else { @for d in districts { th role="columnheader" scope="col" { (d.name) } } }
                    } }
                    tbody role="rowgroup" {
                        @for (row, cells) in &rows {
                            tr role="row" {
                                th role="rowheader" scope="row" {
                                    a href={ "/find?kind=" (row.word) } {
                                        (frame.words.t(&row.name_key()))
                                        @if let Some(span) = row.span_key() { small { " " (frame.t(span)) } }
                                    }
                                }
                                @if one_column {
                                    @let sum = cells.values().fold(LevelCounts::default(), |mut sum, c| { sum.add_all(*c); sum });
                                    td role="cell" { (counts_cell(frame, row.word, "", Some(&sum))) }
                                } @else {
                                    @for d in districts {
                                        td role="cell" {
                                            (counts_cell(frame, row.word, d.id.as_str(), cells.get(&d.id)))
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
                p.s.more { @if !one_column { (islands(frame)) } (reporting(frame)) }
            }
            p.more { a href="/charts/free" { (frame.t("public.front.chart")) } }
        }
    }
}

fn counts_cell(frame: &Frame<'_>, row: &str, district: &str, counts: Option<&LevelCounts>) -> Markup {
    let offered = counts.filter(|c| c.total() > c.not_offered);
    html! {
        @if let Some(c) = offered {
            a href={ "/find?kind=" (row) @if !district.is_empty() { "&district=" (district) } } {
                (count(frame, Some(Level::Plenty), c.plenty))
                (count(frame, Some(Level::Available), c.available))
                (count(frame, Some(Level::Few), c.few))
                (count(frame, Some(Level::Full), c.full))
                (count(frame, None, c.unknown))
            }
        } @else {
            span.nil aria-hidden="true" { "–" } span.v { (frame.t("public.no_facility")) }
        }
    }
}

fn count(frame: &Frame<'_>, level: Option<Level>, number: u32) -> Markup {
    let quiet = matches!(level, None | Some(Level::Full));
    html! {
        @if number > 0 && let Some(drawn) = Mark::of_level(level) {
            span.n.x[quiet] { (mark(drawn)) span.v { (frame.t(level_key(level))) } (number) }
        }
    }
}

/// 松島は大瀬戸、平島・江島は崎戸に入れています。
fn islands(frame: &Frame<'_>) -> String {
    let parts: Vec<String> = frame
        .city
        .districts
        .iter()
        .filter(|d| !d.islands.is_empty())
        .map(|d| frame.fill("public.front.island", &[("islands", &d.islands.join("・")), ("district", &d.name)]))
        .collect();
    if parts.is_empty() { String::new() } else { frame.fill("public.front.islands", &[("list", &parts.join("、"))]) }
}

fn reporting(frame: &Frame<'_>) -> String {
    let (fresh, all) = frame.moment.reporting();
    frame.fill("public.front.reporting", &[("fresh", &fresh.to_string()), ("all", &all.to_string())])
}

/// Notices and jobs side by side.
fn news(frame: &Frame<'_>) -> Markup {
    let notices = frame.moment.public_postings(PostingKind::Notice);
    let jobs = frame.moment.public_postings(PostingKind::Job);
    html! {
        div.two {
            section {
                h2 { (frame.t("public.notices.title")) }
                @if notices.is_empty() { p.s { (frame.t("public.notices.none")) } }
                @else {
                    ul.list { @for p in notices.iter().take(3) { (posting::notice_line(frame, p)) } }
                    p.more { a href="/notices" { (frame.fill("public.notices.all", &[("n", &notices.len().to_string())])) } }
                }
            }
            section {
                h2 { (frame.t("public.jobs.title")) }
                @if jobs.is_empty() { p.s { (frame.t("public.jobs.none")) } }
                @else {
                    ul.list { @for p in jobs.iter().take(3) { (posting::job_line(frame, p)) } }
                    p.more { a href="/jobs" { (frame.fill("public.jobs.all", &[("n", &jobs.len().to_string())])) } }
                }
            }
        }
    }
}
