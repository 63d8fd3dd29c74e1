//! Proxy entry (代理入力) and the report sheets over HTTP.
//!
//! | address | does |
//! |---|---|
//! | `GET /desk/proxy?q=…&f=ID` | finds a facility and asks; without `f` the first hit is taken |
//! | `GET /desk/proxy/hits?q=…` | the list of hits alone, for the script |
//! | `POST /desk/proxy/say` | the sentence and the table of changes alone, for the script; records nothing |
//! | `POST /desk/proxy/reports` | `send=look` shows the sentence; `send=record` records → 303 to the receipt |
//! | `GET /desk/proxy/receipts/{id}` | the receipt |
//! | `POST /desk/proxy/corrections` | takes back the report `replaces` → 303 to the receipt of the withdrawal |
//! | `GET /desk/sheets/{facility}`, `GET /desk/sheets?district=…` | the sheets to print |
//!
//! The fields are those of the report page ([`imaboard_templates::report::form`]), and `at`, `via`, `facility` besides. *Invariant:*
//! every way out of a form but the receipt says that nothing was recorded, and gives back what was typed.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use imaboard_domain::guard::Verdict;
use imaboard_domain::{
    Channel, DistrictId, Entry as LogEntry, EntryId, FacilityBoard, FacilityId, Facts, Mode, Moment, Observation, Realm, Rules,
    Unclear, spoken_time,
};
use imaboard_templates::desk::proxy::{self, Entry, HITS_A_PAGE, Of, Order, Problem, SHEETS_A_PAGE, Said, Search, Sheets};
use imaboard_templates::desk::{Frame, Room};
use imaboard_templates::report::form::{self, MOST_REMARK_CHARS, Problem as FormProblem, Typed, What};
use imaboard_templates::report::problem::message;
use imaboard_templates::words::JA;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::{Member, entry_id, explained, nonce, page, see_other, sentence, typed};
use crate::app::App;
use crate::recorder::{Intent, Refusal, ReportIntent, Submission, SubmitError, confirmable};
use crate::web::report::{Realms, correction_id, findings, inspect, inspect_beside, realm};

/// The script of the room.
const SCRIPT: &str = "desk-proxy.js";

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desk/proxy", get(show))
        .route("/desk/proxy/hits", get(list_hits))
        .route("/desk/proxy/say", get(back).post(say))
        .route("/desk/proxy/reports", get(back).post(create))
        .route("/desk/proxy/receipts/{id}", get(show_receipt))
        .route("/desk/proxy/corrections", get(back).post(correct))
        .route("/desk/sheets", get(list_sheets))
        .route("/desk/sheets/{facility}", get(show_sheet))
}

/// What an address asks for; what cannot be read is left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    q: String,
    f: String,
    page: String,
    district: String,
    order: String,
}

type Question = Result<Query<Asked>, QueryRejection>;

fn asked(query: Question) -> Asked {
    query.map(|Query(asked)| asked).unwrap_or_default()
}

impl Asked {
    fn page(&self) -> usize {
        self.page.parse().unwrap_or(1).max(1)
    }
}

/// Makes something from what a query finds.
fn searched<T>(moment: Moment<'_>, q: &str, page: usize, make: impl FnOnce(&Search<'_>) -> T) -> T {
    let found = moment.found(q);
    let pages = found.len().div_ceil(HITS_A_PAGE).max(1);
    make(&Search { q, page: page.min(pages), found: &found })
}

