//! The room's page: whom, what was said, and the sentence to say aloud — beside one another, all on keys.
//!
//! *Invariants:* what was typed survives every answer of the server; without a script nothing is recorded before the sentence was shown.

use std::sync::Arc;

use imaboard_domain::{Aspect, Channel, Facility, FacilityBoard, NeedItem, NeedUnit, Urgency, search_form};
use maud::{Markup, html};
use uuid::Uuid;

use super::questions::{Part, Question, asked};
use super::say::{Said, at_hint, changes, say};
use super::{HITS_A_PAGE, filled, word};
use crate::desk::{Frame, Role, Room, document, field_error, pager};
use crate::guide::RULE_PATH;
use crate::layout::{tel, time_tag};
use crate::report::Face;
use crate::report::form::{Typed, anchor};

/// What was looked for, and what was found.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// As typed.
    pub q: &'a str,
    /// Which page of hits, from 1.
    pub page: usize,
    /// Everything that was found, what fits best first.
    pub found: &'a [&'a Arc<Facility>],
}

impl<'a> Search<'a> {
    fn pages(&self) -> usize {
        self.found.len().div_ceil(HITS_A_PAGE).max(1)
    }

    fn here(&self) -> &'a [&'a Arc<Facility>] {
        let from = self.page.saturating_sub(1).saturating_mul(HITS_A_PAGE).min(self.found.len());
        &self.found[from..(from + HITS_A_PAGE).min(self.found.len())]
    }

    /// The facility that is taken when nothing was chosen: the first of the page.
    #[must_use]
    pub fn first(&self) -> Option<&'a Arc<Facility>> {
        self.here().first().copied()
    }

    fn address(&self, facility: Option<&str>) -> String {
        let mut query = format!("/desk/proxy?q={}", encoded(self.q));
        if let Some(id) = facility {
            if self.page > 1 {
                query.push_str(&format!("&page={}", self.page));
            }
            query.push_str(&format!("&f={id}"));
        }
        query
    }
}

/// A text as part of a query string.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// What is wrong with a field; an empty field is the whole form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field's group.
    pub field: String,
    /// The sentence.
    pub text: String,
}

/// The form for one facility.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Whose.
    pub held: &'a FacilityBoard,
    /// Makes a second press of the same page the same report.
    pub nonce: Uuid,
    /// What was typed before; `None` when the page is opened.
    pub typed: Option<&'a Typed>,
    /// What that says, once it could be read.
    pub said: Option<&'a Said>,
    /// Why it was not recorded.
    pub problems: &'a [Problem],
}

/// The page; without an entry it only asks whom.
#[must_use]
pub fn page(frame: &Frame<'_>, search: &Search<'_>, entry: Option<Entry<'_>>) -> Markup {
    let selected = entry.map(|e| e.held.facility.id.as_str());
    let middle = html! {
        h1.v { (frame.t("desk.room.proxy")) }
        @if let Some(entry) = entry { (summary(frame, &entry)) }
        div.entry {
            section.px-whom aria-labelledby="fs" {
                h2.rule #fs { (frame.t("desk.proxy.facility")) }
                form #find role="search" method="get" action=(Room::Proxy.path()) {
                    label.v for="q" { (frame.t("desk.proxy.search")) }
                    p.px-find {
                        input.wide #q type="search" name="q" value=(search.q) autocomplete="off" data-key="/" aria-describedby="q-keys"
                            placeholder=(frame.t("desk.proxy.search")) autofocus[selected.is_none()]
                            data-again=(frame.t("desk.proxy.unsent"));
                        button #search { (frame.t("desk.proxy.find")) }
                    }
                }
                div #hits role="status" { (hits(frame, search, selected)) }
                p.s.gap #q-keys {
                    kbd { "/" } (frame.t("desk.proxy.keys.search")) "　" kbd { "↑" } kbd { "↓" } kbd { "Enter" } (frame.t("desk.proxy.keys.take"))
                    "　" kbd { "Esc" } (frame.t("desk.proxy.keys.again"))
                }
                @if let Some(entry) = entry { (whom(frame, entry.held)) }
            }
            @match entry {
                Some(entry) if frame.may(Role::Coordinator) => {
                    (form(frame, search, &entry))
                    (read(frame, &entry))
                },
                Some(_) => section.px-look { p { (frame.t("desk.proxy.viewer")) } },
                None => (help(frame)),
            }
        }
    };
    document(frame, Some(Room::Proxy), frame.t("desk.room.proxy"), middle)
}

