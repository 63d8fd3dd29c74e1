//! What the board believes now, and what a report said, as rows a carer can check at a glance.
//!
//! *Invariant:* every row comes from a [`Shown`] or from the report itself; a stale value is a ？ with its last state in small type.

use imaboard_domain::{
    Aspect, Cell, Condition, FacilityBoard, Grid, Level, Moment, Need, PLAIN_ASPECTS, Realm, Service, Session, Shown, Value,
    Weekday,
};
use jiff::Timestamp;
use jiff::civil::Date;
use maud::{Markup, html};

use super::sprite::{chip, condition_look, level_look, mark};
use super::{Frame, as_of, service_name};
use crate::time;
use crate::words::value_key;

/// How many days of a calendar are drawn small: two rows of seven.
const SMALL_DAYS: usize = 14;

/// One line of what the board shows.
struct Row<'a> {
    name: String,
    shown: Shown<'a>,
    value: Markup,
}

/// What the board shows of this facility: tables where a grid is wide, then everything else as rows.
pub(super) fn facts(frame: Frame<'_>, moment: Moment<'_>, facility: &FacilityBoard, realm: Realm) -> Markup {
    let services: Vec<&Service> = facility.facility.services.iter().filter(|s| s.kind.grid().is_some()).collect();
    let several = services.len() > 1;
    let mut rows = Vec::new();
    for service in &services {
        if is_table(service) {
            rows.extend(empty_table(frame, moment, facility, service, several));
        } else {
            rows.extend(service_rows(frame, moment, facility, service, several));
        }
    }
    for (aspect, _) in &PLAIN_ASPECTS {
        let shown = moment.shown(facility, aspect, realm);
        if shown != Shown::Missing {
            let name = frame.words.t(&format!("aspect.{}", aspect.word())).to_owned();
            rows.push(Row { name, shown, value: plain_shown(frame, moment.now, aspect, shown) });
        }
    }
    let nothing = services.iter().all(|s| nothing(moment, facility, s)) && rows.iter().all(|r| r.shown == Shown::Missing);
    html! {
        @for service in &services {
            @match service.kind.grid() {
                _ if !has_current(moment, facility, service) => {},
                Some(Grid::Dates) => (calendar(frame, moment, facility, service, several)),
                Some(Grid::Weekdays) => (week(frame, moment, facility, service, several)),
                _ => {}
            }
        }
        (as_rows(frame, moment.now, &rows))
        @if nothing { p.hint { (frame.word("nothing_yet")) } }
    }
}

/// Rows with their times: one time for all where it is one, else beside each.
fn as_rows(frame: Frame<'_>, now: Timestamp, rows: &[Row<'_>]) -> Markup {
    // A stale row says its age where its value would stand, so only current rows need a time.
    let known: Vec<Shown<'_>> = rows.iter().map(|r| r.shown).filter(|s| s.current().is_some()).collect();
    let time = |s: &Shown<'_>| s.last().map(|s| time::when(s.observed_at, now));
    let same = known.windows(2).all(|w| {
        w.first().and_then(time) == w.last().and_then(time) && w.first().map(|s| s.freshness()) == w.last().map(|s| s.freshness())
    });
    html! {
        @if !rows.is_empty() {
            dl.facts.aging[same && known.iter().any(|s| s.is_aging())] {
                @for row in rows {
                    div.aging[!same && row.shown.is_aging()] {
                        dt.long[row.name.chars().count() > 6] { (row.name) }
                        dd { (row.value) @if !same { (row_time(frame, now, row.shown)) } }
                    }
                }
            }
            @if same { @if let Some(shown) = known.first() { (time_line(frame, now, *shown)) } }
        }
    }
}

fn is_table(service: &Service) -> bool {
    matches!(service.kind.grid(), Some(Grid::Dates | Grid::Weekdays))
}

fn has_current(moment: Moment<'_>, facility: &FacilityBoard, service: &Service) -> bool {
    service.cells(moment.today()).into_iter().any(|c| moment.cell(facility, service, c).current().is_some())
}

/// A table of nothing but ？ is one row.
fn empty_table<'a>(
    frame: Frame<'_>,
    moment: Moment<'a>,
    facility: &'a FacilityBoard,
    service: &Service,
    several: bool,
) -> Option<Row<'a>> {
    if has_current(moment, facility, service) {
        return None;
    }
    let shown = service
        .cells(moment.today())
        .into_iter()
        .map(|c| moment.cell(facility, service, c))
        .filter(|s| s.last().is_some())
        .max_by_key(|s| s.last().map(|s| s.observed_at))
        .unwrap_or(Shown::Missing);
    let name = if several { service_name(service.kind).to_owned() } else { frame.word("beds.fact") };
    let value = html! {
        (chip(level_look(None)))
        span.small {
            @match shown.last() {
                Some(last) => (frame.fill("last_known", &[("ago", &time::ago(last.observed_at, moment.now))])),
                None => (frame.word("not_yet")),
            }
        }
    };
    Some(Row { name, shown, value })
}

