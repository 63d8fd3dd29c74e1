//! What somebody wants to open, read from the fields of the form.
//!
//! | field | means |
//! |---|---|
//! | `hazard`, `detail` | the tile that was tapped; a finer word that goes before it |
//! | `realm` | `real` or `exercise` |
//! | `name` | the name; empty: proposed from hazard and date |
//! | `severity` | `incident` or `alert` |
//! | `area` | a district, once for each; none or all: the whole city |
//! | `call` | ticked: a roll call starts at once |
//! | `asked` | the form was sent before, so that what is not ticked was taken off |
//!
//! *Invariant:* one reading serves the question and the deed, so what was confirmed is what is opened.

use imaboard_domain::{DistrictId, Hazard, Severity};
use jiff::civil::Date;

use crate::city::City;
use crate::report::form::Typed;
use crate::words::Words;

/// The most characters of a name.
pub const MOST_NAME_CHARS: usize = 40;
/// The most characters of an update and of the reason at the end.
pub const MOST_TEXT_CHARS: usize = 500;

/// The tiles, in the order of their keys.
pub const TILES: [Hazard; 6] =
    [Hazard::Typhoon, Hazard::Earthquake, Hazard::Tsunami, Hazard::PowerCut, Hazard::WaterCut, Hazard::Other];

/// Finer words than the tiles have.
pub const DETAILS: [Hazard; 5] = [Hazard::HeavyRain, Hazard::Landslide, Hazard::Snow, Hazard::Outbreak, Hazard::Fire];

/// What is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// What threatens.
    pub hazard: Hazard,
    /// Affected districts; empty: the whole city.
    pub areas: Vec<DistrictId>,
    /// Alert or incident.
    pub severity: Severity,
    /// 訓練
    pub exercise: bool,
    /// Whether everybody is asked to answer at once.
    pub call: bool,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub field: &'static str,
    /// In words.
    pub message: String,
}

/// The message at a field, if something is wrong with it.
#[must_use]
pub fn message<'a>(problems: &'a [Problem], field: &str) -> Option<&'a str> {
    problems.iter().find(|p| p.field == field).map(|p| p.message.as_str())
}

/// The name proposed for a hazard on a day.
#[must_use]
pub fn proposed(words: &Words, hazard: Hazard, today: Date) -> String {
    let tile = format!("desk.incidents.tile.{hazard}");
    let plain = format!("hazard.{hazard}");
    let key = match hazard {
        Hazard::Other => "desk.incidents.other_name",
        _ if words.has(&tile) => &tile,
        _ => &plain,
    };
    let (month, day) = (today.month().to_string(), today.day().to_string());
    words.fill("desk.incidents.name_proposed", &[("hazard", words.t(key)), ("month", &month), ("day", &day)])
}

/// Whether something stands ticked: as it was sent, or as the page proposes it.
#[must_use]
pub fn ticked(typed: &Typed, field: &str, value: &str, proposed: bool) -> bool {
    if typed.one("asked").is_some() { typed.all(field).any(|v| v == value) } else { proposed }
}

/// Reads the districts that are ticked; `None` if the settings do not know one of them.
#[must_use]
pub fn areas(typed: &Typed, city: &City) -> Option<Vec<DistrictId>> {
    let mut areas = Vec::new();
    for word in typed.all("area") {
        let district = city.districts.iter().find(|d| d.id.as_str() == word)?;
        if !areas.contains(&district.id) {
            areas.push(district.id.clone());
        }
    }
    // Everywhere stays everywhere, also when a district is added to the settings meanwhile.
    Some(if areas.len() == city.districts.len() { Vec::new() } else { areas })
}

