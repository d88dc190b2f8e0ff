/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process judges one case after the other. What it needs from files (OpenSSL's settings) it has
 * read before it confines itself. A case that takes too much CPU time or memory ends the process,
 * as a crash does, and its worker is told by the closed socket. What the libraries may leak is
 * bounded by a new process after CASES_MAX cases.
 */
#include "daemon/opinion/service.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "context/context.h"
#include "daemon/daemon.h"
#include "daemon/rights/confined.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "lib/log.h"
#include "lib/system/memory.h"
#include "metrics/counters.h"
#include "opinion/judge.h"
#include "opinion/link.h"

enum { CASES_MAX = 20000, CPU_SECONDS = 10, MEMORY_MAX = 256 << 20, WAIT_MS = 500 };
enum { QUICK_DEATHS = 5 };

static const int64_t quick_death = CLOCK_SECOND;
static const int64_t pause_of_quick = 5 * CLOCK_SECOND;
static const int64_t patience = 12 * CLOCK_SECOND; /* with one that is to end */

/* ---- in the process ---- */

static const struct opinion_service *own; /* of the last opinion_start() */
static volatile sig_atomic_t term_came;

static void on_term(int signal)
{
	(void)signal;
	term_came = 1;
}

static void limit_memory(void)
{
	const int64_t size = memory_now().size;
	struct rlimit limits = {(rlim_t)(size + MEMORY_MAX), (rlim_t)(size + MEMORY_MAX)};

	if (size > 0 && !CONFINE_INSTRUMENTED)
		setrlimit(RLIMIT_AS, &limits);
}

/* From now on; SIGXCPU ends the process then. */
static void limit_time(void)
{
	struct rlimit limits;
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	if (getrlimit(RLIMIT_CPU, &limits) != 0)
		return;
	limits.rlim_cur = (rlim_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + 1 + CPU_SECONDS);
	setrlimit(RLIMIT_CPU, &limits);
}

static void judge_received(const struct link_case *received, struct dkimcheck_engine *engine,
			   struct arena *arena)
{
	struct opinion_case c, answer;
	struct span text;
	struct buf out;
	struct why why;

	case_init(&answer);
	if (link_read(received->data, arena, &text, &why) != 0 ||
	    case_parse(text, arena, &c, &why) != 0)
		return; /* its worker sees that an answer is missing */
	judge_case(&c, engine, arena, &answer.library);
	buf_init(&out, arena, CASE_REPLY_MAX);
	case_write(&answer, &out);
	if (!out.failed)
		link_answer(received->reply, buf_view(&out));
}

static noreturn void run_process(const struct conf *conf, pid_t parent)
{
	struct arena *arena = arena_new(0);
	struct dkimcheck_engine *engine;
	struct link_case received;
	struct why why;

	helper_take_signals(on_term);
	close(own->link[LINK_WORKER]);
	crypt_sha256("", 0, (uint8_t[CRYPT_DIGEST_LEN]){0}); /* OpenSSL reads its settings now */
	engine = dkimcheck_engine_new(&why);
	if (engine == NULL) {
		log_error("second_opinion: %s", why.text);
		daemon_exit(1);
	}
	limit_memory();
	confined_enter(CONFINED_OPINION, conf);
	for (unsigned cases = 0; cases < CASES_MAX && !term_came && getppid() == parent;) {
		if (!link_receive(own->link[LINK_PROCESS], WAIT_MS, &received))
			continue;
		cases++;
		limit_time();
		judge_received(&received, engine, arena);
		link_close(&received);
		arena_reset(arena);
	}
	arena_free(arena);
	dkimcheck_engine_free(engine);
	daemon_exit(0);
}

/* ---- in the supervisor ---- */

void opinion_open(struct opinion_service *service)
{
	memset(service, 0, sizeof *service);
	if (!link_is_built() || link_open(service->link) != 0)
		service->link[LINK_WORKER] = service->link[LINK_PROCESS] = -1;
}

void opinion_close_files(const struct opinion_service *service, bool worker)
{
	if (service == NULL || service->link[LINK_PROCESS] < 0)
		return;
	close(service->link[LINK_PROCESS]);
	if (!worker)
		close(service->link[LINK_WORKER]);
}

int opinion_worker_end(const struct opinion_service *service)
{
	return service == NULL ? -1 : service->link[LINK_WORKER];
}

int64_t opinion_start(struct opinion_service *service, const struct conf *conf,
		      struct workers *workers)
{
	if (service->helper.pid != 0 || service->link[LINK_PROCESS] < 0 ||
	    context_opinion_share(conf) == 0)
		return 0;
	if (service->helper.next_at > clock_mono())
		return service->helper.next_at;
	own = service;
	workers->opinion = NULL; /* this process keeps its end */
	helper_start(&service->helper, "second_opinion", run_process, conf, workers);
	workers->opinion = service;
	service->started = clock_mono();
	return service->helper.pid != 0 ? 0 : clock_mono() + pause_of_quick;
}

void opinion_stop(struct opinion_service *service)
{
	helper_stop(&service->helper, patience);
}

void opinion_follow(struct opinion_service *service, const struct conf *conf)
{
	service->quick_deaths = 0;
	service->helper.next_at = 0;
	if (context_opinion_share(conf) == 0)
		opinion_stop(service);
}

/* It is replaced at once, unless it dies again and again. */
static void note_death(struct opinion_service *service, int status)
{
	bool quick = clock_mono() - service->started < quick_death;

	service->quick_deaths = quick ? service->quick_deaths + 1 : 0;
	service->helper.next_at =
	    service->quick_deaths < QUICK_DEATHS ? 0 : clock_mono() + pause_of_quick;
	counters_count(METRIC_OPINION_DEATHS, 0, 0, 0);
	log_warning("the process of the second opinion ended (%s %d); another takes its place",
		    WIFSIGNALED(status) ? "signal" : "code",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

int64_t opinion_look_after(struct opinion_service *service)
{
	int status;
	int64_t next = helper_look_after(&service->helper, &status);

	if (status != 0)
		note_death(service, status);
	return next;
}
