/*
 * countersign key gen | list | show: signing keys in files, and the TXT record of each in the forms
 * that people need: for a web panel, a zone file, nsupdate, a program.
 *
 * A key is read back through the checks that the daemon makes before its record is shown.
 */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/jsonout.h"
#include "admin/out.h"
#include "lib/clock.h"
#include "lib/name.h"
#include "policy/domain.h"
#include "policy/keyring.h"

enum { RECORD_TTL = 3600, STRING_MAX = 255 };

enum { OPTION_SELECTOR = 256, OPTION_TYPE, OPTION_FORMAT, OPTION_KEYS };

#define KEYS_OPTION                                                                                \
	{                                                                                          \
		"keys", OPTION_KEYS, "DIR", "where the keys are (default: sign.keys)"              \
	}
#define FORMAT_OPTION                                                                              \
	{                                                                                          \
		"format", OPTION_FORMAT, "FORM", "all, zone, line, nsupdate or json"               \
	}

static const struct admin_option gen_options[] = {
    {"selector", OPTION_SELECTOR, "NAME",
     "its name in the DNS (default: sYEARa, the next free letter)"},
    {"type", OPTION_TYPE, "TYPE", "rsa2048 (default), rsa3072, rsa4096, ed25519 or both"},
    FORMAT_OPTION,
    KEYS_OPTION,
    {NULL, 0, NULL, NULL},
};

static const struct admin_option show_options[] = {
    {"selector", OPTION_SELECTOR, "NAME", "only this one"},
    FORMAT_OPTION,
    KEYS_OPTION,
    {NULL, 0, NULL, NULL},
};

static const struct admin_option list_options[] = {KEYS_OPTION, {NULL, 0, NULL, NULL}};

enum key_type { TYPE_RSA2048, TYPE_RSA3072, TYPE_RSA4096, TYPE_ED25519, TYPE_BOTH };
static const struct name_code type_names[] = {
    {"rsa2048", TYPE_RSA2048}, {"rsa3072", TYPE_RSA3072}, {"rsa4096", TYPE_RSA4096},
    {"ed25519", TYPE_ED25519}, {"both", TYPE_BOTH},       {NULL, 0},
};

enum key_format { FORMAT_ALL, FORMAT_ZONE, FORMAT_LINE, FORMAT_NSUPDATE, FORMAT_JSON };
static const struct name_code format_names[] = {
    {"all", FORMAT_ALL},           {"zone", FORMAT_ZONE}, {"line", FORMAT_LINE},
    {"nsupdate", FORMAT_NSUPDATE}, {"json", FORMAT_JSON}, {NULL, 0},
};

struct request {
	struct admin *admin;
	const char *keys; /* directory */
	const char *domain;
	const char *selector; /* or NULL */
	enum key_type type;
	enum key_format format;
};

/* ---- the command line ---- */

static int choose(struct admin *admin, const struct name_code *names, const char *what, int *code)
{
	const char *nearest = name_nearest(names, span_of(optarg));

	*code = name_code(names, span_of(optarg), -1);
	if (*code != -1)
		return 0;
	return admin_usage(admin, "--%s: unknown \"%s\"%s%s%s", what, optarg,
			   nearest == NULL ? "" : "; did you mean \"",
			   nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
}

static int take_option(struct request *request, int option)
{
	int code = 0, status = 0;

	switch (option) {
	case OPTION_SELECTOR:
		request->selector = optarg;
		break;
	case OPTION_KEYS:
		request->keys = optarg;
		break;
	case OPTION_TYPE:
		status = choose(request->admin, type_names, "type", &code);
		request->type = (enum key_type)code;
		break;
	case OPTION_FORMAT:
		status = choose(request->admin, format_names, "format", &code);
		request->format = (enum key_format)code;
		break;
	default:
		status = ADMIN_USAGE;
	}
	return status;
}

/* Options, then from MIN to 1 domains. */
static int parse(struct request *request, struct admin *admin, int argc, char **argv, int min)
{
	int option, status;

	*request = (struct request){.admin = admin};
	while ((option = admin_getopt(admin, argc, argv)) != -1) {
		status = take_option(request, option);
		if (status != 0)
			return status;
	}
	if (argc - optind < min)
		return admin_usage(admin, "which domain?");
	if (argc - optind > 1)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind + 1]);
	if (argc > optind) {
		request->domain = domain_to_ascii(admin->arena, span_of(argv[optind]));
		if (request->domain == NULL)
			return admin_usage(admin, "\"%s\" is not a domain name", argv[optind]);
	}
	if (admin->json)
		request->format = FORMAT_JSON;
	if (request->keys == NULL) {
		const struct conf *conf = admin_conf(admin);

		if (conf == NULL)
			return ADMIN_CONFIG;
		request->keys = conf->sign.keys;
	}
	return 0;
}

