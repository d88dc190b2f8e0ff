/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/sources/classify.h"

#include <assert.h>
#include <string.h>

#include "mail/domain.h"

const struct name_code source_class_names[] = {
    {"ours", SOURCE_OURS},         {"forwarded", SOURCE_FORWARDED},
    {"modified", SOURCE_MODIFIED}, {"partner", SOURCE_PARTNER},
    {"spf-only", SOURCE_SPF_ONLY}, {"old-key", SOURCE_OLD_KEY},
    {"unknown", SOURCE_UNKNOWN},   {NULL, 0}};

const char *source_class_text(enum source_class class)
{
	return name_text(source_class_names, (int)class);
}

bool source_is_legitimate(enum source_class class)
{
	return class != SOURCE_OLD_KEY && class != SOURCE_UNKNOWN;
}

/* The network that stands for an address nobody knows: /24, or /48. */
static const char *write_network(struct arena *arena, const struct ip *ip)
{
	unsigned bits = ip->family == 4 ? 24 : 48;
	char text[IP_TEXT_MAX];
	struct ip network = *ip;

	memset(network.bytes + bits / 8, 0, sizeof network.bytes - bits / 8);
	return arena_printf(arena, "%s/%u", ip_text(&network, text), bits);
}

/* ---- what a row says ---- */

struct look {
	const struct source_facts *facts;
	struct arena *arena;
	const char *policy_domain, *header_from;
	const struct received_row *row;
	const struct json_list *dkim, *spf, *reasons;
	struct ip ip;
	bool has_ip;
};

static const char *or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static bool is_pass(const char *result)
{
	return result != NULL && strcmp(result, "pass") == 0;
}

/* The policy domain stands for the organizational one (RFC 9990: one policy domain for a report).
 */
static bool is_aligned(const struct look *look, const char *domain)
{
	return domain != NULL && domain[0] != '\0' &&
	       (domain_within(domain, look->policy_domain) ||
		domain_within(look->header_from, domain));
}

/* Another domain whose signature or envelope passed: it names who sent the message. */
static const char *find_other(const struct look *look)
{
	for (unsigned i = 0; i < json_list_count(look->dkim); i++) {
		const char *domain = json_list_get(look->dkim, i, "domain");

		if (domain != NULL && !is_aligned(look, domain) &&
		    is_pass(json_list_get(look->dkim, i, "result")))
			return domain;
	}
	for (unsigned i = 0; i < json_list_count(look->spf); i++) {
		const char *domain = json_list_get(look->spf, i, "domain");

		if (domain != NULL && !is_aligned(look, domain) &&
		    is_pass(json_list_get(look->spf, i, "result")))
			return domain;
	}
	return NULL;
}

/* The name of a host without a domain of its own in the row: by DNS, or its network. */
static const char *name_flow(const struct look *look)
{
	const char *flow = find_other(look);

	if (flow == NULL && look->has_ip)
		flow = look->facts->host_name(look->facts->arg, &look->ip);
	if (flow == NULL && look->has_ip)
		flow = write_network(look->arena, &look->ip);
	return flow == NULL ? "?" : arena_string(look->arena, flow);
}

/* A receiver says that it was a list or a forwarder that it trusts. */
static bool is_excused(const struct look *look)
{
	for (unsigned i = 0; i < json_list_count(look->reasons); i++) {
		const char *type = or_empty(json_list_get(look->reasons, i, "type"));
		const char *comment = or_empty(json_list_get(look->reasons, i, "comment"));

		if (strcmp(type, "mailing_list") == 0 || strcmp(type, "trusted_forwarder") == 0 ||
		    strcmp(type, "forwarded") == 0)
			return true;
		if (strcmp(type, "local_policy") == 0 && strstr(comment, "arc=pass") != NULL)
			return true;
	}
	return false;
}

/* ---- by signatures ---- */

struct signature {
	const char *domain, *selector;
	bool passes;
	enum source_selector state;
};

