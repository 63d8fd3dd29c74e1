//! The coordinator's desk as people meet it: the door, and every page of it in a real browser.
//!
//! *Invariant:* a seat is taken as the README says: by the address that the program prints.

mod buttons;
mod register;
mod year;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use imaboard_templates::desk::Room;
use serde_json::Value;
use thirtyfour::prelude::*;
use totp_rs::{Algorithm, Builder, Secret};

use crate::support::{Browser, City, DEADLINE, Program, Screen, Web, needs, wait_for};

const PASSWORD: &str = "かもめが三羽とんでいった朝のみなと";

/// The address of the first administrator, as it is printed.
async fn first_admin(program: &Program) -> String {
    wait_for("the first administrator's address", async || {
        let said = program.said();
        said.split_whitespace().find(|word| word.contains("/desk/join/")).map(str::to_owned)
    })
    .await
}

/// A browser in which somebody sits at the desk as administrator.
pub(crate) async fn seated(program: &Program, screen: Screen) -> Browser {
    let browser = Browser::open(screen).await;
    browser.with_passkeys().await;
    browser.goto(first_admin(program).await).await.unwrap();
    browser.one("button[data-passkey=make]").await.click().await.unwrap();
    browser.sees("わたしの席").await;
    browser
}

/// The address of the desk where passkeys work: at the machine's name.
pub(crate) fn desk_url(program: &Program, path: &str) -> String {
    format!("{}{path}", program.base_url().replace("127.0.0.1", "localhost"))
}

/// What an authenticator app shows for the secret on a page.
fn code_of(secret: &str) -> String {
    let secret = Secret::try_from_base32(secret.replace(' ', "")).unwrap();
    let codes = Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).with_account_name("x").build().unwrap();
    codes.generate_current().to_string()
}

#[tokio::test]
async fn a_seat_is_taken_and_entered_again_with_a_passkey() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    browser.one("form[action='/desk/account/logout'] button").await.click().await.unwrap();
    browser.sees("運用の席に着く").await;
    browser.goto(desk_url(&program, "/desk/account/staff")).await.unwrap();
    browser.one("button[data-passkey=prove]").await.click().await.unwrap();
    browser.sees("席の一覧").await;
    assert!(browser.current_url().await.unwrap().path().ends_with("/desk/account/staff"), "it leads on to what was asked for");
    browser.goto(first_admin(&program).await).await.unwrap();
    browser.sees("この招待は使えません").await;
    browser.close().await;
}

#[tokio::test]
async fn a_seat_is_taken_with_the_keyboard_alone_and_without_a_passkey() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let invited = program.city().run(["staff", "invite", "福祉課 1番席", "--role", "coordinator"]).await.ok();
    let browser = Browser::without_javascript(Screen::Desk).await;
    browser.goto(invited.stdout.trim()).await.unwrap();
    browser.sees("福祉課 1番席").await;
    let secret = browser.words_of(".account-codes .num").await;
    browser.one("#new_password").await.send_keys(PASSWORD).await.unwrap();
    browser.press("Tab").await;
    browser.press(&code_of(&secret)).await;
    browser.press("Enter").await;
    browser.sees("回復コード").await;
    let codes = browser.find_all(By::Css("ol.account-list li")).await.unwrap();
    assert_eq!(codes.len(), 10);
    browser.close().await;
}

/// Everything that keeps people from using a page of the desk on a screen of this size.
async fn troubles(width: u32, height: u32, mobile: bool) -> Vec<String> {
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    let mut paths: Vec<String> = Room::LISTED.iter().map(|room| room.path().to_owned()).collect();
    paths.extend(MORE_PAGES.iter().map(|&path| path.to_owned()));
    let report = program.report_url("f001").await;
    paths.push(report.split_once("/r/").map(|(_, key)| format!("/r/{key}")).unwrap());
    let metrics = serde_json::json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
    browser.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
    let mut found = Vec::new();
    for path in &paths {
        browser.goto(desk_url(&program, path)).await.unwrap();
        if path.starts_with("/desk") {
            browser.sees("見本").await;
        }
        if browser.overflows().await {
            found.push(format!("{path} is wider than {width} px"));
        }
        if !mobile {
            found.extend(browser.barriers().await.into_iter().map(|barrier| format!("{path}: {barrier}")));
        }
    }
    browser.close().await;
    found
}

#[tokio::test]
async fn every_page_has_no_barrier_and_fits_a_desk() {
    if !needs("chromedriver") || !needs("npm") {
        return;
    }
    let found = troubles(1_366, 768, false).await;
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test]
async fn every_page_fits_a_small_telephone() {
    if !needs("chromedriver") {
        return;
    }
    let found = troubles(360, 740, true).await;
    assert!(found.is_empty(), "{found:#?}");
}

