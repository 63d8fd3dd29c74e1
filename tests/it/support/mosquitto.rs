//! A real Mosquitto, for houses that have a broker already.
//!
//! *Invariant:* it keeps sessions and queued messages over a restart, on the same port, like the broker of a real house.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{DEADLINE, find_tool, wait_until};

/// User and password of the server and of devices at this broker.
pub(crate) const LOGIN: (&str, &str) = ("house", "correct horse");

pub(crate) struct Mosquitto {
    address: SocketAddr,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Mosquitto {
    /// Starts with one user, [`LOGIN`]; nobody else may connect.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("imaboard-mosquitto-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = folder.path().display();
        let passwords = folder.path().join("passwords");
        let mut command = Command::new(find_tool("mosquitto_passwd").expect("mosquitto_passwd"));
        command.args(["-b", "-c"]).arg(&passwords).args([LOGIN.0, LOGIN.1]).stderr(Stdio::null());
        assert!(command.status().unwrap().success(), "mosquitto_passwd failed");
        // Started as root it would change to a user who cannot write here.
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {path}/passwords\npersistence true\n\
             persistence_location {path}/\nmax_queued_messages 10000\nuser root\nlog_dest none\n"
        );
        std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let mut mosquitto = Self { address: ([127, 0, 0, 1], port).into(), folder, child: None };
        mosquitto.start_again().await;
        mosquitto
    }

    /// `mqtt://host:port`
    pub(crate) fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }

    /// Starts it with what it kept.
    pub(crate) async fn start_again(&mut self) {
        let mut command = Command::new(find_tool("mosquitto").expect("mosquitto"));
        command.arg("-c").arg(self.folder.path().join("mosquitto.conf")).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let address = self.address;
        wait_until("Mosquitto listens", DEADLINE, async || TcpStream::connect(address).is_ok()).await;
    }

    /// Stops it in order; it writes its sessions to disk.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().expect("it does not run");
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
