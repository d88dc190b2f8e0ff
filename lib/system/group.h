/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A group of the system, by its name, and what it may use.
 */
#ifndef LIB_GROUP_H
#define LIB_GROUP_H

#include <sys/types.h>

#include "lib/why.h"

#define GROUP_NONE ((gid_t)-1)

/* NAME "" is GROUP_NONE. Fails when the group does not exist. */
int group_find(const char *name, gid_t *gid, struct why *why);

/* PATH belongs to group GID, called NAME, from now on; GROUP_NONE: it stays as it is. */
int group_give(const char *path, gid_t gid, const char *name, struct why *why);

#endif
