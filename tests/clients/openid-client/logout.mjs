// OpenID Connect RP-Initiated Logout 1.0.

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { check } from "./checks.mjs";
import { begin, signIn } from "./code.mjs";
import { discover, issuer, loggedOutUri, redirectUri, register, standIn, webApp } from "./provider.mjs";

export default async function logout() {
  const client = await register(webApp);
  const config = await discover(client, openid.ClientSecretBasic(client.client_secret));

  const end = (more) => openid.buildEndSessionUrl(config, { state: "back", ...more });
  /** Opens the address and confirms what is asked, until the browser is sent away or nothing is asked any more. */
  async function leave(browser, address, { byForm = false } = {}) {
    let page = await (byForm ? browser.post(address, loggedOutUri) : browser.open(address, { until: loggedOutUri }));
    for (let asked = 0; !page.arrived && page.status === 200 && page.forms.length > 0 && asked < 3; asked += 1) {
      page = await browser.submit(page.forms[0], { until: loggedOutUri });
    }
    return page;
  }
  const needsLogin = async (browser) => {
    const { address } = await begin(config, { prompt: "none" });
    const { url } = await browser.open(address, { until: redirectUri });
    return url.searchParams.get("error") === "login_required";
  };

  await check("an app signs a person out and gets them back with its state", async () => {
    const { tokens, browser } = await signIn(config);
    assert.equal(await needsLogin(browser), false);
    const page = await leave(browser, end({ id_token_hint: tokens.id_token, post_logout_redirect_uri: loggedOutUri }));
    assert.ok(page.arrived, `stuck at ${page.url}: ${page.status}`);
    assert.equal(page.url.searchParams.get("state"), "back");
    assert.equal(await needsLogin(browser), true);
  });
  if (!standIn) await check("an app signs a person out by form", async () => {
    const { tokens, browser } = await signIn(config);
    const address = end({ id_token_hint: tokens.id_token, post_logout_redirect_uri: loggedOutUri });
    const page = await leave(browser, address, { byForm: true });
    assert.ok(page.arrived, `stuck at ${page.url}: ${page.status}`);
    assert.equal(page.url.searchParams.get("state"), "back");
    assert.equal(await needsLogin(browser), true);
  });
  await check("signing out ends tokens that were bound to the session", async () => {
    const { tokens, browser } = await signIn(config);
    await leave(browser, end({ id_token_hint: tokens.id_token, post_logout_redirect_uri: loggedOutUri }));
    assert.equal((await openid.tokenIntrospection(config, tokens.access_token)).active, false);
  });
  await check("without a hint the person is asked, and nobody is sent anywhere", async () => {
    const { browser } = await signIn(config);
    const address = new URL(config.serverMetadata().end_session_endpoint);
    const page = await browser.open(address, { until: loggedOutUri });
    assert.equal(page.status, 200);
    assert.equal(page.url.origin, new URL(issuer).origin);
    assert.equal(await needsLogin(browser), false, "opening the page alone signed them out");
    await leave(browser, address);
    assert.equal(await needsLogin(browser), true);
  });
  await check("an address that is not registered is never redirected to", async () => {
    const { tokens, browser } = await signIn(config);
    const page = await leave(browser, end({ id_token_hint: tokens.id_token, post_logout_redirect_uri: "https://elsewhere.example/" }));
    assert.equal(page.url.origin, new URL(issuer).origin);
  });
  if (standIn) return;
  await check("a forged hint signs nobody out", async () => {
    const { tokens, browser } = await signIn(config);
    const [header, payload] = tokens.id_token.split(".");
    const forged = `${header}.${payload}.${"A".repeat(86)}`;
    const page = await browser.open(end({ id_token_hint: forged, post_logout_redirect_uri: loggedOutUri }), { until: loggedOutUri });
    assert.ok(!page.arrived);
    assert.equal(await needsLogin(browser), false);
  });
}
