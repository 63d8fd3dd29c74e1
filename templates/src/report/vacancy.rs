//! The questions about room: one set of large keys per grid.
//!
//! *Invariant:* only what is not stale is filled in; a missing cell stands in a dashed frame and says まだ.

use imaboard_domain::{Cell, Grid, Level, MOST_PLACES, Service, Session, Slot, Weekday};
use jiff::civil::Date;
use maud::{Markup, html};

use super::form::{LAST_BED_KEY, LAST_INTAKE_KEY, anchor, beside, cell_field};
use super::now::{row_name, weekday_word, weekend};
use super::page::Sheet;
use super::sprite::{level_look, mark};
use super::{Face, service_name};
use crate::time;

/// How many days of a `Dates` grid stand open; the rest is folded, because 31 rows are long under a thumb.
const OPEN_DAYS: usize = 14;
/// From how many services on each is folded.
const FOLD_FROM: usize = 3;
/// The levels that have a key. "Not offered" is a tick of its own, because it is not a degree of room.
const KEYS: [Level; 4] = [Level::Plenty, Level::Available, Level::Few, Level::Full];

/// Every service with a grid, one after the other.
pub(super) fn services(sheet: &Sheet<'_>) -> Markup {
    let list: Vec<&Service> = sheet.facility.facility.services.iter().filter(|s| s.kind.grid().is_some()).collect();
    let several = list.len() > 1;
    html! {
        @for (i, service) in list.iter().enumerate() {
            @if list.len() >= FOLD_FROM {
                @let tail = format!(".{}.", service.id);
                details.fold open[i == 0 || sheet.touched(|f| f.contains(&tail))] {
                    summary { (service_name(service.kind)) }
                    // The summary above already names it.
                    (one(sheet, service, false))
                }
            } @else { (one(sheet, service, several)) }
        }
    }
}

fn one(sheet: &Sheet<'_>, service: &Service, several: bool) -> Markup {
    match service.kind.grid() {
        None => html! {},
        Some(Grid::Beds) => html! { @for cell in service.cells(sheet.moment.today()) { (beds(sheet, service, cell, several)) } },
        Some(Grid::Dates) => dates(sheet, service, several),
        Some(Grid::Weekdays) => weekdays(sheet, service, several),
        Some(Grid::Slots) => slots(sheet, service, several),
        Some(Grid::Intake) => intake(sheet, service, several),
    }
}

fn question(sheet: &Sheet<'_>, service: &Service, several: bool, grid: &str) -> String {
    if several {
        sheet.frame.fill(&format!("{grid}.question_named"), &[("name", service_name(service.kind))])
    } else {
        sheet.frame.word(&format!("{grid}.question"))
    }
}

