//! What the command line and the control socket can ask of a city: list, enrol, open, publish …
//!
//! One place for both: with a running server the request travels over the control socket, without one it is answered by
//! a short-lived core that holds the data folder's lock. *Invariant:* every change goes through the recorder.

use futures_util::stream::{self, StreamExt as _};
use imaboard_domain::{
    Button, ButtonId, Channel, Display, DistrictId, Facility, FacilityId, Facts, Hazard, Incident, IncidentId, KeyId, Moment,
    NoticeCategory, Observation, OrdMap, PostingId, PostingKind, PostingState, Realm, RollCall, RollCallId, Rules, Setting,
    Severity, city_date,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::recorder::{Intent, Submission, SubmitError, new_id};

/// One request of the command line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is the command of the same name, each field its argument")]
pub enum Request {
    Doors,
    FacilityList,
    FacilityKey { id: String, rotate: bool, label: String },
    RegisterRead,
    RegisterWrite { facilities: Vec<Facility>, retire: Vec<FacilityId> },
    ButtonEnrol { facility: String, profile: String, device: String, sets: Vec<String> },
    ButtonList,
    ButtonRemove { id: String },
    ButtonCredential { id: Option<String>, gateway: Option<String> },
    IncidentOpen { name: String, hazard: String, areas: Vec<String>, exercise: bool, alert: bool },
    IncidentClose { id: String },
    IncidentList,
    RollcallOpen { areas: Vec<String>, exercise: bool },
    RollcallClose { id: Option<String> },
    PostingList,
    PostingDraft { title: String, body: String, category: String },
    PostingPublish { id: String, at: Option<String>, until: Option<String>, pin: bool },
    PostingWithdraw { id: String },
    DisplayAdd { id: String, name: String, areas: Vec<String> },
    DisplayList,
    LogRedact { seq: u64, why: String },
}

impl Request {
    /// Whether the request only looks: then no lock and no recorder are needed.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        matches!(
            self,
            Request::Doors
                | Request::FacilityList
                | Request::RegisterRead
                | Request::ButtonList
                | Request::ButtonCredential { .. }
                | Request::IncidentList
                | Request::PostingList
                | Request::DisplayList
        )
    }
}

/// A refusal in words for whoever typed the command.
pub type Refused = String;

/// The actor of everything the command line records.
const ACTOR: &str = "cli";

