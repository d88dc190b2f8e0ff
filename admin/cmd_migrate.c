/*
 * countersign migrate: settings of OpenDKIM, OpenDMARC and policyd-spf as one file of ours. Nothing
 * of theirs is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/jsonout.h"
#include "admin/migrate.h"
#include "lib/buf.h"

enum { OPTION_OPENDKIM = 256, OPTION_OPENDMARC, OPTION_SPF, OPTION_LIST };
enum { TEXT_MAX = 4 << 20, SOURCES = 3 };

static const struct admin_option options[] = {
    {"opendkim", OPTION_OPENDKIM, "FILE", "OpenDKIM's settings (default: /etc/opendkim.conf)"},
    {"opendmarc", OPTION_OPENDMARC, "FILE", "OpenDMARC's (default: /etc/opendmarc.conf)"},
    {"policyd-spf", OPTION_SPF, "FILE", "policyd-spf's"},
    {"output", 'o', "FILE", "write the settings there; a file that is there is kept"},
    {"list", OPTION_LIST, NULL, "list every option of theirs, and what becomes of it"},
    {NULL, 0, NULL, NULL},
};

static const char *const names[SOURCES] = {"OpenDKIM", "OpenDMARC", "policyd-spf"};

struct migration {
	struct admin *admin;
	const char *files[SOURCES];
	const char *output;
	bool list;
};

static int read_file(void *arg, const char *path, struct span *text, struct why *why)
{
	struct arena *arena = arg;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char block[8192];
	struct buf out;
	ssize_t n = -1;

	buf_init(&out, arena, TEXT_MAX);
	while (fd != -1 && (n = read(fd, block, sizeof block)) > 0)
		buf_add(&out, block, (size_t)n);
	if (n < 0)
		why_set(why, "%s: %s", path, strerror(errno));
	else if (out.failed)
		n = why_set(why, "%s: over %d bytes", path, TEXT_MAX);
	if (fd != -1)
		close(fd);
	*text = buf_view(&out);
	return n < 0 ? -1 : 0;
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

static void list_options(void)
{
	const char *name, *what;

	for (int source = 0; source < SOURCES; source++) {
		printf("%s\n", names[source]);
		for (unsigned i = 0;
		     (name = migrate_option((enum migrate_source)source, i, &what)) != NULL; i++)
			printf("  %-30s%s\n", name, what);
	}
}

/* The files that are there, where none was named. */
static int find_files(struct migration *migration)
{
	static const char *const defaults[] = {"/etc/opendkim.conf", "/etc/opendmarc.conf"};
	bool named = false;

	for (int i = 0; i < SOURCES; i++)
		named = named || migration->files[i] != NULL;
	for (int i = 0; i < 2 && !named; i++) {
		if (access(defaults[i], F_OK) == 0)
			migration->files[i] = defaults[i];
	}
	for (int i = 0; i < SOURCES; i++)
		named = named || migration->files[i] != NULL;
	if (named)
		return 0;
	admin_error(migration->admin,
		    "found neither %s nor %s; name them: --opendkim=FILE, "
		    "--opendmarc=FILE, --policyd-spf=FILE",
		    defaults[0], defaults[1]);
	return ADMIN_NO_INPUT;
}

static int take_files(struct migration *migration, struct migrate *migrate)
{
	struct span text;
	struct why why;

	for (int i = 0; i < SOURCES; i++) {
		if (migration->files[i] == NULL)
			continue;
		if (read_file(migration->admin->arena, migration->files[i], &text, &why) == -1) {
			admin_error(migration->admin, "%s", why.text);
			return ADMIN_NO_INPUT;
		}
		migrate_text(migrate, (enum migrate_source)i, migration->files[i], text);
	}
	return 0;
}

static int tell(struct migration *migration, struct migrate *migrate)
{
	struct admin *admin = migration->admin;
	const char *text = migrate_result(migrate);
	struct jsonout *out;
	struct why why;

	if (migration->output != NULL && write_file(migration->output, text, &why) == -1) {
		admin_error(admin, "%s", why.text);
		return ADMIN_CANT_CREATE;
	}
	if (admin->json) {
		out = jsonout_new(admin->arena, "migrate");
		jsonout_text(out, "settings", text);
		jsonout_int(out, "without_counterpart", migrate_dropped(migrate));
		jsonout_int(out, "not_known", migrate_unknown(migrate));
		jsonout_bool(out, "keys", migrate_has_keys(migrate));
		admin_print_json(admin, out);
	} else if (migration->output == NULL) {
		fputs(text, stdout);
	}
	if (migrate_unknown(migrate) > 0)
		admin_warning(admin, "%u line%s not known; see NOT KNOWN in the comments",
			      migrate_unknown(migrate),
			      migrate_unknown(migrate) == 1 ? " is" : "s are");
	if (migrate_has_keys(migrate))
		admin_note(admin, "then the keys: countersign key import --from-opendkim %s",
			   migration->files[MIGRATE_OPENDKIM]);
	admin_note(admin, "then the MTA: countersign setup --apply --replace");
	return migrate_unknown(migrate) > 0 ? ADMIN_NO : ADMIN_DONE;
}

static int run_migrate(struct admin *admin, int argc, char **argv)
{
	struct migration migration = {.admin = admin};
	struct migrate *migrate;
	int letter, code;

	while ((letter = admin_getopt(admin, argc, argv)) != -1) {
		if (letter == '?')
			return ADMIN_USAGE;
		if (letter == OPTION_LIST)
			migration.list = true;
		else if (letter == 'o')
			migration.output = optarg;
		else
			migration.files[letter - OPTION_OPENDKIM] = optarg;
	}
	if (argc > optind)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind]);
	if (migration.list) {
		list_options();
		return ADMIN_DONE;
	}
	migrate = migrate_new(admin->arena, read_file, admin->arena);
	code = find_files(&migration);
	if (code == 0)
		code = take_files(&migration, migrate);
	return code == 0 ? tell(&migration, migrate) : code;
}

const struct admin_verb cmd_migrate[] = {
    {"migrate", NULL, "", "Take over the settings of OpenDKIM, OpenDMARC and policyd-spf",
     run_migrate, options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
