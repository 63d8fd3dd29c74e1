//! The desk's room `memory`: what stands on the log, in words — the whole of it, of one facility, of one person at the desk.
//!
//! *Invariant:* everything here is made from entries of the log as they stand now, so an erased text appears nowhere; and every line
//! names its receipt number (第n号), its channel and both of its times where they differ.

use std::collections::BTreeSet;

use imaboard_domain::{
    Aspect, Cell, Entry, EntryId, Facility, FacilityId, Facts, Grid, KeyId, Moment, Observed, PostingId, Report, Session, Value,
};
use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use super::{Frame, Role, Room, document, field_error};
use crate::guide::rule_in_short;
use crate::layout::{self, grouped, machine_time, tel, time_tag};
use crate::marks::{Mark, level_spoken, mark};
use crate::public::need_words;
use crate::time;
use crate::words::value_key;

/// Entries on a page.
pub const PAGE_LEN: usize = 50;

/// The channels one may ask for.
pub const CHANNELS: [&str; 8] = ["qr", "form", "button", "phone", "fax", "api", "import", "system"];

/// What entries are about, as people ask for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// What facilities said, and taking it back.
    Reports,
    /// Facilities and their keys.
    Register,
    /// Incidents, exercises and roll calls.
    Incidents,
    /// Notices, jobs and remarks.
    Postings,
    /// Buttons and displays.
    Devices,
    /// Texts that were erased.
    Erasures,
    /// Everything else.
    Others,
}

impl Topic {
    /// Every topic in the order people read them.
    pub const ALL: [Topic; 7] =
        [Topic::Reports, Topic::Register, Topic::Incidents, Topic::Postings, Topic::Devices, Topic::Erasures, Topic::Others];

    /// The word in addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Topic::Reports => "reports",
            Topic::Register => "register",
            Topic::Incidents => "incidents",
            Topic::Postings => "postings",
            Topic::Devices => "devices",
            Topic::Erasures => "erasures",
            Topic::Others => "others",
        }
    }

    /// The topic of a kind of entry.
    #[must_use]
    pub fn of(kind: &str) -> Self {
        match kind.split('_').next().unwrap_or_default() {
            "report" | "corrected" => Topic::Reports,
            "facility" | "key" | "service" | "closure" => Topic::Register,
            "incident" | "roll" => Topic::Incidents,
            "posting" => Topic::Postings,
            "button" | "display" | "device" => Topic::Devices,
            "redacted" => Topic::Erasures,
            _ => Topic::Others,
        }
    }
}

/// Who acts, as people ask for them: by the first part of the actor.
pub const ACTORS: [&str; 5] = ["key", "button", "staff", "cli", "system"];

/// What a list of entries was asked for; everything as it was typed, so that it can be given back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// A facility, by letters of its name or its id.
    pub facility: String,
    /// A [`Topic`] by its word.
    pub topic: String,
    /// A channel by its word.
    pub channel: String,
    /// One of [`ACTORS`].
    pub who: String,
}

impl Asked {
    /// The same question as the end of an address, ready for more: `?topic=reports&` or `?`.
    #[must_use]
    pub fn query(&self, path: &str) -> String {
        let mut address = format!("{path}?");
        for (name, value) in
            [("facility", &self.facility), ("topic", &self.topic), ("channel", &self.channel), ("who", &self.who)]
        {
            if !value.is_empty() {
                address.push_str(name);
                address.push('=');
                for byte in value.bytes() {
                    if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
                        address.push(char::from(byte));
                    } else {
                        address.push_str(&format!("%{byte:02X}"));
                    }
                }
                address.push('&');
            }
        }
        address
    }

    fn is_anything(&self) -> bool {
        *self != Self::default()
    }
}

/// One entry as it stands on the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The entry.
    pub entry: Entry,
    /// Something was typed and has been erased.
    pub redacted: bool,
    /// Who, in words.
    pub who: String,
}

/// A page of entries, the newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lines {
    /// The entries.
    pub lines: Vec<Line>,
    /// It begins below this position; `None` at the newest.
    pub before: Option<u64>,
    /// Where the next page begins; `None` at the beginning of the log.
    pub next: Option<u64>,
}

fn public<'a>(frame: &Frame<'a>) -> layout::Frame<'a> {
    layout::Frame { city: frame.city, moment: frame.moment, words: frame.words, css: frame.css }
}

fn record<'a>(moment: Moment<'a>, id: &FacilityId) -> Option<&'a Facility> {
    // Also of a facility that has left: its history stays.
    moment.board.facilities().get(id).map(|held| &*held.facility)
}

fn name<'a>(frame: &Frame<'a>, id: &'a FacilityId) -> &'a str {
    match frame.moment.board.facilities().get(id) {
        Some(held) => held.facility.name.as_str(),
        None => id.as_str(),
    }
}

fn facility_link(frame: &Frame<'_>, id: &FacilityId) -> Markup {
    html! { a href={ "/desk/log/facilities/" (id) } { (name(frame, id)) } }
}

