/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that lives longer than one message, or that has no arena. Where there is none left, the
 * process ends: nothing here returns NULL, and nobody has to ask. (A process is begun again by the
 * supervisor; a message under way is deferred by the MTA.)
 */
#ifndef LIB_HEAP_H
#define LIB_HEAP_H

#include <stddef.h>

/* SIZE bytes, not set, for free(). */
void *heap_alloc(size_t size);

/* SIZE bytes of zero, for free(). */
void *heap_zero(size_t size);

/* COUNT things of SIZE bytes, all zero, for free(). */
void *heap_array(size_t count, size_t size);

/* OLD, from here or NULL, with room for COUNT things of SIZE bytes; what is new is not set. */
void *heap_resize(void *old, size_t count, size_t size);

/* A copy of TEXT, for free(); NULL for NULL. */
char *heap_strdup(const char *text);

#endif
