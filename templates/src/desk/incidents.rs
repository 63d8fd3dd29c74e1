//! Incidents and roll calls (災害・点呼): what is under way, opening one, and what was.
//!
//! Opening takes two taps and one confirmation that says in words and numbers what will change. *Invariant:* whatever belongs to an
//! exercise stands between stripes and under 【訓練】, also after the exercise is over.

pub mod form;
pub mod report;
pub mod show;

use imaboard_domain::{DistrictId, Hazard, Incident, Reach, RollCall, RollCallNow, Severity, city_date, search_form};
use maud::{Markup, html};
use uuid::Uuid;

use self::form::{DETAILS, Plan, Problem, TILES, carried, message, proposed, ticked};
use super::{Frame, Role, Room, document, field_error, pager};
use crate::guide::rule_in_short;
use crate::layout::time_tag;
use crate::report::form::Typed;
use crate::time;

/// How many past incidents a page holds.
pub const PAGE_LEN: usize = 20;
/// With more districts than this nobody wants to take ticks off one by one.
const MOST_TICKED: usize = 12;

/// A page of the room about one incident: between stripes if it is an exercise.
pub(crate) fn framed(frame: &Frame<'_>, incident: &Incident, title: &str, middle: Markup) -> Markup {
    if !incident.exercise {
        return document(frame, Some(Room::Incidents), title, middle);
    }
    // While an exercise runs the frame itself puts the word before every title.
    let title = match frame.moment.exercise() {
        Some(_) => title.to_owned(),
        None => format!("【{}】{title}", frame.t("mode.exercise")),
    };
    document(
        frame,
        Some(Room::Incidents),
        &title,
        html! {
            // Paper comes in sheets, and each of them may be left on a desk alone.
            p.inc-each-sheet aria-hidden="true" { "【" (frame.t("mode.exercise")) "】" }
            div.inc-practice { div { (middle) } }
        },
    )
}

/// What describes a field: its hint, and what is wrong with it only where something is.
pub(crate) fn described(hint: &str, wrong: &str, problem: Option<&str>) -> String {
    if problem.is_some() { format!("{hint} {wrong}") } else { hint.to_owned() }
}

/// `訓練`, `警戒` or `災害` as a plate before a name.
pub(crate) fn plate(frame: &Frame<'_>, incident: &Incident) -> Markup {
    html! { b.inc-plate.inc-drill[incident.exercise] { (frame.t(plate_key(incident))) } }
}

fn plate_key(incident: &Incident) -> &'static str {
    match (incident.exercise, incident.severity) {
        (true, _) => "mode.exercise",
        (false, Severity::Alert) => "mode.alert",
        (false, Severity::Incident) => "mode.incident",
    }
}

/// The districts of an incident or roll call in words.
pub(crate) fn area_words(frame: &Frame<'_>, areas: &[DistrictId]) -> String {
    if areas.is_empty() {
        return frame.fill("desk.incidents.whole", &[("city", &frame.city.name)]);
    }
    areas.iter().map(|d| frame.city.district(d)).collect::<Vec<_>>().join("・")
}

/// The districts of a roll call in the order people name them, then those the settings do not list.
pub(crate) fn in_order<'n, 'm>(
    frame: &Frame<'_>,
    now: &'n RollCallNow<'m>,
) -> Vec<(&'n DistrictId, &'n imaboard_domain::DistrictAnswers<'m>)> {
    let place = |id: &DistrictId| frame.city.districts.iter().position(|d| d.id == *id).unwrap_or(usize::MAX);
    let mut list: Vec<_> = now.districts.iter().collect();
    list.sort_by_key(|(id, _)| place(id));
    list
}

