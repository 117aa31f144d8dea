/*
 * One TLS session on a socket.
 *
 *   HANDSHAKE --done--> UP --peer closed--> CLOSED
 *       |                |
 *       +----- error ----+----------------> FAILED
 *
 * A handler may free the session, so that every call of one is the last thing its function does.
 * In UP the read event is level-triggered and exists while reading is wanted; what OpenSSL has
 * decrypted already makes no socket readable, so that tls_read() schedules the `later` event for
 * it.
 */
#include "port/tls/context.h"
#include "port/tls/groups.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t ticks_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void watch_read(struct tls_session *session, bool on)
{
	if (session->watches_read == on)
		return;
	session->watches_read = on;
	if (on)
		event_add(&session->read, NULL);
	else
		event_del(&session->read);
}

static void watch_write(struct tls_session *session, bool on)
{
	if (session->watches_write == on)
		return;
	session->watches_write = on;
	if (on)
		event_add(&session->write, NULL);
	else
		event_del(&session->write);
}

static void run_later(struct tls_session *session)
{
	event_active(&session->later, EV_TIMEOUT, 0);
}

/* ---- failures ---------------------------------------------------------------------------------
 */

static enum tls_failure_kind kind_of_reason(int reason)
{
	switch (reason) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_VERSION_TOO_HIGH:
	case SSL_R_NO_PROTOCOLS_AVAILABLE:
	case SSL_R_INAPPROPRIATE_FALLBACK:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return TLS_FAILURE_VERSION;
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return TLS_FAILURE_CLOSED;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_BAD_PACKET_LENGTH:
	case SSL_R_BAD_LENGTH:
	case SSL_R_BAD_EXTENSION:
	case SSL_R_BAD_RECORD_TYPE:
	case SSL_R_LENGTH_MISMATCH:
	case SSL_R_LENGTH_TOO_SHORT:
	case SSL_R_LENGTH_TOO_LONG:
	case SSL_R_UNEXPECTED_MESSAGE:
	case SSL_R_UNEXPECTED_RECORD:
	case SSL_R_RECORD_LENGTH_MISMATCH:
	case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
	case SSL_R_DATA_LENGTH_TOO_LONG:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_EXCESSIVE_MESSAGE_SIZE:
	case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
	case SSL_R_DIGEST_CHECK_FAILED:
	case SSL_R_BAD_SIGNATURE:
	case SSL_R_NO_RENEGOTIATION:
		return TLS_FAILURE_PROTOCOL;
	default:
		return reason >= SSL_AD_REASON_OFFSET ? TLS_FAILURE_ALERT : TLS_FAILURE_OTHER;
	}
}

static enum tls_failure_kind kind_of(int ssl_error)
{
	unsigned long code = ERR_peek_error();

	if (code == 0)
		return ssl_error == SSL_ERROR_SYSCALL ? TLS_FAILURE_CLOSED : TLS_FAILURE_OTHER;
	switch (ERR_GET_LIB(code)) {
	case ERR_LIB_USER: /* raised by signer.c only */
		return TLS_FAILURE_SIGNATURE;
	case ERR_LIB_SYS:
		return TLS_FAILURE_CLOSED;
	case ERR_LIB_SSL:
		return kind_of_reason(ERR_GET_REASON(code));
	case ERR_LIB_ASN1:
	case ERR_LIB_X509:
		return TLS_FAILURE_PROTOCOL;
	default:
		return TLS_FAILURE_OTHER;
	}
}

static const char *words_of(int ssl_error, int error_number)
{
	unsigned long code = ERR_peek_error();
	const char *data = NULL;
	const char *reason;
	int flags = 0;

	if (code == 0)
		return ssl_error == SSL_ERROR_SYSCALL && error_number != 0 ? strerror(error_number)
									   : "the connection ended";
	ERR_peek_error_data(&data, &flags);
	if (ERR_GET_LIB(code) == ERR_LIB_USER && (flags & ERR_TXT_STRING) != 0)
		return data;
	reason = ERR_reason_error_string(code);
	return reason != NULL ? reason : "the library gives no reason";
}

