//! A real browser without a window.
//!
//! Every test has a browser of its own with an empty profile. *Invariant:* nothing in it calls home, and both processes (driver
//! and browser) end with their owner.

use std::io::{BufRead, BufReader, Lines};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use thirtyfour::prelude::*;

use super::{DEADLINE, LOOK_AGAIN, find_tool, wait_for};

/// The bit of the control key among the keys that are held.
const CONTROL: u32 = 2;

/// What it shows, and how large.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Screen {
    /// A small telephone: 360 × 740.
    Phone,
    /// A wall display: 1920 × 1080.
    Wall,
    /// A PC in city hall: 1366 × 768.
    Desk,
}

impl Screen {
    fn size(self) -> (u32, u32) {
        match self {
            Self::Phone => (360, 740),
            Self::Wall => (1_920, 1_080),
            Self::Desk => (1_366, 768),
        }
    }
}

/// A running browser. Dereferences to its driver.
pub(crate) struct Browser {
    driver: WebDriver,
    chromedriver: Child,
    browser: Option<Pid>,
    _profile: tempfile::TempDir,
}

impl Deref for Browser {
    type Target = WebDriver;

    fn deref(&self) -> &WebDriver {
        &self.driver
    }
}

/// Starts the driver on a port of its choice. It takes the port for IPv4 and IPv6 one after the other and gives up if somebody
/// else has it by then, so it is started again a few times.
fn start_driver() -> (Child, Lines<BufReader<ChildStdout>>, String) {
    for _ in 0..5 {
        let mut chromedriver = Command::new(find_tool("chromedriver").expect("chromedriver"))
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(chromedriver.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.rsplit_once("successfully on port ").map(|(_, port)| port.trim_end_matches('.').to_owned()));
        if let Some(port) = port {
            return (chromedriver, lines, port);
        }
        drop(chromedriver.kill());
        drop(chromedriver.wait());
    }
    panic!("chromedriver finds no port");
}

impl Browser {
    /// An ordinary browser.
    pub(crate) async fn open(screen: Screen) -> Self {
        Self::start(screen, true, false).await
    }

    /// A browser that takes a certificate nobody vouches for.
    pub(crate) async fn trusting_everybody(screen: Screen) -> Self {
        Self::start(screen, true, true).await
    }

    /// A browser whose owner switched JavaScript off.
    pub(crate) async fn without_javascript(screen: Screen) -> Self {
        Self::start(screen, false, false).await
    }

    async fn start(screen: Screen, javascript: bool, trusting: bool) -> Self {
        let profile = tempfile::Builder::new().prefix("imaboard-browser-").tempdir().unwrap();
        let (chromedriver, lines, port) = start_driver();
        std::thread::spawn(move || lines.for_each(drop));

        let (width, height) = screen.size();
        let mut wishes = DesiredCapabilities::chrome();
        wishes.accept_insecure_certs(trusting).unwrap();
        for argument in [
            "--headless=new",
            // A container's root cannot make the browser's own sandbox.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-proxy-server",
            "--hide-scrollbars",
            "--lang=ja",
            // Pages scroll softly; the driver would tap where a key is not yet.
            "--force-prefers-reduced-motion",
            &format!("--window-size={width},{height}"),
            &format!("--user-data-dir={}", profile.path().display()),
        ] {
            wishes.add_arg(argument).unwrap();
        }
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wishes).await.unwrap();
        let browser = driver.capabilities().get("goog:processID").and_then(serde_json::Value::as_i64);
        let browser = browser.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        // A window has a least width; a telephone is narrower, so the page is told the size itself.
        let mobile = matches!(screen, Screen::Phone);
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
        driver.set_page_load_timeout(DEADLINE).await.unwrap();
        if !javascript {
            // Not by the browser's own setting: that also stops the scripts with which the driver taps and reads.
            driver.cdp().send_raw("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await.unwrap();
            driver.goto("data:text/html,<noscript>off</noscript><script>document.write('on')</script>").await.unwrap();
            assert_eq!(driver.find(By::Css("body")).await.unwrap().text().await.unwrap(), "off", "JavaScript still runs");
        }
        Self { driver, chromedriver, browser, _profile: profile }
    }

