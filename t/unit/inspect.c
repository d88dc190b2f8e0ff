/* SPDX-License-Identifier: BSD-2-Clause */
/* report/inspect: reports and bounces are recognised, whatever pieces they come in. */
#include <string.h>

#include "report/inspect.h"
#include "t/lib/tap.h"

static struct arena *arena;

/* "report bounce status text" of a message with CRLF; the body in pieces of PIECE bytes. */
static const char *look(const char *message, size_t piece, size_t max)
{
	struct inspect *inspect = inspect_new(arena, max);
	const char *p = message, *end = message + strlen(message);
	const struct inspection *found;

	while (strncmp(p, "\r\n", 2) != 0) {
		const char *colon = strchr(p, ':'), *stop = strstr(p, "\r\n");

		while (stop[2] == ' ' || stop[2] == '\t')
			stop = strstr(stop + 2, "\r\n");
		inspect_header(inspect, (struct span){p, colon}, (struct span){colon + 1, stop});
		p = stop + 2;
	}
	inspect_end_of_headers(inspect);
	for (p += 2; p < end; p += piece) {
		size_t length = (size_t)(end - p) < piece ? (size_t)(end - p) : piece;

		if (!inspect_body(inspect, span_make(p, length)))
			break;
	}
	found = inspect_result(inspect);
	return arena_printf(arena, "%s %s %s|%s", found->report ? "report" : "mail",
			    inspect_bounce_text(found->bounce), found->status, found->text);
}

#define DSN(status)                                                                                \
	"From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered\r\n"                               \
	"Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"=b x=\"\r\n"  \
	"\r\npreamble\r\n--=b x=\r\nContent-Type: text/plain\r\n\r\nAction: failed\r\n"            \
	"--=b x=\r\nContent-Type: message/delivery-status\r\n\r\n"                                 \
	"Reporting-MTA: dns; mx.example\r\nArrival-Date: now\r\n\r\n" status                       \
	"\r\n--=b x=\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nbody\r\n"            \
	"--=b x=--\r\nAction: failed\r\nStatus: 5.9.9\r\n"

static const struct {
	const char *name, *message, *want;
} cases[] = {
    {"a plain mail", "Subject: x\r\nFrom: a@b\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n",
     "mail none |"},
    {"permanent",
     DSN("Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	 "Diagnostic-Code: smtp; 550 5.1.1 no such\r\n\tuser\x01 here\r\n"),
     "report permanent 5.1.1|550 5.1.1 no such?user? here"},
    {"given up", DSN("Action: failed\r\nStatus: 4.4.7 (too old)\r\n"), "report temporary 4.4.7|"},
    {"delayed", DSN("ACTION: Delayed\r\nSTATUS: 4.4.1\r\n"), "report temporary 4.4.1|"},
    {"delivered", DSN("Action: delivered\r\nStatus: 2.0.0\r\n"), "report none |"},
    {"relayed, then failed",
     DSN("Action: relayed\r\nStatus: 2.0.0\r\n\r\nAction: failed\r\nStatus: 5.2.1\r\n"),
     "report permanent 5.2.1|"},
    {"failed without a status", DSN("Action: failed\r\n"), "report permanent |"},
    {"nothing in it", DSN(""), "report none |"},
    {"nested",
     "Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n"
     "Content-Type: multipart/report; boundary=in\r\n\r\n--in\r\n"
     "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
     "Action: failed\r\nStatus: 5.0.0\r\n--out--\r\n",
     "report permanent 5.0.0|"},
    {"LF alone",
     "Content-Type: multipart/report; boundary=b\r\n\r\n--b\nContent-Type: "
     "message/delivery-status\n\nx: y\n\nAction: failed\nStatus: 5.1.2\n--b--\n",
     "report permanent 5.1.2|"},
    {"another's delimiter",
     "Content-Type: multipart/report; boundary=b\r\n\r\n--c\r\nContent-Type: "
     "message/delivery-status\r\n\r\nx: y\r\n\r\nAction: failed\r\n--c--\r\n",
     "report none |"},
    {"a report by its subject",
     "Subject: Report Domain: a.example\r\n\tSubmitter: b.example\r\n Report-ID: <x>\r\n\r\nx\r\n",
     "report none |"},
    {"half a subject", "Subject: Report Domain: a.example\r\n\r\nx\r\n", "mail none |"},
    {"a report alone",
     "Content-Type: application/gzip;\r\n name=\"b.example!a.example!1!2!id.xml.gz\"\r\n\r\nx",
     "report none |"},
    {"a report as attachment",
     "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
     "hi\r\n--b\r\nContent-Type: application/zip\r\nContent-Disposition: attachment;\r\n"
     "  filename=google.com!a.example!1!2.zip\r\n\r\nUEsD\r\n--b--\r\n",
     "report none |"},
    {"another attachment",
     "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
     "hi\r\n--b\r\nContent-Disposition: attachment; filename=wow!!!.txt\r\n\r\nUEsD\r\n--b--\r\n",
     "mail none |"},
    {"the name in a text",
     "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
     "Content-Disposition: attachment; filename=g!a!1!2.zip\r\n--b--\r\n",
     "mail none |"},
};

int main(void)
{
	static const size_t pieces[] = {1, 2, 7, 64, 100000};
	char *text;

	arena = arena_new(1 << 24);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t k = 0; k < sizeof pieces / sizeof pieces[0]; k++)
			is_text(look(cases[i].message, pieces[k], 1 << 20), cases[i].want,
				"%s, by %zu", cases[i].name, pieces[k]);
	is_text(look(cases[1].message, 64, 100), "report none |", "only as far as allowed");
	text = arena_alloc(arena, 100001);
	memset(text, 'x', 100000);
	text[100000] = '\0';
	is_text(look(arena_printf(arena,
				  "Content-Type: multipart/report; boundary=b\r\n\r\n%s\r\n--b\r\n"
				  "Content-Type: message/delivery-status; %s\r\n\r\nx: y\r\n\r\n"
				  "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: %s\r\n",
				  text, text, text),
		     4096, 1 << 20) != NULL
		    ? "done"
		    : "",
		"done", "endless lines are cut");
	arena_free(arena);
	return tap_done();
}
