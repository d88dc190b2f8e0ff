/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TLS-RPT record at _smtp._tls.DOMAIN (RFC 8460 section 3).
 */
#ifndef TLS_TLSRPT_H
#define TLS_TLSRPT_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

/* Records that do not begin with "v=TLSRPTv1;" are discarded. */
bool tlsrpt_record_is(struct span text);

/* The text of rua=: mailto: and https: URIs, separated by commas; in ARENA. NULL with a reason: the
 * record is not valid. */
const char *tlsrpt_record_parse(struct arena *arena, struct span text, struct why *why);

#endif
