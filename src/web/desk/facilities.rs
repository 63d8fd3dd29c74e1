//! The desk's room `facilities` over HTTP: the register, its keys and the posters that carry them.
//!
//! *Invariants:* nobody's change of a record is overwritten unseen; the address of a report page goes only to who may run the city.

mod edit;
mod import;
mod keys;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use imaboard_domain::{Facility, FacilityBoard, FacilityId, Facts, Moment, search_form};
use imaboard_templates::desk::facilities::{self, Ask, KeyRow, KeysOf, List, Search, path};
use imaboard_templates::desk::{Role, Room};
use imaboard_templates::report::form::Typed;

use super::{Member, control, entry_id, explained, only_looks, page, see_other, sentence, typed};
use crate::app::App;

/// Facilities of a page of the list.
const PER_PAGE: usize = 50;

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desk/facilities", get(list))
        .route("/desk/facilities/new", get(edit::new).post(edit::create))
        .route("/desk/facilities/import", get(import::open).post(import::take))
        .route("/desk/facilities/import/undo", post(import::undo))
        .route("/desk/facilities/{id}", get(show))
        .route("/desk/facilities/{id}/edit", get(edit::open).post(edit::save))
        .route("/desk/facilities/{id}/retire", get(ask_retire).post(retire))
        .route("/desk/facilities/{id}/restore", post(restore))
        .route("/desk/facilities/{id}/reopen", get(ask_reopen).post(reopen))
        .route("/desk/facilities/{id}/keys", post(keys::issue))
        .route("/desk/facilities/{id}/keys/{key}", get(keys::show))
        .route("/desk/facilities/{id}/keys/{key}/rotate", get(keys::ask_rotate).post(keys::rotate))
        .route("/desk/facilities/{id}/keys/{key}/revoke", get(keys::ask_revoke).post(keys::revoke))
        .route("/desk/facilities/{id}/keys/{key}/poster", get(keys::poster_a5))
        .route("/desk/facilities/{id}/key-reports/{key}", get(keys::reports).post(keys::withdraw))
        .route("/desk/posters", get(keys::posters))
}

/// The pairs of the query.
fn asked(uri: &Uri) -> Typed {
    typed(uri.query().unwrap_or_default().as_bytes())
}

/// A facility with this id, retired ones too.
fn find<'a>(m: &Moment<'a>, id: &str) -> Option<&'a FacilityBoard> {
    let id: FacilityId = id.parse().ok()?;
    m.board.facilities().get(&id).map(Arc::as_ref)
}

fn record(app: &App, id: &str) -> Option<Facility> {
    app.look(|m| find(&m, id).map(|held| (*held.facility).clone()))
}

fn not_found(app: &App, member: &Member) -> Response {
    sentence(app, member, Room::Facilities, StatusCode::NOT_FOUND, "desk.facilities.not_found")
}

/// Why something was not recorded, as a page.
fn refused(app: &App, member: &Member, error: &crate::recorder::SubmitError) -> Response {
    let (status, why) = explained(error);
    page(app, member, status, &[], |frame| {
        imaboard_templates::desk::sentence(frame, Some(Room::Facilities), frame.words.t("desk.problem.title"), &why)
    })
}

async fn list(State(app): State<Arc<App>>, member: Member, uri: Uri) -> Response {
    let asked = asked(&uri);
    let search = Search {
        q: asked.one("q").unwrap_or_default().chars().take(60).collect(),
        district: asked.one("district").and_then(|d| d.parse().ok()),
        kind: asked.one("kind").and_then(|k| k.parse().ok()),
        retired: asked.one("retired").is_some(),
    };
    let wanted = asked.one("page").and_then(|p| p.parse::<usize>().ok()).unwrap_or(1).max(1);
    page(&app, &member, StatusCode::OK, &[], |frame| {
        let found = matching(&frame.moment, &search, frame.city);
        let pages = found.len().div_ceil(PER_PAGE).max(1);
        let shown = wanted.min(pages);
        let rows = found.iter().skip((shown - 1) * PER_PAGE).take(PER_PAGE).copied().collect();
        let mut address = form_urlencoded::Serializer::new(String::new());
        address.append_pair("q", &search.q);
        address.append_pair("district", search.district.as_ref().map_or("", |d| d.as_str()));
        address.append_pair("kind", search.kind.map_or("", |k| k.word()));
        if search.retired {
            address.append_pair("retired", "1");
        }
        let address = format!("{}?{}&", Room::Facilities.path(), address.finish());
        facilities::list(frame, &search, &List { rows, found: found.len(), page: shown, pages, address })
    })
}

