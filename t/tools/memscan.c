/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memscan PID FILE...: looks through all of a process's memory, as a core image has it, for the
 * private keys in the PEM files, and prints how many places have a part of one: one of the private
 * numbers of an RSA key, as bytes (as in DER) or as the limbs of a number; the seed of an Ed25519
 * key, or what is derived from it (RFC 8032, 5.1.5); or the text of the file. To be run by root.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

/* What is as large is what AddressSanitizer notes about memory, not memory. */
static const uint64_t SHADOW = (uint64_t)1 << 36;

enum { PATTERN = 24, PATTERNS_MAX = 512, CHUNK = 1 << 20, TEXT_SKIPPED = 40 };

static struct {
	unsigned char bytes[PATTERNS_MAX][PATTERN];
	unsigned count;
} wanted;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void add_pattern(const unsigned char *bytes)
{
	if (wanted.count == PATTERNS_MAX)
		abort();
	memcpy(wanted.bytes[wanted.count++], bytes, PATTERN);
}

/* From the middle: neither end is the same in both forms. */
static void add_number(const EVP_PKEY *key, const char *name)
{
	unsigned char bytes[2048];
	BIGNUM *number = NULL;
	int size;

	if (EVP_PKEY_get_bn_param(key, name, &number) != 1)
		die(name);
	size = BN_num_bytes(number);
	if (size > (int)sizeof bytes || BN_bn2binpad(number, bytes, size) != size)
		abort();
	add_pattern(bytes + size / 2);
	if (BN_bn2lebinpad(number, bytes, size) != size)
		abort();
	add_pattern(bytes + size / 2);
	BN_free(number);
}

static void add_text(const char *path)
{
	unsigned char text[TEXT_SKIPPED + PATTERN];
	FILE *file = fopen(path, "r");

	if (file == NULL || fread(text, 1, sizeof text, file) != sizeof text)
		die(path);
	fclose(file);
	add_pattern(text + TEXT_SKIPPED);
}

/* Of the derived scalar the first and the last byte lose some bits, so its middle is taken. */
static void add_seed(const EVP_PKEY *key)
{
	enum { MIDDLE = 4, HALF = 32 };
	unsigned char seed[HALF], derived[64];
	size_t size = sizeof seed;

	if (EVP_PKEY_get_raw_private_key(key, seed, &size) != 1 ||
	    EVP_Digest(seed, size, derived, NULL, EVP_sha512(), NULL) != 1)
		abort();
	add_pattern(seed);
	add_pattern(derived + MIDDLE);
	add_pattern(derived + HALF);
}

static void add_key(const char *path)
{
	static const char *const numbers[] = {
	    OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
	    OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
	    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
	FILE *file = fopen(path, "r");
	EVP_PKEY *key = file == NULL ? NULL : PEM_read_PrivateKey(file, NULL, NULL, NULL);

	if (key == NULL)
		die(path);
	fclose(file);
	if (EVP_PKEY_is_a(key, "RSA")) {
		for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
			add_number(key, numbers[i]);
	} else {
		add_seed(key);
	}
	add_text(path); /* the algorithm's name is before that, or in its first half */
	EVP_PKEY_free(key);
}

static unsigned count_places(const unsigned char *bytes, size_t size)
{
	unsigned count = 0;

	for (unsigned i = 0; i < wanted.count; i++) {
		const unsigned char *at = bytes, *found;

		while ((found = memmem(at, size - (size_t)(at - bytes), wanted.bytes[i],
				       PATTERN)) != NULL) {
			count++;
			at = found + 1;
		}
	}
	return count;
}

/* In pieces that overlap, so that none is cut in two. */
static unsigned scan_range(int memory, uint64_t from, uint64_t to)
{
	static unsigned char piece[CHUNK + PATTERN - 1];
	unsigned count = 0;

	for (uint64_t at = from; at < to; at += CHUNK) {
		size_t size = to - at < sizeof piece ? (size_t)(to - at) : sizeof piece;
		ssize_t n = pread(memory, piece, size, (off_t)at);

		if (n > PATTERN)
			count += count_places(piece, (size_t)n);
	}
	return count;
}

int main(int argc, char **argv)
{
	char path[64], line[512];
	unsigned count = 0;
	uint64_t scanned = 0;
	int memory;
	FILE *maps;

	for (int i = 2; i < argc; i++)
		add_key(argv[i]);
	snprintf(path, sizeof path, "/proc/%.20s/mem", argv[1]);
	memory = open(path, O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		die(path);
	snprintf(path, sizeof path, "/proc/%.20s/maps", argv[1]);
	maps = fopen(path, "r");
	if (maps == NULL)
		die(path);
	while (fgets(line, sizeof line, maps) != NULL) {
		uint64_t from, to;
		char mode[5];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, mode) == 3 &&
		    mode[0] == 'r' && strstr(line, "[v") == NULL && to - from < SHADOW) {
			unsigned found = scan_range(memory, from, to);

			if (found > 0)
				fprintf(stderr, "%u: %s", found, line);
			count += found;
			scanned += to - from;
		}
	}
	fclose(maps);
	if (scanned == 0)
		die("nothing was scanned");
	printf("%u\n", count);
	return 0;
}
