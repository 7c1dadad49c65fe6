// Writes a line into the log for each event whose action the setting `actions` lists.

import * as config from 'portcullis:host/config@0.1.0';
import * as log from 'portcullis:host/log@0.1.0';

// The hook: its functions in camel case. Records are objects; what is thrown is `hook-error` and means that all of
// these events are offered again: whoever sends them somewhere tells by their `id` which it has sent already.
export const hook = {
  consume(call, events) {
    const text = config.get('/actions');
    const actions = text === undefined || text === null ? [] : JSON.parse(text);
    if (!Array.isArray(actions)) {
      throw { message: 'actions: not a list', extensions: [] };
    }
    for (const event of events.filter((event) => actions.includes(event.action))) {
      log.write('info', `${event.action} by ${event.actor}: ${event.targetKind} ${event.targetId}`);
    }
  },
};
