/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MTA-STS policies of our own domains: the files DOMAIN.txt of a directory. They are read once, so
 * that a process that has given up its rights to files can serve them.
 */
#ifndef TLS_SERVED_H
#define TLS_SERVED_H

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

enum { SERVED_MAX = 10000 };

struct served {
	struct arena *arena; /* of all of it */
	unsigned count;
	const char **hosts,
	    **texts; /* "mta-sts.example.com", and the policy as it is in the file */
};

/* A file that is not a valid policy of a domain is left out, and NOTICE is told. -1: the directory
 * cannot be read, and nothing is served. Lives as long as the process. */
int served_read(struct served *served, const char *directory, void (*notice)(const char *text),
		struct why *why);

/* The policy for a Host field ("mta-sts.example.com", with or without a port), or NULL. */
const char *served_find(const struct served *served, struct span host);

#endif
