// Forms in two steps, proofs of addresses by link, and the pages of an organisation: with JavaScript and without.

import assert from "node:assert/strict";
import { check } from "../openid-client/checks.mjs";
import { latestInvitation, latestLink } from "./mail.mjs";
import { heading, withPage } from "./person.mjs";

/** Runs the checks on a tenant whose forms are in two steps; `owner` owns the organisation "Analytical Engines" there. */
export async function stepChecks({ provider, owner, password, newAddress }) {
  const settings = `${provider}/self-service/settings/browser`;

  async function signUp(page, identifier, start = `${provider}/self-service/registration/browser`) {
    await page.goto(start);
    await heading(page, "Create your account");
    await page.getByLabel(/^e-?mail/i).fill(identifier);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.waitForURL((url) => !url.pathname.includes("registration"));
  }

  async function signIn(page, identifier, secret = password) {
    await page.goto(`${provider}/self-service/login/browser`);
    await page.getByLabel(/^e-?mail/i).fill(identifier);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText(`as ${identifier}`).waitFor();
    await page.getByLabel("Password", { exact: true }).fill(secret);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
  }

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

    await check(`a person signs up in two steps, goes back between them, and signs in in two, ${how}`, () =>
      withPage(async (page, context) => {
        const identifier = newAddress();
        await page.goto(`${provider}/self-service/registration/browser`);
        await page.getByLabel(/^e-?mail/i).fill(`not-yet-${identifier}`);
        await page.getByRole("button", { name: "Create account" }).click();
        await page.getByLabel("Password", { exact: true }).waitFor();
        await page.getByRole("button", { name: "Back" }).click();
        assert.equal(await page.getByLabel(/^e-?mail/i).inputValue(), `not-yet-${identifier}`, "what was typed is kept");
        await page.getByLabel(/^e-?mail/i).fill(identifier);
        await page.getByRole("button", { name: "Create account" }).click();
        await page.getByLabel("Password", { exact: true }).fill("short");
        await page.getByRole("button", { name: "Create account" }).click();
        await page.locator("[aria-invalid=true]").waitFor();
        await page.getByLabel("Password", { exact: true }).fill(password);
        await page.getByRole("button", { name: "Create account" }).click();
        await page.waitForURL((url) => !url.pathname.includes("registration"));

        await context.clearCookies();
        await signIn(page, identifier, "not the password");
        await page.getByText(/didn.t match/i).first().waitFor();
        await page.getByLabel("Password", { exact: true }).fill(password);
        await page.getByRole("button", { name: "Sign in", exact: true }).click();
        await heading(page, "Account settings");
        await page.getByText(identifier).first().waitFor();
      }, { javaScriptEnabled }),
    );

    await check(`a person verifies an address and gets back in by links, also in another browser, ${how}`, () =>
      withPage(async (page, context) => {
        const identifier = newAddress();
        await signUp(page, identifier);
        await page.goto(await latestLink(context, provider, identifier, "verification"));
        await page.getByText("Press the button to verify your address.").waitFor();
        await page.getByRole("button", { name: "Continue" }).click();
        await page.getByText("Your email address is verified.").first().waitFor();

        await context.clearCookies();
        await page.goto(`${provider}/self-service/login/browser`);
        await page.getByRole("link", { name: "Forgot your password?" }).click();
        await page.getByLabel(/^e-?mail/i).fill(identifier);
        await page.getByRole("button", { name: "Continue" }).click();
        await page.getByText(/we.ve sent you a link/).waitFor();
        const link = await latestLink(context, provider, identifier, "recovery");
        await withPage(async (phone) => {
          await phone.goto(link);
          await phone.getByRole("button", { name: "Continue" }).click();
          await heading(phone, "Account settings");
          await phone.getByText(/You.re back in/).waitFor();
          const fresh = `${password} anew`;
          await phone.getByLabel("New password").fill(fresh);
          await phone.getByRole("button", { name: "Change password" }).click();
          await phone.getByText("Your changes have been saved.").waitFor();
          await signIn(page, identifier, fresh);
          await heading(page, "Account settings");
        }, { javaScriptEnabled });
        // A link is worth something once: whoever opens it again is signed in nowhere.
        await context.clearCookies();
        await page.goto(link);
        await page.getByText(/This link is too old or was used already/).waitFor();
        await page.getByRole("link", { name: "Sign in", exact: true }).waitFor();
      }, { javaScriptEnabled }),
    );

    await check(`an owner invites somebody, who signs up and joins, and changes what they are, ${how}`, () =>
      withPage(async (page, context) => {
        const invited = newAddress();
        await signIn(page, owner.identifier, owner.password);
        await heading(page, "Account settings");
        await page.getByRole("link", { name: "Analytical Engines" }).click();
        await heading(page, "People of Analytical Engines");
        const invite = async (address) => {
          await page.getByLabel("Email address").fill(address);
          await page.getByRole("button", { name: "Send the invitation" }).click();
          await page.getByText("The change is made.").waitFor();
        };
        const regretted = newAddress();
        await invite(regretted);
        await page.getByRole("button", { name: `Take back the invitation of ${regretted}` }).click();
        await page.getByText("The change is made.").waitFor();
        await page.getByText(regretted).waitFor({ state: "detached" });
        await invite(invited);
        const link = await latestInvitation(context, provider, invited);
        await withPage(async (other) => {
          await other.goto(link);
          await heading(other, "Join Analytical Engines");
          const start = await other.getByRole("link", { name: "Create an account" }).getAttribute("href");
          await signUp(other, invited, start);
          await other.goto(settings);
          await heading(other, "Account settings");
          await other.getByText(invited).first().waitFor();
        }, { javaScriptEnabled });
        await page.reload();
        await page.getByLabel(`Role of ${invited}`, { exact: true }).selectOption({ label: "Administrator" });
        await page.getByRole("button", { name: `Change the role of ${invited}` }).click();
        await page.getByText("The change is made.").waitFor();
        assert.equal(await page.getByLabel(`Role of ${invited}`, { exact: true }).inputValue(), "admin");
        await page.getByRole("button", { name: `Remove ${invited}` }).click();
        await page.getByText("The change is made.").waitFor();
        assert.equal(await page.getByLabel(`Role of ${invited}`, { exact: true }).count(), 0);
      }, { javaScriptEnabled }),
    );
  }
}
