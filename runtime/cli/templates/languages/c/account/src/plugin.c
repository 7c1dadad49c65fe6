/* Writes a line into the log for what the setting `watched` lists: `profile`, `password`, `logout`. */

#include "portcullis_json.h"

/* The words of the contract, in the order of their numbers. */
static const char *const words[] = {"profile", "password", "logout", "recovery", "verification"};

/* It has happened, and stays: a failure is for the operator to see. */
bool exports_portcullis_account_hook_after(
    exports_portcullis_account_hook_call_context_t *call,
    exports_portcullis_account_hook_account_event_t *event,
    exports_portcullis_account_hook_hook_error_t *error) {
  (void)call;
  plugin_string_t list, value, watched, what = portcullis_text(words[event->what]);
  if (!portcullis_setting("/watched", &list)) return true;
  if (list.len == 0 || list.ptr[0] != '[') {
    *error = (exports_portcullis_account_hook_hook_error_t){.message = portcullis_text("watched: not a list")};
    return false;
  }
  for (size_t place = 0; portcullis_element(list, &place, &value);) {
    if (!portcullis_read_string(value, &watched) || !portcullis_equal(watched, what)) continue;
    portcullis_builder_t line = {0};
    plugin_string_t reason;
    portcullis_add(&line, what);
    portcullis_add(&line, portcullis_text(" of "));
    portcullis_add(&line, event->person.id);
    portcullis_add(&line, portcullis_text(" from "));
    portcullis_add(&line, event->origin.address);
    /* A line that is not written is no reason to fail. */
    portcullis_host_log_write(PORTCULLIS_HOST_LOG_LEVEL_INFO, &line.text, &reason);
    return true;
  }
  return true;
}
