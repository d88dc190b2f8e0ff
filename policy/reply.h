/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the client is told of a message that is refused or deferred.
 */
#ifndef POLICY_REPLY_H
#define POLICY_REPLY_H

#include "lib/arena.h"
#include "mail/smtp_reply.h"
#include "policy/result/verdict.h"

/* The usual text of a rejection by DMARC. */
#define REPLY_REJECT_TEXT "Email rejected per DMARC policy for %{domain}"

/* Only for ACTION_REJECT and ACTION_TEMPFAIL. REJECT_TEXT (smtp_reply_expand) is that of a
 * rejection by DMARC; the enhanced status codes of others are those of RFC 7372. */
void reply_write(const char *reject_text, const struct verdict *verdict, struct arena *arena,
		 struct smtp_reply *reply);

#endif