fn nothing(moment: Moment<'_>, facility: &FacilityBoard, service: &Service) -> bool {
    service.cells(moment.today()).into_iter().all(|c| moment.cell(facility, service, c) == Shown::Missing)
}

fn service_rows<'a>(
    frame: Frame<'_>,
    moment: Moment<'a>,
    facility: &'a FacilityBoard,
    service: &Service,
    several: bool,
) -> Vec<Row<'a>> {
    let cells = service.cells(moment.today());
    let one = cells.len() == 1;
    let row = |cell: Cell| {
        let shown = moment.cell(facility, service, cell);
        let name = match (several, one) {
            (false, _) => row_name(frame, service, Some(cell)),
            (true, true) => service_name(service.kind).to_owned(),
            (true, false) => format!("{} {}", service_name(service.kind), row_name(frame, service, Some(cell))),
        };
        Row { name, shown, value: vacancy_value(frame, service, shown, moment.now) }
    };
    cells.into_iter().map(row).collect()
}

/// What a cell is called in a row.
pub(super) fn row_name(frame: Frame<'_>, service: &Service, cell: Option<Cell>) -> String {
    match cell {
        Some(Cell::Beds { sex: None, room: None }) | None => frame.word("beds.fact"),
        Some(Cell::Beds { sex, room }) => [sex.map(imaboard_domain::BedSex::word), room.map(imaboard_domain::BedRoom::word)]
            .into_iter()
            .flatten()
            .map(|word| frame.words.t(&format!("bed.{word}")).to_owned())
            .collect::<Vec<_>>()
            .join("・"),
        Some(Cell::Slot(slot)) => frame.words.t(&format!("slot.{slot}")).to_owned(),
        Some(Cell::Intake) => frame.word("intake.fact"),
        Some(Cell::Date(date)) => time::day(date),
        Some(Cell::Weekday(day, session)) => {
            let whole = service.sessions() == [Session::Day];
            let weekday = weekday_word(frame, day);
            if whole { weekday } else { format!("{weekday} {}", frame.words.t(&format!("session.{session}"))) }
        }
    }
}

/// 月曜日
pub(super) fn weekday_word(frame: Frame<'_>, day: Weekday) -> String {
    frame.fill("weekdays.weekday", &[("day", frame.words.t(&format!("weekday.{day}")))])
}

fn level_word(frame: Frame<'_>, service: &Service, level: Level) -> String {
    let intake = service.kind.grid() == Some(Grid::Intake);
    match level {
        Level::Plenty | Level::Available if intake => frame.word("intake.available"),
        Level::Few if intake => frame.word("intake.few"),
        Level::Full if intake => frame.word("intake.full"),
        _ => frame.word(&format!("level.{level}")),
    }
}

fn vacancy_value(frame: Frame<'_>, service: &Service, shown: Shown<'_>, now: Timestamp) -> Markup {
    let unit = service.kind.unit_ja();
    match shown {
        Shown::Fresh(s) | Shown::Aging(s) => said(frame, service, &s.value),
        Shown::Stale(s) => html! {
            (chip(level_look(None)))
            span.small { (frame.fill("last_known", &[("ago", &time::ago(s.observed_at, now))])) " "
                @if let Some(level) = s.value.level() { (level_word(frame, service, level)) }
                @if let Some(n) = s.value.count() { " " (n) (unit) } }
        },
        Shown::Missing => html! { (chip(level_look(None))) span.small { (frame.word("not_yet")) } },
    }
}

/// A vacancy as a report says it.
fn said(frame: Frame<'_>, service: &Service, value: &Value) -> Markup {
    let unit = service.kind.unit_ja();
    let level = value.level();
    let beds = service.kind.grid() == Some(Grid::Beds);
    html! {
        (chip(level_look(level)))
        @match value.count() {
            Some(n) if beds => { span.nb { b { (n) } (unit) } },
            Some(n) => {
                @if let Some(level) = level { (level_word(frame, service, level)) }
                " " span.nb.count { b { (n) } (unit) }
            },
            None => { @if let Some(level) = level { (level_word(frame, service, level)) } },
        }
    }
}

fn time_line(frame: Frame<'_>, now: Timestamp, shown: Shown<'_>) -> Markup {
    html! {
        @if let Some(s) = shown.last() {
            p.when { (as_of(frame, s.observed_at, now)) @if shown.is_aging() { " " b.old { (frame.word("old")) } } }
        }
    }
}

