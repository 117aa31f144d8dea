#include "cli/verb.h"

#include <string.h>

static const char exit_text[] =
	"Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 no server answers.\n";

static void print_flag(struct cli *cli, const char *name, const char *argument, const char *doc)
{
	const char *head = arena_format(cli->arena, "--%s%s%s", name, argument != NULL ? "=" : "",
		argument != NULL ? argument : "");

	if (strlen(head) > 30)
		cli_print(cli, "  %s\n  %30s %s\n", head, "", doc);
	else
		cli_print(cli, "  %-30s %s\n", head, doc);
}

static void print_flags(struct cli *cli, const struct cli_flag *flags)
{
	for (; flags != NULL && flags->name != NULL; flags++)
		print_flag(cli, flags->name, flags->argument, flags->doc);
}

static const char *argument_of(struct cli *cli, const struct record_field *f)
{
	const char *text = "";

	switch (f->kind) {
	case RECORD_BOOL:
		return "true|false";
	case RECORD_INT:
		return "N";
	case RECORD_SIZE:
		return "SIZE";
	case RECORD_DURATION:
		return "TIME";
	case RECORD_ENUM:
		for (int i = 0; f->names[i] != NULL; i++)
			text = arena_format(
				cli->arena, "%s%s%s", text, i > 0 ? "|" : "", f->names[i]);
		return text;
	case RECORD_TEXTS:
	case RECORD_DURATIONS:
		return "A,B,...";
	case RECORD_INLINE:
	case RECORD_OPTIONAL:
		return "none|default";
	default:
		return "TEXT";
	}
}

static void print_property(void *context, const char *path, const struct record_field *f)
{
	struct cli *cli = context;
	const char *doc = f->doc != NULL ? f->doc : "";

	if (f->kind == RECORD_LIST || f->flags & RECORD_STATE ||
		(f->flags & RECORD_KEY && strcmp(f->name, "name") == 0))
		return;
	print_flag(cli, cli_flag_name(cli->arena, path), argument_of(cli, f), doc);
}

void cli_help_verb(struct cli *cli, const struct cli_verb *verb)
{
	cli_print(cli, "Usage: sealpost %s%s%s%s\n\n%s\n", verb->name,
		verb->arguments[0] != '\0' ? " " : "", verb->arguments,
		verb->flags != NULL || verb->properties != NULL ? " [OPTION...]" : "", verb->doc);
	if (verb->flags != NULL) {
		cli_print(cli, "\nOptions:\n");
		print_flags(cli, verb->flags);
	}
	if (verb->properties != NULL) {
		cli_print(cli, "\nProperties (a text also as --NAME-file=FILE):\n");
		cli_each_leaf(verb->properties, "", cli->arena, print_property, cli);
	}
	cli_print(cli, "\nCommon options:\n");
	print_flags(cli, cli_common_flags);
	if (verb->examples != NULL)
		cli_print(cli, "\nExamples:\n");
	for (size_t i = 0; verb->examples != NULL && verb->examples[i] != NULL; i++)
		cli_print(cli, "  %s\n", verb->examples[i]);
	cli_print(cli, "\n%s", exit_text);
}

void cli_help_all(struct cli *cli)
{
	cli_print(cli,
		"Usage: sealpost VERB [ARGUMENT...] [OPTION...]\n\n"
		"Sealpost carries mail between organisations under TLS that can be proven.\n\n"
		"Verbs:\n");
	for (size_t i = 0; i < cli_verb_count; i++)
		cli_print(cli, "  %-20s %s\n", cli_verbs[i].name, cli_verbs[i].doc);
	cli_print(cli, "\nCommon options:\n");
	print_flags(cli, cli_common_flags);
	cli_print(cli,
		"\n%s\nMore: sealpost VERB --help, sealpost(1), sealpost.yaml(5), "
		"sealpost-config(5)\n",
		exit_text);
}

int cli_run_help(struct cli *cli)
{
	const char *topic = cli_option(cli, "reference");
	const char *name = "";

	if (topic != NULL)
		return cli_reference(cli, topic, cli_has(cli, "mdoc"))
			       ? CLI_OK
			       : cli_usage(cli, "no such reference: %s", topic);
	for (size_t i = 0; i < cli->word_count; i++)
		name = arena_format(cli->arena, "%s%s%s", name, i > 0 ? " " : "", cli->words[i]);
	if (name[0] == '\0') {
		cli_help_all(cli);
		return CLI_OK;
	}
	if (strcmp(name, "outcomes") == 0) {
		cli_outcomes(cli, false);
		return CLI_OK;
	}
	for (size_t i = 0; i < cli_verb_count; i++)
		if (strcmp(cli_verbs[i].name, name) == 0) {
			cli_help_verb(cli, &cli_verbs[i]);
			return CLI_OK;
		}
	for (size_t i = 0; i < cli_verb_count; i++)
		if (strncmp(cli_verbs[i].name, name, strlen(name)) == 0 &&
			cli_verbs[i].name[strlen(name)] == ' ') {
			cli_print(cli, "%-20s %s\n", cli_verbs[i].name, cli_verbs[i].doc);
			topic = name;
		}
	if (topic != NULL || cli_outcome(cli, name))
		return CLI_OK;
	return cli_usage(cli, "no such verb, and no such outcome: %s", name);
}

int cli_run_version(struct cli *cli)
{
	cli_print(cli, "sealpost %s\n", SEALPOST_VERSION);
	return CLI_OK;
}