/// Pages that no navigation lists.
const MORE_PAGES: &[&str] = &[
    "/desk/proxy?f=f001",
    "/desk/facilities/new",
    "/desk/facilities/f001",
    "/desk/facilities/f001/edit",
    "/desk/facilities/import",
    "/desk/facilities/f001/retire",
    "/desk/posters",
    "/desk/sheets/f001",
    "/desk/devices/new",
    "/desk/devices/new?profile=imaboard&device=door",
    "/desk/devices/new?profile=imaboard&device=door&facility=f001",
    "/desk/devices/f003-b1",
    "/desk/devices/f003-b1/password",
    "/desk/devices/f003-b1/remove",
    "/desk/postings/new?kind=job",
    "/desk/log/chain",
    "/desk/log/staff",
    "/desk/log/facilities/f001",
    "/desk/log/1",
    "/desk/burden/questions",
    "/desk/burden/sheet",
    "/desk/guide/rule",
    "/desk/guide/pages/contact",
    "/desk/guide/support",
    "/rule",
    "/guide/contact",
    "/guide/glossary",
    "/desk/account",
    "/desk/account/staff",
    "/desk/account/password",
    "/desk/login",
    "/desk/nowhere",
    "/",
    "/find",
    "/notices",
    "/jobs",
    "/about",
    "/facilities/f001",
];

#[tokio::test]
async fn the_desk_is_for_those_with_a_seat_and_the_command_line_gives_and_takes_seats() {
    let city = City::new();
    let program = city.serve().await;
    let web = program.web();
    assert!(program.doors().line.contains(" desk http://"), "{}", program.doors().line);
    assert!(web.get("/desk").await.leads_to().ends_with("/desk/login?next=%2Fdesk"));
    let refused = program.city().run(["staff", "invite", "福祉課"]).await.refused(1);
    assert!(refused.stderr.contains("--role"), "{}", refused.stderr);
    let invited = program.city().run(["staff", "invite", "福祉課", "--role", "viewer"]).await.ok();
    let join = invited.stdout.trim().to_owned();
    let path = join.split_once("/desk/").map(|(_, rest)| format!("/desk/{rest}")).unwrap();
    web.get(&path).await.is(200);
    let seats = program.city().list(&["staff", "list"]).await;
    assert_eq!(seats.as_array().unwrap().iter().filter(|seat| seat["name"] == "福祉課").count(), 1);
    let disabled = program.city().run(["staff", "disable", "福祉課"]).await.ok();
    assert!(disabled.stdout.contains("disabled"), "{}", disabled.stdout);
    web.get(&path).await.is(404);
    let seats = program.city().list(&["staff", "list"]).await;
    let closed = seats.as_array().unwrap().iter().find(|seat| seat["name"] == "福祉課").cloned().unwrap();
    assert_ne!(closed["disabled_at"], Value::Null);
    assert!(!program.said().contains(path.rsplit('/').next().unwrap()), "an invitation stands in no log");
}

/// A seat called `desk`, taken with a password.
struct Seat {
    /// Of the six-digit codes.
    secret: String,
    /// The one that was used up.
    code: String,
    /// The cookie of the session.
    session: String,
    /// The cookie of the known browser.
    device: String,
}

async fn take_seat(program: &Program) -> Seat {
    let web = Web::new(program.base_url());
    let invited = program.city().run(["staff", "invite", "desk", "--role", "coordinator"]).await.ok();
    let path = invited.stdout.trim().split_once("/desk/").map(|(_, rest)| format!("/desk/{rest}")).unwrap();
    let page = web.get(&path).await;
    let secret = page.page().texts(".account-codes .num").remove(0);
    let salt = page.page().attributes("input[name=salt]", "value").remove(0);
    let code = code_of(&secret);
    let fields = [("salt", salt.as_str()), ("new_password", PASSWORD), ("code", &code)];
    let joining = web.request(reqwest::Method::POST, &path).header("sec-fetch-site", "same-origin");
    let joined = web.send(joining.form(&fields)).await;
    joined.is(200);
    let cookies: Vec<String> = joined
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned())
        .collect();
    let named = |name: &str| cookies.iter().find(|cookie| cookie.starts_with(name)).unwrap().clone();
    Seat { secret, code, session: named("desk="), device: named("desk-device") }
}

