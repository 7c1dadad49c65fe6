/* Strings, and the part of the C library that they and the generated bindings use. */

#include "portcullis.h"

#include <stdlib.h>
#include <string.h>

/* Where the linker's data ends. */
extern unsigned char __heap_base;

#define PAGE ((size_t)65536)
#define ALIGNMENT ((size_t)16)

/* The next free byte. An instance serves one call: what is given out is never taken back. */
static size_t next;

void *malloc(size_t size) {
  if (next == 0) next = (size_t)&__heap_base;
  size_t start = (next + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
  if (start < next || size > SIZE_MAX - start) abort();
  size_t end = start + size;
  size_t have = __builtin_wasm_memory_size(0) * PAGE;
  if (end > have) {
    size_t pages = (end - have - 1) / PAGE + 1;
    if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) abort();
  }
  next = end;
  return (void *)start;
}

void *realloc(void *old, size_t size) {
  void *made = malloc(size);
  /* How much of it was the old one's is not known; memory up to the new one is there to be read. */
  if (old != NULL) {
    size_t behind = (size_t)made - (size_t)old;
    memcpy(made, old, size < behind ? size : behind);
  }
  return made;
}

void free(void *old) { (void)old; }

_Noreturn void abort(void) { __builtin_trap(); }

/* With bulk memory these two are one instruction each. */
void *memcpy(void *to, const void *from, size_t size) { return __builtin_memcpy(to, from, size); }

void *memset(void *to, int byte, size_t size) { return __builtin_memset(to, byte, size); }

int memcmp(const void *one, const void *other, size_t size) {
  const unsigned char *a = one, *b = other;
  for (size_t i = 0; i < size; i++) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != '\0') length++;
  return length;
}

plugin_string_t portcullis_text(const char *literal) {
  return (plugin_string_t){(uint8_t *)literal, strlen(literal)};
}

bool portcullis_equal(plugin_string_t one, plugin_string_t other) {
  return one.len == other.len && memcmp(one.ptr, other.ptr, one.len) == 0;
}

plugin_string_t portcullis_lower(plugin_string_t text) {
  plugin_string_t lower = {malloc(text.len + 1), text.len};
  for (size_t i = 0; i < text.len; i++) {
    uint8_t byte = text.ptr[i];
    lower.ptr[i] = byte >= 'A' && byte <= 'Z' ? byte | 32 : byte;
  }
  return lower;
}

bool portcullis_ends_with(plugin_string_t text, plugin_string_t end) {
  return text.len >= end.len && memcmp(text.ptr + (text.len - end.len), end.ptr, end.len) == 0;
}

bool portcullis_setting(const char *pointer, plugin_string_t *value) {
  return portcullis_setting_at(portcullis_text(pointer), value);
}

bool portcullis_setting_at(plugin_string_t pointer, plugin_string_t *value) {
  plugin_string_t reason;
  plugin_option_string_t found;
  if (!portcullis_host_config_get(&pointer, &found, &reason)) abort();
  if (found.is_some) *value = found.val;
  return found.is_some;
}

static void reserve(portcullis_builder_t *builder, size_t more) {
  size_t wanted = builder->text.len + more;
  if (wanted < more) abort();
  if (wanted <= builder->capacity) return;
  size_t capacity = wanted < 64 ? 64 : wanted + wanted / 2;
  uint8_t *place = malloc(capacity);
  if (builder->text.len > 0) memcpy(place, builder->text.ptr, builder->text.len);
  builder->text.ptr = place;
  builder->capacity = capacity;
}

void portcullis_add(portcullis_builder_t *builder, plugin_string_t text) {
  reserve(builder, text.len);
  if (text.len > 0) memcpy(builder->text.ptr + builder->text.len, text.ptr, text.len);
  builder->text.len += text.len;
}

void portcullis_add_key(portcullis_builder_t *builder, plugin_string_t key) {
  portcullis_add(builder, portcullis_text("/"));
  for (size_t i = 0; i < key.len; i++) {
    plugin_string_t byte = {key.ptr + i, 1};
    if (key.ptr[i] == '~') byte = portcullis_text("~0");
    if (key.ptr[i] == '/') byte = portcullis_text("~1");
    portcullis_add(builder, byte);
  }
}
