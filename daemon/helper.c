/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/helper.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

static const int64_t last_moment = CLOCK_SECOND;        /* between two kills */
static const int64_t pause_between = 10 * CLOCK_SECOND; /* the beginnings of two processes */

void helper_take_signals(void (*on_term)(int signal))
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, normal = {.sa_handler = SIG_DFL};
	struct sigaction term = {.sa_handler = on_term};
	sigset_t none;

	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGCHLD, &normal, NULL);
	sigaction(SIGTERM, &term, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void helper_block_signals(sigset_t *term)
{
	sigset_t all;

	helper_take_signals(SIG_DFL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	sigemptyset(term);
	sigaddset(term, SIGTERM);
}

void helper_wait_for_term(const sigset_t *term, pid_t parent)
{
	const struct timespec moment = {.tv_nsec = 500 * CLOCK_MS};

	while (getppid() == parent && sigtimedwait(term, NULL, &moment) != SIGTERM)
		continue;
}

void helper_start(struct helper *helper, const char *name, helper_run *run, const struct conf *conf,
		  const struct workers *workers)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;

	assert(helper->pid == 0);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0) {
		workers_close_files(workers);
		run(conf, parent);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid > 0)
		helper->pid = pid;
	else
		log_error("%s: cannot start the process: %s", name, strerror(errno));
}

int64_t helper_keep(struct helper *helper, const struct helper_kind *kind, const struct conf *conf,
		    const struct workers *workers)
{
	int64_t now = clock_mono();

	if (helper->pid != 0 || !kind->is_wanted(conf))
		return 0;
	if (helper->next_at > now)
		return helper->next_at;
	helper->next_at = now + pause_between;
	helper_start(helper, kind->setting, kind->run, conf, workers);
	return helper->pid != 0 ? 0 : helper->next_at;
}

void helper_stop(struct helper *helper, int64_t patience)
{
	helper->next_at = 0;
	if (helper->pid == 0)
		return;
	kill(helper->pid, SIGTERM);
	if (helper->kill_at == 0 || helper->kill_at > clock_mono() + patience)
		helper->kill_at = clock_mono() + patience;
}

int64_t helper_look_after(struct helper *helper, int *status)
{
	int64_t now = clock_mono();

	*status = 0;
	if (helper->pid == 0)
		return 0;
	if (waitpid(helper->pid, status, WNOHANG) == helper->pid) {
		if (helper->kill_at != 0)
			*status = 0;
		helper->pid = 0;
		helper->kill_at = 0;
		return 0;
	}
	*status = 0;
	if (helper->kill_at != 0 && helper->kill_at <= now) {
		kill(helper->pid, SIGKILL);
		helper->kill_at = now + last_moment;
	}
	return helper->kill_at;
}

int64_t helper_look_after_kept(struct helper *helper, const struct helper_kind *kind)
{
	int status;
	int64_t next = helper_look_after(helper, &status);

	if (status != 0)
		log_warning("%s ended (%s %d); another takes its place", kind->what,
			    WIFSIGNALED(status) ? "signal" : "code",
			    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return next;
}
