//! The next call, and the list of all who owe an answer.
//!
//! *Invariant:* what is noted with the buttons of the card is noted of the facility that stands on it, whatever has moved since.

use imaboard_domain::{CallOutcome, FacilityBoard, LastKnown, Realm, Scope, Try, Waiting};
use maud::{Markup, html};

use super::{Order, PAGE_LEN, Query, Sheet, acts, channel, last_values, main_kind, place, realm_word, span};
use crate::desk::{Frame, pager};
use crate::layout::{tel, time_tag};
use crate::time;

/// The acts of the card: what came of the call, and its key.
const ACTS: [(CallOutcome, &str, &str); 4] = [
    (CallOutcome::NoAnswer, "N", "desk.overview.do.no_answer"),
    (CallOutcome::Busy, "B", "desk.overview.do.busy"),
    (CallOutcome::Later, "L", "desk.overview.do.later"),
    (CallOutcome::Spoke, "T", "desk.overview.do.spoke"),
];

/// Lines of what a facility last said on the card.
const MOST_VALUES: usize = 3;

/// Facilities closed as planned that are named.
const MOST_CLOSED: usize = 50;

fn title_key(scope: &Scope<'_>) -> &'static str {
    match scope {
        Scope::Call(_) => "desk.overview.list.call",
        Scope::FirstReports(_) => "desk.overview.list.first",
        Scope::Vacancies => "desk.overview.list.vacancies",
    }
}

/// The card and the list below it.
pub(super) fn section(frame: &Frame<'_>, sheet: &Sheet<'_>, card: Option<usize>) -> Markup {
    html! {
        (message(frame, sheet, card))
        @if let Some(at) = card { (next(frame, sheet, at)) }
        (table(frame, sheet, card))
        (closed(frame, sheet))
    }
}

/// What became of the call before, and of a facility that was asked for and waits no more.
fn message(frame: &Frame<'_>, sheet: &Sheet<'_>, card: Option<usize>) -> Markup {
    let moment = frame.moment;
    let said = sheet.query.said.as_ref().and_then(|id| {
        let held = moment.board.find_facility(id)?;
        Some((held, moment.tries(id, &sheet.scope).last()?))
    });
    let on_card = card.and_then(|at| sheet.at(at)).map(|w| &w.facility.id);
    let gone = sheet.query.facility.as_ref().filter(|id| Some(*id) != on_card).and_then(|id| moment.board.find_facility(id));
    html! {
        @if let Some(problem) = sheet.problem { p.overview-wrong role="alert" { (problem) } }
        @if let Some((held, last)) = said {
            p.overview-said role="status" {
                (frame.fill("desk.overview.next.said", &[
                    ("name", &held.facility.name),
                    ("outcome", frame.words.t(&outcome_key(last.outcome))),
                    ("when", &time::when(last.at, frame.now())),
                ])) " "
                a href={ "/desk?f=" (held.facility.id) "&realm=" (realm_word(sheet.realm())) } { (frame.t("desk.overview.next.back")) }
            }
        }
        @if let Some(held) = gone {
            p.overview-said role="status" { (gone_words(frame, sheet, held)) }
        }
    }
}

fn gone_words(frame: &Frame<'_>, sheet: &Sheet<'_>, held: &FacilityBoard) -> String {
    let name = ("name", held.facility.name.as_str());
    let since = sheet.scope.since().unwrap_or(jiff::Timestamp::MIN);
    match held.last_report.as_ref().filter(|r| r.at >= since) {
        Some(report) => frame.fill("desk.overview.next.answered", &[name, ("when", &time::when(report.at, frame.now()))]),
        None => frame.fill("desk.overview.next.not_waiting", &[name]),
    }
}

fn outcome_key(outcome: CallOutcome) -> String {
    format!("desk.overview.outcome.{}", outcome.word())
}

/// The card.
fn next(frame: &Frame<'_>, sheet: &Sheet<'_>, at: usize) -> Markup {
    let Some(waiting) = sheet.at(at) else { return html! {} };
    let f = &waiting.facility;
    let Some(held) = frame.moment.board.find_facility(&f.id) else { return html! {} };
    let tries: Vec<&Try> = frame.moment.tries(&f.id, &sheet.scope).collect();
    let values = last_values(frame, held, &sheet.scope, MOST_VALUES);
    let title = if at == 0 { "desk.overview.next.title" } else { "desk.overview.next.chosen" };
    html! {
        section.next.practised[sheet.realm() == Realm::Exercise] aria-labelledby="nx" {
            div {
                h2 #nx {
                    @if sheet.realm() == Realm::Exercise { "【" (frame.t("mode.exercise")) "】" }
                    (frame.t(title)) " "
                    span.num { (frame.fill("desk.overview.next.at", &[("n", &(at + 1).to_string()), ("all", &sheet.list.waiting.len().to_string())])) }
                }
                p.name { (f.name) small { (place(frame, f)) "・" (main_kind(frame, f)) } }
                @if f.phone.is_empty() { p { (frame.t("desk.overview.next.no_phone")) } } @else { (tel(&f.phone)) }
            }
            dl.facts {
                dt { (frame.t("desk.overview.next.reason")) }
                dd { (reasons(frame, sheet, waiting, held)) }
                dt { (frame.t("desk.overview.next.elapsed")) }
                dd { (elapsed(frame, &sheet.scope, held)) }
                dt { (frame.t("desk.overview.next.last")) }
                dd { @if values.is_empty() { (super::missing(frame)) } @for said in &values { span.ib { (said) } " " } }
                dt { (frame.t("desk.overview.next.usual")) }
                dd { (channel(frame, held).unwrap_or_else(|| frame.t("desk.overview.next.unknown_channel").to_owned())) }
                dt { (frame.t("desk.overview.next.tried")) }
                dd { (tried(frame, &tries).unwrap_or_else(|| html! { (frame.t("desk.overview.next.not_tried")) })) }
            }
            @if acts(frame) {
                form.acts method="post" action="/desk/calls" {
                    input type="hidden" name="nonce" value=(sheet.nonce);
                    input type="hidden" name="facility" value=(f.id);
                    input type="hidden" name="exercise" value=[(sheet.realm() == Realm::Exercise).then_some("yes")];
                    input type="hidden" name="by" value=(sheet.query.order.word());
                    input type="hidden" name="q" value=(sheet.query.q);
                    input type="hidden" name="page" value=(sheet.query.page);
                    @if let Some(realm) = sheet.query.realm { input type="hidden" name="realm" value=(realm_word(realm)); }
                    a.btn.go href={ "/desk/proxy?f=" (f.id) } data-key="Enter" { kbd { "Enter" } (frame.t("desk.overview.next.start")) }
                    @for (outcome, key, words) in ACTS {
                        button name="outcome" value=(outcome.word()) data-key=(key) { kbd { (key) } (frame.t(words)) }
                    }
                    a.btn href={ "/desk/facilities/" (f.id) } data-key="S" { kbd { "S" } (frame.t("desk.overview.next.closure")) }
                }
            }
        }
    }
}

