//! The desk's room for notices, jobs and remarks (お知らせ・求人・ひとこと): what waits, what is out, and what was changed.
//!
//! What facilities sent in stands first, because somebody waits for an answer. *Invariant:* every act says what the public will see
//! after it, and words that were erased are shown nowhere, not even as the title of a list.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use imaboard_domain::{
    Aspect, Audience, ContactRole, Employment, Facility, FacilityBoard, NoticeCategory, Posting, PostingKind, PostingState,
    Realm, Shift, Staffing, UnknownWord, Value, WagePer, WorkKind, city_time,
};
use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use super::{Frame, Role, Room, document, field_error, pager};
use crate::guide::rule_in_short;
use crate::layout::{tel, time_tag};
use crate::report::form::Typed;

/// How many postings one page of the list holds.
pub const PAGE_LEN: usize = 50;
/// How many facilities that are short of staff are named.
const MOST_SHORT: usize = 10;
/// The most characters of a title.
pub const MOST_TITLE_CHARS: usize = 60;
/// The most characters of a body.
pub const MOST_BODY_CHARS: usize = 2_000;
/// The most characters of a reason.
pub const MOST_REASON_CHARS: usize = 400;

/// A heap of postings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// 確認待ち: sent in by facilities.
    Waiting,
    /// 下書き: written by the city.
    Drafts,
    /// 公開中
    Public,
    /// 予約
    Scheduled,
    /// もどした: with their facility.
    Returned,
    /// 期限切れ・取り下げ, and what was erased.
    Past,
}

impl Tab {
    /// Every heap, in the order of the work.
    pub const ALL: [Tab; 6] = [Tab::Waiting, Tab::Drafts, Tab::Public, Tab::Scheduled, Tab::Returned, Tab::Past];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Tab::Waiting => "waiting",
            Tab::Drafts => "drafts",
            Tab::Public => "public",
            Tab::Scheduled => "scheduled",
            Tab::Returned => "returned",
            Tab::Past => "past",
        }
    }

    /// Where it stands in [`Tab::ALL`].
    #[must_use]
    pub fn place(self) -> usize {
        Tab::ALL.iter().position(|tab| *tab == self).unwrap_or_default()
    }

    /// The heap a posting lies on at `now`.
    #[must_use]
    pub fn of(posting: &Posting, now: Timestamp) -> Self {
        match posting.state {
            _ if posting.text.is_none() => Tab::Past,
            PostingState::Pending if posting.from_city => Tab::Drafts,
            PostingState::Pending => Tab::Waiting,
            PostingState::Returned => Tab::Returned,
            PostingState::Withdrawn => Tab::Past,
            PostingState::Published if posting.is_expired(now) => Tab::Past,
            PostingState::Published if posting.is_scheduled(now) => Tab::Scheduled,
            PostingState::Published => Tab::Public,
        }
    }
}

impl fmt::Display for Tab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Tab {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Tab::ALL.into_iter().find(|t| t.word() == word).ok_or_else(|| UnknownWord { what: "Tab", word: word.to_owned() })
    }
}

/// One page of one heap.
#[derive(Debug, Clone, Copy)]
pub struct List<'a> {
    /// Which heap.
    pub tab: Tab,
    /// How many lie on each, in the order of [`Tab::ALL`].
    pub counts: [usize; 6],
    /// What was searched for.
    pub query: &'a str,
    /// Only this kind.
    pub kind: Option<PostingKind>,
    /// The postings of this page.
    pub items: &'a [Arc<Posting>],
    /// How many there are on all pages.
    pub found: usize,
    /// Which page, from 1.
    pub page: usize,
    /// How many pages.
    pub pages: usize,
}

fn t(frame: &Frame<'_>, key: &str) -> String {
    frame.words.t(&format!("desk.postings.{key}")).to_owned()
}

fn fill(frame: &Frame<'_>, key: &str, values: &[(&str, &str)]) -> String {
    frame.fill(&format!("desk.postings.{key}"), values)
}

fn path_of(posting: &Posting) -> String {
    format!("{}/{}", Room::Postings.path(), posting.id)
}

