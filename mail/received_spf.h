/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose Received-SPF field is it (RFC 7208 section 9.1)? This program writes none, but filters and
 * readers trust those of their own host.
 */
#ifndef MAIL_RECEIVED_SPF_H
#define MAIL_RECEIVED_SPF_H

#include <stdbool.h>

#include "lib/span.h"

/*
 * Must an inbound field be removed? True when it names one of NAMES (either case, a final dot does
 * not matter) as the host that checked: with receiver=, or in front of the ":" of its comment; when
 * it names nobody, so that every host can take it for its own; and when it cannot be read.
 */
bool received_spf_is_ours(struct span value, const char *const *names, unsigned count);

#endif
