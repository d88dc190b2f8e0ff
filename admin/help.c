/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --help: the commands in groups, the options and examples of each, and what a word that is no
 * command was most likely meant to be.
 *
 * The groups are those of countersign(1), in its order; t/docs.sh holds both together, and wants an
 * example of every command.
 */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "lib/jsonout.h"
#include "lib/buf.h"
#include "lib/name.h"

enum { NOUNS_MAX = 6, EXAMPLES_MAX = 3, NAMES_MAX = 128 };

static const struct group {
	const char *title;
	const char *nouns[NOUNS_MAX];
} groups[] = {
    {"Setting up", {"setup", "migrate", "doctor", "config"}},
    {"Keys and DNS records", {"key", "dns"}},
    {"Checking a message or a domain", {"verify", "spf", "dkim", "dmarc", "audit", "bimi"}},
    {"The running daemon", {"status", "reload", "log-level", "cache"}},
    {"What became of mail", {"message", "stats"}},
    {"Reports", {"report", "inbox", "page"}},
    {"Mail to others", {"tls"}},
    {"The ledger", {"store"}},
    {"Help", {"help", "version", "completion"}},
};

enum { GROUPS = sizeof groups / sizeof groups[0] };

static const struct example {
	const char *command;
	const char *lines[EXAMPLES_MAX];
} examples[] = {
    {"setup", {"setup --print", "setup --apply --domain=example.com"}},
    {"migrate", {"migrate", "migrate --opendkim=/etc/opendkim.conf -o countersign.conf"}},
    {"doctor", {"doctor", "doctor --only=socket"}},
    {"config check", {"config check", "config check new.conf"}},
    {"config show", {"config show --changed"}},
    {"config defaults", {"config defaults"}},
    {"config explain", {"config explain dmarc.enforce", "config explain sign"}},
    {"key gen", {"key gen example.com", "key gen example.com --type=both --format=zone"}},
    {"key list", {"key list", "key list example.com --json"}},
    {"key show", {"key show example.com", "key show example.com s2026a --format=line"}},
    {"key check", {"key check", "key check example.com s2026a"}},
    {"key activate", {"key activate example.com"}},
    {"key retire", {"key retire example.com s2025b"}},
    {"key revoke", {"key revoke example.com s2025b"}},
    {"key rotate", {"key rotate example.com", "key rotate --auto"}},
    {"key seal", {"key seal", "key seal --keys=/etc/countersign/keys"}},
    {"key sync", {"key sync keys.jsonl --dry-run", "key sync keys.jsonl --partial"}},
    {"key import", {"key import --from-opendkim=/etc/opendkim.conf --dry-run"}},
    {"message find",
     {"message find --hfrom=example.com --since=12h", "message find --qid=4XyZ --json"}},
    {"report build", {"report build --dry-run"}},
    {"report failures", {"report failures example.com"}},
    {"report list", {"report list", "report list --since=7d"}},
    {"report retry", {"report retry example.com"}},
    {"report send", {"report send --dry-run", "report send example.com --to=me@example.net"}},
    {"report show", {"report show example.com", "report show example.com --day=yesterday --xml"}},
    {"report suppress", {"report suppress", "report suppress reports@example.com"}},
    {"report unsuppress", {"report unsuppress reports@example.com"}},
    {"inbox read",
     {"inbox read report.eml", "inbox read --json /var/mail/dmarc",
      "inbox read --store ~dmarc/Maildir"}},
    {"store sent", {"store sent example.com --since=7d"}},
    {"inbox fetch", {"inbox fetch", "inbox fetch --max=100"}},
    {"inbox sources", {"inbox sources example.com --failing", "inbox sources --json"}},
    {"inbox findings", {"inbox findings", "inbox findings example.com --json"}},
    {"inbox decide",
     {"inbox decide lists.example.net forwarder --note=\"the club's mailing list\"",
      "inbox decide 192.0.2.0/24 ours", "inbox decide lists.example.net nothing"}},
    {"inbox advice", {"inbox advice example.com", "inbox advice example.com --since=60d"}},
    {"inbox failures", {"inbox failures example.com --since=7d"}},
    {"inbox complaints", {"inbox complaints --json"}},
    {"inbox why", {"inbox why", "inbox why report.eml"}},
    {"inbox list", {"inbox list", "inbox list example.com --failing --since=7d"}},
    {"inbox show", {"inbox show 7fbd5918a835"}},
    {"inbox tls", {"inbox tls example.com"}},
    {"inbox expire", {"inbox expire"}},
    {"tls policy", {"tls policy example.com", "tls policy --json example.com"}},
    {"bimi check",
     {"bimi check logo.svg",
      "bimi check vmc.pem --domain=example.com --logo=logo.svg --roots=roots.pem",
      "bimi check example.com"}},
    {"bimi record",
     {"bimi record example.com --logo=https://example.com/logo.svg "
      "--certificate=https://example.com/vmc.pem",
      "bimi record example.com --decline"}},
    {"bimi roots", {"bimi roots", "bimi roots roots.pem"}},
    {"tls report",
     {"tls report list", "tls report send --dry-run",
      "tls report show example.com --day=yesterday"}},
    {"tls list", {"tls list"}},
    {"tls refresh", {"tls refresh example.com"}},
    {"tls sts",
     {"tls sts make example.com --output=/var/www/mta-sts/example.com.txt",
      "tls sts check example.com"}},
    {"stats", {"stats", "stats --would-reject --since=30d"}},
    {"completion", {"completion bash"}},
    {"status", {"status", "status --watch"}},
    {"reload", {"reload"}},
    {"log-level", {"log-level debug"}},
    {"cache flush", {"cache flush dns"}},
    {"store backup", {"store backup /var/backups/countersign.db"}},
    {"store check", {"store check", "store check --reconcile"}},
    {"store copy", {"store copy --to=postgresql://countersign@db.example.com/countersign"}},
    {"store expire", {"store expire"}},
    {"store info", {"store info"}},
    {"store migrate", {"store migrate"}},
    {"verify",
     {"verify message.eml", "verify -v --ip=192.0.2.1 --from=bob@example.com message.eml"}},
    {"spf",
     {"spf 192.0.2.1 --from=bob@example.com",
      "spf -v 192.0.2.1 --from=example.com --helo=mail.example.com"}},
    {"dkim verify", {"dkim verify message.eml", "dkim verify -v message.eml"}},
    {"dkim sign", {"dkim sign message.eml", "dkim sign --fields message.eml"}},
    {"dmarc", {"dmarc example.com", "dmarc -v news.example.com"}},
    {"dns", {"dns example.com", "dns --check example.com"}},
    {"page",
     {"page -o /var/www/countersign/index.html",
      "page --domain=example.com --since=90d -o page.html"}},
    {"audit", {"audit example.com", "audit --all", "audit --watch --all"}},
    {"help", {"help key gen"}},
    {"version", {"version"}},
};

