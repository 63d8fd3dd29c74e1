//! Makes cities and measures a running program with them: `cargo run -p imaboard-load -- city 60000 > city.csv`.
//!
//! *Invariant:* data goes to stdout, words to stderr.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use imaboard_load::city;

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
}

type Failed = Box<dyn std::error::Error>;

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
        Command::Settings { districts } => print(city::settings_toml(&city::many_districts(districts)?).as_bytes()),
    }
}

fn print(bytes: &[u8]) -> Result<(), Failed> {
    Ok(std::io::stdout().lock().write_all(bytes)?)
}
