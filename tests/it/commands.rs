//! The command line as scripts see it: data, messages, exit codes.
//!
//! *Invariant of the contract:* 0 ok, 1 refused or failed, 2 usage; data on stdout, words on stderr.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::{City, DEADLINE, Program, fixture};

/// Every command of the contract, with its help words only.
const COMMANDS: &[&str] = &[
    "",
    "serve",
    "init",
    "demo",
    "register",
    "register import",
    "register export",
    "facility",
    "facility list",
    "facility key",
    "button",
    "button enrol",
    "button list",
    "button press",
    "incident",
    "incident open",
    "incident close",
    "rollcall",
    "rollcall open",
    "rollcall close",
    "posting",
    "posting list",
    "posting publish",
    "posting withdraw",
    "display",
    "display add",
    "display list",
    "decode",
    "guard",
    "log",
    "log tail",
    "log verify",
    "log redact",
    "check",
];

fn words(command: &str) -> impl Iterator<Item = &str> {
    command.split(' ').filter(|w| !w.is_empty())
}

#[tokio::test]
async fn every_command_explains_itself() {
    let city = City::new();
    for command in COMMANDS {
        let help = city.run(words(command).chain(["--help"])).await.ok();
        assert!(help.stdout.contains("Usage: imaboard"), "{command}: {}", help.stdout);
        assert_eq!(help.stderr, "", "{command}");
        assert!(help.stdout.contains("--data"), "{command} does not name --data");
    }
    assert!(!city.data().exists(), "asking for help left a data folder");
}

#[tokio::test]
async fn a_mistyped_command_is_a_usage_error() {
    let city = City::new();
    for command in [
        "fly",
        "serve --sideways",
        "facility key",
        "incident open",
        "incident open 台風",
        "log tail --from x",
        "decode",
        "button press",
    ] {
        let output = city.run(words(command)).await.refused(2);
        assert_eq!(output.stdout, "", "{command} wrote data");
        assert!(!output.stderr.is_empty(), "{command} said nothing");
    }
}

#[tokio::test]
async fn a_refusal_says_why_and_changes_nothing() {
    let city = City::small().await;
    let before = city.log(1).await.len();
    let refusals = [
        (vec!["facility", "key", "nowhere"], "nowhere"),
        (vec!["button", "press", "h1-b9"], "h1-b9"),
        (vec!["button", "enrol", "--facility", "h1", "--device", "d", "--set", "single=vacancy:purple"], "purple"),
        (
            vec!["button", "enrol", "--facility", "h1", "--device", "d", "--profile", "toaster", "--set", "single=vacancy:full"],
            "toaster",
        ),
        (vec!["incident", "open", "台風", "--hazard", "dragon"], "dragon"),
        (vec!["incident", "open", "台風", "--hazard", "typhoon", "--area", "atlantis"], "atlantis"),
        (vec!["incident", "close", "2026-01-01-typhoon"], "incident"),
        (vec!["rollcall", "close"], "roll call"),
        (vec!["rollcall", "open", "--exercise"], "exercise"),
        (vec!["posting", "publish", "p-none"], "posting"),
        (vec!["log", "redact", "1", "--why", " "], "why"),
        (vec!["log", "verify", "--head", "abc"], "head"),
        (vec!["register", "import", "missing.csv"], "missing.csv"),
    ];
    for (arguments, reason) in refusals {
        let output = city.run(&arguments).await.refused(1);
        assert_eq!(output.stdout, "", "{arguments:?} wrote data");
        assert!(output.stderr.contains(reason), "{arguments:?} does not name {reason:?}: {}", output.stderr);
    }
    assert_eq!(city.log(1).await.len(), before, "a refused command left an entry");
}

#[tokio::test]
async fn every_problem_of_the_settings_is_reported_at_once() {
    let city = City::new().set("wall.ping_seconds", 99).set("log.level", "shout").set("web.colour", "red");
    let output = city.run(["check"]).await.refused(1);
    for word in ["ping_seconds", "level", "colour"] {
        assert!(output.stderr.contains(word), "{word} is not reported: {}", output.stderr);
    }
}

