//! Values in words: damage, sources, ages. Shared by the pages and the plain text.
//!
//! Invariant: whatever is printed here came through a [`Shown`], and a stale value appears only as "last said", small.

use imaboard_domain::{Aspect, Cell, Channel, Facility, Grid, Level, ServiceNow, Shown, Standing, Value, city_date};
use jiff::Timestamp;
use maud::{Markup, html};

use crate::layout::{Frame, time_tag};
use crate::marks::{Mark, level_key, level_quiet, mark};
use crate::time;
use crate::words::value_key;

/// Whether numbers of people at this facility could point to a person: it stands on a ferry island.
#[must_use]
pub fn is_small_island(facility: &Facility) -> bool {
    facility.island.is_some()
}

/// Below this, a number of people on a small island is printed 若干.
const FEW_PEOPLE: u32 = 3;

/// A damage value in words with what remains: `非常用・あと6時間`, `受け入れできる 4人`.
#[must_use]
pub fn damage_words(frame: &Frame<'_>, facility: &Facility, aspect: &Aspect, value: &Value) -> String {
    let mut text = frame.words.t(&value_key(aspect, value.word())).to_owned();
    match value {
        Value::Power { hours: Some(h), .. } | Value::Utility { hours: Some(h), .. } => {
            text.push_str(&frame.fill("public.hours_left", &[("n", &h.to_string())]));
        }
        Value::Supplies { days: Some(d), .. } => {
            text.push_str(&frame.fill("public.days_left", &[("n", &d.to_string())]));
        }
        Value::Acceptance { count: Some(n), .. } if *n > 0 => {
            text.push(' ');
            text.push_str(&people(frame, facility, *n));
        }
        Value::Operation { reopens: Some(day), .. } => {
            text.push_str(&frame.fill("public.reopens", &[("day", &time::day(*day))]));
        }
        Value::Vacancy { .. }
        | Value::Operation { .. }
        | Value::FirstReport(_)
        | Value::Power { .. }
        | Value::Utility { .. }
        | Value::Building(_)
        | Value::Flooding(_)
        | Value::Road(_)
        | Value::Injured(_)
        | Value::Evacuation(_)
        | Value::Staff(_)
        | Value::Supplies { .. }
        | Value::ManyPatients(_)
        | Value::Acceptance { .. }
        | Value::Needs(_) => {}
    }
    text
}

/// A number of people: 若干 below three on a small island.
pub(crate) fn people(frame: &Frame<'_>, facility: &Facility, count: u32) -> String {
    if is_small_island(facility) && count < FEW_PEOPLE {
        frame.t("public.some_people").to_owned()
    } else {
        frame.fill("public.people", &[("n", &count.to_string())])
    }
}

/// How it reached us and when it was true, in words: `電話 9:10時点・市が9:24に代理入力`.
pub(crate) fn source_words(frame: &Frame<'_>, standing: &Standing) -> String {
    let now = frame.now();
    let observed = time::when(standing.observed_at, now);
    let same_day = city_date(standing.observed_at) == city_date(standing.recorded_at);
    let recorded = if same_day { time::clock(standing.recorded_at) } else { time::when(standing.recorded_at, now) };
    let channel = frame.words.t(channel_key(standing.channel));
    let key = match standing.channel {
        Channel::Phone | Channel::Fax => "public.source.typed",
        Channel::Form | Channel::Qr | Channel::Button | Channel::Api | Channel::Import | Channel::System => "public.source.sent",
    };
    let mut text = frame.fill(key, &[("channel", channel), ("observed", &observed), ("recorded", &recorded)]);
    if standing.confirms.is_some() {
        text.push_str(frame.t("public.source.confirmed"));
    }
    text
}

/// Whether somebody at the city typed it in.
pub(crate) fn is_typed_in(standing: &Standing) -> bool {
    matches!(standing.channel, Channel::Phone | Channel::Fax)
}

/// `9:10時点`, or for what was telephoned or faxed `電話 9:10時点・市が9:24に代理入力`; small.
pub(crate) fn source_small(frame: &Frame<'_>, standing: &Standing) -> Markup {
    html! { @if is_typed_in(standing) { (source_words(frame, standing)) } @else { (as_of_small(frame, standing.observed_at)) } }
}

pub(crate) fn channel_key(channel: Channel) -> &'static str {
    match channel {
        Channel::Form => "channel.form",
        Channel::Qr => "channel.qr",
        Channel::Button => "channel.button",
        Channel::Phone => "channel.phone",
        Channel::Fax => "channel.fax",
        Channel::Api => "channel.api",
        Channel::Import => "channel.import",
        Channel::System => "channel.system",
    }
}