fn number(frame: &Frame<'_>, seq: u64) -> Markup {
    html! { a.nw href={ "/desk/log/" (seq) } { (frame.fill("desk.memory.nth", &[("n", &grouped(seq))])) } }
}

/// The whole log, the newest first.
#[must_use]
pub fn list(frame: &Frame<'_>, asked: &Asked, several: &[(FacilityId, String)], page: &Lines) -> Markup {
    let title = frame.t("desk.memory.title");
    let middle = html! {
        div.bar { h1 { (title) } (tabs(frame, "list")) }
        p.intro { (frame.t("desk.memory.lead")) }
        form.memory-ask method="get" action="/desk/log" role="search" aria-label=(frame.t("desk.memory.ask")) {
            p.field {
                label for="facility" { (frame.t("desk.memory.facility")) }
                input #facility type="search" name="facility" value=(asked.facility) data-key="/" autocomplete="off";
            }
            (choice(frame, "topic", "desk.memory.topic", &asked.topic, Topic::ALL.iter().map(|t| (t.word(), format!("desk.memory.topics.{}", t.word())))))
            (choice(frame, "channel", "desk.memory.channel", &asked.channel, CHANNELS.iter().map(|c| (*c, format!("channel.{c}")))))
            (choice(frame, "who", "desk.memory.who", &asked.who, ACTORS.iter().map(|a| (*a, format!("desk.memory.actor.{a}")))))
            p.acts { button { (frame.t("desk.memory.search")) } @if asked.is_anything() { a.btn href="/desk/log" { (frame.t("desk.memory.all")) } } }
        }
        @if !several.is_empty() {
            section aria-labelledby="which" {
                h2 #which { (frame.t("desk.memory.which")) }
                ul.memory-which { @for (id, name) in several {
                    li { a href=(Asked { facility: id.to_string(), ..asked.clone() }.query("/desk/log")) { (name) } " " small { (id) } }
                } }
            }
        } @else {
            (entries(frame, "list", page, &asked.query("/desk/log"), asked.is_anything()))
        }
    };
    document(frame, Some(Room::Memory), title, middle)
}

fn choice<'a>(
    frame: &Frame<'_>,
    name: &str,
    label: &str,
    chosen: &str,
    options: impl Iterator<Item = (&'a str, String)>,
) -> Markup {
    html! {
        p.field {
            label for=(name) { (frame.words.t(label)) }
            select id=(name) name=(name) {
                option value="" { (frame.t("desk.memory.any")) }
                @for (word, key) in options { option value=(word) selected[word == chosen] { (frame.words.t(&key)) } }
            }
        }
    }
}

fn tabs(frame: &Frame<'_>, here: &str) -> Markup {
    let tab = |word: &str, path: &str, key: &str| {
        html! { a href=(path) aria-current=[(word == here).then_some("page")] { (frame.words.t(key)) } }
    };
    html! {
        nav.tabs aria-label=(frame.t("desk.room.memory")) {
            (tab("list", "/desk/log", "desk.memory.tab.list"))
            (tab("staff", "/desk/log/staff", "desk.memory.tab.staff"))
            (tab("chain", "/desk/log/chain", "desk.memory.tab.chain"))
        }
    }
}

/// A table of entries with the way to older ones.
fn entries(frame: &Frame<'_>, id: &str, page: &Lines, path: &str, asked: bool) -> Markup {
    let now = frame.now();
    html! {
        @if page.lines.is_empty() {
            p.under role="status" {
                @match (page.next, page.before, asked) {
                    (Some(next), ..) => (frame.fill("desk.memory.none_so_far", &[("n", &grouped(next))])),
                    (None, Some(_), _) => (frame.t("desk.memory.no_more")),
                    (None, None, true) => (frame.t("desk.memory.none_found")),
                    (None, None, false) => (frame.t("desk.memory.none")),
                }
            }
        } @else {
            div.scroll tabindex="0" role="region" aria-labelledby={ "caption-" (id) } {
                table.memory-lines {
                    caption.v id={ "caption-" (id) } { (frame.t("desk.memory.caption")) }
                    thead { tr {
                        th scope="col" { (frame.t("desk.memory.col.number")) }
                        th scope="col" { (frame.t("desk.memory.col.recorded")) }
                        th scope="col" { (frame.t("desk.memory.col.channel")) }
                        th scope="col" { (frame.t("desk.memory.col.what")) }
                        th scope="col" { (frame.t("desk.memory.col.who")) }
                    } }
                    tbody { @for line in &page.lines { tr {
                        th scope="row" { (number(frame, line.entry.seq)) }
                        td.nw { (time_tag(line.entry.recorded_at, now)) }
                        td.nw { (frame.words.t(&format!("channel.{}", line.entry.channel))) }
                        td { (said(frame, line)) }
                        td { (line.who) }
                    } } }
                }
            }
        }
        @if page.next.is_some() || page.before.is_some() {
            nav.pager aria-label=(frame.t("desk.frame.pages")) {
                @if page.before.is_some() { a href=(path.trim_end_matches(['?', '&'])) { (frame.t("desk.memory.newest")) } }
                @if let Some(next) = page.next { a rel="next" href={ (path) "before=" (next) } { (frame.t("desk.memory.older")) } }
            }
        }
    }
}

