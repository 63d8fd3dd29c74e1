//! The page itself: what the board says, 変わりなし in one tap, and the questions.
//!
//! *Invariants:* GET of it changes nothing; 変わりなし is its own form and carries the moment the sender saw; what was typed
//! survives every answer of the server.

use std::collections::BTreeMap;

use imaboard_domain::{Aspect, FacilityBoard, Grid, GuidePage, Mode, Moment, PLAIN_ASPECTS, Realm, Service, Shown};
use maud::{Markup, html};
use uuid::Uuid;

use super::form::{self, Problem, Typed, What};
use super::sprite::mark;
use super::{Face, Frame, damage, document, home, now, numbered, path, postings, practised, problem, vacancy};
use crate::guide;

/// The page as it is first opened. `nonce` makes a second tap on the same button the same report.
#[must_use]
pub fn open(frame: Frame<'_>, moment: Moment<'_>, facility: &FacilityBoard, nonce: Uuid) -> Markup {
    render(frame, moment, facility, nonce, None, &[], html! {})
}

/// The page again after a refusal: everything typed is still there, and each problem is explained at its field.
#[must_use]
pub fn refused(
    frame: Frame<'_>,
    moment: Moment<'_>,
    facility: &FacilityBoard,
    nonce: Uuid,
    typed: &Typed,
    problems: &[Problem],
) -> Markup {
    let summary = html! { @if !problems.is_empty() { (problem::summary(frame, moment, facility, problems)) } };
    render(frame, moment, facility, nonce, Some(typed), problems, summary)
}

/// Why nothing could be stored although nothing was wrong with what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unstored {
    /// Too many reports at once; seconds to wait.
    Busy(u64),
    /// The store does not take anything: telephone.
    NotStored,
}

/// The page again because the server could not store: everything typed is still there.
#[must_use]
pub fn unstored(
    frame: Frame<'_>,
    moment: Moment<'_>,
    facility: &FacilityBoard,
    nonce: Uuid,
    typed: &Typed,
    why: Unstored,
) -> Markup {
    render(frame, moment, facility, nonce, Some(typed), &[], problem::unstored(frame, moment, why))
}

/// One form of a page: what it knows, what was typed, what is wrong.
pub(super) struct Sheet<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) moment: Moment<'a>,
    pub(super) facility: &'a FacilityBoard,
    pub(super) face: Face,
    pub(super) typed: Option<&'a Typed>,
    pub(super) was: BTreeMap<String, String>,
    pub(super) problems: &'a [Problem],
}

impl Sheet<'_> {
    /// What stands in a field: what was typed, else what the board believes.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        match self.typed {
            Some(typed) => typed.one(name),
            None => self.was.get(name).map(String::as_str),
        }
    }

    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == Some(value)
    }

    /// Whether one of the values of a repeated field is this.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        match self.typed {
            Some(typed) => typed.all(name).any(|v| v == value),
            None => self.was.get(name).is_some_and(|list| list.split(',').any(|v| v == value)),
        }
    }

    /// The first problem at a field, with its number in the summary.
    pub(super) fn at(&self, field: &str) -> Option<(usize, &Problem)> {
        self.problems.iter().enumerate().find(|(_, p)| p.field == field)
    }

    /// Whether a folded part must be open: something in it is wrong, or was changed by hand.
    pub(super) fn touched(&self, belongs: impl Fn(&str) -> bool) -> bool {
        self.problems.iter().any(|p| belongs(&p.field))
            || self.typed.is_some_and(|typed| {
                typed.pairs().iter().any(|(n, v)| {
                    belongs(n) && !v.is_empty() && self.was.get(n).is_none_or(|w| w != v && !w.split(',').any(|w| w == v))
                })
            })
    }

    /// The explanation under a question, if there is one.
    pub(super) fn why(&self, field: &str) -> Markup {
        html! { @if let Some((_, p)) = self.at(field) { (problem::why(self.frame, self.facility, p, &format!("{}-why", form::anchor(field)))) } }
    }

    /// `①` before the question it belongs to.
    pub(super) fn number(&self, field: &str) -> String {
        self.at(field).map_or_else(String::new, |(i, _)| format!("{} ", numbered(i)))
    }
}

