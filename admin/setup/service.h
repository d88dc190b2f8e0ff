/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How countersignd is started and stopped on this machine: by systemd where it runs and has our
 * unit, by the script for rc(8) where that is installed, else by hand. Commands for a person or for
 * a plan to run; nothing is run here.
 */
#ifndef ADMIN_SETUP_SERVICE_H
#define ADMIN_SETUP_SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/arena.h"

enum service_act { SERVICE_START, SERVICE_STOP, SERVICE_RESTART, SERVICE_RELOAD, SERVICE_LOG };

/* Whether systemd runs (sd_booted(3)) and has the unit countersignd.service. */
bool service_has_unit(void);

/* Whether systemd also has the one that starts the process of the private keys. */
bool service_has_key_unit(void);

/* Whether the script for rc(8) is installed. */
bool service_has_script(void);

/* The command, for root. PID: of the supervisor, or 0; USER, CONF: as countersignd -u and -c take
 * them. */
struct service_facts {
	pid_t pid;
	const char *user, *conf;
};
const char *service_command(struct arena *arena, enum service_act act,
			    const struct service_facts *facts);

#endif
