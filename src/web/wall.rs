//! The walls: the page of a display, its stream, and what it says it has painted.
//!
//! Every screen of one display is served by one channel: a wall is rendered once per revision or deadline, compared with the one
//! before, written once, and the same bytes go to everybody. *Invariant:* a screen is never left with a silent gap: who
//! joins, lags or comes from an unknown position gets everything; and nothing here waits for a screen.
//!
//! What a stream costs is bounded: a place in a lane, and shared bytes it has not taken yet. A screen that stops reading is
//! `BACKLOG_EVENTS` behind at most before it gets one snapshot instead of them, and is closed when it takes nothing at all
//! for `web.write_timeout_seconds`. Channels are bounded by the displays of the register, two layouts each.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use bytes::Bytes;
use futures_util::stream;
use imaboard_display::assets;
use imaboard_display::feed::{Feed, Update};
use imaboard_display::scene::{self, Layout};
use imaboard_display::wall::{self, Frame, Look, Wall};
use imaboard_domain::{Change, Display, DisplayId, View};
use imaboard_templates::words::JA;
use jiff::Timestamp;
use maud::{DOCTYPE, html};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::MissedTickBehavior;

use crate::app::App;
use crate::paints::Painted;
use crate::recorder::Announcement;
use crate::web::accept::Visitor;
use crate::web::accept::crowd::{Crowd, Full, Seat};

/// Events a slow screen may be behind before it gets everything anew.
const BACKLOG_EVENTS: usize = 32;
/// The streams of a channel are spread over lanes that are pinged one after the other, because ten thousand screens that are
/// all woken in the same moment would hold up the press that comes then.
const LANES: usize = 16;
/// A first answer is made again for those who join later than this: it carries the time, by which a screen sets its clock.
const OPENING_MS: i64 = 1_000;
/// A deadline is looked at again at least this often, should somebody set the clock.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// A channel nobody watches is kept this long, so that a screen that reconnects finds its position.
const IDLE_PINGS: u32 = 30;
/// When to come again if too many screens are open.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("10");
/// Proxies that buffer would hold back events.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// The cookie of a paired display.
const COOKIE: &str = "imaboard_display";

/// Only our own files, and nobody may frame the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/wall`, `/wall/{display}` and below, for so many streams at once.
pub fn routes(app: &Arc<App>, most_streams: usize) -> Router<Arc<App>> {
    let room = Arc::new(Room {
        app: Arc::clone(app),
        channels: Mutex::default(),
        seats: Crowd::new(most_streams, app.settings.wall.max_streams_per_address.size()),
    });
    Router::new()
        .route("/wall", get(list))
        .route("/wall/{display}", get(show))
        .route("/wall/{display}/events", get(events))
        .route("/wall/{display}/pair/{token}", get(pair))
        .route("/wall/{display}/painted", post(painted))
        .with_state(room)
}

/// What the handlers of this file share.
struct Room {
    app: Arc<App>,
    /// Locked for moments, never across an await; taken before a channel's own lock.
    channels: Mutex<BTreeMap<(DisplayId, Layout), Arc<Channel>>>,
    /// One per open stream.
    seats: Arc<Crowd>,
}

/// One display in one layout: its feed and everybody who watches it.
struct Channel {
    display: Display,
    layout: Layout,
    /// Tells this feed from one that began at the same position in another run of the program.
    id: String,
    live: Mutex<Live>,
    /// What is sent goes to every lane as the same bytes; the kernel of a screen that lags is all that holds more.
    lanes: [broadcast::Sender<Bytes>; LANES],
    /// Deals streams out to the lanes.
    dealt: AtomicUsize,
}

/// The feed of a channel, and the first answer of those who join it about now.
struct Live {
    feed: Feed,
    /// Counts what was sent, so that a first answer of before is known as old.
    sent: u64,
    /// The newest first answer; after a cut ten thousand screens come back at once, most from the same position.
    opening: Option<Opening>,
}

