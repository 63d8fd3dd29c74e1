//! 「来て 教えてほしい」: a facility asks for a support visit.
//!
//! *Invariant:* a press is asking once: while a wish is open the page says so and takes no second one.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use imaboard_domain::Facts;
use imaboard_templates::report::form::{Problem, Typed, What};
use imaboard_templates::report::page::Unstored;
use imaboard_templates::report::support::{MOST_NOTE_CHARS, page};
use uuid::Uuid;

use super::{Speaker, entry_id, findings, from_another_site, gone, personal, render, retry_after, sentence, typed};
use crate::app::App;
use crate::recorder::{Intent, Refusal, SubmitError};

pub(super) async fn new(State(app): State<Arc<App>>, Path(key): Path<String>) -> Response {
    match Speaker::find(&app, &key) {
        Some(speaker) => show(&app, &speaker, StatusCode::OK, None, None, None),
        None => gone(&app),
    }
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(speaker) = Speaker::find(&app, &key) else { return gone(&app) };
    if from_another_site(&headers) {
        return sentence(&app, &speaker, StatusCode::FORBIDDEN, "cross_site");
    }
    let Ok(body) = body else { return sentence(&app, &speaker, StatusCode::PAYLOAD_TOO_LARGE, "malformed") };
    let typed = typed(&body);
    let refused = |what| {
        let problem = Problem { field: "note".to_owned(), what };
        show(&app, &speaker, StatusCode::UNPROCESSABLE_ENTITY, Some(&typed), Some(&problem), None)
    };
    let note =
        typed.one("note").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty());
    if let Some(text) = &note {
        let chars = text.chars().count();
        if chars > MOST_NOTE_CHARS {
            return refused(What::RemarkTooLong(chars));
        }
        if let Some(found) = personal(&app, text) {
            return refused(What::Personal(found));
        }
    }
    let facts = Facts::SupportAsked { facility: speaker.facility.clone() };
    let submission = speaker.submission(entry_id(&app, &speaker, &typed), Intent::Control(Box::new(facts)), note);
    match app.recorder.submit(submission).await {
        // Asked a moment ago from another telephone: the page says so.
        Ok(_) | Err(SubmitError::Refused(Refusal::Already(_))) => {
            Redirect::to(&format!("/r/{}/support", speaker.url_key)).into_response()
        }
        Err(SubmitError::Busy { retry_after_s }) => {
            let why = Some(Unstored::Busy(retry_after_s));
            let mut response = show(&app, &speaker, StatusCode::SERVICE_UNAVAILABLE, Some(&typed), None, why);
            retry_after(&mut response, retry_after_s);
            response
        }
        Err(SubmitError::NotStored(_)) => {
            show(&app, &speaker, StatusCode::SERVICE_UNAVAILABLE, Some(&typed), None, Some(Unstored::NotStored))
        }
        Err(SubmitError::Refused(Refusal::Guarded(inspection))) => refused(What::Personal(findings(inspection.findings))),
        Err(SubmitError::Refused(Refusal::NoFacility)) => gone(&app),
        Err(SubmitError::Conflict | SubmitError::Refused(_)) => sentence(&app, &speaker, StatusCode::CONFLICT, "conflict"),
    }
}

fn show(
    app: &App,
    speaker: &Speaker,
    status: StatusCode,
    typed: Option<&Typed>,
    wrong: Option<&Problem>,
    unstored: Option<Unstored>,
) -> Response {
    let nonce = typed.and_then(|t| t.one("nonce")).and_then(|n| Uuid::parse_str(n).ok()).unwrap_or_else(Uuid::now_v7);
    render(app, speaker, status, |frame, m, facility| page(frame, m, facility, nonce, typed, wrong, unstored))
}
