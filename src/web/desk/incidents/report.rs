//! The report of an incident: as a page, which is also its print, and as a table for spreadsheets.
//!
//! *Invariant:* both say 訓練 of an exercise and the moment they were made, in every row of the table.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, Response as HttpResponse, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imaboard_display::chart::{self, ChartWords};
use imaboard_domain::{Incident, Moment, RollCallId, city_time};
use imaboard_templates::desk::Frame;
use imaboard_templates::desk::incidents::report::{self, Part};
use imaboard_templates::words::JA;
use jiff::Timestamp;
use maud::{Markup, PreEscaped};

use super::super::Member;
use super::{about, asked, find, nothing, page_number, realm_word};
use crate::app::App;
use crate::intake::register::cells::quote;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(incident) = find(&app, &id) else { return nothing(&app, &member) };
    let typed = asked(query.as_deref());
    let part = Part {
        call: typed.one("call").and_then(|call| RollCallId::new(call).ok()),
        answered: typed.one("list") == Some("answered"),
        all: typed.one("all").is_some(),
        page: page_number(&typed),
    };
    about(&app, &member, StatusCode::OK, &incident.id, |frame, incident| {
        let curve = report::chosen(frame, incident, &part).map(|call| {
            let now = frame.moment.roll_call_now(call);
            let until_min = report::lasted_min(&now, frame.now());
            let answers_s: Vec<i64> = now.answered_at.iter().map(|at| at.duration_since(call.opened_at).as_secs()).collect();
            [(chart::WIDE, 8), (chart::NARROW, 4)].map(|(size, most)| drawn(frame, now.asked, &answers_s, until_min, most, size))
        });
        report::page(frame, incident, &part, curve.as_ref().map(|[wide, narrow]| [wide, narrow]))
    })
}

fn drawn(frame: &Frame<'_>, asked: u32, answers_s: &[i64], until_min: i64, most: i64, size: chart::Size) -> Markup {
    let marks: Vec<(i64, String)> =
        report::marks(until_min, most).into_iter().map(|m| (m, report::minute_words(frame, m))).collect();
    let words = ChartWords {
        title: JA.t("desk.incidents.report.curve"),
        description: JA.t("desk.incidents.report.curve_desc"),
        others: "",
    };
    let of = chart::Response { answers_s, asked, until_s: until_min.saturating_mul(60), marks: &marks };
    PreEscaped(chart::response(of, words, size))
}

/// The columns, in order.
const COLUMNS: [&str; 15] = [
    "as_of",
    "exercise",
    "incident_id",
    "incident",
    "call",
    "started",
    "ended",
    "facility_id",
    "facility",
    "district",
    "phone",
    "answered",
    "at",
    "minutes",
    "channel",
];

pub(super) async fn csv(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>) -> Response {
    let Some(incident) = find(&app, &id) else { return nothing(&app, &member) };
    let Ok(bytes) = app.look(|m| table(&m, &app, &incident)) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let kind = if incident.exercise { "-kunren" } else { "" };
    let mut response = HttpResponse::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    // An id is letters, digits and hyphens.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"imaboard-{}{kind}.csv\"", incident.id)) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// Every facility asked by every roll call of an incident. UTF-8 with BOM, because without it Excel shows Japanese as rubbish.
fn table(moment: &Moment<'_>, app: &App, incident: &Incident) -> Result<Vec<u8>, csv::Error> {
    let word = |key: &str| JA.t(&format!("desk.incidents.csv.{key}")).to_owned();
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(b"\xEF\xBB\xBF".to_vec());
    out.write_record(COLUMNS.map(word))?;
    let incident = moment.board.incidents().get(&incident.id).unwrap_or(incident);
    let realm = JA.t(realm_word(incident.realm()));
    for call in moment.roll_calls_of(incident) {
        for (held, answer) in moment.answers_to(call) {
            let f = &held.facility;
            let row = [
                clock(moment.now),
                realm.to_owned(),
                incident.id.to_string(),
                incident.name.clone(),
                call.id.to_string(),
                clock(call.opened_at),
                call.closed_at.map(clock).unwrap_or_default(),
                f.id.to_string(),
                f.name.clone(),
                app.city.district(&f.district).to_owned(),
                f.phone.clone(),
                word(if answer.is_some() { "yes" } else { "no" }),
                answer.map(|a| clock(a.at)).unwrap_or_default(),
                answer.map(|a| report::minutes(a.at.duration_since(call.opened_at)).to_string()).unwrap_or_default(),
                answer.map(|a| JA.t(&format!("channel.{}", a.channel)).to_owned()).unwrap_or_default(),
            ];
            out.write_record(row.map(|cell| quote(&cell)))?;
        }
    }
    out.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// City time to the second, as spreadsheets read it.
fn clock(at: Timestamp) -> String {
    city_time(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
