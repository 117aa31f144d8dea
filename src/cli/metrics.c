/* What monitoring reads: the text, and its reference as Markdown for docs/metrics.md. */
#include "cli/verb.h"
#include "core/metrics/table.h"

int cli_run_metrics(struct cli *cli)
{
	struct cli_answer answer = {0};
	int status = cli_ask(cli, &(struct cli_call){.method = "GET", .path = "/metrics"}, &answer);

	if (status == CLI_OK)
		status = cli_write_output(cli, str_of(answer.text));
	json_decref(answer.json);
	return status;
}

void cli_metrics_reference(struct cli *cli)
{
	cli_print(cli, "| name | type | labels | |\n|---|---|---|---|\n");
	for (size_t i = 0; i < METRICS_MAX; i++) {
		const struct metrics_row *row = &metrics_rows[i];

		cli_print(cli, "| `sealpost_%s` | %s | %s | %s |\n", row->name,
			metrics_type_names[row->type], row->labels, row->help);
	}
}