fn kind_word(frame: &Frame<'_>, kind: PostingKind) -> String {
    t(frame, &format!("kind.{kind}"))
}

fn title_of(frame: &Frame<'_>, posting: &Posting) -> String {
    match (posting.text.is_some(), posting.title().trim()) {
        (false, _) => t(frame, "erased"),
        (true, "") => frame.t("public.untitled").to_owned(),
        (true, title) => title.to_owned(),
    }
}

fn sender<'a>(frame: &Frame<'a>, posting: &Posting) -> Option<&'a FacilityBoard> {
    frame.moment.board.find_facility(posting.facility.as_ref()?)
}

fn sender_name(frame: &Frame<'_>, posting: &Posting) -> String {
    match (&posting.facility, sender(frame, posting)) {
        (_, Some(held)) => held.facility.name.clone(),
        (Some(id), None) => id.to_string(),
        (None, None) => frame.city.name.clone(),
    }
}

/// The list.
#[must_use]
pub fn list(frame: &Frame<'_>, list: &List<'_>) -> Markup {
    let title = frame.t(Room::Postings.title_key());
    let here = Room::Postings.path();
    let kind_query = list.kind.map(|kind| format!("&kind={kind}")).unwrap_or_default();
    let query = encoded(list.query);
    let middle = html! {
        div.bar {
            h1 { (title) }
            @if frame.may(Role::Coordinator) {
                p.acts {
                    a.btn href={ (here) "/new?kind=notice" } data-key="N" { kbd { "N" } (t(frame, "new_notice")) }
                    a.btn href={ (here) "/new?kind=job" } data-key="J" { kbd { "J" } (t(frame, "new_job")) }
                }
            }
        }
        nav.post-tabs aria-label=(t(frame, "tabs")) {
            @for tab in Tab::ALL {
                a href={ (here) "?tab=" (tab) } aria-current=[(tab == list.tab).then_some("page")] {
                    (t(frame, &format!("tab.{tab}"))) " " span.num { (list.counts[tab.place()]) }
                }
            }
        }
        div.post-cols {
            section {
                h2.v #list { (t(frame, &format!("tab.{}", list.tab))) }
                form.post-find method="get" action=(here) role="search" {
                    input type="hidden" name="tab" value=(list.tab);
                    label.v for="q" { (t(frame, "search")) }
                    input #q type="search" name="q" value=(list.query) placeholder=(t(frame, "search")) data-key="/";
                    label.v for="k" { (t(frame, "kind_label")) }
                    select #k name="kind" {
                        option value="" { (t(frame, "any_kind")) }
                        @for kind in PostingKind::ALL { option value=(kind) selected[list.kind == Some(*kind)] { (kind_word(frame, *kind)) } }
                    }
                    button { (t(frame, "find")) }
                }
                @if list.items.is_empty() {
                    p.nil { @if list.query.is_empty() && list.kind.is_none() { (t(frame, &format!("none.{}", list.tab))) } @else { (t(frame, "none_found")) } }
                } @else {
                    p.s { (fill(frame, "found", &[("n", &list.found.to_string())])) }
                    (table(frame, list))
                    (pager(frame, &format!("{here}?tab={}{kind_query}&q={query}&", list.tab), list.page, list.pages))
                }
            }
            (short_of_staff(frame))
        }
    };
    document(frame, Some(Room::Postings), title, middle)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn table(frame: &Frame<'_>, list: &List<'_>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="list" {
            table.post-table {
                thead { tr {
                    th scope="col" { (t(frame, "col.kind")) }
                    th scope="col" { (t(frame, "col.title")) }
                    th scope="col" { (t(frame, "col.from")) }
                    th scope="col" { (t(frame, "col.received")) }
                    th scope="col" { (t(frame, "col.window")) }
                } }
                tbody { @for posting in list.items { tr {
                    td.nw { (kind_word(frame, posting.kind)) }
                    th scope="row" {
                        a href=(path_of(posting)) { (title_of(frame, posting)) }
                        @if posting.pinned { " " b.tag { (t(frame, "pinned")) } }
                        @if !posting.revised_at.is_empty() { " " span.s { (fill(frame, "revised_n", &[("n", &posting.revised_at.len().to_string())])) } }
                    }
                    td { (sender_name(frame, posting)) }
                    td.nw { (time_tag(posting.received_at, frame.now())) }
                    td { (window(frame, posting)) }
                } } }
            }
        }
    }
}