#[tokio::test]
async fn a_press_that_is_tried_never_lights_the_lamp_also_when_it_comes_again() {
    const STORED: &str = "imaboard/button/door/stored";
    let program = City::small().await.serve().await;
    let device = program.enrol("h1", "door", &["single=vacancy:full", "double=vacancy:available"]).await;
    device.subscribe(STORED).await;
    device.press("single", 1).await;
    assert_eq!(device.hears(STORED, |_| true).await.json()["seq"], 1);
    let seat = take_seat(&program).await;
    let web = program.web();
    let path = format!("/desk/devices/{}/test", device.button());
    let test = async |on: &str| {
        let request = web.request(reqwest::Method::POST, &path).header("sec-fetch-site", "same-origin");
        web.send(request.header("cookie", &seat.session).form(&[("on", on)])).await.is(303);
    };
    test("1").await;
    device.press("double", 2).await;
    device.press("double", 2).await;
    test("").await;
    // Once more, as a device sends it that heard no lamp.
    device.press("double", 2).await;
    device.press("single", 3).await;
    let next = device.hears(STORED, |_| true).await.json();
    assert_eq!(next["seq"], 3, "the lamp said that something was stored: {next}");
    let presses = program.city().log(1).await.into_iter().filter(|e| e["channel"] == "button").count();
    assert_eq!(presses, 2, "what was tried is no report");
}

