//! Report keys and the posters that carry them.
//!
//! *Invariant:* a new key is stored before an old one ends, so that a cut in between leaves a facility able to report.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use imaboard_display::{assets, qr};
use imaboard_domain::guard::{self, Verdict};
use imaboard_domain::{Channel, Entry, Facility, Facts, KeyId, city_date};
use imaboard_templates::desk::Room;
use imaboard_templates::desk::facilities::keys::{self, Said, below};
use imaboard_templates::desk::facilities::{self, Ask, KeyRow, KeysOf, Search, path};
use imaboard_templates::poster::{self, Poster, Size};
use imaboard_templates::words::JA;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::super::{Member, control, entry_id, page, see_other, sentence, typed};
use super::{asked, facility_page, key_rows, matching, not_found, only_coordinators, record, refused};
use crate::app::App;
use crate::commands::is_loopback;
use crate::core::report_url;
use crate::log::StoreError;
use crate::recorder::{Intent, Submission, SubmitError, entry_of, new_id, public_register};

/// Longest label of a key.
const MOST_LABEL_CHARS: usize = 20;
/// Sheets of one print: more makes a page that no browser prints in one breath.
const PER_PRINT: usize = 100;

fn find(app: &App, id: &str, key: &str) -> Option<(Facility, KeyRow)> {
    let f = record(app, id)?;
    let key: KeyId = key.parse().ok()?;
    let row = app.look(|m| key_rows(&m, &f.id).into_iter().find(|row| row.id == key))?;
    Some((f, row))
}

fn no_key(app: &App, member: &Member) -> Response {
    sentence(app, member, Room::Facilities, StatusCode::NOT_FOUND, "desk.facilities.no_key")
}

/// The QR code of a key; none where its address would work on no telephone.
fn code(app: &App, key: &KeyId) -> Option<String> {
    let url = report_url(app, key);
    let useless = is_loopback(&url) && !app.board.read(imaboard_domain::Board::is_sample);
    if useless { None } else { qr::svg(&url, JA.t("poster.qr")).ok() }
}

/// What is wrong with the label of a new key. It stands among the facts of the log, where nothing can be erased: no person in it.
fn wrong_label(app: &App, label: &str) -> Option<&'static str> {
    let key = match label.chars().count() {
        0 => "desk.facilities.keys.label_empty",
        n if n > MOST_LABEL_CHARS => "desk.facilities.keys.label_wrong",
        _ => {
            let phones = app.settings.city.public_phones();
            let inspection = guard::inspect(label, &app.board.read(|board| public_register(board, &phones)));
            if inspection.verdict == Verdict::Ok {
                return None;
            }
            "desk.facilities.keys.label_person"
        }
    };
    Some(JA.t(key))
}

/// Keys looked for among those that ended; the page of a facility lists no more.
const MOST_ENDED: u32 = 100;

/// The keys of a facility that were revoked, the newest first; none while the log cannot be read.
pub(super) async fn ended(app: &App, f: &Facility) -> Vec<KeyRow> {
    let issued = app.recorder.log().list_by_subject(&format!("facility/{}", f.id), Some("key_issued"), MOST_ENDED).await;
    let issued = issued.unwrap_or_default().into_iter().filter_map(|record| entry_of(record).ok());
    let keys: Vec<KeyId> = issued
        .filter_map(|entry| match entry.facts {
            Facts::KeyIssued { key, .. } => Some(key),
            _ => None,
        })
        .collect();
    app.board.read(|board| {
        let held = keys.into_iter().filter_map(|id| board.keys().get(&id).map(|key| (id, key)));
        held.filter(|(_, key)| key.revoked)
            .map(|(id, key)| KeyRow { id, label: key.label.clone(), last_used: key.last_used })
            .collect()
    })
}

