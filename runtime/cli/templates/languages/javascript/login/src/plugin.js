// Closes the door: for everybody, with the words in the setting `closed`, and for whom an administrator has barred, with
// those in `barred` of their metadata_admin. Sends people whose domain the setting `homes` has to sign in there, and keeps
// the desk that an administrator gave somebody with their session.

import * as log from 'portcullis:host/log@0.1.0';
import { setting } from './portcullis.js';

const allow = (claims = '') => ({ tag: 'allow', val: { claims, extensions: [] } });
const deny = (message) => ({ tag: 'deny', val: { message, extensions: [] } });

// The hook: its functions in camel case. Records are objects, variants are { tag, val }, an option that is none is
// undefined; an error that is thrown means that nobody is signed in.
export const hook = {
  // Nothing is known of the account here: the answer must not depend on whether there is one.
  before(call, attempt) {
    const closed = setting('closed');
    if (closed !== undefined) {
      return deny(closed);
    }
    const url = setting('homes', attempt.identifier.split('@').at(-1));
    return url === undefined ? { tag: 'allow' } : { tag: 'redirect', val: { url, extensions: [] } };
  },

  // The password was right.
  after(call, attempt, person) {
    const { barred, desk } = JSON.parse(person.metadataAdmin) ?? {};
    if (barred !== undefined) {
      log.write('info', 'somebody is barred');
      return deny(barred);
    }
    return desk === undefined ? allow() : allow(JSON.stringify({ desk }));
  },
};
