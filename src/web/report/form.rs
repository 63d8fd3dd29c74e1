//! A report sent by the page's form: what was typed becomes one submission, or the page again with everything still in it.
//!
//! *Invariant:* every way out of here but the receipt says まだ, and loses nothing.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use imaboard_domain::{Aspect, Effort, EntryId, Moment, Observation, Realm, Value};
use imaboard_templates::report::Face;
use imaboard_templates::report::form::{EFFORT_SECONDS, EFFORT_TAPS, MOST_REMARK_CHARS, Problem, Typed, What, read};
use imaboard_templates::report::page::{self, Unstored};
use imaboard_templates::report::receipt;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Speaker, entry_id, findings, gone, parse, personal, render, retry_after, see_receipt, sentence};
use crate::app::App;
use crate::recorder::{Intent, Refusal, ReportIntent, SubmitError, confirmable};

/// What the form says, resolved as far as it can be without the board's newest state.
struct Meant {
    observations: Vec<Observation>,
    confirm: Option<Timestamp>,
    remark: Option<String>,
}

pub(super) async fn create(app: &App, speaker: &Speaker, typed: &Typed) -> Response {
    let meant = match meant(app, speaker, typed) {
        Ok(meant) => meant,
        Err(problems) => return refused(app, speaker, typed, &problems),
    };
    let says_how_it_is = meant.confirm.is_some() || meant.observations.iter().any(|o| !o.aspect.is_vacancy());
    let realm = match app.look(|m| realm(m, typed, says_how_it_is)) {
        Realms::Means(realm) => realm,
        Realms::Ask => return ask(app, speaker, typed),
    };
    let intent = Intent::Report(ReportIntent {
        facility: Some(speaker.facility.clone()),
        observations: meant.observations,
        confirm: meant.confirm,
        realm,
        effort: effort(typed),
        ..ReportIntent::default()
    });
    let id: EntryId = entry_id(app, speaker, typed);
    match app.recorder.submit(speaker.submission(id, intent, meant.remark)).await {
        Ok(receipt) => see_receipt(speaker, &receipt),
        Err(error) => unsent(app, speaker, typed, error),
    }
}

/// The same without recording anything: what would have been stored is shown and forgotten.
pub(super) fn practise(app: &App, speaker: &Speaker, typed: &Typed) -> Response {
    let meant = match meant(app, speaker, typed) {
        Ok(meant) => meant,
        Err(problems) => return refused(app, speaker, typed, &problems),
    };
    let mut said: Vec<(Aspect, Value, bool)> = meant.observations.into_iter().map(|o| (o.aspect, o.value, false)).collect();
    if meant.confirm.is_some() {
        let stands = app.look(|m| {
            let stands = confirmable(&m, &speaker.facility, Realm::Real);
            stands.into_iter().map(|(aspect, standing)| (aspect, standing.value.clone())).collect::<Vec<_>>()
        });
        for (aspect, value) in stands {
            if said.iter().all(|(told, ..)| *told != aspect) {
                said.push((aspect, value, true));
            }
        }
    }
    render(app, speaker, StatusCode::OK, |frame, m, facility| {
        receipt::practice(frame, m, facility, &said, meant.remark.as_deref())
    })
}

/// Reads the form by the rules of the moment; every problem of it at once.
fn meant(app: &App, speaker: &Speaker, typed: &Typed) -> Result<Meant, Vec<Problem>> {
    let seen = typed
        .one("seen")
        .and_then(|s| s.parse().ok())
        .and_then(|us| Timestamp::from_microsecond(us).ok())
        .unwrap_or_else(|| app.clock.now());
    if typed.one("confirm").is_some() {
        return Ok(Meant { observations: Vec::new(), confirm: Some(seen), remark: None });
    }
    let Some(reading) = app.board.read(|board| board.find_facility(&speaker.facility).map(|held| read(typed, &held.facility)))
    else {
        return Err(Vec::new());
    };
    let mut problems = reading.problems.clone();
    let observations = match parse(app, speaker, &reading.raws) {
        Ok(observations) => observations,
        Err(refused) => {
            problems.extend(refused.into_iter().map(|(i, why)| reading.problem(i, why)));
            Vec::new()
        }
    };
    let remark = typed.remark();
    if let Some(text) = &remark {
        let chars = text.chars().count();
        let what =
            if chars > MOST_REMARK_CHARS { Some(What::RemarkTooLong(chars)) } else { personal(app, text).map(What::Personal) };
        problems.extend(what.map(|what| Problem { field: "remark".to_owned(), what }));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    // The big button under the whole form of peace says of the rest: still so. Enter and the damage page never do.
    let whole = typed.one("send") == Some("form") && typed.one("face") == Some(Face::Peace.word()) && reading.kept;
    if observations.is_empty() && remark.is_none() && !whole {
        return Err(vec![Problem { field: String::new(), what: What::NothingChosen }]);
    }
    Ok(Meant { observations, confirm: whole.then_some(seen), remark })
}

/// What an exercise makes of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Realms {
    /// It is meant so; `None` leaves it to the recorder.
    Means(Option<Realm>),
    /// Only the sender knows.
    Ask,
}

