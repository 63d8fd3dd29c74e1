//! Free places over the last 30 days: the chart, and the same numbers as a table.
//!
//! Invariant: the table holds every number the chart draws; a day without a current report is a gap in both, never 0.

use std::collections::BTreeSet;

use imaboard_domain::{FreeOnDay, ServiceKind};
use maud::{Markup, html};

use crate::layout::{Frame, as_of, page};
use crate::time;

/// The finished drawings of one chart.
#[derive(Debug, Clone, Copy)]
pub struct Drawings<'a> {
    /// For columns of a desk screen.
    pub wide: &'a Markup,
    /// For telephones.
    pub narrow: &'a Markup,
}

/// The chart page. The drawings are finished SVG of the same `days`.
#[must_use]
pub fn free_places(frame: &Frame<'_>, days: &[FreeOnDay], drawings: Drawings<'_>) -> Markup {
    let kinds: BTreeSet<ServiceKind> =
        days.iter().flat_map(|d| d.free.iter().filter(|(_, n)| n.is_some()).map(|(k, _)| *k)).collect();
    let title = frame.t("public.chart.title");
    let middle = html! {
        h1 { (title) }
        (as_of(frame, html! { span.ib { (frame.t("public.chart.lead")) } }))
        @if kinds.is_empty() {
            section { p { (frame.t("public.chart.none")) } }
        } @else {
            section aria-label=(title) { figure.plot {
                div.wide-only { (drawings.wide) }
                div.narrow-only { (drawings.narrow) }
            } }
            section aria-labelledby="ct" {
                h2 #ct { (frame.t("public.chart.table")) }
                div.scroll tabindex="0" role="region" aria-labelledby="ct" {
                    table.trend {
                        thead { tr {
                            th scope="col" { (frame.t("public.chart.day")) }
                            @for kind in &kinds { th scope="col" { (kind.name_ja()) } }
                        } }
                        tbody {
                            @for day in days.iter().rev() { tr {
                                th scope="row" { time datetime=(day.day) { (time::day(day.day)) } }
                                @for kind in &kinds {
                                    td { @match day.free.iter().find(|(k, _)| k == kind).and_then(|(_, n)| *n) {
                                        Some(n) => span.num { (n) },
                                        None => { span.nil aria-hidden="true" { "–" } span.v { (frame.t("level.unknown")) } },
                                    } }
                                }
                            } }
                        }
                    }
                }
                p.s.more { (frame.t("public.chart.note")) }
            }
        }
    };
    page(frame, title, middle)
}
