/* `sealpost cert rollover`: by the server, or on disk while none runs. */
#include "cli/cert.h"

#include "base/moment.h"
#include "core/cert/step.h"

#include <string.h>

static const char *moment_text(struct cli *cli, int64_t ms)
{
	char text[MOMENT_TEXT_SIZE];

	if (ms == 0)
		return NULL;
	moment_format_rfc3339(ms, text);
	return arena_format(cli->arena, "%.10s %.8s", text, text + 11);
}

/* Since when it is in its state. */
static int64_t since(const struct cert_version *v)
{
	switch ((enum cert_state)v->state) {
	case CERT_CURRENT:
		return v->current_ms;
	case CERT_DEPRECATED:
		return v->deprecated_ms;
	case CERT_RETIRED:
		return v->retired_ms;
	default:
		return v->added_ms;
	}
}

static void print_plan(struct cli *cli, const struct cert_plan *plan)
{
	const char *to = "";

	if (plan->share > 0)
		to = arena_format(
			cli->arena, " %lld %% of the connections", (long long)plan->share);
	for (size_t i = 0; i < plan->connectors.count; i++)
		to = arena_format(cli->arena, "%s%s connector %s", to, to[0] != '\0' ? "," : "",
			cli_safe(cli, plan->connectors.items[i]));
	if (plan->is_trial)
		cli_print(cli, "Trial of the next version: shown to%s\n", to);
	else if (plan->start_ms != 0)
		cli_print(cli, "Trial from %s: shown to%s\n", moment_text(cli, plan->start_ms), to);
	if (plan->advance_ms != 0)
		cli_print(cli, "Next becomes current at %s%s\n", moment_text(cli, plan->advance_ms),
			plan->is_forced ? ", whatever partners check (--force)" : "");
	if (plan->retire_ms != 0)
		cli_print(cli, "Deprecated is retired at %s\n", moment_text(cli, plan->retire_ms));
}

void cli_cert_print_life(struct cli *cli, const struct cert_life *life)
{
	static const char *const heads[] = {
		"VERSION", "STATE", "SINCE (UTC)", "VALID FROM", "VALID UNTIL", "SHA-256"};
	struct cli_table table;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	for (size_t i = 0; i < life->versions.count; i++) {
		const struct cert_version *v = &life->versions.items[i];
		const char *print = "";

		for (size_t j = 0; j < v->sha256.count; j++)
			print = arena_format(cli->arena, "%s%s%.16s...", print, j > 0 ? " " : "",
				v->sha256.items[j]);
		cli_table_row(&table,
			(const char *[]){v->id, cert_state_names[v->state],
				moment_text(cli, since(v)), moment_text(cli, v->not_before_ms),
				moment_text(cli, v->not_after_ms), print});
	}
	cli_table_print(cli, &table);
	print_plan(cli, &life->plan);
}