pub(super) async fn issue(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let typed = typed(&body);
    let Some(f) = record(&app, &id) else { return not_found(&app, &member) };
    let given = typed.one("label").unwrap_or_default();
    let label = given.trim().to_owned();
    if let Some(wrong) = wrong_label(&app, &label) {
        let keys = KeysOf { typed: given.to_owned(), wrong: Some(wrong.to_owned()), ..KeysOf::default() };
        return facility_page(&app, &member, &id, StatusCode::UNPROCESSABLE_ENTITY, false, keys).await;
    }
    let entry = entry_id(&app, &member, &typed);
    // A second press: its key would be another one.
    if let Ok(Some(stored)) = app.recorder.find(entry).await {
        return match stored.facts {
            Facts::KeyIssued { key, .. } => see_other(&below(&f, &key, "?done=issued")),
            _ => see_other(&path(&f.id, "")),
        };
    }
    let Some(key) = app.keys.new_id() else { return no_key(&app, &member) };
    let facts = Facts::KeyIssued { key: key.clone(), facility: f.id.clone(), label };
    match control(&app, &member, entry, facts, None).await {
        Ok(_) => see_other(&below(&f, &key, "?done=issued")),
        Err(error) => refused(&app, &member, &error),
    }
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    member: Member,
    Path((id, key)): Path<(String, String)>,
    uri: Uri,
) -> Response {
    if let Some(no) = only_coordinators(&app, &member) {
        return no;
    }
    let Some((f, row)) = find(&app, &id, &key) else { return no_key(&app, &member) };
    let (url, code) = (report_url(&app, &row.id), code(&app, &row.id));
    let asked = asked(&uri);
    let done = asked.one("done").filter(|done| ["issued", "rotated"].contains(done));
    page(&app, &member, StatusCode::OK, &[], |frame| keys::page(frame, &f, &row, &url, code.as_deref(), done))
}

fn question(app: &App, member: &Member, f: &Facility, row: &KeyRow, what: &str) -> Response {
    page(app, member, StatusCode::OK, &[], |frame| {
        let named = [("name", f.name.as_str()), ("label", row.label.as_str())];
        let word = |end: &str| frame.words.t(&format!("desk.facilities.keys.{what}{end}")).to_owned();
        facilities::ask(
            frame,
            Ask {
                room: Room::Facilities,
                title: &frame.fill(&format!("desk.facilities.keys.{what}_title"), &named),
                consequences: &[word("_line")],
                yes: &word(""),
                action: &below(f, &row.id, &format!("/{what}")),
                back: &below(f, &row.id, ""),
                hidden: &[],
            },
        )
    })
}

pub(super) async fn ask_rotate(State(app): State<Arc<App>>, member: Member, Path((id, key)): Path<(String, String)>) -> Response {
    if let Some(no) = only_coordinators(&app, &member) {
        return no;
    }
    match find(&app, &id, &key) {
        Some((f, row)) => question(&app, &member, &f, &row, "rotate"),
        None => no_key(&app, &member),
    }
}

pub(super) async fn ask_revoke(State(app): State<Arc<App>>, member: Member, Path((id, key)): Path<(String, String)>) -> Response {
    if let Some(no) = only_coordinators(&app, &member) {
        return no;
    }
    match find(&app, &id, &key) {
        Some((f, row)) => question(&app, &member, &f, &row, "revoke"),
        None => no_key(&app, &member),
    }
}

pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    member: Member,
    Path((id, key)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let entry = entry_id(&app, &member, &typed(&body));
    // A second press: the old key is gone already, and the new one is there.
    if let (Some(f), Ok(Some(stored))) = (record(&app, &id), app.recorder.find(entry).await)
        && let Facts::KeyIssued { key, .. } = stored.facts
    {
        return see_other(&below(&f, &key, "?done=rotated"));
    }
    let Some((f, row)) = find(&app, &id, &key) else { return no_key(&app, &member) };
    let Some(new) = app.keys.new_id() else { return no_key(&app, &member) };
    let issued = Facts::KeyIssued { key: new.clone(), facility: f.id.clone(), label: row.label };
    if let Err(error) = control(&app, &member, entry, issued, None).await {
        return refused(&app, &member, &error);
    }
    match control(&app, &member, new_id(), Facts::KeyRevoked { key: row.id }, None).await {
        Ok(_) => see_other(&below(&f, &new, "?done=rotated")),
        Err(error) => refused(&app, &member, &error),
    }
}

pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    member: Member,
    Path((id, key)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let Some((f, row)) = find(&app, &id, &key) else { return no_key(&app, &member) };
    match control(&app, &member, entry_id(&app, &member, &typed(&body)), Facts::KeyRevoked { key: row.id }, None).await {
        // What it reported may have been the reason.
        Ok(_) => see_other(&path(&f.id, &format!("key-reports/{key}?done=revoked"))),
        Err(error) => refused(&app, &member, &error),
    }
}

/// Reports of a key that are looked at when it ends: a facility that reports hourly reaches this in three weeks.
const MOST_REPORTS: u32 = 500;
/// How far back a withdrawal begins unless somebody says otherwise.
const USUAL_DAYS: i64 = 7;