async fn show(State(app): State<Arc<App>>, member: Member, query: Question) -> Response {
    let asked = asked(query);
    let wanted = asked.f.parse::<FacilityId>().ok();
    let exists = |id: &FacilityId| app.board.read(|b| b.find_facility(id).is_some());
    if !asked.f.is_empty() && !wanted.as_ref().is_some_and(exists) {
        return sentence(&app, &member, Room::Proxy, StatusCode::NOT_FOUND, "desk.problem.no_facility");
    }
    page(&app, &member, StatusCode::OK, &[SCRIPT], |frame| {
        searched(frame.moment, &asked.q, asked.page(), |search| {
            let id = wanted.as_ref().or_else(|| search.first().map(|f| &f.id));
            let held = id.and_then(|id| frame.moment.board.find_facility(id));
            let entry = held.map(|held| Entry { held, nonce: nonce(), typed: None, said: None, problems: &[] });
            proxy::page(frame, search, entry)
        })
    })
}

async fn list_hits(State(app): State<Arc<App>>, member: Member, query: Question) -> Response {
    let asked = asked(query);
    let selected = (!asked.f.is_empty()).then_some(asked.f.as_str());
    page(&app, &member, StatusCode::OK, &[], |frame| {
        searched(frame.moment, &asked.q, asked.page(), |search| proxy::hits(frame, search, selected))
    })
}

/// Whoever reloads an answer by its address comes back to the page.
async fn back() -> Response {
    see_other(Room::Proxy.path())
}

/// What a form says, read by the rules of the moment, with every problem of it at once.
struct Reading {
    said: Said,
    problems: Vec<Problem>,
    /// What the sender meant during an exercise, for the recorder.
    realm: Option<Realm>,
    /// When the newest value was recorded that the page showed.
    seen: Timestamp,
}

fn problem(field: &str, text: String) -> Problem {
    Problem { field: field.to_owned(), text }
}

/// A problem of the report form, in its own words.
fn in_words(held: &FacilityBoard, found: &FormProblem) -> Problem {
    let (title, more) = message(&JA, found, Some(held));
    problem(&found.field, format!("{title}。{more}"))
}

fn unclear(why: Unclear, text: &str) -> Problem {
    let key = match why {
        Unclear::Vague => "vague",
        Unclear::NoClock => "no_clock",
        Unclear::NotATime => "not_a_time",
        Unclear::Future => "future",
        Unclear::TooOld => "too_old",
    };
    let cut: String = text.chars().take(30).collect();
    problem("at", JA.fill(&format!("desk.proxy.at.wrong.{key}"), &[("text", &cut)]))
}

fn read(app: &App, m: Moment<'_>, held: &FacilityBoard, typed: &Typed) -> Reading {
    let mut problems = Vec::new();
    let text = typed.one("at").unwrap_or_default();
    let at = spoken_time(text, m.now).unwrap_or_else(|why| {
        problems.push(unclear(why, text));
        m.now
    });
    let reading = form::read(typed, &held.facility);
    problems.extend(reading.problems.iter().map(|p| in_words(held, p)));
    let rules = Rules { today: m.today(), thresholds: app.thresholds, incident: m.mode() == Mode::Incident };
    let observations: Vec<Observation> = match Observation::parse(&reading.raws, &held.facility, rules) {
        Ok(observations) => observations,
        Err(refused) => {
            problems.extend(refused.into_iter().map(|(i, why)| in_words(held, &reading.problem(i, why))));
            Vec::new()
        }
    };
    let remark = typed.remark();
    if let Some(text) = &remark {
        let chars = text.chars().count();
        let found = inspect_beside(app, m.board, text);
        let what = if chars > MOST_REMARK_CHARS {
            Some(What::RemarkTooLong(chars))
        } else {
            (found.verdict == Verdict::Block).then(|| What::Personal(findings(found.findings)))
        };
        problems.extend(what.map(|what| in_words(held, &FormProblem { field: "remark".to_owned(), what })));
    }
    let confirm = typed.one("confirm").is_some();
    let says_how_it_is = confirm || observations.iter().any(|o| !o.aspect.is_vacancy());
    let meant = match realm(m, typed, says_how_it_is) {
        Realms::Means(realm) => realm,
        Realms::Ask => {
            problems.push(problem("realm.sure", JA.t("desk.proxy.realm.ask").to_owned()));
            None
        }
    };
    let seen =
        typed.one("seen").and_then(|s| s.parse().ok()).and_then(|us| Timestamp::from_microsecond(us).ok()).unwrap_or(m.now);
    let confirms = confirm.then(|| {
        let of = confirmable(&m, &held.facility.id, meant.unwrap_or(Realm::Real));
        of.iter().filter(|(aspect, s)| s.recorded_at <= seen && observations.iter().all(|o| o.aspect != *aspect)).count()
    });
    if confirms == Some(0) && observations.is_empty() {
        problems.push(problem("confirm", JA.t("desk.problem.nothing_to_confirm").to_owned()));
    }
    let channel = if typed.one("via") == Some(Channel::Fax.word()) { Channel::Fax } else { Channel::Phone };
    // What is practised is said so only while something is practised; room is real in either.
    let realm_said = meant.filter(|_| m.exercise().is_some() && says_how_it_is);
    Reading { said: Said { at, channel, observations, confirms, remark, realm: realm_said }, problems, realm: meant, seen }
}

