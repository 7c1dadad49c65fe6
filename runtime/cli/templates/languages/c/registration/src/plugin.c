/*
 * Refuses people who sign up with an address of a domain that the setting `blocked` lists, and keeps the domain of
 * everybody else in their metadata_admin.
 */

#include "portcullis_json.h"

/* The domain of the e-mail address in traits; false where there is none. */
static bool domain_of(plugin_string_t traits, plugin_string_t *domain) {
  plugin_string_t value, email;
  if (!portcullis_member(traits, "email", &value) || !portcullis_read_string(value, &email)) return false;
  for (size_t at = email.len; at > 0; at--) {
    if (email.ptr[at - 1] == '@') {
      *domain = portcullis_lower((plugin_string_t){email.ptr + at, email.len - at});
      return true;
    }
  }
  return false;
}

/* Whether it is the blocked domain or one below it. */
static bool is_within(plugin_string_t domain, plugin_string_t blocked) {
  if (!portcullis_ends_with(domain, blocked)) return false;
  return domain.len == blocked.len || domain.ptr[domain.len - blocked.len - 1] == '.';
}

static bool is_blocked(plugin_string_t domain) {
  plugin_string_t list, value, blocked;
  if (!portcullis_setting("/blocked", &list)) return false;
  for (size_t place = 0; portcullis_element(list, &place, &value);) {
    if (portcullis_read_string(value, &blocked) && is_within(domain, blocked)) return true;
  }
  return false;
}

bool exports_portcullis_registration_hook_before(
    exports_portcullis_registration_hook_call_context_t *call,
    exports_portcullis_registration_hook_registration_form_t *form,
    exports_portcullis_registration_hook_registration_decision_t *decision,
    exports_portcullis_registration_hook_hook_error_t *error) {
  (void)call, (void)error;
  static plugin_tuple2_string_string_t fields[1];
  plugin_string_t domain;
  *decision = (exports_portcullis_registration_hook_registration_decision_t){
      .tag = EXPORTS_PORTCULLIS_REGISTRATION_HOOK_REGISTRATION_DECISION_ALLOW,
  };
  bool is_person = form->source == EXPORTS_PORTCULLIS_REGISTRATION_HOOK_SOURCE_SELF_SERVICE;
  if (is_person && domain_of(form->traits, &domain) && is_blocked(domain)) {
    fields[0].f0 = portcullis_text("traits.email");
    fields[0].f1 = portcullis_text("Please use an address that lasts.");
    decision->tag = EXPORTS_PORTCULLIS_REGISTRATION_HOOK_REGISTRATION_DECISION_DENY;
    decision->val.deny = (exports_portcullis_registration_hook_denial_t){.fields = {fields, 1}};
  }
  return true;
}

bool exports_portcullis_registration_hook_after(
    exports_portcullis_registration_hook_call_context_t *call,
    exports_portcullis_registration_hook_person_t *person,
    exports_portcullis_registration_hook_additions_t *additions,
    exports_portcullis_registration_hook_hook_error_t *error) {
  (void)call, (void)error;
  plugin_string_t domain;
  *additions = (exports_portcullis_registration_hook_additions_t){0};
  if (domain_of(person->traits, &domain)) {
    portcullis_builder_t metadata = {0};
    portcullis_add(&metadata, portcullis_text("{\"domain\":"));
    portcullis_add_string(&metadata, domain);
    portcullis_add(&metadata, portcullis_text("}"));
    additions->metadata_admin = metadata.text;
  }
  return true;
}
