#![expect(clippy::unwrap_used, reason = "tests")]

use super::super::tests::{City, home};
use super::*;

/// The fields of an open form, as a browser would send them.
async fn form_of(city: &City, path: &str) -> Vec<(String, String)> {
    let page = city.get(path).await;
    assert_eq!(page.status, StatusCode::OK);
    let form = "form.facilities-edit";
    let mut fields = Vec::new();
    for selector in ["input[type=hidden]", "input[type=text]", "input[type=tel]", "input[type=url]", "input[type=date]"] {
        let names = page.values(&format!("{form} {selector}"), "name");
        fields.extend(names.into_iter().zip(page.values(&format!("{form} {selector}"), "value")));
    }
    for name in page.values(&format!("{form} select"), "name") {
        let chosen = page.values(&format!("{form} select[name='{name}'] option[selected]"), "value");
        fields.extend(chosen.into_iter().map(|value| (name.clone(), value)));
    }
    fields
}

fn with<'a>(fields: &'a [(String, String)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let kept = fields.iter().filter(|(n, _)| n != name).map(|(n, v)| (n.as_str(), v.as_str()));
    kept.chain([(name, value)]).collect()
}

#[tokio::test]
async fn the_list_finds_by_name_and_pages_and_says_when_nothing_fits() {
    let city = City::open().await;
    for n in 0..60 {
        city.control(Facts::FacilityRegistered(Box::new(home(&format!("g{n:03}"), &format!("みどり{n}"))))).await;
    }
    let all = city.get("/desk/facilities").await;
    assert_eq!(all.texts("tbody tr").len(), PER_PAGE);
    assert!(!all.body.contains("desk.facilities."), "a word is missing");
    assert_eq!(city.get("/desk/facilities?page=2").await.texts("tbody tr").len(), 12);
    assert_eq!(city.get("/desk/facilities?q=%E8%A5%BF%E6%B5%B7").await.texts("tbody th a"), ["西海ホーム"]);
    assert!(city.get("/desk/facilities?q=zzz").await.texts("tbody tr").is_empty());
}

#[tokio::test]
async fn the_second_of_two_people_sees_both_versions_and_loses_nothing() {
    let city = City::open().await;
    let (mine, theirs) = (form_of(&city, "/desk/facilities/f001/edit").await, form_of(&city, "/desk/facilities/f001/edit").await);
    let first = city.post("/desk/facilities/f001/edit", &with(&theirs, "address", "大瀬戸町1")).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    let second = city.post("/desk/facilities/f001/edit", &with(&mine, "address", "大瀬戸町2")).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    let rows = second.texts(".problem tbody td");
    assert_eq!(rows, ["大瀬戸町1", "大瀬戸町2"]);
    assert_eq!(second.values("#f-address", "value"), ["大瀬戸町2"]);
    assert_eq!(record(city.app(), "f001").unwrap().address, "大瀬戸町1");
    let version = second.values("input[name=version]", "value").remove(0);
    let over: Vec<(String, String)> =
        mine.iter().filter(|(n, _)| n != "version").cloned().chain([("version".to_owned(), version)]).collect();
    let third = city.post("/desk/facilities/f001/edit", &with(&over, "address", "大瀬戸町2")).await;
    assert_eq!(third.status, StatusCode::SEE_OTHER);
    assert_eq!(record(city.app(), "f001").unwrap().address, "大瀬戸町2");
}

#[tokio::test]
async fn what_is_wrong_is_said_at_the_field_and_what_was_typed_stays() {
    let city = City::open().await;
    let fields = form_of(&city, "/desk/facilities/f001/edit").await;
    let answer = city.post("/desk/facilities/f001/edit", &with(&fields, "phone", "でんわ")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.values("#f-phone", "value"), ["でんわ"]);
    assert_eq!(answer.values("#f-phone", "aria-invalid"), ["true"]);
    assert_eq!(answer.texts("#e-phone").len(), 1);
}

