/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign key gen | list | show: signing keys in files, and the TXT record of each.
 */
#include <string.h>

#include "admin/admin.h"
#include "admin/key/command.h"
#include "admin/out.h"
#include "lib/clock.h"

static const struct admin_option gen_options[] = {
    {"selector", OPTION_SELECTOR, "NAME",
     "its name in the DNS (default: sYEARa, the next free letter)"},
    SELECTORS_OPTION,
    {"type", OPTION_TYPE, "TYPE", "rsa2048 (default), rsa3072, rsa4096, ed25519 or both"},
    {"active", OPTION_ACTIVE, NULL, "start signing at once, whatever the DNS shows"},
    FORMAT_OPTION,
    TARGET_OPTION,
    KEYS_OPTION,
    {NULL, 0, NULL, NULL},
};

static const struct admin_option show_options[] = {
    {"selector", OPTION_SELECTOR, "NAME", "only this one"},
    FORMAT_OPTION,
    TARGET_OPTION,
    KEYS_OPTION,
    {NULL, 0, NULL, NULL},
};

static const struct admin_option list_options[] = {KEYS_OPTION, {NULL, 0, NULL, NULL}};

static void say_next(const struct keycmd *cmd)
{
	if (cmd->active)
		printf("\nthe daemon signs with it after its next reload\n");
	else
		printf("\nthen: countersign key activate %s      (looks whether the DNS shows the "
		       "record)\n",
		       cmd->domain);
}

static int cmd_gen(struct admin *admin, int argc, char **argv)
{
	static const unsigned bits[] = {[TYPE_RSA2048] = 2048,
					[TYPE_RSA3072] = 3072,
					[TYPE_RSA4096] = 4096,
					[TYPE_ED25519] = 0,
					[TYPE_BOTH] = 2048};
	struct keystatus status = {KEYSTATE_PENDING, clock_wall()};
	struct keycmd_key made[2];
	const char *second = NULL;
	unsigned count = 1;
	struct keycmd cmd;
	struct why why;
	int code = keycmd_parse(&cmd, admin, argc, argv, 1, 1);

	if (code != 0)
		return code;
	if (cmd.active)
		status.state = KEYSTATE_ACTIVE;
	if (cmd.selector != NULL) {
		if (keyring_check_names(cmd.domain, cmd.selector, &why) == -1)
			return admin_usage(admin, "%s", why.text);
		second = arena_printf(admin->arena, "%s-ed25519", cmd.selector);
	}
	code = keycmd_generate(&cmd, cmd.selector, bits[cmd.type], status, &made[0]);
	if (code == 0 && cmd.type == TYPE_BOTH)
		code = keycmd_generate(&cmd, second, 0, status, &made[count++]);
	if (code != 0)
		return code;
	keycmd_print(&cmd, "key.gen", made, count);
	if (cmd.format == FORMAT_ALL)
		say_next(&cmd);
	return ADMIN_DONE;
}

static const char *age_text(struct arena *arena, struct keystatus status)
{
	int64_t seconds = clock_wall() - status.since;

	if (status.since == 0)
		return "";
	if (seconds < 86400)
		return arena_printf(arena, "%lld h", (long long)(seconds / 3600));
	return arena_printf(arena, "%lld d", (long long)(seconds / 86400));
}

static void print_table(struct admin *admin, const struct keycmd_keys *keys)
{
	static const char *const headings[] = {"DOMAIN", "SELECTOR", "TYPE", ">BITS",
					       "STATE",  ">FOR",     "PATH"};
	static const enum out_style styles[] = {[KEYSTATE_PENDING] = OUT_WARN,
						[KEYSTATE_ACTIVE] = OUT_GOOD,
						[KEYSTATE_RETIRED] = OUT_PLAIN,
						[KEYSTATE_REVOKED] = OUT_DIM};
	struct out_table *table = out_table_new(admin->arena, headings, 7);

	for (unsigned i = 0; i < keys->count; i++) {
		const struct signing_key *key = keys->items[i].key;
		struct keystatus status = signing_key_status(key);

		out_cell(table, OUT_PLAIN, "%s", signing_key_domain(key));
		out_cell(table, OUT_PLAIN, "%s", signing_key_selector(key));
		out_cell(table, OUT_PLAIN, "%s", keycmd_type(key));
		out_cell(table, OUT_PLAIN, "%u", signing_key_bits(key));
		out_cell(table, styles[status.state], "%s", keystate_text(status.state));
		out_cell(table, OUT_PLAIN, "%s", age_text(admin->arena, status));
		out_cell(table, OUT_PLAIN, "%s", keys->items[i].path);
	}
	out_table_print(table, stdout, admin_color(admin, stdout));
}

static int cmd_list(struct admin *admin, int argc, char **argv)
{
	struct keycmd_keys keys;
	struct keycmd cmd;
	int code = keycmd_parse(&cmd, admin, argc, argv, 0, 1);

	if (code == 0)
		code = keycmd_load(&cmd, &keys);
	if (code != 0)
		return code;
	if (admin->json)
		keycmd_print(&cmd, "key.list", keys.items, keys.count);
	else
		print_table(admin, &keys);
	if (keys.count == 0 && keys.faults > 0)
		return ADMIN_CONFIG;
	if (keys.count == 0)
		admin_note(admin, "no keys in %s", keystore_name(cmd.store));
	return keys.faults > 0 ? ADMIN_NO : ADMIN_DONE;
}

static int cmd_show(struct admin *admin, int argc, char **argv)
{
	struct keycmd_keys keys;
	struct keycmd cmd;
	int code = keycmd_parse(&cmd, admin, argc, argv, 1, 2);

	if (code == 0)
		code = keycmd_load_some(&cmd, &keys);
	if (code != 0)
		return code;
	keycmd_print(&cmd, "key.show", keys.items, keys.count);
	return ADMIN_DONE;
}

const struct admin_verb cmd_key[] = {
    {"key", "gen", "DOMAIN", "Make a signing key and print its DNS record", cmd_gen, gen_options,
     false},
    {"key", "list", "[DOMAIN]", "List the signing keys", cmd_list, list_options, false},
    {"key", "show", "DOMAIN [SELECTOR]", "Print the DNS records of a domain's keys", cmd_show,
     show_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