/// Free places as keys: 0 to 6, and one that opens a number.
fn beds(sheet: &Sheet<'_>, service: &Service, cell: Cell, several: bool) -> Markup {
    let frame = sheet.frame;
    let field = cell_field(&service.id, cell);
    let number = beside(&field, "n");
    let unit = service.kind.unit_ja();
    // Rooms of one class are fewer than all: the total belongs to the service.
    let total = service.capacity;
    let most = if sheet.face == Face::Peace { total.unwrap_or(MOST_PLACES) } else { MOST_PLACES };
    let level = |n: u32| sheet.frame.thresholds.level(n);
    let id = anchor(&field);
    let wrong = sheet.at(&field).is_some();
    let hint = format!("{id}-hint");
    let more = total.is_none_or(|t| t > LAST_BED_KEY) || most == MOST_PLACES || wrong;
    let name = row_name(frame, service, Some(cell));
    let class_only = cell != Cell::ALL_BEDS;
    html! {
        fieldset.block.asks.wrong[wrong] id=(id) aria-describedby=(hint) {
            legend { (sheet.number(&field))
                @if class_only && several { (service_name(service.kind)) " " (frame.fill("beds.question_named", &[("name", &name)])) }
                @else if class_only { (frame.fill("beds.question_named", &[("name", &name)])) }
                @else { (question(sheet, service, several, "beds")) }
            }
            p.hint id=(hint) {
                (frame.word("beds.usable")) b { (frame.word("beds.usable_strong")) } (frame.word("beds.usable_end"))
                @if let Some(total) = total { (frame.fill("of_total", &[("total", &total.to_string()), ("unit", unit)])) }
            }
            (sheet.why(&field))
            div.opts.keys4 {
                @for n in 0..=LAST_BED_KEY.min(most) {
                    (count_key(sheet, &field, &n.to_string(), html! { (n) }, Some(level(n)), ""))
                }
                @if more { (count_key(sheet, &field, "more", html! { (LAST_BED_KEY + 1) small { "〜" } }, Some(level(LAST_BED_KEY + 1)), "opens")) }
            }
            @if more {
                div.reveal {
                    label.field for={ (id) "-n" } { span { (frame.fill("beds.more", &[("unit", unit)])) " " span.opt-note { (frame.word("beds.digits")) } } }
                    p.num {
                        // Not type=number: browsers throw full-width digits away without a word.
                        input id={ (id) "-n" } type="tel" inputmode="numeric" autocomplete="off" name=(number) value=[sheet.value(&number)]
                            aria-invalid=[wrong.then_some("true")];
                        " " (unit) " "
                        @if let Some(total) = total { span.opt-note { (frame.fill("beds.up_to", &[("total", &total.to_string()), ("unit", unit)])) } }
                    }
                }
            }
        }
    }
}

fn count_key(sheet: &Sheet<'_>, field: &str, value: &str, shown: Markup, level: Option<Level>, class: &str) -> Markup {
    let look = level.map(|l| level_look(Some(l)));
    html! {
        label.opt.key {
            input class=(class) type="radio" name=(field) value=(value) checked[sheet.is(field, value)];
            span class={ "face " (look.map_or("", |l| l.0)) } {
                span.n { (shown) }
                @if let (Some(level), Some(look)) = (level, look) {
                    span.w { (mark(look.1)) (sheet.frame.word(&format!("level.{level}"))) }
                }
            }
        }
    }
}

/// The four level keys of one cell.
fn level_keys(sheet: &Sheet<'_>, field: &str) -> Markup {
    html! {
        div.opts.four {
            @for level in KEYS {
                @let look = level_look(Some(level));
                label.opt {
                    input type="radio" name=(field) value=(level.word()) checked[sheet.is(field, level.word())];
                    span class={ "face " (look.0) } { (mark(look.1)) span.w { (sheet.frame.word(&format!("level.{level}"))) } }
                }
            }
        }
    }
}

fn dates(sheet: &Sheet<'_>, service: &Service, several: bool) -> Markup {
    let frame = sheet.frame;
    let days: Vec<Date> = service
        .cells(sheet.moment.today())
        .into_iter()
        .filter_map(|c| match c {
            Cell::Date(date) => Some(date),
            _ => None,
        })
        .collect();
    let (near, far) = days.split_at(OPEN_DAYS.min(days.len()));
    let id = anchor(&format!("v.{}", service.id));
    html! {
        section.block.dates aria-labelledby=(id) {
            h2 id=(id) { (question(sheet, service, several, "dates")) }
            p.hint { (frame.word("only_changed_days")) }
            (stray(sheet, service, &days))
            @for (i, date) in near.iter().enumerate() { (day_row(sheet, service, *date, i == 0)) }
            @if let Some(first) = far.first() {
                details.later open[far.iter().any(|d| sheet.touched(|f| f.ends_with(&format!("{}.{d}", service.id))))] {
                    summary { (frame.fill("dates.later", &[("from", &time::day(*first))])) }
                    @for (i, date) in far.iter().enumerate() { (day_row(sheet, service, *date, i == 0)) }
                }
            }
        }
    }
}

