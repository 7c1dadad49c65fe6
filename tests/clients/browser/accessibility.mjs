// People who use the keyboard, who cannot bear motion, or who bring colours of their own.

import assert from "node:assert/strict";
import { check } from "../openid-client/checks.mjs";
import { withAuthenticator } from "./authenticator.mjs";
import { heading, onAccount, pressUntil, withPage } from "./person.mjs";

/** Samples of pages to which a way by the keyboard is long. */
const LONG_WAYS = [
  "login-second-all", "consent-described", "device-code-unknown", "settings-keys", "organisation-owner", "api",
];

/** What can have the focus, in the order of the page, as far as it is there to be seen. */
const STOPS = `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")]
  .filter((element) => !element.disabled && element.checkVisibility({ visibilityProperty: true }))`;

/** Goes round the page by Tab, or backwards: in the page's order, past each stop once, and always to be seen. */
async function walk(page, key) {
  const stops = await page.evaluate(`${STOPS}.length`);
  assert.ok(stops > 2, `${stops} stops`);
  const visited = [];
  // One round, whatever has the focus at first; between the last and the first the browser itself may have it.
  for (let presses = 0; visited.length < stops && presses < 2 * stops + 4; presses += 1) {
    await page.keyboard.press(key);
    const at = await page.evaluate(`(() => {
      const element = document.activeElement;
      if (element === document.body) return null;
      const style = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      // A window scrolls by whole pixels.
      const inside = box.top > -1 && box.left > -1 && box.bottom < innerHeight + 1 && box.right < innerWidth + 1;
      return {
        index: ${STOPS}.indexOf(element),
        name: (element.getAttribute("aria-label") ?? element.textContent.trim()) || element.name,
        outlined: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== "none",
        outside: inside ? null : [box.left, box.top, box.right, box.bottom].join(" "),
      };
    })()`);
    if (!at) continue;
    assert.notEqual(at.index, -1, `"${at.name}" has the focus and cannot be seen`);
    assert.ok(at.outlined, `the focus at "${at.name}" cannot be seen`);
    assert.equal(at.outside, null, `"${at.name}" has the focus outside the window`);
    visited.push(at.index);
  }
  const step = key === "Tab" ? 1 : stops - 1;
  const expected = visited.map((_, count) => (visited[0] + count * step) % stops);
  assert.deepEqual(visited, expected, "the order of the page");
}

