//! The desk's room `memory` over HTTP: the log in words, erasing a text, and the proof of the chain.
//!
//! | address | does |
//! |---|---|
//! | `GET /desk/log` | the newest entries; `facility`, `topic`, `channel`, `who`, `before` |
//! | `GET /desk/log/facilities/{id}` | everything a facility ever reported |
//! | `GET /desk/log/staff`, `/desk/log/staff/{id}` | who acted at the desk, and what they did |
//! | `GET /desk/log/{seq}`, `/desk/log/id/{id}` | one entry |
//! | `GET`, `POST /desk/log/{seq}/redact` | asks, then erases its text |
//! | `GET`, `POST /desk/log/chain` | the proof; walks the chain now |
//!
//! *Invariant:* a page reads at most `MOST_EXAMINED` entries, however long the log is and whatever is asked for; what it did not
//! reach, it says, and goes on from there.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use imaboard_domain::guard::{self, Verdict as Guarded};
use imaboard_domain::{EntryId, FacilityId, Facts, KeyId, Moment, PostingId, PostingKind, search_form};
use imaboard_templates::desk::memory::{
    self, Asked, Chain, Found, Line, Lines, PAGE_LEN, Person, REASONS, Reason, Topic, Walked, Whole,
};
use imaboard_templates::desk::{Role, Room};
use imaboard_templates::words::JA;
use serde::Deserialize;
use uuid::Uuid;

use super::{Member, nonce, page, see_other, sentence, typed};
use crate::app::App;
use crate::log::{NotedHead, REDACTED_KIND, Record, RedactError, StoreError, Verdict, redaction_subject};
use crate::recorder::{entry_of, public_register};

/// Entries a page looks at before it says that the rest comes on the next one: read and told in well under a second.
const MOST_EXAMINED: usize = 5_000;
/// Entries read at once.
const READ_AT_ONCE: u32 = 250;
/// Facilities offered where letters fit several.
const MOST_OFFERED: usize = 20;
/// Corrections of one facility that are looked through, the newest first.
const MOST_CORRECTIONS: u32 = 2_000;
/// Postings of one facility that are listed.
const MOST_SENT_IN: usize = 20;
/// Characters of a reason in somebody's own words.
const REASON_CHARS: usize = 60;

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desk/log", get(list))
        .route("/desk/log/facilities/{id}", get(of_facility))
        .route("/desk/log/staff", get(people))
        .route("/desk/log/staff/{id}", get(of_person))
        .route("/desk/log/id/{id}", get(by_id))
        .route("/desk/log/chain", get(chain).post(walk))
        .route("/desk/log/{seq}", get(entry))
        .route("/desk/log/{seq}/redact", get(ask).post(redact))
}

/// What somebody who acts is called. Of the people of the desk the log knows ids alone; their names stand beside it.
#[must_use]
pub fn name_of(app: &App, actor: &str) -> String {
    let filled = |key: &str, name: &str, value: &str| JA.fill(&format!("desk.memory.actor.{key}"), &[(name, value)]);
    match actor.split_once(':') {
        Some(("staff", id)) => app.staff.name_of(id).unwrap_or_else(|| filled("staff_of", "id", id)),
        Some(("key", key)) => {
            let label = app.board.read(|b| key.parse::<KeyId>().ok().and_then(|key| b.keys().get(&key).map(|k| k.label.clone())));
            filled("key_of", "label", label.as_deref().filter(|l| !l.is_empty()).unwrap_or(key))
        }
        Some(("button", id)) => filled("button_of", "id", id),
        Some(("device", id)) => filled("device_of", "id", id),
        None if actor == "cli" || actor == "system" => JA.t(&format!("desk.memory.actor.{actor}")).to_owned(),
        _ => actor.to_owned(),
    }
}

/// Where entries are read from, newest first.
enum Source {
    All,
    Subject(String),
    Acts(String),
}

impl Source {
    async fn read(&self, app: &App, before: u64) -> Result<Vec<Record>, StoreError> {
        let log = app.recorder.log();
        match self {
            Source::All => log.list_before(before, READ_AT_ONCE).await,
            Source::Subject(subject) => log.list_by_subject_before(subject, before, READ_AT_ONCE).await,
            Source::Acts(actor) => log.list_acts_before(actor, None, before, READ_AT_ONCE).await,
        }
    }
}

