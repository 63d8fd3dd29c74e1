//! A wall as HTML: the frame every scene shares, and the document a browser loads once.
//!
//! Nothing here depends on the second: clocks, "as of" and ages in words are written by the browser from the times in
//! `data-` attributes, so a fragment differs only when what it says differs. *Invariant:* the document is complete without
//! script: the first scene stands there, and reloading turns the pages.

use std::collections::BTreeSet;
use std::sync::Arc;

use imaboard_domain::{Display, Incident, Mode, Moment, Realm, ServiceKind, View, city_date, city_time};
use imaboard_templates::words::JA;
use imaboard_templates::{City, time};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::ages::{Ages, millis};
use crate::assets;
use crate::fragment::{Fragment, SLOT};
use crate::scene::{self, Layout, Page, Scene};

mod damage;
mod postings;
mod roll_call;
mod vacancies;

/// From where one looks.
#[derive(Debug, Clone, Copy)]
pub struct Look<'l, 'a> {
    /// The board at a moment.
    pub m: &'l Moment<'a>,
    /// The display.
    pub display: &'l Display,
    /// Whose board it is.
    pub city: &'l City,
    /// How the screen hangs.
    pub layout: Layout,
}

/// All pages of one display at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wall {
    /// The pages, in the order they rotate. Shared with the wall before where an entry could not change them.
    pub pages: Vec<Arc<Fragment>>,
}

/// What the document says beside its scenes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The position this state belongs to, `{epoch}-{seq}`.
    pub revision: &'a str,
    /// Which feed that position is of.
    pub feed: &'a str,
    /// The browser holds the display's credential and may say what it has painted.
    pub paired: bool,
    /// How long one scene stays.
    pub rotation_seconds: u64,
    /// A stream that was silent for twice this long is dead.
    pub ping_seconds: u64,
    /// Which page a browser without script sees, from 1; the next one is loaded after it.
    pub page: usize,
}

/// Renders every scene of a display.
#[must_use]
pub fn render(look: &Look<'_, '_>) -> Wall {
    let pages = scene::pages(look.m, look.display, look.layout);
    Wall { pages: pages.iter().map(|page| Arc::new(look.page(page, None))).collect() }
}

/// Renders a display again after entries that changed these views and nothing else, with no deadline in between: pages that
/// cannot differ are taken over. Gives what [`render`] gives.
#[must_use]
pub fn render_after(look: &Look<'_, '_>, before: &Wall, changed: &BTreeSet<View>) -> Wall {
    let only_vacancies = changed.iter().all(|view| match view {
        View::Facility(_) | View::Vacancies(_) | View::Pending | View::Keys | View::Buttons | View::Updates | View::Guide => true,
        View::Mode
        | View::Register
        | View::Damage
        | View::ExerciseDamage
        | View::RollCalls
        | View::Notices
        | View::Jobs
        | View::Displays => false,
    });
    if !only_vacancies {
        return render(look);
    }
    let touched = |kind: ServiceKind| changed.contains(&View::Vacancies(kind));
    let pages = scene::pages(look.m, look.display, look.layout);
    // Each page says its number and how many there are.
    let same_pages = pages.iter().map(|page| &page.key).eq(before.pages.iter().map(|page| &page.key));
    let pages = pages.iter().enumerate().map(|(at, page)| {
        let concerned = match &page.scene {
            Scene::Vacancies { kinds, .. } => kinds.iter().any(|kind| touched(*kind)),
            Scene::Empty | Scene::Damage { .. } | Scene::RollCall { .. } | Scene::Postings { .. } => false,
        };
        match before.pages.get(at) {
            Some(held) if same_pages && !concerned => Arc::clone(held),
            Some(held) if same_pages => Arc::new(look.page(page, Some(Held { page: held, touched: &touched }))),
            _ => Arc::new(look.page(page, None)),
        }
    });
    Wall { pages: pages.collect() }
}

/// A page as it was, of which rows are taken over.
struct Held<'h> {
    page: &'h Fragment,
    /// Whether a row of this kind may differ now.
    touched: &'h dyn Fn(ServiceKind) -> bool,
}

