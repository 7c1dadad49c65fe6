/* The part of the C library that the generated bindings use. It is in portcullis.c. */
#ifndef PORTCULLIS_STDLIB_H
#define PORTCULLIS_STDLIB_H

#include <stddef.h>

void *malloc(size_t size);
void *realloc(void *old, size_t size);
void free(void *old);
_Noreturn void abort(void);

#endif
