//! The desk's room `burden` (現場負担のモニタリング): what reporting costs the facilities, what it gives, and what the council asked.
//!
//! Every list of figures is a [`Table`]: the page prints it, the chart draws it, the CSV file holds it. *Invariant:* no figure
//! stands without how many it was made from and of which days; where that is too little, the page says so instead of a figure.

use imaboard_domain::burden::{
    Answers, BAR_DAYS, DayState, FacilityRow, Figures, Group, GroupFigures, LEAST_DAYS, LEAST_EFFORTS, LEAST_FACILITIES,
    MINUTES_PER_CALL, PROMPT_MINUTES, Period,
};
use imaboard_domain::{Channel, city_date};
use jiff::civil::Date;
use maud::{Markup, html};

use super::{Frame, Room, document, pager};
use crate::layout::{grouped, machine_time};
use crate::time;
use crate::words::Words;

/// Facilities on a page.
pub const PAGE_LEN: usize = 50;

/// The lists of figures; each is a table on a page and a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sheet {
    /// Seconds and presses by week.
    Effort,
    /// Reports by week.
    Reports,
    /// Reports by channel.
    Channels,
    /// Punctual facilities by day.
    Punctuality,
    /// Every facility.
    Facilities,
    /// Reports taken back and postings given back, by week.
    Corrections,
    /// Answers to roll calls.
    Response,
    /// Minutes saved.
    Saved,
}

impl Sheet {
    /// Every list.
    pub const ALL: [Sheet; 8] = [
        Sheet::Effort,
        Sheet::Reports,
        Sheet::Channels,
        Sheet::Punctuality,
        Sheet::Facilities,
        Sheet::Corrections,
        Sheet::Response,
        Sheet::Saved,
    ];

    /// The word in addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Sheet::Effort => "effort",
            Sheet::Reports => "reports",
            Sheet::Channels => "channels",
            Sheet::Punctuality => "punctuality",
            Sheet::Facilities => "facilities",
            Sheet::Corrections => "corrections",
            Sheet::Response => "response",
            Sheet::Saved => "saved",
        }
    }

    /// The list of this word.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Sheet::ALL.into_iter().find(|s| s.word() == word)
    }
}

/// Figures in rows: the first column names the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What the columns are.
    pub head: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

fn percent_of(n: u32, of: u32) -> Option<u32> {
    (n * 100).checked_div(of)
}

fn percent(words: &Words, value: Option<u32>) -> String {
    value.map_or_else(|| words.t("desk.burden.nothing").to_owned(), |p| format!("{p}%"))
}

fn known<T: ToString>(words: &Words, value: Option<T>) -> String {
    value.map_or_else(|| words.t("desk.burden.nothing").to_owned(), |v| v.to_string())
}

fn tenths(value: u32) -> String {
    format!("{}.{}", value / 10, value % 10)
}

fn channel_word(words: &Words, channel: Channel) -> String {
    words.t(&format!("channel.{channel}")).to_owned()
}

fn group_word(words: &Words, group: Group) -> String {
    words.t(&format!("desk.burden.group.{}", group.word())).to_owned()
}

