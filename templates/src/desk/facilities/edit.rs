//! The form of one record of the register: what it is filled with, how it is read, and how it is shown.
//!
//! | field | means |
//! |---|---|
//! | `name` … `longitude` | the record |
//! | `s.N.id`, `.kind`, `.capacity`, `.cells`, `.sessions`, `.off` | a service; `off` takes it away, a new one has no `id` |
//! | `c.N.from`, `.until`, `.reason`, `.off` | a planned closure |
//! | `version` | the record this form was made from |
//!
//! *Invariant:* reading what [`fields`] wrote gives the same record back, and a refused form shows again every letter typed.

use std::collections::BTreeMap;
use std::str::FromStr;

use imaboard_domain::{
    BedRoom, BedSex, Cell, Closure, ClosureReason, Facility, FacilityId, Grid, MOST_PLACES, Service, ServiceId, ServiceKind,
    Session,
};
use jiff::civil::Date;
use maud::{Markup, html};
use uuid::Uuid;

use super::super::{Frame, Room, document, field_error};
use super::path;
use crate::city::City;
use crate::report::form::Typed;

/// Longest text of a field, as in a register file.
const MOST_CHARS: usize = 200;
/// Empty lines for new closures.
const BLANK_CLOSURES: usize = 2;
/// Plain text fields, with their input types, in the order of the form.
const TEXTS: [(&str, &str); 10] = [
    ("name", "text"),
    ("kana", "text"),
    ("address", "text"),
    ("phone", "tel"),
    ("fax", "tel"),
    ("url", "url"),
    ("operator", "text"),
    ("office_number", "text"),
    ("latitude", "text"),
    ("longitude", "text"),
];

/// Every class of beds a service may tell apart.
fn bed_cells() -> Vec<Cell> {
    let sexes = [None, Some(BedSex::Male), Some(BedSex::Female), Some(BedSex::Either)];
    let rooms = [None, Some(BedRoom::Private), Some(BedRoom::Shared)];
    let all = sexes.into_iter().flat_map(|sex| rooms.into_iter().map(move |room| Cell::Beds { sex, room }));
    all.filter(|cell| *cell != Cell::ALL_BEDS).collect()
}

fn cell_words(frame: &Frame<'_>, cell: Cell) -> String {
    let of = |key: String| frame.words.t(&key).to_owned();
    match cell {
        Cell::Beds { sex, room } => {
            let parts = [sex.map(|s| of(format!("bed.{s}"))), room.map(|r| of(format!("bed.{r}")))];
            parts.into_iter().flatten().collect::<Vec<_>>().join("・")
        }
        other => other.to_string(),
    }
}

/// How a service says how much room there is, in words.
#[must_use]
pub fn grid_words(frame: &Frame<'_>, service: &Service) -> String {
    let detail = match service.kind.grid() {
        Some(Grid::Beds) => service.bed_cells.iter().map(|c| cell_words(frame, *c)).collect::<Vec<_>>(),
        Some(Grid::Weekdays) => {
            service.sessions().iter().map(|s| frame.words.t(&format!("session.{s}")).to_owned()).collect::<Vec<_>>()
        }
        _ => Vec::new(),
    };
    let grid = service.kind.grid().map_or("none", Grid::word);
    let name = frame.words.t(&format!("desk.facilities.grid.{grid}")).to_owned();
    if detail.is_empty() { name } else { format!("{name}（{}）", detail.join("、")) }
}

