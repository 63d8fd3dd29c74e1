//! A notice or a job from a facility: it becomes a draft, and the city releases it, or returns it to be put right.
//!
//! *Invariant:* nothing sent here is public before a release, and the guard reads it before the log does.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use imaboard_domain::{Facts, Hours, Job, Plan, Posting, PostingId, PostingKind, PostingState, Refused, Shift, city_date};
use imaboard_templates::report::form::{Problem, Typed, What, number};
use imaboard_templates::report::page::Unstored;
use imaboard_templates::report::postings::{Filled, MOST_BODY_CHARS, MOST_TITLE_CHARS, full, page, typed_of};
use imaboard_templates::words::JA;
use jiff::Timestamp;
use jiff::civil::Time;
use serde::Deserialize;
use uuid::Uuid;

use super::{Speaker, entry_id, findings, from_another_site, gone, personal, render, retry_after, see_receipt, sentence, typed};
use crate::app::App;
use crate::core::{parse_time, posting_id};
use crate::recorder::{Intent, Refusal, SubmitError};

/// What the page is opened for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// A posting that came back.
    fix: String,
    /// Which form is open.
    kind: String,
}

pub(super) async fn new(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let Some(speaker) = Speaker::find(&app, &key) else { return gone(&app) };
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    if !asked.fix.is_empty() {
        return match returned(&app, &speaker, &asked.fix) {
            Some(posting) => {
                let typed = typed_of(&posting);
                show(&app, &speaker, StatusCode::OK, Filled { typed: Some(&typed), fixes: Some(&posting), ..Filled::default() })
            }
            // Put right already, or settled by telephone.
            None => Redirect::to(&format!("/r/{}", speaker.url_key)).into_response(),
        };
    }
    let job = Typed::new(vec![
        ("kind".to_owned(), PostingKind::Job.word().to_owned()),
        ("title".to_owned(), JA.t("report.posting.staff_title").to_owned()),
    ]);
    let typed = (asked.kind == PostingKind::Job.word()).then_some(&job);
    show(&app, &speaker, StatusCode::OK, Filled { typed, ..Filled::default() })
}

/// A posting of the speaker's facility that came back and has words.
fn returned(app: &App, speaker: &Speaker, id: &str) -> Option<Arc<Posting>> {
    let id = PostingId::new(id).ok()?;
    app.board
        .read(|b| b.postings().get(&id).cloned())
        .filter(|p| p.state == PostingState::Returned && p.facility.as_ref() == Some(&speaker.facility) && p.text.is_some())
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
    let fixes = typed.one("fixes").and_then(|id| returned(&app, &speaker, id));
    let fixes = fixes.as_deref();
    let again = |status, problems: &[Problem], unstored| {
        show(&app, &speaker, status, Filled { typed: Some(&typed), fixes, problems, unstored })
    };
    let id = entry_id(&app, &speaker, &typed);
    let facts = match read(&app, &typed).map(|said| said.facts(&speaker, &typed, id)) {
        Ok(Some(facts)) => facts,
        Ok(None) => return sentence(&app, &speaker, StatusCode::CONFLICT, "conflict"),
        Err(problems) => return again(StatusCode::UNPROCESSABLE_ENTITY, &problems, None),
    };
    // What another facility sent is nobody else's to change; the recorder knows whether it was put right already.
    let foreign = |posting: &PostingId| {
        app.board.read(|b| b.postings().get(posting).is_none_or(|p| p.facility.as_ref() != Some(&speaker.facility)))
    };
    if matches!(&facts, Facts::PostingRevised { posting, .. } if foreign(posting)) {
        return sentence(&app, &speaker, StatusCode::CONFLICT, "conflict");
    }
    let submission = speaker.submission(id, Intent::Control(Box::new(facts)), Some(full(Some(&typed))));
    match app.recorder.submit(submission).await {
        Ok(receipt) => see_receipt(&speaker, &receipt),
        Err(SubmitError::Busy { retry_after_s }) => {
            let mut response = again(StatusCode::SERVICE_UNAVAILABLE, &[], Some(Unstored::Busy(retry_after_s)));
            retry_after(&mut response, retry_after_s);
            response
        }
        Err(SubmitError::NotStored(_)) => again(StatusCode::SERVICE_UNAVAILABLE, &[], Some(Unstored::NotStored)),
        Err(SubmitError::Refused(Refusal::Guarded(inspection))) => {
            let problems = [Problem { field: "body".to_owned(), what: What::Personal(findings(inspection.findings)) }];
            again(StatusCode::UNPROCESSABLE_ENTITY, &problems, None)
        }
        Err(SubmitError::Refused(Refusal::NoFacility)) => gone(&app),
        Err(SubmitError::Conflict | SubmitError::Refused(_)) => sentence(&app, &speaker, StatusCode::CONFLICT, "conflict"),
    }
}

