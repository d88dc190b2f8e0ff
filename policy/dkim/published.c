/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our own record is parsed as a foreign one is, and the two public keys are compared: tags may
 * differ, and an RSA key may be written in either of its two forms.
 */
#include "policy/dkim/published.h"

#include <string.h>

#include "lib/crypto/public.h"
#include "lib/name.h"
#include "policy/dkim/key.h"

static const struct name_code texts[] = {
    {"matches", PUBLISHED_MATCHES}, {"differs", PUBLISHED_DIFFERS}, {"absent", PUBLISHED_ABSENT},
    {"revoked", PUBLISHED_REVOKED}, {"unknown", PUBLISHED_UNKNOWN}, {NULL, 0},
};

const char *published_text(enum published published)
{
	return name_text(texts, (int)published);
}

struct dns_lookup *published_start(struct dns_scope *scope, const struct signing_key *key)
{
	struct arena *arena = arena_new(0);
	struct dns_lookup *lookup;

	lookup = dns_start(scope, signing_key_name(key, arena), DNS_TYPE_TXT);
	arena_free(arena);
	return lookup;
}

static struct span public_key(const struct dkimkey *key, struct arena *arena)
{
	struct span data = span_make(key->data, key->length), spki;

	if (key->type == DKIMKEY_RSA && crypt_public_spki(data, arena, &spki))
		return spki;
	return data;
}

static bool same_key(const struct dkimkey *seen, const struct signing_key *key, struct arena *arena)
{
	const char *record = signing_key_record(key);
	struct dkimkey ours;

	return record != NULL && dkimkey_parse(arena, span_of(record), &ours, NULL) == 0 &&
	       ours.type == seen->type &&
	       span_same(public_key(&ours, arena), public_key(seen, arena));
}

static enum published judge_record(struct span text, const struct signing_key *key,
				   struct arena *arena, const char **detail)
{
	struct dkimkey seen;
	struct why why;

	if (dkimkey_parse(arena, text, &seen, &why) != 0) {
		*detail = arena_printf(arena, "no key record: %s", why.text);
		return PUBLISHED_DIFFERS;
	}
	if (seen.length == 0)
		return PUBLISHED_REVOKED;
	if (!same_key(&seen, key, arena))
		*detail = "another key is published";
	else if (!seen.sha256)
		*detail = "h= does not allow sha256";
	else if (!seen.email)
		*detail = "s= does not allow email";
	else {
		if (seen.testing)
			*detail = "t=y: verifiers may ignore the signatures";
		return PUBLISHED_MATCHES;
	}
	return PUBLISHED_DIFFERS;
}

enum published published_judge(const struct dns_answer *answer, const struct signing_key *key,
			       struct arena *arena, const char **detail)
{
	*detail = NULL;
	switch (answer->status) {
	case DNS_DATA:
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return PUBLISHED_ABSENT;
	case DNS_TEMPFAIL:
		*detail = arena_string(arena, answer->reason);
		return PUBLISHED_UNKNOWN;
	}
	if (answer->count > 1) {
		*detail = arena_printf(arena, "%u TXT records instead of one", answer->count);
		return PUBLISHED_DIFFERS;
	}
	return judge_record(span_make(answer->records[0].text, answer->records[0].length), key,
			    arena, detail);
}
