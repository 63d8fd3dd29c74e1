//! The desk's room `guide` over HTTP: the rule, the pages the city writes, support visits.
//!
//! | address | does |
//! |---|---|
//! | `GET /desk/guide` | the room |
//! | `GET /desk/guide/rule` | what may be shared |
//! | `GET`, `POST /desk/guide/pages/{page}` | a page the city writes |
//! | `GET /desk/guide/support` | who wants a visit: `list`, `q`, `page` |
//! | `GET`, `POST /desk/guide/support/{facility}` | the visits of one facility |
//!
//! *Invariant:* a page is only ever replaced by words that were made from the version that stands.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use imaboard_domain::{FacilityBoard, FacilityId, Facts, GuidePage, SupportCase, VisitOutcome, city_date, search_form};
use imaboard_templates::desk::Room;
use imaboard_templates::desk::guide::{self as pages, Editing, List, MOST_NOTE_CHARS, PAGE_LEN, Version, Visiting, Visits};
use imaboard_templates::guide::text_of;
use imaboard_templates::report::form::Typed;
use imaboard_templates::words::JA;
use jiff::civil::Date;
use serde::Deserialize;
use uuid::Uuid;

use super::postings::facilities_like;
use super::{Member, control, entry_id, explained, nonce, page, see_other, sentence, typed};
use crate::app::App;
use crate::recorder::{PAGE_CHARS, Refusal, SubmitError};

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desk/guide", get(index))
        .route("/desk/guide/rule", get(rule))
        .route("/desk/guide/pages/{page}", get(edit).post(save))
        .route("/desk/guide/support", get(support))
        .route("/desk/guide/support/{facility}", get(visits).post(visited))
}

/// How many versions of a page before the one that stands are offered.
const MOST_EARLIER: usize = 10;
/// How far back they are looked for.
const MOST_VERSIONS: u32 = 500;
/// The most facilities without a visit that a search offers.
const MOST_OTHERS: usize = 20;

fn say(key: &str) -> String {
    JA.t(&format!("desk.guide.{key}")).to_owned()
}

fn fill(key: &str, values: &[(&str, &str)]) -> String {
    JA.fill(&format!("desk.guide.{key}"), values)
}

fn nothing(app: &App, member: &Member) -> Response {
    sentence(app, member, Room::Guide, StatusCode::NOT_FOUND, "desk.problem.nowhere")
}

fn nonce_of(typed: &Typed) -> Uuid {
    typed.one("nonce").and_then(|n| Uuid::parse_str(n).ok()).unwrap_or_else(nonce)
}

async fn index(State(app): State<Arc<App>>, member: Member) -> Response {
    page(&app, &member, StatusCode::OK, &[], |frame| {
        let board = frame.moment.board;
        let waits = |id: &FacilityId, open: bool| open && board.find_facility(id).is_some();
        let waiting = board.support().iter().filter(|(id, support)| waits(id, support.open().is_some())).count();
        pages::index(frame, waiting)
    })
}

async fn rule(State(app): State<Arc<App>>, member: Member) -> Response {
    page(&app, &member, StatusCode::OK, &[], pages::rule)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    list: String,
    q: String,
    page: String,
    saved: String,
}

type Question = Result<Query<Asked>, QueryRejection>;

fn asked(question: Question) -> Asked {
    question.map(|Query(asked)| asked).unwrap_or_default()
}

/// What became of words that were typed.
#[derive(Default)]
struct Outcome<'a> {
    text: Option<&'a str>,
    base: Option<u32>,
    wrong: Option<String>,
    problem: Option<String>,
    raced: bool,
    saved: bool,
    nonce: Option<Uuid>,
}

