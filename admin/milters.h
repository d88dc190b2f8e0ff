/*
 * The value of smtpd_milters (postconf(5)): filters divided by commas and blanks. One in braces has
 * settings of its own behind its address. Pure parsing; nothing is asked of Postfix.
 *
 *     list    = *( ( "," / WSP ) ) *( item 1*( "," / WSP ) )
 *     item    = address / "{" address *( ( "," / WSP ) name "=" value ) "}"
 *     address = "unix:" path / "inet:" host ":" port / "inet6:" host ":" port
 */
#ifndef ADMIN_MILTERS_H
#define ADMIN_MILTERS_H

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

/* Whether it is the socket of OpenDKIM, OpenDMARC or OpenARC, as far as its name tells: their name,
 * or NULL. */
const char *milters_known(struct span address);

/* LIST with OURS (NULL: nothing) behind the others, which stay in their order. DROP: those that are
 * known go. */
const char *milters_add(struct arena *arena, struct span list, const char *ours, bool drop);

#endif