/// The record as fields.
#[must_use]
pub fn fields(f: &Facility) -> Vec<(String, String)> {
    let degrees = |n: Option<f64>| n.map(|n| n.to_string()).unwrap_or_default();
    let mut all: Vec<(String, String)> = [
        ("name", f.name.clone()),
        ("kana", f.kana.clone()),
        ("district", f.district.to_string()),
        ("island", f.island.clone().unwrap_or_default()),
        ("address", f.address.clone()),
        ("phone", f.phone.clone()),
        ("fax", f.fax.clone()),
        ("url", f.url.clone()),
        ("operator", f.operator.clone()),
        ("office_number", f.office_number.clone()),
        ("latitude", degrees(f.latitude)),
        ("longitude", degrees(f.longitude)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    for (n, s) in f.services.iter().enumerate() {
        all.push((format!("s.{n}.id"), s.id.to_string()));
        all.push((format!("s.{n}.kind"), s.kind.to_string()));
        all.push((format!("s.{n}.capacity"), s.capacity.map(|c| c.to_string()).unwrap_or_default()));
        all.extend(s.bed_cells.iter().map(|c| (format!("s.{n}.cells"), c.to_string())));
        all.extend(s.sessions.iter().map(|session| (format!("s.{n}.sessions"), session.to_string())));
    }
    for (n, c) in f.closures.iter().enumerate() {
        all.push((format!("c.{n}.from"), c.from.to_string()));
        all.push((format!("c.{n}.until"), c.until.to_string()));
        all.extend(c.reason.map(|reason| (format!("c.{n}.reason"), reason.to_string())));
    }
    all
}

/// How many lines `letter.N.…` a form holds; more than any facility has is somebody's mistake.
fn lines(typed: &Typed, letter: &str) -> usize {
    const MOST: usize = 60;
    let number = |name: &str| {
        let (n, _) = name.strip_prefix(letter)?.strip_prefix('.')?.split_once('.')?;
        n.parse::<usize>().ok().filter(|n| *n < MOST)
    };
    typed.pairs().iter().filter_map(|(name, _)| number(name)).max().map_or(0, |n| n + 1)
}

/// Digits, letters and hyphens as a Japanese keyboard leaves them, in the form of the register.
fn narrow(text: &str) -> String {
    let one = |c: char| match c {
        '　' => ' ',
        'ー' | '―' | '−' | '‐' | '–' => '-',
        '！'..='～' => u32::from(c).checked_sub(0xFEE0).and_then(char::from_u32).unwrap_or(c),
        other => other,
    };
    text.trim().chars().map(one).collect()
}

/// What is wrong, by field; the values are keys of words.
pub type Wrong = BTreeMap<String, &'static str>;

/// Reads the form as a record.
///
/// # Errors
/// What is wrong with which field.
pub fn read(typed: &Typed, id: FacilityId, city: &City) -> Result<Facility, Wrong> {
    let mut wrong = Wrong::new();
    let text = |name: &str| typed.one(name).unwrap_or_default().trim().to_owned();
    let number = |name: &str| narrow(typed.one(name).unwrap_or_default());
    for (name, _) in TEXTS {
        if text(name).chars().count() > MOST_CHARS {
            wrong.insert(name.to_owned(), "long");
        }
    }
    if text("name").is_empty() {
        wrong.insert("name".to_owned(), "name");
    }
    for name in ["phone", "fax"] {
        let number = number(name);
        let fits = number.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '(' | ')' | ' '));
        if !number.is_empty() && (!fits || number.chars().filter(char::is_ascii_digit).count() < 3) {
            wrong.insert(name.to_owned(), "number");
        }
    }
    let url = text("url");
    if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
        wrong.insert("url".to_owned(), "url");
    }
    if !number("office_number").chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        wrong.insert("office_number".to_owned(), "office_number");
    }
    let mut degrees = |name: &str, most: f64| {
        let typed = number(name);
        let parsed = typed.parse::<f64>().ok().filter(|n| n.abs() <= most);
        if !typed.is_empty() && parsed.is_none() {
            wrong.insert(name.to_owned(), "degrees");
        }
        parsed
    };
    let (latitude, longitude) = (degrees("latitude", 90.0), degrees("longitude", 180.0));
    if latitude.is_some() != longitude.is_some() && !wrong.contains_key("latitude") && !wrong.contains_key("longitude") {
        wrong.insert("longitude".to_owned(), "both");
    }
    let district = typed.one("district").and_then(|d| d.parse().ok());
    let known = district.as_ref().and_then(|d| city.districts.iter().find(|known| known.id == *d));
    if known.is_none() {
        wrong.insert("district".to_owned(), "district");
    }
    let island = Some(text("island")).filter(|island| !island.is_empty());
    if island.as_ref().is_some_and(|island| known.is_some_and(|d| !d.islands.contains(island))) {
        wrong.insert("island".to_owned(), "island");
    }
    let services = services(typed, &mut wrong);
    let closures = closures(typed, &mut wrong);
    match district.filter(|_| wrong.is_empty()) {
        None => Err(wrong),
        Some(district) => Ok(Facility {
            id,
            name: text("name"),
            kana: text("kana"),
            district,
            island,
            address: text("address"),
            phone: number("phone"),
            fax: number("fax"),
            url,
            operator: text("operator"),
            office_number: number("office_number"),
            latitude,
            longitude,
            services,
            closures,
        }),
    }
}

