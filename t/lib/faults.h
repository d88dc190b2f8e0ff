/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls for files that fail, in a unit test that is linked with faults.c: open, close, pread,
 * pwrite, read, write, fsync, fdatasync, ftruncate, rename, link, unlink, of the program and of
 * SQLite.
 */
#ifndef T_LIB_FAULTS_H
#define T_LIB_FAULTS_H

/* The NUMBERth call from now on fails with ERROR, no other; 0: none. Counting begins again. */
void faults_set(long number, int error);

long faults_calls(void); /* since then */

#endif
