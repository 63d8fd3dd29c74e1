//! The whole board as plain text, for the worst network: a few kilobytes that a modem, a screen reader or a fax can carry.
//!
//! Letters stand for marks here (◎○△×？ are characters of a plain text, drawn by whatever shows it), each explained on top.
//! Invariant: every line with a value carries the time it was true; a stale value is ？ with what was last said.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use imaboard_domain::{
    Acceptance, Aspect, Cell, DistrictId, FacilityBoard, Grid, Level, LevelCounts, Mode, PLAIN_ASPECTS, PostingKind, Realm,
    Service, Shown, Value,
};

use crate::layout::{Frame, grouped};
use crate::public::damage_words;
use crate::time;
use crate::words::value_key;

/// The sign of a level in plain text.
#[must_use]
pub fn sign(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Plenty) => "◎",
        Some(Level::Available) => "○",
        Some(Level::Few) => "△",
        Some(Level::Full) => "×",
        Some(Level::NotOffered) => "−",
        None => "？",
    }
}

/// The whole board.
#[must_use]
pub fn board(frame: &Frame<'_>) -> String {
    let mut out = String::with_capacity(16 * 1024);
    // Writing to a String cannot fail.
    let _ = write_board(frame, &mut out);
    out
}

fn write_board(frame: &Frame<'_>, out: &mut String) -> std::fmt::Result {
    let now = frame.now();
    writeln!(out, "{} {}", frame.t("brand.name"), frame.city.name)?;
    if frame.moment.board.is_sample() {
        writeln!(out, "【{}】{}", frame.t("sample.badge"), frame.t("sample.line"))?;
    }
    writeln!(out, "{} {}", time::day_clock(now), frame.t("public.as_of"))?;
    if let Some(i) = frame.moment.incident() {
        let band = if frame.moment.mode() == Mode::Alert { "public.band.alert" } else { "public.band.incident" };
        writeln!(out, "【{}】{} {}{}", frame.t(band), i.name, time::when(i.opened_at, now), frame.t("public.since"))?;
        let notes = frame.moment.board.notes(&i.id);
        for (at, text) in notes.iter().rev().filter_map(|n| Some((n.at, n.text.as_deref()?))).take(MOST_NOTES) {
            writeln!(out, "・{} {} {}", frame.t("public.timeline.city"), time::when(at, now), one_line(text))?;
        }
    }
    if let Some(i) = frame.moment.exercise() {
        writeln!(out, "【{}】{} {}", frame.t("mode.exercise"), i.name, frame.t("public.band.exercise"))?;
    }
    let desk = frame.desk();
    writeln!(out, "{} {} {}", desk.label, desk.phone, desk.hours)?;
    let legend: Vec<String> = [Some(Level::Plenty), Some(Level::Available), Some(Level::Few), Some(Level::Full)]
        .into_iter()
        .map(|l| format!("{}{}", sign(l), frame.t(crate::marks::level_key(l))))
        .collect();
    writeln!(out, "{} ？{}", legend.join(" "), frame.t("public.unknown_old"))?;
    write_postings(frame, out)?;
    if frame.moment.mode() == Mode::Incident {
        write_answers(frame, out)?;
    }
    let all = frame.moment.facility_count();
    if all == 0 {
        writeln!(out, "\n{}", frame.t("public.front.no_facility"))?;
    } else if all > MOST_FACILITIES {
        write_counts(frame, out)?;
    } else {
        write_facilities(frame, out)?;
    }
    writeln!(out, "\n{}", frame.t("public.foot.line"))?;
    writeln!(out, "{}", frame.fill("public.foot.position", &[("seq", &grouped(frame.moment.board.position()))]))
}

/// How many updates of the city stand on top: the newest.
const MOST_NOTES: usize = 5;

/// A board of more facilities is megabytes that no bad network carries: then districts stand for their facilities.
const MOST_FACILITIES: u32 = 500;
/// And of more districts than this, the whole city for its districts.
const MOST_DISTRICTS: usize = 60;

fn write_facilities(frame: &Frame<'_>, out: &mut String) -> std::fmt::Result {
    let mut held = frame.moment.facilities_by_district();
    let known = frame.city.districts.iter().map(|d| (d.id.clone(), d.name.as_str()));
    let known: Vec<_> = known.filter(|(id, _)| held.remove(id).is_some()).collect();
    for (id, name) in &known {
        writeln!(out, "\n■ {name}")?;
        write_district(frame, out, id)?;
    }
    if !held.is_empty() {
        writeln!(out, "\n■ {}", frame.t("public.text.elsewhere"))?;
    }
    held.keys().try_for_each(|id| write_district(frame, out, id))
}