/// Answers one request against a running app.
pub async fn answer(app: &Arc<App>, request: Request) -> Result<Value, Refused> {
    match request {
        Request::Doors => Ok(json!({ "base_url": app.base_url })),
        Request::FacilityList => Ok(app.look(|m| facility_list(&m, app))),
        Request::FacilityKey { id, rotate, label } => facility_key(app, &id, rotate, &label).await,
        Request::RegisterRead => Ok(app.look(|m| {
            let all: Vec<&Facility> = m.facilities().map(|f| &*f.facility).collect();
            json!({ "sample": m.board.is_sample(), "facilities": all })
        })),
        Request::RegisterWrite { facilities, retire } => register_write(app, facilities, retire).await,
        Request::ButtonEnrol { facility, profile, device, sets } => {
            button_enrol(app, &facility, profile, device, &sets).await
        }
        Request::ButtonList => Ok(app.look(|m| {
            m.board.buttons().values().map(|b| button_json(app, b)).collect::<Vec<_>>().into()
        })),
        Request::ButtonRemove { id } => {
            let button: ButtonId = parse(&id)?;
            control(app, Facts::ButtonRemoved { button }, None).await
        }
        Request::ButtonCredential { id, gateway } => button_credential(app, id.as_deref(), gateway.as_deref()),
        Request::IncidentOpen { name, hazard, areas, exercise, alert } => {
            incident_open(app, name, &hazard, &areas, exercise, alert).await
        }
        Request::IncidentClose { id } => incident_close(app, &id).await,
        Request::IncidentList => Ok(app.look(|m| {
            m.board
                .incidents()
                .values()
                .map(|i| serde_json::to_value(i).unwrap_or_default())
                .collect::<Vec<_>>()
                .into()
        })),
        Request::RollcallOpen { areas, exercise } => rollcall_open(app, &areas, exercise).await,
        Request::RollcallClose { id } => rollcall_close(app, id.as_deref()).await,
        Request::PostingList => Ok(app.look(posting_list)),
        Request::PostingDraft { title, body, category } => posting_draft(app, &title, &body, &category).await,
        Request::PostingPublish { id, at, until, pin } => posting_publish(app, &id, at.as_deref(), until.as_deref(), pin).await,
        Request::PostingWithdraw { id } => {
            let posting: PostingId = parse(&id)?;
            control(app, Facts::PostingWithdrawn { posting }, None).await
        }
        Request::DisplayAdd { id, name, areas } => {
            let districts = find_areas(app, &areas)?;
            let display = Display { id: parse(&id)?, name, districts };
            let url = format!("{}/wall/{}", app.base_url, display.id);
            // Opened once on the screen itself, so that it may say what it has painted.
            let pair = format!("{url}/pair/{}", app.keys.display_token(&display.id));
            control(app, Facts::DisplayAdded(display), None).await.map(|mut v| {
                v["url"] = url.into();
                v["pair_url"] = pair.into();
                v
            })
        }
        Request::DisplayList => Ok(app.look(|m| {
            m.board
                .displays()
                .values()
                .map(|d| {
                    json!({ "id": d.id, "name": d.name, "districts": d.districts, "url": format!("{}/wall/{}", app.base_url, d.id) })
                })
                .collect::<Vec<_>>()
                .into()
        })),
        Request::LogRedact { seq, why } => {
            if why.trim().is_empty() {
                return Err("say why the text is erased (--why), without repeating it".to_owned());
            }
            let position = app.recorder.redact(seq, why, ACTOR.to_owned()).await.map_err(|e| e.to_string())?;
            Ok(json!({ "redacted": seq, "seq": position }))
        }
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, Refused>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|e: T::Err| e.to_string())
}

/// Records a control entry for the command line; gives its position and id.
pub async fn control(app: &Arc<App>, facts: Facts, text: Option<String>) -> Result<Value, Refused> {
    let submission = Submission {
        id: new_id(),
        channel: Channel::System,
        actor: ACTOR.to_owned(),
        intent: Intent::Control(Box::new(facts)),
        text,
    };
    let receipt = app.recorder.submit(submission).await.map_err(explain)?;
    Ok(json!({ "seq": receipt.entry.seq, "id": receipt.entry.id, "recorded_at": receipt.entry.recorded_at }))
}

fn explain(error: SubmitError) -> Refused {
    match &error {
        SubmitError::NotStored(source) => {
            let mut text = error.to_string();
            let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(source.as_ref());
            while let Some(error) = cause {
                text.push_str(": ");
                text.push_str(&error.to_string());
                cause = error.source();
            }
            text
        }
        SubmitError::Refused(crate::recorder::Refusal::Guarded(inspection)) => {
            let why: Vec<&str> = inspection.findings.iter().map(|f| f.why.as_str()).collect();
            format!("{error}: {}", why.join(" / "))
        }
        _ => error.to_string(),
    }
}

fn facility_list(m: &Moment<'_>, app: &App) -> Value {
    m.facilities()
        .map(|held| {
            let f = &held.facility;
            let keys = m.board.keys_of(&f.id).count();
            json!({
                "id": f.id, "name": f.name, "district": f.district, "district_name": app.city.district(&f.district),
                "island": f.island, "phone": f.phone,
                "services": f.services.iter().map(|s| json!({ "id": s.id, "kind": s.kind, "name": s.kind.name_ja(), "capacity": s.capacity })).collect::<Vec<_>>(),
                "keys": keys, "last_report_at": held.last_report.as_ref().map(|r| r.at),
                "last_channel": held.last_report.as_ref().map(|r| r.channel),
            })
        })
        .collect::<Vec<_>>()
        .into()
}

