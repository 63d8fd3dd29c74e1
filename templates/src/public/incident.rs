//! A disaster or an exercise: what can be used, what is missing, what can be given, what happened.
//!
//! The same board serves the front page during a disaster and the page of an exercise. Invariant: a page of an exercise shows
//! only what was practised, under stripes, and a real page shows nothing of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use imaboard_domain::{
    Acceptance, Aspect, Channel, Condition, ConditionCounts, DistrictId, FacilityBoard, FirstReport, Incident, Need,
    NoticeCategory, Operation, Posting, PostingKind, Realm, Shown, Standing, Urgency, Value,
};
use jiff::Timestamp;
use maud::{Markup, html};

use super::find::{condition_key, place};
use super::front::MOST_COLUMNS;
use super::value::{as_of_small, damage_words, people};
use crate::layout::{Frame, as_of, exercise_page, machine_time, page, tel, time_tag};
use crate::marks::{Mark, mark};
use crate::time;

/// How many facilities one part of the medical list holds before it points to the search.
const MEDICAL_A_GROUP: usize = 30;
/// How many needs, offers and road reports a list holds.
const LINES: usize = 20;
/// How many events the timeline holds.
const EVENTS: usize = 30;
/// And how many updates of the city besides.
const MOST_NOTES: usize = 60;

/// The page of one incident or exercise, open or closed.
#[must_use]
pub fn incident(frame: &Frame<'_>, incident: &Incident) -> Markup {
    let realm = incident.realm();
    let current = incident.closed_at.is_none() && frame.moment.incident_in(realm).is_some_and(|i| i.id == incident.id);
    let middle = html! {
        h1 { (incident.name) }
        @if current {
            (board(frame, realm, incident))
        } @else {
            (as_of(frame, html! { (span_words(frame, incident)) }))
            (roll_calls_of(frame, incident))
            (timeline(frame, incident))
        }
        p.more { a href="/" { (frame.t("public.incident.front")) } }
    };
    if incident.exercise { exercise_page(frame, &incident.name, middle) } else { page(frame, &incident.name, middle) }
}

fn span_words(frame: &Frame<'_>, incident: &Incident) -> Markup {
    html! {
        span.ib {
            (time_tag(incident.opened_at, frame.now())) (frame.t("public.since"))
            @if let Some(at) = incident.closed_at { " " (time_tag(at, frame.now())) (frame.t("public.incident.until")) }
            @else { " " (frame.t("public.incident.open")) }
        }
    }
}

/// Everything below the headline of an open incident.
pub(super) fn board(frame: &Frame<'_>, realm: Realm, incident: &Incident) -> Markup {
    let counts = frame.moment.first_counts(realm);
    let asked = counts.needs_help + counts.impaired + counts.safe + counts.silent;
    let answers =
        frame.fill("public.incident.answers", &[("all", &asked.to_string()), ("n", &(asked - counts.silent).to_string())]);
    html! {
        (as_of(frame, html! { span.ib { (answers) } }))
        p.call {
            @if realm == Realm::Real { span.ib { (frame.t("public.incident.danger")) " " a.tel href="tel:119" { "119" } } " " }
            span.ib { (frame.t("public.incident.other_calls")) " " (tel(&frame.city.disaster_desk.phone)) " " small { (frame.city.disaster_desk.hours) } }
        }
        p.quick {
            a href="#medical" { (frame.t("public.incident.medical_short")) }
            a href="#lifelines" { (frame.t("public.incident.lifelines")) }
            a href="#transport" { (frame.t("public.incident.transport")) }
            a href="#needs" { (frame.t("public.incident.needs")) }
            @if realm == Realm::Real { a href="#vacancies" { (frame.t("public.front.by_district")) } }
        }
        (medical(frame, realm))
        (lifelines(frame, realm))
        div.two { (transport(frame, realm)) (answers_now(frame, realm)) }
        div.two { (needs(frame, realm)) (offers(frame, realm)) }
        (timeline(frame, incident))
    }
}

struct Opening<'a> {
    held: &'a FacilityBoard,
    state: Option<(Operation, &'a Standing, bool)>,
    shown: Shown<'a>,
}

