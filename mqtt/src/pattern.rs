//! Patterns with names in them: `zigbee2mqtt/{device}`, `input:{n}`, `{n}_{word}`.
//!
//! Profiles describe topics, JSON keys and gesture words by example instead of regular expressions, so that
//! a person who has only the manual of a device can write one. Invariant: matching takes time linear in the
//! text for a given pattern, because the text comes from strangers.
//!
//! `{name}` stands for one level of a topic (or any text), `{name+}` for one level or more, `{n}` or
//! `{name:number}` for digits, `{name:mac}` for a hardware address, `*` for anything inside a level, and in
//! templates `{/pointer}` for a value of the message.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use regex_lite::Regex;

/// What a named part may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Any,
    Number,
    Mac,
    /// One of these words, longest first.
    OneOf(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Literal(String),
    Wild,
    Name { name: String, kind: Kind, levels: bool },
    Pointer(String),
}

pub(crate) type Captures = HashMap<String, String>;

/// A topic stops at `/`; any other text does not, and ignores case as device families do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Topic,
    Text,
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) tokens: Vec<Token>,
    names: Vec<String>,
    regex: Regex,
    scope: Scope,
    /// Level by level, the text it must be, if it is fixed: most topics differ there, and comparing is cheap.
    fixed: Vec<Option<String>>,
    /// The level that may stand for several.
    open: Option<usize>,
    /// What each level is, if none of them asks for more than looking, so that no regular expression has to be run.
    plain: Option<Vec<Part>>,
}

/// A part of a pattern that needs no regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// This text.
    Fixed(String),
    /// Any text of at least one letter.
    Named(String),
}

impl Part {
    fn of(tokens: &[Token]) -> Option<Self> {
        match tokens {
            [] => Some(Self::Fixed(String::new())),
            [Token::Literal(text)] => Some(Self::Fixed(text.clone())),
            [Token::Name { name, kind: Kind::Any, levels: false }] => Some(Self::Named(name.clone())),
            _ => None,
        }
    }
}

impl Pattern {
    pub(crate) fn parse(text: &str, scope: Scope) -> Result<Self, String> {
        Self::from_tokens(tokens(text)?, scope)
    }

