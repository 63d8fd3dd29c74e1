//! One facility: telephone first, then every service in its grid, then how it fares in a disaster.
//!
//! Invariant: each cell stands with its time — the one in the line above the grid, or its own where it differs.

use std::collections::BTreeMap;

use imaboard_domain::{
    Aspect, BedRoom, BedSex, Cell, Channel, FacilityBoard, Grid, Level, PLAIN_ASPECTS, PostingKind, Realm, Service, Session,
    Shown, Slot, Standing, Weekday,
};
use jiff::Timestamp;
use jiff::civil::Date;
use maud::{Markup, html};

use super::front::legend;
use super::value::{channel_key, condition, countable, is_typed_in, last_said, room, source_small, source_words, span_words};
use crate::layout::{Frame, as_of, page, tel_big, time_tag};
use crate::marks::level_quiet;
use crate::time;

/// The page of one facility.
#[must_use]
pub fn facility(frame: &Frame<'_>, held: &FacilityBoard) -> Markup {
    let f = &held.facility;
    let mut kinds: Vec<&str> = f.services.iter().map(|s| s.kind.name_ja()).collect();
    kinds.dedup();
    let district = frame.city.district(&f.district);
    let grids: Vec<&Service> = f.services.iter().filter(|s| s.kind.grid().is_some()).collect();
    let middle = html! {
        div.head {
            div {
                p.s { a href="/find" { (frame.t("public.nav.find")) } " › " a href={ "/find?district=" (f.district) } { (district) }
                    @if let Some(island) = &f.island { " › " (island) } }
                h1 { (f.name) }
                p { (kinds.join("・")) }
                (as_of(frame, operation(frame, held)))
            }
            p.call { (tel_big(&f.phone)) span.age { (frame.t("public.facility.call_first")) } }
        }
        (closures(frame, held))
        div.side {
            div {
                (disaster(frame, held))
                @for service in &grids { (service_section(frame, held, service)) }
                @if grids.is_empty() { section { p { (frame.t("public.facility.no_grid")) } } }
                @else { (legend(frame, false)) p.key { span { i.sw.aging {} (frame.t("public.about.aging_key")) } } }
                (remarks(frame, held))
            }
            aside {
                section {
                    h2 { (frame.t("public.facility.about")) }
                    dl.facts {
                        @if let Some(last) = &held.last_report {
                            dt { (frame.t("public.facility.last_report")) }
                            dd { (time_tag(last.at, frame.now())) " " small { (frame.t(channel_key(last.channel))) } }
                        }
                        @if !f.fax.is_empty() { dt { (frame.t("public.facility.fax")) } dd.num { (f.fax) } }
                        dt { (frame.t("public.facility.place")) } dd { (district) @if let Some(i) = &f.island { "・" (i) } " " (f.address) }
                        @if f.services.iter().any(|s| s.capacity.is_some_and(|c| c > 0)) {
                            dt { (frame.t("public.facility.capacity")) }
                            dd { @for s in &f.services { @if let Some(c) = s.capacity.filter(|c| *c > 0) {
                                span.line { (s.kind.name_ja()) " " (c) (s.kind.unit_ja()) }
                            } } }
                        }
                        @if !f.operator.is_empty() { dt { (frame.t("public.facility.operator")) } dd { (f.operator) } }
                        @if !f.office_number.is_empty() { dt { (frame.t("public.facility.number")) } dd.num { (f.office_number) } }
                        @if f.url.starts_with("https://") || f.url.starts_with("http://") {
                            dt { (frame.t("public.facility.web")) } dd { a href=(f.url) rel="external nofollow" { (f.url) } }
                        }
                    }
                }
                (postings(frame, held))
            }
        }
    };
    page(frame, &f.name, middle)
}

/// How it runs, where that is known or asked.
fn operation(frame: &Frame<'_>, held: &FacilityBoard) -> Markup {
    let shown = frame.moment.shown(held, &Aspect::Operation, Realm::Real);
    html! { @if shown != Shown::Missing || (frame.moment.incident().is_some() && held.facility.is_medical()) {
        span.ib { (condition(frame, &held.facility, &Aspect::Operation, shown)) }
    } }
}

