//! The desk's room `postings` over HTTP: notices, jobs and remarks.
//!
//! | address | does |
//! |---|---|
//! | `GET /desk/postings` | the list: `tab`, `kind`, `q`, `page` |
//! | `GET`, `POST /desk/postings/new` | a new notice or job: `kind`, `facility` |
//! | `GET /desk/postings/{id}` | one, with its timeline |
//! | `GET`, `POST /desk/postings/{id}/edit` | new words or terms |
//! | `POST /desk/postings/{id}/publish`, `/return`, `/withdraw`, `/pin` | what its name says |
//!
//! *Invariant:* what is published was seen by somebody at the desk in the version they published, and what two people change at once
//! is shown to the second before it is overwritten.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use imaboard_domain::guard::{self, Verdict};
use imaboard_domain::{
    Board, EntryId, Facility, FacilityId, Facts, Hours, Job, Plan, Posting, PostingId, PostingKind, PostingState, search_form,
};
use imaboard_templates::desk::Room;
use imaboard_templates::desk::postings::{
    self as pages, Form, List, MOST_BODY_CHARS, MOST_REASON_CHARS, MOST_TITLE_CHARS, PAGE_LEN, Sheet, Step, Tab,
};
use imaboard_templates::report::form::{Typed, number};
use imaboard_templates::words::JA;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::{Member, control, entry_id, explained, nonce, only_looks, page, see_other, sentence, typed};
use crate::app::App;
use crate::core::{is_window, parse_time, posting_id, posting_text};
use crate::recorder::{Refusal, SubmitError, public_register};
use crate::web::report::clock;

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desk/postings", get(list))
        .route("/desk/postings/new", get(new).post(create))
        .route("/desk/postings/{id}", get(show))
        .route("/desk/postings/{id}/edit", get(edit).post(revise))
        .route("/desk/postings/{id}/publish", post(publish))
        .route("/desk/postings/{id}/return", post(give_back))
        .route("/desk/postings/{id}/withdraw", post(withdraw))
        .route("/desk/postings/{id}/pin", post(pin))
}

/// The most steps of a posting's life that are shown.
const MOST_STEPS: u32 = 200;
/// The most facilities that are offered when a few letters fit several.
const MOST_CANDIDATES: usize = 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    tab: String,
    kind: String,
    q: String,
    page: String,
    facility: String,
    did: String,
}

type Question = Result<Query<Asked>, QueryRejection>;

fn asked(question: Question) -> Asked {
    question.map(|Query(asked)| asked).unwrap_or_default()
}

async fn list(State(app): State<Arc<App>>, member: Member, question: Question) -> Response {
    let asked = asked(question);
    let tab = asked.tab.parse().unwrap_or(Tab::Waiting);
    let kind: Option<PostingKind> = asked.kind.parse().ok();
    // The maps share everything with the board, so the search holds nobody up. Each posting is looked at, because where it stands
    // follows from the clock; there are as many as people wrote, and their words are read only on the heap that is shown.
    let (board, now) = app.look(|m| (m.board.clone(), m.now));
    let mut counts = [0; Tab::ALL.len()];
    let mut found: Vec<Arc<Posting>> = Vec::new();
    let wanted = search_form(&asked.q);
    for posting in board.postings().values() {
        let lies = Tab::of(posting, now);
        if let Some(count) = counts.get_mut(lies.place()) {
            *count += 1;
        }
        if lies == tab && kind.is_none_or(|kind| posting.kind == kind) && mentions(&board, posting, &wanted) {
            found.push(Arc::clone(posting));
        }
    }
    // Who waits longest comes first; of all else the newest.
    found.sort_by_key(|p| (!p.pinned, p.received_at, p.source_seq));
    if tab != Tab::Waiting {
        found.sort_by_key(|p| (!p.pinned, std::cmp::Reverse(p.received_at), std::cmp::Reverse(p.source_seq)));
    }
    let pages_n = found.len().div_ceil(PAGE_LEN).max(1);
    let at = asked.page.parse().unwrap_or(1_usize).clamp(1, pages_n);
    let items = found.iter().skip((at - 1) * PAGE_LEN).take(PAGE_LEN).cloned().collect::<Vec<_>>();
    let list = List { tab, counts, query: asked.q.trim(), kind, items: &items, found: found.len(), page: at, pages: pages_n };
    page(&app, &member, StatusCode::OK, &[], |frame| pages::list(frame, &list))
}

