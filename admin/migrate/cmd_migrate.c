/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign migrate: the settings of OpenDKIM or dkimpy-milter, OpenDMARC, policyd-spf, OpenARC
 * and parsedmarc as one file of countersign's. Nothing of theirs is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "lib/jsonout.h"
#include "admin/migrate/migrate.h"
#include "lib/buf.h"
#include "lib/system/readfile.h"

enum {
	OPTION_OPENDKIM = 256,
	OPTION_OPENDMARC,
	OPTION_SPF,
	OPTION_OPENARC,
	OPTION_DKIMPY,
	OPTION_PARSEDMARC,
	OPTION_ROOT,
	OPTION_LIST,
	OPTION_SENDER
};
enum { TEXT_MAX = 64 << 20, HOSTNAME_ROOM = 256 };

static const struct admin_option options[] = {
    {"opendkim", OPTION_OPENDKIM, "FILE", "OpenDKIM's settings (default: /etc/opendkim.conf)"},
    {"opendmarc", OPTION_OPENDMARC, "FILE", "OpenDMARC's settings (default: /etc/opendmarc.conf)"},
    {"policyd-spf", OPTION_SPF, "FILE",
     "policyd-spf's or pyspf-milter's settings (default: the file in /etc that is there)"},
    {"openarc", OPTION_OPENARC, "FILE", "OpenARC's settings (default: /etc/openarc.conf)"},
    {"dkimpy", OPTION_DKIMPY, "FILE",
     "dkimpy-milter's settings, in place of OpenDKIM's (default: the file in /etc)"},
    {"parsedmarc", OPTION_PARSEDMARC, "FILE",
     "parsedmarc's settings: the mailbox with reports (default: /etc/parsedmarc.ini)"},
    {"root", OPTION_ROOT, "DIR", "look for all files below DIR instead of /"},
    {"sign-sender", OPTION_SENDER, "RULE",
     "what lets a login sign (sign.sender): login (default), envelope, any as OpenDKIM did"},
    {"output", 'o', "FILE", "write the settings to FILE; an existing file is kept"},
    {"list", OPTION_LIST, NULL, "list every option found and what becomes of it"},
    {NULL, 0, NULL, NULL},
};

static const char *const names[MIGRATE_SOURCES] = {"OpenDKIM", "OpenDMARC",     "policyd-spf",
						   "OpenARC",  "dkimpy-milter", "parsedmarc"};

/* Where packages have their settings. Of two that do the same, the first one is read. */
static const struct {
	enum migrate_source source, instead;
	const char *path;
} places[] = {
    {MIGRATE_OPENDKIM, MIGRATE_OPENDKIM, "/etc/opendkim.conf"},
    {MIGRATE_DKIMPY, MIGRATE_OPENDKIM, "/etc/dkimpy-milter/dkimpy-milter.conf"},
    {MIGRATE_OPENDMARC, MIGRATE_OPENDMARC, "/etc/opendmarc.conf"},
    {MIGRATE_SPF, MIGRATE_SPF, "/etc/postfix-policyd-spf-python/policyd-spf.conf"},
    {MIGRATE_SPF, MIGRATE_SPF, "/etc/pyspf-milter/pyspf-milter.conf"},
    {MIGRATE_OPENARC, MIGRATE_OPENARC, "/etc/openarc.conf"},
    {MIGRATE_OPENARC, MIGRATE_OPENARC, "/etc/openarc/openarc.conf"},
    {MIGRATE_PARSEDMARC, MIGRATE_PARSEDMARC, "/etc/parsedmarc.ini"},
};
enum { PLACES = sizeof places / sizeof *places };

struct migration {
	struct admin *admin;
	const char *files[MIGRATE_SOURCES]; /* without ROOT */
	const char *root;                   /* "": none */
	const char *output;
	const char *sender; /* stated; NULL: not */
	bool list;
};

static int read_file(void *arg, const char *path, struct span *text, struct why *why)
{
	const struct migration *migration = arg;
	struct arena *arena = migration->admin->arena;

	return readfile(arena, arena_printf(arena, "%s%s", migration->root, path), TEXT_MAX, text,
			why);
}

