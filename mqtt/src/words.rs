//! The words of one device family: which of them are gestures, on which key, and which are none.
//!
//! One physical press sends several events in many families (down, up, single, release). The table decides
//! which one counts, so that a hand is heard exactly once. Invariant: a word that stands in no table is
//! never guessed to be a press.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use crate::pattern::{Kind, Pattern, Scope, Token, tokens};
use crate::press::Gesture;

/// Longest word looked up; real ones stay below 40 characters.
const WORD_BYTES: usize = 64;

/// `[words]` of a profile file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WordsSpec {
    single: Vec<String>,
    double: Vec<String>,
    triple: Vec<String>,
    quadruple: Vec<String>,
    quintuple: Vec<String>,
    long: Vec<String>,
    /// Whole words that also say which key, as `GESTURE@N`.
    named: BTreeMap<String, String>,
    /// Names of keys, for `{key}` in shapes and for button values that are words.
    keys: BTreeMap<String, u16>,
    /// How a word and a key stand together.
    shapes: Vec<String>,
    /// Words that belong to a press but are not the event that counts.
    edges: Vec<String>,
    /// Gesture words that repeat by themselves while the key is held.
    repeating: Vec<String>,
    online: Vec<String>,
    offline: Vec<String>,
}

/// What a word turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Gesture { gesture: Gesture, button: Option<u16>, repeating: bool },
    Edge,
    Unknown,
}

#[derive(Clone, Debug)]
pub(crate) struct Words {
    gestures: HashMap<String, Gesture>,
    named: HashMap<String, (Gesture, Option<u16>)>,
    keys: HashMap<String, u16>,
    shapes: Vec<Pattern>,
    edges: Vec<Pattern>,
    repeating: Vec<Pattern>,
    online: Vec<String>,
    offline: Vec<String>,
}

impl Words {
    /// Checks and compiles the table; an error names the key inside `words`.
    pub(crate) fn compile(spec: &WordsSpec) -> Result<Self, (String, String)> {
        let mut gestures = HashMap::new();
        for (gesture, words) in [
            (Gesture::Single, &spec.single),
            (Gesture::Double, &spec.double),
            (Gesture::Triple, &spec.triple),
            (Gesture::Quadruple, &spec.quadruple),
            (Gesture::Quintuple, &spec.quintuple),
            (Gesture::Long, &spec.long),
        ] {
            for word in words {
                if gestures.insert(word.to_lowercase(), gesture).is_some() {
                    return Err((format!("words.{gesture}"), format!("{word:?} stands in this table twice")));
                }
            }
        }
        let mut named = HashMap::new();
        for (word, meaning) in &spec.named {
            let parsed = gesture_at(meaning).map_err(|why| (format!("words.named.{word}"), why))?;
            named.insert(word.to_lowercase(), parsed);
        }
        let keys: HashMap<String, u16> = spec.keys.iter().map(|(key, n)| (key.to_lowercase(), *n)).collect();
        let longest_first = |mut words: Vec<String>| {
            words.sort_by_key(|word| (std::cmp::Reverse(word.len()), word.clone()));
            words
        };
        let gesture_words = longest_first(gestures.keys().cloned().collect());
        let key_words = longest_first(keys.keys().cloned().collect());
        let mut shapes = Vec::new();
        for shape in &spec.shapes {
            let at = |why: String| ("words.shapes".to_owned(), format!("{shape:?}: {why}"));
            let parts: Vec<Token> = tokens(shape)
                .map_err(at)?
                .into_iter()
                .map(|token| match token {
                    Token::Name { name, .. } if name == "word" => {
                        Token::Name { name, kind: Kind::OneOf(gesture_words.clone()), levels: false }
                    }
                    Token::Name { name, .. } if name == "key" => {
                        Token::Name { name, kind: Kind::OneOf(key_words.clone()), levels: false }
                    }
                    other => other,
                })
                .collect();
            let pattern = Pattern::from_tokens(parts, Scope::Text).map_err(at)?;
            if !pattern.names().iter().any(|name| name == "word") {
                return Err(at("a shape needs {word}".to_owned()));
            }
            shapes.push(pattern);
        }
        Ok(Self {
            gestures,
            named,
            keys,
            shapes,
            edges: globs("words.edges", &spec.edges)?,
            repeating: globs("words.repeating", &spec.repeating)?,
            online: lowercase(&spec.online),
            offline: lowercase(&spec.offline),
        })
    }

    /// Looks a word up: named words, then edges, then plain words, then shapes.
    pub(crate) fn find(&self, word: &str) -> Word {
        if word.len() > WORD_BYTES {
            return Word::Unknown;
        }
        let word = word.trim().to_lowercase();
        let repeating = self.repeating.iter().any(|glob| glob.matches(&word));
        if let Some((gesture, button)) = self.named.get(&word).copied() {
            return Word::Gesture { gesture, button, repeating };
        }
        if self.edges.iter().any(|glob| glob.matches(&word)) {
            return Word::Edge;
        }
        if let Some(gesture) = self.gestures.get(&word).copied() {
            return Word::Gesture { gesture, button: None, repeating };
        }
        for shape in &self.shapes {
            let Some(found) = shape.capture(&word) else {
                continue;
            };
            let Some(gesture) = found.get("word").and_then(|w| self.gestures.get(w)).copied() else {
                continue;
            };
            let button = match (found.get("n"), found.get("key")) {
                (Some(n), _) => match n.parse() {
                    Ok(n) => Some(n),
                    // Beyond any key: another shape, or no word of ours.
                    Err(_) => continue,
                },
                (None, Some(key)) => self.keys.get(key).copied(),
                (None, None) => None,
            };
            return Word::Gesture { gesture, button, repeating };
        }
        Word::Unknown
    }

    /// The number of a named key.
    pub(crate) fn find_key(&self, key: &str) -> Option<u16> {
        self.keys.get(&key.trim().to_lowercase()).copied()
    }

    /// True for online, false for offline, none for a word that is neither.
    pub(crate) fn find_availability(&self, word: &str) -> Option<bool> {
        let word = word.trim().to_lowercase();
        if self.online.contains(&word) {
            Some(true)
        } else if self.offline.contains(&word) {
            Some(false)
        } else {
            None
        }
    }
}

fn lowercase(words: &[String]) -> Vec<String> {
    words.iter().map(|word| word.to_lowercase()).collect()
}

fn globs(key: &str, words: &[String]) -> Result<Vec<Pattern>, (String, String)> {
    words
        .iter()
        .map(|word| Pattern::parse(word, Scope::Text).map_err(|why| (key.to_owned(), format!("{word:?}: {why}"))))
        .collect()
}

fn gesture_at(text: &str) -> Result<(Gesture, Option<u16>), String> {
    let (gesture, button) = match text.split_once('@') {
        Some((gesture, n)) => {
            let n = n.parse().map_err(|_| format!("{n:?} is no button number"))?;
            (gesture, Some(n))
        }
        None => (text, None),
    };
    Ok((gesture.parse().map_err(|e: crate::press::UnknownGesture| e.to_string())?, button))
}
