/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Being somebody else for a moment: what another user can do, in another root, is tried, not
 * calculated.
 */
#ifndef ADMIN_BECOME_H
#define ADMIN_BECOME_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/why.h"

struct become {
	const char *user; /* for its groups */
	uid_t uid;
	gid_t gid;
	const char *root;      /* chroot there first; NULL: not */
	const char *directory; /* work there; NULL: in "/" */
	bool only_group;       /* no other groups than GID, as Postfix's processes have it */
};

/* BODY in a child process that is WHO.
 * 0, or -1 with the reason, as BODY says, or when nobody can be become here (not root). */
typedef int become_body(void *arg, struct why *why);
int become(const struct become *who, become_body *body, void *arg, struct why *why);

/* The user NAME; false: there is none. */
bool become_find(const char *name, struct become *who);

#endif
