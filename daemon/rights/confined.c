/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/rights/confined.h"

#include <libgen.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/heap.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/url.h"

enum { DNS_PORT = 53, ENTERED = 1 << 30, SOCKETS = CONFINE_MAY_LOG | CONFINE_MAY_INTERNET };

static const struct name_code kind_names[] = {
    {"supervisor", CONFINED_SUPERVISOR},
    {"worker", CONFINED_WORKER},
    {"launcher", CONFINED_LAUNCHER},
    {"key-process", CONFINED_KEYS},
    {"shipper", CONFINED_SHIPPER},
    {"report-sender", CONFINED_REPORTS},
    {"exporter", CONFINED_EXPORTER},
    {"report-intake", CONFINED_INTAKE},
    {"policy-service", CONFINED_POLICY},
    {"policy-fetcher", CONFINED_FETCHER},
    {"second-opinion", CONFINED_OPINION},
    {"bimi-fetcher", CONFINED_BIMI},
    {"session-counter", CONFINED_COUNTER},
    {"report-receiver", CONFINED_RECEIVER},
    {"page-server", CONFINED_PAGES},
    {"key-copier", CONFINED_COPIER},
    {NULL, 0},
};

/* The ledger's directory, and what else a kind writes. */
static const struct {
	unsigned may;
	bool ledger, spool, temporary; /* files it writes */
} kinds[CONFINED_KINDS] = {
    [CONFINED_SUPERVISOR] = {.may = SOCKETS | CONFINE_MAY_SHARE | CONFINE_MAY_READ |
				    CONFINE_MAY_WRITE | CONFINE_MAY_CALL | CONFINE_MAY_LISTEN |
				    CONFINE_MAY_FORK},
    [CONFINED_WORKER] = {.may = SOCKETS | CONFINE_MAY_SHARE | CONFINE_MAY_READ, .ledger = true},
    [CONFINED_LAUNCHER] = {.may = CONFINE_MAY_SHARE | CONFINE_MAY_READ | CONFINE_MAY_FORK},
    [CONFINED_KEYS] = {.may = CONFINE_MAY_SHARE},
    [CONFINED_SHIPPER] = {.may = SOCKETS | CONFINE_MAY_SHARE | CONFINE_MAY_READ | CONFINE_MAY_CALL,
			  .ledger = true},
    [CONFINED_COPIER] = {.may = SOCKETS | CONFINE_MAY_SHARE | CONFINE_MAY_READ | CONFINE_MAY_CALL,
			 .ledger = true},
    [CONFINED_REPORTS] = {.may = SOCKETS | CONFINE_MAY_SHARE | CONFINE_MAY_READ | CONFINE_MAY_CALL |
				 CONFINE_MAY_FORK,
			  .ledger = true,
			  .temporary = true},
    [CONFINED_INTAKE] = {.may = CONFINE_MAY_SHARE | CONFINE_MAY_READ | CONFINE_MAY_LOG |
				CONFINE_MAY_FORK,
			 .ledger = true,
			 .temporary = true},
    [CONFINED_POLICY] = {.may = SOCKETS | CONFINE_MAY_SHARE | CONFINE_MAY_READ, .ledger = true},
    [CONFINED_FETCHER] = {.may = SOCKETS | CONFINE_MAY_SHARE | CONFINE_MAY_READ},
    [CONFINED_BIMI] = {.may = SOCKETS | CONFINE_MAY_SHARE | CONFINE_MAY_READ | CONFINE_MAY_FORK,
		       .ledger = true},
    [CONFINED_OPINION] = {.may = CONFINE_MAY_SHARE},
    [CONFINED_COUNTER] = {.may = CONFINE_MAY_SHARE | CONFINE_MAY_READ | CONFINE_MAY_LOG,
			  .ledger = true},
    [CONFINED_RECEIVER] = {.may = CONFINE_MAY_SHARE | CONFINE_MAY_READ | CONFINE_MAY_LOG,
			   .spool = true},
    [CONFINED_PAGES] = {.may = SOCKETS | CONFINE_MAY_SHARE | CONFINE_MAY_READ, .ledger = true},
    [CONFINED_EXPORTER] = {.may = CONFINE_MAY_SHARE | CONFINE_MAY_LOG},
};

struct kind_state {
	atomic_uint limits; /* and ENTERED */
	atomic_bool said;
};

static struct kind_state own[CONFINED_KINDS], *states = own;

void confined_open(void)
{
	void *memory =
	    mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory != MAP_FAILED)
		states = memory;
}

/* ---- rules ---- */

/* Also for SQLite's temporary files. */
static void add_ledger(struct confine_rules *rules, const struct conf *conf, char **path)
{
	const char *file, *directory;
	struct why why;

	file = conf->store.url[0] == '\0' ? NULL : url_sqlite_path(conf->store.url, &why);
	if (file == NULL)
		return;
	*path = heap_strdup(file);
	directory = dirname(*path);
	setenv("SQLITE_TMPDIR", directory, 1);
	rules->may |= CONFINE_MAY_WRITE;
	rules->writable[rules->writable_count++] = directory;
}