/* ---- the tables ---- */

static const char *command_name(struct arena *arena, const struct admin_verb *v)
{
	if (v->verb == NULL)
		return v->noun;
	return arena_printf(arena, "%s %s", v->noun, v->verb);
}

static bool names_command(const char *name, const struct admin_verb *v)
{
	struct span rest = span_of(name), word;
	bool more = true;

	return span_split(&rest, &more, ' ', &word) && span_eq(word, v->noun) &&
	       span_eq(rest, v->verb == NULL ? "" : v->verb);
}

static const struct example *find_example(const struct admin_verb *v)
{
	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
		if (names_command(examples[i].command, v))
			return &examples[i];
	}
	return NULL;
}

/* ---- text ---- */

static void print_options(const struct admin_option *options)
{
	for (const struct admin_option *o = options; o != NULL && o->name != NULL; o++) {
		int width = o->letter < 256 ? printf("  -%c, ", o->letter) : printf("      ");

		width += printf("--%s%s%s", o->name, o->arg == NULL ? "" : "=",
				o->arg == NULL ? "" : o->arg);
		printf("%*s%s\n", width < 30 ? 30 - width : 1, "", o->help);
	}
}

static void print_command(const struct admin_verb *v)
{
	int width = printf("  %s", v->noun);

	if (v->verb != NULL)
		width += printf(" %s", v->verb);
	if (*v->args != '\0')
		width += printf(" %s", v->args);
	if (width > 38)
		width = printf("\n") - 1;
	printf("%*s%s\n", 40 - width, "", v->help);
}

