// Refuses people who sign up with an address at a domain that hands out mailboxes for a few minutes.
//
// Settings, all optional:
//   field    the trait with the address; `email` without it
//   blocked  domains that are refused beside those of the list
//   allowed  domains that are not, although the list or `blocked` has one above them

import * as log from 'portcullis:host/log@0.1.0';
import { disposable } from './domains.js';
import { setting } from './portcullis.js';

const allow = { tag: 'allow', val: { traits: undefined, extensions: [] } };

// The domain of an address in its one written form, or undefined. A local part in quotes may have an @ of its own.
function domainOf(address) {
  const at = address.lastIndexOf('@');
  return at < 0 ? undefined : address.slice(at + 1).toLowerCase().replace(/\.+$/, '');
}

// Whether it is refused: what is said of the nearest domain counts, its own before those above it.
function isRefused(domain) {
  const allowed = new Set(setting('allowed') ?? []);
  const blocked = new Set(setting('blocked') ?? []);
  const labels = domain.split('.');
  for (let at = 0; at < labels.length; at += 1) {
    const candidate = labels.slice(at).join('.');
    if (allowed.has(candidate)) {
      return false;
    }
    if (blocked.has(candidate) || disposable.has(candidate)) {
      return true;
    }
  }
  return false;
}

// Before the plugin is called with its settings: what no schema tells is that one half of them undoes the other.
export const settings = {
  check() {
    const allowed = new Set(setting('allowed') ?? []);
    const both = (setting('blocked') ?? []).find((domain) => allowed.has(domain));
    if (both !== undefined) {
      throw `blocked: ${both} is in allowed too, and would be refused to nobody`;
    }
  },
};

export const hook = {
  before(call, form) {
    // Administrators and directories know whom they add.
    if (form.source !== 'self-service') {
      return allow;
    }
    const field = setting('field') ?? 'email';
    const address = JSON.parse(form.traits)[field];
    const domain = typeof address === 'string' ? domainOf(address) : undefined;
    // Whether there has to be an address, and of what form, is for the schema to say.
    if (domain === undefined || !isRefused(domain)) {
      return allow;
    }
    log.write('info', 'an address at a disposable domain was refused');
    const fields = [[`traits.${field}`, 'Please use an address that you will still have tomorrow.']];
    return { tag: 'deny', val: { form: undefined, fields, extensions: [] } };
  },

  after() {
    return { metadataPublic: '', metadataAdmin: '', extensions: [] };
  },
};
