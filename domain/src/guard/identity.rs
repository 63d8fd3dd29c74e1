//! Numbers of cards, accounts and files that lead to one person.
//!
//! A number alone says little, so each is found by the word in front of it and by its length; what has its own shape (residence
//! card, number plate, payment card) is found without. All block. Shapes: insured number of care insurance 10 digits, of the elderly
//! medical scheme 8, driving licence 12, passport two letters and 7 digits, residence card two letters, 8 digits, two letters, bank
//! account 7 digits, payment card 13–16 digits with the Luhn check (ISO/IEC 7812-1), plate: office, class number, kana, serial.
//!
//! Must match: `被保険者番号 0000123456`, `カルテNo.4567`, `口座 普通1234567`, `長崎500あ12-34`. Must not: `事業所番号4271500012`,
//! `介護保険被保険者証をお持ちください`, `備品管理番号 0959001`.

use super::{
    explain::Kind,
    lexicon::Tag,
    reading::{Hit, Reading},
};

/// Words that introduce a number of one kind.
pub(super) struct Named {
    kind: Kind,
    pub(super) tag: Tag,
    pub(super) words: &'static [&'static str],
    /// How many characters may stand between word and number.
    reach: usize,
    digits: std::ops::RangeInclusive<usize>,
}

pub(super) const NAMED: [Named; 6] = [
    Named {
        kind: Kind::InsuredNo,
        tag: Tag::NumberName(Kind::InsuredNo),
        words: &[
            "被保険者番号",
            "被保険者証",
            "被保険者",
            "被保番",
            "保険証",
            "資格確認書",
            "後期高齢者医療",
            "受給者番号",
            "受給者証",
            "記号",
        ],
        reach: 10,
        digits: 4..=11,
    },
    Named {
        kind: Kind::PatientId,
        tag: Tag::NumberName(Kind::PatientId),
        words: &[
            "患者ID",
            "患者Id",
            "患者id",
            "患者番号",
            "患者No",
            "カルテ",
            "診察券",
            "利用者番号",
            "利用者ID",
            "利用者No",
            "入所者番号",
            "入居者番号",
            "入居者ID",
            "登録者ID",
            "ID番号",
            "受診番号",
        ],
        reach: 6,
        digits: 3..=13,
    },
    Named {
        kind: Kind::LicenseNo,
        tag: Tag::NumberName(Kind::LicenseNo),
        words: &[
            "免許証",
            "免許番号",
            "運転免許",
            "旅券",
            "パスポート",
            "在留カード",
            "年金番号",
            "障害者手帳",
            "療育手帳",
            "手帳番号",
            "年金手帳",
        ],
        reach: 8,
        digits: 6..=12,
    },
    Named {
        kind: Kind::Bank,
        tag: Tag::NumberName(Kind::Bank),
        words: &["口座番号", "口座", "普通預金", "当座預金", "ゆうちょ", "銀行", "支店"],
        reach: 9,
        digits: 6..=8,
    },
    Named {
        kind: Kind::Bank,
        tag: Tag::CardName,
        words: &["カード番号", "クレジットカード", "クレカ"],
        reach: 6,
        digits: 13..=16,
    },
    Named {
        kind: Kind::Plate,
        tag: Tag::NumberName(Kind::Plate),
        words: &["車両ナンバー", "ナンバープレート", "車のナンバー", "車ナンバー"],
        reach: 10,
        digits: 2..=7,
    },
];

/// Finds numbers of cards, accounts and files.
pub(super) fn find(text: &Reading<'_>, hits: &mut Vec<Hit>) {
    let mut free_from = 0;
    for (i, group) in text.groups.iter().enumerate() {
        if group.start < free_from {
            continue;
        }
        let mut found = None;
        for named in &NAMED {
            let Some(word_end) = text.last_tag_before(group.start, named.reach + 8, named.tag) else {
                continue;
            };
            if group.start - word_end > named.reach || breaks_off(text, word_end, group.start) {
                continue;
            }
            text.join_groups(i, 16, " -・", |groups, total| {
                if named.digits.contains(&total) {
                    found = Some((named.kind, groups[groups.len() - 1].end));
                }
                false
            });
            if found.is_some() {
                break;
            }
        }
        // 記号12 番号345678
        if found.is_none()
            && text.shortly_before(group.start, 4, &["記号"])
            && text.shortly_after(group.end, 6, &["番号"])
            && let Some(next) = text.groups.get(i + 1)
        {
            found = Some((Kind::InsuredNo, next.end));
        }
        if found.is_none() {
            found = payment_card(text, i)
                .map(|end| (Kind::Bank, end))
                .or_else(|| residence_card(text, i).map(|end| (Kind::LicenseNo, end)))
                .or_else(|| plate(text, i).map(|end| (Kind::Plate, end)))
                .or_else(|| {
                    (group.len() == 10 && text.has(group.start, "0000") && text.before(group.start) != '-')
                        .then_some((Kind::InsuredNo, group.end))
                });
        }
        if let Some((kind, end)) = found {
            let from = if kind == Kind::Plate { plate_start(text, group.start) } else { group.start };
            hits.push(Hit::certain(kind, from, end));
            free_from = end;
        }
    }
}

