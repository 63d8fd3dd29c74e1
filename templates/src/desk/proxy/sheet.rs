//! The report sheet: one A4 page per facility for telephone and FAX, with the same lines and figures as the form at the desk.
//!
//! *Invariant:* no place on it asks for the name of a person.

use imaboard_domain::{DistrictId, FacilityBoard, Grid, NeedItem, Session, Urgency, Weekday};
use maud::{Markup, html};

use super::questions::{Part, Question, asked, levels};
use super::{filled, word};
use crate::desk::{Frame, Room, document, pager};
use crate::report::Face;

/// What stands first on the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// How one fares.
    Incident,
    /// Room.
    Peace,
}

impl Order {
    /// The order of the form as things are.
    #[must_use]
    pub fn of(frame: &Frame<'_>) -> Self {
        if Face::of(frame.moment) == Face::Peace { Order::Peace } else { Order::Incident }
    }

    /// Its word in addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Order::Incident => "incident",
            Order::Peace => "peace",
        }
    }

    fn face(self) -> Face {
        match self {
            Order::Incident => Face::Damage,
            Order::Peace => Face::Peace,
        }
    }
}

/// Which sheets these are.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    /// One facility's.
    One,
    /// Those of a district, or of the whole city.
    Many {
        /// The district, if one was chosen.
        district: Option<&'a DistrictId>,
        /// Which part, from 1.
        page: usize,
        /// Of how many parts.
        pages: usize,
        /// How many facilities there are in all.
        all: usize,
    },
}

/// Sheets to print.
#[derive(Debug, Clone, Copy)]
pub struct Sheets<'a> {
    /// Whose, in the order of printing.
    pub facilities: &'a [&'a FacilityBoard],
    /// Which these are.
    pub of: Of<'a>,
    /// What stands first.
    pub order: Order,
    /// Where they are faxed to, if the city has such a number.
    pub fax: Option<&'a str>,
}

/// The sheets, each on a page of its own; what stands around them on the screen is not printed.
#[must_use]
pub fn sheets(frame: &Frame<'_>, sheets: &Sheets<'_>) -> Markup {
    let middle = html! {
        section.px-controls {
            h1 { (frame.t("desk.proxy.sheet.title")) }
            p.s { (frame.t("desk.proxy.sheet.lead")) }
            p.acts {
                button.go #print type="button" hidden { (frame.t("desk.proxy.sheet.print")) }
                @for order in [Order::Incident, Order::Peace] {
                    a.btn href=(address(sheets, order)) aria-current=[(order == sheets.order).then_some("true")] {
                        (word(frame.words, &format!("sheet.order.{}", order.word())))
                    }
                }
                @if let Of::One = sheets.of { a.btn href="/desk/sheets" { (frame.t("desk.proxy.print_all")) } }
            }
            @if let Of::Many { district, page, pages, all } = sheets.of {
                form.px-district method="get" action="/desk/sheets" {
                    label for="district" { (frame.t("desk.proxy.sheet.district")) } " "
                    select #district name="district" {
                        option value="" { (frame.t("desk.proxy.sheet.everywhere")) }
                        @for d in &frame.city.districts { option value=(d.id) selected[district == Some(&d.id)] { (d.name) } }
                    }
                    input type="hidden" name="order" value=(sheets.order.word());
                    " " button { (frame.t("desk.proxy.sheet.show")) }
                }
                p.s { (filled(frame.words, "sheet.count", &[("all", &all.to_string()), ("n", &sheets.facilities.len().to_string())])) }
                (pager(frame, &format!("{}&", address(sheets, sheets.order)), page, pages))
                @if sheets.facilities.is_empty() { p { (frame.t("desk.proxy.no_facilities")) } }
            }
        }
        @for held in sheets.facilities { (sheet(frame, held, sheets.order, sheets.fax)) }
    };
    document(frame, Some(Room::Proxy), frame.t("desk.proxy.sheet.title"), middle)
}

fn address(sheets: &Sheets<'_>, order: Order) -> String {
    match (sheets.of, sheets.facilities.first()) {
        (Of::One, Some(held)) => format!("/desk/sheets/{}?order={}", held.facility.id, order.word()),
        (Of::Many { district, .. }, _) => {
            format!("/desk/sheets?district={}&order={}", district.map_or("", DistrictId::as_str), order.word())
        }
        (Of::One, None) => "/desk/sheets".to_owned(),
    }
}

