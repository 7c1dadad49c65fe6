// Puts the setting `signature` under every e-mail, in the language of whoever gets it, e.g. `en = "Yours, Acme"`.

import { setting } from './portcullis.js';

const asIs = { tag: 'as-is' };

// The hook: its functions in camel case. Records are objects, variants are { tag, val }, an option that is none is
// undefined; what is thrown is `hook-error` and means that the message is offered again.
export const hook = {
  send(call, message) {
    if (message.channel === 'sms') {
      return asIs;
    }
    const language = (message.locale ?? 'en').split('-')[0];
    const signature = setting('signature', language);
    if (signature === undefined) {
      return asIs;
    }
    const { subject, text, html } = message;
    const withIt = html === undefined || html === null ? undefined : `${html}<p>${signature}</p>`;
    const rewriting = { subject, text: `${text}\n\n${signature}`, html: withIt, extensions: [] };
    return { tag: 'rewritten', val: rewriting };
  },
};