/// What kind of entry it is.
fn kind(frame: &Frame<'_>, facts: &Facts) -> String {
    let key = format!("desk.memory.kind.{}", facts.kind());
    if frame.words.has(&key) { frame.words.t(&key).to_owned() } else { facts.kind().to_owned() }
}

fn drill(frame: &Frame<'_>, exercise: bool) -> Markup {
    html! { @if exercise { b.memory-drill { (frame.t("mode.exercise")) } " " } }
}

/// An entry in one line: what it is, of whom, and what it says.
fn said(frame: &Frame<'_>, line: &Line) -> Markup {
    html! {
        (drill(frame, is_exercise(frame.moment, &line.entry.facts)))
        b { (kind(frame, &line.entry.facts)) } " " (about(frame, &line.entry)) (typed(frame, line))
    }
}

/// Whether an entry belongs to an exercise.
fn is_exercise(moment: Moment<'_>, facts: &Facts) -> bool {
    match facts {
        Facts::Report(report) => report.exercise,
        Facts::Corrected { exercise, .. } => *exercise,
        Facts::IncidentOpened(incident) => incident.exercise,
        Facts::IncidentClosed { incident } => moment.board.incidents().get(incident).is_some_and(|i| i.exercise),
        Facts::RollCallOpened(call) => call.exercise,
        Facts::CallTried { exercise, .. } => *exercise,
        Facts::RollCallClosed { roll_call } => moment.board.roll_calls().get(roll_call).is_some_and(|c| c.exercise),
        _ => false,
    }
}

/// What was typed, in quotes; that it was erased, where it was.
fn typed(frame: &Frame<'_>, line: &Line) -> Markup {
    let short = |text: &str| -> String {
        let first = text.lines().next().unwrap_or_default();
        let more = first.chars().count() > SHORT || first.len() < text.trim_end().len();
        first.chars().take(SHORT).chain(more.then_some('…')).collect()
    };
    html! {
        @if let Some(text) = &line.entry.text { " " span.memory-quote { "「" (short(text)) "」" } }
        @else if line.redacted { " " i.memory-erased { (frame.t("desk.memory.erased")) } }
    }
}

/// Characters of a text in a line.
const SHORT: usize = 40;

