// Adds the plan of an app to its tokens, and gives none to apps that may not have them any more.
//
// The settings name the plan of each app by its client_id; `false` means that it gets no tokens:
//
//   [settings.plans]
//   web = "team"
//   legacy = false

import * as log from 'portcullis:host/log@0.1.0';
import { setting } from './portcullis.js';

// The hook: its functions in camel case. Records are objects, variants are { tag, val }, an option that is none is
// undefined; an error that is thrown means that no token is issued.
export const hook = {
  shapeTokens(call, request) {
    const client = call.client ?? '';
    const plan = setting('plans', client);
    if (plan === false) {
      return { tag: 'deny', val: { description: 'This app may not get tokens any more.', extensions: [] } };
    }
    if (plan === undefined) {
      log.write('info', `no plan for ${client}`);
      return { tag: 'issue', val: { idToken: '', accessToken: '', extensions: [] } };
    }
    const claims = JSON.stringify({ plan });
    return { tag: 'issue', val: { idToken: claims, accessToken: claims, extensions: [] } };
  },

  shapeUserinfo(call, request) {
    return { tag: 'answer', val: { claims: '', extensions: [] } };
  },
};
