//! A notice or a job sent to the city: two short forms on a page below the report page, and what came back from it.
//!
//! *Invariant:* what is sent here is public only after somebody in the city released it, and the page says so before and after.

use imaboard_domain::{
    Audience, ContactRole, Employment, FacilityBoard, Moment, NoticeCategory, Posting, PostingKind, PostingState, Shift, WagePer,
    WorkKind,
};
use maud::{Markup, html};
use uuid::Uuid;

use super::form::{Problem, Typed, What, anchor};
use super::page::Unstored;
use super::sprite::mark;
use super::{Frame, document, path, problem};
use crate::{guide, time};

/// The most characters of a posting's first line.
pub const MOST_TITLE_CHARS: usize = 40;
/// The most characters below it.
pub const MOST_BODY_CHARS: usize = 400;
/// How many notices of the city stand on the report page.
const MOST_CITY_NOTICES: usize = 3;

/// What stands in the forms and what is wrong with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filled<'a> {
    /// What was typed, or what the form is filled with beforehand.
    pub typed: Option<&'a Typed>,
    /// The posting that came back and is put right here.
    pub fixes: Option<&'a Posting>,
    /// Why it was refused.
    pub problems: &'a [Problem],
    /// Why it could not be stored.
    pub unstored: Option<Unstored>,
}

/// The page; after a refusal with everything typed and why.
#[must_use]
pub fn page(frame: Frame<'_>, moment: Moment<'_>, facility: &FacilityBoard, nonce: Uuid, filled: Filled<'_>) -> Markup {
    let Filled { typed, fixes, problems, unstored } = filled;
    let kind = fixes.map_or_else(|| typed.and_then(|t| t.one("kind")), |p| Some(p.kind.word()));
    let job_first = kind == Some(PostingKind::Job.word());
    let form = |kind: PostingKind, open: bool| {
        one(frame, facility, nonce, kind, typed.filter(|_| open), fixes.filter(|_| open), if open { problems } else { &[] })
    };
    let main = html! {
        @if let Some(why) = unstored { (problem::unstored(frame, moment, why)) }
        @if !problems.is_empty() { (problem::summary(frame, moment, facility, problems)) }
        section.block {
            h2 { (frame.word("posting.title")) }
            p.hint { (frame.word("posting.lead")) }
            p.ng { (mark("ng")) span { (frame.word("posting.ng")) " " a href=(guide::RULE_PATH) { (frame.words.t("rule.title")) } } }
        }
        @if let Some(posting) = fixes {
            section.block.came-back aria-labelledby="why" {
                h2 #why { (frame.word("posting.came_back")) }
                (reason(frame, posting))
                p.hint { (frame.word("posting.fixing")) }
            }
        }
        @if fixes.is_none() || !job_first {
            details.block open[!job_first] {
                summary { (frame.word("posting.notice")) }
                (form(PostingKind::Notice, !job_first))
            }
        }
        @if fixes.is_none() || job_first {
            details.block open[job_first] {
                summary { (frame.word("posting.job")) }
                (form(PostingKind::Job, job_first))
            }
        }
        p.aside { a href=(path(frame, "")) { (frame.word("back")) } }
    };
    document(frame, moment, Some(facility), "", main)
}

