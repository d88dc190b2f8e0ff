/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nothing [-a] SOCKET: a filter that does nothing, the floor under every program on libmilter. It
 * asks for the same steps as countersignd; with -a it asks for all and answers each.
 */
#include <stdio.h>
#include <string.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

static unsigned long steps = SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_RCPT | SMFIP_NR_HDR |
			     SMFIP_NR_EOH | SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_SKIP |
			     SMFIP_HDR_LEADSPC;
static sfsistat quiet = SMFIS_NOREPLY;

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
			     unsigned long f3, unsigned long *pf0, unsigned long *pf1,
			     unsigned long *pf2, unsigned long *pf3)
{
	(void)ctx;
	(void)f2;
	(void)f3;
	*pf0 = f0 & (SMFIF_ADDHDRS | SMFIF_CHGHDRS);
	*pf1 |= f1 & steps;
	*pf2 = 0;
	*pf3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
	(void)ctx;
	(void)name;
	(void)address;
	return quiet;
}

static sfsistat on_text(SMFICTX *ctx, char *text)
{
	(void)ctx;
	(void)text;
	return quiet;
}

static sfsistat on_words(SMFICTX *ctx, char **words)
{
	(void)ctx;
	(void)words;
	return quiet;
}

static sfsistat on_mail(SMFICTX *ctx, char **words)
{
	(void)on_words(ctx, words);
	return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	(void)name;
	(void)value;
	return quiet;
}

static sfsistat on_end_of_headers(SMFICTX *ctx)
{
	(void)ctx;
	return quiet;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *chunk, size_t length)
{
	(void)ctx;
	(void)chunk;
	(void)length;
	return SMFIS_CONTINUE;
}

static sfsistat on_end(SMFICTX *ctx)
{
	static char name[] = "Authentication-Results", value[] = " mx.bench; none";

	return smfi_insheader(ctx, 0, name, value) == MI_SUCCESS ? SMFIS_CONTINUE : SMFIS_TEMPFAIL;
}

int main(int argc, char **argv)
{
	static char title[] = "nothing";
	struct smfiDesc filter = {
	    .xxfi_name = title,
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS,
	    .xxfi_connect = on_connect,
	    .xxfi_helo = on_text,
	    .xxfi_envfrom = on_mail,
	    .xxfi_envrcpt = on_words,
	    .xxfi_header = on_header,
	    .xxfi_eoh = on_end_of_headers,
	    .xxfi_body = on_body,
	    .xxfi_eom = on_end,
	    .xxfi_negotiate = on_negotiate,
	};

	if (argc == 3 && strcmp(argv[1], "-a") == 0) {
		steps = SMFIP_HDR_LEADSPC;
		quiet = SMFIS_CONTINUE;
	} else if (argc != 2) {
		fprintf(stderr, "usage: nothing [-a] SOCKET\n");
		return 64;
	}
	if (smfi_register(filter) != MI_SUCCESS || smfi_setconn(argv[argc - 1]) != MI_SUCCESS)
		return 1;
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
