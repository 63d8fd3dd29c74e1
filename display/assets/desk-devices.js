// @ts-check
// What is heard of buttons comes by itself: the part of the page marked data-live is made anew while somebody looks at it.
// Without this file there is a key for it.
"use strict";

(() => {
  const part = /** @type {HTMLElement | null} */ (document.querySelector("[data-live]"));
  const main = document.getElementById("main");
  if (!part || !main) return;
  const EVERY_MS = 2000, LONGEST_MS = 30000;
  /** Nobody has touched anything for so long: nobody sits here. */
  const LEFT_MS = 1200000;
  /** What has just moved under a hand is not what was meant. */
  const SETTLES_MS = 600;
  let touched = performance.now(), moved = -SETTLES_MS, held = false;
  const touch = () => { touched = performance.now(); };
  for (const event of ["keydown", "pointermove"]) document.addEventListener(event, touch, { passive: true, capture: true });
  document.addEventListener("pointerdown", () => { touch(); held = true; }, { passive: true, capture: true });
  for (const event of ["pointerup", "pointercancel"]) document.addEventListener(event, () => { held = false; }, { passive: true, capture: true });
  part.addEventListener("click", (event) => {
    if (performance.now() - moved < SETTLES_MS) { event.preventDefault(); event.stopPropagation(); }
  }, { capture: true });

  /** Somebody types, presses or marks words to copy: then nothing moves under their hands. */
  const busy = () => {
    const here = document.activeElement, marked = window.getSelection();
    const typing = here instanceof HTMLElement && here.matches("input, textarea, select");
    return held || typing || (marked !== null && !marked.isCollapsed && main.contains(marked.anchorNode));
  };

  /** Makes the whole page anew: the seat has ended, or what was looked at. */
  const leave = () => { if (!busy()) location.replace(location.href); };

  const look = async () => {
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
    if (answer.redirected || (answer.status >= 400 && answer.status < 500)) { leave(); return; }
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
    if (!fresh) { leave(); return; }
    if (fresh.innerHTML === part.innerHTML || busy()) return;
    const here = document.activeElement;
    const had = here && part.contains(here) ? here.getAttribute("href") ?? here.textContent : null;
    part.replaceChildren(...fresh.childNodes);
    moved = performance.now();
    const same = had === null ? undefined : [...part.querySelectorAll("a, button")].find((one) => (one.getAttribute("href") ?? one.textContent) === had);
    if (same instanceof HTMLElement) same.focus({ preventScroll: true });
  };

  /** @param {number} ms */
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

  const follow = async () => {
    for (let wait = EVERY_MS; ;) {
      await sleep(wait);
      while (document.hidden || performance.now() - touched > LEFT_MS) await sleep(EVERY_MS);
      try {
        await look();
        wait = EVERY_MS;
      } catch {
        // The server is away: ask again, less and less often.
        wait = Math.min(wait * 2, LONGEST_MS);
      }
    }
  };

  follow();
})();
