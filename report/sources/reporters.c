/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The outbound tally is read first, so that strangers are not kept: however many there are, they
 * push no other reporter out. A report names no recipients (RFC 9990 leaves envelope_to out as a
 * rule), so the organizational domain is what a reporter and recipients have in common.
 */
#include "report/sources/reporters.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "mail/domain.h"
#include "report/sent.h"

enum {
	BUCKETS = 4096,
	REPORTERS_MAX = 5000,
	ORGANIZATIONS_MAX = 100000, /* of recipients */
	DAYS = 1024,                /* beyond them a day counts as the last one */
	TIMES_SENT = 2              /* messages that count for each that was sent */
};

/* Messages in the name of one domain to the recipients in one organization. */
struct destination {
	struct destination *next;
	const char *organization, *header_from;
	int64_t messages;
};

struct organization {
	struct organization *next;
	const char *name;
	unsigned round; /* of reporters_cover() that has counted it */
};

struct reporter {
	struct reporter *next;
	const char *domain, *mail_from; /* DOMAIN: the policy domain */
	struct organization *organization;
	enum reporter_standing standing;
	int64_t reports;
	int64_t left; /* messages that may still be credited */
	int64_t messages, expected;
	unsigned char days[DAYS / 8];
};

struct stranger {
	struct stranger *next;
	const char *domain;
	int64_t count;
};

struct reporters {
	struct arena *arena;
	const struct reporter_rules *rules;
	int32_t from_day;
	struct destination *destinations[BUCKETS];
	struct reporter *buckets[BUCKETS];
	struct organization *organizations[BUCKETS];
	unsigned count, destination_count, round;
	struct stranger *strangers; /* how many, by policy domain */
};

static unsigned hash_name(const char *name)
{
	unsigned hash = 5381;

	for (; *name != '\0'; name++)
		hash = hash * 33 ^ (unsigned char)*name;
	return hash % BUCKETS;
}

static const char *organization_of(const struct reporters *reporters, const char *domain)
{
	return reporters->rules->psl == NULL ? domain
					     : psl_org_domain(reporters->rules->psl, domain);
}

/* ---- who can be believed ---- */

/* Domains in which everybody can have an address: mail from them passes DMARC, whoever wrote it.
 * The receivers behind them report from other names. "outlook.*": with any ending. */
static const char *const mailbox_domains[] = {
    "126.com",      "163.com",      "aol.*",        "att.net",     "bk.ru",      "comcast.net",
    "daum.net",     "fastmail.com", "fastmail.fm",  "free.fr",     "freenet.de", "gmail.com",
    "gmx.*",        "googlemail.*", "hey.com",      "hotmail.*",   "icloud.com", "inbox.ru",
    "interia.pl",   "laposte.net",  "libero.it",    "list.ru",     "live.*",     "mac.com",
    "mail.com",     "mail.ru",      "mailbox.org",  "me.com",      "msn.com",    "naver.com",
    "o2.pl",        "onet.pl",      "op.pl",        "orange.fr",   "outlook.*",  "pm.me",
    "posteo.de",    "proton.me",    "protonmail.*", "qq.com",      "rambler.ru", "rediffmail.com",
    "rocketmail.*", "seznam.cz",    "sina.com",     "t-online.de", "tuta.com",   "tutanota.com",
    "ukr.net",      "verizon.net",  "wanadoo.fr",   "web.de",      "wp.pl",      "ya.ru",
    "yahoo.*",      "yandex.*",     "yeah.net",     "ymail.*",     "zoho.com",   NULL};

static bool is_mailbox_domain(const char *domain)
{
	for (const char *const *one = mailbox_domains; *one != NULL; one++) {
		size_t length = strlen(*one);

		if ((*one)[length - 1] == '*' ? strncmp(domain, *one, length - 1) == 0
					      : strcmp(domain, *one) == 0)
			return true;
	}
	return false;
}

