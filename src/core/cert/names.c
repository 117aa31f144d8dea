#include "core/cert/names.h"

#include <idn2.h>
#include <stdlib.h>

enum { MAX_NAME = 253, MAX_LABEL = 63 };

static struct str without_dot(struct str name)
{
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	return name;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_label_character(char c)
{
	return (str_lower(c) >= 'a' && str_lower(c) <= 'z') || is_digit(c) || c == '-' || c == '_';
}

static bool is_label(struct str label)
{
	if (label.n == 0 || label.n > MAX_LABEL)
		return false;
	if (label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++) {
		if (!is_label_character(label.p[i]))
			return false;
	}
	return true;
}

static bool is_number(struct str label)
{
	for (size_t i = 0; i < label.n; i++) {
		if (!is_digit(label.p[i]))
			return false;
	}
	return true;
}

/* A DNS name in A-label form.  A last label of digits only makes it an IPv4 address, not a name. */
static bool is_name(struct str name, size_t *ret_labels)
{
	struct str rest = name, label = {0};
	size_t labels = 0;

	if (name.n == 0 || name.n > MAX_NAME || name.p[name.n - 1] == '.')
		return false;
	while (rest.n > 0) {
		label = str_cut(&rest, '.');
		if (!is_label(label))
			return false;
		labels++;
	}
	if (is_number(label))
		return false;
	*ret_labels = labels;
	return true;
}

/* Take a leftmost label "*" away; true if there was one. */
static bool cut_wildcard(struct str *name)
{
	if (name->n < 3 || name->p[0] != '*' || name->p[1] != '.')
		return false;
	*name = str_part(*name, 2, name->n);
	return true;
}

/* What stands behind the first label. */
static struct str parent(struct str name)
{
	return str_part(name, str_find(name, '.', 0) + 1, name.n);
}

bool cert_name_matches(struct str expected, struct str presented)
{
	bool expected_wild, presented_wild;
	size_t expected_labels, presented_labels;

	expected = without_dot(expected);
	presented = without_dot(presented);
	expected_wild = cut_wildcard(&expected);
	presented_wild = cut_wildcard(&presented);
	if (!is_name(expected, &expected_labels) || !is_name(presented, &presented_labels))
		return false;
	if (presented_wild && presented_labels < 2)
		return false;

	if (expected_wild == presented_wild)
		return str_equal_nocase(expected, presented);
	if (presented_wild)
		return expected_labels == presented_labels + 1 &&
		       str_equal_nocase(parent(expected), presented);
	return presented_labels == expected_labels + 1 &&
	       str_equal_nocase(parent(presented), expected);
}

/* The part of EXPECTED behind "*." as A-labels, "*." put back. NULL when it is no name. */
static char *to_a_labels(const char *expected)
{
	bool wild = strncmp(expected, "*.", 2) == 0;
	char *converted = NULL;
	char *result = NULL;
	size_t length;

	if (strlen(expected) > 4 * MAX_NAME)
		return NULL;
	if (idn2_lookup_u8((const uint8_t *)expected + (wild ? 2 : 0), (uint8_t **)&converted,
		    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return NULL;
	length = strlen(converted);
	result = mem_new(length + 3);
	if (wild)
		memcpy(result, "*.", 2);
	memcpy(result + (wild ? 2 : 0), converted, length);
	idn2_free(converted);
	return result;
}

static bool match_any(struct str expected, const struct cert_facts *facts, const char **ret_matched)
{
	for (size_t i = 0; i < facts->names.count; i++) {
		if (cert_name_matches(expected, str_of(facts->names.items[i]))) {
			if (ret_matched != NULL)
				*ret_matched = facts->names.items[i];
			return true;
		}
	}
	return false;
}

bool cert_names_match(
	const char *expected, const struct cert_facts *facts, const char **ret_matched)
{
	char *converted;
	bool matched;

	if (expected == NULL || facts == NULL)
		return false;
	if (str_is_ascii(str_of(expected)))
		return match_any(str_of(expected), facts, ret_matched);
	converted = to_a_labels(expected);
	matched = converted != NULL && match_any(str_of(converted), facts, ret_matched);
	free(converted);
	return matched;
}