fn closures(frame: &Frame<'_>, held: &FacilityBoard) -> Markup {
    let today = frame.moment.today();
    html! {
        @for c in held.facility.closures.iter().filter(|c| c.until >= today) {
            p.note {
                b { (frame.t(if c.from <= today { "public.facility.closed_now" } else { "public.facility.closed_later" })) } " "
                time datetime=(c.from) { (time::day(c.from)) } (frame.t("public.from_to"))
                time datetime=(c.until) { (time::day(c.until)) } (frame.t("public.facility.closed_end"))
                @if let Some(reason) = c.reason { " （" (frame.words.t(&format!("closure.{reason}"))) "）" }
            }
        }
    }
}

/// First report, damage, lifelines, needs: while something real is open, or while a value of it is still current.
///
/// 人的被害 is left out on purpose: at a house of nine people even a flag points to a person.
fn disaster(frame: &Frame<'_>, held: &FacilityBoard) -> Markup {
    let Some(incident) = frame.moment.incident() else { return html! {} };
    let row = frame.moment.damage_of(held, Realm::Real);
    let shown: Vec<(&Aspect, Shown<'_>)> = PLAIN_ASPECTS
        .iter()
        .filter(|(a, _)| !matches!(a, Aspect::Operation | Aspect::Injured | Aspect::Needs))
        .map(|(a, _)| (a, row.shown(a)))
        .filter(|(a, s)| *s != Shown::Missing || matches!(a, Aspect::FirstReport))
        .collect();
    html! {
        section aria-labelledby="dm" {
            h2 #dm { (incident.name) }
            dl.facts.wide {
                @for (aspect, value) in shown {
                    dt { (frame.words.t(&format!("aspect.{}", aspect.word()))) }
                    dd.aging[value.is_aging()] { (condition(frame, &held.facility, aspect, value)) }
                }
                @if !row.needs.is_empty() {
                    dt { (frame.t("aspect.needs")) }
                    dd { @for need in row.needs { span.line { (super::incident::need_words(frame, need)) } }
                        @if let Some(s) = row.shown(&Aspect::Needs).current() { small { (source_small(frame, s)) } } }
                }
            }
        }
    }
}

fn service_section(frame: &Frame<'_>, held: &FacilityBoard, service: &Service) -> Markup {
    let Some(grid) = service.kind.grid() else { return html! {} };
    let today = frame.moment.today();
    let cells: Vec<(Cell, Shown<'_>)> =
        service.cells(today).into_iter().map(|c| (c, frame.moment.cell(held, service, c))).collect();
    let now = frame.moment.service_now(held, service);
    let unit = service.kind.unit_ja();
    let main = mainly(&cells);
    let id = format!("s-{}", service.id);
    let level = now.as_ref().and_then(imaboard_domain::ServiceNow::level);
    let count = now.as_ref().and_then(countable);
    let best = now.as_ref().and_then(|n| n.cell).filter(|_| level.is_some());
    // One cell needs no grid, and a grid without a single current value would be 31 question marks.
    let draws_grid = main.is_some() && cells.len() > 1;
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (service.kind.name_ja()) }
            p.share {
                span.big { (room(frame, level, grid == Grid::Intake, count, unit)) }
                @if let Some(span) = span_words(frame, best) { span.asof { (span) } }
                @if let Some(capacity) = service.capacity.filter(|c| *c > 0) {
                    span.asof { (frame.fill("public.facility.capacity_of", &[("n", &capacity.to_string())])) }
                }
            }
            @match (main, now.map(|n| n.shown)) {
                (Some(main), _) => p.src {
                    (source_words(frame, main))
                    @if cells.iter().any(|(_, s)| s.is_aging()) && !draws_grid { "・" (time::ago(main.observed_at, frame.now())) }
                    @if draws_grid && differs(&cells, main) { span.ib { "。" (frame.t("public.facility.differs")) } }
                },
                (None, Some(Shown::Stale(last))) => p.src { (last_said(frame, last, unit)) span.age { (frame.t("public.facility.ask")) } },
                (None, _) => p.src { (frame.t("public.never_reported")) span.age { (frame.t("public.facility.ask")) } },
            }
            @if draws_grid && let Some(main) = main {
                @match grid {
                    Grid::Beds => (beds(frame, &id, &cells, main, unit)),
                    Grid::Dates => (calendar(frame, &id, today, &cells, main)),
                    Grid::Weekdays => (week(frame, &id, service.sessions(), &cells, main)),
                    Grid::Slots => (slots(frame, &id, &cells, main)),
                    Grid::Intake => {}
                }
            }
            @if grid == Grid::Beds { p.s { (frame.t("public.facility.usable")) } }
        }
    }
}

