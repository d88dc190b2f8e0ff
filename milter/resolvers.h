/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The resolver of a worker, and those that it has replaced and that messages still use.
 */
#ifndef MILTER_RESOLVERS_H
#define MILTER_RESOLVERS_H

#include "conf/conf.h"
#include "dns/dns.h"
#include "lib/why.h"
#include "milter/engine.h"

struct resolvers;
struct resolver; /* one that is made, and not used yet */

/* ENGINE is told of waits. */
struct resolvers *resolvers_new(const struct conf *conf, const struct engine *engine,
				struct why *why);
void resolvers_free(struct resolvers *resolvers); /* nobody uses them; NULL is OK */

/* The one in use, held for the caller: dns_drop() when its scopes are open. */
struct dns *resolvers_take(struct resolvers *resolvers);

/* *NEXT: a resolver by these settings; NULL when they ask the same servers in the same way as the
 * one in use. -1: it cannot be made. It is then committed, or forgotten. */
int resolvers_prepare(struct resolvers *resolvers, const struct conf *conf, struct resolver **next,
		      struct why *why);
void resolvers_commit(struct resolvers *resolvers, struct resolver *next); /* NULL: no change */
void resolvers_forget(struct resolver *next);

/* Whether resolv.conf, if CONF uses it, names other servers than those in use, and did so at the
 * look before: a file that is being written is not believed. One thread. */
bool resolvers_moved(struct resolvers *resolvers, const struct conf *conf);

/* Frees those that are no longer used. */
void resolvers_tidy(struct resolvers *resolvers);

/* Of all of them since the start; the entries are those of the one in use. */
void resolvers_stats(struct resolvers *resolvers, struct dns_stats *stats);

#endif
