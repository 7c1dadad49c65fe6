/*
 * Puts the setting `signature` under every e-mail, in the language of whoever gets it, e.g. `en = "Yours, Acme"`.
 */

#include "portcullis_json.h"

/* The signature in a language, if there is one: of `de-CH` that of `de`. */
static bool find_signature(plugin_string_t locale, plugin_string_t *signature) {
  plugin_string_t language = {locale.ptr, 0}, value;
  while (language.len < locale.len && locale.ptr[language.len] != '-') language.len++;
  portcullis_builder_t pointer = {0};
  portcullis_add(&pointer, portcullis_text("/signature"));
  portcullis_add_key(&pointer, language);
  return portcullis_setting_at(pointer.text, &value) && portcullis_read_string(value, signature);
}

static plugin_string_t joined(plugin_string_t text, const char *between, plugin_string_t more, const char *end) {
  portcullis_builder_t all = {0};
  portcullis_add(&all, text);
  portcullis_add(&all, portcullis_text(between));
  portcullis_add(&all, more);
  portcullis_add(&all, portcullis_text(end));
  return all.text;
}

/* Where false is returned, with an error, the message is offered again. */
bool exports_portcullis_message_hook_send(
    exports_portcullis_message_hook_call_context_t *call,
    exports_portcullis_message_hook_message_t *message,
    exports_portcullis_message_hook_message_decision_t *decision,
    exports_portcullis_message_hook_hook_error_t *error) {
  (void)call, (void)error;
  *decision = (exports_portcullis_message_hook_message_decision_t){
      .tag = EXPORTS_PORTCULLIS_MESSAGE_HOOK_MESSAGE_DECISION_AS_IS,
  };
  if (message->channel == EXPORTS_PORTCULLIS_MESSAGE_HOOK_CHANNEL_SMS) return true;
  plugin_string_t locale = message->locale.is_some ? message->locale.val : portcullis_text("en"), signature;
  if (!find_signature(locale, &signature)) return true;
  decision->tag = EXPORTS_PORTCULLIS_MESSAGE_HOOK_MESSAGE_DECISION_REWRITTEN;
  decision->val.rewritten = (exports_portcullis_message_hook_rewriting_t){
      .subject = message->subject,
      .text = joined(message->text, "\n\n", signature, ""),
      .html = message->html,
  };
  if (message->html.is_some) {
    decision->val.rewritten.html.val = joined(message->html.val, "<p>", signature, "</p>");
  }
  return true;
}
