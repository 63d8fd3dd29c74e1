//! The report of an incident: how quickly the city was answered, by channel and district, and who never answered.
//!
//! Made while it runs and afterwards, for the screen and for A4. *Invariant:* every figure is of the register at the end of its roll
//! call, carries the moment it was made, and says 訓練 where it was one; each drawing has its table.

use std::collections::BTreeMap;

use imaboard_domain::{Answer, Channel, DistrictId, FacilityBoard, Incident, RollCall, RollCallId, RollCallNow};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::{area_words, framed, in_order, plate};
use crate::desk::{Frame, pager};
use crate::layout::{self, machine_time, tel, time_tag};
use crate::public::incident::events;
use crate::time;

/// How many facilities a page of a list holds.
pub const PAGE_LEN: usize = 50;
/// Up to this many facilities stand on one page anyway.
const WHOLE_LEN: usize = 100;
/// And this many when all of them are asked for: beyond that paper is of no use.
const MOST_ROWS: usize = 2_000;

/// What of the report is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// Which roll call; the first if none is named.
    pub call: Option<RollCallId>,
    /// Those that answered, instead of those that did not.
    pub answered: bool,
    /// All facilities on one page, for paper.
    pub all: bool,
    /// The page of the list, from 1.
    pub page: usize,
}

/// The roll call a report is about in detail.
#[must_use]
pub fn chosen<'a>(frame: &Frame<'a>, incident: &Incident, part: &Part) -> Option<&'a RollCall> {
    let calls = frame.moment.roll_calls_of(incident);
    let named = calls.iter().find(|c| Some(&c.id) == part.call.as_ref());
    named.or(calls.first()).copied()
}

/// Minutes of a duration, rounded up: whoever took 30 s took a minute, and 30 minutes are not 31.
#[must_use]
pub fn minutes(took: SignedDuration) -> i64 {
    let seconds = took.as_secs().max(0);
    seconds / 60 + i64::from(seconds % 60 > 0)
}

/// Minutes at which the drawing has a line: evenly apart, at most this many.
#[must_use]
pub fn marks(until_min: i64, most: i64) -> Vec<i64> {
    const STEPS: [i64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1_440, 2_880, 10_080];
    let step = STEPS.into_iter().find(|step| until_min / step <= most).unwrap_or(until_min / most.max(1) + 1);
    (1..=most).map(|n| n * step).take_while(|at| *at <= until_min).collect()
}

/// Minutes of which the table tells: those of the drawing, the first hour, and the end.
fn told_minutes(until_min: i64) -> Vec<i64> {
    let first_hour = [5, 15, 30, 60].into_iter().filter(|m| *m < until_min);
    let mut list: Vec<i64> = first_hour.chain(marks(until_min, 8)).chain([until_min]).collect();
    list.sort_unstable();
    list.dedup();
    list
}

/// How long something took, in words.
#[must_use]
pub fn took_words(frame: &Frame<'_>, took: SignedDuration) -> String {
    let seconds = took.as_secs().max(0);
    if seconds < 60 { frame.t("desk.incidents.report.under_minute").to_owned() } else { minute_words(frame, seconds / 60) }
}

/// Minutes in words: `25分`, `2時間`, `1時間5分`.
#[must_use]
pub fn minute_words(frame: &Frame<'_>, minutes: i64) -> String {
    let (h, m) = (minutes / 60, minutes % 60);
    let key = match (h, m) {
        (0, _) => return frame.fill("desk.incidents.report.minutes", &[("n", &m.to_string())]),
        (_, 0) => "desk.incidents.report.hours",
        _ => "desk.incidents.report.hours_minutes",
    };
    frame.fill(key, &[("h", &h.to_string()), ("m", &m.to_string())])
}

/// How long a roll call has lasted, in minutes; at least one, so that there is something to draw.
#[must_use]
pub fn lasted_min(now: &RollCallNow<'_>, at: Timestamp) -> i64 {
    minutes(now.until(at).duration_since(now.call.opened_at)).max(1)
}

