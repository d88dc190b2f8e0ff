/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filter is made of a table: a system call and the rights that allow it. Those with conditions
 * on their arguments (socket, open, clone, signals, executable memory) have a piece of filter each.
 * It cannot look at paths and addresses, so that is Landlock's. Where the kernel knows the answer
 * without arguments it keeps it (since 5.11), and the filter costs such a call nothing.
 */
#include "lib/system/confine.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

void confine_text(unsigned limits, struct buf *out)
{
	static const char *const names[] = {"system calls", "files", "TCP ports"};
	const char *between = "";

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		if ((limits & 1u << i) == 0)
			continue;
		buf_printf(out, "%s%s", between, names[i]);
		between = ", ";
	}
	if (limits == 0)
		buf_string(out, "nothing");
}

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__)) && !CONFINE_INSTRUMENTED
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifdef __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

bool confine_is_built(void)
{
	return true;
}

/* ---- system calls ---- */

enum { ALWAYS = 1 << 16, NEVER = 0, FILTER_MAX = 1024 };

/* The frequent ones first, for kernels that walk through it each time. */
static const struct call {
	int number;
	unsigned rights; /* one of them is enough */
} calls[] = {
#define ROW(name, rights)                                                                          \
	{                                                                                          \
		SYS_##name, rights                                                                 \
	}
    ROW(futex, ALWAYS),
    ROW(read, ALWAYS),
    ROW(write, ALWAYS),
    ROW(recvfrom, CONFINE_MAY_SHARE),
    ROW(sendto, CONFINE_MAY_SHARE),
    ROW(recvmsg, CONFINE_MAY_SHARE),
    ROW(sendmsg, CONFINE_MAY_SHARE),
#ifdef SYS_epoll_wait
    ROW(epoll_wait, CONFINE_MAY_SHARE),
    ROW(poll, CONFINE_MAY_SHARE),
    ROW(select, CONFINE_MAY_SHARE),
    ROW(pipe, CONFINE_MAY_SHARE),
    ROW(dup2, CONFINE_MAY_SHARE),
    ROW(getpgrp, CONFINE_MAY_SHARE),
    ROW(pause, CONFINE_MAY_SHARE),
    ROW(alarm, CONFINE_MAY_SHARE),
    ROW(time, ALWAYS),
    ROW(arch_prctl, ALWAYS),
#endif
    ROW(epoll_pwait, CONFINE_MAY_SHARE),
    ROW(epoll_ctl, CONFINE_MAY_SHARE),
    ROW(ppoll, CONFINE_MAY_SHARE),
    ROW(pwrite64, ALWAYS),
    ROW(pread64, ALWAYS),
    ROW(fsync, ALWAYS),
    ROW(fdatasync, ALWAYS),
    ROW(clock_gettime, ALWAYS),
    ROW(getpid, ALWAYS),
    ROW(gettid, ALWAYS),
    ROW(munmap, ALWAYS),
    ROW(mremap, ALWAYS),
    ROW(madvise, ALWAYS),
    ROW(brk, ALWAYS),
    ROW(mincore, ALWAYS),
    ROW(msync, ALWAYS),
    ROW(readv, ALWAYS),
    ROW(writev, ALWAYS),
    ROW(lseek, ALWAYS),
    ROW(close, ALWAYS),
    ROW(fstat, ALWAYS),
    ROW(getrandom, ALWAYS),
    ROW(clock_getres, ALWAYS),
    ROW(clock_nanosleep, ALWAYS),
    ROW(nanosleep, ALWAYS),
    ROW(gettimeofday, ALWAYS),
    ROW(sched_yield, ALWAYS),
    ROW(rt_sigreturn, ALWAYS),
    ROW(rt_sigprocmask, ALWAYS),
    ROW(rt_sigaction, ALWAYS),
    ROW(restart_syscall, ALWAYS),
    ROW(exit, ALWAYS),
    ROW(exit_group, ALWAYS),
    ROW(set_robust_list, CONFINE_MAY_SHARE),
#ifdef SYS_rseq
    ROW(rseq, CONFINE_MAY_SHARE),
#endif
    ROW(set_tid_address, CONFINE_MAY_SHARE),
    ROW(membarrier, CONFINE_MAY_SHARE),
    ROW(sigaltstack, CONFINE_MAY_SHARE),
    ROW(rt_sigtimedwait, CONFINE_MAY_SHARE),
    ROW(rt_sigpending, CONFINE_MAY_SHARE),
    ROW(rt_sigsuspend, CONFINE_MAY_SHARE),
    ROW(epoll_create1, CONFINE_MAY_SHARE),
    ROW(eventfd2, CONFINE_MAY_SHARE),
    ROW(timerfd_create, CONFINE_MAY_SHARE),
    ROW(timerfd_settime, CONFINE_MAY_SHARE),
    ROW(timerfd_gettime, CONFINE_MAY_SHARE),
    ROW(signalfd4, CONFINE_MAY_SHARE),
    ROW(pselect6, CONFINE_MAY_SHARE),
    ROW(pipe2, CONFINE_MAY_SHARE),
    ROW(dup, CONFINE_MAY_SHARE),
    ROW(dup3, CONFINE_MAY_SHARE),
    ROW(fcntl, CONFINE_MAY_SHARE),
    ROW(ioctl, CONFINE_MAY_SHARE),
    ROW(flock, CONFINE_MAY_SHARE),
    ROW(recvmmsg, CONFINE_MAY_SHARE),
    ROW(sendmmsg, CONFINE_MAY_SHARE),
    ROW(shutdown, CONFINE_MAY_SHARE),
    ROW(socketpair, CONFINE_MAY_SHARE),
    ROW(accept, CONFINE_MAY_SHARE),
    ROW(accept4, CONFINE_MAY_SHARE),
    ROW(getsockname, CONFINE_MAY_SHARE),
    ROW(getpeername, CONFINE_MAY_SHARE),
    ROW(getsockopt, CONFINE_MAY_SHARE),
    ROW(setsockopt, CONFINE_MAY_SHARE),
    ROW(preadv, CONFINE_MAY_SHARE),
    ROW(pwritev, CONFINE_MAY_SHARE),
    ROW(ftruncate, CONFINE_MAY_SHARE),
    ROW(fallocate, CONFINE_MAY_SHARE),
    ROW(fadvise64, CONFINE_MAY_SHARE),
    ROW(copy_file_range, CONFINE_MAY_SHARE),
    ROW(sendfile, CONFINE_MAY_SHARE),
    ROW(memfd_create, CONFINE_MAY_SHARE),
    ROW(mlock, CONFINE_MAY_SHARE),
    ROW(munlock, CONFINE_MAY_SHARE),
    ROW(getuid, CONFINE_MAY_SHARE),
    ROW(geteuid, CONFINE_MAY_SHARE),
    ROW(getgid, CONFINE_MAY_SHARE),
    ROW(getegid, CONFINE_MAY_SHARE),
    ROW(getgroups, CONFINE_MAY_SHARE),
    ROW(getresuid, CONFINE_MAY_SHARE),
    ROW(getresgid, CONFINE_MAY_SHARE),
    ROW(getppid, CONFINE_MAY_SHARE),
    ROW(getpgid, CONFINE_MAY_SHARE),
    ROW(getsid, CONFINE_MAY_SHARE),
    ROW(getrlimit, CONFINE_MAY_SHARE),
    ROW(getrusage, CONFINE_MAY_SHARE),
    ROW(times, CONFINE_MAY_SHARE),
    ROW(uname, CONFINE_MAY_SHARE),
    ROW(sysinfo, CONFINE_MAY_SHARE),
    ROW(getcpu, CONFINE_MAY_SHARE),
    ROW(umask, CONFINE_MAY_SHARE),
    ROW(sched_getaffinity, CONFINE_MAY_SHARE),
    ROW(sched_getparam, CONFINE_MAY_SHARE),
    ROW(sched_getscheduler, CONFINE_MAY_SHARE),
    ROW(sched_get_priority_max, CONFINE_MAY_SHARE),
    ROW(sched_get_priority_min, CONFINE_MAY_SHARE),
    ROW(newfstatat, CONFINE_MAY_SHARE), /* the C library's fstat() */
    ROW(statx, CONFINE_MAY_SHARE),
#ifdef SYS_access
    ROW(access, CONFINE_MAY_READ),
    ROW(stat, CONFINE_MAY_READ),
    ROW(lstat, CONFINE_MAY_READ),
    ROW(readlink, CONFINE_MAY_READ),
    ROW(getdents, CONFINE_MAY_READ),
    ROW(unlink, CONFINE_MAY_WRITE),
    ROW(rename, CONFINE_MAY_WRITE),
    ROW(mkdir, CONFINE_MAY_WRITE),
    ROW(rmdir, CONFINE_MAY_WRITE),
    ROW(link, CONFINE_MAY_WRITE),
    ROW(symlink, CONFINE_MAY_WRITE),
    ROW(chmod, CONFINE_MAY_WRITE),
    ROW(chown, CONFINE_MAY_WRITE),
    ROW(lchown, CONFINE_MAY_WRITE),
    ROW(utimes, CONFINE_MAY_WRITE),
#endif
    ROW(faccessat, CONFINE_MAY_READ),
#ifdef SYS_faccessat2
    ROW(faccessat2, CONFINE_MAY_READ),
#endif
    ROW(readlinkat, CONFINE_MAY_READ),
    ROW(getdents64, CONFINE_MAY_READ),
    ROW(getcwd, CONFINE_MAY_READ),
    ROW(statfs, CONFINE_MAY_READ),
    ROW(fstatfs, CONFINE_MAY_READ),
    ROW(readahead, CONFINE_MAY_READ),
    ROW(getxattr, CONFINE_MAY_READ),
    ROW(fgetxattr, CONFINE_MAY_READ),
    ROW(unlinkat, CONFINE_MAY_WRITE),
    ROW(renameat, CONFINE_MAY_WRITE),
    ROW(renameat2, CONFINE_MAY_WRITE),
    ROW(mkdirat, CONFINE_MAY_WRITE),
    ROW(linkat, CONFINE_MAY_WRITE),
    ROW(symlinkat, CONFINE_MAY_WRITE),
    ROW(truncate, CONFINE_MAY_WRITE),
    ROW(fchmod, CONFINE_MAY_WRITE),
    ROW(fchmodat, CONFINE_MAY_WRITE),
    ROW(fchown, CONFINE_MAY_WRITE),
    ROW(fchownat, CONFINE_MAY_WRITE),
    ROW(utimensat, CONFINE_MAY_WRITE),
    ROW(connect, CONFINE_MAY_LOG | CONFINE_MAY_CALL | CONFINE_MAY_INTERNET),
    ROW(bind, CONFINE_MAY_INTERNET | CONFINE_MAY_LISTEN),
    ROW(listen, CONFINE_MAY_LISTEN),
#ifdef SYS_fork
    ROW(fork, CONFINE_MAY_FORK),
    ROW(vfork, CONFINE_MAY_FORK),
#endif
    ROW(wait4, CONFINE_MAY_FORK),
    ROW(waitid, CONFINE_MAY_FORK),
    ROW(kill, CONFINE_MAY_FORK),
    ROW(tkill, NEVER),
    ROW(setsid, CONFINE_MAY_FORK),
    ROW(setpgid, CONFINE_MAY_FORK),
    ROW(setrlimit, CONFINE_MAY_FORK),
    ROW(prlimit64, CONFINE_MAY_SHARE),
    ROW(setpriority, CONFINE_MAY_FORK),
    ROW(getpriority, CONFINE_MAY_FORK),
    ROW(mlockall, CONFINE_MAY_FORK),
    ROW(munlockall, CONFINE_MAY_FORK),
    ROW(chdir, CONFINE_MAY_FORK),
    ROW(fchdir, CONFINE_MAY_FORK),
    ROW(seccomp, CONFINE_MAY_FORK),
#ifdef SYS_landlock_create_ruleset
    ROW(landlock_create_ruleset, CONFINE_MAY_FORK),
    ROW(landlock_add_rule, CONFINE_MAY_FORK),
    ROW(landlock_restrict_self, CONFINE_MAY_FORK),
#endif
#ifdef SYS_close_range
    ROW(close_range, CONFINE_MAY_FORK),
#endif
    /* whatever a process may else */
    ROW(execve, NEVER),
    ROW(execveat, NEVER),
    ROW(ptrace, NEVER),
    ROW(process_vm_readv, NEVER),
    ROW(process_vm_writev, NEVER),
    ROW(mount, NEVER),
    ROW(chroot, NEVER),
    ROW(unshare, NEVER),
    ROW(setns, NEVER),
    ROW(setuid, NEVER),
    ROW(setgid, NEVER),
    ROW(mknodat, NEVER),
#undef ROW
};

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short length;
};

