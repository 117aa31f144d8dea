#include "core/record/record.h"

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* "[12]"; 0: none. */
static size_t index_length(const char *text)
{
	size_t n = 1;

	if (text[0] != '[')
		return 0;
	while (text[n] >= '0' && text[n] <= '9')
		n++;
	return n > 1 && text[n] == ']' ? n + 1 : 0;
}

size_t record_place(const char *text)
{
	size_t n = 0;

	for (;;) {
		size_t start = n;

		while (is_word(text[n]))
			n++;
		if (n == start)
			return 0;
		for (size_t more; (more = index_length(text + n)) > 0;)
			n += more;
		if (text[n] != '.')
			break;
		n++;
	}
	return text[n] == ':' && text[n + 1] == ' ' ? n : 0;
}