/// The standing whose time most current cells share; the newest of equals.
fn mainly<'a>(cells: &[(Cell, Shown<'a>)]) -> Option<&'a Standing> {
    let mut groups: BTreeMap<(Timestamp, Channel), (usize, &'a Standing)> = BTreeMap::new();
    for standing in cells.iter().filter_map(|(_, s)| s.current()) {
        groups.entry((standing.observed_at, standing.channel)).or_insert((0, standing)).0 += 1;
    }
    groups.into_iter().max_by_key(|((at, _), (n, _))| (*n, *at)).map(|(_, (_, s))| s)
}

fn differs(cells: &[(Cell, Shown<'_>)], main: &Standing) -> bool {
    cells.iter().filter_map(|(_, s)| s.current()).any(|s| s.observed_at != main.observed_at)
}

/// One cell of a grid.
fn cell(frame: &Frame<'_>, shown: Shown<'_>, main: &Standing, unit: &str, day: Option<Markup>) -> Markup {
    let standing = shown.current();
    let level = standing.and_then(|s| s.value.level());
    let own_time = standing.filter(|s| s.observed_at != main.observed_at);
    // What was typed in for the facility says so, also where the line above the grid speaks of another channel.
    let typed_in = standing.filter(|s| is_typed_in(s) && (own_time.is_some() || s.channel != main.channel));
    html! {
        td.aging[shown.is_aging()] {
            @if let Some(day) = day { (day) }
            span.n.x[matches!(level, None | Some(Level::Full | Level::NotOffered))] {
                (level_quiet(frame.words, level))
                @if let Some(n) = standing.and_then(|s| s.value.count()).filter(|n| *n > 0) { (n) (unit) }
            }
            @match shown {
                Shown::Aging(s) => span.age { (time::ago(s.observed_at, frame.now())) @if let Some(s) = typed_in { "・" (source_words(frame, s)) } },
                Shown::Fresh(_) if typed_in.is_some() => { @if let Some(s) = typed_in { span.age { (source_words(frame, s)) } } },
                Shown::Fresh(_) => { @if let Some(s) = own_time { span.age { (time_tag(s.observed_at, frame.now())) } } },
                Shown::Stale(s) => (last_said(frame, s, unit)),
                Shown::Missing => {}
            }
        }
    }
}

fn not_here(frame: &Frame<'_>) -> Markup {
    html! { td { span.nil aria-hidden="true" { "–" } span.v { (frame.t("public.not_offered")) } } }
}

fn beds(frame: &Frame<'_>, id: &str, cells: &[(Cell, Shown<'_>)], main: &Standing, unit: &str) -> Markup {
    let mut sexes: Vec<Option<BedSex>> = Vec::new();
    let mut rooms: Vec<Option<BedRoom>> = Vec::new();
    for (c, _) in cells {
        if let Cell::Beds { sex, room } = c {
            if !sexes.contains(sex) {
                sexes.push(*sex);
            }
            if !rooms.contains(room) {
                rooms.push(*room);
            }
        }
    }
    let sex_key = |sex: &Option<BedSex>| sex.map_or("bed.all".to_owned(), |s| format!("bed.{}", s.word()));
    let room_key = |room: &Option<BedRoom>| room.map_or("bed.all".to_owned(), |r| format!("bed.{}", r.word()));
    html! {
        table.grid aria-labelledby=(id) {
            thead { tr { td {} @for sex in &sexes { th scope="col" { (frame.words.t(&sex_key(sex))) } } } }
            tbody { @for room in &rooms { tr {
                th scope="row" { (frame.words.t(&room_key(room))) }
                @for sex in &sexes {
                    @match cells.iter().find(|(c, _)| *c == Cell::Beds { sex: *sex, room: *room }) {
                        Some((_, shown)) => (cell(frame, *shown, main, unit, None)),
                        None => (not_here(frame)),
                    }
                }
            } } }
        }
    }
}

