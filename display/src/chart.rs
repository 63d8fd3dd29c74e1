//! Free places over the last days, one line per kind of service, as an SVG without script.
//!
//! Names stand at the ends of their lines, so nobody has to match a legend; kinds beyond the first few are summed, because
//! a chart of fifteen lines says nothing. *Invariant:* a day on which nothing was known is a gap, never a zero.

mod response;

use std::collections::BTreeMap;

pub use response::{Response, response};

use imaboard_domain::{FreeOnDay, ServiceKind};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::qr::escape;

/// How large the picture is drawn; it scales with its box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Width of the drawing.
    pub width_px: u32,
    /// Height of the drawing.
    pub height_px: u32,
    /// Height of the letters.
    pub font_px: u32,
}

/// For columns of a desk screen.
pub const WIDE: Size = Size { width_px: 960, height_px: 400, font_px: 15 };
/// For telephones, where [`WIDE`] would shrink its letters below reading size.
pub const NARROW: Size = Size { width_px: 360, height_px: 340, font_px: 12 };

/// Words of the chart.
#[derive(Debug, Clone, Copy)]
pub struct ChartWords<'a> {
    /// What a screen reader announces.
    pub title: &'a str,
    /// What the picture shows, in a sentence; the table beside it has the figures.
    pub description: &'a str,
    /// The name of the sum of all kinds that get no line of their own.
    pub others: &'a str,
}

/// Lines with a name of their own; the rest is one sum.
const MAX_LINES: usize = 6;

/// Colour, dash pattern and width per line. Colours of the CUD palette that hold 3:1 on white, and black; the dashes tell
/// them apart without any colour.
const LINES: [(RGBColor, &str); MAX_LINES] = [
    (RGBColor(0x00, 0x5a, 0xff), ""),
    (RGBColor(0x02, 0x7f, 0x5e), "9 4"),
    (RGBColor(0x99, 0x00, 0x99), "2 4"),
    (RGBColor(0x9a, 0x62, 0x00), "13 4 2 4"),
    (RGBColor(0xd9, 0x3a, 0x00), "6 3 2 3 2 3"),
    (RGBColor(0x4a, 0x51, 0x59), "4 3"),
];

const INK: RGBColor = RGBColor(0x16, 0x19, 0x1d);
const QUIET: RGBColor = RGBColor(0x4a, 0x51, 0x59);
const RULE: RGBColor = RGBColor(0xd9, 0xdc, 0xd8);
/// A CSS list: the browser lays the text out, so no font is needed here.
const FONTS: &str = "BIZ UDPGothic, system-ui, Hiragino Sans, Yu Gothic UI, Noto Sans CJK JP, Noto Sans JP, sans-serif";
/// plotters divides sizes by this when it writes SVG.
const SVG_FONT_SCALE: f64 = 1.24;

/// One line: its name and a value per day.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    name: String,
    days: Vec<Option<u32>>,
}

impl Line {
    fn last(&self) -> Option<(usize, u32)> {
        self.days.iter().enumerate().rev().find_map(|(at, v)| v.map(|v| (at, v)))
    }
}

/// The chart of free places; `name` gives the short name of a kind. An empty list, or one without a single number, gives
/// an empty string: the page says so in words.
#[must_use]
pub fn free_places(days: &[FreeOnDay], name: impl Fn(ServiceKind) -> String, words: ChartWords<'_>, size: Size) -> String {
    let lines = lines_of(days, &name, words.others);
    if lines.is_empty() {
        return String::new();
    }
    let mut drawn = String::new();
    if draw(&mut drawn, days, &lines, size).is_err() {
        return String::new();
    }
    accessible(&drawn, words)
}