/* {"life": ..., "warnings": [...]} */
static int show(struct cli *cli, const json_t *answer)
{
	const json_t *warnings = json_object_get(answer, "warnings");
	struct err_info info = {0};
	struct cert_life life;

	if (cli_has(cli, "json")) {
		cli_print_json(cli, answer);
		return CLI_OK;
	}
	if (record_from_json(&cert_life_desc, json_object_get(answer, "life"), "", cli->arena,
		    &life, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "the answer is not as expected: %s", info.text);
	cli_cert_print_life(cli, &life);
	if (json_array_size(warnings) > 0) {
		cli_print(cli, "\n");
		cli_print_findings(cli, warnings, true);
	} else if (warnings != NULL && strcmp(cli->words[0], "plan") == 0) {
		cli_print(cli, "\n%s\n",
			cert_life_in(&life, CERT_NEXT) != NULL
				? "Nothing is known that speaks against the next version."
				: "There is no next version: sealpost cert import makes one.");
	}
	return CLI_OK;
}

/* ---- what is asked ----------------------------------------------------------------------------
 */

/* RFC 3339, or "+7d": from now. */
static int read_moment(struct cli *cli, int64_t *ret_ms)
{
	const char *text = cli_option(cli, "at");
	int64_t ms = 0;

	*ret_ms = 0;
	if (text == NULL)
		return CLI_OK;
	if (text[0] == '+' && moment_parse_duration(str_of(text + 1), &ms)) {
		*ret_ms = cli->now_ms + ms;
		return CLI_OK;
	}
	if (moment_parse_rfc3339(str_of(text), ret_ms)) {
		if (*ret_ms != 0 && *ret_ms >= cli->now_ms - CERT_STEP_GRACE_MS)
			return CLI_OK;
		return cli_usage(
			cli, "--at: %s is over; without --at it is done now", cli_safe(cli, text));
	}
	return cli_usage(cli,
		"--at: expected a moment (2026-12-01T06:00:00Z) or a time from now (+7d), found "
		"\"%s\"",
		text);
}

static int read_connectors(struct cli *cli, struct record_texts *ret)
{
	const char *option = cli_option(cli, "connector");
	struct str rest = str_of(option);
	int status = CLI_OK;

	ret->items = arena_array(cli->arena, CLI_MAX_WORDS, sizeof(ret->items[0]));
	while (rest.n > 0 && ret->count < CLI_MAX_WORDS && status == CLI_OK) {
		const char *word = arena_text_of(cli->arena, str_trim(str_cut(&rest, ',')));
		const char *full = word;

		if (cli_cert_is_served(cli))
			status = cli_full_name(cli, "connector", word, &full);
		ret->items[ret->count++] = full;
	}
	return status;
}

static int read_step(struct cli *cli, struct cert_step *ret)
{
	const char *share = cli_option(cli, "share");
	uint64_t value = 0;
	int status;

	*ret = (struct cert_step){.action = -1};
	for (int i = 0; cert_action_names[i] != NULL; i++)
		if (strcmp(cli->words[0], cert_action_names[i]) == 0)
			ret->action = i;
	if (ret->action < 0)
		return cli_usage(cli,
			"expected plan, start, advance, back, retire, cancel or drop, found \"%s\"",
			cli->words[0]);
	status = read_moment(cli, &ret->at_ms);
	if (status == CLI_OK && share != NULL &&
		(!str_to_u64(str_of(share), &value) || value < 1 || value > 100))
		status = cli_usage(cli, "--share: expected 1 to 100, found \"%s\"", share);
	ret->share = (int64_t)value;
	ret->force = cli_has(cli, "force");
	if (status == CLI_OK)
		status = read_connectors(cli, &ret->connectors);
	if (status == CLI_OK && ret->action != CERT_START &&
		(share != NULL || ret->connectors.count > 0))
		status = cli_usage(cli, "--share and --connector belong to start");
	return status;
}

/* ---- without a server -------------------------------------------------------------------------
 */

static enum err step_on_disk(struct cli *cli, const char *data, const struct cert_step *step,
	struct cert_life *ret, struct err_info *info)
{
	struct vault *vault CLEANUP(vault_free) = NULL;
	struct cert_life life;
	enum err e = vault_open(data, true, &vault, info);

	if (e == ERR_OK)
		e = vault_find(data, cli->words[1], cli->arena, &life, info);
	if (e == ERR_OK)
		e = cert_step_take(&life, step, cli->now_ms, cli->arena, ret, info);
	if (e == ERR_OK)
		e = vault_write(vault, ret, info);
	if (e == ERR_OK)
		vault_sweep(vault);
	return e;
}

static int run_on_disk(struct cli *cli, const struct cert_step *step)
{
	struct err_info info = {0};
	struct cert_life life;
	const char *data;
	json_t *answer;
	int status = cli_data_path(cli, &data);
	enum err e;

	if (status != CLI_OK)
		return status;
	if (vault_is_served(data))
		return cli_fail(cli, CLI_UNREACHABLE,
			"a server runs on %s, and its management socket is not here: name it with "
			"--node or --socket",
			data);
	e = step != NULL ? step_on_disk(cli, data, step, &life, &info)
			 : vault_find(data, cli->words[1], cli->arena, &life, &info);
	if (e != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s", info.text);
	answer = json_pack(
		"{s:o}", "life", record_to_json(&cert_life_desc, &life, RECORD_JSON_FULL));
	status = show(cli, answer);
	json_decref(answer);
	if (!cli_has(cli, "json"))
		cli_print(cli, "No server runs: what it means for partners is not known.\n");
	return status;
}

/* ---- with one ---------------------------------------------------------------------------------
 */

static int ask(struct cli *cli, const struct cert_step *step)
{
	const char *path =
		arena_format(cli->arena, "/v1/certificates/%s", cli_escape(cli, cli->words[1]));
	struct cli_answer answer = {0};
	json_t *body;
	int status;

	if (step == NULL) {
		status = cli_ask(cli,
			&(struct cli_call){
				.method = "GET", .path = arena_format(cli->arena, "%s/plan", path)},
			&answer);
	} else {
		body = record_to_json(&cert_step_desc, step, RECORD_JSON_FULL);
		status = cli_ask(cli,
			&(struct cli_call){.method = "POST",
				.path = arena_format(cli->arena, "%s/rollover", path),
				.body = body},
			&answer);
		json_decref(body);
	}
	if (status == CLI_OK)
		status = show(cli, answer.json);
	json_decref(answer.json);
	return status;
}

int cli_run_cert_rollover(struct cli *cli)
{
	bool is_plan = strcmp(cli->words[0], "plan") == 0;
	struct cert_step step;
	int status = is_plan ? CLI_OK : read_step(cli, &step);

	if (status != CLI_OK)
		return status;
	return cli_cert_is_served(cli) ? ask(cli, is_plan ? NULL : &step)
				       : run_on_disk(cli, is_plan ? NULL : &step);
}
