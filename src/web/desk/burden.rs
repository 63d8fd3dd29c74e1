//! The desk's room `burden` over HTTP: what reporting costs, and the sheet for the council.
//!
//! | address | does |
//! |---|---|
//! | `GET /desk/burden` | the figures of the last 90 days |
//! | `GET /desk/burden/facilities` | each facility's 90 days; `q`, `group`, `page` |
//! | `GET /desk/burden/questions` | the questions of the council |
//! | `GET /desk/burden/sheet?month=2026-11` | the A4 sheet of a month |
//! | `GET /desk/burden/NAME.csv` | the table of the same name, UTF-8 with a byte order mark |
//!
//! *Invariant:* nothing here changes anything, and no figure of a facility leaves the desk.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use imaboard_display::bars::{self, Bar, Column, Says, Tick};
use imaboard_display::chart::{NARROW, Size, WIDE};
use imaboard_domain::burden::{Answers, BAR_DAYS, DayState, FacilityRow, Figures, KEPT_DAYS, MINUTES_PER_CALL, Period, Week};
use imaboard_domain::{city_date, search_form};
use imaboard_templates::desk::Room;
use imaboard_templates::desk::burden::{self, Foot, PAGE_LEN, Picture, Pictures, Sheet, Strip, Table, Which, month_word};
use imaboard_templates::words::JA;
use jiff::Span;
use jiff::civil::Date;
use maud::PreEscaped;
use serde::Deserialize;

use super::{Member, nowhere, page, sentence};
use crate::app::App;
use crate::burden::{Counted, Known};
use crate::log::StoreError;

/// Months that can be printed: this one and the whole ones before it that are kept.
const MONTHS: i32 = 4;

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desk/burden", get(show))
        .route("/desk/burden/facilities", get(facilities))
        .route("/desk/burden/questions", get(questions))
        .route("/desk/burden/sheet", get(sheet))
        .route("/desk/burden/{file}", get(file))
}

fn bars_period(app: &App) -> Period {
    // Today and the 90 whole days before it: today counts for nobody yet.
    Period::last(BAR_DAYS + 1, city_date(app.clock.now()))
}

/// The figures, or the page that is shown instead.
async fn counted(app: &Arc<App>, member: &Member, period: Period) -> Result<Counted, Response> {
    match app.burden.figures(app, period).await {
        Ok(Known::Figures(counted)) => Ok(counted),
        Ok(Known::Counting(done, total)) => {
            Err(page(app, member, StatusCode::OK, &[], |frame| burden::counting(frame, done, total)))
        }
        Err(error) => Err(unreadable(app, member, &error)),
    }
}

fn unreadable(app: &App, member: &Member, error: &StoreError) -> Response {
    tracing::warn!(error = error as &dyn std::error::Error, "the burden could not be counted");
    sentence(app, member, Room::Burden, StatusCode::SERVICE_UNAVAILABLE, "desk.memory.unreadable")
}