/// Who would be asked in these districts.
pub(crate) fn reach_of(frame: &Frame<'_>, areas: &[DistrictId]) -> Reach {
    let covered = |d: &DistrictId| areas.is_empty() || areas.contains(d);
    frame.moment.reach().iter().filter(|(d, _)| covered(d)).fold(Reach::default(), |sum, (_, r)| Reach {
        facilities: sum.facilities + r.facilities,
        by_telephone: sum.by_telephone + r.by_telephone,
    })
}

/// Every past incident and exercise in which all these words are found, the newest first.
fn past<'a>(frame: &Frame<'a>, asked: &str) -> Vec<&'a Incident> {
    let wanted: Vec<String> = asked.split_whitespace().map(search_form).collect();
    let fits = |incident: &Incident| {
        let day = city_date(incident.opened_at);
        // As people say it: a name, what happened, real or practised, and the month.
        let said = format!(
            "{}\n{}\n{}\n{}年{}\n{day}",
            incident.name,
            hazard_word(frame, incident.hazard),
            frame.t(plate_key(incident)),
            day.year(),
            time::day(day)
        );
        let said = search_form(&said);
        wanted.iter().all(|word| said.contains(word.as_str()))
    };
    let closed = frame.moment.board.incidents().values().filter(|i| i.closed_at.is_some());
    let mut list: Vec<&Incident> = closed.filter(|i| wanted.is_empty() || fits(i)).collect();
    list.sort_by_key(|i| (std::cmp::Reverse(i.opened_at), i.id.clone()));
    list
}

/// The first page of the room. `typed` and `problems`: what somebody wanted to open and could not; `page` of the past, from 1.
#[must_use]
pub fn index(frame: &Frame<'_>, typed: &Typed, problems: &[Problem], page: usize) -> Markup {
    let open: Vec<&Incident> = frame.moment.board.incidents().values().filter(|i| i.closed_at.is_none()).collect();
    let may = frame.may(Role::Coordinator);
    let title = frame.t(Room::Incidents.title_key());
    let middle = html! {
        @if open.is_empty() {
            // The form is what one comes for; its headline is that of the page.
            @if !may { h1 { (title) } p.intro { (frame.t("desk.incidents.none_open")) } }
            (alone(frame))
        } @else {
            h1 { (title) }
            (under_way(frame, &open))
        }
        @if may { (opening(frame, typed, problems, !open.is_empty())) }
        (past_list(frame, typed.one("q").unwrap_or_default().trim(), page))
    };
    document(frame, Some(Room::Incidents), title, middle)
}

fn under_way(frame: &Frame<'_>, open: &[&Incident]) -> Markup {
    let mut open = open.to_vec();
    open.sort_by_key(|i| (i.exercise, std::cmp::Reverse((i.severity, i.opened_at))));
    html! {
        section aria-labelledby="nw" {
            h2.v #nw { (frame.t("desk.incidents.now_title")) }
            div.cards.inc-now { @for incident in open {
                div.card.inc-practised[incident.exercise] {
                    h3 { (plate(frame, incident)) a href={ "/desk/incidents/" (incident.id) } { (incident.name) } }
                    p.s { (time_tag(incident.opened_at, frame.now())) (frame.t("desk.incidents.since")) " " (area_words(frame, &incident.areas)) }
                    @for call in frame.moment.roll_calls_of(incident).into_iter().filter(|c| c.closed_at.is_none()) { (call_line(frame, call)) }
                    p.acts {
                        a.btn href={ "/desk/incidents/" (incident.id) } { (frame.t("desk.incidents.see")) }
                        @if frame.may(Role::Coordinator) {
                            a.btn href={ "/desk/incidents/" (incident.id) "/close" } { (frame.t("desk.incidents.close_link")) }
                        }
                    }
                }
            } }
            (alone(frame))
        }
    }
}

