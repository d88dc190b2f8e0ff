/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Detaching is two forks and a new session; the first process stays until the daemon works, so
 * that whoever started it (a boot script, a person) gets the reason when it does not.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "lib/log.h"
#include "lib/system/group.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define LOOKS_INTO_ITSELF 1 /* for leaks, as a debugger does */
#else
#define LOOKS_INTO_ITSELF 0
#endif

enum { EXIT_VANISHED = 70 };

/* ---- leaving the terminal ---- */

/* In the process that was started: the daemon's report is an exit code of one byte, then text. */
static void wait_for_report(int fd)
{
	unsigned char code = EXIT_VANISHED;
	char text[1024];
	ssize_t n;

	while ((n = read(fd, &code, 1)) < 0 && errno == EINTR)
		continue;
	while (n > 0 && (n = read(fd, text, sizeof text)) > 0)
		fprintf(stderr, "%.*s", (int)n, text);
	_exit(code);
}

static int redirect_to_null(void)
{
	int fd = open("/dev/null", O_RDWR);

	if (fd < 0)
		return -1;
	for (int i = 0; i < 3; i++) {
		if (dup2(fd, i) < 0)
			return -1;
	}
	if (fd > 2)
		close(fd);
	return 0;
}

int daemon_detach(struct why *why)
{
	int report[2];
	pid_t pid;

	if (pipe(report) != 0 || fcntl(report[1], F_SETFD, FD_CLOEXEC) != 0)
		return why_set(why, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return why_set(why, "fork: %s", strerror(errno));
	if (pid > 0) {
		close(report[1]);
		wait_for_report(report[0]);
	}
	close(report[0]);
	if (setsid() < 0 || (pid = fork()) < 0)
		return why_set(why, "fork: %s", strerror(errno));
	if (pid > 0)
		_exit(0);
	if (chdir("/") != 0 || redirect_to_null() != 0)
		return why_set(why, "/dev/null: %s", strerror(errno));
	return report[1];
}

void daemon_report(int fd, int code, const char *text)
{
	unsigned char byte = (unsigned char)code;

	if (fd < 0)
		return;
	if (write(fd, &byte, 1) == 1 && write(fd, text, strlen(text)) < 0)
		log_debug("nobody reads the start report");
	close(fd);
}

/* ---- rights ---- */

int daemon_become(const char *user, struct why *why)
{
	const char *colon = strchr(user, ':');
	char name[256];
	const struct passwd *passwd;
	uid_t uid;
	gid_t gid;

	snprintf(name, sizeof name, "%.*s", (int)(colon ? colon - user : (long)strlen(user)), user);
	passwd = getpwnam(name);
	if (passwd == NULL)
		return why_set(why, "there is no user \"%s\"", name);
	uid = passwd->pw_uid;
	gid = passwd->pw_gid;
	if (colon != NULL && group_find(colon + 1, &gid, why) != 0)
		return -1;
	if (uid == 0)
		return why_set(why, "user \"%s\" is root", name);
	if (geteuid() == uid && getuid() == uid)
		return 0;
	if (initgroups(name, gid) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
		return why_set(why, "becoming user \"%s\": %s", name, strerror(errno));
	if (getuid() != uid || geteuid() != uid || getgid() != gid || setuid(0) == 0)
		return why_set(why, "user \"%s\": root privileges could be regained", name);
	return 0;
}

static void forbid_dumps(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
	prctl(PR_SET_DUMPABLE, LOOKS_INTO_ITSELF); /* giving up root has taken it away */
#endif
}

void daemon_harden(void)
{
	struct rlimit files;

	forbid_dumps();
	umask(umask(0077) | 0007);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* ---- the rest ---- */

void daemon_exit(int code)
{
#if LOOKS_INTO_ITSELF
	__lsan_do_recoverable_leak_check();
#endif
	_exit(code);
}

int daemon_pidfile(const char *path, struct why *why)
{
	char text[32];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());

	if (fd < 0)
		return why_set(why, "%s: %s", path, strerror(errno));
	if (lockf(fd, F_TLOCK, 0) != 0) {
		close(fd);
		return why_set(why, "%s is held by another daemon: stop it first", path);
	}
	if (ftruncate(fd, 0) != 0 || write(fd, text, (size_t)len) != len)
		return why_set(why, "%s: %s", path, strerror(errno));
	return 0; /* it stays open, and locked */
}

void daemon_log(const struct conf *conf)
{
	static const enum log_target targets[] = {
	    [CONF_LOG_AUTO] = LOG_TARGET_AUTO,
	    [CONF_LOG_SYSLOG] = LOG_TARGET_SYSLOG,
	    [CONF_LOG_STDERR] = LOG_TARGET_STDERR,
	};

	static const enum log_format formats[] = {
	    [CONF_LOG_TEXT] = LOG_FORMAT_TEXT,
	    [CONF_LOG_JSON] = LOG_FORMAT_JSON,
	};

	log_open("countersignd", targets[conf->log.target], formats[conf->log.format],
		 log_journal_socket);
}

void daemon_log_level(const struct conf *conf)
{
	static const enum log_level levels[] = {
	    [CONF_LOG_ERROR] = LOG_LEVEL_ERROR,
	    [CONF_LOG_WARNING] = LOG_LEVEL_WARNING,
	    [CONF_LOG_INFO] = LOG_LEVEL_INFO,
	    [CONF_LOG_DEBUG] = LOG_LEVEL_DEBUG,
	};

	log_set_level(levels[conf->log.level]);
}
