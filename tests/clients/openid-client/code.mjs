// The authorization code flow, from the request to the claims, and each of its steps when it is wrong.

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { Browser, authorize } from "./browser.mjs";
import { redirectUri, person } from "./provider.mjs";

/** An authorization request with everything that a careful client sends. */
export async function begin(config, more = {}) {
  const verifier = openid.randomPKCECodeVerifier();
  const parameters = {
    redirect_uri: redirectUri,
    scope: "openid email",
    state: openid.randomState(),
    nonce: openid.randomNonce(),
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...more,
  };
  for (const name of Object.keys(parameters)) if (parameters[name] === undefined) delete parameters[name];
  const expected = {
    pkceCodeVerifier: verifier,
    expectedState: parameters.state,
    expectedNonce: parameters.nonce,
    idTokenExpected: true,
  };
  return { address: openid.buildAuthorizationUrl(config, parameters), expected, parameters };
}

/** Signs in and returns the tokens, as an app gets them. */
export async function signIn(config, more = {}, browser = new Browser()) {
  const { address, expected } = await begin(config, more);
  const { url, seen } = await authorize(browser, address, redirectUri, person);
  const tokens = await openid.authorizationCodeGrant(config, url, expected);
  return { tokens, url, expected, browser, seen };
}

/** Signs in, up to the redirect that carries the code. */
export async function obtainCode(config, more = {}, browser = new Browser()) {
  const { address, expected, parameters } = await begin(config, more);
  const { url, seen } = await authorize(browser, address, redirectUri, person);
  assert.ok(url.searchParams.get("code"), `no code in ${url}`);
  return { url, expected, parameters, browser, seen };
}
