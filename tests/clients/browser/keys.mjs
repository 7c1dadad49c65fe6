// Security keys that sign in alone, and keys that a tenant does not take, with the virtual authenticator of Chromium.

import assert from "node:assert/strict";
import { check } from "../openid-client/checks.mjs";
import { withAuthenticator } from "./authenticator.mjs";
import { onAccount, signUpAt, withPage } from "./person.mjs";

/**
 * Runs the checks: on `alone`, a tenant whose security keys sign in alone, and on `attested`, one that takes keys of
 * another maker than Chromium.
 */
export async function keyChecks({ alone, attested, password, newAddress }) {
  async function signUp(page, provider) {
    const identifier = newAddress();
    await signUpAt(page, provider, { identifier, password });
    return identifier;
  }

  /** Says who it is, and goes on with a security key. */
  async function name(page, identifier) {
    await page.goto(`${alone}/self-service/login/browser`);
    await page.getByLabel(/^e-?mail/i).fill(identifier);
    await page.getByRole("button", { name: "Sign in with a security key" }).click();
    await page.getByText("Plug in your security key, or hold it ready, and continue.").waitFor();
    assert.equal(await page.getByLabel("Password", { exact: true }).count(), 0, "it asks for one thing");
  }

  await check("a person signs up with a security key alone, signs out, and signs in by name and key", () =>
    withPage(async (page, context) => {
      const key = await withAuthenticator(page, "verifying key");
      const identifier = newAddress();
      await page.goto(`${alone}/self-service/registration/browser`);
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByLabel("Name of the key").fill("Blue key");
      await page.getByRole("button", { name: "Sign up with a security key" }).click();
      await onAccount(page, identifier);
      const keys = page.getByRole("region", { name: "Security keys" });
      assert.ok(await keys.getByRole("button", { name: "Remove “Blue key”" }).isDisabled(), "the last way in stays");
      const [credential, ...others] = await key.credentials();
      assert.deepEqual([others.length, credential.isResidentCredential, credential.rpId], [0, false, "localhost"]);

      await context.clearCookies();
      await name(page, identifier);
      await page.getByRole("button", { name: "Continue" }).click();
      await onAccount(page, identifier);
      assert.equal((await key.credentials())[0].signCount, 2);
    }),
  );

  await check("a person adds a security key that signs in alone, and needs no second factor beside it", () =>
    withPage(async (page, context) => {
      await withAuthenticator(page, "verifying key");
      const identifier = await signUp(page, alone);
      await page.goto(`${alone}/self-service/settings/browser`);
      const keys = page.getByRole("region", { name: "Security keys" });
      await keys.getByLabel("Name of the key").fill("Green key");
      await keys.getByRole("button", { name: "Add a security key" }).click();
      await page.getByText("Your changes have been saved.").waitFor();
      await context.clearCookies();
      await name(page, identifier);
      await page.getByRole("button", { name: "Continue" }).click();
      await onAccount(page, identifier);
      // And the password still does, alone.
      await context.clearCookies();
      await page.goto(`${alone}/self-service/login/browser`);
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await onAccount(page, identifier);
    }),
  );

  await check("a key that does not know its owner signs nobody in, and a name of nobody looks like any other", () =>
    withPage(async (page, context) => {
      const key = await withAuthenticator(page, "verifying key");
      const identifier = await signUp(page, alone);
      await page.goto(`${alone}/self-service/settings/browser`);
      await page.getByRole("button", { name: "Add a security key" }).click();
      await page.getByText("Your changes have been saved.").waitFor();
      await context.clearCookies();
      const asked = async (who) => {
        await name(page, who);
        return (await page.locator("main").innerText()).replaceAll(who, "…");
      };
      assert.equal(await asked(newAddress()), await asked(identifier));
      await key.verified(false);
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByText(/didn.t work, or was cancelled/).waitFor();
      assert.ok(page.url().includes("/ui/login"), page.url());
    }),
  );

  await check("a key whose certificates lead to another maker is refused, and told so", () =>
    withPage(async (page) => {
      // What the authenticator says of itself, as far as the page sees it.
      await page.addInitScript(() => {
        const create = CredentialsContainer.prototype.create;
        CredentialsContainer.prototype.create = async function (options) {
          const made = await create.call(this, options);
          const object = new TextDecoder("latin1").decode(made.response.attestationObject);
          sessionStorage.said = ["packed", "x5c", "none"].filter((word) => object.includes(word)).join(" ");
          return made;
        };
      });
      await withAuthenticator(page, "verifying key");
      await signUp(page, attested);
      const settings = `${attested}/self-service/settings/browser`;
      await page.goto(settings);
      const keys = page.getByRole("region", { name: "Security keys" });
      await keys.getByLabel("Name of the key").fill("Blue key");
      await keys.getByRole("button", { name: "Add a security key" }).click();
      await page.getByText(/isn.t a kind that is accepted here/).waitFor();
      assert.equal(await page.evaluate(() => sessionStorage.said), "packed x5c", "its maker has certified it");
      assert.equal(await page.getByRole("button", { name: /^Remove/ }).count(), 0);
      await page.goto(settings);
      assert.equal(await page.getByRole("button", { name: /^Remove/ }).count(), 0, "nothing was kept");
    }),
  );
}
