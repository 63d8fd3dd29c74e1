//! What the city has published about its facilities and the guard may therefore let pass.
//!
//! A home's own telephone number is not personal data. Invariant: everything is stored in the folded form, so a registered
//! number is recognised however it is typed.

use std::collections::HashSet;

use serde::Deserialize;

use super::{fold::Folded, lexicon::WordTree};

/// Registered telephone and FAX numbers, mail addresses, street addresses and names of facilities.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Published")]
pub struct PublicRegister {
    phones: HashSet<String>,
    local_phones: HashSet<String>,
    emails: HashSet<String>,
    addresses: HashSet<String>,
    facilities: WordTree<()>,
}

/// The shape of the register file: `{phones, emails, addresses, facilities}`, each a list of texts; other members are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Published {
    phones: Vec<String>,
    emails: Vec<String>,
    addresses: Vec<String>,
    facilities: Vec<String>,
}

impl From<Published> for PublicRegister {
    fn from(published: Published) -> Self {
        Self::new(published.phones, published.emails, published.addresses, published.facilities)
    }
}

impl PublicRegister {
    /// Folds the published facts into sets; build it once per change of the register, not once per text.
    pub fn new<S: AsRef<str>>(
        phones: impl IntoIterator<Item = S>,
        emails: impl IntoIterator<Item = S>,
        addresses: impl IntoIterator<Item = S>,
        facilities: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut tree = WordTree::default();
        for facility in facilities {
            let name = Folded::new(facility.as_ref()).chars;
            // A name of one character would switch the guard off for that character everywhere.
            if name.len() >= 2 {
                tree.insert(name, ());
            }
        }
        let phones: HashSet<String> = phones
            .into_iter()
            .map(|p| Folded::new(p.as_ref()).chars.into_iter().filter(char::is_ascii_digit).collect())
            .filter(|p: &String| !p.is_empty())
            .collect();
        let local_phones = phones.iter().filter_map(|p| p.get(p.len().saturating_sub(6)..).map(str::to_owned)).collect();
        Self {
            phones,
            local_phones,
            emails: emails.into_iter().map(|e| e.as_ref().trim().to_ascii_lowercase()).collect(),
            addresses: addresses
                .into_iter()
                .flat_map(|a| short_forms(&canonical_address(&Folded::new(a.as_ref()).chars)))
                .collect(),
            facilities: tree,
        }
    }

    pub(super) fn has_phone(&self, digits: &str) -> bool {
        self.phones.contains(digits)
    }

    /// A number without its area code, as people on the spot give it.
    pub(super) fn has_local_phone(&self, digits: &str) -> bool {
        self.local_phones.contains(digits)
    }

    pub(super) fn has_email(&self, address: &str) -> bool {
        self.emails.contains(&address.to_ascii_lowercase())
    }

    /// True if `address` is a registered one, with or without prefecture and city.
    pub(super) fn has_address(&self, address: &[char]) -> bool {
        short_forms(&canonical_address(address)).iter().any(|form| self.addresses.contains(form))
    }

    /// The stretches of the text that are names of registered facilities, as a flag per character.
    pub(super) fn facility_flags(&self, chars: &[char]) -> Vec<bool> {
        let mut flags = vec![false; chars.len()];
        let mut at = 0;
        while at < chars.len() {
            let mut longest = at;
            self.facilities.words_at(chars, at, |end, ()| longest = end);
            for flag in flags.iter_mut().take(longest).skip(at) {
                *flag = true;
            }
            at = longest.max(at + 1);
        }
        flags
    }
}

/// One spelling of an address: 100番地, 100番 and 100 are the same house.
fn canonical_address(chars: &[char]) -> String {
    let text: String = chars.iter().filter(|c| **c != ' ').collect();
    let text = text.replace("番地の", "-").replace("番地", "-").replace("丁目", "-").replace('番', "-").replace('号', "");
    text.trim_matches('-').to_owned()
}

/// The address itself and what is left of it behind 県 and 市, as long as that still names a place and a number.
fn short_forms(address: &str) -> Vec<String> {
    let mut forms = vec![address.to_owned()];
    for border in ['県', '市'] {
        if let Some((_, rest)) = address.split_once(border) {
            forms.push(rest.to_owned());
        }
    }
    forms.retain(|form| form.chars().count() >= 4);
    forms
}