impl Wall {
    /// The whole document.
    #[must_use]
    pub fn document(&self, look: &Look<'_, '_>, frame: Frame<'_>) -> String {
        let on = (frame.page.max(1) - 1) % self.pages.len().max(1);
        let refresh = format!("{};url=?layout={}&page={}", frame.rotation_seconds, look.layout.word(), on + 2);
        let class = if look.layout == Layout::Portrait { "wall portrait" } else { "wall" };
        let markup = html! {
            (DOCTYPE)
            html lang=(JA.lang) class=(class) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width";
                    meta name="robots" content="noindex";
                    title { (look.display.name) " — " (look.city.name) " " (JA.t("brand.name")) }
                    link rel="stylesheet" href=(assets::url("wall.css"));
                    script defer src=(assets::url("wall.js")) {}
                    noscript { meta http-equiv="refresh" content=(refresh); }
                }
                body
                    data-events={ "/wall/" (look.display.id) "/events?layout=" (look.layout.word()) "&feed=" (frame.feed) }
                    data-painted=[frame.paired.then(|| format!("/wall/{}/painted", look.display.id))]
                    data-revision=(frame.revision)
                    data-now=(millis(look.m.now))
                    data-assets=(build())
                    data-layout=(look.layout.word())
                    data-rotation-seconds=(frame.rotation_seconds)
                    data-ping-seconds=(frame.ping_seconds)
                    data-words=(words_for_script())
                {
                    (symbols())
                    div id="pages" {
                        @for (at, page) in self.pages.iter().enumerate() {
                            (PreEscaped(still(&page.html(), look.m.now, at == on)))
                        }
                    }
                }
            }
        };
        markup.into_string()
    }
}

/// Changes when a browser should load its files anew.
#[must_use]
pub fn build() -> String {
    format!("{} {}", assets::url("wall.css"), assets::url("wall.js"))
}

/// The words the script writes itself.
fn words_for_script() -> String {
    let keys =
        ["cut_plate", "cut_since", "cut_with", "yesterday", "minutes_ago", "hours_ago", "days_ago", "date", "since_minutes"];
    let words: serde_json::Map<String, serde_json::Value> = keys
        .into_iter()
        .map(|key| (key.to_owned(), JA.t(&format!("wall.script.{key}")).into()))
        .chain([("weekdays".to_owned(), "月火水木金土日".into())])
        .collect();
    serde_json::Value::Object(words).to_string()
}

const LIVE_CLOCK: &str = "data-live=\"clock\"></time>";
const LIVE_DATE: &str = "data-live=\"date\"></span>";
const LIVE_AS_OF: &str = "data-live=\"asof\"></b>";

/// Fills in what the script would: for browsers without it, and for the first picture.
fn still(html: &str, now: Timestamp, on: bool) -> String {
    let clock = clock(now).replace(':', "<i>:</i>");
    let html = html
        .replace(LIVE_CLOCK, &format!("data-live=\"clock\">{clock}</time>"))
        .replace(LIVE_DATE, &format!("data-live=\"date\">{}</span>", date_lines(now)))
        .replace(LIVE_AS_OF, &format!("data-live=\"asof\">{}</b>", self::clock(now)));
    if on { html.replacen("class=\"board", "class=\"board on", 1) } else { html }
}

/// `09:05`, in figures of one width.
#[must_use]
pub fn clock(at: Timestamp) -> String {
    let at = city_time(at);
    format!("{:02}:{:02}", at.hour(), at.minute())
}

fn date_lines(now: Timestamp) -> String {
    let date = city_date(now);
    let day = JA.fill("wall.script.date", &[("month", &date.month().to_string()), ("day", &date.day().to_string())]);
    format!("{day}<br>（{}）", time::weekday(date))
}

/// When something was true, as the script writes it too: `14:05`, `昨日 14:05`, `11/15`.
fn stamp(at: Timestamp, now: Timestamp) -> Markup {
    let (date, today) = (city_date(at), city_date(now));
    html! {
        time.n data-stamp=(millis(at)) {
            @if date == today { (clock(at)) }
            @else if today.yesterday().is_ok_and(|y| y == date) { small { (JA.t("wall.script.yesterday")) } (clock(at)) }
            @else { (date.month()) "/" (date.day()) }
        }
    }
}

