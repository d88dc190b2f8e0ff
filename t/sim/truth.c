/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/sim/truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

enum {
	LAST_MOMENTS_MS = 2500, /* what a power failure may cost a ledger that answers from its
				   journal: "the last second or two" */
	LEFT_SECONDS = 70       /* and what a killed process left: it is looked for each minute */
};

struct message {
	unsigned machine, row;
	enum fate fate;
	bool power; /* it was promised to survive the power */
	int64_t at;
};

struct row {
	unsigned machine, domain;
	int32_t day;
	unsigned config;
	int64_t found[WHERES];
};

static struct {
	struct message messages[TRUTH_MESSAGES];
	struct row rows[TRUTH_MESSAGES];
	unsigned message_count, row_count;
	int64_t said[WORLD_MACHINES];
} truth;

void truth_begin(void)
{
	memset(&truth, 0, sizeof truth);
}

unsigned truth_messages(void)
{
	return truth.message_count;
}

/* ---- messages ---- */

static unsigned choose_row(unsigned machine, int32_t day)
{
	struct row *row;
	unsigned again = truth.row_count == 0 ? 0 : world_below(truth.row_count);

	if (truth.row_count > 0 && world_chance(200) && truth.rows[again].machine == machine &&
	    truth.rows[again].day == day)
		return again;
	row = &truth.rows[truth.row_count];
	*row = (struct row){.machine = machine, .day = day};
	row->domain = world_below(TRUTH_DOMAINS);
	row->config = world_below(4) == 0;
	return truth.row_count++;
}

int truth_offer(const struct machine *machine, int32_t day, bool power, int64_t *count)
{
	struct message *message = &truth.messages[truth.message_count];

	if (truth.message_count == TRUTH_MESSAGES)
		return -1;
	*message = (struct message){.machine = (unsigned)(machine - world.machines),
				    .fate = FATE_OFFERED,
				    .power = power,
				    .at = world.now};
	message->row = choose_row(message->machine, day);
	*count = 1;
	return (int)truth.message_count++;
}

void truth_answer(int number, int result)
{
	struct message *message = &truth.messages[number];

	message->fate = result == 0 ? FATE_SAFE : result == 1 ? FATE_MAYBE : FATE_REFUSED;
	message->at = world.now;
	if (result == 0 && world.machines[message->machine].skew < -30 * 86400)
		message->fate = FATE_MAYBE; /* counted for a day that is past its time already */
	/* a transaction that failed when it was synchronized may be found in the log after a
	 * crash */
	if (message->fate == FATE_REFUSED &&
	    world.faults[FAULT_SYNC] + world.faults[FAULT_WRITE] + world.faults[FAULT_READ] > 0)
		message->fate = FATE_MAYBE;
	world_say("message %d is answered: %s", number,
		  result == 0   ? "counted"
		  : result == 1 ? "not yet"
				: "refused");
}

void truth_row(int number, struct ledger_row *row, char text[64])
{
	static const char *const domains[TRUTH_DOMAINS] = {"a.example", "b.example", "c.example"};
	static const char *const rua[TRUTH_DOMAINS] = {"mailto:r@a.example", "mailto:r@b.example",
						       "mailto:r@c.example"};
	const struct message *message = &truth.messages[number];
	const struct row *of = &truth.rows[message->row];

	snprintf(text, 64, "10.%u.%u.%u", of->machine, message->row / 256, message->row % 256);
	*row = (struct ledger_row){
	    .day = of->day,
	    .policy = {.domain = domains[of->domain],
		       .p = of->config ? "reject" : "none",
		       .adkim = "r",
		       .aspf = "r",
		       .testing = "n",
		       .discovery = "treewalk",
		       .rua = rua[of->domain]},
	    .source_ip = text,
	    .disposition = "none",
	    .dkim_aligned = message->row % 3 == 0 ? "pass" : "fail",
	    .spf_aligned = "fail",
	    .reasons = "[]",
	    .header_from = domains[of->domain],
	    .envelope_from = domains[of->domain],
	    .envelope_to = "here.example",
	    .dkim = "[]",
	    .dkim_notes = "[]",
	    .spf_domain = domains[of->domain],
	    .spf_result = "none",
	    .spf_note = "",
	    .count = 1,
	};
}

/* ---- what may be lost ---- */

static bool is_durable(const struct message *message, const struct machine *machine)
{
	const int64_t calm = world.now - machine->calm_since;
	/* while the ledger's file cannot grow, what the journal has is synchronized with each try
	 */
	const int64_t moments = machine->grows_since + 10 * CLOCK_SECOND > message->at
				    ? 8000 * CLOCK_MS
				    : LAST_MOMENTS_MS * CLOCK_MS;

	if (message->power)
		return true;
	if (machine->calm_since == INT64_MAX)
		return false;
	if (machine->calm_since <= message->at)
		return world.now - message->at >= moments;
	return calm >= LEFT_SECONDS * CLOCK_SECOND;
}

