/* The course of a probe: from the connector to its hosts, their addresses, and the end. */
#include "process/deliver/probe.h"

#include "port/log/log.h"

#include <stdlib.h>

static void next_host(struct deliver_probe *probe);

/* ---- steps under way ------------------------------------------------------------------------- */

static void arm(struct deliver_probe *probe, int64_t ms)
{
	struct timeval time = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(probe->timer, &time);
}

void deliver_probe_begin_step(struct deliver_probe *probe, const char *step)
{
	probe->step = step;
	probe->step_ticks = runtime_ticks_ms();
	arm(probe, strcmp(step, "connect") == 0 ? DELIVER_PROBE_CONNECT_MS : DELIVER_PROBE_STEP_MS);
}

int64_t deliver_probe_step_ms(const struct deliver_probe *probe)
{
	return runtime_ticks_ms() - probe->step_ticks;
}

void deliver_probe_end_step(struct deliver_probe *probe, enum wire_probe_result result,
	const char *presented, const char *text, const char *remedy)
{
	const struct wire_probe_step step = {
		.step = probe->step,
		.result = (int)result,
		.ms = deliver_probe_step_ms(probe),
		.presented = presented,
		.text = text,
		.remedy = remedy,
	};

	deliver_probe_tell(probe, &step);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void probe_free(struct deliver_probe **pointer)
{
	struct deliver_probe *probe = *pointer;

	*pointer = NULL;
	*probe->place = probe->next;
	if (probe->next != NULL)
		probe->next->place = probe->place;
	probe->self->probe_count--;
	deliver_resolve_cancel(&probe->resolve);
	deliver_standing_stop(&probe->standing);
	deliver_link_free(&probe->link);
	deliver_config_release(&probe->config);
	event_free(probe->timer);
	arena_free(&probe->arena);
	free(probe);
}

static void finish(struct deliver_probe *probe, const char *why)
{
	bool good = why == NULL && !probe->any_failed && probe->hosts_passed > 0;
	const struct wire_probe_step step = {
		.step = "summary",
		.result = good ? WIRE_PROBE_OK : WIRE_PROBE_FAILED,
		.ms = runtime_ticks_ms() - probe->began_ticks,
		.text = why != NULL
				? why
				: arena_format(probe->arena, "%zu of %zu next hops would take mail",
					  probe->hosts_passed, probe->target_count),
		.is_last = true,
	};

	deliver_standing_stop(&probe->standing);
	deliver_link_free(&probe->link);
	deliver_probe_tell(probe, &step);
	log_event(LOG_INFO_LEVEL, "probe.done", LOG_TEXT("organisation", probe->wire.organisation),
		LOG_TEXT("connector", probe->wire.connector),
		LOG_TEXT("result", wire_probe_result_names[step.result]),
		LOG_TEXT("text", step.text), LOG_NUMBER("ms", step.ms));
	probe_free(&probe);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct deliver_probe *probe = context;
	const char *text;

	(void)fd;
	(void)what;
	if (probe->step == NULL) { /* from the loop: the next host */
		next_host(probe);
		return;
	}
	text = arena_format(probe->arena, "no answer within %lld s",
		(long long)((deliver_probe_step_ms(probe) + 500) / 1000));
	if (strcmp(probe->step, "connect") == 0) {
		deliver_probe_unreachable(probe, text);
		return;
	}
	deliver_resolve_cancel(&probe->resolve);
	deliver_standing_stop(&probe->standing);
	deliver_probe_end_step(probe, WIRE_PROBE_FAILED, NULL, text,
		"The host, or a firewall on the way, does not answer: ask its owner");
	deliver_link_free(&probe->link);
	probe->target_at++;
	next_host(probe);
}

/* The next host, from the loop. */
void deliver_probe_leave_host(struct deliver_probe *probe)
{
	if (!probe->host_failed)
		probe->hosts_passed++;
	deliver_link_quit(&probe->link);
	probe->target_at++;
	probe->step = NULL;
	arm(probe, 0);
}

/* ---- hosts and addresses --------------------------------------------------------------------- */

void deliver_probe_next_address(struct deliver_probe *probe)
{
	if (probe->address_at >= probe->address_count || probe->tries >= DELIVER_TRIES) {
		deliver_probe_leave_host(probe);
		return;
	}
	probe->attempt = RECEIPT_ATTEMPT_FULL;
	deliver_probe_connect(probe, &probe->addresses[probe->address_at]);
}

static const char *addresses_text(const struct deliver_probe *probe)
{
	const char *all = NULL;

	for (size_t i = 0; i < probe->address_count; i++)
		all = all == NULL
			      ? probe->addresses[i].text
			      : arena_format(probe->arena, "%s, %s", all, probe->addresses[i].text);
	return all;
}

/* Say why a name gives nothing. */
static void tell_unresolved(
	struct deliver_probe *probe, const struct deliver_resolve_answer *answer, const char *what)
{
	bool later = answer->status == DELIVER_RESOLVE_LATER;

	deliver_probe_end_step(probe, WIRE_PROBE_FAILED, NULL,
		later					     ? arena_text(probe->arena, answer->why)
		: answer->status == DELIVER_RESOLVE_NXDOMAIN ? "the name does not exist"
							     : what,
		later ? "Check the name servers that this server asks, and those of the domain"
		      : "Correct the name, or have it entered into the DNS");
}

static void on_addresses(void *context, const struct deliver_resolve_answer *answer)
{
	struct deliver_probe *probe = context;

	probe->resolve = NULL;
	if (answer->status != DELIVER_RESOLVE_OK) {
		tell_unresolved(probe, answer, "the host has no address");
		deliver_probe_leave_host(probe);
		return;
	}
	probe->address_at = 0;
	probe->address_count = answer->address_count;
	memcpy(probe->addresses, answer->addresses, sizeof(probe->addresses));
	deliver_probe_end_step(probe, WIRE_PROBE_OK, addresses_text(probe), NULL, NULL);
	deliver_probe_next_address(probe);
}

static void next_host(struct deliver_probe *probe)
{
	const struct deliver_target *target = &probe->targets[probe->target_at];

	if (probe->target_at >= probe->target_count) {
		finish(probe, NULL);
		return;
	}
	if (runtime_ticks_ms() - probe->began_ticks > DELIVER_PROBE_ALL_MS) {
		finish(probe,
			arena_format(probe->arena, "given up after %d s; %zu next hops are left",
				DELIVER_PROBE_ALL_MS / 1000,
				probe->target_count - probe->target_at));
		return;
	}
	probe->host_failed = false;
	probe->tries = 0;
	probe->address_at = 0;
	probe->address_count = 1;
	deliver_probe_begin_step(probe, "resolve");
	if (target->is_unix ? deliver_targets_unix(target->host, &probe->addresses[0])
			    : deliver_targets_literal(
				      str_of(target->host), target->port, &probe->addresses[0]))
		deliver_probe_next_address(probe);
	else
		probe->resolve = deliver_resolve_host(
			probe->self->dns, target->host, target->port, on_addresses, probe);
}

static const char *mx_text(struct deliver_probe *probe, const struct deliver_resolve_answer *answer)
{
	const char *all = "";

	for (size_t i = 0; i < answer->mx_count; i++)
		all = arena_format(probe->arena, "%s%sMX %u %s", all, i > 0 ? ", " : "",
			(unsigned)answer->mx[i].preference, answer->mx[i].host);
	return all;
}

static void on_mx(void *context, const struct deliver_resolve_answer *answer)
{
	struct deliver_probe *probe = context;
	const char *domain = probe->route.domain;
	bool is_loop = false;
	struct wire_probe_step step = {
		.step = "resolve", .host = domain, .ms = deliver_probe_step_ms(probe)};

	probe->resolve = NULL;
	if (answer->status == DELIVER_RESOLVE_NONE) {
		probe->targets[0] = (struct deliver_target){
			.host = domain, .port = (uint16_t)probe->self->node->ports.smtp};
		probe->target_count = 1;
		step.result = WIRE_PROBE_NOTE;
		step.text = "no MX records: the domain itself is the host";
	} else if (answer->status != DELIVER_RESOLVE_OK) {
		tell_unresolved(probe, answer, "");
		finish(probe, arena_format(probe->arena, "the MX of %s cannot be found", domain));
		return;
	} else {
		step.presented = mx_text(probe, answer);
		if (deliver_targets_is_null_mx(answer->mx, answer->mx_count))
			step.text = "the domain takes no mail (null MX)";
		else
			probe->target_count = deliver_way_mx(
				probe->self, answer, probe->arena, probe->targets, &is_loop);
		if (is_loop)
			step.text = "mail for this domain leads back to this host";
		if (probe->target_count == 0)
			step.result = WIRE_PROBE_FAILED;
	}
	deliver_probe_tell(probe, &step);
	if (probe->target_count == 0)
		finish(probe, step.text);
	else
		next_host(probe);
}

/* ---- the beginning --------------------------------------------------------------------------- */

static const char *first_domain(const struct policy_snapshot *snapshot, const char *organisation)
{
	const struct model_config *config = policy_snapshot_config(snapshot);

	for (size_t i = 0; i < config->domains.count; i++)
		if (strcmp(config->domains.items[i].organisation, organisation) == 0)
			return config->domains.items[i].name;
	return NULL;
}

/* Somebody whom this connector is for: the postmaster, whom every domain has. */
static const char *choose_recipient(
	struct deliver_probe *probe, const struct model_connector *connector)
{
	const struct record_texts *patterns = &connector->outbound->recipient_domains;
	const char *domain = NULL;

	for (size_t i = 0; i < patterns->count && domain == NULL; i++)
		if (strchr(patterns->items[i], '*') == NULL)
			domain = patterns->items[i];
	if (domain == NULL && (connector->outbound->smart_hosts.count > 0 ||
				      connector->outbound->all_accepted_domains))
		domain = first_domain(probe->config->snapshot, probe->wire.organisation);
	return domain != NULL ? arena_format(probe->arena, "postmaster@%s", domain) : NULL;
}

/* A connector that is disabled is best tried out before it is enabled: in a configuration of its
 * organisation in which it is, and is the only one. */
static struct deliver_config *enabled_alone(
	struct deliver_probe *probe, const struct model_connector *connector)
{
	const struct model_config *all = policy_snapshot_config(probe->config->snapshot);
	const char *organisation = connector->organisation;
	struct deliver_config *config = mem_new(sizeof(*config));
	struct model_connector copy = *connector;
	struct model_config own = {0};

	copy.enabled = true;
	own.connectors.items = &copy;
	own.connectors.count = 1;
	own.organisations = all->organisations;
	own.domains.items =
		arena_array(probe->arena, all->domains.count + 1, sizeof(*own.domains.items));
	for (size_t i = 0; i < all->domains.count; i++)
		if (strcmp(all->domains.items[i].organisation, organisation) == 0)
			own.domains.items[own.domains.count++] = all->domains.items[i];
	own.rules.items = arena_array(probe->arena, all->rules.count + 1, sizeof(*own.rules.items));
	for (size_t i = 0; i < all->rules.count; i++)
		if (strcmp(all->rules.items[i].organisation, organisation) == 0)
			own.rules.items[own.rules.count++] = all->rules.items[i];
	config->snapshot =
		policy_snapshot_new(&own, policy_snapshot_generation(probe->config->snapshot));
	config->references = 1;
	return config;
}

/* NULL: the route stands; else why there is none. */
static const char *find_route(struct deliver_probe *probe)
{
	const struct policy_snapshot *snapshot = probe->config->snapshot;
	const struct model_connector *connector =
		policy_connector(snapshot, probe->wire.organisation, probe->wire.connector);
	struct policy_outbound *route = &probe->route;
	struct policy_mail mail = {.organisation = probe->wire.organisation};

	if (connector == NULL)
		return "there is no such connector";
	if (connector->outbound == NULL)
		return "the connector has no outbound half: no mail leaves by it";
	if (probe->wire.recipient == NULL)
		probe->wire.recipient = choose_recipient(probe, connector);
	if (probe->wire.recipient == NULL)
		return "the connector names no domain to try: say with --to whom to write to";
	if (probe->wire.sender == NULL && first_domain(snapshot, mail.organisation) != NULL)
		probe->wire.sender = arena_format(
			probe->arena, "postmaster@%s", first_domain(snapshot, mail.organisation));
	mail.sender = probe->wire.sender;
	mail.via = arena_format(
		probe->arena, "%s/%s", probe->wire.organisation, probe->wire.connector);
	if (!connector->enabled) {
		struct deliver_config *own = enabled_alone(probe, connector);

		probe->is_disabled = true;
		deliver_config_release(&probe->config);
		probe->config = own;
	}
	policy_outbound(
		probe->config->snapshot, &mail, str_of(probe->wire.recipient), probe->arena, route);
	if (route->type == POLICY_ROUTE_REFUSE)
		return route->text != NULL ? route->text : policy_outcome_row(route->outcome)->text;
	if (route->connector == NULL || strcmp(route->connector, probe->wire.connector) != 0)
		return arena_format(probe->arena, "mail to %s does not go by this connector",
			probe->wire.recipient);
	if (route->type != POLICY_ROUTE_HOSTS && route->type != POLICY_ROUTE_MX &&
		route->type != POLICY_ROUTE_LITERAL)
		return "mail does not go to another host";
	return NULL;
}

static void start(struct deliver_probe *probe)
{
	const char *why = probe->config != NULL ? find_route(probe)
						: "the delivering process is not ready yet";

	deliver_probe_begin_step(probe, "route");
	if (why != NULL) {
		deliver_probe_end_step(probe, WIRE_PROBE_FAILED, NULL, why,
			"See `sealpost connector show`, or say with --to whom to write to");
		finish(probe, why);
		return;
	}
	deliver_probe_tell_route(probe);
	deliver_probe_begin_step(probe, "resolve");
	if (probe->route.type == POLICY_ROUTE_MX) {
		probe->resolve =
			deliver_resolve_mx(probe->self->dns, probe->route.domain, on_mx, probe);
		return;
	}
	probe->target_count =
		deliver_way_named(probe->self, &probe->route, probe->arena, probe->targets);
	next_host(probe);
}

void deliver_probe_begin(struct deliver *self, const struct wire_probe *wire)
{
	struct deliver_probe *probe = mem_new(sizeof(*probe));

	probe->self = self;
	probe->arena = arena_new();
	record_copy(wire_types[WIRE_PROBE].desc, wire, probe->arena, &probe->wire);
	probe->timer = evtimer_new(self->base, on_timer, probe);
	probe->began_ticks = runtime_ticks_ms();
	probe->next = self->probes;
	probe->place = &self->probes;
	if (probe->next != NULL)
		probe->next->place = &probe->next;
	self->probes = probe;
	self->probe_count++;
	if (self->probe_count > DELIVER_PROBES || self->draining) {
		finish(probe, self->draining ? "the delivering process is about to end"
					     : "other connectors are being tested; try again");
		return;
	}
	probe->config = self->config;
	if (probe->config != NULL)
		probe->config->references++;
	start(probe);
}

void deliver_probe_stop(struct deliver *self, int64_t tag)
{
	for (struct deliver_probe *probe = self->probes; probe != NULL; probe = probe->next)
		if (probe->wire.tag == tag) {
			probe_free(&probe);
			return;
		}
}

void deliver_probe_stop_all(struct deliver *self)
{
	struct deliver_probe *next;

	for (struct deliver_probe *probe = self->probes; probe != NULL; probe = next) {
		next = probe->next;
		probe_free(&probe);
	}
}
