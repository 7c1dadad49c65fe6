// Whether a page is as every page must be.

import assert from "node:assert/strict";
import { THEMES, WIDTHS, allTroubles, plainTroubles } from "../screenshots/looks.mjs";

/**
 * Returns what fails on anything that a page must not have, on a phone in one theme and at a desk in the other: what depends on
 * both, `cargo xtask screenshots` sees. Axe needs scripts, which a page that has none of its own does as well with: without them
 * the rest is looked at.
 */
export function finePages(javaScriptEnabled) {
  return async (page) => {
    if (!javaScriptEnabled) return assert.deepEqual(await plainTroubles(page), []);
    const before = page.viewportSize();
    for (const [index, width] of WIDTHS.entries()) {
      const colorScheme = THEMES[(index + 1) % THEMES.length];
      await page.setViewportSize({ width, height: before.height });
      // Colours are looked at when they have changed, not on their way.
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      assert.deepEqual(await allTroubles(page), [], `at ${width} pixels, ${colorScheme}`);
    }
    await page.setViewportSize(before);
    await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  };
}
