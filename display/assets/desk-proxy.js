// @ts-check
// Proxy entry with the keyboard alone: digits answer and go on, Enter skips, the sentence follows what is typed.
// Without this file everything works too; it only takes a page more to read the sentence. What a key means is counted as one stroke.
"use strict";

(() => {
  const KEPT = "desk-proxy-strokes";
  /** @type {<T extends HTMLElement>(id: string) => T | null} */
  const by = (id) => /** @type {any} */ (document.getElementById(id));
  /** @param {EventTarget | null} target @returns {target is HTMLInputElement} */
  const isText = (target) => target instanceof HTMLElement && target.matches("input:not([type=radio], [type=checkbox], [type=hidden]), textarea");
  document.documentElement.classList.add("scripted");

  // Strokes and seconds from the first key to the receipt, over the pages between.
  /** @type {{ n: number, since: number }} */
  let strokes = { n: 0, since: 0 };
  try { strokes = JSON.parse(sessionStorage.getItem(KEPT) ?? "") } catch { /* the first call of the day */ }
  const shown = by("strokes");
  const count = () => {
    if (!shown || strokes.n === 0) return;
    const seconds = Math.round((Date.now() - strokes.since) / 1000);
    shown.textContent = (shown.dataset.strokes ?? "").replace("{n}", String(strokes.n)).replace("{s}", String(seconds));
  };
  const keep = () => { try { sessionStorage.setItem(KEPT, JSON.stringify(strokes)) } catch { /* counting is a courtesy */ } };
  count();
  if (shown && shown.dataset.done !== undefined) { strokes = { n: 0, since: 0 }; keep() }
  document.addEventListener("keydown", (event) => {
    if (event.repeat || ["Shift", "Control", "Alt", "Meta"].includes(event.key) || shown?.dataset.done !== undefined) return;
    if (strokes.n === 0) strokes.since = Date.now();
    strokes.n += 1;
    keep();
    count();
  }, true);

  const print = by("print");
  if (print) { print.hidden = false; print.addEventListener("click", () => window.print()) }

  /** @type {HTMLFormElement | null} */
  const form = by("entry");
  let dirty = false;

  // Whom: letters change the list, arrows choose, Enter takes.
  /** @type {HTMLInputElement | null} */
  const search = by("q");
  const hits = by("hits");
  if (search && hits) {
    let asked = search.value;
    let warned = false;
    /** @type {Promise<void>} */
    let pending = Promise.resolve();
    const links = () => /** @type {HTMLAnchorElement[]} */ ([...hits.querySelectorAll(".hits a")]);
    const ask = async () => {
      const text = search.value;
      if (text === asked) return;
      asked = text;
      const answer = await fetch(`/desk/proxy/hits?q=${encodeURIComponent(text)}`, { headers: { accept: "text/html" } });
      // An answer that was overtaken by another letter is no answer any more.
      if (answer.ok && search.value === text) hits.innerHTML = await answer.text();
    };
    search.addEventListener("input", (event) => {
      warned = false;
      if (!(/** @type {InputEvent} */ (event).isComposing)) pending = ask().catch(() => {});
    });
    search.addEventListener("compositionend", () => { pending = ask().catch(() => {}) });
    search.addEventListener("keydown", async (event) => {
      if (event.isComposing) return;
      if (event.key === "/") {
        // The key that leads here, pressed where one is already: no name holds it.
        event.preventDefault();
        search.select();
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        const all = links();
        const now = all.findIndex((a) => a.hasAttribute("aria-current"));
        const next = all[Math.min(all.length - 1, Math.max(0, now + (event.key === "ArrowDown" ? 1 : -1)))];
        all.forEach((a) => a.removeAttribute("aria-current"));
        next?.setAttribute("aria-current", "true");
        next?.scrollIntoView({ block: "nearest" });
      } else if (event.key === "Enter" && !event.ctrlKey) {
        event.preventDefault();
        if (dirty && !warned) {
          warned = true;
          const line = document.createElement("p");
          line.className = "wrong";
          line.textContent = search.dataset.again ?? "";
          hits.prepend(line);
          return;
        }
        await pending;
        dirty = false;
        const taken = links().find((a) => a.hasAttribute("aria-current")) ?? links()[0];
        if (taken) location.assign(taken.href);
        else search.form?.requestSubmit();
      }
    });
  }

  if (!form) return;
  const record = by("record");
  if (record) record.hidden = false;

  // The questions that can be answered now, in order.
  const questions = () => /** @type {HTMLElement[]} */ ([...form.querySelectorAll(".q")]).filter((q) => !q.parentElement?.closest("details:not([open])"));
  const helps = () => form.querySelector("input[name=first_report][value=needs_help]:checked") !== null;
  /** @param {HTMLElement} q */
  const passes = (q) => q.dataset.pass !== undefined || (q.dataset.afterHelp !== undefined && !helps());
  /** @param {HTMLElement} q @returns {HTMLInputElement | null} */
  const beside = (q) => q.querySelector("input[type=text], input[type=date]");
  /** @type {HTMLElement | null} */
  let here = null;

  /** @param {HTMLElement | null} q */
  const stand = (q) => {
    here?.classList.remove("here");
    here = q;
    q?.classList.add("here");
  };
  /** @param {HTMLElement | undefined} q */
  const go = (q) => {
    stand(q ?? null);
    if (!q) { by("read")?.focus(); return }
    /** @type {HTMLInputElement | null} */
    const first = q.querySelector("input:checked:not([type=checkbox])") ?? q.querySelector("input:not([type=hidden])");
    first?.focus();
    if (first && isText(first)) first.select();
    q.scrollIntoView({ block: "nearest" });
  };
  /** The question after (or before) this one. @param {HTMLElement | null} from @param {1 | -1} by */
  const step = (from, by) => {
    const all = questions();
    let i = from ? all.indexOf(from) + by : 0;
    // Who only mended the time goes on where the answers end.
    const mended = from?.dataset.pass !== undefined;
    while (i >= 0 && i < all.length && (passes(all[i]) || (mended && all[i].querySelector("input:checked")))) i += by;
    if (i >= 0) go(all[i]);
  };

  // A time is said anew, never mended.
  by("at")?.addEventListener("focus", (event) => { if (isText(event.target)) event.target.select() });
  form.addEventListener("focusin", (event) => {
    const q = event.target instanceof HTMLElement ? event.target.closest(".q") : null;
    if (q instanceof HTMLElement) stand(q);
  });

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.metaKey || event.ctrlKey) return;
    const target = event.target;
    if (event.key === "Escape" && search) {
      event.preventDefault();
      search.focus();
      search.select();
      return;
    }
    if (target === search) return;
    const text = isText(target);
    if (event.key === "Enter") {
      if (target instanceof HTMLElement && target.matches("a, button, summary, select")) return;
      event.preventDefault();
      // Behind the last question only the last yes goes on.
      if (target instanceof HTMLElement && target.id === "read") { if (event.shiftKey) go(questions().findLast((q) => !passes(q))); return }
      step(here, event.shiftKey ? -1 : 1);
      return;
    }
    if (target instanceof HTMLInputElement && target.inputMode === "numeric" && event.key.length === 1 && !/[0-9]/.test(event.key)) {
      // No number holds it: it is one of the keys that the page shows.
      const key = [...document.querySelectorAll("[data-key]")].find((one) => one instanceof HTMLElement && one.dataset.key === event.key.toUpperCase());
      if (!(key instanceof HTMLElement)) return;
      event.preventDefault();
      if (isText(key)) key.focus(); else key.click();
      return;
    }
    if (text || !here || !/^[0-9]$/.test(event.key)) return;
    /** @type {HTMLInputElement | null} */
    const answer = here.querySelector(`input[data-digit="${event.key}"]`);
    if (!answer) return;
    event.preventDefault();
    answer.checked = true;
    answer.dispatchEvent(new Event("change", { bubbles: true }));
    const more = answer.classList.contains("opens") ? beside(here) : null;
    if (more) { more.focus(); more.select() } else step(here, 1);
  }, true);

  // What only some answers ask stays out of what is sent when another is chosen.
  const tidy = () => {
    for (const q of form.querySelectorAll("fieldset.q")) {
      const number = beside(/** @type {HTMLElement} */ (q));
      if (number) number.disabled = q.querySelector("input.opens") !== null && q.querySelector("input.opens:checked") === null;
    }
  };

  // The sentence, the table and the time as they were understood.
  let turn = 0;
  /** @type {number | undefined} */
  let soon;
  const say = async () => {
    const mine = ++turn;
    const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
    const answer = await fetch(form.dataset.say ?? "", { method: "POST", body });
    if (!answer.ok || mine !== turn) return;
    const parts = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["say", "changes", "at-hint"]) {
      const [was, is] = [by(id), parts.getElementById(id)];
      if (was && is && was.innerHTML !== is.innerHTML) was.replaceChildren(...is.childNodes);
    }
  };
  /** @param {Event} event */
  const changed = (event) => {
    dirty = true;
    tidy();
    clearTimeout(soon);
    // A remark is looked through for what must not be shared; that need not happen for every letter of it.
    const wait = event.target instanceof HTMLElement && event.target.id === "remark" ? 500 : 60;
    soon = setTimeout(() => { say().catch(() => {}) }, wait);
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => { dirty = false });
  // Coming back by the back button finds the form as it was left.
  window.addEventListener("pageshow", () => { tidy() });
  // Who opens the other questions wants to answer them.
  by("more")?.querySelector("summary")?.addEventListener("click", () => setTimeout(() => {
    const [more, first] = [by("more"), by("more")?.querySelector(".q")];
    if (more?.hasAttribute("open") && first instanceof HTMLElement) go(first);
  }));
  tidy();
  if (!by("problem")) step(null, 1);
})();
