/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading: the defaults, then each file in its order, then the checks of sections. Text goes
 * through conf/source.c (includes, numbers) and conf/read.c (the grammar) and arrives here as a
 * tree, whose keys are looked up in the option table.
 *
 * An error never stops the reading of what comes after it, as far as that can be: the
 * administrator sees all of them at once.
 */
#include "conf/conf.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/options.h"

/* One load: what is made, what is wrong, and memory for trees. */
struct load {
	struct conf_reader reader;
	struct conf *conf;
	struct arena *work;
	bool partly;      /* settings with errors will do */
	unsigned scanned; /* errors before values were read from a file */
	bool defaults;    /* what is read now does not count as set */
};

void conf_option_error(const struct conf_reader *reader, const struct conf_option *option,
		       struct conf_line at, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	conf_errors_add(reader->errors, at.file, at.line, "%s: %s", option->name,
			arena_vprintf(reader->errors->arena, format, ap));
	va_end(ap);
}

void conf_refuse(const struct conf *conf, struct conf_errors *errors, const char *option,
		 const char *format, ...)
{
	int i = conf_option_find(span_of(option));
	const char *file;
	unsigned line;
	va_list ap;

	assert(i >= 0);
	if (!conf_origin(conf, (unsigned)i, &file, &line))
		file = errors->file_count > 0 ? errors->files[0] : conf_default_path();
	va_start(ap, format);
	conf_errors_add(errors, file, line, "%s: %s", option,
			arena_vprintf(errors->arena, format, ap));
	va_end(ap);
}

/* ---- names ---- */

static struct span section_of(const char *option)
{
	const char *dot = strchr(option, '.');

	return span_make(option, dot == NULL ? 0 : (size_t)(dot - option));
}

int conf_option_find(struct span name)
{
	for (int i = 0; conf_options[i].name != NULL; i++) {
		if (span_eq(name, conf_options[i].name))
			return i;
	}
	return -1;
}

static bool is_section(struct span name)
{
	for (const struct conf_section *s = conf_sections; s->name != NULL; s++) {
		if (span_eq(name, s->name) && !span_empty(name))
			return true;
	}
	return false;
}

/* The only option whose name behind the section is NAME: a key in the wrong section. */
static const char *find_elsewhere(struct span name)
{
	const char *found = NULL;
	struct span last = name;

	while (name.p < name.end) {
		if (*name.p++ == '.')
			last.p = name.p;
	}
	for (int i = 0; conf_options[i].name != NULL; i++) {
		const char *option = conf_options[i].name;
		struct span section = section_of(option);

		if (!span_eq(last, option + span_len(section) + !span_empty(section)))
			continue;
		if (found != NULL)
			return NULL;
		found = option;
	}
	return found;
}

enum { NAMES_MAX = 512 }; /* all settings and sections */

const char *conf_option_nearest(struct span name)
{
	struct name_code names[NAMES_MAX];
	bool dotted = memchr(name.p, '.', span_len(name)) != NULL;
	const char *found = find_elsewhere(name);
	unsigned n = 0;

	if (found != NULL)
		return found;
	for (int i = 0; conf_options[i].name != NULL; i++)
		names[n++].name = conf_options[i].name;
	for (const struct conf_section *s = &conf_sections[1]; s->name != NULL && !dotted; s++)
		names[n++].name = s->name;
	assert(n < NAMES_MAX);
	names[n].name = NULL;
	return name_nearest(names, name);
}

/* ---- from tree to values ---- */

static void unknown_key(const struct load *load, const struct conf_node *node, const char *name)
{
	const char *nearest = conf_option_nearest(span_of(name));

	if (nearest == NULL)
		conf_errors_add(load->reader.errors, node->at.file, node->at.line, "unknown key %s",
				name);
	else
		conf_errors_add(load->reader.errors, node->at.file, node->at.line,
				"unknown key %s; did you mean %s?", name, nearest);
}

/* Whether the scan has found a number on that line that does not fit: what was read there means
 * nothing. */
