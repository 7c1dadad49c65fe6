// Clients that come with certificates (RFC 8705): how they prove themselves, and what their tokens are bound to.

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import * as openid from "openid-client";
import { byAuthority, certificate, discover, signIn } from "./certificates.mjs";
import { check, refused } from "./checks.mjs";
import { register, service, standIn, webApp } from "./provider.mjs";

export default async function mtls() {
  // The stand-in asks for no certificates.
  if (standIn) return;
  const pairs = { app: await certificate("app"), other: await certificate("other"), foreign: await certificate("foreign") };
  const hash = (pair) => createHash("sha256").update(new X509Certificate(pair.cert).raw).digest("base64url");
  const ask = (config) => openid.clientCredentialsGrant(config, { scope: "api:read" });

  await check("discovery names where certificates are asked for", async () => {
    const config = await discover(await register({ ...service, ...byAuthority }), openid.TlsClientAuth(), pairs.app);
    const metadata = config.serverMetadata();
    assert.match(metadata.mtls_endpoint_aliases.token_endpoint, /^https:/);
    assert.equal(metadata.tls_client_certificate_bound_access_tokens, true);
    for (const method of ["tls_client_auth", "self_signed_tls_client_auth"]) {
      assert.ok(metadata.token_endpoint_auth_methods_supported.includes(method), method);
    }
  });
  await check("client_credentials with tls_client_auth, bound to the certificate", async () => {
    const client = await register({ ...service, ...byAuthority });
    const config = await discover(client, openid.TlsClientAuth(), pairs.app);
    const tokens = await ask(config);
    assert.equal(tokens.token_type, "bearer");
    const said = await openid.tokenIntrospection(config, tokens.access_token);
    assert.deepEqual([said.active, said.cnf], [true, { "x5t#S256": hash(pairs.app) }]);
    await openid.tokenRevocation(config, tokens.access_token);
    assert.equal((await openid.tokenIntrospection(config, tokens.access_token)).active, false);
  });
  for (const [whose, pair] of [["another client", pairs.other], ["another authority", pairs.foreign], ["nobody", {}]]) {
    await check(`the certificate of ${whose} is no proof`, async () => {
      const client = await register({ ...service, ...byAuthority });
      const error = await refused(ask(await discover(client, openid.TlsClientAuth(), pair)), "invalid_client");
      assert.equal(error.status, 401);
    });
  }
  await check("an alternative name of the certificate proves its client", async () => {
    const { tls_client_auth_subject_dn: _, ...byName } = byAuthority;
    const client = await register({ ...service, ...byName, tls_client_auth_san_dns: "app.example" });
    await ask(await discover(client, openid.TlsClientAuth(), pairs.app));
    await refused(ask(await discover(client, openid.TlsClientAuth(), pairs.other)), "invalid_client");
  });
  await check("self_signed_tls_client_auth by a key that the client has registered", async () => {
    const key = new X509Certificate(pairs.foreign.cert).publicKey.export({ format: "jwk" });
    const client = await register({ ...service, token_endpoint_auth_method: "self_signed_tls_client_auth", jwks: { keys: [key] } });
    await ask(await discover(client, openid.TlsClientAuth(), pairs.foreign));
    await refused(ask(await discover(client, openid.TlsClientAuth(), pairs.app)), "invalid_client");
  });
  await check("code, userinfo and refresh with a certificate, pushed", async () => {
    const client = await register({ ...webApp, ...byAuthority });
    const config = await discover(client, openid.TlsClientAuth(), pairs.app);
    const tokens = await signIn(config);
    const sub = tokens.claims().sub;
    assert.ok((await openid.fetchUserInfo(config, tokens.access_token, sub)).email);
    const thief = await discover(client, openid.TlsClientAuth(), pairs.other);
    const challenged = "OAUTH_WWW_AUTHENTICATE_CHALLENGE";
    await refused(openid.fetchUserInfo(thief, tokens.access_token, sub), "invalid_token", challenged);
    const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
    await openid.fetchUserInfo(config, next.access_token, sub);
  });
  await check("a refresh token of a public client is bound to its certificate", async () => {
    const client = await register({ ...webApp, token_endpoint_auth_method: "none", tls_client_certificate_bound_access_tokens: true });
    const config = await discover(client, openid.None(), pairs.foreign);
    const { refresh_token } = await signIn(config, false);
    const thief = await discover(client, openid.None(), pairs.other);
    await refused(openid.refreshTokenGrant(thief, refresh_token), "invalid_grant");
    await openid.refreshTokenGrant(config, refresh_token);
  });
}
