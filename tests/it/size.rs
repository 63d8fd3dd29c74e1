//! A city far larger than its sample: lists by the page, a front page that stays small, searches that answer.

use imaboard_load::city;

use crate::support::{City, Program, Web};

/// Enough that every list has many pages, few enough for a slow machine.
const FACILITIES: usize = 2_500;

async fn page(web: &Web, path: &str) -> String {
    web.get(path).await.is(200).text().to_owned()
}

#[tokio::test]
async fn a_city_of_thousands_is_read_by_the_page() {
    let city = City::real().await;
    let register = city.beside("city.csv");
    let all = city::facilities(FACILITIES, 1, &city::saikai().unwrap()).unwrap();
    std::fs::write(&register, city::csv(&all).unwrap()).unwrap();
    let imported = city.run(["register", "import", register.to_str().unwrap()]).await.ok();
    assert!(imported.stderr.contains("2500"), "{}", imported.stderr);
    let program = Program::start(city, &[]).await;
    let web = program.web();

    let front = web.get_with("/", &[("accept-encoding", "gzip")]).await;
    assert!(front.is(200).body.len() <= 14 * 1_024, "the front page has {} bytes", front.body.len());

    // Every page but the last holds as many as fit, and the last one is the last.
    let homes = page(&web, "/find?kind=home-help").await;
    assert_eq!(homes.matches("class=\"hit").count(), 50);
    assert!(homes.contains("rel=\"next\""), "more pages");
    let last = page(&web, "/find?kind=home-help&page=100000").await;
    assert!(!last.contains("rel=\"next\"") && last.contains("rel=\"prev\""), "the last page");

    // Found by kana in the other script, by the name of its district, and by its telephone number alone.
    let wanted = &all[1_234];
    let number = page(&web, &format!("/find?q={}", wanted.phone)).await;
    assert_eq!(number.matches("class=\"hit").count(), 1);
    assert!(number.contains(&format!("/facilities/{}", wanted.id)));
    let both = page(&web, "/find?q=%E5%A4%A7%E5%B3%B6+%E3%83%87%E3%82%A4").await;
    assert_eq!(both.matches("class=\"hit").count(), 50, "大島 デイ");

    // The plain text stands for the worst network: numbers by district, not megabytes of names.
    let text = page(&web, "/text").await;
    assert!(text.len() < 16 * 1_024 && text.contains("■ 大瀬戸"), "{} bytes", text.len());
    assert!(!text.contains(&wanted.name), "no facility by name");
}
