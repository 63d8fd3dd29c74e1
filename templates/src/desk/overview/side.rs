//! Beside the list: how far the answers have come, what changed in the last hour, what the machines are like.
//!
//! *Invariant:* every figure of the drawing stands in the table below it.

use imaboard_domain::{Channel, Scope};
use jiff::SignedDuration;
use maud::{Markup, html};

use super::{Machines, Sheet, as_of, span, told};
use crate::desk::{Frame, Room};
use crate::layout::time_tag;
use crate::marks::{Mark, mark};
use crate::public::channel_key;
use crate::time;

/// Shares that are asked for most.
const LEVELS: [u32; 3] = [50, 80, 95];

/// Minutes after the call of which the table tells the share.
const MINUTES: [i64; 8] = [10, 20, 30, 60, 120, 180, 360, 720];

/// Lines of the last hour in sight; the rest is behind a word.
const NEWS: usize = 8;

/// Machines that are named one by one.
const NAMED: usize = 3;

/// The share of answers, or of fresh reports in peace.
pub(super) fn share(frame: &Frame<'_>, sheet: &Sheet<'_>) -> Markup {
    let list = sheet.list;
    let (title, of) = match sheet.scope {
        Scope::Call(_) => ("desk.overview.share.answers", "desk.overview.share.of"),
        Scope::FirstReports(_) => ("desk.overview.share.first", "desk.overview.share.of"),
        Scope::Vacancies => ("desk.overview.share.fresh", "desk.overview.share.of_fresh"),
    };
    html! {
        section.block aria-labelledby="sh" {
            div.bar.rule { h2 #sh { (frame.t(title)) } (as_of(frame, sheet)) }
            @if list.asked == 0 { p { (frame.t("desk.overview.share.none")) } } @else {
                p.share {
                    b.num { (list.percent()) "%" }
                    span { (frame.fill(of, &[("all", &list.asked.to_string()), ("n", &list.answered.to_string())])) }
                }
                @if matches!(sheet.scope, Scope::Call(_)) {
                    (sheet.chart)
                    p.s { (reached(frame, sheet)) " " span.ib { (channels(frame, sheet)) } }
                    (figures(frame, sheet))
                }
            }
        }
    }
}

/// `50%は7:18。80%まで あと6施設。`
fn reached(frame: &Frame<'_>, sheet: &Sheet<'_>) -> String {
    let list = sheet.list;
    let mut words = String::new();
    for percent in LEVELS {
        let percent_word = percent.to_string();
        match list.reached(percent) {
            Some(at) => {
                let when = time::when(at, frame.now());
                words += &frame.fill("desk.overview.share.reached", &[("percent", &percent_word), ("when", &when)]);
            }
            None => {
                let missing = list.needed(percent).saturating_sub(list.answered).to_string();
                words += &frame.fill("desk.overview.share.missing", &[("percent", &percent_word), ("n", &missing)]);
                // Only the next step: that of 95 says nothing while half are silent.
                break;
            }
        }
    }
    words
}

fn channels(frame: &Frame<'_>, sheet: &Sheet<'_>) -> String {
    let mut list: Vec<(&Channel, &u32)> = sheet.list.channels.iter().collect();
    list.sort_by_key(|(channel, n)| (std::cmp::Reverse(**n), **channel));
    list.iter().map(|(channel, n)| format!("{} {n}", frame.words.t(channel_key(**channel)))).collect::<Vec<_>>().join("・")
}

/// The drawing as figures.
fn figures(frame: &Frame<'_>, sheet: &Sheet<'_>) -> Markup {
    let (list, now) = (sheet.list, frame.now());
    let Some(since) = sheet.scope.since() else { return html! {} };
    let over = now.duration_since(since);
    let within = |minutes: i64| {
        let in_time = list.answered_at.partition_point(|at| at.duration_since(since) <= SignedDuration::from_mins(minutes));
        u32::try_from(in_time).unwrap_or(list.answered)
    };
    let percent = |n: u32| (n * 100).checked_div(list.asked).unwrap_or(100);
    html! {
        details #figures {
            summary { (frame.t("desk.overview.share.table")) }
            table {
                caption.v { (frame.t("desk.overview.share.caption")) }
                thead { tr {
                    th scope="col" { (frame.t("desk.overview.share.share")) }
                    th scope="col" { (frame.t("desk.overview.share.when")) }
                    th scope="col" { (frame.t("desk.overview.share.after")) }
                } }
                tbody { @for level in LEVELS { tr {
                    th scope="row" { (level) "%" }
                    @match list.reached(level) {
                        Some(at) => { td { (time_tag(at, now)) } td { (span(frame, at.duration_since(since))) } },
                        None => { td { (frame.t("desk.overview.share.not_yet")) } td { span.nil aria-hidden="true" { "–" } } },
                    }
                } } }
                tbody { @for minutes in MINUTES.into_iter().filter(|m| SignedDuration::from_mins(*m) <= over) { tr {
                    th scope="row" { (percent(within(minutes))) "%" }
                    td { (time_tag(since + SignedDuration::from_mins(minutes), now)) }
                    td { (span(frame, SignedDuration::from_mins(minutes))) }
                } } }
            }
            table {
                caption.v { (frame.t("desk.overview.share.channel")) }
                thead { tr { th scope="col" { (frame.t("desk.overview.share.channel")) } th scope="col" { (frame.t("desk.overview.share.answers_n")) } } }
                tbody { @for (channel, n) in &list.channels { tr { th scope="row" { (frame.words.t(channel_key(*channel))) } td.num { (n) } } } }
            }
        }
    }
}