    /// The text of the page as it is seen.
    pub(crate) async fn text(&self) -> String {
        // An element may be replaced while it is read; then the next look counts.
        match self.driver.find(By::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until the page shows this text.
    pub(crate) async fn sees(&self, text: &str) {
        let started = Instant::now();
        loop {
            let shown = self.text().await;
            if shown.contains(text) {
                return;
            }
            if started.elapsed() > DEADLINE {
                let picture = self.picture().await;
                panic!("never on the page: {text:?}; see {}; it shows:\n{shown}", picture.display());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits for an element.
    pub(crate) async fn one(&self, css: &str) -> WebElement {
        wait_for(css, async || self.driver.find(By::Css(css)).await.ok()).await
    }

    /// The words of an element, once it is there: a page that keeps itself new may take it away between finding and reading.
    pub(crate) async fn words_of(&self, css: &str) -> String {
        wait_for(css, async || self.driver.find(By::Css(css)).await.ok()?.text().await.ok()).await
    }

    /// Presses keys where the focus is, as somebody does who has no mouse: `Enter`, `Tab`, `Ctrl+Enter`, or letters.
    ///
    /// As the browser's own input, because the driver's "actions" look at the page before and after, and do everything again if
    /// the page was left meanwhile: the second Enter then lands on the next page.
    pub(crate) async fn press(&self, what: &str) {
        match what {
            "Enter" => self.stroke(&json!({ "key": "Enter", "text": "\r", "windowsVirtualKeyCode": 13 })).await,
            "Tab" => self.stroke(&json!({ "key": "Tab", "windowsVirtualKeyCode": 9 })).await,
            "Ctrl+Enter" => {
                self.stroke(&json!({ "key": "Enter", "modifiers": CONTROL, "windowsVirtualKeyCode": 13 })).await;
            }
            letters => {
                for letter in letters.chars() {
                    self.stroke(&json!({ "key": letter, "text": letter })).await;
                }
            }
        }
    }

    /// One key, down and up.
    async fn stroke(&self, key: &serde_json::Value) {
        for way in ["keyDown", "keyUp"] {
            let mut event = key.clone();
            event["type"] = json!(way);
            self.driver.cdp().send_raw("Input.dispatchKeyEvent", event).await.unwrap();
        }
    }

    /// A key that proves who its owner is, built into this browser: touched at once whenever it is asked.
    pub(crate) async fn with_passkeys(&self) {
        self.driver.cdp().send_raw("WebAuthn.enable", json!({})).await.unwrap();
        let options = json!({ "options": {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
            "isUserVerified": true, "automaticPresenceSimulation": true,
        } });
        self.driver.cdp().send_raw("WebAuthn.addVirtualAuthenticator", options).await.unwrap();
    }

    /// What keeps people from using the page, by the rules of WCAG 2.2 A and AA, as axe finds it; empty if nothing does.
    pub(crate) async fn barriers(&self) -> Vec<String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}; run tests/run", file.display()));
        self.driver.execute(axe, vec![]).await.unwrap();
        let script = "const done = arguments[arguments.length - 1];
            const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
            axe.run(document, { runOnly: { type: 'tag', values: tags } }).then(r => done(r.violations.flatMap(v =>
                v.nodes.map(n => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`))), e => done([String(e)]))";
        let found = self.driver.execute_async(script, vec![]).await.unwrap();
        serde_json::from_value(found.json().clone()).unwrap()
    }

    /// Whether the page is wider than its window.
    pub(crate) async fn overflows(&self) -> bool {
        let script = "return document.scrollingElement.scrollWidth > window.innerWidth";
        self.driver.execute(script, vec![]).await.unwrap().json() == &serde_json::Value::Bool(true)
    }

    /// What the window looks like, as a file for whoever reads a failure.
    async fn picture(&self) -> PathBuf {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{}.png", std::process::id()));
        // A picture that cannot be taken must not hide what went wrong.
        drop(self.driver.screenshot(&file).await);
        file
    }

    /// Ends it in order, and fails the test if it cannot.
    pub(crate) async fn close(self) {
        self.driver.clone().quit().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver's own good-bye would wait for minutes for a process that we are about to end; after `close` it was said.
        drop(self.driver.clone().leak());
        if let Some(browser) = self.browser {
            // Already gone after `close`.
            kill_process(browser, Signal::KILL).ok();
        }
        drop(self.chromedriver.kill());
        drop(self.chromedriver.wait());
    }
}
