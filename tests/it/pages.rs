//! Every page to a visitor without a browser, in every state of the city; and the doors of operations.
//!
//! *Invariants:* a sample says so on every page; a value past its rhythm is nowhere shown as it was; a visitor cannot hurt us.

use std::collections::BTreeSet;
use std::io::Read;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::city::holds;
use crate::support::{Answer, City, DEADLINE, Program, Web, wait_until};

/// Where visitors start.
const DOORS: [&str; 12] = [
    "/",
    "/text",
    "/find",
    "/notices",
    "/jobs",
    "/about",
    "/charts/free",
    "/rule",
    "/guide/contact",
    "/guide/glossary",
    "/wall",
    "/wall/cityhall",
];

/// Every address within the site that can be reached by following links.
async fn crawl(web: &Web) -> Vec<Answer> {
    let mut waiting: Vec<String> = DOORS.iter().map(|&d| d.to_owned()).collect();
    let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
    let mut answers = Vec::new();
    while let Some(path) = waiting.pop() {
        let answer = web.get(&path).await;
        if answer.header("content-type").starts_with("text/html") {
            let page = answer.page();
            let links = page.attributes("a[href]", "href").into_iter().chain(page.attributes("link[href], script[src]", "href"));
            for link in links.filter(|l| l.starts_with('/')) {
                let link = link.split('#').next().unwrap().to_owned();
                // A list can be asked for in any number of ways; a few of them will do.
                let asked = link.contains('?') && seen.iter().filter(|s| s.contains('?')).count() > 40;
                if !asked && seen.insert(link.clone()) {
                    waiting.push(link);
                }
            }
        }
        answers.push(answer);
    }
    answers
}

