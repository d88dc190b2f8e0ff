/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks, beside the mail, whether the DNS shows the records of our signing keys: a pending key
 * signs from the moment its record was seen, and a record that does not belong to an active key is
 * logged before it spoils much mail.
 */
#ifndef MILTER_KEYWATCH_H
#define MILTER_KEYWATCH_H

#include "lib/why.h"
#include "milter/service.h"

/* Starts the one thread of this process. It looks at once, and every ten minutes. SERVICE must
 * stay. */
int keywatch_start(struct service *service, struct why *why);

/* After a reload: look now. */
void keywatch_look(void);

/* A message of AUTHOR (a domain) would have been signed, but its key is pending: look for that key
 * soon, though not more often than every few seconds. */
void keywatch_hint(const char *author);

#endif