/// The `data-` attributes of ages on an element of its own class; `inner` is what it holds.
fn aged_div(ages: Option<&Ages>, inner: Markup) -> Markup {
    match ages {
        None => inner,
        Some(a) => html! {
            div class=(a.class()) data-observed=(millis(a.observed_at)) data-aging-at=[a.aging_at.map(millis)]
                data-stale-at=[a.stale_at.map(millis)] { (inner) }
        },
    }
}

/// How much room a text takes, in square letters.
pub(crate) fn ems(text: &str) -> f64 {
    text.chars().map(|c| if c.is_ascii() { 0.56 } else { 1.0 }).sum()
}

/// One drawn sign.
fn mark(id: &str, class: &str, label: Option<&str>) -> Markup {
    html! {
        @match label {
            Some(label) => svg class={ "mark " (class) } role="img" aria-label=(label) { use href={ "#" (id) } {} },
            None => svg class={ "mark " (class) } aria-hidden="true" { use href={ "#" (id) } {} },
        }
    }
}

fn slot() -> Markup {
    PreEscaped(SLOT.to_owned())
}

/// What the frame of one scene says.
struct Head {
    /// Class of the board beside `board`.
    class: &'static str,
    plate: &'static str,
    plate_class: &'static str,
    /// First and second half of the heading.
    title: (String, String),
    /// The line under it.
    line: Fragment,
    /// Whom to telephone when the server is away.
    desk: Desk,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Desk {
    Vacancies,
    Disaster,
}

impl<'a> Look<'_, 'a> {
    fn page(&self, page: &Page<'a>, held: Option<Held<'_>>) -> Fragment {
        match &page.scene {
            Scene::Empty => self.empty(page),
            Scene::Vacancies { groups, kinds } => self.vacancies(page, groups, kinds, held.as_ref()),
            Scene::Damage { realm, calls, elsewhere, rows } => self.damage(page, *realm, calls, elsewhere, rows),
            Scene::RollCall { realm } => self.roll_call(page, *realm),
            Scene::Postings { kind, list } => self.postings(page, *kind, list),
        }
    }

    fn empty(&self, page: &Page<'_>) -> Fragment {
        let head = self.calm_head(page, (JA.t("brand.name").to_owned(), self.display.name.clone()), "wall.empty.en");
        let main = html! { main.quiet { p.big { (JA.t("wall.empty.title")) } p { (JA.t("wall.empty.line")) } } };
        self.board(page, head, main, Vec::new())
    }