/// Whether the words of a posting, or who sent it, hold what is searched for.
fn mentions(board: &Board, posting: &Posting, wanted: &str) -> bool {
    let names = |held: &imaboard_domain::FacilityBoard| {
        search_form(&held.facility.name).contains(wanted) || search_form(&held.facility.kana).contains(wanted)
    };
    wanted.is_empty()
        || posting.text.as_deref().is_some_and(|text| search_form(text).contains(wanted))
        || posting.facility.as_ref().and_then(|id| board.find_facility(id)).is_some_and(names)
}

/// Facilities by a few letters of name, kana, number or telephone, or by their id. Every record's prepared text is looked at once: a
/// part of a word is in no index.
pub(super) fn facilities_like(app: &App, text: &str, most: usize) -> Vec<Arc<Facility>> {
    let wanted = search_form(text);
    app.look(|m| {
        if let Some(held) = FacilityId::new(text.trim()).ok().and_then(|id| m.board.find_facility(&id)) {
            return vec![Arc::clone(&held.facility)];
        }
        if wanted.is_empty() {
            return Vec::new();
        }
        let all = m.facilities().filter(|held| m.search_text(&held.facility.id).contains(&wanted));
        all.take(most).map(|held| Arc::clone(&held.facility)).collect()
    })
}

