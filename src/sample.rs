//! The sample city: sixty invented facilities with reports, postings and a month of history, so that a newcomer sees a board
//! that lives. `life` makes it move.
//!
//! Everything invented stands in `config/sample/`; the facilities pass through the very CSV reader a real city uses, and every
//! entry through the recorder. *Invariant:* loading is done once: a city that has its display is never filled again.

mod data;
mod life;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use imaboard_domain::{
    Channel, Display, Facility, FacilityId, Facts, Grid, Observation, Plan, RawObservation, Rules, Service, city_date,
};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::app::App;
use crate::commands::Failed;
use crate::recorder::{Intent, Refusal, ReportIntent, Submission, SubmitError, new_id};
use data::{Data, Draft, Free, Said};

pub use life::live;

/// Who reports in the sample city.
const ACTOR: &str = "sample";
/// Submissions that wait at once: they share commits, and leave most of the recorder's queue to others.
const IN_FLIGHT: usize = 128;

/// Loads the sample city; does nothing if it is there already. Fails if the city's districts are not those of the sample.
pub async fn load(app: &Arc<App>) -> Result<(), Failed> {
    let data = Data::read(&app.city)?;
    let done = app.look(|m| data.city.display.iter().all(|d| m.board.displays().contains_key(&d.id)));
    if done {
        return Ok(());
    }
    let now = app.clock.now();
    let facilities = data.facilities_at(now);
    let rules = Rules { today: city_date(now), thresholds: app.thresholds, incident: false };
    let registered = facilities.iter().map(|f| control(Channel::Import, Facts::FacilityRegistered(Box::new(f.clone()))));
    submit_all(app, registered.collect()).await?;

    let (mut past, mut reports, mut with_past) = (Vec::new(), Vec::new(), BTreeSet::new());
    for said in &data.reports.report {
        let facility = find(&facilities, &said.facility)?;
        let at = now.checked_sub(SignedDuration::from_secs_f64(said.hours * 3600.0)).map_err(|e| Failed::because(&e))?;
        let observations = observations(facility, said, rules)?;
        if with_past.insert(facility.id.clone()) {
            past.extend(history(facility, said, at, &data.reports.history, rules)?);
        }
        reports.push(report(said.channel, facility, at, observations));
    }
    // The past first, so that the newest word of a facility is also the last one that arrived.
    submit_all(app, past).await?;
    submit_all(app, reports).await?;

    let drafts: Vec<Submission> = data.postings.posting.iter().map(|d| draft(d, now)).collect();
    submit_all(app, drafts).await?;
    let released = data.postings.posting.iter().filter(|d| !d.is_pending());
    submit_all(app, released.map(|d| release(d, now)).collect()).await?;

    let buttons = data.buttons()?.into_iter().map(|b| control(Channel::System, Facts::ButtonEnrolled(b)));
    submit_all(app, buttons.collect()).await?;
    // Displays last: they are the sign that the whole city is there.
    let displays = data.city.display.iter().map(|d: &Display| control(Channel::System, Facts::DisplayAdded(d.clone())));
    submit_all(app, displays.collect()).await?;
    tracing::info!(facilities = facilities.len(), "the sample city is there");
    Ok(())
}

/// Submits everything in order, many at a time, and waits until all of it is stored.
async fn submit_all(app: &Arc<App>, submissions: Vec<Submission>) -> Result<(), Failed> {
    stream::iter(submissions).map(|s| submit(app, s)).buffered(IN_FLIGHT).try_collect::<Vec<()>>().await?;
    Ok(())
}

/// Submits one thing; waits while the recorder is busy with others.
async fn submit(app: &Arc<App>, submission: Submission) -> Result<(), Failed> {
    loop {
        match app.recorder.submit(submission.clone()).await {
            // What is there already was stored before a power cut in the middle of loading.
            Ok(_) | Err(SubmitError::Refused(Refusal::Already(_))) => return Ok(()),
            Err(SubmitError::Busy { .. }) if !app.stop.is_cancelled() => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => return Err(Failed(format!("the sample city cannot be stored: {error}"))),
        }
    }
}

fn control(channel: Channel, facts: Facts) -> Submission {
    Submission { id: new_id(), channel, actor: "system".to_owned(), intent: Intent::Control(Box::new(facts)), text: None }
}

