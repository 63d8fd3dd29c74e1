//! Every visible word, by key, from the locale files.
//!
//! A page never holds a visible word itself; it asks for a key such as `report.send`, which stands as `send` in the
//! table `[report]` of one of the files of a language. Invariant: a key that is missing is shown as the key, never as a blank, and a test
//! finds it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use imaboard_domain::Aspect;

/// The words of one language.
#[derive(Debug)]
pub struct Words {
    /// BCP 47 tag for the `lang` attribute.
    pub lang: &'static str,
    by_key: BTreeMap<String, String>,
}

/// The files of the Japanese words.
const JA_FILES: [&str; 15] = [
    include_str!("../locales/ja/common.toml"),
    include_str!("../locales/ja/report.toml"),
    include_str!("../locales/ja/public.toml"),
    include_str!("../locales/ja/wall.toml"),
    include_str!("../locales/ja/desk/frame.toml"),
    include_str!("../locales/ja/desk/overview.toml"),
    include_str!("../locales/ja/desk/proxy.toml"),
    include_str!("../locales/ja/desk/incidents.toml"),
    include_str!("../locales/ja/desk/facilities.toml"),
    include_str!("../locales/ja/desk/postings.toml"),
    include_str!("../locales/ja/desk/devices.toml"),
    include_str!("../locales/ja/desk/memory.toml"),
    include_str!("../locales/ja/desk/burden.toml"),
    include_str!("../locales/ja/desk/guide.toml"),
    include_str!("../locales/ja/desk/account.toml"),
];

/// The Japanese words: the language of the board.
pub static JA: LazyLock<Words> = LazyLock::new(|| Words::read("ja", &JA_FILES));

impl Words {
    fn read(lang: &'static str, files: &[&str]) -> Self {
        let mut by_key = BTreeMap::new();
        for file in files {
            // A file that cannot be read leaves its keys missing; the test over all keys says so.
            if let Ok(table) = file.parse::<toml::Table>() {
                flatten(&mut by_key, "", &table);
            }
        }
        Self { lang, by_key }
    }

    /// The words for a key; the key itself if there are none.
    #[must_use]
    pub fn t<'a>(&'a self, key: &'a str) -> &'a str {
        self.by_key.get(key).map_or(key, String::as_str)
    }

    /// The words for a key, with `{name}` replaced by the given values.
    #[must_use]
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        let mut text = self.t(key).to_owned();
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    /// Whether there are words for this key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }
}

/// The key of the words of an aspect's value (`power.generator`, `utility.none`): all utilities share theirs.
#[must_use]
pub fn value_key(aspect: &Aspect, word: &str) -> String {
    let table = match aspect {
        Aspect::Water
        | Aspect::Gas
        | Aspect::MedicalGas
        | Aspect::Phone
        | Aspect::Internet
        | Aspect::Toilet
        | Aspect::Climate => "utility",
        Aspect::Vacancy { .. } => "level",
        other => other.word(),
    };
    format!("{table}.{word}")
}

fn flatten(by_key: &mut BTreeMap<String, String>, prefix: &str, table: &toml::Table) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(by_key, &key, inner),
            toml::Value::String(text) => {
                by_key.insert(key, text.clone());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_words_can_be_read() {
        // A key that stands twice makes a whole file unreadable, and every word in it is then shown as its key.
        for file in JA_FILES {
            let read = file.parse::<toml::Table>();
            assert!(read.is_ok(), "{}: {:?}", file.lines().next().unwrap_or_default(), read.err());
        }
    }
}
