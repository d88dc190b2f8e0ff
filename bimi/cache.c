/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file is lines, "NAME VALUE", in the order of bimi_kept_write(). Its reader is one that serves
 * mail, so it trusts the file no more than it must: sizes, digits, and base 64 are checked.
 */
#include "bimi/cache.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "lib/heap.h"
#include "lib/name.h"
#include "lib/system/newfile.h"

enum {
	HOUR = 3600, /* seconds */
	DAY = 24 * HOUR,
	GOOD_FOR = DAY, /* then it is looked at again */
	BAD_FOR = 6 * HOUR,
	UNAVAILABLE_FOR = HOUR,
	LIST_FOR = DAY,    /* then a revocation list is fetched again, if it can be */
	KEPT_FOR = 7 * DAY /* then it no longer counts */
};

/* ---- names ---- */

const char *bimi_cache_directory(struct arena *arena, const char *ledger)
{
	return arena_printf(arena, "%s/bimi", dirname(arena_string(arena, ledger)));
}

static const char *digest_path(struct arena *arena, const char *directory, const char *prefix,
			       struct span of)
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf name;

	crypt_sha256(of.p, span_len(of), digest);
	buf_init(&name, arena, 0);
	buf_printf(&name, "%s/%s", directory, prefix);
	for (unsigned i = 0; i < sizeof digest; i++)
		buf_printf(&name, "%02x", digest[i]);
	return buf_text(&name);
}

static const char *file_of(struct arena *arena, const char *directory,
			   const struct bimi_offer *offer)
{
	struct buf text;

	buf_init(&text, arena, 0);
	bimi_offer_write(offer, &text);
	return digest_path(arena, directory, "", buf_view(&text));
}

/* ---- the text ---- */

void bimi_offer_write(const struct bimi_offer *offer, struct buf *out)
{
	buf_printf(out, "domain %s\nselector %s\nlocation %s\nauthority %s\norganization %s\n",
		   offer->domain, offer->selector, offer->location, offer->authority,
		   offer->organization);
}

static bool take_value(struct span *rest, const char *name, struct span *value)
{
	const char *end = memchr(rest->p, '\n', span_len(*rest));
	size_t length = strlen(name);

	if (end == NULL || (size_t)(end - rest->p) < length + 1 ||
	    memcmp(rest->p, name, length) != 0 || rest->p[length] != ' ')
		return false;
	*value = (struct span){rest->p + length + 1, end};
	rest->p = end + 1;
	return memchr(value->p, '\0', span_len(*value)) == NULL;
}

static bool take_text(struct span *rest, const char *name, struct arena *arena, const char **text)
{
	struct span value;

	if (!take_value(rest, name, &value))
		return false;
	*text = arena_span(arena, value);
	return true;
}

static bool take_offer(struct span *rest, struct arena *arena, struct bimi_offer *offer)
{
	return take_text(rest, "domain", arena, &offer->domain) &&
	       take_text(rest, "selector", arena, &offer->selector) &&
	       take_text(rest, "location", arena, &offer->location) &&
	       take_text(rest, "authority", arena, &offer->authority) &&
	       take_text(rest, "organization", arena, &offer->organization);
}

bool bimi_offer_read(struct span text, struct arena *arena, struct bimi_offer *offer)
{
	return take_offer(&text, arena, offer) && span_empty(text) && *offer->domain != '\0' &&
	       *offer->selector != '\0';
}

void bimi_kept_write(const struct bimi_offer *offer, const struct bimi_kept *kept, struct buf *out)
{
	const struct bimi_known *known = &kept->known;

	assert(known->state != BIMI_UNSEEN);
	bimi_offer_write(offer, out);
	buf_printf(out, "basis %s\nwhen %lld\ntried %lld\nuntil %lld\n", kept->basis,
		   (long long)kept->when, (long long)kept->tried, (long long)known->until);
	buf_printf(out, "state %s\ncertified %s\nmark %s\ndigest %s\nwhy %s\n",
		   name_text(bimi_state_names, (int)known->state),
		   known->certified ? "yes"
		   : known->refused ? "refused"
				    : "no",
		   known->mark_type, known->digest, known->why);
	buf_printf(out, "indicator %s\n", known->indicator);
}

static bool is_digest(const char *text)
{
	return strlen(text) == (size_t)2 * CRYPT_DIGEST_LEN &&
	       strspn(text, "0123456789abcdef") == (size_t)2 * CRYPT_DIGEST_LEN;
}

static bool is_base64(const char *text)
{
	for (; *text != '\0' && *text != '='; text++)
		if (!char_is_alnum((unsigned char)*text) && *text != '+' && *text != '/')
			return false;
	return strspn(text, "=") == strlen(text) && strlen(text) <= 2;
}