fn reasons(frame: &Frame<'_>, sheet: &Sheet<'_>, waiting: &Waiting, held: &FacilityBoard) -> String {
    let pressing = waiting.pressing;
    let known = match pressing.known {
        LastKnown::Help => "desk.overview.reason.help",
        LastKnown::Bad => "desk.overview.reason.bad",
        LastKnown::Limited => "desk.overview.reason.limited",
        LastKnown::Unknown if held.last_report.is_none() => "desk.overview.reason.never",
        LastKnown::Unknown => "desk.overview.reason.unknown",
        LastKnown::Aging => "desk.overview.reason.aging",
        LastKnown::Nothing if matches!(sheet.scope, Scope::Call(_)) => "desk.overview.reason.call",
        LastKnown::Nothing => "desk.overview.reason.first",
    };
    let island = pressing.island.then_some("desk.overview.reason.island");
    let lived_in = pressing.lived_in.then_some("desk.overview.reason.lived_in");
    let keys = [island, Some(known), lived_in];
    keys.into_iter().flatten().map(|key| frame.words.t(key)).collect::<Vec<_>>().join("。")
}

/// Since when the answer has been owed; in peace since when nothing was heard.
fn elapsed(frame: &Frame<'_>, scope: &Scope<'_>, held: &FacilityBoard) -> String {
    let heard = match &held.last_report {
        Some(report) => frame.fill("desk.overview.next.since_report", &[("when", &time::when(report.at, frame.now()))]),
        None => frame.t("desk.overview.next.never_said").to_owned(),
    };
    owed(frame, scope).into_iter().chain([heard]).collect::<Vec<_>>().join("・")
}

