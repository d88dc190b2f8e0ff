/* SPDX-License-Identifier: BSD-2-Clause */
#include "opinion/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/system/fdpass.h"
#include "opinion/case.h"

enum { FILES = 2 };

int link_open(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

#ifdef F_ADD_SEALS
bool link_is_built(void)
{
	return true;
}

static int write_all(int fd, struct span text)
{
	while (!span_empty(text)) {
		ssize_t n = write(fd, text.p, span_len(text));

		if (n < 0 && errno != EINTR)
			return -1;
		text.p += n < 0 ? 0 : n;
	}
	return 0;
}

/* Nobody can change it from then on, so that what was judged is what is kept. */
static int make_memory(struct span text)
{
	int fd = memfd_create("countersign-case", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && write_all(fd, text) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}
#else
bool link_is_built(void)
{
	return false;
}

static int make_memory(struct span text)
{
	(void)text;
	errno = ENOSYS;
	return -1;
}
#endif

/* ---- in a worker ---- */

int link_send(int end, struct span text, struct link_case *sent)
{
	int pair[2], files[FILES], result;

	sent->data = make_memory(text);
	if (sent->data < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		close(sent->data);
		return -1;
	}
	sent->reply = pair[0];
	files[0] = sent->data;
	files[1] = pair[1];
	result = fdpass_send(end, span_of("c"), files, FILES, MSG_DONTWAIT) == 1 ? 0 : -1;
	close(pair[1]);
	if (result != 0)
		link_close(sent);
	return result;
}

void link_close(struct link_case *sent)
{
	close(sent->data);
	close(sent->reply);
}

bool link_take_answer(int reply, struct arena *arena, struct span *answer)
{
	char *room = arena_alloc(arena, CASE_REPLY_MAX);
	ssize_t n;

	do
		n = recv(reply, room, CASE_REPLY_MAX, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	*answer = span_make(room, n > 0 ? (size_t)n : 0);
	return n > 0;
}

/* ---- the case ---- */

int link_read(int data, struct arena *arena, struct span *text, struct why *why)
{
	struct stat status;
	size_t size, have = 0;
	char *room;

	if (fstat(data, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < 0 ||
	    status.st_size > CASE_BYTES_MAX)
		return why_set(why, "the memory of a case cannot be used");
	size = (size_t)status.st_size;
	room = arena_alloc(arena, size + 1);
	while (have < size) {
		ssize_t n = pread(data, room + have, size - have, (off_t)have);

		if (n == 0 || (n < 0 && errno != EINTR))
			return why_set(why, "a case cannot be read: %s", strerror(errno));
		have += n < 0 ? 0 : (size_t)n;
	}
	*text = span_make(room, size);
	return 0;
}

/* ---- in the process ---- */

/* Both files, or none of them, when this process may open no more. */
bool link_receive(int end, int ms, struct link_case *received)
{
	struct pollfd wait = {.fd = end, .events = POLLIN};
	char octet;
	int files[FILES];
	unsigned count;

	if (poll(&wait, 1, ms) <= 0 ||
	    fdpass_receive(end, &octet, 1, files, FILES, &count, MSG_DONTWAIT) <= 0)
		return false;
	if (count != FILES) {
		while (count > 0)
			close(files[--count]);
		return false;
	}
	*received = (struct link_case){.data = files[0], .reply = files[1]};
	return true;
}

/* Its worker may be gone, or too slow. */
void link_answer(int reply, struct span answer)
{
	(void)!send(reply, answer.p, span_len(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
}
