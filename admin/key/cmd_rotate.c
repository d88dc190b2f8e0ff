/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign key rotate: new keys beside those that sign, their records for the DNS, and, once
 * these are seen, the steps that are due: the new key signs, the old one retires, later it is
 * revoked.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "admin/admin.h"
#include "admin/key/changes.h"
#include "admin/key/command.h"
#include "admin/key/look.h"
#include "lib/clock.h"
#include "report/json.h"

enum { RSA_MIN_NEW = 2048 };

static const struct admin_option rotate_options[] = {
    {"auto", OPTION_AUTO, NULL, "no new keys: take the steps that are due (for a timer)"},
    {"all", OPTION_ALL, NULL, "new keys for all domains"},
    {"older", OPTION_OLDER, "DAYS", "only in place of keys that have signed for longer: 365d"},
    {"limit", OPTION_LIMIT, "N", "new keys for N domains at most"},
    {"publish", OPTION_PUBLISH, "PROGRAM",
     "run it with sh, with the records as lines of JSON on its standard input"},
    SELECTORS_OPTION,
    FORMAT_OPTION,
    TARGET_OPTION,
    KEYS_OPTION,
    {NULL, 0, NULL, NULL},
};

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

/* New keys and pending ones: whose records are to be published. */
struct successors {
	const struct keycmd *cmd;
	struct keycmd_key *items;
	unsigned count;
	unsigned domains; /* with new keys */
};

static bool is_due(const struct keycmd *cmd, const struct signing_key *key)
{
	int64_t since = signing_key_status(key).since;

	if (since == 0)
		since = signing_key_created(key);
	return cmd->older == 0 || (since > 0 && clock_wall() - since >= cmd->older);
}

/* A pending key beside the active ones of each algorithm; KEYS: all of one domain. *LEADERS: of
 * active keys. */
static int make_successors(struct successors *all, const char *domain,
			   const struct keycmd_keys *keys, unsigned *leaders)
{
	struct keystatus status = {KEYSTATE_PENDING, clock_wall()};
	struct keycmd cmd = *all->cmd;
	unsigned before = all->count;
	int code = 0;

	cmd.domain = domain;
	*leaders = 0;
	for (unsigned i = 0; code == 0 && i < keys->count; i++) {
		const struct signing_key *key = keys->items[i].key;

		if (!is_first_active(keys, i))
			continue;
		++*leaders;
		if (has_state(keys, key, KEYSTATE_PENDING)) {
			if (!cmd.all)
				admin_warning(cmd.admin, "%s has a pending %s key already", domain,
					      keycmd_type(key));
		} else if (is_due(&cmd, key)) {
			code = keycmd_generate(&cmd, NULL, new_bits(key), status,
					       &all->items[all->count]);
			all->count += code == 0;
		}
	}
	all->domains += all->count > before;
	return code;
}

/* One line of JSON for each record. 0, or the exit code: a program that ends with 75 is to be asked
 * again later. */
static int publish_records(const struct keycmd *cmd, const struct keycmd_key *keys, unsigned count)
{
	struct arena *arena = cmd->admin->arena;
	FILE *program;
	int status;

	if (cmd->publish == NULL || count == 0)
		return 0;
	fflush(stdout);
	signal(SIGPIPE, SIG_IGN);
	program = popen(cmd->publish, "w");
	for (unsigned i = 0; program != NULL && i < count; i++)
		fprintf(program,
			"{\"domain\": %s, \"selector\": %s, \"name\": %s, \"type\": \"TXT\", "
			"\"value\": "
			"%s}\n",
			json_quote(arena, signing_key_domain(keys[i].key)),
			json_quote(arena, signing_key_selector(keys[i].key)),
			json_quote(arena, keys[i].name), json_quote(arena, keys[i].value));
	status = program == NULL ? -1 : pclose(program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == ADMIN_TEMPORARY) {
		admin_warning(cmd->admin, "%s: not now; the same command tells it again",
			      cmd->publish);
		return ADMIN_TEMPORARY;
	}
	admin_error(cmd->admin, "%s failed; the keys wait, and the same command tells it again",
		    cmd->publish);
	return ADMIN_NO;
}

static struct successors new_successors(const struct keycmd *cmd, unsigned keys)
{
	return (struct successors){
	    .cmd = cmd,
	    .items = arena_array(cmd->admin->arena, 2 * keys + 1, sizeof(struct keycmd_key))};
}

