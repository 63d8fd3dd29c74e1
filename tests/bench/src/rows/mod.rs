//! The rows of the table: what is measured against what, and what it has to reach.
//!
//! *Invariant:* the bounds here are those the project promised; a row is never made easier to make it pass.

mod fanout;
mod idle;
mod pages;
mod press;
mod reports;
mod size;
mod start;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use crate::Outcome;
use crate::table::Line;
pub(crate) use press::PAUSE;

type Measuring<'a> = Pin<Box<dyn Future<Output = Outcome<Vec<Line>>> + 'a>>;

/// One row of the table; it may hold several figures.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) work: &'static str,
    pub(crate) reference: &'static str,
    pub(crate) measure: for<'a> fn(&'a Bench) -> Measuring<'a>,
}

/// All rows, in the order of the table.
pub(crate) const ROWS: [Row; 12] = [
    Row {
        name: "front",
        work: "front page, 64 keep-alive connections",
        reference: "nginx, the same bytes as a file",
        measure: |b| Box::pin(pages::front(b)),
    },
    Row {
        name: "not-modified",
        work: "304 answers, 64 keep-alive connections",
        reference: "nginx 304",
        measure: |b| Box::pin(pages::not_modified(b)),
    },
    Row {
        name: "press",
        work: "press published → wall event received",
        reference: "mosquitto pub→sub + one fsynced SQLite commit",
        measure: |b| Box::pin(press::press(b)),
    },
    Row {
        name: "recorder",
        work: "durable reports at the recorder's door, 256 submitters",
        reference: "the same rows inserted bare, 256 per transaction",
        measure: |b| Box::pin(reports::recorder(b)),
    },
    Row {
        name: "reports",
        work: "POST reports through HTTP, 256 connections",
        reference: "the recorder's door",
        measure: |b| Box::pin(reports::http(b)),
    },
    Row {
        name: "ceiling",
        work: "POST reports through HTTP, 256 connections",
        reference: "a bare axum handler that stores nothing, then the recorder's door",
        measure: |b| Box::pin(reports::ceiling(b)),
    },
    Row {
        name: "streams",
        work: "one event to 3,000 streams",
        reference: "nchan, the same bytes",
        measure: |b| Box::pin(fanout::fanout(b)),
    },
    Row {
        name: "idle-streams",
        work: "10,000 idle streams",
        reference: "a bare axum stream server",
        measure: |b| Box::pin(idle::idle(b)),
    },
    Row { name: "size", work: "one report with 60,000 facilities", reference: "with 60", measure: |b| Box::pin(size::size(b)) },
    Row {
        name: "start",
        work: "start-up with 1,000,000 entries and a checkpoint",
        reference: "with 10,000",
        measure: |b| Box::pin(start::start(b)),
    },
    Row {
        name: "replay",
        work: "replay of 1,000,000 entries without a checkpoint",
        reference: "reading and JSON-parsing the same rows",
        measure: |b| Box::pin(start::replay(b)),
    },
    Row { name: "memory", work: "memory", reference: "–", measure: |b| Box::pin(size::memory(b)) },
];

/// How, where and how long to measure.
pub(crate) struct Bench {
    out: PathBuf,
    pub(crate) server_core: usize,
    pub(crate) quick: bool,
}

impl Bench {
    pub(crate) fn new(out: PathBuf, server_core: usize, quick: bool) -> Outcome<Self> {
        std::fs::create_dir_all(&out)?;
        Ok(Self { out: std::path::absolute(out)?, server_core, quick })
    }

    /// Rounds of a comparison; each gives one ratio.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 1 } else { 5 }
    }

    /// `full`, or much less for a smoke run.
    pub(crate) fn scaled(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    /// A folder that a later row of the same run, or a later run, may use again.
    pub(crate) fn kept(&self, name: &str) -> PathBuf {
        self.out.join("work").join(name)
    }

    /// An empty folder of this name on the disk that is measured.
    pub(crate) fn folder(&self, name: &str) -> Outcome<PathBuf> {
        let folder = self.out.join("work").join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

/// A path as an argument.
fn text(path: &Path) -> Outcome<&str> {
    path.to_str().ok_or_else(|| "a folder with a name that is no text".into())
}
