/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection for each keyring, used by one thread at a time: a lookup takes some 20
 * microseconds, and there are two or three for a message.
 */
#include "context/keysource.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "context/context.h"
#include "keys/sealing.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"
#include "lib/url.h"
#include "store/keys/copy.h"

static const int64_t pause =
    CLOCK_SECOND; /* between two tries to open it, or looks if it is full */

struct source {
	struct lock lock;
	char *ledger;
	bool read_only;
	struct keycopy *copy; /* NULL: not open */
	int64_t look_at;      /* if its file was moved away */
	bool ready;
	int64_t try_at; /* when it is not */
	struct why why; /* the reason for that */
};

/* ---- rows ---- */

static const struct name_code types[] = {{"rsa", CRYPT_RSA}, {"ed25519", CRYPT_ED25519}, {NULL, 0}};

struct signing_key *keysource_key(struct arena *arena, const struct keyrow *row, struct why *why)
{
	int type = name_code(types, span_of(row->type), -1);
	struct key_public parts = {
	    .domain = row->domain,
	    .selector = row->selector,
	    .record = row->record,
	    .created = row->created,
	    .seen = row->seen > 0,
	    .sealed = span_make(row->sealed, row->sealed_len),
	};

	if (keyring_check_names(row->domain, row->selector, why) != 0)
		return NULL;
	if (type == -1 || row->bits <= 0 || row->bits > CRYPT_RSA_MAX_BITS ||
	    row->sealed_len > SEALED_MAX) {
		why_set(why, "key %s of %s in the shared store cannot be used: type %s, %lld bits",
			row->selector, row->domain, row->type, (long long)row->bits);
		return NULL;
	}
	if (keystate_parse(span_of(row->state), &parts.status, why) != 0) {
		why_prefix(why, "key %s of %s in the shared store: its state ", row->selector,
			   row->domain);
		return NULL;
	}
	parts.type = (enum crypt_type)type;
	parts.bits = (unsigned)row->bits;
	parts.status.since = row->since;
	return signing_key_public(arena, &parts);
}

/* ---- the source of a keyring; the caller holds the lock ---- */

static int open_copy(struct source *source, struct why *why)
{
	if (source->copy != NULL && clock_mono() >= source->look_at) {
		source->look_at = clock_mono() + pause;
		if (keycopy_has_moved(source->copy)) {
			keycopy_close(source->copy);
			source->copy = NULL;
			source->ready = false;
		}
	}
	if (source->copy == NULL)
		source->copy = keycopy_open(source->ledger, source->read_only, why);
	return source->copy == NULL ? -1 : 0;
}

static int look_if_ready(struct source *source, struct why *why)
{
	int64_t synced;
	int result = open_copy(source, why);

	if (result == 0)
		result = keycopy_ready(source->copy, &synced, why);
	if (result == 0)
		return why_set(why, "the signing keys have not yet been copied from the shared "
				    "store to this host");
	return result == 1 ? 0 : -1;
}

/* ---- for the threads ---- */

static int source_ready(void *arg, struct why *why)
{
	struct source *source = arg;
	int result;

	lock_take(&source->lock);
	if (!source->ready && clock_mono() >= source->try_at) {
		source->ready = look_if_ready(source, &source->why) == 0;
		source->try_at = clock_mono() + pause;
	}
	result = source->ready ? 0 : why_set(why, "%s", source->why.text);
	lock_drop(&source->lock);
	return result;
}

/* A row that cannot be read is as good as absent: it is one domain's, and keysource_load() tells
 * it. */
static int source_find(void *arg, const char *domain, struct arena *arena,
		       struct signing_key *const **keys, struct why *why)
{
	struct source *source = arg;
	struct arena *scratch = arena_new(0);
	struct signing_key **found = NULL;
	struct keyrow *rows = NULL;
	int count, good = 0;

