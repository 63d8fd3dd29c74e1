//! How many files and sockets this process may hold, and who gets how many of them.
//!
//! It exists because a process without a free descriptor cannot accept, and a database without one may not commit. So the
//! limit is raised as far as the system allows, and what visitors and devices may take is cut down until a reserve is left for
//! the log. *Invariant:* `web + mqtt + RESERVE` never exceeds the limit, whatever the settings say.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::settings::Settings;

/// Kept for the log and its readers, checkpoints, the command line, health checks and timers.
const RESERVE: u64 = 64;
/// A connection through the embedded broker: the device's, and both ends of the one to the library behind the gate.
const PER_DEVICE: u64 = 3;
/// Of a system too small for the settings, buttons get a quarter: they are few, and they matter most.
const DEVICES_SHARE: u64 = 4;

/// Who may hold how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Connections to the pages, those that wait at the door included.
    pub web_connections: usize,
    /// Event streams among them.
    pub streams: usize,
    /// Devices at the embedded broker.
    pub mqtt_connections: usize,
}

/// Raises the limit as far as the system lets us and gives what it is now.
pub fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    // None: the system sets none.
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Divides a limit; what the settings ask for is given whole if it fits.
#[must_use]
pub fn shares(limit: u64, settings: &Settings) -> Shares {
    divide(limit, settings.web.max_connections.size(), settings.wall.max_streams.size(), settings.mqtt.max_connections.size())
}

fn divide(limit: u64, web: usize, streams: usize, mqtt: usize) -> Shares {
    let free = limit.saturating_sub(RESERVE);
    let wanted = (web as u64).saturating_add((mqtt as u64).saturating_mul(PER_DEVICE));
    let (web, mqtt) = if wanted <= free {
        (web, mqtt)
    } else {
        let devices = (free / DEVICES_SHARE / PER_DEVICE).max(1).min(mqtt as u64);
        let rest = free.saturating_sub(devices * PER_DEVICE).max(4).min(web as u64);
        (usize::try_from(rest).unwrap_or(web), usize::try_from(devices).unwrap_or(mqtt))
    };
    // A twelfth stays for pages and reports, as in the settings that come with the program.
    Shares { web_connections: web, streams: streams.min(web - web.div_ceil(12)), mqtt_connections: mqtt }
}

/// Says what was found, and warns if the settings want more than the system gives.
pub fn announce(limit: u64, settings: &Settings, shares: &Shares) {
    metrics::gauge!("imaboard_descriptors_limit").set(limit as f64);
    metrics::gauge!("imaboard_connections_limit").set(shares.web_connections as f64);
    metrics::gauge!("imaboard_streams_limit").set(shares.streams as f64);
    let whole = shares.web_connections == settings.web.max_connections.size()
        && shares.mqtt_connections == settings.mqtt.max_connections.size();
    if whole {
        tracing::info!(descriptors.limit = limit, "the system gives enough open files for these settings");
    } else {
        tracing::warn!(
            descriptors.limit = limit,
            web.connections = shares.web_connections,
            wall.streams = shares.streams,
            mqtt.connections = shares.mqtt_connections,
            "fewer visitors than the settings allow, because the system gives too few open files (ulimit -n, LimitNOFILE)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_given_whole_and_a_reserve_is_always_left() {
        assert_eq!(
            divide(1_048_576, 12_000, 11_000, 1_000),
            Shares { web_connections: 12_000, streams: 11_000, mqtt_connections: 1_000 }
        );
        for limit in [80, 128, 256, 1_024, 4_096, 10_000, 15_000, u64::MAX] {
            let shares = divide(limit, 12_000, 11_000, 1_000);
            let taken = shares.web_connections as u64 + shares.mqtt_connections as u64 * PER_DEVICE;
            assert!(taken + RESERVE <= limit, "{limit}: {shares:?}");
            assert!(shares.streams < shares.web_connections && shares.mqtt_connections >= 1, "{limit}: {shares:?}");
        }
        let small = divide(128, 12_000, 11_000, 1_000);
        assert!(small.web_connections >= 32 && small.mqtt_connections >= 5, "{small:?}");
    }
}
