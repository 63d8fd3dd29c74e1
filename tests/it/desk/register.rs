//! The register at the desk: a file of facilities taken in and put back, two people at one record, closures, what comes out of the
//! printer, and a renewed certificate at the door.
//!
//! *Invariant:* as for the desk's other walks.

use std::path::Path;

use serde_json::json;
use thirtyfour::prelude::*;

use super::{PASSWORD, code_of, desk_url, seated, type_all};
use crate::support::{Browser, City, Program, Screen, fixture, needs, wait_for};

/// A browser in which a coordinator sits who was invited beside the first administrator.
async fn second_seat(program: &Program) -> Browser {
    let invited = program.city().run(["staff", "invite", "福祉課 2番席", "--role", "coordinator"]).await.ok();
    let browser = Browser::open(Screen::Desk).await;
    browser.with_passkeys().await;
    browser.goto(invited.stdout.trim()).await.unwrap();
    browser.one("button[data-passkey=make]").await.click().await.unwrap();
    browser.sees("わたしの席").await;
    browser
}

/// Chooses a file on the import page, and waits until its text stands in the field.
async fn choose(browser: &Browser, file: &Path, until: &str) {
    browser.one("#file").await.send_keys(file.to_str().unwrap()).await.unwrap();
    wait_for("the text of the file", async || {
        let text = browser.find(By::Css("#csv")).await.ok()?.prop("value").await.ok()??;
        text.contains(until).then_some(())
    })
    .await;
}

