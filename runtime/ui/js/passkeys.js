// Passkeys and security keys in forms (WebAuthn Level 3).
//
// A form says by its fields what is asked: options as JSON in base64url go in, the browser's answer goes out in a hidden
// field, and the form is sent. The functions have the names that nodes give in `onclickTrigger` and `onloadTrigger`. On
// the built-in pages, which evaluate nothing, buttons name their function in `data-trigger`; there is one only for whom
// it works.
(() => {
  "use strict";

  if (window.oryPasskeyLogin) return;
  const pages = document.currentScript?.dataset.pages !== undefined;
  const supported = Boolean(window.PublicKeyCredential && navigator.credentials);
  let waiting = null;

  const field = (name) => document.querySelector(`[name="${name}"]`);

  const toBytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

  const toText = (buffer) => {
    const characters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte));
    return btoa(characters.join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };

  // The options as `navigator.credentials` takes them.
  const read = (given) => {
    const publicKey = structuredClone((typeof given === "string" ? JSON.parse(given) : given).publicKey);
    publicKey.challenge = toBytes(publicKey.challenge);
    if (publicKey.user) publicKey.user.id = toBytes(publicKey.user.id);
    for (const list of [publicKey.allowCredentials, publicKey.excludeCredentials]) {
      for (const known of list ?? []) known.id = toBytes(known.id);
    }
    return publicKey;
  };

  const named = (credential, response) =>
    JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response });

  const made = (credential) =>
    named(credential, {
      attestationObject: toText(credential.response.attestationObject),
      clientDataJSON: toText(credential.response.clientDataJSON),
      transports: credential.response.getTransports?.() ?? [],
    });

  const given = (credential) => {
    const { authenticatorData, clientDataJSON, signature, userHandle } = credential.response;
    return named(credential, {
      authenticatorData: toText(authenticatorData),
      clientDataJSON: toText(clientDataJSON),
      signature: toText(signature),
      userHandle: userHandle ? toText(userHandle) : null,
    });
  };

  // `submit` passes over fields that are required for another method.
  const send = (input, answer) => {
    input.value = answer;
    HTMLFormElement.prototype.submit.call(input.form);
  };

  const failed = (error) => {
    console.info(error);
    const notice = document.querySelector("[data-key-failed]");
    if (notice && error.name !== "AbortError") notice.hidden = false;
  };

  // One question at a time: the one that waits in the field's list makes way for the one that was asked for.
  const stopWaiting = () => {
    waiting?.abort();
    waiting = null;
  };

  const create = async (options, into) => {
    if (!supported || !into || !options) return;
    stopWaiting();
    try {
      send(into, made(await navigator.credentials.create({ publicKey: read(options) })));
    } catch (error) {
      failed(error);
    }
  };

  const get = async (options, into) => {
    if (!supported || !into || !options) return;
    stopWaiting();
    try {
      send(into, given(await navigator.credentials.get({ publicKey: read(options) })));
    } catch (error) {
      failed(error);
      if (field("passkey_login") === into) functions.oryPasskeyLoginAutocompleteInit();
    }
  };

  const functions = {
    oryPasskeyLogin: () => get(field("passkey_challenge")?.value, field("passkey_login")),
    oryPasskeyLoginAutocompleteInit: async () => {
      const [options, into] = [field("passkey_challenge")?.value, field("passkey_login")];
      if (!supported || !options || !into || waiting) return;
      if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
      waiting = new AbortController();
      const { signal } = waiting;
      try {
        const credential = await navigator.credentials.get({
          publicKey: read(options),
          mediation: "conditional",
          signal,
        });
        send(into, given(credential));
      } catch (error) {
        // Nobody asked for anything yet.
        console.debug(error);
      }
    },
    oryPasskeyRegistration: () => create(field("passkey_create_data")?.value, field("passkey_register")),
    oryPasskeySettingsRegistration: () =>
      create(field("passkey_create_data")?.value, field("passkey_settings_register")),
    oryWebAuthnLogin: (options) =>
      get(options ?? field("webauthn_login_trigger")?.value, field("webauthn_login")),
    oryWebAuthnRegistration: (options) =>
      create(options ?? field("webauthn_register_trigger")?.value, field("webauthn_register")),
  };
  for (const [name, run] of Object.entries(functions)) {
    window[name] = run;
    // As older pages call them.
    window[`__${name}`] = run;
  }

  // Which credentials the account still has, so that the browser offers none that was removed (WebAuthn Level 3, 5.1.10).
  // Those that a new one must not be made beside are all of them.
  const signalAccepted = async () => {
    const options = field("passkey_settings_register") && field("passkey_create_data")?.value;
    if (!options || !PublicKeyCredential.signalAllAcceptedCredentials) return;
    const { rp, user, excludeCredentials } = JSON.parse(options).publicKey;
    const allAcceptedCredentialIds = excludeCredentials.map(({ id }) => id);
    try {
      await PublicKeyCredential.signalAllAcceptedCredentials({ rpId: rp.id, userId: user.id, allAcceptedCredentialIds });
    } catch (error) {
      console.debug(error);
    }
  };

  if (!pages || !supported) return;
  document.addEventListener("DOMContentLoaded", () => {
    signalAccepted();
    // After a refusal nothing begins by itself: the same answer would be refused again.
    const refused = document.querySelector(".notice.error:not([hidden])");
    for (const button of document.querySelectorAll("[data-trigger]")) {
      button.hidden = false;
      button.addEventListener("click", (event) => {
        // Without the answer that it is to send, a button that sends asks for it first.
        const asks = button.type !== "submit" || field("passkey_create_data");
        if (!asks) return;
        event.preventDefault();
        functions[button.dataset.trigger]?.();
      });
      if (!refused) functions[button.dataset.onload]?.();
    }
    // Enter in a form that has no other button asks for the key, as the button would.
    document.addEventListener("submit", (event) => {
      const button = event.submitter ? null : event.target.querySelector("button[type=button][data-trigger]");
      if (!button) return;
      event.preventDefault();
      button.click();
    });
    // Whoever has just said who signs up goes on with the passkey.
    if (field("passkey_register") && !refused) functions.oryPasskeyRegistration();
  });
})();
