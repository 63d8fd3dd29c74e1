//! Notices and jobs: lists and single pages.
//!
//! Invariant: only what the city released and what is inside its window is printed, and every word of it is escaped.

use imaboard_domain::{FacilityBoard, Posting, PostingKind};
use maud::{Markup, html};

use super::find::{pager, slice};
use crate::layout::{Frame, as_of, day_tag, grouped, page, tel_big, time_tag};

/// How many postings one page of a list holds.
const POSTINGS_A_PAGE: usize = 50;

fn facility_of<'a>(frame: &Frame<'a>, posting: &Posting) -> Option<&'a FacilityBoard> {
    frame.moment.board.find_facility(posting.facility.as_ref()?)
}

fn title_of<'a>(frame: &Frame<'a>, posting: &'a Posting) -> &'a str {
    match posting.title().trim() {
        "" => frame.t("public.untitled"),
        title => title,
    }
}

/// One line of a list of notices.
pub(super) fn notice_line<'a>(frame: &Frame<'a>, p: &'a Posting) -> Markup {
    html! {
        li {
            (day_tag(p.publish_at.unwrap_or(p.received_at)))
            a href={ "/notices/" (p.id) } { (title_of(frame, p)) }
            @if let Some(at) = p.revised_at.last() { " " span.ib { b { (frame.t("public.notices.revised")) } " " (time_tag(*at, frame.now())) } }
            @if let Some(f) = facility_of(frame, p) { span.s { (f.facility.name) } }
        }
    }
}

/// One line of a list of jobs.
pub(super) fn job_line<'a>(frame: &Frame<'a>, p: &'a Posting) -> Markup {
    let facility = facility_of(frame, p);
    let mut facts: Vec<String> = Vec::new();
    if let Some(f) = facility {
        facts.push(frame.city.district(&f.facility.district).to_owned());
    }
    facts.extend(employment(frame, p));
    facts.extend(wage(frame, p));
    html! {
        li {
            a href={ "/jobs/" (p.id) } { (title_of(frame, p)) }
            @if let Some(f) = facility { " " span.ib { (f.facility.name) } }
            span.s { (facts.join("・")) }
        }
    }
}

fn employment(frame: &Frame<'_>, p: &Posting) -> Option<String> {
    let job = p.job.as_ref()?;
    Some(frame.words.t(&format!("employment.{}", job.employment.word())).to_owned())
}

fn wage(frame: &Frame<'_>, p: &Posting) -> Option<String> {
    let job = p.job.as_ref()?;
    let per = frame.words.t(&format!("wage_per.{}", job.wage_per.word())).to_owned();
    let from = grouped(u64::from(job.wage_from_yen));
    Some(match job.wage_to_yen {
        Some(to) if to > job.wage_from_yen => {
            frame.fill("public.jobs.wage_range", &[("per", &per), ("from", &from), ("to", &grouped(u64::from(to)))])
        }
        _ => frame.fill("public.jobs.wage_from", &[("per", &per), ("from", &from)]),
    })
}

/// The list of notices; pages count from 1.
#[must_use]
pub fn notices(frame: &Frame<'_>, page_no: u32) -> Markup {
    let all = frame.moment.public_postings(PostingKind::Notice);
    let (part, current, pages) = slice(&all, page_no, POSTINGS_A_PAGE);
    let title = frame.t("public.notices.title");
    let middle = html! {
        h1 { (title) }
        (as_of(frame, html! { (frame.fill("public.items", &[("n", &all.len().to_string())])) }))
        section aria-label=(title) {
            @if all.is_empty() { p { (frame.t("public.notices.none")) } }
            @else { ul.list { @for p in part { (notice_line(frame, p)) } } }
            (pager(frame, "/notices?page=", current, pages))
        }
    };
    page(frame, title, middle)
}

/// The list of jobs; pages count from 1.
#[must_use]
pub fn jobs(frame: &Frame<'_>, page_no: u32) -> Markup {
    let all = frame.moment.public_postings(PostingKind::Job);
    let (part, current, pages) = slice(&all, page_no, POSTINGS_A_PAGE);
    let title = frame.t("public.jobs.title");
    let middle = html! {
        h1 { (title) }
        (as_of(frame, html! { (frame.fill("public.items", &[("n", &all.len().to_string())])) }))
        section aria-label=(title) {
            @if all.is_empty() { p { (frame.t("public.jobs.none")) } }
            @else { ul.list { @for p in part { (job_line(frame, p)) } } }
            (pager(frame, "/jobs?page=", current, pages))
        }
    };
    page(frame, title, middle)
}

