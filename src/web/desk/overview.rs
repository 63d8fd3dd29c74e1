//! The overview over HTTP: the page, what came of a call, what changed since, and the question about an unclear press.
//!
//! Who owes an answer is looked up once per position of the board and minute and shared by all seats. *Invariant:* a call is noted of
//! the facility that its form names, never of "the one on top".

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query as Fields, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use imaboard_display::chart::{self, ChartWords, Size};
use imaboard_domain::{
    Board, Button, CallOutcome, Channel, DistrictId, EntryId, Facility, FacilityId, Facts, Moment, Outstanding, Realm, Scope,
    ServiceKind, Told, search_form,
};
use imaboard_templates::desk::overview::{self, Dark, Machines, Order, Query, Sheet, Silent};
use imaboard_templates::desk::{Frame, Room};
use imaboard_templates::time;
use imaboard_templates::words::JA;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, PreEscaped};
use serde::Deserialize;
use serde_json::json;

use super::{Member, control, entry_id, explained, nonce, only_looks, page, see_other, sentence, typed};
use crate::app::App;
use crate::intake::press::DeviceState;
use crate::paints::SILENT_AFTER;
use crate::recorder::{Intent, Refusal, Submission, SubmitError};
use crate::wiring::LOW_BATTERY_PCT;

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desk", get(show))
        .route("/desk/", get(|| async { Redirect::permanent(Room::Overview.path()) }))
        .route("/desk/calls", get(|| async { Redirect::to(Room::Overview.path()) }).post(note))
        .route("/desk/changes", get(changes))
        .route("/desk/unclear/{report}", get(ask).post(take_back))
        .layer(Extension(Arc::new(Kept::default())))
}

/// A number of fields by name, as an address has them.
type Asked = HashMap<String, String>;

fn read(asked: &Asked) -> Query {
    Query::read(|name| asked.get(name).map(String::as_str))
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(kept): Extension<Arc<Kept>>,
    member: Member,
    Fields(asked): Fields<Asked>,
) -> Response {
    answer(&app, &kept, &member, &read(&asked), StatusCode::OK, None)
}

fn answer(app: &App, kept: &Kept, member: &Member, query: &Query, status: StatusCode, problem: Option<&str>) -> Response {
    page(app, member, status, &["desk-overview.js"], |frame| {
        let moment = frame.moment;
        let scope = scope(&moment, query.realm);
        let list = kept.outstanding(&moment, scope, &districts(app), query.said.is_some());
        let found = found(frame, &list, query);
        let chart = chart(frame, &list, scope);
        let machines = machines(app, &moment);
        let sheet =
            Sheet { query, scope, list: &list, found: &found, chart: &chart, machines: &machines, nonce: nonce(), problem };
        overview::page(frame, &sheet)
    })
}

fn districts(app: &App) -> Vec<DistrictId> {
    app.city.districts.iter().map(|d| d.id.clone()).collect()
}

/// What everybody is asked for: what is real, unless the exercise was asked for, or only the exercise has a roll call.
fn scope<'a>(moment: &Moment<'a>, asked: Option<Realm>) -> Scope<'a> {
    let only_practised = moment.open_call(Realm::Real).is_none() && moment.open_call(Realm::Exercise).is_some();
    let realm = asked.unwrap_or(if only_practised { Realm::Exercise } else { Realm::Real });
    moment.asking(realm).or_else(|| moment.asking(Realm::Real)).unwrap_or(Scope::Vacancies)
}

/// From how many on a list costs milliseconds.
const LONG: usize = 5_000;
/// So old may a long list be that somebody only looks at.
const LONG_HOLDS: SignedDuration = SignedDuration::from_secs(3);

/// The lists last made, of each realm.
#[derive(Default)]
struct Kept(Mutex<[Option<Made>; 2]>);

#[derive(Clone)]
struct Made {
    /// What was asked for, by kind and id.
    of: String,
    position: u64,
    at: Timestamp,
    list: Arc<Outstanding>,
}

