/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the threads of one worker process share: the resolver, the ledger, the DKIM engine, and the
 * current context (settings and what follows from them), which a reload swaps.
 */
#ifndef MILTER_SERVICE_H
#define MILTER_SERVICE_H

#include "context/context.h"
#include "dns/dns.h"
#include "lib/why.h"
#include "milter/engine.h"
#include "store/ledger.h"

struct service;

/* Everything a worker needs, made after fork. CONF and KEYRING (NULL: CONF uses no keys) are owned
 * by the service from here on, also on failure. ENGINE is told of waits. */
struct service *service_new(struct conf *conf, struct keyring *keyring, const struct engine *engine,
			    struct why *why);

/* A reload in two steps: what can fail, then what cannot. CONF and KEYRING are owned by the service
 * from here on; NULL with the reason. The context is then committed, or forgotten. The ledger keeps
 * what it began with; a change of it is a reason ("a change of store.url needs a restart"). One
 * thread. */
struct context *service_prepare(struct service *service, struct conf *conf, struct keyring *keyring,
				struct why *why);
void service_commit(struct service *service, struct context *context);
void service_forget(struct service *service, struct context *context); /* NULL is OK */

/* Other keys for the settings in use, of which CONF is a copy. Both are owned by the service. */
int service_rekey(struct service *service, struct conf *conf, struct keyring *keyring,
		  struct why *why);

/* Once, before messages come: the entry of listen that this process serves. */
void service_set_address(struct service *service, const char *address);

/* Its role by these settings; auto when they no longer have it. */
enum origin_role service_role(const struct service *service, const struct conf *conf);

struct context *service_context(struct service *service); /* takes a reference */

struct dns *service_dns(struct service *service); /* held: dns_drop() */
void service_dns_stats(struct service *service, struct dns_stats *stats);

/* For a thread that measures: other resolvers take over where resolv.conf names others, and those
 * that were replaced are freed when their last message is over. */
void service_follow_resolvers(struct service *service);

struct ledger *service_ledger(struct service *service); /* NULL: none is kept, or it is missing */

/* Why there is no ledger although the settings want one: it cannot be opened, and mail goes on
 * uncounted (store.on_failure = "accept"). NULL: nothing is missing. */
const char *service_lacks_ledger(struct service *service);

/* A message goes uncounted because of that; and how many did. */
void service_miss_row(struct service *service);
uint64_t service_missed_rows(struct service *service);

/* Tries to open what is missing. One thread. */
void service_seek_ledger(struct service *service);

/* Empties a cache: "dns", "keys" (decoded public keys of senders), "all". */
void service_flush(struct service *service, const char *cache);

/* Messages between MAIL and their answer. */
void service_message_begin(struct service *service);
void service_message_end(struct service *service);
unsigned service_messages(struct service *service);

/* A thread that serves is about to wait for another process. */
void service_waits(struct service *service);

/* What the messages under way hold together, in bytes: BY more (or less). Returns the sum. */
int64_t service_memory(struct service *service, int64_t by);

/* For a thread that measures: gives memory back to the system after a burst. */
void service_trim(struct service *service);

/* Waits, not for ever, until the ledger has committed what is queued. Nothing is freed: the
 * engine's threads may still look at it; the process ends with _exit(). */
void service_close(struct service *service);

#endif