static bool is_misfit(int reason)
{
	return reason == SSL_R_NO_SHARED_CIPHER ||
	       reason == SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM ||
	       reason == SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS;
}

static void note_refusal(struct tls_session *session)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_REASON(code);

	if (ERR_GET_LIB(code) != ERR_LIB_SSL)
		return;
	session->is_misfit = session->is_server && is_misfit(reason);
	if (reason >= SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + UINT8_MAX)
		session->alert = (unsigned char)(reason - SSL_AD_REASON_OFFSET);
}

/* Note why, and tell the owner: now by the caller's result or from the loop. */
static void fail(struct tls_session *session, int ssl_error, int error_number)
{
	session->state = TLS_STATE_FAILED;
	session->failure = (unsigned char)kind_of(ssl_error);
	free(session->failure_text);
	session->failure_text = mem_text(words_of(ssl_error, error_number));
	note_refusal(session);
	ERR_clear_error();
	watch_read(session, false);
	watch_write(session, false);
}

/* ---- the handshake ----------------------------------------------------------------------------
 */

/* Handshakes that found all jobs paused (signer.h); all sessions of a process live on one loop. */
static TAILQ_HEAD(, tls_session) queue = TAILQ_HEAD_INITIALIZER(queue);

static void queue_join(struct tls_session *session)
{
	session->is_queued = true;
	TAILQ_INSERT_TAIL(&queue, session, queue);
}

static void queue_leave(struct tls_session *session)
{
	if (!session->is_queued)
		return;
	session->is_queued = false;
	TAILQ_REMOVE(&queue, session, queue);
}

/* A job is free again. */
static void queue_call(void)
{
	struct tls_session *first = TAILQ_FIRST(&queue);

	if (first == NULL)
		return;
	queue_leave(first);
	run_later(first);
}

/* Calls the handler last. */
static void come_up(struct tls_session *session)
{
	SSL_clear_mode(session->ssl, SSL_MODE_ASYNC);
	session->state = TLS_STATE_UP;
	session->handshake_ms = ticks_ms() - session->started_ms;
	watch_write(session, false);
	watch_read(session, session->read_wanted);
	session->handler(session->context, TLS_EVENT_UP);
}

/* Calls the handler last. */
static void step(struct tls_session *session)
{
	int result, error, number;

	ERR_clear_error();
	errno = 0;
	session->is_paused = false;
	queue_leave(session);
	result = SSL_do_handshake(session->ssl);
	number = errno;
	error = SSL_get_error(session->ssl, result);
	if (error != SSL_ERROR_WANT_ASYNC && error != SSL_ERROR_WANT_ASYNC_JOB)
		queue_call();
	switch (error) {
	case SSL_ERROR_NONE:
		come_up(session);
		return;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		watch_read(session, error == SSL_ERROR_WANT_READ);
		watch_write(session, error == SSL_ERROR_WANT_WRITE);
		return;
	case SSL_ERROR_WANT_ASYNC:
		session->is_paused = true;
		watch_read(session, false);
		watch_write(session, false);
		tls_signer_flush(session->tls->signer);
		return;
	case SSL_ERROR_WANT_ASYNC_JOB:
		watch_read(session, false);
		watch_write(session, false);
		queue_join(session);
		return;
	default:
		fail(session, error, number);
		session->reported = true;
		session->handler(session->context, TLS_EVENT_FAILED);
	}
}

/* The signature is there, or will not come. */
static int on_signature(SSL *ssl, void *context)
{
	(void)ssl;
	run_later(context);
	return 1;
}

/* ---- events -----------------------------------------------------------------------------------
 */