fn lines_of(days: &[FreeOnDay], name: &dyn Fn(ServiceKind) -> String, others: &str) -> Vec<Line> {
    let mut kinds: BTreeMap<ServiceKind, Vec<Option<u32>>> = BTreeMap::new();
    for (at, day) in days.iter().enumerate() {
        for (kind, free) in &day.free {
            kinds.entry(*kind).or_insert_with(|| vec![None; days.len()])[at] = *free;
        }
    }
    let mut kinds: Vec<(ServiceKind, Vec<Option<u32>>)> =
        kinds.into_iter().filter(|(_, d)| d.iter().any(Option::is_some)).collect();
    // The kinds with most places keep their own line; of equals the order people read them in.
    kinds.sort_by_key(|(kind, d)| (std::cmp::Reverse(d.iter().flatten().max().copied()), *kind));
    let own = if kinds.len() > MAX_LINES { MAX_LINES - 1 } else { kinds.len() };
    let rest = kinds.split_off(own);
    let mut lines: Vec<Line> = kinds.into_iter().map(|(kind, days)| Line { name: name(kind), days }).collect();
    if !rest.is_empty() {
        let sum = |at: usize| rest.iter().filter_map(|(_, d)| d[at]).reduce(|a, b| a + b);
        lines.push(Line { name: others.to_owned(), days: (0..days.len()).map(sum).collect() });
    }
    lines
}

/// A round top for the axis, and the step between its lines.
fn axis(max: u32) -> (u32, u32) {
    let step = [1, 2, 5, 10, 20, 50, 100, 200, 500].into_iter().find(|s| max.div_ceil(*s) <= 5).unwrap_or(1000);
    (step * max.div_ceil(step).max(1), step)
}

/// Moves labels apart so that none covers another: in order from the top, each at least `gap` below the one before,
/// then pushed back up from the bottom edge.
fn spread(wanted: &[i32], gap: i32, bottom: i32) -> Vec<i32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|i| wanted[*i]);
    let mut placed = wanted.to_vec();
    for pair in order.windows(2) {
        placed[pair[1]] = placed[pair[1]].max(placed[pair[0]] + gap);
    }
    let mut floor = bottom;
    for i in order.into_iter().rev() {
        placed[i] = placed[i].min(floor);
        floor = placed[i] - gap;
    }
    placed
}

/// Width of a text in letters of the given height: kanji and kana are square, Latin letters and figures about half.
fn width_px(text: &str, font_px: u32) -> i32 {
    let halves: u32 = text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    i32::try_from(halves * font_px / 2).unwrap_or(i32::MAX)
}

