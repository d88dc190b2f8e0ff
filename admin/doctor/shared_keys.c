/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of the shared store (store.keys): whether this host's copy is fresh, and whether each
 * sealed key of it can be opened with this host's sealing key and is the one that its row names.
 */
#include <unistd.h>

#include "admin/doctor/doctor.h"
#include "context/context.h"
#include "context/keysource.h"
#include "keys/sealing.h"
#include "keys/source.h"
#include "lib/clock.h"
#include "lib/url.h"
#include "store/keys/copy.h"

enum { TOLD_MAX = 10, STALE_SECONDS = 600 };

struct opening {
	struct doctor *doctor;
	const struct sealing *sealing;
	unsigned good, bad;
};

static void say_bad_key(struct opening *opening, const struct keyrow *row, const char *reason)
{
	if (opening->bad++ < TOLD_MAX)
		doctor_say(opening->doctor, DOCTOR_ERROR, NULL,
			   "key %s of %s in the shared store cannot be used, so that no mail of "
			   "this domain is signed with it: %s",
			   row->selector, row->domain, reason);
}

/* NULL: KEY, made of ROW, can sign. */
static const char *object_to_key(const struct opening *opening, const struct signing_key *key,
				 struct arena *arena, struct why *why)
{
	enum sealing_outcome outcome;
	const struct signing_key *opened =
	    sealing_open(opening->sealing, signing_key_sealed(key), arena, &outcome, why);

	if (opened == NULL)
		return why->text;
	return signing_key_number(opened) == signing_key_number(key)
		   ? NULL
		   : "what is sealed is another key";
}

static int open_row(void *arg, const struct keyrow *row, struct why *why)
{
	struct opening *opening = arg;
	struct arena *arena = arena_new(0);
	const char *reason;
	struct signing_key *key = keysource_key(arena, row, why);

	reason = key == NULL ? why->text : object_to_key(opening, key, arena, why);
	if (reason == NULL)
		opening->good++;
	else
		say_bad_key(opening, row, reason);
	arena_free(arena);
	return 0;
}

static void look_at_age(struct doctor *doctor, struct keycopy *copy)
{
	struct why why = {""};
	int64_t synced = 0;
	int ready = keycopy_ready(copy, &synced, &why);

	if (ready == 0)
		doctor_say(doctor, DOCTOR_ERROR, "countersign status",
			   "the keys have not yet been copied from the shared store: mail that is "
			   "to be signed is deferred");
	else if (ready < 0)
		doctor_say(doctor, DOCTOR_ERROR, NULL, "%s", why.text);
	else if (clock_wall() - synced > STALE_SECONDS)
		doctor_say(doctor, DOCTOR_WARN, "countersign status",
			   "the keys were last copied from the shared store %lld minutes ago: "
			   "new keys, and keys that were retired, are not known here",
			   (long long)(clock_wall() - synced) / 60);
}

static void open_all(struct doctor *doctor, struct keycopy *copy, const struct sealing *sealing)
{
	struct opening opening = {.doctor = doctor, .sealing = sealing};
	struct why why;

	if (keycopy_each(copy, open_row, &opening, &why) != 0) {
		doctor_say(doctor, DOCTOR_ERROR, NULL, "%s", why.text);
		return;
	}
	if (opening.bad > TOLD_MAX)
		doctor_say(doctor, DOCTOR_ERROR, NULL, "and %u more keys cannot be used",
			   opening.bad - TOLD_MAX);
	if (opening.good + opening.bad == 0)
		doctor_say(doctor, DOCTOR_WARN, "countersign key gen DOMAIN",
			   "no key in the shared store: no mail is signed");
	else if (opening.bad == 0)
		doctor_say(doctor, DOCTOR_OK, NULL,
			   "%u keys of the shared store can be opened on this host", opening.good);
}

void doctor_shared_keys(struct doctor *doctor)
{
	const struct conf *conf = doctor->conf;
	const char *ledger = url_sqlite_path(conf->store.url, NULL);
	struct sealing *sealing;
	struct keycopy *copy;
	struct why why = {""};

	sealing = sealing_load(conf->sign.keys, context_key_access(conf), &why);
	if (sealing == NULL) {
		doctor_say(doctor, geteuid() != 0 ? DOCTOR_SKIP : DOCTOR_ERROR, NULL, "%s",
			   why.text);
		return;
	}
	copy = ledger == NULL ? NULL : keycopy_open(ledger, true, &why);
	if (copy == NULL)
		doctor_say(doctor, DOCTOR_ERROR, NULL, "%s", why.text);
	if (copy != NULL) {
		look_at_age(doctor, copy);
		open_all(doctor, copy, sealing);
	}
	keycopy_close(copy);
	sealing_free(sealing);
}
