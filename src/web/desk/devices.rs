//! The desk's room `devices` over HTTP: buttons and displays, and a new button in three taps.
//!
//! *Invariants:* a press counts as a report unless somebody at the desk began a test of that button within the last ten minutes; a
//! password is shown only by the act that makes it, and that act is on the log.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use imaboard_domain::{
    Button, ButtonId, Facility, FacilityBoard, FacilityId, Facts, Gesture, Moment, Observation, Refused, Rules, Setting,
    search_form,
};
use imaboard_templates::desk::devices::{
    self, Choice, Chosen, Credential, Joining, List, OFFERED, One, Row, Screen, Stranger, Wrong,
};
use imaboard_templates::desk::{Frame, Role, Room};
use imaboard_templates::report::form::Typed;
use imaboard_templates::words::JA;
use jiff::{SignedDuration, Timestamp};

use super::overview::is_overdue;
use super::{Member, control, entry_id, explained, page, see_other, sentence, typed};
use crate::app::App;
use crate::core::{ButtonProblem, plan_button};
use crate::intake::listening::{Heard, STRANGER_LASTS};
use crate::intake::press::topic_matches;
use crate::paints::SILENT_AFTER;
use crate::wiring::LOW_BATTERY_PCT;

/// Buttons of a page of the list.
const PER_PAGE: usize = 50;
/// Facilities offered for a new button.
const MOST_FOUND: usize = 20;
/// Longest topic of a lamp.
const MOST_TOPIC_CHARS: usize = 128;
/// A second press of the button that makes a password shows the same password within this time, never later.
const SAME_PRESS: SignedDuration = SignedDuration::from_mins(1);

/// What makes new by itself what was just heard.
const LIVE: &[&str] = &["desk-devices.js"];

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desk/devices", get(list).post(join))
        .route("/desk/devices/new", get(new))
        .route("/desk/devices/{id}", get(show).post(change))
        .route("/desk/devices/{id}/test", post(test))
        .route("/desk/devices/{id}/password", get(ask_password).post(new_password))
        .route("/desk/devices/{id}/remove", get(ask_remove).post(remove))
}

fn asked(uri: &Uri) -> Typed {
    typed(uri.query().unwrap_or_default().as_bytes())
}

fn row<'a>(app: &App, m: &Moment<'a>, button: &'a Button) -> Row<'a> {
    let state = app.devices.find(&button.profile, &button.device);
    let state = state.as_ref();
    let heard_at = state.map(|s| s.last_heard_at);
    Row {
        button,
        facility: m.board.facilities().get(&button.facility).map(|held| &*held.facility),
        heard_at,
        battery_pct: state.and_then(|s| s.battery_pct),
        low: state.is_some_and(|s| s.battery_pct.is_some_and(|percent| percent <= LOW_BATTERY_PCT)),
        overdue: is_overdue(button, heard_at, m.now),
        tested_until: app.listening.tested_until(&button.id, m.now),
    }
}

async fn list(State(app): State<Arc<App>>, member: Member, uri: Uri) -> Response {
    let asked = asked(&uri);
    let q: String = asked.one("q").unwrap_or_default().chars().take(60).collect();
    let wanted = asked.one("page").and_then(|p| p.parse::<usize>().ok()).unwrap_or(1).max(1);
    let (strangers, removed) = (strangers(&app).len(), asked.one("done") == Some("removed"));
    page(&app, &member, StatusCode::OK, &[], |frame| {
        let (m, form) = (frame.moment, search_form(&q));
        // A city has hundreds of buttons, and no index of them beside their ids.
        let fits = |b: &&Button| {
            let name = m.search_text(&b.facility);
            form.is_empty() || name.contains(&form) || b.id.as_str().contains(&form) || b.device.to_lowercase().contains(&form)
        };
        let found: Vec<&Button> = m.board.buttons().values().filter(fits).collect();
        let pages = found.len().div_ceil(PER_PAGE).max(1);
        let shown = wanted.min(pages);
        let rows = found.iter().skip((shown - 1) * PER_PAGE).take(PER_PAGE).map(|b| row(&app, &m, b)).collect();
        let screens = m.board.displays().values().map(|display| {
            let painted_at = app.paints.find(&display.id).map(|p| p.at);
            let silent = painted_at.is_none_or(|at| m.now.duration_since(at) > SILENT_AFTER);
            Screen { name: display.name.clone(), url: format!("/wall/{}", display.id), painted_at, silent }
        });
        devices::list(
            frame,
            &List { rows, found: found.len(), q: q.clone(), page: shown, pages, screens: screens.collect(), strangers, removed },
        )
    })
}

