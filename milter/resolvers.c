/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A resolver is not changed: where servers or trust anchor are to be others, another one takes its
 * place, with an empty cache. Messages end with the one they began with; it is freed when its last
 * question has been answered, by a thread that handles no message, since that can take a while.
 */
#include "milter/resolvers.h"

#include <stdlib.h>
#include <string.h>

#include "context/context.h"
#include "dns/forward.h"
#include "lib/heap.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "metrics/count.h"
#include "metrics/counters.h"

struct resolver {
	struct resolver *next;
	struct dns *dns;
	char *anchor; /* the file; "": none */
	int64_t cache_entries;
	enum conf_caps caps;
};

struct resolvers {
	const struct engine *engine;
	struct buf seen; /* the other servers that resolv.conf had at the last look; heap */

	struct lock lock; /* for the rest */
	struct resolver *now;
	struct resolver *old;  /* still in use */
	struct dns_stats past; /* of those that are freed */
};

static void free_resolver(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	dns_free(resolver->dns);
	free(resolver->anchor);
	free(resolver);
}

static struct resolver *make_resolver(const struct engine *engine, const struct conf *conf,
				      struct why *why)
{
	struct dns_settings settings = context_dns(conf);
	struct resolver *resolver = heap_zero(sizeof *resolver);

	settings.on_wait = engine->waits_for_dns;
	settings.on_answer = count_query;
	resolver->dns = dns_new_unbound(&settings, why);
	resolver->anchor = heap_strdup(conf->dns.trust_anchor);
	resolver->cache_entries = conf->dns.cache_entries;
	resolver->caps = conf->dns.caps;
	if (resolver->dns != NULL)
		return resolver;
	free_resolver(resolver);
	return NULL;
}

struct resolvers *resolvers_new(const struct conf *conf, const struct engine *engine,
				struct why *why)
{
	struct resolver *first = make_resolver(engine, conf, why);
	struct resolvers *resolvers;

	if (first == NULL)
		return NULL;
	resolvers = heap_zero(sizeof *resolvers);
	lock_init(&resolvers->lock);
	buf_init(&resolvers->seen, NULL, 0);
	resolvers->engine = engine;
	resolvers->now = first;
	return resolvers;
}

void resolvers_free(struct resolvers *resolvers)
{
	if (resolvers == NULL)
		return;
	for (struct resolver *old = resolvers->old, *next; old != NULL; old = next) {
		next = old->next;
		free_resolver(old);
	}
	free_resolver(resolvers->now);
	buf_free(&resolvers->seen);
	lock_done(&resolvers->lock);
	free(resolvers);
}

struct dns *resolvers_take(struct resolvers *resolvers)
{
	struct dns *dns;

	lock_take(&resolvers->lock);
	dns = dns_take(resolvers->now->dns);
	lock_drop(&resolvers->lock);
	return dns;
}

/* ---- another one ---- */

static bool is_same_way(struct resolvers *resolvers, const struct conf *conf, struct span servers)
{
	bool same;

	lock_take(&resolvers->lock);
	same = span_eq(servers, dns_servers(resolvers->now->dns)) &&
	       strcmp(resolvers->now->anchor, conf->dns.trust_anchor) == 0 &&
	       resolvers->now->cache_entries == conf->dns.cache_entries &&
	       resolvers->now->caps == conf->dns.caps;
	lock_drop(&resolvers->lock);
	return same;
}

int resolvers_prepare(struct resolvers *resolvers, const struct conf *conf, struct resolver **next,
		      struct why *why)
{
	struct dns_settings settings = context_dns(conf);
	struct forward_servers servers = {0};
	int result = forward_servers(&servers, &settings, why);

	*next = NULL;
	if (result == 0 && !is_same_way(resolvers, conf, buf_view(&servers.text))) {
		*next = make_resolver(resolvers->engine, conf, why);
		result = *next == NULL ? -1 : 0;
	}
	buf_free(&servers.text);
	return result;
}

void resolvers_commit(struct resolvers *resolvers, struct resolver *next)
{
	const char *servers;

	if (next == NULL)
		return;
	servers = dns_servers(next->dns);
	if (counters_tell_first(COUNTERS_RESOLVER, servers))
		log_info("DNS: %s is asked from now on", servers);
	lock_take(&resolvers->lock);
	resolvers->now->next = resolvers->old;
	resolvers->old = resolvers->now;
	resolvers->now = next;
	lock_drop(&resolvers->lock);
}

void resolvers_forget(struct resolver *next)
{
	free_resolver(next);
}

bool resolvers_moved(struct resolvers *resolvers, const struct conf *conf)
{
	struct dns_settings settings = context_dns(conf);
	struct forward_servers servers = {0};
	struct buf *seen = &resolvers->seen;
	bool differs, twice;

	if (conf->dns.servers.count > 0)
		return false;
	differs = forward_servers(&servers, &settings, NULL) == 0 &&
		  !is_same_way(resolvers, conf, buf_view(&servers.text));
	twice = differs && span_eq(buf_view(seen), buf_text(&servers.text));
	buf_clear(seen);
	if (differs)
		buf_span(seen, buf_view(&servers.text));
	buf_free(&servers.text);
	return twice;
}

/* ---- what is left of those before ---- */

static void add_stats(struct dns_stats *sum, struct dns *dns)
{
	struct dns_stats stats;

	dns_stats(dns, &stats);
	sum->lookups += stats.lookups;
	sum->hits += stats.hits;
	sum->shared += stats.shared;
	sum->queries += stats.queries;
	sum->failures += stats.failures;
}

void resolvers_tidy(struct resolvers *resolvers)
{
	struct resolver **link = &resolvers->old, *idle = NULL, *next;

	lock_take(&resolvers->lock);
	while ((next = *link) != NULL) {
		if (!dns_is_idle(next->dns)) {
			link = &next->next;
			continue;
		}
		*link = next->next;
		add_stats(&resolvers->past, next->dns);
		next->next = idle;
		idle = next;
	}
	lock_drop(&resolvers->lock);
	for (; idle != NULL; idle = next) {
		next = idle->next;
		free_resolver(idle);
	}
}

void resolvers_stats(struct resolvers *resolvers, struct dns_stats *stats)
{
	struct dns_stats now;

	lock_take(&resolvers->lock);
	dns_stats(resolvers->now->dns, &now);
	*stats = resolvers->past;
	add_stats(stats, resolvers->now->dns);
	for (struct resolver *old = resolvers->old; old != NULL; old = old->next)
		add_stats(stats, old->dns);
	stats->entries = now.entries;
	lock_drop(&resolvers->lock);
}