/// A list of figures.
#[must_use]
pub fn table(words: &Words, figures: &Figures, sheet: Sheet) -> Table {
    let head = (1..).map(|n| format!("desk.burden.{}.col{n}", sheet.word())).take_while(|key| words.has(key));
    let head = head.map(|key| words.t(&key).to_owned()).collect();
    let rows = match sheet {
        Sheet::Effort => {
            let row = |w: &imaboard_domain::burden::Week| {
                let effort = w.effort();
                vec![w.monday.to_string(), effort.measured.to_string(), known(words, effort.seconds), known(words, effort.taps)]
            };
            figures.weeks.iter().map(row).collect()
        }
        Sheet::Reports => {
            let each = |w: &imaboard_domain::burden::Week| (w.reports() * 10).checked_div(w.facilities).map(tenths);
            let row = |w: &imaboard_domain::burden::Week| {
                vec![w.monday.to_string(), w.reports().to_string(), w.facilities.to_string(), known(words, each(w))]
            };
            figures.weeks.iter().map(row).collect()
        }
        Sheet::Channels => {
            let all = figures.reports();
            let row = |(channel, n): (&Channel, &u32)| {
                vec![channel_word(words, *channel), n.to_string(), percent(words, percent_of(*n, all))]
            };
            figures.channels.iter().map(row).collect()
        }
        Sheet::Punctuality => {
            let row = |d: &imaboard_domain::burden::DayShare| {
                vec![d.day.to_string(), d.fresh.to_string(), d.due.to_string(), percent(words, d.percent())]
            };
            figures.by_day.iter().map(row).collect()
        }
        Sheet::Facilities => {
            let row = |r: &FacilityRow| {
                vec![
                    r.name.clone(),
                    r.facility.to_string(),
                    group_word(words, r.group),
                    r.reports().to_string(),
                    known(words, r.tenths_a_week(figures.period).map(tenths)),
                    r.fresh_days.to_string(),
                    r.due_days.to_string(),
                    percent(words, r.percent()),
                ]
            };
            figures.rows.iter().map(row).collect()
        }
        Sheet::Corrections => {
            let row = |w: &imaboard_domain::burden::Week| {
                vec![
                    w.monday.to_string(),
                    w.reports().to_string(),
                    w.corrections.to_string(),
                    w.sent_in.to_string(),
                    w.returned.to_string(),
                ]
            };
            figures.weeks.iter().map(row).collect()
        }
        Sheet::Response => {
            let mut rows = Vec::new();
            for call in &figures.calls {
                let realm = words.t(if call.exercise { "mode.exercise" } else { "desk.burden.real" });
                for (group, answers) in &call.groups {
                    rows.push(vec![
                        machine_time(call.opened_at),
                        realm.to_owned(),
                        group_word(words, *group),
                        answers.asked.to_string(),
                        answers.prompt().to_string(),
                        answers.answered().to_string(),
                        known(words, answers.median_minutes()),
                    ]);
                }
            }
            rows
        }
        Sheet::Saved => {
            let row = |key: &str, n: u32| {
                vec![words.t(key).to_owned(), n.to_string(), MINUTES_PER_CALL.to_string(), (n * MINUTES_PER_CALL).to_string()]
            };
            vec![row("desk.burden.saved.own", figures.own_reports()), row("desk.burden.saved.proxy", figures.proxy_reports())]
        }
    };
    Table { head, rows }
}

/// A finished drawing in both sizes; empty where there is nothing to draw.
#[derive(Debug, Clone)]
pub struct Picture {
    /// For columns of a desk screen.
    pub wide: Markup,
    /// For telephones.
    pub narrow: Markup,
}

/// The drawings of the room.
#[derive(Debug, Clone)]
pub struct Pictures {
    /// Seconds by week.
    pub seconds: Picture,
    /// Presses by week.
    pub taps: Picture,
    /// Reports by week.
    pub reports: Picture,
    /// Reports by channel.
    pub channels: Picture,
    /// Percent of punctual facilities by day.
    pub punctuality: Picture,
    /// Corrections by week.
    pub corrections: Picture,
    /// Percent of answers in time, by group.
    pub response: Picture,
    /// Minutes saved and spent.
    pub saved: Picture,
}

fn picture(picture: &Picture) -> Markup {
    html! {
        @if !picture.wide.0.is_empty() {
            figure.burden-plot { div.burden-wide { (picture.wide) } div.burden-narrow { (picture.narrow) } }
        }
    }
}

/// Two drawings beside each other need to say which is which.
fn captioned(frame: &Frame<'_>, drawn: &Picture, key: &str) -> Markup {
    html! { @if !drawn.wide.0.is_empty() { figure.burden-plot { figcaption.s { (frame.words.t(key)) } (drawn.narrow) } } }
}

/// `10月1日(木)〜11月29日(日)`
fn period_words(frame: &Frame<'_>, period: Period) -> String {
    frame.fill("desk.burden.period", &[("from", &time::day(period.from)), ("until", &time::day(period.until))])
}

/// How much a figure stands on.
fn basis(frame: &Frame<'_>, figures: &Figures, key: &str, n: u32) -> Markup {
    let what = frame.words.fill(key, &[("n", &grouped(u64::from(n)))]);
    html! { p.hint { (period_words(frame, figures.period)) "・" (what) } }
}