/// What must hold of every page of the sample city, whatever state it is in.
fn assert_sound(answers: &[Answer], state: &str) {
    assert!(answers.len() > 80, "{state}: only {} pages were found", answers.len());
    for answer in answers {
        answer.is(200);
        let (url, kind) = (&answer.url, answer.header("content-type"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{state} {url}");
        if kind.starts_with("text/html") {
            assert!(answer.text().contains("見本"), "{state} {url} does not say 見本");
            // The consultation desk, or the disaster desk of the sample city.
            let number = ["0959-00-0100", "0959-00-0119"].iter().any(|number| answer.text().contains(number));
            assert!(number, "{state} {url} does not say whom to telephone");
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("default-src 'none'"), "{state} {url}: {policy}");
            assert!(!answer.header("referrer-policy").is_empty(), "{state} {url}");
            assert!(!answer.text().contains("U+FFFD") && !answer.text().contains('\u{fffd}'), "{state} {url}");
            let page = answer.page();
            assert_eq!(page.attributes("html", "lang"), ["ja"], "{state} {url}");
            assert!(page.texts("title").iter().any(|t| !t.is_empty()), "{state} {url} has no title");
        }
        if kind.starts_with("text/plain") {
            assert!(answer.text().contains("見本"), "{state} {url}");
        }
    }
}

#[tokio::test]
async fn every_page_is_sound_and_says_sample_in_peace_alert_incident_exercise_and_after() {
    let program = Program::sample().await;
    let web = program.web();
    let text = async |path: &str| web.get(path).await.is(200).text().to_owned();
    assert_sound(&crawl(&web).await, "peace");

    let alert = program.list(&["incident", "open", "大雨の おそれ", "--hazard", "heavy_rain", "--alert"]).await;
    assert_sound(&crawl(&web).await, "alert");
    assert!(text("/").await.contains("警戒"));
    program.run(["incident", "close", alert["incident"].as_str().unwrap()]).await.ok();

    let exercise = program.list(&["incident", "open", "秋の訓練", "--hazard", "earthquake", "--exercise"]).await;
    program.run(["rollcall", "open"]).await.ok();
    let board = format!("/incidents/{}", exercise["incident"].as_str().unwrap());
    assert_sound(&crawl(&web).await, "exercise");
    for path in ["/", "/text", &board] {
        assert!(text(path).await.contains("訓練"), "{path} does not say 訓練");
    }

    let incident = program.list(&["incident", "open", "台風12号", "--hazard", "typhoon"]).await;
    program.run(["rollcall", "open"]).await.ok();
    let path = format!("/incidents/{}", incident["incident"].as_str().unwrap());
    assert_sound(&crawl(&web).await, "incident");
    for path in ["/", "/text", &path] {
        assert!(text(path).await.contains("台風12号"), "{path} does not name the incident");
    }
    program.run(["incident", "close", incident["incident"].as_str().unwrap()]).await.ok();
    assert_sound(&crawl(&web).await, "closed");
    assert!(!text("/").await.contains("災害時の表示"), "the front page did not come back");
}

/// Sends one observation of h1's group home; `ago` is how long it has been true.
async fn report(program: &Program, value: &str, count: Option<u32>, ago_hours: i64) -> Answer {
    let url = program.report_url("h1").await;
    let now = jiff::Timestamp::from_millisecond(since_epoch_ms()).unwrap();
    let observed_at = now - jiff::SignedDuration::from_hours(ago_hours);
    let service = program.list(&["facility", "list"]).await[0]["services"][0]["id"].clone();
    let observation = json!({ "aspect": "vacancy", "service": service, "value": value, "count": count });
    let body = json!({ "id": id(), "sent_at": now, "observed_at": observed_at, "observations": [observation] });
    program.web().post_json(&format!("{url}/reports"), &body).await
}

fn since_epoch_ms() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "a sender has a clock of its own")]
    let now = std::time::SystemTime::now();
    i64::try_from(now.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[tokio::test]
async fn a_free_place_of_two_weeks_ago_is_nowhere_shown_as_free() {
    let city = City::small().await;
    city.run(["display", "add", "cityhall", "市役所"]).await.ok();
    let program = city.serve().await;
    let web = program.web();
    let said = async || web.get("/facilities/h1").await.is(200).page().texts("p.share").concat();

    report(&program, "available", Some(3), 15 * 24).await.is(201);
    assert!(said().await.contains("不明"), "{}", said().await);
    assert!(!said().await.contains("空きあり"), "{}", said().await);
    let find = web.get("/find?q=しおかぜ").await;
    assert!(find.is(200).text().contains("しおかぜの家"));
    assert!(!find.page().texts("main").concat().contains("3床"), "the list shows the old number");
    let line = web.get("/text").await.text().lines().find(|l| l.contains("しおかぜの家")).map(str::to_owned);
    assert!(line.is_none_or(|l| !l.contains('○') || l.contains('？')), "the text shows an old ○");
    let wall = web.get("/wall/cityhall").await.page();
    let free: Vec<String> = wall.texts("#pages .fac.now");
    assert!(free.iter().all(|t| !t.contains("しおかぜの家")), "the wall shows an old place: {free:?}");

    // Eight days: still believed, but its age is said.
    report(&program, "available", Some(3), 8 * 24).await.is(201);
    assert!(said().await.contains('3'), "{}", said().await);
    assert!(web.get("/facilities/h1").await.page().has(".aging"), "an ageing value looks fresh");
    // Today: fresh.
    report(&program, "available", Some(4), 0).await.is(201);
    assert!(said().await.contains('4'), "{}", said().await);
    // An older one that arrives later changes nothing.
    report(&program, "full", Some(0), 24).await.is(201);
    assert!(said().await.contains('4'), "{}", said().await);
}

#[tokio::test]
async fn a_known_page_is_answered_with_304_and_travels_compressed() {
    let program = Program::sample().await;
    let web = program.web();
    for path in ["/", "/text", "/find", "/facilities/f001", "/notices"] {
        let plain = web.get(path).await;
        let etag = plain.is(200).header("etag").to_owned();
        assert!(etag.starts_with('"'), "{path}: {etag}");
        let known = web.get_with(path, &[("if-none-match", &etag)]).await;
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
        assert_eq!(known.header("etag"), etag, "{path}");
        // Just before a value ages or the day ends, not even a broken network justifies an old copy.
        let rule = plain.header("cache-control");
        let rules = ["stale-if-error=", "must-revalidate"];
        assert!(rule.starts_with("public, max-age=0") && rules.iter().any(|r| rule.contains(r)), "{path}: {rule}");

        let gzip = web.get_with(path, &[("accept-encoding", "gzip")]).await;
        assert_eq!(gzip.is(200).header("content-encoding"), "gzip", "{path}");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(gzip.body.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body, "{path}");
        let br = web.get_with(path, &[("accept-encoding", "br, gzip")]).await;
        assert_eq!(br.is(200).header("content-encoding"), "br", "{path}");
        let mut unpacked = Vec::new();
        brotli::Decompressor::new(br.body.as_slice(), 4_096).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body, "{path}");
        if path == "/" {
            assert!(gzip.body.len() <= 14 * 1_024, "the front page has {} bytes", gzip.body.len());
        }
    }
    // A new entry makes a new page.
    let etag = web.get("/").await.header("etag").to_owned();
    program.run(["incident", "open", "台風", "--hazard", "typhoon"]).await.ok();
    web.get_with("/", &[("if-none-match", &etag)]).await.is(200);
}

