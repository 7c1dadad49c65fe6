// Passkeys and security keys, with the virtual authenticator of Chromium.

import assert from "node:assert/strict";
import { check } from "../openid-client/checks.mjs";
import { withAuthenticator } from "./authenticator.mjs";
import { heading, onAccount, signUpAt, withPage } from "./person.mjs";

/** Runs the checks on a tenant at a host name. */
export async function passkeyChecks({ provider, password, newAddress }) {
  const settings = `${provider}/self-service/settings/browser`;
  const login = `${provider}/self-service/login/browser`;

  async function signUp(page) {
    const identifier = newAddress();
    await signUpAt(page, provider, { identifier, password });
    return identifier;
  }

  await check("a person adds a passkey, signs out, signs in with it by the button and by autofill, and removes it", () =>
    withPage(async (page, context) => {
      const device = await withAuthenticator(page, "device");
      const identifier = await signUp(page);
      await page.goto(settings);
      const passkeys = page.getByRole("region", { name: "Passkeys" });
      await passkeys.getByRole("button", { name: "Add a passkey" }).click();
      await page.getByText("Your changes have been saved.").waitFor();
      await passkeys.getByRole("button", { name: /^Remove the passkey of/ }).waitFor();
      const [credential, ...others] = await device.credentials();
      assert.equal(others.length, 0);
      assert.equal(credential.isResidentCredential, true);
      assert.equal(credential.rpId, "localhost");

      // By the button, where the field has no list.
      await context.clearCookies();
      await page.addInitScript(() => {
        if (sessionStorage.byButton) PublicKeyCredential.isConditionalMediationAvailable = async () => false;
      });
      await page.goto(`${provider}/ui/signed-out`);
      await page.evaluate(() => sessionStorage.setItem("byButton", "yes"));
      await page.goto(login);
      assert.equal(await page.locator('[name="identifier"]').getAttribute("autocomplete"), "username webauthn");
      const button = page.getByRole("button", { name: "Sign in with a passkey" });
      await button.click();
      await onAccount(page, identifier);
      await page.evaluate(() => sessionStorage.removeItem("byButton"));

      // By autofill: the authenticator answers the question that the page asks by itself.
      await context.clearCookies();
      await page.goto(login);
      await onAccount(page, identifier);

      await page.getByRole("button", { name: /^Remove the passkey of/ }).click();
      await page.getByText("Your changes have been saved.").waitFor();
      assert.equal(await page.getByRole("button", { name: /^Remove the passkey of/ }).count(), 0);
      // The page says which are left, and the device forgets the others (WebAuthn L3, section 5.1.10).
      for (let tries = 0; (await device.credentials()).length > 0; tries += 1) {
        assert.ok(tries < 50, "the device has it still");
        await page.waitForTimeout(100);
      }
      await context.clearCookies();
      await page.goto(login);
      await page.getByLabel("Password", { exact: true }).waitFor();
    }),
  );

  await check("a person signs up with a passkey alone, and cannot remove it", () =>
    withPage(async (page, context) => {
      await withAuthenticator(page, "device");
      const identifier = newAddress();
      await page.goto(`${provider}/self-service/registration/browser`);
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByRole("button", { name: "Sign up with a passkey" }).click();
      await onAccount(page, identifier);
      assert.ok(await page.getByRole("button", { name: /^Remove the passkey of/ }).isDisabled());
      await context.clearCookies();
      await page.goto(login);
      await onAccount(page, identifier);
    }),
  );

  await check("a device that does not know its user does not sign in", () =>
    withPage(async (page, context) => {
      const device = await withAuthenticator(page, "device");
      await signUp(page);
      await page.goto(settings);
      await page.getByRole("button", { name: "Add a passkey" }).click();
      await page.getByText("Your changes have been saved.").waitFor();
      await context.clearCookies();
      await device.verified(false);
      await page.goto(login);
      await page.getByRole("button", { name: "Sign in with a passkey" }).click();
      await page.getByText(/didn.t work, or was cancelled/).waitFor();
      assert.ok(page.url().includes("/ui/login"), page.url());
    }),
  );

  await check("a person adds a security key, proves it after the password, and removes it", () =>
    withPage(async (page, context) => {
      await withAuthenticator(page, "key");
      const identifier = await signUp(page);
      await page.goto(settings);
      const keys = page.getByRole("region", { name: "Security keys" });
      await keys.getByLabel("Name of the key").fill("Blue key");
      await keys.getByRole("button", { name: "Add a security key" }).click();
      await page.getByText("Your changes have been saved.").waitFor();
      await keys.getByRole("button", { name: "Remove “Blue key”" }).waitFor();
      // Enter in the name of another asks for it, which this key refuses to be, and takes none away.
      await keys.getByLabel("Name of the key").fill("Green key");
      await page.keyboard.press("Enter");
      await page.getByText(/didn.t work, or was cancelled/).waitFor();
      await keys.getByRole("button", { name: "Remove “Blue key”" }).waitFor();

      await context.clearCookies();
      await page.goto(login);
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await heading(page, "One more step");
      await page.getByRole("button", { name: "Use security key" }).click();
      await onAccount(page, identifier);
      await page.getByRole("button", { name: "Remove “Blue key”" }).click();
      await page.getByText("Your changes have been saved.").waitFor();

      await context.clearCookies();
      await page.goto(login);
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await onAccount(page, identifier);
    }),
  );

  await check("pages with passkeys run the one script, and offer none without JavaScript", async () => {
    await withPage(async (page) => {
      const answer = await page.goto(login);
      const policy = answer.headers()["content-security-policy"];
      assert.match(policy, /^default-src 'none';.*; script-src http:\/\/localhost:\d+\/t\/keys\/ui\/assets\/passkeys-[0-9a-f]+\.js$/);
      assert.equal(await page.locator("script:not([integrity])").count(), 0);
      // What other software reads of the tenant.
      const published = async (name) => (await page.request.get(`${provider}/.well-known/${name}`)).json();
      assert.deepEqual(await published("webauthn"), { origins: [new URL(provider).origin] });
      assert.deepEqual(await published("passkey-endpoints"), { enroll: settings, manage: settings });
    });
    await withPage(async (page) => {
      await page.goto(login);
      await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
      assert.equal(await page.getByRole("button", { name: "Sign in with a passkey" }).count(), 0);
    }, { javaScriptEnabled: false });
  });
}