/// Devices that were pressed lately and are nobody's button yet.
fn strangers(app: &App) -> Vec<Heard> {
    let heard = app.listening.strangers(app.clock.now());
    app.board.read(|b| heard.into_iter().filter(|h| b.find_button(&h.profile, &h.device).is_none()).collect())
}

/// How a device was pressed lately.
fn pressed(app: &App, profile: &str, device: &str) -> Option<(Gesture, Timestamp)> {
    let heard = app.listening.strangers(app.clock.now());
    heard.into_iter().find(|h| h.profile == profile && h.device == device).map(|h| (h.gesture, h.at))
}

fn address(pairs: &[(&str, &str)]) -> String {
    format!("/desk/devices/new?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// The three taps, one after the other.
async fn new(State(app): State<Arc<App>>, member: Member, uri: Uri) -> Response {
    if !member.may(Role::Coordinator) {
        return sentence(&app, &member, Room::Devices, StatusCode::FORBIDDEN, "desk.problem.forbidden");
    }
    let asked = asked(&uri);
    let (Some(profile), Some(device)) = (asked.one("profile"), asked.one("device")) else {
        let heard = strangers(&app);
        return page(&app, &member, StatusCode::OK, LIVE, |frame| {
            let strangers = heard.into_iter().map(|h| Stranger {
                href: address(&[("profile", &h.profile), ("device", &h.device)]),
                profile: h.profile,
                device: h.device,
                gesture: h.gesture,
                key: h.key,
                at: h.at,
            });
            devices::heard(frame, &strangers.collect::<Vec<_>>(), STRANGER_LASTS)
        });
    };
    let facility = asked.one("facility").and_then(|id| id.parse::<FacilityId>().ok());
    let one = Joining { profile, device, pressed: pressed(&app, profile, device) };
    page(&app, &member, StatusCode::OK, &[], |frame| {
        if let Some(held) = facility.as_ref().and_then(|id| frame.moment.board.find_facility(id)) {
            let choices = choices(&app, frame, &held.facility);
            let chosen = proposed(&choices);
            return devices::what(frame, one, held, &choices, &chosen, &Wrong::default());
        }
        let q = asked.one("q").unwrap_or_default();
        let found: Vec<(&FacilityBoard, String)> = matching(frame, q)
            .into_iter()
            .map(|held| (held, address(&[("profile", profile), ("device", device), ("facility", held.facility.id.as_str())])))
            .collect();
        devices::whose(frame, one, q, &found)
    })
}

/// The first facilities that fit, by the ready-made search texts.
fn matching<'a>(frame: &Frame<'a>, q: &str) -> Vec<&'a FacilityBoard> {
    let (m, form) = (frame.moment, search_form(q));
    let districts: Vec<_> = m.facilities_by_district().into_keys().collect();
    let all = districts.iter().flat_map(|district| m.listed(None, district));
    let fits = all.filter(|f| form.is_empty() || m.search_text(&f.id).contains(&form) || f.id.as_str() == form);
    fits.filter_map(|f| m.board.find_facility(&f.id)).take(MOST_FOUND).collect()
}

/// What a gesture can set at a facility: what its services can say without a cell, and what everybody can say.
fn choices(app: &App, frame: &Frame<'_>, facility: &Facility) -> Vec<Choice> {
    const ALWAYS: [&str; 8] = [
        "first_report:safe",
        "first_report:impaired",
        "first_report:needs_help",
        "power:none",
        "water:none",
        "staff:short",
        "operation:normal",
        "operation:suspended",
    ];
    let levels = ["full", "few", "available", "plenty"];
    let vacancies = facility.services.iter().flat_map(|s| levels.map(|level| format!("vacancy/{}:{level}", s.id)));
    let rules = Rules { today: frame.moment.today(), thresholds: app.thresholds, incident: true };
    let all = vacancies.chain(ALWAYS.map(str::to_owned));
    all.filter_map(|value| {
        let setting: Setting = format!("single={value}").parse().ok()?;
        Observation::parse(std::slice::from_ref(&setting.sets), facility, rules).ok()?;
        Some(Choice { words: devices::sets_in_words(frame, Some(facility), &setting), value })
    })
    .collect()
}

