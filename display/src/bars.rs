//! Columns over weeks or days, bars beside each other, and the strip of days of one facility, as SVG without script.
//!
//! One ink and no colours that mean something: what a column means stands under it, what a bar means beside it, its figure on it.
//! *Invariant:* what is not known is a gap with no column, never one of height 0; and nothing at all gives an empty string, so that
//! the page says in words why.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::chart::{FONTS, INK, QUIET, RULE, SVG_FONT_SCALE, Size, announced, axis, width_px};

/// What a drawing says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Says<'a> {
    /// What a screen reader announces.
    pub title: &'a str,
    /// What the picture shows, in a sentence; the table beside it has the figures.
    pub description: &'a str,
}

/// One column: what stands under it, and its height, if it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// A short date.
    pub label: String,
    /// The height.
    pub value: Option<u32>,
}

/// One bar: what stands beside it, how long it is, and what stands at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Its name.
    pub label: String,
    /// Its length.
    pub value: u32,
    /// Its figure in words (12件 40%).
    pub figure: String,
}

/// How one day of a strip is drawn: by its height, not by its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// The whole height.
    Full,
    /// A low stump.
    Low,
    /// A line in the middle.
    Line,
    /// Nothing.
    Gap,
}

/// So many columns have room beside each other, also where there are fewer.
const LEAST_PLACES: i32 = 8;

type Drawn = Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>>;

