/* What TLS is offered and accepted: each distinct offer once, with all that have it. */
#include "cli/verb.h"

#include <string.h>

static const char *const parts[] = {"versions", "suites", "groups", "signatures", "own_signatures"};

/* ---- choosing -------------------------------------------------------------------------------- */

/* Keep of the list under KEY only what is named; true: something is left. */
static bool keep(json_t *answer, const char *key, const char *name)
{
	json_t *kept = json_array(), *item;
	bool any;
	size_t i;

	json_array_foreach (json_object_get(answer, key), i, item) {
		const char *have = json_string_value(json_object_get(item, "name"));

		if (name != NULL && have != NULL && strcmp(have, name) == 0)
			json_array_append(kept, item);
	}
	any = json_array_size(kept) > 0;
	json_object_set_new(answer, key, kept);
	return any;
}

static int choose(struct cli *cli, json_t *answer)
{
	const char *listener = cli_option(cli, "listener");
	const char *connector = cli_option(cli, "connector");
	bool any_listener, any_connector;
	int status;

	if (listener == NULL && connector == NULL)
		return CLI_OK;
	if (connector != NULL) {
		status = cli_full_name(cli, "connector", connector, &connector);
		if (status != CLI_OK)
			return status;
	}
	any_listener = keep(answer, "listeners", listener);
	any_connector = keep(answer, "connectors", connector);
	json_object_del(answer, "others");
	if (listener != NULL && !any_listener)
		return cli_fail(cli, CLI_FAILED, "there is no listener %s", listener);
	if (connector != NULL && !any_connector)
		return cli_fail(cli, CLI_FAILED, "there is no connector %s", connector);
	return CLI_OK;
}

/* ---- showing --------------------------------------------------------------------------------- */

static void print_list(struct cli *cli, const char *label, const json_t *list)
{
	if (json_array_size(list) > 0)
		cli_print(cli, "  %-12s %s\n", label, cli_join(cli, list, ", "));
}

static void print_suites(struct cli *cli, const json_t *suites)
{
	const json_t *suite;
	const char *label = "Suites";
	size_t i;

	json_array_foreach (suites, i, suite) {
		bool is_secret = json_is_true(json_object_get(suite, "forward_secrecy"));

		cli_print(cli, "  %-12s %-45s %s  %s%s%s\n", label, cli_text(cli, suite, "name"),
			cli_text(cli, suite, "version"),
			cli_colour(cli, is_secret ? CLI_GREEN : CLI_RED),
			is_secret ? "forward secrecy" : "NO forward secrecy",
			cli_colour(cli, CLI_PLAIN));
		label = "";
	}
}

static void print_offer(struct cli *cli, const json_t *offer)
{
	print_list(cli, "Versions", json_object_get(offer, "versions"));
	print_suites(cli, json_object_get(offer, "suites"));
	print_list(cli, "Groups", json_object_get(offer, "groups"));
	print_list(cli, "Accepted", json_object_get(offer, "signatures"));
	print_list(cli, "Own", json_object_get(offer, "own_signatures"));
	cli_print(cli, "\n");
}

static bool same_offer(const json_t *a, const json_t *b)
{
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		const json_t *one = json_object_get(a, parts[i]);
		const json_t *other = json_object_get(b, parts[i]);

		if (one != other && !json_equal(one, other))
			return false;
	}
	return true;
}

static const char *title_of(struct cli *cli, const json_t *item, const char *kind)
{
	const char *text = arena_format(cli->arena, "%s %s", kind, cli_text(cli, item, "name"));
	const char *certificate = cli_text(cli, item, "certificate");

	if (strcmp(kind, "listener") == 0)
		return arena_format(cli->arena, "%s (%s, %s%s)", text,
			cli_text(cli, item, "address"), cli_text(cli, item, "tls"),
			json_is_true(json_object_get(item, "required")) ? ", required" : "");
	return arena_format(cli->arena, "%s, %s (requires %s%s%s%s%s)", text,
		cli_text(cli, item, "direction"), cli_text(cli, item, "required"),
		certificate[0] != '\0' ? ", presents " : "", certificate,
		strcmp(cli_text(cli, item, "mode"), "report") == 0 ? ", report mode" : "",
		json_is_true(json_object_get(item, "enabled")) ? "" : ", disabled");
}

/* All that have the offer of the item at FIRST, and then the offer; those before have been shown.
 */
static void print_group(struct cli *cli, const json_t *items, size_t first, const char *kind)
{
	const json_t *item = json_array_get(items, first), *other;
	size_t i;

	for (i = 0; i < first; i++)
		if (same_offer(json_array_get(items, i), item))
			return;
	json_array_foreach (items, i, other)
		if (i >= first && same_offer(other, item))
			cli_print(cli, "%s%s%s\n", cli_colour(cli, CLI_BOLD),
				title_of(cli, other, kind), cli_colour(cli, CLI_PLAIN));
	if (json_object_get(item, "versions") != NULL)
		print_offer(cli, item);
	else
		cli_print(cli, "  no TLS\n\n");
}

static void print_all(struct cli *cli, const json_t *answer)
{
	static const char *const lists[][2] = {
		{"listeners", "listener"}, {"connectors", "connector"}};
	const json_t *others = json_object_get(answer, "others");

	for (size_t k = 0; k < ARRAY_LENGTH(lists); k++) {
		const json_t *items = json_object_get(answer, lists[k][0]);

		for (size_t i = 0; i < json_array_size(items); i++)
			print_group(cli, items, i, lists[k][1]);
	}
	if (others != NULL) {
		cli_print(cli, "%snext hops of no connector%s\n", cli_colour(cli, CLI_BOLD),
			cli_colour(cli, CLI_PLAIN));
		print_offer(cli, others);
	}
	cli_print(cli,
		"In order of preference.  Accepted: signatures by which the other side may prove "
		"its certificate;\nown: those by which this side does.  Session tickets: %s.  %s, "
		"security level %s.\n",
		json_is_true(json_object_get(answer, "tickets"))
			? "for clients without a certificate"
			: "none",
		cli_text(cli, answer, "library"), cli_text(cli, answer, "security_level"));
}

int cli_run_tls_list(struct cli *cli)
{
	json_t *answer = NULL;
	int status = cli_get(cli, "/v1/tls", &answer);

	if (status == CLI_OK)
		status = choose(cli, answer);
	if (status == CLI_OK)
		cli_show(cli, answer, print_all);
	json_decref(answer);
	return status;
}