/// A page of what is wanted from a source, the newest first.
async fn gather(app: &App, source: &Source, before: Option<u64>, wanted: impl Fn(&Record) -> bool) -> Result<Lines, StoreError> {
    let mut lines = Vec::new();
    let mut below = before.unwrap_or(u64::MAX);
    let mut examined = 0;
    let next = 'reading: loop {
        let records = source.read(app, below).await?;
        let ended = records.len() < READ_AT_ONCE as usize;
        for record in records {
            if lines.len() == PAGE_LEN || examined == MOST_EXAMINED {
                break 'reading Some(below);
            }
            below = record.seq;
            examined += 1;
            if wanted(&record) {
                lines.push(line(app, record)?);
            }
        }
        if ended {
            break None;
        }
    };
    Ok(Lines { lines, before, next })
}

fn line(app: &App, record: Record) -> Result<Line, StoreError> {
    let (redacted, who) = (record.redacted, name_of(app, &record.actor));
    Ok(Line { entry: entry_of(record)?, redacted, who })
}

async fn find_record(app: &App, seq: u64) -> Result<Option<Record>, StoreError> {
    if seq == 0 {
        return Ok(None);
    }
    let found = app.recorder.log().read(seq, 1).await?.into_iter().next();
    Ok(found.filter(|record| record.seq == seq))
}

fn unreadable(app: &App, member: &Member, error: &StoreError) -> Response {
    tracing::warn!(error = error as &dyn std::error::Error, "the log could not be read for the desk");
    sentence(app, member, Room::Memory, StatusCode::SERVICE_UNAVAILABLE, "desk.memory.unreadable")
}

