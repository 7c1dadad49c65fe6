// Closes the door: for everybody, with the words in the setting `closed`, and for whom an administrator has barred, with
// those in `barred` of their metadata_admin.

import * as log from 'portcullis:host/log@0.1.0';
import { setting } from './portcullis.js';

const allow = { tag: 'allow' };
const deny = (message) => ({ tag: 'deny', val: { message, extensions: [] } });

// The hook: its functions in camel case. Records are objects, variants are { tag, val }, an option that is none is
// undefined; an error that is thrown means that nobody is signed in.
export const hook = {
  // Nothing is known of the account here: the answer must not depend on whether there is one.
  before(call, attempt) {
    const closed = setting('closed');
    return closed === undefined ? allow : deny(closed);
  },

  // The password was right.
  after(call, attempt, person) {
    const barred = JSON.parse(person.metadataAdmin)?.barred;
    if (barred === undefined) {
      return allow;
    }
    log.write('info', 'somebody is barred');
    return deny(barred);
  },
};
