/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/sim/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/sim/vfs.h"

struct page {
	unsigned char *now;  /* NULL: zeros */
	unsigned char *safe; /* on the platter, if DIRTY */
	bool dirty;
};

struct inode {
	char name[24];      /* the last part of its first name */
	struct inode *next; /* of the disk */
	uint64_t number;
	unsigned links;
	int64_t size, safe_size;
	uint64_t writes;
	int64_t reserved; /* bytes that a full disk has room for */
	struct page *pages;
	size_t count;
	struct disk_locks locks;
};

struct name {
	struct name *next;
	char *path;
	struct inode *inode;
};

/* What was done to names since the last sync, to be undone from its end. */
struct change {
	struct change *before;
	char *path;
	struct inode *inode; /* that had the name before, or NULL */
	bool paired;         /* with the one before: a rename is undone as a whole */
};

struct disk {
	struct name *names;
	struct inode *inodes;
	struct change *changes;
	unsigned change_count;
	uint64_t number;
};

struct handle {
	bool used;
	struct inode *inode;
	struct process *owner;
	enum { UNLOCKED, SHARED, EXCLUSIVE } lock;
};
enum { HANDLES = 512 };
static struct handle handles[HANDLES];

/* ---- names ---- */

static void forget_changes(struct disk *disk)
{
	for (struct change *before, *c = disk->changes; c != NULL; c = before) {
		before = c->before;
		free(c->path);
		free(c);
	}
	disk->changes = NULL;
	disk->change_count = 0;
}

static struct name **find_name(struct disk *disk, const char *path)
{
	struct name **at = &disk->names;

	while (*at != NULL && strcmp((*at)->path, path) != 0)
		at = &(*at)->next;
	return at;
}

struct inode *disk_find(struct disk *disk, const char *path)
{
	struct name *name = *find_name(disk, path);

	return name == NULL ? NULL : name->inode;
}

static void set_name(struct disk *disk, const char *path, struct inode *inode)
{
	struct name **at = find_name(disk, path), *name = *at;

	if (name != NULL) {
		name->inode->links--;
		*at = name->next;
		free(name->path);
		free(name);
	}
	if (inode == NULL)
		return;
	name = calloc(1, sizeof *name);
	if (name == NULL || (name->path = strdup(path)) == NULL)
		abort();
	name->inode = inode;
	inode->links++;
	name->next = disk->names;
	disk->names = name;
}

static void change_name(struct disk *disk, const char *path, struct inode *inode)
{
	struct change *change = calloc(1, sizeof *change);

	if (change == NULL || (change->path = strdup(path)) == NULL)
		abort();
	change->inode = disk_find(disk, path);
	change->before = disk->changes;
	disk->changes = change;
	disk->change_count++;
	set_name(disk, path, inode);
}

struct inode *disk_create(struct disk *disk, const char *path)
{
	struct inode *inode = calloc(1, sizeof *inode);

	if (inode == NULL)
		abort();
	inode->number = ++disk->number;
	inode->next = disk->inodes;
	disk->inodes = inode;
	if (path != NULL) {
		snprintf(inode->name, sizeof inode->name, "%s", strrchr(path, '/') + 1);
		change_name(disk, path, inode);
	}
	return inode;
}

struct disk *disk_new(const char *directory)
{
	struct disk *disk = calloc(1, sizeof *disk);

	if (disk == NULL)
		abort();
	disk_create(disk, directory);
	forget_changes(disk);
	return disk;
}

int disk_unlink(struct disk *disk, const char *path)
{
	if (disk_find(disk, path) == NULL)
		return ENOENT;
	change_name(disk, path, NULL);
	return 0;
}

int disk_rename(struct disk *disk, const char *from, const char *to)
{
	struct inode *inode = disk_find(disk, from);

	if (inode == NULL)
		return ENOENT;
	change_name(disk, to, inode);
	change_name(disk, from, NULL);
	disk->changes->paired = true;
	return 0;
}

void disk_each(struct disk *disk, disk_visit *visit, void *arg)
{
	for (struct name *next, *name = disk->names; name != NULL; name = next) {
		next = name->next;
		visit(arg, name->path, name->inode);
	}
}

