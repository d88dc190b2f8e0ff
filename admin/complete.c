/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign __complete -- WORD...: the words that a shell proposes (admin/cmd_completion.c has
 * the shells' part). Goes through the words of a command line as main.c would, and answers from the
 * tables of commands and options. For the last word, which may be empty, it prints a line for each
 * proposal:
 *
 *     line = ( word [ HTAB what-it-is ] / ":file" / ":directory" ) LF
 *
 * Values are proposed by the name that a value has in the usage line or in the option table (below,
 * kinds); one in lower case stands for itself. Where an option's help ends in a list of words,
 * "auto, always or never", those are its values.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "lib/buf.h"
#include "lib/name.h"

/* A command line up to the word that is being typed. */
struct line {
	struct admin *admin;
	const char *noun;
	const struct admin_verb *verb;
	const struct admin_option *waiting; /* an option whose value is the next word, or NULL */
	bool plain;                         /* "--" was there: no more options */
	const char *given[2];               /* the first arguments */
	unsigned arguments;                 /* how many there are */
	const char *keys;                   /* --keys, or NULL */
	const char *before; /* "--option=", which is put before each proposal, or "" */
	const char *typed;
};

static void offer_word(const struct line *line, const char *word, const char *what)
{
	if (strncmp(word, line->typed, strlen(line->typed)) == 0)
		printf("%s%s\t%s\n", line->before, word, what);
}

static void offer_span(const struct line *line, struct span word)
{
	offer_word(line, arena_span(line->admin->arena, word), "");
}

/* ---- kinds of values ---- */

static void offer_files(const struct line *line)
{
	(void)line;
	puts(":file");
}

static void offer_directories(const struct line *line)
{
	(void)line;
	puts(":directory");
}

static void offer_settings(const struct line *line)
{
	struct conf_option_info info;
	const char *name, *doc;

	for (unsigned i = 0; i < conf_option_count(); i++) {
		conf_option_info(i, line->admin->arena, &info);
		offer_word(line, info.name, info.type);
	}
	for (unsigned i = 0; (name = conf_section(i, &doc)) != NULL; i++) {
		if (*name != '\0')
			offer_word(line, name, doc);
	}
}

static void offer_levels(const struct line *line)
{
	struct conf_option_info info;
	struct span rest, level;
	bool more = true;

	conf_option_info((unsigned)conf_option_find(span_of("log.level")), line->admin->arena,
			 &info);
	rest = span_of(info.range);
	while (span_split(&rest, &more, '|', &level))
		offer_span(line, span_trim(level));
}

/* The names in a directory that end in ENDING, without it. */
static void offer_names(const struct line *line, const char *directory, const char *ending)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		size_t length = strlen(entry->d_name), tail = strlen(ending);

		if (entry->d_name[0] != '.' && length > tail &&
		    strcmp(entry->d_name + length - tail, ending) == 0)
			offer_span(line, span_make(entry->d_name, length - tail));
	}
	if (dir != NULL)
		closedir(dir);
}

static const char *keys_directory(const struct line *line)
{
	const struct conf *conf = line->keys == NULL ? admin_conf(line->admin) : NULL;

	if (line->keys != NULL)
		return line->keys;
	return conf == NULL ? "" : conf->sign.keys;
}

static void offer_domains(const struct line *line)
{
	offer_names(line, keys_directory(line), "");
}

static void offer_selectors(const struct line *line)
{
	if (line->arguments > 0)
		offer_names(
		    line,
		    arena_printf(line->admin->arena, "%s/%s", keys_directory(line), line->given[0]),
		    ".key");
}

static void offer_nouns(const struct line *line)
{
	const struct admin_verb *v, *last = NULL;

	for (unsigned i = 0; (v = admin_verb_at(i)) != NULL; i++) {
		if (!v->hidden && (last == NULL || strcmp(last->noun, v->noun) != 0))
			offer_word(line, v->noun, v->verb == NULL ? v->help : "");
		last = v;
	}
}

static void offer_verbs(const struct line *line, const char *noun)
{
	const struct admin_verb *v;

	for (unsigned i = 0; (v = admin_verb_at(i)) != NULL; i++) {
		if (!v->hidden && v->verb != NULL && strcmp(v->noun, noun) == 0)
			offer_word(line, v->verb, v->help);
	}
}

