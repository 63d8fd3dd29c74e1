//! The marks of the report page as stroked SVG symbols: they take the colour of the key they stand on.
//!
//! The board's own coloured marks (`crate::marks`) would vanish on a coloured key, so the keys have these. Invariant: hidden from
//! screen readers; a word always stands beside them.

use imaboard_domain::{Condition, Level};
use maud::{Markup, PreEscaped, html};

/// The drawings, once per page. Every symbol has an id of `m-` and its name.
pub(super) fn sprite() -> Markup {
    PreEscaped(format!(r#"<svg class="sprite" aria-hidden="true" width="0" height="0">{}</svg>"#, SYMBOLS.concat()))
}

const SYMBOLS: [&str; 22] = [
    r#"<symbol id="m-ample" viewBox="0 0 32 32"><circle cx="16" cy="16" r="12.5"/><circle cx="16" cy="16" r="5.5"/></symbol>"#,
    r#"<symbol id="m-some" viewBox="0 0 32 32"><circle cx="16" cy="16" r="11"/></symbol>"#,
    r#"<symbol id="m-few" viewBox="0 0 32 32"><path d="M16 5 28 26H4Z"/></symbol>"#,
    r#"<symbol id="m-full" viewBox="0 0 32 32"><path d="M7 7l18 18M25 7 7 25"/></symbol>"#,
    r#"<symbol id="m-off" viewBox="0 0 32 32"><path d="M7 16h18"/></symbol>"#,
    r#"<symbol id="m-unknown" viewBox="0 0 32 32"><path d="M11 12a5 5 0 1 1 7.500 4.400c-1.800 1-2.500 2-2.500 3.600M16 25.500v.01"/></symbol>"#,
    r#"<symbol id="m-yes" viewBox="0 0 32 32"><path d="M5 17l7.5 7.5L27 8"/></symbol>"#,
    r#"<symbol id="m-part" viewBox="0 0 32 32"><circle cx="16" cy="16" r="11"/><path d="M16 5v22a11 11 0 0 1 0-22Z" fill="currentColor"/></symbol>"#,
    r#"<symbol id="m-away" viewBox="0 0 32 32"><path d="M4 27V14l9-8 9 8v3M13 27v-7M20 24h9M25 19.500l5 4.500-5 4.500" stroke-width="3"/></symbol>"#,
    r#"<symbol id="m-pause" viewBox="0 0 32 32"><path d="M11 7v18M21 7v18" stroke-width="4.500"/></symbol>"#,
    r#"<symbol id="m-dots" viewBox="0 0 32 32"><path d="M7 16h.01M16 16h.01M25 16h.01" stroke-width="5"/></symbol>"#,
    r#"<symbol id="m-alert" viewBox="0 0 32 32"><path d="M16 4 29 27H3ZM16 13v6M16 23.4v.01" stroke-width="3"/></symbol>"#,
    r#"<symbol id="m-help" viewBox="0 0 32 32"><circle cx="16" cy="10.5" r="4"/><path d="M5 4c1 7 4 12 11 12s10-5 11-12M16 16v6M16 22l-5 7M16 22l5 7" stroke-width="3"/></symbol>"#,
    r#"<symbol id="m-ng" viewBox="0 0 32 32"><circle cx="16" cy="16" r="12"/><path d="M8 8l16 16"/></symbol>"#,
    r#"<symbol id="m-down" viewBox="0 0 32 32"><path d="M16 5v21M7 17l9 9 9-9"/></symbol>"#,
    r#"<symbol id="m-tel" viewBox="0 0 32 32"><path d="M10 4 5 6c0 12 9 21 21 21l2-5-6-4-3 3c-3-1-6-4-7-8l3-3Z" stroke-width="2.600"/></symbol>"#,
    r#"<symbol id="m-power" viewBox="0 0 32 32"><path d="M18 3 7 18h8l-2 11 12-16h-8Z" stroke-width="2.400"/></symbol>"#,
    r#"<symbol id="m-water" viewBox="0 0 32 32"><path d="M16 3c5 7 9 11 9 16a9 9 0 0 1-18 0c0-5 4-9 9-16Z" stroke-width="2.400"/></symbol>"#,
    r#"<symbol id="m-gas" viewBox="0 0 32 32"><path d="M16 3c1 6 8 9 8 16a8 8 0 0 1-16 0c0-3 2-5 3-7 1 2 2 3 3 3 2-3 2-7 2-12Z" stroke-width="2.400"/></symbol>"#,
    r#"<symbol id="m-road" viewBox="0 0 32 32"><path d="M11 4 5 28M21 4l6 24M16 5v4M16 14v4M16 23v4" stroke-width="2.400"/></symbol>"#,
    r#"<symbol id="m-staff" viewBox="0 0 32 32"><circle cx="16" cy="10" r="5.500"/><path d="M5 28c0-7 5-10 11-10s11 3 11 10" stroke-width="2.400"/></symbol>"#,
    r#"<symbol id="m-house" viewBox="0 0 32 32"><path d="M4 16 16 5l12 11M8 13v14h16V13M14 27v-7h4v7" stroke-width="2.400"/></symbol>"#,
];

/// One mark that takes the colour of its text.
pub(super) fn mark(name: &str) -> Markup {
    html! { svg.mark aria-hidden="true" { use href={ "#m-" (name) } {} } }
}

/// A thinner one, beside a heading.
pub(super) fn icon(name: &str) -> Markup {
    html! { svg.icon aria-hidden="true" { use href={ "#m-" (name) } {} } }
}

/// Class and mark of a level; `None` is unknown.
pub(super) fn level_look(level: Option<Level>) -> (&'static str, &'static str) {
    match level {
        Some(Level::Plenty) => ("ample", "ample"),
        Some(Level::Available) => ("some", "some"),
        Some(Level::Few) => ("few", "few"),
        Some(Level::Full) => ("full", "full"),
        Some(Level::NotOffered) => ("off", "off"),
        None => ("unknown", "unknown"),
    }
}

/// Class and mark of a damage value.
pub(super) fn condition_look(condition: Condition) -> (&'static str, &'static str) {
    match condition {
        Condition::Good => ("ample", "yes"),
        Condition::Limited => ("few", "part"),
        Condition::Bad => ("bad", "full"),
        Condition::Unconfirmed => ("dunno", "dots"),
    }
}

/// A state as a tile: shape on colour.
pub(super) fn chip((class, name): (&str, &str)) -> Markup {
    html! { span class={ "chip " (class) } { (mark(name)) } }
}