/* The entry of inbox.reporters that covers DOMAIN, or NULL. */
static const char *find_known(const struct reporter_rules *rules, const char *domain)
{
	for (unsigned i = 0; i < rules->known_count; i++)
		if (domain_within(domain, rules->known[i]))
			return rules->known[i];
	return NULL;
}

static int64_t count_sent_to(const struct reporters *reporters, const char *organization,
			     const char *policy_domain)
{
	const struct destination *one = reporters->destinations[hash_name(organization)];
	int64_t messages = 0;

	for (; one != NULL; one = one->next)
		if (strcmp(one->organization, organization) == 0 &&
		    domain_within(one->header_from, policy_domain))
			messages += one->messages;
	return messages;
}

/* ---- reading ---- */

/* Sorted by messages: what finds no room are the smallest destinations. */
static int add_destination(void *arg, const struct sent *sent)
{
	struct reporters *reporters = arg;
	const char *organization = organization_of(reporters, sent->rcpt_domain);
	struct destination **bucket = &reporters->destinations[hash_name(organization)], *one;

	if (sent->messages == 0 || sent->rcpt_domain[0] == '\0')
		return 0;
	for (one = *bucket; one != NULL; one = one->next)
		if (strcmp(one->organization, organization) == 0 &&
		    strcmp(one->header_from, sent->header_from) == 0)
			break;
	if (one == NULL && reporters->destination_count == ORGANIZATIONS_MAX)
		return 0;
	if (one == NULL) {
		reporters->destination_count++;
		one = arena_make(reporters->arena, struct destination);
		one->organization = arena_string(reporters->arena, organization);
		one->header_from = arena_string(reporters->arena, sent->header_from);
		one->next = *bucket;
		*bucket = one;
	}
	one->messages += sent->messages;
	return 0;
}

static void count_stranger(struct reporters *reporters, const char *domain)
{
	struct stranger *one = reporters->strangers;

	while (one != NULL && strcmp(one->domain, domain) != 0)
		one = one->next;
	if (one == NULL) {
		one = arena_make(reporters->arena, struct stranger);
		one->domain = arena_string(reporters->arena, domain);
		one->next = reporters->strangers;
		reporters->strangers = one;
	}
	one->count++;
}

static struct organization *take_organization(struct reporters *reporters, const char *name)
{
	struct organization **bucket = &reporters->organizations[hash_name(name)], *one = *bucket;

	while (one != NULL && strcmp(one->name, name) != 0)
		one = one->next;
	if (one == NULL) {
		one = arena_make(reporters->arena, struct organization);
		one->name = arena_string(reporters->arena, name);
		one->next = *bucket;
		*bucket = one;
	}
	return one;
}

static int add_sender(void *arg, const struct received_sender *sender)
{
	struct reporters *reporters = arg;
	const char *known = find_known(reporters->rules, sender->mail_from);
	const char *organization = organization_of(reporters, sender->mail_from);
	int64_t sent = known != NULL || is_mailbox_domain(sender->mail_from)
			   ? 0
			   : count_sent_to(reporters, organization, sender->domain);
	struct reporter **bucket = &reporters->buckets[hash_name(sender->mail_from)], *one;

	if (known == NULL && sent == 0) {
		count_stranger(reporters, sender->domain);
		return 0;
	}
	if (reporters->count++ == REPORTERS_MAX)
		return 1;
	one = arena_make(reporters->arena, struct reporter);
	*one = (struct reporter){
	    .next = *bucket,
	    .domain = arena_string(reporters->arena, sender->domain),
	    .mail_from = arena_string(reporters->arena, sender->mail_from),
	    .organization = take_organization(reporters, known != NULL ? known : organization),
	    .standing = known != NULL ? REPORTER_KNOWN : REPORTER_RECIPIENT,
	    .reports = sender->reports,
	    .left = known != NULL ? INT64_MAX : TIMES_SENT * sent};
	*bucket = one;
	return 0;
}