/// What the form of a posting that came back is filled with: what was sent.
#[must_use]
pub fn typed_of(posting: &Posting) -> Typed {
    let mut pairs = vec![
        ("kind", posting.kind.word().to_owned()),
        ("title", posting.title().to_owned()),
        ("body", posting.body().to_owned()),
    ];
    pairs.extend(posting.category.map(|c| ("category", c.word().to_owned())));
    if let Some(until) = posting.expires_at.and_then(|at| imaboard_domain::city_date(at).yesterday().ok()) {
        pairs.push(("until", until.to_string()));
    }
    if let Some(job) = &posting.job {
        pairs.push(("employment", job.employment.word().to_owned()));
        pairs.push(("wage_per", job.wage_per.word().to_owned()));
        pairs.push(("wage_from", job.wage_from_yen.to_string()));
        pairs.extend(job.wage_to_yen.map(|yen| ("wage_to", yen.to_string())));
        pairs.extend(job.work.map(|work| ("work", work.word().to_owned())));
        pairs.extend(job.contact.map(|role| ("contact", role.word().to_owned())));
        if let Some(hours) = job.hours {
            pairs.push(("shift", hours.shift.word().to_owned()));
            pairs.extend(hours.from.map(|at| ("hours_from", clock(at))));
            pairs.extend(hours.until.map(|at| ("hours_until", clock(at))));
        }
    }
    Typed::new(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn clock(at: jiff::civil::Time) -> String {
    format!("{:02}:{:02}", at.hour(), at.minute())
}

fn one(
    frame: Frame<'_>,
    facility: &FacilityBoard,
    nonce: Uuid,
    kind: PostingKind,
    typed: Option<&Typed>,
    fixes: Option<&Posting>,
    problems: &[Problem],
) -> Markup {
    let value = |name: &str| typed.and_then(|t| t.one(name));
    let at = |field: &str| problems.iter().find(|p| p.field == field);
    let id = |name: &str| format!("{}-{kind}", anchor(name));
    let why = |field: &str| html! { @if let Some(p) = at(field) { div id=(anchor(field)) { (problem::why(frame, facility, p, &format!("{}-why", id(field)))) } } };
    // Every list of words looks the same: a question and its choices.
    let choose = |name: &str, question: &str, words: &[&'static str], table: &str| {
        html! {
            label.field for=(id(name)) { span { (frame.word(question)) }
                select id=(id(name)) name=(name) {
                    @for word in words { option value=(word) selected[value(name) == Some(*word)] { (frame.words.t(&format!("{table}.{word}"))) } }
                } }
        }
    };
    html! {
        form method="post" action=(path(frame, "/postings")) novalidate {
            input type="hidden" name="nonce" value=(nonce);
            input type="hidden" name="kind" value=(kind.word());
            @if let Some(posting) = fixes {
                input type="hidden" name="fixes" value=(posting.id);
                input type="hidden" name="base" value=(value("base").map_or_else(|| posting.revision.to_string(), str::to_owned));
            }
            @if kind == PostingKind::Notice {
                (choose("category", "posting.category", &all(NoticeCategory::ALL, NoticeCategory::word), "category"))
            } @else {
                (choose("work", "posting.work", &all(WorkKind::ALL, WorkKind::word), "work"))
                (choose("employment", "posting.employment", &all(Employment::ALL, Employment::word), "employment"))
                (why("hours"))
                (choose("shift", "posting.shift", &all(Shift::ALL, Shift::word), "shift"))
                @for (name, question) in [("hours_from", "posting.hours_from"), ("hours_until", "posting.hours_until")] {
                    label.field for=(id(name)) { span { (frame.word(question)) " " span.opt-note { (frame.word("if_known")) } }
                        input id=(id(name)) type="time" name=(name) value=[value(name)] aria-invalid=[at("hours").map(|_| "true")]; }
                }
                (why("wage"))
                (choose("wage_per", "posting.wage_per", &all(WagePer::ALL, WagePer::word), "wage_per"))
                p.num.wage {
                    input type="tel" inputmode="numeric" autocomplete="off" name="wage_from" value=[value("wage_from")]
                        aria-label=(frame.word("posting.wage_from")); " " (frame.word("posting.wage_from")) " "
                }
                p.num.wage {
                    input type="tel" inputmode="numeric" autocomplete="off" name="wage_to" value=[value("wage_to")]
                        aria-label=(frame.word("posting.wage_to")); " " (frame.word("posting.wage_to")) " " span.opt-note { (frame.word("if_known")) }
                }
                (choose("contact", "posting.contact", &all(ContactRole::ALL, ContactRole::word), "contact_role"))
                p.hint {
                    @if facility.facility.phone.is_empty() { (frame.word("posting.contact_none")) }
                    @else { (frame.fill("posting.contact_hint", &[("phone", &facility.facility.phone)])) }
                }
            }
            (why("title"))
            label.field for=(id("title")) { span { (frame.word("posting.headline")) }
                input id=(id("title")) type="text" name="title" autocomplete="off" value=[value("title")] aria-invalid=[at("title").map(|_| "true")]; }
            (why("body"))
            @if let Some(Problem { what: What::Personal(findings), .. }) = at("body") { p.said.lines { (problem::said(&full(typed), findings)) } }
            label.field for=(id("body")) { span { (frame.word("posting.body")) }
                textarea id=(id("body")) name="body" rows="6" aria-invalid=[at("body").map(|_| "true")] { (value("body").unwrap_or_default()) } }
            (why("until"))
            label.field for=(id("until")) { span { (frame.word("posting.expires")) " " span.opt-note { (frame.word("optional")) } }
                input id=(id("until")) type="date" name="until" value=[value("until")] aria-invalid=[at("until").map(|_| "true")]; }
            div.sendbar { button.send { @if kind == PostingKind::Notice { (frame.word("posting.send_notice")) } @else { (frame.word("posting.send_job")) } } }
        }
    }
}

fn all<T: Copy>(list: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    list.iter().map(|one| word(*one)).collect()
}

fn reason(frame: Frame<'_>, posting: &Posting) -> Markup {
    html! {
        p.hint { (frame.word("posting.reason")) }
        @match posting.returned.as_ref().and_then(|returned| returned.reason.as_deref()) {
            Some(text) => { p.said.lines { (text) } }
            None => { p.said { (frame.word("posting.no_reason")) } }
        }
    }
}

/// What came back from the city, with its reason and the way to put it right; and what still waits there.
pub(super) fn came_back(frame: Frame<'_>, moment: Moment<'_>, facility: &FacilityBoard) -> Markup {
    let unreleased: Vec<&Posting> =
        moment.board.unreleased_of(&facility.facility.id).filter(|p| p.text.is_some() && !p.from_city).collect();
    let (returned, waiting): (Vec<&Posting>, Vec<&Posting>) =
        unreleased.into_iter().partition(|p| p.state == PostingState::Returned);
    html! {
        @for (i, posting) in returned.iter().enumerate() {
            @let id = format!("back-{i}");
            section.block.came-back aria-labelledby=(id) {
                h2 id=(id) { (frame.word("posting.came_back")) }
                p.q { (posting.title()) }
                p.hint { (frame.word("posting.came_back_more")) }
                (reason(frame, posting))
                a.second href=(path(frame, &format!("/postings?fix={}", posting.id))) { (frame.word("posting.fix")) }
            }
        }
        @if !waiting.is_empty() {
            section.block aria-labelledby="waits" {
                h2 #waits { (frame.word("posting.waiting")) }
                ul.waits-list { @for posting in &waiting { li { (posting.title()) " " small { (time::when(posting.received_at, moment.now)) } } } }
            }
        }
    }
}

/// The newest notices of the city to facilities.
pub(super) fn for_facilities(frame: Frame<'_>, moment: Moment<'_>) -> Markup {
    let notices: Vec<&Posting> = moment
        .public_postings(PostingKind::Notice)
        .into_iter()
        .filter(|p| p.audience == Some(Audience::Facilities))
        .take(MOST_CITY_NOTICES)
        .collect();
    html! {
        @if !notices.is_empty() {
            section.block aria-labelledby="city" {
                h2 #city { (frame.word("posting.for_facilities")) }
                ul.waits-list { @for p in notices { li {
                    a href={ "/notices/" (p.id) } { (p.title()) } " "
                    small { (time::when(p.revised_at.last().copied().or(p.publish_at).unwrap_or(p.received_at), moment.now)) }
                } } }
            }
        }
    }
}

/// First line and body as one text: what the guard reads and the log keeps.
#[must_use]
pub fn full(typed: Option<&Typed>) -> String {
    let line = |name| typed.and_then(|t| t.one(name)).unwrap_or_default();
    let title = line("title").split_whitespace().collect::<Vec<_>>().join(" ");
    let body = line("body").replace("\r\n", "\n");
    let body = body.trim();
    if body.is_empty() { title } else { format!("{title}\n{body}") }
}
