// Verifies the access tokens of token responses, one a line, against an issuer's published keys.
//
//   node verify.mjs SAMPLES ISSUER JWKS_URI [CLAIM]...
//
// Each must be an `at+jwt` (RFC 9068) signed with ES256, unexpired, with its own `jti` and every CLAIM.

import { readFile } from "node:fs/promises";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [samples, issuer, jwksUri, ...claims] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(jwksUri));
const lines = (await readFile(samples, "utf8")).split("\n").filter(Boolean);
const seen = new Set();
for (const line of lines) {
  const { payload } = await jwtVerify(JSON.parse(line).access_token, keys, {
    issuer,
    typ: "at+jwt",
    algorithms: ["ES256"],
    requiredClaims: ["exp", "iat", "jti", "sub", "client_id", ...claims],
  });
  seen.add(payload.jti);
}
if (lines.length === 0 || seen.size !== lines.length) {
  console.error(`${lines.length} tokens, ${seen.size} different ones`);
  process.exit(1);
}
console.log(`${lines.length} tokens of ${issuer} verified`);
