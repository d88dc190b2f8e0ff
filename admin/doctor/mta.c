/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of the way between the MTA and us: the socket, and the MTA's settings.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/become.h"
#include "admin/doctor/doctor.h"
#include "admin/program.h"
#include "admin/setup/otherfilters.h"
#include "lib/buf.h"
#include "policy/origin.h"

#define SETUP "countersign setup --apply"

/* Makes the sockets again where they belong. */
static const char *remake_sockets(const struct doctor *doctor)
{
	return arena_printf(doctor->arena, "countersign setup socket-dir && %s",
			    doctor_service(doctor, SERVICE_RESTART));
}

/* ---- sockets ---- */

static void look_at_socket(struct doctor *doctor, const char *listen)
{
	const char *path = place_path(listen), *dir;
	struct stat st;

	if (path == NULL)
		return;
	dir = place_parent(doctor->arena, path);
	if (stat(dir, &st) == -1)
		doctor_say(doctor, errno == EACCES ? DOCTOR_SKIP : DOCTOR_ERROR,
			   errno == EACCES ? NULL : remake_sockets(doctor), "%s: %s", dir,
			   strerror(errno));
	else if ((st.st_mode & 02) != 0)
		doctor_say(doctor, DOCTOR_ERROR, arena_printf(doctor->arena, "chmod o-w %s", dir),
			   "%s: mode %04o: every user can put a socket of his own there", dir,
			   (unsigned)st.st_mode & 07777);
	else if (stat(path, &st) == -1 && errno == EACCES)
		doctor_say(doctor, DOCTOR_SKIP, NULL, "%s: %s", path, strerror(errno));
	else if (stat(path, &st) == -1 &&
		 !doctor_follows(doctor, DOCTOR_DAEMON, "the daemon makes its socket"))
		doctor_say(doctor, DOCTOR_ERROR, doctor_service(doctor, SERVICE_START), "%s: %s",
			   path, strerror(errno));
	else if (stat(path, &st) == -1)
		return;
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "%s, mode %04o, owner %s, group %s", path,
			   (unsigned)st.st_mode & 07777, place_user(doctor->arena, st.st_uid),
			   place_group(doctor->arena, st.st_gid));
}

void doctor_sockets(struct doctor *doctor)
{
	for (unsigned i = 0; i < doctor->conf->listen.count; i++)
		look_at_socket(doctor, doctor->conf->listen.items[i]);
}

/* ---- as the MTA's user ---- */

/* Which part of PATH stands in the way: "DIR, mode 0750, owner x, group y". */
static int blame_part(const char *path, struct why *why)
{
	char part[sizeof((struct sockaddr_un *)0)->sun_path];
	size_t end = *path == '/';
	struct stat st;

	for (;;) {
		end += strcspn(path + end, "/");
		memcpy(part, path, end);
		part[end] = '\0';
		if (stat(part, &st) == -1)
			return why_set(why, "no %s", part);
		if (access(part, path[end] == '\0' ? W_OK : X_OK) == -1)
			return why_set(why, "mode %s, mode %04o, uid %lu, gid %lu", part,
				       (unsigned)st.st_mode & 07777, (unsigned long)st.st_uid,
				       (unsigned long)st.st_gid);
		if (path[end] == '\0')
			return why_set(why, "mode %s", part);
		end++;
	}
}

/* The first word of the reason: "no" (path), "mode" (rights), "dead" (nobody listens). */
static int connect_there(void *arg, struct why *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = arg;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof address.sun_path)
		return why_set(why, "no %s: too long", path);
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return 0;
	if (errno == ECONNREFUSED)
		return why_set(why, "dead %s", path);
	return blame_part(path, why);
}

/* "mode PATH, mode 0750, uid 0, gid 0" with names for numbers. */
static const char *with_names(struct doctor *doctor, const char *text)
{
	const char *uid = strstr(text, ", uid ");
	unsigned long u, g;

	if (uid == NULL || sscanf(uid, ", uid %lu, gid %lu", &u, &g) != 2)
		return text;
	return arena_printf(doctor->arena, "%.*s, owner %s, group %s", (int)(uid - text), text,
			    place_user(doctor->arena, (uid_t)u),
			    place_group(doctor->arena, (gid_t)g));
}

