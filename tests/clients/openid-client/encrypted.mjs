// What an app alone can read: ID tokens, userinfo (OpenID Connect Core sections 5.3.2 and 10), introspection (RFC 9701) and
// answers of the authorization endpoint (JARM), which the provider signs and then encrypts to a key of the app's.

import assert from "node:assert/strict";
import { compactDecrypt, decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { Browser, authorize } from "./browser.mjs";
import { check, refused } from "./checks.mjs";
import { begin, signIn } from "./code.mjs";
import { clientKeys, issuer, loggedOutUri, person, redirectUri, register, standIn, webApp } from "./provider.mjs";

const KINDS = ["id_token", "userinfo", "introspection", "authorization"];
const WAYS = [
  { alg: "RSA-OAEP-256", enc: "A256GCM" },
  { alg: "RSA-OAEP-256", enc: "A128CBC-HS256" },
  { alg: "ECDH-ES", enc: "A256GCM" },
  { alg: "ECDH-ES", enc: "A128CBC-HS256" },
  { alg: "ECDH-ES+A128KW", enc: "A128GCM" },
  { alg: "ECDH-ES+A256KW", enc: "A256CBC-HS512", crv: "X25519" },
];
const [BY_RSA, , BY_AGREEMENT] = WAYS;
const execute = [openid.allowInsecureRequests, openid.enableNonRepudiationChecks];
const insecure = { [oauth.allowInsecureRequests]: true };

export default async function encrypted() {
  // The stand-in would have to be set up for it.
  if (standIn) return;
  await read();
  await notRead();
  await signedAlone();
  await elsewhere();
}

/** A key that is encrypted to: what the app publishes of it, and what it keeps. */
async function recipient({ alg, crv }) {
  const pair = await generateKeyPair(alg, { crv, extractable: true });
  const kid = crypto.randomUUID();
  const jwk = { ...(await exportJWK(pair.publicKey)), kid, use: "enc" };
  return { own: { key: pair.privateKey, kid }, jwk };
}

/** An app that has these kinds encrypted. Before the key that is taken stands what it signs with, and after it one of last year. */
async function reader(way, { kinds = KINDS, ...more } = {}) {
  const signing = await clientKeys();
  const [current, former] = [await recipient(way), await recipient(way)];
  const registered = kinds.flatMap((kind) => [
    [`${kind}_signed_response_alg`, "ES256"],
    [`${kind}_encrypted_response_alg`, way.alg],
    [`${kind}_encrypted_response_enc`, way.enc],
  ]);
  const jwks = { keys: [...signing.jwks.keys, current.jwk, former.jwk] };
  const app = await register({ ...webApp, skip_consent: true, jwks, ...Object.fromEntries(registered), ...more });
  return { app, current, former };
}

/** The library for an app, which checks every signature; with what it decrypts with, and what came to it as a token by itself. */
async function library(app, enc, keys = []) {
  const got = [];
  const metadata = { client_secret: app.client_secret, id_token_signed_response_alg: "ES256" };
  for (const kind of KINDS) {
    const [name, signed] = [`${kind}_signed_response_alg`, app[`${kind}_signed_response_alg`]];
    // The document says `none` where the library has an app say nothing: both mean plain JSON.
    if (signed && signed !== "none") metadata[name] = signed;
  }
  const config = await openid.discovery(new URL(issuer), app.client_id, metadata, openid.ClientSecretBasic(app.client_secret), {
    execute,
    [openid.customFetch]: async (...asked) => {
      const answer = await fetch(...asked);
      const type = answer.headers.get("content-type");
      if (isToken(answer)) got.push({ type, text: await answer.clone().text() });
      return answer;
    },
  });
  if (keys.length > 0) openid.enableDecryptingResponses(config, [enc], ...keys);
  return { config, got };
}

function isToken(answer) {
  return /^application\/(token-introspection\+)?jwt\b/.test(answer.headers.get("content-type") ?? "");
}

/** Whether a text is encrypted as the app wants it, to this key. */
function isSealed(text, { alg, enc }, { own }) {
  const header = decodeProtectedHeader(text);
  assert.equal(text.split(".").length, 5);
  assert.deepEqual([header.alg, header.enc, header.cty, header.kid, header.zip], [alg, enc, "JWT", own.kid, undefined]);
}

/** Whether what was within is a signed token. */
function isSigned(text) {
  assert.equal(decodeProtectedHeader(text).alg, "ES256");
  assert.equal(text.split(".").length, 3);
}

async function read() {
  for (const way of WAYS) {
    const how = `encrypted by ${way.alg}${way.crv ? ` (${way.crv})` : ""} with ${way.enc}`;
    await check(`${how}: the app reads the answer, its ID tokens, userinfo and introspection`, async () => {
      const { app, current, former } = await reader(way);
      const { config, got } = await library(app, way.enc, [former.own, current.own]);
      openid.useJwtResponseMode(config);
      const { address, expected } = await begin(config, { scope: "openid offline_access email" });
      const { url } = await authorize(new Browser(), address, redirectUri, person);
      assert.deepEqual([...url.searchParams.keys()], ["response"]);
      isSealed(url.searchParams.get("response"), way, current);

      const tokens = await openid.authorizationCodeGrant(config, url, expected);
      isSealed(tokens.id_token, way, current);
      const within = openid.getDecryptedResponses(tokens);
      isSigned(within.authorization_response);
      isSigned(within.id_token.token_endpoint);
      const { sub, aud } = tokens.claims();
      assert.deepEqual([aud].flat(), [app.client_id]);
      const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
      isSealed(next.id_token, way, current);
      assert.equal(next.claims().sub, sub);

      const told = await openid.fetchUserInfo(config, tokens.access_token, sub);
      assert.deepEqual([told.iss, told.aud, told.email], [issuer, app.client_id, person.identifier]);
      isSigned(openid.getDecryptedResponses(told));
      const said = await openid.tokenIntrospection(config, tokens.access_token);
      assert.deepEqual([said.active, said.client_id, said.sub], [true, app.client_id, sub]);
      isSigned(openid.getDecryptedResponses(said));
      const types = got.map(({ type }) => type);
      assert.deepEqual(types, ["application/jwt", "application/token-introspection+jwt"]);
      for (const { text } of got) isSealed(text, way, current);
    });
  }
  await check("every way of encrypting is told of", async () => {
    const { config } = await library(await register(webApp));
    const server = config.serverMetadata();
    for (const kind of KINDS) {
      for (const { alg, enc } of WAYS) {
        assert.ok(server[`${kind}_encryption_alg_values_supported`].includes(alg), `${kind} ${alg}`);
        assert.ok(server[`${kind}_encryption_enc_values_supported`].includes(enc), `${kind} ${enc}`);
      }
      assert.ok(!server[`${kind}_encryption_alg_values_supported`].some((alg) => /RSA1_5|dir|PBES2/.test(alg)), kind);
    }
  });
  await check("an error is encrypted too, where answers are", async () => {
    const { app, current } = await reader(BY_RSA);
    const { config } = await library(app, BY_RSA.enc, [current.own]);
    openid.useJwtResponseMode(config);
    const { address, expected } = await begin(config, { scope: "openid no-such-scope" });
    const { url } = await new Browser().open(address, { until: redirectUri });
    isSealed(url.searchParams.get("response"), BY_RSA, current);
    await refused(openid.authorizationCodeGrant(config, url, expected), "invalid_scope");
  });
  await check("an ID token beside a code is encrypted too", async () => {
    const hybrid = { grant_types: ["authorization_code", "implicit"], response_types: ["code id_token"] };
    const { app, current } = await reader(BY_AGREEMENT, { kinds: ["id_token"], ...hybrid });
    const { config } = await library(app, BY_AGREEMENT.enc, [current.own]);
    openid.useCodeIdTokenResponseType(config);
    const { address, expected } = await begin(config);
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    isSealed(new URLSearchParams(url.hash.slice(1)).get("id_token"), BY_AGREEMENT, current);
    const within = openid.getDecryptedResponses(await openid.authorizationCodeGrant(config, url, expected));
    isSigned(within.id_token.authorization_endpoint);
    isSigned(within.id_token.token_endpoint);
  });
  await check("an app registers itself with a key to encrypt to, and not without one", async () => {
    const signing = await clientKeys();
    const current = await recipient(BY_AGREEMENT);
    const jwks = { keys: [...signing.jwks.keys, current.jwk] };
    const alg = BY_AGREEMENT.alg;
    const ask = (more) =>
      openid.dynamicClientRegistration(
        new URL(issuer),
        {
          client_name: "Newcomer", redirect_uris: [redirectUri], token_endpoint_auth_method: "client_secret_post",
          id_token_signed_response_alg: "ES256", id_token_encrypted_response_alg: alg,
          id_token_encrypted_response_enc: BY_AGREEMENT.enc, ...more,
        },
        undefined,
        { execute },
      );
    const config = await ask({ jwks });
    openid.enableDecryptingResponses(config, [BY_AGREEMENT.enc], current.own);
    const { tokens } = await signIn(config);
    isSealed(tokens.id_token, BY_AGREEMENT, current);
    for (const wrong of [
      {},
      { jwks: signing.jwks },
      { jwks, id_token_encrypted_response_alg: "RSA1_5" },
      // Anybody can encrypt to a public key.
      { jwks, userinfo_encrypted_response_alg: alg },
    ]) {
      await refused(ask(wrong), "invalid_client_metadata");
    }
  });
}

async function notRead() {
  for (const way of [BY_RSA, BY_AGREEMENT]) {
    await check(`encrypted by ${way.alg}: another key reads nothing, nor the right one by another id, nor who has none`, async () => {
      const { app, current, former } = await reader(way, { kinds: ["id_token", "userinfo"] });
      const { tokens } = await signIn((await library(app, way.enc, [current.own])).config);
      const stranger = await recipient(way);
      for (const [keys, code] of [
        [[{ ...stranger.own, kid: current.own.kid }], "OAUTH_DECRYPTION_FAILED"],
        [[former.own], "OAUTH_DECRYPTION_FAILED"],
        [[{ ...current.own, kid: former.own.kid }], "OAUTH_DECRYPTION_FAILED"],
        [[], "OAUTH_UNSUPPORTED_OPERATION"],
      ]) {
        const { config } = await library(app, way.enc, keys);
        await refused(signIn(config), code);
        await refused(openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub), code);
      }
    });
  }
  await check("the signed token within is a hint at sign-out, and what was encrypted is none", async () => {
    const { app, current } = await reader(BY_RSA, { kinds: ["id_token"], skip_logout_consent: true });
    const { config } = await library(app, BY_RSA.enc, [current.own]);
    const { tokens, browser } = await signIn(config);
    const leave = (hint) => {
      const asked = { id_token_hint: hint, post_logout_redirect_uri: loggedOutUri };
      return browser.open(openid.buildEndSessionUrl(config, asked), { until: loggedOutUri });
    };
    const silent = async () => {
      const { address } = await begin(config, { prompt: "none" });
      return (await browser.open(address, { until: redirectUri })).url.searchParams;
    };
    const page = await leave(tokens.id_token);
    assert.deepEqual([page.arrived, page.status], [undefined, 400]);
    assert.ok((await silent()).get("code"), "nobody was signed out");
    assert.ok((await leave(openid.getDecryptedResponses(tokens).id_token.token_endpoint)).arrived);
    assert.equal((await silent()).get("error"), "login_required");
  });
}

