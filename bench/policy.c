/*
 * How long a decision takes, by the size of the configuration.
 *
 *     policy [--connectors 10000] [--decisions 20000] [--json]
 *
 * Builds configurations of a tenth, of the whole, and of ten times that many connectors, ten to an
 * organisation, and asks each the same kinds of question about organisations drawn at random: by
 * client certificate, by address, by partner connector, anonymous, from one organisation to
 * another, and the way out.  The last kind has a tenth of the connectors in one organisation, all
 * for the same senders, and told apart by address only.  Prints median and 99th percentile in
 * microseconds, and how much slower the largest is than the smallest.  With --json the table goes
 * to standard error.
 */
#include "core/policy/policy.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SIZES = 3, PER_ORGANISATION = 10, PARTNERS = 7 };

enum question {
	BY_CERTIFICATE,
	BY_ADDRESS,
	BY_PARTNER,
	BY_PARTNER_CERTIFICATE,
	SHARED_ADDRESS,
	SHARED_PARTNER,
	ANONYMOUS,
	HANDED_OVER,
	WAY_OUT,
	WAY_OUT_DEFAULT,
	CROWD,
	QUESTION_MAX
};
static const char *const question_names[QUESTION_MAX] = {
	"own server by certificate",
	"own server by address",
	"partner by domain",
	"partner by certificate",
	"own server, one address for all",
	"one partner of all by certificate",
	"anonymous",
	"one organisation to another",
	"way out by connector",
	"way out by MX",
	"one of a tenth as many gateways",
};

static uint64_t state_of_random = 0x5ea1905723u;

static size_t draw(size_t below)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return (size_t)(state_of_random >> 33) % below;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the configuration ------------------------------------------------------------------------
 */

static struct record_texts texts(struct arena *arena, const char *first, const char *second)
{
	struct record_texts list = {arena_array(arena, 2, sizeof(char *)), second != NULL ? 2 : 1};

	list.items[0] = first;
	list.items[1] = second;
	return list;
}

/* Every organisation's own address. */
static const char *address_of(struct arena *arena, size_t organisation)
{
	return arena_format(arena, "10.%zu.%zu.%zu", organisation >> 16 & 255,
		organisation >> 8 & 255, organisation & 255);
}

static struct model_connector *add_connector(struct model_config *config, size_t organisation,
	const char *name, int type, struct arena *arena)
{
	struct model_connector *c = &config->connectors.items[config->connectors.count++];

	*c = (struct model_connector){.name = name,
		.organisation = config->organisations.items[organisation].name,
		.type = type,
		.enabled = true,
		.inbound = arena_alloc(arena, sizeof(struct model_inbound)),
		.outbound = arena_alloc(arena, sizeof(struct model_outbound))};
	c->outbound->cost = 10;
	return c;
}

static void add_partner(
	struct model_config *config, size_t organisation, size_t number, struct arena *arena)
{
	struct model_connector *c = add_connector(config, organisation,
		arena_format(arena, "partner%zu", number), MODEL_PARTNER, arena);
	const char *domain = arena_format(arena, "p%zu.of%zu.example", number, organisation);
	struct record_texts both;

	/* One of them every organisation has. */
	if (number == 1)
		domain = "bank.example";
	both = texts(arena, domain, arena_format(arena, "*.%s", domain));

	if (number % 3 == 0)
		c->trust = arena_format(arena, "anchors of %s", domain);
	c->inbound->sender_domains = both;
	c->inbound->require_tls = true;
	if (number % 2 == 1) {
		c->inbound->certificate_name = arena_format(arena, "mx.%s", domain);
		c->inbound->restrict_to_certificate = true;
	}
	c->outbound->recipient_domains = both;
	c->outbound->tls = MODEL_LEVEL_NAME;
}

static void add_organisation(struct model_config *config, size_t i, struct arena *arena)
{
	struct model_connector *c;
	char *name = arena_format(arena, "o%zu", i);
	const char *domain = arena_format(arena, "o%zu.example", i);

	config->organisations.items[config->organisations.count++] =
		(struct model_organisation){.name = name, .reject_direct_send = true};
	config->domains.items[config->domains.count++] = (struct model_domain){.name = domain,
		.organisation = name,
		.subdomains = true,
		.delivery = "smtp:in.example"};
	c = add_connector(config, i, "by-certificate", MODEL_ON_PREMISES, arena);
	c->inbound->certificate_name = arena_format(arena, "*.%s", domain);
	c->outbound->all_accepted_domains = true;
	c->outbound->smart_hosts = texts(arena, "hub.example", NULL);
	c = add_connector(config, i, "by-address", MODEL_ON_PREMISES, arena);
	c->inbound->addresses = texts(arena, address_of(arena, i), "192.0.2.0/24");
	c->outbound = NULL;
	for (size_t k = 0; k < PARTNERS; k++)
		add_partner(config, i, k, arena);
	c = add_connector(config, i, "everybody", MODEL_PARTNER, arena);
	c->inbound->sender_domains = texts(arena, "*", NULL);
	c->outbound = NULL;
}

