/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/sim/vfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "t/sim/calls.h"
#include "t/sim/disk.h"

enum { OPEN_MAX_FILES = 256, REGION = 32768, SLOTS = 8 };

struct file {
	sqlite3_file base;
	struct inode *inode;
	struct disk *disk;
	struct process *owner;
	int level;
	bool uses_shm;
	unsigned short_shared, short_exclusive; /* slots, one bit for each */
	char path[100];
	bool delete_on_close;
	int error; /* of the last read that failed */
};

static struct file *open_files[OPEN_MAX_FILES];

static struct file *file_of(sqlite3_file *base)
{
	return (struct file *)base;
}

/* ---- locks ---- */

static void lower_lock(struct file *file, int level)
{
	struct disk_locks *locks = disk_locks(file->inode);

	if (locks->reserved == file && level < SQLITE_LOCK_RESERVED)
		locks->reserved = NULL;
	if (locks->pending == file && level < SQLITE_LOCK_PENDING)
		locks->pending = NULL;
	if (locks->exclusive == file && level < SQLITE_LOCK_EXCLUSIVE)
		locks->exclusive = NULL;
	if (file->level >= SQLITE_LOCK_SHARED && level < SQLITE_LOCK_SHARED)
		locks->shared--;
	file->level = level;
}

static int vfs_lock(sqlite3_file *base, int level)
{
	struct file *file = file_of(base);
	struct disk_locks *locks = disk_locks(file->inode);

	world_point(1000);
	if (file->level >= level)
		return SQLITE_OK;
	if (process_is_broken("sqlite-locks-lie")) {
		locks->shared += file->level < SQLITE_LOCK_SHARED;
		file->level = level;
		return SQLITE_OK;
	}
	if (level == SQLITE_LOCK_SHARED) {
		if (locks->pending != NULL || locks->exclusive != NULL)
			return SQLITE_BUSY;
		locks->shared++;
	} else if (level == SQLITE_LOCK_RESERVED) {
		if (locks->reserved != NULL)
			return SQLITE_BUSY;
		locks->reserved = file;
	} else {
		if ((locks->pending != NULL && locks->pending != file) ||
		    (locks->reserved != NULL && locks->reserved != file))
			return SQLITE_BUSY;
		locks->pending = file;
		if (file->level < SQLITE_LOCK_PENDING)
			file->level = SQLITE_LOCK_PENDING;
		if (locks->shared > 1)
			return SQLITE_BUSY;
		locks->exclusive = file;
	}
	file->level = level;
	return SQLITE_OK;
}

static int vfs_unlock(sqlite3_file *base, int level)
{
	world_point(1000);
	if (file_of(base)->level > level)
		lower_lock(file_of(base), level);
	return SQLITE_OK;
}

static int vfs_check_reserved(sqlite3_file *base, int *result)
{
	const struct disk_locks *locks = disk_locks(file_of(base)->inode);

	*result = locks->reserved != NULL || locks->pending != NULL || locks->exclusive != NULL;
	return SQLITE_OK;
}

/* ---- the index of the write-ahead log ---- */

static int shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **to)
{
	struct file *file = file_of(base);
	struct disk_locks *locks = disk_locks(file->inode);

	world_point(1000);
	if (size != REGION)
		return SQLITE_IOERR_SHMMAP;
	if (!file->uses_shm)
		locks->users++;
	file->uses_shm = true;
	*to = NULL;
	if ((unsigned)region >= locks->region_count && !extend)
		return SQLITE_OK;
	while ((unsigned)region >= locks->region_count) {
		locks->regions =
		    realloc(locks->regions, (locks->region_count + 1) * sizeof *locks->regions);
		locks->regions[locks->region_count++] = calloc(1, REGION);
	}
	*to = locks->regions[region];
	return SQLITE_OK;
}

static void drop_slots(struct file *file, unsigned mask)
{
	struct disk_locks *locks = disk_locks(file->inode);

	for (unsigned i = 0; i < SLOTS; i++) {
		if ((mask >> i & 1) == 0)
			continue;
		if ((file->short_shared >> i & 1) != 0)
			locks->short_shared[i]--;
		if (locks->short_exclusive[i] == file)
			locks->short_exclusive[i] = NULL;
	}
	file->short_shared &= ~mask;
	file->short_exclusive &= ~mask;
}

