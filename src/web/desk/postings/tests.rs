//! The room of postings through its router, with the report pages and the public board beside it, on a real log.
#![expect(clippy::unwrap_used, reason = "tests")]

use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::BodyExt;
use imaboard_domain::{Aspect, Audience, Channel, KeyId, Observation, Staffing, Value};
use imaboard_templates::desk::Role;
use tower::ServiceExt;

use super::super::tests::{Answer as Page, City};
use super::*;
use crate::recorder::{Intent, ReportIntent, Submission, new_id};

/// A city with what stands outside the desk: the public board, and the report pages of both facilities.
pub(in crate::web::desk) struct Town {
    pub(in crate::web::desk) city: City,
    site: Router,
    pub(in crate::web::desk) keys: [String; 2],
}

impl Town {
    pub(in crate::web::desk) async fn open() -> Self {
        let city = City::open().await;
        let site = crate::web::router(city.app(), 10);
        let mut keys = Vec::new();
        for facility in ["f001", "f002"] {
            let key: KeyId = city.app().keys.new_id().unwrap();
            let facts = Facts::KeyIssued { key: key.clone(), facility: facility.parse().unwrap(), label: "玄関".into() };
            city.control(facts).await;
            keys.push(format!("/r/{}", city.app().keys.url_key(&key)));
        }
        let keys = keys.try_into().unwrap();
        Self { city, site, keys }
    }

    async fn send(&self, request: Request<Body>) -> Page {
        let response = self.site.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Page { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned() }
    }

