/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/keystore.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "context/context.h"
#include "context/keysource.h"
#include "keys/sealing.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "lib/heap.h"
#include "store/keys/vault.h"
#include "store/sql/shared.h"

enum { BATCH = 500 };

struct keystore {
	struct arena *arena;
	const char *path; /* of the files; of the shared store: where .sealing-key is */
	enum keyring_access access;
	struct sql *sql; /* NULL: files */
	struct sealing *sealing;
	bool batched;
	struct arena *batch; /* of ROWS */
	struct keyrow rows[BATCH];
	unsigned count;
	unsigned stored;                   /* since keystore_begin() */
	uint8_t checked[CRYPT_DIGEST_LEN]; /* of the PEM that was checked last */
};

static struct keystore *new_store(const char *path, enum keyring_access access)
{
	struct keystore *store = heap_zero(sizeof *store);

	store->arena = arena_new(0);
	store->batch = arena_new(0);
	store->path = arena_string(store->arena, path);
	store->access = access;
	return store;
}

struct keystore *keystore_open_files(const char *path, enum keyring_access access)
{
	return new_store(path, access);
}

struct keystore *keystore_open_shared(const struct conf *conf, struct why *why)
{
	struct keystore *store = new_store(conf->sign.keys, context_key_access(conf));

	store->sql = shared_open(conf->store.shared, SHARED_MIGRATE, false, why);
	if (store->sql != NULL)
		return store;
	keystore_close(store);
	return NULL;
}

void keystore_close(struct keystore *store)
{
	if (store == NULL)
		return;
	assert(store->count == 0);
	sql_close(store->sql);
	sealing_free(store->sealing);
	arena_free(store->batch);
	arena_free(store->arena);
	free(store);
}

bool keystore_is_shared(const struct keystore *store)
{
	return store->sql != NULL;
}

const char *keystore_name(const struct keystore *store)
{
	return store->sql != NULL ? "the shared store" : store->path;
}

const char *keystore_path(const struct keystore *store, const char *domain, const char *selector,
			  struct arena *arena)
{
	if (store->sql != NULL)
		return arena_printf(arena, "the shared store's key %s of %s", selector, domain);
	return arena_printf(arena, "%s/%s/%s.key", store->path, domain, selector);
}

/* ---- reading ---- */

struct keyring *keystore_load(struct keystore *store, const char *domain, struct why *why)
{
	struct keyring_making *making;
	struct keyring *keyring;
	int result;

	if (store->sql == NULL)
		return keyring_load(store->path, store->access, why);
	making = keyring_begin();
	result = vault_each(store->sql, domain, false, keysource_add, making, why);
	keyring = keyring_finish(making);
	if (result == 0)
		return keyring;
	keyring_free(keyring);
	return NULL;
}

struct finding {
	const char *selector;
	struct arena *arena;
	const struct signing_key *key;
};

static int match_row(void *arg, const struct keyrow *row, struct why *why)
{
	struct finding *finding = arg;

	if (!span_ieq(span_of(row->selector), finding->selector))
		return 0;
	finding->key = keysource_key(finding->arena, row, why);
	return finding->key == NULL ? -1 : 1;
}

static int find_file(const struct keystore *store, const char *domain, const char *selector,
		     struct arena *arena, const struct signing_key **key, struct why *why)
{
	if (access(keystore_path(store, domain, selector, arena), F_OK) != 0 && errno == ENOENT)
		return 0;
	*key = keyring_load_one(store->path, domain, selector, store->access, arena, why);
	return *key == NULL ? -1 : 0;
}

int keystore_find(struct keystore *store, const char *domain, const char *selector,
		  struct arena *arena, const struct signing_key **key, struct why *why)
{
	struct finding finding = {.selector = selector, .arena = arena};
	int result;

	*key = NULL;
	if (store->sql == NULL)
		return find_file(store, domain, selector, arena, key, why);
	result = vault_each(store->sql, domain, false, match_row, &finding, why);
	*key = finding.key;
	return result < 0 ? -1 : 0;
}

/* ---- changes ---- */