async fn drawn(app: &App, member: &Member, status: StatusCode, which: GuidePage, outcome: Outcome<'_>) -> Response {
    let subject = Facts::PageEdited { page: which, revision: 0 }.subject();
    let entries = app.recorder.about(&subject, MOST_VERSIONS).await.ok();
    let stands = app.board.read(|b| b.page(which).map_or(0, |held| held.revision));
    let earlier = entries.map(|entries| {
        let versions = entries.into_iter().filter_map(|entry| match entry.facts {
            Facts::PageEdited { revision, .. } if revision < stands => {
                Some(Version { revision, at: entry.recorded_at, text: entry.text })
            }
            _ => None,
        });
        versions.take(MOST_EARLIER).collect::<Vec<_>>()
    });
    page(app, member, status, &[], |frame| {
        let held = frame.moment.board.page(which);
        let editing = Editing {
            page: which,
            text: outcome.text.unwrap_or_else(|| text_of(frame.words, which, held)),
            base: outcome.base.unwrap_or_else(|| held.map_or(0, |held| held.revision)),
            wrong: outcome.wrong.as_deref(),
            problem: outcome.problem.as_deref(),
            raced: outcome.raced,
            saved: outcome.saved,
            earlier: earlier.as_deref(),
            most: PAGE_CHARS,
            nonce: outcome.nonce.unwrap_or_else(nonce),
        };
        pages::edit(frame, &editing)
    })
}

async fn edit(State(app): State<Arc<App>>, member: Member, Path(which): Path<String>, question: Question) -> Response {
    match which.parse() {
        Ok(which) => {
            let saved = !asked(question).saved.is_empty();
            drawn(&app, &member, StatusCode::OK, which, Outcome { saved, ..Outcome::default() }).await
        }
        Err(_) => nothing(&app, &member),
    }
}

async fn save(State(app): State<Arc<App>>, member: Member, Path(which): Path<String>, body: Bytes) -> Response {
    let Ok(which) = which.parse::<GuidePage>() else { return nothing(&app, &member) };
    let typed = typed(&body);
    let text = typed.one("text").unwrap_or_default().replace("\r\n", "\n").trim().to_owned();
    let base: u32 = typed.one("base").and_then(|base| base.parse().ok()).unwrap_or_default();
    let again = || Outcome { text: Some(&text), base: Some(base), nonce: Some(nonce_of(&typed)), ..Outcome::default() };
    let chars = text.chars().count();
    let wrong = match chars {
        0 => Some(say("text_missing")),
        n if n > PAGE_CHARS => Some(fill("text_too_long", &[("n", &n.to_string()), ("most", &PAGE_CHARS.to_string())])),
        _ => None,
    };
    if wrong.is_some() {
        return drawn(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, which, Outcome { wrong, ..again() }).await;
    }
    let facts = Facts::PageEdited { page: which, revision: base.saturating_add(1) };
    match control(&app, &member, entry_id(&app, &member, &typed), facts, Some(text.clone())).await {
        Ok(_) => see_other(&format!("{}?saved=1", pages::edit_path(which))),
        Err(SubmitError::Refused(Refusal::Already(_))) => {
            // Somebody was quicker: theirs is shown beside, and the next press is made from it.
            drawn(&app, &member, StatusCode::CONFLICT, which, Outcome { base: None, raced: true, ..again() }).await
        }
        Err(error) => {
            let (status, why) = explained(&error);
            let outcome = match &error {
                SubmitError::Refused(_) => Outcome { wrong: Some(why), ..again() },
                _ => Outcome { problem: Some(why), ..again() },
            };
            drawn(&app, &member, status, which, outcome).await
        }
    }
}

