//! Single cells of a register file: telephone numbers, coordinates, numbers, lists; and the quoting against spreadsheets.
//!
//! *Invariant:* a cell is either understood whole or refused with a sentence; [`unquote`] undoes [`quote`] exactly.

use imaboard_domain::{BedRoom, BedSex, Cell, Closure, ClosureReason, MOST_PLACES, Session};
use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization;

/// What a spreadsheet takes for the start of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Whether a leading apostrophe would be, or was, put before this text.
fn needs_quote(text: &str) -> bool {
    text.starts_with(FORMULA) || text.starts_with('\'')
}

/// Puts an apostrophe before what a spreadsheet would compute, so that an exported name never becomes a formula.
pub(crate) fn quote(text: &str) -> String {
    if needs_quote(text) { format!("'{text}") } else { text.to_owned() }
}

/// Takes that apostrophe away again.
pub(super) fn unquote(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| needs_quote(rest)).unwrap_or(text)
}

/// A text on one line, without spaces around it; line breaks inside a cell become one space.
pub(super) fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split(|c: char| c.is_control()).map(str::trim).filter(|p| !p.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(part);
    }
    out
}

/// A name or address as two spellings of it are compared: width, spaces and the kind of hyphen do not matter.
pub(super) fn alike(text: &str) -> String {
    text.nfkc().map(hyphen).filter(|c| !c.is_whitespace()).collect()
}

/// Every mark people type between the groups of a number.
fn hyphen(c: char) -> char {
    match c {
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '－' | 'ー' | 'ｰ' | '﹣' => '-',
        other => other,
    }
}

/// Marks that mean "nothing here".
pub(super) fn is_nothing(text: &str) -> bool {
    matches!(alike(text).as_str(), "" | "-" | "--" | "なし" | "無" | "無し")
}

/// A telephone number in plain digits and hyphens; empty for nothing.
pub(super) fn phone(text: &str) -> Option<String> {
    if is_nothing(text) {
        return Some(String::new());
    }
    let plain = alike(text);
    // (0959)00-0101 and 0959(00)0101
    let mut out = String::new();
    for c in plain.chars() {
        match c {
            '0'..='9' => out.push(c),
            '-' | '(' | ')' | '.' => {
                if !out.is_empty() && !out.ends_with('-') {
                    out.push('-');
                }
            }
            _ => return None,
        }
    }
    let digits = out.bytes().filter(u8::is_ascii_digit).count();
    (out.starts_with('0') && (9..=11).contains(&digits) && !out.ends_with('-')).then_some(out)
}

/// A number of places: `None` for an empty cell or 0, which both mean "not filled in" (the ministry's open data).
pub(super) fn capacity(text: &str) -> Result<Option<u32>, String> {
    if is_nothing(text) {
        return Ok(None);
    }
    let plain = alike(text).replace(',', "");
    let number = plain.trim_end_matches(['人', '名', '床', '室', '戸']);
    match number.parse::<u32>() {
        Ok(0) => Ok(None),
        Ok(n) if n <= MOST_PLACES => Ok(Some(n)),
        Ok(_) => Err(format!("定員が大きすぎます（{MOST_PLACES} まで）")),
        Err(_) => Err("定員は数字で書いてください".to_owned()),
    }
}

/// One coordinate; `None` for an empty cell or 0.
pub(super) fn degrees(text: &str) -> Result<Option<f64>, String> {
    if is_nothing(text) {
        return Ok(None);
    }
    match alike(text).parse::<f64>() {
        Ok(0.0) => Ok(None),
        Ok(number) if number.is_finite() => Ok(Some(number)),
        _ => Err("緯度・経度は 32.9331 のような数字で書いてください".to_owned()),
    }
}

/// Japan from Okinotorishima to Hokkaido (国土地理院: 20°25′N to 45°33′N), with a margin.
const NORTH: std::ops::RangeInclusive<f64> = 20.0..=46.0;
/// Japan from Yonaguni to Minamitorishima (国土地理院: 122°56′E to 153°59′E), with a margin.
const EAST: std::ops::RangeInclusive<f64> = 122.0..=154.5;

