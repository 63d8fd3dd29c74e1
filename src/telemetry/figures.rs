//! Every figure the program keeps about itself: name, kind, unit, labels, meaning.
//!
//! One table, from which the descriptions in `/metrics` and `config/monitoring/metrics.md` are made, so that a dashboard can
//! rely on it. *Invariant:* a figure that is not in this table is not printed by a running program (a test walks it), and
//! labels come from short lists only: what visitors make up would grow without end.

use std::fmt::Write as _;

use metrics::Unit;

/// How a figure moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the program runs.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution in buckets: also printed with `_bucket`, `_sum` and `_count`.
    Histogram,
}

/// One figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Its name in `/metrics`.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// What it counts in.
    pub unit: Unit,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it means, for whoever is on call.
    pub help: &'static str,
}

/// The figures of one room.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// What they are about.
    pub title: &'static str,
    /// The figures.
    pub figures: &'static [Figure],
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Figure {
    Figure { name, kind: Kind::Counter, unit: Unit::Count, labels, help }
}

const fn gauge(name: &'static str, unit: Unit, labels: &'static [&'static str], help: &'static str) -> Figure {
    Figure { name, kind: Kind::Gauge, unit, labels, help }
}

const fn histogram(name: &'static str, unit: Unit, labels: &'static [&'static str], help: &'static str) -> Figure {
    Figure { name, kind: Kind::Histogram, unit, labels, help }
}

/// All figures, in the order a press passes them.
pub const SECTIONS: &[Section] = &[
    Section {
        title: "Presses",
        figures: &[
            counter(
                "imaboard_mqtt_messages_total",
                &["what"],
                "MQTT messages heard: press, device (battery, availability), ignored (replay, duplicate, release, discovery …)",
            ),
            counter(
                "imaboard_presses_total",
                &["outcome"],
                "Presses, by outcome: stored, duplicate, nothing_set, unknown_device, refused, not_stored (the device sends it again)",
            ),
            histogram("imaboard_press_seconds", Unit::Seconds, &[], "From hearing a press to its durable entry"),
            histogram(
                "imaboard_press_painted_seconds",
                Unit::Seconds,
                &[],
                "From recording a press until a paired display said that it painted it; once per display",
            ),
            gauge(
                "imaboard_devices",
                Unit::Count,
                &["state"],
                "Devices heard of: known; of these low_battery (15 % or less) and away (they or their last will said offline)",
            ),
            gauge("imaboard_mqtt_connected", Unit::Count, &[], "1 while the MQTT door is open, 0 while the broker is away"),
        ],
    },
    Section {
        title: "Queues",
        figures: &[
            gauge(
                "imaboard_queue_length",
                Unit::Count,
                &["queue"],
                "Waiting: recorder (submissions), feedback (messages to devices), announcements (entries the slowest listener has not heard)",
            ),
            gauge("imaboard_queue_limit", Unit::Count, &["queue"], "How many may wait; beyond it senders are told to come again"),
            counter(
                "imaboard_submissions_total",
                &["channel", "outcome"],
                "Submissions, by channel and outcome: stored, again (same id, same receipt), busy, not_stored, conflict, refused",
            ),
            histogram(
                "imaboard_submission_seconds",
                Unit::Seconds,
                &[],
                "From handing a submission to the recorder until it is durable: waiting, deciding, commit",
            ),
            counter(
                "imaboard_feedback_dropped_total",
                &[],
                "Messages to devices dropped because too many waited; a light stays dark",
            ),
        ],
    },
    Section {
        title: "Commits",
        figures: &[
            histogram("imaboard_commit_seconds", Unit::Seconds, &[], "One group commit, with its wait for the disk"),
            histogram("imaboard_commit_entries", Unit::Count, &[], "Entries that shared one commit"),
            counter("imaboard_commit_failures_total", &[], "Group commits that failed: nothing of them was acknowledged"),
            counter("imaboard_entries_total", &["kind"], "Entries committed to the log, by kind"),
            gauge("imaboard_head_seq", Unit::Count, &[], "Position of the newest entry on the log"),
            gauge(
                "imaboard_board_seq",
                Unit::Count,
                &[],
                "Position up to which the board is folded; behind the head only for moments",
            ),
            gauge(
                "imaboard_store_able",
                Unit::Count,
                &[],
                "1 while the last commit or probe worked, 0 while nothing can be stored",
            ),
            gauge("imaboard_facilities", Unit::Count, &[], "Facilities in the register"),
        ],
    },
    Section {
        title: "Checkpoints and start",
        figures: &[
            histogram("imaboard_checkpoint_seconds", Unit::Seconds, &[], "Saving one checkpoint, beside the reports"),
            gauge("imaboard_checkpoint_bytes", Unit::Bytes, &[], "Size of the newest checkpoint"),
            gauge("imaboard_checkpoint_seq", Unit::Count, &[], "Position of the newest checkpoint"),
            counter(
                "imaboard_checkpoint_failures_total",
                &[],
                "Checkpoints that could not be saved: the next start takes longer",
            ),
            gauge("imaboard_replayed_entries", Unit::Count, &[], "Entries read at the last start, beyond the checkpoint"),
            gauge(
                "imaboard_replay_seconds",
                Unit::Seconds,
                &[],
                "Loading the checkpoint and replaying the rest at the last start",
            ),
        ],
    },
    Section {
        title: "Renders",
        figures: &[
            counter(
                "imaboard_renders_total",
                &["page"],
                "Pages rendered anew, by page; requests beyond these were served from memory",
            ),
            histogram("imaboard_render_seconds", Unit::Seconds, &["page"], "One rendering of a page, or of the scenes of a wall"),
            gauge("imaboard_pages_held_bytes", Unit::Bytes, &[], "Memory that rendered pages are counted with"),
        ],
    },
    Section {
        title: "Streams",
        figures: &[
            gauge("imaboard_streams", Unit::Count, &[], "Event streams open to displays and pages"),
            gauge("imaboard_streams_limit", Unit::Count, &[], "Most event streams at once, as settings and system allow"),
            counter("imaboard_streams_refused_total", &[], "Streams refused because too many were open"),
            counter(
                "imaboard_stream_events_total",
                &["event"],
                "Events written once and handed to the open streams of a display, by name",
            ),
            counter(
                "imaboard_stream_snapshots_total",
                &["why"],
                "Everything sent anew: joined (new screen or unknown position), lagged (a screen too slow for its backlog)",
            ),
            gauge(
                "imaboard_display_painted_timestamp_seconds",
                Unit::Seconds,
                &["display"],
                "When a paired display last said what it painted (Unix time); a screen that hangs stays behind",
            ),
        ],
    },
    Section {
        title: "Web",
        figures: &[
            counter("imaboard_http_requests_total", &["method", "route", "status"], "Answered web requests"),
            histogram(
                "imaboard_http_request_seconds",
                Unit::Seconds,
                &["route"],
                "Until the head of an answer was ready; pages handed out as they lie are counted, not timed",
            ),
            gauge("imaboard_connections_limit", Unit::Count, &[], "Most connections at once, as settings and system allow"),
            counter(
                "imaboard_connections_refused_total",
                &["reason"],
                "Visitors told to come again: all (no place for anybody), address (this address has its share)",
            ),
            gauge("imaboard_descriptors_limit", Unit::Count, &[], "Open files and sockets the system allows this process"),
        ],
    },
];

/// Figures of the process itself, printed under their customary names.
pub const PROCESS: &str = "process_";

/// Every figure of ours.
pub fn all() -> impl Iterator<Item = &'static Figure> {
    SECTIONS.iter().flat_map(|section| section.figures)
}

/// The table for people, as Markdown: the text of `config/monitoring/metrics.md`.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(
        "# Figures of a running board\n\n\
         `/metrics` on the operations listener (default `127.0.0.1:9090`) prints them as Prometheus text; `grafana.json` beside this\n\
         file draws them. This table is made from `src/telemetry/figures.rs`; a test keeps both equal. Counters start at 0 with the\n\
         program; histograms are also printed with `_bucket`, `_sum` and `_count`.\n",
    );
    for section in SECTIONS {
        // Writing to memory cannot fail.
        let _ = write!(text, "\n## {}\n\n| name | kind | unit | labels | meaning |\n|---|---|---|---|---|\n", section.title);
        for figure in section.figures {
            let kind = match figure.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let labels = if figure.labels.is_empty() { "–".to_owned() } else { figure.labels.join(", ") };
            let unit = figure.unit.as_str();
            let _ = writeln!(text, "| `{}` | {kind} | {unit} | {labels} | {} |", figure.name, figure.help);
        }
    }
    text.push_str(
        "\n## Process\n\nThe customary `process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_virtual_memory_bytes`,\n\
         `process_open_fds`, `process_max_fds`, `process_threads` and `process_start_time_seconds`.\n\n\
         ## Where did this press go?\n\n\
         Every step of a press writes a line with its button's id (`log.level = \"info\"`, the default). Search the log for the id:\n\n\
         | line | says |\n|---|---|\n\
         | `a press was heard` | `device`, `profile`, `gesture`, `topic`: the wire and the profile are fine |\n\
         | `the same press again` / `this gesture sets nothing` / `press refused` | why it made no entry |\n\
         | `recorded` | `entry.seq`, `actor=\"button:ID\"`: it is durable |\n\
         | `press stored` | `entry.seq`, `took_ms`: now the acknowledgement leaves |\n\
         | `press not stored` | the disk or database refused; the device sends it again |\n\
         | `the device was told` | `stored` went out: the light turns green |\n\
         | `on its way to the screens` | `display.id`, `streams`: which walls were handed it |\n\
         | `painted` | `display.id`, `after_ms`: a paired display has it on the glass |\n\n\
         No line at all: the message did not reach this program. `MQTT login refused` and `MQTT message refused` name the button as\n\
         `user`; a device nobody enrolled is named as `device`.\n",
    );
    text
}

#[cfg(test)]
mod tests;
