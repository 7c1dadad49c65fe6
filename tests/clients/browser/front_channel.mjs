// Signing out of every app at once, by frames of the last page (OpenID Connect Front-Channel Logout 1.0), in Chromium and under
// that page's own policy: which apps are opened and what they are told, what a frame may do, and that none keeps anybody.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { check } from "../openid-client/checks.mjs";
import { heading, signInAs, signUpAt, withPage } from "./person.mjs";

const FRAME = "/frontchannel-logout";

/** What a browser says about what it keeps a frame from. */
const KEPT = [/frame-src/, /sandbox/i, /ERR_BLOCKED_BY_CSP/];

/** Serves at a free port, by an address or by a name of this machine; `seen` is what was asked for. */
async function serve(host, answer) {
  const seen = [];
  const server = createServer((request, response) => {
    const { pathname: path, searchParams: query } = new URL(request.url, "http://app");
    seen.push({ path, query, headers: request.headers });
    const answered = async () => answer(path, query, response);
    answered().catch((error) => response.writeHead(500).end(error.message));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { origin: `http://${host}:${port}`, port, seen, close };
}

function show(response, html, headers = {}) {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...headers }).end(`<!doctype html><title>App</title>${html}`);
}

/** An app in which people sign in, and which is opened when they sign out; `frame` answers what is opened then. */
async function startApp({ provider, operate }, { host = "127.0.0.1", frame = (response) => show(response, "Signed out") } = {}) {
  const verifiers = new Map();
  const random = () => randomBytes(32).toString("base64url");
  const hash = (text) => createHash("sha256").update(text).digest("base64url");
  const go = (response, path, query) => {
    response.writeHead(302, { location: `${provider}${path}?${new URLSearchParams(query)}` }).end();
  };
  const pages = {
    "/login": (response) => {
      const [state, verifier] = [random(), random()];
      verifiers.set(state, verifier);
      go(response, "/oauth2/auth", {
        response_type: "code", client_id: app.client.client_id, redirect_uri: app.at("/callback"), scope: "openid", state,
        code_challenge: hash(verifier), code_challenge_method: "S256",
      });
    },
    "/callback": async (response, query) => {
      const { client_id, client_secret } = app.client;
      const body = new URLSearchParams({
        grant_type: "authorization_code", code: query.get("code"), redirect_uri: app.at("/callback"), client_id, client_secret,
        code_verifier: verifiers.get(query.get("state")),
      });
      const tokens = await (await fetch(`${provider}/oauth2/token`, { method: "POST", body })).json();
      app.idToken = tokens.id_token;
      const session = { "set-cookie": `${app.cookie}; Path=/; HttpOnly; SameSite=Lax` };
      show(response, `<h1>Signed in</h1><p><a href="/logout">Sign out</a></p>`, session);
    },
    "/logout": (response) => {
      const back = { post_logout_redirect_uri: app.at("/bye"), state: "back" };
      go(response, "/oauth2/sessions/logout", { id_token_hint: app.idToken, ...back });
    },
    "/bye": (response) => show(response, "<h1>Goodbye</h1>"),
    "/tried": (response) => response.writeHead(204).end(),
    [FRAME]: frame,
  };
  const served = await serve(host, (path, query, response) => {
    return pages[path] ? pages[path](response, query) : response.writeHead(404).end();
  });
  const app = {
    ...served,
    /** By which it knows its own session; hosts share cookies among their ports. */
    cookie: `app_${served.port}=here`,
    at: (path) => `${served.origin}${path}`,
    asked: (path) => served.seen.filter((one) => one.path === path),
    claims: () => JSON.parse(Buffer.from(app.idToken.split(".")[1], "base64url")),
  };
  app.client = await operate("POST", "/clients", {
    client_name: "App",
    token_endpoint_auth_method: "client_secret_post",
    grant_types: ["authorization_code"],
    response_types: ["code"],
    scope: "openid",
    redirect_uris: [app.at("/callback")],
    post_logout_redirect_uris: [app.at("/bye")],
    frontchannel_logout_uri: app.at(FRAME),
    frontchannel_logout_session_required: true,
    skip_consent: true,
    skip_logout_consent: true,
  });
  return app;
}

/** The page of an app that wants more of the browser than to end its session. */
const greedy = (origin) => `<script>
const attempt = (deed) => { try { deed(); } catch {} };
attempt(() => { top.location.href = "${origin}/page"; });
attempt(() => { open("${origin}/window"); });
fetch("/tried").then(() => { location.href = "${origin}/frame"; });
</script>`;