static int put_batch(struct keystore *store, struct why *why)
{
	int result = vault_put(store->sql, store->rows, store->count, why);

	store->stored += result == 0 ? store->count : 0;
	store->count = 0;
	arena_reset(store->batch);
	return result;
}

void keystore_begin(struct keystore *store)
{
	store->batched = true;
	store->stored = 0;
}

int keystore_end(struct keystore *store, struct why *why)
{
	store->batched = false;
	return store->count == 0 ? 0 : put_batch(store, why);
}

unsigned keystore_stored(const struct keystore *store)
{
	return store->stored;
}

/* The copy of the key that the daemons will have must be one that they can use. */
static int put_sealed(struct keystore *store, const char *domain, const char *selector,
		      struct span pem, struct keystatus status, struct why *why)
{
	struct arena *arena = arena_new(0);
	const struct signing_key *key = signing_key_make(arena, domain, selector, pem, why);
	struct keyrow *row = &store->rows[store->count];
	struct buf sealed;
	int result = -1;

	if (store->sealing == NULL)
		store->sealing = sealing_load(store->path, store->access, why);
	buf_init(&sealed, store->batch, 0);
	if (key != NULL && store->sealing != NULL)
		result = sealing_seal(store->sealing, domain, selector, pem, &sealed, why);
	if (result == 0) {
		*row = (struct keyrow){
		    .domain = arena_string(store->batch, domain),
		    .selector = arena_string(store->batch, selector),
		    .type = signing_key_type(key) == CRYPT_RSA ? "rsa" : "ed25519",
		    .bits = signing_key_bits(key),
		    .record = arena_string(store->batch, signing_key_record(key)),
		    .state = keystate_text(status.state),
		    .since = status.since,
		    .created = clock_wall(),
		    .sealed = sealed.data,
		    .sealed_len = sealed.len,
		};
		store->count++;
	}
	arena_free(arena);
	return result == 0 && (!store->batched || store->count == BATCH) ? put_batch(store, why)
									 : result;
}

/* Once for a key that many domains have: it takes some 40 ms. */
static int check_pem(struct keystore *store, const char *domain, const char *selector,
		     struct span pem, struct why *why)
{
	uint8_t digest[CRYPT_DIGEST_LEN];

	crypt_sha256(pem.p, span_len(pem), digest);
	if (memcmp(digest, store->checked, sizeof digest) == 0)
		return keyring_check_names(domain, selector, why);
	if (keyring_check_pem(domain, selector, pem, why) != 0)
		return -1;
	memcpy(store->checked, digest, sizeof digest);
	return 0;
}

int keystore_import(struct keystore *store, const char *domain, const char *selector,
		    struct span pem, struct keystatus status, struct why *why)
{
	if (check_pem(store, domain, selector, pem, why) != 0)
		return -1;
	if (store->sql == NULL)
		return keyring_import(store->path, domain, selector, pem, status, why);
	return put_sealed(store, domain, selector, pem, status, why);
}

int keystore_generate(struct keystore *store, const char *domain, const char *selector,
		      unsigned bits, struct keystatus status, struct why *why)
{
	struct buf pem;
	int result;

	if (store->sql == NULL)
		return keyring_generate(store->path, domain, selector, bits, status, why);
	if (keyring_check_names(domain, selector, why) != 0)
		return -1;
	buf_init(&pem, NULL, 0);
	result = keyring_make_pem(bits, &pem, why);
	if (result == 0)
		result = put_sealed(store, domain, selector, buf_view(&pem), status, why);
	if (pem.data != NULL)
		crypt_wipe(pem.data, pem.len);
	buf_free(&pem);
	return result;
}

int keystore_set_status(struct keystore *store, const char *domain, const char *selector,
			struct keystatus status, struct why *why)
{
	int result;

	if (store->sql == NULL)
		return keyring_set_status(store->path, domain, selector, store->access, status,
					  why);
	result = vault_set_state(store->sql, domain, selector, keystate_text(status.state),
				 status.since, why);
	return result == 1 ? why_set(why, "the shared store has no key %s of %s", selector, domain)
			   : result;
}
