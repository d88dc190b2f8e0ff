/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/sim/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/lock.h"
#include "t/sim/disk.h"

#define REAL(result, name, ...) result __real_##name(__VA_ARGS__)

REAL(int, open, const char *, int, ...);
REAL(int, close, int);
REAL(ssize_t, pread, int, void *, size_t, off_t);
REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
REAL(int, fsync, int);
REAL(int, flock, int, int);
REAL(int, stat, const char *, struct stat *);
REAL(int, fstat, int, struct stat *);
REAL(int, access, const char *, int);
REAL(int, unlink, const char *);
REAL(int, rename, const char *, const char *);

/* The wrappers are called by the linker's choice. */
#define WRAP(result, name, ...)                                                                    \
	result __wrap_##name(__VA_ARGS__);                                                         \
	result __wrap_##name(__VA_ARGS__)

static int fail(int code)
{
	errno = code;
	return -1;
}

/* ---- files ---- */

struct disk *calls_disk(const char *path)
{
	for (struct machine *m = world.machines; m < world.machines + WORLD_MACHINES; m++) {
		size_t len = m->name == NULL ? 0 : strlen(m->name);

		if (len > 0 && strncmp(path, "/sim/", 5) == 0 &&
		    strncmp(path + 5, m->name, len) == 0 &&
		    (path[5 + len] == '/' || path[5 + len] == '\0'))
			return m->disk;
	}
	return NULL;
}