/* ---- records ---- */

/* A key and what to publish for it. */
struct shown {
	const struct signing_key *key;
	const char *path;
	const char *name;
	const char *value;
};

static const char *type_text(const struct signing_key *key)
{
	return signing_key_alg(key) == DKIMSIG_ED25519_SHA256 ? "ed25519" : "rsa";
}

/* The value as strings of at most 255 bytes (RFC 1035 section 3.3), BETWEEN them. */
static void print_strings(const char *value, const char *between)
{
	for (size_t len = strlen(value); len > 0; len = strlen(value)) {
		size_t n = len < STRING_MAX ? len : STRING_MAX;

		printf("\"%.*s\"%s", (int)n, value, n < len ? between : "");
		value += n;
	}
}

static void print_zone(const struct shown *shown, const char *indent)
{
	printf("%s%s. %d IN TXT ( ", indent, shown->name, RECORD_TTL);
	print_strings(shown->value, indent[0] == '\0' ? "\n\t" : "\n            ");
	printf(" )\n");
}

static void print_nsupdate(const struct shown *shown, const char *indent)
{
	printf("%supdate add %s. %d IN TXT ", indent, shown->name, RECORD_TTL);
	print_strings(shown->value, " ");
	printf("\n");
}

static void print_all(const struct shown *shown, unsigned count)
{
	printf("publish %s:\n", count == 1 ? "ONE TXT record, in the form that suits"
					   : "each TXT record, in the form that suits");
	for (unsigned i = 0; i < count; i++) {
		size_t bytes = strlen(shown[i].value);

		printf("\n  for a web panel (one line, no quotes)\n    name   %s\n    value  %s\n",
		       shown[i].name, shown[i].value);
		printf("  for a zone file (%zu bytes in %zu string%s)\n", bytes,
		       (bytes + STRING_MAX - 1) / STRING_MAX, bytes > STRING_MAX ? "s" : "");
		print_zone(&shown[i], "    ");
		printf("  for nsupdate\n");
		print_nsupdate(&shown[i], "    ");
		printf("    send\n");
	}
}

static void json_key(struct jsonout *out, const struct shown *shown)
{
	jsonout_object(out, NULL);
	jsonout_text(out, "domain", signing_key_domain(shown->key));
	jsonout_text(out, "selector", signing_key_selector(shown->key));
	jsonout_text(out, "type", type_text(shown->key));
	jsonout_int(out, "bits", signing_key_bits(shown->key));
	jsonout_text(out, "path", shown->path);
	jsonout_text(out, "name", shown->name);
	jsonout_text(out, "value", shown->value);
	jsonout_end(out);
}

static void print_json(struct admin *admin, const char *schema, const struct shown *shown,
		       unsigned count)
{
	struct jsonout *out = jsonout_new(admin->arena, schema);

	jsonout_array(out, "keys");
	for (unsigned i = 0; i < count; i++)
		json_key(out, &shown[i]);
	jsonout_print(out, stdout);
}

