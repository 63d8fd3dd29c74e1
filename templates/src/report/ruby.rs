//! Furigana: `[漢字|かな]` in the locale files becomes `<ruby>`.
//!
//! Only words of the locale files pass through here, never what a facility or a sender wrote, so brackets in a name stay brackets.

use maud::{Markup, html};

/// One piece of a text: plain, or with its reading.
fn pieces(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut list = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let Some((inside, after)) = rest.get(open + 1..).and_then(|t| t.split_once(']')) else { break };
        let Some((base, reading)) = inside.split_once('|') else { break };
        list.push((rest.get(..open).unwrap_or_default(), None));
        list.push((base, Some(reading)));
        rest = after;
    }
    list.push((rest, None));
    list
}

/// The text with furigana over the marked words.
#[must_use]
pub fn ruby(text: &str) -> Markup {
    html! {
        @for (base, reading) in pieces(text) {
            @match reading {
                Some(reading) => ruby { (base) rp { "(" } rt { (reading) } rp { ")" } },
                None => (base),
            }
        }
    }
}

/// The text without its readings, for attributes and JSON.
#[must_use]
pub fn plain(text: &str) -> String {
    pieces(text).into_iter().map(|(base, _)| base).collect()
}
