// The flows and the operators' operations through the TypeScript client, against whose types its compiler checks these files.
//
//   node main.mjs --public URL --admin URL --key-file FILE
//
// `cargo xtask clients kratos-client` checks the types, starts a node and calls it so. ONLY=<text> runs the checks whose name
// contains it.

import assert from "node:assert/strict";
import { check, finish } from "../openid-client/checks.mjs";
import { elsewhereChecks } from "./elsewhere.mjs";
import { flowChecks } from "./flows.mjs";
import { operatorChecks } from "./operators.mjs";
import { Visitor, refused } from "./visitor.mjs";

await flowChecks("native");
await flowChecks("browser");
await elsewhereChecks();
await operatorChecks();

await check("what went wrong is found by the id of its page", async () => {
  const { api } = new Visitor("browser");
  const shown = /** @type {any} */ ((await api.getFlowError({ id: "stub:500" })).data.error);
  assert.equal(shown.code, 500);
  await refused(404, api.getFlowError({ id: "00000000-0000-4000-8000-000000000000" }));
});

finish();
