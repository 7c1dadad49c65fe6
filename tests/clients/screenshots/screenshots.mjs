// Opens every built-in page in two widths, two themes and two languages, writes a picture of each, and fails on
// anything that axe-core finds, on a content-security-policy violation, on a page that does not fit when it is enlarged or
// spaced, and on forms that leave people alone: see looks.mjs and forms.mjs.
//
//   node screenshots.mjs --preview target/preview --out target/screenshots
//   node screenshots.mjs --base http://127.0.0.1:4480 --client ID --redirect URI --identifier NAME
//                        --password-file FILE --out target/screenshots
//
// --preview takes the directory that `cargo run -p portcullis-ui --example preview` writes; its pages are served on
// a free loopback port with the headers that the real server sends. --base opens the pages of a running node, as
// `cargo xtask screenshots` starts one.
// --only <text> keeps pages whose name contains it. --languages <tags> names other languages than en,de.
// --no-pictures only checks. --quick does so on a narrow phone, in the light theme and without axe: that each page renders, and
// fits. Chromium: $CHROMIUM or /usr/bin/chromium.

import { createServer } from "node:http";
import { mkdir, readFile } from "node:fs/promises";
import { join, normalize, resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { livePages } from "./live.mjs";
import { THEMES, WIDTHS, allTroubles, plainTroubles } from "./looks.mjs";

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
    quick: { type: "boolean", default: false },
  },
});
if (Boolean(options.preview) === Boolean(options.base)) {
  console.error("give either --preview <directory> or --base <address>");
  process.exit(2);
}

const pictures = !options["no-pictures"] && !options.quick;
const [phone] = WIDTHS;
const widths = options.quick ? [phone] : WIDTHS;
const languages = options.languages.split(",");
const themes = options.quick ? ["light"] : THEMES;

const { pages, close = () => {} } = options.preview
  ? await servePreview(resolve(options.preview))
  : await livePages(options, languages);
const out = resolve(options.out);
if (pictures) await mkdir(out, { recursive: true });

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
            viewport: { width, height: width === phone ? 780 : 900 },
            deviceScaleFactor: width === phone ? 2 : 1,
            colorScheme,
            locale: language,
            // Axe is injected by the driver, past the policy under test; violations by the page are still reported.
            bypassCSP: false,
          });
          await become?.(context);
          // To begin a page costs more than to go on to another one: whoever looks quickly has one for all.
          const shared = options.quick ? await context.newPage() : undefined;
          for (const page of here) {
            await visit(shared ?? (await context.newPage()), page, `${page.name}.${language}.${colorScheme}.${width}`);
          }
          await context.close();
        }
      }
    }
  }
} finally {
  await browser.close();
  close();
}

console.log(`${opened} pages opened, ${findings.length} findings${pictures ? `, pictures in ${out}` : ""}`);
for (const finding of findings) console.log(`- ${finding}`);
process.exit(findings.length === 0 && opened > 0 ? 0 : 1);

async function visit(page, { open, status = 200, is_mail: isMail }, label) {
  const complain = (text) => findings.push(`${label}: ${text}`);
  page.on("pageerror", (error) => complain(`script error: ${error.message}`));
  page.on("console", (message) => {
    const ofStatus = status !== 200 && message.text().includes(`status of ${status}`);
    if (message.type() === "error" && !ofStatus) complain(`console: ${message.text()}`);
  });
  page.on("requestfailed", (request) => {
    // Whoever looks quickly goes on before the icon is there.
    const left = options.quick && request.failure()?.errorText === "net::ERR_ABORTED";
    if (!left) complain(`not loaded: ${request.url()}`);
  });
  const response = await open(page);
  opened += 1;
  if (response.status() !== status) complain(`status ${response.status()}, not ${status}`);
  if (!response.headers()["content-security-policy"]?.includes("default-src 'none'")) complain("no strict policy");
  if (pictures) await page.screenshot({ path: join(out, `${label}.png`), fullPage: true });
  for (const trouble of await (options.quick ? plainTroubles(page) : allTroubles(page, { isMail }))) complain(trouble);
  if (!options.quick) return page.close();
  for (const event of ["pageerror", "console", "requestfailed"]) page.removeAllListeners(event);
  await page.unrouteAll();
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
