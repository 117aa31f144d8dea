/* Where in a YAML text a property stands: for messages about its value. */
#include "core/model/model.h"

#include <yaml.h>

enum { MAX_DEPTH = 64 };

struct walk {
	yaml_parser_t parser;
	unsigned line; /* of the deepest part of the path that was found, from 1 */
	unsigned depth;
	bool failed;
};

static bool next(struct walk *w, yaml_event_t *ret)
{
	if (w->failed || !yaml_parser_parse(&w->parser, ret)) {
		w->failed = true;
		return false;
	}
	return true;
}

/* Pass over one value whose first event is FIRST. */
static void skip(struct walk *w, yaml_event_type_t first)
{
	unsigned depth = first == YAML_MAPPING_START_EVENT || first == YAML_SEQUENCE_START_EVENT;
	yaml_event_t event;

	while (depth > 0 && next(w, &event)) {
		if (event.type == YAML_MAPPING_START_EVENT ||
			event.type == YAML_SEQUENCE_START_EVENT)
			depth++;
		else if (event.type == YAML_MAPPING_END_EVENT ||
			 event.type == YAML_SEQUENCE_END_EVENT)
			depth--;
		else if (event.type == YAML_STREAM_END_EVENT)
			w->failed = true;
		yaml_event_delete(&event);
	}
}

/* Take "name" or "[3]" from the front of the path. */
static struct str take_part(struct str *path, bool *ret_is_index, uint64_t *ret_index)
{
	struct str part;
	size_t end = 0;

	*ret_is_index = path->n > 0 && path->p[0] == '[';
	if (*ret_is_index) {
		end = str_find(*path, ']', 0);
		part = str_part(*path, 1, end);
		*path = str_part(*path, end + 1, path->n);
		*ret_is_index = str_to_u64(part, ret_index);
	} else {
		while (end < path->n && path->p[end] != '.' && path->p[end] != '[')
			end++;
		part = str_part(*path, 0, end);
		*path = str_part(*path, end, path->n);
	}
	if (path->n > 0 && path->p[0] == '.')
		*path = str_part(*path, 1, path->n);
	return part;
}

static void descend(struct walk *w, struct str path, yaml_event_type_t first);

static void in_mapping(struct walk *w, struct str name, struct str rest)
{
	yaml_event_t event;

	while (next(w, &event)) {
		struct str key = event.type == YAML_SCALAR_EVENT ? str_make(event.data.scalar.value,
									   event.data.scalar.length)
								 : str_of(NULL);
		bool is_end = event.type != YAML_SCALAR_EVENT;
		bool is_it = !is_end && str_equal(key, name);
		unsigned line = (unsigned)event.start_mark.line + 1;

		yaml_event_delete(&event);
		if (is_end || !next(w, &event))
			return;
		if (is_it)
			w->line = line;
		yaml_event_type_t type = event.type;
		yaml_event_delete(&event);
		if (is_it) {
			descend(w, rest, type);
			return;
		}
		skip(w, type);
	}
}

static void in_sequence(struct walk *w, uint64_t index, struct str rest)
{
	yaml_event_t event;

	for (uint64_t i = 0; next(w, &event); i++) {
		yaml_event_type_t type = event.type;
		unsigned line = (unsigned)event.start_mark.line + 1;

		yaml_event_delete(&event);
		if (type == YAML_SEQUENCE_END_EVENT)
			return;
		if (i == index) {
			w->line = line;
			descend(w, rest, type);
			return;
		}
		skip(w, type);
	}
}

static void descend(struct walk *w, struct str path, yaml_event_type_t first)
{
	bool is_index = false;
	uint64_t index = 0;
	struct str part;

	if (path.n == 0 || ++w->depth > MAX_DEPTH)
		return;
	part = take_part(&path, &is_index, &index);
	if (first == YAML_MAPPING_START_EVENT && !is_index)
		in_mapping(w, part, path);
	else if (first == YAML_SEQUENCE_START_EVENT && is_index)
		in_sequence(w, index, path);
}

unsigned model_yaml_line(struct str text, struct str path)
{
	struct walk w = {.line = 0};
	yaml_event_t event;
	bool begun = false;

	if (!yaml_parser_initialize(&w.parser))
		return 0;
	yaml_parser_set_input_string(&w.parser, (const unsigned char *)text.p, text.n);
	while (!begun && next(&w, &event)) { /* pass over the starts of stream and document */
		yaml_event_type_t type = event.type;

		begun = type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT;
		yaml_event_delete(&event);
		if (begun)
			descend(&w, path, type);
	}
	yaml_parser_delete(&w.parser);
	return w.line;
}
