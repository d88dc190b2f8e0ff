/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of `countersign key`, the keys it names, and a new key.
 *
 * A key is read back through the checks that the daemon makes before anything is said of it.
 */
#include "admin/key/command.h"

#include <dirent.h>
#include <getopt.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "context/context.h"
#include "lib/clock.h"
#include "lib/name.h"
#include "mail/domain.h"

static const struct name_code type_names[] = {
    {"rsa2048", TYPE_RSA2048}, {"rsa3072", TYPE_RSA3072}, {"rsa4096", TYPE_RSA4096},
    {"ed25519", TYPE_ED25519}, {"both", TYPE_BOTH},       {NULL, 0},
};

static const struct name_code format_names[] = {
    {"all", FORMAT_ALL},           {"zone", FORMAT_ZONE}, {"line", FORMAT_LINE},
    {"nsupdate", FORMAT_NSUPDATE}, {"json", FORMAT_JSON}, {NULL, 0},
};

/* ---- the command line ---- */

static int parse_name(struct admin *admin, const struct name_code *names, const char *what,
		      int *code)
{
	const char *nearest = name_nearest(names, span_of(optarg));

	*code = name_code(names, span_of(optarg), -1);
	if (*code != -1)
		return 0;
	return admin_usage(admin, "--%s: unknown \"%s\"%s%s%s", what, optarg,
			   nearest == NULL ? "" : "; did you mean \"",
			   nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
}

static int take_option(struct keycmd *cmd, int option)
{
	int code = 0, status = 0;

	switch (option) {
	case OPTION_SELECTOR:
		cmd->selector = optarg;
		break;
	case OPTION_KEYS:
		cmd->keys = optarg;
		break;
	case OPTION_TYPE:
		status = parse_name(cmd->admin, type_names, "type", &code);
		cmd->type = (enum key_type)code;
		break;
	case OPTION_FORMAT:
		status = parse_name(cmd->admin, format_names, "format", &code);
		cmd->format = (enum key_format)code;
		break;
	case OPTION_ACTIVE:
		cmd->active = true;
		break;
	case OPTION_FORCE:
		cmd->force = true;
		break;
	case OPTION_AUTO:
		cmd->automatic = true;
		break;
	case OPTION_OPENDKIM:
		cmd->opendkim = optarg;
		break;
	case OPTION_DRY:
		cmd->dry = true;
		break;
	default:
		status = ADMIN_USAGE;
	}
	return status;
}

/* The arguments behind the options. */
static int take_names(struct keycmd *cmd, int argc, char **argv, int min, int max)
{
	if (argc < min)
		return admin_usage(cmd->admin, argc == 0 ? "missing argument: DOMAIN"
							 : "missing argument: SELECTOR");
	if (argc > max)
		return admin_usage(cmd->admin, "unexpected argument \"%s\"", argv[max]);
	if (argc > 1 && cmd->selector != NULL)
		return admin_usage(cmd->admin, "two selectors: %s and %s", cmd->selector, argv[1]);
	if (argc > 1)
		cmd->selector = argv[1];
	if (argc == 0)
		return 0;
	cmd->domain = domain_to_ascii(cmd->admin->arena, span_of(argv[0]));
	if (cmd->domain == NULL)
		return admin_usage(cmd->admin, "\"%s\" is not a domain name", argv[0]);
	return 0;
}

int keycmd_parse(struct keycmd *cmd, struct admin *admin, int argc, char **argv, int min, int max)
{
	const struct conf *conf;
	int option, status;

	*cmd = (struct keycmd){.admin = admin};
	while ((option = admin_getopt(admin, argc, argv)) != -1) {
		status = take_option(cmd, option);
		if (status != 0)
			return status;
	}
	status = take_names(cmd, argc - optind, argv + optind, min, max);
	if (status != 0)
		return status;
	if (admin->json)
		cmd->format = FORMAT_JSON;
	admin->json = cmd->format == FORMAT_JSON;
	if (cmd->keys != NULL)
		return 0;
	conf = admin_conf(admin);
	if (conf == NULL)
		return ADMIN_CONFIG;
	cmd->keys = conf->sign.keys;
	cmd->access = context_key_access(conf);
	return 0;
}

/* ---- the keys ---- */

struct collection {
	const struct keycmd *cmd;
	struct keycmd_keys *keys;
};

static void collect_key(void *arg, const struct signing_key *key, const char *path)
{
	struct collection *all = arg;
	const struct keycmd *cmd = all->cmd;

	if (cmd->domain != NULL && strcmp(cmd->domain, signing_key_domain(key)) != 0)
		return;
	if (cmd->selector == NULL || span_ieq(span_of(cmd->selector), signing_key_selector(key)))
		all->keys->items[all->keys->count++] =
		    keycmd_record(cmd->admin, key, path, signing_key_status(key));
}

static void drop_keyring(void *keyring)
{
	keyring_free(keyring);
}

/* A fault that no domain can be told for concerns the commands about all of them. */
static bool is_about(const struct keycmd *cmd, const struct keyring_fault *fault)
{
	if (cmd->domain == NULL)
		return true;
	if (fault->domain == NULL || !span_ieq(span_of(fault->domain), cmd->domain))
		return false;
	return cmd->selector == NULL || fault->selector == NULL ||
	       span_ieq(span_of(cmd->selector), fault->selector);
}

static void tell_faults(const struct keycmd *cmd, struct keycmd_keys *keys)
{
	const struct keyring_fault *faults;
	unsigned count = keyring_faults(keys->keyring, &faults);

	for (unsigned i = 0; i < count; i++) {
		if (!is_about(cmd, &faults[i]))
			continue;
		admin_error(cmd->admin, "%s", faults[i].text);
		keys->faults++;
	}
}

int keycmd_load(const struct keycmd *cmd, struct keycmd_keys *keys)
{
	struct collection all = {cmd, keys};
	struct keyring *keyring;
	struct why why;

	keyring = keyring_load(cmd->keys, cmd->access, &why);
	if (keyring == NULL) {
		admin_error(cmd->admin, "%s", why.text);
		return ADMIN_CONFIG;
	}
	arena_on_free(cmd->admin->arena, drop_keyring, keyring);
	*keys = (struct keycmd_keys){.keyring = keyring};
	keys->items = arena_array(cmd->admin->arena, keyring_count(keyring), sizeof *keys->items);
	keyring_each(keyring, collect_key, &all);
	tell_faults(cmd, keys);
	return 0;
}

int keycmd_load_some(const struct keycmd *cmd, struct keycmd_keys *keys)
{
	int status = keycmd_load(cmd, keys);

	if (status != 0 || keys->count > 0)
		return status;
	if (keys->faults > 0)
		return ADMIN_CONFIG;
	if (cmd->domain == NULL)
		admin_error(cmd->admin, "no keys in %s", cmd->keys);
	else
		admin_error(cmd->admin, "no key %s%sfor %s in %s",
			    cmd->selector == NULL ? "" : cmd->selector,
			    cmd->selector == NULL ? "" : " ", cmd->domain, cmd->keys);
	return ADMIN_NO;
}

/* ---- a new key ---- */

/* PREFIX, the year and the first letter that no file of that domain has used. */
static const char *free_selector(const struct keycmd *cmd, char prefix)
{
	struct arena *arena = cmd->admin->arena;
	DIR *dir = opendir(arena_printf(arena, "%s/%s", cmd->keys, cmd->domain));
	char text[CLOCK_TEXT_MAX], letter = 'a';
	struct dirent *entry;
	const char *start;

	start = arena_printf(arena, "%c%.4s", prefix, clock_utc_text(clock_wall(), text));
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;
		char used =
		    name[0] == '\0' || strlen(name) <= strlen(start) ? '\0' : name[strlen(start)];

		if (strncmp(name, start, strlen(start)) == 0 && used >= letter && used <= 'z')
			letter = (char)(used + 1);
	}
	if (dir != NULL)
		closedir(dir);
	return letter > 'z' ? arena_printf(arena, "%sz%lld", start, (long long)clock_wall())
			    : arena_printf(arena, "%s%c", start, letter);
}