fn openings<'a>(frame: &Frame<'a>, realm: Realm) -> Vec<Opening<'a>> {
    let mut list: Vec<Opening<'a>> = frame
        .moment
        .facilities()
        .filter(|held| held.facility.is_medical())
        .map(|held| {
            let shown = frame.moment.shown(held, &Aspect::Operation, realm);
            let state = shown.current().and_then(|s| match s.value {
                Value::Operation { state, .. } => Some((state, s, shown.is_aging())),
                _ => None,
            });
            Opening { held, state, shown }
        })
        .collect();
    let order = |o: &Opening<'_>| frame.city.districts.iter().position(|d| d.id == o.held.facility.district);
    list.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.held.facility.kana.cmp(&b.held.facility.kana)));
    list
}

fn medical(frame: &Frame<'_>, realm: Realm) -> Markup {
    let list = openings(frame, realm);
    let of = |wanted: &[Operation]| -> Vec<&Opening<'_>> {
        list.iter().filter(|o| o.state.is_some_and(|(state, _, _)| wanted.contains(&state))).collect()
    };
    let silent: Vec<&Opening<'_>> = list.iter().filter(|o| o.state.is_none()).collect();
    let groups = [
        (Mark::Available, "public.incident.open_now", of(&[Operation::Normal])),
        (Mark::Few, "public.incident.limited_now", of(&[Operation::Limited])),
        (Mark::Bad, "public.incident.closed_now", of(&[Operation::Suspended, Operation::Evacuated])),
        (Mark::Unknown, "public.incident.silent_now", silent),
    ];
    html! {
        section #medical aria-labelledby="mt" {
            h2 #mt { (frame.t("public.incident.medical")) }
            @if list.is_empty() { p { (frame.t("public.incident.no_medical")) } }
            @else {
                @if groups[0].2.is_empty() { p { (frame.t("public.incident.none_open")) } }
                table.cl role="table" aria-labelledby="mt" {
                    thead.v role="rowgroup" { tr role="row" {
                        @for key in ["public.incident.col_facility", "public.incident.col_state", "public.incident.col_time", "public.incident.col_phone"] {
                            th role="columnheader" scope="col" { (frame.t(key)) }
                        }
                    } }
                    @for (drawn, key, members) in &groups { @if !members.is_empty() {
                        tbody role="rowgroup" {
                            tr role="row" { th.grp role="rowheader" scope="rowgroup" colspan="4" {
                                (mark(*drawn)) (frame.words.t(key)) " " span.num { (members.len()) } (frame.t("public.places"))
                            } }
                            @for o in members.iter().take(MEDICAL_A_GROUP) { (opening_row(frame, realm, o)) }
                        }
                    } }
                }
                @if groups.iter().any(|(_, _, m)| m.len() > MEDICAL_A_GROUP) && realm == Realm::Real {
                    p.more { a href="/find?kind=medical" { (frame.fill("public.incident.all_medical", &[("n", &list.len().to_string())])) } }
                }
            }
        }
    }
}

fn opening_row(frame: &Frame<'_>, realm: Realm, o: &Opening<'_>) -> Markup {
    let f = &o.held.facility;
    html! {
        tr role="row" {
            th role="rowheader" scope="row" { a href={ "/facilities/" (f.id) } { (f.name) } " " small { (place(frame, o.held)) } }
            td role="cell" { (limits(frame, realm, o)) }
            td.s.aging[o.state.is_some_and(|(_, _, aging)| aging)] role="cell" {
                @if let Some((_, s, aging)) = o.state {
                    (as_of_small(frame, s.observed_at))
                    @if aging { span.age { (time::ago(s.observed_at, frame.now())) } }
                }
            }
            td role="cell" { (tel(&f.phone)) }
        }
    }
}

/// What limits an open place, or why it is closed: its broken lifelines, or when it opens again.
fn limits(frame: &Frame<'_>, realm: Realm, o: &Opening<'_>) -> Markup {
    let f = &o.held.facility;
    let mut parts: Vec<String> = Vec::new();
    match (o.state, o.shown) {
        (Some((state, s, _)), _) => {
            if let Value::Operation { reopens: Some(day), .. } = &s.value {
                parts.push(frame.fill("public.incident.reopens", &[("day", &time::day(*day))]));
            }
            if state == Operation::Evacuated {
                parts.push(frame.t("operation.evacuated").to_owned());
            }
        }
        (None, Shown::Stale(s)) => {
            let word = damage_words(frame, f, &Aspect::Operation, &s.value);
            return html! { span.age.was { (frame.t("public.last")) " " (time::ago(s.observed_at, frame.now())) " " (word) } };
        }
        (None, _) => {}
    }
    for aspect in [Aspect::Power, Aspect::Water, Aspect::MedicalGas, Aspect::Road, Aspect::Staff, Aspect::Supplies] {
        let Some(s) = frame.moment.shown(o.held, &aspect, realm).current() else { continue };
        if matches!(s.value.condition(), Some(Condition::Limited | Condition::Bad)) {
            let name = frame.words.t(&format!("aspect.{}", aspect.word())).to_owned();
            parts.push(format!("{name} {}", damage_words(frame, f, &aspect, &s.value)));
        }
    }
    html! { (parts.join("・")) }
}

