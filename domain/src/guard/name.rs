//! Names of persons: residents (block) and staff (ask).
//!
//! Finds a known surname or a given name with an honorific, a surname with a given name, names in kana and in Latin letters, initials with
//! an honorific or an age, 〜宅 and 〜方, and a surname beside a role. Names block; names of staff are asked, because a facility may choose to
//! name its head. An unknown word before an honorific is asked. Surnames that are places nearby mean the place unless an honorific or a
//! given name follows. Names of registered facilities never count.
//!
//! Must match: `山田様`, `ﾔﾏﾀﾞ ﾊﾅｺ様`, `伊藤 三郎`, `やまだはなこさん`, `Matsumoto Kenji`, `T・Y様`, `担当:鈴木`, `田中院長`. Must not: `田中病院様`,
//! `大島地区`, `皆様`, `看護師さん`, `たくさん`, `摂氏`, `採用担当まで`.

use super::{
    explain::Kind,
    lexicon::{self, Likeness, Tag, is_kana, is_kanji},
    person,
    reading::{Certainty, Hit, Reading},
};

const HONORIFICS: [&str; 12] = ["様", "さま", "サマ", "さん", "サン", "氏", "殿", "くん", "君", "ちゃん", "チャン", "クン"];
/// How neighbours call the old people of a house.
const ELDERS: [&str; 10] =
    ["婆ちゃん", "爺ちゃん", "ばあちゃん", "じいちゃん", "ばあさん", "じいさん", "おばあ", "おじい", "婆さん", "爺さん"];
/// Particles and endings behind which a kana name is over.
const PARTICLES: &str = "はがをにのともでへやかだ";
/// Last characters of words for roles and organisations: what ends so and is no surname names nobody.
const ORGANISATIONS: &str = "院所園荘苑社会店局館校課部室署団隊組者員師士長婦客家方主人子係屋業庁省県市町村区連協生徒医手工船島港寺婿嫁夫妻親児童同神仏内用名連式";
const ORGANISATION_INITIALS: [&str; 12] = ["JA", "JR", "JF", "JT", "NT", "KD", "TV", "PC", "PT", "OT", "ST", "DX"];

/// Finds names.
pub(super) fn find(text: &Reading<'_>, hits: &mut Vec<Hit>) {
    let from = hits.len();
    for at in 0..text.len() {
        if text.public[at] {
            continue;
        }
        if let Some(end) = text.any(at, &HONORIFICS) {
            with_honorific(text, at, end, hits);
        }
        if text.longest(at, Tag::Surname).is_some() && !is_middle_of_word(text, at) {
            from_surname(text, at, hits);
        }
        if is_kana(text.at(at)) {
            full_name_in_kana(text, at, hits);
        }
        if text.at(at).is_ascii_alphabetic() && !text.before(at).is_ascii_alphanumeric() {
            in_latin_letters(text, at, hits);
        }
    }
    settle(text, from, hits);
}

/// Where the same person was found as staff and as a name, the role decides; staff with an illness is no longer a contact.
fn settle(text: &Reading<'_>, from: usize, hits: &mut Vec<Hit>) {
    let mut found: Vec<Hit> = hits.split_off(from);
    found.sort_by_key(|h| (h.start, h.end));
    let mut settled: Vec<Hit> = Vec::new();
    for hit in found {
        match settled.last_mut() {
            Some(last) if hit.start < last.end => {
                let staff = last.kind == Kind::StaffName || hit.kind == Kind::StaffName;
                last.certainty = if staff { Certainty::Likely } else { last.certainty.max(hit.certainty) };
                last.kind = if staff { Kind::StaffName } else { last.kind };
                last.end = last.end.max(hit.end);
            }
            _ => settled.push(hit),
        }
    }
    for hit in &mut settled {
        let near = text.marks_in(hit.end, text.len().min(hit.end + 12)).any(|m| m.tag == Tag::Health);
        if hit.kind == Kind::StaffName && near && !sentence_ends(text, hit.end, 12) {
            hit.certainty = Certainty::Certain;
        }
    }
    hits.append(&mut settled);
}

fn sentence_ends(text: &Reading<'_>, from: usize, reach: usize) -> bool {
    (from..text.len().min(from + reach)).any(|i| matches!(text.at(i), '。' | '\n'))
}

