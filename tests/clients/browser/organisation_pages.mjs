// The page of an organisation, as its owners and administrators see it, and what the link of an invitation shows to whom. With
// JavaScript and without; with it, axe-core looks at each page.

import assert from "node:assert/strict";
import { check } from "../openid-client/checks.mjs";
import { finePages } from "./looks.mjs";
import { latestInvitation } from "./mail.mjs";
import { heading, signInAs, signUpAt, withPage } from "./person.mjs";

/** Runs the checks at `provider`; `operate` sends a request to its admin API. */
export async function organisationPageChecks({ provider, operate, password, newAddress }) {
  const settings = `${provider}/self-service/settings/browser`;

  /** Signs somebody up, who owns a new organisation then, and opens its page. */
  async function own(page, label) {
    const identifier = newAddress();
    await signUpAt(page, provider, { identifier, password });
    const { id: organisation } = await operate("POST", "/portcullis/v1/organisations", { label });
    await join(organisation, identifier, "owner");
    await open(page, label);
    return { identifier, organisation };
  }

  async function join(organisation, identifier, role) {
    const [{ id }] = await operate("GET", `/identities?credentials_identifier=${encodeURIComponent(identifier)}`);
    await operate("PUT", `/portcullis/v1/organisations/${organisation}/members/${id}`, { role });
  }

  async function open(page, label) {
    await page.goto(settings);
    await page.getByRole("link", { name: label }).click();
    await heading(page, `People of ${label}`);
  }

  async function invite(page, address) {
    await page.getByLabel("Email address").fill(address);
    await page.getByRole("button", { name: "Send the invitation" }).click();
    await page.getByText("The change is made.").waitFor();
  }

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";
    const fine = finePages(javaScriptEnabled);
    let organisations = 0;
    const newLabel = () => `Engines ${(organisations += 1)} ${javaScriptEnabled ? "A" : "B"}`;

    await check(`an owner claims a domain, learns which record proves it, and lets it go, ${how}`, () =>
      withPage(async (page) => {
        await own(page, newLabel());
        const domains = page.getByRole("region", { name: "Domains" });
        await domains.getByText("There is no domain yet.").waitFor();
        await fine(page);
        await domains.getByLabel("Domain").fill("not a domain");
        await domains.getByRole("button", { name: "Add the domain" }).click();
        await domains.getByText(/Please enter a domain/).waitFor();
        await domains.getByLabel("Domain").fill("engines.acme.example");
        await domains.getByRole("button", { name: "Add the domain" }).click();
        await domains.getByText("Not proven yet").waitFor();
        await domains.getByText("_portcullis-challenge.engines.acme.example").waitFor();
        await fine(page);
        // The name server of this node is nobody's.
        await domains.getByRole("button", { name: "Check now whether engines.acme.example is proven" }).click();
        await domains.getByText(/name servers of engines.acme.example do not answer/).waitFor();
        await domains.getByRole("button", { name: "Remove engines.acme.example" }).click();
        await domains.getByText("There is no domain yet.").waitFor();
      }, { javaScriptEnabled }),
    );

    await check(`an owner connects a provider, tests it, changes it, and takes it away, ${how}`, () =>
      withPage(async (page) => {
        await own(page, newLabel());
        const connection = page.getByRole("region", { name: "Sign-in with your own provider" });
        await connection.getByLabel("Issuer").fill("https://login.acme.invalid");
        await connection.getByLabel("Client ID").fill("portcullis");
        await connection.getByLabel("Client secret").fill("a-secret-of-more-than-32-characters-x");
        await connection.getByRole("button", { name: "Connect the provider" }).click();
        await connection.getByText("https://login.acme.invalid", { exact: true }).waitFor();
        await connection.getByText(/organization\/.*\/callback\//).waitFor();
        await fine(page);
        await connection.getByRole("button", { name: "Test" }).click();
        await connection.getByText(/does not answer as OpenID Connect asks/).waitFor();
        // What is to be mended is open already.
        assert.equal(await connection.getByLabel("Client secret").inputValue(), "", "a secret is never shown again");
        await connection.getByLabel(/Name on the button/).fill("Acme sign-in");
        await connection.getByRole("button", { name: "Save the connection" }).click();
        await connection.getByText("Acme sign-in").first().waitFor();
        // It is on from the beginning.
        assert.equal(await connection.getByRole("button", { name: "Turn on" }).count(), 0);
        await connection.getByRole("button", { name: "Turn off" }).click();
        await connection.getByRole("button", { name: "Turn on" }).waitFor();
        await connection.getByRole("button", { name: "Remove the connection" }).click();
        await connection.getByRole("button", { name: "Connect the provider" }).waitFor();
      }, { javaScriptEnabled }),
    );

    await check(`an owner makes a key, sees it once, and revokes it, ${how}`, () =>
      withPage(async (page) => {
        const label = newLabel();
        await own(page, label);
        const keys = page.getByRole("region", { name: "Keys for programs" });
        await keys.getByText("There is no key.").waitFor();
        await keys.getByLabel("Name of the key").fill("HR sync");
        await keys.getByLabel("What it may do").selectOption({ label: "Read and change" });
        await keys.getByLabel("How long it works").selectOption({ label: "30 days" });
        await keys.getByRole("button", { name: "Make a key" }).click();
        await keys.getByText("The key HR sync is made.").waitFor();
        const secret = await keys.locator("code.secret").innerText();
        assert.ok(secret.length > 30, secret);
        await fine(page);
        await open(page, label);
        assert.equal(await page.getByText(secret).count(), 0, "a key is shown once");
        await keys.getByText("never used").waitFor();
        await keys.getByRole("button", { name: "Revoke the key HR sync" }).click();
        await keys.getByText("There is no key.").waitFor();
      }, { javaScriptEnabled }),
    );

    await check(`an administrator invites, and sees nothing that is the owners' alone, ${how}`, () =>
      withPage(async (page) => {
        const label = newLabel();
        const { identifier: owner, organisation } = await own(page, label);
        await page.context().clearCookies();
        const administrator = newAddress();
        await signUpAt(page, provider, { identifier: administrator, password });
        await join(organisation, administrator, "admin");
        await open(page, label);
        await fine(page);
        for (const name of ["Domains", "Sign-in with your own provider", "Keys for programs"]) {
          assert.equal(await page.getByRole("region", { name }).count(), 0, name);
        }
        assert.equal(await page.getByRole("button", { name: `Remove ${owner}` }).count(), 0, "owners are not theirs to remove");
        const invited = newAddress();
        await invite(page, invited);
        await page.getByText(/^Member · expires in/).waitFor();
        await page.getByRole("button", { name: `Take back the invitation of ${invited}` }).click();
        await page.getByText(invited).waitFor({ state: "detached" });
        // Who is nobody in it does not learn that it is there.
        const place = page.url();
        await withPage(async (stranger) => {
          await signUpAt(stranger, provider, { identifier: newAddress(), password });
          const answer = await stranger.goto(place);
          assert.equal(answer.status(), 404);
          assert.equal(await stranger.getByText(label).count(), 0);
        }, { javaScriptEnabled });
      }, { javaScriptEnabled }),
    );

    await check(`the link of an invitation leads whoever opens it to where they can go on, ${how}`, () =>
      withPage(async (page, context) => {
        const label = newLabel();
        await own(page, label);
        const [invited, other] = [newAddress(), newAddress()];
        await withPage((theirs) => signUpAt(theirs, provider, { identifier: invited, password }));
        await invite(page, invited);
        const link = await latestInvitation(context, provider, invited);
        await withPage(async (reader) => {
          await reader.goto(link);
          await heading(reader, `Join ${label}`);
          await fine(reader);
          await reader.getByRole("link", { name: "Create an account" }).waitFor();
          // Somebody else signs in on the way, is told whose invitation it is, and changes to the right account.
          await reader.getByRole("link", { name: "Sign in", exact: true }).click();
          await signUpAt(reader, provider, { identifier: other, password });
          await reader.goto(link);
          await reader.getByText(`Signed in as ${other}`).waitFor();
          await reader.getByRole("button", { name: "Accept the invitation" }).click();
          await reader.getByText(/and this account has another address/).waitFor();
          await fine(reader);
          await reader.getByRole("link", { name: "Use another account" }).click();
          await signInAs(reader, { identifier: invited, password });
          await heading(reader, `Join ${label}`);
          await reader.getByText(`Signed in as ${invited}`).waitFor();
          await reader.getByRole("button", { name: "Accept the invitation" }).click();
          await heading(reader, "Account settings");
          const answer = await reader.goto(link);
          assert.equal(answer.status(), 404);
          await heading(reader, "This invitation is not valid any more");
          await fine(reader);
          await reader.getByRole("link", { name: "Get help" }).waitFor();
        }, { javaScriptEnabled });
        await page.reload();
        await page.getByLabel(`Role of ${invited}`, { exact: true }).waitFor();
      }, { javaScriptEnabled }),
    );
  }
}