fn services(typed: &Typed, wrong: &mut Wrong) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    for n in 0..lines(typed, "s") {
        let of = |what: &str| format!("s.{n}.{what}");
        if typed.one(&of("off")).is_some() {
            continue;
        }
        let Some(kind) = typed.one(&of("kind")) else {
            // A number nobody can place must not vanish.
            if typed.one(&of("capacity")).is_some() {
                wrong.insert(of("kind"), "kind");
            }
            continue;
        };
        let Ok(kind) = kind.parse::<ServiceKind>() else {
            wrong.insert(of("kind"), "kind");
            continue;
        };
        let capacity = typed.one(&of("capacity")).map(str::trim).filter(|text| !text.is_empty());
        let read = capacity.map(|text| narrow(text).parse::<u32>().ok().filter(|n| *n <= MOST_PLACES));
        if read == Some(None) {
            wrong.insert(of("capacity"), "capacity");
        }
        let taken = |id: &ServiceId, services: &[Service]| services.iter().any(|s| s.id == *id);
        let named = typed.one(&of("id")).and_then(|id| id.parse().ok());
        let id = named.filter(|id| !taken(id, &services)).or_else(|| {
            // Ids of lines that follow are taken too.
            let later: Vec<&str> = (n..lines(typed, "s")).filter_map(|k| typed.one(&format!("s.{k}.id"))).collect();
            let names = (1..).map(|k| if k == 1 { kind.word().to_owned() } else { format!("{}-{k}", kind.word()) });
            names
                .filter(|id| !later.contains(&id.as_str()))
                .filter_map(|id| ServiceId::new(id).ok())
                .find(|id| !taken(id, &services))
        });
        let Some(id) = id else { continue };
        let bed_cells = typed.all(&of("cells")).filter_map(|c| Cell::from_str(c).ok()).collect();
        let sessions = typed.all(&of("sessions")).filter_map(|s| Session::from_str(s).ok()).collect();
        services.push(Service {
            id,
            kind,
            capacity: read.flatten(),
            bed_cells: if kind.grid() == Some(Grid::Beds) { bed_cells } else { Vec::new() },
            sessions: if kind.grid() == Some(Grid::Weekdays) { sessions } else { Vec::new() },
        });
    }
    if services.is_empty() {
        wrong.insert("services".to_owned(), "services");
    }
    services
}

fn closures(typed: &Typed, wrong: &mut Wrong) -> Vec<Closure> {
    let mut closures = Vec::new();
    for n in 0..lines(typed, "c") {
        let of = |what: &str| format!("c.{n}.{what}");
        let day = |what: &str| typed.one(&of(what)).map(|text| text.trim().parse::<Date>().ok());
        let reason = typed.one(&of("reason")).and_then(|word| word.parse::<ClosureReason>().ok());
        match (day("from"), day("until")) {
            _ if typed.one(&of("off")).is_some() => {}
            (None, None) if reason.is_none() => {}
            (Some(Some(from)), Some(Some(until))) if from <= until => closures.push(Closure { from, until, reason }),
            (Some(Some(_)), Some(Some(_))) => {
                wrong.insert(of("until"), "order");
            }
            (Some(Some(_)), _) => {
                wrong.insert(of("until"), "day");
            }
            _ => {
                wrong.insert(of("from"), "day");
            }
        }
    }
    closures
}

/// What somebody else made of the record meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Conflict<'a> {
    /// The record as it is now.
    pub theirs: &'a Facility,
}