/// What a screen gets first.
#[derive(Clone)]
struct Opening {
    /// For whom: the position it has painted, and whether from this very feed.
    from: Option<(u64, bool)>,
    seq: u64,
    sent: u64,
    made_at: Timestamp,
    /// A snapshot, or what it missed, if anything; then a ping.
    events: [Option<Bytes>; 2],
}

impl Channel {
    fn is_watched(&self) -> bool {
        self.lanes.iter().any(|lane| lane.receiver_count() > 0)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while rendering leaves the last whole feed; it is still the best there is.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Deserialize)]
struct Options {
    layout: Option<String>,
    page: Option<usize>,
    from: Option<String>,
    feed: Option<String>,
}

impl Options {
    fn layout(&self) -> Layout {
        Layout::of(self.layout.as_deref().unwrap_or_default())
    }
}

impl Room {
    fn find_display(&self, id: &str) -> Option<Display> {
        let id: DisplayId = id.parse().ok()?;
        self.app.board.read(|b| b.displays().get(&id).cloned())
    }

    /// The channel of a display as it is defined now; made if nobody watches it yet.
    fn channel(self: &Arc<Self>, display: Display, layout: Layout) -> Arc<Channel> {
        let mut channels = locked(&self.channels);
        let key = (display.id.clone(), layout);
        if let Some(channel) = channels.get(&key).filter(|c| c.display == display) {
            return Arc::clone(channel);
        }
        let (first, seq, _) = self.render(&display, layout, None);
        let channel = Arc::new(Channel {
            display,
            layout,
            id: uuid::Uuid::now_v7().simple().to_string(),
            live: Mutex::new(Live { feed: Feed::new(first, seq), sent: 0, opening: None }),
            lanes: std::array::from_fn(|_| broadcast::channel(BACKLOG_EVENTS).0),
            dealt: AtomicUsize::new(0),
        });
        channels.insert(key, Arc::clone(&channel));
        tokio::spawn(Arc::clone(self).drive(Arc::clone(&channel), self.app.announcements.subscribe()));
        channel
    }

    /// The wall of now, its position, and when it changes next by time alone.
    fn render(&self, display: &Display, layout: Layout, after: Option<After<'_>>) -> (Wall, u64, Timestamp) {
        let started = std::time::Instant::now();
        let rendered = self.app.look(|m| {
            let look = Look { m: &m, display, city: &self.app.city, layout };
            let wall = match after {
                // Only if the board has gone no further than what was announced, and time not past the next deadline.
                Some(after) if after.change.seq == m.board.position() && m.now < after.until => {
                    wall::render_after(&look, after.wall, &after.change.views)
                }
                _ => wall::render(&look),
            };
            (wall, m.board.position(), scene::next_deadline(&m))
        });
        metrics::counter!("imaboard_renders_total", "page" => "wall").increment(1);
        metrics::histogram!("imaboard_render_seconds", "page" => "wall").record(started.elapsed());
        rendered
    }

    /// Writes the bytes of one event, counts it, and hands it to every stream of these lanes; gives their number.
    fn send(&self, lanes: &[broadcast::Sender<Bytes>], name: &'static str, event: impl FnOnce() -> Bytes) -> usize {
        // Nobody listening is not an error, and needs no bytes.
        if lanes.iter().all(|lane| lane.receiver_count() == 0) {
            return 0;
        }
        metrics::counter!("imaboard_stream_events_total", "event" => name).increment(1);
        let event = event();
        lanes.iter().map(|lane| lane.send(event.clone()).unwrap_or(0)).sum()
    }

    fn revision(&self, seq: u64) -> String {
        format!("{}-{seq}", self.app.epoch)
    }

    /// The bytes of one event; `now` corrects the clock of the screen.
    fn event(&self, name: &str, seq: u64, update: &Update) -> Bytes {
        let mut data = json!(update);
        data["now"] = self.app.clock.now().as_millisecond().into();
        // JSON has no raw line breaks, so one data line is always enough.
        format!("id: {}\nevent: {name}\ndata: {data}\n\n", self.revision(seq)).into()
    }

