//! The form's vocabulary: how fields are named, what they mean, and what was typed into them.
//!
//! One module knows the names, so that the page that writes them and the handler that reads them cannot drift apart:
//!
//! | field | means |
//! |---|---|
//! | `nonce`, `seen`, `was` | the page: its UUID, the microsecond of the newest report it shows, and what it had filled in beforehand |
//! | `v.SERVICE.CELL` | a level, or on beds a number of free places (`0`…`6`, `more`) |
//! | `n.SERVICE.CELL`, `c.SERVICE.CELL` | a number typed in; a number chosen from keys |
//! | `off.SERVICE.CELL` | ticked: not offered |
//! | an aspect's word | its state; `power.hours`, `supplies.days`, `acceptance.n`, `operation.reopens` beside it |
//! | `need`, `need.ITEM.when`, `.n`, `.unit` | what is asked for |
//! | `remark`, `remark.choice` | the remark, and what to do about a refused one |
//! | `first_report`, `realm`, `confirm`, `send` | buttons and the choice 訓練／本当 |
//! | `effort.seconds`, `effort.taps` | what it cost, counted by the script since the page was opened; nobody's name is in it |
//!
//! *Invariant:* a field left as the page had filled it in is never read as an observation: nobody looked at it anew.

use std::collections::BTreeMap;

use imaboard_domain::{
    Aspect, Cell, Facility, FacilityBoard, Grid, Level, Moment, NeedItem, PLAIN_ASPECTS, RawObservation, Realm, Refused, Service,
    ServiceId, Value,
};

/// The most characters of a remark (domain: 備考 ≤ 100).
pub const MOST_REMARK_CHARS: usize = 100;
/// Beds have a key for each number up to this; more is typed.
pub const LAST_BED_KEY: u32 = 6;
/// Intake has a key for each number up to this; more is typed.
pub const LAST_INTAKE_KEY: u32 = 4;

/// Seconds from opening the page to sending it.
pub const EFFORT_SECONDS: &str = "effort.seconds";
/// Presses on the way.
pub const EFFORT_TAPS: &str = "effort.taps";

/// Whether a field says what the report cost, and nothing of the report.
#[must_use]
pub fn is_effort(field: &str) -> bool {
    field == EFFORT_SECONDS || field == EFFORT_TAPS
}

/// What a sender typed: every pair of the form, in order, whatever it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed(Vec<(String, String)>);

impl Typed {
    /// Takes the decoded pairs of a form.
    #[must_use]
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The pairs as they came.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The last value of a field; `None` if absent or empty.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// Every value of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// What the page had filled in before the sender touched it.
    #[must_use]
    pub fn was(&self) -> BTreeMap<String, String> {
        self.one("was").map(unpack).unwrap_or_default()
    }

    /// The remark as one line without outer blanks; `None` if empty or dropped on purpose.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        if self.one("remark.choice") == Some("none") {
            return None;
        }
        let text = self.one("remark")?;
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        (!line.is_empty()).then_some(line)
    }
}