/// What changed in the last hour.
pub(super) fn news(frame: &Frame<'_>) -> Markup {
    let moment = frame.moment;
    let since = frame.now().checked_sub(SignedDuration::from_hours(1)).unwrap_or(jiff::Timestamp::MIN);
    let list: Vec<_> = moment.news(since).collect();
    let line = |t: &imaboard_domain::Told| {
        let proxy = matches!(t.channel, Channel::Phone | Channel::Fax);
        html! {
            @if let Some(held) = moment.board.find_facility(&t.facility) {
                li {
                    (time_tag(t.at, frame.now()))
                    span {
                        (held.facility.name) " "
                        @if t.exercise { b { "【" (frame.t("mode.exercise")) "】" } }
                        (told(frame, &held.facility, t))
                        @if proxy { small { (frame.t("desk.overview.news.proxy")) } }
                        @if t.unclear { small { "（" (frame.t("desk.overview.news.unclear")) "）" } }
                    }
                }
            }
        }
    };
    html! {
        section.block aria-labelledby="ch" {
            h2 #ch.rule { (frame.t("desk.overview.news.title")) }
            @if list.is_empty() { p { (frame.t("desk.overview.news.none")) } } @else {
                ul.log { @for t in list.iter().take(NEWS) { (line(t)) } }
                @if list.len() > NEWS {
                    details #news {
                        summary { (frame.fill("desk.overview.news.more", &[("n", &(list.len() - NEWS).to_string())])) }
                        ul.log { @for t in list.iter().skip(NEWS) { (line(t)) } }
                    }
                }
            }
        }
    }
}

fn flagged(drawn: Mark, words: &str) -> Markup {
    html! { span.ib { (mark(drawn)) " " (words) } " " }
}

fn more(frame: &Frame<'_>, all: usize) -> Markup {
    html! { @if all > NAMED { small { (frame.fill("desk.overview.machines.more", &[("n", &(all - NAMED).to_string())])) } } }
}

/// Displays that paint or do not, buttons that are silent, batteries that give out.
pub(super) fn machines(frame: &Frame<'_>, machines: &Machines) -> Markup {
    let when = |at| time::when(at, frame.now());
    let counted = |key: &str, all: usize, bad: usize| {
        frame.fill(key, &[("all", &all.to_string()), ("n", &all.saturating_sub(bad).to_string())])
    };
    let heard = if machines.silent.is_empty() { "desk.overview.machines.all_heard" } else { "desk.overview.machines.heard" };
    html! {
        section.block aria-labelledby="dv" {
            h2 #dv.rule { (frame.t("desk.overview.machines.title")) }
            ul.log {
                li {
                    span { (frame.t("desk.overview.machines.displays")) }
                    span {
                        @if machines.displays == 0 { (frame.t("desk.overview.machines.no_display")) }
                        @else { (counted("desk.overview.machines.painting", machines.displays, machines.dark.len())) " " }
                        @for dark in machines.dark.iter().take(NAMED) {
                            @match dark.since {
                                Some(at) => (flagged(Mark::Bad, &frame.fill("desk.overview.machines.dark_since", &[("name", &dark.name), ("when", &when(at))]))),
                                None => (flagged(Mark::Unknown, &frame.fill("desk.overview.machines.dark_never", &[("name", &dark.name)]))),
                            }
                        }
                        (more(frame, machines.dark.len()))
                    }
                }
                li {
                    span { (frame.t("desk.overview.machines.buttons")) }
                    span {
                        @if machines.buttons == 0 { (frame.t("desk.overview.machines.no_button")) }
                        @else { (counted(heard, machines.buttons, machines.silent.len())) " " }
                        @for silent in machines.silent.iter().take(NAMED) {
                            @match silent.since {
                                _ if silent.away => (flagged(Mark::Bad, &frame.fill("desk.overview.machines.away", &[("name", &silent.name)]))),
                                Some(at) => (flagged(Mark::Bad, &frame.fill("desk.overview.machines.silent_since", &[("name", &silent.name), ("when", &when(at))]))),
                                None => (flagged(Mark::Unknown, &frame.fill("desk.overview.machines.silent_never", &[("name", &silent.name)]))),
                            }
                        }
                        (more(frame, machines.silent.len()))
                    }
                }
                @if !machines.low.is_empty() {
                    li {
                        span { (frame.t("desk.overview.machines.pads")) }
                        span {
                            @for (name, percent) in machines.low.iter().take(NAMED) {
                                (flagged(Mark::Few, &frame.fill("desk.overview.machines.low", &[("name", name), ("n", &percent.to_string())])))
                            }
                            (more(frame, machines.low.len()))
                        }
                    }
                }
            }
            p.s { a href=(Room::Devices.path()) { (frame.t("desk.overview.machines.all")) } }
        }
    }
}
