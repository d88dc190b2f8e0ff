/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * other_opinion.so, for LD_PRELOAD: libspf2 and libopendkim with faults. Which one is in the first
 * octet of the file OTHER_OPINION, which is mapped at the start, as a process that is confined
 * cannot open it: 'f' libspf2 says fail where it would say pass; 'b' libopendkim takes no signature
 * for good; 'c' libspf2 crashes; 'l' it loops; anything else: they are as they are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const volatile char *fault = "-";

__attribute__((constructor)) static void map_fault(void)
{
	const char *path = getenv("OTHER_OPINION");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);

	if (mapped != MAP_FAILED)
		fault = mapped;
	if (fd >= 0)
		close(fd);
}

enum { PASS = 2, FAIL = 3 }; /* SPF_RESULT_PASS, SPF_RESULT_FAIL of libspf2 */

int SPF_response_result(void *response)
{
	int (*real)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "SPF_response_result");
	int result = real(response);

	if (*fault == 'c') {
		signal(SIGSEGV, SIG_DFL); /* not a finding of a sanitizer */
		raise(SIGSEGV);
	}
	while (*fault == 'l')
		continue;
	return *fault == 'f' && result == PASS ? FAIL : result;
}

enum { PASSED = 0x04 }; /* DKIM_SIGFLAG_PASSED of libopendkim */

unsigned dkim_sig_getflags(void *signature)
{
	unsigned (*real)(void *) = (unsigned (*)(void *))dlsym(RTLD_NEXT, "dkim_sig_getflags");
	unsigned flags = real(signature);

	return *fault == 'b' ? flags & ~(unsigned)PASSED : flags;
}