WRAP(int, open, const char *path, int flags, unsigned mode)
{
	struct disk *disk = calls_disk(path);
	struct inode *inode;

	if (disk == NULL)
		return __real_open(path, flags, mode);
	world_point(5000);
	if (disk_open_fails())
		return -1;
	inode = disk_find(disk, path);
	if (inode != NULL && (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0)
		return fail(EEXIST);
	if (inode == NULL && (flags & O_CREAT) == 0)
		return fail(ENOENT);
	if (inode == NULL)
		inode = disk_create(disk, path);
	else if ((flags & O_TRUNC) != 0)
		disk_truncate(inode, 0);
	return disk_open(inode);
}

WRAP(int, close, int fd)
{
	if (!disk_is_fd(fd))
		return __real_close(fd);
	disk_close(fd);
	return 0;
}

WRAP(ssize_t, pread, int fd, void *to, size_t len, off_t at)
{
	return disk_is_fd(fd) ? disk_read(disk_inode(fd), to, len, at)
			      : __real_pread(fd, to, len, at);
}

WRAP(ssize_t, pwrite, int fd, const void *from, size_t len, off_t at)
{
	return disk_is_fd(fd) ? disk_write(disk_inode(fd), from, len, at)
			      : __real_pwrite(fd, from, len, at);
}

WRAP(ssize_t, pwritev, int fd, const struct iovec *parts, int count, off_t at)
{
	size_t len = 0;
	ssize_t result;
	char *all;

	for (int i = 0; i < count; i++)
		len += parts[i].iov_len;
	all = malloc(len);
	if (all == NULL)
		abort();
	len = 0;
	for (int i = 0; i < count; len += parts[i++].iov_len)
		memcpy(all + len, parts[i].iov_base, parts[i].iov_len);
	result = disk_write(disk_inode(fd), all, len, at);
	free(all);
	return result;
}

WRAP(int, fsync, int fd)
{
	return disk_is_fd(fd) ? disk_sync(disk_inode(fd)) : __real_fsync(fd);
}

WRAP(int, ftruncate, int fd, off_t size)
{
	return disk_truncate(disk_inode(fd), size);
}

WRAP(int, posix_fallocate, int fd, off_t at, off_t len)
{
	return disk_reserve(disk_inode(fd), at + len);
}

WRAP(int, flock, int fd, int what)
{
	if (!disk_is_fd(fd))
		return __real_flock(fd, what);
	world_point(1000);
	while (!disk_flock(fd, (what & LOCK_EX) != 0, (what & LOCK_UN) != 0)) {
		if ((what & LOCK_NB) != 0)
			return fail(EWOULDBLOCK);
		task_sleep(CLOCK_MS);
	}
	return 0;
}

static int describe(struct inode *inode, struct stat *st)
{
	memset(st, 0, sizeof *st);
	st->st_mode = S_IFREG | 0640;
	st->st_dev = 1;
	st->st_ino = disk_number(inode);
	st->st_nlink = disk_links(inode);
	st->st_size = disk_size(inode);
	return 0;
}

WRAP(int, stat, const char *path, struct stat *st)
{
	struct disk *disk = calls_disk(path);
	struct inode *inode = disk == NULL ? NULL : disk_find(disk, path);

	if (disk == NULL)
		return __real_stat(path, st);
	world_point(1000);
	return inode == NULL ? fail(ENOENT) : describe(inode, st);
}

WRAP(int, fstat, int fd, struct stat *st)
{
	return disk_is_fd(fd) ? describe(disk_inode(fd), st) : __real_fstat(fd, st);
}

WRAP(int, access, const char *path, int mode)
{
	struct disk *disk = calls_disk(path);

	if (disk == NULL)
		return __real_access(path, mode);
	return disk_find(disk, path) == NULL ? fail(ENOENT) : 0;
}

WRAP(int, unlink, const char *path)
{
	struct disk *disk = calls_disk(path);
	int code;

	if (disk == NULL)
		return __real_unlink(path);
	world_point(10000);
	code = disk_unlink(disk, path);
	return code == 0 ? 0 : fail(code);
}

WRAP(int, rename, const char *from, const char *to)
{
	struct disk *disk = calls_disk(from);
	int code;

	if (disk == NULL)
		return __real_rename(from, to);
	world_point(10000);
	code = disk_rename(disk, from, to);
	return code == 0 ? 0 : fail(code);
}

WRAP(int, fchmod, int fd, mode_t mode)
{
	(void)fd, (void)mode;
	return 0;
}

WRAP(int, fchown, int fd, uid_t user, gid_t group)
{
	(void)fd, (void)user, (void)group;
	return 0;
}

WRAP(int, statvfs, const char *path, struct statvfs *fs)
{
	bool full =
	    world.process != NULL && world.weather.full[world.process->machine - world.machines];

	(void)path;
	memset(fs, 0, sizeof *fs);
	fs->f_frsize = DISK_PAGE;
	fs->f_bavail = full ? 0 : 1 << 20;
	return 0;
}

/* ---- a temporary file: in memory, so that a dead process leaves no descriptor ---- */

struct scratch {
	char *data;
	size_t len, room, at;
};

static ssize_t read_scratch(void *cookie, char *to, size_t len)
{
	struct scratch *s = cookie;

	if (len > s->len - s->at)
		len = s->len - s->at;
	memcpy(to, s->data + s->at, len);
	s->at += len;
	return (ssize_t)len;
}

static ssize_t write_scratch(void *cookie, const char *from, size_t len)
{
	struct scratch *s = cookie;

	if (s->at + len > s->room) {
		s->room = 2 * (s->at + len);
		s->data = realloc(s->data, s->room);
		if (s->data == NULL)
			abort();
	}
	memcpy(s->data + s->at, from, len);
	s->at += len;
	if (s->at > s->len)
		s->len = s->at;
	return (ssize_t)len;
}

static int seek_scratch(void *cookie, off64_t *to, int from)
{
	struct scratch *s = cookie;
	off64_t base = from == SEEK_SET ? 0 : from == SEEK_CUR ? (off64_t)s->at : (off64_t)s->len;

	if (base + *to < 0 || base + *to > (off64_t)s->len)
		return -1;
	s->at = (size_t)(base + *to);
	*to = (off64_t)s->at;
	return 0;
}

static int close_scratch(void *cookie)
{
	free(((struct scratch *)cookie)->data);
	free(cookie);
	return 0;
}

WRAP(FILE *, tmpfile, void)
{
	const cookie_io_functions_t calls = {read_scratch, write_scratch, seek_scratch,
					     close_scratch};

	return fopencookie(calloc(1, sizeof(struct scratch)), "w+", calls);
}

/* ---- the end of a process that has no memory ---- */

__attribute__((noreturn)) void __real_abort(void);
__attribute__((noreturn)) void __wrap_abort(void);
void __wrap_abort(void)
{
	if (world.point == POINT_MEMORY && world.process != NULL && world.sheltered == 0) {
		world_say("it aborts");
		process_kill(world.process);
	}
	__real_abort();
}

/* ---- time ---- */

WRAP(int64_t, clock_mono, void)
{
	return world.now + CLOCK_SECOND;
}

WRAP(int64_t, clock_wall, void)
{
	return machine_wall(world.process == NULL ? &world.machines[0] : world.process->machine);
}

WRAP(int, nanosleep, const struct timespec *time, struct timespec *left)
{
	(void)left;
	task_sleep(time->tv_sec * CLOCK_SECOND + time->tv_nsec);
	world_point(0);
	return 0;
}

/* ---- who, and chance ---- */

WRAP(pid_t, getpid, void)
{
	return world.process == NULL ? 1 : (pid_t)world.process->id;
}

WRAP(int, uname, struct utsname *system)
{
	memset(system, 0, sizeof *system);
	snprintf(system->nodename, sizeof system->nodename, "%s",
		 world.process == NULL ? "none" : world.process->machine->name);
	return 0;
}

WRAP(ssize_t, getrandom, void *to, size_t len, unsigned flags)
{
	(void)flags;
	for (size_t i = 0; i < len; i++)
		((unsigned char *)to)[i] = (unsigned char)world_random();
	return (ssize_t)len;
}

WRAP(int, getentropy, void *to, size_t len)
{
	(void)__wrap_getrandom(to, len, 0);
	return 0;
}

/* ---- locks and threads (lib/lock.h): the first bytes of a lock say which task has it ---- */

WRAP(void, lock_init, struct lock *lock)
{
	memset(lock, 0, sizeof *lock);
}

WRAP(void, lock_done, struct lock *lock)
{
	(void)lock;
}

WRAP(void, lock_take, struct lock *lock)
{
	struct task **holder = (struct task **)(void *)lock;

	if (world.sheltered == 0 && world.process != NULL && world_below(16) == 0)
		task_yield();
	while (*holder != NULL)
		task_wait(lock, INT64_MAX);
	*holder = world.task;
}

WRAP(void, lock_drop, struct lock *lock)
{
	*(struct task **)(void *)lock = NULL;
	task_wake(lock, false);
}

WRAP(void, cond_init, struct cond *cond)
{
	memset(cond, 0, sizeof *cond);
}

WRAP(void, cond_done, struct cond *cond)
{
	(void)cond;
}

WRAP(void, cond_wake_one, struct cond *cond)
{
	task_wake(cond, false);
}

WRAP(void, cond_wake_all, struct cond *cond)
{
	task_wake(cond, true);
}

WRAP(bool, cond_wait_until, struct cond *cond, struct lock *lock, int64_t deadline)
{
	bool woken;

	__wrap_lock_drop(lock);
	woken = task_wait(cond, deadline - CLOCK_SECOND); /* as clock_mono() */
	__wrap_lock_take(lock);
	return woken;
}

WRAP(void, cond_wait, struct cond *cond, struct lock *lock)
{
	(void)__wrap_cond_wait_until(cond, lock, INT64_MAX);
}

struct thread {
	void *(*run)(void *);
	void *arg;
};

static void run_thread(void *arg)
{
	struct thread thread = *(struct thread *)arg;

	free(arg);
	thread.run(thread.arg);
}

WRAP(int, thread_start, pthread_t *id, void *(*run)(void *), void *arg)
{
	struct thread *thread = malloc(sizeof *thread);

	if (thread == NULL)
		abort();
	*thread = (struct thread){run, arg};
	*id = (pthread_t)task_start(world.process, run_thread, thread);
	return 0;
}

WRAP(int, pthread_join, pthread_t id, void **result)
{
	(void)result;
	task_join((struct task *)id);
	return 0;
}