fn about(frame: &Frame<'_>, entry: &Entry) -> Markup {
    let (t, board) = (|key: &'static str| frame.words.t(key), frame.moment.board);
    match &entry.facts {
        Facts::Report(report) => html! { (facility_link(frame, &report.facility)) " " (values_short(frame, report)) },
        Facts::Corrected { facility, replaces, .. } => {
            html! { (facility_link(frame, facility)) " " (replaced(frame, *replaces)) }
        }
        Facts::Redacted { seq, why } => html! { (number(frame, *seq)) " " (frame.fill("desk.memory.why", &[("why", why)])) },
        Facts::FacilityRegistered(facility) => facility_link(frame, &facility.id),
        Facts::FacilityRetired { facility } => facility_link(frame, facility),
        Facts::KeyIssued { facility, label, .. } => html! { (facility_link(frame, facility)) " " (label) },
        Facts::KeyRevoked { key } => key_words(frame, key),
        Facts::IncidentOpened(incident) => html! { (incident.name) },
        Facts::IncidentClosed { incident } => html! { (board.incidents().get(incident).map_or(incident.as_str(), |i| &i.name)) },
        Facts::RollCallOpened(call) => {
            let areas: Vec<&str> = call.areas.iter().map(|d| frame.city.district(d)).collect();
            html! { @if areas.is_empty() { (t("desk.memory.everywhere")) } @else { (areas.join("・")) } }
        }
        Facts::RollCallClosed { roll_call } => html! { small { (roll_call) } },
        Facts::PostingDrafted { what, facility, .. } => html! {
            (frame.words.t(&format!("desk.memory.posting.{what}")))
            @if let Some(facility) = facility { " " (facility_link(frame, facility)) }
        },
        Facts::PostingPublished { posting, .. } | Facts::PostingWithdrawn { posting } => posting_words(frame, posting),
        Facts::ButtonEnrolled(button) => html! { (facility_link(frame, &button.facility)) " " small { (button.id) } },
        Facts::ButtonRemoved { button } => html! { small { (button) } },
        Facts::CallTried { facility, outcome, .. } => html! {
            (facility_link(frame, facility)) " " (frame.words.t(&format!("desk.overview.outcome.{outcome}")))
        },
        Facts::DisplayAdded(display) => html! { (display.name) " " small { (display.id) } },
        // A kind that needs no words of its own: what it is about; the entry's own page has all of it.
        other => html! { small { (other.subject()) } },
    }
}

fn replaced(frame: &Frame<'_>, report: EntryId) -> Markup {
    html! { a href={ "/desk/log/id/" (report) } { (frame.t("desk.memory.the_report")) } }
}

fn key_words(frame: &Frame<'_>, key: &KeyId) -> Markup {
    html! {
        @if let Some(held) = frame.moment.board.keys().get(key) { (facility_link(frame, &held.facility)) " " (held.label) }
        @else { small { (key) } }
    }
}

fn posting_words(frame: &Frame<'_>, id: &PostingId) -> Markup {
    match frame.moment.board.postings().get(id) {
        Some(posting) => html! {
            (number(frame, posting.source_seq)) " "
            @if posting.text.is_some() { "「" (posting.title()) "」" } @else { i.memory-erased { (frame.t("desk.memory.erased")) } }
        },
        None => html! { small { (id) } },
    }
}

/// The first values of a report, and how many more there are.
fn values_short(frame: &Frame<'_>, report: &Report) -> Markup {
    /// Values in a line.
    const FEW: usize = 3;
    let all_confirmed = !report.observations.is_empty() && report.observations.iter().all(|o| o.confirms.is_some());
    let facility = record(frame.moment, &report.facility);
    html! {
        @if all_confirmed { (frame.fill("desk.memory.confirmed_n", &[("n", &report.observations.len().to_string())])) }
        @else {
            @for (at, o) in report.observations.iter().take(FEW).enumerate() {
                @if at > 0 { "、" }
                (aspect_words(frame, facility, &o.aspect)) " " (value_words(frame, facility, &o.aspect, &o.value))
            }
            @if report.observations.len() > FEW {
                " " (frame.fill("desk.memory.more_n", &[("n", &(report.observations.len() - FEW).to_string())]))
            }
        }
    }
}

/// What an aspect is called: `特養 空き`, `電気`.
fn aspect_words(frame: &Frame<'_>, facility: Option<&Facility>, aspect: &Aspect) -> String {
    let Aspect::Vacancy { service, cell } = aspect else {
        return frame.words.t(&format!("aspect.{}", aspect.word())).to_owned();
    };
    let held = facility.and_then(|f| f.find_service(service));
    let kind = held.map_or(service.as_str(), |s| s.kind.name_ja());
    let cell = match cell {
        Cell::Beds { sex: None, room: None } => frame.t("aspect.vacancy").to_owned(),
        Cell::Beds { sex, room } => {
            let words = [sex.map(imaboard_domain::BedSex::word), room.map(imaboard_domain::BedRoom::word)];
            let words: Vec<&str> = words.into_iter().flatten().map(|w| frame.words.t(bed_key(w))).collect();
            words.join("・")
        }
        Cell::Date(date) => time::day(*date),
        Cell::Weekday(day, session) => {
            let weekday = frame.words.t(&format!("weekday.{day}")).to_owned();
            let whole = held.is_some_and(|s| s.sessions() == [Session::Day]);
            if whole { weekday } else { format!("{weekday}{}", frame.words.t(&format!("session.{session}"))) }
        }
        Cell::Slot(slot) => frame.words.t(&format!("slot.{slot}")).to_owned(),
        Cell::Intake => frame.t("desk.memory.intake").to_owned(),
    };
    format!("{kind} {cell}")
}

fn bed_key(word: &str) -> &'static str {
    match word {
        "male" => "bed.male",
        "female" => "bed.female",
        "either" => "bed.either",
        "private" => "bed.private",
        "shared" => "bed.shared",
        _ => "bed.all",
    }
}

/// A value as it was said: mark, word, and what goes with it. Exact numbers: this is inside the desk.
fn value_words(frame: &Frame<'_>, facility: Option<&Facility>, aspect: &Aspect, value: &Value) -> Markup {
    let number = |n: &Option<u32>, key: &'static str| {
        html! { @if let Some(n) = n { " " span.num { (frame.fill(key, &[("n", &n.to_string())])) } } }
    };
    match value {
        Value::Vacancy { level, count, total } => {
            let service = match aspect {
                Aspect::Vacancy { service, .. } => facility.and_then(|f| f.find_service(service)),
                _ => None,
            };
            let unit = service
                .map_or("", |s| if s.kind.grid() == Some(Grid::Beds) { s.kind.unit_ja() } else { frame.t("desk.memory.person") });
            html! {
                span.n { (level_spoken(frame.words, Some(*level))) }
                @if let Some(n) = count { " " span.num { (n) (unit) } }
                @if let Some(n) = total { " / " span.num { (n) (unit) } }
            }
        }
        Value::Needs(needs) if needs.is_empty() => html! { (frame.t("desk.memory.no_needs")) },
        Value::Needs(needs) => html! {
            @for (at, need) in needs.iter().enumerate() {
                @if at > 0 { "、" }
                (need_words(&public(frame), need)) "（" (frame.words.t(&format!("urgency.{}", need.urgency))) "）"
            }
        },
        other => {
            let drawn = match other {
                Value::FirstReport(first) => Mark::of_first_report(Some(*first)),
                other => Mark::of_condition(other.condition()),
            };
            html! {
                span.n { (mark(drawn)) (frame.words.t(&value_key(aspect, other.word()))) }
                @match other {
                    Value::Power { hours, .. } | Value::Utility { hours, .. } => (number(hours, "public.hours_left")),
                    Value::Supplies { days, .. } => (number(days, "public.days_left")),
                    Value::Acceptance { count, .. } => (number(count, "public.people")),
                    Value::Operation { reopens: Some(day), .. } => (frame.fill("public.reopens", &[("day", &time::day(*day))])),
                    _ => {}
                }
            }
        }
    }
}

