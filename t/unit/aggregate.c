/* SPDX-License-Identifier: BSD-2-Clause */
/* report/aggregate: a report's names and its text. The schema is checked by t/report_xml.sh. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "report/aggregate.h"
#include "t/lib/tap.h"

static const struct aggregate_reporter reporter = {
    .org_name = "Example & Co", .email = "postmaster@mx.example.net", .receiver = "mx.example.net"};

static struct ledger *ledger;
static struct arena *arena;
static struct ledger_day days[8];
static unsigned day_count;

static struct ledger_row sample(void)
{
	return (struct ledger_row){
	    .day = 20000,
	    .policy = {.domain = "example.com",
		       .p = "reject",
		       .sp = "none",
		       .np = "quarantine",
		       .adkim = "r",
		       .aspf = "s",
		       .fo = "0",
		       .testing = "n",
		       .discovery = "treewalk"},
	    .source_ip = "192.0.2.1",
	    .disposition = "none",
	    .dkim_aligned = "fail",
	    .spf_aligned = "fail",
	    .reasons =
		"[{\"type\":\"mailing_list\",\"comment\":\"list <x>\"},{\"type\":\"other\"}]",
	    .header_from = "sub.example.com",
	    .envelope_from = "",
	    .envelope_to = "example.net",
	    .dkim = "[{\"domain\":\"example.com\",\"selector\":\"s1\",\"result\":\"fail\"},"
		    "{\"domain\":\"list.example\",\"selector\":\"s2\",\"result\":\"pass\"}]",
	    .dkim_notes = "[{\"text\":\"body hash\"},{}]",
	    .spf_domain = "list.example",
	    .spf_result = "softfail",
	    .count = 3,
	};
}

static int keep_day(void *arg, const struct ledger_day *day)
{
	(void)arg;
	days[day_count] = *day;
	days[day_count].policy.domain = arena_string(arena, day->policy.domain);
	days[day_count].policy.p = arena_string(arena, day->policy.p);
	days[day_count].policy.sp = arena_string(arena, day->policy.sp);
	days[day_count].policy.np = arena_string(arena, day->policy.np);
	days[day_count].policy.adkim = arena_string(arena, day->policy.adkim);
	days[day_count].policy.aspf = arena_string(arena, day->policy.aspf);
	days[day_count].policy.fo = arena_string(arena, day->policy.fo);
	days[day_count].policy.testing = arena_string(arena, day->policy.testing);
	days[day_count].policy.discovery = arena_string(arena, day->policy.discovery);
	return ++day_count == 8;
}

static void add(const struct ledger_row *row)
{
	struct why why = {""};

	if (ledger_add(ledger, row, clock_mono() + 20 * CLOCK_SECOND, &why) != 0)
		ok(false, "%s", why.text);
	day_count = 0;
	ledger_days(ledger, &(struct ledger_days_query){.to_day = 30000}, keep_day, NULL, &why);
}

static int64_t max_rows; /* of written() */

/* The report as text; freed by the caller. */
static char *written(const struct aggregate_reporter *by, const struct ledger_day *day,
		     struct aggregate_sum *sum)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct why why = {""};

	if (out == NULL || aggregate_write(ledger, by, day, max_rows, out, sum, &why) != 0)
		ok(false, "written: %s", why.text);
	fclose(out);
	return text;
}

