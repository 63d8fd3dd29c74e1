//! One incident or exercise: its timeline, its roll calls, and the questions before something ends.
//!
//! *Invariant:* what cannot be undone (closing) is asked once, on a page of its own, with what follows in words and numbers.

use imaboard_domain::{Aspect, FirstReport, Hazard, Incident, Moment, RollCall, RollCallNow, Severity, Shown, Value};
use maud::{Markup, html};
use uuid::Uuid;

use super::form::{MOST_TEXT_CHARS, TILES};
use super::{answers_words, area_words, described, framed, in_order, plate, query, reach_of};
use crate::desk::{Frame, Role, field_error, pager};
use crate::guide::rule_in_short;
use crate::layout::{self, machine_time, time_tag};
use crate::public::incident::{Event, events};
use crate::time;

/// How many lines of the timeline a page holds.
pub const PAGE_LEN: usize = 50;

/// A form that came back: what was typed, and why it was not taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Returned<'a> {
    /// What was typed.
    pub text: &'a str,
    /// What is wrong with it.
    pub problem: Option<&'a str>,
    /// What the guard found, each with how to say it instead.
    pub findings: &'a [(String, String)],
    /// Whether a person may say that it is right as it is.
    pub may_insist: bool,
}

/// The frame as the public pages know it: they tell the same history.
fn public<'a>(frame: &Frame<'a>) -> layout::Frame<'a> {
    layout::Frame { city: frame.city, moment: frame.moment, words: frame.words, css: frame.css }
}

/// The page of one incident. `problem` concerns the page as a whole, `returned` the form of updates, `call` that of roll calls.
#[must_use]
pub fn page(
    frame: &Frame<'_>,
    incident: &Incident,
    nonces: [Uuid; 2],
    returned: Returned<'_>,
    problem: Option<&str>,
    at: usize,
) -> Markup {
    let open = incident.closed_at.is_none();
    let may = frame.may(Role::Coordinator);
    let base = format!("/desk/incidents/{}", incident.id);
    let middle = html! {
        @if let Some(problem) = problem { p.problem role="alert" { (problem) } }
        div.bar {
            h1 { (plate(frame, incident)) (incident.name) }
            p.acts {
                a.btn href={ (base) "/report" } { (frame.t("desk.incidents.show.report_link")) }
                a.btn href={ "/incidents/" (incident.id) } { (frame.t("desk.incidents.show.public_link")) }
                @if may && open {
                    @if incident.severity == Severity::Alert { a.btn href=(raised(incident)) { (frame.t("desk.incidents.show.raise")) } }
                    a.btn.danger href={ (base) "/close" } { (frame.t("desk.incidents.show.close")) }
                }
            }
        }
        p.intro {
            (frame.words.t(&format!("hazard.{}", incident.hazard))) " " (area_words(frame, &incident.areas)) " "
            (time_tag(incident.opened_at, frame.now())) (frame.t("desk.incidents.since")) " "
            @match incident.closed_at {
                Some(at) => { (time_tag(at, frame.now())) (frame.t("public.incident.until")) },
                None => (frame.t("desk.incidents.show.going_on")),
            }
        }
        div.inc-two {
            section aria-labelledby="up" {
                h2.rule #up { (frame.t("desk.incidents.show.updates")) }
                @if may && open { (update_form(frame, incident, &base, nonces[0], returned)) }
                (timeline(frame, incident, &base, at))
            }
            section aria-labelledby="cl" {
                h2.rule #cl { (frame.t("desk.incidents.show.calls")) }
                (calls(frame, incident))
                @if may && open { (start_form(frame, incident, &base, nonces[1])) }
            }
        }
    };
    framed(frame, incident, &incident.name, middle)
}

/// Where an alert becomes a disaster: the same words, to be confirmed.
fn raised(incident: &Incident) -> String {
    let (tile, detail) =
        if TILES.contains(&incident.hazard) { (incident.hazard, "") } else { (Hazard::Other, incident.hazard.word()) };
    let realm = if incident.exercise { "exercise" } else { "real" };
    let pairs =
        [("asked", "1"), ("hazard", tile.word()), ("detail", detail), ("realm", realm), ("name", &incident.name), ("call", "1")];
    let areas = incident.areas.iter().map(|area| ("area", area.as_str()));
    format!("/desk/incidents?{}", query(pairs.into_iter().chain(areas)))
}

