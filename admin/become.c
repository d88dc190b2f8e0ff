/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/become.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool become_find(const char *name, struct become *who)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL)
		return false;
	*who = (struct become){.user = name, .uid = user->pw_uid, .gid = user->pw_gid};
	return true;
}

static int change_identity(const struct become *who, struct why *why)
{
	const char *directory = who->directory == NULL ? "/" : who->directory;

	if (who->root != NULL && chroot(who->root) == -1)
		return why_set(why, "chroot %s: %s", who->root, strerror(errno));
	if (chdir(directory) == -1)
		return why_set(why, "%s: %s", directory, strerror(errno));
	if (geteuid() == who->uid)
		return 0;
	if ((who->only_group ? setgroups(1, &who->gid) : initgroups(who->user, who->gid)) == -1 ||
	    setgid(who->gid) == -1 || setuid(who->uid) == -1)
		return why_set(why, "cannot become user %s: %s", who->user, strerror(errno));
	return 0;
}

static void run_child(const struct become *who, become_body *body, void *arg, int out)
{
	struct why why = {""};
	int result = change_identity(who, &why);
	size_t left;

	if (result == 0)
		result = body(arg, &why);
	left = strlen(why.text);
	if (left > 0 && write(out, why.text, left) != (ssize_t)left)
		_exit(2);
	_exit(result == 0 ? 0 : 1);
}

static void read_text(int fd, struct why *why)
{
	char text[sizeof why->text] = "";
	size_t used = 0;
	ssize_t n;

	while (used < sizeof text - 1 && (n = read(fd, text + used, sizeof text - 1 - used)) != 0) {
		if (n == -1 && errno != EINTR)
			break;
		used += n > 0 ? (size_t)n : 0;
	}
	why_set(why, "%s", text);
}

int become(const struct become *who, become_body *body, void *arg, struct why *why)
{
	int pipes[2], status = 0;
	pid_t pid;

	fflush(stdout);
	if (pipe(pipes) == -1)
		return why_set(why, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		close(pipes[0]);
		run_child(who, body, arg, pipes[1]);
	}
	close(pipes[1]);
	if (pid == -1) {
		close(pipes[0]);
		return why_set(why, "fork: %s", strerror(errno));
	}
	read_text(pipes[0], why);
	close(pipes[0]);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}
