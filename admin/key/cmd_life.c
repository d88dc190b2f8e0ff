/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign key check | activate | retire | revoke: a key's life, led by what the DNS shows. A
 * key signs only once its record was seen; it is retired when another took its place, and revoked
 * when no mail that it signed can still be under way.
 *
 * States are files, which the daemon reads when it is reloaded, or are in the shared store, from
 * which it has them by itself.
 */
#include <string.h>

#include "admin/admin.h"
#include "admin/key/changes.h"
#include "lib/jsonout.h"
#include "admin/key/command.h"
#include "admin/key/look.h"
#include "admin/out.h"
#include "lib/clock.h"

static const struct admin_option check_options[] = {KEYS_OPTION, {NULL, 0, NULL, NULL}};

static const struct admin_option activate_options[] = {
    {"force", OPTION_FORCE, NULL, "whatever the DNS shows"},
    KEYS_OPTION,
    {NULL, 0, NULL, NULL},
};

static const struct admin_option retire_options[] = {
    {"force", OPTION_FORCE, NULL, "even the last key that signs"},
    KEYS_OPTION,
    {NULL, 0, NULL, NULL},
};

static const struct admin_option revoke_options[] = {
    {"force", OPTION_FORCE, NULL, "even a key that signs or signed recently"},
    FORMAT_OPTION,
    KEYS_OPTION,
    {NULL, 0, NULL, NULL},
};

/* ---- key check ---- */

static const char *const finding_text[] = {"ok", "warn", "bad", "unknown"};
static const enum out_style finding_style[] = {OUT_GOOD, OUT_WARN, OUT_BAD, OUT_WARN};

static const char *join_texts(struct arena *arena, const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a != NULL ? a : b != NULL ? b : "";
	return arena_printf(arena, "%s; %s", a, b);
}

static void print_checks(struct admin *admin, const struct keylook *looked, unsigned count)
{
	static const char *const headings[] = {"DOMAIN",    "SELECTOR", "STATE",
					       "PUBLISHED", "FINDING",  "REMARK"};
	struct out_table *table = out_table_new(admin->arena, headings, 6);

	for (unsigned i = 0; i < count; i++) {
		const struct signing_key *key = looked[i].key->key;
		const char *todo;
		enum keylook_finding finding = keylook_judge(admin, &looked[i], &todo);

		out_cell(table, OUT_PLAIN, "%s", signing_key_domain(key));
		out_cell(table, OUT_PLAIN, "%s", signing_key_selector(key));
		out_cell(table, OUT_PLAIN, "%s", keystate_text(signing_key_status(key).state));
		out_cell(table, OUT_PLAIN, "%s", published_text(looked[i].published));
		out_cell(table, finding_style[finding], "%s", finding_text[finding]);
		out_cell(table, OUT_PLAIN, "%s", join_texts(admin->arena, looked[i].detail, todo));
	}
	out_table_print(table, stdout, admin_color(admin, stdout));
}

static void json_checks(struct admin *admin, const struct keylook *looked, unsigned count)
{
	struct jsonout *out = jsonout_new(admin->arena, "key.check");

	jsonout_array(out, "keys");
	for (unsigned i = 0; i < count; i++) {
		const struct signing_key *key = looked[i].key->key;
		const char *todo;
		enum keylook_finding finding = keylook_judge(admin, &looked[i], &todo);

		jsonout_object(out, NULL);
		jsonout_text(out, "domain", signing_key_domain(key));
		jsonout_text(out, "selector", signing_key_selector(key));
		jsonout_text(out, "state", keystate_text(signing_key_status(key).state));
		jsonout_text(out, "published", published_text(looked[i].published));
		jsonout_text(out, "finding", finding_text[finding]);
		jsonout_text(out, "detail", looked[i].detail);
		jsonout_text(out, "todo", todo);
		jsonout_end(out);
	}
	admin_print_json(admin, out);
}

/* What is wrong counts for more than what could not be seen. */
static int check_code(struct admin *admin, const struct keylook *looked,
		      const struct keycmd_keys *keys)
{
	unsigned found[KEYLOOK_UNKNOWN + 1] = {0};
	const char *todo;

	for (unsigned i = 0; i < keys->count; i++)
		found[keylook_judge(admin, &looked[i], &todo)]++;
	if (found[KEYLOOK_BAD] > 0 || keys->faults > 0)
		return ADMIN_NO;
	return found[KEYLOOK_UNKNOWN] > 0 ? ADMIN_TEMPORARY : ADMIN_DONE;
}

static int cmd_check(struct admin *admin, int argc, char **argv)
{
	struct keycmd_keys keys;
	struct keylook *looked;
	struct keycmd cmd;
	int code = keycmd_parse(&cmd, admin, argc, argv, 0, 2);

	if (code == 0)
		code = keycmd_load_some(&cmd, &keys);
	if (code != 0)
		return code;
	looked = keylook(admin, keys.items, keys.count);
	if (looked == NULL)
		return ADMIN_CONFIG;
	if (admin->json)
		json_checks(admin, looked, keys.count);
	else
		print_checks(admin, looked, keys.count);
	return check_code(admin, looked, &keys);
}

/* ---- key activate, retire, revoke ---- */

/* 0 when KEY may become active; else the exit code after the reason was printed. */
static int may_sign(const struct keycmd *cmd, const struct keylook *looked)
{
	const struct signing_key *key = looked->key->key;
	const char *domain = signing_key_domain(key), *selector = signing_key_selector(key);

	if (cmd->force || looked->published == PUBLISHED_MATCHES)
		return 0;
	if (looked->published == PUBLISHED_UNKNOWN) {
		admin_error(cmd->admin, "%s: %s; try again, or activate it with --force",
			    looked->key->name, looked->detail);
		return ADMIN_TEMPORARY;
	}
	admin_error(cmd->admin, "%s: published record: %s%s%s%s; " KEYLOOK_PUBLISH " %s %s",
		    looked->key->name, published_text(looked->published),
		    looked->detail == NULL ? "" : " (",
		    looked->detail == NULL ? "" : looked->detail, looked->detail == NULL ? "" : ")",
		    domain, selector);
	return ADMIN_NO;
}

