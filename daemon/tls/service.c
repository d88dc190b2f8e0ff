/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server is replaced at once when it dies, as Postfix waits for it: its clients ask again over
 * a new connection. Only one that dies again and again within a second waits. The two processes
 * share a socket whose ends the supervisor keeps as well, so that each may be replaced alone.
 */
#include "daemon/tls/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "context/context.h"
#include "context/tls.h"
#include "daemon/daemon.h"
#include "daemon/rights/confined.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/log.h"
#include "lib/net/transfer.h"
#include "metrics/counters.h"
#include "tls/keep.h"

enum { QUICK_DEATHS = 5 };
enum { SERVER_END, FETCHER_END }; /* of the socket between both */

static const int64_t patience = SOLVE_PATIENCE + 2 * CLOCK_SECOND; /* with one that is to end */
static const int64_t quick_death = CLOCK_SECOND;
static const int64_t pause_of_quick = CLOCK_SECOND;
static const int64_t pause_of_fetcher = CLOCK_SECOND;

/* ---- in the processes ---- */

static const struct tls_service *own; /* of the last tls_service_start() */
static volatile sig_atomic_t term_came;
static pid_t supervisor_pid;

static void on_term(int signal)
{
	(void)signal;
	term_came = 1;
}

static bool is_wanted(void)
{
	return !term_came && getppid() == supervisor_pid;
}

static void begin_process(pid_t parent)
{
	supervisor_pid = parent;
	helper_take_signals(on_term);
}

static noreturn void run_fetcher(const struct conf *conf, pid_t parent)
{
	struct why why;

	begin_process(parent);
	confined_enter(CONFINED_FETCHER, conf);
	for (unsigned i = 0; i < own->count; i++)
		close(own->listeners[i].fd);
	close(own->fetch[SERVER_END]);
	close(own->keep[KEEP_WRITE]);
	close(own->keep[KEEP_READ]);
	tls_counter_close_files(&own->counter);
	if (transfer_init(&why) != 0) {
		log_error("policies of MTA-STS cannot be fetched: %s", why.text);
		daemon_exit(1);
	}
	fetcher_run(own->fetch[FETCHER_END], context_ca_file(conf), is_wanted);
	daemon_exit(0);
}

static void count_answer(enum level_kind kind)
{
	counters_count(METRIC_TLS_ANSWERS, kind, 0, 0);
}

static void count_miss(void)
{
	counters_count(METRIC_TLS_LOOKUPS, 0, 0, 0);
}

static void tell_fetch(enum fetch_outcome outcome, const char *domain, const char *reason)
{
	static const enum session_result results[] = {[FETCH_ERROR] = SESSION_STS_FETCH,
						      [FETCH_CERTIFICATE] = SESSION_STS_WEBPKI,
						      [FETCH_INVALID] = SESSION_STS_INVALID};
	const struct session_detail detail = {.result = results[outcome], .reason = reason};

	tls_counter_tell(&own->counter, domain, SESSION_STS, &detail);
}

/* Postfix is told to defer: it makes no connection, so it has no session to count. */
static void note_level(const struct level *level)
{
	struct session_detail detail = {.result = SESSION_DNSSEC_INVALID, .reason = level->reason};

	if (level->kind != LEVEL_DEFER || !level->looked)
		return;
	for (unsigned i = 0; i < level->route.count && detail.mx_host == NULL; i++) {
		if (level->route.hosts[i].dane == HOST_DANE_FAILED)
			detail.mx_host = level->route.hosts[i].name;
	}
	if (level->route.kind == ROUTE_BOGUS || detail.mx_host != NULL) {
		tls_counter_tell(&own->counter, level->domain, SESSION_TLSA, &detail);
	} else if (level->route.count > 0) { /* a host that the MTA-STS policy does not allow */
		detail.result = SESSION_INVALID;
		detail.mx_host = level->route.hosts[0].name;
		tls_counter_tell(&own->counter, level->domain, SESSION_STS, &detail);
	}
}

static void note_fetch(enum fetch_outcome outcome, const char *domain, const char *reason)
{
	if (outcome != FETCH_DONE)
		tell_fetch(outcome, domain, reason);

	counters_count(METRIC_TLS_FETCHES, outcome, 0, 0);
	if (outcome == FETCH_DONE)
		log_info("MTA-STS policy of %s fetched: mode %s", domain, reason);
	else
		log_warning("MTA-STS policy of %s cannot be fetched (%s): %s", domain,
			    name_text(fetch_outcome_names, (int)outcome), reason);
}

static void note_trouble(const char *reason)
{
	log_warning("MTA-STS policies are kept in memory only: %s", reason);
}

static void set_stats(const struct known_stats *stats)
{
	counters_set(METRIC_TLS_POLICIES, (int64_t)stats->policies);
	counters_set(METRIC_TLS_DOMAINS, (int64_t)stats->entries);
	counters_set(METRIC_TLS_OVERDUE, (int64_t)stats->overdue);
	counters_set(METRIC_TLS_OLDEST, stats->oldest);
}

