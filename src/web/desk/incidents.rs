//! The desk's room `incidents` over HTTP: what is under way, opening and closing, updates, roll calls, and the report.
//!
//! | address | does |
//! |---|---|
//! | `GET /desk/incidents` | what is under way, the form that opens one, those of before |
//! | `GET /desk/incidents/open` | the question before one is opened, with what will change |
//! | `POST /desk/incidents` | opens it, and a roll call if so chosen |
//! | `GET /desk/incidents/{id}` | its timeline and roll calls |
//! | `POST /desk/incidents/{id}/updates`, `/rollcalls` | writes an update; starts a roll call |
//! | `GET`, `POST /desk/incidents/{id}/close` | asks; closes it with the stated condition |
//! | `GET`, `POST /desk/incidents/rollcalls/{id}/close` | asks; closes a roll call |
//! | `GET /desk/incidents/{id}/report`, `/report.csv` | how quickly everybody answered |
//!
//! *Invariant:* a second press of a button finds what the first one did and does nothing more, also where both come at once.

mod report;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use imaboard_domain::guard::{self, Inspection, Verdict};
use imaboard_domain::{Channel, Entry, EntryId, Facts, Incident, IncidentId, Realm, RollCallId};
use imaboard_templates::desk::incidents::form::{self, MOST_TEXT_CHARS, Plan, Problem};
use imaboard_templates::desk::incidents::show::{self, Returned};
use imaboard_templates::desk::{Frame, Role, Room, incidents as rooms};
use imaboard_templates::report::form::Typed;
use imaboard_templates::words::JA;
use maud::Markup;

use super::{Member, entry_id, explained, nonce, page, see_other, sentence, typed};
use crate::app::App;
use crate::incidents::{self, By, Opening};
use crate::recorder::{Receipt, Refusal, SubmitError, public_register};

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desk/incidents", get(list).post(create))
        .route("/desk/incidents/open", get(confirm))
        .route("/desk/incidents/{id}", get(show))
        .route("/desk/incidents/{id}/updates", post(note))
        .route("/desk/incidents/{id}/rollcalls", post(start))
        .route("/desk/incidents/{id}/close", get(ask_to_close).post(close))
        .route("/desk/incidents/{id}/report", get(report::show))
        .route("/desk/incidents/{id}/report.csv", get(report::csv))
        .route("/desk/incidents/rollcalls/{call}/close", get(ask_to_end).post(end))
}

/// The script that shows the question beside the form.
const SCRIPTS: [&str; 1] = ["desk-incidents.js"];

fn by(member: &Member) -> By {
    By { channel: Channel::Form, actor: member.actor() }
}

fn asked(query: Option<&str>) -> Typed {
    typed(query.unwrap_or_default().as_bytes())
}

/// The number of a page of a list, from 1.
fn page_number(typed: &Typed) -> usize {
    typed.one("page").and_then(|n| n.parse().ok()).unwrap_or(1)
}

fn nothing(app: &App, member: &Member) -> Response {
    sentence(app, member, Room::Incidents, StatusCode::NOT_FOUND, "desk.problem.nowhere")
}

fn find(app: &App, id: &str) -> Option<Incident> {
    let id = IncidentId::new(id).ok()?;
    app.board.read(|board| board.incidents().get(&id).cloned())
}