/// What was found, as a list that arrows walk through.
#[must_use]
pub fn hits(frame: &Frame<'_>, search: &Search<'_>, selected: Option<&str>) -> Markup {
    let here = search.here();
    // Where somebody was chosen that the words do not find, nobody of the list is taken.
    let chosen = selected.or_else(|| search.first().map(|f| f.id.as_str()));
    html! {
        @if search.q.trim().is_empty() {
            @if frame.moment.facility_count() == 0 { p.s.under { (frame.t("desk.proxy.no_facilities")) } }
        } @else if here.is_empty() {
            p.s.under { (frame.t("desk.proxy.none")) }
        } @else {
            ul.hits {
                @for f in here {
                    li { a href=(search.address(Some(f.id.as_str()))) aria-current=[(chosen == Some(f.id.as_str())).then_some("true")] {
                        b { (marked(&f.name, search.q)) }
                        small { (place(frame, f)) "・" @if let Some(kind) = f.main_kind() { (kind.name_ja()) "・" } (f.id) }
                    } }
                }
            }
            @if search.pages() > 1 {
                p.s.under { (filled(frame.words, "found", &[("n", &search.found.len().to_string())])) }
                (pager(frame, &format!("{}&", search.address(None)), search.page.clamp(1, search.pages()), search.pages()))
            }
        }
    }
}

fn place<'a>(frame: &Frame<'a>, facility: &'a Facility) -> &'a str {
    facility.island.as_deref().unwrap_or_else(|| frame.city.district(&facility.district))
}

/// A name with the letters that were looked for underlined, whatever script they were typed in.
fn marked(name: &str, query: &str) -> Markup {
    let wanted = query.split_whitespace().next().map(search_form).unwrap_or_default();
    let ends: Vec<usize> = name.char_indices().map(|(i, c)| i + c.len_utf8()).collect();
    let span = name.char_indices().filter(|(_, c)| !c.is_whitespace()).find_map(|(from, _)| {
        let until = ends.iter().copied().find(|end| *end > from && search_form(&name[from..*end]) == wanted)?;
        Some((from, until))
    });
    match span.filter(|_| !wanted.is_empty()) {
        Some((from, until)) => html! { (name[..from]) mark { (name[from..until]) } (name[until..]) },
        None => html! { (name) },
    }
}

/// The facility that was chosen: its number to call, how it usually answers, what it said last.
fn whom(frame: &Frame<'_>, held: &FacilityBoard) -> Markup {
    let f = &held.facility;
    html! {
        h2.rule.gap #whom { (f.name) }
        dl.facts {
            dt { (frame.t("desk.proxy.phone")) } dd { @if f.phone.is_empty() { (frame.t("desk.proxy.no_number")) } @else { (tel(&f.phone)) } }
            @if !f.fax.is_empty() { dt { (frame.t("desk.proxy.fax")) } dd.num { (f.fax) } }
            dt { (frame.t("desk.proxy.usually")) } dd { (usually(frame, held)) }
            dt { (frame.t("desk.proxy.last")) }
            dd { @match &held.last_report {
                Some(last) => { (time_tag(last.at, frame.now())) " " (frame.words.t(&format!("channel.{}", last.channel))) },
                None => (frame.t("desk.proxy.never")),
            } }
            dt { (frame.t("desk.proxy.number")) } dd { (f.id) @if !f.office_number.is_empty() { " " small.num { (f.office_number) } } }
        }
        p.gap { a href={ "/desk/sheets/" (f.id) } { (frame.t("desk.proxy.print")) } }
    }
}

/// The channels its values came by, the commonest first.
fn usually(frame: &Frame<'_>, held: &FacilityBoard) -> String {
    let mut counts: Vec<(Channel, usize)> = Vec::new();
    let said = held.real.values().chain(held.exercise.values()).map(|s| s.channel);
    for channel in said.filter(|c| !matches!(c, Channel::Import | Channel::System)) {
        match counts.iter_mut().find(|(c, _)| *c == channel) {
            Some((_, n)) => *n += 1,
            None => counts.push((channel, 1)),
        }
    }
    counts.sort_by_key(|(channel, n)| (std::cmp::Reverse(*n), *channel));
    let words: Vec<&str> = counts
        .iter()
        .take(2)
        .map(|(channel, _)| match channel {
            Channel::Form => frame.t("channel.form"),
            Channel::Qr => frame.t("channel.qr"),
            Channel::Button => frame.t("channel.button"),
            Channel::Phone => frame.t("channel.phone"),
            Channel::Fax => frame.t("channel.fax"),
            Channel::Api => frame.t("channel.api"),
            Channel::Import => frame.t("channel.import"),
            Channel::System => frame.t("channel.system"),
        })
        .collect();
    if words.is_empty() { word(frame.words, "never") } else { words.join("・") }
}

