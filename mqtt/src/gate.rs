//! The gate in front of the embedded broker: counts connections, and closes those that do not speak MQTT.
//!
//! It exists because the broker library waits for ever for the first byte of a connection, has no limit on connections
//! that have not logged in, and leaves the socket open after DISCONNECT. The library listens on a loopback port; the
//! gate owns the public one and passes bytes through.
//!
//! Invariant: before a complete CONNECT packet nothing reaches the broker, and what a peer sends costs bounded memory.
//!
//! | bounded | by | beyond it |
//! |---|---|---|
//! | connections | [`Limits::connections`], and of one address [`Limits::per_address`] | CONNACK 3, "server unavailable" |
//! | … that have not said who they are | [`STRANGERS_PER_ADDRESS`] of one address | likewise |
//! | … being refused | [`REFUSALS`] | closed |
//! | a packet | [`Limits::packet_bytes`]; CONNECT 16 kB | closed |
//! | time without CONNECT | [`Limits::handshake`] | closed |
//! | what waits for a peer | the kernel's buffers and 4 kB here; the broker's queue behind it | closed after 10 s |

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

// MQTT 3.1.1, table 2.1: the type is in the upper half of the first byte.
const CONNECT: u8 = 1;
const DISCONNECT: u8 = 14;

/// Client id, user, password and last will of a device take some hundred bytes; nobody is asked who he is before this is read.
const CONNECT_LIMIT_BYTES: usize = 16 * 1024;

/// How long a peer may take none of the bytes we have for it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is fed on after the peer has closed its half: longer than the slowest commit.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// How long we read on after our half is closed.
const EMPTYING: Duration = Duration::from_secs(1);

/// Connections of one address without a CONNECT packet. After a power cut all buttons behind one router dial at the same moment, and
/// two hundred of them must find their places; a hostile machine that says nothing must not take those of all others.
const STRANGERS_PER_ADDRESS: usize = 256;

/// Peers that are being told to come again at once.
const REFUSALS: usize = 64;

/// How long a peer that is refused may take to say CONNECT.
const REFUSED_HANDSHAKE: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) per_address: usize,
    pub(crate) packet_bytes: usize,
    pub(crate) handshake: Duration,
}

/// Opens the public port. Addresses in TIME_WAIT are taken over, so that a restart finds its port.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Inherited by every accepted connection; finds peers that vanished without a word and asked for no MQTT keep-alive.
    socket.set_keepalive(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// Lets connections through until `closing`; the listener closes with it, the connections when their time is over.
pub(crate) async fn keep(
    listener: TcpListener,
    inner: SocketAddr,
    limits: Limits,
    closing: CancellationToken,
    ending: CancellationToken,
    relays: TaskTracker,
) {
    let room = Arc::new(Room::new(limits));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    loop {
        let (stream, peer) = tokio::select! {
            () = closing.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept MQTT connections at the moment");
                    // Out of file descriptors, most likely: trying again at once would only burn the processor.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            },
        };
        let ending = ending.clone();
        let Some(place) = room.enter(peer.ip().to_canonical()) else {
            let Ok(turn) = Arc::clone(&refusals).try_acquire_owned() else { continue };
            relays.spawn(async move {
                tokio::select! {
                    () = ending.cancelled() => {}
                    refused = refuse(stream) => if let Err(error) = refused {
                        tracing::debug!(%peer, %error, "a refused MQTT connection was closed");
                    },
                }
                drop(turn);
            });
            continue;
        };
        relays.spawn(async move {
            tokio::select! {
                () = ending.cancelled() => {}
                ended = relay(stream, inner, limits, place) => if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "MQTT connection closed");
                },
            }
        });
    }
}

/// Who is inside, by address. Memory is bounded by the connections.
struct Room {
    limits: Limits,
    /// Held for a look-up, never across an await.
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    all: usize,
    by_address: HashMap<IpAddr, Guests>,
    /// One line a shortage is enough.
    reported: bool,
}

#[derive(Default)]
struct Guests {
    all: usize,
    strangers: usize,
}

impl Room {
    fn new(limits: Limits) -> Self {
        Self { limits, inside: Mutex::default() }
    }

    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let here = inside.by_address.get(&address);
        let (all, strangers) = here.map_or((0, 0), |guests| (guests.all, guests.strangers));
        if inside.all >= self.limits.connections || all >= self.limits.per_address || strangers >= STRANGERS_PER_ADDRESS {
            if !std::mem::replace(&mut inside.reported, true) {
                tracing::warn!(%address, of_this_address = all, in_all = inside.all, "MQTT connections are refused: too many");
            }
            return None;
        }
        inside.reported = false;
        inside.all += 1;
        let guests = inside.by_address.entry(address).or_default();
        guests.all += 1;
        guests.strangers += 1;
        Some(Place { room: Arc::clone(self), address, stranger: true })
    }
}