struct reporters *reporters_read(struct sql *sql, const char *domain, int32_t from_day,
				 const struct reporter_rules *rules, struct arena *arena,
				 struct why *why)
{
	/* what was sent on the day before may be counted on the first day */
	const struct sent_query sent = {domain, from_day - 1, INT32_MAX};
	struct reporters *reporters = arena_make(arena, struct reporters);

	assert(rules->known_count == 0 || rules->known != NULL);
	reporters->arena = arena;
	reporters->rules = rules;
	reporters->from_day = from_day;
	if (sent_sum(sql, &sent, add_destination, reporters, why) != 0 ||
	    received_senders(sql, domain, from_day, add_sender, reporters, why) < 0)
		return NULL;
	return reporters;
}

/* ---- crediting ---- */

static struct reporter *find_reporter(const struct reporters *reporters, const char *domain,
				      const char *mail_from)
{
	struct reporter *one;

	if (mail_from == NULL)
		return NULL;
	one = reporters->buckets[hash_name(mail_from)];
	while (one != NULL &&
	       (strcmp(one->mail_from, mail_from) != 0 || strcmp(one->domain, domain) != 0))
		one = one->next;
	return one;
}

enum reporter_standing reporters_standing(const struct reporters *reporters, const char *domain,
					  const char *mail_from)
{
	const struct reporter *one = find_reporter(reporters, domain, mail_from);

	return one == NULL ? REPORTER_STRANGER : one->standing;
}

int64_t reporters_credit(struct reporters *reporters, const char *domain, const char *mail_from,
			 int32_t day, int64_t messages, bool expected)
{
	struct reporter *one = find_reporter(reporters, domain, mail_from);
	int32_t at = day - reporters->from_day;

	assert(messages >= 0);
	if (one == NULL)
		return 0;
	if (expected && one->standing == REPORTER_RECIPIENT) {
		messages = messages < one->left ? messages : one->left;
		one->left -= messages;
	}
	if (messages == 0)
		return 0;
	at = at < 0 ? 0 : at >= DAYS ? DAYS - 1 : at;
	/* spoofed mail, as any domain can report it, does not show that a day was reported */
	if (expected || one->standing == REPORTER_KNOWN)
		one->days[at / 8] |= (unsigned char)(1u << at % 8);
	one->messages += messages;
	one->expected += expected ? messages : 0;
	return messages;
}

/* ---- coverage ---- */

static int64_t count_days(const unsigned char days[DAYS / 8])
{
	int64_t count = 0;

	for (unsigned i = 0; i < DAYS; i++)
		count += days[i / 8] >> i % 8 & 1;
	return count;
}

static int64_t count_sent(const struct reporters *reporters, const char *domain)
{
	int64_t messages = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		for (const struct destination *one = reporters->destinations[i]; one != NULL;
		     one = one->next)
			messages += domain_within(one->header_from, domain) ? one->messages : 0;
	return messages;
}

static void add_to_coverage(struct coverage *coverage, const struct reporter *one, unsigned round,
			    unsigned char days[DAYS / 8])
{
	coverage->reporters += one->organization->round != round;
	one->organization->round = round;
	coverage->reports += one->reports;
	coverage->messages += one->messages;
	coverage->expected += one->expected;
	for (unsigned i = 0; i < DAYS / 8; i++)
		days[i] |= one->days[i];
}

void reporters_cover(struct reporters *reporters, const char *domain, struct coverage *coverage)
{
	unsigned char days[DAYS / 8] = {0};

	reporters->round++;
	*coverage = (struct coverage){.sent = count_sent(reporters, domain)};
	for (unsigned i = 0; i < BUCKETS; i++)
		for (const struct reporter *one = reporters->buckets[i]; one != NULL;
		     one = one->next)
			if (one->messages > 0 && domain_within(one->domain, domain))
				add_to_coverage(coverage, one, reporters->round, days);
	coverage->days = count_days(days);
	for (const struct stranger *one = reporters->strangers; one != NULL; one = one->next)
		coverage->strangers += domain_within(one->domain, domain) ? one->count : 0;
}