    fn ping(&self, seq: u64) -> Bytes {
        let revision = self.revision(seq);
        let data = json!({ "now": self.app.clock.now().as_millisecond(), "revision": revision, "assets": wall::build() });
        format!("id: {revision}\nevent: ping\ndata: {data}\n\n").into()
    }

    /// What a screen gets first, made once for all that come from the same position within a moment. A screen whose position is
    /// unknown gets everything.
    fn opening(&self, live: &mut Live, from: Option<(u64, bool)>) -> [Option<Bytes>; 2] {
        let (now, seq) = (self.app.clock.now(), live.feed.seq());
        let age_ms = |o: &Opening| now.duration_since(o.made_at).as_millis().abs();
        if let Some(held) =
            live.opening.as_ref().filter(|o| (o.from, o.seq, o.sent) == (from, seq, live.sent) && age_ms(o) < OPENING_MS.into())
        {
            return held.events.clone();
        }
        let first = match from.and_then(|(from, same_feed)| live.feed.since(from, same_feed)) {
            None => Some(self.event("snapshot", seq, &live.feed.snapshot())),
            Some(update) if update.fragments.is_empty() => None,
            Some(update) => Some(self.event("change", seq, &update)),
        };
        let events = [first, Some(self.ping(seq))];
        live.opening = Some(Opening { from, seq, sent: live.sent, made_at: now, events: events.clone() });
        events
    }

    /// Keeps one channel current until nobody has watched it for a while, its display is redefined, or the program stops.
    async fn drive(self: Arc<Self>, channel: Arc<Channel>, mut announcements: broadcast::Receiver<Arc<Announcement>>) {
        let mut pings = tokio::time::interval(self.app.settings.wall.ping_seconds.seconds() / LANES as u32);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lanes = channel.lanes.iter().enumerate().cycle();
        let mut unwatched: u32 = 0;
        // What changed between the first picture and our subscription is caught by looking at once.
        let mut deadline = self.turn(&channel, &News::Anything, Timestamp::MIN);
        loop {
            let wait = deadline.duration_since(self.app.clock.now());
            let wait = Duration::try_from(wait).unwrap_or(Duration::ZERO).min(LONGEST_SLEEP);
            tokio::select! {
                () = self.app.stop.cancelled() => return,
                heard = announcements.recv() => {
                    let mut news = match heard {
                        Ok(announcement) => News::Of(announcement.change.clone()),
                        Err(RecvError::Lagged(_)) => News::Anything,
                        Err(RecvError::Closed) => return,
                    };
                    // A burst, such as an import, is one picture.
                    loop {
                        match announcements.try_recv() {
                            Ok(announcement) => news.add(&announcement.change),
                            Err(TryRecvError::Lagged(_)) => news = News::Anything,
                            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                        }
                    }
                    deadline = self.turn(&channel, &news, deadline);
                }
                () = tokio::time::sleep(wait) => deadline = self.turn(&channel, &News::Anything, deadline),
                _ = pings.tick() => {
                    let Some((number, lane)) = lanes.next() else { return };
                    if number == 0 && self.retire(&channel, &mut unwatched) {
                        return;
                    }
                    let live = locked(&channel.live);
                    self.send(std::slice::from_ref(lane), "ping", || self.ping(live.feed.seq()));
                }
            }
        }
    }