/// What is wrong, by field.
type Errors = Vec<(&'static str, String)>;

fn say(key: &str) -> String {
    JA.t(&format!("desk.postings.{key}")).to_owned()
}

fn fill(key: &str, values: &[(&str, &str)]) -> String {
    JA.fill(&format!("desk.postings.{key}"), values)
}

fn find(app: &App, id: &str) -> Option<Arc<Posting>> {
    let id = PostingId::new(id).ok()?;
    app.board.read(|b| b.postings().get(&id).cloned())
}

fn nothing(app: &App, member: &Member) -> Response {
    sentence(app, member, Room::Postings, StatusCode::NOT_FOUND, "desk.problem.nowhere")
}

/// What somebody typed, to be given back.
#[derive(Default)]
struct Answer {
    typed: Typed,
    errors: Errors,
    problem: Option<String>,
    done: Option<String>,
}

/// The page of one posting.
async fn sheet(app: &App, member: &Member, status: StatusCode, posting: &Posting, answer: &Answer) -> Response {
    let entries = app.recorder.about(&Facts::PostingWithdrawn { posting: posting.id.clone() }.subject(), MOST_STEPS).await;
    let steps = entries.ok().map(|entries| entries.iter().rev().map(step).collect::<Vec<_>>());
    let doubts = doubts(app, posting);
    let nonce = nonce_of(&answer.typed);
    page(app, member, status, &[], |frame| {
        let sheet = Sheet {
            posting,
            doubts: &doubts,
            timeline: steps.as_deref(),
            nonce,
            typed: &answer.typed,
            errors: &answer.errors,
            problem: answer.problem.as_deref(),
            done: answer.done.as_deref(),
        };
        pages::one(frame, &sheet)
    })
}

fn nonce_of(typed: &Typed) -> Uuid {
    typed.one("nonce").and_then(|n| Uuid::parse_str(n).ok()).unwrap_or_else(nonce)
}

fn step(entry: &imaboard_domain::Entry) -> Step {
    let who = match entry.actor.split(':').next() {
        Some("key" | "button") => "facility",
        Some("staff") => "staff",
        _ => "system",
    };
    let had_text =
        matches!(entry.facts, Facts::PostingDrafted { .. } | Facts::PostingRevised { .. } | Facts::PostingReturned { .. });
    Step { at: entry.recorded_at, seq: entry.seq, what: entry.facts.kind(), who, text: entry.text.clone(), had_text }
}

/// What the guard would like a person to look at before it is read by everybody.
fn doubts(app: &App, posting: &Posting) -> Vec<String> {
    let Some(text) = posting.text.as_deref().filter(|_| posting.state != PostingState::Published) else { return Vec::new() };
    let phones = [app.city.desk.phone.clone(), app.city.disaster_desk.phone.clone()];
    let inspection = guard::inspect(text, &app.board.read(|board| public_register(board, &phones)));
    if inspection.verdict == Verdict::Ok {
        return Vec::new();
    }
    inspection
        .findings
        .into_iter()
        .map(|f| {
            let said: String = text.chars().skip(f.start).take(f.end.saturating_sub(f.start)).collect();
            format!("「{said}」{}", f.why)
        })
        .collect()
}

async fn show(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, question: Question) -> Response {
    match find(&app, &id) {
        Some(posting) => {
            let done = Some(asked(question).did).filter(|did| !did.is_empty());
            sheet(&app, &member, StatusCode::OK, &posting, &Answer { done, ..Answer::default() }).await
        }
        None => nothing(&app, &member),
    }
}

fn did(posting: &PostingId, what: &str) -> Response {
    see_other(&format!("/desk/postings/{posting}?did={what}"))
}

/// Records what a press on the page of a posting means, or gives the page back with the reason why not.
async fn act(
    app: &App,
    member: &Member,
    posting: &Posting,
    typed: Typed,
    what: Facts,
    text: Option<String>,
    done: &str,
) -> Response {
    let id = entry_id(app, member, &typed);
    match control(app, member, id, what, text).await {
        Ok(_) => did(&posting.id, done),
        Err(error) => {
            let (status, why) = explained(&error);
            let now = find(app, posting.id.as_str());
            let posting = now.as_deref().unwrap_or(posting);
            sheet(app, member, status, posting, &Answer { typed, problem: Some(why), ..Answer::default() }).await
        }
    }
}

async fn publish(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(posting) = find(&app, &id) else { return nothing(&app, &member) };
    let typed = typed(&body);
    let now = app.clock.now();
    let remark = posting.kind == PostingKind::Remark;
    if typed.one("base").is_some_and(|seen| seen != posting.revision.to_string()) {
        let answer = Answer { problem: Some(say("changed_meanwhile")), ..Answer::default() };
        return sheet(&app, &member, StatusCode::CONFLICT, &posting, &answer).await;
    }
    let window = if remark { Ok((None, None)) } else { window(&typed, now) };
    let (from, until) = match window {
        Ok(window) => window,
        Err(errors) => {
            let answer = Answer { typed, errors, ..Answer::default() };
            return sheet(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, &posting, &answer).await;
        }
    };
    // An end that was taken out of the form is taken off the posting first: a release alone keeps the old one.
    if !remark && until.is_none() && posting.expires_at.is_some() {
        let opened = Facts::PostingRevised {
            posting: posting.id.clone(),
            base: posting.revision,
            announced: false,
            category: posting.category,
            job: posting.job.clone(),
            expires_at: None,
            plan: Plan { audience: posting.audience, publish_at: from, pinned: typed.one("pinned").is_some() },
        };
        let first = with(&typed, "step", "open_end");
        if let Err(error) = control(&app, &member, entry_id(&app, &member, &first), opened, posting.text.clone()).await {
            let (status, why) = explained(&error);
            return sheet(&app, &member, status, &posting, &Answer { typed, problem: Some(why), ..Answer::default() }).await;
        }
    }
    let facts = Facts::PostingPublished {
        posting: posting.id.clone(),
        publish_at: from,
        expires_at: until,
        pinned: typed.one("pinned").is_some(),
    };
    let done = if from.is_some_and(|at| at > now) { "scheduled" } else { "published" };
    act(&app, &member, &posting, typed, facts, None, done).await
}

fn with(typed: &Typed, name: &str, value: &str) -> Typed {
    let mut pairs = typed.pairs().to_vec();
    pairs.push((name.to_owned(), value.to_owned()));
    Typed::new(pairs)
}

/// From when until when: both may be left open.
fn window(typed: &Typed, now: Timestamp) -> Result<(Option<Timestamp>, Option<Timestamp>), Errors> {
    let mut errors = Errors::new();
    let mut read = |name: &'static str| {
        let text = typed.one(name)?.trim();
        let at = parse_time(&text.replace('/', "-")).ok();
        if at.is_none() {
            errors.push((name, say("time_wrong")));
        }
        at
    };
    let (from, until) = (read("from"), read("until"));
    // What began already began: a start in the past means at once.
    let from = from.filter(|at| *at > now);
    if errors.is_empty() && !is_window(from, until, now) {
        errors.push(("until", say("window_wrong")));
    }
    if errors.is_empty() { Ok((from, until)) } else { Err(errors) }
}