fn values_table(frame: &Frame<'_>, report: &Report, id: &str) -> Markup {
    let facility = record(frame.moment, &report.facility);
    let row = |o: &Observed| {
        html! { tr {
            th scope="row" { (aspect_words(frame, facility, &o.aspect)) }
            td { (value_words(frame, facility, &o.aspect, &o.value)) }
            td { @if let Some(first) = o.confirms {
                (frame.t("report.receipt.confirmed")) " " a href={ "/desk/log/id/" (first) } { (frame.t("desk.memory.first_said")) }
            } }
        } }
    };
    html! {
        @if report.observations.is_empty() { p { (frame.t("desk.memory.no_values")) } }
        @else {
            div.scroll tabindex="0" role="region" aria-labelledby=(id) {
                table {
                    thead { tr {
                        th scope="col" { (frame.t("desk.memory.col.aspect")) }
                        th scope="col" { (frame.t("desk.memory.col.value")) }
                        th scope="col" { (frame.t("desk.memory.col.confirmed")) }
                    } }
                    tbody { @for o in &report.observations { (row(o)) } }
                }
            }
        }
    }
}

/// Both times of a report.
fn observed(frame: &Frame<'_>, report: &Report) -> Markup {
    html! {
        (time_tag(report.observed_at, frame.now())) (frame.t("public.as_of"))
        @if report.late { " " small { (frame.t("desk.memory.late")) } }
    }
}

/// Everything one facility ever reported.
#[must_use]
pub fn of_facility(
    frame: &Frame<'_>,
    id: &FacilityId,
    page: &Lines,
    taken_back: &BTreeSet<EntryId>,
    sent_in: &[PostingId],
) -> Markup {
    let record = record(frame.moment, id);
    let retired = frame.moment.board.facilities().get(id).is_some_and(|held| held.retired);
    let heading = frame.fill("desk.memory.of_facility", &[("name", name(frame, id))]);
    let path = format!("/desk/log/facilities/{id}");
    let middle = html! {
        div.bar { h1 { (heading) } (tabs(frame, "")) }
        p.intro {
            @if let Some(record) = record {
                (frame.city.district(&record.district)) " " (tel(&record.phone)) " "
                @if !retired { a href={ "/facilities/" (id) } { (frame.t("desk.memory.public_page")) } }
            }
            @if retired { " " (frame.t("desk.memory.retired")) }
        }
        @if !sent_in.is_empty() && page.before.is_none() {
            section.memory-sent aria-labelledby="sent" {
                h2 #sent { (frame.t("desk.memory.sent_in")) }
                ul { @for posting in sent_in { li {
                    @if let Some(held) = frame.moment.board.postings().get(posting) {
                        (time_tag(held.received_at, frame.now())) " " (frame.words.t(&format!("desk.memory.state.{}", held.state.word()))) " "
                    }
                    (posting_words(frame, posting))
                } } }
            }
        }
        section aria-labelledby="reports" {
            h2.rule #reports { (frame.t("desk.memory.reports")) }
            @if page.lines.is_empty() { p.under role="status" { (frame.t(if page.before.is_some() { "desk.memory.no_more" } else { "desk.memory.never" })) } }
            @for line in &page.lines { (report_card(frame, line, taken_back)) }
            (older(frame, page, &path))
        }
    };
    document(frame, Some(Room::Memory), &heading, middle)
}

fn older(frame: &Frame<'_>, page: &Lines, path: &str) -> Markup {
    html! {
        @if page.next.is_some() || page.before.is_some() {
            nav.pager aria-label=(frame.t("desk.frame.pages")) {
                @if page.before.is_some() { a href=(path) { (frame.t("desk.memory.newest")) } }
                @if let Some(next) = page.next { a rel="next" href={ (path) "?before=" (next) } { (frame.t("desk.memory.older")) } }
            }
        }
    }
}

