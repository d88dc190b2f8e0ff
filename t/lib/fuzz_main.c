/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replays inputs through a fuzz driver where there is no libFuzzer. Each input is copied into
 * memory of exactly its size, so that a read past its end is seen by a sanitizer.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "t/lib/fuzz.h"

static unsigned inputs;

static bool fault(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return false;
}

static bool replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size > 0 ? size : 1);
	bool good = file != NULL && data != NULL && fread(data, 1, size, file) == size;

	if (good) {
		inputs++;
		good = LLVMFuzzerTestOneInput(data, size) == 0;
	} else {
		fault(path);
	}
	free(data);
	if (file != NULL)
		fclose(file);
	return good;
}

static bool replay_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool good = true;

	if (dir == NULL)
		return fault(path);
	while ((entry = readdir(dir)) != NULL) {
		char name[4096];
		struct stat status;

		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		if (entry->d_name[0] == '.')
			continue;
		if (stat(name, &status) == -1)
			good = fault(name);
		else if (S_ISREG(status.st_mode) && !replay_file(name, (size_t)status.st_size))
			good = false;
	}
	closedir(dir);
	return good;
}

int main(int argc, char **argv)
{
	bool good = true;

	for (int i = 1; i < argc; i++) {
		struct stat status;

		if (argv[i][0] == '-')
			continue;
		if (stat(argv[i], &status) == -1)
			good = fault(argv[i]);
		else if (S_ISDIR(status.st_mode))
			good = replay_directory(argv[i]) && good;
		else
			good = replay_file(argv[i], (size_t)status.st_size) && good;
	}
	printf("%u inputs\n", inputs);
	return good && inputs > 0 ? 0 : 1;
}