/* NULL: no ledger is kept. */
static const struct ledger_settings *find_ledger(const struct conf *conf,
						 struct ledger_settings *settings)
{
	struct why why;

	if (context_store(conf, true, settings, &why) != 0)
		return NULL;
	settings->read_only = false;
	settings->busy_wait = SOLVE_PATIENCE;
	return settings;
}

static noreturn void run_server(const struct conf *conf, pid_t parent)
{
	struct dns_settings dns = context_dns(conf);
	struct ledger_settings ledger;
	int listeners[SERVE_LISTENERS_MAX];
	struct serve_settings settings = {.listeners = listeners,
					  .count = own->count,
					  .shared = own->shared,
					  .keep = own->keep,
					  .on_answer = count_answer,
					  .on_miss = count_miss,
					  .on_stats = set_stats,
					  .go_on = is_wanted};
	struct why why = {""};

	begin_process(parent);
	confined_enter(CONFINED_POLICY, conf);
	close(own->fetch[FETCHER_END]);
	if (own->counter.datagrams >= 0)
		close(own->counter.datagrams);
	for (unsigned i = 0; i < own->count; i++)
		listeners[i] = own->listeners[i].fd;
	settings.solve.arena = arena_new(0);
	settings.solve.level = context_level(conf, settings.solve.arena);
	settings.solve.fetcher = own->fetch[SERVER_END];
	settings.solve.ledger = find_ledger(conf, &ledger);
	settings.solve.shared = conf->store.shared[0] != '\0';
	settings.solve.on_fetched = note_fetch;
	settings.solve.on_level = note_level;
	settings.solve.on_trouble = note_trouble;
	settings.solve.dns = dns_new_unbound(&dns, &why);
	if (settings.solve.dns == NULL || serve_run(&settings, &why) != 0) {
		log_error("tls.listen: %s", why.text);
		daemon_exit(1);
	}
	daemon_exit(0);
}

/* ---- sockets ---- */

void tls_service_init(struct tls_service *service)
{
	memset(service, 0, sizeof *service);
	service->fetch[0] = service->fetch[1] = -1;
	service->keep[0] = service->keep[1] = -1;
	tls_counter_init(&service->counter);
}

static void close_pair(int ends[2])
{
	for (unsigned i = 0; i < 2; i++) {
		if (ends[i] >= 0)
			close(ends[i]);
		ends[i] = -1;
	}
}

static bool is_listed(const struct conf *conf, const char *address)
{
	for (unsigned i = 0; i < conf->tls.listen.count; i++) {
		if (strcmp(conf->tls.listen.items[i], address) == 0)
			return true;
	}
	return false;
}

static bool is_open(const struct tls_service *service, const char *address)
{
	for (unsigned i = 0; i < service->count; i++) {
		if (strcmp(service->addresses[i], address) == 0)
			return true;
	}
	return false;
}

static void close_listener(struct tls_service *service, unsigned i)
{
	socket_remove(&service->listeners[i]);
	socket_close(&service->listeners[i]);
	free(service->addresses[i]);
	service->count--;
	service->listeners[i] = service->listeners[service->count];
	service->addresses[i] = service->addresses[service->count];
}

static int open_listener(struct tls_service *service, const char *address, mode_t mode,
			 struct why *why)
{
	struct socket_listener *listener = &service->listeners[service->count];

	if (socket_open(listener, address, mode, why) != 0)
		return -1;
	fcntl(listener->fd, F_SETFL, fcntl(listener->fd, F_GETFL) | O_NONBLOCK);
	service->addresses[service->count] = heap_strdup(address);
	service->count++;
	log_info("policy service for Postfix: listening on %s", listener->name);
	return 0;
}

/* Without it, answers are only those of the process. */
static void *make_shared(void)
{
	void *made = mmap(NULL, KNOWN_SHARED_BYTES, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return made == MAP_FAILED ? NULL : made;
}

static uint32_t hash_text(uint32_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return (hash ^ '\n') * 16777619u;
}

/* Of the settings that answers depend on. */
static uint32_t hash_settings(const struct conf *conf)
{
	uint32_t hash = 2166136261u + (uint32_t)conf->tls.dane;

	for (unsigned i = 0; i < conf->tls.exception_count; i++) {
		hash = hash_text(hash, conf->tls.exceptions[i].domain);
		hash = hash_text(hash, conf->tls.exceptions[i].level);
	}
	for (unsigned i = 0; i < conf->dns.servers.count; i++)
		hash = hash_text(hash, conf->dns.servers.items[i]);
	return hash_text(hash, conf->dns.trust_anchor);
}

/* With other settings, everything is found out again. */
static void forget_shared(struct tls_service *service, const struct conf *conf)
{
	uint32_t hash = hash_settings(conf);

	if (service->shared != NULL && hash != service->settings)
		memset(service->shared, 0, KNOWN_SHARED_BYTES);
	service->settings = hash;
}

int tls_service_open(struct tls_service *service, const struct conf *conf, struct why *why)
{
	int result = 0;

	forget_shared(service, conf);
	for (unsigned i = service->count; i-- > 0;) {
		if (!is_listed(conf, service->addresses[i]))
			close_listener(service, i);
	}
	for (unsigned i = 0; i < conf->tls.listen.count; i++) {
		if (!is_open(service, conf->tls.listen.items[i]) &&
		    open_listener(service, conf->tls.listen.items[i], (mode_t)conf->socket_mode,
				  why) != 0)
			result = -1;
	}
	if (service->count > 0 && service->shared == NULL)
		service->shared = make_shared();
	if (service->count > 0 && service->fetch[0] < 0 &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, service->fetch) != 0)
		return why_set(why, "socketpair: %s", strerror(errno));
	if (service->count > 0 && service->keep[0] < 0 && keep_open(service->keep) != 0)
		return why_set(why, "socketpair: %s", strerror(errno));
	if (service->count == 0)
		close_pair(service->keep); /* nobody would serve them */
	if (tls_counter_open(&service->counter, conf, why) != 0)
		return why_prefix(why, "tls.report_socket: ");
	return result;
}

