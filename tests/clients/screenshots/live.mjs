// The pages of a running node, each reached as a person reaches it.

import { readFile } from "node:fs/promises";

/**
 * Returns the pages; a person and a client that asks for consent must exist.
 *
 * Pages with the same `as` are looked at in one context, which that function makes somebody's first.
 */
export async function livePages({ base, client, redirect, identifier, "password-file": file }, languages) {
  const password = (await readFile(file, "utf8")).trim();
  const to = (path) => (page) => page.goto(base + path);
  const authorize = `/oauth2/auth?${new URLSearchParams({
    client_id: client,
    redirect_uri: redirect,
    response_type: "code",
    scope: "openid email offline_access",
    state: "a-state-of-this-picture",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
  })}`;
  /** Does what leads to another page and waits until that one is there: the page before is still there for a while. */
  const shownAfter = async (page, act) => {
    const [response] = await Promise.all([
      page.waitForResponse((answer) => answer.request().resourceType() === "document" && answer.status() < 300),
      page.waitForEvent("load"),
      act(),
    ]);
    return response;
  };
  const fill = async (page, fields) => {
    for (const [name, value] of Object.entries(fields)) await page.locator(`[name="${name}"]`).first().fill(value);
  };
  // What is typed must not be valid in the browser's own eyes only: the server's answer is what is pictured.
  const send = async (page, path, fields, button = "button[type=submit]") => {
    await page.goto(base + path);
    await fill(page, fields);
    const form = page.locator("form", { has: page.locator(`[name="${Object.keys(fields)[0]}"]`) }).first();
    return shownAfter(page, () => form.locator(button).last().click());
  };
  const sendAgain = async (page, path, first, second) => {
    await send(page, path, first, "button.primary");
    await fill(page, second);
    return shownAfter(page, () => page.locator("button.primary").click());
  };
  const press = async (page, path, button) => {
    await page.goto(base + path);
    return shownAfter(page, () => page.locator(`button[name="${button}"]`).click());
  };
  const pressWith = async (page, path, fields, button) => {
    await page.goto(base + path);
    await fill(page, fields);
    return shownAfter(page, () => page.locator(button).click());
  };
  const signInAs = async (page, who) => {
    await page.goto(`${base}/self-service/login/browser`);
    await fill(page, { identifier: who, password });
    return shownAfter(page, () => page.locator('button[value="password"]').click());
  };
  const signIn = async (context) => {
    const page = await context.newPage();
    await signInAs(page, identifier);
    await page.close();
  };
  // A person of the pictures' own, who adds a passkey and a security key: whoever has one is asked for it.
  let people = 0;
  const owners = new WeakMap();
  const addKeys = async (context) => {
    const page = await context.newPage();
    const client = await context.newCDPSession(page);
    await client.send("WebAuthn.enable");
    const plugIn = (isDevice) => {
      const options = {
        protocol: "ctap2",
        transport: isDevice ? "internal" : "usb",
        hasResidentKey: isDevice,
        hasUserVerification: isDevice,
        isUserVerified: isDevice,
        automaticPresenceSimulation: true,
      };
      return client.send("WebAuthn.addVirtualAuthenticator", { options });
    };
    people += 1;
    const who = `keys-${Date.now()}-${people}@nexboard.example`;
    await pressWith(page, "/self-service/registration/browser", { "traits.email": who, password }, 'button[value="password"]');
    const device = await plugIn(true);
    await press(page, "/self-service/settings/browser", "passkey_register_trigger");
    // The device would answer that it has a credential already.
    await client.send("WebAuthn.removeVirtualAuthenticator", device);
    await plugIn(false);
    await fill(page, { webauthn_register_displayname: "YubiKey 5" });
    await shownAfter(page, () => page.locator('[name="webauthn_register_trigger"]').click());
    await page.close();
    owners.set(context, who);
  };
  const secondStep = async (page) => {
    const who = owners.get(page.context());
    await page.context().clearCookies();
    return signInAs(page, who);
  };
  const pages = [
    { name: "welcome", open: to("/") },
    { name: "login", open: to("/self-service/login/browser") },
    { name: "login-client", open: to(authorize) },
    { name: "login-failed", open: (page) => send(page, "/self-service/login/browser", { identifier, password: "not the password" }) },
    { name: "registration", open: to("/self-service/registration/browser") },
    { name: "registration-failed", open: (page) => send(page, "/self-service/registration/browser", { "traits.email": identifier, password: "short" }) },
    { name: "registration-passkey", open: (page) => pressWith(page, "/self-service/registration/browser", { "traits.email": "grace@nexboard.example" }, 'button[value="passkey"]') },
    { name: "recovery", open: to("/self-service/recovery/browser") },
    { name: "recovery-sent", open: (page) => send(page, "/self-service/recovery/browser", { email: identifier }) },
    { name: "recovery-failed", open: (page) => sendAgain(page, "/self-service/recovery/browser", { email: identifier }, { code: "000000" }) },
    { name: "verification", open: to("/self-service/verification/browser") },
    { name: "verification-sent", open: (page) => send(page, "/self-service/verification/browser", { email: identifier }) },
    { name: "mail", open: to("/ui/dev/mail") },
    { name: "samples", open: to("/ui/dev/pages") },
    { name: "sample", open: to("/ui/dev/pages/settings-keys") },
    { name: "signed-out", open: to("/ui/signed-out") },
    { name: "error-redirect", status: 400, open: to(authorize.replace(encodeURIComponent(redirect), "https%3A%2F%2Felsewhere.example")) },
    { name: "error-not-found", status: 404, open: to("/nothing/is/here") },
    { name: "login-again", as: signIn, open: to("/self-service/login/browser?refresh=true") },
    { name: "login-other-account", as: signIn, open: to("/self-service/login/browser?prompt=select_account") },
    { name: "welcome-signed-in", as: signIn, open: to("/") },
    { name: "consent", as: signIn, open: to(authorize) },
    { name: "settings", as: signIn, open: to("/self-service/settings/browser") },
    { name: "settings-totp-failed", as: signIn, open: (page) => send(page, "/self-service/settings/browser", { totp_code: "000000" }) },
    { name: "settings-codes", as: signIn, open: (page) => press(page, "/self-service/settings/browser", "lookup_secret_regenerate") },
    { name: "settings-failed", as: signIn, open: (page) => send(page, "/self-service/settings/browser", { password: "short" }) },
    { name: "settings-keys", as: addKeys, open: to("/self-service/settings/browser") },
    { name: "login-second-key", as: addKeys, open: secondStep },
    { name: "logout", as: signIn, open: to("/oauth2/sessions/logout") },
  ];
  return { pages: pages.flatMap((page) => languages.map((language) => ({ ...page, language }))) };
}
