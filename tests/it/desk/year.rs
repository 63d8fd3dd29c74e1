//! The desk through a year: a disaster closed and read afterwards, a posting returned, a support visit, an exercise in peace.
//!
//! *Invariant:* as for the desk's other walks.

use thirtyfour::prelude::*;

use super::{desk_url, seated, type_all};
use crate::support::{Browser, Program, Screen, needs, wait_for};

/// Presses what a finger would.
async fn tap(browser: &Browser, css: &str) {
    let element = browser.one(css).await;
    element.scroll_into_view().await.unwrap();
    element.click().await.unwrap();
}

/// Writes into a field.
async fn write(browser: &Browser, css: &str, text: &str) {
    browser.one(css).await.send_keys(text).await.unwrap();
}

/// Asserts that nothing keeps people from using the page, on a desk and on a small telephone.
async fn open_to_all(browser: &Browser) {
    let place = browser.current_url().await.unwrap();
    for (width, height, mobile) in [(360, 740, true), (1_366, 768, false)] {
        let metrics = serde_json::json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        browser.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
        assert!(!browser.overflows().await, "{place} is wider than {width} px");
        let barriers = browser.barriers().await;
        assert!(barriers.is_empty(), "{place} at {width} px: {barriers:#?}");
    }
}

/// How many sheets of paper a page takes.
async fn sheets(browser: &Browser) -> usize {
    let wish = serde_json::json!({ "preferCSSPageSize": true, "printBackground": true });
    let printed = browser.cdp().send_raw("Page.printToPDF", wish).await.unwrap();
    let pdf = data_encoding::BASE64.decode(printed["data"].as_str().unwrap().as_bytes()).unwrap();
    let pdf = String::from_utf8_lossy(&pdf).into_owned();
    pdf.matches("/Type /Page").count() - pdf.matches("/Type /Pages").count()
}

/// A file that only somebody with a seat may read.
async fn file(browser: &Browser, path: &str) -> String {
    let script = "const [path, done] = arguments; fetch(path).then(answer => answer.text()).then(done, done)";
    let read = browser.execute_async(script, vec![path.into()]).await.unwrap();
    read.json().as_str().unwrap().to_owned()
}

/// The part below `/desk` of where the browser is.
async fn place(browser: &Browser) -> String {
    browser.current_url().await.unwrap().path().to_owned()
}

