/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Security level 0: at the usual one an old server would look like one without TLS.
 */
#include "lib/crypto/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/crypto/openssl.h"
#include "lib/heap.h"

struct session {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
	char *host;
};

/* ---- one step of OpenSSL ---- */

static bool wait_for_socket(int fd, int error, int64_t deadline)
{
	struct pollfd wait = {.fd = fd, .events = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN};
	int64_t left = (deadline - clock_mono()) / CLOCK_MS;
	int got;

	if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ)
		return false;
	do
		got = left > 0 ? poll(&wait, 1, (int)(left < 60000 ? left : 60000)) : 0;
	while (got < 0 && errno == EINTR);
	return got > 0;
}

/* Whether to try again after RESULT; *ERROR: what OpenSSL says. */
static bool goes_on(struct session *session, int result, int64_t deadline, int *error)
{
	*error = SSL_get_error(session->ssl, result);
	return wait_for_socket(session->fd, *error, deadline);
}

int session_read(struct session *session, void *data, size_t room, int64_t deadline)
{
	int result, error;

	do {
		ERR_clear_error();
		result = SSL_read(session->ssl, data, room > 65536 ? 65536 : (int)room);
	} while (result <= 0 && goes_on(session, result, deadline, &error));
	if (result > 0)
		return result;
	ERR_clear_error();
	return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

bool session_write(struct session *session, struct span bytes, int64_t deadline)
{
	int result, error;

	do {
		ERR_clear_error();
		result = SSL_write(session->ssl, bytes.p, (int)span_len(bytes));
	} while (result <= 0 && goes_on(session, result, deadline, &error));
	ERR_clear_error();
	return result > 0;
}

/* ---- the handshake ---- */

static bool set_versions(SSL_CTX *context, bool old)
{
	SSL_CTX_set_security_level(context, 0);
	return SSL_CTX_set_min_proto_version(context, TLS1_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(context, old ? TLS1_1_VERSION : 0) == 1 &&
	       SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0") == 1;
}

static bool load_roots(SSL_CTX *context, const char *file)
{
	return file != NULL ? SSL_CTX_load_verify_file(context, file) == 1
			    : SSL_CTX_set_default_verify_paths(context) == 1;
}

static bool prepare_session(struct session *session, const struct session_settings *settings)
{
	session->context = SSL_CTX_new(TLS_client_method());
	if (session->context == NULL || !set_versions(session->context, settings->old))
		return false;
	/* Without roots each chain is at fault, which is true. */
	(void)load_roots(session->context, settings->ca_file);
	SSL_CTX_set_verify(session->context, SSL_VERIFY_NONE, NULL);
	session->ssl = SSL_new(session->context);
	return session->ssl != NULL && SSL_set_fd(session->ssl, session->fd) == 1 &&
	       SSL_set_tlsext_host_name(session->ssl, session->host) == 1;
}

static void explain_handshake(int error, int64_t deadline, struct why *why)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	if (clock_mono() >= deadline)
		why_set(why, "the TLS handshake took too long");
	else if (error == SSL_ERROR_SSL && reason != NULL)
		why_set(why, "the TLS handshake failed: %s", reason);
	else
		why_set(why, "the connection ended in the TLS handshake");
	ERR_clear_error();
}

struct session *session_open(int fd, const struct session_settings *settings, int64_t deadline,
			     struct why *why)
{
	struct session *session = heap_zero(sizeof *session);
	int result, error = SSL_ERROR_NONE;

	session->fd = fd;
	session->host = heap_strdup(settings->host);
	if (!prepare_session(session, settings)) {
		(void)openssl_failed(why, "TLS cannot be prepared");
		session_close(session);
		return NULL;
	}
	do {
		ERR_clear_error();
		result = SSL_connect(session->ssl);
	} while (result <= 0 && goes_on(session, result, deadline, &error));
	if (result == 1)
		return session;
	explain_handshake(error, deadline, why);
	session_close(session);
	return NULL;
}

void session_close(struct session *session)
{
	if (session == NULL)
		return;
	SSL_free(session->ssl);
	SSL_CTX_free(session->context);
	free(session->host);
	free(session);
}

/* ---- what it shows ---- */

const char *session_version(const struct session *session)
{
	return SSL_get_version(session->ssl);
}

bool session_is_old(const struct session *session)
{
	return SSL_version(session->ssl) < TLS1_2_VERSION;
}

struct span session_chain(const struct session *session, struct arena *arena)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(session->ssl);
	BIO *bio = BIO_new(BIO_s_mem());
	const char *text = "";
	long length = 0;

	if (bio == NULL)
		abort();
	for (int i = 0; chain != NULL && i < sk_X509_num(chain); i++)
		PEM_write_bio_X509(bio, sk_X509_value(chain, i));
	length = BIO_get_mem_data(bio, &text);
	text = arena_copy(arena, text, length > 0 ? (size_t)length : 0);
	BIO_free(bio);
	return span_make(text, length > 0 ? (size_t)length : 0);
}

const char *session_chain_fault(const struct session *session)
{
	long result = SSL_get_verify_result(session->ssl);

	if (SSL_get0_peer_certificate(session->ssl) == NULL)
		return "the server has no certificate";
	return result == X509_V_OK ? NULL : X509_verify_cert_error_string(result);
}

bool session_has_name(const struct session *session)
{
	X509 *own = SSL_get0_peer_certificate(session->ssl);

	return own != NULL && X509_check_host(own, session->host, 0,
					      X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
						  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
					      NULL) == 1;
}
