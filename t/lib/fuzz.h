/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fuzz driver is t/fuzz/X.c with this one function, and a corpus of files in t/fuzz/corpus/X. It
 * returns 0 and ends the process (assert, sanitizer) when the code under test breaks a promise.
 *
 * Built by --enable-fuzzers it is a libFuzzer program; otherwise t/lib/fuzz_main.c gives it a main
 * that runs every file named (directories: the files in them) once. Options are for libFuzzer.
 */
#ifndef T_LIB_FUZZ_H
#define T_LIB_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