fn tabs(frame: &Frame<'_>, here: &str) -> Markup {
    let tab = |word: &str, path: &str| {
        html! { a href=(path) aria-current=[(word == here).then_some("page")] { (frame.words.t(&format!("desk.burden.tab.{word}"))) } }
    };
    html! {
        nav.tabs aria-label=(frame.t("desk.room.burden")) {
            (tab("figures", "/desk/burden")) (tab("facilities", "/desk/burden/facilities"))
            (tab("questions", "/desk/burden/questions")) (tab("sheet", "/desk/burden/sheet"))
        }
    }
}

/// While the log is read for the first time.
#[must_use]
pub fn counting(frame: &Frame<'_>, done: u64, total: u64) -> Markup {
    let title = frame.t("desk.burden.title");
    let middle = html! {
        h1 { (title) }
        section.said {
            p role="status" { (frame.fill("desk.burden.counting", &[("done", &grouped(done)), ("total", &grouped(total))])) }
            progress.burden-progress value=(done) max=(total.max(1)) aria-label=(frame.t("desk.burden.counting_label")) {}
            p.acts { a.btn href="" { (frame.t("desk.burden.look_again")) } }
        }
    };
    document(frame, Some(Room::Burden), title, middle)
}

/// All figures of the last 90 days.
#[must_use]
pub fn figures(frame: &Frame<'_>, figures: &Figures, position: u64, pictures: &Pictures) -> Markup {
    let title = frame.t("desk.burden.title");
    let effort = figures.effort();
    let everybody = figures.everybody();
    let middle = html! {
        div.bar { h1 { (title) } (tabs(frame, "figures")) }
        p.intro {
            (period_words(frame, figures.period)) "・" (frame.fill("desk.burden.up_to", &[("n", &grouped(position))])) "・"
            (frame.t("desk.burden.inside"))
            @if figures.in_exercise > 0 { " " (frame.fill("desk.burden.in_exercise", &[("n", &figures.in_exercise.to_string())])) }
        }
        (part(frame, figures, Sheet::Effort, html! {
            @match (effort.seconds, effort.taps) {
                (Some(seconds), Some(taps)) => p.burden-big { (frame.fill("desk.burden.effort.say", &[("s", &seconds.to_string()), ("n", &taps.to_string())])) },
                _ => (too_few(frame, "desk.burden.effort.least", LEAST_EFFORTS)),
            }
            (basis(frame, figures, "desk.burden.effort.basis", effort.measured))
            div.burden-two {
                (captioned(frame, &pictures.seconds, "desk.burden.effort.seconds")) (captioned(frame, &pictures.taps, "desk.burden.effort.taps"))
            }
        }))
        (part(frame, figures, Sheet::Reports, html! {
            p.burden-big { (frame.fill("desk.burden.reports.say", &[("n", &grouped(u64::from(figures.reports())))])) }
            @match figures.usual_tenths_a_week() {
                Some(usual) => p { (frame.fill("desk.burden.reports.usual", &[("n", &tenths(usual))])) },
                None => (too_few(frame, "desk.burden.reports.least", LEAST_FACILITIES)),
            }
            (basis(frame, figures, "desk.burden.reports.basis", reporting(figures)))
            (picture(&pictures.reports))
        }))
        (part(frame, figures, Sheet::Channels, html! {
            @if figures.reports() == 0 { p { (frame.t("desk.burden.no_reports")) } }
            (basis(frame, figures, "desk.burden.channels.basis", figures.reports()))
            (picture(&pictures.channels))
        }))
        (part(frame, figures, Sheet::Punctuality, html! {
            @match everybody.percent() {
                Some(share) => p.burden-big { (frame.fill("desk.burden.punctuality.say", &[("n", &share.to_string())])) },
                None => (too_few_days(frame)),
            }
            (basis(frame, figures, "desk.burden.punctuality.basis", everybody.due_days))
            p.hint { (frame.t("desk.burden.punctuality.what")) }
            (picture(&pictures.punctuality))
            p { a href="/desk/burden/facilities" { (frame.t("desk.burden.punctuality.each")) } }
        }))
        (part(frame, figures, Sheet::Corrections, html! {
            p.burden-big { (frame.fill("desk.burden.corrections.say", &[
                ("n", &figures.corrections.to_string()), ("returned", &figures.returned.to_string()), ("sent", &figures.sent_in.to_string()),
            ])) }
            (basis(frame, figures, "desk.burden.corrections.basis", figures.reports()))
            (picture(&pictures.corrections))
        }))
        (part(frame, figures, Sheet::Response, html! {
            @if figures.calls.is_empty() { p { (frame.t("desk.burden.response.none")) } }
            @else { p.hint { (period_words(frame, figures.period)) "・" (frame.fill("desk.burden.response.basis", &[
                ("n", &figures.calls.len().to_string()), ("minutes", &PROMPT_MINUTES.to_string()),
                ("drills", &figures.calls.iter().filter(|c| c.exercise).count().to_string()),
            ])) } }
            (picture(&pictures.response))
        }))
        (part(frame, figures, Sheet::Saved, html! {
            p.burden-big { (frame.fill("desk.burden.saved.say", &[("n", &grouped(u64::from(figures.minutes_saved())))])) }
            (basis(frame, figures, "desk.burden.saved.basis", figures.own_reports()))
            p.hint { (frame.fill("desk.burden.saved.assumed", &[("n", &MINUTES_PER_CALL.to_string())])) }
            (picture(&pictures.saved))
        }))
    };
    document(frame, Some(Room::Burden), title, middle)
}

