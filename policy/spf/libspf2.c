/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libspf2 1.2.10 has known overflows in what handles text from outside, limits that start again in
 * every include, and ends the process on errors. So nothing from outside reaches it: it is given
 * records that we write, in which every name is a number ("3.q": question 3), and asks us what the
 * numbers mean. A record becomes
 *
 *     v=spf1 include:0.q a:1.q/24 exists:2.q ?ip4:192.0.2.0/24
 *
 * - an ip4 or ip6 that does not match is dropped, the first that does ends the record; an ip6, or
 *   a network of length 0, becomes "all", because libspf2 reads neither;
 * - ptr becomes exists, and we answer it;
 * - redirect comes last, and only without "all"; exp and unknown modifiers are dropped;
 * - no more than eleven terms that need DNS: the eleventh already exceeds the limit.
 *
 * Each evaluation has a server object of its own (the hook gets no other context), which makes it
 * as free of locks as ours. When a limit or a lookup fails, the hook keeps our result and makes
 * libspf2 stop; the kept result then stands.
 */
#include "policy/spf/libspf2.h"

#include <assert.h>
#include <sys/types.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spf2/spf.h>

#include "policy/spf/eval.h"

enum {
	RECORDS_MAX = SPF_TERMS_MAX + 1,
	QUESTIONS_MAX = RECORDS_MAX * (SPF_TERMS_MAX + 2),
	NORMAL_MAX = 2000 /* bytes of a record that libspf2 sees; far from what it mishandles */
};

#define TOP "top.q"

struct question {
	struct spf_term term;
	const char *domain;              /* whose record has the term */
	bool top;                        /* that record is not inside an include */
	const struct dns_answer *answer; /* an mx: its names */
};

struct engine {
	SPF_dns_server_t layer; /* first: the hook gets a pointer to it */
	struct spf_eval eval;
	struct ip client; /* as libspf2 knows it */
	struct question questions[QUESTIONS_MAX];
	unsigned count;
	bool failed;
	enum auth_result failure;
};

static SPF_errcode_t fail_lookup(struct engine *engine, enum auth_result result)
{
	if (!engine->failed) {
		engine->failed = true;
		engine->failure = result;
	}
	return SPF_E_DNS_ERROR;
}

/* ---- records, as libspf2 gets them ---- */

static void add_question(struct engine *engine, struct buf *out, const struct spf_term *term,
			 bool top)
{
	static const char *const forms[] = {
	    [SPF_TERM_INCLUDE] = "include:", [SPF_TERM_A] = "a:",
	    [SPF_TERM_MX] = "mx:",           [SPF_TERM_PTR] = "exists:",
	    [SPF_TERM_EXISTS] = "exists:",   [SPF_TERM_REDIRECT] = "redirect=",
	};
	struct question *question = &engine->questions[engine->count];

	if (engine->count == QUESTIONS_MAX) {
		buf_string(out, " all"); /* never: each record was charged to the ten terms */
		fail_lookup(engine, AUTH_PERMERROR);
		return;
	}
	assert(forms[term->kind] != NULL);
	question->term = *term;
	question->domain = engine->eval.values.domain;
	question->top = top;
	buf_char(out, ' ');
	if (term->kind != SPF_TERM_REDIRECT)
		buf_char(out, term->qualifier);
	buf_printf(out, "%s%u.q", forms[term->kind], engine->count++);
	if (term->kind != SPF_TERM_A && term->kind != SPF_TERM_MX)
		return;
	if (engine->client.family == 6 && term->bits6 > 0 && term->bits6 < 128)
		buf_printf(out, "//%u", term->bits6);
	if (engine->client.family == 4 && term->bits4 > 0 && term->bits4 < 32)
		buf_printf(out, "/%u", term->bits4);
}

static void add_match(const struct engine *engine, struct buf *out, const struct spf_term *term)
{
	char network[IP_TEXT_MAX];

	buf_printf(out, " %c", term->qualifier);
	if (term->kind == SPF_TERM_IP4 && term->bits4 > 0 &&
	    ip_equal(&engine->client, &engine->eval.values.client))
		buf_printf(out, "ip4:%s/%u", ip_text(&term->network, network), term->bits4);
	else
		buf_string(out, "all");
}

