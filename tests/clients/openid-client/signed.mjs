// Requests that the app signs (RFC 9101), answers that the provider signs (JARM), and what comes back beside a code.

import assert from "node:assert/strict";
import { SignJWT } from "jose";
import * as openid from "openid-client";
import { Browser, authorize } from "./browser.mjs";
import { check, refused } from "./checks.mjs";
import { begin } from "./code.mjs";
import { clientKeys, discover, issuer, person, redirectUri, register, standIn, webApp } from "./provider.mjs";

export default async function signed() {
  // The stand-in would have to be set up for it.
  if (standIn) return;
  await requests();
  await answers();
  await besideCodes();
}

/** An app with keys, as itself and as the library has it. */
async function signer(more = {}, algorithm = "ES256") {
  const keys = await clientKeys(algorithm);
  const app = await register({ ...webApp, jwks: keys.jwks, request_object_signing_alg: algorithm, ...more });
  const config = await discover(app, openid.ClientSecretBasic(app.client_secret));
  return { app, config, keys };
}

/** The error that an address leads to at the redirect URI. */
async function errorAt(address) {
  const page = await new Browser().open(address, { until: redirectUri });
  assert.ok(page.arrived, `no redirect: ${page.status} at ${page.url}`);
  return new URLSearchParams(page.url.search || page.url.hash.slice(1)).get("error");
}

async function requests() {
  for (const algorithm of ["ES256", "RS256", "PS256", "EdDSA"]) {
    await check(`a request that the app signed is answered, ${algorithm}`, async () => {
      const { config, keys } = await signer({ require_signed_request_object: true }, algorithm);
      const { parameters, expected } = await begin(config);
      const address = await openid.buildAuthorizationUrlWithJAR(config, parameters, keys);
      assert.deepEqual([...address.searchParams.keys()].sort(), ["client_id", "request"]);
      const { url } = await authorize(new Browser(), address, redirectUri, person);
      const tokens = await openid.authorizationCodeGrant(config, url, expected);
      assert.ok(tokens.claims().sub);
    });
  }
  await check("a request that the app signed and pushed is answered", async () => {
    const { config, keys } = await signer({ require_signed_request_object: true, require_pushed_authorization_requests: true });
    const { parameters, expected } = await begin(config);
    const inside = await openid.buildAuthorizationUrlWithJAR(config, parameters, keys);
    const address = await openid.buildAuthorizationUrlWithPAR(config, inside.searchParams);
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    assert.ok((await openid.authorizationCodeGrant(config, url, expected)).claims().sub);
    const alone = await openid.buildAuthorizationUrlWithJAR(config, (await begin(config)).parameters, keys);
    assert.equal(await errorAt(alone), "invalid_request");
  });
  await check("what stands beside a signed request counts for nothing", async () => {
    const { config, keys } = await signer();
    const { parameters, expected } = await begin(config);
    const address = await openid.buildAuthorizationUrlWithJAR(config, parameters, keys);
    for (const [name, value] of [["scope", "openid api:read"], ["state", "other"], ["redirect_uri", `${redirectUri}/other`]]) {
      address.searchParams.set(name, value);
    }
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    const tokens = await openid.authorizationCodeGrant(config, url, expected);
    assert.equal(tokens.scope, "openid email");
  });
  await check("a plain request of an app that signs all is refused", async () => {
    const { config } = await signer({ require_signed_request_object: true });
    assert.equal(await errorAt((await begin(config)).address), "invalid_request");
    const { parameters } = await begin(config);
    await refused(openid.buildAuthorizationUrlWithPAR(config, parameters), "invalid_request");
  });
  await check("a request that another key signed is refused", async () => {
    const { config, keys } = await signer();
    const { key } = await clientKeys();
    const { parameters } = await begin(config);
    const address = await openid.buildAuthorizationUrlWithJAR(config, parameters, { key, kid: keys.kid });
    address.searchParams.set("redirect_uri", redirectUri);
    assert.equal(await errorAt(address), "invalid_request_object");
  });
  await check("an app without keys is told that it has none", async () => {
    const app = await register(webApp);
    const config = await discover(app, openid.ClientSecretBasic(app.client_secret));
    const { parameters } = await begin(config);
    const address = await openid.buildAuthorizationUrlWithJAR(config, parameters, await clientKeys());
    assert.equal(await errorAt(address), "request_not_supported");
  });
  const wrong = (claims = {}, typ = "oauth-authz-req+jwt") => ({ claims, typ });
  for (const [what, { claims, typ }] of [
    ["of another type", wrong({}, "JWT")],
    ["for another server", wrong({ aud: "https://elsewhere.example" })],
    ["of another app", wrong({ client_id: "somebody" })],
    ["that has expired", wrong({ exp: Math.floor(Date.now() / 1000) - 120 })],
    ["that is good for ever", wrong({ exp: Math.floor(Date.now() / 1000) + 10 ** 6 })],
  ]) {
    await check(`a signed request ${what} is refused`, async () => {
      const { app, config, keys } = await signer();
      const { parameters } = await begin(config);
      const payload = {
        ...parameters, response_type: "code", client_id: app.client_id, iss: app.client_id, aud: issuer,
        exp: Math.floor(Date.now() / 1000) + 60, ...claims,
      };
      const request = await new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid: keys.kid, typ }).sign(keys.key);
      const address = new URL(openid.buildAuthorizationUrl(config, {}));
      address.search = new URLSearchParams({ client_id: app.client_id, request });
      assert.equal(await errorAt(address), "invalid_request_object");
    });
  }
}

