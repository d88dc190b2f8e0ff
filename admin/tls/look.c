/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's own policies are looked at, but not changed: what is fetched here is not kept.
 */
#include "admin/tls/look.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "context/context.h"
#include "context/tls.h"
#include "lib/clock.h"
#include "lib/net/transfer.h"
#include "milter/protocol/client.h"
#include "tls/fetch.h"

static const int64_t fetch_timeout = 30 * CLOCK_SECOND;
enum { ASK_TIMEOUT_MS = 10000 };

/* ---- the ledger ---- */

/* Only to read: it is the daemon that makes one. */
static struct sql *open_ledger(const struct conf *conf, struct why *why)
{
	struct ledger_settings settings;

	return context_store(conf, true, &settings, why) == 0 ? sqlite_sql(&settings, why) : NULL;
}

int tls_each_stored(struct admin *admin, policies_visit *visit, void *arg)
{
	const struct conf *conf = admin_conf(admin);
	struct why why = {""};
	struct sql *sql;
	int result;

	if (conf == NULL)
		return ADMIN_CONFIG;
	sql = open_ledger(conf, &why);
	result = sql == NULL ? -1 : policies_each(sql, NULL, visit, arg, &why);
	sql_close(sql);
	if (result < 0)
		admin_error(admin, "%s", why.text);
	return result < 0 ? ADMIN_UNAVAILABLE : ADMIN_DONE;
}

struct finding {
	struct arena *arena;
	struct policies_row *row;
};

static int copy_row(void *arg, const struct policies_row *row)
{
	const struct finding *finding = arg;

	*finding->row = *row;
	finding->row->domain = arena_string(finding->arena, row->domain);
	finding->row->id = arena_string(finding->arena, row->id);
	finding->row->text = arena_string(finding->arena, row->text);
	return 1;
}

bool tls_find_stored(struct admin *admin, const char *domain, struct policies_row *row)
{
	struct finding finding = {admin->arena, row};
	struct why why = {""};
	struct sql *sql = open_ledger(admin_conf(admin), &why);
	int found = sql == NULL ? -1 : policies_each(sql, domain, copy_row, &finding, &why);

	sql_close(sql);
	if (found < 0)
		admin_verbose(admin, "no policies are read from the ledger: %s", why.text);
	return found == 1;
}

struct looking {
	struct admin *admin;
	const struct conf *conf;
	struct dns *dns;
	struct dns_scope *scope;
	struct tls_look *look;
};

static void read_stored(struct looking *looking, const char *domain)
{
	struct sts_held *held = &looking->look->level.held;
	struct arena *arena = looking->admin->arena;
	struct policies_row row;
	struct why why;

	if (!tls_find_stored(looking->admin, domain, &row) || row.expires <= clock_wall())
		return;
	held->text = row.text;
	held->id = row.id;
	held->fetched = row.fetched;
	held->expires = row.expires;
	held->present = sts_policy_parse(arena, span_of(held->text), &held->policy, &why) == 0;
	looking->look->stored = held->present;
}

/* ---- the web server ---- */

static void fetch_now(struct looking *looking, const char *domain, const char *id,
		      struct sts_held *held)
{
	struct arena *arena = looking->admin->arena;
	struct ip addresses[FETCH_ADDRESSES_MAX];
	struct fetch_request request = {.domain = domain,
					.addresses = addresses,
					.ca_file = context_ca_file(looking->conf),
					.timeout = fetch_timeout};
	const char *text;
	struct why why = {""};

	request.count =
	    dial_find(looking->scope, arena_printf(arena, "mta-sts.%s", domain), addresses);
	if (fetch_policy(&request, arena, &text, &why) != FETCH_DONE) {
		looking->look->fetch_fault = arena_string(arena, why.text);
		return;
	}
	*held = (struct sts_held){.present = true, .text = text, .id = id, .fetched = clock_wall()};
	(void)sts_policy_parse(arena, span_of(text), &held->policy, &why);
	held->expires = held->fetched + held->policy.max_age;
	looking->look->fetched = true;
	looking->look->stored = false;
}

