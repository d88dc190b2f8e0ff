/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of `countersign key`, the keys it names, and a new key.
 *
 * A key is read back through the checks that the daemon makes before anything is said of it.
 */
#include "admin/key/command.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/daemon/daemon.h"
#include "context/context.h"
#include "lib/clock.h"
#include "lib/name.h"
#include "mail/domain.h"

static const struct name_code type_names[] = {
    {"rsa2048", TYPE_RSA2048}, {"rsa3072", TYPE_RSA3072}, {"rsa4096", TYPE_RSA4096},
    {"ed25519", TYPE_ED25519}, {"both", TYPE_BOTH},       {NULL, 0},
};

static const struct name_code format_names[] = {
    {"all", FORMAT_ALL},
    {"zone", FORMAT_ZONE},
    {"line", FORMAT_LINE},
    {"nsupdate", FORMAT_NSUPDATE},
    {"cname", FORMAT_CNAME},
    {"json", FORMAT_JSON},
    {NULL, 0},
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

/* "365d" */
static int parse_days(struct admin *admin, int64_t *seconds)
{
	struct span text = span_of(optarg);
	uint64_t days;

	if (span_len(text) > 1 && text.end[-1] == 'd') {
		text.end--;
		if (span_number(text, 36500, &days)) {
			*seconds = (int64_t)days * 86400;
			return 0;
		}
	}
	return admin_usage(admin, "--older: \"%s\" is not a number of days, such as 365d", optarg);
}

static int parse_limit(struct admin *admin, unsigned *limit)
{
	uint64_t number;

	if (!span_number(span_of(optarg), 1000000, &number) || number == 0)
		return admin_usage(admin, "--limit: \"%s\" is not a number from 1", optarg);
	*limit = (unsigned)number;
	return 0;
}

static int take_option(struct keycmd *cmd, int option)
{
	int code = 0, status = 0;

	switch (option) {
	case OPTION_SELECTOR:
		cmd->selector = optarg;
		break;
	case OPTION_KEYS:
		cmd->directory = optarg;
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
	case OPTION_SELECTORS:
		cmd->selectors = optarg;
		break;
	case OPTION_TARGET:
		cmd->target = domain_to_ascii(cmd->admin->arena, span_of(optarg));
		if (cmd->target == NULL)
			status = admin_usage(cmd->admin, "\"%s\" is not a domain name", optarg);
		break;
	case OPTION_ALL:
		cmd->all = true;
		break;
	case OPTION_OLDER:
		status = parse_days(cmd->admin, &cmd->older);
		break;
	case OPTION_LIMIT:
		status = parse_limit(cmd->admin, &cmd->limit);
		break;
	case OPTION_PUBLISH:
		cmd->publish = optarg;
		break;
	case OPTION_PARTIAL:
		cmd->partial = true;
		break;
	default:
		status = ADMIN_USAGE;
	}
	return status;
}

/* The arguments behind the options. */
static int take_names(struct keycmd *cmd, int argc, char **argv, int min, int max)
{
	if (max < 0)
		return 0;
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

static void close_store(void *store)
{
	keystore_close(store);
}

int keycmd_open_store(struct keycmd *cmd)
{
	struct admin *admin = cmd->admin;
	const struct conf *conf = cmd->directory == NULL ? admin_conf(admin) : NULL;
	struct why why;

	if (cmd->directory == NULL && conf == NULL)
		return ADMIN_CONFIG;
	if (cmd->directory != NULL)
		cmd->store = keystore_open_files(cmd->directory, KEYRING_PRIVATE);
	else if (conf->store.keys)
		cmd->store = keystore_open_shared(conf, &why);
	else
		cmd->store = keystore_open_files(conf->sign.keys, context_key_access(conf));
	if (cmd->store == NULL) {
		admin_error(admin, "%s", why.text);
		return ADMIN_TEMPORARY;
	}
	arena_on_free(admin->arena, close_store, cmd->store);
	return 0;
}

int keycmd_parse(struct keycmd *cmd, struct admin *admin, int argc, char **argv, int min, int max)
{
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
	if (cmd->format == FORMAT_CNAME && cmd->target == NULL)
		return admin_usage(admin, "--format=cname needs --target=ZONE");
	if (cmd->selectors != NULL && cmd->selector != NULL)
		return admin_usage(admin, "either --selector or --selectors, not both");
	if (admin->json)
		cmd->format = FORMAT_JSON;
	admin->json = cmd->format == FORMAT_JSON;
	return keycmd_open_store(cmd);
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
	if (path == NULL)
		path = keystore_path(cmd->store, signing_key_domain(key), signing_key_selector(key),
				     cmd->admin->arena);
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

	keyring = keystore_load(cmd->store, cmd->domain, &why);
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
		admin_error(cmd->admin, "no keys in %s", keystore_name(cmd->store));
	else
		admin_error(cmd->admin, "no key %s%sfor %s in %s",
			    cmd->selector == NULL ? "" : cmd->selector,
			    cmd->selector == NULL ? "" : " ", cmd->domain,
			    keystore_name(cmd->store));
	return ADMIN_NO;
}

/* ---- a new key ---- */

/* What the names of a domain's keys that begin with START go on with. */
struct used_letters {
	const char *start;
	char next; /* the first letter that none has */
};

static void note_letter(struct used_letters *letters, const char *name)
{
	size_t len = strlen(letters->start);
	char used = strlen(name) <= len ? '\0' : name[len];

	if (strncmp(name, letters->start, len) == 0 && used >= letters->next && used <= 'z')
		letters->next = (char)(used + 1);
}

static void note_key(void *arg, const struct signing_key *key, const char *path)
{
	(void)path;
	note_letter(arg, signing_key_selector(key));
}

/* Of files, also of those that are not keys. */
static void note_files(const struct keycmd *cmd, struct used_letters *letters)
{
	DIR *dir = opendir(
	    arena_printf(cmd->admin->arena, "%s/%s", keystore_name(cmd->store), cmd->domain));
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		note_letter(letters, entry->d_name);
	if (dir != NULL)
		closedir(dir);
}

/* PREFIX, the year and the first letter that no key of that domain has used. */
static const char *free_selector(const struct keycmd *cmd, char prefix)
{
	struct arena *arena = cmd->admin->arena;
	struct used_letters letters = {.next = 'a'};
	struct keyring *keyring = NULL;
	char text[CLOCK_TEXT_MAX];
	struct why why;

	letters.start = arena_printf(arena, "%c%.4s", prefix, clock_utc_text(clock_wall(), text));
	if (keystore_is_shared(cmd->store))
		keyring = keystore_load(cmd->store, cmd->domain, &why);
	else
		note_files(cmd, &letters);
	if (keyring != NULL)
		keyring_each(keyring, note_key, &letters);
	keyring_free(keyring);
	return letters.next > 'z'
		   ? arena_printf(arena, "%sz%lld", letters.start, (long long)clock_wall())
		   : arena_printf(arena, "%s%c", letters.start, letters.next);
}

/* Is NAME free? The file of a revoked key of that name is moved aside, where no program looks at
 * it: its name begins with a dot. -1 with the reason. */
static int free_name(const struct keycmd *cmd, const char *name, bool *is_free, struct why *why)
{
	struct arena *arena = cmd->admin->arena;
	const char *path = keystore_path(cmd->store, cmd->domain, name, arena), *aside;
	const struct signing_key *key;

	if (keystore_find(cmd->store, cmd->domain, name, arena, &key, why) != 0)
		return -1;
	*is_free = key == NULL;
	if (*is_free)
		return keyring_check_names(cmd->domain, name, why);
	*is_free = signing_key_status(key).state == KEYSTATE_REVOKED;
	if (!*is_free || keystore_is_shared(cmd->store))
		return 0;
	aside = arena_printf(arena, "%s/%s/.%s.key.%lld", keystore_name(cmd->store), cmd->domain,
			     name, (long long)clock_wall());
	return rename(path, aside) == 0 ? 0 : why_set(why, "%s: %s", path, strerror(errno));
}

/* The first of the names in --selectors that is free, or NULL with the reason. */
static const char *choose_selector(const struct keycmd *cmd, struct why *why)
{
	struct span rest = span_of(cmd->selectors), name;
	bool more = true, is_free;

	while (span_split(&rest, &more, ',', &name)) {
		const char *text = arena_span(cmd->admin->arena, span_trim(name));

		if (free_name(cmd, text, &is_free, why) != 0)
			return NULL;
		if (is_free)
			return text;
	}
	why_set(why,
		"each of the selectors %s of %s has a key; revoke one that is retired: countersign "
		"key rotate %s --auto",
		cmd->selectors, cmd->domain, cmd->domain);
	return NULL;
}

/* A daemon that runs as a user of its own reads keys through its group. */
static void warn_of_group(const struct keycmd *cmd, const char *path)
{
	const struct group *group = getgrnam("countersign");
	struct stat status;

	if (!keystore_is_shared(cmd->store) && geteuid() == 0 && group != NULL &&
	    stat(path, &status) == 0 && status.st_gid != group->gr_gid)
		admin_warning(cmd->admin,
			      "group countersign cannot read the key: chgrp -R countersign %s",
			      keystore_name(cmd->store));
}

int keycmd_generate(const struct keycmd *cmd, const char *selector, unsigned bits,
		    struct keystatus status, struct keycmd_key *made)
{
	struct admin *admin = cmd->admin;
	const struct signing_key *key = NULL;
	const char *path, *note = "";
	struct why why;

	if (selector == NULL && cmd->selectors != NULL) {
		selector = choose_selector(cmd, &why);
		if (selector == NULL) {
			admin_error(admin, "%s", why.text);
			return ADMIN_NO;
		}
	}
	if (selector == NULL)
		selector = free_selector(cmd, bits == 0 ? 'e' : 's');
	path = keystore_path(cmd->store, cmd->domain, selector, admin->arena);
	if (keystore_generate(cmd->store, cmd->domain, selector, bits, status, &why) != 0 ||
	    keystore_find(cmd->store, cmd->domain, selector, admin->arena, &key, &why) != 0 ||
	    key == NULL) {
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

/* ---- the daemon ---- */

void keycmd_tell_daemon(const struct keycmd *cmd)
{
	const char *reason;

	if (keystore_is_shared(cmd->store)) {
		admin_note(cmd->admin, "every host knows within seconds");
		return;
	}
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