static struct policy_snapshot *build(size_t connectors)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct model_config config = {0};
	size_t organisations = connectors / PER_ORGANISATION;

	config.organisations.items =
		arena_array(arena, organisations, sizeof(struct model_organisation));
	config.domains.items = arena_array(arena, organisations, sizeof(struct model_domain));
	config.connectors.items = arena_array(
		arena, organisations * PER_ORGANISATION, sizeof(struct model_connector));
	for (size_t i = 0; i < organisations; i++)
		add_organisation(&config, i, arena);
	return policy_snapshot_new(&config, 1);
}

/* ---- the questions ----------------------------------------------------------------------------
 */

/* One question, ready to be asked. */
struct asked {
	struct policy_peer peer;
	struct cert_facts leaf;
	struct policy_mail mail;
	const char *sender, *recipient;
};

static void present(struct asked *q, const char *name, struct arena *arena)
{
	q->leaf = (struct cert_facts){.subject = "CN=leaf", .issuer = "CN=ca"};
	q->leaf.names = texts(arena, name, arena_format(arena, "other.%s", name));
	q->peer.certificate = &q->leaf;
}

static void prepare(struct asked *q, enum question question, const struct policy_snapshot *snapshot,
	struct arena *arena)
{
	size_t organisations = policy_snapshot_config(snapshot)->organisations.count;
	size_t connectors = policy_snapshot_config(snapshot)->connectors.count;
	size_t i = draw(organisations), other = draw(organisations), k = draw(PARTNERS / 2) * 2;

	*q = (struct asked){
		.peer = {.has_address = true, .is_tls = true, .tls_version = "TLSv1.3"}};
	model_parse_prefix(str_of("198.51.100.7"), &q->peer.address);
	q->sender = arena_format(arena, "user@o%zu.example", i);
	q->recipient = arena_format(arena, "user@far%zu.example", other);
	q->mail.organisation = arena_format(arena, "o%zu", i);
	q->mail.sender = q->sender;
	if (question == BY_CERTIFICATE || question == HANDED_OVER)
		present(q, arena_format(arena, "mail.o%zu.example", i), arena);
	if (question == HANDED_OVER)
		q->recipient = arena_format(arena, "user@o%zu.example", other);
	if (question == BY_ADDRESS)
		model_parse_prefix(str_of(address_of(arena, i)), &q->peer.address);
	if (question == SHARED_ADDRESS)
		model_parse_prefix(str_of("192.0.2.9"), &q->peer.address);
	if (question == SHARED_PARTNER) {
		present(q, "mx.bank.example", arena);
		q->recipient = q->sender;
		q->sender = "user@bank.example";
	}
	if (question == BY_PARTNER_CERTIFICATE) {
		k = k < 2 ? 3 : k + 1;
		present(q, arena_format(arena, "mx.p%zu.of%zu.example", k, i), arena);
	}
	if (question == BY_PARTNER || question == BY_PARTNER_CERTIFICATE) {
		q->recipient = q->sender;
		q->sender = arena_format(arena, "user@p%zu.of%zu.example", k, i);
	}
	if (question == ANONYMOUS) {
		q->sender = q->recipient;
		q->recipient = arena_format(arena, "user@sub.o%zu.example", i);
	}
	if (question == CROWD) {
		q->sender = q->recipient;
		q->recipient = "user@o0.example";
		model_parse_prefix(str_of(address_of(arena, draw(connectors))), &q->peer.address);
	}
	if (question == WAY_OUT)
		q->recipient = arena_format(arena, "user@deep.p%zu.of%zu.example", k, i);
}

/* As the processes do it: with the profiles that are wanted, in an arena of its own.  False: the
 * answer is not the one that the question was made for. */
static bool ask(const struct policy_snapshot *snapshot, enum question question, struct asked *q)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	const struct policy_profile *const *profiles;
	struct policy_inbound in;
	struct policy_outbound out;
	struct policy_trust *trust;

	if (question == WAY_OUT || question == WAY_OUT_DEFAULT) {
		policy_outbound(snapshot, &q->mail, str_of(q->recipient), arena, &out);
		return out.outcome == POLICY_OK && (out.connector != NULL) == (question == WAY_OUT);
	}
	q->peer.trust_count = policy_trust_wanted(snapshot, q->peer.certificate, arena, &profiles);
	trust = arena_array(arena, q->peer.trust_count, sizeof(*trust));
	for (size_t i = 0; i < q->peer.trust_count; i++)
		trust[i] = (struct policy_trust){.profile = profiles[i], .verdict = CERT_TRUSTED};
	q->peer.trust = trust;
	policy_attribute(snapshot, &q->peer, str_of(q->sender), str_of(q->recipient), arena, &in);
	return in.accepted && in.connector != NULL;
}

/* All connectors belong to one organisation, and each covers every sender from an address of its
 * own: gateways, of which one must match. */