/// 中村 in 山中村: a surname that begins inside a longer surname is not one.
fn is_middle_of_word(text: &Reading<'_>, at: usize) -> bool {
    (1..=3).any(|back| at.checked_sub(back).and_then(|start| text.longest(start, Tag::Surname)).is_some_and(|end| end > at + 1))
}

fn push_name(text: &Reading<'_>, start: usize, end: usize, certainty: Certainty, hits: &mut Vec<Hit>) {
    if text.touches_public(start, end) {
        return;
    }
    hits.push(if staff_before(text, start) || staff_after(text, end).is_some() {
        Hit::likely(Kind::StaffName, start, end)
    } else {
        Hit { kind: Kind::Name, start, end, certainty }
    });
}

/// A role or a department stands directly before `start`.
fn staff_before(text: &Reading<'_>, start: usize) -> bool {
    let mut at = start;
    for _ in 0..3 {
        if at > 0 && " :はのが/(・=、「".contains(text.before(at)) {
            at -= 1;
        }
    }
    let role = (2..=10).any(|n| at.checked_sub(n).is_some_and(|from| text.is(from, at, Tag::Role)));
    let department = at < start && "課係局室署".contains(text.before(at)) && is_kanji(text.before(at));
    role || department
}

/// The end of a title that stands directly behind `end`.
fn staff_after(text: &Reading<'_>, end: usize) -> Option<usize> {
    let from = text.skip_spaces(end);
    let title_end = text.longest(from, Tag::Role)?;
    (!is_kanji(text.at(title_end))).then_some(title_end)
}

/// さん, 様 and the like at `at..end`: who stands before?
fn with_honorific(text: &Reading<'_>, at: usize, end: usize, hits: &mut Vec<Hit>) {
    let honorific: String = text.slice(at, end).iter().collect();
    let next = text.at(end);
    let inside_word = match honorific.as_str() {
        "様" => "子々式相態変".contains(next),
        "氏" => "名神族".contains(next),
        "君" => "津".contains(next),
        "殿" => "町堂".contains(next),
        _ => false,
    };
    if inside_word || at == 0 {
        return;
    }
    let spaced = text.before(at) == ' ';
    let token_end = if spaced { at - 1 } else { at };
    let Some(last) = token_end.checked_sub(1) else {
        return;
    };
    if text.public[last] {
        return;
    }
    let c = text.at(last);
    if is_kanji(c) {
        kanji_before(text, token_end, end, &honorific, spaced, hits);
    } else if is_kana(c) {
        kana_before(text, token_end, end, spaced, hits);
    } else if c.is_ascii_alphabetic() || c == '.' {
        latin_before(text, token_end, end, hits);
    }
}

fn run_start(text: &Reading<'_>, end: usize, most: usize, belongs: impl Fn(char) -> bool) -> usize {
    (end.saturating_sub(most)..end).rev().take_while(|i| belongs(text.at(*i)) && !text.public[*i]).last().unwrap_or(end)
}

fn kanji_before(text: &Reading<'_>, token_end: usize, end: usize, honorific: &str, spaced: bool, hits: &mut Vec<Hit>) {
    let start = run_start(text, token_end, 8, |c| is_kanji(c) || matches!(c, 'ノ' | 'ヶ' | 'ケ'));
    let token = text.slice(start, token_end);
    if lexicon::is_collective(token) || (2..token.len()).any(|n| lexicon::is_collective(&token[token.len() - n..])) {
        return;
    }
    for from in start..token_end {
        let rest = token_end - from;
        let Some(surname_end) = text.longest(from, Tag::Surname).map(|e| e.min(token_end)) else {
            continue;
        };
        let whole = text.is(from, token_end, Tag::Surname) && (rest >= 2 || from == start);
        let full = (from + 1..=surname_end)
            .any(|s| text.is(from, s, Tag::Surname) && lexicon::given_likeness(text.slice(s, token_end)).is_some());
        if whole || full {
            push_name(text, from, end, Certainty::Certain, hits);
            return;
        }
    }
    // 田中 次郎 様: the surname is further left.
    if start > 0 && text.before(start) == ' ' && lexicon::given_likeness(token).is_some() {
        let left = start - 1;
        if let Some(from) = (1..=5).find_map(|n| left.checked_sub(n).filter(|f| text.is(*f, left, Tag::Surname))) {
            push_name(text, from, end, Certainty::Certain, hits);
            return;
        }
    }
    if spaced {
        return;
    }
    if lexicon::given_likeness(token) == Some(Likeness::Strong) && token.len() <= 3 {
        push_name(text, start, end, Certainty::Certain, hits);
    } else if (2..=4).contains(&token.len())
        && !matches!(honorific, "君" | "殿" | "くん")
        && !token.last().is_some_and(|c| ORGANISATIONS.contains(*c))
    {
        push_name(text, start, end, Certainty::Likely, hits);
    }
}

