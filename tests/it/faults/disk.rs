//! A disk that is full, or turns read-only, under a running program: a real one, a small tmpfs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{FACILITY, count_id, count_press, form_with, new_id, post, readiness_becomes, report, report_path, sound_log};
use crate::support::{City, needs};

/// A small disk of its own under a data folder.
struct Disk(PathBuf);

impl Disk {
    /// `None` where mounting is not permitted and the run was told so.
    fn mount(city: &City, size: &str) -> Option<Self> {
        if !needs("mount") {
            return None;
        }
        std::fs::create_dir_all(city.data()).unwrap();
        let options = format!("size={size},mode=0700");
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(city.data()).status().unwrap();
        assert!(status.success(), "this test mounts a tmpfs: run it as root, or set IMABOARD_TEST_SKIP=mount");
        Some(Self(city.data()))
    }

    fn remount(&self, option: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{option}")]).arg(&self.0).status().unwrap();
        assert!(status.success());
    }

    /// Fills it to the last byte; gives the file that does.
    fn fill(&self) -> PathBuf {
        let ballast = self.0.join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        for size in [65_536, 4_096, 1] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
        ballast
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn add(ballast: &Path) {
    let mut file = std::fs::OpenOptions::new().append(true).open(ballast).unwrap();
    while file.write_all(&[b'x'; 512]).is_ok() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_acknowledges_nothing_and_recovers_without_a_restart() {
    let city = City::on_a_file();
    let Some(disk) = Disk::mount(&city, "16m") else { return };
    let mut program = city.serve().await;
    let web = program.web();
    let path = report_path(&program, FACILITY).await;
    let device = program.enrol(FACILITY, "hall", &["single=vacancy:full"]).await;
    readiness_becomes(&program, 200).await;
    let page = form_with(&web, &path, "発電機の油があと少しです").await;
    let ballast = disk.fill();
    // The write-ahead file has room of its own; what is stored until it is used up is stored.
    let mut stored = Vec::new();
    let refused = loop {
        let id = new_id();
        let answer = post(&web, &path, &report(&id)).await;
        match answer.status {
            201 => stored.push(id),
            _ => break (id, answer),
        }
        assert!(stored.len() < 20_000, "the disk is never full");
        add(&ballast);
    };
    let (id, answer) = refused;
    answer.is(503);
    let form = web.post_form(&format!("{path}/reports"), &page).await;
    assert!(form.is(503).text().contains("発電機の油があと少しです"), "what was typed is gone");
    assert!(!device.publish_within(Duration::from_secs(2), "imaboard/button/hall/press", super::press("single", 1)).await);
    web.get("/").await.is(200);
    web.get(&path).await.is(200);
    readiness_becomes(&program, 503).await;

    std::fs::remove_file(ballast).unwrap();
    readiness_becomes(&program, 200).await;
    // The device goes on by itself; the others try again.
    let mut acknowledged = device.acknowledged();
    acknowledged.wait_for(|n| *n > 0).await.unwrap();
    post(&web, &path, &report(&id)).await.is(201);
    web.post_form(&format!("{path}/reports"), &page).await.is(303);
    let log = sound_log(&program).await;
    for id in stored.iter().chain([&id]) {
        assert_eq!(count_id(&log, id), 1, "{id}");
    }
    assert_eq!(count_press(&log, device.button(), 1), 1);
    assert_eq!(log.iter().filter(|e| e["text"] == "発電機の油があと少しです").count(), 1);
    program.stop().await;
    sound_log(&program).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_disk_is_refused_with_words() {
    let city = City::on_a_file();
    let Some(disk) = Disk::mount(&city, "16m") else { return };
    let mut program = city.serve().await;
    program.stop().await;
    disk.remount("ro");
    let refused =
        program.run(["serve", "--listen", "127.0.0.1:0", "--mqtt-listen", "off", "--ops-listen", "off"]).await.refused(1);
    assert!(refused.stderr.to_lowercase().contains("read-only"), "{}", refused.stderr);
    // Reading leaves no trace, so it goes on.
    program.run(["log", "verify"]).await.ok();
    disk.remount("rw");
    sound_log(&program).await;
}
