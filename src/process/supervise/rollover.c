/*
 * Steps in the lives of certificates, asked for by an administrator or due by date.
 *
 * A step is written to disk, then all processes get new settings; where one refuses them the life
 * from before is written back.  The vault stays locked meanwhile, so that nobody else changes what
 * may have to be put back.  Keys of retired versions are destroyed last, when nobody needs them any
 * more.  A crash in between leaves one of the two lives, and the next start goes on from there.
 */
#include "core/cert/step.h"
#include "port/log/log.h"
#include "port/vault/vault.h"
#include "process/supervise/state.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	START_MS = 100,
	LOOK_MS = 10 * 1000, /* how late a jump of the clock is noticed */
	PAUSE_MS = 3600 * 1000,
	/* How many wait for another change to end, and how long: less than the admin process waits.
	 */
	MAX_ASKED = 64,
	ASKED_MS = 12 * 1000,
};

static void look_in(struct supervise *s, int64_t ms)
{
	const struct timeval pause = {ms / 1000, (ms % 1000) * 1000};

	if (s->rollover.timer != NULL)
		event_add(s->rollover.timer, &pause);
}

/* A process that is being started may yet have to read the keys of the settings from before. */
static bool is_anyone_starting(const struct supervise *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].state == SUPERVISE_CHILD_STARTING)
			return true;
	return false;
}

/* Destroy the keys of retired versions, unless somebody may need them yet: then soon. */
static void sweep(struct supervise *s)
{
	struct supervise_rollover *r = &s->rollover;
	struct vault *vault = NULL;
	struct err_info info = {.text = ""};

	if (!r->has_to_sweep || is_anyone_starting(s))
		return;
	/* Whoever opens it sweeps; and so does the one who has it open now. */
	r->has_to_sweep = false;
	if (vault_open(s->settings->node->data, false, &vault, &info) == ERR_OK)
		vault_free(&vault);
	else if (info.code != ERR_BUSY)
		log_event(LOG_WARNING_LEVEL, "certificate.keys_left", LOG_TEXT("reason", info.text),
			LOG_TEXT("consequence", "keys of retired versions are still on disk"));
}

static void refuse(struct supervise *s, int64_t tag, const char *code, const char *why)
{
	if (tag >= 0)
		supervise_answer_send(
			s, tag, json_pack("{s:b,s:s*,s:s}", "ok", 0, "code", code, "error", why));
}

static const char *state_of(const struct cert_life *life, const char *id)
{
	for (size_t i = 0; i < life->versions.count; i++)
		if (strcmp(life->versions.items[i].id, id) == 0)
			return cert_state_names[life->versions.items[i].state];
	return NULL;
}

static void log_states(const struct supervise_rollover *r)
{
	for (size_t i = 0; i < r->after.versions.count; i++) {
		const struct cert_version *v = &r->after.versions.items[i];
		const char *before = state_of(&r->before, v->id);

		if (before == NULL || strcmp(before, cert_state_names[v->state]) != 0)
			log_event(LOG_INFO_LEVEL, "certificate.state",
				LOG_TEXT("name", r->after.name), LOG_TEXT("version", v->id),
				LOG_TEXT("before", before),
				LOG_TEXT("state", cert_state_names[v->state]),
				LOG_TEXT("by", r->actor));
	}
}

static void end(struct supervise *s)
{
	struct supervise_rollover *r = &s->rollover;

	vault_free(&r->vault);
	arena_free(&r->arena);
	json_decref(r->told);
	r->told = NULL;
	r->is_on_disk = r->has_request = false;
	r->tag = -1;
}

/* ---- what has failed by date ------------------------------------------------------------------
 *
 * It is not tried once more at once: an administrator has to see to it.  Others go on meanwhile.
 */

static struct supervise_pause *pause_of(struct supervise_rollover *r, const char *name)
{
	for (size_t i = 0; i < r->pause_count; i++)
		if (strcmp(r->pauses[i].name, name) == 0)
			return &r->pauses[i];
	return NULL;
}

static bool is_paused(struct supervise_rollover *r, const char *name)
{
	const struct supervise_pause *pause = pause_of(r, name);

	return pause != NULL && runtime_ticks_ms() < pause->until;
}

static void pause_name(struct supervise_rollover *r, const char *name)
{
	struct supervise_pause *pause = pause_of(r, name);

	if (pause == NULL) {
		r->pauses = mem_resize(r->pauses, r->pause_count + 1, sizeof(*r->pauses));
		pause = &r->pauses[r->pause_count++];
		pause->name = mem_text(name);
	}
	pause->until = runtime_ticks_ms() + PAUSE_MS;
}

