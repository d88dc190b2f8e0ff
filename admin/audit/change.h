/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign audit --with-...`: what a change would break, before it is made.
 */
#ifndef ADMIN_AUDIT_CHANGE_H
#define ADMIN_AUDIT_CHANGE_H

#include "admin/admin.h"
#include "admin/audit/memory.h"
#include "audit/change/change.h"

/* As the options have them; NULL: not given. */
struct change_wish {
	const char *certificate, *key, *zone;
	const char *hosts[CHANGE_HOSTS_MAX];
	unsigned host_count;
	bool waited;
};

/* Reads the files of WISH. 0, or the exit status after the error was printed. */
int change_read(struct admin *admin, const struct change_wish *wish, struct audit_change *out);

#endif
