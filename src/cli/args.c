#include "base/str.h"
#include "cli/verb.h"

#include <string.h>

static const struct cli_flag *find_flag(const struct cli_flag *flags, struct str name)
{
	for (; flags != NULL && flags->name != NULL; flags++)
		if (str_is(name, flags->name))
			return flags;
	return NULL;
}

/* Words of a verb's name that ARGV has at its front; 0 when it is another verb. */
static size_t words_matched(const struct cli_verb *verb, char **words, size_t count)
{
	struct str rest = str_of(verb->name);
	size_t used = 0;

	while (rest.n > 0) {
		struct str word = str_cut(&rest, ' ');

		if (used >= count || !str_is(word, words[used]))
			return 0;
		used++;
	}
	return used;
}

/* The first two words that are no options: where a verb's name stands. */
static size_t leading_words(int argc, char **argv, char *words[2], int places[2])
{
	size_t count = 0;

	for (int i = 1; i < argc && count < 2; i++) {
		struct str arg = str_of(argv[i]);
		struct str name = str_part(arg, 2, arg.n);
		const struct cli_flag *flag;

		if (arg.n < 1 || arg.p[0] != '-') {
			places[count] = i;
			words[count++] = argv[i];
			continue;
		}
		if (str_is(arg, "--"))
			break;
		name = str_part(name, 0, str_find(name, '=', 0));
		flag = find_flag(cli_common_flags, name);
		if (flag != NULL && flag->argument != NULL && name.n + 2 == arg.n)
			i++;
	}
	return count;
}

static const struct cli_verb *find(int argc, char **argv, size_t *ret_words, int places[2])
{
	char *words[2];
	size_t count = leading_words(argc, argv, words, places);
	const struct cli_verb *best = NULL;

	*ret_words = 0;
	for (size_t i = 0; i < cli_verb_count; i++) {
		size_t used = words_matched(&cli_verbs[i], words, count);

		if (used > *ret_words) {
			*ret_words = used;
			best = &cli_verbs[i];
		}
	}
	return best;
}

const struct cli_verb *cli_find_verb(int argc, char **argv)
{
	size_t words;
	int places[2];

	return find(argc, argv, &words, places);
}

