//! Birth dates and birth years.
//!
//! Finds a date in either calendar with 生, 生まれ or a birth keyword beside it. Blocks: with the district it names one person here. Eras:
//! 明治 大正 昭和 平成 令和, also 明大昭平令 and MTSHR; a western year counts from 1868 on (明治元年) to 2099.
//!
//! Must match: `昭和10年3月5日生`, `S10.3.5生`, `昭12生`, `DOB 1940-01-02`, `大正15年生まれ`. Must not: `創立は昭和55年4月1日`,
//! `昭和60年築`, `R8.12.1開所`, `2010年生産`, `昭和35年4月1日以前に生まれた方`.

use super::{
    explain::Kind,
    lexicon::Tag,
    reading::{Hit, Reading},
};

const ERAS: [&str; 15] = ["明治", "大正", "昭和", "平成", "令和", "明", "大", "昭", "平", "令", "M", "T", "S", "H", "R"];
pub(super) const KEYWORDS: [&str; 9] = ["生年月日", "誕生日", "生まれ年", "生年", "DOB", "dob", "D.O.B.", "出生", "お生まれ"];

/// Finds birth dates.
pub(super) fn find(text: &Reading<'_>, hits: &mut Vec<Hit>) {
    for (i, group) in text.groups.iter().enumerate() {
        let Some((start, end)) = date(text, i) else {
            continue;
        };
        let after = text.skip_spaces(end);
        let born = text.any(after, &["生まれ", "うまれ", "産まれ", "に生まれ", "誕生"]).is_some()
            || text.at(after) == '生' && !"産徒活物育命存協態涯鮮".contains(text.at(after + 1));
        let keyword = text.last_tag_before(start, 12, Tag::BirthName).is_some_and(|word_end| {
            start - word_end <= 4 && text.slice(word_end, start).iter().all(|c| " :はが、()-=/・の".contains(*c))
        });
        // A rule about a cohort speaks of many.
        if text.shortly_after(end, 10, &["以前", "以降", "以後", "年度", "児から", "子から"]) {
            continue;
        }
        let cohort = text.shortly_after(end, 12, &["対象"]);
        if (born || keyword) && group.start >= start {
            hits.push(if cohort { Hit::likely(Kind::Birth, start, end) } else { Hit::certain(Kind::Birth, start, end) });
        }
    }
}

/// The date whose year is the digit group `i`: from its era to its last part.
fn date(text: &Reading<'_>, i: usize) -> Option<(usize, usize)> {
    let year = text.groups.get(i)?;
    let digits = text.digits(year.start, year.end);
    let start = match digits.len() {
        8 => compact(&digits).then_some(year.start)?,
        4 => digits.parse::<u32>().is_ok_and(|y| (1868..2100).contains(&y)).then_some(year.start)?,
        1 | 2 => {
            let before = text.skip_back(year.start);
            ERAS.iter().find_map(|era| {
                let from = before.checked_sub(era.chars().count())?;
                let latin = era.is_ascii();
                let apart = !latin || !text.before(from).is_ascii_alphanumeric();
                (text.has(from, era) && apart).then_some(from)
            })?
        }
        _ => return None,
    };
    let mut end = year.end;
    if text.at(end) == '年' {
        end += 1;
    }
    for (step, unit) in [(1, '月'), (2, '日')] {
        let Some(part) = text.groups.get(i + step) else {
            break;
        };
        let gap = part.start.saturating_sub(end);
        let joined = gap == 0 && matches!(text.before(part.start), '年' | '月')
            || gap <= 2 && text.slice(end.min(part.start), part.start).iter().all(|c| " ./-・".contains(*c));
        if !joined || part.len() > 2 {
            break;
        }
        end = part.end;
        if text.at(end) == unit {
            end += 1;
        }
    }
    Some((start, end))
}

/// 19400102
fn compact(digits: &str) -> bool {
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|p| p.parse::<u32>().ok()).unwrap_or(99);
    (1868..2100).contains(&part(0..4)) && (1..=12).contains(&part(4..6)) && (1..=31).contains(&part(6..8))
}

impl Reading<'_> {
    /// Skips at most two spaces backwards.
    fn skip_back(&self, at: usize) -> usize {
        let mut at = at;
        for _ in 0..2 {
            if self.before(at) == ' ' && at > 0 {
                at -= 1;
            }
        }
        at
    }
}
