/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received fields (RFC 5321 section 4.4): has a message been on another host?
 */
#ifndef POLICY_TRACE_H
#define POLICY_TRACE_H

#include <stdbool.h>

#include "lib/span.h"

/*
 * True when the field VALUE says that a program of this host (HOST, or "localhost") took the
 * message from this host: "from" is missing, as in what the sendmail command writes, or every
 * address in brackets is a loopback address. All else, and whatever cannot be read, means that the
 * message has travelled. A stranger can add fields, but he cannot take away the one that our MTA
 * writes with his address: at most he makes a message look as if it had travelled.
 */
bool trace_is_local(struct span value, const char *host);

#endif
