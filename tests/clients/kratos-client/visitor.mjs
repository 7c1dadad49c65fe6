// Somebody who uses the API: a native app, or a script in a browser with its cookies.

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { readFile } from "node:fs/promises";
import axios from "axios";
import kratos from "@ory/kratos-client";

const { values } = parseArgs({
  options: { public: { type: "string" }, admin: { type: "string" }, "key-file": { type: "string" } },
});
export const publicUrl = values.public ?? "";
const key = (await readFile(values["key-file"] ?? "", "utf8")).trim();

export const adminUrl = values.admin ?? "";
/** By which operators are known. */
export const authorization = `Bearer ${key}`;

const operator = new kratos.Configuration({ basePath: values.admin, apiKey: authorization });
export const identities = new kratos.IdentityApi(operator);
export const courier = new kratos.CourierApi(operator);

export const PASSWORD = "moss-covered lantern 71";
const run = Date.now().toString(36);
let people = 0;

/** An address that nobody has yet. */
export function newAddress() {
  people += 1;
  return `client-${run}-${people}@acme.example`;
}

/**
 * @typedef {object} Flows
 * @property {kratos.LoginFlow} login
 * @property {kratos.RegistrationFlow} registration
 * @property {kratos.SettingsFlow} settings
 * @property {kratos.RecoveryFlow} recovery
 * @property {kratos.VerificationFlow} verification
 */

export class Visitor {
  /** @type {Map<string, string>} */
  #cookies = new Map();
  /** The session of a native app. @type {string | undefined} */
  token;