/// The whole page. `curve` draws the chosen roll call for a wide and for a narrow screen.
#[must_use]
pub fn page(frame: &Frame<'_>, incident: &Incident, part: &Part, curve: Option<[&Markup; 2]>) -> Markup {
    let base = format!("/desk/incidents/{}", incident.id);
    let now = frame.now();
    let title = frame.fill("desk.incidents.report.title", &[("name", &incident.name)]);
    let call = chosen(frame, incident, part);
    let why = frame.moment.board.notes(&incident.id).iter().find(|n| n.ending).and_then(|n| n.text.as_deref());
    let middle = html! {
        div.bar {
            h1 { (plate(frame, incident)) (title) }
            p.acts {
                a.btn href=(base) { (frame.t("desk.frame.back")) }
                a.btn href={ (base) "/report.csv" } { (frame.t("desk.incidents.report.csv")) }
            }
        }
        @if incident.exercise { p.wrong.inc-practised-line { (frame.t("desk.incidents.report.exercise_line")) } }
        p.intro {
            time datetime=(machine_time(now)) { (time::day_clock(now)) } " " (frame.t("desk.incidents.report.as_of")) " "
            span.inc-screen { (frame.t("desk.incidents.report.print")) }
        }
        section aria-labelledby="fc" {
            h2.rule #fc { (frame.t("desk.incidents.report.facts")) }
            dl.inc-facts {
                dt { (frame.t("desk.incidents.col_kind")) } dd { (frame.words.t(&format!("hazard.{}", incident.hazard))) }
                dt { (frame.t("desk.incidents.areas")) } dd { (area_words(frame, &incident.areas)) }
                dt { (frame.t("desk.incidents.show.opened")) } dd { (moment_tag(frame, incident.opened_at)) }
                dt { (frame.t("desk.incidents.show.closed")) } dd {
                    @match incident.closed_at { Some(at) => (moment_tag(frame, at)), None => (frame.t("desk.incidents.show.going_on")) }
                }
                @if let Some(why) = why { dt { (frame.t("desk.incidents.show.why")) } dd.told { (why) } }
            }
        }
        section {
            h2.rule #rc { (frame.t("desk.incidents.report.calls")) }
            @match call {
                None => p { (frame.t("desk.incidents.report.no_call")) },
                Some(call) => {
                    (calls(frame, incident, call, &base))
                    (one_call(frame, call, part, &base, curve))
                }
            }
        }
        section aria-labelledby="tl" {
            h2.rule #tl { (frame.t("desk.incidents.report.timeline")) }
            (timeline(frame, incident))
        }
    };
    framed(frame, incident, &title, middle)
}

/// Day and clock: a report is read years later.
fn moment_tag(frame: &Frame<'_>, at: Timestamp) -> Markup {
    let year = imaboard_domain::city_date(at).year();
    html! { time datetime=(machine_time(at)) { (frame.fill("desk.incidents.report.moment", &[("year", &year.to_string()), ("at", &time::day_clock(at))])) } }
}

fn calls(frame: &Frame<'_>, incident: &Incident, chosen: &RollCall, base: &str) -> Markup {
    let list = frame.moment.roll_calls_of(incident);
    let t = |key: &str| frame.words.t(&format!("desk.incidents.report.{key}")).to_owned();
    let reached =
        |now: &RollCallNow<'_>, percent| now.reached(percent).map_or_else(|| t("never"), |took| took_words(frame, took));
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="rc" {
            table aria-labelledby="rc" {
                thead { tr {
                    th scope="col" { (t("started")) }
                    th scope="col" { (t("ended")) }
                    @for key in ["asked", "answered", "share", "half", "most", "nearly"] { th.inc-r scope="col" { (t(key)) } }
                    th scope="col" { (t("choose")) }
                } }
                tbody { @for call in list {
                    @let now = frame.moment.roll_call_now(call);
                    tr {
                        th.nw scope="row" { (time_tag(call.opened_at, frame.now())) }
                        td.nw { @match call.closed_at { Some(at) => (time_tag(at, frame.now())), None => (t("until_now")) } }
                        td.inc-r.num { (now.asked) }
                        td.inc-r.num { (now.answered) }
                        td.inc-r.num { b { (now.percent()) "％" } }
                        @for percent in [50, 80, 95] { td.inc-r.num.nw { (reached(&now, percent)) } }
                        td.nw {
                            @if call.id == chosen.id { (t("chosen")) }
                            @else { a href={ (base) "/report?call=" (call.id) } { (t("choose")) } }
                        }
                    }
                } }
            }
        }
    }
}