/// Posts a form from an address of this machine's own network.
async fn post_from(address: IpAddr, base: &str, fields: &[(&str, &str)], cookie: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().local_address(address).redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let request = client.post(format!("{base}/desk/login")).header("sec-fetch-site", "same-origin").header("cookie", cookie);
    request.form(fields).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_wrong_passwords_from_five_hundred_addresses_keep_no_known_browser_out() {
    let program = Program::sample().await;
    let base = program.base_url().to_owned();
    let Seat { secret, code, device, .. } = take_seat(&program).await;

    let attack: Vec<_> = (0..500_u32)
        .map(|attacker| {
            let base = base.clone();
            let address = IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + attacker));
            tokio::spawn(async move {
                let client = reqwest::Client::builder().local_address(address).build().unwrap();
                for n in 0..20 {
                    let password = format!("wrong password {attacker} {n}");
                    let fields = [("name", "desk"), ("password", password.as_str()), ("code", "123456")];
                    let request = client.post(format!("{base}/desk/login")).header("sec-fetch-site", "same-origin").form(&fields);
                    // Refused, told to wait, or turned away at the door: all the same to an attacker.
                    if let Ok(answer) = request.send().await {
                        assert!(!answer.status().is_success() && !answer.status().is_redirection(), "{}", answer.status());
                    }
                }
            })
        })
        .collect();
    // The code of joining is used up; the next comes with the next half minute, with the attack under way all the time.
    let started = Instant::now();
    let next = wait_for("another code", async || Some(code_of(&secret)).filter(|new| *new != code)).await;
    assert!(started.elapsed() < DEADLINE + Duration::from_secs(5));
    let asked = Instant::now();
    let fields = [("name", "desk"), ("password", PASSWORD), ("code", next.as_str())];
    let entered = post_from(IpAddr::V4(Ipv4Addr::LOCALHOST), &base, &fields, &device).await;
    let took = asked.elapsed();
    assert_eq!(entered.status(), 303, "a known browser comes in");
    assert!(took < Duration::from_secs(2), "{took:?}");
    for one in attack {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn the_door_speaks_tls_and_its_cookies_are_for_this_host_only() {
    if !needs("openssl") || !needs("chromedriver") {
        return;
    }
    let city = City::new();
    let (certificate, key) = (city.beside("board.pem"), city.beside("board-key.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let half = City::new().set("tls.certificate", certificate.display());
    let refused = half.run(["check"]).await.refused(1);
    assert!(refused.stderr.contains("tls.key"), "{}", refused.stderr);

    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let city = city
        .set("tls.certificate", certificate.display())
        .set("tls.key", key.display())
        .set("public.base_url", format!("https://localhost:{port}"));
    let program = city.serve_with(&["--listen", &format!("127.0.0.1:{port}")]).await;
    assert!(program.doors().line.contains("public https://"), "{}", program.doors().line);
    let browser = Browser::trusting_everybody(Screen::Desk).await;
    browser.with_passkeys().await;
    browser.goto(first_admin(&program).await).await.unwrap();
    browser.one("button[data-passkey=make]").await.click().await.unwrap();
    browser.sees("わたしの席").await;
    let cookies = browser.get_all_cookies().await.unwrap();
    assert!(cookies.iter().any(|cookie| cookie.name == "__Host-desk" && cookie.secure == Some(true)), "{cookies:?}");
    browser.close().await;
}

/// Types at the desk as a coordinator does who never takes the hands off the keyboard; gives how many keys that were.
async fn type_all(browser: &Browser, keys: &[&str]) -> usize {
    let mut strokes = 0;
    for &key in keys {
        browser.press(key).await;
        strokes += if matches!(key, "Enter" | "Ctrl+Enter") { 1 } else { key.chars().count() };
    }
    strokes
}

#[tokio::test]
async fn what_the_telephone_said_is_on_the_board_after_eight_keys_or_seventeen() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    browser.goto(desk_url(&program, "/desk/proxy")).await.unwrap();
    browser.one("#q").await;
    let mut strokes = type_all(&browser, &["/", "f001", "Enter"]).await;
    browser.one("form#entry input[name=facility][value=f001]").await;
    strokes += type_all(&browser, &["=", "Ctrl+Enter"]).await;
    browser.one(".receipt-number").await;
    assert_eq!(strokes, 8, "変わりなし");

    program.city().run(["incident", "open", "台風18号", "--hazard", "typhoon"]).await.ok();
    program.city().run(["rollcall", "open"]).await.ok();
    browser.goto(desk_url(&program, "/desk/proxy")).await.unwrap();
    browser.one("#q").await;
    let mut strokes = type_all(&browser, &["/", "f002", "Enter"]).await;
    browser.one("form#entry input[name=facility][value=f002]").await;
    // Somewhat impaired; on the generator for six more hours; no water; the road is cut; staff, injured, evacuation, acceptance.
    strokes += type_all(&browser, &["2", "2", "6", "Enter", "3", "3", "1", "1", "1"]).await;
    browser.sees("あと6時間").await;
    strokes += type_all(&browser, &["3", "Ctrl+Enter"]).await;
    browser.one(".receipt-number").await;
    assert_eq!(strokes, 17, "a whole first report");
    let said = program.web().get("/facilities/f002").await;
    assert!(said.text().contains("市が") && said.text().contains("代理入力"), "{}", said.text());
    browser.close().await;
}

#[tokio::test]
async fn a_coordinator_opens_a_disaster_with_three_keys_calls_the_first_and_closes_it_with_a_reason() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    browser.goto(desk_url(&program, "/desk/incidents")).await.unwrap();
    browser.sees("災害をひらく").await;
    type_all(&browser, &["1", "h"]).await;
    browser.sees("本当の災害として").await;
    assert!(program.city().list(&["incident", "list"]).await.as_array().unwrap().is_empty(), "asking opens nothing");
    type_all(&browser, &["Ctrl+Enter"]).await;
    wait_for("an open incident", async || {
        program.city().list(&["incident", "list"]).await[0]["closed_at"].is_null().then_some(())
    })
    .await;

    browser.goto(desk_url(&program, "/desk")).await.unwrap();
    browser.sees("次に電話する").await;
    let first = browser.words_of(".next .name").await;
    type_all(&browser, &["n"]).await;
    wait_for("another next call", async || {
        let name = browser.find(By::Css(".next .name")).await.ok()?.text().await.ok()?;
        (name != first).then_some(())
    })
    .await;
    type_all(&browser, &["Enter"]).await;
    browser.one("form#entry").await;
    browser.close().await;
}

/// How many entries the log of a city holds.
async fn log_length(program: &Program) -> usize {
    program.city().log(1).await.len()
}

#[tokio::test]
async fn a_record_is_changed_a_key_issued_and_its_poster_printed_from_the_keyboard() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    browser.goto(desk_url(&program, "/desk/facilities/f001/edit")).await.unwrap();
    let address = browser.one("#f-address").await;
    address.clear().await.unwrap();
    address.send_keys("大瀬戸町瀬戸 99").await.unwrap();
    type_all(&browser, &["Ctrl+Enter"]).await;
    browser.sees("大瀬戸町瀬戸 99").await;
    assert!(program.web().get("/facilities/f001").await.text().contains("大瀬戸町瀬戸 99"));
    browser.one("#label").await.send_keys("夜勤机").await.unwrap();
    browser.press("Enter").await;
    browser.one(".facilities-qr svg").await;
    let poster = browser.one("a[href$='/poster']").await.attr("href").await.unwrap().unwrap();
    let sheet = program.web().get(poster.split_once("/r/").map(|(_, rest)| format!("/r/{rest}")).unwrap().as_str()).await;
    assert!(sheet.is(200).page().has("svg.qr"));
    browser.close().await;
}