/// Open roll calls that belong to no incident: the command line opens them, and somebody must be able to close them.
fn alone(frame: &Frame<'_>) -> Markup {
    let within = |call: &RollCall| {
        let held = |i: &&Incident| i.closed_at.is_none() && i.exercise == call.exercise && i.opened_at <= call.opened_at;
        frame.moment.board.incidents().values().any(|i| held(&i))
    };
    let calls: Vec<&RollCall> =
        frame.moment.board.roll_calls().values().filter(|c| c.closed_at.is_none() && !within(c)).collect();
    html! { @for call in calls {
        div.card.gap { p { b { (frame.t("desk.incidents.call_alone")) } } (call_line(frame, call)) }
    } }
}

fn call_line<'a>(frame: &Frame<'a>, call: &'a RollCall) -> Markup {
    html! {
        p {
            b { (frame.t("desk.incidents.call")) } " " (time_tag(call.opened_at, frame.now())) (frame.t("desk.incidents.since")) " "
            (answers_words(frame, &frame.moment.roll_call_now(call)))
            @if frame.may(Role::Coordinator) {
                " " a.ib href={ "/desk/incidents/rollcalls/" (call.id) "/close" } { (frame.t("desk.incidents.call_close_link")) }
            }
        }
    }
}

/// How many were asked and how many have answered, in a sentence.
pub(crate) fn answers_words(frame: &Frame<'_>, now: &RollCallNow<'_>) -> String {
    frame.fill("desk.incidents.answers", &[("all", &now.asked.to_string()), ("n", &now.answered.to_string())])
}

fn opening(frame: &Frame<'_>, typed: &Typed, problems: &[Problem], another: bool) -> Markup {
    let title = frame.t(if another { "desk.incidents.open_another" } else { "desk.incidents.open_title" });
    let chosen = |field: &str, word: &str| typed.one(field) == Some(word);
    let severity = typed.one("severity").unwrap_or(Severity::Incident.word());
    let today = frame.moment.today();
    let everywhere = frame.city.districts.len() <= MOST_TICKED;
    html! {
        div.open {
            form #open method="get" action="/desk/incidents/open" {
                @if another { h2.again { (title) } } @else { h1 { (title) } }
                p.intro { (frame.t("desk.incidents.intro")) }
                input type="hidden" name="asked" value="1";
                fieldset.step aria-describedby=[message(problems, "hazard").map(|_| "w-hazard")] {
                    legend { (frame.t("desk.incidents.step_hazard")) }
                    div.tiles.three { @for (at, hazard) in TILES.iter().enumerate() {
                        label.o {
                            input type="radio" name="hazard" value=(hazard) data-key=(at + 1) data-name=(proposed(frame.words, *hazard, today)) checked[chosen("hazard", hazard.word())];
                            span { kbd { (at + 1) } b { (frame.words.t(&format!("desk.incidents.tile.{hazard}"))) } }
                        }
                    } }
                    (field_error("w-hazard", message(problems, "hazard")))
                }
                fieldset.step aria-describedby=[message(problems, "realm").map(|_| "w-realm")] {
                    legend { (frame.t("desk.incidents.step_realm")) }
                    div.tiles {
                        (realm_tile(frame, "real", "H", chosen("realm", "real")))
                        (realm_tile(frame, "exercise", "K", chosen("realm", "exercise")))
                    }
                    (field_error("w-realm", message(problems, "realm")))
                }
                section.step {
                    @if another { h3 { (frame.t("desk.incidents.decided")) } } @else { h2 { (frame.t("desk.incidents.decided")) } }
                    div.pair {
                        label for="nm" { (frame.t("desk.incidents.name")) }
                        div {
                            input.wide #nm type="text" name="name" value=[typed.one("name")] autocomplete="off" aria-describedby=(described("h-name", "w-name", message(problems, "name")))
                                aria-invalid=[message(problems, "name").map(|_| "true")];
                            p.hint #h-name { (frame.t("desk.incidents.name_hint")) }
                            (field_error("w-name", message(problems, "name")))
                            (rule_in_short(frame.words))
                        }
                        label for="dt" { (frame.t("desk.incidents.detail")) }
                        p { select #dt name="detail" {
                            option value="" data-name="" { (frame.t("desk.incidents.detail_none")) }
                            @for hazard in DETAILS {
                                option value=(hazard) data-name=(proposed(frame.words, hazard, today)) selected[chosen("detail", hazard.word())] { (hazard_word(frame, hazard)) }
                            }
                        } }
                        p.l #l-sev { (frame.t("desk.incidents.severity")) }
                        p role="radiogroup" aria-labelledby="l-sev" {
                            @for (word, name, hint) in [
                                ("incident", "desk.incidents.severity_incident", "desk.incidents.severity_incident_hint"),
                                ("alert", "desk.incidents.severity_alert", "desk.incidents.severity_alert_hint"),
                            ] {
                                label.chk {
                                    input type="radio" name="severity" value=(word) checked[severity == word];
                                    (frame.t(name)) " " small { (frame.t(hint)) }
                                }
                            }
                        }
                        p.l #l-area { (frame.t("desk.incidents.areas")) }
                        div role="group" aria-labelledby="l-area" aria-describedby=(described("h-area", "w-area", message(problems, "area"))) {
                            p.districts { @for d in &frame.city.districts {
                                label.chk {
                                    input type="checkbox" name="area" value=(d.id) checked[ticked(typed, "area", d.id.as_str(), everywhere)];
                                    (d.name)
                                }
                            } }
                            p.hint #h-area { (frame.t("desk.incidents.areas_hint")) }
                            (field_error("w-area", message(problems, "area")))
                        }
                        p.l { (frame.t("desk.incidents.call")) }
                        p { label.chk {
                            input type="checkbox" name="call" value="1" checked[ticked(typed, "call", "1", true)];
                            (frame.t("desk.incidents.call_now"))
                        } }
                    }
                }
            }
            div #sure-live aria-live="polite" { (waiting(frame, problems)) }
        }
    }
}