/// How many facilities reported at all.
fn reporting(figures: &Figures) -> u32 {
    u32::try_from(figures.rows.iter().filter(|r| r.reports() > 0).count()).unwrap_or(u32::MAX)
}

fn too_few(frame: &Frame<'_>, key: &str, least: u32) -> Markup {
    html! { p.burden-few { b { (frame.t("desk.burden.too_few")) } " " (frame.words.fill(key, &[("n", &least.to_string())])) } }
}

fn too_few_days(frame: &Frame<'_>) -> Markup {
    let least = frame.fill("desk.burden.least_days", &[("n", &LEAST_FACILITIES.to_string()), ("days", &LEAST_DAYS.to_string())]);
    html! { p.burden-few { b { (frame.t("desk.burden.too_few")) } " " (least) } }
}

/// A part of the page: its heading, what it says, its table, its file. The table of all facilities has a page of its own.
fn part(frame: &Frame<'_>, figures: &Figures, sheet: Sheet, body: Markup) -> Markup {
    let word = sheet.word();
    let key = format!("desk.burden.{word}.title");
    let title = frame.words.t(&key);
    html! {
        section.burden-part aria-labelledby=(word) {
            h2.rule id=(word) { (title) }
            (body)
            details {
                summary { (frame.t("desk.burden.table")) }
                (printed(frame, &table(frame.words, figures, sheet), title))
            }
            p { a href={ "/desk/burden/" (word) ".csv" } { (frame.fill("desk.burden.csv", &[("what", title)])) } }
        }
    }
}

fn printed(frame: &Frame<'_>, table: &Table, title: &str) -> Markup {
    html! {
        @if table.rows.is_empty() { p { (frame.t("desk.burden.empty")) } }
        @else {
            div.scroll tabindex="0" role="region" aria-label=(title) {
                table.burden-table {
                    caption.v { (title) }
                    thead { tr { @for name in &table.head { th scope="col" { (name) } } } }
                    tbody { @for row in &table.rows { tr {
                        @for (at, cell) in row.iter().enumerate() {
                            @if at == 0 { th scope="row" { (cell) } } @else { td.num { (cell) } }
                        }
                    } } }
                }
            }
        }
    }
}

/// One facility with its drawn days.
#[derive(Debug, Clone)]
pub struct Strip<'a> {
    /// Its figures.
    pub row: &'a FacilityRow,
    /// Its days, drawn.
    pub drawn: Markup,
}

/// What the list of facilities was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Which<'a> {
    /// Letters of a name.
    pub q: &'a str,
    /// A [`Group`] by its word; empty for all.
    pub group: &'a str,
    /// The address of this question, ready for `page=`.
    pub path: &'a str,
    /// Which page.
    pub page: usize,
    /// How many there are.
    pub found: usize,
}

/// How to say the days of a facility in words.
#[must_use]
pub fn strip_words(words: &Words, row: &FacilityRow) -> String {
    let count = |state: DayState| row.bar.iter().filter(|s| **s == state).count().to_string();
    words.fill(
        "desk.burden.strip",
        &[
            ("fresh", &count(DayState::Fresh)),
            ("late", &count(DayState::Late)),
            ("closed", &count(DayState::Closed)),
            ("unknown", &count(DayState::Unknown)),
        ],
    )
}