fn render(
    frame: Frame<'_>,
    moment: Moment<'_>,
    facility: &FacilityBoard,
    nonce: Uuid,
    typed: Option<&Typed>,
    problems: &[Problem],
    notice: Markup,
) -> Markup {
    let face = frame.face(moment);
    let was = typed.map_or_else(|| form::prefill(moment, facility, face.realm()), Typed::was);
    // What the sender can have seen ends with the newest report on the page; the clock would take in one being stored just now.
    let newest = facility.last_report.as_ref().map_or(moment.now, |last| last.at).as_microsecond();
    let seen = typed.and_then(|t| t.one("seen")).and_then(|s| s.parse::<i64>().ok()).unwrap_or(newest);
    let sheet = Sheet { frame, moment, facility, face, typed, was, problems };
    let again = typed.is_some();
    let main = html! {
        (notice)
        @if let (Some(practised), false) = (frame.practice, again) { (practice_steps(frame, practised)) }
        @if face == Face::Peace && !again { (board_now(&sheet)) }
        @if frame.practice.is_none() && !again && face == Face::Peace { (postings::came_back(frame, moment, facility)) }
        form #change .drillform[face == Face::Exercise] method="post" action=(path(frame, "/reports")) novalidate {
            (hidden(&sheet, nonce, seen))
            @if face != Face::Peace {
                (damage::first(&sheet))
                @if !again { (board_now(&sheet)) }
                (damage::details(&sheet))
                @if facility.facility.services.iter().any(|s| s.kind.grid().is_some()) {
                    details.block open[sheet.touched(is_vacancy)] {
                        summary { (frame.say("more.vacancy")) }
                        @if face == Face::Exercise { p.hint { (frame.word("real_vacancy")) } }
                        (vacancy::services(&sheet))
                    }
                }
            } @else {
                (vacancy::services(&sheet))
                (damage::operation(&sheet))
                details.block open[sheet.touched(is_damage)] {
                    summary { (frame.say("more.peace")) }
                    (damage::lifelines(&sheet))
                    (damage::body(&sheet))
                    (damage::rest(&sheet))
                    (damage::needs(&sheet))
                }
            }
            (remark(&sheet))
            div.sendbar.stick {
                button.send name="send" value="form" {
                    @if again { (frame.say("send_again")) } @else if face == Face::Peace { (frame.say("send")) } @else { (frame.say("send_details")) }
                }
                p.hint { (frame.word("undo_hint")) }
            }
        }
        @if !again { form #same method="post" action=(path(frame, "/reports")) { (same_fields(&sheet, nonce, seen)) } }
        @if frame.practice.is_none() {
            @if !again && face != Face::Peace { (postings::came_back(frame, moment, facility)) }
            (postings::for_facilities(frame, moment))
            nav.aside aria-label=(frame.word("more_pages")) { ul {
                li { a href=(path(frame, "/postings")) { (frame.word("other_report")) } }
                li { a href=(path(frame, "/support")) { (frame.word("support.ask")) } }
                // While it is serious nobody is led away from the real page.
                @if face == Face::Peace { @for practised in PRACTICES { li { (practice_link(frame, practised)) } } }
                @for page in GuidePage::ALL { li { a href=(guide::path(*page)) { (guide::title(frame.words, *page)) } } }
            } }
        }
    };
    document(frame, moment, Some(facility), "", main)
}

/// What can be practised: an exercise is practice already.
const PRACTICES: [Face; 2] = [Face::Peace, Face::Damage];

fn practice_link(frame: Frame<'_>, practised: Face) -> Markup {
    let frame = Frame { practice: Some(practised), ..frame };
    html! { a href=(home(frame)) { (frame.word(if practised == Face::Damage { "practice.start_damage" } else { "practice.start" })) } }
}

/// What to try in five minutes, and the way to the other practice.
fn practice_steps(frame: Frame<'_>, practised: Face) -> Markup {
    let damage = practised == Face::Damage;
    let (title, lead) =
        if damage { ("practice.title_damage", "practice.lead_damage") } else { ("practice.title", "practice.lead") };
    let steps = if damage {
        ["practice.damage_1", "practice.damage_2", "practice.damage_3"]
    } else {
        ["practice.step_1", "practice.step_2", "practice.step_3"]
    };
    html! {
        section.block aria-labelledby="practice" {
            h2 #practice { (frame.word(title)) }
            p.hint { (frame.word(lead)) }
            ol.practice-steps {
                @for (n, key) in steps.into_iter().enumerate() { li { b { (n + 1) } span { (frame.say(key)) } } }
            }
            @for other in PRACTICES.into_iter().filter(|other| *other != practised) { p.hint { (practice_link(frame, other)) } }
        }
    }
}

