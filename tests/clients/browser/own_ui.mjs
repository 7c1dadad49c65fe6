// People use `examples/own-ui`, a user interface of somebody's own that knows nothing but the API.
//
//   node own_ui.mjs --ui URL --provider URL
//
// `cargo xtask clients browser` starts it. ONLY=<text> runs the checks whose name contains it.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { parseArgs } from "node:util";
import { check, finish } from "../openid-client/checks.mjs";
import { browser, heading, withPage } from "./person.mjs";

const { values: options } = parseArgs({ options: { ui: { type: "string" }, provider: { type: "string" } } });
const PASSWORD = "moss-covered lantern 71";
const run = Date.now().toString(36);
let people = 0;

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";
  const person = (body) => withPage(body, { javaScriptEnabled });

  await check(`own ui: a person signs up, out and in, and mistakes are said at the form, ${how}`, () =>
    person(async (page) => {
      const email = newAddress();
      await page.goto(options.ui);
      await page.getByRole("link", { name: "Create an account" }).click();
      await heading(page, "Sign up");
      await page.getByLabel("E-Mail").fill(email);
      await page.getByLabel("Password").fill("short");
      await press(page, "Sign up");
      await page.locator("[aria-invalid=true]").waitFor();
      assert.equal(await page.getByLabel("E-Mail").inputValue(), email, "what was typed is kept");
      await page.getByLabel("Password").fill(PASSWORD);
      await press(page, "Sign up");
      await signedIn(page, email);
      await page.getByRole("link", { name: "Sign out" }).click();
      await heading(page, "Welcome");
      await page.getByRole("link", { name: "Sign in" }).click();
      await page.getByLabel("E-Mail").fill(email);
      await page.getByLabel("Password").fill("not the password");
      await press(page, "Sign in with password");
      await page.getByRole("alert").waitFor();
      assert.equal(await page.getByLabel("Password").inputValue(), "", "a password is never shown again");
      await page.getByLabel("Password").fill(PASSWORD);
      await press(page, "Sign in with password");
      await signedIn(page, email);
    }),
  );

  await check(`own ui: a person signs in with a code, ${how}`, () =>
    person(async (page, context) => {
      const email = await signUp(page);
      await context.clearCookies();
      await page.goto(`${options.ui}/login`);
      await page.getByLabel("E-Mail").fill(email);
      await press(page, "Send sign in code");
      await page.getByLabel(/code/i).fill(await latestCode(context, email));
      await press(page, "Continue");
      await signedIn(page, email);
    }),
  );

  await check(`own ui: a person who forgot the password gets back in and sets a new one, ${how}`, () =>
    person(async (page, context) => {
      const email = await signUp(page);
      await context.clearCookies();
      await page.goto(`${options.ui}/login`);
      await page.getByRole("link", { name: "Forgot your password?" }).click();
      await heading(page, "Get back in");
      await page.getByLabel(/e-?mail/i).fill(email);
      await press(page, "Continue");
      await page.getByLabel(/code/i).fill(await latestCode(context, email));
      await press(page, "Continue");
      await heading(page, "Your account");
      const form = page.locator("form[data-group=password]");
      await form.getByLabel(/password/i).fill(`${PASSWORD} anew`);
      await form.getByRole("button").click();
      await page.getByRole("status").first().waitFor();
      await context.clearCookies();
      await page.goto(`${options.ui}/login`);
      await page.getByLabel("E-Mail").fill(email);
      await page.getByLabel("Password").fill(`${PASSWORD} anew`);
      await press(page, "Sign in with password");
      await signedIn(page, email);
    }),
  );

  await check(`own ui: a person proves an address, and changes the name, ${how}`, () =>
    person(async (page, context) => {
      const email = await signUp(page);
      await page.getByRole("link", { name: "Prove your address" }).click();
      await heading(page, "Prove your address");
      await page.getByLabel(/e-?mail/i).fill(email);
      await press(page, "Continue");
      await page.getByLabel(/code/i).fill(await latestCode(context, email));
      await press(page, "Continue");
      await page.getByText(/verified/i).first().waitFor();
      await page.goto(`${options.ui}/settings`);
      const form = page.locator("form[data-group=profile]");
      await form.getByLabel("First name").fill("<Ada>");
      await form.getByRole("button").click();
      await page.getByRole("status").first().waitFor();
      assert.equal(await form.getByLabel("First name").inputValue(), "<Ada>", "it is text, and no markup");
    }),
  );

  await check(`own ui: an authenticator app is set up and asked for, ${how}`, () =>
    person(async (page, context) => {
      const email = await signUp(page);
      await page.goto(`${options.ui}/settings`);
      const form = page.locator("form[data-group=totp]");
      const secret = await form.locator("code").innerText();
      assert.ok((await form.locator("img").getAttribute("src"))?.startsWith("data:image/png"));
      await form.getByRole("textbox").fill(totp(secret, 0));
      await form.getByRole("button").click();
      await form.getByRole("button", { name: /unlink/i }).waitFor();
      await context.clearCookies();
      await page.goto(`${options.ui}/login`);
      await page.getByLabel("E-Mail").fill(email);
      await page.getByLabel("Password").fill(PASSWORD);
      await press(page, "Sign in with password");
      await page.getByLabel(/authenticat/i).fill(totp(secret, 1));
      await page.getByRole("button", { name: /authenticator/i }).click();
      await signedIn(page, email);
    }),
  );

  await check(`own ui: what went wrong is said, and a form that is another's begins anew, ${how}`, () =>
    person(async (page) => {
      assert.equal((await page.goto(`${options.ui}/error?id=nobodys`))?.status(), 404);
      await heading(page, "Something went wrong");
      await page.goto(`${options.ui}/login?flow=00000000-0000-4000-8000-000000000000`);
      await heading(page, "Sign in");
      assert.ok(!page.url().includes("00000000-0000"), page.url());
      // A form that is posted without its token ends at the page for errors.
      await page.setContent(`<form method="post" action="${options.provider}/self-service/login?flow=${new URL(page.url()).searchParams.get("flow")}">
        <button name="method" value="password">Go</button></form>`);
      await page.getByRole("button").click();
      await heading(page, "Something went wrong");
      assert.ok(page.url().startsWith(`${options.ui}/error?id=`), page.url());
    }),
  );
}