/// What the form is made from.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    /// Which facility; `None` for a new one.
    pub facility: Option<&'a Facility>,
    /// What stands in the fields.
    pub typed: &'a Typed,
    /// What is wrong with them.
    pub wrong: &'a Wrong,
    /// What is wrong with the whole.
    pub problem: Option<&'a str>,
    /// The record the form was made from.
    pub version: &'a str,
    /// Somebody else was quicker.
    pub conflict: Option<Conflict<'a>>,
    /// Makes a second press of the button the same.
    pub nonce: Uuid,
}

/// The form.
#[must_use]
pub fn page(frame: &Frame<'_>, form: &Form<'_>) -> Markup {
    let title = match form.facility {
        Some(f) => frame.fill("desk.facilities.edit.title", &[("name", &f.name)]),
        None => frame.t("desk.facilities.edit.title_new").to_owned(),
    };
    let (action, back) = match form.facility {
        Some(f) => (path(&f.id, "edit"), path(&f.id, "")),
        None => (format!("{}/new", Room::Facilities.path()), Room::Facilities.path().to_owned()),
    };
    let services = lines(form.typed, "s");
    let closures = lines(form.typed, "c");
    let middle = html! {
        h1 { (title) }
        @if let Some(problem) = form.problem { div.problem role="alert" { p { (problem) } } }
        @else if !form.wrong.is_empty() { div.problem role="alert" { p { (frame.t("desk.facilities.edit.wrong")) } } }
        @if let Some(conflict) = &form.conflict { (versions(frame, conflict, form.typed, &back)) }
        form.facilities-edit method="post" action=(action) {
            input type="hidden" name="nonce" value=(form.nonce);
            input type="hidden" name="version" value=(form.version);
            div.facilities-two {
                section {
                    h2 { (frame.t("desk.facilities.record")) }
                    @for (name, kind) in &TEXTS[..2] { (text_field(frame, form, name, kind)) }
                    (district_field(frame, form))
                    @for (name, kind) in &TEXTS[2..] { (text_field(frame, form, name, kind)) }
                }
                section {
                    h2 { (frame.t("desk.facilities.services")) }
                    (field_error("e-services", form.wrong.get("services").map(|why| why_words(frame, why))))
                    @for n in 0..services { (service_line(frame, form, n)) }
                    // One more line than there are, for a new service.
                    (service_line(frame, form, services))
                    h2.gap { (frame.t("desk.facilities.closures")) }
                    p.hint { (frame.t("desk.facilities.edit.closures_hint")) }
                    @for n in 0..closures + BLANK_CLOSURES { (closure_line(frame, form, n, n < closures)) }
                }
            }
            p.acts.gap {
                button.go data-key="Ctrl+Enter" {
                    kbd { "Ctrl" } kbd { "Enter" }
                    @if form.conflict.is_some() { (frame.t("desk.facilities.edit.over")) } @else { (frame.t("desk.facilities.edit.save")) }
                }
                a.btn href=(back) { (frame.t("desk.facilities.edit.leave")) }
            }
        }
    };
    document(frame, Some(Room::Facilities), &title, middle)
}

fn why_words<'a>(frame: &Frame<'a>, why: &str) -> &'a str {
    let words = frame.words;
    match why {
        "long" => words.t("desk.facilities.wrong.long"),
        "name" => words.t("desk.facilities.wrong.name"),
        "number" => words.t("desk.facilities.wrong.number"),
        "url" => words.t("desk.facilities.wrong.url"),
        "office_number" => words.t("desk.facilities.wrong.office_number"),
        "degrees" => words.t("desk.facilities.wrong.degrees"),
        "both" => words.t("desk.facilities.wrong.both"),
        "district" => words.t("desk.facilities.wrong.district"),
        "island" => words.t("desk.facilities.wrong.island"),
        "kind" => words.t("desk.facilities.wrong.kind"),
        "capacity" => words.t("desk.facilities.wrong.capacity"),
        "order" => words.t("desk.facilities.wrong.order"),
        "day" => words.t("desk.facilities.wrong.day"),
        _ => words.t("desk.facilities.wrong.services"),
    }
}

