//! The word tables behind the rules, searched all at once in a single pass.
//!
//! A rule that reads "a surname, then さん" needs no pattern engine, only to know where the known words are. Invariant: one walk
//! over the text finds every word of every table, with work bounded by the length of the longest word per character.

use std::{collections::HashMap, sync::LazyLock};

/// What a word of the tables says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tag {
    /// A family name in kanji.
    Surname,
    /// The reading of a family name (kana).
    SurnameReading,
    /// The reading of a given name (kana).
    GivenReading,
    /// A surname that is also a place nearby.
    Place,
    Health,
    Grave,
    Sensitive,
    Care,
    Request,
    General,
    Kin,
    Household,
    Person,
    Incident,
    Role,
    /// Says that the digits behind it count something other than telephones or people.
    BusinessNumber,
    /// An office whose telephone number is public.
    Office,
    MyNumberName,
    BirthName,
    /// A word that introduces a number of the kind.
    NumberName(super::explain::Kind),
    /// A word that introduces the number of a payment card.
    CardName,
}

/// One occurrence of a word: folded positions `start..end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) tag: Tag,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A set of words as a tree of characters.
#[derive(Clone, Debug)]
pub(super) struct WordTree<T> {
    next: HashMap<(u32, char), u32>,
    /// What ends at each node; node 0 is the root.
    ends: Vec<Vec<T>>,
}

impl<T> Default for WordTree<T> {
    fn default() -> Self {
        Self { next: HashMap::new(), ends: Vec::new() }
    }
}

impl<T: Copy + PartialEq> WordTree<T> {
    /// Adds a word; an empty one is ignored.
    pub(super) fn insert(&mut self, word: impl IntoIterator<Item = char>, value: T) {
        if self.ends.is_empty() {
            self.ends.push(Vec::new());
        }
        let mut node = 0;
        for c in word {
            let fresh = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
            let child = *self.next.entry((node, c)).or_insert(fresh);
            if child == fresh {
                self.ends.push(Vec::new());
            }
            node = child;
        }
        if let Some(ends) = self.ends.get_mut(node as usize)
            && node != 0
            && !ends.contains(&value)
        {
            ends.push(value);
        }
    }

    /// Calls `found(end, value)` for every word that begins at `start`, shortest first.
    pub(super) fn words_at(&self, chars: &[char], start: usize, mut found: impl FnMut(usize, T)) {
        let mut node = 0;
        for (at, c) in chars.iter().enumerate().skip(start) {
            let Some(&child) = self.next.get(&(node, *c)) else {
                return;
            };
            node = child;
            for value in self.ends.get(node as usize).into_iter().flatten() {
                found(at + 1, *value);
            }
        }
    }
}

fn words(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace)
}

fn surname_lines() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    include_str!("words/surnames.txt").lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut parts = line.split_whitespace();
        Some((parts.next()?, parts.collect()))
    })
}

static WORDS: LazyLock<WordTree<Tag>> = LazyLock::new(|| {
    let mut tree = WordTree::default();
    for (table, tag) in [
        (include_str!("words/places.txt"), Tag::Place),
        (include_str!("words/health.txt"), Tag::Health),
        (include_str!("words/grave.txt"), Tag::Grave),
        (include_str!("words/sensitive.txt"), Tag::Sensitive),
        (include_str!("words/care.txt"), Tag::Care),
        (include_str!("words/request.txt"), Tag::Request),
        (include_str!("words/general.txt"), Tag::General),
        (include_str!("words/kin.txt"), Tag::Kin),
        (include_str!("words/household.txt"), Tag::Household),
        (include_str!("words/person.txt"), Tag::Person),
        (include_str!("words/incident.txt"), Tag::Incident),
        (include_str!("words/role.txt"), Tag::Role),
    ] {
        for word in words(table) {
            tree.insert(folded_word(word), tag);
        }
    }
    for (surname, _) in surname_lines() {
        tree.insert(folded_word(surname), Tag::Surname);
    }
    let mut introduce = |list: &[&str], tag: Tag| {
        for word in list {
            tree.insert(folded_word(word), tag);
        }
    };
    introduce(&super::phone::BUSINESS_NUMBERS, Tag::BusinessNumber);
    introduce(&super::phone::OFFICES, Tag::Office);
    introduce(&super::my_number::NAMES, Tag::MyNumberName);
    introduce(&super::birth::KEYWORDS, Tag::BirthName);
    for named in &super::identity::NAMED {
        introduce(named.words, named.tag);
    }
    tree
});