fn kana_before(text: &Reading<'_>, token_end: usize, end: usize, spaced: bool, hits: &mut Vec<Hit>) {
    let katakana = |c: char| matches!(c, '\u{30A1}'..='\u{30FA}' | 'ー');
    let hiragana = |c: char| matches!(c, '\u{3041}'..='\u{3096}' | 'ー');
    let is_katakana = katakana(text.at(token_end - 1)) && text.at(token_end - 1) != 'ー'
        || text.at(token_end - 1) == 'ー' && katakana(text.before(token_end - 1));
    let start = run_start(text, token_end, 12, |c| if is_katakana { katakana(c) } else { hiragana(c) });
    let token = text.slice(start, token_end);
    if token.is_empty() || lexicon::is_collective(token) {
        return;
    }
    // 渡辺ハナさん, 高橋 テル様: kanji surname, kana given name.
    let left = if matches!(text.before(start), ' ' | '・') { start.saturating_sub(1) } else { start };
    if let Some(from) = (1..=5).find_map(|n| left.checked_sub(n).filter(|f| text.is(*f, left, Tag::Surname)))
        && token.len() <= 5
        && (is_katakana || text.is(start, token_end, Tag::GivenReading))
    {
        push_name(text, from, end, Certainty::Certain, hits);
        return;
    }
    let after_kanji = is_kanji(text.before(start));
    for from in start..token_end {
        let fresh = from == start || (!is_katakana && PARTICLES.contains(text.before(from)));
        if !fresh || token_end - from < 2 {
            continue;
        }
        let full = text
            .marks_at(from)
            .filter(|m| m.tag == Tag::SurnameReading && m.end < token_end)
            .any(|m| text.is(m.end, token_end, Tag::GivenReading));
        let half = text.is(from, token_end, Tag::SurnameReading) || text.is(from, token_end, Tag::GivenReading);
        let collective = lexicon::is_collective(text.slice(from, token_end));
        if full || (half && !collective && !(after_kanji && from == start && !is_katakana)) {
            // ヤマダ タロウ様
            let first = if matches!(text.before(from), ' ' | '・') && from > 0 {
                (2..=6)
                    .find_map(|n| (from - 1).checked_sub(n).filter(|f| text.is(*f, from - 1, Tag::SurnameReading)))
                    .unwrap_or(from)
            } else {
                from
            };
            push_name(text, first, end, Certainty::Certain, hits);
            return;
        }
    }
    let unknown = is_katakana && !spaced && (2..=5).contains(&token.len()) && !is_kana(text.before(start)) && !after_kanji;
    if unknown && !token.ends_with(&['ー']) {
        push_name(text, start, end, Certainty::Likely, hits);
    }
}

fn latin_before(text: &Reading<'_>, token_end: usize, end: usize, hits: &mut Vec<Hit>) {
    let start = run_start(text, token_end, 24, |c| c.is_ascii_alphabetic() || matches!(c, '.' | '・' | '&'));
    let token: String = text.slice(start, token_end).iter().collect();
    let letters: String = token.chars().filter(char::is_ascii_alphabetic).collect();
    if text.before(start).is_ascii_alphanumeric() || letters.is_empty() {
        return;
    }
    let upper = letters.chars().all(|c| c.is_ascii_uppercase());
    match letters.len() {
        1 if upper => {
            let personal = sentence_of(text, start).is_some_and(|(a, b)| {
                text.marks_in(a, b).any(|m| matches!(m.tag, Tag::Health | Tag::Care | Tag::Grave | Tag::Kin))
            });
            hits.push(if personal {
                Hit::certain(Kind::NameInitial, start, end)
            } else {
                Hit::likely(Kind::NameInitial, start, end)
            });
        }
        2 if upper && !ORGANISATION_INITIALS.contains(&token.as_str()) => {
            hits.push(Hit::certain(Kind::NameInitial, start, end));
        }
        3.. if lexicon::is_romaji_surname(&letters) || lexicon::is_romaji_given(&letters) => {
            push_name(text, start, end, Certainty::Certain, hits);
        }
        3.. if !upper => push_name(text, start, end, Certainty::Likely, hits),
        _ => {}
    }
}

