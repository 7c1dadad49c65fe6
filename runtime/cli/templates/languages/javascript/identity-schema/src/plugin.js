// Takes spaces off first names, and refuses those that the setting `reserved` lists.

import { setting } from './portcullis.js';

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
