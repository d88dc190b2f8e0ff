/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions are gathered for a moment and stored in one transaction. While the ledger cannot be
 * written they are kept, up to KEPT_MAX; then the oldest facts win.
 */
#include "daemon/tls/counter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "context/context.h"
#include "daemon/daemon.h"
#include "daemon/rights/confined.h"
#include "lib/clock.h"
#include "lib/endpoint.h"
#include "lib/heap.h"
#include "lib/log.h"
#include "metrics/counters.h"
#include "report/tls/datagram.h"
#include "report/tls/postlog.h"
#include "report/tls/sessions.h"
#include "store/policies.h"

enum { TICK_MS = 500, AT_ONCE = 256, KEPT_MAX = 20000, LOG_BYTES = 65536, LOG_CHUNKS = 64 };

static const int64_t patience = 5 * CLOCK_SECOND;
static const int64_t pause_of_dead = CLOCK_SECOND;

/* What has been counted of the log. */
struct place {
	dev_t device;
	ino_t inode;
	off_t offset;
};

/* ---- in the process ---- */

static const struct tls_counter *own;
static volatile sig_atomic_t term_came;

static void on_term(int signal)
{
	(void)signal;
	term_came = 1;
}

struct kept {
	struct kept *next;
	int32_t day;
	struct session session;
};

struct counting {
	const char *log_path; /* or NULL */
	struct ledger_settings ledger;
	struct sql *sql;
	struct arena *arena; /* of what is kept */
	struct kept *first, **last;
	unsigned count;
	bool failing, log_failing;
	int32_t expired; /* the day on which old rows were removed */
	struct postlog *postlog;
	int log;
	struct place *place, seen; /* SEEN: when what is kept has been stored */
	size_t rest;               /* bytes of an unfinished line */
	bool skips;                /* to the end of a line that is too long */
	char text[LOG_BYTES];
};

static void keep_session(void *arg, const struct session *session)
{
	struct counting *counting = arg;
	struct kept *kept;

	if (session->kind != SESSION_DETAIL)
		counters_count(METRIC_TLS_SESSIONS, session->kind, session->source, 0);
	if (session->kind == SESSION_FAILED)
		counters_tls_failed(session->domain);
	if (counting->count >= KEPT_MAX)
		return;
	kept = arena_alloc(counting->arena, sizeof *kept);
	*kept = (struct kept){.day = clock_day(clock_wall()), .session = *session};
	kept->session.domain = arena_string(counting->arena, session->domain);
	kept->session.policy = arena_string(counting->arena, session->policy);
	kept->session.detail = arena_string(counting->arena, session->detail);
	*counting->last = kept;
	counting->last = &kept->next;
	counting->count++;
}

/* ---- the ledger ---- */

static int open_ledger(struct counting *counting, struct why *why)
{
	if (counting->sql == NULL)
		counting->sql = sqlite_sql(&counting->ledger, why);
	return counting->sql == NULL ? -1 : 0;
}

static void note_ledger(struct counting *counting, int result, const struct why *why)
{
	if (result != 0 && !counting->failing)
		log_warning("TLS sessions wait to be counted: %s", why->text);
	if (result != 0) {
		sql_close(counting->sql);
		counting->sql = NULL;
	}
	counting->failing = result != 0;
}

static int add_kept(void *arg, struct sql *sql, struct why *why)
{
	const struct counting *counting = arg;

	for (const struct kept *kept = counting->first; kept != NULL; kept = kept->next) {
		if (sessions_add(sql, kept->day, &kept->session, why) != 0)
			return -1;
	}
	return 0;
}

static void forget_kept(struct counting *counting)
{
	arena_reset(counting->arena);
	counting->first = NULL;
	counting->last = &counting->first;
	counting->count = 0;
	if (counting->place != NULL)
		*counting->place = counting->seen;
}

static void store_kept(struct counting *counting)
{
	int32_t today = clock_day(clock_wall());
	struct why why = {""};
	int result = -1;

	if (counting->count == 0 && counting->expired == today) {
		forget_kept(counting);
		return;
	}
	if (open_ledger(counting, &why) == 0)
		result = sql_transact(counting->sql, add_kept, counting, &why);
	if (result == 0 && counting->expired != today)
		result = sessions_expire(counting->sql, today - SESSIONS_KEEP_DAYS, &why);
	if (result == 0) {
		counting->expired = today;
		forget_kept(counting);
	}
	note_ledger(counting, result, &why);
}

/* ---- what is told ---- */

static void take_datagrams(struct counting *counting, int fd, enum session_source source)
{
	static char bytes[DATAGRAM_BYTES_MAX + 1];
	struct arena *arena = arena_new(0);
	struct why why = {""};

	for (unsigned i = 0; i < AT_ONCE; i++) {
		ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

		if (got < 0)
			break;
		if (datagram_parse(arena, span_make(bytes, (size_t)got), source, keep_session,
				   counting, &why) != 0)
			log_debug("a datagram about a TLS session is not counted: %s", why.text);
		arena_reset(arena);
	}
	arena_free(arena);
}

