//! The room `memory` through its real router, on a real log in a throw-away folder.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use imaboard_domain::{
    Aspect, Cell, Channel, Hazard, Incident, Level, NoticeCategory, Observation, Power, Realm, Severity, Value,
};

use super::*;
use crate::checkpoint::Checkpoints;
use crate::data_folder::DataFolder;
use crate::recorder::{Intent, Receipt, ReportIntent, Submission};
use crate::web::desk::tests::{Answer, City};

const SECRET: &str = "船の便が変わりました";

impl City {
    async fn submit(&self, actor: &str, channel: Channel, intent: Intent, text: Option<&str>) -> Receipt {
        let (id, actor, text) = (EntryId(Uuid::now_v7()), actor.to_owned(), text.map(str::to_owned));
        self.app().recorder.submit(Submission { id, channel, actor, intent, text }).await.unwrap()
    }

    async fn beds(&self, facility: &str, channel: Channel, count: u32, text: Option<&str>) -> Receipt {
        let observation = Observation {
            aspect: Aspect::Vacancy { service: "tokuyo".parse().unwrap(), cell: Cell::ALL_BEDS },
            value: Value::Vacancy { level: Level::Available, count: Some(count), total: None },
        };
        self.reports(facility, channel, vec![observation], None, text).await
    }

    async fn reports(
        &self,
        facility: &str,
        channel: Channel,
        observations: Vec<Observation>,
        realm: Option<Realm>,
        text: Option<&str>,
    ) -> Receipt {
        let facility = Some(facility.parse().unwrap());
        let intent = Intent::Report(ReportIntent { facility, observations, realm, ..ReportIntent::default() });
        self.submit("key:k1", channel, intent, text).await
    }

    async fn act(&self, id: &str, facts: Facts) -> Receipt {
        self.submit(&format!("staff:{id}"), Channel::Form, Intent::Control(Box::new(facts)), None).await
    }

    async fn notice(&self, text: &str) -> (u64, PostingId) {
        let posting: PostingId = "p1".parse().unwrap();
        let facts = Facts::PostingDrafted {
            posting: posting.clone(),
            what: PostingKind::Notice,
            facility: Some("f001".parse().unwrap()),
            category: Some(NoticeCategory::Transport),
            job: None,
            expires_at: None,
            plan: imaboard_domain::Plan::default(),
        };
        let drafted = self.control_with_text(facts, Some(text)).await;
        let release = Facts::PostingPublished { posting: posting.clone(), publish_at: None, expires_at: None, pinned: false };
        self.control(release).await;
        (drafted.entry.seq, posting)
    }
}

impl Answer {
    fn rows(&self) -> usize {
        self.texts(".memory-lines tbody tr").len()
    }
}

fn incident(id: &str, exercise: bool, now: jiff::Timestamp) -> Incident {
    Incident {
        id: id.parse().unwrap(),
        name: "台風21号".into(),
        hazard: Hazard::Typhoon,
        areas: vec![],
        severity: Severity::Incident,
        exercise,
        opened_at: now,
        closed_at: None,
    }
}

#[tokio::test]
async fn the_newest_entry_stands_first_in_words_with_its_number_channel_and_who() {
    let city = City::open().await;
    let receipt = city.beds("f001", Channel::Phone, 3, None).await;
    let page = city.get("/desk/log").await;
    assert_eq!(page.status, StatusCode::OK);
    let first = page.texts(".memory-lines tbody tr").remove(0);
    for part in
        [format!("第{}号", receipt.entry.seq).as_str(), "電話", "はまゆう荘", "特別養護老人ホーム 空き", "空きあり", "3床"]
    {
        assert!(first.contains(part), "{part} in {first}");
    }
    assert_eq!(page.rows(), 4);
    assert_eq!(page.texts("h1").len(), 1);
}

