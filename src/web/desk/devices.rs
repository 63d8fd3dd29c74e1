//! The desk's room `devices` over HTTP: buttons and displays, and a new button in three taps.
//!
//! *Invariant:* a press counts as a report unless somebody at the desk began a test of that button within the last ten minutes.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use imaboard_domain::{
    Button, ButtonId, Facility, FacilityBoard, FacilityId, Facts, Moment, Observation, Rules, Setting, search_form,
};
use imaboard_templates::desk::devices::{self, Choice, Chosen, Credential, List, OFFERED, One, Row, Screen, Stranger};
use imaboard_templates::desk::{Frame, Role, Room};
use imaboard_templates::report::form::Typed;
use imaboard_templates::words::JA;

use super::overview::SIGN_OF_LIFE;
use super::{Member, control, entry_id, explained, page, see_other, sentence, typed};
use crate::app::App;
use crate::core::{ButtonProblem, plan_button};
use crate::paints::SILENT_AFTER;
use crate::wiring::LOW_BATTERY_PCT;

/// Buttons of a page of the list.
const PER_PAGE: usize = 50;
/// Facilities offered for a new button.
const MOST_FOUND: usize = 20;

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desk/devices", get(list).post(join))
        .route("/desk/devices/new", get(new))
        .route("/desk/devices/{id}", get(show).post(change))
        .route("/desk/devices/{id}/test", post(test))
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
        overdue: heard_at.is_none_or(|at| m.now.duration_since(at) > SIGN_OF_LIFE),
        tested_until: app.listening.tested_until(&button.id, m.now),
    }
}