    /// Renders if anything on a wall may differ, and tells everybody what does; gives the next deadline.
    ///
    /// `until` is when the picture of before would have changed by time alone; past it nothing of it is taken over.
    fn turn(&self, channel: &Channel, news: &News, until: Timestamp) -> Timestamp {
        let change = match news {
            News::Of(change) if !concerns_walls(change) => {
                let (position, deadline) = self.app.look(|m| (m.board.position(), scene::next_deadline(&m)));
                locked(&channel.live).feed.pass(position);
                return deadline.min(until);
            }
            News::Of(change) => Some(change),
            News::Anything => None,
        };
        // Pages are shared, so this copies pointers; screens that join meanwhile need not wait for the rendering.
        let before = change.map(|change| (locked(&channel.live).feed.wall().clone(), change));
        let after = before.as_ref().map(|(wall, change)| After { wall, change, until });
        let (wall, seq, deadline) = self.render(&channel.display, channel.layout, after);
        let mut live = locked(&channel.live);
        let before = live.feed.seq();
        if let Some(update) = live.feed.advance(wall, seq) {
            live.sent += 1;
            let position = live.feed.seq();
            let streams = self.send(&channel.lanes, "change", || self.event("change", position, &update));
            for trace in self.app.trail.between(before, position) {
                tracing::info!(
                    button.id = %trace.button,
                    entry.seq = trace.seq,
                    display.id = %channel.display.id,
                    streams,
                    "on its way to the screens"
                );
            }
        }
        deadline
    }

    /// Whether a channel has ended: redefined, or unwatched for long.
    fn retire(&self, channel: &Arc<Channel>, unwatched: &mut u32) -> bool {
        let mut channels = locked(&self.channels);
        let key = (channel.display.id.clone(), channel.layout);
        let current = channels.get(&key).is_some_and(|c| Arc::ptr_eq(c, channel));
        *unwatched = if channel.is_watched() { 0 } else { *unwatched + 1 };
        let redefined = self.app.board.read(|b| b.displays().get(&channel.display.id) != Some(&channel.display));
        if redefined || *unwatched > IDLE_PINGS {
            if current {
                channels.remove(&key);
            }
            // Receivers see the end when the last sender is gone, reconnect, and find the new definition.
            return true;
        }
        !current && *unwatched > 0
    }
}

/// A picture, and what has changed since.
struct After<'a> {
    wall: &'a Wall,
    change: &'a Change,
    /// When the picture changes by time alone.
    until: Timestamp,
}

/// What was heard since the last picture.
enum News {
    /// These views changed, and nothing else did.
    Of(Change),
    /// Something was missed, or time has passed a deadline.
    Anything,
}

impl News {
    fn add(&mut self, change: &Change) {
        if let Self::Of(held) = self {
            held.seq = held.seq.max(change.seq);
            held.views.extend(change.views.iter().cloned());
        }
    }
}

/// Whether an entry can change what stands on a wall.
fn concerns_walls(change: &Change) -> bool {
    change.views.iter().any(|view| match view {
        View::Mode
        | View::Register
        | View::Vacancies(_)
        | View::Damage
        | View::ExerciseDamage
        | View::RollCalls
        | View::Notices
        | View::Jobs => true,
        View::Facility(_) | View::Pending | View::Keys | View::Buttons | View::Displays | View::Updates | View::Guide => false,
    })
}

fn page_headers(response: Response) -> Response {
    let mut response = response;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn list(State(room): State<Arc<Room>>) -> Response {
    let (displays, sample): (Vec<Display>, bool) =
        room.app.board.read(|b| (b.displays().values().cloned().collect(), b.is_sample()));
    let now = room.app.clock.now();
    let city = &room.app.city;
    let page = html! {
        (DOCTYPE)
        html lang=(JA.lang) class="wall" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (JA.t("wall.pairing.title")) " — " (city.name) " " (JA.t("brand.name")) }
                link rel="stylesheet" href=(assets::url("wall.css"));
            }
            body.door {
                main {
                    h1 { (JA.t("wall.pairing.title")) }
                    @if sample { p { b { (JA.t("sample.badge")) } " " (JA.t("sample.line")) } }
                    p { (JA.t("wall.pairing.line")) }
                    @if displays.is_empty() { p { (JA.t("wall.pairing.none")) } }
                    ul {
                        @for display in &displays {
                            @let areas: Vec<&str> = display.districts.iter().map(|d| city.district(d)).collect();
                            li {
                                b { (display.name) }
                                span {
                                    @if areas.is_empty() { (JA.t("wall.pairing.whole_city")) } @else { (areas.join("・")) }
                                    @if let Some(painted) = room.app.paints.find(&display.id) {
                                        "　" span title=(painted.revision) { (JA.fill("wall.pairing.painted", &[("when", &imaboard_templates::time::when(painted.at, now))])) }
                                    }
                                }
                                a href={ "/wall/" (display.id) } { (JA.t("wall.pairing.open")) }
                                a href={ "/wall/" (display.id) "?layout=portrait" } { (JA.t("wall.pairing.portrait")) }
                            }
                        }
                    }
                    p { (city.name) " " (city.desk.label) " " b { (city.desk.phone) } " " (city.desk.hours) }
                }
            }
        }
    };
    page_headers(Html(page.into_string()).into_response())
}

