/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes one inbound message through the mechanisms. This file knows their order and what each
 * needs from the others, but not how a mechanism or an MTA works.
 *
 * Lookups begin here and are awaited in check_finish(): SPF and iprev when the envelope is known,
 * keys with each signature's field, the author's DMARC records with From, and at the end of the
 * header those of the other domains that could be aligned.
 */
#include "policy/check.h"

#include <assert.h>
#include <string.h>

#include "mail/domain.h"
#include "policy/author.h"
#include "policy/bimi/check.h"
#include "policy/result/steps.h"
#include "policy/spf/iprev.h"
#include "policy/spf/spf.h"

enum { RECIPIENT_DOMAINS_MAX = 64, LIST_IDS_MAX = 4 };

/* The parts of the DNS budget, in per cent of it. */
enum part { PART_ENVELOPE, PART_KEYS, PART_POLICY, PARTS };
static const unsigned part_share[PARTS] = {50, 20, 30};
enum { SCOPE_BIMI = PARTS, SCOPES }; /* it has lookups of its own */

struct check {
	const struct check_rules *rules;
	struct arena *arena;
	struct dns_scope *scopes[SCOPES];
	unsigned scope_count; /* PARTS, or SCOPES */
	struct spf_request mfrom, helo;
	struct relay_reader *relay; /* NULL: the client is the one that is connected */
	bool explain;
	struct steps mfrom_steps, helo_steps;
	struct dkimcheck *dkim;
	struct arc *arc;
	const struct signing_key *seal_key;
	struct arcseal *seal; /* NULL: none, or not begun */
	int64_t now;
	struct author *author;
	struct bimi_check *bimi; /* NULL: it is not evaluated */
	bool address_unknown;
	bool spf_evaluated[2]; /* by enum spf_scope */
	check_judge *judge;    /* or NULL */
	void *judge_arg;
	const char *recipients[RECIPIENT_DOMAINS_MAX]; /* distinct */
	unsigned recipient_count;
	bool recipients_unknown;
	const char *list_ids[LIST_IDS_MAX];
	unsigned list_id_count;
	struct verdict verdict;
};

static void add_step(void *arg, const char *line)
{
	steps_add(arg, "%s", line);
}

static void trace_request(struct spf_request *request, struct steps *steps, struct arena *arena)
{
	steps->arena = arena;
	request->trace = add_step;
	request->trace_arg = steps;
}

static void start_lookups(struct check *check)
{
	if (check->verdict.client.family == 0)
		return;
	iprev_start(check->scopes[PART_ENVELOPE], &check->verdict.client);
	spf_start(check->scopes[PART_ENVELOPE], &check->mfrom, check->arena);
	spf_start(check->scopes[PART_ENVELOPE], &check->helo, check->arena);
}

static void start_envelope(struct check *check, const struct check_client *client, int64_t now)
{
	struct spf_request request = {
	    .client = client->ip,
	    .scope = SPF_SCOPE_MFROM,
	    .helo = arena_string(check->arena, client->helo),
	    .mail_from = arena_string(check->arena, client->mail_from),
	    .receiver = arena_string(check->arena, client->receiver),
	    .now = now,
	};

	check->verdict.client = client->ip;
	check->verdict.helo = request.helo;
	check->verdict.mail_from = request.mail_from;
	check->mfrom = request;
	check->helo = request;
	check->helo.scope = SPF_SCOPE_HELO;
	check->address_unknown = client->address_unknown;
	check->explain = client->explain;
	if (client->explain) {
		trace_request(&check->mfrom, &check->mfrom_steps, check->arena);
		trace_request(&check->helo, &check->helo_steps, check->arena);
	}
	if (client->relay != NULL)
		check->relay = relay_reader_new(&check->rules->relays, client->relay, &client->ip,
						request.helo, check->arena);
	else
		start_lookups(check);
}

/* The client is known, or it will not be: RELAYED has it, or is NULL. */
static void settle_relayed(struct check *check, const struct relay_origin *relayed)
{
	static const struct ip unknown = {.family = 0};

	check->address_unknown = relayed == NULL;
	check->verdict.client = relayed == NULL ? unknown : relayed->client;
	check->mfrom.client = check->helo.client = check->verdict.client;
	if (relayed == NULL)
		return;
	check->verdict.helo = relayed->helo;
	check->mfrom.helo = check->helo.helo = relayed->helo;
	start_lookups(check);
}