static int rotate_domain(const struct keycmd *cmd, const struct keycmd_keys *keys)
{
	struct successors all = new_successors(cmd, keys->count);
	unsigned leaders;
	int code = make_successors(&all, cmd->domain, keys, &leaders);

	if (code != 0)
		return code;
	if (leaders == 0) {
		admin_error(cmd->admin, "%s has no active key to replace: countersign key gen %s",
			    cmd->domain, cmd->domain);
		return ADMIN_NO;
	}
	if (all.count == 0)
		return ADMIN_NO;
	keycmd_print(cmd, "key.rotate", all.items, all.count);
	if (cmd->format == FORMAT_ALL)
		printf("\nthen: countersign key rotate %s --auto      (once the DNS shows %s)\n",
		       cmd->domain, all.count == 1 ? "it" : "them");
	return publish_records(cmd, all.items, all.count);
}

/* Keys that wait since an earlier run are told again: a program may have failed. */
static void add_pending(struct successors *all, const struct keycmd_keys *keys)
{
	for (unsigned i = 0; i < keys->count; i++)
		if (signing_key_status(keys->items[i].key).state == KEYSTATE_PENDING)
			all->items[all->count++] = keys->items[i];
}

/* The keys are ordered by domain. A domain that fails does not keep others from their keys. */
static int rotate_all(const struct keycmd *cmd, const struct keycmd_keys *keys)
{
	struct successors all = new_successors(cmd, keys->count);
	int code = 0, own;

	for (unsigned i = 0, next; i < keys->count; i = next) {
		struct keycmd_keys group = {.items = &keys->items[i]};
		const char *domain = signing_key_domain(keys->items[i].key);
		unsigned leaders;

		for (next = i; next < keys->count &&
			       strcmp(signing_key_domain(keys->items[next].key), domain) == 0;
		     next++)
			group.count++;
		add_pending(&all, &group);
		if (cmd->limit > 0 && all.domains >= cmd->limit)
			continue;
		own = make_successors(&all, domain, &group, &leaders);
		code = own != 0 ? own : code;
	}
	if (all.count > 0 || cmd->format == FORMAT_JSON)
		keycmd_print(cmd, "key.rotate", all.items, all.count);
	admin_note(cmd->admin, "%u domain%s got new keys, %u record%s to publish", all.domains,
		   all.domains == 1 ? "" : "s", all.count, all.count == 1 ? "" : "s");
	own = publish_records(cmd, all.items, all.count);
	code = own != 0 ? own : code;
	return code == 0 && keys->faults > 0 ? ADMIN_NO : code;
}

/* NEXT signs from now on: those of its domain and algorithm that signed before are retired. */
static int take_over(struct changes *changes, const struct keycmd_keys *keys,
		     const struct signing_key *next)
{
	int code = changes_set(changes, next, KEYSTATE_ACTIVE);

	for (unsigned i = 0; code == 0 && i < keys->count; i++) {
		const struct signing_key *key = keys->items[i].key;
		const struct keycmd_keys one = {.items = &keys->items[i], .count = 1};

		if (changes_others(&one, next, true) == 1)
			code = changes_set(changes, key, KEYSTATE_RETIRED);
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
		return changes_set(changes, key, KEYSTATE_REVOKED);
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

	if (code == 0 && cmd.domain == NULL && !cmd.automatic && !cmd.all)
		return admin_usage(admin, "missing argument: DOMAIN, or --all");
	if (code == 0 && cmd.all && (cmd.automatic || cmd.domain != NULL))
		return admin_usage(admin, "--all is without %s",
				   cmd.automatic ? "--auto, which is for all domains" : "DOMAIN");
	if (code == 0)
		code = cmd.automatic || cmd.all ? keycmd_load(&cmd, &keys)
						: keycmd_load_some(&cmd, &keys);
	if (code != 0)
		return code;
	if (cmd.automatic)
		return rotate_auto(&cmd, &keys);
	return cmd.all ? rotate_all(&cmd, &keys) : rotate_domain(&cmd, &keys);
}

const struct admin_verb cmd_keyrotate[] = {
    {"key", "rotate", "[DOMAIN]", "Replace the keys of a domain by new ones", cmd_rotate,
     rotate_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
