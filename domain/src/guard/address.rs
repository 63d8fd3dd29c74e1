//! Home addresses.
//!
//! Finds a place name with a house number (番地, 番, 丁目 and number, `12-3`), the number behind 郷, 免 or 字 as addresses in Nagasaki
//! are written, and a numbered flat in a named building. Blocks; only asked when a venue word stands beside it, because a
//! public hall may be missing in the register. Districts alone are fine.
//!
//! Must match: `架空町上郷123-4`, `架空町上郷777`, `市営架空住宅3号棟205号`, `コーポみさき102号室`. Must not: a registered address, `国道202号`,
//! `架空町3丁目の避難所`, `大島町2か所`, `〒857-0000`.

use super::{
    explain::Kind,
    lexicon::{is_kana, is_kanji},
    reading::{Hit, Reading},
};

/// No place name in the country needs more before its number.
const PLACE_MAX: usize = 24;
const VENUES: [&str; 10] = ["会場", "場所", "所在地", "集合", "開催", "公民館", "体育館", "集会所", "小学校", "中学校"];
const BUILDINGS: [&str; 14] = [
    "コーポ",
    "ハイツ",
    "アパート",
    "マンション",
    "メゾン",
    "ハイム",
    "レジデンス",
    "団地",
    "住宅",
    "荘",
    "パレス",
    "ビラ",
    "ヴィラ",
    "棟",
];
const COUNTERS: &str = "名人件床月日時台枚本%回度週年円歳才個便";

/// Finds addresses.
pub(super) fn find(text: &Reading<'_>, hits: &mut Vec<Hit>) {
    let mut free_from = 0;
    for (i, group) in text.groups.iter().enumerate() {
        if group.start < free_from {
            continue;
        }
        if let Some((start, end)) = house(text, i).or_else(|| flat(text, i)) {
            free_from = end;
            let registered = (start..group.start).any(|from| text.register.has_address(text.slice(from, end)));
            if registered {
                continue;
            }
            let venue = text.shortly_before(start, 8, &VENUES) || text.shortly_after(end, 8, &VENUES);
            hits.push(if venue { Hit::likely(Kind::Address, start, end) } else { Hit::certain(Kind::Address, start, end) });
        }
    }
}

fn house(text: &Reading<'_>, i: usize) -> Option<(usize, usize)> {
    let group = text.groups.get(i)?;
    if group.len() > 5 {
        return None;
    }
    let place_start = (group.start.saturating_sub(PLACE_MAX)..group.start)
        .rev()
        .take_while(|at| {
            let c = text.at(*at);
            is_kanji(c) || matches!(c, 'ヶ' | 'ケ' | 'ノ' | 'ツ') || c == 'の' && is_kanji(text.before(*at))
        })
        .last()?;
    let place = text.slice(place_start, group.start);
    let last = *place.last()?;
    let counted =
        |at: usize| COUNTERS.contains(text.at(at)) || text.any(at, &["か所", "カ所", "ヶ所", "箇所", "施設", "世帯"]).is_some();
    let mut end = group.end;
    let mut numbered = false;
    if let Some(after) = text.any(end, &["番地", "番"]).filter(|after| !"目組手線".contains(text.at(*after))) {
        (end, numbered) = (after, true);
    }
    let quarter = text.any(group.end, &["丁目"]);
    end = quarter.unwrap_or(end);
    // What follows: -4, の5, 丁目5番6号
    let mut next = i + 1;
    while let Some(part) = text.groups.get(next) {
        let gap = text.slice(end.min(part.start), part.start);
        let joined =
            gap.len() <= 1 && gap.iter().all(|c| "-のー".contains(*c)) && (!gap.is_empty() || numbered || quarter.is_some());
        if !joined || part.len() > 4 || counted(part.end) || part.start < end {
            break;
        }
        numbered = true;
        end = text.any(part.end, &["番地", "番", "号"]).unwrap_or(part.end);
        next += 1;
    }
    // 「3日の松島1-2便」 and other ranges have no place word in front.
    let place_word = place.iter().any(|c| "市町村郷免郡区字浦".contains(*c));
    let behind_hamlet = matches!(last, '郷' | '免' | '字') && place.len() >= 2 && !counted(group.end) && group.len() >= 1;
    ((numbered && place_word) || behind_hamlet).then_some((place_start, end))
}

/// A numbered flat in a named building.
fn flat(text: &Reading<'_>, i: usize) -> Option<(usize, usize)> {
    let group = text.groups.get(i)?;
    let end = text.any(group.end, &["号室", "号"])?;
    if "棟線車機館".contains(text.at(end)) || group.len() > 4 {
        return None;
    }
    let from = group.start.saturating_sub(12);
    let building = (from..group.start).rev().find(|at| text.any(*at, &BUILDINGS).is_some())?;
    let between = text.slice(building, group.start);
    let named = between.iter().all(|c| is_kanji(*c) || is_kana(*c) || c.is_ascii_alphanumeric() || matches!(c, ' ' | '-'));
    let has_particle = between.iter().any(|c| matches!(c, 'は' | 'が' | 'を' | 'に'));
    let public = text.touches_public(building, group.start);
    let start = (building.saturating_sub(8)..building).rev().take_while(|at| is_kanji(text.at(*at))).last().unwrap_or(building);
    (named && !has_particle && !public).then_some((start, end))
}