/* An sts_source. */
static void find_policy(void *arg, struct arena *arena, const char *domain,
			const struct sts_discovery *discovery, struct sts_held *held)
{
	struct looking *looking = arg;
	struct tls_look *look = looking->look;

	read_stored(looking, domain);
	if (discovery->state != STS_ANNOUNCED ||
	    (held->present && strcmp(held->id, discovery->id) == 0))
		return;
	fetch_now(looking, domain, discovery->id, held);
	if (look->fetch_fault != NULL)
		held->reason = arena_printf(arena, "no MTA-STS policy from mta-sts.%s: %s", domain,
					    look->fetch_fault);
}

/* ---- the daemon ---- */

static int read_answer(int fd, struct buf *answer, struct why *why)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char bytes[4096];

	for (;;) {
		struct span text = buf_view(answer), length;
		bool more = true;
		uint64_t number;
		ssize_t got;

		if (span_split(&text, &more, ':', &length) && more &&
		    span_number(length, ANSWER_MAX, &number) && span_len(text) == number + 1) {
			buf_clear(answer);
			memmove(answer->data, text.p, number);
			answer->len = number;
			return 0;
		}
		if (poll(&poll_fd, 1, ASK_TIMEOUT_MS) <= 0)
			return why_set(why, "no answer");
		got = recv(fd, bytes, sizeof bytes, 0);
		if (got <= 0 || answer->len + (size_t)got > ANSWER_MAX + 16)
			return why_set(why, "the connection was closed without an answer");
		buf_add(answer, bytes, (size_t)got);
	}
}

int tls_ask(struct arena *arena, const char *address, const char *map, const char *key,
	    const char **answer, struct why *why)
{
	struct milter_client client;
	struct buf request, reply;
	int result;

	if (milter_client_open(&client, address, why) == -1)
		return -1;
	buf_init(&request, arena, 0);
	socketmap_write(&request, span_of(arena_printf(arena, "%s %s", map, key)));
	buf_init(&reply, arena, 0);
	if (send(client.fd, request.data, request.len, MSG_NOSIGNAL) != (ssize_t)request.len)
		result = why_set(why, "the connection was closed");
	else
		result = read_answer(client.fd, &reply, why);
	milter_client_close(&client);
	*answer = result == 0 ? buf_text(&reply) : NULL;
	return result;
}

static void ask_daemon(const struct looking *looking, const char *domain)
{
	struct tls_look *look = looking->look;
	struct why why = {""};

	if (looking->conf->tls.listen.count == 0)
		return;
	if (tls_ask(looking->admin->arena, looking->conf->tls.listen.items[0], "policy", domain,
		    &look->daemon, &why) == -1)
		look->daemon_fault = arena_string(looking->admin->arena, why.text);
}

/* ---- all of it ---- */

static void write_answers(struct arena *arena, struct tls_look *look)
{
	for (unsigned map = 0; map < ANSWER_MAPS; map++) {
		struct buf answer;

		buf_init(&answer, arena, ANSWER_MAX);
		answer_write(&answer, &look->level, (enum answer_map)map);
		look->answers[map] = buf_text(&answer);
	}
}

int tls_look(struct admin *admin, const char *domain, struct tls_look *look)
{
	struct looking looking = {.admin = admin, .conf = admin_conf(admin), .look = look};
	struct dns_settings dns;
	struct level_settings settings;
	struct why why = {""};

	memset(look, 0, sizeof *look);
	if (looking.conf == NULL)
		return ADMIN_CONFIG;
	dns = context_dns(looking.conf);
	settings = context_level(looking.conf, admin->arena);
	if (transfer_init(&why) == 0)
		looking.dns = dns_new_unbound(&dns, &why);
	if (looking.dns == NULL) {
		admin_error(admin, "%s", why.text);
		return ADMIN_CONFIG;
	}
	if (dns.trust_anchor == NULL)
		admin_warning(admin, "dns.trust_anchor is not set: without DNSSEC, DANE is not "
				     "considered");
	looking.scope = dns_scope_new(looking.dns, LEVEL_LOOKUPS + 2, looking.conf->dns.timeout);
	level_decide(&settings, looking.scope, admin->arena, domain, find_policy, &looking,
		     &look->level);
	write_answers(admin->arena, look);
	ask_daemon(&looking, domain);
	dns_scope_free(looking.scope);
	dns_free(looking.dns);
	return ADMIN_DONE;
}