fn update_form(frame: &Frame<'_>, incident: &Incident, base: &str, nonce: Uuid, returned: Returned<'_>) -> Markup {
    let hint = if incident.exercise { "desk.incidents.show.write_hint_exercise" } else { "desk.incidents.show.write_hint" };
    html! {
        form.inc-update method="post" action={ (base) "/updates" } {
            input type="hidden" name="nonce" value=(nonce);
            div.field {
                label for="text" { (frame.t("desk.incidents.show.write")) }
                textarea #text name="text" rows="3" aria-describedby=(described("h-text", "w-text", returned.problem)) aria-invalid=[returned.problem.map(|_| "true")] { (returned.text) }
                p.hint #h-text { (frame.fill(hint, &[("most", &MOST_TEXT_CHARS.to_string())])) }
                (field_error("w-text", returned.problem))
                @for (why, instead) in returned.findings { p.wrong { (why) " " (instead) } }
            }
            (rule_in_short(frame.words))
            p.acts {
                button.go data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } (frame.t("desk.incidents.show.write_go")) }
                @if returned.may_insist { button name="sure" value="1" { (frame.t("desk.incidents.show.insist")) } }
            }
            p.s.under { (frame.t("desk.incidents.show.mistake")) }
        }
    }
}

fn timeline(frame: &Frame<'_>, incident: &Incident, base: &str, at: usize) -> Markup {
    let all: Vec<Event> = events(&public(frame), incident);
    let pages = all.len().div_ceil(PAGE_LEN).max(1);
    let at = at.clamp(1, pages);
    html! {
        ol.inc-told { @for e in all.iter().skip((at - 1) * PAGE_LEN).take(PAGE_LEN) {
            li {
                time datetime=(machine_time(e.at)) { (time::when(e.at, frame.now())) }
                div { (e.what) @if let Some(seq) = e.seq { " " small.ib { (frame.fill("desk.incidents.show.seq", &[("n", &seq.to_string())])) } } }
            }
        } }
        (pager(frame, &format!("{base}?"), at, pages))
    }
}

fn calls(frame: &Frame<'_>, incident: &Incident) -> Markup {
    let list = frame.moment.roll_calls_of(incident);
    html! {
        @if list.is_empty() { p.s { (frame.t("desk.incidents.show.no_calls")) } }
        @for call in list.into_iter().rev() { (one_call(frame, call)) }
    }
}

fn one_call<'a>(frame: &Frame<'a>, call: &'a RollCall) -> Markup {
    let now = frame.moment.roll_call_now(call);
    let silent = now.asked - now.answered;
    html! {
        div.inc-call {
            h3 { (time_tag(call.opened_at, frame.now())) (frame.t("desk.incidents.since")) " " (area_words(frame, &call.areas)) }
            p.share { b { (now.percent()) "％" } span { (answers_words(frame, &now)) } }
            @match call.closed_at {
                Some(at) => p.s { (time_tag(at, frame.now())) " " (frame.t("desk.incidents.show.call_closed")) },
                None => p {
                    @if silent > 0 { b { (frame.fill("desk.incidents.show.silent", &[("n", &silent.to_string())])) } " " a.ib href="/desk" { (frame.t("desk.incidents.show.silent_link")) } }
                    @else { (frame.t("desk.incidents.show.all_answered")) }
                },
            }
            (districts(frame, &now))
            @if call.closed_at.is_none() && frame.may(Role::Coordinator) {
                p.acts { a.btn href={ "/desk/incidents/rollcalls/" (call.id) "/close" } { (frame.t("desk.incidents.call_close_link")) } }
            }
        }
    }
}

fn districts(frame: &Frame<'_>, now: &RollCallNow<'_>) -> Markup {
    // Each roll call of the page has a table of its own.
    let label = format!("{} {}", frame.t("desk.incidents.show.by_district"), time::when(now.call.opened_at, frame.now()));
    html! { @if now.districts.len() > 1 {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table aria-label=(label) {
                thead { tr {
                    th scope="col" { (frame.t("desk.incidents.show.district")) }
                    th.inc-r scope="col" { (frame.t("desk.incidents.show.answered")) }
                    th.inc-r scope="col" { (frame.t("desk.incidents.show.asked")) }
                    th.inc-r scope="col" { (frame.t("desk.incidents.show.share")) }
                } }
                tbody { @for (id, d) in in_order(frame, now) { tr {
                    th scope="row" { (frame.city.district(id)) }
                    td.inc-r.num { (d.answered) }
                    td.inc-r.num { (d.asked) }
                    td.inc-r.num { (d.answered * 100 / d.asked.max(1)) "％" }
                } } }
            }
        }
    } }
}