static void say_unreachable(struct doctor *doctor, const char *who, const char *path, bool agreed,
			    const char *reason)
{
	const char *what = strchr(reason, ' ') == NULL ? reason : strchr(reason, ' ') + 1;

	bool absent = strncmp(reason, "no ", 3) == 0 && agreed && strcmp(what, path) == 0,
	     dead = strncmp(reason, "dead ", 5) == 0;

	if ((absent || dead) && doctor_follows(doctor, DOCTOR_DAEMON, "nobody listens there"))
		return;
	if (absent)
		doctor_say(doctor, DOCTOR_ERROR, doctor_service(doctor, SERVICE_START),
			   "nobody listens: %s finds no %s, which the daemon makes", who, what);
	else if (strncmp(reason, "no ", 3) == 0)
		doctor_say(doctor, DOCTOR_ERROR, SETUP,
			   "wrong path: %s finds no %s; the settings of both sides must name one "
			   "place",
			   who, what);
	else if (strncmp(reason, "mode ", 5) == 0)
		doctor_say(doctor, DOCTOR_ERROR, remake_sockets(doctor),
			   "wrong group or mode: %s may not use %s", who, with_names(doctor, what));
	else if (dead)
		doctor_say(doctor, DOCTOR_ERROR, doctor_service(doctor, SERVICE_START),
			   "nobody listens: %s finds %s, which a dead daemon left", who, what);
	else
		doctor_say(doctor, DOCTOR_ERROR, NULL, "%s: %s", who, reason);
}

struct become doctor_as_postfix(const struct doctor *doctor)
{
	const struct postfix *postfix = &doctor->place.postfix;

	return (struct become){.user = postfix->user,
			       .uid = postfix->uid,
			       .gid = postfix->gid,
			       .root = postfix->chrooted ? postfix->queue : NULL,
			       .directory = postfix->chrooted ? "/" : postfix->queue,
			       .only_group = true};
}

/* AGREED: the daemon's settings name the same place. */
static void call_as_postfix(struct doctor *doctor, const char *path, bool agreed)
{
	const struct postfix *postfix = &doctor->place.postfix;
	struct become who = doctor_as_postfix(doctor);
	const char *name = postfix->chrooted
			       ? arena_printf(doctor->arena, "user %s, in its chroot %s,",
					      postfix->user, postfix->queue)
			       : arena_printf(doctor->arena, "user %s", postfix->user);
	struct why why;

	if (postfix->uid == (uid_t)-1)
		doctor_say(doctor, DOCTOR_ERROR, NULL, "there is no user %s (mail_owner)",
			   postfix->user);
	else if (become(&who, connect_there, arena_string(doctor->arena, path), &why) == 0)
		doctor_say(doctor, DOCTOR_OK, NULL, "%s reaches %s", name, path);
	else
		say_unreachable(doctor, name, path, agreed, why.text);
}

/* Whether ITEM is one of our sockets, as our settings name them. */
static bool is_ours(const struct doctor *doctor, const struct milter_item *item)
{
	const struct conf_strings *listens = &doctor->conf->listen;
	struct span path;

	for (unsigned i = 0; i < listens->count; i++) {
		const char *own = place_path(listens->items[i]);

		if (!place_reachable(&doctor->place, listens->items[i]))
			continue;
		if (span_eq(item->address,
			    place_address(&doctor->place, doctor->arena, listens->items[i])) ||
		    (own != NULL && milters_path(item->address, &path) && span_eq(path, own)))
			return true;
	}
	return false;
}

static bool has_our_name(const struct milter_item *item)
{
	for (struct span s = item->address; !span_empty(s); s.p++) {
		if (span_istarts(s, "countersign"))
			return true;
	}
	return false;
}

bool doctor_find_ours(const struct doctor *doctor, const char *list, struct milter_item *item)
{
	struct span rest = span_of(list);

	while (milters_next(&rest, item)) {
		if (is_ours(doctor, item))
			return true;
	}
	rest = span_of(list);
	while (milters_next(&rest, item)) {
		if (has_our_name(item))
			return true;
	}
	return false;
}

void doctor_socket_mta(struct doctor *doctor)
{
	struct milter_item item;
	struct span path;

	if (!doctor_find_ours(doctor, doctor->place.postfix.smtpd_milters, &item)) {
		doctor_say(doctor, DOCTOR_SKIP, NULL,
			   "smtpd_milters does not name our socket, so there is none to reach");
		return;
	}
	if (milters_path(item.address, &path))
		call_as_postfix(doctor, arena_span(doctor->arena, path), is_ours(doctor, &item));
	else
		doctor_say(doctor, doctor->daemon.listen != NULL ? DOCTOR_OK : DOCTOR_ERROR,
			   doctor->daemon.listen != NULL ? NULL
							 : doctor_service(doctor, SERVICE_START),
			   "%s is TCP: every user of this host can use it",
			   arena_span(doctor->arena, item.address));
}

/* ---- main.cf ---- */

void doctor_smtpd_milters(struct doctor *doctor)
{
	const char *list = doctor->place.postfix.smtpd_milters;
	struct milter_item item;

	if (doctor_find_ours(doctor, list, &item))
		doctor_say(doctor, DOCTOR_OK, NULL, "smtpd_milters = %s", list);
	else
		doctor_say(doctor, DOCTOR_ERROR, SETUP,
			   "smtpd_milters does not name our socket: no mail is judged (it is: %s)",
			   *list == '\0' ? "empty" : list);
}