fn row_time(frame: Frame<'_>, now: Timestamp, shown: Shown<'_>) -> Markup {
    html! {
        @if let Some(s) = shown.current() {
            span.when { (as_of(frame, s.observed_at, now)) @if shown.is_aging() { " " b.old { (frame.word("old")) } } }
        }
    }
}

fn plain_shown(frame: Frame<'_>, now: Timestamp, aspect: &Aspect, shown: Shown<'_>) -> Markup {
    match shown {
        Shown::Fresh(s) | Shown::Aging(s) => plain_value(frame, aspect, &s.value),
        Shown::Stale(s) => html! {
            (chip(level_look(None)))
            span.small { (frame.fill("last_known", &[("ago", &time::ago(s.observed_at, now))])) " "
                (frame.word(&value_key(aspect, s.value.word()))) }
        },
        Shown::Missing => html! {},
    }
}

/// A damage value as a report says it.
fn plain_value(frame: Frame<'_>, aspect: &Aspect, value: &Value) -> Markup {
    if let Value::Needs(list) = value {
        return needs(frame, list);
    }
    let look = match (value, value.condition()) {
        (Value::Operation { state: imaboard_domain::Operation::Suspended, .. }, _) => ("full", "pause"),
        (Value::Operation { state: imaboard_domain::Operation::Evacuated, .. }, _) => ("bad", "away"),
        (Value::FirstReport(imaboard_domain::FirstReport::NeedsHelp), _) => ("bad", "help"),
        (_, condition) => condition_look(condition.unwrap_or(Condition::Unconfirmed)),
    };
    let beside = match value {
        Value::Operation { reopens: Some(day), .. } => Some(frame.fill("operation.reopens_fact", &[("day", &time::day(*day))])),
        Value::Power { hours: Some(n), .. } | Value::Utility { hours: Some(n), .. } => {
            Some(frame.fill("more.hours_fact", &[("n", &n.to_string())]))
        }
        Value::Supplies { days: Some(n), .. } => Some(frame.fill("more.days_fact", &[("n", &n.to_string())])),
        Value::Acceptance { count: Some(n), .. } => Some(frame.fill("more.people_fact", &[("n", &n.to_string())])),
        _ => None,
    };
    html! {
        (chip(look)) (frame.word(&value_key(aspect, value.word())))
        @if let Some(beside) = beside { " " span.small { (beside) } }
    }
}

fn needs(frame: Frame<'_>, list: &[Need]) -> Markup {
    html! {
        @if list.is_empty() { (chip(("ample", "yes"))) (frame.word("needs.none_fact")) } @else {
            ul.wants {
                @for need in list {
                    li {
                        (frame.word(&format!("needs.{}", need.item)))
                        @if let Some((n, unit)) = need.quantity { " " (n) (frame.word(&format!("unit.{unit}"))) }
                        " " span.small { (frame.word(&format!("needs.{}", need.urgency))) }
                    }
                }
            }
        }
    }
}

fn small_cell(frame: Frame<'_>, level: Option<Level>, day: Option<i8>) -> Markup {
    let (class, name) = level_look(level);
    let word = frame.word(&format!("level.{}", level.map_or("unknown", Level::word)));
    html! {
        td class=(class) {
            @if let Some(day) = day { span.d { (day) } }
            (mark(name)) span.sr { (word) }
        }
    }
}

/// The words of the marks that stand in a small table.
fn legend(frame: Frame<'_>, levels: &[Option<Level>]) -> Markup {
    let order = [Some(Level::Plenty), Some(Level::Available), Some(Level::Few), Some(Level::Full), Some(Level::NotOffered), None];
    html! {
        ul.key-words aria-label=(frame.word("marks")) {
            @for level in order.into_iter().filter(|l| levels.contains(l)) {
                li { (chip(level_look(level))) (frame.word(&format!("level.{}", level.map_or("unknown", Level::word)))) }
            }
        }
    }
}

fn span_line(frame: Frame<'_>, now: Timestamp, shown: &[Shown<'_>]) -> Markup {
    let times: Vec<Timestamp> = shown.iter().filter_map(|s| s.current()).map(|s| s.observed_at).collect();
    let aging = shown.iter().any(|s| s.is_aging());
    html! {
        @match (times.iter().min(), times.iter().max()) {
            (Some(first), Some(last)) => p.when {
                @if time::when(*first, now) != time::when(*last, now) { time datetime=(super::iso(*first)) { (time::when(*first, now)) } " 〜 " }
                (as_of(frame, *last, now))
                @if aging { " " b.old { (frame.word("old")) } }
            },
            _ => {
                @if let Some(last) = shown.iter().filter_map(|s| s.last()).map(|s| s.observed_at).max() {
                    p.when { (as_of(frame, last, now)) " " b.old { (frame.word("too_old")) } }
                }
            },
        }
    }
}

