//! A report sent by a program with a facility's key: JSON in, a receipt or RFC 9457 problem details out.
//!
//! *Invariant:* the same id with the same content gives the same receipt; with other content 409 and nothing is stored.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imaboard_domain::{
    self as domain, Aspect, Cell, Channel, Entry, EntryId, FacilityId, Facts, Need, RawObservation, Realm, Refused, ServiceId,
    Value,
};
use imaboard_templates::report::form::{Finding, MOST_REMARK_CHARS, Problem, What};
use imaboard_templates::report::problem::message;
use imaboard_templates::words::JA;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json_, json};
use uuid::Uuid;

use super::{Speaker, findings, parse, personal, retry_after};
use crate::app::App;
use crate::recorder::{Intent, Refusal, ReportIntent, SubmitError};

/// A telephone's clock may be this far ahead without anybody having lied.
const CLOCK_AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// Nothing older is news: twice the longest rhythm a city is likely to set.
const OLDEST: SignedDuration = SignedDuration::from_hours(24 * 62);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    id: Uuid,
    sent_at: Option<Timestamp>,
    observed_at: Option<Timestamp>,
    #[serde(default)]
    observations: Vec<RawObservation>,
    remark: Option<String>,
    realm: Option<Realms>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Realms {
    Real,
    Exercise,
}

pub(super) async fn create(app: &App, speaker: &Speaker, body: &[u8]) -> Response {
    let sent: Sent = match serde_json::from_slice(body) {
        Ok(sent) => sent,
        // serde's message names the place and the expected member; it may repeat a word of the sender, to the sender.
        Err(error) => return problem(StatusCode::BAD_REQUEST, "malformed", &error.to_string(), vec![]),
    };
    let errors = errors_at_times(&sent, app.clock.now());
    let observations = parse(app, speaker, &sent.observations);
    let mut errors: Vec<Json_> = errors;
    if let Err(refused) = &observations {
        for (index, why) in refused {
            errors.push(refusal(app, speaker, *index, why, sent.observations.get(*index)));
        }
    }
    let remark = sent.remark.as_deref().map(|t| t.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|t| !t.is_empty());
    if let Some(text) = &remark {
        let chars = text.chars().count();
        let what =
            if chars > MOST_REMARK_CHARS { Some(What::RemarkTooLong(chars)) } else { personal(app, text).map(What::Personal) };
        errors.extend(what.map(|what| remark_error(&what)));
    }
    let (true, Ok(observations)) = (errors.is_empty(), observations) else {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "not accepted", JA.t("report.problem.title"), errors);
    };
    let intent = Intent::Report(ReportIntent {
        facility: Some(speaker.facility.clone()),
        observed_at: sent.observed_at,
        sent_at: sent.sent_at,
        observations,
        realm: sent.realm.map(|r| match r {
            Realms::Real => Realm::Real,
            Realms::Exercise => Realm::Exercise,
        }),
        ..ReportIntent::default()
    });
    match app.recorder.submit(speaker.submission(EntryId(sent.id), intent, remark)).await {
        Ok(receipt) => {
            let mut response = (StatusCode::CREATED, Json(ReceiptJson::of(&receipt.entry))).into_response();
            if let Ok(place) = HeaderValue::from_str(&speaker.receipt_path(receipt.entry.id)) {
                response.headers_mut().insert(header::LOCATION, place);
            }
            response
        }
        Err(error) => unsent(error),
    }
}

/// A key that speaks for nobody, said to a program.
pub(super) fn no_key() -> Response {
    problem(StatusCode::NOT_FOUND, "no such key", JA.t("report.gone.title"), vec![])
}

/// The receipt as JSON: the same bytes whenever the same report is sent.
#[derive(Serialize)]
struct ReceiptJson<'a> {
    seq: u64,
    id: EntryId,
    recorded_at: Timestamp,
    channel: Channel,
    #[serde(flatten)]
    report: Option<Reported<'a>>,
}

/// What of a receipt only reports have.
#[derive(Serialize)]
struct Reported<'a> {
    facility: &'a FacilityId,
    observed_at: Timestamp,
    exercise: bool,
    observations: Vec<Observed<'a>>,
    /// `pending` until the city has looked at it.
    remark: Option<&'static str>,
}

/// One observation as the board took it, with what belongs to its kind.
#[derive(Serialize)]
struct Observed<'a> {
    aspect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a ServiceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cell: Option<&'a Cell>,
    value: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hours: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<&'a [Need]>,
}

impl<'a> ReceiptJson<'a> {
    fn of(entry: &'a Entry) -> Self {
        let report = match &entry.facts {
            Facts::Report(report) => Some(Reported {
                facility: &report.facility,
                observed_at: report.observed_at,
                exercise: report.exercise,
                observations: report.observations.iter().map(Observed::of).collect(),
                remark: report.remark.as_ref().map(|_| "pending"),
            }),
            _ => None,
        };
        Self { seq: entry.seq, id: entry.id, recorded_at: entry.recorded_at, channel: entry.channel, report }
    }
}

impl<'a> Observed<'a> {
    fn of(observed: &'a domain::Observed) -> Self {
        let value = &observed.value;
        let (service, cell) = match &observed.aspect {
            Aspect::Vacancy { service, cell } => (Some(service), Some(cell)),
            _ => (None, None),
        };
        Self {
            aspect: observed.aspect.word(),
            service,
            cell,
            value: value.word(),
            count: value.count(),
            total: if let Value::Vacancy { total, .. } = value { *total } else { None },
            hours: value.hours(),
            days: if let Value::Supplies { days, .. } = value { *days } else { None },
            date: if let Value::Operation { reopens, .. } = value { *reopens } else { None },
            needs: if let Value::Needs(list) = value { Some(list) } else { None },
        }
    }
}

