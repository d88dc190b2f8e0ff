/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scan by the rules of libconfig's lexer (its scanner.l): comments, strings, names, numbers and
 * brackets are told apart, everything is copied, and
 *
 * - an @include, which stands at the beginning of a line, is replaced by the file's text;
 * - a number that does not fit its C type is an error;
 * - brackets nested too deeply, groups of too many keys and very large files are errors: the parser
 *   behind this one is recursive when it frees, and looks for a duplicate key by comparing all.
 */
#include "conf/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/system/readfile.h"

enum { TEXT_MAX = 1 << 20, INCLUDES_MAX = 10, FILES_MAX = 100, KEYS_MAX = 1000 };

/* One text being scanned. */
struct scan {
	struct conf_source *source;
	const char *file;
	const char *begin, *p, *end;
	unsigned line;
	unsigned includes; /* how many files deep */
};

static void report_error(struct scan *s, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void report_failure(struct scan *s, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* An error with which the rest is still worth parsing, so that all is shown at once. */
static void report_error(struct scan *s, unsigned line, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	conf_errors_vadd(s->source->errors, s->file, line, format, ap);
	va_end(ap);
}

static void report_failure(struct scan *s, unsigned line, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	conf_errors_vadd(s->source->errors, s->file, line, format, ap);
	va_end(ap);
	s->source->failed = true;
}

/* ---- the text that comes out, and its lines ---- */

static void set_line(struct conf_source *source, const char *file, unsigned line)
{
	source->lines[source->line_count - 1].file = file;
	source->lines[source->line_count - 1].line = line;
}

static void begin_line(struct conf_source *source, const char *file, unsigned line)
{
	if (source->line_count == source->line_cap) {
		struct conf_line *old = source->lines;

		source->line_cap = source->line_cap == 0 ? 256 : source->line_cap * 2;
		source->lines = arena_array(source->arena, source->line_cap, sizeof *source->lines);
		if (old != NULL)
			memcpy(source->lines, old, source->line_count * sizeof *old);
	}
	source->line_count++;
	set_line(source, file, line);
}

/* Copies up to TO, which may hold line ends. */
static void copy_to(struct scan *s, const char *to)
{
	buf_add(&s->source->text, s->p, (size_t)(to - s->p));
	for (; s->p < to; s->p++) {
		if (*s->p == '\n')
			begin_line(s->source, s->file, ++s->line);
	}
}

/* ---- tokens ---- */

static void comment_line(struct scan *s)
{
	const char *end = memchr(s->p, '\n', (size_t)(s->end - s->p));

	copy_to(s, end == NULL ? s->end : end);
}

static void comment_block(struct scan *s)
{
	const char *p = s->p + 2;

	while (s->end - p >= 2 && !(p[0] == '*' && p[1] == '/'))
		p++;
	if (s->end - p < 2) {
		report_failure(s, s->line, "this comment has no end: */ is missing");
		p = s->end - 2;
	}
	copy_to(s, p + 2);
}

/* The end of the string that begins at P, behind its closing quote; NULL: it has none. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\\')
			p++;
	}
	return p < end ? p + 1 : NULL;
}

static void scan_string(struct scan *s)
{
	const char *end = string_end(s->p, s->end);

	if (end == NULL) {
		report_failure(s, s->line, "this text has no end: the closing \" is missing");
		end = s->end;
	}
	copy_to(s, end);
}

static bool is_name(int c)
{
	return char_is_alnum(c) || c == '-' || c == '_' || c == '*';
}

static void scan_name(struct scan *s)
{
	const char *p = s->p;

	while (p < s->end && is_name((unsigned char)*p))
		p++;
	copy_to(s, p);
}

static const char *digits_end(const char *p, const char *end, bool hex)
{
	while (p < end &&
	       (hex ? char_hex((unsigned char)*p) >= 0 : char_is_digit((unsigned char)*p)))
		p++;
	return p;
}

/* Behind [eE][-+]?[0-9]+, or P where there is no exponent. */
static const char *exponent_end(const char *p, const char *end)
{
	const char *digits = p + 1;

	if (p == end || (*p != 'e' && *p != 'E'))
		return p;
	if (digits < end && (*digits == '-' || *digits == '+'))
		digits++;
	end = digits_end(digits, end, false);
	return end == digits ? p : end;
}

/* Whether DIGITS fit a signed number of 32 or, with the suffix L, 64 bits. */
static bool fits_number(struct span digits, bool hex, bool negative, bool wide)
{
	uint64_t max = wide ? INT64_MAX : INT32_MAX, base = hex ? 16 : 10, n = 0;

	if (negative)
		max++;
	for (; digits.p < digits.end; digits.p++) {
		uint64_t digit = (uint64_t)char_hex((unsigned char)*digits.p);

		if (digit > max || n > (max - digit) / base)
			return false;
		n = n * base + digit;
	}
	return true;
}

/* [-+]?[0-9]+(LL?)?  |  0[xX][0-9a-fA-F]+(LL?)? */
static void check_integer(struct scan *s, const char *begin, const char *end, bool hex)
{
	const char *token = end;

	while (token < s->end && *token == 'L' && token < end + 2)
		token++;
	if (!fits_number(span_make(begin, (size_t)(end - begin)), hex, *s->p == '-', token > end))
		report_error(s, s->line, "%.*s%s is too large for a number",
			     (int)(token - s->p > 40 ? 40 : token - s->p), s->p,
			     token - s->p > 40 ? "..." : "");
	copy_to(s, token);
}

/* A number with a fraction or an exponent cannot wrap around: it is left to the parser. */
static void scan_number(struct scan *s)
{
	const char *begin = s->p + (*s->p == '-' || *s->p == '+');
	const char *end = digits_end(begin, s->end, false), *real;

	if (begin == s->p && s->end - begin > 2 && begin[0] == '0' && char_lower(begin[1]) == 'x' &&
	    char_hex((unsigned char)begin[2]) >= 0) {
		check_integer(s, begin + 2, digits_end(begin + 2, s->end, true), true);
		return;
	}
	if (end < s->end && *end == '.')
		real = exponent_end(digits_end(end + 1, s->end, false), s->end);
	else
		real = exponent_end(end, s->end);
	if (real != end)
		copy_to(s, real);
	else
		check_integer(s, begin, end, false);
}

static void bracket_open(struct scan *s)
{
	struct conf_source *source = s->source;

	if (source->nesting == CONF_NESTING_MAX) {
		report_failure(s, s->line, "brackets are nested too deeply");
		s->p = s->end;
		return;
	}
	source->keys[++source->nesting] = 0;
	copy_to(s, s->p + 1);
}

static void bracket_close(struct scan *s)
{
	if (s->source->nesting > 0)
		s->source->nesting--;
	copy_to(s, s->p + 1);
}

static void scan_key(struct scan *s)
{
	if (++s->source->keys[s->source->nesting] == KEYS_MAX + 1) {
		report_failure(s, s->line, "more than %d keys in one section", KEYS_MAX);
		s->p = s->end;
		return;
	}
	copy_to(s, s->p + 1);
}

/* ---- files ---- */

static void scan_text(struct conf_source *source, const char *file, struct span text,
		      unsigned includes);

/* Opens without waiting for the other end of a pipe; reading one waits. */
static int open_file(const char *path, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return why_set(why, "cannot be opened: %s", strerror(errno));
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode) && fcntl(fd, F_SETFL, 0) == 0)
		return fd;
	close(fd);
	return why_set(why, "is a directory");
}