/// From when until when the public reads it, or that it does not.
fn window(frame: &Frame<'_>, posting: &Posting) -> Markup {
    let now = frame.now();
    let until = html! { @if let Some(at) = posting.expires_at { (time_tag(at, now)) (t(frame, "until")) } @else { (t(frame, "no_end")) } };
    html! {
        @match posting.state {
            PostingState::Withdrawn => { (t(frame, "state.withdrawn")) }
            PostingState::Published => {
                @if posting.is_expired(now) { (t(frame, "state.expired")) " " }
                @if posting.is_scheduled(now) && let Some(at) = posting.publish_at { (time_tag(at, now)) (t(frame, "from")) "、" }
                (until)
            }
            PostingState::Pending | PostingState::Returned => {
                @if let Some(at) = posting.publish_at { (time_tag(at, now)) (t(frame, "from")) "、" }
                @if posting.publish_at.is_some() || posting.expires_at.is_some() { (until) } @else { span.nil { "–" } }
            }
        }
    }
}

/// Facilities that say they are short of staff, the worst first, each with the way to a job draft.
fn short_of_staff(frame: &Frame<'_>) -> Markup {
    let moment = frame.moment;
    let current = |held: &'_ FacilityBoard| match moment
        .shown(held, &Aspect::Staff, Realm::Real)
        .current()
        .map(|s| (&s.value, s.observed_at))
    {
        Some((Value::Staff(staffing), at)) => Some((*staffing, at)),
        _ => None,
    };
    let mut short: Vec<(&FacilityBoard, Staffing, Timestamp)> =
        moment.short_of_staff().filter_map(|held| current(held).map(|(staffing, at)| (held, staffing, at))).collect();
    short.sort_by_key(|(held, staffing, at)| (*staffing != Staffing::Critical, std::cmp::Reverse(*at), held.facility.id.clone()));
    let more = short.len().saturating_sub(MOST_SHORT);
    short.truncate(MOST_SHORT);
    html! {
        section.post-short aria-labelledby="short" {
            h2.rule #short { (t(frame, "short.title")) }
            @if short.is_empty() { p.nil { (t(frame, "short.none")) } }
            @else {
                ul { @for (held, staffing, at) in &short {
                    @let begun = moment.board.unreleased_of(&held.facility.id).find(|p| p.kind == PostingKind::Job && p.text.is_some());
                    li {
                        b { (held.facility.name) } " " (frame.words.t(&format!("staff.{}", word_of(*staffing)))) " " (time_tag(*at, frame.now()))
                        p {
                            @if let Some(job) = begun { a href=(path_of(job)) { (t(frame, "short.begun")) } }
                            @else if frame.may(Role::Coordinator) {
                                a href={ (Room::Postings.path()) "/new?kind=job&facility=" (held.facility.id) } { (t(frame, "short.draft")) }
                            }
                        }
                    }
                } }
                @if more > 0 { p.s { (fill(frame, "short.more", &[("n", &more.to_string())])) } }
            }
        }
    }
}

fn word_of(staffing: Staffing) -> &'static str {
    Value::Staff(staffing).word()
}

/// What is wrong, by field.
pub type Errors = [(&'static str, String)];

fn error<'a>(errors: &'a Errors, field: &str) -> Option<&'a str> {
    errors.iter().find(|(name, _)| *name == field).map(|(_, message)| message.as_str())
}

/// One posting, and what can be done with it.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// The posting.
    pub posting: &'a Posting,
    /// What the guard would like a person to look at.
    pub doubts: &'a [String],
    /// What the log says of it, the oldest first; `None` while the log cannot be read.
    pub timeline: Option<&'a [Step]>,
    /// A new nonce for its forms.
    pub nonce: Uuid,
    /// What was typed, after a refusal.
    pub typed: &'a Typed,
    /// Why it was refused, by field.
    pub errors: &'a Errors,
    /// Why it was refused as a whole.
    pub problem: Option<&'a str>,
    /// The key of what was done just now (`published`).
    pub done: Option<&'a str>,
}