const char *cli_flag_name(struct arena *arena, const char *path)
{
	char *name = arena_text(arena, path);

	for (char *p = name; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
	return name;
}

void cli_each_leaf(const struct record_desc *desc, const char *prefix, struct arena *arena,
	cli_leaf_visit *visit, void *context)
{
	for (size_t i = 0; i < desc->count; i++) {
		const struct record_field *f = &desc->fields[i];
		const char *path = arena_format(
			arena, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", f->name);

		visit(context, path, f);
		if (f->kind == RECORD_INLINE || f->kind == RECORD_OPTIONAL)
			cli_each_leaf(f->sub, path, arena, visit, context);
	}
}

/* A property that a flag may mean. */
struct property {
	struct arena *arena;
	struct str wanted; /* with "-" for "_" and "." */
	const struct record_field *field;
	const char *path;
	bool from_file;
};

static bool same_flat(struct str a, const char *path)
{
	size_t i = 0;

	for (; i < a.n && path[i] != '\0'; i++) {
		char c = path[i] == '_' || path[i] == '.' ? '-' : path[i];
		char d = a.p[i] == '_' || a.p[i] == '.' ? '-' : a.p[i];

		if (c != d)
			return false;
	}
	return i == a.n && path[i] == '\0';
}

static void match_property(void *context, const char *path, const struct record_field *field)
{
	struct property *p = context;
	struct str bare = p->wanted;

	if (same_flat(bare, path)) {
		p->field = field;
		p->path = path;
		p->from_file = false;
	} else if (p->field == NULL && field->kind == RECORD_TEXT && bare.n > 5 &&
		   str_ends_nocase(bare, (struct str)STR("-file")) &&
		   same_flat(str_part(bare, 0, bare.n - 5), path)) {
		p->field = field;
		p->path = path;
		p->from_file = true;
	}
}

static bool find_property(struct cli *cli, struct str name, struct property *ret)
{
	*ret = (struct property){.arena = cli->arena, .wanted = name};
	if (cli->verb->properties != NULL)
		cli_each_leaf(cli->verb->properties, "", cli->arena, match_property, ret);
	return ret->field != NULL;
}

/* Does the flag take a value as the next word? Switches take one only behind "=". */
static int takes_value(struct cli *cli, struct str name, bool *ret)
{
	const struct cli_flag *flag = find_flag(cli->verb->flags, name);
	struct property property;

	if (flag == NULL)
		flag = find_flag(cli_common_flags, name);
	if (flag != NULL) {
		*ret = flag->argument != NULL;
		return CLI_OK;
	}
	if (!find_property(cli, name, &property))
		return cli_usage(cli, "no such option: --%.*s", STR_ARGS(name));
	*ret = property.field->kind != RECORD_BOOL;
	return CLI_OK;
}

static int add_option(struct cli *cli, int argc, char **argv, int *at)
{
	struct str arg = str_of(argv[*at] + 2);
	size_t equals = str_find(arg, '=', 0);
	struct str name = str_part(arg, 0, equals);
	struct cli_option *option = &cli->options[cli->option_count];
	bool wants = false;
	int status = takes_value(cli, name, &wants);

	if (status != CLI_OK)
		return status;
	if (cli->option_count == CLI_MAX_OPTIONS)
		return cli_usage(cli, "too many options");
	option->name = arena_text_of(cli->arena, name);
	option->value = NULL;
	if (equals < arg.n) {
		option->value = arg.p + equals + 1;
	} else if (wants) {
		if (*at + 1 >= argc)
			return cli_usage(cli, "--%s needs a value", option->name);
		option->value = argv[++*at];
	}
	cli->option_count++;
	return CLI_OK;
}

static int add_word(struct cli *cli, const char *word)
{
	if (cli->word_count == CLI_MAX_WORDS)
		return cli_usage(cli, "too many arguments");
	cli->words[cli->word_count++] = word;
	return CLI_OK;
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
	size_t named = 0;
	int places[2] = {0, 0};
	bool only_words = false;
	int status = CLI_OK;

	cli->verb = find(argc, argv, &named, places);
	if (cli->verb == NULL)
		return CLI_USAGE;
	for (int i = 1; i < argc && status == CLI_OK; i++) {
		if ((named > 0 && i == places[0]) || (named > 1 && i == places[1]))
			continue;
		if (!only_words && strcmp(argv[i], "--") == 0)
			only_words = true;
		else if (!only_words && strcmp(argv[i], "-h") == 0)
			cli->options[cli->option_count++] = (struct cli_option){"help", NULL};
		else if (!only_words && strncmp(argv[i], "--", 2) == 0)
			status = add_option(cli, argc, argv, &i);
		else if (!only_words && argv[i][0] == '-' && argv[i][1] != '\0')
			status = cli_usage(cli, "no such option: %s", argv[i]);
		else
			status = add_word(cli, argv[i]);
	}
	if (status != CLI_OK || cli_has(cli, "help"))
		return status;
	if (cli->word_count < cli->verb->least)
		return cli_usage(cli, "%s needs %s", cli->verb->name, cli->verb->arguments);
	if (cli->word_count > cli->verb->most)
		return cli_usage(cli, "one argument too many: %s", cli->words[cli->verb->most]);
	return CLI_OK;
}

const char *cli_option(const struct cli *cli, const char *name)
{
	for (size_t i = cli->option_count; i-- > 0;)
		if (strcmp(cli->options[i].name, name) == 0)
			return cli->options[i].value;
	return NULL;
}

bool cli_has(const struct cli *cli, const char *name)
{
	for (size_t i = 0; i < cli->option_count; i++)
		if (strcmp(cli->options[i].name, name) == 0)
			return true;
	return false;
}

static void append_texts(json_t *array, struct str value)
{
	while (value.n > 0) {
		struct str item = str_trim(str_cut(&value, ','));

		if (item.n > 0)
			json_array_append_new(array, json_stringn(item.p, item.n));
	}
}

/* The JSON of one flag's value; lists grow with each occurrence. Empty text resets the field. */
static json_t *property_value(const struct record_field *f, const char *value, json_t *present)
{
	struct str text = str_of(value);
	uint64_t number;
	json_t *array;

	if (value == NULL)
		return f->kind == RECORD_BOOL ? json_true() : NULL;
	if (text.n == 0)
		return json_null();
	switch (f->kind) {
	case RECORD_BOOL:
		if (str_is(text, "true") || str_is(text, "yes") || str_is(text, "on"))
			return json_true();
		if (str_is(text, "false") || str_is(text, "no") || str_is(text, "off"))
			return json_false();
		return NULL;
	case RECORD_INT:
		return str_to_u64(text, &number) ? json_integer((json_int_t)number)
						 : json_string(value);
	case RECORD_TEXTS:
	case RECORD_DURATIONS:
		array = json_is_array(present) ? json_incref(present) : json_array();
		append_texts(array, text);
		return array;
	case RECORD_OPTIONAL:
	case RECORD_INLINE:
		if (str_is(text, "none"))
			return json_null();
		return str_is(text, "default") ? json_object() : NULL;
	case RECORD_LIST:
		return NULL;
	default:
		return json_string(value);
	}
}

/* The object that holds the last name of PATH, made on the way; *ret_name gets that name. */
static json_t *parent_of(struct cli *cli, json_t *root, const char *path, const char **ret_name)
{
	struct str rest = str_of(path);
	json_t *at = root;

	for (;;) {
		const char *name = arena_text_of(cli->arena, str_cut(&rest, '.'));
		json_t *next;

		if (rest.n == 0) {
			*ret_name = name;
			return at;
		}
		next = json_object_get(at, name);
		if (!json_is_object(next)) {
			next = json_object();
			json_object_set_new(at, name, next);
		}
		at = next;
	}
}

static int set_property(struct cli *cli, json_t *root, const struct cli_option *option)
{
	struct property property;
	const char *name, *value = option->value;
	json_t *parent, *json;

	if (!find_property(cli, str_of(option->name), &property))
		return CLI_OK; /* a flag of the verb, not of the object */
	if (property.from_file) {
		struct str content;
		int status = cli_read_file(cli, value != NULL ? value : "", &content);

		if (status != CLI_OK)
			return status;
		value = content.p;
	}
	parent = parent_of(cli, root, property.path, &name);
	json = property_value(property.field, value, json_object_get(parent, name));
	if (json == NULL)
		return cli_usage(cli, "--%s: cannot read \"%s\"%s", option->name,
			value != NULL ? value : "",
			property.field->kind == RECORD_BOOL ? "; expected true or false" : "");
	json_object_set_new(parent, name, json);
	return CLI_OK;
}

int cli_properties(struct cli *cli, json_t **ret)
{
	json_t *root = json_object();

	for (size_t i = 0; i < cli->option_count; i++) {
		int status = CLI_OK;

		if (find_flag(cli->verb->flags, str_of(cli->options[i].name)) == NULL &&
			find_flag(cli_common_flags, str_of(cli->options[i].name)) == NULL)
			status = set_property(cli, root, &cli->options[i]);
		if (status != CLI_OK) {
			json_decref(root);
			return status;
		}
	}
	*ret = root;
	return CLI_OK;
}