#define LOAD(offset)              BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offset))
#define LOAD_NUMBER               LOAD(offsetof(struct seccomp_data, nr))
#define LOAD_ARGUMENT(i)          LOAD(offsetof(struct seccomp_data, args) + 8 * (i)) /* its low half */
#define MASK(bits)                BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (unsigned)(bits))
#define UNLESS_EQUAL(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, (skip))
#define UNLESS_ANY(bits, skip)    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned)(bits), 0, (skip))
#define ALLOW                     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE(error)             BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

static void put_code(struct filter *filter, const struct sock_filter *code, unsigned count)
{
	assert(filter->length + count <= FILTER_MAX);
	memcpy(filter->code + filter->length, code, count * sizeof *code);
	filter->length = (unsigned short)(filter->length + count);
}

#define PUT(filter, ...)                                                                           \
	put_code(filter, (const struct sock_filter[]){__VA_ARGS__},                                \
		 sizeof((const struct sock_filter[]){__VA_ARGS__}) / sizeof(struct sock_filter))

/* Calls that are allowed or not, whatever their arguments. The number is loaded. */
static void put_calls(struct filter *filter, unsigned may)
{
	for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		bool allowed = (calls[i].rights & (may | ALWAYS)) != 0;

		PUT(filter, UNLESS_EQUAL(calls[i].number, 1));
		if (allowed)
			PUT(filter, ALLOW);
		else
			PUT(filter, REFUSE(EPERM));
	}
}

