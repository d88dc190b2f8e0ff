/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This host's copy of the signing keys in the shared store (store.keys), as keyrings.
 */
#ifndef CONTEXT_KEYSOURCE_H
#define CONTEXT_KEYSOURCE_H

#include "conf/conf.h"
#include "keys/source.h"
#include "store/keys/row.h"

/* KEYRING looks up what it does not hold in the copy, which may be absent as yet. READ_ONLY: what
 * the DNS shows cannot be noted. -1 with a reason: the settings name no ledger. */
int keysource_attach(struct keyring *keyring, const struct conf *conf, bool read_only,
		     struct why *why);

/* A keyring with no keys. */
struct keyring *keysource_empty(void);

/* All keys of the copy, without private halves; a key that cannot be read is a fault. NULL with a
 * reason. */
struct keyring *keysource_load(const struct conf *conf, struct why *why);

/* The first MAX keys of the copy, for VISIT; a copy that cannot be read has none. */
void keysource_visit(const struct conf *conf, unsigned max, keyring_visit *visit, void *arg);

/* What the settings sign with, without private halves, for a command: the files, or the copy. */
struct keyring *keysource_all(const struct conf *conf, struct why *why);

/* Adds the key of ROW, or the fault that it is, to ARG, a struct keyring_making. */
int keysource_add(void *arg, const struct keyrow *row, struct why *why);

/* The key that ROW describes, in ARENA. NULL with a reason. */
struct signing_key *keysource_key(struct arena *arena, const struct keyrow *row, struct why *why);

#endif
