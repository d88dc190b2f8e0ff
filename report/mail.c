/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two parts: a few lines for people, and the report. Everything that is put into the message has
 * been checked before: addresses are dot-atoms, domain names A-labels, identifier and file name
 * letters, digits and a few signs. Only the names of the reporter are free text: they appear in the
 * first part, which is base64 unless it is ASCII.
 */
#include "report/mail.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "lib/codec/base64.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/utf8.h"

enum {
	LINE_BYTES = 57, /* 76 characters of base64, RFC 2045 section 6.8 */
	LOCAL_MAX = 64   /* RFC 5321 section 4.5.3.1.1 */
};

/* strftime() would follow the locale. */
void mail_date(int64_t wall, struct buf *out)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)wall;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	buf_printf(out, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
		   months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* The header fields of every report; the subject and the content follow. */
static void write_origin(const struct mail *mail, FILE *out)
{
	fprintf(out, "From: <%s>\r\n", mail->reporter->email);
	fprintf(out, "To: <%s>\r\n", mail->to);
}

static void write_identity(const struct mail *mail, struct arena *arena, FILE *out)
{
	struct buf date;

	buf_init(&date, arena, 0);
	mail_date(mail->date, &date);
	fprintf(out, "Date: %s\r\n", buf_text(&date));
	fprintf(out, "Message-ID: <%s@%s>\r\n", mail->id, mail->reporter->receiver);
	fprintf(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
}

static void write_rest(const struct mail *mail, const char *type, struct arena *arena, FILE *out)
{
	write_identity(mail, arena, out);
	fprintf(out, "Content-Type: %s; boundary=\"=_%s\"\r\n\r\n", type, mail->id);
}

/*
 * dmarc-subject = "Report" 1*FWS "Domain:" 1*FWS domain-name 1*FWS
 *                 "Submitter:" 1*FWS domain-name 1*FWS [ "Report-ID:" 1*FWS ridtxt ]
 */
static void write_header(const struct mail *mail, struct arena *arena, FILE *out)
{
	write_origin(mail, out);
	fprintf(out, "Subject: Report Domain: %s\r\n Submitter: %s\r\n Report-ID: <%s>\r\n",
		mail->domain, mail->reporter->receiver, mail->id);
	write_rest(mail, "multipart/mixed", arena, out);
}

void mail_base64(const void *data, size_t length, FILE *out)
{
	const char *bytes = data;
	struct buf line;

	assert(data != NULL || length == 0);
	buf_init(&line, NULL, 0);
	for (size_t at = 0; at < length; at += LINE_BYTES) {
		size_t left = length - at;

		buf_clear(&line);
		base64_encode(&line, (const uint8_t *)bytes + at,
			      left < LINE_BYTES ? left : LINE_BYTES);
		fprintf(out, "%s\r\n", buf_text(&line));
	}
	buf_free(&line);
}

static bool is_plain(struct span text)
{
	for (; text.p < text.end; text.p++)
		if ((*text.p < ' ' && *text.p != '\r' && *text.p != '\n') || *text.p > '~')
			return false;
	return true;
}

static void compose_text(const struct mail *mail, struct buf *text)
{
	const struct aggregate_reporter *reporter = mail->reporter;
	char day[CLOCK_TEXT_MAX];

	buf_printf(text, "This is a DMARC aggregate report (RFC %s).\r\n\r\n",
		   reporter->form == AGGREGATE_RFC7489 ? "7489" : "9990");
	buf_printf(text, "Domain:    %s\r\n", mail->domain);
	buf_printf(text, "Day:       %s (UTC)\r\n", clock_day_text(mail->day, day));
	buf_printf(text, "Messages:  %" PRId64 "\r\n", mail->messages);
	buf_printf(text, "Report-ID: %s\r\n", mail->id);
	buf_printf(text, "Reporter:  ");
	utf8_clean(text, span_of(reporter->org_name));
	if (reporter->contact != NULL && reporter->contact[0] != '\0') {
		buf_printf(text, "\r\nContact:   ");
		utf8_clean(text, span_of(reporter->contact));
	}
	buf_printf(text,
		   "\r\n\r\nIt was asked for by the tag \"rua\" in the DMARC record of %s.\r\n",
		   mail->domain);
}

typedef void compose(const struct mail *mail, struct buf *text);

static void write_text(const struct mail *mail, compose *write, struct arena *arena, FILE *out)
{
	struct buf text;
	bool plain;

	buf_init(&text, arena, 0);
	write(mail, &text);
	plain = is_plain(buf_view(&text));
	fprintf(out, "--=_%s\r\nContent-Type: text/plain; charset=%s\r\n", mail->id,
		plain ? "us-ascii" : "utf-8");
	fprintf(out, "Content-Transfer-Encoding: %s\r\n\r\n", plain ? "7bit" : "base64");
	if (plain)
		fprintf(out, "%s", buf_text(&text));
	else
		mail_base64(text.data, text.len, out);
}

static void write_attachment(const struct mail *mail, const char *type, FILE *gz, FILE *out)
{
	char line[LINE_BYTES];
	size_t length;

	fprintf(out, "--=_%s\r\nContent-Type: %s;\r\n name=\"%s\"\r\n", mail->id, type,
		mail->file_name);
	fprintf(out, "Content-Disposition: attachment;\r\n filename=\"%s\"\r\n", mail->file_name);
	fprintf(out, "Content-Transfer-Encoding: base64\r\n\r\n");
	rewind(gz);
	while ((length = fread(line, 1, sizeof line, gz)) > 0)
		mail_base64(line, length, out);
	fprintf(out, "--=_%s--\r\n", mail->id);
}

static int check_output(FILE *in, FILE *out, struct why *why)
{
	if (fflush(out) == 0 && !ferror(out) && !ferror(in))
		return 0;
	return why_set(why, "the mail cannot be written: %s", strerror(errno));
}

int mail_write(const struct mail *mail, FILE *gz, FILE *out, struct why *why)
{
	struct arena *arena = arena_new(0);

	errno = 0;
	write_header(mail, arena, out);
	write_text(mail, compose_text, arena, out);
	write_attachment(mail, "application/gzip", gz, out);
	arena_free(arena);
	return check_output(gz, out, why);
}

static void compose_tls_text(const struct mail *mail, struct buf *text)
{
	char day[CLOCK_TEXT_MAX];

	buf_printf(text,
		   "This is a report about TLS sessions with mail servers (RFC 8460).\r\n\r\n");
	buf_printf(text, "Domain:    %s\r\n", mail->domain);
	buf_printf(text, "Day:       %s (UTC)\r\n", clock_day_text(mail->day, day));
	buf_printf(text, "Sessions:  %" PRId64 "\r\n", mail->messages);
	buf_printf(text, "Report-ID: %s\r\nReporter:  ", mail->id);
	utf8_clean(text, span_of(mail->reporter->org_name));
	buf_printf(text, "\r\n\r\nIt was asked for by the record at _smtp._tls.%s.\r\n",
		   mail->domain);
}

int mail_write_tls(const struct mail *mail, FILE *gz, FILE *out, struct why *why)
{
	struct arena *arena = arena_new(0);

	errno = 0;
	write_origin(mail, out);
	fprintf(out, "Subject: Report Domain: %s\r\n Submitter: %s\r\n Report-ID: <%s@%s>\r\n",
		mail->domain, mail->reporter->receiver, mail->id, mail->reporter->receiver);
	fprintf(out, "TLS-Report-Domain: %s\r\nTLS-Report-Submitter: %s\r\n", mail->domain,
		mail->reporter->receiver);
	fprintf(out, "TLS-Required: No\r\n");
	write_rest(mail, "multipart/report; report-type=\"tlsrpt\"", arena, out);
	write_text(mail, compose_tls_text, arena, out);
	write_attachment(mail, "application/tlsrpt+gzip", gz, out);
	arena_free(arena);
	return check_output(gz, out, why);
}

static void copy_file(FILE *in, FILE *out)
{
	char data[4096];
	size_t length;

	rewind(in);
	while ((length = fread(data, 1, sizeof data, in)) > 0)
		fwrite(data, 1, length, out);
}

int mail_write_failure(const struct mail *mail, FILE *parts, FILE *out, struct why *why)
{
	struct arena *arena = arena_new(0);

	errno = 0;
	write_origin(mail, out);
	fprintf(out, "Subject: DMARC failure report for %s\r\n", mail->domain);
	write_rest(mail, "multipart/report; report-type=feedback-report", arena, out);
	copy_file(parts, out);
	arena_free(arena);
	return check_output(parts, out, why);
}

int mail_write_notice(const struct mail *mail, FILE *content, FILE *out, struct why *why)
{
	struct arena *arena = arena_new(0);

	errno = 0;
	write_origin(mail, out);
	write_identity(mail, arena, out);
	copy_file(content, out);
	arena_free(arena);
	return check_output(content, out, why);
}

static const char verp_mark[] = "+bounce-";

const char *mail_verp(struct arena *arena, const char *from, const char *token)
{
	const char *at = strrchr(from, '@');

	assert(at != NULL);
	if ((size_t)(at - from) + strlen(verp_mark) + strlen(token) > LOCAL_MAX)
		return from;
	return arena_printf(arena, "%.*s%s%s%s", (int)(at - from), from, verp_mark, token, at);
}

const char *mail_verp_token(struct arena *arena, const char *from, const char *address)
{
	const char *from_at = strrchr(from, '@'), *at = strrchr(address, '@');
	struct span local;

	if (from_at == NULL || at == NULL || !span_ieq(span_of(at), from_at))
		return NULL;
	local = (struct span){address, at};
	if (span_len(local) <= (size_t)(from_at - from) ||
	    !span_isame(span_make(address, (size_t)(from_at - from)), (struct span){from, from_at}))
		return NULL;
	local.p += from_at - from;
	if (!span_istarts(local, verp_mark))
		return NULL;
	local.p += strlen(verp_mark);
	return span_empty(local) ? NULL : arena_lower(arena, local);
}
