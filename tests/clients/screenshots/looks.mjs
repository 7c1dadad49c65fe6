// What must hold of every built-in page, whoever opened it and in whatever state it is.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { formTroubles } from "./forms.mjs";

const require = createRequire(import.meta.url);
const axeSource = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
const axeTags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** How much wider than its window a page is, in pixels. */
const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

/** Returns what can be told without axe: pages wider than their window, and forms that leave people alone. */
export async function plainTroubles(page) {
  const wider = await overflow(page);
  const troubles = await page.evaluate(formTroubles);
  if (wider > 0) troubles.push(`${wider} pixels wider than the window`);
  return troubles;
}

/** Returns everything: that, what axe-core finds, and how the page is at 320 pixels (WCAG 2.2, 1.4.10). Leaves the window as it was. */
export async function allTroubles(page) {
  const troubles = await plainTroubles(page);
  await page.evaluate(axeSource);
  const result = await page.evaluate((tags) => axe.run(document, { runOnly: tags }), axeTags);
  for (const { id, help, nodes } of result.violations) {
    const where = nodes.map((node) => `${node.html.slice(0, 120)} ${node.any[0]?.message ?? ""}`).join(" | ");
    troubles.push(`axe ${id}: ${help}: ${where}`);
  }
  // Last, since it changes the page: what somebody sees who enlarges 1280 pixels to 400 %.
  const before = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  const narrow = await overflow(page);
  if (narrow > 0) troubles.push(`${narrow} pixels wider than 320`);
  await page.setViewportSize(before);
  return troubles;
}
