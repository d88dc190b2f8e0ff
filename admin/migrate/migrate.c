/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines in, settings out. What a conversion makes is read back by the parser of countersign.conf
 * before it is believed, so that the result is always a valid file.
 */
#include "admin/migrate/migrate.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "admin/migrate/opendkim_text.h"
#include "admin/migrate/program.h"
#include "conf/conf.h"
#include "conf/options.h"

enum { SHOWN_MAX = 120, NUMBER_MAX = 1 << 30, INCLUDE_DEPTH = 5, INCLUDES = 64 };

static const struct migrate_option *const tables[] = {
    [MIGRATE_OPENDKIM] = migrate_opendkim_options,
    [MIGRATE_OPENDMARC] = migrate_opendmarc_options,
    [MIGRATE_SPF] = migrate_spf_options,
    [MIGRATE_OPENARC] = migrate_openarc_options,
    [MIGRATE_DKIMPY] = migrate_dkimpy_options,
    [MIGRATE_PARSEDMARC] = migrate_parsedmarc_options,
};

bool migrate_option(enum migrate_source source, unsigned i, struct migrate_answer *answer)
{
	const struct migrate_option *option = &tables[source][i];

	if (option->name == NULL)
		return false;
	answer->name = option->name;
	answer->theirs = option->theirs;
	answer->ours = option->ours == NULL ? "none" : option->ours;
	answer->reason = option->reason == NULL ? "" : option->reason;
	return true;
}

/* ---- settings ---- */

const char *migrate_quote(struct migrate *m, const char *text)
{
	struct buf out;

	buf_init(&out, m->arena, 0);
	conf_quote(text, &out);
	return buf_text(&out);
}

const char *migrate_find(const struct migrate *m, const char *name)
{
	for (unsigned i = 0; i < m->setting_count; i++) {
		if (strcmp(m->settings[i].name, name) == 0)
			return m->settings[i].value;
	}
	return NULL;
}

/* "dmarc: { enforce = x; };"; an account is only valid with its user. */
static const char *write_file(struct migrate *m, const char *name, const char *value)
{
	const char *dot = strchr(name, '.');
	const char *user =
	    strcmp(name, "inbox.imap") == 0 ? migrate_find(m, "inbox.imap_user") : NULL;

	if (dot == NULL)
		return arena_printf(m->arena, "%s = %s;\n", name, value);
	return arena_printf(m->arena, "%.*s: { %s%s%s%s = %s; };\n", (int)(dot - name), name,
			    user == NULL ? "" : "imap_user = ", user == NULL ? "" : user,
			    user == NULL ? "" : "; ", dot + 1, value);
}

int migrate_set(struct migrate *m, const char *name, const char *value, struct why *why)
{
	struct conf_errors errors;
	struct conf *conf = conf_parse("migrated", write_file(m, name, value), &errors);
	unsigned i = 0;

	if (conf == NULL)
		why_set(why, "%s", errors.count > 0 ? errors.items[0].text : "invalid");
	conf_errors_free(&errors);
	if (conf == NULL)
		return -1;
	conf_free(conf);
	while (i < m->setting_count && strcmp(m->settings[i].name, name) != 0)
		i++;
	assert(i < MIGRATE_SETTINGS);
	m->settings[i] = (struct migrate_setting){name, value};
	m->setting_count += i == m->setting_count;
	return 0;
}

void migrate_put(struct migrate *m, const char *name, const char *value)
{
	struct why why;
	int result = migrate_set(m, name, value, &why);

	assert(result == 0);
	(void)result;
}

/* TEXT on one line, printable, of a bearable length. */
static const char *make_printable(struct migrate *m, struct span text, size_t max)
{
	char *out;

	if (span_len(text) > max)
		text.end = text.p + max;
	out = arena_span(m->arena, text);
	for (char *p = out; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	}
	return out;
}

