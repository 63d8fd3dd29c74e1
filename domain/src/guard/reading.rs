//! One text as all rules see it: folded, with its known words, its numbers and its sentences found once.
//!
//! Invariant: every look-around a rule may do here is bounded by a constant, so that all rules together stay linear.

use super::{
    PublicRegister,
    explain::Kind,
    fold::Folded,
    lexicon::{self, Mark, Tag},
};

/// A run of ASCII digits, folded positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Group {
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }
}

/// How sure a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certainty {
    /// The sender is asked, a coordinator may confirm.
    Likely,
    /// The text is refused.
    Certain,
}

/// What a rule found, folded positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) certainty: Certainty,
}

impl Hit {
    pub(super) fn certain(kind: Kind, start: usize, end: usize) -> Self {
        Self { kind, start, end, certainty: Certainty::Certain }
    }

    pub(super) fn likely(kind: Kind, start: usize, end: usize) -> Self {
        Self { kind, start, end, certainty: Certainty::Likely }
    }
}

/// The text and everything known about it before the rules run.
pub(super) struct Reading<'a> {
    pub(super) folded: Folded,
    /// Katakana turned into hiragana, same positions.
    pub(super) kana: Vec<char>,
    marks: Vec<Mark>,
    /// Index of the first mark that starts at or after each position.
    first_mark: Vec<usize>,
    /// Characters that belong to the name of a registered facility.
    pub(super) public: Vec<bool>,
    pub(super) groups: Vec<Group>,
    /// Folded ranges of the sentences.
    pub(super) sentences: Vec<(usize, usize)>,
    pub(super) register: &'a PublicRegister,
}

impl<'a> Reading<'a> {
    pub(super) fn new(text: &str, register: &'a PublicRegister) -> Self {
        let folded = Folded::new(text);
        let kana: Vec<char> = folded
            .chars
            .iter()
            .map(|c| match c {
                '\u{30A1}'..='\u{30F6}' => char::from_u32(u32::from(*c) - 0x60).unwrap_or(*c),
                other => *other,
            })
            .collect();
        let marks = lexicon::scan(&folded.chars, &kana);
        let mut first_mark = vec![marks.len(); folded.chars.len() + 2];
        for (i, mark) in marks.iter().enumerate().rev() {
            first_mark[mark.start] = i;
        }
        for at in (0..first_mark.len() - 1).rev() {
            first_mark[at] = first_mark[at].min(first_mark[at + 1]);
        }
        let public = register.facility_flags(&folded.chars);
        let groups = digit_groups(&folded.chars);
        let sentences = sentences(&folded.chars);
        Self { folded, kana, marks, first_mark, public, groups, sentences, register }
    }

    pub(super) fn len(&self) -> usize {
        self.folded.chars.len()
    }

    /// The characters `from..to`, as many of them as exist.
    pub(super) fn slice(&self, from: usize, to: usize) -> &[char] {
        let to = to.min(self.len());
        self.folded.chars.get(from.min(to)..to).unwrap_or_default()
    }

    /// True if any of `from..to` belongs to the name of a registered facility.
    pub(super) fn touches_public(&self, from: usize, to: usize) -> bool {
        let to = to.min(self.len());
        self.public.get(from.min(to)..to).unwrap_or_default().contains(&true)
    }

    /// The character at `at`, or a space beyond the ends.
    pub(super) fn at(&self, at: usize) -> char {
        self.folded.chars.get(at).copied().unwrap_or(' ')
    }

    /// The character before `at`, or a space at the start.
    pub(super) fn before(&self, at: usize) -> char {
        at.checked_sub(1).map_or(' ', |i| self.at(i))
    }

    /// True if `word` stands at `at`.
    pub(super) fn has(&self, at: usize, word: &str) -> bool {
        word.chars().enumerate().all(|(i, c)| self.folded.chars.get(at + i) == Some(&c))
    }

    /// The first of `words` that stands at `at`, as its end.
    pub(super) fn any(&self, at: usize, words: &[&str]) -> Option<usize> {
        words.iter().find(|w| self.has(at, w)).map(|w| at + w.chars().count())
    }

