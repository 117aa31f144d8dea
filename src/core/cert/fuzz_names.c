/* Input: expected and presented name, cut at the first line feed. */
#include "core/cert/names.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_make(data, size);
	struct str expected = str_cut(&input, '\n');
	char *expected_text = mem_text_of(expected);
	char *presented_text = mem_text_of(input);
	const char *names[] = {presented_text};
	struct cert_facts facts = {.names = {names, 1}};
	const char *matched = NULL;

	if (cert_names_match(expected_text, &facts, &matched) && matched != presented_text)
		abort();
	/* Without wildcards and U-labels, a match is equality but for case and the last dot. */
	if (cert_name_matches(expected, input) && expected.p[0] != '*' && input.p[0] != '*') {
		if (expected.p[expected.n - 1] == '.')
			expected.n--;
		if (input.p[input.n - 1] == '.')
			input.n--;
		if (!str_equal_nocase(expected, input))
			abort();
	}
	free(expected_text);
	free(presented_text);
	return 0;
}