impl Kept {
    /// The list of now. In a storm of reports a city of tens of thousands is not counted anew for every seat and every report;
    /// who has just noted a call sees what came of it at once.
    fn outstanding(&self, moment: &Moment<'_>, scope: Scope<'_>, order: &[DistrictId], at_once: bool) -> Arc<Outstanding> {
        let of = match scope {
            Scope::Call(call) => format!("call/{}", call.id),
            Scope::FirstReports(incident) => format!("incident/{}", incident.id),
            Scope::Vacancies => "vacancies".to_owned(),
        };
        let (now, position) = (moment.now, moment.board.position());
        let place = usize::from(scope.realm() == Realm::Exercise);
        let minute = |at: Timestamp| at.as_second().div_euclid(60);
        let holds = |made: &Made| {
            let exact = made.position == position && minute(made.at) == minute(now);
            let nearly = !at_once && made.list.waiting.len() > LONG && now.duration_since(made.at).abs() <= LONG_HOLDS;
            made.of == of && (exact || nearly)
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = kept.get(place).and_then(Option::as_ref).filter(|made| holds(made)) {
            return Arc::clone(&made.list);
        }
        let list = Arc::new(moment.outstanding(scope, order));
        if let Some(slot) = kept.get_mut(place) {
            *slot = Some(Made { of, position, at: now, list: Arc::clone(&list) });
        }
        list
    }
}

/// What one word of a search means: itself, or a district or kind with that name.
struct Term {
    text: String,
    districts: Vec<DistrictId>,
    kinds: Vec<ServiceKind>,
}

/// Who of the list was searched for, in the order asked for. Nobody keeps an index of parts of words: a search looks at the text of
/// everybody who waits.
fn found(frame: &Frame<'_>, list: &Outstanding, query: &Query) -> Vec<usize> {
    let moment = frame.moment;
    let term = |text: String| Term {
        districts: frame.city.districts.iter().filter(|d| search_form(&d.name).contains(&text)).map(|d| d.id.clone()).collect(),
        kinds: ServiceKind::ALL
            .iter()
            .copied()
            .filter(|kind| search_form(&overview::kind_name(frame, *kind)).contains(&text))
            .collect(),
        text,
    };
    let words = query.q.split_whitespace().map(search_form).filter(|text| !text.is_empty());
    let terms: Vec<Term> = words.map(term).collect();
    let is_meant = |f: &Facility| {
        let text = moment.search_text(&f.id);
        terms.iter().all(|term| {
            text.contains(&term.text)
                || term.districts.contains(&f.district)
                || f.services.iter().any(|s| term.kinds.contains(&s.kind))
        })
    };
    let all = list.waiting.iter().enumerate();
    let mut found: Vec<usize> = all.filter(|(_, w)| terms.is_empty() || is_meant(&w.facility)).map(|(at, _)| at).collect();
    let waiting = |at: &usize| list.waiting.get(*at);
    // Stable: within a group the most urgent stays first.
    match query.order {
        Order::Urgency => {}
        Order::District => found.sort_by_key(|at| waiting(at).map(|w| w.district)),
        Order::Kind => found.sort_by_key(|at| waiting(at).map(|w| (w.facility.main_kind().is_none(), w.facility.main_kind()))),
        Order::Channel => found.sort_by_cached_key(|at| {
            let usual = waiting(at).and_then(|w| moment.board.find_facility(&w.facility.id)?.usual());
            channel_rank(usual)
        }),
    }
    found
}

/// Those who telephone anyway first, then those who send by themselves, then those nobody knows.
fn channel_rank(usual: Option<Channel>) -> u8 {
    match usual {
        Some(Channel::Phone) => 0,
        Some(Channel::Fax) => 1,
        Some(Channel::Button) => 2,
        Some(Channel::Qr) => 3,
        Some(Channel::Form) => 4,
        Some(Channel::Api | Channel::Import | Channel::System) => 5,
        None => 6,
    }
}

/// Beside a list of a desk screen.
const BESIDE: Size = Size { width_px: 368, height_px: 190, font_px: 12 };

/// Minutes between words under the axis.
const STEPS: [i64; 11] = [1, 2, 5, 10, 30, 60, 120, 180, 360, 720, 1_440];
/// Words under the axis of the drawing, besides the first.
const MOST_MARKS: i64 = 3;

fn chart(frame: &Frame<'_>, list: &Outstanding, scope: Scope<'_>) -> Markup {
    let (Scope::Call(_), Some(since)) = (scope, scope.since()) else { return PreEscaped(String::new()) };
    let seconds = |at: Timestamp| at.duration_since(since).as_secs().max(0);
    let answers: Vec<i64> = list.answered_at.iter().map(|at| seconds(*at)).collect();
    let until_s = seconds(frame.now()).max(60);
    let step = STEPS.into_iter().find(|step| until_s / 60 / step <= MOST_MARKS).unwrap_or((until_s / 60 / MOST_MARKS).max(1));
    let marks: Vec<(i64, String)> = (0..=until_s / 60 / step)
        .map(|n| n * step)
        .filter_map(|minutes| Some((minutes, time::clock(since.checked_add(SignedDuration::from_mins(minutes)).ok()?))))
        .collect();
    let description = JA.t("desk.overview.share.chart_desc");
    let title =
        frame.fill("desk.overview.share.chart", &[("when", &time::clock(frame.now())), ("percent", &list.percent().to_string())]);
    let words = ChartWords { title: &title, description, others: "" };
    let response = chart::Response { answers_s: &answers, asked: list.asked, until_s, marks: &marks };
    PreEscaped(chart::response(response, words, BESIDE))
}

/// A device gives a sign of life once a week; a day more is the post of a weekend.
const SIGN_OF_LIFE: SignedDuration = SignedDuration::from_hours(8 * 24);

/// Whether a button has missed its weekly sign of life; one that was never heard has its week from the day it was joined.
pub(super) fn is_overdue(button: &Button, heard_at: Option<Timestamp>, now: Timestamp) -> bool {
    heard_at.or(button.joined_at).is_none_or(|at| now.duration_since(at) > SIGN_OF_LIFE)
}

/// What displays and buttons are like. Both are few beside facilities: a city has hundreds, and nobody keeps an order of them.
fn machines(app: &App, moment: &Moment<'_>) -> Machines {
    let now = moment.now;
    let mut machines = Machines { displays: moment.board.displays().len(), ..Machines::default() };
    for display in moment.board.displays().values() {
        let since = app.paints.find(&display.id).map(|painted| painted.at);
        if since.is_none_or(|at| now.duration_since(at) > SILENT_AFTER) {
            machines.dark.push(Dark { name: display.name.clone(), since });
        }
    }
    // Who painted once and stopped comes before who never painted: nobody may ever have switched that on.
    machines.dark.sort_by_key(|dark| (dark.since.is_none(), dark.since));
    let states: HashMap<(String, String), DeviceState> =
        app.devices.list().into_iter().map(|state| ((state.profile.clone(), state.device.clone()), state)).collect();
    for button in moment.board.buttons().values() {
        let Some(held) = moment.board.find_facility(&button.facility) else { continue };
        machines.buttons += 1;
        let name = &held.facility.name;
        let state = states.get(&(button.profile.clone(), button.device.clone()));
        let since = state.map(|s| s.last_heard_at);
        let away = state.is_some_and(|s| s.available == Some(false));
        if away || is_overdue(button, since, now) {
            machines.silent.push(Silent { name: name.clone(), since, away });
        }
        if let Some(percent) = state.and_then(|s| s.battery_pct).filter(|percent| *percent <= LOW_BATTERY_PCT) {
            machines.low.push((name.clone(), percent));
        }
    }
    machines.silent.sort_by_key(|silent| (silent.since.is_none(), silent.since));
    machines.low.sort_by_key(|(_, percent)| *percent);
    machines
}

/// How long a facility is left in peace after a call.
fn pause(outcome: CallOutcome) -> SignedDuration {
    SignedDuration::from_mins(match outcome {
        CallOutcome::Busy => 5,
        CallOutcome::NoAnswer => 15,
        CallOutcome::Later => 30,
        // They said they would report themselves.
        CallOutcome::Spoke => 60,
    })
}

/// Notes what came of a call.
async fn note(State(app): State<Arc<App>>, Extension(kept): Extension<Arc<Kept>>, member: Member, body: Bytes) -> Response {
    let typed = typed(&body);
    let query = Query::read(|name| typed.one(name));
    let facility = typed.one("facility").and_then(|id| id.parse::<FacilityId>().ok());
    let outcome = typed.one("outcome").and_then(|word| word.parse::<CallOutcome>().ok());
    let (Some(facility), Some(outcome)) = (facility, outcome) else {
        let problem = JA.t("desk.problem.malformed");
        return answer(&app, &kept, &member, &query, StatusCode::UNPROCESSABLE_ENTITY, Some(problem));
    };
    let id = entry_id(&app, &member, &typed);
    let until = app.clock.now().checked_add(pause(outcome)).ok();
    let exercise = typed.one("exercise").is_some();
    let facts = Facts::CallTried { facility: facility.clone(), outcome, until, exercise };
    match control(&app, &member, id, facts, None).await {
        Ok(_) => see_other(&query.after(&facility)),
        // The same press again, a moment later: only the end of its pause differs.
        Err(SubmitError::Conflict) if is_noted(&app, id, &facility).await => see_other(&query.after(&facility)),
        Err(error) => {
            let (status, problem) = explained(&error);
            let query = Query { facility: Some(facility), ..query };
            answer(&app, &kept, &member, &query, status, Some(&problem))
        }
    }
}

/// Whether the entry with this id is a call of this facility.
async fn is_noted(app: &App, id: EntryId, of: &FacilityId) -> bool {
    let held = app.recorder.find(id).await.ok().flatten();
    held.is_some_and(|entry| matches!(&entry.facts, Facts::CallTried { facility, .. } if facility == of))
}

#[derive(Debug, Deserialize)]
struct Since {
    from: Option<String>,
}

/// So long a question waits for an answer; a proxy in between would give up later.
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers when the board has gone past a position, or after a while.
async fn changes(State(app): State<Arc<App>>, _member: Member, Fields(asked): Fields<Since>) -> Response {
    let from: Option<u64> = asked.from.and_then(|seq| seq.parse().ok());
    // Before looking, so that nothing falls in between.
    let mut heard = app.announcements.subscribe();
    let position = || app.board.read(Board::position);
    if from == Some(position()) {
        tokio::select! {
            // Whatever is heard, also that much was missed: the position says the rest.
            _ = heard.recv() => {}
            () = tokio::time::sleep(PATIENCE) => {}
            () = app.stop.cancelled() => {}
        }
    }
    Json(json!({ "seq": position() })).into_response()
}

/// The unclear report with this id, if it still is one.
fn unclear(app: &App, id: &str) -> Option<Told> {
    let id = EntryId(id.parse().ok()?);
    app.look(|m| m.unclear().find(|t| t.report == id).cloned())
}

/// Asks before a report is taken back as practised.
async fn ask(State(app): State<Arc<App>>, member: Member, Path(report): Path<String>) -> Response {
    if let Some(no) = only_looks(&app, &member, Room::Overview) {
        return no;
    }
    asked(&app, &member, &report, StatusCode::OK, None)
}

fn asked(app: &App, member: &Member, report: &str, status: StatusCode, problem: Option<&str>) -> Response {
    match unclear(app, report) {
        Some(told) => page(app, member, status, &[], |frame| overview::ask(frame, &told, nonce(), problem)),
        None => sentence(app, member, Room::Overview, StatusCode::NOT_FOUND, "desk.overview.unclear.gone"),
    }
}

/// Takes a report back that was meant for the exercise.
async fn take_back(State(app): State<Arc<App>>, member: Member, Path(report): Path<String>, body: Bytes) -> Response {
    let typed = typed(&body);
    let id = entry_id(&app, &member, &typed);
    let Some(told) = unclear(&app, &report) else {
        // The same press again finds its own work done.
        return match app.recorder.find(id).await {
            Ok(Some(_)) => see_other(Room::Overview.path()),
            Ok(None) | Err(_) => sentence(&app, &member, Room::Overview, StatusCode::NOT_FOUND, "desk.overview.unclear.gone"),
        };
    };
    let intent = Intent::Correct { replaces: told.report };
    let submission = Submission { id, channel: Channel::Form, actor: member.actor(), intent, text: None };
    match app.recorder.submit(submission).await {
        Ok(_) | Err(SubmitError::Refused(Refusal::Already(_))) => see_other(Room::Overview.path()),
        Err(error) => {
            let (status, problem) = explained(&error);
            asked(&app, &member, &report, status, Some(&problem))
        }
    }
}

#[cfg(test)]
mod tests;
