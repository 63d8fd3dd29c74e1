//! What was typed, as a sentence to say aloud and as a table of what changes on the board.
//!
//! Both are made here and nowhere else: the script of the page asks for them while one types, and without a script a page of its own
//! shows them before anything is recorded. *Invariant:* the sentence says everything that would be recorded, the remark included.

use imaboard_domain::{
    Aspect, Cell, Channel, Facility, FacilityBoard, FirstReport, Grid, Level, Need, Observation, Realm, Service, Shown, Standing,
    Value, city_date, city_time,
};
use jiff::Timestamp;
use maud::{Markup, html};

use super::questions::{cell_name, level_label, place, value_label};
use super::{Problem, aspect_name, filled, service_of, word};
use crate::desk::{Frame, field_error};
use crate::layout::time_tag;
use crate::marks::{Mark, mark};
use crate::report::Face;
use crate::time;
use crate::words::Words;

/// What the form says, read by the rules of the moment.
#[derive(Debug, Clone)]
pub struct Said {
    /// When it was true.
    pub at: Timestamp,
    /// Telephone or FAX.
    pub channel: Channel,
    /// What was observed.
    pub observations: Vec<Observation>,
    /// 変わりなし: how many values that stand it confirms.
    pub confirms: Option<usize>,
    /// The remark.
    pub remark: Option<String>,
    /// While an exercise runs: which one is meant; `None` outside of one.
    pub realm: Option<Realm>,
}

impl Said {
    /// Whether there is anything to record.
    #[must_use]
    pub fn says_something(&self) -> bool {
        !self.observations.is_empty() || self.confirms.is_some() || self.remark.is_some()
    }

    /// Whether it asks for help.
    #[must_use]
    pub fn calls_for_help(&self) -> bool {
        self.observations.iter().any(|o| o.value == Value::FirstReport(FirstReport::NeedsHelp))
    }

    /// Whose values of damage it changes.
    fn realm_of_values(&self) -> Realm {
        self.realm.unwrap_or(Realm::Real)
    }
}

/// `きょう 9:10`, `きのう 17:00`, `11月27日(金) 6:05`: how a typed time was understood.
#[must_use]
pub fn said_at(words: &Words, at: Timestamp, now: Timestamp) -> String {
    if city_date(at) == city_date(now) { filled(words, "at.today", &[("clock", &time::clock(at))]) } else { time::when(at, now) }
}

/// `9時10分`, `きのうの17時`, `11月27日の6時5分`: a time as one says it.
fn aloud(words: &Words, at: Timestamp, now: Timestamp) -> String {
    let (date, today, civil) = (city_date(at), city_date(now), city_time(at));
    let key = if civil.minute() == 0 { "say.hour" } else { "say.clock" };
    let clock = filled(words, key, &[("h", &civil.hour().to_string()), ("m", &civil.minute().to_string())]);
    if date == today {
        clock
    } else if today.yesterday().is_ok_and(|y| y == date) {
        filled(words, "say.yesterday", &[("clock", &clock)])
    } else {
        filled(words, "say.day", &[("clock", &clock), ("month", &date.month().to_string()), ("day", &date.day().to_string())])
    }
}

/// The sentence to say aloud.
#[must_use]
pub fn sentence(words: &Words, facility: &Facility, said: &Said, face: Face, now: Timestamp) -> String {
    let mut phrases: Vec<String> = Vec::new();
    let plain = {
        let mut list: Vec<&Observation> = said.observations.iter().filter(|o| !o.aspect.is_vacancy()).collect();
        list.sort_by_key(|o| place(&o.aspect));
        list.into_iter().map(|o| phrase(words, facility, &o.aspect, &o.value)).collect::<Vec<_>>()
    };
    let room = facility.services.iter().flat_map(|service| vacancies(words, service, &said.observations));
    if face == Face::Peace {
        phrases.extend(room);
        phrases.extend(plain);
    } else {
        phrases.extend(plain);
        phrases.extend(room);
    }
    if said.confirms.is_some() {
        phrases.push(word(words, if phrases.is_empty() { "say.same" } else { "say.rest_same" }));
    }
    if let Some(remark) = &said.remark {
        phrases.push(filled(words, "say.remark", &[("text", remark)]));
    }
    let starts_with_state = face != Face::Peace && said.observations.iter().any(|o| o.aspect == Aspect::FirstReport);
    let mut text = match said.realm {
        Some(Realm::Exercise) => word(words, "say.exercise"),
        Some(Realm::Real) => word(words, "say.real"),
        None => String::new(),
    };
    let start = if starts_with_state { "say.start" } else { "say.start_comma" };
    text.push_str(&filled(words, start, &[("name", &facility.name), ("time", &aloud(words, said.at, now))]));
    for phrase in phrases {
        text.push_str(&phrase);
        text.push('。');
    }
    text.push_str(&word(words, "say.end"));
    text
}