/// Every facility with the bar of its days, the least punctual first.
#[must_use]
pub fn facilities(frame: &Frame<'_>, period: Period, strips: &[Strip<'_>], which: Which<'_>) -> Markup {
    let title = frame.t("desk.burden.facilities.title");
    let pages = which.found.div_ceil(PAGE_LEN);
    let middle = html! {
        div.bar { h1 { (title) } (tabs(frame, "facilities")) }
        p.intro { (period_words(frame, period)) "・" (frame.t("desk.burden.facilities.lead")) }
        form.burden-ask method="get" action="/desk/burden/facilities" role="search" aria-label=(frame.t("desk.burden.facilities.search")) {
            p.field { label for="q" { (frame.t("desk.burden.facilities.q")) } input #q type="search" name="q" value=(which.q) data-key="/" autocomplete="off"; }
            p.field { label for="group" { (frame.t("desk.burden.facilities.group")) }
                select #group name="group" {
                    option value="" { (frame.t("desk.burden.facilities.all")) }
                    @for group in Group::ALL { option value=(group.word()) selected[group.word() == which.group] { (group_word(frame.words, group)) } }
                }
            }
            p.acts { button { (frame.t("desk.burden.facilities.search")) } a.btn href="/desk/burden/facilities.csv" { "CSV" } }
        }
        p role="status" { (frame.fill("desk.burden.facilities.found", &[("n", &which.found.to_string())])) }
        @if !strips.is_empty() {
            p.burden-key { (frame.t("desk.burden.facilities.key")) }
            div.scroll tabindex="0" role="region" aria-labelledby="each" {
                table.burden-each {
                    caption.v #each { (title) }
                    thead { tr {
                        th scope="col" { (frame.t("desk.burden.facilities.col1")) }
                        th scope="col" { (frame.fill("desk.burden.facilities.bar", &[("n", &BAR_DAYS.to_string())])) }
                        th scope="col" { (frame.t("desk.burden.facilities.col8")) }
                        th scope="col" { (frame.t("desk.burden.facilities.col5")) }
                        th scope="col" { (frame.t("desk.burden.facilities.col3")) }
                    } }
                    tbody { @for strip in strips { (facility_line(frame, period, strip)) } }
                }
            }
        }
        (pager(frame, which.path, which.page, pages))
    };
    document(frame, Some(Room::Burden), title, middle)
}

fn facility_line(frame: &Frame<'_>, period: Period, strip: &Strip<'_>) -> Markup {
    let row = strip.row;
    html! { tr {
        th scope="row" { a href={ "/desk/log/facilities/" (row.facility) } { (row.name) } }
        td { @if row.bar.is_empty() { small { (frame.t("desk.burden.facilities.no_grid")) } } @else { (strip.drawn) } }
        td { @match row.percent() {
            Some(share) => { b.num { (share) "%" } " " small.nw { (frame.fill("desk.burden.facilities.days", &[("n", &row.fresh_days.to_string()), ("of", &row.due_days.to_string())])) } },
            None => small { (frame.t("desk.burden.facilities.no_days")) },
        } }
        td.num { (known(frame.words, row.tenths_a_week(period).map(tenths))) " " small.nw { (frame.fill("desk.burden.facilities.reports", &[("n", &row.reports().to_string())])) } }
        td { (group_word(frame.words, row.group)) }
    } }
}

/// Percentage points from which a difference is called one: below it a handful of facilities decide.
const POINTS_THAT_COUNT: u32 = 10;