/* ---- the log ---- */

struct finding {
	struct arena *arena;
	const char *text;
};

static int take_policy(void *arg, const struct policies_row *row)
{
	struct finding *finding = arg;

	if (row->expires > clock_wall())
		finding->text = arena_string(finding->arena, row->text);
	return 1;
}

static const char *find_policy(void *arg, struct arena *arena, const char *domain)
{
	struct counting *counting = arg;
	struct finding finding = {arena, NULL};
	struct why why = {""};
	int result = -1;

	if (open_ledger(counting, &why) == 0)
		result = policies_each(counting->sql, domain, take_policy, &finding, &why);
	if (result < 0)
		note_ledger(counting, result, &why);
	return finding.text;
}

static void note_log(struct counting *counting, const char *trouble)
{
	if (trouble != NULL && !counting->log_failing)
		log_warning("tls.report_log: %s: %s", counting->log_path, trouble);
	counting->log_failing = trouble != NULL;
}

/* Where the process before ended; else at the end of a file that is new to us. */
static void open_log(struct counting *counting, bool rotated)
{
	struct stat facts;

	counting->log = open(counting->log_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (counting->log < 0 || fstat(counting->log, &facts) != 0) {
		note_log(counting, strerror(errno));
		return;
	}
	note_log(counting, NULL);
	counting->rest = 0;
	counting->skips = false;
	if (counting->seen.device != facts.st_dev || counting->seen.inode != facts.st_ino)
		counting->seen =
		    (struct place){facts.st_dev, facts.st_ino, rotated ? 0 : facts.st_size};
	else if (counting->seen.offset > facts.st_size)
		counting->seen.offset = 0; /* it was cut */
}

static void take_lines(struct counting *counting, size_t length)
{
	struct span text = span_make(counting->text, length), line;
	const char *end;

	while ((end = memchr(text.p, '\n', span_len(text))) != NULL) {
		line = (struct span){text.p, end};
		if (!counting->skips)
			postlog_line(counting->postlog, line);
		counting->skips = false;
		text.p = end + 1;
	}
	counting->rest = span_len(text);
	counting->seen.offset += (off_t)(length - counting->rest);
	memmove(counting->text, text.p, counting->rest);
	if (counting->rest == LOG_BYTES) {
		counting->seen.offset += LOG_BYTES;
		counting->skips = true;
		counting->rest = 0;
	}
}

/* False: there is nothing more now. */
static bool read_log(struct counting *counting)
{
	size_t room = LOG_BYTES - counting->rest;
	ssize_t got = pread(counting->log, counting->text + counting->rest, room,
			    counting->seen.offset + (off_t)counting->rest);

	if (got <= 0)
		return false;
	take_lines(counting, counting->rest + (size_t)got);
	return true;
}

static bool is_rotated(const struct counting *counting)
{
	struct stat facts;

	return stat(counting->log_path, &facts) == 0 &&
	       (facts.st_dev != counting->seen.device || facts.st_ino != counting->seen.inode ||
		facts.st_size < counting->seen.offset);
}

static void follow_log(struct counting *counting)
{
	if (counting->log < 0)
		open_log(counting, false);
	if (counting->log < 0)
		return;
	for (unsigned i = 0; i < LOG_CHUNKS && counting->count < KEPT_MAX; i++) {
		if (!read_log(counting) && !is_rotated(counting))
			return;
		if (read_log(counting))
			continue;
		if (!is_rotated(counting))
			return;
		close(counting->log);
		open_log(counting, true);
		if (counting->log < 0)
			return;
	}
}

/* ---- the loop ---- */

static void count_once(struct counting *counting)
{
	struct pollfd polls[2] = {{.fd = own->datagrams, .events = POLLIN},
				  {.fd = own->told[0], .events = POLLIN}};

	poll(polls, 2, TICK_MS);
	if ((polls[0].revents & POLLIN) != 0)
		take_datagrams(counting, own->datagrams, SESSION_TLSRPT);
	if ((polls[1].revents & POLLIN) != 0)
		take_datagrams(counting, own->told[0], SESSION_OWN);
	if (counting->log_path != NULL)
		follow_log(counting);
	store_kept(counting);
}

static noreturn void run_counter(const struct conf *conf, pid_t parent)
{
	static struct counting counting;
	struct why why = {""};

	helper_take_signals(on_term);
	confined_enter(CONFINED_COUNTER, conf);
	close(own->told[1]);
	counting.log = -1;
	counting.arena = arena_new(0);
	counting.last = &counting.first;
	counting.place = own->place;
	counting.log_path = conf->tls.report_log[0] == '\0' ? NULL : conf->tls.report_log;
	if (counting.place != NULL)
		counting.seen = *counting.place;
	if (context_store(conf, true, &counting.ledger, &why) != 0) {
		log_error("tls.reports: %s", why.text);
		daemon_exit(1);
	}
	counting.ledger.read_only = false;
	counting.ledger.busy_wait = 10 * CLOCK_SECOND;
	counting.postlog = postlog_new(find_policy, keep_session, &counting);
	while (!term_came && getppid() == parent)
		count_once(&counting);
	count_once(&counting); /* what has been told already */
	daemon_exit(0);
}

/* ---- sockets ---- */

void tls_counter_init(struct tls_counter *counter)
{
	*counter = (struct tls_counter){.datagrams = -1, .told = {-1, -1}};
}

static void close_socket(struct tls_counter *counter)
{
	if (counter->datagrams >= 0) {
		close(counter->datagrams);
		unlink(counter->path);
	}
	counter->datagrams = -1;
	free(counter->path);
	counter->path = NULL;
}

/* It takes the place of what a daemon before has left there. */
static int bind_socket(int fd, const char *path, mode_t mode, struct why *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat facts;

	if (strlen(path) >= sizeof address.sun_path)
		return why_set(why, "%s: the path is too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path));
	if (lstat(path, &facts) == 0 && !S_ISSOCK(facts.st_mode))
		return why_set(why, "%s is there, and is not a socket", path);
	unlink(path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    chmod(path, mode) != 0)
		return why_set(why, "%s: %s", path, strerror(errno));
	return 0;
}

static int open_socket(struct tls_counter *counter, const char *name, mode_t mode, struct why *why)
{
	struct endpoint endpoint;

	if (endpoint_parse(span_of(name), &endpoint, why) != 0)
		return -1;
	counter->datagrams = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	counter->path = heap_strdup(endpoint.path.p);
	if (counter->datagrams < 0)
		return why_set(why, "socket: %s", strerror(errno));
	if (bind_socket(counter->datagrams, counter->path, mode, why) == 0)
		return 0;
	close(counter->datagrams);
	counter->datagrams = -1;
	close_socket(counter);
	return -1;
}

static void *make_place(void)
{
	void *made = mmap(NULL, sizeof(struct place), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return made == MAP_FAILED ? NULL : made;
}

static bool is_same_socket(const struct tls_counter *counter, const char *name)
{
	struct endpoint endpoint;
	struct why why;

	return counter->path != NULL && endpoint_parse(span_of(name), &endpoint, &why) == 0 &&
	       strcmp(counter->path, endpoint.path.p) == 0;
}

int tls_counter_open(struct tls_counter *counter, const struct conf *conf, struct why *why)
{
	bool wanted = conf->tls.reports && conf->tls.listen.count > 0;
	const char *name = wanted ? conf->tls.report_socket : "";

	if (wanted && counter->told[0] < 0 &&
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, counter->told) != 0)
		return why_set(why, "socketpair: %s", strerror(errno));
	for (unsigned i = 0; !wanted && i < 2; i++) {
		if (counter->told[i] >= 0)
			close(counter->told[i]);
		counter->told[i] = -1;
	}
	if (wanted && counter->place == NULL)
		counter->place = make_place();
	if (!is_same_socket(counter, name))
		close_socket(counter);
	if (name[0] == '\0' || counter->datagrams >= 0)
		return 0;
	return open_socket(counter, name, (mode_t)conf->socket_mode, why);
}

void tls_counter_close_files(const struct tls_counter *counter)
{
	if (counter->datagrams >= 0)
		close(counter->datagrams);
	for (unsigned i = 0; i < 2; i++) {
		if (counter->told[i] >= 0)
			close(counter->told[i]);
	}
}

void tls_counter_close(struct tls_counter *counter)
{
	close_socket(counter);
	tls_counter_close_files(counter);
}

/* ---- the process, as the supervisor sees it ---- */

int64_t tls_counter_start(struct tls_counter *counter, const struct conf *conf,
			  struct workers *workers)
{
	struct helper *helper = &counter->helper;

	if (counter->told[0] < 0 || helper->pid != 0)
		return 0;
	if (helper->next_at > clock_mono())
		return helper->next_at;
	own = counter;
	helper_start(helper, "the counter of TLS sessions", run_counter, conf, workers);
	return helper->pid != 0 ? 0 : clock_mono() + pause_of_dead;
}

void tls_counter_stop(struct tls_counter *counter)
{
	helper_stop(&counter->helper, patience);
}

int64_t tls_counter_look_after(struct tls_counter *counter)
{
	int status;
	int64_t next = helper_look_after(&counter->helper, &status);

	if (status == 0)
		return next;
	counter->helper.next_at = clock_mono() + pause_of_dead;
	log_warning("the process that counts TLS sessions ended (%s %d); another takes its place",
		    WIFSIGNALED(status) ? "signal" : "code",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return counter->helper.next_at;
}

void tls_counter_tell(const struct tls_counter *counter, const char *domain,
		      enum session_policy policy, const struct session_detail *detail)
{
	struct arena *arena;
	struct buf text;

	if (counter->told[1] < 0)
		return;
	arena = arena_new(0);
	buf_init(&text, arena, DATAGRAM_BYTES_MAX);
	datagram_write(&text, arena, domain, policy, detail);
	(void)!send(counter->told[1], text.data, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	arena_free(arena);
}