fn report_card(frame: &Frame<'_>, line: &Line, taken_back: &BTreeSet<EntryId>) -> Markup {
    let entry = &line.entry;
    let gone = taken_back.contains(&entry.id);
    html! {
        article.memory-card.gone[gone] {
            h3 {
                (drill(frame, is_exercise(frame.moment, &entry.facts)))
                (kind(frame, &entry.facts)) " " (number(frame, entry.seq))
                @if gone { " " span.memory-mark { (frame.t("desk.memory.taken_back")) } }
            }
            p.s {
                (frame.words.t(&format!("channel.{}", entry.channel))) "・" (line.who) "・"
                @if let Facts::Report(report) = &entry.facts { (observed(frame, report)) "・" }
                (time_tag(entry.recorded_at, frame.now())) (frame.t("desk.memory.recorded_then"))
            }
            @match &entry.facts {
                Facts::Report(report) => {
                    @let facility = record(frame.moment, &report.facility);
                    ul.memory-values { @for o in &report.observations { li {
                        span.k { (aspect_words(frame, facility, &o.aspect)) } " " (value_words(frame, facility, &o.aspect, &o.value))
                        @if o.confirms.is_some() { " " small { (frame.t("report.receipt.confirmed")) } }
                    } } }
                    @if report.unclear { p.s { (frame.t("desk.memory.unclear")) } }
                }
                _ => { p { (about(frame, entry)) } }
            }
            @if let Some(text) = &entry.text { p.memory-text { (text) } }
            @else if line.redacted { p { i.memory-erased { (frame.t("desk.memory.erased")) } } }
        }
    }
}

/// Somebody who acted at the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `staff:ID`.
    pub actor: String,
    /// The name of the seat.
    pub name: String,
    /// The newest thing they did.
    pub last: Option<(u64, Timestamp)>,
}

/// Everybody who ever did anything at the desk.
#[must_use]
pub fn people(frame: &Frame<'_>, people: &[Person]) -> Markup {
    let title = frame.t("desk.memory.staff.title");
    let middle = html! {
        div.bar { h1 { (title) } (tabs(frame, "staff")) }
        p.intro { (frame.t("desk.memory.staff.lead")) }
        @if people.is_empty() { p role="status" { (frame.t("desk.memory.staff.none")) } }
        @else {
            div.scroll tabindex="0" role="region" aria-labelledby="people" {
                table {
                    caption.v #people { (title) }
                    thead { tr {
                        th scope="col" { (frame.t("desk.memory.staff.seat")) }
                        th scope="col" { (frame.t("desk.memory.staff.last")) }
                        th scope="col" { (frame.t("desk.memory.col.number")) }
                    } }
                    tbody { @for person in people { tr {
                        th scope="row" { a href={ "/desk/log/staff/" (person.actor.trim_start_matches("staff:")) } { (person.name) } }
                        td { @if let Some((_, at)) = person.last { (time_tag(at, frame.now())) } }
                        td { @if let Some((seq, _)) = person.last { (number(frame, seq)) } }
                    } } }
                }
            }
        }
    };
    document(frame, Some(Room::Memory), title, middle)
}

/// Everything one person did at the desk.
#[must_use]
pub fn of_person(frame: &Frame<'_>, id: &str, person: &str, page: &Lines) -> Markup {
    let heading = frame.fill("desk.memory.staff.of", &[("name", person)]);
    let middle = html! {
        div.bar { h1 { (heading) } (tabs(frame, "staff")) }
        p.intro { a href="/desk/log/staff" { (frame.t("desk.memory.staff.back")) } }
        (entries(frame, "acts", page, &format!("/desk/log/staff/{id}?"), false))
    };
    document(frame, Some(Room::Memory), &heading, middle)
}

/// One entry as it stands, with all that proves it.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    /// The entry.
    pub line: &'a Line,
    /// Its hash, hexadecimal.
    pub hash: &'a str,
    /// Its facts as they are stored.
    pub stored: &'a str,
    /// Where it was taken back, if it was.
    pub taken_back: Option<u64>,
    /// Where its text was erased, and why.
    pub erased: Option<(u64, &'a str)>,
    /// It was erased just now, by this very seat.
    pub done: bool,
}