async fn show(State(app): State<Arc<App>>, member: Member) -> Response {
    match counted(&app, &member, bars_period(&app)).await {
        Ok(Counted { figures, position }) => {
            let drawn = pictures(&figures);
            page(&app, &member, StatusCode::OK, &[], |frame| burden::figures(frame, &figures, position, &drawn))
        }
        Err(answer) => answer,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Question {
    q: String,
    group: String,
    page: String,
    month: String,
}

type Asking = Result<Query<Question>, axum::extract::rejection::QueryRejection>;

async fn facilities(State(app): State<Arc<App>>, member: Member, question: Asking) -> Response {
    let question = question.map(|Query(q)| q).unwrap_or_default();
    let figures = match counted(&app, &member, bars_period(&app)).await {
        Ok(counted) => counted.figures,
        Err(answer) => return answer,
    };
    let wanted = search_form(question.q.trim());
    let asked_group = question.group.as_str();
    // Letters in the middle of a name: every row is looked at, in memory, for somebody who typed them.
    let found: Vec<&FacilityRow> = app.look(|m| {
        let fits = |row: &&FacilityRow| {
            (asked_group.is_empty() || row.group.word() == asked_group)
                && (wanted.is_empty() || m.search_text(&row.facility).contains(&wanted))
        };
        figures.rows.iter().filter(fits).collect()
    });
    let pages = found.len().div_ceil(PAGE_LEN).max(1);
    let at = question.page.parse::<usize>().unwrap_or(1).clamp(1, pages);
    let strips: Vec<Strip<'_>> = found.iter().skip((at - 1) * PAGE_LEN).take(PAGE_LEN).map(|row| strip(row)).collect();
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("q", question.q.trim())
        .append_pair("group", asked_group)
        .finish();
    let path = format!("/desk/burden/facilities?{query}&");
    let which = Which { q: question.q.trim(), group: asked_group, path: &path, page: at, found: found.len() };
    page(&app, &member, StatusCode::OK, &[], |frame| burden::facilities(frame, figures.period, &strips, which))
}

fn strip(row: &FacilityRow) -> Strip<'_> {
    let tick = |state: &DayState| match state {
        DayState::Fresh => Tick::Full,
        DayState::Late => Tick::Low,
        DayState::Closed => Tick::Line,
        DayState::Unknown => Tick::Gap,
    };
    let days: Vec<Tick> = row.bar.iter().map(tick).collect();
    let said = burden::strip_words(&JA, row);
    Strip { row, drawn: PreEscaped(bars::strip(&days, Says { title: &row.name, description: &said })) }
}

async fn questions(State(app): State<Arc<App>>, member: Member) -> Response {
    match counted(&app, &member, bars_period(&app)).await {
        Ok(counted) => page(&app, &member, StatusCode::OK, &[], |frame| burden::questions(frame, &counted.figures)),
        Err(answer) => answer,
    }
}

/// The first days of the months that can be printed, the newest first.
fn months(today: Date) -> Vec<Date> {
    let first_kept = today.saturating_sub(Span::new().days(KEPT_DAYS - 1));
    let back = |n| today.first_of_month().saturating_sub(Span::new().months(n));
    (0..MONTHS).map(back).filter(|month| first_kept <= *month).collect()
}

async fn sheet(State(app): State<Arc<App>>, member: Member, question: Asking) -> Response {
    let asked = question.map(|Query(q)| q.month).unwrap_or_default();
    let today = city_date(app.clock.now());
    let months = months(today);
    let month = if asked.is_empty() { months.first() } else { months.iter().find(|m| month_word(**m) == asked) };
    let Some(period) = month.and_then(|m| Period::month(m.year(), m.month(), today)) else {
        return page(&app, &member, StatusCode::NOT_FOUND, &[], |frame| burden::no_month(frame, &months));
    };
    let Counted { figures, .. } = match counted(&app, &member, period).await {
        Ok(counted) => counted,
        Err(answer) => return answer,
    };
    let head = app.recorder.head().map(|(seq, hash)| (seq, data_encoding::HEXLOWER.encode(&hash)));
    let head = head.as_ref().map(|(seq, hash)| (*seq, hash.as_str()));
    let drawn = pictures(&figures);
    page(&app, &member, StatusCode::OK, &[], |frame| burden::sheet(frame, &figures, &drawn, Foot { head, months: &months }))
}

async fn file(State(app): State<Arc<App>>, member: Member, Path(file): Path<String>) -> Response {
    let Some(sheet) = file.strip_suffix(".csv").and_then(Sheet::find) else {
        return nowhere(State(app), member).await;
    };
    let figures = match counted(&app, &member, bars_period(&app)).await {
        Ok(counted) => counted.figures,
        Err(answer) => return answer,
    };
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}-{}.csv\"", sheet.word(), figures.period.until)),
    ];
    (headers, csv(&burden::table(&JA, &figures, sheet))).into_response()
}

/// A table as spreadsheets of city halls open it: UTF-8 with a byte order mark.
fn csv(table: &Table) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer("\u{feff}".as_bytes().to_vec());
    for row in std::iter::once(&table.head).chain(&table.rows) {
        // Into memory: nothing can fail.
        let _ = writer.write_record(row.iter().map(|cell| harmless(cell)));
    }
    writer.into_inner().unwrap_or_default()
}

/// A spreadsheet would take a name that begins so for a formula.
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

