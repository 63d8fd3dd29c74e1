//! Brings a text into one spelling before any rule looks at it, and remembers where every character came from.
//!
//! People write the same number as `０９０－…`, `〇九〇ー…` or with invisible characters between the digits; folding once
//! keeps every rule simple. Invariant: `origin[i]` is the range of characters of the *original* text that `chars[i]` stands for,
//! and these ranges never run backwards.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A folded text with the way back to the original.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// NFKC, one kind of dash, one kind of space, ASCII digits, no invisible characters.
    pub(super) chars: Vec<char>,
    /// For each folded character its first and one-past-last character in the original.
    pub(super) origin: Vec<(usize, usize)>,
}

/// Longest run of combining marks that is kept on one base character: more only serves to slow normalisation down.
const MARKS_PER_BASE: usize = 8;

impl Folded {
    /// Folds `text`; linear in its length.
    pub(super) fn new(text: &str) -> Self {
        let mut folded = Self::default();
        let mut cluster = String::new();
        let mut marks = 0;
        let mut from = 0;
        let mut count = 0;
        for (at, c) in text.chars().enumerate() {
            count = at + 1;
            if is_invisible(c) {
                continue;
            }
            let joins = is_combining_mark(c) || matches!(c, '\u{FF9E}' | '\u{FF9F}');
            if joins && !cluster.is_empty() {
                marks += 1;
                if marks <= MARKS_PER_BASE {
                    cluster.push(c);
                }
                continue;
            }
            folded.push_cluster(&cluster, from, at);
            cluster.clear();
            cluster.push(c);
            marks = 0;
            from = at;
        }
        folded.push_cluster(&cluster, from, count);
        folded.close_letter_spacing();
        folded.join_digits();
        folded.fold_kanji_numerals();
        folded
    }

    fn push_cluster(&mut self, cluster: &str, from: usize, to: usize) {
        let mut chars = cluster.chars();
        if let (Some(c), None) = (chars.next(), chars.next())
            && is_stable(c)
        {
            self.chars.push(fold_char(c));
            self.origin.push((from, to));
            return;
        }
        let ascii_base = cluster.nfkc().next().is_some_and(|c| c.is_ascii_alphanumeric());
        for c in cluster.nfkc() {
            if ascii_base && is_combining_mark(c) {
                continue;
            }
            self.chars.push(fold_char(c));
            self.origin.push((from, to));
        }
    }

    /// 鬼 塚 様 → 鬼塚様: spaces between single Japanese characters are decoration or evasion, and hide every word.
    fn close_letter_spacing(&mut self) {
        let token = |c: Option<&char>| c.is_some_and(|c| *c != ' ' && *c != '\n');
        let chars = &self.chars;
        let alone = |at: usize| {
            let before = at.checked_sub(1).and_then(|i| chars.get(i));
            token(chars.get(at))
                && !token(before.filter(|c| c.is_alphanumeric()))
                && !token(chars.get(at + 1).filter(|c| c.is_alphanumeric()))
        };
        let japanese = |at: usize| chars.get(at).is_some_and(|c| !c.is_ascii());
        let keep: Vec<bool> = (0..chars.len())
            .map(|at| {
                let (left, right) = (at.wrapping_sub(1), at + 1);
                let closes = chars[at] == ' ' && at > 0 && alone(left) && alone(right) && (japanese(left) || japanese(right));
                !closes
            })
            .collect();
        let mut flags = keep.iter();
        self.chars.retain(|_| *flags.next().unwrap_or(&true));
        let mut flags = keep.iter();
        self.origin.retain(|_| *flags.next().unwrap_or(&true));
    }

    /// `ー` and `一` are written for a hyphen between digits, and only there.
    fn join_digits(&mut self) {
        let digitish = |c: char| c.is_ascii_digit() || "〇零二三四五六七八九".contains(c);
        for i in 0..self.chars.len() {
            let before = self.chars[..i].iter().rev().take(3).find(|c| **c != ' ');
            let after = self.chars[i + 1..].iter().take(3).find(|c| **c != ' ');
            let (Some(&before), Some(&after)) = (before, after) else {
                continue;
            };
            let between = match self.chars[i] {
                'ー' => digitish(before) && (digitish(after) || after == '一') || before == '一' && digitish(after),
                '一' => before.is_ascii_digit() && after.is_ascii_digit(),
                _ => false,
            };
            if between {
                self.chars[i] = '-';
            }
        }
    }

