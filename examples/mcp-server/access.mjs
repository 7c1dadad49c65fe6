// Who calls, by an access token of Portcullis (RFC 9068), checked here without asking anybody.

import { createRemoteJWKSet, jwtVerify } from "jose";

/** A request that is not let in, and what it is told (RFC 6750 section 3, RFC 9728 section 5). */
export class NotAllowed extends Error {
  constructor(status, error, scopes = []) {
    super(error ?? `${status}`);
    Object.assign(this, { status, error, scopes });
  }

  /** `WWW-Authenticate`: where to find out who gives tokens, and with which scopes. */
  challenge(metadata) {
    if (this.status !== 401 && this.status !== 403) return undefined;
    const parts = [`resource_metadata="${metadata}"`];
    if (this.error) parts.unshift(`error="${this.error}"`);
    if (this.scopes.length > 0) parts.push(`scope="${this.scopes.join(" ")}"`);
    return `Bearer ${parts.join(", ")}`;
  }
}

/** What a client asks for that was told nothing else. */
const FIRST_SCOPES = ["notes:read"];

/** The token of a request. Only in the header: never in a query, which is logged. */
export function bearerToken(request) {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  if (scheme.toLowerCase() !== "bearer" || !token) throw new NotAllowed(401, undefined, FIRST_SCOPES);
  return token;
}

let keys;

/**
 * Checks a token. Attack: one that was given for another API, or for none, is presented here; its audience is not this one.
 * Nor is a token passed on from here to anybody: it is for this server alone.
 */
export async function checkToken(token, { issuer, resource }) {
  try {
    keys ??= createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
    const requiredClaims = ["exp", "sub"];
    const { payload } = await jwtVerify(token, keys, { issuer, audience: resource, typ: "at+jwt", requiredClaims });
    // Attack: a token that is bound to a key (RFC 9449, RFC 8705) is stolen, and taken here without a proof of the key.
    if (payload.cnf) throw new NotAllowed(401, "invalid_token", FIRST_SCOPES);
    return new Person(payload.sub, (payload.scope ?? "").split(" "));
  } catch (error) {
    if (error.code?.startsWith("ERR_J")) throw new NotAllowed(401, "invalid_token", FIRST_SCOPES);
    throw error;
  }
}

class Person {
  constructor(subject, scopes) {
    Object.assign(this, { subject, scopes });
  }

  /**
   * Refuses without every one of these scopes, and names all that are needed together with those that are there. No scope of this
   * server implies another; where one does, whoever has the broader one is not asked for the narrower.
   */
  require(needed) {
    if (needed.every((scope) => this.scopes.includes(scope))) return;
    const known = this.scopes.filter((scope) => scope.startsWith("notes:"));
    throw new NotAllowed(403, "insufficient_scope", [...new Set([...known, ...needed])]);
  }
}
