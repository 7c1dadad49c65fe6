// Every flow, by a native app and by a script in a browser.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { check } from "../openid-client/checks.mjs";
import { PASSWORD, Visitor, attributesOf, codeOf, messageIds, newAddress, refused } from "./visitor.mjs";

/** @param {"native" | "browser"} how */
export async function flowChecks(how) {
  const visitor = () => new Visitor(how);

  await check(`${how}: a person signs up, and a weak password and a taken address give the flow back`, async () => {
    const ada = visitor();
    const email = newAddress();
    const flow = await ada.begin("registration");
    const weak = await refused(400, ada.register(flow, { method: "password", password: "short", traits: { email } }));
    assert.ok(weak.id === flow.id && messageIds(weak).length > 0);
    const done = await ada.register(flow, { method: "password", password: PASSWORD, traits: { email } });
    assert.equal(done.identity.traits.email, email);
    assert.equal((await ada.session()).identity?.id, done.identity.id);
    const other = visitor();
    const taken = { method: /** @type {const} */ ("password"), password: PASSWORD, traits: { email } };
    assert.ok(messageIds(await refused(400, other.register(await other.begin("registration"), taken))).includes(4000007));
  });

  await check(`${how}: a person signs in and out, and a wrong password gives the flow back`, async () => {
    const email = await visitor().signUp();
    const ada = visitor();
    const flow = await ada.begin("login");
    const wrong = await refused(400, ada.login(flow, { method: "password", identifier: email, password: "wrong" }));
    assert.ok(messageIds(wrong).includes(4000006));
    const done = await ada.login(flow, { method: "password", identifier: email, password: PASSWORD });
    assert.equal(done.session.authenticator_assurance_level, "aal1");
    assert.equal((await ada.session()).identity?.traits.email, email);
    await ada.signOut();
    await refused(401, ada.session());
  });

  await check(`${how}: a person signs in and up with a code`, async () => {
    const email = await visitor().signUp();
    const ada = visitor();
    const login = await ada.begin("login");
    const sent = await refused(400, ada.login(login, { method: "code", identifier: email, csrf_token: "" }));
    assert.ok(sent.state === "sent_email" && messageIds(sent).includes(1010014));
    const done = await ada.login(login, { method: "code", identifier: email, code: await codeOf(email), csrf_token: "" });
    assert.deepEqual(done.session.authentication_methods?.map((one) => one.method), ["code"]);
    const fresh = newAddress();
    const bob = visitor();
    const registration = await bob.begin("registration");
    await refused(400, bob.register(registration, { method: "code", traits: { email: fresh } }));
    const made = await bob.register(registration, { method: "code", traits: { email: fresh }, code: await codeOf(fresh) });
    assert.equal(made.identity.verifiable_addresses?.[0].verified, true);
  });

  await check(`${how}: a person proves an address`, async () => {
    const ada = visitor();
    const email = await ada.signUp();
    const flow = await ada.begin("verification");
    const sent = await ada.verify(flow, { method: "code", email });
    assert.ok(sent.state === "sent_email" && messageIds(sent).includes(1080003));
    const wrong = await refused(400, ada.verify(flow, { method: "code", code: "000000" }));
    assert.equal(wrong.id, flow.id);
    const done = await ada.verify(flow, { method: "code", code: await codeOf(email) });
    assert.equal(done.state, "passed_challenge");
    assert.equal((await ada.session()).identity?.verifiable_addresses?.[0].verified, true);
  });

  await check(`${how}: a person who forgot the password gets back in and sets a new one`, async () => {
    const email = await visitor().signUp();
    const ada = visitor();
    const flow = await ada.begin("recovery");
    assert.equal((await ada.recover(flow, { method: "code", email })).state, "sent_email");
    const code = { method: /** @type {const} */ ("code"), code: await codeOf(email) };
    let settings;
    if (how === "native") {
      const done = await ada.recover(flow, code);
      const [token, next] = done.continue_with ?? [];
      assert.ok(token?.action === "set_ory_session_token" && next?.action === "show_settings_ui");
      ada.token = token.ory_session_token;
      settings = await ada.read("settings", next.flow.id);
    } else {
      const moved = await refused(422, ada.recover(flow, code));
      assert.equal(moved.error.id, "browser_location_change_required");
      settings = await ada.read("settings", new URL(moved.redirect_browser_to).searchParams.get("flow"));
    }
    const fresh = "a harbour at dawn 9";
    await ada.change(settings, { method: "password", password: fresh });
    assert.ok((await visitor().signIn(email, fresh)).session.active);
    await refused(400, visitor().signIn(email));
  });

  await check(`${how}: a person changes the profile and the password`, async () => {
    const ada = visitor();
    await refused(401, ada.begin("settings"));
    await ada.signUp();
    const moved = newAddress();
    const after = await ada.change(await ada.begin("settings"), { method: "profile", traits: { email: moved } });
    assert.ok(after.state === "success" && after.identity.traits.email === moved);
    const flow = await ada.begin("settings");
    const weak = await refused(400, ada.change(flow, { method: "password", password: "short" }));
    assert.ok(messageIds(weak).length > 0);
    await ada.change(flow, { method: "password", password: "quiet harbour 5 o'clock" });
    assert.ok((await visitor().signIn(moved, "quiet harbour 5 o'clock")).session.active);
  });

  await check(`${how}: an authenticator app and backup codes are the second factor`, async () => {
    const ada = visitor();
    const email = await ada.signUp();
    const begun = await ada.begin("settings");
    const secret = attributesOf(begun, "totp_secret_key").text.text;
    assert.match(attributesOf(begun, "totp_qr").src, /^data:image\/png;base64,/);
    const wrong = await refused(400, ada.change(begun, { method: "totp", totp_code: "000000" }));
    assert.ok(messageIds(wrong).includes(4000008));
    await ada.change(begun, { method: "totp", totp_code: totp(secret, 0) });
    const flow = await ada.begin("settings");
    const shown = await ada.change(flow, { method: "lookup_secret", lookup_secret_regenerate: true });
    const codes = attributesOf(shown, "lookup_secret_codes").text.context.secrets.map((one) => one.text);
    assert.equal(new Set(codes).size, 12);
    await ada.change(flow, { method: "lookup_secret", lookup_secret_confirm: true });

    const bodies = [
      { method: /** @type {const} */ ("totp"), totp_code: totp(secret, 1) },
      { method: /** @type {const} */ ("lookup_secret"), lookup_secret: codes[0] },
    ];
    for (const body of bodies) {
      const again = await firstStep(visitor(), email);
      const refusal = await refused(403, again.begin("settings"));
      assert.equal(refusal.error.id, "session_aal2_required");
      const second = await again.begin("login", { aal: "aal2" });
      assert.equal(second.requested_aal, "aal2");
      const done = await again.login(second, body);
      assert.equal(done.session.authenticator_assurance_level, "aal2");
      assert.deepEqual(done.session.authentication_methods?.map((one) => one.method), ["password", body.method]);
      assert.equal((await again.begin("settings")).identity.traits.email, email);
    }
    // Each counts once.
    const late = await firstStep(visitor(), email);
    for (const body of bodies) {
      await refused(400, late.login(await late.begin("login", { aal: "aal2" }), body));
    }
  });

  await check(`${how}: a person lists and ends sessions`, async () => {
    const [mine, second, third] = [visitor(), visitor(), visitor()];
    const email = await mine.signUp();
    const id = (await second.signIn(email)).session.id;
    await third.signIn(email);
    const asked = { xSessionToken: mine.token };
    const listed = (await mine.api.listMySessions(asked)).data.map((one) => one.id);
    assert.ok(listed.length === 2 && listed.includes(id));
    await mine.api.disableMySession({ id, ...asked });
    await refused(401, second.session());
    assert.equal((await mine.api.disableMyOtherSessions(asked)).data.count, 1);
    await refused(401, third.session());
    assert.equal((await mine.session()).active, true);
  });
}

/** Signs in with the password of somebody who has a second factor: a script is told where the browser goes on. */
async function firstStep(visitor, email) {
  if (visitor.how === "native") {
    await visitor.signIn(email);
  } else {
    assert.match((await refused(422, visitor.signIn(email))).redirect_browser_to, /aal=aal2/);
  }
  return visitor;
}

/** What an authenticator app shows in a step of 30 seconds, counted from now (RFC 6238). */
function totp(secret, ahead) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const digest = createHmac("sha1", bytes).update(step).digest();
  const start = digest[digest.length - 1] & 15;
  return ((digest.readUInt32BE(start) & 0x7fffffff) % 1_000_000).toString().padStart(6, "0");
}
