// RFC 6749 section 6 and RFC 9700 section 4.14: rotation, and what happens when a rotated token comes again.

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { check, refused } from "./checks.mjs";
import { signIn } from "./code.mjs";
import { discover, issuer, register, standIn, strictIssuer, webApp } from "./provider.mjs";

// The stand-in has no grace: it is strict at its only issuer.
const strictAt = standIn ? issuer : strictIssuer;

export default async function refresh() {
  const config = await appAt(issuer);
  const strict = await appAt(strictAt);
  const offline = { scope: "openid offline_access email api:read", prompt: "consent" };
  const isActive = async (at, token) => (await openid.tokenIntrospection(at, token)).active;

  await check("a refresh token is rotated and gives new tokens", async () => {
    const { tokens } = await signIn(config, offline);
    assert.ok(tokens.refresh_token);
    const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
    assert.ok(next.refresh_token && next.refresh_token !== tokens.refresh_token);
    assert.notEqual(next.access_token, tokens.access_token);
    assert.equal(next.claims().sub, tokens.claims().sub);
    assert.equal(await isActive(config, next.access_token), true);
  });
  await check("a rotated refresh token that comes again ends its whole family", async () => {
    const { tokens } = await signIn(strict, offline);
    const second = await openid.refreshTokenGrant(strict, tokens.refresh_token);
    await refused(openid.refreshTokenGrant(strict, tokens.refresh_token), "invalid_grant");
    await refused(openid.refreshTokenGrant(strict, second.refresh_token), "invalid_grant");
    assert.equal(await isActive(strict, second.access_token), false);
    assert.equal(await isActive(strict, tokens.access_token), false);
  });
  await check("a refresh may ask for less, and the next for all again", async () => {
    const { tokens } = await signIn(config, offline);
    const less = await openid.refreshTokenGrant(config, tokens.refresh_token, { scope: "openid api:read" });
    assert.deepEqual(less.scope.split(" ").sort(), ["api:read", "openid"]);
    const all = await openid.refreshTokenGrant(config, less.refresh_token);
    assert.ok(all.scope.includes("email"), all.scope);
  });
  await check("a refresh may not ask for more", async () => {
    const { tokens } = await signIn(config, { scope: "openid offline_access", prompt: "consent" });
    await refused(openid.refreshTokenGrant(config, tokens.refresh_token, { scope: "openid email" }), "invalid_scope");
  });
  await check("a refresh token of another client is refused", async () => {
    const { tokens } = await signIn(config, offline);
    await refused(openid.refreshTokenGrant(await appAt(issuer), tokens.refresh_token), "invalid_grant");
  });
  await check("a made-up refresh token is refused", async () => {
    await refused(openid.refreshTokenGrant(config, "ory_rt_".padEnd(60, "x")), "invalid_grant");
  });

  if (standIn) return;
  await check("refreshes at the same time agree on one successor", async () => {
    const { tokens } = await signIn(config, offline);
    const all = await Promise.all(Array.from({ length: 8 }, () => openid.refreshTokenGrant(config, tokens.refresh_token)));
    assert.equal(new Set(all.map((one) => one.refresh_token)).size, 1);
    const next = await openid.refreshTokenGrant(config, all[0].refresh_token);
    assert.equal(await isActive(config, next.access_token), true);
  });
  await check("of refreshes at the same time without grace, one at most is served", async () => {
    const { tokens } = await signIn(strict, offline);
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => openid.refreshTokenGrant(strict, tokens.refresh_token)));
    const served = all.filter(({ status }) => status === "fulfilled");
    assert.ok(served.length <= 1, `${served.length} were served`);
    for (const { reason } of all.filter(({ status }) => status === "rejected")) assert.equal(reason.error, "invalid_grant");
    for (const { value } of served) assert.equal(await isActive(strict, value.access_token), false);
  });
}

async function appAt(at) {
  const client = await register(webApp, at);
  return discover(client, openid.ClientSecretBasic(client.client_secret), at);
}
