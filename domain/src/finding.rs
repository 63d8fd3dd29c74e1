//! Finding a facility by what somebody says on the telephone: a few letters of its name or kana, its number, its telephone.
//!
//! *Invariant:* every word of the query stands in what is found, whatever the script it was typed in; what fits best stands first.

use std::sync::Arc;

use crate::facility::Facility;
use crate::index::search_form;
use crate::moment::Moment;

/// Longest query that is looked at, in characters; the longest real name of a facility is shorter.
const LONGEST_QUERY: usize = 60;

/// How well a word fits a facility; the least is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It is the facility's number, with or without the letter and the zeros before it.
    Number,
    /// Its name, its kana or its office number begins so, or its telephone number ends so.
    Edge,
    /// It stands in the name, the kana or a number.
    Inside,
    /// It stands elsewhere in the record: address, operator, island.
    Elsewhere,
}

fn without_zeros(digits: &str) -> &str {
    digits.trim_start_matches('0')
}

fn fit(word: &str, facility: &Facility, text: &str) -> Option<Fit> {
    let id = facility.id.as_str();
    let digits = word.bytes().all(|b| b.is_ascii_digit());
    let number = id.trim_start_matches(|c: char| !c.is_ascii_digit());
    if id.eq_ignore_ascii_case(word) || (digits && !number.is_empty() && without_zeros(number) == without_zeros(word)) {
        return Some(Fit::Number);
    }
    if !text.contains(word) {
        return id.contains(word).then_some(Fit::Inside);
    }
    if digits {
        let is = |number: &str, ends: bool| {
            let plain = search_form(number);
            if ends { plain.ends_with(word) } else { plain.starts_with(word) }
        };
        let numbers =
            [(&facility.phone, true), (&facility.fax, true), (&facility.office_number, false), (&facility.phone, false)];
        if numbers.iter().any(|(n, ends)| is(n, *ends)) {
            return Some(Fit::Edge);
        }
        let inside = numbers.iter().any(|(n, _)| search_form(n).contains(word));
        return Some(if inside || facility.name.contains(word) { Fit::Inside } else { Fit::Elsewhere });
    }
    // The name stands in the first line, the kana in the second if there are any.
    let named = text.lines().take(if facility.kana.is_empty() { 1 } else { 2 });
    Some(
        named
            .map(|line| {
                if line.starts_with(word) {
                    Fit::Edge
                } else if line.contains(word) {
                    Fit::Inside
                } else {
                    Fit::Elsewhere
                }
            })
            .min()
            .unwrap_or(Fit::Elsewhere),
    )
}

impl<'a> Moment<'a> {
    /// The facilities of the register that a few words find, what fits best first; none for an empty query.
    ///
    /// Looks through the search text of every facility: a piece of a name cannot be looked up in an order of names, and the texts of
    /// 60,000 facilities are a few megabytes, read in milliseconds.
    #[must_use]
    pub fn found(&self, query: &str) -> Vec<&'a Arc<Facility>> {
        let query: String = query.chars().take(LONGEST_QUERY).collect();
        let words: Vec<String> = query.split_whitespace().map(search_form).filter(|w| !w.is_empty()).collect();
        if words.is_empty() {
            return Vec::new();
        }
        let board = self.board;
        let texts = board.index().search.iter();
        let mut found: Vec<(Fit, &'a Arc<Facility>)> = texts
            .filter_map(|(id, text)| {
                // Most are out before anything more is looked up.
                let may = |word: &String| text.contains(word.as_str()) || id.as_str().contains(without_zeros(word));
                if !words.iter().all(may) {
                    return None;
                }
                let facility = &board.find_facility(id)?.facility;
                // Every word must fit; the first one says how well, because it is what somebody said first.
                let fits = words.iter().map(|word| fit(word, facility, text)).collect::<Option<Vec<Fit>>>()?;
                Some((*fits.first()?, facility))
            })
            .collect();
        found.sort_by(|(a, f), (b, g)| a.cmp(b).then_with(|| (&f.kana, &f.name, &f.id).cmp(&(&g.kana, &g.name, &g.id))));
        found.into_iter().map(|(_, facility)| facility).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use jiff::Timestamp;

    use crate::{Board, Channel, DistrictId, Entry, EntryId, Facts, Moment, Rhythms};

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_796_000_000, 0);

    fn city() -> Board {
        let mut board = Board::new();
        for (seq, (id, name, kana, phone, office)) in [
            ("f617", "しまかぜ荘", "シマカゼソウ", "0959-00-0617", "4290000617"),
            ("f409", "大瀬戸しまなみ", "オオセトシマナミ", "0959-00-0409", ""),
            ("f252", "かもめ館", "カモメカン", "0959-00-0252", ""),
            ("f017", "ケアセンター はまゆう", "", "0959-00-6170", ""),
        ]
        .into_iter()
        .enumerate()
        {
            let facility = Facility {
                id: id.parse().unwrap(),
                name: name.into(),
                kana: kana.into(),
                district: DistrictId::new("oseto").unwrap(),
                island: (id == "f252").then(|| "松島".into()),
                address: String::new(),
                phone: phone.into(),
                fax: String::new(),
                url: String::new(),
                operator: "社会福祉法人 しまの会".into(),
                office_number: office.into(),
                latitude: None,
                longitude: None,
                services: vec![],
                closures: vec![],
            };
            board.apply(&Entry {
                seq: seq as u64 + 1,
                id: EntryId(uuid::Uuid::from_u128(seq as u128 + 1)),
                recorded_at: NOW,
                actor: "test".into(),
                channel: Channel::Import,
                facts: Facts::FacilityRegistered(Box::new(facility)),
                text: None,
            });
        }
        board
    }

    fn found(query: &str) -> Vec<String> {
        let (board, rhythms) = (city(), Rhythms::default());
        Moment::new(&board, NOW, &rhythms).found(query).iter().map(|f| f.id.to_string()).collect()
    }

    #[test]
    fn a_few_letters_find_a_facility_and_what_begins_so_stands_first() {
        assert_eq!(found("しま")[..2], ["f617", "f409"]);
        assert_eq!(found("シマカ"), ["f617"], "katakana");
        assert_eq!(found("ｼﾏｶｾﾞ"), ["f617"], "half width");
        assert_eq!(found("かもめ")[0], "f252", "hiragana finds the kana");
        assert_eq!(found("けあ"), ["f017"], "a name in katakana without kana in the register");
        assert_eq!(found("松島"), ["f252"]);
        assert_eq!(found("しま 大瀬戸"), ["f409"], "every word must fit");
        assert!(found("").is_empty() && found("　 ").is_empty() && found("ない").is_empty());
    }

    #[test]
    fn a_number_a_telephone_and_an_office_number_find_it_too() {
        assert_eq!(found("617")[0], "f617");
        assert_eq!(found("617"), ["f617", "f017"], "0959-00-6170 holds it, too");
        assert_eq!(found("17")[0], "f017", "its number counts before a telephone that ends so");
        assert_eq!(found("F252"), ["f252"]);
        assert_eq!(found("0959-00-0409"), ["f409"]);
        assert_eq!(found("０９５９０００４０９"), ["f409"]);
        assert_eq!(found("42900"), ["f617"]);
    }
}
