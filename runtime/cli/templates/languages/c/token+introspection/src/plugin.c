/*
 * Says at introspection which plan an app has now, and that tokens of apps that may not have any are live no more.
 *
 * The settings name the plan of each app by its client_id; `false` means that its tokens are worth nothing:
 *
 *   [settings.plans]
 *   web = "team"
 *   legacy = false
 */

#include "portcullis.h"

bool exports_portcullis_token_introspection_shape_introspection(
    exports_portcullis_token_introspection_call_context_t *call,
    exports_portcullis_token_introspection_introspected_token_t *token,
    exports_portcullis_token_introspection_introspection_decision_t *decision,
    exports_portcullis_token_introspection_hook_error_t *error) {
  (void)token;
  plugin_string_t client = call->client.is_some ? call->client.val : portcullis_text("");

  portcullis_builder_t pointer = {0};
  portcullis_add(&pointer, portcullis_text("/plans"));
  portcullis_add_key(&pointer, client);
  plugin_option_string_t plan;
  plugin_string_t reason;
  if (!portcullis_host_config_get(&pointer.text, &plan, &reason)) {
    /* Gives up: whoever asks does not learn that the token is live, and the operator finds the reason in the log. */
    *error = (exports_portcullis_token_introspection_hook_error_t){.message = reason};
    return false;
  }

  *decision = (exports_portcullis_token_introspection_introspection_decision_t){
      .tag = EXPORTS_PORTCULLIS_TOKEN_INTROSPECTION_INTROSPECTION_DECISION_ANSWER,
  };
  if (!plan.is_some) {
    portcullis_builder_t line = {0};
    portcullis_add(&line, portcullis_text("no plan for "));
    portcullis_add(&line, client);
    /* A line that is not written is no reason to fail. */
    portcullis_host_log_write(PORTCULLIS_HOST_LOG_LEVEL_INFO, &line.text, &reason);
    return true;
  }
  if (portcullis_equal(plan.val, portcullis_text("false"))) {
    decision->tag = EXPORTS_PORTCULLIS_TOKEN_INTROSPECTION_INTROSPECTION_DECISION_INACTIVE;
    return true;
  }

  /* The setting is the text of a JSON value, and so may stand in the text of a JSON object as it is. */
  portcullis_builder_t claims = {0};
  portcullis_add(&claims, portcullis_text("{\"plan\":"));
  portcullis_add(&claims, plan.val);
  portcullis_add(&claims, portcullis_text("}"));
  decision->val.answer = (exports_portcullis_token_introspection_introspection_claims_t){.claims = claims.text};
  return true;
}

/* Tokens and userinfo stay as they are. */
bool exports_portcullis_token_hook_shape_tokens(
    exports_portcullis_token_hook_call_context_t *call,
    exports_portcullis_token_hook_token_request_t *request,
    exports_portcullis_token_hook_token_decision_t *decision,
    exports_portcullis_token_hook_hook_error_t *error) {
  (void)call, (void)request, (void)error;
  *decision = (exports_portcullis_token_hook_token_decision_t){
      .tag = EXPORTS_PORTCULLIS_TOKEN_HOOK_TOKEN_DECISION_ISSUE,
  };
  return true;
}

bool exports_portcullis_token_hook_shape_userinfo(
    exports_portcullis_token_hook_call_context_t *call,
    exports_portcullis_token_hook_token_request_t *request,
    exports_portcullis_token_hook_userinfo_decision_t *decision,
    exports_portcullis_token_hook_hook_error_t *error) {
  (void)call, (void)request, (void)error;
  *decision = (exports_portcullis_token_hook_userinfo_decision_t){
      .tag = EXPORTS_PORTCULLIS_TOKEN_HOOK_USERINFO_DECISION_ANSWER,
  };
  return true;
}