/* The keys that an activation is about: the one named, or all pending ones of the domain. */
static int activate_each(const struct keycmd *cmd, const struct keylook *looked, unsigned count)
{
	struct changes changes;
	unsigned waiting = 0;
	int code = 0;

	changes_begin(&changes, cmd, "key.activate");
	for (unsigned i = 0; i < count; i++) {
		const struct signing_key *key = looked[i].key->key;
		enum keystate state = signing_key_status(key).state;
		int own;

		if (state == KEYSTATE_ACTIVE ||
		    (cmd->selector == NULL && state != KEYSTATE_PENDING))
			continue;
		waiting++;
		own = may_sign(cmd, &looked[i]);
		if (own == 0)
			own = changes_set(&changes, key, KEYSTATE_ACTIVE);
		code = own != 0 ? own : code;
	}
	if (waiting == 0)
		admin_note(cmd->admin, "nothing to do: no such key waits");
	changes_end(&changes);
	return code;
}

static int cmd_activate(struct admin *admin, int argc, char **argv)
{
	struct keycmd_keys keys;
	struct keylook *looked;
	struct keycmd cmd;
	int code = keycmd_parse(&cmd, admin, argc, argv, 1, 2);

	if (code == 0)
		code = keycmd_load_some(&cmd, &keys);
	if (code != 0)
		return code;
	looked = keylook(admin, keys.items, keys.count);
	return looked == NULL ? ADMIN_CONFIG : activate_each(&cmd, looked, keys.count);
}

/* The one key named, and all keys of its domain. */
static int load_named(struct keycmd *cmd, struct keycmd_keys *keys, struct keycmd_key *named)
{
	const char *selector = cmd->selector;
	struct keycmd_keys one;
	int code = keycmd_load_some(cmd, &one);

	if (code != 0)
		return code;
	cmd->selector = NULL;
	code = keycmd_load(cmd, keys);
	cmd->selector = selector;
	for (unsigned i = 0; code == 0 && i < keys->count; i++) {
		if (strcmp(signing_key_selector(keys->items[i].key),
			   signing_key_selector(one.items[0].key)) == 0)
			*named = keys->items[i];
	}
	return code;
}

static int cmd_retire(struct admin *admin, int argc, char **argv)
{
	struct keycmd_key named = {0};
	struct keycmd_keys keys;
	struct changes changes;
	struct keycmd cmd;
	int code = keycmd_parse(&cmd, admin, argc, argv, 2, 2);

	if (code == 0)
		code = load_named(&cmd, &keys, &named);
	if (code != 0)
		return code;
	if (!cmd.force && signing_key_status(named.key).state == KEYSTATE_ACTIVE &&
	    changes_others(&keys, named.key, false) == 0) {
		admin_error(admin,
			    "no other key of %s signs: countersign key rotate %s, or --force",
			    cmd.domain, cmd.domain);
		return ADMIN_NO;
	}
	changes_begin(&changes, &cmd, "key.retire");
	code = changes_set(&changes, named.key, KEYSTATE_RETIRED);
	if (code == 0)
		admin_note(admin, "leave its record in the DNS for %d days: mail is under way",
			   KEYLOOK_SAFE_AGE / 86400);
	changes_end(&changes);
	return code;
}

/* Why KEY should not be revoked now; NULL: it may. */
static const char *too_early(const struct signing_key *key)
{
	struct keystatus status = signing_key_status(key);

	if (status.state == KEYSTATE_ACTIVE)
		return "it signs";
	if (status.state == KEYSTATE_RETIRED && !keylook_is_old(status))
		return "mail that it signed may be under way";
	return NULL;
}

static int cmd_revoke(struct admin *admin, int argc, char **argv)
{
	struct keystatus status = {KEYSTATE_REVOKED, clock_wall()};
	struct keycmd_key revoked;
	struct keycmd_keys keys;
	const char *early;
	struct keycmd cmd;
	struct why why;
	int code = keycmd_parse(&cmd, admin, argc, argv, 2, 2);

	if (code == 0)
		code = keycmd_load_some(&cmd, &keys);
	if (code != 0)
		return code;
	early = too_early(keys.items[0].key);
	if (early != NULL && !cmd.force) {
		admin_error(admin, "%s %s: %s; --force revokes it all the same", cmd.domain,
			    cmd.selector, early);
		return ADMIN_NO;
	}
	if (keystore_set_status(cmd.store, cmd.domain, signing_key_selector(keys.items[0].key),
				status, &why) == -1) {
		admin_error(admin, "%s", why.text);
		return ADMIN_CANT_CREATE;
	}
	revoked = keycmd_record(admin, keys.items[0].key, keys.items[0].path, status);
	keycmd_print(&cmd, "key.revoke", &revoked, 1);
	return ADMIN_DONE;
}

const struct admin_verb cmd_keylife[] = {
    {"key", "check", "[DOMAIN [SELECTOR]]", "See whether the DNS shows the records of the keys",
     cmd_check, check_options, false},
    {"key", "activate", "DOMAIN [SELECTOR]", "Sign with a key whose record the DNS shows",
     cmd_activate, activate_options, false},
    {"key", "retire", "DOMAIN SELECTOR", "Stop signing with a key", cmd_retire, retire_options,
     false},
    {"key", "revoke", "DOMAIN SELECTOR", "End a key's life and print its last record", cmd_revoke,
     revoke_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