fn start_form(frame: &Frame<'_>, incident: &Incident, base: &str, nonce: Uuid) -> Markup {
    if frame.moment.open_call(incident.realm()).is_some() {
        return html! { p.s.gap { (frame.t("desk.incidents.show.start_first")) } };
    }
    let reach = frame.moment.reach();
    let all = reach_of(frame, &[]);
    let words = |facilities: u32, by_telephone: u32| {
        let key = if by_telephone > 0 { "desk.incidents.show.start_count_tel" } else { "desk.incidents.show.start_count" };
        frame.fill(key, &[("n", &facilities.to_string()), ("tel", &by_telephone.to_string())])
    };
    html! {
        form.inc-start method="post" action={ (base) "/rollcalls" } {
            input type="hidden" name="nonce" value=(nonce);
            fieldset aria-describedby="h-start" {
                legend { (frame.t("desk.incidents.show.start")) }
                p.s { (frame.fill("desk.incidents.show.start_all", &[("n", &all.facilities.to_string()), ("tel", &all.by_telephone.to_string())])) }
                p.districts { @for d in &frame.city.districts {
                    @let r = reach.get(&d.id).copied().unwrap_or_default();
                    label.chk {
                        input type="checkbox" name="area" value=(d.id) checked[incident.areas.contains(&d.id)];
                        (d.name) " " small { (words(r.facilities, r.by_telephone)) }
                    }
                } }
                p.hint #h-start { (frame.t("desk.incidents.show.start_hint")) }
            }
            p.acts { button { (frame.t("desk.incidents.show.start_go")) } }
        }
    }
}

/// The question before an incident is closed.
#[must_use]
pub fn closing(frame: &Frame<'_>, incident: &Incident, nonce: Uuid, returned: Returned<'_>) -> Markup {
    let base = format!("/desk/incidents/{}", incident.id);
    let title = frame.fill("desk.incidents.close.title", &[("name", &incident.name)]);
    let hint = if incident.exercise { "desk.incidents.close.why_hint_exercise" } else { "desk.incidents.close.why_hint" };
    let middle = html! {
        section.read.sure.inc-asking aria-labelledby="ct" {
            h1 #ct { (plate(frame, incident)) (title) }
            ul { @for (lead, rest) in what_ends(frame, incident) { li { b { (lead) } (rest) } } }
            form method="post" action={ (base) "/close" } {
                input type="hidden" name="nonce" value=(nonce);
                div.field {
                    label for="why" { (frame.t("desk.incidents.close.why")) }
                    textarea #why name="why" rows="3" required aria-describedby=(described("h-why", "w-why", returned.problem)) aria-invalid=[returned.problem.map(|_| "true")] { (returned.text) }
                    p.hint #h-why { (frame.t(hint)) }
                    (field_error("w-why", returned.problem))
                    @for (why, instead) in returned.findings { p.wrong { (why) " " (instead) } }
                }
                (rule_in_short(frame.words))
                p.acts {
                    button.go data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } (frame.t("desk.incidents.close.go")) }
                    @if returned.may_insist { button name="sure" value="1" { (frame.t("desk.incidents.show.insist")) } }
                    a.btn href=(base) data-key="Escape" { kbd { "Esc" } (frame.t("desk.incidents.close.back")) }
                }
            }
            p.s.gap { (frame.t("desk.incidents.close.again")) }
        }
    };
    framed(frame, incident, &title, middle)
}

