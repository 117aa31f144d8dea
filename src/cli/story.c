/*
 * The story of one message: for each hop who it was, which connector applied, what was required and
 * by whom, what the connection had, and why it ended as it did.
 */
#include "cli/verb.h"

#include <string.h>

enum { LABEL = 13 };

/* "   Required     name, by connector contoso/fabrikam" */
static void line(struct cli *cli, const char *label, const char *text)
{
	if (text[0] != '\0')
		cli_print(cli, "   %s%-*s%s%s\n", cli_colour(cli, CLI_DIM), LABEL, label,
			cli_colour(cli, CLI_PLAIN), text);
}

static const char *level_words(const char *level)
{
	if (strcmp(level, "encrypt") == 0)
		return "TLS, whatever the certificate";
	if (strcmp(level, "chain") == 0)
		return "TLS with a trusted certificate";
	if (strcmp(level, "name") == 0)
		return "TLS with a trusted certificate that carries the name";
	return "nothing: TLS if the other side can";
}

static void print_required(struct cli *cli, const json_t *receipt)
{
	const char *level = cli_text(cli, receipt, "required");
	const char *by = cli_join(cli, json_object_get(receipt, "required_by"), "; ");
	const char *expected = cli_text(cli, receipt, "name_expected");

	line(cli, "Required",
		arena_format(cli->arena, "%s%s%s", level_words(level),
			expected[0] != '\0' ? " " : "", expected));
	line(cli, by[0] != '\0' ? "  by" : "", by);
}

static void print_got(struct cli *cli, const json_t *receipt)
{
	const char *version = cli_text(cli, receipt, "version");
	const char *attempt = cli_text(cli, receipt, "attempt");
	const char *group = cli_text(cli, receipt, "group");
	const char *text;

	if (strcmp(attempt, "none") == 0) {
		line(cli, "Connection", "none came about");
		return;
	}
	text = version[0] == '\0'
		       ? "clear text, no TLS"
		       : arena_format(cli->arena, "%s, %s%s%s%s%s", version,
				 cli_text(cli, receipt, "cipher"), group[0] != '\0' ? ", " : "",
				 group,
				 json_is_true(json_object_get(receipt, "resumed"))
					 ? ", session resumed"
					 : "",
				 strcmp(attempt, "reduced") == 0 ? ", with the smaller hello" : "");
	line(cli, "Got", text);
}

static const char *date_of(struct cli *cli, const json_t *object, const char *key)
{
	const char *text = cli_moment(cli, object, key);

	return text[1] != '\0' ? arena_format(cli->arena, "%.10s", text) : text;
}

static void print_chain(struct cli *cli, const json_t *receipt)
{
	const json_t *chain = json_object_get(receipt, "chain"), *c;
	const char *matched = cli_text(cli, receipt, "name_matched");
	const char *detail = cli_text(cli, receipt, "verdict_detail");
	const char *anchors = cli_text(cli, receipt, "anchors");
	const json_t *leaf = json_array_get(chain, 0);
	size_t i;

	if (leaf == NULL) {
		if (cli_text(cli, receipt, "version")[0] != '\0')
			line(cli, "Peer", "presented no certificate");
		return;
	}
	line(cli, "Peer",
		arena_format(cli->arena, "%s%s%s%s",
			cli_join(cli, json_object_get(leaf, "names"), ", "),
			matched[0] != '\0' ? " (" : "", matched,
			matched[0] != '\0' ? " is the name required)" : ""));
	json_array_foreach (chain, i, c)
		line(cli, i == 0 ? "Chain" : "",
			arena_format(cli->arena, "%s, %s, %s to %s, SHA-256 %s",
				cli_text(cli, c, "subject"), cli_text(cli, c, "key"),
				date_of(cli, c, "not_before"), date_of(cli, c, "not_after"),
				cli_text(cli, c, "sha256")));
	line(cli, "Verdict",
		arena_format(cli->arena, "%s%s%s%s%s%s", cli_text(cli, receipt, "verdict"),
			anchors[0] != '\0' ? ", against the anchors of " : "",
			strcmp(anchors, "system") == 0 ? "the system" : anchors,
			detail[0] != '\0' ? " (" : "", detail, detail[0] != '\0' ? ")" : ""));
}

