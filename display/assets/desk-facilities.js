// @ts-check
// A register file: read from the disk in whichever of two encodings it has, and sent packed, because Japanese grows ninefold in a form.
// Without this file the text is pasted and sent as it is.
"use strict";

(() => {
  const area = document.getElementById("csv"), holder = document.querySelector("[data-file-for=csv]"), file = document.getElementById("file");
  if (!(area instanceof HTMLTextAreaElement) || !(file instanceof HTMLInputElement) || !(holder instanceof HTMLElement)) return;
  holder.hidden = false;
  file.addEventListener("change", async () => {
    const chosen = file.files?.[0];
    if (!chosen) return;
    const bytes = await chosen.arrayBuffer();
    try {
      area.value = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      area.value = new TextDecoder("shift_jis").decode(bytes);
    }
  });

  const form = area.form;
  if (!form || !("CompressionStream" in window)) return;
  form.addEventListener("submit", async (event) => {
    if (form.dataset.packed) return;
    event.preventDefault();
    const stream = new Blob([area.value]).stream().pipeThrough(new CompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    const packed = document.createElement("input");
    packed.type = "hidden";
    packed.name = "packed";
    packed.value = btoa(text);
    form.append(packed);
    area.removeAttribute("name");
    form.dataset.packed = "1";
    // Which button it was: one looks, the other writes. The script's own submit would leave that out.
    const pressed = event.submitter;
    if (pressed instanceof HTMLButtonElement && pressed.name) {
      const said = document.createElement("input");
      said.type = "hidden";
      said.name = pressed.name;
      said.value = pressed.value;
      form.append(said);
    }
    form.submit();
  });
})();
