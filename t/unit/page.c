/* SPDX-License-Identifier: BSD-2-Clause */
/* report/page/html: no text of a stranger's can become markup or be hidden; report/page/path: which
 * targets there are, and what is refused; report/page/posture: the files of kept findings. */
#include <stdio.h>
#include <string.h>

#include "lib/why.h"
#include "report/page/html.h"
#include "report/page/path.h"
#include "report/page/posture.h"
#include "t/lib/tap.h"

#define BAD "\xef\xbf\xbd"

static const struct {
	const char *name, *text, *html;
} cases[] = {
    {"nothing", "", ""},
    {"unknown", NULL, "-"},
    {"plain", "example.com", "example.com"},
    {"a tag", "<script>", "&lt;script&gt;"},
    {"a reference", "&lt;", "&amp;lt;"},
    {"quotation marks", "\"'", "&quot;&#39;"},
    {"letters", "b\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", "b\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"a line end", "a\nb", "a[U+000A]b"},
    {"ESC", "\x1b[31m", "[U+001B][31m"},
    {"DEL and C1", "\x7f\xc2\x9b", "[U+007F][U+009B]"},
    {"right to left override", "a\xe2\x80\xae", "a[U+202E]"},
    {"isolate", "\xe2\x81\xa6", "[U+2066]"},
    {"zero width space", "\xe2\x80\x8b", "[U+200B]"},
    {"line separator", "\xe2\x80\xa8", "[U+2028]"},
    {"a tag character", "\xf3\xa0\x81\x81", "[U+E0041]"},
    {"no characters", "\xef\xb7\x90\xef\xbf\xbf\xf0\x9f\xbf\xbe", "[U+FDD0][U+FFFF][U+1FFFE]"},
    {"a byte order mark", "\xef\xbb\xbf", "[U+FEFF]"},
    {"not UTF-8", "a\xff\xc0\xaf", "a" BAD BAD BAD},
    {"cut off", "\xe2\x82", BAD BAD},
};

static void try_text(size_t i)
{
	struct buf buf;

	buf_init(&buf, NULL, 0);
	html_text(&buf, cases[i].text);
	is_text(buf_text(&buf), cases[i].html, "%s", cases[i].name);
	buf_free(&buf);
}

static void try_short(const char *name, const char *text, unsigned max, const char *html)
{
	struct buf buf;

	buf_init(&buf, NULL, 0);
	html_short(&buf, text, max);
	is_text(buf_text(&buf), html, "%s", name);
	buf_free(&buf);
}

static void try_long(void)
{
	char text[5001];
	struct buf buf;

	memset(text, '"', 5000);
	text[5000] = '\0';
	buf_init(&buf, NULL, 0);
	html_short(&buf, text, 10);
	ok(buf.len < 7000 && strstr(buf_text(&buf), "...\">") != NULL, "a title is bounded, too");
	buf_free(&buf);
}

/* ---- targets ---- */

static const struct {
	const char *target;
	unsigned status;
	enum path_kind kind;
	const char *domain, *name; /* NULL: not looked at */
} targets[] = {
    {"/", 200, PATH_HOME, NULL, NULL},
    {"/?since=7d&format=json", 200, PATH_HOME, NULL, NULL},
    {"/domain/example.com", 200, PATH_DOMAIN, "example.com", NULL},
    {"/domain/B%C3%BCcher.example", 200, PATH_DOMAIN, "xn--bcher-kva.example", NULL},
    {"/domain/example.com/source/192.0.2.0%2F24", 200, PATH_SOURCE, "example.com", "192.0.2.0/24"},
    {"/domain/example.com/source/a+b", 200, PATH_SOURCE, "example.com", "a+b"},
    {"/domain/example.com/source/%252F", 200, PATH_SOURCE, NULL, "%2F"},
    {"/reports?domain=Example.COM&failing=1&page=1000", 200, PATH_REPORTS, "example.com", NULL},
    {"/reports?domain=&&", 200, PATH_REPORTS, NULL, NULL},
    {"/report/00ff", 200, PATH_REPORT, NULL, "00ff"},
    {"/messages?qid=4X&from=&before=0", 200, PATH_MESSAGES, NULL, NULL},
    {"", 400, 0, NULL, NULL},
    {"*", 400, 0, NULL, NULL},
    {"http://localhost/", 400, 0, NULL, NULL},
    {"//", 404, 0, NULL, NULL},
    {"/domain", 404, 0, NULL, NULL},
    {"/domain/", 404, 0, NULL, NULL},
    {"/domain/a..b", 404, 0, NULL, NULL},
    {"/report/", 404, 0, NULL, NULL},
    {"/report/x", 404, 0, NULL, NULL},
    {"/domain/example.com/sources/x", 404, 0, NULL, NULL},
    {"/a/b/c/d/e", 404, 0, NULL, NULL},
    {"/%2e%2e/", 404, 0, NULL, NULL},
    {"/%", 400, 0, NULL, NULL},
    {"/%1", 400, 0, NULL, NULL},
    {"/%zz", 400, 0, NULL, NULL},
    {"/%00", 400, 0, NULL, NULL},
    {"/%0A", 400, 0, NULL, NULL},
    {"/%7f", 400, 0, NULL, NULL},
    {"/%ff", 400, 0, NULL, NULL},
    {"/%ED%A0%80", 400, 0, NULL, NULL},
    {"/?since=", 400, 0, NULL, NULL},
    {"/?since=0d", 400, 0, NULL, NULL},
    {"/?since=401d", 400, 0, NULL, NULL},
    {"/?since=-1d", 400, 0, NULL, NULL},
    {"/?since=1d&since=1d", 400, 0, NULL, NULL},
    {"/?page=1", 400, 0, NULL, NULL},
    {"/?qid=1", 400, 0, NULL, NULL},
    {"/?format=xml", 400, 0, NULL, NULL},
    {"/reports?page=0", 400, 0, NULL, NULL},
    {"/reports?page=1001", 400, 0, NULL, NULL},
    {"/reports?domain=-%40-", 400, 0, NULL, NULL},
    {"/reports?failing=2", 400, 0, NULL, NULL},
    {"/messages?qid=a&qid=a", 400, 0, NULL, NULL},
    {"/messages?before=99999999999", 400, 0, NULL, NULL},
    {"/messages?qid=%0d", 400, 0, NULL, NULL},
};

static void try_target(size_t i)
{
	struct arena *arena = arena_new(0);
	struct path_request request;
	struct why why = {""};
	unsigned status = path_parse(span_of(targets[i].target), arena, &request, &why);

	ok(status == targets[i].status && (status != 200 || request.kind == targets[i].kind) &&
	       (status == 200 || why.text[0] != '\0'),
	   "%u: \"%s\"", targets[i].status, targets[i].target);
	if (targets[i].domain != NULL)
		is_text(request.domain, targets[i].domain, "its domain");
	if (targets[i].name != NULL)
		is_text(request.name, targets[i].name, "its name");
	arena_free(arena);
}

/* Each key once and one twice: there are as many places as keys. */
static void try_all_keys(void)
{
	struct arena *arena = arena_new(0);
	struct path_request request;
	struct buf target;
	struct why why;

	buf_init(&target, NULL, 0);
	buf_string(&target, "/messages?");
	for (unsigned i = 0; path_message_keys[i] != NULL; i++)
		buf_printf(&target, "%s=x&", path_message_keys[i]);
	ok(path_parse(buf_view(&target), arena, &request, &why) == 200 &&
	       request.wanted_count == PATH_WANTED_MAX,
	   "every key of a message");
	buf_string(&target, "qid=y");
	ok(path_parse(buf_view(&target), arena, &request, &why) == 400, "and one of them again");
	buf_clear(&target);
	buf_string(&target, "/messages?qid=");
	for (unsigned i = 0; i < PATH_VALUE_MAX; i++)
		buf_char(&target, 'a');
	ok(path_parse(buf_view(&target), arena, &request, &why) == 200, "a value of 512 bytes");
	buf_char(&target, 'a');
	ok(path_parse(buf_view(&target), arena, &request, &why) == 400, "one of 513");
	for (unsigned i = 0; i < PATH_TARGET_MAX; i++)
		buf_char(&target, '&');
	ok(path_parse(buf_view(&target), arena, &request, &why) == 400, "a long target");
	buf_free(&target);
	arena_free(arena);
}

static void try_url(const char *text, const char *url)
{
	struct buf buf;

	buf_init(&buf, NULL, 0);
	html_path(&buf, text);
	is_text(buf_text(&buf), url, "%s in a URL", url);
	buf_free(&buf);
}

/* ---- kept findings ---- */

#define HEAD "countersign findings 1\t1764000000\t2\n"

static const struct {
	const char *name, *text;
	unsigned count;  /* of findings */
	const char *why; /* or NULL */
} files[] = {
    {"no finding", HEAD, 0, NULL},
    {"without the last line end", "countersign findings 1\t1\t0", 0, NULL},
    {"two", HEAD "error\ta.b\ttext\tx. IN TXT \"y\"\nwarn\tc.d\ttext\t\n", 2, NULL},
    {"nothing", "", 0, "it does not begin with \"countersign findings 1\""},
    {"another version", "countersign findings 2\t1\t0\n", 0,
     "it does not begin with \"countersign findings 1\""},
    {"no time", "countersign findings 1\tx\t0\n", 0,
     "it does not begin with \"countersign findings 1\""},
    {"a field too few", HEAD "error\ta.b\ttext\n", 0, "line 2 is not valid"},
    {"one too many", HEAD "error\ta.b\ttext\tx\ty\n", 0, "line 2 is not valid"},
    {"no rule", HEAD "error\t\ttext\t\n", 0, "line 2 is not valid"},
    {"an empty line", HEAD "\nerror\ta.b\ttext\t\n", 0, "line 2 is not valid"},
    {"a control character", HEAD "error\ta.b\t\x1b[31m\t\n", 0, "line 2 is not valid"},
};

static void try_file(size_t i)
{
	struct arena *arena = arena_new(0);
	struct posture posture;
	struct why why = {""};
	int result = posture_read(arena, span_of(files[i].text), &posture, &why);

	ok(result == (files[i].why == NULL ? 0 : -1), "findings: %s", files[i].name);
	if (result == 0)
		is_int(posture.count, files[i].count, "findings: %s: how many", files[i].name);
	else
		is_text(why.text, files[i].why, "findings: %s: why", files[i].name);
	arena_free(arena);
}

static void try_posture(void)
{
	struct arena *arena = arena_new(0);
	struct posture_finding many[POSTURE_MAX + 1];
	struct posture posture = {.at = 5, .items = many, .count = POSTURE_MAX + 1, .hints = 7},
		       read;
	struct buf text;
	struct why why = {""};

	for (unsigned i = 0; i <= POSTURE_MAX; i++)
		many[i] = (struct posture_finding){"warn", "a.b", "one\ntwo\tthree", NULL};
	many[0].remedy = "x. IN TXT \"y\"";
	buf_init(&text, arena, 0);
	posture_write(&text, &posture);
	is_int(posture_read(arena, buf_view(&text), &read, &why), 0, "what is written can be read");
	is_int(read.count, POSTURE_MAX, "as many as fit");
	ok(read.at == 5 && read.hints == 7, "the time and the hints");
	is_text(read.items[0].text, "one?two?three", "without ends of lines");
	is_text(read.items[0].remedy, "x. IN TXT \"y\"", "the record to publish");
	ok(read.items[1].remedy == NULL, "none");
	is_text(posture_path(arena, "/d", "a.example"), "/d/a.example.findings", "its file");
	ok(posture_path(arena, "", "a.example") == NULL, "without a directory there is none");
	ok(posture_path(arena, "/d", "../x") == NULL && posture_path(arena, "/d", "a/b") == NULL &&
	       posture_path(arena, "/d", "A.example") == NULL,
	   "nor for what is not a domain");
	arena_free(arena);
}

static void try_plain(const char *text, unsigned max, const char *plain)
{
	struct buf buf;

	buf_init(&buf, NULL, 0);
	html_plain(&buf, text, max);
	is_text(buf_text(&buf), plain, "plain: %s", plain);
	buf_free(&buf);
}

int main(void)
{
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		try_file(i);
	try_posture();
	try_plain("<b>&\"", 9, "<b>&\"");
	try_plain("a\xe2\x80\xae\nb", 9, "a[U+202E][U+000A]b");
	try_plain("abcdef", 3, "abc...");
	try_plain(NULL, 3, "-");
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
		try_target(i);
	try_all_keys();
	try_url("a-b.c_d~9", "a-b.c_d~9");
	try_url("192.0.2.0/24", "192.0.2.0%2F24");
	try_url("\"><b&'", "%22%3E%3Cb%26%27");
	try_url("\xe2\x80\xae\n", "%E2%80%AE%0A");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		try_text(i);
	try_short("short enough", "abc<", 4, "abc&lt;");
	try_short("cut", "abcd<", 4, "<span title=\"abcd&lt;\">abc\xe2\x80\xa6</span>");
	try_short("characters are counted, not bytes", "\xc3\xbc\xc3\xbc", 2, "\xc3\xbc\xc3\xbc");
	try_long();
	return tap_done();
}