fn unknown_display() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::NOT_FOUND, headers, format!("{}\n", JA.t("wall.pairing.unknown"))).into_response()
}

async fn show(
    State(room): State<Arc<Room>>,
    Path(id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
) -> Response {
    let Some(display) = room.find_display(&id) else { return unknown_display() };
    let layout = options.layout();
    let paired = is_paired(&room.app, &display.id, &headers);
    let channel = room.channel(display, layout);
    let settings = &room.app.settings.wall;
    let document = room.app.look(|m| {
        let look = Look { m: &m, display: &channel.display, city: &room.app.city, layout };
        let live = locked(&channel.live);
        let feed = &live.feed;
        let revision = room.revision(feed.seq());
        let frame = Frame {
            revision: &revision,
            feed: &channel.id,
            paired,
            rotation_seconds: settings.rotation_seconds.value(),
            ping_seconds: settings.ping_seconds.value(),
            page: options.page.unwrap_or(1),
        };
        feed.wall().document(&look, frame)
    });
    page_headers(Html(document).into_response())
}

async fn events(
    State(room): State<Arc<Room>>,
    Path(id): Path<String>,
    Query(options): Query<Options>,
    visitor: Option<Extension<Visitor>>,
    headers: HeaderMap,
) -> Response {
    let Some(display) = room.find_display(&id) else { return unknown_display() };
    let seat = match room.seats.enter(visitor.and_then(|Extension(Visitor(address))| address)) {
        Ok(seat) => seat,
        Err(full) => {
            metrics::counter!("imaboard_streams_refused_total").increment(1);
            return too_many(full);
        }
    };
    // What the browser itself has seen on this stream is newer than what its address says.
    let seen = headers.get("last-event-id").and_then(|v| v.to_str().ok()).filter(|v| !v.is_empty());
    let from = seen.or(options.from.as_deref()).and_then(|text| position(text, &room.app.epoch));
    let channel = room.channel(display, options.layout());
    let from = from.map(|seq| (seq, options.feed.as_deref() == Some(channel.id.as_str())));
    let lane = channel.dealt.fetch_add(1, Ordering::Relaxed) % LANES;
    let (first, receiver) = {
        // Under one lock: what is sent from here on is newer than what we answer with.
        let mut live = locked(&channel.live);
        let opening = room.opening(&mut live, from);
        if from.is_none_or(|(seq, same_feed)| live.feed.since(seq, same_feed).is_none()) {
            metrics::counter!("imaboard_stream_snapshots_total", "why" => "joined").increment(1);
        }
        (opening, channel.lanes[lane].subscribe())
    };
    let watcher = Watcher { room: Arc::clone(&room), channel: Arc::downgrade(&channel), lane, first, receiver, _seat: seat };
    let body = Body::from_stream(stream::unfold(watcher, Watcher::next));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_ACCEL_BUFFERING, "no"),
    ];
    (headers, body).into_response()
}

/// A screen too many is told when to come again.
fn too_many(full: Full) -> Response {
    let (status, words) = match full {
        Full::All => (StatusCode::SERVICE_UNAVAILABLE, JA.t("wall.pairing.busy")),
        Full::Address => (StatusCode::TOO_MANY_REQUESTS, JA.t("crowded.address")),
    };
    let headers = [
        (header::RETRY_AFTER, RETRY_AFTER_S),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
    ];
    (status, headers, words.to_owned()).into_response()
}

