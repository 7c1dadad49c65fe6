// A person at a browser: what they see and click, by its words, as assistive technology sees it.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const PATIENCE = 10_000;

export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
});

/** Opens a browser of its own for `body`, which gets its page; complaints of the browser fail it, but for those that are expected. */
export async function withPage(body, { expected = [], ...options } = {}) {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`script error: ${error.message}`));
  page.on("console", (message) => {
    // A page that is itself an answer of 4xx is reported by the browser too; each check looks at those itself.
    const ofStatus = /the server responded with a status of 4\d\d/.test(message.text());
    if (message.type() === "error" && !ofStatus) complaints.push(`console: ${message.text()}`);
  });
  try {
    const value = await body(page, context);
    assert.deepEqual(complaints.filter((complaint) => !expected.some((form) => form.test(complaint))), []);
    return value;
  } catch (error) {
    const text = await page.locator("body").innerText({ timeout: 1000 }).catch(() => "");
    error.message += `\nat ${page.url()}:\n${text.slice(0, 600)}`;
    throw error;
  } finally {
    await context.close();
  }
}

/** Fills in the sign-in page and sends it. */
export async function signInAs(page, { identifier, password }) {
  await page.getByLabel(/^e-?mail/i).fill(identifier);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** Signs up with a password at a provider, and waits until that is over. */
export async function signUpAt(page, provider, { identifier, password }) {
  await page.goto(`${provider}/self-service/registration/browser`);
  await page.getByLabel(/^e-?mail/i).fill(identifier);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.waitForURL((url) => !url.href.includes("registration"));
}

/** Waits for somebody's account page. */
export async function onAccount(page, identifier) {
  await page.waitForURL((url) => url.pathname.includes("/ui/settings"));
  await heading(page, "Account settings");
  await page.getByText(identifier).first().waitFor();
}

/** Waits for Nexboard's signed-in page. */
export async function onDashboard(page, identifier) {
  await page.getByRole("heading", { name: "Your plan" }).waitFor();
  await page.getByText(identifier).first().waitFor();
}

/** Waits for a heading. */
export async function heading(page, name) {
  await page.getByRole("heading", { name, level: 1 }).waitFor();
}

/** Presses Tab until `wanted` accepts what has the focus, which must also be visible. */
export async function pressUntil(page, wanted, { begin = false } = {}) {
  for (let presses = 0; presses < 25; presses += 1) {
    if (presses > 0 || !begin) await page.keyboard.press("Tab");
    const [name, id, outlined] = await page.evaluate(() => {
      const at = document.activeElement;
      const style = getComputedStyle(at);
      const visible = style.outlineStyle !== "none" || style.boxShadow !== "none";
      return [at.textContent.trim() || at.getAttribute("aria-label") || "", `${at.id} ${at.getAttribute("name") ?? ""}`, visible];
    });
    if (wanted(name, id)) {
      assert.ok(outlined, `the focus at "${name || id}" cannot be seen`);
      return;
    }
  }
  throw new Error("Tab never came there");
}