#[tokio::test]
async fn the_browsers_own_files_may_be_kept_for_ever() {
    let program = Program::sample().await;
    let web = program.web();
    let (front, wall) = (web.get("/").await.page(), web.get("/wall/cityhall").await.page());
    let files = [
        front.attributes("link[rel=stylesheet]", "href"),
        wall.attributes("link[rel=stylesheet]", "href"),
        wall.attributes("script[src]", "src"),
    ];
    for path in files.concat() {
        let file = web.get(&path).await;
        assert!(file.is(200).header("cache-control").contains("immutable"), "{path}: {}", file.header("cache-control"));
    }
}

#[tokio::test]
async fn an_unknown_address_is_a_page_that_helps() {
    let program = Program::sample().await;
    let web = program.web();
    for path in [
        "/nowhere",
        "/facilities/f999",
        "/notices/p-none",
        "/jobs/p-none",
        "/incidents/none",
        "/assets/none.css",
        "/facilities/%00",
        "/%F0%9F",
        "/facilities/..%2F..%2Fsecret.key",
    ] {
        let answer = web.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.body.is_empty(), "{path} is blank");
    }
    let page = web.get("/nowhere").await;
    assert!(page.text().contains("見本") && page.page().has("a[href='/']"), "it does not lead back");
}

#[tokio::test]
async fn hostile_words_stay_words() {
    let city = City::real().await;
    let hostile = "<script>alert(1)</script>&\"'";
    let csv = format!(
        "id,name,kana,district,island,address,phone,fax,url,operator,office_number,latitude,longitude,service,service_id,capacity,bed_cells,sessions,closures\n\
         h1,\"{0}\",カナ,seihi,,\"{0}\",0959-00-2001,,javascript:alert(1),\"{0}\",,,,group-home,,9,,,\n",
        hostile.replace('"', "\"\"")
    );
    let file = city.beside("hostile.csv");
    std::fs::write(&file, csv).unwrap();
    let imported = city.run(["register", "import", file.to_str().unwrap()]).await;
    if imported.code != 0 {
        // Refusing such a line is as good, if it says which.
        assert!(imported.stderr.contains("2行目"), "{}", imported.stderr);
        return;
    }
    city.run(["display", "add", "cityhall", hostile]).await.ok();
    city.run(["incident", "open", hostile, "--hazard", "fire"]).await.ok();
    let program = city.serve().await;
    let web = program.web();
    let report_url = program.report_url("h1").await;
    for path in
        ["/", "/find?q=%3Cscript%3Ealert(1)%3C/script%3E", "/facilities/h1", "/text", "/wall", "/wall/cityhall", &report_url]
    {
        let answer = web.get(path).await;
        answer.is(200);
        if answer.header("content-type").starts_with("text/html") {
            assert!(!answer.text().contains("<script>alert"), "{path} carries a script");
            assert!(!answer.text().contains("href=\"javascript:"), "{path} carries a script link");
        }
    }
}

#[tokio::test]
async fn hostile_questions_are_answered_calmly() {
    let program = Program::sample().await;
    let web = program.web();
    let long = "あ".repeat(3_000);
    for path in [
        "/find?q=%FF%FE",
        "/find?page=-1",
        "/find?page=99999999999999999999",
        "/find?kind=none&district=none&on=never",
        "/find?q=%00&q=%00",
        &format!("/find?q={long}"),
        "/find?%%%",
        "/wall/cityhall?page=0&layout=diagonal",
        "/wall/cityhall?page=18446744073709551615",
    ] {
        let answer = web.get(path).await;
        assert!(answer.status < 500, "{path}: {}", answer.status);
    }
    for (method, path) in [
        (Method::POST, "/"),
        (Method::DELETE, "/facilities/f001"),
        (Method::PUT, "/text"),
        (Method::from_bytes(b"BREW").unwrap(), "/"),
    ] {
        let answer = web.send(web.request(method.clone(), path)).await;
        assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.status);
    }
    let big = web.send(web.request(Method::POST, "/r/x/reports").body(vec![b'x'; 1_000_000])).await;
    assert!((400..500).contains(&big.status), "{}", big.status);
    web.get("/").await.is(200);
}

