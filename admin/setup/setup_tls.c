/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Postfix and the policy service: where tls.listen is set, main.cf gets the map that fits this
 * Postfix, and what DANE and MTA-STS need beside it. A value that the operator has chosen stays,
 * but where the service would have mail deferred because of it.
 */
#include <string.h>
#include <unistd.h>

#include "admin/setup/policymap.h"
#include "admin/setup/setup.h"
#include "milter/protocol/client.h"

static const char roots[] = "/etc/ssl/certs/ca-certificates.crt"; /* Debian's and Alpine's */

static const char *setting_of(const struct setup *setup, const char *name)
{
	return postfix_setting(&setup->place.postfix, setup->arena, name);
}

static bool service_answers(const char *address)
{
	struct milter_client client;
	struct why why;

	if (milter_client_open(&client, address, &why) == -1)
		return false;
	milter_client_close(&client);
	return true;
}

/* One change of main.cf, gathered so that Postfix never has a part of them. */
struct change {
	struct setup *setup;
	struct buf words; /* of postconf -e */
	bool any;
};

static void change_setting(struct change *change, const char *name, const char *value)
{
	struct setup *setup = change->setup;

	if (strcmp(setting_of(setup, name), value) == 0)
		return;
	if (!change->any)
		setup_backup(setup, "main.cf");
	change->any = true;
	setup_record_setting(setup, name, value);
	buf_printf(&change->words, " %s", setup_quote(setup, TEXT(setup, "%s = %s", name, value)));
}

/* Nothing below "dane" finds out what a domain demands; a stronger level is the operator's. But
 * then the default of smtp_tls_dane_insecure_mx_policy, which looks at that level alone, would have
 * TLSA records passed over where the service answers "dane" and the MX records are not signed. */
static void change_level(struct change *change)
{
	const char *level = setting_of(change->setup, "smtp_tls_security_level");
	const char *insecure = setting_of(change->setup, "smtp_tls_dane_insecure_mx_policy");

	if (*level == '\0' || strcmp(level, "none") == 0 || strcmp(level, "may") == 0)
		change_setting(change, "smtp_tls_security_level", "dane");
	else if (strcmp(level, "dane") != 0 && strstr(insecure, "smtp_tls_security_level") != NULL)
		change_setting(change, "smtp_tls_dane_insecure_mx_policy", "dane");
}

/* Where the sessions of TLS reports are counted from. */
static void change_reports(struct change *change)
{
	struct setup *setup = change->setup;
	const char *socket = setup->conf->tls.report_socket;
	bool tells = policymap_has_reports(setting_of(setup, "mail_version"));

	if (!setup->conf->tls.reports)
		return;
	if (tells && socket[0] != '\0') {
		const char *address = place_address(&setup->place, setup->arena, socket);

		change_setting(change, "smtp_tlsrpt_enable", "yes");
		change_setting(change, "smtp_tlsrpt_socket_name", address + strlen("unix:"));
	} else if (setup->conf->tls.report_log[0] == '\0') {
		setup_note(
		    setup, "postfix.tls.reports",
		    TEXT(setup,
			 "Postfix %s does not tell of its TLS sessions, so reports lack "
			 "them: set %s",
			 setting_of(setup, "mail_version"),
			 tells ? "tls.report_socket" : "tls.report_log to the file of its log"));
	} else if (strcmp(setting_of(setup, "smtp_tls_loglevel"), "0") == 0) {
		change_setting(change, "smtp_tls_loglevel", "1");
	}
}

/* Level "secure" needs roots to verify certificates with. */
static void change_roots(struct change *change)
{
	struct setup *setup = change->setup;

	if (policymap_has_roots(&setup->place.postfix, setup->arena))
		return;
	if (access(roots, R_OK) == 0)
		change_setting(change, "smtp_tls_CAfile", roots);
	else
		setup_note(setup, "postfix.tls.roots",
			   "smtp_tls_CAfile is not set: Postfix can verify no certificate, and "
			   "defers mail to domains with MTA-STS");
}

void setup_tls(struct setup *setup)
{
	const struct postfix *postfix = &setup->place.postfix;
	const char *listen = place_listen(&setup->place, &setup->conf->tls.listen);
	struct change change = {.setup = setup};

	if (setup->conf->tls.listen.count == 0)
		return;
	if (listen == NULL) {
		setup_note(setup, "postfix.tls",
			   TEXT(setup, "Postfix cannot reach %s: use a socket below %s/countersign",
				setup->conf->tls.listen.items[0], postfix->queue));
		return;
	}
	if (!setup->starts && !setup->force && !service_answers(listen)) {
		setup_note(setup, "postfix.tls",
			   TEXT(setup,
				"the policy service does not answer at %s, so Postfix is not told "
				"of it; reload the daemon, then run setup again",
				listen));
		return;
	}
	buf_init(&change.words, setup->arena, 0);
	change_setting(&change, "smtp_tls_policy_maps",
		       policymap_add(postfix, setup->arena,
				     place_address(&setup->place, setup->arena, listen)));
	change_setting(&change, "smtp_dns_support_level", "dnssec");
	change_level(&change);
	change_roots(&change);
	change_reports(&change);
	if (change.any)
		plan_add(&setup->plan,
			 (struct plan_step){
			     .id = "postfix.tls",
			     .what = "Postfix asks countersignd how mail to a domain must be "
				     "protected, and defers it while it is not there",
			     .command =
				 TEXT(setup, "postconf -c %s -e%s",
				      setup_quote(setup, postfix->config), buf_text(&change.words)),
			     .undo = setup_restore_command(setup, "main.cf"),
			     .mta = true});
}
