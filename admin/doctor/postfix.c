/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of Postfix's settings that decide whose mail comes to us, and how: content filters that
 * take it past us, logins that may use any sender, line ends that hide a second message.
 */
#include <string.h>

#include "admin/doctor/doctor.h"
#include "lib/name.h"

static const char *name_of(const struct doctor *doctor, const struct postfix_service *service)
{
	return arena_printf(doctor->arena, "%s/%s", arena_span(doctor->arena, service->name),
			    arena_span(doctor->arena, service->type));
}

static const char *value_of(const struct doctor *doctor, const struct postfix_service *service,
			    const char *name)
{
	return postfix_value(&doctor->place.postfix, doctor->arena, service, name);
}

/* ---- content filters ---- */

static bool asks_us(const struct doctor *doctor, const struct postfix_service *service)
{
	struct milter_item item;

	return doctor_find_ours(doctor, value_of(doctor, service, "smtpd_milters"), &item);
}

/* FILTERED mail comes back over loopback, where nothing shows who has sent it. */
void doctor_content_filter(struct doctor *doctor)
{
	static const char *const settings[] = {"content_filter", "smtpd_proxy_filter"};
	struct span rest = span_of(doctor->place.postfix.services);
	struct postfix_service service;
	unsigned before = doctor->count;

	while (postfix_next_service(&doctor->place.postfix, &rest, "smtpd", &service)) {
		for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
			const char *filter = value_of(doctor, &service, settings[i]);
			bool proxy = i == 1;

			if (*filter == '\0' || (!proxy && asks_us(doctor, &service)))
				continue;
			doctor_say(
			    doctor, DOCTOR_ERROR, NULL,
			    "mail through %s goes to %s = %s %s: when it comes back over "
			    "loopback nothing tells who sent it, and it is neither judged nor "
			    "signed; name ours in smtpd_milters of %s%s",
			    name_of(doctor, &service), settings[i], filter,
			    proxy ? "before any filter has seen its header"
				  : "and countersignd is not asked about it first",
			    name_of(doctor, &service),
			    proxy ? ", and use content_filter instead" : "");
		}
	}
	if (doctor->count == before)
		doctor_say(doctor, DOCTOR_OK, NULL,
			   "no content filter takes mail that countersignd has not seen");
}

/* ---- logins ---- */

/* The next word of a list of restrictions, which blanks and commas separate (postconf(5)). */
static bool next_restriction(struct span *rest, struct span *word)
{
	while (rest->p < rest->end && strchr(", \t\r\n", *rest->p) != NULL)
		rest->p++;
	*word = span_make(rest->p, 0);
	while (rest->p < rest->end && strchr(", \t\r\n", *rest->p) == NULL)
		rest->p++;
	word->end = rest->p;
	return !span_empty(*word);
}

/* The first restriction of a list that says something of a client with a login ends the list. */
static bool list_binds(const char *list)
{
	static const struct name_code words[] = {
	    {"reject_sender_login_mismatch", true},
	    {"reject_authenticated_sender_login_mismatch", true},
	    {"permit_sasl_authenticated", false},
	    {"permit", false},
	    {NULL, 0}};
	struct span rest = span_of(list), word;

	while (next_restriction(&rest, &word)) {
		int binds = name_code(words, word, -1);

		if (binds != -1)
			return binds;
	}
	return false;
}

/* Postfix looks logins up in smtpd_sender_login_maps (postconf(5)). */
static bool binds_senders(const struct doctor *doctor, const struct postfix_service *service)
{
	static const char *const lists[] = {
	    "smtpd_client_restrictions",    "smtpd_helo_restrictions",
	    "smtpd_sender_restrictions",    "smtpd_relay_restrictions",
	    "smtpd_recipient_restrictions", "smtpd_data_restrictions"};

	if (*value_of(doctor, service, "smtpd_sender_login_maps") == '\0')
		return false;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		if (list_binds(value_of(doctor, service, lists[i])))
			return true;
	}
	return false;
}