/* Nothing is both written and executed. */
static void put_memory(struct filter *filter)
{
	PUT(filter, UNLESS_EQUAL(SYS_mmap, 5), LOAD_ARGUMENT(2), MASK(PROT_WRITE | PROT_EXEC),
	    UNLESS_EQUAL(PROT_WRITE | PROT_EXEC, 1), REFUSE(EPERM), ALLOW);
	PUT(filter, UNLESS_EQUAL(SYS_mprotect, 4), LOAD_ARGUMENT(2), UNLESS_ANY(PROT_EXEC, 1),
	    REFUSE(EPERM), ALLOW);
}

/* clone3() is not known, since its flags cannot be seen: the C library takes clone() then. */
static void put_processes(struct filter *filter, unsigned may)
{
	const unsigned namespaces = 0x7e020000, set_memory_name = 0x53564d41;

	if ((may & CONFINE_MAY_FORK) != 0) {
		PUT(filter, UNLESS_EQUAL(SYS_clone, 4), LOAD_ARGUMENT(0), UNLESS_ANY(namespaces, 1),
		    REFUSE(EPERM), ALLOW);
		PUT(filter, UNLESS_EQUAL(SYS_tgkill, 1), ALLOW);
		PUT(filter, UNLESS_EQUAL(SYS_prctl, 1), ALLOW);
		return;
	}
	if ((may & CONFINE_MAY_SHARE) != 0)
		PUT(filter, UNLESS_EQUAL(SYS_clone, 4), LOAD_ARGUMENT(0),
		    UNLESS_ANY(CLONE_THREAD, 1), ALLOW, REFUSE(EPERM));
	PUT(filter, UNLESS_EQUAL(SYS_tgkill, 4), LOAD_ARGUMENT(0), UNLESS_EQUAL(getpid(), 1), ALLOW,
	    REFUSE(EPERM));
	PUT(filter, UNLESS_EQUAL(SYS_prctl, 6), LOAD_ARGUMENT(0), UNLESS_EQUAL(PR_SET_NAME, 1),
	    ALLOW, UNLESS_EQUAL(set_memory_name, 1), ALLOW, REFUSE(EPERM));
}

