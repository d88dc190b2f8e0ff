/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign key import --from-opendkim FILE: takes over the keys of OpenDKIM.
 *
 * OpenDKIM maps authors to key names (SigningTable) and names to domain, selector and file
 * (KeyTable), or has one Domain, Selector and KeyFile. Ours is a directory: the author's domain, or
 * its parent, is the domain of the key. So the tables are joined, each key is copied to its place,
 * and what the directory cannot say is told: a key with which OpenDKIM signed only a part of its
 * domain's mail is left out, since here it would sign all of it. Nothing of OpenDKIM's is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "lib/heap.h"
#include "lib/jsonout.h"
#include "admin/key/command.h"
#include "admin/migrate/opendkim_text.h"
#include "admin/out.h"
#include "admin/progress.h"
#include "keys/keyfile.h"
#include "lib/system/readfile.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "mail/domain.h"

enum { TEXT_MAX = 64 << 20 };

static const struct admin_option import_options[] = {
    {"from-opendkim", OPTION_OPENDKIM, "FILE", "take the keys that this opendkim.conf names"},
    {"dry-run", OPTION_DRY, NULL, "only print what would be done"},
    KEYS_OPTION,
    {NULL, 0, NULL, NULL},
};

/* A key to be copied. */
struct planned {
	const char *domain, *selector, *path;
	const char *type; /* or NULL: it could not be read */
	unsigned bits;
	const char *outcome; /* "imported", "is there", "would be imported", or the fault */
	bool failed;
	bool whole; /* OpenDKIM signed all mail of DOMAIN with it */
};

struct import {
	const struct keycmd *cmd;
	struct arena *arena;
	bool subdomains;                                               /* sign.subdomains */
	struct span domain, selector, keyfile, keytable, signingtable; /* of opendkim.conf */
	struct opendkim_key *keys;                                     /* of KeyTable, by name */
	unsigned key_count, key_room;
	struct planned *plan;
	unsigned plan_count, plan_room;
	const char **notes;
	unsigned note_count, note_room;
};

static void *grow_array(void *items, unsigned count, unsigned *room, size_t size)
{
	if (count < *room)
		return items;
	*room = *room == 0 ? 16 : *room * 2;
	items = heap_resize(items, *room, size);
	return items;
}

static void add_note(struct import *import, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_note(struct import *import, const char *format, ...)
{
	va_list ap;

	import->notes = grow_array(import->notes, import->note_count, &import->note_room,
				   sizeof *import->notes);
	va_start(ap, format);
	import->notes[import->note_count++] = arena_vprintf(import->arena, format, ap);
	va_end(ap);
}

/* ---- reading ---- */

/* Leaves no copy of a private key but TEXT. */
static int read_fd(int fd, struct buf *text, size_t max)
{
	char block[8192];
	ssize_t n;

	while ((n = read(fd, block, sizeof block)) != 0) {
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0)
			buf_add(text, block, (size_t)n);
		if (text->len > max) {
			errno = EFBIG;
			return -1;
		}
	}
	crypt_wipe(block, sizeof block);
	return 0;
}

static int read_secret(const char *path, struct buf *text, size_t max, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), result = 0;

	if (fd == -1)
		return why_set(why, "%s: %s", path, strerror(errno));
	if (read_fd(fd, text, max) == -1)
		result = why_set(why, "%s: %s", path, strerror(errno));
	close(fd);
	return result;
}

static int read_conf(struct import *import, const char *path, struct why *why)
{
	const struct {
		const char *name;
		struct span *value;
	} wanted[] = {{"Domain", &import->domain},
		      {"Selector", &import->selector},
		      {"KeyFile", &import->keyfile},
		      {"KeyTable", &import->keytable},
		      {"SigningTable", &import->signingtable}};
	struct span rest, name, value;
	unsigned line = 0;

	if (readfile(import->arena, path, TEXT_MAX, &rest, why) == -1)
		return -1;
	while (opendkim_line(&rest, &line, &name, &value)) {
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
			if (span_ieq(name, wanted[i].name))
				*wanted[i].value = value;
		}
		if (span_ieq(name, "Include"))
			add_note(import, "%s:%u: Include is not followed: import %s too", path,
				 line, arena_span(import->arena, value));
	}
	return 0;
}

/* Calls EACH for every line of the data set VALUE. */
typedef void table_line(struct import *import, enum opendkim_kind kind, const char *where,
			struct span name, struct span value);

