//! What every page says about the city itself: its name, its districts, and whom to telephone.
//!
//! Filled from the settings when the program starts.

use imaboard_domain::DistrictId;

/// The city whose board this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct City {
    /// Its name (西海市).
    pub name: String,
    /// The consultation desk for vacancies (相談窓口).
    pub desk: Desk,
    /// The desk during a disaster (災害対策本部).
    pub disaster_desk: Desk,
    /// Its districts, in the order people name them.
    pub districts: Vec<District>,
}

/// Whom to telephone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desk {
    /// What it is called.
    pub label: String,
    /// Its number.
    pub phone: String,
    /// When somebody answers.
    pub hours: String,
}

/// A district (地区).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct District {
    /// Its id in the register.
    pub id: DistrictId,
    /// Its name.
    pub name: String,
    /// Its ferry islands.
    pub islands: Vec<String>,
}

impl City {
    /// The name of a district; its id if the settings do not list it.
    #[must_use]
    pub fn district<'a>(&'a self, id: &'a DistrictId) -> &'a str {
        self.districts.iter().find(|d| d.id == *id).map_or(id.as_str(), |d| d.name.as_str())
    }
}
