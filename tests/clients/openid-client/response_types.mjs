// Every response type that the authorization endpoint has beside `code`, in every mode in which it may come back, and none of them
// where nobody has switched it on. The library reads two of them; the others are read here by hand, as an old application does.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createRemoteJWKSet, jwtVerify } from "jose";
import * as openid from "openid-client";
import { Browser, authorize } from "./browser.mjs";
import { check } from "./checks.mjs";
import { begin } from "./code.mjs";
import { discover, issuer, person, redirectUri, register, standIn, strictIssuer, webApp } from "./provider.mjs";

const TYPES = ["id_token", "token", "id_token token", "code id_token", "code token", "code id_token token"];
const MODES = ["fragment", "form_post", "jwt", "fragment.jwt", "form_post.jwt"];

export default async function responseTypes() {
  // The stand-in would have to be set up for it.
  if (standIn) return;
  const app = await register({
    ...webApp,
    grant_types: ["authorization_code", "implicit", "refresh_token"],
    response_types: ["code", ...TYPES],
    skip_consent: true,
  });
  const config = await discover(app, openid.ClientSecretBasic(app.client_secret));
  const server = config.serverMetadata();
  const keys = createRemoteJWKSet(new URL(server.jwks_uri));
  const verify = async (token) => (await jwtVerify(token, keys, { issuer, audience: app.client_id })).payload;
  // Who is signed in already is asked for nothing.
  const browser = new Browser();
  await authorize(browser, (await begin(config)).address, redirectUri, person);

  await check("every response type and mode is told of", () => {
    assert.deepEqual([...server.response_types_supported].sort(), ["code", ...TYPES].sort());
    for (const mode of ["query", "query.jwt", ...MODES]) assert.ok(server.response_modes_supported.includes(mode), mode);
  });
  for (const type of TYPES) {
    const words = type.split(" ");
    for (const mode of MODES) {
      await check(`${type}, ${mode}: what was asked for comes back, and nothing else`, async () => {
        const { address, expected } = await ask(config, type, { response_mode: mode });
        const answer = await read(browser, address, mode, verify);
        const { access_token, code, id_token, ...rest } = answer;
        const has = { code, id_token, token: access_token };
        for (const word of ["code", "id_token", "token"]) assert.equal(has[word] !== undefined, words.includes(word), word);
        assert.equal(rest.state, expected.expectedState);
        assert.equal(rest.iss, issuer);
        assert.equal(rest.refresh_token, undefined, "never by the browser");
        let sub;
        if (id_token) {
          const claims = await verify(id_token);
          assert.equal(claims.nonce, expected.expectedNonce);
          assert.equal(claims.c_hash, code && half(code));
          assert.equal(claims.at_hash, access_token && half(access_token));
          sub = claims.sub;
        }
        if (access_token) {
          assert.equal(rest.token_type.toLowerCase(), "bearer");
          assert.ok(Number(rest.expires_in) > 0);
          const told = await openid.fetchUserInfo(config, access_token, sub ?? openid.skipSubjectCheck);
          assert.equal(told.email, person.identifier);
          sub = told.sub;
        }
        if (code) {
          const url = new URL(redirectUri);
          url.search = new URLSearchParams({ code, state: rest.state, iss: rest.iss });
          const tokens = await openid.authorizationCodeGrant(config, url, expected);
          assert.ok(sub && tokens.claims().sub === sub, "of the same person as what came beside it");
        }
      });
    }
    for (const mode of ["query", "query.jwt"]) {
      await check(`${type}, ${mode}: never in a query`, async () => {
        const { address } = await ask(config, type, { response_mode: mode });
        const { url } = await browser.open(address, { until: redirectUri });
        assert.equal(url.search, "", url.href);
        const told = new URLSearchParams(url.hash.slice(1));
        const error = told.get("error") ?? (await verify(told.get("response"))).error;
        assert.equal(error, "invalid_request");
      });
    }
    await check(`${type}: refused where the app has not registered it`, async () => {
      const plain = await register({ ...webApp, skip_consent: true });
      const theirs = await discover(plain, openid.ClientSecretBasic(plain.client_secret));
      assert.equal(await errorOf(browser, (await ask(theirs, type)).address), "unauthorized_client");
    });
    await check(`${type}: refused where the tenant has not switched it on`, async () => {
      const plain = await register({ ...webApp, skip_consent: true }, strictIssuer);
      const theirs = await discover(plain, openid.ClientSecretBasic(plain.client_secret), strictIssuer);
      assert.deepEqual(theirs.serverMetadata().response_types_supported, ["code"]);
      assert.equal(await errorOf(new Browser(), (await ask(theirs, type)).address), "unsupported_response_type");
    });
  }
}

/** A request for a type; one without a code has nothing to prove later. */
function ask(config, type, more = {}) {
  const without = type.includes("code") ? {} : { code_challenge: undefined, code_challenge_method: undefined };
  return begin(config, { response_type: type, ...without, ...more });
}

/** What comes back, opened if it is signed, and from the one place where it may be. */
async function read(browser, address, mode, verify) {
  const page = await browser.open(address, { until: redirectUri });
  let names;
  if (mode.startsWith("form_post")) {
    assert.equal(page.forms?.[0]?.action, redirectUri, page.html?.slice(0, 400));
    names = new URLSearchParams(page.forms[0].fields.map(({ name, value }) => [name, value]));
  } else {
    assert.ok(page.arrived, `${page.status} at ${page.url}`);
    assert.equal(page.url.search, "", "never in the query");
    names = new URLSearchParams(page.url.hash.slice(1));
  }
  if (!mode.endsWith("jwt")) return Object.fromEntries(names);
  assert.deepEqual([...names.keys()], ["response"]);
  return verify(names.get("response"));
}

async function errorOf(browser, address) {
  const page = await browser.open(address, { until: redirectUri });
  assert.ok(page.arrived, `${page.status} at ${page.url}`);
  return new URLSearchParams(page.url.search || page.url.hash.slice(1)).get("error");
}

/** As the hashes of an ID token are made (OpenID Connect Core section 3.3.2.11), of the algorithms with SHA-256. */
function half(text) {
  return createHash("sha256").update(text, "ascii").digest().subarray(0, 16).toString("base64url");
}