fn realm_tile(frame: &Frame<'_>, word: &str, key: &str, checked: bool) -> Markup {
    let (name, hint) = match word {
        "real" => ("desk.incidents.real", "desk.incidents.real_hint"),
        _ => ("desk.incidents.exercise", "desk.incidents.exercise_hint"),
    };
    html! {
        label.o {
            input type="radio" name="realm" value=(word) data-key=(key) checked[checked];
            span.drill-tile[word == "exercise"] { kbd { (key) } b { (frame.t(name)) } small { (frame.t(hint)) } }
        }
    }
}

fn hazard_word(frame: &Frame<'_>, hazard: Hazard) -> String {
    frame.words.t(&format!("hazard.{hazard}")).to_owned()
}

/// The right side before two things are chosen, and without a script: a button that leads to the question.
fn waiting(frame: &Frame<'_>, problems: &[Problem]) -> Markup {
    html! {
        section.read.sure #sure aria-labelledby="sr" {
            h2 #sr { (frame.t("desk.incidents.sure_title")) }
            p { (frame.t("desk.incidents.sure_wait")) }
            @for problem in problems { p.wrong { (problem.message) } }
            p.acts {
                button.go form="open" data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } (frame.t("desk.incidents.sure_go")) }
                a.btn href="/desk" data-key="Escape" { kbd { "Esc" } (frame.t("desk.incidents.stop")) }
            }
        }
    }
}

