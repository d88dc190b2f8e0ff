/*
 * A process of its own, since what speaks HTTP with the network must hold neither keys nor sockets
 * of the MTA, and must not be able to stop the supervisor. Whatever becomes of it, mail goes on.
 */
#include "milter/exporter.h"

#include <errno.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "milter/daemon.h"
#include "milter/http.h"

static const int64_t patience = 2 * CLOCK_SECOND; /* with one that is to end */
static const int64_t first_pause = CLOCK_SECOND;  /* before another try, then doubled */
static const int64_t longest_pause = 60 * CLOCK_SECOND;

/* ---- in the process ---- */

static void take_signals(sigset_t *term)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, normal = {.sa_handler = SIG_DFL};
	sigset_t all;

	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGCHLD, &normal, NULL);
	sigaction(SIGTERM, &normal, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL); /* the library's threads take none */
	sigemptyset(term);
	sigaddset(term, SIGTERM);
}

/* Until it is told to end, or nobody is there to tell it. */
static void wait_for_end(const sigset_t *term, pid_t parent)
{
	const struct timespec moment = {.tv_nsec = 500 * CLOCK_MS};

	while (getppid() == parent && sigtimedwait(term, NULL, &moment) != SIGTERM)
		continue;
}

static noreturn void run(const struct conf *conf, pid_t parent)
{
	struct why why;
	sigset_t term;

	take_signals(&term);
	for (unsigned i = 0; i < conf->http.listen.count; i++) {
		if (http_start(conf->http.listen.items[i], &why) != 0) {
			log_error("http.listen: %s; mail is not concerned", why.text);
			daemon_exit(1);
		}
	}
	wait_for_end(&term, parent);
	daemon_exit(0);
}

/* ---- in the supervisor ---- */

static void fork_exporter(struct exporter *exporter, const struct conf *conf,
			  const struct crew *crew)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0) {
		crew_close_files(crew);
		run(conf, parent);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid > 0)
		exporter->pid = pid;
	else
		log_error("http.listen: no process could be started: %s", strerror(errno));
}

static int64_t pause_of(unsigned tries)
{
	int64_t pause = first_pause;

	for (unsigned i = 1; i < tries && pause < longest_pause; i++)
		pause *= 2;
	return pause < longest_pause ? pause : longest_pause;
}

int64_t exporter_start(struct exporter *exporter, const struct conf *conf, const struct crew *crew)
{
	int64_t now = clock_mono();

	if (exporter->pid != 0 || conf->http.listen.count == 0)
		return 0;
	if (exporter->next_at > now)
		return exporter->next_at;
	exporter->next_at = now + pause_of(++exporter->tries);
	fork_exporter(exporter, conf, crew);
	return exporter->pid != 0 ? 0 : exporter->next_at;
}

void exporter_stop(struct exporter *exporter)
{
	exporter->next_at = 0;
	exporter->tries = 0;
	if (exporter->pid == 0)
		return;
	kill(exporter->pid, SIGTERM);
	if (exporter->kill_at == 0)
		exporter->kill_at = clock_mono() + patience;
}

int64_t exporter_look_after(struct exporter *exporter)
{
	int64_t now = clock_mono();
	int status = 0;

	if (exporter->pid == 0)
		return 0;
	if (waitpid(exporter->pid, &status, WNOHANG) == exporter->pid) {
		if (WIFSIGNALED(status) && exporter->kill_at == 0)
			log_warning("the process that serves metrics was killed by signal %d; "
				    "another takes its place",
				    WTERMSIG(status));
		if (now > exporter->next_at + longest_pause)
			exporter->tries = 0; /* it was well for long */
		exporter->pid = 0;
		exporter->kill_at = 0;
		return 0;
	}
	if (exporter->kill_at != 0 && exporter->kill_at <= now) {
		kill(exporter->pid, SIGKILL);
		exporter->kill_at = now + patience;
	}
	return exporter->kill_at;
}