async function answers() {
  const app = await register({ ...webApp, skip_consent: true });
  const own = async () => {
    const config = await discover(app, openid.ClientSecretBasic(app.client_secret));
    openid.useJwtResponseMode(config);
    return config;
  };
  for (const mode of ["jwt", "query.jwt", "fragment.jwt"]) {
    await check(`an answer that the provider signed is taken, ${mode}`, async () => {
      const config = await own();
      const { address, expected } = await begin(config);
      address.searchParams.set("response_mode", mode);
      const { url } = await authorize(new Browser(), address, redirectUri, person);
      const [names, at] = mode === "fragment.jwt" ? [new URLSearchParams(url.hash.slice(1)), url.search] : [url.searchParams, url.hash];
      assert.deepEqual([[...names.keys()], at], [["response"], ""]);
      // The library reads the query alone.
      const read = new URL(redirectUri);
      read.search = names;
      const tokens = await openid.authorizationCodeGrant(config, read, expected);
      assert.ok(tokens.claims().sub);
    });
  }
  await check("an answer that was signed for another app is not taken", async () => {
    const config = await own();
    const { address, expected } = await begin(config);
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    const other = await register(webApp);
    const theirs = await discover(other, openid.ClientSecretBasic(other.client_secret));
    openid.useJwtResponseMode(theirs);
    await refused(openid.authorizationCodeGrant(theirs, url, expected), "OAUTH_JWT_CLAIM_COMPARISON_FAILED");
  });
  await check("an error is signed too", async () => {
    const config = await own();
    const { address, expected } = await begin(config, { scope: "openid no-such-scope" });
    const page = await new Browser().open(address, { until: redirectUri });
    assert.deepEqual([...page.url.searchParams.keys()], ["response"]);
    await refused(openid.authorizationCodeGrant(config, page.url, expected), "invalid_scope");
  });
  await check("an answer is signed with the algorithm that the app registered", async () => {
    const signed = await register({ ...webApp, skip_consent: true, authorization_signed_response_alg: "RS256" });
    const config = await discover(signed, openid.ClientSecretBasic(signed.client_secret));
    openid.useJwtResponseMode(config);
    const { address, expected } = await begin(config);
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    const [header] = url.searchParams.get("response").split(".");
    assert.equal(JSON.parse(Buffer.from(header, "base64url")).alg, "RS256");
    assert.ok((await openid.authorizationCodeGrant(config, url, expected)).claims().sub);
  });
  await check("a signed request and a signed answer go together", async () => {
    const { config, keys } = await signer();
    openid.useJwtResponseMode(config);
    const { parameters, expected } = await begin(config);
    const address = await openid.buildAuthorizationUrlWithJAR(config, parameters, keys);
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    assert.ok((await openid.authorizationCodeGrant(config, url, expected)).claims().sub);
  });
}

