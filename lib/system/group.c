/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/system/group.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

int group_find(const char *name, gid_t *gid, struct why *why)
{
	const struct group *group = name[0] == '\0' ? NULL : getgrnam(name);

	if (name[0] != '\0' && group == NULL)
		return why_set(why, "group \"%s\" does not exist", name);
	*gid = group == NULL ? GROUP_NONE : group->gr_gid;
	return 0;
}

int group_give(const char *path, gid_t gid, const char *name, struct why *why)
{
	if (gid == GROUP_NONE || chown(path, (uid_t)-1, gid) == 0)
		return 0;
	return why_set(why, "%s: cannot change its group to %s: %s; add the daemon's user to it",
		       path, name, strerror(errno));
}