void migrate_leave(struct migrate *m, const char *at, const char *format, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, format);
	text = arena_vprintf(m->arena, format, ap);
	va_end(ap);
	text = arena_printf(m->arena, "%s: %s", at == NULL ? m->at : at, text);
	if (m->warning_count == m->warning_room) {
		const char **more;

		m->warning_room = m->warning_room == 0 ? 16 : m->warning_room * 2;
		more = arena_array(m->arena, m->warning_room, sizeof *more);
		if (m->warning_count > 0)
			memcpy(more, m->warnings, m->warning_count * sizeof *more);
		m->warnings = more;
	}
	m->warnings[m->warning_count++] = make_printable(m, span_of(text), 600);
}

/* ---- values ---- */

int migrate_take_text(struct migrate *m, const struct migrate_option *option, struct span value,
		      struct why *why)
{
	return migrate_set(m, option->ours, migrate_quote(m, arena_span(m->arena, value)), why);
}

int migrate_take_number(struct migrate *m, const struct migrate_option *option, struct span value,
			struct why *why)
{
	uint64_t number;

	if (!span_number(value, NUMBER_MAX, &number))
		return why_set(why, "not a number from 0 to %d", NUMBER_MAX);
	return migrate_set(m, option->ours, arena_printf(m->arena, "%u", (unsigned)number), why);
}

int migrate_take_seconds(struct migrate *m, const struct migrate_option *option, struct span value,
			 struct why *why)
{
	uint64_t number;

	if (!span_number(value, NUMBER_MAX, &number))
		return why_set(why, "not a number of seconds");
	return migrate_set(m, option->ours, arena_printf(m->arena, "\"%us\"", (unsigned)number),
			   why);
}

int migrate_truth(struct span value)
{
	if (span_empty(value))
		return -1;
	if (memchr("TtYy1", *value.p, 5) != NULL)
		return 1;
	return memchr("FfNn0", *value.p, 5) != NULL ? 0 : -1;
}

bool migrate_next_item(struct span *rest, struct span *item)
{
	while (rest->p < rest->end && (*rest->p == ',' || char_is_space((unsigned char)*rest->p)))
		rest->p++;
	item->p = rest->p;
	while (rest->p < rest->end && *rest->p != ',' && !char_is_space((unsigned char)*rest->p))
		rest->p++;
	item->end = rest->p;
	return !span_empty(*item);
}

int migrate_take_list(struct migrate *m, const struct migrate_option *option, struct span value,
		      struct why *why)
{
	struct span item, where;
	struct buf out;

	if (opendkim_dataset(value, &where) != OPENDKIM_LIST)
		return why_set(why, "only a list on the line itself is read");
	buf_init(&out, m->arena, 0);
	while (migrate_next_item(&where, &item))
		buf_printf(&out, "%s%s", out.len == 0 ? "" : ", ",
			   migrate_quote(m, arena_span(m->arena, item)));
	return migrate_set(m, option->ours, arena_printf(m->arena, "[ %s ]", buf_text(&out)), why);
}

struct migrate_fact migrate_note(const struct migrate *m, struct span value)
{
	return (struct migrate_fact){m->at, value};
}

int migrate_take_fact(struct migrate *m, const struct migrate_option *option, struct span value,
		      struct why *why)
{
	struct migrate_fact *fact = (struct migrate_fact *)(void *)((char *)m + option->fact);

	(void)why;
	*fact = migrate_note(m, value);
	return 0;
}

void migrate_add_host(struct migrate *m, struct migrate_hosts *hosts, struct span item)
{
	bool excluded = *item.p == '!';
	struct why why;

	if (span_ieq(item, "localhost"))
		item = span_of("127.0.0.1");
	if (hostset_add(&hosts->set, m->arena, item, &why) == 0)
		return;
	if (excluded == hosts->takes_away)
		migrate_leave(m, NULL, "%s is left out: %s", arena_span(m->arena, item), why.text);
	else if (hosts->unsayable == NULL)
		hosts->unsayable = arena_span(m->arena, item);
}

/* ---- lines ---- */

