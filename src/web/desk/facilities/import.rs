//! A register file at the desk: what it would change, line by line; taking it in; and putting everything back.
//!
//! *Invariants:* nothing is written that was not shown first, against the register as it is then; putting back restores exactly
//! what stood before the import, and leaves alone what somebody changed since.

use std::io::Read as _;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use imaboard_domain::{Facility, FacilityId, Facts};
use imaboard_templates::desk::facilities::import::{self, Done, Shown};

use super::super::{Member, only_looks, page, see_other, sentence, typed};
use super::{Room, asked, refused};
use crate::app::App;
use crate::core::write_records;
use crate::intake::register;
use crate::log::StoreError;
use crate::recorder::entry_of;

/// Most facilities that one import at the desk changes; a nation's register is for the command line, which shows its progress.
const MOST_CHANGES: usize = 2_000;

/// Lines that are shown of what is not taken in: nobody reads ten thousand.
const MOST_SHOWN: usize = 200;

fn existing(app: &App) -> Vec<Facility> {
    app.board.read(|board| board.facilities().values().filter(|f| !f.retired).map(|f| (*f.facility).clone()).collect())
}

/// Stands for the register as it is and the file as it was sent, so that what was shown is what is written.
fn version(app: &App, existing: &[Facility], shown: &Shown) -> String {
    // Plain data of our own always serialises. A browser sends other line ends than it was given.
    let csv = shown.csv.replace("\r\n", "\n");
    app.keys.digest(&serde_json::to_string(&(existing, csv.trim(), shown.complete)).unwrap_or_default())
}

fn sample(app: &App) -> bool {
    app.board.read(imaboard_domain::Board::is_sample)
}

pub(super) async fn open(State(app): State<Arc<App>>, member: Member, uri: Uri) -> Response {
    if let Some(no) = only_looks(&app, &member, Room::Facilities) {
        return no;
    }
    let asked = asked(&uri);
    let span = asked.one("first").and_then(|s| s.parse().ok()).zip(asked.one("last").and_then(|s| s.parse().ok()));
    if let Some((first, last)) = span {
        return done(&app, &member, first, last).await;
    }
    let undone = asked.one("undone").and_then(|n| n.parse().ok());
    show(&app, &member, StatusCode::OK, &Shown { sample: sample(&app), undone, ..Shown::default() })
}

fn show(app: &App, member: &Member, status: StatusCode, shown: &Shown) -> Response {
    page(app, member, status, &["desk-facilities.js"], |frame| import::page(frame, shown))
}

/// Longest register file at the desk.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// What the script packed: a form makes nine bytes of every Japanese letter. Nothing of a file that is too long: the first part of a
/// register would look like a register from which the others left.
fn unpacked(packed: &str) -> Option<String> {
    let bytes = data_encoding::BASE64.decode(packed.as_bytes()).ok()?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).take(MOST_BYTES + 1).read_to_string(&mut text).ok()?;
    u64::try_from(text.len()).is_ok_and(|bytes| bytes <= MOST_BYTES).then_some(text)
}