/* Reads all of a file that is no larger than TEXT_MAX. */
static int read_file(struct conf_source *source, const char *path, struct span *text,
		     struct why *why)
{
	int fd = open_file(path, why), result;

	if (fd < 0)
		return -1;
	result = readfile_fd(source->arena, fd, TEXT_MAX, text, why);
	close(fd);
	return result;
}

static const char *include_path(struct scan *s, struct span name)
{
	const char *slash = strrchr(s->file, '/');
	size_t directory = slash == NULL ? 0 : (size_t)(slash - s->file) + 1;

	if (*name.p == '/')
		directory = 0;
	return arena_printf(s->source->arena, "%.*s%.*s", (int)directory, s->file,
			    (int)span_len(name), name.p);
}

static void include_file(struct scan *s, struct span name)
{
	struct conf_source *source = s->source;
	const char *path;
	struct span text;
	struct why why;

	if (!source->includes) {
		report_error(s, s->line, "@include is not possible here");
	} else if (span_empty(name) || memchr(name.p, '\\', span_len(name)) != NULL) {
		report_error(s, s->line, "@include wants the name of a file, without \\");
	} else if (source->included++ == FILES_MAX) {
		report_failure(s, s->line, "more than %d files are included", FILES_MAX);
	} else if (s->includes == INCLUDES_MAX) {
		report_error(s, s->line, "more than %d files include each other", INCLUDES_MAX);
	} else {
		path = conf_errors_file(source->errors, include_path(s, name));
		if (read_file(source, path, &text, &why) == 0)
			scan_text(source, path, text, s->includes + 1);
		else
			report_error(s, s->line, "@include: %s %s", path, why.text);
	}
}

