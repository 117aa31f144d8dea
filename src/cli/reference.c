/*
 * Reference text from the tables: properties of the node file and of the configuration, and the
 * verbs.  As plain text for the terminal, as mdoc for the manual pages.
 */
#include "cli/verb.h"

#include <string.h>

struct page {
	struct cli *cli;
	bool mdoc;
};

/* Text inside mdoc: no line may begin with a control character, no escape may slip in. */
static const char *quoted(struct page *page, const char *text)
{
	char *to, *p;

	if (!page->mdoc)
		return text;
	p = to = arena_alloc(page->cli->arena, strlen(text) * 3 + 4);
	if (text[0] == '.' || text[0] == '\'') {
		*p++ = '\\';
		*p++ = '&';
	}
	for (; *text != '\0'; text++) {
		if (*text == '\\') {
			*p++ = '\\';
			*p++ = 'e';
		} else if (*text == '-') {
			*p++ = '\\';
			*p++ = '-';
		} else {
			*p++ = *text;
		}
	}
	return to;
}

static const char *type_of(struct page *page, const struct record_field *f)
{
	const char *text = "";

	switch (f->kind) {
	case RECORD_BOOL:
		return "true or false";
	case RECORD_INT:
		return "number";
	case RECORD_SIZE:
		return "size";
	case RECORD_DURATION:
		return "duration";
	case RECORD_MOMENT:
		return "time";
	case RECORD_ENUM:
		for (int i = 0; f->names[i] != NULL; i++)
			text = arena_format(
				page->cli->arena, "%s%s%s", text, i > 0 ? " | " : "", f->names[i]);
		return text;
	case RECORD_TEXT:
	case RECORD_BYTES:
		return "text";
	case RECORD_TEXTS:
		return "list of texts";
	case RECORD_DURATIONS:
		return "list of durations";
	case RECORD_INLINE:
		return "section";
	case RECORD_OPTIONAL:
		return "section, may be absent";
	case RECORD_LIST:
		return "list of sections";
	}
	return "";
}

static const char *limits_of(struct page *page, const struct record_field *f)
{
	struct arena *arena = page->cli->arena;
	char low[32], high[32];
	struct record_field one = *f;
	int64_t values[2] = {f->min, f->max};

	if (f->kind != RECORD_INT && f->kind != RECORD_SIZE && f->kind != RECORD_DURATION)
		return "";
	if (f->min == 0 && f->max == 0)
		return "";
	one.offset = 0;
	snprintf(low, sizeof(low), "%s", record_format_field(&one, &values[0], arena));
	snprintf(high, sizeof(high), "%s", record_format_field(&one, &values[1], arena));
	return arena_format(arena, ", %s to %s", low, high);
}

static void print_property(struct page *page, const char *path, const struct record_field *f)
{
	const char *preset = f->preset != NULL && f->preset[0] != '\0'
				     ? arena_format(page->cli->arena, "; default %s", f->preset)
				     : "";
	const char *required = f->flags & RECORD_REQUIRED ? "; required" : "";
	const char *facts = arena_format(page->cli->arena, "%s%s%s%s", type_of(page, f),
		limits_of(page, f), preset, required);
	const char *doc = f->doc != NULL ? f->doc : "";

	if (page->mdoc)
		cli_print(page->cli, ".It Cm %s\n.Pq %s\n%s%s", quoted(page, path),
			quoted(page, facts), quoted(page, doc), doc[0] != '\0' ? "\n" : "");
	else
		cli_print(page->cli, "  %s  (%s)\n      %s\n", path, facts, doc);
}

static void print_fields(struct page *page, const struct record_desc *desc, const char *prefix)
{
	for (size_t i = 0; i < desc->count; i++) {
		const struct record_field *f = &desc->fields[i];
		const char *path = arena_format(
			page->cli->arena, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", f->name);

		if (f->flags & RECORD_STATE)
			continue;
		if (f->kind == RECORD_LIST)
			path = arena_format(page->cli->arena, "%s[]", path);
		print_property(page, path, f);
		if (f->sub != NULL)
			print_fields(page, f->sub, path);
	}
}

static void print_object(struct page *page, const struct record_desc *desc, const char *title)
{
	const char *doc = desc->doc != NULL ? desc->doc : "";

	if (page->mdoc)
		cli_print(page->cli, ".Ss %s\n%s%s.Bl -tag -width Ds\n", title, quoted(page, doc),
			doc[0] != '\0' ? "\n" : "");
	else
		cli_print(page->cli, "%s\n%s%s%s", title, doc[0] != '\0' ? "    " : "", doc,
			doc[0] != '\0' ? "\n" : "");
	print_fields(page, desc, "");
	cli_print(page->cli, page->mdoc ? ".El\n" : "\n");
}

static void print_flag_list(struct page *page, const struct cli_flag *flags)
{
	if (flags == NULL || flags->name == NULL)
		return;
	if (page->mdoc)
		cli_print(page->cli, ".Bl -tag -width Ds\n");
	for (; flags->name != NULL; flags++) {
		const char *equals = flags->argument != NULL ? "=" : "";
		const char *argument = flags->argument != NULL ? flags->argument : "";

		if (page->mdoc)
			cli_print(page->cli, ".It Fl Fl %s%s%s\n%s\n", quoted(page, flags->name),
				equals, argument, quoted(page, flags->doc));
		else
			cli_print(page->cli, "      --%s%s%s  %s\n", flags->name, equals, argument,
				flags->doc);
	}
	if (page->mdoc)
		cli_print(page->cli, ".El\n");
}

static void print_verbs(struct page *page)
{
	if (page->mdoc)
		cli_print(page->cli, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < cli_verb_count; i++) {
		const struct cli_verb *v = &cli_verbs[i];

		if (page->mdoc) {
			cli_print(page->cli, ".It Cm %s", quoted(page, v->name));
			if (v->arguments[0] != '\0')
				cli_print(page->cli, " Ar %s", quoted(page, v->arguments));
			cli_print(page->cli, "\n%s\n", quoted(page, v->doc));
			if (v->properties != NULL)
				cli_print(page->cli,
					"Every property of\n.Xr sealpost\\-config 5\nis an "
					"option.\n");
		} else {
			cli_print(page->cli, "  %s %s\n      %s\n", v->name, v->arguments, v->doc);
		}
		print_flag_list(page, v->flags);
	}
	if (page->mdoc)
		cli_print(page->cli, ".El\n");
}

bool cli_reference(struct cli *cli, const char *topic, bool mdoc)
{
	struct page page = {.cli = cli, .mdoc = mdoc};

	if (strcmp(topic, "node") == 0) {
		print_object(&page, &model_node_desc, "The node file");
	} else if (strcmp(topic, "configuration") == 0 || strcmp(topic, "config") == 0) {
		for (size_t i = 0; i < MODEL_KIND_MAX; i++)
			print_object(&page, model_kinds[i].desc, model_kinds[i].plural);
	} else if (strcmp(topic, "verbs") == 0) {
		print_verbs(&page);
	} else if (strcmp(topic, "options") == 0) {
		print_flag_list(&page, cli_common_flags);
	} else if (strcmp(topic, "outcomes") == 0) {
		cli_outcomes(cli, true);
	} else if (strcmp(topic, "metrics") == 0) {
		cli_metrics_reference(cli);
	} else {
		return false;
	}
	return true;
}
