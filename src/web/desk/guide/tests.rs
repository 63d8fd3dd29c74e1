//! The room of learning through its router, with the public and the report pages beside it, on a real log.
#![expect(clippy::unwrap_used, reason = "tests")]

use imaboard_domain::guard::{self, Verdict};
use imaboard_domain::{Facility, Hazard, Incident, Severity};
use imaboard_templates::desk::Role;
use imaboard_templates::guide::default_text;

use super::super::postings::tests::Town;
use super::super::tests::home;
use super::*;
use crate::recorder::public_register;

const CONTACT: &str = "/desk/guide/pages/contact";

#[tokio::test]
async fn the_rule_is_one_page_for_everybody_and_stands_in_short_wherever_people_type() {
    let town = Town::open().await;
    for page in [town.visit("/rule").await, town.city.get("/desk/guide/rule").await] {
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.texts("h1"), ["載せてよいこと・いけないこと"]);
        assert!(page.body.contains("施設のこと") && page.body.contains("マイナンバー") && page.body.contains("職員が足りません"));
    }
    let sent =
        town.submit(&format!("{}/postings", town.keys[0]), &[("kind", "notice"), ("title", "バザー"), ("body", "どうぞ")]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let posting = town.city.app().board.read(|b| b.postings().values().find(|p| p.title() == "バザー").map(|p| p.id.clone()));
    let posting = format!("/desk/postings/{}", posting.unwrap());
    let redact = format!("/desk/log/{}/redact", town.position());
    let opened = [("asked", "1"), ("hazard", "typhoon"), ("realm", "real"), ("name", "台風18号")];
    let opened = town.city.post("/desk/incidents", &opened).await.header("location").to_owned();
    let closing = format!("{opened}/close");
    let desk = ["/desk/postings/new", "/desk/postings/new?kind=job", CONTACT, "/desk/guide/support/f001", "/desk/incidents"];
    for path in desk.into_iter().chain(["/desk/proxy?f=f001", &posting, &redact, &opened, &closing]) {
        let page = town.city.get(path).await;
        assert!(!page.values(r#"a[href="/rule"]"#, "href").is_empty(), "{path}");
    }
    for below in ["", "/postings", "/support"] {
        let page = town.visit(&format!("{}{below}", town.keys[0])).await;
        assert!(!page.values(r#"p.ng a[href="/rule"]"#, "href").is_empty(), "{below}");
    }
}

#[tokio::test]
async fn a_page_the_city_writes_is_read_by_everybody_at_once_and_its_own_words_pass_the_guard() {
    let town = Town::open().await;
    for page in GuidePage::ALL {
        let text = default_text(&JA, *page);
        let verdict = guard::inspect(text, &town.city.app().board.read(|b| public_register(b, &[]))).verdict;
        assert!(verdict != Verdict::Block && text.chars().count() <= PAGE_CHARS, "{page}: {verdict:?}");
        let public = town.visit(&format!("/guide/{page}")).await;
        assert!(public.texts("main h2").len() >= 3, "{page} stands before anybody wrote it");
        assert!(town.visit(&town.keys[0]).await.body.contains(&format!("/guide/{page}")), "facilities find it");
    }
    let form = town.city.get(CONTACT).await;
    assert_eq!(form.values(r#"input[name="base"]"#, "value"), ["0"]);
    assert_eq!(form.texts("#text"), [default_text(&JA, GuidePage::Contact)]);
    let nonce = form.values(r#"input[name="nonce"]"#, "value").remove(0);
    let fields = [("nonce", nonce.as_str()), ("base", "0"), ("text", "■ まず電話\r\n・急ぐとき：電話\r\n<b>そのまま</b>")];
    let answer = town.city.post(CONTACT, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let after = town.position();
    assert_eq!(town.city.post(CONTACT, &fields).await.status, StatusCode::SEE_OTHER);
    assert_eq!(town.position(), after, "a second press is the same press");
    let public = town.visit("/guide/contact").await;
    assert_eq!(public.texts("main h2"), ["まず電話"]);
    assert!(public.body.contains("<b>急ぐとき</b>") && public.body.contains("&lt;b&gt;そのまま"));
    assert_eq!(town.visit("/guide/none").await.status, StatusCode::NOT_FOUND);
    assert_eq!(town.city.get("/desk/guide/pages/none").await.status, StatusCode::NOT_FOUND);
    let viewer = town.city.get_as(Role::Viewer, CONTACT).await;
    assert_eq!(viewer.values("form", "action"), Vec::<String>::new());
}

#[tokio::test]
async fn two_who_write_the_same_page_see_both_and_an_old_version_can_be_put_back() {
    let town = Town::open().await;
    for (base, text) in [("0", "はじめの版"), ("1", "つぎの版")] {
        let fields = [("base", base), ("text", text)];
        assert_eq!(town.city.post(CONTACT, &fields).await.status, StatusCode::SEE_OTHER);
    }
    let late = town.city.post(CONTACT, &[("base", "1"), ("text", "おそい人の版")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert_eq!(
        (late.texts("#text"), late.texts("#stands ~ pre")),
        (vec!["おそい人の版".to_owned()], vec!["つぎの版".to_owned()])
    );
    assert_eq!(late.values(r#"input[name="base"]"#, "value")[0], "2", "the next press is made from what stands");
    assert!(town.visit("/guide/contact").await.body.contains("つぎの版"));
    assert_eq!(town.city.post(CONTACT, &[("base", "2"), ("text", "三つめの版")]).await.status, StatusCode::SEE_OTHER);
    let old = town.city.get(CONTACT).await.values(r#".guide-old input[name="text"]"#, "value");
    assert_eq!(old, ["つぎの版", "はじめの版", default_text(&JA, GuidePage::Contact)], "the newest first");
    let back = town.city.post(CONTACT, &[("base", "3"), ("text", &old[1])]).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    assert!(town.visit("/guide/contact").await.body.contains("はじめの版"));
}

#[tokio::test]
async fn a_page_without_words_too_long_or_with_a_person_in_it_is_given_back_and_erased_words_are_gone() {
    let town = Town::open().await;
    let long = "あ".repeat(PAGE_CHARS + 1);
    for text in ["   ", long.as_str(), "担当の携帯は 090-1234-5678"] {
        let answer = town.city.post(CONTACT, &[("base", "0"), ("text", text)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(answer.values("#text", "aria-invalid"), ["true"]);
        assert_eq!(answer.texts("#text"), [text.trim()]);
    }
    let own = [("base", "0"), ("text", "けすことば")];
    assert_eq!(town.city.post(CONTACT, &own).await.status, StatusCode::SEE_OTHER);
    let seq = town.position();
    town.city.app().recorder.redact(seq, "個人のこと".into(), "staff:1".into()).await.unwrap();
    for page in [town.visit("/guide/contact").await, town.city.get(CONTACT).await, town.city.get("/desk/guide").await] {
        assert!(!page.body.contains("けすことば"));
    }
    assert!(town.visit("/guide/contact").await.body.contains("いま返事がいるとき"), "it stands as it came");
    let again = [("base", "1"), ("text", "あたらしいことば")];
    assert_eq!(town.city.post(CONTACT, &again).await.status, StatusCode::SEE_OTHER);
    assert!(town.visit("/guide/contact").await.body.contains("あたらしいことば"));
}

#[tokio::test]
async fn practice_is_the_own_page_and_moves_neither_log_nor_board() {
    let town = Town::open().await;
    let key = &town.keys[0];
    let real = town.visit(key).await;
    let link = real.values(r#"a[href$="?practice=1"]"#, "href").remove(0);
    let before = town.position();
    let page = town.visit(&link).await;
    assert!(page.body.contains("はまゆう荘") && !page.texts(".practice").is_empty() && page.texts(".drill").is_empty());
    assert!(page.texts("title")[0].starts_with("【練習】"));
    assert!(page.values(r#"form input[name="practice"]"#, "value").len() >= 2, "every form of it says so");
    assert!(real.values(r#"input[name="practice"]"#, "value").is_empty());
    let reports = format!("{key}/reports");
    let fields = [("practice", "1"), ("face", "peace"), ("v.tokuyo.all", "3"), ("remark", "見学できます"), ("send", "form")];
    let receipt = town.submit(&reports, &fields).await;
    assert_eq!(receipt.status, StatusCode::OK);
    assert!(receipt.body.contains("何も 記録していません") && receipt.body.contains("見学できます"));
    assert!(!receipt.body.contains("受付番号") && receipt.texts(".practice").len() == 1);
    let wrong = town.submit(&reports, &[("practice", "1"), ("v.tokuyo.all", "more"), ("n.tokuyo.all", "たくさん")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("たくさん") && !wrong.values(r#"form input[name="practice"]"#, "value").is_empty());
    let undone = town.submit(&format!("{key}/corrections"), &[("practice", "1")]).await;
    assert!(undone.status == StatusCode::OK && undone.body.contains("取り消しました"));
    let same = town.submit(&reports, &[("practice", "1"), ("confirm", "all"), ("seen", "0")]).await;
    assert_eq!(same.status, StatusCode::OK);
    assert_eq!(town.position(), before, "nothing was recorded");
    assert!(town.visit("/facilities/f001").await.body.contains("まだ報告がありません"), "nothing is on the board");
}

#[tokio::test]
async fn the_page_of_damage_is_practised_too_and_every_answer_of_it_says_so() {
    let town = Town::open().await;
    let key = &town.keys[0];
    let link = town.visit(key).await.values(r#"a[href$="?practice=damage"]"#, "href").remove(0);
    let before = town.position();
    let page = town.visit(&link).await;
    assert!(page.body.contains("いま どうですか？") && page.body.contains("本当の 災害では ありません"));
    assert!(page.texts("title")[0].starts_with("【練習】") && page.texts(".band").is_empty(), "no disaster is claimed");
    assert!(page.values(r#"input[name="practice"]"#, "value").iter().all(|word| word == "damage"));
    let reports = format!("{key}/reports");
    let fields = [("practice", "damage"), ("face", "damage"), ("first_report", "needs_help"), ("power", "none")];
    let receipt = town.submit(&reports, &fields).await;
    assert_eq!(receipt.status, StatusCode::OK);
    assert!(receipt.body.contains("何も 記録していません") && receipt.body.contains("助けが"), "{}", receipt.body);
    assert_eq!(receipt.texts(".practice").len(), 1);
    assert_eq!(receipt.values("form a.second", "href"), [link.as_str()], "once more is the same practice");
    let empty = town.submit(&reports, &[("practice", "damage"), ("face", "damage"), ("send", "form")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.body.contains("いま どうですか？") && empty.texts(".practice").len() == 1, "it stays the page of damage");
    let undone = town.submit(&format!("{key}/corrections"), &[("practice", "damage")]).await;
    assert!(undone.body.contains("取り消しました") && undone.body.contains("?practice=damage"));
    // A word nobody knows is practice all the same, never a report.
    let odd = town.submit(&reports, &[("practice", "x"), ("first_report", "safe")]).await;
    assert!(odd.body.contains("何も 記録していません"));
    assert_eq!(town.position(), before, "nothing was recorded");
}

#[tokio::test]
async fn nobody_practises_while_something_is_under_way() {
    let town = Town::open().await;
    let storm = Incident {
        id: "storm".parse().unwrap(),
        name: "台風21号".into(),
        hazard: Hazard::Typhoon,
        areas: vec![],
        severity: Severity::Incident,
        exercise: false,
        opened_at: town.city.app().clock.now(),
        closed_at: None,
    };
    town.city.control(Facts::IncidentOpened(storm)).await;
    let key = &town.keys[0];
    let page = town.visit(&format!("{key}?practice=1")).await;
    assert_eq!((page.status, page.header("location")), (StatusCode::SEE_OTHER, key.as_str()));
    assert_eq!(town.visit(&format!("{key}?practice=damage")).await.status, StatusCode::SEE_OTHER);
    assert!(!town.visit(key).await.body.contains("?practice="));
    // A page that was opened before still keeps its promise, and says what it is.
    let before = town.position();
    let answer = town.submit(&format!("{key}/reports"), &[("practice", "1"), ("first_report", "safe")]).await;
    assert!(answer.body.contains("本当の 災害中") && answer.body.contains("何も 記録していません"));
    assert_eq!(town.position(), before);
}

#[tokio::test]
async fn a_facility_asks_for_a_visit_once_and_the_desk_notes_who_came_and_how_it_ended() {
    let town = Town::open().await;
    assert!(town.city.get("/desk/guide/support").await.body.contains("待っている施設はありません"));
    let ask = format!("{}/support", town.keys[0]);
    let personal = town.submit(&ask, &[("note", "090-1234-5678にかけて")]).await;
    assert_eq!(personal.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(personal.texts("#note")[0].contains("にかけて"));
    let answer = town.submit(&ask, &[("note", "FAXの送りかた")]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, ask.as_str()));
    let after = town.position();
    assert_eq!(town.submit(&ask, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(town.position(), after, "asked once is enough");
    let page = town.visit(&ask).await;
    assert!(page.body.contains("たのみました") && page.values("form", "action").is_empty());
    let list = town.city.get("/desk/guide/support").await;
    assert_eq!(list.texts("tbody th a"), ["はまゆう荘"]);
    assert!(list.body.contains("FAXの送りかた") && town.city.get("/desk/guide").await.body.contains("待っている施設 1"));
    let visits = "/desk/guide/support/f001";
    let wrong = town.city.post(visits, &[("on", "2999-01-01"), ("note", "話した")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!((wrong.values("#on", "aria-invalid"), wrong.texts("#note")), (vec!["true".to_owned()], vec!["話した".to_owned()]));
    assert!(wrong.body.contains("結果を1つ選んで"));
    let today = city_date(town.city.app().clock.now()).to_string();
    let again = [("on", today.as_str()), ("outcome", "again"), ("note", "もう一度来る")];
    assert_eq!(town.city.post(visits, &again).await.status, StatusCode::SEE_OTHER);
    assert_eq!(town.city.get("/desk/guide/support").await.texts("tbody th a").len(), 1, "somebody is still to come");
    let note = town.position();
    let settled = [("on", today.as_str()), ("outcome", "settled"), ("note", "一人で送れた")];
    assert_eq!(town.city.post(visits, &settled).await.status, StatusCode::SEE_OTHER);
    assert!(town.city.get("/desk/guide/support").await.texts("tbody th a").is_empty());
    let done = town.city.get("/desk/guide/support?list=done").await;
    assert!(done.texts("tbody tr")[0].contains("できるようになった"));
    let history = town.city.get(visits).await;
    assert!(history.body.contains("もう一度来る") && history.body.contains("一人で送れた"));
    town.city.app().recorder.redact(note, "個人のこと".into(), "staff:1".into()).await.unwrap();
    let history = town.city.get(visits).await;
    assert!(!history.body.contains("もう一度来る") && history.body.contains("また行く"), "the words go, the visit stays");
    assert!(!town.visit(&ask).await.values("form", "action").is_empty(), "it may ask again");
    let viewer = town.city.get_as(Role::Viewer, visits).await;
    assert_eq!(viewer.values("form", "action"), Vec::<String>::new());
    assert_eq!(town.city.get("/desk/guide/support/none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn many_who_wait_have_pages_and_who_never_asked_is_found_by_name() {
    let town = Town::open().await;
    for n in 0..60 {
        let facility = Facility { id: format!("g{n:02}").parse().unwrap(), name: format!("見本園{n:02}"), ..home("g", "") };
        town.city.control(Facts::FacilityRegistered(Box::new(facility))).await;
        town.city.control(Facts::SupportAsked { facility: format!("g{n:02}").parse().unwrap() }).await;
    }
    let first = town.city.get("/desk/guide/support").await;
    assert_eq!((first.texts("tbody tr").len(), first.texts(".pager span")), (50, vec!["1 / 2".to_owned()]));
    assert_eq!(first.texts("tbody th a")[0], "見本園00");
    assert_eq!(town.city.get("/desk/guide/support?page=2").await.texts("tbody tr").len(), 10);
    let q: String = form_urlencoded::byte_serialize("西海ほーむ".as_bytes()).collect();
    let searched = town.city.get(&format!("/desk/guide/support?q={q}")).await;
    assert!(searched.texts("tbody tr").is_empty());
    assert_eq!(searched.texts(".guide-others a[href^=\"/desk\"]"), ["西海ホーム"]);
}

#[tokio::test]
async fn whom_to_telephone_stands_on_every_page() {
    let town = Town::open().await;
    let app = town.city.app();
    let phone = app.city.desk.phone.clone();
    let key = &town.keys[0];
    let report =
        ["", "?practice=1", "?practice=damage", "/postings", "/postings?kind=job", "/support", "/poster", "/receipts/none"];
    let report = report.iter().map(|below| format!("{key}{below}")).chain(["/r/forged".to_owned()]);
    let public = ["/", "/text", "/find", "/facilities/f001", "/notices", "/jobs", "/charts/free", "/about", "/rule", "/lost"];
    let public = public.iter().map(|path| (*path).to_owned()).chain(GuidePage::ALL.iter().map(|page| format!("/guide/{page}")));
    for path in report.chain(public) {
        assert!(town.visit(&path).await.body.contains(&phone), "{path}");
    }
    let rooms = imaboard_templates::desk::Room::LISTED.iter().map(|room| room.path());
    let desk = [
        "/desk/postings/new",
        "/desk/postings/new?kind=job",
        "/desk/postings/none",
        "/desk/guide",
        "/desk/guide/rule",
        CONTACT,
        "/desk/guide/pages/glossary",
        "/desk/guide/support",
        "/desk/guide/support/f001",
        "/desk/incidents/open?asked=1&hazard=typhoon&realm=real&name=x",
        "/desk/incidents/none",
        "/desk/proxy?f=f001",
        "/desk/facilities/f001",
        "/desk/facilities/f001/edit",
        "/desk/facilities/new",
        "/desk/devices/new",
        "/desk/log/1",
        "/desk/log/chain",
        "/desk/log/staff",
        "/desk/log/facilities/f001",
        "/desk/burden/questions",
        "/desk/burden/facilities",
        "/desk/account",
        "/desk/account/staff",
        "/desk/login",
        "/desk/join/none",
        "/desk/nowhere",
    ];
    for path in rooms.chain(desk) {
        assert!(town.city.get(path).await.body.contains(&phone), "{path}");
    }
}
