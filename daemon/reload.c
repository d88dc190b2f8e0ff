/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reload is a vote. The file is read (in a child: see conf_load_verified), and a key process
 * loads the keys; sockets for new addresses are opened and their workers started; every other
 * worker is asked to prepare the new settings, keys and all. When each has said yes, and new
 * workers are ready, all are told to use them, which cannot fail, and the addresses that went away
 * are closed; the reload is reported when each has answered that it uses them. At the first no, or
 * when a voter dies or is silent for too long, all are told to forget it and what is new is closed
 * again: nothing has changed. Workers that die are not replaced while a vote is on; it decides
 * which settings the next one gets.
 */
#include "daemon/reload.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/errors.h"
#include "context/context.h"
#include "daemon/notify.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "metrics/counters.h"

enum { OUTCOME_MAX = 64 * 1024 };

static const int64_t vote_patience = 30 * CLOCK_SECOND;
static const int64_t candidate_grace = 5 * CLOCK_SECOND; /* for a new worker that is not wanted */

char *reload_text(const struct conf *conf)
{
	struct buf out;

	buf_init(&out, NULL, 0);
	conf_write(conf, CONF_WRITE_VALUES, &out);
	buf_text(&out);
	return out.data;
}

void reload_drop(struct reload *reload)
{
	keymanager_discard(reload->keys, reload->process);
	reload->process = NULL;
	reload->asked = false;
	free(reload->text);
	conf_free(reload->conf);
	reload->text = NULL;
	reload->conf = NULL;
}

static bool listens_on(const struct conf *conf, const char *address)
{
	for (unsigned i = 0; i < conf->listen.count; i++) {
		if (strcmp(conf->listen.items[i], address) == 0)
			return true;
	}
	return false;
}

void reload_init(struct reload *reload, struct workers *workers, struct keymanager *keys,
		 const char *path)
{
	reload->workers = workers;
	reload->keys = keys;
	reload->path = path;
	buf_init(&reload->outcome.text, NULL, OUTCOME_MAX);
}

void reload_free(struct reload *reload)
{
	reload_drop(reload);
	buf_free(&reload->outcome.text);
}

static void record_outcome(struct reload *reload, enum count_reload outcome)
{
	reload->outcome.round = reload->round;
	reload->outcome.accepted = outcome == COUNT_RELOAD_ACCEPTED;
	reload->outcome.at = clock_wall();
	counters_count(METRIC_RELOADS, outcome, 0, 0);
	counters_set(METRIC_RELOAD_SUCCESS, outcome == COUNT_RELOAD_ACCEPTED);
	if (outcome == COUNT_RELOAD_ACCEPTED)
		counters_set(METRIC_RELOAD_TIME, clock_wall());
}

/* The reason may be a worker's, who must not say more to the service manager than a status. */
static void report_refusal(struct reload *reload, const char *reason)
{
	struct why line;

	why_set(&line, "%s", reason);
	for (char *p = line.text; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ')
			*p = ' ';
	}
	record_outcome(reload, COUNT_RELOAD_REFUSED);
	if (reload->outcome.text.len == 0)
		buf_printf(&reload->outcome.text, "%s\n", line.text);
	log_error("reload refused: %s; the settings stay as they were", line.text);
	notify_send("READY=1\nSTATUS=ready; the last reload was refused: %s", line.text);
}

void reload_refuse(struct reload *reload, const char *reason)
{
	if (reload->conf == NULL)
		return;
	for (struct member *member = reload->workers->members; member != NULL;
	     member = member->next) {
		if (member->vote != VOTE_NONE)
			channel_send(&member->channel, CHANNEL_ABORT, "");
		if (member->vote == VOTE_PENDING)
			member->owed++;
		member->vote = VOTE_NONE;
	}
	for (struct slot *slot = reload->workers->slots, *next; slot != NULL; slot = next) {
		next = slot->next;
		if (slot->candidate)
			workers_close_slot(reload->workers, slot, candidate_grace);
	}
	reload_drop(reload);
	report_refusal(reload, reason);
}

/* The errors of a file that was not accepted, each on its line. */
static void report_errors(struct reload *reload, const struct conf_errors *errors)
{
	struct why line;

	for (unsigned i = 0; i < errors->count; i++) {
		const struct conf_error *error = &errors->items[i];

		if (error->line > 0)
			why_set(&line, "%s:%u: %s", error->file, error->line, error->text);
		else
			why_set(&line, "%s: %s", error->file, error->text);
		log_error("%s", line.text);
		buf_printf(&reload->outcome.text, "%s\n", line.text);
	}
}

static void refuse_settings(struct reload *reload, const struct conf_errors *errors)
{
	char reason[200];

	report_errors(reload, errors);
	snprintf(reason, sizeof reason, "%u error%s in the settings", errors->count,
		 errors->count == 1 ? "" : "s");
	report_refusal(reload, reason);
}

static struct conf *load_settings(struct reload *reload)
{
	struct conf_errors errors;
	struct conf *conf = conf_load_verified(reload->path, context_check_settings, &errors);

	if (conf == NULL)
		refuse_settings(reload, &errors);
	conf_errors_free(&errors);
	return conf;
}

