/* Takes spaces off first names, and refuses those that the setting `reserved` lists. */

#include "portcullis_json.h"

static bool is_space(uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

static plugin_string_t trimmed(plugin_string_t text) {
  while (text.len > 0 && is_space(text.ptr[0])) text.ptr++, text.len--;
  while (text.len > 0 && is_space(text.ptr[text.len - 1])) text.len--;
  return text;
}

static bool is_reserved(plugin_string_t name) {
  plugin_string_t list, value, reserved, lower = portcullis_lower(name);
  if (!portcullis_setting("/reserved", &list)) return false;
  for (size_t place = 0; portcullis_element(list, &place, &value);) {
    if (portcullis_read_string(value, &reserved) && portcullis_equal(reserved, lower)) return true;
  }
  return false;
}

/* A text with another JSON string in the place of a part of it. */
static plugin_string_t replaced(plugin_string_t text, plugin_string_t part, plugin_string_t said) {
  size_t before = (size_t)(part.ptr - text.ptr), after = before + part.len;
  portcullis_builder_t made = {0};
  portcullis_add(&made, (plugin_string_t){text.ptr, before});
  portcullis_add_string(&made, said);
  portcullis_add(&made, (plugin_string_t){text.ptr + after, text.len - after});
  return made.text;
}

bool exports_portcullis_identity_schema_hook_validate(
    exports_portcullis_identity_schema_hook_call_context_t *call,
    exports_portcullis_identity_schema_hook_candidate_t *candidate,
    exports_portcullis_identity_schema_hook_verdict_t *verdict,
    exports_portcullis_identity_schema_hook_hook_error_t *error) {
  (void)call, (void)error;
  static plugin_tuple2_string_string_t fields[1];
  *verdict = (exports_portcullis_identity_schema_hook_verdict_t){
      .tag = EXPORTS_PORTCULLIS_IDENTITY_SCHEMA_HOOK_VERDICT_VALID,
  };
  plugin_string_t name, value, typed;
  if (!portcullis_member(candidate->traits, "name", &name)) return true;
  if (!portcullis_member(name, "first", &value) || !portcullis_read_string(value, &typed)) return true;
  plugin_string_t first = trimmed(typed);
  if (is_reserved(first)) {
    fields[0].f0 = portcullis_text("traits.name.first");
    fields[0].f1 = portcullis_text("This name is reserved.");
    verdict->tag = EXPORTS_PORTCULLIS_IDENTITY_SCHEMA_HOOK_VERDICT_INVALID;
    verdict->val.invalid = (plugin_list_tuple2_string_string_t){fields, 1};
  } else if (first.len != typed.len) {
    verdict->val.valid = (plugin_option_string_t){true, replaced(candidate->traits, value, first)};
  }
  return true;
}
