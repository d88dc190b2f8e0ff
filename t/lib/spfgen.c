/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/lib/dns_memory.h"
#include "t/lib/spfgen.h"

#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "t/lib/mailgen.h"

enum { DOMAINS = 6, HOSTS = 6, TERMS_MAX = 5 };
#define PICK(gen, array) ((array)[chance((gen), sizeof(array) / sizeof *(array))])

static unsigned chance(struct spfgen *gen, unsigned n)
{
	return mailgen_below(&gen->state, n);
}

static void add(struct spfgen *gen, const char *name, enum dns_type type, const char *data)
{
	if (gen->count < SPFGEN_RECORDS_MAX)
		gen->records[gen->count++] = (struct spfgen_record){name, type, data};
}

/* ---- what is not SPF ---- */

static const char *const addresses4[] = {"192.0.2.1", "192.0.2.2", "192.0.2.77", "198.51.100.9",
					 "203.0.113.200"};
static const char *const addresses6[] = {"2001:db8::1", "2001:db8:1::9", "2001:db8::ffff:1"};

static const char *host(struct spfgen *gen)
{
	return arena_printf(gen->arena, "h%u.t", chance(gen, HOSTS + 2));
}

static void add_hosts(struct spfgen *gen)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		const char *name = arena_printf(gen->arena, "h%u.t", i);

		for (unsigned n = chance(gen, 3); n > 0; n--)
			add(gen, name, DNS_TYPE_A, PICK(gen, addresses4));
		if (chance(gen, 2) == 0)
			add(gen, name, DNS_TYPE_AAAA, PICK(gen, addresses6));
		if (chance(gen, 6) == 0)
			add(gen, name, DNS_TYPE_TXT, "some text");
	}
	add(gen, "*.w.t", DNS_TYPE_A, "127.0.0.2");
	add(gen, "u.a.t.w2.t", DNS_TYPE_A, "127.0.0.2");
	add(gen, "e.w3.t", DNS_TYPE_TXT,
	    chance(gen, 2) == 0 ? "%{i} %{s} %{L} %{d2r}%_%{h}%% %{c} %{p}"
				: "no mail from %{o} for %{l}");
	add(gen, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, host(gen));
	add(gen, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, host(gen));
	add(gen, "2.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "a.t");
	add(gen, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
	    DNS_TYPE_PTR, host(gen));
}

static void add_mail_hosts(struct spfgen *gen, const char *domain)
{
	unsigned n = chance(gen, gen->plain ? 4 : 5);

	if (n == 4 && chance(gen, 3) == 0)
		n = 9 + chance(gen, 4);
	for (unsigned i = 0; i < n; i++)
		add(gen, domain, DNS_TYPE_MX,
		    arena_printf(gen->arena, "%u h%u.t", i, (i + chance(gen, 2)) % HOSTS));
	if (chance(gen, 2) == 0)
		add(gen, domain, DNS_TYPE_A, PICK(gen, addresses4));
}

/* ---- records ---- */

static const char *domain(struct spfgen *gen, unsigned from)
{
	return arena_printf(gen->arena, "%c.t", 'a' + from + chance(gen, DOMAINS - from));
}

static const char *wild_name(struct spfgen *gen)
{
	static const char *const names[] = {"%{d}",
					    "%{o}",
					    "%{h}",
					    "%{l}.w.t",
					    "%{s}.w.t",
					    "%{i}.w.t",
					    "%{ir}.%{v}.w.t",
					    "%{d1}.t",
					    "%{d1r}.t",
					    "%{D2}.w2.t",
					    "u.%{d}.w2.t",
					    "%{l1r-}.w.t",
					    "%{l2+-}.w.t",
					    "%{p}.w.t",
					    "%{P2}",
					    "%%.w.t",
					    "%-x.w.t",
					    "%{ir.}.w.t",
					    "%{h1}.t",
					    "%{i4r/}.w.t",
					    "%{dr=}.w.t",
					    "h1.t.",
					    "%{o1}.%{d1}.w.t",
					    "%{L}.w.t"};
	static const char *const odd[] = {
	    "x..y.t", "none.t", "single", "a.t.%{x}", "%{d0}.t", "%{c}.w.t", "%{t}.t", "e.1",
	    "a.t/24", "-.t",    "_s.w.t", "a%_b.w.t", "%{l}.t%", "a.%{d",    "%{d}\"", "*.w.t"};

	switch (chance(gen, 40) == 0 ? 10 : chance(gen, 4)) {
	case 10:
		return PICK(gen, odd);
	case 0:
		return PICK(gen, names);
	case 1:
		return host(gen);
	default:
		return domain(gen, 0);
	}
}

