// Makes the bodies of webhooks: what happened, and to whom. Of people of the domain in the setting `ignored` none is sent.

import { setting } from './portcullis.js';

// The hook: its functions in camel case. Records are objects, variants are { tag, val }; what is thrown is `hook-error` and
// means that there is no document.
export const hook = {
  transform(call, request) {
    if (request.place !== 'webhook-body') {
      throw { message: `no template for ${request.place}`, extensions: [] };
    }
    const { id, traits: { email } } = JSON.parse(request.input).ctx.identity;
    if (email.split('@').pop() === setting('ignored')) {
      return { tag: 'cancel' };
    }
    const document = JSON.stringify({ event: request.template, id, email });
    return { tag: 'output', val: { document, extensions: [] } };
  },
};
