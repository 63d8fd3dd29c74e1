//! When something was true, as people say it on the telephone: `9:10`, `910`, `9時10分`, `昨日 17時`, `11/28 9:10`, `10分前`.
//!
//! Nothing is guessed: what could mean two moments is refused with the reason. *Invariant:* a time that is taken is never later
//! than `now` and never older than [`OLDEST`].

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use unicode_normalization::UnicodeNormalization;

use crate::moment::{city_date, city_time};

/// Nothing older is news: twice the longest rhythm of peace, after which a value would be unknown the moment it is stored.
pub const OLDEST: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A watch on the other end of the line may be this far ahead.
const WATCH_AHEAD: SignedDuration = SignedDuration::from_mins(2);

/// Why a time was not taken; the coordinator asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// さっき, けさ, 昼ごろ: everybody means another moment by it.
    #[error("a word that names no moment")]
    Vague,
    /// A day without a time of day.
    #[error("a day without a time of day")]
    NoClock,
    /// Nothing that names a time, or one that does not exist (25時, 2月30日).
    #[error("not a time")]
    NotATime,
    /// It has not come yet.
    #[error("in the future")]
    Future,
    /// Longer ago than [`OLDEST`].
    #[error("too long ago")]
    TooOld,
}

/// Words that name no moment.
const VAGUE: [&str; 14] =
    ["さっき", "先ほど", "さきほど", "ちょっと前", "けさ", "今朝", "朝", "昼", "夕方", "夜", "昨夜", "ゆうべ", "ごろ", "頃"];