/// All drawings of one set of figures.
fn pictures(figures: &Figures) -> Pictures {
    let columns = |value: &dyn Fn(&Week) -> Option<u32>, title: &str, description: &str| {
        let all: Vec<Column> = figures.weeks.iter().map(|w| Column { label: short(w.monday), value: value(w) }).collect();
        both(|size| bars::columns(&all, None, says(title, description), size))
    };
    let days: Vec<Column> = filled_days(figures);
    let channels: Vec<Bar> = figures
        .channels
        .iter()
        .map(|(channel, n)| {
            let share = (n * 100).checked_div(figures.reports()).unwrap_or(0);
            let figure = JA.fill("desk.burden.channels.figure", &[("n", &n.to_string()), ("p", &share.to_string())]);
            Bar { label: JA.t(&format!("channel.{channel}")).to_owned(), value: *n, figure }
        })
        .collect();
    Pictures {
        seconds: columns(&|w| w.effort().seconds.map(u32::from), "desk.burden.effort.seconds", "desk.burden.effort.description"),
        taps: columns(&|w| w.effort().taps.map(u32::from), "desk.burden.effort.taps", "desk.burden.effort.description"),
        reports: if figures.reports() == 0 {
            empty()
        } else {
            columns(&|w| Some(w.reports()), "desk.burden.reports.chart", "desk.burden.reports.description")
        },
        channels: both(|size| {
            bars::bars(&channels, None, says("desk.burden.channels.chart", "desk.burden.channels.description"), size)
        }),
        punctuality: both(|size| {
            bars::columns(&days, Some(100), says("desk.burden.punctuality.chart", "desk.burden.punctuality.description"), size)
        }),
        corrections: if figures.corrections == 0 {
            empty()
        } else {
            columns(&|w| Some(w.corrections), "desk.burden.corrections.chart", "desk.burden.corrections.description")
        },
        response: response(figures),
        saved: saved(figures),
    }
}

fn empty() -> Picture {
    Picture { wide: PreEscaped(String::new()), narrow: PreEscaped(String::new()) }
}

fn both(draw: impl Fn(Size) -> String) -> Picture {
    // Half as high as the chart of the front page: there are eight of them.
    let low = |size: Size| Size { height_px: size.height_px * 5 / 8, ..size };
    Picture { wide: PreEscaped(draw(low(WIDE))), narrow: PreEscaped(draw(low(NARROW))) }
}

fn says<'a>(title: &'a str, description: &'a str) -> Says<'a> {
    Says { title: JA.t(title), description: JA.t(description) }
}

fn short(day: Date) -> String {
    format!("{}/{}", day.month(), day.day())
}

/// A column for every day of the period from the first that counts; days of which nothing is known are gaps.
fn filled_days(figures: &Figures) -> Vec<Column> {
    let (Some(first), Some(last)) = (figures.by_day.first(), figures.by_day.last()) else { return Vec::new() };
    let mut known = figures.by_day.iter().peekable();
    Period { from: first.day, until: last.day }
        .days()
        .map(|day| Column {
            label: short(day),
            value: known.next_if(|d| d.day == day).and_then(imaboard_domain::burden::DayShare::percent),
        })
        .collect()
}

fn response(figures: &Figures) -> Picture {
    let mut all = Vec::new();
    for exercise in [false, true] {
        for (group, answers) in figures.answers(exercise) {
            let realm = JA.t(if exercise { "mode.exercise" } else { "desk.burden.real" });
            let group = JA.t(&format!("desk.burden.group.{}", group.word())).to_owned();
            all.push(Bar {
                label: format!("{realm} {group}"),
                value: answers.prompt_percent().unwrap_or(0),
                figure: answered(&answers),
            });
        }
    }
    both(|size| bars::bars(&all, Some(100), says("desk.burden.response.chart", "desk.burden.response.description"), size))
}

fn answered(answers: &Answers) -> String {
    let (n, of) = (answers.prompt().to_string(), answers.asked.to_string());
    match answers.prompt_percent() {
        Some(p) => JA.fill("desk.burden.response.figure", &[("p", &p.to_string()), ("n", &n), ("of", &of)]),
        None => JA.fill("desk.burden.response.figure_few", &[("n", &n), ("of", &of)]),
    }
}

fn saved(figures: &Figures) -> Picture {
    let bar = |key: &str, reports: u32| {
        let minutes = reports * MINUTES_PER_CALL;
        Bar {
            label: JA.t(key).to_owned(),
            value: minutes,
            figure: JA.fill("desk.burden.saved.figure", &[("n", &minutes.to_string())]),
        }
    };
    if figures.reports() == 0 {
        return empty();
    }
    let all =
        [bar("desk.burden.saved.bar_own", figures.own_reports()), bar("desk.burden.saved.bar_proxy", figures.proxy_reports())];
    both(|size| bars::bars(&all, None, says("desk.burden.saved.chart", "desk.burden.saved.description"), size))
}