	lock_take(&source->lock);
	count = open_copy(source, why) == 0
		    ? keycopy_find(source->copy, domain, scratch, &rows, why)
		    : -1;
	lock_drop(&source->lock);
	if (count > 0)
		found = arena_array(arena, (size_t)count, sizeof *found);
	for (int i = 0; i < count; i++) {
		struct signing_key *key = keysource_key(arena, &rows[i], NULL);

		if (key != NULL)
			found[good++] = key;
	}
	*keys = found;
	arena_free(scratch);
	return count < 0 ? -1 : good;
}

static int source_note_seen(void *arg, const struct signing_key *key, struct why *why)
{
	struct source *source = arg;
	int result;

	lock_take(&source->lock);
	result = open_copy(source, why) == 0
		     ? keycopy_note_seen(source->copy, signing_key_domain(key),
					 signing_key_selector(key), signing_key_record(key),
					 clock_wall(), why)
		     : -1;
	lock_drop(&source->lock);
	return result;
}

static void source_release(void *arg)
{
	struct source *source = arg;

	keycopy_close(source->copy);
	lock_done(&source->lock);
	free(source->ledger);
	free(source);
}

static const char *ledger_of(const struct conf *conf, struct why *why)
{
	if (conf->store.url[0] != '\0')
		return url_sqlite_path(conf->store.url, why);
	why_set(why, "store.keys: the copy of the keys is kept beside the ledger: set store.url");
	return NULL;
}

int keysource_attach(struct keyring *keyring, const struct conf *conf, bool read_only,
		     struct why *why)
{
	const char *ledger = ledger_of(conf, why);
	struct source *source;

	if (ledger == NULL)
		return -1;
	source = heap_zero(sizeof *source);
	source->ledger = heap_strdup(ledger);
	lock_init(&source->lock);
	source->read_only = read_only;
	keyring_set_source(keyring, &(struct key_source){.find = source_find,
							 .ready = source_ready,
							 .note_seen = source_note_seen,
							 .release = source_release,
							 .arg = source});
	return 0;
}

/* ---- all of them ---- */

struct keyring *keysource_empty(void)
{
	return keyring_finish(keyring_begin());
}

int keysource_add(void *arg, const struct keyrow *row, struct why *why)
{
	struct keyring_making *making = arg;
	struct signing_key *key;
	struct why fault;

	(void)why;
	key = keysource_key(keyring_making_arena(making), row, &fault);
	if (key != NULL)
		keyring_add(making, key);
	else
		keyring_add_fault(making, row->domain, row->selector, fault.text);
	return 0;
}

struct keyring *keysource_load(const struct conf *conf, struct why *why)
{
	const char *ledger = ledger_of(conf, why);
	struct keyring_making *making = keyring_begin();
	struct keycopy *copy = ledger == NULL ? NULL : keycopy_open(ledger, true, why);
	int result = copy == NULL ? -1 : keycopy_each(copy, keysource_add, making, why);
	struct keyring *keyring = keyring_finish(making);

	keycopy_close(copy);
	if (result == 0)
		return keyring;
	keyring_free(keyring);
	return NULL;
}

struct visiting {
	keyring_visit *visit;
	void *arg;
	unsigned left;
};

static int visit_row(void *arg, const struct keyrow *row, struct why *why)
{
	struct visiting *visiting = arg;
	struct arena *arena = arena_new(0);
	struct signing_key *key = keysource_key(arena, row, why);

	if (key != NULL)
		visiting->visit(visiting->arg, key, NULL);
	arena_free(arena);
	return --visiting->left == 0;
}

void keysource_visit(const struct conf *conf, unsigned max, keyring_visit *visit, void *arg)
{
	struct visiting visiting = {visit, arg, max};
	const char *ledger = ledger_of(conf, NULL);
	struct keycopy *copy = ledger == NULL ? NULL : keycopy_open(ledger, true, NULL);

	assert(max > 0);
	if (copy != NULL)
		(void)keycopy_each(copy, visit_row, &visiting, NULL);
	keycopy_close(copy);
}

struct keyring *keysource_all(const struct conf *conf, struct why *why)
{
	return conf->store.keys ? keysource_load(conf, why)
				: keyring_load(conf->sign.keys, context_key_access(conf), why);
}
