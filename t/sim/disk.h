/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk with its page cache. What was written is seen by every process at once, and survives them;
 * the power it survives only once it was synchronized: without that each page is, by chance, as it
 * was, as it is, or a mixture of sectors, and of what was done to names a beginning is kept.
 */
#ifndef T_SIM_DISK_H
#define T_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "t/sim/world.h"

enum { DISK_PAGE = 4096, DISK_SECTOR = 512 };

struct disk;
struct inode;

struct disk *disk_new(const char *directory); /* whose path it is; it has an inode, too */
void disk_free(struct disk *disk);
void disk_crash(struct disk *disk);
void disk_release(struct process *process); /* closes what it has open */

/* ---- names. 0 or a code of errno ---- */

struct inode *disk_find(struct disk *disk, const char *path);
struct inode *disk_create(struct disk *disk, const char *path);
int disk_unlink(struct disk *disk, const char *path);
int disk_rename(struct disk *disk, const char *from, const char *to);
typedef void disk_visit(void *arg, const char *path, struct inode *inode);
void disk_each(struct disk *disk, disk_visit *visit, void *arg);

/* ---- content: -1 with errno. What a write returns may be less than LEN ---- */

ssize_t disk_read(struct inode *inode, void *to, size_t len, int64_t at);
ssize_t disk_write(struct inode *inode, const void *from, size_t len, int64_t at);
int disk_truncate(struct inode *inode, int64_t size);
int disk_reserve(struct inode *inode, int64_t size);
int disk_sync(struct inode *inode);
int64_t disk_size(const struct inode *inode);
uint64_t disk_number(const struct inode *inode);
uint64_t disk_writes(const struct inode *inode); /* how many there were */
unsigned disk_links(const struct inode *inode);
bool disk_rot(struct inode *inode, int64_t from); /* changes a bit of a page in use; false: none */

/* A copy of all that is in a file, whole and synchronized. */
void disk_copy(struct inode *from, struct inode *to);

/* ---- for t/sim/vfs.c: SQLite's locks and shared memory of a file, as the file has them ---- */

struct disk_locks {
	unsigned shared;
	void *reserved, *pending, *exclusive; /* who has it */
	unsigned users;                       /* of the shared memory */
	unsigned char **regions;
	unsigned region_count;
	unsigned short_shared[8];
	void *short_exclusive[8];
};
struct disk_locks *disk_locks(struct inode *inode);

/* ---- descriptors ---- */

enum { DISK_FD = 1 << 20 /* the first one */ };
int disk_open(struct inode *inode); /* of the process that runs */
bool disk_open_fails(void);         /* EIO */
struct inode *disk_inode(int fd);
bool disk_is_fd(int fd);
void disk_close(int fd);
bool disk_flock(int fd, bool exclusive, bool unlock); /* false: another one has it */

#endif
