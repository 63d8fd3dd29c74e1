//! Telephone numbers that are not a facility's own.
//!
//! Finds mobile numbers, fixed lines and 050 numbers in any grouping, with `+81`, dots, spaces, の, or spelled as words and
//! look-alike letters. A mobile number blocks because it leads to one person; an unregistered fixed line blocks unless an
//! authority or office stands beside it; 050 is asked because offices use it too.
//!
//! Numbers: 11 digits 060/070/080/090 are mobile (numbering plan of the Ministry of Internal Affairs and Communications, 060 added
//! by the council's report of November 2024), 050 is IP telephony, 10 digits 0[1-9] are fixed lines, 0120 and 0800 (4-3-4) are toll-free,
//! 0570 and 0180 are navigation and announcement services.
//!
//! Must match: `090-0000-1234`, `+81 (0)90 0000 1234`, `090の0000の1234`, `ゼロキューゼロ…`. Must not: a registered number, `119`,
//! `0120-000-111`, `受付番号20261120-003`, `2026/12/10 13:30-15:00`.

use super::{
    explain::Kind,
    lexicon::Tag,
    reading::{Group, Hit, Reading},
};

/// Words of offices whose numbers are public though the register does not list them.
pub(super) const OFFICES: [&str; 22] = [
    "市役所",
    "役場",
    "支所",
    "出張所",
    "保健所",
    "消防",
    "警察",
    "交番",
    "海上保安",
    "病院",
    "診療所",
    "薬局",
    "センター",
    "ダイヤル",
    "窓口",
    "代表",
    "電力",
    "水道局",
    "ガス",
    "協議会",
    "本部",
    "事務局",
];

/// Words that say the digits behind them count something else than telephones.
pub(super) const BUSINESS_NUMBERS: [&str; 20] = [
    "受付番号",
    "管理番号",
    "製造番号",
    "伝票",
    "発注",
    "注文",
    "型番",
    "品番",
    "事業所番号",
    "登録番号",
    "機関コード",
    "法人番号",
    "保険者番号",
    "整理番号",
    "文書番号",
    "シリアル",
    "追跡",
    "問い合わせ番号",
    "商品コード",
    "JAN",
];

/// Finds numbers written in digits.
pub(super) fn find(text: &Reading<'_>, hits: &mut Vec<Hit>) {
    let mut free_from = 0;
    for (i, group) in text.groups.iter().enumerate() {
        if group.start < free_from {
            continue;
        }
        let mut found = None;
        let begins = text.at(group.start) == '0' || text.before(group.start) == '+';
        text.join_groups(i, 15, " -.・/()の~_,、\n", |groups, total| {
            if !begins || total < 10 {
                // No number begins with 00 here, so a run of zeros is left at once.
                let zeros = total == 2 && text.at(groups[0].start) == '0' && text.before(groups[groups.len() - 1].end) == '0';
                return !begins || zeros && text.at(group.start + 2) != '8' && groups.len() == 2;
            }
            let (start, end) = (groups[0].start, groups[groups.len() - 1].end);
            let Some(number) = national(text, groups) else {
                return false;
            };
            if let Some(hit) = judge(text, groups, &number, start, end) {
                found = Some((hit, end));
            }
            found.is_some()
        });
        if let Some((hit, end)) = found {
            free_from = end;
            hits.extend(hit);
            continue;
        }
        if let Some(end) = local_number(text, i) {
            free_from = end;
            hits.push(Hit::likely(Kind::Phone, group.start, end));
        }
    }
}

/// The digits with a leading 0 instead of `+81`; nothing if they do not begin like a telephone number.
fn national(text: &Reading<'_>, groups: &[Group]) -> Option<String> {
    let first = groups.first()?;
    let digits: String = groups.iter().map(|g| text.digits(g.start, g.end)).collect();
    if digits.starts_with('0') && !digits.starts_with("00") {
        return Some(digits);
    }
    let abroad = text.before(first.start) == '+' || digits.starts_with("0081") || digits.starts_with("01081");
    let rest = digits.trim_start_matches('0').trim_start_matches("1081").trim_start_matches("81");
    (abroad && rest.len() < digits.len()).then(|| format!("0{}", rest.trim_start_matches('0')))
}

