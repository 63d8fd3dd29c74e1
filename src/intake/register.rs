//! The facility register as CSV: read whatever a city is given, compare it with what is held, write it out again.
//!
//! A city starts from files it already has (the ministry's open data, its own open data, last year's export), so reading is
//! generous about form and strict about meaning. *Invariant:* a file is taken whole or not at all, and what [`write()`] wrote
//! [`read`] reads back unchanged.

pub(crate) mod cells;
mod columns;
mod kinds;
mod read;
mod write;

use std::collections::BTreeMap;

use imaboard_domain::{Closure, Facility, FacilityId, Service};
use imaboard_templates::words::JA;

pub use read::read;
pub use write::write;

use columns::Column;

/// What is wrong with one line of a file, for the person who has to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}行目{}: {message}{}", column.as_deref().map(|c| format!("「{c}」")).unwrap_or_default(), found_words(found))]
pub struct LineProblem {
    /// The line of the file, from 1.
    pub line: usize,
    /// The column, by its heading.
    pub column: Option<String>,
    /// What stands there.
    pub found: String,
    /// What is wrong with it, and what to do.
    pub message: String,
}

/// More of a cell than this does not help to find it.
const MOST_FOUND_CHARS: usize = 60;

fn found_words(found: &str) -> String {
    if found.is_empty() { String::new() } else { format!("（いまの値: {found}）") }
}

impl LineProblem {
    fn new(line: usize, column: Option<&str>, found: impl Into<String>, message: impl Into<String>) -> Self {
        let found = found.into();
        let mut short: String = found.chars().take(MOST_FOUND_CHARS).filter(|c| !c.is_control()).collect();
        if found.chars().count() > MOST_FOUND_CHARS {
            short.push('…');
        }
        Self { line, column: column.map(str::to_owned), found: short, message: message.into() }
    }
}

/// A facility that an import changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The line it starts on.
    pub line: usize,
    /// As it will be.
    pub facility: Facility,
    /// What changes, in words.
    pub what: Vec<String>,
}

/// What an import would do to the register.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Difference {
    /// New facilities, with their lines.
    pub added: Vec<(usize, Facility)>,
    /// Facilities of which something changes.
    pub changed: Vec<Changed>,
    /// Facilities in the file that are already so.
    pub same: Vec<FacilityId>,
    /// Facilities that a complete file no longer names.
    pub retired: Vec<Facility>,
}

impl Difference {
    /// The difference line by line, and a summary, for a person who decides whether to go on.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (line, f) in &self.added {
            let kinds: Vec<&str> = f.services.iter().map(|s| s.kind.name_ja()).collect();
            lines.push((*line, format!("+ {line}行目 {}（{}） {}", f.name, f.id, kinds.join("・"))));
        }
        for c in &self.changed {
            lines.push((c.line, format!("~ {}行目 {}（{}）: {}", c.line, c.facility.name, c.facility.id, c.what.join("、"))));
        }
        lines.sort_by_key(|(line, _)| *line);
        let mut lines: Vec<String> = lines.into_iter().map(|(_, text)| text).collect();
        lines.extend(self.retired.iter().map(|f| format!("- {}（{}） 台帳から外れます", f.name, f.id)));
        lines.push(format!(
            "追加 {}、変更 {}、そのまま {}、外れる {}",
            self.added.len(),
            self.changed.len(),
            self.same.len(),
            self.retired.len()
        ));
        lines
    }

    /// What has to be written and what has to be retired.
    #[must_use]
    pub fn into_changes(self) -> (Vec<Facility>, Vec<FacilityId>) {
        let added = self.added.into_iter().map(|(_, f)| f);
        let changed = self.changed.into_iter().map(|c| c.facility);
        (added.chain(changed).collect(), self.retired.into_iter().map(|f| f.id).collect())
    }
}

