//! The register as CSV.
use imaboard_domain::{Facility, FacilityId};
use imaboard_templates::City;

/// A problem with one line.
#[derive(Debug, thiserror::Error)]
#[error("{line}")]
pub struct LineProblem {
    /// Line.
    pub line: usize,
}

/// Reads.
pub fn read(_bytes: &[u8], _city: &City, _existing: &[Facility]) -> Result<Vec<(usize, Facility)>, Vec<LineProblem>> {
    Ok(Vec::new())
}

/// What an import changes.
#[derive(Debug)]
pub struct Difference;

impl Difference {
    /// In words.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        Vec::new()
    }
    /// The changes.
    #[must_use]
    pub fn into_changes(self) -> (Vec<Facility>, Vec<FacilityId>) {
        (Vec::new(), Vec::new())
    }
}

/// Compares.
#[must_use]
pub fn difference(_new: Vec<(usize, Facility)>, _existing: &[Facility], _complete: bool) -> Difference {
    Difference
}

/// Writes.
pub fn write(_facilities: &[Facility]) -> Result<Vec<u8>, csv::Error> {
    Ok(Vec::new())
}
