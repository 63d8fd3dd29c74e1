//! The door through its real router, with cookies as a browser keeps them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use axum::body::Body;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::super::tests::{Answer, City};
use super::*;

/// A browser without a seat, at the real door.
struct Browser {
    router: Router,
    cookies: Mutex<BTreeMap<String, String>>,
}

const PASSWORD: &str = "かもめが三羽とんでいった朝のみなと";

impl Browser {
    fn at(city: &City) -> Self {
        Self { router: super::super::routes(city.app()).with_state(Arc::clone(city.app())), cookies: Mutex::default() }
    }

    async fn ask(&self, request: axum::http::request::Builder, body: String) -> Answer {
        let jar: Vec<String> = self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(header::COOKIE, jar.join("; ")).body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            assert!(rest.contains("HttpOnly") && rest.contains("SameSite=Lax") && rest.contains("Path=/"), "{rest}");
            self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
        }
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(axum::http::Request::builder().uri(path), String::new()).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from("same-origin", path, fields).await
    }

    async fn post_from(&self, site: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = axum::http::Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site);
        self.ask(request, form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()).await
    }

    /// Takes up an invitation with a password; gives the recovery codes.
    async fn join(&self, city: &City, invitation: &str) -> Vec<String> {
        let page = self.get(&format!("/desk/join/{invitation}")).await;
        assert_eq!(page.status, StatusCode::OK);
        let salt = page.values("input[name=salt]", "value").remove(0);
        let account = city.app().staff.invitation(invitation).await.unwrap();
        let code = code_now(city, &account, &salt);
        let fields = [("salt", salt.as_str()), ("new_password", PASSWORD), ("code", &code)];
        let joined = self.post(&format!("/desk/join/{invitation}"), &fields).await;
        assert_eq!(joined.status, StatusCode::OK, "{}", joined.body);
        joined.texts("ol.account-list li")
    }
}

fn code_now(city: &City, account: &Account, salt: &str) -> String {
    let codes = city.app().staff.codes(account, &salt_of(salt).unwrap(), &city.app().city.name).unwrap();
    codes.generate(u64::try_from(city.app().clock.now().as_second()).unwrap()).to_string()
}

#[tokio::test]
async fn nobody_gets_in_without_a_seat_and_the_way_leads_back_to_what_was_asked_for() {
    let city = City::open().await;
    let browser = Browser::at(&city);
    for room in Room::LISTED.iter().map(|room| room.path()).chain(["/desk/account", "/desk/account/staff", "/desk/nowhere"]) {
        let answer = browser.get(room).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{room}");
        assert!(answer.header("location").starts_with("/desk/login?next="), "{room}");
    }
    let asked = browser.get("/desk/facilities?q=a").await;
    assert_eq!(asked.header("location"), "/desk/login?next=%2Fdesk%2Ffacilities%3Fq%3Da");
    let posted = browser.post("/desk/account/staff", &[("name", "x")]).await;
    assert_eq!(posted.header("location"), "/desk/login?next=%2Fdesk", "a form is not sent again by itself");
    for evil in ["https://evil.example/", "//evil.example", "/desk//evil.example", "/desk\\evil"] {
        assert_eq!(next_of(Some(evil)), "/desk", "{evil}");
    }
}

