/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The option table: every key a file of settings can have is declared once, in conf/options.c.
 */
#ifndef CONF_OPTIONS_H
#define CONF_OPTIONS_H

#include "conf/read.h"
#include "lib/name.h"

struct conf_option;

/* What reads values into the settings' own arena and reports errors in them. */
struct conf_reader {
	struct arena *arena;
	struct conf_errors *errors;
};

/* How a kind of value is read, written and described. BASE is the struct that has the field. */
struct conf_type {
	const char *name;    /* "duration" */
	const char *expects; /* "a duration in quotes, such as \"8s\"" */
	void (*read)(const struct conf_reader *reader, const struct conf_option *option,
		     const struct conf_node *node, void *base);
	void (*write)(const struct conf_option *option, const void *base, struct buf *out);
	void (*range)(const struct conf_option *option, struct buf *out); /* or NULL */
};

extern const struct conf_type conf_type_bool;
extern const struct conf_type conf_type_integer;
extern const struct conf_type conf_type_duration;  /* int64_t, nanoseconds */
extern const struct conf_type conf_type_size;      /* int64_t, bytes */
extern const struct conf_type conf_type_mode;      /* int64_t, permissions of a file */
extern const struct conf_type conf_type_share;     /* int64_t, of CONF_SHARE_ALL */
extern const struct conf_type conf_type_choice;    /* an enum */
extern const struct conf_type conf_type_text;      /* const char * */
extern const struct conf_type conf_type_url;       /* const char *: its secrets are not shown */
extern const struct conf_type conf_type_path;      /* const char *: absolute, or "" */
extern const struct conf_type conf_type_texts;     /* struct conf_strings */
extern const struct conf_type conf_type_networks;  /* struct conf_networks */
extern const struct conf_type conf_type_listeners; /* struct conf_strings, const enum conf_role * */
extern const struct conf_type conf_type_records;   /* const STRUCT *, unsigned */

struct conf_option {
	const char *name; /* "dmarc.enforce"; within a record "domain" */
	const struct conf_type *type;
	size_t offset;
	size_t count_offset; /* records: of their number; listeners: of their roles */
	int64_t min, max; /* number: itself; text: its length; lists: of entries; max 0: no bound */
	const struct name_code *choices;
	int (*check)(struct span value, struct why *why); /* a text, or each entry of texts */
	const struct conf_record *record;
	bool required;    /* in a record */
	bool single;      /* list of texts: a text alone is a list of one */
	const char *what; /* in place of the type's name: "list of domains" */
	const char *def;  /* as written in a file */
	const char *doc;
	const char *example; /* a line of a file, or NULL */
};

/* An entry of conf_type_listeners while it is read. */
struct conf_listener {
	const char *socket;
	enum conf_role role;
};

/* What a list of records consists of. */
struct conf_record {
	const struct conf_option *fields;
	unsigned count;
	size_t size;
	const void *initial; /* the record before any key was read */
};

struct conf_section {
	const char *name; /* "" for keys outside sections */
	const char *doc;
	void (*check)(const struct conf_reader *reader, const struct conf *conf); /* or NULL */
};

extern const struct conf_option conf_options[];
extern const struct conf_section conf_sections[]; /* ends with a NULL name; in the table's order */

/* An error about OPTION at AT: "NAME: " is put in front. */
void conf_option_error(const struct conf_reader *reader, const struct conf_option *option,
		       struct conf_line at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* From now on nothing counts as set. CONF may be NULL. */
void conf_forget_origins(struct conf *conf);

/* TEXT as a string of the grammar, with its quotes. */
void conf_quote(const char *text, struct buf *out);

#endif