/* Whether only blanks are before P on its line. */
static bool at_line_start(const struct scan *s)
{
	const char *p = s->p;

	while (p > s->begin && char_is_wsp((unsigned char)p[-1]))
		p--;
	return p == s->begin || p[-1] == '\n';
}

/* ^[ \t]*@include[ \t]+"name" */
static void at_sign(struct scan *s)
{
	struct span rest = span_make(s->p, (size_t)(s->end - s->p));
	const char *quote = s->p + strlen("@include"), *end = NULL;
	struct buf *text = &s->source->text;

	if (!span_istarts(rest, "@include") || !at_line_start(s)) {
		copy_to(s, s->p + 1);
		return;
	}
	while (quote < s->end && char_is_wsp((unsigned char)*quote))
		quote++;
	if (quote < s->end && *quote == '"')
		end = string_end(quote, s->end);
	if (end == NULL) {
		report_error(s, s->line, "@include wants the name of a file in quotes");
		comment_line(s);
		return;
	}
	include_file(s, span_make(quote + 1, (size_t)(end - quote) - 2));
	s->p = end;
	if (text->len > 0 && text->data[text->len - 1] != '\n') {
		buf_char(text, '\n');
		begin_line(s->source, s->file, s->line);
	} else {
		set_line(s->source, s->file, s->line);
	}
}

static bool begins_number(int c, int next)
{
	return char_is_digit(c) || c == '.' ||
	       ((c == '-' || c == '+') && (char_is_digit(next) || next == '.'));
}

static void scan_token(struct scan *s)
{
	int c = (unsigned char)*s->p, next = s->end - s->p > 1 ? (unsigned char)s->p[1] : 0;

	if (c == '#' || (c == '/' && next == '/'))
		comment_line(s);
	else if (c == '/' && next == '*')
		comment_block(s);
	else if (c == '"')
		scan_string(s);
	else if (char_is_alpha(c) || c == '*')
		scan_name(s);
	else if (begins_number(c, next))
		scan_number(s);
	else if (c == '{' || c == '[' || c == '(')
		bracket_open(s);
	else if (c == '}' || c == ']' || c == ')')
		bracket_close(s);
	else if (c == '=' || c == ':')
		scan_key(s);
	else if (c == '@')
		at_sign(s);
	else
		copy_to(s, s->p + 1);
}

static void scan_text(struct conf_source *source, const char *file, struct span text,
		      unsigned includes)
{
	struct scan s = {source, file, text.p, text.p, text.end, 1, includes};

	if (span_istarts(text, "\xef\xbb\xbf")) /* an editor's mark of UTF-8 */
		s.begin = s.p += 3;
	if (source->line_count == 0)
		begin_line(source, file, 1);
	else
		set_line(source, file, 1);
	if (memchr(text.p, '\0', span_len(text)) != NULL) {
		report_failure(&s, 0, "contains a NUL byte and is not a text file");
		return;
	}
	while (s.p < s.end && !source->text.failed)
		scan_token(&s);
	if (source->text.failed)
		report_failure(&s, 0, "is, with what it includes, larger than 1 MiB");
}

static void init_source(struct conf_source *source, struct arena *arena, struct conf_errors *errors,
			const char *name)
{
	memset(source, 0, sizeof *source);
	source->arena = arena;
	source->errors = errors;
	source->file = conf_errors_file(errors, name);
	buf_init(&source->text, arena, TEXT_MAX);
}

void conf_source_text(struct conf_source *source, struct arena *arena, struct conf_errors *errors,
		      const char *name, struct span text)
{
	init_source(source, arena, errors, name);
	scan_text(source, source->file, text, 0);
}

void conf_source_file(struct conf_source *source, struct arena *arena, struct conf_errors *errors,
		      const char *path)
{
	struct span text;
	struct why why;

	init_source(source, arena, errors, path);
	source->includes = true;
	if (read_file(source, path, &text, &why) == 0) {
		scan_text(source, source->file, text, 0);
		return;
	}
	conf_errors_add(errors, source->file, 0, "%s", why.text);
	source->failed = true;
}

struct conf_line conf_source_line(const struct conf_source *source, unsigned line)
{
	struct conf_line none = {source->file, 0};

	if (line == 0 || line > source->line_count)
		return none;
	return source->lines[line - 1];
}

struct span conf_source_excerpt(const struct conf_source *source, unsigned line)
{
	struct span rest = buf_view(&source->text), part = {rest.end, rest.end};
	bool more = true;

	while (line-- > 0 && span_split(&rest, &more, '\n', &part))
		continue;
	return span_trim(part);
}