/// The facility a form is about.
fn facility_of(typed: &Typed) -> Option<FacilityId> {
    typed.one("facility")?.parse().ok()
}

fn no_facility(app: &App, member: &Member) -> Response {
    sentence(app, member, Room::Proxy, StatusCode::NOT_FOUND, "desk.problem.no_facility")
}

async fn say(State(app): State<Arc<App>>, member: Member, body: Bytes) -> Response {
    let typed = typed(&body);
    let Some(id) = facility_of(&typed) else { return StatusCode::NOT_FOUND.into_response() };
    page(&app, &member, StatusCode::OK, &[], |frame| match frame.moment.board.find_facility(&id) {
        Some(held) => {
            let reading = read(&app, frame.moment, held, &typed);
            proxy::live(frame, held, &reading.said, &reading.problems)
        }
        None => maud::html! {},
    })
}

/// The page again with everything typed still in it, and the sentence where it could be read.
fn again(app: &App, member: &Member, status: StatusCode, id: &FacilityId, typed: &Typed, more: Vec<Problem>) -> Response {
    let q = typed.one("q").unwrap_or_default();
    let nonce = typed.one("nonce").and_then(|n| Uuid::parse_str(n).ok()).unwrap_or_else(nonce);
    page(app, member, status, &[SCRIPT], |frame| {
        searched(frame.moment, q, 1, |search| {
            let Some(held) = frame.moment.board.find_facility(id) else { return proxy::page(frame, search, None) };
            let mut reading = read(app, frame.moment, held, typed);
            for problem in more {
                if !reading.problems.contains(&problem) {
                    reading.problems.push(problem);
                }
            }
            let (said, problems) = (Some(&reading.said), reading.problems.as_slice());
            proxy::page(frame, search, Some(Entry { held, nonce, typed: Some(typed), said, problems }))
        })
    })
}

async fn create(State(app): State<Arc<App>>, member: Member, body: Bytes) -> Response {
    let typed = typed(&body);
    let Some(facility) = facility_of(&typed) else { return no_facility(&app, &member) };
    let reading = app.look(|m| m.board.find_facility(&facility).map(|held| read(&app, m, held, &typed)));
    let Some(reading) = reading else { return no_facility(&app, &member) };
    if typed.one("send") != Some("record") {
        let status = if reading.problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return again(&app, &member, status, &facility, &typed, Vec::new());
    }
    let id = entry_id(&app, &member, &typed);
    // The same page pressed twice: "now" has moved on meanwhile, so it is asked before it is read once more.
    if stored(&app, id).await.is_some() {
        return see_receipt(id);
    }
    if !reading.problems.is_empty() {
        return again(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, &facility, &typed, Vec::new());
    }
    if !reading.said.says_something() {
        let nothing = problem("", JA.t("desk.problem.empty").to_owned());
        return again(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, &facility, &typed, vec![nothing]);
    }
    let now = app.clock.now();
    let Said { at, channel, observations, confirms, remark, .. } = reading.said;
    let intent = Intent::Report(ReportIntent {
        facility: Some(facility.clone()),
        // "Now" is when it is recorded; the minute that is running is now.
        observed_at: (now.duration_since(at).as_secs() >= 60).then_some(at),
        observations,
        confirm: confirms.map(|_| reading.seen),
        realm: reading.realm,
        ..ReportIntent::default()
    });
    match app.recorder.submit(Submission { id, channel, actor: member.actor(), intent, text: remark }).await {
        Ok(receipt) => see_receipt(receipt.entry.id),
        Err(error) => unsent(&app, &member, &facility, &typed, id, &error).await,
    }
}

