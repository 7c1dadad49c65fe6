/*
 * Closes the door: for everybody, with the words in the setting `closed`, and for whom an administrator has barred,
 * with those in `barred` of their metadata_admin. Sends people whose domain the setting `homes` has to sign in there,
 * and keeps the desk that an administrator gave somebody with their session.
 */

#include "portcullis_json.h"

/* Gives up: nobody is signed in, and the operator finds the reason in the log. */
static bool or_fail(bool is_done, exports_portcullis_login_hook_hook_error_t *error) {
  *error = (exports_portcullis_login_hook_hook_error_t){.message = portcullis_text("the words are no string")};
  return is_done;
}

/* The home of the address's domain, a JSON string; false where the setting has none. */
static bool home_of(plugin_string_t identifier, plugin_string_t *home) {
  size_t at = identifier.len;
  while (at > 0 && identifier.ptr[at - 1] != '@') at--;
  portcullis_builder_t place = {0};
  portcullis_add(&place, portcullis_text("/homes"));
  portcullis_add_key(&place, (plugin_string_t){identifier.ptr + at, identifier.len - at});
  portcullis_add(&place, (plugin_string_t){(uint8_t *)"", 1});
  return portcullis_setting((const char *)place.text.ptr, home);
}

/* Nothing is known of the account here: the answer must not depend on whether there is one. */
bool exports_portcullis_login_hook_before(
    exports_portcullis_login_hook_call_context_t *call,
    exports_portcullis_login_hook_login_attempt_t *attempt,
    exports_portcullis_login_hook_login_decision_t *decision,
    exports_portcullis_login_hook_hook_error_t *error) {
  (void)call;
  plugin_string_t words;
  *decision = (exports_portcullis_login_hook_login_decision_t){
      .tag = EXPORTS_PORTCULLIS_LOGIN_HOOK_LOGIN_DECISION_ALLOW,
  };
  if (portcullis_setting("/closed", &words)) {
    decision->tag = EXPORTS_PORTCULLIS_LOGIN_HOOK_LOGIN_DECISION_DENY;
    return or_fail(portcullis_read_string(words, &decision->val.deny.message), error);
  }
  if (home_of(attempt->identifier, &words)) {
    decision->tag = EXPORTS_PORTCULLIS_LOGIN_HOOK_LOGIN_DECISION_REDIRECT;
    return or_fail(portcullis_read_string(words, &decision->val.redirect.url), error);
  }
  return true;
}

/* The password was right. */
bool exports_portcullis_login_hook_after(
    exports_portcullis_login_hook_call_context_t *call,
    exports_portcullis_login_hook_login_attempt_t *attempt,
    exports_portcullis_login_hook_person_t *person,
    exports_portcullis_login_hook_login_outcome_t *outcome,
    exports_portcullis_login_hook_hook_error_t *error) {
  (void)call, (void)attempt;
  plugin_string_t words;
  *outcome = (exports_portcullis_login_hook_login_outcome_t){
      .tag = EXPORTS_PORTCULLIS_LOGIN_HOOK_LOGIN_OUTCOME_ALLOW,
  };
  if (portcullis_member(person->metadata_admin, "barred", &words)) {
    plugin_string_t line = portcullis_text("somebody is barred"), reason;
    /* A line that is not written is no reason to fail. */
    portcullis_host_log_write(PORTCULLIS_HOST_LOG_LEVEL_INFO, &line, &reason);
    outcome->tag = EXPORTS_PORTCULLIS_LOGIN_HOOK_LOGIN_OUTCOME_DENY;
    return or_fail(portcullis_read_string(words, &outcome->val.deny.message), error);
  }
  if (portcullis_member(person->metadata_admin, "desk", &words)) {
    portcullis_builder_t claims = {0};
    portcullis_add(&claims, portcullis_text("{\"desk\":"));
    portcullis_add(&claims, words);
    portcullis_add(&claims, portcullis_text("}"));
    outcome->val.allow.claims = claims.text;
  }
  return true;
}