    pub(crate) fn from_tokens(tokens: Vec<Token>, scope: Scope) -> Result<Self, String> {
        let (any, wild) = match scope {
            Scope::Topic => ("[^/]+", "[^/]*"),
            Scope::Text => (".+?", ".*?"),
        };
        let mut source = String::from(match scope {
            Scope::Topic => "^",
            Scope::Text => "(?si)^",
        });
        let mut names = Vec::new();
        for token in &tokens {
            match token {
                Token::Literal(text) => source.push_str(&regex_lite::escape(text)),
                Token::Wild => source.push_str(wild),
                Token::Pointer(_) => source.push_str(".+?"),
                Token::Name { name, kind, levels } => {
                    if names.contains(name) {
                        return Err(format!("{{{name}}} appears twice"));
                    }
                    names.push(name.clone());
                    let body = match kind {
                        Kind::Any if *levels => "[^/]+(?:/[^/]+)*?".to_owned(),
                        Kind::Any => any.to_owned(),
                        Kind::Number => "[0-9]{1,9}".to_owned(),
                        Kind::Mac => "[0-9A-Fa-f]{2}(?:[:-]?[0-9A-Fa-f]{2}){5}".to_owned(),
                        Kind::OneOf(words) => words.iter().map(|word| regex_lite::escape(word)).collect::<Vec<_>>().join("|"),
                    };
                    // Writing to a String cannot fail.
                    let _ = write!(source, "(?P<{name}>{body})");
                }
            }
        }
        source.push('$');
        let regex = Regex::new(&source).map_err(|error| error.to_string())?;
        let by_level = levels(&tokens);
        let open = by_level.iter().position(|level| level.iter().any(|t| matches!(t, Token::Name { levels: true, .. })));
        let plain = match scope {
            Scope::Topic => by_level.iter().map(|level| Part::of(level)).collect(),
            // Only a name that is all of it: fixed text here ignores case.
            Scope::Text => Part::of(&tokens).filter(|part| matches!(part, Part::Named(_))).map(|part| vec![part]),
        };
        let fixed = by_level
            .into_iter()
            .map(|level| match level.as_slice() {
                [Token::Literal(text)] => Some(text.clone()),
                [] => Some(String::new()),
                _ => None,
            })
            .collect();
        Ok(Self { tokens, names, regex, scope, fixed, open, plain })
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Whether a topic, split into its levels, could match at all.
    pub(crate) fn could_match(&self, levels: &[&str]) -> bool {
        let same = |(fixed, level): (&Option<String>, &&str)| fixed.as_deref().is_none_or(|text| text == *level);
        match self.open {
            None => levels.len() == self.fixed.len() && self.fixed.iter().zip(levels).all(same),
            Some(open) => {
                let after = &self.fixed[open + 1..];
                levels.len() >= self.fixed.len()
                    && self.fixed[..open].iter().zip(levels).all(same)
                    && after.iter().zip(&levels[levels.len() - after.len()..]).all(same)
            }
        }
    }

    /// The text its topics begin with, up to the first `/`, if that is always the same.
    pub(crate) fn first_level(&self) -> Option<&str> {
        self.fixed.first().and_then(Option::as_deref)
    }

    pub(crate) fn capture(&self, text: &str) -> Option<Captures> {
        match (&self.plain, self.scope) {
            (Some(parts), Scope::Topic) => captured(parts, text.split('/')),
            (Some(parts), Scope::Text) => captured(parts, std::iter::once(text)),
            (None, _) => self.capture_by_regex(text),
        }
    }

    fn capture_by_regex(&self, text: &str) -> Option<Captures> {
        let found = self.regex.captures(text)?;
        Some(self.names.iter().filter_map(|name| Some((name.clone(), found.name(name)?.as_str().to_owned()))).collect())
    }
}

/// What the parts of a text are called, if each is as it must be.
fn captured<'t>(parts: &[Part], mut texts: impl Iterator<Item = &'t str>) -> Option<Captures> {
    let mut captures = Captures::new();
    for part in parts {
        match (part, texts.next()?) {
            (Part::Fixed(text), found) if text == found => {}
            (Part::Named(name), found) if !found.is_empty() => {
                captures.insert(name.clone(), found.to_owned());
            }
            _ => return None,
        }
    }
    texts.next().is_none().then_some(captures)
}

/// Splits a pattern or template into its parts; the message says what is wrong with it.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '*', '}']) {
        if at > 0 {
            tokens.push(Token::Literal(rest[..at].to_owned()));
        }
        match rest.as_bytes()[at] {
            b'*' => {
                tokens.push(Token::Wild);
                rest = &rest[at + 1..];
            }
            b'{' => {
                let end = rest[at..].find('}').ok_or("a { without its }")?;
                tokens.push(name_token(&rest[at + 1..at + end])?);
                rest = &rest[at + end + 1..];
            }
            _ => return Err("a } without its {".to_owned()),
        }
    }
    if !rest.is_empty() {
        tokens.push(Token::Literal(rest.to_owned()));
    }
    Ok(tokens)
}

fn name_token(inner: &str) -> Result<Token, String> {
    if inner.starts_with('/') || inner.starts_with("^/") {
        return Ok(Token::Pointer(inner.to_owned()));
    }
    let (inner, levels) = match inner.strip_suffix('+') {
        Some(inner) => (inner, true),
        None => (inner, false),
    };
    let (name, kind) = match inner.split_once(':') {
        Some((name, "number")) => (name, Kind::Number),
        Some((name, "mac")) => (name, Kind::Mac),
        Some((_, kind)) => return Err(format!("{kind:?} is no kind: use number or mac")),
        None if inner == "n" => (inner, Kind::Number),
        None => (inner, Kind::Any),
    };
    let well_formed = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !well_formed {
        return Err(format!("{{{inner}}} is no name: use small letters, digits and _"));
    }
    Ok(Token::Name { name: name.to_owned(), kind, levels })
}