/// `点呼から2時間56分`
fn owed(frame: &Frame<'_>, scope: &Scope<'_>) -> Option<String> {
    let since = scope.since()?;
    let key = match (scope, scope.realm()) {
        (Scope::Call(_), _) => "desk.overview.next.since_call",
        (_, Realm::Exercise) => "desk.overview.next.since_exercise",
        (_, Realm::Real) => "desk.overview.next.since_incident",
    };
    Some(frame.fill(key, &[("span", &span(frame, frame.now().duration_since(since)))]))
}

/// `8:40 出ない（2回）`
fn tried(frame: &Frame<'_>, tries: &[&Try]) -> Option<Markup> {
    let last = tries.last()?;
    let now = frame.now();
    let outcome = frame.words.t(&outcome_key(last.outcome)).to_owned();
    let times = match tries.len() {
        1 => outcome,
        n => frame.fill("desk.overview.next.times", &[("outcome", &outcome), ("n", &n.to_string())]),
    };
    let until = last.until.filter(|until| *until > now);
    Some(html! {
        (time_tag(last.at, now)) " " (times)
        @if let Some(until) = until { " " small.ib { (frame.fill("desk.overview.next.until", &[("when", &time::when(until, now))])) } }
    })
}

/// The list, without the facility on the card.
fn table(frame: &Frame<'_>, sheet: &Sheet<'_>, card: Option<usize>) -> Markup {
    let title = frame.t(title_key(&sheet.scope));
    let rows: Vec<usize> = sheet.found.iter().copied().filter(|at| Some(*at) != card || !sheet.query.q.is_empty()).collect();
    let pages = rows.len().div_ceil(PAGE_LEN).max(1);
    let page = sheet.query.page.min(pages);
    let part = rows.iter().skip((page - 1) * PAGE_LEN).take(PAGE_LEN);
    let after = rows.len().saturating_sub(page * PAGE_LEN);
    html! {
        section aria-labelledby="nr" {
            div.bar.rule {
                h2 #nr {
                    @if sheet.realm() == Realm::Exercise { "【" (frame.t("mode.exercise")) "】" }
                    (title) " " span.num { (sheet.list.waiting.len()) }
                    @if let Some(words) = owed(frame, &sheet.scope) { " " small { (words) } }
                }
                @if sheet.list.waiting.len() > 1 || !sheet.query.q.is_empty() { (search(frame, sheet)) }
                nav.tabs aria-label=(frame.t("desk.overview.list.order")) {
                    @for order in Order::ALL {
                        a href=(sheet.query.path(order).trim_end_matches(['?', '&'])) aria-current=[(order == sheet.query.order).then_some("true")] {
                            (frame.words.t(order_key(order)))
                        }
                    }
                }
            }
            @if !sheet.query.q.is_empty() { p.s.under {
                (frame.fill("desk.overview.list.found", &[("n", &sheet.found.len().to_string())])) " "
                a href=(Query { q: String::new(), ..sheet.query.clone() }.path(sheet.query.order).trim_end_matches(['?', '&'])) { (frame.t("desk.overview.list.all")) }
            } }
            @if sheet.list.waiting.is_empty() { p.gap { (nobody(frame, sheet)) } }
            @else if rows.is_empty() {
                p.gap {
                    @if sheet.query.q.is_empty() { (frame.t("desk.overview.list.only_card")) }
                    @else { (frame.fill("desk.overview.list.none_found", &[("q", &sheet.query.q)])) }
                }
            } @else {
                div.scroll tabindex="0" role="region" aria-label=(frame.fill("desk.overview.list.table", &[("title", title)])) {
                    table.overview-list {
                        caption.v { (title) }
                        thead { tr {
                            @for key in ["rank", "facility", "district", "kind", "phone", "last", "usual", "tried"] {
                                th scope="col" { (frame.words.t(&format!("desk.overview.list.{key}"))) }
                            }
                        } }
                        tbody { @for at in part { (row(frame, sheet, *at)) } }
                    }
                }
                p.s.under {
                    @if after > 0 { (frame.fill("desk.overview.list.rest", &[("n", &after.to_string())])) " " }
                    @if acts(frame) { span.overview-keys hidden {
                        kbd { "↑" } kbd { "↓" } (frame.t("desk.overview.list.hint"))
                        kbd { "Enter" } (frame.t("desk.overview.list.hint_enter")) " "
                        @for (_, key, _) in ACTS { kbd { (key) } } (frame.t("desk.overview.list.hint_keys"))
                    } }
                }
                (pager(frame, &sheet.query.path(sheet.query.order), page, pages))
            }
        }
    }
}

