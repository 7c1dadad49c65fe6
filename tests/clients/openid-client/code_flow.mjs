// RFC 6749 section 4.1 with PKCE (RFC 7636), RFC 9207, and OpenID Connect Core section 3.1.

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { Browser, authorize } from "./browser.mjs";
import { check, refused } from "./checks.mjs";
import { begin, obtainCode, signIn } from "./code.mjs";
import { clientKeys, discover, issuer, person, redirectUri, register, standIn, webApp } from "./provider.mjs";

export default async function codeFlow() {
  const client = await register(webApp);
  const config = await discover(client, openid.ClientSecretBasic(client.client_secret));

  await check("a person signs in and the app gets their claims", async () => {
    const { tokens, url, seen } = await signIn(config);
    const claims = tokens.claims();
    assert.equal(claims.iss, issuer);
    assert.deepEqual([claims.aud].flat(), [client.client_id]);
    assert.ok(claims.sub && claims.exp > claims.iat);
    assert.ok(tokens.access_token && tokens.refresh_token === undefined, "no refresh token without offline_access");
    assert.equal(url.searchParams.get("iss"), issuer);
    assert.deepEqual(seen.slice(0, 1), ["login"]);
    assert.ok(seen.includes("consent"), "a client that is not first-party asks for consent");
  });

  for (const [method, authentication] of [
    ["client_secret_post", ({ secret }) => openid.ClientSecretPost(secret)],
    ["private_key_jwt", ({ keys }) => openid.PrivateKeyJwt({ key: keys.key, kid: keys.kid })],
    ["none", () => openid.None()],
  ]) {
    await check(`a person signs in to an app with ${method}`, async () => {
      const keys = await clientKeys();
      const own = method === "private_key_jwt" ? { jwks: keys.jwks, token_endpoint_auth_signing_alg: "ES256" } : {};
      const app = await register({ ...webApp, token_endpoint_auth_method: method, ...own });
      const { tokens } = await signIn(await discover(app, authentication({ secret: app.client_secret, keys })));
      assert.deepEqual([tokens.claims().aud].flat(), [app.client_id]);
    });
  }

  if (!standIn) {
    for (const [method, authentication] of [
      ["client_secret_basic", ({ secret }) => openid.ClientSecretBasic(secret)],
      ["private_key_jwt", ({ keys }) => openid.PrivateKeyJwt({ key: keys.key, kid: keys.kid })],
      ["none", () => openid.None()],
    ]) {
      await check(`a request that an app with ${method} pushed is answered like one by address`, async () => {
        const keys = await clientKeys();
        const own = method === "private_key_jwt" ? { jwks: keys.jwks, token_endpoint_auth_signing_alg: "ES256" } : {};
        const app = await register({
          ...webApp, ...own, token_endpoint_auth_method: method, require_pushed_authorization_requests: true,
        });
        const config = await discover(app, authentication({ secret: app.client_secret, keys }));
        const { parameters, expected } = await begin(config);
        const address = await openid.buildAuthorizationUrlWithPAR(config, parameters);
        assert.deepEqual([...address.searchParams.keys()].sort(), ["client_id", "request_uri"]);
        const { url } = await authorize(new Browser(), address, redirectUri, person);
        const tokens = await openid.authorizationCodeGrant(config, url, expected);
        assert.deepEqual([tokens.claims().aud].flat(), [app.client_id]);
      });
    }
    await check("a request that is not to be had is refused when it is pushed", async () => {
      const { parameters } = await begin(config, { scope: "openid not-registered" });
      await refused(openid.buildAuthorizationUrlWithPAR(config, parameters), "invalid_scope");
    });
    await check("an app that pushes its requests gets nothing for others", async () => {
      const app = await register({ ...webApp, require_pushed_authorization_requests: true });
      const { address } = await begin(await discover(app, openid.ClientSecretBasic(app.client_secret)));
      const { url } = await new Browser().open(address, { until: redirectUri });
      assert.equal(url.searchParams.get("error"), "invalid_request");
    });
  }
  if (!standIn) await check("a request by form is answered like one by address", async () => {
    const { address, expected } = await begin(config);
    const { url } = await authorize(new Browser(), address, redirectUri, person, { byForm: true });
    const tokens = await openid.authorizationCodeGrant(config, url, expected);
    assert.deepEqual([tokens.claims().aud].flat(), [client.client_id]);
  });
  await check("what was allowed once is asked for again, and what is remembered is not", async () => {
    const app = await register(webApp);
    const own = await discover(app, openid.ClientSecretBasic(app.client_secret));
    const browser = new Browser();
    for (const remember of [false, true]) {
      await authorize(browser, (await begin(own)).address, redirectUri, person, { remember });
      const { address, expected } = await begin(own, { prompt: "none" });
      const page = await browser.open(address, { until: redirectUri });
      assert.ok(page.arrived, `a page was shown: ${page.url}`);
      // The stand-in remembers without being told to.
      if (remember || standIn) assert.ok((await openid.authorizationCodeGrant(own, page.url, expected)).claims().sub);
      else assert.equal(page.url.searchParams.get("error"), "consent_required");
    }
  });
  await check("prompt=none without a session is login_required, with state and iss", async () => {
    const { address, parameters } = await begin(config, { prompt: "none" });
    const { url } = await new Browser().open(address, { until: redirectUri });
    assert.equal(url.searchParams.get("error"), "login_required");
    assert.equal(url.searchParams.get("state"), parameters.state);
    assert.equal(url.searchParams.get("iss"), issuer);
    assert.equal(url.searchParams.get("code"), null);
  });
  await check("prompt=login asks a signed-in person again", async () => {
    const { browser } = await signIn(config);
    const again = await signIn(config, { prompt: "login" }, browser);
    assert.ok(again.seen.includes("login"));
  });
  await check("max_age gives the time of the sign-in", async () => {
    const { address, expected } = await begin(config, { max_age: "600" });
    const { url } = await authorize(new Browser(), address, redirectUri, person);
    const tokens = await openid.authorizationCodeGrant(config, url, { ...expected, maxAge: 600 });
    assert.ok(Math.abs(tokens.claims().auth_time - Date.now() / 1000) < 60);
  });

  await check("a code is redeemed once, and its tokens die with the second try", async () => {
    const { url, expected } = await obtainCode(config);
    const tokens = await openid.authorizationCodeGrant(config, url, expected);
    await refused(openid.authorizationCodeGrant(config, url, expected), "invalid_grant");
    const { active } = await openid.tokenIntrospection(config, tokens.access_token);
    assert.equal(active, false);
  });
  await check("of many that redeem one code at the same time, one at most is served", async () => {
    const { url, expected } = await obtainCode(config);
    const all = await Promise.allSettled(Array.from({ length: 12 }, () => openid.authorizationCodeGrant(config, url, expected)));
    const served = all.filter(({ status }) => status === "fulfilled");
    assert.ok(served.length <= 1, `${served.length} were served`);
    for (const { value } of served) assert.equal((await openid.tokenIntrospection(config, value.access_token)).active, false);
    for (const { reason } of all.filter(({ status }) => status === "rejected")) assert.equal(reason.error, "invalid_grant");
  });
  await check("a code with another verifier is refused", async () => {
    const { url, expected } = await obtainCode(config);
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    await refused(openid.authorizationCodeGrant(config, url, { ...expected, pkceCodeVerifier }), "invalid_grant");
  });
  await check("a code without its verifier is refused", async () => {
    const { url, expected } = await obtainCode(config);
    await refused(openid.authorizationCodeGrant(config, url, { ...expected, pkceCodeVerifier: undefined }), "invalid_grant", "invalid_request");
  });
  await check("a code of another client is refused", async () => {
    const { url, expected } = await obtainCode(config);
    const thief = await register(webApp);
    const theirs = await discover(thief, openid.ClientSecretBasic(thief.client_secret));
    await refused(openid.authorizationCodeGrant(theirs, url, expected), "invalid_grant");
  });
  await check("a code with another redirect URI is refused", async () => {
    const app = await register({ ...webApp, redirect_uris: [redirectUri, `${redirectUri}/other`] });
    const own = await discover(app, openid.ClientSecretBasic(app.client_secret));
    const { url, expected } = await obtainCode(own);
    const moved = new URL(`${redirectUri}/other${url.search}`);
    await refused(openid.authorizationCodeGrant(own, moved, expected), "invalid_grant");
  });

  for (const [what, redirect] of [
    ["another host", "https://elsewhere.example/callback"],
    ["a longer path", `${redirectUri}/more`],
    ["a query", `${redirectUri}?x=1`],
    ["a registered URI as a prefix of its host", "http://127.0.0.1.elsewhere.example/callback"],
  ]) {
    await check(`a redirect URI with ${what} is a page, never a redirect`, async () => {
      const { address } = await begin(config, { redirect_uri: redirect });
      const page = await new Browser().open(address);
      assert.equal(page.url.origin, new URL(issuer).origin);
      assert.equal(page.status, 400);
    });
  }
  await check("an unknown client is a page, never a redirect", async () => {
    const { address } = await begin(config);
    address.searchParams.set("client_id", "00000000-0000-4000-8000-000000000000");
    const page = await new Browser().open(address);
    assert.equal(page.url.origin, new URL(issuer).origin);
    assert.ok([400, 401].includes(page.status), String(page.status));
  });
  for (const [what, change, ...codes] of [
    ["an unknown scope", { scope: "openid no-such-scope" }, "invalid_scope"],
    ["another response type", { response_type: "token" }, "unsupported_response_type", "unauthorized_client"],
    ["a plain PKCE challenge", { code_challenge_method: "plain" }, "invalid_request"],
    ["prompt=none together with login", { prompt: "none login" }, "invalid_request"],
  ]) {
    if (standIn && what === "an unknown scope") continue;
    await check(`${what} is refused at the redirect URI`, async () => {
      const { address, parameters } = await begin(config, change);
      const page = await new Browser().open(address, { until: redirectUri });
      assert.ok(page.arrived, `no redirect: ${page.status} at ${page.url}`);
      const answer = new URLSearchParams(page.url.search || page.url.hash.slice(1));
      assert.ok(codes.includes(answer.get("error")), answer.toString());
      assert.equal(answer.get("state"), parameters.state);
      assert.equal(answer.get("iss"), issuer);
    });
  }
  await check("response_mode=form_post answers with a form", async () => {
    const { address } = await begin(config, { response_mode: "form_post", prompt: "none" });
    const page = await new Browser().open(address, { until: redirectUri });
    assert.equal(page.forms?.[0]?.action, redirectUri);
    assert.ok(page.forms[0].fields.some(({ name, value }) => name === "error" && value === "login_required"));
  });

  if (standIn) return;
  await check("a native app may use any port of its loopback address", async () => {
    const { url } = await (async () => {
      const other = redirectUri.replace(":4999", ":50123");
      const { address } = await begin(config, { redirect_uri: other });
      return authorize(new Browser(), address, other, person);
    })();
    assert.ok(url.searchParams.get("code"));
  });
  await check("a person who declines sends the app access_denied", async () => {
    const app = await register(webApp);
    const own = await discover(app, openid.ClientSecretBasic(app.client_secret));
    const { address, parameters } = await begin(own);
    const { url } = await authorize(new Browser(), address, redirectUri, person, { consent: "deny" });
    assert.equal(url.searchParams.get("error"), "access_denied");
    assert.equal(url.searchParams.get("state"), parameters.state);
    assert.equal(url.searchParams.get("iss"), issuer);
  });
  await check("a first-party client asks for no consent", async () => {
    const app = await register({ ...webApp, skip_consent: true });
    const { seen } = await signIn(await discover(app, openid.ClientSecretBasic(app.client_secret)));
    assert.deepEqual(seen, ["login"]);
  });
  await check("a wrong password shows the form again and signs nobody in", async () => {
    const browser = new Browser();
    const { address } = await begin(config);
    let page = await browser.open(address, { until: redirectUri });
    const fill = { identifier: person.identifier, password: "not the password" };
    page = await browser.submit(page.forms.find((form) => form.fields.some(({ type }) => type === "password")), { fill, until: redirectUri });
    assert.ok(!page.arrived && page.forms.some((form) => form.fields.some(({ type }) => type === "password")));
    const { url } = await authorize(browser, address, redirectUri, person);
    assert.ok(url.searchParams.get("code"), "the right one then works");
  });
  await check("a challenge of another browser is refused", async () => {
    const { address } = await begin(config);
    const page = await new Browser().open(address, { until: redirectUri });
    const login = page.forms.find((form) => form.fields.some(({ type }) => type === "password"));
    const stolen = await new Browser().open(page.url, { until: redirectUri });
    assert.equal(stolen.status, 403, `shown at ${stolen.url}`);
    assert.ok(!stolen.forms.some((form) => form.fields.some(({ type }) => type === "password")));
    // Nor does it help to have the form itself.
    const fill = { identifier: person.identifier, password: person.password };
    const after = await new Browser().submit(login, { fill, until: redirectUri });
    assert.ok(!after.arrived && after.status >= 400, `another browser is at ${after.url}: ${after.status}`);
  });
}