fn lifelines(frame: &Frame<'_>, realm: Realm) -> Markup {
    let aspects = [Aspect::Power, Aspect::Water, Aspect::Road, Aspect::Phone];
    let counts: Vec<_> = aspects.iter().map(|a| frame.moment.condition_counts(a, realm)).collect();
    let held = frame.moment.facilities_by_district();
    let facilities = |d: &DistrictId| held.get(d).copied().unwrap_or(0);
    let one_row = frame.city.districts.len() > MOST_COLUMNS;
    let everywhere = |c: &BTreeMap<DistrictId, ConditionCounts>| {
        c.values().fold(ConditionCounts::default(), |sum, c| ConditionCounts {
            good: sum.good + c.good,
            limited: sum.limited + c.limited,
            bad: sum.bad + c.bad,
            unknown: sum.unknown + c.unknown,
        })
    };
    let hours = frame.moment.rhythms.damage.incident_hours.map(|h| (h * 2).to_string());
    html! {
        section #lifelines aria-labelledby="lt" {
            h2 #lt { (frame.t("public.incident.lifelines")) }
            p.key {
                (condition_key(frame, Mark::Available, "public.incident.usable"))
                (condition_key(frame, Mark::Few, "public.incident.partly"))
                (condition_key(frame, Mark::Bad, "public.incident.unusable"))
                (condition_key(frame, Mark::Unknown, "public.incident.unknown"))
            }
            table.mx.ll aria-labelledby="lt" {
                thead { tr {
                    th scope="col" { (frame.t("public.find.district")) }
                    @for a in &aspects { th scope="col" { (frame.words.t(&format!("aspect.{}", a.word()))) } }
                } }
                tbody { @if one_row { tr {
                    th scope="row" { (frame.t("public.front.everywhere")) span.age { (frame.moment.facility_count()) (frame.t("public.facilities_unit")) } }
                    @for c in &counts { td { (counts_cell(frame, everywhere(c))) } }
                } } @else { @for d in &frame.city.districts {
                    @let n = facilities(&d.id);
                    @if n > 0 { tr {
                        th scope="row" { (d.name) span.age { (n) (frame.t("public.facilities_unit")) } }
                        @for c in &counts { td { (counts_cell(frame, c.get(&d.id).copied().unwrap_or_default())) } }
                    } }
                } } }
            }
            p.s.more {
                (frame.t("public.front.numbers")) "。"
                @if let Some(h) = hours { (frame.fill("public.incident.too_old", &[("n", &h)])) }
            }
        }
    }
}

fn counts_cell(frame: &Frame<'_>, c: ConditionCounts) -> Markup {
    let parts = [
        (Mark::Available, "public.incident.usable", c.good),
        (Mark::Few, "public.incident.partly", c.limited),
        (Mark::Bad, "public.incident.unusable", c.bad),
        (Mark::Unknown, "public.incident.unknown", c.unknown),
    ];
    html! { div.st { @for (drawn, key, n) in parts { @if n > 0 {
        span.n.x[drawn == Mark::Unknown] { (mark(drawn)) span.v { (frame.words.t(key)) } (n) }
    } } } }
}

