/*
 * Takes people of the providers in the setting `domains` by their e-mail address, if it is verified and of the domain
 * there, e.g. `corporate = "acme.example"`.
 */

#include "portcullis_json.h"

/* What is behind the last @; the whole text where there is none. */
static plugin_string_t domain_of(plugin_string_t email) {
  size_t start = email.len;
  while (start > 0 && email.ptr[start - 1] != '@') start--;
  return (plugin_string_t){email.ptr + start, email.len - start};
}

/* The domain of a provider in the settings. */
static bool find_domain(plugin_string_t provider, plugin_string_t *domain) {
  portcullis_builder_t pointer = {0};
  portcullis_add(&pointer, portcullis_text("/domains"));
  portcullis_add_key(&pointer, provider);
  plugin_string_t value;
  return portcullis_setting_at(pointer.text, &value) && portcullis_read_string(value, domain);
}

static bool deny(exports_portcullis_claim_mapper_hook_mapping_decision_t *decision, plugin_string_t message) {
  decision->tag = EXPORTS_PORTCULLIS_CLAIM_MAPPER_HOOK_MAPPING_DECISION_DENY;
  decision->val.deny = (exports_portcullis_claim_mapper_hook_refusal_t){.message = message};
  return true;
}

/* Where false is returned, with an error, nobody is signed in. */
bool exports_portcullis_claim_mapper_hook_map_claims(
    exports_portcullis_claim_mapper_hook_call_context_t *call,
    exports_portcullis_claim_mapper_hook_upstream_t *upstream,
    exports_portcullis_claim_mapper_hook_mapping_decision_t *decision,
    exports_portcullis_claim_mapper_hook_hook_error_t *error) {
  (void)call, (void)error;
  static exports_portcullis_claim_mapper_hook_verified_address_t addresses[1];
  plugin_string_t domain, value, email, is_verified;
  *decision = (exports_portcullis_claim_mapper_hook_mapping_decision_t){
      .tag = EXPORTS_PORTCULLIS_CLAIM_MAPPER_HOOK_MAPPING_DECISION_PASS,
  };
  if (!find_domain(upstream->provider, &domain)) return true;
  if (!portcullis_member(upstream->claims, "email", &value) || !portcullis_read_string(value, &email) ||
      !portcullis_member(upstream->claims, "email_verified", &is_verified) ||
      !portcullis_equal(is_verified, portcullis_text("true"))) {
    return deny(decision, portcullis_text("Your address is not verified there."));
  }
  if (!portcullis_equal(domain_of(email), domain)) {
    portcullis_builder_t message = {0};
    portcullis_add(&message, portcullis_text("Sign in with an address of "));
    portcullis_add(&message, domain);
    portcullis_add(&message, portcullis_text("."));
    return deny(decision, message.text);
  }
  portcullis_builder_t traits = {0};
  portcullis_add(&traits, portcullis_text("{\"email\":"));
  portcullis_add_string(&traits, email);
  portcullis_add(&traits, portcullis_text("}"));
  addresses[0].via = EXPORTS_PORTCULLIS_CLAIM_MAPPER_HOOK_ADDRESS_KIND_EMAIL;
  addresses[0].value = email;
  decision->tag = EXPORTS_PORTCULLIS_CLAIM_MAPPER_HOOK_MAPPING_DECISION_MAPPED;
  decision->val.mapped = (exports_portcullis_claim_mapper_hook_mapping_t){
      .traits = traits.text,
      .verified_addresses = {addresses, 1},
  };
  return true;
}
