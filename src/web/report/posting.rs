//! A notice or a job from a facility: it becomes a draft, and the city releases it.
//!
//! *Invariant:* nothing sent here is public before a release, and the guard reads it before the log does.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use imaboard_domain::{Facts, Job, PostingId, PostingKind};
use imaboard_templates::report::form::{Problem, Typed, What, number};
use imaboard_templates::report::page::Unstored;
use imaboard_templates::report::postings::{MOST_BODY_CHARS, MOST_TITLE_CHARS, full, page};
use uuid::Uuid;

use super::{Speaker, entry_id, findings, from_another_site, gone, personal, render, retry_after, see_receipt, sentence, typed};
use crate::app::App;
use crate::recorder::{Intent, Refusal, SubmitError};

pub(super) async fn new(State(app): State<Arc<App>>, Path(key): Path<String>) -> Response {
    match Speaker::find(&app, &key) {
        Some(speaker) => {
            render(&app, &speaker, StatusCode::OK, |frame, m, facility| page(frame, m, facility, Uuid::now_v7(), None, &[], None))
        }
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
    let id = entry_id(&app, &speaker, &typed);
    let draft = match draft(&app, &speaker, &typed, &format!("p-{id}")) {
        Ok(draft) => draft,
        Err(problems) => return again(&app, &speaker, &typed, StatusCode::UNPROCESSABLE_ENTITY, &problems, None),
    };
    let submission = speaker.submission(id, Intent::Control(Box::new(draft)), Some(full(Some(&typed))));
    match app.recorder.submit(submission).await {
        Ok(receipt) => see_receipt(&speaker, &receipt),
        Err(SubmitError::Busy { retry_after_s }) => {
            let why = Some(Unstored::Busy(retry_after_s));
            let mut response = again(&app, &speaker, &typed, StatusCode::SERVICE_UNAVAILABLE, &[], why);
            retry_after(&mut response, retry_after_s);
            response
        }
        Err(SubmitError::NotStored(_)) => {
            again(&app, &speaker, &typed, StatusCode::SERVICE_UNAVAILABLE, &[], Some(Unstored::NotStored))
        }
        Err(SubmitError::Refused(Refusal::Guarded(inspection))) => {
            let problems = [Problem { field: "body".to_owned(), what: What::Personal(findings(inspection.findings)) }];
            again(&app, &speaker, &typed, StatusCode::UNPROCESSABLE_ENTITY, &problems, None)
        }
        Err(SubmitError::Refused(Refusal::NoFacility)) => gone(&app),
        Err(SubmitError::Conflict | SubmitError::Refused(_)) => sentence(&app, &speaker, StatusCode::CONFLICT, "conflict"),
    }
}

fn again(
    app: &App,
    speaker: &Speaker,
    typed: &Typed,
    status: StatusCode,
    problems: &[Problem],
    unstored: Option<Unstored>,
) -> Response {
    let nonce = typed.one("nonce").and_then(|n| Uuid::parse_str(n).ok()).unwrap_or_else(Uuid::now_v7);
    render(app, speaker, status, |frame, m, facility| page(frame, m, facility, nonce, Some(typed), problems, unstored))
}

/// The draft as it will stand on the log, without its words.
fn draft(app: &App, speaker: &Speaker, typed: &Typed, id: &str) -> Result<Facts, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut refuse = |field: &str, what| problems.push(Problem { field: field.to_owned(), what });
    let what =
        typed.one("kind").and_then(|k| k.parse().ok()).filter(|k| *k != PostingKind::Remark).unwrap_or(PostingKind::Notice);
    let text = full(Some(typed));
    let (title, body) = text.split_once('\n').unwrap_or((&text, ""));
    match (title.chars().count(), body.chars().count()) {
        (0, _) => refuse("title", What::TitleMissing),
        (n, _) if n > MOST_TITLE_CHARS => refuse("title", What::TitleTooLong(n)),
        (_, n) if n > MOST_BODY_CHARS => refuse("body", What::BodyTooLong(n)),
        _ => {
            if let Some(found) = personal(app, &text) {
                refuse("body", What::Personal(found));
            }
        }
    }
    let job = if what == PostingKind::Job { wage(typed).map_err(|what| refuse("wage", what)).ok() } else { None };
    let Ok(posting) = PostingId::new(id) else { return Err(problems) };
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Facts::PostingDrafted {
        posting,
        what,
        facility: Some(speaker.facility.clone()),
        category: (what == PostingKind::Notice).then(|| typed.one("category").and_then(|c| c.parse().ok())).flatten(),
        job,
        expires_at: None,
    })
}

/// The least a job must say in numbers.
fn wage(typed: &Typed) -> Result<Job, What> {
    let yen = |name: &str| typed.one(name).map(number).transpose().map_err(|_| What::WageMissing);
    let from = yen("wage_from")?.filter(|n| *n > 0).ok_or(What::WageMissing)?;
    let to = yen("wage_to")?;
    if to.is_some_and(|to| to < from) {
        return Err(What::WageMissing);
    }
    let employment = typed.one("employment").and_then(|e| e.parse().ok()).unwrap_or(imaboard_domain::Employment::PartTime);
    let wage_per = typed.one("wage_per").and_then(|w| w.parse().ok()).unwrap_or(imaboard_domain::WagePer::Hour);
    Ok(Job { employment, wage_per, wage_from_yen: from, wage_to_yen: to })
}