/// Compares what was read with what is held.
///
/// A file that is not `complete` (one service file of the ministry) says nothing about what it does not name: services of a
/// known facility that are not in it stay, and no facility leaves. A complete file is the register as it shall be.
#[must_use]
pub fn difference(new: Vec<(usize, Facility)>, existing: &[Facility], complete: bool) -> Difference {
    let held: BTreeMap<&FacilityId, &Facility> = existing.iter().map(|f| (&f.id, f)).collect();
    let mut out = Difference::default();
    let mut named = std::collections::BTreeSet::new();
    for (line, mut facility) in new {
        named.insert(facility.id.clone());
        let Some(before) = held.get(&facility.id) else {
            out.added.push((line, facility));
            continue;
        };
        if !complete {
            facility.services = joined(&before.services, &facility.services);
        }
        if facility == **before {
            out.same.push(facility.id);
            continue;
        }
        let mut what: Vec<String> =
            differences(before, &facility).into_iter().map(|(column, old, new)| words(column.name(), &old, &new)).collect();
        what.extend(service_differences(&before.services, &facility.services));
        out.changed.push(Changed { line, facility, what });
    }
    if complete {
        out.retired = existing.iter().filter(|f| !named.contains(&f.id)).cloned().collect();
    }
    out
}

/// Known services with what the file says of them, then the file's new ones.
fn joined(before: &[Service], new: &[Service]) -> Vec<Service> {
    let mut services: Vec<Service> =
        before.iter().map(|old| new.iter().find(|s| s.id == old.id).unwrap_or(old).clone()).collect();
    services.extend(new.iter().filter(|s| before.iter().all(|old| old.id != s.id)).cloned());
    services
}

fn words(what: &str, old: &str, new: &str) -> String {
    let or_nothing = |text: &str| if text.is_empty() { "（なし）".to_owned() } else { text.to_owned() };
    format!("{what}: {} → {}", or_nothing(old), or_nothing(new))
}

/// What differs between two records of a facility, services aside: column, before, after.
fn differences(old: &Facility, new: &Facility) -> Vec<(Column, String, String)> {
    let degrees = |n: Option<f64>| n.map(|n| n.to_string()).unwrap_or_default();
    let reason = |c: &Closure| c.reason.map_or(String::new(), |reason| format!("（{}）", JA.t(&format!("closure.{reason}"))));
    let closed = |c: &Closure| format!("{}〜{}{}", c.from, c.until, reason(c));
    let closures = |f: &Facility| f.closures.iter().map(closed).collect::<Vec<_>>().join("・");
    let pair = |column: Column, text: fn(&Facility) -> &str| (column, text(old).to_owned(), text(new).to_owned());
    let all = [
        pair(Column::Name, |f| &f.name),
        pair(Column::Kana, |f| &f.kana),
        pair(Column::District, |f| f.district.as_str()),
        pair(Column::Island, |f| f.island.as_deref().unwrap_or_default()),
        pair(Column::Address, |f| &f.address),
        pair(Column::Phone, |f| &f.phone),
        pair(Column::Fax, |f| &f.fax),
        pair(Column::Url, |f| &f.url),
        pair(Column::Operator, |f| &f.operator),
        pair(Column::OfficeNumber, |f| &f.office_number),
        (Column::Latitude, degrees(old.latitude), degrees(new.latitude)),
        (Column::Longitude, degrees(old.longitude), degrees(new.longitude)),
        (Column::Closures, closures(old), closures(new)),
    ];
    all.into_iter().filter(|(_, old, new)| old != new).collect()
}

fn service_differences(old: &[Service], new: &[Service]) -> Vec<String> {
    let number = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
    let list = |words: Vec<String>| words.join("・");
    let mut out = Vec::new();
    for s in new {
        let name = s.kind.name_ja();
        let Some(before) = old.iter().find(|o| o.id == s.id) else {
            out.push(format!("サービス追加: {name}"));
            continue;
        };
        if before.kind != s.kind {
            out.push(words("サービスの種類", before.kind.name_ja(), name));
        }
        if before.capacity != s.capacity {
            out.push(words(&format!("{name}の定員"), &number(before.capacity), &number(s.capacity)));
        }
        let cells = |s: &Service| list(s.bed_cells.iter().map(ToString::to_string).collect());
        if before.bed_cells != s.bed_cells {
            out.push(words(&format!("{name}の床の区分"), &cells(before), &cells(s)));
        }
        let sessions = |s: &Service| list(s.sessions.iter().map(ToString::to_string).collect());
        if before.sessions != s.sessions {
            out.push(words(&format!("{name}の時間帯"), &sessions(before), &sessions(s)));
        }
    }
    out.extend(old.iter().filter(|o| new.iter().all(|s| s.id != o.id)).map(|o| format!("サービス廃止: {}", o.kind.name_ja())));
    if out.is_empty() && old != new {
        out.push("サービスの順序".to_owned());
    }
    out
}

#[cfg(test)]
mod tests;
