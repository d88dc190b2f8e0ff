/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One lookup for each key, in batches; then a table says what state and record together mean.
 */
#include "admin/key/look.h"

#include "admin/progress.h"
#include "context/context.h"
#include "lib/clock.h"

enum { BATCH = 64 };

static void look_at_batch(struct admin *admin, struct dns *dns, struct keylook *looked,
			  unsigned count)
{
	struct dns_scope *scope = dns_scope_new(dns, count, admin_conf(admin)->dns.timeout);
	struct dns_lookup *lookups[BATCH];

	dns_scope_deadline(scope, clock_mono() + admin_conf(admin)->dns.timeout);
	for (unsigned i = 0; i < count; i++)
		lookups[i] = published_start(scope, looked[i].key->key);
	for (unsigned i = 0; i < count; i++)
		looked[i].published = published_judge(dns_wait(lookups[i]), looked[i].key->key,
						      admin->arena, &looked[i].detail);
	dns_scope_free(scope);
}

struct keylook *keylook(struct admin *admin, const struct keycmd_key *keys, unsigned count)
{
	struct keylook *looked = arena_array(admin->arena, count, sizeof *looked);
	const struct conf *conf = admin_conf(admin);
	struct dns_settings settings;
	struct dns *dns = NULL;
	struct progress progress;
	struct why why = {""};

	if (conf == NULL)
		return NULL;
	settings = context_dns(conf);
	dns = dns_new_unbound(&settings, &why);
	if (dns == NULL) {
		admin_error(admin, "%s", why.text);
		return NULL;
	}
	for (unsigned i = 0; i < count; i++)
		looked[i].key = &keys[i];
	progress_begin(&progress, admin, "keys looked up");
	for (unsigned i = 0; i < count; i += BATCH) {
		progress_show(&progress, i, count);
		look_at_batch(admin, dns, looked + i, count - i < BATCH ? count - i : BATCH);
	}
	progress_end(&progress);
	dns_free(dns);
	return looked;
}

#define ACTIVATE "it can sign: countersign key activate"
#define REVOKE   "its time is over: countersign key revoke"

/* What to do goes on with " DOMAIN SELECTOR". */
static const struct {
	enum keylook_finding finding;
	const char *todo;
} judgements[][PUBLISHED_UNKNOWN + 1] = {
    [KEYSTATE_PENDING] = {[PUBLISHED_MATCHES] = {KEYLOOK_OK, ACTIVATE},
			  [PUBLISHED_DIFFERS] = {KEYLOOK_BAD, KEYLOOK_PUBLISH},
			  [PUBLISHED_ABSENT] = {KEYLOOK_BAD, KEYLOOK_PUBLISH},
			  [PUBLISHED_REVOKED] = {KEYLOOK_BAD, KEYLOOK_PUBLISH},
			  [PUBLISHED_UNKNOWN] = {KEYLOOK_UNKNOWN, NULL}},
    [KEYSTATE_ACTIVE] = {[PUBLISHED_MATCHES] = {KEYLOOK_OK, NULL},
			 [PUBLISHED_DIFFERS] = {KEYLOOK_BAD, KEYLOOK_PUBLISH},
			 [PUBLISHED_ABSENT] = {KEYLOOK_BAD, KEYLOOK_PUBLISH},
			 [PUBLISHED_REVOKED] = {KEYLOOK_BAD,
						"stop signing with it: countersign key retire"},
			 [PUBLISHED_UNKNOWN] = {KEYLOOK_UNKNOWN, NULL}},
    [KEYSTATE_RETIRED] = {[PUBLISHED_MATCHES] = {KEYLOOK_OK, NULL},
			  [PUBLISHED_DIFFERS] = {KEYLOOK_WARN, REVOKE},
			  [PUBLISHED_ABSENT] = {KEYLOOK_WARN, REVOKE},
			  [PUBLISHED_REVOKED] = {KEYLOOK_WARN, REVOKE},
			  [PUBLISHED_UNKNOWN] = {KEYLOOK_UNKNOWN, NULL}},
    [KEYSTATE_REVOKED] = {[PUBLISHED_MATCHES] = {KEYLOOK_BAD, KEYLOOK_WITHDRAW},
			  [PUBLISHED_DIFFERS] = {KEYLOOK_WARN, KEYLOOK_WITHDRAW},
			  [PUBLISHED_ABSENT] = {KEYLOOK_OK, NULL},
			  [PUBLISHED_REVOKED] = {KEYLOOK_OK, NULL},
			  [PUBLISHED_UNKNOWN] = {KEYLOOK_UNKNOWN, NULL}},
};

bool keylook_is_old(struct keystatus status)
{
	return clock_wall() - status.since > KEYLOOK_SAFE_AGE;
}

enum keylook_finding keylook_judge(struct admin *admin, const struct keylook *looked,
				   const char **todo)
{
	const struct signing_key *key = looked->key->key;
	struct keystatus status = signing_key_status(key);
	enum keylook_finding finding = judgements[status.state][looked->published].finding;

	*todo = judgements[status.state][looked->published].todo;
	if (status.state == KEYSTATE_RETIRED && looked->published == PUBLISHED_MATCHES &&
	    keylook_is_old(status)) {
		finding = KEYLOOK_WARN;
		*todo = REVOKE;
	}
	if (*todo != NULL)
		*todo = arena_printf(admin->arena, "%s %s %s", *todo, signing_key_domain(key),
				     signing_key_selector(key));
	return finding;
}
