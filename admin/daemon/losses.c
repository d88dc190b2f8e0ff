/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/daemon/losses.h"

#include <glob.h>
#include <string.h>

#include "admin/daemon/daemon.h"

static unsigned find_kept_journals(struct admin *admin, const char *path, losses_tell *tell,
				   void *arg)
{
	glob_t found = {.gl_pathc = 0};
	unsigned count = 0;

	if (glob(arena_printf(admin->arena, "%s-pending.*-damaged*", path), 0, NULL, &found) == 0) {
		for (; count < found.gl_pathc; count++)
			tell(
			    arg,
			    arena_printf(admin->arena,
					 "%s is a damaged journal: what could not be read in it is "
					 "not counted (remove the file when it was looked at)",
					 found.gl_pathv[count]),
			    0);
	}
	globfree(&found);
	return count;
}

static unsigned find_kept_ledgers(struct admin *admin, const char *path, losses_tell *tell,
				  void *arg)
{
	glob_t found = {.gl_pathc = 0};
	unsigned count = 0;

	if (glob(arena_printf(admin->arena, "%s-damaged*", path), 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *name = found.gl_pathv[i];
			size_t len = strlen(name);

			if (len > 4 && strcmp(name + len - 4, "-wal") == 0)
				continue;
			count++;
			tell(arg,
			     arena_printf(admin->arena,
					  "%s is a damaged ledger: what could not be read in it is "
					  "in no report (remove the file when it was looked at)",
					  name),
			     0);
		}
	}
	globfree(&found);
	return count;
}

/* What the running daemon says. */
static unsigned ask_daemon(struct admin *admin, losses_tell *tell, void *arg)
{
	struct metrics_read status;
	const char *trouble;
	int64_t lost;

	if (!daemon_status(admin, &status))
		return 0;
	trouble = metrics_read_text(&status, "trouble");
	lost = (int64_t)metrics_read_sum(&status, "store_write_failures_total", NULL, NULL);
	if (trouble[0] != '\0')
		tell(
		    arg,
		    arena_printf(admin->arena, "the daemon cannot record results now: %s", trouble),
		    0);
	if (lost > 0)
		tell(
		    arg,
		    "results were not recorded since the daemon was started: they are in no report "
		    "and in no statistics",
		    lost);
	return (trouble[0] != '\0') + (lost > 0);
}

unsigned losses_find(struct admin *admin, const char *path, losses_tell *tell, void *arg)
{
	return find_kept_journals(admin, path, tell, arg) +
	       find_kept_ledgers(admin, path, tell, arg) + ask_daemon(admin, tell, arg);
}
