/* Small processes in place of the real ones: what they were given can be read from their counters,
 * and the host name in the node file tells them how to misbehave. */
#include "process/supervise/test_small.h"

#include "port/runtime/addresses.h"
#include "port/runtime/runtime.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct small {
	struct runtime *runtime;
	char hostname[300];
	int64_t applied, peers, keys, certificates, roots, listeners;
	bool is_started, forwards;
	struct runtime_addresses *addresses;
	struct event *accepting;
	int asker; /* admin: whom to answer */
};

static void *create(struct runtime *runtime)
{
	struct small *small = mem_new(sizeof(*small));

	small->runtime = runtime;
	small->asker = -1;
	return small;
}

static void on_accept(evutil_socket_t fd, short what, void *context)
{
	struct small *small = context;
	char verb[64];
	ssize_t n;
	json_t *question;

	(void)what;
	small->asker = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	n = recv(small->asker, verb, sizeof(verb) - 1, 0);
	verb[n > 0 ? n : 0] = '\0';
	question = json_pack("{s:s}", "verb", verb);
	runtime_ask(small->runtime, small->asker, question);
	json_decref(question);
}

static void answer(void *self, int64_t tag, const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	(void)self;
	send((int)tag, text, strlen(text), MSG_NOSIGNAL);
	close((int)tag);
	free(text);
}

/* The host name in the node file says what a process should do. */
static enum err apply(void *self, const struct runtime_settings *settings, struct err_info *info)
{
	const struct sockaddr_in peer = {.sin_family = AF_INET};
	struct small *small = self;

	if (settings->address_table_fd >= 0 && str_is(str_of(settings->node->hostname), "refuse"))
		return err_set(info, ERR_CONFLICT, "not these settings");
	snprintf(small->hostname, sizeof(small->hostname), "%s", settings->node->hostname);
	small->applied++;
	small->keys = 0;
	for (size_t i = 0; i < settings->certificate_count; i++)
		small->keys += settings->certificates[i].key_fd >= 0;
	small->certificates = (int64_t)settings->certificate_count;
	small->roots = (int64_t)settings->roots.n;
	small->listeners = (int64_t)settings->listener_count;
	for (size_t i = 0; i < settings->listener_count; i++)
		close(settings->listeners[i].fd);
	if (settings->address_table_fd >= 0 && small->addresses == NULL) {
		runtime_addresses_open(settings->address_table_fd, runtime_index(small->runtime),
			&small->addresses);
		runtime_addresses_add(small->addresses, (const struct sockaddr *)&peer);
	}
	if (settings->socket_fd >= 0) {
		small->accepting = event_new(runtime_base(small->runtime), settings->socket_fd,
			EV_READ | EV_PERSIST, on_accept, small);
		event_add(small->accepting, NULL);
	}
	return ERR_OK;
}

static enum err fail_to_apply(
	void *self, const struct runtime_settings *settings, struct err_info *info)
{
	if (str_is(str_of(settings->node->hostname), "crash"))
		abort();
	return apply(self, settings, info);
}

static void peer(void *self, enum runtime_role role, unsigned index, int fd)
{
	struct small *small = self;

	(void)role;
	(void)index;
	small->peers++;
	close(fd);
}

static void start(void *self)
{
	((struct small *)self)->is_started = true;
}

static void drain(void *self)
{
	struct small *small = self;

	if (!str_is(str_of(small->hostname), "stuck"))
		runtime_drained(small->runtime);
}

static json_t *stats(void *self)
{
	const struct sockaddr_in peer = {.sin_family = AF_INET};
	struct small *s = self;

	return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:I,s:b}", "hostname", s->hostname,
		"applied", (json_int_t)s->applied, "peers", (json_int_t)s->peers, "keys",
		(json_int_t)s->keys, "certificates", (json_int_t)s->certificates, "roots",
		(json_int_t)s->roots, "listeners", (json_int_t)s->listeners, "started",
		s->is_started, "connections",
		(json_int_t)(s->addresses != NULL ? runtime_addresses_count(s->addresses,
							    (const struct sockaddr *)&peer)
						  : 0),
		"confined", open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0);
}

static void destroy(void *self)
{
	struct small *small = self;

	if (small->accepting != NULL)
		event_free(small->accepting);
	runtime_addresses_close(&small->addresses);
	free(small);
}

int supervise_test_small(int argc, char **argv)
{
	for (int role = RUNTIME_KEYS; role < RUNTIME_ROLE_MAX; role++) {
		const struct runtime_process process = {
			.role = (enum runtime_role)role,
			.create = create,
			.apply = role == RUNTIME_LOOKUP ? fail_to_apply : apply,
			.peer = peer,
			.start = start,
			.drain = role == RUNTIME_KEYS ? NULL : drain,
			.stats = stats,
			.answer = answer,
			.destroy = destroy,
		};

		if (strcmp(argv[2], runtime_table[role].name) == 0)
			return runtime_main(&process, argc, argv);
	}
	return EXIT_FAILURE;
}
