/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *   LogotypeExtn ::= SEQUENCE {
 *      communityLogos  [0] EXPLICIT SEQUENCE OF LogotypeInfo OPTIONAL,
 *      issuerLogo      [1] EXPLICIT LogotypeInfo OPTIONAL,
 *      subjectLogo     [2] EXPLICIT LogotypeInfo OPTIONAL, ... }
 *   LogotypeInfo ::= CHOICE { direct [0] LogotypeData, indirect [1] LogotypeReference }
 *   LogotypeData ::= SEQUENCE { image SEQUENCE OF LogotypeImage OPTIONAL, ... }
 *   LogotypeImage ::= SEQUENCE { imageDetails LogotypeDetails, imageInfo ... OPTIONAL }
 *   LogotypeDetails ::= SEQUENCE {
 *      mediaType     IA5String,
 *      logotypeHash  SEQUENCE OF SEQUENCE { AlgorithmIdentifier, OCTET STRING },
 *      logotypeURI   SEQUENCE OF IA5String }
 */
#include "bimi/logotype.h"

#include <string.h>

#include "lib/codec/gzip.h"
#include "bimi/logo.h"
#include "lib/codec/base64.h"
#include "lib/crypto/der.h"
#include "lib/crypto/hash.h"

enum { TAG_0 = 0xa0, TAG_1 = 0xa1, TAG_2 = 0xa2, IA5_STRING = 0x16 };

struct details {
	struct span media_type, uri;
	struct span algorithm, hash;
};

/* ---- DER ---- */

static int find_details(struct span der, struct span *details, struct why *why)
{
	struct span extension, skipped, subject, direct, images, image;

	if (!der_take(&der, DER_SEQUENCE, &extension) || !span_empty(der))
		return why_set(why, "the logotype extension is malformed");
	der_take(&extension, TAG_0, &skipped);
	der_take(&extension, TAG_1, &skipped);
	if (!der_take(&extension, TAG_2, &subject))
		return why_set(why, "the logotype extension has no logo of the subject");
	if (!der_take(&subject, TAG_0, &direct))
		return why_set(why, "the logo is not in the certificate, only a reference to it");
	if (!der_take(&direct, DER_SEQUENCE, &images) || !der_take(&images, DER_SEQUENCE, &image) ||
	    !der_take(&image, DER_SEQUENCE, details))
		return why_set(why, "the logotype extension has no picture");
	if (!span_empty(images))
		return why_set(why, "the logotype extension has several pictures");
	return 0;
}

/* The first hash by an algorithm that is known. The picture is in the certificate, which its issuer
 * has signed, so SHA-1, which large issuers use, does no harm. */
static bool find_hash(struct span hashes, struct details *out)
{
	struct span one, algorithm;

	while (der_take(&hashes, DER_SEQUENCE, &one))
		if (der_take(&one, DER_SEQUENCE, &algorithm) &&
		    der_take(&algorithm, DER_OID, &out->algorithm) &&
		    der_take(&one, DER_OCTET_STRING, &out->hash) &&
		    crypt_digest_length(out->algorithm) > 0)
			return true;
	return false;
}

static int read_details(struct span der, struct details *out, struct why *why)
{
	struct span hashes, uris;

	if (!der_take(&der, IA5_STRING, &out->media_type) ||
	    !der_take(&der, DER_SEQUENCE, &hashes) || !der_take(&der, DER_SEQUENCE, &uris) ||
	    !der_take(&uris, IA5_STRING, &out->uri))
		return why_set(why, "the logotype extension is malformed");
	if (!span_ieq(out->media_type, "image/svg+xml") &&
	    !span_ieq(out->media_type, "image/svg+xml+gzip"))
		return why_set(
		    why, "the logo is of the type %.*s, not image/svg+xml",
		    (int)(span_len(out->media_type) < 80 ? span_len(out->media_type) : 80),
		    out->media_type.p);
	if (!find_hash(hashes, out))
		return why_set(why, "the logo has no SHA-1 or SHA-2 hash");
	return 0;
}

/* ---- the picture ---- */

/* RFC 2397: "data:" [ mediatype ] ";base64," data */
static int read_uri(struct arena *arena, struct span uri, struct span *logo, struct why *why)
{
	const uint8_t *data;
	struct span head;
	bool more = true;
	size_t length;

	if (!span_istarts(uri, "data:"))
		return why_set(why, "the logo is not in the certificate, only its address");
	span_split(&uri, &more, ',', &head);
	if (!more || span_len(head) < strlen(";base64") ||
	    !span_ieq(span_make(head.end - strlen(";base64"), strlen(";base64")), ";base64") ||
	    !base64_decode(arena, uri, &data, &length))
		return why_set(why, "the data: URI of the logo is not valid base64");
	*logo = span_make(data, length);
	return 0;
}

static bool has_hash(const struct details *details, struct span text)
{
	return crypt_digest_matches(details->algorithm, details->hash, text);
}

static struct span without_cr(struct arena *arena, struct span text)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (const char *p = text.p; p < text.end; p++)
		if (*p != '\r' || p + 1 == text.end || p[1] != '\n')
			buf_char(&out, *p);
	return buf_view(&out);
}

/* RFC 6170 section 5: the hash is that of the uncompressed SVG with LF at the end of lines. Issuers
 * also took it from the bytes as they are, as RFC 3709 has it for all pictures. */
static int check_hash(struct arena *arena, struct span logo, const struct details *details,
		      struct why *why)
{
	struct span svg = logo;

	if (gzip_is(logo) && gzip_inflate(arena, logo, BIMI_LOGO_READ_MAX, &svg, why) == -1)
		return why_prefix(why, "the logo in the certificate: ");
	if (has_hash(details, svg) || has_hash(details, logo) ||
	    has_hash(details, without_cr(arena, svg)))
		return 0;
	return why_set(why, "the logo in the certificate is not the one that its hash is for");
}

int logotype_read(struct arena *arena, struct span der, struct span *logo, struct why *why)
{
	struct details details;
	struct span inner;

	if (find_details(der, &inner, why) == -1 || read_details(inner, &details, why) == -1 ||
	    read_uri(arena, details.uri, logo, why) == -1)
		return -1;
	return check_hash(arena, *logo, &details, why);
}
