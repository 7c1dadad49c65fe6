// Says at introspection which plan an app has now, and that tokens of apps that may not have any are live no more.
//
// The settings name the plan of each app by its client_id; `false` means that its tokens are worth nothing:
//
//   [settings.plans]
//   web = "team"
//   legacy = false

import * as log from 'portcullis:host/log@0.1.0';
import { setting } from './portcullis.js';

const nothing = { idToken: '', accessToken: '', extensions: [] };

// The hook: tokens and userinfo stay as they are. Functions have their names in camel case, records are objects, variants
// are { tag, val }.
export const hook = {
  shapeTokens(call, request) {
    return { tag: 'issue', val: nothing };
  },

  shapeUserinfo(call, request) {
    return { tag: 'answer', val: { claims: '', extensions: [] } };
  },
};

// What is said when a token is introspected. An error that is thrown means that whoever asks does not learn that it is live.
export const introspection = {
  shapeIntrospection(call, token) {
    const client = call.client ?? '';
    const plan = setting('plans', client);
    if (plan === false) {
      return { tag: 'inactive' };
    }
    if (plan === undefined) {
      log.write('info', `no plan for ${client}`);
      return { tag: 'answer', val: { claims: '', extensions: [] } };
    }
    return { tag: 'answer', val: { claims: JSON.stringify({ plan }), extensions: [] } };
  },
};
