/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads /proc: the whole table of processes, to find the descendants. */
#include "t/bench/usage.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCESSES_MAX = 4096 };

struct process {
	pid_t pid, parent;
	unsigned long user, system;
	bool ours;
};

/* proc(5): the name, in parentheses, may hold anything. */
static bool read_stat(struct process *process)
{
	char path[64], text[1024], *p;
	FILE *file;
	size_t n;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)process->pid);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	n = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[n] = '\0';
	p = strrchr(text, ')');
	if (p == NULL)
		return false;
	return sscanf(p + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		      &process->parent, &process->user, &process->system) == 3;
}

static unsigned read_all(struct process *processes)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	unsigned count = 0;

	while (proc != NULL && count < PROCESSES_MAX && (entry = readdir(proc)) != NULL) {
		struct process *process = &processes[count];

		process->pid = (pid_t)atol(entry->d_name);
		process->ours = false;
		if (process->pid > 0 && read_stat(process))
			count++;
	}
	if (proc != NULL)
		closedir(proc);
	return count;
}

static bool is_ours(const struct process *processes, unsigned count, pid_t pid)
{
	for (unsigned i = 0; i < count; i++) {
		if (processes[i].pid == pid)
			return processes[i].ours;
	}
	return false;
}

static void mark(struct process *processes, unsigned count, const pid_t *pids, unsigned pid_count)
{
	bool more = true;

	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < pid_count; j++)
			processes[i].ours |= processes[i].pid == pids[j];
	}
	while (more) {
		more = false;
		for (unsigned i = 0; i < count; i++) {
			if (!processes[i].ours && is_ours(processes, count, processes[i].parent))
				more = processes[i].ours = true;
		}
	}
}

static void add_memory(struct usage *usage, pid_t pid)
{
	char path[64], line[256];
	FILE *file;
	long kib;

	snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
	file = fopen(path, "r");
	if (file == NULL)
		return;
	while (fgets(line, sizeof line, file) != NULL) {
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			usage->peak += kib;
		else if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			usage->resident += kib;
	}
	fclose(file);
}

void usage_read(struct usage *usage, const pid_t *pids, unsigned count)
{
	static struct process processes[PROCESSES_MAX];
	double tick = (double)sysconf(_SC_CLK_TCK);
	unsigned all = read_all(processes);

	memset(usage, 0, sizeof *usage);
	mark(processes, all, pids, count);
	for (unsigned i = 0; i < all; i++) {
		if (!processes[i].ours)
			continue;
		usage->user += (double)processes[i].user / tick;
		usage->system += (double)processes[i].system / tick;
		add_memory(usage, processes[i].pid);
	}
}
