//! What makes a password good enough: long, and none that is tried first. No rules of composition, no rotation.
//!
//! *Invariant:* whoever is refused is told why in a way that can be acted on; nothing typed is kept or logged.

use unicode_normalization::UnicodeNormalization;

/// Fewest characters (NIST SP 800-63B-4 asks for 15 where a password could stand alone).
pub const FEWEST: usize = 15;
/// Most characters: hashing more only costs time.
pub const MOST: usize = 256;
/// Characters that must be left when what everybody would guess is taken away.
const FEWEST_OWN: usize = 8;

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Fewer than [`FEWEST`] characters.
    #[error("too short")]
    Short,
    /// More than [`MOST`] characters.
    #[error("too long")]
    Long,
    /// It is among those tried first.
    #[error("well known")]
    Known,
    /// It repeats itself, or counts, or walks along the keyboard.
    #[error("regular")]
    Regular,
    /// It is made of the city's or the account's name.
    #[error("made of names")]
    Named,
}

/// One form for what looks the same: people type full-width letters without noticing.
#[must_use]
pub fn normal(password: &str) -> String {
    password.nfkc().collect()
}

/// Long passwords that lists of stolen ones hold, and Japanese ones of the same kind; compared without case and spaces.
const KNOWN: &[&str] = &[
    "passwordpassword",
    "password12345678",
    "password123456789",
    "passw0rdpassw0rd",
    "mypasswordispassword",
    "correcthorsebatterystaple",
    "administratoradministrator",
    "administrator123",
    "letmeinletmein123",
    "iloveyouiloveyou",
    "welcomewelcome123",
    "1q2w3e4r5t6y7u8i",
    "1q2w3e4r5t6y7u8i9o0p",
    "qwertyuiopasdfgh",
    "qwertyuiopasdfghjkl",
    "zaq12wsxcde34rfv",
    "1qaz2wsx3edc4rfv",
    "1qaz2wsx3edc4rfv5tgb",
    "abcdefghijklmnop",
    "thisismypassword",
    "changemechangeme",
    "defaultpassword1",
    "pasuwaadopasuwaado",
    "ぱすわーどぱすわーど",
    "いろはにほへとちりぬるを",
    "あいうえおかきくけこさしすせそ",
    "arigatougozaimasu",
    "ohayougozaimasu",
    "yoroshikuonegaishimasu",
];

/// Rows of a keyboard, and what counts.
const WALKS: &[&str] = &[
    "01234567890123456789",
    "98765432109876543210",
    "abcdefghijklmnopqrstuvwxyz",
    "zyxwvutsrqponmlkjihgfedcba",
    "qwertyuiop",
    "poiuytrewq",
    "asdfghjkl",
    "lkjhgfdsa",
    "zxcvbnm",
    "mnbvcxz",
];

/// Words that everybody at this desk would think of.
const CONTEXT: &[&str] =
    &["imaboard", "いまボード", "saikai", "西海市", "西海", "nagasaki", "長崎", "password", "パスワード", "福祉課"];

/// Refuses a password that is short or tried first. `names` are the account's and the city's.
///
/// # Errors
/// [`Weak`] says why.
pub fn ensure_strong(password: &str, names: &[&str]) -> Result<(), Weak> {
    let normal = normal(password);
    let count = normal.chars().count();
    if count < FEWEST {
        return Err(Weak::Short);
    }
    if count > MOST {
        return Err(Weak::Long);
    }
    let plain: String = normal.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    if KNOWN.contains(&plain.as_str()) {
        return Err(Weak::Known);
    }
    let chars: Vec<char> = plain.chars().collect();
    if is_repetition(&chars) || walked(&plain) {
        return Err(Weak::Regular);
    }
    let mut own = plain;
    let words = CONTEXT.iter().copied().chain(names.iter().flat_map(|name| name.split_whitespace()));
    for word in words.filter(|word| word.chars().count() > 1) {
        own = own.replace(&word.to_lowercase(), "");
    }
    if own.chars().count() < FEWEST_OWN { Err(Weak::Named) } else { Ok(()) }
}

/// Whether it is the same few characters over and over.
fn is_repetition(chars: &[char]) -> bool {
    (1..=5).any(|unit| chars.iter().zip(chars.iter().skip(unit)).all(|(a, b)| a == b))
}

/// Whether little is left of it without steps along a keyboard row, the alphabet or the numbers.
fn walked(plain: &str) -> bool {
    let chars: Vec<char> = plain.chars().collect();
    let is_step = |three: &[char]| {
        let three: String = three.iter().collect();
        WALKS.iter().any(|walk| walk.contains(&three))
    };
    let steps = chars.windows(3).filter(|three| is_step(three)).count();
    chars.len().saturating_sub(steps) < FEWEST_OWN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_phrases_are_taken_and_no_composition_is_asked_for() {
        for good in
            ["asa no kohi to pan", "かもめが三羽とんでいった", "きのうの夕やけはきれいだったなあ", "tidal crow lamp ninety"]
        {
            let counted = good.chars().count() >= FEWEST;
            assert_eq!(
                ensure_strong(good, &["福祉課 1番席", "西海市"]),
                if counted { Ok(()) } else { Err(Weak::Short) },
                "{good}"
            );
        }
    }

    #[test]
    fn what_is_tried_first_is_refused_with_the_reason() {
        for (bad, why) in [
            ("short one", Weak::Short),
            ("PasswordPassword", Weak::Known),
            ("１ｑ２ｗ３ｅ４ｒ５ｔ６ｙ７ｕ８ｉ", Weak::Known),
            ("abcabcabcabcabcabc", Weak::Regular),
            ("12345678901234567", Weak::Regular),
            ("qwertyuiop123456", Weak::Regular),
            ("saikai imaboard 2026", Weak::Named),
            ("西海市福祉課1番席いまボード12", Weak::Named),
        ] {
            assert_eq!(ensure_strong(bad, &["福祉課 1番席", "西海市"]), Err(why), "{bad}");
        }
        assert_eq!(ensure_strong(&"長い".repeat(200), &[]), Err(Weak::Long));
    }
}