#[tokio::test]
async fn the_ready_line_names_every_door_and_is_all_that_stdout_holds() {
    let mut program = Program::sample().await;
    let line = program.doors().line.clone();
    let mut words = line.split(' ');
    assert_eq!(words.next(), Some("ready"), "{line}");
    let words: Vec<&str> = words.collect();
    let doors: Vec<(&str, &str)> = words.chunks(2).map(|pair| (pair[0], pair[1])).collect();
    for (name, url) in &doors {
        let (scheme, path) = match *name {
            "public" | "ops" => ("http", ""),
            "wall" => ("http", "/wall"),
            "desk" => ("http", "/desk"),
            "mqtt" => ("mqtt", ""),
            other => panic!("an unknown door {other}: {line}"),
        };
        let port = url.strip_prefix(&format!("{scheme}://127.0.0.1:")).and_then(|rest| rest.strip_suffix(path));
        assert!(port.is_some_and(|p| p.parse::<u16>().is_ok_and(|p| p > 0)), "{name} {url}");
    }
    let names: Vec<&str> = doors.iter().map(|(name, _)| *name).filter(|name| *name != "desk").collect();
    assert_eq!(names, ["public", "wall", "mqtt", "ops"]);
    program.stop().await;
    assert_eq!(program.printed(), "", "stdout held more than the ready line");
}