fn is_vacancy(field: &str) -> bool {
    ["v.", "n.", "c.", "off."].iter().any(|p| field.starts_with(p))
}

fn is_damage(field: &str) -> bool {
    let base = field.split('.').next().unwrap_or(field);
    base == "need" || (base != "operation" && PLAIN_ASPECTS.iter().any(|(_, w)| *w == base))
}

/// The page's own fields, and the neutral submit that stands first so that Enter never sends 無事.
fn hidden(sheet: &Sheet<'_>, nonce: Uuid, seen: i64) -> Markup {
    html! {
        button.sr name="send" value="details" tabindex="-1" aria-hidden="true" { (sheet.frame.word("send_details")) }
        (same_fields(sheet, nonce, seen))
        @if !sheet.was.is_empty() { input type="hidden" name="was" value=(form::pack(&sheet.was)); }
    }
}

fn same_fields(sheet: &Sheet<'_>, nonce: Uuid, seen: i64) -> Markup {
    html! {
        input type="hidden" name="nonce" value=(nonce);
        input type="hidden" name="seen" value=(seen);
        input type="hidden" name="face" value=(sheet.face.word());
        // A page that came back with a problem goes on counting where it stopped.
        @for name in [form::EFFORT_SECONDS, form::EFFORT_TAPS] {
            @if let Some(so_far) = sheet.typed.and_then(|t| t.one(name)).and_then(|n| n.parse::<u32>().ok()) {
                input type="hidden" name=(name) value=(so_far);
            }
        }
        (practised(sheet.frame))
    }
}

/// Whether 変わりなし has anything to say: at least one value that is not stale; in peace damage is no part of it.
#[must_use]
pub fn can_confirm(moment: Moment<'_>, facility: &FacilityBoard, realm: Realm) -> bool {
    let vacancies = facility.facility.services.iter().any(|s| confirmable(moment, facility, s).next().is_some());
    let damage_too = moment.mode() != Mode::Peace || realm == Realm::Exercise;
    vacancies
        || PLAIN_ASPECTS
            .iter()
            .filter(|(a, _)| damage_too || *a == Aspect::Operation)
            .any(|(a, _)| moment.shown(facility, a, realm).current().is_some())
}

fn confirmable<'a>(
    moment: Moment<'a>,
    facility: &'a FacilityBoard,
    service: &'a Service,
) -> impl Iterator<Item = (imaboard_domain::Cell, Shown<'a>)> {
    service
        .cells(moment.today())
        .into_iter()
        .map(move |c| (c, moment.cell(facility, service, c)))
        .filter(|(_, s)| s.current().is_some())
}

/// What the board says, and the one tap that says it is still so. The button belongs to a form of its own further down,
/// because forms cannot stand in one another.
fn board_now(sheet: &Sheet<'_>) -> Markup {
    let Sheet { frame, moment, facility, face, .. } = *sheet;
    let confirm = can_confirm(moment, facility, face.realm());
    if !confirm && face != Face::Peace {
        return html! {};
    }
    let until = facility
        .facility
        .services
        .iter()
        .filter(|s| s.kind.grid() == Some(Grid::Dates))
        .flat_map(|s| confirmable(moment, facility, s))
        .filter_map(|(c, _)| match c {
            imaboard_domain::Cell::Date(date) => Some(date),
            _ => None,
        })
        .max();
    let days = facility.facility.services.iter().any(|s| matches!(s.kind.grid(), Some(Grid::Dates | Grid::Weekdays)));
    html! {
        section.block.now aria-labelledby="now" {
            h2 #now { (frame.word("now")) }
            (now::facts(frame, moment, facility, face.realm()))
            @if confirm {
                button.same.quiet[face != Face::Peace] form="same" name="confirm" value="all" {
                    (mark("yes"))
                    span { (frame.say("same")) small {
                        @if face != Face::Peace { (frame.word("same_hint_incident")) }
                        @else if let Some(date) = until { (frame.fill("same_hint_until", &[("day", &month_day(date))])) }
                        @else { (frame.word("same_hint")) }
                    } }
                }
            }
            @if face == Face::Peace {
                a.jump href="#change" { @if days { (frame.word("changed_day")) } @else { (frame.word("changed")) } (mark("down")) }
            }
        }
    }
}

