/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/served.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "lib/system/readfile.h"
#include "mail/domain.h"
#include "tls/fetch.h"
#include "tls/sts.h"

static const char suffix[] = ".txt";

struct reading {
	struct served *served;
	struct arena *arena;
	const char *directory;
	void (*notice)(const char *text);
};

/* The domain of a file's name, or NULL: it is another file. */
static const char *domain_of_file(struct arena *arena, const char *name)
{
	struct span text = span_of(name);
	const char *domain;

	if (span_len(text) < sizeof suffix || strcmp(text.end - (sizeof suffix - 1), suffix) != 0)
		return NULL;
	text.end -= sizeof suffix - 1;
	domain = *name == '.' ? NULL : domain_to_ascii(arena, text);
	return domain != NULL && span_eq(text, domain) ? domain : NULL;
}

static void read_policy(const struct reading *reading, const char *name)
{
	struct served *served = reading->served;
	struct arena *arena = reading->arena;
	const char *domain = domain_of_file(arena, name);
	const char *path = arena_printf(arena, "%s/%s", reading->directory, name);
	struct sts_policy policy;
	struct span text;
	struct why why;

	if (domain == NULL)
		return;
	if (served->count == SERVED_MAX) {
		reading->notice(arena_printf(arena, "%s: more than %d policies", path, SERVED_MAX));
		return;
	}
	if (readfile(arena, path, STS_POLICY_MAX, &text, &why) != 0) {
		reading->notice(why.text);
		return;
	}
	if (sts_policy_parse(arena, text, &policy, &why) != 0) {
		reading->notice(arena_printf(arena, "%s: %s", path, why.text));
		return;
	}
	served->hosts[served->count] = fetch_policy_host(arena, domain);
	served->texts[served->count++] = arena_span(arena, text);
}

int served_read(struct served *served, const char *directory, void (*notice)(const char *text),
		struct why *why)
{
	struct arena *arena = arena_new(0);
	const struct reading reading = {served, arena, directory, notice};
	DIR *list = opendir(directory);
	const struct dirent *entry;

	*served = (struct served){.arena = arena,
				  .hosts = arena_array(arena, SERVED_MAX, sizeof *served->hosts),
				  .texts = arena_array(arena, SERVED_MAX, sizeof *served->texts)};
	if (list == NULL)
		return why_set(why, "%s: %s", directory, strerror(errno));
	while ((entry = readdir(list)) != NULL)
		read_policy(&reading, entry->d_name);
	closedir(list);
	return 0;
}

const char *served_find(const struct served *served, struct span host)
{
	struct span rest = host, name;
	bool more = true;

	span_split(&rest, &more, ':', &name);
	if (!span_empty(name) && name.end[-1] == '.')
		name.end--;
	for (unsigned i = 0; i < served->count; i++) {
		if (span_ieq(name, served->hosts[i]))
			return served->texts[i];
	}
	return NULL;
}