async function signedAlone() {
  for (const algorithm of ["ES256", "RS256", "EdDSA"]) {
    await check(`userinfo that is signed is for its app and of the provider, ${algorithm}`, async () => {
      const document = { ...webApp, skip_consent: true, userinfo_signed_response_alg: algorithm };
      const app = await register(document);
      const { config, got } = await library(app);
      const { tokens } = await signIn(config);
      const { sub } = tokens.claims();
      const told = await openid.fetchUserInfo(config, tokens.access_token, sub);
      assert.deepEqual([told.iss, told.aud, told.email], [issuer, app.client_id, person.identifier]);
      assert.equal(told.exp, undefined, "it is never taken for an ID token");
      assert.deepEqual(got.map(({ type }) => type), ["application/jwt"]);
      assert.equal(decodeProtectedHeader(got[0].text).alg, algorithm);
      // By what it says itself it is nobody else's.
      const { config: theirs } = await library(await register(document));
      await refused(openid.fetchUserInfo(theirs, tokens.access_token, sub), "OAUTH_JWT_CLAIM_COMPARISON_FAILED");
    });
  }
  await check("introspection is signed for an app that asks for it so, of a live token and of none", async () => {
    const app = await register({ ...webApp, skip_consent: true, introspection_signed_response_alg: "ES256" });
    const { config, got } = await library(app);
    const { tokens } = await signIn(config);
    const said = await openid.tokenIntrospection(config, tokens.access_token);
    assert.deepEqual([said.active, said.client_id, said.sub], [true, app.client_id, tokens.claims().sub]);
    assert.deepEqual(await openid.tokenIntrospection(config, "rubbish"), { active: false });
    assert.equal(got.length, 2);
    for (const { type, text } of got) {
      assert.equal(type, "application/token-introspection+jwt");
      assert.equal(decodeProtectedHeader(text).typ, "token-introspection+jwt");
      const { iss, aud, sub, exp } = decodeJwt(text);
      // RFC 9701 section 8.1: it is never taken for the token itself.
      assert.deepEqual([iss, aud, sub, exp], [issuer, app.client_id, undefined, undefined]);
    }
  });
  await check("what somebody has changed on its way is not taken", async () => {
    const signed = { userinfo_signed_response_alg: "ES256", introspection_signed_response_alg: "ES256" };
    const { config } = await library(await register({ ...webApp, skip_consent: true, ...signed }));
    const { tokens } = await signIn(config);
    let changed = 0;
    config[openid.customFetch] = async (...asked) => {
      const answer = await fetch(...asked);
      if (!isToken(answer)) return answer;
      changed += 1;
      const { status } = answer;
      const headers = { "content-type": answer.headers.get("content-type") };
      return new Response(forged(await answer.text()), { status, headers });
    };
    await refused(openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub), "OAUTH_INVALID_RESPONSE");
    await refused(openid.tokenIntrospection(config, tokens.access_token), "OAUTH_INVALID_RESPONSE");
    assert.equal(changed, 2);
  });
}

