//! What is asked of a facility, in which order, and which figure answers what: for the form, the paper and the sentence.
//!
//! *Invariant:* a figure means the same answer on the screen and on paper; 0 is always "not confirmed" or "not offered".

use imaboard_domain::{
    Acceptance, Aspect, BedRoom, BedSex, Building, Cell, Evacuation, Facility, FirstReport, Flooding, Grid, Injured, Level,
    ManyPatients, Operation, Power, Road, Service, Session, Staffing, Supplies, Utility, Value,
};
use jiff::civil::Date;

use super::{filled, word};
use crate::report::Face;
use crate::report::form::{beside, cell_field};
use crate::time;
use crate::words::Words;

/// How many days of a `Dates` grid stand open: who telephones speaks of this week.
const OPEN_DAYS: usize = 7;

/// One answer to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The figure that chooses it.
    pub(super) key: char,
    /// The word in the form.
    pub(super) value: &'static str,
    /// How it reads.
    pub(super) label: String,
    /// It opens what is asked beside.
    pub(super) opens: bool,
}

/// What is asked beside the answers, or instead of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beside {
    /// The field.
    pub(super) name: String,
    /// Before the number (あと).
    pub(super) before: String,
    /// Behind it (時間).
    pub(super) unit: String,
    /// A date and no number.
    pub(super) date: bool,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// The field of the form; problems name it, too.
    pub(super) field: String,
    /// What it asks about.
    pub(super) title: String,
    /// The answers; none where a number is the answer.
    pub(super) answers: Vec<Answer>,
    /// A number or date beside.
    pub(super) beside: Option<Beside>,
}

/// Questions under one heading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// The heading; none where the questions stand for themselves.
    pub(super) title: Option<String>,
    /// The shape of the service it asks about, if it is one.
    pub(super) grid: Option<Grid>,
    /// The sessions of a `Weekdays` grid.
    pub(super) sessions: Vec<Session>,
    /// What is asked.
    pub(super) questions: Vec<Question>,
    /// What is asked on demand only: the days after this week.
    pub(super) later: Vec<Question>,
}

/// All of it, in the order of the mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// What stands open.
    pub(super) main: Vec<Part>,
    /// What stands under ほかの項目.
    pub(super) more: Vec<Part>,
}

/// What is asked of this facility: after a disaster how it fares, in peace how much room it has, and the other under ほかの項目.
pub(super) fn asked(words: &Words, facility: &Facility, face: Face, today: Date) -> Asked {
    let plain = |aspects: &[Aspect]| Part {
        questions: aspects.iter().filter_map(|aspect| question(words, facility, aspect)).collect(),
        ..Part::default()
    };
    let vacancies = facility.services.iter().filter_map(|service| vacancy(words, facility, service, today));
    if face == Face::Peace {
        let rest: Vec<Aspect> = FIRST.iter().chain(&REST).filter(|a| **a != Aspect::Operation).cloned().collect();
        Asked { main: vacancies.chain([plain(&[Aspect::Operation])]).collect(), more: vec![plain(&rest)] }
    } else {
        Asked { main: vec![plain(&FIRST)], more: std::iter::once(plain(&REST)).chain(vacancies).collect() }
    }
}

/// What a first report is made of, in the order in which one asks for it.
const FIRST: [Aspect; 8] = [
    Aspect::FirstReport,
    Aspect::Power,
    Aspect::Water,
    Aspect::Road,
    Aspect::Staff,
    Aspect::Injured,
    Aspect::Evacuation,
    Aspect::Acceptance,
];

/// Everything else but the needs, which are a list.
const REST: [Aspect; 11] = [
    Aspect::Operation,
    Aspect::Building,
    Aspect::Flooding,
    Aspect::Gas,
    Aspect::MedicalGas,
    Aspect::Phone,
    Aspect::Internet,
    Aspect::Toilet,
    Aspect::Climate,
    Aspect::Supplies,
    Aspect::ManyPatients,
];

/// Where an aspect stands among the questions, for lists of answers.
pub(super) fn place(aspect: &Aspect) -> usize {
    FIRST.iter().chain(&REST).position(|a| a == aspect).unwrap_or(usize::MAX)
}

