//! A device that does nothing by itself: every packet is sent and read by hand, so that a kill can be aimed between two of them.

use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, Packet, Publish};
use rumqttc::mqttbytes::{Error, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::DEADLINE;

/// Who connects, and where.
#[derive(Debug, Clone)]
pub(super) struct Login {
    pub(super) address: String,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) client: String,
}

impl Login {
    pub(super) fn new(url: &str, user: &str, password: &str, client: &str) -> Self {
        let address = url.strip_prefix("mqtt://").expect("mqtt://host:port").to_owned();
        Self { address, user: user.to_owned(), password: password.to_owned(), client: client.to_owned() }
    }
}

pub(super) struct Wire {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Wire {
    /// `None` when nobody listens or the connection breaks; a refusal of the broker is `Err`.
    pub(super) async fn connect(login: &Login) -> Option<Result<Self, ConnectReturnCode>> {
        let mut connect = Connect::new(login.client.as_str());
        connect.clean_session = false;
        connect.keep_alive = 60;
        if !login.user.is_empty() {
            connect.set_login(login.user.as_str(), login.password.as_str());
        }
        let stream = TcpStream::connect(&login.address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let mut wire = Self { stream, buffer: BytesMut::new() };
        wire.send(Packet::Connect(connect)).await?;
        match wire.next().await? {
            Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => Some(Ok(wire)),
            Packet::ConnAck(answer) => Some(Err(answer.code)),
            other => panic!("no CONNACK but {other:?}"),
        }
    }

    pub(super) async fn send(&mut self, packet: Packet) -> Option<()> {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, usize::MAX).unwrap();
        self.stream.write_all(&bytes).await.ok()
    }

    /// The next packet; `None` when the other side is gone, or silent for longer than a device waits.
    pub(super) async fn next(&mut self) -> Option<Packet> {
        self.next_within(DEADLINE).await
    }

    pub(super) async fn next_within(&mut self, patience: Duration) -> Option<Packet> {
        timeout(patience, self.read()).await.ok().flatten()
    }

    async fn read(&mut self) -> Option<Packet> {
        loop {
            match Packet::read(&mut self.buffer, usize::MAX) {
                Ok(packet) => return Some(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => panic!("{error}"),
            }
            self.stream.read_buf(&mut self.buffer).await.ok().filter(|read| *read > 0)?;
        }
    }

    /// Publishes with QoS 1 without waiting.
    pub(super) async fn publish(&mut self, topic: &str, payload: impl Into<Vec<u8>>, pkid: u16, dup: bool) -> Option<()> {
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload);
        publish.pkid = pkid;
        publish.dup = dup;
        self.send(Packet::Publish(publish)).await
    }

    /// The packet id of the next PUBACK; `None` as [`Wire::next`].
    pub(super) async fn acknowledged(&mut self) -> Option<u16> {
        loop {
            // Feedback and the like may come between.
            if let Packet::PubAck(answer) = self.next().await? {
                return Some(answer.pkid);
            }
        }
    }
}
