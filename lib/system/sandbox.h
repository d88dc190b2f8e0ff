/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a process that reads hostile bytes gives up all rights that it does not need.
 */
#ifndef LIB_SANDBOX_H
#define LIB_SANDBOX_H

#include <stdint.h>

enum {
	SANDBOX_IN = 3,  /* what the process reads */
	SANDBOX_OUT = 4, /* what it writes */
	SANDBOX_CPU_SECONDS = 20
};
#define SANDBOX_MEMORY INT64_C(134217728) /* bytes beyond those in use */

/* Keeps the files IN and OUT, as SANDBOX_IN and SANDBOX_OUT, and closes all others; 0 to 2 lead to
 * /dev/null. No file can be opened and no socket made from now on, no privilege gained, no core
 * written; memory and CPU time are limited. Linux with seccomp: all system calls fail but those
 * that reading, writing and memory need. A build with a sanitizer has the first part only, since
 * its runtime needs files and memory. */
void sandbox_enter(int in, int out);

#endif
