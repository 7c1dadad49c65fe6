/*
 * A plugin that says what is wrong with its settings, before it is called with them: portcullis:plugin/settings.
 *
 *   static bool check(plugin_string_t *reason) {
 *     …
 *     *reason = portcullis_text("plans: there is no plan `team`");
 *     return false;
 *   }
 *
 *   PORTCULLIS_EXPORT_SETTINGS(check)
 *
 * It has `with = ["settings"]` in its portcullis-plugin.toml. With false it does not run with these settings, what ran
 * before goes on, and the operator is told the reason, which says what is wrong and where.
 */
#ifndef PORTCULLIS_SETTINGS_H
#define PORTCULLIS_SETTINGS_H

#include "portcullis.h"

#include <stddef.h>

/* A result<_, string> as the canonical ABI has it in memory. */
typedef struct {
  uint8_t is_error;
  plugin_string_t reason;
} portcullis_settings_result_t;

_Static_assert(sizeof(portcullis_settings_result_t) == 12, "a tag and a string");
_Static_assert(offsetof(portcullis_settings_result_t, reason) == 4, "the string is aligned");

/* Exports a function of this file that checks. */
#define PORTCULLIS_EXPORT_SETTINGS(check)                                       \
  __attribute__((__export_name__("portcullis:plugin/settings@0.1.0#check")))    \
  portcullis_settings_result_t *portcullis_settings_export(void) {              \
    static portcullis_settings_result_t result;                                 \
    result.is_error = !check(&result.reason);                                   \
    return &result;                                                             \
  }

#endif