static const struct migrate_option *find_option(enum migrate_source source, struct span name)
{
	for (const struct migrate_option *o = tables[source]; o->name != NULL; o++) {
		if (span_ieq(name, o->name))
			return o;
	}
	return NULL;
}

static bool is_word_for(struct span value, struct span word)
{
	if (span_eq(word, "*"))
		return true;
	if (span_eq(word, "yes"))
		return migrate_truth(value) == 1;
	if (span_eq(word, "no"))
		return migrate_truth(value) == 0;
	return span_isame(value, word);
}

/* Is nothing lost of an option without conversion? */
static bool loses_nothing(const struct migrate_option *option, struct span value)
{
	struct span rest = span_of(option->same), word;

	while (migrate_next_item(&rest, &word)) {
		if (is_word_for(value, word))
			return true;
	}
	return false;
}

/* What becomes of a line, for its comment. */
static const char *answer_line(struct migrate *m, const struct migrate_option *option,
			       struct span value)
{
	unsigned before = m->warning_count;
	struct why why = {""};

	if (option == NULL) {
		m->unknown++;
		return "NOT KNOWN: misspelt?";
	}
	if (option->convert == NULL && loses_nothing(option, value))
		return arena_printf(m->arena, "nothing to write: %s", option->reason);
	if (option->convert == NULL) {
		migrate_leave(m, NULL, "%s", option->reason);
		return arena_printf(m->arena, "LEFT OUT: %s", option->reason);
	}
	if (option->convert(m, option, value, &why) == -1) {
		migrate_leave(m, NULL, "%s", why.text);
		return arena_printf(m->arena, "LEFT OUT: %s",
				    make_printable(m, span_of(why.text), 400));
	}
	return arena_printf(m->arena, "%s%s%s%s%s", option->ours == NULL ? "" : "-> ",
			    option->ours == NULL ? "" : option->ours,
			    option->ours == NULL || option->reason == NULL ? "" : "; ",
			    option->reason == NULL ? "" : option->reason,
			    m->warning_count == before ? "" : "; PARTLY LEFT OUT, see the end");
}

/* A line of policyd-spf is NAME = VALUE. */
static void split_at_equals(struct span *name, struct span *value)
{
	struct span line = span_make(name->p, (size_t)(value->end - name->p));
	const char *equals = memchr(line.p, '=', span_len(line));

	if (equals == NULL)
		equals = line.end;
	*name = span_trim((struct span){line.p, equals});
	*value = span_trim((struct span){equals + (equals < line.end), line.end});
}

/* The comments repeat each line, but not a password. */
static bool is_secret(struct span word)
{
	static const char end[] = ".password";
	size_t length = sizeof end - 1;

	return span_len(word) >= length && strncasecmp(word.end - length, end, length) == 0;
}

static void read_lines(struct migrate *m, enum migrate_source source, const char *file,
		       struct span text)
{
	struct span word, value, section = span_of("");
	unsigned line = 0;

	buf_printf(&m->comments, "#\n# %s\n", file);
	while (source == MIGRATE_PARSEDMARC
		   ? migrate_ini_line(m, &text, &line, &section, &word, &value)
		   : opendkim_line(&text, &line, &word, &value)) {
		if (source == MIGRATE_SPF)
			split_at_equals(&word, &value);
		m->at = arena_printf(m->arena, "%s:%u: %s", file, line,
				     make_printable(m, word, SHOWN_MAX));
		buf_printf(&m->comments, "# %u: %s %s\n#     %s\n", line,
			   make_printable(m, word, SHOWN_MAX),
			   is_secret(word) ? "(not shown)" : make_printable(m, value, SHOWN_MAX),
			   answer_line(m, find_option(source, word), value));
	}
	m->at = NULL;
}

int migrate_include(struct migrate *m, enum migrate_source source, struct span path,
		    struct why *why)
{
	const char *at = m->at;
	struct span text;

	if (m->depth == INCLUDE_DEPTH || m->includes == INCLUDES)
		return why_set(why, "more than %d files are included, or deeper than %d levels",
			       INCLUDES, INCLUDE_DEPTH);
	if (m->read(m->arg, arena_span(m->arena, path), &text, why) == -1)
		return -1;
	m->includes++;
	m->depth++;
	read_lines(m, source, make_printable(m, path, 300), text);
	m->depth--;
	m->at = at;
	return 0;
}

