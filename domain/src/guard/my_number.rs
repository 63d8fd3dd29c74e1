//! My Number (個人番号).
//!
//! Finds twelve digits with a right check digit, or any ten to thirteen digits behind the words マイナンバー or 個人番号. Blocks: the
//! Number Use Act forbids to collect it here at all. Twelve digits that could as well be a date and time, or stand behind the
//! name of a business number, are only asked, because one in eleven passes the check by chance.
//!
//! Check digit: ordinance of the Ministry of Internal Affairs and Communications no. 85 of 2014, article 5: with P1 the lowest of the first
//! eleven digits, Q = n+1 for n ≤ 6 and n−5 above, it is 11 − (ΣP·Q mod 11), and 0 if the remainder is 0 or 1.
//!
//! Must match: `1234 5678 9018`, `個人番号は9832-0567-3214`. Must not: 13 digits (法人番号), `T1234567890123`, a 16-digit card.

use super::{
    explain::Kind,
    lexicon::Tag,
    reading::{Hit, Reading},
};

pub(super) const NAMES: [&str; 5] = ["マイナンバー", "個人番号", "MYNUMBER", "My Number", "マイナ番号"];

/// The check digit that belongs to the first eleven digits; nothing unless there are eleven.
fn check_digit(first_eleven: &str) -> Option<u32> {
    let digits: Vec<u32> = first_eleven.chars().filter_map(|c| c.to_digit(10)).collect();
    if digits.len() != 11 {
        return None;
    }
    let sum: u32 = digits.iter().rev().zip(1..).map(|(p, n)| p * if n <= 6 { n + 1 } else { n - 5 }).sum();
    Some(match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    })
}

fn is_valid(number: &str) -> bool {
    number.get(..11).and_then(check_digit).is_some_and(|check| number.ends_with(&check.to_string()) && number.len() == 12)
}

/// 202611201230 is a date and a time.
fn looks_like_a_time(number: &str) -> bool {
    let part = |range: std::ops::Range<usize>| number.get(range).and_then(|p| p.parse::<u32>().ok()).unwrap_or(99);
    matches!(part(0..4), 1990..=2099)
        && matches!(part(4..6), 1..=12)
        && matches!(part(6..8), 1..=31)
        && part(8..10) < 24
        && part(10..12) < 60
}

/// Finds My Numbers.
pub(super) fn find(text: &Reading<'_>, hits: &mut Vec<Hit>) {
    let mut free_from = 0;
    for (i, group) in text.groups.iter().enumerate() {
        if group.start < free_from {
            continue;
        }
        let named = text.last_tag_before(group.start, 12, Tag::MyNumberName).is_some();
        let mut named_end = None;
        let mut bare = None;
        text.join_groups(i, 13, " -.・/の,、\n", |groups, total| {
            let (start, end) = (groups[0].start, groups[groups.len() - 1].end);
            if named && total >= 10 {
                named_end = Some(end);
            }
            let even = groups.len() == 1 || groups.iter().all(|g| g.len() == groups[0].len());
            if total == 12 && even {
                bare = Some((text.digits(start, end), groups.len(), end));
            }
            false
        });
        if let Some(end) = named_end {
            hits.push(Hit::certain(Kind::MyNumber, group.start, end));
            free_from = end;
            continue;
        }
        let Some((number, parts, end)) = bare else {
            continue;
        };
        // More digits in the same rhythm: a card number, not this.
        let goes_on = text.groups.get(i + parts).is_some_and(|next| next.start <= end + 1 && next.len() == text.groups[i].len());
        if goes_on || !is_valid(&number) || text.before(group.start) == 'T' {
            continue;
        }
        free_from = end;
        hits.push(if looks_like_a_time(&number) || text.last_tag_before(group.start, 12, Tag::BusinessNumber).is_some() {
            Hit::likely(Kind::MyNumber, group.start, end)
        } else {
            Hit::certain(Kind::MyNumber, group.start, end)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{check_digit, is_valid};

    #[test]
    fn the_check_digit_is_the_ordinance_s() {
        assert_eq!(check_digit("12345678901"), Some(8));
        assert_eq!(check_digit("98320567321"), Some(4));
        assert!(is_valid("123456789018"));
        assert!(!is_valid("123456789012"));
        assert!(!is_valid("1234567890180"));
    }
}
