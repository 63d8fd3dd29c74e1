//! What only a browser can tell: that pages fit a telephone and a wall, and load nothing they may not.
//!
//! *Invariant:* no page reports an error of its own to the browser's console.

use serde_json::Value;

use crate::support::{Browser, Program, Screen, needs};

/// Whether the page is wider than its window.
async fn overflows(browser: &Browser) -> bool {
    let script = "return document.scrollingElement.scrollWidth > window.innerWidth";
    browser.execute(script, vec![]).await.unwrap().json() == &Value::Bool(true)
}

#[tokio::test]
async fn no_public_page_is_wider_than_a_small_telephone() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let phone = Browser::open(Screen::Phone).await;
    let mut wide = Vec::new();
    let places = ["/", "/find", "/facilities/f001", "/facilities/f007", "/notices", "/jobs", "/about", "/charts/free"];
    for path in places.into_iter().chain(["/rule", "/guide/contact", "/guide/glossary"]) {
        phone.goto(format!("{}{path}", program.base_url())).await.unwrap();
        phone.sees("見本").await;
        if overflows(&phone).await {
            wide.push(path);
        }
    }
    assert!(wide.is_empty(), "wider than 360 px: {wide:?}");
    phone.close().await;
}

#[tokio::test]
async fn the_report_page_of_every_grid_fits_a_small_telephone_with_keys_for_thumbs() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let phone = Browser::without_javascript(Screen::Phone).await;
    for facility in ["f001", "f003", "f004", "f005", "f007", "f010", "f013"] {
        phone.goto(program.report_url(facility).await).await.unwrap();
        phone.sees("見本").await;
        let (mut width, mut small) = (0.0_f64, Vec::new());
        for key in phone.find_all(thirtyfour::By::Css("main label.opt, main button:not(.sr)")).await.unwrap() {
            if !key.is_displayed().await.unwrap() {
                continue;
            }
            let rect = key.rect().await.unwrap();
            width = width.max(rect.x + rect.width);
            if rect.height < 48.0 {
                small.push((key.text().await.unwrap(), rect.height));
            }
        }
        assert!(width <= 360.0, "{facility}: a key ends at {width} px");
        assert!(small.is_empty(), "{facility}: keys lower than 48 px: {small:?}");
    }
    phone.close().await;
}

#[tokio::test]
async fn the_sample_wall_fills_its_screen_and_hides_nothing() {
    if !needs("chromedriver") {
        return;
    }
    let program = Program::sample().await;
    let wall = Browser::open(Screen::Wall).await;
    wall.goto(format!("{}/wall/cityhall", program.base_url())).await.unwrap();
    wall.sees("見本").await;
    let script = "const d = document.scrollingElement; return [d.scrollWidth, d.scrollHeight, innerWidth, innerHeight]";
    let size = wall.execute(script, vec![]).await.unwrap().json().clone();
    assert!(size[0].as_u64() <= size[2].as_u64() && size[1].as_u64() <= size[3].as_u64(), "the wall scrolls: {size}");
    // 51 px at 1080 lines: readable from five metres.
    let script = "return Math.max(...[...document.querySelectorAll('#pages th.kind, #pages .name')]\
                  .filter(e => e.offsetParent).map(e => parseFloat(getComputedStyle(e).fontSize)))";
    let largest = wall.execute(script, vec![]).await.unwrap().json().as_f64().unwrap_or_default();
    assert!(largest >= 51.0, "the largest primary text has {largest} px");
    wall.close().await;
}
