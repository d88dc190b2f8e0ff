/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign config: the settings, checked, shown and explained. All of it comes from the option
 * table; nothing here knows an option.
 */
#include <getopt.h>
#include <string.h>

#include "admin/admin.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "conf/read.h"
#include "context/context.h"
#include "context/sending.h"

/* ---- values as JSON: the text of a value is parsed by the grammar that wrote it ---- */

static void json_node(struct jsonout *out, const char *key, const struct conf_node *node)
{
	switch (node->kind) {
	case CONF_KIND_GROUP:
		jsonout_object(out, key);
		for (unsigned i = 0; i < node->count; i++)
			json_node(out, node->children[i].name, &node->children[i]);
		jsonout_end(out);
		break;
	case CONF_KIND_LIST:
		jsonout_array(out, key);
		for (unsigned i = 0; i < node->count; i++)
			json_node(out, NULL, &node->children[i]);
		jsonout_end(out);
		break;
	case CONF_KIND_STRING:
		jsonout_text(out, key, node->text);
		break;
	case CONF_KIND_INTEGER:
	case CONF_KIND_REAL:
		jsonout_int(out, key, node->integer);
		break;
	case CONF_KIND_BOOL:
		jsonout_bool(out, key, node->integer != 0);
		break;
	}
}

static void json_value(struct jsonout *out, const char *key, const char *value, struct arena *arena)
{
	struct conf_source source;
	struct conf_errors errors;
	const struct conf_node *root;
	const char *text = arena_printf(arena, "v = %s;", value);

	conf_errors_init(&errors);
	conf_source_text(&source, arena, &errors, "value", span_of(text));
	root = conf_read(&source);
	if (root != NULL && root->count == 1)
		json_node(out, key, &root->children[0]);
	else
		jsonout_text(out, key, value);
	conf_errors_free(&errors);
}

/* CONF may be NULL: then only what the table says. */
static void json_option(struct admin *admin, struct jsonout *out, const struct conf *conf,
			unsigned i, bool with_doc)
{
	struct conf_option_info info;
	const char *file;
	unsigned line;

	conf_option_info(i, admin->arena, &info);
	jsonout_object(out, NULL);
	jsonout_text(out, "name", info.name);
	if (conf != NULL) {
		json_value(out, "value", conf_value(conf, i, admin->arena), admin->arena);
		jsonout_bool(out, "changed", conf_changed(conf, i));
		if (conf_origin(conf, i, &file, &line)) {
			jsonout_text(out, "file", file);
			jsonout_int(out, "line", line);
		}
	}
	json_value(out, "default", info.def, admin->arena);
	if (with_doc) {
		jsonout_text(out, "type", info.type);
		jsonout_text(out, "range", info.range);
		jsonout_text(out, "doc", info.doc);
		jsonout_text(out, "example", info.example);
	}
	jsonout_end(out);
}

static void json_show(struct admin *admin, const struct conf *conf, bool changed)
{
	struct jsonout *out = jsonout_new(admin->arena, "config.show");

	jsonout_array(out, "options");
	for (unsigned i = 0; i < conf_option_count(); i++) {
		if (!changed || conf_changed(conf, i))
			json_option(admin, out, conf, i, false);
	}
	admin_print_json(admin, out);
}

static void json_defaults(struct admin *admin)
{
	struct jsonout *out = jsonout_new(admin->arena, "config.defaults");

	jsonout_array(out, "options");
	for (unsigned i = 0; i < conf_option_count(); i++)
		json_option(admin, out, NULL, i, true);
	admin_print_json(admin, out);
}

/* ---- check ---- */

static void json_check(struct admin *admin, bool good, const struct conf_errors *errors)
{
	struct jsonout *out = jsonout_new(admin->arena, "config.check");

	jsonout_bool(out, "ok", good);
	jsonout_array(out, "files");
	for (unsigned i = 0; i < errors->file_count; i++)
		jsonout_text(out, NULL, errors->files[i]);
	jsonout_end(out);
	jsonout_array(out, "errors");
	for (unsigned i = 0; i < errors->count; i++) {
		jsonout_object(out, NULL);
		jsonout_text(out, "file", errors->items[i].file);
		if (errors->items[i].line > 0)
			jsonout_int(out, "line", errors->items[i].line);
		else
			jsonout_null(out, "line");
		jsonout_text(out, "text", errors->items[i].text);
		jsonout_end(out);
	}
	jsonout_end(out);
	admin_print_json(admin, out);
	admin_conf_errors(admin, errors);
}

