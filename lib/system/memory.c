/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/system/memory.h"

#include <stdio.h>
#include <unistd.h>

struct memory memory_now(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	const int64_t page = sysconf(_SC_PAGESIZE);
	struct memory memory = {0, 0};
	long long size, resident;

	if (file == NULL)
		return memory;
	if (fscanf(file, "%lld %lld", &size, &resident) == 2)
		memory = (struct memory){size * page, resident * page};
	fclose(file);
	return memory;
}