/// One step in the life of a posting.
#[derive(Debug, Clone)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// Its number on the log.
    pub seq: u64,
    /// The key of what happened (`posting_revised`).
    pub what: &'static str,
    /// The key of who did it (`facility`, `staff`, `system`).
    pub who: &'static str,
    /// The words that came with it.
    pub text: Option<String>,
    /// Words came with it once.
    pub had_text: bool,
}

/// The page of one posting.
#[must_use]
pub fn one(frame: &Frame<'_>, sheet: &Sheet<'_>) -> Markup {
    let Sheet { posting, doubts, .. } = *sheet;
    let title = title_of(frame, posting);
    let now = frame.now();
    let middle = html! {
        p.s { a href={ (Room::Postings.path()) "?tab=" (Tab::of(posting, now)) } { (t(frame, "back_to")) } }
        @if let Some(done) = sheet.done.filter(|key| frame.words.has(&format!("desk.postings.did.{key}"))) {
            div.done role="status" { p {
                b { (t(frame, &format!("did.{done}"))) } " "
                a href={ (Room::Postings.path()) "?tab=waiting" } data-key="B" { kbd { "B" } (t(frame, "next")) }
            } }
        }
        @if let Some(problem) = sheet.problem { div.problem role="alert" { p { (problem) } } }
        div.post-cols {
            article.post-one {
                p.s {
                    b.tag { (t(frame, &format!("tab.{}", Tab::of(posting, now)))) } " " (kind_word(frame, posting.kind))
                    @if let Some(category) = posting.category { "・" (frame.words.t(&format!("category.{category}"))) }
                    @if posting.pinned { " " b.tag { (t(frame, "pinned")) } }
                }
                h1 { (title) }
                @if posting.text.is_none() { p { (t(frame, "erased_more")) } }
                @else if posting.kind == PostingKind::Remark { }
                @else {
                    div.post-words {
                        @for paragraph in posting.body().split("\n\n").filter(|p| !p.trim().is_empty()) {
                            p { @for (i, line) in paragraph.lines().enumerate() { @if i > 0 { br; } (line) } }
                        }
                    }
                }
                @if !doubts.is_empty() {
                    div.problem { h2 { (t(frame, "doubts")) } ul { @for doubt in doubts { li { (doubt) } } } }
                }
                (terms(frame, posting))
                (timeline(frame, sheet))
            }
            (acts(frame, sheet))
        }
    };
    document(frame, Some(Room::Postings), &title, middle)
}

fn terms(frame: &Frame<'_>, posting: &Posting) -> Markup {
    let now = frame.now();
    html! {
        dl.post-terms {
            dt { (t(frame, "col.from")) }
            dd {
                (sender_name(frame, posting))
                @if posting.from_city && posting.facility.is_some() { " " span.s { (t(frame, "by_city")) } }
                @if let Some(held) = sender(frame, posting) { " " (tel(&held.facility.phone)) }
            }
            @if posting.kind == PostingKind::Notice {
                dt { (t(frame, "audience")) }
                dd { @match posting.audience { Some(whom) => { (frame.words.t(&format!("audience.{whom}"))) } None => { (frame.t("audience.everyone")) } } }
            }
            @if let Some(job) = &posting.job {
                @if let Some(work) = job.work { dt { (frame.t("public.jobs.work")) } dd { (frame.words.t(&format!("work.{work}"))) } }
                dt { (frame.t("public.jobs.employment")) } dd { (frame.words.t(&format!("employment.{}", job.employment))) }
                @if let Some(hours) = job.hours {
                    dt { (frame.t("public.jobs.hours")) }
                    dd { (frame.words.t(&format!("shift.{}", hours.shift))) " " (hours.from.map(clock).unwrap_or_default()) @if hours.from.is_some() || hours.until.is_some() { "〜" } (hours.until.map(clock).unwrap_or_default()) }
                }
                dt { (frame.t("public.jobs.wage")) }
                dd { (frame.words.t(&format!("wage_per.{}", job.wage_per))) " " (job.wage_from_yen) @if let Some(to) = job.wage_to_yen { "〜" (to) } (t(frame, "yen")) }
                @if let Some(role) = job.contact { dt { (t(frame, "contact")) } dd { (frame.words.t(&format!("contact_role.{role}"))) } }
            }
            dt { (t(frame, "col.received")) } dd { (time_tag(posting.received_at, now)) }
            dt { (t(frame, "col.window")) } dd { (window(frame, posting)) }
            @if posting.is_public(now) && posting.kind != PostingKind::Remark {
                dt { (t(frame, "public_page")) } dd { a href={ "/" (if posting.kind == PostingKind::Job { "jobs" } else { "notices" }) "/" (posting.id) } { (t(frame, "open")) } }
            } @else if posting.is_public(now) && let Some(facility) = &posting.facility {
                dt { (t(frame, "public_page")) } dd { a href={ "/facilities/" (facility) } { (t(frame, "open")) } }
            }
        }
        @if let Some(returned) = &posting.returned && posting.state == PostingState::Returned {
            section aria-labelledby="reason" {
                h2.rule #reason { (t(frame, "reason")) " " (time_tag(returned.at, now)) }
                p { @match &returned.reason { Some(text) => { (text) } None => { (t(frame, "erased")) } } }
            }
        }
    }
}