    fn incident(&self, realm: Realm) -> Option<&'a Incident> {
        self.m.incident_in(realm)
    }

    /// The head of scenes that are about the city as it is: the plate says the real mode.
    fn calm_head(&self, page: &Page<'_>, title: (String, String), en: &str) -> Head {
        let (class, plate, plate_class) = match self.m.mode() {
            Mode::Peace => ("", "mode.peace", ""),
            Mode::Alert => ("alert", "mode.alert", "alert"),
            Mode::Incident => ("", "mode.incident", "real"),
        };
        let line = match (self.m.mode(), self.m.exercise(), self.incident(Realm::Real)) {
            // What is shown here is real although blue-white stripes come and go: say so.
            (Mode::Peace | Mode::Alert, Some(_), _) => html! { b { (JA.t("wall.real_while_exercise")) } },
            (_, _, Some(incident)) => html! { b { (incident.name) } "　" (self.city.name) " " (JA.t("brand.name")) },
            _ => html! {
                (self.city.name) " " (JA.t("brand.name"))
                @if self.layout == Layout::Landscape { "　" span lang="en" { (JA.t(en)) } }
            },
        };
        let line = self.line(page, "", line);
        Head { class, plate, plate_class, title, line, desk: Desk::Vacancies }
    }

    /// The head of scenes about an incident or an exercise.
    fn incident_head(&self, page: &Page<'_>, realm: Realm, title: (String, String), line: Fragment) -> Head {
        let (class, plate, plate_class) = match (realm, self.m.mode()) {
            (Realm::Exercise, _) => ("exercise", "mode.exercise", "drill"),
            (Realm::Real, Mode::Incident) => ("real", "mode.incident", "real"),
            (Realm::Real, Mode::Alert) => ("alert", "mode.alert", "alert"),
            (Realm::Real, Mode::Peace) => ("", "mode.peace", ""),
        };
        debug_assert!(page.number <= page.of);
        Head { class, plate, plate_class, title, line, desk: Desk::Disaster }
    }

    fn line(&self, page: &Page<'_>, class: &str, inner: Markup) -> Fragment {
        let key = format!("{}-line", page.key);
        let html = html! { p id={ "w-" (key) } class=(class) { (inner) } };
        Fragment::leaf(key, html)
    }

    fn foot(&self, page: &Page<'_>, inner: Markup) -> Fragment {
        let key = format!("{}-foot", page.key);
        let html = html! { div.facts id={ "w-" (key) } { (inner) } };
        Fragment::leaf(key, html)
    }

    fn desk(&self, desk: Desk) -> &imaboard_templates::Desk {
        match desk {
            Desk::Vacancies => &self.city.desk,
            Desk::Disaster => &self.city.disaster_desk,
        }
    }

    fn desk_line(&self, desk: Desk, key: &str) -> Markup {
        let desk = self.desk(desk);
        html! { @if !desk.phone.is_empty() { span { (JA.t(key)) " " b.n { (desk.phone) } @if self.layout == Layout::Landscape { " " (desk.label) } } } }
    }

    fn roll_call_line(&self, realm: Realm) -> Markup {
        html! {
            @if let Some(call) = self.m.roll_call(realm) {
                span {
                    (JA.t("wall.roll_call.title")) " " b.n { (clock(call.call.opened_at)) } "　"
                    (JA.t("wall.roll_call.answers")) " " b.n { (call.answered) } " / " span.n { (call.asked) }
                    (JA.t("wall.facilities"))
                }
            }
        }
    }

    /// The frame around a scene. The last two children are the line under the heading and the facts of the foot.
    fn board(&self, page: &Page<'_>, head: Head, main: Markup, children: Vec<Fragment>) -> Fragment {
        self.board_with_foot(page, head, main, children, None)
    }

    fn board_with_foot(
        &self,
        page: &Page<'_>,
        head: Head,
        main: Markup,
        children: Vec<Fragment>,
        foot: Option<Fragment>,
    ) -> Fragment {
        let desk = head.desk;
        let foot = foot.unwrap_or_else(|| self.foot(page, self.desk_line(desk, "wall.desk.ask")));
        let drill = head.class == "exercise";
        let most_strokes = if self.layout == Layout::Portrait { 5 } else { 12 };
        let (first, second) = &head.title;
        let long = if ems(first) + ems(second) + if drill { 4.0 } else { 0.0 }
            > if self.layout == Layout::Portrait { 9.0 } else { 17.0 }
        {
            "long"
        } else {
            ""
        };
        let phone = &self.desk(desk).phone;
        let html = html! {
            article id={ "w-" (page.key) } class={ "board " (head.class) } data-page=(page.key) {
                @if drill {
                    div.drill { b { (JA.t("mode.exercise")) } span { (JA.t("wall.exercise.band")) } b { (JA.t("mode.exercise")) } }
                }
                header class={ "head " (head.class) } {
                    div class={ "plate " (head.plate_class) } { (JA.t(head.plate)) }
                    div.title {
                        h1 class=(long) {
                            @if drill { (JA.t("wall.exercise.mark")) }
                            (first) @if !second.is_empty() { span { (second) } }
                        }
                        (slot())
                    }
                    div.hour {
                        @if self.m.board.is_sample() { span.sample { (JA.t("sample.badge")) } }
                        span.date data-live="date" {}
                        time class="clock n" data-live="clock" {}
                    }
                }
                div.lost {
                    (mark("m-nolink", "", None)) b.since {}
                    @if !phone.is_empty() { span { (JA.t("wall.lost.ask")) " " b.n { (phone) } } }
                }
                (main)
                footer.foot {
                    @if drill { b.drill-word { (JA.t("mode.exercise")) } }
                    (slot())
                    span.push { b.n data-live="asof" {} " " (JA.t("wall.as_of")) }
                    div.pages {
                        // More than a dozen strokes are a fence, not a position.
                        @if page.of <= most_strokes { @for n in 1..=page.of { i class=(if n == page.number { "on" } else { "" }) {} } }
                        span.n { (page.number) "/" (page.of) }
                    }
                    @if drill { b.drill-word { (JA.t("mode.exercise")) } }
                }
                @if drill { div.ghost aria-hidden="true" { (JA.t("mode.exercise")) } }
            }
        };
        let mut all = vec![head.line];
        all.extend(children);
        all.push(foot);
        Fragment::with(page.key.clone(), html, all)
    }
}

