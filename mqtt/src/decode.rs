//! Messages in, verdicts out, one line each: the profiles made visible for people who write or debug one.
//!
//! `imaboard decode --jsonl` feeds recorded traffic through the same reader and the same duplicate memory
//! that the running board uses. Invariant: exactly one output line for every input line, whatever it holds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::press::{DeviceReport, Gesture, Incoming, Press};
use crate::profile::Profiles;
use crate::recent::Recent;

/// Reads recorded messages line by line; what came before decides what is a duplicate.
#[derive(Debug)]
pub struct Decoder<'a> {
    profiles: &'a Profiles,
    recent: Recent,
}

#[derive(Deserialize)]
struct Recorded {
    topic: String,
    payload: String,
    #[serde(default)]
    qos: u8,
    #[serde(default)]
    retain: bool,
    #[serde(default)]
    dup: bool,
}

#[derive(Serialize)]
struct PressLine<'a> {
    profile: &'a str,
    device: &'a str,
    gesture: Gesture,
    button: Option<u16>,
    dedupe: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    battery_pct: Option<u8>,
}

#[derive(Serialize)]
struct DeviceLine<'a> {
    profile: &'a str,
    device: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    battery_pct: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict<'a> {
    Device(DeviceLine<'a>),
    Ignored(&'a str),
}

#[derive(Serialize)]
struct Pressed<'a> {
    press: PressLine<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    more: Vec<PressLine<'a>>,
}

impl<'a> Decoder<'a> {
    /// A decoder that has heard nothing yet.
    #[must_use]
    pub fn new(profiles: &'a Profiles) -> Self {
        Self { profiles, recent: Recent::new(profiles) }
    }

    /// The verdict on one recorded message, as one line of JSON without its line break.
    ///
    /// `now` is when the message counts as received; a line that is no recorded message is `ignored`.
    pub fn line(&mut self, line: &str, now: Timestamp) -> String {
        let recorded: Recorded = match serde_json::from_str(line) {
            Ok(recorded) => recorded,
            Err(error) => return ignored(&format!("the line is not a recorded message: {error}")),
        };
        let heard = self.profiles.read(&Incoming {
            topic: &recorded.topic,
            payload: recorded.payload.as_bytes(),
            qos: recorded.qos,
            retain: recorded.retain,
            dup: recorded.dup,
        });
        let mut fresh = Vec::new();
        for press in &heard.presses {
            if !self.recent.seen(press, recorded.dup, now) {
                self.recent.remember(press, now);
                fresh.push(press_line(press));
            }
        }
        if !fresh.is_empty() {
            let press = fresh.remove(0);
            return json(&Pressed { press, more: fresh });
        }
        if let Some(report) = &heard.device {
            return json(&Verdict::Device(device_line(report)));
        }
        if !heard.presses.is_empty() {
            return ignored("duplicate of a press already counted");
        }
        ignored(heard.ignored.as_deref().unwrap_or("nothing to take"))
    }
}

fn press_line(press: &Press) -> PressLine<'_> {
    PressLine {
        profile: &press.profile,
        device: &press.device,
        gesture: press.gesture,
        button: press.button,
        dedupe: press.dedupe.as_deref(),
        battery_pct: press.battery_pct,
    }
}

fn device_line(report: &DeviceReport) -> DeviceLine<'_> {
    DeviceLine {
        profile: &report.profile,
        device: &report.device,
        battery_pct: report.battery_pct,
        availability: report.availability.map(|online| if online { "online" } else { "offline" }),
    }
}

fn ignored(reason: &str) -> String {
    json(&Verdict::Ignored(reason))
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| r#"{"ignored":"not writable as JSON"}"#.to_owned())
}
