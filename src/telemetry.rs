//! What the program tells engineers: the log on stderr and the figures for `/metrics`.
//!
//! It exists so that level, format, names and units are decided in one place. Invariant: no report key ever reaches a
//! log line; a path is written only after [`loggable_path`] has taken the key out.

pub mod figures;

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use figures::Kind;
use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::settings::{Log, LogFormat, LogLevel};

/// Our own crates, whose lines follow the chosen level; everybody else's are quieter.
const OUR_CRATES: [&str; 5] = ["imaboard", "imaboard_domain", "imaboard_templates", "imaboard_display", "imaboard_mqtt"];

/// Path segments whose successor is a secret: report keys, displays, invitations.
const BEFORE_A_SECRET: [&str; 3] = ["r", "pair", "join"];

/// Seconds, from what a good disk needs for a commit to where a person gives up.
const BUCKETS_SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Entries of one commit, from a quiet night to a full batch.
const BUCKETS_ENTRIES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// How often waiting samples are folded into their buckets: without it they pile up while nobody reads the figures.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts the log of this process, including what dependencies write through the `log` crate.
///
/// # Errors
/// If this process already has a log.
pub fn init(log: &Log) -> Result<(), TryInitError> {
    let builder = tracing_subscriber::fmt().with_env_filter(filter(log.level)).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Human => builder.with_ansi(std::io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).finish().try_init(),
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    let (ours, theirs) = match level {
        LogLevel::Error => ("error", "error"),
        LogLevel::Warn => ("warn", "warn"),
        // The broker tells of every packet at its info level.
        LogLevel::Info => ("info", "warn"),
        LogLevel::Debug => ("debug", "info"),
        LogLevel::Trace => ("trace", "debug"),
    };
    let directives = OUR_CRATES.iter().fold(theirs.to_owned(), |all, name| format!("{all},{name}={ours}"));
    EnvFilter::new(directives)
}

/// The path as it may be logged: whoever reads a report key can report, so `/r/KEY/reports` becomes `/r/…/reports`.
///
/// Percent signs are decoded first, so that an encoded slash does not carry a key past this door.
#[must_use]
pub fn loggable_path(path: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let mut secret = false;
    let segments = decoded.split('/').map(|segment| {
        // An empty segment neither is the key nor ends the wait for it: `/r//KEY` is somebody's slip.
        if segment.is_empty() {
            return segment;
        }
        let announces = BEFORE_A_SECRET.iter().any(|word| segment.trim().eq_ignore_ascii_case(word));
        if std::mem::replace(&mut secret, announces) { "…" } else { segment }
    });
    segments.collect::<Vec<_>>().join("/").replace(char::is_control, "\u{fffd}")
}

/// The figures of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// All figures as Prometheus text, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        Collector::default().collect();
        self.0.render()
    }

    /// Keeps memory bounded while nobody reads the figures; runs until `stop` is cancelled.
    pub async fn upkeep(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
            self.0.run_upkeep();
        }
    }
}

fn buckets() -> Result<PrometheusBuilder, BuildError> {
    let entries = Matcher::Full("imaboard_commit_entries".to_owned());
    PrometheusBuilder::new().set_buckets(&BUCKETS_SECONDS)?.set_buckets_for_metric(entries, &BUCKETS_ENTRIES)
}

/// Makes this process collect figures. A second call returns the same collection.
pub fn install_metrics() -> Metrics {
    // Global, because the `metrics` macros find their recorder so; set once and kept until the process ends.
    static INSTALLED: OnceLock<Metrics> = OnceLock::new();
    INSTALLED
        .get_or_init(|| {
            let recorder = match buckets() {
                Ok(with_buckets) => with_buckets.build_recorder(),
                Err(error) => {
                    tracing::error!(%error, "durations are kept as summaries");
                    PrometheusBuilder::new().build_recorder()
                }
            };
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::error!("figures are already collected by somebody else; ours stay empty");
            }
            describe();
            Metrics(handle)
        })
        .clone()
}

fn describe() {
    for figure in figures::all() {
        match figure.kind {
            Kind::Counter => describe_counter!(figure.name, figure.unit, figure.help),
            Kind::Gauge => describe_gauge!(figure.name, figure.unit, figure.help),
            Kind::Histogram => describe_histogram!(figure.name, figure.unit, figure.help),
        }
    }
    Collector::default().describe();
}

#[cfg(test)]
mod tests;