#[tokio::test]
async fn a_closed_door_is_not_announced() {
    let mut program = City::new().serve_with(&["--mqtt-listen", "off", "--ops-listen", "off"]).await;
    let line = &program.doors().line;
    assert!(!line.contains("mqtt") && !line.contains("ops"), "{line}");
    program.stop().await;
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused_and_names_the_holder() {
    let program = Program::sample().await;
    let second = ["serve", "--listen", "127.0.0.1:0", "--mqtt-listen", "off", "--ops-listen", "off"];
    let output = program.run(second).await.refused(1);
    assert_eq!(output.stdout, "");
    let holder = program.pid().as_raw_nonzero().to_string();
    assert!(output.stderr.contains(&holder), "the holder {holder} is not named: {}", output.stderr);
    // The first one is none the worse.
    program.web().get("/").await.is(200);
}

#[tokio::test]
async fn a_dead_servers_socket_and_lock_stand_in_nobodys_way() {
    let mut program = Program::start(City::small().await, &[]).await;
    program.kill_9();
    let opened = program.run(["incident", "open", "台風", "--hazard", "typhoon", "--json"]).await.json();
    assert!(opened["incident"].is_string(), "{opened}");
    program.start_again().await;
    assert_eq!(program.list(&["incident", "list"]).await.as_array().unwrap().len(), 1);
}

/// A day at the command line: what each command answered.
async fn a_day(city: &City) -> Vec<Value> {
    let mut answers = Vec::new();
    let mut note = |value: &Value| answers.push(outline(value));
    note(&city.list(&["facility", "list"]).await);
    note(&city.list(&["facility", "key", "h1"]).await);
    note(&city.list(&["facility", "key", "h1", "--rotate"]).await);
    let enrolled = city.list(&["button", "enrol", "--facility", "h1", "--device", "door", "--set", "single=vacancy:full"]).await;
    note(&enrolled);
    note(&city.list(&["button", "list"]).await);
    let posting = city.list(&["posting", "draft", "フェリーは 通常どおり", "--body", "本文", "--category", "transport"]).await;
    note(&posting);
    note(&city.list(&["posting", "list"]).await);
    note(&city.list(&["posting", "publish", posting["posting"].as_str().unwrap(), "--pin"]).await);
    note(&city.list(&["posting", "list"]).await);
    note(&city.list(&["posting", "withdraw", posting["posting"].as_str().unwrap()]).await);
    note(&city.list(&["display", "add", "lobby", "ロビー", "--area", "seihi"]).await);
    note(&city.list(&["display", "list"]).await);
    let exercise = city.list(&["incident", "open", "訓練", "--hazard", "earthquake", "--exercise"]).await;
    note(&exercise);
    note(&city.list(&["rollcall", "open"]).await);
    note(&city.list(&["rollcall", "close"]).await);
    let incident = city.list(&["incident", "open", "台風", "--hazard", "typhoon", "--area", "大島"]).await;
    note(&incident);
    note(&city.list(&["rollcall", "open", "--area", "oshima"]).await);
    note(&city.list(&["incident", "close", incident["incident"].as_str().unwrap()]).await);
    note(&city.list(&["incident", "list"]).await);
    note(&city.list(&["button", "remove", enrolled["id"].as_str().unwrap()]).await);
    answers
}

/// A value without what differs from run to run: times, random ids, secrets and addresses become their kind.
fn outline(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), outline(v))).collect::<serde_json::Map<_, _>>().into(),
        Value::Array(list) => list.iter().map(outline).collect(),
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => "TIME".into(),
        Value::String(text) if text.starts_with("http://") => {
            text.splitn(4, '/').nth(3).unwrap_or_default().split('/').next().unwrap_or_default().into()
        }
        Value::String(text) if text.len() > 20 && text.is_ascii() => "ID".into(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn commands_do_the_same_beside_a_running_server_and_without_one() {
    let (alone, beside) = tokio::join!(City::small(), City::small());
    let program = beside.serve().await;
    let (with, without) = (a_day(&beside).await, a_day(&alone).await);
    // Keys and passwords are random of course; the outline hides long ones, this hides the short.
    let hide = |answers: &[Value]| -> Vec<Value> {
        answers
            .iter()
            .cloned()
            .map(|mut v| {
                for name in ["key", "mqtt_password", "last_heard_at"] {
                    if v.get(name).is_some() {
                        v[name] = "HIDDEN".into();
                    }
                }
                v
            })
            .collect()
    };
    assert_eq!(hide(&with), hide(&without));
    let kinds = |log: Vec<Value>| -> Vec<Value> { log.iter().map(|e| json!([e["seq"], e["channel"], e["kind"]])).collect() };
    assert_eq!(kinds(beside.log(1).await), kinds(alone.log(1).await));
    drop(program);
}

#[tokio::test]
async fn a_sample_city_takes_no_real_register() {
    let program = Program::sample().await;
    let output = program.run(["register", "import", fixture("small_city.csv").to_str().unwrap()]).await.refused(1);
    assert!(output.stderr.contains("init"), "it does not say what to do instead: {}", output.stderr);
    assert!(program.run(["init"]).await.refused(1).stderr.contains("imaboard"));
}

#[tokio::test]
async fn an_import_can_be_tried_first_and_comes_back_out_unchanged() {
    let city = City::real().await;
    let csv = fixture("small_city.csv");
    let tried = city.run(["register", "import", csv.to_str().unwrap(), "--dry-run"]).await.ok();
    for name in ["しおかぜの家", "浜の病院"] {
        assert!(tried.stdout.contains(name), "{name} is not in the dry run: {}", tried.stdout);
    }
    assert_eq!(city.list(&["facility", "list"]).await, json!([]), "a dry run changed the register");
    city.run(["register", "import", csv.to_str().unwrap()]).await.ok();
    let listed = city.list(&["facility", "list"]).await;
    let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["h1", "h2", "h3", "h4", "h5", "h6"]);

    let exported = city.run(["register", "export"]).await.ok().stdout;
    let file = city.beside("again.csv");
    std::fs::write(&file, &exported).unwrap();
    let position = city.log(1).await.len();
    city.run(["register", "import", file.to_str().unwrap()]).await.ok();
    assert_eq!(city.log(1).await.len(), position, "importing an export changed something");
}

#[tokio::test]
async fn a_bad_line_is_named_by_its_number_and_nothing_is_imported() {
    let city = City::real().await;
    let csv = std::fs::read_to_string(fixture("small_city.csv")).unwrap().replace(",oshima,", ",atlantis,");
    let file = city.beside("bad.csv");
    std::fs::write(&file, csv).unwrap();
    let output = city.run(["register", "import", file.to_str().unwrap()]).await.refused(1);
    assert!(output.stderr.contains("5行目") && output.stderr.contains("atlantis"), "{}", output.stderr);
    assert_eq!(city.list(&["facility", "list"]).await, json!([]));
}

