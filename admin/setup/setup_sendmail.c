/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sendmail: sendmail.mc gets one line, and sendmail.cf is made again.
 */
#include "admin/setup/setup.h"

#include "admin/program.h"

static int has_word(struct setup *setup, const char *path, const char *word)
{
	const char *argv[] = {"grep", "-q", word, path, NULL}, *text;

	return program_read(setup->arena, argv, &text, NULL) == 0;
}

void setup_sendmail(struct setup *setup)
{
	const char *mc = TEXT(setup, "%s/sendmail.mc", setup->place.sendmail);
	const char *file = setup_quote(setup, mc), *dir = setup_quote(setup, setup->place.sendmail);
	const char *line = TEXT(setup,
				"INPUT_MAIL_FILTER(`countersign', `S=%s, F=T, "
				"T=C:10s;S:30s;R:60s;E:2m')dnl",
				setup->listen);

	if (has_word(setup, mc, "countersign"))
		return;
	record_change_file(setup->arena, &setup->record, mc,
			   TEXT(setup, "%s.%s", mc, setup->stamp));
	record_add_line(&setup->record, (struct record_line){mc, line});
	plan_add(&setup->plan,
		 (struct plan_step){
		     .id = "sendmail.mc",
		     .what = "Sendmail uses countersignd after its other filters, and defers mail "
			     "while it is not available",
		     .command = TEXT(setup,
				     "cp -p %s %s.%s\nawk -v line=%s '/^MAILER\\(/ && !done { "
				     "print line; done = 1 } { print }' %s.%s >%s",
				     file, file, setup->stamp, setup_quote(setup, line), file,
				     setup->stamp, file),
		     .undo = TEXT(setup, "cp -p %s.%s %s", file, setup->stamp, file),
		     .mta = true});
	setup_record(setup, true);
	plan_add(&setup->plan,
		 (struct plan_step){.id = "sendmail.cf",
				    .what = "sendmail.cf is rebuilt; then restart Sendmail",
				    .command = program_there("sendmailconfig")
						   ? "yes | sendmailconfig"
						   : TEXT(setup, "make -C %s", dir),
				    .mta = true});
}