/// A place in the room, given back when dropped.
struct Place {
    room: Arc<Room>,
    address: IpAddr,
    stranger: bool,
}

impl Place {
    /// The peer has said who it is; whether that is true is the broker's to find out.
    fn introduced(&mut self) {
        if std::mem::replace(&mut self.stranger, false) {
            let mut inside = self.room.inside.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(guests) = inside.by_address.get_mut(&self.address) {
                guests.strangers = guests.strangers.saturating_sub(1);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.introduced();
        let mut inside = self.room.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.all = inside.all.saturating_sub(1);
        if let Some(guests) = inside.by_address.get_mut(&self.address) {
            guests.all = guests.all.saturating_sub(1);
            if guests.all == 0 {
                inside.by_address.remove(&self.address);
            }
        }
    }
}

/// Tells a device in its own language to come again, once it has said CONNECT.
async fn refuse(mut client: TcpStream) -> io::Result<()> {
    let first = timeout(REFUSED_HANDSHAKE, first_packet(&mut client)).await.map_err(|_elapsed| broken("no CONNECT"))??;
    // MQTT 5, 3.2: reason 0x88 "server unavailable" and no properties; MQTT 3.1.1, 3.2.2.3: return code 3, the same.
    let answer: &[u8] = if speaks_five(&first) { &[0x20, 3, 0, 0x88, 0] } else { &[0x20, 2, 0, 3] };
    client.write_all(answer).await?;
    client.shutdown().await?;
    let mut buffer = [0; 512];
    let emptied = async { while client.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    let _ = timeout(EMPTYING, emptied).await;
    Ok(())
}

/// Whether a CONNECT packet is of MQTT 5: after its length stand the name `MQTT` and the level (3.1.2).
fn speaks_five(connect: &[u8]) -> bool {
    let body = connect.iter().skip(1).position(|byte| byte & 0x80 == 0).and_then(|at| connect.get(at + 2..));
    body.is_some_and(|body| body.starts_with(&[0, 4, b'M', b'Q', b'T', b'T', 5]))
}

async fn relay(mut client: TcpStream, inner: SocketAddr, limits: Limits, mut place: Place) -> io::Result<()> {
    let first =
        timeout(limits.handshake, first_packet(&mut client)).await.map_err(|_elapsed| broken("no CONNECT packet in time"))??;
    place.introduced();
    let mut server = TcpStream::connect(inner).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();

    let up = async {
        let mut frames = Frames::new(limits.packet_bytes);
        let take = frames.follow(&first)?;
        to_server.write_all(&first[..take]).await?;
        let mut buffer = vec![0; 4096];
        while !frames.ended {
            let read = from_client.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            let take = frames.follow(&buffer[..read])?;
            to_server.write_all(&buffer[..take]).await?;
        }
        to_server.shutdown().await
    };
    let down = async {
        let mut buffer = vec![0; 4096];
        loop {
            // The broker closes without reading to the end; that is an end like any other.
            let read = from_server.read(&mut buffer).await.unwrap_or(0);
            if read == 0 {
                return to_client.shutdown().await;
            }
            timeout(WRITE_TIMEOUT, to_client.write_all(&buffer[..read]))
                .await
                .map_err(|_elapsed| broken("the peer takes no more bytes"))??;
        }
    };
    let ended = {
        tokio::pin!(up, down);
        tokio::select! {
            ended = &mut up => {
                ended?;
                timeout(LAST_WORDS, down).await.map_err(|_elapsed| broken("nothing more to say"))?
            }
            ended = &mut down => ended,
        }
    };
    // A socket that is closed with something unread in it resets the connection, and the device loses acknowledgements that
    // are still on their way. So what it goes on sending is read, and thrown away.
    let emptied = async {
        let mut buffer = vec![0; 4096];
        while client.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    };
    let _ = timeout(EMPTYING, emptied).await;
    ended
}

/// Reads up to and including the CONNECT packet, and whatever came in with its last bytes.
async fn first_packet(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(256);
    loop {
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(broken("closed before CONNECT"));
        }
        if bytes[0] >> 4 != CONNECT {
            return Err(broken("the first packet is not CONNECT"));
        }
        let mut frames = Frames::new(CONNECT_LIMIT_BYTES);
        // Only the first packet counts here; what follows it is judged by the limits of a connection.
        frames.follow_first(&bytes)?;
        if frames.packets > 0 {
            return Ok(bytes);
        }
    }
}

fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Follows the borders between packets without looking into them.
struct Frames {
    at: At,
    limit_bytes: usize,
    packets: usize,
    ended: bool,
}

enum At {
    Start,
    Length { kind: u8, value: usize, shift: u32 },
    Body { kind: u8, left: usize },
}

impl Frames {
    fn new(limit_bytes: usize) -> Self {
        Self { at: At::Start, limit_bytes, packets: 0, ended: false }
    }

    /// Returns how many of these bytes belong to the conversation: all, or up to and including DISCONNECT.
    fn follow(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.advance(bytes, usize::MAX)
    }

    fn follow_first(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.advance(bytes, 1)
    }

    fn advance(&mut self, bytes: &[u8], packets: usize) -> io::Result<usize> {
        let mut position = 0;
        while position < bytes.len() && !self.ended && self.packets < packets {
            match self.at {
                At::Start => {
                    self.at = At::Length { kind: bytes[position] >> 4, value: 0, shift: 0 };
                    position += 1;
                }
                At::Length { kind, value, shift } => {
                    // MQTT 3.1.1, 2.2.3: seven bits a byte, lowest first, at most four bytes.
                    let byte = bytes[position];
                    position += 1;
                    let value = value | (usize::from(byte & 0x7f) << shift);
                    if byte & 0x80 != 0 {
                        if shift == 21 {
                            return Err(broken("a packet length of more than four bytes"));
                        }
                        self.at = At::Length { kind, value, shift: shift + 7 };
                    } else if value > self.limit_bytes {
                        return Err(broken("a packet over the limit"));
                    } else {
                        self.enter(kind, value);
                    }
                }
                At::Body { kind, left } => {
                    let step = left.min(bytes.len() - position);
                    position += step;
                    self.enter(kind, left - step);
                }
            }
        }
        Ok(position)
    }

    fn enter(&mut self, kind: u8, left: usize) {
        if left > 0 {
            self.at = At::Body { kind, left };
        } else {
            self.at = At::Start;
            self.packets += 1;
            self.ended = kind == DISCONNECT;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const PING: [u8; 2] = [0xc0, 0];
    const BYE: [u8; 2] = [0xe0, 0];

    #[test]
    fn packets_are_followed_however_the_bytes_are_cut() {
        let mut stream = vec![0x30, 200, 1];
        stream.extend([0xe0; 200]); // a payload that looks like DISCONNECT
        stream.extend(PING);
        for cut in 0..stream.len() {
            let mut frames = Frames::new(1000);
            assert_eq!(frames.follow(&stream[..cut]).unwrap(), cut);
            assert_eq!(frames.follow(&stream[cut..]).unwrap(), stream.len() - cut);
            assert_eq!((frames.packets, frames.ended), (2, false), "cut at {cut}");
        }
    }

    #[test]
    fn one_address_never_takes_the_places_of_others() {
        let limits = Limits { connections: 400, per_address: 280, packet_bytes: 1_000, handshake: Duration::from_secs(1) };
        let room = Arc::new(Room::new(limits));
        let (hostile, honest): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let mut places: Vec<_> = std::iter::from_fn(|| room.enter(hostile)).collect();
        assert_eq!(places.len(), STRANGERS_PER_ADDRESS, "those who say nothing");
        places.iter_mut().for_each(Place::introduced);
        places.extend(std::iter::from_fn(|| room.enter(hostile)));
        assert_eq!(places.len(), 280, "and those who do");
        let others: Vec<_> = std::iter::from_fn(|| room.enter(honest)).collect();
        assert_eq!(others.len(), 120);
        drop((places, others));
        let inside = room.inside.lock().unwrap();
        assert!(inside.all == 0 && inside.by_address.is_empty());
    }

    #[test]
    fn the_language_of_a_refusal_is_the_one_that_was_spoken() {
        assert!(!speaks_five(&[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 0]));
        assert!(speaks_five(&[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 60, 0, 0, 0]));
        assert!(speaks_five(&[0x10, 0x80, 1, 0, 4, b'M', b'Q', b'T', b'T', 5]));
        assert!(!speaks_five(&[0x10]));
    }

    #[test]
    fn nothing_passes_after_disconnect() {
        let mut frames = Frames::new(1000);
        assert_eq!(frames.follow(&[PING, BYE, PING].concat()).unwrap(), 4);
        assert!(frames.ended);
    }

    #[test]
    fn a_length_over_the_limit_or_over_four_bytes_ends_the_connection() {
        assert!(Frames::new(1000).follow(&[0x30, 0xe8, 0x07]).is_ok());
        assert!(Frames::new(1000).follow(&[0x30, 0xe9, 0x07]).is_err());
        assert!(Frames::new(usize::MAX).follow(&[0x30, 0xff, 0xff, 0xff, 0xff, 0x01]).is_err());
    }
}
