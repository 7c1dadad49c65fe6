// People sign in to Nexboard by clicking, in headless Chromium.
//
//   node main.mjs --app URL --third-party URL --provider URL --keys URL --alone URL --attested URL --steps URL --guarded URL
//                 --pages URL --coded URL --admin URL --admin-key-file FILE --captcha-port PORT --captcha-secret-file FILE --single-page-port PORT --identifier NAME --suspended NAME --password-file FILE
//
// --app is a first-party client, --third-party one that asks for consent; --provider is the tenant's base URL,
// --keys that of a tenant at a host name, as passkeys need it, --alone and --attested those of two more: one whose security
// keys sign in alone, and one that takes keys of a maker whom it knows. --steps is that of one whose forms are in two steps,
// which proves addresses by links, and where --identifier owns an organisation. --guarded is that of one whose forms ask
// whether a person is there, by a service that is started here, at --captcha-port. --pages is that of one where people delete
// their accounts and trust devices, whose admin API is at --admin; --coded takes codes by message for second factors. An application without a server is served at
// --single-page-port.
// `cargo xtask clients browser` starts all of them. ONLY=<text> runs the checks whose name contains it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { check, finish } from "../openid-client/checks.mjs";
import { accessibilityChecks } from "./accessibility.mjs";
import { accountPageChecks } from "./account_pages.mjs";
import { captchaChecks } from "./captcha.mjs";
import { frontChannelChecks } from "./front_channel.mjs";
import { keyChecks } from "./keys.mjs";
import { languageChecks } from "./languages.mjs";
import { latestCode, latestLink } from "./mail.mjs";
import { organisationPageChecks } from "./organisation_pages.mjs";
import { passkeyChecks } from "./passkeys.mjs";
import { browser, heading, onDashboard, pressUntil, signInAs, withPage } from "./person.mjs";
import { singlePageChecks } from "./single_page.mjs";
import { stepChecks } from "./steps.mjs";
import { totp } from "./totp.mjs";