/// Reads when something was true. Nothing, いま and 今 are now, and so is the minute that is still running.
///
/// # Errors
/// [`Unclear`] says why.
pub fn spoken_time(text: &str, now: Timestamp) -> Result<Timestamp, Unclear> {
    // Blanks end a day (11/28 9:10) and mean nothing anywhere else.
    let said = text.nfkc().collect::<String>();
    let said = said.trim();
    let whole = without_blanks(said);
    if matches!(whole.as_str(), "" | "いま" | "今" | "ただいま" | "現在") {
        return Ok(now);
    }
    let at = match ago(&whole) {
        Some(span) => now.checked_sub(span).map_err(|_| Unclear::TooOld)?,
        None => on_a_day(said, now)?,
    };
    if at > now {
        return if at.duration_since(now) <= WATCH_AHEAD { Ok(now) } else { Err(Unclear::Future) };
    }
    if now.duration_since(at) > OLDEST {
        return Err(Unclear::TooOld);
    }
    // "9:24" at 9:24 and forty seconds is now, not forty seconds ago: what was recorded in between must not win over it.
    Ok(if now.duration_since(at) < SignedDuration::from_mins(1) { now } else { at })
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// `10分前`, `2時間前`.
fn ago(said: &str) -> Option<SignedDuration> {
    let before = said.strip_suffix("前")?;
    let number = |text: &str| text.parse::<i64>().ok().filter(|n| (0..100_000).contains(n));
    if let Some(minutes) = before.strip_suffix("分") {
        return number(minutes).map(SignedDuration::from_mins);
    }
    number(before.strip_suffix("時間")?).map(SignedDuration::from_hours)
}

fn on_a_day(said: &str, now: Timestamp) -> Result<Timestamp, Unclear> {
    let today = city_date(now);
    let (date, clock) = match day(said, today) {
        Some((date, rest)) => (date?, rest),
        None => (today, said),
    };
    let clock = without_blanks(clock);
    let clock = clock.trim_start_matches(['の', 'T', 't', ',', '、']);
    if clock.is_empty() {
        return Err(Unclear::NoClock);
    }
    let time = match time_of_day(clock) {
        Some(time) => time?,
        None if VAGUE.iter().any(|word| said.contains(word)) => return Err(Unclear::Vague),
        None => return Err(Unclear::NotATime),
    };
    let zone: TimeZone = city_time(now).time_zone().clone();
    date.to_datetime(time).to_zoned(zone).map(|z| z.timestamp()).map_err(|_| Unclear::NotATime)
}

/// A day at the beginning, and what follows it.
fn day(said: &str, today: Date) -> Option<(Result<Date, Unclear>, &str)> {
    const WORDS: [(&str, i64); 9] = [
        ("今日", 0),
        ("きょう", 0),
        ("本日", 0),
        ("一昨日", 2),
        ("おととい", 2),
        ("昨日", 1),
        ("きのう", 1),
        ("前日", 1),
        ("おとつい", 2),
    ];
    if let Some((word, back)) = WORDS.iter().find(|(word, _)| said.starts_with(word)) {
        let date = today.checked_sub(back.days()).map_err(|_| Unclear::TooOld);
        return Some((date, &said[word.len()..]));
    }
    let (first, rest) = leading(said)?;
    let (separator, rest) = ["/", "-", "月", "年"].iter().find_map(|s| Some((*s, rest.strip_prefix(s)?)))?;
    let (second, rest) = leading(rest)?;
    let with_year = separator == "年" || first > 31;
    if with_year {
        let rest = ["/", "-", "月"].iter().find_map(|s| rest.strip_prefix(s))?;
        let (third, rest) = leading(rest)?;
        return Some((date(i64::from(first), second, third), rest.strip_prefix('日').unwrap_or(rest)));
    }
    let this_year = date(i64::from(today.year()), first, second);
    // 12/30 said on 2 January was last year; 12/30 said in November is a slip of the tongue.
    let last_year = date(i64::from(today.year()) - 1, first, second);
    let date = match (this_year, last_year) {
        (Ok(d), Ok(last)) if d > today && today.duration_since(last) <= OLDEST => Ok(last),
        _ => this_year,
    };
    Some((date, rest.strip_prefix('日').unwrap_or(rest)))
}

fn date(year: i64, month: u32, day: u32) -> Result<Date, Unclear> {
    let bad = |_| Unclear::NotATime;
    Date::new(i16::try_from(year).map_err(bad)?, i8::try_from(month).map_err(bad)?, i8::try_from(day).map_err(bad)?)
        .map_err(|_| Unclear::NotATime)
}

/// The figures at the beginning as a number, and what follows them.
fn leading(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

/// `9:10`, `910`, `9時`, `9時半`, `午後5時10分`, `正午`; `None` if it names no time of day at all.
fn time_of_day(said: &str) -> Option<Result<Time, Unclear>> {
    if said == "正午" {
        return Some(time(12, 0, 0));
    }
    let (shift, said) = [("午前", 0), ("午後", 12), ("AM", 0), ("PM", 12), ("am", 0), ("pm", 12)]
        .iter()
        .find_map(|(word, shift)| Some((Some(*shift), said.strip_prefix(word)?)))
        .unwrap_or((None, said));
    let (hour, rest) = leading(said)?;
    let (hour, minute) = if let Some(minutes) = rest.strip_prefix(':').or_else(|| rest.strip_prefix('.')) {
        let (minute, rest) = leading(minutes)?;
        (minutes.len() - rest.len() == 2 && rest.is_empty()).then_some((hour, minute))?
    } else if let Some(minutes) = rest.strip_prefix('時') {
        match minutes {
            "" | "ちょうど" => (hour, 0),
            "半" => (hour, 30),
            _ => {
                let (minute, rest) = leading(minutes)?;
                matches!(rest, "" | "分").then_some((hour, minute))?
            }
        }
    } else {
        // 910 and 0910; one or two figures alone could be anything.
        (rest.is_empty() && matches!(said.len(), 3 | 4)).then_some((hour / 100, hour % 100))?
    };
    Some(time(hour, minute, shift.unwrap_or(0)).and_then(|t| {
        // 午後5時 is 17; 午後17時 is said, too, and means the same; 午前17時 means nothing.
        if shift == Some(0) && t.hour() >= 12 { Err(Unclear::NotATime) } else { Ok(t) }
    }))
}

fn time(hour: u32, minute: u32, shift: u32) -> Result<Time, Unclear> {
    let bad = |_| Unclear::NotATime;
    let hour = if hour < 12 { hour + shift } else { hour };
    Time::new(i8::try_from(hour).map_err(bad)?, i8::try_from(minute).map_err(bad)?, 0, 0).map_err(|_| Unclear::NotATime)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// 29 November 2026, 9:24:40 in the city: a Sunday.
    fn now() -> Timestamp {
        "2026-11-29T00:24:40Z".parse().unwrap()
    }

    fn said(text: &str) -> Result<String, Unclear> {
        spoken_time(text, now()).map(|at| city_time(at).strftime("%m-%d %H:%M").to_string())
    }

    #[test]
    fn a_time_is_taken_as_people_say_it() {
        for (text, at) in [
            ("9:10", "11-29 09:10"),
            ("09:10", "11-29 09:10"),
            ("９：１０", "11-29 09:10"),
            ("910", "11-29 09:10"),
            ("0910", "11-29 09:10"),
            ("9時10分", "11-29 09:10"),
            ("9時", "11-29 09:00"),
            ("8時半", "11-29 08:30"),
            ("午前9時10分", "11-29 09:10"),
            ("昨日 17時", "11-28 17:00"),
            ("昨日の17時", "11-28 17:00"),
            ("きのう17:30", "11-28 17:30"),
            ("きのう　午後5時半", "11-28 17:30"),
            ("おととい 6:05", "11-27 06:05"),
            ("一昨日6時5分", "11-27 06:05"),
            ("11/28 9:10", "11-28 09:10"),
            ("11月28日 9時10分", "11-28 09:10"),
            ("11月28日 正午", "11-28 12:00"),
            ("2026/11/28 9:10", "11-28 09:10"),
            ("2026-11-28T09:10", "11-28 09:10"),
            ("10分前", "11-29 09:14"),
            ("２時間前", "11-29 07:24"),
        ] {
            assert_eq!(said(text).as_deref(), Ok(at), "{text}");
        }
    }

    #[test]
    fn nothing_and_the_running_minute_are_now() {
        for text in ["", "  ", "いま", "今", "9:24", "924", "9:25", "9:26", "0分前"] {
            assert_eq!(spoken_time(text, now()), Ok(now()), "{text:?}");
        }
    }

    #[test]
    fn what_could_mean_two_moments_is_refused_with_its_reason() {
        for (text, why) in [
            ("さっき", Unclear::Vague),
            ("けさ", Unclear::Vague),
            ("9時ごろ", Unclear::Vague),
            ("昨日の夕方", Unclear::Vague),
            ("昨日", Unclear::NoClock),
            ("11/28", Unclear::NoClock),
            ("9", Unclear::NotATime),
            ("17", Unclear::NotATime),
            ("25時", Unclear::NotATime),
            ("9:7", Unclear::NotATime),
            ("9:70", Unclear::NotATime),
            ("970", Unclear::NotATime),
            ("午前17時", Unclear::NotATime),
            ("2/30 9:10", Unclear::NotATime),
            ("99999999999 9:10", Unclear::NotATime),
            ("ok", Unclear::NotATime),
            ("11/28/9:10", Unclear::NotATime),
            ("12/1 9:10", Unclear::Future),
            ("17時", Unclear::Future),
            ("9:27", Unclear::Future),
            ("2027/1/1 0:00", Unclear::Future),
            ("11/1 9:10", Unclear::TooOld),
            ("2025/11/28 9:10", Unclear::TooOld),
            ("90000時間前", Unclear::TooOld),
        ] {
            assert_eq!(said(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_day_of_december_said_in_january_was_last_year() {
        let new_year: Timestamp = "2027-01-02T00:00:00Z".parse().unwrap();
        let at = spoken_time("12/30 17時", new_year).unwrap();
        assert_eq!(city_time(at).strftime("%Y-%m-%d %H:%M").to_string(), "2026-12-30 17:00");
    }

    #[test]
    fn no_text_is_taken_that_breaks_the_bounds() {
        for text in ["午後", "時", "/", "年月日", "1年1月1日", "日", "前", "分前", "９９９９９年9月9日9時", "\u{0}", "💡9:10"]
        {
            if let Ok(at) = spoken_time(text, now()) {
                assert!(at <= now() && now().duration_since(at) <= OLDEST, "{text:?}");
            }
        }
    }
}