static void forget_pauses(struct supervise_rollover *r)
{
	for (size_t i = 0; i < r->pause_count; i++)
		free(r->pauses[i].name);
	r->pause_count = 0;
}

/* ---- one step ---------------------------------------------------------------------------------
 */

void supervise_rollover_fail(struct supervise *s, const char *code, const char *why)
{
	struct supervise_rollover *r = &s->rollover;

	log_event(LOG_ERROR_LEVEL, "certificate.step_failed", LOG_TEXT("name", r->before.name),
		LOG_TEXT("step", r->what), LOG_TEXT("by", r->actor), LOG_TEXT("reason", why));
	if (r->tag < 0)
		pause_name(r, r->before.name);
	refuse(s, r->tag, code, why);
	end(s);
}

/* It is on disk: all processes, or none. */
static void bring(struct supervise *s)
{
	struct supervise_rollover *r = &s->rollover;

	r->is_on_disk = true;
	log_event(LOG_INFO_LEVEL, "certificate.step", LOG_TEXT("name", r->before.name),
		LOG_TEXT("step", r->what), LOG_TEXT("by", r->actor));
	supervise_reload_begin(s, -1);
}

/* Read, take the step, write.  ERR_OK: it is on disk. */
static enum err write_step(
	struct supervise *s, const char *name, int64_t now_ms, struct err_info *info)
{
	struct supervise_rollover *r = &s->rollover;
	const char *data = s->settings->node->data;
	enum err e = vault_open(data, false, &r->vault, info);

	if (e == ERR_OK)
		e = vault_find(data, name, r->arena, &r->before, info);
	if (e == ERR_OK)
		e = cert_step_take(&r->before, &r->step, now_ms, r->arena, &r->after, info);
	return e == ERR_OK ? vault_write(r->vault, &r->after, info) : e;
}

static void name_it(struct supervise_rollover *r, int64_t tag, const char *name, const char *what,
	const char *actor)
{
	r->arena = arena_new();
	r->tag = tag;
	r->what = what;
	r->actor = arena_text(r->arena, actor);
	r->before = (struct cert_life){.name = arena_text(r->arena, name)};
}

/* Once the vault is open, either this fails, or supervise_rollover_reloaded() comes.  ERR_BUSY:
 * somebody else has it open, an import, say; nothing has happened. */
static enum err begin(struct supervise *s, const char *name, const struct cert_step *step,
	int64_t tag, const char *actor)
{
	struct supervise_rollover *r = &s->rollover;
	struct err_info info = {.text = ""};
	enum err e;

	name_it(r, tag, name, cert_action_names[step->action], actor);
	record_copy(&cert_step_desc, step, r->arena, &r->step);
	e = write_step(s, name, runtime_now_ms(), &info);
	if (e == ERR_BUSY) {
		end(s);
		return e;
	}
	if (e != ERR_OK)
		supervise_rollover_fail(s, NULL, info.text);
	else
		bring(s);
	return ERR_OK;
}

enum err supervise_rollover_open(
	struct supervise *s, int64_t tag, const char *name, const char *what, const char *actor)
{
	struct supervise_rollover *r = &s->rollover;
	struct err_info info = {.text = ""};
	enum err e;

	name_it(r, tag, name, what, actor);
	e = vault_open(s->settings->node->data, false, &r->vault, &info);
	if (e == ERR_BUSY) {
		end(s);
		return e;
	}
	if (e == ERR_OK)
		e = vault_find(s->settings->node->data, name, r->arena, &r->before, &info);
	if (e == ERR_OK || e == ERR_UNKNOWN)
		return ERR_OK;
	supervise_rollover_fail(s, err_token(e), info.text);
	return e;
}

void supervise_rollover_take(struct supervise *s, const struct cert_life *after, json_t *told)
{
	struct supervise_rollover *r = &s->rollover;
	struct err_info info = {.text = ""};
	enum err e;

	json_decref(r->told);
	r->told = told;
	record_copy(&cert_life_desc, after, r->arena, &r->after);
	e = vault_write(r->vault, &r->after, &info);
	if (e == ERR_OK)
		bring(s);
	else
		supervise_rollover_fail(s, err_token(e), info.text);
}

void supervise_rollover_close(struct supervise *s, json_t *told)
{
	int64_t tag = s->rollover.tag;

	end(s);
	supervise_answer_send(s, tag, told);
}