static bool is_broken(const struct load *load, const struct conf_node *node)
{
	const struct conf_error *items = load->reader.errors->items;

	for (unsigned i = 0; node->kind == CONF_KIND_INTEGER && i < load->scanned; i++) {
		if (items[i].file == node->at.file && items[i].line == node->at.line)
			return true;
	}
	return false;
}

static void take_option(struct load *load, int option, const struct conf_node *node)
{
	struct conf_line *origin = &load->conf->origins[option];

	if (!load->defaults) {
		origin->file = arena_string(load->conf->arena, node->at.file);
		origin->line = node->at.line;
	}
	if (!is_broken(load, node))
		conf_options[option].type->read(&load->reader, &conf_options[option], node,
						load->conf);
}

/* PREFIX: "" for the file itself, "dns." within a section. */
static void take_group(struct load *load, const struct conf_node *group, const char *prefix)
{
	for (unsigned i = 0; i < group->count; i++) {
		const struct conf_node *node = &group->children[i];
		const char *name = arena_printf(load->work, "%s%s", prefix, node->name);
		int option = conf_option_find(span_of(name));

		if (option >= 0)
			take_option(load, option, node);
		else if (!is_section(span_of(name)))
			unknown_key(load, node, name);
		else if (node->kind != CONF_KIND_GROUP)
			conf_errors_add(load->reader.errors, node->at.file, node->at.line,
					"%s is a section: write %s: { ... };", name, name);
		else
			take_group(load, node, arena_printf(load->work, "%s.", name));
	}
}

static void take_source(struct load *load, const struct conf_source *source)
{
	const struct conf_node *root;

	load->scanned = load->reader.errors->count;
	if (source->failed)
		return;
	root = conf_read(source);
	if (root != NULL)
		take_group(load, root, "");
}

static void take_text(struct load *load, const char *name, const char *text)
{
	struct conf_source source;

	conf_source_text(&source, load->work, load->reader.errors, name, span_of(text));
	take_source(load, &source);
}

static void take_file(struct load *load, const char *path)
{
	struct conf_source source;

	conf_source_file(&source, load->work, load->reader.errors, path);
	take_source(load, &source);
}

/* ---- one load ---- */

/* All options at their defaults, as a text: so that a default is read like any other value. */
static const char *default_text(struct arena *arena)
{
	struct span section = span_of("");
	struct buf text;

	buf_init(&text, arena, 0);
	for (const struct conf_option *o = conf_options; o->name != NULL; o++) {
		struct span s = section_of(o->name);

		if (!span_same(s, section)) {
			buf_string(&text, span_empty(section) ? "" : "};\n");
			buf_span(&text, s);
			buf_string(&text, ": {\n");
			section = s;
		}
		buf_printf(&text, "%s = %s;\n", o->name + span_len(s) + !span_empty(s), o->def);
	}
	buf_string(&text, "};\n");
	return buf_text(&text);
}

static unsigned option_total(void)
{
	unsigned n = 0;

	while (conf_options[n].name != NULL)
		n++;
	return n;
}

static void load_begin(struct load *load, struct conf_errors *errors)
{
	struct arena *arena = arena_new(0);

	memset(load, 0, sizeof *load);
	conf_errors_init(errors);
	load->work = arena_new(0);
	load->conf = arena_make(arena, struct conf);
	load->conf->arena = arena;
	load->conf->origins = arena_array(arena, option_total(), sizeof *load->conf->origins);
	load->reader.arena = arena;
	load->reader.errors = errors;
	load->defaults = true;
	take_text(load, "(the defaults)", default_text(load->work));
	assert(errors->count == 0);
	errors->file_count = 0;
	load->defaults = false;
}

static struct conf *load_end(struct load *load)
{
	struct conf_errors *errors = load->reader.errors;

	for (const struct conf_section *s = conf_sections; s->name != NULL; s++) {
		if (s->check != NULL)
			s->check(&load->reader, load->conf);
	}
	arena_free(load->work);
	conf_errors_sort(errors);
	if (errors->count == 0 || load->partly)
		return load->conf;
	conf_free(load->conf);
	return NULL;
}

/* ---- conf.d ---- */

