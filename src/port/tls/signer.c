#include "port/tls/signer.h"

#include <openssl/err.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

enum state { STATE_PENDING, STATE_DONE, STATE_FAILED };

/* How often one request is sent at most: a request that kills the keys process must not do so for
 * ever. */
enum { MAX_SENT = 2 };

struct request {
	TAILQ_ENTRY(request) links; /* while PENDING */
	enum state state;
	int64_t tag;
	int64_t due_ms;
	unsigned sent;	/* times */
	bool is_unsent; /* waits for flush or for a channel */
	const struct tls_sign_order *order;
	unsigned char *to;
	size_t size, length;
	const char *reason; /* static; of FAILED */
	ASYNC_callback_fn wake;
	void *argument;
};

struct tls_signer {
	unsigned references;
	struct event_base *base;
	OSSL_LIB_CTX *library;
	OSSL_PROVIDER *providers[TLS_PROVIDERS];
	struct ipc *ipc;		       /* NULL while there is no keys process */
	TAILQ_HEAD(requests, request) pending; /* by due_ms, as all wait equally long */
	size_t count;
	int64_t last_tag;
	int64_t timeout_ms;
	struct event *timer;
};

static int64_t ticks_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_timer(struct tls_signer *signer)
{
	const struct request *first = TAILQ_FIRST(&signer->pending);
	struct timeval wait;
	int64_t ms;

	if (first == NULL) {
		evtimer_del(signer->timer);
		return;
	}
	ms = first->due_ms - ticks_ms();
	if (ms < 0)
		ms = 0;
	wait.tv_sec = ms / 1000;
	wait.tv_usec = ms % 1000 * 1000;
	evtimer_add(signer->timer, &wait);
}

/* Take the request off the list, with a REASON if it failed, and wake its session (from the loop,
 * later). */
static void finish(struct tls_signer *signer, struct request *request, const char *reason)
{
	TAILQ_REMOVE(&signer->pending, request, links);
	signer->count--;
	request->state = reason == NULL ? STATE_DONE : STATE_FAILED;
	request->reason = reason;
	request->wake(request->argument);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct tls_signer *signer = context;
	struct request *first;

	(void)fd;
	(void)what;
	while ((first = TAILQ_FIRST(&signer->pending)) != NULL && first->due_ms <= ticks_ms())
		finish(signer, first, "the keys process did not answer in time");
	set_timer(signer);
}

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct tls_signer *signer = context;
	const struct wire_signed *answer = record;
	struct request *request;

	(void)ipc;
	if (type != WIRE_SIGNED)
		return;
	TAILQ_FOREACH (request, &signer->pending, links) {
		if (request->tag == answer->tag)
			break;
	}
	if (request == NULL)
		return;
	if (answer->error != ERR_OK || answer->signature.n == 0 ||
		answer->signature.n > request->size) {
		finish(signer, request, "the keys process has no such key or refused");
	} else {
		memcpy(request->to, answer->signature.p, answer->signature.n);
		request->length = answer->signature.n;
		finish(signer, request, NULL);
	}
	set_timer(signer);
}

/* What is under way waits for the next channel, or for its deadline. */
static void on_closed(void *context, struct ipc *ipc)
{
	struct tls_signer *signer = context;
	struct request *request, *next;

	(void)ipc;
	ipc_free(&signer->ipc);
	for (request = TAILQ_FIRST(&signer->pending); request != NULL; request = next) {
		next = TAILQ_NEXT(request, links);
		if (request->sent >= MAX_SENT)
			finish(signer, request, "the keys process ended twice");
		else
			request->is_unsent = true;
	}
}

static const struct ipc_handlers handlers = {.message = on_message, .closed = on_closed};

struct tls_signer *tls_signer_new(struct event_base *base)
{
	static _Thread_local bool has_jobs;
	struct tls_signer *signer = mem_new(sizeof(*signer));

	/* The library reads its configuration when first used; later there may be no files. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	if (!has_jobs && ASYNC_init_thread(TLS_JOBS_MAX, 0) != 1)
		abort();
	has_jobs = true;
	signer->references = 1;
	signer->base = base;
	signer->timeout_ms = TLS_SIGN_TIMEOUT_MS;
	TAILQ_INIT(&signer->pending);
	signer->timer = evtimer_new(base, on_timer, signer);
	signer->library = OSSL_LIB_CTX_new();
	/* Both can only fail for want of memory, or in a library built without what we need. */
	if (signer->timer == NULL || signer->library == NULL ||
		!tls_provider_add(signer->library, signer->providers))
		abort();
	return signer;
}

