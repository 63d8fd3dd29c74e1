//! 「〇号室の方」: the person in a numbered room.
//!
//! In a home everybody knows who lives in room 203. Blocks when a person word stands behind the room, asks when an illness stands
//! in the same sentence. A room alone is a fact about the building.
//!
//! Must match: `203号室の方`, `3階の305の女性`, `個室2番の方`, `3F 312の方`. Must not: `202号室が空いています`, `305号室は雨漏り`, `〇号室の方`.

use super::{
    explain::Kind,
    lexicon::Tag,
    reading::{Hit, Reading},
};

const PERSONS: [&str; 20] = [
    "方",
    "人",
    "利用者",
    "入居者",
    "入所者",
    "患者",
    "女性",
    "男性",
    "住人",
    "ご本人",
    "本人",
    "おばあ",
    "おじい",
    "お婆",
    "お爺",
    "ばあ",
    "じい",
    "さん",
    "様",
    "高齢者",
];
const NOT_PERSONS: [&str; 9] = ["方向", "方面", "方式", "方角", "方法", "利用者用", "患者用", "入居者用", "人数"];

/// Finds people by their room.
pub(super) fn find(text: &Reading<'_>, hits: &mut Vec<Hit>) {
    for group in text.groups.iter().filter(|g| g.len() <= 4) {
        let room = text
            .any(group.end, &["号室", "号の部屋"])
            .or_else(|| text.any(group.end, &["号"]).filter(|end| !"棟線車機館".contains(text.at(*end))));
        let single_room = text.shortly_before(group.start, 3, &["個室", "病室", "居室", "部屋"]);
        let floor = text.shortly_before(group.start, 3, &["階の", "階 ", "F ", "Fの", "階"]) && group.len() == 3;
        let end = match room {
            Some(end) => end,
            None if single_room => text.any(group.end, &["番", "号"]).unwrap_or(group.end),
            None if floor || group.len() == 3 => group.end,
            None => continue,
        };
        let mut next = end;
        for _ in 0..2 {
            if matches!(text.at(next), 'の' | ' ' | '(' | ')' | '、' | ',') {
                next += 1;
            }
        }
        let person = text.any(next, &PERSONS).filter(|_| text.any(next, &NOT_PERSONS).is_none() && next > end);
        let known_room = room.is_some() || single_room || floor;
        if let Some(person_end) = person {
            if known_room {
                hits.push(Hit::certain(Kind::Room, group.start, person_end));
            } else if text.at(end) == 'の' && text.any(next, &["女性", "男性", "入居者", "入所者", "患者"]).is_some()
            {
                hits.push(Hit::likely(Kind::Room, group.start, person_end));
            }
        } else if room.is_some() && ill_in_sentence(text, group.start) {
            hits.push(Hit::likely(Kind::Room, group.start, end));
        }
    }
}

/// An illness within the next few words of the same sentence.
fn ill_in_sentence(text: &Reading<'_>, at: usize) -> bool {
    let end = (at..text.len().min(at + 30)).find(|i| matches!(text.at(*i), '。' | '\n')).unwrap_or(text.len().min(at + 30));
    text.marks_in(at, end).any(|m| m.tag == Tag::Health) && !text.marks_in(at, end).any(|m| m.tag == Tag::General)
}