static const char *network(struct spfgen *gen)
{
	static const char *const odd[] = {"ip4:192.0.2.1/33",
					  "ip6:2001:db8::/129",
					  "ip4:192.0.2",
					  "ip4:192.0.2.1/0",
					  "ip6:::/0",
					  "ip4:192.0.02.1",
					  "ip6:::ffff:192.0.2.0/120",
					  "ip4:192.0.2.0/024",
					  "ip6:1::2::3",
					  "ip4",
					  "ip4:",
					  "ip6:2001:db8::192.0.2.1",
					  "ip6:2001:DB8::1/128"};
	unsigned which = chance(gen, 8);

	if (!gen->plain && chance(gen, 40) == 0)
		return PICK(gen, odd);
	if (which < 4)
		return arena_printf(gen->arena, "ip4:%s/%u", PICK(gen, addresses4),
				    8 + chance(gen, 25));
	if (which < 6)
		return arena_printf(gen->arena, "ip4:%s", PICK(gen, addresses4));
	return arena_printf(gen->arena, "ip6:%s/%u", PICK(gen, addresses6), 16 + chance(gen, 113));
}

static const char *with_length(struct spfgen *gen, const char *text)
{
	switch (chance(gen, gen->plain ? 3 : 6)) {
	case 0:
		return arena_printf(gen->arena, "%s/%u", text, 16 + chance(gen, 17));
	case 3:
		return arena_printf(gen->arena, "%s//%u", text, 32 + chance(gen, 98));
	case 4:
		return arena_printf(gen->arena, "%s/%u//%u", text, chance(gen, 33),
				    chance(gen, 129));
	default:
		return text;
	}
}

/* In a plain record includes go to later domains only: there is an end to them. */
static const char *plain_term(struct spfgen *gen, unsigned self)
{
	static const char *const exists[] = {"exists:%{i}.w.t", "exists:%{l}.w.t",
					     "exists:%{ir}.w.t", "exists:u.%{d}.w2.t",
					     "exists:%{o}.gone.t"};

	switch (chance(gen, 8)) {
	case 0:
		return with_length(gen, arena_printf(gen->arena, "a:h%u.t", chance(gen, HOSTS)));
	case 1:
		return arena_printf(gen->arena, "mx:%s", domain(gen, 0));
	case 2:
		if (self + 1 < DOMAINS)
			return arena_printf(gen->arena, "include:%s", domain(gen, self + 1));
		return "a";
	case 3:
		return PICK(gen, exists);
	default:
		return network(gen);
	}
}

static const char *wild_term(struct spfgen *gen)
{
	static const char *const forms[] = {
	    "include:",  "a:",   "mx:",  "exists:", "ptr:", "include:", "a:",
	    "redirect=", "exp=", "moo=", "exists:", "A:",   "Include:"};
	static const char *const bare[] = {"a",  "mx",  "ptr", "all", "A",
					   "MX", "ptr", "ALL", "op=x"};
	static const char *const odd[] = {
	    "all.",  "a:",    "ip4",     "exp=",     "redirect=", "%{d}", "=x",
	    "a=b:c", "all:x", "include", "exists=x", "a/",        "mx//", "a:/24"};
	const char *form;

	switch (chance(gen, 60) == 0 ? 10 : chance(gen, 5)) {
	case 10:
		return PICK(gen, odd);
	case 0:
		return network(gen);
	case 1:
		return chance(gen, 2) == 0 ? PICK(gen, bare) : with_length(gen, "mx");
	default:
		form = PICK(gen, forms);
		if (form[0] == 'a' || form[0] == 'm')
			return with_length(gen,
					   arena_printf(gen->arena, "%s%s", form, wild_name(gen)));
		return arena_printf(gen->arena, "%s%s", form, wild_name(gen));
	}
}

