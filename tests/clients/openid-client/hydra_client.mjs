// `@ory/hydra-client`, as its users have it for Hydra: what operators and applications do with it beside the challenges, which
// `own_apps.mjs` answers with it.

import assert from "node:assert/strict";
import { Configuration, JwkApi, MetadataApi, OAuth2Api, OidcApi, WellknownApi } from "@ory/hydra-client";
import { exportJWK, generateKeyPair } from "jose";
import { check } from "./checks.mjs";
import { signIn } from "./code.mjs";
import { admin, discover, issuer, key, redirectUri, standIn, webApp } from "./provider.mjs";
import * as openid from "openid-client";

export default async function hydraClient() {
  // The stand-in has another API for operators.
  if (standIn) return;
  const operators = operated(OAuth2Api);
  const names = { client_name: "Of the client library", redirect_uris: [redirectUri] };

  await check("hydra-client: a client is made, found, changed and removed", async () => {
    const { status, data: made } = await operators.createOAuth2Client({ oAuth2Client: { ...names, owner: "ops" } });
    assert.equal(status, 201);
    const id = made.client_id;
    const { data: listed } = await operators.listOAuth2Clients({ clientName: names.client_name, pageSize: 10 });
    assert.deepEqual(listed.map((one) => one.client_id), [id]);
    const jsonPatch = [{ op: "replace", path: "/owner", value: "others" }];
    assert.equal((await operators.patchOAuth2Client({ id, jsonPatch })).data.owner, "others");
    const oAuth2ClientTokenLifespans = { client_credentials_grant_access_token_lifespan: "2h" };
    const { data: lasting } = await operators.setOAuth2ClientLifespans({ id, oAuth2ClientTokenLifespans });
    assert.equal(lasting.client_credentials_grant_access_token_lifespan, "2h0m0s");
    const replaced = { ...names, client_name: "Of another name", scope: "openid" };
    const { data: set } = await operators.setOAuth2Client({ id, oAuth2Client: replaced });
    assert.deepEqual([set.client_id, set.client_name, set.owner ?? ""], [id, "Of another name", ""]);
    assert.equal((await operators.getOAuth2Client({ id })).data.scope, "openid");
    assert.equal((await operators.deleteOAuth2Client({ id })).status, 204);
    assert.equal(await statusOf(operators.getOAuth2Client({ id })), 404);
  });

  await check("hydra-client: a token is looked up, and ends with those of its client", async () => {
    const client = await make({ grant_types: ["client_credentials"], scope: "read" });
    const config = await discover(client, openid.ClientSecretBasic(client.client_secret));
    const { access_token: token } = await openid.clientCredentialsGrant(config, { scope: "read" });
    const looked = async (more = {}) => (await operators.introspectOAuth2Token({ token, ...more })).data;
    const told = await looked();
    assert.deepEqual([told.active, told.client_id, told.scope, told.token_use], [true, client.client_id, "read", "access_token"]);
    assert.equal((await looked({ scope: "write" })).active, false);
    assert.equal((await operators.deleteOAuth2Token({ clientId: client.client_id })).status, 204);
    assert.deepEqual(await looked(), { active: false });
    await operators.deleteOAuth2Client({ id: client.client_id });
  });

  await check("hydra-client: what somebody allowed is listed and taken back, and their sign-in ended", async () => {
    const client = await make({ ...webApp, ...names, skip_consent: false });
    const config = await discover(client, openid.ClientSecretBasic(client.client_secret));
    const { tokens } = await signIn(config, { scope: "openid email" });
    const subject = tokens.claims().sub;
    const listed = async () => {
      const { data } = await operators.listOAuth2ConsentSessions({ subject, pageSize: 250 });
      return data.filter((one) => one.consent_request.client.client_id === client.client_id);
    };
    const [session] = await listed();
    assert.deepEqual(session.grant_scope, ["openid", "email"]);
    const { data: person } = await new OidcApi(of(issuer, tokens.access_token)).getOidcUserInfo();
    assert.equal(person.sub, subject);
    const taken = await operators.revokeOAuth2ConsentSessions({ subject, client: client.client_id });
    assert.equal(taken.status, 204);
    assert.deepEqual(await listed(), []);
    assert.equal((await operators.introspectOAuth2Token({ token: tokens.access_token })).data.active, false);
    assert.equal((await operators.revokeOAuth2LoginSessions({ subject })).status, 204);
    await operators.deleteOAuth2Client({ id: client.client_id });
  });

  await check("hydra-client: an issuer of assertions is trusted, found and not trusted any more", async () => {
    const { publicKey } = await generateKeyPair("ES256");
    const jwk = { ...(await exportJWK(publicKey)), kid: "k", alg: "ES256", use: "sig" };
    const trust = { issuer: "https://npm.example", subject: "mike", scope: ["read"], jwk, expires_at: "2099-01-01T00:00:00Z" };
    const { status, data: made } = await operators.trustOAuth2JwtGrantIssuer({ trustOAuth2JwtGrantIssuer: trust });
    assert.deepEqual([status, made.public_key.kid], [201, "k"]);
    const { id } = made;
    assert.equal((await operators.getTrustedOAuth2JwtGrantIssuer({ id })).data.issuer, trust.issuer);
    const { data: listed } = await operators.listTrustedOAuth2JwtGrantIssuers({ issuer: trust.issuer });
    assert.deepEqual(listed.map((one) => one.id), [id]);
    assert.equal((await operators.deleteTrustedOAuth2JwtGrantIssuer({ id })).status, 204);
    assert.equal(await statusOf(operators.getTrustedOAuth2JwtGrantIssuer({ id })), 404);
  });

  await check("hydra-client: keys are made, replaced and removed", async () => {
    const keys = operated(JwkApi);
    const set = "npm";
    const createJsonWebKeySet = { alg: "ES256", kid: "first", use: "sig" };
    const { status, data: made } = await keys.createJsonWebKeySet({ set, createJsonWebKeySet });
    assert.deepEqual([status, made.keys[0].alg], [201, "ES256"]);
    const { kid } = made.keys[0];
    assert.equal((await keys.getJsonWebKey({ set, kid })).data.keys.length, 1);
    const jsonWebKey = made.keys[0];
    assert.equal((await keys.setJsonWebKey({ set, kid, jsonWebKey })).data.kid, kid);
    const jsonWebKeySet = { keys: [{ ...jsonWebKey, kid: "second" }] };
    assert.deepEqual((await keys.setJsonWebKeySet({ set, jsonWebKeySet })).data.keys.map((one) => one.kid), ["second"]);
    assert.equal((await keys.deleteJsonWebKey({ set, kid: "second" })).status, 204);
    assert.equal((await keys.deleteJsonWebKeySet({ set })).status, 204);
    assert.equal(await statusOf(keys.getJsonWebKeySet({ set })), 404);
  });

  await check("hydra-client: a client registers itself, and looks after itself", async () => {
    const { status, data: made } = await new OidcApi(of(issuer)).createOidcDynamicClient({ oAuth2Client: names });
    assert.equal(status, 201);
    const id = made.client_id;
    let own = new OidcApi(of(issuer, made.registration_access_token));
    assert.equal((await own.getOidcDynamicClient({ id })).data.client_name, names.client_name);
    const { data: set } = await own.setOidcDynamicClient({ id, oAuth2Client: { ...names, client_name: "Renamed" } });
    assert.equal(set.client_name, "Renamed");
    own = new OidcApi(of(issuer, set.registration_access_token ?? made.registration_access_token));
    assert.equal((await own.deleteOidcDynamicClient({ id })).status, 204);
    assert.equal(await statusOf(own.getOidcDynamicClient({ id })), 401);
  });

  await check("hydra-client: the provider describes itself, and says that it is well", async () => {
    const { data: described } = await new OidcApi(of(issuer)).discoverOidcConfiguration();
    assert.equal(described.issuer, issuer);
    const { data: published } = await new WellknownApi(of(issuer)).discoverJsonWebKeys();
    assert.ok(published.keys.length > 0 && published.keys.every((one) => one.d === undefined));
    const metadata = new MetadataApi(of(admin));
    for (const answer of [await metadata.isAlive(), await metadata.isReady()]) assert.equal(answer.data.status, "ok");
    assert.match((await metadata.getVersion()).data.version, /^\d/);
  });

  async function make(document) {
    return (await operators.createOAuth2Client({ oAuth2Client: document })).data;
  }
}

/** How one of its classes is told where it asks, and with which token. Most of them send none by themselves. */
function of(basePath, token) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  return new Configuration({ basePath, accessToken: token, baseOptions: { headers } });
}

const operated = (Api) => new Api(of(admin, key));

async function statusOf(asked) {
  return asked.then(
    ({ status }) => status,
    (error) => error.response?.status ?? Promise.reject(error),
  );
}