/// The report URL of a facility; issues a key if it has none, or when rotating.
pub async fn facility_key(app: &Arc<App>, id: &str, rotate: bool, label: &str) -> Result<Value, Refused> {
    let facility: FacilityId = parse(id)?;
    let held: Vec<_> = app.look(|m| {
        let Some(_) = m.board.find_facility(&facility) else { return Err(format!("there is no facility {id}")) };
        Ok(m.board.keys_of(&facility).cloned().collect())
    })?;
    let key = match held.first() {
        Some(key) if !rotate => key.clone(),
        _ => {
            let key = app.keys.new_id().ok_or("no key id could be made")?;
            // The new key first: should we be cut off in between, the old poster still works.
            control(app, Facts::KeyIssued { key: key.clone(), facility: facility.clone(), label: label.to_owned() }, None)
                .await?;
            for old in held {
                control(app, Facts::KeyRevoked { key: old }, None).await?;
            }
            key
        }
    };
    let (sample, name) = app
        .look(|m| (m.board.is_sample(), m.board.find_facility(&facility).map(|f| f.facility.name.clone()).unwrap_or_default()));
    Ok(json!({
        "facility": facility, "name": name, "key": key, "sample": sample,
        "url": report_url(app, &key),
    }))
}

/// The address of the report page that a key opens.
#[must_use]
pub fn report_url(app: &App, key: &KeyId) -> String {
    format!("{}/r/{}", app.base_url, app.keys.url_key(key))
}

async fn register_write(app: &Arc<App>, facilities: Vec<Facility>, retire: Vec<FacilityId>) -> Result<Value, Refused> {
    let (written, retired) = (facilities.len(), retire.len());
    let _turn = app.register_turn.lock().await;
    write_records(app, ACTOR, facilities, retire).await.map_err(explain)?;
    Ok(json!({ "written": written, "retired": retired }))
}

/// Writes records of the register and takes others out of it; gives the first and the last position, if anything was written.
/// The caller holds [`App::register_turn`].
///
/// # Errors
/// [`SubmitError`]; what was written before it stays.
pub async fn write_records(
    app: &App,
    actor: &str,
    facilities: Vec<Facility>,
    retire: Vec<FacilityId>,
) -> Result<Option<(u64, u64)>, SubmitError> {
    let mut span: Option<(u64, u64)> = None;
    let mut note = |seq: u64| span = Some(span.map_or((seq, seq), |(first, last)| (first.min(seq), last.max(seq))));
    let records = facilities.into_iter().map(|facility| Facts::FacilityRegistered(Box::new(facility)));
    // Several at once, so that they share commits; few enough that reports find room in the queue beside them.
    let mut stored = stream::iter(records.map(|facts| register(app, actor, facts))).buffered(REGISTER_AT_ONCE);
    while let Some(seq) = stored.next().await {
        note(seq?);
    }
    drop(stored);
    for facility in retire {
        note(register(app, actor, Facts::FacilityRetired { facility }).await?);
    }
    Ok(span)
}

/// Facilities of an import that wait for one commit.
const REGISTER_AT_ONCE: usize = 128;

async fn register(app: &App, actor: &str, facts: Facts) -> Result<u64, SubmitError> {
    let submission = Submission {
        id: new_id(),
        channel: Channel::Import,
        actor: actor.to_owned(),
        intent: Intent::Control(Box::new(facts)),
        text: None,
    };
    loop {
        match app.recorder.submit(submission.clone()).await {
            // Reports go first; an import has time.
            Err(SubmitError::Busy { retry_after_s }) => tokio::time::sleep(Duration::from_secs(retry_after_s)).await,
            other => return other.map(|receipt| receipt.entry.seq),
        }
    }
}

/// A button as listings show it.
fn button_json(app: &App, b: &Button) -> Value {
    let state = app.devices.find(&b.profile, &b.device);
    json!({
        "id": b.id, "facility": b.facility, "profile": b.profile, "device": b.device,
        "sets": b.sets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "battery_pct": state.as_ref().and_then(|s| s.battery_pct),
        "available": state.as_ref().and_then(|s| s.available),
        "last_heard_at": state.as_ref().map(|s| s.last_heard_at),
    })
}

