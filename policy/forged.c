/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table of fields. Whose a field is, is for its own reader to say.
 */
#include "policy/forged.h"

#include <assert.h>
#include <stddef.h>

#include "mail/authres_read.h"
#include "mail/received_spf.h"

static const char *const names[FORGED_KINDS] = {
    [FORGED_AUTHRES] = "Authentication-Results",
    [FORGED_ARC_RESULTS] = "ARC-Authentication-Results",
    [FORGED_RECEIVED_SPF] = "Received-SPF",
    [FORGED_QUARANTINE] = QUARANTINE_FIELD,
    [FORGED_BIMI_LOCATION] = "BIMI-Location",
    [FORGED_BIMI_INDICATOR] = "BIMI-Indicator",
    [FORGED_BIMI_PREFERENCE] = "BIMI-Logo-Preference",
};

const char *forged_name(enum forged_kind kind)
{
	assert(kind < FORGED_KINDS);
	return names[kind];
}

/* RFC 5322 section 2.2 */
static bool is_name_byte(char c)
{
	return c > ' ' && c < 0x7f;
}

/* Whether NAME is WORD when what is not of a name is left out: blanks, controls, and all that is
 * not ASCII. */
static bool is_disguise_of(struct span name, const char *word)
{
	for (const char *p = name.p; p < name.end; p++) {
		if (!is_name_byte(*p))
			continue;
		if (char_lower((unsigned char)*p) != char_lower((unsigned char)*word))
			return false;
		word++;
	}
	return *word == '\0';
}

static bool is_disguised(struct span name)
{
	return is_disguise_of(name, names[FORGED_BIMI_LOCATION]) ||
	       is_disguise_of(name, names[FORGED_BIMI_INDICATOR]) ||
	       is_disguise_of(name, names[FORGED_BIMI_PREFERENCE]);
}

enum forged_kind forged_kind_of(struct span name)
{
	struct span bare = span_trim(name);
	enum forged_kind kind = 0;

	while (kind < FORGED_DISGUISED && !span_ieq(bare, names[kind]))
		kind++;
	if (kind < FORGED_DISGUISED)
		return kind;
	return is_disguised(name) ? FORGED_DISGUISED : FORGED_NONE;
}

static bool is_our_spf(struct span value, const char *authserv_id, const char *host)
{
	const char *const ours[] = {authserv_id, host};

	return received_spf_is_ours(value, ours, host == NULL ? 1 : 2);
}

bool forged_is(enum forged_kind kind, struct span value, const char *authserv_id, const char *host)
{
	switch (kind) {
	case FORGED_ARC_RESULTS:
		(void)authres_instance(&value); /* without one it is unreadable: it goes */
		return authres_is_ours(value, authserv_id);
	case FORGED_AUTHRES:
		return authres_is_ours(value, authserv_id);
	case FORGED_RECEIVED_SPF:
		return is_our_spf(value, authserv_id, host);
	case FORGED_QUARANTINE:
	case FORGED_BIMI_LOCATION:
	case FORGED_BIMI_INDICATOR:
	case FORGED_BIMI_PREFERENCE:
	case FORGED_DISGUISED:
		return true;
	case FORGED_KINDS:
		break;
	}
	return false;
}

bool forged_stays(enum forged_kind kind, const struct arc_verdict *arc)
{
	return kind == FORGED_ARC_RESULTS && (arc->result == AUTH_PASS || arc->temporary);
}
