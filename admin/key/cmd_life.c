/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign key check | activate | retire | revoke | rotate: a key's life, led by what the DNS
 * shows. A key signs only once its record was seen; it is retired when another took its place, and
 * revoked when no mail that it signed can still be under way.
 *
 * Nothing here talks to the daemon: states are files, which it reads when it is reloaded.
 */
#include <string.h>

#include "admin/admin.h"
#include "lib/jsonout.h"
#include "admin/daemon/daemon.h"
#include "admin/key/command.h"
#include "admin/key/look.h"
#include "admin/out.h"
#include "lib/buf.h"
#include "lib/clock.h"

enum { RSA_MIN_NEW = 2048 };

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

static const struct admin_option rotate_options[] = {
    {"auto", OPTION_AUTO, NULL, "no new keys: take the steps that are due (for a timer)"},
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

/* ---- changes of state ---- */

/* Each change is told: one line, or one member of the JSON. */
struct changes {
	const struct keycmd *cmd;
	struct jsonout *out; /* or NULL */
	unsigned count;
};

static void changes_begin(struct changes *changes, const struct keycmd *cmd, const char *schema)
{
	*changes = (struct changes){.cmd = cmd};
	if (!cmd->admin->json)
		return;
	changes->out = jsonout_new(cmd->admin->arena, schema);
	jsonout_array(changes->out, "changes");
}

static int change_state(struct changes *changes, const struct signing_key *key, enum keystate state)
{
	const struct keycmd *cmd = changes->cmd;
	const char *domain = signing_key_domain(key), *selector = signing_key_selector(key);
	const char *from = keystate_text(signing_key_status(key).state);
	struct keystatus status = {state, clock_wall()};
	struct why why;

	if (keyring_set_status(cmd->keys, domain, selector, cmd->access, status, &why) == -1) {
		admin_error(cmd->admin, "%s", why.text);
		return ADMIN_CANT_CREATE;
	}
	changes->count++;
	if (changes->out == NULL) {
		admin_note(cmd->admin, "%s %s: %s, was %s", domain, selector, keystate_text(state),
			   from);
		return 0;
	}
	jsonout_object(changes->out, NULL);
	jsonout_text(changes->out, "domain", domain);
	jsonout_text(changes->out, "selector", selector);
	jsonout_text(changes->out, "from", from);
	jsonout_text(changes->out, "to", keystate_text(state));
	jsonout_end(changes->out);
	return 0;
}

/* The daemon's key process loads the keys again, through a reload. */
static void tell_daemon(const struct keycmd *cmd)
{
	const char *reason;

	switch (daemon_reload(cmd->admin, &reason)) {
	case DAEMON_RELOADED:
		admin_note(cmd->admin, "the daemon has taken over the new states");
		break;
	case DAEMON_REFUSED:
		admin_error(
		    cmd->admin,
		    "the daemon has refused the reload and goes on with the old states: %s; "
		    "then: countersign reload",
		    reason);
		break;
	case DAEMON_ABSENT:
		admin_note(cmd->admin,
			   "the daemon knows after its next reload: countersign reload");
	}
}

static void changes_end(struct changes *changes)
{
	if (changes->out != NULL)
		admin_print_json(changes->cmd->admin, changes->out);
	if (changes->count > 0)
		tell_daemon(changes->cmd);
}

/* How many keys of that domain sign, KEY not counted; with SAME_TYPE those of its algorithm. */
static unsigned others_that_sign(const struct keycmd_keys *keys, const struct signing_key *key,
				 bool same_type)
{
	unsigned count = 0;

	for (unsigned i = 0; i < keys->count; i++) {
		const struct signing_key *other = keys->items[i].key;

		if (other != key && signing_key_status(other).state == KEYSTATE_ACTIVE &&
		    strcmp(signing_key_domain(other), signing_key_domain(key)) == 0 &&
		    (!same_type || signing_key_type(other) == signing_key_type(key)))
			count++;
	}
	return count;
}

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
			own = change_state(&changes, key, KEYSTATE_ACTIVE);
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
	    others_that_sign(&keys, named.key, false) == 0) {
		admin_error(admin,
			    "no other key of %s signs: countersign key rotate %s, or --force",
			    cmd.domain, cmd.domain);
		return ADMIN_NO;
	}
	changes_begin(&changes, &cmd, "key.retire");
	code = change_state(&changes, named.key, KEYSTATE_RETIRED);
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
	if (keyring_set_status(cmd.keys, cmd.domain, signing_key_selector(keys.items[0].key),
			       cmd.access, status, &why) == -1) {
		admin_error(admin, "%s", why.text);
		return ADMIN_CANT_CREATE;
	}
	revoked = keycmd_record(admin, keys.items[0].key, keys.items[0].path, status);
	keycmd_print(&cmd, "key.revoke", &revoked, 1);
	return ADMIN_DONE;
}

/* ---- key rotate ---- */

static bool has_state(const struct keycmd_keys *keys, const struct signing_key *like,
		      enum keystate state)
{
	for (unsigned i = 0; i < keys->count; i++) {
		const struct signing_key *key = keys->items[i].key;

		if (signing_key_type(key) == signing_key_type(like) &&
		    signing_key_status(key).state == state)
			return true;
	}
	return false;
}

