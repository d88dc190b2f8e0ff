/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a command says: errors, warnings, notes, and its answer as JSON.
 *
 * As text each message is a line on standard error, at once. With --json the messages are kept, and
 * the end of the program prints one object on standard output, whatever happened: the answer of
 * the command, or an object without one. The members that every object has are added here
 * (doc/json.md): "error", "more_errors", "hint", "warning_texts", "notes" and "exit".
 */
#include "admin/admin.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/jsonout.h"
#include "admin/out.h"

enum said_kind { SAID_ERROR, SAID_WARNING, SAID_NOTE, SAID_KINDS };

static const struct {
	enum out_style style;
	const char *text;
} kinds[SAID_KINDS] = {
    [SAID_ERROR] = {OUT_BAD, "error: "},
    [SAID_WARNING] = {OUT_WARN, "warning: "},
    [SAID_NOTE] = {OUT_PLAIN, ""},
};

struct said_line {
	enum said_kind kind;
	const char *text;
	struct said_line *next;
};

struct admin_said {
	struct arena *arena;
	struct said_line *first, **last;
	const char *hint;
	struct jsonout *answer; /* NULL: none was given */
	bool streams;
	bool held; /* messages are kept, and not printed */
};

void admin_say_begin(struct admin *admin, struct arena *arena)
{
	admin->said = arena_make(arena, struct admin_said);
	admin->said->arena = arena;
	admin->said->last = &admin->said->first;
}

static bool keeps_messages(const struct admin *admin)
{
	return admin->json || admin->said->held;
}

void admin_hold(const struct admin *admin)
{
	admin->said->held = true;
}

const char *admin_held(const struct admin *admin)
{
	struct admin_said *said = admin->said;
	const struct said_line *line = said->first;

	while (line != NULL && line->kind != SAID_ERROR)
		line = line->next;
	said->first = NULL;
	said->last = &said->first;
	return line == NULL ? NULL : line->text;
}

void admin_let_go(const struct admin *admin)
{
	admin_held(admin);
	admin->said->held = false;
}

bool admin_color(const struct admin *admin, FILE *stream)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (admin->color != ADMIN_COLOR_AUTO)
		return admin->color == ADMIN_COLOR_ALWAYS;
	if ((no != NULL && *no != '\0') || (term != NULL && strcmp(term, "dumb") == 0))
		return false;
	return isatty(fileno(stream)) == 1;
}

/* ---- messages ---- */

static void print_line(const struct admin *admin, enum said_kind kind, const char *text)
{
	bool color = admin_color(admin, stderr);

	fputs("countersign: ", stderr);
	fprintf(stderr, "%s%s%s", out_on(kinds[kind].style, color), kinds[kind].text,
		out_off(kinds[kind].style, color));
	out_text(stderr, text);
	fputc('\n', stderr);
}

static void keep_line(const struct admin *admin, enum said_kind kind, const char *text)
{
	struct said_line *line = arena_make(admin->said->arena, struct said_line);

	line->kind = kind;
	line->text = text;
	*admin->said->last = line;
	admin->said->last = &line->next;
}