/// Fields the page filled in, as one hidden value. Names and values are ids and words: no escaping is needed.
#[must_use]
pub fn pack(filled: &BTreeMap<String, String>) -> String {
    filled.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn unpack(text: &str) -> BTreeMap<String, String> {
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

/// `v.SERVICE.CELL`: the state of one cell.
#[must_use]
pub fn cell_field(service: &ServiceId, cell: Cell) -> String {
    format!("v.{service}.{cell}")
}

/// The same cell under another letter: `n` (number typed), `c` (number chosen), `off`.
#[must_use]
pub fn beside(field: &str, letter: &str) -> String {
    field.split_once('.').map_or_else(|| field.to_owned(), |(_, rest)| format!("{letter}.{rest}"))
}

/// The HTML id of a field's group.
#[must_use]
pub fn anchor(field: &str) -> String {
    format!("f-{}", field.replace('.', "-"))
}

/// What the page fills in beforehand: every value that is not stale, in the sender's realm; never 第一報.
#[must_use]
pub fn prefill(moment: Moment<'_>, facility: &FacilityBoard, realm: Realm) -> BTreeMap<String, String> {
    let mut filled = BTreeMap::new();
    for service in &facility.facility.services {
        for cell in service.cells(moment.today()) {
            if let Some(Value::Vacancy { level, count, .. }) = moment.cell(facility, service, cell).current().map(|s| &s.value) {
                fill_cell(&mut filled, service, cell, *level, *count);
            }
        }
    }
    for (aspect, word) in PLAIN_ASPECTS.iter().filter(|(a, _)| *a != Aspect::FirstReport) {
        let Some(standing) = moment.shown(facility, aspect, realm).current() else { continue };
        let value = &standing.value;
        match value {
            Value::Needs(list) => {
                let items: Vec<&str> =
                    NeedItem::ALL.iter().filter(|i| list.iter().any(|n| n.item == **i)).map(|i| i.word()).collect();
                if !items.is_empty() {
                    filled.insert("need".to_owned(), items.join(","));
                }
                for need in list {
                    filled.insert(format!("need.{}.when", need.item), need.urgency.word().to_owned());
                    if let Some((n, unit)) = need.quantity {
                        filled.insert(format!("need.{}.n", need.item), n.to_string());
                        filled.insert(format!("need.{}.unit", need.item), unit.word().to_owned());
                    }
                }
            }
            _ => {
                filled.insert((*word).to_owned(), value.word().to_owned());
                let beside = match value {
                    Value::Operation { reopens: Some(day), .. } => Some((format!("{word}.reopens"), day.to_string())),
                    Value::Power { hours: Some(n), .. } | Value::Utility { hours: Some(n), .. } => {
                        Some((format!("{word}.hours"), n.to_string()))
                    }
                    Value::Supplies { days: Some(n), .. } => Some((format!("{word}.days"), n.to_string())),
                    Value::Acceptance { count: Some(n), .. } => Some((format!("{word}.n"), n.to_string())),
                    _ => None,
                };
                filled.extend(beside);
            }
        }
    }
    filled
}

fn fill_cell(filled: &mut BTreeMap<String, String>, service: &Service, cell: Cell, level: Level, count: Option<u32>) {
    let field = cell_field(&service.id, cell);
    match (service.kind.grid(), count) {
        (Some(Grid::Beds), Some(n)) if n <= LAST_BED_KEY => {
            filled.insert(field, n.to_string());
        }
        (Some(Grid::Beds), Some(n)) => {
            filled.insert(beside(&field, "n"), n.to_string());
            filled.insert(field, "more".to_owned());
        }
        // "Full" without a number is no bed; another level without a number is not a number and stays open.
        (Some(Grid::Beds), None) => {
            if level == Level::Full {
                filled.insert(field, "0".to_owned());
            }
        }
        (Some(Grid::Weekdays), _) if level == Level::NotOffered => {
            filled.insert(beside(&field, "off"), "on".to_owned());
        }
        (grid, count) => {
            match (grid, count.filter(|n| *n > 0)) {
                (Some(Grid::Intake), Some(n)) if n <= LAST_INTAKE_KEY => {
                    filled.insert(beside(&field, "c"), n.to_string());
                }
                (Some(Grid::Intake), Some(n)) => {
                    filled.insert(beside(&field, "c"), "more".to_owned());
                    filled.insert(beside(&field, "n"), n.to_string());
                }
                (Some(Grid::Slots), Some(n)) => {
                    filled.insert(beside(&field, "n"), n.to_string());
                }
                _ => {}
            }
            filled.insert(field, level.word().to_owned());
        }
    }
}

/// A piece of free text that may not be stored as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// Why, in Japanese.
    pub why: String,
    /// How to say the same without it, in Japanese.
    pub suggestion: String,
}

/// Why nothing was stored, at one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field's group; empty for the whole form.
    pub field: String,
    /// What is wrong.
    pub what: What,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Nothing was chosen.
    NothingChosen,
    /// 変わりなし, but everything is stale by now.
    NothingToConfirm,
    /// The domain refused the value.
    Refused(Refused),
    /// "More" was chosen and no number typed.
    NumberMissing,
    /// Not a number.
    NotANumber(String),
    /// "Not offered" was taken off and no level chosen.
    LevelMissing,
    /// Too many characters.
    RemarkTooLong(usize),
    /// The guard found something personal.
    Personal(Vec<Finding>),
    /// A posting has no first line.
    TitleMissing,
    /// A posting's first line is too long.
    TitleTooLong(usize),
    /// A posting's body is too long.
    BodyTooLong(usize),
    /// A job's wage cannot be read.
    WageMissing,
    /// A time of day is none.
    HoursWrong,
}