/// Why a device cannot become a button.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ButtonProblem {
    /// Its name cannot stand in a topic.
    #[error("{0:?} cannot be the name of a device on the wire")]
    Name(String),
    /// No such device family.
    #[error("there is no device profile {profile:?}; known are: {known}")]
    Profile {
        /// What was given.
        profile: String,
        /// What there is.
        known: String,
    },
    /// No such facility.
    #[error("there is no facility {0}")]
    Facility(FacilityId),
    /// What a gesture shall set does not fit the facility.
    #[error("{setting}: {why}")]
    Setting {
        /// The setting.
        setting: String,
        /// Why not.
        why: String,
    },
    /// It speaks for another facility.
    #[error("device {device} is button {button} of facility {facility}; remove it first")]
    Taken {
        /// The device.
        device: String,
        /// Its button.
        button: ButtonId,
        /// Whose it is.
        facility: FacilityId,
    },
    /// Every id is taken.
    #[error("no free button id")]
    NoId,
}

/// The button a device becomes, if everything about it is right. The same device enrolled again keeps its id: its settings change.
///
/// # Errors
/// [`ButtonProblem`].
pub fn plan_button(
    app: &App,
    facility: FacilityId,
    profile: String,
    device: String,
    sets: Vec<Setting>,
) -> Result<Button, ButtonProblem> {
    if device.is_empty() || device.contains(['#', '+', '\0']) || device.len() > 128 {
        return Err(ButtonProblem::Name(device));
    }
    if app.profiles.find(&profile).is_none() {
        let known: Vec<&str> = app.profiles.list().iter().map(imaboard_mqtt::Profile::name).collect();
        return Err(ButtonProblem::Profile { profile, known: known.join(", ") });
    }
    let id = app.look(|m| {
        let held = m.board.find_facility(&facility).ok_or_else(|| ButtonProblem::Facility(facility.clone()))?;
        let rules = Rules { today: m.today(), thresholds: app.thresholds, incident: true };
        for setting in &sets {
            Observation::parse(std::slice::from_ref(&setting.sets), &held.facility, rules).map_err(|refused| {
                let why: Vec<String> = refused.iter().map(|(_, why)| why.to_string()).collect();
                ButtonProblem::Setting { setting: setting.to_string(), why: why.join(", ") }
            })?;
        }
        match m.board.find_button(&profile, &device) {
            Some(b) if b.facility != facility => {
                Err(ButtonProblem::Taken { device: device.clone(), button: b.id.clone(), facility: b.facility.clone() })
            }
            Some(b) => Ok(b.id.clone()),
            None => (1..)
                .filter_map(|n| ButtonId::new(format!("{facility}-b{n}")).ok())
                .find(|id| !m.board.buttons().contains_key(id))
                .ok_or(ButtonProblem::NoId),
        }
    })?;
    Ok(Button { id, facility, profile, device, sets })
}

async fn button_enrol(
    app: &Arc<App>,
    facility: &str,
    profile: String,
    device: String,
    sets: &[String],
) -> Result<Value, Refused> {
    let facility: FacilityId = parse(facility)?;
    let settings: Vec<Setting> = sets.iter().map(|s| parse(s)).collect::<Result<_, _>>()?;
    let button = plan_button(app, facility, profile, device, settings).map_err(|why| why.to_string())?;
    let id = button.id.clone();
    let mut value = button_json(app, &button);
    let stored = control(app, Facts::ButtonEnrolled(button), None).await?;
    value["seq"] = stored["seq"].clone();
    value["mqtt_user"] = id.as_str().into();
    value["mqtt_password"] = app.keys.device_password(&id).into();
    Ok(value)
}

