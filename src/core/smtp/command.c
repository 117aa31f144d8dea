#include "core/smtp/command.h"

#include "base/compiler.h"

#define VERB_ROW(verb, text) {SMTP_VERB_##verb, text},
static const struct {
	enum smtp_verb verb;
	const char *text;
} verbs[] = {SMTP_VERB_TABLE(VERB_ROW)};
#undef VERB_ROW

bool smtp_command_parse(struct str line, struct smtp_command *ret)
{
	struct smtp_command c = {.verb = SMTP_VERB_UNKNOWN};
	size_t end = 0;

	for (size_t i = 0; i < line.n; i++) {
		unsigned char byte = (unsigned char)line.p[i];

		if ((byte < ' ' && byte != '\t') || byte == 0x7f)
			return false;
	}
	while (end < line.n && line.p[end] != ' ' && line.p[end] != '\t')
		end++;
	c.word = str_part(line, 0, end);
	c.argument = str_trim(str_part(line, end, line.n));
	for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++)
		if (str_is_nocase(c.word, verbs[i].text))
			c.verb = verbs[i].verb;
	*ret = c;
	return true;
}