/// Id, invalidity and description of a field's input.
fn error_of<'a>(frame: &Frame<'a>, form: &Form<'_>, name: &str) -> (String, Option<&'a str>) {
    (format!("e-{}", name.replace('.', "-")), form.wrong.get(name).map(|why| why_words(frame, why)))
}

fn text_field(frame: &Frame<'_>, form: &Form<'_>, name: &str, kind: &str) -> Markup {
    let (error, why) = error_of(frame, form, name);
    let hint = format!("desk.facilities.hint.{name}");
    let described = [frame.words.has(&hint).then(|| format!("h-{name}")), why.map(|_| error.clone())];
    let described: Vec<String> = described.into_iter().flatten().collect();
    html! {
        div.field {
            label for={ "f-" (name) } { (frame.words.t(&format!("desk.facilities.{name}"))) }
            input id={ "f-" (name) } type=(kind) name=(name) value=(form.typed.one(name).unwrap_or_default()) autocomplete="off"
                required[name == "name"] aria-invalid=[why.map(|_| "true")]
                aria-describedby=[(!described.is_empty()).then(|| described.join(" "))];
            (field_error(&error, why))
            @if frame.words.has(&hint) { p.hint id={ "h-" (name) } { (frame.words.t(&hint)) } }
        }
    }
}

fn district_field(frame: &Frame<'_>, form: &Form<'_>) -> Markup {
    let (error, why) = error_of(frame, form, "district");
    let (island_error, island_why) = error_of(frame, form, "island");
    let chosen = form.typed.one("district");
    let island = form.typed.one("island");
    html! {
        div.field {
            label for="f-district" { (frame.t("desk.facilities.district")) }
            select id="f-district" name="district" aria-invalid=[why.map(|_| "true")] aria-describedby=[why.map(|_| &error)] {
                option value="" { (frame.t("desk.facilities.choose")) }
                @for d in &frame.city.districts { option value=(d.id) selected[chosen == Some(d.id.as_str())] { (d.name) } }
            }
            (field_error(&error, why))
        }
        div.field {
            label for="f-island" { (frame.t("desk.facilities.island")) }
            select id="f-island" name="island" aria-invalid=[island_why.map(|_| "true")]
                aria-describedby=[island_why.map(|_| &island_error)] {
                option value="" { (frame.t("desk.facilities.no_island")) }
                @for d in &frame.city.districts { @for i in &d.islands {
                    option value=(i) selected[island == Some(i.as_str())] { (i) "（" (d.name) "）" }
                } }
            }
            (field_error(&island_error, island_why))
        }
    }
}

