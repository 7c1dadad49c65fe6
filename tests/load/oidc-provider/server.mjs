// Runs `oidc-provider` on loopback, in one process with its data in memory: the provider that ours is measured
// against (`cargo xtask bench http`), and the stand-in that proves the checks of tests/clients right
// (`cargo xtask clients --stand-in`).
//
//   node server.mjs --port 4470 [--registration-token TOKEN]
//
// The bench clients exist from the start: two that get tokens for themselves, two apps into which somebody signs in by the
// built-in forms (`devInteractions`), whose session remembers what was granted. With a registration token, others can be made at /reg (RFC 7591).
// It prints one line when it is ready, and ends on SIGTERM.

import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";

const { values: options } = parseArgs({
  options: { port: { type: "string" }, "registration-token": { type: "string" } },
});
if (!options.port) {
  console.error("give --port");
  process.exit(2);
}
const issuer = `http://127.0.0.1:${options.port}`;

// The format of an access token hangs on the resource it is for: both kinds can be asked of one server.
const resources = { "urn:bench:jwt": "jwt", "urn:bench:opaque": "opaque" };

const { privateKey } = await generateKeyPair("ES256", { extractable: true });
const signingKey = { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig", kid: "bench" };

const benchClient = (client_id) => ({
  client_id,
  client_secret: `${client_id}-secret-of-more-than-32-characters`,
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: "client_secret_basic",
});

const benchApp = (client_id) => ({
  ...benchClient(client_id),
  grant_types: ["authorization_code", "refresh_token"],
  redirect_uris: ["https://app.example/callback"],
  response_types: ["code"],
});

// One app's sign-ins end with a refresh token that outlives the session, the other's do not: as if the first asked for
// `offline_access`, with which everybody would be asked again at each sign-in.
const isOffline = (client, source) =>
  client.clientId === "bench-refresh" || source.scopes.has("offline_access");

const provider = new Provider(issuer, {
  clients: [
    benchClient("bench-jwt"),
    benchClient("bench-opaque"),
    benchApp("bench-flow"),
    benchApp("bench-refresh"),
  ],
  jwks: { keys: [signingKey] },
  cookies: { keys: ["only for tests on loopback"] },
  scopes: ["openid", "offline_access", "profile", "email", "api:read", "api:write"],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  enabledJWA: { idTokenSigningAlgValues: ["ES256"] },
  clientDefaults: { id_token_signed_response_alg: "ES256" },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: `${sub}@example.com`, email_verified: true, name: sub }),
  }),
  rotateRefreshToken: true,
  issueRefreshToken: (_, client, source) =>
    client.grantTypeAllowed("refresh_token") && isOffline(client, source),
  expiresWithSession: (ctx, source) => !isOffline(ctx.oidc.client, source),
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    registration: options["registration-token"]
      ? { enabled: true, initialAccessToken: options["registration-token"] }
      : { enabled: false },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => ({
        scope: "api:read api:write",
        audience: resource,
        accessTokenTTL: 3600,
        accessTokenFormat: resources[resource] ?? "opaque",
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
});

const server = createServer(provider.callback());
server.listen(Number(options.port), "127.0.0.1", () => console.log(`ready ${issuer}`));
process.on("SIGTERM", () => process.exit(0));