/// Shows what a file would change, or writes what was shown.
pub(super) async fn take(State(app): State<Arc<App>>, member: Member, body: Result<Bytes, BytesRejection>) -> Response {
    let too_long = || sentence(&app, &member, Room::Facilities, StatusCode::PAYLOAD_TOO_LARGE, "desk.facilities.import.too_long");
    let Ok(body) = body else { return too_long() };
    let typed = typed(&body);
    let csv = match typed.one("packed") {
        Some(packed) => unpacked(packed),
        None => Some(typed.one("csv").unwrap_or_default().to_owned()),
    };
    let Some(csv) = csv else { return too_long() };
    let complete = typed.one("complete").is_some();
    let mut shown = Shown { csv, complete, sample: sample(&app), ..Shown::default() };
    if shown.sample {
        return show(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    // Held from looking to storing: nobody changes a record in between.
    let _turn = app.register_turn.lock().await;
    let existing = existing(&app);
    let rows = match register::read(shown.csv.as_bytes(), &app.city, &existing) {
        Ok(rows) => rows,
        Err(problems) => {
            shown.wrong = problems.len();
            shown.problems = problems.iter().take(MOST_SHOWN).map(ToString::to_string).collect();
            return show(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, &shown);
        }
    };
    let difference = register::difference(rows, &existing, complete);
    shown.version = version(&app, &existing, &shown);
    shown.changes = difference.added.len() + difference.changed.len() + difference.retired.len();
    shown.too_many = shown.changes > MOST_CHANGES;
    shown.lines = difference.lines();
    if shown.too_many {
        // Nothing of it is written here; the last line counts them all.
        shown.lines.drain(MOST_SHOWN..shown.lines.len() - 1);
    }
    let go = typed.one("go").is_some();
    if !go || typed.one("version") != Some(shown.version.as_str()) || shown.changes == 0 || shown.too_many {
        // A look; or the register or the file is another one since: what is shown now is to be looked at again.
        shown.moved = go && shown.changes > 0;
        let status = if shown.moved { StatusCode::CONFLICT } else { StatusCode::OK };
        return show(&app, &member, status, &shown);
    }
    let (facilities, retire) = difference.into_changes();
    match write_records(&app, &member.actor(), facilities, retire).await {
        Ok(Some((first, last))) => see_other(&format!("/desk/facilities/import?first={first}&last={last}")),
        Ok(None) => see_other("/desk/facilities"),
        Err(error) => refused(&app, &member, &error),
    }
}

/// What an import did to one facility, and what stood before.
struct Step {
    id: FacilityId,
    name: String,
    /// As the import left it; `None`: it left the register.
    after: Option<Facility>,
    /// As it stood before; `None`: it was not in the register.
    before: Option<Facility>,
}

/// Most positions that one import spans, with reports of others in between.
const MOST_SPAN: u64 = 50_000;

/// What one person's import between two positions did.
async fn steps(app: &App, member: &Member, first: u64, last: u64) -> Result<Vec<Step>, StoreError> {
    let log = app.recorder.log();
    let (mut steps, mut from) = (Vec::new(), first);
    let last = last.min(first.saturating_add(MOST_SPAN));
    while from <= last {
        let records = log.read(from, 500).await?;
        let Some(end) = records.last().map(|record| record.seq) else { break };
        for record in records {
            let ours = record.seq <= last && record.actor == member.actor() && record.channel == "import";
            if !ours {
                continue;
            }
            let (seq, subject) = (record.seq, record.subject.clone());
            let (id, after) = match entry_of(record)?.facts {
                Facts::FacilityRegistered(f) => (f.id.clone(), Some(*f)),
                Facts::FacilityRetired { facility } => (facility, None),
                _ => continue,
            };
            let mut before = None;
            for older in log.list_by_subject_before(&subject, seq, 2_000).await? {
                match entry_of(older)?.facts {
                    Facts::FacilityRegistered(f) => {
                        before = Some(*f);
                        break;
                    }
                    Facts::FacilityRetired { .. } => break,
                    _ => {}
                }
            }
            let name = after.as_ref().or(before.as_ref()).map_or_else(|| id.to_string(), |f| f.name.clone());
            steps.push(Step { id, name, after, before });
        }
        from = end + 1;
    }
    Ok(steps)
}

/// Whether a facility still is as an import left it.
fn untouched(app: &App, step: &Step) -> bool {
    app.board.read(|board| match (board.facilities().get(&step.id), &step.after) {
        (Some(held), Some(after)) => !held.retired && *held.facility == *after,
        (Some(held), None) => held.retired,
        (None, _) => false,
    })
}

async fn done(app: &App, member: &Member, first: u64, last: u64) -> Response {
    match steps(app, member, first, last).await {
        Ok(steps) if !steps.is_empty() => {
            let (back, kept): (Vec<_>, Vec<_>) = steps.iter().partition(|step| untouched(app, step));
            let names = |steps: &[&Step]| steps.iter().map(|step| step.name.clone()).collect();
            let done = Done { first, last, back: names(&back), kept: names(&kept) };
            page(app, member, StatusCode::OK, &[], |frame| import::done(frame, &done))
        }
        Ok(_) => sentence(app, member, Room::Facilities, StatusCode::NOT_FOUND, "desk.facilities.import.nothing"),
        Err(error) => refused(app, member, &crate::recorder::SubmitError::NotStored(Arc::new(error))),
    }
}

/// Puts back what an import changed.
pub(super) async fn undo(State(app): State<Arc<App>>, member: Member, body: Bytes) -> Response {
    let typed = typed(&body);
    let number = |name| typed.one(name).and_then(|text| text.parse::<u64>().ok());
    let (Some(first), Some(last)) = (number("first"), number("last")) else {
        return sentence(&app, &member, Room::Facilities, StatusCode::UNPROCESSABLE_ENTITY, "desk.problem.malformed");
    };
    let _turn = app.register_turn.lock().await;
    let steps = match steps(&app, &member, first, last).await {
        Ok(steps) => steps,
        Err(error) => return refused(&app, &member, &crate::recorder::SubmitError::NotStored(Arc::new(error))),
    };
    let back: Vec<Step> = steps.into_iter().filter(|step| untouched(&app, step)).collect();
    let count = back.len();
    let retire = back.iter().filter(|step| step.before.is_none()).map(|step| step.id.clone()).collect();
    let records = back.into_iter().filter_map(|step| step.before).collect();
    match write_records(&app, &member.actor(), records, retire).await {
        Ok(_) => see_other(&format!("/desk/facilities/import?undone={count}")),
        Err(error) => refused(&app, &member, &error),
    }
}
