/* SPDX-License-Identifier: BSD-2-Clause */
/* report/failure: when one is wanted, and what is told. The mail as a whole: t/report_loop.sh. */
#include <string.h>

#include "report/failure.h"
#include "t/lib/tap.h"

static struct dmarc_published published;
static struct dkim_verdict signature;

static struct verdict sample(const char *fo)
{
	published = (struct dmarc_published){.domain = "example.com",
					     .record = "v=DMARC1; p=reject",
					     .fo = fo,
					     .ruf = "mailto:ruf@example.com"};
	signature = (struct dkim_verdict){.result = AUTH_FAIL,
					  .domain = "mail.example.com",
					  .selector = "s1",
					  .identity = "bob@mail.example.com",
					  .why = "x"};
	return (struct verdict){
	    .client = {.family = 4, .bytes = {192, 0, 2, 1}},
	    .mail_from = "bob@example.com",
	    .spf = {.result = AUTH_FAIL,
		    .domain = "example.com",
		    .record = "v=spf1 include:\"x\\ -all",
		    .why = "x"},
	    .dkim = &signature,
	    .dkim_count = 1,
	    .dmarc = {.result = AUTH_FAIL,
		      .author_domain = "example.com",
		      .org_domain = "example.com",
		      .published = &published,
		      .why = "x"},
	    .decision = {.action = ACTION_REJECT, .why = "x"},
	};
}

/* RFC 9989 section 4.7; dkim and spf: results, and whether they are aligned. */
static const struct {
	const char *fo;
	enum auth_result dkim, spf;
	bool dkim_aligned, spf_aligned, want;
} options[] = {
    {"0", AUTH_FAIL, AUTH_FAIL, false, false, true},
    {"0", AUTH_PASS, AUTH_FAIL, true, false, false},
    {"0", AUTH_PASS, AUTH_PASS, false, false, true},
    {"1", AUTH_PASS, AUTH_FAIL, true, false, true},
    {"1", AUTH_PASS, AUTH_PASS, true, true, false},
    {"1", AUTH_NONE, AUTH_PASS, false, true, true},
    {"d", AUTH_FAIL, AUTH_PASS, false, true, true},
    {"d", AUTH_PASS, AUTH_FAIL, true, false, false},
    {"d", AUTH_TEMPERROR, AUTH_FAIL, false, false, false},
    {"s", AUTH_PASS, AUTH_FAIL, true, false, true},
    {"s", AUTH_PASS, AUTH_SOFTFAIL, true, false, true},
    {"s", AUTH_FAIL, AUTH_NONE, false, false, false},
    {"d:s", AUTH_PASS, AUTH_FAIL, true, false, true},
    {"0:d:s", AUTH_PASS, AUTH_PASS, true, true, false},
};

static void test_wanted(void)
{
	struct verdict v;

	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		v = sample(options[i].fo);
		signature.result = options[i].dkim;
		v.spf.result = options[i].spf;
		v.dmarc.dkim_aligned = options[i].dkim_aligned;
		v.dmarc.spf_aligned = options[i].spf_aligned;
		is_int(failure_wanted(&v), options[i].want, "fo=%s, case %zu", options[i].fo, i);
	}
	v = sample("1");
	published.ruf = NULL;
	ok(!failure_wanted(&v), "nobody asked");
	v = sample("1");
	published.psd = true;
	ok(!failure_wanted(&v), "a public suffix");
	v = sample("1");
	v.mail_from = "";
	ok(!failure_wanted(&v), "the null sender");
	v = sample("1");
	v.dmarc.result = AUTH_TEMPERROR;
	ok(!failure_wanted(&v), "a temporary error is not a failure");
	v = sample("1");
	v.dmarc.published = NULL;
	ok(!failure_wanted(&v), "no record");
}

static const char *written(const char *header, const char *body, const char *key, struct buf *out)
{
	struct verdict v = sample("0");
	const struct failure failure = {.verdict = &v,
					.authres = "mx.example.net; dmarc=fail",
					.queue_id = "4ABC",
					.arrived = 1795305600,
					.header = span_of(header),
					.body = span_of(body),
					.key = key};

	buf_init(out, NULL, 0);
	failure_write(&failure, "00ff", out);
	return buf_text(out);
}

static bool has(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		return true;
	tap_note("%s", text);
	return false;
}

static void test_written(void)
{
	struct buf out;
	const char *text =
	    written("From: \"Bob B\" <bob.b@example.com>\r\nTo: \"a @b\"@example.net, x@y\r\n"
		    "Message-ID: <1@example.com>\r\nX-Url: http://evil.example/ HTTPS://x\r\n"
		    "X-Bad: \xc3\xa9\x01 @ @@\r\n",
		    "", "key", &out);

	ok(has(text, "\r\nIdentity-Alignment: dkim,spf\r\n"), "alignment");
	ok(has(text, "\r\nDKIM-Domain: mail.example.com\r\nDKIM-Identity: "), "the signature");
	ok(has(text, "\r\nSPF-DNS: txt : example.com : \"v=spf1 include:\\\"x\\\\ -all\"\r\n"),
	   "the SPF record, quoted");
	ok(has(text, "\r\nDelivery-Result: reject\r\n"), "what became of it");
	ok(has(text, "\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: \"Bob B\" <"),
	   "the header");
	ok(strstr(text, "bob") == NULL && strstr(text, "\"a @b\"") == NULL &&
	       strstr(text, "x@y") == NULL,
	   "no local part");
	ok(has(text, "\r\nMessage-ID: <1@example.com>\r\n"), "but of identifiers");
	ok(has(text, "X-Url: hxxp://evil.example/ hxxpS://x\r\n"), "nothing to click on");
	ok(has(text, "X-Bad: ??? @ @@\r\n"), "printable");
	buf_free(&out);
	text = written("From: bob@example.com\r\n", "body of carol@example.org\r\n\r\nend", NULL,
		       &out);
	ok(has(text, "Content-Type: message/rfc822\r\n\r\nFrom: bob@example.com\r\n\r\n"
		     "body of carol@example.org\r\n\r\nend\r\n\r\n--=_00ff--\r\n"),
	   "with a body, as it was");
	buf_free(&out);
}

int main(void)
{
	test_wanted();
	test_written();
	return tap_done();
}
