// An MCP server (streamable HTTP) that Portcullis protects: who may call its tools is in the access token, and nowhere else.
//
//   node server.mjs --issuer http://127.0.0.1:4480 [--listen 127.0.0.1:4460] [--public-url http://127.0.0.1:4460]

import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { bearerToken, checkToken, NotAllowed } from "./access.mjs";
import { addTools, scopesOf } from "./tools.mjs";

const { values: options } = parseArgs({
  options: {
    issuer: { type: "string", default: "http://127.0.0.1:4480" },
    listen: { type: "string", default: "127.0.0.1:4460" },
    "public-url": { type: "string" },
  },
});
const here = options["public-url"] ?? `http://${options.listen}`;
/** What this server is to Portcullis (`protected_resources`): the audience of its tokens. */
const resource = `${here}/mcp`;
const METADATA = "/.well-known/oauth-protected-resource/mcp";
/** More than any message of these tools. */
const MOST_BYTES = 1 << 20;

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    if (!response.headersSent) response.writeHead(500).end();
  });
});

async function answer(request, response) {
  const { pathname } = new URL(request.url, here);
  if (request.method === "GET" && pathname === METADATA) return describe(response);
  if (pathname !== "/mcp") return response.writeHead(404).end();
  // Attack: a page elsewhere has the person's browser call a server of their own machine or network (DNS rebinding).
  const { origin } = request.headers;
  if (origin && origin !== new URL(here).origin) return response.writeHead(403).end();
  // Every message stands alone: there are no sessions to resume or to end.
  if (request.method !== "POST") return response.writeHead(405, { allow: "POST" }).end();
  let person, message;
  try {
    // Nothing is read of somebody who may not be here.
    person = await checkToken(bearerToken(request), { issuer: options.issuer, resource });
    message = await read(request);
    // A tool says which scopes it needs; everything else needs only a token for this server.
    person.require(scopesOf(message));
  } catch (error) {
    if (!(error instanceof NotAllowed)) throw error;
    const challenge = error.challenge(`${here}${METADATA}`);
    return response.writeHead(error.status, challenge ? { "www-authenticate": challenge } : {}).end();
  }
  const mcp = new McpServer({ name: "notes", version: "1.0.0" });
  addTools(mcp, person.subject);
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
  response.on("close", () => void mcp.close());
  await mcp.connect(transport);
  await transport.handleRequest(request, response, message);
}

/** RFC 9728: where tokens for this server come from. Portcullis says so itself, of the API that it knows by this name. */
async function describe(response) {
  const name = resource.replace(/^https?:\/\//, "");
  const described = await fetch(`${options.issuer}/.well-known/oauth-protected-resource/${name}`);
  response.writeHead(described.ok ? 200 : 502, {
    "content-type": "application/json",
    "access-control-allow-origin": "*",
  });
  response.end(described.ok ? await described.text() : "{}");
}

async function read(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new NotAllowed(413);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new NotAllowed(400);
  }
}

const [host, port] = options.listen.split(":");
server.listen(Number(port), host, () => console.log(`${resource} takes tokens of ${options.issuer}`));