/// A page made from an incident as it is now.
fn about(
    app: &App,
    member: &Member,
    status: StatusCode,
    id: &IncidentId,
    make: impl FnOnce(&Frame<'_>, &Incident) -> Markup,
) -> Response {
    page(app, member, status, &[], |frame| match frame.moment.board.incidents().get(id) {
        Some(incident) => make(frame, incident),
        // An incident never leaves the board; a page must be made all the same.
        None => rooms::index(frame, &Typed::default(), &[], 1),
    })
}

/// Does something unless an entry with this id says already that it was done.
async fn once(app: &App, id: EntryId, act: impl Future<Output = Result<Receipt, SubmitError>>) -> Result<Receipt, SubmitError> {
    if let Some(entry) = recorded(app, id).await? {
        return Ok(Receipt { entry, again: true });
    }
    match act.await {
        // Both presses came at once: the time differs, the deed does not.
        Err(error @ (SubmitError::Conflict | SubmitError::Refused(Refusal::Already(_)))) => match recorded(app, id).await? {
            Some(entry) => Ok(Receipt { entry, again: true }),
            None => Err(error),
        },
        outcome => outcome,
    }
}

async fn recorded(app: &App, id: EntryId) -> Result<Option<Entry>, SubmitError> {
    app.recorder.find(id).await.map_err(|error| SubmitError::NotStored(Arc::new(error)))
}

/// What the guard says of a text that will be public at once.
fn inspect(app: &App, text: &str) -> Inspection {
    let phones = [app.city.desk.phone.clone(), app.city.disaster_desk.phone.clone()];
    guard::inspect(text, &app.board.read(|board| public_register(board, &phones)))
}

fn wrong(key: &str) -> String {
    JA.t(&format!("desk.incidents.wrong.{key}")).to_owned()
}

/// A text of a form that will be public at once, or why it is not taken.
enum Said {
    Text(String),
    Not { problem: String, findings: Vec<(String, String)>, may_insist: bool },
}

/// Reads a text; `empty` is what is said where there is none.
fn said(app: &App, typed: &Typed, field: &str, empty: &str) -> Said {
    let refused = |problem| Said::Not { problem, findings: Vec::new(), may_insist: false };
    // A browser sends lines with CR LF.
    let text = typed.one(field).map(|text| text.replace("\r\n", "\n").trim().to_owned()).unwrap_or_default();
    let chars = text.chars().count();
    if chars == 0 {
        return refused(wrong(empty));
    }
    if chars > MOST_TEXT_CHARS {
        let (most, n) = (MOST_TEXT_CHARS.to_string(), chars.to_string());
        return refused(JA.fill("desk.incidents.wrong.text_long", &[("most", &most), ("n", &n)]));
    }
    let inspection = inspect(app, &text);
    let findings = |found: Inspection| found.findings.into_iter().map(|f| (f.why, f.suggestion)).collect();
    match inspection.verdict {
        Verdict::Block => Said::Not { problem: wrong("text_guarded"), findings: findings(inspection), may_insist: false },
        // Somebody in city hall has read it again and says that it is nobody's name.
        Verdict::Ask if typed.one("sure").is_none() => {
            Said::Not { problem: wrong("text_asks"), findings: findings(inspection), may_insist: true }
        }
        Verdict::Ask | Verdict::Ok => Said::Text(text),
    }
}

async fn list(State(app): State<Arc<App>>, member: Member, RawQuery(query): RawQuery) -> Response {
    let typed = asked(query.as_deref());
    page(&app, &member, StatusCode::OK, &SCRIPTS, |frame| rooms::index(frame, &typed, &[], page_number(&typed)))
}

/// What somebody wants to open, as it could be opened now.
fn plan(app: &App, typed: &Typed) -> Result<Plan, Vec<Problem>> {
    app.look(|moment| {
        let plan = form::read(typed, &JA, &app.city, moment.today())?;
        if plan.exercise && moment.mode() == imaboard_domain::Mode::Incident {
            return Err(vec![Problem { field: "realm", message: wrong("exercise_in_disaster") }]);
        }
        // Of two at once only the newer would be seen.
        if plan.exercise && moment.exercise().is_some() {
            return Err(vec![Problem { field: "realm", message: wrong("exercise_runs") }]);
        }
        Ok(plan)
    })
    .and_then(|plan| match inspect(app, &plan.name) {
        Inspection { verdict: Verdict::Block, findings } => {
            let why: Vec<&str> = findings.iter().map(|f| f.why.as_str()).collect();
            Err(vec![Problem { field: "name", message: format!("{}{}", wrong("name_guarded"), why.join(" ")) }])
        }
        _ => Ok(plan),
    })
}

fn refused(app: &App, member: &Member, typed: &Typed, problems: &[Problem]) -> Response {
    page(app, member, StatusCode::UNPROCESSABLE_ENTITY, &SCRIPTS, |frame| rooms::index(frame, typed, problems, 1))
}

fn question(app: &App, member: &Member, status: StatusCode, typed: &Typed, plan: &Plan, problem: Option<&str>) -> Response {
    let found = inspect(app, &plan.name).findings;
    let doubts: Vec<String> = found.into_iter().map(|f| f.why).collect();
    page(app, member, status, &[], |frame| rooms::confirm(frame, typed, plan, nonce(), &doubts, problem))
}

async fn confirm(State(app): State<Arc<App>>, member: Member, RawQuery(query): RawQuery) -> Response {
    let typed = asked(query.as_deref());
    match plan(&app, &typed) {
        Ok(plan) => question(&app, &member, StatusCode::OK, &typed, &plan, None),
        Err(problems) => refused(&app, &member, &typed, &problems),
    }
}

async fn create(State(app): State<Arc<App>>, member: Member, body: Bytes) -> Response {
    let typed = typed(&body);
    let id = entry_id(&app, &member, &typed);
    // Before the form is read: what was opened by the first press may be why the second is refused.
    let opened = match recorded(&app, id).await {
        Ok(Some(entry)) => Ok(Receipt { entry, again: true }),
        Ok(None) => match plan(&app, &typed) {
            Ok(plan) => once(&app, id, open(&app, &member, id, &plan)).await,
            Err(problems) => return refused(&app, &member, &typed, &problems),
        },
        Err(error) => Err(error),
    };
    let incident = match opened {
        Ok(Receipt { entry: Entry { facts: Facts::IncidentOpened(incident), .. }, .. }) => incident,
        Ok(_) => return unopened(&app, &member, &typed, &SubmitError::Conflict),
        Err(error) => return unopened(&app, &member, &typed, &error),
    };
    if typed.one("call").is_some() {
        // The second half of one deed: its id follows from the first, so that a second press finds it too.
        let mut pairs = typed.pairs().to_vec();
        pairs.push(("deed".to_owned(), "call".to_owned()));
        let call = entry_id(&app, &member, &Typed::new(pairs));
        if let Err(error) = once(&app, call, start_call(&app, &member, call, incident.areas.clone(), incident.exercise)).await {
            let (status, why) = explained(&error);
            return shown(&app, &member, status, &incident.id, Some(&why), 1);
        }
    }
    see_other(&format!("/desk/incidents/{}", incident.id))
}

async fn open(app: &App, member: &Member, id: EntryId, plan: &Plan) -> Result<Receipt, SubmitError> {
    let Plan { name, hazard, areas, severity, exercise, call: _ } = plan.clone();
    incidents::open(app, &by(member), id, Opening { name, hazard, areas, severity, exercise }).await.map(|(receipt, _)| receipt)
}

async fn start_call(
    app: &App,
    member: &Member,
    id: EntryId,
    areas: Vec<imaboard_domain::DistrictId>,
    exercise: bool,
) -> Result<Receipt, SubmitError> {
    incidents::open_call(app, &by(member), id, areas, exercise).await.map(|(receipt, _)| receipt)
}

/// The question again, with why nothing was opened.
fn unopened(app: &App, member: &Member, typed: &Typed, error: &SubmitError) -> Response {
    let (status, why) = explained(error);
    match plan(app, typed) {
        Ok(plan) => question(app, member, status, typed, &plan, Some(&why)),
        Err(problems) => refused(app, member, typed, &problems),
    }
}

fn shown(app: &App, member: &Member, status: StatusCode, id: &IncidentId, problem: Option<&str>, at: usize) -> Response {
    about(app, member, status, id, |frame, incident| {
        show::page(frame, incident, [nonce(), nonce()], Returned::default(), problem, at)
    })
}

async fn show(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    let Some(incident) = find(&app, &id) else { return nothing(&app, &member) };
    shown(&app, &member, StatusCode::OK, &incident.id, None, page_number(&asked(query.as_deref())))
}

async fn note(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(incident) = find(&app, &id) else { return nothing(&app, &member) };
    let typed = typed(&body);
    let again = |status, problem: &str, findings: &[(String, String)], may_insist| {
        let text = typed.one("text").unwrap_or_default();
        let returned = Returned { text, problem: Some(problem), findings, may_insist };
        about(&app, &member, status, &incident.id, |frame, incident| {
            show::page(frame, incident, [nonce(), nonce()], returned, None, 1)
        })
    };
    let text = match said(&app, &typed, "text", "text_empty") {
        Said::Text(text) => text,
        Said::Not { problem, findings, may_insist } => {
            return again(StatusCode::UNPROCESSABLE_ENTITY, &problem, &findings, may_insist);
        }
    };
    let facts = Facts::IncidentNoted { incident: incident.id.clone() };
    let entry = entry_id(&app, &member, &typed);
    match once(&app, entry, incidents::record(&app, &by(&member), entry, facts, Some(text))).await {
        Ok(_) => see_other(&format!("/desk/incidents/{}", incident.id)),
        Err(error) => {
            let (status, why) = explained(&error);
            again(status, &why, &[], false)
        }
    }
}

async fn start(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(incident) = find(&app, &id) else { return nothing(&app, &member) };
    let typed = typed(&body);
    let not = |status, why: &str| shown(&app, &member, status, &incident.id, Some(why), 1);
    let Some(areas) = form::areas(&typed, &app.city) else { return not(StatusCode::UNPROCESSABLE_ENTITY, &wrong("area")) };
    let entry = entry_id(&app, &member, &typed);
    let act = async {
        let realm = incident.realm();
        // One at a time: an answer counts for the newest alone.
        if app.look(|m| m.open_call(realm).is_some()) || app.look(|m| is_over(&m, &incident)) {
            return Err(SubmitError::Refused(Refusal::Already("open")));
        }
        start_call(&app, &member, entry, areas, incident.exercise).await
    };
    match once(&app, entry, act).await {
        Ok(_) => see_other(&format!("/desk/incidents/{}", incident.id)),
        Err(SubmitError::Refused(Refusal::Already(_))) if app.look(|m| m.open_call(incident.realm()).is_some()) => {
            not(StatusCode::CONFLICT, &wrong("call_open"))
        }
        Err(error) => {
            let (status, why) = explained(&error);
            not(status, &why)
        }
    }
}

fn is_over(moment: &imaboard_domain::Moment<'_>, incident: &Incident) -> bool {
    moment.board.incidents().get(&incident.id).is_none_or(|held| held.closed_at.is_some())
}

async fn ask_to_close(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>) -> Response {
    let Some(incident) = find(&app, &id) else { return nothing(&app, &member) };
    if incident.closed_at.is_some() || !member.may(Role::Coordinator) {
        return see_other(&format!("/desk/incidents/{}", incident.id));
    }
    about(&app, &member, StatusCode::OK, &incident.id, |frame, incident| {
        show::closing(frame, incident, nonce(), Returned::default())
    })
}

async fn close(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(incident) = find(&app, &id) else { return nothing(&app, &member) };
    let typed = typed(&body);
    let again = |status, problem: &str, findings: &[(String, String)], may_insist| {
        let text = typed.one("why").unwrap_or_default();
        let returned = Returned { text, problem: Some(problem), findings, may_insist };
        about(&app, &member, status, &incident.id, |frame, incident| show::closing(frame, incident, nonce(), returned))
    };
    let why = match said(&app, &typed, "why", "why_empty") {
        Said::Text(text) => text,
        Said::Not { problem, findings, may_insist } => {
            return again(StatusCode::UNPROCESSABLE_ENTITY, &problem, &findings, may_insist);
        }
    };
    let entry = entry_id(&app, &member, &typed);
    match once(&app, entry, incidents::close(&app, &by(&member), entry, incident.id.clone(), Some(why))).await {
        Ok(_) => see_other(&format!("/desk/incidents/{}", incident.id)),
        Err(error) => {
            let (status, why) = explained(&error);
            if find(&app, &id).is_some_and(|i| i.closed_at.is_some()) {
                // Somebody else was quicker, or a roll call stayed open: the page shows which.
                shown(&app, &member, status, &incident.id, Some(&why), 1)
            } else {
                again(status, &why, &[], false)
            }
        }
    }
}

/// A page about a roll call and the incident it belongs to, if there is one; nothing if there is no such call.
fn ending(app: &App, member: &Member, status: StatusCode, id: &str, problem: Option<&str>) -> Option<Response> {
    let id = RollCallId::new(id).ok()?;
    app.board.read(|board| board.roll_calls().contains_key(&id)).then(|| {
        page(app, member, status, &[], |frame| match frame.moment.board.roll_calls().get(&id) {
            Some(call) => show::ending(frame, call, incident_of(frame, &id), nonce(), problem),
            None => rooms::index(frame, &Typed::default(), &[], 1),
        })
    })
}

/// The incident a roll call was opened in; the newest if there are several.
fn incident_of<'a>(frame: &Frame<'a>, id: &RollCallId) -> Option<&'a Incident> {
    let holds = |i: &&Incident| frame.moment.roll_calls_of(i).iter().any(|c| c.id == *id);
    frame.moment.board.incidents().values().filter(holds).max_by_key(|i| i.opened_at)
}