#[tokio::test]
async fn a_facility_is_made_and_leaves_and_comes_back() {
    let city = City::open().await;
    let fields = form_of(&city, "/desk/facilities/new").await;
    let nonce = fields.iter().find(|(n, _)| n == "nonce").unwrap().1.clone();
    let new = [
        ("nonce", nonce.as_str()),
        ("name", "うみの家"),
        ("district", "oseto"),
        ("s.0.kind", "group-home"),
        ("s.0.capacity", "9"),
    ];
    let made = city.post("/desk/facilities/new", &new).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER);
    let path = made.header("location").split('?').next().unwrap().to_owned();
    assert_eq!(
        city.post("/desk/facilities/new", &new).await.header("location"),
        made.header("location"),
        "a second press is the same"
    );
    assert!(city.get(&path).await.body.contains("うみの家"));
    assert!(city.get(&format!("{path}/retire")).await.body.contains("名簿にもどす"), "says how it comes back");
    city.post(&format!("{path}/retire"), &[]).await;
    assert!(!city.get("/desk/facilities").await.body.contains("うみの家"));
    assert!(city.get("/desk/facilities?retired=1").await.body.contains("うみの家"));
    city.post(&format!("{path}/restore"), &[]).await;
    assert!(city.get("/desk/facilities").await.body.contains("うみの家"));
}

#[tokio::test]
async fn a_key_is_issued_printed_replaced_and_ended() {
    let city = City::open().await;
    let issued = city.post("/desk/facilities/f001/keys", &[("label", "夜勤机")]).await;
    let key = issued.header("location").split('?').next().unwrap().to_owned();
    assert!(city.get(&key).await.body.contains("<svg"));
    assert_eq!(city.get_as(Role::Viewer, &key).await.status, StatusCode::FORBIDDEN);
    assert_eq!(city.get_as(Role::Viewer, "/desk/posters").await.status, StatusCode::FORBIDDEN);
    let a5 = city.get("/desk/posters?size=a5").await;
    assert_eq!(a5.texts(".sheet .fac"), ["はまゆう荘"], "one sheet for the one facility with a key");
    assert!(a5.values("link", "href").iter().any(|href| href.contains("poster-a5")));
    let rotated = city.post(&format!("{key}/rotate"), &[]).await.header("location").to_owned();
    assert!(city.get(&rotated).await.texts(".done")[0].contains("前のQRでは"), "what to do now is said");
    let rotated = rotated.split('?').next().unwrap().to_owned();
    assert_ne!(rotated, key);
    assert_eq!(city.get(&key).await.status, StatusCode::NOT_FOUND);
    city.post(&format!("{rotated}/revoke"), &[]).await;
    assert_eq!(city.get(&rotated).await.status, StatusCode::NOT_FOUND);
}

/// The register as our own export writes it, with one name changed and one facility more.
fn file(city: &City) -> String {
    let held: Vec<Facility> = city.app().look(|m| m.facilities().map(|f| (*f.facility).clone()).collect());
    let mut new = held.clone();
    new[0].name = "はまゆう荘 新館".to_owned();
    new.push(Facility { name: "みなと苑".to_owned(), phone: "0959-00-7777".to_owned(), ..home("f900", "") });
    String::from_utf8(crate::intake::register::write(&new).unwrap()).unwrap()
}

