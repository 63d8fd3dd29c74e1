//! `button press`: publishes a real MQTT message as that device would, so that the whole path can be tried without hardware.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use imaboard_mqtt::Gesture;
use imaboard_mqtt::client::{Client, ClientSettings};
use imaboard_mqtt::message::{Delivered, Outcome, Publish, Sink};
use serde_json::Value;

use crate::clock::{Clock, SystemClock};
use crate::commands::{self, Failed, text};
use crate::settings::{Broker, BrokerUrl, Settings};

/// An external broker's address without its login.
#[must_use]
pub fn address(url: &BrokerUrl) -> String {
    format!("{}://{}:{}", if url.tls() { "mqtts" } else { "mqtt" }, url.host(), url.port())
}

/// How long the broker may take to acknowledge.
const PATIENCE: Duration = Duration::from_secs(10);

/// A device that only speaks.
struct Deaf;

#[async_trait]
impl Sink for Deaf {
    async fn deliver(&self, _: Delivered) -> Outcome {
        Outcome::Done
    }
}

/// Publishes one press of `button` (as `ButtonCredential` answers it) and returns after the acknowledgement.
///
/// The broker is `asked_for`, or the running program's own door, or the one of the settings.
pub async fn publish(
    settings: &Settings,
    button: &Value,
    gesture: &str,
    asked_for: Option<&str>,
    running: Option<&str>,
) -> Result<(), Failed> {
    let (gesture, key) = match gesture.split_once('@') {
        None => (gesture, None),
        Some((gesture, key)) => {
            (gesture, Some(key.parse::<u16>().map_err(|_| Failed(format!("{key:?} is not the number of a key")))?))
        }
    };
    let gesture: Gesture = gesture.parse().map_err(|e: imaboard_mqtt::UnknownGesture| Failed(e.to_string()))?;
    let profiles = commands::load_profiles(settings.mqtt.profiles_dir.as_deref())?;
    let name = text(button, "profile");
    let profile = profiles.find(&name).ok_or_else(|| Failed(format!("there is no device profile {name:?}")))?;
    let now = SystemClock.now();
    // A counter that grows with time, as a device's would: two presses in a row are two presses.
    let seq = u64::try_from(now.as_millisecond()).unwrap_or_default() % 1_000_000_000;
    let (topic, payload, qos) = profile
        .compose(&text(button, "device"), gesture, key, Some(seq), now)
        .ok_or_else(|| Failed(format!("a device of family {name} has no gesture {gesture}")))?;

    let url = asked_for.or(running).map(str::to_owned).or_else(|| match settings.broker() {
        Broker::Embedded(address) => Some(format!("mqtt://{address}")),
        Broker::External(url) => Some(address(url)),
        Broker::Off => None,
    });
    let url = url.ok_or_else(|| Failed("no broker is set: the MQTT door is off".to_owned()))?;
    let mut options = ClientSettings::new(url.clone(), format!("{}-{}", text(button, "mqtt_user"), std::process::id()));
    options.keeps_session = false;
    let external = matches!(settings.broker(), Broker::External(_)) && asked_for.is_none() && running.is_none_or(|r| r == url);
    if external && let Some((user, password)) = settings.mqtt.login().map_err(|e| Failed::because(&e))? {
        options.user = Some(user);
        options.password = Some(password.reveal().to_owned());
    } else {
        options.user = Some(text(button, "mqtt_user"));
        options.password = Some(text(button, "mqtt_password"));
    }
    options.ca_file.clone_from(&settings.mqtt.ca_file);
    let client = Client::start(options, Arc::new(Deaf)).map_err(|e| Failed::because(&e))?;
    let mut connected = client.connected();
    let published = tokio::time::timeout(PATIENCE, async {
        connected.wait_for(|c| *c).await.map_err(|_| Failed(format!("{url}: the connection ended")))?;
        client.publish(&topic, payload, qos.max(1), false).await.map_err(|e| Failed(format!("{url}: {e}")))
    })
    .await;
    client.stop().await;
    match published {
        Err(_) => {
            Err(Failed(format!("{url}: no acknowledgement within {} s; the press is not known to be stored", PATIENCE.as_secs())))
        }
        Ok(outcome) => outcome,
    }
}

/// Whether the broker of the settings can be reached, for `check`.
pub async fn check_broker(settings: &Settings) -> Result<(), Failed> {
    let Broker::External(url) = settings.broker() else {
        eprintln!("broker: embedded or off");
        return Ok(());
    };
    let mut options = ClientSettings::new(address(url), format!("{}-check", settings.mqtt.client_id.as_str()));
    options.keeps_session = false;
    if let Some((user, password)) = settings.mqtt.login().map_err(|e| Failed::because(&e))? {
        options.user = Some(user);
        options.password = Some(password.reveal().to_owned());
    }
    options.ca_file.clone_from(&settings.mqtt.ca_file);
    let client = Client::start(options, Arc::new(Deaf)).map_err(|e| Failed::because(&e))?;
    let mut connected = client.connected();
    let reached = tokio::time::timeout(PATIENCE, connected.wait_for(|c| *c)).await.is_ok_and(|r| r.is_ok());
    client.stop().await;
    if reached {
        eprintln!("broker: ok");
        Ok(())
    } else {
        Err(Failed(format!("the broker {} cannot be reached", address(url))))
    }
}
