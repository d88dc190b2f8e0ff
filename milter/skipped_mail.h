/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session does with a message from a relay with client = "skip", which is neither judged nor
 * signed. Used by session.c.
 */
#ifndef MILTER_SKIPPED_MAIL_H
#define MILTER_SKIPPED_MAIL_H

#include "milter/logline.h"
#include "milter/message.h"

/* Removes the fields that only this host may have written: the relay had them from strangers. */
void skipped_mail_end(struct session *session, struct answer *answer,
		      struct header_change *changes);

/* Log and counters. Not for a probe. */
void skipped_mail_close(struct session *session, const struct answer *answer,
			const struct logline_facts *facts);

#endif
