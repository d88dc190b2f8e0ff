/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * intruder.so, for LD_PRELOAD: in any process of the daemon, on SIGUSR2, it does what somebody
 * would who runs code of his own there, and leaves a line "PID ATTEMPT done" or "PID ATTEMPT ERROR"
 * for each in the file INTRUDER_OUT, which it has mapped before anything was confined: eight bytes,
 * then the lines. INTRUDER_KEY: a file to read; INTRUDER_FILE: one to make; INTRUDER_PORT: a TCP
 * port on 127.0.0.1 that listens; INTRUDER_SOCKET: a local socket that does; INTRUDER_VICTIM: a
 * process of the same user. Processes that live only for a moment do it by themselves: the report
 * sender when it opens its lock, and with INTRUDER_READS the reader of reports when it first reads.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { OUT_SIZE = 1 << 16, LINE_MAX = 128, MARK_PORT = 1 };

static struct {
	atomic_size_t used;
	char lines[OUT_SIZE - sizeof(size_t)];
} * out;

static void tell(const char *attempt, long result)
{
	char line[LINE_MAX];
	int error = errno;
	int len = snprintf(line, sizeof line, "%ld %s %s\n", (long)getpid(), attempt,
			   result >= 0 ? "done" : strerrorname_np(error));
	size_t at = out == NULL ? OUT_SIZE : atomic_fetch_add(&out->used, (size_t)len);

	if (at + LINE_MAX < sizeof out->lines)
		memcpy(out->lines + at, line, (size_t)len);
	errno = 0;
}

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value == NULL ? "" : value;
}

static int call_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				      .sin_port = htons((in_port_t)atoi(setting("INTRUDER_PORT")))};
	int fd = socket(AF_INET, SOCK_STREAM, 0), result = -1;

	if (fd >= 0)
		result = connect(fd, (struct sockaddr *)&address, sizeof address);
	return result;
}

static int call_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), result = -1;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", setting("INTRUDER_SOCKET"));
	if (fd >= 0)
		result = connect(fd, (struct sockaddr *)&address, sizeof address);
	return result;
}

static long fork_child(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long execute(void)
{
	char *argv[] = {(char *)(void *)"false", NULL};

	return execve("/bin/false", argv, NULL);
}

static long write_and_execute(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0) == MAP_FAILED
		   ? -1
		   : 0;
}

static void try_all(void)
{
	pid_t victim = (pid_t)atoi(setting("INTRUDER_VICTIM"));

	tell("key", open(setting("INTRUDER_KEY"), O_RDONLY));
	tell("write", open(setting("INTRUDER_FILE"), O_WRONLY | O_CREAT, 0600));
	tell("tcp", call_port());
	tell("local", call_socket());
	tell("code", write_and_execute());
	tell("fork", fork_child());
	tell("ptrace", ptrace(PTRACE_ATTACH, victim, NULL, NULL));
	tell("kill", kill(victim, 0));
	tell("namespace", syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */));
	tell("exec", execute());
	tell("end", 0);
}

static void on_signal(int number)
{
	int error = errno;

	(void)number;
	try_all();
	errno = error;
}

__attribute__((constructor)) static void prepare(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	int fd = open(setting("INTRUDER_OUT"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	void *memory;

	if (fd < 0 || ftruncate(fd, OUT_SIZE) != 0)
		return;
	memory = mmap(NULL, OUT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (memory == MAP_FAILED)
		return;
	out = memory;
	sigaction(SIGUSR2, &action, NULL);
}

/* ---- calls of the program ---- */

/* The function that this one hides, found once. */
#define REAL(type, name, ...)                                                                      \
	static type (*real)(__VA_ARGS__);                                                          \
	if (real == NULL)                                                                          \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

/* A thread that blocks all signals gets this one. */
int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	sigset_t fewer;

	REAL(int, pthread_sigmask, int, const sigset_t *, sigset_t *);
	if (set == NULL || how == SIG_UNBLOCK)
		return real(how, set, old);
	fewer = *set;
	sigdelset(&fewer, SIGUSR2);
	return real(how, &fewer, old);
}

static void try_once(void)
{
	static bool tried;

	if (!tried)
		try_all();
	tried = true;
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	const struct sockaddr_in *inet = (const struct sockaddr_in *)address;

	REAL(int, connect, int, const struct sockaddr *, socklen_t);
	if (address->sa_family == AF_INET && inet->sin_port == htons(MARK_PORT))
		try_once();
	return real(fd, address, len);
}

/* Also the process that is not confined reads, which has no filter. */
static void look_at_read(int fd)
{
	if (fd == 3 && setting("INTRUDER_READS")[0] != '\0' && prctl(PR_GET_SECCOMP) != 0)
		try_once();
}

ssize_t pread(int fd, void *data, size_t size, off_t at)
{
	REAL(ssize_t, pread, int, void *, size_t, off_t);
	look_at_read(fd);
	return real(fd, data, size, at);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t at)
{
	REAL(ssize_t, pread64, int, void *, size_t, off64_t);
	look_at_read(fd);
	return real(fd, data, size, at);
}
