// The SDK's own client: it finds the provider by the server's challenge, registers itself, signs somebody in with PKCE and
// `resource`, and asks for more when a tool needs more.

import assert from "node:assert/strict";
import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { request } from "node:http";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { check } from "../openid-client/checks.mjs";
import { Browser, authorize } from "../openid-client/browser.mjs";
import { callback, issuer, person, server } from "./options.mjs";

/** What an application keeps of its sign-ins. */
class Keeper {
  redirectUrl = callback;
  seen = [];

  constructor(scope) {
    this.clientMetadata = {
      client_name: "Notes assistant",
      redirect_uris: [callback],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      ...(scope ? { scope } : {}),
    };
  }

  clientInformation = () => this.client;
  saveClientInformation = (client) => void (this.client = client);
  tokens = () => this.kept;
  saveTokens = (tokens) => void (this.kept = tokens);
  codeVerifier = () => this.verifier;
  saveCodeVerifier = (verifier) => void (this.verifier = verifier);
  redirectToAuthorization = (address) => void (this.address = address);
}

class Application {
  browser = new Browser();
  keeper = new Keeper();

  #transport() {
    return new StreamableHTTPClientTransport(new URL(server), { authProvider: this.keeper });
  }

  /** Does something as an MCP client; where it is sent to sign in, the person does, and it is done again. */
  async run(body) {
    const attempt = async () => {
      const client = new Client({ name: "suite", version: "1.0.0" });
      const transport = this.#transport();
      try {
        await client.connect(transport);
        return await body(client);
      } finally {
        await client.close();
      }
    };
    for (let sentAway = 0; sentAway < 3; sentAway += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof UnauthorizedError)) throw error;
      }
      await this.#signIn();
    }
    return attempt();
  }

  async #signIn() {
    const { url, seen } = await authorize(this.browser, this.keeper.address, callback, person);
    this.seen = seen;
    assert.equal(url.searchParams.get("iss"), issuer, "RFC 9207");
    if (url.searchParams.get("error") === "invalid_scope") {
      // The SDK registers with the scopes that it was told of first; for more the application registers again.
      this.keeper.client = undefined;
      return;
    }
    assert.ok(url.searchParams.get("code"), url.href);
    await this.#transport().finishAuth(url.searchParams.get("code"));
  }

  call = (name, input = {}) => this.run((client) => client.callTool({ name, arguments: input }));
}

const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());

export default async function signIn() {
  const application = new Application();

  await check("the SDK's client registers itself, the person is asked, and its token is for the server alone", async () => {
    const answer = await application.call("list_notes");
    assert.equal(answer.content[0].text, "No notes yet.");
    assert.ok(application.seen.includes("consent"), "nobody registers as first-party");
    const asked = application.keeper.address.searchParams;
    assert.equal(asked.get("resource"), server);
    assert.equal(asked.get("code_challenge_method"), "S256");
    const token = claims(application.keeper.kept.access_token);
    assert.deepEqual([token.aud].flat(), [server]);
    assert.equal(token.scope, "notes:read");
  });

  await check("a tool that needs more has the client ask for that too, and the person again", async () => {
    const answer = await application.call("add_note", { text: "moss" });
    assert.equal(answer.content[0].text, "Added.");
    assert.ok(application.seen.includes("consent"), "more than was allowed is asked for");
    assert.equal(claims(application.keeper.kept.access_token).scope, "notes:read notes:write");
    assert.equal((await application.call("list_notes")).content[0].text, "moss");
  });

  await check("a token for another API is none here", async () => {
    const token = application.keeper.kept.access_token;
    const call = (authorization) =>
      fetch(server, {
        method: "POST",
        headers: { authorization, "content-type": "application/json", accept: "application/json, text/event-stream" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
      });
    assert.equal((await call(`Bearer ${token}`)).status, 200);
    const [head, body, signature] = token.split(".");
    for (const wrong of [`${head}.${body}.${signature.slice(0, -4)}AAAA`, "", "nothing", await anotherToken()]) {
      const refused = await call(`Bearer ${wrong}`);
      assert.equal(refused.status, 401, wrong);
      assert.match(refused.headers.get("www-authenticate"), /resource_metadata="/);
    }
  });

  await check("what a token lacks is told with where to get it, and a token in the address is none", async () => {
    const reader = await anotherToken({ scope: "notes:read", resource: server });
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "add_note", arguments: { text: "fern" } } });
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    const refused = await fetch(server, { method: "POST", body, headers: { ...headers, authorization: `Bearer ${reader}` } });
    assert.equal(refused.status, 403);
    const challenge = refused.headers.get("www-authenticate");
    assert.match(challenge, /^Bearer error="insufficient_scope", resource_metadata="http[^"]+", scope="notes:read notes:write"$/);
    assert.equal((await fetch(`${server}?access_token=${reader}`, { method: "POST", body, headers })).status, 401);
  });

  await check("a page of another origin is not served, whatever it brings", async () => {
    // `fetch` of browsers says where a page is from; that of Node need not let us.
    const status = (origin) =>
      new Promise((done, failed) => {
        const headers = { ...(origin ? { origin } : {}), authorization: `Bearer ${application.keeper.kept.access_token}` };
        const asked = request(server, { method: "POST", headers }, (answer) => done(answer.resume().statusCode));
        asked.on("error", failed).end("no JSON");
      });
    assert.equal(await status("https://evil.example"), 403);
    assert.equal(await status("null"), 403);
    assert.equal(await status(new URL(server).origin), 400, "what it brings is read");
    assert.equal(await status(), 400);
  });

  await check("a token that is bound to a key is nobody's who has but the token", async () => {
    const token = await anotherToken({ scope: "notes:read", resource: server }, { dpop: proof() });
    assert.ok(claims(token).cnf.jkt);
    assert.deepEqual([claims(token).aud].flat(), [server]);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", accept: "application/json, text/event-stream" };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    assert.equal((await fetch(server, { method: "POST", headers, body })).status, 401);
  });
}

/** A proof of a new key for a token request (RFC 9449 section 4.2). */
function proof() {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { kty, crv, x, y } = publicKey.export({ format: "jwk" });
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const header = part({ typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } });
  const iat = Math.floor(Date.now() / 1000);
  const text = `${header}.${part({ jti: randomUUID(), htm: "POST", htu: `${issuer}/oauth2/token`, iat })}`;
  const signature = sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

/** A token of the same provider, asked for without the server's name unless it is among `asked`. */
async function anotherToken({ scope, ...asked } = { scope: "openid" }, headers = {}) {
  const keeper = new Keeper(scope);
  const registered = await fetch(`${issuer}/oauth2/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(keeper.clientMetadata),
  });
  const { client_id: client } = await registered.json();
  const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const address = new URL(`${issuer}/oauth2/auth`);
  address.search = new URLSearchParams({
    response_type: "code",
    client_id: client,
    redirect_uri: callback,
    scope,
    ...asked,
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    state: "state",
  });
  const { url } = await authorize(new Browser(), address, callback, person);
  const answer = await fetch(`${issuer}/oauth2/token`, {
    method: "POST",
    headers,
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: client,
      code: url.searchParams.get("code"),
      redirect_uri: callback,
      code_verifier: verifier,
    }),
  });
  const tokens = await answer.json();
  assert.ok(tokens.access_token, JSON.stringify(tokens));
  return tokens.access_token;
}
