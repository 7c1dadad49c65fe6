/*
 * Makes the bodies of webhooks: what happened, and to whom. Of people of the domain in the setting `ignored` none is sent.
 */

#include "portcullis_json.h"

/* What is behind the last @; the whole text where there is none. */
static plugin_string_t domain_of(plugin_string_t email) {
  size_t start = email.len;
  while (start > 0 && email.ptr[start - 1] != '@') start--;
  return (plugin_string_t){email.ptr + start, email.len - start};
}

static bool is_ignored(plugin_string_t email) {
  plugin_string_t setting, ignored;
  return portcullis_setting("/ignored", &setting) && portcullis_read_string(setting, &ignored) &&
         portcullis_equal(domain_of(email), ignored);
}

/* A text of the input that must be there. */
static bool read_member(plugin_string_t object, const char *key, plugin_string_t *text) {
  plugin_string_t value;
  return portcullis_member(object, key, &value) && portcullis_read_string(value, text);
}

/* Gives up: there is no document, and the operator finds the reason in the log. */
static bool fail(exports_portcullis_transform_hook_hook_error_t *error, plugin_string_t reason) {
  *error = (exports_portcullis_transform_hook_hook_error_t){.message = reason};
  return false;
}

bool exports_portcullis_transform_hook_transform(
    exports_portcullis_transform_hook_call_context_t *call,
    exports_portcullis_transform_hook_transform_request_t *request,
    exports_portcullis_transform_hook_transform_decision_t *decision,
    exports_portcullis_transform_hook_hook_error_t *error) {
  (void)call;
  if (!portcullis_equal(request->place, portcullis_text("webhook-body"))) {
    portcullis_builder_t reason = {0};
    portcullis_add(&reason, portcullis_text("no template for "));
    portcullis_add(&reason, request->place);
    return fail(error, reason.text);
  }
  plugin_string_t ctx, identity, traits, id, email;
  if (!portcullis_member(request->input, "ctx", &ctx) || !portcullis_member(ctx, "identity", &identity) ||
      !portcullis_member(identity, "traits", &traits) || !read_member(identity, "id", &id) ||
      !read_member(traits, "email", &email)) {
    return fail(error, portcullis_text("nobody with an e-mail address"));
  }
  *decision = (exports_portcullis_transform_hook_transform_decision_t){
      .tag = EXPORTS_PORTCULLIS_TRANSFORM_HOOK_TRANSFORM_DECISION_CANCEL,
  };
  if (is_ignored(email)) return true;
  portcullis_builder_t document = {0};
  portcullis_add(&document, portcullis_text("{\"event\":"));
  portcullis_add_string(&document, request->template_);
  portcullis_add(&document, portcullis_text(",\"id\":"));
  portcullis_add_string(&document, id);
  portcullis_add(&document, portcullis_text(",\"email\":"));
  portcullis_add_string(&document, email);
  portcullis_add(&document, portcullis_text("}"));
  decision->tag = EXPORTS_PORTCULLIS_TRANSFORM_HOOK_TRANSFORM_DECISION_OUTPUT;
  decision->val.output = (exports_portcullis_transform_hook_output_t){.document = document.text};
  return true;
}