const { values: options } = parseArgs({
  options: {
    app: { type: "string" },
    "third-party": { type: "string" },
    provider: { type: "string" },
    keys: { type: "string" },
    alone: { type: "string" },
    attested: { type: "string" },
    guarded: { type: "string" },
    "captcha-port": { type: "string" },
    "captcha-secret-file": { type: "string" },
    "single-page-port": { type: "string" },
    steps: { type: "string" },
    pages: { type: "string" },
    coded: { type: "string" },
    admin: { type: "string" },
    "admin-key-file": { type: "string" },
    identifier: { type: "string" },
    suspended: { type: "string" },
    "password-file": { type: "string" },
  },
});
const password = (await readFile(options["password-file"], "utf8")).trim();
const ada = { identifier: options.identifier, password };
// Each run signs up people of its own.
const run = Date.now().toString(36);
let people = 0;

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

  await check(`a person signs in, sees what the plugin added, and signs out, ${how}`, () =>
    withPage(async (page) => {
      await page.goto(options.app);
      await page.getByRole("link", { name: "Sign in" }).click();
      assert.ok(page.url().startsWith(options.provider), page.url());
      await signInAs(page, ada);
      await onDashboard(page, ada.identifier);
      await page.getByText(/team/i).first().waitFor();
      await page.getByText(/12 seats/i).waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await isSignedOut(page);
    }, { javaScriptEnabled }),
  );

  await check(`a wrong password says so at the form, and the right one then works, ${how}`, () =>
    withPage(async (page) => {
      await page.goto(`${options.app}/login`);
      await signInAs(page, { ...ada, password: "not the password" });
      await page.getByText(/didn.t match/i).first().waitFor();
      assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), "", "a password is never shown again");
      assert.ok(!page.url().includes("password"), "no secret in an address");
      await signInAs(page, ada);
      await onDashboard(page, ada.identifier);
    }, { javaScriptEnabled }),
  );

  await check(`a person signs up on the way to the app, ${how}`, () =>
    withPage(async (page) => {
      const identifier = newAddress();
      await page.goto(`${options.app}/login`);
      await page.getByRole("link", { name: "Create an account" }).click();
      await heading(page, "Create your account");
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByLabel("Password", { exact: true }).fill("short");
      await page.getByRole("button", { name: "Create account" }).click();
      await page.locator("[aria-invalid=true]").waitFor();
      assert.equal(await page.getByLabel(/^e-?mail/i).inputValue(), identifier, "what was typed is kept");
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: "Create account" }).click();
      await onDashboard(page, identifier);
    }, { javaScriptEnabled }),
  );

  await check(`a person who forgot the password gets back in and sets a new one, and has verified the address, ${how}`, () =>
    withPage(async (page, context) => {
      const identifier = await signUp(page);
      await context.clearCookies();
      await page.goto(`${options.provider}/self-service/login/browser`);
      await page.getByRole("link", { name: "Forgot your password?" }).click();
      await heading(page, "Get back into your account");
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByText(/we.ve sent you a code/).waitFor();
      await page.getByLabel("Recovery code").fill("000000");
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByText(/This code is wrong/).waitFor();
      // The mail's link fills the form in; its reader sends it.
      await page.goto(await latestLink(context, options.provider, identifier, "recovery"));
      assert.match(await page.getByLabel("Recovery code").inputValue(), /^\d{6}$/);
      await page.getByRole("button", { name: "Continue" }).click();
      await heading(page, "Account settings");
      await page.getByText(/You.re back in/).waitFor();
      const fresh = `${password} anew`;
      await page.getByLabel("New password").fill(fresh);
      await page.getByRole("button", { name: "Change password" }).click();
      await page.getByText("Your changes have been saved.").waitFor();
      await context.clearCookies();
      await page.goto(`${options.app}/login`);
      await signInAs(page, { identifier, password: fresh });
      await onDashboard(page, identifier);
    }, { javaScriptEnabled }),
  );

  await check(`a person signs in with a code, and by a link on the same device and on another, ${how}`, () =>
    withPage(async (page, context) => {
      const identifier = await signUp(page);
      const ask = async () => {
        await context.clearCookies();
        await page.goto(`${options.provider}/self-service/login/browser`);
        await page.getByLabel(/^e-?mail/i).fill(identifier);
        await page.getByRole("button", { name: "Send sign-in code" }).click();
        await page.getByText(/we.ve sent you a code/i).waitFor();
      };
      await ask();
      await page.getByLabel("Sign-in code").fill("000000");
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByText(/code or link is wrong/).waitFor();
      await page.getByLabel("Sign-in code").fill(await latestCode(context, options.provider, identifier));
      await page.getByRole("button", { name: "Continue" }).click();
      await heading(page, "Account settings");
      await ask();
      await page.goto(await latestLink(context, options.provider, identifier, "login"));
      await heading(page, "Account settings");
      await ask();
      const link = await latestLink(context, options.provider, identifier, "login");
      await withPage(async (phone) => {
        await phone.goto(link);
        await heading(phone, "Sign in on this device?");
        await phone.getByText(identifier).first().waitFor();
        await phone.getByRole("button", { name: "Sign in", exact: true }).click();
        await heading(phone, "Account settings");
      }, { javaScriptEnabled });
      await page.reload();
      await page.getByLabel(/^e-?mail/i).waitFor();
    }, { javaScriptEnabled }),
  );

  await check(`a person signs up with a code, ${how}`, () =>
    withPage(async (page, context) => {
      const identifier = newAddress();
      await page.goto(`${options.provider}/self-service/registration/browser`);
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByRole("button", { name: "Send sign-up code" }).click();
      await page.getByLabel("Sign-up code").fill(await latestCode(context, options.provider, identifier));
      await page.getByRole("button", { name: "Continue" }).click();
      await heading(page, "Account settings");
    }, { javaScriptEnabled }),
  );

  await check(`a person verifies an address, ${how}`, () =>
    withPage(async (page, context) => {
      const identifier = await signUp(page);
      await page.goto(`${options.provider}/self-service/verification/browser`);
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByRole("button", { name: "Resend code" }).click();
      await page.goto(await latestLink(context, options.provider, identifier, "verification"));
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByText("Your email address is verified.").first().waitFor();
      await page.getByRole("link", { name: "Continue" }).click();
      await page.getByRole("heading", { level: 1 }).waitFor();
    }, { javaScriptEnabled }),
  );

  await check(`a person connects a device with the code that it shows, ${how}`, () =>
    withPage(async (page) => {
      const identifier = await signUp(page);
      const grant_type = "urn:ietf:params:oauth:grant-type:device_code";
      const ask = async (path, body) => {
        const response = await fetch(`${options.provider}${path}`, { method: "POST", body: new URLSearchParams(body) });
        return response.json();
      };
      const device = await ask("/oauth2/device/auth", { client_id: "television", scope: "openid" });
      await page.goto(device.verification_uri);
      await heading(page, "Connect a device");
      await page.getByLabel("Code").fill("BBBB-BBBB");
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByText("No device waits for this code.").waitFor();
      await page.getByLabel("Code").fill(device.user_code.toLowerCase().replace("-", ""));
      await page.getByRole("button", { name: "Continue" }).click();
      await heading(page, "Television wants access to your account from a device");
      await page.getByText(identifier).waitFor();
      await page.getByText(device.user_code).waitFor();
      await page.getByText(/somebody sent you the code/).waitFor();
      await page.getByRole("button", { name: "Allow" }).click();
      await heading(page, "Your device is connected");
      const tokens = await ask("/oauth2/token", { client_id: "television", grant_type, device_code: device.device_code });
      assert.ok(tokens.id_token, JSON.stringify(tokens));
    }, { javaScriptEnabled }),
  );

  await check(`a person declines, and then allows and is remembered, ${how}`, () =>
    withPage(async (page, context) => {
      const identifier = await signUp(page);
      await page.goto(`${options["third-party"]}/login`);
      await page.getByRole("heading", { name: /wants access to your account/ }).waitFor();
      await page.getByText(identifier).waitFor();
      await page.getByRole("button", { name: "Deny" }).click();
      assert.ok(page.url().startsWith(options["third-party"]), page.url());
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.goto(`${options["third-party"]}/login`);
      await page.getByRole("checkbox", { name: /don.t ask again/i }).check();
      await page.getByRole("button", { name: "Allow" }).click();
      await onDashboard(page, identifier);
      await context.clearCookies({ name: /nexboard/i });
      await page.goto(`${options["third-party"]}/login`);
      await onDashboard(page, identifier);
    }, { javaScriptEnabled }),
  );
}

