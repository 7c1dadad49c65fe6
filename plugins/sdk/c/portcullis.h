/*
 * What plugins in C are written with, besides the bindings in plugin.h.
 *
 * Every call gets a fresh instance, whose memory goes with it. So nothing is ever freed, and an answer may point at
 * literals and at what the host passed in.
 */
#ifndef PORTCULLIS_H
#define PORTCULLIS_H

#include "plugin.h"

/* A literal as a string of the contract. */
plugin_string_t portcullis_text(const char *literal);

/* Whether two strings are the same. */
bool portcullis_equal(plugin_string_t one, plugin_string_t other);

/* The same string with small letters; others than those of ASCII stay as they are. */
plugin_string_t portcullis_lower(plugin_string_t text);

/* Whether a string ends with another. */
bool portcullis_ends_with(plugin_string_t text, plugin_string_t end);

/*
 * The part of the settings at this place (RFC 6901), as JSON; false where there is none. Where settings cannot be read
 * the call ends: nothing is decided as if there were none.
 */
bool portcullis_setting(const char *pointer, plugin_string_t *value);

/* The same, for a place that was put together. */
bool portcullis_setting_at(plugin_string_t pointer, plugin_string_t *value);

/* A string that is put together; begin with { 0 }. */
typedef struct {
  plugin_string_t text;
  size_t capacity;
} portcullis_builder_t;

/* Adds a string at the end. */
void portcullis_add(portcullis_builder_t *builder, plugin_string_t text);

/* Adds "/" and a key with what RFC 6901 escapes in it, so that a key from outside cannot name another place. */
void portcullis_add_key(portcullis_builder_t *builder, plugin_string_t key);

#endif
