//! Measures the board against references: one table of ratios, each taken in the same run on the same machine.
//!
//! `tests/bench/run` builds and starts it. A server runs on one core with one worker, the loader on another; ours and the
//! reference take turns (A B A B …), each round gives one ratio, and the median of the rounds stands in the table. *Invariant:* a
//! figure is never printed when the two sides did not do the same work: what differs fails the row.

mod chart;
mod client;
mod machine;
mod rows;
mod server;
mod table;
mod workers;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use rows::{Bench, ROWS};
use table::Run;

/// Whatever went wrong, for a person.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Debug, Parser)]
#[command(about = "Measures the board against references in the same run")]
struct Arguments {
    /// Only these rows.
    rows: Vec<String>,
    /// One short round of each: shows that everything works; the figures mean little.
    #[arg(long)]
    quick: bool,
    /// The core of the servers; the loader keeps the one it was started on.
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// Also puts the table into README.md, and the chart beside it into tests/bench.
    #[arg(long)]
    readme: bool,
    /// Where databases and results go: a folder on the disk to be measured.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    #[command(subcommand)]
    worker: Option<Hidden>,
}

#[derive(Debug, Subcommand)]
enum Hidden {
    /// One side of a comparison, in a process of its own.
    #[command(subcommand, hide = true)]
    Worker(workers::Worker),
    /// Names the rows.
    List,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.worker {
        Some(Hidden::Worker(worker)) => workers::run(worker),
        Some(Hidden::List) => ROWS.iter().try_for_each(|row| print(&format!("{:<14} {}\n", row.name, row.work))),
        None => measure(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn measure(arguments: Arguments) -> Outcome<()> {
    if let Some(unknown) = arguments.rows.iter().find(|name| !ROWS.iter().any(|row| row.name == *name)) {
        return Err(format!("there is no row {unknown:?}; rows are: {}", ROWS.map(|row| row.name).join(" ")).into());
    }
    let bench = Bench::new(arguments.out.clone(), arguments.server_core, arguments.quick)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut run = Run::new(machine::describe(), arguments.quick);
    for row in &ROWS {
        if !arguments.rows.is_empty() && !arguments.rows.iter().any(|name| name == row.name) {
            continue;
        }
        let started = std::time::Instant::now();
        eprint!("{:<14} ", row.name);
        match runtime.block_on((row.measure)(&bench)) {
            Ok(lines) => {
                let figures: Vec<String> = lines.iter().map(table::Line::figure).collect();
                eprintln!("{}  ({:.0} s)", figures.join("  "), started.elapsed().as_secs_f64());
                run.lines.extend(lines.into_iter().map(|line| line.of(row)));
            }
            Err(error) => {
                eprintln!("failed: {error}");
                run.failed.push((row.name.to_owned(), error.to_string()));
            }
        }
    }
    std::fs::create_dir_all(&arguments.out)?;
    std::fs::write(arguments.out.join("bench.json"), serde_json::to_string_pretty(&run.json())?)?;
    std::fs::write(arguments.out.join("bench.md"), run.markdown())?;
    std::fs::write(arguments.out.join("bench.svg"), chart::draw(&run)?)?;
    if arguments.readme && !run.failed.is_empty() {
        eprintln!("README.md stays as it was: its table would lack a row");
    } else if arguments.readme {
        let readme = table::in_readme(&std::fs::read_to_string("README.md")?, &run.markdown())?;
        std::fs::write("README.md", readme)?;
        std::fs::write("tests/bench/bench.svg", chart::draw(&run)?)?;
    }
    print(&run.text())?;
    eprintln!("also written: bench.json, bench.md and bench.svg in {}", arguments.out.display());
    // A missed figure is a result; a row that could not be measured is a failure.
    if run.failed.is_empty() { Ok(()) } else { Err("some rows could not be measured".into()) }
}
