/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list that was fetched in the last day is used as it is; an older one is fetched again, and used
 * if that fails: it says itself until when it counts (nextUpdate), and who reads it asks for that.
 */
#include "bimi/revocation.h"

#include <string.h>

#include "bimi/cache.h"
#include "bimi/examine.h"
#include "bimi/obtain.h"

struct lists {
	const struct inspect_tools *tools;
	struct bimi_evidence *evidence;
	struct arena *arena;
	bool kept;      /* one of them was not fetched now */
	struct why why; /* why one could not be */
};

/* FETCH: even if there is a fresh one. */
static bool find_list(struct lists *lists, const char *uri, bool fetch, struct span *list)
{
	const struct inspect_tools *tools = lists->tools;
	bool fresh = false;
	bool kept = tools->directory != NULL &&
		    bimi_list_read(tools->directory, uri, tools->now, lists->arena, list, &fresh);
	struct span fetched;
	struct why why;

	if (!fetch && kept && fresh) {
		lists->kept = true;
		return true;
	}
	if (bimi_obtain(&tools->web, OBTAIN_LIST, uri, lists->arena, &fetched, &why) == OBTAINED) {
		if (tools->directory != NULL) /* if it cannot be kept, it is fetched again */
			(void)bimi_list_write(tools->directory, uri, fetched, &why);
		*list = fetched;
		return true;
	}
	if (lists->why.text[0] == '\0')
		why_set(&lists->why, "%.200s: %s", uri, why.text);
	lists->kept = lists->kept || kept;
	return kept;
}

static void find_lists(struct lists *lists, const struct bimi_findings *findings, bool fetch)
{
	struct bimi_evidence *evidence = lists->evidence;

	evidence->list_count = 0;
	lists->kept = false;
	for (unsigned i = 0; i < findings->fact_count; i++) {
		const struct bimi_fact *fact = &findings->facts[i];

		if (strcmp(fact->name, BIMI_FACT_LIST) == 0 &&
		    evidence->list_count < REVOCATION_LISTS_MAX &&
		    find_list(lists, fact->text, fetch, &evidence->lists[evidence->list_count]))
			evidence->list_count++;
	}
}

static int read_lists(const struct lists *lists, struct bimi_findings **found, struct why *why)
{
	*found = arena_make(lists->arena, struct bimi_findings);
	bimi_findings_init(*found, lists->arena);
	return bimi_examine(BIMI_REVOCATION, lists->evidence, *found, why);
}

int bimi_revocation_inspect(const struct inspect_tools *tools, struct bimi_evidence *evidence,
			    struct bimi_findings *findings, struct why *why)
{
	struct lists lists = {tools, evidence, findings->arena, false, {""}};
	struct bimi_findings *found;

	find_lists(&lists, findings, false);
	if (read_lists(&lists, &found, why) == -1)
		return -1;
	if (bimi_count(found, BIMI_UNCHECKED) > 0 && lists.kept) {
		find_lists(&lists, findings, true);
		if (read_lists(&lists, &found, why) == -1)
			return -1;
	}
	if (bimi_count(found, BIMI_UNCHECKED) > 0 && lists.why.text[0] != '\0')
		bimi_found(findings, BIMI_CERTIFICATE_NO_CRL, 0,
			   "whether it has been revoked is not known: %s", lists.why.text);
	else
		bimi_findings_add(findings, found);
	return 0;
}
