// What must hold of every built-in page, whoever opened it and in whatever state it is.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { formTroubles } from "./forms.mjs";

const require = createRequire(import.meta.url);
const axeSource = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
const axeTags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** The windows and themes in which every page is looked at: a small phone and a desk. */
export const WIDTHS = [360, 1280];
export const THEMES = ["light", "dark"];

/** How much wider than its window a page is, in pixels. */
const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

/** Returns what can be told without axe: pages wider than their window, and forms that leave people alone. */
export async function plainTroubles(page) {
  const wider = await overflow(page);
  const troubles = await page.evaluate(formTroubles);
  if (wider > 0) troubles.push(`${wider} pixels wider than the window`);
  return troubles;
}

/**
 * Returns everything: that, what axe-core finds, and how the page is when it is enlarged or spaced. Leaves the window as it was.
 *
 * A message is no page: it is read within a mail program's, which has the landmarks and the heading.
 */
export async function allTroubles(page, { isMail = false } = {}) {
  const troubles = await plainTroubles(page);
  await page.evaluate(axeSource);
  const runOnly = isMail ? axeTags : [...axeTags, "best-practice"];
  const rules = { "target-size": { enabled: true } };
  const result = await page.evaluate((options) => axe.run(document, options), { runOnly, rules });
  for (const { id, help, nodes } of result.violations) {
    const where = nodes.map((node) => `${node.html.slice(0, 120)} ${node.any[0]?.message ?? ""}`).join(" | ");
    troubles.push(`axe ${id}: ${help}: ${where}`);
  }
  // Last, since it changes the page. What somebody sees who enlarges 1280 pixels to 200 % and to 400 % (WCAG 2.2, 1.4.4, 1.4.10).
  const before = page.viewportSize();
  for (const [width, height] of [[640, 450], [320, 640]]) {
    await page.setViewportSize({ width, height });
    const narrow = await overflow(page);
    if (narrow > 0) troubles.push(`${narrow} pixels wider than ${width}`);
  }
  await page.setViewportSize(before);
  return [...troubles, ...(await spacedTroubles(page))];
}

/** What is cut off or pushed out for whoever needs more space between letters, words and lines (WCAG 2.2, 1.4.12). */
async function spacedTroubles(page) {
  const troubles = await page.evaluate(() => {
    const spaced = new CSSStyleSheet();
    spaced.replaceSync(
      `* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
       p { margin-bottom: 2em !important }`,
    );
    document.adoptedStyleSheets.push(spaced);
    // What is typed into a field moves along with it.
    const isMoving = (element) => element instanceof HTMLInputElement || element instanceof SVGElement;
    const isCut = (element) => {
      const { overflowX, overflowY } = getComputedStyle(element);
      const hides = (overflow) => overflow === "hidden" || overflow === "clip";
      return (
        (hides(overflowX) && element.scrollWidth > element.clientWidth + 1) ||
        (hides(overflowY) && element.scrollHeight > element.clientHeight + 1)
      );
    };
    const cut = [...document.querySelectorAll("body *")].filter((element) => !isMoving(element) && isCut(element));
    const wider = document.documentElement.scrollWidth - window.innerWidth;
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== spaced);
    return [
      ...cut.map((element) => `cut off when it is spaced: ${element.outerHTML.slice(0, 120)}`),
      ...(wider > 0 ? [`${wider} pixels wider than the window when it is spaced`] : []),
    ];
  });
  return troubles;
}
