// Tokens that are bound to a key of the client (RFC 9449): every grant, userinfo, pushed requests and nonces.

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { Browser, authorize } from "./browser.mjs";
import { check, refused } from "./checks.mjs";
import { begin } from "./code.mjs";
import { discover, person, redirectUri, register, service, standIn, webApp } from "./provider.mjs";

export default async function dpop() {
  // The stand-in would have to be set up for it.
  if (standIn) return;
  const publicApp = { ...webApp, token_endpoint_auth_method: "none" };

  /** Signs in with a key. */
  async function signInWith(config, DPoP, more = {}) {
    const { address, expected } = await begin(config, { scope: "openid offline_access email", prompt: "consent", ...more });
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    return openid.authorizationCodeGrant(config, url, expected, undefined, { DPoP });
  }

  const handle = async (config, algorithm = "ES256") => openid.getDPoPHandle(config, await openid.randomDPoPKeyPair(algorithm));
  const publicClient = async (more = {}) => {
    const client = await register({ ...publicApp, ...more });
    return { client, config: await discover(client, openid.None()) };
  };

  for (const algorithm of ["ES256", "RS256", "PS256", "Ed25519"]) {
    await check(`client_credentials with a proof, ${algorithm}`, async () => {
      const client = await register({ ...service, dpop_bound_access_tokens: true });
      const config = await discover(client, openid.ClientSecretBasic(client.client_secret));
      const DPoP = await handle(config, algorithm);
      const tokens = await openid.clientCredentialsGrant(config, { scope: "api:read" }, { DPoP });
      assert.equal(tokens.token_type, "dpop");
      const said = await openid.tokenIntrospection(config, tokens.access_token);
      assert.equal(said.token_type, "DPoP");
      assert.deepEqual(said.cnf, { jkt: await DPoP.calculateThumbprint() });
    });
  }
  await check("a client whose tokens must be bound gets none without a proof", async () => {
    const client = await register({ ...service, dpop_bound_access_tokens: true });
    const config = await discover(client, openid.ClientSecretBasic(client.client_secret));
    await refused(openid.clientCredentialsGrant(config, { scope: "api:read" }), "invalid_dpop_proof");
  });

  for (const nonce of [false, true]) {
    const how = nonce ? ", with nonces" : "";
    await check(`code, userinfo and refresh of a public client with one key${how}`, async () => {
      const { config } = await publicClient({ require_dpop_nonce: nonce });
      const DPoP = await handle(config);
      const tokens = await signInWith(config, DPoP);
      assert.equal(tokens.token_type, "dpop");
      const sub = tokens.claims().sub;
      const info = await openid.fetchUserInfo(config, tokens.access_token, sub, { DPoP });
      assert.ok(info.email.startsWith(person.identifier), info.email);
      const next = await openid.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
      assert.equal(next.token_type, "dpop");
      await openid.fetchUserInfo(config, next.access_token, sub, { DPoP });
    });
  }
  await check("a refresh token of a public client is worth nothing with another key, or with none", async () => {
    const { config } = await publicClient();
    const DPoP = await handle(config);
    const tokens = await signInWith(config, DPoP);
    await refused(openid.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP: await handle(config) }), "invalid_grant");
    await refused(openid.refreshTokenGrant(config, tokens.refresh_token), "invalid_grant");
    await openid.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
  });
  await check("a bound token is no bearer token, and no token of another key", async () => {
    const { config } = await publicClient();
    const DPoP = await handle(config);
    const tokens = await signInWith(config, DPoP);
    const sub = tokens.claims().sub;
    const challenged = "OAUTH_WWW_AUTHENTICATE_CHALLENGE";
    await refused(openid.fetchUserInfo(config, tokens.access_token, sub), "invalid_token", challenged);
    const other = { DPoP: await handle(config) };
    await refused(openid.fetchUserInfo(config, tokens.access_token, sub, other), "invalid_dpop_proof", challenged);
  });
  await check("a pushed request with a proof binds its code to the key", async () => {
    const client = await register(webApp);
    const config = await discover(client, openid.ClientSecretBasic(client.client_secret));
    for (const mine of [true, false]) {
      const DPoP = await handle(config);
      const { expected, parameters } = await begin(config);
      const address = await openid.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
      const { url } = await authorize(new Browser(), address, redirectUri, person);
      const grant = openid.authorizationCodeGrant(config, url, expected, undefined, { DPoP: mine ? DPoP : await handle(config) });
      if (mine) assert.equal((await grant).token_type, "dpop");
      else await refused(grant, "invalid_grant");
    }
  });
}