/// `9:10時点`, small.
pub(crate) fn as_of_small(frame: &Frame<'_>, at: Timestamp) -> Markup {
    html! { (time_tag(at, frame.now())) (frame.t("public.as_of")) }
}

/// `最終 3日前 ○2床`: the last value ever said, for a stale value only; small, never as a level of the page.
pub(crate) fn last_said(frame: &Frame<'_>, standing: &Standing, unit: &str) -> Markup {
    let level = standing.value.level();
    html! {
        span.age.was {
            span.ib { (frame.t("public.last")) } " "
            span.ib { (time::ago(standing.observed_at, frame.now())) } " "
            @if level.is_some() {
                span.ib {
                    (level_quiet(frame.words, level))
                    @if let Some(n) = standing.value.count().filter(|n| *n > 0) { (n) (unit) }
                }
            }
        }
    }
}

/// The same in words, for damage: `最終 3時間前 停電`.
pub(crate) fn last_said_damage(frame: &Frame<'_>, facility: &Facility, aspect: &Aspect, standing: &Standing) -> Markup {
    html! {
        span.age.was {
            (frame.t("public.last")) " " (time::ago(standing.observed_at, frame.now())) " "
            (damage_words(frame, facility, aspect, &standing.value))
        }
    }
}

/// The word for a level of new clients, which is a yes or no rather than room.
pub(crate) fn room_key(level: Option<Level>, intake: bool) -> &'static str {
    if !intake {
        return level_key(level);
    }
    match level {
        Some(Level::Plenty | Level::Available) => "public.intake.yes",
        Some(Level::Few) => "public.intake.ask",
        Some(Level::Full) => "public.intake.no",
        Some(Level::NotOffered) => "level.not_offered",
        None => "level.unknown",
    }
}

/// A level as a headline or list entry: mark, word, count.
pub(crate) fn room(frame: &Frame<'_>, level: Option<Level>, intake: bool, count: Option<u32>, unit: &str) -> Markup {
    let quiet = matches!(level, None | Some(Level::Full | Level::NotOffered));
    html! {
        span.n.x[quiet] {
            @if let Some(drawn) = Mark::of_level(level) { (mark(drawn)) }
            (frame.words.t(room_key(level, intake)))
            @if let Some(n) = count.filter(|n| *n > 0) { " " (n) (unit) }
        }
    }
}

/// The condition of one aspect as a mark and words, with its time; stale as ？ with what was last said.
pub(crate) fn condition(frame: &Frame<'_>, facility: &Facility, aspect: &Aspect, shown: Shown<'_>) -> Markup {
    match shown {
        Shown::Fresh(s) | Shown::Aging(s) => {
            let drawn = match &s.value {
                Value::FirstReport(v) => Mark::of_first_report(Some(*v)),
                value => Mark::of_condition(value.condition()),
            };
            html! {
                span.n { (mark(drawn)) (damage_words(frame, facility, aspect, &s.value)) }
                " " small { (source_small(frame, s))
                    @if shown.is_aging() { "・" (time::ago(s.observed_at, frame.now())) }
                }
            }
        }
        Shown::Stale(s) => html! {
            span.n.x { (mark(Mark::Unknown)) (frame.t("level.unknown")) } " "
            (last_said_damage(frame, facility, aspect, s))
        },
        Shown::Missing => html! { span.n.x { (mark(Mark::Unknown)) (frame.t("public.no_answer")) } },
    }
}

/// Of what the headline speaks, where one cell speaks for the grid: あす, 週のうち, 泊まり.
pub(crate) fn span_words(frame: &Frame<'_>, best: Option<Cell>) -> Option<String> {
    let key = match best? {
        Cell::Date(date) if date == frame.moment.today() => "public.span.today".to_owned(),
        Cell::Date(_) => "public.span.tomorrow".to_owned(),
        Cell::Weekday(..) => "public.span.day-care".to_owned(),
        Cell::Slot(slot) => format!("slot.{}", slot.word()),
        Cell::Beds { .. } | Cell::Intake => return None,
    };
    Some(frame.words.t(&key).to_owned())
}

/// The count that a headline may print: the best half-day of a week would read as room all week.
pub(crate) fn countable(now: &ServiceNow<'_>) -> Option<u32> {
    now.count.filter(|_| now.service.kind.grid() != Some(Grid::Weekdays))
}