async fn give_back(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(posting) = find(&app, &id) else { return nothing(&app, &member) };
    let typed = typed(&body);
    let reason = typed.one("reason").unwrap_or_default().replace("\r\n", "\n").trim().to_owned();
    let chars = reason.chars().count();
    let wrong = match chars {
        0 => Some(say("reason_missing")),
        n if n > MOST_REASON_CHARS => {
            Some(fill("reason_too_long", &[("n", &n.to_string()), ("most", &MOST_REASON_CHARS.to_string())]))
        }
        _ => None,
    };
    if let Some(wrong) = wrong {
        let answer = Answer { typed, errors: vec![("reason", wrong)], ..Answer::default() };
        return sheet(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, &posting, &answer).await;
    }
    let facts = Facts::PostingReturned { posting: posting.id.clone() };
    act(&app, &member, &posting, typed, facts, Some(reason), "returned").await
}

async fn withdraw(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(posting) = find(&app, &id) else { return nothing(&app, &member) };
    let done = if posting.kind == PostingKind::Remark { "kept" } else { "withdrawn" };
    let facts = Facts::PostingWithdrawn { posting: posting.id.clone() };
    act(&app, &member, &posting, typed(&body), facts, None, done).await
}

async fn pin(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(posting) = find(&app, &id) else { return nothing(&app, &member) };
    let typed = typed(&body);
    let pinned = typed.one("pinned") == Some("1");
    // A press on a page that is old by now: pinning must not release what somebody has just taken off.
    if posting.state != PostingState::Published {
        let (status, why) = explained(&SubmitError::Refused(Refusal::Missing("published posting")));
        return sheet(&app, &member, status, &posting, &Answer { problem: Some(why), ..Answer::default() }).await;
    }
    let facts = Facts::PostingPublished {
        posting: posting.id.clone(),
        publish_at: posting.publish_at,
        expires_at: posting.expires_at,
        pinned,
    };
    act(&app, &member, &posting, typed, facts, None, if pinned { "pinned" } else { "unpinned" }).await
}

async fn new(State(app): State<Arc<App>>, member: Member, question: Question) -> Response {
    if let Some(no) = only_looks(&app, &member, Room::Postings) {
        return no;
    }
    let asked = asked(question);
    let kind = if asked.kind == PostingKind::Job.word() { PostingKind::Job } else { PostingKind::Notice };
    let mut pairs = vec![("kind".to_owned(), kind.word().to_owned())];
    if !asked.facility.is_empty() {
        pairs.push(("facility".to_owned(), asked.facility));
        pairs.push(("title".to_owned(), say("staff_title")));
    }
    drawn(&app, &member, StatusCode::OK, None, &Answer { typed: Typed::new(pairs), ..Answer::default() }, None)
}

/// The form of a posting, new or old.
fn drawn(
    app: &App,
    member: &Member,
    status: StatusCode,
    posting: Option<&Posting>,
    answer: &Answer,
    theirs: Option<&Posting>,
) -> Response {
    let typed = &answer.typed;
    let job = typed.one("kind") == Some(PostingKind::Job.word());
    let kind = posting.map_or(if job { PostingKind::Job } else { PostingKind::Notice }, |p| p.kind);
    let named = typed.one("facility").unwrap_or_default();
    let mut found = if posting.is_none() && job { facilities_like(app, named, MOST_CANDIDATES) } else { Vec::new() };
    let facility = (found.len() == 1).then(|| found.remove(0));
    page(app, member, status, &[], |frame| {
        let form = Form {
            kind,
            posting,
            typed,
            errors: &answer.errors,
            problem: answer.problem.as_deref(),
            theirs,
            facility: facility.as_deref(),
            candidates: &found,
            nonce: nonce_of(typed),
        };
        pages::form(frame, &form)
    })
}