/// The `POST` address of h1's key.
async fn reports_of_h1(program: &Program) -> String {
    format!("{}/reports", program.report_url("h1").await)
}

#[tokio::test]
async fn the_same_json_twice_is_one_entry_and_other_content_under_its_id_is_refused() {
    let program = City::small().await.serve().await;
    let web = program.web();
    let address = reports_of_h1(&program).await;
    let body = json!({ "id": id(), "observations": [{ "aspect": "operation", "value": "limited" }] });
    let first = web.post_json(&address, &body).await;
    let receipt = first.is(201).json();
    for name in ["seq", "id", "recorded_at", "channel", "facility", "observed_at", "exercise", "observations"] {
        assert!(receipt.get(name).is_some(), "{name}: {receipt}");
    }
    assert_eq!(receipt["id"], body["id"]);
    web.get(first.header("location")).await.is(200);
    let position = program.log(1).await.len();
    assert_eq!(receipt["seq"], position);

    let again = web.post_json(&address, &body).await;
    assert_eq!(again.is(201).body, first.body, "the second receipt differs");
    let mut other = body.clone();
    other["observations"][0]["value"] = "normal".into();
    let conflict = web.post_json(&address, &other).await;
    assert_eq!(conflict.is(409).header("content-type"), "application/problem+json");
    assert_eq!(conflict.json()["status"], 409);
    assert_eq!(program.log(1).await.len(), position, "one report became several entries");
}

#[tokio::test]
async fn two_senders_of_the_same_report_at_once_get_the_same_receipt() {
    let program = City::small().await.serve().await;
    let web = program.web();
    let address = reports_of_h1(&program).await;
    let body = json!({ "id": id(), "observations": [{ "aspect": "operation", "value": "limited" }] });
    let position = program.log(1).await.len();
    let answers = futures_util::future::join_all((0..8).map(|_| web.post_json(&address, &body))).await;
    for answer in &answers {
        assert_eq!(answer.is(201).body, answers[0].body);
    }
    assert_eq!(program.log(1).await.len(), position + 1);
}

#[tokio::test]
async fn every_problem_of_a_json_report_is_told_and_nothing_is_stored() {
    let program = City::small().await.serve().await;
    let web = program.web();
    let address = reports_of_h1(&program).await;
    let position = program.log(1).await.len();
    let service = program.list(&["facility", "list"]).await[0]["services"][0]["id"].clone();
    let body = json!({ "id": id(), "observations": [
        { "aspect": "vacancy", "service": service, "value": "available", "count": 12 },
        { "aspect": "vacancy", "service": "sauna", "value": "full" },
        { "aspect": "weather", "value": "fine" },
        { "aspect": "power", "value": "purple" },
    ] });
    let refused = web.post_json(&address, &body).await;
    let problem = refused.is(422).json();
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 4, "{problem}");
    for (body, status) in [("{", 400), ("[]", 400), ("{\"id\":\"x\"}", 400), ("\u{0}", 400)] {
        let request = web.request(Method::POST, &address).header("content-type", "application/json").body(body);
        web.send(request).await.is(status);
    }
    web.post_json(&address, &json!({ "id": id(), "observations": [] })).await.is(422);
    web.post_json("/r/aaaaaaaaaaaaaaaa/reports", &body).await.is(404);
    assert_eq!(program.log(1).await.len(), position);
}

