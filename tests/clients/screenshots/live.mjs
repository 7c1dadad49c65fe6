// The pages of a running node, each reached as a person reaches it.

import { readFile } from "node:fs/promises";

/** Returns the pages; a person and a client that asks for consent must exist. */
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
  // What is typed must not be valid in the browser's own eyes only: the server's answer is what is pictured.
  const send = async (page, path, fields, button) => {
    await page.goto(base + path);
    for (const [name, value] of Object.entries(fields)) await page.locator(`[name="${name}"]`).first().fill(value);
    const form = page.locator("form", { has: page.locator(`[name="${Object.keys(fields)[0]}"]`) }).first();
    const [response] = await Promise.all([
      page.waitForResponse((answer) => answer.request().resourceType() === "document" && answer.status() < 300),
      form.locator(button ?? "button[type=submit]").last().click(),
    ]);
    await page.waitForLoadState();
    return response;
  };
  const sendAgain = async (page, path, first, second) => {
    await send(page, path, first, "button.primary");
    for (const [name, value] of Object.entries(second)) await page.locator(`[name="${name}"]`).first().fill(value);
    const [response] = await Promise.all([
      page.waitForResponse((answer) => answer.request().resourceType() === "document" && answer.status() < 300),
      page.locator("button.primary").click(),
    ]);
    await page.waitForLoadState();
    return response;
  };
  const press = async (page, path, button) => {
    await page.goto(base + path);
    const [response] = await Promise.all([
      page.waitForResponse((answer) => answer.request().resourceType() === "document" && answer.status() < 300),
      page.locator(`button[name="${button}"]`).click(),
    ]);
    await page.waitForLoadState();
    return response;
  };
  const pressWith = async (page, path, fields, button) => {
    await page.goto(base + path);
    for (const [name, value] of Object.entries(fields)) await page.locator(`[name="${name}"]`).first().fill(value);
    const [response] = await Promise.all([
      page.waitForResponse((answer) => answer.request().resourceType() === "document" && answer.status() < 300),
      page.locator(button).click(),
    ]);
    await page.waitForLoadState();
    return response;
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
    { name: "signed-out", open: to("/ui/signed-out") },
    { name: "error-redirect", status: 400, open: to(authorize.replace(encodeURIComponent(redirect), "https%3A%2F%2Felsewhere.example")) },
    { name: "error-not-found", status: 404, open: to("/nothing/is/here") },
    { name: "login-again", signedIn: true, open: to("/self-service/login/browser?refresh=true") },
    { name: "login-other-account", signedIn: true, open: to("/self-service/login/browser?prompt=select_account") },
    { name: "welcome-signed-in", signedIn: true, open: to("/") },
    { name: "consent", signedIn: true, open: to(authorize) },
    { name: "settings", signedIn: true, open: to("/self-service/settings/browser") },
    { name: "settings-totp-failed", signedIn: true, open: (page) => send(page, "/self-service/settings/browser", { totp_code: "000000" }) },
    { name: "settings-codes", signedIn: true, open: (page) => press(page, "/self-service/settings/browser", "lookup_secret_regenerate") },
    { name: "settings-failed", signedIn: true, open: (page) => send(page, "/self-service/settings/browser", { password: "short" }) },
    { name: "logout", signedIn: true, open: to("/oauth2/sessions/logout") },
  ];
  return {
    pages: pages.flatMap((page) => languages.map((language) => ({ ...page, language }))),
    /** Signs the person in, in a context of its own. */
    async signIn(context) {
      const page = await context.newPage();
      await page.goto(`${base}/self-service/login/browser`);
      await page.locator('[name="identifier"]').fill(identifier);
      await page.locator('[name="password"]').fill(password);
      await page.keyboard.press("Enter");
      await page.waitForURL((url) => !url.pathname.includes("login"));
      await page.close();
    },
  };
}
