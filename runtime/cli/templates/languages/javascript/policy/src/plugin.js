// Lets apps have only people who signed in as strongly as the setting `assurance` says for them, e.g.
// `"client:bank" = "aal2"`.

import * as config from 'portcullis:host/config@0.1.0';

// The part of the settings that these keys lead to, or undefined (RFC 6901, so that a key from outside cannot name
// another place).
function setting(...keys) {
  const escaped = keys.map((key) => '/' + key.replaceAll('~', '~0').replaceAll('/', '~1'));
  const text = config.get(escaped.join(''));
  return text === undefined || text === null ? undefined : JSON.parse(text);
}

const permit = { tag: 'permit', val: { obligations: [], headers: [], extensions: [] } };

// The hook: its functions in camel case. Records are objects, variants are { tag, val }, an option that is none is
// undefined; an error that is thrown means that it is not done.
export const hook = {
  decide(call, request) {
    const wanted = setting('assurance', request.resource);
    const { assurance } = JSON.parse(request.context);
    if (wanted === undefined || (request.subject ?? undefined) === undefined || assurance === wanted) {
      return permit;
    }
    return { tag: 'deny', val: { reason: `This app wants ${wanted}.`, extensions: [] } };
  },
};