    pub(in crate::web::desk) async fn visit(&self, path: &str) -> Page {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(in crate::web::desk) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::builder().method(Method::POST).uri(path);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// A notice as a facility sends it.
    async fn sent(&self, by: usize, title: &str) -> Arc<Posting> {
        let path = format!("{}/postings", self.keys[by]);
        let fields = [("kind", "notice"), ("category", "hours"), ("title", title), ("body", "くわしくは電話で聞いてください")];
        let answer = self.submit(&path, &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        self.titled(title)
    }

    fn titled(&self, title: &str) -> Arc<Posting> {
        self.city.app().board.read(|b| b.postings().values().find(|p| p.title() == title).cloned()).unwrap()
    }

    fn now(&self, posting: &Posting) -> Arc<Posting> {
        find(self.city.app(), posting.id.as_str()).unwrap()
    }

    /// A notice of the city, written and published at the desk.
    async fn notice(&self, title: &str, more: &[(&str, &str)]) -> Arc<Posting> {
        let mut fields = vec![("kind", "notice"), ("title", title), ("body", "本文です"), ("then", "publish")];
        fields.extend(more);
        let answer = self.city.post("/desk/postings/new", &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        self.titled(title)
    }

    async fn says(&self, facility: &str, observations: Vec<Observation>, remark: Option<&str>) {
        let intent =
            Intent::Report(ReportIntent { facility: Some(facility.parse().unwrap()), observations, ..ReportIntent::default() });
        let text = remark.map(str::to_owned);
        let submission = Submission { id: new_id(), channel: Channel::Qr, actor: "key:k".into(), intent, text };
        self.city.app().recorder.submit(submission).await.unwrap();
    }

    async fn short_of_staff(&self, facility: &str) {
        self.says(facility, vec![Observation { aspect: Aspect::Staff, value: Value::Staff(Staffing::Short) }], None).await;
    }

    pub(in crate::web::desk) fn position(&self) -> u64 {
        self.city.app().board.read(Board::position)
    }
}

/// A list that is searched for something.
fn searched(list: &str, text: &str) -> String {
    format!("{list}q={}", form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>())
}

fn path(posting: &Posting, below: &str) -> String {
    format!("/desk/postings/{}{below}", posting.id)
}

#[tokio::test]
async fn what_a_facility_sends_waits_until_somebody_at_the_desk_publishes_it() {
    let town = Town::open().await;
    let empty = town.city.get("/desk/postings").await;
    assert!(empty.body.contains("確認を待っているものはありません"));
    let posting = town.sent(0, "面会の時間が変わります").await;
    let list = town.city.get("/desk/postings").await;
    assert_eq!(list.texts("table th a"), ["面会の時間が変わります"]);
    assert!(list.texts(".post-tabs [aria-current]")[0].ends_with('1'));
    let public = format!("/notices/{}", posting.id);
    assert_eq!(town.visit(&public).await.status, StatusCode::NOT_FOUND);
    let page = town.city.get(&path(&posting, "")).await;
    assert_eq!(page.texts("h1"), ["面会の時間が変わります"]);
    assert!(page.body.contains("はまゆう荘") && page.body.contains("公開する") && page.body.contains("施設にもどす"));
    let nonce = page.values(r#"form[action$="/publish"] input[name="nonce"]"#, "value").remove(0);
    let fields = [("nonce", nonce.as_str()), ("base", "0"), ("from", ""), ("until", "")];
    let answer = town.city.post(&path(&posting, "/publish"), &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let after = town.position();
    assert_eq!(town.visit(&public).await.status, StatusCode::OK);
    // A second press of the same page is the same press.
    assert_eq!(town.city.post(&path(&posting, "/publish"), &fields).await.status, StatusCode::SEE_OTHER);
    assert_eq!(town.position(), after);
    let done = town.city.get(answer.header("location")).await;
    assert!(done.body.contains("公開しました。"));
    let steps = done.texts(".post-steps b");
    assert_eq!(steps, ["届く・書く", "公開"]);
}

#[tokio::test]
async fn who_only_looks_gets_no_form_and_an_address_that_leads_nowhere_is_kindly_lost() {
    let town = Town::open().await;
    let posting = town.sent(0, "休みのお知らせ").await;
    for below in ["/desk/postings".to_owned(), path(&posting, "")] {
        let page = town.city.get_as(Role::Viewer, &below).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.values(r#"form[method="post"]"#, "action"), Vec::<String>::new(), "{below}");
        assert!(!page.body.contains("/new?kind="));
    }
    for nowhere in ["/desk/postings/none", "/desk/postings/none/edit", "/desk/postings/%E3%81%82"] {
        assert_eq!(town.city.get(nowhere).await.status, StatusCode::NOT_FOUND, "{nowhere}");
    }
    assert_eq!(town.city.post("/desk/postings/none/publish", &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(town.city.get("/desk/postings?tab=x&kind=y&page=-3&q=%FF").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_returned_comes_back_to_its_facility_with_the_reason_and_is_put_right_there() {
    let town = Town::open().await;
    let posting = town.sent(0, "バザーをします").await;
    let missing = town.city.post(&path(&posting, "/return"), &[("reason", "  ")]).await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(missing.values("#reason-text", "aria-invalid"), ["true"]);
    let personal = town.city.post(&path(&posting, "/return"), &[("reason", "090-1234-5678の番号を消してください")]).await;
    assert_eq!(personal.status, StatusCode::UNPROCESSABLE_ENTITY, "the guard reads reasons too");
    assert!(personal.texts("#reason-text")[0].contains("番号を消して"), "what was typed is given back");
    let reason = "日にちと場所を書いてください";
    let answer = town.city.post(&path(&posting, "/return"), &[("reason", reason)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(town.now(&posting).state, PostingState::Returned);
    let page = town.visit(&town.keys[0]).await;
    assert!(page.body.contains("もどってきました") && page.body.contains(reason) && page.body.contains("直して 送る"));
    assert!(!town.visit(&town.keys[1]).await.body.contains("もどってきました"), "it is nobody else's");
    let fix = page.values(".came-back a", "href").remove(0);
    let form = town.visit(&fix).await;
    assert_eq!(form.values(r#"input[name="title"]"#, "value"), ["バザーをします"]);
    assert!(form.body.contains(reason));
    let id = posting.id.to_string();
    let fixed =
        [("kind", "notice"), ("fixes", id.as_str()), ("base", "0"), ("title", "バザーをします"), ("body", "12月1日、食堂で")];
    let foreign = town.submit(&format!("{}/postings", town.keys[1]), &fixed).await;
    assert_eq!(foreign.status, StatusCode::CONFLICT, "another facility cannot change it");
    let answer = town.submit(&format!("{}/postings", town.keys[0]), &fixed).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(town.visit(answer.header("location")).await.status, StatusCode::OK, "it has its receipt");
    let held = town.now(&posting);
    assert_eq!((held.state, held.revision, held.body()), (PostingState::Pending, 1, "12月1日、食堂で"));
    assert!(!town.visit(&town.keys[0]).await.body.contains(reason));
    // Who still looks at the page of before must look again.
    let stale = town.city.post(&path(&posting, "/publish"), &[("base", "0")]).await;
    assert_eq!((stale.status, town.now(&posting).state), (StatusCode::CONFLICT, PostingState::Pending));
    let old = [("kind", "notice"), ("fixes", id.as_str()), ("base", "0"), ("title", "古い画面から")];
    let late = town.submit(&format!("{}/postings", town.keys[0]), &old).await;
    assert_eq!((late.status, town.now(&posting).title()), (StatusCode::CONFLICT, "バザーをします"));
}

#[tokio::test]
async fn what_two_people_change_at_once_is_shown_to_the_second_and_the_public_sees_when_it_was_revised() {
    let town = Town::open().await;
    let posting = town.notice("船の時刻", &[("category", "transport"), ("audience", "residents")]).await;
    assert_eq!((posting.audience, posting.state), (Some(Audience::Residents), PostingState::Published));
    let form = town.city.get(&path(&posting, "/edit")).await;
    assert_eq!(form.values(r#"input[name="base"]"#, "value"), ["0"]);
    assert_eq!(form.values(r#"select[name="audience"] option[selected]"#, "value"), ["residents"]);
    let mine =
        [("base", "0"), ("title", "船の時刻"), ("body", "8時の便から変わります"), ("announce", "1"), ("category", "transport")];
    assert_eq!(town.city.post(&path(&posting, "/edit"), &mine).await.status, StatusCode::SEE_OTHER);
    let public = town.visit(&format!("/notices/{}", posting.id)).await;
    assert!(public.body.contains("8時の便から") && public.body.contains("これまでの改定"));
    assert_eq!(town.now(&posting).revised_at.len(), 1);
    let theirs = [("base", "0"), ("title", "船の時刻"), ("body", "9時の便だけです")];
    let second = town.city.post(&path(&posting, "/edit"), &theirs).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.body.contains("8時の便から変わります") && second.texts("textarea")[0].contains("9時の便だけです"));
    assert_eq!(second.values(r#"input[name="base"]"#, "value"), ["1"], "the next press is made from what stands");
    assert_eq!(town.now(&posting).body(), "8時の便から変わります");
    let small = [("base", "1"), ("title", "船の時刻"), ("body", "8時の便から変わります。")];
    assert_eq!(town.city.post(&path(&posting, "/edit"), &small).await.status, StatusCode::SEE_OTHER);
    assert_eq!((town.now(&posting).revised_at.len(), town.now(&posting).revision), (1, 2), "a comma is no news");
    assert_eq!(town.city.get(&path(&posting, "")).await.texts(".post-steps b").len(), 4);
}

#[tokio::test]
async fn words_that_are_erased_stand_nowhere_any_more() {
    let town = Town::open().await;
    let notice = town.notice("ひみつのことば", &[]).await;
    let sent = town.sent(0, "もどすもの").await;
    assert_eq!(town.city.post(&path(&sent, "/return"), &[("reason", "ないしょの理由")]).await.status, StatusCode::SEE_OTHER);
    let reason_seq = town.now(&sent).returned.clone().unwrap().seq;
    for seq in [notice.source_seq, reason_seq] {
        town.city.app().recorder.redact(seq, "個人のこと".into(), "staff:1".into()).await.unwrap();
    }
    assert_eq!(town.visit(&format!("/notices/{}", notice.id)).await.status, StatusCode::NOT_FOUND);
    let pages = [
        town.visit("/notices").await.body,
        town.visit(&town.keys[0]).await.body,
        town.city.get("/desk/postings?tab=past").await.body,
        town.city.get("/desk/postings?tab=returned").await.body,
        town.city.get(&path(&notice, "")).await.body,
        town.city.get(&path(&sent, "")).await.body,
        town.city.get(&searched("/desk/postings?tab=past&", "ひみつ")).await.texts("table").concat(),
    ];
    for page in pages {
        assert!(!page.contains("ひみつのことば") && !page.contains("ないしょの理由"), "{page}");
    }
    assert!(town.city.get(&path(&notice, "")).await.body.contains("消された文"));
    assert!(town.visit(&town.keys[0]).await.body.contains("もどってきました"), "that it came back is no secret");
    let again = town.city.post(&path(&notice, "/publish"), &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "there is nothing to publish");
}

#[tokio::test]
async fn a_window_appears_and_ends_by_itself_and_an_impossible_one_keeps_what_was_typed() {
    let town = Town::open().await;
    let typed =
        [("kind", "notice"), ("title", "説明会"), ("body", "市役所で"), ("until", "2020-01-01T09:00"), ("then", "publish")];
    let past = town.city.post("/desk/postings/new", &typed).await;
    assert_eq!(past.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(past.values("#until", "aria-invalid"), ["true"]);
    assert_eq!((past.values("#title", "value"), past.texts("#body")), (vec!["説明会".to_owned()], vec!["市役所で".to_owned()]));
    let nonsense = town.city.post("/desk/postings/new", &[("kind", "notice"), ("from", "あした"), ("title", "")]).await;
    assert_eq!(nonsense.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(nonsense.values("#from", "value"), ["あした"]);
    assert_eq!(nonsense.values("#title", "aria-invalid"), ["true"], "every problem at once");
    let soon = town.notice("来年の予定", &[("from", "2099-01-01T09:00"), ("until", "2099-02-01T09:00"), ("pinned", "1")]).await;
    assert_eq!(town.visit(&format!("/notices/{}", soon.id)).await.status, StatusCode::NOT_FOUND);
    let listed = town.city.get("/desk/postings?tab=scheduled").await;
    assert_eq!(listed.texts("table th a"), ["来年の予定"]);
    assert!(listed.body.contains("固定"));
    // Taken off, and published again without an end: nothing of the old window is left.
    assert_eq!(town.city.post(&path(&soon, "/withdraw"), &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(town.now(&soon).state, PostingState::Withdrawn);
    let open = [("base", "0"), ("from", ""), ("until", "")];
    assert_eq!(town.city.post(&path(&soon, "/publish"), &open).await.status, StatusCode::SEE_OTHER);
    let held = town.now(&soon);
    assert!(held.is_public(town.city.app().clock.now()) && held.expires_at.is_none() && !held.pinned);
    assert_eq!(town.city.post(&path(&soon, "/pin"), &[("pinned", "1")]).await.status, StatusCode::SEE_OTHER);
    let pinned = town.now(&soon);
    assert!(pinned.pinned && pinned.publish_at == held.publish_at, "pinning moves nothing else");
    town.city.post(&path(&soon, "/withdraw"), &[("nonce", "x")]).await;
    assert_eq!(town.city.post(&path(&soon, "/pin"), &[("pinned", "0")]).await.status, StatusCode::CONFLICT);
    assert_eq!(town.now(&soon).state, PostingState::Withdrawn, "pinning releases nothing");
}

#[tokio::test]
async fn a_job_names_work_hours_wage_and_a_role_and_only_the_registered_number() {
    let town = Town::open().await;
    let unknown =
        [("kind", "job"), ("facility", "どこにもない施設"), ("title", "介護職員"), ("wage_from", "千円"), ("hours_from", "25時")];
    let refused = town.city.post("/desk/postings/new", &unknown).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for field in ["#facility", "#wage_from", "#hours_from"] {
        assert_eq!(refused.values(field, "aria-invalid"), ["true"], "{field}");
    }
    assert_eq!(refused.values("#wage_from", "value"), ["千円"]);
    let several = [("kind", "job"), ("facility", "はまゆう"), ("title", "介護職員"), ("wage_from", "1100")];
    let choice = town.city.post("/desk/postings/new", &several).await;
    assert_eq!(choice.values(r#"input[type="radio"][name="facility"]"#, "value"), ["f001", "f002"], "both have the kana");
    let job = [
        ("kind", "job"),
        ("facility", "f002"),
        ("title", "介護職員を募集しています"),
        ("body", "見学できます"),
        ("work", "care"),
        ("employment", "part_time"),
        ("shift", "night"),
        ("hours_from", "16:30"),
        ("hours_until", "９：００"),
        ("wage_per", "hour"),
        ("wage_from", "1100"),
        ("wage_to", "1400"),
        ("contact", "recruiter"),
        ("then", "publish"),
    ];
    let answer = town.city.post("/desk/postings/new", &job).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let posting = town.titled("介護職員を募集しています");
    assert!(posting.from_city && posting.facility.as_ref().is_some_and(|f| f.as_str() == "f002"));
    let page = town.visit(&format!("/jobs/{}", posting.id)).await;
    for said in ["介護", "夜勤 16:30〜9:00", "1,100〜1,400", "採用の係", "0959-00-2345", "西海ホーム"] {
        assert!(page.body.contains(said), "{said}");
    }
    let form = town.city.get(&path(&posting, "/edit")).await;
    assert_eq!(form.values("#hours_from", "value"), ["16:30"]);
    assert_eq!(form.values("#work option[selected]", "value"), ["care"]);
}

#[tokio::test]
async fn who_is_short_of_staff_is_offered_a_job_draft_at_the_desk_and_on_its_own_receipt() {
    let town = Town::open().await;
    assert!(town.city.get("/desk/postings").await.body.contains("職員が足りないと報告した施設"));
    town.short_of_staff("f001").await;
    let list = town.city.get("/desk/postings").await;
    let offer = list.values(".post-short a", "href").remove(0);
    assert_eq!(offer, "/desk/postings/new?kind=job&facility=f001");
    let form = town.city.get(&offer).await;
    assert_eq!(form.values("#facility", "value"), ["f001"]);
    assert!(form.values("#title", "value")[0].contains("募集") && form.body.contains("はまゆう荘"));
    let receipt = town.submit(&format!("{}/reports", town.keys[1]), &[("staff", "critical"), ("send", "details")]).await;
    let receipt = town.visit(receipt.header("location")).await;
    assert!(receipt.body.contains("求人の 下書きを 作る"));
    let own = town.visit(&format!("{}/postings?kind=job", town.keys[1])).await;
    assert_eq!(
        own.values(r#"form input[name="kind"][value="job"] ~ label input[name="title"]"#, "value"),
        ["職員を募集しています"]
    );
    let fields = [("kind", "job"), ("title", "職員を募集しています"), ("wage_from", "1200"), ("shift", "day"), ("work", "nurse")];
    assert_eq!(town.submit(&format!("{}/postings", town.keys[1]), &fields).await.status, StatusCode::SEE_OTHER);
    let list = town.city.get("/desk/postings").await;
    let begun = town.titled("職員を募集しています");
    assert!(list.values(".post-short a", "href").contains(&path(&begun, "")), "nobody begins it twice");
    let safe = town.submit(&format!("{}/reports", town.keys[0]), &[("staff", "adequate"), ("send", "details")]).await;
    assert!(!town.visit(safe.header("location")).await.body.contains("求人の 下書き"));
    assert!(!town.city.get("/desk/postings").await.texts(".post-short").concat().contains("はまゆう荘"));
}

#[tokio::test]
async fn a_remark_is_released_or_kept_and_both_can_be_taken_back() {
    let town = Town::open().await;
    town.says("f001", vec![], Some("見学はいつでもどうぞ")).await;
    let remark = town.titled("見学はいつでもどうぞ");
    let page = town.city.get(&path(&remark, "")).await;
    assert!(page.body.contains("ひとことを出す") && !page.body.contains("/edit") && !page.body.contains("施設にもどす"));
    let public = "/facilities/f001";
    assert_eq!(town.city.post(&path(&remark, "/publish"), &[]).await.status, StatusCode::SEE_OTHER);
    assert!(town.visit(public).await.body.contains("見学はいつでも"));
    assert_eq!(town.city.post(&path(&remark, "/withdraw"), &[]).await.status, StatusCode::SEE_OTHER);
    assert!(!town.visit(public).await.body.contains("見学はいつでも"));
    let kept = town.city.get(&path(&remark, "")).await;
    assert!(kept.body.contains("ひとことを出す"), "it can be released after all");
    assert_eq!(town.city.post(&path(&remark, "/return"), &[("reason", "直して")]).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_long_list_has_pages_and_is_searched_by_words_and_by_sender() {
    let town = Town::open().await;
    for n in 0..103 {
        let facts = Facts::PostingDrafted {
            posting: format!("p-{n}").parse().unwrap(),
            what: PostingKind::Notice,
            facility: Some(if n % 2 == 0 { "f001" } else { "f002" }.parse().unwrap()),
            category: None,
            job: None,
            expires_at: None,
            plan: Plan::default(),
        };
        town.city.control_with_text(facts, Some(&format!("お知らせ{n:03}\nほんぶん"))).await;
    }
    let first = town.city.get("/desk/postings").await;
    assert_eq!((first.texts("tbody tr").len(), first.texts(".pager span")), (50, vec!["1 / 3".to_owned()]));
    assert_eq!(first.texts("table th a")[0], "お知らせ000", "who waits longest comes first");
    let next = first.values(r#".pager a[rel="next"]"#, "href").remove(0);
    assert_eq!(town.city.get(&next).await.texts("table th a")[0], "お知らせ050");
    assert_eq!(town.city.get("/desk/postings?page=3").await.texts("tbody tr").len(), 3);
    assert_eq!(
        town.city.get(&searched("/desk/postings?", "お知らせ０４２")).await.texts("table th a"),
        ["お知らせ042"],
        "full width or not"
    );
    let sender = town.city.get(&searched("/desk/postings?", "西海ホーム")).await;
    assert!(sender.body.contains("51件"), "and its pages keep the search");
    assert!(sender.values(r#".pager a[rel="next"]"#, "href")[0].contains("q=%E8%A5%BF"));
    assert!(town.city.get("/desk/postings?kind=job").await.body.contains("あてはまるものはありません"));
}

#[tokio::test]
async fn a_notice_to_facilities_stands_on_their_report_pages_and_practised_damage_offers_no_job() {
    let town = Town::open().await;
    town.notice("様式が変わります", &[("audience", "facilities")]).await;
    town.notice("みなさんへ", &[]).await;
    let page = town.visit(&town.keys[0]).await;
    assert!(page.body.contains("様式が変わります") && !page.body.contains("みなさんへ"));
    let exercise = imaboard_domain::Incident {
        id: "drill".parse().unwrap(),
        name: "秋の訓練".into(),
        hazard: imaboard_domain::Hazard::Typhoon,
        areas: vec![],
        severity: imaboard_domain::Severity::Incident,
        exercise: true,
        opened_at: town.city.app().clock.now(),
        closed_at: None,
    };
    town.city.control(Facts::IncidentOpened(exercise)).await;
    let fields = [("staff", "critical"), ("face", "exercise"), ("send", "details")];
    let answer = town.submit(&format!("{}/reports", town.keys[0]), &fields).await;
    let receipt = town.visit(answer.header("location")).await;
    assert!(receipt.body.contains("訓練") && !receipt.body.contains("求人の 下書き"));
    let list = town.city.get("/desk/postings").await;
    assert!(list.body.contains("訓練") && !list.texts(".post-short").concat().contains("はまゆう荘"), "nobody is really short");
    // A posting is always real, also while an exercise runs.
    assert_eq!(town.sent(0, "ほんとうの休み").await.state, PostingState::Pending);
}
