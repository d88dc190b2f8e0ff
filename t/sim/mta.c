/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/sim/mta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/clock.h"
#include "report/send.h"
#include "t/sim/server.h"
#include "t/sim/truth.h"

enum { REPORTS = 200, ROWS = 4 * TRUTH_MESSAGES, MAIL_MAX = 1 << 17, ID_MAX = 80 };

struct report {
	char id[ID_MAX];
	uint64_t content; /* a digest */
	unsigned first, rows;
	unsigned times;
	const struct process *told; /* heard that it was accepted */
};

static struct {
	struct report reports[REPORTS];
	struct {
		char source[24];
		int64_t count;
	} rows[ROWS];
	unsigned report_count, row_count;
} mta;

void mta_begin(void)
{
	memset(&mta, 0, sizeof mta);
}

unsigned mta_reports(void)
{
	return mta.report_count;
}

bool mta_has(const char *id)
{
	for (unsigned i = 0; i < mta.report_count; i++)
		if (strcmp(mta.reports[i].id, id) == 0)
			return true;
	return false;
}

void mta_count(void)
{
	truth_begin_count(WHERE_REPORTED, NULL);
	for (unsigned i = 0; i < mta.row_count; i++)
		truth_count(WHERE_REPORTED, mta.rows[i].source, mta.rows[i].count);
}

/* ---- reading a mail ---- */

/* The base64 of the attachment, undone; its length. */
static size_t decode_body(const char *text, unsigned char *to)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = strstr(text, "Content-Transfer-Encoding: base64");
	unsigned word = 0, bits = 0;
	size_t len = 0;

	p = p == NULL ? NULL : strstr(p, "\r\n\r\n");
	for (; p != NULL && *p != '\0' && *p != '=' && *p != '-'; p++) {
		const char *digit = strchr(digits, *p);

		if (digit == NULL)
			continue;
		word = word << 6 | (unsigned)(digit - digits);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		to[len++] = (unsigned char)(word >> bits);
	}
	return len;
}

static size_t unpack(unsigned char *from, size_t len, char *to)
{
	z_stream z = {.next_in = from,
		      .avail_in = (unsigned)len,
		      .next_out = (unsigned char *)to,
		      .avail_out = MAIL_MAX - 1};

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		abort();
	(void)inflate(&z, Z_FINISH);
	inflateEnd(&z);
	to[z.total_out] = '\0';
	return z.total_out;
}

static bool read_element(const char **at, const char *name, char *to, size_t size)
{
	char open[40];
	const char *begin, *end;

	snprintf(open, sizeof open, "<%s>", name);
	begin = strstr(*at, open);
	if (begin == NULL)
		return false;
	begin += strlen(open);
	end = strchr(begin, '<');
	snprintf(to, size, "%.*s", (int)(end - begin), begin);
	*at = end;
	return true;
}

static void add_rows(struct report *report, const char *xml)
{
	char count[24];

	report->first = mta.row_count;
	while (mta.row_count < ROWS &&
	       read_element(&xml, "source_ip", mta.rows[mta.row_count].source, 24) &&
	       read_element(&xml, "count", count, sizeof count))
		mta.rows[mta.row_count++].count = strtoll(count, NULL, 10);
	report->rows = mta.row_count - report->first;
}

static struct report *find_report(const char *id)
{
	for (unsigned i = 0; i < mta.report_count; i++)
		if (strcmp(mta.reports[i].id, id) == 0)
			return &mta.reports[i];
	return NULL;
}

static uint64_t digest_text(const char *text)
{
	uint64_t digest = UINT64_C(14695981039346656037);

	for (; *text != '\0'; text++)
		digest = (digest ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return digest;
}

static struct report *take_report(const char *xml)
{
	const char *at = xml;
	struct report *report;
	char id[ID_MAX];

	if (!read_element(&at, "report_id", id, sizeof id)) {
		world_violate("a mail has no report");
		return NULL;
	}
	report = find_report(id);
	world_say("the mail server takes report %s%s", id, report == NULL ? "" : " again");
	if (report == NULL && mta.report_count < REPORTS) {
		report = &mta.reports[mta.report_count++];
		snprintf(report->id, sizeof report->id, "%s", id);
		report->content = digest_text(xml);
		add_rows(report, xml);
	} else if (report != NULL && report->content != digest_text(xml) && server_went_back()) {
		add_rows(report, xml); /* it forgot that it had sent a part */
	} else if (report != NULL && report->content != digest_text(xml)) {
		world_violate("report %s was sent again with another content", id);
	} else if (report != NULL && report->told != NULL && !report->told->killed &&
		   !server_went_back()) {
		world_violate("report %s is sent again, though it is known to be accepted", id);
	}
	if (report != NULL)
		report->times++;
	return report;
}

static struct report *take_mail(FILE *message)
{
	static char text[MAIL_MAX], xml[MAIL_MAX];
	static unsigned char packed[MAIL_MAX];
	size_t len;

	rewind(message);
	len = fread(text, 1, sizeof text - 1, message);
	text[len] = '\0';
	unpack(packed, decode_body(text, packed), xml);
	return take_report(xml);
}

/* ---- SMTP ---- */

static enum send_outcome answer_mail(FILE *message, struct report **taken, struct why *reply)
{
	unsigned fate = world_chance(world.weather.mail) ? world_below(6) : 6;

	if (fate < 6)
		world_fault(FAULT_MAIL);
	if (fate == 4)
		task_sleep(world_span(CLOCK_SECOND, 300 * CLOCK_SECOND));
	switch (fate) {
	case 0:
		why_set(reply, "connection refused");
		return SEND_AWAY;
	case 1:
		why_set(reply, "451 4.3.0 not now");
		return SEND_LATER;
	case 2: /* what it says is lost */
		(void)take_mail(message);
		why_set(reply, "the connection was lost");
		return SEND_AWAY;
	case 3:
		why_set(reply, "550 5.1.1 nobody here");
		return world_below(4) == 0 ? SEND_REFUSED : SEND_LATER;
	default:
		*taken = take_mail(message);
		why_set(reply, "250 2.0.0 Ok");
		return SEND_DONE;
	}
}

enum send_outcome __wrap_send_mail(const struct send_server *server, const char *sender,
				   const char *recipient, FILE *message, send_answer *answer,
				   void *arg, struct why *reply);
enum send_outcome __wrap_send_mail(const struct send_server *server, const char *sender,
				   const char *recipient, FILE *message, send_answer *answer,
				   void *arg, struct why *reply)
{
	struct report *taken = NULL;
	enum send_outcome outcome;

	(void)server, (void)sender, (void)recipient;
	world_point(5 * CLOCK_MS);
	outcome = answer_mail(message, &taken, reply);
	world_point(CLOCK_MS);
	if (taken != NULL)
		taken->told = world.process;
	if (answer != NULL)
		answer(arg, outcome, reply->text);
	return outcome;
}
