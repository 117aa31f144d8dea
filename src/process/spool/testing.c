#include "process/spool/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

int64_t testing_now = TESTING_T0;
static int64_t ticks_ms;

static const char configuration[] =
	"{\"config\": {\"organisations\": [{\"name\": \"contoso\"}],"
	"\"domains\": [{\"name\": \"contoso.example\", \"organisation\": \"contoso\","
	"\"delivery\": \"lmtp:127.0.0.1:24\"}]}}";

static int64_t now(void)
{
	return testing_now;
}

static int64_t ticks(void)
{
	return ticks_ms;
}

/* ---- the processes around it -------------------------------------------------------------------
 */

static void on_job(struct testing_peer *peer, const struct wire_job *wire)
{
	struct testing_job *job = &peer->jobs[peer->job_count++];

	assert_true(peer->job_count <= TESTING_MAX_JOBS);
	record_copy(wire_types[WIRE_JOB].desc, wire, peer->t->arena, &job->wire);
	job->answered = false;
}

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct testing_peer *peer = context;
	const struct wire_done *done = record;
	const struct wire_body *body = record;
	const struct wire_managed *managed = record;
	const struct wire_intake *intake = record;

	(void)ipc;
	/* It takes nothing else, and hangs up. */
	if (peer->role == RUNTIME_LOOKUP)
		assert_int_equal(type, WIRE_POST);
	if (type == WIRE_JOB) {
		on_job(peer, record);
	} else if (type == WIRE_JOB_CANCEL) {
		peer->cancels++;
	} else if (type == WIRE_BODY) {
		peer->body_error = (enum err)body->error;
		peer->body_answers++;
		buf_put(&peer->body, body->data);
	} else if (type == WIRE_HOST) {
		record_copy(&wire_host_desc, record, peer->t->arena, &peer->host);
		peer->hosts++;
	} else if (type == WIRE_ACCEPT_DONE) {
		peer->done = (enum err)done->error;
		peer->done_id = done->id;
		peer->dones++;
	} else if (type == WIRE_ACCEPT_CREDIT) {
		peer->credit += ((const struct wire_credit *)record)->amount;
	} else if (type == WIRE_INTAKE) {
		peer->intake_open = intake->open;
		peer->intake_reason = arena_text(peer->t->arena, intake->reason);
	} else if (type == WIRE_CONFIG_END) {
		peer->configs++;
	} else if (type == WIRE_POST) {
		record_copy(wire_types[WIRE_POST].desc, record, peer->t->arena, &peer->post);
		peer->posts++;
	} else if (type == WIRE_MANAGED) {
		json_decref(peer->answer);
		peer->answer = json_loadb(managed->result.p, managed->result.n, 0, NULL);
		peer->answer_error = (enum err)managed->error;
		peer->answers++;
	}
}

static void on_closed(void *context, struct ipc *ipc)
{
	(void)context;
	(void)ipc;
}

static const struct ipc_handlers handlers = {.message = on_message, .closed = on_closed};

struct testing_peer *testing_peer_quiet(struct testing *t, enum runtime_role role, unsigned index)
{
	struct testing_peer *peer = mem_new(sizeof(*peer));
	size_t before;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	peer->t = t;
	peer->role = role;
	buf_init(&peer->body, 64 * 1024 * 1024);
	peer->ipc = ipc_new(t->base, fds[0], &handlers, peer);
	before = peer->configs;
	spool_peer_add(t->spool, role, index, fds[1]);
	/* lookup is told nothing. */
	if (role != RUNTIME_LOOKUP)
		testing_until(t, peer->configs > before);
	return peer;
}

void testing_peer_ready(struct testing_peer *peer)
{
	struct wire_credit ready = {.amount = 20};

	ipc_send(peer->ipc, WIRE_READY, &ready);
	testing_settle(peer->t);
}

struct testing_peer *testing_peer(struct testing *t, enum runtime_role role, unsigned index)
{
	struct testing_peer *peer = testing_peer_quiet(t, role, index);

	if (role == RUNTIME_DELIVER)
		testing_peer_ready(peer);
	return peer;
}

void testing_peer_free(struct testing_peer **ref)
{
	struct testing_peer *peer = *ref;

	if (peer == NULL)
		return;
	ipc_free(&peer->ipc);
	buf_free(&peer->body);
	json_decref(peer->answer);
	free(peer);
	*ref = NULL;
}

