/* What would happen to a message, and why. */
#include "cli/verb.h"

#include <string.h>

static void line(struct cli *cli, const char *label, const char *text)
{
	if (text[0] != '\0')
		cli_print(cli, "    %s%-13s%s%s\n", cli_colour(cli, CLI_DIM), label,
			cli_colour(cli, CLI_PLAIN), text);
}

static void print_considered(struct cli *cli, const json_t *half)
{
	const json_t *candidate;
	size_t i;

	json_array_foreach (json_object_get(half, "considered"), i, candidate) {
		bool applies = json_is_true(json_object_get(candidate, "applies"));

		cli_print(cli, "    %s%s%s %s: %s\n",
			cli_colour(cli, applies ? CLI_GREEN : CLI_DIM), applies ? "+" : "-",
			cli_colour(cli, CLI_PLAIN), cli_text(cli, candidate, "subject"),
			cli_text(cli, candidate, "why"));
	}
}

static void print_common(struct cli *cli, const json_t *half)
{
	const char *by = cli_join(cli, json_object_get(half, "required_by"), "; ");

	const char *organisation = cli_text(cli, half, "organisation");
	const char *connector = cli_text(cli, half, "connector");

	line(cli, "Organisation", organisation);
	if (connector[0] != '\0')
		line(cli, "Connector", arena_format(cli->arena, "%s/%s", organisation, connector));
	line(cli, "TLS required",
		arena_format(cli->arena, "%s%s%s", cli_text(cli, half, "required"),
			by[0] != '\0' ? ", by " : "", by));
}

/* Where it is handed to inside this installation, and what report mode would have refused. */
static void print_inside(struct cli *cli, const json_t *in)
{
	const json_t *would = json_object_get(in, "would");
	const char *receiver = cli_text(cli, in, "receiver");
	const char *connector = cli_text(cli, in, "receiver_connector");
	const char *token = would != NULL ? cli_text(cli, would, "outcome") : "";

	if (receiver[0] != '\0')
		line(cli, "Handed to",
			connector[0] != '\0' ? arena_format(cli->arena, "%s, by its connector %s",
						       receiver, connector)
					     : receiver);
	if (token[0] != '\0' && strcmp(token, "ok") != 0)
		line(cli, "Report mode",
			arena_format(cli->arena, "%s would refuse it, %s: %s",
				cli_text(cli, would, "by"), token, cli_text(cli, would, "text")));
}

static void print_inbound(struct cli *cli, const json_t *in)
{
	bool accepted = json_is_true(json_object_get(in, "accepted"));

	cli_print(cli, "  %s%s%s", cli_colour(cli, accepted ? CLI_GREEN : CLI_RED),
		accepted ? "Accepted" : "Refused", cli_colour(cli, CLI_PLAIN));
	if (!accepted)
		cli_print(cli, " with %s %s", cli_text(cli, in, "reply"),
			cli_text(cli, in, "enhanced"));
	cli_print(cli, ": %s\n", cli_text(cli, in, "text"));
	if (!accepted) {
		line(cli, "Client hears", cli_text(cli, in, "told"));
		line(cli, "Who must act", cli_text(cli, in, "who"));
	}
	line(cli, "What to do", cli_text(cli, in, "remedy"));
	print_common(cli, in);
	line(cli, "Mail is",
		json_is_true(json_object_get(in, "originating")) ? "originating: may be relayed"
								 : "incoming");
	print_inside(cli, in);
	line(cli, "Name wanted", cli_text(cli, in, "name_expected"));
	line(cli, "Name found", cli_text(cli, in, "name_matched"));
	line(cli, "Certificate",
		arena_format(cli->arena, "%s, anchors: %s", cli_text(cli, in, "verdict"),
			cli_text(cli, in, "anchors")));
	print_considered(cli, in);
}

/* Which names, and where they come from; without own ones each host is to carry its own. */
static void print_names(struct cli *cli, const json_t *out)
{
	const char *names = cli_join(cli, json_object_get(out, "names"), ", ");
	const char *why = cli_text(cli, out, "names_why");

	if (names[0] == '\0')
		names = cli_join(cli, json_object_get(out, "hosts"), ", ");
	if (why[0] != '\0')
		line(cli, "Names wanted", arena_format(cli->arena, "%s (%s)", names, why));
}