/// Reads the form.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(typed: &Typed, words: &Words, city: &City, today: Date) -> Result<Plan, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut wrong = |field, message: String| problems.push(Problem { field, message });
    let say = |key: &str| words.t(&format!("desk.incidents.wrong.{key}")).to_owned();
    let hazard: Option<Hazard> = typed.one("detail").or_else(|| typed.one("hazard")).and_then(|word| word.parse().ok());
    if hazard.is_none() {
        wrong("hazard", say("hazard"));
    }
    let exercise = match typed.one("realm") {
        Some("real") => Some(false),
        Some("exercise") => Some(true),
        _ => None,
    };
    if exercise.is_none() {
        wrong("realm", say("realm"));
    }
    let name = typed.one("name").map(|name| name.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default();
    let chars = name.chars().count();
    if chars > MOST_NAME_CHARS {
        let (most, n) = (MOST_NAME_CHARS.to_string(), chars.to_string());
        wrong("name", words.fill("desk.incidents.wrong.name_long", &[("most", &most), ("n", &n)]));
    }
    let areas = areas(typed, city);
    if areas.is_none() {
        wrong("area", say("area"));
    }
    match (hazard, exercise, areas) {
        (Some(hazard), Some(exercise), Some(areas)) if problems.is_empty() => Ok(Plan {
            name: if name.is_empty() { proposed(words, hazard, today) } else { name },
            hazard,
            areas,
            severity: typed.one("severity").and_then(|word| word.parse().ok()).unwrap_or(Severity::Incident),
            exercise,
            call: typed.one("call").is_some(),
        }),
        _ => Err(problems),
    }
}

/// The pairs that carry a plan from page to page, in the order of the form.
pub fn carried(typed: &Typed) -> impl Iterator<Item = &(String, String)> {
    const FIELDS: [&str; 8] = ["asked", "hazard", "detail", "realm", "severity", "name", "area", "call"];
    typed.pairs().iter().filter(|(name, _)| FIELDS.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::city::{Desk, District};
    use crate::words::JA;

    fn city() -> City {
        let desk = || Desk { label: String::new(), phone: String::new(), hours: String::new() };
        let district = |id: &str| District { id: id.parse().unwrap(), name: id.to_uppercase(), islands: Vec::new() };
        City {
            name: "西海市".into(),
            desk: desk(),
            disaster_desk: desk(),
            districts: vec![district("oseto"), district("oshima")],
        }
    }

    fn plan(pairs: &[(&str, &str)]) -> Result<Plan, Vec<&'static str>> {
        let typed = Typed::new(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect());
        let today = jiff::civil::date(2026, 11, 29);
        read(&typed, &JA, &city(), today).map_err(|problems| problems.iter().map(|p| p.field).collect())
    }

    #[test]
    fn two_taps_are_enough_and_less_is_not() {
        let read = plan(&[("hazard", "typhoon"), ("realm", "real")]).unwrap();
        assert_eq!(read.name, "台風・大雨 11月29日");
        assert!(!read.exercise && !read.call && read.areas.is_empty() && read.severity == Severity::Incident);
        assert_eq!(plan(&[]), Err(vec!["hazard", "realm"]));
        assert_eq!(plan(&[("hazard", "dragon"), ("realm", "perhaps")]), Err(vec!["hazard", "realm"]));
        assert_eq!(plan(&[("hazard", "other"), ("realm", "exercise")]).unwrap().name, "災害 11月29日");
    }

    #[test]
    fn a_finer_word_goes_before_the_tile_and_names_the_incident() {
        let read = plan(&[("hazard", "other"), ("detail", "snow"), ("realm", "real"), ("call", "1")]).unwrap();
        assert_eq!((read.hazard, read.name.as_str(), read.call), (Hazard::Snow, "大雪 11月29日", true));
    }

    #[test]
    fn all_districts_are_the_whole_city_and_an_unknown_one_is_refused() {
        let two = [("hazard", "tsunami"), ("realm", "real")];
        let with = |areas: &[&'static str]| plan(&two.into_iter().chain(areas.iter().map(|a| ("area", *a))).collect::<Vec<_>>());
        assert_eq!(with(&["oshima", "oseto", "oshima"]).unwrap().areas, []);
        assert_eq!(with(&["oshima", "oshima"]).unwrap().areas, ["oshima".parse().unwrap()]);
        assert_eq!(with(&["atlantis"]), Err(vec!["area"]));
        let long = "あ".repeat(MOST_NAME_CHARS + 1);
        assert_eq!(plan(&[("hazard", "fire"), ("realm", "real"), ("name", &long)]), Err(vec!["name"]));
    }

    #[test]
    fn every_tile_and_every_finer_word_has_a_name_and_no_hazard_is_missing() {
        for hazard in TILES {
            assert!(JA.has(&format!("desk.incidents.tile.{hazard}")), "{hazard}");
        }
        for hazard in Hazard::ALL {
            assert!(TILES.contains(hazard) || DETAILS.contains(hazard), "{hazard}");
        }
    }
}
