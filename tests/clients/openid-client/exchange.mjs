// Token exchange (RFC 8693), and the end of everything of a person (draft-parecki-oauth-global-token-revocation).

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { check, refused } from "./checks.mjs";
import { signIn } from "./code.mjs";
import { discover, issuer, register, service, standIn, webApp } from "./provider.mjs";

const GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS = "urn:ietf:params:oauth:token-type:access_token";
const AGENT = "https://agent.example";
const TOOL = "https://tool.example";

export default async function exchange() {
  // The stand-in has neither.
  if (standIn) return;
  const app = await register({ ...webApp, audience: [AGENT] });
  const config = await discover(app, openid.ClientSecretBasic(app.client_secret));
  const agentOf = async (more) => {
    const document = { ...service, grant_types: [GRANT], scope: "openid email", audience: [AGENT], ...more };
    const agent = await register({ ...document, token_endpoint_auth_method: "client_secret_post" });
    return discover(agent, openid.ClientSecretPost(agent.client_secret));
  };
  const rules = { identifiers: [AGENT], targets: [TOOL] };
  const agent = await agentOf({ token_exchange: rules });
  const ask = (as, token, more = {}) =>
    openid.genericGrantRequest(as, GRANT, { subject_token: token, subject_token_type: ACCESS, ...more });
  const person = async () => (await signIn(config, { scope: "openid email", audience: AGENT })).tokens;

  await check("an agent gets a token for its tool that says who acts", async () => {
    const tokens = await person();
    const given = await ask(agent, tokens.access_token, { audience: TOOL, scope: "email" });
    assert.equal(given.issued_token_type, ACCESS);
    assert.equal(given.scope, "email");
    const said = await openid.tokenIntrospection(agent, given.access_token);
    assert.equal(said.sub, tokens.claims().sub);
    assert.equal(said.act.sub, agent.clientMetadata().client_id);
    assert.deepEqual(said.aud, [TOOL]);
  });
  await check("a token is exchanged for less, and by whom it was for", async () => {
    const { access_token: token } = await person();
    await refused(ask(agent, token, { audience: "https://elsewhere.example" }), "invalid_target");
    await refused(ask(agent, token, { audience: TOOL, scope: "api:read" }), "invalid_scope");
    const stranger = await agentOf({ token_exchange: { identifiers: ["https://stranger.example"], targets: [TOOL] } });
    await refused(ask(stranger, token, { audience: TOOL }), "invalid_request");
    await refused(ask(config, token), "unauthorized_client");
  });
  await check("an exchanged token dies with the grant that it comes of", async () => {
    const tokens = (await signIn(config, { scope: "openid offline_access", audience: AGENT, prompt: "consent" })).tokens;
    const given = await ask(agent, tokens.access_token, { audience: TOOL });
    await openid.tokenRevocation(config, tokens.refresh_token);
    assert.deepEqual(await openid.tokenIntrospection(agent, given.access_token), { active: false });
  });
  await check("everything of a person ends by the word of who is trusted with it", async () => {
    const tokens = await person();
    const watcher = await register({ ...service, scope: "global_token_revocation" });
    const watching = await discover(watcher, openid.ClientSecretBasic(watcher.client_secret));
    const own = await openid.clientCredentialsGrant(watching, { scope: "global_token_revocation" });
    const endpoint = config.serverMetadata().global_token_revocation_endpoint;
    const revoke = (token) =>
      fetch(endpoint, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ sub_id: { format: "iss_sub", iss: issuer, sub: tokens.claims().sub } }),
      });
    assert.equal((await revoke(tokens.access_token)).status, 403);
    assert.equal((await openid.tokenIntrospection(config, tokens.access_token)).active, true);
    assert.equal((await revoke(own.access_token)).status, 204);
    assert.equal((await openid.tokenIntrospection(config, tokens.access_token)).active, false);
  });
}
