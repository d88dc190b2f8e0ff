/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/setup/place.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "admin/program.h"

int place_look(struct arena *arena, enum place_mta mta, const char *postfix, const char *sendmail,
	       struct place *place, struct why *why)
{
	const char *mc;

	*place = (struct place){.sendmail = sendmail == NULL ? "/etc/mail" : sendmail};
	if (mta != PLACE_SENDMAIL && postfix_there(postfix)) {
		place->mta = PLACE_POSTFIX;
		return postfix_look(arena, postfix, &place->postfix, why);
	}
	mc = arena_printf(arena, "%s/sendmail.mc", place->sendmail);
	if (mta != PLACE_POSTFIX && access(mc, F_OK) == 0)
		place->mta = PLACE_SENDMAIL;
	return 0;
}

const char *place_path(const char *listen)
{
	static const char *const kinds[] = {"local:", "unix:"};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strncmp(listen, kinds[i], strlen(kinds[i])) == 0)
			return listen + strlen(kinds[i]);
	}
	return *listen == '/' ? listen : NULL;
}

const char *place_address(const struct place *place, struct arena *arena, const char *listen)
{
	const char *path = place_path(listen), *at = strchr(listen, '@'),
		   *colon = strchr(listen, ':');

	if (place->mta != PLACE_POSTFIX)
		return listen;
	if (path != NULL)
		return arena_printf(arena, "unix:%s", postfix_path(&place->postfix, path));
	if (at == NULL || colon == NULL)
		return listen;
	return arena_printf(arena, "%.*s:%s:%.*s", (int)(colon - listen), listen, at + 1,
			    (int)(at - colon - 1), colon + 1);
}

bool place_reachable(const struct place *place, const char *listen)
{
	const char *path = place_path(listen);

	if (path == NULL || place->mta != PLACE_POSTFIX || !place->postfix.chrooted)
		return true;
	return *postfix_path(&place->postfix, path) != '/';
}

const char *place_listen(const struct place *place, const struct conf_strings *listens)
{
	for (unsigned i = 0; i < listens->count; i++) {
		if (place_reachable(place, listens->items[i]))
			return listens->items[i];
	}
	return NULL;
}

const char *place_parent(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return slash == NULL ? "." : "/";
	return arena_printf(arena, "%.*s", (int)(slash - path), path);
}

const char *place_trust_anchor(void)
{
	static const char *const places[] = {
	    "/usr/share/dns/root.key", "/var/lib/unbound/root.key", "/etc/unbound/root.key",
	    "/usr/local/etc/unbound/root.key", "/etc/trusted-key.key"};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (access(places[i], R_OK) == 0)
			return places[i];
	}
	return NULL;
}

const char *place_anchor_command(struct arena *arena, const char *anchor, const char *conf)
{
	const char *directory =
	    program_quote(arena, arena_printf(arena, "%s/conf.d", place_parent(arena, conf)));
	const char *text =
	    program_quote(arena, arena_printf(arena, "dns: { trust_anchor = \"%s\"; };", anchor));

	return arena_printf(arena, "mkdir -p %s && echo %s >%s/60-dnssec.conf", directory, text,
			    directory);
}

static int check_directory(struct arena *arena, const char *path, struct why *why)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return why_set(why, "%s: %s", path, strerror(errno));
	if (st.st_uid == 0 && (st.st_mode & S_IWOTH) == 0 &&
	    ((st.st_mode & S_IWGRP) == 0 || st.st_gid == 0))
		return 0;
	return why_set(why,
		       "%s belongs to user %s and group %s, mode %04o, who could put a link there",
		       path, place_user(arena, st.st_uid), place_group(arena, st.st_gid),
		       (unsigned)st.st_mode & 07777);
}

/* LINK, which is in DIRECTORY, leads on. */
static int check_link(struct arena *arena, const char *directory, const char *link, unsigned depth,
		      struct why *why);

static int check_way(struct arena *arena, const char *path, unsigned depth, struct why *why)
{
	const char *directory = "/", *part;
	struct stat st;

	if (*path != '/')
		return why_set(why, "%s does not begin at /", path);
	for (const char *end = path; *end != '\0'; directory = part) {
		end += strspn(end, "/");
		if (*end == '\0')
			break;
		end += strcspn(end, "/");
		part = arena_printf(arena, "%.*s", (int)(end - path), path);
		if (check_directory(arena, directory, why) == -1)
			return -1;
		if (lstat(part, &st) == -1)
			return errno == ENOENT ? 0 : why_set(why, "%s: %s", part, strerror(errno));
		if (S_ISLNK(st.st_mode) && check_link(arena, directory, part, depth, why) == -1)
			return -1;
	}
	return 0;
}

static int check_link(struct arena *arena, const char *directory, const char *link, unsigned depth,
		      struct why *why)
{
	enum { LINKS_MAX = 16 };
	char target[4096];
	ssize_t n = readlink(link, target, sizeof target);

	if (n <= 0 || n == sizeof target || depth == LINKS_MAX)
		return why_set(why, "%s: this link leads nowhere", link);
	return check_way(arena,
			 *target == '/' ? arena_printf(arena, "%.*s", (int)n, target)
					: arena_printf(arena, "%s/%.*s", directory, (int)n, target),
			 depth + 1, why);
}

int place_check_way(struct arena *arena, const char *path, struct why *why)
{
	return check_way(arena, path, 0, why);
}

const char *place_user(struct arena *arena, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	return user == NULL ? arena_printf(arena, "%lu", (unsigned long)uid)
			    : arena_string(arena, user->pw_name);
}

const char *place_group(struct arena *arena, gid_t gid)
{
	const struct group *group = getgrgid(gid);

	return group == NULL ? arena_printf(arena, "%lu", (unsigned long)gid)
			     : arena_string(arena, group->gr_name);
}