fn draw(
    out: &mut String,
    days: &[FreeOnDay],
    lines: &[Line],
    size: Size,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>> {
    let signed = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let font = signed(size.font_px);
    let labels: Vec<String> =
        lines.iter().map(|l| format!("{} {}", l.name, l.last().map(|(_, v)| v.to_string()).unwrap_or_default())).collect();
    let label_width = labels.iter().map(|l| width_px(l, size.font_px)).max().unwrap_or_default() + font;
    let (left, top, bottom) = (font * 2 + 4, font, signed(size.height_px) - font * 2);
    let right = (signed(size.width_px) - label_width - font).max(left + 40);
    let max = lines.iter().flat_map(|l| l.days.iter().flatten()).max().copied().unwrap_or(0);
    let (ceiling, step) = axis(max);
    let last_day = signed(u32::try_from(days.len()).unwrap_or(u32::MAX)) - 1;
    let x = |at: usize| left + (right - left) * signed(u32::try_from(at).unwrap_or(u32::MAX)) / last_day.max(1);
    let y = |v: u32| bottom - (bottom - top) * signed(v) / signed(ceiling);

    let area = SVGBackend::with_string(out, (size.width_px, size.height_px)).into_drawing_area();
    let letters = |color: &'static RGBColor, pos: Pos| {
        TextStyle::from((FONTS, f64::from(size.font_px) * SVG_FONT_SCALE)).color(color).pos(pos)
    };
    for v in (0..=ceiling).step_by(step as usize) {
        let color = if v == 0 { QUIET } else { RULE };
        area.draw(&PathElement::new([(left, y(v)), (right, y(v))], color.stroke_width(1)))?;
        area.draw(&Text::new(v.to_string(), (left - 6, y(v)), letters(&QUIET, Pos::new(HPos::Right, VPos::Center))))?;
    }
    // A date a week, counted back from today, so that the newest day is always named.
    for at in (0..days.len()).rev().step_by(7) {
        let day = days[at].day;
        // 11月23日 where two of them fit beside each other, else 11/23.
        let long = format!("{}月{}日", day.month(), day.day());
        let fits = x(7.min(days.len())) - x(0) > width_px(&long, size.font_px) + font;
        let text = if fits { long } else { format!("{}/{}", day.month(), day.day()) };
        area.draw(&PathElement::new([(x(at), bottom), (x(at), bottom + 4)], QUIET.stroke_width(1)))?;
        area.draw(&Text::new(text, (x(at), bottom + 8), letters(&QUIET, Pos::new(HPos::Center, VPos::Top))))?;
    }
    let wanted: Vec<i32> = lines.iter().map(|l| l.last().map_or(bottom, |(_, v)| y(v))).collect();
    let placed = spread(&wanted, font * 5 / 4, bottom);
    for (i, line) in lines.iter().enumerate() {
        let color = LINES[i].0;
        for run in runs(&line.days) {
            let points: Vec<(i32, i32)> = run.iter().map(|(at, v)| (x(*at), y(*v))).collect();
            // A single known day between gaps would otherwise vanish.
            if let [point] = points[..] {
                area.draw(&Circle::new(point, 3, color.filled()))?;
            } else {
                area.draw(&PathElement::new(points, color.stroke_width(3)))?;
            }
        }
        if let Some((at, v)) = line.last() {
            area.draw(&Circle::new((x(at), y(v)), 4, color.filled()))?;
            let from = (x(at) + 6, y(v));
            area.draw(&PathElement::new([from, (right + font * 2 / 3, placed[i])], color.stroke_width(1)))?;
        }
        let at = (right + font, placed[i]);
        area.draw(&Text::new(labels[i].clone(), at, letters(&INK, Pos::new(HPos::Left, VPos::Center))))?;
    }
    area.present()
}