fn signed(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn letters(size: Size, color: &'static RGBColor, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    TextStyle::from((FONTS, f64::from(size.font_px) * SVG_FONT_SCALE)).color(color).pos(Pos::new(horizontal, vertical))
}

/// Columns from left to right; `top` fixes the end of the axis (100 for percent).
#[must_use]
pub fn columns(columns: &[Column], top: Option<u32>, says: Says<'_>, size: Size) -> String {
    if columns.iter().all(|c| c.value.is_none()) {
        return String::new();
    }
    let mut drawn = String::new();
    match draw_columns(&mut drawn, columns, top, size) {
        Ok(()) => announced(&drawn, says.title, says.description, "chart"),
        Err(_) => String::new(),
    }
}

fn draw_columns(out: &mut String, columns: &[Column], top: Option<u32>, size: Size) -> Drawn {
    let font = signed(size.font_px);
    let most = columns.iter().filter_map(|c| c.value).max().unwrap_or(0);
    let (ceiling, step) = axis(top.unwrap_or(most).max(1));
    let (left, right) = (width_px(&ceiling.to_string(), size.font_px) + font, signed(size.width_px) - 4);
    let (upper, bottom) = (font * 3 / 2, signed(size.height_px) - font * 2);
    let n = count(columns.len()).max(1);
    // One week alone is a column like any other, not a wall of ink.
    let places = n.max(LEAST_PLACES);
    let x = |at: i32| left + (right - left) * at / places;
    let y = |v: u32| bottom - (bottom - upper) * signed(v.min(ceiling)) / signed(ceiling);

    let area = SVGBackend::with_string(out, (size.width_px, size.height_px)).into_drawing_area();
    for v in (0..=ceiling).step_by(step as usize) {
        let color = if v == 0 { QUIET } else { RULE };
        area.draw(&PathElement::new([(left, y(v)), (right, y(v))], color.stroke_width(1)))?;
        area.draw(&Text::new(v.to_string(), (left - 6, y(v)), letters(size, &QUIET, HPos::Right, VPos::Center)))?;
    }
    let widest = columns.iter().map(|c| width_px(&c.label, size.font_px)).max().unwrap_or(font) + font;
    let each = ((right - left) / places).max(1);
    // Every column has its label where they fit; else every second, third …, counted back from the newest.
    let every = (widest + each - 1) / each;
    let gap = if each >= 8 { each / 5 } else { 0 };
    for (at, column) in columns.iter().enumerate() {
        let at = count(at);
        if let Some(v) = column.value {
            let corner = (x(at) + gap / 2, y(v));
            // A column of nothing is still a column: a line on the ground.
            let foot = (x(at + 1) - gap / 2 - 1, bottom.max(y(v) + 1));
            area.draw(&Rectangle::new([corner, foot], INK.filled()))?;
            if each >= font * 2 {
                let at = ((corner.0 + foot.0) / 2, y(v) - 3);
                area.draw(&Text::new(v.to_string(), at, letters(size, &INK, HPos::Center, VPos::Bottom)))?;
            }
        }
        if (n - 1 - at) % every.max(1) == 0 {
            let middle = (x(at) + x(at + 1)) / 2;
            area.draw(&PathElement::new([(middle, bottom), (middle, bottom + 4)], QUIET.stroke_width(1)))?;
            area.draw(&Text::new(column.label.clone(), (middle, bottom + 8), letters(size, &QUIET, HPos::Center, VPos::Top)))?;
        }
    }
    area.present()
}

/// Bars below each other, name at the left, figure at the end.
#[must_use]
pub fn bars(bars: &[Bar], top: Option<u32>, says: Says<'_>, size: Size) -> String {
    if bars.is_empty() {
        return String::new();
    }
    let mut drawn = String::new();
    match draw_bars(&mut drawn, bars, top, size) {
        Ok(()) => announced(&drawn, says.title, says.description, "chart"),
        Err(_) => String::new(),
    }
}

fn draw_bars(out: &mut String, bars: &[Bar], top: Option<u32>, size: Size) -> Drawn {
    let font = signed(size.font_px);
    let row = font * 9 / 4;
    let most = top.unwrap_or_else(|| bars.iter().map(|b| b.value).max().unwrap_or(0)).max(1);
    let widest = |text: fn(&Bar) -> &str| bars.iter().map(|b| width_px(text(b), size.font_px)).max().unwrap_or(0);
    let (left, right) = (widest(|b| &b.label) + font, signed(size.width_px) - widest(|b| &b.figure) - font);
    let right = right.max(left + font * 2);
    let height = row.saturating_mul(count(bars.len())) + font / 2;
    let area = SVGBackend::with_string(out, (size.width_px, u32::try_from(height).unwrap_or(size.height_px))).into_drawing_area();
    area.draw(&PathElement::new([(left, font / 4), (left, height - font / 4)], QUIET.stroke_width(1)))?;
    for (at, bar) in bars.iter().enumerate() {
        let upper = row * count(at) + font / 2;
        let middle = upper + row / 2 - font / 4;
        let length = (right - left) * signed(bar.value.min(most)) / signed(most);
        area.draw(&Text::new(bar.label.clone(), (left - font / 2, middle), letters(size, &INK, HPos::Right, VPos::Center)))?;
        if length > 0 {
            area.draw(&Rectangle::new([(left, upper), (left + length, upper + row - font / 2)], INK.filled()))?;
        }
        let at = (left + length + font / 2, middle);
        area.draw(&Text::new(bar.figure.clone(), at, letters(size, &INK, HPos::Left, VPos::Center)))?;
    }
    area.present()
}

/// Days of one facility beside each other; equal neighbours become one shape, so that fifty strips make no heavy page.
#[must_use]
pub fn strip(days: &[Tick], says: Says<'_>) -> String {
    /// A day is three wide; small on the page, and it scales.
    const DAY: i32 = 3;
    const HEIGHT: i32 = 20;
    if days.is_empty() {
        return String::new();
    }
    let mut drawn = String::new();
    let width = u32::try_from(count(days.len()).saturating_mul(DAY)).unwrap_or(u32::MAX);
    let made = (|| -> Drawn {
        let area = SVGBackend::with_string(&mut drawn, (width, HEIGHT.unsigned_abs())).into_drawing_area();
        area.draw(&PathElement::new([(0, HEIGHT - 1), (signed(width), HEIGHT - 1)], RULE.stroke_width(1)))?;
        let mut from = 0;
        for run in days.chunk_by(|a, b| a == b) {
            let until = from + count(run.len());
            let (upper, lower) = match run.first() {
                Some(Tick::Full) => (1, HEIGHT - 1),
                Some(Tick::Low) => (HEIGHT - 6, HEIGHT - 1),
                Some(Tick::Line) => (HEIGHT / 2 - 1, HEIGHT / 2 + 1),
                Some(Tick::Gap) | None => (0, 0),
            };
            if lower > 0 {
                let color = if run.first() == Some(&Tick::Low) { &QUIET } else { &INK };
                area.draw(&Rectangle::new([(from * DAY, upper), (until * DAY, lower)], color.filled()))?;
            }
            from = until;
        }
        area.present()
    })();
    match made {
        Ok(()) => announced(&drawn, says.title, says.description, "strip"),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{NARROW, WIDE};

    const SAYS: Says<'static> = Says { title: "報告の数", description: "週ごと" };

    fn column(label: &str, value: Option<u32>) -> Column {
        Column { label: label.to_owned(), value }
    }

    #[test]
    fn an_unknown_week_has_no_column_and_a_week_of_nothing_has_one_on_the_ground() {
        let drawn = |v| columns(&[column("11/2", Some(5)), column("11/9", v)], None, SAYS, WIDE).matches("<rect").count();
        assert_eq!(drawn(None), 1);
        assert_eq!(drawn(Some(0)), 2);
        assert_eq!(columns(&[column("11/2", None)], None, SAYS, WIDE), "");
        assert_eq!(columns(&[], None, SAYS, NARROW), "");
    }

    #[test]
    fn it_says_what_it_is_and_carries_no_script_and_no_inline_style() {
        for svg in [
            columns(&[column("11/2", Some(5))], Some(100), SAYS, NARROW),
            bars(&[Bar { label: "<QR>".to_owned(), value: 3, figure: "3件".to_owned() }], None, SAYS, WIDE),
            strip(&[Tick::Full, Tick::Low], SAYS),
        ] {
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{svg}");
            assert!(svg.contains("role=\"img\"") && svg.contains("<title>報告の数</title><desc>週ごと</desc>"));
            assert!(!svg.contains("<script") && !svg.contains("style=\"") && !svg.contains("<QR>"));
        }
    }

    #[test]
    fn ninety_equal_days_are_one_shape_and_a_gap_is_none() {
        assert_eq!(strip(&[Tick::Full; 90], SAYS).matches("<rect").count(), 1);
        assert_eq!(strip(&[Tick::Gap; 90], SAYS).matches("<rect").count(), 0);
        let mixed = strip(&[Tick::Full, Tick::Low, Tick::Low, Tick::Line], SAYS);
        assert_eq!(mixed.matches("<rect").count(), 3);
    }

    #[test]
    fn labels_that_do_not_fit_are_left_out_but_never_the_newest() {
        let many: Vec<Column> = (1..=90).map(|n| column(&format!("11/{n}"), Some(n))).collect();
        let svg = columns(&many, None, SAYS, NARROW);
        assert!(svg.contains("11/90") && svg.matches("11/").count() < 20);
    }
}
