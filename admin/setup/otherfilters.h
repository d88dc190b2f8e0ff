/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other filters that an MTA asks, told by the socket that their own settings name, so that one on
 * TCP ("inet:localhost:8891") is known as well as one whose path has its name.
 */
#ifndef ADMIN_SETUP_OTHERFILTERS_H
#define ADMIN_SETUP_OTHERFILTERS_H

#include <stdbool.h>

#include "admin/setup/place.h"

struct otherfilter {
	const char *name;   /* "OpenDKIM" */
	const char *source; /* the file that names the socket; NULL: the path of the socket tells */
	bool replaced;      /* it does what countersign does */
};

/* What is at ADDRESS of smtpd_milters: its NAME, or NULL. Reads the settings of the filters below
 * ROOT ("" but in tests). */
struct otherfilter otherfilter_at(const struct place *place, struct arena *arena, const char *root,
				  struct span address);

/* Whether somebody listens at ADDRESS; true, too, for what is not the address of a socket. */
bool otherfilter_answers(const struct place *place, struct arena *arena, struct span address);

#endif