    /// True if one of `words` stands wholly within the `reach` characters before `at`.
    pub(super) fn shortly_before(&self, at: usize, reach: usize, words: &[&str]) -> bool {
        self.last_before(at, reach, words).is_some()
    }

    /// The end of the last of `words` within the `reach` characters before `at`.
    pub(super) fn last_before(&self, at: usize, reach: usize, words: &[&str]) -> Option<usize> {
        (at.saturating_sub(reach)..at).rev().find_map(|from| self.any(from, words).filter(|end| *end <= at))
    }

    /// The end of the last word with `tag` that lies wholly within the `reach` characters before `at`.
    pub(super) fn last_tag_before(&self, at: usize, reach: usize, tag: Tag) -> Option<usize> {
        self.marks_in(at.saturating_sub(reach), at).filter(|m| m.tag == tag && m.end <= at).map(|m| m.end).max()
    }

    /// True if one of `words` begins within the `reach` characters from `at`.
    pub(super) fn shortly_after(&self, at: usize, reach: usize, words: &[&str]) -> bool {
        (at..self.len().min(at + reach)).any(|from| self.any(from, words).is_some())
    }

    /// Marks that start at `at`.
    pub(super) fn marks_at(&self, at: usize) -> impl Iterator<Item = &Mark> {
        let range = match (self.first_mark.get(at), self.first_mark.get(at + 1)) {
            (Some(a), Some(b)) => *a..*b,
            _ => 0..0,
        };
        self.marks[range].iter()
    }

    /// Marks that start within `from..to`.
    pub(super) fn marks_in(&self, from: usize, to: usize) -> impl Iterator<Item = &Mark> {
        let range = match (self.first_mark.get(from), self.first_mark.get(to)) {
            (Some(a), Some(b)) => *a..*b,
            _ => 0..0,
        };
        self.marks[range].iter()
    }

    /// The end of the longest mark with `tag` that starts at `at`.
    pub(super) fn longest(&self, at: usize, tag: Tag) -> Option<usize> {
        self.marks_at(at).filter(|m| m.tag == tag).map(|m| m.end).max()
    }

    /// True if a mark with `tag` covers exactly `start..end`.
    pub(super) fn is(&self, start: usize, end: usize, tag: Tag) -> bool {
        self.marks_at(start).any(|m| m.tag == tag && m.end == end)
    }

    /// The digits of `start..end` as text, everything else left out.
    pub(super) fn digits(&self, start: usize, end: usize) -> String {
        self.slice(start, end).iter().filter(|c| c.is_ascii_digit()).collect()
    }

    /// Skips spaces, at most three.
    pub(super) fn skip_spaces(&self, at: usize) -> usize {
        (at..at + 3).find(|i| self.at(*i) != ' ' || *i >= self.len()).unwrap_or(at + 3)
    }

    /// Joins digit groups from `first` on while what stands between two is at most three of `separators`; calls `each` with the
    /// number of groups and the digits so far until it says stop or `most` digits are exceeded.
    pub(super) fn join_groups(&self, first: usize, most: usize, separators: &str, mut each: impl FnMut(&[Group], usize) -> bool) {
        let mut total = 0;
        for last in first..self.groups.len() {
            let group = self.groups[last];
            if last > first {
                let gap = self.groups[last - 1].end..group.start;
                if gap.len() > 3 || !self.folded.chars[gap].iter().all(|c| separators.contains(*c)) {
                    return;
                }
            }
            total += group.len();
            if total > most || each(&self.groups[first..=last], total) {
                return;
            }
        }
    }
}

fn digit_groups(chars: &[char]) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let run = chars[at..].iter().take_while(|c| c.is_ascii_digit()).count();
        if run > 0 {
            groups.push(Group { start: at, end: at + run });
        }
        at += run.max(1);
    }
    groups
}

fn sentences(chars: &[char]) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for (at, c) in chars.iter().enumerate() {
        if matches!(c, '。' | '!' | '?' | '\n') {
            ranges.push((start, at + 1));
            start = at + 1;
        }
    }
    if start < chars.len() {
        ranges.push((start, chars.len()));
    }
    ranges
}
