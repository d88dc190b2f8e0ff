/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process gives up what it does not need, for good: it and what it forks. Linux: a seccomp filter
 * (system calls) and Landlock (files, TCP ports); FreeBSD: Capsicum, for processes that open
 * nothing; OpenBSD: pledge.
 *
 * Nobody is killed for a system call. One that is known and not allowed fails with EPERM, one that
 * is not known with ENOSYS: a newer C library that tries a newer call falls back to the older one,
 * as on an older kernel, and mail goes on. Who meets EPERM logs it where it logs any error.
 *
 * A build with a sanitizer or for coverage is not confined: their runtimes read /proc, write files
 * and start programs.
 */
#ifndef LIB_CONFINE_H
#define LIB_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(COVERAGE)
#define CONFINE_INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define CONFINE_INSTRUMENTED 1
#endif
#endif
#ifndef CONFINE_INSTRUMENTED
#define CONFINE_INSTRUMENTED 0
#endif

/* What a process goes on doing beside computing, and reading and writing what it has open. */
enum confine_right {
	CONFINE_MAY_SHARE = 1 << 0,    /* threads; poll; messages, with files, over open sockets */
	CONFINE_MAY_READ = 1 << 1,     /* open any file that the user may read */
	CONFINE_MAY_WRITE = 1 << 2,    /* make, change and remove files */
	CONFINE_MAY_LOG = 1 << 3,      /* local datagram sockets */
	CONFINE_MAY_CALL = 1 << 4,     /* local stream sockets */
	CONFINE_MAY_INTERNET = 1 << 5, /* UDP and TCP sockets */
	CONFINE_MAY_LISTEN = 1 << 6,
	CONFINE_MAY_FORK = 1 << 7 /* processes, which confine themselves further; signals */
};

enum { CONFINE_PLACES = 8 };

struct confine_rules {
	unsigned may; /* enum confine_right */
	/* MAY_WRITE is for files below these directories only; none: everywhere. */
	const char *writable[CONFINE_PLACES];
	unsigned writable_count;
	/* TCP connections go to these ports only. */
	bool limit_ports;
	uint16_t ports[CONFINE_PLACES];
	unsigned port_count;
};

/* What holds, to be added up. */
enum confine_limit {
	CONFINE_CALLS = 1 << 0, /* no other system calls: nothing is executed */
	CONFINE_FILES = 1 << 1, /* files are written nowhere else */
	CONFINE_PORTS = 1 << 2  /* no other TCP ports */
};

/* Whether this program can be confined at all, on some kernel. */
bool confine_is_built(void);

/* All threads get the filter of system calls; threads that run already do not get the rest. May be
 * called again, for less. Returns what holds of what RULES want, 0 where the system can do nothing.
 */
unsigned confine_process(const struct confine_rules *rules);

/* "system calls, files, TCP ports", or "nothing". */
void confine_text(unsigned limits, struct buf *out);

#endif
