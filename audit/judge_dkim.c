/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules about the keys that we hold, and what is published of them.
 */
#include "audit/judge.h"
#include "lib/clock.h"

enum { GOOD_BITS = 2048, DAY = 86400 };

static const char *key_name(struct judge *judge, const struct audit_key *key)
{
	return arena_printf(judge->arena, "%s._domainkey.%s", key->selector, judge->facts->domain);
}

static void propose_record(struct judge *judge, const struct audit_key *key)
{
	if (key->record != NULL)
		judge_remedy(judge, key_name(judge, key), "TXT", "\"%s\"", key->record);
}

static void judge_published(struct judge *judge, const struct audit_key *key)
{
	const char *state = keystate_text(key->status.state);

	switch (key->published) {
	case PUBLISHED_UNKNOWN:
		judge_find_as(judge, AUDIT_DKIM_MISSING, AUDIT_SKIP, key->selector, "not known: %s",
			      key->detail != NULL ? key->detail : "the DNS did not answer");
		return;
	case PUBLISHED_ABSENT:
		judge_find_as(judge, AUDIT_DKIM_MISSING,
			      key->status.state == KEYSTATE_ACTIVE ? AUDIT_ERROR : AUDIT_WARN,
			      key->selector, "the %s key has no record", state);
		propose_record(judge, key);
		return;
	case PUBLISHED_REVOKED:
		if (key->status.state != KEYSTATE_ACTIVE)
			return;
		judge_find(judge, AUDIT_DKIM_REVOKED, key->selector, "an empty p= is published");
		propose_record(judge, key);
		return;
	case PUBLISHED_DIFFERS:
		if (key->txt.count > 1)
			judge_find(judge, AUDIT_DKIM_SEVERAL, key->selector, "%u TXT records",
				   key->txt.count);
		else if (key->fault != NULL)
			judge_find(judge, AUDIT_DKIM_INVALID, key->selector, "%s", key->fault);
		else if (key->parsed && !key->sha256)
			judge_find(judge, AUDIT_DKIM_SHA1, key->selector,
				   "h= does not have sha256");
		else
			judge_find(judge, AUDIT_DKIM_MISMATCH, key->selector, "%s",
				   key->detail != NULL ? key->detail : "another key is published");
		propose_record(judge, key);
		return;
	case PUBLISHED_MATCHES:
		return;
	}
}

static void judge_key(struct judge *judge, const struct audit_key *key)
{
	int64_t days = (judge->settings->now - key->status.since) / DAY;

	judge_published(judge, key);
	if (key->status.state != KEYSTATE_ACTIVE)
		return;
	if (key->type[0] == 'r' && key->bits < GOOD_BITS)
		judge_find(judge, AUDIT_DKIM_SHORT, key->selector, "%u bits", key->bits);
	if (key->parsed && key->testing) {
		judge_find(judge, AUDIT_DKIM_TESTING, key->selector, "t=y");
		propose_record(judge, key);
	}
	if (key->parsed && !key->tlsrpt)
		judge_find(judge, AUDIT_DKIM_NOT_TLSRPT, key->selector,
			   "s= has neither \"*\" nor \"tlsrpt\"");
	if (judge->settings->key_days > 0 && key->status.since > 0 &&
	    days > (int64_t)judge->settings->key_days)
		judge_find(judge, AUDIT_DKIM_AGE, key->selector, "active for %lld days",
			   (long long)days);
}

/* Messages passed with its signature, so that there was a key, and somebody who has it. */
static void judge_stranger(struct judge *judge, const struct audit_stranger *stranger)
{
	char day[CLOCK_TEXT_MAX];

	if (judge_skips(judge, AUDIT_DKIM_UNKNOWN, &stranger->txt))
		return;
	clock_day_text(stranger->last_day, day);
	if (stranger->type == NULL)
		judge_find(
		    judge, AUDIT_DKIM_UNKNOWN, stranger->selector,
		    "%lld messages passed with it until %s; the keyring has no such key, and "
		    "the DNS %s",
		    (long long)stranger->messages, day,
		    stranger->revoked         ? "has revoked it"
		    : stranger->fault != NULL ? stranger->fault
		    : stranger->txt.count > 0 ? "has several records"
					      : "has no record");
	else if (stranger->type[0] == 'r' && stranger->bits < GOOD_BITS)
		judge_find(judge, AUDIT_DKIM_SHORT, stranger->selector,
			   "%u bits; it is not a key of this host, but signed %lld messages until "
			   "%s",
			   stranger->bits, (long long)stranger->messages, day);
}

void judge_dkim(struct judge *judge)
{
	const struct audit_dkim *dkim = &judge->facts->dkim;
	const char *domain = judge->facts->domain;
	unsigned rsa = 0, active = 0;

	if (dkim->wildcard.count > 0 && !dkim->revoked)
		judge_find(judge, AUDIT_DKIM_WILDCARD, domain, "%s has a TXT record",
			   dkim->wildcard.name);
	if (dkim->count == 0 && !judge->facts->mail.null)
		judge_find(judge, AUDIT_DKIM_NO_KEY, domain, "the keyring has no key of %s",
			   domain);
	for (unsigned i = 0; i < dkim->count; i++) {
		judge_key(judge, &dkim->keys[i]);
		if (dkim->keys[i].status.state != KEYSTATE_ACTIVE)
			continue;
		active++;
		rsa += dkim->keys[i].type[0] == 'r';
	}
	for (unsigned i = 0; i < dkim->stranger_count; i++)
		judge_stranger(judge, &dkim->strangers[i]);
	if (active > 0 && (rsa == 0 || rsa == active))
		judge_find(judge, AUDIT_DKIM_ONE_ALGORITHM, domain, "only %s",
			   rsa > 0 ? "rsa" : "ed25519, which many verifiers do not know");
}
