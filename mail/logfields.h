/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line that is logged for a message (milter/logline.h), taken apart again.
 */
#ifndef MAIL_LOGFIELDS_H
#define MAIL_LOGFIELDS_H

#include <stdbool.h>

#include "lib/arena.h"

enum { LOGFIELDS_MAX = 64 };

/* The queue id is the field "qid". A key that stands there several times has its values with ", "
 * between them. */
struct logfields {
	unsigned count;
	struct {
		const char *key, *value;
	} items[LOGFIELDS_MAX];
};

/* False if this is not such a line. */
bool logfields_parse(struct arena *arena, struct span line, struct logfields *out);

const char *logfields_get(const struct logfields *fields, const char *key); /* or NULL */

/*
 * Is WANTED in VALUE? A value is a list with commas, an item of it has parts between slashes
 * (pass/example.com/s1): the first two may be wanted. Of <local@domain>, alone or in a list, it may
 * be all of it, without the brackets, or the domain. ASCII letters of either case.
 */
bool logfields_match(const char *value, const char *wanted);

#endif