await check("a person of a suspended customer is told so in the app", () =>
  withPage(async (page) => {
    await page.goto(`${options.app}/login`);
    await signInAs(page, { identifier: options.suspended, password });
    await page.getByText("This account is suspended").waitFor();
    assert.ok(page.url().startsWith(options.app), page.url());
  }),
);

await check("a person signs in and out with the keyboard alone", () =>
  withPage(async (page) => {
    await page.goto(options.app);
    await pressUntil(page, (name) => name === "Sign in");
    await page.keyboard.press("Enter");
    await page.getByLabel("Password", { exact: true }).waitFor();
    // The first field has the focus already; the next stop is the password.
    await pressUntil(page, (_, id) => id.includes("identifier"), { begin: true });
    await page.keyboard.type(ada.identifier);
    await pressUntil(page, (_, id) => id.includes("password"));
    await page.keyboard.type(ada.password);
    await page.keyboard.press("Enter");
    await onDashboard(page, ada.identifier);
    await pressUntil(page, (name) => name === "Sign out");
    await page.keyboard.press("Enter");
    await isSignedOut(page);
  }),
);

await check("the account page ends other sessions, and a new password ends them too", () =>
  withPage(async (page) => {
    const identifier = await signUp(page);
    await withPage(async (other) => {
      const settings = `${options.provider}/self-service/settings/browser`;
      await other.goto(settings);
      await signInAs(other, { identifier, password });
      await heading(other, "Account settings");
      await page.goto(settings);
      await page.getByRole("button", { name: "Sign out everywhere else" }).click();
      await page.getByText(/signed in on this device only/i).waitFor();
      await other.goto(settings);
      await signInAs(other, { identifier, password });
      await heading(other, "Account settings");
      await page.goto(settings);
      await page.getByLabel(/new password/i).fill("quiet harbour 5 o'clock");
      await page.getByRole("button", { name: "Change password" }).click();
      await page.getByText("Your changes have been saved.").waitFor();
      await other.goto(settings);
      await signInAs(other, { identifier, password: "quiet harbour 5 o'clock" });
      await heading(other, "Account settings");
    });
  }),
);

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";
  const umbrella = new URL("/t/umbrella", options.provider).href;

  await check(`a person sets up an authenticator app, signs out, and signs in with both factors, ${how}`, () =>
    withPage(async (page, context) => {
      const identifier = await signUp(page);
      await page.goto(`${options.provider}/self-service/settings/browser`);
      const picture = page.getByRole("img", { name: /QR code/ });
      assert.ok(await picture.evaluate((image) => image.complete && image.naturalWidth > 100), "the QR code can be seen");
      const app = page.getByRole("region", { name: "Authenticator app" });
      const secret = await app.locator("code").innerText();
      await app.getByLabel("Verification code").fill("000000");
      await app.getByRole("button", { name: "Save" }).click();
      await page.getByText(/code is not right/i).waitFor();
      await app.getByLabel("Verification code").fill(totp(secret, 0));
      await app.getByRole("button", { name: "Save" }).click();
      await page.getByText("Your changes have been saved.").waitFor();
      const codes = page.getByRole("region", { name: "Backup codes" });
      await codes.getByRole("button", { name: "Make new backup codes" }).click();
      const backup = await codes.locator("li code").first().innerText();
      assert.equal(await codes.locator("li code").count(), 12);
      await codes.getByRole("button", { name: "I have kept them" }).click();
      await page.getByText("Your changes have been saved.").waitFor();

      await context.clearCookies();
      await page.goto(`${options.app}/login`);
      await signInAs(page, { identifier, password });
      await heading(page, "One more step");
      await page.getByLabel("Authentication code").fill("000000");
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByText(/code is not right/i).waitFor();
      await page.getByLabel("Authentication code").fill(totp(secret, 1));
      await page.getByRole("button", { name: "Continue" }).click();
      await onDashboard(page, identifier);

      await context.clearCookies();
      await page.goto(`${options.app}/login`);
      await signInAs(page, { identifier, password });
      await heading(page, "One more step");
      await page.getByText("Use a backup code").click();
      await page.getByLabel("Backup code").fill(backup);
      await page.getByRole("button", { name: "Use backup code" }).click();
      await onDashboard(page, identifier);
    }, { javaScriptEnabled }),
  );

  await check(`a person signs up with another provider, and signs in with it again, ${how}`, () =>
    withPage(async (page, context) => {
      await page.goto(`${options.provider}/self-service/login/browser`);
      await page.getByRole("button", { name: "Sign in with Umbrella" }).click();
      assert.ok(page.url().startsWith(umbrella), page.url());
      await page.getByRole("link", { name: "Create an account" }).click();
      const identifier = newAddress();
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: /sign up|create/i }).click();
      await page.waitForURL((url) => url.href.startsWith(`${options.provider}/ui/settings`));
      await page.getByText(identifier).first().waitFor();
      assert.equal(await page.getByRole("button", { name: "Unlink Umbrella" }).count(), 0, "the last way in stays");

      await context.clearCookies();
      await page.goto(`${options.app}/login`);
      await page.getByRole("button", { name: "Sign in with Umbrella" }).click();
      await signInAs(page, { identifier, password });
      await onDashboard(page, identifier);
    }, { javaScriptEnabled }),
  );

  await check(`a person links another provider, and unlinks it, ${how}`, () =>
    withPage(async (page) => {
      await signUp(page);
      await page.goto(`${options.provider}/self-service/settings/browser`);
      await page.getByRole("button", { name: "Link Umbrella" }).click();
      await page.getByRole("link", { name: "Create an account" }).click();
      await page.getByLabel(/^e-?mail/i).fill(newAddress());
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: /sign up|create/i }).click();
      await page.getByText("Your changes have been saved.").waitFor();
      await page.getByRole("button", { name: "Unlink Umbrella" }).click();
      await page.getByRole("button", { name: "Link Umbrella" }).waitFor();
    }, { javaScriptEnabled }),
  );
}

