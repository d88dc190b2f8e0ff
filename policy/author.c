/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between policy/from, which knows From fields and no DNS, and policy/dmarc, which knows domains
 * and no fields.
 */
#include "policy/author.h"

#include <assert.h>

#include "policy/from.h"

struct author {
	const struct dmarc_rules *rules;
	struct dns_scope *scope;
	struct arena *arena;
	struct from from;
};

struct author *author_new(const struct dmarc_rules *rules, struct dns_scope *scope,
			  struct arena *arena)
{
	struct author *author = arena_make(arena, struct author);

	author->rules = rules;
	author->scope = scope;
	author->arena = arena;
	from_init(&author->from, arena);
	return author;
}

void author_header(struct author *author, struct span name, struct span value)
{
	unsigned known = author->from.count;

	from_header(&author->from, name, value);
	for (unsigned i = known; i < author->from.count && i < author->rules->authors_max; i++)
		dmarc_start_author(author->scope, author->rules, author->from.domains[i]);
}

const char *author_domain(const struct author *author)
{
	return author->from.count > 0 ? author->from.domains[0] : NULL;
}

void author_start_alignment(struct author *author, const char *domain)
{
	for (unsigned i = 0; i < author->from.count; i++) {
		if (dmarc_could_align(author->from.domains[i], domain)) {
			dmarc_start(author->scope, author->rules, domain);
			return;
		}
	}
}

void author_finish(const struct author *author, struct dmarc_author *out)
{
	const struct from *from = &author->from;

	assert(from->count <= FROM_DOMAINS_MAX);
	*out = (struct dmarc_author){
	    .fields = from->fields,
	    .domains = from->domains,
	    .domain_count = from->count,
	    .hidden = from->hidden,
	    .incomplete = from->too_many,
	};
	if (from->count > author->rules->authors_max)
		out->error =
		    arena_printf(author->arena, "From has addresses of more than %u domains",
				 author->rules->authors_max);
	else
		out->error = from_fault(from);
}