fn service_line(frame: &Frame<'_>, form: &Form<'_>, n: usize) -> Markup {
    let of = |what: &str| format!("s.{n}.{what}");
    let id = form.typed.one(&of("id"));
    let kind = form.typed.one(&of("kind"));
    let grid = kind.and_then(|k| k.parse::<ServiceKind>().ok()).and_then(ServiceKind::grid);
    let (kind_error, kind_why) = error_of(frame, form, &of("kind"));
    let (error, why) = error_of(frame, form, &of("capacity"));
    let cells_name = of("cells");
    let sessions_name = of("sessions");
    let ticked = |name: &str, value: &str| form.typed.all(name).any(|v| v == value);
    html! {
        fieldset.facilities-line.facilities-service {
            legend { (if kind.is_some() { frame.fill("desk.facilities.edit.service", &[("n", &(n + 1).to_string())]) }
                else { frame.t("desk.facilities.edit.service_new").to_owned() }) }
            @if let Some(id) = id { input type="hidden" name=(of("id")) value=(id); }
            div.field {
                label for={ "s-" (n) "-kind" } { (frame.t("desk.facilities.kind")) }
                select id={ "s-" (n) "-kind" } name=(of("kind")) aria-invalid=[kind_why.map(|_| "true")]
                    aria-describedby=[kind_why.map(|_| &kind_error)] {
                    @if id.is_none() { option value="" { (frame.t("desk.facilities.choose")) } }
                    @for k in ServiceKind::ALL { option value=(k) selected[kind == Some(k.word())] { (k.name_ja()) } }
                }
                (field_error(&kind_error, kind_why))
            }
            div.field.facilities-short {
                label for={ "s-" (n) "-capacity" } { (frame.t("desk.facilities.capacity")) }
                input id={ "s-" (n) "-capacity" } type="text" inputmode="numeric" name=(of("capacity"))
                    value=(form.typed.one(&of("capacity")).unwrap_or_default()) autocomplete="off"
                    aria-invalid=[why.map(|_| "true")] aria-describedby=[why.map(|_| &error)];
                (field_error(&error, why))
            }
            @match grid {
                Some(Grid::Beds) => {
                    div.facilities-ticks role="group" aria-label=(frame.t("desk.facilities.cells")) {
                        span.l { (frame.t("desk.facilities.cells")) }
                        @for cell in bed_cells() { @let word = cell.to_string(); label {
                            input type="checkbox" name=(cells_name) value=(word) checked[ticked(&cells_name, &word)]; (cell_words(frame, cell))
                        } }
                    }
                }
                Some(Grid::Weekdays) => {
                    div.facilities-ticks role="group" aria-label=(frame.t("desk.facilities.sessions")) {
                        span.l { (frame.t("desk.facilities.sessions")) }
                        @for session in Session::ALL { label {
                            input type="checkbox" name=(sessions_name) value=(session) checked[ticked(&sessions_name, session.word())];
                            (frame.words.t(&format!("session.{session}")))
                        } }
                    }
                }
                _ => {}
            }
            @if id.is_some() {
                label.facilities-off { input type="checkbox" name=(of("off")) value="1" checked[form.typed.one(&of("off")).is_some()]; (frame.t("desk.facilities.edit.off")) }
            } @else { p.hint { (frame.t("desk.facilities.edit.service_hint")) } }
        }
    }
}

/// What a closure is for, in words.
#[must_use]
pub fn reason_words<'a>(frame: &Frame<'a>, reason: ClosureReason) -> &'a str {
    match reason {
        ClosureReason::Holiday => frame.t("closure.holiday"),
        ClosureReason::Works => frame.t("closure.works"),
        ClosureReason::Infection => frame.t("closure.infection"),
        ClosureReason::Staff => frame.t("closure.staff"),
        ClosureReason::Event => frame.t("closure.event"),
        ClosureReason::Other => frame.t("closure.other"),
    }
}

fn closure_line(frame: &Frame<'_>, form: &Form<'_>, n: usize, held: bool) -> Markup {
    let part = |what: &str| {
        let name = format!("c.{n}.{what}");
        let (error, why) = error_of(frame, form, &name);
        html! {
            div.field.facilities-short {
                label for={ "c-" (n) "-" (what) } { (frame.words.t(&format!("desk.facilities.{what}"))) }
                input id={ "c-" (n) "-" (what) } type="date" name=(name) value=(form.typed.one(&name).unwrap_or_default())
                    aria-invalid=[why.map(|_| "true")] aria-describedby=[why.map(|_| &error)];
                (field_error(&error, why))
            }
        }
    };
    let (reason, off) = (format!("c.{n}.reason"), format!("c.{n}.off"));
    html! {
        fieldset.facilities-line.facilities-closure {
            legend { (frame.fill("desk.facilities.edit.closure", &[("n", &(n + 1).to_string())])) }
            (part("from")) (part("until"))
            div.field {
                label for={ "c-" (n) "-reason" } { (frame.t("desk.facilities.reason")) }
                select id={ "c-" (n) "-reason" } name=(reason) {
                    option value="" { (frame.t("desk.facilities.no_reason")) }
                    @for r in ClosureReason::ALL { option value=(r) selected[form.typed.one(&reason) == Some(r.word())] { (reason_words(frame, *r)) } }
                }
            }
            @if held {
                label.facilities-off {
                    input type="checkbox" name=(off) value="1" checked[form.typed.one(&off).is_some()]; (frame.t("desk.facilities.edit.off"))
                }
            }
        }
    }
}

