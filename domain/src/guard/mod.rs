//! The guard: looks at free text before it is stored, so that no personal data gets onto the board.
//!
//! Only facts about facilities belong on the board; in a city of 24,000 people "the woman of 90 in Oshima" is a name. The guard is
//! a seat-belt, not a proof: posts also wait for a person to release them. Certain identifiers **block**; likely ones **ask** — the
//! sender sees where, why and how to reword, and a coordinator may confirm. What was typed is never changed.
//!
//! Each rule is one file with what it finds, where its numbers come from, and examples. To add a rule: write its file with a
//! `find(&Reading, &mut Vec<Hit>)`, name it in `RULES`, give it a [`Kind`] with its two sentences. To teach it a word, add the word
//! to a table in `words/`.
//!
//! *Invariant:* pure and linear: no rule looks further around than a constant, so a megabyte of hostile text costs no more per
//! character than a kind one.

mod address;
mod birth;
mod explain;
mod fold;
mod identity;
mod lexicon;
mod mail;
mod my_number;
mod name;
mod person;
mod phone;
mod reading;
mod register;
mod romaji;
mod room;

pub use explain::Kind;
pub use register::PublicRegister;

use reading::{Certainty, Hit, Reading};
use serde::{Deserialize, Serialize};

/// What may be done with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing was found.
    Ok,
    /// Something looks like personal data: the sender is asked, a coordinator may confirm.
    Ask,
    /// Personal data: the text is not accepted.
    Block,
}

/// One place in the text, with what is told to the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was found.
    pub kind: Kind,
    /// First character, counted in characters (Unicode scalar values) of the original text.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// Why it must not be on the board (Japanese).
    pub why: String,
    /// How to say the same without it (Japanese).
    pub suggestion: String,
}

/// The answer of the guard about one text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The gravest of all findings.
    pub verdict: Verdict,
    /// Where and why, in the order of the text; no two of one kind overlap.
    pub findings: Vec<Finding>,
}

type Rule = fn(&Reading<'_>, &mut Vec<Hit>);

/// Rules that look at the text alone, in no particular order. `person` runs after them because it reads their findings.
const RULES: [Rule; 9] = [
    phone::find,
    my_number::find,
    identity::find,
    mail::find,
    birth::find,
    address::find,
    room::find,
    name::find,
    phone::find_spelled,
];

/// Inspects one text. Never fails; time grows linearly with the length of the text.
pub fn inspect(text: &str, register: &PublicRegister) -> Inspection {
    let reading = Reading::new(text, register);
    let mut hits = Vec::new();
    for rule in RULES {
        rule(&reading, &mut hits);
    }
    person::find(&reading, &mut hits);

    let verdict = hits.iter().map(|hit| hit.certainty).max().map_or(Verdict::Ok, |c| match c {
        Certainty::Likely => Verdict::Ask,
        Certainty::Certain => Verdict::Block,
    });
    hits.sort_by_key(|hit| (hit.kind, hit.start, hit.end));
    let mut merged: Vec<Hit> = Vec::new();
    for hit in hits {
        match merged.last_mut() {
            Some(last) if last.kind == hit.kind && hit.start < last.end => last.end = last.end.max(hit.end),
            _ => merged.push(hit),
        }
    }
    merged.sort_by_key(|hit| (hit.start, hit.end));
    let findings = merged
        .into_iter()
        .map(|hit| {
            let (start, end) = reading.folded.original(hit.start, hit.end);
            Finding { kind: hit.kind, start, end, why: hit.kind.why().to_owned(), suggestion: hit.kind.suggestion().to_owned() }
        })
        .collect();
    Inspection { verdict, findings }
}

/// Answers one line of `guard --jsonl`: `{"text": "…"}` in, the [`Inspection`] as one line of JSON out.
///
/// Other members of the object are ignored. A line that is not such an object is answered by `{"error": "…"}` and no verdict at
/// all: "block" would claim that personal data was found, "ok" would let an uninspected text pass. The message names the place of
/// the mistake and never repeats the text.
pub fn line(line: &str, register: &PublicRegister) -> String {
    #[derive(Deserialize)]
    struct Question {
        text: String,
    }
    match serde_json::from_str::<Question>(line) {
        Ok(question) => serde_json::to_string(&inspect(&question.text, register))
            .unwrap_or_else(|_| refusal("the answer could not be written")),
        Err(error) => refusal(&format!("expected one JSON object with a string member \"text\" (column {})", error.column())),
    }
}

fn refusal(message: &str) -> String {
    serde_json::json!({ "error": message }).to_string()
}
