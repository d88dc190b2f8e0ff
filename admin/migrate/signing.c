/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sign.subdomains, from Domain and SubDomains of OpenDKIM or dkimpy-milter, or from their tables
 * (opendkim.conf(5)).
 *
 * The setting holds for all domains: with it, mail of every name below a domain that has a key, and
 * has no key itself, is signed. A SigningTable says that of each domain by itself. So it is true
 * only when the table has all names below each of its domains signed with that domain's key;
 * otherwise it is false, and the lines that needed it are told.
 */
#include <stdlib.h>
#include <string.h>

#include "admin/migrate/opendkim_text.h"
#include "admin/migrate/program.h"
#include "mail/domain.h"

enum { TOLD_MAX = 20 }; /* lines that are named in warnings */

/* A line of SigningTable whose key is known. */
struct request {
	const char *author; /* as written */
	const char *domain; /* its domain; NULL: every author */
	const char *signer; /* the key's domain */
	bool below, some;
};

struct tables {
	struct migrate *m;
	struct opendkim_key *keys; /* by name */
	struct request *requests;  /* by signer */
	unsigned key_count, request_count;
};

typedef void take_line(struct tables *tables, enum opendkim_kind kind, struct span name,
		       struct span value);

/* The number of lines; 0 when there are none, or the data set cannot be read. */
static unsigned each_line(struct tables *tables, struct span dataset, take_line *take)
{
	struct migrate *m = tables->m;
	struct span where, text, name, value;
	unsigned line = 0, count = 0;
	struct why why;
	enum opendkim_kind kind = opendkim_dataset(dataset, &where);

	if ((kind != OPENDKIM_FILE && kind != OPENDKIM_REFILE) ||
	    m->read(m->arg, arena_span(m->arena, where), &text, &why) == -1)
		return 0;
	for (; opendkim_line(&text, &line, &name, &value); count++) {
		if (take != NULL)
			take(tables, kind, name, value);
	}
	return count;
}

static void take_key(struct tables *tables, enum opendkim_kind kind, struct span name,
		     struct span value)
{
	(void)kind;
	if (opendkim_key_parse(name, value, &tables->keys[tables->key_count], NULL) == 0)
		tables->key_count++;
}

static void take_request(struct tables *tables, enum opendkim_kind kind, struct span name,
			 struct span value)
{
	struct request *request = &tables->requests[tables->request_count];
	struct arena *arena = tables->m->arena;
	struct opendkim_author author;
	const struct opendkim_key *key;
	struct span signer;

	if (opendkim_author_parse(name, kind, &author, NULL) == -1)
		return;
	key = opendkim_key_find(tables->keys, tables->key_count, &author, value, NULL);
	if (key == NULL)
		return;
	signer = span_eq(key->domain, "%") ? author.domain : key->domain;
	*request = (struct request){.author = arena_span(arena, name),
				    .domain = domain_to_ascii(arena, author.domain),
				    .signer = domain_to_ascii(arena, signer),
				    .below = author.below,
				    .some = author.some};
	if (request->signer != NULL && (request->domain != NULL || span_empty(author.domain)))
		tables->request_count++;
}

static int compare_signers(const void *a, const void *b)
{
	return strcmp(((const struct request *)a)->signer, ((const struct request *)b)->signer);
}

/* Is mail of all names below its signer's domain signed for this line? */
static bool covers_below(const struct request *request)
{
	return !request->some &&
	       (request->domain == NULL ||
		(request->below && domain_within(request->signer, request->domain)));
}

/* Does it have mail of a name below its signer's domain signed? */
static bool needs_below(const struct request *request)
{
	return request->domain == NULL || domain_is_below(request->domain, request->signer) ||
	       (request->below && domain_within(request->signer, request->domain));
}

/* Are all names below each signer's domain covered? */
static bool covers_all(const struct tables *tables)
{
	bool covered = true;

	for (unsigned i = 0; i < tables->request_count && covered;) {
		const char *signer = tables->requests[i].signer;

		for (covered = false;
		     i < tables->request_count && strcmp(signer, tables->requests[i].signer) == 0;
		     i++)
			covered = covered || covers_below(&tables->requests[i]);
	}
	return covered && tables->request_count > 0;
}

static void tell_lost(const struct tables *tables, const char *at)
{
	unsigned told = 0;

	for (unsigned i = 0; i < tables->request_count; i++) {
		const struct request *r = &tables->requests[i];

		if (needs_below(r) && ++told <= TOLD_MAX)
			migrate_leave(
			    tables->m, at,
			    "%s: mail of subdomains of %s is not signed: sign.subdomains would "
			    "apply to all domains, and the table does not have it for all",
			    r->author, r->signer);
	}
	if (told > TOLD_MAX)
		migrate_leave(tables->m, at, "%u more lines like these", told - TOLD_MAX);
}

/* Reads both tables; false when they cannot be read. */
static bool read_tables(struct tables *tables)
{
	struct migrate *m = tables->m;
	unsigned keys = each_line(tables, m->signer.keytable.value, NULL);
	unsigned requests = each_line(tables, m->signer.signingtable.value, NULL);

	if (keys == 0 || requests == 0)
		return false;
	tables->keys = arena_array(m->arena, keys, sizeof *tables->keys);
	tables->requests = arena_array(m->arena, requests, sizeof *tables->requests);
	each_line(tables, m->signer.keytable.value, take_key);
	opendkim_keys_sort(tables->keys, tables->key_count);
	each_line(tables, m->signer.signingtable.value, take_request);
	if (tables->request_count > 0)
		qsort(tables->requests, tables->request_count, sizeof *tables->requests,
		      compare_signers);
	return true;
}

static void finish_tables(struct migrate *m)
{
	struct tables tables = {.m = m};
	bool below = false;

	if (!read_tables(&tables))
		migrate_leave(m, m->signer.signingtable.at,
			      "KeyTable and SigningTable cannot be read as files here, so mail "
			      "of subdomains is not signed (sign.subdomains)");
	else if (covers_all(&tables) && m->files[MIGRATE_DKIMPY] == NULL)
		below = true; /* in dkimpy-milter "*@*.example.com" matches nothing */
	else
		tell_lost(&tables, m->signer.signingtable.at);
	migrate_put(m, "sign.subdomains", below ? "true" : "false");
}

void migrate_finish_subdomains(struct migrate *m)
{
	const struct migrate_fact *said = &m->signer.subdomains;

	if (m->signer.signingtable.at != NULL)
		finish_tables(m);
	else if (said->at != NULL || m->signer.key.at != NULL)
		migrate_put(m, "sign.subdomains",
			    said->at != NULL && migrate_truth(said->value) == 1 ? "true" : "false");
}
