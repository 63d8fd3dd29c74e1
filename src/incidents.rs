//! Opening and closing incidents, exercises and roll calls: what the command line and the desk do alike.
//!
//! *Invariant:* roll calls of a realm end with its last incident, whoever closed it.

use imaboard_domain::{
    Channel, DistrictId, EntryId, Facts, Hazard, Incident, IncidentId, Moment, OrdMap, Realm, RollCall, RollCallId, Severity,
    city_date,
};

use crate::app::App;
use crate::recorder::{Intent, Receipt, Refusal, Submission, SubmitError, new_id};

/// Most characters of the name of an incident: more would not fit the head of a wall.
pub const MOST_NAME_CHARS: usize = 40;

/// Who does something, and by which way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// How it reached us.
    pub channel: Channel,
    /// Who, as the log names them.
    pub actor: String,
}

/// What is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Its name, of at most [`MOST_NAME_CHARS`].
    pub name: String,
    /// What threatens.
    pub hazard: Hazard,
    /// Affected districts; empty means the whole city.
    pub areas: Vec<DistrictId>,
    /// Alert or incident.
    pub severity: Severity,
    /// 訓練
    pub exercise: bool,
}

/// Records a control entry.
///
/// # Errors
/// [`SubmitError`]; nothing was stored.
pub async fn record(app: &App, by: &By, id: EntryId, facts: Facts, text: Option<String>) -> Result<Receipt, SubmitError> {
    let intent = Intent::Control(Box::new(facts));
    app.recorder.submit(Submission { id, channel: by.channel, actor: by.actor.clone(), intent, text }).await
}

/// Opens an incident or exercise under an id made of day and hazard; a real one ends the exercise.
///
/// # Errors
/// [`SubmitError`]; nothing was stored.
pub async fn open(app: &App, by: &By, id: EntryId, opening: Opening) -> Result<(Receipt, IncidentId), SubmitError> {
    let Opening { name, hazard, areas, severity, exercise } = opening;
    let now = app.clock.now();
    let free = app.look(|m| {
        let stem = format!("{}-{}", city_date(now), hazard.word().replace('_', "-"));
        (1..)
            .filter_map(|n| IncidentId::new(if n == 1 { stem.clone() } else { format!("{stem}-{n}") }).ok())
            .find(|id| !m.board.incidents().contains_key(id))
    });
    let incident = free.ok_or(SubmitError::Conflict)?;
    let held = Incident { id: incident.clone(), name, hazard, areas, severity, exercise, opened_at: now, closed_at: None };
    Ok((record(app, by, id, Facts::IncidentOpened(held), None).await?, incident))
}

/// Closes an incident or exercise, and the roll calls of its realm if it was the last; `why` is the stated condition.
///
/// # Errors
/// [`SubmitError`]; after the first entry a roll call may be left open, and can be closed by itself.
pub async fn close(app: &App, by: &By, id: EntryId, incident: IncidentId, why: Option<String>) -> Result<Receipt, SubmitError> {
    let realm = app.look(|m| m.board.incidents().get(&incident).map_or(Realm::Real, Incident::realm));
    let receipt = record(app, by, id, Facts::IncidentClosed { incident }, why).await?;
    let over = app.look(|m| if m.incident_in(realm).is_some() { Vec::new() } else { open_calls(&m, realm) });
    for roll_call in over {
        match record(app, by, new_id(), Facts::RollCallClosed { roll_call }, None).await {
            // Somebody else was quicker.
            Ok(_) | Err(SubmitError::Refused(Refusal::Already(_))) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(receipt)
}

/// Opens a roll call.
///
/// # Errors
/// [`SubmitError`]; nothing was stored.
pub async fn open_call(
    app: &App,
    by: &By,
    id: EntryId,
    areas: Vec<DistrictId>,
    exercise: bool,
) -> Result<(Receipt, RollCallId), SubmitError> {
    let now = app.clock.now();
    let free = app.look(|m| {
        let stem = format!("rc-{}", city_date(now));
        (1..).filter_map(|n| RollCallId::new(format!("{stem}-{n}")).ok()).find(|id| !m.board.roll_calls().contains_key(id))
    });
    let roll_call = free.ok_or(SubmitError::Conflict)?;
    let held = RollCall { id: roll_call.clone(), areas, exercise, opened_at: now, closed_at: None, answers: OrdMap::new() };
    Ok((record(app, by, id, Facts::RollCallOpened(held), None).await?, roll_call))
}

/// The open roll calls of a realm.
#[must_use]
pub fn open_calls(m: &Moment<'_>, realm: Realm) -> Vec<RollCallId> {
    let calls = m.board.roll_calls().values();
    calls.filter(|c| c.closed_at.is_none() && c.exercise == (realm == Realm::Exercise)).map(|c| c.id.clone()).collect()
}
