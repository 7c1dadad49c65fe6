// The provider as MCP clients see it: the SDK's own client at `examples/mcp-server`, and the MCP conformance tool.
//
//   node main.mjs --issuer URL --server URL --registration URL --key-file FILE --identifier NAME --password-file FILE --callback-port N
//
// `cargo xtask clients mcp` starts both and calls it so. ONLY=<text> runs the checks whose name contains it.

import { finish } from "../openid-client/checks.mjs";
import conformance from "./conformance.mjs";
import descriptions from "./descriptions.mjs";
import signIn from "./sign_in.mjs";

await descriptions();
await signIn();
await conformance();
finish();