/* The commands of one noun, in the order of their tables. */
static void print_noun(const char *noun)
{
	const struct admin_verb *v;

	for (unsigned i = 0; (v = admin_verb_at(i)) != NULL; i++) {
		if (!v->hidden && strcmp(v->noun, noun) == 0)
			print_command(v);
	}
}

static void print_examples(const struct admin_verb *v)
{
	const struct example *example = find_example(v);

	if (example == NULL)
		return;
	printf("\nExamples:\n");
	for (unsigned i = 0; i < EXAMPLES_MAX && example->lines[i] != NULL; i++)
		printf("  countersign %s\n", example->lines[i]);
}

static void print_help(const struct admin_verb *v)
{
	printf("usage: countersign %s%s%s [options]%s%s\n\n%s.\n", v->noun,
	       v->verb == NULL ? "" : " ", v->verb == NULL ? "" : v->verb,
	       *v->args == '\0' ? "" : " ", v->args, v->help);
	if (v->options != NULL) {
		printf("\nOptions:\n");
		print_options(v->options);
	}
	print_examples(v);
	printf("\nOptions of every command:\n");
	print_options(admin_global_options);
}

static void print_all(const char *noun)
{
	printf("usage: countersign [options] %s [options] [arguments]\n",
	       noun == NULL ? "COMMAND" : noun);
	if (noun != NULL) {
		printf("\nCommands:\n");
		print_noun(noun);
	}
	for (unsigned g = 0; g < GROUPS && noun == NULL; g++) {
		printf("\n%s:\n", groups[g].title);
		for (unsigned i = 0; i < NOUNS_MAX && groups[g].nouns[i] != NULL; i++)
			print_noun(groups[g].nouns[i]);
	}
	printf("\nOptions of every command:\n");
	print_options(admin_global_options);
	printf("\nExamples of a command: countersign help COMMAND\n"
	       "The manual: countersign(1), countersign.conf(5), countersignd(8).\n");
}

/* ---- JSON ---- */

static void json_options(struct jsonout *out, const char *key, const struct admin_option *options)
{
	jsonout_array(out, key);
	for (const struct admin_option *o = options; o != NULL && o->name != NULL; o++) {
		const char letter[] = {(char)o->letter, '\0'};

		jsonout_object(out, NULL);
		jsonout_text(out, "name", o->name);
		jsonout_text(out, "letter", o->letter < 256 ? letter : NULL);
		jsonout_text(out, "value", o->arg);
		jsonout_text(out, "help", o->help);
		jsonout_end(out);
	}
	jsonout_end(out);
}

static const char *group_title(const struct admin_verb *v)
{
	for (unsigned g = 0; g < GROUPS; g++) {
		for (unsigned i = 0; i < NOUNS_MAX && groups[g].nouns[i] != NULL; i++) {
			if (strcmp(groups[g].nouns[i], v->noun) == 0)
				return groups[g].title;
		}
	}
	return NULL;
}

static void json_command(struct jsonout *out, struct arena *arena, const struct admin_verb *v)
{
	const struct example *example = find_example(v);

	jsonout_object(out, NULL);
	jsonout_text(out, "command", command_name(arena, v));
	jsonout_text(out, "group", group_title(v));
	jsonout_text(out, "arguments", v->args);
	jsonout_text(out, "help", v->help);
	json_options(out, "options", v->options);
	jsonout_array(out, "examples");
	for (unsigned i = 0; example != NULL && i < EXAMPLES_MAX && example->lines[i] != NULL; i++)
		jsonout_text(out, NULL, arena_printf(arena, "countersign %s", example->lines[i]));
	jsonout_end(out);
	jsonout_end(out);
}

