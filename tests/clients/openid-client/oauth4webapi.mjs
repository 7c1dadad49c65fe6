// The provider as `oauth4webapi` sees it, which checks what `openid-client` leaves to it and takes each step by itself: a
// request that is signed, pushed and bound to a key, an answer that is signed, and devices.

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { Browser, authorize } from "./browser.mjs";
import { check } from "./checks.mjs";
import { answer as answerDevice, television } from "./device.mjs";
import { clientKeys, issuer, person, redirectUri, register, standIn, webApp } from "./provider.mjs";

const insecure = { [oauth.allowInsecureRequests]: true };

export default async function oauth4webapi() {
  // The stand-in would have to be set up for it.
  if (standIn) return;
  const at = new URL(issuer);
  const as = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, insecure));

  await check("oauth4webapi: signed, pushed, bound to a key, answered by a token, for an app with private_key_jwt", async () => {
    const keys = await clientKeys();
    const client = await register({
      ...webApp,
      skip_consent: true,
      jwks: keys.jwks,
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      request_object_signing_alg: "ES256",
      authorization_signed_response_alg: "ES256",
      require_signed_request_object: true,
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
    });
    client.id_token_signed_response_alg = "ES256";
    // The document says `none` where the library has an app say nothing: both mean plain JSON.
    delete client.userinfo_signed_response_alg;
    const own = { key: keys.key, kid: keys.kid };
    const authentication = oauth.PrivateKeyJwt(own);
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair("ES256"));
    const verifier = oauth.generateRandomCodeVerifier();
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
    const parameters = new URLSearchParams({
      redirect_uri: redirectUri,
      response_type: "code",
      response_mode: "jwt",
      scope: "openid email offline_access",
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      nonce,
    });
    const request = await oauth.issueRequestObject(as, client, parameters, own);
    const sent = await oauth.pushedAuthorizationRequest(as, client, authentication, new URLSearchParams({ request }), { DPoP, ...insecure });
    const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, sent);

    const address = new URL(as.authorization_endpoint);
    address.search = new URLSearchParams({ client_id: client.client_id, request_uri });
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    const params = await oauth.validateJwtAuthResponse(as, client, url, state, insecure);

    const redeemed = await oauth.authorizationCodeGrantRequest(as, client, authentication, params, redirectUri, verifier, { DPoP, ...insecure });
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, redeemed, { expectedNonce: nonce, requireIdToken: true });
    assert.equal(tokens.token_type, "dpop");
    await oauth.validateApplicationLevelSignature(as, redeemed, insecure);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);
    const said = await oauth.userInfoRequest(as, client, tokens.access_token, { DPoP, ...insecure });
    assert.equal((await oauth.processUserInfoResponse(as, client, sub, said)).email, person.identifier);
    const refreshed = await oauth.refreshTokenGrantRequest(as, client, authentication, tokens.refresh_token, { DPoP, ...insecure });
    assert.equal((await oauth.processRefreshTokenResponse(as, client, refreshed)).token_type, "dpop");
  });

  await check("oauth4webapi: a code beside an ID token is checked against it", async () => {
    const client = await register({
      ...webApp, skip_consent: true, response_types: ["code id_token"], grant_types: ["authorization_code", "implicit"],
    });
    client.id_token_signed_response_alg = "ES256";
    const verifier = oauth.generateRandomCodeVerifier();
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
    const address = new URL(as.authorization_endpoint);
    address.search = new URLSearchParams({
      client_id: client.client_id, redirect_uri: redirectUri, response_type: "code id_token", scope: "openid", state, nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
    });
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    const params = await oauth.validateCodeIdTokenResponse(as, client, url, nonce, state, undefined, insecure);
    const authentication = oauth.ClientSecretBasic(client.client_secret);
    const redeemed = await oauth.authorizationCodeGrantRequest(as, client, authentication, params, redirectUri, verifier, insecure);
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, redeemed, { expectedNonce: nonce, requireIdToken: true });
    assert.ok(oauth.getValidatedIdTokenClaims(tokens).sub);
  });

  await check("oauth4webapi: a device gets tokens of whoever enters its code", async () => {
    const client = await register({ ...television, token_endpoint_auth_method: "none" });
    client.id_token_signed_response_alg = "ES256";
    const scope = new URLSearchParams({ scope: "openid email" });
    const asked = await oauth.deviceAuthorizationRequest(as, client, oauth.None(), scope, insecure);
    const begun = await oauth.processDeviceAuthorizationResponse(as, client, asked);
    await answerDevice(begun, "allow");
    const polled = await oauth.deviceCodeGrantRequest(as, client, oauth.None(), begun.device_code, insecure);
    const tokens = await oauth.processDeviceCodeResponse(as, client, polled);
    assert.ok(oauth.getValidatedIdTokenClaims(tokens).sub);
  });
}
