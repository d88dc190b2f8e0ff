/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A chain of blocks, newest first; each allocation is cut from the newest. A request larger than
 * a block gets a block of its own after the newest, so that the newest keeps its free space.
 */
#include "lib/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format.h"
#include "lib/heap.h"

/* Under AddressSanitizer only what was handed out may be touched, with a gap after it. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define FORBID(p, size) ASAN_POISON_MEMORY_REGION(p, size)
#define ALLOW(p, size)  ASAN_UNPOISON_MEMORY_REGION(p, size)
enum { GAP = 16 };
#else
#define FORBID(p, size) ((void)0)
#define ALLOW(p, size)  ((void)0)
enum { GAP = 0 };
#endif

enum { BLOCK_SIZE = 4096 - 32, PRINT_ROOM = 128 };

struct block {
	struct block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) char data[];
};

struct cleanup {
	struct cleanup *next;
	void (*call)(void *);
	void *arg;
};

struct arena {
	struct block *blocks;
	struct cleanup *cleanups;
	size_t cap;
	size_t used;
};

static struct block *block_new(size_t size)
{
	struct block *block = heap_alloc(sizeof *block + size);

	block->next = NULL;
	block->size = size;
	block->used = 0;
	FORBID(block->data, size);
	return block;
}

struct arena *arena_new(size_t cap)
{
	struct arena *arena = heap_zero(sizeof *arena);

	arena->cap = cap;
	return arena;
}

static void run_cleanups(struct arena *arena)
{
	while (arena->cleanups != NULL) {
		struct cleanup *cleanup = arena->cleanups;

		arena->cleanups = cleanup->next;
		cleanup->call(cleanup->arg);
	}
}

void arena_reset(struct arena *arena)
{
	struct block *keep = NULL, *next;

	run_cleanups(arena);
	for (struct block *block = arena->blocks; block != NULL; block = next) {
		next = block->next;
		if (keep == NULL && block->size == BLOCK_SIZE)
			keep = block;
		else
			free(block);
	}
	if (keep != NULL) {
		keep->next = NULL;
		keep->used = 0;
		FORBID(keep->data, keep->size);
	}
	arena->blocks = keep;
	arena->used = 0;
}

void arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	arena_reset(arena);
	free(arena->blocks);
	free(arena);
}

bool arena_has_room(const struct arena *arena, size_t bytes)
{
	return bytes <= arena->cap && arena->used <= arena->cap - bytes;
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}

static struct block *block_for(struct arena *arena, size_t size)
{
	struct block *newest = arena->blocks;
	struct block *block;

	if (newest != NULL && newest->size - newest->used >= size)
		return newest;
	block = block_new(size > BLOCK_SIZE / 4 && size != BLOCK_SIZE ? size : BLOCK_SIZE);
	if (newest != NULL && block->size != BLOCK_SIZE) {
		block->next = newest->next;
		newest->next = block;
	} else {
		block->next = newest;
		arena->blocks = block;
	}
	return block;
}

static void *take_bytes(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	size_t whole = (size + align - 1) / align * align;
	struct block *block;
	void *p;

	if (size > SIZE_MAX / 2)
		abort();
	block = block_for(arena, whole + GAP);
	assert(block->size - block->used >= whole + GAP);
	p = block->data + block->used;
	block->used += whole + GAP;
	arena->used += whole;
	ALLOW(p, size);
	return p;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	void *p = take_bytes(arena, size == 0 ? 1 : size);

	memset(p, 0, size);
	return p;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		abort();
	return arena_alloc(arena, count * size);
}

char *arena_copy(struct arena *arena, const void *data, size_t len)
{
	char *copy = take_bytes(arena, len + 1);

	assert(data != NULL || len == 0);
	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

char *arena_string(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_copy(arena, text, strlen(text));
}

char *arena_span(struct arena *arena, struct span s)
{
	return arena_copy(arena, s.p, span_len(s));
}

char *arena_lower(struct arena *arena, struct span s)
{
	char *copy = arena_span(arena, s);

	for (size_t i = 0; i < span_len(s); i++)
		copy[i] = (char)char_lower((unsigned char)copy[i]);
	return copy;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list ap)
{
	struct block *block = block_for(arena, PRINT_ROOM);
	char *free_room = block->data + block->used, *text;
	size_t room = block->size - block->used;
	va_list again;
	size_t len;

	va_copy(again, ap);
	ALLOW(free_room, room);
	len = format_text(free_room, room, format, ap);
	FORBID(free_room, room);
	text = take_bytes(arena, len + 1);
	if (text != free_room || len >= room)
		format_text(text, len + 1, format, again);
	va_end(again);
	return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = arena_vprintf(arena, format, ap);
	va_end(ap);
	return text;
}

void arena_on_free(struct arena *arena, void (*call)(void *), void *arg)
{
	struct cleanup *cleanup = arena_make(arena, struct cleanup);

	assert(call != NULL);
	cleanup->call = call;
	cleanup->arg = arg;
	cleanup->next = arena->cleanups;
	arena->cleanups = cleanup;
}
