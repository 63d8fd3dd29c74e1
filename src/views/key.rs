//! Which page, and which views of the board it shows.
//!
//! Invariant: a page lists every view whose change could change its words; a missing one would be a board that lies.

use imaboard_domain::{FacilityId, GuidePage, IncidentId, PostingId, ServiceKind, View};
use imaboard_templates::public::FindQuery;

/// One page of the public board.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PageKey {
    /// `/`
    Front,
    /// `/text`
    Text,
    /// `/facilities/{id}`
    Facility(FacilityId),
    /// `/find`
    Find(Box<FindQuery>),
    /// `/notices`, from page 1.
    Notices(u32),
    /// `/notices/{id}`
    Notice(PostingId),
    /// `/jobs`, from page 1.
    Jobs(u32),
    /// `/jobs/{id}`
    Job(PostingId),
    /// `/incidents/{id}`
    Incident(IncidentId),
    /// `/charts/free`
    FreePlaces,
    /// `/about`
    About,
    /// `/rule`
    Rule,
    /// `/guide/{page}`
    Guide(GuidePage),
    /// What answers an address that leads nowhere.
    Lost,
}

const MODE: usize = 0;
const REGISTER: usize = 1;
const DAMAGE: usize = 2;
const EXERCISE_DAMAGE: usize = 3;
const ROLL_CALLS: usize = 4;
const NOTICES: usize = 5;
const JOBS: usize = 6;
const UPDATES: usize = 7;
const GUIDE: usize = 8;
const VACANCIES: usize = 9;

/// How many views are counted: the eight above and the vacancies of each kind.
pub(super) const COUNTERS: usize = VACANCIES + ServiceKind::ALL.len();

/// The counter of a view; `None` for those that no public page shows, and for single facilities, whose page is dropped.
pub(super) fn counter_of(view: &View) -> Option<usize> {
    Some(match view {
        View::Mode => MODE,
        View::Register => REGISTER,
        View::Damage => DAMAGE,
        View::ExerciseDamage => EXERCISE_DAMAGE,
        View::RollCalls => ROLL_CALLS,
        View::Updates => UPDATES,
        View::Notices => NOTICES,
        View::Jobs => JOBS,
        View::Guide => GUIDE,
        View::Vacancies(kind) => vacancies_of(*kind),
        View::Facility(_) | View::Pending | View::Keys | View::Buttons | View::Displays => return None,
    })
}

fn vacancies_of(kind: ServiceKind) -> usize {
    VACANCIES + ServiceKind::ALL.iter().position(|k| *k == kind).unwrap_or(0)
}

impl PageKey {
    /// The page in the figures: one name for all facilities, all lists, all postings.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Text => "text",
            Self::Facility(_) => "facility",
            Self::Find(_) => "find",
            Self::Notices(_) => "notices",
            Self::Notice(_) => "notice",
            Self::Jobs(_) => "jobs",
            Self::Job(_) => "job",
            Self::Incident(_) => "incident",
            Self::FreePlaces => "free_places",
            Self::About => "about",
            Self::Rule => "rule",
            Self::Guide(_) => "guide",
            Self::Lost => "lost",
        }
    }

    /// Calls `count` with every counter this page depends on.
    pub(super) fn each_counter(&self, mut count: impl FnMut(usize)) {
        // The bands of mode, exercise and sample stand on every page.
        count(MODE);
        count(REGISTER);
        let mut all_vacancies = false;
        match self {
            Self::Front | Self::Text => {
                [DAMAGE, ROLL_CALLS, NOTICES, JOBS, UPDATES].into_iter().for_each(&mut count);
                all_vacancies = true;
            }
            Self::Facility(_) => [NOTICES, JOBS].into_iter().for_each(&mut count),
            Self::Find(query) => {
                count(DAMAGE);
                match query.kind() {
                    None => all_vacancies = true,
                    Some(kind) => ServiceKind::ALL
                        .iter()
                        .enumerate()
                        .filter(|(_, k)| kind.holds(**k))
                        .for_each(|(at, _)| count(VACANCIES + at)),
                }
            }
            Self::Notices(_) | Self::Notice(_) => count(NOTICES),
            Self::Jobs(_) | Self::Job(_) => count(JOBS),
            Self::Incident(_) => [DAMAGE, EXERCISE_DAMAGE, ROLL_CALLS, NOTICES, UPDATES].into_iter().for_each(&mut count),
            Self::FreePlaces => all_vacancies = true,
            Self::Guide(_) => count(GUIDE),
            Self::About | Self::Rule | Self::Lost => {}
        }
        if all_vacancies {
            (VACANCIES..COUNTERS).for_each(count);
        }
    }
}