static bool can_take(const struct file *file, const struct disk_locks *locks, unsigned i,
		     bool exclusive)
{
	unsigned own = file->short_shared >> i & 1;

	if (process_is_broken("sqlite-locks-lie"))
		return true;
	if (locks->short_exclusive[i] != NULL && locks->short_exclusive[i] != file)
		return false;
	return !exclusive || locks->short_shared[i] == own;
}

static int shm_lock(sqlite3_file *base, int first, int count, int flags)
{
	struct file *file = file_of(base);
	struct disk_locks *locks = disk_locks(file->inode);
	unsigned mask = ((1U << count) - 1) << first;
	bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;

	world_point(500);
	if (flags & SQLITE_SHM_UNLOCK) {
		drop_slots(file, mask);
		return SQLITE_OK;
	}
	for (unsigned i = (unsigned)first; i < (unsigned)(first + count); i++)
		if (!can_take(file, locks, i, exclusive))
			return SQLITE_BUSY;
	for (unsigned i = (unsigned)first; i < (unsigned)(first + count); i++) {
		if (exclusive)
			locks->short_exclusive[i] = file;
		else if ((file->short_shared >> i & 1) == 0)
			locks->short_shared[i]++;
	}
	if (exclusive)
		file->short_exclusive |= mask;
	else
		file->short_shared |= mask;
	return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *base)
{
	(void)base;
}

static void leave_shm(struct file *file)
{
	struct disk_locks *locks = disk_locks(file->inode);

	drop_slots(file, (1U << SLOTS) - 1);
	if (!file->uses_shm)
		return;
	file->uses_shm = false;
	if (--locks->users > 0)
		return;
	for (unsigned i = 0; i < locks->region_count; i++)
		free(locks->regions[i]);
	free(locks->regions);
	locks->regions = NULL;
	locks->region_count = 0;
}

static int shm_unmap(sqlite3_file *base, int delete)
{
	(void)delete;
	leave_shm(file_of(base));
	return SQLITE_OK;
}

/* ---- a file ---- */

static void let_go(struct file *file)
{
	leave_shm(file);
	lower_lock(file, SQLITE_LOCK_NONE);
	for (unsigned i = 0; i < OPEN_MAX_FILES; i++)
		if (open_files[i] == file)
			open_files[i] = NULL;
}

static int vfs_close(sqlite3_file *base)
{
	struct file *file = file_of(base);

	let_go(file);
	if (file->delete_on_close && file->path[0] != '\0')
		(void)disk_unlink(file->disk, file->path);
	return SQLITE_OK;
}

static int vfs_read(sqlite3_file *base, void *to, int len, sqlite3_int64 at)
{
	ssize_t got = disk_read(file_of(base)->inode, to, (size_t)len, at);

	if (got == len)
		return SQLITE_OK;
	if (got < 0) { /* as SQLite's own: then "malformed" is what it says of the file */
		file_of(base)->error = errno;
		return SQLITE_IOERR_CORRUPTFS;
	}
	memset((char *)to + got, 0, (size_t)(len - got));
	return SQLITE_IOERR_SHORT_READ;
}

