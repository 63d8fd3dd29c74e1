//! What travels between a broker and the program, and the three promises that both doors are built on.
//!
//! It exists so that the embedded broker and the client of an external one look the same from inside: a message comes in
//! through a [`Sink`], goes out through [`Publish`], and nobody else needs to know which door it used.
//!
//! Invariant: a message is acknowledged on the wire only after [`Sink::deliver`] answered [`Outcome::Done`].

use async_trait::async_trait;
use bytes::Bytes;

/// One message as the wire said it, before anybody interprets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The topic it was published to.
    pub topic: String,
    /// The bytes, of any kind: not every device sends text.
    pub payload: Bytes,
    /// Quality of service on the way to us: 0 at most once, 1 at least once, 2 exactly once.
    pub qos: u8,
    /// The retain bit of the packet. From an external broker it marks a replay of something old; at the embedded broker it
    /// is what the publishing device asked for, and the message is live.
    pub retain: bool,
    /// The sender (or the broker) says that it may have sent this before.
    pub dup: bool,
    /// Who published it, proven by password. Only the embedded broker knows; an external one does not tell.
    pub from: Option<String>,
}

/// What became of a delivered message; decides whether it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Committed, or there was nothing to store: acknowledge, the sender may forget it.
    Done,
    /// Not on the log: it must not be acknowledged, so that it comes again.
    NotStored,
}

/// Where messages go; implemented by the program.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// Takes one message and answers after the commit. The same message can come again after [`Outcome::NotStored`],
    /// after a lost connection or after a commit that took too long, so telling duplicates apart is the sink's part.
    async fn deliver(&self, message: Delivered) -> Outcome;
}

/// Who may connect to the embedded broker, and what each may say and hear; implemented by the program.
///
/// Topics that begin with `$` are refused before these are asked.
#[async_trait]
pub trait Rights: Send + Sync + 'static {
    /// Whether this password belongs to this user. May be slow (a password hash is).
    async fn authenticate(&self, user: &str, password: &[u8]) -> bool;
    /// Whether this user may publish to this topic. Asked for every message and every last will: must be cheap.
    fn may_publish(&self, user: &str, topic: &str) -> bool;
    /// Whether this user may subscribe to this filter, wildcards included. Must be cheap.
    fn may_subscribe(&self, user: &str, filter: &str) -> bool;
}

/// The way out: lamps on buttons, retained summaries, the server's own availability.
#[async_trait]
pub trait Publish: Send + Sync {
    /// Publishes one message. `Ok` means that the broker has taken it (for QoS 1 and 2: acknowledged it), not that
    /// any device has seen it.
    ///
    /// # Errors
    /// [`PublishError`] says why the broker does not have it; nothing is queued for later.
    async fn publish(&self, topic: &str, payload: Vec<u8>, qos: u8, retain: bool) -> Result<(), PublishError>;
}

/// Why a message could not be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no connection to the broker, or it broke before the acknowledgement. Publish again once connected.
    #[error("the MQTT broker is away")]
    Away,
    /// The topic is empty, too long, or holds a wildcard or a NUL.
    #[error("{0:?} is not a topic one can publish to")]
    Topic(String),
    /// The quality of service is not 0, 1 or 2.
    #[error("there is no quality of service {0}")]
    Qos(u8),
    /// The message is larger than the packet limit of this door.
    #[error("a message of {bytes} bytes is over the limit of {limit_bytes}")]
    TooLarge {
        /// Size of topic and payload.
        bytes: usize,
        /// The limit from the settings.
        limit_bytes: usize,
    },
}

/// The message that says we are gone: published by an external broker when the connection breaks, and by the program
/// itself when it stops in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Bytes,
    /// How surely, 0 to 2.
    pub qos: u8,
    /// Whether later subscribers see it too.
    pub retain: bool,
}

/// Checks what MQTT asks of every published message, so that neither broker has to drop a connection over it.
pub(crate) fn check_publish(topic: &str, payload_bytes: usize, qos: u8, limit_bytes: usize) -> Result<(), PublishError> {
    // MQTT 3.1.1, 1.5.3: a string is at most 65,535 bytes. 4.7.3: no NUL; 3.3.2: no wildcard in a topic name.
    if topic.is_empty() || topic.len() > usize::from(u16::MAX) || topic.contains(['+', '#', '\0']) {
        return Err(PublishError::Topic(topic.to_owned()));
    }
    if qos > 2 {
        return Err(PublishError::Qos(qos));
    }
    let bytes = topic.len() + payload_bytes;
    if bytes > limit_bytes {
        return Err(PublishError::TooLarge { bytes, limit_bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_with_wildcards_is_not_published_to() {
        for topic in ["", "a/+/b", "a/#", "a\0b"] {
            assert_eq!(check_publish(topic, 0, 0, 100), Err(PublishError::Topic(topic.to_owned())), "{topic:?}");
        }
        assert_eq!(check_publish("a/b", 0, 3, 100), Err(PublishError::Qos(3)));
        assert_eq!(check_publish("a/b", 98, 1, 100), Err(PublishError::TooLarge { bytes: 101, limit_bytes: 100 }));
        assert_eq!(check_publish("a/b", 97, 1, 100), Ok(()));
    }
}
