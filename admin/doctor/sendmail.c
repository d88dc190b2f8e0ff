/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of Sendmail's settings: sendmail.mc, which people edit, and sendmail.cf, which holds.
 */
#include <string.h>

#include "admin/doctor/doctor.h"
#include "admin/program.h"

/* The rest of the first line of TEXT that begins with PREFIX; empty: there is none. */
static struct span find_line(const char *text, const char *prefix)
{
	struct span rest = span_of(text), line;
	bool more = true;

	while (span_split(&rest, &more, '\n', &line)) {
		if (span_istarts(line, prefix))
			return span_make(line.p + strlen(prefix), span_len(line) - strlen(prefix));
	}
	return span_of("");
}

/* "S=" of "Xname, S=local:/run/x.sock, F=T". */
static struct span find_address(struct doctor *doctor, const char *text, struct span name)
{
	struct span rest =
	    find_line(text, arena_printf(doctor->arena, "X%s,", arena_span(doctor->arena, name)));
	struct span equate;
	bool more = true;

	while (span_split(&rest, &more, ',', &equate)) {
		equate = span_trim(equate);
		if (span_istarts(equate, "S="))
			return span_make(equate.p + 2, span_len(equate) - 2);
	}
	return name;
}

/* InputMailFilters says who is asked, in that order, X where it listens (Sendmail's op.me, 5.11).
 */
static void look_at_input_filters(struct doctor *doctor, const char *mc, const char *cf)
{
	const char *argv[] = {"grep", "-E", "^(X|O InputMailFilters=)", cf, NULL}, *text;
	struct doctor_advice advice = {
	    .list = arena_printf(doctor->arena, "%s, before its MAILER lines", mc)};
	struct span rest, name;
	bool more = true, late = false;

	if (program_read(doctor->arena, argv, &text, NULL) == -1)
		return;
	rest = find_line(text, "O InputMailFilters=");
	while (span_split(&rest, &more, ',', &name)) {
		name = span_trim(name);
		advice.removal = arena_printf(
		    doctor->arena, "delete INPUT_MAIL_FILTER(`%s', ...) from %s, then: make -C %s",
		    arena_span(doctor->arena, name), mc, doctor->place.sendmail);
		if (span_istarts(name, "countersign"))
			late = true;
		else if (!span_empty(name))
			doctor_say_other(doctor, find_address(doctor, text, name), late, &advice);
	}
}

void doctor_sendmail(struct doctor *doctor)
{
	const char *mc = arena_printf(doctor->arena, "%s/sendmail.mc", doctor->place.sendmail),
		   *cf = arena_printf(doctor->arena, "%s/sendmail.cf", doctor->place.sendmail);
	const char *argv[] = {"grep", "-E", "^[^d]*(INPUT_MAIL_FILTER|include).*countersign", mc,
			      NULL},
		   *text;
	struct stat made, source;

	if (program_read(doctor->arena, argv, &text, NULL) == -1) {
		doctor_say(doctor, DOCTOR_ERROR, "countersign setup sendmail --apply",
			   "%s has no filter countersign: no mail is judged", mc);
		return;
	}
	if (strstr(text, "INPUT_MAIL_FILTER") != NULL && strstr(text, "F=T") == NULL)
		doctor_say(doctor, DOCTOR_WARN, NULL,
			   "its filter line has no F=T: mail passes while the daemon is down");
	if (stat(mc, &source) == 0 && stat(cf, &made) == 0 && made.st_mtime < source.st_mtime)
		doctor_say(doctor, DOCTOR_WARN,
			   arena_printf(doctor->arena, "make -C %s", doctor->place.sendmail),
			   "sendmail.cf is older than sendmail.mc");
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "%s has the filter", mc);
	look_at_input_filters(doctor, mc, cf);
}