/// Once: full. Twice: room. Long: help.
fn proposed(choices: &[Choice]) -> Chosen {
    let first =
        |end: &str| choices.iter().find(|c| c.value.starts_with("vacancy") && c.value.ends_with(end)).map(|c| c.value.clone());
    let or = |found: Option<String>, other: &str| found.unwrap_or_else(|| other.to_owned());
    [
        or(first(":full"), "first_report:safe"),
        or(first(":available"), "first_report:impaired"),
        "first_report:needs_help".to_owned(),
    ]
}

fn chosen(typed: &Typed) -> Chosen {
    OFFERED.map(|gesture| typed.one(gesture.word()).unwrap_or_default().to_owned())
}

/// The settings of the offered gestures, or what is wrong with which.
fn settings(chosen: &Chosen) -> Result<Vec<Setting>, Wrong> {
    let mut wrong = Wrong::default();
    let mut sets = Vec::new();
    for ((gesture, value), wrong) in OFFERED.into_iter().zip(chosen).zip(&mut wrong.gestures) {
        if !value.is_empty() {
            match format!("{gesture}={value}").parse() {
                Ok(setting) => sets.push(setting),
                Err(_) => *wrong = Some(JA.t("desk.devices.why.unread").to_owned()),
            }
        }
    }
    if wrong == Wrong::default() { Ok(sets) } else { Err(wrong) }
}

fn nothing_chosen() -> Wrong {
    let mut wrong = Wrong::default();
    wrong.gestures[0] = Some(JA.t("desk.devices.choose").to_owned());
    wrong
}

/// Why a gesture cannot set what was chosen, in words.
fn why(refused: &Refused) -> String {
    let key = match refused {
        Refused::MoreThanTotal { total, .. } => {
            return JA.fill("desk.devices.why.more_than_total", &[("total", &total.to_string())]);
        }
        Refused::UnknownService { .. } => "desk.devices.why.service",
        Refused::UnknownCell { .. } => "desk.devices.why.cell",
        _ => "desk.devices.why.value",
    };
    JA.t(key).to_owned()
}

/// What is wrong with a device, at its field where it has one.
fn problem_words(app: &App, problem: &ButtonProblem) -> Wrong {
    let mut wrong = Wrong::default();
    let whole = |key: &str| Some(JA.t(&format!("desk.devices.why.{key}")).to_owned());
    match problem {
        ButtonProblem::Setting { setting, refused, .. } => {
            let words: String = refused.iter().map(why).collect();
            match OFFERED.iter().position(|gesture| *gesture == setting.gesture && setting.button.is_none()) {
                Some(at) => wrong.gestures[at] = Some(words),
                None => {
                    wrong.whole = Some(JA.fill("desk.devices.why.kept", &[("setting", &setting.to_string()), ("why", &words)]));
                }
            }
        }
        ButtonProblem::Taken { button, facility, .. } => {
            let name = app.look(|m| m.board.find_facility(facility).map(|held| held.facility.name.clone()));
            let name = name.unwrap_or_else(|| facility.to_string());
            wrong.whole = Some(JA.fill("desk.devices.taken", &[("name", &name), ("id", button.as_str())]));
        }
        ButtonProblem::Name(_) => wrong.whole = whole("name"),
        ButtonProblem::Profile { .. } => wrong.whole = whole("profile"),
        ButtonProblem::Facility(_) => wrong.whole = whole("facility"),
        ButtonProblem::NoId => wrong.whole = whole("no_id"),
    }
    wrong
}

