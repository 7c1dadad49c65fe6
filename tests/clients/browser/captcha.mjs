// The check that a person is there, by a service of our own: a widget that looks for its place as Turnstile's does, and the
// address at which its proofs are shown.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { check } from "../openid-client/checks.mjs";
import { heading, withPage } from "./person.mjs";

/** The widget: two buttons, one for persons. What it hands over is in a field of the form around it, as theirs is. */
const WIDGET = `(() => {
  let made = 0;
  for (const place of document.querySelectorAll(".cf-turnstile")) {
    const proof = Object.assign(document.createElement("input"), { type: "hidden", name: "cf-turnstile-response" });
    const button = (label, value) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
      button.addEventListener("click", () => {
        proof.value = value();
        button.setAttribute("aria-pressed", "true");
      });
      return button;
    };
    const { sitekey, action } = place.dataset;
    place.append(
      proof,
      button("I am a person", () => ["person", sitekey, action, Date.now(), (made += 1)].join(":")),
      button("I am a script", () => ["script", sitekey, action].join(":")),
    );
  }
})();`;

/** Serves the widget, and says of proofs what they are: a person's, once, to whoever has the secret. */
async function startService(port, secret) {
  const shown = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://service");
    if (request.method === "GET" && pathname === "/api.js") {
      return response.writeHead(200, { "content-type": "text/javascript" }).end(WIDGET);
    }
    if (request.method !== "POST" || pathname !== "/siteverify") return response.writeHead(404).end();
    let body = "";
    for await (const part of request) body += part;
    const form = Object.fromEntries(new URLSearchParams(body));
    const [who, , action] = form.response.split(":");
    const isSpent = shown.some(({ response }) => response === form.response);
    shown.push(form);
    const success = form.secret === secret && who === "person" && !isSpent;
    const said = { success, hostname: "127.0.0.1", action, "error-codes": success ? [] : ["invalid-input-response"] };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(said));
  });
  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  return { shown, close: () => server.close() };
}

/** Runs the checks on a tenant whose forms ask the service at `port`, which knows it by `secret`. */
export async function captchaChecks({ provider, port, secret, password, newAddress }) {
  const service = await startService(port, secret);
  const refused = /could not confirm that you are a person/i;
  const widget = (page) => page.getByRole("group", { name: "Please complete the check that you are a person" });
  const press = (page, label) => widget(page).getByRole("button", { name: label }).click();

  async function signUp(page) {
    const identifier = newAddress();
    await page.goto(`${provider}/self-service/registration/browser`);
    await page.getByLabel(/^e-?mail/i).fill(identifier);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await press(page, "I am a person");
    await page.getByRole("button", { name: "Create account" }).click();
    await page.waitForURL((url) => !url.href.includes("registration"));
    return identifier;
  }

  await check("a person shows a widget that they are one, and a script does not get in", () =>
    withPage(async (page, context) => {
      const identifier = await signUp(page);
      await context.clearCookies();
      const before = service.shown.length;
      const answer = await page.goto(`${provider}/self-service/login/browser`);
      // Nothing but what the widget needs is let in.
      const policy = answer.headers()["content-security-policy"];
      const origin = `http://127.0.0.1:${port}`;
      assert.match(policy, /^default-src 'none';/);
      for (const directive of policy.split("; ").filter((one) => one.includes(origin))) {
        assert.match(directive, /^(script|frame|connect)-src /);
      }
      assert.ok(policy.includes(`script-src ${origin}`), policy);

      const signIn = async () => {
        await page.getByLabel("Password", { exact: true }).fill(password);
        await page.getByRole("button", { name: "Sign in", exact: true }).click();
      };
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await widget(page).waitFor();
      await signIn();
      await page.getByText(refused).waitFor();
      assert.equal(service.shown.length, before, "without a proof nobody is asked");
      assert.equal(await page.getByLabel(/^e-?mail/i).inputValue(), identifier, "what was typed is kept");

      await press(page, "I am a script");
      await signIn();
      await page.getByText(refused).waitFor();
      assert.ok(page.url().includes("/ui/login"), page.url());

      await press(page, "I am a person");
      await signIn();
      await heading(page, "Account settings");
      const [script, person, ...more] = service.shown.slice(before);
      assert.deepEqual(more, []);
      assert.match(script.response, /^script:site-key:login$/);
      assert.match(person.response, /^person:site-key:login:/);
      assert.deepEqual([person.secret, person.remoteip], [secret, "127.0.0.1"]);
    }),
  );

  await check("a proof that was shown is not shown again when a form comes back", () =>
    withPage(async (page, context) => {
      const identifier = await signUp(page);
      await context.clearCookies();
      await page.goto(`${provider}/self-service/login/browser`);
      await page.getByLabel(/^e-?mail/i).fill(identifier);
      await page.getByLabel("Password", { exact: true }).fill("not the password");
      await press(page, "I am a person");
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await page.getByText(/didn.t match/i).first().waitFor();
      // The form that comes back has a widget of its own, with nothing in it.
      assert.equal(await page.locator('[name="cf-turnstile-response"]').inputValue(), "");
      await press(page, "I am a person");
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await heading(page, "Account settings");
    }),
  );

  await check("an address that a message would go to asks for a person, and the code in it does not", () =>
    withPage(async (page) => {
      const before = service.shown.length;
      await page.goto(`${provider}/self-service/recovery/browser`);
      await page.getByLabel(/^e-?mail/i).fill(newAddress());
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByText(refused).waitFor();
      await page.getByLabel(/^e-?mail/i).fill(newAddress());
      await press(page, "I am a person");
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByLabel("Recovery code").fill("000000");
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByText(/This code is wrong/).waitFor();
      assert.deepEqual(service.shown.slice(before).map(({ response }) => response.split(":")[2]), ["recovery"]);
    }),
  );

  await check("without JavaScript the page says why nobody gets in, and what to do", () =>
    withPage(async (page) => {
      const before = service.shown.length;
      await page.goto(`${provider}/self-service/login/browser`);
      const hint = page.getByText(/needs JavaScript, which is switched off/);
      await hint.waitFor();
      assert.match(await hint.innerText(), /switch it on, or ask whoever runs this service/);
      await page.getByLabel(/^e-?mail/i).fill(newAddress());
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await page.getByText(refused).waitFor();
      await hint.waitFor();
      assert.equal(service.shown.length, before);
    }, { javaScriptEnabled: false }),
  );

  service.close();
}
