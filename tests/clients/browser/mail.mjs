// The mail of a local node, from the page that shows it.

import assert from "node:assert/strict";

/** Returns the link of the latest message to somebody, of one kind of flow. */
export async function latestLink(context, provider, identifier, kind) {
  return latest(context, provider, identifier, (link) => link.includes(`/self-service/${kind}?`));
}

/** Returns the link of the latest invitation to somebody. */
export async function latestInvitation(context, provider, identifier) {
  return latest(context, provider, identifier, (link) => link.includes("/ui/invitation?"));
}

/** Returns the code of the latest message to somebody. */
export async function latestCode(context, provider, identifier) {
  const codes = (await lettersTo(context, provider, identifier)).flatMap((text) => text.match(/\b\d{6}\b/g) ?? []);
  assert.ok(codes.length > 0, `no mail with a code to ${identifier}`);
  return codes[0];
}

async function latest(context, provider, identifier, wanted) {
  const texts = await lettersTo(context, provider, identifier);
  const links = texts.flatMap((text) => text.match(/http\S+/g) ?? []).filter(wanted);
  assert.ok(links.length > 0, `no mail with such a link to ${identifier}`);
  return links[0];
}

/** Returns what the messages to somebody say, the latest first. */
async function lettersTo(context, provider, identifier) {
  const page = await context.newPage();
  await page.goto(`${provider}/ui/dev/mail`);
  const letters = page.locator("section.letter", { hasText: identifier });
  const texts = await letters.locator("pre").allInnerTexts();
  await page.close();
  return texts;
}