static bool is_same_offer(const struct bimi_offer *a, const struct bimi_offer *b)
{
	return strcmp(a->domain, b->domain) == 0 && strcmp(a->selector, b->selector) == 0 &&
	       strcmp(a->location, b->location) == 0 && strcmp(a->authority, b->authority) == 0 &&
	       strcmp(a->organization, b->organization) == 0;
}

static bool is_consistent(const struct bimi_known *known)
{
	if (known->refused && known->state != BIMI_BAD)
		return false;
	if (known->state != BIMI_GOOD)
		return !known->certified && *known->indicator == '\0' && *known->digest == '\0';
	return is_digest(known->digest) && strlen(known->indicator) <= BIMI_INDICATOR_MAX &&
	       *known->indicator != '\0' && is_base64(known->indicator);
}

static bool take_time(struct span *rest, const char *name, int64_t *time)
{
	struct span value;
	uint64_t seconds;

	if (!take_value(rest, name, &value) || !span_number(value, INT64_MAX, &seconds))
		return false;
	*time = (int64_t)seconds;
	return true;
}

bool bimi_kept_read(struct span text, const struct bimi_offer *offer, struct arena *arena,
		    struct bimi_kept *kept)
{
	struct bimi_known *known = &kept->known;
	struct span state, certified;
	struct bimi_offer other;
	int code;

	if (!take_offer(&text, arena, &other) || !is_same_offer(offer, &other) ||
	    !take_text(&text, "basis", arena, &kept->basis) ||
	    !take_time(&text, "when", &kept->when) || !take_time(&text, "tried", &kept->tried) ||
	    !take_time(&text, "until", &known->until) || !take_value(&text, "state", &state) ||
	    !take_value(&text, "certified", &certified) ||
	    !take_text(&text, "mark", arena, &known->mark_type) ||
	    !take_text(&text, "digest", arena, &known->digest) ||
	    !take_text(&text, "why", arena, &known->why) ||
	    !take_text(&text, "indicator", arena, &known->indicator) || !span_empty(text))
		return false;
	code = name_code(bimi_state_names, state, -1);
	if (code == -1 || code == BIMI_UNSEEN ||
	    (!span_eq(certified, "yes") && !span_eq(certified, "no") &&
	     !span_eq(certified, "refused")))
		return false;
	known->state = (enum bimi_state)code;
	known->certified = span_eq(certified, "yes");
	known->refused = span_eq(certified, "refused");
	return is_consistent(known);
}

/* ---- files ---- */

static bool read_file(const char *path, size_t max, struct arena *arena, struct span *text,
		      int64_t *when)
{
	char *data = NULL;
	ssize_t got = -1;
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd == -1)
		return false;
	if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 &&
	    (size_t)info.st_size <= max) {
		data = arena_alloc(arena, (size_t)info.st_size);
		got = read(fd, data, (size_t)info.st_size);
		*when = info.st_mtime;
	}
	close(fd);
	if (got <= 0)
		return false;
	*text = span_make(data, (size_t)got);
	return true;
}

/* Whether there is a file, by the same basis and not too old. */
static bool read_kept(const struct bimi_cache *cache, const struct bimi_offer *offer, int64_t now,
		      struct arena *arena, struct bimi_kept *kept)
{
	struct span text;
	int64_t when;

	return read_file(file_of(arena, cache->directory, offer), BIMI_CACHE_BYTES, arena, &text,
			 &when) &&
	       bimi_kept_read(text, offer, arena, kept) && strcmp(kept->basis, cache->basis) == 0 &&
	       kept->when <= now + HOUR && now - kept->when < KEPT_FOR &&
	       (kept->known.until == 0 || now < kept->known.until);
}

static int64_t is_fresh_for(enum bimi_state state)
{
	return state == BIMI_GOOD ? GOOD_FOR : state == BIMI_BAD ? BAD_FOR : UNAVAILABLE_FOR;
}

void bimi_cache_read(const struct bimi_cache *cache, const struct bimi_offer *offer, int64_t now,
		     struct arena *arena, struct bimi_known *known, bool *fresh)
{
	struct bimi_kept kept;

	*fresh = false;
	*known = (struct bimi_known){
	    .mark_type = "", .digest = "", .indicator = "", .why = "not yet checked"};
	if (!read_kept(cache, offer, now, arena, &kept))
		return;
	*known = kept.known;
	*fresh = now - kept.when < is_fresh_for(known->state) ||
		 (kept.tried > kept.when && now - kept.tried < UNAVAILABLE_FOR);
}

static int make_directory(const char *directory, struct why *why)
{
	return mkdir(directory, 0700) == 0 || errno == EEXIST
		   ? 0
		   : why_set(why, "%s: %s", directory, strerror(errno));
}

