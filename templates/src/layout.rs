//! The frame around every public page: head, brand, navigation, bands for sample, disaster and exercise, and the foot.
//!
//! A page gives its title and its middle. Invariant: no page can be made without the bands, so nothing invented is ever
//! shown without 見本 and nothing practised without 訓練.

use imaboard_domain::{GuidePage, Mode, Moment, Realm, city_date, city_time};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use crate::city::{City, Desk};
use crate::guide;
use crate::marks::{Mark, mark, symbols};
use crate::time;
use crate::words::Words;

/// What every public page is made from, besides its own content.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The city whose board this is.
    pub city: &'a City,
    /// The board at the moment of rendering.
    pub moment: Moment<'a>,
    /// The words of the language.
    pub words: &'a Words,
    /// The address of the style sheet.
    pub css: &'a str,
}

impl<'a> Frame<'a> {
    /// The words for a key.
    #[must_use]
    pub fn t(&self, key: &'a str) -> &'a str {
        self.words.t(key)
    }

    /// The words for a key with values filled in.
    #[must_use]
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.words.fill(key, values)
    }

    /// The moment of rendering.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.moment.now
    }

    /// Whom to telephone as things are.
    #[must_use]
    pub fn desk(&self) -> &'a Desk {
        match self.moment.mode() {
            Mode::Incident => &self.city.disaster_desk,
            Mode::Peace | Mode::Alert => &self.city.desk,
        }
    }
}

/// `<time>` with the shortest unambiguous words as seen at `now`.
#[must_use]
pub fn time_tag(at: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(machine_time(at)) { (time::when(at, now)) } }
}

/// `<time>` with the day only.
#[must_use]
pub fn day_tag(at: Timestamp) -> Markup {
    html! { time datetime=(city_date(at)) { (time::day(city_date(at))) } }
}

/// City time as machines read it, to the minute.
#[must_use]
pub fn machine_time(at: Timestamp) -> String {
    city_time(at).strftime("%Y-%m-%dT%H:%M+09:00").to_string()
}

/// The as-of line: the moment of rendering, which no value on the page is newer than.
#[must_use]
pub fn as_of(frame: &Frame<'_>, more: Markup) -> Markup {
    let now = frame.now();
    html! {
        p.asof {
            b { time datetime=(machine_time(now)) { (time::day_clock(now)) } " " (frame.t("public.as_of")) }
            " " (more)
        }
    }
}

/// A telephone number as a link; nothing where the register has none.
#[must_use]
pub fn tel(number: &str) -> Markup {
    tel_classed(number, "tel")
}

/// The same in the size of a headline.
#[must_use]
pub fn tel_big(number: &str) -> Markup {
    tel_classed(number, "tel big")
}

fn tel_classed(number: &str, class: &str) -> Markup {
    let digits: String = number.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    html! {
        @if !digits.is_empty() {
            a class=(class) href={ "tel:" (digits) } { (mark(Mark::Phone)) (number) }
        }
    }
}

/// A page of the public board, whose values are real.
#[must_use]
pub fn page(frame: &Frame<'_>, title: &str, middle: Markup) -> Markup {
    framed(frame, title, middle, Realm::Real)
}

/// A page of an exercise: inside stripes, and named so in its title.
#[must_use]
pub fn exercise_page(frame: &Frame<'_>, title: &str, middle: Markup) -> Markup {
    let title = format!("【{}】{title}", frame.t("mode.exercise"));
    framed(frame, &title, html! { div.practice { div { (middle) } } }, Realm::Exercise)
}

fn framed(frame: &Frame<'_>, title: &str, middle: Markup, realm: Realm) -> Markup {
    let sample = frame.moment.board.is_sample();
    let dark = frame.moment.mode() == Mode::Incident;
    let name = frame.t("brand.name");
    html! {
        (DOCTYPE)
        html lang=(frame.words.lang) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { @if sample { (frame.t("public.sample_title")) } (title) "｜" (name) " " (frame.city.name) }
                meta name="color-scheme" content="light";
                @if sample { meta name="robots" content="noindex"; }
                link rel="stylesheet" href=(frame.css);
            }
            body {
                a.skip href="#main" { (frame.t("public.skip")) }
                (symbols())
                header.top.dark[dark] {
                    div.w {
                        a.brand href="/" {
                            b { (frame.t("brand.mark")) } (frame.t("brand.rest")) span { (frame.city.name) }
                        }
                        nav.nav aria-label=(frame.t("public.nav.label")) {
                            a href="/find" { (frame.t("public.nav.find")) }
                            a href="/notices" { (frame.t("public.nav.notices")) }
                            a href="/jobs" { (frame.t("public.nav.jobs")) }
                        }
                    }
                }
                div role="region" aria-label=(frame.t("public.band.label")) { (bands(frame, realm)) }
                main id="main" { div.w.lead { (middle) } }
                (foot(frame))
            }
        }
    }
}

fn bands(frame: &Frame<'_>, realm: Realm) -> Markup {
    let now = frame.now();
    html! {
        @if let Some(incident) = frame.moment.incident() {
            @let alert = frame.moment.mode() == Mode::Alert;
            div class=(if alert { "mode watch" } else { "mode dark" }) {
                p.w {
                    b { (frame.t(if alert { "public.band.alert" } else { "public.band.incident" })) }
                    " " a href={ "/incidents/" (incident.id) } { (incident.name) }
                    " " span.ib { (time_tag(incident.opened_at, now)) (frame.t("public.since")) }
                }
            }
        }
        @if realm == Realm::Exercise {
            div.drill { div.w { p { b { (frame.t("mode.exercise")) } " " (frame.t("public.band.exercise_page")) } } }
        } @else if let Some(exercise) = frame.moment.exercise() {
            div.drill { div.w { p {
                b { (frame.t("mode.exercise")) } " " (frame.t("public.band.exercise")) " "
                a.ib href={ "/incidents/" (exercise.id) } { (exercise.name) (frame.t("public.band.exercise_link")) }
            } } }
        }
        @if frame.moment.board.is_sample() {
            div.sample { p.w { b { (frame.t("sample.badge")) } " " (frame.t("sample.line")) } }
        }
    }
}

fn foot(frame: &Frame<'_>) -> Markup {
    let desk = frame.desk();
    let position = grouped(frame.moment.board.position());
    html! {
        footer {
            div.w {
                p {
                    b { (frame.city.name) " " (desk.label) } " " (tel(&desk.phone)) " " small { (desk.hours) }
                }
                ul {
                    li { a href="/text" { (frame.t("public.foot.text")) } }
                    li { a href="/charts/free" { (frame.t("public.foot.chart")) } }
                    li { a href="/about" { (frame.t("public.foot.about")) } }
                    li { a href=(guide::RULE_PATH) { (frame.t("rule.title")) } }
                    @for page in GuidePage::ALL { li { a href=(guide::path(*page)) { (guide::title(frame.words, *page)) } } }
                }
                p { small {
                    (frame.t("public.foot.line")) " " (frame.fill("public.foot.position", &[("seq", &position)]))
                } }
            }
        }
    }
}

/// A number with commas between thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
