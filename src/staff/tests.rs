//! What the door promises, on a real database.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use super::*;
use crate::clock::ManualClock;
use crate::log::{DatabasePlace, OpenMode};

struct Desk {
    staff: Arc<Staff>,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

const CITY: &str = "西海市";
const PASSWORD: &str = "かもめが三羽とんでいった";
const LIMITS: SessionLimits = SessionLimits { idle: SignedDuration::from_mins(60), absolute: SignedDuration::from_hours(14) };

/// Fifteen characters and more.
fn long() -> String {
    format!("{PASSWORD}朝のみなと")
}

impl Desk {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = DatabasePlace::Sqlite(folder.path().join("imaboard.db"));
        let log = Log::open(&place, OpenMode::Write).await.unwrap();
        let clock = Arc::new(ManualClock::new("2026-11-29T00:00:00Z".parse().unwrap()));
        let staff = Staff::new(log, Keys::new([7; 32]), Arc::clone(&clock) as Arc<dyn Clock>, LIMITS, "http://127.0.0.1:1", CITY);
        Self { staff: Arc::new(staff), clock, _folder: folder }
    }

    fn pass(&self, time: SignedDuration) {
        self.clock.advance(time);
    }

    /// What the app of somebody shows now.
    fn code(&self, account: &Account, salt: &[u8]) -> String {
        self.staff.codes(account, salt, CITY).unwrap().generate(self.staff.unix_now()).to_string()
    }

    /// Somebody invited who joined with a password; with the recovery codes.
    async fn member(&self, name: &str, role: Role) -> (Entered, Vec<String>) {
        let (account, invitation) = self.staff.invite(name, role).await.unwrap();
        let code = self.code(&account, &[1; 16]);
        let joined = self.staff.join_with_password(&invitation, (&long(), &code, &[1; 16]), ("", CITY)).await.unwrap();
        self.pass(SignedDuration::from_secs(60));
        joined
    }

    async fn log_in(&self, account: &Account, password: &str, code: &str, device: Option<&str>) -> Result<Entered, EntryError> {
        self.staff.log_in(&account.name, password, code, device, "").await
    }
}

#[tokio::test]
async fn an_invitation_opens_one_seat_once_and_the_seat_is_entered_with_both_factors() {
    let desk = Desk::open().await;
    let (account, invitation) = desk.staff.invite("福祉課 1番席", Role::Coordinator).await.unwrap();
    assert!(matches!(desk.staff.invite("福祉課 1番席", Role::Viewer).await, Err(EntryError::NameTaken)));
    let code = desk.code(&account, &[1; 16]);
    let weak = desk.staff.join_with_password(&invitation, ("short", &code, &[1; 16]), ("", CITY)).await;
    assert!(matches!(weak, Err(EntryError::Weak(Weak::Short))), "the invitation is not used up by it");
    let wrong = desk.staff.join_with_password(&invitation, (&long(), "000000", &[1; 16]), ("", CITY)).await;
    assert!(matches!(wrong, Err(EntryError::WrongCode)));
    let (entered, codes) = desk.staff.join_with_password(&invitation, (&long(), &code, &[1; 16]), ("", CITY)).await.unwrap();
    assert_eq!(codes.len(), RECOVERY_CODES);
    assert_eq!(desk.staff.session(&entered.session).await.unwrap().unwrap().0.id, account.id);
    assert!(matches!(desk.staff.invitation(&invitation).await, Err(EntryError::NoInvitation)), "it works once");

    assert!(
        matches!(desk.log_in(&account, &long(), &code, None).await, Err(EntryError::Wrong)),
        "a code works once, at joining, too"
    );
    desk.pass(SignedDuration::from_secs(60));
    let code = desk.code(&account, &[1; 16]);
    assert!(matches!(desk.log_in(&account, "another long password", &code, None).await, Err(EntryError::Wrong)));
    let again = desk.log_in(&account, &long(), &code, None).await.unwrap();
    assert_ne!(again.session, entered.session, "a session is never taken over from before");
    assert!(matches!(desk.log_in(&account, &long(), &code, None).await, Err(EntryError::Wrong)), "nor does a code work twice");
}

