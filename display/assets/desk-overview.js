// @ts-check
// The overview keeps itself new and is worked with the arrow keys. Without this file it has a link for the one and Tab for the other.
"use strict";

(() => {
  const main = document.getElementById("main");
  if (!main) return;
  const POSITION = "[data-seq]", ROWS = ".overview-list tbody tr";
  /** Ageing needs no entry: the page is made anew at least this often. */
  const LONGEST_MS = 60000;
  /** In a storm of reports not more often than this. */
  const SHORTEST_MS = 2000;
  /** Nobody has touched anything for so long: nobody sits here. */
  const LEFT_MS = 600000;
  let touched = performance.now();
  for (const event of ["keydown", "pointerdown", "pointermove"]) document.addEventListener(event, () => { touched = performance.now(); }, { passive: true, capture: true });

  const sheet = () => /** @type {HTMLElement | null} */ (main.querySelector(POSITION));
  const reveal = () => main.querySelectorAll(".overview-live, .overview-keys").forEach((one) => one.removeAttribute("hidden"));

  /** What names a thing that can have the focus, across two makings of the page.
   * @param {Element} one */
  const sign = (one) => [one.tagName, one.id, one.getAttribute("href"), one.getAttribute("name"), one.getAttribute("value"), one.className, one.closest("details")?.id].join("\u0000");

  /** A row of the list, and which.
   * @param {Element | null} one */
  const rowOf = (one) => /** @type {HTMLElement | null} */ (one instanceof Element ? one.closest(ROWS) : null);
  const rows = () => /** @type {HTMLElement[]} */ ([...main.querySelectorAll(ROWS)]);
  /** @param {HTMLElement | undefined} row */
  const select = (row) => {
    const link = row && /** @type {HTMLElement | null} */ (row.querySelector("th a") ?? row.querySelector("td a"));
    if (link) { link.focus(); link.scrollIntoView({ block: "nearest" }); }
  };

  /** Somebody types or marks words to copy: then nothing moves under their hands. */
  const busy = () => {
    const here = document.activeElement;
    const typing = here instanceof HTMLElement && main.contains(here) && here.matches("input, textarea, select");
    const marked = window.getSelection();
    return typing || (marked !== null && !marked.isCollapsed && main.contains(marked.anchorNode));
  };

  /** @param {Document} fresh */
  const replace = (fresh) => {
    const from = fresh.getElementById("main");
    if (!from || !from.querySelector(POSITION)) { location.reload(); return; }
    const here = document.activeElement;
    const had = here && main.contains(here) ? { sign: sign(here), row: rows().findIndex((row) => row.contains(here)) } : null;
    const open = [...main.querySelectorAll("details[open]")].map((one) => one.id);
    const scrolled = [...main.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    main.replaceChildren(...from.childNodes);
    open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
    main.querySelectorAll(".scroll").forEach((one, at) => { one.scrollLeft = scrolled[at] ?? 0; });
    reveal();
    if (had) {
      const same = [...main.querySelectorAll("a, button, summary, [tabindex]")].find((one) => sign(one) === had.sign);
      if (same instanceof HTMLElement) same.focus({ preventScroll: true });
      else if (had.row >= 0) select(rows()[Math.min(had.row, rows().length - 1)]);
    }
    const head = document.querySelector("body > header"), newHead = fresh.querySelector("body > header");
    if (head && newHead && !head.contains(document.activeElement) && head.innerHTML !== newHead.innerHTML) head.replaceChildren(...newHead.childNodes);
    document.title = fresh.title;
  };

  /** Makes the page anew. The facility on the card stays while somebody sits here, whoever becomes more urgent: they may be on the telephone. */
  const refresh = async () => {
    const address = new URL(location.href), card = sheet()?.dataset.f;
    address.searchParams.delete("said");
    if (card && performance.now() - touched < LEFT_MS) address.searchParams.set("f", card);
    const answer = await fetch(address, { credentials: "same-origin", cache: "no-store" });
    if (answer.redirected || answer.status === 401) { location.reload(); return; }
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!busy()) replace(fresh);
  };

  /** @param {number} ms */
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

  const follow = async () => {
    let made = performance.now(), wait = SHORTEST_MS;
    for (;;) {
      try {
        const answer = await fetch("/desk/changes?from=" + (sheet()?.dataset.seq ?? ""), { credentials: "same-origin", cache: "no-store" });
        if (answer.redirected || answer.status === 401) { location.reload(); return; }
        if (!answer.ok) throw new Error(String(answer.status));
        const { seq } = await answer.json();
        if (String(seq) !== sheet()?.dataset.seq || performance.now() - made > LONGEST_MS) {
          if (!busy()) { await refresh(); made = performance.now(); }
        }
        wait = SHORTEST_MS;
      } catch {
        // The server is away: the time of the page tells how old it is; ask again, less and less often.
        wait = Math.min(wait * 2, 30000);
      }
      await sleep(wait);
      while (document.hidden) await sleep(SHORTEST_MS);
    }
  };

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const here = document.activeElement;
    if (here instanceof HTMLElement && here.matches("input, textarea, select")) return;
    const at = rows().findIndex((row) => row.contains(here));
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const next = at + (event.key === "ArrowDown" ? 1 : -1);
      // Up from the first row leads back to the card.
      const card = /** @type {HTMLElement | null} */ (main.querySelector(".next .go"));
      if (at <= 0 && event.key === "ArrowUp") { if (at < 0 || !card) return; card.focus(); } else select(rows()[Math.min(next, rows().length - 1)]);
      event.preventDefault();
      return;
    }
    // What is noted while a row is selected is noted of that row. Runs before the key presses the button of the card.
    const button = [...main.querySelectorAll(".next button[data-key]")].find((one) => one instanceof HTMLElement && one.dataset.key === event.key.toUpperCase());
    const field = /** @type {HTMLInputElement | null} */ (main.querySelector(".next form [name=facility]"));
    const chosen = rowOf(here)?.dataset.f;
    if (button && field && chosen) field.value = chosen;
  }, { capture: true });

  reveal();
  follow();
})();
