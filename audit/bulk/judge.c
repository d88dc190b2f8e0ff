/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "audit/bulk/bulk.h"
#include "audit/judge.h"
#include "lib/clock.h"

enum {
	VOLUME = 5000, /* a day at one receiver: from here on the rules apply (Gmail, Yahoo) */
	COMPLAINTS_WARN = 1, /* of 1,000 */
	COMPLAINTS_ERROR = 3,
	ENOUGH = 100,  /* messages, for a rate */
	TLS_FAILED = 1 /* of 100 sessions */
};

static void judge_records(struct judge *judge)
{
	const struct audit_facts *facts = judge->facts;
	const char *domain = facts->domain;

	if (!judge_skips(judge, AUDIT_BULK_SPF, &facts->spf.txt) &&
	    (facts->spf.record == NULL || facts->spf.syntax != NULL))
		judge_find(judge, AUDIT_BULK_SPF, domain, "%s has no valid SPF record", domain);
	if (facts->dmarc.unknown)
		judge_find_as(judge, AUDIT_BULK_DMARC, AUDIT_SKIP, domain,
			      "not known: whether a DMARC record applies");
	else if (facts->dmarc.record == NULL)
		judge_find(judge, AUDIT_BULK_DMARC, domain, "no DMARC record applies to %s",
			   domain);
}

/* Each sending address needs a name that leads back to it. */
static void judge_addresses(struct judge *judge)
{
	const struct audit_mail *mail = &judge->facts->mail;
	unsigned sending = 0;

	for (unsigned i = 0; i < mail->address_count; i++) {
		const struct audit_address *address = &mail->addresses[i];
		char text[IP_TEXT_MAX];

		if (!address->sends)
			continue;
		sending++;
		ip_text(&address->ip, text);
		if (!address->confirmed && address->unknown)
			judge_find_as(judge, AUDIT_BULK_PTR, AUDIT_SKIP, text,
				      "not known: PTR of %s", text);
		else if (!address->confirmed)
			judge_find(judge, AUDIT_BULK_PTR, arena_string(judge->arena, text),
				   "%s has no name that has the address", text);
	}
	if (sending == 0)
		judge_find_as(judge, AUDIT_BULK_PTR, AUDIT_SKIP, judge->facts->domain,
			      "not known: no sending address is set in audit.addresses");
}

static void judge_rate(struct judge *judge, const struct bulk_traffic *traffic)
{
	const char *domain = judge->facts->domain;
	enum audit_level level;

	if (!traffic->counts_complaints) {
		judge_find_as(judge, AUDIT_BULK_COMPLAINTS, AUDIT_SKIP, domain,
			      "not known: no complaint has been read into the inbox");
		return;
	}
	if (traffic->messages < ENOUGH) {
		judge_find_as(judge, AUDIT_BULK_COMPLAINTS, AUDIT_SKIP, domain,
			      "not known: %" PRId64 " messages are too few for a rate",
			      traffic->messages);
		return;
	}
	if (traffic->complaints * 1000 < COMPLAINTS_WARN * traffic->messages)
		return;
	level = traffic->complaints * 1000 >= COMPLAINTS_ERROR * traffic->messages ? AUDIT_ERROR
										   : AUDIT_WARN;
	judge_find_as(judge, AUDIT_BULK_COMPLAINTS, level, domain,
		      "%" PRId64 " complaints about %" PRId64 " messages: %.2f %%",
		      traffic->complaints, traffic->messages,
		      100.0 * (double)traffic->complaints / (double)traffic->messages);
}

static void judge_volume(struct judge *judge, const struct bulk_traffic *traffic)
{
	for (unsigned i = 0; i < traffic->receiver_count; i++) {
		const struct bulk_receiver *receiver = &traffic->receivers[i];
		unsigned top = 0;
		char text[CLOCK_TEXT_MAX];

		for (unsigned day = 1; day < traffic->day_count; day++)
			top = receiver->days[day] > receiver->days[top] ? day : top;
		if (receiver->days[top] >= VOLUME)
			judge_find(judge, AUDIT_BULK_VOLUME, receiver->domain,
				   "%s: %" PRId64 " messages on %s", receiver->domain,
				   receiver->days[top],
				   clock_day_text(traffic->first_day + (int32_t)top, text));
	}
}

/* Gmail and others ask for TLS: a session that failed delays the mail, or sends it in the clear. */
static void judge_sessions(struct judge *judge, const struct bulk_traffic *traffic)
{
	if (!traffic->counts_sessions)
		judge_find_as(judge, AUDIT_BULK_TLS, AUDIT_SKIP, judge->facts->domain,
			      "not known: no TLS session was counted (tls.reports)");
	for (unsigned i = 0; i < traffic->receiver_count; i++) {
		const struct bulk_receiver *receiver = &traffic->receivers[i];

		if (receiver->failed_sessions * 100 > TLS_FAILED * receiver->sessions)
			judge_find(judge, AUDIT_BULK_TLS, receiver->domain,
				   "%s: %" PRId64 " of %" PRId64 " TLS sessions failed",
				   receiver->domain, receiver->failed_sessions, receiver->sessions);
	}
}

static void judge_traffic(struct judge *judge, const struct bulk_traffic *traffic)
{
	const char *domain = judge->facts->domain;

	if (!traffic->known) {
		judge_find_as(judge, AUDIT_BULK_UNSIGNED, AUDIT_SKIP, domain, "not known: %s",
			      traffic->why);
		return;
	}
	if (traffic->unsigned_messages > 0)
		judge_find(judge, AUDIT_BULK_UNSIGNED, domain,
			   "%" PRId64 " of %" PRId64 " messages in %u days were not signed",
			   traffic->unsigned_messages, traffic->messages, traffic->day_count);
	if (traffic->unaligned > 0)
		judge_find(judge, AUDIT_BULK_ALIGNMENT, domain,
			   "%" PRId64 " of %" PRId64 " messages in %u days had neither a signature "
			   "nor an envelope of their From domain",
			   traffic->unaligned, traffic->messages, traffic->day_count);
	judge_rate(judge, traffic);
	judge_volume(judge, traffic);
	judge_sessions(judge, traffic);
}

struct audit_findings bulk_judge(const struct audit_settings *settings,
				 const struct audit_facts *facts,
				 const struct bulk_traffic *traffic,
				 const struct bulk_message *message,
				 const struct audit_findings *findings, struct arena *arena)
{
	struct judge judge = {
	    .settings = settings, .facts = facts, .arena = arena, .findings = *findings};

	judge_records(&judge);
	judge_addresses(&judge);
	judge_traffic(&judge, traffic);
	if (!message->given)
		judge_find_as(&judge, AUDIT_BULK_UNSUBSCRIBE, AUDIT_SKIP, facts->domain,
			      "not known: give a message of a list, as it leaves, with --message");
	else if (message->fault != NULL)
		judge_find(&judge, AUDIT_BULK_UNSUBSCRIBE, facts->domain, "%s", message->fault);
	return judge.findings;
}