/// The sentence that holds `at`.
fn sentence_of(text: &Reading<'_>, at: usize) -> Option<(usize, usize)> {
    let index = text.sentences.partition_point(|s| s.1 <= at);
    text.sentences.get(index).copied()
}

/// Where a name may end: no further kanji, and kana only as a particle.
fn ends_here(text: &Reading<'_>, at: usize) -> bool {
    let c = text.at(at);
    if is_kanji(c) {
        return "様氏殿君宅方".contains(c) || text.longest(at, Tag::Role).is_some();
    }
    !is_kana(c)
        || text
            .any(
                at,
                &[
                    "まで",
                    "です",
                    "より",
                    "から",
                    "が",
                    "は",
                    "に",
                    "へ",
                    "と",
                    "の",
                    "も",
                    "を",
                    "で",
                    "さん",
                    "さま",
                    "くん",
                    "ちゃん",
                    "だ",
                    "か",
                ],
            )
            .is_some()
}

/// The given name that begins at `at`: its end and how sure it is.
fn given_at(text: &Reading<'_>, at: usize, spaced: bool) -> Option<(usize, Likeness)> {
    let kanji = (1..=3).rev().find_map(|n| {
        let word = Some(text.slice(at, at + n)).filter(|w| w.len() == n)?;
        let likeness = word.iter().all(|c| is_kanji(*c)).then(|| lexicon::given_likeness(word))??;
        ends_here(text, at + n).then_some((at + n, likeness))
    });
    kanji.or_else(|| {
        text.marks_at(at)
            .filter(|m| m.tag == Tag::GivenReading && ends_here(text, m.end))
            .map(|m| m.end)
            .max()
            .filter(|end| {
                let katakana = matches!(text.at(at), '\u{30A1}'..='\u{30FA}');
                katakana || spaced || end - at >= 3
            })
            .map(|end| (end, Likeness::Strong))
    })
}

/// What a surname without an honorific may be: a full name, somebody with an age, 〜宅, 〜方, a member of staff.
fn from_surname(text: &Reading<'_>, at: usize, hits: &mut Vec<Hit>) {
    let ends: Vec<usize> = text.marks_at(at).filter(|m| m.tag == Tag::Surname).map(|m| m.end).collect();
    for end in ends.into_iter().rev() {
        if text.touches_public(at, end) {
            return;
        }
        let place = text.is(at, end, Tag::Place);
        let short = end - at == 1;
        let after_kanji = is_kanji(text.before(at));
        let spaced = matches!(text.at(end), ' ' | '・');
        let given = given_at(text, if spaced { end + 1 } else { end }, spaced);
        let named = given.filter(|(given_end, likeness)| {
            let length = given_end - end - usize::from(spaced);
            let sure = *likeness == Likeness::Strong;
            // はまゆう大島みなみ is a home in the south of Oshima.
            let part_of_town = place && !spaced && matches!(text.at(end), '\u{3041}'..='\u{3096}');
            if part_of_town {
                return false;
            }
            match (place || short, sure) {
                (_, true) => !(short && after_kanji) && (length >= 2 || spaced),
                (true, false) => false,
                (false, false) => !after_kanji || spaced,
            }
        });
        if let Some((given_end, likeness)) = named {
            let single = given_end - end == 1 && !spaced;
            let certainty = if likeness == Likeness::Possible && single { Certainty::Likely } else { Certainty::Certain };
            push_name(text, at, given_end, certainty, hits);
            return;
        }
        // 伊藤(88), 伊藤 88歳
        let gap = (end..end + 3).find(|i| !" (、,".contains(text.at(*i))).unwrap_or(end);
        if gap > end && !place && !(short && after_kanji) && person::age_at(text, gap).is_some() {
            push_name(text, at, end, Certainty::Certain, hits);
            return;
        }
        // 山田(要介護5), 松尾の婆ちゃん
        let levelled = gap > end && text.any(gap, &["要介護", "要支援", "介護度"]).is_some();
        let elder = text.any(end, &["の", ""]).is_some_and(|from| text.any(from, &ELDERS).is_some());
        if !(place || short && after_kanji) && (levelled || elder) {
            push_name(text, at, end, Certainty::Certain, hits);
            return;
        }
        // 山田方, 鈴木宅
        let house = text.at(end) == '宅' && !"配地".contains(text.at(end + 1));
        let lodging = text.at(end) == '方'
            && !"面向法式々角".contains(text.at(end + 1))
            && (text.before(at) == ' ' || text.before(at).is_ascii_digit() || text.shortly_before(at, 2, &["番地", "号"]))
            && ends_here(text, end + 1);
        if !(short && after_kanji) && (house || lodging) {
            push_name(text, at, end, Certainty::Certain, hits);
            return;
        }
        if short && after_kanji || place && text.at(end) != '先' {
            continue;
        }
        // 田中院長, 佐藤先生
        if let Some(title_end) = staff_after(text, end) {
            hits.push(Hit::likely(Kind::StaffName, at, title_end));
            return;
        }
        // 担当:鈴木, 介護主任の松永が
        if staff_before(text, at) && ends_here(text, end) && !is_kanji(text.at(end)) {
            hits.push(Hit::likely(Kind::StaffName, at, end));
            return;
        }
    }
}