fn clock(at: jiff::civil::Time) -> String {
    format!("{}:{:02}", at.hour(), at.minute())
}

fn timeline(frame: &Frame<'_>, sheet: &Sheet<'_>) -> Markup {
    let now = frame.now();
    html! {
        section aria-labelledby="timeline" {
            h2.rule #timeline { (t(frame, "timeline")) }
            @match sheet.timeline {
                None => { p.nil { (t(frame, "timeline_away")) } }
                Some(steps) => { ol.post-steps { @for step in steps { li {
                    span.nw { (time_tag(step.at, now)) }
                    div {
                        b { (t(frame, &format!("step.{}", step.what))) } " " span.s { (t(frame, &format!("who.{}", step.who))) " " (fill(frame, "nth", &[("n", &step.seq.to_string())])) }
                        @match &step.text {
                            Some(text) => { details { summary { (text.lines().next().unwrap_or_default()) } p.post-said { @for (i, line) in text.lines().enumerate() { @if i > 0 { br; } (line) } } } }
                            None => { @if step.had_text { p.nil { (t(frame, "erased")) } } }
                        }
                    }
                } } } }
            }
        }
    }
}

/// What can be done, the most likely first.
fn acts(frame: &Frame<'_>, sheet: &Sheet<'_>) -> Markup {
    let posting = sheet.posting;
    let path = path_of(posting);
    let now = frame.now();
    if posting.text.is_none() && posting.kind == PostingKind::Remark {
        return html! {};
    }
    if !frame.may(Role::Coordinator) {
        return html! { aside.post-acts { p.nil { (t(frame, "only_looks")) } } };
    }
    let remark = posting.kind == PostingKind::Remark;
    let pinnable = posting.state == PostingState::Published && posting.text.is_some() && !posting.is_expired(now) && !remark;
    html! {
        aside.post-acts aria-label=(t(frame, "acts")) {
            @if posting.text.is_some() && (posting.state != PostingState::Published || posting.is_expired(now)) { (publish(frame, sheet, &path)) }
            @if posting.state == PostingState::Pending && !posting.from_city && !remark { (give_back(frame, sheet, &path)) }
            @if !remark {
                p.acts { a.btn href={ (path) "/edit" } data-key="E" { kbd { "E" } @if posting.state == PostingState::Published { (t(frame, "revise")) } @else { (t(frame, "edit")) } } }
            }
            @if pinnable {
                form method="post" action={ (path) "/pin" } {
                    (nonce(sheet))
                    input type="hidden" name="pinned" value=(if posting.pinned { "0" } else { "1" });
                    button data-key="P" { kbd { "P" } @if posting.pinned { (t(frame, "unpin")) } @else { (t(frame, "pin")) } }
                }
            }
            @if posting.text.is_some() && posting.state != PostingState::Withdrawn {
                form method="post" action={ (path) "/withdraw" } {
                    (nonce(sheet))
                    p.hint { @if remark { (t(frame, "keep_hint")) } @else if posting.is_public(now) { (t(frame, "withdraw_hint")) } @else { (t(frame, "drop_hint")) } }
                    button data-key="W" { kbd { "W" } @if remark && posting.state == PostingState::Pending { (t(frame, "keep")) } @else { (t(frame, "withdraw")) } }
                }
            }
        }
    }
}