#[tokio::test]
async fn an_invitation_leads_to_a_seat_and_ten_codes_that_are_shown_once() {
    let city = City::open().await;
    let browser = Browser::at(&city);
    let (_, invitation) = city.app().staff.invite("福祉課 1番席", Role::Admin).await.unwrap();
    let page = browser.get(&format!("/desk/join/{invitation}")).await;
    let salt = page.values("input[name=salt]", "value").remove(0);
    let path = format!("/desk/join/{invitation}");
    let short = browser.post(&path, &[("salt", &salt), ("new_password", "short"), ("code", "123456")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.texts("#wrong-new_password")[0].contains("15文字以上"));
    assert_eq!(short.values("input[name=salt]", "value"), [salt], "nobody has to scan again");
    assert!(!short.body.contains("value=\"short\""), "a password is never given back");

    let codes = browser.join(&city, &invitation).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(browser.get("/desk/account").await.status, StatusCode::OK);
    assert_eq!(browser.get(&path).await.status, StatusCode::NOT_FOUND, "it works once");
    assert!(!browser.get("/desk/account").await.body.contains(&codes[0]));

    let stranger = Browser::at(&city);
    let fields = [("name", "福祉課 1番席"), ("password", ""), ("code", codes[3].as_str()), ("next", "/desk/account")];
    let entered = stranger.post("/desk/login", &fields).await;
    assert_eq!((entered.status, entered.header("location")), (StatusCode::SEE_OTHER, "/desk/account"));
    let own = stranger.get("/desk/account").await;
    assert_eq!(own.texts("#sessions ~ div tbody tr").len(), 2, "both browsers are listed");
    let other = own.values("form[action='/desk/account/sessions/end'] input", "value");
    stranger.post("/desk/account/sessions/end", &[("session", &other[0])]).await;
    assert_eq!(browser.get("/desk/account").await.status, StatusCode::SEE_OTHER, "its session was ended from the other browser");
    let out = stranger.post("/desk/account/logout", &[]).await;
    assert_eq!(out.header("location"), LOGIN);
    assert_eq!(stranger.get("/desk/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let city = City::open().await;
    let browser = Browser::at(&city);
    let (account, invitation) = city.app().staff.invite("a", Role::Admin).await.unwrap();
    browser.join(&city, &invitation).await;
    for site in ["cross-site", "same-site", "none"] {
        let answer = browser.post_from(site, "/desk/account/staff", &[("name", "evil"), ("role", "admin")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site}");
        assert_eq!(browser.post_from(site, "/desk/login", &[("name", "a")]).await.status, StatusCode::FORBIDDEN, "{site}");
    }
    assert_eq!(city.app().staff.list().await.unwrap().len(), 1);
    assert_eq!(city.app().staff.list().await.unwrap()[0].id, account.id);
}

#[tokio::test]
async fn an_old_browser_is_believed_by_its_origin() {
    let ask = |origin: &str, host: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("origin", origin.parse().unwrap());
        headers.insert("host", host.parse().unwrap());
        is_from_here(&headers)
    };
    assert!(ask("https://board.example.jp", "board.example.jp"));
    assert!(!ask("https://evil.example", "board.example.jp"));
    assert!(!ask("null", "board.example.jp"));
    assert!(!is_from_here(&HeaderMap::new()), "who says nothing is not believed");
}

#[tokio::test]
async fn administrators_invite_close_and_see_the_keys_and_others_do_not() {
    let city = City::open().await;
    for role in [Role::Viewer, Role::Coordinator] {
        assert_eq!(city.get_as(role, "/desk/account/staff").await.status, StatusCode::FORBIDDEN);
        assert_eq!(city.post_as(role, "/desk/account/staff", &[("name", "x")]).await.status, StatusCode::FORBIDDEN);
    }
    let admin = Browser::at(&city);
    let (_, invitation) = city.app().staff.invite("管理", Role::Admin).await.unwrap();
    admin.join(&city, &invitation).await;
    let empty = admin.post("/desk/account/staff", &[("name", "  "), ("role", "coordinator")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!empty.texts("#wrong-name").is_empty());
    let invited = admin.post("/desk/account/staff", &[("name", "福祉課"), ("role", "coordinator")]).await;
    let url = invited.values(".done a", "href").remove(0);
    let taken = admin.post("/desk/account/staff", &[("name", "福祉課"), ("role", "viewer")]).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    assert_eq!(taken.values("#name", "value"), ["福祉課"], "what was typed is kept");

    let colleague = Browser::at(&city);
    colleague.join(&city, url.rsplit('/').next().unwrap()).await;
    let account = city.app().staff.list().await.unwrap().into_iter().find(|a| a.name == "福祉課").unwrap();
    let key = city.app().keys.new_id().unwrap();
    let facts = Facts::KeyIssued { key, facility: "f001".parse().unwrap(), label: "玄関".into() };
    super::super::control(city.app(), &member_of(account.clone()), crate::recorder::new_id(), facts, None).await.unwrap();

    let asks = admin.get(&format!("/desk/account/staff/{}/disable", account.id)).await;
    assert_eq!(asks.status, StatusCode::OK);
    assert_eq!(colleague.get("/desk/account").await.status, StatusCode::OK, "asking closes nothing");
    let closed = admin.post(&format!("/desk/account/staff/{}/disable", account.id), &[]).await;
    assert_eq!(closed.status, StatusCode::OK);
    assert!(closed.texts("tbody tr")[0].contains("はまゆう荘"), "the keys it issued are listed");
    assert_eq!(colleague.get("/desk/account").await.status, StatusCode::SEE_OTHER, "out at once");
}

#[tokio::test]
async fn too_many_tries_are_told_to_wait_and_everything_typed_but_secrets_is_kept() {
    let city = City::open().await;
    let browser = Browser::at(&city);
    let fields = [("name", "福祉課"), ("password", "wrong wrong wrong"), ("code", "123456")];
    for _ in 0..6 {
        let wrong = browser.post("/desk/login", &fields).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(wrong.values("#name", "value"), ["福祉課"]);
        assert!(!wrong.body.contains("wrong wrong"));
    }
    let wait = browser.post("/desk/login", &fields).await;
    assert_eq!(wait.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!wait.header("retry-after").is_empty());
}
