/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libunbound's settings, as the text of its configuration file: forward every question to the
 * servers that the operator or resolv.conf names, keep nothing, answer nothing by itself.
 */
#ifndef DNS_FORWARD_H
#define DNS_FORWARD_H

#include <stdbool.h>

#include "dns/dns.h"
#include "lib/buf.h"

struct forward_servers {
	struct buf text; /* "192.0.2.53, 192.0.2.54@5353"; heap, the caller's to free */
	unsigned count;
};

/* Those of SETTINGS or of resolv.conf; -1 with a reason. SERVERS is zeroed by the caller. */
int forward_servers(struct forward_servers *servers, const struct dns_settings *settings,
		    struct why *why);

/* CAPS: with random case in the names. ZONE: read from ZONE_FILE, or NULL. */
void forward_config(struct buf *config, const struct forward_servers *servers, bool validate,
		    bool caps, const char *zone, const char *zone_file);

#endif