static void offer_commands(const struct line *line)
{
	if (line->arguments == 0)
		offer_nouns(line);
	else
		offer_verbs(line, line->given[0]);
}

static const struct kind {
	const char *noun; /* NULL: of any command */
	const char *name;
	void (*offer)(const struct line *line);
} kinds[] = {
    {"config", "NAME", offer_settings},  {"key", "NAME", offer_selectors},
    {NULL, "COMMAND", offer_commands},   {NULL, "DIR", offer_directories},
    {NULL, "DOMAIN", offer_domains},     {NULL, "FILE", offer_files},
    {NULL, "LEVEL", offer_levels},       {NULL, "PATH", offer_files},
    {NULL, "SELECTOR", offer_selectors},
};

/* NAME: "FILE|-", "SELECTOR", "bash|zsh|fish". */
static void offer_kinds(const struct line *line, struct span name)
{
	struct span one;
	bool more = true;

	while (span_split(&name, &more, '|', &one)) {
		if (span_empty(one))
			continue;
		if (!char_is_alpha(*one.p) || char_lower(*one.p) == *one.p)
			offer_span(line, one);
		for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
			const struct kind *kind = &kinds[i];

			if (span_eq(one, kind->name) &&
			    (kind->noun == NULL || strcmp(kind->noun, line->noun) == 0))
				kind->offer(line);
		}
	}
}

/* ---- the values of an option ---- */

/* The next item of "a, b (default), c or d"; false behind the last. */
static bool list_item(const char **text, struct span *item)
{
	static const char *const between[] = {", ", " or ", " (", NULL};
	const char *end = *text + strlen(*text), *next = end;

	if (*text == end)
		return false;
	for (unsigned i = 0; between[i] != NULL; i++) {
		const char *found = strstr(*text, between[i]);

		if (found != NULL && found < next)
			next = found;
	}
	*item = (struct span){*text, next};
	if (strncmp(next, " (", 2) == 0)
		next = strchr(next, ')') == NULL ? end : strchr(next, ')') + 1;
	for (unsigned i = 0; i < 2; i++) {
		if (strncmp(next, between[i], strlen(between[i])) == 0) {
			next += strlen(between[i]);
			break;
		}
	}
	*text = next;
	return true;
}

static bool is_word(struct span item)
{
	for (; item.p < item.end; item.p++) {
		if (*item.p != '-' && !char_is_digit(*item.p) &&
		    (!char_is_alpha(*item.p) || char_lower(*item.p) != *item.p))
			return false;
	}
	return true;
}

/* The list of words in which HELP ends, or NULL. */
static const char *list_in(const char *help)
{
	const char *list = help, *next, *at;
	unsigned count = 0;
	struct span item;

	while ((next = strstr(list, ": ")) != NULL)
		list = next + 2;
	for (at = list; list_item(&at, &item); count++) {
		if (span_empty(item) || !is_word(item))
			return NULL;
	}
	return count < 2 ? NULL : list;
}

static void offer_values(const struct line *line, const struct admin_option *option)
{
	const char *list = list_in(option->help);
	struct span item;

	while (list != NULL && list_item(&list, &item))
		offer_span(line, item);
	offer_kinds(line, span_of(option->arg));
}

/* ---- options ---- */

/* WORD: "--name", "--name=value", "-c", "-cvalue". */
static const struct admin_option *option_of(const struct admin_option *options, const char *word)
{
	for (const struct admin_option *o = options; o != NULL && o->name != NULL; o++) {
		struct span name = {word + 2, word + strcspn(word, "=")};

		if (word[1] == '-' ? span_eq(name, o->name) : word[1] == o->letter)
			return o;
	}
	return NULL;
}

static const struct admin_option *option_find(const struct line *line, const char *word)
{
	const struct admin_option *found = NULL;

	if (line->verb != NULL)
		found = option_of(line->verb->options, word);
	return found == NULL ? option_of(admin_global_options, word) : found;
}

static void offer_options(const struct line *line, const struct admin_option *options)
{
	for (const struct admin_option *o = options; o != NULL && o->name != NULL; o++)
		offer_word(
		    line,
		    arena_printf(line->admin->arena, "--%s%s", o->name, o->arg == NULL ? "" : "="),
		    o->help);
}