/// The facilities that fit, in reading order. Walks the sorted index and the ready-made search texts, never the records: 60,000 are a few
/// milliseconds. Those that have left stand in no index, so they alone are looked for among all.
fn matching<'a>(m: &Moment<'a>, search: &Search, city: &imaboard_templates::City) -> Vec<&'a FacilityBoard> {
    let words: Vec<String> = search.q.split_whitespace().map(search_form).filter(|w| !w.is_empty()).collect();
    if search.retired {
        let fits = |f: &Facility| {
            let named = search_form(&format!("{} {} {}", f.name, f.kana, f.id));
            words.iter().all(|w| named.contains(w.as_str()))
                && search.district.as_ref().is_none_or(|d| f.district == *d)
                && search.kind.is_none_or(|k| f.services.iter().any(|s| s.kind == k))
        };
        return m.board.facilities().values().filter(|held| held.retired && fits(&held.facility)).map(Arc::as_ref).collect();
    }
    let mut districts: Vec<_> = match &search.district {
        Some(district) => vec![district.clone()],
        None => city.districts.iter().map(|d| d.id.clone()).collect(),
    };
    if search.district.is_none() {
        // A record may name a district the settings no longer list; it must not vanish from the register.
        let more: Vec<_> = m.facilities_by_district().into_keys().filter(|d| !districts.contains(d)).collect();
        districts.extend(more);
    }
    districts
        .iter()
        .flat_map(|district| m.listed(search.kind, district))
        .filter(|f| {
            let text = m.search_text(&f.id);
            words.iter().all(|w| text.contains(w.as_str()) || f.id.as_str() == w)
        })
        .filter_map(|f| m.board.find_facility(&f.id))
        .collect()
}

fn key_rows(m: &Moment<'_>, facility: &FacilityId) -> Vec<KeyRow> {
    let keys = m.board.keys_of(facility).filter_map(|id| m.board.keys().get(id).map(|key| (id, key)));
    keys.map(|(id, key)| KeyRow { id: id.clone(), label: key.label.clone(), last_used: key.last_used }).collect()
}

async fn show(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, uri: Uri) -> Response {
    let saved = asked(&uri).one("saved").is_some();
    facility_page(&app, &member, &id, StatusCode::OK, saved, KeysOf::default()).await
}

/// The page of one facility; `keys` brings what somebody typed for a new key.
async fn facility_page(app: &App, member: &Member, id: &str, status: StatusCode, saved: bool, keys: KeysOf) -> Response {
    let Some(f) = record(app, id) else { return not_found(app, member) };
    let ended = keys::ended(app, &f).await;
    page(app, member, status, &[], |frame| match find(&frame.moment, id) {
        Some(held) => {
            let keys = KeysOf { rows: key_rows(&frame.moment, &held.facility.id), ended, ..keys };
            facilities::show(frame, held, &keys, saved)
        }
        None => maud::Markup::default(),
    })
}

async fn ask_retire(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>) -> Response {
    if let Some(no) = only_looks(&app, &member, Room::Facilities) {
        return no;
    }
    let Some(f) = record(&app, &id) else { return not_found(&app, &member) };
    page(&app, &member, StatusCode::OK, &[], |frame| {
        let consequences = ["desk.facilities.retire.line_1", "desk.facilities.retire.line_2"].map(|key| frame.t(key).to_owned());
        facilities::ask(
            frame,
            Ask {
                room: Room::Facilities,
                title: &frame.fill("desk.facilities.retire.title", &[("name", &f.name)]),
                consequences: &consequences,
                yes: frame.t("desk.facilities.retire.yes"),
                action: &path(&f.id, "retire"),
                back: &path(&f.id, ""),
                hidden: &[],
            },
        )
    })
}