/// One notice.
#[must_use]
pub fn notice(frame: &Frame<'_>, p: &Posting) -> Markup {
    let title = title_of(frame, p);
    let middle = html! {
        p.s { a href="/notices" { (frame.t("public.notices.title")) } }
        h1 { (title) }
        p.s {
            @if let Some(category) = p.category { (frame.words.t(&format!("category.{}", category.word()))) "・" }
            @if let Some(audience) = p.audience { (frame.fill("public.notices.for", &[("whom", frame.words.t(&format!("audience.{audience}")))])) "・" }
            (frame.fill("public.notices.from", &[("who", &sender(frame, p))])) "・"
            (time_tag(p.publish_at.unwrap_or(p.received_at), frame.now())) (frame.t("public.published"))
        }
        (prose(p))
        (revisions(frame, p))
        (window(frame, p))
        (of_facility(frame, p))
    };
    page(frame, title, middle)
}

/// One job.
#[must_use]
pub fn job(frame: &Frame<'_>, p: &Posting) -> Markup {
    let title = title_of(frame, p);
    let middle = html! {
        p.s { a href="/jobs" { (frame.t("public.jobs.title")) } }
        h1 { (title) }
        p.s { (sender(frame, p)) "・" (time_tag(p.publish_at.unwrap_or(p.received_at), frame.now())) (frame.t("public.published")) }
        dl.facts.job {
            @if let Some(work) = p.job.as_ref().and_then(|job| job.work) { dt { (frame.t("public.jobs.work")) } dd { (frame.words.t(&format!("work.{work}"))) } }
            @if let Some(text) = employment(frame, p) { dt { (frame.t("public.jobs.employment")) } dd { (text) } }
            @if let Some(text) = hours(frame, p) { dt { (frame.t("public.jobs.hours")) } dd { (text) } }
            @if let Some(text) = wage(frame, p) { dt { (frame.t("public.jobs.wage")) } dd { (text) } }
            @if let Some(f) = facility_of(frame, p) {
                dt { (frame.t("public.facility.place")) }
                dd { (frame.city.district(&f.facility.district)) " " (f.facility.address) }
            }
        }
        (prose(p))
        (revisions(frame, p))
        (window(frame, p))
        (of_facility(frame, p))
    };
    page(frame, title, middle)
}

fn hours(frame: &Frame<'_>, p: &Posting) -> Option<String> {
    let hours = p.job.as_ref()?.hours?;
    let clock = |at: Option<jiff::civil::Time>| at.map(|at| format!("{}:{:02}", at.hour(), at.minute())).unwrap_or_default();
    let shift = frame.words.t(&format!("shift.{}", hours.shift)).to_owned();
    let span = match (hours.from, hours.until) {
        (None, None) => return Some(shift),
        (from, until) => format!("{}〜{}", clock(from), clock(until)),
    };
    Some(format!("{shift} {span}"))
}

/// When it appeared and when its words were changed: who has read it before knows to read it again.
fn revisions(frame: &Frame<'_>, p: &Posting) -> Markup {
    let now = frame.now();
    html! { @if !p.revised_at.is_empty() {
        section aria-labelledby="revised" {
            h2 #revised { (frame.t("public.notices.revisions")) }
            ol.list.tl.long {
                @for at in p.revised_at.iter().rev() { li { (time_tag(*at, now)) b { (frame.t("public.notices.revised")) } } }
                li { (time_tag(p.publish_at.unwrap_or(p.received_at), now)) span { (frame.t("public.published")) } }
            }
        }
    } }
}

fn sender(frame: &Frame<'_>, p: &Posting) -> String {
    facility_of(frame, p).map_or_else(|| frame.city.name.clone(), |f| f.facility.name.clone())
}

fn prose(p: &Posting) -> Markup {
    html! {
        div.prose {
            @for paragraph in p.body().split("\n\n").filter(|t| !t.trim().is_empty()) {
                p { @for (i, line) in paragraph.lines().enumerate() { @if i > 0 { br; } (line) } }
            }
        }
    }
}

fn window(frame: &Frame<'_>, p: &Posting) -> Markup {
    html! { @if let Some(until) = p.expires_at {
        p.s { (frame.t("public.until_a")) (time_tag(until, frame.now())) (frame.t("public.until_b")) }
    } }
}

fn of_facility(frame: &Frame<'_>, p: &Posting) -> Markup {
    html! { @if let Some(f) = facility_of(frame, p) {
        section {
            h2 { (frame.t("public.contact")) }
            p {
                a href={ "/facilities/" (f.facility.id) } { (f.facility.name) }
                @if let Some(role) = p.job.as_ref().and_then(|job| job.contact) { " " (frame.words.t(&format!("contact_role.{role}"))) }
            }
            p { (tel_big(&f.facility.phone)) }
        }
    } }
}
