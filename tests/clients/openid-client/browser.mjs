// A browser without JavaScript: keeps cookies, follows redirects, and fills the HTML forms that it is shown.

import assert from "node:assert/strict";
import { parse } from "parse5";

const MOST_REDIRECTS = 20;

export class Browser {
  #cookies = new Map();

  /** Opens an address and follows redirects, up to one that begins with `until`, which is not opened. */
  async open(address, { until, method = "GET", body, headers = {} } = {}) {
    let url = new URL(address);
    for (let redirects = 0; redirects < MOST_REDIRECTS; redirects += 1) {
      if (until && url.href.startsWith(until)) return { url, arrived: true };
      const cookie = this.#cookiesFor(url);
      const response = await fetch(url, {
        method,
        body,
        redirect: "manual",
        headers: {
          accept: "text/html,application/xhtml+xml",
          "accept-language": "en",
          ...(cookie ? { cookie } : {}),
          ...(body ? { "content-type": "application/x-www-form-urlencoded", origin: url.origin } : {}),
          ...headers,
        },
      });
      this.#keep(url, response.headers.getSetCookie());
      const location = response.headers.get("location");
      if (response.status < 300 || response.status > 399 || !location) {
        const html = await response.text();
        return { url, status: response.status, headers: response.headers, html, forms: formsOf(html, url) };
      }
      await response.arrayBuffer();
      const next = new URL(location, url);
      if (!next.hash) next.hash = url.hash;
      // 307 and 308 repeat the request; the others become a GET.
      if (![307, 308].includes(response.status)) [method, body] = ["GET", undefined];
      url = next;
    }
    throw new Error(`more than ${MOST_REDIRECTS} redirects, last ${url}`);
  }

  /** Sends what an address asks for in its query as a form, as a page of an app would. */
  async post(address, until) {
    const bare = new URL(address);
    const body = bare.searchParams.toString();
    bare.search = "";
    return this.open(bare, { until, method: "POST", body });
  }

  /** Submits a form as a person would: with these fields filled in and these boxes ticked, by the button that `press` chooses. */
  async submit(form, { fill = {}, tick = [], press = () => true, until } = {}) {
    const fields = new URLSearchParams();
    for (const { name, value, type, checked } of form.fields) {
      if (type === "checkbox" && !checked && !tick.includes(name)) continue;
      fields.append(name, fill[name] ?? fill[type] ?? value);
    }
    const button = form.buttons.find(press);
    if (button?.name) fields.append(button.name, button.value);
    if (form.method === "GET") {
      const url = new URL(form.action);
      url.search = fields;
      return this.open(url, { until });
    }
    return this.open(form.action, { until, method: "POST", body: fields.toString() });
  }

  /** Whether any cookie would be sent to `address`. */
  has(address) {
    return this.#cookiesFor(new URL(address)) !== "";
  }

  #cookiesFor(url) {
    const fitting = [...this.#cookies.values()].filter(
      ({ host, path }) => host === url.hostname && within(url.pathname, path),
    );
    return fitting.map(({ name, value }) => `${name}=${value}`).join("; ");
  }

  #keep(url, lines) {
    for (const line of lines) {
      const [pair, ...attributes] = line.split(";").map((part) => part.trim());
      const name = pair.slice(0, pair.indexOf("="));
      const value = pair.slice(pair.indexOf("=") + 1);
      const of = Object.fromEntries(
        attributes.map((text) => [text.split("=")[0].toLowerCase(), text.slice(text.indexOf("=") + 1)]),
      );
      const path = of.path?.startsWith("/") ? of.path : "/";
      const key = `${url.hostname} ${path} ${name}`;
      const ended = of["max-age"] !== undefined ? Number(of["max-age"]) <= 0 : Date.parse(of.expires) < Date.now();
      if (ended) this.#cookies.delete(key);
      else this.#cookies.set(key, { host: url.hostname, path, name, value });
    }
  }
}

function within(path, prefix) {
  return path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
}

function formsOf(html, base) {
  const forms = [];
  // A control outside its form names it; such a form must come first, as it does wherever we met one.
  const visit = (node, form) => {
    const attribute = (name) => node.attrs?.find((one) => one.name === name)?.value;
    form = forms.find(({ id }) => id && id === attribute("form")) ?? form;
    if (node.tagName === "form") {
      form = {
        id: attribute("id"),
        action: new URL(attribute("action") ?? "", base).href,
        method: (attribute("method") ?? "get").toUpperCase(),
        fields: [],
        buttons: [],
      };
      forms.push(form);
    } else if (form && attribute("disabled") === undefined) {
      const [name, value] = [attribute("name"), attribute("value") ?? ""];
      const type = attribute("type") ?? (node.tagName === "button" ? "submit" : "text");
      if (node.tagName === "button" || (node.tagName === "input" && type === "submit")) {
        if (type === "submit") form.buttons.push({ name, value, text: textOf(node) });
      } else if (name && ["input", "textarea", "select"].includes(node.tagName)) {
        form.fields.push({ name, value, type, checked: attribute("checked") !== undefined });
      }
    }
    for (const child of node.childNodes ?? []) visit(child, form);
  };
  visit(parse(html), undefined);
  return forms;
}

function textOf(node) {
  return node.nodeName === "#text" ? node.value : (node.childNodes ?? []).map(textOf).join("").trim();
}

/** Opens an authorization request and does what its pages ask for, until the redirect URI is reached. */
export async function authorize(browser, address, redirectUri, person, { consent = "allow", remember = false, byForm = false } = {}) {
  let page = await (byForm ? browser.post(address, redirectUri) : browser.open(address, { until: redirectUri }));
  const seen = [];
  while (!page.arrived) {
    const login = page.forms.find((form) => form.fields.some((field) => field.type === "password"));
    const decision = page.forms.find((form) => form.buttons.length > 0);
    assert.ok(seen.length < 6 && (login || decision), `stuck at ${page.url} (${page.status}):\n${page.html?.slice(0, 800)}`);
    seen.push(login ? "login" : "consent");
    if (login) {
      const { identifier, password } = person;
      const fill = { identifier, login: identifier, email: identifier, text: identifier, password };
      page = await browser.submit(login, { fill, until: redirectUri });
    } else {
      // A form with one button asks for no decision; otherwise the buttons say which is which by their value.
      const press = (button) => decision.buttons.length === 1 || button.value === consent;
      page = await browser.submit(decision, { press, tick: remember ? ["remember"] : [], until: redirectUri });
    }
  }
  return { url: page.url, seen };
}
