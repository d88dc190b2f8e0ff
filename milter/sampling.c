/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sampled message is not freed when it is over: it goes into a queue, and the thread writes its
 * case from what it still holds (header, answers, verdict). Of the body, which is not kept
 * otherwise, there is a copy. As many messages as SAMPLES_MAX are in the queue or under way; those
 * beyond are counted as skipped.
 *
 * Where a library decides, the message's own thread writes the case before anything is decided and
 * waits for the answer. Without one the native results stand.
 */
#include "milter/sampling.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "metrics/counters.h"
#include "opinion/compare.h"
#include "opinion/gather.h"
#include "opinion/keep.h"
#include "opinion/link.h"

enum { SAMPLES_MAX = 32, BODY_MAX = 1 << 20, ID_MAX = 64 };

static const int64_t patience = 60 * CLOCK_SECOND;      /* with the process */
static const int64_t judge_patience = 5 * CLOCK_SECOND; /* where a message waits for it */

/* A case that the process has. */
struct sent {
	struct link_case link;
	int64_t deadline;
	char id[ID_MAX];
	struct arena *arena; /* of NATIVE */
	struct case_results native;
};

static struct {
	struct service *service;
	int end;     /* of the link; -1: none */
	int wake[2]; /* an octet comes with each message */
	struct lock lock;
	struct message *first, **last; /* over, and to be handed over */
	unsigned held;                 /* those, and those that the process has */
	struct sent sent[SAMPLES_MAX]; /* the thread's */
	unsigned sent_count;
} sampling = {.end = -1};

void sampling_open(int end)
{
	sampling.end = link_is_built() ? end : -1;
}

bool sampling_is_open(void)
{
	return sampling.end >= 0;
}

static void count_outcome(enum count_opinion outcome)
{
	counters_count(METRIC_OPINIONS, outcome, 0, 0);
}

/* ---- a message on its way ---- */

/* SHARE: of a million. A sender must not know which message it will be. */
static bool draw_lot(int64_t share)
{
	uint32_t lot = 0;

	if (share == 0 || share == CONF_SHARE_ALL)
		return share == CONF_SHARE_ALL;
	if (getrandom(&lot, sizeof lot, 0) != (ssize_t)sizeof lot)
		return false;
	return lot < (uint64_t)share * UINT32_MAX / CONF_SHARE_ALL;
}

static void ask_process(void *arg, struct verdict *verdict);

static bool library_decides(const struct conf *conf)
{
	return conf->spf.engine == CONF_ENGINE_LIBSPF2 || conf->dkim.engine == CONF_DKIM_OPENDKIM;
}

void sampling_begin(struct message *message)
{
	const struct conf *conf = message->context->conf;

	message->sampled = sampling.end >= 0 && sampling.service != NULL && !message->probe &&
			   draw_lot(context_opinion_share(conf));
	buf_init(&message->sample_body, NULL, BODY_MAX);
	if (message->sampled && library_decides(conf))
		check_judge_with(message->check, ask_process, message);
}

void sampling_body(struct message *message, struct span chunk)
{
	if (message->sampled && !check_body_done(message->check))
		buf_span(&message->sample_body, chunk);
}

void sampling_end(struct message *message, const char *queue_id)
{
	if (message->sampled)
		message->sample_id =
		    arena_string(message->arena, queue_id == NULL ? "NOQUEUE" : queue_id);
}

static bool take_place(void)
{
	bool taken;

	lock_take(&sampling.lock);
	taken = sampling.held < SAMPLES_MAX;
	sampling.held += taken;
	lock_drop(&sampling.lock);
	return taken;
}

static void give_place_back(void)
{
	lock_take(&sampling.lock);
	assert(sampling.held > 0);
	sampling.held--;
	lock_drop(&sampling.lock);
}

static void queue_message(struct message *message)
{
	ssize_t n;

	lock_take(&sampling.lock);
	message->next_sample = NULL;
	*sampling.last = message;
	sampling.last = &message->next_sample;
	lock_drop(&sampling.lock);
	do
		n = write(sampling.wake[1], "", 1);
	while (n < 0 && errno == EINTR);
}

bool sampling_take(struct message *message)
{
	if (!message->sampled || message->sample_id == NULL) /* it was not judged */
		return false;
	if (message->sample_body.failed) {
		count_outcome(COUNT_OPINION_TOO_LARGE);
		return false;
	}
	if (!take_place()) {
		count_outcome(COUNT_OPINION_BUSY);
		return false;
	}
	queue_message(message);
	return true;
}

/* ---- handing over ---- */

static struct message *next_message(void)
{
	struct message *message;

	lock_take(&sampling.lock);
	message = sampling.first;
	if (message != NULL)
		sampling.first = message->next_sample;
	if (sampling.first == NULL)
		sampling.last = &sampling.first;
	lock_drop(&sampling.lock);
	return message;
}

/* Writes its case. Its own results live as long as the message. */
static struct case_results write_message(struct message *message, struct buf *out)
{
	struct opinion_case c;