void migrate_text(struct migrate *m, enum migrate_source source, const char *name, struct span text)
{
	assert(m->files[source] == NULL);
	m->files[source] = make_printable(m, span_of(name), 300);
	read_lines(m, source, m->files[source], text);
}

/* ---- the file ---- */

struct migrate *migrate_new(struct arena *arena, const char *hostname, migrate_read *read,
			    void *arg)
{
	struct migrate *m = arena_make(arena, struct migrate);

	m->arena = arena;
	m->hostname = hostname;
	m->read = read;
	m->arg = arg;
	buf_init(&m->comments, arena, 0);
	buf_init(&m->opendmarc.ignored_authors, arena, 0);
	buf_init(&m->signer.services, arena, 0);
	buf_init(&m->signer.inbound, arena, 0);
	return m;
}

static void write_section(const struct migrate *m, const char *section, struct buf *out)
{
	size_t n = strlen(section);
	bool open = false;

	for (unsigned i = 0; i < m->setting_count; i++) {
		const struct migrate_setting *s = &m->settings[i];
		const char *dot = strchr(s->name, '.');

		if (dot == NULL ? n != 0
				: (size_t)(dot - s->name) != n || memcmp(s->name, section, n) != 0)
			continue;
		if (dot != NULL && !open)
			buf_printf(out, "%s: {\n", section);
		open = dot != NULL;
		buf_printf(out, "%s%s = %s;\n", dot == NULL ? "" : "\t",
			   dot == NULL ? s->name : dot + 1, s->value);
	}
	if (open)
		buf_string(out, "};\n");
}

void migrate_state_sender(struct migrate *m, const char *sender)
{
	m->sender = sender;
}

const char *migrate_result(struct migrate *m)
{
	const char *section, *doc;
	struct buf out;

	migrate_finish_networks(m);
	migrate_finish_services(m);
	migrate_finish_authserv(m);
	migrate_finish_subdomains(m);
	migrate_finish_sealing(m);
	migrate_finish_actions(m);
	migrate_finish_account(m);
	if (migrate_has_keys(m) && m->sender != NULL)
		migrate_put(m, "sign.sender", arena_printf(m->arena, "\"%s\"", m->sender));
	buf_init(&out, m->arena, 0);
	buf_string(&out,
		   "# countersign.conf(5), made by countersign migrate. What each line became:\n");
	buf_span(&out, buf_view(&m->comments));
	if (m->warning_count > 0)
		buf_string(&out, "#\n# Left out, because there is no exact equivalent:\n");
	for (unsigned i = 0; i < m->warning_count; i++)
		buf_printf(&out, "# - %s\n", m->warnings[i]);
	if (migrate_has_keys(m) && m->sender == NULL)
		buf_printf(
		    &out,
		    "#\n# %s signed mail of every login as every domain with a key. Here a "
		    "login signs for\n# its own domain; others are for sign.logins and "
		    "sign.aliases. If every login may use every\n# domain with a key: sign: { "
		    "sender = \"any\"; };\n",
		    m->files[MIGRATE_DKIMPY] == NULL ? "OpenDKIM" : "dkimpy-milter");
	buf_char(&out, '\n');
	for (unsigned i = 0; (section = conf_section(i, &doc)) != NULL; i++)
		write_section(m, section, &out);
	return buf_text(&out);
}

unsigned migrate_left_out(const struct migrate *m)
{
	return m->warning_count;
}

const char *migrate_warning(const struct migrate *m, unsigned i)
{
	assert(i < m->warning_count);
	return m->warnings[i];
}

unsigned migrate_unknown(const struct migrate *m)
{
	return m->unknown;
}

bool migrate_has_keys(const struct migrate *m)
{
	return m->signer.key.at != NULL || m->signer.keytable.at != NULL;
}