/// Checks that a place lies in Japan.
pub(super) fn place(latitude: Option<f64>, longitude: Option<f64>) -> Result<(), String> {
    match (latitude, longitude) {
        (None, None) => Ok(()),
        (Some(lat), Some(lon)) if NORTH.contains(&lat) && EAST.contains(&lon) => Ok(()),
        (Some(lat), Some(lon)) if NORTH.contains(&lon) && EAST.contains(&lat) => {
            Err("緯度と経度が入れ替わっているようです".to_owned())
        }
        (Some(_), Some(_)) => Err("日本の外の場所になっています".to_owned()),
        (Some(_), None) => Err("緯度だけがあり、経度がありません".to_owned()),
        (None, Some(_)) => Err("経度だけがあり、緯度がありません".to_owned()),
    }
}

/// The parts of a list in one cell.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', '；', '、', ',', ' ', '　']).map(str::trim).filter(|p| !p.is_empty())
}

fn each<T: PartialEq>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let mut out = Vec::new();
    for part in parts(text) {
        let item = read(part)?;
        if out.contains(&item) {
            return Err(format!("「{part}」が2回あります"));
        }
        out.push(item);
    }
    Ok(out)
}

/// The classes of beds a service tells apart: our words, or 男・女・個室・多床 and the like.
pub(super) fn bed_cells(text: &str) -> Result<Vec<Cell>, String> {
    each(text, |part| {
        if let Ok(cell @ Cell::Beds { .. }) = part.parse::<Cell>() {
            return Ok(cell);
        }
        let rest = alike(part);
        let (sex, rest) =
            [("男女共用", BedSex::Either), ("どちらも", BedSex::Either), ("男性", BedSex::Male), ("女性", BedSex::Female)]
                .into_iter()
                .chain([("男", BedSex::Male), ("女", BedSex::Female)])
                .find_map(|(word, sex)| rest.strip_prefix(word).map(|rest| (Some(sex), rest.to_owned())))
                .unwrap_or((None, rest));
        let room = match rest.as_str() {
            "" => None,
            "個室" => Some(BedRoom::Private),
            "多床" | "多床室" | "相部屋" => Some(BedRoom::Shared),
            _ => {
                return Err(format!(
                    "「{part}」は床の区分ではありません（male, female, either, private, shared, male-private など）"
                ));
            }
        };
        Ok(Cell::Beds { sex, room })
    })
}

/// The sessions of a day service: our words, or 午前・午後・1日.
pub(super) fn sessions(text: &str) -> Result<Vec<Session>, String> {
    each(text, |part| match alike(part).as_str() {
        "午前" => Ok(Session::Am),
        "午後" => Ok(Session::Pm),
        "1日" | "一日" | "終日" => Ok(Session::Day),
        word => word.parse().map_err(|_| format!("「{part}」は時間帯ではありません（am 午前, pm 午後, day 1日）")),
    })
}

/// Planned closures: `2026-12-29/2027-01-03`, or one day; with what for behind a colon: `2026-12-29/2027-01-03:holiday`.
pub(super) fn closures(text: &str) -> Result<Vec<Closure>, String> {
    each(text, |part| {
        let date = |text: &str| {
            text.parse::<Date>()
                .map_err(|_| format!("「{part}」は休業日として読めません（2026-12-29/2027-01-03 のように書きます）"))
        };
        let (days, reason) = part.split_once([':', '：']).map_or((part, None), |(days, reason)| (days.trim_end(), Some(reason)));
        let (from, until) = days.split_once('/').unwrap_or((days, days));
        let closure = Closure { from: date(from)?, until: date(until)?, reason: reason.map(closure_reason).transpose()? };
        if closure.until < closure.from {
            Err(format!("「{part}」は終わりの日が始まりの日より前です"))
        } else {
            Ok(closure)
        }
    })
}

fn closure_reason(text: &str) -> Result<ClosureReason, String> {
    Ok(match alike(text).as_str() {
        "定休" | "休日" | "年末年始" => ClosureReason::Holiday,
        "改修" | "工事" => ClosureReason::Works,
        "感染" | "感染対応" => ClosureReason::Infection,
        "人員" | "職員" => ClosureReason::Staff,
        "行事" | "研修" => ClosureReason::Event,
        "その他" => ClosureReason::Other,
        word => word.parse().map_err(|_| {
            format!("「{text}」は休みの理由ではありません（holiday 定休, works 改修, infection 感染対応, staff 人員, event 行事, other その他）")
        })?,
    })
}

/// A web address, or nothing. Lists of the ministry hold mail addresses and telephone numbers in this column.
pub(super) fn url(text: &str) -> Option<String> {
    if is_nothing(text) {
        return Some(String::new());
    }
    let parsed = url::Url::parse(text).ok()?;
    matches!(parsed.scheme(), "http" | "https").then(|| text.to_owned())
}
