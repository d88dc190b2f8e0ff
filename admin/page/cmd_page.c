/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign page`: what the ledger, the keyring and the daemon know, as one HTML file.
 *
 * What belongs to the page and cannot be read (the daemon is not running, the personal data belong
 * to another user) leaves its part empty; the page is only left out without the ledger.
 */
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "admin/daemon/daemon.h"
#include "admin/inbox/facts.h"
#include "admin/inbox/stored.h"
#include "admin/report/send.h"
#include "conf/check.h"
#include "context/page.h"
#include "context/page_mail.h"
#include "lib/clock.h"
#include "lib/system/newfile.h"
#include "mail/domain.h"
#include "report/page/json.h"
#include "report/page/page.h"

enum { WINDOW_DAYS = 30, FILE_MODE = 0640, OPTION_MAIL = 700 };

static const struct admin_option page_options[] = {
    {"output", 'o', "FILE", "write the page to FILE, complete or not at all (standard output)"},
    {"domain", 'd', "DOMAIN", "only this domain and those below it"},
    {"mail", OPTION_MAIL, "ADDRESS", "send the page there now, in place of writing it"},
    {"since", 's', "WHEN", "from this day on, UTC (30d): 2026-11-22, 7d; at most 400 days"},
    {NULL, 0, NULL, NULL}};

struct page_command {
	struct admin *admin;
	struct arena *arena;
	const char *output, *mail_to; /* or NULL */
	struct page_facts facts;
};

/* ---- what is wanted ---- */

static int read_domain(struct page_command *command, const char *text)
{
	command->facts.only = domain_to_ascii(command->arena, span_of(text));
	return command->facts.only != NULL
		   ? ADMIN_DONE
		   : admin_usage(command->admin, "\"%s\" is not a valid domain", text);
}

static int read_address(struct page_command *command, const char *text)
{
	struct why why = {""};

	if (*text == '\0' || conf_check_address(span_of(text), &why) == -1)
		return admin_usage(command->admin, "--mail: %s",
				   *text == '\0' ? "the address is missing" : why.text);
	command->mail_to = text;
	return ADMIN_DONE;
}

/* Changes are told since the page that is there, else for a week. */
static void set_changed_day(struct page_command *command)
{
	struct page_facts *facts = &command->facts;
	struct stat last;

	if (command->output == NULL || stat(command->output, &last) != 0 ||
	    !S_ISREG(last.st_mode) || last.st_size == 0)
		return;
	facts->changed_day = clock_day(last.st_mtime);
	facts->since_last_page = true;
	if (facts->changed_day <= facts->first_day)
		facts->changed_day = facts->first_day + 1;
}

static int read_options(struct page_command *command, int argc, char **argv)
{
	struct admin *admin = command->admin;
	int32_t today = clock_day(clock_wall()), first = today - WINDOW_DAYS + 1;
	int c, status = ADMIN_DONE;

	while (status == ADMIN_DONE && (c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
		if (c == 'o')
			command->output = optarg;
		else if (c == 'd')
			status = read_domain(command, optarg);
		else if (c == OPTION_MAIL)
			status = read_address(command, optarg);
		else if (!report_since_parse(optarg, &first))
			status = admin_usage(
			    admin, "--since: \"%s\" is not a valid day (2026-11-22, 7d)", optarg);
	}
	if (status == ADMIN_DONE && command->mail_to != NULL && command->output != NULL)
		return admin_usage(admin, "either --output or --mail, not both");
	if (status == ADMIN_DONE && optind < argc)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind]);
	if (status == ADMIN_DONE && (first > today || today - first >= PAGE_DAYS_MAX))
		return admin_usage(admin, "--since: choose a day of the last %d", PAGE_DAYS_MAX);
	if (status != ADMIN_DONE)
		return status;
	page_set_days(&command->facts, (unsigned)(today - first + 1));
	set_changed_day(command);
	return ADMIN_DONE;
}

/* ---- what is known ---- */

static void tell_missing(void *arg, const char *text)
{
	admin_verbose(arg, "%s", text);
}

static int gather_page(struct page_command *command, struct why *why)
{
	struct admin *admin = command->admin;
	struct inbox_facts known;
	int status = inbox_facts_open(&known, admin);

	if (status == ADMIN_DONE) {
		const struct page_inputs inputs = {.conf = admin_conf(admin),
						   .site = known.site,
						   .tell = tell_missing,
						   .arg = admin};

		status = page_collect(&command->facts, &inputs, command->arena, why) == 0
			     ? ADMIN_DONE
			     : ADMIN_UNAVAILABLE;
	}
	inbox_facts_close(&known);
	return status;
}

/* ---- the page ---- */

static int write_page(struct page_command *command)
{
	struct why why;
	struct buf page;
	int status = ADMIN_DONE;

	buf_init(&page, NULL, 0);
	page_write(&page, &command->facts, command->arena);
	if (command->output == NULL) {
		if (fwrite(page.data, 1, page.len, stdout) != page.len)
			status = ADMIN_IO;
	} else if (newfile_write(command->output, FILE_MODE, buf_view(&page), &why) == -1) {
		admin_error(command->admin, "%s", why.text);
		status = ADMIN_CANT_CREATE;
	} else {
		admin_note(command->admin, "%s: %zu KB, %u domains, %u days", command->output,
			   (page.len + 999) / 1000, command->facts.domain_count,
			   command->facts.days);
	}
	buf_free(&page);
	return status;
}

static int mail_page(struct page_command *command)
{
	struct notice notice;
	struct why why = {""};

	page_mail_make(&command->facts, command->arena, &notice);
	if (sending_notice(admin_conf(command->admin), command->mail_to, &notice, &why) != 0) {
		admin_error(command->admin, "the page was not sent to %s: %s", command->mail_to,
			    why.text);
		return ADMIN_TEMPORARY;
	}
	admin_note(command->admin, "sent to %s", command->mail_to);
	return ADMIN_DONE;
}

static int page_make(struct admin *admin, int argc, char **argv)
{
	struct page_command *command = arena_make(admin->arena, struct page_command);
	struct ledger_settings settings;
	struct why why = {""};
	int status;

	command->admin = admin;
	command->arena = admin->arena;
	status = read_options(command, argc, argv);
	if (status == ADMIN_DONE && admin_conf(admin) == NULL)
		return ADMIN_CONFIG;
	if (status == ADMIN_DONE)
		status = inbox_settings(admin, &settings, &why);
	if (status == ADMIN_DONE)
		status = gather_page(command, &why);
	if (status != ADMIN_DONE) {
		if (why.text[0] != '\0')
			admin_error(admin, "%s", why.text);
		return status;
	}
	daemon_fill_page(admin, &command->facts);
	if (admin->json) {
		struct jsonout *json = jsonout_new(admin->arena, "page");

		page_json(json, &command->facts, admin->arena);
		admin_print_json(admin, json);
	}
	if (command->mail_to != NULL)
		return mail_page(command);
	return command->output == NULL && admin->json ? ADMIN_DONE : write_page(command);
}

const struct admin_verb cmd_page[] = {
    {"page", NULL, "", "Write one HTML page of reports, sources, received mail, TLS and keys",
     page_make, page_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false}};
