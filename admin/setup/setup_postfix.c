/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Postfix: main.cf gets the filter, and the submission services in master.cf the name by which
 * their mail is told from that of strangers.
 */
#include "admin/setup/setup.h"

#include <string.h>

#include "admin/program.h"
#include "admin/setup/milters.h"
#include "admin/setup/otherfilters.h"
#include "lib/buf.h"

/* Whether LIST, with all names replaced, has our socket. */
static bool lists_us(const struct setup *setup, const char *list)
{
	const char *path = place_path(setup->listen),
		   *address = place_address(&setup->place, setup->arena, setup->listen);
	struct span rest = span_of(list), named;
	struct milter_item item;

	while (milters_next(&rest, &item)) {
		if (span_eq(item.address, address) ||
		    (path != NULL && milters_path(item.address, &named) && span_eq(named, path)))
			return true;
	}
	return false;
}

/* For milters_add: what does the same as countersign goes. */
static bool is_replaced(void *arg, struct span address)
{
	const struct setup *setup = arg;

	return otherfilter_at(&setup->place, setup->arena, "", address).replaced;
}

static bool has_replaced(struct setup *setup, const char *list)
{
	struct span rest = span_of(list);
	struct milter_item item;

	while (milters_next(&rest, &item)) {
		if (is_replaced(setup, item.address))
			return true;
	}
	return false;
}

/* "OpenDKIM (inet:localhost:8891, by /etc/opendkim.conf)" */
static const char *describe_filter(const struct setup *setup, struct span address,
				   const struct otherfilter *filter)
{
	const char *text = arena_span(setup->arena, address);

	if (filter->name == NULL)
		return TEXT(setup, "another filter (%s)", text);
	return TEXT(setup, "%s (%s%s%s)", filter->name, text, filter->source == NULL ? "" : ", by ",
		    filter->source == NULL ? "" : filter->source);
}

/* Names every other filter of LIST; WHERE it is set. */
static void note_others(struct setup *setup, const char *list, const char *where)
{
	const char *own = place_address(&setup->place, setup->arena, setup->listen);
	struct span rest = span_of(list);
	struct milter_item item;

	while (milters_next(&rest, &item)) {
		struct otherfilter filter =
		    otherfilter_at(&setup->place, setup->arena, "", item.address);
		const char *text = describe_filter(setup, item.address, &filter);

		if (span_eq(item.address, own))
			continue;
		if (!filter.replaced)
			setup_note(setup, "postfix.others",
				   TEXT(setup, "%s: %s is asked too, and stays", where, text));
		else if (!setup->replace)
			setup_note(
			    setup, "postfix.others",
			    TEXT(setup,
				 "%s: %s is asked too: it would sign and judge once more. "
				 "--replace takes it out; countersign migrate takes over its "
				 "settings",
				 where, text));
	}
}

/* The value as it is written in main.cf, or in master.cf where NAME is SERVICE/TYPE/NAME; NULL: it
 * is not set there. */
static const char *written_value(const struct setup *setup, const char *name)
{
	const char *argv[] = {"postconf",
			      "-c",
			      setup->place.postfix.config,
			      strchr(name, '/') == NULL ? "-n" : "-P",
			      name,
			      NULL},
		   *text, *equals;

	if (program_read(setup->arena, argv, &text, NULL) == -1)
		return NULL;
	equals = strchr(text, '=');
	return equals == NULL ? NULL : arena_span(setup->arena, span_trim(span_of(equals + 1)));
}

void setup_record_setting(struct setup *setup, const char *name, const char *after)
{
	const struct record_setting setting = {setup->place.postfix.config, name,
					       written_value(setup, name), after};

	if (record_add_setting(&setup->record, setting) == -1)
		setup_note(setup, "record",
			   TEXT(setup, "%s does not fit into the record of --undo", name));
}

void setup_backup(struct setup *setup, const char *name)
{
	const char *from = TEXT(setup, "%s/%s", setup->place.postfix.config, name);
	const char *id = TEXT(setup, "postfix.copy.%s", name);

	for (unsigned i = 0; i < setup->plan.count; i++) {
		if (strcmp(setup->plan.steps[i].id, id) == 0)
			return;
	}
	if (record_change_file(setup->arena, &setup->record, from,
			       TEXT(setup, "%s.%s", from, setup->stamp)) == -1)
		setup_note(setup, "record",
			   TEXT(setup, "%s does not fit into the record of --undo", from));
	plan_add(
	    &setup->plan,
	    (struct plan_step){.id = id,
			       .what = TEXT(setup, "a copy of %s", name),
			       .command = TEXT(setup, "cp -p %s %s.%s", setup_quote(setup, from),
					       setup_quote(setup, from), setup->stamp),
			       .mta = true});
}

const char *setup_restore_command(const struct setup *setup, const char *name)
{
	const char *file =
	    setup_quote(setup, TEXT(setup, "%s/%s", setup->place.postfix.config, name));

	return TEXT(setup, "cp -p %s.%s %s && postfix -c %s reload", file, setup->stamp, file,
		    setup_quote(setup, setup->place.postfix.config));
}