/// Fills a template from captured names and, for `{/pointer}`, through `value`.
pub(crate) fn render(template: &[Token], captures: &Captures, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut text = String::new();
    for token in template {
        match token {
            Token::Literal(literal) => text.push_str(literal),
            Token::Wild => text.push('*'),
            Token::Name { name, .. } => text.push_str(captures.get(name)?),
            Token::Pointer(pointer) => text.push_str(&value(pointer)?),
        }
    }
    Some(text)
}

/// The parts of a topic pattern, level by level.
pub(crate) fn levels(tokens: &[Token]) -> Vec<Vec<Token>> {
    let mut levels = vec![Vec::new()];
    for token in tokens {
        match token {
            Token::Literal(text) => {
                for (index, part) in text.split('/').enumerate() {
                    if index > 0 {
                        levels.push(Vec::new());
                    }
                    if let (false, Some(level)) = (part.is_empty(), levels.last_mut()) {
                        level.push(Token::Literal(part.to_owned()));
                    }
                }
            }
            Token::Wild | Token::Name { .. } | Token::Pointer(_) => {
                if let Some(level) = levels.last_mut() {
                    level.push(token.clone());
                }
            }
        }
    }
    levels
}

/// The MQTT filter of a topic pattern: known names filled in, the rest `+` (or `#` for an open end).
pub(crate) fn filter(tokens: &[Token], known: &Captures, open_end: bool) -> String {
    let levels = levels(tokens);
    let count = levels.len();
    let mut filter = Vec::new();
    for (index, level) in levels.into_iter().enumerate() {
        match render(&level, known, |_| None) {
            Some(text) if !level.contains(&Token::Wild) => filter.push(text),
            _ => {
                let many = level.iter().any(|t| matches!(t, Token::Name { levels: true, .. }));
                let sign = if many && open_end && index + 1 == count { "#" } else { "+" };
                filter.push(sign.to_owned());
            }
        }
    }
    filter.join("/")
}