async fn retire(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(f) = record(&app, &id) else { return not_found(&app, &member) };
    let entry = entry_id(&app, &member, &typed(&body));
    let _turn = app.register_turn.lock().await;
    match control(&app, &member, entry, Facts::FacilityRetired { facility: f.id.clone() }, None).await {
        Ok(_) => see_other(&format!("{}?saved=1", path(&f.id, ""))),
        Err(error) => refused(&app, &member, &error),
    }
}

/// The place of the closure that a page names by its days.
fn closure_of(f: &Facility, typed: &Typed) -> Option<usize> {
    let day = |name| typed.one(name).and_then(|text| text.parse::<jiff::civil::Date>().ok());
    let days = day("from").zip(day("until"))?;
    f.closures.iter().position(|c| (c.from, c.until) == days)
}

async fn ask_reopen(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, uri: Uri) -> Response {
    if let Some(no) = only_looks(&app, &member, Room::Facilities) {
        return no;
    }
    let Some(f) = record(&app, &id) else { return not_found(&app, &member) };
    let Some(at) = closure_of(&f, &asked(&uri)) else { return no_closure(&app, &member) };
    let (from, until) = (f.closures[at].from, f.closures[at].until);
    page(&app, &member, StatusCode::OK, &[], |frame| {
        let day = imaboard_templates::time::day;
        let named = [("name", f.name.as_str()), ("from", &day(from)), ("until", &day(until))];
        let consequences = ["desk.facilities.reopen.line_1", "desk.facilities.reopen.line_2"].map(|key| frame.t(key).to_owned());
        facilities::ask(
            frame,
            Ask {
                room: Room::Facilities,
                title: &frame.fill("desk.facilities.reopen.title", &named),
                consequences: &consequences,
                yes: frame.t("desk.facilities.reopen.yes"),
                action: &path(&f.id, "reopen"),
                back: &path(&f.id, ""),
                hidden: &[("from", &from.to_string()), ("until", &until.to_string())],
            },
        )
    })
}

fn no_closure(app: &App, member: &Member) -> Response {
    sentence(app, member, Room::Facilities, StatusCode::CONFLICT, "desk.facilities.reopen.gone")
}

/// Takes a planned closure back.
async fn reopen(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let _turn = app.register_turn.lock().await;
    let Some(mut f) = record(&app, &id) else { return not_found(&app, &member) };
    let typed = typed(&body);
    let entry = entry_id(&app, &member, &typed);
    let saved = format!("{}?saved=1", path(&f.id, ""));
    let Some(at) = closure_of(&f, &typed) else {
        // A second press finds its own work done.
        let done = matches!(app.recorder.find(entry).await, Ok(Some(_)));
        return if done { see_other(&saved) } else { no_closure(&app, &member) };
    };
    f.closures.remove(at);
    match control(&app, &member, entry, Facts::FacilityRegistered(Box::new(f)), None).await {
        Ok(_) => see_other(&saved),
        Err(error) => refused(&app, &member, &error),
    }
}

async fn restore(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let _turn = app.register_turn.lock().await;
    let Some(f) = record(&app, &id) else { return not_found(&app, &member) };
    let entry = entry_id(&app, &member, &typed(&body));
    let facility = path(&f.id, "");
    match control(&app, &member, entry, Facts::FacilityRegistered(Box::new(f)), None).await {
        Ok(_) => see_other(&format!("{facility}?saved=1")),
        Err(error) => refused(&app, &member, &error),
    }
}

/// Whether somebody may see addresses of report pages; the answer if not.
fn only_coordinators(app: &App, member: &Member) -> Option<Response> {
    let no = !member.may(Role::Coordinator);
    no.then(|| sentence(app, member, Room::Facilities, StatusCode::FORBIDDEN, "desk.facilities.coordinator_only"))
}

#[cfg(test)]
mod tests;
