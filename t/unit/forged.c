/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/forged, mail/received_spf: which fields of strangers are removed. Ours is mx.example.com.
 */
#include "mail/received_spf.h"
#include "policy/forged.h"
#include "t/lib/tap.h"

static const char *const ours[] = {
    " pass (mx.example.com: domain of a@b.test designates 192.0.2.1 as permitted sender)",
    " pass (google.com: domain of a@b.test) client-ip=192.0.2.1; receiver=mx.example.com",
    " pass receiver=mx.example.com;",
    " Pass (sender SPF authorized) identity=mailfrom; client-ip=192.0.2.1; "
    "receiver=MX.Example.com.",
    " pass receiver = \"mx.example.com\"",
    " pass receiver=(c)mx.example.com",
    " pass receiver\r\n\t=\r\n mx.example.com",
    " pass RECEIVER=mx.example.com",
    " pass receiver=other.test; receiver=mx.example.com",
    " pass (MX.EXAMPLE.COM : x) receiver=other.test",
    " pass receiver=host.example.com",
    /* names nobody: anybody may take it for his own */
    "",
    " pass",
    " pass (domain of a@b.test designates 192.0.2.1 as permitted sender)",
    " Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.1; receiver=<UNKNOWN>",
    " pass receiver=;",
    " pass receiver=\"\"",
    " pass (: x)",
    " pass x=receiver; y=mx.example.com",
    /* cannot be read */
    " pass (open receiver=other.test",
    " pass receiver=\"other.test",
    " pass receiver=other.test\rreceiver=x",
    " pass receiver=other.test\nreceiver=x",
    " pass receiver=other.test \x01",
    " pass receiver=\xc2\xa0mx.example.com; receiver=other.test",
    " pass receiver=other.test ) (\\",
    " pass receiver=other.test ((((((((((((((((((((((((((((((((()))))))))))))))))))))))))))))))))",
    " pass receiver=other.test ((((((((((((((((((((((((((((((((())))))))))))))))))))))))))))))))))",
};

static const char *const others[] = {
    " pass (google.com: domain of a@mx.example.com designates 192.0.2.1) client-ip=192.0.2.1;",
    " Pass (protection.other.test: domain of b.test designates 192.0.2.1 as permitted sender)\r\n"
    " receiver=protection.other.test; client-ip=192.0.2.1; helo=mx.example.com; pr=C",
    " none receiver=other.test; client-ip=192.0.2.1; envelope-from=\"a@mx.example.com\"",
    " pass receiver=mx.example.com.other.test",
    " pass receiver=other.test\r\n",
    " pass (a (nested: mx.example.com:) comment) receiver=other.test; helo=\"mx.example.com\"",
    " fail (other.test: x) problem=\"receiver=mx.example.com\"",
};

static bool goes(struct span value)
{
	return forged_is(FORGED_RECEIVED_SPF, value, "mx.example.com", "host.example.com");
}

static void test_received_spf(void)
{
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		ok(goes(span_of(ours[i])), "Received-SPF goes:%s", ours[i]);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ok(!goes(span_of(others[i])), "Received-SPF stays:%s", others[i]);
	ok(goes(span_make(" pass receiver=other.test\0", 26)), "NUL");
	ok(!forged_is(FORGED_RECEIVED_SPF, span_of(" pass receiver=host.example.com"),
		      "mx.example.com", NULL),
	   "without a host name only the authserv-id counts");
}

static const struct {
	const char *name;
	enum forged_kind kind;
} names[] = {
    {"Authentication-Results", FORGED_AUTHRES},
    {"AUTHENTICATION-results \t", FORGED_AUTHRES},
    {"arc-authentication-results", FORGED_ARC_RESULTS},
    {"Received-SPF", FORGED_RECEIVED_SPF},
    {"x-countersign-quarantine", FORGED_QUARANTINE},
    {"X-Countersign-Quarantine-Reason", FORGED_NONE},
    {"BIMI-Location", FORGED_BIMI_LOCATION},
    {"bimi-indicator ", FORGED_BIMI_INDICATOR},
    {"BIMI-LOGO-PREFERENCE", FORGED_BIMI_PREFERENCE},
    {"BIMI-Selector", FORGED_NONE}, /* the sender's own, and evidence */
    {"BIMI-Location-X", FORGED_NONE},
    {"BIMI-Location\xc2\xa0", FORGED_DISGUISED},
    {"\xef\xbb\xbf"
     "bimi-location",
     FORGED_DISGUISED},
    {"BIMI- Indicator", FORGED_DISGUISED},
    {"BIMI-Location\xc2\xa0s", FORGED_NONE},
    {"Received", FORGED_NONE},
    {"", FORGED_NONE},
};

static void test_names(void)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		is_int(forged_kind_of(span_of(names[i].name)), names[i].kind, "the field \"%s\"",
		       names[i].name);
}

static const struct {
	const char *value;
	bool goes;
} results[] = {
    {" i=1; mx.example.com; dmarc=pass", true}, {" i=1; other.test; dmarc=pass", false},
    {" i=99; other.test; dmarc=pass", true}, /* not readable */
    {" mx.example.com; dmarc=pass", true},      {" i=2; \"mx.example.com\"; none", true},
};

static void test_arc_results(void)
{
	const struct arc_verdict none = {.result = AUTH_NONE}, good = {.result = AUTH_PASS},
				 broken = {.result = AUTH_FAIL},
				 unknown = {.result = AUTH_FAIL, .temporary = true};

	for (size_t i = 0; i < sizeof results / sizeof *results; i++)
		is_int(forged_is(FORGED_ARC_RESULTS, span_of(results[i].value), "mx.example.com",
				 NULL),
		       results[i].goes, "ARC-Authentication-Results:%s", results[i].value);
	ok(forged_stays(FORGED_ARC_RESULTS, &good), "what belongs to a chain stays");
	ok(forged_stays(FORGED_ARC_RESULTS, &unknown), "also when the DNS did not answer");
	ok(!forged_stays(FORGED_ARC_RESULTS, &broken), "not in a broken chain");
	ok(!forged_stays(FORGED_ARC_RESULTS, &none), "not without a chain");
	ok(!forged_stays(FORGED_AUTHRES, &good), "no chain keeps the others");
}

/* Whatever they hold, and also what cannot be read. */
static void test_bimi(void)
{
	static const enum forged_kind kinds[] = {FORGED_BIMI_LOCATION, FORGED_BIMI_INDICATOR,
						 FORGED_BIMI_PREFERENCE};
	static const char *const values[] = {
	    "", " ", " v=BIMI1; l=https://evil.test/a.svg; a=", " \xff\x01\r\n x", " avp=brand"};
	const struct arc_verdict good = {.result = AUTH_PASS};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		for (size_t j = 0; j < sizeof values / sizeof *values; j++)
			ok(forged_is(kinds[i], span_of(values[j]), "mx.example.com", NULL),
			   "%s: value %zu goes", forged_name(kinds[i]), j);
		ok(!forged_stays(kinds[i], &good), "%s: no chain keeps it", forged_name(kinds[i]));
	}
}

int main(void)
{
	test_received_spf();
	test_names();
	test_arc_results();
	test_bimi();
	ok(forged_is(FORGED_QUARANTINE, span_of("no"), "mx.example.com", NULL),
	   "the mark goes whatever it says");
	return tap_done();
}
