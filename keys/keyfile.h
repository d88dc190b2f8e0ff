/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files with private keys: who may own, read and change them, and how a new one is made.
 *
 * Good enough is: nobody but root, this process's user and, to read, the file's group can get at a
 * key. A file must be a regular one, owned by root or by us, neither readable nor writable by
 * others (unless the administrator allows others to read), not writable by its group; a directory
 * owned likewise and not writable by others. What is
 * checked is what was opened, so a symbolic link (configuration management, mounted secrets) is as
 * good as the file it leads to. A process of root's also trusts the owner of the key directory.
 *
 * Every reason names the path, its state, and the command that repairs it.
 */
#ifndef KEYS_KEYFILE_H
#define KEYS_KEYFILE_H

#include <sys/types.h>

#include "lib/span.h"
#include "lib/why.h"

enum { KEYFILE_MAX = 32768 }; /* bytes in a key file */

/* Who may own what is below the top directory, beside root, and whether others may read keys. */
struct keyfile_trust {
	uid_t owner;
	bool readable; /* others may read a key, but never change it */
};

/* Opens the directory that holds all keys and sets TRUST's owner. -1 with errno ENOENT when it does
 * not exist. */
int keyfile_open_top(const char *path, struct keyfile_trust *trust, struct why *why);

/* The directory NAME in AT; PATH is its whole name, for reasons. -1 with errno ENOTDIR (and no
 * reason) when it is something else. */
int keyfile_open_directory(int at, const char *name, const char *path,
			   const struct keyfile_trust *trust, struct why *why);

/* Reads the file NAME in AT into BUFFER, which the caller wipes. */
int keyfile_read(int at, const char *name, const char *path, const struct keyfile_trust *trust,
		 char buffer[KEYFILE_MAX], struct span *text, struct why *why);

/* The same for a file that describes a key and is not secret: others may read it, but not change
 * it. The text is empty when there is no such file. */
int keyfile_read_note(int at, const char *name, const char *path, const struct keyfile_trust *trust,
		      char buffer[KEYFILE_MAX], struct span *text, struct why *why);

/*
 * Makes the file NAME in the directory PATH, and the directory and its parent where they are
 * missing (0750). The file has mode 0640, is complete when it appears, and never takes the place of
 * another. Root gives everything new the group of the directory it is in.
 */
int keyfile_create(const char *path, const char *name, struct span text, struct why *why);

/* The same, but takes the place of a file of that name. */
int keyfile_replace(const char *path, const char *name, struct span text, struct why *why);

#endif