/* Of received reports (report/spool.h). */
static void add_spool(struct confine_rules *rules, const struct conf *conf, char **path)
{
	struct why why;
	const char *file = url_sqlite_path(conf->store.url, &why);
	struct buf text;

	if (file == NULL)
		return;
	buf_init(&text, NULL, 0);
	buf_printf(&text, "%s-inbox", file);
	*path = heap_strdup(buf_text(&text));
	buf_free(&text);
	rules->may |= CONFINE_MAY_WRITE;
	rules->writable[rules->writable_count++] = *path;
}

static void add_port(struct confine_rules *rules, const char *server)
{
	const char *at = strrchr(server, '@');
	uint16_t port = at == NULL ? DNS_PORT : (uint16_t)strtoul(at + 1, NULL, 10);

	for (unsigned i = 0; i < rules->port_count; i++) {
		if (rules->ports[i] == port)
			return;
	}
	if (rules->port_count < CONFINE_PLACES)
		rules->ports[rules->port_count++] = port;
	else
		rules->limit_ports = false;
}

/* TCP is for answers that are too long for UDP. */
static void limit_ports(struct confine_rules *rules, const struct conf *conf)
{
	rules->limit_ports = true;
	add_port(rules, "");
	for (unsigned i = 0; i < conf->dns.servers.count; i++)
		add_port(rules, conf->dns.servers.items[i]);
}

/* second_opinion.keep, where a worker adds files. */
static void add_kept_cases(struct confine_rules *rules, const struct conf *conf)
{
	if (conf->second_opinion.keep[0] == '\0')
		return;
	rules->may |= CONFINE_MAY_WRITE;
	rules->writable[rules->writable_count++] = conf->second_opinion.keep;
}

static void make_worker_rules(struct confine_rules *rules, const struct conf *conf)
{
	if (conf->milter.engine == CONF_MILTER_NATIVE) {
		limit_ports(rules, conf);
		add_kept_cases(rules, conf);
	} else {
		rules->may |= CONFINE_MAY_CALL | CONFINE_MAY_LISTEN | CONFINE_MAY_WRITE;
		rules->writable_count = 0;
	}
}

/* The shared store may be at any port, or at a local socket. */
static void make_page_rules(struct confine_rules *rules, const struct conf *conf)
{
	if (conf->store.shared[0] != '\0')
		rules->may |= CONFINE_MAY_CALL;
	else
		limit_ports(rules, conf);
}

/* PATH: memory for the rules, the caller's to free. */
static struct confine_rules make_rules(enum confined_kind kind, const struct conf *conf,
				       char **path)
{
	struct confine_rules rules = {.may = kinds[kind].may};

	*path = NULL;
	if (kinds[kind].ledger)
		add_ledger(&rules, conf, path);
	if (kinds[kind].spool)
		add_spool(&rules, conf, path);
	if (kinds[kind].temporary) {
		rules.may |= CONFINE_MAY_WRITE;
		rules.writable[rules.writable_count++] = "/tmp"; /* tmpfile() */
	}
	if (kind == CONFINED_WORKER)
		make_worker_rules(&rules, conf);
	if (kind == CONFINED_PAGES)
		make_page_rules(&rules, conf);
	return rules;
}

bool confined_covers(const struct conf *before, const struct conf *after)
{
	struct confine_rules old = {.may = 0}, new = {.may = 0};

	limit_ports(&old, before);
	limit_ports(&new, after);
	if (before->milter.engine != CONF_MILTER_NATIVE)
		return true;
	if (strcmp(before->second_opinion.keep, after->second_opinion.keep) != 0)
		return false;
	if (!old.limit_ports)
		return true;
	for (unsigned i = 0; i < new.port_count; i++) {
		unsigned j = 0;

		while (j < old.port_count && old.ports[j] != new.ports[i])
			j++;
		if (j == old.port_count)
			return false;
	}
	return new.limit_ports;
}

/* ---- entering ---- */

void confined_note(enum confined_kind kind, unsigned limits)
{
	atomic_store(&states[kind].limits, limits | ENTERED);
	if (!confine_is_built() || (limits & CONFINE_CALLS) != 0 ||
	    atomic_exchange(&states[kind].said, true))
		return;
	log_warning("the %s cannot be confined: this system refuses its filter of system calls",
		    name_text(kind_names, (int)kind));
}

unsigned confined_enter(enum confined_kind kind, const struct conf *conf)
{
	char *path;
	struct confine_rules rules = make_rules(kind, conf, &path);
	unsigned limits = confine_process(&rules);

	free(path);
	if (kind != CONFINED_LAUNCHER && kind != CONFINED_KEYS)
		confined_note(kind, limits); /* of those the supervisor does, as they have no log */
	return limits;
}

void confined_write(struct buf *out)
{
	for (unsigned i = 0; i < CONFINED_KINDS; i++) {
		unsigned limits = atomic_load(&states[i].limits);

		if ((limits & ENTERED) == 0)
			continue;
		buf_printf(out, "confined %s ", name_text(kind_names, (int)i));
		confine_text(limits & ~(unsigned)ENTERED, out);
		buf_char(out, '\n');
	}
}
