/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/trust: what an entry rests on, and how a List-Id is read. */
#include <string.h>

#include "policy/trust.h"
#include "t/lib/tap.h"

static struct arena *arena;

/* ---- List-Id ---- */

static void test_list_id(void)
{
	static const struct {
		const char *field, *id;
	} fields[] = {
	    {" List Header Mailing List <list-header.nisto.com>", "list-header.nisto.com"},
	    {" <commonspace-users.list-id.within.com>", "commonspace-users.list-id.within.com"},
	    {" \"Lena's Personal <Joke> List\"\r\n "
	     "<lenas-jokes.da39efc25c530ad145d41b86f7420c3b.021999.localhost>",
	     "lenas-jokes.da39efc25c530ad145d41b86f7420c3b.021999.localhost"},
	    {" <DEV.Lists.Example>", "dev.lists.example"},
	    {" < dev.lists.example > (a list)", "dev.lists.example"},
	    {" <a+b&c.lists.example>", "a+b&c.lists.example"},
	    {" <dev.m\xc3\xbcnchen.example>", "dev.xn--mnchen-3ya.example"},
	    {" dev.lists.example", NULL},
	    {" <dev lists.example>", NULL},
	    {" <>", NULL},
	    {" <dev.lists.example", NULL},
	    {" dev.lists.example>", NULL},
	    {" <good.example> <", NULL},
	    {" <evil.example <good.example>", "good.example"},
	    {"", NULL},
	};

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		is_text(trust_list_id(arena, span_of(fields[i].field)), fields[i].id, "List-Id:%s",
			fields[i].field);
}

/* ---- what holds ---- */

/* spf, helo, iprev, dkim: "result domain" or NULL. */
struct message {
	const char *ip, *spf, *helo, *iprev, *dkim, *list_id;
};

static enum auth_result result_of(const char *text, const char **domain)
{
	struct span rest = span_of(text), word;
	bool more = true;

	*domain = "";
	if (text == NULL)
		return AUTH_NONE;
	span_split(&rest, &more, ' ', &word);
	*domain = more ? arena_span(arena, rest) : NULL;
	return (enum auth_result)name_code(auth_result_names, word, AUTH_NONE);
}

static void set(const struct message *m, struct verdict *v)
{
	memset(v, 0, sizeof *v);
	if (m->ip != NULL)
		ip_parse(span_of(m->ip), &v->client);
	v->spf.result = result_of(m->spf, &v->spf.domain);
	v->spf_helo.result = result_of(m->helo, &v->spf_helo.domain);
	v->iprev.result = result_of(m->iprev, &v->iprev.name);
	v->dkim = arena_make(arena, struct dkim_verdict);
	v->dkim->result = result_of(m->dkim, &v->dkim->domain);
	v->dkim_count = m->dkim != NULL;
}

