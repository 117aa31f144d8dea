/* The certificate sheet. */
#include "core/cert/sheet.h"

#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PAGE = 4 * 1024 * 1024 };

static int print_page(struct cli *cli, const json_t *json, enum page_format format)
{
	struct cert_sheet sheet;
	struct err_info info = {.text = ""};
	struct buf page;
	int status;

	if (record_from_json(&cert_sheet_desc, json, "", cli->arena, &sheet, &info) != ERR_OK)
		return cli_fail(
			cli, CLI_FAILED, "the server's answer cannot be read: %s", info.text);
	buf_init(&page, MAX_PAGE);
	if (cert_sheet_format(&sheet, format, &page) == ERR_OK)
		status = cli_write_output(cli, buf_str(&page));
	else
		status = cli_fail(cli, CLI_FAILED, "the sheet is too large; ask for one name");
	buf_free(&page);
	return status;
}

static int print_json(struct cli *cli, const json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2));
	const char *line = arena_format(cli->arena, "%s\n", text != NULL ? text : "");

	free(text);
	return cli_write_output(cli, str_of(line));
}

int cli_run_cert_sheet(struct cli *cli)
{
	const char *name = cli_option(cli, "format"), *path = "/v1/certificates/sheet";
	enum page_format format = PAGE_TEXT;
	json_t *json = NULL;
	int status;

	if (name == NULL)
		name = cli_has(cli, "json") ? "json" : "text";
	while (format < PAGE_FORMAT_MAX && strcmp(name, page_format_names[format]) != 0)
		format++;
	if (format == PAGE_FORMAT_MAX && strcmp(name, "json") != 0)
		return cli_usage(
			cli, "--format: expected text, markdown, html or json, found \"%s\"", name);
	path = cli_query(cli, path, "name", cli->word_count > 0 ? cli->words[0] : NULL);
	path = cli_query(cli, path, "organisation", cli_option(cli, "organisation"));
	status = cli_get(cli, path, &json);
	if (status == CLI_OK)
		status = format == PAGE_FORMAT_MAX ? print_json(cli, json)
						   : print_page(cli, json, format);
	json_decref(json);
	return status;
}