/* Is the I-th key the first active one of its algorithm? */
static bool is_first_active(const struct keycmd_keys *keys, unsigned i)
{
	const struct signing_key *key = keys->items[i].key;
	struct keycmd_keys before = {.items = keys->items, .count = i};

	return signing_key_status(key).state == KEYSTATE_ACTIVE &&
	       !has_state(&before, key, KEYSTATE_ACTIVE);
}

static unsigned new_bits(const struct signing_key *key)
{
	if (signing_key_type(key) == CRYPT_ED25519)
		return 0;
	return signing_key_bits(key) < RSA_MIN_NEW ? RSA_MIN_NEW : signing_key_bits(key);
}

/* A pending key beside the active ones of each algorithm. */
static int make_successors(const struct keycmd *cmd, const struct keycmd_keys *keys)
{
	struct keystatus status = {KEYSTATE_PENDING, clock_wall()};
	struct keycmd_key made[2];
	unsigned count = 0, leaders = 0;
	int code = 0;

	for (unsigned i = 0; code == 0 && i < keys->count && count < 2; i++) {
		const struct signing_key *key = keys->items[i].key;

		if (!is_first_active(keys, i))
			continue;
		leaders++;
		if (has_state(keys, key, KEYSTATE_PENDING))
			admin_warning(cmd->admin, "%s has a pending %s key already", cmd->domain,
				      keycmd_type(key));
		else
			code = keycmd_generate(cmd, NULL, new_bits(key), status, &made[count++]);
	}
	if (code != 0)
		return code;
	if (leaders == 0) {
		admin_error(cmd->admin, "%s has no active key to replace: countersign key gen %s",
			    cmd->domain, cmd->domain);
		return ADMIN_NO;
	}
	if (count == 0)
		return ADMIN_NO;
	keycmd_print(cmd, "key.rotate", made, count);
	if (cmd->format == FORMAT_ALL)
		printf("\nthen: countersign key rotate %s --auto      (once the DNS shows %s)\n",
		       cmd->domain, count == 1 ? "it" : "them");
	return ADMIN_DONE;
}

/* NEXT signs from now on: those of its domain and algorithm that signed before are retired. */
static int take_over(struct changes *changes, const struct keycmd_keys *keys,
		     const struct signing_key *next)
{
	int code = change_state(changes, next, KEYSTATE_ACTIVE);

	for (unsigned i = 0; code == 0 && i < keys->count; i++) {
		const struct signing_key *key = keys->items[i].key;
		const struct keycmd_keys one = {.items = &keys->items[i], .count = 1};

		if (others_that_sign(&one, next, true) == 1)
			code = change_state(changes, key, KEYSTATE_RETIRED);
	}
	return code;
}

static int advance_key(struct changes *changes, const struct keycmd_keys *keys,
		       const struct keylook *looked)
{
	struct admin *admin = changes->cmd->admin;
	const struct signing_key *key = looked->key->key;
	struct keystatus status = signing_key_status(key);

	if (status.state == KEYSTATE_PENDING && looked->published == PUBLISHED_MATCHES)
		return take_over(changes, keys, key);
	if (status.state == KEYSTATE_PENDING && looked->published == PUBLISHED_UNKNOWN) {
		admin_warning(admin, "%s: %s", looked->key->name, looked->detail);
		return ADMIN_TEMPORARY;
	}
	if (status.state == KEYSTATE_PENDING)
		admin_note(admin, "%s: published record: %s; the key waits", looked->key->name,
			   published_text(looked->published));
	if (status.state == KEYSTATE_RETIRED && status.since > 0 && keylook_is_old(status)) {
		admin_note(admin, "%s: " KEYLOOK_WITHDRAW " %s %s", looked->key->name,
			   signing_key_domain(key), signing_key_selector(key));
		return change_state(changes, key, KEYSTATE_REVOKED);
	}
	return 0;
}

static int rotate_auto(const struct keycmd *cmd, const struct keycmd_keys *keys)
{
	struct keylook *looked = keylook(cmd->admin, keys->items, keys->count);
	struct changes changes;
	int code = 0;

	if (looked == NULL)
		return ADMIN_CONFIG;
	changes_begin(&changes, cmd, "key.rotate");
	for (unsigned i = 0; i < keys->count; i++) {
		int own = advance_key(&changes, keys, &looked[i]);

		code = own != 0 ? own : code;
	}
	changes_end(&changes);
	return code == 0 && keys->faults > 0 ? ADMIN_NO : code;
}

static int cmd_rotate(struct admin *admin, int argc, char **argv)
{
	struct keycmd_keys keys;
	struct keycmd cmd;
	int code = keycmd_parse(&cmd, admin, argc, argv, 0, 1);

	if (code == 0 && cmd.domain == NULL && !cmd.automatic)
		return admin_usage(admin, "missing argument: DOMAIN");
	if (code == 0)
		code = cmd.automatic ? keycmd_load(&cmd, &keys) : keycmd_load_some(&cmd, &keys);
	if (code != 0)
		return code;
	return cmd.automatic ? rotate_auto(&cmd, &keys) : make_successors(&cmd, &keys);
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
    {"key", "rotate", "[DOMAIN]", "Replace the keys of a domain by new ones", cmd_rotate,
     rotate_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