/// What was chosen and is no choice stays in its list, so that nothing of what was sent is lost.
fn keep_chosen(choices: &mut Vec<Choice>, chosen: &Chosen) {
    for value in chosen.iter().filter(|value| !value.is_empty()) {
        if choices.iter().all(|choice| choice.value != *value) {
            choices.push(Choice { words: value.clone(), value: value.clone() });
        }
    }
}

async fn join(State(app): State<Arc<App>>, member: Member, body: Bytes) -> Response {
    let typed = typed(&body);
    let field = |name| typed.one(name).unwrap_or_default().to_owned();
    let (profile, device) = (field("profile"), field("device"));
    let Ok(facility) = field("facility").parse::<FacilityId>() else {
        return sentence(&app, &member, Room::Devices, StatusCode::UNPROCESSABLE_ENTITY, "desk.devices.no_facility");
    };
    let chosen = chosen(&typed);
    let planned = settings(&chosen).and_then(|sets| {
        if sets.is_empty() {
            return Err(nothing_chosen());
        }
        plan_button(&app, facility.clone(), profile.clone(), device.clone(), sets)
            .map_err(|problem| problem_words(&app, &problem))
    });
    let (status, wrong) = match planned {
        Ok(button) => {
            let id = button.id.clone();
            match control(&app, &member, entry_id(&app, &member, &typed), Facts::ButtonEnrolled(button), None).await {
                Ok(_) => {
                    app.listening.known(&profile, &device);
                    return see_other(&format!("/desk/devices/{id}?done=joined"));
                }
                Err(error) => {
                    let (status, words) = explained(&error);
                    (status, Wrong { whole: Some(words), ..Wrong::default() })
                }
            }
        }
        Err(wrong) => (StatusCode::UNPROCESSABLE_ENTITY, wrong),
    };
    let pressed = pressed(&app, &profile, &device);
    page(&app, &member, status, &[], |frame| match frame.moment.board.find_facility(&facility) {
        Some(held) => {
            let mut choices = choices(&app, frame, &held.facility);
            keep_chosen(&mut choices, &chosen);
            let one = Joining { profile: &profile, device: &device, pressed };
            devices::what(frame, one, held, &choices, &chosen, &wrong)
        }
        None => {
            let words = wrong.whole.as_deref().unwrap_or(frame.words.t("desk.devices.why.facility"));
            imaboard_templates::desk::sentence(frame, Some(Room::Devices), frame.words.t("desk.problem.title"), words)
        }
    })
}

fn find(app: &App, id: &str) -> Option<Button> {
    let id: ButtonId = id.parse().ok()?;
    app.board.read(|b| b.buttons().get(&id).cloned())
}

fn not_found(app: &App, member: &Member) -> Response {
    sentence(app, member, Room::Devices, StatusCode::NOT_FOUND, "desk.devices.not_found")
}

/// What the offered gestures set now, for any key.
fn chosen_now(button: &Button) -> Chosen {
    OFFERED.map(|gesture| {
        let set = button.sets.iter().find(|s| s.gesture == gesture && s.button.is_none());
        set.map(ToString::to_string).and_then(|text| text.split_once('=').map(|(_, value)| value.to_owned())).unwrap_or_default()
    })
}

/// What somebody typed about a button, and what is wrong with it.
#[derive(Debug, Clone)]
struct Bad {
    chosen: Chosen,
    light: String,
    wrong: Wrong,
}

fn button_page(
    app: &App,
    member: &Member,
    button: &Button,
    status: StatusCode,
    done: Option<&str>,
    bad: Option<Bad>,
) -> Response {
    let tries = app.listening.tries(&button.id).into_iter().map(|h| (h.gesture, h.key, h.at)).collect();
    let bad = bad.unwrap_or_else(|| Bad {
        chosen: chosen_now(button),
        light: button.light.clone().unwrap_or_default(),
        wrong: Wrong::default(),
    });
    let Bad { chosen, light, wrong } = bad;
    let logs_in = logs_in(app, button);
    page(app, member, status, LIVE, |frame| {
        let held = frame.moment.board.find_facility(&button.facility);
        let mut choices = held.map(|held| choices(app, frame, &held.facility)).unwrap_or_default();
        // What was set in other words, at the command line, must not be lost by saving something else.
        for setting in &button.sets {
            let value = setting.to_string().split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default();
            if choices.iter().all(|choice| choice.value != value) {
                choices.push(Choice { words: devices::sets_in_words(frame, held.map(|h| &*h.facility), setting), value });
            }
        }
        keep_chosen(&mut choices, &chosen);
        let done = done.filter(|done| JA.has(&format!("desk.devices.done.{done}"))).map(str::to_owned);
        let moment = frame.moment;
        devices::show(frame, &One { row: row(app, &moment, button), held, tries, logs_in, choices, chosen, light, done, wrong })
    })
}

