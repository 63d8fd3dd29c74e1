//! `imaboard copy`: a city moves from one database to another.
//!
//! *Invariant:* what stands in the new place is the same city, to the last hash and the last button.

use crate::support::postgres::{self, PASSWORD};
use crate::support::{City, Program};

fn file_url(city: &City) -> String {
    format!("sqlite://{}", city.data().join("imaboard.db").display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_city_moves_to_a_server_and_goes_on_there() {
    if !postgres::is_here() {
        return;
    }
    let mut old = Program::start(City::on_a_file(), &[]).await;
    let url = old.report_url("f003").await;
    let target = postgres::database();
    let copied = old.run(["copy", "--from", &file_url(&old), "--to", &target]).await.ok();
    let verified = old.run(["log", "verify"]).await.ok();
    assert_eq!(copied.stdout, verified.stdout, "both say position and hash of the same head");
    assert!(!copied.stderr.contains('\r') && !copied.stderr.contains('\x1b'), "a bar in a pipe: {:?}", copied.stderr);
    assert!(!copied.stderr.contains(PASSWORD), "{}", copied.stderr);
    let log = old.log(1).await;
    old.stop().await;

    let city = City::on_a_file().set("database.url", &target);
    std::fs::create_dir(city.data()).unwrap();
    std::fs::copy(old.data().join("secret.key"), city.data().join("secret.key")).unwrap();
    let mut new = city.serve().await;
    assert_eq!(new.log(1).await, log);
    let path = url.rsplit_once("/r/").unwrap().1;
    new.web().get(&format!("/r/{path}")).await.is(200);
    new.stop().await;

    let refused = city.run(["copy", "--from", &file_url(&old), "--to", &target]).await.refused(1);
    assert!(refused.stderr.contains("not empty"), "{}", refused.stderr);
    assert_eq!(city.log(1).await, log, "a refused copy changes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_killed_half_way_is_no_city_and_goes_on_when_asked_again() {
    let source = City::on_a_file();
    let mut program = source.serve().await;
    program.stop().await;
    let to = City::on_a_file();
    std::fs::create_dir(to.data()).unwrap();
    let arguments = ["copy".to_owned(), "--from".to_owned(), file_url(&source), "--to".to_owned(), file_url(&to)];
    let expected = source.run(["log", "verify"]).await.ok().stdout;
    let mut half_seen = false;
    for pause_us in (0..).step_by(2_000) {
        let mut child = source.command().args(&arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
        // The moment of the kill is what is drawn here.
        tokio::time::sleep(std::time::Duration::from_micros(pause_us)).await;
        child.start_kill().unwrap();
        if child.wait().await.unwrap().success() {
            break;
        }
        if to.data().join("imaboard.db").exists() {
            let looked = to.run(["log", "verify"]).await;
            // Before the mark stands, the file is empty or a log of nothing.
            if looked.stdout == expected {
                break;
            }
            assert!(looked.code == 1 || looked.stdout.starts_with("ok 0"), "{}", looked.stdout);
            half_seen |= looked.stderr.contains("cut off");
        }
    }
    eprintln!("a half copy was seen: {half_seen}");
    assert_eq!(to.run(["log", "verify"]).await.ok().stdout, expected);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_repeating_it() {
    let city = City::on_a_file();
    let refused = city.run(["copy", "--from", "mysql://a:geheim@b/c", "--to", "sqlite:x.db"]).await.refused(1);
    assert!(refused.stderr.contains("--from") && !refused.stderr.contains("geheim"), "{}", refused.stderr);
    city.run(["copy", "--from", "sqlite:nothing.db", "--to", "sqlite:x.db"]).await.refused(1);
    assert!(!city.beside("x.db").exists(), "a copy of nothing left a file");
}