/// Stretches of known days.
fn runs(days: &[Option<u32>]) -> Vec<Vec<(usize, u32)>> {
    let mut runs: Vec<Vec<(usize, u32)>> = vec![Vec::new()];
    for (at, value) in days.iter().enumerate() {
        match (value, runs.last_mut()) {
            (Some(v), Some(run)) => run.push((at, *v)),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|r| !r.is_empty());
    runs
}

/// Adds what plotters does not write: a role, a title, a description and dashes; and lets the picture scale.
fn accessible(drawn: &str, words: ChartWords<'_>) -> String {
    let Some((open, body)) = drawn.split_once('>') else { return String::new() };
    let view_box = open.split("viewBox=\"").nth(1).and_then(|t| t.split('"').next()).unwrap_or_default();
    let mut body = body.replace(" opacity=\"1\"", "");
    for (color, dashes) in LINES.iter().filter(|(_, d)| !d.is_empty()) {
        let stroke = format!("stroke=\"#{:02X}{:02X}{:02X}\" stroke-width=\"3\"", color.0, color.1, color.2);
        body = body.replace(&stroke, &format!("{stroke} stroke-dasharray=\"{dashes}\""));
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{view_box}\" role=\"img\" class=\"chart\">\
         <title>{}</title><desc>{}</desc>{}",
        escape(words.title),
        escape(words.description),
        body.trim()
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use imaboard_domain::ServiceKind as K;
    use jiff::civil::date;

    const WORDS: ChartWords<'static> = ChartWords { title: "空きの動き", description: "30日", others: "そのほか" };

    fn days(values: &[(K, &[Option<u32>])]) -> Vec<FreeOnDay> {
        let start = date(2026, 10, 25);
        (0..values[0].1.len())
            .map(|at| FreeOnDay {
                day: start.checked_add(jiff::Span::new().days(i64::try_from(at).unwrap())).unwrap(),
                free: values.iter().map(|(k, v)| (*k, v[at])).collect(),
            })
            .collect()
    }

    fn chart(values: &[(K, &[Option<u32>])]) -> String {
        free_places(&days(values), |k| k.name_ja().to_owned(), WORDS, WIDE)
    }

    #[test]
    fn a_day_without_a_value_breaks_the_line_and_is_never_a_zero() {
        let svg = chart(&[(K::Tokuyo, &[Some(3), Some(4), None, None, Some(2), Some(1)])]);
        assert_eq!(svg.matches("stroke-width=\"3\"").count(), 2, "two stretches: {svg}");
    }

    #[test]
    fn every_line_differs_from_every_other_without_colour() {
        let mut dashes: Vec<&str> = LINES.iter().map(|(_, d)| *d).collect();
        dashes.sort_unstable();
        dashes.dedup();
        assert_eq!(dashes.len(), MAX_LINES);
        let two: [(K, &[Option<u32>]); 2] = [(K::Tokuyo, &[Some(1), Some(2)]), (K::Roken, &[Some(5), Some(5)])];
        assert_eq!(chart(&two).matches("stroke-dasharray").count(), 1);
    }

    #[test]
    fn many_kinds_become_a_few_lines_and_one_sum() {
        let kinds = [K::Tokuyo, K::Roken, K::GroupHome, K::PaidHome, K::Yogo, K::CareHouse, K::SupportHouse, K::WardGeneral];
        let values: Vec<(K, Vec<Option<u32>>)> =
            kinds.iter().enumerate().map(|(i, k)| (*k, vec![u32::try_from(20 - i).ok(), None])).collect();
        let borrowed: Vec<(K, &[Option<u32>])> = values.iter().map(|(k, v)| (*k, v.as_slice())).collect();
        let lines = lines_of(&days(&borrowed), &|k| k.word().to_owned(), "others");
        assert_eq!(lines.len(), MAX_LINES);
        assert_eq!(lines[5], Line { name: "others".to_owned(), days: vec![Some(15 + 14 + 13), None] });
    }

    #[test]
    fn labels_never_cover_each_other() {
        for wanted in [vec![300, 300, 300, 300, 300, 300], vec![10, 12, 200, 201, 399, 399], vec![0, 400, 5, 395, 7, 9]] {
            let mut placed = spread(&wanted, 18, 400);
            placed.sort_unstable();
            assert!(placed.windows(2).all(|p| p[1] - p[0] >= 18), "{placed:?}");
            assert!(placed.iter().all(|p| *p <= 400));
        }
    }

    #[test]
    fn the_axis_begins_at_zero_and_ends_on_a_round_number_at_or_above_the_largest_value() {
        for max in 0..1200 {
            let (ceiling, step) = axis(max);
            assert!(ceiling >= max && ceiling % step == 0 && ceiling / step <= 6, "{max}: {ceiling}/{step}");
        }
    }

    #[test]
    fn it_says_what_it_is_and_carries_no_script_and_no_inline_style() {
        let svg = chart(&[(K::Tokuyo, &[Some(3), Some(4)])]);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
        assert!(svg.contains("role=\"img\"") && svg.contains("<title>空きの動き</title><desc>30日</desc>"));
        assert!(!svg.contains("<script") && !svg.contains("style=\""));
    }

    #[test]
    fn no_numbers_at_all_give_no_picture() {
        assert_eq!(chart(&[(K::Tokuyo, &[None, None])]), "");
        assert_eq!(free_places(&[], |_| String::new(), WORDS, NARROW), "");
    }
}
