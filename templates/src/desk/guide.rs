//! The desk's room for learning (手引き): the rule of what may be shared, practice, the pages the city writes, support visits.
//!
//! *Invariant:* whoever changes a page sees what stands there now, and what somebody else made of it meanwhile.

use std::sync::Arc;

use imaboard_domain::{EditedPage, Facility, FacilityBoard, GuidePage, Support, SupportCase, VisitOutcome, city_date};
use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use super::{Frame, Role, Room, document, field_error, pager};
use crate::guide::{self, RULE_PATH, rule_in_short};
use crate::layout::{tel, time_tag};
use crate::report::form::Typed;
use crate::time;

/// How many facilities one page of the list of visits holds.
pub const PAGE_LEN: usize = 50;
/// The most characters of a note of a visit.
pub const MOST_NOTE_CHARS: usize = 200;
/// Where the visits are.
pub const SUPPORT_PATH: &str = "/desk/guide/support";

fn t(frame: &Frame<'_>, key: &str) -> String {
    frame.words.t(&format!("desk.guide.{key}")).to_owned()
}

fn fill(frame: &Frame<'_>, key: &str, values: &[(&str, &str)]) -> String {
    frame.fill(&format!("desk.guide.{key}"), values)
}

/// Where a page is written.
#[must_use]
pub fn edit_path(page: GuidePage) -> String {
    format!("{}/pages/{page}", Room::Guide.path())
}

/// The room's first page. `waiting` is how many facilities wait for a visit.
#[must_use]
pub fn index(frame: &Frame<'_>, waiting: usize) -> Markup {
    let title = t(frame, "title");
    let middle = html! {
        h1 { (title) }
        p.intro { (t(frame, "lead")) }
        div.cards {
            section.card aria-labelledby="g-rule" {
                h2 #g-rule { (frame.t("rule.title")) }
                p { (t(frame, "rule_about")) }
                p.acts { a.btn href="/desk/guide/rule" data-key="R" { kbd { "R" } (t(frame, "rule_open")) } }
            }
            section.card aria-labelledby="g-support" {
                h2 #g-support { (t(frame, "support_title")) }
                p { (t(frame, "support_about")) }
                p { b.num { (fill(frame, "waiting_n", &[("n", &waiting.to_string())])) } }
                p.acts { a.btn href=(SUPPORT_PATH) data-key="S" { kbd { "S" } (t(frame, "open_list")) } }
            }
            @for page in GuidePage::ALL {
                @let id = format!("g-{page}");
                @let edited = frame.moment.board.page(*page);
                section.card aria-labelledby=(id) {
                    h2 id=(id) { (guide::title(frame.words, *page)) }
                    p { (edited_line(frame, edited)) }
                    p.acts {
                        a.btn href=(edit_path(*page)) { @if frame.may(Role::Coordinator) { (t(frame, "edit")) } @else { (t(frame, "read")) } }
                        a.btn href=(guide::path(*page)) { (t(frame, "public_at")) }
                    }
                }
            }
            section.card aria-labelledby="g-practice" {
                h2 #g-practice { (t(frame, "practice")) }
                p { (t(frame, "practice_about")) }
                ol.guide-steps { @for key in ["practice_1", "practice_2", "practice_3", "practice_4"] { li { (t(frame, key)) } } }
                p.acts { a.btn href=(Room::Facilities.path()) { (t(frame, "practice_posters")) } }
            }
        }
    };
    document(frame, Some(Room::Guide), &title, middle)
}

fn edited_line(frame: &Frame<'_>, edited: Option<&EditedPage>) -> Markup {
    html! {
        @match edited {
            None => { (t(frame, "never_edited")) }
            Some(held) if held.text.is_none() => { (t(frame, "erased")) }
            Some(held) => { (fill(frame, "edited_at", &[("when", &time::when(held.at, frame.now())), ("n", &held.revision.to_string())])) }
        }
    }
}

/// The rule, as everybody sees it at [`RULE_PATH`]; printed it is one sheet of A4.
#[must_use]
pub fn rule(frame: &Frame<'_>) -> Markup {
    let title = frame.t("rule.title");
    let middle = html! {
        article.guide-page {
            h1 { (title) }
            (guide::rule(frame.words))
            p.s.guide-screen { (frame.t("rule.print_hint")) " " (t(frame, "public_at")) " " a href=(RULE_PATH) { (RULE_PATH) } }
        }
    };
    document(frame, Some(Room::Guide), title, middle)
}

