// RFC 7591: a client that registers itself.

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { check, refused } from "./checks.mjs";
import { signIn } from "./code.mjs";
import { issuer, redirectUri, standIn } from "./provider.mjs";

export default async function registration() {
  // The stand-in asks for a token of its own.
  if (standIn) return;
  const register = (metadata) =>
    openid.dynamicClientRegistration(
      new URL(issuer),
      { client_name: "Newcomer", redirect_uris: [redirectUri], id_token_signed_response_alg: "ES256", ...metadata },
      undefined,
      { execute: [openid.allowInsecureRequests] },
    );

  await check("a client registers itself and signs people in, who are asked", async () => {
    const config = await register({ token_endpoint_auth_method: "client_secret_post" });
    const { tokens, seen } = await signIn(config);
    assert.ok(tokens.claims().sub);
    assert.ok(seen.includes("consent"), "nobody registers as first-party");
  });
  await check("a client does not register what only operators give", async () => {
    await refused(register({ skip_consent: true }), "invalid_client_metadata");
    await refused(register({ grant_types: ["client_credentials"] }), "invalid_client_metadata");
    await refused(register({ redirect_uris: ["http://app.example/cb"] }), "invalid_redirect_uri");
  });
}
