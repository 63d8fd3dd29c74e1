//! Records of the register are made and changed.
//!
//! *Invariant:* a form carries the version of the record it was made from; when the record is another by now, nothing is written and both
//! are shown.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use imaboard_domain::{Facility, FacilityId, Facts};
use imaboard_templates::desk::facilities::edit::{self, Conflict, Form, Wrong};
use imaboard_templates::desk::facilities::path;
use imaboard_templates::report::form::Typed;

use super::super::{Member, control, entry_id, explained, nonce, only_looks, page, see_other, typed};
use super::{Room, not_found, record};
use crate::app::App;

/// What tells one state of a record from another.
fn version(app: &App, facility: &Facility) -> String {
    // Plain data always serialises.
    app.keys.digest(&serde_json::to_string(facility).unwrap_or_default())
}

struct Answer<'a> {
    facility: Option<&'a Facility>,
    typed: &'a Typed,
    wrong: &'a Wrong,
    problem: Option<&'a str>,
    version: &'a str,
    conflict: bool,
}

fn form(app: &App, member: &Member, status: StatusCode, answer: &Answer<'_>) -> Response {
    page(app, member, status, &[], |frame| {
        edit::page(
            frame,
            &Form {
                facility: answer.facility,
                typed: answer.typed,
                wrong: answer.wrong,
                problem: answer.problem,
                version: answer.version,
                conflict: answer.facility.filter(|_| answer.conflict).map(|theirs| Conflict { theirs }),
                nonce: nonce(),
            },
        )
    })
}

pub(super) async fn new(State(app): State<Arc<App>>, member: Member) -> Response {
    if let Some(no) = only_looks(&app, &member, Room::Facilities) {
        return no;
    }
    let (typed, wrong) = (Typed::default(), Wrong::new());
    let answer = Answer { facility: None, typed: &typed, wrong: &wrong, problem: None, version: "", conflict: false };
    form(&app, &member, StatusCode::OK, &answer)
}

pub(super) async fn open(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>) -> Response {
    if let Some(no) = only_looks(&app, &member, Room::Facilities) {
        return no;
    }
    let Some(f) = record(&app, &id) else { return not_found(&app, &member) };
    let (typed, wrong, version) = (Typed::new(edit::fields(&f)), Wrong::new(), version(&app, &f));
    let answer = Answer { facility: Some(&f), typed: &typed, wrong: &wrong, problem: None, version: &version, conflict: false };
    form(&app, &member, StatusCode::OK, &answer)
}

pub(super) async fn create(State(app): State<Arc<App>>, member: Member, body: Bytes) -> Response {
    let typed = typed(&body);
    let entry = entry_id(&app, &member, &typed);
    // Of the entry, so that a second press means the same facility.
    let digits = entry.0.simple().to_string();
    let Ok(id) = FacilityId::new(format!("f-{}", &digits[digits.len() - 10..])) else { return not_found(&app, &member) };
    write(&app, &member, None, id, &typed).await
}

pub(super) async fn save(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>, body: Bytes) -> Response {
    let Ok(id) = id.parse::<FacilityId>() else { return not_found(&app, &member) };
    let _turn = app.register_turn.lock().await;
    let Some(f) = record(&app, id.as_str()) else { return not_found(&app, &member) };
    write(&app, &member, Some(&f), id, &typed(&body)).await
}

async fn write(app: &Arc<App>, member: &Member, held: Option<&Facility>, id: FacilityId, typed: &Typed) -> Response {
    let entry = entry_id(app, member, typed);
    let saved = format!("{}?saved=1", path(&id, ""));
    // A second press: the record is no longer that of the form, because the first one changed it.
    if matches!(app.recorder.find(entry).await, Ok(Some(_))) {
        return see_other(&saved);
    }
    let current = held.map(|f| version(app, f)).unwrap_or_default();
    let seen = typed.one("version").unwrap_or_default().to_owned();
    let read = edit::read(typed, id, &app.city);
    let nothing = Wrong::new();
    let mut answer = Answer { facility: held, typed, wrong: &nothing, problem: None, version: &seen, conflict: false };
    let facility = match read {
        Ok(facility) => facility,
        Err(wrong) => {
            answer.wrong = &wrong;
            return form(app, member, StatusCode::UNPROCESSABLE_ENTITY, &answer);
        }
    };
    if held == Some(&facility) {
        return see_other(&saved);
    }
    if current != seen {
        answer.version = &current;
        answer.conflict = true;
        return form(app, member, StatusCode::CONFLICT, &answer);
    }
    match control(app, member, entry, Facts::FacilityRegistered(Box::new(facility)), None).await {
        Ok(_) => see_other(&saved),
        Err(error) => {
            let (status, why) = explained(&error);
            answer.problem = Some(&why);
            form(app, member, status, &answer)
        }
    }
}