fn see_receipt(id: EntryId) -> Response {
    see_other(&format!("/desk/proxy/receipts/{id}"))
}

/// An entry about a facility, as it stands on the log; `None` also where the log cannot be asked.
async fn stored(app: &App, id: EntryId) -> Option<LogEntry> {
    app.recorder.find(id).await.ok().flatten().filter(|entry| subject_of(&entry.facts).is_some())
}

fn subject_of(facts: &Facts) -> Option<&FacilityId> {
    match facts {
        Facts::Report(report) => Some(&report.facility),
        Facts::Corrected { facility, .. } => Some(facility),
        _ => None,
    }
}

async fn unsent(app: &App, member: &Member, facility: &FacilityId, typed: &Typed, id: EntryId, error: &SubmitError) -> Response {
    // Two presses at once, of which the other came first.
    if matches!(error, SubmitError::Conflict) && stored(app, id).await.is_some() {
        return see_receipt(id);
    }
    let (status, text) = explained(error);
    let field = match error {
        SubmitError::Refused(Refusal::AskRealm) => "realm.sure",
        SubmitError::Refused(Refusal::Guarded(_) | Refusal::TooLong { .. }) => "remark",
        SubmitError::Refused(Refusal::NothingToConfirm) => "confirm",
        SubmitError::Refused(Refusal::NoFacility) => return no_facility(app, member),
        SubmitError::Refused(Refusal::Empty | Refusal::Missing(_) | Refusal::Already(_))
        | SubmitError::Busy { .. }
        | SubmitError::NotStored(_)
        | SubmitError::Conflict => "",
    };
    again(app, member, status, facility, typed, vec![problem(field, text)])
}

async fn show_receipt(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>) -> Response {
    let missing = || sentence(&app, &member, Room::Proxy, StatusCode::NOT_FOUND, "desk.proxy.receipt.none");
    let Ok(id) = Uuid::parse_str(&id) else { return missing() };
    let entry = match app.recorder.find(EntryId(id)).await {
        Ok(Some(entry)) => entry,
        Ok(None) => return missing(),
        Err(error) => {
            let (status, text) = explained(&SubmitError::NotStored(Arc::new(error)));
            tracing::warn!(%status, "a receipt could not be read: {text}");
            return sentence(&app, &member, Room::Proxy, StatusCode::SERVICE_UNAVAILABLE, "report.problem.unreadable_more");
        }
    };
    let Some(facility) = subject_of(&entry.facts).cloned() else { return missing() };
    // That a report was taken back is a courtesy to say; not knowing it must not hide that the report arrived.
    let taken_back = app.recorder.is_taken_back(&entry).await.unwrap_or_default();
    let asked = entry.text.as_deref().is_some_and(|text| inspect(&app, text).verdict == Verdict::Ask);
    if app.board.read(|b| !b.facilities().contains_key(&facility)) {
        return missing();
    }
    page(&app, &member, StatusCode::OK, &[SCRIPT], |frame| match frame.moment.board.facilities().get(&facility) {
        Some(held) => proxy::receipt(frame, held, &entry, asked, taken_back),
        None => maud::html! {},
    })
}