static const char *damaged(struct spfgen *gen, const char *text)
{
	static const char bytes[] = " %{}/:=.-+~?\t\x01\xe9"
				    "a9";
	char *copy = arena_string(gen->arena, text);

	copy[7 + chance(gen, (unsigned)strlen(text) - 7)] = bytes[chance(gen, sizeof bytes - 1)];
	return copy;
}

static const char *record(struct spfgen *gen, unsigned self)
{
	static const char *const qualifiers[] = {"", "", "", "+", "-", "~", "?"};
	static const char *const ends[] = {" -all", " ~all", " ?all",
					   " +all", "",      " -all exp=e.w3.t"};
	unsigned terms = 1 + chance(gen, gen->plain ? 4 : TERMS_MAX);
	struct buf text;

	buf_init(&text, gen->arena, 0);
	buf_string(&text, "v=spf1");
	for (unsigned i = 0; i < terms; i++)
		buf_printf(&text, " %s%s", chance(gen, 3) == 0 ? PICK(gen, qualifiers) : "",
			   gen->plain ? plain_term(gen, self) : wild_term(gen));
	buf_string(&text, PICK(gen, ends));
	if (gen->plain || chance(gen, 30) != 0)
		return buf_text(&text);
	return damaged(gen, buf_text(&text));
}

static void add_domains(struct spfgen *gen)
{
	for (unsigned i = 0; i < DOMAINS; i++) {
		const char *name = arena_printf(gen->arena, "%c.t", 'a' + i);

		add_mail_hosts(gen, name);
		if (gen->plain || chance(gen, 16) != 0)
			add(gen, name, DNS_TYPE_TXT, record(gen, i));
		if (!gen->plain && chance(gen, 30) == 0)
			add(gen, name, DNS_TYPE_TXT, "v=spf1 -all");
		if (chance(gen, 6) == 0)
			add(gen, name, DNS_TYPE_TXT, "v=spf10 x");
	}
}

/* ---- who asks ---- */

static void add_cases(struct spfgen *gen)
{
	static const char *const clients[] = {"192.0.2.1",   "192.0.2.2",   "198.51.100.9",
					      "192.0.2.77",  "2001:db8::1", "2001:db8:1::9",
					      "203.0.113.1", "127.0.0.1"};
	static const char *const locals[] = {"u",   "a-b-c", "x+y-z",       "\"q r\"",
					     "U.v", "%",     "j\xc3\xb6rg", "u@v"};
	static const char *const helos[] = {"h1.t",  "b.t",         "mail",
					    "h.c.t", "[192.0.2.1]", "x.h2.t."};

	for (unsigned i = 0; i < SPFGEN_CASES; i++) {
		struct spfgen_case *one = &gen->cases[i];
		const char *local = gen->plain ? "u" : PICK(gen, locals);

		one->client = clients[chance(gen, gen->plain ? 7 : 8)];
		one->helo = gen->plain ? "h1.t" : PICK(gen, helos);
		one->mail_from = arena_printf(gen->arena, "%s@%s", local, domain(gen, 0));
		if (!gen->plain && chance(gen, 10) == 0)
			one->mail_from = "";
	}
}

void spfgen_make(struct spfgen *gen, struct arena *arena, unsigned seed, bool plain)
{
	memset(gen, 0, sizeof *gen);
	gen->arena = arena;
	gen->state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	gen->plain = plain;
	add_hosts(gen);
	add_domains(gen);
	add_cases(gen);
	if (!plain && chance(gen, 4) == 0)
		gen->fails[gen->fail_count++] =
		    (struct spfgen_record){domain(gen, 0), DNS_TYPE_TXT, NULL};
	if (!plain && chance(gen, 4) == 0)
		gen->fails[gen->fail_count++] = (struct spfgen_record){host(gen), DNS_TYPE_A, NULL};
	if (!plain && chance(gen, 8) == 0)
		gen->fails[gen->fail_count++] =
		    (struct spfgen_record){"1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, NULL};
}

void spfgen_load(const struct spfgen *gen, struct dns *dns)
{
	dns_memory_clear(dns);
	for (unsigned i = 0; i < gen->count; i++)
		dns_memory_add(dns, gen->records[i].name, gen->records[i].type,
			       gen->records[i].data, strlen(gen->records[i].data), NULL);
	for (unsigned i = 0; i < gen->fail_count; i++)
		dns_memory_mode(dns, gen->fails[i].name, gen->fails[i].type, DNS_MEMORY_SERVFAIL);
}
