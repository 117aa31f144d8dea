/* OCSP responses on the certificates that the listeners present: asked of lookup, which keeps them
 * fresh, and asked again when it says so. */
#include "process/receive/internal.h"

#include "base/moment.h"
#include "port/log/log.h"
#include "port/tls/path.h"

#include <stdlib.h>

enum {
	AGAIN_MIN_MS = MOMENT_MINUTE_MS,
	AGAIN_MAX_MS = MOMENT_DAY_MS,
	NOT_THERE_MS = 10 * MOMENT_SECOND_MS, /* lookup has not answered */
};

struct receive_staple {
	struct receive_staple *next;
	struct receive *receive;
	char *name;	  /* of the certificate */
	struct buf chain; /* PEM, with its issuer */
	struct event *timer;
	struct inquiry_question *question;
};

static void ask(struct receive_staple *staple);

static void ask_again(struct receive_staple *staple, int64_t ms)
{
	struct timeval time = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(staple->timer, &time);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	ask(context);
}

static void take(struct receive_staple *staple, const struct wire_staple *answer)
{
	struct err_info info = {.text = ""};
	enum err e = tls_staples_set(
		staple->receive->staples, buf_str(&staple->chain), answer->response, &info);

	if (e != ERR_OK || answer->response.n == 0)
		log_event(LOG_WARNING_LEVEL, "staple.none", LOG_TEXT("certificate", staple->name),
			LOG_TEXT("reason", e != ERR_OK ? info.text : answer->text));
	else
		log_event(LOG_INFO_LEVEL, "staple.fresh", LOG_TEXT("certificate", staple->name),
			LOG_NUMBER("bytes", (int64_t)answer->response.n));
}

static void on_answer(void *context, const struct wire_staple *answer, const char *why)
{
	struct receive_staple *staple = context;
	int64_t ms = NOT_THERE_MS;

	(void)why;
	staple->question = NULL;
	if (answer != NULL) {
		take(staple, answer);
		ms = answer->next_ms - runtime_now_ms();
		ms = ms < AGAIN_MIN_MS ? AGAIN_MIN_MS : ms > AGAIN_MAX_MS ? AGAIN_MAX_MS : ms;
	}
	ask_again(staple, ms);
}

static void ask(struct receive_staple *staple)
{
	evtimer_del(staple->timer);
	inquiry_cancel(&staple->question);
	staple->question = inquiry_staple(
		staple->receive->inquiry, buf_str(&staple->chain), on_answer, staple);
}

static bool has_responder(const struct tls_path_step *leaf)
{
	for (size_t i = 0; i < leaf->endpoint_count; i++)
		if (leaf->endpoints[i].kind == CERT_ENDPOINT_OCSP)
			return true;
	return false;
}

/* Where the leaf names a responder, and its issuer is known. */
static void add(
	struct receive *r, const struct runtime_certificate *from, const struct tls_store *roots)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct tls_path *path = arena_alloc(arena, sizeof(*path));
	struct receive_staple *staple;

	if (tls_path_of_pem(from->chain, &roots, 1, arena, path, NULL) != ERR_OK ||
		path->count < 2 || !has_responder(&path->steps[0]))
		return;
	staple = mem_new(sizeof(*staple));
	staple->receive = r;
	staple->name = mem_text(from->name);
	buf_init(&staple->chain, WIRE_MAX_PAYLOAD / 2);
	for (size_t i = 0; i < path->count; i++)
		buf_put(&staple->chain, path->steps[i].pem);
	staple->timer = evtimer_new(r->base, on_timer, staple);
	staple->next = r->staple_list;
	r->staple_list = staple;
	ask(staple);
}

void receive_staple_forget(struct receive *r)
{
	struct receive_staple *staple;

	while ((staple = r->staple_list) != NULL) {
		r->staple_list = staple->next;
		inquiry_cancel(&staple->question);
		event_free(staple->timer);
		buf_free(&staple->chain);
		free(staple->name);
		free(staple);
	}
}

void receive_staple_begin(struct receive *r, const struct runtime_settings *settings)
{
	struct tls_store *roots = tls_store_new(settings->roots);

	receive_staple_forget(r);
	for (size_t i = 0; i < settings->certificate_count; i++)
		add(r, &settings->certificates[i], roots);
	tls_store_free(&roots);
}

void receive_staple_ask(struct receive *r)
{
	for (struct receive_staple *staple = r->staple_list; staple != NULL; staple = staple->next)
		ask(staple);
}