#[tokio::test]
async fn an_empty_log_and_a_question_without_answer_say_so() {
    let city = City::open().await;
    for (path, said) in [
        ("/desk/log?topic=erasures", "あてはまる記録はありません"),
        ("/desk/log?facility=%E3%81%AA%E3%81%84", "あてはまる記録はありません"),
        ("/desk/log?before=1", "これより古い記録はありません"),
        ("/desk/log/staff", "まだだれも"),
        ("/desk/log/facilities/f001", "まだ一度も報告がありません"),
    ] {
        let page = city.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.body.contains(said), "{path}");
    }
    for path in [
        "/desk/log/99",
        "/desk/log/0",
        "/desk/log/x",
        "/desk/log/facilities/none",
        "/desk/log/id/nonsense",
        "/desk/log/staff/%3Cb%3E",
    ] {
        assert_eq!(city.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_list_is_narrowed_by_facility_topic_channel_and_who() {
    let city = City::open().await;
    city.beds("f001", Channel::Phone, 3, None).await;
    city.beds("f002", Channel::Qr, 2, None).await;
    city.act("a1", Facts::FacilityRetired { facility: "f002".parse().unwrap() }).await;
    for (query, rows) in [
        ("", 6),
        ("topic=reports", 2),
        ("topic=register", 3),
        ("channel=phone", 1),
        ("who=staff", 1),
        ("who=key&channel=qr", 1),
        ("facility=f001", 2),
        ("facility=f001&topic=reports", 1),
        // One facility fits these letters, the other one has left the register.
        ("facility=%E3%81%AF%E3%81%BE%E3%82%86%E3%81%86&topic=reports", 1),
        ("topic=nonsense", 0),
    ] {
        let page = city.get(&format!("/desk/log?{query}")).await;
        assert_eq!(page.rows(), rows, "{query}");
    }
    let asked = city.get("/desk/log?facility=%3Cb%3E&channel=phone").await;
    assert_eq!(asked.values("#facility", "value"), ["<b>"], "what was typed stands in the field again");
}

#[tokio::test]
async fn letters_that_fit_several_facilities_ask_which() {
    let city = City::open().await;
    let page = city.get("/desk/log?facility=0959&topic=reports").await;
    let offered = page.values(".memory-which a", "href");
    assert_eq!(offered.len(), 2, "{}", page.body);
    assert!(offered[0].contains("facility=f001") && offered[0].contains("topic=reports"));
    assert_eq!(page.rows(), 0);
}

#[tokio::test]
async fn pages_go_on_by_position_and_show_every_entry_once() {
    let city = City::open().await;
    for n in 0..120 {
        city.beds("f001", Channel::Qr, n % 7, None).await;
    }
    for (start, all) in [("/desk/log", 123), ("/desk/log?topic=reports", 120)] {
        let (mut seen, mut path, mut pages) = (Vec::new(), start.to_owned(), 0);
        loop {
            let page = city.get(&path).await;
            seen.extend(page.texts(".memory-lines tbody th"));
            pages += 1;
            match page.values("a[rel=next]", "href").pop() {
                Some(next) => path = next,
                None => break,
            }
        }
        assert_eq!((seen.len(), pages), (all, 3), "{start}");
        seen.dedup();
        assert_eq!(seen.len(), all);
    }
}

#[tokio::test]
async fn a_facility_shows_all_it_ever_said_with_channel_both_times_remark_and_what_was_taken_back() {
    let city = City::open().await;
    let first = city.beds("f001", Channel::Fax, 3, Some("本日は相談員が休みです")).await;
    let intent = ReportIntent {
        facility: Some("f001".parse().unwrap()),
        observed_at: Some(city.app().clock.now() - jiff::SignedDuration::from_hours(2)),
        observations: vec![Observation {
            aspect: Aspect::Power,
            value: Value::Power { state: Power::Generator, hours: Some(6) },
        }],
        ..ReportIntent::default()
    };
    city.submit("button:b1", Channel::Button, Intent::Report(intent), None).await;
    city.submit("key:k1", Channel::Qr, Intent::Correct { replaces: first.entry.id }, None).await;
    city.beds("f002", Channel::Qr, 1, None).await;
    let page = city.get("/desk/log/facilities/f001").await;
    let cards = page.texts(".memory-card");
    assert_eq!(cards.len(), 3, "{cards:?}");
    assert!(cards[0].contains("報告の取り消し"));
    for part in ["ボタン", "電気", "非常用", "あと6時間", "時点", "に記録"] {
        assert!(cards[1].contains(part), "{part} in {}", cards[1]);
    }
    for part in ["FAX", "3床", "取り消し済み", "本日は相談員が休みです", &format!("第{}号", first.entry.seq)]
    {
        assert!(cards[2].contains(part), "{part} in {}", cards[2]);
    }
    let whole = city.get(&format!("/desk/log/{}", first.entry.seq)).await;
    assert!(whole.texts("table.memory-whole").concat().contains("取り消し済み"));
    let by_id = city.get(&format!("/desk/log/id/{}", first.entry.id)).await;
    assert_eq!(by_id.header("location"), format!("/desk/log/{}", first.entry.seq));
}

#[tokio::test]
async fn what_belongs_to_an_exercise_says_so_on_every_page_of_the_log() {
    let city = City::open().await;
    city.control(Facts::IncidentOpened(incident("drill", true, city.app().clock.now()))).await;
    let observation = Observation { aspect: Aspect::Power, value: Value::Power { state: Power::None, hours: None } };
    let receipt = city.reports("f001", Channel::Qr, vec![observation], Some(Realm::Exercise), None).await;
    for path in
        ["/desk/log?topic=reports".to_owned(), "/desk/log/facilities/f001".to_owned(), format!("/desk/log/{}", receipt.entry.seq)]
    {
        assert_eq!(city.get(&path).await.texts("main .memory-drill"), ["訓練"], "{path}");
    }
}

#[tokio::test]
async fn each_person_of_the_desk_has_a_page_of_what_they_did_and_nothing_else() {
    let city = City::open().await;
    city.act("a1", Facts::FacilityRetired { facility: "f002".parse().unwrap() }).await;
    city.act("b2", Facts::IncidentOpened(incident("storm", false, city.app().clock.now()))).await;
    let people = city.get("/desk/log/staff").await;
    assert_eq!(people.values("main tbody a[href^='/desk/log/staff/']", "href"), ["/desk/log/staff/b2", "/desk/log/staff/a1"]);
    let acts = city.get("/desk/log/staff/a1").await;
    assert_eq!(acts.rows(), 1);
    assert!(acts.texts(".memory-lines tbody tr")[0].contains("施設を名簿からはずす"));
    assert_eq!(city.get("/desk/log/staff/nobody").await.rows(), 0);
}

#[tokio::test]
async fn erasing_asks_once_and_leaves_the_words_nowhere_while_the_chain_still_verifies() {
    let city = City::open().await;
    let (seq, posting) = city.notice(SECRET).await;
    let public = crate::web::router(city.app(), 100);
    let look = |path: &'static str| {
        let router = public.clone();
        async move {
            use http_body_util::BodyExt as _;
            use tower::ServiceExt as _;
            let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
            let bytes = router.oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
            String::from_utf8(bytes.to_vec()).unwrap()
        }
    };
    assert!(look("/notices").await.contains(SECRET));
    city.opened.checkpoints.save(&city.opened.log, &city.app().board, city.app().clock.now()).await.unwrap();
    assert!(city.get("/desk/log").await.body.contains(SECRET));

    let asking = city.get(&format!("/desk/log/{seq}/redact")).await;
    for part in [SECRET, "文字は消え", "事実と鎖は残ります", "元にもどすことはできません"] {
        assert!(asking.body.contains(part), "{part}");
    }
    let done = city.post(&format!("/desk/log/{seq}/redact"), &[("reason", "person")]).await;
    assert_eq!(
        (done.status, done.header("location")),
        (StatusCode::SEE_OTHER, format!("/desk/log/{seq}?done=redacted").as_str())
    );
    let after = city.get(done.header("location")).await;
    assert!(after.body.contains("文字を消しました") && after.body.contains("人の名前があった"));

    for path in [
        "/desk/log".to_owned(),
        format!("/desk/log/{seq}"),
        "/desk/log/facilities/f001".to_owned(),
        "/desk/log/staff/coordinator-1".to_owned(),
    ] {
        let page = city.get(&path).await;
        assert!(!page.body.contains(SECRET), "{path}");
    }
    for path in ["/", "/notices", "/text", "/facilities/f001", "/about"] {
        assert!(!look(path).await.contains(SECRET), "{path}");
    }
    assert!(city.app().board.read(|b| b.postings()[&posting].text.is_none()));
    let board = serde_json::to_string(&city.app().board.snapshot()).unwrap();
    assert!(!board.contains(SECRET));
    // The files as well: the log, what SQLite keeps beside it, and saved boards of before and after.
    city.opened.checkpoints.save(&city.opened.log, &city.app().board, city.app().clock.now()).await.unwrap();
    let data = DataFolder::open(city.folder.path().join("data")).unwrap();
    assert!(Checkpoints::of(&data).newest().unwrap().is_ok());
    let mut folders = vec![city.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()) {
            if file.is_dir() {
                folders.push(file);
            } else if file.is_file() {
                let bytes = std::fs::read(&file).unwrap();
                assert!(!bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "{}", file.display());
            }
        }
    }
    let verdict = city.app().recorder.log().verify(None, |_, _| {}).await.unwrap();
    assert!(matches!(verdict, Verdict::Verified { redacted: 1, .. }), "{verdict:?}");
    // A second press of the button finds nothing to do and says the same.
    let again = city.post(&format!("/desk/log/{seq}/redact"), &[("reason", "person")]).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    assert_eq!(city.get("/desk/log?topic=erasures").await.rows(), 1);
}