static const struct {
	const char *name, *forwarder, *list;
	struct message m;
	const char *want; /* "no", or "yes/maybe: why" */
} cases[] = {
    {"in a network",
     "192.0.2.0/24",
     NULL,
     {.ip = "192.0.2.200"},
     "yes: trusted forwarder 192.0.2.0/24 (its address)"},
    {"not in it", "192.0.2.0/24", NULL, {.ip = "192.0.3.1"}, "no"},
    {"an address",
     "2001:db8::1",
     NULL,
     {.ip = "2001:db8::1"},
     "yes: trusted forwarder 2001:db8::1 (its address)"},
    {"no client", "192.0.2.0/24", NULL, {.ip = NULL}, "no"},
    {"DKIM",
     "fwd.example",
     NULL,
     {.dkim = "pass fwd.example"},
     "yes: trusted forwarder fwd.example (DKIM d=fwd.example)"},
    {"DKIM, other case",
     "FWD.example",
     NULL,
     {.dkim = "pass fwd.example"},
     "yes: trusted forwarder FWD.example (DKIM d=fwd.example)"},
    {"DKIM fails", "fwd.example", NULL, {.dkim = "fail fwd.example"}, "no"},
    {"DKIM policy", "fwd.example", NULL, {.dkim = "policy fwd.example"}, "no"},
    {"DKIM permerror", "fwd.example", NULL, {.dkim = "permerror fwd.example"}, "no"},
    {"DKIM below, exact entry", "fwd.example", NULL, {.dkim = "pass a.fwd.example"}, "no"},
    {"DKIM above", "a.fwd.example", NULL, {.dkim = "pass fwd.example"}, "no"},
    {"DKIM below",
     "*.fwd.example",
     NULL,
     {.dkim = "pass a.fwd.example"},
     "yes: trusted forwarder *.fwd.example (DKIM d=a.fwd.example)"},
    {"a text suffix", "*.fwd.example", NULL, {.dkim = "pass badfwd.example"}, "no"},
    {"DKIM not known",
     "fwd.example",
     NULL,
     {.dkim = "temperror fwd.example"},
     "maybe: trusted forwarder fwd.example (DKIM d=fwd.example)"},
    {"another's DKIM not known", "fwd.example", NULL, {.dkim = "temperror x.example"}, "no"},
    {"SPF",
     "fwd.example",
     NULL,
     {.spf = "pass fwd.example"},
     "yes: trusted forwarder fwd.example (SPF for fwd.example)"},
    {"SPF softfail", "fwd.example", NULL, {.spf = "softfail fwd.example"}, "no"},
    {"SPF neutral", "fwd.example", NULL, {.spf = "neutral fwd.example"}, "no"},
    {"SPF not known",
     "fwd.example",
     NULL,
     {.spf = "temperror fwd.example"},
     "maybe: trusted forwarder fwd.example (SPF for fwd.example)"},
    {"HELO",
     "*.fwd.example",
     NULL,
     {.spf = "fail fwd.example", .helo = "pass mx.fwd.example"},
     "yes: trusted forwarder *.fwd.example (SPF for HELO mx.fwd.example)"},
    {"HELO without SPF", "*.fwd.example", NULL, {.helo = "none mx.fwd.example"}, "no"},
    {"a pass goes before what is not known",
     "*.fwd.example",
     NULL,
     {.dkim = "temperror fwd.example", .helo = "pass mx.fwd.example"},
     "yes: trusted forwarder *.fwd.example (SPF for HELO mx.fwd.example)"},
    {"a domain is not asked of iprev",
     "*.fwd.example",
     NULL,
     {.iprev = "pass mx.fwd.example"},
     "no"},
    {"host",
     "host:mx.fwd.example",
     NULL,
     {.iprev = "pass mx.fwd.example"},
     "yes: trusted forwarder host:mx.fwd.example (iprev of mx.fwd.example)"},
    {"host below",
     "host:*.fwd.example",
     NULL,
     {.iprev = "pass MX.fwd.example"},
     "yes: trusted forwarder host:*.fwd.example (iprev of MX.fwd.example)"},
    {"host fails", "host:mx.fwd.example", NULL, {.iprev = "fail mx.fwd.example"}, "no"},
    {"host, another", "host:mx.fwd.example", NULL, {.iprev = "pass mx2.fwd.example"}, "no"},
    {"host is not asked of DKIM and SPF",
     "host:fwd.example",
     NULL,
     {.dkim = "pass fwd.example", .spf = "pass fwd.example", .helo = "pass fwd.example"},
     "no"},
    {"host not known",
     "host:mx.fwd.example",
     NULL,
     {.iprev = "temperror mx.fwd.example"},
     "maybe: trusted forwarder host:mx.fwd.example (iprev of mx.fwd.example)"},
    {"another host not known", "host:mx.fwd.example", NULL, {.iprev = "temperror x.example"}, "no"},
    {"no name known",
     "host:mx.fwd.example",
     NULL,
     {.iprev = "temperror"},
     "maybe: trusted forwarder host:mx.fwd.example (iprev of the client)"},
    {"no name", "host:mx.fwd.example", NULL, {.iprev = "permerror"}, "no"},
    {"list, DKIM",
     NULL,
     "lists.example",
     {.list_id = "dev.lists.example", .dkim = "pass lists.example"},
     "yes: mailing list lists.example (DKIM d=lists.example)"},
    {"list, DKIM below",
     NULL,
     "lists.example",
     {.list_id = "dev.lists.example", .dkim = "pass mta.lists.example"},
     "yes: mailing list lists.example (DKIM d=mta.lists.example)"},
    {"list, DKIM above",
     NULL,
     "dev.lists.example.org",
     {.list_id = "dev.lists.example.org", .dkim = "pass example.org"},
     "yes: mailing list dev.lists.example.org (DKIM d=example.org)"},
    {"list, a top-level domain's DKIM",
     NULL,
     "lists.example",
     {.list_id = "dev.lists.example", .dkim = "pass example"},
     "no"},
    {"list, DKIM beside",
     NULL,
     "lists.example.org",
     {.list_id = "dev.lists.example.org", .dkim = "pass mail.example.org"},
     "no"},
    {"list, DKIM beside, by the parent",
     NULL,
     "example.org",
     {.list_id = "dev.lists.example.org", .dkim = "pass mail.example.org"},
     "yes: mailing list example.org (DKIM d=mail.example.org)"},
    {"list, another's DKIM",
     NULL,
     "lists.example",
     {.list_id = "dev.lists.example", .dkim = "pass evil.example"},
     "no"},
    {"list, a text suffix",
     NULL,
     "lists.example",
     {.list_id = "dev.lists.example", .dkim = "pass badlists.example"},
     "no"},
    {"list, nothing passes",
     NULL,
     "lists.example",
     {.list_id = "dev.lists.example", .dkim = "fail lists.example", .spf = "fail lists.example"},
     "no"},
    {"list, SPF",
     NULL,
     "lists.example",
     {.list_id = "dev.lists.example", .spf = "pass bounce.lists.example"},
     "yes: mailing list lists.example (SPF for bounce.lists.example)"},
    {"list, not HELO, not iprev",
     NULL,
     "lists.example",
     {.list_id = "dev.lists.example", .helo = "pass lists.example", .iprev = "pass lists.example"},
     "no"},
    {"list, no id", NULL, "lists.example", {.dkim = "pass lists.example"}, "no"},
    {"list, another id",
     NULL,
     "dev.lists.example",
     {.list_id = "ops.lists.example", .dkim = "pass lists.example"},
     "no"},
    {"list, id ends in a text suffix",
     NULL,
     "lists.example",
     {.list_id = "dev.badlists.example", .dkim = "pass lists.example"},
     "no"},
    {"list, an id that is not a valid domain name",
     NULL,
     "lists.example",
     {.list_id = "a+b.lists.example", .dkim = "pass lists.example"},
     "yes: mailing list lists.example (DKIM d=lists.example)"},
    {"list, not known",
     NULL,
     "lists.example",
     {.list_id = "dev.lists.example", .dkim = "temperror lists.example"},
     "maybe: mailing list lists.example (DKIM d=lists.example)"},
    {"a list for sure goes before a forwarder perhaps",
     "fwd.example",
     "lists.example",
     {.list_id = "dev.lists.example", .dkim = "pass lists.example", .spf = "temperror fwd.example"},
     "yes: mailing list lists.example (DKIM d=lists.example)"},
};

