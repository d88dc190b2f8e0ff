/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign [options] NOUN [VERB] [options] [arguments]`: what a command gets and returns.
 *
 * A file of commands (admin/cmd_NOUN.c) exports one table of struct admin_verb, which ends with a
 * NULL noun; it is named below and in admin/main.c. Long options, their help and their letters are
 * in tables too, so that --help, the manual and the parser cannot disagree.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdbool.h>
#include <stdio.h>

#include "conf/conf.h"
#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

/* Exit codes: 1 is the answer "no" or a finding, 2 that a part was left out, the others are those
 * of sysexits.h. */
enum admin_exit {
	ADMIN_DONE = 0,
	ADMIN_NO = 1,
	ADMIN_PARTLY = 2,
	ADMIN_USAGE = 64,
	ADMIN_BAD_INPUT = 65,
	ADMIN_NO_INPUT = 66,
	ADMIN_UNAVAILABLE = 69, /* the daemon or the ledger cannot be reached */
	ADMIN_INTERNAL = 70,
	ADMIN_CANT_CREATE = 73,
	ADMIN_IO = 74,
	ADMIN_TEMPORARY = 75, /* a DNS timeout, a lock: try again */
	ADMIN_PERMISSION = 77,
	ADMIN_CONFIG = 78
};

enum admin_color { ADMIN_COLOR_AUTO, ADMIN_COLOR_ALWAYS, ADMIN_COLOR_NEVER };

/* One option. LETTER: 'c' is also -c; 256 and above: no short form. ARG: NULL, or the name of its
 * value in the help. A help that ends in a list of words, "auto, always or never", tells a shell
 * what to propose. A table ends with a NULL name. */
struct admin_option {
	const char *name;
	int letter;
	const char *arg;
	const char *help;
};

struct admin;
struct admin_said;
struct jsonout;

/* ARGV[0] is the verb (the noun where there is no verb), the rest is what followed it. */
typedef int admin_run(struct admin *admin, int argc, char **argv);

struct admin_verb {
	const char *noun;
	const char *verb; /* NULL: the noun alone is the command */
	const char *args; /* of the usage line: "DOMAIN...", "" */
	const char *help; /* one sentence, no full stop */
	admin_run *run;
	const struct admin_option *options; /* its own ones, or NULL */
	bool hidden;                        /* not in --help */
};

struct admin {
	const char *conf_path; /* NULL: the default one, which may be absent */
	bool json;
	bool quiet;
	unsigned verbose;
	enum admin_color color;
	struct conf_strings resolvers; /* --resolver: in place of dns.servers */
	int64_t timeout;               /* --timeout: in place of dns.timeout; 0: not given */
	struct arena *arena;           /* lives as long as the command */
	const struct admin_verb *verb;
	struct conf *conf;       /* see admin_conf */
	struct admin_said *said; /* with --json: what is printed at the end; see admin/say.c */
};

/*
 * The next option of the command, global ones being dealt with here; works like getopt_long, and
 * options may stand behind arguments. Returns the option's letter (its value is in optarg), '?'
 * after the error was printed (the command returns ADMIN_USAGE), or -1 at the end: the arguments
 * are then argv[optind] .. argv[argc - 1]. --help ends the program.
 */
int admin_getopt(struct admin *admin, int argc, char **argv);

/* For commands without options of their own: parses, and checks the number of arguments. 0, or
 * ADMIN_USAGE after the error was printed. MAX -1: no limit. */
int admin_args(struct admin *admin, int argc, char **argv, int min, int max);

/* The settings (--resolver included), read at the first call. NULL after all that is wrong with
 * them was printed; the command returns ADMIN_CONFIG. The default file may be absent. */
const struct conf *admin_conf(struct admin *admin);
const char *admin_conf_path(const struct admin *admin); /* never NULL */
void admin_conf_errors(const struct admin *admin, const struct conf_errors *errors);

/* A file that an argument or a setting names, at most 2 MiB, in the command's arena. ADMIN_DONE, or
 * the exit status after the error was printed. */
int admin_read_file(struct admin *admin, const char *path, struct span *bytes);

/*
 * Messages. Each is one line on standard error. With --json they go into the object that is printed
 * on standard output at the end of the program (doc/json.md): the first error is its "error".
 */
void admin_error(const struct admin *admin, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void admin_warning(const struct admin *admin, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void admin_note(const struct admin *admin, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* not with -q */
void admin_verbose(const struct admin *admin, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* only with -v */

/* After an error: the command to type next. */
void admin_hint(const struct admin *admin, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The error, with --help of the command as the hint; returns ADMIN_USAGE. */
int admin_usage(const struct admin *admin, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The answer of a command as JSON, printed at the end of the program; one for each run. */
void admin_print_json(const struct admin *admin, struct jsonout *out);

/* The command prints its object on standard output itself, since it may be large, from "schema" on
 * and without the last brace: the rest follows at the end of the program. */
void admin_streams_json(const struct admin *admin);

/* From now on messages are kept in place of being printed: a page is on the terminal. */
void admin_hold(const struct admin *admin);
const char *
admin_held(const struct admin *admin);        /* the first error since, or NULL; all is forgotten */
void admin_let_go(const struct admin *admin); /* likewise, and messages are printed again */

/* Before anything is said; messages live in ARENA. */
void admin_say_begin(struct admin *admin, struct arena *arena);

/* Prints what JSON there is and flushes standard output. Returns the exit status: STATUS, or
 * ADMIN_IO when that failed. */
int admin_finish(const struct admin *admin, int status);

/* Whether what is written to STREAM may have colours. */
bool admin_color(const struct admin *admin, FILE *stream);

/* ---- the commands: one table for each file ---- */
extern const struct admin_verb cmd_audit[];
extern const struct admin_verb cmd_bimi[];
extern const struct admin_verb cmd_complete[];
extern const struct admin_verb cmd_completion[];
extern const struct admin_verb cmd_config[];
extern const struct admin_verb cmd_dkim[];
extern const struct admin_verb cmd_dmarc[];
extern const struct admin_verb cmd_dns[];
extern const struct admin_verb cmd_doctor[];
extern const struct admin_verb cmd_daemon[];
extern const struct admin_verb cmd_inbox[];
extern const struct admin_verb cmd_key[];
extern const struct admin_verb cmd_keyimport[];
extern const struct admin_verb cmd_keylife[];
extern const struct admin_verb cmd_keyrotate[];
extern const struct admin_verb cmd_keysync[];
extern const struct admin_verb cmd_keyseal[];
extern const struct admin_verb cmd_message[];
extern const struct admin_verb cmd_migrate[];
extern const struct admin_verb cmd_page[];
extern const struct admin_verb cmd_report[];
extern const struct admin_verb cmd_setup[];
extern const struct admin_verb cmd_spf[];
extern const struct admin_verb cmd_stats[];
extern const struct admin_verb cmd_store[];
extern const struct admin_verb cmd_tls[];
extern const struct admin_verb cmd_verify[];

/* ---- for main.c and complete.c ---- */

/* The I-th command of all tables, or NULL. */
const struct admin_verb *admin_verb_at(unsigned i);

extern const struct admin_option admin_global_options[];

/* As admin_getopt, with the options OWN (or NULL) beside the global ones; 'h' is returned too.
 * STOP: ends at the first argument. */
int admin_next_option(struct admin *admin, int argc, char **argv, const struct admin_option *own,
		      bool stop);

/* ---- admin/help.c ---- */
void admin_help(const struct admin *admin, const struct admin_verb *verb);
void admin_help_all(const struct admin *admin, const char *noun); /* NOUN NULL: of every command */
void admin_version(const struct admin *admin);

/* What WORD, given in place of a command (NOUN NULL) or of a verb of NOUN, was most likely meant to
 * be: "key gen"; NULL: nothing is near. */
const char *admin_meant(struct arena *arena, const char *noun, const char *word);

#endif