await check("a broken link of an app is an error page that says so", () =>
  withPage(async (page) => {
    const answer = await page.goto(`${options.provider}/oauth2/auth?client_id=nobody&response_type=code`);
    assert.equal(answer.status(), 400);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.getByText(/request id/i).waitFor();
  }),
);

await check("a form that another browser began is an error page that says so", () =>
  withPage(async (page) => {
    await page.goto(`${options.provider}/self-service/login/browser`);
    await page.getByLabel("Password", { exact: true }).waitFor();
    await withPage(async (stranger) => {
      const answer = await stranger.goto(page.url());
      assert.ok(stranger.url().startsWith(`${options.provider}/ui/error?id=`), stranger.url());
      assert.equal(answer.status(), 403);
      await stranger.getByRole("heading", { level: 1 }).waitFor();
      assert.equal(await stranger.getByLabel("Password", { exact: true }).count(), 0);
    });
  }),
);

await passkeyChecks({ provider: options.keys, password, newAddress });
await keyChecks({ alone: options.alone, attested: options.attested, password, newAddress });
await captchaChecks({
  provider: options.guarded,
  port: Number(options["captcha-port"]),
  secret: (await readFile(options["captcha-secret-file"], "utf8")).trim(),
  password,
  newAddress,
});
await stepChecks({ provider: options.steps, owner: ada, password, newAddress });
await singlePageChecks({ provider: options.provider, port: Number(options["single-page-port"]), person: ada });
const operate = operator(options.admin, (await readFile(options["admin-key-file"], "utf8")).trim());
await accountPageChecks({ provider: options.pages, coded: options.coded, operate, password, newAddress });
await frontChannelChecks({ provider: options.pages, operate, password, newAddress });
await organisationPageChecks({ provider: options.pages, operate, password, newAddress });
await languageChecks({ provider: options.pages });
await accessibilityChecks({ provider: options.provider, keys: options.keys, signUp, newAddress, password });

await browser.close();
finish();

function newAddress() {
  people += 1;
  return `${run}-${people}@acme.example`;
}

/** Returns how somebody with an admin key sends a request to an admin API, which must be answered with success. */
function operator(admin, key) {
  return async (method, path, body) => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const response = await fetch(admin + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return text && JSON.parse(text);
  };
}

/** Signs a new person up at the provider and returns their address. */
async function signUp(page) {
  const identifier = newAddress();
  await page.goto(`${options.provider}/self-service/registration/browser`);
  await page.getByLabel(/^e-?mail/i).fill(identifier);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.waitForURL((url) => !url.href.includes("registration"));
  return identifier;
}

/** Waits for the page to which the provider sends whoever signs out of a first-party app, unasked; it has ended its session too. */
async function isSignedOut(page) {
  await page.waitForURL((url) => url.href.startsWith(`${options.app}/signed-out?`));
  await page.goto(`${options.app}/login`);
  await page.getByLabel("Password", { exact: true }).waitFor();
}