static void test_find(void)
{
	static const char *const words[] = {"no", "maybe", "yes"};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct peer forwarder, list;
		struct trust_rules rules = {.forwarders = &forwarder, .lists = &list};
		const char *id = cases[i].m.list_id;
		struct verdict verdict;
		struct trust found;
		struct why why;

		if (cases[i].forwarder != NULL)
			rules.forwarder_count =
			    peer_parse(arena, span_of(cases[i].forwarder), &forwarder, &why) == 0;
		if (cases[i].list != NULL)
			rules.list_count =
			    peer_parse_domain(arena, span_of(cases[i].list), &list, &why) == 0;
		set(&cases[i].m, &verdict);
		trust_find(&rules, &verdict, &id, id != NULL, arena, &found);
		is_text(found.answer == TRUST_NO
			    ? "no"
			    : arena_printf(arena, "%s: %s", words[found.answer], found.why),
			cases[i].want, "%s", cases[i].name);
	}
}

/* The second of several ids, the last of several entries. */
static void test_several(void)
{
	static const char *const texts[] = {"x.example", "y.example", "lists.example"};
	static const char *const ids[] = {"dev.other.example", "dev.lists.example"};
	struct peer lists[3];
	struct trust_rules rules = {.lists = lists, .list_count = 3};
	struct message m = {.dkim = "pass lists.example"};
	struct verdict verdict;
	struct trust found;
	struct why why;

	for (size_t i = 0; i < 3; i++)
		peer_parse_domain(arena, span_of(texts[i]), &lists[i], &why);
	set(&m, &verdict);
	trust_find(&rules, &verdict, ids, 2, arena, &found);
	is_int(found.answer, TRUST_YES, "of several");
	is_text(found.rule, "mailing list lists.example", "the one that holds");
	is_int(found.type, OVERRIDE_MAILING_LIST, "its type");
	trust_find(&rules, &verdict, ids, 1, arena, &found);
	is_int(found.answer, TRUST_NO, "not without its id");
}

int main(void)
{
	arena = arena_new(1 << 20);
	test_list_id();
	test_find();
	test_several();
	arena_free(arena);
	return tap_done();
}