/** A signed token with one claim more under the old signature. */
function forged(text) {
  const [header, , signature] = text.split(".");
  const claims = JSON.stringify({ ...decodeJwt(text), admin: true });
  return [header, Buffer.from(claims).toString("base64url"), signature].join(".");
}

async function elsewhere() {
  for (const way of [BY_RSA, BY_AGREEMENT]) {
    await check(`oauth4webapi: an answer, an ID token, userinfo and introspection, each encrypted by ${way.alg}`, async () => {
      const { app: client, current } = await reader(way);
      let opened = 0;
      const open = {
        [oauth.jweDecrypt]: async (jwe) => {
          opened += 1;
          const allowed = { keyManagementAlgorithms: [way.alg], contentEncryptionAlgorithms: [way.enc] };
          return new TextDecoder().decode((await compactDecrypt(jwe, current.own.key, allowed)).plaintext);
        },
      };
      const at = new URL(issuer);
      const as = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, insecure));
      const authentication = oauth.ClientSecretBasic(client.client_secret);
      const verifier = oauth.generateRandomCodeVerifier();
      const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
      const address = new URL(as.authorization_endpoint);
      address.search = new URLSearchParams({
        client_id: client.client_id, redirect_uri: redirectUri, response_type: "code", response_mode: "jwt",
        scope: "openid email", state, nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
      });
      const { url } = await authorize(new Browser(), address, redirectUri, person);
      const params = await oauth.validateJwtAuthResponse(as, client, url, state, { ...insecure, ...open });
      const redeemed = await oauth.authorizationCodeGrantRequest(as, client, authentication, params, redirectUri, verifier, insecure);
      const wanted = { expectedNonce: nonce, requireIdToken: true, ...open };
      const tokens = await oauth.processAuthorizationCodeResponse(as, client, redeemed, wanted);
      await oauth.validateApplicationLevelSignature(as, redeemed, insecure);
      const { sub } = oauth.getValidatedIdTokenClaims(tokens);
      const said = await oauth.userInfoRequest(as, client, tokens.access_token, insecure);
      assert.equal((await oauth.processUserInfoResponse(as, client, sub, said, open)).email, person.identifier);
      await oauth.validateApplicationLevelSignature(as, said, insecure);
      const asked = await oauth.introspectionRequest(as, client, authentication, tokens.access_token, insecure);
      assert.equal((await oauth.processIntrospectionResponse(as, client, asked, open)).sub, sub);
      await oauth.validateApplicationLevelSignature(as, asked, insecure);
      assert.equal(opened, 4);
    });
  }
}
