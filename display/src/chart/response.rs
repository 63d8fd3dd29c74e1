//! The share of answers to a roll call over time, as a stair.
//!
//! A stair and no slope, because between two answers nobody answered. *Invariant:* it never falls, begins at the call with 0 and ends
//! where the roll call ends.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{ChartWords, FONTS, INK, LINES, QUIET, RULE, SVG_FONT_SCALE, Size, accessible};

/// A roll call to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// Seconds from the call to each answer, in any order.
    pub answers_s: &'a [i64],
    /// How many were asked.
    pub asked: u32,
    /// Seconds from the call to its end, or to now.
    pub until_s: i64,
    /// Minutes at which a line stands, with the words under it.
    pub marks: &'a [(i64, String)],
}

/// Shares that people ask for, and both ends: each has a line, and nothing else has.
const LEVELS: [u32; 5] = [0, 50, 80, 95, 100];

/// The drawing; nothing if nobody was asked.
#[must_use]
pub fn response(of: Response<'_>, words: ChartWords<'_>, size: Size) -> String {
    let mut drawn = String::new();
    if of.asked == 0 || draw(&mut drawn, of, size).is_err() {
        return String::new();
    }
    accessible(&drawn, words)
}

/// The corners of the stair in the plane of `x` and `y`; steps that fall on one column are one.
fn stair(of: Response<'_>, x: impl Fn(i64) -> i32, y: impl Fn(u32) -> i32) -> (Vec<(i32, i32)>, u32) {
    let mut answers: Vec<i64> = of.answers_s.iter().map(|s| (*s).clamp(0, of.until_s)).collect();
    answers.sort_unstable();
    let asked = usize::try_from(of.asked.max(1)).unwrap_or(usize::MAX);
    let share = |n: usize| u32::try_from(n.saturating_mul(100) / asked).unwrap_or(100).min(100);
    let mut corners = vec![(x(0), y(0))];
    let mut height = y(0);
    let (mut last, mut rose) = (0, false);
    for (at, seconds) in answers.iter().enumerate() {
        last = share(at + 1);
        let (column, level) = (x(*seconds), y(last));
        match corners.last_mut() {
            Some(corner) if corner.0 == column && rose => corner.1 = level,
            _ => corners.extend([(column, height), (column, level)]),
        }
        rose = true;
        height = level;
    }
    corners.push((x(of.until_s), height));
    (corners, last)
}

fn draw(
    out: &mut String,
    of: Response<'_>,
    size: Size,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>> {
    let signed = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let font = signed(size.font_px);
    let (left, top, bottom) = (font * 4, font, signed(size.height_px) - font * 2);
    let right = signed(size.width_px) - font * 4;
    let until = of.until_s.max(1);
    let x = |seconds: i64| {
        let along = i64::from(right - left) * seconds.clamp(0, until) / until;
        left + i32::try_from(along).unwrap_or_default()
    };
    let y = |percent: u32| bottom - (bottom - top) * signed(percent.min(100)) / 100;

    let area = SVGBackend::with_string(out, (size.width_px, size.height_px)).into_drawing_area();
    let letters = |color: &'static RGBColor, pos: Pos| {
        TextStyle::from((FONTS, f64::from(size.font_px) * SVG_FONT_SCALE)).color(color).pos(pos)
    };
    let mut named: Option<i32> = None;
    for percent in LEVELS {
        let color = if percent == 0 { QUIET } else { RULE };
        area.draw(&PathElement::new([(left, y(percent)), (right, y(percent))], color.stroke_width(1)))?;
        // In a small picture 95 and 100 would stand on each other; the lower one is what people ask for.
        if named.is_none_or(|below| below - y(percent) >= font) {
            let at = (left - 6, y(percent));
            area.draw(&Text::new(format!("{percent}%"), at, letters(&QUIET, Pos::new(HPos::Right, VPos::Center))))?;
            named = Some(y(percent));
        }
    }
    for (minutes, word) in of.marks {
        let at = x(minutes.saturating_mul(60));
        area.draw(&PathElement::new([(at, bottom), (at, bottom + 4)], QUIET.stroke_width(1)))?;
        let under = (at, bottom + 8);
        area.draw(&Text::new(word.clone(), under, letters(&QUIET, Pos::new(HPos::Center, VPos::Top))))?;
    }
    let color = LINES[0].0;
    let (corners, last) = stair(of, x, y);
    let end = corners.last().copied().unwrap_or((left, bottom));
    area.draw(&PathElement::new(corners, color.stroke_width(3)))?;
    area.draw(&Circle::new(end, 4, color.filled()))?;
    let beside = (end.0 + font / 2, end.1);
    area.draw(&Text::new(format!("{last}%"), beside, letters(&INK, Pos::new(HPos::Left, VPos::Center))))?;
    area.present()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{NARROW, WIDE};

    const WORDS: ChartWords<'static> = ChartWords { title: "返事の割合", description: "点呼", others: "" };

    fn of(answers_s: &[i64], asked: u32) -> Response<'_> {
        Response { answers_s, asked, until_s: 3_600, marks: &[] }
    }

    fn corners(answers_s: &[i64], asked: u32) -> (Vec<(i32, i32)>, u32) {
        stair(of(answers_s, asked), |s| i32::try_from(s / 60).unwrap_or_default(), |p| i32::try_from(p).unwrap_or_default())
    }

    #[test]
    fn it_climbs_at_each_answer_stands_between_them_and_ends_with_the_call() {
        let (list, last) = corners(&[1_800, 600], 4);
        assert_eq!(list, [(0, 0), (10, 0), (10, 25), (30, 25), (30, 50), (60, 50)]);
        assert_eq!(last, 50);
        assert_eq!(corners(&[], 4), (vec![(0, 0), (60, 0)], 0));
    }

    #[test]
    fn answers_in_one_column_are_one_step_however_many_and_it_never_falls() {
        let crowd: Vec<i64> = (0..60_000).map(|n| n * 7 % 3_600).collect();
        let (list, last) = corners(&crowd, 80_000);
        assert!(list.len() < 130, "{}", list.len());
        assert!(list.windows(2).all(|w| w[0].0 <= w[1].0 && w[0].1 <= w[1].1));
        assert_eq!(last, 75);
    }

    #[test]
    fn answers_outside_the_time_of_the_call_stay_inside_the_drawing() {
        let (list, last) = corners(&[-50, 99_999], 2);
        assert!(list.iter().all(|(x, y)| (0..=60).contains(x) && (0..=100).contains(y)), "{list:?}");
        assert_eq!(last, 100);
    }

    #[test]
    fn it_says_what_it_is_without_script_or_style_and_draws_nothing_for_nobody() {
        for size in [WIDE, NARROW] {
            let svg = response(of(&[60, 120], 3), WORDS, size);
            assert!(svg.starts_with("<svg ") && svg.contains("role=\"img\"") && svg.contains("<title>返事の割合</title>"));
            assert!(svg.contains("66%") && !svg.contains("<script") && !svg.contains("style=\""));
        }
        assert_eq!(response(of(&[], 0), WORDS, WIDE), "");
    }

    #[test]
    fn in_a_small_picture_no_share_stands_on_another() {
        let small = Size { width_px: 368, height_px: 190, font_px: 12 };
        let svg = response(of(&[60], 4), WORDS, small);
        assert!(svg.contains("95%") && !svg.contains("100%"), "{svg}");
        assert!(response(of(&[60], 4), WORDS, WIDE).contains("100%"));
    }
}
