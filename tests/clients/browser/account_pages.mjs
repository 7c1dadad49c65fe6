// What people do with their account besides signing in: delete it, trust a device; and what an operator sees who acts in their
// name. With JavaScript and without; with it, axe-core looks at each page.

import assert from "node:assert/strict";
import { check } from "../openid-client/checks.mjs";
import { finePages } from "./looks.mjs";
import { latestCode } from "./mail.mjs";
import { heading, signInAs, signUpAt, withPage } from "./person.mjs";
import { totp } from "./totp.mjs";

/**
 * Runs the checks. `provider` lets people delete their accounts and trust devices, `coded` takes codes by message for second
 * factors; `operate` sends a request to the first one's admin API.
 */
export async function accountPageChecks({ provider, coded, operate, password, newAddress }) {
  const settings = `${provider}/self-service/settings/browser`;
  // Not to the account page, which asks for every factor that there is.
  const login = (at) => `${at}/self-service/login/browser?return_to=/`;

  async function signIn(page, identifier, at = provider) {
    await page.context().clearCookies({ name: "ory_kratos_session" });
    await page.goto(login(at));
    await signInAs(page, { identifier, password });
  }

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";
    const fine = finePages(javaScriptEnabled);

    await check(`a person deletes the account, after one mistake, and is nobody then, ${how}`, () =>
      withPage(async (page) => {
        const identifier = newAddress();
        await signUpAt(page, provider, { identifier, password });
        await page.goto(settings);
        const section = page.getByRole("region", { name: "Delete the account" });
        const word = section.getByLabel(/^To confirm, type /);
        await word.fill("yes");
        await section.getByRole("button", { name: "Delete the account for good" }).click();
        await section.getByText("That was not it. Nothing was deleted.").waitFor();
        assert.equal(await word.getAttribute("aria-invalid"), "true");
        await fine(page);
        await word.fill(identifier);
        await section.getByRole("button", { name: "Delete the account for good" }).click();
        await heading(page, "Your account was deleted");
        await fine(page);
        await page.getByRole("link", { name: "Go to the start page" }).click();
        await page.getByRole("link", { name: "Create an account" }).waitFor();
        await page.goto(settings);
        await signInAs(page, { identifier, password });
        await page.getByText(/didn.t match/i).first().waitFor();
      }, { javaScriptEnabled }),
    );

    await check(`the only owner of an organisation is told to find another before the account goes, ${how}`, () =>
      withPage(async (page) => {
        const identifier = newAddress();
        await signUpAt(page, provider, { identifier, password });
        const [{ id }] = await operate("GET", `/identities?credentials_identifier=${encodeURIComponent(identifier)}`);
        const { id: organisation } = await operate("POST", "/portcullis/v1/organisations", { label: `Owned by ${identifier}` });
        await operate("PUT", `/portcullis/v1/organisations/${organisation}/members/${id}`, { role: "owner" });
        await page.goto(settings);
        const section = page.getByRole("region", { name: "Delete the account" });
        await section.getByLabel(/^To confirm, type /).fill(identifier);
        await section.getByRole("button", { name: "Delete the account for good" }).click();
        await section.getByText(/You are the only owner of an organisation/).waitFor();
        await page.goto(settings);
        await heading(page, "Account settings");
      }, { javaScriptEnabled }),
    );

    await check(`a person trusts a browser, is asked for one factor there, and forgets it, ${how}`, () =>
      withPage(async (page) => {
        const identifier = newAddress();
        await signUpAt(page, provider, { identifier, password });
        await page.goto(settings);
        const app = page.getByRole("region", { name: "Authenticator app" });
        const secret = await app.locator("code").innerText();
        await app.getByLabel("Verification code").fill(totp(secret, 0));
        await app.getByRole("button", { name: "Save" }).click();
        await page.getByText("Your changes have been saved.").waitFor();
        const codes = page.getByRole("region", { name: "Backup codes" });
        await codes.getByRole("button", { name: "Make new backup codes" }).click();
        const backup = await codes.locator("li code").allInnerTexts();
        await codes.getByRole("button", { name: "I have kept them" }).click();
        await page.getByText("Your changes have been saved.").waitFor();

        await signIn(page, identifier);
        await heading(page, "One more step");
        await page.getByLabel(/Do not ask for a second factor in this browser for 30 days/).first().check();
        await page.getByLabel("Authentication code").fill(totp(secret, 1));
        await fine(page);
        await page.getByRole("button", { name: "Continue" }).click();
        await heading(page, "You’re signed in");

        await signIn(page, identifier);
        await heading(page, "You’re signed in");
        // What changes the account asks for it all the same.
        await page.goto(settings);
        await heading(page, "One more step");
        await useBackupCode(page, backup[0]);
        const devices = page.getByRole("region", { name: "Trusted devices" });
        await devices.getByText(/Chrom/).first().waitFor();
        await fine(page);
        await devices.getByRole("button", { name: /^Forget / }).click();
        await devices.waitFor({ state: "detached" });

        await signIn(page, identifier);
        await heading(page, "One more step");
        await useBackupCode(page, backup[1]);
        await heading(page, "You’re signed in");
      }, { javaScriptEnabled }),
    );

    await check(`an operator acts in somebody's name, is told so on every page, changes nothing, and ends it, ${how}`, () =>
      withPage(async (page) => {
        const identifier = newAddress();
        await withPage((own) => signUpAt(own, provider, { identifier, password }));
        const [{ id }] = await operate("GET", `/identities?credentials_identifier=${encodeURIComponent(identifier)}`);
        const asked = { reason: "a ticket", as_link: true };
        const { link } = await operate("POST", `/portcullis/v1/identities/${id}/impersonate`, asked);
        await page.goto(link);
        await heading(page, "Act in somebody’s name");
        await page.getByText(identifier).first().waitFor();
        await fine(page);
        await page.getByRole("button", { name: "Begin" }).click();
        await heading(page, "Account settings");
        const banner = page.getByRole("status").filter({ hasText: "You are acting in somebody’s name" });
        await banner.waitFor();
        await fine(page);
        assert.equal(await page.getByRole("region", { name: "Delete the account" }).count(), 0, "nobody deletes it for them");
        await page.getByLabel("New password").fill(`${password} of an operator`);
        await page.getByRole("button", { name: "Change password" }).click();
        await page.getByText(/changes nothing of their account/).first().waitFor();
        await banner.waitFor();
        await page.goto(`${provider}/`);
        await banner.waitFor();
        await banner.getByRole("link", { name: "Sign out" }).click();
        await page.getByRole("button", { name: "Sign out" }).click();
        await heading(page, "You’re signed out");
        assert.equal(await banner.count(), 0, "it says so no longer than it is so");
        const answer = await page.goto(link);
        assert.equal(answer.status(), 404);
        await page.getByText(/It was opened before, or is too old/).waitFor();
        // The password is still the person's own.
        await page.goto(login(provider));
        await signInAs(page, { identifier, password });
        await heading(page, "You’re signed in");
      }, { javaScriptEnabled }),
    );

    await check(`a person proves the second factor with a code by message, ${how}`, () =>
      withPage(async (page, context) => {
        const identifier = newAddress();
        await signUpAt(page, coded, { identifier, password });
        await signIn(page, identifier, coded);
        await page.goto(`${coded}/self-service/login/browser?aal=aal2&return_to=/`);
        await heading(page, "One more step");
        await fine(page);
        await page.getByRole("button", { name: /^Send a code to / }).click();
        const field = page.getByLabel("Sign-in code");
        await field.fill("000000");
        await page.getByRole("button", { name: "Continue" }).click();
        await page.getByText(/code or link is wrong/).first().waitFor();
        await field.fill(await latestCode(context, coded, identifier));
        await fine(page);
        await page.getByRole("button", { name: "Continue" }).click();
        await heading(page, "You’re signed in");
        const who = await (await context.request.get(`${coded}/sessions/whoami`)).json();
        assert.equal(who.authenticator_assurance_level, "aal2");
      }, { javaScriptEnabled }),
    );
  }
}

/** Proves a second factor with a backup code, which is behind the other ways. */
async function useBackupCode(page, code) {
  await page.getByText("Use a backup code").click();
  await page.getByLabel("Backup code").fill(code);
  await page.getByRole("button", { name: "Use backup code" }).click();
}