static const char *write_record(struct engine *engine, const struct spf_record *record, bool top)
{
	struct span rest = record->terms;
	struct spf_term term;
	unsigned asked = 0;
	struct buf out;

	buf_init(&out, engine->eval.arena, NORMAL_MAX);
	buf_string(&out, "v=spf1");
	while (asked <= SPF_TERMS_MAX && spf_record_next(&rest, &term)) {
		if (spf_term_matches(&term, &engine->eval.values.client)) {
			add_match(engine, &out, &term);
			return buf_text(&out);
		}
		if (term.kind <= SPF_TERM_EXISTS && spf_term_needs_dns(&term)) {
			add_question(engine, &out, &term, top);
			asked++;
		}
	}
	if (asked <= SPF_TERMS_MAX && !record->has_all && !span_empty(record->redirect)) {
		memset(&term, 0, sizeof term);
		term.kind = SPF_TERM_REDIRECT;
		term.domain = record->redirect;
		add_question(engine, &out, &term, top);
	}
	return buf_text(&out);
}

/* The number in "3.q" or, for the second name of an mx, "1.3.h"; NULL: not a name that was given to
 * libspf2. */
static struct question *find_question(struct engine *engine, const char *name, unsigned *host)
{
	unsigned number;
	int end = 0;

	*host = 0;
	if (sscanf(name, "%u.%u.h%n", host, &number, &end) != 2 || name[end] != '\0' || end == 0) {
		end = 0;
		if (sscanf(name, "%u.q%n", &number, &end) != 1 || name[end] != '\0' || end == 0)
			return NULL;
	}
	return number < engine->count ? &engine->questions[number] : NULL;
}

/* The domain whose record is wanted; TEXT instead: a record that stands for "no match". */
static SPF_errcode_t record_domain(struct engine *engine, const char *name, const char **domain,
				   bool *top, const char **text)
{
	struct question *question;
	unsigned host;

	*top = true;
	*domain = engine->eval.out->domain;
	if (strcmp(name, TOP) == 0)
		return SPF_E_SUCCESS;
	question = find_question(engine, name, &host);
	if (question == NULL)
		return fail_lookup(engine, AUTH_TEMPERROR);
	*top = question->top && question->term.kind == SPF_TERM_REDIRECT;
	engine->eval.values.domain = question->domain;
	if (!spf_eval_charge(&engine->eval, question->term.domain))
		return fail_lookup(engine, AUTH_PERMERROR);
	switch (spf_eval_name(&engine->eval, question->term.domain, domain)) {
	case SPF_NAME_OK:
		return SPF_E_SUCCESS;
	case SPF_NAME_NO_MATCH:
		*text = "v=spf1 ?all";
		return SPF_E_SUCCESS;
	case SPF_NAME_MALFORMED:
		break;
	}
	spf_eval_why(&engine->eval,
		     "a target of %s is not a domain name (RFC 7208 section 5.2, 6.1)",
		     question->domain);
	return fail_lookup(engine, AUTH_PERMERROR);
}

static SPF_errcode_t record_text(struct engine *engine, const char *name, const char **text)
{
	struct spf_record record;
	enum auth_result result;
	const char *domain;
	bool top;
	SPF_errcode_t error = record_domain(engine, name, &domain, &top, text);

	if (error != SPF_E_SUCCESS || *text != NULL)
		return error;
	engine->eval.values.domain = domain;
	result = spf_eval_record(&engine->eval, domain, &record);
	if (result == AUTH_NONE && strcmp(name, TOP) != 0)
		result = AUTH_PERMERROR; /* sections 5.2 and 6.1 */
	if (result != AUTH_PASS)
		return fail_lookup(engine, result);
	if (top) {
		engine->eval.exp = record.exp;
		engine->eval.exp_domain = domain;
	}
	*text = write_record(engine, &record, top);
	spf_eval_trace(&engine->eval, "libspf2 gets: %s", *text);
	return SPF_E_SUCCESS;
}

static SPF_errcode_t hook_record(SPF_server_t *server, SPF_request_t *request,
				 SPF_response_t *response, SPF_record_t **record)
{
	struct engine *engine = server->resolver->hook;
	const char *text = NULL;
	SPF_errcode_t error;

	*record = NULL;
	if (engine->failed)
		return SPF_E_DNS_ERROR;
	error = record_text(engine, request->cur_dom, &text);
	if (error != SPF_E_SUCCESS)
		return error;
	error = SPF_record_compile(server, response, record, text);
	if (error != SPF_E_SUCCESS) {
		spf_eval_why(&engine->eval, "libspf2 cannot read \"%s\": %s", text,
			     SPF_strerror(error));
		return fail_lookup(engine, AUTH_TEMPERROR);
	}
	return SPF_E_SUCCESS;
}

/* ---- answers, as libspf2 gets them ---- */