static bool read_signature(const struct look *look, unsigned i, struct signature *signature)
{
	signature->domain = json_list_get(look->dkim, i, "domain");
	if (!is_aligned(look, signature->domain))
		return false;
	signature->selector = json_list_get(look->dkim, i, "selector");
	signature->passes = is_pass(json_list_get(look->dkim, i, "result"));
	signature->state =
	    signature->selector == NULL || signature->selector[0] == '\0'
		? SELECTOR_UNKNOWN
		: look->facts->selector(look->facts->arg, signature->domain, signature->selector);
	return true;
}

static void name_key(const struct look *look, const struct signature *signature,
		     struct source *source)
{
	source->selector = arena_string(look->arena, or_empty(signature->selector));
	source->flow = arena_printf(look->arena, "%s/%s", signature->domain, source->selector);
}

/* A signature that the report does not name counts as ours: a key of our domain made it. */
static bool find_class_by_key(const struct look *look, struct source *source)
{
	struct signature found, partner = {0}, old = {0};
	bool ours_passes = false, ours_fails = false;

	for (unsigned i = 0; i < json_list_count(look->dkim); i++) {
		if (!read_signature(look, i, &found))
			continue;
		if (found.state == SELECTOR_OURS || found.state == SELECTOR_UNKNOWN) {
			ours_passes = ours_passes || found.passes;
			ours_fails = ours_fails || !found.passes;
		} else if (found.state == SELECTOR_PUBLISHED && found.passes) {
			partner = found;
		} else if (found.state == SELECTOR_GONE) {
			old = found;
		}
	}
	source->class = ours_passes ? SOURCE_FORWARDED
			: (ours_fails && find_other(look) != NULL) || is_excused(look)
			    ? SOURCE_MODIFIED
			: partner.domain != NULL ? SOURCE_PARTNER
						 : SOURCE_UNKNOWN;
	if (source->class == SOURCE_PARTNER)
		name_key(look, &partner, source);
	else if (source->class == SOURCE_UNKNOWN && old.domain != NULL)
		name_key(look, &old, source); /* the caller asks SPF first */
	else
		source->flow = name_flow(look);
	return source->class != SOURCE_UNKNOWN;
}

static bool is_strict(const struct look *look)
{
	for (unsigned i = 0; i < json_list_count(look->dkim); i++) {
		const char *domain = json_list_get(look->dkim, i, "domain");

		if (domain != NULL && domain_equal(domain, look->header_from) &&
		    is_pass(json_list_get(look->dkim, i, "result")))
			return true;
	}
	for (unsigned i = 0; i < json_list_count(look->spf); i++) {
		const char *domain = json_list_get(look->spf, i, "domain");

		if (domain != NULL && domain_equal(domain, look->header_from) &&
		    is_pass(json_list_get(look->spf, i, "result")))
			return true;
	}
	return false;
}

static void find_class(const struct look *look, struct source *source)
{
	const struct source_facts *facts = look->facts;

	if (look->has_ip && facts->is_own(facts->arg, &look->ip)) {
		source->class = SOURCE_OURS;
		source->flow = "own";
		return;
	}
	if (find_class_by_key(look, source))
		return;
	if (look->has_ip && facts->spf_allows(facts->arg, look->header_from, &look->ip)) {
		source->class = SOURCE_SPF_ONLY;
		source->flow = name_flow(look);
	} else if (source->selector != NULL) {
		source->class = SOURCE_OLD_KEY;
	}
}

void source_classify(const char *policy_domain, const struct received_row *row,
		     const struct source_facts *facts, struct arena *arena, struct source *source)
{
	struct look look = {
	    .facts = facts,
	    .arena = arena,
	    .policy_domain = policy_domain,
	    .header_from = row->header_from == NULL || row->header_from[0] == '\0'
			       ? policy_domain
			       : row->header_from,
	    .row = row,
	    .dkim = json_list_parse(arena, row->dkim),
	    .spf = json_list_parse(arena, row->spf),
	    .reasons = json_list_parse(arena, row->reasons),
	};

	assert(policy_domain[0] != '\0' && row->messages >= 0 && row->dkim != NULL &&
	       row->spf != NULL);
	look.has_ip = row->source_ip != NULL && ip_parse(span_of(row->source_ip), &look.ip);
	*source = (struct source){.flow = "?"};
	source->passes = is_pass(row->dkim_aligned) || is_pass(row->spf_aligned);
	source->strict = source->passes && is_strict(&look);
	find_class(&look, source);
}
