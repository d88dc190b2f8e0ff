/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What outbound mail says about complaints (RFC 9477): CFBL-Address, and a CFBL-Feedback-ID by
 *which a complaint finds its message,
 *
 *	DAY:HMAC
 *
 * where HMAC covers the day, the author's domain and the Message-ID, with a secret of this host.
 * Only who has the message knows it, so a complaint with it is about a message that we signed.
 */
#ifndef POLICY_CFBL_H
#define POLICY_CFBL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/span.h"

struct cfbl_message {
	const char *secret;
	const char *author;     /* domain of From */
	const char *message_id; /* with its brackets or without; NULL: it has none */
};

const char *cfbl_write(const struct cfbl_message *message, int32_t day, struct arena *arena);

/* Is ID, of a complaint, what cfbl_write() gave for MESSAGE? *DAY is the day then. An MTA may have
 * added the Message-ID after the message was signed. */
bool cfbl_check(const struct cfbl_message *message, struct span id, struct arena *arena,
		int32_t *day);

/* May a message of AUTHOR that DOMAIN signs name an address in ADDRESS_DOMAIN? RFC 9477
 * section 3.1: the domain of the address is the signing one, or that of From or below it, which
 * signs. */
bool cfbl_may_name(const char *address_domain, const char *author, const char *domain);

#endif
