// A login and consent app of a tenant's own, written against `@ory/hydra-client` as for Hydra, and a certified relying
// party that signs in through it.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Configuration, OAuth2Api } from "@ory/hydra-client";
import * as openid from "openid-client";
import { Browser } from "./browser.mjs";
import { check } from "./checks.mjs";
import { begin } from "./code.mjs";
import { apps, discover, loggedOutUri, redirectUri, register, standIn, webApp } from "./provider.mjs";

const SUBJECT = "crm|4711";

/** The app: what its pages would show is decided by the login hint, so that they need no forms. */
function app(hydra) {
  const skips = [];
  const answer = {
    "/login": async (query) => {
      const loginChallenge = query.get("login_challenge");
      const { data: asked } = await hydra.getOAuth2LoginRequest({ loginChallenge });
      if (asked.oidc_context?.login_hint === "nobody") {
        const rejectOAuth2Request = { error: "access_denied", error_description: "nobody is here" };
        return (await hydra.rejectOAuth2LoginRequest({ loginChallenge, rejectOAuth2Request })).data;
      }
      skips.push(asked.skip);
      const acceptOAuth2LoginRequest = {
        subject: asked.skip ? asked.subject : SUBJECT,
        remember: true,
        remember_for: 3600,
        acr: "gold",
        amr: ["pwd"],
        context: { desk: 7 },
      };
      return (await hydra.acceptOAuth2LoginRequest({ loginChallenge, acceptOAuth2LoginRequest })).data;
    },
    "/consent": async (query) => {
      const consentChallenge = query.get("consent_challenge");
      const { data: asked } = await hydra.getOAuth2ConsentRequest({ consentChallenge });
      const acceptOAuth2ConsentRequest = {
        grant_scope: asked.requested_scope,
        grant_access_token_audience: asked.requested_access_token_audience,
        remember: true,
        session: { id_token: { email: "ada@crm.example", desk: asked.context.desk }, access_token: { floor: 3 } },
      };
      return (await hydra.acceptOAuth2ConsentRequest({ consentChallenge, acceptOAuth2ConsentRequest })).data;
    },
    "/logout": async (query) => {
      const logoutChallenge = query.get("logout_challenge");
      const { data: asked } = await hydra.getOAuth2LogoutRequest({ logoutChallenge });
      assert.equal(asked.subject, SUBJECT);
      return (await hydra.acceptOAuth2LogoutRequest({ logoutChallenge })).data;
    },
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://127.0.0.1");
    const found = answer[url.pathname];
    if (!found) return response.writeHead(404).end();
    found(url.searchParams).then(
      ({ redirect_to: location }) => response.writeHead(302, { location }).end(),
      (error) => response.writeHead(500).end(`${error.message}: ${JSON.stringify(error.response?.data)}`),
    );
  });
  return { server, skips };
}

export default async function ownApps() {
  // The stand-in has another way of bringing pages of one's own.
  if (standIn) return;
  const hydra = new OAuth2Api(new Configuration({ basePath: apps.admin, accessToken: apps.key }));
  // The generated client sends no token of its own: the operations of the open source API ask for none.
  hydra.axios.defaults.headers.common.authorization = `Bearer ${apps.key}`;
  const { server, skips } = app(hydra);
  await new Promise((resolve) => server.listen(apps.port, "127.0.0.1", resolve));
  try {
    const client = await register(webApp, apps.issuer);
    const config = await discover(client, openid.ClientSecretBasic(client.client_secret), apps.issuer);
    const signIn = async (browser, more = {}) => {
      const { address, expected } = await begin(config, more);
      const page = await browser.open(address, { until: redirectUri });
      assert.ok(page.arrived, `stuck at ${page.url}: ${page.status} ${page.html?.slice(0, 400)}`);
      return { url: page.url, expected };
    };
    const browser = new Browser();
    let idToken;

    await check("own apps: somebody whom only the app knows gets their tokens", async () => {
      const { url, expected } = await signIn(browser, { scope: "openid email offline_access" });
      const tokens = await openid.authorizationCodeGrant(config, url, expected);
      const claims = tokens.claims();
      assert.deepEqual([claims.sub, claims.acr, claims.email, claims.desk], [SUBJECT, "gold", "ada@crm.example", 7]);
      const told = await openid.fetchUserInfo(config, tokens.access_token, SUBJECT);
      assert.equal(told.email, "ada@crm.example");
      const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
      assert.deepEqual([next.claims().sub, next.claims().desk], [SUBJECT, 7]);
      idToken = tokens.id_token;
    });
    await check("own apps: whoever was remembered comes back without a page", async () => {
      const { url, expected } = await signIn(browser, { prompt: "none", id_token_hint: idToken });
      const tokens = await openid.authorizationCodeGrant(config, url, expected);
      assert.equal(tokens.claims().sub, SUBJECT);
      assert.deepEqual(skips, [false, true]);
    });
    await check("own apps: what the app refuses is told to the relying party", async () => {
      const { url } = await signIn(new Browser(), { login_hint: "nobody" });
      assert.equal(url.searchParams.get("error"), "access_denied");
      assert.equal(url.searchParams.get("error_description"), "nobody is here");
    });
    await check("own apps: a relying party signs somebody out", async () => {
      const address = openid.buildEndSessionUrl(config, {
        id_token_hint: idToken,
        post_logout_redirect_uri: loggedOutUri,
        state: "back",
      });
      const page = await browser.open(address, { until: loggedOutUri });
      assert.ok(page.arrived, `stuck at ${page.url}: ${page.status}`);
      const { address: again } = await begin(config, { prompt: "none" });
      const { url } = await browser.open(again, { until: redirectUri });
      assert.equal(url.searchParams.get("error"), "login_required");
    });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