fn write_district(frame: &Frame<'_>, out: &mut String, district: &DistrictId) -> std::fmt::Result {
    let mut held = frame.moment.listed(None, district).filter_map(|f| frame.moment.board.find_facility(&f.id));
    held.try_for_each(|f| write_facility(frame, out, f))
}

fn write_counts(frame: &Frame<'_>, out: &mut String) -> std::fmt::Result {
    let table = frame.moment.row_counts();
    let write_rows = |out: &mut String, of: &dyn Fn(&BTreeMap<DistrictId, LevelCounts>) -> LevelCounts| {
        for (row, cells) in &table {
            let c = of(cells);
            if c.total() > 0 {
                let name = frame.words.t(&format!("public.row.{row}")).to_owned();
                writeln!(out, " {name} ◎{} ○{} △{} ×{} ？{}", c.plenty, c.available, c.few, c.full, c.unknown)?;
            }
        }
        Ok(())
    };
    writeln!(out, "\n{}", frame.t("public.text.many"))?;
    writeln!(out, "\n■ {}", frame.t("public.front.everywhere"))?;
    write_rows(out, &|cells| {
        let mut sum = LevelCounts::default();
        cells.values().for_each(|c| sum.add_all(*c));
        sum
    })?;
    if frame.city.districts.len() <= MOST_DISTRICTS {
        for district in &frame.city.districts {
            writeln!(out, "\n■ {}", district.name)?;
            write_rows(out, &|cells| cells.get(&district.id).copied().unwrap_or_default())?;
        }
    }
    Ok(())
}

fn write_postings(frame: &Frame<'_>, out: &mut String) -> std::fmt::Result {
    for (kind, key) in [(PostingKind::Notice, "public.notices.title"), (PostingKind::Job, "public.jobs.title")] {
        let list = frame.moment.public_postings(kind);
        if list.is_empty() {
            continue;
        }
        writeln!(out, "\n■ {}", frame.t(key))?;
        for p in list {
            let whose = p.facility.as_ref().and_then(|id| frame.moment.board.find_facility(id));
            write!(out, "・{}", one_line(p.title()))?;
            if let Some(f) = whose {
                write!(out, "（{}）", one_line(&f.facility.name))?;
            }
            writeln!(out, " {}", time::when(p.publish_at.unwrap_or(p.received_at), frame.now()))?;
        }
    }
    Ok(())
}

fn write_answers(frame: &Frame<'_>, out: &mut String) -> std::fmt::Result {
    let counts = frame.moment.first_counts(Realm::Real);
    writeln!(out, "\n■ {}", frame.t("public.incident.answers_title"))?;
    if let Some(call) = frame.moment.roll_call(Realm::Real) {
        let said = frame.fill("public.incident.answers", &[("all", &call.asked.to_string()), ("n", &call.answered.to_string())]);
        writeln!(out, "{}％ {said}", call.percent())?;
    }
    writeln!(
        out,
        "{} {} / {} {} / {} {} / {} {}",
        frame.t("first_report.needs_help"),
        counts.needs_help,
        frame.t("first_report.impaired"),
        counts.impaired,
        frame.t("first_report.safe"),
        counts.safe,
        frame.t("public.no_answer"),
        counts.silent
    )
}

fn write_facility(frame: &Frame<'_>, out: &mut String, held: &FacilityBoard) -> std::fmt::Result {
    let f = &held.facility;
    write!(out, "\n{}", one_line(&f.name))?;
    if let Some(island) = &f.island {
        write!(out, "（{}）", one_line(island))?;
    }
    writeln!(out, " {}", one_line(&f.phone))?;
    if f.is_closed_on(frame.moment.today()) {
        writeln!(out, " {}", frame.t("public.closed_today"))?;
    }
    for service in f.services.iter().filter(|s| s.kind.grid().is_some()) {
        write_service(frame, out, held, service)?;
    }
    if frame.moment.incident().is_some() {
        write_damage(frame, out, held)?;
    }
    Ok(())
}

/// One service: runs of equal cells are joined, so that 31 days are a line.
fn write_service(frame: &Frame<'_>, out: &mut String, held: &FacilityBoard, service: &Service) -> std::fmt::Result {
    let mut runs: Vec<(Cell, Cell, String)> = Vec::new();
    for cell in service.cells(frame.moment.today()) {
        let said = shown_words(frame, frame.moment.cell(held, service, cell), service.kind.unit_ja());
        match runs.last_mut() {
            Some((first, last, same)) if *same == said && joins(*first, cell) => *last = cell,
            _ => runs.push((cell, cell, said)),
        }
    }
    write!(out, " {}", service.kind.name_ja())?;
    // One run over everything needs no names of cells.
    if let [(first, last, said)] = runs.as_slice()
        && !matches!(first, Cell::Date(_) if first == last)
    {
        return writeln!(out, " {said}");
    }
    for (first, last, said) in runs {
        write!(out, "\n  {}", cell_words(frame, first))?;
        if first != last {
            write!(out, "〜{}", cell_words(frame, last))?;
        }
        write!(out, " {said}")?;
    }
    writeln!(out)
}