fn nonce(sheet: &Sheet<'_>) -> Markup {
    html! { input type="hidden" name="nonce" value=(sheet.nonce); }
}

fn publish(frame: &Frame<'_>, sheet: &Sheet<'_>, path: &str) -> Markup {
    let posting = sheet.posting;
    let remark = posting.kind == PostingKind::Remark;
    let typed = |name: &str| sheet.typed.one(name).map(str::to_owned);
    // Also the other forms of this page give back what was typed.
    let again = sheet.typed.pairs().iter().any(|(name, _)| name == "until");
    let value = |name: &str, at: Option<Timestamp>| if again { typed(name) } else { at.map(machine) };
    let now = frame.now();
    let wrong = error(sheet.errors, "until");
    html! {
        form.card method="post" action={ (path) "/publish" } novalidate {
            (nonce(sheet))
            input type="hidden" name="base" value=(posting.revision);
            h2 { @if remark { (t(frame, "release")) } @else { (t(frame, "publish")) } }
            @if !remark {
                div.field {
                    label for="from" { (t(frame, "from_label")) }
                    input #from type="datetime-local" name="from" value=[value("from", posting.publish_at.filter(|at| *at > now))]
                        aria-invalid=[error(sheet.errors, "from").map(|_| "true")] aria-describedby="from-why";
                    (field_error("from-why", error(sheet.errors, "from")))
                }
                div.field {
                    label for="until" { (t(frame, "until_label")) }
                    input #until type="datetime-local" name="until" value=[value("until", posting.expires_at.filter(|at| *at > now))]
                        aria-invalid=[wrong.map(|_| "true")] aria-describedby="until-why";
                    (field_error("until-why", wrong))
                }
                label.post-check { input type="checkbox" name="pinned" value="1" checked[if again { typed("pinned").is_some() } else { posting.pinned }]; " " (t(frame, "pin_label")) }
                p.hint { (t(frame, "window_hint")) }
            } @else { p.hint { (t(frame, "release_hint")) } }
            button.go data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } @if remark { (t(frame, "release")) } @else { (t(frame, "publish")) } }
        }
    }
}

fn give_back(frame: &Frame<'_>, sheet: &Sheet<'_>, path: &str) -> Markup {
    let wrong = error(sheet.errors, "reason");
    html! {
        form.card method="post" action={ (path) "/return" } novalidate {
            (nonce(sheet))
            h2 { (t(frame, "return")) }
            div.field {
                label for="reason-text" { (t(frame, "reason_label")) }
                textarea #reason-text name="reason" rows="2" data-key="R" aria-invalid=[wrong.map(|_| "true")] aria-describedby="reason-why reason-hint" { (sheet.typed.one("reason").unwrap_or_default()) }
                p.hint #reason-hint { kbd { "R" } (t(frame, "reason_hint")) }
                (field_error("reason-why", wrong))
            }
            (rule_in_short(frame.words))
            button { (t(frame, "return")) }
        }
    }
}

/// A moment as `datetime-local` takes it.
fn machine(at: Timestamp) -> String {
    city_time(at).strftime("%Y-%m-%dT%H:%M").to_string()
}

/// The form of a new posting, or of new words for an old one.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    /// Notice or job.
    pub kind: PostingKind,
    /// The posting that is changed.
    pub posting: Option<&'a Posting>,
    /// What stands in the fields.
    pub typed: &'a Typed,
    /// What is wrong, by field.
    pub errors: &'a Errors,
    /// What is wrong as a whole.
    pub problem: Option<&'a str>,
    /// What somebody else made of it meanwhile.
    pub theirs: Option<&'a Posting>,
    /// The facility of a job, as far as it is known.
    pub facility: Option<&'a Facility>,
    /// Facilities that were meant perhaps.
    pub candidates: &'a [Arc<Facility>],
    /// A nonce for the form.
    pub nonce: Uuid,
}