static void read_relayed(struct check *check, struct span name, struct span value)
{
	if (relay_origin(check->relay) != NULL)
		return;
	relay_header(check->relay, name, value);
	if (relay_origin(check->relay) != NULL)
		settle_relayed(check, relay_origin(check->relay));
}

static void free_scope(void *scope)
{
	dns_scope_free(scope);
}

static void open_scopes(struct check *check, const struct check_dns *dns)
{
	check->scope_count = check->rules->bimi.evaluate ? SCOPES : PARTS;
	for (unsigned i = 0; i < check->scope_count; i++) {
		unsigned budget =
		    i == SCOPE_BIMI ? BIMI_CHECK_LOOKUPS : dns->budget * part_share[i] / 100;

		check->scopes[i] = dns_scope_new(dns->dns, budget, dns->max_wait);
		arena_on_free(check->arena, free_scope, check->scopes[i]);
	}
}

static struct bimi_check *new_bimi_check(const struct check *check)
{
	struct bimi_check_dns dns = {check->scopes[SCOPE_BIMI], check->scopes[PART_POLICY]};

	if (!check->rules->bimi.evaluate)
		return NULL;
	return bimi_check_new(&check->rules->bimi, &check->rules->dmarc, &dns, check->arena);
}

struct check *check_new(const struct check_rules *rules, const struct check_client *client,
			const struct check_dns *dns, struct arena *arena, int64_t now)
{
	struct check *check = arena_make(arena, struct check);
	struct dkimcheck_rules dkim = rules->dkim;

	check->rules = rules;
	check->arena = arena;
	open_scopes(check, dns);
	check->author = author_new(&rules->dmarc, check->scopes[PART_POLICY], arena);
	check->bimi = new_bimi_check(check);
	dkim.explain = client->explain;
	check->dkim =
	    dkimcheck_new(rules->dkim_engine, &dkim, arena, check->scopes[PART_KEYS], now);
	check->now = now;
	check->arc = arc_new(&rules->arc, check->dkim, arena, check->scopes[PART_KEYS], now);
	start_envelope(check, client, now);
	return check;
}

static bool is_among(const char *const *domains, unsigned count, const char *domain)
{
	for (unsigned i = count; i > 0; i--) {
		if (strcmp(domains[i - 1], domain) == 0)
			return true;
	}
	return false;
}

bool check_wants_recipients(const struct check *check)
{
	return check->rules->decide.by_recipient && !check->recipients_unknown;
}

void check_recipient(struct check *check, const char *domain)
{
	if (domain == NULL)
		check->recipients_unknown = true;
	else if (is_among(check->recipients, check->recipient_count, domain))
		return;
	else if (check->recipient_count == RECIPIENT_DOMAINS_MAX)
		check->recipients_unknown = true;
	else
		check->recipients[check->recipient_count++] = arena_string(check->arena, domain);
}

static void read_list_id(struct check *check, struct span value)
{
	const char *id = NULL;

	if (check->list_id_count < LIST_IDS_MAX)
		id = trust_list_id(check->arena, value);
	if (id != NULL)
		check->list_ids[check->list_id_count++] = id;
}

/* A name may have blanks after it (RFC 5322 section 4.5): it is the same field to most readers. */
void check_header(struct check *check, struct span name, struct span value)
{
	if (check->relay != NULL)
		read_relayed(check, name, value);
	author_header(check->author, name, value);
	if (check->rules->decide.trust.list_count > 0 && span_ieq(span_trim(name), "list-id"))
		read_list_id(check, value);
	if (check->bimi != NULL)
		bimi_check_header(check->bimi, name, value);
	arc_header(check->arc, dkimcheck_header(check->dkim, name, value));
}

/* The domains that DKIM and SPF could align: their own walks (RFC 9989 section 4.10.2). */
static void start_alignment(struct check *check)
{
	const char *identity = check->mfrom.mail_from;
	const char *domain;

	domain = domain_of_address(check->arena, identity);
	if (domain == NULL && identity[0] == '\0')
		domain = domain_to_ascii(check->arena, span_of(check->mfrom.helo));
	if (domain != NULL)
		author_start_alignment(check->author, domain);
	for (unsigned i = 0; i < check->rules->dkim.max_signatures; i++) {
		domain = dkimcheck_domain(check->dkim, i);
		if (domain == NULL)
			break;
		author_start_alignment(check->author, domain);
	}
}

