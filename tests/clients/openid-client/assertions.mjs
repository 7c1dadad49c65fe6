// RFC 7523 section 2.1: tokens for whom a trusted issuer names.

import assert from "node:assert/strict";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import * as openid from "openid-client";
import { check, refused } from "./checks.mjs";
import { administer, discover, issuer, register, service, standIn } from "./provider.mjs";

const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ISSUER = "https://jwt-idp.example";

export default async function assertions() {
  // The stand-in trusts nobody.
  if (standIn) return;
  const pair = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: "k", alg: "ES256", use: "sig" };
  const trust = await administer("POST", "/trust/grants/jwt-bearer/issuers", {
    issuer: ISSUER,
    subject: "mike@example.com",
    scope: ["api:read"],
    jwk,
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
  });
  const app = await register({ ...service, grant_types: [GRANT], token_endpoint_auth_method: "client_secret_post" });
  const config = await discover(app, openid.ClientSecretPost(app.client_secret));
  const assertion = (claims = {}) =>
    new SignJWT({ iss: ISSUER, sub: "mike@example.com", aud: issuer, jti: crypto.randomUUID(), ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "k" })
      .setIssuedAt()
      .setExpirationTime("2m")
      .sign(pair.privateKey);
  const ask = (text, scope = "api:read") => openid.genericGrantRequest(config, GRANT, { assertion: text, scope });

  await check("an assertion of a trusted issuer gives a token for whom it names, once", async () => {
    const text = await assertion();
    const tokens = await ask(text);
    assert.equal(tokens.scope, "api:read");
    assert.equal(tokens.refresh_token ?? tokens.id_token, undefined);
    const found = await openid.tokenIntrospection(config, tokens.access_token);
    assert.equal(found.active, true);
    assert.equal(found.sub, "mike@example.com");
    await refused(ask(text), "invalid_grant");
  });
  await check("of fifty who bring one assertion at once, one gets a token", async () => {
    const text = await assertion();
    const answers = await Promise.allSettled(Array.from({ length: 50 }, () => ask(text)));
    const given = answers.filter((answer) => answer.status === "fulfilled");
    assert.equal(given.length, 1);
    for (const { reason } of answers.filter((answer) => answer.status === "rejected")) {
      assert.equal(reason.error, "invalid_grant", String(reason));
    }
  });
  await check("an assertion for another server, for somebody else or for more is refused", async () => {
    await refused(ask(await assertion({ aud: "https://other.example" })), "invalid_grant");
    await refused(ask(await assertion({ aud: [issuer, "https://other.example"] })), "invalid_grant");
    await refused(ask(await assertion({ sub: "eve@example.com" })), "invalid_grant");
    await refused(ask(await assertion(), "api:write"), "invalid_scope");
  });
  await check("an issuer that is trusted no more gives nothing", async () => {
    await administer("DELETE", `/trust/grants/jwt-bearer/issuers/${trust.id}`);
    await refused(ask(await assertion()), "invalid_grant");
  });
}
