//! The ratios of a run as one drawing: how far each figure stands from what it has to reach.
//!
//! *Invariant:* shape and word carry the verdict, colour only repeats it.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Outcome;
use crate::table::{Line, Reach, Run};

const WIDTH: u32 = 960;
const ROW: u32 = 34;
const TOP: u32 = 64;
/// Left of the bars stand the words.
const WORDS: i32 = 430;
/// The accents of the board: told apart by people who see colours differently.
const GOOD: RGBColor = RGBColor(0x00, 0x5A, 0xFF);
const MISSED: RGBColor = RGBColor(0xFF, 0x4B, 0x00);

/// How good a figure is: 1 is exactly what it has to reach, more is better.
fn goodness(line: &Line) -> f64 {
    match line.reach {
        Reach::AtLeast(least) => line.result() / least,
        Reach::AtMost(most) => most / line.result(),
    }
}

/// Draws a run as SVG.
pub(crate) fn draw(run: &Run) -> Outcome<String> {
    let height = TOP + ROW * u32::try_from(run.lines.len())? + 24;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        area.fill(&WHITE)?;
        let font = |size: i32| ("sans-serif", size).into_font().color(&BLACK);
        area.draw_text("reach ÷ measured: right of the line is better", &font(17), (16, 14))?;
        let m = &run.machine;
        area.draw_text(&format!("{} · {} · {} cores", m.date, m.cpu, m.cores), &font(14), (16, 36))?;
        // Twice as good as needed is the end of the scale.
        let scale = f64::from(WIDTH as i32 - WORDS - 110) / 2.0;
        let line_x = WORDS + scale as i32;
        for (at, line) in run.lines.iter().enumerate() {
            let y = (TOP + ROW * u32::try_from(at)?) as i32;
            let good = line.is_met();
            let style = font(14).pos(Pos::new(HPos::Right, VPos::Center));
            area.draw_text(&format!("{} · {}", line.work, line.measure), &style, (WORDS - 10, y + ROW as i32 / 2))?;
            let end = WORDS + (goodness(line).clamp(0.02, 2.0) * scale) as i32;
            let colour = if good { GOOD } else { MISSED };
            area.draw(&Rectangle::new([(WORDS, y + 6), (end, y + ROW as i32 - 6)], colour.filled()))?;
            let words = format!("{:.2} ({}) {}", line.result(), line.reach, if good { "ok" } else { "missed" });
            let style = font(13).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw_text(&words, &style, (end.min(WIDTH as i32 - 150) + 6, y + ROW as i32 / 2))?;
        }
        let bottom = (height - 16) as i32;
        area.draw(&PathElement::new(vec![(line_x, TOP as i32 - 6), (line_x, bottom)], BLACK.stroke_width(2)))?;
        area.present()?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_drawing_says_each_verdict_in_words() {
        let svg = draw(&crate::table::tests::run()).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("front page · requests/s"), "{svg}");
        assert_eq!(svg.matches("missed").count(), 1);
        assert_eq!(svg.matches(" ok\n").count() + svg.matches(" ok<").count(), 2, "{svg}");
    }

    #[test]
    fn a_run_without_figures_can_be_drawn() {
        let mut run = crate::table::tests::run();
        run.lines.clear();
        assert!(draw(&run).is_ok());
    }
}