fn button_credential(app: &App, id: Option<&str>, gateway: Option<&str>) -> Result<Value, Refused> {
    if let Some(profile) = gateway {
        if profile == "imaboard" || app.profiles.find(profile).is_none() {
            return Err(format!("there is no gateway family {profile:?}"));
        }
        return Ok(json!({ "mqtt_user": format!("gateway-{profile}"), "mqtt_password": app.keys.gateway_password(profile) }));
    }
    let id: ButtonId = parse(id.ok_or("name a button or a gateway")?)?;
    let button = app.board.read(|b| b.buttons().get(&id).cloned()).ok_or_else(|| format!("there is no button {id}"))?;
    let mut value = button_json(app, &button);
    value["mqtt_user"] = id.as_str().into();
    value["mqtt_password"] = app.keys.device_password(&id).into();
    Ok(value)
}

fn find_areas(app: &App, areas: &[String]) -> Result<Vec<DistrictId>, Refused> {
    areas
        .iter()
        .map(|area| {
            app.city.districts.iter().find(|d| d.id.as_str() == area || d.name == *area).map(|d| d.id.clone()).ok_or_else(|| {
                let known: Vec<String> = app.city.districts.iter().map(|d| format!("{} ({})", d.id, d.name)).collect();
                format!("there is no district {area:?}; the settings list: {}", known.join(", "))
            })
        })
        .collect()
}

async fn incident_open(
    app: &Arc<App>,
    name: String,
    hazard: &str,
    areas: &[String],
    exercise: bool,
    alert: bool,
) -> Result<Value, Refused> {
    if name.trim().is_empty() || name.chars().count() > 40 {
        return Err("an incident needs a name of 1 to 40 characters".to_owned());
    }
    let hazard: Hazard = hazard.parse().map_err(|_| {
        let known: Vec<&str> = Hazard::ALL.iter().map(|h| h.word()).collect();
        format!("there is no hazard {hazard:?}; one of {}", known.join(", "))
    })?;
    let areas = find_areas(app, areas)?;
    let now = app.clock.now();
    let id = app.look(|m| {
        let stem = format!("{}-{}", city_date(now), hazard.word().replace('_', "-"));
        (1..)
            .filter_map(|n| IncidentId::new(if n == 1 { stem.clone() } else { format!("{stem}-{n}") }).ok())
            .find(|id| !m.board.incidents().contains_key(id))
    });
    let id = id.ok_or("no free incident id")?;
    let severity = if alert { Severity::Alert } else { Severity::Incident };
    let incident = Incident { id: id.clone(), name, hazard, areas, severity, exercise, opened_at: now, closed_at: None };
    let mut value = control(app, Facts::IncidentOpened(incident), None).await?;
    value["incident"] = id.as_str().into();
    Ok(value)
}

async fn incident_close(app: &Arc<App>, id: &str) -> Result<Value, Refused> {
    let incident: IncidentId = parse(id)?;
    let exercise = app.look(|m| m.board.incidents().get(&incident).map(|i| i.exercise));
    let value = control(app, Facts::IncidentClosed { incident }, None).await?;
    // Roll calls of a realm end with its last incident.
    let realm = if exercise == Some(true) { Realm::Exercise } else { Realm::Real };
    let over = app.look(|m| if m.incident_in(realm).is_some() { Vec::new() } else { open_calls(&m, realm) });
    for roll_call in over {
        control(app, Facts::RollCallClosed { roll_call }, None).await?;
    }
    Ok(value)
}

fn open_calls(m: &Moment<'_>, realm: Realm) -> Vec<RollCallId> {
    m.board
        .roll_calls()
        .values()
        .filter(|c| c.closed_at.is_none() && c.exercise == (realm == Realm::Exercise))
        .map(|c| c.id.clone())
        .collect()
}