#[tokio::test]
async fn an_invitation_runs_out_and_a_new_one_takes_its_place() {
    let desk = Desk::open().await;
    let (account, first) = desk.staff.invite("a", Role::Viewer).await.unwrap();
    let (_, second) = desk.staff.invite_again(&account.id).await.unwrap();
    assert!(matches!(desk.staff.invitation(&first).await, Err(EntryError::NoInvitation)));
    assert!(desk.staff.invitation(&second).await.is_ok());
    desk.pass(INVITATION);
    desk.pass(SignedDuration::from_secs(1));
    assert!(matches!(desk.staff.invitation(&second).await, Err(EntryError::NoInvitation)));
}

#[tokio::test]
async fn a_recovery_code_works_once_without_password_and_only_for_its_owner() {
    let desk = Desk::open().await;
    let (one, codes) = desk.member("a", Role::Admin).await;
    let (other, _) = desk.member("b", Role::Admin).await;
    assert!(matches!(desk.log_in(&other.account, "", &codes[0], None).await, Err(EntryError::Wrong)));
    let typed = codes[0].to_uppercase().replace('-', " ");
    assert!(desk.log_in(&one.account, "", &typed, None).await.is_ok(), "as people type it");
    assert!(matches!(desk.log_in(&one.account, "", &codes[0], None).await, Err(EntryError::Wrong)));
    assert_eq!(desk.staff.recovery_codes_left(&one.account.id).await.unwrap(), 9);
    desk.staff.new_recovery_codes(&one.account.id).await.unwrap();
    assert!(matches!(desk.log_in(&one.account, "", &codes[1], None).await, Err(EntryError::Wrong)), "new ones replace the old");
}

#[tokio::test]
async fn sessions_end_when_idle_in_all_and_by_hand() {
    let desk = Desk::open().await;
    let (entered, _) = desk.member("a", Role::Admin).await;
    for _ in 0..13 {
        desk.pass(SignedDuration::from_mins(58));
        assert!(desk.staff.session(&entered.session).await.unwrap().is_some(), "it is used every hour");
    }
    desk.pass(SignedDuration::from_mins(61));
    assert!(desk.staff.session(&entered.session).await.unwrap().is_none(), "nobody touched it for an hour");

    let code = desk.code(&entered.account, &[1; 16]);
    let entered = desk.log_in(&entered.account, &long(), &code, None).await.unwrap();
    for _ in 0..28 {
        desk.pass(SignedDuration::from_mins(30));
        drop(desk.staff.session(&entered.session).await.unwrap());
    }
    assert!(desk.staff.session(&entered.session).await.unwrap().is_none(), "fourteen hours are over");

    let code = desk.code(&entered.account, &[1; 16]);
    let entered = desk.log_in(&entered.account, &long(), &code, None).await.unwrap();
    let held = desk.staff.sessions(&entered.account.id).await.unwrap();
    assert_eq!(held.len(), 1);
    desk.staff.end_session(&entered.account.id, &held[0].hash).await.unwrap();
    assert!(desk.staff.session(&entered.session).await.unwrap().is_none());
}

#[tokio::test]
async fn a_closed_seat_is_out_at_once_and_the_last_administrator_cannot_go() {
    let desk = Desk::open().await;
    let (admin, _) = desk.member("a", Role::Admin).await;
    let (other, codes) = desk.member("b", Role::Coordinator).await;
    assert!(matches!(desk.staff.disable(&admin.account.id).await, Err(EntryError::LastAdmin)));
    assert!(matches!(desk.staff.set_role(&admin.account.id, Role::Viewer).await, Err(EntryError::LastAdmin)));
    assert!(desk.staff.disable(&other.account.id).await.unwrap().is_empty());
    assert!(desk.staff.session(&other.session).await.unwrap().is_none());
    let code = desk.code(&other.account, &[1; 16]);
    assert!(matches!(desk.log_in(&other.account, &long(), &code, None).await, Err(EntryError::Wrong)));
    assert!(matches!(desk.log_in(&other.account, "", &codes[0], None).await, Err(EntryError::Wrong)));
    let (again, invitation) = desk.staff.invite_again(&other.account.id).await.unwrap();
    assert_eq!(again.disabled_at, None);
    assert!(desk.staff.invitation(&invitation).await.is_ok());
}

