/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersignd: reads the command line, becomes a daemon, and hands over to the supervisor.
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/conf.h"
#include "context/context.h"
#include "daemon/daemon.h"
#include "daemon/keys/launcher.h"
#include "daemon/supervisor.h"
#include "lib/buf.h"
#include "lib/crypto/wipe.h"
#include "lib/log.h"
#include "metrics/counters.h"
#include "milter/protocol/socket.h"
#include "milter/service.h"

struct settings {
	const char *file;
	const char *user;
	const char *pidfile;
	const char *key_user;
	const char *launcher;
	bool launch;
	bool foreground;
	bool test;
	bool allow_root;
	bool version;
	bool help;
};

static const struct option_row {
	int letter;
	const char *name;
	const char *argument; /* NULL: a switch */
	size_t field;
	const char *help;
} rows[] = {
    {'c', "config", "FILE", offsetof(struct settings, file),
     "settings (default " SYSCONFDIR "/countersign.conf)"},
    {'f', "foreground", NULL, offsetof(struct settings, foreground),
     "stay in the foreground (the default under systemd)"},
    {'t', "test", NULL, offsetof(struct settings, test),
     "check the settings and the keys, and exit"},
    {'u', "user", "USER[:GROUP]", offsetof(struct settings, user), "give up root for this user"},
    {'K', "key-user", "USER", offsetof(struct settings, key_user),
     "user that the private keys belong to, with -u (default " KEYLAUNCHER_USER ", if it exists)"},
    {2, "key-socket", "SOCKET", offsetof(struct settings, launcher),
     "private keys are at this socket of the service manager"},
    {3, "key-launcher", NULL, offsetof(struct settings, launch),
     "hold private keys for the daemon (for the service manager)"},
    {'p', "pidfile", "FILE", offsetof(struct settings, pidfile), "write the process id there"},
    {1, "allow-root", NULL, offsetof(struct settings, allow_root), "run as root (for tests)"},
    {'V', "version", NULL, offsetof(struct settings, version), "print the version"},
    {'h', "help", NULL, offsetof(struct settings, help), "print this help"},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* The process that starts key processes. */
struct launcher {
	int fd; /* -1: the supervisor starts it */
	pid_t pid;
	bool missing_user; /* there is no user of its own for it */
};

/* ---- the command line ---- */

static void print_help(FILE *out)
{
	fprintf(out, "usage: countersignd [options]\n");
	for (unsigned i = 0; i < ROWS; i++) {
		char left[64], letter[8] = "   ";

		if (rows[i].letter > ' ')
			snprintf(letter, sizeof letter, "-%c,", rows[i].letter);
		snprintf(left, sizeof left, "%s --%s%s%s", letter, rows[i].name,
			 rows[i].argument == NULL ? "" : " ",
			 rows[i].argument == NULL ? "" : rows[i].argument);
		fprintf(out, "  %-28s %s\n", left, rows[i].help);
	}
	fprintf(out,
		"SIGHUP reads the settings again; SIGTERM finishes messages under way and ends.\n");
}

static void store_option(struct settings *settings, const struct option_row *row, const char *value)
{
	char *field = (char *)settings + row->field;

	if (row->argument != NULL)
		memcpy(field, &value, sizeof value);
	else
		memcpy(field, &(bool){true}, sizeof(bool));
}

static bool parse_options(int argc, char **argv, struct settings *settings)
{
	struct option names[ROWS + 1] = {{0}};
	char letters[2 * ROWS + 1] = "";
	size_t used = 0;
	int found;

	for (unsigned i = 0; i < ROWS; i++) {
		bool takes = rows[i].argument != NULL;

		names[i] = (struct option){rows[i].name, takes, NULL, rows[i].letter};
		if (rows[i].letter > ' ')
			letters[used++] = (char)rows[i].letter;
		if (rows[i].letter > ' ' && takes)
			letters[used++] = ':';
	}
	while ((found = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		const struct option_row *row = rows;

		while (row < rows + ROWS && row->letter != found)
			row++;
		if (row == rows + ROWS)
			return false;
		store_option(settings, row, optarg);
	}
	if (optind < argc)
		fprintf(stderr, "countersignd: unexpected argument: %s\n", argv[optind]);
	return optind >= argc;
}

/* The daemon changes its directory; links in the path are followed again at each reload. */
static char *make_absolute(const char *path)
{
	struct buf out;
	char here[4096];

	buf_init(&out, NULL, 0);
	if (path[0] != '/' && getcwd(here, sizeof here) != NULL)
		buf_printf(&out, "%s/", here);
	buf_string(&out, path);
	buf_text(&out);
	return out.data;
}

/* ---- starting ---- */

static int fail_start(int report_fd, int code, const char *text)
{
	struct buf line;

	buf_init(&line, NULL, 0);
	buf_printf(&line, "countersignd: %s\n", text);
	if (report_fd < 0)
		fputs(buf_text(&line), stderr);
	daemon_report(report_fd, code, buf_text(&line));
	buf_free(&line);
	return code;
}

static int fail_settings(int report_fd, const char *path, const struct conf_errors *errors)
{
	struct buf out;
	int code;

	buf_init(&out, NULL, 0);
	buf_printf(&out, "%u error%s in %s", errors->count, errors->count == 1 ? "" : "s", path);
	for (unsigned i = 0; i < errors->count; i++) {
		const struct conf_error *error = &errors->items[i];

		if (error->line > 0)
			buf_printf(&out, "\n%s:%u: %s", error->file, error->line, error->text);
		else
			buf_printf(&out, "\n%s: %s", error->file, error->text);
	}
	code = fail_start(report_fd, EX_CONFIG, buf_text(&out));
	buf_free(&out);
	return code;
}

/* A key that cannot be used costs its domain the signature, and nobody else anything. */
static void print_fault(void *arg, const struct keyring_fault *fault)
{
	(void)arg;
	fprintf(stderr, "countersignd: warning: the key would not be used: %s\n", fault->text);
}

static int test_settings(struct conf *conf, const char *path)
{
	context_each_fault(conf, print_fault, NULL);
	conf_free(conf);
	printf("%s: OK\n", path);
	return 0;
}

static int supervise_workers(const struct supervisor_options *options, struct conf *conf)
{
	struct why why;

	if (counters_open(&why) == 0) {
		log_share_level(counters_log_level());
		return supervisor_run(options, conf);
	}
	conf_free(conf);
	return fail_start(options->report_fd, EX_OSERR, why.text);
}

static int run_with_settings(const struct settings *settings, char *path, int report_fd,
			     const struct launcher *launcher)
{
	struct supervisor_options options = {
	    .settings_path = path,
	    .report_fd = report_fd,
	    .launcher_fd = launcher->fd,
	    .launcher_pid = (long)launcher->pid,
	    .launcher_socket = settings->launcher,
	};
	struct conf_errors errors;
	struct conf *conf = conf_load_verified(
	    path, settings->test ? context_check : context_check_settings, &errors);
	int code;

	if (conf == NULL) {
		code = fail_settings(report_fd, path, &errors);
	} else if (settings->test) {
		code = test_settings(conf, path);
	} else {
		daemon_log(conf);
		daemon_log_level(conf);
		if (launcher->missing_user)
			log_info("there is no user " KEYLAUNCHER_USER
				 ": the daemon's own user can read the private keys");
		code = supervise_workers(&options, conf);
	}
	conf_errors_free(&errors);
	return code;
}

static void close_report(const void *fd)
{
	socket_disinherit();
	if (*(const int *)fd >= 0)
		close(*(const int *)fd);
}

/* While this is root: the process that holds the keys becomes the user whose they are. */
static int start_launcher(const struct settings *settings, int report_fd, struct launcher *launcher,
			  struct why *why)
{
	const char *user = settings->key_user == NULL ? KEYLAUNCHER_USER : settings->key_user;

	if (settings->test || settings->launcher != NULL || settings->user == NULL ||
	    geteuid() != 0)
		return 0;
	if (getpwnam(user) == NULL) {
		if (settings->key_user != NULL)
			return why_set(why, "there is no user \"%s\"", user);
		launcher->missing_user = true;
		return 0;
	}
	launcher->fd = keylauncher_fork(user, close_report, &report_fd, &launcher->pid, why);
	return launcher->fd < 0 ? -1 : 0;
}

static int become_and_run(const struct settings *settings, char *path, int report_fd)
{
	struct launcher launcher = {.fd = -1};
	struct why why;

	if (start_launcher(settings, report_fd, &launcher, &why) != 0)
		return fail_start(report_fd, EX_NOUSER, why.text);
	if (settings->user != NULL && daemon_become(settings->user, &why) != 0)
		return fail_start(report_fd, EX_NOUSER, why.text);
	daemon_harden();
	return run_with_settings(settings, path, report_fd, &launcher);
}

static int start_daemon(const struct settings *settings, char *path)
{
	int report_fd = -1, code;
	struct why why;

	socket_inherit();
	if (!settings->foreground) {
		report_fd = daemon_detach(&why);
		if (report_fd < 0)
			return fail_start(-1, EX_OSERR, why.text);
	}
	if (settings->pidfile == NULL)
		return become_and_run(settings, path, report_fd);
	if (daemon_pidfile(settings->pidfile, &why) != 0)
		return fail_start(report_fd, EX_CANTCREAT, why.text);
	code = become_and_run(settings, path, report_fd);
	unlink(settings->pidfile);
	return code;
}

static int launch_keys(void)
{
	struct why why;
	int fd = keylauncher_inherited(&why);

	if (fd < 0)
		return fail_start(-1, EX_USAGE, why.text);
	daemon_harden();
	keylauncher_run(fd);
}

int main(int argc, char **argv)
{
	struct settings settings = {.file = SYSCONFDIR "/countersign.conf"};
	char *path;
	int code;

	wipe_prepare();
	if (!parse_options(argc, argv, &settings)) {
		print_help(stderr);
		return EX_USAGE;
	}
	if (settings.help) {
		print_help(stdout);
		return 0;
	}
	if (settings.version) {
		printf("countersignd %s\n", VERSION);
		return 0;
	}
	if (settings.launch)
		return launch_keys();
	if (geteuid() == 0 && settings.user == NULL && !settings.allow_root && !settings.test)
		return fail_start(
		    -1, EX_NOPERM,
		    "refusing to run as root: name a user with -u USER (or use --allow-root)");
	if (settings.test)
		settings.pidfile = NULL;
	if (settings.test || getenv("NOTIFY_SOCKET") != NULL)
		settings.foreground = true;
	path = make_absolute(settings.file);
	code = start_daemon(&settings, path);
	free(path);
	return code;
}