/// Problems at days that stand in no row: a page left open over midnight, or a date nobody offered.
fn stray(sheet: &Sheet<'_>, service: &Service, days: &[Date]) -> Markup {
    let head = format!("v.{}.", service.id);
    let listed: Vec<String> = days.iter().map(|d| cell_field(&service.id, Cell::Date(*d))).collect();
    html! {
        @for p in sheet.problems.iter().filter(|p| p.field.starts_with(&head) && !listed.contains(&p.field)) {
            div id=(anchor(&p.field)) { (sheet.why(&p.field)) }
        }
    }
}

fn day_row(sheet: &Sheet<'_>, service: &Service, date: Date, first: bool) -> Markup {
    let frame = sheet.frame;
    let cell = Cell::Date(date);
    let field = cell_field(&service.id, cell);
    let todo = sheet.moment.cell(sheet.facility, service, cell).current().is_none();
    html! {
        @if first || date.day() == 1 { h3.wk { (frame.fill("dates.month", &[("month", &date.month().to_string())])) } }
        fieldset.half.todo[todo].wrong[sheet.at(&field).is_some()] id=(anchor(&field)) {
            legend.sr { (time::day(date)) @if todo { (frame.word("not_yet_long")) } }
            (sheet.why(&field))
            span.label aria-hidden="true" { b { (date.day()) } i class={ "wd " (weekend(date)) } { (time::weekday(date)) }
                @if todo { small { (frame.word("not_yet")) } } }
            (level_keys(sheet, &field))
        }
    }
}

fn weekdays(sheet: &Sheet<'_>, service: &Service, several: bool) -> Markup {
    let frame = sheet.frame;
    let id = anchor(&format!("v.{}", service.id));
    let is_off = |field: &str| sheet.value(&beside(field, "off")).is_some();
    let head = format!("off.{}.", service.id);
    html! {
        section.block aria-labelledby=(id) {
            h2 id=(id) { (question(sheet, service, several, "weekdays")) }
            p.hint { (frame.word("only_changed")) }
            @for day in Weekday::ALL {
                @let fields: Vec<(Session, String)> = service.sessions().iter()
                    .map(|s| (*s, cell_field(&service.id, Cell::Weekday(*day, *s)))).collect();
                @let closed = fields.iter().all(|(_, f)| is_off(f) && sheet.value(f).is_none() && sheet.at(f).is_none());
                fieldset.day {
                    legend { (weekday_word(frame, *day)) @if closed { " " span.opt-note { (frame.word("weekdays.closed")) } } }
                    @if closed {
                        details { summary { (frame.word("weekdays.open_it")) } @for (session, field) in &fields { (session_row(sheet, service, *day, *session, field)) } }
                    } @else {
                        @for (session, field) in &fields { (session_row(sheet, service, *day, *session, field)) }
                    }
                }
            }
            details.close-days open[sheet.touched(|f| f.starts_with(&head))] {
                summary { (frame.word("weekdays.close_some")) }
                p.hint { (frame.word("weekdays.close_hint")) }
                div.opts.two {
                    @for cell in service.cells(sheet.moment.today()) {
                        @let name = beside(&cell_field(&service.id, cell), "off");
                        label.opt.tick {
                            input type="checkbox" name=(name) value="on" checked[sheet.value(&name).is_some()];
                            span.face { span { (row_name(frame, service, Some(cell))) } }
                        }
                    }
                }
            }
        }
    }
}

fn session_row(sheet: &Sheet<'_>, service: &Service, day: Weekday, session: Session, field: &str) -> Markup {
    let frame = sheet.frame;
    let word = frame.words.t(&format!("session.{session}")).to_owned();
    let shown = sheet.moment.cell(sheet.facility, service, Cell::Weekday(day, session));
    let todo = shown.current().is_none();
    let closed = sheet.value(&beside(field, "off")).is_some() && sheet.value(field).is_none();
    html! {
        div.half.todo[todo].wrong[sheet.at(field).is_some()] id=(anchor(field)) role="radiogroup"
            aria-label={ (weekday_word(frame, day)) " " (word) @if todo { (frame.word("not_yet_long")) } } {
            (sheet.why(field))
            span.label aria-hidden="true" { (word)
                @if todo { small { (frame.word("not_yet")) } } @else if closed { small { (frame.word("level.not_offered")) } } }
            (level_keys(sheet, field))
        }
    }
}