static int vfs_write(sqlite3_file *base, const void *from, int len, sqlite3_int64 at)
{
	ssize_t put = disk_write(file_of(base)->inode, from, (size_t)len, at);

	if (put == len)
		return SQLITE_OK;
	return put >= 0 || errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int vfs_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	return disk_truncate(file_of(base)->inode, size) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int vfs_sync(sqlite3_file *base, int flags)
{
	(void)flags;
	return disk_sync(file_of(base)->inode) == 0 ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int vfs_size(sqlite3_file *base, sqlite3_int64 *size)
{
	*size = disk_size(file_of(base)->inode);
	return SQLITE_OK;
}

static int vfs_control(sqlite3_file *base, int what, void *arg)
{
	struct file *file = file_of(base);

	if (what != SQLITE_FCNTL_HAS_MOVED && what != SQLITE_FCNTL_LAST_ERRNO)
		return SQLITE_NOTFOUND;
	*(int *)arg = what == SQLITE_FCNTL_LAST_ERRNO
			  ? file->error
			  : disk_find(file->disk, file->path) != file->inode;
	return SQLITE_OK;
}

static int vfs_sector(sqlite3_file *base)
{
	(void)base;
	return 4096;
}

static int vfs_traits(sqlite3_file *base)
{
	(void)base;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_reserved,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector,
    .xDeviceCharacteristics = vfs_traits,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* ---- the file system ---- */

static int note_open(struct file *file)
{
	for (unsigned i = 0; i < OPEN_MAX_FILES; i++) {
		if (open_files[i] != NULL)
			continue;
		open_files[i] = file;
		return SQLITE_OK;
	}
	abort();
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags,
		    int *out_flags)
{
	struct file *file = file_of(base);
	struct disk *disk = path == NULL ? world.machines[0].disk : calls_disk(path);

	(void)vfs;
	world_point(10000);
	memset(file, 0, sizeof *file);
	if (disk == NULL || disk_open_fails())
		return SQLITE_CANTOPEN;
	file->inode = path == NULL ? disk_create(disk, NULL) : disk_find(disk, path);
	if (file->inode == NULL && (flags & SQLITE_OPEN_CREATE) == 0)
		return SQLITE_CANTOPEN;
	if (file->inode == NULL)
		file->inode = disk_create(disk, path);
	file->disk = disk;
	file->owner = world.process;
	file->delete_on_close = path != NULL && (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
	if (path != NULL)
		sqlite3_snprintf(sizeof file->path, file->path, "%s", path);
	file->base.pMethods = &methods;
	if (out_flags != NULL)
		*out_flags = flags;
	return note_open(file);
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
	struct disk *disk = calls_disk(path);

	(void)vfs, (void)sync_directory;
	world_point(10000);
	return disk == NULL || disk_unlink(disk, path) != 0 ? SQLITE_IOERR_DELETE_NOENT : SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
	struct disk *disk = calls_disk(path);
	struct inode *inode = disk == NULL ? NULL : disk_find(disk, path);

	(void)vfs;
	world_point(1000);
	*result = inode != NULL && (flags != SQLITE_ACCESS_EXISTS || disk_size(inode) > 0);
	return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int len, char *to)
{
	(void)vfs;
	sqlite3_snprintf(len, to, "%s", path);
	return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *to)
{
	(void)vfs;
	for (int i = 0; i < len; i++)
		to[i] = (char)world_random();
	return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
	(void)vfs;
	task_sleep(microseconds * INT64_C(1000));
	return microseconds;
}

static int vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *julian_ms)
{
	const struct machine *machine =
	    world.process == NULL ? &world.machines[0] : world.process->machine;

	(void)vfs;
	*julian_ms = INT64_C(210866760000000) + machine_wall(machine) * 1000;
	return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *to)
{
	(void)vfs;
	if (len > 0)
		to[0] = '\0';
	return 0;
}

/* ---- memory ---- */

static sqlite3_mem_methods memory;

static void *give_memory(int size)
{
	if (!world_fails(POINT_MEMORY))
		return memory.xMalloc(size);
	world_fault(FAULT_MEMORY);
	return NULL;
}

static void *resize_memory(void *old, int size)
{
	if (!world_fails(POINT_MEMORY))
		return memory.xRealloc(old, size);
	world_fault(FAULT_MEMORY);
	return NULL;
}

static void register_memory(void)
{
	sqlite3_mem_methods own;

	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory);
	own = memory;
	own.xMalloc = give_memory;
	own.xRealloc = resize_memory;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &own);
}

void vfs_register(void)
{
	static sqlite3_vfs vfs = {
	    .iVersion = 2,
	    .szOsFile = sizeof(struct file),
	    .mxPathname = 90,
	    .zName = "simulated",
	    .xOpen = vfs_open,
	    .xDelete = vfs_delete,
	    .xAccess = vfs_access,
	    .xFullPathname = vfs_full_path,
	    .xRandomness = vfs_randomness,
	    .xSleep = vfs_sleep,
	    .xGetLastError = vfs_last_error,
	    .xCurrentTimeInt64 = vfs_time,
	};

	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD); /* it sees one thread */
	register_memory();
	sqlite3_initialize();
	sqlite3_vfs_register(&vfs, 1);
}

void vfs_release(struct process *process)
{
	for (unsigned i = 0; i < OPEN_MAX_FILES; i++)
		if (open_files[i] != NULL && open_files[i]->owner == process)
			let_go(open_files[i]);
}

void vfs_begin(void)
{
	memset(open_files, 0, sizeof open_files);
}
