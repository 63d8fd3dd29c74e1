#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use super::*;

/// Names of figures of ours in a text, without the endings that histograms add.
fn named(text: &str) -> BTreeSet<&str> {
    let histograms: BTreeSet<&str> = all().filter(|f| f.kind == Kind::Histogram).map(|f| f.name).collect();
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("imaboard_"))
        .map(|word| {
            let bare = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
            bare.filter(|bare| histograms.contains(bare)).unwrap_or(word)
        })
        .collect()
}

#[test]
fn names_are_unique_and_end_in_their_unit() {
    let names: BTreeSet<&str> = all().map(|f| f.name).collect();
    assert_eq!(names.len(), all().count());
    for figure in all() {
        assert!(figure.name.starts_with("imaboard_"), "{}", figure.name);
        assert_eq!(figure.name.ends_with("_total"), figure.kind == Kind::Counter, "{}", figure.name);
        assert_eq!(figure.name.ends_with("_seconds"), figure.unit == Unit::Seconds, "{}", figure.name);
        assert_eq!(figure.name.ends_with("_bytes"), figure.unit == Unit::Bytes, "{}", figure.name);
        assert!(!figure.help.contains('|'), "{} would break the table", figure.name);
    }
}

#[test]
fn the_documented_table_is_the_one_in_the_code() {
    let written = include_str!("../../../config/monitoring/metrics.md");
    assert!(written == document(), "config/monitoring/metrics.md must read:\n{}", document());
}

#[test]
fn the_dashboard_shows_every_figure_and_asks_for_no_other() {
    let dashboard: serde_json::Value = serde_json::from_str(include_str!("../../../config/monitoring/grafana.json")).unwrap();
    let mut asked = BTreeSet::new();
    let mut panels = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            panels += 1;
            asked.extend(named(target["expr"].as_str().unwrap()));
        }
    }
    assert!(panels > 20);
    let ours: BTreeSet<&str> = all().map(|f| f.name).collect();
    assert_eq!(asked, ours);
}