/// What the form of a posting that is changed is filled with.
#[must_use]
pub fn typed_of(posting: &Posting) -> Typed {
    let mut pairs = crate::report::postings::typed_of(posting).pairs().to_vec();
    pairs.retain(|(name, _)| name != "until");
    let mut add = |name: &str, value: String| pairs.push((name.to_owned(), value));
    if let Some(whom) = posting.audience {
        add("audience", whom.word().to_owned());
    }
    if let Some(at) = posting.publish_at {
        add("from", machine(at));
    }
    if let Some(at) = posting.expires_at {
        add("until", machine(at));
    }
    if posting.pinned {
        add("pinned", "1".to_owned());
    }
    add("announce", "1".to_owned());
    add("base", posting.revision.to_string());
    Typed::new(pairs)
}

/// The form.
#[must_use]
pub fn form(frame: &Frame<'_>, form: &Form<'_>) -> Markup {
    let job = form.kind == PostingKind::Job;
    let published = form.posting.is_some_and(|p| p.state == PostingState::Published);
    let title = t(
        frame,
        match (form.posting.is_some(), published, job) {
            (false, _, false) => "new_notice",
            (false, _, true) => "new_job",
            (true, true, _) => "revise",
            (true, false, _) => "edit",
        },
    );
    let value = |name: &str| form.typed.one(name);
    let wrong = |name: &str| error(form.errors, name);
    let action = form.posting.map_or_else(|| format!("{}/new", Room::Postings.path()), |p| format!("{}/edit", path_of(p)));
    let back = form.posting.map_or_else(|| Room::Postings.path().to_owned(), path_of);
    let choose = |name: &'static str, label: String, none: Option<String>, words: &[&'static str], table: &str| {
        html! {
            div.field {
                label for=(name) { (label) }
                select id=(name) name=(name) {
                    @if let Some(none) = none { option value="" { (none) } }
                    @for word in words { option value=(word) selected[value(name) == Some(*word)] { (frame.words.t(&format!("{table}.{word}"))) } }
                }
            }
        }
    };
    let input = |name: &'static str, label: String, kind: &str, hint: Option<String>| {
        html! {
            div.field {
                label for=(name) { (label) }
                input id=(name) type=(kind) name=(name) value=[value(name)] autocomplete="off" aria-invalid=[wrong(name).map(|_| "true")] aria-describedby={ (name) "-why" };
                @if let Some(hint) = hint { p.hint { (hint) } }
                (field_error(&format!("{name}-why"), wrong(name)))
            }
        }
    };
    let middle = html! {
        p.s { a href=(back) { (t(frame, "back_to")) } }
        h1 { (title) }
        @if let Some(problem) = form.problem { div.problem role="alert" { p { (problem) } } }
        @if !form.errors.is_empty() { div.problem role="alert" { p { (fill(frame, "errors", &[("n", &form.errors.len().to_string())])) } } }
        @if let Some(theirs) = form.theirs { (both(frame, theirs)) }
        form.post-form method="post" action=(action) novalidate {
            input type="hidden" name="nonce" value=(form.nonce);
            input type="hidden" name="kind" value=(form.kind);
            @if let Some(base) = value("base") { input type="hidden" name="base" value=(base); }
            div.post-form-cols {
                div {
                    (rule_in_short(frame.words))
                    (input("title", fill(frame, "title_label", &[("most", &MOST_TITLE_CHARS.to_string())]), "text", None))
                    div.field {
                        label for="body" { (fill(frame, "body_label", &[("most", &MOST_BODY_CHARS.to_string())])) }
                        textarea #body name="body" rows="14" aria-invalid=[wrong("body").map(|_| "true")] aria-describedby="body-why" { (value("body").unwrap_or_default()) }
                        (field_error("body-why", wrong("body")))
                    }
                }
                div {
                    @if job {
                        @if form.posting.is_none() { (whose(frame, form)) }
                        div.post-pair {
                            (choose("work", frame.t("public.jobs.work").to_owned(), None, &words(WorkKind::ALL, WorkKind::word), "work"))
                            (choose("employment", frame.t("public.jobs.employment").to_owned(), None, &words(Employment::ALL, Employment::word), "employment"))
                        }
                        div.post-three {
                            (choose("shift", frame.t("public.jobs.hours").to_owned(), None, &words(Shift::ALL, Shift::word), "shift"))
                            (input("hours_from", t(frame, "hours_from"), "time", None))
                            (input("hours_until", t(frame, "hours_until"), "time", None))
                        }
                        div.post-three {
                            (choose("wage_per", frame.t("public.jobs.wage").to_owned(), None, &words(WagePer::ALL, WagePer::word), "wage_per"))
                            (input("wage_from", t(frame, "wage_from"), "text", None))
                            (input("wage_to", t(frame, "wage_to"), "text", None))
                        }
                        (choose("contact", t(frame, "contact"), None, &words(ContactRole::ALL, ContactRole::word), "contact_role"))
                        p.hint { (t(frame, "contact_hint")) }
                    } @else {
                        (choose("category", t(frame, "category"), None, &words(NoticeCategory::ALL, NoticeCategory::word), "category"))
                        (choose("audience", t(frame, "audience"), Some(frame.t("audience.everyone").to_owned()), &words(Audience::ALL, Audience::word), "audience"))
                        p.hint { (t(frame, "audience_hint")) }
                    }
                    div.post-pair {
                        (input("from", t(frame, "from_label"), "datetime-local", None))
                        (input("until", t(frame, "until_label"), "datetime-local", None))
                    }
                    p.hint { (t(frame, "window_hint")) }
                    label.post-check { input type="checkbox" name="pinned" value="1" checked[value("pinned").is_some()]; " " (t(frame, "pin_label")) }
                    @if published {
                        label.post-check { input type="checkbox" name="announce" value="1" checked[value("announce").is_some()]; " " (t(frame, "announce_label")) }
                        p.hint { (t(frame, "announce_hint")) }
                    }
                }
            }
            p.acts {
                @if form.posting.is_some() {
                    button.go name="then" value="save" data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } @if published { (t(frame, "save_public")) } @else { (t(frame, "save")) } }
                } @else {
                    button name="then" value="draft" { (t(frame, "save_draft")) }
                    button.go name="then" value="publish" data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } (t(frame, "publish")) }
                }
                a.btn href=(back) { (t(frame, "leave")) }
            }
        }
    };
    document(frame, Some(Room::Postings), &title, middle)
}

