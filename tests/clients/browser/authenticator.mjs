// Authenticators that Chromium makes up.

/** What there is: the device itself, which keeps passkeys; a key that is plugged in; and one that knows its owner by a PIN. */
const KINDS = {
  device: { transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true },
  key: { transport: "usb", hasResidentKey: false, hasUserVerification: false, isUserVerified: false },
  "verifying key": { transport: "usb", hasResidentKey: false, hasUserVerification: true, isUserVerified: true },
};

/** Gives a page an authenticator of one kind. */
export async function withAuthenticator(page, kind) {
  const client = await page.context().newCDPSession(page);
  await client.send("WebAuthn.enable");
  const { authenticatorId } = await client.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", automaticPresenceSimulation: true, ...KINDS[kind] },
  });
  return {
    credentials: async () => (await client.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
    verified: (isUserVerified) => client.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
  };
}
