/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign key seal: the keys of a directory go to the shared store, sealed. The first host
 * makes the sealing key; the others are given it by their administrator, never by the database.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/key/command.h"
#include "context/context.h"
#include "keys/sealing.h"
#include "lib/buf.h"
#include "lib/crypto/hash.h"
#include "lib/jsonout.h"

static const struct admin_option seal_options[] = {KEYS_OPTION, {NULL, 0, NULL, NULL}};

struct sealer {
	struct admin *admin;
	struct keystore *store;
	unsigned present, faults;
};

/* ---- the sealing key ---- */

/* 1: the store has keys; 0; -1. */
static int has_keys(struct keystore *store, struct why *why)
{
	struct keyring *keyring = keystore_load(store, NULL, why);
	int result = keyring == NULL ? -1 : keyring_count(keyring) > 0;

	keyring_free(keyring);
	return result;
}

/* Makes the sealing key unless it is there. *MADE: it was. */
static int want_sealing_key(struct sealer *sealer, const char *path, bool *made, struct why *why)
{
	const char *file = arena_printf(sealer->admin->arena, "%s/" SEALING_FILE, path);
	int sealed;

	*made = access(file, F_OK) != 0 && errno == ENOENT;
	if (!*made)
		return 0;
	sealed = has_keys(sealer->store, why);
	if (sealed == 1)
		return why_set(why,
			       "the shared store has keys, but this host has no %s: copy that file "
			       "from a host that has it",
			       file);
	return sealed < 0 ? -1 : sealing_make(path, why);
}

/* ---- keys ---- */

static int seal_key(struct sealer *sealer, const struct signing_key *key, struct why *why)
{
	const char *domain = signing_key_domain(key), *selector = signing_key_selector(key);
	const struct signing_key *there;
	struct arena *arena = arena_new(0);
	struct buf pem;
	int result = keystore_find(sealer->store, domain, selector, arena, &there, why);

	buf_init(&pem, NULL, 0);
	if (result == 0 && there != NULL && signing_key_number(there) == signing_key_number(key)) {
		sealer->present++;
	} else if (result == 0 && there != NULL &&
		   signing_key_status(there).state != KEYSTATE_REVOKED) {
		result =
		    why_set(why, "the shared store has a key %s of %s; a key is never overwritten",
			    selector, domain);
	} else if (result == 0) {
		result = signing_key_pem(key, &pem, why);
		if (result == 0)
			result = keystore_import(sealer->store, domain, selector, buf_view(&pem),
						 signing_key_status(key), why);
	}
	if (pem.data != NULL)
		crypt_wipe(pem.data, pem.len);
	buf_free(&pem);
	arena_free(arena);
	return result;
}

static void visit_key(void *arg, const struct signing_key *key, const char *path)
{
	struct sealer *sealer = arg;
	struct why why;

	if (seal_key(sealer, key, &why) == 0)
		return;
	admin_error(sealer->admin, "%s: %s", path, why.text);
	sealer->faults++;
}

static void tell_faults(struct sealer *sealer, const struct keyring *keyring)
{
	const struct keyring_fault *faults;
	unsigned count = keyring_faults(keyring, &faults);

	for (unsigned i = 0; i < count; i++)
		admin_error(sealer->admin, "%s", faults[i].text);
	sealer->faults += count;
}

/* ---- the command ---- */

static void tell_outcome(const struct sealer *sealer, const struct conf *conf, bool made)
{
	struct admin *admin = sealer->admin;
	const char *file = arena_printf(admin->arena, "%s/" SEALING_FILE, conf->sign.keys);
	struct jsonout *out;

	if (admin->json) {
		out = jsonout_new(admin->arena, "key.seal");
		jsonout_int(out, "sealed", keystore_stored(sealer->store));
		jsonout_int(out, "present", sealer->present);
		jsonout_int(out, "faults", sealer->faults);
		jsonout_text(out, "sealing_key", file);
		jsonout_bool(out, "made", made);
		admin_print_json(admin, out);
		return;
	}
	printf("%u keys sealed, %u were in the shared store\n", keystore_stored(sealer->store),
	       sealer->present);
	if (made)
		admin_note(admin, "made %s: copy it to every other host, and keep a copy", file);
	if (!conf->store.keys)
		admin_note(admin, "to sign with them: store.keys = true on every host, then: "
				  "countersign reload");
}

/* 0, or the exit code after the reason was printed. */
static int seal_all(struct sealer *sealer, const struct conf *conf, const char *directory)
{
	struct keyring *keyring;
	struct why why;
	bool made;

	if (want_sealing_key(sealer, conf->sign.keys, &made, &why) != 0) {
		admin_error(sealer->admin, "%s", why.text);
		return ADMIN_CANT_CREATE;
	}
	keyring = keyring_load(directory, context_key_access(conf), &why);
	if (keyring == NULL) {
		admin_error(sealer->admin, "%s", why.text);
		return ADMIN_CONFIG;
	}
	keystore_begin(sealer->store);
	keyring_each(keyring, visit_key, sealer);
	if (keystore_end(sealer->store, &why) != 0) {
		admin_error(sealer->admin, "%s", why.text);
		sealer->faults++;
	}
	tell_faults(sealer, keyring);
	keyring_free(keyring);
	tell_outcome(sealer, conf, made);
	return sealer->faults > 0 ? ADMIN_PARTLY : ADMIN_DONE;
}

static int cmd_seal(struct admin *admin, int argc, char **argv)
{
	struct sealer sealer = {.admin = admin};
	const struct conf *conf;
	const char *directory = NULL;
	struct why why;
	int option, code;

	while ((option = admin_getopt(admin, argc, argv)) != -1) {
		if (option != OPTION_KEYS)
			return ADMIN_USAGE;
		directory = optarg;
	}
	if (optind < argc)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind]);
	conf = admin_conf(admin);
	if (conf == NULL)
		return ADMIN_CONFIG;
	if (conf->store.shared[0] == '\0') {
		admin_error(admin, "store.shared is not set, so the keys have nowhere to go: set "
				   "it to the URL of a PostgreSQL database");
		return ADMIN_CONFIG;
	}
	sealer.store = keystore_open_shared(conf, &why);
	if (sealer.store == NULL) {
		admin_error(admin, "%s", why.text);
		return ADMIN_TEMPORARY;
	}
	code = seal_all(&sealer, conf, directory == NULL ? conf->sign.keys : directory);
	keystore_close(sealer.store);
	return code;
}

const struct admin_verb cmd_keyseal[] = {
    {"key", "seal", "", "Put the keys of a directory into the shared store, sealed", cmd_seal,
     seal_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
