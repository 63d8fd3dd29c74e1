//! QR codes as SVG, and as a matrix for other pictures.
//!
//! Posters hang for years, fade and get stickers on their corners, so error correction is Q (about 25 % may be lost).
//! *Invariant:* the quiet zone of four modules that ISO/IEC 18004 asks for is always part of the picture.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// Modules of white around the code (ISO/IEC 18004, 4X).
pub const QUIET_ZONE_MODULES: usize = 4;

/// The text does not fit into the largest QR code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLong {
    /// How long it was.
    pub length_bytes: usize,
}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes do not fit into a QR code", self.length_bytes)
    }
}

impl std::error::Error for TooLong {}

/// A QR code as dark and light modules, quiet zone included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// Modules per side.
    pub side: usize,
    dark: Vec<bool>,
}

impl Matrix {
    /// Whether a module is dark; outside everything is light.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.side && y < self.side && self.dark[y * self.side + x]
    }
}

/// The modules of a text; fails if it is too long for any QR code (over 1,663 bytes).
pub fn matrix(text: &str) -> Result<Matrix, TooLong> {
    let too_long = |_| TooLong { length_bytes: text.len() };
    let code = QrCode::with_error_correction_level(text, EcLevel::Q).map_err(too_long)?;
    let inner = code.width();
    let side = inner + 2 * QUIET_ZONE_MODULES;
    let mut dark = vec![false; side * side];
    for (at, color) in code.to_colors().into_iter().enumerate() {
        let (x, y) = (at % inner + QUIET_ZONE_MODULES, at / inner + QUIET_ZONE_MODULES);
        dark[y * side + x] = color == Color::Dark;
    }
    Ok(Matrix { side, dark })
}

/// The code as an SVG that fills its box; `title` is what a screen reader says. Fails like [`matrix`].
pub fn svg(text: &str, title: &str) -> Result<String, TooLong> {
    let matrix = matrix(text)?;
    let mut path = String::new();
    for y in 0..matrix.side {
        let mut x = 0;
        while x < matrix.side {
            // One rectangle per run: neighbouring squares would show hairlines between them when printed.
            let run = (x..matrix.side).take_while(|x| matrix.is_dark(*x, y)).count();
            if run > 0 {
                let _ = write!(path, "M{x} {y}h{run}v1h-{run}z");
            }
            x += run.max(1);
        }
    }
    let side = matrix.side;
    let title = escape(title);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" class=\"qr\" \
         shape-rendering=\"crispEdges\"><title>{title}</title><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>\
         <path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const URL: &str = "https://board.example.jp/r/Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OWFiY2RlZg";

    #[test]
    fn the_quiet_zone_is_light_on_all_four_sides() {
        let m = matrix(URL).unwrap();
        for i in 0..m.side {
            for edge in 0..QUIET_ZONE_MODULES {
                for (x, y) in [(i, edge), (edge, i), (i, m.side - 1 - edge), (m.side - 1 - edge, i)] {
                    assert!(!m.is_dark(x, y));
                }
            }
        }
        assert!(m.is_dark(QUIET_ZONE_MODULES, QUIET_ZONE_MODULES), "the finder pattern begins right after it");
    }

    #[test]
    fn the_path_paints_exactly_the_dark_modules() {
        let (m, svg) = (matrix(URL).unwrap(), svg(URL, "報告ページ").unwrap());
        let path = svg.split("fill=\"#000\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        let painted: usize =
            path.split('M').skip(1).map(|run| run.split(['h', 'v']).nth(1).unwrap().parse::<usize>().unwrap()).sum();
        let dark = (0..m.side).flat_map(|y| (0..m.side).map(move |x| (x, y))).filter(|(x, y)| m.is_dark(*x, *y)).count();
        assert_eq!(painted, dark);
    }

    #[test]
    fn a_title_cannot_break_out_of_the_picture() {
        let svg = svg(URL, "</title><script>alert(1)</script>").unwrap();
        assert!(!svg.contains("<script>"));
        assert!(svg.contains("role=\"img\""));
    }

    #[test]
    fn a_text_no_code_can_hold_is_refused_with_its_length() {
        assert_eq!(svg(&"x".repeat(4000), ""), Err(TooLong { length_bytes: 4000 }));
    }
}