/// The `seq` of a stream id of this epoch; of another epoch nothing is known.
fn position(id: &str, epoch: &str) -> Option<u64> {
    let (of, seq) = id.rsplit_once('-')?;
    (of == epoch).then(|| seq.parse().ok()).flatten()
}

/// One open stream.
struct Watcher {
    room: Arc<Room>,
    /// Weak, so that a channel ends when its task does and the stream ends with it.
    channel: std::sync::Weak<Channel>,
    lane: usize,
    first: [Option<Bytes>; 2],
    receiver: broadcast::Receiver<Bytes>,
    _seat: Seat,
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if let Some(first) = self.first.iter_mut().find_map(Option::take) {
            return Some((Ok(first), self));
        }
        match self.receiver.recv().await {
            Ok(event) => Some((Ok(event), self)),
            Err(RecvError::Closed) => None,
            Err(RecvError::Lagged(missed)) => {
                let channel = self.channel.upgrade()?;
                metrics::counter!("imaboard_stream_snapshots_total", "why" => "lagged").increment(1);
                tracing::debug!(missed, display.id = %channel.display.id, "a slow display gets everything");
                {
                    let mut live = locked(&channel.live);
                    self.receiver = channel.lanes[self.lane].subscribe();
                    self.first = self.room.opening(&mut live, None);
                }
                let everything = self.first.iter_mut().find_map(Option::take)?;
                Some((Ok(everything), self))
            }
        }
    }
}

/// Whether the browser holds the credential of this display.
fn is_paired(app: &App, display: &DisplayId, headers: &HeaderMap) -> bool {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .any(|(name, token)| name == COOKIE && app.keys.is_display_token(display, token))
}

async fn pair(State(room): State<Arc<Room>>, Path((id, token)): Path<(String, String)>) -> Response {
    let Some(display) = room.find_display(&id) else { return unknown_display() };
    if !room.app.keys.is_display_token(&display.id, &token) {
        return unknown_display();
    }
    let secure = if room.app.base_url.starts_with("https:") { "; Secure" } else { "" };
    // Ten years: a display is paired when it is hung up.
    let cookie = format!("{COOKIE}={token}; Path=/wall/{id}; Max-Age=315360000; HttpOnly; SameSite=Strict{secure}");
    let to = format!("/wall/{id}");
    let mut response = page_headers(Redirect::to(&to).into_response());
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

#[derive(Debug, Deserialize)]
struct Acknowledgement {
    revision: String,
}

async fn painted(
    State(room): State<Arc<Room>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(said): Json<Acknowledgement>,
) -> StatusCode {
    let Some(display) = room.find_display(&id) else { return StatusCode::NOT_FOUND };
    if !is_paired(&room.app, &display.id, &headers) {
        return StatusCode::FORBIDDEN;
    }
    // A position that never was is a mistake of the sender, not a fact about the glass.
    let newest = room.app.board.read(imaboard_domain::Board::position);
    let Some(seq) = position(&said.revision, &room.app.epoch).filter(|seq| *seq <= newest) else {
        return StatusCode::UNPROCESSABLE_ENTITY;
    };
    tracing::debug!(display.id = %id, revision = said.revision, "painted");
    let now = room.app.clock.now();
    // Only displays of the register come this far: the label stays short.
    metrics::gauge!("imaboard_display_painted_timestamp_seconds", "display" => id.clone()).set(now.as_second() as f64);
    let before = room.app.paints.note(display.id, Painted { revision: said.revision, seq, at: now });
    // A display heard for the first time has not painted the presses of before it; it was given a picture.
    for trace in before.map(|b| room.app.trail.between(b.seq, seq)).unwrap_or_default() {
        let took = now.duration_since(trace.recorded_at);
        metrics::histogram!("imaboard_press_painted_seconds").record(took.as_secs_f64().max(0.0));
        let after_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        tracing::info!(button.id = %trace.button, entry.seq = trace.seq, display.id = %id, after_ms, "painted");
    }
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests;
