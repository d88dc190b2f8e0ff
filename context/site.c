/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each question is asked once: answers are kept, as many as fit; a source beyond that bound is
 * judged without DNS.
 */
#include "context/site.h"

#include <assert.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "mail/psl.h"
#include "policy/spf/iprev.h"
#include "policy/spf/spf.h"

enum { ANSWERS = 4096, OWN_MAX = 64, LOOKUPS = 60 };

static const int64_t keep_answers = 3600 * CLOCK_SECOND;

struct answer {
	const char *question; /* NULL: free */
	int number;
	const char *text;
};

struct site {
	const struct conf *conf;
	struct dns *dns;
	struct keyring *keyring;
	struct psl *psl;
	struct reporter_rules rules;
	char host[256];
	struct ip own[OWN_MAX];
	unsigned own_count;
	int64_t deadline;
	int64_t waited; /* for DNS questions without an answer */
	bool late;

	struct arena *arena; /* of the answers */
	struct answer answers[ANSWERS];
	unsigned answer_count;
	int64_t forget_at; /* clock_mono() */
};

/* The answer's place, or NULL: there are too many, or it is too late to ask. KNOWN: it is there
 * already. */
static struct answer *find_answer(struct site *site, const char *question, bool *known)
{
	unsigned hash = 5381;

	for (const char *p = question; *p != '\0'; p++)
		hash = hash * 33 ^ (unsigned char)*p;
	for (unsigned i = 0; i < ANSWERS; i++) {
		struct answer *answer = &site->answers[(hash + i) % ANSWERS];

		*known = answer->question != NULL && strcmp(answer->question, question) == 0;
		if (*known)
			return answer;
		if (answer->question != NULL)
			continue;
		if (site->deadline != 0 && clock_mono() >= site->deadline)
			site->late = true;
		if (site->late || site->answer_count >= ANSWERS / 4 * 3)
			return NULL;
		site->answer_count++;
		answer->question = arena_string(site->arena, question);
		return answer;
	}
	return NULL;
}

static void forget_answers(struct site *site)
{
	memset(site->answers, 0, sizeof site->answers);
	site->answer_count = 0;
	arena_reset(site->arena);
	site->forget_at = clock_mono() + keep_answers;
}

static struct dns_scope *open_scope(const struct site *site)
{
	return dns_scope_new(site->dns, LOOKUPS, site->conf->dns.timeout);
}

/* ---- own addresses ---- */

static bool is_own(void *arg, const struct ip *ip)
{
	const struct site *site = arg;
	const struct conf *conf = site->conf;

	for (unsigned i = 0; i < site->own_count; i++)
		if (ip_equal(&site->own[i], ip))
			return true;
	return ip_in_any(ip, conf->inbox.own_hosts.items, conf->inbox.own_hosts.count) ||
	       ip_in_any(ip, conf->trusted_networks.items, conf->trusted_networks.count);
}

static void add_own(struct site *site, const struct ip *ip)
{
	if (site->own_count < OWN_MAX && ip->family != 0 && !ip_is_loopback(ip))
		site->own[site->own_count++] = *ip;
}

static void read_own(struct site *site)
{
	const struct conf_strings *listed = &site->conf->audit.addresses;
	struct ifaddrs *all = NULL;
	struct ip ip;

	for (unsigned i = 0; i < listed->count; i++)
		if (ip_parse(span_of(listed->items[i]), &ip))
			add_own(site, &ip);
	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next)
		if (one->ifa_addr != NULL && ip_from_sockaddr(one->ifa_addr, &ip))
			add_own(site, &ip);
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

static enum source_selector ask_selector(struct site *site, const char *domain,
					 const char *selector)
{
	struct dns_scope *scope = open_scope(site);
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
	struct site *site = arg;
	struct wanted wanted = {domain, selector, false};
	char question[512];
	struct answer *answer;
	bool known;

	if (site->keyring != NULL)
		keyring_each(site->keyring, compare_key, &wanted);
	if (wanted.found)
		return SELECTOR_OURS;
	snprintf(question, sizeof question, "k %.200s %.253s", selector, domain);
	answer = find_answer(site, question, &known);
	if (answer == NULL)
		return SELECTOR_UNKNOWN;
	if (!known)
		answer->number = (int)ask_selector(site, domain, selector);
	return (enum source_selector)answer->number;
}

struct each_key {
	site_selector_visit *visit;
	void *arg;
};

static void visit_key(void *arg, const struct signing_key *key, const char *path)
{
	const struct each_key *each = arg;

	(void)path;
	each->visit(each->arg, signing_key_domain(key), signing_key_selector(key));
}

void site_selectors(const struct site *site, site_selector_visit *visit, void *arg)
{
	struct each_key each = {visit, arg};

	if (site->keyring != NULL)
		keyring_each(site->keyring, visit_key, &each);
}