/// Notices of the city, then what facilities said of their roads and ferries, joined by island or district.
fn transport(frame: &Frame<'_>, realm: Realm) -> Markup {
    let mut notices: Vec<&Posting> = frame.moment.public_postings(PostingKind::Notice);
    // Notices are always real, so they stay off the board of an exercise.
    notices.retain(|p| p.category == Some(NoticeCategory::Transport) && realm == Realm::Real);
    let mut roads: BTreeMap<(Reverse<Condition>, &str, &str), (usize, Timestamp)> = BTreeMap::new();
    for held in frame.moment.told(realm) {
        let Some(s) = frame.moment.shown(held, &Aspect::Road, realm).current() else { continue };
        let Some(condition @ (Condition::Limited | Condition::Bad)) = s.value.condition() else { continue };
        let said = roads.entry((Reverse(condition), place(frame, held), s.value.word())).or_insert((0, s.observed_at));
        said.0 += 1;
        said.1 = said.1.max(s.observed_at);
    }
    html! {
        section #transport {
            h2 { (frame.t("public.incident.transport")) }
            @if notices.is_empty() && roads.is_empty() { p.s { (frame.t("public.incident.no_transport")) } }
            @else { ul.list {
                @for p in notices.iter().take(LINES) { li {
                    a href={ "/notices/" (p.id) } { (p.title()) }
                    span.s { (frame.t("public.incident.city_notice")) " " (time_tag(p.publish_at.unwrap_or(p.received_at), frame.now())) }
                } }
                @for ((condition, place, word), (said, at)) in roads.iter().take(LINES) { li {
                    span.n { (mark(Mark::of_condition(Some(condition.0)))) (frame.words.t(&format!("road.{word}"))) }
                    " " (place)
                    span.s { (frame.fill("public.incident.facilities_said", &[("n", &said.to_string())])) " " (as_of_small(frame, *at)) }
                } }
            } }
        }
    }
}

fn answers_now(frame: &Frame<'_>, realm: Realm) -> Markup {
    let counts = frame.moment.first_counts(realm);
    html! {
        section #answers {
            h2 { (frame.t("public.incident.answers_title")) }
            @match frame.moment.roll_call(realm) {
                Some(now) => {
                    p.share { b { (now.percent()) "％" } span { (frame.fill("public.incident.answers", &[("all", &now.asked.to_string()), ("n", &now.answered.to_string())])) } }
                    (bar(frame, now.answered, now.asked))
                    p.s {
                        (time_tag(now.call.opened_at, frame.now())) (frame.t("public.incident.call_since"))
                        @if now.asked > now.answered { (frame.fill("public.incident.calling", &[("n", &(now.asked - now.answered).to_string())])) }
                    }
                    @if frame.city.districts.len() <= MOST_COLUMNS { ul.list.slim { @for d in &frame.city.districts { @if let Some(a) = now.districts.get(&d.id) {
                        li { span { (d.name) } span.num { (a.answered) " / " (a.asked) } }
                    } } } }
                }
                None => p.s { (frame.t("public.incident.no_call")) },
            }
            p.key {
                span { (mark(Mark::Help)) (frame.t("first_report.needs_help")) " " b.num { (counts.needs_help) } }
                span { (mark(Mark::Few)) (frame.t("first_report.impaired")) " " b.num { (counts.impaired) } }
                span { (mark(Mark::Available)) (frame.t("first_report.safe")) " " b.num { (counts.safe) } }
                span { (mark(Mark::Unknown)) (frame.t("public.no_answer")) " " b.num { (counts.silent) } }
            }
        }
    }
}

fn bar(frame: &Frame<'_>, answered: u32, asked: u32) -> Markup {
    let permille = (u64::from(answered) * 1000).checked_div(u64::from(asked)).unwrap_or(1000);
    let label = frame.fill("public.incident.answers", &[("all", &asked.to_string()), ("n", &answered.to_string())]);
    html! {
        svg.bar viewBox="0 0 1000 16" preserveAspectRatio="none" role="img" aria-label=(label) {
            rect width="1000" height="16" fill="#d9dcd8" {}
            rect width=(permille) height="16" fill="#16191d" {}
        }
    }
}

/// One need in words: `水 60L`.
#[must_use]
pub fn need_words(frame: &Frame<'_>, need: &Need) -> String {
    let item = frame.words.t(&format!("need.{}", need.item.word())).to_owned();
    match need.quantity {
        Some((n, unit)) => {
            let unit = frame.words.t(&format!("need_unit.{}", unit.word())).to_owned();
            format!("{item} {n}{unit}")
        }
        None => item,
    }
}