/* A daemon that runs as a user of its own reads keys through its group. */
static void warn_of_group(const struct keycmd *cmd, const char *path)
{
	const struct group *group = getgrnam("countersign");
	struct stat status;

	if (geteuid() == 0 && group != NULL && stat(path, &status) == 0 &&
	    status.st_gid != group->gr_gid)
		admin_warning(cmd->admin,
			      "group countersign cannot read the key: chgrp -R countersign %s",
			      cmd->keys);
}

int keycmd_generate(const struct keycmd *cmd, const char *selector, unsigned bits,
		    struct keystatus status, struct keycmd_key *made)
{
	struct admin *admin = cmd->admin;
	const struct signing_key *key = NULL;
	const char *path, *note = "";
	struct why why;

	if (selector == NULL)
		selector = free_selector(cmd, bits == 0 ? 'e' : 's');
	path = arena_printf(admin->arena, "%s/%s/%s.key", cmd->keys, cmd->domain, selector);
	if (keyring_generate(cmd->keys, cmd->domain, selector, bits, status, &why) == 0)
		key = keyring_load_one(cmd->keys, cmd->domain, selector, cmd->access, admin->arena,
				       &why);
	if (key == NULL) {
		admin_error(admin, "%s", why.text);
		return ADMIN_CANT_CREATE;
	}
	*made = keycmd_record(admin, key, path, status);
	if (status.state == KEYSTATE_PENDING)
		note = " (signs once the DNS shows its record)";
	if (cmd->format == FORMAT_ALL)
		printf("created %s   %s %u   %s%s\n", path, keycmd_type(key), signing_key_bits(key),
		       keystate_text(status.state), note);
	else
		admin_note(admin, "created %s, %s%s", path, keystate_text(status.state), note);
	warn_of_group(cmd, path);
	return 0;
}