/// One answer as a piece of the sentence.
fn phrase(words: &Words, facility: &Facility, aspect: &Aspect, value: &Value) -> String {
    if let Value::Needs(list) = value {
        let things: Vec<String> = list.iter().map(|n| need(words, n)).collect();
        return if things.is_empty() {
            word(words, "say.needs.none")
        } else {
            filled(words, "say.needs.list", &[("list", &things.join("、"))])
        };
    }
    let state = value.word();
    let own = format!("desk.proxy.say.{}.{state}", aspect.word());
    let name = aspect_name(words, facility, aspect);
    let text = if words.has(&own) {
        words.t(&own).to_owned()
    } else {
        filled(words, &format!("say.utility.{state}"), &[("name", &name)])
    };
    let left = |n: u32, unit: &str| {
        // 電気は非常用で、あと6時間: where the state is no whole sentence.
        let joined = format!("desk.proxy.say.{}.{state}_left", aspect.word());
        let (n, unit) = (n.to_string(), word(words, unit));
        if words.has(&joined) {
            words.fill(&joined, &[("n", &n)])
        } else {
            filled(words, "say.left", &[("text", &text), ("n", &n), ("unit", &unit)])
        }
    };
    match value {
        Value::Power { hours: Some(n), .. } | Value::Utility { hours: Some(n), .. } => left(*n, "hours"),
        Value::Supplies { days: Some(n), .. } => left(*n, "days"),
        Value::Acceptance { count: Some(n), .. } => {
            filled(words, "say.count", &[("text", &text), ("n", &n.to_string()), ("unit", &word(words, "people"))])
        }
        Value::Operation { reopens: Some(day), .. } => {
            let (month, day) = (day.month().to_string(), day.day().to_string());
            filled(words, "say.reopens", &[("text", &text), ("month", &month), ("day", &day)])
        }
        _ => text,
    }
}

/// One thing that is asked for, in words.
pub(super) fn need(words: &Words, need: &Need) -> String {
    let mut text = words.t(&format!("need.{}", need.item)).to_owned();
    if let Some((n, unit)) = need.quantity {
        text.push_str(&n.to_string());
        text.push_str(words.t(&format!("need_unit.{unit}")));
    }
    let urgency = words.t(&format!("urgency.{}", need.urgency)).to_owned();
    filled(words, "say.needs.one", &[("thing", &text), ("urgency", &urgency)])
}

/// What was said of the room of one service; days and weekdays of one level in one breath.
fn vacancies(words: &Words, service: &Service, observations: &[Observation]) -> Vec<String> {
    let mine: Vec<(Cell, Level, Option<u32>)> = observations
        .iter()
        .filter_map(|o| match (&o.aspect, &o.value) {
            (Aspect::Vacancy { service: id, cell }, Value::Vacancy { level, count, .. }) if *id == service.id => {
                Some((*cell, *level, *count))
            }
            _ => None,
        })
        .collect();
    let Some(grid) = service.kind.grid() else { return Vec::new() };
    let (kind, unit) = (service.kind.name_ja(), service.kind.unit_ja());
    if matches!(grid, Grid::Dates | Grid::Weekdays) {
        let mut groups: Vec<(Level, Vec<Cell>)> = Vec::new();
        for (cell, level, _) in mine {
            match groups.iter_mut().find(|(l, _)| *l == level) {
                Some((_, cells)) => cells.push(cell),
                None => groups.push((level, vec![cell])),
            }
        }
        let one = |(level, cells): (Level, Vec<Cell>)| {
            let cells = runs(words, service, &cells).join("・");
            filled(words, "say.days_one", &[("cells", &cells), ("level", &level_label(words, grid, level))])
        };
        let said: Vec<String> = groups.into_iter().map(one).collect();
        return if said.is_empty() {
            said
        } else {
            vec![filled(words, "say.days", &[("service", kind), ("list", &said.join("、"))])]
        };
    }
    let several = !service.bed_cells.is_empty();
    let one = |(cell, level, count): (Cell, Level, Option<u32>)| {
        let name = cell_name(words, service, cell);
        let number = count.unwrap_or_default().to_string();
        let mut text = match (grid, count) {
            (Grid::Beds, Some(n)) => {
                let key = match (n, several) {
                    (0, false) => "say.beds.none",
                    (0, true) => "say.beds.none_of",
                    (_, false) => "say.beds.some",
                    (_, true) => "say.beds.some_of",
                };
                return filled(words, key, &[("service", kind), ("class", &name), ("n", &number), ("unit", unit)]);
            }
            (Grid::Intake, _) => {
                let level = if level == Level::Plenty { Level::Available } else { level };
                filled(words, &format!("say.intake.{level}"), &[("service", kind)])
            }
            _ => filled(words, "say.cell", &[("service", kind), ("cell", &name), ("level", &level_label(words, grid, level))]),
        };
        if count.is_some_and(|n| n > 0) {
            text = filled(words, "say.left", &[("text", &text), ("n", &number), ("unit", unit)]);
        }
        text
    };
    mine.into_iter().map(one).collect()
}