/* ONLY: this command; else those of NOUN; NULL: all. */
static void print_json(const struct admin *admin, const char *noun, const struct admin_verb *only)
{
	struct jsonout *out = jsonout_new(admin->arena, "help");
	const struct admin_verb *v;

	jsonout_array(out, "commands");
	for (unsigned i = 0; (v = admin_verb_at(i)) != NULL; i++) {
		if (only != NULL ? v == only
				 : !v->hidden && (noun == NULL || strcmp(v->noun, noun) == 0))
			json_command(out, admin->arena, v);
	}
	jsonout_end(out);
	json_options(out, "global_options", admin_global_options);
	admin_print_json(admin, out);
}

void admin_help(const struct admin *admin, const struct admin_verb *verb)
{
	if (admin->json)
		print_json(admin, NULL, verb);
	else
		print_help(verb);
}

void admin_help_all(const struct admin *admin, const char *noun)
{
	if (admin->json)
		print_json(admin, noun, NULL);
	else
		print_all(noun);
}

void admin_version(const struct admin *admin)
{
	if (admin->json)
		admin_print_json(admin, jsonout_new(admin->arena, "version"));
	else
		printf("countersign %s\n", VERSION);
}

/* ---- what was meant ---- */

/* Words of other programs, and what people call things. */
static const struct {
	const char *word, *command;
} other_words[] = {
    {"sign", "dkim sign"},       {"genkey", "key gen"},      {"keygen", "key gen"},
    {"testkey", "key check"},    {"judge", "verify"},        {"restart", "reload"},
    {"log", "message find"},     {"search", "message find"}, {"records", "dns"},
    {"settings", "config show"}, {"conf", "config"},         {"import", "migrate"},
    {"test", "doctor"},          {"diagnose", "doctor"},     {"install", "setup"},
    {"rua", "report list"},      {"posture", "audit"},       {"zone", "dns"},
    {"arc", "verify"},           {"ledger", "store"},
};

/* The commands whose verb is WORD: "key list or report list". */
static const char *verbs_named(struct arena *arena, const char *word)
{
	const struct admin_verb *v;
	struct buf list;

	buf_init(&list, arena, 0);
	for (unsigned i = 0; (v = admin_verb_at(i)) != NULL; i++) {
		if (!v->hidden && v->verb != NULL && strcmp(v->verb, word) == 0)
			buf_printf(&list, "%s%s %s", list.len == 0 ? "" : "\" or \"", v->noun,
				   v->verb);
	}
	return list.len == 0 ? NULL : buf_text(&list);
}

/* The nearest noun, or with NOUN its nearest verb; NULL: none is near. */
static const char *nearest_word(const char *noun, const char *word)
{
	struct name_code names[NAMES_MAX + 1];
	const struct admin_verb *v;
	unsigned n = 0;

	for (unsigned i = 0; (v = admin_verb_at(i)) != NULL && n < NAMES_MAX; i++) {
		if (v->hidden || (noun != NULL && (v->verb == NULL || strcmp(v->noun, noun) != 0)))
			continue;
		names[n].code = 0;
		names[n++].name = noun == NULL ? v->noun : v->verb;
	}
	names[n].name = NULL;
	return name_nearest(names, span_of(word));
}

const char *admin_meant(struct arena *arena, const char *noun, const char *word)
{
	const char *near;

	for (size_t i = 0; noun == NULL && i < sizeof other_words / sizeof other_words[0]; i++) {
		if (strcmp(other_words[i].word, word) == 0)
			return other_words[i].command;
	}
	if (noun == NULL && (near = verbs_named(arena, word)) != NULL)
		return near;
	near = nearest_word(noun, word);
	if (near == NULL || noun == NULL)
		return near;
	return arena_printf(arena, "%s %s", noun, near);
}