fn question(words: &Words, facility: &Facility, aspect: &Aspect) -> Option<Question> {
    if matches!(aspect, Aspect::MedicalGas | Aspect::ManyPatients) && !facility.is_medical() {
        return None;
    }
    let field = aspect.word();
    let (states, opens): (Vec<&'static str>, &[&str]) = match aspect {
        Aspect::FirstReport => (list(FirstReport::ALL, FirstReport::word), &[]),
        Aspect::Power => (list(Power::ALL, Power::word), &["generator"]),
        Aspect::Water | Aspect::Gas | Aspect::MedicalGas => (list(Utility::ALL, Utility::word), &["restricted"]),
        Aspect::Phone | Aspect::Internet | Aspect::Toilet | Aspect::Climate => (list(Utility::ALL, Utility::word), &[]),
        Aspect::Road => (list(Road::ALL, Road::word), &[]),
        Aspect::Staff => (list(Staffing::ALL, Staffing::word), &[]),
        Aspect::Injured => (list(Injured::ALL, Injured::word), &[]),
        Aspect::Evacuation => (list(Evacuation::ALL, Evacuation::word), &[]),
        Aspect::Acceptance => (list(Acceptance::ALL, Acceptance::word), &["yes"]),
        Aspect::Operation => (list(Operation::ALL, Operation::word), &["suspended", "evacuated"]),
        Aspect::Building => (list(Building::ALL, Building::word), &[]),
        Aspect::Flooding => (list(Flooding::ALL, Flooding::word), &[]),
        Aspect::Supplies => (list(Supplies::ALL, Supplies::word), &["short"]),
        Aspect::ManyPatients => (list(ManyPatients::ALL, ManyPatients::word), &[]),
        Aspect::Needs | Aspect::Vacancy { .. } => return None,
    };
    let number = |name: &str, unit: &str| Beside {
        name: format!("{field}.{name}"),
        before: word(words, "left"),
        unit: word(words, unit),
        date: false,
    };
    let beside = match aspect {
        Aspect::Power | Aspect::Water | Aspect::Gas | Aspect::MedicalGas => Some(number("hours", "hours")),
        Aspect::Supplies => Some(number("days", "days")),
        Aspect::Acceptance => Some(Beside { before: String::new(), ..number("n", "people") }),
        Aspect::Operation => {
            Some(Beside { name: format!("{field}.reopens"), before: String::new(), unit: word(words, "reopens"), date: true })
        }
        _ => None,
    };
    let mut figure = 0_u8;
    let answers = states
        .into_iter()
        .map(|value| {
            let key = if value == "unconfirmed" {
                '0'
            } else {
                figure += 1;
                char::from(b'0' + figure)
            };
            Answer { key, value, label: answer_label(words, aspect, value), opens: opens.contains(&value) }
        })
        .collect();
    Some(Question { field: field.to_owned(), title: word(words, &format!("question.{field}")), answers, beside })
}

fn list<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|one| word(*one)).collect()
}

/// The words of an answer: utilities share theirs, but water comes out of a tap.
pub(super) fn answer_label(words: &Words, aspect: &Aspect, value: &str) -> String {
    let own = format!("desk.proxy.answer.{}.{value}", aspect.word());
    if words.has(&own) { words.t(&own).to_owned() } else { word(words, &format!("answer.utility.{value}")) }
}

/// The levels with the figures that choose them, in the words of a grid.
pub(super) fn levels(words: &Words, grid: Grid) -> Vec<Answer> {
    let one = |key, level: Level| Answer { key, value: level.word(), label: level_label(words, grid, level), opens: false };
    match grid {
        Grid::Intake => vec![one('1', Level::Available), one('2', Level::Few), one('3', Level::Full)],
        Grid::Beds => Vec::new(),
        Grid::Dates | Grid::Weekdays | Grid::Slots => {
            let off = (grid == Grid::Weekdays).then(|| one('0', Level::NotOffered));
            [one('1', Level::Plenty), one('2', Level::Available), one('3', Level::Few), one('4', Level::Full)]
                .into_iter()
                .chain(off)
                .collect()
        }
    }
}

/// A level in words; of new clients one says yes or no.
pub(super) fn level_label(words: &Words, grid: Grid, level: Level) -> String {
    let level = if grid == Grid::Intake && level == Level::Plenty { Level::Available } else { level };
    let own = format!("desk.proxy.answer.{grid}.{level}");
    if words.has(&own) { words.t(&own).to_owned() } else { word(words, &format!("answer.level.{level}")) }
}

