//! From a press on the wire to the event at a wall, against the least that any such program would need: one hop through a
//! broker and one durable commit.
//!
//! *Invariant:* the clock starts before the press is handed to the MQTT client and stops when the event is complete at the wall;
//! the same client carries the press to both brokers.

use std::time::{Duration, Instant};

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::sync::mpsc;

use super::{Bench, text};
use crate::Outcome;
use crate::client::{Connection, Stream, get};
use crate::server::{self, command};
use crate::table::{Line, Reach, median};

/// Between presses, and between the commits of the reference: longer than any of them takes.
pub(crate) const PAUSE: Duration = Duration::from_millis(15);
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn press(bench: &Bench) -> Outcome<Vec<Line>> {
    let folder = bench.folder("press")?;
    let presses = bench.scaled(60, 10);
    let core = bench.server_core;
    let data = folder.join("city");
    let (board, mqtt) = server::board(core, &data, true)?;
    let mqtt = mqtt.ok_or("no MQTT door")?;
    let facility = "f003";
    let sets = ["--set", "single=vacancy:full", "--set", "double=vacancy:available"];
    let enrol = ["button", "enrol", "--json", "--facility", facility, "--profile", "imaboard", "--device", "bench"];
    let button = command(&data, &[&enrol[..], &sets[..]].concat())?;
    let mut options = MqttOptions::new("bench", "127.0.0.1", mqtt.port());
    let word = |name: &str| button[name].as_str().unwrap_or_default().to_owned();
    options.set_credentials(word("mqtt_user"), word("mqtt_password"));
    let (device, events) = AsyncClient::new(options, 10);
    let _ours = spawn(events);
    let request = get(board.address, "/wall/cityhall/events", "Accept: text/event-stream\r\n");
    let mut wall = Connection::open(board.address).await?.follow(&request).await?;

    let broker = server::mosquitto(core, &folder)?;
    let options = |name: &str| MqttOptions::new(name, "127.0.0.1", broker.address.port());
    let (publisher, events) = AsyncClient::new(options("publisher"), 10);
    let _publishing = spawn(events);
    let (subscriber, events) = AsyncClient::new(options("subscriber"), 10);
    let mut heard = spawn(events);
    subscriber.subscribe("bench/press", QoS::AtLeastOnce).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;

    let seed = folder.join("seed");
    server::work(core, &["recorder", text(&seed)?, &presses.max(64).to_string()])?;
    let log = seed.join("imaboard.db");

    let mut line = Line::new("median ms", Reach::AtMost(1.3));
    let mut number = 0;
    one_press(&device, &mut wall, &mut number).await?;
    for round in 0..bench.rounds() {
        let mut ours = Vec::with_capacity(presses);
        for _ in 0..presses {
            ours.push(one_press(&device, &mut wall, &mut number).await?);
        }
        let mut hops = Vec::with_capacity(presses);
        for n in 0..presses {
            tokio::time::sleep(PAUSE).await;
            while heard.try_recv().is_ok() {}
            let started = Instant::now();
            publisher.publish("bench/press", QoS::AtLeastOnce, false, payload(n)).await?;
            tokio::time::timeout(PATIENCE, heard.recv()).await?.ok_or("the subscriber is gone")?;
            hops.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let copy = folder.join(format!("bare-{round}.db"));
        let commits = server::work(core, &["commits", text(&log)?, text(&copy)?, &presses.to_string()])?;
        let commits: Vec<f64> = serde_json::from_value(commits["micros"].clone())?;
        line.add(median(&ours), median(&hops) + median(&commits) / 1e3);
    }
    Ok(vec![line])
}

fn payload(number: usize) -> String {
    let gesture = if number.is_multiple_of(2) { "single" } else { "double" };
    format!("{{\"gesture\":\"{gesture}\",\"seq\":{number}}}")
}

/// Milliseconds from the press to the complete event at the wall.
async fn one_press(device: &AsyncClient, wall: &mut Stream, number: &mut usize) -> Outcome<f64> {
    tokio::time::sleep(PAUSE).await;
    wall.drain();
    *number += 1;
    let started = Instant::now();
    device.publish("imaboard/button/bench/press", QoS::AtLeastOnce, false, payload(*number)).await?;
    tokio::time::timeout(PATIENCE, wall.change()).await.map_err(|_| "no event after a press")??;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// Keeps a client going; gives what it hears.
fn spawn(mut events: EventLoop) -> mpsc::UnboundedReceiver<()> {
    let (say, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while !say.is_closed() {
            match events.poll().await {
                Ok(Event::Incoming(Packet::Publish(_))) => drop(say.send(())),
                Ok(_) => {}
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    });
    heard
}