#[tokio::test]
async fn a_qr_code_is_written_as_svg_and_png() {
    let city = City::small().await.set("public.base_url", "https://board.example.jp");
    let (svg, png) = (city.beside("key.svg"), city.beside("key.png"));
    let said = city.run(["facility", "key", "h1", "--qr", svg.to_str().unwrap()]).await.ok();
    assert!(said.stdout.starts_with("https://board.example.jp/r/"), "{}", said.stdout);
    city.run(["facility", "key", "h1", "--qr", png.to_str().unwrap()]).await.ok();
    assert!(std::fs::read_to_string(svg).unwrap().contains("<svg"));
    assert!(std::fs::read(png).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
}

#[tokio::test]
async fn a_qr_code_with_a_loopback_address_is_refused_outside_the_sample() {
    let city = City::small().await;
    let file = city.beside("key.svg");
    let output = city.run(["facility", "key", "h1", "--qr", file.to_str().unwrap()]).await.refused(1);
    assert!(output.stderr.contains("public.base_url"), "{}", output.stderr);
    assert!(!file.exists());

    let sample = Program::sample().await;
    let first = sample.list(&["facility", "list"]).await[0]["id"].as_str().unwrap().to_owned();
    let file = sample.beside("key.svg");
    sample.run(["facility", "key", &first, "--qr", file.to_str().unwrap()]).await.ok();
    assert!(file.exists());
}

#[tokio::test]
async fn every_known_device_message_is_decoded() {
    let city = City::new();
    let input = std::fs::read_to_string(fixture("button_payloads.jsonl")).unwrap();
    let output = city.run_reading(["decode", "--jsonl"], &input).await.ok();
    let answers = output.json_lines();
    assert_eq!(answers.len(), 73);
    for (line, answer) in input.lines().zip(&answers) {
        let expected: Value = serde_json::from_str(line).unwrap();
        let Some(press) = answer.get("press") else {
            assert_eq!(expected["count_as_press"], false, "{line}\n{answer}");
            assert!(answer.get("device").is_some() || answer["ignored"].is_string(), "{answer}");
            continue;
        };
        assert_eq!(expected["count_as_press"], true, "{line}\n{answer}");
        assert_eq!(press["profile"], expected["family"], "{line}");
        assert_eq!(press["gesture"], expected["meaning"]["gesture"], "{line}");
        assert_eq!(press["button"], expected["meaning"]["button"], "{line}");
        for name in ["device", "dedupe", "button"] {
            assert!(press.get(name).is_some(), "{name} is missing: {answer}");
        }
    }
}

#[tokio::test]
async fn the_same_press_twice_in_a_stream_is_a_duplicate_and_nonsense_is_answered_too() {
    let city = City::new();
    let press =
        json!({"topic": "imaboard/button/d1/press", "payload": "{\"gesture\":\"single\",\"seq\":1}", "qos": 1, "retain": false});
    let retained =
        json!({"topic": "imaboard/button/d1/press", "payload": "{\"gesture\":\"single\",\"seq\":2}", "qos": 1, "retain": true});
    let mut input = format!("{press}\n{press}\n{retained}\nnot json\n").into_bytes();
    input.extend(b"\xff\xfe\n");
    let answers = city.run_reading(["decode", "--jsonl"], input).await.ok().json_lines();
    assert_eq!(answers.len(), 5);
    assert_eq!(answers[0]["press"]["gesture"], "single");
    for answer in &answers[1..] {
        assert!(answer["ignored"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn the_guard_answers_every_line_with_places_in_the_text() {
    let city = City::new();
    let corpus = std::fs::read_to_string(fixture("guard_corpus.jsonl")).unwrap();
    let register = fixture("guard_registry.json");
    let output = city.run_reading(["guard", "--jsonl", "--register", register.to_str().unwrap()], &corpus).await.ok();
    let answers = output.json_lines();
    assert_eq!(answers.len(), corpus.lines().count());
    let mut blocked = 0;
    for (line, answer) in corpus.lines().zip(&answers) {
        let text = serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned();
        let verdict = answer["verdict"].as_str().unwrap();
        assert!(["ok", "ask", "block"].contains(&verdict), "{answer}");
        blocked += usize::from(verdict == "block");
        let findings = answer["findings"].as_array().unwrap();
        assert_eq!(findings.is_empty(), verdict == "ok", "{answer}");
        for finding in findings {
            let (start, end) = (finding["start"].as_u64().unwrap(), finding["end"].as_u64().unwrap());
            assert!(start < end && end <= text.chars().count() as u64, "{text}: {finding}");
            for name in ["kind", "why", "suggestion"] {
                assert!(finding[name].as_str().is_some_and(|s| !s.is_empty()), "{name}: {finding}");
            }
        }
    }
    assert!(blocked > 0, "nothing is blocked");
}

#[tokio::test]
async fn a_follower_of_the_log_sees_what_comes() {
    let program = Program::start(City::small().await, &[]).await;
    let position = program.log(1).await.len() as u64;
    let from = (position + 1).to_string();
    let mut follower = program.command();
    follower.args(["log", "tail", "--follow", "--json", "--from", &from]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut follower = follower.spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    program.run(["incident", "open", "台風", "--hazard", "typhoon"]).await.ok();
    let line = tokio::time::timeout(DEADLINE, lines.next_line()).await.expect("nothing came").unwrap().unwrap();
    let entry: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(entry["seq"], position + 1);
    assert_eq!(entry["channel"], "system");
    for name in ["id", "recorded_at", "kind"] {
        assert!(entry[name].is_string(), "{name}: {entry}");
    }
    follower.kill().await.unwrap();
}

#[tokio::test]
async fn the_log_proves_itself_and_a_foreign_head_is_refused() {
    let city = City::small().await;
    let proof = city.list(&["log", "verify"]).await;
    assert_eq!(proof["ok"], true, "{proof}");
    let head = proof["head"].as_str().unwrap();
    city.run(["incident", "open", "台風", "--hazard", "typhoon"]).await.ok();
    // A head noted earlier still stands in a log that only grew.
    city.run(["log", "verify", "--head", head]).await.ok();
    let foreign = "0".repeat(64);
    assert!(city.run(["log", "verify", "--head", &foreign]).await.refused(1).stderr.contains("head"));
}

#[tokio::test]
async fn check_finds_a_sound_city_sound() {
    let city = City::small().await;
    let output = city.run(["check"]).await.ok();
    assert_eq!(output.stdout, "ok\n");
    let program = city.serve().await;
    city.run(["check"]).await.ok();
    drop(program);
}

#[tokio::test]
async fn reading_commands_leave_no_trace() {
    let city = City::small().await;
    let files = |city: &City| -> Vec<_> {
        let mut names: Vec<_> = std::fs::read_dir(city.data()).unwrap().map(|e| e.unwrap().file_name()).collect();
        // SQLite itself leaves these two beside a database in WAL mode that was only read.
        names.retain(|name| name != "imaboard.db-wal" && name != "imaboard.db-shm");
        names.sort();
        names
    };
    let (before, position) = (files(&city), city.log(1).await.len());
    for command in ["facility list", "button list", "incident list", "posting list", "display list", "register export", "check"] {
        city.run(words(command)).await.ok();
    }
    assert_eq!(files(&city), before);
    assert_eq!(city.log(1).await.len(), position);
}

#[tokio::test]
async fn the_demo_moves_by_itself_and_leaves_nothing_behind() {
    let city = City::new();
    let mut program = Program::demo(city.clone()).await;
    let mut wall = program.web().events("/wall/cityhall/events", None).await;
    let first = wall.next_named("ping").await.position();
    // A new position is a new entry; ages alone do not move it.
    while wall.next_named("ping").await.position() == first {}
    drop(wall);
    assert!(program.stop().await < Duration::from_secs(10));
    assert!(!city.data().exists(), "the demo wrote into the data folder");
}

#[tokio::test]
async fn the_same_button_can_be_pressed_at_the_command_line_all_day() {
    let program = City::small().await.serve().await;
    let device = program.enrol("h1", "door", &["single=vacancy:full", "double=vacancy:available"]).await;
    let before = program.log(1).await.len();
    for press in 0..12 {
        let gesture = if press % 2 == 0 { "single" } else { "double" };
        program.run(["button", "press", device.button(), gesture]).await.ok();
    }
    assert_eq!(program.log(1).await.len(), before + 12);
}
