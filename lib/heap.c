/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/heap.h"

#include <stdlib.h>
#include <string.h>

static void *require_memory(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

void *heap_alloc(size_t size)
{
	return require_memory(malloc(size > 0 ? size : 1));
}

void *heap_zero(size_t size)
{
	return heap_array(1, size);
}

void *heap_array(size_t count, size_t size)
{
	return require_memory(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *heap_resize(void *old, size_t count, size_t size)
{
	return require_memory(reallocarray(old, count > 0 ? count : 1, size > 0 ? size : 1));
}

char *heap_strdup(const char *text)
{
	return text == NULL ? NULL : require_memory(strdup(text));
}