fn words<T: Copy>(list: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    list.iter().map(|one| word(*one)).collect()
}

/// What somebody else made of it while this was typed; nothing of either is lost.
fn both(frame: &Frame<'_>, theirs: &Posting) -> Markup {
    html! {
        div.problem role="alert" {
            h2 { (t(frame, "both")) }
            p { (t(frame, "both_hint")) }
            h3 { (t(frame, "theirs")) }
            p { b { (title_of(frame, theirs)) } }
            p.post-said { @for (i, line) in theirs.body().lines().enumerate() { @if i > 0 { br; } (line) } }
            p.s { (window(frame, theirs)) }
        }
    }
}

/// Whose job it is: found by name, kana, number or telephone.
fn whose(frame: &Frame<'_>, form: &Form<'_>) -> Markup {
    let wrong = error(form.errors, "facility");
    html! {
        div.field {
            @if form.candidates.is_empty() {
                label for="facility" { (t(frame, "facility_label")) }
                input #facility type="text" name="facility" value=[form.typed.one("facility")] autocomplete="off" aria-invalid=[wrong.map(|_| "true")] aria-describedby="facility-why";
                @if let Some(facility) = form.facility { p { b { (facility.name) } " " (tel(&facility.phone)) } }
            } @else {
                fieldset {
                    legend.l { (t(frame, "facility_label")) }
                    @for (i, facility) in form.candidates.iter().enumerate() {
                        label.post-check { input type="radio" name="facility" value=(facility.id) checked[i == 0]; " " (facility.name) " " span.s { (frame.city.district(&facility.district)) " " (facility.phone) } }
                    }
                }
            }
            (field_error("facility-why", wrong))
        }
    }
}
