/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules about MX hosts on port 25. Where no connection comes about at all, it is more likely that
 * the network here blocks the port than that every host is down: that is said, and not judged.
 */
#include <string.h>

#include "audit/probe/visit.h"
#include "lib/clock.h"

enum { DAY = 86400, EXPIRY_DAYS = 21 };

static const char *subject_of(struct judge *judge, const struct probe_smtp *smtp)
{
	char text[IP_TEXT_MAX];

	return arena_printf(judge->arena, "%s (%s)", smtp->host, ip_text(&smtp->ip, text));
}

/* ---- DANE ---- */

static bool is_usable(const struct dns_record *tlsa)
{
	return tlsa->numbers[0] == 2 || tlsa->numbers[0] == 3;
}

/* RFC 6698 section 2.1 with the usages of RFC 7672 section 3.1: 3 is the host's own certificate, 2
 * is one of those above it. */
static bool matches_tlsa(const struct certificates *chain, const struct dns_record *tlsa)
{
	unsigned end = tlsa->numbers[0] == 3 ? 1 : certificate_count(chain);

	for (unsigned i = 0; i < end; i++) {
		if (certificate_matches_tlsa(chain, i, tlsa->numbers[1], tlsa->numbers[2],
					     span_make(tlsa->text, tlsa->length)))
			return true;
	}
	return false;
}

static bool is_same_kind(const struct dns_record *a, const struct dns_record *b)
{
	return memcmp(a->numbers, b->numbers, sizeof a->numbers) == 0;
}

/* RFC 7671 section 8: the records of each kind must match by themselves. */
static const struct dns_record *find_mismatch(const struct audit_answer *tlsa,
					      const struct certificates *chain)
{
	for (unsigned i = 0; i < tlsa->count; i++) {
		bool matches = !is_usable(&tlsa->records[i]);

		for (unsigned n = 0; n < tlsa->count && !matches; n++)
			matches = is_same_kind(&tlsa->records[i], &tlsa->records[n]) &&
				  matches_tlsa(chain, &tlsa->records[n]);
		if (!matches)
			return &tlsa->records[i];
	}
	return NULL;
}

static const struct audit_host *find_host(const struct judge *judge, const char *name)
{
	const struct audit_mail *mail = &judge->facts->mail;

	for (unsigned i = 0; i < mail->host_count; i++) {
		if (strcmp(mail->hosts[i].name, name) == 0)
			return &mail->hosts[i];
	}
	return NULL;
}

/* True: senders with DANE accept the host, whoever issued its certificate. */
static bool judge_dane(struct judge *judge, const struct probe_smtp *smtp)
{
	const struct audit_answer *tlsa = &find_host(judge, smtp->host)->tlsa;
	bool insecure = judge->settings->validates && !tlsa->secure, usable = false;
	const struct dns_record *mismatch;

	for (unsigned i = 0; i < tlsa->count; i++)
		usable |= is_usable(&tlsa->records[i]);
	if (!usable || insecure)
		return false;
	if (!smtp->tls.done || smtp->tls.chain == NULL) {
		judge_find(judge, AUDIT_DANE_MISMATCH, subject_of(judge, smtp),
			   "%s: there are TLSA records, but %s", subject_of(judge, smtp),
			   smtp->tls.fault != NULL ? smtp->tls.fault
			   : smtp->starttls        ? "the host shows no certificate"
						   : "the host has no STARTTLS");
		return false;
	}
	mismatch = find_mismatch(tlsa, smtp->tls.chain);
	if (mismatch == NULL)
		return true;
	judge_find(judge, AUDIT_DANE_MISMATCH, subject_of(judge, smtp),
		   "%s: no %u %u %u record is of its certificate", subject_of(judge, smtp),
		   mismatch->numbers[0], mismatch->numbers[1], mismatch->numbers[2]);
	judge_remedy_tlsa(judge, tlsa->name, smtp->tls.chain, mismatch);
	return false;
}

/* ---- the certificate ---- */

void visit_judge_certificate(struct judge *judge, const char *subject, const char *host,
			     const struct probe_tls *tls, bool trusted)
{
	enum audit_level level = trusted ? AUDIT_INFO : AUDIT_WARN;
	int64_t left = tls->not_after - judge->settings->now;
	char day[CLOCK_TEXT_MAX];

	if (tls->not_after != 0 && left < (int64_t)EXPIRY_DAYS * DAY)
		judge_find_as(judge, AUDIT_TLS_EXPIRING, left < 0 && !trusted ? AUDIT_ERROR : level,
			      subject, "%s: the certificate ends on %s", subject,
			      clock_day_text(clock_day(tls->not_after), day));
	if (tls->chain_fault != NULL && left >= 0)
		judge_find_as(judge, AUDIT_TLS_CHAIN, level, subject, "%s: %s", subject,
			      tls->chain_fault);
	if (tls->not_after != 0 && !tls->named)
		judge_find_as(judge, AUDIT_TLS_NAME, level, subject,
			      "%s: the certificate has not the name %s", subject, host);
	if (tls->old)
		judge_find_as(judge, AUDIT_TLS_OLD, AUDIT_ERROR, subject,
			      "%s: nothing newer than %s", subject, tls->version);
}

