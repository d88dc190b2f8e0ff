/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each question is asked once: answers are kept, as many as fit; a source beyond that bound is
 * judged without DNS.
 */
#include "admin/inbox/facts.h"

#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

#include "keys/keyring.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "mail/psl.h"
#include "policy/origin.h"
#include "policy/spf/iprev.h"
#include "policy/spf/spf.h"

enum { ANSWERS = 4096, OWN_MAX = 64, LOOKUPS = 60 };

struct answer {
	const char *question; /* NULL: free */
	int number;
	const char *text;
};

struct inbox_facts {
	struct admin *admin;
	struct evaluate evaluate;
	struct keyring *keyring;
	struct psl *psl;
	struct ip own[OWN_MAX];
	unsigned own_count;
	struct answer answers[ANSWERS];
	unsigned answer_count;
};

/* The answer's place, or NULL: there are too many. KNOWN: it is there already. */
static struct answer *find_answer(struct inbox_facts *facts, const char *question, bool *known)
{
	unsigned hash = 5381;

	for (const char *p = question; *p != '\0'; p++)
		hash = hash * 33 ^ (unsigned char)*p;
	for (unsigned i = 0; i < ANSWERS; i++) {
		struct answer *answer = &facts->answers[(hash + i) % ANSWERS];

		*known = answer->question != NULL && strcmp(answer->question, question) == 0;
		if (*known)
			return answer;
		if (answer->question != NULL)
			continue;
		if (facts->answer_count >= ANSWERS / 4 * 3)
			return NULL;
		facts->answer_count++;
		answer->question = arena_string(facts->admin->arena, question);
		return answer;
	}
	return NULL;
}

static struct dns_scope *open_scope(const struct inbox_facts *facts)
{
	return dns_scope_new(facts->evaluate.dns, LOOKUPS, facts->evaluate.conf->dns.timeout);
}

/* ---- own addresses ---- */

static bool is_own(void *arg, const struct ip *ip)
{
	const struct inbox_facts *facts = arg;
	const struct conf *conf = facts->evaluate.conf;

	for (unsigned i = 0; i < facts->own_count; i++)
		if (ip_equal(&facts->own[i], ip))
			return true;
	return ip_in_any(ip, conf->inbox.own_hosts.items, conf->inbox.own_hosts.count) ||
	       ip_in_any(ip, conf->trusted_networks.items, conf->trusted_networks.count);
}

static void add_own(struct inbox_facts *facts, const struct ip *ip)
{
	if (facts->own_count < OWN_MAX && ip->family != 0 && !origin_is_loopback(ip))
		facts->own[facts->own_count++] = *ip;
}

static void read_own(struct inbox_facts *facts)
{
	const struct conf_strings *listed = &facts->evaluate.conf->audit.addresses;
	struct ifaddrs *all = NULL;
	struct ip ip;

	for (unsigned i = 0; i < listed->count; i++)
		if (ip_parse(span_of(listed->items[i]), &ip))
			add_own(facts, &ip);
	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next)
		if (one->ifa_addr != NULL && ip_from_sockaddr(one->ifa_addr, &ip))
			add_own(facts, &ip);
	freeifaddrs(all);
}

/* ---- selectors ---- */

struct wanted {
	const char *domain, *selector;
	bool found;
};

static void compare_key(void *arg, const struct signing_key *key, const char *path)
{
	struct wanted *wanted = arg;

	(void)path;
	if (strcmp(signing_key_domain(key), wanted->domain) == 0 &&
	    strcmp(signing_key_selector(key), wanted->selector) == 0)
		wanted->found = true;
}

/* A record whose p= is empty is revoked (RFC 6376 section 3.6.1). */
static bool is_revoked(const struct dns_answer *answer)
{
	struct span text = {answer->records[0].text,
			    answer->records[0].text + answer->records[0].length};
	struct span tag;
	bool more = true;

	while (more && span_split(&text, &more, ';', &tag)) {
		tag = span_trim(tag);
		if (span_len(tag) >= 2 && *tag.p == 'p' && span_len(tag) == 2 && tag.p[1] == '=')
			return true;
	}
	return false;
}

static enum source_selector ask_selector(struct inbox_facts *facts, const char *domain,
					 const char *selector)
{
	struct dns_scope *scope = open_scope(facts);
	char name[2 * DNS_NAME_MAX];
	const struct dns_answer *answer;
	enum source_selector state;

	snprintf(name, sizeof name, "%.200s._domainkey.%.253s", selector, domain);
	answer = dns_wait(dns_start(scope, name, DNS_TYPE_TXT));
	state = answer->status == DNS_DATA ? is_revoked(answer) ? SELECTOR_GONE : SELECTOR_PUBLISHED
		: answer->status == DNS_TEMPFAIL ? SELECTOR_UNKNOWN
						 : SELECTOR_GONE;
	dns_scope_free(scope);
	return state;
}

