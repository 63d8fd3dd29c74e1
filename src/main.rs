//! The program: arguments → settings → run. The only place that exits.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use imaboard::cli::{
    ButtonCommand, Cli, Command, Common, DisplayCommand, FacilityCommand, IncidentCommand, LogCommand, PostingCommand,
    RegisterCommand, RollcallCommand, ServeArgs, StaffCommand,
};
use imaboard::clock::{Clock, SystemClock};
use imaboard::commands::{self, Failed, line, listing, text};
use imaboard::control::{self, CallError};
use imaboard::core::{self, Request};
use imaboard::data_folder::DataFolder;
use imaboard::intake::register;
use imaboard::log::{DatabasePlace, Log, OpenError, OpenMode};
use imaboard::settings::{DatabaseUrl, Overrides, Settings, Sources, explain};
use imaboard::wiring::{self, Purpose, Serve};
use imaboard::{press, telemetry};
use imaboard_domain::{Facility, FacilityId};
use serde_json::Value;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data; everything else is a usage error.
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
                _ => 2,
            };
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("the program cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(cli));
    // A task that still sleeps must not hold up the exit.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(why)) => {
            if !why.is_empty() {
                eprintln!("imaboard: {why}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failed> {
    let common = cli.common;
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => serve(&common, args, Serve::City).await,
        Command::Demo(args) => demo(&common, args).await,
        Command::Init => init(&common).await,
        Command::Decode { jsonl: _, profiles } => commands::decode(profiles.as_deref(), || SystemClock.now()),
        Command::Guard { jsonl: _, register } => commands::guard(register.as_deref()),
        Command::Check => check(&common).await,
        Command::Copy { from, to } => copy(&common, &from, &to).await,
        Command::Log { command } => log(&common, command).await,
        Command::Register { command } => register_command(&common, command).await,
        Command::Facility { command } => facility(&common, command).await,
        Command::Button { command } => button(&common, command).await,
        Command::Staff { command } => staff(&common, command).await,
        Command::Incident { command } => incident(&common, command).await,
        Command::Rollcall { command } => rollcall(&common, command).await,
        Command::Posting { command } => posting(&common, command).await,
        Command::Display { command } => display(&common, command).await,
    }
}

fn load(common: &Common, serve: ServeArgs) -> Result<Settings, Failed> {
    let overrides = Overrides {
        listen: serve.listen,
        mqtt_listen: serve.mqtt_listen,
        mqtt_url: serve.mqtt_url,
        ops_listen: serve.ops_listen,
        database: common.database.clone(),
    };
    Settings::load(&Sources::of_process(common.config.clone(), Some(common.data.clone()), overrides))
        .map_err(|p| Failed(explain(&p)))
}

fn folder(common: &Common, purpose: Purpose) -> Result<DataFolder, Failed> {
    let folder = match purpose {
        Purpose::Write => DataFolder::open(&common.data),
        Purpose::Read => DataFolder::existing(&common.data),
    };
    folder.map_err(|e| Failed::because(&e))
}

async fn serve(common: &Common, args: ServeArgs, kind: Serve) -> Result<(), Failed> {
    let mut settings = load(common, args)?;
    if kind == Serve::Demo {
        // Whatever the settings name is somebody's city; simulated life stays in the folder that goes with it.
        settings.database.url = None;
    }
    telemetry::init(&settings.log).map_err(|e| Failed::because(&e))?;
    wiring::serve(settings, folder(common, Purpose::Write)?, kind).await
}

/// A throw-away sample city: its data folder goes when the program ends.
async fn demo(common: &Common, args: ServeArgs) -> Result<(), Failed> {
    if common.database.is_some() {
        return Err(Failed("demo keeps its throw-away city in a folder of its own; it takes no --database".to_owned()));
    }
    let place = tempfile::Builder::new().prefix("imaboard-demo-").tempdir().map_err(|e| Failed::because(&e))?;
    let common = Common { data: place.path().to_owned(), ..common.clone() };
    serve(&common, args, Serve::Demo).await
}

async fn init(common: &Common) -> Result<(), Failed> {
    let settings = load(common, ServeArgs::default())?;
    let opened = wiring::open(settings, folder(common, Purpose::Write)?, Purpose::Write).await?;
    let founded = wiring::found(&opened.app, false).await;
    let sample = opened.app.look(|m| m.board.is_sample());
    opened.close().await;
    match founded {
        Ok(true) => {
            eprintln!("空の市を用意しました: {} / an empty city is ready", common.data.display());
            eprintln!("つぎは: imaboard register import FILE.csv --data {}", common.data.display());
            Ok(())
        }
        Ok(false) if sample => Err(Failed(format!("{} holds a sample city; choose another folder", common.data.display()))),
        Ok(false) => Err(Failed(format!("{} holds a city already; nothing was changed", common.data.display()))),
        Err(error) => Err(error),
    }
}

/// Asks the running server, or opens the city here when none runs.
async fn ask(common: &Common, request: Request) -> Result<Value, Failed> {
    let folder_path = DataFolder::existing(&common.data).map_err(|e| Failed::because(&e))?;
    match control::call::<Value>(&folder_path.control_socket(), &request).await {
        Ok(mut call) => match call.next().await {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Ok(Value::Null),
            Err(CallError::Refused(why)) => Err(Failed(why)),
            Err(error) => Err(Failed::because(&error)),
        },
        Err(CallError::NoServer) => {
            let purpose = if request.only_reads() { Purpose::Read } else { Purpose::Write };
            let settings = load(common, ServeArgs::default())?;
            let opened = wiring::open(settings, folder_path, purpose).await?;
            let answer = core::answer(&opened.app, request).await;
            opened.close().await;
            answer.map_err(Failed)
        }
        Err(error) => Err(Failed::because(&error)),
    }
}

/// Prints what a writing command did: JSON, or one line.
fn done(common: &Common, value: &Value, words: impl FnOnce(&Value) -> String) -> Result<(), Failed> {
    if common.json { line(&value.to_string()) } else { line(&words(value)) }
}

async fn register_command(common: &Common, command: RegisterCommand) -> Result<(), Failed> {
    let held = ask(common, Request::RegisterRead).await?;
    let existing: Vec<Facility> =
        serde_json::from_value(held["facilities"].clone()).map_err(|e| Failed(format!("the register cannot be read: {e}")))?;
    match command {
        RegisterCommand::Export => commands::register_csv(&existing),
        RegisterCommand::Import { file, dry_run, complete } => {
            if held["sample"] == true {
                return Err(Failed(
                    "これは見本の市です。本物の台帳は `imaboard init --data DIR` で作った市に入れてください / this is a sample city: \
                     make a real one with `imaboard init --data DIR` first"
                        .to_owned(),
                ));
            }
            let bytes = std::fs::read(&file).map_err(|e| Failed(format!("{}: {e}", file.display())))?;
            let settings = load(common, ServeArgs::default())?;
            let city = wiring::city_of(&settings.city);
            let rows = register::read(&bytes, &city, &existing).map_err(|problems| {
                let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
                Failed(format!("{}: 何も取り込んでいません / nothing was imported\n{}", file.display(), lines.join("\n")))
            })?;
            let difference = register::difference(rows, &existing, complete);
            for text in difference.lines() {
                line(&text)?;
            }
            if dry_run {
                return Ok(());
            }
            let (facilities, retire) = difference.into_changes();
            let (written, retired) = (facilities.len(), retire.len());
            write_register(common, facilities, retire).await?;
            eprintln!("{written} 施設を書き込み、{retired} 施設を外しました");
            Ok(())
        }
    }
}

/// Facilities in one request: a bar moves, and no request grows with the register.
const FACILITIES_A_REQUEST: usize = 1_000;

/// Writes a register piece by piece, through the running server or by itself. What was written before a failure stays, and
/// the same import again writes the rest.
async fn write_register(common: &Common, facilities: Vec<Facility>, retire: Vec<FacilityId>) -> Result<(), Failed> {
    let folder = DataFolder::existing(&common.data).map_err(|e| Failed::because(&e))?;
    let opened = if control::server_runs(&folder.control_socket()) {
        None
    } else {
        Some(wiring::open(load(common, ServeArgs::default())?, folder, Purpose::Write).await?)
    };
    let bar = commands::progress_bar();
    bar.set_length(facilities.len() as u64);
    let requests = facilities.chunks(FACILITIES_A_REQUEST).map(|part| (part.to_vec(), Vec::new())).chain([(Vec::new(), retire)]);
    let mut outcome = Ok(());
    for (facilities, retire) in requests {
        let written = facilities.len() as u64;
        let request = Request::RegisterWrite { facilities, retire };
        let answer = match &opened {
            None => ask(common, request).await,
            Some(opened) => core::answer(&opened.app, request).await.map_err(Failed),
        };
        if let Err(error) = answer {
            outcome = Err(error);
            break;
        }
        bar.inc(written);
    }
    bar.finish_and_clear();
    if let Some(opened) = opened {
        opened.close().await;
    }
    outcome
}

async fn facility(common: &Common, command: FacilityCommand) -> Result<(), Failed> {
    match command {
        FacilityCommand::List => {
            let value = ask(common, Request::FacilityList).await?;
            listing(&value, common.json, |f| {
                let kinds: Vec<String> = f["services"].as_array().into_iter().flatten().map(|s| text(s, "name")).collect();
                format!("{}\t{}\t{}\t{}", text(f, "id"), text(f, "name"), text(f, "district_name"), kinds.join("・"))
            })
        }
        FacilityCommand::Key { id, rotate, label, qr } => {
            let value = ask(common, Request::FacilityKey { id, rotate, label }).await?;
            if let Some(path) = qr {
                let url = text(&value, "url");
                if value["sample"] != true && commands::is_loopback(&url) {
                    return Err(Failed(format!(
                        "{url} は、このPCの中だけの住所です。public.base_url を設定してから QR を作ってください / a QR code with a loopback \
                         address would work on no telephone: set public.base_url first"
                    )));
                }
                commands::write_qr(&path, &url)?;
                eprintln!("{}", path.display());
            }
            done(common, &value, |v| text(v, "url"))
        }
    }
}

async fn button(common: &Common, command: ButtonCommand) -> Result<(), Failed> {
    match command {
        ButtonCommand::Enrol { facility, profile, device, sets } => {
            let value = ask(common, Request::ButtonEnrol { facility, profile, device, sets }).await?;
            done(common, &value, |v| {
                format!("{}\nMQTT user: {}\nMQTT password: {}", text(v, "id"), text(v, "mqtt_user"), text(v, "mqtt_password"))
            })
        }
        ButtonCommand::List => {
            let value = ask(common, Request::ButtonList).await?;
            listing(&value, common.json, |b| {
                let sets: Vec<String> =
                    b["sets"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
                format!(
                    "{}\t{}\t{}\t{}\t{}\t{}",
                    text(b, "id"),
                    text(b, "facility"),
                    text(b, "profile"),
                    text(b, "device"),
                    sets.join(" "),
                    commands::device_words(b),
                )
            })
        }
        ButtonCommand::Remove { id } => {
            let value = ask(common, Request::ButtonRemove { id }).await?;
            done(common, &value, |_| "removed".to_owned())
        }
        ButtonCommand::Credential { id, gateway } => {
            let value = ask(common, Request::ButtonCredential { id, gateway }).await?;
            done(common, &value, |v| format!("MQTT user: {}\nMQTT password: {}", text(v, "mqtt_user"), text(v, "mqtt_password")))
        }
        ButtonCommand::Press { id, gesture, mqtt_url } => {
            let settings = load(common, ServeArgs::default())?;
            let button = ask(common, Request::ButtonCredential { id: Some(id), gateway: None }).await?;
            let doors = ask(common, Request::Doors).await?;
            press::publish(&settings, &button, &gesture, mqtt_url.as_deref(), doors["mqtt"].as_str()).await
        }
    }
}

async fn staff(common: &Common, command: StaffCommand) -> Result<(), Failed> {
    match command {
        StaffCommand::Invite { name, role } => {
            let value = ask(common, Request::StaffInvite { name, role }).await?;
            done(common, &value, |v| text(v, "url"))
        }
        StaffCommand::List => {
            let value = ask(common, Request::StaffList).await?;
            listing(&value, common.json, |seat| {
                let state = if seat["disabled_at"].is_null() { "open" } else { "disabled" };
                let unused = if seat["unused"] == true { "unused for 90 days" } else { "" };
                let last = text(seat, "used_at");
                format!("{}\t{}\t{state}\t{last}\t{unused}", text(seat, "name"), text(seat, "role"))
            })
        }
        StaffCommand::Disable { name } => {
            let value = ask(common, Request::StaffDisable { name }).await?;
            let keys = value["issued_keys"].as_array().map_or(0, Vec::len);
            done(common, &value, |_| format!("disabled; it had issued {keys} report keys, which still work"))
        }
    }
}

async fn incident(common: &Common, command: IncidentCommand) -> Result<(), Failed> {
    match command {
        IncidentCommand::Open { name, hazard, areas, exercise, alert } => {
            let value = ask(common, Request::IncidentOpen { name, hazard, areas, exercise, alert }).await?;
            done(common, &value, |v| text(v, "incident"))
        }
        IncidentCommand::Close { id } => {
            let value = ask(common, Request::IncidentClose { id }).await?;
            done(common, &value, |_| "closed".to_owned())
        }
        IncidentCommand::List => {
            let value = ask(common, Request::IncidentList).await?;
            listing(&value, common.json, |i| {
                let state = if i["closed_at"].is_null() { "open" } else { "closed" };
                let exercise = if i["exercise"] == true { "exercise" } else { "real" };
                format!("{}\t{}\t{}\t{}", text(i, "id"), text(i, "name"), exercise, state)
            })
        }
    }
}

async fn rollcall(common: &Common, command: RollcallCommand) -> Result<(), Failed> {
    match command {
        RollcallCommand::Open { areas, exercise } => {
            let value = ask(common, Request::RollcallOpen { areas, exercise }).await?;
            done(common, &value, |v| text(v, "roll_call"))
        }
        RollcallCommand::Close { id } => {
            let value = ask(common, Request::RollcallClose { id }).await?;
            done(common, &value, |_| "closed".to_owned())
        }
    }
}

async fn posting(common: &Common, command: PostingCommand) -> Result<(), Failed> {
    match command {
        PostingCommand::List => {
            let value = ask(common, Request::PostingList).await?;
            listing(&value, common.json, |p| {
                format!(
                    "{}\t{}\t{}\t{}\t{}",
                    text(p, "id"),
                    text(p, "state"),
                    text(p, "kind"),
                    text(p, "facility"),
                    text(p, "title")
                )
            })
        }
        PostingCommand::Draft { title, body, category } => {
            let value = ask(common, Request::PostingDraft { title, body, category }).await?;
            done(common, &value, |v| text(v, "posting"))
        }
        PostingCommand::Publish { id, at, until, pin } => {
            let value = ask(common, Request::PostingPublish { id, at, until, pin }).await?;
            done(common, &value, |_| "published".to_owned())
        }
        PostingCommand::Withdraw { id } => {
            let value = ask(common, Request::PostingWithdraw { id }).await?;
            done(common, &value, |_| "withdrawn".to_owned())
        }
    }
}

async fn display(common: &Common, command: DisplayCommand) -> Result<(), Failed> {
    match command {
        DisplayCommand::Add { id, name, areas } => {
            let value = ask(common, Request::DisplayAdd { id, name, areas }).await?;
            done(common, &value, |v| text(v, "url"))
        }
        DisplayCommand::List => {
            let value = ask(common, Request::DisplayList).await?;
            listing(&value, common.json, |d| format!("{}\t{}\t{}", text(d, "id"), text(d, "name"), text(d, "url")))
        }
    }
}

async fn log(common: &Common, command: LogCommand) -> Result<(), Failed> {
    match command {
        LogCommand::Redact { seq, why } => {
            let value = ask(common, Request::LogRedact { seq, why }).await?;
            done(common, &value, |v| format!("entry {} is redacted (entry {} says so)", v["redacted"], v["seq"]))
        }
        LogCommand::Tail { from, follow } => {
            let log = open_log(common).await?;
            commands::log_tail(&log, from, follow, common.json).await
        }
        LogCommand::Verify { head } => {
            let log = open_log(common).await?;
            commands::log_verify(&log, head.as_deref(), common.json).await
        }
    }
}

fn place(common: &Common) -> Result<DatabasePlace, Failed> {
    let settings = load(common, ServeArgs::default())?;
    match &settings.database.url {
        // A city elsewhere can be read from a machine that has no data folder.
        Some(url) => Ok(wiring::place_at(url)),
        None => Ok(wiring::place(&settings, &folder(common, Purpose::Read)?)),
    }
}

async fn open_log(common: &Common) -> Result<Log, Failed> {
    Log::open(&place(common)?, OpenMode::Read).await.map_err(|e| Failed::because(&e))
}

async fn copy(common: &Common, from: &str, to: &str) -> Result<(), Failed> {
    // Not through clap, which would repeat a refused address with its password.
    let place = |option: &str, text: &str| {
        let url = DatabaseUrl::new(text);
        url.map(|url| wiring::place_at(&url))
            .ok_or_else(|| Failed(format!("{option}: an address that begins with sqlite: or postgres:// is wanted")))
    };
    commands::copy(&place("--from", from)?, &place("--to", to)?, common.json).await
}

async fn check(common: &Common) -> Result<(), Failed> {
    let settings = load(common, ServeArgs::default())?;
    eprintln!("settings: ok");
    commands::check_clock(SystemClock.now())?;
    let has_folder = Path::new(&common.data).exists();
    if settings.database.url.is_some() || has_folder {
        let place = place(common)?;
        match Log::open(&place, OpenMode::Read).await {
            Ok(log) => {
                log.ensure_sound().await.map_err(|e| Failed::because(&e))?;
                eprintln!("database: ok ({place})");
                if has_folder {
                    let folder = folder(common, Purpose::Read)?;
                    eprintln!("checkpoint: {}", commands::checkpoint_words(&folder, &log, SystemClock.now()).await?);
                }
                log.close().await;
            }
            Err(OpenError::Empty { .. }) => eprintln!("database: ok, no city in it yet ({place})"),
            Err(error) => return Err(Failed::because(&error)),
        }
    } else {
        eprintln!("database: none yet ({} does not exist)", common.data.display());
    }
    press::check_broker(&settings).await?;
    line("ok")
}