static void print_records(const struct request *request, const char *schema,
			  const struct shown *shown, unsigned count)
{
	switch (request->format) {
	case FORMAT_ALL:
		print_all(shown, count);
		break;
	case FORMAT_JSON:
		print_json(request->admin, schema, shown, count);
		break;
	case FORMAT_LINE:
	case FORMAT_ZONE:
	case FORMAT_NSUPDATE:
		for (unsigned i = 0; i < count; i++) {
			if (request->format == FORMAT_LINE)
				printf("%s %s\n", shown[i].name, shown[i].value);
			else if (request->format == FORMAT_ZONE)
				print_zone(&shown[i], "");
			else
				print_nsupdate(&shown[i], "");
		}
		if (request->format == FORMAT_NSUPDATE)
			printf("send\n");
		break;
	}
}

static struct shown shown_key(struct admin *admin, const struct signing_key *key, const char *path)
{
	struct shown shown = {key, path, NULL, NULL};

	shown.name = arena_printf(admin->arena, "%s._domainkey.%s", signing_key_selector(key),
				  signing_key_domain(key));
	shown.value = signing_key_record(key, admin->arena);
	if (shown.value == NULL)
		shown.value = "";
	return shown;
}

/* ---- key gen ---- */

/* PREFIX, the year and the first letter that no file of that domain has used. */
static const char *free_selector(const struct request *request, char prefix)
{
	struct arena *arena = request->admin->arena;
	DIR *dir = opendir(arena_printf(arena, "%s/%s", request->keys, request->domain));
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
static void warn_of_group(const struct request *request, const char *path)
{
	const struct group *group = getgrnam("countersign");
	struct stat status;

	if (geteuid() == 0 && group != NULL && stat(path, &status) == 0 &&
	    status.st_gid != group->gr_gid)
		admin_warning(request->admin,
			      "group countersign cannot read the key: chgrp -R countersign %s",
			      request->keys);
}

static int generate(const struct request *request, const char *selector, unsigned bits,
		    struct shown *shown)
{
	struct admin *admin = request->admin;
	const struct signing_key *key = NULL;
	const char *path =
	    arena_printf(admin->arena, "%s/%s/%s.key", request->keys, request->domain, selector);
	struct why why;

	if (keyring_generate(request->keys, request->domain, selector, bits, &why) == 0)
		key =
		    keyring_load_one(request->keys, request->domain, selector, admin->arena, &why);
	if (key == NULL) {
		admin_error(admin, "%s", why.text);
		return ADMIN_CANT_CREATE;
	}
	*shown = shown_key(admin, key, path);
	if (request->format == FORMAT_ALL)
		printf("created %s   %s %u\n", path, type_text(key), signing_key_bits(key));
	else
		admin_note(admin, "created %s", path);
	warn_of_group(request, path);
	return 0;
}

static int cmd_gen(struct admin *admin, int argc, char **argv)
{
	static const unsigned bits[] = {[TYPE_RSA2048] = 2048,
					[TYPE_RSA3072] = 3072,
					[TYPE_RSA4096] = 4096,
					[TYPE_ED25519] = 0,
					[TYPE_BOTH] = 2048};
	struct shown shown[2];
	struct request request;
	const char *selector;
	unsigned count = 1;
	struct why why;
	int status = parse(&request, admin, argc, argv, 1);

	if (status != 0)
		return status;
	selector = request.selector;
	if (selector == NULL)
		selector = free_selector(&request, request.type == TYPE_ED25519 ? 'e' : 's');
	else if (keyring_check_names(request.domain, selector, &why) == -1)
		return admin_usage(admin, "%s", why.text);
	status = generate(&request, selector, bits[request.type], &shown[0]);
	if (status == 0 && request.type == TYPE_BOTH) {
		selector = request.selector == NULL
			       ? free_selector(&request, 'e')
			       : arena_printf(admin->arena, "%s-ed25519", selector);
		status = generate(&request, selector, 0, &shown[count++]);
	}
	if (status != 0)
		return status;
	print_records(&request, "key.gen", shown, count);
	if (request.format == FORMAT_ALL)
		printf("\nthe daemon signs with it after its next reload: reload when the DNS "
		       "shows the "
		       "record\n");
	return ADMIN_DONE;
}

/* ---- key list, key show ---- */

struct collection {
	const struct request *request;
	struct shown *shown;
	unsigned count;
};

static void collect(void *arg, const struct signing_key *key, const char *path)
{
	struct collection *all = arg;
	const struct request *request = all->request;

	if (request->domain != NULL && strcmp(request->domain, signing_key_domain(key)) != 0)
		return;
	if (request->selector == NULL ||
	    span_ieq(span_of(request->selector), signing_key_selector(key)))
		all->shown[all->count++] = shown_key(request->admin, key, path);
}

static void drop_keyring(void *keyring)
{
	keyring_drop(keyring);
}

/* The keys asked for; they live as long as the command. */
static int load(const struct request *request, struct collection *all)
{
	struct arena *arena = request->admin->arena;
	struct keyring *keyring;
	struct why why;

	keyring = keyring_load(request->keys, &why);
	if (keyring == NULL) {
		admin_error(request->admin, "%s", why.text);
		return ADMIN_CONFIG;
	}
	arena_on_free(arena, drop_keyring, keyring);
	all->request = request;
	all->shown = arena_array(arena, keyring_count(keyring), sizeof *all->shown);
	all->count = 0;
	keyring_each(keyring, collect, all);
	return 0;
}

static void print_table(struct admin *admin, const struct collection *all)
{
	static const char *const headings[] = {"DOMAIN", "SELECTOR", "TYPE", ">BITS", "PATH"};
	struct out_table *table = out_table_new(admin->arena, headings, 5);

	for (unsigned i = 0; i < all->count; i++) {
		const struct signing_key *key = all->shown[i].key;

		out_cell(table, OUT_PLAIN, "%s", signing_key_domain(key));
		out_cell(table, OUT_PLAIN, "%s", signing_key_selector(key));
		out_cell(table, OUT_PLAIN, "%s", type_text(key));
		out_cell(table, OUT_PLAIN, "%u", signing_key_bits(key));
		out_cell(table, OUT_PLAIN, "%s", all->shown[i].path);
	}
	out_table_print(table, stdout, admin_color(admin, stdout));
}

static int cmd_list(struct admin *admin, int argc, char **argv)
{
	struct collection all;
	struct request request;
	int status = parse(&request, admin, argc, argv, 0);

	if (status == 0)
		status = load(&request, &all);
	if (status != 0)
		return status;
	if (admin->json)
		print_json(admin, "key.list", all.shown, all.count);
	else
		print_table(admin, &all);
	if (all.count == 0)
		admin_note(admin, "no keys in %s", request.keys);
	return ADMIN_DONE;
}

static int cmd_show(struct admin *admin, int argc, char **argv)
{
	struct collection all;
	struct request request;
	int status = parse(&request, admin, argc, argv, 1);

	if (status == 0)
		status = load(&request, &all);
	if (status != 0)
		return status;
	if (all.count == 0) {
		admin_error(admin, "no key %s%sfor %s in %s",
			    request.selector == NULL ? "" : request.selector,
			    request.selector == NULL ? "" : " ", request.domain, request.keys);
		return ADMIN_NO;
	}
	print_records(&request, "key.show", all.shown, all.count);
	return ADMIN_DONE;
}

const struct admin_verb cmd_key[] = {
    {"key", "gen", "DOMAIN", "Make a signing key and print its DNS record", cmd_gen, gen_options,
     false},
    {"key", "list", "[DOMAIN]", "List the signing keys", cmd_list, list_options, false},
    {"key", "show", "DOMAIN", "Print the DNS records of a domain's keys", cmd_show, show_options,
     false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
