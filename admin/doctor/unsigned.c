/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail of our own that was not signed since the daemon started, and why: the counter
 * dkim_unsigned_total, with what to do about each reason.
 */
#include <string.h>

#include "admin/daemon/daemon.h"
#include "admin/doctor/doctor.h"
#include "metrics/read.h"

#define COUNTER "dkim_unsigned_total"

/* Reasons that an administrator can do something about. The others are told as numbers only: a
 * client that sends no valid From, or mail that only passes through, is as it should be. */
static const struct {
	const char *name, *text, *fix;
} reasons[] = {
    {"sender_not_allowed",
     "their senders may not use the author's domain (sign.logins, sign.aliases, sign.sender)",
     "countersign message find --origin=auth"},
    {"no_keys", "no domain has a key", "countersign key gen DOMAIN"},
    {"key_pending", "the DNS does not show the record of the only key", "countersign key check"},
    {"key_retired", "the only key is retired or revoked", "countersign key list"},
    {"failed", "no signature could be made: the log says why", "countersign doctor --only=keys"},
    {"keys_unavailable", "the keys could not be used at that moment: the log says why",
     "countersign status"},
};
enum { REASONS = sizeof reasons / sizeof *reasons };

static unsigned count_reason(const struct metrics_read *status, const char *name)
{
	return (unsigned)metrics_read_sum(status, COUNTER, "reason", name);
}

static bool is_told(const char *name)
{
	for (unsigned i = 0; i < REASONS; i++)
		if (strcmp(reasons[i].name, name) == 0)
			return true;
	return false;
}

/* "3 no_key_for_domain, 1 not_ours", or "" */
static const char *list_others(const struct doctor *doctor, const struct metrics_read *status)
{
	const char *list = "";

	for (unsigned i = 0; i < status->sample_count; i++) {
		const struct metrics_read_sample *sample = &status->samples[i];
		const char *name = metrics_read_label(sample, "reason");

		if (strstr(sample->name, COUNTER) == NULL || sample->value < 1 || is_told(name))
			continue;
		list = arena_printf(doctor->arena, "%s%s%.0f %s", list, list[0] == '\0' ? "" : ", ",
				    sample->value, name);
	}
	return list;
}

void doctor_unsigned(struct doctor *doctor)
{
	struct metrics_read status;
	unsigned before = doctor->count;
	const char *others;

	if (!daemon_status(doctor->admin, &status)) {
		doctor_say(doctor, DOCTOR_SKIP, NULL, "not looked at: its status cannot be asked");
		return;
	}
	for (unsigned i = 0; i < REASONS; i++) {
		unsigned count = count_reason(&status, reasons[i].name);

		if (count > 0)
			doctor_say(doctor, DOCTOR_WARN, reasons[i].fix,
				   "%u message%s not signed since the daemon started: %s", count,
				   count == 1 ? " was" : "s were", reasons[i].text);
	}
	others = list_others(doctor, &status);
	if (others[0] != '\0')
		doctor_say(doctor, DOCTOR_OK, NULL,
			   "not signed since the daemon started, for reasons that may be right: %s",
			   others);
	else if (doctor->count == before)
		doctor_say(doctor, DOCTOR_OK, NULL,
			   "each message of yours was signed since the daemon started");
}