static void text_check(struct admin *admin, bool good, const struct conf_errors *errors)
{
	bool color = admin_color(admin, stdout);

	admin_conf_errors(admin, errors);
	if (!good)
		admin_note(admin, "%u %s; the settings cannot be used", errors->count,
			   errors->count == 1 ? "error" : "errors");
	for (unsigned i = 0; good && i < errors->file_count && !admin->quiet; i++) {
		out_text(stdout, errors->files[i]);
		printf(": %sok%s\n", out_on(OUT_GOOD, color), out_off(OUT_GOOD, color));
	}
	if (good && errors->file_count == 0)
		admin_note(admin, "there is no %s: all settings have their defaults",
			   admin_conf_path(admin));
}

static int config_check(struct admin *admin, int argc, char **argv)
{
	struct conf_errors errors;
	struct conf *conf;
	const char *warning;
	int status = admin_args(admin, argc, argv, 0, 1);

	if (status != 0)
		return status;
	if (optind < argc)
		admin->conf_path = argv[optind];
	conf = conf_load_verified(admin->conf_path, context_check, &errors);
	warning = conf == NULL ? NULL : sending_check(conf, admin->arena);
	if (warning != NULL)
		admin_warning(admin, "%s", warning);
	if (admin->json)
		json_check(admin, conf != NULL, &errors);
	else
		text_check(admin, conf != NULL, &errors);
	status = conf != NULL ? ADMIN_DONE : ADMIN_CONFIG;
	conf_free(conf);
	conf_errors_free(&errors);
	return status;
}

/* ---- show, defaults ---- */

static void print_settings(const struct conf *conf, enum conf_write_style style)
{
	struct buf text;

	buf_init(&text, NULL, 0);
	conf_write(conf, style, &text);
	fputs(buf_text(&text), stdout);
	buf_free(&text);
}

enum { OPTION_CHANGED = 256 };

static const struct admin_option show_options[] = {
    {"changed", OPTION_CHANGED, NULL, "only settings that differ from their default"},
    {NULL, 0, NULL, NULL}};

static int config_show(struct admin *admin, int argc, char **argv)
{
	enum conf_write_style style = CONF_WRITE_SHOW;
	const struct conf *conf;
	int c;

	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c != OPTION_CHANGED)
			return ADMIN_USAGE;
		style = CONF_WRITE_CHANGED;
	}
	if (optind < argc)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind]);
	conf = admin_conf(admin);
	if (conf == NULL)
		return ADMIN_CONFIG;
	if (admin->json)
		json_show(admin, conf, style == CONF_WRITE_CHANGED);
	else
		print_settings(conf, style);
	return ADMIN_DONE;
}

static int config_defaults(struct admin *admin, int argc, char **argv)
{
	struct conf *conf;
	int status = admin_args(admin, argc, argv, 0, 0);

	if (status != 0)
		return status;
	conf = conf_default();
	if (admin->json)
		json_defaults(admin);
	else
		print_settings(conf, CONF_WRITE_SAMPLE);
	conf_free(conf);
	return ADMIN_DONE;
}

/* ---- explain ---- */

/* TEXT in lines of at most 78 columns. */
static void print_wrapped(const char *text)
{
	struct span rest = span_of(text), word;
	size_t column = 0;
	bool more = true;

	while (span_split(&rest, &more, ' ', &word)) {
		if (column > 0 && column + 1 + span_len(word) > 74) {
			putchar('\n');
			column = 0;
		}
		column += (size_t)printf("%s%.*s", column == 0 ? "    " : " ", (int)span_len(word),
					 word.p);
	}
	putchar('\n');
}

static void explain_option(struct admin *admin, const struct conf *conf, unsigned i)
{
	bool color = admin_color(admin, stdout);
	struct conf_option_info info;
	const char *file;
	unsigned line;

	conf_option_info(i, admin->arena, &info);
	printf("%s%s%s = %s;\n", out_on(OUT_BOLD, color), info.name, out_off(OUT_BOLD, color),
	       info.def);
	print_wrapped(info.doc);
	if (info.range != NULL)
		printf("    %s: %s\n", info.type, info.range);
	else
		printf("    %s\n", info.type);
	if (info.example != NULL)
		printf("    example: %s\n", info.example);
	if (conf != NULL && conf_origin(conf, i, &file, &line)) {
		printf("    set in ");
		out_text(stdout, file);
		printf(":%u to: ", line);
		out_text(stdout, conf_value(conf, i, admin->arena));
		putchar('\n');
	}
}

/* Whether option I is what NAME means: the option itself, or one of the section NAME. */
static bool is_meant(unsigned i, const char *name)
{
	return conf_option_find(span_of(name)) == (int)i ||
	       (*name != '\0' && conf_option_section(i, name));
}

