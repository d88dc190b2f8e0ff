/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thin cover over libpsl, whose lookups are read-only after loading and thus safe for all
 * threads. It knows lists, not DMARC: what a public suffix means there is policy/dmarc/dmarc.c's.
 *
 * libpsl exports names with our prefix; this file must define none of them (psl_free above all).
 */
#include "mail/psl.h"

#include <assert.h>
#include <errno.h>
#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/heap.h"

struct psl {
	psl_ctx_t *context;
};

static psl_ctx_t *load_file(const char *path, struct why *why)
{
	FILE *file = fopen(path, "re");
	psl_ctx_t *context;

	if (file == NULL) {
		why_set(why, "%s: %s", path, strerror(errno));
		return NULL;
	}
	context = psl_load_fp(file);
	fclose(file);
	if (context != NULL && psl_suffix_count(context) == 0) { /* -1: compiled, cannot tell */
		psl_free(context);
		context = NULL;
	}
	if (context == NULL)
		why_set(why, "%s: not a public suffix list", path);
	return context;
}

struct psl *psl_load(const char *path, struct why *why)
{
	psl_ctx_t *context = path != NULL ? load_file(path, why) : psl_latest(NULL);
	struct psl *psl;

	if (context == NULL) {
		if (path == NULL)
			why_set(
			    why,
			    "libpsl found no public suffix list; install the package publicsuffix "
			    "or set dmarc.psl_file");
		return NULL;
	}
	psl = heap_alloc(sizeof *psl);
	psl->context = context;
	return psl;
}

void psl_unload(struct psl *psl)
{
	if (psl == NULL)
		return;
	psl_free(psl->context); /* leaves the built-in list alone */
	free(psl);
}

const char *psl_org_domain(const struct psl *psl, const char *domain)
{
	const char *registrable;

	assert(psl != NULL && domain != NULL);
	registrable = psl_registrable_domain(psl->context, domain);
	return registrable != NULL ? registrable : domain;
}
