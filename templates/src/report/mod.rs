//! The report page of one facility (報告), its receipt, and every page that says why nothing was stored.
//!
//! One column, one thumb, no script: made for a busy carer with an old telephone. [`form`] names the fields, [`page`] asks,
//! [`receipt`] answers, [`problem`] explains. *Invariant:* a value that is missing or stale is never filled in beforehand, and
//! the first submit of a form is neutral, so that Enter never says 無事.

use imaboard_domain::{FacilityBoard, Incident, Mode, Moment, Realm, ServiceKind, Thresholds, UnknownWord};
use maud::{DOCTYPE, Markup, html};

use crate::city::{City, Desk};
use crate::time;
use crate::words::Words;

pub mod form;
pub mod page;
pub mod postings;
pub mod problem;
pub mod receipt;
pub mod ruby;
pub mod support;

mod damage;
mod now;
mod sprite;
mod vacancy;

use ruby::{plain, ruby};
use sprite::icon;

/// What every page of this kind needs besides the board.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The language.
    pub words: &'a Words,
    /// The city and its desks.
    pub city: &'a City,
    /// Address of the style sheet.
    pub style: &'a str,
    /// Address of the script that adds what paper cannot: a warning when there is no network.
    pub script: &'a str,
    /// The key as it stands in the URL.
    pub key: &'a str,
    /// From how many free places on a level begins.
    pub thresholds: Thresholds,
    /// Somebody practises on the page of peace or of damage: it says 練習, and nothing that is sent is recorded.
    pub practice: Option<Face>,
}

impl Frame<'_> {
    /// What the page asks about: what somebody practises, else what is under way.
    fn face(&self, moment: Moment<'_>) -> Face {
        self.practice.unwrap_or_else(|| Face::of(moment))
    }

    /// A word of the table `report`, with furigana.
    fn say(&self, key: &str) -> Markup {
        ruby(self.words.t(&format!("report.{key}")))
    }

    /// The same without furigana.
    fn word(&self, key: &str) -> String {
        plain(self.words.t(&format!("report.{key}")))
    }

    /// The same with `{name}` filled in.
    fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.words.fill(&format!("report.{key}"), values)
    }
}

/// What the page asks about, which follows from what is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// Room first.
    Peace,
    /// How are you? first: a disaster, or a roll call.
    Damage,
    /// The same, practised.
    Exercise,
}

impl Face {
    /// The stable word, as it travels in the form.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Face::Peace => "peace",
            Face::Damage => "damage",
            Face::Exercise => "exercise",
        }
    }

    /// What the page asks about now. A real incident comes before an exercise that somebody forgot to close.
    #[must_use]
    pub fn of(moment: Moment<'_>) -> Self {
        if moment.mode() == Mode::Incident {
            Face::Damage
        } else if moment.exercise().is_some() {
            Face::Exercise
        } else if moment.roll_call(Realm::Real).is_some() {
            Face::Damage
        } else {
            Face::Peace
        }
    }

    /// Whose standings of damage are shown and filled in.
    #[must_use]
    pub fn realm(self) -> Realm {
        match self {
            Face::Exercise => Realm::Exercise,
            Face::Peace | Face::Damage => Realm::Real,
        }
    }
}

impl std::str::FromStr for Face {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Face::Peace, Face::Damage, Face::Exercise]
            .into_iter()
            .find(|f| f.word() == word)
            .ok_or_else(|| UnknownWord { what: "Face", word: word.to_owned() })
    }
}

/// The whole document around `main`. `facility` is absent where the key speaks for nobody.
fn document(frame: Frame<'_>, moment: Moment<'_>, facility: Option<&FacilityBoard>, last: &str, main: Markup) -> Markup {
    let w = frame.words;
    let face = Face::of(moment);
    let desk = desk_of(frame.city, face);
    html! {
        (DOCTYPE)
        html lang=(w.lang) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow";
                meta name="format-detection" content="telephone=no";
                title { @if frame.practice.is_some() { "【" (frame.word("practice.tag")) "】" } (frame.word("title")) " — " (w.t("brand.name")) }
                link rel="stylesheet" href=(frame.style);
                script src=(frame.script) defer {}
            }
            body data-offline=(frame.word("script.offline")) {
                (sprite::sprite())
                (band(frame, moment, face))
                @if let Some(practised) = frame.practice {
                    aside.practice aria-label=(frame.word("practice.tag")) { div {
                        b.tag { (frame.say("practice.tag")) }
                        p { (frame.word(if practised == Face::Peace { "practice.line" } else { "practice.line_damage" })) " " a href=(path(frame, "")) { (frame.word("practice.leave")) } }
                    } }
                }
                div.page {
                    header.top {
                        p.brand {
                            b { (w.t("brand.mark")) } (w.t("brand.rest")) " " span { (frame.city.name) }
                            @if moment.board.is_sample() { em.sample { (w.t("sample.badge")) } }
                        }
                        p { time datetime=(iso(moment.now)) { (time::day_clock(moment.now)) } }
                    }
                    main {
                        @if let Some(f) = facility { (who(frame, f, frame.face(moment))) }
                        (main)
                    }
                    (desk_footer(frame, desk, facility, last))
                    @if moment.board.is_sample() { aside.made-up aria-label=(w.t("sample.badge")) { (w.t("sample.line")) } }
                }
            }
        }
    }
}

