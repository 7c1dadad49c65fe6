// Credentials about people for keys of their wallets (OpenID Connect UserInfo Verifiable Credentials, draft 00): asked for with
// `@ory/hydra-client`, as of Hydra, and held against the provider's published keys by `jose`.

import assert from "node:assert/strict";
import { Configuration, OidcApi } from "@ory/hydra-client";
import { SignJWT, calculateJwkThumbprint, createRemoteJWKSet, exportJWK, generateKeyPair, importJWK, jwtVerify } from "jose";
import * as openid from "openid-client";
import { check } from "./checks.mjs";
import { signIn } from "./code.mjs";
import { discover, issuer, person, register, standIn, webApp } from "./provider.mjs";

const SCOPE = "openid email userinfo_credential_draft_00";

export default async function credentials() {
  // The stand-in has none.
  if (standIn) return;
  const oidc = new OidcApi(new Configuration({ basePath: issuer }));

  /** Asks with a token: the answer, or the refusal with its status. */
  async function ask(token, proof) {
    const createVerifiableCredentialRequestBody = {
      format: "jwt_vc_json",
      types: ["VerifiableCredential", "UserInfoCredential"],
      proof: proof && { proof_type: "jwt", jwt: proof },
    };
    const headers = { authorization: `Bearer ${token}` };
    const answer = oidc.createVerifiableCredential({ createVerifiableCredentialRequestBody }, { headers });
    const { status, data } = await answer.catch((error) => error.response ?? Promise.reject(error));
    return { status, ...data };
  }

  /** Somebody's tokens at a client that may have credentials made. */
  async function begin(scope = SCOPE) {
    const client = await register({ ...webApp, scope: `${webApp.scope} userinfo_credential_draft_00` });
    const config = await discover(client, openid.ClientSecretBasic(client.client_secret));
    const { tokens } = await signIn(config, { scope });
    return { client, tokens, metadata: config.serverMetadata() };
  }

  /** A wallet's key, and the proofs that it makes. */
  async function wallet(algorithm, { client }) {
    const pair = await generateKeyPair(algorithm, { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    const prove = (nonce, { audience = issuer, key = pair.privateKey } = {}) =>
      new SignJWT({ nonce })
        .setProtectedHeader({ alg: algorithm, typ: "openid4vci-proof+jwt", jwk })
        .setIssuer(client.client_id)
        .setAudience(audience)
        .setIssuedAt()
        .sign(key);
    return { jwk, prove };
  }

  await check("credentials: each advertised suite proves a wallet's key, and the credential is about it", async () => {
    const made = await begin();
    const [supported] = made.metadata.credentials_supported_draft_00;
    assert.equal(made.metadata.credentials_endpoint_draft_00, `${issuer}/credentials`);
    assert.deepEqual(supported.types, ["VerifiableCredential", "UserInfoCredential"]);
    assert.ok(supported.cryptographic_suites_supported.length >= 5);
    const keys = createRemoteJWKSet(new URL(made.metadata.jwks_uri));
    for (const algorithm of supported.cryptographic_suites_supported) {
      const { jwk, prove } = await wallet(algorithm, made);
      const proof = await prove(made.tokens.c_nonce_draft_00);
      const answer = await ask(made.tokens.access_token, proof);
      assert.equal(answer.status, 200, JSON.stringify(answer));
      const { payload, protectedHeader } = await jwtVerify(answer.credential_draft_00, keys, { issuer, typ: "JWT", maxTokenAge: "1m" });
      assert.equal(payload.exp - payload.iat, 3600);
      assert.ok(protectedHeader.kid);
      const named = JSON.parse(Buffer.from(payload.sub.replace(/^did:jwk:/, ""), "base64url"));
      assert.equal(await calculateJwkThumbprint(named), await calculateJwkThumbprint(jwk), algorithm);
      // Whoever verifies a presentation has the key from the credential alone.
      await jwtVerify(proof, await importJWK(named, algorithm));
      const subject = payload.vc.credentialSubject;
      assert.equal(subject.id, payload.sub);
      assert.equal(subject.sub, made.tokens.claims().sub);
      assert.ok(subject.email.startsWith(person.identifier), subject.email);
    }
  });
  await check("credentials: who has no proof is given a nonce, which serves a key once", async () => {
    const made = await begin();
    const primed = await ask(made.tokens.access_token);
    assert.deepEqual([primed.status, primed.error, primed.c_nonce_expires_in], [400, "invalid_or_missing_proof", 600]);
    const { prove } = await wallet("ES256", made);
    const proof = await prove(primed.c_nonce);
    assert.equal((await ask(made.tokens.access_token, proof)).status, 200);
    const again = await ask(made.tokens.access_token, proof);
    assert.deepEqual([again.status, again.error], [400, "invalid_or_missing_proof"]);
    assert.notEqual(again.c_nonce, primed.c_nonce);
  });
  await check("credentials: a proof for another issuer or of another key, and a token without the scope, get none", async () => {
    const made = await begin();
    const { prove } = await wallet("ES256", made);
    const { privateKey } = await generateKeyPair("ES256");
    for (const wrong of [{ audience: "https://other.example" }, { key: privateKey }]) {
      const answer = await ask(made.tokens.access_token, await prove(made.tokens.c_nonce_draft_00, wrong));
      assert.deepEqual([answer.status, answer.error], [400, "invalid_or_missing_proof"]);
    }
    const plain = await begin("openid email");
    assert.equal(plain.tokens.c_nonce_draft_00, undefined);
    const answer = await ask(plain.tokens.access_token, await prove("any"));
    assert.deepEqual([answer.status, answer.error], [403, "insufficient_scope"]);
  });
}