fn vacancy(words: &Words, facility: &Facility, service: &Service, today: Date) -> Option<Part> {
    let grid = service.kind.grid()?;
    let several = facility.services.iter().filter(|s| s.kind.grid().is_some()).count() > 1;
    let unit = service.kind.unit_ja();
    let mut questions: Vec<Question> = service
        .cells(today)
        .into_iter()
        .map(|cell| {
            let field = cell_field(&service.id, cell);
            let number =
                |before: &str, unit: String| Beside { name: beside(&field, "n"), before: before.to_owned(), unit, date: false };
            let beside = match grid {
                Grid::Beds => {
                    let of =
                        service.capacity.map(|total| filled(words, "of_total", &[("n", &total.to_string()), ("unit", unit)]));
                    Some(number("", format!("{unit}{}", of.unwrap_or_default())))
                }
                Grid::Slots | Grid::Intake => Some(number(&word(words, "left"), unit.to_owned())),
                Grid::Dates | Grid::Weekdays => None,
            };
            let mut answers = levels(words, grid);
            for answer in &mut answers {
                answer.opens = beside.is_some() && answer.value != Level::Full.word();
            }
            Question { title: cell_name(words, service, cell), answers, beside, field }
        })
        .collect();
    let later = if grid == Grid::Dates && questions.len() > OPEN_DAYS { questions.split_off(OPEN_DAYS) } else { Vec::new() };
    let title = if several || questions.len() > 1 { Some(service.kind.name_ja().to_owned()) } else { None };
    let sessions = if grid == Grid::Weekdays { service.sessions().to_vec() } else { Vec::new() };
    Some(Part { title, grid: Some(grid), sessions, questions, later })
}

/// What a cell is called beside its service.
pub(super) fn cell_name(words: &Words, service: &Service, cell: Cell) -> String {
    match cell {
        Cell::Beds { sex: None, room: None } => word(words, "beds"),
        Cell::Beds { sex, room } => [sex.map(BedSex::word), room.map(BedRoom::word)]
            .into_iter()
            .flatten()
            .map(|class| words.t(&format!("bed.{class}")).to_owned())
            .collect::<Vec<_>>()
            .join("・"),
        Cell::Date(date) => filled(words, "day", &[("day", &date.day().to_string()), ("weekday", time::weekday(date))]),
        Cell::Weekday(day, session) => {
            let day = words.t(&format!("weekday.{day}")).to_owned();
            if service.sessions() == [Session::Day] { day } else { format!("{day} {}", words.t(&format!("session.{session}"))) }
        }
        Cell::Slot(slot) => words.t(&format!("slot.{slot}")).to_owned(),
        Cell::Intake => word(words, "intake"),
    }
}

/// A value as the form and the table of changes word it: `非常用 6時間`, `2床`, `わずか 1人`.
pub(super) fn value_label(words: &Words, facility: &Facility, aspect: &Aspect, value: &Value) -> String {
    let with = |label: String, n: Option<u32>, unit: &str| match n {
        Some(n) => format!("{label} {n}{unit}"),
        None => label,
    };
    match value {
        Value::Vacancy { level, count, .. } => {
            let Some((service, _)) = super::service_of(facility, aspect) else { return level.word().to_owned() };
            let (grid, unit) = (service.kind.grid().unwrap_or(Grid::Beds), service.kind.unit_ja());
            match (grid, count) {
                (Grid::Beds, Some(n)) => format!("{n}{unit}"),
                _ => with(level_label(words, grid, *level), count.filter(|n| *n > 0), unit),
            }
        }
        Value::Needs(list) if list.is_empty() => word(words, "answer.needs.nothing"),
        Value::Needs(list) => list.iter().map(|need| crate::desk::proxy::say::need(words, need)).collect::<Vec<_>>().join("、"),
        plain => {
            let label = answer_label(words, aspect, plain.word());
            match plain {
                Value::Power { hours, .. } | Value::Utility { hours, .. } => with(label, *hours, &word(words, "hours")),
                Value::Supplies { days, .. } => with(label, *days, &word(words, "days")),
                Value::Acceptance { count, .. } => with(label, *count, &word(words, "people")),
                Value::Operation { reopens: Some(day), .. } => {
                    format!("{label} {}", filled(words, "from_day", &[("day", &time::day(*day))]))
                }
                _ => label,
            }
        }
    }
}