void check_seal_with(struct check *check, const struct signing_key *key)
{
	check->seal_key = key;
}

struct span check_newest_seal(const struct check *check)
{
	return arc_newest_seal(check->arc);
}

void check_end_of_headers(struct check *check)
{
	const char *author = author_domain(check->author);

	if (check->relay != NULL && relay_origin(check->relay) == NULL)
		settle_relayed(check, NULL);
	arc_end_of_headers(check->arc);
	if (check->seal_key != NULL)
		check->seal = arcseal_new(check->arc, dkimcheck_fields(check->dkim),
					  check->seal_key, check->arena, check->now);
	dkimcheck_end_of_headers(check->dkim, author);
	if (author != NULL)
		start_alignment(check);
	if (check->bimi != NULL)
		bimi_check_end_of_headers(check->bimi, author);
}

void check_body(struct check *check, struct span chunk)
{
	dkimcheck_body(check->dkim, chunk);
	if (check->seal != NULL)
		arcseal_body(check->seal, chunk);
}

bool check_body_done(const struct check *check)
{
	return check->seal == NULL && dkimcheck_body_done(check->dkim);
}

/* Without a client there is no address to judge. */
static void judge_no_client(struct verdict *verdict)
{
	verdict->iprev = (struct iprev_verdict){.result = AUTH_NONE,
						.why = "no client address (RFC 8601 section 3)"};
	verdict->spf =
	    (struct spf_verdict){.domain = "", .why = "no client address (RFC 7208 section 4.1)"};
	verdict->spf_helo = verdict->spf;
	verdict->spf_helo.scope = SPF_SCOPE_HELO;
}

static const char *say_unknown(const struct check *check, const char *section)
{
	return arena_printf(check->arena, "%s (%s)",
			    check->relay != NULL ? "no Received field of the relay names its client"
						 : "the MTA does not know the client's address",
			    section);
}

static struct spf_verdict spf_unknown(struct check *check, enum spf_scope scope)
{
	struct spf_verdict spf = {.result = AUTH_TEMPERROR,
				  .scope = scope,
				  .why = say_unknown(check, "RFC 7208 section 2.6.6")};

	if (scope == SPF_SCOPE_MFROM && check->mfrom.mail_from[0] != '\0')
		spf.domain = domain_of_address(check->arena, check->mfrom.mail_from);
	else
		spf.domain = domain_to_ascii(check->arena, span_of(check->mfrom.helo));
	if (spf.domain == NULL)
		spf.domain = "";
	return spf;
}

/* There is a client, which might have passed. */
static void judge_unknown_client(struct check *check, struct verdict *verdict)
{
	verdict->iprev = (struct iprev_verdict){.result = AUTH_TEMPERROR,
						.why = say_unknown(check, "RFC 8601 section 3")};
	verdict->spf = spf_unknown(check, SPF_SCOPE_MFROM);
	verdict->spf_helo = spf_unknown(check, SPF_SCOPE_HELO);
}

static void check_spf(struct check *check, const struct spf_request *request,
		      const struct steps *steps, struct spf_verdict *out)
{
	const char *disagreement = NULL;

	check->spf_evaluated[request->scope] = true;
	spf_check_with(check->rules->spf_engine, check->scopes[PART_ENVELOPE], request,
		       check->arena, out, &disagreement);
	out->steps = steps->items;
	out->step_count = steps->count;
	verdict_disagree(&check->verdict, disagreement);
	check->verdict.spf_disagrees |= disagreement != NULL;
}

/* What stands for the reason of a temperror comes first: the lookups of iprev, which decides
 * nothing, last, and among the others a bogus answer. */
static int rank_fault(enum dns_type type, bool bogus)
{
	return (type != DNS_TYPE_PTR ? 2 : 0) + (bogus ? 1 : 0);
}

static void note_fault(void *arg, const char *name, enum dns_type type,
		       const struct dns_answer *answer, bool cached, int64_t start, int64_t end)
{
	struct dns_fault *fault = arg;

	(void)cached;
	(void)start;
	(void)end;
	if (answer == NULL || answer->status != DNS_TEMPFAIL ||
	    (fault->name != NULL &&
	     rank_fault(type, answer->bogus) <= rank_fault(fault->type, fault->bogus)))
		return;
	*fault = (struct dns_fault){.name = name,
				    .type = type,
				    .reason = answer->reason,
				    .bogus = answer->bogus || answer->unproven};
}

