// Whether a page is as every page must be.

import assert from "node:assert/strict";
import { allTroubles, plainTroubles } from "../screenshots/looks.mjs";

/**
 * Returns what fails on anything that a page must not have. Axe needs scripts, which a page that has none of its own does as well
 * with: without them the rest is looked at.
 */
export function finePages(javaScriptEnabled) {
  const troubles = javaScriptEnabled ? allTroubles : plainTroubles;
  return async (page) => assert.deepEqual(await troubles(page), []);
}
