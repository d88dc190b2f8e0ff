/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cases that are kept (second_opinion.keep), a file each, for whoever looks into a difference.
 */
#ifndef OPINION_KEEP_H
#define OPINION_KEEP_H

#include "opinion/case.h"

enum { KEEP_FILES_MAX = 100, KEEP_BYTES_MAX = 64 << 20 };

/* Writes C below DIRECTORY, which exists, as a file that only its owner reads; its name is in NAME.
 * When there are as many already, or as many octets, none is added. */
int keep_case(const char *directory, const struct opinion_case *c, struct arena *arena,
	      const char **name, struct why *why);

/* How many there are in DIRECTORY, and their octets. */
int keep_measure(const char *directory, unsigned *files, int64_t *bytes, struct why *why);

#endif
