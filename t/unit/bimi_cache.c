/* SPDX-License-Identifier: BSD-2-Clause */
/* bimi/cache: what is kept is what is read, and nothing else is. bimi/judge: from findings to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "bimi/cache.h"
#include "bimi/judge.h"
#include "t/lib/tap.h"

#define DIGEST "5cc1b6cc6d4d4d7bc9d7c9ce7a7ae0d7e4ff6f4bb8ab2f18c6b8a0b5a1e0d5d2"

#define LIST_NAME "f1e09cb936d331345dc516a0e806af8c04f0372749f38b6b3af5dec7aa41f293"

static struct arena *arena;
static char directory[] = "/tmp/countersign-bimi.XXXXXX";

static const struct bimi_offer offer = {"a.test", "default", "https://a.test/l.svg",
					"https://a.test/c.pem", "a.test"};
static const struct bimi_offer job = {"b.test", "default", "https://b.test/l.svg",
				      "https://b.test/c", "b.test"};
static const struct bimi_known good = {BIMI_GOOD, true,       false, "Registered Mark",
				       DIGEST,    "PHN2Zy8+", "",    900000};
static struct bimi_cache cache = {directory, "b1"};

static const char *show_known(const struct bimi_known *known)
{
	return arena_printf(arena, "%d %d %s %s %s %s", (int)known->state, known->certified,
			    known->mark_type, known->digest, known->indicator, known->why);
}

/* ---- the text ---- */