async fn rollcall_open(app: &Arc<App>, areas: &[String], exercise: bool) -> Result<Value, Refused> {
    let areas = find_areas(app, areas)?;
    let now = app.clock.now();
    let (exercise, id) = app.look(|m| {
        // While only an exercise is open, a roll call can only mean the exercise.
        let exercise = exercise || (m.exercise().is_some() && m.incident().is_none());
        if exercise && m.exercise().is_none() {
            return Err("there is no exercise; open one first (incident open … --exercise)".to_owned());
        }
        let stem = format!("rc-{}", city_date(now));
        let id = (1..)
            .filter_map(|n| RollCallId::new(format!("{stem}-{n}")).ok())
            .find(|id| !m.board.roll_calls().contains_key(id))
            .ok_or_else(|| "no free roll call id".to_owned())?;
        Ok((exercise, id))
    })?;
    let call = RollCall { id: id.clone(), areas, exercise, opened_at: now, closed_at: None, answers: OrdMap::new() };
    let mut value = control(app, Facts::RollCallOpened(call), None).await?;
    value["roll_call"] = id.as_str().into();
    value["exercise"] = exercise.into();
    Ok(value)
}

async fn rollcall_close(app: &Arc<App>, id: Option<&str>) -> Result<Value, Refused> {
    let roll_call = match id {
        Some(id) => parse(id)?,
        None => app.look(|m| {
            let mut open = open_calls(&m, Realm::Real);
            open.extend(open_calls(&m, Realm::Exercise));
            match open.as_slice() {
                [only] => Ok(only.clone()),
                [] => Err("no roll call is open".to_owned()),
                several => {
                    let ids: Vec<&str> = several.iter().map(RollCallId::as_str).collect();
                    Err(format!("several roll calls are open, name one: {}", ids.join(", ")))
                }
            }
        })?,
    };
    control(app, Facts::RollCallClosed { roll_call }, None).await
}

fn posting_list(m: Moment<'_>) -> Value {
    let mut list: Vec<_> = m.board.postings().values().collect();
    list.sort_by_key(|p| (p.state != PostingState::Pending, std::cmp::Reverse(p.received_at)));
    list.into_iter()
        .map(|p| {
            json!({
                "id": p.id, "kind": p.kind, "state": p.state, "public": p.is_public(m.now), "facility": p.facility,
                "title": p.title(), "body": p.body(), "seq": p.source_seq, "received_at": p.received_at,
                "publish_at": p.publish_at, "expires_at": p.expires_at, "pinned": p.pinned, "category": p.category, "job": p.job,
            })
        })
        .collect::<Vec<_>>()
        .into()
}

async fn posting_draft(app: &Arc<App>, title: &str, body: &str, category: &str) -> Result<Value, Refused> {
    let category: NoticeCategory = category.parse().map_err(|_| {
        let known: Vec<&str> = NoticeCategory::ALL.iter().map(|c| c.word()).collect();
        format!("there is no category {category:?}; one of {}", known.join(", "))
    })?;
    if title.trim().is_empty() {
        return Err("a notice needs a title".to_owned());
    }
    let entry = new_id();
    let posting = PostingId::new(format!("p-{entry}")).map_err(|e| e.to_string())?;
    let facts = Facts::PostingDrafted {
        posting: posting.clone(),
        what: PostingKind::Notice,
        facility: None,
        category: Some(category),
        job: None,
        expires_at: None,
    };
    let mut value = control(app, facts, Some(format!("{}\n{body}", title.trim()))).await?;
    value["posting"] = posting.as_str().into();
    Ok(value)
}

/// A moment as people type it: RFC 3339, or a city date that means its first second.
fn parse_time(text: &str) -> Result<Timestamp, Refused> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let date: jiff::civil::Date =
        text.parse().map_err(|_| format!("{text:?} is neither a time (2026-12-01T09:00:00+09:00) nor a date"))?;
    date.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9))).map(|z| z.timestamp()).map_err(|e| e.to_string())
}

async fn posting_publish(
    app: &Arc<App>,
    id: &str,
    at: Option<&str>,
    until: Option<&str>,
    pinned: bool,
) -> Result<Value, Refused> {
    let posting: PostingId = parse(id)?;
    let publish_at = at.map(parse_time).transpose()?;
    let expires_at = until.map(parse_time).transpose()?;
    if let Some(until) = expires_at
        && until <= publish_at.unwrap_or_else(|| app.clock.now())
    {
        return Err("the posting would expire before it appears".to_owned());
    }
    control(app, Facts::PostingPublished { posting, publish_at, expires_at, pinned }, None).await
}