/// What a form says, before the domain has looked at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// New observations.
    pub raws: Vec<RawObservation>,
    /// The field of each of them.
    pub fields: Vec<String>,
    /// What could not be read at all.
    pub problems: Vec<Problem>,
    /// Some filled-in value was left as it was.
    pub kept: bool,
}

impl Reading {
    fn take(&mut self, field: &str, raw: RawObservation) {
        self.fields.push(field.to_owned());
        self.raws.push(raw);
    }

    fn refuse(&mut self, field: &str, what: What) {
        self.problems.push(Problem { field: field.to_owned(), what });
    }

    /// The problem of the `index`th observation.
    #[must_use]
    pub fn problem(&self, index: usize, why: Refused) -> Problem {
        Problem { field: self.fields.get(index).cloned().unwrap_or_default(), what: What::Refused(why) }
    }
}

/// Digits as people type them: full-width, with commas or blanks.
///
/// # Errors
/// The text as typed, if it is no number.
pub fn number(text: &str) -> Result<u32, String> {
    let digits: String = text
        .chars()
        .filter(|c| !matches!(c, ',' | '，' | ' ' | '\u{3000}'))
        .map(|c| match c {
            '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10).unwrap_or(c),
            other => other,
        })
        .collect();
    digits.parse().map_err(|_| text.to_owned())
}

/// Reads what a form says about this facility. Unknown fields are ignored.
#[must_use]
pub fn read(typed: &Typed, facility: &Facility) -> Reading {
    let was = typed.was();
    let mut reading = Reading::default();
    let mut cells: Vec<String> = Vec::new();
    for (name, _) in typed.pairs() {
        if let Some((letter, rest)) = name.split_once('.')
            && matches!(letter, "v" | "n" | "c" | "off")
            && rest.split_once('.').is_some_and(|(_, cell)| !cell.contains('.'))
        {
            let field = format!("v.{rest}");
            if !cells.contains(&field) {
                cells.push(field);
            }
        }
    }
    // A tick that was taken off travels as nothing at all.
    for name in was.keys().filter(|n| n.starts_with("off.")) {
        let field = beside(name, "v");
        if !cells.contains(&field) {
            cells.push(field);
        }
    }
    for field in &cells {
        read_cell(&mut reading, typed, &was, facility, field);
    }
    for (aspect, word) in &PLAIN_ASPECTS {
        read_plain(&mut reading, typed, &was, aspect, word);
    }
    read_needs(&mut reading, typed, &was);
    reading
}

/// A field now and as the page had filled it in.
struct Pair<'a> {
    now: Option<&'a str>,
    was: Option<&'a str>,
}

impl Pair<'_> {
    fn changed(&self) -> bool {
        self.now != self.was
    }
}

fn pair<'a>(typed: &'a Typed, was: &'a BTreeMap<String, String>, name: &str) -> Pair<'a> {
    Pair { now: typed.one(name), was: was.get(name).map(String::as_str) }
}

fn read_cell(reading: &mut Reading, typed: &Typed, was: &BTreeMap<String, String>, facility: &Facility, field: &str) {
    let Some((service, cell)) = field.strip_prefix("v.").and_then(|rest| rest.split_once('.')) else { return };
    let state = pair(typed, was, field);
    let typed_number = pair(typed, was, &beside(field, "n"));
    let key = pair(typed, was, &beside(field, "c"));
    let off = pair(typed, was, &beside(field, "off"));
    if ![&state, &typed_number, &key, &off].iter().any(|p| p.changed()) {
        reading.kept |= state.now.is_some() || off.now.is_some();
        return;
    }
    let mut raw = RawObservation {
        aspect: "vacancy".to_owned(),
        service: Some(service.to_owned()),
        cell: Some(cell.to_owned()),
        ..RawObservation::default()
    };
    let grid = facility.services.iter().find(|s| s.id.as_str() == service).and_then(|s| s.kind.grid());
    // A number typed beside untouched keys is what is meant.
    let number_alone = typed_number.changed() && typed_number.now.is_some() && !state.changed() && !key.changed();
    let count = if grid == Some(Grid::Beds) {
        match state.now {
            _ if number_alone => typed_number.now,
            Some("more") if typed_number.now.is_none() => return reading.refuse(field, What::NumberMissing),
            Some("more") => typed_number.now,
            Some(digits) if digits.starts_with(|c: char| c.is_ascii_digit()) => Some(digits),
            Some(word) => {
                raw.value = word.to_owned();
                None
            }
            None => typed_number.now,
        }
    } else {
        if off.changed() && off.now.is_some() {
            raw.value = Level::NotOffered.word().to_owned();
        } else if let Some(word) = state.now {
            raw.value = word.to_owned();
        } else if off.changed() {
            return reading.refuse(field, What::LevelMissing);
        }
        let closed = raw.value == Level::Full.word() || raw.value == Level::NotOffered.word();
        match key.now {
            // A count left over from before does not contradict "full".
            _ if closed => None,
            _ if number_alone => typed_number.now,
            Some("more") => typed_number.now.or(Some("5")),
            Some(digits) => Some(digits),
            None => typed_number.now,
        }
    };
    match count.map(number).transpose() {
        Ok(count) => raw.count = count,
        Err(text) => return reading.refuse(field, What::NotANumber(text)),
    }
    if raw.value.is_empty() && raw.count.is_none() {
        return;
    }
    reading.take(field, raw);
}

