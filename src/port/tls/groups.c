#include "port/tls/groups.h"

#include <openssl/obj_mac.h>
#include <stdio.h>

static const struct {
	const char *name, *library;
	int nid; /* 0: the library has no such number */
} groups[] = {
	{"x25519mlkem768", "X25519MLKEM768", 0},
	{"x25519", "X25519", NID_X25519},
	{"x448", "X448", NID_X448},
	{"secp256r1", "P-256", NID_X9_62_prime256v1},
	{"secp384r1", "P-384", NID_secp384r1},
	{"secp521r1", "P-521", NID_secp521r1},
};

const char *tls_group_of_number(int nid)
{
	for (size_t i = 0; nid != 0 && i < ARRAY_LENGTH(groups); i++)
		if (groups[i].nid == nid)
			return groups[i].name;
	return NULL;
}

static const char *of_library(struct str name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(groups); i++)
		if (str_equal_nocase(name, str_of(groups[i].library)))
			return groups[i].name;
	return NULL;
}

const char *tls_group_of_library(const char *name)
{
	return of_library(str_of(name));
}

static bool is_wanted(const struct record_texts *wanted, const char *name)
{
	bool found = wanted->count == 0;

	for (size_t i = 0; i < wanted->count && !found && name != NULL; i++)
		found = str_equal_nocase(str_of(wanted->items[i]), str_of(name));
	return found;
}

/* Append those of AMONG that are wanted, or that are not. */
static size_t append(const struct record_texts *wanted, bool is_in, const char *among, size_t n,
	char ret[TLS_GROUPS_TEXT])
{
	struct str rest = str_of(among);

	while (rest.n > 0) {
		struct str one = str_cut(&rest, ':');

		if (is_wanted(wanted, of_library(one)) != is_in || n + one.n + 2 > TLS_GROUPS_TEXT)
			continue;
		n += (size_t)snprintf(ret + n, TLS_GROUPS_TEXT - n, "%s%.*s", n > 0 ? ":" : "",
			(int)one.n, one.p);
	}
	return n;
}

bool tls_groups_list(
	const struct record_texts *wanted, const char *among, char ret[TLS_GROUPS_TEXT])
{
	ret[0] = '\0';
	return append(wanted, true, among, 0, ret) > 0;
}

void tls_groups_first(
	const struct record_texts *wanted, const char *among, char ret[TLS_GROUPS_TEXT])
{
	ret[0] = '\0';
	append(wanted, false, among, append(wanted, true, among, 0, ret), ret);
}
