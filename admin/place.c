#include "admin/place.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

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
