//! A button as hardware makers build it: connects with its credential, presses, waits for the acknowledgement, listens.
//!
//! It keeps its session, reconnects by itself and sends again what was not acknowledged. *Invariant:* an acknowledgement is
//! counted only when the broker's PUBACK arrived.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rumqttc::{AsyncClient, ConnectReturnCode, ConnectionError, Event, MqttOptions, Packet, Publish, QoS};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::DEADLINE;

/// A message that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) retain: bool,
}

impl Message {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.payload).unwrap_or_else(|e| panic!("{}: no JSON: {e}: {}", self.topic, self.payload))
    }
}

#[derive(Default)]
struct Heard {
    messages: Mutex<VecDeque<Message>>,
    more: Notify,
}

/// A connected device.
pub(crate) struct Device {
    name: String,
    button: String,
    client: AsyncClient,
    acknowledged: watch::Receiver<u64>,
    subscribed: watch::Receiver<u64>,
    heard: Arc<Heard>,
    running: JoinHandle<()>,
}

impl Device {
    /// Connects; fails the test if the broker refuses.
    pub(crate) async fn connect(url: &str, user: &str, password: &str, name: &str) -> Self {
        Self::try_connect(url, user, password, name).await.unwrap_or_else(|code| panic!("{user} was refused: {code:?}"))
    }

    /// Connects, or says how the broker refused.
    pub(crate) async fn try_connect(url: &str, user: &str, password: &str, name: &str) -> Result<Self, ConnectReturnCode> {
        let (host, port) = url.strip_prefix("mqtt://").and_then(|a| a.rsplit_once(':')).expect("mqtt://host:port");
        let mut options = MqttOptions::new(name, host, port.parse().unwrap());
        options.set_credentials(user, password).set_clean_session(false).set_keep_alive(Duration::from_secs(20));
        // More than the 64 kB a broker of ours takes, so that a refusal is the broker's.
        options.set_max_packet_size(2_000_000, 2_000_000);
        let (client, mut events) = AsyncClient::new(options, 1_000);
        let heard = Arc::<Heard>::default();
        let (acknowledge, acknowledged) = watch::channel(0);
        let (subscribe, subscribed) = watch::channel(0);
        let first = tokio::time::timeout(DEADLINE, async {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => return Ok(()),
                    Err(ConnectionError::ConnectionRefused(code)) => return Err(code),
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        });
        first.await.expect("no answer from the broker")?;
        let hearing = Arc::clone(&heard);
        let running = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::PubAck(_))) => acknowledge.send_modify(|n| *n += 1),
                    Ok(Event::Incoming(Packet::SubAck(_))) => subscribe.send_modify(|n| *n += 1),
                    Ok(Event::Incoming(Packet::Publish(Publish { topic, payload, retain, .. }))) => {
                        let payload = String::from_utf8_lossy(&payload).into_owned();
                        hearing.messages.lock().unwrap().push_back(Message { topic, payload, retain });
                        hearing.more.notify_waiters();
                    }
                    Ok(_) => {}
                    // The server is away: a device tries again, soon.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        });
        Ok(Self { name: name.to_owned(), button: String::new(), client, acknowledged, subscribed, heard, running })
    }

    /// Notes the id under which it is enrolled.
    pub(crate) fn named(mut self, button: &str) -> Self {
        button.clone_into(&mut self.button);
        self
    }

    /// The id under which it is enrolled.
    pub(crate) fn button(&self) -> &str {
        &self.button
    }

    /// Presses with our own JSON and waits for the PUBACK.
    pub(crate) async fn press(&self, gesture: &str, seq: u64) {
        self.publish(&format!("imaboard/button/{}/press", self.name), &press(gesture, seq)).await;
    }

    /// Publishes with QoS 1 and waits for the PUBACK.
    pub(crate) async fn publish(&self, topic: &str, payload: &str) {
        assert!(self.publish_within(DEADLINE, topic, payload).await, "no PUBACK for {topic} {payload}");
    }

    /// Publishes with QoS 1; whether the PUBACK came in time.
    pub(crate) async fn publish_within(&self, deadline: Duration, topic: &str, payload: impl Into<Vec<u8>>) -> bool {
        let mut acknowledged = self.acknowledged();
        let before = *acknowledged.borrow_and_update();
        self.client.publish(topic, QoS::AtLeastOnce, false, payload).await.unwrap();
        tokio::time::timeout(deadline, acknowledged.wait_for(|n| *n > before)).await.is_ok_and(|n| n.is_ok())
    }

    /// Hands a message to the client without waiting for anything.
    pub(crate) async fn publish_unwaited(&self, topic: &str, payload: &str, qos: QoS, retain: bool) {
        self.client.publish(topic, qos, retain, payload).await.unwrap();
    }

    /// How many of its messages the broker has acknowledged.
    pub(crate) fn acknowledged(&self) -> watch::Receiver<u64> {
        self.acknowledged.clone()
    }

    /// Subscribes and waits for the answer.
    pub(crate) async fn subscribe(&self, filter: &str) {
        let mut subscribed = self.subscribed.clone();
        let before = *subscribed.borrow_and_update();
        self.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        tokio::time::timeout(DEADLINE, subscribed.wait_for(|n| *n > before)).await.expect("no SUBACK").unwrap();
    }

    /// The next message on a topic for which `wanted` holds. Earlier ones of that topic are dropped, other topics wait.
    pub(crate) async fn hears(&self, topic: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        let find = || {
            let mut messages = self.heard.messages.lock().unwrap();
            let at = messages.iter().position(|m| m.topic == topic && wanted(m));
            let found = at.and_then(|at| messages.remove(at));
            let mut index = 0;
            messages.retain(|m| {
                index += 1;
                m.topic != topic || at.is_some_and(|at| index > at)
            });
            found
        };
        let waiting = async {
            loop {
                let more = self.heard.more.notified();
                tokio::pin!(more);
                // Enabled before looking, so that a message that comes in between is not slept through.
                more.as_mut().enable();
                match find() {
                    Some(message) => return message,
                    None => more.await,
                }
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("{} never heard {topic}", self.name))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// A press in our own JSON.
pub(crate) fn press(gesture: &str, seq: u64) -> String {
    serde_json::json!({ "gesture": gesture, "seq": seq }).to_string()
}