/* ---- content ---- */

int64_t disk_size(const struct inode *inode)
{
	return inode->size;
}

uint64_t disk_number(const struct inode *inode)
{
	return inode->number;
}

uint64_t disk_writes(const struct inode *inode)
{
	return inode->writes;
}

unsigned disk_links(const struct inode *inode)
{
	return inode->links;
}

struct disk_locks *disk_locks(struct inode *inode)
{
	return &inode->locks;
}

static void have_pages(struct inode *inode, size_t count)
{
	size_t room = inode->count == 0 ? 8 : inode->count;

	if (count <= inode->count)
		return;
	while (room < count)
		room *= 2;
	inode->pages = realloc(inode->pages, room * sizeof *inode->pages);
	if (inode->pages == NULL)
		abort();
	memset(inode->pages + inode->count, 0, (room - inode->count) * sizeof *inode->pages);
	inode->count = room;
}

static unsigned char *copy_page(const unsigned char *page)
{
	unsigned char *copy = page == NULL ? calloc(1, DISK_PAGE) : malloc(DISK_PAGE);

	if (copy == NULL)
		abort();
	if (page != NULL)
		memcpy(copy, page, DISK_PAGE);
	return copy;
}

static unsigned char *page_to_write(struct inode *inode, size_t number)
{
	struct page *page;

	have_pages(inode, number + 1);
	page = &inode->pages[number];
	if (!page->dirty) {
		page->safe = page->now;
		page->now = copy_page(page->safe);
		page->dirty = true;
	} else if (page->now == NULL) {
		page->now = copy_page(NULL);
	}
	return page->now;
}

static bool is_full(void)
{
	return world.process != NULL && world.sheltered == 0 &&
	       world.weather.full[world.process->machine - world.machines];
}

/* May the page be written on a full disk? */
static bool has_room(const struct inode *inode, size_t number)
{
	return !is_full() || (int64_t)number * DISK_PAGE < inode->reserved ||
	       (number < inode->count && inode->pages[number].now != NULL);
}

static void trace_call(const char *what, const struct inode *inode, size_t len, int64_t at)
{
	if (world.verbose > 1)
		world_say("%s %s: %zu at %lld", what, inode->name, len, (long long)at);
}

static bool fails(enum fault fault)
{
	if (world.process == NULL || world.sheltered > 0)
		return false;
	if (!world_fails(POINT_DISK) && !world_chance(world.weather.eio))
		return false;
	world_fault(fault);
	world.process->machine->calm_since = INT64_MAX;
	errno = EIO;
	return true;
}

ssize_t disk_read(struct inode *inode, void *to, size_t len, int64_t at)
{
	unsigned char *out = to;

	world_point(4000);
	trace_call("read", inode, len, at);
	if (fails(FAULT_READ))
		return -1;
	if (at >= inode->size)
		return 0;
	if ((int64_t)len > inode->size - at)
		len = (size_t)(inode->size - at);
	for (size_t done = 0, part; done < len; done += part) {
		size_t number = (size_t)(at + (int64_t)done) / DISK_PAGE;
		size_t in_page = (size_t)(at + (int64_t)done) % DISK_PAGE;
		const unsigned char *page = number < inode->count ? inode->pages[number].now : NULL;

		part = DISK_PAGE - in_page < len - done ? DISK_PAGE - in_page : len - done;
		if (page == NULL)
			memset(out + done, 0, part);
		else
			memcpy(out + done, page + in_page, part);
	}
	return (ssize_t)len;
}