static void succeeded(struct supervise *s)
{
	struct supervise_rollover *r = &s->rollover;
	json_t *answer = json_pack("{s:b,s:o}", "ok", 1, "life",
		record_to_json(&cert_life_desc, &r->after, RECORD_JSON_FULL));
	int64_t tag = r->tag;

	if (r->told != NULL)
		json_object_update(answer, r->told);
	log_states(r);
	if (r->has_request)
		vault_request_remove(r->vault, r->after.name);
	r->has_to_sweep = true;
	end(s);
	sweep(s);
	if (tag >= 0)
		supervise_answer_send(s, tag, answer);
	else
		json_decref(answer);
}

void supervise_rollover_reloaded(struct supervise *s, const char *reason)
{
	struct supervise_rollover *r = &s->rollover;
	struct err_info info = {.text = ""};
	char why[1100];

	if (!r->is_on_disk) { /* somebody else's; the lives may be others now */
		forget_pauses(r);
		look_in(s, 0);
		supervise_issue_go_on(s);
		return;
	}
	if (reason[0] == '\0') {
		succeeded(s);
	} else if (vault_take_back(r->vault, r->after.name, &r->before, &info) == ERR_OK) {
		supervise_rollover_fail(s, NULL, reason);
	} else {
		snprintf(why, sizeof(why), "%s; and the life from before cannot be put back: %s",
			reason, info.text);
		supervise_rollover_fail(s, NULL, why);
	}
	look_in(s, 0);
}

/* ---- by an administrator ----------------------------------------------------------------------
 */

static bool is_busy(const struct supervise *s)
{
	return s->rollover.vault != NULL || s->reload.next != NULL || s->rollover.has_to_sweep;
}

static enum err take_step(struct supervise *s, int64_t tag, const json_t *question)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	const char *name = json_string_value(json_object_get(question, "name"));
	const char *actor = json_string_value(json_object_get(question, "actor"));
	struct err_info info = {.text = "a step needs the name of a certificate"};
	struct cert_step step;

	if (name != NULL && record_from_json(&cert_step_desc, json_object_get(question, "step"), "",
				    arena, &step, &info) == ERR_OK)
		return begin(s, name, &step, tag, actor != NULL ? actor : "administrator");
	refuse(s, tag, NULL, info.text);
	return ERR_OK;
}

/* ERR_BUSY: not now. */
static enum err take(struct supervise *s, int64_t tag, const json_t *question)
{
	struct str verb = str_of(json_string_value(json_object_get(question, "verb")));

	if (s->drain_stage >= 0)
		refuse(s, tag, err_token(ERR_UNAVAILABLE), "the server is ending");
	else if (is_busy(s))
		return ERR_BUSY;
	else if (str_is(verb, "rollover"))
		return take_step(s, tag, question);
	else
		return supervise_issue_take(s, tag, question);
	return ERR_OK;
}

static void drop_first(struct supervise_rollover *r)
{
	struct supervise_asked *first = r->asked;

	r->asked = first->next;
	json_decref(first->question);
	free(first);
}

/* Those that wait, in their order, until one has to wait on.  false: one does. */
static bool take_asked(struct supervise *s)
{
	struct supervise_rollover *r = &s->rollover;

	while (r->asked != NULL) {
		struct supervise_asked *first = r->asked;
		bool is_late = runtime_ticks_ms() >= first->until;

		if (take(s, first->tag, first->question) == ERR_BUSY) {
			if (!is_late)
				return false;
			refuse(s, first->tag, err_token(ERR_BUSY),
				"another change of the settings is under way: try again");
		}
		drop_first(r);
	}
	return true;
}

void supervise_rollover_ask(struct supervise *s, int64_t tag, const json_t *question)
{
	struct supervise_asked **end = &s->rollover.asked, *asked;
	size_t count = 0;

	for (; *end != NULL; end = &(*end)->next)
		count++;
	if (count == 0 && take(s, tag, question) != ERR_BUSY)
		return;
	if (count >= MAX_ASKED) {
		refuse(s, tag, err_token(ERR_BUSY),
			"too many changes of the settings are under way: try again");
		return;
	}
	asked = mem_new(sizeof(*asked));
	*asked = (struct supervise_asked){.question = json_deep_copy(question),
		.tag = tag,
		.until = runtime_ticks_ms() + ASKED_MS};
	*end = asked;
	look_in(s, START_MS);
}

/* ---- by date ----------------------------------------------------------------------------------
 */

/* What waits for something is said once. */
static void say_waiting(struct supervise *s, struct buf *text)
{
	struct supervise_rollover *r = &s->rollover;

	if (r->said != NULL && strcmp(r->said, buf_text(text)) == 0)
		return;
	free(r->said);
	r->said = mem_text(buf_text(text));
	if (r->said[0] != '\0')
		log_event(LOG_WARNING_LEVEL, "certificate.step_waits", LOG_TEXT("reason", r->said));
}