static struct policy_snapshot *build_crowd(size_t connectors)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct model_config config = {0};

	config.organisations.items = arena_array(arena, 1, sizeof(struct model_organisation));
	config.organisations.items[config.organisations.count++] =
		(struct model_organisation){.name = "o0"};
	config.domains.items = arena_array(arena, 1, sizeof(struct model_domain));
	config.domains.items[config.domains.count++] =
		(struct model_domain){.name = "o0.example", .organisation = "o0"};
	config.connectors.items = arena_array(arena, connectors, sizeof(struct model_connector));
	for (size_t i = 0; i < connectors; i++) {
		struct model_connector *c = add_connector(
			&config, 0, arena_format(arena, "gateway%zu", i), MODEL_PARTNER, arena);

		c->outbound = NULL;
		c->inbound->sender_domains = texts(arena, "*", NULL);
		c->inbound->restrict_to_addresses = true;
		c->inbound->addresses = texts(arena, address_of(arena, i), NULL);
	}
	return policy_snapshot_new(&config, 1);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

struct timing {
	double median, p99; /* microseconds */
};

static bool measure(const struct policy_snapshot *snapshot, enum question question,
	size_t decisions, struct timing *ret)
{
	size_t middle, late;
	int64_t *taken = mem_new(decisions * sizeof(*taken));
	bool fine = true;

	for (size_t i = 0; i < decisions && fine; i++) {
		struct arena *arena CLEANUP(arena_free) = arena_new();
		struct asked q;
		int64_t began;

		prepare(&q, question, snapshot, arena);
		began = now_ns();
		fine = ask(snapshot, question, &q);
		taken[i] = now_ns() - began;
		if (!fine)
			fprintf(stderr, "%s: %s to %s is not decided as meant\n",
				question_names[question], q.sender, q.recipient);
	}
	qsort(taken, decisions, sizeof(*taken), by_value);
	middle = decisions / 2;
	late = decisions - decisions / 100 - 1;
	*ret = (struct timing){(double)taken[middle] / 1000, (double)taken[late] / 1000};
	free(taken);
	return fine;
}

/* ---- the table --------------------------------------------------------------------------------
 */

static void print_json(const struct timing all[SIZES][QUESTION_MAX], const size_t sizes[SIZES])
{
	printf("{");
	for (int q = 0; q < QUESTION_MAX; q++) {
		printf("%s\"%s\": {", q > 0 ? ", " : "", question_names[q]);
		for (int s = 0; s < SIZES; s++)
			printf("%s\"%zu\": {\"median_us\": %.2f, \"p99_us\": %.2f}",
				s > 0 ? ", " : "", sizes[s], all[s][q].median, all[s][q].p99);
		printf("}");
	}
	printf("}\n");
}

static void print_table(
	FILE *out, const struct timing all[SIZES][QUESTION_MAX], const size_t sizes[SIZES])
{
	fprintf(out, "%-34s", "microseconds: median (p99)");
	for (int s = 0; s < SIZES; s++)
		fprintf(out, "%10zu connectors", sizes[s]);
	fprintf(out, "%10s\n", "growth");
	for (int q = 0; q < QUESTION_MAX; q++) {
		fprintf(out, "%-34s", question_names[q]);
		for (int s = 0; s < SIZES; s++)
			fprintf(out, "%12.2f (%6.2f)", all[s][q].median, all[s][q].p99);
		fprintf(out, "%9.2fx\n", all[SIZES - 1][q].median / all[0][q].median);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"connectors", required_argument, NULL, 'c'},
		{"decisions", required_argument, NULL, 'd'}, {"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0}};
	struct timing all[SIZES][QUESTION_MAX];
	size_t connectors = 10000, decisions = 20000, sizes[SIZES];
	bool json = false, fine = true;

	for (int c = 0; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		json = json || c == 'j';
		if (c == 'c')
			connectors = strtoul(optarg, NULL, 10);
		else if (c == 'd')
			decisions = strtoul(optarg, NULL, 10);
		else if (c != 'j')
			return 2;
	}
	if (connectors < 100 || connectors > 1000000 || decisions < 100) {
		fprintf(stderr, "100 to 1000000 connectors, at least 100 decisions\n");
		return 2;
	}
	for (int s = 0; s < SIZES && fine; s++) {
		struct policy_snapshot *snapshot;

		sizes[s] = s == 0 ? connectors / 10 : s == 1 ? connectors : connectors * 10;
		snapshot = build(sizes[s]);
		for (int q = 0; q < CROWD && fine; q++)
			fine = measure(snapshot, (enum question)q, decisions, &all[s][q]);
		policy_snapshot_free(&snapshot);
		snapshot = build_crowd(sizes[s] / 10);
		fine = fine && measure(snapshot, CROWD, decisions, &all[s][CROWD]);
		policy_snapshot_free(&snapshot);
	}
	if (fine)
		print_table(
			json ? stderr : stdout, (const struct timing(*)[QUESTION_MAX])all, sizes);
	if (fine && json)
		print_json((const struct timing(*)[QUESTION_MAX])all, sizes);
	return fine ? 0 : 1;
}
