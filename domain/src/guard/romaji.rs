//! Readings in Latin letters, the ways people write their own names: `Sato`, `Satou`, `Satoh`; `Kenji`, `Kenzi`.
//!
//! Names in Latin letters have no honorific to give them away, so the guard derives them from the readings it knows.
//! Invariant: only ASCII lower case comes out.

/// The spellings of one hiragana reading, without duplicates.
pub(super) fn spellings(reading: &str) -> Vec<String> {
    let long = hepburn(reading);
    let short = long.replace("ou", "o").replace("oo", "o").replace("uu", "u");
    let with_h = if long.ends_with("ou") { format!("{short}h") } else { short.clone() };
    let kunrei = short.replace("shi", "si").replace("chi", "ti").replace("tsu", "tu").replace("ji", "zi").replace("fu", "hu");
    let mut all = vec![long, short, with_h, kunrei];
    all.sort();
    all.dedup();
    all
}

fn hepburn(reading: &str) -> String {
    let chars: Vec<char> = reading.chars().collect();
    let mut out = String::new();
    let mut doubled = false;
    for (i, c) in chars.iter().enumerate() {
        if *c == 'っ' {
            doubled = true;
            continue;
        }
        let small = chars.get(i + 1).and_then(|n| match n {
            'ゃ' => Some("a"),
            'ゅ' => Some("u"),
            'ょ' => Some("o"),
            _ => None,
        });
        let plain = syllable(*c);
        if plain.is_empty() {
            continue;
        }
        let mut piece = plain.to_owned();
        if let Some(vowel) = small {
            let stem = plain.trim_end_matches('i');
            let glide = if matches!(stem, "sh" | "ch" | "j") { "" } else { "y" };
            piece = format!("{stem}{glide}{vowel}");
        }
        if doubled {
            let head = if piece.starts_with("ch") { "t" } else { piece.get(..1).unwrap_or("") };
            out.push_str(head);
            doubled = false;
        }
        out.push_str(&piece);
    }
    out
}

/// Position in the table is position in the Unicode block from U+3041 (small あ).
fn syllable(c: char) -> &'static str {
    const TABLE: [&str; 83] = [
        "a", "a", "i", "i", "u", "u", "e", "e", "o", "o", "ka", "ga", "ki", "gi", "ku", "gu", "ke", "ge", "ko", "go", "sa", "za",
        "shi", "ji", "su", "zu", "se", "ze", "so", "zo", "ta", "da", "chi", "ji", "", "tsu", "zu", "te", "de", "to", "do", "na",
        "ni", "nu", "ne", "no", "ha", "ba", "pa", "hi", "bi", "pi", "fu", "bu", "pu", "he", "be", "pe", "ho", "bo", "po", "ma",
        "mi", "mu", "me", "mo", "", "ya", "", "yu", "", "yo", "ra", "ri", "ru", "re", "ro", "wa", "wa", "i", "e", "o", "n",
    ];
    let index = u32::from(c).wrapping_sub(0x3041) as usize;
    TABLE.get(index).copied().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::spellings;

    #[test]
    fn a_reading_is_found_in_every_common_spelling() {
        for (reading, spelling) in [
            ("さとう", "sato"),
            ("さとう", "satou"),
            ("さとう", "satoh"),
            ("まつもと", "matsumoto"),
            ("けんじ", "kenji"),
            ("しょうじ", "shoji"),
            ("はっとり", "hattori"),
            ("おおの", "ono"),
            ("じゅんこ", "junko"),
        ] {
            assert!(spellings(reading).iter().any(|s| s == spelling), "{reading}: {:?}", spellings(reading));
        }
    }
}