/// `Some(Some(hit))`: a number that may not stay; `Some(None)`: a number that may; `None`: not (yet) a number.
fn judge(text: &Reading<'_>, groups: &[Group], number: &str, start: usize, end: usize) -> Option<Option<Hit>> {
    let bytes = number.as_bytes();
    let mobile_like = bytes.len() >= 3 && matches!(bytes[1], b'5'..=b'9') && bytes[2] == b'0';
    let shape: Vec<usize> = groups.iter().map(|g| g.len()).collect();
    if number.len() == 11 && mobile_like {
        if text.register.has_phone(number) || (number.starts_with("0800") && shape == [4, 3, 4]) {
            return Some(None);
        }
        if bytes[1] == b'5' {
            return Some(Some(Hit::likely(Kind::Phone, start, end)));
        }
        return Some(Some(Hit::certain(Kind::PhoneMobile, start, end)));
    }
    // A mistyped mobile number still shows three quarters of the right one.
    if matches!(number.len(), 10 | 12) && mobile_like && matches!(shape.as_slice(), [3, 4, 3 | 5] | [3, 3 | 5, 4]) {
        return Some(Some(Hit::likely(Kind::PhoneMobile, start, end)));
    }
    if number.len() != 10 || mobile_like {
        return None;
    }
    if text.register.has_phone(number) || ["0120", "0570", "0180", "0990"].iter().any(|p| number.starts_with(p)) {
        return Some(None);
    }
    let between_ok = !text.slice(start, end).iter().any(|c| matches!(c, '/' | '~' | ',' | '、' | '_'));
    let shaped = matches!(
        shape.as_slice(),
        [10] | [2..=5, ..=8] | [2..=5, 1..=4, 3 | 4] | [2, 2..=5, 1..=4, 3 | 4] | [2, 1, 2..=4, 1..=4, 3 | 4]
    ) || shape.len() == 10;
    if !between_ok || !shaped || text.last_tag_before(start, 12, Tag::BusinessNumber).is_some() {
        return None;
    }
    let office = text.last_tag_before(start, 14, Tag::Office).is_some()
        && !text.shortly_before(start, 14, &["自宅", "携帯", "個人", "宅"]);
    Some(Some(if office { Hit::likely(Kind::Phone, start, end) } else { Hit::certain(Kind::Phone, start, end) }))
}

/// A number without its area code: `自宅 22-1234`.
fn local_number(text: &Reading<'_>, i: usize) -> Option<usize> {
    let (first, second) = (text.groups.get(i)?, text.groups.get(i + 1)?);
    let shaped = matches!(first.len(), 2 | 3) && second.len() == 4 && second.start == first.end + 1 && text.at(first.end) == '-';
    let introduced = text.shortly_before(first.start, 7, &["自宅", "携帯", "電話", "TEL", "Tel", "tel", "宅"]);
    let number = text.digits(first.start, second.end);
    (shaped && introduced && text.before(first.start) != '-' && !text.register.has_local_phone(&number)).then_some(second.end)
}

/// Digits written as words, as in 「ゼロキューゼロ」, longest first.
const SPOKEN: [(&str, char); 24] = [
    ("ぜろ", '0'),
    ("れい", '0'),
    ("まる", '0'),
    ("いち", '1'),
    ("にい", '2'),
    ("に", '2'),
    ("さん", '3'),
    ("よん", '4'),
    ("し", '4'),
    ("ごう", '5'),
    ("ご", '5'),
    ("ろく", '6'),
    ("なな", '7'),
    ("しち", '7'),
    ("はち", '8'),
    ("きゅう", '9'),
    ("きゅ", '9'),
    ("く", '9'),
    ("零", '0'),
    ("一", '1'),
    ("二", '2'),
    ("三", '3'),
    ("四", '4'),
    ("五", '5'),
];

fn spoken_digit(text: &Reading<'_>, at: usize) -> Option<(char, usize)> {
    let c = text.at(at);
    if c.is_ascii_digit() {
        return Some((c, at + 1));
    }
    let look_alike = match c {
        'O' | 'o' | '○' | '◯' | '〇' | '⚪' | '\u{41E}' | '\u{43E}' | '\u{39F}' => Some('0'),
        'l' | 'I' | '|' => Some('1'),
        '六' => Some('6'),
        '七' => Some('7'),
        '八' => Some('8'),
        '九' => Some('9'),
        _ => None,
    };
    if let Some(digit) = look_alike {
        return Some((digit, at + 1));
    }
    if !super::lexicon::is_kana(c) && !"零一二三四五".contains(c) {
        return None;
    }
    SPOKEN.iter().find_map(|(word, digit)| {
        let end = at + word.chars().count();
        let matches = word.chars().enumerate().all(|(i, w)| text.kana.get(at + i) == Some(&w));
        matches.then(|| (*digit, if text.at(end) == 'ー' { end + 1 } else { end }))
    })
}

/// Finds mobile numbers spelled with words or look-alike letters.
///
/// Must match: `O9O-OOOO-5555`, `ゼロハチゼロ、ゼロゼロゼロゼロ、ゴーロクナナハチ`. Must not: `○2床`, `OK`.
pub(super) fn find_spelled(text: &Reading<'_>, hits: &mut Vec<Hit>) {
    let mut at = 0;
    while at < text.len() {
        let Some((_, mut next)) = spoken_digit(text, at) else {
            at += 1;
            continue;
        };
        // The whole run of digit words, then every window of eleven in it.
        let mut run = vec![(spoken_digit(text, at).map_or('0', |d| d.0), at, next)];
        loop {
            let gap = (next..next + 3).find(|i| !" -.・、,/()の~\n".contains(text.at(*i))).unwrap_or(next + 3);
            let Some((digit, end)) = spoken_digit(text, gap).filter(|_| gap < text.len()) else {
                break;
            };
            run.push((digit, gap, end));
            next = end;
        }
        let plain = run.iter().all(|(_, a, _)| text.at(*a).is_ascii_digit());
        let window = run.windows(11).find(|w| w[0].0 == '0' && matches!(w[1].0, '6'..='9') && w[2].0 == '0');
        if let Some(window) = window.filter(|_| !plain) {
            hits.push(Hit::certain(Kind::PhoneMobile, window[0].1, window[10].2));
        }
        at = next;
    }
}