#[tokio::test]
async fn the_same_page_sent_twice_is_one_entry_and_changed_content_is_a_new_one() {
    let program = City::small().await.serve().await;
    let web = program.web();
    let url = program.report_url("h1").await;
    let service = program.list(&["facility", "list"]).await[0]["services"][0]["id"].as_str().unwrap().to_owned();
    let mut fields = web.get(&url).await.is(200).page().form("#change");
    fields.push((format!("v.{service}.all"), "3".to_owned()));
    fields.push(("send".to_owned(), "form".to_owned()));
    let position = program.log(1).await.len();
    let first = web.post_form(&format!("{url}/reports"), &fields).await.leads_to();
    let again = web.post_form(&format!("{url}/reports"), &fields).await.leads_to();
    assert_eq!(first, again, "the second tap got another receipt");
    assert_eq!(program.log(1).await.len(), position + 1);
    web.get(&first).await.is(200);

    let last = fields.len() - 2;
    fields[last].1 = "4".to_owned();
    let other = web.post_form(&format!("{url}/reports"), &fields).await.leads_to();
    assert_ne!(first, other);
    assert_eq!(program.log(1).await.len(), position + 2);
}

#[tokio::test]
async fn looking_at_a_report_page_changes_nothing_and_leaves_no_trace_elsewhere() {
    let program = City::small().await.serve().await;
    let web = program.web();
    let url = program.report_url("h1").await;
    let position = program.log(1).await.len();
    for path in ["", "/poster", "/postings"] {
        let answer = web.get(&format!("{url}{path}")).await;
        assert!(answer.header("cache-control").contains("no-store"), "{path}");
        assert!(answer.header("x-robots-tag").contains("noindex"), "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
    }
    assert_eq!(program.log(1).await.len(), position);
}

#[tokio::test]
async fn a_rotated_key_opens_nothing_any_more() {
    let program = City::small().await.serve().await;
    let web = program.web();
    let old = program.report_url("h1").await;
    web.get(&old).await.is(200);
    let new = program.run(["facility", "key", "h1", "--rotate"]).await.ok().stdout.trim().to_owned();
    assert_ne!(old, new);
    web.get(&old).await.is(404);
    web.get(&new).await.is(200);
    // One letter of the signature changed: no key of ours.
    let mut forged = new.clone();
    let last = if forged.pop() == Some('a') { 'e' } else { 'a' };
    forged.push(last);
    web.get(&forged).await.is(404);
}

#[tokio::test]
async fn the_report_key_stands_in_no_log_line_and_on_no_public_page() {
    let city = City::small().await.set("log.level", "trace");
    city.run(["display", "add", "cityhall", "市役所"]).await.ok();
    let program = city.serve().await;
    let web = program.web();
    let url = program.report_url("h1").await;
    let key = url.rsplit('/').next().unwrap().to_owned();
    let signature = &key[16..];
    let mut fields = web.get(&url).await.is(200).page().form("#change");
    fields.push(("operation".to_owned(), "limited".to_owned()));
    fields.push(("send".to_owned(), "form".to_owned()));
    let receipt = web.post_form(&format!("{url}/reports"), &fields).await.leads_to();
    web.get(&receipt).await.is(200);
    web.get(&format!("{url}/nowhere")).await.is(404);
    web.get(&format!("/r/{}", key.to_uppercase())).await;
    web.post_form(&format!("{url}/reports"), &[("operation", "purple")]).await;
    web.post_json(&format!("{url}/reports"), &json!({ "id": 1 })).await;
    report(&program, "full", None, 0).await.is(201);
    for path in DOORS {
        let text = web.get(path).await.text().to_owned();
        assert!(!text.contains(signature), "{path} names the key");
    }
    let page = web.get("/facilities/h1").await;
    assert!(!page.text().contains(signature), "the facility's page names the key");
    assert!(!program.ops().get("/metrics").await.text().contains(signature), "the figures name the key");
    let log = program.log(1).await;
    assert!(log.iter().all(|e| !e.to_string().contains(signature)), "the log names the key");
    assert!(!holds(&program.data(), signature.as_bytes()), "a file of the data folder holds the key");
    let said = program.said();
    assert!(said.contains("TRACE") || said.contains("DEBUG"), "it says too little for this test: {said}");
    let line = said.lines().find(|l| l.to_lowercase().contains(signature));
    assert!(line.is_none(), "a log line names the key: {line:?}");
}

#[tokio::test]
async fn health_readiness_and_figures_have_a_door_of_their_own() {
    let program = Program::sample().await;
    let ops = program.ops();
    ops.get("/healthz").await.is(200);
    let ready = ops.get("/readyz").await.is(200).json();
    assert_eq!(ready["ready"], true, "{ready}");
    program.web().get("/").await.is(200);
    let figures = ops.get("/metrics").await;
    for name in ["imaboard_entries_total", "imaboard_commit_seconds", "imaboard_http_requests_total"] {
        assert!(figures.is(200).text().contains(name), "{name} is missing");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        program.web().get(path).await.is(404);
    }
}

/// How long the server keeps a connection on which only this was said.
async fn kept_for(address: &str, said: &[u8]) -> Duration {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(said).await.unwrap();
    let started = Instant::now();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "still open after {DEADLINE:?}: {:?}", String::from_utf8_lossy(said));
    started.elapsed()
}