await browser.close();
finish();

function newAddress() {
  people += 1;
  return `own-${run}-${people}@acme.example`;
}

function press(page, name) {
  return page.getByRole("button", { name, exact: true }).click();
}

async function signedIn(page, email) {
  await heading(page, "Hello");
  await page.getByText(`You are ${email}.`).waitFor();
}

async function signUp(page) {
  const email = newAddress();
  await page.goto(`${options.ui}/registration`);
  await page.getByLabel("E-Mail").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await press(page, "Sign up");
  await signedIn(page, email);
  return email;
}

/** Returns the code of the latest message to somebody. */
async function latestCode(context, email) {
  const page = await context.newPage();
  await page.goto(`${options.provider}/ui/dev/mail`);
  const texts = await page.locator("section.letter", { hasText: email }).locator("pre").allInnerTexts();
  await page.close();
  const codes = texts.flatMap((text) => text.match(/\b\d{6}\b/g) ?? []);
  assert.ok(codes.length > 0, `no mail with a code to ${email}`);
  return codes[0];
}

/** What an authenticator app shows in a step of 30 seconds, counted from now (RFC 6238). */
function totp(secret, ahead) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const digest = createHmac("sha1", bytes).update(step).digest();
  const start = digest[digest.length - 1] & 15;
  return ((digest.readUInt32BE(start) & 0x7fffffff) % 1_000_000).toString().padStart(6, "0");
}
