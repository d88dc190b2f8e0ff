/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much memory this process has (Linux: /proc/self/statm).
 */
#ifndef LIB_MEMORY_H
#define LIB_MEMORY_H

#include <stdint.h>

/* In bytes, all 0 where it is not known. Opens a file. */
struct memory {
	int64_t size; /* of the address space */
	int64_t resident;
};
struct memory memory_now(void);

#endif
