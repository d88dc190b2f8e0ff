/* SPDX-License-Identifier: BSD-2-Clause */
/* admin/program, admin/become: other programs' output, words of a shell, being somebody else. */
#include "admin/program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/become.h"
#include "t/lib/tap.h"

static struct arena *arena;

static const struct {
	const char *text, *quoted;
} words[] = {
    {"plain-1.2/x:y@z", "plain-1.2/x:y@z"},
    {"", "''"},
    {"a b", "'a b'"},
    {"$HOME", "'$HOME'"},
    {"it's", "'it'\\''s'"},
    {"a\nb", "'a\nb'"},
    {"{ unix:a, default_action=tempfail }", "'{ unix:a, default_action=tempfail }'"},
    {"`x`;\"*?~#&|<>()", "'`x`;\"*?~#&|<>()'"},
};

static const char *echoed(const char *quoted)
{
	const char *argv[] = {"sh", "-c", arena_printf(arena, "printf '%%s' %s", quoted), NULL};
	const char *text = NULL;

	return program_read(arena, argv, &text, NULL) == 0 ? text : NULL;
}

static void test_quote(void)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		const char *quoted = program_quote(arena, words[i].text);

		is_text(quoted, words[i].quoted, "word %zu", i);
		is_text(echoed(quoted), words[i].text, "a shell reads it back");
	}
}

static int run(const char *command, const char **text, struct why *why)
{
	const char *argv[] = {"sh", "-c", command, NULL};

	return program_read(arena, argv, text, why);
}

static void test_read(void)
{
	const char *nosuch[] = {"/nosuch/program", NULL}, *text;
	struct why why;

	is_int(run("echo warning >&2; echo a; echo b; echo", &text, &why), 0, "a program runs");
	is_text(text, "a\nb", "its output, without the last line ends, and without complaints");
	is_int(run("echo a; echo 'it is broken' >&2; exit 3", &text, &why), -1, "one that fails");
	is_text(why.text, "it is broken", "is quoted");
	is_int(run("exit 3", &text, &why), -1, "one that says nothing");
	is_text(why.text, "sh failed", "has failed all the same");
	is_int(run("kill -9 $$", &text, &why), -1, "one that is killed");
	is_int(run("yes | head -c 3000000", &text, &why), 0, "one that says too much");
	ok(strlen(text) <= 1 << 20, "is cut: %zu bytes", strlen(text));
	is_int(program_read(arena, nosuch, &text, &why), -1, "one that is not there");
	ok(strstr(why.text, "cannot be run") != NULL, "is told: %s", why.text);
}

static void test_path(void)
{
	setenv("PATH", "/usr/bin:/bin", 1);
	program_path();
	is_text(getenv("PATH"), "/usr/bin:/bin:/usr/sbin:/sbin", "the system's directories");
	program_path();
	is_text(getenv("PATH"), "/usr/bin:/bin:/usr/sbin:/sbin", "only once");
	ok(program_there("sh"), "there is a shell");
	ok(!program_there("no-such-program-anywhere"), "and not everything");
}

static int tell(void *arg, struct why *why)
{
	if (arg == NULL)
		return 0;
	return why_set(why, "%s", (const char *)arg);
}

static int where(void *arg, struct why *why)
{
	char path[4096];

	(void)arg;
	return why_set(why, "%s", getcwd(path, sizeof path) == NULL ? "?" : path);
}

static void test_become(void)
{
	struct become self = {.user = "self", .uid = geteuid(), .gid = getegid()}, other;
	static char reason[] = "no, and this is why";
	struct why why;

	is_int(become(&self, tell, NULL, &why), 0, "what can be done");
	is_int(become(&self, tell, reason, &why), -1, "what cannot");
	is_text(why.text, reason, "and why");
	self.directory = "/usr";
	become(&self, where, NULL, &why);
	is_text(why.text, "/usr", "in a directory");
	self.directory = "/nosuch";
	is_int(become(&self, tell, NULL, &why), -1, "in one that is not there");
	ok(strstr(why.text, "/nosuch") != NULL, "is told: %s", why.text);
	ok(!become_find("no-such-user-here", &other), "nobody of that name");
	ok(become_find("nobody", &other), "but nobody");
	self = other;
	if (geteuid() == 0)
		is_int(become(&self, tell, NULL, &why), 0, "root becomes nobody");
	else
		is_int(become(&self, tell, NULL, &why), -1, "others do not");
}

int main(void)
{
	arena = arena_new(0);
	test_quote();
	test_read();
	test_path();
	test_become();
	arena_free(arena);
	return tap_done();
}
