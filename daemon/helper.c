/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/helper.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

static const int64_t last_moment = CLOCK_SECOND; /* between two kills */

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