static int each_in_list(struct import *import, struct span list, const char *setting,
			table_line *each)
{
	struct span item;
	bool more = true;

	while (span_split(&list, &more, ',', &item))
		each(import, OPENDKIM_LIST, setting, span_trim(item), span_make(item.end, 0));
	return 0;
}

static int each_line(struct import *import, struct span dataset, const char *setting,
		     table_line *each, struct why *why)
{
	struct span where, rest, name, value;
	enum opendkim_kind kind = opendkim_dataset(dataset, &where);
	const char *path = arena_span(import->arena, where);
	unsigned line = 0;

	if (kind == OPENDKIM_LIST)
		return each_in_list(import, where, setting, each);
	if (kind == OPENDKIM_OTHER)
		return why_set(why, "%s: only files can be imported, not %s", setting,
			       arena_span(import->arena, dataset));
	if (readfile(import->arena, path, TEXT_MAX, &rest, why) == -1)
		return -1;
	while (opendkim_line(&rest, &line, &name, &value))
		each(import, kind, arena_printf(import->arena, "%s:%u", path, line), name, value);
	return 0;
}

/* ---- joining the tables ---- */

static void plan_key(struct import *import, const char *where, struct span domain,
		     struct span selector, struct span path, bool whole)
{
	const char *ascii = domain_to_ascii(import->arena, domain);
	struct planned *planned;
	struct buf expanded;

	if (ascii == NULL) {
		add_note(import, "%s: \"%s\" is not a domain name", where,
			 arena_span(import->arena, domain));
		return;
	}
	buf_init(&expanded, import->arena, 0);
	for (const char *p = path.p; p < path.end; p++) {
		if (*p == '%')
			buf_string(&expanded, ascii);
		else
			buf_char(&expanded, *p);
	}
	import->plan =
	    grow_array(import->plan, import->plan_count, &import->plan_room, sizeof *import->plan);
	planned = &import->plan[import->plan_count++];
	*planned = (struct planned){.domain = ascii,
				    .selector = arena_span(import->arena, selector),
				    .path = buf_text(&expanded),
				    .whole = whole};
}

static void take_key(struct import *import, enum opendkim_kind kind, const char *where,
		     struct span name, struct span value)
{
	struct opendkim_key key;
	struct why why;

	(void)kind;
	if (opendkim_key_parse(name, value, &key, &why) == -1) {
		add_note(import, "%s: %s", where, why.text);
		return;
	}
	import->keys =
	    grow_array(import->keys, import->key_count, &import->key_room, sizeof *import->keys);
	import->keys[import->key_count++] = key;
}

/* Is all mail of SIGNING's own authors signed for this line? The directory of keys cannot say less.
 */
static bool is_whole_domain(const struct opendkim_author *author, const char *pattern,
			    const char *signing)
{
	if (author->some)
		return false;
	return span_empty(author->domain) ||
	       (author->below ? domain_is_below(signing, pattern) : domain_equal(signing, pattern));
}

static void join_entry(struct import *import, const char *where,
		       const struct opendkim_author *author, const struct opendkim_key *key)
{
	const char *pattern = arena_span(import->arena, author->domain);
	struct span domain = key->domain;
	const char *signing;

	if (span_eq(domain, "%") && (span_empty(author->domain) || author->below)) {
		add_note(import,
			 "%s: \"%%\" stands for domains that are not listed: copy their keys to "
			 "DOMAIN/SELECTOR.key",
			 where);
		return;
	}
	if (span_eq(domain, "%"))
		domain = author->domain;
	signing = arena_span(import->arena, domain);
	if (author->some)
		add_note(import, "%s: no counterpart: keys are for all users of a domain", where);
	if (span_empty(author->domain))
		add_note(import,
			 "%s: no counterpart: %s would sign for every author; it will for "
			 "authors of %s",
			 where, signing, signing);
	else if (!domain_within(pattern, signing))
		add_note(import,
			 "%s: no counterpart: mail of %s signed as %s; it will be signed when "
			 "%s has a key",
			 where, pattern, signing, pattern);
	else if (!import->subdomains && (author->below || !domain_equal(pattern, signing)))
		add_note(import, "%s: needs sign.subdomains = true: mail of %s%s is signed as %s",
			 where, author->below ? "*." : "", pattern, signing);
	plan_key(import, where, domain, key->selector, key->path,
		 is_whole_domain(author, pattern, signing));
}