void reload_refuse_keys(struct reload *reload, const char *option, const char *reason)
{
	struct conf_errors errors;

	conf_errors_init(&errors);
	conf_refuse(reload->conf, &errors, option, "%s", reason);
	reload->process = NULL;
	reload_drop(reload);
	refuse_settings(reload, &errors);
	conf_errors_free(&errors);
}

static struct worker_needs needs_of(const struct reload *reload)
{
	return (struct worker_needs){
	    .settings = reload->text,
	    .keys = reload->process == NULL ? NULL : reload->process->text,
	    .key_fd = keymanager_connect(reload->process),
	};
}

static int open_candidates(struct reload *reload, struct why *why)
{
	const struct conf *conf = reload->conf;

	for (unsigned i = 0; i < conf->listen.count; i++) {
		struct worker_needs needs;
		struct slot *slot;

		if (workers_find_slot(reload->workers, conf->listen.items[i]) != NULL)
			continue;
		slot = workers_open_slot(reload->workers, conf->listen.items[i],
					 (mode_t)conf->socket_mode, why);
		if (slot == NULL)
			return -1;
		slot->candidate = true;
		needs = needs_of(reload);
		workers_start(reload->workers, slot, &needs);
	}
	return 0;
}

static void ask_workers(struct reload *reload)
{
	for (struct slot *slot = reload->workers->slots; slot != NULL; slot = slot->next) {
		if (slot->candidate || slot->member == NULL ||
		    !listens_on(reload->conf, slot->address))
			continue;
		slot->member->vote = VOTE_PENDING;
		if (reload->process != NULL)
			channel_send_file(&slot->member->channel, CHANNEL_KEYS,
					  reload->process->text,
					  keymanager_connect(reload->process));
		channel_send(&slot->member->channel, CHANNEL_PREPARE, reload->text);
	}
}

void reload_ask(struct reload *reload)
{
	struct why why;

	assert(reload->conf != NULL && !reload->asked);
	reload->asked = true;
	if (open_candidates(reload, &why) != 0)
		reload_refuse(reload, why.text);
	else
		ask_workers(reload);
}

void reload_begin(struct reload *reload)
{
	struct why why;

	reload->round++;
	buf_clear(&reload->outcome.text);
	log_info("reload: reading %s", reload->path);
	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the settings",
		    (long long)(clock_mono() / 1000));
	reload->conf = load_settings(reload);
	if (reload->conf == NULL)
		return;
	reload->text = reload_text(reload->conf);
	reload->deadline = clock_mono() + vote_patience;
	if (!context_uses_keys(reload->conf)) {
		reload_ask(reload);
		return;
	}
	reload->process = keymanager_launch(reload->keys, reload->conf, &why);
	if (reload->process == NULL)
		reload_refuse(reload, why.text);
}

static void set_modes(const struct reload *reload)
{
	struct why why;

	for (const struct slot *slot = reload->workers->slots; slot != NULL; slot = slot->next) {
		if (socket_set_mode(&slot->listener, (mode_t)reload->conf->socket_mode, &why) != 0)
			log_warning("%s", why.text);
	}
}

void reload_commit(struct reload *reload, struct conf **conf, char **text)
{
	int64_t drain = (*conf)->drain > reload->conf->drain ? (*conf)->drain : reload->conf->drain;

	for (struct slot *slot = reload->workers->slots, *next; slot != NULL; slot = next) {
		next = slot->next;
		slot->candidate = false;
		if (!listens_on(reload->conf, slot->address))
			workers_close_slot(reload->workers, slot, drain + WORKERS_DRAIN_GRACE);
	}
	counters_forget_told();
	for (struct member *member = reload->workers->members; member != NULL;
	     member = member->next) {
		if (member->vote == VOTE_YES)
			channel_send(&member->channel, CHANNEL_COMMIT, "");
		member->commits = member->vote == VOTE_YES;
		member->vote = VOTE_NONE;
	}
	keymanager_switch(reload->keys, reload->process);
	reload->process = NULL;
	reload->asked = false;
	set_modes(reload);
	record_outcome(reload, COUNT_RELOAD_ACCEPTED);
	conf_free(*conf);
	free(*text);
	*conf = reload->conf;
	*text = reload->text;
	reload->conf = NULL;
	reload->text = NULL;
}

void reload_answer(struct reload *reload, struct member *member, bool yes, const char *reason)
{
	if (member->owed > 0) {
		member->owed--;
		return;
	}
	if (member->vote != VOTE_PENDING)
		return;
	member->vote =
	    yes ? VOTE_YES : VOTE_NONE; /* who said no owes no answer, nor needs the end */
	if (!yes)
		reload_refuse(reload, reason);
}

static bool vote_is_over(const struct reload *reload)
{
	for (const struct slot *slot = reload->workers->slots; slot != NULL; slot = slot->next) {
		if (slot->candidate &&
		    (slot->member == NULL || slot->member->state != MEMBER_READY))
			return false;
		if (slot->member != NULL && slot->member->vote == VOTE_PENDING)
			return false;
	}
	return true;
}

bool reload_agreed(struct reload *reload)
{
	if (reload->conf == NULL)
		return false;
	if (reload->asked && vote_is_over(reload))
		return true;
	if (clock_mono() >= reload->deadline)
		reload_refuse(reload, reload->asked ? "a worker did not answer in time"
						    : "the keys could not be loaded in time");
	return false;
}