fn desk_of(city: &City, face: Face) -> &Desk {
    match face {
        Face::Damage => &city.disaster_desk,
        Face::Peace | Face::Exercise => &city.desk,
    }
}

/// The address of the page, or of something below it (`/reports`).
fn path(frame: Frame<'_>, below: &str) -> String {
    format!("/r/{}{below}", frame.key)
}

/// The address of the page itself, practised or not.
fn home(frame: Frame<'_>) -> String {
    match frame.practice {
        Some(face) => path(frame, &format!("?practice={}", practice_word(face))),
        None => path(frame, ""),
    }
}

/// Says to the server that this form is only practised.
fn practised(frame: Frame<'_>) -> Markup {
    html! { @if let Some(face) = frame.practice { input type="hidden" name="practice" value=(practice_word(face)); } }
}

/// How an address and a form name what is practised; [`practised_face`] reads it.
fn practice_word(face: Face) -> &'static str {
    if face == Face::Damage { face.word() } else { "1" }
}

/// What a word of `practice_word` asks for; any other word is the page of peace, never the real one.
#[must_use]
pub fn practised_face(word: &str) -> Face {
    if word == Face::Damage.word() { Face::Damage } else { Face::Peace }
}

fn iso(at: jiff::Timestamp) -> String {
    imaboard_domain::city_time(at).strftime("%Y-%m-%dT%H:%M%:z").to_string()
}

fn band(frame: Frame<'_>, moment: Moment<'_>, face: Face) -> Markup {
    let since = |i: &Incident, key: &str| frame.fill(key, &[("when", &time::when(i.opened_at, moment.now))]);
    html! {
        @if face == Face::Exercise {
            @if let Some(i) = moment.exercise() {
                aside.drill aria-label=(frame.word("exercise.tag")) { div {
                    b.tag { (frame.say("exercise.tag")) }
                    p { (i.name) small { (since(i, "exercise.since")) } }
                } }
            }
        } @else if let Some(i) = moment.incident() {
            @let kind = if moment.mode() == Mode::Alert { "band.alert" } else { "band.incident" };
            aside.band.alert[moment.mode() == Mode::Alert] aria-label=(frame.word(kind)) { div {
                b.tag { (frame.say(kind)) }
                p { (i.name) small { (since(i, "band.since")) } }
            } }
        } @else if face == Face::Damage {
            aside.band.alert aria-label=(frame.word("first.roll_call")) { div {
                b.tag { (frame.say("first.roll_call")) }
                p { (frame.say("first.roll_call_line")) }
            } }
        }
    }
}

fn who(frame: Frame<'_>, facility: &FacilityBoard, face: Face) -> Markup {
    let f = &facility.facility;
    let kinds: Vec<&str> = f.services.iter().map(|s| s.kind.name_ja()).collect();
    let place = f.island.as_deref().unwrap_or_else(|| frame.city.district(&f.district));
    html! {
        div.who.long[f.name.chars().count() > 14] {
            h1 { (f.name) }
            @if face == Face::Peace { p { (kinds.join("・")) " ・ " (place) } }
        }
    }
}

fn desk_footer(frame: Frame<'_>, desk: &Desk, facility: Option<&FacilityBoard>, last: &str) -> Markup {
    html! {
        footer.desk {
            h2 { (frame.say("desk.title")) }
            (telephone(desk))
            p { (frame.city.name) " " (desk.label) @if !desk.hours.is_empty() { "（" (desk.hours) "）" } }
            @if last.is_empty() {
                @if let Some(f) = facility {
                    p {
                        span.ib { (frame.fill("desk.not_here", &[("name", &f.facility.name)])) }
                        span.ib { (frame.word("desk.not_here_2")) } " " span.ib { (frame.word("desk.not_here_3")) }
                    }
                }
            } @else {
                p { (frame.word(last)) }
            }
        }
    }
}

fn telephone(desk: &Desk) -> Markup {
    let digits: String = desk.phone.chars().filter(char::is_ascii_digit).collect();
    html! { a.tel href={ "tel:" (digits) } { (icon("tel")) span.nb { (desk.phone) } } }
}

/// The short name of a service beside its siblings: its kind.
fn service_name(kind: ServiceKind) -> &'static str {
    kind.name_ja()
}

/// `11月20日(金) 9:10 時点（4日前）`
fn as_of(frame: Frame<'_>, at: jiff::Timestamp, now: jiff::Timestamp) -> Markup {
    html! {
        time datetime=(iso(at)) { (time::when(at, now)) } " " (frame.word("as_of"))
        span.age { "（" (time::ago(at, now)) "）" }
    }
}

/// Ticks and circles that stand before a list of problems.
fn numbered(i: usize) -> String {
    const CIRCLED: [&str; 9] = ["①", "②", "③", "④", "⑤", "⑥", "⑦", "⑧", "⑨"];
    CIRCLED.get(i).map_or_else(|| format!("{}.", i + 1), |c| (*c).to_owned())
}
