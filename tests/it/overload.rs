//! Too much of everything: visitors, screens, open files. Reports are stored all the same, and afterwards all is as before.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::support::{City, DEADLINE, Program, Web, wait_for, wait_until};

const EVENTS: &str = "/wall/cityhall/events?layout=landscape";
/// A group home of the sample city, whose beds are one cell.
const HOME: &str = "f003";

/// The address of a facility's reports.
async fn reports(city: &City, facility: &str) -> String {
    let url = city.report_url(facility).await;
    format!("/r/{}/reports", url.rsplit_once("/r/").unwrap().1)
}

fn beds(count: u64) -> Value {
    let value = if count > 4 { "plenty" } else { "available" };
    let observation = json!({ "aspect": "vacancy", "service": "group-home", "cell": "all", "value": value, "count": count });
    json!({ "id": uuid::Uuid::now_v7(), "observations": [observation] })
}

fn open_files(pid: Pid) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).unwrap().count()
}

fn host(program: &Program) -> String {
    program.base_url().strip_prefix("http://").unwrap().to_owned()
}

#[tokio::test]
async fn readers_do_not_starve_reports() {
    const REPORTS: u64 = 10;
    let mut program = Program::sample().await;
    let address = reports(&program, HOME).await;
    let (enough, pages) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut readers = JoinSet::new();
    for number in 0..100_usize {
        let (web, enough, pages) = (program.web(), Arc::clone(&enough), Arc::clone(&pages));
        readers.spawn(async move {
            while !enough.load(Ordering::Relaxed) {
                let round = pages.fetch_add(1, Ordering::Relaxed);
                // Most pages are shared; a list that nobody asked for before is rendered for this reader alone.
                let path = match (number + round) % 4 {
                    0 => "/".to_owned(),
                    1 => "/text".to_owned(),
                    2 => format!("/find?q={round}"),
                    _ => "/find?kind=group-home".to_owned(),
                };
                // A crowd this large may keep a connection idle for so long that it is closed; then one comes back on another.
                if let Ok(answer) = web.request(Method::GET, &path).send().await {
                    assert_eq!(answer.status(), 200, "{path}");
                    drop(answer.bytes().await);
                }
            }
        });
    }
    wait_until("a crowd of readers", DEADLINE * 2, async || pages.load(Ordering::Relaxed) > 200).await;
    let mut positions = BTreeSet::new();
    for number in 0..REPORTS {
        // The client waits for thirty seconds; a report that took longer would fail here.
        let receipt = program.web().post_json(&address, &beds(2 + number % 8)).await.is(201).json();
        positions.insert(receipt["seq"].as_u64().unwrap());
    }
    let before = pages.load(Ordering::Relaxed);
    wait_until("readers are served as well", DEADLINE * 2, async || pages.load(Ordering::Relaxed) > before + 100).await;
    enough.store(true, Ordering::Relaxed);
    while let Some(ended) = readers.join_next().await {
        ended.unwrap();
    }
    assert_eq!(positions.len() as u64, REPORTS);
    let stored: BTreeSet<u64> = program.log(1).await.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert!(positions.is_subset(&stored));
    program.stop().await;
}

