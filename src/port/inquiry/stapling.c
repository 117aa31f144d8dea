#include "port/inquiry/stapling.h"

#include "base/moment.h"
#include "port/tls/path.h"

#include <stdlib.h>
#include <time.h>

enum {
	AGAIN_MIN_MS = MOMENT_MINUTE_MS,
	AGAIN_MAX_MS = MOMENT_DAY_MS,
	NOT_THERE_MS = 10 * MOMENT_SECOND_MS, /* lookup has not answered */
};

struct staple {
	struct staple *next;
	struct inquiry_stapling *stapling;
	char *name;	  /* of the certificate */
	struct buf chain; /* PEM, with its issuer */
	struct event *timer;
	struct inquiry_question *question;
};

struct inquiry_stapling {
	struct event_base *base;
	struct inquiry *inquiry;
	struct tls_staples *staples;
	inquiry_stapling_told *told;
	struct staple *list;
};

struct inquiry_stapling *inquiry_stapling_new(struct event_base *base, struct inquiry *inquiry,
	struct tls_staples *staples, inquiry_stapling_told *told)
{
	struct inquiry_stapling *stapling = mem_new(sizeof(*stapling));

	stapling->base = base;
	stapling->inquiry = inquiry;
	stapling->staples = staples;
	stapling->told = told;
	return stapling;
}

void inquiry_stapling_clear(struct inquiry_stapling *stapling)
{
	struct staple *staple;

	while ((staple = stapling->list) != NULL) {
		stapling->list = staple->next;
		inquiry_cancel(&staple->question);
		event_free(staple->timer);
		buf_free(&staple->chain);
		free(staple->name);
		free(staple);
	}
}

void inquiry_stapling_free(struct inquiry_stapling **stapling)
{
	struct inquiry_stapling *s = *stapling;

	*stapling = NULL;
	if (s == NULL)
		return;
	inquiry_stapling_clear(s);
	free(s);
}

static void ask(struct staple *staple);

static void ask_again(struct staple *staple, int64_t ms)
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

static void take(struct staple *staple, const struct wire_staple *answer)
{
	struct inquiry_stapling *stapling = staple->stapling;
	struct err_info info = {.text = ""};
	enum err e = tls_staples_set(
		stapling->staples, buf_str(&staple->chain), answer->response, &info);

	if (e != ERR_OK || answer->response.n == 0)
		stapling->told(staple->name, 0, e != ERR_OK ? info.text : answer->text);
	else
		stapling->told(staple->name, answer->response.n, NULL);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_answer(void *context, const struct wire_staple *answer, const char *why)
{
	struct staple *staple = context;
	int64_t ms = NOT_THERE_MS;

	(void)why;
	staple->question = NULL;
	if (answer != NULL) {
		take(staple, answer);
		ms = answer->next_ms - now_ms();
		ms = ms < AGAIN_MIN_MS ? AGAIN_MIN_MS : ms > AGAIN_MAX_MS ? AGAIN_MAX_MS : ms;
	}
	ask_again(staple, ms);
}

static void ask(struct staple *staple)
{
	evtimer_del(staple->timer);
	inquiry_cancel(&staple->question);
	staple->question = inquiry_staple(
		staple->stapling->inquiry, buf_str(&staple->chain), on_answer, staple);
}

static bool has_responder(const struct tls_path_step *leaf)
{
	for (size_t i = 0; i < leaf->endpoint_count; i++)
		if (leaf->endpoints[i].kind == CERT_ENDPOINT_OCSP)
			return true;
	return false;
}

void inquiry_stapling_add(struct inquiry_stapling *stapling, const char *name, struct str chain,
	const struct tls_store *roots)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct tls_path *path = arena_alloc(arena, sizeof(*path));
	struct staple *staple;

	if (tls_path_of_pem(chain, &roots, 1, arena, path, NULL) != ERR_OK || path->count < 2 ||
		!has_responder(&path->steps[0]))
		return;
	staple = mem_new(sizeof(*staple));
	staple->stapling = stapling;
	staple->name = mem_text(name);
	buf_init(&staple->chain, WIRE_MAX_PAYLOAD / 2);
	for (size_t i = 0; i < path->count; i++)
		buf_put(&staple->chain, path->steps[i].pem);
	staple->timer = evtimer_new(stapling->base, on_timer, staple);
	staple->next = stapling->list;
	stapling->list = staple;
	ask(staple);
}

void inquiry_stapling_ask(struct inquiry_stapling *stapling)
{
	for (struct staple *staple = stapling->list; staple != NULL; staple = staple->next)
		ask(staple);
}
