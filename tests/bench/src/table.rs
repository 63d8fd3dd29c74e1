//! The figures of a run: what was measured, the ratios, and whether they reach what the project promises.
//!
//! *Invariant:* the ratio in the table is the median of the ratios of the rounds, and every round stands in the JSON.

use serde_json::{Value, json};

use crate::machine::Machine;
use crate::rows::Row;

/// What a figure has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reach {
    AtLeast(f64),
    AtMost(f64),
}

impl Reach {
    /// Whether a figure is good enough. Figures count as printed: two digits.
    pub(crate) fn is_met(self, figure: f64) -> bool {
        let figure = (figure * 100.0).round() / 100.0;
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }
}

impl std::fmt::Display for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
        }
    }
}

/// One figure: ours against the reference, round by round; a figure without a reference stands for itself.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) row: &'static str,
    pub(crate) work: &'static str,
    pub(crate) reference: &'static str,
    /// What was measured, with its unit.
    pub(crate) measure: &'static str,
    pub(crate) ours: Vec<f64>,
    pub(crate) theirs: Vec<f64>,
    pub(crate) reach: Reach,
}

impl Line {
    pub(crate) fn new(measure: &'static str, reach: Reach) -> Self {
        Self { row: "", work: "", reference: "", measure, ours: Vec::new(), theirs: Vec::new(), reach }
    }

    pub(crate) fn add(&mut self, ours: f64, theirs: f64) {
        self.ours.push(ours);
        self.theirs.push(theirs);
    }

    /// A figure that has no reference.
    pub(crate) fn alone(measure: &'static str, reach: Reach, ours: Vec<f64>) -> Self {
        Self { ours, ..Self::new(measure, reach) }
    }

    pub(crate) fn of(mut self, row: &Row) -> Self {
        (self.row, self.work) = (row.name, row.work);
        self.reference = if self.theirs.is_empty() { "–" } else { row.reference };
        self
    }

    pub(crate) fn ratios(&self) -> Vec<f64> {
        self.ours.iter().zip(&self.theirs).map(|(a, b)| a / b).collect()
    }

    /// The median ratio, or the median itself.
    pub(crate) fn result(&self) -> f64 {
        if self.theirs.is_empty() { median(&self.ours) } else { median(&self.ratios()) }
    }

    pub(crate) fn is_met(&self) -> bool {
        self.reach.is_met(self.result())
    }

    pub(crate) fn figure(&self) -> String {
        let verdict = if self.is_met() { "ok" } else { "missed" };
        format!("{}: {:.2} ({} {verdict})", self.measure, self.result(), self.reach)
    }
}

/// The middle of the values; of an even number the mean of the two in the middle. NaN without values.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (Some(value), 1) => *value,
        (Some(value), _) => f64::midpoint(*value, sorted[middle - 1]),
        (None, _) => f64::NAN,
    }
}

/// Everything measured in one run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) machine: Machine,
    pub(crate) quick: bool,
    pub(crate) lines: Vec<Line>,
    pub(crate) failed: Vec<(String, String)>,
}

impl Run {
    pub(crate) fn new(machine: Machine, quick: bool) -> Self {
        Self { machine, quick, lines: Vec::new(), failed: Vec::new() }
    }

    fn title(&self) -> String {
        let m = &self.machine;
        let smoke = if self.quick { "; --quick: one short round, the figures mean little" } else { "" };
        format!("{}, {} ({} cores, {} GiB), Linux {}{smoke}", m.date, m.cpu, m.cores, m.memory_gib, m.kernel)
    }

    fn cells(&self) -> Vec<[String; 8]> {
        let head = ["work", "measured", "reference", "ours", "reference's", "ratio", "reach", ""].map(str::to_owned);
        let rows = self.lines.iter().map(|l| {
            let alone = l.theirs.is_empty();
            [
                l.work.to_owned(),
                l.measure.to_owned(),
                l.reference.to_owned(),
                short(median(&l.ours)),
                if alone { "–".to_owned() } else { short(median(&l.theirs)) },
                if alone { "–".to_owned() } else { format!("{:.2}", l.result()) },
                l.reach.to_string(),
                if l.is_met() { "ok" } else { "missed" }.to_owned(),
            ]
        });
        std::iter::once(head).chain(rows).collect()
    }

    /// The table for a terminal.
    pub(crate) fn text(&self) -> String {
        let cells = self.cells();
        let widths: [usize; 8] = std::array::from_fn(|i| cells.iter().map(|c| c[i].chars().count()).max().unwrap_or(0));
        let mut text = format!("{}\n\n", self.title());
        for (at, row) in cells.iter().enumerate() {
            let line: Vec<String> = row.iter().zip(widths).map(|(c, w)| format!("{c:<w$}")).collect();
            text.push_str(line.join("  ").trim_end());
            text.push('\n');
            if at == 0 {
                text.push_str(&"─".repeat(widths.iter().sum::<usize>() + 14));
                text.push('\n');
            }
        }
        for (row, why) in &self.failed {
            text.push_str(&format!("{row}: not measured: {why}\n"));
        }
        text
    }

