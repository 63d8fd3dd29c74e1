//! Faults: what was acknowledged is never lost and never doubled, whatever breaks.
//!
//! Every test says its seed; `IMABOARD_TEST_SEED` repeats a run as far as the operating system lets it. *Invariant:* clients here
//! believe only what reached them, and the log is read with the program's own command.

mod at_once;
mod checkpoints;
mod clock;
mod disk;
mod files;
mod kill;
mod server;
mod traffic;
mod wire;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::support::device::press;
use crate::support::{Answer, Program, Web, wait_until};

/// The seed of this run, said so that a failure can be repeated.
fn seed() -> u64 {
    let seed = std::env::var("IMABOARD_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(rand::random);
    eprintln!("IMABOARD_TEST_SEED={seed}");
    seed
}

fn rng(seed: u64, stream: u64) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_add(stream.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

/// A facility of the sample city that has beds.
const FACILITY: &str = "f003";
/// Another one.
const OTHER: &str = "f016";

/// The path of a facility's report page.
async fn report_path(program: &Program, facility: &str) -> String {
    let url = program.report_url(facility).await;
    format!("/r/{}", url.rsplit_once("/r/").expect("a report URL").1)
}

fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The smallest JSON report.
fn report(id: &str) -> Value {
    json!({ "id": id, "observations": [{ "aspect": "operation", "value": "normal" }] })
}

/// What the form would send with nothing but this remark typed, with a nonce of its own.
async fn form_with(web: &Web, path: &str, remark: &str) -> Vec<(String, String)> {
    let page = web.get(path).await;
    let mut fields = page.is(200).page().form("form:has(textarea[name=remark])");
    fields.retain(|(name, _)| matches!(name.as_str(), "nonce" | "seen" | "face" | "remark"));
    for (name, value) in &mut fields {
        match name.as_str() {
            "nonce" => *value = new_id(),
            "remark" => remark.clone_into(value),
            _ => {}
        }
    }
    fields.push(("send".to_owned(), "details".to_owned()));
    fields
}

async fn post(web: &Web, path: &str, body: &Value) -> Answer {
    web.post_json(&format!("{path}/reports"), body).await
}

/// Whether `/readyz` comes to answer this.
async fn readiness_becomes(program: &Program, status: u16) {
    let ops = program.ops();
    let deadline = crate::support::DEADLINE;
    wait_until(&format!("/readyz {status}"), deadline, async || ops.get("/readyz").await.status == status).await;
}

/// The chain holds, and positions have no gap; gives the log.
async fn sound_log(program: &Program) -> Vec<Value> {
    program.run(["log", "verify"]).await.ok();
    let log = program.log(1).await;
    let seqs: Vec<u64> = log.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=log.len() as u64).collect::<Vec<_>>(), "positions have a gap");
    log
}

/// How often an id stands on the log.
fn count_id(log: &[Value], id: &str) -> usize {
    log.iter().filter(|e| e["id"] == id).count()
}

/// How often a press of this counter stands on the log.
fn count_press(log: &[Value], button: &str, seq: u64) -> usize {
    let dedupe = format!("n:{seq}");
    log.iter().filter(|e| e["facts"]["press"]["button"] == button && e["facts"]["press"]["dedupe"] == dedupe.as_str()).count()
}