#[tokio::test]
async fn a_disaster_is_opened_told_answered_closed_with_its_reason_and_read_afterwards() {
    if !needs("chromedriver") || !needs("npm") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    browser.goto(desk_url(&program, "/desk/incidents")).await.unwrap();
    // Two taps and a confirmation.
    for choice in ["typhoon", "real"] {
        tap(&browser, &format!("label.o:has(input[value={choice}])")).await;
    }
    browser.sees("本当の災害として").await;
    assert!(program.list(&["incident", "list"]).await.as_array().unwrap().is_empty(), "taps open nothing");
    tap(&browser, "#sure form button.go").await;
    browser.sees("新しい経過を書く").await;
    let incident = place(&browser).await;

    write(&browser, "textarea#text", "担当 090-1234-5678 まで").await;
    tap(&browser, "form.inc-update button.go").await;
    browser.sees("個人の情報").await;
    let text = browser.one("textarea#text[aria-invalid=true]").await;
    assert_eq!(text.prop("value").await.unwrap().unwrap(), "担当 090-1234-5678 まで", "what was typed is given back");
    open_to_all(&browser).await;
    browser.one("textarea#text").await.clear().await.unwrap();
    write(&browser, "textarea#text", "大瀬戸の水道は使えます。").await;
    tap(&browser, "form.inc-update button.go").await;
    wait_for("the update in the timeline", async || {
        let told = browser.find(By::Css("ol.inc-told")).await.ok()?.text().await.ok()?;
        told.contains("大瀬戸の水道は使えます。").then_some(())
    })
    .await;

    let web = program.web();
    for (facility, word) in [("f001", "safe"), ("f002", "impaired"), ("f003", "safe")] {
        let url = program.report_url(facility).await;
        web.post_form(&format!("{url}/reports"), &[("face", "damage"), ("first_report", word)]).await.is(303);
    }
    browser.refresh().await.unwrap();
    browser.sees("3").await;
    open_to_all(&browser).await;
    tap(&browser, "a[href$='/close'][href*='/rollcalls/']").await;
    browser.sees("点呼").await;
    open_to_all(&browser).await;
    tap(&browser, "main form button.go").await;
    browser.sees("しめました").await;

    tap(&browser, &format!("a[href='{incident}/close']")).await;
    browser.sees("終わったと言える理由").await;
    open_to_all(&browser).await;
    write(&browser, "textarea#why", "警報が解除され、無事を確かめた。").await;
    tap(&browser, "main form button.go").await;
    browser.sees("警報が解除され、無事を確かめた。").await;
    assert_eq!(place(&browser).await, incident);
    let public = web.get(&format!("/incidents/{}", incident.rsplit('/').next().unwrap())).await;
    assert!(public.text().contains("警報が解除され、無事を確かめた。"), "everybody reads why it ended");

    browser.goto(desk_url(&program, &format!("{incident}/report"))).await.unwrap();
    for told in ["50％まで", "80％まで", "95％まで", "経路ごと", "地区ごと", "最後まで返事のない施設"]
    {
        browser.sees(told).await;
    }
    assert!(!browser.find_all(By::Css(".inc-plot svg")).await.unwrap().is_empty(), "the curve is drawn");
    open_to_all(&browser).await;
    assert!((1..=5).contains(&sheets(&browser).await), "it prints on a few sheets");
    let csv = file(&browser, &format!("{incident}/report.csv")).await;
    assert!(csv.contains("QR") && csv.lines().count() > 10, "{csv}");

    browser.goto(desk_url(&program, "/desk/incidents")).await.unwrap();
    write(&browser, ".inc-find input", "台風").await;
    browser.press("Enter").await;
    browser.one(&format!("#past tbody a[href='{incident}']")).await;
    open_to_all(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn an_exercise_in_peace_is_named_on_every_page_of_the_desk_and_the_band_leads_to_its_end() {
    if !needs("chromedriver") || !needs("npm") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    program.run(["incident", "open", "秋の点呼訓練", "--hazard", "earthquake", "--exercise"]).await.ok();
    browser.goto(desk_url(&program, "/desk/guide")).await.unwrap();
    browser.sees("本当の災害はありません").await;
    assert!(!browser.text().await.contains("災害も点呼もありません"));
    open_to_all(&browser).await;
    tap(&browser, ".drill a:last-of-type").await;
    browser.sees("新しい経過を書く").await;
    tap(&browser, "a[href$='/close']").await;
    write(&browser, "textarea#why", "予定の電話をすべて終えた。").await;
    tap(&browser, "main form button.go").await;
    browser.sees("災害も点呼もありません").await;
    browser.close().await;
}

#[tokio::test]
async fn a_posting_goes_back_with_a_reason_is_put_right_by_its_facility_and_shows_in_public() {
    if !needs("chromedriver") || !needs("npm") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    let report = program.report_url("f001").await;
    browser.goto(&report).await.unwrap();
    tap(&browser, "nav.aside a[href$='/postings']").await;
    write(&browser, "#f-title-notice, input[name=title]", "バザーをします").await;
    write(&browser, "textarea[name=body]", "どなたでもどうぞ。").await;
    tap(&browser, "details[open] form button.send").await;
    browser.sees("市が 見てから ボードに 出します").await;

    browser.goto(desk_url(&program, "/desk/postings")).await.unwrap();
    browser.find(By::LinkText("バザーをします")).await.unwrap().click().await.unwrap();
    tap(&browser, "form[action$='/return'] button").await;
    browser.one("#reason-text[aria-invalid=true]").await;
    open_to_all(&browser).await;
    write(&browser, "#reason-text", "日にちと場所を書いてください。").await;
    tap(&browser, "form[action$='/return'] button").await;
    browser.sees("日にちと場所を書いてください。").await;
    assert!(!program.web().get("/notices").await.text().contains("バザーをします"));

    browser.goto(&report).await.unwrap();
    browser.sees("日にちと場所を書いてください。").await;
    tap(&browser, ".came-back a.second").await;
    browser.sees("日にちと場所を書いてください。").await;
    open_to_all(&browser).await;
    write(&browser, "textarea[name=body]", "12月1日、食堂で。").await;
    tap(&browser, "details[open] form button.send").await;
    browser.sees("市が 見てから ボードに 出します").await;

    browser.goto(desk_url(&program, "/desk/postings")).await.unwrap();
    browser.find(By::LinkText("バザーをします")).await.unwrap().click().await.unwrap();
    browser.sees("12月1日、食堂で。").await;
    tap(&browser, "form[action$='/publish'] button.go").await;
    browser.sees("公開しました").await;
    let notices = program.web().get("/notices").await.text().to_owned();
    assert!(notices.contains("バザーをします"), "{notices}");

    // Who says that hands are missing finds a job form at once, and so does the desk.
    browser.goto(&report).await.unwrap();
    tap(&browser, "details:has(#f-staff) > summary, details:has([name=staff]) > summary").await;
    tap(&browser, "label.opt:has(input[name=staff][value=short])").await;
    tap(&browser, "#change .sendbar button.send").await;
    browser.sees("職員が 足りないとき").await;
    tap(&browser, "a[href$='/postings?kind=job']").await;
    let title = browser.one("details[open] input[name=title]").await.prop("value").await.unwrap();
    assert!(title.is_some_and(|title| title.contains("募集")), "the job form is filled in as far as it can be");
    open_to_all(&browser).await;
    browser.goto(desk_url(&program, "/desk/postings")).await.unwrap();
    tap(&browser, ".post-short a[href*='kind=job&facility=f001']").await;
    browser.sees("求人を書く").await;
    browser.close().await;
}

#[tokio::test]
async fn a_facility_asks_for_a_visit_and_the_desk_writes_when_and_how_it_ended() {
    if !needs("chromedriver") || !needs("npm") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    browser.goto(program.report_url("f001").await).await.unwrap();
    tap(&browser, "nav.aside a[href$='/support']").await;
    open_to_all(&browser).await;
    write(&browser, "#note", "FAXの送りかた").await;
    tap(&browser, ".sendbar button.send").await;
    browser.sees("たのみました").await;

    browser.goto(desk_url(&program, "/desk/guide")).await.unwrap();
    browser.sees("待っている施設 1").await;
    browser.goto(desk_url(&program, "/desk/guide/support")).await.unwrap();
    browser.sees("FAXの送りかた").await;
    open_to_all(&browser).await;
    tap(&browser, "main table tbody th a").await;
    tap(&browser, "form.card button.go").await;
    browser.sees("結果を1つ選んで").await;
    open_to_all(&browser).await;
    tap(&browser, "label.guide-choice:has(input[value=settled])").await;
    write(&browser, "#note", "一人で送れた").await;
    type_all(&browser, &["Ctrl+Enter"]).await;
    browser.sees("一人で送れた").await;
    browser.one("div.done[role=status]").await;
    browser.goto(desk_url(&program, "/desk/guide/support?list=done")).await.unwrap();
    browser.sees("できるようになった").await;
    browser.close().await;
}

#[tokio::test]
async fn a_new_facility_practises_the_page_of_a_disaster_and_nothing_of_it_is_recorded() {
    if !needs("chromedriver") || !needs("npm") {
        return;
    }
    let program = Program::sample().await;
    let browser = Browser::open(Screen::Phone).await;
    let report = program.report_url("f001").await;
    let before = program.log(1).await.len();
    browser.goto(format!("{report}?practice=1")).await.unwrap();
    browser.sees("5分の れんしゅう").await;
    open_to_all(&browser).await;
    browser.goto(&report).await.unwrap();
    tap(&browser, "nav.aside a[href$='?practice=damage']").await;
    browser.sees("本当の 災害では ありません。").await;
    assert!(browser.title().await.unwrap().starts_with("【練習】"));
    open_to_all(&browser).await;
    tap(&browser, "button.fr.safe").await;
    browser.sees("練習なので、何も 記録していません。").await;
    browser.one(".practice").await;
    open_to_all(&browser).await;
    tap(&browser, "form a.second").await;
    browser.sees("いま どうですか？").await;
    tap(&browser, "label.opt:has(input[name=power][value=none])").await;
    tap(&browser, "#change .sendbar button.send").await;
    browser.sees("本当なら こう 記録します").await;
    tap(&browser, "button.undo").await;
    browser.sees("取り消しました").await;
    tap(&browser, ".practice a").await;
    browser.one("form#same").await;
    assert!(!browser.text().await.contains("練習"), "the real page again");
    assert_eq!(program.log(1).await.len(), before, "practice is no entry");
    browser.close().await;
}

#[tokio::test]
async fn a_seat_with_a_passkey_is_told_that_it_has_no_recovery_codes_and_prints_ten() {
    if !needs("chromedriver") || !needs("npm") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    browser.sees("パスキーや電話をなくすと入れなくなります").await;
    open_to_all(&browser).await;
    tap(&browser, "form[action='/desk/account/codes'] button").await;
    browser.sees("いま印刷してください").await;
    let codes = browser.find_all(By::Css("ol.account-list li")).await.unwrap();
    assert_eq!(codes.len(), 10);
    let code = codes[4].text().await.unwrap();
    open_to_all(&browser).await;
    assert_eq!(sheets(&browser).await, 1);
    browser.goto(desk_url(&program, "/desk/account")).await.unwrap();
    browser.sees("あと10個あります").await;
    assert!(!browser.text().await.contains(&code), "they are shown once");

    // The code stands for the passkey that was lost.
    tap(&browser, "form[action='/desk/account/logout'] button").await;
    write(&browser, "#name", "最初の管理者").await;
    write(&browser, "#code", &code).await;
    tap(&browser, "form[action='/desk/login'] button").await;
    browser.sees("次に電話する").await;
    browser.goto(desk_url(&program, "/desk/account")).await.unwrap();
    browser.sees("あと9個あります").await;
    browser.close().await;
}

#[tokio::test]
async fn what_is_made_for_one_sheet_of_paper_takes_one() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let browser = seated(&program, Screen::Desk).await;
    for path in ["/desk/guide/rule", "/rule", "/desk/burden/sheet", "/desk/sheets/f001"] {
        browser.goto(desk_url(&program, path)).await.unwrap();
        browser.sees("見本").await;
        assert_eq!(sheets(&browser).await, 1, "{path}");
    }
    browser.close().await;
}