/// Words of the tables are folded like the text they are compared with (without turning numerals into digits).
fn folded_word(word: &str) -> Vec<char> {
    super::fold::Folded::new(word).chars.into_iter().map(|c| c.to_ascii_lowercase()).collect()
}

static READINGS: LazyLock<WordTree<Tag>> = LazyLock::new(|| {
    let mut tree = WordTree::default();
    for (_, readings) in surname_lines() {
        for reading in readings {
            tree.insert(reading.chars(), Tag::SurnameReading);
        }
    }
    for reading in words(include_str!("words/given_readings.txt")) {
        tree.insert(reading.chars(), Tag::GivenReading);
    }
    tree
});

/// Surnames and given names in Latin letters, as people romanise them.
static ROMAJI: LazyLock<(std::collections::HashSet<String>, std::collections::HashSet<String>)> = LazyLock::new(|| {
    let surnames = surname_lines()
        .flat_map(|(_, readings)| readings)
        .flat_map(super::romaji::spellings)
        .filter(|word| word.len() >= 3)
        .collect();
    let given = words(include_str!("words/given_readings.txt"))
        .flat_map(super::romaji::spellings)
        .filter(|word| word.len() >= 3)
        .collect();
    (surnames, given)
});

static COLLECTIVE: LazyLock<std::collections::HashSet<&'static str>> =
    LazyLock::new(|| words(include_str!("words/collective.txt")).collect());

/// The four lines of `given_kanji.txt`: first characters, last characters, unmistakable endings, names of one character.
static GIVEN: LazyLock<Vec<std::collections::HashSet<char>>> = LazyLock::new(|| {
    include_str!("words/given_kanji.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.chars().collect())
        .collect()
});

/// True if `word` stands before さん or 様 without naming anybody.
pub(super) fn is_collective(word: &[char]) -> bool {
    COLLECTIVE.contains(word.iter().collect::<String>().as_str())
}

/// True if `word` is a known surname in Latin letters (any case).
pub(super) fn is_romaji_surname(word: &str) -> bool {
    ROMAJI.0.contains(&word.to_ascii_lowercase())
}

/// True if `word` is a known given name in Latin letters (any case).
pub(super) fn is_romaji_given(word: &str) -> bool {
    ROMAJI.1.contains(&word.to_ascii_lowercase())
}

/// How sure the spelling is that kanji are a given name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// 和也, 裕: fine behind a surname, ordinary elsewhere.
    Possible,
    /// 太郎, 花子: endings that hardly occur in ordinary words.
    Strong,
}

/// Says whether `word` (kanji) is spelled like a given name.
pub(super) fn given_likeness(word: &[char]) -> Option<Likeness> {
    let has = |table: usize, c: char| GIVEN.get(table).is_some_and(|t| t.contains(&c));
    let (first, last) = (*word.first()?, *word.last()?);
    match word.len() {
        1 => has(3, first).then_some(Likeness::Possible),
        2 | 3 if has(0, first) && has(2, last) => Some(Likeness::Strong),
        2 if has(0, first) && has(1, last) => Some(Likeness::Possible),
        _ => None,
    }
}

/// Every word of the tables in `chars`; `kana` is the same text with katakana turned into hiragana.
pub(super) fn scan(chars: &[char], kana: &[char]) -> Vec<Mark> {
    let lower: Vec<char> = chars.iter().map(char::to_ascii_lowercase).collect();
    let letter = |at: Option<&char>| at.is_some_and(char::is_ascii_alphabetic);
    let mut marks = Vec::new();
    for start in 0..chars.len() {
        WORDS.words_at(&lower, start, |end, tag| {
            let latin = lower[start].is_ascii_alphabetic();
            let inside = letter(start.checked_sub(1).and_then(|i| lower.get(i))) || letter(lower.get(end));
            if !latin || !inside {
                marks.push(Mark { tag, start, end });
            }
        });
        if is_kana(kana[start]) {
            READINGS.words_at(kana, start, |end, tag| marks.push(Mark { tag, start, end }));
        }
    }
    marks
}

/// Hiragana, katakana and the long vowel mark.
pub(super) fn is_kana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FA}' | 'ー')
}

/// Kanji and the marks that stand among them.
pub(super) fn is_kanji(c: char) -> bool {
    matches!(c, '\u{4E00}'..='\u{9FFF}' | '\u{3400}'..='\u{4DBF}' | '\u{20000}'..='\u{323AF}' | '々' | '〆')
}
