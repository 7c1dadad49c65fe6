// An application without a server, by `oidc-client-ts`: in Chromium, at an origin of its own, with what browsers hold against
// requests of scripts to others (CORS) and frames of others.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { check } from "../openid-client/checks.mjs";
import { browser, signInAs, withPage } from "./person.mjs";

const LIBRARY = new URL("node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js", import.meta.url);

/** The application's one page: it makes a manager, and finishes in a frame what it began in one. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>Single page</title><h1>Single page</h1>
<script src="/oidc-client-ts.js"></script>
<script>
window.manager = (provider, scope, client = {}) =>
  new oidc.UserManager({
    authority: provider,
    client_id: "single-page",
    ...client,
    redirect_uri: location.origin + "/callback",
    silent_redirect_uri: location.origin + "/silent",
    post_logout_redirect_uri: location.origin + "/",
    scope,
    loadUserInfo: true,
    automaticSilentRenew: false,
    silentRequestTimeoutInSeconds: 8,
  });
if (location.pathname === "/silent") manager("", "").signinSilentCallback();
</script>`;

async function serve(port) {
  const library = await readFile(LIBRARY);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://app");
    if (pathname === "/oidc-client-ts.js") return response.writeHead(200, { "content-type": "text/javascript" }).end(library);
    if (!["/", "/callback", "/silent"].includes(pathname)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
  });
  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  return server;
}

/** Runs the checks; its clients are registered at the provider for the port, at both names of this machine. */
export async function singlePageChecks({ provider, port, person }) {
  const server = await serve(port);
  const app = `http://127.0.0.1:${port}`;
  const userOf = (page, scope, method, client) =>
    page.evaluate(
      async ([provider, scope, method, client]) => {
        try {
          const user = await manager(provider, scope, client)[method]();
          return user && { ...user, profile: user.profile };
        } catch (failed) {
          // Which error it is does not stand in its message.
          throw new Error(`${failed.error}: ${failed.message}`);
        }
      },
      [provider, scope, method, client],
    );

  /** Signs in by redirect, and finishes it on the page that the answer comes back to. */
  const signIn = async (page, scope, { at = app, client } = {}) => {
    await page.goto(`${at}/`);
    await page.evaluate((of) => void manager(...of).signinRedirect(), [provider, scope, client]);
    await page.waitForURL((url) => url.href.startsWith(provider));
    await signInAs(page, person);
    await page.waitForURL((url) => url.pathname === "/callback");
    return userOf(page, scope, "signinRedirectCallback", client);
  };

  await check("oidc-client-ts signs in by redirect, and reads tokens and userinfo from another origin", () =>
    withPage(async (page) => {
      const user = await signIn(page, "openid email");
      assert.ok(user.access_token && user.id_token);
      assert.equal(user.profile.email, person.identifier, "userinfo");
      assert.equal(user.refresh_token, undefined, "it was not asked for");
    }),
  );

  await check("oidc-client-ts refreshes, and each refresh token is used once", () =>
    withPage(async (page) => {
      const scope = "openid email offline_access";
      const user = await signIn(page, scope);
      assert.ok(user.refresh_token);
      const renewed = await userOf(page, scope, "signinSilent");
      assert.notEqual(renewed.refresh_token, user.refresh_token);
      assert.notEqual(renewed.access_token, user.access_token);
      assert.equal(renewed.profile.sub, user.profile.sub);
    }),
  );

  // At an address of the person's own machine a client that cannot prove itself is never answered unseen (RFC 8252 section 8.6):
  // any program may be there. Where an application is deployed it is https; here it has a secret.
  const framed = { client_id: "framed-page", client_secret: "framed-page-secret-of-more-than-32-characters" };
  const silent = (page, client) => userOf(page, "openid email", "signinSilent", client);

  await check("oidc-client-ts renews in a frame with prompt=none where the session is, and is told where it is not", () =>
    withPage(async (page, context) => {
      const user = await signIn(page, "openid email", { client: framed });
      const renewed = await silent(page, framed);
      assert.notEqual(renewed.access_token, user.access_token);
      assert.equal(renewed.profile.sub, user.profile.sub);
      // Without a session there is nobody to ask in a frame.
      await context.clearCookies();
      await assert.rejects(silent(page, framed), /login_required/);
    }),
  );

  await check("nobody is answered unseen at an address of this machine who cannot prove who it is", () =>
    withPage(async (page) => {
      await signIn(page, "openid email");
      await assert.rejects(silent(page), /interaction_required/);
    }),
  );

  await check("a frame on another site is nobody's, whoever is signed in", () =>
    withPage(async (page) => {
      // Cookies of the provider do not go with frames of another site.
      await signIn(page, "openid email", { at: `http://localhost:${port}`, client: framed });
      await assert.rejects(silent(page, framed), /login_required/);
    }),
  );

  await check("oidc-client-ts signs out at the provider and comes back", () =>
    withPage(async (page) => {
      await signIn(page, "openid email", { client: framed });
      await silent(page, framed);
      await page.evaluate((of) => void manager(...of).signoutRedirect(), [provider, "openid email", framed]);
      await page.waitForURL(`${app}/`);
      await assert.rejects(silent(page, framed), /login_required/);
    }),
  );

  await check("a page whose origin the client does not name reads nothing", async () => {
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(`${app}/`);
      const read = (client) =>
        page.evaluate(
          ([provider, client]) =>
            fetch(`${provider}/oauth2/token`, {
              method: "POST",
              body: new URLSearchParams({ grant_type: "authorization_code", code: "x", client_id: client }),
            }).then((answer) => answer.status, () => "blocked"),
          [provider, client],
        );
      assert.equal(await read("single-page"), 400);
      assert.equal(await read("television"), "blocked");
    } finally {
      await context.close();
    }
  });

  await new Promise((closed) => {
    server.close(closed);
    server.closeAllConnections();
  });
}
