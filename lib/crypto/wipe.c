/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/crypto/wipe.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if HAVE_MALLOC_H
#include <malloc.h>
#elif HAVE_MALLOC_NP_H
#include <malloc_np.h>
#endif

#include "lib/crypto/openssl.h"

static bool prepared;
static atomic_bool wiping;

static size_t size_of_freed(void *memory)
{
#if HAVE_MALLOC_USABLE_SIZE
	return malloc_usable_size(memory);
#else
	(void)memory;
	return 0;
#endif
}

static void *give_memory(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(size);
}

static void take_back(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	if (memory != NULL && atomic_load_explicit(&wiping, memory_order_relaxed))
		OPENSSL_cleanse(memory, size_of_freed(memory));
	free(memory);
}

/* realloc() would move it and leave the old place as it is. */
static void *move_memory(void *memory, size_t size, const char *file, int line)
{
	size_t old = memory == NULL ? 0 : size_of_freed(memory);
	void *new;

	if (size == 0) {
		take_back(memory, file, line);
		return NULL;
	}
	if (old == 0 || !atomic_load_explicit(&wiping, memory_order_relaxed))
		return realloc(memory, size);
	new = malloc(size);
	if (new == NULL)
		return NULL;
	memcpy(new, memory, old < size ? old : size);
	take_back(memory, file, line);
	return new;
}

void wipe_prepare(void)
{
	prepared = CRYPTO_set_mem_functions(give_memory, move_memory, take_back) == 1;
}

bool wipe_begin(void)
{
#if HAVE_MALLOC_USABLE_SIZE
	atomic_store(&wiping, prepared);
#endif
	return atomic_load(&wiping);
}