/// A version of a page that was written before.
#[derive(Debug, Clone)]
pub struct Version {
    /// Its number.
    pub revision: u32,
    /// When it was written.
    pub at: Timestamp,
    /// Its words; `None` if they were erased.
    pub text: Option<String>,
}

/// The form of a page.
#[derive(Debug, Clone, Copy)]
pub struct Editing<'a> {
    /// Which page.
    pub page: GuidePage,
    /// What stands in the form.
    pub text: &'a str,
    /// The version it is made from.
    pub base: u32,
    /// What is wrong with the words.
    pub wrong: Option<&'a str>,
    /// What is wrong otherwise.
    pub problem: Option<&'a str>,
    /// Somebody else wrote it meanwhile.
    pub raced: bool,
    /// It was stored just now.
    pub saved: bool,
    /// Versions before the one that stands, the newest first; `None` while the log cannot be read.
    pub earlier: Option<&'a [Version]>,
    /// The most characters that fit.
    pub most: usize,
    /// A nonce for the forms.
    pub nonce: Uuid,
}

/// The page on which a page is written.
#[must_use]
pub fn edit(frame: &Frame<'_>, editing: &Editing<'_>) -> Markup {
    let page = editing.page;
    let held = frame.moment.board.page(page);
    let stands = guide::text_of(frame.words, page, held);
    let title = guide::title(frame.words, page);
    let may = frame.may(Role::Coordinator);
    let version = held.map_or(0, |held| held.revision).to_string();
    let middle = html! {
        p.s { a href=(Room::Guide.path()) { (t(frame, "title")) } }
        h1 { (title) }
        p.intro { (edited_line(frame, held)) " ・ " (t(frame, "public_at")) " " a href=(guide::path(page)) { (guide::path(page)) } }
        @if editing.saved { div.done role="status" { p { b { (t(frame, "saved")) } } } }
        @if let Some(problem) = editing.problem { div.problem role="alert" { p { (problem) } } }
        @if editing.raced { div.problem role="alert" { h2 { (t(frame, "both")) } p { (t(frame, "both_hint")) } } }
        @if !may { p.nil { (t(frame, "viewer")) } }
        div.guide-cols {
            @if may {
                form method="post" action=(edit_path(page)) novalidate {
                    input type="hidden" name="nonce" value=(editing.nonce);
                    input type="hidden" name="base" value=(editing.base);
                    div.field.guide-field {
                        label for="text" { @if editing.raced { (t(frame, "yours")) } @else { (t(frame, "text_label")) } }
                        p.hint #text-hint { (fill(frame, "text_hint", &[("most", &editing.most.to_string())])) }
                        textarea #text name="text" rows="24" aria-invalid=[editing.wrong.map(|_| "true")] aria-describedby="text-hint text-why" { (editing.text) }
                        (field_error("text-why", editing.wrong))
                    }
                    (rule_in_short(frame.words))
                    p.acts { button.go data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } (t(frame, "save")) } }
                }
            }
            section aria-labelledby="stands" {
                h2.rule #stands { @if editing.raced { (fill(frame, "theirs", &[("n", &version)])) } @else { (t(frame, "preview")) } }
                @if editing.raced { pre.guide-raw { (stands) } }
                @else { div.guide-page.guide-preview { (guide::prose(stands)) } }
            }
        }
        section aria-labelledby="earlier" {
            h2.rule #earlier { (t(frame, "earlier")) }
            @match editing.earlier {
                None => { p.nil { (frame.t("desk.postings.timeline_away")) } }
                Some(list) => {
                    @if held.is_none() { p.nil { (t(frame, "earlier_none")) } } @else {
                        p.hint { (t(frame, "earlier_hint")) }
                        @for old in list {
                            (earlier(frame, editing, &fill(frame, "version", &[("n", &old.revision.to_string())]), Some(old.at), old.text.as_deref()))
                        }
                        (earlier(frame, editing, &t(frame, "default_version"), None, Some(guide::default_text(frame.words, page))))
                    }
                }
            }
        }
    };
    document(frame, Some(Room::Guide), title, middle)
}

fn earlier(frame: &Frame<'_>, editing: &Editing<'_>, name: &str, at: Option<Timestamp>, text: Option<&str>) -> Markup {
    html! {
        details.guide-old {
            summary { (name) @if let Some(at) = at { " " (time_tag(at, frame.now())) } }
            @match text {
                None => { p.nil { (t(frame, "earlier_erased")) } }
                Some(text) => {
                    pre.guide-raw { (text) }
                    @if frame.may(Role::Coordinator) {
                        form method="post" action=(edit_path(editing.page)) {
                            input type="hidden" name="nonce" value=(editing.nonce);
                            input type="hidden" name="base" value=(frame.moment.board.page(editing.page).map_or(0, |held| held.revision));
                            input type="hidden" name="text" value=(text);
                            button { (t(frame, "put_back")) }
                        }
                    }
                }
            }
        }
    }
}

