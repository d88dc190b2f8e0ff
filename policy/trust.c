/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each entry is asked of what has been found out already: no lookup is made here. A mechanism that
 * ended in temperror for a name that an entry is about is "maybe": the message was perhaps handed
 * on by a friend, and perhaps not.
 *
 * A list's entry D holds when the message says it is of a list in D and something passed for a
 * domain of the same line: D, below D, or above it. That is relaxed alignment without a tree walk:
 * for a sender that is the operator's choice, no walk is needed, and siblings are reached by an
 * entry that names their parent.
 */
#include "policy/trust.h"

#include <assert.h>
#include <string.h>

#include "policy/arc/trust.h"

/* ---- List-Id ---- */

static const char *last_char(struct span s, int c)
{
	const char *found = NULL;

	for (const char *p = s.p; p < s.end; p++)
		if (*p == c)
			found = p;
	return found;
}

/* list-id = list-label "." list-id-namespace: dot-atoms, printable and without a blank. */
static bool is_list_id(struct span id)
{
	if (span_empty(id) || span_len(id) > 255)
		return false;
	for (const char *p = id.p; p < id.end; p++)
		if ((unsigned char)*p <= ' ' || *p == 127 || *p == '<' || *p == '>')
			return false;
	return true;
}

/* RFC 2919 section 3: list-id-header = "List-ID:" [phrase] "<" list-id ">" CRLF
 * The phrase may hold a quoted "<": the id is what is in the last pair. */
const char *trust_list_id(struct arena *arena, struct span value)
{
	const char *open = last_char(value, '<'), *close, *ascii;
	struct span id;

	if (open == NULL)
		return NULL;
	close = memchr(open, '>', (size_t)(value.end - open));
	if (close == NULL)
		return NULL;
	id = span_trim((struct span){open + 1, close});
	if (!is_list_id(id))
		return NULL;
	ascii = domain_to_ascii(arena, id);
	return ascii != NULL ? ascii : arena_lower(arena, id);
}

/* ---- what an entry rests on ---- */

typedef bool relation(const struct peer *entry, const char *domain);

static bool is_named(const struct peer *entry, const char *domain)
{
	return domain_pattern_matches(&entry->domain, domain);
}

/* The entry's domain, below it, or above it; a top-level domain is nobody's. */
static bool is_of_one_line(const struct peer *entry, const char *domain)
{
	return domain_within(domain, entry->domain.domain) ||
	       (domain_labels(domain) > 1 && domain_is_below(entry->domain.domain, domain));
}

/* A mechanism's result, of the domain it stands for. */
static enum trust_answer rests_on(const struct peer *entry, relation *related,
				  enum auth_result result, const char *domain)
{
	if (domain == NULL || domain[0] == '\0' || !related(entry, domain))
		return TRUST_NO;
	if (result == AUTH_PASS)
		return TRUST_YES;
	return result == AUTH_TEMPERROR ? TRUST_MAYBE : TRUST_NO;
}

/* The best answer so far, and where it came from. */
struct best {
	enum trust_answer answer;
	const char *by, *domain;
};

static void consider_answer(struct best *best, enum trust_answer answer, const char *by,
			    const char *domain)
{
	if (answer > best->answer)
		*best = (struct best){answer, by, domain};
}

static void consider_domain(struct best *best, const struct peer *entry, relation *related,
			    const struct verdict *v)
{
	for (unsigned i = 0; i < v->dkim_count; i++)
		consider_answer(best,
				rests_on(entry, related, v->dkim[i].result, v->dkim[i].domain),
				"DKIM d=", v->dkim[i].domain);
	consider_answer(best, rests_on(entry, related, v->spf.result, v->spf.domain), "SPF for ",
			v->spf.domain);
}

/* A name that could not even be asked for could be any. */
static enum trust_answer host_answer(const struct peer *entry, const struct verdict *v)
{
	if (v->iprev.result == AUTH_TEMPERROR && v->iprev.name == NULL)
		return TRUST_MAYBE;
	return rests_on(entry, is_named, v->iprev.result, v->iprev.name);
}

static void consider_forwarder(struct best *best, const struct peer *entry, const struct verdict *v)
{
	switch (entry->kind) {
	case PEER_NETWORK:
		if (ip_in_any(&v->client, &entry->network, 1))
			consider_answer(best, TRUST_YES, "its address", "");
		return;
	case PEER_HOST:
		consider_answer(best, host_answer(entry, v), "iprev of ",
				v->iprev.name == NULL ? "the client" : v->iprev.name);
		return;
	case PEER_DOMAIN:
		break;
	}
	consider_domain(best, entry, is_named, v);
	consider_answer(best, rests_on(entry, is_named, v->spf_helo.result, v->spf_helo.domain),
			"SPF for HELO ", v->spf_helo.domain);
}

static bool is_of_list(const struct peer *entry, const char *const *ids, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (domain_within(ids[i], entry->domain.domain))
			return true;
	return false;
}

/* Takes what ENTRY comes to where it is more than what is known already. */
static void take_best(struct trust *out, enum override_type type, const char *kind,
		      const struct peer *entry, const struct best *best, struct arena *arena)
{
	if (best->answer <= out->answer)
		return;
	out->answer = best->answer;
	out->type = type;
	out->rule = arena_printf(arena, "%s %s", kind, entry->text);
	out->why = arena_printf(arena, "%s (%s%s)", out->rule, best->by, best->domain);
}

/* A chain that DNS kept from being validated could be a good one. */
static void consider_sealers(const struct trust_rules *rules, const struct verdict *verdict,
			     struct arena *arena, struct trust *out)
{
	const char *chain;

	if (rules->sealer_count == 0)
		return;
	chain = arctrust_find(rules->sealers, rules->sealer_count, verdict, arena);
	if (chain != NULL) {
		*out = (struct trust){TRUST_YES, OVERRIDE_LOCAL_POLICY, chain,
				      arena_printf(arena, "trusted sealer (%s)", chain)};
	} else if (out->answer == TRUST_NO && verdict->arc.temporary &&
		   arctrust_is_sealer(rules->sealers, rules->sealer_count, verdict)) {
		*out =
		    (struct trust){TRUST_MAYBE, OVERRIDE_LOCAL_POLICY, "trusted sealer",
				   arena_printf(arena, "trusted sealer %s",
						verdict->arc.sets[verdict->arc.count - 1].domain)};
	}
}

void trust_find(const struct trust_rules *rules, const struct verdict *verdict,
		const char *const *list_ids, unsigned list_id_count, struct arena *arena,
		struct trust *out)
{
	assert(list_ids != NULL || list_id_count == 0);
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < rules->forwarder_count && out->answer != TRUST_YES; i++) {
		const struct peer *entry = &rules->forwarders[i];
		struct best best = {TRUST_NO, "", ""};

		consider_forwarder(&best, entry, verdict);
		take_best(out, OVERRIDE_TRUSTED_FORWARDER, "trusted forwarder", entry, &best,
			  arena);
	}
	for (unsigned i = 0; i < rules->list_count && out->answer != TRUST_YES; i++) {
		const struct peer *entry = &rules->lists[i];
		struct best best = {TRUST_NO, "", ""};

		if (is_of_list(entry, list_ids, list_id_count))
			consider_domain(&best, entry, is_of_one_line, verdict);
		take_best(out, OVERRIDE_MAILING_LIST, "mailing list", entry, &best, arena);
	}
	if (out->answer != TRUST_YES)
		consider_sealers(rules, verdict, arena, out);
}
