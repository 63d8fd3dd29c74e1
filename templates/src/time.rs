//! Clock times and dates in words. HTML prints clock times (9:10); scripts count ages.

use imaboard_domain::{city_date, city_time};
use jiff::Timestamp;
use jiff::civil::Date;

const DAYS: [&str; 7] = ["月", "火", "水", "木", "金", "土", "日"];

/// 月, 火 … of a date.
#[must_use]
pub fn weekday(date: Date) -> &'static str {
    DAYS[date.weekday().to_monday_zero_offset() as usize]
}

/// `9:10`
#[must_use]
pub fn clock(at: Timestamp) -> String {
    let at = city_time(at);
    format!("{}:{:02}", at.hour(), at.minute())
}

/// `11月24日(火)`
#[must_use]
pub fn day(date: Date) -> String {
    format!("{}月{}日({})", date.month(), date.day(), weekday(date))
}

/// `11月24日(火) 9:10`
#[must_use]
pub fn day_clock(at: Timestamp) -> String {
    format!("{} {}", day(city_date(at)), clock(at))
}

/// The shortest unambiguous form as seen at `now`: `9:10` today, `きのう 9:10`, `11月20日(金) 9:10` this year,
/// with the year before that.
#[must_use]
pub fn when(at: Timestamp, now: Timestamp) -> String {
    let (date, today) = (city_date(at), city_date(now));
    if date == today {
        clock(at)
    } else if today.yesterday().is_ok_and(|y| y == date) {
        format!("きのう {}", clock(at))
    } else if date.year() == today.year() {
        day_clock(at)
    } else {
        format!("{}年{}", date.year(), day_clock(at))
    }
}

/// An age in its largest unit: `たったいま`, `12分前`, `3時間前`, `8日前`.
#[must_use]
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(at).as_secs().max(0) / 60;
    match minutes {
        0 => "たったいま".to_owned(),
        m if m < 60 => format!("{m}分前"),
        m if m < 48 * 60 => format!("{}時間前", m / 60),
        m => format!("{}日前", m / (24 * 60)),
    }
}