fn show(app: &App, speaker: &Speaker, status: StatusCode, filled: Filled<'_>) -> Response {
    let nonce = filled.typed.and_then(|t| t.one("nonce")).and_then(|n| Uuid::parse_str(n).ok()).unwrap_or_else(Uuid::now_v7);
    render(app, speaker, status, |frame, m, facility| page(frame, m, facility, nonce, filled))
}

/// What a form says, without its words.
struct Said {
    kind: PostingKind,
    job: Option<Job>,
    expires_at: Option<Timestamp>,
}

impl Said {
    /// The entry it becomes: a new draft, or an old one put right.
    fn facts(self, speaker: &Speaker, typed: &Typed, entry: imaboard_domain::EntryId) -> Option<Facts> {
        let Said { kind, job, expires_at } = self;
        let category = (kind == PostingKind::Notice).then(|| typed.one("category").and_then(|c| c.parse().ok())).flatten();
        let plan = Plan::default();
        Some(match typed.one("fixes") {
            Some(posting) => Facts::PostingRevised {
                posting: PostingId::new(posting).ok()?,
                base: typed.one("base")?.parse().ok()?,
                announced: false,
                category,
                job,
                expires_at,
                plan,
            },
            None => Facts::PostingDrafted {
                posting: posting_id(entry)?,
                what: kind,
                facility: Some(speaker.facility.clone()),
                category,
                job,
                expires_at,
                plan,
            },
        })
    }
}

/// Reads the form; every problem of it at once.
fn read(app: &App, typed: &Typed) -> Result<Said, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut refuse = |field: &str, what| problems.push(Problem { field: field.to_owned(), what });
    let kind =
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
    let job = if kind == PostingKind::Job { job(typed, &mut refuse) } else { None };
    let expires_at = match typed.one("until").map(|text| (text, last_day(text, app.clock.now()))) {
        None => None,
        Some((_, Some(at))) => Some(at),
        Some((text, None)) => {
            refuse("until", What::Refused(Refused::BadDate { date: text.to_owned() }));
            None
        }
    };
    if problems.is_empty() { Ok(Said { kind, job, expires_at }) } else { Err(problems) }
}

/// The end of the last day on which a posting is public; `None` for what is no day, or is over.
fn last_day(text: &str, now: Timestamp) -> Option<Timestamp> {
    let day: jiff::civil::Date = text.parse().ok()?;
    if day < city_date(now) {
        return None;
    }
    parse_time(&day.tomorrow().ok()?.to_string()).ok()
}

/// The least a job must say in numbers, and when one works if that is said.
fn job(typed: &Typed, refuse: &mut impl FnMut(&str, What)) -> Option<Job> {
    let job = wage(typed).map_err(|what| refuse("wage", what)).ok();
    let hours = hours(typed).map_err(|what| refuse("hours", what)).ok();
    let (job, hours) = (job?, hours?);
    let word = |name| typed.one(name);
    Some(Job {
        hours,
        work: word("work").and_then(|w| w.parse().ok()),
        contact: word("contact").and_then(|w| w.parse().ok()),
        ..job
    })
}

fn wage(typed: &Typed) -> Result<Job, What> {
    let yen = |name: &str| typed.one(name).map(number).transpose().map_err(|_| What::WageMissing);
    let from = yen("wage_from")?.filter(|n| *n > 0).ok_or(What::WageMissing)?;
    let to = yen("wage_to")?;
    if to.is_some_and(|to| to < from) {
        return Err(What::WageMissing);
    }
    let employment = typed.one("employment").and_then(|e| e.parse().ok()).unwrap_or(imaboard_domain::Employment::PartTime);
    let wage_per = typed.one("wage_per").and_then(|w| w.parse().ok()).unwrap_or(imaboard_domain::WagePer::Hour);
    Ok(Job { wage_to_yen: to, ..Job::new(employment, wage_per, from) })
}

/// `None` where nothing was said of them: forms of before knew no hours.
fn hours(typed: &Typed) -> Result<Option<Hours>, What> {
    let time = |name: &str| typed.one(name).map(|text| clock(text).ok_or(What::HoursWrong)).transpose();
    let (from, until) = (time("hours_from")?, time("hours_until")?);
    let shift: Option<Shift> = typed.one("shift").and_then(|s| s.parse().ok());
    Ok(match (shift, from, until) {
        (None, None, None) => None,
        (shift, from, until) => Some(Hours { shift: shift.unwrap_or(Shift::Day), from, until }),
    })
}

/// A time of day as browsers send it (`09:00`) and as people type it (`9:00`, also in full width).
pub(in crate::web) fn clock(text: &str) -> Option<Time> {
    let plain: String = text
        .trim()
        .chars()
        .map(|c| match c {
            '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c),
            '：' => ':',
            other => other,
        })
        .collect();
    let (hour, minute) = plain.split_once(':')?;
    // Seconds, should a browser send them, are none of a posting's business.
    let minute = minute.split(':').next().unwrap_or_default();
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}
