/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every command uses: options and settings (messages: admin/say.c).
 *
 * Options are read in three stretches: before the noun, before the verb (both by main.c) and
 * behind it, by the command. Each stretch knows the global options, the last one also the
 * command's own. A long option must be written out: a shortened one would change its meaning when
 * an option is added.
 */
#include "admin/admin.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/name.h"
#include "lib/system/readfile.h"

enum { OPTIONS_MAX = 48, FILE_BYTES_MAX = 2 * 1024 * 1024 };
enum { OPTION_COLOR = 1000, OPTION_RESOLVER, OPTION_TIMEOUT };

const struct admin_option admin_global_options[] = {
    {"config", 'c', "FILE", "read the settings from FILE"},
    {"json", 'j', NULL, "print one JSON object instead of text"},
    {"quiet", 'q', NULL, "print only the result and errors, no notes"},
    {"verbose", 'v', NULL, "print more; twice for still more"},
    {"color", OPTION_COLOR, "WHEN", "colour the output: auto, always or never"},
    {"resolver", OPTION_RESOLVER, "IP[@PORT]", "query this DNS server; can be repeated"},
    {"timeout", OPTION_TIMEOUT, "TIME", "DNS timeout (overrides dns.timeout): 3s"},
    {"help", 'h', NULL, "print this help and exit"},
    {"version", 'V', NULL, "print the version and exit"},
    {NULL, 0, NULL, NULL}};

/* ---- options ---- */

static int set_color(struct admin *admin, const char *when)
{
	static const struct name_code words[] = {{"auto", ADMIN_COLOR_AUTO},
						 {"always", ADMIN_COLOR_ALWAYS},
						 {"never", ADMIN_COLOR_NEVER},
						 {NULL, 0}};
	int color = name_code(words, span_of(when), -1);

	if (color < 0) {
		admin_usage(admin, "--color is auto, always or never, not \"%s\"", when);
		return '?';
	}
	admin->color = (enum admin_color)color;
	return 0;
}

static int add_resolver(struct admin *admin, const char *server)
{
	struct conf_strings *list = &admin->resolvers;
	struct why why;
	const char **items;

	if (ip_check_server(span_of(server), &why) != 0) {
		admin_usage(admin, "--resolver: %s", why.text);
		return '?';
	}
	items = arena_array(admin->arena, list->count + 1, sizeof *items);
	for (unsigned i = 0; i < list->count; i++)
		items[i] = list->items[i];
	items[list->count] = server;
	list->items = items;
	list->count++;
	return 0;
}

/* As the setting of that name. */
static int set_timeout(struct admin *admin, const char *text)
{
	struct buf setting;
	struct conf_errors errors;
	struct conf *conf;
	bool plain = text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz")] == '\0';

	buf_init(&setting, admin->arena, 0);
	buf_printf(&setting, "dns: { timeout = \"%s\"; };", plain ? text : "");
	conf = conf_parse("--timeout", buf_text(&setting), &errors);
	if (conf != NULL)
		admin->timeout = conf->dns.timeout;
	else
		admin_usage(admin, "--timeout: %s",
			    errors.count > 0 ? errors.items[0].text : "not understood");
	conf_free(conf);
	conf_errors_free(&errors);
	return conf != NULL ? 0 : '?';
}

/* 0: it was a global option and is dealt with; else the letter, or '?' after an error. */
static int global_option(struct admin *admin, int letter)
{
	switch (letter) {
	case 'c':
		admin->conf_path = optarg;
		return 0;
	case 'j':
		admin->json = true;
		return 0;
	case 'q':
		admin->quiet = true;
		return 0;
	case 'v':
		admin->verbose++;
		return 0;
	case OPTION_COLOR:
		return set_color(admin, optarg);
	case OPTION_RESOLVER:
		return add_resolver(admin, optarg);
	case OPTION_TIMEOUT:
		return set_timeout(admin, optarg);
	case 'V':
		admin_version(admin);
		exit(admin_finish(admin, ADMIN_DONE));
	default:
		return letter;
	}
}

/* getopt's two forms of the tables. */
struct getopt_tables {
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 3];
	unsigned count, used;
};

static void add_options(struct getopt_tables *t, const struct admin_option *options)
{
	for (const struct admin_option *o = options; o != NULL && o->name != NULL; o++) {
		assert(t->count < OPTIONS_MAX);
		t->longs[t->count++] = (struct option){
		    o->name, o->arg == NULL ? no_argument : required_argument, NULL, o->letter};
		if (o->letter >= 256)
			continue;
		assert(char_is_alnum((unsigned char)o->letter));
		t->shorts[t->used++] = (char)o->letter;
		if (o->arg != NULL)
			t->shorts[t->used++] = ':';
	}
}

