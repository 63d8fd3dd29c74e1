// @ts-check
// Keys of the desk, everywhere: a button or link with data-key is pressed by its key, as the <kbd> on it says.
// Nothing here is needed to use the desk; it only saves the way to the mouse.
"use strict";

(() => {
  /** Whether the person is typing: then a letter is a letter.
   * @param {EventTarget | null} target */
  const types = (target) => target instanceof HTMLElement && target.matches("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    // A key that is held down is one press, also when the page it leads to opens under the finger.
    if (event.repeat || event.isComposing || event.altKey || event.metaKey || event.defaultPrevented) return;
    const confirms = event.ctrlKey && event.key === "Enter";
    if (event.ctrlKey && !confirms) return;
    if (!confirms && types(event.target)) return;
    const wanted = confirms ? "Ctrl+Enter" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
    const found = [...document.querySelectorAll("[data-key]")].find((one) => one instanceof HTMLElement && one.dataset.key === wanted && one.offsetParent !== null);
    if (!(found instanceof HTMLElement)) return;
    if (!confirms && event.key === "Enter" && event.target instanceof HTMLElement && event.target.matches("a, button, summary")) return;
    event.preventDefault();
    if (found.matches("input[type=search], input[type=text], textarea")) found.focus();
    else found.click();
  });
})();