/// How the room works, while nobody is chosen.
fn help(frame: &Frame<'_>) -> Markup {
    html! {
        section.px-look aria-labelledby="how" {
            h2.rule #how { (frame.t("desk.proxy.how.title")) }
            ol.px-how {
                li { kbd { "/" } (frame.t("desk.proxy.how.find")) }
                li { kbd { "1" } kbd { "2" } kbd { "3" } (frame.t("desk.proxy.how.answer")) }
                li { kbd { "=" } (frame.t("desk.proxy.how.same")) }
                li { kbd { "Ctrl" } kbd { "Enter" } (frame.t("desk.proxy.how.record")) }
            }
            p.gap { a href="/desk/sheets" { (frame.t("desk.proxy.print_all")) } }
        }
    }
}

/// What is wrong, each line a way to its field.
fn summary(frame: &Frame<'_>, entry: &Entry<'_>) -> Markup {
    html! {
        @if !entry.problems.is_empty() {
            section.problem #problem role="alert" aria-labelledby="pt" {
                h2 #pt tabindex="-1" autofocus { (frame.t("desk.proxy.not_recorded")) }
                ul { @for p in entry.problems { li {
                    @if p.field.is_empty() { (p.text) } @else { a href={ "#" (anchor(&p.field)) } { (p.text) } }
                } } }
            }
        }
    }
}

/// One form: what was typed, what is wrong.
struct Asking<'a> {
    words: &'a crate::words::Words,
    typed: Option<&'a Typed>,
    problems: &'a [Problem],
}

impl Asking<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.typed.and_then(|t| t.one(name))
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == Some(value)
    }

    fn why(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|p| p.field == field).map(|p| p.text.as_str())
    }

    fn touched(&self, questions: &[Question]) -> bool {
        questions.iter().any(|q| {
            self.why(&q.field).is_some()
                || self.value(&q.field).is_some()
                || q.beside.as_ref().is_some_and(|b| self.value(&b.name).is_some())
        })
    }
}

