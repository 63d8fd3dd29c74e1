//! Makes cities and measures a running program with them: `cargo run -p imaboard-load -- city 60000 > city.csv`.
//!
//! *Invariant:* data goes to stdout, words to stderr.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use imaboard::clock::{Clock, SystemClock};
use imaboard::data_folder::DataFolder;
use imaboard::log::{DatabasePlace, Log, OpenMode};
use imaboard_load::endurance::{self, Plan};
use imaboard_load::history::History;
use imaboard_load::{Failed, city, size, start, streams};

#[derive(Debug, Parser)]
#[command(about = "Cities of any size, and the load they make")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes a register of this many facilities as CSV.
    City {
        /// How many facilities.
        facilities: usize,
        /// Another seed, another city.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Spreads them over this many districts instead of the five of the default settings.
        #[arg(long)]
        districts: Option<usize>,
    },
    /// Writes the settings that go with `city --districts`.
    Settings {
        /// How many districts.
        districts: usize,
    },
    /// Founds a city in a data folder and gives it a year of reports.
    History {
        /// How many entries.
        entries: u64,
        /// The data folder.
        #[arg(long)]
        data: PathBuf,
        /// How many facilities.
        #[arg(long, default_value_t = 600)]
        facilities: usize,
        /// Another seed, another year.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Replays a log against reading and parsing the same rows; prints JSON.
    Replay {
        /// The data folder, with a SQLite log.
        #[arg(long)]
        data: PathBuf,
        /// How often.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// Saves and loads a checkpoint of a log; prints JSON.
    Checkpoint {
        /// The data folder, with a SQLite log.
        #[arg(long)]
        data: PathBuf,
    },
    /// Submits reports with and without checkpoints beside them; prints JSON, the first object without.
    Waits {
        /// The data folder; gets all those reports.
        #[arg(long)]
        data: PathBuf,
        /// How many submit at once.
        #[arg(long, default_value_t = 64)]
        submitters: usize,
        /// Seconds of one round.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Rounds of each kind, in turn.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
    },
    /// Starts a program on data folders in turn until it is ready; prints milliseconds as JSON.
    Start {
        /// The built program.
        #[arg(long)]
        program: PathBuf,
        /// The data folders.
        data: Vec<PathBuf>,
        /// How often.
        #[arg(long, default_value_t = 7)]
        rounds: usize,
    },
    /// Opens event streams, sends events to all of them, closes them; prints JSON.
    Streams {
        /// How many.
        #[arg(default_value_t = 10_000)]
        streams: usize,
        /// How many events.
        #[arg(long, default_value_t = 10)]
        events: usize,
        /// The built program.
        #[arg(long)]
        program: PathBuf,
    },
    /// Lives a year of city life in this time; prints a verdict as JSON, and exits with 1 if it is bad.
    Endurance {
        /// The built program.
        #[arg(long)]
        program: PathBuf,
        /// How long it takes here.
        #[arg(long, default_value_t = 3_600)]
        seconds: u64,
        /// Reports in all: sixty facilities, six times a day, for a year.
        #[arg(long, default_value_t = 131_400)]
        reports: u64,
        /// Memory may grow by this much a year.
        #[arg(long, default_value_t = 24.0)]
        most_growth_mb_per_year: f64,
        /// Where the figures go, a line every five seconds.
        #[arg(long)]
        csv: PathBuf,
    },
    /// Measures what one report costs in a city of this size; prints JSON.
    ReportCost {
        #[command(flatten)]
        at: At,
        /// How many reports.
        #[arg(long, default_value_t = 2_000)]
        reports: usize,
    },
    /// Measures the memory of a silent facility; prints JSON.
    Memory {
        #[command(flatten)]
        at: At,
    },
}

#[derive(Debug, Args)]
struct At {
    /// The program to measure.
    #[arg(long)]
    program: PathBuf,
    /// The folder it works in; filled if it is empty.
    #[arg(long)]
    data: PathBuf,
    /// How many facilities the city has.
    #[arg(long, default_value_t = 60_000)]
    facilities: usize,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::City { facilities, seed, districts } => {
            let districts = districts.map_or_else(city::saikai, city::many_districts)?;
            print(&city::csv(&city::facilities(facilities, seed, &districts)?)?)
        }
        Command::History { entries, data, facilities, seed } => {
            let facilities = city::facilities(facilities, seed, &city::saikai()?)?;
            let history = History::new(facilities, entries, SystemClock.now(), seed);
            wait_for(async {
                let log = open(&DataFolder::open(&data)?, OpenMode::Write).await?;
                history.write(&log, |_| {}).await?;
                log.close().await;
                Ok(())
            })
        }
        Command::Replay { data, rounds } => wait_for(async {
            let folder = DataFolder::existing(&data)?;
            let log = open(&folder, OpenMode::Read).await?;
            print_json(&start::replay_rounds(&log, &folder.database(), rounds).await?)
        }),
        Command::Checkpoint { data } => wait_for(async {
            let folder = DataFolder::existing(&data)?;
            let log = open(&folder, OpenMode::Read).await?;
            print_json(&start::checkpoint_cost(&log, &folder, SystemClock.now()).await?)
        }),
        Command::Waits { data, submitters, seconds, rounds } => wait_for(async {
            let folder = DataFolder::existing(&data)?;
            print_json(&start::waits(folder, submitters, Duration::from_secs(seconds), rounds).await?)
        }),
        Command::Start { program, data, rounds } => {
            let folders: Vec<&Path> = data.iter().map(PathBuf::as_path).collect();
            let times = start::ready_rounds(&program, &folders, rounds)?;
            let medians: Vec<f64> = times.iter().cloned().map(start::median).collect();
            print_json(&serde_json::json!({ "ready_ms": times, "median_ms": medians }))
        }
        Command::Streams { streams: count, events, program } => {
            let figures = wait_for(streams::run(&program, count, events))?;
            print(format!("{figures:#}\n").as_bytes())
        }
        Command::Endurance { program, seconds, reports, most_growth_mb_per_year, csv } => {
            let plan = Plan { seconds, reports, most_growth_mb_per_year };
            let verdict = wait_for(endurance::run(&program, plan, std::fs::File::create(csv)?))?;
            print(format!("{verdict:#}\n").as_bytes())?;
            if verdict["verdict"]["ok"] == true { Ok(()) } else { Err("the program did not endure".into()) }
        }
        Command::ReportCost { at, reports } => print_json(&size::report_cost(&at.program, &at.data, at.facilities, reports)?),
        Command::Memory { at } => print_json(&size::memory(&at.program, &at.data, at.facilities)?),
        Command::Settings { districts } => print(city::settings_toml(&city::many_districts(districts)?).as_bytes()),
    }
}

async fn open(folder: &DataFolder, mode: OpenMode) -> Result<Log, Failed> {
    Ok(Log::open(&DatabasePlace::Sqlite(folder.database()), mode).await?)
}

fn wait_for<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

fn print_json(value: &impl serde::Serialize) -> Result<(), Failed> {
    print(format!("{}\n", serde_json::to_string(value)?).as_bytes())
}

fn print(bytes: &[u8]) -> Result<(), Failed> {
    Ok(std::io::stdout().lock().write_all(bytes)?)
}
