// @ts-check
// Passkeys: asks the server what to ask, asks the browser, and sends back what it answered. The server decides.
"use strict";

(() => {
  /** @param {string} text */
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  /** @param {ArrayBuffer | null | undefined} buffer */
  const text = (buffer) =>
    buffer ? btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "") : undefined;
  /** @param {any} list */
  const known = (list) => (list ?? []).map((/** @type {any} */ one) => ({ ...one, id: bytes(one.id) }));

  /** @param {string} url @param {unknown} body */
  const send = async (url, body) => {
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  };

  /** @param {any} options */
  const make = async (options) => {
    const publicKey = {
      ...options.publicKey,
      challenge: bytes(options.publicKey.challenge),
      user: { ...options.publicKey.user, id: bytes(options.publicKey.user.id) },
      excludeCredentials: known(options.publicKey.excludeCredentials),
    };
    const made = /** @type {PublicKeyCredential} */ (await navigator.credentials.create({ publicKey }));
    const response = /** @type {AuthenticatorAttestationResponse} */ (made.response);
    return {
      id: made.id, rawId: text(made.rawId), type: made.type, extensions: {},
      response: { attestationObject: text(response.attestationObject), clientDataJSON: text(response.clientDataJSON), transports: response.getTransports?.() },
    };
  };

  /** @param {any} options */
  const prove = async (options) => {
    const publicKey = {
      ...options.publicKey,
      challenge: bytes(options.publicKey.challenge),
      allowCredentials: known(options.publicKey.allowCredentials),
    };
    const proof = /** @type {PublicKeyCredential} */ (await navigator.credentials.get({ publicKey }));
    const response = /** @type {AuthenticatorAssertionResponse} */ (proof.response);
    return {
      id: proof.id, rawId: text(proof.rawId), type: proof.type, extensions: {},
      response: {
        authenticatorData: text(response.authenticatorData), clientDataJSON: text(response.clientDataJSON),
        signature: text(response.signature), userHandle: text(response.userHandle),
      },
    };
  };

  for (const button of document.querySelectorAll("button[data-passkey]")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    button.addEventListener("click", async () => {
      const problem = button.closest("section")?.querySelector("[data-passkey-problem]");
      button.disabled = true;
      problem?.setAttribute("hidden", "");
      try {
        const begun = await send(button.dataset.begin ?? "", {});
        const credential = await (button.dataset.passkey === "make" ? make : prove)(begun.options);
        const ended = await send(button.dataset.finish ?? "", { ceremony: begun.ceremony, credential });
        location.assign(ended.next);
      } catch {
        problem?.removeAttribute("hidden");
        button.disabled = false;
        button.focus();
      }
    });
  }
})();
