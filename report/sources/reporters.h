/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose reports move an advice (RFC 9990 section 8.2). That its mail passed DMARC says who sent a
 * report, not that its sender ever received our mail: anybody can register three domains and
 * send authenticated reports from them. So a report counts as far as it agrees with what is known
 * here:
 *
 *     known       its mail came from a domain in which strangers have no addresses, that of a large
 *                 receiver (inbox.reporters)
 *     recipient   mail in the name of the policy domain went from here to addresses in the
 *                 reporter's organizational domain. It counts for twice as many messages as went
 *                 there at most: more cannot have come from us, but others forward mail
 *     stranger    neither: its reports are kept and shown, and move nothing
 */
#ifndef REPORT_SOURCES_REPORTERS_H
#define REPORT_SOURCES_REPORTERS_H

#include "mail/psl.h"
#include "store/received.h"

enum reporter_standing { REPORTER_STRANGER, REPORTER_RECIPIENT, REPORTER_KNOWN };

/* What the site knows. */
struct reporter_rules {
	const char *const *known; /* domains, and those below them */
	unsigned known_count;
	const struct psl *psl; /* NULL: a domain is its own organizational domain */
};

struct reporters;

/* Those whose aggregate or TLS reports about DOMAIN and domains below it (NULL: any), of FROM_DAY
 * and later, came in authenticated mail. All lives in ARENA. NULL with WHY. */
struct reporters *reporters_read(struct sql *sql, const char *domain, int32_t from_day,
				 const struct reporter_rules *rules, struct arena *arena,
				 struct why *why);

/* That of reports about DOMAIN whose mail came from MAIL_FROM (may be NULL). */
enum reporter_standing reporters_standing(const struct reporters *reporters, const char *domain,
					  const char *mail_from);

/* How many of MESSAGES in such a report about DAY count. EXPECTED: they are from a source whose
 * mail should arrive. What counts is added to the coverage. */
int64_t reporters_credit(struct reporters *reporters, const char *domain, const char *mail_from,
			 int32_t day, int64_t messages, bool expected);

/* How good the reports about DOMAIN and domains below it are, by what was credited. */
struct coverage {
	int64_t reporters; /* organizations whose reports count */
	int64_t strangers; /* senders of authenticated reports that do not count */
	int64_t days;      /* with messages that count */
	int64_t reports;   /* of those that count */
	int64_t messages;  /* that count */
	int64_t expected;  /* of them, from sources whose mail should arrive */
	int64_t sent;      /* from here, in the name of DOMAIN; 0: nothing is known about it */
};
void reporters_cover(struct reporters *reporters, const char *domain, struct coverage *coverage);

#endif