void doctor_local_milters(struct doctor *doctor)
{
	const char *list = doctor->place.postfix.non_smtpd_milters;
	struct milter_item item;

	if (doctor_find_ours(doctor, list, &item))
		doctor_say(doctor, DOCTOR_OK, NULL, "non_smtpd_milters = %s", list);
	else
		doctor_say(doctor, DOCTOR_WARN, SETUP,
			   "non_smtpd_milters does not name our socket: mail of the sendmail "
			   "command is not signed");
}

void doctor_default_action(struct doctor *doctor)
{
	const struct postfix *postfix = &doctor->place.postfix;
	const char *action = postfix_setting(postfix, doctor->arena, "milter_default_action");
	struct milter_item item;
	struct span own;

	if (!doctor_find_ours(doctor, postfix->smtpd_milters, &item))
		return;
	if (milters_setting(&item, "default_action", &own))
		action = arena_span(doctor->arena, own);
	if (strcmp(action, "tempfail") == 0 || strcmp(action, "shutdown") == 0)
		doctor_say(doctor, DOCTOR_OK, NULL, "default_action=%s: mail waits at the sender's",
			   action);
	else if (strcmp(action, "reject") == 0)
		doctor_say(doctor, DOCTOR_ERROR, SETUP,
			   "default_action=reject: each restart of the daemon loses mail");
	else
		doctor_say(doctor, DOCTOR_WARN, SETUP,
			   "default_action=%s: while the daemon is down mail %s", action,
			   strcmp(action, "accept") == 0 ? "passes unjudged, and leaves unsigned"
							 : "goes to the hold queue");
}

void doctor_protocol(struct doctor *doctor)
{
	const char *protocol =
	    postfix_setting(&doctor->place.postfix, doctor->arena, "milter_protocol");

	if (strcmp(protocol, "6") == 0)
		doctor_say(doctor, DOCTOR_OK, NULL, "milter_protocol = 6");
	else
		doctor_say(doctor, DOCTOR_ERROR, "postconf -X milter_protocol && postfix reload",
			   "milter_protocol = %s: leading blanks of fields are lost, and "
			   "signatures with them",
			   protocol);
}

void doctor_say_other(struct doctor *doctor, struct span address, bool late,
		      const struct doctor_advice *advice)
{
	struct otherfilter filter = otherfilter_at(&doctor->place, doctor->arena, "", address);
	const char *text = arena_span(doctor->arena, address);
	const char *by =
	    filter.source == NULL ? "" : arena_printf(doctor->arena, ", by %s", filter.source);
	const char *name = filter.name == NULL ? "another filter" : filter.name;

	if (filter.replaced)
		doctor_say(doctor, DOCTOR_WARN, advice->removal,
			   "%s (%s%s) is asked too: what it does is done twice", name, text, by);
	else if (late)
		doctor_say(doctor, DOCTOR_WARN, NULL,
			   "%s (%s%s) is asked after countersignd: if it changes header or body, "
			   "signatures break; put ours last in %s",
			   name, text, by, advice->list);
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "%s (%s%s) is asked before countersignd", name,
			   text, by);
}

/* Services of master.cf whose own smtpd_milters take the place of main.cf's. */
static void look_at_own_milters(struct doctor *doctor)
{
	const struct postfix *postfix = &doctor->place.postfix;
	struct span rest = span_of(postfix->services);
	struct postfix_service service;
	struct milter_item item;

	while (postfix_next_service(postfix, &rest, "smtpd", &service)) {
		const char *own =
		    postfix_override(postfix, doctor->arena, &service, "smtpd_milters");

		if (own == NULL || strchr(own, '$') != NULL || doctor_find_ours(doctor, own, &item))
			continue;
		doctor_say(doctor, DOCTOR_WARN,
			   arena_printf(doctor->arena, "postconf -PX %s/%s/smtpd_milters",
					arena_span(doctor->arena, service.name),
					arena_span(doctor->arena, service.type)),
			   "%s/%s has filters of its own in master.cf (smtpd_milters=%s): "
			   "countersignd is not asked about its mail",
			   arena_span(doctor->arena, service.name),
			   arena_span(doctor->arena, service.type), own);
	}
}

