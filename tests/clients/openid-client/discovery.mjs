// OpenID Connect Discovery 1.0 and RFC 8414.

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { check } from "./checks.mjs";
import { issuer, standIn, strictIssuer } from "./provider.mjs";

const insecure = { execute: [openid.allowInsecureRequests] };

export default async function discovery() {
  const issuers = standIn ? [issuer] : [issuer, strictIssuer];
  for (const at of issuers) {
    await check(`discovery of ${new URL(at).pathname} names what is served`, async () => {
      const config = await openid.discovery(new URL(at), "nobody", undefined, openid.None(), insecure);
      const server = config.serverMetadata();
      assert.equal(server.issuer, at);
      assert.ok(server.supportsPKCE("S256"));
      assert.equal(server.authorization_response_iss_parameter_supported, true);
      const named = ["authorization", "token", "userinfo", "introspection", "revocation", "end_session"];
      for (const name of named) assert.ok(server[`${name}_endpoint`]?.startsWith(new URL(at).origin), name);
      const methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
      for (const method of methods) assert.ok(server.token_endpoint_auth_methods_supported.includes(method), method);
      assert.ok(server.id_token_signing_alg_values_supported.includes("ES256"));
      const keys = await (await fetch(server.jwks_uri)).json();
      assert.ok(keys.keys.length > 0);
      for (const key of keys.keys) assert.ok(key.kid && !("d" in key) && !("k" in key), "a public key with its id");
    });
    if (standIn) continue;
    await check(`discovery of ${new URL(at).pathname} in the form of RFC 8414`, async () => {
      const config = await openid.discovery(new URL(at), "nobody", undefined, openid.None(), {
        ...insecure,
        algorithm: "oauth2",
      });
      assert.equal(config.serverMetadata().issuer, at);
    });
  }
}
