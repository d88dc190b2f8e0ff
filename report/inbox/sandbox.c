/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/inbox/sandbox.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ---- files ---- */

static void close_from(int first)
{
#ifdef HAVE_CLOSE_RANGE
	if (close_range((unsigned)first, ~0u, 0) == 0)
		return;
#endif
	for (int fd = first, last = (int)sysconf(_SC_OPEN_MAX); fd < last; fd++)
		close(fd);
}

static void keep_files(int in, int out)
{
	int high_in = fcntl(in, F_DUPFD, 10), high_out = fcntl(out, F_DUPFD, 10);
	int null = open("/dev/null", O_RDWR);

	/* a sanitizer's report has to be seen */
	for (int fd = 0; fd < (SANITIZED ? 2 : 3) && null >= 0; fd++)
		dup2(null, fd);
	dup2(high_in, SANDBOX_IN);
	dup2(high_out, SANDBOX_OUT);
	close_from(SANDBOX_OUT + 1);
}

/* ---- limits ---- */

static void limit(int what, int64_t value)
{
	struct rlimit limits = {(rlim_t)value, (rlim_t)value};

	setrlimit(what, &limits);
}

/* The size of the process now, in bytes; 0: not known. Opens a file. */
static int64_t size_now(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long long pages = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%lld", &pages) != 1)
		pages = 0;
	fclose(file);
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static void set_limits(void)
{
	int64_t size = size_now();

	if (size > 0)
		limit(RLIMIT_AS, size + SANDBOX_MEMORY);
	limit(RLIMIT_CPU, SANDBOX_CPU_SECONDS);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, 0); /* those that are open stay */
}

/* ---- system calls ---- */

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#ifdef __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define LOAD(member)                                                                               \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, member))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define ALLOW(name)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_##name, 0, 1), ANSWER(SECCOMP_RET_ALLOW)

static bool filter_calls(void)
{
	struct sock_filter filter[] = {
	    LOAD(arch),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
	    ANSWER(SECCOMP_RET_KILL_PROCESS),
	    LOAD(nr),
	    ALLOW(read),
	    ALLOW(pread64),
	    ALLOW(write),
	    ALLOW(lseek),
	    ALLOW(close),
	    ALLOW(mmap),
	    ALLOW(munmap),
	    ALLOW(mremap),
	    ALLOW(madvise),
	    ALLOW(brk),
	    ALLOW(futex),
	    ALLOW(getrandom),
	    ALLOW(clock_gettime),
	    ALLOW(rt_sigreturn),
	    ALLOW(rt_sigprocmask),
	    ALLOW(getpid),
	    ALLOW(gettid),
	    ALLOW(tgkill), /* abort() */
	    ALLOW(exit),
	    ALLOW(exit_group),
	    ANSWER(SECCOMP_RET_ERRNO | 1 /* EPERM */),
	};
	struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
#else
static bool filter_calls(void)
{
	return false;
}
#endif

void sandbox_enter(int in, int out)
{
	keep_files(in, out);
	limit(RLIMIT_CORE, 0);
	if (SANITIZED)
		return;
#ifdef __linux__
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#endif
	set_limits();
	filter_calls(); /* where there is none, the limit on open files stands alone */
}
