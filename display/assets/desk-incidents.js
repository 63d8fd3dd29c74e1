// @ts-check
// The form that opens an incident: shows the question beside it while one chooses, and proposes the name.
// Without it the same question stands on a page of its own.
"use strict";

(() => {
  const form = document.querySelector("form#open");
  const beside = document.querySelector("#sure-live");
  if (!(form instanceof HTMLFormElement) || !(beside instanceof HTMLElement)) return;
  const name = form.elements.namedItem("name");
  const waiting = [...beside.childNodes];
  let proposed = "";
  let asked = 0;
  let typing = 0;

  const propose = () => {
    if (!(name instanceof HTMLInputElement)) return;
    const tile = form.querySelector("input[name=hazard]:checked");
    const finer = form.querySelector("select[name=detail] option:checked");
    const fits = [finer, tile].map((one) => (one instanceof HTMLElement && one.dataset.name) || "").find((one) => one !== "") || "";
    if (name.value === "" || name.value === proposed) name.value = proposed = fits;
  };

  const ask = async () => {
    const chosen = new FormData(form);
    const mine = ++asked;
    // What is still shown belongs to another choice: nobody may say yes to it.
    for (const button of beside.querySelectorAll("button")) button.disabled = true;
    let fresh = null;
    if (chosen.get("hazard") && chosen.get("realm")) {
      const query = new URLSearchParams([...chosen].map(([field, value]) => [field, String(value)]));
      try {
        const answer = await fetch(`${form.action}?${query}`);
        fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#sure");
      } catch {
        // The button of before leads to the same question.
      }
    }
    if (mine !== asked) return;
    if (fresh) beside.replaceChildren(document.adoptNode(fresh));
    else beside.replaceChildren(...waiting);
    for (const button of beside.querySelectorAll("button")) button.disabled = false;
  };

  form.addEventListener("change", () => {
    propose();
    ask();
  });
  form.addEventListener("input", (event) => {
    if (event.target !== name) return;
    for (const button of beside.querySelectorAll("button")) button.disabled = true;
    window.clearTimeout(typing);
    typing = window.setTimeout(ask, 300);
  });
  ask();
})();
