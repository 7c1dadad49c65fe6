// Refuses people who sign up with an address of a domain that the setting `blocked` lists, and keeps the domain of
// everybody else in their metadata_admin.

import { setting } from './portcullis.js';

// The domain of the e-mail address in traits, or undefined.
function domainOf(traits) {
  const email = JSON.parse(traits).email ?? '';
  const at = email.lastIndexOf('@');
  return at < 0 ? undefined : email.slice(at + 1).toLowerCase();
}

// The hook: its functions in camel case. Records are objects, variants are { tag, val }, an option that is none is
// undefined; an error that is thrown means that no account is made.
export const hook = {
  before(call, form) {
    const domain = domainOf(form.traits);
    const isBelow = (blocked) => domain === blocked || domain?.endsWith('.' + blocked);
    if (form.source === 'self-service' && (setting('blocked') ?? []).some(isBelow)) {
      const fields = [['traits.email', 'Please use an address that lasts.']];
      return { tag: 'deny', val: { form: undefined, fields, extensions: [] } };
    }
    return { tag: 'allow', val: { traits: undefined, extensions: [] } };
  },

  after(call, person) {
    const domain = domainOf(person.traits);
    const metadataAdmin = domain === undefined ? '' : JSON.stringify({ domain });
    return { metadataPublic: '', metadataAdmin, extensions: [] };
  },
};