/// What the sender meant is what the page showed; where that is not enough, it asks.
pub(in crate::web) fn realm(moment: Moment<'_>, typed: &Typed, says_how_it_is: bool) -> Realms {
    let first = typed.one("first_report").unwrap_or_default();
    let help = first.starts_with("needs_help");
    let sure = typed.one("realm.sure").or_else(|| first.split_once(':').map(|(_, realm)| realm)).and_then(word);
    let running = moment.exercise().is_some();
    let page = typed.one("face").and_then(|f| f.parse().ok()).unwrap_or_else(|| Face::of(moment));
    let chosen = match (sure, page) {
        (Some(realm), _) => Some(realm),
        (None, Face::Exercise) => Some(typed.one("realm").and_then(word).unwrap_or(Realm::Exercise)),
        (None, Face::Peace | Face::Damage) => Some(Realm::Real),
    };
    match chosen {
        // The exercise it was meant for is over; only somebody who knows can say what it means now.
        Some(Realm::Exercise) if !running && says_how_it_is => Realms::Ask,
        _ if running && help && sure.is_none() => Realms::Ask,
        _ if !running => Realms::Means(None),
        chosen => Realms::Means(chosen),
    }
}

/// What the page measured; nothing where a script did not run or was lied to.
fn effort(typed: &Typed) -> Option<Effort> {
    let number = |name| typed.one(name).and_then(|n| n.parse::<u64>().ok());
    Some(Effort::clamped(number(EFFORT_SECONDS)?, number(EFFORT_TAPS)?))
}

fn word(text: &str) -> Option<Realm> {
    match text {
        "exercise" => Some(Realm::Exercise),
        "real" => Some(Realm::Real),
        _ => None,
    }
}

fn refused(app: &App, speaker: &Speaker, typed: &Typed, problems: &[Problem]) -> Response {
    render(app, speaker, StatusCode::UNPROCESSABLE_ENTITY, |frame, m, facility| {
        page::refused(frame, m, facility, nonce(typed), typed, problems)
    })
}

fn ask(app: &App, speaker: &Speaker, typed: &Typed) -> Response {
    render(app, speaker, StatusCode::OK, |frame, m, facility| page::which(frame, m, facility, typed))
}

/// The page keeps its number: sent again after a failure it is still the same report.
fn nonce(typed: &Typed) -> Uuid {
    typed.one("nonce").and_then(|n| Uuid::parse_str(n).ok()).unwrap_or_else(Uuid::now_v7)
}

fn unsent(app: &App, speaker: &Speaker, typed: &Typed, error: SubmitError) -> Response {
    let one = |field: &str, what| refused(app, speaker, typed, &[Problem { field: field.to_owned(), what }]);
    let unstored = |why| {
        render(app, speaker, StatusCode::SERVICE_UNAVAILABLE, |frame, m, facility| {
            page::unstored(frame, m, facility, nonce(typed), typed, why)
        })
    };
    match error {
        SubmitError::Busy { retry_after_s } => {
            let mut response = unstored(Unstored::Busy(retry_after_s));
            retry_after(&mut response, retry_after_s);
            response
        }
        SubmitError::NotStored(_) => {
            let mut response = unstored(Unstored::NotStored);
            retry_after(&mut response, 60);
            response
        }
        SubmitError::Conflict => sentence(app, speaker, StatusCode::CONFLICT, "conflict"),
        SubmitError::Refused(refusal) => match refusal {
            Refusal::Empty => one("", What::NothingChosen),
            Refusal::NothingToConfirm => one("", What::NothingToConfirm),
            Refusal::AskRealm => ask(app, speaker, typed),
            Refusal::Guarded(inspection) => one("remark", What::Personal(findings(inspection.findings))),
            Refusal::TooLong { .. } => one("remark", What::RemarkTooLong(typed.remark().map_or(0, |text| text.chars().count()))),
            Refusal::NoFacility => gone(app),
            Refusal::Missing(_) | Refusal::Already(_) => sentence(app, speaker, StatusCode::CONFLICT, "conflict").into_response(),
        },
    }
}