	buf_init(out, NULL, CASE_BYTES_MAX);
	gather_case(message->check, &message->context->check, message->sample_id,
		    buf_view(&message->sample_body), message->arena, &c);
	case_write(&c, out);
	return c.native;
}

/* The place in the queue is the case's from now on, or is given back. */
static void send_case(const char *id, const struct buf *text, const struct case_results *native)
{
	struct sent *sent = &sampling.sent[sampling.sent_count];

	assert(sampling.sent_count < SAMPLES_MAX);
	if (text->failed) {
		count_outcome(COUNT_OPINION_TOO_LARGE);
		give_place_back();
	} else if (link_send(sampling.end, buf_view(text), &sent->link) != 0) {
		count_outcome(COUNT_OPINION_BUSY);
		give_place_back();
	} else {
		sent->deadline = clock_mono() + patience;
		snprintf(sent->id, sizeof sent->id, "%s", id);
		sent->arena = arena_new(0);
		sent->native = case_copy_results(native, sent->arena);
		sampling.sent_count++;
	}
}

static void send_messages(void)
{
	struct case_results native;
	struct message *message;
	struct buf text;

	while ((message = next_message()) != NULL) {
		native = write_message(message, &text);
		send_case(message->sample_id, &text, &native);
		buf_free(&text);
		context_drop(message->context);
		message_free(sampling.service, message);
	}
}

/* ---- answers ---- */

/* The whole case, which only the shared memory has by now, with what the library made of it. */
static int keep_whole(const struct sent *sent, const struct case_results *library,
		      const char *directory, struct arena *arena, const char **name,
		      struct why *why)
{
	struct opinion_case c;
	struct span text;

	if (link_read(sent->link.data, arena, &text, why) != 0 ||
	    case_parse(text, arena, &c, why) != 0)
		return -1;
	c.library = *library;
	return keep_case(directory, &c, arena, name, why);
}

/* Returns what is added to the line that the log has. */
static const char *keep_files(const struct sent *sent, const struct case_results *library,
			      struct arena *arena)
{
	struct context *context = service_context(sampling.service);
	const char *directory = context->conf->second_opinion.keep, *name, *note = "";
	struct why why;

	if (directory[0] != '\0')
		note = keep_whole(sent, library, directory, arena, &name, &why) == 0
			   ? arena_printf(arena, "; kept as %s", name)
			   : arena_printf(arena, "; not kept: %s", why.text);
	context_drop(context);
	return note;
}

static void note_crash(const struct sent *sent, struct arena *arena)
{
	static const struct case_results none;

	count_outcome(COUNT_OPINION_CRASHED);
	log_error("%s: the process of the second opinion ended while libopendkim and libspf2 "
		  "judged this message, which was answered before%s",
		  sent->id, keep_files(sent, &none, arena));
}

static void note_finding(const struct sent *sent, const struct case_results *library,
			 const struct compare_finding *finding, struct arena *arena)
{
	const char *more = "";

	if (finding->spf)
		counters_count(METRIC_DISAGREEMENTS, COUNT_ENGINE_SPF, 0, 0);
	if (finding->dkim)
		counters_count(METRIC_DISAGREEMENTS, COUNT_ENGINE_DKIM, 0, 0);
	if (finding->count > 1)
		more = arena_printf(arena, "; and %u more", finding->count - 1);
	log_warning("%s: %s%s%s", sent->id, finding->text, more, keep_files(sent, library, arena));
}

static void compare_answer(const struct sent *sent, const struct case_results *library,
			   struct arena *arena)
{
	static const enum count_opinion outcomes[] = {[COMPARE_SAME] = COUNT_OPINION_AGREED,
						      [COMPARE_UNJUDGED] = COUNT_OPINION_UNJUDGED,
						      [COMPARE_DIFFERENT] = COUNT_OPINION_DIFFERED};
	struct compare_finding finding;
	enum compare_outcome outcome = compare_results(&sent->native, library, arena, &finding);

	count_outcome(outcomes[outcome]);
	if (outcome == COMPARE_DIFFERENT)
		note_finding(sent, library, &finding, arena);
}

/* What the process says is as hostile as the mail that it reads. ANSWER lives in ARENA; false:
 * there is none. */
static bool take_answer(const struct sent *sent, struct arena *arena, struct opinion_case *answer)
{
	struct span text;
	struct why why;
	bool answered = link_take_answer(sent->link.reply, arena, &text) &&
			case_parse(text, arena, answer, &why) == 0;

	if (answered)
		compare_answer(sent, &answer->library, arena);
	else
		note_crash(sent, arena);
	return answered;
}

static void conclude_sent(const struct sent *sent)
{
	struct arena *arena = arena_new(0);
	struct opinion_case answer;

	take_answer(sent, arena, &answer);
	arena_free(arena);
}

static void end_sent(unsigned i)
{
	link_close(&sampling.sent[i].link);
	arena_free(sampling.sent[i].arena);
	sampling.sent[i] = sampling.sent[--sampling.sent_count];
	give_place_back();
}