static void put_opening(struct filter *filter, int number, unsigned flags, unsigned may)
{
	if ((may & CONFINE_MAY_WRITE) != 0)
		PUT(filter, UNLESS_EQUAL(number, 1), ALLOW);
	else if ((may & CONFINE_MAY_READ) != 0)
		PUT(filter, UNLESS_EQUAL(number, 4), LOAD_ARGUMENT(flags),
		    UNLESS_ANY(O_ACCMODE | O_CREAT | O_TRUNC, 1), REFUSE(EPERM), ALLOW);
	else
		PUT(filter, UNLESS_EQUAL(number, 1), REFUSE(EPERM));
}

static void put_sockets(struct filter *filter, unsigned may)
{
	struct filter own = {.length = 0};

	PUT(&own, LOAD_ARGUMENT(0));
	if ((may & (CONFINE_MAY_INTERNET | CONFINE_MAY_LISTEN)) != 0)
		PUT(&own, UNLESS_EQUAL(AF_INET, 1), ALLOW, UNLESS_EQUAL(AF_INET6, 1), ALLOW);
	if ((may & CONFINE_MAY_CALL) != 0)
		PUT(&own, UNLESS_EQUAL(AF_UNIX, 1), ALLOW);
	else if ((may & CONFINE_MAY_LOG) != 0)
		PUT(&own, UNLESS_EQUAL(AF_UNIX, 4), LOAD_ARGUMENT(1), MASK(0xf /* the type */),
		    UNLESS_EQUAL(SOCK_DGRAM, 1), ALLOW);
	PUT(&own, REFUSE(EPERM));
	PUT(filter, UNLESS_EQUAL(SYS_socket, (unsigned char)own.length));
	put_code(filter, own.code, own.length);
}