void tls_service_close_files(const struct tls_service *service)
{
	if (service == NULL)
		return;
	for (unsigned i = 0; i < service->count; i++)
		close(service->listeners[i].fd);
	for (unsigned i = 0; i < 2; i++) {
		if (service->fetch[i] >= 0)
			close(service->fetch[i]);
		if (service->keep[i] >= 0)
			close(service->keep[i]);
	}
	tls_counter_close_files(&service->counter);
}

void tls_service_close(struct tls_service *service)
{
	while (service->count > 0)
		close_listener(service, 0);
	close_pair(service->fetch);
	close_pair(service->keep);
	tls_counter_close(&service->counter);
}

/* ---- processes ---- */

/* Returns when it is due, or 0. */
static int64_t start_process(struct helper *helper, const char *name, helper_run *run,
			     const struct conf *conf, struct workers *workers)
{
	const struct tls_service *service = workers->tls;

	if (helper->pid != 0)
		return 0;
	if (helper->next_at > clock_mono())
		return helper->next_at;
	workers->tls = NULL; /* this process keeps its files */
	helper_start(helper, name, run, conf, workers);
	workers->tls = service;
	return helper->pid != 0 ? 0 : clock_mono() + pause_of_quick;
}

static int64_t start_counter(struct tls_service *service, const struct conf *conf,
			     struct workers *workers)
{
	int64_t next;

	workers->tls = NULL; /* as above */
	next = tls_counter_start(&service->counter, conf, workers);
	workers->tls = service;
	return next;
}

/* 0: never. */
static int64_t earlier_of(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

int64_t tls_service_start(struct tls_service *service, const struct conf *conf,
			  struct workers *workers)
{
	bool starts = service->server.pid == 0;
	int64_t server, fetcher, counter;

	if (service->count == 0)
		return 0;
	own = service;
	server = start_process(&service->server, "tls.listen", run_server, conf, workers);
	if (starts && service->server.pid != 0)
		service->started = clock_mono();
	fetcher =
	    start_process(&service->fetcher, "the MTA-STS fetcher", run_fetcher, conf, workers);
	counter = start_counter(service, conf, workers);
	return earlier_of(counter, earlier_of(server, fetcher));
}

void tls_service_stop(struct tls_service *service)
{
	service->quick_deaths = 0;
	helper_stop(&service->server, patience);
	helper_stop(&service->fetcher, CLOCK_SECOND);
	tls_counter_stop(&service->counter);
}

static void plan_server(struct tls_service *service, int status)
{
	bool quick = clock_mono() - service->started < quick_death;

	service->quick_deaths = quick ? service->quick_deaths + 1 : 0;
	service->server.next_at =
	    service->quick_deaths < QUICK_DEATHS ? 0 : clock_mono() + pause_of_quick;
	log_warning("the process that answers Postfix about TLS ended (%s %d); another takes its "
		    "place",
		    WIFSIGNALED(status) ? "signal" : "code",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

int64_t tls_service_look_after(struct tls_service *service)
{
	int status;
	int64_t server = helper_look_after(&service->server, &status), fetcher;

	if (status != 0)
		plan_server(service, status);
	fetcher = helper_look_after(&service->fetcher, &status);
	if (status != 0) {
		service->fetcher.next_at = clock_mono() + pause_of_fetcher;
		log_warning("the process that fetches MTA-STS policies ended (%s %d); another "
			    "takes its place",
			    WIFSIGNALED(status) ? "signal" : "code",
			    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
	return earlier_of(tls_counter_look_after(&service->counter), earlier_of(server, fetcher));
}

bool tls_service_has_ended(const struct tls_service *service)
{
	return service->server.pid == 0 && service->fetcher.pid == 0 &&
	       service->counter.helper.pid == 0;
}