/* A process that is killed has written the first pages. */
ssize_t disk_write(struct inode *inode, const void *from, size_t len, int64_t at)
{
	const unsigned char *in = from;
	size_t done = 0, part;

	world_point(8000);
	trace_call("write", inode, len, at);
	if (fails(FAULT_WRITE))
		return -1;
	for (; done < len; done += part) {
		size_t number = (size_t)(at + (int64_t)done) / DISK_PAGE;
		size_t in_page = (size_t)(at + (int64_t)done) % DISK_PAGE;

		if (done > 0)
			world_point(1000);
		if (!has_room(inode, number)) {
			world_fault(FAULT_FULL);
			break;
		}
		if (done > 0 && world.sheltered == 0 && world_chance(world.weather.torn)) {
			world_fault(FAULT_SHORT);
			break;
		}
		part = DISK_PAGE - in_page < len - done ? DISK_PAGE - in_page : len - done;
		memcpy(page_to_write(inode, number) + in_page, in + done, part);
		if (at + (int64_t)(done + part) > inode->size)
			inode->size = at + (int64_t)(done + part);
	}
	inode->writes++;
	errno = ENOSPC;
	return done == 0 && len > 0 ? -1 : (ssize_t)done;
}

int disk_truncate(struct inode *inode, int64_t size)
{
	size_t first = (size_t)(size + DISK_PAGE - 1) / DISK_PAGE;

	world_point(4000);
	if (world.point == POINT_DISK && fails(FAULT_WRITE))
		return -1;
	if (size % DISK_PAGE != 0 && size < inode->size &&
	    (size_t)(size / DISK_PAGE) < inode->count)
		memset(page_to_write(inode, (size_t)(size / DISK_PAGE)) + size % DISK_PAGE, 0,
		       DISK_PAGE - (size_t)(size % DISK_PAGE));
	for (size_t i = first; i < inode->count; i++) {
		if (inode->pages[i].now == NULL)
			continue;
		(void)page_to_write(inode, i);
		free(inode->pages[i].now);
		inode->pages[i].now = NULL;
	}
	inode->size = size;
	return 0;
}

int disk_reserve(struct inode *inode, int64_t size)
{
	world_point(20000);
	if (world.point == POINT_DISK && fails(FAULT_WRITE))
		return EIO;
	if (is_full() && size > inode->reserved) {
		world_fault(FAULT_FULL);
		return ENOSPC;
	}
	inode->reserved = size;
	if (size > inode->size)
		inode->size = size;
	return 0;
}

int disk_sync(struct inode *inode)
{
	struct disk *disk = world.process == NULL ? NULL : world.process->machine->disk;

	world_point(world_span(100 * 1000, 20 * 1000 * 1000));
	trace_call("sync", inode, 0, 0);
	if (fails(FAULT_SYNC))
		return -1;
	if (process_is_broken("sync-does-nothing"))
		return 0;
	for (size_t i = 0; i < inode->count; i++) {
		if (inode->pages[i].dirty)
			free(inode->pages[i].safe);
		inode->pages[i].dirty = false;
		inode->pages[i].safe = NULL;
	}
	inode->safe_size = inode->size;
	if (disk != NULL)
		forget_changes(disk); /* a file system with a journal writes them in order */
	return 0;
}

bool disk_rot(struct inode *inode, int64_t from)
{
	size_t used = 0, chosen;

	for (size_t i = (size_t)(from / DISK_PAGE); i < inode->count; i++)
		used += inode->pages[i].now != NULL;
	if (used == 0)
		return false;
	chosen = world_below((unsigned)used);
	for (size_t i = (size_t)(from / DISK_PAGE); i < inode->count; i++) {
		if (inode->pages[i].now == NULL || chosen-- != 0)
			continue;
		/* mostly where something is */
		inode->pages[i].now[world_below(world_chance(700) ? 1024 : DISK_PAGE)] ^=
		    (unsigned char)(1 << world_below(8));
		break;
	}
	return true;
}

void disk_copy(struct inode *from, struct inode *to)
{
	disk_truncate(to, 0);
	have_pages(to, from->count);
	for (size_t i = 0; i < to->count; i++) {
		if (to->pages[i].dirty)
			free(to->pages[i].safe);
		free(to->pages[i].now);
		to->pages[i] = (struct page){NULL, NULL, false};
		if (i < from->count && from->pages[i].now != NULL)
			to->pages[i].now = copy_page(from->pages[i].now);
	}
	to->size = to->safe_size = from->size;
	to->writes++;
}

/* ---- the power ---- */

