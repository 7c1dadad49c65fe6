// What is asked for beyond scopes: resources (RFC 8707), details (RFC 9396), claims by name (OpenID Connect Core section 5.5).

import assert from "node:assert/strict";
import { decodeJwt } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { Browser, authorize } from "./browser.mjs";
import { check, refused } from "./checks.mjs";
import { begin, signIn } from "./code.mjs";
import { discover, issuer, person, redirectUri, register, service, standIn, webApp } from "./provider.mjs";

const MCP = "https://mcp.example";
const API = "https://api.example/v1";
const payment = { type: "payment", amount: 12.5, to: "Shop" };
const files = { type: "files", actions: ["read", "write"] };

export default async function requests() {
  // The stand-in would have to be set up for it.
  if (standIn) return;
  const may = { audience: [API], authorization_details_types: ["payment", "files"] };
  const app = await register({ ...webApp, ...may, scope: "openid offline_access email" });
  const config = await discover(app, openid.ClientSecretBasic(app.client_secret));
  const machine = await register({ ...service, ...may });
  const own = await discover(machine, openid.ClientSecretBasic(machine.client_secret));

  await check("a token is for the resource that was asked for, and for one of two when it is redeemed", async () => {
    const scope = "openid offline_access";
    const { address, expected } = await begin(config, { scope });
    for (const resource of [`${MCP}/`, API]) address.searchParams.append("resource", resource);
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    const tokens = await openid.authorizationCodeGrant(config, url, expected, { resource: API });
    assert.deepEqual(decodeJwt(tokens.access_token).aud, [API]);
    const other = await openid.refreshTokenGrant(config, tokens.refresh_token, { resource: MCP });
    assert.deepEqual(decodeJwt(other.access_token).aud, [MCP]);
    await refused(openid.refreshTokenGrant(config, other.refresh_token, { resource: "https://evil.example" }), "invalid_target");
    await refused(openid.clientCredentialsGrant(own, { resource: `${API}/` }), "invalid_target");
    const machines = await openid.clientCredentialsGrant(own, { resource: MCP });
    assert.deepEqual(decodeJwt(machines.access_token).aud, [MCP]);
  });
  await check("details are asked for, granted, told and narrowed", async () => {
    const authorization_details = JSON.stringify([payment, files]);
    const { tokens } = await signIn(config, { scope: "openid offline_access", authorization_details });
    assert.deepEqual(tokens.authorization_details, [payment, files]);
    assert.deepEqual(decodeJwt(tokens.access_token).authorization_details, [payment, files]);
    const told = await openid.tokenIntrospection(config, tokens.access_token);
    assert.deepEqual(told.authorization_details, [payment, files]);
    assert.equal(told.acr, "aal1");
    const few = [{ ...files, actions: ["read"] }];
    const less = await openid.refreshTokenGrant(config, tokens.refresh_token, { authorization_details: JSON.stringify(few) });
    assert.deepEqual(less.authorization_details, few);
    const more = JSON.stringify([{ ...payment, amount: 13 }]);
    const refresh = openid.refreshTokenGrant(config, less.refresh_token, { authorization_details: more });
    await refused(refresh, "invalid_authorization_details");
  });
  await check("details of no type, or that do not fit, are refused when they are pushed", async () => {
    for (const wrong of [{ type: "transfer" }, { ...payment, amount: "12" }, { ...payment, admin: true }]) {
      const { parameters } = await begin(config, { authorization_details: JSON.stringify([wrong]) });
      await refused(openid.buildAuthorizationUrlWithPAR(config, parameters), "invalid_authorization_details");
      const asked = openid.clientCredentialsGrant(own, { authorization_details: JSON.stringify([wrong]) });
      await refused(asked, "invalid_authorization_details");
    }
  });
  await check("claims come by name, in the ID token and at userinfo", async () => {
    const claims = JSON.stringify({ userinfo: { email: { essential: true }, salary: null }, id_token: { email_verified: null } });
    const { tokens } = await signIn(config, { scope: "openid", claims });
    assert.equal(tokens.scope, "openid");
    assert.equal(typeof tokens.claims().email_verified, "boolean");
    assert.equal(tokens.claims().email, undefined);
    const told = await openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
    assert.equal(told.email, person.identifier);
    assert.equal(told.email_verified, undefined);
  });
  await check("a second factor that nobody has is no sign-in", async () => {
    const { address } = await begin(config, { acr_values: "aal2" });
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    assert.equal(url.searchParams.get("error"), "unmet_authentication_requirements");
  });
  await check("oauth4webapi: pushed details and two resources", async () => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const at = new URL(issuer);
    const as = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, insecure));
    const client = { ...app, id_token_signed_response_alg: "ES256" };
    const authentication = oauth.ClientSecretBasic(app.client_secret);
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const parameters = new URLSearchParams({
      redirect_uri: redirectUri, response_type: "code", scope: "openid", state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
      authorization_details: JSON.stringify([payment]),
    });
    for (const resource of [MCP, API]) parameters.append("resource", resource);
    const sent = await oauth.pushedAuthorizationRequest(as, client, authentication, parameters, insecure);
    const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, sent);
    const address = new URL(as.authorization_endpoint);
    address.search = new URLSearchParams({ client_id: client.client_id, request_uri });
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    const params = oauth.validateAuthResponse(as, client, url, state);
    const redeemed = await oauth.authorizationCodeGrantRequest(as, client, authentication, params, redirectUri, verifier, insecure);
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, redeemed);
    assert.deepEqual(tokens.authorization_details, [payment]);
    assert.deepEqual(decodeJwt(tokens.access_token).aud, [MCP, API]);
  });
}