/// The question before an incident is opened: a page of its own, of which a script takes the middle.
///
/// `doubts` are what the guard says of the name; `problem` is why it was not opened when it was asked before.
#[must_use]
pub fn confirm(frame: &Frame<'_>, typed: &Typed, plan: &Plan, nonce: Uuid, doubts: &[String], problem: Option<&str>) -> Markup {
    let title = frame.t("desk.incidents.open_title");
    let back: String = form_query(typed);
    let middle = html! {
        h1 { (title) }
        div.open.alone {
            section.read.sure.inc-practised[plan.exercise] #sure aria-labelledby="sr" {
                h2 #sr { (frame.t("desk.incidents.sure_title")) }
                @if let Some(problem) = problem { p.wrong role="alert" { (problem) } }
                p.say { @if plan.exercise { b.inc-plate.inc-drill { (frame.t("mode.exercise")) } " " } (sentence(frame, plan)) }
                @for doubt in doubts { p.wrong { (frame.t("desk.incidents.asks_about")) (doubt) } }
                ul { @for (lead, rest) in consequences(frame, plan) { li { b { (lead) } (rest) } } }
                @if frame.may(Role::Coordinator) {
                    form method="post" action="/desk/incidents" {
                        input type="hidden" name="nonce" value=(nonce);
                        @for (name, value) in carried(typed) { input type="hidden" name=(name) value=(value); }
                        p.acts {
                            button.go data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } (frame.t("desk.incidents.open_go")) }
                            a.btn href={ "/desk/incidents?" (back) } data-key="Escape" { kbd { "Esc" } (frame.t("desk.incidents.back")) }
                        }
                    }
                    p.s.gap { (frame.t("desk.incidents.undo")) }
                } @else { p.wrong { (frame.t("desk.incidents.look_only")) } }
            }
        }
    };
    document(frame, Some(Room::Incidents), title, middle)
}

