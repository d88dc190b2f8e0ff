/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/helper.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

static const int64_t last_moment = CLOCK_SECOND; /* between two kills */

void aide_take_signals(void (*on_term)(int signal))
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

void aide_start(struct aide *aide, const char *name, aide_run *run, const struct conf *conf,
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
		aide->pid = pid;
	else
		log_error("%s: no process could be started: %s", name, strerror(errno));
}

void aide_stop(struct aide *aide, int64_t patience)
{
	aide->next_at = 0;
	if (aide->pid == 0)
		return;
	kill(aide->pid, SIGTERM);
	if (aide->kill_at == 0 || aide->kill_at > clock_mono() + patience)
		aide->kill_at = clock_mono() + patience;
}

int64_t aide_look_after(struct aide *aide, int *status)
{
	int64_t now = clock_mono();

	*status = 0;
	if (aide->pid == 0)
		return 0;
	if (waitpid(aide->pid, status, WNOHANG) == aide->pid) {
		if (aide->kill_at != 0)
			*status = 0;
		aide->pid = 0;
		aide->kill_at = 0;
		return 0;
	}
	*status = 0;
	if (aide->kill_at != 0 && aide->kill_at <= now) {
		kill(aide->pid, SIGKILL);
		aide->kill_at = now + last_moment;
	}
	return aide->kill_at;
}