/// Whether a device connects by itself, with a password of its own.
fn logs_in(app: &App, button: &Button) -> bool {
    app.profiles.find(&button.profile).is_some_and(|profile| !profile.is_behind_gateway())
}

/// The topic somebody chose for the lamp of a button; `None` is the usual one.
fn read_light(app: &App, button: &Button, typed: &str) -> Result<Option<String>, String> {
    let topic = typed.trim();
    if topic.is_empty() || topic == Button::usual_light(&button.device) {
        return Ok(None);
    }
    let wrong = |key: &str| Err(JA.fill(&format!("desk.devices.why.{key}"), &[("most", &MOST_TOPIC_CHARS.to_string())]));
    if topic.chars().count() > MOST_TOPIC_CHARS {
        return wrong("topic_long");
    }
    if topic.contains(['+', '#']) {
        return wrong("topic_wildcard");
    }
    if topic.starts_with(['$', '/']) || topic.ends_with('/') || topic.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return wrong("topic_form");
    }
    // What the board says there it would hear itself, or another device would.
    let own = topic == "imaboard" || topic.starts_with("imaboard/");
    let heard = app.profiles.subscriptions().iter().any(|filter| topic_matches(filter, topic));
    let of_device = app.profiles.find(&button.profile).map(|profile| profile.publish_filters(&button.device)).unwrap_or_default();
    if own || heard || of_device.iter().any(|filter| topic_matches(filter, topic)) {
        return wrong("topic_own");
    }
    Ok(Some(topic.to_owned()))
}

async fn show(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, uri: Uri) -> Response {
    match find(&app, &id) {
        Some(button) => button_page(&app, &member, &button, StatusCode::OK, asked(&uri).one("done"), None),
        None => not_found(&app, &member),
    }
}

async fn change(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(button) = find(&app, &id) else { return not_found(&app, &member) };
    let typed = typed(&body);
    let chosen = chosen(&typed);
    // A form without the field says nothing about the lamp; an empty field means the usual topic.
    let given = typed.pairs().iter().find(|(name, _)| name == "light");
    let light = given.map_or_else(|| button.light.clone().unwrap_or_default(), |(_, topic)| topic.clone());
    let refused = |status: StatusCode, wrong: Wrong| {
        let bad = Bad { chosen: chosen.clone(), light: light.clone(), wrong };
        button_page(&app, &member, &button, status, None, Some(bad))
    };
    // Settings of single keys and rarer gestures were made at the command line and stay.
    let kept = button.sets.iter().filter(|s| s.button.is_some() || !OFFERED.contains(&s.gesture)).cloned();
    let planned = settings(&chosen).and_then(|sets| {
        let sets: Vec<Setting> = sets.into_iter().chain(kept).collect();
        if sets.is_empty() {
            return Err(nothing_chosen());
        }
        plan_button(&app, button.facility.clone(), button.profile.clone(), button.device.clone(), sets)
            .map_err(|problem| problem_words(&app, &problem))
    });
    let planned = match (planned, read_light(&app, &button, &light)) {
        (Ok(planned), Ok(light)) => Button { light, ..planned },
        (planned, light) => {
            let wrong = Wrong { light: light.err(), ..planned.err().unwrap_or_default() };
            return refused(StatusCode::UNPROCESSABLE_ENTITY, wrong);
        }
    };
    match control(&app, &member, entry_id(&app, &member, &typed), Facts::ButtonEnrolled(planned), None).await {
        Ok(_) => see_other(&format!("/desk/devices/{id}?done=changed")),
        Err(error) => {
            let (status, words) = explained(&error);
            refused(status, Wrong { whole: Some(words), ..Wrong::default() })
        }
    }
}

