// FAPI 2.0, by the switch of a client: what a careful library does is enough, and less is refused.

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { Browser, authorize } from "./browser.mjs";
import { byAuthority, certificate, discover, signIn } from "./certificates.mjs";
import { check, refused } from "./checks.mjs";
import { begin } from "./code.mjs";
import { clientKeys, person, redirectUri, register, standIn, webApp } from "./provider.mjs";

export default async function fapi() {
  // The stand-in asks for no certificates.
  if (standIn) return;
  const app = { ...webApp, security_profile: "fapi2-security" };
  const own = await certificate("app");
  await check("FAPI 2.0: a request is pushed, and a token is bound to the certificate", async () => {
    const config = await discover(await register({ ...app, ...byAuthority }), openid.TlsClientAuth(), own);
    const tokens = await signIn(config);
    await openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
    const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
    assert.equal(next.refresh_token, undefined, "it is not rotated");
    await openid.refreshTokenGrant(config, tokens.refresh_token);
  });
  await check("FAPI 2.0: by private_key_jwt and DPoP", async () => {
    const keys = await clientKeys("ES256");
    const client = await register({ ...app, token_endpoint_auth_method: "private_key_jwt", dpop_bound_access_tokens: true, jwks: keys.jwks });
    const config = await discover(client, openid.PrivateKeyJwt({ key: keys.key, kid: keys.kid }), {});
    const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair("ES256"));
    const { expected, parameters } = await begin(config);
    const at = await openid.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
    const { url } = await authorize(new Browser(), at, redirectUri, person);
    const tokens = await openid.authorizationCodeGrant(config, url, expected, undefined, { DPoP });
    assert.equal(tokens.token_type, "dpop");
    await openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP });
  });
  await check("FAPI 2.0: a request that was not pushed is refused", async () => {
    const config = await discover(await register({ ...app, ...byAuthority }), openid.TlsClientAuth(), own);
    const { address, expected } = await begin(config);
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    await refused(openid.authorizationCodeGrant(config, url, expected), "invalid_request", "OAUTH_AUTHORIZATION_RESPONSE_ERROR");
  });
}
