// How a client proves itself at the token endpoint: RFC 6749 section 2.3, RFC 7523, OpenID Connect Core section 9.

import assert from "node:assert/strict";
import { SignJWT, createRemoteJWKSet, jwtVerify } from "jose";
import * as openid from "openid-client";
import { check, refused } from "./checks.mjs";
import { clientKeys, discover, issuer, register, service, standIn } from "./provider.mjs";

const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

export default async function clientAuthentication() {
  const ask = (config, more = {}) => openid.clientCredentialsGrant(config, { scope: "api:read", ...more });
  const secretClient = (method) => register({ ...service, token_endpoint_auth_method: method });

  const notAllowed = standIn ? ["invalid_request"] : ["unauthorized_client"];

  for (const [method, authentication, other] of [
    ["client_secret_basic", openid.ClientSecretBasic, openid.ClientSecretPost],
    ["client_secret_post", openid.ClientSecretPost, openid.ClientSecretBasic],
  ]) {
    await check(`client_credentials with ${method}`, async () => {
      const client = await secretClient(method);
      const tokens = await ask(await discover(client, authentication(client.client_secret)));
      assert.equal(tokens.token_type, "bearer");
      assert.equal(tokens.scope, "api:read");
      assert.ok(tokens.expires_in > 0);
      assert.equal(tokens.refresh_token, undefined);
    });
    await check(`a wrong secret is refused with ${method}`, async () => {
      const client = await secretClient(method);
      const wrong = `${client.client_secret.slice(0, -1)}~`;
      const error = await refused(ask(await discover(client, authentication(wrong))), "invalid_client");
      assert.equal(error.status, 401);
    });
    // The stand-in accepts either way of sending a secret.
    if (standIn) continue;
    await check(`a client of ${method} may not use the other way`, async () => {
      const client = await secretClient(method);
      await refused(ask(await discover(client, other(client.client_secret))), "invalid_client");
    });
  }

  await check("a generated secret is long", async () => {
    const { client_secret } = await secretClient("client_secret_basic");
    assert.ok(client_secret.length >= 32);
  });

  for (const algorithm of ["ES256", "RS256", ...(standIn ? [] : ["EdDSA"])]) {
    await check(`client_credentials with private_key_jwt, ${algorithm}`, async () => {
      const { client, key } = await keyClient(algorithm);
      const tokens = await ask(await discover(client, openid.PrivateKeyJwt(key)));
      assert.equal(tokens.scope, "api:read");
    });
  }
  await check("an assertion of another key is refused", async () => {
    const { client, key } = await keyClient("ES256");
    const { key: stranger } = await clientKeys("ES256");
    await refused(ask(await discover(client, openid.PrivateKeyJwt({ key: stranger, kid: key.kid }))), "invalid_client");
  });
  await check("an assertion is accepted once", async () => {
    const { client, key } = await keyClient("ES256");
    const assertion = await sign(client, key, {});
    assert.equal((await present(client, assertion)).status, 200);
    const again = await present(client, assertion);
    assert.equal((await again.json()).error, "invalid_client");
  });
  for (const [what, claims] of [
    ["for another audience", { aud: "https://elsewhere.example" }],
    ["that is expired", { exp: Math.floor(Date.now() / 1000) - 3600 }],
    ["without an end", { exp: undefined }],
    ["without an id", { jti: undefined }],
    ["by another issuer", { iss: "someone-else" }],
    ["about another subject", { sub: "someone-else" }],
  ]) {
    await check(`an assertion ${what} is refused`, async () => {
      const { client, key } = await keyClient("ES256");
      const answer = await present(client, await sign(client, key, claims));
      assert.equal(answer.status >= 400 && answer.status < 500, true, String(answer.status));
      assert.ok(["invalid_client", "invalid_request"].includes((await answer.json()).error));
    });
  }

  await check("a public client gets no token for itself", async () => {
    const client = await register({ ...service, grant_types: ["authorization_code"], redirect_uris: ["https://app.example/cb"], response_types: ["code"], token_endpoint_auth_method: "none" });
    await refused(ask(await discover(client, openid.None())), ...notAllowed);
  });
  await check("an unknown client is refused", async () => {
    const nobody = { client_id: "00000000-0000-4000-8000-000000000000", client_secret: "x".repeat(40) };
    await refused(ask(await discover(nobody, openid.ClientSecretBasic(nobody.client_secret))), "invalid_client");
  });
  await check("a scope that the client has not is refused", async () => {
    const client = await secretClient("client_secret_basic");
    const config = await discover(client, openid.ClientSecretBasic(client.client_secret));
    await refused(ask(config, { scope: standIn ? "openid" : "api:read admin" }), "invalid_scope");
  });
  await check("a grant that the client has not is refused", async () => {
    const client = await register({ ...service, grant_types: ["authorization_code"], redirect_uris: ["https://app.example/cb"], response_types: ["code"] });
    await refused(ask(await discover(client, openid.ClientSecretBasic(client.client_secret))), ...notAllowed);
  });

  if (standIn) return;
  await check("an access token is a JWT of RFC 9068", async () => {
    const client = await secretClient("client_secret_basic");
    const config = await discover(client, openid.ClientSecretBasic(client.client_secret));
    const tokens = await ask(config);
    const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
    const { payload } = await jwtVerify(tokens.access_token, keys, {
      issuer,
      typ: "at+jwt",
      requiredClaims: ["exp", "iat", "jti", "sub", "client_id", "aud"],
    });
    assert.equal(payload.client_id, client.client_id);
    assert.equal(payload.sub, client.client_id);
    assert.equal(payload.scope, "api:read");
  });
  await check("an access token is opaque where the client asks for that", async () => {
    const client = await register({ ...service, access_token_strategy: "opaque" });
    const tokens = await ask(await discover(client, openid.ClientSecretBasic(client.client_secret)));
    assert.equal(tokens.access_token.split(".").length === 3, false);
  });

  async function keyClient(algorithm) {
    const keys = await clientKeys(algorithm);
    const client = await register({
      ...service,
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: algorithm,
      jwks: keys.jwks,
    });
    return { client, key: { key: keys.key, kid: keys.kid } };
  }

  function sign(client, { key, kid }, claims) {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: client.client_id, sub: client.client_id, aud: issuer, jti: crypto.randomUUID(), iat: now, exp: now + 60, ...claims };
    return new SignJWT(all).setProtectedHeader({ alg: "ES256", kid }).sign(key);
  }

  async function present(client, client_assertion) {
    const config = await discover(client, openid.None());
    const body = new URLSearchParams({ grant_type: "client_credentials", scope: "api:read", client_id: client.client_id, client_assertion, client_assertion_type: JWT_BEARER });
    return fetch(config.serverMetadata().token_endpoint, { method: "POST", body });
  }
}