fn errors_at_times(sent: &Sent, now: Timestamp) -> Vec<Json_> {
    let mut errors = Vec::new();
    let mut refuse = |field: &str, at: Timestamp| {
        let words = Problem { field: String::new(), what: What::Refused(Refused::BadDate { date: at.to_string() }) };
        errors.push(json!({ "index": null, "field": field, "problem": "bad_date", "message": said(&words) }));
    };
    if let Some(at) = sent.sent_at
        && at.duration_since(now).abs() > OLDEST
    {
        refuse("sent_at", at);
    }
    if let Some(at) = sent.observed_at {
        // Against the sender's own clock, where it is known.
        let base = sent.sent_at.unwrap_or(now);
        let ahead = if sent.sent_at.is_some() { SignedDuration::from_mins(2) } else { CLOCK_AHEAD };
        if at.duration_since(base) > ahead || base.duration_since(at) > OLDEST {
            refuse("observed_at", at);
        }
    }
    errors
}

fn said(problem: &Problem) -> String {
    let (title, more) = message(&JA, problem, None);
    format!("{title}。{more}")
}

fn refusal(app: &App, speaker: &Speaker, index: usize, why: &Refused, raw: Option<&RawObservation>) -> Json_ {
    let field = match why {
        Refused::UnknownAspect { .. } => "aspect",
        Refused::UnknownService { .. } => "service",
        Refused::UnknownCell { .. } => "cell",
        Refused::BadDate { .. } if raw.is_some_and(|r| r.aspect == "vacancy") => "cell",
        Refused::BadDate { .. } => "date",
        Refused::UnknownValue { .. } => "value",
        Refused::MoreThanTotal { .. } | Refused::Contradiction { .. } => "count",
        Refused::OutOfRange { field, .. } => field,
    };
    let place = raw.map_or_else(String::new, |r| {
        format!("v.{}.{}", r.service.as_deref().unwrap_or_default(), r.cell.as_deref().unwrap_or_default())
    });
    let place = if field == "date" { String::new() } else { place };
    let words = Problem { field: place, what: What::Refused(why.clone()) };
    let (title, more) = app.board.read(|board| message(&JA, &words, board.find_facility(&speaker.facility)));
    let mut error = serde_json::to_value(why).unwrap_or_default();
    error["index"] = json!(index);
    // The limit of a number stands under its own name; `field` is where it went wrong.
    error["field"] = json!(field);
    error["message"] = json!(format!("{title}。{more}"));
    error
}

fn remark_error(what: &What) -> Json_ {
    let words = Problem { field: "remark".to_owned(), what: what.clone() };
    let (problem, places) = match what {
        What::Personal(found) => ("personal_data", found.iter().map(place_of).collect()),
        _ => ("too_long", Vec::new()),
    };
    json!({ "index": null, "field": "remark", "problem": problem, "message": said(&words), "findings": places })
}

fn place_of(finding: &Finding) -> Json_ {
    json!({ "start": finding.start, "end": finding.end, "why": finding.why, "suggestion": finding.suggestion })
}

fn unsent(error: SubmitError) -> Response {
    let one = |field: &str, kind: &str, message: String| {
        vec![json!({ "index": null, "field": field, "problem": kind, "message": message })]
    };
    let words = |key: &str| JA.t(&format!("report.{key}")).to_owned();
    let refused = |errors| problem(StatusCode::UNPROCESSABLE_ENTITY, "not accepted", JA.t("report.problem.title"), errors);
    match error {
        SubmitError::Busy { retry_after_s } => {
            let detail = JA.fill("report.problem.busy_more", &[("seconds", &retry_after_s.to_string())]);
            let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "busy", &detail, vec![]);
            retry_after(&mut response, retry_after_s);
            response
        }
        SubmitError::NotStored(_) => {
            let mut response =
                problem(StatusCode::SERVICE_UNAVAILABLE, "not stored", JA.t("report.problem.not_stored_more"), vec![]);
            retry_after(&mut response, 60);
            response
        }
        SubmitError::Conflict => problem(StatusCode::CONFLICT, "conflict", JA.t("report.problem.conflict"), vec![]),
        SubmitError::Refused(refusal) => match refusal {
            Refusal::Empty => refused(one("observations", "empty", words("problem.nothing_chosen"))),
            Refusal::NothingToConfirm => refused(one("observations", "nothing_to_confirm", words("problem.nothing_same"))),
            Refusal::AskRealm => refused(one("realm", "exercise_or_real", words("exercise.which"))),
            Refusal::Guarded(inspection) => refused(vec![remark_error(&What::Personal(findings(inspection.findings)))]),
            Refusal::TooLong { most } => refused(vec![remark_error(&What::RemarkTooLong(most))]),
            Refusal::NoFacility => no_key(),
            Refusal::Missing(_) | Refusal::Already(_) => {
                problem(StatusCode::CONFLICT, "conflict", JA.t("report.problem.conflict"), vec![])
            }
        },
    }
}

/// RFC 9457 problem details; `errors` says what is wrong where.
pub(super) fn problem(status: StatusCode, title: &str, detail: &str, errors: Vec<Json_>) -> Response {
    let mut body = json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    if !errors.is_empty() {
        body["errors"] = json!(errors);
    }
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}