/// What will be different without it: what it is about, and what becomes of it.
fn what_ends(frame: &Frame<'_>, incident: &Incident) -> Vec<(String, String)> {
    let moment = frame.moment;
    let t = |key: &str| frame.words.t(&format!("desk.incidents.close.{key}")).to_owned();
    let fill = |key: &str, values: &[(&str, &str)]| frame.fill(&format!("desk.incidents.close.{key}"), values);
    let mut list = Vec::new();
    let help = calling_for_help(moment, incident);
    if help > 0 {
        let rest = if incident.exercise { "help_exercise_rest" } else { "help_rest" };
        list.push((fill("help", &[("n", &help.to_string())]), t(rest)));
    }
    let others = moment.board.incidents().values().filter(|i| {
        i.closed_at.is_none() && i.id != incident.id && i.exercise == incident.exercise && i.severity >= incident.severity
    });
    let stays = others.max_by_key(|i| (i.severity, i.opened_at));
    list.push((
        t("public"),
        match (stays, incident.exercise, incident.severity) {
            (Some(other), ..) => fill("public_stays", &[("name", &other.name)]),
            (None, true, _) => t("public_exercise"),
            (None, false, Severity::Alert) => t("public_alert"),
            (None, false, Severity::Incident) => t("public_back"),
        },
    ));
    let displays = moment.board.displays().len();
    if stays.is_none() && displays > 0 && (incident.exercise || incident.severity == Severity::Incident) {
        let rest = if incident.exercise { "displays_exercise" } else { "displays_back" };
        list.push((fill("displays", &[("n", &displays.to_string())]), t(rest)));
    }
    let last = !moment
        .board
        .incidents()
        .values()
        .any(|i| i.closed_at.is_none() && i.id != incident.id && i.exercise == incident.exercise);
    let open: Vec<&RollCall> =
        moment.board.roll_calls().values().filter(|c| last && c.closed_at.is_none() && c.exercise == incident.exercise).collect();
    if !open.is_empty() {
        let now = open.iter().map(|c| moment.roll_call_now(c));
        let silent: u32 = now.map(|n| n.asked - n.answered).sum();
        list.push((fill("calls", &[("n", &open.len().to_string())]), fill("calls_rest", &[("silent", &silent.to_string())])));
    }
    if stays.is_none() && !incident.exercise && incident.severity == Severity::Incident {
        list.push((t("rhythm"), t("rhythm_rest")));
    }
    list
}

/// Facilities whose call for help still stands in this incident.
fn calling_for_help(moment: Moment<'_>, incident: &Incident) -> usize {
    let realm = incident.realm();
    let calls = |shown: Shown<'_>| {
        let standing = shown.current().filter(|s| s.incident.as_ref() == Some(&incident.id));
        standing.is_some_and(|s| s.value == Value::FirstReport(FirstReport::NeedsHelp))
    };
    // Only those that said a first report other than "safe" in it; the index knows them.
    moment.first_told(&incident.id, usize::MAX).filter(|f| calls(moment.shown(f, &Aspect::FirstReport, realm))).count()
}

/// The question before a roll call is closed. `incident` is the one it belongs to, if it belongs to one.
#[must_use]
pub fn ending<'a>(
    frame: &Frame<'a>,
    call: &'a RollCall,
    incident: Option<&Incident>,
    nonce: Uuid,
    problem: Option<&str>,
) -> Markup {
    let t = |key: &str| frame.words.t(&format!("desk.incidents.end.{key}")).to_owned();
    let RollCallNow { asked, answered, .. } = frame.moment.roll_call_now(call);
    let (all, n, from) = (asked.to_string(), answered.to_string(), time::when(call.opened_at, frame.now()));
    let silent = (asked - answered).to_string();
    let back = incident.map_or("/desk/incidents".to_owned(), |i| format!("/desk/incidents/{}", i.id));
    let title = t("title");
    let middle = html! {
        section.read.sure.inc-asking aria-labelledby="et" {
            h1 #et { @if let Some(incident) = incident { (plate(frame, incident)) } (title) }
            @if let Some(problem) = problem { p.wrong role="alert" { (problem) } }
            p.say { (frame.fill("desk.incidents.end.say", &[("from", &from), ("all", &all), ("n", &n)])) }
            ul {
                @if asked > answered { li { b { (frame.fill("desk.incidents.end.silent", &[("n", &silent)])) } (t("silent_rest")) } }
                li { b { (t("later")) } (t("later_rest")) }
            }
            form method="post" action={ "/desk/incidents/rollcalls/" (call.id) "/close" } {
                input type="hidden" name="nonce" value=(nonce);
                p.acts {
                    button.go data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } (t("go")) }
                    a.btn href=(back) data-key="Escape" { kbd { "Esc" } (t("back")) }
                }
            }
            p.s.gap { (t("again")) }
        }
    };
    match incident {
        Some(incident) => framed(frame, incident, &title, middle),
        None => crate::desk::document(frame, Some(crate::desk::Room::Incidents), &title, middle),
    }
}
