/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign key sync: the keys that a panel, LDAP, Redis or Vault holds, as lines of JSON:
 *
 *     {"domain": "example.com", "selector": "s1", "pem": "-----BEGIN PRIVATE KEY-----\n...",
 *      "state": "active"}
 *
 * Every line is checked before the first key is changed. The same lines a second time change
 * nothing. No key is ever overwritten or deleted.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "lib/jsonout.h"
#include "admin/key/command.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "mail/domain.h"
#include "report/json.h"

enum { LINE_MAX_BYTES = 65536, LINES_MAX = 1000000 };

static const struct admin_option sync_options[] = {
    {"partial", OPTION_PARTIAL, NULL, "take the lines that are right, even if others are not"},
    {"dry-run", OPTION_DRY, NULL, "only check the lines"},
    KEYS_OPTION,
    {NULL, 0, NULL, NULL},
};

enum step { STEP_NOTHING, STEP_ADD, STEP_CHANGE, STEP_REFUSED };

/* A line of the input, and what is to be done. */
struct entry {
	struct entry *next;
	unsigned line;
	const char *domain, *selector; /* NULL: they cannot be read */
	const char *pem;               /* or NULL */
	enum keystate state;
	bool has_state;
	enum step step;
	const char *fault; /* of a refused one */
};

struct sync {
	struct keycmd cmd;
	struct entry *first, **end;
	unsigned lines, counts[STEP_REFUSED + 1];
};

/* ---- a line ---- */

static int refuse_entry(struct sync *sync, struct entry *entry, const char *text)
{
	entry->step = STEP_REFUSED;
	entry->fault = arena_string(sync->cmd.admin->arena, text);
	return -1;
}

static int read_state(struct sync *sync, struct entry *entry, const char *text)
{
	struct keystatus status;
	struct why why;

	entry->state = KEYSTATE_PENDING;
	entry->has_state = text != NULL;
	if (text == NULL)
		return 0;
	if (memchr(text, ' ', strlen(text)) != NULL ||
	    keystate_parse(span_of(text), &status, &why) != 0)
		return refuse_entry(sync, entry,
				    "\"state\" is not pending, active, retired or revoked");
	entry->state = status.state;
	return 0;
}

static int read_entry(struct sync *sync, struct entry *entry, const char *text)
{
	struct arena *arena = sync->cmd.admin->arena;
	struct json_list *list = json_list_parse(arena, arena_printf(arena, "[%s]", text));
	const char *domain, *selector;
	struct why why;

	if (json_list_count(list) != 1)
		return refuse_entry(sync, entry, "not one JSON object");
	domain = json_list_get(list, 0, "domain");
	selector = json_list_get(list, 0, "selector");
	if (domain == NULL || selector == NULL)
		return refuse_entry(sync, entry, "\"domain\" and \"selector\" must be texts");
	entry->domain = domain_to_ascii(arena, span_of(domain));
	if (entry->domain == NULL)
		return refuse_entry(sync, entry, "\"domain\" is not a domain name");
	if (keyring_check_names(entry->domain, selector, &why) != 0)
		return refuse_entry(sync, entry, why.text);
	entry->selector = selector;
	entry->pem = json_list_get(list, 0, "pem");
	return read_state(sync, entry, json_list_get(list, 0, "state"));
}

/* ---- what is to be done ---- */

static int plan_change(struct sync *sync, struct entry *entry, const struct signing_key *have,
		       const struct signing_key *wanted)
{
	if (wanted != NULL && signing_key_number(wanted) != signing_key_number(have))
		return refuse_entry(sync, entry,
				    "another key has that name; a key is never overwritten");
	if (entry->has_state && signing_key_status(have).state != entry->state)
		entry->step = STEP_CHANGE;
	return 0;
}

/* A key that is not there is retired already. */
static int plan_addition(struct sync *sync, struct entry *entry)
{
	if (entry->pem != NULL)
		entry->step = STEP_ADD;
	else if (!entry->has_state || entry->state < KEYSTATE_RETIRED)
		return refuse_entry(sync, entry, "the key does not exist, and \"pem\" is missing");
	return 0;
}

static int plan_entry(struct sync *sync, struct entry *entry)
{
	const struct keycmd *cmd = &sync->cmd;
	struct arena *arena = arena_new(0);
	const struct signing_key *have = NULL, *wanted = NULL;
	struct why why;
	int result = 0;

	if (entry->pem != NULL)
		wanted = signing_key_make(arena, entry->domain, entry->selector,
					  span_of(entry->pem), &why);
	if (entry->pem != NULL && wanted == NULL)
		result = refuse_entry(sync, entry, why.text);
	if (result == 0 &&
	    keystore_find(cmd->store, entry->domain, entry->selector, arena, &have, &why) != 0)
		result = refuse_entry(sync, entry, why.text);
	if (result == 0)
		result = have != NULL ? plan_change(sync, entry, have, wanted)
				      : plan_addition(sync, entry);
	arena_free(arena);
	return result;
}

static void do_entry(struct sync *sync, struct entry *entry)
{
	const struct keycmd *cmd = &sync->cmd;
	struct keystatus status = {entry->state, clock_wall()};
	struct why why;
	int result = 0;

	if (entry->step == STEP_ADD)
		result = keystore_import(cmd->store, entry->domain, entry->selector,
					 span_of(entry->pem), status, &why);
	else if (entry->step == STEP_CHANGE)
		result =
		    keystore_set_status(cmd->store, entry->domain, entry->selector, status, &why);
	if (result != 0)
		refuse_entry(sync, entry, why.text);
}

/* ---- all lines ---- */

static struct entry *add_entry(struct sync *sync)
{
	struct entry *entry = arena_make(sync->cmd.admin->arena, struct entry);