/** Runs the checks at `provider`; `operate` sends a request to its admin API. */
export async function frontChannelChecks({ provider, operate, password, newAddress }) {
  /** Starts apps for `body`, and a server that is no app of anybody's; ends them whatever happens. */
  async function withApps(wanted, body) {
    const elsewhere = await serve("127.0.0.1", (_, __, response) => show(response, "Elsewhere"));
    const apps = [];
    try {
      for (const one of wanted(elsewhere)) apps.push(await startApp({ provider, operate }, one));
      return await body(apps, elsewhere);
    } finally {
      for (const server of [...apps, elsewhere]) server.close();
    }
  }

  /** Signs somebody new in to each of the apps, the first by the form; the page is the last one's then. */
  async function signInTo(page, ...apps) {
    const person = { identifier: newAddress(), password };
    await signUpAt(page, provider, person);
    await page.context().clearCookies();
    for (const [index, app] of apps.entries()) {
      await page.goto(app.at("/login"));
      if (index === 0) await signInAs(page, person);
      await page.waitForURL((url) => url.href.startsWith(app.at("/callback")));
      await heading(page, "Signed in");
    }
  }

  /** Signs out at the provider, whose last page has nowhere to go on to; waits until its frames have loaded. */
  async function signOutHere(page) {
    await page.goto(`${provider}/ui/logout`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await heading(page, "You’re signed out");
    await page.waitForLoadState();
  }

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";
    await check(`whoever signs out of one app is signed out of the others by frames, and comes back, ${how}`, () =>
      withApps(() => [{}, { host: "localhost" }, {}], ([first, other, unused]) =>
        withPage(async (page) => {
          await signInTo(page, other, first);
          const [farewell] = await Promise.all([
            page.waitForResponse((answer) => new URL(answer.url()).pathname.endsWith("/ui/signed-out")),
            page.getByRole("link", { name: "Sign out" }).click(),
          ]);
          const policy = farewell.headers()["content-security-policy"].split("; ");
          assert.equal(policy[0], "default-src 'none'");
          const frames = policy.filter((directive) => directive.startsWith("frame-src "));
          assert.deepEqual(frames.map((directive) => directive.split(" ").slice(1).sort()), [[first.origin, other.origin].sort()]);
          if (!javaScriptEnabled) {
            await heading(page, "You’re signed out");
            await page.waitForLoadState();
            await page.getByRole("link", { name: "Continue" }).click();
          }
          await page.waitForURL((url) => url.href === first.at("/bye?state=back"));
          await heading(page, "Goodbye");

          for (const app of [first, other]) {
            const [frame, ...more] = app.asked(FRAME);
            assert.ok(frame, `${app.origin} was not opened`);
            assert.equal(more.length, 0, "once");
            assert.equal(frame.headers["sec-fetch-dest"], "iframe");
            assert.deepEqual(Object.fromEntries(frame.query), { iss: provider, sid: app.claims().sid });
            assert.equal(frame.headers.referer, undefined, "the page's address is nobody's business");
          }
          assert.equal(first.asked("/bye")[0].headers.referer, undefined);
          assert.deepEqual(unused.seen, [], "nobody had signed in there");
          // A frame of another site has no cookies: there an app goes by `sid`.
          assert.ok(first.asked(FRAME)[0].headers.cookie?.includes(first.cookie));
          assert.ok(!other.asked(FRAME)[0].headers.cookie?.includes(other.cookie));
          await page.goto(other.at("/login"));
          await page.getByLabel("Password", { exact: true }).waitFor();
          assert.ok(page.url().startsWith(provider), page.url());
        }, { javaScriptEnabled }),
      ),
    );
  }

  await check("a frame runs its own script, takes the page nowhere, opens no window and becomes nobody else's page", () =>
    withApps(({ origin }) => [{ frame: (response) => show(response, greedy(origin)) }], ([app], elsewhere) =>
      withPage(async (page, context) => {
        await signInTo(page, app);
        const isKept = (message) => message.text().includes("frame-src") && message.text().includes(elsewhere.origin);
        await Promise.all([page.waitForEvent("console", { predicate: isKept, timeout: 30_000 }), signOutHere(page)]);
        assert.equal(app.asked("/tried").length, 1, "its script has run");
        await heading(page, "You’re signed out");
        assert.ok(page.url().startsWith(`${provider}/ui/signed-out?farewell=`), page.url());
        assert.equal(context.pages().length, 1);
        assert.deepEqual(elsewhere.seen, []);
      }, { expected: KEPT }),
    ),
  );

  await check("the last page frames no address that an app leads on to, nor one that is put into it", () =>
    withApps(({ origin }) => [{ frame: (response) => response.writeHead(302, { location: `${origin}/on` }).end() }], ([app], elsewhere) =>
      withPage(async (page) => {
        await signInTo(page, app);
        await signOutHere(page);
        assert.equal(app.asked(FRAME).length, 1);
        const blocked = await page.evaluate(
          (origin) =>
            new Promise((told) => {
              document.addEventListener("securitypolicyviolation", ({ blockedURI, effectiveDirective }) => {
                if (blockedURI.startsWith(origin)) told(effectiveDirective);
              });
              document.body.append(Object.assign(document.createElement("iframe"), { src: `${origin}/put-in` }));
              setTimeout(told, 5000, "nothing was blocked");
            }),
          elsewhere.origin,
        );
        assert.equal(blocked, "frame-src");
        assert.deepEqual(elsewhere.seen, []);
      }, { expected: KEPT }),
    ),
  );

  // Nothing but the page's own clock goes on here: its frames have never loaded.
  await check("an app that never answers keeps nobody from going on, and no other app from being opened", () =>
    withApps(() => [{}, { frame: () => {} }], ([first, silent]) =>
      withPage(async (page) => {
        await signInTo(page, silent, first);
        await page.getByRole("link", { name: "Sign out" }).click();
        await page.waitForURL((url) => url.href === first.at("/bye?state=back"));
        await heading(page, "Goodbye");
        assert.deepEqual([silent.asked(FRAME).length, first.asked(FRAME).length], [1, 1]);
      }),
    ),
  );
}
