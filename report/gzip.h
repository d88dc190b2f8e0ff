/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes gzip (RFC 1952).
 */
#ifndef REPORT_GZIP_H
#define REPORT_GZIP_H

#include <stdio.h>

#include "lib/why.h"

/* Compresses all of IN, from its beginning, into OUT. Equal input gives equal output: no time or
 * name is written. */
int gzip_file(FILE *in, FILE *out, struct why *why);

#endif
