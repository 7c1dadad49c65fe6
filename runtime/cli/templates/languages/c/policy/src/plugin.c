/*
 * Lets apps have only people who signed in as strongly as the setting `assurance` says for them, e.g.
 * `"client:bank" = "aal2"`.
 */

#include "portcullis_json.h"

/* The assurance that the setting wants for this resource; false where it wants none. */
static bool wanted_for(plugin_string_t resource, plugin_string_t *wanted) {
  portcullis_builder_t place = {0};
  portcullis_add(&place, portcullis_text("/assurance"));
  portcullis_add_key(&place, resource);
  portcullis_add(&place, (plugin_string_t){(uint8_t *)"", 1});
  plugin_string_t value;
  return portcullis_setting((const char *)place.text.ptr, &value) && portcullis_read_string(value, wanted);
}

bool exports_portcullis_policy_hook_decide(
    exports_portcullis_policy_hook_call_context_t *call,
    exports_portcullis_policy_hook_policy_request_t *request,
    exports_portcullis_policy_hook_decision_t *decision,
    exports_portcullis_policy_hook_hook_error_t *error) {
  (void)call, (void)error;
  plugin_string_t wanted, value, assurance;
  *decision = (exports_portcullis_policy_hook_decision_t){.tag = EXPORTS_PORTCULLIS_POLICY_HOOK_DECISION_PERMIT};
  if (!request->subject.is_some || !wanted_for(request->resource, &wanted)) return true;
  if (portcullis_member(request->context, "assurance", &value) && portcullis_read_string(value, &assurance)
      && portcullis_equal(assurance, wanted)) {
    return true;
  }
  portcullis_builder_t reason = {0};
  portcullis_add(&reason, portcullis_text("This app wants "));
  portcullis_add(&reason, wanted);
  portcullis_add(&reason, portcullis_text("."));
  decision->tag = EXPORTS_PORTCULLIS_POLICY_HOOK_DECISION_DENY;
  decision->val.deny = (exports_portcullis_policy_hook_denial_t){.reason = reason.text};
  return true;
}
