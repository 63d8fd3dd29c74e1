//! Writes the register as CSV that a spreadsheet opens and that [`super::read`] takes back unchanged.
//!
//! UTF-8 with BOM, because without it Excel shows Japanese as rubbish. *Invariant:* no cell starts a formula.

use imaboard_domain::{Closure, Facility};

use super::cells::quote;
use super::columns::OWN;

/// Writes facilities with one row per service. Fails only if the table cannot be held in memory.
pub fn write(facilities: &[Facility]) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(b"\xEF\xBB\xBF".to_vec());
    out.write_record(OWN.map(|(_, name)| name))?;
    for f in facilities {
        for s in &f.services {
            let number = |n: Option<f64>| n.map(|n| n.to_string()).unwrap_or_default();
            let list = |items: Vec<String>| items.join(";");
            let row = [
                f.id.to_string(),
                f.name.clone(),
                f.kana.clone(),
                f.district.to_string(),
                f.island.clone().unwrap_or_default(),
                f.address.clone(),
                f.phone.clone(),
                f.fax.clone(),
                f.url.clone(),
                f.operator.clone(),
                f.office_number.clone(),
                number(f.latitude),
                number(f.longitude),
                s.kind.to_string(),
                if s.id.as_str() == s.kind.word() { String::new() } else { s.id.to_string() },
                s.capacity.map(|n| n.to_string()).unwrap_or_default(),
                list(s.bed_cells.iter().map(ToString::to_string).collect()),
                list(s.sessions.iter().map(ToString::to_string).collect()),
                list(f.closures.iter().map(closure).collect()),
            ];
            out.write_record(row.map(|cell| quote(&cell)))?;
        }
    }
    out.into_inner().map_err(|e| csv::Error::from(e.into_error()))
}

fn closure(c: &Closure) -> String {
    let reason = c.reason.map_or(String::new(), |reason| format!(":{reason}"));
    format!("{}/{}{reason}", c.from, c.until)
}