/// Names of cells, three days or more in a row as a span.
fn runs(words: &Words, service: &Service, cells: &[Cell]) -> Vec<String> {
    let mut spans: Vec<(Cell, Cell, usize)> = Vec::new();
    for cell in cells {
        let follows = |last: Cell| match (last, *cell) {
            (Cell::Date(a), Cell::Date(b)) => a.tomorrow().is_ok_and(|next| next == b),
            _ => false,
        };
        match spans.last_mut() {
            Some((_, last, n)) if follows(*last) => {
                *last = *cell;
                *n += 1;
            }
            _ => spans.push((*cell, *cell, 1)),
        }
    }
    let name = |cell: Cell| match cell {
        Cell::Date(date) => filled(words, "say.date", &[("month", &date.month().to_string()), ("day", &date.day().to_string())]),
        other => cell_name(words, service, other),
    };
    let one = |(first, last, n): (Cell, Cell, usize)| match n {
        1 => vec![name(first)],
        2 => vec![name(first), name(last)],
        _ => vec![filled(words, "say.span", &[("from", &name(first)), ("until", &name(last))])],
    };
    spans.into_iter().flat_map(one).collect()
}

/// The parts of the page that follow what is typed: the sentence, the table, and how the time was understood. The script puts each in
/// the place of the same id.
#[must_use]
pub fn live(frame: &Frame<'_>, held: &FacilityBoard, said: &Said, problems: &[Problem]) -> Markup {
    html! {
        div #say { (say(frame, held, said, problems)) }
        div #changes { (changes(frame, held, said)) }
        div #at-hint { (at_hint(frame, Some(said), problems)) }
    }
}

/// How the time was understood, or what is wrong with it.
pub(super) fn at_hint(frame: &Frame<'_>, said: Option<&Said>, problems: &[Problem]) -> Markup {
    let wrong = problems.iter().find(|p| p.field == "at");
    let at = said.map_or(frame.now(), |s| s.at);
    html! {
        @match wrong {
            Some(problem) => (field_error("at-why", Some(&problem.text))),
            None => { (said_at(frame.words, at, frame.now())) "　" (frame.t("desk.proxy.at.help")) }
        }
    }
}

/// The sentence, or what is wrong.
pub(super) fn say(frame: &Frame<'_>, held: &FacilityBoard, said: &Said, problems: &[Problem]) -> Markup {
    let face = Face::of(frame.moment);
    html! {
        @if !problems.is_empty() {
            @for problem in problems { p.wrong { (problem.text) } }
        } @else if said.says_something() {
            p.say { (sentence(frame.words, &held.facility, said, face, frame.now())) }
            @for warning in warnings(frame, held, said) { p.wrong { (warning) } }
        } @else {
            p.s { (frame.t("desk.proxy.nothing_yet")) }
        }
    }
}

/// What is recorded all the same, but should be known before.
fn warnings(frame: &Frame<'_>, held: &FacilityBoard, said: &Said) -> Vec<String> {
    let mut list = Vec::new();
    for o in &said.observations {
        if let Some((count, total)) = more_than_total(&held.facility, &o.aspect, &o.value) {
            let name = aspect_name(frame.words, &held.facility, &o.aspect);
            let (count, total) = (count.to_string(), total.to_string());
            list.push(filled(frame.words, "more_than_total", &[("name", &name), ("count", &count), ("total", &total)]));
        }
    }
    if said.observations.iter().any(|o| before(frame, held, o, said).last().is_some_and(|s| s.observed_at > said.at)) {
        list.push(word(frame.words, "newer_stands"));
    }
    let answers = |realm| frame.moment.open_call(realm).is_some_and(|call| call.answers.contains_key(&held.facility.id));
    let realm = said.realm_of_values();
    if let Some(call) = frame.moment.open_call(realm)
        && !answers(realm)
    {
        let began = frame.moment.incident_in(realm).map_or(call.opened_at, |i| i.opened_at.min(call.opened_at));
        if said.at < began {
            list.push(word(frame.words, "before_the_call"));
        }
    }
    list
}

