//! Mail addresses and accounts that are not a facility's own.
//!
//! Finds `name@domain.tld`, also with `[at]`, `(at)`, あっと or アットマーク instead of `@`, and names of accounts behind the name of a service. Both
//! block: they lead to one person. Lengths are those of RFC 5321 (64 before the `@`, 255 behind).
//!
//! Must match: `ｙａｍａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ`, `hanako-s[at]example.ne.jp`, `LINE ID: hanako1234`. Must not: a registered address,
//! 「LINEでもお問い合わせいただけます」.

use super::{
    explain::Kind,
    reading::{Hit, Reading},
};

const AT: [&str; 13] = [
    "@",
    "[at]",
    "(at)",
    "<at>",
    "{at}",
    "[AT]",
    "(AT)",
    "【at】",
    "アットマーク",
    "あっとまーく",
    "(アット)",
    "アット",
    "あっと",
];
const LOCAL_PART_MAX: usize = 64;
const DOMAIN_MAX: usize = 255;

/// Finds mail addresses and accounts.
pub(super) fn find(text: &Reading<'_>, hits: &mut Vec<Hit>) {
    let mut at = 0;
    while at < text.len() {
        if let Some(hit) = mail(text, at).or_else(|| account(text, at)) {
            at = hit.1;
            hits.extend(hit.0);
        } else {
            at += 1;
        }
    }
}

/// A mail address whose `@` begins at `at`, and where it ends.
fn mail(text: &Reading<'_>, at: usize) -> Option<(Option<Hit>, usize)> {
    if !"@[(<{【アあ".contains(text.at(at)) {
        return None;
    }
    let after = text.any(at, &AT)?;
    let local_end = if text.before(at) == ' ' { at.checked_sub(1)? } else { at };
    let is_local = |c: char| c.is_ascii_alphanumeric() || "._+-%".contains(c);
    let start = (local_end.saturating_sub(LOCAL_PART_MAX)..local_end).rev().take_while(|i| is_local(text.at(*i))).last()?;
    let from = text.skip_spaces(after);
    let mut domain = String::new();
    let mut end = from;
    while end < text.len() && domain.len() < DOMAIN_MAX {
        if let Some(next) = text.any(end, &["[dot]", "(dot)", "ドット", "どっと"]) {
            domain.push('.');
            end = next;
        } else if text.at(end).is_ascii_alphanumeric() || ".-".contains(text.at(end)) {
            domain.push(text.at(end));
            end += 1;
        } else if text.at(end) == '。' && text.at(end + 1).is_ascii_alphanumeric() {
            domain.push('.');
            end += 1;
        } else {
            break;
        }
    }
    let trimmed = domain.trim_end_matches(['.', '-']).to_owned();
    end -= domain.len() - trimmed.len();
    let (_, last_label) = trimmed.rsplit_once('.')?;
    if last_label.len() < 2 || !last_label.chars().all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    let local: String = text.slice(start, local_end).iter().collect();
    let known = text.register.has_email(&format!("{local}@{trimmed}"));
    Some(((!known).then(|| Hit::certain(Kind::Email, start, end)), end))
}

const SERVICES: [&str; 14] = [
    "LINE",
    "Line",
    "ライン",
    "line",
    "Instagram",
    "インスタ",
    "Twitter",
    "ツイッター",
    "Facebook",
    "フェイスブック",
    "Skype",
    "スカイプ",
    "TikTok",
    "アカウント",
];

/// An account name behind the name of a service, and where it ends.
fn account(text: &Reading<'_>, at: usize) -> Option<(Option<Hit>, usize)> {
    if !"LlラIイTツFフSスア".contains(text.at(at)) {
        return None;
    }
    let mut next = text.any(at, &SERVICES)?;
    if text.before(at).is_ascii_alphabetic() {
        return None;
    }
    let mut introduced = false;
    for _ in 0..4 {
        next = text.skip_spaces(next);
        if let Some(end) = text.any(next, &["ID", "Id", "id", "アカウント", "のID", "は", ":", "=", "@"]) {
            introduced = true;
            next = end;
        }
    }
    let name = (next..text.len().min(next + 40))
        .take_while(|i| text.at(*i).is_ascii_alphanumeric() || "._-".contains(text.at(*i)))
        .count();
    let end = next + name;
    (introduced && name >= 4).then(|| (Some(Hit::certain(Kind::Account, next, end)), end))
}
