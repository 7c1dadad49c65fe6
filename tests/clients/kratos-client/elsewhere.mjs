// What a script in a browser leaves to others: another provider that says who somebody is, and a passkey.

import assert from "node:assert/strict";
import axios from "axios";
import { check } from "../openid-client/checks.mjs";
import { Authenticator } from "./authenticator.mjs";
import { PASSWORD, Visitor, adminUrl, attributesOf, authorization, messageIds, newAddress, publicUrl, refused } from "./visitor.mjs";

/** The tenant whose people sign in with the first, and the one at a host name, which passkeys need. */
const [LINKED, KEYS] = ["/t/linked", "/t/keys"];
const PROVIDER = { method: /** @type {const} */ ("oidc"), provider: "neighbour" };
const NEIGHBOUR_SECRET = "neighbour-secret-of-more-than-32-characters";

/** Makes the linked tenant a client of the first. */
async function makeClient() {
  const client = {
    client_id: "linked",
    client_secret: NEIGHBOUR_SECRET,
    grant_types: ["authorization_code"],
    response_types: ["code"],
    scope: "openid profile email offline_access",
    redirect_uris: [`${publicUrl}${LINKED}/self-service/methods/oidc/callback/neighbour`],
    skip_consent: true,
  };
  await axios.post(`${adminUrl}/admin/clients`, client, { headers: { authorization } });
}

/** Goes to the provider as somebody there, and agrees: where the browser is sent back. */
async function agreed(there, place) {
  const asked = await there.follow(place);
  const loginChallenge = new URL(asked).searchParams.get("login_challenge") ?? undefined;
  assert.ok(loginChallenge, asked);
  const flow = (await there.api.createBrowserLoginFlow({ loginChallenge })).data;
  const body = { method: /** @type {const} */ ("password"), identifier: there.email, password: PASSWORD };
  const moved = await refused(422, there.login(flow, body));
  const back = await there.follow(moved.redirect_browser_to);
  assert.ok(back.startsWith(`${publicUrl}${LINKED}/self-service/methods/oidc/callback/neighbour?`), back);
  return back;
}

/** Somebody with an account at the provider, in a browser of their own. */
function somebodyThere(email) {
  return Object.assign(new Visitor("browser"), { email });
}

/** Presses the provider's button: a script is told where its browser goes. */
async function sentAway(visitor, kind) {
  const flow = await visitor.begin(kind);
  const pressed = kind === "login" ? visitor.login(flow, PROVIDER) : visitor.register(flow, PROVIDER);
  const moved = await refused(422, pressed);
  assert.equal(moved.error.id, "browser_location_change_required");
  assert.equal(moved.code ?? moved.error.code, 422);
  assert.ok(moved.redirect_browser_to.startsWith(`${publicUrl}/oauth2/auth?`), moved.redirect_browser_to);
  assert.equal((await visitor.read(kind, flow.id)).id, flow.id, "the form stays open");
  return moved.redirect_browser_to;
}

export async function elsewhereChecks() {
  await check("browser: somebody signs up and in with another provider", async () => {
    await makeClient();
    const email = await new Visitor("browser").signUp();
    let id;
    for (const kind of ["registration", "login"]) {
      const visitor = new Visitor("browser", LINKED);
      await refused(401, visitor.session());
      const place = await visitor.follow(await agreed(somebodyThere(email), await sentAway(visitor, kind)));
      assert.ok(!place.includes("/ui/error"), place);
      const session = await visitor.session();
      assert.equal(session.identity?.traits.email, email);
      assert.deepEqual(session.authentication_methods?.map((one) => [one.method, one.provider]), [["oidc", "neighbour"]]);
      id ??= session.identity?.id;
      assert.equal(session.identity?.id, id, "who signed up is who signs in");
    }
  });

  await check("browser: what comes back from a provider is another browser's, and counts once", async () => {
    const email = await new Visitor("browser").signUp();
    const [visitor, thief] = [new Visitor("browser", LINKED), new Visitor("browser", LINKED)];
    const back = await agreed(somebodyThere(email), await sentAway(visitor, "login"));
    await thief.follow(back);
    await refused(401, thief.session());
    await visitor.follow(back);
    assert.equal((await visitor.session()).identity?.traits.email, email);
    await visitor.signOut();
    await visitor.follow(back);
    await refused(401, visitor.session());
  });

  await check("browser: somebody signs up and in with a passkey", async () => {
    const [email, ada] = [newAddress(), new Visitor("browser", KEYS)];
    const authenticator = new Authenticator(publicUrl.replace("127.0.0.1", "localhost"));
    const method = /** @type {const} */ ("passkey");
    const flow = await ada.begin("registration");
    const asked = await refused(400, ada.register(flow, { method, traits: { email } }));
    const options = JSON.parse(attributesOf(asked, "passkey_create_data").value);
    const made = authenticator.create(options);
    const done = await ada.register(flow, { method, traits: { email }, passkey_register: made });
    assert.equal(done.identity.traits.email, email);

    const again = new Visitor("browser", KEYS);
    const login = await again.begin("login");
    const challenge = JSON.parse(attributesOf(login, "passkey_challenge").value);
    const proof = authenticator.get(challenge);
    const signedIn = await again.login(login, { method, passkey_login: proof });
    assert.deepEqual(signedIn.session.authentication_methods?.map((one) => one.method), ["passkey"]);
    assert.equal((await again.session()).identity?.id, done.identity.id);

    // Each proof is one form's; a page that only looks like ours has none.
    const late = new Visitor("browser", KEYS);
    const another = await late.begin("login");
    const replayed = await refused(400, late.login(another, { method, passkey_login: proof }));
    assert.ok(messageIds(replayed).length > 0);
    const options2 = JSON.parse(attributesOf(replayed, "passkey_challenge").value);
    authenticator.origin = "https://localhost.evil.example";
    await refused(400, late.login(another, { method, passkey_login: authenticator.get(options2) }));
    await refused(401, late.session());
  });
}