/// More places free than there are, which only an incident lets through.
pub(super) fn more_than_total(facility: &Facility, aspect: &Aspect, value: &Value) -> Option<(u32, u32)> {
    let (service, _) = service_of(facility, aspect)?;
    match value {
        Value::Vacancy { count: Some(count), total, .. } => {
            let total = total.or(service.capacity)?;
            (*count > total).then_some((*count, total))
        }
        _ => None,
    }
}

fn before<'a>(frame: &Frame<'a>, held: &'a FacilityBoard, o: &Observation, said: &Said) -> Shown<'a> {
    frame.moment.shown(held, &o.aspect, said.realm_of_values())
}

/// The table of what changes.
pub(super) fn changes(frame: &Frame<'_>, held: &FacilityBoard, said: &Said) -> Markup {
    let facility = &held.facility;
    let mut rows: Vec<(&Observation, Shown<'_>)> = said
        .observations
        .iter()
        .map(|o| (o, before(frame, held, o, said)))
        .filter(|(o, shown)| shown.current().is_none_or(|s| s.value != o.value))
        .collect();
    rows.sort_by_key(|(o, _)| (o.aspect.is_vacancy(), place(&o.aspect)));
    let known: Vec<&Standing> = rows.iter().filter_map(|(_, shown)| shown.current()).collect();
    let shared =
        known.first().map(|s| s.observed_at).filter(|at| known.len() == rows.len() && known.iter().all(|s| s.observed_at == *at));
    html! {
        @if !rows.is_empty() {
            div.scroll tabindex="0" role="region" aria-label=(frame.t("desk.proxy.changes")) {
                table {
                    thead { tr {
                        th scope="col" { (frame.t("desk.proxy.changes")) }
                        th scope="col" { (frame.t("desk.proxy.before")) @if let Some(at) = shared { " " (time_tag(at, frame.now())) } }
                        th scope="col" { (frame.t("desk.proxy.now")) }
                    } }
                    tbody { @for (o, shown) in &rows { tr {
                        th scope="row" { (aspect_name(frame.words, facility, &o.aspect)) }
                        td.was { (was(frame, facility, &o.aspect, *shown, shared.is_none())) }
                        td { span.n { (value_mark(&o.value)) (value_label(frame.words, facility, &o.aspect, &o.value)) } }
                    } } }
                }
            }
        } @else if !said.observations.is_empty() {
            p.s { (frame.t("desk.proxy.no_change")) }
        }
        @if let Some(n) = said.confirms { p.s.gap { (filled(frame.words, "confirms", &[("n", &n.to_string())])) } }
    }
}

fn was(frame: &Frame<'_>, facility: &Facility, aspect: &Aspect, shown: Shown<'_>, with_time: bool) -> Markup {
    let label = |s: &Standing| value_label(frame.words, facility, aspect, &s.value);
    html! {
        @match shown {
            Shown::Fresh(s) | Shown::Aging(s) => {
                span.aging[shown.is_aging()] { (label(s)) }
                @if with_time { " " small { (time_tag(s.observed_at, frame.now())) } }
            },
            Shown::Stale(s) => {
                span.n { (mark(Mark::Unknown)) (frame.t("level.unknown")) } " "
                small { (frame.t("public.last")) " " (time::ago(s.observed_at, frame.now())) " " (label(s)) }
            },
            Shown::Missing => span.n { (mark(Mark::Unknown)) (frame.t("level.unknown")) },
        }
    }
}

/// The mark of a value; nothing for lists of needs and for "not offered".
pub(super) fn value_mark(value: &Value) -> Markup {
    let drawn = match value {
        Value::FirstReport(v) => Some(Mark::of_first_report(Some(*v))),
        Value::Vacancy { level, .. } => Mark::of_level(Some(*level)),
        Value::Needs(_) => None,
        other => Some(Mark::of_condition(other.condition())),
    };
    html! { @if let Some(drawn) = drawn { (mark(drawn)) } }
}