static void plan_main_cf(struct setup *setup, const char *smtpd, const char *other)
{
	const char *config = setup_quote(setup, setup->place.postfix.config);

	setup_backup(setup, "main.cf");
	setup->record.filter = place_address(&setup->place, setup->arena, setup->listen);
	setup_record_setting(setup, "smtpd_milters", smtpd);
	setup_record_setting(setup, "non_smtpd_milters", other);
	plan_add(
	    &setup->plan,
	    (struct plan_step){
		.id = "postfix.main.cf",
		.what = "Postfix asks countersignd about each message, and defers mail while "
			"it is not there",
		.command = TEXT(setup, "postconf -c %s -e %s %s", config,
				setup_quote(setup, TEXT(setup, "smtpd_milters = %s", smtpd)),
				setup_quote(setup, TEXT(setup, "non_smtpd_milters = %s", other))),
		.undo = setup_restore_command(setup, "main.cf"),
		.mta = true});
}

/* Own settings of a filter are understood from Postfix 3.0 on. */
static const char *our_item(const struct setup *setup)
{
	const char *version = postfix_setting(&setup->place.postfix, setup->arena, "mail_version");
	const char *address = place_address(&setup->place, setup->arena, setup->listen);

	if (version[0] == '2')
		return address;
	return TEXT(setup, "{ %s, default_action=tempfail }", address);
}

/* The filters that FROM, as it is written, names, and ours. */
static const char *with_us(struct setup *setup, const char *from, const char *expanded)
{
	bool there = lists_us(setup, expanded);

	return milters_add(setup->arena, span_of(setup->replace ? expanded : from),
			   there ? NULL : our_item(setup), setup->replace ? is_replaced : NULL,
			   setup);
}

static void plan_milters(struct setup *setup)
{
	const struct postfix *postfix = &setup->place.postfix;
	const char *smtpd = postfix_setting(postfix, setup->arena, "smtpd_milters"),
		   *other = postfix_setting(postfix, setup->arena, "non_smtpd_milters");
	bool same =
	    *other == '\0' || strcmp(postfix->smtpd_milters, postfix->non_smtpd_milters) == 0;
	bool replaces = setup->replace && (has_replaced(setup, postfix->smtpd_milters) ||
					   has_replaced(setup, postfix->non_smtpd_milters));

	note_others(setup, postfix->smtpd_milters, "smtpd_milters");
	if (!same)
		note_others(setup, postfix->non_smtpd_milters, "non_smtpd_milters");
	if (lists_us(setup, postfix->smtpd_milters) &&
	    lists_us(setup, postfix->non_smtpd_milters) && !replaces)
		return;
	plan_main_cf(setup, with_us(setup, smtpd, postfix->smtpd_milters),
		     same ? "$smtpd_milters" : with_us(setup, other, postfix->non_smtpd_milters));
}

/* Mail that comes through these services is of own users: it is signed, not judged. */
static void plan_submission(struct setup *setup)
{
	const struct postfix *postfix = &setup->place.postfix;
	struct span rest = span_of(postfix->services);
	struct postfix_service service;
	bool copied = false;

	while (postfix_next_service(postfix, &rest, "smtpd", &service)) {
		const char *name = TEXT(setup, "%s/%s", arena_span(setup->arena, service.name),
					arena_span(setup->arena, service.type));
		const char *own =
		    postfix_override(postfix, setup->arena, &service, "smtpd_milters");

		if (own != NULL && strchr(own, '$') == NULL && !lists_us(setup, own))
			setup_note(
			    setup, "postfix.own",
			    TEXT(setup,
				 "%s has filters of its own in master.cf (smtpd_milters=%s): "
				 "countersignd is not asked about its mail; take the line out, or "
				 "add %s to it",
				 name, own, our_item(setup)));
		if (!postfix_is_submission(&service) ||
		    postfix_override(postfix, setup->arena, &service, "milter_macro_daemon_name") !=
			NULL)
			continue;
		if (!copied)
			setup_backup(setup, "master.cf");
		copied = true;
		setup_record_setting(setup, TEXT(setup, "%s/milter_macro_daemon_name", name),
				     "ORIGINATING");
		plan_add(&setup->plan,
			 (struct plan_step){
			     .id = TEXT(setup, "postfix.%s", name),
			     .what = TEXT(setup, "mail through %s is of own users", name),
			     .command = TEXT(setup,
					     "postconf -c %s -P %s/milter_macro_daemon_name="
					     "ORIGINATING",
					     setup_quote(setup, postfix->config),
					     setup_quote(setup, name)),
			     .undo = setup_restore_command(setup, "master.cf"),
			     .mta = true});
	}
}

void setup_postfix(struct setup *setup)
{
	plan_milters(setup);
	setup_tls(setup);
	plan_submission(setup);
	if (!setup_changes_mta(&setup->plan))
		return;
	setup_record(setup, true);
	plan_add(&setup->plan, (struct plan_step){
				   .id = "postfix.reload",
				   .what = "Postfix reloads its configuration if it is running",
				   .command = TEXT(setup,
						   "postfix -c %s status 2>/dev/null && postfix "
						   "-c %s reload || true",
						   setup_quote(setup, setup->place.postfix.config),
						   setup_quote(setup, setup->place.postfix.config)),
				   .mta = true});
}