/// Only days and weekdays read as a span; the sexes of beds do not.
fn joins(first: Cell, next: Cell) -> bool {
    match (first, next) {
        (Cell::Date(_), Cell::Date(_)) => true,
        (Cell::Weekday(_, a), Cell::Weekday(_, b)) => a == b,
        _ => matches!(first.grid(), Grid::Slots | Grid::Beds | Grid::Weekdays),
    }
}

fn cell_words(frame: &Frame<'_>, cell: Cell) -> String {
    let word = |table: &str, word: &str| frame.words.t(&format!("{table}.{word}")).to_owned();
    match cell {
        Cell::Beds { sex, room } => {
            let parts: Vec<String> =
                [sex.map(|s| word("bed", s.word())), room.map(|r| word("bed", r.word()))].into_iter().flatten().collect();
            if parts.is_empty() { word("bed", "all") } else { parts.join("・") }
        }
        Cell::Date(date) => format!("{}/{}({})", date.month(), date.day(), time::weekday(date)),
        Cell::Weekday(day, session) => format!("{}{}", word("weekday", day.word()), word("session", session.word())),
        Cell::Slot(slot) => word("slot", slot.word()),
        Cell::Intake => frame.t("aspect.vacancy").to_owned(),
    }
}

fn shown_words(frame: &Frame<'_>, shown: Shown<'_>, unit: &str) -> String {
    let now = frame.now();
    let amount = |value: &Value| value.count().filter(|n| *n > 0).map(|n| format!("{n}{unit}")).unwrap_or_default();
    match shown {
        Shown::Fresh(s) | Shown::Aging(s) => {
            let mut text = format!(
                "{}{} ({}{})",
                sign(s.value.level()),
                amount(&s.value),
                time::when(s.observed_at, now),
                frame.t("public.as_of")
            );
            if shown.is_aging() {
                text.push_str(&format!("[{}]", time::ago(s.observed_at, now)));
            }
            text
        }
        Shown::Stale(s) => format!(
            "{} ({} {} {}{})",
            sign(None),
            frame.t("public.last"),
            time::ago(s.observed_at, now),
            sign(s.value.level()),
            amount(&s.value)
        ),
        Shown::Missing => format!("{} {}", sign(None), frame.t("public.never_reported")),
    }
}

fn write_damage(frame: &Frame<'_>, out: &mut String, held: &FacilityBoard) -> std::fmt::Result {
    let now = frame.now();
    let f = &held.facility;
    let row = frame.moment.damage_of(held, Realm::Real);
    for (aspect, _) in PLAIN_ASPECTS.iter().filter(|(a, _)| !matches!(a, Aspect::Injured | Aspect::Needs)) {
        let name = frame.words.t(&format!("aspect.{}", aspect.word())).to_owned();
        match row.shown(aspect) {
            Shown::Fresh(s) | Shown::Aging(s) => {
                let quiet = matches!(s.value, Value::Acceptance { state: Acceptance::No, .. });
                if !quiet {
                    let words = damage_words(frame, f, aspect, &s.value);
                    writeln!(out, " {name} {words} ({}{})", time::when(s.observed_at, now), frame.t("public.as_of"))?;
                }
            }
            Shown::Stale(s) => writeln!(
                out,
                " {name} {} ({} {} {})",
                sign(None),
                frame.t("public.last"),
                time::ago(s.observed_at, now),
                frame.words.t(&value_key(aspect, s.value.word()))
            )?,
            Shown::Missing if *aspect == Aspect::FirstReport => {
                writeln!(out, " {name} {} {}", sign(None), frame.t("public.no_answer"))?;
            }
            Shown::Missing => {}
        }
    }
    if let Some(s) = row.shown(&Aspect::Needs).current()
        && let Value::Needs(list) = &s.value
        && !list.is_empty()
    {
        let items: Vec<String> = list
            .iter()
            .map(|n| {
                let urgency = frame.words.t(&format!("urgency.{}", n.urgency.word())).to_owned();
                format!("{urgency} {}", crate::public::need_words(frame, n))
            })
            .collect();
        writeln!(
            out,
            " {} {} ({}{})",
            frame.t("aspect.needs"),
            items.join("、"),
            time::when(s.observed_at, now),
            frame.t("public.as_of")
        )?;
    }
    Ok(())
}

/// A name on one line, whatever it holds: a line break inside a name must not look like a new line of the board.
fn one_line(text: &str) -> String {
    text.split(char::is_control).filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ")
}