async fn ask_to_end(State(app): State<Arc<App>>, member: Member, Path(call): Path<String>) -> Response {
    let state = RollCallId::new(call.as_str()).ok().and_then(|id| app.board.read(|b| b.roll_calls().get(&id).cloned()));
    match state {
        None => nothing(&app, &member),
        Some(held) if held.closed_at.is_some() => {
            sentence(&app, &member, Room::Incidents, StatusCode::CONFLICT, "desk.incidents.end.over")
        }
        Some(_) if !member.may(Role::Coordinator) => see_other("/desk/incidents"),
        Some(_) => ending(&app, &member, StatusCode::OK, &call, None).unwrap_or_else(|| nothing(&app, &member)),
    }
}

async fn end(State(app): State<Arc<App>>, member: Member, Path(call): Path<String>, body: Bytes) -> Response {
    let Ok(roll_call) = RollCallId::new(call.as_str()) else { return nothing(&app, &member) };
    let typed = typed(&body);
    let entry = entry_id(&app, &member, &typed);
    let facts = Facts::RollCallClosed { roll_call: roll_call.clone() };
    match once(&app, entry, incidents::record(&app, &by(&member), entry, facts, None)).await {
        Ok(_) => {
            let to = app.look(|m| {
                let held = m.board.incidents().values().find(|i| m.roll_calls_of(i).iter().any(|c| c.id == roll_call));
                held.map_or("/desk/incidents".to_owned(), |i| format!("/desk/incidents/{}", i.id))
            });
            see_other(&to)
        }
        Err(error) => {
            let (status, why) = explained(&error);
            ending(&app, &member, status, &call, Some(&why)).unwrap_or_else(|| nothing(&app, &member))
        }
    }
}

/// The realm's word in tables.
fn realm_word(realm: Realm) -> &'static str {
    match realm {
        Realm::Real => "desk.incidents.csv.is_real",
        Realm::Exercise => "desk.incidents.csv.is_exercise",
    }
}

#[cfg(test)]
mod tests;
