/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/setup/service.h"

#include <stdio.h>
#include <unistd.h>

#include "admin/program.h"

static bool has_unit(const char *name)
{
	static const char *const places[] = {"/etc/systemd/system", "/usr/lib/systemd/system",
					     "/lib/systemd/system"};
	char path[256];

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(path, sizeof path, "%s/%s", places[i], name);
		if (access(path, F_OK) == 0)
			return access("/run/systemd/system", F_OK) == 0;
	}
	return false;
}

bool service_has_unit(void)
{
	return has_unit("countersignd.service");
}

bool service_has_key_unit(void)
{
	return has_unit("countersign-keys.socket");
}

bool service_has_script(void)
{
	return access("/usr/local/etc/rc.d/countersignd", X_OK) == 0;
}

static const char *stop_by_hand(struct arena *arena, const struct service_facts *facts)
{
	if (facts->pid > 0)
		return arena_printf(arena, "kill %ld", (long)facts->pid);
	return "pkill -o -x countersignd"; /* the oldest is the supervisor */
}

static const char *start_by_hand(struct arena *arena, const struct service_facts *facts)
{
	return arena_printf(arena, "countersignd -u %s -c %s", program_quote(arena, facts->user),
			    program_quote(arena, facts->conf));
}

static const char *act_by_hand(struct arena *arena, enum service_act act,
			       const struct service_facts *facts)
{
	switch (act) {
	case SERVICE_START:
		return start_by_hand(arena, facts);
	case SERVICE_STOP:
		return stop_by_hand(arena, facts);
	case SERVICE_RESTART:
		return arena_printf(arena, "%s; sleep 2; %s", stop_by_hand(arena, facts),
				    start_by_hand(arena, facts));
	case SERVICE_RELOAD:
		return "countersign reload";
	case SERVICE_LOG:
		return "grep countersignd /var/log/mail.log";
	}
	return "";
}

const char *service_command(struct arena *arena, enum service_act act,
			    const struct service_facts *facts)
{
	static const char *const by_systemd[] = {[SERVICE_START] = "systemctl start countersignd",
						 [SERVICE_STOP] = "systemctl stop countersignd",
						 [SERVICE_RESTART] =
						     "systemctl restart countersignd",
						 [SERVICE_RELOAD] = "systemctl reload countersignd",
						 [SERVICE_LOG] = "journalctl -u countersignd"};
	static const char *const by_rc[] = {[SERVICE_START] = "service countersignd start",
					    [SERVICE_STOP] = "service countersignd stop",
					    [SERVICE_RESTART] = "service countersignd restart",
					    [SERVICE_RELOAD] = "service countersignd reload",
					    [SERVICE_LOG] = "grep countersignd /var/log/maillog"};

	if (service_has_unit())
		return by_systemd[act];
	if (service_has_script())
		return by_rc[act];
	return act_by_hand(arena, act, facts);
}
