// Named checks: each one line of output; one that throws has failed.

import assert from "node:assert/strict";

let passed = 0;
const failed = [];
const only = process.env.ONLY ?? "";

/** Runs one check. What it returns is returned, or undefined if it failed. */
export async function check(name, body) {
  if (!name.includes(only)) return undefined;
  try {
    const value = await body();
    passed += 1;
    console.log(`ok      ${name}`);
    return value;
  } catch (error) {
    failed.push(name);
    console.log(`FAILED  ${name}\n        ${explain(error).replaceAll("\n", "\n        ")}`);
    return undefined;
  }
}

/** Expects an OAuth error response with one of these codes. */
export async function refused(promise, ...codes) {
  try {
    await promise;
  } catch (error) {
    const code = error.error ?? (await bodyOf(error))?.error ?? error.code ?? error.message;
    assert.ok(codes.includes(code), `expected ${codes.join(" or ")}, got ${explain(error)}`);
    return error;
  }
  throw new Error(`expected ${codes.join(" or ")}, but it was accepted`);
}

// With a WWW-Authenticate header the library reports the challenge and leaves the body to us.
async function bodyOf({ response }) {
  return response && !response.bodyUsed ? response.json().catch(() => undefined) : undefined;
}

/** Prints the totals and ends the process. */
export function finish() {
  console.log(`${passed} passed, ${failed.length} failed`);
  process.exit(failed.length === 0 && passed > 0 ? 0 : 1);
}

function explain(error) {
  const parts = [error.message, error.stack?.replace(error.message, "") ?? ""];
  for (const name of ["error", "error_description", "code", "status"]) {
    if (error[name] !== undefined) parts.push(`${name}: ${error[name]}`);
  }
  if (error.cause instanceof Error) parts.push(`cause: ${error.cause.message}`);
  else if (error.cause !== undefined) parts.push(`cause: ${JSON.stringify(error.cause).slice(0, 500)}`);
  return parts.join("\n");
}