fn level_of(shown: Shown<'_>) -> Option<Level> {
    shown.current().and_then(|s| s.value.level())
}

fn calendar(frame: Frame<'_>, moment: Moment<'_>, facility: &FacilityBoard, service: &Service, several: bool) -> Markup {
    let days: Vec<(Date, Shown<'_>)> = service
        .cells(moment.today())
        .into_iter()
        .filter_map(|c| match c {
            Cell::Date(date) => Some((date, moment.cell(facility, service, c))),
            _ => None,
        })
        .take(SMALL_DAYS)
        .collect();
    let shown: Vec<Shown<'_>> = days.iter().map(|(_, s)| *s).collect();
    let levels: Vec<Option<Level>> = shown.iter().map(|s| level_of(*s)).collect();
    html! {
        @if several { h3.svc { (service_name(service.kind)) } }
        table.mini.cal.aging[shown.iter().any(|s| s.is_aging())] {
            caption.sr { (frame.fill("dates.caption", &[("from", &time::day(moment.today()))])) }
            thead { tr { @for (date, _) in days.iter().take(7) { th scope="col" class=(weekend(*date)) { (time::weekday(*date)) } } } }
            tbody { @for week in days.chunks(7) {
                tr { @for (date, s) in week { (small_cell(frame, level_of(*s), Some(date.day()))) } }
            } }
        }
        (legend(frame, &levels))
        (span_line(frame, moment.now, &shown))
    }
}

/// The class of a date's weekday: Saturdays blue, Sundays red, as Japanese calendars print them.
pub(super) fn weekend(date: Date) -> &'static str {
    match Weekday::of(date) {
        Weekday::Sat => "sat",
        Weekday::Sun => "sun",
        Weekday::Mon | Weekday::Tue | Weekday::Wed | Weekday::Thu | Weekday::Fri => "",
    }
}

fn week(frame: Frame<'_>, moment: Moment<'_>, facility: &FacilityBoard, service: &Service, several: bool) -> Markup {
    let row = |session: Session| -> Vec<Shown<'_>> {
        Weekday::ALL.iter().map(|d| moment.cell(facility, service, Cell::Weekday(*d, session))).collect()
    };
    let all: Vec<Shown<'_>> = service.sessions().iter().flat_map(|s| row(*s)).collect();
    let levels: Vec<Option<Level>> = all.iter().map(|s| level_of(*s)).collect();
    html! {
        @if several { h3.svc { (service_name(service.kind)) } }
        table.mini.aging[all.iter().any(|s| s.is_aging())] {
            thead { tr { td {} @for day in Weekday::ALL { th scope="col" { (frame.words.t(&format!("weekday.{day}"))) } } } }
            tbody { @for session in service.sessions() {
                tr {
                    th scope="row" { (frame.words.t(&format!("session.{session}"))) }
                    @for s in row(*session) { (small_cell(frame, level_of(s), None)) }
                }
            } }
        }
        (legend(frame, &levels))
        (span_line(frame, moment.now, &all))
    }
}

/// What one report said, as rows.
pub(super) fn said_rows<'a>(
    frame: Frame<'_>,
    facility: &FacilityBoard,
    observed: impl Iterator<Item = (&'a Aspect, &'a Value, bool)>,
) -> Markup {
    let several = facility.facility.services.iter().filter(|s| s.kind.grid().is_some()).count() > 1;
    html! {
        dl.facts {
            @for (aspect, value, confirmed) in observed {
                @let service = match aspect { Aspect::Vacancy { service, .. } => facility.facility.find_service(service), _ => None };
                @let name = match (aspect, service) {
                    (Aspect::Vacancy { cell, .. }, Some(s)) if several => format!("{} {}", service_name(s.kind), row_name(frame, s, Some(*cell))),
                    (Aspect::Vacancy { cell, .. }, Some(s)) => row_name(frame, s, Some(*cell)),
                    _ => frame.words.t(&format!("aspect.{}", aspect.word())).to_owned(),
                };
                div {
                    dt.long[name.chars().count() > 6] { (name) }
                    dd {
                        @match service {
                            Some(s) => (said(frame, s, value)),
                            None => (plain_value(frame, aspect, value)),
                        }
                        @if confirmed { " " span.small { (frame.word("receipt.confirmed")) } }
                    }
                }
            }
        }
    }
}