fn one_call<'a>(frame: &Frame<'a>, call: &'a RollCall, part: &Part, base: &str, curve: Option<[&Markup; 2]>) -> Markup {
    let now = frame.moment.roll_call_now(call);
    let from = time::when(call.opened_at, frame.now());
    html! {
        h3.gap { (frame.fill("desk.incidents.report.of_call", &[("from", &from)])) " " small { (area_words(frame, &call.areas)) } }
        @if now.asked == 0 { p { (frame.t("desk.incidents.report.none_asked")) } }
        @else {
            (curve_of(frame, &now, curve))
            @let answers = frame.moment.answers_to(call);
            div.inc-two {
                (channels(frame, &now, &answers))
                (districts(frame, &now, &answers))
            }
            (facilities(frame, call, answers, part, base))
        }
    }
}

fn curve_of(frame: &Frame<'_>, now: &RollCallNow<'_>, curve: Option<[&Markup; 2]>) -> Markup {
    let title = frame.t("desk.incidents.report.curve");
    html! {
        div.block {
            h4 { (title) }
            @if let Some([wide, narrow]) = curve {
                figure.inc-plot aria-label=(title) { div.inc-wide { (wide) } div.inc-narrow { (narrow) } }
            }
            @let label = frame.t("desk.incidents.report.curve_table");
            div.scroll tabindex="0" role="region" aria-label=(label) {
                table.inc-curve aria-label=(label) {
                    thead { tr {
                        th scope="col" { (frame.t("desk.incidents.report.after")) }
                        th.inc-r scope="col" { (frame.t("desk.incidents.report.n_answers")) }
                        th.inc-r scope="col" { (frame.t("desk.incidents.report.share")) }
                    } }
                    tbody { @for at in told_minutes(lasted_min(now, frame.now())) { tr {
                        th.nw scope="row" { (minute_words(frame, at)) }
                        td.inc-r.num { (now.answered_after(at)) }
                        td.inc-r.num { (now.percent_after(at)) "％" }
                    } } }
                }
            }
        }
    }
}

/// The middle one of some durations.
fn median(mut list: Vec<SignedDuration>) -> Option<SignedDuration> {
    list.sort_unstable();
    list.get(list.len().checked_sub(1)? / 2).copied()
}