#[tokio::test]
async fn the_first_administrator_is_invited_until_there_is_one() {
    let desk = Desk::open().await;
    let first = desk.staff.first_invitation("最初の管理者").await.unwrap().unwrap();
    let second = desk.staff.first_invitation("最初の管理者").await.unwrap().unwrap();
    assert!(
        matches!(desk.staff.invitation(&first).await, Err(EntryError::NoInvitation)),
        "each start makes the one before useless"
    );
    let account = desk.staff.invitation(&second).await.unwrap();
    let code = desk.code(&account, &[1; 16]);
    desk.staff.join_with_password(&second, (&long(), &code, &[1; 16]), ("", CITY)).await.unwrap();
    assert_eq!(desk.staff.first_invitation("最初の管理者").await.unwrap(), None);
}

#[tokio::test]
async fn seats_unused_for_ninety_days_are_said_to_be() {
    let desk = Desk::open().await;
    let (entered, _) = desk.member("a", Role::Admin).await;
    let unused = |staff: Vec<Account>, now| staff.iter().filter(|a| a.is_unused(now)).count();
    assert_eq!(unused(desk.staff.list().await.unwrap(), desk.clock.now()), 0);
    desk.pass(UNUSED);
    desk.pass(SignedDuration::from_hours(1));
    assert_eq!(unused(desk.staff.list().await.unwrap(), desk.clock.now()), 1);
    let code = desk.code(&entered.account, &[1; 16]);
    desk.log_in(&entered.account, &long(), &code, None).await.unwrap();
    assert_eq!(unused(desk.staff.list().await.unwrap(), desk.clock.now()), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_wrong_passwords_of_strangers_keep_no_known_browser_out() {
    let desk = Desk::open().await;
    let (entered, _) = desk.member("a", Role::Admin).await;
    let attack: Vec<_> = (0..10_000)
        .map(|n| {
            let (staff, name) = (Arc::clone(&desk.staff), entered.account.name.clone());
            tokio::spawn(async move { staff.log_in(&name, &format!("wrong password {n}"), "123456", None, "").await.is_ok() })
        })
        .collect();
    tokio::task::yield_now().await;
    let started = Instant::now();
    let code = desk.code(&entered.account, &[1; 16]);
    let known = desk.log_in(&entered.account, &long(), &code, Some(&entered.device)).await;
    let took = started.elapsed();
    assert!(known.is_ok(), "{known:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    for one in attack {
        assert!(!one.await.unwrap());
    }
    desk.pass(SignedDuration::from_secs(60));
    let code = desk.code(&entered.account, &[1; 16]);
    let stranger = desk.log_in(&entered.account, &long(), &code, None).await;
    assert!(matches!(stranger, Ok(_) | Err(EntryError::Wait { .. })), "{stranger:?}");
    let forged = desk.log_in(&entered.account, &long(), &code, Some("a.b.c")).await;
    assert!(!matches!(forged, Err(EntryError::Crowded)), "a forged cookie is a stranger's");
}

#[test]
fn passkeys_want_a_name_and_https() {
    for good in ["https://board.example.jp", "https://board.example.jp:8443", "http://localhost:8080", "http://127.0.0.1:8080"] {
        assert!(Passkeys::at(good, CITY).is_ok(), "{good}");
    }
    for bad in ["http://board.example.jp", "https://192.168.1.5", "http://192.168.1.5:8080", "board"] {
        assert_eq!(Passkeys::at(bad, CITY).unwrap_err(), PasskeyError::Address, "{bad}");
    }
}