fn calendar(frame: &Frame<'_>, id: &str, today: Date, cells: &[(Cell, Shown<'_>)], main: &Standing) -> Markup {
    let lead = usize::from(today.weekday().to_monday_zero_offset().unsigned_abs());
    let mut slots: Vec<Option<&(Cell, Shown<'_>)>> = vec![None; lead];
    slots.extend(cells.iter().map(Some));
    while !slots.len().is_multiple_of(7) {
        slots.push(None);
    }
    let day_name = |date: Date| {
        html! { time.day datetime=(date) {
            @if date == today || date.day() == 1 { (date.month()) "/" } (date.day())
        } }
    };
    html! {
        table.grid.cal aria-labelledby=(id) {
            thead { tr { @for day in Weekday::ALL { th scope="col" { (frame.words.t(&format!("weekday.{}", day.word()))) } } } }
            tbody { @for week in slots.chunks(7) { tr {
                @for slot in week { @match slot {
                    Some((Cell::Date(date), shown)) => (cell(frame, *shown, main, "", Some(day_name(*date)))),
                    _ => td.past {},
                } }
            } } }
        }
    }
}

fn week(frame: &Frame<'_>, id: &str, sessions: &[Session], cells: &[(Cell, Shown<'_>)], main: &Standing) -> Markup {
    html! {
        table.grid aria-labelledby=(id) {
            thead { tr { td {} @for day in Weekday::ALL { th scope="col" { (frame.words.t(&format!("weekday.{}", day.word()))) } } } }
            tbody { @for session in sessions { tr {
                th scope="row" { (frame.words.t(&format!("session.{}", session.word()))) }
                @for day in Weekday::ALL {
                    @match cells.iter().find(|(c, _)| *c == Cell::Weekday(*day, *session)) {
                        Some((_, shown)) => (cell(frame, *shown, main, "", None)),
                        None => (not_here(frame)),
                    }
                }
            } } }
        }
    }
}

fn slots(frame: &Frame<'_>, id: &str, cells: &[(Cell, Shown<'_>)], main: &Standing) -> Markup {
    html! {
        table.grid aria-labelledby=(id) {
            thead { tr { @for slot in Slot::ALL { th scope="col" { (frame.words.t(&format!("slot.{}", slot.word()))) } } } }
            tbody { tr { @for (_, shown) in cells { (cell(frame, *shown, main, "", None)) } } }
        }
    }
}

fn remarks(frame: &Frame<'_>, held: &FacilityBoard) -> Markup {
    let list = frame.moment.remarks(&held.facility.id);
    html! { @if !list.is_empty() {
        section {
            h2 { (frame.t("public.facility.remarks")) }
            ul.list { @for p in list { li {
                (p.text.as_deref().unwrap_or_default())
                span.s { (time_tag(p.received_at, frame.now())) (frame.t("public.received")) }
            } } }
        }
    } }
}

fn postings(frame: &Frame<'_>, held: &FacilityBoard) -> Markup {
    let of = |kind| {
        let mut list = frame.moment.public_postings(kind);
        list.retain(|p| p.facility.as_ref() == Some(&held.facility.id));
        list
    };
    let (notices, jobs) = (of(PostingKind::Notice), of(PostingKind::Job));
    html! { @if !notices.is_empty() || !jobs.is_empty() {
        section {
            h2 { (frame.t("public.facility.postings")) }
            ul.list {
                @for p in notices { li { a href={ "/notices/" (p.id) } { (p.title()) } } }
                @for p in jobs { li { a href={ "/jobs/" (p.id) } { (frame.t("public.jobs.prefix")) (p.title()) } } }
            }
        }
    } }
}