/// What a form says.
struct Said {
    text: String,
    category: Option<imaboard_domain::NoticeCategory>,
    job: Option<Job>,
    expires_at: Option<Timestamp>,
    plan: Plan,
}

/// Reads the form; every problem of it at once.
fn read(app: &App, typed: &Typed, kind: PostingKind) -> Result<Said, Errors> {
    let mut errors = Errors::new();
    let (title, body) = (typed.one("title").unwrap_or_default(), typed.one("body").unwrap_or_default());
    let text = posting_text(title, body);
    let too_long = |n: usize, most: usize| fill("too_long", &[("n", &n.to_string()), ("most", &most.to_string())]);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    match (first.chars().count(), rest.chars().count()) {
        (0, _) => errors.push(("title", say("title_missing"))),
        (n, _) if n > MOST_TITLE_CHARS => errors.push(("title", too_long(n, MOST_TITLE_CHARS))),
        (_, n) if n > MOST_BODY_CHARS => errors.push(("body", too_long(n, MOST_BODY_CHARS))),
        _ => {}
    }
    let (from, until) = window(typed, app.clock.now()).unwrap_or_else(|wrong| {
        errors.extend(wrong);
        (None, None)
    });
    let job = if kind == PostingKind::Job { job(typed, &mut errors) } else { None };
    let notice = kind == PostingKind::Notice;
    let word = |name: &str| typed.one(name).filter(|_| notice);
    let plan =
        Plan { audience: word("audience").and_then(|w| w.parse().ok()), publish_at: from, pinned: typed.one("pinned").is_some() };
    let category = word("category").and_then(|w| w.parse().ok());
    if errors.is_empty() { Ok(Said { text, category, job, expires_at: until, plan }) } else { Err(errors) }
}

fn job(typed: &Typed, errors: &mut Errors) -> Option<Job> {
    let mut time = |name: &'static str| {
        let text = typed.one(name)?;
        let at = clock(text);
        if at.is_none() {
            errors.push((name, say("hours_wrong")));
        }
        at
    };
    let (from, until) = (time("hours_from"), time("hours_until"));
    let mut yen = |name: &'static str, needed: bool| {
        let read = match typed.one(name) {
            None if needed => Err(()),
            None => Ok(None),
            Some(text) => number(text).map(Some).map_err(|_| ()),
        };
        if read.is_err() {
            errors.push((name, say("wage_wrong")));
        }
        read.ok().flatten()
    };
    let (wage_from, wage_to) = (yen("wage_from", true)?, yen("wage_to", false));
    if wage_from == 0 || wage_to.is_some_and(|to| to < wage_from) {
        errors.push(("wage_to", say("wage_wrong")));
    }
    let word = |name: &str| typed.one(name);
    Some(Job {
        wage_to_yen: wage_to,
        work: word("work").and_then(|w| w.parse().ok()),
        hours: word("shift").and_then(|w| w.parse().ok()).map(|shift| Hours { shift, from, until }),
        contact: word("contact").and_then(|w| w.parse().ok()),
        ..Job::new(
            word("employment").and_then(|w| w.parse().ok()).unwrap_or(imaboard_domain::Employment::PartTime),
            word("wage_per").and_then(|w| w.parse().ok()).unwrap_or(imaboard_domain::WagePer::Hour),
            wage_from,
        )
    })
}

/// The facility of a job, or why it is none.
fn whose(app: &App, typed: &Typed) -> Result<FacilityId, (&'static str, String)> {
    let Some(named) = typed.one("facility").map(str::trim).filter(|named| !named.is_empty()) else {
        return Err(("facility", say("facility_missing")));
    };
    match facilities_like(app, named, MOST_CANDIDATES).as_slice() {
        [] => Err(("facility", fill("facility_none", &[("q", named)]))),
        [only] => Ok(only.id.clone()),
        _ => Err(("facility", say("facility_several"))),
    }
}

