//! Simulated life for `imaboard demo`: everyday reports, real presses over MQTT, an incident with a roll call, recovery.
//!
//! The script stands in `config/sample/life.toml`; chance is seeded, so a demonstration can be rehearsed. *Invariant:* it only
//! does what a city could do through its doors, and whatever is refused is logged and left.

use std::sync::Arc;
use std::time::Duration;

use imaboard_domain::{
    Aspect, Channel, Condition, Facility, FacilityId, Level, Moment, Observation, RawObservation, Realm, Rules, ServiceGroup,
    Value,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde::Deserialize;
use tokio::time::{Instant, sleep, sleep_until};

use super::{ACTOR, data};
use crate::app::App;
use crate::core::{self, Refused, Request};
use crate::press;
use crate::recorder::{Intent, ReportIntent, Submission, new_id};

const LIFE: &str = include_str!("../../config/sample/life.toml");

/// `life.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Life {
    seed: u64,
    pace: Pace,
    incident: Vec<Threat>,
    answer: Vec<Answer>,
    help: Vec<Help>,
    mended: Mended,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pace {
    report_every_s: [u64; 2],
    press_every_s: [u64; 2],
    first_incident_after_s: u64,
    answers_over_s: u64,
    mended_after_s: u64,
    mended_over_s: u64,
    incident_lasts_s: u64,
    pause_s: u64,
    details_after_s: [u64; 2],
    answering_pct: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Threat {
    name: String,
    hazard: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    weight: u32,
    say: Vec<RawObservation>,
    #[serde(default)]
    details: Vec<RawObservation>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Help {
    facility: FacilityId,
    after_s: u64,
    channel: Channel,
    say: Vec<RawObservation>,
    #[serde(default)]
    details: Vec<RawObservation>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mended {
    say: Vec<RawObservation>,
}

/// One report of the script.
#[derive(Debug, Clone, PartialEq)]
struct Cue {
    after: Duration,
    facility: FacilityId,
    channel: Channel,
    raws: Vec<RawObservation>,
}

/// Lives until the program stops; presses real buttons if there is a broker at `mqtt_url`.
pub async fn live(app: Arc<App>, mqtt_url: Option<String>) {
    let life: Life = match data::toml("life.toml", LIFE) {
        Ok(life) => life,
        Err(error) => {
            tracing::error!(%error, "no simulated life");
            return;
        }
    };
    // One source of chance each, so that none changes what the others do.
    let random = |n: u64| StdRng::seed_from_u64(life.seed.wrapping_add(n));
    let everything = async {
        tokio::join!(
            everyday(&app, &life, random(0)),
            presses(&app, &life, mqtt_url.as_deref(), random(1)),
            disasters(&app, &life, random(2)),
        )
    };
    tokio::select! {
        () = app.stop.cancelled() => {}
        _ = everything => {}
    }
}

fn between(range: [u64; 2], random: &mut StdRng) -> Duration {
    let (least, most) = (range[0] * 1_000, range[1].max(range[0]) * 1_000);
    Duration::from_millis(random.random_range(least..=most))
}

/// Facilities report their places, as on any day.
async fn everyday(app: &Arc<App>, life: &Life, mut random: StdRng) {
    loop {
        sleep(between(life.pace.report_every_s, &mut random)).await;
        let news = app.look(|m| news(&m, app, &mut random));
        let Some((facility, channel, intent)) = news else { continue };
        let confirms = intent.confirm.is_some();
        if report(app, channel, intent).await {
            tracing::info!(facility.id = %facility, %channel, confirms, "demo: a facility reported its places");
        }
    }
}

/// One value of one facility a little different from before, or the word that nothing changed.
fn news(m: &Moment<'_>, app: &App, random: &mut StdRng) -> Option<(FacilityId, Channel, ReportIntent)> {
    // Only what can still be shown moves: what is stale stays stale, or the demonstration would lose it within minutes.
    let mut places = Vec::new();
    for held in m.facilities() {
        for service in &held.facility.services {
            for cell in service.cells_now(m.today()) {
                if let Some(standing) = m.cell(held, service, cell).current() {
                    places.push((held, service, cell, standing));
                }
            }
        }
    }
    let (held, service, cell, standing) = *places.choose(random)?;
    let facility = held.facility.id.clone();
    let channel = channel(&held.facility, random);
    let mut intent = ReportIntent { facility: Some(facility.clone()), ..ReportIntent::default() };
    if random.random_range(0..4) == 0 {
        intent.confirm = Some(m.now);
        return Some((facility, channel, intent));
    }
    let value = match standing.value.count() {
        Some(count) => {
            let most = service.capacity.map_or(6, |n| (n / 6).max(2));
            let count = if count == 0 || (count < most && random.random_bool(0.5)) { count + 1 } else { count - 1 };
            Value::Vacancy { level: app.thresholds.level(count), count: Some(count), total: None }
        }
        None => {
            let level = *[Level::Available, Level::Few, Level::Full].choose(random)?;
            Value::Vacancy { level, count: None, total: None }
        }
    };
    intent.observations = vec![Observation { aspect: Aspect::Vacancy { service: service.id.clone(), cell }, value }];
    Some((facility, channel, intent))
}

/// How such a facility would report: hospitals by machine, islands by telephone, the others mostly with a phone in the hand.
fn channel(facility: &Facility, random: &mut StdRng) -> Channel {
    let hospital = facility.services.iter().any(|s| s.kind.group() == ServiceGroup::Hospital);
    let often = random.random_bool(0.6);
    let usual =
        [Channel::Qr, Channel::Qr, Channel::Qr, Channel::Form, Channel::Form, Channel::Form, Channel::Phone, Channel::Fax];
    match usual.choose(random) {
        _ if often && hospital => Channel::Api,
        _ if often && facility.island.is_some() => Channel::Phone,
        usual => usual.copied().unwrap_or(Channel::Form),
    }
}

async fn report(app: &Arc<App>, channel: Channel, intent: ReportIntent) -> bool {
    let submission = Submission { id: new_id(), channel, actor: ACTOR.to_owned(), intent: Intent::Report(intent), text: None };
    match app.recorder.submit(submission).await {
        Ok(_) => true,
        Err(error) => {
            tracing::debug!(%error, "demo: a report was not taken");
            false
        }
    }
}

/// Real presses: a device connects with its own credential and publishes.
async fn presses(app: &Arc<App>, life: &Life, mqtt_url: Option<&str>, mut random: StdRng) {
    let Some(url) = mqtt_url else {
        tracing::info!("demo: no broker, so no button is pressed");
        return;
    };
    loop {
        sleep(between(life.pace.press_every_s, &mut random)).await;
        let Some((id, full)) = app.look(|m| any_button(&m, &mut random)) else { continue };
        let gesture = if full { "double" } else { "single" };
        let pressed = async {
            let button = core::answer(app, Request::ButtonCredential { id: Some(id.clone()), gateway: None }).await?;
            press::publish(&app.settings, &button, gesture, Some(url), None).await.map_err(|e| e.to_string())
        };
        match pressed.await {
            Ok(()) => tracing::info!(button.id = id, gesture, "demo: a button was pressed"),
            Err(why) => tracing::warn!(button.id = id, why, "demo: a press did not arrive"),
        }
    }
}

/// Some button, and whether its facility is full now: then it is pressed for "available".
fn any_button(m: &Moment<'_>, random: &mut StdRng) -> Option<(String, bool)> {
    let buttons: Vec<_> = m.board.buttons().values().collect();
    let button = buttons.choose(random)?;
    let held = m.board.find_facility(&button.facility)?;
    let levels = held.facility.services.iter().filter_map(|s| m.service_now(held, s)).filter_map(|n| n.level());
    Some((button.id.to_string(), levels.min() == Some(Level::Full)))
}

/// One incident after the other.
async fn disasters(app: &Arc<App>, life: &Life, mut random: StdRng) {
    sleep(Duration::from_secs(life.pace.first_incident_after_s)).await;
    for threat in life.incident.iter().cycle() {
        if let Err(why) = disaster(app, life, threat, &mut random).await {
            tracing::warn!(why, "demo: the incident did not run to its end");
        }
        sleep(Duration::from_secs(life.pace.pause_s)).await;
    }
}

/// One incident from its opening to its end.
async fn disaster(app: &Arc<App>, life: &Life, threat: &Threat, random: &mut StdRng) -> Result<(), Refused> {
    if app.look(|m| m.incident().is_some() || m.exercise().is_some()) {
        return Err("somebody opened an incident or an exercise".to_owned());
    }
    let facilities: Vec<Facility> = app.look(|m| m.facilities().map(|f| Facility::clone(&f.facility)).collect());
    let open = Request::IncidentOpen {
        name: threat.name.clone(),
        hazard: threat.hazard.clone(),
        areas: Vec::new(),
        exercise: false,
        alert: false,
    };
    let opened = core::answer(app, open).await?;
    let id = opened["incident"].as_str().unwrap_or_default().to_owned();
    tracing::info!(incident.id = id, name = threat.name, "demo: an incident is opened and everybody is asked to answer");
    core::answer(app, Request::RollcallOpen { areas: Vec::new(), exercise: false }).await?;
    let is_open = || app.look(|m| m.incident().is_some_and(|i| i.id.as_str() == id));
    let started = Instant::now();
    perform(app, answers(life, &facilities, random), started, is_open).await;
    sleep_until(started + Duration::from_secs(life.pace.mended_after_s)).await;
    let mended = app.look(|m| mended(&m, life, random));
    perform(app, mended, started, is_open).await;
    sleep_until(started + Duration::from_secs(life.pace.incident_lasts_s)).await;
    if is_open() {
        core::answer(app, Request::IncidentClose { id: id.clone() }).await?;
        tracing::info!(incident.id = id, "demo: the incident is over");
    }
    Ok(())
}

/// Submits each cue when its time comes, as long as the incident is open.
async fn perform(app: &Arc<App>, cues: Vec<Cue>, started: Instant, is_open: impl Fn() -> bool) {
    for cue in cues {
        sleep_until(started + cue.after).await;
        if !is_open() {
            return;
        }
        let observations = app.look(|m| {
            let facility = &m.board.find_facility(&cue.facility)?.facility;
            let rules = Rules { today: m.today(), thresholds: app.thresholds, incident: true };
            Observation::parse(&cue.raws, facility, rules).ok()
        });
        let Some(observations) = observations else {
            tracing::warn!(facility.id = %cue.facility, "demo: the script does not fit this facility");
            continue;
        };
        let said = observations.first().map(|o| o.value.word()).unwrap_or_default();
        let intent = ReportIntent { facility: Some(cue.facility.clone()), observations, ..ReportIntent::default() };
        if report(app, cue.channel, intent).await {
            tracing::info!(facility.id = %cue.facility, channel = %cue.channel, said, "demo: a facility answered");
        }
    }
}

/// Who answers a roll call, when, how and what: many at once, then fewer and fewer, and some never.
fn answers(life: &Life, facilities: &[Facility], random: &mut StdRng) -> Vec<Cue> {
    let pace = &life.pace;
    let weights: u32 = life.answer.iter().map(|a| a.weight).sum();
    let mut cues = Vec::new();
    for facility in facilities {
        let (after, channel, say, details) = if let Some(help) = life.help.iter().find(|h| h.facility == facility.id) {
            (Duration::from_secs(help.after_s), help.channel, &help.say, &help.details)
        } else {
            if weights == 0 || random.random_range(0..100) >= pace.answering_pct {
                continue;
            }
            let mut lot = random.random_range(0..weights);
            let answer = life.answer.iter().find(|a| {
                let hit = lot < a.weight;
                lot = lot.saturating_sub(a.weight);
                hit
            });
            let Some(answer) = answer else { continue };
            // The square makes half of the answers come in the first quarter of the time.
            let share: f64 = random.random::<f64>().powi(2);
            let after = Duration::from_secs(3) + Duration::from_secs(pace.answers_over_s.saturating_sub(3)).mul_f64(share);
            (after, channel(facility, random), &answer.say, &answer.details)
        };
        let mut cue = |after: Duration, raws: &[RawObservation]| {
            if !raws.is_empty() {
                cues.push(Cue { after, facility: facility.id.clone(), channel, raws: raws.to_vec() });
            }
        };
        cue(after, say);
        cue(after + between(pace.details_after_s, random), details);
    }
    cues.sort_by(|a, b| (a.after, &a.facility).cmp(&(b.after, &b.facility)));
    cues
}

/// What is reported once things work again: by each facility, the aspects that were not good.
fn mended(m: &Moment<'_>, life: &Life, random: &mut StdRng) -> Vec<Cue> {
    let pace = &life.pace;
    let mut cues = Vec::new();
    for held in m.facilities() {
        let is_bad = |raw: &&RawObservation| {
            let Some(aspect) = Aspect::find_plain(&raw.aspect) else { return false };
            m.shown(held, &aspect, Realm::Real).current().is_some_and(|s| match &s.value {
                Value::Needs(list) => !list.is_empty(),
                value => value.condition() != Some(Condition::Good),
            })
        };
        let raws: Vec<RawObservation> = life.mended.say.iter().filter(is_bad).cloned().collect();
        if raws.is_empty() {
            continue;
        }
        let after = Duration::from_secs(pace.mended_after_s) + between([0, pace.mended_over_s], random);
        cues.push(Cue { after, facility: held.facility.id.clone(), channel: channel(&held.facility, random), raws });
    }
    cues.sort_by(|a, b| (a.after, &a.facility).cmp(&(b.after, &b.facility)));
    cues
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use imaboard_domain::{FirstReport, Need};

    use super::*;

    fn script() -> (Life, Vec<Facility>) {
        let life = data::toml("life.toml", LIFE).unwrap();
        (life, super::super::tests::data().facilities)
    }

    #[test]
    fn the_script_is_the_same_every_time_and_fits_every_facility() {
        let (life, facilities) = script();
        let run = || answers(&life, &facilities, &mut StdRng::seed_from_u64(life.seed));
        let cues = run();
        assert_eq!(cues, run());
        let rules = Rules { today: jiff::civil::date(2026, 11, 23), thresholds: Default::default(), incident: true };
        let mut needs: Vec<(FacilityId, Vec<Need>)> = Vec::new();
        let mut helpless = BTreeSet::new();
        for cue in &cues {
            let facility = facilities.iter().find(|f| f.id == cue.facility).unwrap();
            for o in Observation::parse(&cue.raws, facility, rules).unwrap() {
                match o.value {
                    Value::Needs(list) => needs.push((facility.id.clone(), list)),
                    Value::FirstReport(FirstReport::NeedsHelp) => drop(helpless.insert(facility.island.clone())),
                    _ => {}
                }
            }
        }
        assert!(helpless.iter().any(Option::is_some), "an island should call for help");
        assert!(needs.iter().any(|(_, list)| list.len() >= 3));
        for facility in &facilities {
            Observation::parse(&life.mended.say, facility, rules).unwrap();
        }
        assert!(life.help.iter().all(|h| facilities.iter().any(|f| f.id == h.facility)));
    }

    #[test]
    fn most_facilities_answer_early_some_late_and_some_never() {
        let (life, facilities) = script();
        let cues = answers(&life, &facilities, &mut StdRng::seed_from_u64(life.seed));
        let mut first = std::collections::BTreeMap::new();
        for cue in &cues {
            first.entry(&cue.facility).or_insert(cue.after);
        }
        let within = |s: u64| first.values().filter(|at| **at <= Duration::from_secs(s)).count();
        assert!((45..60).contains(&first.len()), "{} answer", first.len());
        assert!(within(40) * 2 > first.len(), "the first half should come early: {}", within(40));
        assert!(within(100) < first.len(), "somebody should be late");
        let channels: BTreeSet<Channel> = cues.iter().map(|c| c.channel).collect();
        assert!(channels.len() >= 4);
    }
}
