// RFC 8628: a device without a browser, and the browser of whoever answers it.

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { Browser } from "./browser.mjs";
import { check, refused } from "./checks.mjs";
import { discover, issuer, person, register, standIn } from "./provider.mjs";

export const television = {
  client_name: "Television",
  grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
  response_types: [],
  redirect_uris: [],
  scope: "openid offline_access email",
};

export default async function device() {
  // The stand-in's pages for devices are its own.
  if (standIn) return;
  const isPublic = await register({ ...television, token_endpoint_auth_method: "none" });
  const hasSecret = await register({ ...television, token_endpoint_auth_method: "client_secret_basic" });
  const apps = {
    "a public client": await discover(isPublic, openid.None()),
    "a client with a secret": await discover(hasSecret, openid.ClientSecretBasic(hasSecret.client_secret)),
  };

  for (const [who, config] of Object.entries(apps)) {
    await check(`a device of ${who} gets tokens of whoever enters its code`, async () => {
      const begun = await openid.initiateDeviceAuthorization(config, { scope: "openid offline_access email" });
      assert.match(begun.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
      assert.ok(begun.verification_uri_complete.includes(begun.user_code));
      const [tokens, seen] = await Promise.all([
        openid.pollDeviceAuthorizationGrant(config, begun),
        answer(begun, "allow"),
      ]);
      assert.deepEqual(seen, ["code", "login", "decision"]);
      assert.ok(tokens.claims().sub && tokens.refresh_token);
      const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
      assert.equal(next.claims().sub, tokens.claims().sub);
    });
  }
  const config = apps["a public client"];
  await check("a device that is refused is told so", async () => {
    const begun = await openid.initiateDeviceAuthorization(config, { scope: "openid" });
    await answer(begun, "deny");
    await refused(openid.pollDeviceAuthorizationGrant(config, begun), "access_denied");
  });
  await check("a device's code is of no use to another client", async () => {
    const begun = await openid.initiateDeviceAuthorization(config, { scope: "openid" });
    await answer(begun, "allow");
    await refused(openid.pollDeviceAuthorizationGrant(apps["a client with a secret"], begun), "invalid_grant");
    assert.ok((await openid.pollDeviceAuthorizationGrant(config, begun)).id_token);
  });
  await check("a device may not ask for what its client may not have", async () => {
    await refused(openid.initiateDeviceAuthorization(config, { scope: "openid api:read" }), "invalid_scope");
  });
}

/** Does what a person does who scans the device's code: presses on, signs in, and decides. */
export async function answer(begun, decision) {
  const browser = new Browser();
  let page = await browser.open(begun.verification_uri_complete);
  const seen = [];
  while (page.forms.length > 0) {
    const has = (name) => page.forms.find((form) => form.fields.some((field) => field.name === name));
    const [code, login, decide] = [has("user_code"), has("password"), has("device_challenge")];
    assert.ok(seen.length < 4 && (code || login || decide), `stuck at ${page.url}: ${page.html.slice(0, 600)}`);
    if (code) {
      assert.equal(code.fields.find((field) => field.name === "user_code").value, begun.user_code);
      page = await browser.submit(code);
    } else if (login) {
      page = await browser.submit(login, { fill: { identifier: person.identifier, password: person.password } });
    } else {
      assert.ok(page.html.includes(begun.user_code) && page.html.includes("Television"), "who asks for what is said");
      page = await browser.submit(decide, { press: (button) => button.value === decision });
    }
    seen.push(code ? "code" : login ? "login" : "decision");
  }
  assert.equal(page.status, 200);
  return seen;
}
