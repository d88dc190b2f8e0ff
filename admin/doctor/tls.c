/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of the policy service: that Postfix asks it, by the map of its version, and has what the
 * answers need.
 */
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
	if (doctor->count == before)
		doctor_say(doctor, DOCTOR_OK, NULL, "Postfix %s asks the map %s",
			   setting_of(doctor, "mail_version"), map);
}

struct question {
	struct arena *arena;
	const char *address;
};

/* A name of one label is answered without DNS. */
static int ask_service(void *arg, struct why *why)
{
	const struct question *question = arg;
	const char *answer;

	if (tls_ask(question->arena, question->address, "policy", "localhost", &answer, why) == -1)
		return -1;
	return strcmp(answer, "NOTFOUND ") == 0 ? 0 : why_set(why, "it answers \"%s\"", answer);
}

void doctor_tls_answer(struct doctor *doctor)
{
	struct become who = doctor_as_postfix(doctor);
	const char *listen = place_listen(&doctor->place, &doctor->conf->tls.listen);
	struct question question = {.arena = doctor->arena};
	struct why why;

	if (doctor->conf->tls.listen.count == 0 || who.uid == (uid_t)-1)
		return;
	if (listen == NULL) {
		doctor_say(doctor, DOCTOR_ERROR, "countersign config explain tls.listen",
			   "Postfix, which runs in its queue directory, can reach no socket of "
			   "tls.listen");
		return;
	}
	question.address = place_address(&doctor->place, doctor->arena, listen);
	if (become(&who, ask_service, &question, &why) == 0)
		doctor_say(doctor, DOCTOR_OK, NULL, "user %s gets answers at %s", who.user,
			   question.address);
	else if (!doctor_follows(doctor, DOCTOR_DAEMON, "the daemon gives no answers"))
		doctor_say(doctor, DOCTOR_ERROR, doctor_service(doctor, SERVICE_RESTART),
			   "user %s gets no answer at %s, so Postfix defers mail: %s", who.user,
			   question.address, why.text);
}
