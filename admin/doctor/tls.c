/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of the policy service: that Postfix asks it, by the map of its version, and has what the
 * answers need.
 */
#include <stdio.h>
#include <string.h>

#include "admin/doctor/doctor.h"
#include "admin/setup/policymap.h"
#include "admin/tls/look.h"

#define SETUP "countersign setup --apply"

static const char *setting_of(const struct doctor *doctor, const char *name)
{
	return postfix_setting(&doctor->place.postfix, doctor->arena, name);
}

/* The map of the policy service that Postfix asks, or NULL. */
static const char *find_map(const struct doctor *doctor)
{
	const struct conf_strings *listens = &doctor->conf->tls.listen;
	const char *maps = setting_of(doctor, "smtp_tls_policy_maps"), *found = NULL;

	for (unsigned i = 0; i < listens->count && found == NULL; i++)
		found =
		    policymap_find(doctor->arena, maps,
				   place_address(&doctor->place, doctor->arena, listens->items[i]));
	return found;
}

static void judge_map(struct doctor *doctor, const char *map)
{
	const char *version = setting_of(doctor, "mail_version");
	const char *right = policymap_name(version);

	if (map == NULL)
		doctor_say(doctor, DOCTOR_WARN, SETUP,
			   "smtp_tls_policy_maps does not name %s: what domains demand by DANE "
			   "and MTA-STS is not known to Postfix",
			   doctor->conf->tls.listen.items[0]);
	else if (strcmp(map, right) != 0)
		doctor_say(doctor, DOCTOR_ERROR, SETUP,
			   "smtp_tls_policy_maps names the map %s, and Postfix %s needs %s%s", map,
			   version, right,
			   strcmp(right, "policy") == 0
			       ? ": it defers mail when it sees attributes that it does not know"
			       : " for reports and for the names of MX hosts");
}

static void judge_settings(struct doctor *doctor)
{
	if (strcmp(setting_of(doctor, "smtp_dns_support_level"), "dnssec") != 0)
		doctor_say(doctor, DOCTOR_ERROR, SETUP,
			   "smtp_dns_support_level is not dnssec: Postfix defers mail to domains "
			   "with DANE");
	if (!policymap_has_roots(&doctor->place.postfix, doctor->arena))
		doctor_say(doctor, DOCTOR_ERROR, SETUP,
			   "smtp_tls_CAfile is not set: Postfix can verify no certificate, and "
			   "defers mail to domains with MTA-STS");
}

/* Whether a file names the library of TLSRPT, as one that was built for it does. */
static bool names_tlsrpt(const char *path)
{
	static const char name[] = "libtlsrpt.so";
	static char bytes[1 << 20];
	FILE *file = fopen(path, "re");
	size_t kept = 0, got;
	bool found = false;

	while (file != NULL && !found &&
	       (got = fread(bytes + kept, 1, sizeof bytes - kept, file)) > 0) {
		size_t have = kept + got;

		found = memmem(bytes, have, name, strlen(name)) != NULL;
		kept = have < strlen(name) ? have : strlen(name);
		memmove(bytes, bytes + have - kept, kept);
	}
	if (file != NULL)
		fclose(file);
	return found;
}

static bool has_tlsrpt(const struct doctor *doctor)
{
	return names_tlsrpt(arena_printf(doctor->arena, "%s/smtp",
					 setting_of(doctor, "daemon_directory"))) ||
	       names_tlsrpt(arena_printf(doctor->arena, "%s/libpostfix-tls.so",
					 setting_of(doctor, "shlib_directory")));
}

static void judge_told_sessions(struct doctor *doctor)
{
	const char *path = place_path(doctor->conf->tls.report_socket);

	if (!has_tlsrpt(doctor))
		doctor_say(
		    doctor, DOCTOR_ERROR, "countersign config explain tls.report_log",
		    "Postfix was built without TLSRPT, and tells nothing of its TLS sessions: "
		    "set tls.report_log in place of tls.report_socket");
	else if (strcmp(setting_of(doctor, "smtp_tlsrpt_enable"), "yes") != 0 ||
		 strcmp(setting_of(doctor, "smtp_tlsrpt_socket_name"),
			postfix_path(&doctor->place.postfix, path)) != 0)
		doctor_say(doctor, DOCTOR_WARN, SETUP,
			   "Postfix does not tell of its TLS sessions at %s, so reports lack them",
			   path);
}