async fn phone_of(program: &Program, facility: &str) -> String {
    let listed = program.city().list(&["facility", "list"]).await;
    let found = listed.as_array().unwrap().iter().find(|f| f["id"] == facility).cloned().unwrap_or_default();
    found["phone"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_file_as_japanese_excel_writes_it_is_compared_taken_in_and_put_back() {
    if !needs("chromedriver") {
        return;
    }
    let program = City::small().await.serve().await;
    let browser = seated(&program, Screen::Desk).await;
    browser.goto(desk_url(&program, "/desk/facilities/import")).await.unwrap();

    // A bad line is named with its number, and the text stays.
    let bad = program.city().beside("bad.csv");
    let text = "\u{FEFF}id,施設名,地区,電話番号,サービス,定員\r\nh1,しおかぜの家,seihi,0959-00-2001,group-home,多い\r\n";
    std::fs::write(&bad, text).unwrap();
    choose(&browser, &bad, "多い").await;
    browser.one("button[name=look]").await.click().await.unwrap();
    let problem = browser.words_of(".problem li").await;
    assert!(problem.contains("2行目") && problem.contains("定員"), "line and column: {problem}");
    let kept = browser.one("#csv").await.prop("value").await.unwrap().unwrap();
    assert!(
        kept.starts_with("id,施設名") && kept.contains("多い"),
        "without the mark of its encoding, with every letter: {kept}"
    );

    choose(&browser, &fixture("register_excel_cp932.csv"), "髙﨑①号館").await;
    browser.one("button[name=look]").await.click().await.unwrap();
    browser.sees("2施設が変わります").await;
    browser.sees("髙﨑①号館").await;
    browser.sees("0959-00-2001 → 0959-00-2999").await;
    assert_eq!(phone_of(&program, "h1").await, "0959-00-2001", "looking changes nothing");

    // Another text under the old comparison is compared again, not taken in.
    browser.execute("document.getElementById('csv').value = arguments[0]", vec![json!(text.replace("多い", "8"))]).await.unwrap();
    browser.one("button[name=go]").await.click().await.unwrap();
    browser.sees("1施設が変わります").await;
    assert_eq!(phone_of(&program, "h9").await, "");

    choose(&browser, &fixture("register_excel_cp932.csv"), "髙﨑①号館").await;
    browser.one("button[name=look]").await.click().await.unwrap();
    browser.sees("2施設が変わります").await;
    type_all(&browser, &["Ctrl+Enter"]).await;
    browser.sees("2施設を取り込みました").await;
    assert_eq!(phone_of(&program, "h1").await, "0959-00-2999");
    browser.goto(desk_url(&program, "/desk/facilities?q=%E9%AB%99%EF%A8%91")).await.unwrap();
    browser.sees("髙﨑①号館").await;

    browser.back().await.unwrap();
    browser.one("form[action$='/undo'] button").await.click().await.unwrap();
    browser.sees("2施設を取り込む前にもどしました").await;
    assert_eq!(phone_of(&program, "h1").await, "0959-00-2001");
    browser.goto(desk_url(&program, "/desk/facilities")).await.unwrap();
    browser.sees("しおかぜの家").await;
    assert!(!browser.text().await.contains("髙﨑①号館"));
    browser.close().await;
}

#[tokio::test]
async fn a_register_is_pasted_and_taken_in_without_javascript() {
    if !needs("chromedriver") {
        return;
    }
    let program = City::small().await.serve().await;
    let invited = program.city().run(["staff", "invite", "福祉課 1番席", "--role", "coordinator"]).await.ok();
    let browser = Browser::without_javascript(Screen::Desk).await;
    browser.goto(invited.stdout.trim()).await.unwrap();
    let secret = browser.words_of(".account-codes .num").await;
    browser.one("#new_password").await.send_keys(PASSWORD).await.unwrap();
    browser.press("Tab").await;
    browser.press(&code_of(&secret)).await;
    browser.press("Enter").await;
    browser.sees("回復コード").await;
    browser.goto(desk_url(&program, "/desk/facilities/import")).await.unwrap();
    assert!(!browser.one("#file").await.is_displayed().await.unwrap(), "a field that would send nothing is not there");
    let line = "id,施設名,地区,電話番号,サービス,定員\nh9,はまの家,oseto,0959-00-2009,group-home,9";
    browser.one("#csv").await.send_keys(line).await.unwrap();
    browser.one("button[name=look]").await.click().await.unwrap();
    browser.sees("1施設が変わります").await;
    browser.one("button[name=go]").await.click().await.unwrap();
    browser.sees("1施設を取り込みました").await;
    assert_eq!(phone_of(&program, "h9").await, "0959-00-2009");
    browser.close().await;
}

#[tokio::test]
async fn the_second_of_two_people_at_one_record_sees_both_versions_and_decides() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let (first, second) = (seated(&program, Screen::Desk).await, second_seat(&program).await);
    for browser in [&first, &second] {
        browser.goto(desk_url(&program, "/desk/facilities/f001/edit")).await.unwrap();
    }
    for (browser, address) in [(&first, "西彼町 一番"), (&second, "西彼町 二番")] {
        let field = browser.one("#f-address").await;
        field.clear().await.unwrap();
        field.send_keys(address).await.unwrap();
        type_all(browser, &["Ctrl+Enter"]).await;
        browser.sees(address).await;
    }
    second.sees("ほかの席が先になおしました").await;
    let row = second.words_of(".problem tbody tr").await;
    assert!(row.contains("西彼町 一番") && row.contains("西彼町 二番"), "{row}");
    assert_eq!(second.one("#f-address").await.prop("value").await.unwrap().unwrap(), "西彼町 二番");
    assert!(program.web().get("/facilities/f001").await.text().contains("西彼町 一番"), "nothing is written yet");
    second.one("button.go").await.click().await.unwrap();
    second.sees("記録しました").await;
    assert!(program.web().get("/facilities/f001").await.text().contains("西彼町 二番"));
    first.close().await;
    second.close().await;
}

#[tokio::test]
async fn a_closure_says_what_for_in_public_and_is_taken_back() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    assert!(program.web().get("/facilities/f040").await.text().contains("改修・工事"), "the sample's closure");
    browser.goto(desk_url(&program, "/desk/facilities/f001/edit")).await.unwrap();
    // A first day without a last: said at the field, and everything typed stays.
    let set = "const day = (id, to) => { document.getElementById(id).value = to; }; day('c-0-from', arguments[0]); day('c-0-until', arguments[1])";
    browser.execute(set, vec![json!("2026-12-29"), json!("")]).await.unwrap();
    browser.find(By::Css("#c-0-reason option[value=infection]")).await.unwrap().click().await.unwrap();
    type_all(&browser, &["Ctrl+Enter"]).await;
    browser.sees("両方を入れてください").await;
    assert_eq!(browser.one("#c-0-until").await.attr("aria-invalid").await.unwrap().as_deref(), Some("true"));
    assert_eq!(browser.one("#c-0-reason").await.prop("value").await.unwrap().as_deref(), Some("infection"));
    browser.execute(set, vec![json!("2099-12-29"), json!("2100-01-03")]).await.unwrap();
    type_all(&browser, &["Ctrl+Enter"]).await;
    browser.sees("記録しました").await;
    browser.sees("感染対応").await;
    assert!(program.web().get("/facilities/f001").await.text().contains("感染対応"));
    browser.one("a[href*='/reopen?']").await.click().await.unwrap();
    browser.sees("おくれている").await;
    type_all(&browser, &["Ctrl+Enter"]).await;
    browser.sees("予定はありません").await;
    assert!(!program.web().get("/facilities/f001").await.text().contains("感染対応"));
    browser.close().await;
}

