/* The outcomes of policy as a reference: text for the terminal, JSON, Markdown for
 * docs/outcomes.md. */
#include "cli/verb.h"
#include "core/policy/outcome.h"

#include <string.h>

static bool comes_in(const struct policy_outcome_row *row)
{
	return row->way != POLICY_WAY_OUT;
}

static bool goes_out(const struct policy_outcome_row *row)
{
	return row->way != POLICY_WAY_IN;
}

/* "550 5.7.51", or a dash where the outcome does not occur. */
static const char *reply_in(struct cli *cli, const struct policy_outcome_row *row)
{
	return comes_in(row)
		       ? arena_format(cli->arena, "%d %s", row->reply_in,
				 row->reply_in < 500 && row->reply_in >= 400 ? row->deferred_in
									     : row->enhanced_in)
		       : "-";
}

static const char *reply_out(struct cli *cli, const struct policy_outcome_row *row)
{
	return goes_out(row) ? arena_format(cli->arena, "%d %s", row->reply, row->enhanced) : "-";
}

static void print_line(struct cli *cli, const char *label, const char *text)
{
	if (text != NULL && text[0] != '\0')
		cli_print(cli, "  %-18s%s\n", label, text);
}

static void print_text(struct cli *cli, const struct policy_outcome_row *row)
{
	cli_print(cli, "%s\n", row->token);
	print_line(cli, "Meaning", row->text);
	print_line(cli, "Inbound", reply_in(cli, row));
	print_line(cli, "Outbound", reply_out(cli, row));
	print_line(cli, "RFC 8460", row->result);
	print_line(cli, "Who can mend it", policy_party_names[row->who]);
	print_line(cli, "What to do", row->remedy);
	if (comes_in(row))
		print_line(cli, "The client hears", row->told);
	cli_print(cli, "\n");
}

static void print_markdown(struct cli *cli, const struct policy_outcome_row *row)
{
	cli_print(cli, "| `%s` | %s | %s | %s | %s | %s | %s |\n", row->token, reply_in(cli, row),
		reply_out(cli, row), row->result != NULL ? row->result : "-", row->text,
		policy_party_names[row->who], row->remedy);
}

static json_t *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *row_json(struct cli *cli, const struct policy_outcome_row *row)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:o}", "token", row->token, "inbound",
		comes_in(row) ? json_string(reply_in(cli, row)) : json_null(), "outbound",
		goes_out(row) ? json_string(reply_out(cli, row)) : json_null(), "result",
		text_or_null(row->result), "meaning", row->text, "who",
		policy_party_names[row->who], "remedy", text_or_null(row->remedy));
}

static void print_json(struct cli *cli)
{
	json_t *rows = json_array();

	for (int i = POLICY_OK + 1; i < POLICY_OUTCOME_MAX; i++)
		json_array_append_new(
			rows, row_json(cli, policy_outcome_row((enum policy_outcome)i)));
	cli_print_json(cli, rows);
	json_decref(rows);
}

void cli_outcomes(struct cli *cli, bool markdown)
{
	if (!markdown && cli_has(cli, "json")) {
		print_json(cli);
		return;
	}
	if (markdown)
		cli_print(cli,
			"| token | inbound reply | outbound reply | RFC 8460 result | meaning | "
			"who can mend it | what to do |\n"
			"|---|---|---|---|---|---|---|\n");
	for (int i = POLICY_OK + 1; i < POLICY_OUTCOME_MAX; i++)
		(markdown ? print_markdown : print_text)(
			cli, policy_outcome_row((enum policy_outcome)i));
}

bool cli_outcome(struct cli *cli, const char *token)
{
	for (int i = 0; i < POLICY_OUTCOME_MAX; i++) {
		const struct policy_outcome_row *row = policy_outcome_row((enum policy_outcome)i);

		if (strcmp(row->token, token) == 0) {
			json_t *json = row_json(cli, row);

			if (cli_has(cli, "json"))
				cli_print_json(cli, json);
			else
				print_text(cli, row);
			json_decref(json);
			return true;
		}
	}
	return false;
}
