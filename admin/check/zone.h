/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TXT records as lines of a zone file (RFC 1035 section 5).
 */
#ifndef ADMIN_CHECK_ZONE_H
#define ADMIN_CHECK_ZONE_H

#include <stdio.h>

#include "lib/span.h"

enum { ZONE_TTL = 3600, ZONE_STRING_MAX = 255 }; /* bytes of a string, section 3.3 */

/* VALUE, any bytes, as quoted strings with BETWEEN them. */
void zone_print_strings(FILE *stream, struct span value, const char *between);

/* NAME. TTL IN TXT ( "..." ... ): further strings begin on lines of their own. NAME has no final
 * dot. */
void zone_print_txt(FILE *stream, const char *indent, const char *name, struct span value);

#endif
