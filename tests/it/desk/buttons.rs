//! Buttons and keys at the desk, as a person joins, tries and revokes them in a browser.
//!
//! *Invariant:* as for the desk's other walks.

use std::time::Duration;

use thirtyfour::prelude::*;

use super::{desk_url, seated};
use crate::support::{Browser, Device, Program, Screen, needs, wait_for};

/// How many reports by buttons the log holds.
async fn presses(program: &Program) -> usize {
    program.city().log(1).await.iter().filter(|e| e["channel"] == "button").count()
}

/// A gateway of Zigbee buttons at the embedded broker.
async fn gateway(program: &Program) -> Device {
    let credential = program.city().run(["button", "credential", "--gateway", "zigbee2mqtt", "--json"]).await.json();
    let text = |name: &str| credential[name].as_str().unwrap().to_owned();
    Device::connect(program.mqtt_url(), &text("mqtt_user"), &text("mqtt_password"), "bridge").await
}

async fn click(browser: &Browser, css: &str) {
    browser.one(css).await.click().await.unwrap();
}

#[tokio::test]
async fn a_button_nobody_knew_is_pressed_found_and_joined_in_three_taps_and_its_press_is_on_the_board() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    let bridge = gateway(&program).await;
    browser.goto(desk_url(&program, "/desk/devices/new")).await.unwrap();
    browser.sees("まだ何も聞こえません").await;
    bridge.publish("zigbee2mqtt/door-9", r#"{"action":"single","battery":81}"#).await;
    wait_for("the press at the desk, which comes by itself", async || browser.find(By::Css("ul.devices-heard a")).await.ok())
        .await;
    assert!(browser.text().await.contains("door-9"));
    assert!(!browser.overflows().await);

    // The page settles before it takes a tap; a second device comes without taking the focus from the first.
    browser.execute("document.querySelector('ul.devices-heard a').focus()", vec![]).await.unwrap();
    bridge.publish("zigbee2mqtt/window", r#"{"action":"double"}"#).await;
    wait_for("the second press", async || (browser.find_all(By::Css("ul.devices-heard a")).await.ok()?.len() == 2).then_some(()))
        .await;
    let focused = browser.active_element().await.unwrap().text().await.unwrap();
    assert!(focused.contains("door-9"), "{focused}");
    assert!(browser.barriers().await.is_empty());
    tokio::time::sleep(Duration::from_millis(700)).await;

    // First tap: the device. Second: the facility. Third: what it will do, said before it is done.
    click(&browser, "ul.devices-heard a[href*='door-9']").await;
    browser.sees("どの施設のボタンですか").await;
    assert!(browser.barriers().await.is_empty());
    browser.one("#q").await.send_keys("はまゆう").await.unwrap();
    click(&browser, "form[role=search] button").await;
    click(&browser, "ul.devices-whose a[href*='facility=f001']").await;
    browser.sees("押すとどうなるか").await;
    let said = browser.words_of("dl.facts").await;
    assert!(said.contains("f001") && said.contains("door-9"), "{said}");
    let set = browser.find_all(By::Css(".devices-gestures option:checked")).await.unwrap();
    let single = set[0].text().await.unwrap();
    assert_eq!(set.len(), 3, "each gesture says what it sets: {single}");
    assert!(browser.barriers().await.is_empty());
    let before = presses(&program).await;
    click(&browser, "form[action='/desk/devices'] button.go").await;
    browser.sees("つなぎました").await;
    assert!(browser.barriers().await.is_empty());
    assert!(browser.text().await.contains(&format!("→ {single}")) && browser.text().await.contains("81%"));
    assert!(!browser.text().await.contains("パスワード"), "a Zigbee button has none");

    // Its lamp listens at the gateway.
    click(&browser, "details:has(#light) summary").await;
    let light = browser.one("#light").await;
    light.send_keys("lamps/+").await.unwrap();
    click(&browser, "form:has(#light) .acts button").await;
    browser.one("#light[aria-invalid=true]").await;
    browser.sees("宛先を一つだけ").await;
    let light = browser.one("#light").await;
    light.clear().await.unwrap();
    light.send_keys("lamps/door-9").await.unwrap();
    click(&browser, "form:has(#light) .acts button").await;
    browser.sees("変えました").await;

    bridge.subscribe("lamps/door-9").await;
    bridge.publish("zigbee2mqtt/door-9", r#"{"action":"single","battery":80}"#).await;
    wait_for("the press on the board", async || (presses(&program).await > before).then_some(())).await;
    assert_eq!(bridge.hears("lamps/door-9", |_| true).await.json()["value"], "full");
    browser.goto(format!("{}/facilities/f001", program.base_url())).await.unwrap();
    wait_for("the value in public", async || {
        browser.refresh().await.ok()?;
        browser.text().await.contains("ボタン").then_some(())
    })
    .await;
    assert_eq!(presses(&program).await, before + 1, "the press by which it was found is no report");
    browser.close().await;
}

#[tokio::test]
async fn a_new_password_is_asked_for_shown_once_and_the_old_one_opens_nothing_any_more() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    let old = program.city().run(["button", "credential", "f003-b1", "--json"]).await.json();
    let old = old["mqtt_password"].as_str().unwrap().to_owned();
    browser.goto(desk_url(&program, "/desk/devices/f003-b1")).await.unwrap();
    browser.sees("一度だけ").await;
    assert!(!browser.text().await.contains(&old));
    click(&browser, "a[href='/desk/devices/f003-b1/password']").await;
    browser.sees("元にはもどせません").await;
    click(&browser, "form[action='/desk/devices/f003-b1/password'] button").await;
    browser.sees("いま、機器に入れてください").await;
    assert!(browser.barriers().await.is_empty() && !browser.overflows().await);
    let said = browser.find_all(By::Css("dd.num")).await.unwrap();
    let (user, new) = (said[0].text().await.unwrap(), said[1].text().await.unwrap());
    assert_ne!(new, old);
    click(&browser, "a.btn.go").await;
    browser.sees("一度だけ").await;
    assert!(!browser.text().await.contains(&new), "it is gone");
    assert!(Device::try_connect(program.mqtt_url(), &user, &old, "sample-b1").await.is_err());
    Device::connect(program.mqtt_url(), &user, &new, "sample-b1").await.press("single", 1).await;
    browser.close().await;
}

#[tokio::test]
async fn a_key_is_used_rotated_and_revoked_and_what_it_reported_is_taken_back() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    browser.goto(desk_url(&program, "/desk/facilities/f001")).await.unwrap();
    browser.one("#label").await.send_keys("090-1234-5678").await.unwrap();
    browser.press("Enter").await;
    browser.one("#label[aria-invalid=true]").await;
    browser.sees("人がわかることは書けません").await;
    let label = browser.one("#label").await;
    assert_eq!(label.prop("value").await.unwrap().unwrap(), "090-1234-5678");
    label.clear().await.unwrap();
    label.send_keys("夜勤机").await.unwrap();
    browser.press("Enter").await;
    browser.sees("まだ使われていません").await;
    let page = browser.current_url().await.unwrap();

    // Somebody reports by this key.
    let report = browser.one("p a[href*='/r/']").await.attr("href").await.unwrap().unwrap();
    let path = report.split_once("/r/").map(|(_, rest)| format!("/r/{rest}")).unwrap();
    let reports = async || program.city().log(1).await.iter().filter(|e| e["kind"] == "report").count();
    let before = reports().await;
    browser.goto(&report).await.unwrap();
    click(&browser, "button[name=confirm]").await;
    wait_for("the report", async || (reports().await > before).then_some(())).await;
    browser.goto(page.as_str()).await.unwrap();
    wait_for("the last use of the key", async || {
        browser.refresh().await.ok()?;
        (!browser.text().await.contains("まだ使われていません")).then_some(())
    })
    .await;

    click(&browser, "a[href$='/rotate']").await;
    browser.sees("元にはもどせません").await;
    click(&browser, "button.danger").await;
    browser.sees("新しいカギにかえました").await;
    assert!(browser.barriers().await.is_empty() && !browser.overflows().await);
    assert_ne!(browser.current_url().await.unwrap(), page, "the page of the new key");
    assert!(program.web().get(&path).await.status >= 400, "the old address reports no more");
    click(&browser, "a[href$='/revoke']").await;
    browser.sees("これまでの報告は残ります").await;
    click(&browser, "button.danger").await;
    browser.sees("残っている報告はありません").await;

    // What the first key reported is found from the facility, and taken back.
    browser.goto(desk_url(&program, "/desk/facilities/f001")).await.unwrap();
    click(&browser, "#keys details summary").await;
    browser.sees("取り消したカギ（2）").await;
    let old = page.path().rsplit('/').next().unwrap().to_owned();
    click(&browser, &format!("#keys details a[href$='/{old}']")).await;
    browser.one("input[name=report]").await;
    click(&browser, "button.danger").await;
    browser.sees("一つは選んでください").await;
    assert!(browser.barriers().await.is_empty() && !browser.overflows().await);
    click(&browser, "input[name=report]").await;
    click(&browser, "button.danger").await;
    browser.sees("1件の報告を取り消しました").await;
    let entries = program.city().log(1).await;
    assert_eq!(entries.last().unwrap()["kind"], "corrected");
    browser.close().await;
}