/* The author's policy first: it decides most. The names and reasons live as the scopes do. */
static void find_fault(struct check *check)
{
	static const enum part order[PARTS] = {PART_POLICY, PART_KEYS, PART_ENVELOPE};

	for (unsigned i = 0; i < PARTS; i++)
		dns_scope_each(check->scopes[order[i]], note_fault, &check->verdict.dns_fault);
}

static void judge_mail_from(struct check *check)
{
	struct verdict *verdict = &check->verdict;

	if (check->relay == NULL || !relay_spf(check->relay, verdict->mail_from, &verdict->spf))
		check_spf(check, &check->mfrom, &check->mfrom_steps, &verdict->spf);
}

void check_judge_with(struct check *check, check_judge *judge, void *arg)
{
	check->judge = judge;
	check->judge_arg = arg;
}

const struct verdict *check_finish(struct check *check, int64_t deadline)
{
	struct verdict *verdict = &check->verdict;
	struct dmarc_author author;
	struct decide_facts facts = {
	    .author = &author,
	    .recipients = check->recipients,
	    .recipient_count = check->recipient_count,
	    .recipients_unknown = check->recipients_unknown,
	    .list_ids = check->list_ids,
	    .list_id_count = check->list_id_count,
	};

	for (unsigned i = 0; i < check->scope_count; i++)
		dns_scope_deadline(check->scopes[i], deadline);
	if (verdict->client.family == 0 && check->address_unknown) {
		judge_unknown_client(check, verdict);
	} else if (verdict->client.family == 0) {
		judge_no_client(verdict);
	} else {
		iprev_check(check->scopes[PART_ENVELOPE], &verdict->client, check->arena,
			    &verdict->iprev);
		check_spf(check, &check->helo, &check->helo_steps, &verdict->spf_helo);
		judge_mail_from(check);
	}
	if (check->bimi != NULL)
		bimi_check_start_org(check->bimi);
	arc_await(check->arc);
	dkimcheck_finish(check->dkim, verdict);
	if (check->judge != NULL)
		check->judge(check->judge_arg, verdict);
	arc_finish(check->arc, &verdict->arc);
	author_finish(check->author, &author);
	author.explain = check->explain;
	dmarc_check(check->scopes[PART_POLICY], &check->rules->dmarc, &author, verdict,
		    check->arena, &verdict->dmarc);
	if (check->bimi != NULL)
		bimi_check_finish(check->bimi, &author, verdict, &verdict->bimi);
	find_fault(check);
	decide(&check->rules->decide, &facts, check->arena, verdict);
	return verdict;
}

enum check_sealing check_seal(struct check *check, const char *results, struct arcseal_fields *out,
			      struct why *why)
{
	bool later;

	assert(results != NULL);
	why->text[0] = '\0';
	if (check->seal == NULL)
		return CHECK_UNSEALED;
	if (arcseal_finish(check->seal, &check->verdict.arc, results, out, &later, why) == 0)
		return CHECK_SEALED;
	return later ? CHECK_SEAL_LATER : CHECK_UNSEALED;
}

const struct verdict *check_verdict(const struct check *check)
{
	return &check->verdict;
}

void check_each_lookup(struct check *check, dns_visit *visit, void *arg)
{
	for (unsigned i = 0; i < check->scope_count; i++)
		dns_scope_each(check->scopes[i], visit, arg);
}

unsigned check_lookups(struct check *check)
{
	unsigned lookups = 0;

	for (unsigned i = 0; i < check->scope_count; i++)
		lookups += dns_scope_lookups(check->scopes[i]);
	return lookups;
}

void check_evidence(const struct check *check, struct check_evidence *out)
{
	*out = (struct check_evidence){
	    .fields = dkimcheck_fields(check->dkim),
	    .author = author_domain(check->author),
	    .now = check->now,
	};
	if (check->spf_evaluated[SPF_SCOPE_MFROM])
		out->spf[SPF_SCOPE_MFROM] = &check->mfrom;
	if (check->spf_evaluated[SPF_SCOPE_HELO])
		out->spf[SPF_SCOPE_HELO] = &check->helo;
}

void check_each_spf_lookup(struct check *check, dns_visit *visit, void *arg)
{
	dns_scope_each(check->scopes[PART_ENVELOPE], visit, arg);
}

void check_each_key_lookup(struct check *check, dns_visit *visit, void *arg)
{
	dns_scope_each(check->scopes[PART_KEYS], visit, arg);
}
