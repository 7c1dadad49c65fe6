/*
 * JSON as the contract has it: the text of a value, found in the text of another.
 *
 * Nothing is parsed before it is asked for, and a value that is found points into the text that it was found in. The
 * text must be JSON; what is not is an odd value, and never read past its end.
 */
#ifndef PORTCULLIS_JSON_H
#define PORTCULLIS_JSON_H

#include "portcullis.h"

/* The value of this key; false where the text is no object or the key is not there. */
bool portcullis_member(plugin_string_t object, const char *key, plugin_string_t *value);

/* The next value of an array; false after the last one, and where the text is no array. Begin with *place = 0. */
bool portcullis_element(plugin_string_t array, size_t *place, plugin_string_t *value);

/* What a JSON string says; false where the text is no string. */
bool portcullis_read_string(plugin_string_t value, plugin_string_t *text);

/* Adds a JSON string that says this. */
void portcullis_add_string(portcullis_builder_t *builder, plugin_string_t text);

#endif