fn form(frame: &Frame<'_>, search: &Search<'_>, entry: &Entry<'_>) -> Markup {
    let f = &entry.held.facility;
    let face = Face::of(frame.moment);
    let today = frame.moment.today();
    let asked = asked(frame.words, f, face, today);
    let asking = Asking { words: frame.words, typed: entry.typed, problems: entry.problems };
    // What can have been seen ends with the newest report on the page; the clock would take in one being stored just now.
    let newest = entry.held.last_report.as_ref().map_or(frame.now(), |last| last.at).as_microsecond().to_string();
    let kept = |name: &str, otherwise: String| asking.value(name).map_or(otherwise, str::to_owned);
    let at = entry.typed.map_or_else(|| word(frame.words, "at.now"), |t| t.one("at").unwrap_or_default().to_owned());
    // Asked again where the exercise a page was made for is over.
    let ask_realm = asking.why("realm.sure").is_some();
    let with_realm = frame.moment.exercise().is_some() || ask_realm;
    let more_open = asked.more.iter().any(|part| asking.touched(&part.questions) || asking.touched(&part.later))
        || asking.needs_touched()
        || (face == Face::Peace && ask_realm);
    html! {
        form #entry method="post" action="/desk/proxy/reports" novalidate autocomplete="off" aria-labelledby="fm" data-say="/desk/proxy/say" {
            // Enter in a field asks for the sentence; only the last yes records.
            button.v name="send" value="look" tabindex="-1" aria-hidden="true" { (frame.t("desk.proxy.look")) }
            input type="hidden" name="nonce" value=(entry.nonce);
            input type="hidden" name="facility" value=(f.id);
            input type="hidden" name="q" value=(search.q);
            input type="hidden" name="seen" value=(kept("seen", newest));
            input type="hidden" name="face" value=(kept("face", face.word().to_owned()));
            div.bar.rule { h2 #fm { (frame.t("desk.proxy.heard")) } p.s { (frame.t("desk.proxy.keys.digits")) kbd { "Enter" } (frame.t("desk.proxy.keys.skip")) } }
            div.q id=(anchor("at")) data-pass="" {
                label.l for="at" { kbd { "J" } (frame.t("desk.proxy.at.label")) }
                input #at type="text" name="at" value=(at) data-key="J" aria-describedby="at-hint" aria-invalid=[asking.why("at").map(|_| "true")];
                div.s #at-hint { (at_hint(frame, entry.said, entry.problems)) }
            }
            fieldset.q id=(anchor("via")) data-pass="" {
                legend { (frame.t("desk.proxy.via")) }
                @for (key, channel) in [("T", Channel::Phone), ("F", Channel::Fax)] {
                    label.o { input type="radio" name="via" value=(channel.word()) data-key=(key)
                        checked[asking.value("via").unwrap_or(Channel::Phone.word()) == channel.word()];
                        span { kbd { (key) } (frame.words.t(&format!("channel.{channel}"))) } }
                }
            }
            div.q id=(anchor("confirm")) data-pass="" {
                span.l { (frame.t("desk.proxy.same.label")) }
                label.o { input #same type="checkbox" name="confirm" value="all" data-key="=" checked[asking.value("confirm").is_some()];
                    span { kbd { "=" } (frame.t("desk.proxy.same.yes")) } }
                span.s { (frame.t("desk.proxy.same.help")) }
                (field_error("confirm-why", asking.why("confirm")))
            }
            @for part in &asked.main { (part_of(&asking, part, with_realm)) }
            div.q id=(anchor("remark")) data-q="remark" {
                label.l for="remark" { kbd { "B" } (frame.t("desk.proxy.remark.label")) }
                // No maxlength: a browser would cut what is pasted without a word.
                input.note #remark type="text" name="remark" value=(asking.value("remark").unwrap_or_default()) data-key="B"
                    aria-describedby=(if asking.why("remark").is_some() { "remark-help remark-why" } else { "remark-help" }) aria-invalid=[asking.why("remark").map(|_| "true")];
                span.s #remark-help { (frame.t("desk.proxy.remark.help")) } " "
                a.s.px-rule href=(RULE_PATH) { (frame.t("rule.title")) }
                (field_error("remark-why", asking.why("remark")))
            }
            details.px-more #more open[more_open] {
                summary data-key="+" { kbd { "+" } (frame.t("desk.proxy.more")) }
                @for part in &asked.more { (part_of(&asking, part, with_realm)) }
                (needs(&asking))
            }
        }
    }
}

fn part_of(asking: &Asking<'_>, part: &Part, with_realm: bool) -> Markup {
    html! {
        @if let Some(title) = &part.title { h3.px-part { (title) } }
        @for q in &part.questions {
            (ask(asking, q))
            @if with_realm && q.field == Aspect::FirstReport.word() { (realm(asking)) }
        }
        @if !part.later.is_empty() {
            details.px-more open[asking.touched(&part.later)] {
                summary { (word(asking.words, "later")) }
                @for q in &part.later { (ask(asking, q)) }
            }
        }
    }
}

/// One question: its answers on figures, and what is asked beside.
fn ask(asking: &Asking<'_>, q: &Question) -> Markup {
    let id = anchor(&q.field);
    let why = asking.why(&q.field);
    let why_id = format!("{id}-why");
    let number = |invalid: bool| {
        html! { @if let Some(b) = &q.beside {
            @let name = format!("{id}-n");
            span.px-beside {
                @if !q.answers.is_empty() { label.s for=(name) { @if b.before.is_empty() { span.v { (q.title) (b.unit) } } @else { (b.before) span.v { (q.title) } } } }
                input id=(name) type=(if b.date { "date" } else { "text" }) inputmode=[(!b.date).then_some("numeric")] name=(b.name)
                    value=[asking.value(&b.name)] aria-invalid=[invalid.then_some("true")] aria-describedby=[why.map(|_| why_id.as_str())];
                span.s { (b.unit) }
            }
        } }
    };
    html! {
        @if q.answers.is_empty() {
            div.q id=(id) data-q=(q.field) {
                label.l for={ (id) "-n" } { (q.title) }
                (number(why.is_some()))
                (field_error(&why_id, why))
            }
        } @else {
            fieldset.q id=(id) data-q=(q.field) aria-describedby=[why.map(|_| why_id.as_str())] {
                legend { (q.title) }
                @for a in &q.answers {
                    label.o {
                        input.opens[a.opens] type="radio" name=(q.field) value=(a.value) data-digit=(a.key) checked[asking.is(&q.field, a.value)];
                        span { kbd { (a.key) } (a.label) }
                    }
                }
                (number(why.is_some()))
                (field_error(&why_id, why))
            }
        }
    }
}