/// The button whose password a coordinator may make, or the answer that says why not.
fn for_password(app: &App, member: &Member, id: &str) -> Result<Button, Box<Response>> {
    let no = |status, key| Err(Box::new(sentence(app, member, Room::Devices, status, key)));
    match find(app, id) {
        _ if !member.may(Role::Coordinator) => no(StatusCode::FORBIDDEN, "desk.problem.forbidden"),
        None => no(StatusCode::NOT_FOUND, "desk.devices.not_found"),
        Some(button) if !logs_in(app, &button) => no(StatusCode::NOT_FOUND, "desk.devices.no_password"),
        Some(button) => Ok(button),
    }
}

async fn ask_password(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>) -> Response {
    match for_password(&app, &member, &id) {
        Ok(button) => page(&app, &member, StatusCode::OK, &[], |frame| {
            let moment = frame.moment;
            devices::ask_password(frame, &row(&app, &moment, &button))
        }),
        Err(no) => *no,
    }
}

/// Makes a new password and shows it, this once: the answer is the page itself, because no address may lead to it.
async fn new_password(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let button = match for_password(&app, &member, &id) {
        Ok(button) => button,
        Err(no) => return *no,
    };
    let entry = entry_id(&app, &member, &typed(&body));
    let made = match app.recorder.find(entry).await {
        // The same press again: shown once more only to who pressed twice, not to who comes back.
        Ok(Some(stored)) => {
            let fresh = app.clock.now().duration_since(stored.recorded_at) <= SAME_PRESS;
            match stored.facts {
                Facts::ButtonEnrolled(made) if fresh && made.password == button.password => Ok(made),
                _ => return see_other(&format!("/desk/devices/{id}?done=password_gone")),
            }
        }
        _ => {
            let made = Button { password: button.password.saturating_add(1), ..button };
            control(&app, &member, entry, Facts::ButtonEnrolled(made.clone()), None).await.map(|_| made)
        }
    };
    match made {
        Ok(made) => {
            let credential = Credential { user: made.id.to_string(), password: app.keys.device_password(&made) };
            page(&app, &member, StatusCode::OK, &[], |frame| {
                let moment = frame.moment;
                devices::password(frame, &row(&app, &moment, &made), &credential)
            })
        }
        Err(error) => {
            let (status, words) = explained(&error);
            page(&app, &member, status, &[], |frame| {
                imaboard_templates::desk::sentence(frame, Some(Room::Devices), frame.words.t("desk.problem.title"), &words)
            })
        }
    }
}

async fn test(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(button) = find(&app, &id) else { return not_found(&app, &member) };
    if typed(&body).one("on").is_some() {
        app.listening.begin_test(&button.id, app.clock.now());
        tracing::info!(button.id = %button.id, actor = member.actor(), "a test of a button begins");
    } else {
        app.listening.end_test(&button.id);
    }
    see_other(&format!("/desk/devices/{id}"))
}

async fn ask_remove(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>) -> Response {
    let Some(button) = find(&app, &id) else { return not_found(&app, &member) };
    if !member.may(Role::Coordinator) {
        return sentence(&app, &member, Room::Devices, StatusCode::FORBIDDEN, "desk.problem.forbidden");
    }
    page(&app, &member, StatusCode::OK, &[], |frame| {
        let moment = frame.moment;
        devices::ask_remove(frame, &row(&app, &moment, &button))
    })
}

async fn remove(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(button) = find(&app, &id) else { return not_found(&app, &member) };
    let facts = Facts::ButtonRemoved { button: button.id };
    match control(&app, &member, entry_id(&app, &member, &typed(&body)), facts, None).await {
        Ok(_) => see_other("/desk/devices?done=removed"),
        Err(error) => {
            let (status, words) = explained(&error);
            page(&app, &member, status, &[], |frame| {
                imaboard_templates::desk::sentence(frame, Some(Room::Devices), frame.words.t("desk.problem.title"), &words)
            })
        }
    }
}

#[cfg(test)]
mod tests;
