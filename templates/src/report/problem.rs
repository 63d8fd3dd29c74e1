//! Why nothing was stored, said kindly, at the field, with a way out.
//!
//! *Invariant:* every page here says that nothing was sent, keeps what was typed, and gives a number to telephone.

use imaboard_domain::{Aspect, FacilityBoard, Moment, Refused};
use maud::{Markup, html};

use super::form::{Finding, Problem, What, anchor};
use super::page::Unstored;
use super::ruby::plain;
use super::sprite::mark;
use super::{Face, Frame, desk_of, document, home, numbered, service_name};
use crate::words::Words;

/// The key of the words for a problem, and what is filled into the longer sentence.
fn words_of(
    words: &Words,
    what: &What,
    facility: Option<&FacilityBoard>,
    field: &str,
) -> (&'static str, Vec<(&'static str, String)>) {
    match what {
        What::NothingChosen => ("nothing_chosen", vec![]),
        What::NothingToConfirm => ("nothing_same", vec![]),
        What::NumberMissing => ("number_missing", vec![]),
        What::NotANumber(text) => ("not_a_number", vec![("text", short(text))]),
        What::LevelMissing => ("level_missing", vec![]),
        What::RemarkTooLong(n) => ("remark_too_long", vec![("n", n.to_string())]),
        What::Personal(_) => ("remark", vec![]),
        What::TitleMissing => ("title_missing", vec![]),
        What::TitleTooLong(n) => ("title_too_long", vec![("n", n.to_string())]),
        What::BodyTooLong(n) => ("body_too_long", vec![("n", n.to_string())]),
        What::WageMissing => ("wage_missing", vec![]),
        What::HoursWrong => ("hours_wrong", vec![]),
        What::Refused(why) => match why {
            Refused::UnknownAspect { word } => ("unknown_aspect", vec![("word", short(word))]),
            Refused::UnknownService { service } => ("unknown_service", vec![("word", short(service))]),
            Refused::UnknownCell { cell, .. } => ("unknown_cell", vec![("word", short(cell))]),
            Refused::BadDate { date } => ("bad_date", vec![("date", short(date))]),
            Refused::UnknownValue { value, .. } => ("unknown_value", vec![("word", short(value))]),
            Refused::MoreThanTotal { count, total } => {
                let unit = unit_of(facility, field);
                ("more_than_total", vec![("count", count.to_string()), ("total", total.to_string()), ("unit", unit)])
            }
            Refused::OutOfRange { number, most, .. } => {
                ("out_of_range", vec![("number", number.to_string()), ("most", most.to_string())])
            }
            Refused::Contradiction { value, count } => (
                "contradiction",
                vec![("level", words.t(&format!("report.level.{value}")).to_owned()), ("count", count.to_string())],
            ),
        },
    }
}

/// What was typed, cut so that a page of it cannot hide the explanation.
fn short(text: &str) -> String {
    let mut cut: String = text.chars().take(30).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

fn unit_of(facility: Option<&FacilityBoard>, field: &str) -> String {
    facility
        .and_then(|f| {
            let service = field.split('.').nth(1)?;
            f.facility.services.iter().find(|s| s.id.as_str() == service)
        })
        .map_or("", |s| s.kind.unit_ja())
        .to_owned()
}

/// The short and the long sentence of a problem, without markup: for JSON answers and for the page alike.
#[must_use]
pub fn message(words: &Words, problem: &Problem, facility: Option<&FacilityBoard>) -> (String, String) {
    let (key, values) = words_of(words, &problem.what, facility, &problem.field);
    let values: Vec<(&str, &str)> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let day_cell = key == "bad_date" && problem.field.starts_with("v.");
    let long = if day_cell { "report.problem.bad_day_more".to_owned() } else { format!("report.problem.{key}_more") };
    let why = match &problem.what {
        What::Personal(findings) => {
            let mut said: Vec<&str> = Vec::new();
            for sentence in findings.iter().flat_map(|f| [f.why.as_str(), f.suggestion.as_str()]) {
                if !sentence.is_empty() && !said.contains(&sentence) {
                    said.push(sentence);
                }
            }
            said.join(" ")
        }
        _ => String::new(),
    };
    let more = words.fill(&long, &values);
    (plain(words.t(&format!("report.problem.{key}"))), if why.is_empty() { more } else { format!("{why} {more}") })
}

/// The list at the top, each line a way down to its field.
pub(super) fn summary(frame: Frame<'_>, moment: Moment<'_>, facility: &FacilityBoard, problems: &[Problem]) -> Markup {
    let whole: Vec<&Problem> = problems.iter().filter(|p| p.field.is_empty()).collect();
    let fields = problems.iter().filter(|p| !p.field.is_empty()).count();
    html! {
        section.block.fix #fix role="alert" aria-labelledby="err" {
            h2 #err tabindex="-1" autofocus { (mark("alert")) span { (frame.say("problem.title")) } }
            @for p in whole {
                p.q { (message(frame.words, p, Some(facility)).0) }
                p.hint { @if matches!(p.what, What::NothingChosen) && Face::of(moment) != Face::Peace { (frame.word("problem.nothing_chosen_incident")) }
                    @else { (message(frame.words, p, Some(facility)).1) } }
            }
            @if fields > 0 {
                p.hint { (frame.fill("problem.count", &[("n", &fields.to_string())])) }
                ol {
                    @for (i, p) in problems.iter().enumerate().filter(|(_, p)| !p.field.is_empty()) {
                        li { a href={ "#" (anchor(&p.field)) } { (numbered(i)) " " (place(frame, facility, &p.field)) (message(frame.words, p, Some(facility)).0) } }
                    }
                }
            }
        }
    }
}

