/* Completion scripts, made from the table of verbs. */
#include "cli/verb.h"

#include <string.h>

/* Call PRINT for every option of VERB with its dashes. */
struct options {
	struct cli *cli;
	const char *text;
};

static void add(struct options *o, const char *name, bool takes_value)
{
	o->text = arena_format(o->cli->arena, "%s%s--%s%s", o->text, o->text[0] != '\0' ? " " : "",
		name, takes_value ? "=" : "");
}

static void add_flags(struct options *o, const struct cli_flag *flags)
{
	for (; flags != NULL && flags->name != NULL; flags++)
		add(o, flags->name, flags->argument != NULL);
}

static void add_property(void *context, const char *path, const struct record_field *field)
{
	struct options *o = context;

	if (field->kind != RECORD_LIST && !(field->flags & RECORD_STATE))
		add(o, cli_flag_name(o->cli->arena, path), field->kind != RECORD_BOOL);
}

static const char *options_of(struct cli *cli, const struct cli_verb *verb)
{
	struct options o = {.cli = cli, .text = ""};

	add_flags(&o, verb->flags);
	if (verb->properties != NULL)
		cli_each_leaf(verb->properties, "", cli->arena, add_property, &o);
	add_flags(&o, cli_common_flags);
	return o.text;
}

/* The first words of all verbs, each once; or the second words behind FIRST. */
static const char *words_after(struct cli *cli, const char *first)
{
	const char *text = " ";

	for (size_t i = 0; i < cli_verb_count; i++) {
		struct str rest = str_of(cli_verbs[i].name);
		struct str word = str_cut(&rest, ' ');
		const char *wanted;

		if (first != NULL && (!str_is(word, first) || rest.n == 0))
			continue;
		wanted = arena_format(cli->arena, " %.*s ", STR_ARGS(first != NULL ? rest : word));
		if (strstr(text, wanted) == NULL)
			text = arena_format(cli->arena, "%s%s", text, wanted + 1);
	}
	return text;
}

static void print_bash(struct cli *cli)
{
	cli_print(cli, "_sealpost() {\n"
		       "\tlocal current=${COMP_WORDS[COMP_CWORD]} words\n"
		       "\tlocal IFS=$' \\t\\n'\n"
		       "\tCOMPREPLY=()\n"
		       "\tcase \"${COMP_WORDS[1]} ${COMP_WORDS[2]-}\" in\n");
	for (size_t i = 0; i < cli_verb_count; i++) {
		const char *name = cli_verbs[i].name;

		cli_print(cli, "\t\"%s\"%s) words='%s' ;;\n", name,
			strchr(name, ' ') != NULL ? "" : "\\ *", options_of(cli, &cli_verbs[i]));
	}
	cli_print(cli,
		"\t*) words='' ;;\n\tesac\n"
		"\tif [ \"$COMP_CWORD\" -eq 1 ]; then words='%s'\n"
		"\telif [ \"$COMP_CWORD\" -eq 2 ]; then\n"
		"\t\tcase ${COMP_WORDS[1]} in\n",
		words_after(cli, NULL));
	for (struct str rest = str_of(words_after(cli, NULL)); rest.n > 0;) {
		const char *word = arena_text_of(cli->arena, str_cut(&rest, ' '));
		const char *second = word[0] != '\0' ? words_after(cli, word) : " ";

		if (second[1] != '\0')
			cli_print(cli, "\t\t%s) words='%s' ;;\n", word, second);
	}
	cli_print(cli,
		"\t\tesac\n\tfi\n"
		"\tcase $current in\n"
		"\t-*) ;;\n"
		"\t*) [ \"$COMP_CWORD\" -gt 2 ] && { compopt -o default 2>/dev/null; return; } ;;\n"
		"\tesac\n"
		"\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
		"\t[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
		"\treturn 0\n"
		"}\ncomplete -F _sealpost sealpost\n");
}

static void print_zsh(struct cli *cli)
{
	cli_print(cli, "#compdef sealpost\n"
		       "autoload -U +X bashcompinit && bashcompinit\n");
	print_bash(cli);
}

static void print_fish(struct cli *cli)
{
	cli_print(cli, "complete -c sealpost -f\n");
	for (size_t i = 0; i < cli_verb_count; i++) {
		struct str rest = str_of(cli_verbs[i].name);
		struct str word = str_cut(&rest, ' ');
		const char *first = arena_text_of(cli->arena, word);
		const char *condition =
			arena_format(cli->arena, "__fish_seen_subcommand_from %s", first);
		struct str options = str_of(options_of(cli, &cli_verbs[i]));

		if (rest.n > 0) {
			cli_print(cli, "complete -c sealpost -n __fish_use_subcommand -a %s\n",
				first);
			cli_print(cli, "complete -c sealpost -n '%s' -a %.*s -d '%s'\n", condition,
				STR_ARGS(rest), cli_verbs[i].doc);
			condition =
				arena_format(cli->arena, "%s; and __fish_seen_subcommand_from %.*s",
					condition, STR_ARGS(rest));
		} else {
			cli_print(cli,
				"complete -c sealpost -n __fish_use_subcommand -a %s -d '%s'\n",
				first, cli_verbs[i].doc);
		}
		while (options.n > 0) {
			struct str option = str_cut(&options, ' ');
			bool value = option.p[option.n - 1] == '=';

			cli_print(cli, "complete -c sealpost -n '%s' -l %.*s%s\n", condition,
				(int)(option.n - 2 - value), option.p + 2, value ? " -r -F" : "");
		}
	}
}

int cli_run_completion(struct cli *cli)
{
	if (strcmp(cli->words[0], "bash") == 0)
		print_bash(cli);
	else if (strcmp(cli->words[0], "zsh") == 0)
		print_zsh(cli);
	else if (strcmp(cli->words[0], "fish") == 0)
		print_fish(cli);
	else
		return cli_usage(
			cli, "no such shell: %s; expected bash, zsh or fish", cli->words[0]);
	return CLI_OK;
}