async fn create(State(app): State<Arc<App>>, member: Member, body: Bytes) -> Response {
    let typed = typed(&body);
    let kind = if typed.one("kind") == Some(PostingKind::Job.word()) { PostingKind::Job } else { PostingKind::Notice };
    let facility = if kind == PostingKind::Job { whose(&app, &typed).map(Some) } else { Ok(None) };
    let read = match (read(&app, &typed, kind), facility) {
        (Ok(said), Ok(facility)) => Ok((said, facility)),
        (said, facility) => {
            let mut errors = said.err().unwrap_or_default();
            errors.extend(facility.err());
            Err(errors)
        }
    };
    let id = entry_id(&app, &member, &typed);
    let (said, facility, posting) = match (read, posting_id(id)) {
        (Ok((said, facility)), Some(posting)) => (said, facility, posting),
        (read, _) => {
            let errors = read.err().unwrap_or_default();
            let answer = Answer { typed, errors, ..Answer::default() };
            return drawn(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, None, &answer, None);
        }
    };
    let (publish_at, expires_at, pinned) = (said.plan.publish_at, said.expires_at, said.plan.pinned);
    let facts = Facts::PostingDrafted {
        posting: posting.clone(),
        what: kind,
        facility,
        category: said.category,
        job: said.job,
        expires_at,
        plan: said.plan,
    };
    if let Err(error) = control(&app, &member, id, facts, Some(said.text)).await {
        return refused(&app, &member, typed, None, &error);
    }
    if typed.one("then") != Some("publish") {
        return did(&posting, "drafted");
    }
    // The draft is stored; should the release fail, its page says so and offers it again.
    let release = Facts::PostingPublished { posting: posting.clone(), publish_at, expires_at, pinned };
    let second: EntryId = entry_id(&app, &member, &with(&typed, "step", "release"));
    match control(&app, &member, second, release, None).await {
        Ok(_) => did(&posting, if publish_at.is_some() { "scheduled" } else { "published" }),
        Err(_) => did(&posting, "drafted"),
    }
}

fn refused(app: &App, member: &Member, typed: Typed, posting: Option<&Posting>, error: &SubmitError) -> Response {
    let (status, why) = explained(error);
    let guarded = matches!(error, SubmitError::Refused(Refusal::Guarded(_) | Refusal::TooLong { .. }));
    let answer = if guarded {
        Answer { typed, errors: vec![("body", why)], ..Answer::default() }
    } else {
        Answer { typed, problem: Some(why), ..Answer::default() }
    };
    drawn(app, member, status, posting, &answer, None)
}

async fn edit(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>) -> Response {
    if let Some(no) = only_looks(&app, &member, Room::Postings) {
        return no;
    }
    match find(&app, &id).filter(|p| p.kind != PostingKind::Remark) {
        Some(posting) => {
            let answer = Answer { typed: pages::typed_of(&posting), ..Answer::default() };
            drawn(&app, &member, StatusCode::OK, Some(&posting), &answer, None)
        }
        None => nothing(&app, &member),
    }
}

async fn revise(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(posting) = find(&app, &id).filter(|p| p.kind != PostingKind::Remark) else { return nothing(&app, &member) };
    let typed = typed(&body);
    let said = match read(&app, &typed, posting.kind) {
        Ok(said) => said,
        Err(errors) => {
            let answer = Answer { typed, errors, ..Answer::default() };
            return drawn(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, Some(&posting), &answer, None);
        }
    };
    let announced = posting.state == PostingState::Published && typed.one("announce").is_some();
    let facts = Facts::PostingRevised {
        posting: posting.id.clone(),
        base: typed.one("base").and_then(|base| base.parse().ok()).unwrap_or_default(),
        announced,
        category: said.category,
        job: said.job,
        expires_at: said.expires_at,
        plan: said.plan,
    };
    match control(&app, &member, entry_id(&app, &member, &typed), facts, Some(said.text)).await {
        Ok(_) => did(&posting.id, if announced { "announced" } else { "revised" }),
        Err(SubmitError::Refused(Refusal::Already(_))) => {
            // Somebody was quicker: both versions are shown, and the next press is made from theirs.
            let theirs = find(&app, &id).unwrap_or(posting);
            let answer = Answer { typed: with(&typed, "base", &theirs.revision.to_string()), ..Answer::default() };
            drawn(&app, &member, StatusCode::CONFLICT, Some(&theirs), &answer, Some(&theirs))
        }
        Err(error) => refused(&app, &member, typed, Some(&posting), &error),
    }
}

#[cfg(test)]
pub(super) mod tests;
