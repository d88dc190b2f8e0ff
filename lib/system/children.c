/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/system/children.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { COMM_MAX = 15 }; /* TASK_COMM_LEN less its NUL */

static bool has_name(pid_t pid, const char *const *names)
{
	char path[64], name[COMM_MAX + 1] = "";
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fscanf(file, "%15[^\n]", name) != 1)
		name[0] = '\0';
	fclose(file);
	while (*names != NULL && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

unsigned children_named(pid_t parent, const char *const *names, pid_t *list, unsigned max)
{
	char path[64];
	unsigned count = 0;
	long pid;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)parent, (long)parent);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	while (count < max && fscanf(file, "%ld", &pid) == 1)
		if (has_name((pid_t)pid, names))
			list[count++] = (pid_t)pid;
	fclose(file);
	return count;
}
