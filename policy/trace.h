/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received fields (RFC 5321 section 4.4): has a message been on another host?
 */
#ifndef POLICY_TRACE_H
#define POLICY_TRACE_H

#include <stdbool.h>

#include "lib/ip.h"
#include "lib/span.h"

/*
 * True when the field VALUE says that a program of this host (HOST, or "localhost") took the
 * message from this host: "from" is missing, as in what the sendmail command writes, or every
 * address in brackets is a loopback address. All else, and whatever cannot be read, means that the
 * message has travelled. A stranger can add fields, but he cannot take away the one that our MTA
 * writes with his address: at most he makes a message look as if it had travelled.
 */
bool trace_is_local(struct span value, const char *host);

enum trace_client {
	TRACE_UNREADABLE, /* it does not say, or leaves a doubt */
	TRACE_SUBMITTED,  /* no client: a program of that host handed the message in */
	TRACE_CLIENT
};

/*
 * Which client does the field VALUE name, by the address that its host saw? IP and HELO (as the
 * client gave it, a part of VALUE) are set for TRACE_CLIENT. The forms that are read:
 *
 *	from HELO (NAME [ADDRESS]) by ...	RFC 5321 section 4.4: Postfix, Sendmail, OpenSMTPD
 *	from HELO ([ADDRESS]) by ...
 *	from NAME ([ADDRESS] helo=HELO) by ...	Exim
 *	from [ADDRESS] (helo=HELO) by ...	Exim, for a client without a name
 *	from HELO (ADDRESS) by ...		Exchange
 *	by ...  /  (from USER@HOST) by ...	a program
 *
 * HELO and NAME are the client's: another comment with an address before "by" is a doubt.
 */
enum trace_client trace_client(struct span value, struct ip *ip, struct span *helo);

#endif
