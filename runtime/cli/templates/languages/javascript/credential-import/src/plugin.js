// Knows the passwords of an old shop again, each once: the server keeps a hash of its own from then on.
//
// An administrator has made the accounts with what the shop's database had, as `scheme$salt$adler32$checksum`, and the
// setting `scheme` says whose they are. The checksum stands for whatever the old system used: its algorithm belongs here.

import * as config from 'portcullis:host/config@0.1.0';

// A credential that nobody has, for calls that only take their time.
const NOBODY = '-$0000$adler32$ffffffff';

// RFC 1950 section 8.2, of text in UTF-8. The engine has no TextEncoder.
function adler32(text) {
  let [a, b] = [1, 0];
  for (const part of encodeURIComponent(text).match(/%..|./g) ?? []) {
    const byte = part.length === 3 ? parseInt(part.slice(1), 16) : part.charCodeAt(0);
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b * 65536) + a).toString(16).padStart(8, '0');
}

// The hook: its functions in camel case. Records are objects, variants are { tag, val }, an option that is none is
// undefined; an error that is thrown means that nobody is signed in. Nothing that is logged here is kept: the calls
// carry passwords.
export const hook = {
  verify(call, attempt) {
    const text = config.get('/scheme');
    const wanted = text === undefined || text === null ? undefined : JSON.parse(text);
    const [scheme, salt, algorithm, checksum] = (attempt.credential ?? NOBODY).split('$');
    if (algorithm !== 'adler32') {
      throw new Error('a credential of another form');
    }
    // Computed in any case, so that the time tells nobody who has an account.
    const computed = adler32(salt + attempt.password);
    return { tag: scheme === wanted && computed === checksum ? 'correct' : 'wrong' };
  },
};
