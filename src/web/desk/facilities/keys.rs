//! Report keys and the posters that carry them.
//!
//! *Invariant:* a new key is stored before an old one ends, so that a cut in between leaves a facility able to report.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use imaboard_display::{assets, qr};
use imaboard_domain::{Facility, Facts, KeyId};
use imaboard_templates::desk::Room;
use imaboard_templates::desk::facilities::keys::{self, below};
use imaboard_templates::desk::facilities::{self, Ask, KeyRow, Search, path};
use imaboard_templates::poster::{self, Poster, Size};
use imaboard_templates::words::JA;
use maud::{Markup, html};

use super::super::{Member, control, entry_id, page, see_other, sentence, typed};
use super::{asked, key_rows, matching, not_found, only_coordinators, record, refused};
use crate::app::App;
use crate::commands::is_loopback;
use crate::core::report_url;
use crate::recorder::new_id;

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

pub(super) async fn issue(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let typed = typed(&body);
    let Some(f) = record(&app, &id) else { return not_found(&app, &member) };
    let label = typed.one("label").unwrap_or_default().trim().to_owned();
    if label.is_empty() || label.chars().count() > MOST_LABEL_CHARS {
        return sentence(&app, &member, Room::Facilities, StatusCode::UNPROCESSABLE_ENTITY, "desk.facilities.keys.label_wrong");
    }
    let entry = entry_id(&app, &member, &typed);
    // A second press: its key would be another one.
    if let Ok(Some(stored)) = app.recorder.find(entry).await {
        return match stored.facts {
            Facts::KeyIssued { key, .. } => see_other(&below(&f, &key, "")),
            _ => see_other(&path(&f.id, "")),
        };
    }
    let Some(key) = app.keys.new_id() else { return no_key(&app, &member) };
    let facts = Facts::KeyIssued { key: key.clone(), facility: f.id.clone(), label };
    match control(&app, &member, entry, facts, None).await {
        Ok(_) => see_other(&below(&f, &key, "")),
        Err(error) => refused(&app, &member, &error),
    }
}

pub(super) async fn show(State(app): State<Arc<App>>, member: Member, Path((id, key)): Path<(String, String)>) -> Response {
    if let Some(no) = only_coordinators(&app, &member) {
        return no;
    }
    let Some((f, row)) = find(&app, &id, &key) else { return no_key(&app, &member) };
    let (url, code) = (report_url(&app, &row.id), code(&app, &row.id));
    page(&app, &member, StatusCode::OK, &[], |frame| keys::page(frame, &f, &row, &url, code.as_deref()))
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
    match find(&app, &id, &key) {
        Some((f, row)) => question(&app, &member, &f, &row, "rotate"),
        None => no_key(&app, &member),
    }
}

pub(super) async fn ask_revoke(State(app): State<Arc<App>>, member: Member, Path((id, key)): Path<(String, String)>) -> Response {
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
    let Some((f, row)) = find(&app, &id, &key) else { return no_key(&app, &member) };
    let Some(new) = app.keys.new_id() else { return no_key(&app, &member) };
    let issued = Facts::KeyIssued { key: new.clone(), facility: f.id.clone(), label: row.label };
    if let Err(error) = control(&app, &member, entry_id(&app, &member, &typed(&body)), issued, None).await {
        return refused(&app, &member, &error);
    }
    match control(&app, &member, new_id(), Facts::KeyRevoked { key: row.id }, None).await {
        Ok(_) => see_other(&below(&f, &new, "")),
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
        Ok(_) => see_other(&format!("{}?saved=1#keys", path(&f.id, ""))),
        Err(error) => refused(&app, &member, &error),
    }
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
    let link = |size: Size, from: usize| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("district", district.as_str()),
            ("size", size.word()),
            ("label", label.as_str()),
            ("from", &from.to_string()),
        ]);
        format!("/desk/posters?{}", query.finish())
    };
    let left = total.saturating_sub(from + PER_PRINT);
    let aside = html! {
        nav.aside {
            p { (JA.fill("desk.facilities.posters.line", &[("n", &total.to_string()), ("size", &size.word().to_uppercase())])) }
            p {
                a href=(link(Size::A4, from)) { (JA.t("desk.facilities.posters.print_a4")) }
                a href=(link(Size::A5, from)) { (JA.t("desk.facilities.posters.print_a5")) }
                @if left > 0 {
                    a href=(link(size, from + PER_PRINT)) { (JA.fill("desk.facilities.posters.more", &[("n", &left.min(PER_PRINT).to_string())])) }
                }
            }
            p { @for d in &app.city.districts { a href={ "/desk/posters?district=" (d.id) "&size=" (size.word()) } { (d.name) } } }
        }
    };
    printed(&app, size, JA.t("desk.facilities.posters.title"), aside, &keys)
}