static void on_later(evutil_socket_t fd, short what, void *context)
{
	struct tls_session *session = context;
	bool must_read = session->must_read;

	(void)fd;
	(void)what;
	session->must_read = false;
	switch (session->state) {
	case TLS_STATE_HANDSHAKE:
		step(session);
		return;
	case TLS_STATE_UP:
		if (session->read_wanted && (must_read || SSL_pending(session->ssl) > 0))
			session->handler(session->context, TLS_EVENT_READ);
		return;
	default:
		if (session->reported)
			return;
		session->reported = true;
		session->handler(session->context,
			session->state == TLS_STATE_CLOSED ? TLS_EVENT_CLOSED : TLS_EVENT_FAILED);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct tls_session *session = context;

	(void)fd;
	(void)what;
	if (session->state == TLS_STATE_HANDSHAKE)
		step(session);
	else if (session->state == TLS_STATE_UP && session->read_wanted)
		session->handler(session->context, TLS_EVENT_READ);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct tls_session *session = context;

	(void)fd;
	(void)what;
	if (session->state == TLS_STATE_HANDSHAKE) {
		step(session);
		return;
	}
	watch_write(session, false);
	if (session->read_needs_write) {
		session->read_needs_write = false;
		session->must_read = true;
		run_later(session);
	}
	if (session->write_blocked) {
		session->write_blocked = false;
		session->handler(session->context, TLS_EVENT_WRITE);
	}
}

/* ---- sessions ---------------------------------------------------------------------------------
 */

static struct tls_session *new_session(
	struct tls_context *tls, const struct tls_slot *slot, struct event_base *base, int fd)
{
	struct tls_session *session = mem_new(sizeof(*session));

	session->tls = tls_context_ref(tls);
	session->slot = slot;
	session->is_server = tls->is_server;
	session->read_wanted = true;
	session->started_ms = ticks_ms();
	session->ssl = SSL_new(slot->ssl);
	if (session->ssl == NULL || SSL_set_fd(session->ssl, fd) != 1)
		abort();
	SSL_set_app_data(session->ssl, session);
	SSL_set_mode(session->ssl, SSL_MODE_ASYNC);
	SSL_set_async_callback(session->ssl, on_signature);
	SSL_set_async_callback_arg(session->ssl, session);
	event_assign(&session->read, base, fd, EV_READ | EV_PERSIST, on_readable, session);
	event_assign(&session->write, base, fd, EV_WRITE | EV_PERSIST, on_writable, session);
	event_assign(&session->later, base, -1, 0, on_later, session);
	return session;
}

/* What is presented is known only with the client's first words: on_server_name(). */
struct tls_session *tls_accept(struct tls_context *tls, struct event_base *base, int fd,
	const struct tls_accept_options *options, tls_handler *handler, void *context)
{
	struct cert_pair pair = cert_directory_find(tls->directory, (struct str){0});
	struct tls_session *session = new_session(tls, tls_slot_get(tls, pair, NULL), base, fd);

	session->choose = options != NULL ? options->choose : NULL;
	session->handler = handler;
	session->context = context;
	SSL_set_accept_state(session->ssl);
	run_later(session);
	return session;
}

static void offer_session(struct tls_session *session, const char *cache_key)
{
	SSL_SESSION *known;

	session->cache_key = mem_text(cache_key);
	known = tls_cache_take(
		session->tls->cache, cache_key, session->slot->label, (int64_t)time(NULL));
	if (known == NULL)
		return;
	(void)SSL_set_session(session->ssl, known);
	SSL_SESSION_free(known);
}

struct tls_session *tls_connect(struct tls_context *tls, struct event_base *base, int fd,
	const struct tls_client_options *options, tls_handler *handler, void *context)
{
	struct cert_pair pair = {0};
	struct tls_session *session;

	if (options->identity != NULL)
		pair = cert_directory_version(tls->directory, options->identity, options->version);
	session = new_session(tls, tls_slot_get(tls, pair, NULL), base, fd);
	session->handler = handler;
	session->context = context;
	SSL_set_connect_state(session->ssl);
	if (options->server_name != NULL)
		(void)SSL_set_tlsext_host_name(session->ssl, options->server_name);
	if (!options->reduced_hello)
		(void)SSL_set_tlsext_status_type(session->ssl, TLSEXT_STATUSTYPE_ocsp);
	if (!options->reduced_hello && options->cache_key != NULL && tls->cache != NULL)
		offer_session(session, options->cache_key);
	tls_offer_narrow(session->ssl, options);
	ERR_clear_error();
	run_later(session);
	return session;
}

/* OpenSSL cannot free a handshake that is paused in a signature: let it fail first, with nothing
 * more to be read or written. */
static void unwind_handshake(struct tls_session *session)
{
	SSL_set_bio(session->ssl, BIO_new(BIO_s_null()), BIO_new(BIO_s_null()));
	while (SSL_waiting_for_async(session->ssl)) {
		tls_signer_cancel(session->tls->signer, session->ssl);
		(void)SSL_do_handshake(session->ssl);
	}
	queue_call();
}

static void say_goodbye(struct tls_session *session)
{
	if (session->state != TLS_STATE_UP && session->state != TLS_STATE_CLOSED)
		return;
	(void)SSL_shutdown(session->ssl);
	/* Without these SSL_free() makes the session impossible to resume. */
	SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void tls_session_free(struct tls_session **session)
{
	struct tls_session *s = *session;

	*session = NULL;
	if (s == NULL)
		return;
	watch_read(s, false);
	watch_write(s, false);
	queue_leave(s);
	ERR_clear_error();
	if (s->is_paused)
		unwind_handshake(s);
	else
		say_goodbye(s);
	event_del(&s->later);
	SSL_free(s->ssl);
	ERR_clear_error();
	tls_context_free(&s->tls);
	free(s->cache_key);
	free(s->failure_text);
	free(s);
}

/* ---- data -------------------------------------------------------------------------------------
 */

static enum err read_failed(struct tls_session *session, int result, int number)
{
	int error = SSL_get_error(session->ssl, result);

	switch (error) {
	case SSL_ERROR_WANT_READ:
		return ERR_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		session->read_needs_write = true;
		watch_write(session, true);
		return ERR_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		break;
	default:
		/* A socket that ends without close_notify is how half of the world says goodbye;
		 * SMTP has its own ways to know that something is missing. */
		if (kind_of(error) == TLS_FAILURE_CLOSED)
			break;
		fail(session, error, number);
		run_later(session);
		return ERR_TLS;
	}
	ERR_clear_error();
	session->state = TLS_STATE_CLOSED;
	watch_read(session, false);
	run_later(session);
	return ERR_CLOSED;
}

enum err tls_read(struct tls_session *session, char *to, size_t size, size_t *ret_count)
{
	size_t count = 0;
	int result;

	if (session->state == TLS_STATE_HANDSHAKE)
		return ERR_AGAIN;
	if (session->state == TLS_STATE_CLOSED)
		return ERR_CLOSED;
	if (session->state == TLS_STATE_FAILED)
		return ERR_TLS;
	ERR_clear_error();
	errno = 0;
	result = SSL_read_ex(session->ssl, to, size, &count);
	if (result != 1)
		return read_failed(session, result, errno);
	session->has_read = true;
	if (SSL_pending(session->ssl) > 0)
		run_later(session);
	*ret_count = count;
	return ERR_OK;
}

enum err tls_write(struct tls_session *session, const char *from, size_t size, size_t *ret_count)
{
	size_t count = 0;
	int result, error, number;

	if (session->state == TLS_STATE_HANDSHAKE)
		return ERR_AGAIN;
	if (session->state == TLS_STATE_FAILED)
		return ERR_TLS;
	if (size == 0) {
		*ret_count = 0;
		return ERR_OK;
	}
	ERR_clear_error();
	errno = 0;
	result = SSL_write_ex(session->ssl, from, size, &count);
	number = errno;
	if (result == 1) {
		*ret_count = count;
		return ERR_OK;
	}
	error = SSL_get_error(session->ssl, result);
	if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) {
		session->write_blocked = true;
		watch_write(session, true);
		return ERR_AGAIN;
	}
	if (kind_of(error) == TLS_FAILURE_CLOSED) {
		ERR_clear_error();
		return ERR_CLOSED;
	}
	fail(session, error, number);
	run_later(session);
	return ERR_TLS;
}

void tls_want_read(struct tls_session *session, bool wanted)
{
	session->read_wanted = wanted;
	if (session->state != TLS_STATE_UP)
		return;
	watch_read(session, wanted);
	if (wanted && SSL_pending(session->ssl) > 0)
		run_later(session);
}

enum tls_failure_kind tls_failure(const struct tls_session *session, const char **ret_text)
{
	if (ret_text != NULL)
		*ret_text = session->failure_text;
	return session->failure;
}