static bool is_conf(const char *name)
{
	size_t length = strlen(name);

	return *name != '.' && length > 5 && strcmp(name + length - 5, ".conf") == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in DIRECTORY that are read, sorted; 0 when there is none or no such directory. */
static unsigned list_directory(struct load *load, const char *directory, const char ***names)
{
	DIR *dir = opendir(directory);
	unsigned count = 0, cap = 16;
	struct dirent *entry;

	*names = arena_array(load->work, cap, sizeof **names);
	if (dir == NULL && errno != ENOENT && errno != ENOTDIR)
		conf_errors_add(load->reader.errors,
				conf_errors_file(load->reader.errors, directory), 0,
				"cannot be read: %s", strerror(errno));
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (!is_conf(entry->d_name))
			continue;
		if (count == cap) {
			const char **old = *names;

			cap *= 2;
			*names = arena_array(load->work, cap, sizeof **names);
			memcpy(*names, old, count * sizeof *old);
		}
		(*names)[count++] = arena_string(load->work, entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	qsort(*names, count, sizeof **names, by_name);
	return count;
}

static const char *directory_of(struct load *load, const char *path)
{
	const char *slash = strrchr(path, '/');

	return arena_printf(load->work, "%.*sconf.d", slash == NULL ? 0 : (int)(slash - path) + 1,
			    path);
}

static void take_directory(struct load *load, const char *directory)
{
	const char **names;
	unsigned count = list_directory(load, directory, &names);

	for (unsigned i = 0; i < count; i++)
		take_file(load, arena_printf(load->work, "%s/%s", directory, names[i]));
}

/* ---- the room's doors ---- */

const char *conf_default_path(void)
{
	return SYSCONFDIR "/countersign.conf";
}

static struct conf *load_files(const char *path, bool partly, struct conf_errors *errors)
{
	struct load load;

	load_begin(&load, errors);
	load.partly = partly;
	if (path != NULL || access(conf_default_path(), F_OK) == 0 || errno != ENOENT)
		take_file(&load, path == NULL ? conf_default_path() : path);
	take_directory(&load, directory_of(&load, path == NULL ? conf_default_path() : path));
	return load_end(&load);
}

struct conf *conf_load(const char *path, struct conf_errors *errors)
{
	return load_files(path, false, errors);
}

struct conf *conf_load_partly(const char *path)
{
	struct conf_errors errors;
	struct conf *conf = load_files(path, true, &errors);

	conf_errors_free(&errors);
	return conf;
}

struct conf *conf_parse(const char *name, const char *text, struct conf_errors *errors)
{
	struct load load;

	load_begin(&load, errors);
	take_text(&load, name, text);
	return load_end(&load);
}

struct conf *conf_default(void)
{
	struct conf_errors errors;
	struct conf *conf = conf_parse("(nothing)", "", &errors);

	assert(conf != NULL);
	conf_errors_free(&errors);
	return conf;
}

void conf_free(struct conf *conf)
{
	if (conf != NULL)
		arena_free(conf->arena);
}

/* ---- looking at options ---- */

unsigned conf_option_count(void)
{
	return option_total();
}

void conf_option_info(unsigned i, struct arena *arena, struct conf_option_info *info)
{
	const struct conf_option *option = &conf_options[i];
	struct buf range;

	buf_init(&range, arena, 0);
	if (option->type->range != NULL)
		option->type->range(option, &range);
	info->name = option->name;
	info->type = option->what == NULL ? option->type->name : option->what;
	info->def = option->def;
	info->range = range.len == 0 ? NULL : buf_text(&range);
	info->doc = option->doc;
	info->example = option->example;
}

bool conf_origin(const struct conf *conf, unsigned i, const char **file, unsigned *line)
{
	*file = conf->origins[i].file;
	*line = conf->origins[i].line;
	return *file != NULL;
}

void conf_forget_origins(struct conf *conf)
{
	if (conf != NULL)
		memset(conf->origins, 0, option_total() * sizeof *conf->origins);
}

const char *conf_section(unsigned i, const char **doc)
{
	*doc = conf_sections[i].doc;
	return conf_sections[i].name;
}

bool conf_option_section(unsigned i, const char *section)
{
	return span_eq(section_of(conf_options[i].name), section);
}
