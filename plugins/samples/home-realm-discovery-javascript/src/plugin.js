// Sends people to the sign-in of their organisation, by the domain of the address that they type. Everybody else signs in
// here. The settings are in settings.schema.json.

import * as log from 'portcullis:host/log@0.1.0';
import { setting } from './portcullis.js';

const allow = { tag: 'allow' };

// Nobody's mail is deeper below a registered domain; and no address makes the plugin use up its host calls.
const LABELS = 8;

// The domain of an address in its one written form, or undefined. A local part in quotes may have an @ of its own.
function domainOf(address) {
  const at = address.lastIndexOf('@');
  return at < 0 ? undefined : address.slice(at + 1).trim().toLowerCase().replace(/\.+$/, '');
}

// The realm of the domain, or the nearest one above it that counts for what is below.
function realmOf(domain) {
  const labels = domain.split('.');
  if (labels.length > LABELS) {
    return undefined;
  }
  for (let at = 0; at < labels.length; at += 1) {
    const realm = setting('realms', labels.slice(at).join('.'));
    if (realm !== undefined && (at === 0 || realm.subdomains === true)) {
      return realm;
    }
  }
  return undefined;
}

// The address with a parameter more. What is typed stays a value, whatever characters it has.
function withHint(url, identifier) {
  const [address, ...fragment] = url.split('#');
  const separator = address.includes('?') ? '&' : '?';
  return [`${address}${separator}login_hint=${encodeURIComponent(identifier)}`, ...fragment].join('#');
}

export const hook = {
  // Alike for addresses with an account and without one: only the domain counts.
  before(call, attempt) {
    const domain = domainOf(attempt.identifier);
    const realm = domain === undefined ? undefined : realmOf(domain);
    if (realm === undefined) {
      return allow;
    }
    log.write('info', 'somebody was sent to the sign-in of their organisation');
    const url = realm.login_hint === true ? withHint(realm.url, attempt.identifier.trim()) : realm.url;
    return { tag: 'redirect', val: { url, extensions: [] } };
  },

  // Who has a password here, and got past `before`, is at home here.
  after() {
    return { tag: 'allow', val: { claims: '', extensions: [] } };
  },
};
