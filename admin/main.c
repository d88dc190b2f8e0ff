/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign, the administrator's command: finds the verb in a table and runs it.
 */
#include <getopt.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/program.h"
#include "lib/buf.h"
#include "lib/name.h"

static const struct admin_verb builtin[];

/* One line for each file of commands. */
static const struct admin_verb *const groups[] = {
    cmd_setup,     cmd_migrate,   cmd_doctor,  cmd_config,     cmd_key,    cmd_keylife,
    cmd_keyrotate, cmd_keyimport, cmd_keysync, cmd_keyseal,    cmd_dns,    cmd_message,
    cmd_report,    cmd_inbox,     cmd_stats,   cmd_completion, cmd_daemon, cmd_store,
    builtin,       cmd_verify,    cmd_spf,     cmd_dkim,       cmd_dmarc,  cmd_complete,
    cmd_audit,     cmd_tls,       cmd_bimi,    cmd_page,
};

enum { GROUPS = sizeof groups / sizeof groups[0] };

/* ---- the table of commands ---- */

const struct admin_verb *admin_verb_at(unsigned i)
{
	for (unsigned g = 0; g < GROUPS; g++) {
		for (const struct admin_verb *v = groups[g]; v->noun != NULL; v++) {
			if (i-- == 0)
				return v;
		}
	}
	return NULL;
}

static bool noun_exists(const char *noun)
{
	const struct admin_verb *v;

	for (unsigned i = 0; (v = admin_verb_at(i)) != NULL; i++) {
		if (strcmp(v->noun, noun) == 0)
			return true;
	}
	return false;
}

/* VERB NULL: the entry of a noun that is a command by itself. */
static const struct admin_verb *verb_find(const char *noun, const char *verb)
{
	const struct admin_verb *v;

	for (unsigned i = 0; (v = admin_verb_at(i)) != NULL; i++) {
		if (strcmp(v->noun, noun) != 0)
			continue;
		if (verb == NULL ? v->verb == NULL : v->verb != NULL && strcmp(v->verb, verb) == 0)
			return v;
	}
	return NULL;
}

static int unknown_command(struct admin *admin, const char *noun, const char *word)
{
	const char *meant = admin_meant(admin->arena, noun, word);
	const char *before = noun == NULL ? "" : noun, *blank = noun == NULL ? "" : " ";

	admin->verb = NULL;
	if (meant == NULL)
		return admin_usage(admin, "unknown command \"%s%s%s\"", before, blank, word);
	return admin_usage(admin, "unknown command \"%s%s%s\"; did you mean \"%s\"?", before, blank,
			   word, meant);
}

static int verb_missing(struct admin *admin, const char *noun)
{
	const struct admin_verb *v;
	struct buf list;

	buf_init(&list, admin->arena, 0);
	for (unsigned i = 0; (v = admin_verb_at(i)) != NULL; i++) {
		if (!v->hidden && strcmp(v->noun, noun) == 0)
			buf_printf(&list, "%s%s", list.len == 0 ? "" : ", ", v->verb);
	}
	return admin_usage(admin, "%s what? One of: %s", noun, buf_text(&list));
}

/* ---- commands of the frame itself ---- */

static int cmd_version(struct admin *admin, int argc, char **argv)
{
	int status = admin_args(admin, argc, argv, 0, 0);

	if (status == 0)
		admin_version(admin);
	return status;
}

/* Becomes man(1) at the page of NOUN, where there are a terminal and such a page. */
static void open_manual(struct admin *admin, const char *noun)
{
	const char *page = arena_printf(admin->arena, "countersign-%s", noun), *where;
	const char *const look[] = {"man", "-w", page, NULL};
	struct why why;

	if (isatty(STDOUT_FILENO) == 1 && program_read(admin->arena, look, &where, &why) == 0)
		execlp("man", "man", page, (char *)NULL);
}

static int cmd_help(struct admin *admin, int argc, char **argv)
{
	int status = admin_args(admin, argc, argv, 0, 2);
	const char *noun = argc > optind ? argv[optind] : NULL;
	const char *verb = argc > optind + 1 ? argv[optind + 1] : NULL;
	const struct admin_verb *v;

	if (status != 0)
		return status;
	if (noun != NULL && !noun_exists(noun))
		return unknown_command(admin, NULL, noun);
	v = noun == NULL ? NULL : verb_find(noun, verb);
	if (v == NULL && verb != NULL)
		return unknown_command(admin, noun, verb);
	if (noun != NULL && verb == NULL && !admin->json)
		open_manual(admin, noun);
	if (v != NULL)
		admin_help(admin, v);
	else
		admin_help_all(admin, noun);
	return ADMIN_DONE;
}

static const struct admin_verb builtin[] = {
    {"help", NULL, "[COMMAND...]", "Explain a command", cmd_help, NULL, false},
    {"version", NULL, "", "Print the version", cmd_version, NULL, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false}};

/* ---- finding the command ---- */

/* Takes the options before the next word off ARGC and ARGV. True when the program has to end with
 * *STATUS; else ARGV[0] is the word, or ARGC is 0. NOUN: the word before, or NULL. */
static bool next_word(struct admin *admin, int *argc, char ***argv, const char *noun, int *status)
{
	int c;

	optind = 0; /* starts again, with glibc, musl and the BSDs */
	c = admin_next_option(admin, *argc, *argv, NULL, true);
	if (c == 'h')
		admin_help_all(admin, noun);
	*status = c == 'h' ? ADMIN_DONE : ADMIN_USAGE;
	*argc -= optind;
	*argv += optind;
	return c != -1;
}

static int run_command(struct admin *admin, int argc, char **argv)
{
	const char *noun;
	int status;

	if (next_word(admin, &argc, &argv, NULL, &status))
		return status;
	if (argc == 0)
		return admin_usage(admin, "no command given");
	noun = argv[0];
	if (!noun_exists(noun))
		return unknown_command(admin, NULL, noun);
	admin->verb = verb_find(noun, NULL);
	if (admin->verb == NULL) {
		if (next_word(admin, &argc, &argv, noun, &status))
			return status;
		if (argc == 0)
			return verb_missing(admin, noun);
		admin->verb = verb_find(noun, argv[0]);
	}
	if (admin->verb == NULL)
		return unknown_command(admin, noun, argv[0]);
	if (admin->verb->hidden && admin->json)
		return admin_usage(admin, "%s is not for --json", argv[0]);
	optind = 0;
	return admin->verb->run(admin, argc, argv);
}

/* Whether --json is among the words, wherever: an error in those before it is JSON, too. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *word = argv[i];

		if (strcmp(word, "--json") == 0)
			return true;
		if (word[0] == '-' && word[1] != '-' && strchr(word, 'j') != NULL &&
		    word[1 + strspn(word + 1, "hjqvV")] == '\0')
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct admin admin = {.arena = arena_new(0)};
	int status;

	setlocale(LC_CTYPE, "");
	admin_say_begin(&admin, admin.arena);
	admin.json = wants_json(argc, argv);
	status = admin_finish(&admin, run_command(&admin, argc, argv));
	conf_free(admin.conf);
	arena_free(admin.arena);
	return status;
}