#[tokio::test]
async fn a_button_that_is_tried_records_nothing_and_counts_again_afterwards() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    let buttons = program.city().list(&["button", "list"]).await;
    let id = buttons[0]["id"].as_str().unwrap().to_owned();
    browser.goto(desk_url(&program, &format!("/desk/devices/{id}"))).await.unwrap();
    browser.one(&format!("form[action='/desk/devices/{id}/test'] button")).await.click().await.unwrap();
    browser.sees("試しています").await;
    let before = log_length(&program).await;
    program.city().run(["button", "press", &id]).await.ok();
    let tried = wait_for("the press on the page, which comes by itself", async || {
        browser.find(By::Css("ul.devices-tries li")).await.ok()?.text().await.ok()
    })
    .await;
    assert!(tried.contains("1回押す"), "{tried}");
    assert_eq!(log_length(&program).await, before, "a tried press is no report");
    browser.one(&format!("form[action='/desk/devices/{id}/test'] button")).await.click().await.unwrap();
    browser.sees("10分のあいだ試す").await;
    program.city().run(["button", "press", &id]).await.ok();
    wait_for("an entry", async || (log_length(&program).await > before).then_some(())).await;
    browser.close().await;
}

#[tokio::test]
async fn what_a_facility_sent_in_is_read_and_published_and_its_words_can_be_erased() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    let report = program.report_url("f001").await;
    let key = report.split_once("/r/").unwrap().1.to_owned();
    let fields = [("kind", "notice"), ("title", "送迎車を1台ゆずります"), ("body", "くわしくは電話で。"), ("category", "other")];
    let sent = program.web().post_form(&format!("/r/{key}/postings"), &fields).await;
    assert!(sent.status == 303 || sent.status == 200, "{}", sent.text());
    browser.goto(desk_url(&program, "/desk/postings")).await.unwrap();
    browser.sees("送迎車を1台ゆずります").await;
    browser.find(By::LinkText("送迎車を1台ゆずります")).await.unwrap().click().await.unwrap();
    browser.one("button.go[data-key='Ctrl+Enter']").await;
    type_all(&browser, &["Ctrl+Enter"]).await;
    wait_for("the notice in public", async || {
        program.web().get("/notices").await.text().contains("送迎車を1台ゆずります").then_some(())
    })
    .await;

    let entries = program.city().log(1).await;
    let seq = entries.iter().rev().find(|e| e["kind"] == "posting_drafted").unwrap()["seq"].as_u64().unwrap();
    browser.goto(desk_url(&program, &format!("/desk/log/{seq}/redact"))).await.unwrap();
    browser.one("input[name=reason]").await.click().await.unwrap();
    type_all(&browser, &["Ctrl+Enter"]).await;
    wait_for("the notice gone", async || {
        (!program.web().get("/notices").await.text().contains("送迎車を1台ゆずります")).then_some(())
    })
    .await;
    program.city().run(["log", "verify"]).await.ok();
    browser.close().await;
}

#[tokio::test]
async fn the_guide_is_written_at_the_desk_read_by_all_and_practising_records_nothing() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    browser.goto(desk_url(&program, "/desk/guide/pages/contact")).await.unwrap();
    browser.one("textarea#text").await.send_keys("\n夜は電話にしてください。").await.unwrap();
    type_all(&browser, &["Ctrl+Enter"]).await;
    wait_for("the words in public", async || {
        program.web().get("/guide/contact").await.text().contains("夜は電話にしてください").then_some(())
    })
    .await;

    let before = log_length(&program).await;
    let report = program.report_url("f001").await;
    let length = log_length(&program).await;
    browser.goto(format!("{report}?practice=1")).await.unwrap();
    browser.sees("練習").await;
    browser.one("form button:not(.sr)").await.click().await.unwrap();
    browser.sees("練習").await;
    assert_eq!(log_length(&program).await, length, "practice is no report");
    assert!(length >= before);
    browser.close().await;
}

#[tokio::test]
async fn the_council_finds_its_questions_answered_and_every_figure_as_a_table() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    browser.goto(desk_url(&program, "/desk/burden")).await.unwrap();
    browser.sees("現場の負担").await;
    assert!(browser.find_all(By::Css("main details table")).await.unwrap().len() >= 5, "each figure has its table");
    for link in browser.find_all(By::Css("main a[href$='.csv'], main a[href*='.csv?']")).await.unwrap() {
        assert!(link.attr("href").await.unwrap().unwrap().contains("/desk/burden/"));
    }
    browser.goto(desk_url(&program, "/desk/burden/questions")).await.unwrap();
    browser.sees("電話").await;
    browser.close().await;
}