/// What a key reported since a time and nobody took back yet, newest first.
async fn reported(app: &App, f: &Facility, key: &str, since: Timestamp) -> Result<Vec<Entry>, StoreError> {
    let (log, subject, actor) = (app.recorder.log(), format!("facility/{}", f.id), format!("key:{key}"));
    let mut gone = std::collections::BTreeSet::new();
    for record in log.list_by_subject(&subject, Some("corrected"), MOST_REPORTS).await? {
        if let Facts::Corrected { replaces, .. } = entry_of(record)?.facts {
            gone.insert(replaces);
        }
    }
    let records = log.list_by_subject(&subject, Some("report"), MOST_REPORTS).await?;
    let ours = records.into_iter().filter(|record| record.actor == actor && record.recorded_at >= since);
    let entries = ours.map(entry_of).collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().filter(|entry| !gone.contains(&entry.id)).collect())
}

/// The first moment of a day as a form names it; a week ago without one.
fn since_of(app: &App, day: Option<&str>) -> Timestamp {
    let now = app.clock.now();
    let week_ago = now.checked_sub(SignedDuration::from_hours(24 * USUAL_DAYS)).unwrap_or(now);
    let day = day.and_then(|text| text.parse::<jiff::civil::Date>().ok()).unwrap_or_else(|| city_date(week_ago));
    // Midnight in the city, which keeps one time all year.
    day.at(0, 0, 0, 0).to_zoned(imaboard_domain::city_time(now).time_zone().clone()).map_or(week_ago, |at| at.timestamp())
}

pub(super) async fn reports(
    State(app): State<Arc<App>>,
    member: Member,
    Path((id, key)): Path<(String, String)>,
    uri: Uri,
) -> Response {
    let asked = asked(&uri);
    let said = match asked.one("done") {
        Some("revoked") => Said::Revoked,
        done => done.and_then(|n| n.parse().ok()).map_or(Said::Nothing, Said::Taken),
    };
    reports_page(&app, &member, (&id, &key), asked.one("since"), StatusCode::OK, said).await
}

async fn reports_page(
    app: &App,
    member: &Member,
    (id, key): (&str, &str),
    since: Option<&str>,
    status: StatusCode,
    said: Said,
) -> Response {
    let Some(f) = record(app, id).filter(|f| knows(app, f, key)) else { return no_key(app, member) };
    let since = since_of(app, since);
    match reported(app, &f, key, since).await {
        Ok(entries) => page(app, member, status, &[], |frame| keys::reports(frame, &f, key, since, &entries, said)),
        Err(error) => refused(app, member, &SubmitError::NotStored(Arc::new(error))),
    }
}

/// Whether a key was ever this facility's, ended ones too.
fn knows(app: &App, f: &Facility, key: &str) -> bool {
    let Ok(key) = key.parse::<KeyId>() else { return false };
    app.board.read(|board| board.keys().get(&key).is_some_and(|held| held.facility == f.id))
}

pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    member: Member,
    Path((id, key)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let Some(f) = record(&app, &id).filter(|f| knows(&app, f, &key)) else { return no_key(&app, &member) };
    let typed = typed(&body);
    let since = since_of(&app, typed.one("since"));
    let entries = match reported(&app, &f, &key, since).await {
        Ok(entries) => entries,
        Err(error) => return refused(&app, &member, &SubmitError::NotStored(Arc::new(error))),
    };
    let chosen: Vec<&str> = typed.all("report").collect();
    if chosen.is_empty() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return reports_page(&app, &member, (&id, &key), typed.one("since"), status, Said::NoneChosen).await;
    }
    let mut taken = 0;
    for entry in entries.into_iter().filter(|entry| chosen.contains(&entry.id.to_string().as_str())) {
        let intent = Intent::Correct { replaces: entry.id };
        let submission = Submission { id: new_id(), channel: Channel::Form, actor: member.actor(), intent, text: None };
        match app.recorder.submit(submission).await {
            Ok(_) => taken += 1,
            // Somebody else took it back meanwhile.
            Err(SubmitError::Refused(_)) => {}
            Err(error) => return refused(&app, &member, &error),
        }
    }
    let since = typed.one("since").unwrap_or_default();
    see_other(&format!("{}?since={since}&done={taken}", path(&f.id, &format!("key-reports/{key}"))))
}

/// Sheets as a page of their own, without the frame of the desk.
fn printed(app: &App, size: Size, title: &str, aside: Markup, keys: &[(imaboard_domain::FacilityId, KeyId, String)]) -> Response {
    let (a4, a5) = (assets::url("poster.css"), assets::url("poster-a5.css"));
    let all = [a4, a5];
    let styles = if size == Size::A5 { &all[..] } else { &all[..1] };
    let poster = Poster { words: &JA, city: &app.city, styles };
    let markup = app.look(|m| {
        let sheets = html! {
            @for (facility, key, qr) in keys { @if let Some(held) = m.board.find_facility(facility) {
                (poster::sheet(poster, m, held, poster::Key { qr, label: key.as_str() }))
            } }
        };
        poster::sheets(poster, title, aside, sheets)
    });
    Html(markup.into_string()).into_response()
}