void truth_power(const struct machine *machine)
{
	unsigned number = (unsigned)(machine - world.machines);

	for (struct message *m = truth.messages; m < truth.messages + truth.message_count; m++)
		if (m->machine == number && m->fate == FATE_SAFE && !is_durable(m, machine))
			m->fate = FATE_MAYBE;
}

void truth_said(const struct machine *machine, int64_t messages)
{
	truth.said[machine - world.machines] += messages;
}

/* The number before WORDS in TEXT, 0 where it has none. */
static long long number_before(const char *text, const char *words)
{
	const char *at = strstr(text, words);

	if (at == NULL)
		return 0;
	while (at > text && at[-1] >= '0' && at[-1] <= '9')
		at--;
	return strtoll(at, NULL, 10);
}

/* "... at most 12 messages ...", "12 messages are missing ..." */
void truth_said_text(const struct machine *machine, const char *text)
{
	const char *most = strstr(text, "at most ");

	world_say("said: %s", text);
	truth_said(machine, most != NULL ? number_before(most, " messages")
					 : number_before(text, " messages are missing"));
}

/* ---- what is there ---- */

void truth_begin_count(enum where where, const struct machine *machine)
{
	for (unsigned i = 0; i < truth.row_count; i++)
		if (machine == NULL || truth.rows[i].machine == machine - world.machines)
			truth.rows[i].found[where] = 0;
}

void truth_count(enum where where, const char *source, int64_t count)
{
	unsigned machine, high, low;

	if (source == NULL || sscanf(source, "10.%u.%u.%u", &machine, &high, &low) != 3 ||
	    high * 256 + low >= truth.row_count ||
	    truth.rows[high * 256 + low].machine != machine) {
		world_violate("a row is there that nobody has offered: %s",
			      source == NULL ? "it has no source" : source);
		return;
	}
	truth.rows[high * 256 + low].found[where] += count;
}

/* How many messages of a row there are at least and at most. */
static void sum_row(unsigned row, int64_t *least, int64_t *most)
{
	*least = *most = 0;
	for (unsigned i = 0; i < truth.message_count; i++) {
		if (truth.messages[i].row != row)
			continue;
		*least += truth.messages[i].fate == FATE_SAFE;
		*most += truth.messages[i].fate != FATE_REFUSED;
	}
}

static const char *const places[WHERES] = {"the ledger", "the shared store", "the reports"};

void truth_check_most(enum where where, const char *when)
{
	for (unsigned i = 0; i < truth.row_count; i++) {
		const struct row *row = &truth.rows[i];
		int64_t least, most;

		sum_row(i, &least, &most);
		if (row->found[where] > most)
			world_violate("%s: 10.%u.%u.%u was counted %lld times in %s, and offered"
				      " %lld times",
				      when, row->machine, i / 256, i % 256,
				      (long long)row->found[where], places[where], (long long)most);
	}
}

void truth_check_all(enum where where, const struct machine *machine, const char *when)
{
	const unsigned number = (unsigned)(machine - world.machines);
	int64_t missing = 0;
	unsigned example = 0;

	for (unsigned i = 0; i < truth.row_count; i++) {
		const struct row *row = &truth.rows[i];
		int64_t least, most;

		sum_row(i, &least, &most);
		if (row->machine != number || row->found[where] >= least)
			continue;
		missing += least - row->found[where];
		example = i;
		world_say("10.%u.%u.%u: %lld of %lld are in %s", number, i / 256, i % 256,
			  (long long)row->found[where], (long long)least, places[where]);
	}
	if (missing > truth.said[number])
		world_violate("%s: %lld messages of %s are missing in %s, of which %lld were said"
			      " to be lost (10.%u.%u.%u)",
			      when, (long long)missing, machine->name, places[where],
			      (long long)truth.said[number], number, example / 256, example % 256);
}

bool truth_has_all(enum where where, enum where from, const struct machine *machine, int32_t today,
		   bool say)
{
	for (unsigned i = 0; i < truth.row_count; i++) {
		const struct row *row = &truth.rows[i];

		if (row->machine != (unsigned)(machine - world.machines) || row->day >= today ||
		    row->day < today - 30 || row->found[where] >= row->found[from])
			continue;
		if (say)
			world_violate("10.%u.%u.%u of day %d was counted %lld times in %s, and %lld"
				      " times in %s",
				      row->machine, i / 256, i % 256, (int)row->day,
				      (long long)row->found[from], places[from],
				      (long long)row->found[where], places[where]);
		return false;
	}
	return true;
}