/// What the council asked in 2026, in words and figures.
#[must_use]
pub fn questions(frame: &Frame<'_>, figures: &Figures) -> Markup {
    let title = frame.t("desk.burden.questions.title");
    let middle = html! {
        div.bar { h1 { (title) } (tabs(frame, "questions")) }
        p.intro { (period_words(frame, figures.period)) "・" (frame.t("desk.burden.questions.lead")) }
        section.burden-answer aria-labelledby="much" { h2.rule #much { (frame.t("desk.burden.questions.much")) } (too_much(frame, figures)) }
        section.burden-answer aria-labelledby="behind" { h2.rule #behind { (frame.t("desk.burden.questions.behind")) } (falls_behind(frame, figures)) }
        p.acts { a.btn href="/desk/burden/sheet" { (frame.t("desk.burden.questions.sheet")) } }
    };
    document(frame, Some(Room::Burden), title, middle)
}

fn too_much(frame: &Frame<'_>, figures: &Figures) -> Markup {
    let effort = figures.effort();
    let usual = figures.usual_tenths_a_week();
    html! {
        @match (effort.seconds, effort.taps) {
            (Some(seconds), Some(taps)) => {
                p.burden-big { (frame.fill("desk.burden.effort.say", &[("s", &seconds.to_string()), ("n", &taps.to_string())])) }
                (basis(frame, figures, "desk.burden.effort.basis", effort.measured))
                @if let Some(usual) = usual {
                    @let a_week = u32::from(seconds) * usual / 10;
                    p { (frame.fill("desk.burden.questions.a_week", &[
                        ("n", &tenths(usual)), ("min", &(a_week / 60).to_string()), ("s", &(a_week % 60).to_string()),
                    ])) }
                    (basis(frame, figures, "desk.burden.reports.basis", reporting(figures)))
                }
            },
            _ => {
                (too_few(frame, "desk.burden.effort.least", LEAST_EFFORTS))
                (basis(frame, figures, "desk.burden.effort.basis", effort.measured))
            },
        }
        @if let (Some(usual), None) = (usual, effort.seconds) {
            p { (frame.fill("desk.burden.reports.usual", &[("n", &tenths(usual))])) }
            (basis(frame, figures, "desk.burden.reports.basis", reporting(figures)))
        }
        p { (frame.fill("desk.burden.questions.taken_back", &[("n", &figures.corrections.to_string()), ("of", &figures.reports().to_string())])) }
        p.hint { (frame.t("desk.burden.questions.not_measured")) }
    }
}

fn falls_behind(frame: &Frame<'_>, figures: &Figures) -> Markup {
    let none = GroupFigures::default();
    let of = |group: Group| figures.groups.get(&group).unwrap_or(&none);
    let (own, proxy, silent) = (of(Group::Own), of(Group::Proxy), of(Group::Silent));
    html! {
        p { (compared(frame, "desk.burden.questions.punctual", proxy.percent(), own.percent())) }
        @if proxy.percent().is_none() || own.percent().is_none() { (too_few_days(frame)) }
        (groups_table(frame, figures))
        p.hint { (period_words(frame, figures.period)) "・" (frame.t("desk.burden.questions.groups")) }
        @for (exercise, key) in [(false, "desk.burden.questions.real_calls"), (true, "desk.burden.questions.drills")] {
            @let answers = figures.answers(exercise);
            @let calls = figures.calls.iter().filter(|c| c.exercise == exercise).count();
            @if calls > 0 {
                h3.gap { @if exercise { b.memory-drill { (frame.t("mode.exercise")) } " " } (frame.fill(key, &[("n", &calls.to_string())])) }
                @let share = |group: Group| answers.get(&group).and_then(Answers::prompt_percent);
                p { (compared(frame, "desk.burden.questions.prompt", share(Group::Proxy), share(Group::Own))) }
                (answers_table(frame, &answers))
            }
        }
        @if figures.calls.is_empty() { p.gap { (frame.t("desk.burden.response.none")) } }
        @if silent.facilities > 0 {
            p.gap { (frame.fill("desk.burden.questions.silent", &[("n", &silent.facilities.to_string())])) " "
                a href="/desk/burden/facilities?group=silent" { (frame.t("desk.burden.questions.who")) } }
        }
        @if proxy.facilities > 0 { p { a href="/desk/burden/facilities?group=proxy" { (frame.t("desk.burden.questions.who_proxy")) } } }
    }
}

/// Two shares as a sentence: behind, alike or ahead; or that nothing can be said.
fn compared(frame: &Frame<'_>, key: &str, proxy: Option<u32>, own: Option<u32>) -> String {
    let what = frame.words.t(key);
    let (Some(proxy), Some(own)) = (proxy, own) else {
        return frame.fill("desk.burden.questions.unsaid", &[("what", what)]);
    };
    let word = if own >= proxy + POINTS_THAT_COUNT {
        "desk.burden.questions.less"
    } else if proxy >= own + POINTS_THAT_COUNT {
        "desk.burden.questions.more"
    } else {
        "desk.burden.questions.alike"
    };
    let points = own.abs_diff(proxy);
    frame
        .words
        .fill(word, &[("what", what), ("proxy", &proxy.to_string()), ("own", &own.to_string()), ("points", &points.to_string())])
}

fn groups_table(frame: &Frame<'_>, figures: &Figures) -> Markup {
    let words = frame.words;
    let share = |g: &GroupFigures| match g.percent() {
        Some(p) => format!("{p}%"),
        None if g.due_days == 0 => words.t("desk.burden.nothing").to_owned(),
        None => words.t("desk.burden.too_few_short").to_owned(),
    };
    let row = |group: Group, g: &GroupFigures| {
        let days =
            frame.fill("desk.burden.facilities.days", &[("n", &g.fresh_days.to_string()), ("of", &g.due_days.to_string())]);
        vec![group_word(words, group), g.facilities.to_string(), g.reports.to_string(), days, share(g)]
    };
    let head = (1..=5).map(|n| words.t(&format!("desk.burden.groups.col{n}")).to_owned()).collect();
    let rows = Group::ALL.into_iter().filter_map(|group| Some(row(group, figures.groups.get(&group)?))).collect();
    printed(frame, &Table { head, rows }, frame.t("desk.burden.groups.title"))
}

fn answers_table(frame: &Frame<'_>, answers: &std::collections::BTreeMap<Group, Answers>) -> Markup {
    let words = frame.words;
    let head = (3..=7).map(|n| words.t(&format!("desk.burden.response.col{n}")).to_owned()).collect();
    let row = |(group, a): (&Group, &Answers)| {
        let share = a.prompt_percent().map_or_else(|| words.t("desk.burden.too_few_short").to_owned(), |p| format!("{p}%"));
        vec![
            group_word(words, *group),
            a.asked.to_string(),
            format!("{} ({share})", a.prompt()),
            a.answered().to_string(),
            known(words, a.median_minutes()),
        ]
    };
    printed(frame, &Table { head, rows: answers.iter().map(row).collect() }, frame.t("desk.burden.response.title"))
}

/// What the monthly sheet carries besides its figures.
#[derive(Debug, Clone, Copy)]
pub struct Foot<'a> {
    /// Position and hash of the last entry on the log, hexadecimal.
    pub head: Option<(u64, &'a str)>,
    /// The months there are, the newest first.
    pub months: &'a [Date],
}

/// `2026-11`
#[must_use]
pub fn month_word(month: Date) -> String {
    format!("{:04}-{:02}", month.year(), month.month())
}

fn month_name(frame: &Frame<'_>, month: Date) -> String {
    frame.fill("desk.burden.sheet.month", &[("y", &month.year().to_string()), ("m", &month.month().to_string())])
}

/// The sheet of one month for the council: one page A4.
#[must_use]
pub fn sheet(frame: &Frame<'_>, figures: &Figures, pictures: &Pictures, foot: Foot<'_>) -> Markup {
    let month = figures.period.from;
    let heading = frame.fill("desk.burden.sheet.title", &[("month", &month_name(frame, month))]);
    let effort = figures.effort();
    let everybody = figures.everybody();
    let row = |key: &str, value: String, basis: String| html! { tr { th scope="row" { (frame.words.t(key)) } td { b { (value) } } td.s { (basis) } } };
    let few = || frame.t("desk.burden.too_few").to_owned();
    let n = |key: &str, n: u32| frame.words.fill(key, &[("n", &grouped(u64::from(n)))]);
    let cost = match (effort.seconds, effort.taps) {
        (Some(s), Some(taps)) => frame.fill("desk.burden.sheet.cost", &[("s", &s.to_string()), ("n", &taps.to_string())]),
        _ => few(),
    };
    let channels: Vec<String> = table(frame.words, figures, Sheet::Channels)
        .rows
        .iter()
        .filter_map(|row| Some(format!("{} {}", row.first()?, row.get(2)?)))
        .collect();
    let middle = html! {
        div.burden-screen {
            div.bar { p { b { (frame.t("desk.burden.tab.sheet")) } } (tabs(frame, "sheet")) }
            p.burden-months { @for month in foot.months {
                a href={ "/desk/burden/sheet?month=" (month_word(*month)) } aria-current=[(*month == figures.period.from.first_of_month()).then_some("page")] { (month_name(frame, *month)) } " "
            } }
            p.hint { (frame.t("desk.burden.sheet.print")) }
        }
        article.burden-sheet {
            h1 { (heading) }
            p.burden-of {
                (frame.city.name) "・" (period_words(frame, figures.period))
                @if figures.period.until < month.last_of_month() { " " b { (frame.t("desk.burden.sheet.unfinished")) } }
                @if figures.in_exercise > 0 { " " (frame.fill("desk.burden.in_exercise", &[("n", &figures.in_exercise.to_string())])) }
            }
            div.scroll tabindex="0" role="region" aria-label=(heading) { table.burden-sums {
                caption.v { (heading) }
                thead { tr { th scope="col" { (frame.t("desk.burden.sheet.what")) } th scope="col" { (frame.t("desk.burden.sheet.value")) } th scope="col" { (frame.t("desk.burden.sheet.basis")) } } }
                tbody {
                    (row("desk.burden.effort.title", cost, n("desk.burden.effort.basis", effort.measured)))
                    (row("desk.burden.reports.title", n("desk.burden.sheet.reports", figures.reports()), n("desk.burden.reports.basis", reporting(figures))))
                    (row("desk.burden.sheet.usual", figures.usual_tenths_a_week().map_or_else(few, |t| frame.fill("desk.burden.sheet.times", &[("n", &tenths(t))])), n("desk.burden.reports.basis", reporting(figures))))
                    (row("desk.burden.channels.title", if channels.is_empty() { frame.t("desk.burden.no_reports").to_owned() } else { channels.join("、") }, n("desk.burden.channels.basis", figures.reports())))
                    (row("desk.burden.punctuality.title", everybody.percent().map_or_else(few, |p| format!("{p}%")), n("desk.burden.punctuality.basis", everybody.due_days)))
                    (row("desk.burden.sheet.corrections", n("desk.burden.sheet.items", figures.corrections), n("desk.burden.corrections.basis", figures.reports())))
                    (row("desk.burden.sheet.returned", n("desk.burden.sheet.items", figures.returned), n("desk.burden.sheet.sent_in", figures.sent_in)))
                    (row("desk.burden.saved.title", n("desk.burden.sheet.minutes", figures.minutes_saved()), format!("{}・{}", n("desk.burden.saved.basis", figures.own_reports()), n("desk.burden.sheet.each", MINUTES_PER_CALL))))
                }
            } }
            h2 { (frame.t("desk.burden.questions.behind")) }
            @let none = GroupFigures::default();
            @let share = |group: Group| figures.groups.get(&group).unwrap_or(&none).percent();
            p { (compared(frame, "desk.burden.questions.punctual", share(Group::Proxy), share(Group::Own))) }
            (groups_table(frame, figures))
            @if !pictures.punctuality.wide.0.is_empty() {
                h2 { (frame.t("desk.burden.sheet.chart")) }
                figure.burden-plot { (pictures.punctuality.wide) }
            }
            p.s { (frame.t("desk.burden.punctuality.what")) " " (frame.t("desk.burden.questions.not_measured")) }
            footer.burden-foot {
                p { (frame.fill("desk.burden.sheet.printed", &[("when", &printed_at(frame))])) }
                @if let Some((seq, hash)) = foot.head {
                    p { (frame.fill("desk.burden.sheet.head", &[("n", &grouped(seq))])) " " code.num { (hash) } }
                }
                @if frame.moment.board.is_sample() { p { b { (frame.t("sample.badge")) } " " (frame.t("sample.line")) } }
            }
        }
    };
    document(frame, Some(Room::Burden), &heading, middle)
}

fn printed_at(frame: &Frame<'_>) -> String {
    format!("{} {}", city_date(frame.now()), time::clock(frame.now()))
}

/// A month of which nothing is counted (any more).
#[must_use]
pub fn no_month(frame: &Frame<'_>, months: &[Date]) -> Markup {
    let title = frame.t("desk.burden.tab.sheet");
    let middle = html! {
        div.bar { h1 { (title) } (tabs(frame, "sheet")) }
        section.said {
            p { (frame.t("desk.burden.sheet.no_month")) }
            p.burden-months { @for month in months {
                a href={ "/desk/burden/sheet?month=" (month_word(*month)) } { (month_name(frame, *month)) } " "
            } }
        }
    };
    document(frame, Some(Room::Burden), title, middle)
}