/* RFC 8461 section 4.2 */
static void judge_policy(struct judge *judge, const struct probe_smtp *smtp)
{
	const struct probe_policy *found = &judge->facts->probe.policy;
	const struct probe_tls *tls = &smtp->tls;
	const char *fault = NULL;

	if (found->text == NULL || found->policy.mode == STS_NONE ||
	    !sts_policy_allows(&found->policy, smtp->host))
		return;
	if (!smtp->starttls)
		fault = "it has no STARTTLS";
	else if (!tls->done)
		fault = tls->fault;
	else if (tls->old)
		fault = "it has no TLS 1.2";
	else if (tls->chain_fault != NULL)
		fault = tls->chain_fault;
	else if (!tls->named)
		fault = "its certificate has not its name";
	if (fault != NULL)
		judge_find_as(judge, AUDIT_STS_CERTIFICATE,
			      found->policy.mode == STS_ENFORCE ? AUDIT_ERROR : AUDIT_WARN,
			      subject_of(judge, smtp), "%s: %s", subject_of(judge, smtp), fault);
}

/* ---- a host ---- */

static bool is_full_name(const char *name)
{
	return strchr(name, '.') != NULL || *name == '[';
}

static void judge_words(struct judge *judge, const struct probe_smtp *smtp, const char *subject)
{
	if (!is_full_name(smtp->name))
		judge_find(judge, AUDIT_SMTP_NAME, subject, "%s calls itself \"%s\"", subject,
			   smtp->name);
	if (smtp->injects == PROBE_YES)
		judge_find(judge, AUDIT_SMTP_INJECTION, subject,
			   "%s answers within TLS to a command from before it", subject);
	if (smtp->smuggles == PROBE_YES)
		judge_find(judge, AUDIT_SMTP_SMUGGLING, subject, "%s takes %s for the end", subject,
			   smtp->smuggles_how);
	else if (smtp->smuggles == PROBE_UNKNOWN)
		judge_find_as(judge, AUDIT_SMTP_SMUGGLING, AUDIT_SKIP, subject,
			      "not known: %s takes no mail from here for postmaster@%s", subject,
			      judge->facts->domain);
}

static void judge_encryption(struct judge *judge, const struct probe_smtp *smtp,
			     const char *subject)
{
	bool trusted = judge_dane(judge, smtp);

	if (!smtp->starttls) {
		judge_find(judge, AUDIT_TLS_NONE, subject, "%s does not offer STARTTLS", subject);
		return;
	}
	if (!smtp->tls.done) {
		judge_find(judge, AUDIT_TLS_NONE, subject, "%s: %s", subject, smtp->tls.fault);
		return;
	}
	visit_judge_certificate(judge, subject, smtp->host, &smtp->tls, trusted);
	if (smtp->accepts_old == PROBE_YES && !smtp->tls.old)
		judge_find(judge, AUDIT_TLS_OLD, subject, "%s accepts TLS 1.1 or 1.0, too",
			   subject);
	if (!smtp->requiretls)
		judge_find(judge, AUDIT_TLS_REQUIRETLS, subject, "%s does not offer REQUIRETLS",
			   subject);
	if (smtp->hybrid == PROBE_NO)
		judge_find(judge, AUDIT_TLS_HYBRID, subject,
			   "%s has no key exchange X25519MLKEM768", subject);
}

static void judge_host(struct judge *judge, const struct probe_smtp *smtp)
{
	const char *subject = subject_of(judge, smtp);

	if (smtp->way != PROBE_WAY_SPEAKS) {
		judge_find(judge, AUDIT_SMTP_UNREACHABLE, subject, "%s: %s", subject, smtp->reason);
		return;
	}
	judge_words(judge, smtp, subject);
	judge_encryption(judge, smtp, subject);
	judge_policy(judge, smtp);
}

/* Addresses of FAMILY (0: any) that anything came back from. */
static unsigned count_reached(const struct probe_facts *facts, uint8_t family)
{
	unsigned count = 0;

	for (unsigned i = 0; i < facts->smtp_count; i++)
		count += facts->smtp[i].way != PROBE_WAY_NONE &&
			 (family == 0 || facts->smtp[i].ip.family == family);
	return count;
}

static void judge_silence(struct judge *judge, const struct probe_smtp *smtp)
{
	judge_find_as(judge, AUDIT_SMTP_UNREACHABLE, AUDIT_SKIP, subject_of(judge, smtp),
		      "not known: %s: %s; no address of IPv%u could be reached from here",
		      subject_of(judge, smtp), smtp->reason, smtp->ip.family);
}

void visit_judge_smtp(struct judge *judge)
{
	const struct probe_facts *facts = &judge->facts->probe;

	if (facts->smtp_count > 0 && count_reached(facts, 0) == 0) {
		judge_find_as(judge, AUDIT_SMTP_UNREACHABLE, AUDIT_SKIP, judge->facts->domain,
			      "not known: none of %u addresses can be reached on port 25 (%s): it "
			      "is probably blocked here; try it from the mail server",
			      facts->smtp_count, facts->smtp[0].reason);
		return;
	}
	for (unsigned i = 0; i < facts->smtp_count; i++) {
		if (facts->smtp[i].way == PROBE_WAY_NONE &&
		    count_reached(facts, facts->smtp[i].ip.family) == 0)
			judge_silence(judge, &facts->smtp[i]);
		else
			judge_host(judge, &facts->smtp[i]);
	}
}