fn channels(frame: &Frame<'_>, now: &RollCallNow<'_>, answers: &[Row<'_>]) -> Markup {
    let mut by_channel: BTreeMap<Channel, Vec<SignedDuration>> = BTreeMap::new();
    for answer in answers.iter().filter_map(|(_, answer)| *answer) {
        by_channel.entry(answer.channel).or_default().push(answer.at.duration_since(now.call.opened_at));
    }
    html! {
        div.block {
            h4 #ch { (frame.t("desk.incidents.report.channels")) }
            @if by_channel.is_empty() { p.s { (frame.t("desk.incidents.report.answers_none")) } }
            @else {
                div.scroll tabindex="0" role="region" aria-labelledby="ch" {
                    table aria-labelledby="ch" {
                        thead { tr {
                            th scope="col" { (frame.t("desk.incidents.report.channel")) }
                            @for key in ["desk.incidents.report.answered", "desk.incidents.report.share", "desk.incidents.report.median"] { th.inc-r scope="col" { (frame.t(key)) } }
                        } }
                        tbody { @for (channel, took) in by_channel {
                            @let n = u32::try_from(took.len()).unwrap_or(now.answered);
                            tr {
                                th scope="row" { (channel_word(frame, channel)) }
                                td.inc-r.num { (n) }
                                td.inc-r.num { (n * 100 / now.answered.max(1)) "％" }
                                td.inc-r.num.nw { @if let Some(took) = median(took) { (took_words(frame, took)) } }
                            }
                        } }
                    }
                }
            }
        }
    }
}

/// A channel in a word.
#[must_use]
pub fn channel_word(frame: &Frame<'_>, channel: Channel) -> String {
    frame.words.t(&format!("channel.{channel}")).to_owned()
}

fn districts(frame: &Frame<'_>, now: &RollCallNow<'_>, answers: &[Row<'_>]) -> Markup {
    let in_30 = answers_within(now, answers, 30);
    html! {
        div.block {
            h4 #di { (frame.t("desk.incidents.report.districts")) }
            div.scroll tabindex="0" role="region" aria-labelledby="di" {
                table aria-labelledby="di" {
                    thead { tr {
                        th scope="col" { (frame.t("desk.incidents.report.district")) }
                        @for key in ["desk.incidents.report.asked", "desk.incidents.report.answered", "desk.incidents.report.share", "desk.incidents.report.in_30"] { th.inc-r scope="col" { (frame.t(key)) } }
                    } }
                    tbody { @for (id, d) in in_order(frame, now) { tr {
                        th scope="row" { (frame.city.district(id)) }
                        td.inc-r.num { (d.asked) }
                        td.inc-r.num { (d.answered) }
                        td.inc-r.num { (d.answered * 100 / d.asked.max(1)) "％" }
                        td.inc-r.num { (in_30.get(id).copied().unwrap_or_default() * 100 / d.asked.max(1)) "％" }
                    } } }
                }
            }
        }
    }
}

/// Answers within so many minutes, by district.
fn answers_within(now: &RollCallNow<'_>, answers: &[Row<'_>], minutes: i64) -> BTreeMap<DistrictId, u32> {
    let mut by_district: BTreeMap<DistrictId, u32> = BTreeMap::new();
    for (held, answer) in answers {
        let took = answer.map(|a| a.at.duration_since(now.call.opened_at));
        if took.is_some_and(|took| took <= SignedDuration::from_mins(minutes)) {
            *by_district.entry(held.facility.district.clone()).or_default() += 1;
        }
    }
    by_district
}

type Row<'a> = (&'a FacilityBoard, Option<&'a Answer>);

/// Who never answered, and who answered when: both where they fit, else one of them in pages.
fn facilities<'a>(frame: &Frame<'a>, call: &'a RollCall, answers: Vec<Row<'a>>, part: &Part, base: &str) -> Markup {
    let (answered, silent): (Vec<Row<'a>>, Vec<Row<'a>>) = answers.into_iter().partition(|(_, answer)| answer.is_some());
    let total = answered.len() + silent.len();
    let here = format!("{base}/report?call={}", call.id);
    if part.all || total <= WHOLE_LEN {
        return html! {
            @if part.all && total > WHOLE_LEN {
                p.s.inc-screen { a href=(here) { (frame.t("desk.incidents.report.some")) } }
                @if silent.len().max(answered.len()) > MOST_ROWS {
                    p.s { (frame.fill("desk.incidents.report.too_many", &[("n", &MOST_ROWS.to_string())])) }
                }
            }
            (silent_list(frame, call, &silent[..silent.len().min(MOST_ROWS)]))
            (answer_list(frame, call, &answered[..answered.len().min(MOST_ROWS)]))
        };
    }
    let rows = if part.answered { &answered } else { &silent };
    let pages = rows.len().div_ceil(PAGE_LEN).max(1);
    let page = part.page.clamp(1, pages);
    let from = (page - 1) * PAGE_LEN;
    let rows = &rows[from.min(rows.len())..(from + PAGE_LEN).min(rows.len())];
    let which = if part.answered { "answered" } else { "silent" };
    let tab = |word: &str, key: &str, n: usize| {
        html! {
            a href={ (here) "&list=" (word) "#list" } aria-current=[(word == which).then_some("true")] { (frame.fill(key, &[("n", &n.to_string())])) }
        }
    };
    html! {
        div.bar #list {
            nav.tabs aria-label=(frame.t("desk.incidents.report.list")) {
                (tab("silent", "desk.incidents.report.part_silent", silent.len()))
                (tab("answered", "desk.incidents.report.part_answered", answered.len()))
            }
            p.inc-screen { a href={ (here) "&all=1" } { (frame.t("desk.incidents.report.all")) } }
        }
        @if part.answered { (answer_list(frame, call, rows)) } @else { (silent_list(frame, call, rows)) }
        (pager(frame, &format!("{here}&list={which}&"), page, pages))
    }
}