static const char *nearest_option(const struct getopt_tables *t, const char *word)
{
	struct name_code names[OPTIONS_MAX + 1] = {{NULL, 0}};

	for (unsigned i = 0; i < t->count; i++)
		names[i].name = t->longs[i].name;
	return name_nearest(names, span_make(word, strcspn(word, "=")));
}

static const char *option_name(const struct getopt_tables *t, int letter)
{
	for (unsigned i = 0; i < t->count; i++) {
		if (t->longs[i].val == letter)
			return t->longs[i].name;
	}
	return NULL;
}

/* What getopt_long said with RESULT, in words; LAST is the argument it looked at last. */
static int bad_option(struct admin *admin, const struct getopt_tables *t, const char *last,
		      int result)
{
	const char *known = optopt == 0 ? NULL : option_name(t, optopt);
	const char *nearest;

	if (known != NULL && result == ':')
		admin_usage(admin, "--%s needs a value", known);
	else if (known != NULL)
		admin_usage(admin, "--%s takes no value", known);
	else if (optopt != 0)
		admin_usage(admin, "unknown option -%c", optopt);
	else if ((nearest = nearest_option(t, last + 2)) != NULL)
		admin_usage(admin, "unknown option %s; did you mean --%s?", last, nearest);
	else
		admin_usage(admin, "unknown option %s", last);
	return '?';
}

/* The argument that holds the option getopt_long has just returned. */
static const char *option_word(const struct option *option, char **argv)
{
	return argv[optind -
		    (option->has_arg == required_argument && optarg == argv[optind - 1] ? 2 : 1)];
}

/* getopt_long takes "--verb" for "--verbose". */
static bool is_shortened(const struct option *option, char **argv)
{
	const char *word = option_word(option, argv);

	return strncmp(word, "--", 2) == 0 && strcspn(word + 2, "=") != strlen(option->name);
}

int admin_next_option(struct admin *admin, int argc, char **argv, const struct admin_option *own,
		      bool stop)
{
	struct getopt_tables t = {.count = 0};
	int index, c;

	t.shorts[t.used++] = stop ? '+' : ':';
	if (stop)
		t.shorts[t.used++] = ':';
	add_options(&t, admin_global_options);
	add_options(&t, own);
	opterr = 0;
	for (;;) {
		index = -1;
		c = getopt_long(argc, argv, t.shorts, t.longs, &index);
		if (c == '?' || c == ':')
			return bad_option(admin, &t, argv[optind - 1], c);
		if (index >= 0 && is_shortened(&t.longs[index], argv)) {
			admin_usage(admin, "unknown option %s; did you mean --%s?",
				    option_word(&t.longs[index], argv), t.longs[index].name);
			return '?';
		}
		c = global_option(admin, c);
		if (c != 0)
			return c;
	}
}

int admin_getopt(struct admin *admin, int argc, char **argv)
{
	int c = admin_next_option(admin, argc, argv, admin->verb->options, false);

	if (c == 'h') {
		admin_help(admin, admin->verb);
		exit(admin_finish(admin, ADMIN_DONE));
	}
	return c;
}

int admin_args(struct admin *admin, int argc, char **argv, int min, int max)
{
	int c;

	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
	}
	if (argc - optind < min)
		return admin_usage(admin, "too few arguments; wanted: %s", admin->verb->args);
	if (max >= 0 && argc - optind > max)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind + max]);
	return 0;
}

/* ---- settings ---- */

const char *admin_conf_path(const struct admin *admin)
{
	return admin->conf_path == NULL ? conf_default_path() : admin->conf_path;
}

const struct conf *admin_conf(struct admin *admin)
{
	struct conf_errors errors;

	if (admin->conf != NULL)
		return admin->conf;
	admin->conf = conf_load_guarded(admin->conf_path, &errors);
	if (admin->conf == NULL)
		admin_conf_errors(admin, &errors);
	else if (errors.file_count == 0)
		admin_verbose(admin, "there is no %s: all settings have their defaults",
			      admin_conf_path(admin));
	conf_errors_free(&errors);
	if (admin->conf != NULL && admin->timeout > 0)
		admin->conf->dns.timeout = admin->timeout;
	if (admin->conf != NULL && admin->resolvers.count > 0)
		admin->conf->dns.servers = admin->resolvers;
	return admin->conf;
}

/* ---- files ---- */

int admin_read_file(struct admin *admin, const char *path, struct span *bytes)
{
	struct why why;
	int status;

	if (readfile(admin->arena, path, FILE_BYTES_MAX, bytes, &why) == 0)
		return ADMIN_DONE;
	status = errno == EFBIG ? ADMIN_BAD_INPUT : ADMIN_NO_INPUT;
	admin_error(admin, "%s", why.text);
	return status;
}