static void *new_record(SPF_dns_rr_t *rr, size_t size)
{
	if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, size) != SPF_E_SUCCESS)
		abort(); /* out of memory, as in lib/arena */
	rr->herrno = NETDB_SUCCESS;
	return rr->rr[rr->num_rr++];
}

static void add_address(SPF_dns_rr_t *rr, const struct ip *ip)
{
	memcpy(new_record(rr, sizeof(SPF_dns_rr_data_t)), ip->bytes, ip->family == 6 ? 16 : 4);
}

static void add_name(SPF_dns_rr_t *rr, const char *name)
{
	memcpy(new_record(rr, strlen(name) + 1), name, strlen(name) + 1);
}

/* Where libspf2 does not know the client or cannot compare, the addresses that match are given to
 * it as the client's own, and the others not at all. */
static void add_addresses(const struct engine *engine, const struct spf_term *term,
			  const struct dns_answer *answer, SPF_dns_rr_t *rr)
{
	const struct ip *client = &engine->eval.values.client;
	unsigned bits = client->family == 6 ? term->bits6 : term->bits4;
	bool compared = bits > 0 && ip_equal(client, &engine->client);

	for (unsigned i = 0; i < answer->count; i++) {
		struct ip ip = spf_address(&answer->records[i], spf_address_type(client));

		if (compared && ip.family == client->family)
			add_address(rr, &ip);
		else if (ip_in_network(client, &ip, bits))
			add_address(rr, &engine->client);
	}
}

static enum spf_match answer_mx(struct engine *engine, struct question *question, const char *name,
				SPF_dns_rr_t *rr)
{
	struct spf_eval *eval = &engine->eval;
	enum spf_match match = spf_eval_lookup(eval, name, DNS_TYPE_MX, &question->answer);
	char host[32];

	if (match != SPF_MATCH_YES)
		return match;
	if (question->answer->count > SPF_MX_MAX) {
		spf_eval_why(eval, "%s has more than %d MX records (RFC 7208 section 4.6.4)", name,
			     SPF_MX_MAX);
		return SPF_MATCH_PERMERROR;
	}
	for (unsigned i = 0; i < question->answer->count; i++) {
		const char *text = question->answer->records[i].text;

		if (strcmp(text, ".") == 0)
			continue;
		dns_start(eval->scope, text, spf_address_type(&eval->values.client));
		snprintf(host, sizeof host, "%u.%u.h", i, (unsigned)(question - engine->questions));
		add_name(rr, host);
	}
	return SPF_MATCH_YES;
}

static enum spf_match answer_addresses(struct engine *engine, const struct question *question,
				       const char *name, SPF_dns_rr_t *rr)
{
	const struct dns_answer *answer;
	enum spf_match match = spf_eval_lookup(
	    &engine->eval, name, spf_address_type(&engine->eval.values.client), &answer);

	if (match == SPF_MATCH_YES)
		add_addresses(engine, &question->term, answer, rr);
	return match;
}

static enum spf_match answer_question(struct engine *engine, struct question *question,
				      SPF_dns_rr_t *rr)
{
	const struct ip yes = {4, {127, 0, 0, 2}};
	struct spf_eval *eval = &engine->eval;
	const struct dns_answer *answer;
	enum spf_match match;
	const char *name;

	eval->values.domain = question->domain;
	if (!spf_eval_charge(eval, question->term.domain))
		return SPF_MATCH_PERMERROR;
	if (spf_eval_name(eval, question->term.domain, &name) != SPF_NAME_OK)
		return SPF_MATCH_NO;
	if (question->term.kind == SPF_TERM_A)
		return answer_addresses(engine, question, name, rr);
	if (question->term.kind == SPF_TERM_MX)
		return answer_mx(engine, question, name, rr);
	match = question->term.kind == SPF_TERM_PTR
		    ? spf_eval_ptr(eval, name)
		    : spf_eval_lookup(eval, name, DNS_TYPE_A, &answer);
	if (match == SPF_MATCH_YES)
		add_address(rr, &yes);
	return match;
}

static enum spf_match answer_name(struct engine *engine, const char *name, SPF_dns_rr_t *rr)
{
	unsigned host, length = (unsigned)strlen(name);
	struct question *question = find_question(engine, name, &host);

	if (question == NULL)
		return SPF_MATCH_TEMPERROR;
	if (name[length - 1] != 'h')
		return answer_question(engine, question, rr);
	if (question->answer == NULL || host >= question->answer->count)
		return SPF_MATCH_TEMPERROR;
	return answer_addresses(engine, question, question->answer->records[host].text, rr);
}

