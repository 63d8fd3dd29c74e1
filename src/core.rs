//! What the command line and the control socket can ask of a city: list, enrol, open, publish …
//!
//! One place for both: with a running server the request travels over the control socket, without one it is answered by
//! a short-lived core that holds the data folder's lock. *Invariant:* every change goes through the recorder.

use futures_util::stream::{self, StreamExt as _};
use imaboard_domain::{
    Button, ButtonId, Channel, Display, DistrictId, EntryId, Facility, FacilityId, Facts, Hazard, KeyId, Moment, NoticeCategory,
    Observation, Plan, PostingId, PostingKind, PostingState, Realm, Role, RollCallId, Rules, Setting, Severity,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::incidents::{self, By, MOST_NAME_CHARS, Opening, open_calls};
use crate::recorder::{Intent, Receipt, Submission, SubmitError, new_id};
use crate::staff::{self, Account};

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
    StaffInvite { name: String, role: Option<String> },
    StaffList,
    StaffDisable { name: String },
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
                | Request::StaffList
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
        Request::StaffInvite { name, role } => staff_invite(app, &name, role.as_deref()).await,
        Request::StaffList => staff_list(app).await,
        Request::StaffDisable { name } => staff_disable(app, &name).await,
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

async fn find_seat(app: &App, name: &str) -> Result<Option<Account>, Refused> {
    let all = app.staff.list().await.map_err(|e| e.to_string())?;
    Ok(all.into_iter().find(|account| account.name == name))
}

async fn staff_invite(app: &App, name: &str, role: Option<&str>) -> Result<Value, Refused> {
    let name = staff::seat_name(name).map_err(|e| e.to_string())?;
    let role: Option<Role> = role.map(parse).transpose()?;
    let (seat, invitation) = match (find_seat(app, &name).await?, role) {
        (Some(held), role) => {
            if let Some(role) = role.filter(|role| *role != held.role) {
                app.staff.set_role(&held.id, role).await.map_err(|e| e.to_string())?;
            }
            app.staff.invite_again(&held.id).await.map_err(|e| e.to_string())?
        }
        (None, Some(role)) => app.staff.invite(&name, role).await.map_err(|e| e.to_string())?,
        (None, None) => return Err("a new seat needs --role viewer, coordinator or admin".to_owned()),
    };
    Ok(
        json!({ "id": seat.id, "name": seat.name, "role": role.unwrap_or(seat.role).word(), "url": staff::join_url(&app.base_url, &invitation) }),
    )
}

async fn staff_list(app: &App) -> Result<Value, Refused> {
    let now = app.clock.now();
    let seat = |a: Account| {
        json!({
            "id": a.id, "name": a.name, "role": a.role.word(), "used_at": a.used_at, "disabled_at": a.disabled_at,
            "unused": a.is_unused(now), "has_password": a.has_password,
        })
    };
    Ok(app.staff.list().await.map_err(|e| e.to_string())?.into_iter().map(seat).collect::<Vec<_>>().into())
}

async fn staff_disable(app: &App, name: &str) -> Result<Value, Refused> {
    let seat = find_seat(app, name).await?.ok_or_else(|| format!("there is no seat called {name}"))?;
    let records = app.staff.disable(&seat.id).await.map_err(|e| e.to_string())?;
    let keys: Vec<Value> = records
        .into_iter()
        .filter_map(|record| match crate::recorder::entry_of(record).ok()?.facts {
            Facts::KeyIssued { key, facility, label } => Some(json!({ "key": key, "facility": facility, "label": label })),
            _ => None,
        })
        .collect();
    Ok(json!({ "id": seat.id, "name": seat.name, "issued_keys": keys }))
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, Refused>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|e: T::Err| e.to_string())
}

fn command_line() -> By {
    By { channel: Channel::System, actor: ACTOR.to_owned() }
}

/// Records a control entry for the command line; gives its position and id.
pub async fn control(app: &Arc<App>, facts: Facts, text: Option<String>) -> Result<Value, Refused> {
    incidents::record(app, &command_line(), new_id(), facts, text).await.map(|receipt| stored(&receipt)).map_err(explain)
}