static void crash_page(struct page *page)
{
	unsigned char *keep = page->now, *drop = page->safe;

	switch (world_below(4)) {
	case 0: /* some of its sectors were written */
		page->now = copy_page(keep);
		page->safe = copy_page(drop);
		for (unsigned i = 0; i < DISK_PAGE; i += DISK_SECTOR)
			if (world_below(2) == 0)
				memcpy(page->now + i, page->safe + i, DISK_SECTOR);
		free(page->safe);
		break;
	case 1:
		page->now = copy_page(keep);
		break;
	default:
		page->now = drop == NULL ? NULL : copy_page(drop);
	}
	free(keep);
	free(drop);
	page->safe = NULL;
	page->dirty = false;
}

static void crash_file(struct inode *inode)
{
	if (inode->size != inode->safe_size && world_below(2) == 0)
		inode->size = inode->safe_size;
	for (size_t i = 0; i < inode->count; i++) {
		if (inode->pages[i].dirty)
			crash_page(&inode->pages[i]);
		if ((int64_t)i * DISK_PAGE >= inode->size) {
			free(inode->pages[i].now);
			inode->pages[i].now = NULL;
		}
	}
	inode->safe_size = inode->size;
	inode->writes++;
}

void disk_crash(struct disk *disk)
{
	unsigned undone = disk->change_count == 0 ? 0 : world_below(disk->change_count + 1);

	for (struct change *c = disk->changes; c != NULL && undone > 0; c = c->before) {
		set_name(disk, c->path, c->inode);
		undone -= !c->paired;
	}
	forget_changes(disk);
	for (struct inode *inode = disk->inodes; inode != NULL; inode = inode->next)
		crash_file(inode);
}

void disk_free(struct disk *disk)
{
	forget_changes(disk);
	for (struct name *next, *name = disk->names; name != NULL; name = next) {
		next = name->next;
		free(name->path);
		free(name);
	}
	for (struct inode *next, *inode = disk->inodes; inode != NULL; inode = next) {
		next = inode->next;
		for (size_t i = 0; i < inode->count; i++) {
			free(inode->pages[i].now);
			if (inode->pages[i].dirty)
				free(inode->pages[i].safe);
		}
		for (unsigned i = 0; i < inode->locks.region_count; i++)
			free(inode->locks.regions[i]);
		free(inode->locks.regions);
		free(inode->pages);
		free(inode);
	}
	free(disk);
	memset(handles, 0, sizeof handles);
}

/* ---- descriptors ---- */

static struct handle *handle_of(int fd)
{
	struct handle *handle = &handles[fd - DISK_FD];

	if (!disk_is_fd(fd) || !handle->used)
		abort();
	return handle;
}

bool disk_is_fd(int fd)
{
	return fd >= DISK_FD && fd < DISK_FD + HANDLES;
}

int disk_open(struct inode *inode)
{
	for (int i = 0; i < HANDLES; i++) {
		if (handles[i].used)
			continue;
		handles[i] = (struct handle){true, inode, world.process, UNLOCKED};
		return DISK_FD + i;
	}
	abort();
}

bool disk_open_fails(void)
{
	return world.point == POINT_DISK && fails(FAULT_READ);
}

struct inode *disk_inode(int fd)
{
	return handle_of(fd)->inode;
}

void disk_close(int fd)
{
	handle_of(fd)->used = false;
}

bool disk_flock(int fd, bool exclusive, bool unlock)
{
	struct handle *own = handle_of(fd);

	if (unlock) {
		own->lock = UNLOCKED;
		return true;
	}
	for (struct handle *h = handles; h < handles + HANDLES; h++)
		if (h->used && h != own && h->inode == own->inode && h->lock != UNLOCKED &&
		    (exclusive || h->lock == EXCLUSIVE) && !process_is_broken("flock-lies"))
			return false;
	own->lock = exclusive ? EXCLUSIVE : SHARED;
	return true;
}

void disk_release(struct process *process)
{
	for (struct handle *h = handles; h < handles + HANDLES; h++)
		if (h->used && h->owner == process)
			h->used = false;
	vfs_release(process);
}