void doctor_other_filters(struct doctor *doctor)
{
	struct span rest = span_of(doctor->place.postfix.smtpd_milters);
	const struct doctor_advice advice = {"countersign setup --apply --replace",
					     "smtpd_milters"};
	struct milter_item ours, item;
	bool there = doctor_find_ours(doctor, doctor->place.postfix.smtpd_milters, &ours);
	unsigned before = doctor->count;
	bool late = false;

	while (milters_next(&rest, &item)) {
		if (there && item.text.p == ours.text.p)
			late = true;
		else
			doctor_say_other(doctor, item.address, late, &advice);
	}
	look_at_own_milters(doctor);
	if (doctor->count == before)
		doctor_say(doctor, DOCTOR_OK, NULL, "there is no other filter");
}

/* ---- master.cf ---- */

/* Without settings that can be read, by the names that are the default. */
static bool takes_strangers(const struct doctor *doctor, const char *name)
{
	struct conf *initial = doctor->conf == NULL ? conf_default() : NULL;
	const struct conf *conf = doctor->conf == NULL ? initial : doctor->conf;
	bool takes = origin_is_service(name, conf->submission_services.items,
				       conf->submission_services.count);

	conf_free(initial);
	return takes;
}

void doctor_daemon_names(struct doctor *doctor)
{
	const struct postfix *postfix = &doctor->place.postfix;
	const char *all = postfix_setting(postfix, doctor->arena, "milter_macro_daemon_name");
	struct span rest = span_of(postfix->services);
	struct postfix_service service;
	unsigned before = doctor->count;

	while (postfix_next_service(postfix, &rest, "smtpd", &service)) {
		const char *own =
		    postfix_override(postfix, doctor->arena, &service, "milter_macro_daemon_name");
		const char *name =
		    arena_printf(doctor->arena, "%s/%s", arena_span(doctor->arena, service.name),
				 arena_span(doctor->arena, service.type));

		own = own == NULL ? all : own;
		if (postfix_is_submission(&service) && !takes_strangers(doctor, own))
			doctor_say(
			    doctor, DOCTOR_WARN, SETUP,
			    "%s has no milter_macro_daemon_name=ORIGINATING: who sends there "
			    "without a login is judged like a stranger",
			    name);
		else if (!postfix_is_submission(&service) && takes_strangers(doctor, all) &&
			 own == all)
			doctor_say(doctor, DOCTOR_ERROR,
				   "postconf -X milter_macro_daemon_name && postfix reload",
				   "milter_macro_daemon_name = %s in main.cf: mail of strangers "
				   "through %s is taken for yours, and signed",
				   all, name);
	}
	if (doctor->count == before)
		doctor_say(doctor, DOCTOR_OK, NULL,
			   "submission is signed, smtp judged, as the services are named");
}

void doctor_rewriting(struct doctor *doctor)
{
	static const char *const settings[] = {"smtp_generic_maps", "smtp_header_checks"};
	unsigned before = doctor->count;

	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		const char *value =
		    postfix_setting(&doctor->place.postfix, doctor->arena, settings[i]);

		if (*value != '\0')
			doctor_say(doctor, DOCTOR_WARN,
				   arena_printf(doctor->arena, "postconf -X %s", settings[i]),
				   "%s = %s changes header fields behind us: signatures over them "
				   "break",
				   settings[i], value);
	}
	if (doctor->count == before)
		doctor_say(doctor, DOCTOR_OK, NULL, "nothing rewrites header fields behind us");
}

/* Bounces of our reports come back to name+bounce-TOKEN. */
static void judge_report_bounces(struct doctor *doctor, const char *classes)
{
	const char *delimiter =
	    postfix_setting(&doctor->place.postfix, doctor->arena, "recipient_delimiter");

	if (!doctor->conf->reports.send || doctor->conf->reports.envelope != CONF_ENVELOPE_VERP)
		return;
	if (strchr(delimiter, '+') == NULL)
		doctor_say(
		    doctor, DOCTOR_WARN, "postconf -e recipient_delimiter=+ && postfix reload",
		    "recipient_delimiter has no \"+\": bounces of reports do not arrive, and "
		    "dead addresses get more of them (reports.envelope)");
	if (strstr(classes, "bounce") == NULL)
		doctor_say(doctor, DOCTOR_WARN,
			   "postconf -e internal_mail_filter_classes=bounce && postfix reload",
			   "Postfix's own bounces of reports do not pass the milter, so that dead "
			   "addresses get more of them (reports.envelope)");
}

void doctor_bounces(struct doctor *doctor)
{
	const char *classes =
	    postfix_setting(&doctor->place.postfix, doctor->arena, "internal_mail_filter_classes");

	doctor_say(doctor, DOCTOR_OK, NULL,
		   strstr(classes, "bounce") != NULL
		       ? "internal_mail_filter_classes = %s: they are signed"
		       : "internal_mail_filter_classes = %s: they are not (as shipped; \"bounce\" "
			 "there has them signed)",
		   classes);
	judge_report_bounces(doctor, classes);
}