fn nowhere(app: &App, member: &Member) -> Response {
    sentence(app, member, Room::Memory, StatusCode::NOT_FOUND, "desk.memory.nowhere")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Question {
    facility: String,
    topic: String,
    channel: String,
    who: String,
    before: String,
    done: String,
}

impl Question {
    fn before(&self) -> Option<u64> {
        self.before.parse().ok()
    }
}

type Asking = Result<Query<Question>, axum::extract::rejection::QueryRejection>;

async fn list(State(app): State<Arc<App>>, member: Member, question: Asking) -> Response {
    // What cannot be read is left out: a list beats an error.
    let question = question.map(|Query(q)| q).unwrap_or_default();
    let before = question.before();
    let Question { facility, topic, channel, who, .. } = question;
    let asked = Asked { facility: facility.trim().to_owned(), topic, channel, who };
    let mut meant = Vec::new();
    if !asked.facility.is_empty() {
        meant = app.look(|m| facilities(&m, &asked.facility));
        if meant.is_empty() {
            return page(&app, &member, StatusCode::OK, &[], |frame| memory::list(frame, &asked, &[], &Lines::default()));
        }
        if meant.len() > 1 {
            return page(&app, &member, StatusCode::OK, &[], |frame| memory::list(frame, &asked, &meant, &Lines::default()));
        }
    }
    let source = match meant.first() {
        Some((id, _)) => Source::Subject(subject_of(id)),
        None => Source::All,
    };
    let wanted = |record: &Record| {
        (asked.topic.is_empty() || Topic::of(&record.kind).word() == asked.topic)
            && (asked.channel.is_empty() || record.channel == asked.channel)
            && (asked.who.is_empty() || record.actor.split(':').next() == Some(asked.who.as_str()))
    };
    match gather(&app, &source, before, wanted).await {
        Ok(lines) => page(&app, &member, StatusCode::OK, &[], |frame| memory::list(frame, &asked, &[], &lines)),
        Err(error) => unreadable(&app, &member, &error),
    }
}

/// The subject of what is said of a facility.
fn subject_of(id: &FacilityId) -> String {
    Facts::FacilityRetired { facility: id.clone() }.subject()
}

/// The facilities that letters may mean: the one with this id, else those in whose record the letters stand, a few at most.
fn facilities(m: &Moment<'_>, letters: &str) -> Vec<(FacilityId, String)> {
    let named = |id: &FacilityId| m.board.facilities().get(id).map(|held| (id.clone(), held.facility.name.clone()));
    if let Some(found) = letters.parse().ok().as_ref().and_then(named) {
        return vec![found];
    }
    let wanted = search_form(letters);
    // Letters in the middle of a name: no index helps, and the texts lie ready in memory.
    m.board.facilities().keys().filter(|id| m.search_text(id).contains(&wanted)).filter_map(named).take(MOST_OFFERED).collect()
}

async fn of_facility(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, question: Asking) -> Response {
    let before = question.map(|Query(q)| q.before()).unwrap_or_default();
    let Some(id) = FacilityId::new(id).ok().filter(|id| app.board.read(|b| b.facilities().contains_key(id))) else {
        return sentence(&app, &member, Room::Memory, StatusCode::NOT_FOUND, "desk.memory.no_facility");
    };
    let subject = subject_of(&id);
    let source = Source::Subject(subject.clone());
    let reported = |record: &Record| Topic::of(&record.kind) == Topic::Reports;
    let found = async {
        let lines = gather(&app, &source, before, reported).await?;
        Ok::<_, StoreError>((lines, taken_back(&app, &subject).await?))
    };
    let (lines, gone) = match found.await {
        Ok(found) => found,
        Err(error) => return unreadable(&app, &member, &error),
    };
    let sent_in = app.board.read(|b| {
        // Postings are written by people: few enough to look at each, and the only ones who ask sit at the desk.
        let own = b.postings().values().filter(|p| p.facility.as_ref() == Some(&id) && p.kind != PostingKind::Remark);
        let mut own: Vec<_> = own.map(|p| (p.received_at, p.id.clone())).collect();
        own.sort_unstable_by(|a, b| b.cmp(a));
        own.into_iter().take(MOST_SENT_IN).map(|(_, id)| id).collect::<Vec<PostingId>>()
    });
    page(&app, &member, StatusCode::OK, &[], |frame| memory::of_facility(frame, &id, &lines, &gone, &sent_in))
}

/// The reports of a subject that were taken back.
async fn taken_back(app: &App, subject: &str) -> Result<BTreeSet<EntryId>, StoreError> {
    let corrections = app.recorder.log().list_by_subject(subject, Some("corrected"), MOST_CORRECTIONS).await?;
    let mut gone = BTreeSet::new();
    for record in corrections {
        if let Facts::Corrected { replaces, .. } = entry_of(record)?.facts {
            gone.insert(replaces);
        }
    }
    Ok(gone)
}

async fn people(State(app): State<Arc<App>>, member: Member) -> Response {
    let found = async {
        let log = app.recorder.log();
        let mut people = Vec::new();
        for actor in log.list_actors().await? {
            let last = log.list_acts_before(&actor, None, u64::MAX, 1).await?.first().map(|r| (r.seq, r.recorded_at));
            people.push(Person { name: name_of(&app, &actor), actor, last });
        }
        people.sort_by_key(|p| std::cmp::Reverse(p.last));
        Ok::<_, StoreError>(people)
    };
    match found.await {
        Ok(people) => page(&app, &member, StatusCode::OK, &[], |frame| memory::people(frame, &people)),
        Err(error) => unreadable(&app, &member, &error),
    }
}

async fn of_person(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, question: Asking) -> Response {
    let before = question.map(|Query(q)| q.before()).unwrap_or_default();
    // The id comes back as part of addresses on the page.
    if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return nowhere(&app, &member);
    }
    let actor = format!("staff:{id}");
    let name = name_of(&app, &actor);
    match gather(&app, &Source::Acts(actor), before, |_| true).await {
        Ok(lines) => page(&app, &member, StatusCode::OK, &[], |frame| memory::of_person(frame, &id, &name, &lines)),
        Err(error) => unreadable(&app, &member, &error),
    }
}

async fn by_id(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>) -> Response {
    let Ok(id) = Uuid::parse_str(&id) else { return nowhere(&app, &member) };
    match app.recorder.find(EntryId(id)).await {
        Ok(Some(entry)) => see_other(&format!("/desk/log/{}", entry.seq)),
        Ok(None) => nowhere(&app, &member),
        Err(error) => unreadable(&app, &member, &error),
    }
}