fn order_key(order: Order) -> &'static str {
    match order {
        Order::Urgency => "desk.overview.list.by_urgency",
        Order::District => "desk.overview.list.by_district",
        Order::Kind => "desk.overview.list.by_kind",
        Order::Channel => "desk.overview.list.by_channel",
    }
}

fn nobody<'a>(frame: &Frame<'a>, sheet: &Sheet<'_>) -> &'a str {
    if !frame.moment.has_facilities(&[]) {
        return frame.t("desk.overview.list.no_facility");
    }
    frame.t(match sheet.scope {
        Scope::Call(_) => "desk.overview.list.none_call",
        Scope::FirstReports(_) => "desk.overview.list.none_first",
        Scope::Vacancies => "desk.overview.list.none_vacancies",
    })
}

fn search(frame: &Frame<'_>, sheet: &Sheet<'_>) -> Markup {
    let query = sheet.query;
    html! {
        form.overview-search method="get" action="/desk" role="search" {
            label for="q" { kbd { "/" } span.v { (frame.t("desk.overview.list.search")) } }
            input #q name="q" type="search" value=(query.q) maxlength="60" autocomplete="off" data-key="/";
            @if query.order != Order::default() { input type="hidden" name="by" value=(query.order.word()); }
            @if let Some(realm) = query.realm { input type="hidden" name="realm" value=(realm_word(realm)); }
            button { (frame.t("desk.overview.list.find")) }
        }
    }
}

fn row(frame: &Frame<'_>, sheet: &Sheet<'_>, at: usize) -> Markup {
    let Some(waiting) = sheet.at(at) else { return html! {} };
    let f = &waiting.facility;
    let Some(held) = frame.moment.board.find_facility(&f.id) else { return html! {} };
    let tries: Vec<&Try> = frame.moment.tries(&f.id, &sheet.scope).collect();
    let nil = || html! { span.nil aria-hidden="true" { "–" } span.v { (frame.t("desk.overview.list.nothing")) } };
    let on_top = sheet.query.path(sheet.query.order);
    html! {
        tr data-f=(f.id) {
            td.num.nw { a href={ (on_top) "f=" (f.id) } { (at + 1) span.v { (frame.fill("desk.overview.list.put_on_top", &[("name", &f.name)])) } } }
            th scope="row" {
                @if acts(frame) { a href={ "/desk/proxy?f=" (f.id) } { (f.name) } } @else { (f.name) }
            }
            td.nw { (place(frame, f)) }
            td.nw { (main_kind(frame, f)) }
            td { (tel(&f.phone)) }
            td.nw { (last_values(frame, held, &sheet.scope, 1).pop().unwrap_or_else(|| super::missing(frame))) }
            td.nw { @if let Some(usual) = channel(frame, held) { (usual) } @else { (nil()) } }
            td.nw { (tried(frame, &tries).unwrap_or_else(nil)) }
        }
    }
}

/// Who owes nothing because it is closed as planned.
fn closed(frame: &Frame<'_>, sheet: &Sheet<'_>) -> Markup {
    let list = &sheet.list.closed;
    let today = frame.moment.today();
    html! {
        @if !list.is_empty() {
            details #closed .overview-closed {
                summary { (frame.t("desk.overview.list.closed")) " " span.num { (list.len()) } }
                p.s { (frame.t("desk.overview.list.closed_note")) }
                ul {
                    @for f in list.iter().take(MOST_CLOSED) { li {
                        a href={ "/desk/facilities/" (f.id) } { (f.name) } " " small { (place(frame, f)) } " "
                        @if let Some(c) = f.closure_on(today) {
                            (frame.fill("desk.overview.list.closed_until", &[("day", &time::day(c.until))]))
                            @if let Some(reason) = c.reason { " " (frame.words.t(&format!("closure.{reason}"))) }
                        }
                    } }
                }
                @if list.len() > MOST_CLOSED { p.s { (frame.fill("desk.overview.list.closed_more", &[("n", &(list.len() - MOST_CLOSED).to_string())])) } }
            }
        }
    }
}
