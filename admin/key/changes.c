/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/key/changes.h"

#include <string.h>

#include "lib/jsonout.h"
#include "lib/clock.h"

void changes_begin(struct changes *changes, const struct keycmd *cmd, const char *schema)
{
	*changes = (struct changes){.cmd = cmd};
	if (!cmd->admin->json)
		return;
	changes->out = jsonout_new(cmd->admin->arena, schema);
	jsonout_array(changes->out, "changes");
}

int changes_set(struct changes *changes, const struct signing_key *key, enum keystate state)
{
	const struct keycmd *cmd = changes->cmd;
	const char *domain = signing_key_domain(key), *selector = signing_key_selector(key);
	const char *from = keystate_text(signing_key_status(key).state);
	struct keystatus status = {state, clock_wall()};
	struct why why;

	if (keystore_set_status(cmd->store, domain, selector, status, &why) == -1) {
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

void changes_end(struct changes *changes)
{
	if (changes->out != NULL)
		admin_print_json(changes->cmd->admin, changes->out);
	if (changes->count > 0)
		keycmd_tell_daemon(changes->cmd);
}

unsigned changes_others(const struct keycmd_keys *keys, const struct signing_key *key,
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
