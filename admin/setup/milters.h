/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The value of smtpd_milters (postconf(5)): filters divided by commas and blanks. One in braces has
 * settings of its own behind its address. Pure parsing; nothing is asked of Postfix.
 *
 *     list    = *( ( "," / WSP ) ) *( item 1*( "," / WSP ) )
 *     item    = address / "{" address *( ( "," / WSP ) name "=" value ) "}"
 *     address = "unix:" path / "inet:" host ":" port / "inet6:" host ":" port
 */
#ifndef ADMIN_SETUP_MILTERS_H
#define ADMIN_SETUP_MILTERS_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/span.h"

struct milter_item {
	struct span text;     /* as it is written */
	struct span address;  /* "unix:countersign/milter.sock" */
	struct span settings; /* what follows it in braces; or empty */
};

/* The next item of *REST; false at the end. What is open at the end counts as closed. */
bool milters_next(struct span *rest, struct milter_item *item);

/* The item's own value of the setting NAME ("default_action"); false when it has none. */
bool milters_setting(const struct milter_item *item, const char *name, struct span *value);

/* The path of "unix:path", "local:path" or "/path"; false for another kind. */
bool milters_path(struct span address, struct span *path);

/* LIST with OURS (NULL: nothing) after the others, which stay in their order, but for those whose
 * address DROPS (NULL: none) says to leave out. */
typedef bool milters_drop(void *arg, struct span address);
const char *milters_add(struct arena *arena, struct span list, const char *ours,
			milters_drop *drops, void *arg);

#endif