static int unknown_option(struct admin *admin, const char *name)
{
	const char *nearest = conf_option_nearest(span_of(name));

	if (nearest == NULL)
		return admin_usage(admin, "unknown setting %s", name);
	return admin_usage(admin, "unknown setting %s; did you mean %s?", name, nearest);
}

/* All options that NAME means; OUT: as JSON. False when there is none. */
static bool explain_name(struct admin *admin, struct jsonout *out, const struct conf *conf,
			 const char *name, bool *first)
{
	bool found = false;

	for (unsigned i = 0; i < conf_option_count(); i++) {
		if (!is_meant(i, name))
			continue;
		found = true;
		if (out != NULL) {
			json_option(admin, out, conf, i, true);
			continue;
		}
		if (!*first)
			putchar('\n');
		*first = false;
		explain_option(admin, conf, i);
	}
	return found;
}

static int config_explain(struct admin *admin, int argc, char **argv)
{
	int status = admin_args(admin, argc, argv, 1, -1);
	struct jsonout *out = NULL;
	const struct conf *conf;
	bool first = true;

	if (status != 0)
		return status;
	conf = admin_conf(admin);
	if (admin->json) {
		out = jsonout_new(admin->arena, "config.explain");
		jsonout_array(out, "options");
	}
	for (int i = optind; i < argc; i++) {
		if (!explain_name(admin, out, conf, argv[i], &first))
			return unknown_option(admin, argv[i]);
	}
	if (out != NULL)
		admin_print_json(admin, out);
	return ADMIN_DONE;
}

/* ---- mdoc: the options' part of countersign.conf(5) ---- */

/* For a text line or a quoted argument. */
static void mdoc_char(char c)
{
	if (c == '\\')
		fputs("\\e", stdout);
	else if (c == '"')
		fputs("\\(dq", stdout);
	else
		putchar(c);
}

/* Each sentence begins on a line of its own, as mdoc wants it. */
static void mdoc_text(const char *text)
{
	struct span rest = span_of(text), word;
	size_t column = 0;
	bool more = true;

	while (span_split(&rest, &more, ' ', &word)) {
		if (column > 0 && column + 1 + span_len(word) > 78) {
			putchar('\n');
			column = 0;
		}
		if (column > 0)
			putchar(' ');
		else if (!span_empty(word) && (*word.p == '.' || *word.p == '\''))
			fputs("\\&", stdout);
		for (const char *p = word.p; p < word.end; p++)
			mdoc_char(*p);
		column += 1 + span_len(word);
		if (more && !span_empty(word) && word.end[-1] == '.') {
			putchar('\n');
			column = 0;
		}
	}
	putchar('\n');
}

static void mdoc_quoted(const char *macro, const char *text)
{
	printf(".%s \"", macro);
	for (; *text != '\0'; text++)
		mdoc_char(*text);
	printf("\"\n");
}

static void mdoc_option(unsigned i, struct arena *arena)
{
	struct conf_option_info info;

	conf_option_info(i, arena, &info);
	printf(".It Ic %s\n", info.name);
	mdoc_text(info.doc);
	if (info.example != NULL) {
		printf("Example:\n");
		mdoc_quoted("Dl", info.example);
	}
	printf(".Pp\nType: %s%s%s.\nDefault:\n", info.type, info.range == NULL ? "" : ", ",
	       info.range == NULL ? "" : info.range);
	mdoc_quoted("Li", info.def);
}

static int config_mdoc(struct admin *admin, int argc, char **argv)
{
	int status = admin_args(admin, argc, argv, 0, 0);
	const char *section, *doc;

	for (unsigned s = 0; status == 0 && (section = conf_section(s, &doc)) != NULL; s++) {
		printf(".Ss %s\n", *section == '\0' ? "Outside sections" : section);
		if (*doc != '\0')
			mdoc_text(doc);
		printf(".Bl -tag -width Ds\n");
		for (unsigned i = 0; i < conf_option_count(); i++) {
			if (conf_option_section(i, section))
				mdoc_option(i, admin->arena);
		}
		printf(".El\n");
	}
	return status;
}

const struct admin_verb cmd_config[] = {
    {"config", "check", "[FILE]", "Check the settings and print every error", config_check, NULL,
     false},
    {"config", "show", "", "Print the settings in use and where each was set", config_show,
     show_options, false},
    {"config", "defaults", "", "Print a sample file with all settings and what they mean",
     config_defaults, NULL, false},
    {"config", "explain", "NAME...", "Explain settings, or all settings of a section",
     config_explain, NULL, false},
    {"config", "mdoc", "", "Print the settings' part of the manual", config_mdoc, NULL, true},
    {NULL, NULL, NULL, NULL, NULL, NULL, false}};