static void take_author(struct import *import, enum opendkim_kind kind, const char *where,
			struct span name, struct span value)
{
	struct opendkim_author author;
	struct span item, signer;
	bool more = true;
	struct why why;

	if (opendkim_author_parse(name, kind, &author, &why) == -1) {
		add_note(import, "%s: %s", where, why.text);
		return;
	}
	while (span_split(&value, &more, ',', &item)) {
		const struct opendkim_key *key =
		    opendkim_key_find(import->keys, import->key_count, &author, item, &signer);

		if (key != NULL)
			join_entry(import, where, &author, key);
		else
			add_note(import, "%s: KeyTable has no key \"%s\"", where,
				 arena_span(import->arena, span_trim(item)));
		if (!span_empty(signer))
			add_note(
			    import,
			    "%s: no counterpart: no i= is written, so that \"%s\" is not named",
			    where, arena_span(import->arena, signer));
	}
}

static void take_domain(struct import *import, enum opendkim_kind kind, const char *where,
			struct span name, struct span value)
{
	(void)kind;
	(void)value;
	if (span_eq(name, "*"))
		add_note(import, "%s: no counterpart: a key for every author's domain", where);
	else
		plan_key(import, where, name, import->selector, import->keyfile, true);
}

static int make_plan(struct import *import, struct why *why)
{
	if (!span_empty(import->keytable) && !span_empty(import->signingtable)) {
		if (each_line(import, import->keytable, "KeyTable", take_key, why) == -1)
			return -1;
		opendkim_keys_sort(import->keys, import->key_count);
		return each_line(import, import->signingtable, "SigningTable", take_author, why);
	}
	if (span_empty(import->domain) || span_empty(import->selector) ||
	    span_empty(import->keyfile))
		return why_set(why, "neither KeyTable and SigningTable nor Domain, Selector and "
				    "KeyFile");
	return each_line(import, import->domain, "Domain", take_domain, why);
}

static int by_place(const void *a, const void *b)
{
	const struct planned *x = a, *y = b;
	int order = strcmp(x->domain, y->domain);

	order = order != 0 ? order : strcmp(x->selector, y->selector);
	return order != 0 ? order : strcmp(x->path, y->path);
}

/* Several lines may name one key. */
static void drop_doubles(struct import *import)
{
	unsigned kept = 0;

	if (import->plan_count == 0)
		return;
	qsort(import->plan, import->plan_count, sizeof *import->plan, by_place);
	for (unsigned i = 1; i < import->plan_count; i++) {
		bool whole = import->plan[i].whole;

		if (by_place(&import->plan[kept], &import->plan[i]) != 0)
			import->plan[++kept] = import->plan[i];
		import->plan[kept].whole = import->plan[kept].whole || whole;
	}
	import->plan_count = kept + 1;
}

/* ---- copying ---- */

static bool is_there(const struct import *import, const struct planned *planned,
		     const struct signing_key *key)
{
	struct arena *arena = arena_new(0);
	const struct signing_key *there = NULL;
	bool same = keystore_find(import->cmd->store, planned->domain, planned->selector, arena,
				  &there, NULL) == 0 &&
		    there != NULL &&
		    strcmp(signing_key_record(there), signing_key_record(key)) == 0;

	arena_free(arena);
	return same;
}

static int copy_text(struct import *import, struct planned *planned, struct span pem,
		     struct why *why)
{
	const struct keystatus status = {KEYSTATE_ACTIVE, clock_wall()};
	const struct keycmd *cmd = import->cmd;
	const struct signing_key *key =
	    signing_key_make(import->arena, planned->domain, planned->selector, pem, why);

	if (key == NULL)
		return -1;
	planned->type = keycmd_type(key);
	planned->bits = signing_key_bits(key);
	planned->outcome = cmd->dry ? "would be imported" : "imported";
	if (is_there(import, planned, key))
		planned->outcome = "is there";
	else if (!cmd->dry)
		return keystore_import(cmd->store, planned->domain, planned->selector, pem, status,
				       why);
	return 0;
}

static void copy_key(struct import *import, struct planned *planned)
{
	struct why why = {""};
	struct buf pem;

	if (!planned->whole) {
		planned->outcome =
		    "left out: OpenDKIM did not sign all mail of the domain with it; to have "
		    "that, copy it to its place by hand";
		planned->failed = true;
		return;
	}
	buf_init(&pem, NULL, 0);
	if (read_secret(planned->path, &pem, KEYFILE_MAX, &why) == -1 ||
	    copy_text(import, planned, buf_view(&pem), &why) == -1) {
		planned->outcome = arena_string(import->arena, why.text);
		planned->failed = true;
	}
	if (pem.len > 0)
		crypt_wipe(pem.data, pem.len);
	buf_free(&pem);
}