  /** @param {"native" | "browser"} how @param {string} tenant Its path; the first one without any. */
  constructor(how, tenant = "") {
    this.how = how;
    const http = axios.create();
    this.http = http;
    http.interceptors.request.use((request) => {
      if (this.#cookies.size > 0) {
        request.headers.set("cookie", [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; "));
      }
      return request;
    });
    http.interceptors.response.use(
      (answer) => this.#keep(answer),
      (error) => {
        if (error.response) this.#keep(error.response);
        throw error;
      },
    );
    // Its types are those of a CommonJS module.
    const client = /** @type {any} */ (http);
    this.api = new kratos.FrontendApi(new kratos.Configuration({ basePath: publicUrl + tenant }), undefined, client);
  }

  /** Keeps what an answer sets, and forgets what it ends. */
  #keep(answer) {
    assert.ok(this.how === "browser" || !answer.headers["set-cookie"], "a native app gets no cookies");
    for (const line of answer.headers["set-cookie"] ?? []) {
      const [pair, ...attributes] = line.split(";").map((part) => part.trim());
      const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
      if (value === "" || attributes.some((one) => /^max-age=(0|-1)$/i.test(one))) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return answer;
  }

  /** Opens an address as a page, and returns where it leads. @param {string} url */
  async follow(url) {
    const answer = await this.http.get(url, { headers: { accept: "text/html" }, maxRedirects: 0, validateStatus: null });
    assert.equal(answer.status, 303, `${url}: ${answer.status} ${answer.data}`);
    return new URL(answer.headers.location, url).href;
  }

  /**
   * Begins a flow.
   * @template {keyof Flows} K
   * @param {K} kind
   * @param {{ aal?: string, refresh?: boolean }} asked
   * @returns {Promise<Flows[K]>}
   */
  async begin(kind, asked = {}) {
    const native = { ...asked, xSessionToken: this.token };
    const { api, how } = this;
    const begin = {
      login: () => (how === "native" ? api.createNativeLoginFlow(native) : api.createBrowserLoginFlow(asked)),
      registration: () => (how === "native" ? api.createNativeRegistrationFlow() : api.createBrowserRegistrationFlow()),
      settings: () => (how === "native" ? api.createNativeSettingsFlow(native) : api.createBrowserSettingsFlow()),
      recovery: () => (how === "native" ? api.createNativeRecoveryFlow() : api.createBrowserRecoveryFlow()),
      verification: () => (how === "native" ? api.createNativeVerificationFlow() : api.createBrowserVerificationFlow()),
    };
    const flow = /** @type {Flows[K]} */ ((await begin[kind]()).data);
    assert.equal(flow.type, how === "native" ? "api" : "browser");
    assert.equal((await this.read(kind, flow.id)).id, flow.id);
    return flow;
  }

  /**
   * Reads a flow by its id.
   * @template {keyof Flows} K
   * @param {K} kind
   * @returns {Promise<Flows[K]>}
   */
  async read(kind, id) {
    const { api, token: xSessionToken } = this;
    const read = {
      login: () => api.getLoginFlow({ id }),
      registration: () => api.getRegistrationFlow({ id }),
      settings: () => api.getSettingsFlow({ id, xSessionToken }),
      recovery: () => api.getRecoveryFlow({ id }),
      verification: () => api.getVerificationFlow({ id }),
    };
    return /** @type {Flows[K]} */ ((await read[kind]()).data);
  }

  /** Signs in. @param {{ id: string, ui: kratos.UiContainer }} flow @param {kratos.UpdateLoginFlowBody} body */
  async login(flow, body) {
    const updateLoginFlowBody = { ...body, csrf_token: csrfOf(flow) };
    const done = (await this.api.updateLoginFlow({ flow: flow.id, updateLoginFlowBody, xSessionToken: this.token })).data;
    this.#signedIn(done.session_token);
    return done;
  }

  /** Signs up. @param {{ id: string, ui: kratos.UiContainer }} flow @param {kratos.UpdateRegistrationFlowBody} body */
  async register(flow, body) {
    const updateRegistrationFlowBody = { ...body, csrf_token: csrfOf(flow) };
    const done = (await this.api.updateRegistrationFlow({ flow: flow.id, updateRegistrationFlowBody })).data;
    this.#signedIn(done.session_token);
    return done;
  }

  /** Changes the account. @param {{ id: string, ui: kratos.UiContainer }} flow @param {kratos.UpdateSettingsFlowBody} body */
  async change(flow, body) {
    const updateSettingsFlowBody = { ...body, csrf_token: csrfOf(flow) };
    return (await this.api.updateSettingsFlow({ flow: flow.id, updateSettingsFlowBody, xSessionToken: this.token })).data;
  }

  /** Gets back in. @param {{ id: string, ui: kratos.UiContainer }} flow @param {kratos.UpdateRecoveryFlowBody} body */
  async recover(flow, body) {
    const updateRecoveryFlowBody = { ...body, csrf_token: csrfOf(flow) };
    return (await this.api.updateRecoveryFlow({ flow: flow.id, updateRecoveryFlowBody })).data;
  }

  /** Proves an address. @param {{ id: string, ui: kratos.UiContainer }} flow @param {kratos.UpdateVerificationFlowBody} body */
  async verify(flow, body) {
    const updateVerificationFlowBody = { ...body, csrf_token: csrfOf(flow) };
    return (await this.api.updateVerificationFlow({ flow: flow.id, updateVerificationFlowBody })).data;
  }

  /** A browser gets a cookie, never a token. */
  #signedIn(token) {
    assert.equal(typeof token, this.how === "native" ? "string" : "undefined");
    this.token = token;
  }

  /** Who is signed in here. */
  async session() {
    return (await this.api.toSession({ xSessionToken: this.token })).data;
  }

  /** Signs up somebody with a password, and returns their address. */
  async signUp(email = newAddress()) {
    const flow = await this.begin("registration");
    await this.register(flow, { method: "password", password: PASSWORD, traits: { email } });
    return email;
  }

  /** Signs in with a password. */
  async signIn(identifier, password = PASSWORD) {
    return this.login(await this.begin("login"), { method: "password", identifier, password });
  }

  /** Signs out. */
  async signOut() {
    if (this.how === "native") {
      const performNativeLogoutBody = { session_token: this.token ?? "" };
      return this.api.performNativeLogout({ performNativeLogoutBody });
    }
    const { logout_token: token } = (await this.api.createBrowserLogoutFlow()).data;
    return this.api.updateLogoutFlow({ token });
  }
}

/** The token of a browser's form; a native app's has none. */
function csrfOf(flow) {
  return attributesOf(flow, "csrf_token")?.value;
}

/** The attributes of a node by its name or id, if there is one. @param {{ ui: kratos.UiContainer }} flow */
export function attributesOf(flow, name) {
  const all = flow.ui.nodes.map((node) => /** @type {any} */ (node.attributes));
  return all.find((one) => one.name === name || one.id === name);
}

/** The ids of all messages of a flow: its own and its nodes'. @param {{ ui: kratos.UiContainer }} flow */
export function messageIds(flow) {
  const own = [...(flow.ui.messages ?? []), ...flow.ui.nodes.flatMap((node) => node.messages)];
  return own.map((message) => message.id);
}

/** Expects a refusal, and returns its body. @param {number} status @param {Promise<unknown>} promise */
export async function refused(status, promise) {
  try {
    await promise;
  } catch (error) {
    assert.equal(error.response?.status, status, `${error.message}: ${JSON.stringify(error.response?.data)}`);
    return error.response.data;
  }
  throw new Error(`expected ${status}, but it was accepted`);
}

/** The code of the latest message to an address. */
export async function codeOf(recipient) {
  const [latest] = (await courier.listCourierMessages({ recipient, pageSize: 1 })).data;
  const message = (await courier.getCourierMessage({ id: latest.id })).data;
  return /\b\d{6}\b/.exec(message.body)?.[0] ?? "";
}