const struct keyring *site_keyring(const struct site *site)
{
	return site->keyring;
}

const char *site_host(const struct site *site)
{
	return site->host;
}

/* ---- SPF and names ---- */

/* Where DNS does not answer, thousands of sources would wait for it one after the other. */
static void note_wait(struct site *site, int64_t begun, enum auth_result result)
{
	if (result == AUTH_TEMPERROR)
		site->waited += clock_mono() - begun;
	if (site->waited > 2 * site->conf->dns.timeout)
		site->late = true;
}

/* As our record is now, for an envelope in the domain's name (RFC 7208). */
static bool ask_spf(struct site *site, const char *domain, const struct ip *ip)
{
	struct arena *arena = arena_new(0);
	struct dns_scope *scope = open_scope(site);
	const struct spf_request request = {
	    .client = *ip,
	    .scope = SPF_SCOPE_MFROM,
	    .helo = "",
	    .mail_from = arena_printf(arena, "postmaster@%s", domain),
	    .receiver = site->host,
	    .now = clock_wall(),
	};
	int64_t begun = clock_mono();
	struct spf_verdict verdict;
	bool passes;

	spf_start(scope, &request, arena);
	spf_check(scope, &request, arena, &verdict);
	passes = verdict.result == AUTH_PASS;
	note_wait(site, begun, verdict.result);
	dns_scope_free(scope);
	arena_free(arena);
	return passes;
}

static bool spf_allows(void *arg, const char *domain, const struct ip *ip)
{
	struct site *site = arg;
	char question[512], text[IP_TEXT_MAX];
	struct answer *answer;
	bool known;

	snprintf(question, sizeof question, "s %s %.253s", ip_text(ip, text), domain);
	answer = find_answer(site, question, &known);
	if (answer == NULL)
		return false;
	if (!known)
		answer->number = ask_spf(site, domain, ip);
	return answer->number != 0;
}

/* The organizational domain of its verified name (RFC 8601 section 3). */
static const char *host_name(void *arg, const struct ip *ip)
{
	struct site *site = arg;
	char question[64], text[IP_TEXT_MAX];
	struct iprev_verdict verdict;
	struct answer *answer;
	struct arena *arena;
	struct dns_scope *scope;
	int64_t begun = clock_mono();
	bool known;

	snprintf(question, sizeof question, "n %s", ip_text(ip, text));
	answer = find_answer(site, question, &known);
	if (answer == NULL || known)
		return answer == NULL ? NULL : answer->text;
	arena = arena_new(0);
	scope = open_scope(site);
	iprev_start(scope, ip);
	iprev_check(scope, ip, arena, &verdict);
	note_wait(site, begun, verdict.result);
	if (verdict.result == AUTH_PASS && verdict.name != NULL) {
		const char *org =
		    site->psl == NULL ? NULL : psl_org_domain(site->psl, verdict.name);

		answer->text = arena_string(site->arena, org == NULL ? verdict.name : org);
	}
	dns_scope_free(scope);
	arena_free(arena);
	return answer->text;
}

/* ---- all of them ---- */

static void find_host_name(struct site *site)
{
	bool given = strcmp(site->conf->authserv_id, "auto") != 0;

	if (given)
		snprintf(site->host, sizeof site->host, "%s", site->conf->authserv_id);
	else if (gethostname(site->host, sizeof site->host - 1) != 0)
		snprintf(site->host, sizeof site->host, "localhost");
}

struct site *site_new(const struct conf *conf, struct dns *dns, struct keyring *keyring)
{
	struct site *site = heap_zero(sizeof *site);
	struct why why;

	assert(conf != NULL && dns != NULL);
	site->conf = conf;
	site->dns = dns;
	site->keyring = keyring;
	site->psl = psl_load(NULL, &why); /* without it host names are shown whole */
	site->arena = arena_new(0);
	site->rules = (struct reporter_rules){conf->inbox.reporters.items,
					      conf->inbox.reporters.count, site->psl};
	find_host_name(site);
	read_own(site);
	return site;
}

void site_free(struct site *site)
{
	if (site == NULL)
		return;
	keyring_free(site->keyring);
	psl_unload(site->psl);
	arena_free(site->arena);
	free(site);
}

struct source_facts site_facts(struct site *site, int64_t deadline)
{
	if (clock_mono() >= site->forget_at)
		forget_answers(site);
	site->deadline = deadline;
	site->waited = 0;
	site->late = false;
	return (struct source_facts){.arg = site,
				     .is_own = is_own,
				     .selector = find_selector,
				     .spf_allows = spf_allows,
				     .host_name = host_name};
}

const struct reporter_rules *site_reporter_rules(const struct site *site)
{
	return &site->rules;
}

bool site_was_late(const struct site *site)
{
	return site->late;
}