fn slots(sheet: &Sheet<'_>, service: &Service, several: bool) -> Markup {
    let frame = sheet.frame;
    let id = anchor(&format!("v.{}", service.id));
    html! {
        section.block aria-labelledby=(id) {
            h2 id=(id) { (question(sheet, service, several, "slots")) }
            p.hint { (frame.word("only_changed")) }
            @for slot in Slot::ALL {
                @let cell = Cell::Slot(*slot);
                @let field = cell_field(&service.id, cell);
                @let number = beside(&field, "n");
                @let todo = sheet.moment.cell(sheet.facility, service, cell).current().is_none();
                fieldset.day.todo[todo].wrong[sheet.at(&field).is_some()] id=(anchor(&field)) {
                    legend { (sheet.number(&field)) (row_name(frame, service, Some(cell))) @if todo { " " span.opt-note { (frame.word("not_yet")) } } }
                    (sheet.why(&field))
                    (level_keys(sheet, &field))
                    p.num.small-num {
                        label for={ (anchor(&field)) "-n" } { (frame.word("slots.count")) " " span.opt-note { (frame.word("if_known")) } }
                        input id={ (anchor(&field)) "-n" } type="tel" inputmode="numeric" autocomplete="off" name=(number) value=[sheet.value(&number)];
                        " " (service.kind.unit_ja())
                    }
                }
            }
        }
    }
}

fn intake(sheet: &Sheet<'_>, service: &Service, several: bool) -> Markup {
    let frame = sheet.frame;
    let field = cell_field(&service.id, Cell::Intake);
    let (number, key) = (beside(&field, "n"), beside(&field, "c"));
    let id = anchor(&field);
    let wrong = sheet.at(&field).is_some();
    let answers = [(Level::Available, None), (Level::Few, Some("intake.few_hint")), (Level::Full, None)];
    // "Plenty" can come from a button or another program; here it is the same yes.
    let chosen =
        |level: Level| sheet.is(&field, level.word()) || (level == Level::Available && sheet.is(&field, Level::Plenty.word()));
    let yes = if sheet.is(&field, Level::Plenty.word()) { Level::Plenty } else { Level::Available };
    html! {
        fieldset.block.wrong[wrong] id=(id) {
            legend { (sheet.number(&field)) (question(sheet, service, several, "intake")) }
            (sheet.why(&field))
            div.opts {
                @for (level, hint) in answers {
                    @let look = level_look(Some(level));
                    @let value = if level == Level::Available { yes } else { level };
                    label.opt.row {
                        input type="radio" name=(field) value=(value.word()) checked[chosen(level)];
                        span class={ "face " (look.0) } { (mark(look.1))
                            span.t { (frame.word(&format!("intake.{level}"))) @if let Some(hint) = hint { small { (frame.word(hint)) } } } }
                    }
                }
            }
            div.asks {
                p.q { (frame.word("intake.count")) " " span.opt-note { (frame.word("if_known")) } }
                div.opts.keys role="radiogroup" aria-label=(frame.word("intake.count")) {
                    @for n in 1..=LAST_INTAKE_KEY { (count_key(sheet, &key, &n.to_string(), html! { (n) }, None, "")) }
                    (count_key(sheet, &key, "more", html! { (LAST_INTAKE_KEY + 1) small { "〜" } }, None, "opens"))
                    label.opt.key { input type="radio" name=(key) value=""; span.face { span.w.plain { (frame.word("unknown")) } } }
                }
                div.reveal {
                    label.field for={ (id) "-n" } { span { (frame.word("intake.more")) } }
                    p.num { input id={ (id) "-n" } type="tel" inputmode="numeric" autocomplete="off" name=(number) value=[sheet.value(&number)];
                        " " (service.kind.unit_ja()) }
                }
            }
        }
    }
}
