// A user interface of one's own: pages for every flow, by nothing but the API.
//
//   node server.mjs --portcullis http://127.0.0.1:4433 [--listen 127.0.0.1:4455] [--public-url http://127.0.0.1:4455]

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { flowOf, html, pageOf } from "./render.mjs";

const { values: options } = parseArgs({
  options: {
    portcullis: { type: "string", default: "http://127.0.0.1:4433" },
    listen: { type: "string", default: "127.0.0.1:4455" },
    "public-url": { type: "string" },
  },
});
const here = options["public-url"] ?? `http://${options.listen}`;
const portcullis = options.portcullis.replace(/\/$/, "");

const PAGES = {
  login: { title: "Sign in", links: [["registration", "Create an account"], ["recovery", "Forgot your password?"]] },
  registration: { title: "Sign up", links: [["login", "Sign in instead"]] },
  recovery: { title: "Get back in", links: [["login", "Sign in instead"]] },
  verification: { title: "Prove your address", links: [["settings", "Your account"]] },
  settings: { title: "Your account", links: [] },
};

const FILES = {
  "/style.css": { type: "text/css", text: await readFile(new URL("style.css", import.meta.url)) },
  "/behaviour.js": { type: "text/javascript", text: await readFile(new URL("behaviour.js", import.meta.url)) },
};

/** Asks the API in the name of the browser: with its cookies, which are for this host whatever the port is. */
async function ask(path, request) {
  const headers = { accept: "application/json", cookie: request.headers.cookie ?? "" };
  const answer = await fetch(portcullis + path, { headers, redirect: "manual" });
  return { status: answer.status, document: await answer.json().catch(() => ({})) };
}

/** The page of a flow. Without one, or with one that is over or another browser's, the browser begins anew. */
async function flowPage(kind, url, request) {
  const id = url.searchParams.get("flow");
  const begin = { location: `${portcullis}/self-service/${kind}/browser${id ? "" : url.search}` };
  if (!id) return begin;
  const { status, document } = await ask(`/self-service/${kind}/flows?id=${encodeURIComponent(id)}`, request);
  if (document.redirect_browser_to) return { location: document.redirect_browser_to };
  if ([401, 403, 404, 410].includes(status)) return begin;
  if (status !== 200) return wentWrong(status, document.error);
  // What is typed goes to nobody else.
  if (!document.ui.action.startsWith(`${portcullis}/`)) return wentWrong(500, { reason: "The form is not of our server." });
  const { title, links } = PAGES[kind];
  const more = links.map(([to, words]) => html`<p><a href="/${to}">${words}</a></p>`);
  return { title, body: html`${flowOf(document, kind)}${more}` };
}

/** What went wrong, as Portcullis tells it by its id. */
async function errorPage(url, request) {
  const id = url.searchParams.get("id") ?? "";
  const { status, document } = await ask(`/self-service/errors?id=${encodeURIComponent(id)}`, request);
  return status === 200 ? wentWrong(document.error.code, document.error) : wentWrong(status, document.error);
}

function wentWrong(status, error) {
  const words = error?.reason ?? error?.message ?? "Please try again.";
  return { status: status >= 400 ? status : 500, title: "Something went wrong", body: html`<p>${words}</p><p><a href="/">Begin anew</a></p>` };
}

/** Who is signed in here. */
async function home(request) {
  const { status, document } = await ask("/sessions/whoami", request);
  // Somebody who has a second factor has not proven it yet.
  if (document.redirect_browser_to) return { location: document.redirect_browser_to };
  if (status !== 200) {
    return { title: "Welcome", body: html`<p><a href="/login">Sign in</a></p><p><a href="/registration">Create an account</a></p>` };
  }
  const logout = await ask(`/self-service/logout/browser?return_to=${encodeURIComponent(`${here}/`)}`, request);
  const body = html`<p>You are ${document.identity.traits.email}.</p>
    <p><a href="/settings">Your account</a></p>
    <p><a href="/verification">Prove your address</a></p>
    <p><a href="${logout.document.logout_url}">Sign out</a></p>`;
  return { title: "Hello", body };
}

async function answer(request) {
  const url = new URL(request.url ?? "/", here);
  const kind = url.pathname.slice(1);
  if (Object.hasOwn(FILES, url.pathname)) return FILES[url.pathname];
  if (Object.hasOwn(PAGES, kind)) return flowPage(kind, url, request);
  if (kind === "error") return errorPage(url, request);
  if (kind === "") return home(request);
  return wentWrong(404, { reason: "There is nothing here." });
}

const POLICY = [
  "default-src 'none'",
  `script-src 'self' ${portcullis}`,
  "style-src 'self'",
  "img-src data:",
  // Browsers hold where a form leads against this too: back here, in the end.
  `form-action 'self' ${portcullis}`,
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const server = createServer(async (request, response) => {
  let page;
  try {
    page = await answer(request);
  } catch (error) {
    const reference = randomBytes(4).toString("hex");
    console.error(reference, error);
    page = wentWrong(502, { reason: `Our server cannot be reached. Please try again (${reference}).` });
  }
  if (page.location) {
    response.writeHead(303, { location: page.location, "cache-control": "no-store" }).end();
  } else if (page.text) {
    response.writeHead(200, { "content-type": page.type, "x-content-type-options": "nosniff" }).end(page.text);
  } else {
    const headers = {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": POLICY,
      // The address of a page has its flow's id.
      "referrer-policy": "strict-origin",
    };
    response.writeHead(page.status ?? 200, headers).end(pageOf(page.title, page.body));
  }
});

const [host, port] = [options.listen.slice(0, options.listen.lastIndexOf(":")), Number(options.listen.split(":").at(-1))];
server.listen(port, host, () => console.log(`own-ui: ${here}, for ${portcullis}`));
process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
