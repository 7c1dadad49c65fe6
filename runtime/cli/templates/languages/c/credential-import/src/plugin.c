/*
 * Knows the passwords of an old shop again, each once: the server keeps a hash of its own from then on.
 *
 * An administrator has made the accounts with what the shop's database had, as `scheme$salt$adler32$checksum`, and the
 * setting `scheme` says whose they are. The checksum stands for whatever the old system used: its algorithm belongs here.
 */

#include "portcullis_json.h"

/* Takes the text before the next `$`, or all that is left. */
static plugin_string_t next_part(plugin_string_t *text) {
  size_t end = 0;
  while (end < text->len && text->ptr[end] != '$') end++;
  plugin_string_t part = {text->ptr, end};
  if (end < text->len) end++;
  *text = (plugin_string_t){text->ptr + end, text->len - end};
  return part;
}

/* RFC 1950 section 8.2, of a salt and a password, in eight hexadecimal digits. */
static plugin_string_t adler32(plugin_string_t salt, plugin_string_t password) {
  static uint8_t digits[8];
  uint32_t a = 1, b = 0;
  for (size_t i = 0; i < salt.len + password.len; i++) {
    a = (a + (i < salt.len ? salt.ptr[i] : password.ptr[i - salt.len])) % 65521;
    b = (b + a) % 65521;
  }
  uint32_t sum = b << 16 | a;
  for (size_t i = 0; i < 8; i++) digits[i] = (uint8_t)"0123456789abcdef"[sum >> (28 - 4 * i) & 15];
  return (plugin_string_t){digits, 8};
}

/* Nothing that is logged here is kept: the calls carry passwords. */
bool exports_portcullis_credential_import_hook_verify(
    exports_portcullis_credential_import_hook_call_context_t *call,
    exports_portcullis_credential_import_hook_import_attempt_t *attempt,
    exports_portcullis_credential_import_hook_verdict_t *verdict,
    exports_portcullis_credential_import_hook_hook_error_t *error) {
  (void)call;
  plugin_string_t setting, wanted = portcullis_text("");
  if (portcullis_setting("/scheme", &setting)) portcullis_read_string(setting, &wanted);
  /* A credential that nobody has is for calls that only take their time. */
  plugin_string_t rest = portcullis_text("-$0000$adler32$ffffffff");
  if (attempt->credential.is_some) rest = attempt->credential.val;
  plugin_string_t scheme = next_part(&rest), salt = next_part(&rest), algorithm = next_part(&rest);
  if (!portcullis_equal(algorithm, portcullis_text("adler32"))) {
    *error = (exports_portcullis_credential_import_hook_hook_error_t){
        .message = portcullis_text("a credential of another form"),
    };
    return false;
  }
  /* Computed in any case, so that the time tells nobody who has an account. */
  bool is_right = portcullis_equal(adler32(salt, attempt->password), rest);
  verdict->tag = is_right && portcullis_equal(scheme, wanted)
                     ? EXPORTS_PORTCULLIS_CREDENTIAL_IMPORT_HOOK_VERDICT_CORRECT
                     : EXPORTS_PORTCULLIS_CREDENTIAL_IMPORT_HOOK_VERDICT_WRONG;
  return true;
}
