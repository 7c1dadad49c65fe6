// Opens every built-in page in two widths, two themes and two languages, writes a picture of each, and fails on
// anything that axe-core finds, on a content-security-policy violation, on a page wider than its window or than 320
// pixels (WCAG 2.2, 1.4.10), and on forms that leave people alone: see forms.mjs.
//
//   node screenshots.mjs --preview target/preview --out target/screenshots
//   node screenshots.mjs --base http://127.0.0.1:4480 --client ID --redirect URI --identifier NAME
//                        --password-file FILE --out target/screenshots
//
// --preview takes the directory that `cargo run -p portcullis-ui --example preview` writes; its pages are served on
// a free loopback port with the headers that the real server sends. --base opens the pages of a running node, as
// `cargo xtask screenshots` starts one.
// --only <text> keeps pages whose name contains it. --languages <tags> names other languages than en,de.
// --no-pictures only checks. Chromium: $CHROMIUM or /usr/bin/chromium.

import { createServer } from "node:http";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, normalize, resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { formTroubles } from "./forms.mjs";
import { livePages } from "./live.mjs";

const require = createRequire(import.meta.url);
const axeSource = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");

const { values: options } = parseArgs({
  options: {
    preview: { type: "string" },
    base: { type: "string" },
    client: { type: "string" },
    redirect: { type: "string" },
    identifier: { type: "string" },
    "password-file": { type: "string" },
    out: { type: "string", default: "target/screenshots" },
    only: { type: "string", default: "" },
    languages: { type: "string", default: "en,de" },
    "no-pictures": { type: "boolean", default: false },
  },
});
if (Boolean(options.preview) === Boolean(options.base)) {
  console.error("give either --preview <directory> or --base <address>");
  process.exit(2);
}

const widths = [390, 1280];
const languages = options.languages.split(",");
const themes = ["light", "dark"];
const axeTags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const { pages, close = () => {} } = options.preview
  ? await servePreview(resolve(options.preview))
  : await livePages(options, languages);
const out = resolve(options.out);
await mkdir(out, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--font-render-hinting=none"],
});
const findings = [];
let opened = 0;
try {
  for (const width of widths) {
    for (const colorScheme of themes) {
      const wanted = pages.filter((page) => page.name.includes(options.only) && languages.includes(page.language));
      for (const language of new Set(wanted.map((page) => page.language))) {
        const ofLanguage = wanted.filter((page) => page.language === language);
        for (const become of new Set(ofLanguage.map((page) => page.as))) {
          const here = ofLanguage.filter((page) => page.as === become);
          const context = await browser.newContext({
            viewport: { width, height: width < 600 ? 844 : 900 },
            deviceScaleFactor: width < 600 ? 2 : 1,
            colorScheme,
            locale: language,
            // Axe is injected by the driver, past the policy under test; violations by the page are still reported.
            bypassCSP: false,
          });
          await become?.(context);
          for (const page of here) await visit(context, page, `${page.name}.${language}.${colorScheme}.${width}`);
          await context.close();
        }
      }
    }
  }
} finally {
  await browser.close();
  close();
}

console.log(`${opened} pages opened, ${findings.length} findings${options["no-pictures"] ? "" : `, pictures in ${out}`}`);
for (const finding of findings) console.log(`- ${finding}`);
process.exit(findings.length === 0 && opened > 0 ? 0 : 1);

async function visit(context, { open, status = 200 }, label) {
  const page = await context.newPage();
  const complain = (text) => findings.push(`${label}: ${text}`);
  page.on("pageerror", (error) => complain(`script error: ${error.message}`));
  page.on("console", (message) => {
    const ofStatus = status !== 200 && message.text().includes(`status of ${status}`);
    if (message.type() === "error" && !ofStatus) complain(`console: ${message.text()}`);
  });
  page.on("requestfailed", (request) => complain(`not loaded: ${request.url()}`));
  const response = await open(page);
  opened += 1;
  if (response.status() !== status) complain(`status ${response.status()}, not ${status}`);
  if (!response.headers()["content-security-policy"]?.includes("default-src 'none'")) complain("no strict policy");
  if (!options["no-pictures"]) await page.screenshot({ path: join(out, `${label}.png`), fullPage: true });

  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  const wider = await overflow();
  if (wider > 0) complain(`${wider} pixels wider than the window`);
  for (const trouble of await page.evaluate(formTroubles)) complain(trouble);
  await page.evaluate(axeSource);
  const result = await page.evaluate((tags) => axe.run(document, { runOnly: tags }), axeTags);
  for (const { id, help, nodes } of result.violations) {
    complain(`axe ${id}: ${help}: ${nodes.map((node) => `${node.html.slice(0, 120)} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
  }
  // Last, since it changes the page: what somebody sees who enlarges 1280 pixels to 400 %.
  await page.setViewportSize({ width: 320, height: 640 });
  const narrow = await overflow();
  if (narrow > 0) complain(`${narrow} pixels wider than 320`);
  await page.close();
}

async function servePreview(directory) {
  const pages = JSON.parse(await readFile(join(directory, "pages.json"), "utf8"));
  let base;
  // The one script of a page that has passkeys is named with its host, which is known when the server listens; that of a
  // widget comes from another service.
  const policy = "content-security-policy";
  const headersOf = ({ headers, script }, html) => {
    const widget = /<script src="(https:\/\/[^/"]+)/.exec(html)?.[1];
    const scripts = [script && base + script, widget].filter(Boolean);
    return scripts.length ? { ...headers, [policy]: `${headers[policy]}; script-src ${scripts.join(" ")}` } : headers;
  };
  const byPath = new Map(pages.map((page) => [page.path, page]));
  const types = { html: "text/html; charset=utf-8", css: "text/css; charset=utf-8", js: "text/javascript", svg: "image/svg+xml" };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://preview");
    try {
      const body = await readFile(join(directory, normalize(pathname)));
      const type = types[pathname.split(".").pop()] ?? "application/octet-stream";
      const page = byPath.get(pathname);
      response.writeHead(200, { ...(page && headersOf(page, body.toString())), "content-type": type }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  base = `http://localhost:${server.address().port}`;
  // Samples show no other service's widget: nothing leaves this machine.
  const open = async (page, path) => {
    await page.route((url) => url.origin !== base, (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
    return page.goto(base + path);
  };
  const opened = pages.map((one) => ({ ...one, open: (page) => open(page, one.path) }));
  return { pages: opened, close: () => server.close() };
}