#[tokio::test]
async fn a_file_is_shown_line_by_line_taken_in_and_put_back() {
    let city = City::real().await;
    let csv = file(&city);
    let before = city.app().recorder.head();
    let looked = city.post("/desk/facilities/import", &[("csv", &csv)]).await;
    assert_eq!(looked.status, StatusCode::OK, "{}", looked.body);
    let lines = looked.texts(".facilities-lines li").concat();
    assert!(lines.contains("はまゆう荘 新館") && lines.contains("みなと苑") && lines.contains("追加 1、変更 1"), "{lines}");
    assert_eq!(city.app().recorder.head(), before, "looking writes nothing");
    let version = looked.values("input[name=version]", "value").remove(0);

    let taken = city.post("/desk/facilities/import", &[("csv", &csv), ("version", &version), ("go", "1")]).await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER, "{}", taken.body);
    assert_eq!(record(city.app(), "f001").unwrap().name, "はまゆう荘 新館");
    let again = city.post("/desk/facilities/import", &[("csv", &csv), ("version", &version), ("go", "1")]).await;
    assert!(again.status == StatusCode::OK && again.body.contains("取り込むものはありません"), "a second press: {}", again.body);

    let place = taken.header("location").to_owned();
    let page = city.get_as(Role::Coordinator, &place).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let (first, last) = (page.values("input[name=first]", "value").remove(0), page.values("input[name=last]", "value").remove(0));
    assert_eq!(city.get_as(Role::Admin, &place).await.status, StatusCode::NOT_FOUND, "another seat did not import it");
    city.post("/desk/facilities/import/undo", &[("first", &first), ("last", &last)]).await;
    assert_eq!(record(city.app(), "f001").unwrap().name, "はまゆう荘");
    assert!(city.app().look(|m| find(&m, "f900").unwrap().retired));
}