/* What other proposals depend on. */
static void take_value(struct line *line, const struct admin_option *option, const char *value)
{
	if (strcmp(option->name, "config") == 0)
		line->admin->conf_path = value;
	else if (strcmp(option->name, "keys") == 0)
		line->keys = value;
}

static void take_option(struct line *line, const char *word)
{
	const struct admin_option *option = option_find(line, word);
	const char *value = word[1] == '-' ? strchr(word, '=') : word + 1;

	if (option == NULL || option->arg == NULL)
		return;
	if (value != NULL && value[1] != '\0')
		take_value(line, option, value + 1);
	else
		line->waiting = option;
}

/* ---- words ---- */

static const struct admin_verb *verb_of(const char *noun, const char *verb)
{
	const struct admin_verb *v;

	for (unsigned i = 0; (v = admin_verb_at(i)) != NULL; i++) {
		if (strcmp(v->noun, noun) == 0 &&
		    (v->verb == NULL || (verb != NULL && strcmp(v->verb, verb) == 0)))
			return v;
	}
	return NULL;
}

static void take_word(struct line *line, const char *word)
{
	if (line->waiting != NULL) {
		take_value(line, line->waiting, word);
		line->waiting = NULL;
	} else if (!line->plain && strcmp(word, "--") == 0) {
		line->plain = true;
	} else if (!line->plain && word[0] == '-' && word[1] != '\0') {
		take_option(line, word);
	} else if (line->noun == NULL) {
		line->noun = word;
		line->verb = verb_of(word, NULL);
	} else if (line->verb == NULL) {
		line->verb = verb_of(line->noun, word);
	} else if (line->arguments++ < 2) {
		line->given[line->arguments - 1] = word;
	}
}

/* The name of the argument that comes next, by the usage line: "DOMAIN [SELECTOR]", "--from FILE",
 * "NAME...". */
static struct span next_argument(const struct line *line)
{
	struct span rest = span_of(line->verb->args), word, name = span_of("");
	unsigned at = 0;
	bool more = true;

	while (span_split(&rest, &more, ' ', &word)) {
		while (!span_empty(word) && *word.p == '[')
			word.p++;
		while (!span_empty(word) && strchr("].", word.end[-1]) != NULL)
			word.end--;
		if (span_len(word) > 1 && *word.p == '-')
			span_split(&rest, &more, ' ', &word); /* and its value */
		else if (at++ <= line->arguments)
			name = word;
	}
	if (at <= line->arguments && strstr(line->verb->args, "...") == NULL)
		return span_of("");
	return name;
}

static void offer_next(struct line *line)
{
	const char *equals = strchr(line->typed, '=');
	const struct admin_option *option = NULL;

	if (line->waiting != NULL) {
		offer_values(line, line->waiting);
	} else if (!line->plain && strncmp(line->typed, "--", 2) == 0 && equals != NULL) {
		option = option_find(line, line->typed);
		line->before = arena_printf(line->admin->arena, "%.*s",
					    (int)(equals + 1 - line->typed), line->typed);
		line->typed = equals + 1;
		if (option != NULL && option->arg != NULL)
			offer_values(line, option);
	} else if (!line->plain && line->typed[0] == '-') {
		offer_options(line, line->verb == NULL ? NULL : line->verb->options);
		offer_options(line, admin_global_options);
	} else if (line->noun == NULL) {
		offer_nouns(line);
	} else if (line->verb == NULL) {
		offer_verbs(line, line->noun);
	} else {
		offer_kinds(line, next_argument(line));
	}
}

static int run_complete(struct admin *admin, int argc, char **argv)
{
	struct line line = {.admin = admin, .before = ""};

	if (argc < 3 || strcmp(argv[1], "--") != 0)
		return admin_usage(admin, "wanted: __complete -- WORD...");
	for (int i = 2; i < argc - 1; i++)
		take_word(&line, argv[i]);
	line.typed = argv[argc - 1];
	offer_next(&line);
	return ADMIN_DONE;
}

const struct admin_verb cmd_complete[] = {{"__complete", NULL, "-- WORD...",
					   "Print proposals for the last word", run_complete, NULL,
					   true},
					  {NULL, NULL, NULL, NULL, NULL, NULL, false}};
