/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One arena for each unit of work (a connection, a message, a command): everything made for it
 * lives in the arena and ends with it.
 *
 * Memory: arena_alloc() never returns NULL; when the machine is out of memory the process ends and
 * the supervisor replaces it. Input from the network is bounded where it enters: the code that
 * copies it asks arena_has_room() first and refuses what does not fit. What the code derives from
 * bounded input is bounded by it.
 *
 * An arena belongs to one thread at a time.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/span.h"

struct arena;

/* CAP: bytes that this arena may hold (see arena_has_room); 0: nobody will ask. */
struct arena *arena_new(size_t cap);
void arena_free(struct arena *arena); /* NULL is OK; runs the clean-ups, last added first */

/* Runs the clean-ups and forgets everything; keeps one block for the next use. */
void arena_reset(struct arena *arena);

bool arena_has_room(const struct arena *arena, size_t bytes);
size_t arena_used(const struct arena *arena);

void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for any type */
void *arena_array(struct arena *arena, size_t count, size_t size); /* overflow ends the process */
#define arena_make(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

char *arena_copy(struct arena *arena, const void *data, size_t len); /* NUL added */
char *arena_string(struct arena *arena, const char *text);           /* NULL gives NULL */
char *arena_span(struct arena *arena, struct span s);                /* NUL added */
char *arena_lower(struct arena *arena, struct span s); /* ASCII lower case, NUL added */
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* CALL(ARG) runs when the arena is reset or freed: how handles of C libraries are released. */
void arena_on_free(struct arena *arena, void (*call)(void *), void *arg);

#endif