/// During an exercise: which is meant. A call for help must say so; everything else counts as exercise.
fn realm(asking: &Asking<'_>) -> Markup {
    let why = asking.why("realm.sure");
    html! {
        fieldset.q.px-realm id=(anchor("realm.sure")) data-q="realm.sure" data-after-help="" aria-describedby=[why.map(|_| "realm-why")] {
            legend { (word(asking.words, "realm.label")) }
            @for (key, value) in [("1", "exercise"), ("2", "real")] {
                label.o {
                    input type="radio" name="realm.sure" value=(value) data-digit=(key) checked[asking.is("realm.sure", value)];
                    span { kbd { (key) } (word(asking.words, &format!("realm.{value}"))) }
                }
            }
            span.s { (word(asking.words, "realm.help")) }
            (field_error("realm-why", why))
        }
    }
}

impl Asking<'_> {
    fn needs_touched(&self) -> bool {
        self.why("need").is_some() || self.value("need").is_some()
    }
}

/// 送ってほしいもの: ticks, each with urgency, number and unit.
fn needs(asking: &Asking<'_>) -> Markup {
    let has = |item: &str| asking.typed.is_some_and(|t| t.all("need").any(|v| v == item));
    let say = |key: String| asking.words.t(&key).to_owned();
    html! {
        fieldset.px-needs id=(anchor("need")) {
            legend { (word(asking.words, "question.needs")) }
            (field_error("need-why", asking.why("need")))
            label.chk { input type="checkbox" name="need" value="nothing" checked[has("nothing")]; (word(asking.words, "answer.needs.nothing")) }
            @for item in NeedItem::ALL {
                @let name = say(format!("need.{item}"));
                @let (when, n, unit) = (format!("need.{item}.when"), format!("need.{item}.n"), format!("need.{item}.unit"));
                @let usual = item.usual_unit().word();
                div.px-need {
                    label.chk { input type="checkbox" name="need" value=(item.word()) checked[has(item.word())]; (name) }
                    select name=(when) aria-label={ (name) " " (word(asking.words, "need_when")) } {
                        @for u in Urgency::ALL { option value=(u.word()) selected[asking.is(&when, u.word())] { (say(format!("urgency.{u}"))) } }
                    }
                    input type="text" inputmode="numeric" name=(n) value=[asking.value(&n)] aria-label={ (name) " " (word(asking.words, "need_n")) };
                    select name=(unit) aria-label={ (name) " " (word(asking.words, "need_unit")) } {
                        @for u in NeedUnit::ALL {
                            option value=(u.word()) selected[asking.value(&unit).unwrap_or(usual) == u.word()] { (say(format!("need_unit.{u}"))) }
                        }
                    }
                }
            }
        }
    }
}

/// The right side: the sentence, the last yes, the table of what changes.
fn read(frame: &Frame<'_>, entry: &Entry<'_>) -> Markup {
    let looked = entry.typed.is_some();
    html! {
        section.read #read aria-labelledby="rb" tabindex="-1" {
            h2 #rb { (frame.t("desk.proxy.read_back")) }
            div #say aria-live="polite" {
                @match entry.said {
                    Some(said) => (say(frame, entry.held, said, entry.problems)),
                    None => p.s { (frame.t("desk.proxy.nothing_yet")) },
                }
            }
            // Before the sentence was shown there is no way past it; with the script it is shown while one types.
            button.go #record form="entry" name="send" value="record" data-key="Ctrl+Enter" hidden[!looked] {
                kbd { "Ctrl" } kbd { "Enter" } (frame.t("desk.proxy.record"))
            }
            button #look form="entry" name="send" value="look" { @if looked { (frame.t("desk.proxy.look_again")) } @else { (frame.t("desk.proxy.look")) } }
            p.s.gap { (frame.t("desk.proxy.number_follows")) br; (frame.t("desk.proxy.public_line")) }
            div #changes { @if let Some(said) = entry.said { (changes(frame, entry.held, said)) } }
            p.s.gap { span #strokes data-strokes=(frame.t("desk.proxy.strokes")) {} (frame.t("desk.proxy.all_same")) kbd { "=" } (frame.t("desk.proxy.all_same_end")) }
        }
    }
}