/// How many pages the printer gets, and how large they are, in points.
async fn printed(browser: &Browser) -> (usize, Vec<(u32, u32)>) {
    // A window that is told its size prints in it.
    browser.cdp().send_raw("Emulation.clearDeviceMetricsOverride", json!({})).await.unwrap();
    let settings = json!({ "preferCSSPageSize": true, "printBackground": true });
    let answer = browser.cdp().send_raw("Page.printToPDF", settings).await.unwrap();
    let pdf = data_encoding::BASE64.decode(answer["data"].as_str().unwrap().as_bytes()).unwrap();
    let text = String::from_utf8_lossy(&pdf).into_owned();
    let boxes: Vec<(u32, u32)> = text
        .split("/MediaBox [")
        .skip(1)
        .filter_map(|rest| {
            let numbers: Vec<f64> = rest.split(']').next()?.split_whitespace().filter_map(|n| n.parse().ok()).collect();
            let [_, _, width, height] = numbers[..] else { return None };
            // Whole points, as printers count.
            Some((format!("{width:.0}").parse().ok()?, format!("{height:.0}").parse().ok()?))
        })
        .collect();
    (boxes.len(), boxes)
}

#[tokio::test]
async fn each_poster_and_report_sheet_is_one_page_of_its_paper() {
    const A4: (u32, u32) = (595, 842);
    const A5: (u32, u32) = (420, 595);
    let near = |got: (u32, u32), paper: (u32, u32)| got.0.abs_diff(paper.0) <= 1 && got.1.abs_diff(paper.1) <= 1;
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    for f in ["f001", "f002"] {
        program.report_url(f).await;
    }
    browser.goto(desk_url(&program, "/desk/posters?size=a4")).await.unwrap();
    let sheets = browser.find_all(By::Css(".sheet")).await.unwrap().len();
    assert!(sheets > 1, "a bulk print");
    let overfull = "return [...document.querySelectorAll('.sheet')].filter(s => s.scrollHeight > s.clientHeight + 1 || s.scrollWidth > s.clientWidth + 1)
        .map(s => s.querySelector('.fac, h2').textContent)";
    for (path, count, paper) in [
        ("/desk/posters?size=a4", Some(sheets), A4),
        ("/desk/posters?size=a5", Some(sheets), A5),
        ("/desk/sheets/f001?order=incident", Some(1), A4),
        ("/desk/sheets/f001?order=peace", Some(1), A4),
        ("/desk/sheets?district=seihi", None, A4),
    ] {
        browser.goto(desk_url(&program, path)).await.unwrap();
        let count = match count {
            Some(count) => count,
            None => browser.find_all(By::Css(".sheet")).await.unwrap().len(),
        };
        let (pages, sizes) = printed(&browser).await;
        assert_eq!(pages, count, "{path}: a page each");
        assert!(sizes.iter().all(|&size| near(size, paper)), "{path}: {sizes:?}");
        let cut = browser.execute(overfull, vec![]).await.unwrap();
        assert_eq!(cut.json(), &json!([]), "{path}: cut off");
    }
    let report = program.report_url("f001").await;
    browser.goto(format!("{report}/poster")).await.unwrap();
    let (pages, sizes) = printed(&browser).await;
    assert!(pages == 1 && near(sizes[0], A4), "{sizes:?}");
    browser.close().await;
}

/// Makes a certificate for localhost with a name of its own.
fn certificate(name: &str, certificate: &Path, key: &Path) {
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"])
        .args(["-subj", &format!("/CN={name}"), "-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// The name in the certificate that the door shows.
fn shown_at(address: &str) -> String {
    let asked = std::process::Command::new("openssl")
        .args(["s_client", "-connect", address, "-servername", "localhost"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&asked.stdout).into_owned();
    let subject = said.lines().find(|line| line.starts_with("subject=")).unwrap_or_default();
    subject.rsplit('=').next().unwrap_or_default().trim().to_owned()
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_at_the_open_door_and_a_broken_one_is_not() {
    if !needs("openssl") {
        return;
    }
    let city = City::new();
    let (file, key) = (city.beside("board.pem"), city.beside("board-key.pem"));
    certificate("first", &file, &key);
    let program = city.set("tls.certificate", file.display()).set("tls.key", key.display()).serve().await;
    let address = program.base_url().split("://").nth(1).unwrap().to_owned();
    assert_eq!(shown_at(&address), "first");

    certificate("second", &file, &key);
    wait_for("the renewed certificate", async || (shown_at(&address) == "second").then_some(())).await;

    std::fs::write(&file, "no certificate").unwrap();
    wait_for("a word about the broken file", async || {
        let said = program.said();
        (said.contains("is not taken") && said.contains("board.pem")).then_some(())
    })
    .await;
    assert_eq!(shown_at(&address), "second", "the one before goes on");
}
