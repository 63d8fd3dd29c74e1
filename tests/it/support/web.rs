//! A visitor without a browser: sends what it is told, follows nothing, unpacks nothing.
//!
//! *Invariant:* what a test reads is what travelled.

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use scraper::{Html, Selector};
use serde_json::Value;

use super::DEADLINE;

/// A visitor of one listener.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    base: String,
    client: Client,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Web {
    pub(crate) fn new(base: &str) -> Self {
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(DEADLINE).build().unwrap();
        Self { base: base.to_owned(), client }
    }

    /// A path or a whole address.
    fn url(&self, path: &str) -> String {
        if path.starts_with("http://") { path.to_owned() } else { format!("{}{path}", self.base) }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (url, status, headers) = (response.url().to_string(), response.status().as_u16(), response.headers().clone());
        Answer { url, status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::GET, path);
        self.send(headers.iter().fold(request, |r, (name, value)| r.header(*name, *value))).await
    }

    pub(crate) async fn post_form(&self, path: &str, fields: &[(impl AsRef<str>, impl AsRef<str>)]) -> Answer {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_ref(), v.as_ref())).collect();
        self.send(self.request(Method::POST, path).form(&fields)).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// A stream of server-sent events.
    pub(crate) async fn events(&self, path: &str, last_event_id: Option<&str>) -> Events {
        // No time limit of the client's own: a stream has no end.
        let client = Client::builder().no_proxy().build().unwrap();
        let request = client.get(self.url(path)).header("accept", "text/event-stream");
        let request = last_event_id.into_iter().fold(request, |r, id| r.header("last-event-id", id));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        Events { response, unread: Vec::new() }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{}: {}", self.url, body.chars().take(2_000).collect::<String>());
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{}: no JSON: {e}: {}", self.url, self.text()))
    }

    pub(crate) fn page(&self) -> Page {
        Page(Html::parse_document(self.text()))
    }

    /// Where a 303 leads.
    #[track_caller]
    pub(crate) fn leads_to(&self) -> String {
        self.is(303).header("location").to_owned()
    }
}

/// A page, read through selectors.
pub(crate) struct Page(Html);

impl Page {
    fn select(&self, selector: &str) -> impl Iterator<Item = scraper::ElementRef<'_>> {
        let selector = Selector::parse(selector).unwrap();
        self.0.select(&selector).collect::<Vec<_>>().into_iter()
    }

    /// The texts of what a selector finds.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        self.select(selector).map(|e| e.text().collect::<String>().trim().to_owned()).collect()
    }

    pub(crate) fn has(&self, selector: &str) -> bool {
        self.select(selector).next().is_some()
    }

    pub(crate) fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        self.select(selector).filter_map(|e| e.attr(name)).map(str::to_owned).collect()
    }

    /// What the form would send if nothing were touched: hidden fields, typed values, ticked boxes, chosen options.
    pub(crate) fn form(&self, selector: &str) -> Vec<(String, String)> {
        let inputs = Selector::parse("input[name], select[name], textarea[name]").unwrap();
        let form = self.select(selector).next().unwrap_or_else(|| panic!("no form {selector}"));
        let mut fields = Vec::new();
        for field in form.select(&inputs).filter(|f| f.attr("disabled").is_none()) {
            let name = field.attr("name").unwrap().to_owned();
            match (field.value().name(), field.attr("type").unwrap_or("text")) {
                ("select", _) => {
                    let options = Selector::parse("option").unwrap();
                    let chosen = field.select(&options).find(|o| o.attr("selected").is_some());
                    if let Some(option) = chosen.or_else(|| field.select(&options).next()) {
                        fields.push((name, option.attr("value").unwrap_or_default().to_owned()));
                    }
                }
                ("textarea", _) => fields.push((name, field.text().collect())),
                (_, "submit" | "button" | "image" | "reset" | "file") => {}
                (_, "radio" | "checkbox") => {
                    if field.attr("checked").is_some() {
                        fields.push((name, field.attr("value").unwrap_or("on").to_owned()));
                    }
                }
                _ => fields.push((name, field.attr("value").unwrap_or_default().to_owned())),
            }
        }
        fields
    }
}

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Event {
    /// The position in the log that its id names.
    pub(crate) fn position(&self) -> u64 {
        self.id.rsplit_once('-').and_then(|(_, seq)| seq.parse().ok()).unwrap_or_else(|| panic!("no position: {self:?}"))
    }
}

/// An open stream of events.
pub(crate) struct Events {
    response: reqwest::Response,
    unread: Vec<u8>,
}

impl Events {
    /// The next event; `None` when the stream ended.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                let event = read_event(std::str::from_utf8(&block[..end]).unwrap());
                // A comment alone is no event.
                if event != Event::default() {
                    return Some(event);
                }
                continue;
            }
            let chunk = tokio::time::timeout(DEADLINE, self.response.chunk()).await.expect("neither an event nor the end");
            // A chunk may end inside a character; a whole event never does.
            self.unread.extend_from_slice(&chunk.ok().flatten()?);
        }
    }

    /// The next event of a name.
    pub(crate) async fn next_named(&mut self, name: &str) -> Event {
        loop {
            match self.next().await {
                Some(event) if event.name == name => return event,
                Some(_) => {}
                None => panic!("the stream ended before an event {name}"),
            }
        }
    }
}

fn read_event(block: &str) -> Event {
    let mut event = Event::default();
    let mut data = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut event.id),
            "event" => value.clone_into(&mut event.name),
            "data" => data.push(value),
            _ => {}
        }
    }
    event.data = data.join("\n");
    event
}
