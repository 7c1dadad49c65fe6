// What becomes of tokens: introspection (RFC 7662), revocation (RFC 7009), userinfo (OpenID Connect Core section 5.3).

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { check, refused } from "./checks.mjs";
import { signIn } from "./code.mjs";
import { discover, issuer, person, register, service, standIn, webApp } from "./provider.mjs";

export default async function tokens() {
  const client = await register(webApp);
  const config = await discover(client, openid.ClientSecretBasic(client.client_secret));
  const offline = { scope: "openid offline_access email api:read", prompt: "consent" };
  const introspect = (token) => openid.tokenIntrospection(config, token);
  const userinfo = (token, sub = openid.skipSubjectCheck) => openid.fetchUserInfo(config, token, sub);

  await check("introspection says whose a token is and what it may do", async () => {
    const { tokens: got } = await signIn(config, { scope: "openid email" });
    const said = await introspect(got.access_token);
    assert.equal(said.active, true);
    assert.equal(said.client_id, client.client_id);
    assert.equal(said.sub, got.claims().sub);
    assert.equal(said.iss, issuer);
    assert.ok(said.scope.split(" ").includes("email"));
    assert.ok(said.exp > said.iat);
  });
  await check("introspection knows refresh tokens", async () => {
    const { tokens: got } = await signIn(config, offline);
    assert.equal((await introspect(got.refresh_token)).active, true);
  });
  await check("introspection of rubbish says only that it is not active", async () => {
    for (const rubbish of ["rubbish", "a.b.c", "x".repeat(4000)]) assert.deepEqual(await introspect(rubbish), { active: false });
  });
  await check("introspection asks who is asking", async () => {
    const stranger = await discover({ ...client, client_secret: "x".repeat(40) }, openid.ClientSecretBasic("x".repeat(40)));
    await refused(openid.tokenIntrospection(stranger, "rubbish"), "invalid_client");
  });

  await check("a revoked access token is dead, its refresh token is not", async () => {
    const { tokens: got } = await signIn(config, offline);
    await openid.tokenRevocation(config, got.access_token);
    assert.equal((await introspect(got.access_token)).active, false);
    await refused(userinfo(got.access_token), "invalid_token", "OAUTH_WWW_AUTHENTICATE_CHALLENGE");
    if (!standIn) await openid.refreshTokenGrant(config, got.refresh_token);
  });
  await check("a revoked refresh token takes its family along", async () => {
    const { tokens: got } = await signIn(config, offline);
    await openid.tokenRevocation(config, got.refresh_token, { token_type_hint: "refresh_token" });
    await refused(openid.refreshTokenGrant(config, got.refresh_token), "invalid_grant");
    assert.equal((await introspect(got.access_token)).active, false);
  });
  await check("revoking what is unknown succeeds", () => openid.tokenRevocation(config, "rubbish"));
  await check("revoking another client's token changes nothing", async () => {
    const { tokens: got } = await signIn(config, offline);
    const other = await register(webApp);
    const theirs = await discover(other, openid.ClientSecretBasic(other.client_secret));
    await openid.tokenRevocation(theirs, got.access_token).catch((error) => {
      // The stand-in says so; ours does not tell a stranger that the token exists.
      if (!standIn) throw error;
    });
    assert.equal((await introspect(got.access_token)).active, true);
  });

  await check("userinfo answers for the person who signed in", async () => {
    const { tokens: got } = await signIn(config, { scope: "openid email" });
    const info = await userinfo(got.access_token, got.claims().sub);
    assert.ok(info.email.startsWith(person.identifier), info.email);
  });
  await check("userinfo answers POST with what it answers GET", async () => {
    const { tokens: got } = await signIn(config, { scope: "openid email" });
    const authorization = `Bearer ${got.access_token}`;
    const posted = await fetch(config.serverMetadata().userinfo_endpoint, { method: "POST", headers: { authorization } });
    assert.equal(posted.status, 200);
    assert.deepEqual(await posted.json(), { ...(await userinfo(got.access_token, got.claims().sub)) });
  });
  await check("userinfo tells no more than the scopes allow", async () => {
    const { tokens: got } = await signIn(config, { scope: "openid" });
    assert.equal((await userinfo(got.access_token, got.claims().sub)).email, undefined);
  });
  await check("userinfo refuses rubbish with a challenge", async () => {
    const error = await refused(userinfo("rubbish"), "invalid_token", "OAUTH_WWW_AUTHENTICATE_CHALLENGE");
    assert.equal(error.status ?? error.response?.status, 401);
    assert.equal(error.cause[0].scheme, "bearer");
    assert.equal(error.cause[0].parameters.error, "invalid_token");
  });
  await check("userinfo refuses a token without openid", async () => {
    const job = await register(service);
    const own = await discover(job, openid.ClientSecretBasic(job.client_secret));
    const got = await openid.clientCredentialsGrant(own, { scope: "api:read" });
    const codes = standIn ? ["insufficient_scope", "invalid_token", "OAUTH_WWW_AUTHENTICATE_CHALLENGE"] : ["insufficient_scope"];
    const error = await refused(userinfo(got.access_token), ...codes);
    assert.ok((standIn ? [401, 403] : [403]).includes(error.status), String(error.status));
  });
}