/* BOUND: SERVICE binds its logins to senders. What lets a login sign is in policy/outbound. */
static void judge_logins(struct doctor *doctor, const char *service, bool bound, unsigned domains)
{
	const struct conf *conf = doctor->conf;

	if (conf->sign.sender == CONF_SENDER_ANY && !bound && domains > 1)
		doctor_say(doctor, DOCTOR_WARN, "countersign config explain sign.sender",
			   "sign.sender = \"any\", and nothing binds the logins of %s to senders: "
			   "every login can have mail signed for all %u domains that have keys",
			   service, domains);
	else if (conf->sign.sender == CONF_SENDER_ENVELOPE && !bound && domains > 1)
		doctor_say(doctor, DOCTOR_WARN, "countersign config explain sign.sender",
			   "sign.sender = \"envelope\", and %s does not check MAIL FROM: every "
			   "login can have mail signed for all %u domains that have keys; list the "
			   "senders of each login in smtpd_sender_login_maps and add "
			   "reject_sender_login_mismatch to smtpd_sender_restrictions",
			   service, domains);
	else if (conf->sign.sender != CONF_SENDER_LOGIN)
		doctor_say(doctor, DOCTOR_OK, NULL, "logins of %s: sign.sender = \"%s\"%s", service,
			   conf->sign.sender == CONF_SENDER_ANY ? "any" : "envelope",
			   bound ? ", and the MTA binds them to senders" : "");
	else if (conf->sign.mta_checks_sender && !bound)
		doctor_say(doctor, DOCTOR_WARN, "countersign config explain sign.mta_checks_sender",
			   "sign.mta_checks_sender = true, and %s does not check it: a login "
			   "without a domain can sign for any domain that has a key; list the "
			   "senders of each login in smtpd_sender_login_maps and add "
			   "reject_sender_login_mismatch to smtpd_sender_restrictions",
			   service);
	else if (!conf->sign.mta_checks_sender && bound)
		doctor_say(doctor, DOCTOR_WARN, "countersign config explain sign.mta_checks_sender",
			   "%s checks the senders of its logins, and sign.mta_checks_sender is "
			   "false: mail of a login without a domain is not signed",
			   service);
	else if (!bound && domains > 1 && conf->sign.alias_count == 0)
		doctor_say(doctor, DOCTOR_WARN, "countersign config explain sign.logins",
			   "%u domains have keys, and nothing binds the logins of %s to them: a "
			   "login signs for its own domain only, one without a domain is not "
			   "signed; use sign.logins, or list the senders of each login in "
			   "smtpd_sender_login_maps, add reject_sender_login_mismatch to "
			   "smtpd_sender_restrictions and set sign.mta_checks_sender",
			   domains, service);
	else if (!bound)
		doctor_say(doctor, DOCTOR_OK, NULL,
			   "logins of %s sign for their own domain%s; one without a domain is not "
			   "signed (sign.logins, sign.mta_checks_sender)",
			   service, conf->sign.alias_count > 0 ? " and its aliases" : "");
}

void doctor_logins(struct doctor *doctor)
{
	struct span rest = span_of(doctor->place.postfix.services);
	struct postfix_service service;
	unsigned domains, before = doctor->count;

	doctor_domains(doctor, &domains);
	while (domains > 0 && doctor->conf->sign.login_count == 0 &&
	       postfix_next_service(&doctor->place.postfix, &rest, "smtpd", &service)) {
		if (strcmp(value_of(doctor, &service, "smtpd_sasl_auth_enable"), "yes") == 0)
			judge_logins(doctor, name_of(doctor, &service),
				     binds_senders(doctor, &service), domains);
	}
	if (doctor->count == before)
		doctor_say(doctor, DOCTOR_OK, NULL,
			   domains > 1 ? "logins are bound to their senders"
				       : "one domain has keys: no login can sign for another");
}

/* ---- line ends ---- */

/* SMTP smuggling (CVE-2023-51764): Postfix 3.9 normalizes by default; 3.5.23, 3.6.13, 3.7.9 and
 * 3.8.4 know the setting, and have it off. */
void doctor_bare_newline(struct doctor *doctor)
{
	const struct postfix *postfix = &doctor->place.postfix;
	const char *value = postfix_setting(postfix, doctor->arena, "smtpd_forbid_bare_newline");
	const char *version = postfix_setting(postfix, doctor->arena, "mail_version");

	if (*value == '\0')
		doctor_say(
		    doctor, DOCTOR_WARN, "upgrade Postfix",
		    "Postfix %s does not know smtpd_forbid_bare_newline: in a message with "
		    "bare line feeds a sender can hide a second one, which Postfix takes for "
		    "mail of his server and of any author",
		    version);
	else if (strcmp(value, "no") == 0)
		doctor_say(
		    doctor, DOCTOR_WARN,
		    "postconf -e smtpd_forbid_bare_newline=normalize && postfix reload",
		    "smtpd_forbid_bare_newline = no, the default of Postfix %s: in a message with "
		    "bare line feeds a sender can hide a second one, which passes SPF, and so "
		    "DMARC, "
		    "as mail of any domain that the sending server serves",
		    version);
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "smtpd_forbid_bare_newline = %s", value);
}