/// Reads one stream by hand and counts the changes it heard.
async fn screen(host: String, opened: Arc<AtomicUsize>, heard: Arc<AtomicUsize>) {
    let mut stream = TcpStream::connect(&host).await.unwrap();
    stream.write_all(format!("GET {EVENTS} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.unwrap();
    let mut lines = BufReader::with_capacity(1_024, stream).split(b'\n');
    let (mut pinged, mut told) = (false, false);
    while let Ok(Some(line)) = lines.next_segment().await {
        if line == b"event: ping" && !std::mem::replace(&mut pinged, true) {
            opened.fetch_add(1, Ordering::Relaxed);
        }
        if line == b"event: change" && !std::mem::replace(&mut told, true) {
            heard.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn a_thousand_screens_all_hear_one_report_and_leave_nothing_behind() {
    const SCREENS: usize = 1_000;
    let limit = rustix::process::getrlimit(Resource::Nofile);
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let room = limit.maximum.is_none_or(|most| most > SCREENS as u64 * 2);
    assert!(room, "this test needs {} open files", SCREENS * 2);
    let mut program = Program::sample().await;
    let address = reports(&program, HOME).await;
    program.web().get("/").await.is(200);
    let before = open_files(program.pid());
    let (opened, heard) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let mut screens = JoinSet::new();
    for number in 0..SCREENS {
        screens.spawn(screen(host(&program), Arc::clone(&opened), Arc::clone(&heard)));
        if number % 50 == 49 {
            wait_until("screens connect", DEADLINE, async || opened.load(Ordering::Relaxed) + 100 > number).await;
        }
    }
    wait_until("every screen is open", DEADLINE * 2, async || opened.load(Ordering::Relaxed) == SCREENS).await;
    let figures = program.ops().get("/metrics").await.text().to_owned();
    assert!(figures.lines().any(|line| line == format!("imaboard_streams {SCREENS}")), "{figures}");

    program.web().post_json(&address, &beds(7)).await.is(201);
    wait_until("every screen heard it", DEADLINE * 2, async || heard.load(Ordering::Relaxed) == SCREENS).await;

    screens.shutdown().await;
    wait_until("all are gone", DEADLINE * 2, async || open_files(program.pid()) <= before + 8).await;
    program.web().post_json(&address, &beds(3)).await.is(201);
    program.stop().await;
}

#[tokio::test]
async fn a_screen_that_reads_nothing_for_a_while_has_no_gap_afterwards() {
    let mut program = Program::start(City::new().set("wall.ping_seconds", 1), &[]).await;
    let address = reports(&program, HOME).await;
    let host = host(&program);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stuck = socket.connect(host.parse().unwrap()).await.unwrap();
    stuck.write_all(format!("GET {EVENTS} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.unwrap();
    let mut first = [0; 15];
    stuck.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    for number in 0..80 {
        program.web().post_json(&address, &beds(5 + number % 10)).await.is(201);
    }
    let last = program.web().post_json(&address, &beds(17)).await.is(201).json()["seq"].as_u64().unwrap();
    // The truth, as a screen that has just come gets it.
    let truth = wait_for("the newest picture", async || {
        let snapshot = program.web().events(EVENTS, None).await.next().await?;
        (snapshot.position() >= last).then(|| rows(&snapshot.data))
    })
    .await;

    // Whatever it was too slow for comes now, as changes or as one snapshot; or its stream was closed, which it sees.
    let mut lines = BufReader::new(stuck).split(b'\n');
    let (mut id, mut seen, mut shown) = (String::new(), 0_u64, String::new());
    let reading = tokio::time::timeout(DEADLINE, async {
        while !shown.contains(truth.as_str()) {
            let Ok(Some(line)) = lines.next_segment().await else { return };
            let line = String::from_utf8_lossy(&line).into_owned();
            if let Some(of) = line.strip_prefix("id: ") {
                of.clone_into(&mut id);
                let seq = of.rsplit_once('-').unwrap().1.trim().parse().unwrap();
                assert!(seq >= seen, "positions never go back");
                seen = seq;
            } else if let Some(data) = line.strip_prefix("data: ").filter(|data| data.contains("\"fragments\"")) {
                shown = rows(data);
            }
        }
    });
    reading.await.expect("neither the newest value nor an end");
    if !shown.contains(truth.as_str()) {
        // It comes back with the position it has painted, as a browser does.
        let event = program.web().events(EVENTS, Some(&id)).await.next().await.unwrap();
        assert!(event.name != "ping" && rows(&event.data).contains(truth.as_str()), "{}", event.name);
    }
    program.stop().await;
}

/// The row of group homes in what a screen was sent: by itself, or inside its page.
fn rows(data: &str) -> String {
    let update: Value = serde_json::from_str(data.trim()).unwrap();
    let html: String = update["fragments"].as_object().unwrap().values().filter_map(Value::as_str).collect();
    let from = html.find("id=\"w-vacancy-group-home\"").unwrap_or(html.len());
    let row = &html[from..];
    row[..row.find("</tr>").unwrap_or(row.len())].to_owned()
}

/// What the program answers to a page on a connection of its own, or how that failed.
async fn page(host: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(format!("GET /healthy HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    tokio::time::timeout(DEADLINE, stream.read_to_string(&mut answer)).await??;
    Ok(answer)
}

#[tokio::test]
async fn without_a_free_descriptor_reports_are_stored_and_the_listener_comes_back() {
    let mut program = Program::sample().await;
    let address = reports(&program, HOME).await;
    let host = host(&program);
    // Connected while there was room; it stays open between two reports.
    let known = program.web();
    known.post_json(&address, &beds(3)).await.is(201);
    let pid = program.pid();
    let normal = prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(4_096), maximum: Some(4_096) }).unwrap();
    assert!(normal.current.is_none_or(|most| most > 4_096), "the program has raised its limit: {normal:?}");
    let full = open_files(pid) as u64 + 4;
    prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(full), maximum: Some(4_096) }).unwrap();
    let mut taken = Vec::new();
    for _ in 0..16 {
        taken.push(TcpStream::connect(&host).await.unwrap());
    }
    wait_until("the shortage is told", DEADLINE, async || program.said().contains("cannot accept connections")).await;

    for count in 2..12 {
        known.post_json(&address, &beds(count)).await.is(201);
    }
    let waiting = tokio::spawn({
        let host = host.clone();
        async move { page(&host).await }
    });
    drop(taken);
    let answer = waiting.await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "served when handles came back: {answer}");
    prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(4_096), maximum: Some(4_096) }).unwrap();
    program.web().get("/").await.is(200);
    let device = program.enrol(HOME, "after", &["single=operation:normal"]).await;
    drop(device);
    program.stop().await;
}

#[tokio::test]
async fn a_system_with_few_open_files_gets_fewer_visitors_and_never_a_dead_board() {
    let city = City::new();
    let plain = city.command().into_std();
    let mut command = tokio::process::Command::new("sh");
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .args(["-c", "ulimit -n 128; exec \"$0\" \"$@\""])
        .arg(plain.get_program())
        .args(["serve", "--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = tokio::time::timeout(DEADLINE * 2, lines.next_line()).await.unwrap().unwrap().unwrap();
    let door = |name: &str| {
        let words: Vec<&str> = ready.split_whitespace().collect();
        let at = words.iter().position(|w| *w == name).unwrap();
        words[at + 1].split_once("://").unwrap().1.to_owned()
    };
    let (public, mqtt, ops) = (door("public"), door("mqtt"), Web::new(&format!("http://{}", door("ops"))));
    let figures = ops.get("/metrics").await.text().to_owned();
    assert!(figures.contains("imaboard_descriptors_limit 128"), "{figures}");
    let web = Web::new(&format!("http://{public}"));
    let address = reports(&city, HOME).await;
    web.post_json(&address, &beds(3)).await.is(201);

    // Far more than fit, at both doors; those that find no place wait, and some are refused.
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(TcpStream::connect(&public).await.unwrap());
        crowd.push(TcpStream::connect(&mqtt).await.unwrap());
    }
    for count in 2..8 {
        web.send(web.request(Method::POST, &address).json(&beds(count))).await.is(201);
    }
    ops.get("/readyz").await.is(200);
    drop(crowd);
    wait_until("new visitors find a place", DEADLINE, async || {
        page(&public).await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 404"))
    })
    .await;
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = tokio::time::timeout(DEADLINE, child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn screens_of_one_address_are_limited_and_those_behind_a_proxy_are_told_apart() {
    let mut program = Program::start(City::new().set("wall.max_streams_per_address", 2), &[]).await;
    let web = program.web();
    let ask = async |visitor: &str| {
        let request = web.request(Method::GET, EVENTS).header("x-forwarded-for", visitor).timeout(Duration::from_secs(25));
        request.send().await.unwrap()
    };
    let open = [ask("192.0.2.1").await, ask("192.0.2.1").await];
    assert!(open.iter().all(|answer| answer.status() == 200));
    let refused = ask("192.0.2.1").await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "10"));
    assert_eq!(ask("192.0.2.2").await.status(), 200);
    drop(open);
    wait_until("seats are free again", DEADLINE, async || ask("192.0.2.1").await.status() == 200).await;
    program.stop().await;
}
