//! What people learn from: the rule of what may be shared, and the pages the city writes itself, as plain words.
//!
//! Shared by the public pages, the report pages and the desk, so that everybody reads the same lines. *Invariant:* what the city
//! wrote is only ever text: headings, lists and paragraphs come from the beginnings of its lines, never from markup in it.

use imaboard_domain::{EditedPage, GuidePage};
use maud::{Markup, html};

use crate::words::Words;

/// Where the whole rule stands.
pub const RULE_PATH: &str = "/rule";

/// Most lines of one half of the rule.
const MOST_LINES: usize = 12;

/// Where a page stands for everybody.
#[must_use]
pub fn path(page: GuidePage) -> String {
    format!("/guide/{page}")
}

/// What a page is called.
#[must_use]
pub fn title(words: &Words, page: GuidePage) -> &str {
    match page {
        GuidePage::Contact => words.t("guide.contact.title"),
        GuidePage::Glossary => words.t("guide.glossary.title"),
    }
}

/// The words of a page before the city wrote its own, and after those were erased.
#[must_use]
pub fn default_text(words: &Words, page: GuidePage) -> &str {
    let text = match page {
        GuidePage::Contact => words.t("guide.contact.text"),
        GuidePage::Glossary => words.t("guide.glossary.text"),
    };
    text.trim()
}

/// The words of a page as they stand now.
#[must_use]
pub fn text_of<'a>(words: &'a Words, page: GuidePage, edited: Option<&'a EditedPage>) -> &'a str {
    edited.and_then(|held| held.text.as_deref()).unwrap_or_else(|| default_text(words, page))
}

/// One piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'a> {
    Heading(&'a str),
    List(Vec<&'a str>),
    Paragraph(Vec<&'a str>),
}

/// `■` or `#` begins a heading, `・` or `-` an item of a list; an empty line ends a paragraph. All else is a paragraph.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let mut open = false;
    for line in text.lines().map(str::trim) {
        let after = |signs: [&str; 2]| signs.iter().find_map(|sign| line.strip_prefix(sign)).map(str::trim);
        if line.is_empty() {
            open = false;
        } else if let Some(heading) = after(["■", "#"]) {
            pieces.push(Piece::Heading(heading.trim_start_matches('#').trim()));
            open = false;
        } else if let Some(item) = after(["・", "- "]) {
            match pieces.last_mut() {
                Some(Piece::List(items)) if open => items.push(item),
                _ => pieces.push(Piece::List(vec![item])),
            }
            open = true;
        } else {
            match pieces.last_mut() {
                Some(Piece::Paragraph(lines)) if open => lines.push(line),
                _ => pieces.push(Piece::Paragraph(vec![line])),
            }
            open = true;
        }
    }
    pieces
}

/// Plain words with headings, lists and paragraphs. In a list what stands before the first `：` is the word that is explained.
#[must_use]
pub fn prose(text: &str) -> Markup {
    html! {
        @for piece in pieces(text) {
            @match piece {
                Piece::Heading(heading) => { h2 { (heading) } }
                Piece::List(items) => { ul.points {
                    @for item in items { li {
                        @match item.split_once('：') {
                            Some((word, meaning)) if !word.is_empty() => { b { (word) } "：" (meaning) }
                            _ => { (item) }
                        }
                    } }
                } }
                Piece::Paragraph(lines) => { p { @for (i, line) in lines.iter().enumerate() { @if i > 0 { br; } (line) } } }
            }
        }
    }
}

fn lines(words: &Words, half: &str) -> Vec<String> {
    (1..=MOST_LINES)
        .map(|n| format!("rule.{half}_{n}"))
        .take_while(|key| words.has(key))
        .map(|key| words.t(&key).to_owned())
        .collect()
}

/// What may be shared and what not, on one page: two lists side by side, and how to say the same without a person.
#[must_use]
pub fn rule(words: &Words) -> Markup {
    html! {
        p { (words.t("rule.lead")) }
        div.rule-halves {
            section.rule-yes aria-labelledby="rule-yes" {
                h2 #rule-yes { span.rule-mark aria-hidden="true" { "○" } " " (words.t("rule.yes")) }
                ul.points { @for line in lines(words, "yes") { li { (line) } } }
            }
            section.rule-no aria-labelledby="rule-no" {
                h2 #rule-no { span.rule-mark aria-hidden="true" { "×" } " " (words.t("rule.no")) }
                ul.points { @for line in lines(words, "no") { li { (line) } } }
            }
        }
        section {
            h2 #rule-instead { (words.t("rule.instead")) }
            div.scroll tabindex="0" role="region" aria-labelledby="rule-instead" {
                table.rule-say {
                    thead { tr { th scope="col" { (words.t("rule.not_so")) } th scope="col" { (words.t("rule.but_so")) } } }
                    tbody { @for line in lines(words, "say") {
                        @let (not, but) = line.split_once('→').unwrap_or((&line, ""));
                        tr { td { (not.trim()) } td { (but.trim()) } }
                    } }
                }
            }
        }
        section aria-labelledby="rule-doubt" {
            h2 #rule-doubt { (words.t("rule.doubt")) }
            ul.points { @for line in lines(words, "doubt") { li { (line) } } }
        }
    }
}

/// The rule in one line, with the way to all of it: it stands wherever people type.
#[must_use]
pub fn rule_in_short(words: &Words) -> Markup {
    html! {
        p.rule-short { (words.t("rule.short")) " " a href=(RULE_PATH) { (words.t("rule.title")) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::JA;

    #[test]
    fn lines_become_headings_lists_and_paragraphs_and_never_markup() {
        let text = "■ 電話\n急ぐとき\nすぐ返事がほしいとき\n\n- ADL：日常の動作\n・<b>太字</b>\n\nおわり <script>";
        let made = prose(text).into_string();
        assert_eq!(
            made,
            "<h2>電話</h2><p>急ぐとき<br>すぐ返事がほしいとき</p><ul class=\"points\"><li><b>ADL</b>：日常の動作</li>\
             <li>&lt;b&gt;太字&lt;/b&gt;</li></ul><p>おわり &lt;script&gt;</p>"
        );
    }

    #[test]
    fn every_page_has_words_before_the_city_writes_its_own_and_again_after_they_were_erased() {
        for page in GuidePage::ALL {
            assert!(title(&JA, *page).chars().count() > 2 && default_text(&JA, *page).lines().count() > 8, "{page}");
            let at = jiff::Timestamp::UNIX_EPOCH;
            let own = EditedPage { text: Some("市の文".to_owned()), revision: 1, at, seq: 7 };
            assert_eq!(text_of(&JA, *page, Some(&own)), "市の文");
            let erased = EditedPage { text: None, ..own };
            assert_eq!(text_of(&JA, *page, Some(&erased)), default_text(&JA, *page));
        }
    }

    #[test]
    fn the_rule_says_both_halves_and_how_to_say_it_instead() {
        let made = rule(&JA).into_string();
        for half in ["yes", "no", "say", "doubt"] {
            assert!((3..MOST_LINES).contains(&lines(&JA, half).len()), "{half} is not whole, or longer than is printed");
        }
        assert!(lines(&JA, "say").iter().all(|line| line.contains('→')));
        assert!(!made.contains("rule.") && made.contains("<table"));
    }
}