/// やまだはなこ, ヤマダタロウ, ヤマダ・タロウ
fn full_name_in_kana(text: &Reading<'_>, at: usize, hits: &mut Vec<Hit>) {
    let katakana = matches!(text.at(at), '\u{30A1}'..='\u{30FA}');
    let before = text.before(at);
    let fresh = !is_kana(before)
        || (!katakana && PARTICLES.contains(before) || katakana && !matches!(before, '\u{30A1}'..='\u{30FA}' | 'ー'));
    if !fresh || is_kanji(before) && !katakana {
        return;
    }
    for mark in text.marks_at(at).filter(|m| m.tag == Tag::SurnameReading) {
        let spaced = matches!(text.at(mark.end), ' ' | '・');
        let from = if spaced { mark.end + 1 } else { mark.end };
        let given = text.marks_at(from).filter(|m| m.tag == Tag::GivenReading && ends_here(text, m.end)).map(|m| m.end).max();
        let Some(end) = given else {
            continue;
        };
        let (surname, name) = (mark.end - at, end - from);
        let honoured = text.any(end, &HONORIFICS).is_some();
        let sure = honoured || (surname >= 3 && name >= 3) || (katakana && surname + name >= 5);
        if sure {
            push_name(text, at, end, Certainty::Certain, hits);
            return;
        }
        if surname + name >= 5 && surname >= 2 && name >= 2 && (katakana || name >= 3) {
            push_name(text, at, end, Certainty::Likely, hits);
            return;
        }
    }
}

/// `Matsumoto Kenji`, `K.M. 76歳`.
fn in_latin_letters(text: &Reading<'_>, at: usize, hits: &mut Vec<Hit>) {
    let word_end = |from: usize| {
        (from..text.len().min(from + 16)).find(|i| !text.at(*i).is_ascii_alphabetic()).unwrap_or(text.len().min(from + 16))
    };
    let first_end = word_end(at);
    let first: String = text.slice(at, first_end).iter().collect();
    if first.len() == 1 && text.at(at).is_ascii_uppercase() && matches!(text.at(first_end), '.' | '・') {
        let second = first_end + 1;
        let second_end = word_end(second);
        let after = if text.at(second_end) == '.' { second_end + 1 } else { second_end };
        let gap = (after..after + 3).find(|i| !" (、,".contains(text.at(*i))).unwrap_or(after);
        if second_end == second + 1 && person::age_at(text, gap).is_some() {
            hits.push(Hit::certain(Kind::NameInitial, at, after));
        }
        return;
    }
    if first.len() < 3 || !matches!(text.at(first_end), ' ' | ',' | '・') {
        return;
    }
    let second_start = text.skip_spaces(first_end + 1);
    let second_end = word_end(second_start);
    let second: String = text.slice(second_start, second_end).iter().collect();
    let pair = lexicon::is_romaji_surname(&first) && lexicon::is_romaji_given(&second)
        || lexicon::is_romaji_given(&first) && lexicon::is_romaji_surname(&second);
    let capital = first.starts_with(|c: char| c.is_ascii_uppercase()) || second.starts_with(|c: char| c.is_ascii_uppercase());
    if pair && capital && text.at(second_end) != '@' {
        push_name(text, at, second_end, Certainty::Certain, hits);
    }
}
