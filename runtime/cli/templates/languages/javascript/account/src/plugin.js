// Writes a line into the log for what the setting `watched` lists: `profile`, `password`, `logout`.

import * as config from 'portcullis:host/config@0.1.0';
import * as log from 'portcullis:host/log@0.1.0';

// The hook: its functions in camel case. Records are objects, enums are their words; an error that is thrown is for the
// operator to see.
export const hook = {
  // It has happened, and stays.
  after(call, event) {
    const text = config.get('/watched');
    const watched = text === undefined || text === null ? [] : JSON.parse(text);
    if (!Array.isArray(watched)) {
      throw { message: 'watched: not a list', extensions: [] };
    }
    if (watched.includes(event.what)) {
      log.write('info', `${event.what} of ${event.person.id} from ${event.origin.address}`);
    }
  },
};