static void print_outbound(struct cli *cli, const json_t *out)
{
	const char *type = cli_text(cli, out, "type");
	const char *hosts = cli_join(cli, json_object_get(out, "hosts"), ", ");
	const char *path = cli_text(cli, out, "path");
	bool refused = strcmp(type, "refuse") == 0;

	if (strcmp(type, "mx") == 0)
		hosts = arena_format(
			cli->arena, "the MX hosts of %s", cli_text(cli, out, "domain"));
	cli_print(cli, "  %s%s%s %s\n", cli_colour(cli, refused ? CLI_RED : CLI_GREEN),
		refused ? "No way on:" : "Then goes to", cli_colour(cli, CLI_PLAIN),
		refused		  ? cli_text(cli, out, "text")
		: path[0] != '\0' ? path
				  : hosts);
	if (refused)
		line(cli, "Who must act", cli_text(cli, out, "who"));
	line(cli, "What to do", cli_text(cli, out, "remedy"));
	print_common(cli, out);
	print_names(cli, out);
	line(cli, "Anchors", cli_text(cli, out, "anchors"));
	line(cli, "Presents", cli_text(cli, out, "certificate"));
	print_considered(cli, out);
}

void cli_print_explanation(struct cli *cli, const json_t *explanation)
{
	const json_t *result;
	size_t i;

	json_array_foreach (json_object_get(explanation, "results"), i, result) {
		const char *from = cli_text(cli, explanation, "from");
		const json_t *out = json_object_get(result, "outbound");

		cli_print(cli, "%s%s%s -> %s%s\n", i > 0 ? "\n" : "", cli_colour(cli, CLI_BOLD),
			from[0] != '\0' ? from : "<>", cli_text(cli, result, "to"),
			cli_colour(cli, CLI_PLAIN));
		print_inbound(cli, json_object_get(result, "inbound"));
		if (json_is_object(out))
			print_outbound(cli, out);
		line(cli, "Note", cli_text(cli, result, "note"));
	}
}

static int build_question(struct cli *cli, json_t **ret)
{
	json_t *question = json_object(), *to = json_array();
	const char *certificate = cli_option(cli, "cert");
	struct str pem = {0};
	int status = CLI_OK;

	for (size_t i = 0; i < cli->option_count; i++)
		if (strcmp(cli->options[i].name, "to") == 0)
			json_array_append_new(to, json_string(cli->options[i].value));
	json_object_set_new(question, "from", json_string(cli_option(cli, "from")));
	json_object_set_new(question, "to", to);
	json_object_set_new(question, "tls", json_boolean(!cli_has(cli, "clear")));
	if (cli_option(cli, "ip") != NULL)
		json_object_set_new(question, "ip", json_string(cli_option(cli, "ip")));
	if (json_array_size(to) == 0 || cli_option(cli, "from") == NULL)
		status = cli_usage(cli, "explain needs --from and --to");
	else if (certificate != NULL && cli_has(cli, "clear"))
		status = cli_usage(cli, "--cert and --clear exclude each other");
	else if (certificate != NULL)
		status = cli_read_file(cli, certificate, &pem);
	if (status != CLI_OK) {
		json_decref(question);
		return status;
	}
	if (certificate != NULL)
		json_object_set_new(question, "cert_pem", json_stringn(pem.p, pem.n));
	*ret = question;
	return CLI_OK;
}

int cli_run_explain(struct cli *cli)
{
	struct cli_answer answer = {0};
	json_t *question = NULL;
	int status = build_question(cli, &question);

	if (status != CLI_OK)
		return status;
	status = cli_ask(cli,
		&(struct cli_call){.method = "POST", .path = "/v1/explain", .body = question},
		&answer);
	json_decref(question);
	if (status != CLI_OK)
		return status;
	cli_show(cli, answer.json, cli_print_explanation);
	json_decref(answer.json);
	return CLI_OK;
}
