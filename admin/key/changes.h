/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes of the states of keys, as one command makes them: each is told, as one line or as one
 * member of the JSON, and the daemon in the end.
 */
#ifndef ADMIN_KEY_CHANGES_H
#define ADMIN_KEY_CHANGES_H

#include "admin/key/command.h"

struct changes {
	const struct keycmd *cmd;
	struct jsonout *out; /* or NULL */
	unsigned count;
};

void changes_begin(struct changes *changes, const struct keycmd *cmd, const char *schema);

/* 0, or the exit code after the reason was printed. */
int changes_set(struct changes *changes, const struct signing_key *key, enum keystate state);
void changes_end(struct changes *changes);

/* How many keys of that domain sign, KEY not counted; with SAME_TYPE those of its algorithm. */
unsigned changes_others(const struct keycmd_keys *keys, const struct signing_key *key,
			bool same_type);

#endif