pub(super) async fn poster_a5(State(app): State<Arc<App>>, member: Member, Path((id, key)): Path<(String, String)>) -> Response {
    if let Some(no) = only_coordinators(&app, &member) {
        return no;
    }
    let Some((f, row)) = find(&app, &id, &key) else { return no_key(&app, &member) };
    match code(&app, &row.id) {
        Some(qr) => printed(&app, Size::A5, &f.name, html! {}, &[(f.id.clone(), row.id, qr)]),
        None => sentence(&app, &member, Room::Facilities, StatusCode::CONFLICT, "desk.facilities.keys.no_address"),
    }
}

/// The posters of the city or of a district: one sheet a facility, that of the key with this label or else its first.
pub(super) async fn posters(State(app): State<Arc<App>>, member: Member, uri: Uri) -> Response {
    if let Some(no) = only_coordinators(&app, &member) {
        return no;
    }
    let asked = asked(&uri);
    let size = Size::of(asked.one("size"));
    let label = asked.one("label").unwrap_or_default().to_owned();
    let district = asked.one("district").unwrap_or_default().to_owned();
    let from = asked.one("from").and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
    let search = Search { district: district.parse().ok(), ..Search::default() };
    let all: Vec<_> = app.look(|m| {
        let found = matching(&m, &search, &app.city);
        let one = |facility| {
            let rows = key_rows(&m, facility);
            let at = rows.iter().position(|row| row.label == label).or((label.is_empty() && !rows.is_empty()).then_some(0));
            at.map(|at| (facility.clone(), rows[at].id.clone()))
        };
        found.iter().filter_map(|held| one(&held.facility.id)).collect()
    });
    let total = all.len();
    let mut keys = Vec::new();
    for (facility, key) in all.into_iter().skip(from).take(PER_PRINT) {
        match code(&app, &key) {
            Some(qr) => keys.push((facility, key, qr)),
            None => return sentence(&app, &member, Room::Facilities, StatusCode::CONFLICT, "desk.facilities.keys.no_address"),
        }
    }
    if keys.is_empty() {
        return sentence(&app, &member, Room::Facilities, StatusCode::OK, "desk.facilities.posters.none");
    }
    let link = |district: &str, size: Size, from: usize| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([("district", district), ("size", size.word()), ("label", &label), ("from", &from.to_string())]);
        format!("/desk/posters?{}", query.finish())
    };
    let count = |n: usize| n.to_string();
    let (last, left) = (from + keys.len(), total.saturating_sub(from + PER_PRINT));
    let part = [("all", count(total)), ("first", count(from + 1)), ("last", count(last)), ("most", count(PER_PRINT))];
    let part = part.each_ref().map(|(name, value)| (*name, value.as_str()));
    let aside = html! {
        nav.aside {
            p { a href=(Room::Facilities.path()) { (JA.t("desk.facilities.posters.back")) } }
            p { b { (JA.fill("desk.facilities.posters.part", &part)) } }
            p { (JA.fill("desk.facilities.posters.line", &[("size", &size.word().to_uppercase())])) }
            p {
                (JA.t("desk.facilities.posters.size")) " "
                @for (of, key) in [(Size::A4, "desk.facilities.posters.print_a4"), (Size::A5, "desk.facilities.posters.print_a5")] {
                    a href=(link(&district, of, from)) aria-current=[(of == size).then_some("true")] { (JA.t(key)) }
                }
                @if from > 0 {
                    a href=(link(&district, size, from.saturating_sub(PER_PRINT))) {
                        (JA.fill("desk.facilities.posters.earlier", &[("n", &count(from.min(PER_PRINT)))]))
                    }
                }
                @if left > 0 {
                    a href=(link(&district, size, from + PER_PRINT)) { (JA.fill("desk.facilities.posters.more", &[("n", &count(left.min(PER_PRINT)))])) }
                }
            }
            p {
                (JA.t("desk.facilities.posters.where")) " "
                a href=(link("", size, 0)) aria-current=[district.is_empty().then_some("true")] { (JA.t("desk.facilities.all")) }
                @for d in &app.city.districts {
                    a href=(link(d.id.as_str(), size, 0)) aria-current=[(d.id.as_str() == district).then_some("true")] { (d.name) }
                }
            }
        }
    };
    printed(&app, size, JA.t("desk.facilities.posters.title"), aside, &keys)
}
