// An authenticator with the browser around it (WebAuthn L3), for whom has no browser: one credential, an Ed25519 key.

import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

const sha256 = (/** @type {string | Buffer} */ data) => createHash("sha256").update(data).digest();
const base64url = (/** @type {string | Buffer} */ data) => Buffer.from(data).toString("base64url");

/** User present, user verified. */
const FLAGS = 0b101;
/** The data of a new credential follow. */
const ATTESTED = 0x40;

export class Authenticator {
  #key = generateKeyPairSync("ed25519");
  #id = randomBytes(24);
  #handle = "";
  #count = 1;

  /** @param {string} origin The page that asks. */
  constructor(origin) {
    this.origin = origin;
  }

  /** What `navigator.credentials.create` answers. */
  create({ publicKey }) {
    this.#handle = publicKey.user.id;
    const key = Buffer.from(/** @type {string} */ (this.#key.publicKey.export({ format: "jwk" }).x), "base64url");
    // {1: 1, 3: -8, -1: 6, -2: the key} (RFC 9053, sections 2.2 and 7.2)
    const cose = Buffer.concat([Buffer.from([0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20]), key]);
    const credential = Buffer.concat([Buffer.alloc(16), Buffer.from([0, this.#id.length]), this.#id, cose]);
    const data = Buffer.concat([this.#data(publicKey.rp.id, ATTESTED), credential]);
    const head = Buffer.concat([Buffer.from([0xa3]), text("fmt"), text("none"), text("attStmt"), Buffer.from([0xa0])]);
    const object = Buffer.concat([head, text("authData"), Buffer.from([0x58, data.length]), data]);
    return this.#answer({
      clientDataJSON: base64url(this.#client("webauthn.create", publicKey)),
      attestationObject: base64url(object),
      transports: ["internal"],
    });
  }

  /** What `navigator.credentials.get` answers. */
  get({ publicKey }) {
    this.#count += 1;
    const data = this.#data(publicKey.rpId, 0);
    const client = this.#client("webauthn.get", publicKey);
    return this.#answer({
      clientDataJSON: base64url(client),
      authenticatorData: base64url(data),
      signature: base64url(sign(null, Buffer.concat([data, sha256(client)]), this.#key.privateKey)),
      userHandle: this.#handle,
    });
  }

  #answer(response) {
    const id = base64url(this.#id);
    return JSON.stringify({ id, rawId: id, type: "public-key", response });
  }

  #data(rpId, more) {
    const rest = Buffer.alloc(5);
    rest.writeUInt8(FLAGS | more);
    rest.writeUInt32BE(this.#count, 1);
    return Buffer.concat([sha256(rpId), rest]);
  }

  #client(type, { challenge }) {
    return JSON.stringify({ type, challenge, origin: this.origin, crossOrigin: false });
  }
}

/** A short text in CBOR. */
function text(/** @type {string} */ words) {
  return Buffer.concat([Buffer.from([0x60 | words.length]), Buffer.from(words)]);
}