fn sheet(frame: &Frame<'_>, held: &FacilityBoard, order: Order, fax: Option<&str>) -> Markup {
    let f = &held.facility;
    let t = |key: &str| word(frame.words, &format!("sheet.{key}"));
    let today = frame.moment.today();
    let asked = asked(frame.words, f, order.face(), today);
    let kinds: Vec<&str> = f.services.iter().map(|s| s.kind.name_ja()).collect();
    let (desk, disaster) = (&frame.city.desk, &frame.city.disaster_desk);
    let id = format!("sh-{}", f.id);
    // A house with many services still fits on one sheet, set closer.
    let lines: usize =
        asked.main.iter().chain(&asked.more).map(|part| if part.grid.is_some() { 2 } else { 0 } + part.questions.len()).sum();
    html! {
        article.sheet.dense[lines > 34] aria-labelledby=(id) {
            header.sh-head {
                p.sh-brand {
                    b { (frame.t("brand.name")) } " " (frame.city.name) " " (t("paper"))
                    @if frame.moment.board.is_sample() { " " b.sh-tag { (frame.t("sample.badge")) } }
                    @if let Some(exercise) = frame.moment.exercise() { " " b.sh-tag { (frame.t("mode.exercise")) " " (exercise.name) } }
                }
                p.sh-no { (t("number")) " " b { (f.id) } }
            }
            div.sh-who {
                h2 id=(id) { (f.name) }
                p { (kinds.join("・")) " ・ " (frame.city.district(&f.district)) @if let Some(island) = &f.island { "・" (island) } }
            }
            ul.sh-desk {
                li { (desk.label) " " b { (desk.phone) } @if !desk.hours.is_empty() { small { "（" (desk.hours) "）" } } }
                @if disaster.phone != desk.phone { li { (t("disaster")) " " (disaster.label) " " b { (disaster.phone) } } }
                @if let Some(fax) = fax { li { (t("fax")) " " b { (fax) } } }
            }
            div.sh-row.sh-when {
                b { (word(frame.words, "at.label")) }
                span { i.sh-gap {} (t("month")) i.sh-gap {} (t("day")) i.sh-gap {} (t("hour")) i.sh-gap {} (t("minute")) }
                b { (word(frame.words, "via")) }
                span { (tick("T", frame.t("channel.phone"))) (tick("F", frame.t("channel.fax"))) }
                b { (t("drill")) }
                span { (tick("1", &word(frame.words, "realm.exercise"))) (tick("2", &word(frame.words, "realm.real"))) }
            }
            div.sh-row { b { (word(frame.words, "same.label")) } span { (tick("=", &word(frame.words, "same.yes"))) small { (t("same_help")) } } }
            @for part in asked.main.iter().chain(&asked.more) { (part_of(frame, part)) }
            (needs(frame))
            div.sh-row.sh-remark { b { (word(frame.words, "remark.label")) } span { (t("remark_help")) } i.sh-line {} }
            p.sh-ng { (t("ng")) }
            footer.sh-foot {
                span { (t("city_only")) " " (word(frame.words, "receipt.number")) " " (t("nth")) i.sh-gap {} (t("nth_end")) "　" i.sh-gap {} (t("hour")) i.sh-gap {} (t("minute")) " " (t("typed")) }
                small { (filled(frame.words, "sheet.printed", &[("date", &format!("{}-{:02}-{:02}", today.year(), today.month(), today.day()))])) }
            }
        }
    }
}

/// A box to tick, with the figure that chooses the same at the desk.
fn tick(key: &str, label: &str) -> Markup {
    html! { span.sh-opt { i.bx {} b { (key) } (label) } }
}

fn part_of(frame: &Frame<'_>, part: &Part) -> Markup {
    html! {
        @if let Some(title) = &part.title { h3.sh-part { (title) } }
        @match part.grid {
            Some(Grid::Weekdays) => (week(frame, part)),
            Some(Grid::Dates) => (days(frame)),
            _ => { @for q in &part.questions { (row(q)) } }
        }
    }
}

fn row(q: &Question) -> Markup {
    html! {
        div.sh-row {
            b { (q.title) }
            span {
                @for a in &q.answers { (tick(&a.key.to_string(), &a.label)) }
                @if let Some(b) = &q.beside { span.sh-opt { (b.before) i.sh-gap {} (b.unit) } }
            }
        }
    }
}

/// The marks to write into a box of a table.
fn marks(frame: &Frame<'_>, grid: Grid) -> String {
    let list: Vec<String> = levels(frame.words, grid).iter().map(|a| format!("{} {}", a.key, a.label)).collect();
    filled(frame.words, "sheet.write", &[("list", &list.join("　"))])
}

fn week(frame: &Frame<'_>, part: &Part) -> Markup {
    let whole = part.sessions == [Session::Day];
    html! {
        p.sh-key { (marks(frame, Grid::Weekdays)) }
        table.sh-grid {
            thead { tr { td {} @for day in Weekday::ALL { th scope="col" { (frame.words.t(&format!("weekday.{day}"))) } } } }
            tbody { @for session in &part.sessions { tr {
                th scope="row" { @if whole { (word(frame.words, "intake_short")) } @else { (frame.words.t(&format!("session.{session}"))) } }
                @for _ in Weekday::ALL { td {} }
            } } }
        }
    }
}

/// Days by their figure: the sheet may lie in a drawer for months.
fn days(frame: &Frame<'_>) -> Markup {
    html! {
        p.sh-key { (marks(frame, Grid::Dates)) }
        div.sh-days { @for day in 1..=31_u8 { span { small { (day) } } } }
    }
}

fn needs(frame: &Frame<'_>) -> Markup {
    html! {
        h3.sh-part { (word(frame.words, "question.needs")) }
        div.sh-needs {
            @for item in NeedItem::ALL {
                div {
                    span.sh-opt { i.bx {} b { (frame.words.t(&format!("need.{item}"))) } }
                    i.sh-gap {} (frame.words.t(&format!("need_unit.{}", item.usual_unit())))
                    span.sh-urgent { @for u in Urgency::ALL { span { i.bx {} (word(frame.words, &format!("sheet.urgency.{u}"))) } } }
                }
            }
        }
    }
}