async function besideCodes() {
  const hybrid = {
    ...webApp,
    grant_types: ["authorization_code", "implicit", "refresh_token"],
    response_types: ["code id_token", "id_token"],
    skip_consent: true,
  };
  const app = await register(hybrid);
  const own = async (use) => {
    const config = await discover(app, openid.ClientSecretBasic(app.client_secret));
    use(config);
    return config;
  };
  await check("code id_token: an ID token comes with the code and is bound to it", async () => {
    const config = await own(openid.useCodeIdTokenResponseType);
    const { address, expected } = await begin(config, { scope: "openid offline_access email" });
    assert.equal(address.searchParams.get("response_type"), "code id_token");
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    assert.equal(url.search, "", "never in the query");
    const tokens = await openid.authorizationCodeGrant(config, url, expected);
    assert.ok(tokens.claims().sub && tokens.refresh_token);
  });
  await check("code id_token: another code beside the ID token is noticed", async () => {
    const config = await own(openid.useCodeIdTokenResponseType);
    const one = await begin(config);
    const other = await begin(config);
    const { url } = await authorize(new Browser(), one.address, redirectUri, person);
    const { url: theirs } = await authorize(new Browser(), other.address, redirectUri, person);
    const mixed = new URLSearchParams(url.hash.slice(1));
    mixed.set("code", new URLSearchParams(theirs.hash.slice(1)).get("code"));
    url.hash = mixed;
    // The claim that differs stands in what the error was caused by.
    const names = (error) => error?.claim === "c_hash" || Boolean(error?.cause && names(error.cause));
    await assert.rejects(openid.authorizationCodeGrant(config, url, one.expected), names);
  });
  await check("code id_token in a form", async () => {
    const config = await own(openid.useCodeIdTokenResponseType);
    const browser = new Browser();
    await authorize(browser, (await begin(config)).address, redirectUri, person);
    const { address, expected } = await begin(config, { response_mode: "form_post" });
    const page = await browser.open(address, { until: redirectUri });
    assert.equal(page.forms?.[0]?.action, redirectUri);
    const body = new URLSearchParams(page.forms[0].fields.map(({ name, value }) => [name, value]));
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const tokens = await openid.authorizationCodeGrant(config, new Request(redirectUri, { method: "POST", headers, body }), expected);
    assert.ok(tokens.claims().sub);
  });
  await check("id_token alone", async () => {
    const config = await own(openid.useIdTokenResponseType);
    const { address, expected } = await begin(config, { code_challenge: undefined, code_challenge_method: undefined });
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    const { expectedNonce, expectedState } = expected;
    const claims = await openid.implicitAuthentication(config, url, expectedNonce, { expectedState });
    assert.equal(claims.email, person.identifier);
  });
  await check("an ID token by the browser needs a nonce", async () => {
    const config = await own(openid.useCodeIdTokenResponseType);
    assert.equal(await errorAt((await begin(config, { nonce: undefined })).address), "invalid_request");
  });
  await check("tokens never go back in a query", async () => {
    const config = await own(openid.useCodeIdTokenResponseType);
    const { address } = await begin(config, { response_mode: "query" });
    const page = await new Browser().open(address, { until: redirectUri });
    assert.equal(page.url.search, "");
    assert.equal(new URLSearchParams(page.url.hash.slice(1)).get("error"), "invalid_request");
  });
  await check("an app that has registered code alone gets nothing else", async () => {
    const plain = await register(webApp);
    const config = await discover(plain, openid.ClientSecretBasic(plain.client_secret));
    openid.useCodeIdTokenResponseType(config);
    assert.equal(await errorAt((await begin(config)).address), "unauthorized_client");
  });
}