/* POLLS: as the cases were sent, and the last one may take the place of one that has ended. */
static void take_answers(const struct pollfd *polls, unsigned count)
{
	int64_t now = clock_mono();

	assert(count == sampling.sent_count);
	for (unsigned i = count; i-- > 0;) {
		bool late = sampling.sent[i].deadline <= now;

		if (polls[i].revents != 0)
			conclude_sent(&sampling.sent[i]);
		else if (late)
			count_outcome(COUNT_OPINION_LATE);
		if (polls[i].revents != 0 || late)
			end_sent(i);
	}
}

/* ---- where a library decides ---- */

/* The native engine's explanation stays as long as it comes to the same result. */
static void take_spf(const struct case_result *library, struct spf_verdict *verdict)
{
	if (verdict->result == library->result)
		return;
	verdict->result = library->result;
	verdict->mechanism = NULL;
	verdict->explanation = NULL;
	verdict->why = library->why;
}

static void take_dkim(const struct case_result *library, struct dkim_verdict *verdict)
{
	if (verdict->result == library->result)
		return;
	verdict->result = library->result;
	verdict->why = library->why;
}

/* The results of the mechanisms in which a library decides; an answer about more signatures than
 * there are changes none. */
static void take_results(const struct case_results *library, const struct conf *conf,
			 struct verdict *verdict)
{
	unsigned signatures = 0;

	for (unsigned i = 0; i < library->count; i++) {
		const struct case_result *result = &library->items[i];

		if (result->subject == CASE_DKIM && signatures < verdict->dkim_count &&
		    conf->dkim.engine == CONF_DKIM_OPENDKIM)
			take_dkim(result, &verdict->dkim[signatures++]);
		else if (result->subject != CASE_DKIM && conf->spf.engine == CONF_ENGINE_LIBSPF2)
			take_spf(result, result->subject == CASE_SPF_HELO ? &verdict->spf_helo
									  : &verdict->spf);
	}
}

static bool await_reply(int reply)
{
	struct pollfd wait = {.fd = reply, .events = POLLIN};
	int64_t deadline = clock_mono() + judge_patience, left;
	int ready;

	service_waits(sampling.service);
	do {
		left = deadline - clock_mono();
		ready = poll(&wait, 1, left <= 0 ? 0 : (int)(left / CLOCK_MS) + 1);
	} while (ready < 0 && errno == EINTR);
	return ready > 0;
}

/* In the message's thread, in the middle of check_finish(); the message then needs no other
 * opinion.
 */
static void ask_process(void *arg, struct verdict *verdict)
{
	struct message *message = arg;
	struct opinion_case answer;
	struct sent sent;
	struct buf text;

	message->sampled = false;
	snprintf(sent.id, sizeof sent.id, "%s", message->sample_id);
	sent.native = write_message(message, &text);
	if (message->sample_body.failed || text.failed) {
		count_outcome(COUNT_OPINION_TOO_LARGE);
	} else if (link_send(sampling.end, buf_view(&text), &sent.link) != 0) {
		count_outcome(COUNT_OPINION_BUSY);
	} else {
		if (!await_reply(sent.link.reply))
			count_outcome(COUNT_OPINION_LATE);
		else if (take_answer(&sent, message->arena, &answer))
			take_results(&answer.library, message->context->conf, verdict);
		link_close(&sent.link);
	}
	buf_free(&text);
}

static void *hand_over_forever(void *arg)
{
	struct pollfd polls[1 + SAMPLES_MAX];
	char octets[64];

	(void)arg;
	for (;;) {
		unsigned count = sampling.sent_count;

		polls[0] = (struct pollfd){.fd = sampling.wake[0], .events = POLLIN};
		for (unsigned i = 0; i < count; i++)
			polls[1 + i] =
			    (struct pollfd){.fd = sampling.sent[i].link.reply, .events = POLLIN};
		if (poll(polls, 1 + count, count == 0 ? -1 : 1000) < 0)
			continue;
		take_answers(polls + 1, count);
		while (polls[0].revents != 0 &&
		       read(sampling.wake[0], octets, sizeof octets) == (ssize_t)sizeof octets)
			continue;
		send_messages();
	}
	return NULL;
}

int sampling_start(struct service *service, struct why *why)
{
	pthread_t thread;

	if (sampling.end < 0)
		return 0;
	if (pipe(sampling.wake) != 0)
		return why_set(why, "pipe: %s", strerror(errno));
	for (unsigned i = 0; i < 2; i++) {
		fcntl(sampling.wake[i], F_SETFD, FD_CLOEXEC);
		fcntl(sampling.wake[i], F_SETFL, O_NONBLOCK);
	}
	lock_init(&sampling.lock);
	sampling.last = &sampling.first;
	sampling.service = service;
	if (thread_start(&thread, hand_over_forever, NULL) != 0)
		return why_set(why, "cannot start the thread of the second opinion");
	pthread_detach(thread);
	return 0;
}