int bimi_cache_write(const struct bimi_cache *cache, const struct bimi_offer *offer, int64_t now,
		     const struct bimi_known *known, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct bimi_kept kept;
	struct buf text;
	int result;

	if (known->state == BIMI_UNAVAILABLE && read_kept(cache, offer, now, arena, &kept) &&
	    kept.known.state == BIMI_GOOD)
		kept.tried = now;
	else
		kept = (struct bimi_kept){*known, cache->basis, now, now};
	buf_init(&text, arena, BIMI_CACHE_BYTES);
	bimi_kept_write(offer, &kept, &text);
	result = make_directory(cache->directory, why);
	if (result == 0)
		result = text.failed ? why_set(why, "%s is too large to be kept", offer->domain)
				     : newfile_write(file_of(arena, cache->directory, offer), 0600,
						     buf_view(&text), why);
	arena_free(arena);
	return result;
}

/* ---- revocation lists ---- */

bool bimi_list_read(const char *directory, const char *uri, int64_t now, struct arena *arena,
		    struct span *list, bool *fresh)
{
	int64_t when;

	if (!read_file(digest_path(arena, directory, "crl-", span_of(uri)), BIMI_LIST_BYTES, arena,
		       list, &when))
		return false;
	*fresh = when <= now + HOUR && now - when < LIST_FOR;
	return true;
}

int bimi_list_write(const char *directory, const char *uri, struct span list, struct why *why)
{
	struct arena *arena = arena_new(0);
	int result = make_directory(directory, why);

	if (result == 0)
		result = newfile_write(digest_path(arena, directory, "crl-", span_of(uri)), 0600,
				       list, why);
	arena_free(arena);
	return result;
}

/* ---- what is too much ---- */

struct file {
	int64_t when;
	char name[80];
};

static int compare_files(const void *a, const void *b)
{
	int64_t x = ((const struct file *)a)->when, y = ((const struct file *)b)->when;

	return (x < y) - (x > y); /* the newest first */
}

/* All but the socket. */
static unsigned list_files(DIR *dir, struct file *files, unsigned max)
{
	const struct dirent *entry;
	unsigned count = 0;

	while (count < max && (entry = readdir(dir)) != NULL) {
		struct stat info;

		if (strlen(entry->d_name) >= sizeof files->name ||
		    fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(info.st_mode))
			continue;
		memcpy(files[count].name, entry->d_name, strlen(entry->d_name) + 1);
		files[count++].when = info.st_mtime;
	}
	return count;
}

unsigned bimi_cache_sweep(const char *directory, int64_t now)
{
	const unsigned max = 2 * BIMI_CACHE_FILES;
	struct file *files;
	unsigned count, left = 0;
	DIR *dir = opendir(directory);

	if (dir == NULL)
		return 0;
	files = heap_array(max, sizeof *files);
	count = list_files(dir, files, max);
	qsort(files, count, sizeof *files, compare_files);
	for (unsigned i = 0; i < count; i++) {
		if (left < BIMI_CACHE_FILES && now - files[i].when < KEPT_FOR)
			left++;
		else
			unlinkat(dirfd(dir), files[i].name, 0);
	}
	free(files);
	closedir(dir);
	return left;
}

/* ---- jobs ---- */

static bool set_address(const char *directory, struct sockaddr_un *address)
{
	int length;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	length = snprintf(address->sun_path, sizeof address->sun_path, "%s/jobs", directory);
	return length > 0 && (size_t)length < sizeof address->sun_path;
}

int bimi_offer_listen(const char *directory, struct why *why)
{
	struct sockaddr_un address;
	mode_t mask;
	int fd, bound;

	if (make_directory(directory, why) == -1)
		return -1;
	if (!set_address(directory, &address))
		return why_set(why, "%s/jobs is too long for a socket", directory);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return why_set(why, "socket: %s", strerror(errno));
	unlink(address.sun_path);
	mask = umask(0177);
	bound = bind(fd, (const struct sockaddr *)&address, sizeof address);
	umask(mask);
	if (bound == 0)
		return fd;
	why_set(why, "%s: %s", address.sun_path, strerror(errno));
	close(fd);
	return -1;
}

static void send_offer(const char *directory, const struct bimi_offer *offer)
{
	struct sockaddr_un address;
	struct buf text;
	int fd;

	if (!set_address(directory, &address))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return;
	buf_init(&text, NULL, BIMI_OFFER_BYTES);
	bimi_offer_write(offer, &text);
	if (!text.failed) /* where nobody takes it, the next message sends it again */
		(void)sendto(fd, text.data, text.len, MSG_NOSIGNAL,
			     (const struct sockaddr *)&address, sizeof address);
	buf_free(&text);
	close(fd);
}

void bimi_cache_find(void *arg, const struct bimi_offer *offer, struct arena *arena,
		     struct bimi_known *known)
{
	const struct bimi_cache *cache = arg;
	bool fresh;

	bimi_cache_read(cache, offer, clock_wall(), arena, known, &fresh);
	if (!fresh)
		send_offer(cache->directory, offer);
}
