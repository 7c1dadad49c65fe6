// Where the provider is, and the clients that are made there for these checks.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { exportJWK, generateKeyPair } from "jose";
import * as openid from "openid-client";

const { values: options } = parseArgs({
  options: {
    issuer: { type: "string" },
    strict: { type: "string" },
    registration: { type: "string" },
    "strict-registration": { type: "string" },
    "key-file": { type: "string" },
    identifier: { type: "string" },
    "password-file": { type: "string" },
    apps: { type: "string" },
    "apps-admin": { type: "string" },
    "apps-port": { type: "string" },
    certificates: { type: "string" },
    "stand-in": { type: "boolean", default: false },
  },
});
// What checks of ours need: without it they would be left out, and nobody would notice.
for (const name of ["strict", "strict-registration", "apps", "apps-admin", "apps-port", "certificates"]) {
  assert.ok(options["stand-in"] || options[name], `--${name} is missing`);
}
export const key = (await readFile(options["key-file"], "utf8")).trim();

export const issuer = options.issuer;
/** Its API for operators. */
export const admin = options.registration.replace(/\/admin\/clients$/, "");
/** An issuer whose refresh tokens have no grace, below a path where the provider has tenants. */
export const strictIssuer = options.strict;
/** A tenant whose login and consent apps are at a port of this machine, and its admin API. */
export const apps = { issuer: options.apps, admin: options["apps-admin"], port: Number(options["apps-port"]), key };
/** Where certificates of clients are, and who signed them. */
export const certificates = options.certificates;
/** Whether the provider is `oidc-provider`, which has no path issuer and another idea of a few details. */
export const standIn = options["stand-in"];
export const person = {
  identifier: options.identifier,
  password: (await readFile(options["password-file"], "utf8")).trim(),
};
export const redirectUri = "http://127.0.0.1:4999/callback";
export const loggedOutUri = "http://127.0.0.1:4999/logged-out";

/** Makes a client at the provider and returns its document, with its secret. */
export async function register(document, at = issuer) {
  const registrations = new Map([
    [issuer, options.registration],
    [strictIssuer, options["strict-registration"]],
    [apps.issuer, `${apps.admin}/admin/clients`],
  ]);
  const response = await fetch(registrations.get(at), {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(document),
  });
  const client = await response.json();
  assert.equal(response.status, 201, JSON.stringify(client));
  return client;
}

/** Calls another operation of operators and returns its answer. */
export async function administer(method, path, document) {
  const response = await fetch(options.registration.replace(/\/clients$/, path), {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: document && JSON.stringify(document),
  });
  const text = await response.text();
  assert.ok(response.ok, text);
  return text ? JSON.parse(text) : undefined;
}

export const webApp = {
  client_name: "Reports",
  redirect_uris: [redirectUri],
  post_logout_redirect_uris: [loggedOutUri],
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  scope: "openid offline_access email api:read",
  token_endpoint_auth_method: "client_secret_basic",
};

export const service = {
  client_name: "Nightly job",
  redirect_uris: [],
  grant_types: ["client_credentials"],
  response_types: [],
  scope: "api:read api:write",
  token_endpoint_auth_method: "client_secret_basic",
};

/** Discovers the provider as this client. */
export function discover(client, authentication, at = issuer) {
  return openid.discovery(
    new URL(at),
    client.client_id,
    { client_secret: client.client_secret, id_token_signed_response_alg: "ES256" },
    authentication,
    { execute: [openid.allowInsecureRequests] },
  );
}

/** A key pair of a client: the private key, and the JWK Set that it registers. */
export async function clientKeys(algorithm = "ES256") {
  const pair = await generateKeyPair(algorithm, { extractable: true });
  const kid = crypto.randomUUID();
  const jwk = { ...(await exportJWK(pair.publicKey)), kid, alg: algorithm, use: "sig" };
  return { key: pair.privateKey, kid, jwks: { keys: [jwk] } };
}