static int write_file(const char *path, const char *text, struct why *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t size = strlen(text);
	int result = 0;

	if (fd == -1)
		return why_set(why, "%s: %s", path, strerror(errno));
	if (write(fd, text, size) != (ssize_t)size || fsync(fd) == -1)
		result = why_set(why, "%s: %s", path, strerror(errno));
	close(fd);
	return result;
}

static void print_options(void)
{
	struct migrate_answer answer;

	for (int source = 0; source < MIGRATE_SOURCES; source++) {
		printf("%s\n", names[source]);
		for (unsigned i = 0; migrate_option((enum migrate_source)source, i, &answer); i++)
			printf("  %s\n      there: %s\n      here:  %s%s%s\n", answer.name,
			       answer.theirs, answer.ours, answer.reason[0] == '\0' ? "" : "; ",
			       answer.reason);
	}
}

static void print_options_json(const struct admin *admin)
{
	struct jsonout *out = jsonout_new(admin->arena, "migrate.list");
	struct migrate_answer answer;

	jsonout_array(out, "options");
	for (int source = 0; source < MIGRATE_SOURCES; source++) {
		for (unsigned i = 0; migrate_option((enum migrate_source)source, i, &answer); i++) {
			jsonout_object(out, NULL);
			jsonout_text(out, "program", names[source]);
			jsonout_text(out, "name", answer.name);
			jsonout_text(out, "theirs", answer.theirs);
			jsonout_text(out, "ours", answer.ours);
			jsonout_text(out, "reason", answer.reason);
			jsonout_end(out);
		}
	}
	admin_print_json(admin, out);
}

static bool is_file(const struct migration *migration, const char *path)
{
	return access(arena_printf(migration->admin->arena, "%s%s", migration->root, path), F_OK) ==
	       0;
}

/* The files that are there, where none was named. */
static int find_files(struct migration *migration)
{
	bool named = false;

	for (int i = 0; i < MIGRATE_SOURCES; i++)
		named = named || migration->files[i] != NULL;
	for (int i = 0; i < PLACES && !named; i++) {
		const char **file = &migration->files[places[i].source];

		if (is_file(migration, places[i].path) && *file == NULL &&
		    migration->files[places[i].instead] == NULL)
			*file = places[i].path;
		else if (is_file(migration, places[i].path))
			admin_warning(migration->admin, "%s%s exists too and was not read",
				      migration->root, places[i].path);
	}
	for (int i = 0; i < MIGRATE_SOURCES; i++)
		named = named || migration->files[i] != NULL;
	if (named)
		return 0;
	admin_error(
	    migration->admin,
	    "found no settings of OpenDKIM, OpenDMARC or policyd-spf in %s/etc; name the files: "
	    "--opendkim=FILE, --opendmarc=FILE, --policyd-spf=FILE, --openarc=FILE, --dkimpy=FILE, "
	    "--parsedmarc=FILE",
	    migration->root);
	return ADMIN_NO_INPUT;
}

static int take_files(struct migration *migration, struct migrate *migrate)
{
	struct span text;
	struct why why;

	for (int i = 0; i < MIGRATE_SOURCES; i++) {
		if (migration->files[i] == NULL)
			continue;
		if (read_file(migration, migration->files[i], &text, &why) == -1) {
			admin_error(migration->admin, "%s", why.text);
			return ADMIN_NO_INPUT;
		}
		migrate_text(migrate, (enum migrate_source)i, migration->files[i], text);
	}
	return 0;
}

static void print_json(struct admin *admin, const struct migrate *migrate, const char *text)
{
	struct jsonout *out = jsonout_new(admin->arena, "migrate");

	jsonout_text(out, "settings", text);
	jsonout_array(out, "left_out");
	for (unsigned i = 0; i < migrate_left_out(migrate); i++)
		jsonout_text(out, NULL, migrate_warning(migrate, i));
	jsonout_end(out);
	jsonout_int(out, "not_known", migrate_unknown(migrate));
	jsonout_bool(out, "keys", migrate_has_keys(migrate));
	admin_print_json(admin, out);
}

static void print_warnings(struct admin *admin, const struct migrate *migrate)
{
	unsigned unknown = migrate_unknown(migrate), left = migrate_left_out(migrate);

	for (unsigned i = 0; i < left; i++)
		admin_warning(admin, "%s", migrate_warning(migrate, i));
	if (left > 0)
		admin_warning(admin, "%u setting%s left out or only partly taken over; see above",
			      left, left == 1 ? " was" : "s were");
	if (unknown > 0)
		admin_warning(admin, "%u line%s not known; see NOT KNOWN in the comments", unknown,
			      unknown == 1 ? " is" : "s are");
}