/// A date, a count or another sentence between the word and the number: the number belongs to something else.
fn breaks_off(text: &Reading<'_>, from: usize, to: usize) -> bool {
    text.slice(from, to).iter().any(|c| matches!(c, '。' | '、' | '\n' | 'を' | 'に' | 'も'))
        || text.has(from, "桁")
        || text.shortly_after(from, to - from, &["事業所", "電話", "TEL", "保険者番号", "平日"])
}

fn payment_card(text: &Reading<'_>, i: usize) -> Option<usize> {
    if !matches!(text.groups.get(i)?.len(), 4 | 16) {
        return None;
    }
    let mut found = None;
    text.join_groups(i, 16, " -", |groups, total| {
        let end = groups[groups.len() - 1].end;
        let shaped = groups.len() == 1 || groups.iter().all(|g| g.len() == 4);
        if total == 16 && shaped && luhn(&text.digits(groups[0].start, end)) && !text.has(groups[0].start, "0000") {
            found = Some(end);
        }
        false
    });
    found
}

fn luhn(number: &str) -> bool {
    let sum: u32 = number
        .chars()
        .rev()
        .filter_map(|c| c.to_digit(10))
        .enumerate()
        .map(|(i, d)| if i % 2 == 1 { (d * 2) / 10 + (d * 2) % 10 } else { d })
        .sum();
    sum.is_multiple_of(10)
}

/// `AB12345678CD`, and `TK1234567` of a passport.
fn residence_card(text: &Reading<'_>, i: usize) -> Option<usize> {
    let group = text.groups.get(i)?;
    let upper = |at: usize| text.at(at).is_ascii_uppercase();
    let start = group.start.checked_sub(2)?;
    let letters = upper(start) && upper(start + 1) && !text.before(start).is_ascii_alphanumeric();
    let after = upper(group.end) && upper(group.end + 1) && !text.at(group.end + 2).is_ascii_alphanumeric();
    (letters && group.len() == 8 && after).then_some(group.end + 2)
}

/// `長崎500あ12-34`: two or three digits, one kana, the serial.
fn plate(text: &Reading<'_>, i: usize) -> Option<usize> {
    let (class, serial) = (text.groups.get(i)?, text.groups.get(i + 1)?);
    let before = class.start.checked_sub(1).map(|at| text.at(at))?;
    let kana_at = text.skip_spaces(class.end);
    let kana = text.at(kana_at);
    let particle = "のはがをとにでもへや".contains(kana);
    let known = text.shortly_before(
        class.start,
        4,
        &["長崎", "佐世保", "福岡", "北九州", "久留米", "筑豊", "佐賀", "熊本", "大分", "ナンバー"],
    );
    if !(2..=3).contains(&class.len())
        || !super::lexicon::is_kanji(before) && before != ' ' && !known
        || !('あ'..='ん').contains(&kana)
        || (particle || before == ' ') && !known
        || text.skip_spaces(kana_at + 1) != serial.start
    {
        return None;
    }
    match (serial.len(), text.at(serial.end), text.groups.get(i + 2)) {
        (2, '-', Some(tail)) if tail.start == serial.end + 1 && tail.len() == 2 => Some(tail.end),
        (4, _, _) | (1..=3, _, _) if known => Some(serial.end),
        _ => None,
    }
}

fn plate_start(text: &Reading<'_>, at: usize) -> usize {
    (at.saturating_sub(4)..at).rev().take_while(|i| super::lexicon::is_kanji(text.at(*i))).last().unwrap_or(at)
}