async fn support(State(app): State<Arc<App>>, member: Member, question: Question) -> Response {
    let asked = asked(question);
    let which = Visits::of(&asked.list);
    let wanted = search_form(&asked.q);
    let mut found: Vec<(Arc<FacilityBoard>, SupportCase)> = app.look(|m| {
        // Only facilities that ever asked or were visited: far fewer than there are.
        let cases = m.board.support().iter().filter_map(|(id, support)| {
            let held = m.board.facilities().get(id).filter(|held| !held.retired)?;
            let fits = wanted.is_empty() || m.search_text(id).contains(&wanted);
            let case = support.cases.last().filter(|case| match which {
                Visits::Waiting => case.is_open(),
                Visits::Done => !case.is_open(),
                Visits::All => true,
            })?;
            fits.then(|| (Arc::clone(held), case.clone()))
        });
        cases.collect()
    });
    // Who waits longest comes first; of what is settled the newest.
    if which == Visits::Waiting {
        found.sort_by_key(|(_, case)| (case.asked_at, case.seq));
    } else {
        found.sort_by_key(|(_, case)| std::cmp::Reverse(case.visits.last().map_or(case.seq, |visit| visit.seq)));
    }
    // A look inside a look could wait for itself, so the search stands alone.
    let mut others = facilities_like(&app, &asked.q, MOST_OTHERS);
    app.board.read(|board| others.retain(|facility| !board.support().contains_key(&facility.id)));
    let pages_n = found.len().div_ceil(PAGE_LEN).max(1);
    let at = asked.page.parse().unwrap_or(1_usize).clamp(1, pages_n);
    let items: Vec<_> = found.iter().skip((at - 1) * PAGE_LEN).take(PAGE_LEN).cloned().collect();
    let list =
        List { which, query: asked.q.trim(), items: &items, found: found.len(), others: &others, page: at, pages: pages_n };
    page(&app, &member, StatusCode::OK, &[], |frame| pages::support_list(frame, &list))
}

fn find(app: &App, id: &str) -> Option<Arc<FacilityBoard>> {
    let id = FacilityId::new(id).ok()?;
    app.board.read(|b| b.facilities().get(&id).filter(|held| !held.retired).cloned())
}

#[derive(Default)]
struct Answer {
    typed: Typed,
    errors: Vec<(&'static str, String)>,
    problem: Option<String>,
    saved: bool,
}

fn visiting(app: &App, member: &Member, status: StatusCode, held: &FacilityBoard, answer: &Answer) -> Response {
    page(app, member, status, &[], |frame| {
        let visiting = Visiting {
            facility: &held.facility,
            support: frame.moment.board.support().get(&held.facility.id).map(Arc::as_ref),
            typed: &answer.typed,
            errors: &answer.errors,
            problem: answer.problem.as_deref(),
            saved: answer.saved,
            nonce: nonce_of(&answer.typed),
        };
        pages::visits(frame, &visiting)
    })
}

async fn visits(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, question: Question) -> Response {
    match find(&app, &id) {
        Some(held) => {
            let saved = !asked(question).saved.is_empty();
            visiting(&app, &member, StatusCode::OK, &held, &Answer { saved, ..Answer::default() })
        }
        None => nothing(&app, &member),
    }
}

async fn visited(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(held) = find(&app, &id) else { return nothing(&app, &member) };
    let typed = typed(&body);
    let today = city_date(app.clock.now());
    let mut errors = Vec::new();
    let on: Option<Date> = typed.one("on").and_then(|text| text.trim().replace('/', "-").parse().ok()).filter(|on| *on <= today);
    if on.is_none() {
        errors.push(("on", fill("support.on_wrong", &[("example", &today.to_string())])));
    }
    let outcome: Option<VisitOutcome> = typed.one("outcome").and_then(|word| word.parse().ok());
    if outcome.is_none() {
        errors.push(("outcome", say("support.outcome_missing")));
    }
    let note =
        typed.one("note").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty());
    let chars = note.as_deref().map_or(0, |text| text.chars().count());
    if chars > MOST_NOTE_CHARS {
        errors.push(("note", fill("support.note_too_long", &[("n", &chars.to_string())])));
    }
    let (Some(on), Some(outcome), true) = (on, outcome, errors.is_empty()) else {
        return visiting(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, &held, &Answer { typed, errors, ..Answer::default() });
    };
    let facts = Facts::SupportVisited { facility: held.facility.id.clone(), on, outcome };
    match control(&app, &member, entry_id(&app, &member, &typed), facts, note).await {
        Ok(_) => see_other(&format!("{}/{}?saved=1", pages::SUPPORT_PATH, held.facility.id)),
        Err(error) => {
            let (status, why) = explained(&error);
            let answer = match &error {
                SubmitError::Refused(Refusal::Guarded(_)) => Answer { typed, errors: vec![("note", why)], ..Answer::default() },
                _ => Answer { typed, problem: Some(why), ..Answer::default() },
            };
            visiting(&app, &member, status, &held, &answer)
        }
    }
}

#[cfg(test)]
mod tests;