fn read_plain(reading: &mut Reading, typed: &Typed, was: &BTreeMap<String, String>, aspect: &Aspect, word: &str) {
    if *aspect == Aspect::Needs {
        return;
    }
    let state = pair(typed, was, word);
    // 助けが必要 during an exercise carries its answer behind a colon.
    let Some(value) = state.now.map(|v| v.split(':').next().unwrap_or(v)) else { return };
    let beside = ["hours", "days", "n", "reopens"].map(|b| (b, pair(typed, was, &format!("{word}.{b}"))));
    if !state.changed() && !beside.iter().any(|(_, p)| p.changed()) {
        reading.kept = true;
        return;
    }
    let mut raw = RawObservation { aspect: word.to_owned(), value: value.to_owned(), ..RawObservation::default() };
    // What is left over from the state before does not belong to a state that has no such thing.
    let open = !matches!(value, "grid" | "usable" | "unconfirmed" | "adequate" | "normal" | "no");
    for (name, p) in &beside {
        let Some(text) = p.now.filter(|_| open) else { continue };
        if *name == "reopens" {
            raw.date = Some(text.to_owned());
            continue;
        }
        match number(text) {
            Ok(n) if *name == "hours" => raw.hours = Some(n),
            Ok(n) if *name == "days" => raw.days = Some(n),
            Ok(n) => raw.count = Some(n),
            Err(text) => return reading.refuse(word, What::NotANumber(text)),
        }
    }
    reading.take(word, raw);
}

fn read_needs(reading: &mut Reading, typed: &Typed, was: &BTreeMap<String, String>) {
    let ticked: Vec<&str> = typed.all("need").filter(|v| !v.is_empty() && *v != "nothing").collect();
    let joined = ticked.join(",");
    let asked = typed.one("need.shown").is_some();
    let before = was.get("need").map_or("", String::as_str);
    let parts = |item: &str| ["when", "n", "unit"].map(|b| pair(typed, was, &format!("need.{item}.{b}")));
    // The unit alone says nothing (the select always has one), unless it was filled in before.
    let says = |p: &Pair<'_>, i: usize| p.changed() && (i < 2 || p.was.is_some());
    let changed = joined != before || ticked.iter().any(|t| parts(t).iter().enumerate().any(|(i, p)| says(p, i)));
    if ticked.is_empty() {
        if typed.all("need").any(|v| v == "nothing") || (asked && !before.is_empty()) {
            reading.take("need", raw_need("nothing"));
        }
        return;
    }
    if !changed {
        reading.kept = true;
        return;
    }
    for item in ticked {
        let [when, n, unit] = parts(item);
        let mut raw = raw_need(item);
        raw.cell = when.now.map(str::to_owned);
        match n.now.map(number).transpose() {
            Ok(count) => raw.count = count,
            Err(text) => {
                reading.refuse("need", What::NotANumber(text));
                continue;
            }
        }
        raw.unit = unit.now.filter(|_| raw.count.is_some()).map(str::to_owned);
        reading.take("need", raw);
    }
}

fn raw_need(value: &str) -> RawObservation {
    RawObservation { aspect: "needs".to_owned(), value: value.to_owned(), ..RawObservation::default() }
}
