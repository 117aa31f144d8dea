/* Checks of texts in PEM form. */
#include "core/model/checks.h"

#include <stdio.h>

static bool is_base64(struct str line)
{
	for (size_t i = 0; i < line.n; i++) {
		char c = str_lower(line.p[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
			    c == '='))
			return false;
	}
	return true;
}

/* One or more blocks of KIND ("CERTIFICATE") and nothing else but blank lines and remarks. */
static enum err check_blocks(
	const char *text, const char *kind, const char *what, struct err_info *info)
{
	char begin[64], end[64];
	struct str rest = str_of(text);
	size_t count = 0, lines = 0;
	bool is_inside = false;

	if (strstr(text, "PRIVATE KEY") != NULL)
		return err_set(info, ERR_SYNTAX,
			"expected %s in PEM form, found a private key: it does not belong here",
			what);
	snprintf(begin, sizeof(begin), "-----BEGIN %s-----", kind);
	snprintf(end, sizeof(end), "-----END %s-----", kind);
	for (size_t number = 1; rest.n > 0; number++) {
		struct str line = str_cut(&rest, '\n');

		while (line.n > 0 && strchr(" \t\r", line.p[line.n - 1]) != NULL)
			line.n--;
		if (str_is(line, begin) && !is_inside) {
			is_inside = true;
			lines = 0;
		} else if (str_is(line, end) && is_inside && lines > 0) {
			is_inside = false;
			count++;
		} else if (is_inside && (line.n == 0 || !is_base64(line))) {
			line = str_part(line, 0, line.n < 40 ? line.n : 40);
			return err_set(info, ERR_SYNTAX,
				"expected base64 in line %zu of the PEM text, found \"%.*s\"",
				number, STR_ARGS(line));
		}
		lines++;
	}
	if (is_inside || count == 0)
		return err_set(info, ERR_SYNTAX,
			"expected one or more %s in PEM form (%s ...), found \"%.80s%s\"", what,
			begin, text, strlen(text) > 80 ? "..." : "");
	return ERR_OK;
}

enum err model_check_pem(const char *text, struct err_info *info)
{
	return check_blocks(text, "CERTIFICATE", "certificates", info);
}

enum err model_check_crls(const char *text, struct err_info *info)
{
	return check_blocks(text, "X509 CRL", "revocation lists", info);
}