/* ---- the world ---------------------------------------------------------------------------------
 */

static void start(struct testing *t, const char *directory)
{
	struct err_info info = {0};

	t->spool = spool_new(t->base, now, ticks);
	spool_configure(t->spool, &t->node);
	if (spool_open(t->spool, directory, &info) != ERR_OK)
		fail_msg("%s", info.text);
	spool_begin(t->spool);
	testing_until(t, t->spool->configured);
	t->admin = testing_peer(t, RUNTIME_ADMIN, 0);
	t->receive = testing_peer(t, RUNTIME_RECEIVE, 0);
	t->deliver = testing_peer(t, RUNTIME_DELIVER, 0);
}

static void stop(struct testing *t)
{
	testing_peer_free(&t->admin);
	testing_peer_free(&t->receive);
	testing_peer_free(&t->deliver);
	spool_free(&t->spool);
}

struct testing *testing_new(const char *directory)
{
	struct testing *t = mem_new(sizeof(*t));

	testing_now = TESTING_T0;
	t->base = event_base_new();
	t->arena = arena_new();
	t->next_id = INT64_C(1000) << 22;
	record_init(&model_node_desc, &t->node, t->arena);
	t->node.hostname = "mx.contoso.example";
	t->node.limits.disk_free = 0;
	t->node.queue.connections_per_destination = 2;
	t->node.processes.deliver = 1;
	start(t, directory);
	testing_ask(t, "config.replace", configuration);
	assert_int_equal(t->admin->answer_error, ERR_OK);
	return t;
}

void testing_restart(struct testing *t, const char *directory)
{
	stop(t);
	start(t, directory);
}

void testing_free(struct testing **ref)
{
	struct testing *t = *ref;

	stop(t);
	arena_free(&t->arena);
	event_base_free(t->base);
	free(t);
	*ref = NULL;
}

