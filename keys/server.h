/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key process's end of the workers' links and lanes: answers requests (keys/wire.h) with a
 * keyring that has the private halves. Each link has as many threads as there are cores.
 */
#ifndef KEYS_SERVER_H
#define KEYS_SERVER_H

#include "keys/keyring.h"
#include "keys/sealing.h"
#include "keys/wire.h"
#include "lib/why.h"

struct keyserver;

struct keyserver_rules {
	bool dkim;          /* keys sign DKIM-Signature fields */
	const char *seal;   /* the domains whose keys sign ARC sets, a blank after each */
	unsigned max_rate;  /* signatures of one key in a second; 0: no limit */
	void (*idle)(void); /* the last link has ended; from a thread of the server */
	const struct sealing *sealing; /* opens keys that workers bring; NULL: none are taken */
	unsigned held;                 /* how many of those are kept */
};

/* KEYRING and RULES are borrowed for ever. Once for a process: it never ends. */
struct keyserver *keyserver_new(const struct keyring *keyring, const struct keyserver_rules *rules);

/* Serves FD, a link, which it takes, and its lanes, until the other side closes them. */
int keyserver_serve(struct keyserver *server, int fd, struct why *why);

unsigned keyserver_links(const struct keyserver *server);

/* How many requests for a signature ended so, since the last call. */
unsigned keyserver_count(struct keyserver *server, enum keywire_outcome outcome);

/* A key that was refused for its rate since the last call, named in LINE; false: none. */
bool keyserver_find_limited(struct keyserver *server, char *line, size_t size);

#endif
