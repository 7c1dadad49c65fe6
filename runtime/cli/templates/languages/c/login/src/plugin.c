/*
 * Closes the door: for everybody, with the words in the setting `closed`, and for whom an administrator has barred,
 * with those in `barred` of their metadata_admin.
 */

#include "portcullis_json.h"

/* With these words, a JSON string; without any, the door is open. */
static bool decide(exports_portcullis_login_hook_login_decision_t *decision, bool is_denied, plugin_string_t words) {
  decision->tag = EXPORTS_PORTCULLIS_LOGIN_HOOK_LOGIN_DECISION_ALLOW;
  if (!is_denied) return true;
  decision->tag = EXPORTS_PORTCULLIS_LOGIN_HOOK_LOGIN_DECISION_DENY;
  decision->val.deny = (exports_portcullis_login_hook_refusal_t){0};
  return portcullis_read_string(words, &decision->val.deny.message);
}

/* Gives up: nobody is signed in, and the operator finds the reason in the log. */
static bool or_fail(bool is_done, exports_portcullis_login_hook_hook_error_t *error) {
  *error = (exports_portcullis_login_hook_hook_error_t){.message = portcullis_text("the words are no string")};
  return is_done;
}

/* Nothing is known of the account here: the answer must not depend on whether there is one. */
bool exports_portcullis_login_hook_before(
    exports_portcullis_login_hook_call_context_t *call,
    exports_portcullis_login_hook_login_attempt_t *attempt,
    exports_portcullis_login_hook_login_decision_t *decision,
    exports_portcullis_login_hook_hook_error_t *error) {
  (void)call, (void)attempt;
  plugin_string_t closed = {0};
  bool is_closed = portcullis_setting("/closed", &closed);
  return or_fail(decide(decision, is_closed, closed), error);
}

/* The password was right. */
bool exports_portcullis_login_hook_after(
    exports_portcullis_login_hook_call_context_t *call,
    exports_portcullis_login_hook_login_attempt_t *attempt,
    exports_portcullis_login_hook_person_t *person,
    exports_portcullis_login_hook_login_decision_t *decision,
    exports_portcullis_login_hook_hook_error_t *error) {
  (void)call, (void)attempt;
  plugin_string_t barred = {0};
  bool is_barred = portcullis_member(person->metadata_admin, "barred", &barred);
  if (is_barred) {
    plugin_string_t line = portcullis_text("somebody is barred"), reason;
    /* A line that is not written is no reason to fail. */
    portcullis_host_log_write(PORTCULLIS_HOST_LOG_LEVEL_INFO, &line, &reason);
  }
  return or_fail(decide(decision, is_barred, barred), error);
}