	entry->line = sync->lines;
	*sync->end = entry;
	sync->end = &entry->next;
	return entry;
}

static void take_line(struct sync *sync, char *line, size_t length)
{
	struct span text = span_trim(span_make(line, length));
	struct entry *entry;

	sync->lines++;
	if (span_empty(text))
		return;
	entry = add_entry(sync);
	if (span_len(text) > LINE_MAX_BYTES)
		refuse_entry(sync, entry, "longer than 64 KiB");
	else if (memchr(text.p, '\0', span_len(text)) != NULL)
		refuse_entry(sync, entry, "has a NUL byte");
	else if (read_entry(sync, entry, arena_span(sync->cmd.admin->arena, text)) == 0)
		plan_entry(sync, entry);
}

/* 0, or the exit code. */
static int read_lines(struct sync *sync, const char *name)
{
	FILE *in = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t length = 0;
	int failed;

	if (in == NULL) {
		admin_error(sync->cmd.admin, "%s: %s", name, strerror(errno));
		return ADMIN_NO_INPUT;
	}
	while (sync->lines < LINES_MAX && (length = getline(&line, &size, in)) != -1)
		take_line(sync, line, (size_t)length);
	failed = ferror(in);
	free(line);
	if (in != stdin)
		fclose(in);
	if (failed == 0 && length == -1)
		return 0;
	admin_error(sync->cmd.admin, "%s: %s", name,
		    failed != 0 ? "cannot be read" : "over 1,000,000 lines");
	return ADMIN_NO_INPUT;
}

static void count_entries(struct sync *sync)
{
	memset(sync->counts, 0, sizeof sync->counts);
	for (const struct entry *e = sync->first; e != NULL; e = e->next)
		sync->counts[e->step]++;
}

static void tell_json(struct sync *sync)
{
	struct jsonout *out = jsonout_new(sync->cmd.admin->arena, "key.sync");

	jsonout_int(out, "added", sync->counts[STEP_ADD]);
	jsonout_int(out, "changed", sync->counts[STEP_CHANGE]);
	jsonout_int(out, "unchanged", sync->counts[STEP_NOTHING]);
	jsonout_int(out, "refused", sync->counts[STEP_REFUSED]);
	jsonout_array(out, "errors");
	for (const struct entry *e = sync->first; e != NULL; e = e->next) {
		if (e->step != STEP_REFUSED)
			continue;
		jsonout_object(out, NULL);
		jsonout_int(out, "line", e->line);
		jsonout_text(out, "domain", e->domain);
		jsonout_text(out, "selector", e->selector);
		jsonout_text(out, "error", e->fault);
		jsonout_end(out);
	}
	admin_print_json(sync->cmd.admin, out);
}

static void tell_outcome(struct sync *sync)
{
	struct admin *admin = sync->cmd.admin;

	for (const struct entry *e = sync->first; e != NULL && !admin->json; e = e->next) {
		if (e->step == STEP_REFUSED)
			admin_error(admin, "line %u: %s%s%s%s%s", e->line,
				    e->domain == NULL ? "" : e->domain,
				    e->selector == NULL ? "" : " ",
				    e->selector == NULL ? "" : e->selector,
				    e->domain == NULL ? "" : ": ", e->fault);
	}
	if (admin->json)
		tell_json(sync);
	else
		printf("%u added, %u changed, %u as they were, %u refused\n",
		       sync->counts[STEP_ADD], sync->counts[STEP_CHANGE],
		       sync->counts[STEP_NOTHING], sync->counts[STEP_REFUSED]);
}

/* Where nothing may be changed, nothing was. */
static void drop_steps(struct sync *sync)
{
	for (struct entry *e = sync->first; e != NULL; e = e->next)
		if (e->step != STEP_REFUSED)
			e->step = STEP_NOTHING;
}

/* 0, or -1 after the reason was printed. */
static int do_entries(struct sync *sync)
{
	struct why why;

	keystore_begin(sync->cmd.store);
	for (struct entry *e = sync->first; e != NULL; e = e->next)
		do_entry(sync, e);
	if (keystore_end(sync->cmd.store, &why) == 0)
		return 0;
	admin_error(sync->cmd.admin, "%s; the last keys are not there: run this again", why.text);
	return -1;
}

static int run_sync(struct admin *admin, int argc, char **argv)
{
	struct sync sync = {.end = &sync.first};
	bool refused;
	int code = keycmd_parse(&sync.cmd, admin, argc, argv, 0, -1);

	if (code != 0)
		return code;
	if (optind + 1 != argc)
		return admin_usage(admin, optind == argc ? "missing argument: FILE, or -"
							 : "only one FILE");
	code = read_lines(&sync, argv[optind]);
	if (code != 0)
		return code;
	count_entries(&sync);
	refused = sync.counts[STEP_REFUSED] > 0;
	if (refused && !sync.cmd.partial) {
		drop_steps(&sync);
		if (!admin->json)
			admin_error(admin, "nothing was changed, because lines are wrong");
	}
	if (!sync.cmd.dry && do_entries(&sync) != 0)
		return ADMIN_TEMPORARY;
	count_entries(&sync);
	tell_outcome(&sync);
	if (!sync.cmd.dry && sync.counts[STEP_ADD] + sync.counts[STEP_CHANGE] > 0)
		keycmd_tell_daemon(&sync.cmd);
	if (sync.counts[STEP_REFUSED] == 0)
		return ADMIN_DONE;
	return sync.cmd.partial ? ADMIN_PARTLY : ADMIN_BAD_INPUT;
}

const struct admin_verb cmd_keysync[] = {
    {"key", "sync", "FILE", "Add and retire keys as another program lists them", run_sync,
     sync_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