async fn correct(State(app): State<Arc<App>>, member: Member, body: Bytes) -> Response {
    let typed = typed(&body);
    let replaces = typed.one("replaces").and_then(|id| Uuid::parse_str(id).ok()).map(EntryId);
    let entry = match replaces {
        Some(id) => stored(&app, id).await.filter(|entry| matches!(entry.facts, Facts::Report(_))),
        None => None,
    };
    let Some(entry) = entry else {
        return sentence(&app, &member, Room::Proxy, StatusCode::NOT_FOUND, "desk.proxy.receipt.none");
    };
    // Taking the same report back twice is once, also from its facility.
    let id = correction_id(&app, entry.id);
    let intent = Intent::Correct { replaces: entry.id };
    match app.recorder.submit(Submission { id, channel: Channel::Form, actor: member.actor(), intent, text: None }).await {
        Ok(receipt) => see_receipt(receipt.entry.id),
        // Somebody else took it back: its receipt says so.
        Err(SubmitError::Refused(_)) => see_receipt(entry.id),
        Err(error) => {
            let (status, text) = explained(&error);
            page(&app, &member, status, &[], |frame| {
                imaboard_templates::desk::sentence(frame, Some(Room::Proxy), frame.words.t("desk.problem.title"), &text)
            })
        }
    }
}

fn order(asked: &Asked, frame: &Frame<'_>) -> Order {
    [Order::Incident, Order::Peace].into_iter().find(|o| o.word() == asked.order).unwrap_or_else(|| Order::of(frame))
}

fn fax(app: &App) -> Option<&str> {
    app.settings.city.consultation_desk.fax.as_ref().map(crate::settings::Phone::as_str)
}

async fn show_sheet(State(app): State<Arc<App>>, member: Member, Path(facility): Path<String>, query: Question) -> Response {
    let asked = asked(query);
    let id = facility.parse::<FacilityId>().ok().filter(|id| app.board.read(|b| b.find_facility(id).is_some()));
    let Some(id) = id else { return no_facility(&app, &member) };
    page(&app, &member, StatusCode::OK, &[SCRIPT], |frame| {
        let facilities: Vec<&FacilityBoard> = frame.moment.board.find_facility(&id).into_iter().collect();
        proxy::sheets(frame, &Sheets { facilities: &facilities, of: Of::One, order: order(&asked, frame), fax: fax(&app) })
    })
}

async fn list_sheets(State(app): State<Arc<App>>, member: Member, query: Question) -> Response {
    let asked = asked(query);
    let district = asked.district.parse::<DistrictId>().ok();
    page(&app, &member, StatusCode::OK, &[SCRIPT], |frame| {
        let mut counts = frame.moment.facilities_by_district();
        // Districts as people name them, then those the settings do not know.
        let mut districts: Vec<DistrictId> = frame.city.districts.iter().map(|d| d.id.clone()).collect();
        districts.extend(counts.keys().filter(|d| !frame.city.districts.iter().any(|known| known.id == **d)).cloned());
        districts.retain(|d| district.as_ref().is_none_or(|wanted| wanted == d));
        counts.retain(|d, _| districts.contains(d));
        let all = counts.values().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).sum::<usize>();
        let pages = all.div_ceil(SHEETS_A_PAGE).max(1);
        let number = asked.page().min(pages);
        let listed = districts.iter().flat_map(|d| frame.moment.listed(None, d));
        let facilities: Vec<&FacilityBoard> = listed
            .skip((number - 1) * SHEETS_A_PAGE)
            .take(SHEETS_A_PAGE)
            .filter_map(|f| frame.moment.board.find_facility(&f.id))
            .collect();
        let of = Of::Many { district: district.as_ref(), page: number, pages, all };
        proxy::sheets(frame, &Sheets { facilities: &facilities, of, order: order(&asked, frame), fax: fax(&app) })
    })
}

#[cfg(test)]
mod tests;