/// Whether every topic that `narrow` selects is also selected by `wide`.
pub(crate) fn covers(wide: &str, narrow: &str) -> bool {
    let mut wide = wide.split('/');
    let mut narrow = narrow.split('/');
    loop {
        match (wide.next(), narrow.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

/// How exact a topic pattern is; the greater is asked first. In this order count: literal levels, partly
/// literal levels, typed names, no multi-level name, number of levels, and literals further to the left.
pub(crate) fn specificity(tokens: &[Token]) -> (usize, usize, usize, bool, usize, Vec<bool>) {
    let levels = levels(tokens);
    let literal = |level: &Vec<Token>| level.iter().all(|t| matches!(t, Token::Literal(_)));
    let partly = |level: &Vec<Token>| level.len() > 1 && level.iter().any(|t| matches!(t, Token::Literal(_)));
    let typed = |t: &Token| matches!(t, Token::Name { kind, .. } if *kind != Kind::Any);
    let many = |t: &Token| matches!(t, Token::Name { levels: true, .. });
    (
        levels.iter().filter(|l| literal(l)).count(),
        levels.iter().filter(|l| !literal(l) && partly(l)).count(),
        tokens.iter().filter(|t| typed(t)).count(),
        !tokens.iter().any(many),
        levels.len(),
        levels.iter().map(literal).collect(),
    )
}

/// The pattern with its names erased: two profiles with the same shape claim the same topics.
pub(crate) fn shape(tokens: &[Token]) -> String {
    tokens
        .iter()
        .map(|token| match token {
            Token::Literal(text) => text.clone(),
            Token::Wild => "*".to_owned(),
            Token::Name { kind, levels, .. } => format!("{{{kind:?}{levels}}}"),
            Token::Pointer(pointer) => format!("{{{pointer}}}"),
        })
        .collect()
}

/// Gives the names of `template` the kinds they have in `source`, so that a device id is checked alike.
pub(crate) fn with_kinds_of(template: &[Token], source: &[Token]) -> Vec<Token> {
    let kinds: BTreeMap<&str, (&Kind, bool)> = source
        .iter()
        .filter_map(|token| match token {
            Token::Name { name, kind, levels } => Some((name.as_str(), (kind, *levels))),
            Token::Literal(_) | Token::Wild | Token::Pointer(_) => None,
        })
        .collect();
    template
        .iter()
        .map(|token| match token {
            Token::Name { name, .. } => match kinds.get(name.as_str()) {
                Some((kind, levels)) => Token::Name { name: name.clone(), kind: (*kind).clone(), levels: *levels },
                None => token.clone(),
            },
            Token::Literal(_) | Token::Wild | Token::Pointer(_) => token.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(text: &str) -> Pattern {
        Pattern::parse(text, Scope::Topic).expect("pattern")
    }

    #[test]
    fn a_name_is_one_level_and_a_plus_makes_it_many() {
        assert!(!topic("z/{device}").matches("z/a/b"));
        let found = topic("z/{device+}/set").capture("z/a/b/set").expect("match");
        assert_eq!(found["device"], "a/b");
    }

    #[test]
    fn looking_finds_what_the_regular_expression_finds() {
        let topics = ["z/{device}", "z/{device}/set", "{a}/{b}", "/{device}", "z//{device}", "z", "{device}/", "a.b/{device}"];
        let texts = ["z/a", "z/a/set", "z/a/set/", "z/", "z//a", "/a", "//", "", "z", "Z/a", "a.b/x", "axb/x", "z/a\nb", "é/ü"];
        for pattern in topics {
            let pattern = topic(pattern);
            assert!(pattern.plain.is_some(), "{pattern:?}");
            for text in texts {
                assert_eq!(pattern.capture(text), pattern.capture_by_regex(text), "{text:?} by {pattern:?}");
            }
        }
        let any = Pattern::parse("{device}", Scope::Text).expect("pattern");
        assert!(any.plain.is_some());
        for text in texts {
            assert_eq!(any.capture(text), any.capture_by_regex(text), "{text:?}");
        }
        for more in ["z/{device+}", "z/{n}", "z/{device:mac}", "z/a{device}", "z/*"] {
            assert_eq!(topic(more).plain, None, "{more}");
        }
        assert_eq!(Pattern::parse("single", Scope::Text).expect("pattern").plain, None, "ignores case");
    }

    #[test]
    fn kinds_are_checked() {
        assert!(topic("{device:mac}").matches("bc:02:6e:aa:bb:cc"));
        assert!(topic("{device:mac}").matches("BC026EAABBCC"));
        assert!(!topic("{device:mac}").matches("tasmota"));
        assert!(!topic("b/{n}").matches("b/x"));
    }

    #[test]
    fn mistakes_in_a_pattern_are_explained() {
        for bad in ["{", "}", "{Device}", "{a:word}", "{a}{a}", "{}"] {
            assert!(Pattern::parse(bad, Scope::Topic).is_err(), "{bad}");
        }
    }

    #[test]
    fn filters_cover_as_brokers_do() {
        assert!(covers("a/+", "a/b") && covers("a/#", "a") && covers("a/#", "a/+/c"));
        assert!(!covers("a/+", "a/b/c") && !covers("a/+", "a/#") && !covers("a/b", "a/+"));
    }

    #[test]
    fn a_filter_fills_what_is_known() {
        let pattern = topic("home/{gateway}/BTtoMQTT/{device}");
        let known = Captures::from([("device".to_owned(), "AA".to_owned())]);
        assert_eq!(filter(&pattern.tokens, &known, true), "home/+/BTtoMQTT/AA");
    }
}
