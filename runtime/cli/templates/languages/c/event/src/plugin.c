/* Writes a line into the log for each event whose action the setting `actions` lists. */

#include "portcullis_json.h"

static bool is_listed(plugin_string_t list, plugin_string_t action) {
  plugin_string_t value, listed;
  for (size_t place = 0; portcullis_element(list, &place, &value);) {
    if (portcullis_read_string(value, &listed) && portcullis_equal(listed, action)) return true;
  }
  return false;
}

static void note(const exports_portcullis_event_hook_event_t *event) {
  portcullis_builder_t line = {0};
  plugin_string_t reason;
  portcullis_add(&line, event->action);
  portcullis_add(&line, portcullis_text(" by "));
  portcullis_add(&line, event->actor);
  portcullis_add(&line, portcullis_text(": "));
  portcullis_add(&line, event->target_kind);
  portcullis_add(&line, portcullis_text(" "));
  portcullis_add(&line, event->target_id);
  /* A line that is not written is no reason to fail. */
  portcullis_host_log_write(PORTCULLIS_HOST_LOG_LEVEL_INFO, &line.text, &reason);
}

/*
 * A failure means that all of these events are offered again: whoever sends them somewhere tells by their `id` which it
 * has sent already.
 */
bool exports_portcullis_event_hook_consume(
    exports_portcullis_event_hook_call_context_t *call,
    exports_portcullis_event_hook_list_event_t *events,
    exports_portcullis_event_hook_hook_error_t *error) {
  (void)call;
  plugin_string_t list;
  if (!portcullis_setting("/actions", &list)) return true;
  if (list.len == 0 || list.ptr[0] != '[') {
    *error = (exports_portcullis_event_hook_hook_error_t){.message = portcullis_text("actions: not a list")};
    return false;
  }
  for (size_t i = 0; i < events->len; i++) {
    if (is_listed(list, events->ptr[i].action)) note(&events->ptr[i]);
  }
  return true;
}