#[tokio::test]
async fn a_silent_or_slow_connection_is_closed_within_fifteen_seconds() {
    let program = Program::sample().await;
    let address = program.base_url().strip_prefix("http://").unwrap();
    let half_a_body = b"POST /r/x/reports HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\ncontent-type: application/x-www-form-urlencoded\r\n\r\nabc";
    let times = tokio::join!(
        kept_for(address, b""),
        kept_for(address, b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: "),
        kept_for(address, half_a_body),
    );
    for took in [times.0, times.1, times.2] {
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
}

#[tokio::test]
async fn ambiguous_requests_are_refused() {
    let program = Program::sample().await;
    let address = program.base_url().strip_prefix("http://").unwrap();
    for request in [
        "GET / HTTP/1.1\r\nconnection: close\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 400"), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn a_stop_with_open_streams_is_orderly_and_quick() {
    let mut program = Program::sample().await;
    let web = program.web();
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = web.events("/wall/cityhall/events", None).await;
        stream.next_named("ping").await;
        streams.push(stream);
    }
    let took = program.stop().await;
    eprintln!("stopped after {} ms with three open streams", took.as_millis());
    assert!(took < Duration::from_secs(5), "{took:?}");
    for mut stream in streams {
        while stream.next().await.is_some() {}
    }
}

#[tokio::test]
async fn a_stream_begins_with_everything_and_then_carries_only_what_changed() {
    let city = City::small().await;
    city.run(["display", "add", "cityhall", "市役所"]).await.ok();
    let program = city.serve().await;
    let web = program.web();
    let mut stream = web.events("/wall/cityhall/events", None).await;
    let all = stream.next_named("snapshot").await;
    report(&program, "available", Some(3), 0).await.is(201);
    let change = stream.next_named("change").await;
    assert!(change.data.contains("しおかぜの家"), "{}", change.data);
    assert!(change.data.len() * 2 < all.data.len(), "a change of {} bytes against {}", change.data.len(), all.data.len());
    assert!(change.position() > all.position());

    // Who comes back with a position of another epoch gets everything.
    let mut foreign = web.events("/wall/cityhall/events", Some("foreign-3")).await;
    foreign.next_named("snapshot").await;
    let ping: Value = serde_json::from_str(&foreign.next_named("ping").await.data).unwrap();
    assert_eq!(ping["revision"], change.id.as_str(), "{ping}");
    assert!(ping["now"].is_i64() || ping["now"].is_u64(), "{ping}");
}

#[tokio::test]
async fn a_remark_waits_for_the_city_and_personal_data_never_gets_in() {
    let program = City::small().await.serve().await;
    let web = program.web();
    let address = reports_of_h1(&program).await;
    let remark = "玄関の 工事中は 裏口から";
    let body = json!({ "id": id(), "observations": [{ "aspect": "operation", "value": "limited" }], "remark": remark });
    assert_eq!(web.post_json(&address, &body).await.is(201).json()["remark"], "pending");
    assert!(!web.get("/facilities/h1").await.text().contains(remark), "public before its release");
    let pending = program.list(&["posting", "list"]).await;
    program.run(["posting", "publish", pending[0]["id"].as_str().unwrap()]).await.ok();
    let shows = async || web.get("/facilities/h1").await.text().contains(remark);
    wait_until("the released remark", DEADLINE, shows).await;
    program.run(["posting", "withdraw", pending[0]["id"].as_str().unwrap()]).await.ok();
    assert!(!web.get("/facilities/h1").await.text().contains(remark), "still public after its withdrawal");

    let position = program.log(1).await.len();
    let body = json!({ "id": id(), "observations": [], "remark": "203号室の方は 090-1234-5678 まで" });
    web.post_json(&address, &body).await.is(422);
    assert_eq!(program.log(1).await.len(), position);
    assert!(!program.said().contains("090-1234-5678"), "what was refused stands in the log lines");
}