fn needs(frame: &Frame<'_>, realm: Realm) -> Markup {
    let mut list: Vec<(&Need, &FacilityBoard, &Standing, bool)> = Vec::new();
    for held in frame.moment.told(realm) {
        let shown = frame.moment.shown(held, &Aspect::Needs, realm);
        if let Some(s) = shown.current()
            && let Value::Needs(needs) = &s.value
        {
            list.extend(needs.iter().map(|n| (n, held, s, shown.is_aging())));
        }
    }
    list.sort_by_key(|(n, _, s, _)| (n.urgency, Reverse(s.observed_at)));
    let rest = list.len().saturating_sub(LINES);
    html! {
        section #needs {
            h2 { (frame.t("public.incident.needs")) }
            @if list.is_empty() { p.s { (frame.t("public.incident.no_needs")) } }
            @else { ul.list {
                @for (need, held, s, aging) in list.iter().take(LINES) { li.aging[*aging] {
                    span.n { (mark(if need.urgency == Urgency::Now { Mark::Help } else { Mark::Few })) (frame.words.t(&format!("urgency.{}", need.urgency.word()))) }
                    " " (need_words(frame, need))
                    (said_by(frame, held, s, *aging))
                } }
            } }
            @if rest > 0 { p.s { (frame.fill("public.incident.more_lines", &[("n", &rest.to_string())])) } }
        }
    }
}

fn offers(frame: &Frame<'_>, realm: Realm) -> Markup {
    let mut list: Vec<(&FacilityBoard, &Standing, Acceptance, Option<u32>, bool)> = Vec::new();
    for held in frame.moment.told(realm) {
        let shown = frame.moment.shown(held, &Aspect::Acceptance, realm);
        if let Some(s) = shown.current()
            && let Value::Acceptance { state, count } = s.value
            && state != Acceptance::No
        {
            list.push((held, s, state, count, shown.is_aging()));
        }
    }
    list.sort_by_key(|(_, s, state, count, _)| (*state != Acceptance::Yes, Reverse(*count), Reverse(s.observed_at)));
    let rest = list.len().saturating_sub(LINES);
    html! {
        section #offers {
            h2 { (frame.t("public.incident.offers")) }
            @if list.is_empty() { p.s { (frame.t("public.incident.no_offers")) } }
            @else { ul.list {
                @for (held, s, state, count, aging) in list.iter().take(LINES) { li.aging[*aging] {
                    span.n {
                        (mark(if *state == Acceptance::Yes { Mark::Available } else { Mark::Few }))
                        (frame.t("aspect.acceptance")) " "
                        @match (state, count.filter(|n| *n > 0)) {
                            (Acceptance::Yes, Some(n)) => (people(frame, &held.facility, n)),
                            (Acceptance::Yes, None) => (frame.t("public.incident.can")),
                            (Acceptance::Ask | Acceptance::No, _) => (frame.t("acceptance.ask")),
                        }
                    }
                    (said_by(frame, held, s, *aging))
                } }
            } }
            @if rest > 0 { p.s { (frame.fill("public.incident.more_lines", &[("n", &rest.to_string())])) } }
        }
    }
}

fn said_by(frame: &Frame<'_>, held: &FacilityBoard, s: &Standing, aging: bool) -> Markup {
    html! { span.s {
        a href={ "/facilities/" (held.facility.id) } { (held.facility.name) } "（" (place(frame, held)) "）・" (as_of_small(frame, s.observed_at))
        @if aging { "・" (time::ago(s.observed_at, frame.now())) }
    } }
}

fn roll_calls_of(frame: &Frame<'_>, incident: &Incident) -> Markup {
    let calls = frame.moment.roll_calls_of(incident);
    html! { @if !calls.is_empty() {
        section {
            h2 { (frame.t("public.incident.answers_title")) }
            @for call in calls {
                @let now = frame.moment.roll_call_now(call);
                p.share { b { (now.percent()) "％" } span {
                    (time_tag(call.opened_at, frame.now())) (frame.t("public.incident.call_of")) " "
                    (frame.fill("public.incident.answers", &[("all", &now.asked.to_string()), ("n", &now.answered.to_string())]))
                } }
                (bar(frame, now.answered, now.asked))
                p.s { (frame.fill("public.incident.in_30", &[("n", &now.percent_after(30).to_string())])) }
            }
        }
    } }
}

/// Something that happened.
pub(crate) struct Event {
    /// When.
    pub(crate) at: Timestamp,
    /// In words.
    pub(crate) what: Markup,
    /// The position of the entry, of what the city wrote down: by it the words can be erased.
    pub(crate) seq: Option<u64>,
}