/// Light signs for a dark board; those of the public pages carry fills for paper.
fn symbols() -> Markup {
    let drawings = [
        (
            "m-plenty",
            r#"<circle cx="32" cy="32" r="27" fill="none" stroke="currentColor" stroke-width="7"/><circle cx="32" cy="32" r="15" fill="currentColor"/>"#,
        ),
        ("m-available", r#"<circle cx="32" cy="32" r="24.5" fill="none" stroke="currentColor" stroke-width="11"/>"#),
        ("m-few", r#"<path d="M32 10 58 54H6Z" fill="none" stroke="currentColor" stroke-width="10" stroke-linejoin="round"/>"#),
        ("m-full", r#"<path d="M11 11 53 53M53 11 11 53" fill="none" stroke="currentColor" stroke-width="11.5"/>"#),
        (
            "m-unknown",
            r#"<path d="M17 22C17 11 24 6 32 6s15 6 15 15c0 11-14 11-14 23" fill="none" stroke="currentColor" stroke-width="10.5"/><circle cx="33" cy="56" r="6.5" fill="currentColor"/>"#,
        ),
        (
            "m-help",
            r#"<path d="M24 4h16l-3.5 36h-9z" fill="currentColor"/><circle cx="32" cy="54" r="7.5" fill="currentColor"/>"#,
        ),
        (
            "m-nolink",
            r#"<path d="M6 26a38 38 0 0 1 52 0M16 37a23 23 0 0 1 32 0" fill="none" stroke="currentColor" stroke-width="7.5" stroke-linecap="round"/><circle cx="32" cy="52" r="6.5" fill="currentColor"/><path d="M10 58 54 6" stroke="currentColor" stroke-width="7.5" stroke-linecap="round"/>"#,
        ),
        ("i-power", r#"<path d="M38 3 11 37h17l-5 24 30-35H35z" fill="currentColor"/>"#),
        ("i-water", r#"<path d="M32 4S11 28 11 41a21 20 0 0 0 42 0C53 28 32 4 32 4z" fill="currentColor"/>"#),
        (
            "i-gas",
            r#"<path d="M35 3c2 13 18 21 18 39a21 19 0 0 1-42 0c0-10 7-14 9-23 4 4 6 8 6 12 7-6 10-16 9-28z" fill="currentColor"/>"#,
        ),
        (
            "i-phone",
            r#"<path d="M14 7l11-3 7 16-8 6c3 7 8 12 14 15l7-7 14 7-2 11c-1 5-4 7-8 7C27 57 8 39 6 16c0-5 3-8 8-9z" fill="currentColor"/>"#,
        ),
        (
            "i-road",
            r#"<path fill-rule="evenodd" d="M22 5h20l18 54H4zM30 12l-.4 10h4.8L34 12zM29.2 28l-.5 11h6.6l-.5-11zM28.3 45l-.6 14h8.6l-.6-14z" fill="currentColor"/>"#,
        ),
    ];
    html! {
        svg.defs aria-hidden="true" {
            @for (id, drawing) in drawings { symbol id=(id) viewBox="0 0 64 64" { (PreEscaped(drawing)) } }
        }
    }
}