struct tls_signer *tls_signer_ref(struct tls_signer *signer)
{
	signer->references++;
	return signer;
}

void tls_signer_peer(struct tls_signer *signer, int fd)
{
	if (signer->ipc != NULL)
		on_closed(signer, signer->ipc);
	signer->ipc = ipc_new(signer->base, fd, &handlers, signer);
	tls_signer_flush(signer);
}

void tls_signer_free(struct tls_signer **signer)
{
	struct tls_signer *s = *signer;
	struct request *request;

	*signer = NULL;
	if (s == NULL || --s->references > 0)
		return;
	while ((request = TAILQ_FIRST(&s->pending)) != NULL)
		finish(s, request, "ending");
	ipc_free(&s->ipc);
	event_free(s->timer);
	for (size_t i = 0; i < TLS_PROVIDERS; i++)
		OSSL_PROVIDER_unload(s->providers[i]);
	OSSL_LIB_CTX_free(s->library);
	free(s);
}

OSSL_LIB_CTX *tls_signer_library(const struct tls_signer *signer)
{
	return signer->library;
}

void tls_signer_set_timeout(struct tls_signer *signer, int64_t ms)
{
	signer->timeout_ms = ms;
}

static void send_request(struct tls_signer *signer, struct request *request)
{
	struct wire_sign message = {
		.tag = request->tag,
		.key = str_make(request->order->key, TLS_KEY_ID),
		.scheme = request->order->scheme,
		.digest = request->order->digest,
		.data = str_make(request->order->data, request->order->data_length),
	};

	request->is_unsent = false;
	request->sent++;
	ipc_send(signer->ipc, WIRE_SIGN, &message);
}

void tls_signer_flush(struct tls_signer *signer)
{
	struct request *request = TAILQ_LAST(&signer->pending, requests);
	struct request *first = NULL;

	/* What is not sent stands at the end. */
	while (request != NULL && request->is_unsent) {
		first = request;
		request = TAILQ_PREV(request, requests, links);
	}
	if (signer->ipc != NULL) {
		for (request = first; request != NULL; request = TAILQ_NEXT(request, links))
			send_request(signer, request);
	}
	set_timer(signer);
}

void tls_signer_cancel(struct tls_signer *signer, const void *argument)
{
	struct request *request;

	TAILQ_FOREACH (request, &signer->pending, links) {
		if (request->argument == argument) {
			TAILQ_REMOVE(&signer->pending, request, links);
			signer->count--;
			request->state = STATE_FAILED;
			request->reason = "the session has ended";
			return;
		}
	}
}

EVP_PKEY *tls_signer_key(struct tls_signer *signer, X509 *certificate)
{
	EVP_PKEY *public_key = X509_get0_pubkey(certificate);
	unsigned char id[TLS_KEY_ID];
	unsigned char *der = NULL;
	int length;
	bool ok;

	if (public_key == NULL ||
		!(EVP_PKEY_is_a(public_key, "RSA") || EVP_PKEY_is_a(public_key, "EC")))
		return NULL;
	length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	ok = length > 0 && EVP_Digest(der, (size_t)length, id, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	return ok ? tls_provider_key(signer->library, signer, id, public_key) : NULL;
}

/* The session recognises this error by its library (session.c). */
static bool give_up(const char *reason)
{
	ERR_raise_data(ERR_LIB_USER, 1, "%s", reason);
	return false;
}

bool tls_signer_sign(struct tls_signer *signer, const struct tls_sign_order *order,
	unsigned char *to, size_t *length)
{
	ASYNC_JOB *job = ASYNC_get_current_job();
	struct request *request;
	bool ok;

	if (job == NULL || signer->count >= TLS_SIGN_PENDING_MAX)
		return give_up("too many signatures are asked for");
	/* On the heap: sanitizers do not know the job's stack. */
	request = mem_new(sizeof(*request));
	if (ASYNC_WAIT_CTX_get_callback(
		    ASYNC_get_wait_ctx(job), &request->wake, &request->argument) != 1 ||
		request->wake == NULL) {
		free(request);
		return give_up("nobody waits for this signature");
	}
	request->tag = ++signer->last_tag;
	request->due_ms = ticks_ms() + signer->timeout_ms;
	request->is_unsent = true;
	request->order = order;
	request->to = to;
	request->size = *length;
	TAILQ_INSERT_TAIL(&signer->pending, request, links);
	signer->count++;

	/* The answer finds TO and ORDER in place: this stack is kept until the job ends. */
	while (request->state == STATE_PENDING)
		ASYNC_pause_job();
	*length = request->length;
	ok = request->state == STATE_DONE || give_up(request->reason);
	free(request);
	return ok;
}