/// What happened, newest first: history with clock times, never a present state. All that the city wrote down stands among it.
pub(crate) fn events(frame: &Frame<'_>, incident: &Incident) -> Vec<Event> {
    let end = incident.closed_at.unwrap_or(frame.now());
    let realm = incident.realm();
    let plain = |at, what| Event { at, what, seq: None };
    let opened = if incident.exercise { "public.timeline.exercise" } else { "public.timeline.opened" };
    let mut events = vec![plain(incident.opened_at, html! { (frame.fill(opened, &[("name", &incident.name)])) })];
    let notes = frame.moment.board.notes(&incident.id);
    if let Some(at) = incident.closed_at {
        let why = notes.iter().find(|n| n.ending);
        let what = match why.map(|n| n.text.as_deref()) {
            Some(text) => html! { (frame.t("public.timeline.closed")) @if let Some(text) = text { span.told { (text) } } },
            // Nobody closed it: a real disaster ended the exercise.
            None => html! { (frame.t("public.timeline.overtaken")) },
        };
        events.push(Event { at, what, seq: why.filter(|n| n.text.is_some()).map(|n| n.seq) });
    }
    for call in frame.moment.roll_calls_of(incident) {
        let asked = frame.moment.roll_call_now(call).asked;
        events.push(plain(call.opened_at, html! { (frame.fill("public.timeline.call", &[("n", &asked.to_string())])) }));
        if let Some(at) = call.closed_at {
            events.push(plain(at, html! { (frame.t("public.timeline.call_closed")) }));
        }
    }
    for held in frame.moment.first_told(&incident.id, EVENTS) {
        let map = if realm == Realm::Exercise { &held.exercise } else { &held.real };
        if let Some(s) = map.get(&Aspect::FirstReport).filter(|s| s.incident.as_ref() == Some(&incident.id))
            && let Value::FirstReport(first @ (FirstReport::NeedsHelp | FirstReport::Impaired)) = &s.value
        {
            events.push(plain(s.observed_at, first_report_event(frame, held, s, *first)));
        }
    }
    for p in frame.moment.public_postings(PostingKind::Notice) {
        let at = p.publish_at.unwrap_or(p.received_at);
        let concerns = matches!(p.category, Some(NoticeCategory::Transport | NoticeCategory::Disaster));
        if realm == Realm::Real && concerns && at >= incident.opened_at && at <= end {
            events.push(plain(at, html! { a href={ "/notices/" (p.id) } { (p.title()) } }));
        }
    }
    events.sort_by_key(|e| Reverse(e.at));
    events.truncate(EVENTS);
    let said = |text: Option<&str>| match text {
        Some(text) => html! { b { (frame.t("public.timeline.city")) } " " span.told { (text) } },
        None => html! { (frame.t("public.timeline.erased")) },
    };
    let noted = notes.iter().filter(|n| !n.ending);
    events.extend(noted.map(|n| Event { at: n.at, what: said(n.text.as_deref()), seq: Some(n.seq) }));
    // Of one moment what came later stands on top: the end after the last update.
    events.sort_by_key(|e| Reverse((e.at, e.seq)));
    events
}

fn timeline(frame: &Frame<'_>, incident: &Incident) -> Markup {
    let days_differ = time::day(imaboard_domain::city_date(incident.opened_at)) != time::day(frame.moment.today());
    html! {
        section aria-labelledby="tl" {
            h2 #tl { (frame.t("public.timeline.title")) }
            ol.list.tl.long[days_differ] { @for e in events(frame, incident).iter().take(EVENTS + MOST_NOTES) {
                li { time datetime=(machine_time(e.at)) { (time::when(e.at, frame.now())) } span { (e.what) } }
            } }
        }
    }
}

fn first_report_event(frame: &Frame<'_>, held: &FacilityBoard, s: &Standing, first: FirstReport) -> Markup {
    let key = match s.channel {
        Channel::Phone | Channel::Fax => "public.timeline.said_by_phone",
        Channel::Form | Channel::Qr | Channel::Button | Channel::Api | Channel::Import | Channel::System => {
            "public.timeline.said"
        }
    };
    let word = frame.words.t(&format!("first_report.{}", first.word())).to_owned();
    let channel = frame.words.t(super::value::channel_key(s.channel)).to_owned();
    html! {
        a href={ "/facilities/" (held.facility.id) } { (held.facility.name) } "（" (place(frame, held)) "）"
        (frame.fill(key, &[("word", &word), ("channel", &channel)]))
    }
}
