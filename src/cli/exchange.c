/* Moving from Exchange Online: what its connectors amount to here. */
#include "core/exchange/exchange.h"

#include "cli/verb.h"

#include <errno.h>
#include <string.h>

enum { MAX_YAML = 16 * 1024 * 1024 };

static enum cli_colour colour_of(enum exchange_fate fate)
{
	switch (fate) {
	case EXCHANGE_TAKEN:
	case EXCHANGE_MERGED:
		return CLI_GREEN;
	case EXCHANGE_UNSUPPORTED:
		return CLI_YELLOW;
	case EXCHANGE_DECISION:
		return CLI_RED;
	default:
		return CLI_DIM;
	}
}

static void print_item(struct cli *cli, const struct exchange_item *item)
{
	const char *text = item->as != NULL ? cli_safe(cli, item->as) : "";

	if (item->note != NULL)
		text = arena_format(cli->arena, "%s%s%s", text, text[0] != '\0' ? "; " : "",
			cli_safe(cli, item->note));
	cli_print(cli, "  %-30s %-24s %s%s%s%s%s\n", cli_safe(cli, item->property),
		cli_safe(cli, item->value), cli_colour(cli, colour_of(item->fate)),
		exchange_fate_names[item->fate], cli_colour(cli, CLI_PLAIN),
		text[0] != '\0' ? ": " : "", text);
}

static bool same_note(const struct exchange_item *a, const struct exchange_item *b)
{
	return a->fate == b->fate && (a->note == b->note || (a->note != NULL && b->note != NULL &&
								    strcmp(a->note, b->note) == 0));
}

/* The first of its object with that note. */
static bool is_first(const struct exchange_object *o, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (same_note(&o->items[i], &o->items[at]))
			return false;
	return true;
}

/* All with the same note in one line. */
static void print_not_needed(struct cli *cli, const struct exchange_object *o, size_t at)
{
	const char *note = o->items[at].note;

	cli_print(cli, "  %snot needed%s (%s):", cli_colour(cli, CLI_DIM),
		cli_colour(cli, CLI_PLAIN), note != NULL ? cli_safe(cli, note) : "as it is");
	for (size_t i = at; i < o->item_count; i++)
		if (same_note(&o->items[i], &o->items[at]))
			cli_print(cli, " %s", cli_safe(cli, o->items[i].property));
	cli_print(cli, "\n");
}

static void print_object(struct cli *cli, const struct exchange_object *o)
{
	cli_print(cli, "%s%s \"%s\"%s -> %s\n", cli_colour(cli, CLI_BOLD),
		exchange_kind_names[o->kind], cli_safe(cli, o->name), cli_colour(cli, CLI_PLAIN),
		o->became != NULL ? cli_safe(cli, o->became) : "nothing");
	for (size_t i = 0; i < o->item_count; i++)
		if (o->items[i].fate != EXCHANGE_NOT_NEEDED)
			print_item(cli, &o->items[i]);
	for (size_t i = 0; i < o->item_count; i++)
		if (o->items[i].fate == EXCHANGE_NOT_NEEDED && is_first(o, i))
			print_not_needed(cli, o, i);
	cli_print(cli, "\n");
}

static void print_report(struct cli *cli, const struct exchange_import *import)
{
	for (size_t i = 0; i < import->object_count; i++)
		print_object(cli, &import->objects[i]);
	if (import->questions.count > 0)
		cli_print(cli, "To be decided:\n");
	for (size_t i = 0; i < import->questions.count; i++)
		cli_print(cli, "  %s\n", cli_safe(cli, import->questions.items[i]));
}

/* The questions as comments, then what apply takes. */
static int write_yaml(struct cli *cli, const struct exchange_import *import, const char *path)
{
	json_t *json = record_to_json(&model_config_desc, &import->config, RECORD_JSON_SPARSE);
	FILE *to = strcmp(path, "-") == 0 ? cli->out : fopen(path, "we");
	struct buf text;
	bool fine = to != NULL;

	buf_init(&text, MAX_YAML);
	buf_put_text(&text, "# Made from connectors of Exchange Online.\n");
	for (size_t i = 0; i < import->questions.count; i++)
		buf_format(&text, "# - %s\n", cli_safe(cli, import->questions.items[i]));
	fine = fine && model_format_yaml(json, &text) == ERR_OK &&
	       fwrite(buf_str(&text).p, 1, buf_length(&text), to) == buf_length(&text) &&
	       fflush(to) == 0;
	if (to != NULL && to != cli->out)
		fine = fclose(to) == 0 && fine;
	buf_free(&text);
	json_decref(json);
	return fine ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
}

static int show(struct cli *cli, const struct exchange_import *import)
{
	const char *yaml = cli_option(cli, "yaml");
	FILE *out = cli->out;
	json_t *json;
	int status = CLI_OK;

	if (yaml != NULL)
		status = write_yaml(cli, import, yaml);
	if (status != CLI_OK)
		return status;
	if (yaml != NULL && strcmp(yaml, "-") == 0)
		cli->out = cli->err; /* the configuration has standard output for itself */
	if (cli_has(cli, "json")) {
		json = exchange_import_json(import);
		cli_print_json(cli, json);
		json_decref(json);
	} else {
		print_report(cli, import);
		if (yaml == NULL)
			cli_print(cli, "\nWith --yaml FILE the proposal is written for `sealpost "
				       "apply FILE --dry-run`.\n");
	}
	cli->out = out;
	return CLI_OK;
}

int cli_run_import_exchange(struct cli *cli)
{
	struct exchange_source sources[CLI_MAX_WORDS];
	struct exchange_import import;
	struct err_info info = {0};

	for (size_t i = 0; i < cli->word_count; i++) {
		int status = cli_read_file(cli, cli->words[i], &sources[i].text);

		if (status != CLI_OK)
			return status;
		sources[i].name = cli->words[i];
	}
	if (exchange_import(sources, cli->word_count, cli_option(cli, "organisation"), cli->arena,
		    &import, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s", cli_safe(cli, info.text));
	return show(cli, &import);
}