    /// The table for the README.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", self.title());
        for (at, row) in self.cells().iter().enumerate() {
            text.push_str(&format!("| {} |\n", row.join(" | ")));
            if at == 0 {
                text.push_str("|---|---|---|---|---|---|---|---|\n");
            }
        }
        text
    }

    /// Everything, every round.
    pub(crate) fn json(&self) -> Value {
        let lines: Vec<Value> = self
            .lines
            .iter()
            .map(|l| {
                let (kind, bound) = match l.reach {
                    Reach::AtLeast(bound) => ("at_least", bound),
                    Reach::AtMost(bound) => ("at_most", bound),
                };
                let ratio = if l.theirs.is_empty() { Value::Null } else { json!(l.result()) };
                json!({
                    "row": l.row, "work": l.work, "reference": l.reference, "measure": l.measure, "ratio": ratio,
                    "value": median(&l.ours), "reach": { kind: bound }, "ok": l.is_met(),
                    "rounds": { "ours": l.ours, "reference": l.theirs, "ratios": l.ratios() },
                })
            })
            .collect();
        let failed: Vec<Value> = self.failed.iter().map(|(row, why)| json!({ "row": row, "why": why })).collect();
        json!({ "machine": self.machine, "quick": self.quick, "lines": lines, "not_measured": failed })
    }
}

const BEGIN: &str = "<!-- tests/bench/run --readme -->\n";
const END: &str = "<!-- end -->\n";

/// The README with a new table between its marks.
pub(crate) fn in_readme(readme: &str, table: &str) -> crate::Outcome<String> {
    let (before, rest) = readme.split_once(BEGIN).ok_or("README.md has no place for the table")?;
    let (_, after) = rest.split_once(END).ok_or("the place for the table in README.md has no end")?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}

/// Three digits are more than any of these figures is good for.
fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn run() -> Run {
        let machine = Machine { date: "2026-11-23".into(), cpu: "a CPU".into(), cores: 2, memory_gib: 23, kernel: "6.18".into() };
        let mut run = Run::new(machine, false);
        let mut front = Line::new("requests/s", Reach::AtLeast(1.0));
        [(110.0, 100.0), (80.0, 100.0), (300.0, 200.0)].into_iter().for_each(|(a, b)| front.add(a, b));
        let mut cpu = Line::new("CPU µs/request", Reach::AtMost(1.0));
        cpu.add(12.0, 10.0);
        let memory = Line::alone("MB", Reach::AtMost(40.0), vec![31.0]);
        run.lines = vec![
            Line { row: "front", work: "front page", reference: "nginx", ..front },
            Line { row: "front", work: "front page", reference: "nginx", ..cpu },
            Line { row: "memory", work: "idle program", reference: "–", ..memory },
        ];
        run
    }

    #[test]
    fn the_median_of_the_ratios_decides_and_not_the_ratio_of_medians() {
        let run = run();
        assert!((run.lines[0].result() - 1.1).abs() < 1e-9);
        assert_eq!(run.lines.iter().map(Line::is_met).collect::<Vec<_>>(), [true, false, true]);
        assert!(median(&[]).is_nan());
        assert!((median(&[4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn a_figure_counts_as_it_is_printed() {
        assert!(Reach::AtMost(1.2).is_met(1.204));
        assert!(!Reach::AtMost(1.2).is_met(1.206));
        assert!(Reach::AtLeast(1.0).is_met(0.996));
        assert!(!Reach::AtLeast(1.0).is_met(f64::NAN));
    }

    #[test]
    fn the_readme_keeps_all_but_its_old_table() {
        let readme = format!("a\n{BEGIN}old\n{END}b\n");
        assert_eq!(in_readme(&readme, "new\n").ok(), Some(format!("a\n{BEGIN}new\n{END}b\n")));
        assert!(in_readme("a", "new").is_err());
        assert!(include_str!("../../../README.md").contains(BEGIN));
    }

    #[test]
    fn table_and_json_say_the_same() {
        let run = run();
        let (text, markdown, json) = (run.text(), run.markdown(), run.json());
        for table in [&text, &markdown] {
            assert!(table.contains("1.10") && table.contains("1.20") && table.contains("missed"), "{table}");
            assert!(table.contains("2026-11-23, a CPU (2 cores"), "{table}");
        }
        assert_eq!(json["lines"][1]["ok"], false);
        assert_eq!(json["lines"][0]["rounds"]["ratios"].as_array().map(Vec::len), Some(3));
        assert!(json["lines"][2]["ratio"].is_null());
    }
}