static SPF_dns_rr_t *hook_lookup(SPF_dns_server_t *layer, const char *name, ns_type type, int cache)
{
	struct engine *engine = layer->hook;
	SPF_dns_rr_t *rr = SPF_dns_rr_new_init(layer, name, type, 0, HOST_NOT_FOUND);
	enum spf_match match;

	(void)cache;
	if (rr == NULL)
		abort(); /* out of memory; libspf2 would end the process too */
	match = engine->failed ? SPF_MATCH_TEMPERROR : answer_name(engine, name, rr);
	if (match == SPF_MATCH_TEMPERROR || match == SPF_MATCH_PERMERROR) {
		fail_lookup(engine, match == SPF_MATCH_TEMPERROR ? AUTH_TEMPERROR : AUTH_PERMERROR);
		rr->herrno = TRY_AGAIN;
	}
	return rr;
}

/* ---- one evaluation ---- */

static enum auth_result result_of(const struct engine *engine, SPF_result_t result)
{
	if (engine->failed)
		return engine->failure;
	switch (result) {
	case SPF_RESULT_NEUTRAL:
		return AUTH_NEUTRAL;
	case SPF_RESULT_PASS:
		return AUTH_PASS;
	case SPF_RESULT_FAIL:
		return AUTH_FAIL;
	case SPF_RESULT_SOFTFAIL:
		return AUTH_SOFTFAIL;
	case SPF_RESULT_NONE:
		return AUTH_NONE;
	case SPF_RESULT_PERMERROR:
		return AUTH_PERMERROR;
	case SPF_RESULT_TEMPERROR:
	case SPF_RESULT_INVALID:
		break;
	}
	return AUTH_TEMPERROR;
}

/* libspf2 lets loopback clients pass without a look at the record; it gets another address. */
static struct ip client_for_libspf2(const struct ip *client)
{
	static const struct ip loopback4 = {4, {127}}, loopback6 = {6, {[15] = 1}};
	static const struct ip instead4 = {4, {192, 0, 2, 1}};
	static const struct ip instead6 = {6, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};

	if (ip_in_network(client, &loopback4, 8))
		return instead4;
	return ip_equal(client, &loopback6) ? instead6 : *client;
}

static void set_client(SPF_request_t *request, const struct ip *client)
{
	struct in_addr in;
	struct in6_addr in6;

	memcpy(&in, client->bytes, sizeof in);
	memcpy(&in6, client->bytes, sizeof in6);
	if (client->family == 4)
		SPF_request_set_ipv4(request, in);
	else
		SPF_request_set_ipv6(request, in6);
}

/* No text from outside: a fixed identity, and a fixed explanation that has no macros. */
static enum auth_result run_libspf2(struct engine *engine)
{
	SPF_server_t *server = SPF_server_new_dns(&engine->layer, 0);
	SPF_request_t *request = server == NULL ? NULL : SPF_request_new(server);
	SPF_response_t *ignored = NULL, *response = NULL;
	SPF_result_t result = SPF_RESULT_INVALID;

	if (request == NULL || SPF_server_set_rec_dom(server, "r.q") != SPF_E_SUCCESS ||
	    SPF_server_set_explanation(server, "-", &ignored) != SPF_E_SUCCESS)
		abort(); /* out of memory */
	SPF_response_free(ignored);
	SPF_server_set_max_dns_mech(server, 10 * SPF_TERMS_MAX); /* we count */
	SPF_request_set_helo_dom(request, TOP);
	SPF_request_set_env_from(request, "postmaster@" TOP);
	set_client(request, &engine->client);
	SPF_request_query_mailfrom(request, &response);
	if (response != NULL) {
		result = SPF_response_result(response);
		SPF_response_free(response);
	}
	SPF_request_free(request);
	SPF_server_free(server);
	return result_of(engine, result);
}

void spf_libspf2_check(struct dns_scope *scope, const struct spf_request *request,
		       struct arena *arena, struct spf_verdict *out)
{
	struct engine *engine = arena_make(arena, struct engine);
	char client[IP_TEXT_MAX];

	if (!spf_eval_begin(&engine->eval, scope, request, arena, out))
		return;
	engine->client = client_for_libspf2(&request->client);
	engine->layer.lookup = hook_lookup;
	engine->layer.get_spf = hook_record;
	engine->layer.name = "countersign";
	engine->layer.hook = engine;
	out->result = run_libspf2(engine);
	if (!engine->failed)
		spf_eval_why(&engine->eval, "libspf2 evaluated the record of %s for %s",
			     out->domain, ip_text(&request->client, client));
	if (out->result == AUTH_FAIL)
		spf_eval_explain(&engine->eval);
	spf_eval_end(&engine->eval);
}