/// One entry in full.
#[must_use]
pub fn entry(frame: &Frame<'_>, whole: Whole<'_>) -> Markup {
    let line = whole.line;
    let entry = &line.entry;
    let heading = frame.fill("desk.memory.nth", &[("n", &grouped(entry.seq))]);
    let now = frame.now();
    let middle = html! {
        @if whole.done { div.done role="status" { p { b { (frame.t("desk.memory.redact.done")) } } p { (frame.t("desk.memory.redact.done_more")) } } }
        div.bar { h1 { (drill(frame, is_exercise(frame.moment, &entry.facts))) (heading) " " (kind(frame, &entry.facts)) } (tabs(frame, "")) }
        div.scroll tabindex="0" role="region" aria-label=(heading) {
            table.memory-whole { tbody {
                tr { th scope="row" { (frame.t("desk.memory.col.about")) } td { (about(frame, entry)) } }
                @if let Facts::Report(report) = &entry.facts {
                    tr { th scope="row" { (frame.t("desk.memory.col.observed")) } td { (observed(frame, report)) } }
                }
                tr { th scope="row" { (frame.t("desk.memory.col.recorded")) } td { time datetime=(machine_time(entry.recorded_at)) { (time::day_clock(entry.recorded_at)) } " " small { (time::ago(entry.recorded_at, now)) } } }
                tr { th scope="row" { (frame.t("desk.memory.col.channel")) } td { (frame.words.t(&format!("channel.{}", entry.channel))) } }
                tr { th scope="row" { (frame.t("desk.memory.col.who")) } td { (line.who) " " small { (entry.actor) } } }
                @if let Facts::Report(Report { press: Some(press), .. }) = &entry.facts {
                    tr { th scope="row" { (frame.t("desk.memory.col.button")) } td { (press.button) " " small { (press.gesture) } } }
                }
                @if let Facts::Report(Report { effort: Some(effort), .. }) = &entry.facts {
                    tr { th scope="row" { (frame.t("desk.memory.col.effort")) } td {
                        (frame.fill("desk.memory.effort", &[("s", &effort.seconds.to_string()), ("n", &effort.taps.to_string())]))
                    } }
                }
                @if let Some(seq) = whole.taken_back {
                    tr { th scope="row" { (frame.t("desk.memory.taken_back")) } td { (number(frame, seq)) } }
                }
            } }
        }
        @if let Facts::Report(report) = &entry.facts {
            section.gap aria-labelledby="values" { h2 #values { (frame.t("desk.memory.values")) } (values_table(frame, report, "values"))
                @if report.unclear { p { (frame.t("desk.memory.unclear")) } }
            }
        }
        (text_of(frame, whole))
        section.gap aria-labelledby="proof" {
            h2 #proof { (frame.t("desk.memory.proof")) }
            dl.memory-proof {
                dt { (frame.t("desk.memory.id")) } dd.num { (entry.id) }
                dt { (frame.t("public.about.head")) } dd.num { (whole.hash) }
            }
            details { summary { (frame.t("desk.memory.stored")) } pre.memory-stored tabindex="0" { (whole.stored) } }
        }
    };
    document(frame, Some(Room::Memory), &heading, middle)
}

fn text_of(frame: &Frame<'_>, whole: Whole<'_>) -> Markup {
    let entry = &whole.line.entry;
    html! {
        section.gap aria-labelledby="text" {
            h2 #text { (frame.t("desk.memory.text")) }
            @if let Some(text) = &entry.text {
                p.memory-text { (text) }
                @if frame.may(Role::Coordinator) {
                    p.acts.under { a.btn.danger href={ "/desk/log/" (entry.seq) "/redact" } { (frame.t("desk.memory.redact.open")) } }
                }
            } @else if whole.line.redacted {
                p { i.memory-erased { (frame.t("desk.memory.erased")) } }
                @if let Some((seq, why)) = whole.erased { p { (number(frame, seq)) " " (frame.fill("desk.memory.why", &[("why", why)])) } }
            } @else { p.s { (frame.t("desk.memory.no_text")) } }
        }
    }
}

/// What was typed into the page that asks before a text is erased.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reason<'a> {
    /// One of [`REASONS`].
    pub reason: &'a str,
    /// More words.
    pub more: &'a str,
    /// What is wrong with the choice.
    pub wrong_reason: Option<&'a str>,
    /// What is wrong with the words.
    pub wrong_more: Option<&'a str>,
    /// Why nothing was erased although nothing was wrong with what was typed.
    pub failed: Option<&'a str>,
}

/// Why texts are erased. The words go on the log and stay, so most need none of their own.
pub const REASONS: [&str; 5] = ["person", "contact", "health", "mistake", "other"];

/// Asks once before a text is erased.
#[must_use]
pub fn redact(frame: &Frame<'_>, seq: u64, text: &str, typed: Reason<'_>, nonce: Uuid) -> Markup {
    let heading = frame.fill("desk.memory.redact.title", &[("n", &grouped(seq))]);
    let middle = html! {
        h1 { (heading) }
        @if let Some(failed) = typed.failed { div.problem role="alert" { p { b { (frame.t("desk.problem.title")) } } p { (failed) } } }
        section.said {
            h2 { (frame.t("desk.memory.redact.what")) }
            p.memory-text { (text) }
            h2.gap { (frame.t("desk.memory.redact.then")) }
            ul.memory-then {
                li { (frame.t("desk.memory.redact.text_goes")) }
                li { (frame.t("desk.memory.redact.facts_stay")) }
                li { (frame.t("desk.memory.redact.no_way_back")) }
            }
            form.gap method="post" action={ "/desk/log/" (seq) "/redact" } {
                input type="hidden" name="nonce" value=(nonce);
                fieldset.field aria-describedby=[typed.wrong_reason.map(|_| "reason-why")] {
                    legend { b { (frame.t("desk.memory.redact.reason")) } }
                    @for reason in REASONS {
                        label.memory-reason { input type="radio" name="reason" value=(reason) checked[reason == typed.reason]
                            aria-invalid=[typed.wrong_reason.map(|_| "true")]; " " (frame.words.t(&format!("desk.memory.reason.{reason}"))) }
                    }
                    (field_error("reason-why", typed.wrong_reason))
                }
                div.field {
                    label for="more" { (frame.t("desk.memory.redact.more")) }
                    input #more type="text" name="more" value=(typed.more) autocomplete="off" aria-invalid=[typed.wrong_more.map(|_| "true")]
                        aria-describedby=(if typed.wrong_more.is_some() { "more-hint more-why" } else { "more-hint" });
                    p.hint #more-hint { (frame.t("desk.memory.redact.more_hint")) }
                    (field_error("more-why", typed.wrong_more))
                }
                (rule_in_short(frame.words))
                p.acts {
                    button.danger data-key="Ctrl+Enter" { kbd { "Ctrl+Enter" } (frame.t("desk.memory.redact.go")) }
                    a.btn href={ "/desk/log/" (seq) } { (frame.t("desk.memory.redact.leave")) }
                }
            }
        }
    };
    document(frame, Some(Room::Memory), &heading, middle)
}

