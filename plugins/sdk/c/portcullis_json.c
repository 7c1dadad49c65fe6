/* JSON as the contract has it. */

#include "portcullis_json.h"

#include <stdlib.h>

static bool is_space(uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

static size_t skip_spaces(plugin_string_t text, size_t at) {
  while (at < text.len && is_space(text.ptr[at])) at++;
  return at;
}

/* Where the string that begins here ends. */
static size_t skip_string(plugin_string_t text, size_t at) {
  for (at++; at < text.len && text.ptr[at] != '"'; at++) {
    if (text.ptr[at] == '\\') at++;
  }
  return at < text.len ? at + 1 : text.len;
}

/* Where the value that begins here ends. Brackets are counted rather than followed: no depth takes any stack. */
static size_t skip_value(plugin_string_t text, size_t at) {
  size_t depth = 0;
  while (at < text.len) {
    uint8_t byte = text.ptr[at];
    bool is_end = byte == '}' || byte == ']';
    if (byte == '"') {
      at = skip_string(text, at);
    } else if (byte == '{' || byte == '[') {
      depth++, at++;
    } else if (depth > 0) {
      if (is_end) depth--;
      at++;
    } else {
      /* A number, true, false or null. */
      while (at < text.len && !is_space(text.ptr[at]) && text.ptr[at] != ',' && !is_end) {
        at++;
        is_end = at < text.len && (text.ptr[at] == '}' || text.ptr[at] == ']');
      }
    }
    if (depth == 0) break;
  }
  return at;
}

static plugin_string_t part(plugin_string_t text, size_t start, size_t end) {
  return (plugin_string_t){text.ptr + start, end - start};
}

/* The next value, if any, after the comma or the opening bracket; `place` is behind it then. */
static bool next_value(plugin_string_t text, size_t *place, plugin_string_t *value) {
  size_t start = skip_spaces(text, *place);
  if (start < text.len && (text.ptr[start] == ',' || text.ptr[start] == ':')) start = skip_spaces(text, start + 1);
  if (start >= text.len || text.ptr[start] == ']' || text.ptr[start] == '}') return false;
  *place = skip_value(text, start);
  *value = part(text, start, *place);
  return *place > start;
}

static bool enter(plugin_string_t text, uint8_t bracket, size_t *place) {
  size_t start = skip_spaces(text, 0);
  if (start >= text.len || text.ptr[start] != bracket) return false;
  *place = start + 1;
  return true;
}

bool portcullis_member(plugin_string_t object, const char *key, plugin_string_t *value) {
  size_t place;
  plugin_string_t name, said, wanted = portcullis_text(key);
  if (!enter(object, '{', &place)) return false;
  while (next_value(object, &place, &name) && next_value(object, &place, value)) {
    if (portcullis_read_string(name, &said) && portcullis_equal(said, wanted)) return true;
  }
  return false;
}

bool portcullis_element(plugin_string_t array, size_t *place, plugin_string_t *value) {
  if (*place == 0 && !enter(array, '[', place)) return false;
  return next_value(array, place, value);
}

/* Four hexadecimal digits; -1 where they are not. */
static int32_t read_unit(plugin_string_t text, size_t at) {
  int32_t unit = 0;
  for (size_t end = at + 4; at < end; at++) {
    uint8_t byte = at < text.len ? text.ptr[at] : 0;
    if (byte >= '0' && byte <= '9') unit = unit * 16 + (byte - '0');
    else if ((byte | 32) >= 'a' && (byte | 32) <= 'f') unit = unit * 16 + ((byte | 32) - 'a' + 10);
    else return -1;
  }
  return unit;
}

/* Writes a character in UTF-8; how many bytes. */
static size_t write_character(uint8_t *to, uint32_t character) {
  if (character < 0x80) return to[0] = (uint8_t)character, 1;
  size_t more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
  static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
  to[0] = (uint8_t)(first[more] | character >> 6 * more);
  for (size_t i = 1; i <= more; i++) to[i] = (uint8_t)(0x80 | (character >> 6 * (more - i) & 0x3f));
  return more + 1;
}

bool portcullis_read_string(plugin_string_t value, plugin_string_t *text) {
  if (value.len < 2 || value.ptr[0] != '"' || value.ptr[value.len - 1] != '"') return false;
  plugin_string_t inner = part(value, 1, value.len - 1);
  /* No escape is shorter than what it stands for. */
  uint8_t *said = malloc(inner.len + 1);
  size_t length = 0;
  for (size_t at = 0; at < inner.len; at++) {
    uint8_t byte = inner.ptr[at];
    if (byte != '\\') {
      said[length++] = byte;
      continue;
    }
    if (++at >= inner.len) return false;
    byte = inner.ptr[at];
    if (byte != 'u') {
      const char *short_forms = "b\bf\fn\nr\rt\t";
      for (size_t i = 0; short_forms[i] != '\0'; i += 2) {
        if (byte == (uint8_t)short_forms[i]) {
          byte = (uint8_t)short_forms[i + 1];
          break;
        }
      }
      said[length++] = byte;
      continue;
    }
    int32_t unit = read_unit(inner, at + 1);
    at += 4;
    if (unit < 0) return false;
    uint32_t character = (uint32_t)unit;
    bool is_high = unit >= 0xd800 && unit < 0xdc00;
    if (is_high && at + 2 < inner.len && inner.ptr[at + 1] == '\\' && inner.ptr[at + 2] == 'u') {
      int32_t low = read_unit(inner, at + 3);
      if (low >= 0xdc00 && low < 0xe000) {
        character = 0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
        at += 6;
      }
    }
    /* Half a pair is no character. */
    if (character >= 0xd800 && character < 0xe000) character = 0xfffd;
    length += write_character(said + length, character);
  }
  *text = (plugin_string_t){said, length};
  return true;
}

void portcullis_add_string(portcullis_builder_t *builder, plugin_string_t text) {
  static const char digits[] = "0123456789abcdef";
  portcullis_add(builder, portcullis_text("\""));
  for (size_t i = 0; i < text.len; i++) {
    uint8_t byte = text.ptr[i];
    if (byte == '"' || byte == '\\') portcullis_add(builder, portcullis_text("\\"));
    if (byte < 0x20) {
      uint8_t escape[] = {'\\', 'u', '0', '0', (uint8_t)digits[byte >> 4], (uint8_t)digits[byte & 15]};
      portcullis_add(builder, (plugin_string_t){escape, sizeof escape});
    } else {
      portcullis_add(builder, part(text, i, i + 1));
    }
  }
  portcullis_add(builder, portcullis_text("\""));
}