fn month_day(date: jiff::civil::Date) -> String {
    format!("{}月{}日", date.month(), date.day())
}

fn remark(sheet: &Sheet<'_>) -> Markup {
    let frame = sheet.frame;
    let text = sheet.value("remark").unwrap_or_default();
    match sheet.at("remark") {
        Some((i, p)) => html! {
            fieldset.block.wrong.asks id=(form::anchor("remark")) {
                legend { (numbered(i)) " " (frame.word("remark.title")) }
                (problem::why(frame, sheet.facility, p, "remark-why"))
                @if let What::Personal(findings) = &p.what {
                    p.said { (problem::said(text, findings)) }
                    div.opts {
                        (choice("remark.choice", "own", true, html! { (frame.word("remark.own")) }, "opens"))
                        (choice("remark.choice", "none", false, html! { (frame.word("remark.drop")) }, ""))
                    }
                    div.reveal { (remark_box(frame, text, true)) }
                } @else { (remark_box(frame, text, true)) }
            }
        },
        None => html! {
            details.block open[!text.is_empty()] {
                summary { (frame.word("remark.open")) " " span.opt-note { (frame.word("optional")) } }
                p.ng { (mark("ng")) span { (frame.say("remark.ng")) " " a href=(guide::RULE_PATH) { (frame.words.t("rule.title")) } } }
                (remark_box(frame, text, false))
                p.hint { (frame.say("remark.hint")) }
            }
        },
    }
}

fn choice(name: &str, value: &str, checked: bool, face: Markup, class: &str) -> Markup {
    html! {
        label.opt.row { input class=(class) type="radio" name=(name) value=(value) checked[checked]; span.face { span.t { (face) } } }
    }
}

fn remark_box(frame: Frame<'_>, text: &str, wrong: bool) -> Markup {
    html! {
        label.field for="remark" { span { (frame.word("remark.label")) } }
        // No maxlength: a browser would cut what is pasted without a word.
        textarea #remark name="remark" rows="3" data-most=(form::MOST_REMARK_CHARS) aria-invalid=[wrong.then_some("true")]
            aria-describedby=[wrong.then_some("remark-why")] { (text) }
    }
}

/// 助けが必要 during an exercise, or an answer to an exercise that is over: asks once which is meant, and keeps everything typed.
#[must_use]
pub fn which(frame: Frame<'_>, moment: Moment<'_>, facility: &FacilityBoard, typed: &Typed) -> Markup {
    let ended = moment.exercise().is_none();
    let kept = typed.pairs().iter().filter(|(n, _)| !matches!(n.as_str(), "realm" | "realm.sure" | "send"));
    let help = typed.one("first_report").is_some_and(|v| v.starts_with("needs_help"));
    let main = html! {
        form method="post" action=(path(frame, "/reports")) novalidate {
            // Neutral first: Enter asks again and decides nothing.
            button.sr name="send" value="ask" tabindex="-1" aria-hidden="true" { (frame.word("exercise.ask")) }
            @for (name, value) in kept {
                input type="hidden" name=(name) value=(if name == "first_report" { value.split(':').next().unwrap_or_default() } else { value.as_str() });
            }
            section.block.choose-now aria-labelledby="which" role="alert" {
                h2 #which { @if ended { (frame.word("exercise.ask_ended")) } @else { (frame.word("exercise.ask_title")) } }
                p.hint { (frame.word("exercise.ask_kept")) }
                div.first {
                    @if !ended {
                        button.fr.ex name="realm.sure" value="exercise" { (mark("yes"))
                            span { b { (frame.say("exercise.is_exercise")) } small { (frame.word("exercise.exercise_hint")) } } }
                    }
                    button.fr.really name="realm.sure" value="real" { (mark(if help { "help" } else { "alert" }))
                        span { b { (frame.say("exercise.is_real")) }
                            small { @if help { (frame.word("exercise.real_hint")) } @else { (frame.word("exercise.real_plain_hint")) } } } }
                }
                a.second href=(path(frame, "")) { (frame.word("exercise.do_not_send")) }
            }
        }
    };
    document(frame, moment, Some(facility), "", main)
}
