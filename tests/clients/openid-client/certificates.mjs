// Apps that come with certificates, as `openid-client` has them come: by the options of `undici`.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as openid from "openid-client";
import { Agent, fetch as undiciFetch } from "undici";
import { Browser, authorize } from "./browser.mjs";
import { begin } from "./code.mjs";
import { certificates, issuer, person, redirectUri } from "./provider.mjs";

const read = (name) => readFile(join(certificates, name), "utf8");

/** A certificate and its key. */
export const certificate = async (name) => ({ cert: await read(`${name}.pem`), key: await read(`${name}.key`) });

/** A client that the tenant's authority vouches for, and whose tokens are bound. */
export const byAuthority = {
  token_endpoint_auth_method: "tls_client_auth",
  tls_client_auth_subject_dn: "CN=app,O=Example",
  tls_client_certificate_bound_access_tokens: true,
};

/** Discovers the provider, and goes on where certificates are asked for, with this one or none. */
export async function discover(client, authentication, pair) {
  const metadata = { use_mtls_endpoint_aliases: true, client_secret: client.client_secret, id_token_signed_response_alg: "ES256" };
  const dispatcher = new Agent({ connect: { ca: await read("ca.pem"), ...pair } });
  return openid.discovery(new URL(issuer), client.client_id, metadata, authentication, {
    execute: [openid.allowInsecureRequests],
    [openid.customFetch]: (url, options) => undiciFetch(url, { ...options, dispatcher }),
  });
}

/** Signs in, by a request that is pushed or not. */
export async function signIn(config, pushed = true) {
  const { address, expected, parameters } = await begin(config, { scope: "openid offline_access email", prompt: "consent" });
  const at = pushed ? await openid.buildAuthorizationUrlWithPAR(config, parameters) : address;
  const { url } = await authorize(new Browser(), at, redirectUri, person);
  return openid.authorizationCodeGrant(config, url, expected);
}