fn stored(receipt: &Receipt) -> Value {
    json!({ "seq": receipt.entry.seq, "id": receipt.entry.id, "recorded_at": receipt.entry.recorded_at })
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
        setting: Box<Setting>,
        /// Why not, one by one.
        refused: Vec<imaboard_domain::Refused>,
        /// All of it as one line for the command line.
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
    let known = app.look(|m| {
        let held = m.board.find_facility(&facility).ok_or_else(|| ButtonProblem::Facility(facility.clone()))?;
        let rules = Rules { today: m.today(), thresholds: app.thresholds, incident: true };
        for setting in &sets {
            Observation::parse(std::slice::from_ref(&setting.sets), &held.facility, rules).map_err(|refused| {
                let why: Vec<String> = refused.iter().map(|(_, why)| why.to_string()).collect();
                ButtonProblem::Setting {
                    setting: Box::new(setting.clone()),
                    refused: refused.into_iter().map(|(_, why)| why).collect(),
                    why: why.join(", "),
                }
            })?;
        }
        match m.board.find_button(&profile, &device) {
            Some(b) if b.facility != facility => {
                Err(ButtonProblem::Taken { device: device.clone(), button: b.id.clone(), facility: b.facility.clone() })
            }
            Some(b) => Ok(b.clone()),
            None => (1..)
                .filter_map(|n| ButtonId::new(format!("{facility}-b{n}")).ok())
                .find(|id| !m.board.buttons().contains_key(id))
                .map(|id| Button {
                    joined_at: Some(m.now),
                    ..Button::new(id, facility.clone(), profile.clone(), device.clone(), Vec::new())
                })
                .ok_or(ButtonProblem::NoId),
        }
    })?;
    Ok(Button { sets, ..known })
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
    let password = app.keys.device_password(&button);
    let stored = control(app, Facts::ButtonEnrolled(button), None).await?;
    value["seq"] = stored["seq"].clone();
    value["mqtt_user"] = id.as_str().into();
    value["mqtt_password"] = password.into();
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
    value["mqtt_password"] = app.keys.device_password(&button).into();
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
    if name.trim().is_empty() || name.chars().count() > MOST_NAME_CHARS {
        return Err(format!("an incident needs a name of 1 to {MOST_NAME_CHARS} characters"));
    }
    let hazard: Hazard = hazard.parse().map_err(|_| {
        let known: Vec<&str> = Hazard::ALL.iter().map(|h| h.word()).collect();
        format!("there is no hazard {hazard:?}; one of {}", known.join(", "))
    })?;
    let severity = if alert { Severity::Alert } else { Severity::Incident };
    let opening = Opening { name, hazard, areas: find_areas(app, areas)?, severity, exercise };
    let (receipt, id) = incidents::open(app, &command_line(), new_id(), opening).await.map_err(explain)?;
    let mut value = stored(&receipt);
    value["incident"] = id.as_str().into();
    Ok(value)
}

async fn incident_close(app: &Arc<App>, id: &str) -> Result<Value, Refused> {
    let closed = incidents::close(app, &command_line(), new_id(), parse(id)?, None).await;
    closed.map(|receipt| stored(&receipt)).map_err(explain)
}

async fn rollcall_open(app: &Arc<App>, areas: &[String], exercise: bool) -> Result<Value, Refused> {
    let areas = find_areas(app, areas)?;
    let exercise = app.look(|m| {
        // While only an exercise is open, a roll call can only mean the exercise.
        let exercise = exercise || (m.exercise().is_some() && m.incident().is_none());
        if exercise && m.exercise().is_none() {
            return Err("there is no exercise; open one first (incident open … --exercise)".to_owned());
        }
        Ok(exercise)
    })?;
    let (receipt, id) = incidents::open_call(app, &command_line(), new_id(), areas, exercise).await.map_err(explain)?;
    let mut value = stored(&receipt);
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
    let posting = posting_id(new_id()).ok_or("no posting id could be made")?;
    let facts = Facts::PostingDrafted {
        posting: posting.clone(),
        what: PostingKind::Notice,
        facility: None,
        category: Some(category),
        job: None,
        expires_at: None,
        plan: Plan::default(),
    };
    let mut value = control(app, facts, Some(posting_text(title, body))).await?;
    value["posting"] = posting.as_str().into();
    Ok(value)
}

/// The id of a posting whose draft is the entry with this id.
#[must_use]
pub fn posting_id(entry: EntryId) -> Option<PostingId> {
    PostingId::new(format!("p-{entry}")).ok()
}

/// Title and body as the one text the guard reads and the log keeps: the title is its first line.
#[must_use]
pub fn posting_text(title: &str, body: &str) -> String {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let body = body.replace("\r\n", "\n");
    let body = body.trim();
    if body.is_empty() { title } else { format!("{title}\n{body}") }
}

/// Whether something could ever be read in this window; `from` is now if absent.
#[must_use]
pub fn is_window(from: Option<Timestamp>, until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|until| until > now && until > from.unwrap_or(now))
}

/// A moment as people type it: RFC 3339, city time without a zone, or a city date that means its first second.
///
/// # Errors
/// In English, for who types commands.
pub fn parse_time(text: &str) -> Result<Timestamp, Refused> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let date: jiff::civil::DateTime = text
        .parse()
        .or_else(|_| text.parse::<jiff::civil::Date>().map(|date| date.at(0, 0, 0, 0)))
        .map_err(|_| format!("{text:?} is neither a time (2026-12-01T09:00:00+09:00) nor a date"))?;
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
    if !is_window(publish_at, expires_at, app.clock.now()) {
        return Err("the posting would expire before it appears".to_owned());
    }
    control(app, Facts::PostingPublished { posting, publish_at, expires_at, pinned }, None).await
}
