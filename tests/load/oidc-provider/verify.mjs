// Verifies the access tokens of token responses, one a line, against an issuer's published keys, and their ID tokens.
//
//   node verify.mjs SAMPLES ISSUER JWKS_URI [--nonce NONCE] [CLAIM]...
//
// Each access token must be an `at+jwt` (RFC 9068) signed with ES256, unexpired, with its own `jti` and every CLAIM. An ID
// token must be signed with ES256, unexpired, for the client of the access token, about the same subject; with NONCE every
// response must have one that says it.

import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { createRemoteJWKSet, jwtVerify } from "jose";

const { values: options, positionals } = parseArgs({
  options: { nonce: { type: "string" } },
  allowPositionals: true,
});
const [samples, issuer, jwksUri, ...claims] = positionals;
const keys = createRemoteJWKSet(new URL(jwksUri));
const lines = (await readFile(samples, "utf8")).split("\n").filter(Boolean);
const seen = new Set();
for (const line of lines) {
  const response = JSON.parse(line);
  const { payload } = await jwtVerify(response.access_token, keys, {
    issuer,
    typ: "at+jwt",
    algorithms: ["ES256"],
    requiredClaims: ["exp", "iat", "jti", "sub", "client_id", ...claims],
  });
  seen.add(payload.jti);
  if (response.id_token || options.nonce) {
    const { payload: said } = await jwtVerify(response.id_token, keys, {
      issuer,
      subject: payload.sub,
      audience: payload.client_id,
      algorithms: ["ES256"],
      requiredClaims: ["exp", "iat"],
    });
    if (options.nonce && said.nonce !== options.nonce) {
      throw new Error(`an ID token with the nonce ${said.nonce}`);
    }
  }
}
if (lines.length === 0 || seen.size !== lines.length) {
  console.error(`${lines.length} tokens, ${seen.size} different ones`);
  process.exit(1);
}
console.log(`${lines.length} tokens of ${issuer} verified`);