async fn entry(State(app): State<Arc<App>>, member: Member, Path(seq): Path<String>, question: Asking) -> Response {
    let done = question.is_ok_and(|Query(q)| q.done == "redacted");
    let found = async {
        let Some(record) = find_record(&app, seq.parse().unwrap_or(0)).await? else { return Ok(None) };
        let (hash, stored) = (data_encoding::HEXLOWER.encode(&record.hash), record.facts.clone());
        let erased = if record.redacted { erasure_of(&app, record.seq).await? } else { None };
        let line = line(&app, record)?;
        let taken_back = if matches!(line.entry.facts, Facts::Report(_)) { correction_of(&app, &line).await? } else { None };
        Ok::<_, StoreError>(Some((line, hash, stored, erased, taken_back)))
    };
    match found.await {
        Ok(Some((line, hash, stored, erased, taken_back))) => page(&app, &member, StatusCode::OK, &[], |frame| {
            let erased = erased.as_ref().map(|(seq, why)| (*seq, why.as_str()));
            let done = done && line.redacted;
            memory::entry(frame, Whole { line: &line, hash: &hash, stored: &stored, taken_back, erased, done })
        }),
        Ok(None) => nowhere(&app, &member),
        Err(error) => unreadable(&app, &member, &error),
    }
}

/// Where a report was taken back.
async fn correction_of(app: &App, line: &Line) -> Result<Option<u64>, StoreError> {
    let subject = line.entry.facts.subject();
    let corrections = app.recorder.log().list_by_subject(&subject, Some("corrected"), MOST_CORRECTIONS).await?;
    for record in corrections {
        let entry = entry_of(record)?;
        if matches!(entry.facts, Facts::Corrected { replaces, .. } if replaces == line.entry.id) {
            return Ok(Some(entry.seq));
        }
    }
    Ok(None)
}

/// Where the text of an entry was erased, and why.
async fn erasure_of(app: &App, seq: u64) -> Result<Option<(u64, String)>, StoreError> {
    let records = app.recorder.log().list_by_subject(&redaction_subject(seq), Some(REDACTED_KIND), 1).await?;
    let Some(record) = records.into_iter().next() else { return Ok(None) };
    let entry = entry_of(record)?;
    Ok(match entry.facts {
        Facts::Redacted { why, .. } => Some((entry.seq, why)),
        _ => None,
    })
}

/// What there is to erase at a position: the text, or the answer that says why there is none.
async fn erasable(app: &App, member: &Member, seq: &str) -> Result<(u64, String), Response> {
    let seq = seq.parse().unwrap_or(0);
    match find_record(app, seq).await {
        Ok(Some(Record { text: Some(text), .. })) => Ok((seq, text)),
        // Nothing was typed, or it is gone: the entry's own page says which.
        Ok(Some(_)) => Err(see_other(&format!("/desk/log/{seq}"))),
        Ok(None) => Err(nowhere(app, member)),
        Err(error) => Err(unreadable(app, member, &error)),
    }
}

async fn ask(State(app): State<Arc<App>>, member: Member, Path(seq): Path<String>) -> Response {
    if !member.may(Role::Coordinator) {
        return sentence(&app, &member, Room::Memory, StatusCode::FORBIDDEN, "desk.problem.forbidden");
    }
    match erasable(&app, &member, &seq).await {
        Ok((seq, text)) => asking(&app, &member, StatusCode::OK, seq, &text, Reason::default()),
        Err(answer) => answer,
    }
}

fn asking(app: &App, member: &Member, status: StatusCode, seq: u64, text: &str, typed: Reason<'_>) -> Response {
    page(app, member, status, &[], |frame| memory::redact(frame, seq, text, typed, nonce()))
}