static void print_times(struct cli *cli, const json_t *receipt)
{
	const char *handshake = cli_text(cli, receipt, "handshake");
	const char *total = cli_text(cli, receipt, "total");

	if (total[0] == '\0' || strcmp(total, "0s") == 0 || strcmp(total, "0ms") == 0)
		return;
	line(cli, "Time",
		arena_format(cli->arena, "%s%s%s%s", total,
			cli_text(cli, receipt, "version")[0] != '\0' ? ", of it " : "",
			cli_text(cli, receipt, "version")[0] != '\0' ? handshake : "",
			cli_text(cli, receipt, "version")[0] != '\0' ? " for the handshake" : ""));
}

static bool is_local(const json_t *receipt)
{
	const char *attempt = json_string_value(json_object_get(receipt, "attempt"));

	return attempt != NULL && strcmp(attempt, "local") == 0;
}

static void print_receipt(struct cli *cli, const json_t *event, const json_t *receipt)
{
	const char *organisation = cli_text(cli, receipt, "organisation");
	const char *connector = cli_text(cli, receipt, "connector");
	const char *own = cli_text(cli, receipt, "own_certificate");
	const char *own_version = cli_text(cli, receipt, "own_version");
	const char *reason = cli_text(cli, receipt, "reason");
	const char *reply = cli_text(cli, receipt, "reply");
	const char *said = cli_text(cli, event, "text");

	if (own[0] != '\0' && own_version[0] != '\0')
		own = arena_format(cli->arena, "%s, version %s", own, own_version);
	if (connector[0] == '\0')
		connector = cli_text(cli, event, "connector");
	if (organisation[0] == '\0')
		organisation = cli_text(cli, event, "organisation");
	if (connector[0] != '\0' && strchr(connector, '/') == NULL && organisation[0] != '\0')
		connector = arena_format(cli->arena, "%s/%s", organisation, connector);
	if (is_local(receipt)) { /* no TLS; a connector only where organisations meet */
		line(cli, "Organisation", organisation);
		line(cli, "Connector", connector);
		line(cli, "Connection", "local, did not leave this machine");
		print_times(cli, receipt);
		return;
	}
	line(cli, "Organisation", organisation);
	line(cli, "Connector", connector[0] != '\0' ? connector : "none applied");
	print_required(cli, receipt);
	print_got(cli, receipt);
	print_chain(cli, receipt);
	line(cli, "Presented", own);
	if (strcmp(reason, said) != 0)
		line(cli, "Why", reason[0] != '\0' ? reason : cli_text(cli, receipt, "token"));
	if (strcmp(reply, said) != 0)
		line(cli, "Reply", reply);
	print_times(cli, receipt);
}

/* "mx.fabrikam.example (192.0.2.1:25)" */
static const char *who(struct cli *cli, const json_t *receipt)
{
	const char *host = cli_text(cli, receipt, "host");
	const char *address = cli_text(cli, receipt, "peer_address");
	const char *port = cli_text(cli, receipt, "peer_port");

	if (address[0] == '\0')
		return host;
	if (port[0] != '\0' && strcmp(port, "0") != 0)
		address = arena_format(cli->arena,
			strchr(address, ':') != NULL ? "[%s]:%s" : "%s:%s", address, port);
	return host[0] != '\0' ? arena_format(cli->arena, "%s (%s)", host, address) : address;
}

