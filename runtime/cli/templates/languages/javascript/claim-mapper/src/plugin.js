// Takes people of the providers in the setting `domains` by their e-mail address, if it is verified and of the domain
// there, e.g. `corporate = "acme.example"`.

import { setting } from './portcullis.js';

const deny = (message) => ({ tag: 'deny', val: { message, extensions: [] } });

// The hook: its functions in camel case. Records are objects, variants are { tag, val }, an option that is none is
// undefined; an error that is thrown means that nobody is signed in.
export const hook = {
  mapClaims(call, upstream) {
    const domain = setting('domains', upstream.provider);
    if (domain === undefined) {
      return { tag: 'pass' };
    }
    const { email, email_verified } = JSON.parse(upstream.claims);
    if (email === undefined || email_verified !== true) {
      return deny('Your address is not verified there.');
    }
    if (email.split('@').pop() !== domain) {
      return deny(`Sign in with an address of ${domain}.`);
    }
    const traits = JSON.stringify({ email });
    const verifiedAddresses = [{ via: 'email', value: email }];
    const mapping = { traits, metadataPublic: '', metadataAdmin: '', groups: undefined, verifiedAddresses, extensions: [] };
    return { tag: 'mapped', val: mapping };
  },
};