/* ---- telling ---- */

static void print_import(struct admin *admin, const struct import *import)
{
	static const char *const headings[] = {"DOMAIN", "SELECTOR", "TYPE",
					       ">BITS",  "FROM",     "OUTCOME"};
	struct out_table *table = out_table_new(admin->arena, headings, 6);

	for (unsigned i = 0; i < import->plan_count; i++) {
		const struct planned *planned = &import->plan[i];

		out_cell(table, OUT_PLAIN, "%s", planned->domain);
		out_cell(table, OUT_PLAIN, "%s", planned->selector);
		out_cell(table, OUT_PLAIN, "%s", planned->type == NULL ? "?" : planned->type);
		out_cell(table, OUT_PLAIN, "%u", planned->bits);
		out_cell(table, OUT_PLAIN, "%s", planned->path);
		out_cell(table, planned->failed ? OUT_BAD : OUT_GOOD, "%s", planned->outcome);
	}
	out_table_print(table, stdout, admin_color(admin, stdout));
	for (unsigned i = 0; i < import->note_count; i++)
		admin_warning(admin, "%s", import->notes[i]);
}

static void json_import(struct admin *admin, const struct import *import)
{
	struct jsonout *out = jsonout_new(admin->arena, "key.import");

	jsonout_array(out, "keys");
	for (unsigned i = 0; i < import->plan_count; i++) {
		const struct planned *planned = &import->plan[i];

		jsonout_object(out, NULL);
		jsonout_text(out, "domain", planned->domain);
		jsonout_text(out, "selector", planned->selector);
		jsonout_text(out, "type", planned->type);
		jsonout_int(out, "bits", planned->bits);
		jsonout_text(out, "from", planned->path);
		jsonout_bool(out, "failed", planned->failed);
		jsonout_text(out, "outcome", planned->outcome);
		jsonout_end(out);
	}
	jsonout_end(out);
	jsonout_array(out, "notes");
	for (unsigned i = 0; i < import->note_count; i++)
		jsonout_text(out, NULL, import->notes[i]);
	admin_print_json(admin, out);
}

static int carry_out(struct import *import)
{
	struct admin *admin = import->cmd->admin;
	struct progress progress;
	int code = ADMIN_DONE;

	drop_doubles(import);
	progress_begin(&progress, admin, "keys");
	for (unsigned i = 0; i < import->plan_count; i++) {
		progress_show(&progress, i, import->plan_count);
		copy_key(import, &import->plan[i]);
		if (import->plan[i].failed)
			code = ADMIN_NO;
	}
	progress_end(&progress);
	if (admin->json)
		json_import(admin, import);
	else
		print_import(admin, import);
	if (import->plan_count == 0) {
		admin_error(admin, "no key to import");
		code = ADMIN_NO;
	} else if (!import->cmd->dry) {
		admin_note(admin, "then: countersign key check");
	}
	return code;
}

static int cmd_import(struct admin *admin, int argc, char **argv)
{
	struct import import = {.arena = admin->arena};
	const struct conf *conf;
	struct keycmd cmd;
	struct why why;
	int code = keycmd_parse(&cmd, admin, argc, argv, 0, 0);

	if (code != 0)
		return code;
	if (cmd.opendkim == NULL)
		return admin_usage(admin, "missing option: --from-opendkim FILE");
	conf = admin_conf(admin);
	if (conf == NULL)
		return ADMIN_CONFIG;
	import.cmd = &cmd;
	import.subdomains = conf->sign.subdomains;
	if (read_conf(&import, cmd.opendkim, &why) == -1) {
		admin_error(admin, "%s", why.text);
		code = ADMIN_NO_INPUT;
	} else if (make_plan(&import, &why) == -1) {
		admin_error(admin, "%s: %s", cmd.opendkim, why.text);
		code = ADMIN_BAD_INPUT;
	} else {
		code = carry_out(&import);
	}
	free(import.keys);
	free(import.plan);
	free(import.notes);
	return code;
}

const struct admin_verb cmd_keyimport[] = {
    {"key", "import", "--from-opendkim FILE", "Copy the signing keys of OpenDKIM", cmd_import,
     import_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