/// How the proof of the log stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// Position and hash of the last entry, hexadecimal.
    pub head: Option<(u64, String)>,
    /// How far a walk is: entries done, entries in all.
    pub running: Option<(u64, u64)>,
    /// What the last walk found.
    pub last: Option<Walked>,
}

/// What a walk over the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// When it ended.
    pub at: Timestamp,
    /// It was compared with a head that somebody had noted.
    pub against_note: bool,
    /// The result.
    pub found: Found,
}

/// The result of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Whole: up to this position, with so many texts erased.
    Whole(u64, u64),
    /// Broken at a position, for a reason.
    Broken(u64, String),
    /// The log could not be read, for a reason.
    Unread(String),
}

/// The state of the proof, and the button that walks now.
#[must_use]
pub fn chain(frame: &Frame<'_>, chain: &Chain, noted: &str, wrong: Option<&str>, nonce: Uuid) -> Markup {
    let title = frame.t("desk.memory.chain.title");
    let middle = html! {
        div.bar { h1 { (title) } (tabs(frame, "chain")) }
        p.intro { (frame.t("desk.memory.chain.lead")) }
        section aria-labelledby="head" {
            h2 #head { (frame.t("desk.memory.chain.head")) }
            @if let Some((seq, hash)) = &chain.head {
                p.memory-head { span.num { (frame.fill("desk.memory.nth", &[("n", &grouped(*seq))])) } " " code.num { (hash) } }
                p.hint { (frame.t("desk.memory.chain.note_it")) }
            } @else { p { (frame.t("desk.memory.none")) } }
        }
        section.gap aria-labelledby="last" {
            h2 #last { (frame.t("desk.memory.chain.last")) }
            div.memory-walk role="status" data-walks[chain.running.is_some()] {
                @if let Some((done, total)) = chain.running {
                    p { label for="walk" { (frame.fill("desk.memory.chain.running", &[("done", &grouped(done)), ("total", &grouped(total))])) } }
                    progress #walk.memory-progress value=(done) max=(total.max(1)) {}
                    p.s { (frame.t("desk.memory.chain.wait")) " " a href="/desk/log/chain" { (frame.t("desk.memory.chain.look")) } }
                } @else if let Some(last) = &chain.last { (walked(frame, last)) }
                @else { p { (frame.t("desk.memory.chain.never")) } }
            }
        }
        @if frame.may(Role::Coordinator) && chain.running.is_none() {
            form.gap method="post" action="/desk/log/chain" {
                input type="hidden" name="nonce" value=(nonce);
                div.field {
                    label for="noted" { (frame.t("desk.memory.chain.noted")) }
                    input #noted type="text" name="noted" value=(noted) autocomplete="off" spellcheck="false" aria-invalid=[wrong.map(|_| "true")]
                        aria-describedby=(if wrong.is_some() { "noted-hint noted-why" } else { "noted-hint" });
                    p.hint #noted-hint { (frame.t("desk.memory.chain.noted_hint")) }
                    (field_error("noted-why", wrong))
                }
                p.acts { button.go data-key="V" { kbd { "V" } (frame.t("desk.memory.chain.go")) } }
            }
        }
    };
    document(frame, Some(Room::Memory), title, middle)
}

fn walked(frame: &Frame<'_>, walked: &Walked) -> Markup {
    html! {
        @match &walked.found {
            Found::Whole(seq, erased) => div.done {
                p { b { (frame.t("desk.memory.chain.whole")) } " " (time_tag(walked.at, frame.now())) }
                p { (frame.fill("desk.memory.chain.up_to", &[("n", &grouped(*seq)), ("erased", &grouped(*erased))])) }
                @if walked.against_note { p { (frame.t("desk.memory.chain.noted_fits")) } }
            },
            Found::Broken(seq, why) => div.problem role="alert" {
                p { b { (frame.t("desk.memory.chain.broken")) } " " (time_tag(walked.at, frame.now())) }
                p { (frame.fill("desk.memory.chain.broken_at", &[("n", &grouped(*seq))])) }
                p.s { code { (why) } }
            },
            Found::Unread(why) => div.problem role="alert" {
                p { b { (frame.t("desk.memory.chain.unread")) } " " (time_tag(walked.at, frame.now())) }
                p.s { code { (why) } }
            },
        }
    }
}
