/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libconfig, and nothing else of the house: its tree is copied into ours. The text has no @include
 * and is nested at most CONF_NESTING_MAX deep (conf/source.h), which bounds the recursion here and
 * inside the library.
 */
#include "conf/read.h"

#include <libconfig.h>
#include <string.h>

static enum conf_kind kind_of(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return CONF_KIND_GROUP;
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		return CONF_KIND_LIST;
	case CONFIG_TYPE_STRING:
		return CONF_KIND_STRING;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return CONF_KIND_INTEGER;
	case CONFIG_TYPE_BOOL:
		return CONF_KIND_BOOL;
	default:
		return CONF_KIND_REAL;
	}
}

static void copy_node(const struct conf_source *source, const config_setting_t *setting,
		      struct conf_node *node)
{
	node->kind = kind_of(setting);
	node->name = arena_string(source->arena, config_setting_name(setting));
	node->at = conf_source_line(source, config_setting_source_line(setting));
	if (node->kind == CONF_KIND_STRING)
		node->text = arena_string(source->arena, config_setting_get_string(setting));
	else if (node->kind == CONF_KIND_BOOL)
		node->integer = config_setting_get_bool(setting);
	else if (node->kind == CONF_KIND_REAL)
		node->real = config_setting_get_float(setting);
	else if (node->kind == CONF_KIND_INTEGER)
		node->integer = config_setting_get_int64(setting);
	if (node->kind != CONF_KIND_GROUP && node->kind != CONF_KIND_LIST)
		return;
	node->count = (unsigned)config_setting_length(setting);
	node->children = arena_array(source->arena, node->count, sizeof *node->children);
	for (unsigned i = 0; i < node->count; i++)
		copy_node(source, config_setting_get_elem(setting, i), &node->children[i]);
}

static void explain_error(const struct conf_source *source, const config_t *config)
{
	unsigned line = (unsigned)config_error_line(config);
	struct conf_line at = conf_source_line(source, line);
	struct span text = conf_source_excerpt(source, line);
	const char *what = config_error_text(config);
	int length = span_len(text) > 60 ? 60 : (int)span_len(text);

	if (span_empty(text) && source->nesting > 0)
		conf_errors_add(source->errors, at.file, at.line,
				"%s: a bracket that was opened is not closed", what);
	else if (span_empty(text))
		conf_errors_add(source->errors, at.file, at.line, "%s", what);
	else
		conf_errors_add(source->errors, at.file, at.line, "%s at: %.*s", what, length,
				text.p);
}

const struct conf_node *conf_read(const struct conf_source *source)
{
	struct conf_node *node = NULL;
	struct buf text = source->text;
	config_t config;

	config_init(&config);
	if (config_read_string(&config, buf_text(&text)) == CONFIG_TRUE) {
		node = arena_make(source->arena, struct conf_node);
		copy_node(source, config_root_setting(&config), node);
	} else {
		explain_error(source, &config);
	}
	config_destroy(&config);
	return node;
}
