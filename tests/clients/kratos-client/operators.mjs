// What operators do with people, their sessions and their messages.

import assert from "node:assert/strict";
import { check } from "../openid-client/checks.mjs";
import { PASSWORD, Visitor, courier, identities, newAddress, publicUrl, refused } from "./visitor.mjs";

const NOBODY = "00000000-0000-4000-8000-000000000000";

/** Makes somebody with a password. */
async function make(email = newAddress(), more = {}) {
  const credentials = { password: { config: { password: PASSWORD } } };
  const createIdentityBody = { schema_id: "default", traits: { email }, credentials, ...more };
  return (await identities.createIdentity({ createIdentityBody })).data;
}

export async function operatorChecks() {
  await check("operator: somebody is made, found, replaced, patched and deleted", async () => {
    const email = newAddress();
    const { id } = await make(email, { external_id: `crm-${email}`, metadata_admin: { note: "vip" } });
    assert.equal((await identities.getIdentityByExternalID({ externalID: `crm-${email}` })).data.id, id);
    const found = (await identities.getIdentity({ id, includeCredential: ["password"] })).data;
    assert.deepEqual(found.credentials?.password.identifiers, [email]);
    const moved = newAddress();
    const updateIdentityBody = { schema_id: "default", state: /** @type {const} */ ("active"), traits: { email: moved } };
    assert.equal((await identities.updateIdentity({ id, updateIdentityBody })).data.traits.email, moved);
    const jsonPatch = [{ op: "add", path: "/metadata_public", value: { tier: "gold" } }];
    assert.deepEqual((await identities.patchIdentity({ id, jsonPatch })).data.metadata_public, { tier: "gold" });
    assert.ok((await new Visitor("native").signIn(moved)).session.active);
    await identities.deleteIdentity({ id });
    await refused(404, identities.getIdentity({ id }));
  });

  await check("operator: many are made at once, and one that is not costs the others nothing", async () => {
    const taken = (await make()).traits.email;
    const emails = [newAddress(), taken, newAddress()];
    const patches = emails.map((email) => ({ create: { schema_id: "default", traits: { email } } }));
    const { identities: outcomes } = (await identities.batchPatchIdentities({ patchIdentitiesBody: { identities: patches } })).data;
    assert.deepEqual(outcomes?.map((one) => one.action), ["create", "error", "create"]);
  });

  await check("operator: people are listed in pages, and by several filters at once", async () => {
    const made = [await make(), await make(), await make()];
    const seen = new Set();
    let pageToken;
    do {
      const page = await identities.listIdentities({ pageSize: 2, pageToken });
      page.data.forEach((one) => seen.add(one.id));
      pageToken = /page_token=([^&>]+)[^,]*rel="next"/.exec(page.headers.link.split(",").at(-1))?.[1];
    } while (pageToken);
    assert.ok(made.every((one) => seen.has(one.id)));
    const asked = { ids: made.map((one) => one.id), credentialsIdentifier: made[1].traits.email };
    assert.deepEqual((await identities.listIdentities(asked)).data.map((one) => one.id), [made[1].id]);
    await refused(400, identities.listIdentities({ pageToken: "rubbish" }));
  });

  await check("operator: sessions are listed, found, extended and ended", async () => {
    const { id, traits } = await make();
    const ada = new Visitor("native");
    const session = (await ada.signIn(traits.email)).session.id;
    assert.deepEqual((await identities.listIdentitySessions({ id, active: true })).data.map((one) => one.id), [session]);
    const found = (await identities.getSession({ id: session, expand: ["identity", "devices"] })).data;
    assert.equal(found.identity?.id, id);
    assert.ok((await identities.listSessions({ active: true, pageSize: 10 })).data.length > 0);
    assert.equal((await identities.extendSession({ id: session })).data.id, session);
    await identities.disableSession({ id: session });
    await refused(401, ada.session());
    const other = new Visitor("native");
    await other.signIn(traits.email);
    await identities.deleteIdentitySessions({ id });
    await refused(401, other.session());
  });

  await check("operator: a code and a link let somebody back in", async () => {
    const { id } = await make();
    const code = (await identities.createRecoveryCodeForIdentity({
      createRecoveryCodeForIdentityBody: { identity_id: id, flow_type: "api" },
    })).data;
    const ada = new Visitor("native");
    const flow = await ada.read("recovery", new URL(code.recovery_link).searchParams.get("flow"));
    assert.equal((await ada.recover(flow, { method: "code", code: code.recovery_code })).state, "passed_challenge");
    const createRecoveryLinkForIdentityBody = { identity_id: id };
    const link = (await identities.createRecoveryLinkForIdentity({ createRecoveryLinkForIdentityBody })).data;
    assert.ok(link.recovery_link.startsWith(publicUrl), link.recovery_link);
  });

  await check("operator: a credential is taken away, but not the last", async () => {
    const { id } = await make();
    await refused(400, identities.deleteIdentityCredentials({ id, type: "password" }));
    await refused(404, identities.deleteIdentityCredentials({ id, type: "totp" }));
    await refused(404, identities.deleteIdentity({ id: NOBODY }));
  });

  await check("operator: messages are listed, and one is shown with what it says", async () => {
    const email = await new Visitor("native").signUp();
    const [message] = (await courier.listCourierMessages({ recipient: email })).data;
    assert.ok(message.type === "email" && message.template_type === "verification_code_valid");
    assert.match((await courier.getCourierMessage({ id: message.id })).data.body, /\b\d{6}\b/);
    const asked = { recipient: email, status: message.status };
    assert.ok((await courier.listCourierMessages(asked)).data.length <= 1);
    await refused(404, courier.getCourierMessage({ id: NOBODY }));
  });

  await check("operator: schemas are listed and shown", async () => {
    const listed = (await identities.listIdentitySchemas()).data;
    assert.ok(listed.some((one) => one.id === "default"));
    assert.equal(typeof (await identities.getIdentitySchema({ id: "default" })).data, "object");
  });
}