/* What reports about TLS sessions are counted from. */
static void judge_reports(struct doctor *doctor)
{
	bool tells = policymap_has_reports(setting_of(doctor, "mail_version"));

	if (!doctor->conf->tls.reports)
		return;
	if (tells && doctor->conf->tls.report_socket[0] != '\0')
		judge_told_sessions(doctor);
	else if (doctor->conf->tls.report_log[0] == '\0')
		doctor_say(doctor, DOCTOR_WARN,
			   tells ? "countersign config explain tls.report_socket"
				 : "countersign config explain tls.report_log",
			   "TLS sessions are not counted: %s is not set",
			   tells ? "tls.report_socket" : "tls.report_log");
	else if (strcmp(setting_of(doctor, "smtp_tls_loglevel"), "0") == 0)
		doctor_say(doctor, DOCTOR_WARN, SETUP,
			   "smtp_tls_loglevel is 0: the log has no TLS sessions, so reports lack "
			   "them");
}

void doctor_tls_postfix(struct doctor *doctor)
{
	unsigned before = doctor->count;
	const char *map;

	if (doctor->conf->tls.listen.count == 0) {
		doctor_say(doctor, DOCTOR_OK, NULL,
			   "not used (tls.listen is empty): Postfix does not look at MTA-STS");
		return;
	}
	map = find_map(doctor);
	judge_map(doctor, map);
	if (map != NULL)
		judge_settings(doctor);
	judge_reports(doctor);
	if (doctor->count == before)
		doctor_say(doctor, DOCTOR_OK, NULL, "Postfix %s asks the map %s",
			   setting_of(doctor, "mail_version"), map);
}

struct question {
	struct arena *arena;
	const char *address, *map, *domain;
};

/* A name of one label is answered without DNS. Then one that is looked up; what is said of it
 * depends on the resolver, but must come within the time that Postfix is promised. */
static int ask_service(void *arg, struct why *why)
{
	const struct question *question = arg;
	const char *answer;

	if (tls_ask(question->arena, question->address, "policy", "localhost", &answer, why) == -1)
		return -1;
	if (strcmp(answer, "NOTFOUND ") != 0)
		return why_set(why, "it answers \"%s\"", answer);
	return tls_ask(question->arena, question->address, question->map, question->domain, &answer,
		       why);
}

/* LISTEN as a process finds it whose root is Postfix's queue directory, if Postfix is chrooted. */
static const char *address_as_postfix(const struct doctor *doctor, const char *listen)
{
	const char *path = place_path(listen);

	if (path == NULL || !doctor->place.postfix.chrooted)
		return listen;
	return arena_printf(doctor->arena, "unix:/%s", postfix_path(&doctor->place.postfix, path));
}

void doctor_tls_answer(struct doctor *doctor)
{
	struct become who = doctor_as_postfix(doctor);
	const char *listen = place_listen(&doctor->place, &doctor->conf->tls.listen);
	unsigned count;
	const char **domains = doctor_domains(doctor, &count);
	struct question question = {.arena = doctor->arena,
				    .map = policymap_name(setting_of(doctor, "mail_version")),
				    .domain = count > 0 ? domains[0] : "example.com"};
	struct why why;

	if (doctor->conf->tls.listen.count == 0 || who.uid == (uid_t)-1)
		return;
	if (listen == NULL) {
		doctor_say(doctor, DOCTOR_ERROR, "countersign config explain tls.listen",
			   "Postfix, which runs in its queue directory, can reach no socket of "
			   "tls.listen");
		return;
	}
	question.address = address_as_postfix(doctor, listen);
	if (become(&who, ask_service, &question, &why) == 0)
		doctor_say(doctor, DOCTOR_OK, NULL, "user %s gets answers at %s", who.user,
			   question.address);
	else if (!doctor_follows(doctor, DOCTOR_DAEMON, "the daemon gives no answers"))
		doctor_say(doctor, DOCTOR_ERROR, doctor_service(doctor, SERVICE_RESTART),
			   "user %s gets no answer at %s, so Postfix defers mail: %s", who.user,
			   question.address, why.text);
}
