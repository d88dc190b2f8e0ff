/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the commands change signing keys: the directory of key files, or, with store.keys, the
 * shared store, where each is sealed on its way. A host's daemon has the change a moment later.
 */
#ifndef CONTEXT_KEYSTORE_H
#define CONTEXT_KEYSTORE_H

#include "conf/conf.h"
#include "keys/keyring.h"

struct keystore;

/* A directory of key files. */
struct keystore *keystore_open_files(const char *path, enum keyring_access access);

/* The shared store of the settings. NULL with a reason. */
struct keystore *keystore_open_shared(const struct conf *conf, struct why *why);
void keystore_close(struct keystore *store); /* NULL is OK */

bool keystore_is_shared(const struct keystore *store);
const char *keystore_name(const struct keystore *store); /* the directory, or "the shared store" */

/* All keys; DOMAIN: of the shared store only those of this domain, or NULL. Of the shared store
 * without private halves. NULL with a reason. */
struct keyring *keystore_load(struct keystore *store, const char *domain, struct why *why);

/* What key a message about SELECTOR of DOMAIN names: the path of its file, or where it is. */
const char *keystore_path(const struct keystore *store, const char *domain, const char *selector,
			  struct arena *arena);

/* One key; 0 with *KEY, which is NULL when there is none of that name. -1 with a reason. */
int keystore_find(struct keystore *store, const char *domain, const char *selector,
		  struct arena *arena, const struct signing_key **key, struct why *why);

/* Puts a key there that keyring_check_pem() accepts. Only a revoked key of the shared store is
 * replaced. */
int keystore_import(struct keystore *store, const char *domain, const char *selector,
		    struct span pem, struct keystatus status, struct why *why);

/* With a new key; BITS 0: ed25519. */
int keystore_generate(struct keystore *store, const char *domain, const char *selector,
		      unsigned bits, struct keystatus status, struct why *why);

int keystore_set_status(struct keystore *store, const char *domain, const char *selector,
			struct keystatus status, struct why *why);

/* From here to the end keys of the shared store are imported together: some hundred at once, the
 * last by keystore_end(). */
void keystore_begin(struct keystore *store);
int keystore_end(struct keystore *store, struct why *why);

/* How many of them are there since keystore_begin(). */
unsigned keystore_stored(const struct keystore *store);

#endif