/// Both versions side by side, only where they differ.
fn versions(frame: &Frame<'_>, conflict: &Conflict<'_>, typed: &Typed, back: &str) -> Markup {
    let theirs = Typed::new(fields(conflict.theirs));
    let mut names: Vec<String> = TEXTS[..2]
        .iter()
        .map(|(n, _)| *n)
        .chain(["district", "island"])
        .chain(TEXTS[2..].iter().map(|(n, _)| *n))
        .map(str::to_owned)
        .collect();
    for (letter, parts) in
        [("s", &["kind", "capacity", "cells", "sessions", "off"][..]), ("c", &["from", "until", "reason", "off"][..])]
    {
        for n in 0..lines(typed, letter).max(lines(&theirs, letter)) {
            names.extend(parts.iter().map(|part| format!("{letter}.{n}.{part}")));
        }
    }
    let of = |typed: &Typed, name: &str| typed.all(name).map(str::trim).filter(|v| !v.is_empty()).collect::<Vec<_>>().join("、");
    let rows: Vec<(String, String, String)> =
        names.into_iter().map(|name| (of(&theirs, &name), of(typed, &name), name)).filter(|(a, b, _)| a != b).collect();
    html! {
        section.problem role="alert" {
            h2 { (frame.t("desk.facilities.conflict.title")) }
            p { (frame.t("desk.facilities.conflict.line")) }
            div.scroll tabindex="0" role="region" aria-label=(frame.t("desk.facilities.conflict.title")) {
                table {
                    thead { tr {
                        th scope="col" { (frame.t("desk.facilities.conflict.field")) }
                        th scope="col" { (frame.t("desk.facilities.conflict.theirs")) }
                        th scope="col" { (frame.t("desk.facilities.conflict.mine")) }
                    } }
                    tbody { @for (theirs, mine, name) in &rows { tr {
                        th scope="row" { (field_words(frame, name)) }
                        td { (value_words(frame, name, theirs)) }
                        td { (value_words(frame, name, mine)) }
                    } } }
                }
            }
            p.acts.under { a.btn href=(back) { (frame.t("desk.facilities.conflict.take_theirs")) } }
        }
    }
}

fn field_words(frame: &Frame<'_>, name: &str) -> String {
    let mut parts = name.split('.');
    match (parts.next(), parts.next().and_then(|n| n.parse::<usize>().ok()), parts.next()) {
        (Some(letter @ ("s" | "c")), Some(n), Some(part)) => {
            let line = if letter == "s" { "desk.facilities.edit.service" } else { "desk.facilities.edit.closure" };
            let part = if part == "off" { "edit.off" } else { part };
            format!("{} {}", frame.fill(line, &[("n", &(n + 1).to_string())]), frame.words.t(&format!("desk.facilities.{part}")))
        }
        _ => frame.words.t(&format!("desk.facilities.{name}")).to_owned(),
    }
}

/// What a field says, in the words of the page.
fn value_words(frame: &Frame<'_>, name: &str, value: &str) -> Markup {
    let said = match name.rsplit('.').next() {
        Some("kind") => value.parse::<ServiceKind>().ok().map(|k| k.name_ja().to_owned()),
        Some("reason") => value.parse().ok().map(|reason| reason_words(frame, reason).to_owned()),
        Some("district") => value.parse().ok().map(|d| frame.city.district(&d).to_owned()),
        Some("off") if !value.is_empty() => Some(frame.t("desk.facilities.edit.off").to_owned()),
        Some("cells") => {
            Some(value.split('、').filter_map(|c| c.parse().ok()).map(|c| cell_words(frame, c)).collect::<Vec<_>>().join("、"))
        }
        Some("sessions") => Some(
            value
                .split('、')
                .filter_map(|s| s.parse::<Session>().ok())
                .map(|s| frame.words.t(&format!("session.{s}")).to_owned())
                .collect::<Vec<_>>()
                .join("、"),
        ),
        _ => None,
    };
    let said = said.unwrap_or_else(|| value.to_owned());
    html! { @if said.is_empty() { span.nil { (frame.t("desk.facilities.nothing")) } } @else { (said) } }
}
