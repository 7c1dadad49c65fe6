// Where everything is, and who may sign in.

import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    issuer: { type: "string" },
    server: { type: "string" },
    registration: { type: "string" },
    admin: { type: "string" },
    "key-file": { type: "string" },
    identifier: { type: "string" },
    "password-file": { type: "string" },
    "callback-port": { type: "string" },
  },
});
const text = async (file) => (await readFile(file, "utf8")).trim();

export const issuer = values.issuer;
/** The MCP server's address, which is its resource identifier. */
export const server = values.server;
/** The operators' listener. */
export const admin = values.admin;
export const key = await text(values["key-file"]);
export const person = { identifier: values.identifier, password: await text(values["password-file"]) };
/** Where answers go. Nothing listens there but the conformance tool, for its own. */
export const callbackPort = Number(values["callback-port"]);
export const callback = `http://127.0.0.1:${callbackPort}/callback`;