async fn redact(State(app): State<Arc<App>>, member: Member, Path(seq): Path<String>, body: Bytes) -> Response {
    if !member.may(Role::Coordinator) {
        return sentence(&app, &member, Room::Memory, StatusCode::FORBIDDEN, "desk.problem.forbidden");
    }
    // A second press finds nothing left to erase and leads to the same page.
    let (seq, text) = match erasable(&app, &member, &seq).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let typed = typed(&body);
    let (reason, more) = (typed.one("reason").unwrap_or_default(), typed.one("more").unwrap_or_default().trim());
    let say = |key: &str| JA.t(&format!("desk.memory.redact.{key}")).to_owned();
    let wrong_reason = (!REASONS.contains(&reason)).then(|| say("no_reason"));
    let wrong_more = wrong_words(&app, reason, more, &text).map(say);
    if wrong_reason.is_some() || wrong_more.is_some() {
        let typed =
            Reason { reason, more, wrong_reason: wrong_reason.as_deref(), wrong_more: wrong_more.as_deref(), failed: None };
        return asking(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, seq, &text, typed);
    }
    let mut why = JA.t(&format!("desk.memory.reason.{reason}")).to_owned();
    if !more.is_empty() {
        why = format!("{why}（{more}）");
    }
    match app.recorder.redact(seq, why, member.actor()).await {
        Ok(_) | Err(RedactError::AlreadyRedacted { .. }) => see_other(&format!("/desk/log/{seq}?done=redacted")),
        Err(RedactError::NoSuchEntry { .. } | RedactError::NothingTyped { .. }) => nowhere(&app, &member),
        Err(RedactError::Store(error)) => {
            tracing::warn!(entry.seq = seq, error = &error as &dyn std::error::Error, "a text was not erased");
            let failed = Some(JA.t("desk.problem.not_stored"));
            asking(
                &app,
                &member,
                StatusCode::SERVICE_UNAVAILABLE,
                seq,
                &text,
                Reason { reason, more, failed, ..Reason::default() },
            )
        }
    }
}

/// What is wrong with a reason in somebody's own words. It goes into the facts and can never be erased, so what the guard only asks
/// about elsewhere is refused here.
fn wrong_words(app: &App, reason: &str, more: &str, text: &str) -> Option<&'static str> {
    if more.is_empty() {
        return (reason == "other").then_some("other_needs_more");
    }
    if more.chars().count() > REASON_CHARS {
        return Some("too_long");
    }
    if repeats(more, text) {
        return Some("repeats");
    }
    let phones = [app.city.desk.phone.clone(), app.city.disaster_desk.phone.clone()];
    let register = app.board.read(|board| public_register(board, &phones));
    (guard::inspect(more, &register).verdict != Guarded::Ok).then_some("guarded")
}

/// Whether words repeat a stretch of a text: names are three characters or more, and the whole of a shorter text is all of it.
fn repeats(words: &str, text: &str) -> bool {
    const STRETCH: usize = 4;
    let text: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let words: String = words.chars().filter(|c| !c.is_whitespace()).collect();
    if text.is_empty() {
        return false;
    }
    text.windows(STRETCH.min(text.len())).any(|part| words.contains(&part.iter().collect::<String>()))
}

async fn chain(State(app): State<Arc<App>>, member: Member) -> Response {
    proof(&app, &member, StatusCode::OK, "", None)
}

fn proof(app: &App, member: &Member, status: StatusCode, noted: &str, wrong: Option<&str>) -> Response {
    let state = app.verifying.look();
    let last = state.last.map(|checked| Walked {
        at: checked.at,
        against_note: checked.against_note,
        found: match checked.verdict {
            Ok(Verdict::Verified { head, redacted }) => Found::Whole(head.map_or(0, |(seq, _)| seq), redacted),
            Ok(Verdict::Broken { seq, why }) => Found::Broken(seq, why),
            Err(why) => Found::Unread(why),
        },
    });
    let head = app.recorder.head().map(|(seq, hash)| (seq, data_encoding::HEXLOWER.encode(&hash)));
    let shown = Chain { head, running: state.running, last };
    page(app, member, status, &["desk-memory.js"], |frame| memory::chain(frame, &shown, noted, wrong, nonce()))
}

async fn walk(State(app): State<Arc<App>>, member: Member, body: Bytes) -> Response {
    if !member.may(Role::Coordinator) {
        return sentence(&app, &member, Room::Memory, StatusCode::FORBIDDEN, "desk.problem.forbidden");
    }
    let typed = typed(&body);
    let noted = typed.one("noted").unwrap_or_default();
    let compact: String = noted.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let hash = if compact.is_empty() {
        None
    } else {
        let bytes = data_encoding::HEXLOWER.decode(compact.as_bytes()).ok();
        match bytes.and_then(|bytes| bytes.try_into().ok()) {
            Some(hash) => Some(NotedHead { seq: None, hash }),
            None => {
                let wrong = Some(JA.t("desk.memory.chain.bad_note"));
                return proof(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, noted, wrong);
            }
        }
    };
    // Where a walk is under way already, its page is the answer.
    let _ = app.verifying.start(app.recorder.log().clone(), Arc::clone(&app.clock), hash);
    see_other("/desk/log/chain")
}