static int64_t real_ms(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

int64_t testing_deadline_ms(void)
{
	return real_ms() + 300000;
}

static void turn(struct testing *t, int wait_ms)
{
	struct timeval wait = {.tv_usec = wait_ms * 1000};

	event_base_loopexit(t->base, &wait);
	event_base_loop(t->base, EVLOOP_ONCE);
}

void testing_turn(struct testing *t, int64_t deadline_ms, const char *what)
{
	if (real_ms() > deadline_ms)
		fail_msg("not within the time allowed: %s", what);
	turn(t, 20);
}

/* A question to the store and back passes everything that was asked before. */
void testing_settle(struct testing *t)
{
	for (int i = 0; i < 3; i++) {
		if (t->admin != NULL)
			testing_ask(t, "queue.list", "{\"limit\": 1}");
		for (int n = 0; n < 5; n++)
			event_base_loop(t->base, EVLOOP_NONBLOCK);
	}
}

void testing_advance(struct testing *t, int64_t ms)
{
	testing_now += ms;
	ticks_ms += ms;
	spool_on_tick(t->spool);
	testing_settle(t);
	spool_on_tick(t->spool);
	testing_settle(t);
}

/* ---- doing things ------------------------------------------------------------------------------
 */

int64_t testing_accept_as(
	struct testing *t, const char *sender, const char *recipients, int64_t notify)
{
	struct wire_recipient items[100] = {0};
	struct wire_message message = {.id = t->next_id += 1 << 22,
		.received_ms = testing_now,
		.sender = sender,
		.subject = "Offer",
		.message_id = "<1@pc>",
		.helo = "pc",
		.recipients = {.items = items}};
	struct wire_data data = {.id = message.id,
		.data = STR("From: a@contoso.example\r\nSubject: Offer\r\n\r\nDear all\r\n")};
	struct str rest = str_of(recipients);
	size_t before = t->receive->dones;

	while (rest.n > 0) {
		struct wire_recipient *r = &items[message.recipients.count];

		r->number = (int64_t)message.recipients.count++;
		r->address = arena_text_of(t->arena, str_cut(&rest, ' '));
		r->organisation = "contoso";
		r->originating = true;
		r->notify = notify;
	}
	message.size = (int64_t)data.data.n;
	ipc_send(t->receive->ipc, WIRE_ACCEPT_DATA, &data);
	ipc_send(t->receive->ipc, WIRE_ACCEPT_COMMIT, &message);
	testing_until(t, t->receive->dones > before);
	assert_int_equal(t->receive->done_id, message.id);
	return message.id;
}

int64_t testing_accept(struct testing *t, const char *sender, const char *recipients)
{
	int64_t id = testing_accept_as(t, sender, recipients, 0);

	assert_int_equal(t->receive->done, ERR_OK);
	return id;
}

json_t *testing_ask(struct testing *t, const char *verb, const char *arguments)
{
	struct wire_manage manage = {
		.tag = 1, .verb = verb, .actor = "root", .arguments = str_of(arguments)};
	size_t before = t->admin->answers;

	ipc_send(t->admin->ipc, WIRE_MANAGE, &manage);
	testing_until(t, t->admin->answers > before);
	return t->admin->answer;
}

int64_t testing_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

int64_t testing_queued(struct testing *t)
{
	return testing_number(testing_ask(t, "spool.status", "{}"), "recipients");
}

static struct testing_job *find_open(struct testing *t)
{
	for (size_t i = 0; i < t->deliver->job_count; i++)
		if (!t->deliver->jobs[i].answered)
			return &t->deliver->jobs[i];
	return NULL;
}

size_t testing_open_jobs(struct testing *t)
{
	size_t count = 0;

	for (size_t i = 0; i < t->deliver->job_count; i++)
		count += !t->deliver->jobs[i].answered;
	return count;
}

struct testing_job *testing_next_job(struct testing *t)
{
	testing_until(t, find_open(t) != NULL);
	return find_open(t);
}

static void answer(struct testing *t, struct testing_job *job, enum wire_result result,
	const char *text, bool dead)
{
	struct wire_recipient_outcome items[100];
	struct receipt receipt = {.direction = RECEIPT_OUT, .host = "mx.fabrikam.example"};
	struct wire_outcome outcome = {.job = job->wire.id,
		.message = job->wire.message,
		.recipients = {.items = items, .count = job->wire.recipients.count},
		.receipts = {.items = &receipt, .count = 1},
		.host_dead = dead};

	for (size_t i = 0; i < job->wire.recipients.count; i++)
		items[i] = (struct wire_recipient_outcome){
			.number = job->wire.recipients.items[i].number,
			.result = result,
			.token = dead ? "connect" : "smtp",
			.text = text,
			.host = dead ? NULL : "mx.fabrikam.example",
		};
	job->answered = true;
	ipc_send(t->deliver->ipc, WIRE_OUTCOME, &outcome);
	testing_settle(t);
}

void testing_answer(
	struct testing *t, struct testing_job *job, enum wire_result result, const char *text)
{
	answer(t, job, result, text, false);
}

void testing_answer_dead(struct testing *t, struct testing_job *job)
{
	answer(t, job, WIRE_DEFERRED, "connection refused", true);
}

const char *testing_body(struct testing *t, struct testing_job *job)
{
	struct wire_body_get get = {.job = job->wire.id, .length = WIRE_WINDOW};

	buf_clear(&t->deliver->body);
	t->deliver->body_answers = 0;
	ipc_send(t->deliver->ipc, WIRE_BODY_GET, &get);
	testing_until(t, t->deliver->body_error != ERR_OK ||
				 (int64_t)buf_length(&t->deliver->body) == job->wire.size);
	assert_int_equal(t->deliver->body_error, ERR_OK);
	return buf_text(&t->deliver->body);
}

const char *testing_kinds(struct testing *t, int64_t id)
{
	char text[WIRE_ID_TEXT], arguments[64];
	const char *copy;
	const json_t *event;
	struct buf out;
	size_t i;

	buf_init(&out, 4096);
	wire_id_format(id, text);
	snprintf(arguments, sizeof(arguments), "{\"id\": \"%s\"}", text);
	json_array_foreach (
		json_object_get(testing_ask(t, "trace.show", arguments), "events"), i, event)
		buf_format(&out, "%s%s", i > 0 ? " " : "",
			json_string_value(json_object_get(event, "kind")));
	copy = arena_text(t->arena, buf_text(&out));
	buf_free(&out);
	return copy;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
	(void)info;
	(void)type;
	(void)place;
	return remove(path);
}

void testing_remove(const char *path)
{
	assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}
