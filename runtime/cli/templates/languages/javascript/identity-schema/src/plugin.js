// Takes spaces off first names, and refuses those that the setting `reserved` lists.

import * as config from 'portcullis:host/config@0.1.0';

// The part of the settings that these keys lead to, or undefined (RFC 6901, so that a key from outside cannot name
// another place).
function setting(...keys) {
  const escaped = keys.map((key) => '/' + key.replaceAll('~', '~0').replaceAll('/', '~1'));
  const text = config.get(escaped.join(''));
  return text === undefined || text === null ? undefined : JSON.parse(text);
}

// The hook: its function in camel case. Records are objects, variants are { tag, val }, an option that is none is
// undefined; an error that is thrown means that the traits are not written.
export const hook = {
  validate(call, candidate) {
    const traits = JSON.parse(candidate.traits);
    const typed = traits.name?.first;
    if (typeof typed !== 'string') {
      return { tag: 'valid', val: undefined };
    }
    const first = typed.trim();
    if ((setting('reserved') ?? []).includes(first.toLowerCase())) {
      return { tag: 'invalid', val: [['traits.name.first', 'This name is reserved.']] };
    }
    if (first === typed) {
      return { tag: 'valid', val: undefined };
    }
    return { tag: 'valid', val: JSON.stringify({ ...traits, name: { ...traits.name, first } }) };
  },
};