/* What is known of partners and the next version of LIFE; false: nothing. */
static bool find_hold(
	const struct supervise *s, const struct cert_life *life, struct cert_hold *ret)
{
	const struct cert_version *next = cert_life_in(life, CERT_NEXT);
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(s->rollover.partners, "items"), i, item) {
		*ret = (struct cert_hold){
			.name = json_string_value(json_object_get(item, "name")),
			.version = json_string_value(json_object_get(item, "version")),
			.breaks = json_is_true(json_object_get(item, "breaks")),
			.text = json_string_value(json_object_get(item, "text")),
		};
		if (next != NULL && ret->name != NULL && ret->version != NULL &&
			ret->text != NULL && strcmp(ret->name, life->name) == 0 &&
			strcmp(ret->version, next->id) == 0)
			return true;
	}
	return false;
}

/* What is due and not held; what else is due when it is held. */
static bool find_step(struct supervise *s, const struct cert_life *life, int64_t now_ms,
	struct cert_step *ret, struct err_info *why)
{
	struct cert_life rest = *life;
	struct cert_hold hold;

	if (!cert_step_due(life, now_ms, ret, why))
		return false;
	if (!cert_step_is_held(life, ret, now_ms, find_hold(s, life, &hold) ? &hold : NULL, why))
		return true;
	rest.plan.advance_ms = rest.plan.start_ms = 0;
	return cert_step_due(&rest, now_ms, ret, NULL);
}

/* The first step that is due. */
static const struct cert_life *find_due(struct supervise *s, int64_t now_ms, struct cert_step *ret)
{
	const struct cert_life *lives = s->settings->lives, *found = NULL;
	struct buf waiting;

	buf_init(&waiting, 4096);
	for (size_t i = 0; found == NULL && lives != NULL && i < s->settings->life_count; i++) {
		const struct cert_life *life = &lives[i];
		struct err_info why = {.text = ""};

		if (is_paused(&s->rollover, life->name))
			continue;
		if (find_step(s, life, now_ms, ret, &why))
			found = life;
		else if (why.text[0] != '\0')
			buf_format(&waiting, "%s%s: %s", buf_length(&waiting) > 0 ? "; " : "",
				life->name, why.text);
	}
	if (found == NULL)
		say_waiting(s, &waiting);
	buf_free(&waiting);
	return found;
}

static int64_t until_next(const struct supervise *s, int64_t now_ms)
{
	int64_t at = INT64_MAX;

	for (size_t i = 0; i < s->settings->life_count; i++) {
		int64_t due = cert_step_next_due(&s->settings->lives[i], now_ms);

		at = due < at ? due : at;
	}
	return at - now_ms < LOOK_MS ? at - now_ms : LOOK_MS;
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
	struct supervise *s = context;
	int64_t now_ms = runtime_now_ms();
	const struct cert_life *life;
	struct cert_step step;

	(void)fd;
	(void)what;
	if (s->drain_stage >= 0) {
		take_asked(s); /* they are told */
		return;
	}
	sweep(s);
	if (!take_asked(s) || s->rollover.has_to_sweep || !s->is_ready) {
		look_in(s, START_MS);
		return;
	}
	if (is_busy(s)) {
		look_in(s, LOOK_MS);
		return;
	}
	life = find_due(s, now_ms, &step);
	if (life == NULL) {
		look_in(s, until_next(s, now_ms));
		return;
	}
	look_in(s, LOOK_MS);
	(void)begin(s, life->name, &step, -1, "date"); /* busy: the next look will find it again */
}

void supervise_rollover_partners(struct supervise *s, struct str data)
{
	json_decref(s->rollover.partners);
	s->rollover.partners = json_loadb(data.p, data.n, 0, NULL);
	look_in(s, 0);
}

void supervise_rollover_new(struct supervise *s)
{
	s->rollover.tag = -1;
	s->rollover.has_to_sweep = s->settings->life_count > 0; /* what a crash has left */
	s->rollover.timer = evtimer_new(s->base, on_look, s);
	look_in(s, 0);
}

void supervise_rollover_free(struct supervise *s)
{
	end(s);
	while (s->rollover.asked != NULL)
		drop_first(&s->rollover);
	forget_pauses(&s->rollover);
	free(s->rollover.pauses);
	free(s->rollover.said);
	json_decref(s->rollover.partners);
	if (s->rollover.timer != NULL)
		event_free(s->rollover.timer);
}