/// Which visits are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visits {
    /// Somebody is still to come.
    Waiting,
    /// Settled.
    Done,
    /// Every facility that ever asked or was visited.
    All,
}

impl Visits {
    /// Every list.
    pub const ALL: [Visits; 3] = [Visits::Waiting, Visits::Done, Visits::All];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Visits::Waiting => "waiting",
            Visits::Done => "done",
            Visits::All => "all",
        }
    }

    /// The list of this word; that of those who wait for an unknown one.
    #[must_use]
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|list| list.word() == word).unwrap_or(Visits::Waiting)
    }
}

/// One page of the list of visits.
#[derive(Debug, Clone, Copy)]
pub struct List<'a> {
    /// Which.
    pub which: Visits,
    /// What was searched for.
    pub query: &'a str,
    /// The facilities of this page with their newest wish.
    pub items: &'a [(Arc<FacilityBoard>, SupportCase)],
    /// How many there are in all.
    pub found: usize,
    /// Facilities of the register that fit the search and have never had a visit.
    pub others: &'a [Arc<Facility>],
    /// Which page, from 1.
    pub page: usize,
    /// How many pages.
    pub pages: usize,
}

/// The list of facilities that want a visit, or had one.
#[must_use]
pub fn support_list(frame: &Frame<'_>, list: &List<'_>) -> Markup {
    let title = t(frame, "support.title");
    let encoded: String = form_value(list.query);
    let middle = html! {
        p.s { a href=(Room::Guide.path()) { (t(frame, "title")) } }
        h1 { (title) }
        nav.guide-tabs aria-label=(title) {
            @for which in Visits::ALL {
                a href={ (SUPPORT_PATH) "?list=" (which.word()) } aria-current=[(which == list.which).then_some("page")] { (t(frame, &format!("support.{}", which.word()))) }
            }
        }
        form.guide-find method="get" action=(SUPPORT_PATH) role="search" {
            input type="hidden" name="list" value=(list.which.word());
            label.v for="q" { (t(frame, "support.search")) }
            input #q type="search" name="q" value=(list.query) placeholder=(t(frame, "support.search")) data-key="/";
            button { (t(frame, "support.find")) }
        }
        @if list.items.is_empty() {
            p.nil { @if list.query.is_empty() { (t(frame, "support.none")) } @else { (t(frame, "support.none_found")) } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(title) {
                table {
                    caption.v { (title) }
                    thead { tr {
                        th scope="col" { (t(frame, "support.facility")) }
                        th scope="col" { (t(frame, "support.phone")) }
                        th scope="col" { (t(frame, "support.asked")) }
                        th scope="col" { (t(frame, "support.wish")) }
                        th scope="col" { (t(frame, "support.last")) }
                    } }
                    tbody { @for (held, case) in list.items { (row(frame, &held.facility, case)) } }
                }
            }
            (pager(frame, &format!("{SUPPORT_PATH}?list={}&q={encoded}&", list.which.word()), list.page, list.pages))
        }
        section aria-labelledby="others" {
            h2.rule #others { (t(frame, "support.other")) }
            @if list.others.is_empty() { p.hint { (t(frame, "support.other_hint")) } }
            @else {
                ul.guide-others { @for facility in list.others { li {
                    a href={ (SUPPORT_PATH) "/" (facility.id) } { (facility.name) } " " span.s { (frame.city.district(&facility.district)) } " " (tel(&facility.phone))
                } } }
            }
        }
    };
    document(frame, Some(Room::Guide), &title, middle)
}

fn form_value(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn row(frame: &Frame<'_>, facility: &Facility, case: &SupportCase) -> Markup {
    html! {
        tr {
            th scope="row" { a href={ (SUPPORT_PATH) "/" (facility.id) } { (facility.name) } }
            td { (tel(&facility.phone)) }
            td.nw { (asked(frame, case)) }
            td { @match &case.note { Some(text) => { (text) } None => { span.nil { "–" } } } }
            td { @match case.visits.last() {
                Some(visit) => { (time::day(visit.on)) " " (outcome(frame, visit.outcome)) }
                None => { span.nil { (t(frame, "support.not_yet")) } }
            } }
        }
    }
}

fn asked(frame: &Frame<'_>, case: &SupportCase) -> Markup {
    html! { @match case.asked_at { Some(at) => { (time_tag(at, frame.now())) } None => { (t(frame, "support.unasked")) } } }
}

fn outcome(frame: &Frame<'_>, outcome: VisitOutcome) -> String {
    t(frame, &format!("outcome.{outcome}"))
}

/// The page of one facility's visits.
#[derive(Debug, Clone, Copy)]
pub struct Visiting<'a> {
    /// Whose.
    pub facility: &'a Facility,
    /// What was so far.
    pub support: Option<&'a Support>,
    /// What was typed, after a refusal.
    pub typed: &'a Typed,
    /// What is wrong, by field.
    pub errors: &'a [(&'static str, String)],
    /// What is wrong as a whole.
    pub problem: Option<&'a str>,
    /// It was stored just now.
    pub saved: bool,
    /// A nonce for the form.
    pub nonce: Uuid,
}