async fn list(State(app): State<Arc<App>>, member: Member, uri: Uri) -> Response {
    let asked = asked(&uri);
    let q: String = asked.one("q").unwrap_or_default().chars().take(60).collect();
    let wanted = asked.one("page").and_then(|p| p.parse::<usize>().ok()).unwrap_or(1).max(1);
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
        let strangers = app.listening.strangers().len();
        devices::list(
            frame,
            &List { rows, found: found.len(), q: q.clone(), page: shown, pages, screens: screens.collect(), strangers },
        )
    })
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
        let heard = app.listening.strangers();
        return page(&app, &member, StatusCode::OK, &[], |frame| {
            let strangers = heard.into_iter().map(|h| Stranger {
                href: address(&[("profile", &h.profile), ("device", &h.device)]),
                profile: h.profile,
                device: h.device,
                gesture: h.gesture,
                key: h.key,
                at: h.at,
            });
            devices::heard(frame, &strangers.collect::<Vec<_>>())
        });
    };
    let facility = asked.one("facility").and_then(|id| id.parse::<FacilityId>().ok());
    page(&app, &member, StatusCode::OK, &[], |frame| {
        if let Some(held) = facility.as_ref().and_then(|id| frame.moment.board.find_facility(id)) {
            let choices = choices(&app, frame, &held.facility);
            let chosen = proposed(&choices);
            return devices::what(frame, (profile, device), held, &choices, &chosen, None);
        }
        let q = asked.one("q").unwrap_or_default();
        let found: Vec<(&FacilityBoard, String)> = matching(frame, q)
            .into_iter()
            .map(|held| (held, address(&[("profile", profile), ("device", device), ("facility", held.facility.id.as_str())])))
            .collect();
        devices::whose(frame, (profile, device), q, &found)
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

/// The settings of the offered gestures; what is no setting is left out and refused by its absence.
fn settings(chosen: &Chosen) -> Vec<Setting> {
    let pairs = OFFERED.into_iter().zip(chosen).filter(|(_, value)| !value.is_empty());
    pairs.filter_map(|(gesture, value)| format!("{gesture}={value}").parse().ok()).collect()
}

fn problem_words(problem: &ButtonProblem) -> String {
    let key = if matches!(problem, ButtonProblem::Taken { .. }) { "taken" } else { "wrong" };
    JA.t(&format!("desk.devices.{key}")).to_owned()
}

async fn join(State(app): State<Arc<App>>, member: Member, body: Bytes) -> Response {
    let typed = typed(&body);
    let field = |name| typed.one(name).unwrap_or_default().to_owned();
    let (profile, device) = (field("profile"), field("device"));
    let Ok(facility) = field("facility").parse::<FacilityId>() else {
        return sentence(&app, &member, Room::Devices, StatusCode::UNPROCESSABLE_ENTITY, "desk.devices.no_facility");
    };
    let chosen = chosen(&typed);
    let sets = settings(&chosen);
    let planned = if sets.is_empty() {
        Err(JA.t("desk.devices.choose").to_owned())
    } else {
        plan_button(&app, facility.clone(), profile.clone(), device.clone(), sets).map_err(|problem| problem_words(&problem))
    };
    let (status, words) = match planned {
        Ok(button) => {
            let id = button.id.clone();
            match control(&app, &member, entry_id(&app, &member, &typed), Facts::ButtonEnrolled(button), None).await {
                Ok(_) => {
                    app.listening.known(&profile, &device);
                    return see_other(&format!("/desk/devices/{id}?done=joined"));
                }
                Err(error) => explained(&error),
            }
        }
        Err(words) => (StatusCode::UNPROCESSABLE_ENTITY, words),
    };
    page(&app, &member, status, &[], |frame| match frame.moment.board.find_facility(&facility) {
        Some(held) => {
            let choices = choices(&app, frame, &held.facility);
            devices::what(frame, (&profile, &device), held, &choices, &chosen, Some(&words))
        }
        None => imaboard_templates::desk::sentence(frame, Some(Room::Devices), frame.words.t("desk.problem.title"), &words),
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

fn button_page(
    app: &App,
    member: &Member,
    button: &Button,
    status: StatusCode,
    done: Option<&str>,
    bad: Option<(Chosen, String)>,
) -> Response {
    let tries = app.listening.tries(&button.id).into_iter().map(|h| (h.gesture, h.key, h.at)).collect();
    let credential = member
        .may(Role::Coordinator)
        .then(|| Credential { user: button.id.to_string(), password: app.keys.device_password(&button.id) });
    let (chosen, problem) = match bad {
        Some((chosen, problem)) => (chosen, Some(problem)),
        None => (chosen_now(button), None),
    };
    page(app, member, status, &[], |frame| {
        let held = frame.moment.board.find_facility(&button.facility);
        let mut choices = held.map(|held| choices(app, frame, &held.facility)).unwrap_or_default();
        // What was set in other words, at the command line, must not be lost by saving something else.
        for setting in &button.sets {
            let value = setting.to_string().split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default();
            if choices.iter().all(|choice| choice.value != value) {
                choices.push(Choice { words: devices::sets_in_words(frame, held.map(|h| &*h.facility), setting), value });
            }
        }
        let done = done.filter(|done| JA.has(&format!("desk.devices.done.{done}"))).map(str::to_owned);
        let moment = frame.moment;
        let one = One { row: row(app, &moment, button), held, tries, credential, choices, chosen, done, problem };
        devices::show(frame, &one)
    })
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
    // Settings of single keys and rarer gestures were made at the command line and stay.
    let kept = button.sets.iter().filter(|s| s.button.is_some() || !OFFERED.contains(&s.gesture)).cloned();
    let sets: Vec<Setting> = settings(&chosen).into_iter().chain(kept).collect();
    let refused = |words: String| {
        button_page(&app, &member, &button, StatusCode::UNPROCESSABLE_ENTITY, None, Some((chosen.clone(), words)))
    };
    if sets.is_empty() {
        return refused(JA.t("desk.devices.choose").to_owned());
    }
    match plan_button(&app, button.facility.clone(), button.profile.clone(), button.device.clone(), sets) {
        Ok(planned) => {
            match control(&app, &member, entry_id(&app, &member, &typed), Facts::ButtonEnrolled(planned), None).await {
                Ok(_) => see_other(&format!("/desk/devices/{id}?done=changed")),
                Err(error) => refused(explained(&error).1),
            }
        }
        Err(problem) => refused(problem_words(&problem)),
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
        Ok(_) => see_other("/desk/devices"),
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