static enum migrate_source find_signer(const struct migration *migration)
{
	return migration->files[MIGRATE_DKIMPY] != NULL ? MIGRATE_DKIMPY : MIGRATE_OPENDKIM;
}

/* Neither OpenDKIM nor dkimpy-milter has a setting that binds a login to a domain, and signs for
 * all. That is for the operator to state: the result must not trust more than what is known. */
static void warn_of_sender(const struct migration *migration)
{
	struct admin *admin = migration->admin;

	if (migration->sender == NULL)
		admin_warning(
		    admin,
		    "%s signed mail of every login as every domain with a key; here a login signs "
		    "for its own domain; name others in sign.logins or sign.aliases; if every "
		    "login may use every domain, use --sign-sender=any (sign.sender = \"any\"); "
		    "see: countersign config explain sign.sender",
		    names[find_signer(migration)]);
	else if (strcmp(migration->sender, "any") == 0)
		admin_warning(admin, "every login can have mail signed as every domain with a key "
				     "(sign.sender = \"any\")");
}

static bool is_sender_rule(const char *text)
{
	static const char *const rules[] = {"login", "envelope", "any"};

	for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++)
		if (strcmp(text, rules[i]) == 0)
			return true;
	return false;
}

static int print_result(struct migration *migration, struct migrate *migrate)
{
	struct admin *admin = migration->admin;
	const char *text = migrate_result(migrate);
	struct why why;

	if (migration->output != NULL && write_file(migration->output, text, &why) == -1) {
		admin_error(admin, "%s", why.text);
		return ADMIN_CANT_CREATE;
	}
	if (admin->json)
		print_json(admin, migrate, text);
	else if (migration->output == NULL)
		fputs(text, stdout);
	print_warnings(admin, migrate);
	if (migrate_has_keys(migrate)) {
		warn_of_sender(migration);
		admin_note(admin, "then the keys: countersign key import --from-opendkim %s%s",
			   migration->root, migration->files[find_signer(migration)]);
	}
	admin_note(admin, "then the MTA: countersign setup --apply --replace");
	if (migrate_unknown(migrate) > 0)
		return ADMIN_NO;
	return migrate_left_out(migrate) > 0 ? ADMIN_PARTLY : ADMIN_DONE;
}

static int run_migrate(struct admin *admin, int argc, char **argv)
{
	struct migration migration = {.admin = admin, .root = ""};
	char hostname[HOSTNAME_ROOM] = "";
	struct migrate *migrate;
	int letter, code;

	while ((letter = admin_getopt(admin, argc, argv)) != -1) {
		if (letter == '?')
			return ADMIN_USAGE;
		if (letter == OPTION_LIST)
			migration.list = true;
		else if (letter == OPTION_ROOT)
			migration.root = optarg;
		else if (letter == 'o')
			migration.output = optarg;
		else if (letter == OPTION_SENDER)
			migration.sender = optarg;
		else
			migration.files[letter - OPTION_OPENDKIM] = optarg;
	}
	if (argc > optind)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind]);
	if (migration.sender != NULL && !is_sender_rule(migration.sender))
		return admin_usage(admin, "--sign-sender=%s: use login, envelope or any",
				   migration.sender);
	if (migration.files[MIGRATE_OPENDKIM] != NULL && migration.files[MIGRATE_DKIMPY] != NULL)
		return admin_usage(admin, "--opendkim and --dkimpy: name the one that signs");
	if (migration.list) {
		if (admin->json)
			print_options_json(admin);
		else
			print_options();
		return ADMIN_DONE;
	}
	gethostname(hostname, sizeof hostname - 1);
	migrate = migrate_new(admin->arena, hostname, read_file, &migration);
	migrate_state_sender(migrate, migration.sender);
	code = find_files(&migration);
	if (code == 0)
		code = take_files(&migration, migrate);
	return code == 0 ? print_result(&migration, migrate) : code;
}

const struct admin_verb cmd_migrate[] = {
    {"migrate", NULL, "", "Take over the settings of OpenDKIM, OpenDMARC, policyd-spf and others",
     run_migrate, options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
