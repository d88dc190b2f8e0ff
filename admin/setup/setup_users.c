/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The users of the daemon: its own, and that of the process that holds the private keys. Key files
 * that the daemon's own group can read are from a version without such a process.
 */
#include "admin/setup/setup.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "admin/program.h"

struct account {
	const char *id, *what, *name, *comment, *home;
	const char *also; /* a group that it is in besides its own; "": none */
};

static const char *account_command(const struct setup *setup, const struct account *account)
{
	const char *name = setup_quote(setup, account->name);
	const char *also = *account->also == '\0' ? "" : TEXT(setup, " -G %s", account->also);

	if (program_there("systemd-sysusers"))
		return TEXT(
		    setup, "%secho 'u %s - \"%s\" %s /usr/sbin/nologin'%s | systemd-sysusers -",
		    *also == '\0' ? "" : "{ ", account->name, account->comment, account->home,
		    *also == '\0'
			? ""
			: TEXT(setup, "; echo 'm %s %s'; }", account->name, account->also));
	if (program_there("pw"))
		return TEXT(setup, "pw useradd %s -d %s -s /usr/sbin/nologin%s", name,
			    account->home, also);
	return TEXT(setup,
		    "useradd --system --user-group --no-create-home --home-dir %s "
		    "--shell /usr/sbin/nologin%s %s",
		    account->home, also, name);
}

static void plan_account(struct setup *setup, const struct account *account)
{
	if (getpwnam(account->name) != NULL)
		return;
	plan_add(&setup->plan, (struct plan_step){.id = account->id,
						  .what = account->what,
						  .command = account_command(setup, account),
						  .undo = TEXT(setup, "userdel %s",
							       setup_quote(setup, account->name))});
	setup->rights_changed = true;
}

/* Whether the daemon here can have a process of another user for its keys: started by root, it
 * makes one; systemd starts one if it has the unit. */
static bool has_key_process(const struct setup *setup)
{
	return strcmp(setup->user, PLACE_USER) == 0 &&
	       (!service_has_unit() || service_has_key_unit());
}

void setup_users(struct setup *setup)
{
	const struct account daemon = {.id = "user",
				       .what = "the daemon's user",
				       .name = setup->user,
				       .comment = "countersign mail authentication milter",
				       .home = STATEDIR,
				       .also = ""};
	/* also in the daemon's group: keys that are put here later as before go on signing */
	const struct account keys = {.id = "keys.user",
				     .what = "the user of the process that holds the private keys",
				     .name = PLACE_KEY_USER,
				     .comment = "countersign private keys",
				     .home = "/",
				     .also = setup->group};

	plan_account(setup, &daemon);
	if (has_key_process(setup))
		plan_account(setup, &keys);
}

const char *setup_key_group(const struct setup *setup)
{
	return has_key_process(setup) ? PLACE_KEY_USER : setup->group;
}

void setup_key_files(struct setup *setup)
{
	const char *keys = setup->conf->sign.keys, *group = setup_key_group(setup), *found;
	const char *argv[] = {"find",       keys,     "-mindepth", "1", "-group",
			      setup->group, "-print", "-quit",     NULL};
	const char *path = setup_quote(setup, keys);

	if (strcmp(group, setup->group) == 0 || getgrnam(setup->group) == NULL ||
	    program_read(setup->arena, argv, &found, NULL) == -1 || *found == '\0')
		return;
	plan_add(&setup->plan,
		 (struct plan_step){
		     .id = "keys.group",
		     .what = "the private keys, which only the process that holds them is to read",
		     .command = TEXT(setup, "find %s -mindepth 1 -group %s -exec chgrp -h %s {} +",
				     path, setup->group, group),
		     .undo = TEXT(setup, "find %s -mindepth 1 -group %s -exec chgrp -h %s {} +",
				  path, group, setup->group)});
	setup->rights_changed = true;
}