fn silent_list(frame: &Frame<'_>, call: &RollCall, rows: &[Row<'_>]) -> Markup {
    let key = if call.closed_at.is_some() { "desk.incidents.report.no_answer" } else { "desk.incidents.report.no_answer_open" };
    html! {
        div.block {
            h4 #si { (frame.t(key)) }
            @if rows.is_empty() { p { (frame.t("desk.incidents.report.no_answer_none")) } }
            @else {
                div.scroll tabindex="0" role="region" aria-labelledby="si" {
                    table aria-labelledby="si" {
                        thead { tr { @for key in ["desk.incidents.report.facility", "desk.incidents.report.district", "desk.incidents.report.phone"] { th scope="col" { (frame.t(key)) } } } }
                        tbody { @for (held, _) in rows { tr {
                            th scope="row" { (held.facility.name) }
                            td.nw { (frame.city.district(&held.facility.district)) }
                            td.nw { (tel(&held.facility.phone)) }
                        } } }
                    }
                }
            }
        }
    }
}

fn answer_list(frame: &Frame<'_>, call: &RollCall, rows: &[Row<'_>]) -> Markup {
    html! {
        div.block {
            h4 #an { (frame.t("desk.incidents.report.answers")) }
            @if rows.is_empty() { p { (frame.t("desk.incidents.report.answers_none")) } }
            @else {
                div.scroll tabindex="0" role="region" aria-labelledby="an" {
                    table aria-labelledby="an" {
                        thead { tr {
                            @for key in ["desk.incidents.report.facility", "desk.incidents.report.district", "desk.incidents.report.at", "desk.incidents.report.took", "desk.incidents.report.channel"] { th scope="col" { (frame.t(key)) } }
                        } }
                        tbody { @for (held, answer) in rows { @if let Some(answer) = answer { tr {
                            th scope="row" { (held.facility.name) }
                            td.nw { (frame.city.district(&held.facility.district)) }
                            td.nw { (time_tag(answer.at, frame.now())) }
                            td.nw.num { (took_words(frame, answer.at.duration_since(call.opened_at))) }
                            td.nw { (channel_word(frame, answer.channel)) }
                        } } } }
                    }
                }
            }
        }
    }
}

fn timeline(frame: &Frame<'_>, incident: &Incident) -> Markup {
    let public = layout::Frame { city: frame.city, moment: frame.moment, words: frame.words, css: frame.css };
    let mut list = events(&public, incident);
    // Read from the beginning, as it happened.
    list.reverse();
    html! {
        ol.inc-told { @for e in list {
            li { time datetime=(machine_time(e.at)) { (time::when(e.at, frame.now())) } div { (e.what) } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_even_few_and_never_beyond_the_end() {
        assert_eq!(marks(30, 8), [5, 10, 15, 20, 25, 30]);
        assert_eq!(marks(180, 8), [30, 60, 90, 120, 150, 180]);
        for until in 1..20_000 {
            for most in [4, 8] {
                let list = marks(until, most);
                assert!(!list.is_empty() && list.len() <= 8 && list.iter().all(|at| *at <= until), "{until}: {list:?}");
            }
        }
    }

    #[test]
    fn the_table_tells_of_the_first_hour_and_of_the_end() {
        assert_eq!(told_minutes(1), [1]);
        let day = told_minutes(1_440);
        assert!([5, 15, 30, 60, 1_440].iter().all(|m| day.contains(m)) && day.is_sorted(), "{day:?}");
    }

    #[test]
    fn half_a_minute_is_a_minute_and_the_middle_is_an_answer_that_was_given() {
        assert_eq!([0, 30, 60, 61].map(|s| minutes(SignedDuration::from_secs(s))), [0, 1, 1, 2]);
        let m = SignedDuration::from_mins;
        assert_eq!(median(vec![m(9), m(1), m(5)]), Some(m(5)));
        assert_eq!(median(vec![m(9), m(1)]), Some(m(1)));
        assert_eq!(median(Vec::new()), None);
    }
}
