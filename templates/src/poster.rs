//! The key poster: one sheet for the wall of a staff room, with the QR code of one facility's report page; A4 and A5, one or many.
//!
//! Printable in black and white and readable at arm's length. *Invariant:* it prints the public half of the key only; whoever
//! sees a photograph of the words cannot report, only whoever scans the code can.

use imaboard_domain::{FacilityBoard, Moment};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::city::City;
use crate::report::ruby::{plain, ruby};
use crate::words::Words;

/// How many kinds of service are named.
const MOST_KINDS: usize = 2;

/// The size of the paper.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Size {
    /// For a wall.
    #[default]
    A4,
    /// For a desk, a door or beside a telephone.
    A5,
}

impl Size {
    /// Every size.
    pub const ALL: [Size; 2] = [Size::A4, Size::A5];

    /// The word in addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Size::A4 => "a4",
            Size::A5 => "a5",
        }
    }

    /// The size with this word; A4 for any other.
    #[must_use]
    pub fn of(word: Option<&str>) -> Self {
        Size::ALL.into_iter().find(|size| Some(size.word()) == word).unwrap_or_default()
    }
}

/// What all sheets of a print share.
#[derive(Debug, Clone, Copy)]
pub struct Poster<'a> {
    /// The language.
    pub words: &'a Words,
    /// The city and its desks.
    pub city: &'a City,
    /// Addresses of the style sheets, that of the size last.
    pub styles: &'a [&'a str],
}

/// The key of one sheet.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The QR code of the report page as SVG.
    pub qr: &'a str,
    /// The public half of the key, for telephone calls about it.
    pub label: &'a str,
}

/// A page with one sheet.
#[must_use]
pub fn page(poster: Poster<'_>, moment: Moment<'_>, facility: &FacilityBoard, key: Key<'_>) -> Markup {
    let title = format!("{} {}", facility.facility.name, plain(poster.words.t("poster.title")));
    sheets(poster, &title, html! {}, sheet(poster, moment, facility, key))
}

/// A page of sheets, each on its own paper; `aside` stands above them on the screen and is not printed.
#[must_use]
pub fn sheets(poster: Poster<'_>, title: &str, aside: Markup, sheets: Markup) -> Markup {
    let w = poster.words;
    html! {
        (DOCTYPE)
        html lang=(w.lang) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow";
                title { (title) " — " (w.t("brand.name")) }
                @for style in poster.styles { link rel="stylesheet" href=(style); }
            }
            body { (aside) main { (sheets) } }
        }
    }
}

/// One sheet.
#[must_use]
pub fn sheet(poster: Poster<'_>, moment: Moment<'_>, facility: &FacilityBoard, key: Key<'_>) -> Markup {
    let w = poster.words;
    let t = |key: &str| ruby(w.t(&format!("poster.{key}")));
    let f = &facility.facility;
    let kinds: Vec<&str> = f.services.iter().map(|s| s.kind.name_ja()).collect();
    // The sheet is full: a house with many services is known by its first ones.
    let first: Vec<&str> = kinds.iter().copied().take(MOST_KINDS).collect();
    let long = f.name.chars().count();
    let today = moment.today();
    let date = format!("{}年{}月{}日", today.year(), today.month(), today.day());
    let desk = &poster.city.desk;
    let disaster = &poster.city.disaster_desk;
    html! {
        section.sheet {
            header {
                p.brand { b { (w.t("brand.mark")) } (w.t("brand.rest")) " " span { (poster.city.name) }
                    @if moment.board.is_sample() { em.sample { (w.t("sample.badge")) } } }
                p.city { (t("to_staff")) }
            }
            h1 { (t("line_1")) br; (t("line_2")) }
            section.scan {
                div.qr role="img" aria-label=(plain(w.t("poster.qr"))) { (PreEscaped(key.qr)) }
                div {
                    p.fac.long[long > 6].longer[long > 12].longest[long > 24] { (f.name) }
                    p.kind { (first.join("・")) @if kinds.len() > MOST_KINDS { " " (t("and_more")) } }
                    ul {
                        li { (tick()) span { (t("no_login")) } }
                        li { (tick()) span { (t("no_name")) } }
                        li { (tick()) span { (t("same_1")) br; (t("same_2")) } }
                    }
                }
            }
            ol.three {
                li { span.no { "1" } (scan_picture()) b { (t("step_1")) } }
                li { span.no { "2" } (press_picture()) b { (t("step_2")) } }
                li { span.no { "3" } (done_picture()) b { (t("step_3")) } }
            }
            p.ng { (no_entry()) span { (t("ng")) } }
            section.desk {
                p { (t("no_phone")) br; b { (desk.label) } @if !desk.hours.is_empty() { small { "（" (desk.hours) "）" } } }
                p.tel { (receiver()) (desk.phone) }
                @if disaster.phone != desk.phone {
                    p.second { (t("disaster")) " " (disaster.label) }
                    p.tel.second { (disaster.phone) }
                }
            }
            footer {
                (t("key_of_1")) (f.name) (t("key_of_2")) (t("keep"))
                span { (w.fill("poster.key", &[("key", key.label)])) " ・ " (w.fill("poster.printed", &[("date", &date)]))
                    @if moment.board.is_sample() { " ・ " (w.t("sample.badge")) } }
            }
        }
    }
}

fn tick() -> Markup {
    html! { svg viewBox="0 0 32 32" aria-hidden="true" { path d="M5 17l7.5 7.5L27 8" {} } }
}

fn no_entry() -> Markup {
    html! { svg viewBox="0 0 32 32" aria-hidden="true" { circle cx="16" cy="16" r="12" {} path d="M8 8l16 16" {} } }
}

fn receiver() -> Markup {
    html! { svg viewBox="0 0 32 32" aria-hidden="true" { path d="M10 4 5 6c0 12 9 21 21 21l2-5-6-4-3 3c-3-1-6-4-7-8l3-3Z" {} } }
}

fn scan_picture() -> Markup {
    html! {
        svg.pict viewBox="0 0 120 96" aria-hidden="true" {
            rect.l x="66" y="18" width="44" height="60" rx="3" {}
            path.f d="M74 26h10v10H74zM92 26h10v10H92zM74 44h10v10H74zM92 44h4v4h-4zM98 50h4v4h-4z" {}
            path.l.thin d="M74 62h28M74 69h20" {}
            rect.p x="10" y="26" width="36" height="62" rx="6" {}
            rect.s x="15" y="33" width="26" height="44" rx="1" {}
            path.l.thin d="M20 44v-5h5M36 44v-5h-5M20 66v5h5M36 66v5h-5" {}
            path.l.thin.dash d="M50 44h8M50 56h8" {}
        }
    }
}

fn press_picture() -> Markup {
    html! {
        svg.pict viewBox="0 0 120 96" aria-hidden="true" {
            rect.p x="30" y="4" width="60" height="88" rx="8" {}
            rect.s x="36" y="13" width="48" height="66" rx="2" {}
            rect.b x="41" y="34" width="38" height="20" rx="5" {}
            path.w d="M52 44l5 5 10-11" {}
            path.l.thin.faint d="M42 21h24M42 62h36M42 69h28" {}
            path.hand d="M70 62V46a4.5 4.5 0 0 1 9 0v14l14 4c5 1.5 6 5 5 9l-4 17H74L62 74c-2-4 2-7 5-5Z" {}
        }
    }
}

fn done_picture() -> Markup {
    html! {
        svg.pict viewBox="0 0 120 96" aria-hidden="true" {
            circle.ok cx="60" cy="46" r="38" {}
            path.k d="M40 47l14 14 27-30" {}
        }
    }
}