#[tokio::test]
async fn a_reason_is_needed_and_may_neither_repeat_the_text_nor_name_anybody() {
    let city = City::open().await;
    let (seq, _) = city.notice(SECRET).await;
    let path = format!("/desk/log/{seq}/redact");
    for (reason, more, said) in [
        ("", "電話で聞いた", "理由を1つ選んで"),
        ("other", "", "補足に理由を"),
        ("person", "船の便がまちがい", "くり返されています"),
        ("person", "090-1234-5678の人", "個人の情報らしい"),
        ("mistake", &"あ".repeat(61), "60文字まで"),
    ] {
        let answer = city.post(&path, &[("reason", reason), ("more", more)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{more}");
        assert!(answer.texts(".wrong").concat().contains(said), "{said}: {:?}", answer.texts(".wrong"));
        assert_eq!(answer.values("#more", "value").concat(), more, "what was typed is still there");
    }
    assert!(city.get(&format!("/desk/log/{seq}")).await.body.contains(SECRET), "nothing was erased");
}

#[tokio::test]
async fn a_viewer_reads_all_and_changes_nothing() {
    let city = City::open().await;
    let (seq, _) = city.notice(SECRET).await;
    let entry = city.get_as(Role::Viewer, &format!("/desk/log/{seq}")).await;
    assert!(entry.body.contains(SECRET) && !entry.body.contains("/redact"));
    assert!(city.get_as(Role::Viewer, "/desk/log/chain").await.values("main form", "action").is_empty());
    for (path, fields) in
        [(format!("/desk/log/{seq}/redact"), &[("reason", "person")][..]), ("/desk/log/chain".to_owned(), &[][..])]
    {
        assert_eq!(city.post_as(Role::Viewer, &path, fields).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(city.get_as(Role::Viewer, &format!("/desk/log/{seq}/redact")).await.status, StatusCode::FORBIDDEN);
    assert!(city.get(&format!("/desk/log/{seq}")).await.body.contains(SECRET));
}

#[tokio::test]
async fn an_entry_without_a_text_cannot_be_erased() {
    let city = City::open().await;
    let answer = city.get("/desk/log/1/redact").await;
    assert_eq!(answer.header("location"), "/desk/log/1");
    assert!(city.get("/desk/log/1").await.body.contains("文字は書かれていません"));
}

async fn walked(city: &City) -> Answer {
    for _ in 0..200 {
        let page = city.get("/desk/log/chain").await;
        if page.values("progress", "max").is_empty() {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    city.get("/desk/log/chain").await
}

#[tokio::test]
async fn the_chain_is_walked_on_demand_and_compared_with_a_noted_head() {
    let city = City::open().await;
    let before = city.get("/desk/log/chain").await;
    assert!(before.body.contains("まだ確かめていません"));
    let noted = before.texts(".memory-head code").remove(0);
    assert_eq!(noted.len(), 64);
    city.beds("f001", Channel::Qr, 2, None).await;
    for (field, said) in
        [("", "鎖はつながっています"), (noted.as_str(), "控えた印は、この鎖の中にあります"), (&"0".repeat(64), "鎖が合いません")]
    {
        let answer = city.post("/desk/log/chain", &[("noted", field)]).await;
        assert_eq!(answer.header("location"), "/desk/log/chain");
        let page = walked(&city).await;
        assert!(page.body.contains(said), "{said}");
    }
    let wrong = city.post("/desk/log/chain", &[("noted", "abc")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(wrong.values("#noted", "value"), ["abc"]);
}
