// A wall's browser half: keeps the connection, swaps changed pieces, turns the pages, tells the time, and lets values age
// when nobody answers any more. It owns three promises: the screen never goes blank, it never shows an old value as new,
// and it never claims to be connected when it is not. Runs on Chromium 80; no framework, no build.
(function () {
  "use strict";
  var body = document.body;
  var pages = document.getElementById("pages");
  var words = JSON.parse(body.dataset.words);
  var pingMs = Number(body.dataset.pingSeconds) * 1000;
  var rotationMs = Number(body.dataset.rotationSeconds) * 1000;
  var backoffMs = { first: 1000, cap: 30000 };

  // Server time by a clock that cannot be set: performance.now() never jumps, the PC's calendar may.
  var base = { server: Number(body.dataset.now), local: performance.now() };
  function now() { return base.server + (performance.now() - base.local); }
  function setNow(ms) { base = { server: ms, local: performance.now() }; }

  // City time has one zone, nine hours ahead of UTC, and no summer time.
  var CITY_MS = 9 * 3600 * 1000, DAY_MS = 24 * 3600 * 1000;
  function city(ms) { return new Date(ms + CITY_MS); }
  function day(ms) { return Math.floor((ms + CITY_MS) / DAY_MS); }
  function two(n) { return (n < 10 ? "0" : "") + n; }
  function clock(ms) { var d = city(ms); return two(d.getUTCHours()) + ":" + two(d.getUTCMinutes()); }
  function fill(text, values) { return text.replace(/\{(\w+)\}/g, function (_, name) { return values[name]; }); }
  function ago(ms, at) {
    var minutes = Math.max(0, Math.floor((at - ms) / 60000));
    if (minutes < 60) return fill(words.minutes_ago, { n: minutes });
    if (minutes < 48 * 60) return fill(words.hours_ago, { n: Math.floor(minutes / 60) });
    return fill(words.days_ago, { n: Math.floor(minutes / 1440) });
  }
  function when(ms, at) {
    if (day(ms) === day(at)) return clock(ms);
    if (day(ms) === day(at) - 1) return words.yesterday + " " + clock(ms);
    var d = city(ms);
    return fill(words.date, { month: d.getUTCMonth() + 1, day: d.getUTCDate() }) + " " + clock(ms);
  }
  function each(list, act) { Array.prototype.forEach.call(list, act); }
  function set(el, text) { if (el.textContent !== text) el.textContent = text; }

  // --- connection -------------------------------------------------------------------------------------------------
  var state = { revision: body.dataset.revision, heardAt: performance.now(), lastTrue: now(), cut: false, tries: 0, source: null, timer: 0, painted: null, paintedAt: 0 };

  function heard(server) {
    state.heardAt = performance.now();
    if (server) { setNow(server); state.lastTrue = server; }
    state.tries = 0;
  }

  function connect() {
    clearTimeout(state.timer);
    if (state.source) state.source.close();
    // A dead radio link keeps a half-open socket "connected"; the watch below counts from here.
    var opened = performance.now();
    var source = state.source = new EventSource(body.dataset.events + "&from=" + encodeURIComponent(state.revision));
    source.addEventListener("snapshot", function (e) { if (source === state.source) take(JSON.parse(e.data), e.lastEventId, true); });
    source.addEventListener("change", function (e) { if (source === state.source) take(JSON.parse(e.data), e.lastEventId, false); });
    source.addEventListener("ping", function (e) {
      if (source !== state.source) return;
      var ping = JSON.parse(e.data);
      heard(ping.now);
      // New files of a new program: load them, now that the server is known to answer.
      if (ping.assets !== body.dataset.assets) { location.reload(); return; }
      // Events arrive in order: whoever hears a ping of a revision has everything up to it.
      state.revision = ping.revision;
      online();
      tick();
      // A picture that stands for long is told again: a screen that paints nothing any more falls silent, and the desk sees it.
      if (performance.now() - state.paintedAt > 60000) { state.painted = null; requestAnimationFrame(function () { requestAnimationFrame(painted); }); }
    });
    // The browser would give up for ever on a 502 page of a proxy, so it never reconnects by itself: we do.
    source.onerror = function () { if (source === state.source) retry(); };
    source.openedAt = opened;
  }

  function retry() {
    if (state.source) { state.source.close(); state.source = null; }
    clearTimeout(state.timer);
    // Full jitter: after a power cut five hundred screens must not come back in the same second.
    var most = Math.min(backoffMs.cap, backoffMs.first * Math.pow(2, state.tries));
    state.tries = Math.min(state.tries + 1, 10);
    state.timer = setTimeout(connect, Math.random() * most);
  }

  function take(update, id, whole) {
    heard(update.now);
    apply(update, whole);
    if (id) { state.revision = id; body.dataset.revision = id; }
    online();
    tick();
    requestAnimationFrame(function () { requestAnimationFrame(painted); });
  }

  function apply(update, whole) {
    var first = update.pages[0], before = pages.firstElementChild && pages.firstElementChild.dataset.page;
    var shown = current() && current().dataset.page;
    Object.keys(update.fragments).forEach(function (key) {
      var holder = document.createElement("template");
      holder.innerHTML = update.fragments[key];
      var fresh = holder.content.firstElementChild;
      var old = document.getElementById("w-" + key);
      if (old) old.parentNode.replaceChild(fresh, old);
      else if (fresh.dataset.page) pages.appendChild(fresh);
    });
    var have = {};
    each(Array.prototype.slice.call(pages.children), function (page) { have[page.dataset.page] = page; });
    update.pages.forEach(function (key) { if (have[key]) { if (pages.lastElementChild !== have[key]) pages.appendChild(have[key]); delete have[key]; } });
    Object.keys(have).forEach(function (key) { pages.removeChild(have[key]); });
    // A disaster does not wait for its turn.
    if (!whole && before && first !== before && /damage/.test(first)) show(pages.firstElementChild, true);
    else show(pages.querySelector('[data-page="' + shown + '"]') || pages.firstElementChild, false);
    if (state.cut) cutWords();
  }

  function online() { if (state.cut) { state.cut = false; document.documentElement.classList.remove("cut"); restore(); } }

  function cut() {
    state.cut = true;
    document.documentElement.classList.add("cut");
    cutWords();
  }

  // What the page claims only while it is connected: the mode, "now", and how fresh all of it is.
  function cutWords() {
    each(document.querySelectorAll(".plate"), function (plate) {
      if (!plate.dataset.said) plate.dataset.said = plate.textContent;
      set(plate, words.cut_plate);
    });
    each(document.querySelectorAll("[data-cut]"), function (el) {
      if (!el.dataset.said) el.dataset.said = el.textContent;
      set(el, fill(el.dataset.cut, { when: when(state.lastTrue, now()) }));
    });
    each(document.querySelectorAll(".since:not([data-since])"), function (el) { set(el, fill(words.cut_since, { when: when(state.lastTrue, now()) })); });
  }
  function restore() {
    each(document.querySelectorAll("[data-said]"), function (el) { set(el, el.dataset.said); delete el.dataset.said; });
  }

  // --- time -------------------------------------------------------------------------------------------------------
  function age(at) {
    each(document.querySelectorAll("[data-observed]"), function (el) {
      var aging = Number(el.dataset.agingAt), stale = Number(el.dataset.staleAt);
      // Only ever towards doubt: a value the server already doubts stays doubted.
      if (stale && at >= stale && !el.classList.contains("is-stale")) { el.classList.remove("is-aging"); el.classList.add("is-stale"); }
      else if (aging && at >= aging && !el.classList.contains("is-stale")) el.classList.add("is-aging");
    });
    each(document.querySelectorAll(".others[data-stale-at]"), function (el) { el.hidden = at >= Number(el.dataset.staleAt); });
    each(document.querySelectorAll("[data-levels]"), function (row) {
      var counts = {};
      row.dataset.levels.split(" ").forEach(function (entry) {
        if (!entry) return;
        var part = entry.split("@"), held = part[0].split("*");
        var level = part[1] && at >= Number(part[1]) ? "unknown" : held[0];
        counts[level] = (counts[level] || 0) + Number(held[1] || 1);
      });
      each(row.querySelectorAll("[data-level]"), function (cell) {
        var n = counts[cell.dataset.level] || 0;
        set(cell, String(n));
        cell.classList.toggle("zero", n === 0);
      });
    });
    each(document.querySelectorAll("[data-stamp]"), function (el) {
      var ms = Number(el.dataset.stamp), owner = el.closest("[data-observed]");
      var doubted = owner && (owner.classList.contains("is-aging") || el.closest(".then"));
      if (doubted) { set(el, ago(ms, at)); return; }
      if (day(ms) === day(at)) set(el, clock(ms));
      else if (day(ms) === day(at) - 1) {
        if (el.textContent !== words.yesterday + clock(ms)) {
          el.textContent = clock(ms);
          var small = document.createElement("small");
          small.textContent = words.yesterday;
          el.insertBefore(small, el.firstChild);
        }
      } else { var d = city(ms); set(el, (d.getUTCMonth() + 1) + "/" + d.getUTCDate()); }
    });
    each(document.querySelectorAll("[data-since]"), function (el) {
      var minutes = Math.max(0, Math.floor((at - Number(el.dataset.since)) / 60000));
      var text = fill(words.since_minutes, { n: minutes });
      if (el.textContent === text) return;
      var parts = text.split(String(minutes));
      el.textContent = parts[0];
      var b = document.createElement("span");
      b.className = "n";
      b.textContent = minutes;
      el.appendChild(b);
      el.appendChild(document.createTextNode(parts.slice(1).join(String(minutes))));
    });
  }

  function tick() {
    var at = now(), d = city(at);
    var hm = clock(at).split(":");
    each(document.querySelectorAll('[data-live="clock"]'), function (el) {
      if (el.textContent === hm.join(":")) return;
      el.textContent = hm[0];
      var colon = document.createElement("i");
      colon.textContent = ":";
      el.appendChild(colon);
      el.appendChild(document.createTextNode(hm[1]));
    });
    var date = fill(words.date, { month: d.getUTCMonth() + 1, day: d.getUTCDate() });
    var weekday = "（" + words.weekdays.charAt((d.getUTCDay() + 6) % 7) + "）";
    each(document.querySelectorAll('[data-live="date"]'), function (el) {
      if (el.textContent === date + weekday) return;
      el.textContent = date;
      el.appendChild(document.createElement("br"));
      el.appendChild(document.createTextNode(weekday));
    });
    each(document.querySelectorAll('[data-live="asof"]'), function (el) { set(el, when(state.lastTrue, at)); });
    age(at);
    if (performance.now() - state.heardAt > 2 * pingMs) {
      if (!state.cut) cut(); else cutWords();
      // A socket that is open and silent is dead; one that is being retried has its own timer.
      if (state.source && performance.now() - Math.max(state.heardAt, state.source.openedAt) > 2 * pingMs) retry();
    }
  }

  // --- pages ------------------------------------------------------------------------------------------------------
  function current() { return pages.querySelector(".board.on"); }
  var turnTimer = 0;
  function show(page, restart) {
    if (!page) return;
    each(pages.children, function (other) { other.classList.toggle("on", other === page); });
    if (restart) { clearInterval(turnTimer); turnTimer = setInterval(turn, rotationMs); }
  }
  function turn() {
    var page = current();
    show((page && page.nextElementSibling) || pages.firstElementChild, false);
  }

  // Tells the server what stands on the glass, not what arrived: only a display that was paired may.
  function painted() {
    if (state.painted === state.revision || !body.dataset.painted) return;
    state.painted = state.revision;
    state.paintedAt = performance.now();
    fetch(body.dataset.painted, { method: "POST", headers: { "content-type": "application/json" }, credentials: "same-origin", body: JSON.stringify({ revision: state.revision }) })
      .catch(function () { state.painted = null; });
  }

  // A screen that hangs the other way gets the pages made for it.
  var tall = window.innerHeight > window.innerWidth;
  if (tall !== (body.dataset.layout === "portrait") && !/[?&]layout=/.test(location.search)) {
    location.replace(location.pathname + "?layout=" + (tall ? "portrait" : "landscape"));
    return;
  }
  // An error in one picture must not stop the clock of all that follow.
  window.addEventListener("error", function (e) { console.error(e.message); });
  // For tests and for people with a console: the same code paths at a time of their choosing.
  window.imaboardWall = { state: state, age: age, apply: apply, cut: cut, now: now, setNow: function (ms) { setNow(ms); tick(); }, tick: tick, turn: turn };

  show(current() || pages.firstElementChild, true);
  tick();
  setInterval(tick, 1000);
  connect();
})();