/// Where a problem stands, in a word: `11月24日(火)：`.
fn place(frame: Frame<'_>, facility: &FacilityBoard, field: &str) -> String {
    let name = match field.strip_prefix("v.").and_then(|rest| rest.split_once('.')) {
        Some((service, cell)) => {
            let service = facility.facility.services.iter().find(|s| s.id.as_str() == service);
            match (service, cell.parse()) {
                (Some(s), Ok(cell)) if facility.facility.services.len() > 1 => {
                    format!("{} {}", service_name(s.kind), super::now::row_name(frame, s, Some(cell)))
                }
                (Some(s), Ok(cell)) => super::now::row_name(frame, s, Some(cell)),
                _ => return String::new(),
            }
        }
        None => match Aspect::find_plain(field) {
            Some(aspect) => frame.words.t(&format!("aspect.{}", aspect.word())).to_owned(),
            None if field == "remark" => frame.word("remark.title"),
            None if field == "need" => frame.words.t("aspect.needs").to_owned(),
            None => return String::new(),
        },
    };
    format!("{name}：")
}

/// The explanation under a question.
pub(super) fn why(frame: Frame<'_>, facility: &FacilityBoard, problem: &Problem, id: &str) -> Markup {
    let (title, more) = message(frame.words, problem, Some(facility));
    html! { p.why id=(id) { (mark("alert")) span { (title) small { (more) } } } }
}

/// What was typed, with what may not be written marked.
pub(super) fn said(text: &str, findings: &[Finding]) -> Markup {
    let marked = |i: usize| findings.iter().any(|f| f.start <= i && i < f.end);
    let mut runs: Vec<(bool, String)> = Vec::new();
    for (i, c) in text.chars().enumerate() {
        match runs.last_mut() {
            Some((on, run)) if *on == marked(i) => run.push(c),
            _ => runs.push((marked(i), c.to_string())),
        }
    }
    html! { @for (on, run) in runs { @if on { mark { (run) } } @else { (run) } } }
}

/// Nothing is wrong with what was typed, but it could not be stored.
pub(super) fn unstored(frame: Frame<'_>, moment: Moment<'_>, why: Unstored) -> Markup {
    let desk = desk_of(frame.city, Face::of(moment));
    html! {
        section.block.fix #fix role="alert" aria-labelledby="err" {
            h2 #err tabindex="-1" autofocus { (mark("alert")) span {
                @match why {
                    Unstored::Busy(_) => (frame.say("problem.busy")),
                    Unstored::NotStored => (frame.say("problem.not_stored")),
                }
            } }
            p.q { @match why {
                Unstored::Busy(seconds) => (frame.fill("problem.busy_more", &[("seconds", &seconds.to_string())])),
                Unstored::NotStored => (frame.word("problem.not_stored_more")),
            } }
            @if why == Unstored::NotStored { (super::telephone(desk)) }
        }
    }
}

/// The key speaks for nobody (unknown, revoked, forged: the same page for all), or a receipt is not this facility's.
#[must_use]
pub fn gone(frame: Frame<'_>, moment: Moment<'_>) -> Markup {
    let main = html! {
        section.block aria-labelledby="gone" {
            h2 #gone { (frame.say("gone.title")) }
            p.hint { (frame.word("gone.lines")) }
            p.hint { (frame.word("gone.ask")) }
        }
    };
    document(frame, moment, None, "desk.tell", main)
}

/// The key is good, but this facility never sent a report of that number.
#[must_use]
pub fn no_receipt(frame: Frame<'_>, moment: Moment<'_>, facility: &FacilityBoard) -> Markup {
    let main = html! {
        section.block aria-labelledby="gone" {
            h2 #gone { (frame.word("gone.receipt")) }
            a.second href=(home(frame)) { (frame.word("back")) }
        }
    };
    document(frame, moment, Some(facility), "", main)
}

/// A sentence alone, for answers that have no form to give back (a request that cannot be read, or a store that is away).
#[must_use]
pub fn plain_page(frame: Frame<'_>, moment: Moment<'_>, facility: Option<&FacilityBoard>, key: &str) -> Markup {
    let main = html! {
        section.block.fix role="alert" {
            h2 { (mark("alert")) span { (frame.word(&format!("problem.{key}"))) } }
            @if frame.words.has(&format!("report.problem.{key}_more")) { p.hint { (frame.fill(&format!("problem.{key}_more"), &[("seconds", "5")])) } }
            @if facility.is_some() { a.second href=(home(frame)) { (frame.word("back")) } }
        }
    };
    document(frame, moment, facility, "desk.tell", main)
}
