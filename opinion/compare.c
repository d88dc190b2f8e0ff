/* SPDX-License-Identifier: BSD-2-Clause */
#include "opinion/compare.h"

#include <assert.h>
#include <string.h>

enum { NAME_SHOWN = 160, WHY_SHOWN = 300 };

static const char *const library_names[] = {
    [CASE_SPF_MFROM] = "libspf2",
    [CASE_SPF_HELO] = "libspf2",
    [CASE_DKIM] = "libopendkim",
};

/* What libopendkim cannot verify is neutral, and a temperror of its own says so
 * (policy/dkim/check.c); our own verifier has neither. */
static bool has_opinion(const struct case_result *library)
{
	static const char broken[] = "could not be verified";

	if (library->subject != CASE_DKIM)
		return true;
	if (library->result == AUTH_TEMPERROR)
		return strncmp(library->why, broken, strlen(broken)) != 0;
	return library->result != AUTH_NEUTRAL;
}

/* Printable ASCII, at most MAX of it: what the process says is not trusted. */
static const char *safe_text(struct arena *arena, const char *text, size_t max)
{
	char *copy = arena_span(arena, span_make(text, strnlen(text, max)));

	for (char *p = copy; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
	return copy;
}

static void note_difference(struct compare_finding *finding, struct arena *arena,
			    const struct case_result *native, const struct case_result *library)
{
	const char *mechanism = native->subject == CASE_DKIM ? "DKIM" : "SPF";

	finding->count++;
	if (native->subject == CASE_DKIM)
		finding->dkim = true;
	else
		finding->spf = true;
	if (finding->text != NULL)
		return;
	finding->text =
	    arena_printf(arena, "%s engines disagree: %s: native %s (%s), %s %s (%s)", mechanism,
			 safe_text(arena, native->name, NAME_SHOWN), auth_text(native->result),
			 safe_text(arena, native->why, WHY_SHOWN), library_names[native->subject],
			 auth_text(library->result), safe_text(arena, library->why, WHY_SHOWN));
}

static void note_length(struct compare_finding *finding, struct arena *arena,
			const struct case_results *native, const struct case_results *library)
{
	finding->count++;
	finding->dkim = true;
	finding->text =
	    arena_printf(arena, "DKIM engines disagree: native has %u results, the libraries %u",
			 native->count, library->count);
}

enum compare_outcome compare_results(const struct case_results *native,
				     const struct case_results *library, struct arena *arena,
				     struct compare_finding *finding)
{
	bool unjudged = false;

	memset(finding, 0, sizeof *finding);
	if (native->count != library->count) {
		note_length(finding, arena, native, library);
		return COMPARE_DIFFERENT;
	}
	for (unsigned i = 0; i < native->count; i++) {
		const struct case_result *one = &native->items[i], *other = &library->items[i];

		if (one->subject == other->subject && one->result == other->result &&
		    strcmp(one->name, other->name) == 0)
			continue;
		if (one->subject == other->subject && !has_opinion(other))
			unjudged = true;
		else
			note_difference(finding, arena, one, other);
	}
	assert((finding->count > 0) == (finding->text != NULL));
	if (finding->count > 0)
		return COMPARE_DIFFERENT;
	return unjudged ? COMPARE_UNJUDGED : COMPARE_SAME;
}