/// The plan as a query: everything stays chosen on the way back.
fn form_query(typed: &Typed) -> String {
    query(carried(typed).map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Pairs as the query of an address.
pub(crate) fn query<'q>(pairs: impl Iterator<Item = (&'q str, &'q str)>) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
                query.push(char::from(byte));
            } else {
                query.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    query
}

fn sentence(frame: &Frame<'_>, plan: &Plan) -> String {
    let what = match (plan.exercise, plan.severity) {
        (false, Severity::Incident) => "desk.incidents.as_real",
        (false, Severity::Alert) => "desk.incidents.as_alert",
        (true, Severity::Incident) => "desk.incidents.as_exercise",
        (true, Severity::Alert) => "desk.incidents.as_exercise_alert",
    };
    let area = area_words(frame, &plan.areas);
    frame.fill("desk.incidents.say", &[("name", &plan.name), ("what", frame.t(what)), ("area", &area)])
}

/// What will change, in words and with the numbers of this moment: what it is about, and what becomes of it.
fn consequences(frame: &Frame<'_>, plan: &Plan) -> Vec<(String, String)> {
    let moment = frame.moment;
    let t = |key: &str| frame.words.t(&format!("desk.incidents.then.{key}")).to_owned();
    let fill = |key: &str, values: &[(&str, &str)]| frame.fill(&format!("desk.incidents.then.{key}"), values);
    let alert = plan.severity == Severity::Alert;
    let mut list = Vec::new();
    list.push((
        t("public"),
        t(match (plan.exercise, alert) {
            (true, _) => "public_exercise",
            (false, true) => "public_alert",
            (false, false) => "public_incident",
        }),
    ));
    let displays = moment.board.displays().len();
    list.push((
        fill("displays", &[("n", &displays.to_string())]),
        t(match (displays, plan.exercise, alert, plan.call) {
            (0, ..) => "displays_none",
            (_, true, ..) => "displays_exercise",
            (_, false, false, _) => "displays_incident",
            (_, false, true, true) => "displays_alert_call",
            (_, false, true, false) => "displays_alert",
        }),
    ));
    if plan.call {
        let reach = reach_of(frame, &plan.areas);
        let rest = match (reach.facilities, reach.by_telephone) {
            (0, _) => t("call_nobody"),
            (_, 0) => t("call_all"),
            (_, tel) => fill("call_some", &[("tel", &tel.to_string())]),
        };
        list.push((fill("call", &[("n", &reach.facilities.to_string())]), rest));
    } else {
        list.push((t("no_call"), t("no_call_rest")));
    }
    if plan.exercise {
        list.push((t("practised"), t("practised_rest")));
        let buttons = moment.board.buttons().len();
        if buttons > 0 {
            list.push((t("buttons"), fill("buttons_rest", &[("n", &buttons.to_string())])));
        }
    } else if alert {
        list.push((t("rhythm"), t("rhythm_alert")));
    } else if let (Some(damage), Some(beds)) = (moment.rhythms.damage.incident_hours, moment.rhythms.beds.incident_hours) {
        list.push((t("damage"), fill("damage_rest", &[("n", &damage.to_string()), ("beds", &beds.to_string())])));
    }
    if !plan.exercise {
        if let Some(exercise) = moment.exercise() {
            list.push((fill("ends", &[("name", &exercise.name)]), t("ends_rest")));
        }
        if let Some(incident) = moment.incident() {
            list.push((fill("stays", &[("name", &incident.name)]), t("stays_rest")));
        }
    }
    list
}

fn past_list(frame: &Frame<'_>, asked: &str, page: usize) -> Markup {
    let list = past(frame, asked);
    let path = if asked.is_empty() {
        "/desk/incidents?".to_owned()
    } else {
        format!("/desk/incidents?{}&", query([("q", asked)].into_iter()))
    };
    let pages = list.len().div_ceil(PAGE_LEN).max(1);
    let page = page.clamp(1, pages);
    let t = |key: &str| frame.words.t(&format!("desk.incidents.{key}")).to_owned();
    html! {
        section.inc-past #past {
            div.bar.rule {
                h2 #pt { (t("past_title")) " " span.num { (list.len()) } }
                @if !(list.is_empty() && asked.is_empty()) {
                    form.inc-find method="get" action="/desk/incidents#past" role="search" {
                        label.v for="q" { (t("past_search")) }
                        input #q type="search" name="q" value=(asked) placeholder=(t("past_search")) maxlength="60" autocomplete="off" data-key="/";
                        button { (t("past_find")) }
                        @if !asked.is_empty() { a href="/desk/incidents#past" { (t("past_all")) } }
                    }
                }
            }
            @if list.is_empty() { p.s { (t(if asked.is_empty() { "past_none" } else { "past_none_found" })) } }
            @else {
                div.scroll tabindex="0" role="region" aria-labelledby="pt" {
                    table aria-labelledby="pt" {
                        thead { tr {
                            @for key in ["col_name", "col_kind", "col_opened", "col_closed", "col_calls", "col_report"] { th scope="col" { (t(key)) } }
                        } }
                        tbody { @for incident in list.iter().skip((page - 1) * PAGE_LEN).take(PAGE_LEN) { (past_row(frame, incident)) } }
                    }
                }
                (pager(frame, &path, page, pages))
            }
        }
    }
}

fn past_row(frame: &Frame<'_>, incident: &Incident) -> Markup {
    let calls = frame.moment.roll_calls_of(incident);
    // What was answered, without asking who stands in the register: fifty rows must not look at every facility fifty times.
    let answers: usize = calls.iter().map(|c| c.answers.len()).sum();
    html! {
        tr {
            th scope="row" { a href={ "/desk/incidents/" (incident.id) } { (incident.name) } }
            td.nw { (plate(frame, incident)) " " (hazard_word(frame, incident.hazard)) }
            td.nw { (time_tag(incident.opened_at, frame.now())) }
            td.nw { @if let Some(at) = incident.closed_at { (time_tag(at, frame.now())) } }
            td.nw {
                @if calls.is_empty() { (frame.t("desk.incidents.calls_zero")) }
                @else { (frame.fill("desk.incidents.calls_n", &[("n", &calls.len().to_string()), ("answers", &answers.to_string())])) }
            }
            td.nw { a href={ "/desk/incidents/" (incident.id) "/report" } { (frame.t("desk.incidents.report_link")) } }
        }
    }
}