static const char *replace_text(const char *text, const char *old, const char *new)
{
	const char *at = strstr(text, old);

	return at == NULL
		   ? text
		   : arena_printf(arena, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
}

static void test_text(void)
{
	static const struct {
		const char *old, *new;
	} faults[] = {
	    {"state good", "state best"},
	    {"state good", "state bad"},
	    {"certified yes", "certified perhaps"},
	    {"certified yes", "certified refused"},
	    {"when 1000", "when -1"},
	    {"tried 1500", "tried now"},
	    {"until 900000", "until -1"},
	    {"until 900000", "until 9223372036854775808"},
	    {"basis", "base"},
	    {"when 1000", "when soon"},
	    {DIGEST, "abc"},
	    {DIGEST, "5CC1B6CC6d4d4d7bc9d7c9ce7a7ae0d7e4ff6f4bb8ab2f18c6b8a0b5a1e0d5d2"},
	    {"PHN2Zy8+", ""},
	    {"PHN2Zy8+", "PHN2 Zy8+"},
	    {"PHN2Zy8+", "PHN2Zy8+\r"},
	    {"PHN2Zy8+", "===="},
	    {"PHN2Zy8+\n", "PHN2Zy8+"},
	    {"PHN2Zy8+\n", "PHN2Zy8+\nmore\n"},
	    {"domain a.test", "domain b.test"},
	    {"selector default", "selector other"},
	    {"l.svg", "m.svg"},
	    {"c.pem", "d.pem"},
	    {"domain", "Domain"},
	    {"mark Registered Mark\n", ""},
	};
	struct bimi_kept kept = {good, "b1", 1000, 1500};
	struct buf out;

	buf_init(&out, arena, 0);
	bimi_kept_write(&offer, &kept, &out);
	ok(bimi_kept_read(buf_view(&out), &offer, arena, &kept), "read again");
	is_text(show_known(&kept.known), show_known(&good), "the same");
	is_text(arena_printf(arena, "%s %d %d %d", kept.basis, (int)kept.when, (int)kept.tried,
			     (int)kept.known.until),
		"b1 1000 1500 900000", "of the same basis and times");
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		ok(!bimi_kept_read(
		       span_of(replace_text(buf_text(&out), faults[i].old, faults[i].new)), &offer,
		       arena, &kept),
		   "refused: %s for %s", faults[i].new, faults[i].old);
	for (size_t n = 0; n < out.len; n++)
		if (bimi_kept_read(span_make(out.data, n), &offer, arena, &kept))
			ok(false, "a part of %zu bytes is taken", n);
}

/* ---- the files ---- */

static const char *read_state(const struct bimi_offer *which, int64_t now)
{
	struct bimi_known known;
	bool fresh;

	bimi_cache_read(&cache, which, now, arena, &known, &fresh);
	return arena_printf(arena, "%d%s", (int)known.state, fresh ? " fresh" : "");
}

static void test_files(void)
{
	const struct bimi_offer other = {"a.test", "other", offer.location, offer.authority,
					 offer.organization};
	const struct bimi_known bad = {BIMI_BAD, false, true, "", "", "", "certificate.name: no",
				       0};
	const struct bimi_known later = {BIMI_UNAVAILABLE, false, false, "", "", "",
					 "no answer",      0};
	struct bimi_known large = good;
	struct why why = {""};

	is_text(read_state(&offer, 1000), "0", "nothing is known");
	ok(bimi_cache_write(&cache, &offer, 1000, &good, &why) == 0, "written: %s", why.text);
	is_text(read_state(&offer, 1000), "1 fresh", "and known");
	is_text(read_state(&other, 1000), "0", "but of no other record");
	is_text(read_state(&offer, 1000 + 86399), "1 fresh", "for a day");
	is_text(read_state(&offer, 1000 + 86400), "1", "then it is to be looked at again");
	is_text(read_state(&offer, 1000 + 7 * 86400), "0", "after a week it does not count");
	is_text(read_state(&offer, -10000), "0", "nor does one of the future");
	cache.basis = "b2";
	is_text(read_state(&offer, 1000), "0", "nor one by other roots");
	cache.basis = "b1";
	ok(bimi_cache_write(&cache, &offer, 90000, &later, &why) == 0, "it cannot be renewed");
	is_text(read_state(&offer, 90000), "1 fresh", "it stays, and is not tried at once");
	is_text(read_state(&offer, 90000 + 3600), "1", "but after an hour");
	is_text(read_state(&offer, 1000 + 7 * 86400), "0", "and no longer than it would");
	large.until = 5000;
	ok(bimi_cache_write(&cache, &offer, 1000, &large, &why) == 0, "one that ends");
	is_text(read_state(&offer, 4999), "1 fresh", "counts until then");
	is_text(read_state(&offer, 5000), "0", "and not after");
	ok(bimi_cache_write(&cache, &offer, 5000, &later, &why) == 0, "nor does it stay");
	is_text(read_state(&offer, 5000), "3 fresh", "when it cannot be renewed");
	ok(bimi_cache_write(&cache, &offer, 2000, &bad, &why) == 0, "replaced");
	is_text(read_state(&offer, 2000), "2 fresh", "by what was found last");
	is_text(read_state(&offer, 2000 + 6 * 3600), "2", "a bad one sooner");
	large.indicator = memset(arena_alloc(arena, BIMI_CACHE_BYTES + 1), 'A', BIMI_CACHE_BYTES);
	is_int(bimi_cache_write(&cache, &offer, 3000, &large, &why), -1, "not what is large");
	is_text(read_state(&offer, 2000), "2 fresh", "what was there stays");
}

static void test_sweep(void)
{
	const char *old = arena_printf(arena, "%s/old", directory);
	struct utimbuf time = {1000, 1000};
	FILE *file = fopen(old, "w");
	struct why why;
	int fd;

	ok(file != NULL && fclose(file) == 0 && utime(old, &time) == 0, "an old file");
	fd = bimi_offer_listen(directory, &why);
	ok(fd != -1, "the socket");
	is_int(bimi_cache_sweep(directory, 1000 + 7 * 86400), 1, "one file is left");
	ok(access(old, F_OK) != 0, "the old one is removed");
	ok(access(arena_printf(arena, "%s/jobs", directory), F_OK) == 0, "the socket is not");
	close(fd);
}

static void test_lists(void)
{
	struct span list = span_of("");
	struct why why = {""};
	bool fresh = true;
	int64_t now = time(NULL);

	ok(!bimi_list_read(directory, "http://a.test/l", now, arena, &list, &fresh), "no list");
	ok(bimi_list_write(directory, "http://a.test/l", span_of("DER"), &why) == 0, "kept: %s",
	   why.text);
	ok(bimi_list_read(directory, "http://a.test/l", now, arena, &list, &fresh) &&
	       span_eq(list, "DER") && fresh,
	   "read, and fresh");
	ok(!bimi_list_read(directory, "http://a.test/m", now, arena, &list, &fresh),
	   "of its URI only");
	ok(bimi_list_read(directory, "http://a.test/l", now + 86401, arena, &list, &fresh) &&
	       !fresh,
	   "for a day");
	ok(unlink(arena_printf(arena, "%s/crl-" LIST_NAME, directory)) == 0, "one file");
}

static void find_it(const char *where)
{
	struct bimi_cache at = {where, "b1"};
	struct bimi_known known;

	bimi_cache_find(&at, &job, arena, &known);
}

static void test_jobs(void)
{
	struct bimi_offer got;
	char text[BIMI_OFFER_BYTES];
	struct why why;
	ssize_t length;
	int fd = bimi_offer_listen(directory, &why);

	find_it(directory);
	length = recv(fd, text, sizeof text, MSG_DONTWAIT);
	ok(length > 0 && bimi_offer_read(span_make(text, (size_t)length), arena, &got), "a job");
	is_text(got.authority, job.authority, "with what it needs");
	for (unsigned i = 0; i < 100; i++)
		find_it(directory);
	ok(true, "many jobs wait for nobody");
	close(fd);
	find_it(directory);
	find_it("/nonexistent");
	ok(true, "neither does one that nobody takes");
	ok(!bimi_offer_read(span_of("domain x\nselector y\n"), arena, &got), "half a job");
	ok(!bimi_offer_read(span_of("domain \nselector y\nlocation \nauthority \norganization \n"),
			    arena, &got),
	   "a job for nobody");
}

/* ---- the judge ---- */

static const char *judge_found(const char *indicator, int rule, bool roots, const char *authority)
{
	struct bimi_findings *findings = arena_make(arena, struct bimi_findings);
	struct bimi_offer of = {"a.test", "default", "https://a.test/l.svg", authority, "a.test"};
	struct bimi_known known;

	bimi_findings_init(findings, arena);
	findings->indicator = indicator;
	bimi_fact(findings, "mark_type", span_of("Prior Use Mark"));
	if (rule >= 0)
		bimi_found(findings, (enum bimi_rule)rule, 0, "text");
	bimi_judge(findings, &of, roots, &known);
	return arena_printf(arena, "%d %s%s %.8s %s", (int)known.state,
			    known.certified ? "certified " : "", known.mark_type, known.digest,
			    known.why);
}

static void test_judge(void)
{
	is_text(judge_found("PHN2Zy8+", -1, true, "https://a.test/c"),
		"1 certified Prior Use Mark d4dc5666 ", "good");
	is_text(judge_found("PHN2Zy8+", BIMI_LOGO_VIEWBOX, true, "https://a.test/c") + 2,
		"certified Prior Use Mark d4dc5666 ", "advice does not count");
	is_text(judge_found("PHN2Zy8+", -1, true, ""), "1  d4dc5666 ", "without a certificate");
	is_text(judge_found("PHN2Zy8+", BIMI_CERTIFICATE_NO_ROOTS, false, "https://a.test/c"),
		"1  d4dc5666 ", "without roots");
	is_text(judge_found("PHN2Zy8+", BIMI_CERTIFICATE_NO_ROOTS, true, "https://a.test/c"),
		"3   certificate.no-roots: text", "roots that cannot be read");
	is_text(judge_found("PHN2Zy8+", BIMI_CERTIFICATE_NO_CRL, true, "https://a.test/c"),
		"3   certificate.no-crl: text", "not known to be revoked or not");
	is_text(judge_found("PHN2Zy8+", BIMI_CERTIFICATE_REVOKED, true, "https://a.test/c"),
		"2   certificate.revoked: text", "revoked");
	is_text(judge_found("PHN2Zy8+", BIMI_LOGO_ELEMENT, true, ""), "2   logo.element: text",
		"a fault");
	is_text(judge_found("PHN2Zy8+", BIMI_LOGO_UNREACHABLE, true, ""),
		"3   logo.unreachable: text", "not fetched");
	is_text(judge_found(NULL, -1, true, ""), "2   the logo is missing", "no logo");
	is_text(judge_found("%", -1, true, ""), "2   the logo is missing",
		"one that is not base 64");
}

int main(void)
{
	arena = arena_new(0);
	if (mkdtemp(directory) == NULL)
		return 99;
	test_text();
	test_files();
	test_lists();
	test_sweep();
	test_jobs();
	test_judge();
	if (system(arena_printf(arena, "rm -r %s", directory)) != 0)
		return 99;
	arena_free(arena);
	return tap_done();
}