static void make_filter(struct filter *filter, unsigned may)
{
	filter->length = 0;
	PUT(filter, LOAD(offsetof(struct seccomp_data, arch)), UNLESS_EQUAL(ARCHITECTURE, 1),
	    BPF_STMT(BPF_JMP | BPF_JA, 1), REFUSE(ENOSYS), LOAD_NUMBER);
	put_calls(filter, may);
	put_memory(filter);
	put_processes(filter, may);
#ifdef SYS_open
	put_opening(filter, SYS_open, 1, may);
#endif
	put_opening(filter, SYS_openat, 2, may);
	put_sockets(filter, may);
	PUT(filter, REFUSE(ENOSYS));
}

static bool filter_calls(unsigned may)
{
	static struct filter filter;
	struct sock_fprog program = {.filter = filter.code};

	make_filter(&filter, may);
	program.len = filter.length;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) ==
	       0;
}

/* ---- files and ports: Landlock, landlock(7) ---- */

#ifdef SYS_landlock_create_ruleset
/* linux/landlock.h, of which Debian 12 has the first part. */
enum {
	FILE_EXECUTE = 1 << 0,
	FILE_WRITE = 1 << 1,
	FILE_READ = 1 << 2,
	DIRECTORY_READ = 1 << 3,
	FILE_CHANGES = 0x1ff0 | FILE_WRITE, /* REMOVE_DIR to MAKE_SYM */
	FILE_REFER = 1 << 13,               /* since ABI 2 */
	FILE_TRUNCATE = 1 << 14,            /* since ABI 3 */
	PORT_CONNECT = 1 << 1,              /* since ABI 4 */
	SCOPE_ABSTRACT_SOCKETS = 1 << 0,    /* since ABI 6 */
	SCOPE_SIGNALS = 1 << 1,             /* since ABI 6 */
	ASK_VERSION = 1 << 0,
	RULE_PATH = 1,
	RULE_PORT = 2
};

struct ruleset {
	uint64_t files, ports, scopes;
};

struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed, port;
};

static uint64_t changes_of(long version)
{
	return FILE_CHANGES | (version >= 2 ? FILE_REFER : 0u) |
	       (version >= 3 ? FILE_TRUNCATE : 0u);
}

static struct ruleset choose_limits(const struct confine_rules *rules, long version)
{
	struct ruleset limits = {.files = FILE_EXECUTE};

	if ((rules->may & CONFINE_MAY_WRITE) == 0 || rules->writable_count > 0)
		limits.files |= changes_of(version);
	if ((rules->may & CONFINE_MAY_READ) == 0)
		limits.files |= FILE_READ | DIRECTORY_READ;
	if (rules->limit_ports && version >= 4)
		limits.ports = PORT_CONNECT;
	if ((rules->may & CONFINE_MAY_FORK) == 0 && version >= 6)
		limits.scopes = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS;
	return limits;
}

