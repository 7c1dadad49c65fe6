// What programs find out before they have a token: the API's description, and what the listeners serve.

import assert from "node:assert/strict";
import { check } from "../openid-client/checks.mjs";
import { admin, issuer, server } from "./options.mjs";

const json = async (address, status = 200) => {
  const response = await fetch(address);
  assert.equal(response.status, status, address);
  return status === 200 ? response.json() : undefined;
};

export default async function descriptions() {
  await check("without a token the server says where tokens come from, and the provider describes it", async () => {
    const refused = await fetch(server, { method: "POST", body: "{}", headers: { "content-type": "application/json" } });
    assert.equal(refused.status, 401);
    const [, place] = refused.headers.get("www-authenticate").match(/^Bearer resource_metadata="([^"]+)", scope="notes:read"$/);
    const described = await json(place);
    assert.equal(described.resource, server);
    assert.deepEqual(described.authorization_servers, [issuer]);
    assert.deepEqual(described.scopes_supported, ["notes:read", "notes:write"]);
    const name = server.replace("http://", "");
    assert.deepEqual(await json(`${issuer}/.well-known/oauth-protected-resource/${name}`), described);
    await json(`${issuer}/.well-known/oauth-protected-resource/evil.example/mcp`, 404);
    assert.equal((await json(`${issuer}/.well-known/oauth-protected-resource`)).resource, issuer);
  });

  await check("discovery names the APIs, and that clients may describe themselves", async () => {
    const discovery = await json(`${issuer}/.well-known/oauth-authorization-server`);
    assert.deepEqual(discovery.protected_resources, [server, issuer]);
    assert.equal(discovery.client_id_metadata_document_supported, true);
    assert.equal(discovery.authorization_response_iss_parameter_supported, true);
    // Clients refuse to go on where it is not there, whichever of the two they find.
    assert.deepEqual(discovery.code_challenge_methods_supported, ["S256"]);
    assert.equal(discovery.issuer, issuer);
    assert.deepEqual(await json(`${issuer}/.well-known/openid-configuration`), discovery);
  });

  await check("each listener says what it serves itself, to programs and to people", async () => {
    const document = await json(`${admin}/openapi.json`);
    assert.equal(document.openapi, "3.1.0");
    assert.ok(document.paths["/admin/clients"].get.parameters.some(({ name }) => name === "page_token"));
    assert.equal(document.paths["/oauth2/token"], undefined);
    const ofApps = await json(`${issuer}/openapi.json`);
    assert.equal(ofApps.paths["/admin/clients"], undefined);
    assert.deepEqual(ofApps.paths["/userinfo"].get.security, [{ accessToken: [] }, { dpopToken: [] }]);
    for (const [listener, path] of [[admin, "/admin/clients"], [issuer, "/oauth2/token"]]) {
      const page = await fetch(`${listener}/openapi`);
      assert.equal(page.status, 200);
      assert.match(page.headers.get("content-security-policy"), /^default-src 'none'; style-src 'self'/);
      const html = await page.text();
      assert.ok(html.includes(path) && !html.includes("<script"), html.slice(0, 500));
      // What it loads is there.
      for (const [, style] of html.matchAll(/rel="stylesheet" href="([^"]+)"/g)) {
        assert.ok(style.startsWith("/"), style);
        assert.equal((await fetch(`${listener}${style}`)).status, 200, style);
      }
    }
  });
}
