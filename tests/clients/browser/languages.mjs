// Four languages, which people choose on any page; and the ways out of a page that says that something went wrong.

import assert from "node:assert/strict";
import { check } from "../openid-client/checks.mjs";
import { finePages } from "./looks.mjs";
import { heading, withPage } from "./person.mjs";

/** What people see in each language: its own name, the way in, the way to an account, and the way back from an error. */
const LANGUAGES = {
  de: { name: "Deutsch", login: "Anmelden", registration: "Konto erstellen", missing: "Seite nicht gefunden", home: "Zur Startseite" },
  fr: { name: "Français", login: "Se connecter", registration: "Créer votre compte", missing: "Page introuvable", home: "Aller à l’accueil" },
  es: { name: "Español", login: "Iniciar sesión", registration: "Crear su cuenta", missing: "Página no encontrada", home: "Ir a la página de inicio" },
  en: { name: "English", login: "Sign in", registration: "Create your account", missing: "Page not found", home: "Go to the start page" },
};

/** Runs the checks at `provider`. */
export async function languageChecks({ provider }) {
  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";
    const fine = finePages(javaScriptEnabled);

    await check(`a person chooses a language, the form stays, and every page speaks it from then on, ${how}`, () =>
      withPage(async (page) => {
        await page.goto(`${provider}/self-service/login/browser`);
        await heading(page, LANGUAGES.en.login);
        const flow = new URL(page.url()).searchParams.get("flow");
        await page.goto(`${provider}/self-service/registration/browser`);
        await heading(page, LANGUAGES.en.registration);
        // A browser keeps four forms; these are two.
        const registration = page.url();
        await page.goto(`${provider}/ui/login?flow=${flow}`);
        await heading(page, LANGUAGES.en.login);
        for (const [tag, words] of Object.entries(LANGUAGES)) {
          await page.getByRole("link", { name: words.name }).click();
          await heading(page, words.login);
          assert.equal(await page.locator("html").getAttribute("lang"), tag);
          assert.equal(new URL(page.url()).searchParams.get("flow"), flow, "it is the same form");
          assert.equal(await page.locator("[aria-current=true]").innerText(), words.name);
          await fine(page);
          await page.goto(registration);
          await heading(page, words.registration);
          await page.goto(`${provider}/ui/login?flow=${flow}`);
          await heading(page, words.login);
        }
      }, { javaScriptEnabled }),
    );

    await check(`a browser is answered in its own language, and an unknown one in the tenant's, ${how}`, async () => {
      for (const [locale, tag] of [["de-AT", "de"], ["fr-CA", "fr"], ["es-MX", "es"], ["ja-JP", "en"]]) {
        await withPage(async (page) => {
          await page.goto(`${provider}/self-service/login/browser`);
          await heading(page, LANGUAGES[tag].login);
        }, { javaScriptEnabled, locale });
      }
    });

    await check(`a page that is not there leads to the start page, in each language, ${how}`, async () => {
      for (const [locale, words] of Object.entries(LANGUAGES)) {
        await withPage(async (page) => {
          const answer = await page.goto(`${provider}/nothing/is/here`);
          assert.equal(answer.status(), 404);
          await heading(page, words.missing);
          await fine(page);
          assert.match(await page.locator("dl.request code").innerText(), /^[0-9a-f-]{36}$/);
          await page.getByRole("link", { name: words.home }).click();
          assert.equal(new URL(page.url()).pathname, `${new URL(provider).pathname}/`);
          assert.equal((await page.goto(page.url())).status(), 200);
        }, { javaScriptEnabled, locale });
      }
    });

    await check(`a form that cannot go on says why, and begins again, ${how}`, () =>
      withPage(async (page, context) => {
        await page.goto(`${provider}/self-service/login/browser`);
        await page.getByLabel(/^e-?mail/i).fill("somebody@acme.example");
        await page.getByLabel("Password", { exact: true }).fill("whatever it is");
        // A browser that has forgotten its cookies on the way.
        await context.clearCookies();
        await page.getByRole("button", { name: "Sign in", exact: true }).click();
        await heading(page, "Your browser sent no cookie");
        await fine(page);
        assert.match(await page.getByRole("link", { name: "Get help" }).getAttribute("href"), /^mailto:/);
        await page.getByRole("link", { name: "Start again" }).click();
        await heading(page, "Sign in");
        await page.getByLabel("Password", { exact: true }).waitFor();
      }, { javaScriptEnabled }),
    );
  }
}