/** Runs the checks; `signUp` leaves a page signed in as a new person, whose address it returns. */
export async function accessibilityChecks({ provider, keys, signUp, newAddress, password }) {
  const login = `${provider}/self-service/login/browser`;
  const settings = `${provider}/self-service/settings/browser`;

  await check("Tab goes through the pages in their order, forwards and back, and the focus is seen everywhere", () =>
    withPage(async (page) => {
      for (const path of ["login", "registration", "recovery"]) {
        await page.goto(`${provider}/self-service/${path}/browser`);
        await walk(page, "Tab");
        await walk(page, "Shift+Tab");
      }
      await signUp(page);
      await page.goto(settings);
      await walk(page, "Tab");
      await walk(page, "Shift+Tab");
    }),
  );

  await check("Tab goes through pages that are hard to come by in their order", () =>
    withPage(async (page) => {
      for (const name of LONG_WAYS) {
        const answer = await page.goto(`${provider}/ui/dev/pages/${name}`);
        assert.equal(answer.status(), 200, name);
        await walk(page, "Tab");
      }
    }),
  );

  await check("a person signs up with a passkey, signs out and comes back, with the keyboard alone", () =>
    withPage(async (page) => {
      await withAuthenticator(page, "device");
      const identifier = newAddress();
      const press = async (button) => {
        await pressUntil(page, (name) => name === button);
        await page.keyboard.press("Enter");
      };
      await page.goto(`${keys}/self-service/registration/browser`);
      await page.getByRole("button", { name: "Sign up with a passkey" }).waitFor();
      await walk(page, "Tab");
      await walk(page, "Shift+Tab");
      await pressUntil(page, (_, id) => id.includes("email"));
      await page.keyboard.type(identifier);
      await press("Sign up with a passkey");
      await onAccount(page, identifier);
      await walk(page, "Tab");
      await walk(page, "Shift+Tab");
      await page.goto(`${keys}/self-service/settings/browser`);
      await press("Sign out");
      await heading(page, "Sign out?");
      await press("Sign out");
      await heading(page, "You’re signed out");
      // The device offers its passkey by itself.
      await press("Sign in again");
      await onAccount(page, identifier);
    }),
  );

  await check("Enter sends the form in which it is pressed, by its own method", () =>
    withPage(async (page, context) => {
      const identifier = await signUp(page);
      await page.goto(settings);
      const app = page.getByRole("region", { name: "Authenticator app" });
      await app.getByLabel("Verification code").fill("000000");
      await page.keyboard.press("Enter");
      await page.getByText(/code is not right/i).waitFor();
      await page.getByLabel(/^e-?mail/i).focus();
      await page.keyboard.press("Enter");
      await page.getByText("Your changes have been saved.").waitFor();
      await page.getByLabel("New password").fill(`${password} anew`);
      await page.keyboard.press("Enter");
      await page.getByText("Your changes have been saved.").waitFor();
      await context.clearCookies();
      await page.goto(login);
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByLabel("Password", { exact: true }).fill(`${password} anew`);
      await page.keyboard.press("Enter");
      await heading(page, "Account settings");
    }),
  );

  await check("Enter signs up with the password that was typed, where a passkey is offered too", () =>
    withPage(async (page) => {
      const identifier = newAddress();
      await page.goto(`${keys}/self-service/registration/browser`);
      await page.getByRole("button", { name: "Sign up with a passkey" }).waitFor();
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.keyboard.press("Enter");
      await page.waitForURL((url) => !url.pathname.includes("registration"));
      await page.goto(`${keys}/self-service/settings/browser`);
      await page.getByText(identifier).first().waitFor();
    }),
  );

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";
    await check(`what is wrong is summed up, led to, and has the cursor, ${how}`, () =>
      withPage(async (page) => {
        await page.goto(`${provider}/self-service/registration/browser`);
        await page.getByLabel(/^e-?mail/i).fill(newAddress());
        await page.getByLabel("Password", { exact: true }).fill("short");
        await page.keyboard.press("Enter");
        const field = page.locator("[aria-invalid=true]");
        await field.waitFor();
        assert.match(await page.title(), /^Error: /);
        const focused = () => page.evaluate(() => document.activeElement.id);
        assert.equal(await focused(), await field.getAttribute("id"));
        await page.getByLabel(/^e-?mail/i).focus();
        await page.getByRole("alert").getByRole("link", { name: "Password" }).click();
        assert.equal(await focused(), await field.getAttribute("id"));
        const description = await field.getAttribute("aria-describedby");
        const said = await page.locator(`#${description.split(" ")[0]}`).innerText();
        assert.match(said, /at least 8 characters/);
      }, { javaScriptEnabled }),
    );
  }

  await check("nothing moves for whoever asks for less motion", () =>
    withPage(async (page) => {
      await page.goto(login);
      const moving = await page.evaluate(() =>
        [...document.querySelectorAll("*")].filter((element) => {
          const { transitionDuration, animationName } = getComputedStyle(element);
          return animationName !== "none" || transitionDuration.split(", ").some((time) => parseFloat(time) > 0);
        }).map((element) => element.outerHTML.slice(0, 80)),
      );
      assert.deepEqual(moving, []);
    }, { reducedMotion: "reduce" }),
  );

  await check("in colours of the reader's own, buttons have edges, and the focus can be seen", () =>
    withPage(async (page) => {
      await page.goto(`${provider}/self-service/registration/browser`);
      await page.getByLabel(/^e-?mail/i).fill(newAddress());
      await page.getByLabel("Password", { exact: true }).fill("short");
      await page.keyboard.press("Enter");
      await page.locator("[aria-invalid=true]").waitFor();
      const looks = await page.evaluate(() => {
        const style = (selector) => getComputedStyle(document.querySelector(selector));
        const [button, field] = [style(".button.primary"), style("[aria-invalid=true]")];
        return {
          edge: button.borderTopStyle !== "none" && button.borderTopColor !== button.backgroundColor,
          focus: field.outlineStyle !== "none" && !/, 0\)$|transparent/.test(field.outlineColor),
        };
      });
      assert.deepEqual(looks, { edge: true, focus: true });
    }, { forcedColors: "active" }),
  );
}