#[tokio::test]
async fn a_wrong_file_names_its_lines_and_keeps_what_was_pasted_and_a_sample_city_takes_none() {
    let city = City::real().await;
    let wrong = city.post("/desk/facilities/import", &[("csv", "施設名\n,,")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!wrong.texts(".problem li").is_empty(), "{}", wrong.body);
    assert!(wrong.texts("#csv")[0].contains("施設名"));
    let sample = City::open().await;
    let refused = sample.post("/desk/facilities/import", &[("csv", "x")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.texts(".problem")[0].contains("見本"));
}

#[tokio::test]
async fn what_a_revoked_key_reported_is_offered_and_taken_back() {
    use crate::recorder::{Intent, ReportIntent, Submission};
    use imaboard_domain::{Aspect, Channel, EntryId, FirstReport, Observation, Value};

    let city = City::open().await;
    let key = city.app().keys.new_id().unwrap();
    city.control(Facts::KeyIssued { key: key.clone(), facility: "f001".parse().unwrap(), label: "玄関".into() }).await;
    let says = |value| ReportIntent {
        facility: Some("f001".parse().unwrap()),
        observations: vec![Observation { aspect: Aspect::FirstReport, value: Value::FirstReport(value) }],
        ..ReportIntent::default()
    };
    for (actor, value) in [("staff:x".to_owned(), FirstReport::Safe), (format!("key:{key}"), FirstReport::NeedsHelp)] {
        let id = EntryId(uuid::Uuid::now_v7());
        let submission = Submission { id, channel: Channel::Qr, actor, intent: Intent::Report(says(value)), text: None };
        city.app().recorder.submit(submission).await.unwrap();
    }
    let revoked = city.post(&format!("/desk/facilities/f001/keys/{key}/revoke"), &[]).await;
    let place = revoked.header("location").to_owned();
    let page = city.get(&place).await;
    assert!(page.texts(".done")[0].contains("取り消しました"));
    let reports = page.values("input[name=report]", "value");
    assert_eq!(reports.len(), 1, "only what this key said: {}", page.body);
    let since = page.values("input[name=since]", "value").remove(0);
    city.post(&place, &[("since", &since), ("report", &reports[0])]).await;
    assert!(city.get(&place).await.values("input[name=report]", "value").is_empty());
    let shown = city.app().look(|m| {
        let held = find(&m, "f001").unwrap();
        m.shown(held, &Aspect::FirstReport, imaboard_domain::Realm::Real).last().map(|s| s.value.clone())
    });
    assert_eq!(shown, Some(Value::FirstReport(FirstReport::Safe)), "what was said before holds again");
}

#[tokio::test]
async fn who_only_looks_is_asked_nothing_that_would_be_refused() {
    let city = City::open().await;
    let key = city.post("/desk/facilities/f001/keys", &[("label", "玄関")]).await.header("location").to_owned();
    let closed = [
        ("name", "はまゆう荘"),
        ("district", "oseto"),
        ("s.0.kind", "tokuyo"),
        ("c.0.from", "2099-01-01"),
        ("c.0.until", "2099-01-03"),
    ];
    let version = city.get("/desk/facilities/f001/edit").await.values("input[name=version]", "value").remove(0);
    let with_version: Vec<_> = closed.into_iter().chain([("version", version.as_str())]).collect();
    assert_eq!(city.post("/desk/facilities/f001/edit", &with_version).await.status, StatusCode::SEE_OTHER);
    let asking = [
        "/desk/facilities/new".to_owned(),
        "/desk/facilities/import".to_owned(),
        "/desk/facilities/f001/edit".to_owned(),
        "/desk/facilities/f001/retire".to_owned(),
        "/desk/facilities/f001/reopen?from=2099-01-01&until=2099-01-03".to_owned(),
        format!("{key}/rotate"),
        format!("{key}/revoke"),
        "/desk/postings/new".to_owned(),
        "/desk/devices/new".to_owned(),
    ];
    for path in &asking {
        assert_eq!(city.get_as(Role::Viewer, path).await.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(city.get_as(Role::Coordinator, path).await.status, StatusCode::OK, "{path}");
    }
    for path in
        ["/desk/facilities", "/desk/facilities/f001", "/desk/guide/pages/contact", "/desk/proxy?f=f001", "/desk/incidents"]
    {
        let page = city.get_as(Role::Viewer, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.values("form[method=post]", "action").is_empty(), "{path}: a form that would be refused");
    }
}

#[tokio::test]
async fn a_closure_keeps_its_reason_and_is_taken_back_once() {
    let city = City::open().await;
    let fields = form_of(&city, "/desk/facilities/f001/edit").await;
    let mut closed = with(&fields, "c.0.from", "2099-01-01");
    closed.retain(|(name, _)| *name != "c.0.until");
    closed.extend([("c.0.until", "2099-01-03"), ("c.0.reason", "infection")]);
    assert_eq!(city.post("/desk/facilities/f001/edit", &closed).await.status, StatusCode::SEE_OTHER);
    assert_eq!(record(city.app(), "f001").unwrap().closures[0].reason, Some(imaboard_domain::ClosureReason::Infection));
    assert!(city.get("/desk/facilities/f001").await.body.contains("感染対応"));
    let asked = city.get("/desk/facilities/f001/reopen?from=2099-01-01&until=2099-01-03").await;
    let hidden: Vec<(String, String)> =
        asked.values("main form input", "name").into_iter().zip(asked.values("main form input", "value")).collect();
    let hidden: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    for press in 1..=2 {
        let answer = city.post("/desk/facilities/f001/reopen", &hidden).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "press {press}: {}", answer.body);
    }
    assert!(record(city.app(), "f001").unwrap().closures.is_empty());
    let gone = city.get("/desk/facilities/f001/reopen?from=2099-01-01&until=2099-01-03").await;
    assert_eq!(gone.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_number_without_its_kind_is_asked_about_and_wide_digits_are_digits() {
    let city = City::open().await;
    let fields = form_of(&city, "/desk/facilities/f001/edit").await;
    let answer = city.post("/desk/facilities/f001/edit", &with(&fields, "s.2.capacity", "12")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.values("#s-2-kind", "aria-invalid"), ["true"]);
    assert_eq!(answer.values("#s-2-capacity", "value"), ["12"]);
    let mut wide = with(&fields, "phone", "０９５９ー００－１２３４");
    wide.retain(|(name, _)| *name != "s.0.capacity");
    wide.push(("s.0.capacity", "４５"));
    assert_eq!(city.post("/desk/facilities/f001/edit", &wide).await.status, StatusCode::SEE_OTHER);
    let f = record(city.app(), "f001").unwrap();
    assert_eq!((f.phone.as_str(), f.services[0].capacity), ("0959-00-1234", Some(45)));
}

#[tokio::test]
async fn another_file_under_an_old_comparison_is_compared_and_not_taken_in() {
    let city = City::real().await;
    let csv = file(&city);
    let looked = city.post("/desk/facilities/import", &[("csv", &csv), ("look", "1")]).await;
    let version = looked.values("input[name=version]", "value").remove(0);
    let before = city.app().recorder.head();
    let other = csv.replace("みなと苑", "べつの苑");
    let answer = city.post("/desk/facilities/import", &[("csv", &other), ("version", &version), ("go", "1")]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.texts(".facilities-lines li").concat().contains("べつの苑"));
    let again = city.post("/desk/facilities/import", &[("csv", &csv), ("version", &version), ("look", "1")]).await;
    assert_eq!(again.status, StatusCode::OK, "looking twice is no yes");
    assert_eq!(city.app().recorder.head(), before);
}

#[tokio::test]
async fn a_packed_file_is_read_whole_or_not_at_all() {
    use std::io::Write as _;
    let city = City::real().await;
    let packed = |text: &str| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        data_encoding::BASE64.encode(&gzip.finish().unwrap())
    };
    let csv = file(&city);
    let looked = city.post("/desk/facilities/import", &[("packed", &packed(&csv)), ("look", "1")]).await;
    assert!(looked.texts(".facilities-lines li").concat().contains("みなと苑"), "{}", looked.body);
    let long = format!("{csv}{}", "x".repeat(5 * 1024 * 1024));
    let answer = city.post("/desk/facilities/import", &[("packed", &packed(&long)), ("complete", "1")]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "the first part of a register is no register");
}

#[tokio::test]
async fn what_is_wrong_with_the_label_of_a_key_is_said_at_the_field_and_what_was_typed_stays() {
    let city = City::open().await;
    let long = "玄".repeat(21);
    for (label, says) in [("", "書いてください"), (long.as_str(), "20文字"), ("090-1234-5678の机", "人がわかること")]
    {
        let answer = city.post("/desk/facilities/f001/keys", &[("label", label)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{label}");
        assert!(answer.texts("#label-why")[0].contains(says), "{label}: {:?}", answer.texts("#label-why"));
        assert_eq!(answer.values("#label", "value"), [label]);
        assert_eq!(answer.values("#label", "aria-invalid"), ["true"]);
    }
    for label in ["玄関ポスター", "事務室", "夜勤机"] {
        assert_eq!(city.post("/desk/facilities/f001/keys", &[("label", label)]).await.status, StatusCode::SEE_OTHER, "{label}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_still_found_with_its_reports_and_a_second_press_leads_to_the_new_key() {
    let city = City::open().await;
    let issued = city
        .post("/desk/facilities/f001/keys", &[("label", "夜勤机")])
        .await
        .header("location")
        .split('?')
        .next()
        .unwrap()
        .to_owned();
    assert!(city.get(&issued).await.body.contains("まだ使われていません"), "last use stands on the page of a key");
    let fields = [("nonce", "0192a000-0000-7000-8000-000000000001")];
    let rotated = city.post(&format!("{issued}/rotate"), &fields).await.header("location").to_owned();
    let again = city.post(&format!("{issued}/rotate"), &fields).await;
    assert_eq!(again.header("location"), rotated, "a second press makes no third key");
    let page = city.get("/desk/facilities/f001").await;
    let ended = page.values("#keys details a", "href");
    assert_eq!(ended.len(), 1);
    assert_eq!(city.get(&ended[0]).await.status, StatusCode::OK);
    let none = city.post(&ended[0], &[("since", "2026-11-01")]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY, "nothing chosen");
}