    /// 〇九〇 → 090, 百二十三番地 → 123番地, 八十八歳 → 88歳; 一郎, 三好 and 五十嵐 stay what they are.
    fn fold_kanji_numerals(&mut self) {
        if !self.chars.iter().any(|c| numeral(*c).is_some()) {
            return;
        }
        let chars = std::mem::take(&mut self.chars);
        let origin = std::mem::take(&mut self.origin);
        let mut i = 0;
        while i < chars.len() {
            let run = chars[i..].iter().take_while(|c| numeral(**c).is_some()).count();
            if run == 0 {
                self.chars.push(chars[i]);
                self.origin.push(origin[i]);
                i += 1;
                continue;
            }
            let word = &chars[i..i + run];
            let next = chars.get(i + run).copied().unwrap_or(' ');
            let after = chars.get(i + run + 1).copied().unwrap_or(' ');
            let before = if i == 0 { ' ' } else { chars[i - 1] };
            if let Some(digits) = numeral_digits(word, before, next, after) {
                if digits.len() == run {
                    for (k, d) in digits.chars().enumerate() {
                        self.chars.push(d);
                        self.origin.push(origin[i + k]);
                    }
                } else {
                    let whole = (origin[i].0, origin[i + run - 1].1);
                    for d in digits.chars() {
                        self.chars.push(d);
                        self.origin.push(whole);
                    }
                }
            } else {
                self.chars.extend_from_slice(word);
                self.origin.extend_from_slice(&origin[i..i + run]);
            }
            i += run;
        }
    }

    /// The range of original characters behind the folded range `start..end`.
    pub(super) fn original(&self, start: usize, end: usize) -> (usize, usize) {
        let from = self.origin.get(start).map_or(0, |o| o.0);
        let to = self.origin.get(end.saturating_sub(1).max(start)).map_or(from, |o| o.1);
        (from, to)
    }
}

/// Counters behind which a kanji numeral is a number and not part of a name or a word.
const COUNTERS: &str = "名人歳才年月日号番丁階床室回時度件生";

fn numeral(c: char) -> Option<u32> {
    Some(match c {
        '〇' | '零' => 0,
        '一' => 1,
        '二' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        '十' => 10,
        '百' => 100,
        '千' => 1000,
        _ => return None,
    })
}

fn numeral_digits(word: &[char], before: char, next: char, after: char) -> Option<String> {
    let values: Vec<u32> = word.iter().filter_map(|c| numeral(*c)).collect();
    // 二階堂, 三日月 and the like are words.
    let counted = COUNTERS.contains(next) && !(next == '階' && after == '堂');
    let joined = next == '-' || before == '-' || next.is_ascii_digit() || before.is_ascii_digit();
    if values.iter().all(|v| *v < 10) {
        let zeros = word.iter().filter(|c| matches!(c, '〇' | '零')).count();
        // A lone 〇 is a mark on the board or a blank, not a zero; 〇〇様 is a placeholder.
        let blank = zeros == word.len() && !joined;
        let number = word.len() >= 3 || counted || joined || (word.len() == 2 && (zeros > 0 || next == '代'));
        return (!blank && number).then(|| values.iter().map(|v| char::from(b'0' + (*v % 10) as u8)).collect());
    }
    let tens_of_years = next == '代' && word.len() >= 2 && word.ends_with(&['十']);
    if !counted && !joined && !tens_of_years || word.len() > 7 {
        return None;
    }
    let (mut total, mut digit) = (0u32, 0u32);
    for v in values {
        if v < 10 {
            digit = digit * 10 + v;
        } else {
            total += digit.max(1) * v;
            digit = 0;
        }
    }
    Some((total + digit).to_string())
}