fn report(channel: Channel, facility: &Facility, observed_at: Timestamp, observations: Vec<Observation>) -> Submission {
    Submission {
        id: new_id(),
        channel,
        actor: "system".to_owned(),
        intent: Intent::Report(ReportIntent {
            facility: Some(facility.id.clone()),
            observed_at: Some(observed_at),
            observations,
            ..ReportIntent::default()
        }),
        text: None,
    }
}

fn find<'a>(facilities: &'a [Facility], id: &FacilityId) -> Result<&'a Facility, Failed> {
    facilities
        .iter()
        .find(|f| f.id == *id)
        .ok_or_else(|| Failed(format!("the sample names a facility that does not exist: {id}")))
}

/// What a facility said, as observations of its own cells.
fn observations(facility: &Facility, said: &Said, rules: Rules) -> Result<Vec<Observation>, Failed> {
    let mut raws = said.raws()?;
    for (service, free) in &said.free {
        let service =
            facility.find_service(service).ok_or_else(|| Failed(format!("{} has no service {service}", facility.id)))?;
        let places = free.of(service, rules)?;
        raws.extend(places.into_iter().map(|(cell, free)| free.raw(service, cell)));
    }
    parse(facility, &raws, rules)
}

fn parse(facility: &Facility, raws: &[RawObservation], rules: Rules) -> Result<Vec<Observation>, Failed> {
    Observation::parse(raws, facility, rules).map_err(|refused| {
        let why: Vec<String> = refused.iter().map(|(at, why)| format!("{why} in {:?}", raws.get(*at))).collect();
        Failed(format!("the sample says something impossible of {}: {}", facility.id, why.join(", ")))
    })
}

/// The last weeks of a facility's beds: a walk backwards from what it says now, the same on every load.
fn history(
    facility: &Facility,
    said: &Said,
    newest: Timestamp,
    span: &data::History,
    rules: Rules,
) -> Result<Vec<Submission>, Failed> {
    let mut counts: Vec<(&Service, imaboard_domain::Cell, u32)> = Vec::new();
    for service in facility.services.iter().filter(|s| s.kind.grid() == Some(Grid::Beds)) {
        let Some(free) = said.free.get(&service.id) else { continue };
        for (cell, free) in free.of(service, rules)? {
            counts.push((service, cell, free.count().unwrap_or(0)));
        }
    }
    if counts.is_empty() {
        return Ok(Vec::new());
    }
    let seed = facility.id.as_str().bytes().fold(0u64, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(b)));
    let mut random = StdRng::seed_from_u64(seed);
    let mut past = Vec::new();
    for back in (1..=span.days).step_by(span.every_days.max(1) as usize) {
        for (service, _, count) in &mut counts {
            let most = service.capacity.map_or(6, |n| (n / 6).max(2));
            // Beds fill and empty one at a time; most days nothing changes.
            *count = match random.random_range(0..5) {
                0 => count.saturating_sub(1),
                1 => (*count + 1).min(most),
                _ => *count,
            };
        }
        let raws: Vec<RawObservation> =
            counts.iter().map(|(service, cell, count)| Free::Count(*count).raw(service, *cell)).collect();
        let at = newest.checked_sub(SignedDuration::from_hours(24 * i64::from(back))).map_err(|e| Failed::because(&e))?;
        past.push(report(Channel::Import, facility, at, parse(facility, &raws, rules)?));
    }
    Ok(past)
}

fn days_from(now: Timestamp, days: i64) -> Option<Timestamp> {
    now.checked_add(SignedDuration::from_hours(24 * days)).ok()
}

fn draft(d: &Draft, now: Timestamp) -> Submission {
    let facts = Facts::PostingDrafted {
        posting: d.id.clone(),
        what: d.kind,
        facility: d.facility.clone(),
        category: d.category,
        job: d.job.clone(),
        expires_at: d.until_days.and_then(|days| days_from(now, days)),
        plan: Plan::default(),
    };
    let channel = if d.facility.is_some() { Channel::Form } else { Channel::System };
    Submission { text: Some(format!("{}\n{}", d.title, d.body.trim())), ..control(channel, facts) }
}

fn release(d: &Draft, now: Timestamp) -> Submission {
    let expires_at = d.until_days.and_then(|days| days_from(now, days));
    control(Channel::System, Facts::PostingPublished { posting: d.id.clone(), publish_at: None, expires_at, pinned: d.pinned })
}

#[cfg(test)]
mod tests;