/// One facility: what it asked for, who came, and the form for the next visit.
#[must_use]
pub fn visits(frame: &Frame<'_>, visiting: &Visiting<'_>) -> Markup {
    let facility = visiting.facility;
    let title = format!("{} {}", facility.name, t(frame, "support.title"));
    let open = visiting.support.and_then(Support::open);
    let wrong = |field: &str| visiting.errors.iter().find(|(name, _)| *name == field).map(|(_, message)| message.as_str());
    let value = |name: &str| visiting.typed.one(name);
    let today = city_date(frame.now()).to_string();
    let middle = html! {
        p.s { a href=(SUPPORT_PATH) { (t(frame, "support.back")) } }
        h1 { (facility.name) }
        p.intro { (frame.city.district(&facility.district)) " " (tel(&facility.phone)) " "
            @match open.and_then(|case| case.asked_at) {
                Some(at) => { (fill(frame, "support.open_since", &[("when", &time::when(at, frame.now()))])) }
                None => { (t(frame, "support.not_open")) }
            }
        }
        @if visiting.saved { div.done role="status" { p { b { (t(frame, "support.saved")) } } } }
        @if let Some(problem) = visiting.problem { div.problem role="alert" { p { (problem) } } }
        div.guide-cols {
            @if frame.may(Role::Coordinator) {
                form.card method="post" action={ (SUPPORT_PATH) "/" (facility.id) } novalidate {
                    input type="hidden" name="nonce" value=(visiting.nonce);
                    h2 { (t(frame, "support.record")) }
                    div.field {
                        label for="on" { (t(frame, "support.on")) }
                        input #on type="date" name="on" value=(value("on").unwrap_or(&today)) aria-invalid=[wrong("on").map(|_| "true")] aria-describedby="on-why";
                        (field_error("on-why", wrong("on")))
                    }
                    fieldset.field aria-describedby="outcome-why" {
                        legend.l { (t(frame, "support.outcome")) }
                        @for (n, one) in VisitOutcome::ALL.iter().enumerate() {
                            @let key = (n + 1).to_string();
                            label.guide-choice { input type="radio" name="outcome" value=(one) data-key=(key) checked[value("outcome") == Some(one.word())]; " " kbd { (key) } (outcome(frame, *one)) }
                        }
                        (field_error("outcome-why", wrong("outcome")))
                    }
                    div.field {
                        label for="note" { (t(frame, "support.note")) }
                        textarea #note name="note" rows="3" aria-invalid=[wrong("note").map(|_| "true")] aria-describedby="note-why" { (value("note").unwrap_or_default()) }
                        (field_error("note-why", wrong("note")))
                    }
                    (rule_in_short(frame.words))
                    p.acts { button.go data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } (t(frame, "support.save")) } }
                }
            }
            section aria-labelledby="history" {
                h2.rule #history { (t(frame, "support.history")) }
                @let cases = visiting.support.map_or(&[][..], |support| support.cases.as_slice());
                @if cases.is_empty() { p.nil { (t(frame, "support.no_history")) } }
                ol.guide-history { @for case in cases.iter().rev() { li {
                    p { b { (t(frame, "support.asked")) } " " (asked(frame, case)) @if let Some(text) = &case.note { "　" (text) } }
                    @for visit in &case.visits {
                        p { (time::day(visit.on)) " " b { (outcome(frame, visit.outcome)) } @if let Some(text) = &visit.note { "　" (text) } }
                    }
                } } }
            }
        }
    };
    document(frame, Some(Room::Guide), &title, middle)
}