static void say_line(const struct admin *admin, enum said_kind kind, const char *format, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void say_line(const struct admin *admin, enum said_kind kind, const char *format, va_list ap)
{
	const char *text = arena_vprintf(admin->said->arena, format, ap);

	(keeps_messages(admin) ? keep_line : print_line)(admin, kind, text);
}

#define SAY_LINE(admin, kind, format)                                                              \
	do {                                                                                       \
		va_list ap;                                                                        \
		va_start(ap, format);                                                              \
		say_line((admin), (kind), (format), ap);                                           \
		va_end(ap);                                                                        \
	} while (0)

void admin_error(const struct admin *admin, const char *format, ...)
{
	SAY_LINE(admin, SAID_ERROR, format);
}

void admin_warning(const struct admin *admin, const char *format, ...)
{
	SAY_LINE(admin, SAID_WARNING, format);
}

void admin_note(const struct admin *admin, const char *format, ...)
{
	if (!admin->quiet)
		SAY_LINE(admin, SAID_NOTE, format);
}

void admin_verbose(const struct admin *admin, const char *format, ...)
{
	if (admin->verbose > 0)
		SAY_LINE(admin, SAID_NOTE, format);
}

void admin_hint(const struct admin *admin, const char *format, ...)
{
	va_list ap;
	const char *text;

	va_start(ap, format);
	text = arena_vprintf(admin->said->arena, format, ap);
	va_end(ap);
	if (keeps_messages(admin)) {
		admin->said->hint = text;
		return;
	}
	fputs("Try: ", stderr);
	out_text(stderr, text);
	fputc('\n', stderr);
}

int admin_usage(const struct admin *admin, const char *format, ...)
{
	const struct admin_verb *v = admin->verb;

	SAY_LINE(admin, SAID_ERROR, format);
	if (v == NULL)
		admin_hint(admin, "countersign --help");
	else
		admin_hint(admin, "countersign %s%s%s --help", v->noun, v->verb == NULL ? "" : " ",
			   v->verb == NULL ? "" : v->verb);
	return ADMIN_USAGE;
}

/* In the form that editors know how to jump to. */
void admin_conf_errors(const struct admin *admin, const struct conf_errors *errors)
{
	bool color = admin_color(admin, stderr);

	for (unsigned i = 0; i < errors->count; i++) {
		const struct conf_error *e = &errors->items[i];
		const char *line =
		    e->line > 0 ? arena_printf(admin->said->arena, ":%u", e->line) : "";

		if (keeps_messages(admin)) {
			keep_line(
			    admin, SAID_ERROR,
			    arena_printf(admin->said->arena, "%s%s: %s", e->file, line, e->text));
			continue;
		}
		out_text(stderr, e->file);
		fprintf(stderr, "%s: %serror:%s ", line, out_on(OUT_BAD, color),
			out_off(OUT_BAD, color));
		out_text(stderr, e->text);
		fputc('\n', stderr);
	}
}

/* ---- JSON ---- */

void admin_print_json(const struct admin *admin, struct jsonout *out)
{
	assert(admin->said->answer == NULL && !admin->said->streams);
	admin->said->answer = out;
}

void admin_streams_json(const struct admin *admin)
{
	admin->said->streams = true;
}

/* Of the command that ran, or of the error that kept it from running. */
static const char *schema_name(const struct admin *admin, bool failed)
{
	const struct admin_verb *v = admin->verb;

	if (failed || v == NULL)
		return "error";
	if (v->verb == NULL)
		return v->noun;
	return arena_printf(admin->said->arena, "%s.%s", v->noun, v->verb);
}

/* The lines of KIND from LINE on, as an array; none: no member. */
static void add_lines(struct jsonout *out, const char *key, const struct said_line *line,
		      enum said_kind kind)
{
	while (line != NULL && line->kind != kind)
		line = line->next;
	if (line == NULL)
		return;
	jsonout_array(out, key);
	for (; line != NULL; line = line->next) {
		if (line->kind == kind)
			jsonout_text(out, NULL, line->text);
	}
	jsonout_end(out);
}

/* What helps with this exit status when the error itself does not say. */
static const char *usual_hint(int status)
{
	static const struct {
		int status;
		const char *hint;
	} hints[] = {
	    {ADMIN_UNAVAILABLE, "countersign doctor"},
	    {ADMIN_TEMPORARY, "try again later"},
	    {ADMIN_PERMISSION, "run this as root"},
	    {ADMIN_CONFIG, "countersign config check"},
	};

	for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
		if (hints[i].status == status)
			return hints[i].hint;
	}
	return NULL;
}

static void print_answer(const struct admin *admin, int status)
{
	const struct admin_said *said = admin->said;
	struct jsonout *out = said->answer;
	const struct said_line *error = said->first;

	while (error != NULL && error->kind != SAID_ERROR)
		error = error->next;
	if (said->streams) {
		out = jsonout_rest(said->arena);
	} else if (out == NULL) {
		out = jsonout_new(said->arena, schema_name(admin, error != NULL));
		add_lines(out, "notes", said->first, SAID_NOTE);
	}
	jsonout_end_all(out);
	add_lines(out, "warning_texts", said->first, SAID_WARNING);
	if (error != NULL) {
		jsonout_text(out, "error", error->text);
		add_lines(out, "more_errors", error->next, SAID_ERROR);
		jsonout_text(out, "hint", said->hint != NULL ? said->hint : usual_hint(status));
	}
	jsonout_int(out, "exit", status);
	(said->streams ? jsonout_print_rest : jsonout_print)(out, stdout);
}

int admin_finish(const struct admin *admin, int status)
{
	if (admin->json)
		print_answer(admin, status);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	print_line(admin, SAID_ERROR,
		   arena_printf(admin->said->arena, "standard output: %s", strerror(errno)));
	return ADMIN_IO;
}