/// What normalisation leaves alone: nearly everything people type, so it is not even asked.
fn is_stable(c: char) -> bool {
    c.is_ascii() || matches!(c, '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FC}' | '\u{4E00}'..='\u{9FFF}')
}

/// Characters that are not seen but keep two digits or letters apart.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}' | '\u{0}'..='\u{8}' | '\u{E}'..='\u{1F}' | '\u{7F}')
}

/// One spelling for dashes, spaces, digits of other scripts and the variant characters found in surnames.
fn fold_char(c: char) -> char {
    let offset = |zero: u32| char::from_digit((u32::from(c) - zero) % 10, 10).unwrap_or(c);
    match c {
        '\u{2010}'..='\u{2015}'
        | '\u{2212}'
        | '\u{2043}'
        | '\u{02D7}'
        | '\u{2500}'
        | '\u{2501}'
        | '\u{2796}'
        | '\u{FE58}'
        | '\u{FE63}'
        | '\u{207B}'
        | '\u{208B}'
        | '\u{2E3A}'
        | '\u{2E3B}'
        | '\u{30A0}'
        | '\u{1806}'
        | '\u{058A}' => '-',
        '\u{301C}' | '\u{3030}' | '\u{223C}' | '\u{2053}' => '~',
        '\t' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' | '\u{2800}' => ' ',
        '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        '\u{0660}'..='\u{0669}' => offset(0x0660),
        '\u{06F0}'..='\u{06F9}' => offset(0x06F0),
        '\u{0966}'..='\u{096F}' => offset(0x0966),
        '\u{2776}'..='\u{277E}' => offset(0x2775),
        '\u{24F5}'..='\u{24FD}' => offset(0x24F4),
        '\u{24FF}' => '0',
        '樣' => '様',
        '濱' | '濵' => '浜',
        '邊' | '邉' => '辺',
        '齋' | '齊' => '斎',
        '斉' => '斎',
        '澤' => '沢',
        '廣' => '広',
        '嶋' | '嶌' => '島',
        '櫻' => '桜',
        '國' => '国',
        '眞' => '真',
        '淵' => '渕',
        '龍' => '竜',
        '瀧' => '滝',
        '關' => '関',
        '惠' => '恵',
        '德' => '徳',
        '髙' => '高',
        '﨑' | '嵜' => '崎',
        '冨' => '富',
        '峯' => '峰',
        '號' => '号',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        Folded::new(text).chars.into_iter().collect()
    }

    #[test]
    fn one_number_has_one_spelling() {
        for text in [
            "090-0000-1234",
            "０９０－００００－１２３４",
            "〇九〇ー〇〇〇〇ー一二三四",
            "090‑0000‑1234",
            "0\u{200B}90−0000−12\u{2060}34",
        ] {
            assert_eq!(folded(text), "090-0000-1234", "{text}");
        }
        assert_eq!(folded("百二十三番地"), "123番地");
        assert_eq!(folded("八十八歳"), "88歳");
        assert_eq!(folded("昭和一〇年三月五日"), "昭和10年3月5日");
    }

    #[test]
    fn spaced_out_letters_are_closed_up_and_spaced_words_are_not() {
        assert_eq!(folded("鬼　塚　様"), "鬼塚様");
        assert_eq!(folded("田中 次郎 殿"), "田中 次郎 殿");
        assert_eq!(folded("A 2 B"), "A 2 B");
    }

    #[test]
    fn names_with_numerals_keep_them() {
        for name in ["一郎", "三好さん", "五十嵐", "千代子", "二階堂", "〇〇様", "百合子"] {
            assert_eq!(folded(name), name);
        }
    }

    #[test]
    fn every_folded_character_points_back_into_the_original() {
        let text = "ﾔﾏﾀﾞ\u{200B}㍻百二十三番地 0⃣9⃣ 🏥";
        let folded = Folded::new(text);
        let length = text.chars().count();
        assert_eq!(folded.chars.len(), folded.origin.len());
        assert!(folded.origin.iter().all(|(a, b)| a < b && *b <= length));
        assert!(folded.origin.windows(2).all(|w| w[0].0 <= w[1].0));
    }
}
