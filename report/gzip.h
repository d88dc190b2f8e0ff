/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gzip (RFC 1952). zlib is used here and nowhere else.
 */
#ifndef REPORT_GZIP_H
#define REPORT_GZIP_H

#include <stdio.h>

#include "lib/why.h"

/* All of IN, from its beginning, compressed into OUT. Equal input gives equal output: no time and
 * no name is written. */
int gzip_file(FILE *in, FILE *out, struct why *why);

#endif