static const char expected[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			       "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n"
			       "  <version>1.0</version>\n"
			       "  <report_metadata>\n"
			       "    <org_name>Example &amp; Co</org_name>\n"
			       "    <email>postmaster@mx.example.net</email>\n"
			       "    <report_id>%s</report_id>\n"
			       "    <date_range>\n"
			       "      <begin>1728000000</begin>\n"
			       "      <end>1728086399</end>\n"
			       "    </date_range>\n"
			       "    <generator>countersign " VERSION "</generator>\n"
			       "  </report_metadata>\n"
			       "  <policy_published>\n"
			       "    <domain>example.com</domain>\n"
			       "    <discovery_method>treewalk</discovery_method>\n"
			       "    <p>reject</p>\n"
			       "    <sp>none</sp>\n"
			       "    <np>quarantine</np>\n"
			       "    <fo>0</fo>\n"
			       "    <adkim>r</adkim>\n"
			       "    <aspf>s</aspf>\n"
			       "    <testing>n</testing>\n"
			       "  </policy_published>\n"
			       "  <record>\n"
			       "    <row>\n"
			       "      <source_ip>192.0.2.1</source_ip>\n"
			       "      <count>3</count>\n"
			       "      <policy_evaluated>\n"
			       "        <disposition>none</disposition>\n"
			       "        <dkim>fail</dkim>\n"
			       "        <spf>fail</spf>\n"
			       "        <reason>\n"
			       "          <type>mailing_list</type>\n"
			       "          <comment>list &lt;x&gt;</comment>\n"
			       "        </reason>\n"
			       "        <reason>\n"
			       "          <type>other</type>\n"
			       "        </reason>\n"
			       "      </policy_evaluated>\n"
			       "    </row>\n"
			       "    <identifiers>\n"
			       "      <header_from>sub.example.com</header_from>\n"
			       "      <envelope_from></envelope_from>\n"
			       "      <envelope_to>example.net</envelope_to>\n"
			       "    </identifiers>\n"
			       "    <auth_results>\n"
			       "      <dkim>\n"
			       "        <domain>example.com</domain>\n"
			       "        <selector>s1</selector>\n"
			       "        <result>fail</result>\n"
			       "        <human_result>body hash</human_result>\n"
			       "      </dkim>\n"
			       "      <dkim>\n"
			       "        <domain>list.example</domain>\n"
			       "        <selector>s2</selector>\n"
			       "        <result>pass</result>\n"
			       "      </dkim>\n"
			       "      <spf>\n"
			       "        <domain>list.example</domain>\n"
			       "        <scope>mfrom</scope>\n"
			       "        <result>softfail</result>\n"
			       "      </spf>\n"
			       "    </auth_results>\n"
			       "  </record>\n"
			       "</feedback>\n";

static void test_text(void)
{
	struct ledger_row row = sample();
	struct aggregate_sum sum = {0, 0};
	char id[AGGREGATE_ID_MAX], *text;

	add(&row);
	aggregate_id(&reporter, &days[0], id);
	text = written(&reporter, &days[0], &sum);
	is_text(text, arena_printf(arena, expected, id), "the whole report");
	is_int(sum.records, 1, "records");
	is_int(sum.messages, 3, "messages");
	free(text);
}

static void test_hostile(void)
{
	struct ledger_row row = sample();
	struct aggregate_reporter by = reporter;
	char *text;

	by.contact = "https://example.net/?a&b";
	row.source_ip = "2001:db8::1";
	row.reasons = "no JSON";
	row.dkim = "{}";
	row.envelope_to = "";
	row.spf_domain = "";
	row.header_from = "a\x01<b>]]>\xff";
	add(&row);
	text = written(&by, &days[0], NULL);
	ok(strstr(text, "<extra_contact_info>https://example.net/?a&amp;b</extra") != NULL,
	   "contact");
	ok(strstr(text, "<header_from>a\xef\xbf\xbd&lt;b&gt;]]&gt;\xef\xbf\xbd</header_from>") !=
	       NULL,
	   "hostile text is made harmless");
	ok(strstr(text, "<spf>fail</spf>\n      </policy_evaluated>") != NULL, "no reasons");
	ok(strstr(text, "</header_from>\n      <envelope_from></envelope_from>\n    </ident") !=
	       NULL,
	   "no envelope_to");
	ok(strstr(text, "    <auth_results/>\n") != NULL ||
	       strstr(text, "    <auth_results>\n    </auth_results>\n") != NULL,
	   "no results");
	free(text);
}

/* The configurations of one day are separate reports. */
static void test_names(void)
{
	struct aggregate_reporter other = reporter;
	struct ledger_row row = sample();
	char a[AGGREGATE_ID_MAX], b[AGGREGATE_ID_MAX];

	row.policy.p = "none";
	add(&row);
	is_int(day_count, 2, "another policy on the same day");
	aggregate_id(&reporter, &days[0], a);
	aggregate_id(&reporter, &days[1], b);
	ok(strcmp(a, b) != 0, "has another identifier");
	aggregate_id(&reporter, &days[0], b);
	is_text(a, b, "the same again is the same");
	ok(strlen(a) == 32 && strspn(a, "0123456789abcdef") == 32, "alphanumeric: %s", a);
	ok(strncmp(a, "20241004", 8) == 0, "begins with the day");
	other.org_name = "Another";
	aggregate_id(&other, &days[0], b);
	ok(strcmp(a, b) != 0, "of another reporter: another one");
	is_text(
	    aggregate_file_name(&reporter, &days[0], "xml.gz", arena),
	    arena_printf(arena, "mx.example.net!example.com!1728000000!1728086399!%s.xml.gz", a),
	    "the file name");
	days[0].policy.domain = "../a/b\\\n!c";
	other.receiver = "x/y";
	ok(strncmp(aggregate_file_name(&other, &days[0], "xml", arena), "x_y!.._a_b___c!17", 17) ==
	       0,
	   "without anything that could steer a path");
}

static void test_failures(void)
{
	struct ledger_day none = days[1];
	FILE *full = fopen("/dev/full", "w"), *null = fopen("/dev/null", "w");
	struct why why = {""};

	memset(none.config, '0', 32);
	is_int(aggregate_write(ledger, &reporter, &none, 0, null, NULL, &why), -1,
	       "no rows: no report");
	ok(strstr(why.text, "nothing was counted for example.com") != NULL, "%s", why.text);
	if (full != NULL) {
		is_int(aggregate_write(ledger, &reporter, &days[1], 0, full, NULL, &why), -1,
		       "full");
		ok(strstr(why.text, "No space left") != NULL, "%s", why.text);
		fclose(full);
	}
	fclose(null);
}

/* Rows of 1 to 20 messages; the report may have five. */
static void test_cut(void)
{
	struct ledger_row row = sample();
	struct aggregate_sum sum;
	char source[40], *text;

	row.policy.domain = "cut.example";
	row.day = 19000;
	row.source_ip = source;
	for (int i = 1; i <= 20; i++) {
		snprintf(source, sizeof source, "192.0.2.%d", i);
		row.count = i;
		row.disposition = i % 2 == 0 ? "none" : "reject";
		add(&row);
	}
	max_rows = 5;
	text = written(&reporter, &days[0], &sum);
	is_text(days[0].policy.domain, "cut.example", "the day that is cut");
	is_int(sum.messages, 210, "no message is lost");
	is_int(sum.records, 7, "five rows, and the rest by disposition");
	ok(strstr(text, "<source_ip>192.0.2.20</source_ip>") != NULL, "the largest row is there");
	ok(strstr(text, "<source_ip>192.0.2.16</source_ip>") != NULL, "and the fifth");
	ok(strstr(text, "<source_ip>192.0.2.15</source_ip>") == NULL, "the sixth is in the rest");
	ok(strstr(text, "<source_ip>0.0.0.0</source_ip>") != NULL, "which has this source");
	ok(strstr(text, "which this report has no room for") != NULL, "a reason");
	ok(strstr(text, "this report would be too large") != NULL, "and the report says so");
	free(text);
	max_rows = 20;
	text = written(&reporter, &days[0], &sum);
	is_int(sum.records, 20, "a report with room for all");
	ok(strstr(text, "0.0.0.0") == NULL, "is not cut");
	free(text);
	max_rows = 0;
}

int main(void)
{
	char name[120];
	struct ledger_settings settings = {.path = name};
	struct why why;

	snprintf(name, sizeof name, "%s/ledger.db", tap_directory());
	arena = arena_new(0);
	ledger = ledger_open(&settings, &why);
	if (ledger == NULL) {
		ok(false, "%s", why.text);
		return tap_done();
	}
	test_text();
	test_hostile();
	test_names();
	test_failures();
	test_cut();
	ledger_close(ledger);
	arena_free(arena);
	return tap_done();
}