static const char *headline(struct cli *cli, const json_t *event, const json_t *receipt)
{
	static const struct {
		const char *kind, *with, *without;
	} rows[] = {
		{"received", "Received from", "Received"},
		{"refused", "Refused, from", "Refused"},
		{"delivered", "Delivered to", "Delivered here"},
		{"relayed", "Passed on, without delivery reports, to", "Passed on"},
		{"deferred", "Put off: could not go to", "Put off"},
		{"failed", "Failed at", "Failed"},
		{"expired", "Given up after the last attempt at", "Given up: its time is over"},
		{"would-refuse",
			"Let pass, but refused if enforced:", "Let pass, but refused if enforced"},
		{"handed-over", "Handed over to", "Handed over to the recipient's organisation"},
		{"held", "Held", "Held"},
		{"released", "Released", "Released"},
		{"delayed", "Sender told of the delay", "Sender told of the delay"},
	};
	const char *kind = cli_text(cli, event, "kind");
	const char *peer = receipt != NULL && !is_local(receipt) ? who(cli, receipt) : "";

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (strcmp(rows[i].kind, kind) == 0)
			return peer[0] != '\0'
				       ? arena_format(cli->arena, "%s %s", rows[i].with, peer)
				       : rows[i].without;
	return peer[0] != '\0' ? arena_format(cli->arena, "%s: %s", kind, peer) : kind;
}

static enum cli_colour colour_of(const char *kind)
{
	if (strcmp(kind, "delivered") == 0 || strcmp(kind, "relayed") == 0)
		return CLI_GREEN;
	if (strcmp(kind, "deferred") == 0 || strcmp(kind, "delayed") == 0 ||
		strcmp(kind, "held") == 0 || strcmp(kind, "would-refuse") == 0)
		return CLI_YELLOW;
	if (strcmp(kind, "received") == 0 || strcmp(kind, "handed-over") == 0 ||
		strcmp(kind, "released") == 0)
		return CLI_BOLD;
	return CLI_RED;
}

static void print_event(struct cli *cli, size_t number, const json_t *event)
{
	const json_t *receipt = json_object_get(event, "receipt");
	const char *recipient = cli_text(cli, event, "recipient");
	const char *enhanced = cli_text(cli, event, "enhanced");
	const char *text = cli_text(cli, event, "text");
	const char *token = cli_text(cli, event, "token");

	if (!json_is_object(receipt))
		receipt = NULL;
	cli_print(cli, "\n%zu. %s%s%s, %s\n", number,
		cli_colour(cli, colour_of(cli_text(cli, event, "kind"))),
		headline(cli, event, receipt), cli_colour(cli, CLI_PLAIN),
		cli_moment(cli, event, "at"));
	line(cli, "For", recipient);
	if (token[0] != '\0' && strcmp(token, "ok") != 0)
		line(cli, "Outcome",
			arena_format(cli->arena, "%s%s%s", token, enhanced[0] != '\0' ? ", " : "",
				enhanced));
	line(cli, "Said", text);
	/* The receipt of the hop stands with what became of it. */
	if (strcmp(cli_text(cli, event, "kind"), "would-refuse") == 0)
		line(cli, "By", cli_text(cli, event, "would_by"));
	else if (receipt != NULL)
		print_receipt(cli, event, receipt);
}

void cli_print_story(struct cli *cli, const json_t *trace)
{
	const json_t *message = json_object_get(trace, "message"), *event;
	const json_t *recipients = json_object_get(message, "recipients");
	const char *sender = cli_text(cli, message, "sender");
	size_t i;

	cli_print(cli, "%sMessage %s%s\n", cli_colour(cli, CLI_BOLD), cli_text(cli, message, "id"),
		cli_colour(cli, CLI_PLAIN));
	line(cli, "From", sender[0] != '\0' ? sender : "<> (a report, nobody to answer)");
	line(cli, "To", cli_join(cli, recipients, ", "));
	line(cli, "Subject", cli_text(cli, message, "subject"));
	line(cli, "Message-ID", cli_text(cli, message, "message_id"));
	if (cli_number(message, "size") > 0)
		line(cli, "Size", cli_size(cli, cli_number(message, "size")));
	json_array_foreach (json_object_get(trace, "events"), i, event)
		print_event(cli, i + 1, event);
	cli_print(cli, "\nTimes are UTC.\n");
}