/* What is not there cannot be written. */
static bool allow_path(int ruleset, const char *path, uint64_t allowed)
{
	struct path_rule rule = {.allowed = allowed, .parent = open(path, O_PATH | O_CLOEXEC)};
	bool good =
	    rule.parent < 0 || syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0) == 0;

	if (rule.parent >= 0)
		close(rule.parent);
	return good;
}

static bool add_rules(int ruleset, const struct confine_rules *rules, const struct ruleset *limits)
{
	const uint64_t all = limits->files & ~(uint64_t)FILE_EXECUTE;
	bool good = allow_path(ruleset, "/dev/null", all & (FILE_READ | FILE_WRITE));

	for (unsigned i = 0; i < rules->writable_count && good; i++)
		good = allow_path(ruleset, rules->writable[i], all);
	for (unsigned i = 0; i < rules->port_count && limits->ports != 0 && good; i++) {
		struct port_rule rule = {PORT_CONNECT, rules->ports[i]};

		good = syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0) == 0;
	}
	return good;
}

static unsigned limit_files(const struct confine_rules *rules)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);
	struct ruleset limits = choose_limits(rules, version);
	bool good;
	int fd;

	if (version < 1)
		return 0;
	fd = (int)syscall(SYS_landlock_create_ruleset, &limits, sizeof limits, 0);
	if (fd < 0)
		return 0;
	good = add_rules(fd, rules, &limits) && syscall(SYS_landlock_restrict_self, fd, 0) == 0;
	close(fd);
	if (!good)
		return 0;
	return ((limits.files & FILE_WRITE) != 0 ? CONFINE_FILES : 0u) |
	       (limits.ports != 0 ? CONFINE_PORTS : 0u);
}
#else
static unsigned limit_files(const struct confine_rules *rules)
{
	(void)rules;
	return 0;
}
#endif

unsigned confine_process(const struct confine_rules *rules)
{
	unsigned limits = 0;

	assert(rules->writable_count <= CONFINE_PLACES && rules->port_count <= CONFINE_PLACES);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 0;
	limits |= limit_files(rules);
	if (filter_calls(rules->may)) {
		limits |= CONFINE_CALLS;
		if ((rules->may & CONFINE_MAY_WRITE) == 0)
			limits |= CONFINE_FILES; /* none can be opened for writing */
		if (rules->limit_ports && (rules->may & CONFINE_MAY_INTERNET) == 0)
			limits |= CONFINE_PORTS;
	}
	return limits;
}
#elif defined(HAVE_PLEDGE) && !CONFINE_INSTRUMENTED
bool confine_is_built(void)
{
	return true;
}

unsigned confine_process(const struct confine_rules *rules)
{
	static const struct {
		unsigned right;
		const char *promises;
	} rows[] = {
	    {CONFINE_MAY_SHARE, " sendfd recvfd"},
	    {CONFINE_MAY_READ, " rpath getpw"},
	    {CONFINE_MAY_WRITE, " wpath cpath fattr flock"},
	    {CONFINE_MAY_LOG | CONFINE_MAY_CALL | CONFINE_MAY_LISTEN, " unix"},
	    {CONFINE_MAY_INTERNET | CONFINE_MAY_LISTEN, " inet dns"},
	    {CONFINE_MAY_FORK, " proc"},
	};
	struct buf promises;
	int result;

	buf_init(&promises, NULL, 0);
	buf_string(&promises, "stdio");
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if ((rules->may & rows[i].right) != 0)
			buf_string(&promises, rows[i].promises);
	}
	result = pledge(buf_text(&promises), NULL);
	buf_free(&promises);
	if (result != 0)
		return 0;
	return CONFINE_CALLS | ((rules->may & CONFINE_MAY_WRITE) == 0 ? CONFINE_FILES : 0u);
}
#elif defined(HAVE_CAP_ENTER) && !CONFINE_INSTRUMENTED
#include <sys/capsicum.h>

bool confine_is_built(void)
{
	return true;
}

/* For who opens nothing: it is all or nothing there. */
unsigned confine_process(const struct confine_rules *rules)
{
	if ((rules->may & ~(unsigned)CONFINE_MAY_SHARE) != 0 || cap_enter() != 0)
		return 0;
	return CONFINE_CALLS | CONFINE_FILES;
}
#else
bool confine_is_built(void)
{
	return false;
}

unsigned confine_process(const struct confine_rules *rules)
{
	(void)rules;
	return 0;
}
#endif