static enum source_selector find_selector(void *arg, const char *domain, const char *selector)
{
	struct inbox_facts *facts = arg;
	struct wanted wanted = {domain, selector, false};
	char question[512];
	struct answer *answer;
	bool known;

	if (facts->keyring != NULL)
		keyring_each(facts->keyring, compare_key, &wanted);
	if (wanted.found)
		return SELECTOR_OURS;
	snprintf(question, sizeof question, "k %.200s %.253s", selector, domain);
	answer = find_answer(facts, question, &known);
	if (answer == NULL)
		return SELECTOR_UNKNOWN;
	if (!known)
		answer->number = (int)ask_selector(facts, domain, selector);
	return (enum source_selector)answer->number;
}

struct each_key {
	inbox_selector_visit *visit;
	void *arg;
};

static void visit_key(void *arg, const struct signing_key *key, const char *path)
{
	const struct each_key *each = arg;

	(void)path;
	each->visit(each->arg, signing_key_domain(key), signing_key_selector(key));
}

void inbox_facts_selectors(const struct inbox_facts *facts, inbox_selector_visit *visit, void *arg)
{
	struct each_key each = {visit, arg};

	if (facts->keyring != NULL)
		keyring_each(facts->keyring, visit_key, &each);
}

/* ---- SPF and names ---- */

/* As our record is now, for an envelope in the domain's name (RFC 7208). */
static bool ask_spf(struct inbox_facts *facts, const char *domain, const struct ip *ip)
{
	struct arena *arena = arena_new(0);
	struct dns_scope *scope = open_scope(facts);
	const struct spf_request request = {
	    .client = *ip,
	    .scope = SPF_SCOPE_MFROM,
	    .helo = "",
	    .mail_from = arena_printf(arena, "postmaster@%s", domain),
	    .receiver = facts->evaluate.host,
	    .now = clock_wall(),
	};
	struct spf_verdict verdict;
	bool passes;

	spf_start(scope, &request, arena);
	spf_check(scope, &request, arena, &verdict);
	passes = verdict.result == AUTH_PASS;
	dns_scope_free(scope);
	arena_free(arena);
	return passes;
}

static bool spf_allows(void *arg, const char *domain, const struct ip *ip)
{
	struct inbox_facts *facts = arg;
	char question[512], text[IP_TEXT_MAX];
	struct answer *answer;
	bool known;

	snprintf(question, sizeof question, "s %s %.253s", ip_text(ip, text), domain);
	answer = find_answer(facts, question, &known);
	if (answer == NULL)
		return false;
	if (!known)
		answer->number = ask_spf(facts, domain, ip);
	return answer->number != 0;
}

/* The organizational domain of its verified name (RFC 8601 section 3). */
static const char *host_name(void *arg, const struct ip *ip)
{
	struct inbox_facts *facts = arg;
	char question[64], text[IP_TEXT_MAX];
	struct iprev_verdict verdict;
	struct answer *answer;
	struct arena *arena;
	struct dns_scope *scope;
	bool known;

	snprintf(question, sizeof question, "n %s", ip_text(ip, text));
	answer = find_answer(facts, question, &known);
	if (answer == NULL || known)
		return answer == NULL ? NULL : answer->text;
	arena = arena_new(0);
	scope = open_scope(facts);
	iprev_start(scope, ip);
	iprev_check(scope, ip, arena, &verdict);
	if (verdict.result == AUTH_PASS && verdict.name != NULL) {
		const char *org =
		    facts->psl == NULL ? NULL : psl_org_domain(facts->psl, verdict.name);

		answer->text = arena_string(facts->admin->arena, org == NULL ? verdict.name : org);
	}
	dns_scope_free(scope);
	arena_free(arena);
	return answer->text;
}

/* ---- all of them ---- */

struct inbox_facts *inbox_facts_open(struct admin *admin, int *status)
{
	struct inbox_facts *facts = arena_make(admin->arena, struct inbox_facts);
	struct why why;

	facts->admin = admin;
	*status = evaluate_open(&facts->evaluate, admin);
	if (*status != ADMIN_DONE) {
		evaluate_close(&facts->evaluate);
		return NULL;
	}
	facts->keyring = keyring_load(facts->evaluate.conf->sign.keys,
				      context_key_access(facts->evaluate.conf), &why);
	if (facts->keyring == NULL)
		admin_warning(admin, "signatures of your keys are known by DNS alone: %s",
			      why.text);
	facts->psl = psl_load(NULL, &why); /* without it host names are shown whole */
	read_own(facts);
	return facts;
}

void inbox_facts_close(struct inbox_facts *facts)
{
	keyring_free(facts->keyring);
	psl_unload(facts->psl);
	evaluate_close(&facts->evaluate);
}

struct source_facts inbox_facts_of(struct inbox_facts *facts)
{
	return (struct source_facts){.arg = facts,
				     .is_own = is_own,
				     .selector = find_selector,
				     .spf_allows = spf_allows,
				     .host_name = host_name};
}
