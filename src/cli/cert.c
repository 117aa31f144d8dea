/* Certificates: what the server holds. */
#include "cli/cert.h"

#include <string.h>

static const char *days_text(struct cli *cli, const json_t *item)
{
	int64_t days = cli_number(item, "days_left");
	const char *text = arena_format(cli->arena, "%lld", (long long)days);

	if (json_object_get(item, "days_left") == NULL)
		return "-";
	return days < 0 ? "expired" : text;
}

static const char *version_text(struct cli *cli, const json_t *item)
{
	const char *version = cli_text(cli, item, "version");

	return version[0] != '\0' ? version : "-";
}

int cli_run_cert_list(struct cli *cli)
{
	static const char *const heads[] = {
		"NAME", "VERSION", "STATE", "NAMES", "KEY", "ISSUER", "DAYS LEFT", "USED BY"};
	struct cli_table table;
	json_t *answer = NULL;
	const json_t *item;
	size_t i;
	int status = cli_get_pages(cli, "/v1/certificates", 0, &answer);

	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json")) {
		cli_print_json(cli, json_object_get(answer, "items"));
		json_decref(answer);
		return CLI_OK;
	}
	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (json_object_get(answer, "items"), i, item) {
		const json_t *leaf = json_array_get(json_object_get(item, "chain"), 0);

		cli_table_row(
			&table, (const char *[]){cli_text(cli, item, "name"),
					version_text(cli, item), cli_text(cli, item, "state"),
					cli_join(cli, json_object_get(leaf, "names"), ", "),
					cli_text(cli, leaf, "key"), cli_text(cli, leaf, "issuer"),
					days_text(cli, item),
					cli_join(cli, json_object_get(item, "used_by"), ", ")});
	}
	cli_table_print(cli, &table);
	json_decref(answer);
	return CLI_OK;
}

static void show_item(struct cli *cli, const json_t *item)
{
	static const char *const rows[][2] = {{"subject", "Subject"}, {"issuer", "Issuer"},
		{"key", "Key"}, {"signature", "Signature"}, {"serial", "Serial"},
		{"not_before", "Valid from"}, {"not_after", "Valid until"}, {"sha256", "SHA-256"},
		{"spki_sha256", "Key SHA-256"}};
	const json_t *c;
	size_t i;

	cli_print(cli, "%s%s%s, version %s, %s\n  %-12s %s\n  %-12s %s\n",
		cli_colour(cli, CLI_BOLD), cli_text(cli, item, "name"), cli_colour(cli, CLI_PLAIN),
		version_text(cli, item), cli_text(cli, item, "state"), "Days left",
		days_text(cli, item), "Used by",
		cli_join(cli, json_object_get(item, "used_by"), ", "));
	json_array_foreach (json_object_get(item, "chain"), i, c) {
		cli_print(cli, "\n  Certificate %zu\n", i + 1);
		for (size_t j = 0; j < ARRAY_LENGTH(rows); j++)
			cli_print(cli, "  %-12s %s\n", rows[j][1],
				strncmp(rows[j][0], "not_", 4) == 0 ? cli_moment(cli, c, rows[j][0])
								    : cli_text(cli, c, rows[j][0]));
		cli_print(cli, "  %-12s %s\n", "Names",
			cli_join(cli, json_object_get(c, "names"), ", "));
	}
}

/* The versions, those that are retired as well. */
static void show_life(struct cli *cli, const json_t *json)
{
	struct err_info info = {0};
	struct cert_life life;

	if (!json_is_object(json) ||
		record_from_json(&cert_life_desc, json, "", cli->arena, &life, &info) != ERR_OK)
		return;
	cli_cert_print_life(cli, &life);
	cli_print(cli, "\n");
}

/* {"name", "life", "certificates": [...]} */
static json_t *shown_json(struct cli *cli, const json_t *answer, const char *name)
{
	json_t *items = json_array(), *item, *life = json_null();
	size_t i;

	json_array_foreach (json_object_get(answer, "items"), i, item)
		if (strcmp(cli_text(cli, item, "name"), name) == 0) {
			json_t *own = json_copy(item);

			json_decref(life);
			life = json_incref(json_object_get(item, "life"));
			json_object_del(own, "life");
			json_array_append_new(items, own);
		}
	return json_pack("{s:s,s:o,s:o}", "name", name, "life", life, "certificates", items);
}

int cli_run_cert_show(struct cli *cli)
{
	const char *name = cli->words[0];
	json_t *answer = NULL, *shown;
	const json_t *item;
	size_t i, count;
	int status = cli_get_pages(cli, "/v1/certificates", 0, &answer);

	if (status != CLI_OK)
		return status;
	shown = shown_json(cli, answer, name);
	count = json_array_size(json_object_get(shown, "certificates"));
	if (count > 0 && cli_has(cli, "json")) {
		cli_print_json(cli, shown);
	} else if (count > 0) {
		show_life(cli, json_object_get(shown, "life"));
		json_array_foreach (json_object_get(shown, "certificates"), i, item)
			show_item(cli, item);
	}
	json_decref(shown);
	json_decref(answer);
	return count > 0 ? CLI_OK
			 : cli_fail(cli, CLI_FAILED, "the server holds no certificate named %s",
				   name);
}

json_t *cli_cert_item(struct cli *cli, const char *name)
{
	json_t *answer = NULL, *item, *found = NULL;
	size_t i;

	if (cli_get_pages(cli, "/v1/certificates", 0, &answer) != CLI_OK)
		return NULL;
	json_array_foreach (json_object_get(answer, "items"), i, item) {
		if (found == NULL && strcmp(cli_text(cli, item, "name"), name) == 0)
			found = json_incref(item);
	}
	json_decref(answer);
	return found;
}
