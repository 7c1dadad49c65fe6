// What plugins in JavaScript are written with, beside the contract.

import * as config from 'portcullis:host/config@0.1.0';

// The part of the settings that these keys lead to, or undefined (RFC 6901, so that a key from outside cannot name
// another place).
export function setting(...keys) {
  const escaped = keys.map((key) => '/' + key.replaceAll('~', '~0').replaceAll('/', '~1'));
  const text = config.get(escaped.join(''));
  return text === undefined || text === null ? undefined : JSON.parse(text);
}
