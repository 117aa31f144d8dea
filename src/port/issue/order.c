#include "port/issue/inside.h"

#include "core/model/model.h"
#include "port/tls/keypair.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const issue_action_names[] = {"request", "chain", "self-signed", NULL};

enum err issue_refuse_key(const char *text, struct err_info *info)
{
	if (strstr(text, "PRIVATE KEY-----") == NULL)
		return ERR_OK;
	return err_set(info, ERR_REFUSED,
		"there is a private key in it, which does not pass here: give the certificates "
		"alone, and think of that key as one that others have seen");
}

static enum err check_pem(const char *text, struct err_info *info)
{
	enum err e = issue_refuse_key(text, info);

	if (e == ERR_OK && strstr(text, "-----BEGIN CERTIFICATE-----") == NULL)
		return err_set(info, ERR_SYNTAX,
			"expected certificates in PEM form (-----BEGIN CERTIFICATE----- ...); "
			"there is none");
	return e;
}

static enum err check_name(const char *text, struct err_info *info)
{
	if (vault_is_name(text))
		return ERR_OK;
	return err_set(info, ERR_SYNTAX,
		"the name of a certificate is made of letters, digits, \"-\" and \".\" and is not "
		"\"self\"; found \"%s\"",
		text);
}

static enum err check_host(const char *text, struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();

	if (model_domain_name(str_of(text), true, arena) != NULL)
		return ERR_OK;
	return err_set(info, ERR_SYNTAX, "expected a host name, found \"%s\"", text);
}

static const char *normal_host(const char *text, struct arena *arena)
{
	return model_domain_name(str_of(text), true, arena);
}

static enum err check_country(const char *text, struct err_info *info)
{
	if (strlen(text) == 2 &&
		strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == 2)
		return ERR_OK;
	return err_set(info, ERR_SYNTAX,
		"a country is named by its two letters (ISO 3166), found \"%s\"", text);
}

static const char *normal_country(const char *text, struct arena *arena)
{
	char *copy = arena_text(arena, text);

	for (char *p = copy; *p != '\0'; p++)
		*p &= (char)~0x20;
	return copy;
}

#define F(member, k, ...) RECORD_FIELD(struct issue_order, member, k, __VA_ARGS__)
static const struct record_field order_fields[] = {
	F(action, RECORD_ENUM, .names = issue_action_names, .flags = RECORD_REQUIRED,
		.doc = "request, chain or self-signed."),
	F(name, RECORD_TEXT, .flags = RECORD_REQUIRED, .max = 64, .check = check_name,
		.doc = "Name of the certificate."),
	F(key, RECORD_ENUM, .names = tls_keypair_kind_names, .preset = "ecdsa-p256",
		.doc = "Kind of the new key."),
	F(names, RECORD_TEXTS, .max = ISSUE_NAMES_MAX, .check = check_host, .normal = normal_host,
		.doc = "Host names on the certificate; the first is its common name."),
	/* As long as X.520 has them. */
	F(organisation, RECORD_TEXT, .max = 64, .doc = "Organisation in the subject."),
	F(unit, RECORD_TEXT, .max = 64, .doc = "Organisational unit in the subject."),
	F(country, RECORD_TEXT, .max = 2, .check = check_country, .normal = normal_country,
		.doc = "Country in the subject."),
	F(days, RECORD_INT, .min = 1, .max = 3650, .preset = "365",
		.doc = "Days that a self-signed certificate is valid."),
	F(chain, RECORD_TEXT, .max = ISSUE_PEM_MAX, .check = check_pem,
		.doc = "The signed certificate and its intermediates, PEM."),
	F(trust, RECORD_TEXT, .max = ISSUE_PEM_MAX, .check = check_pem,
		.doc = "A root that the system does not know, PEM."),
	F(beside, RECORD_BOOL,
		.doc = "Keep the other kind of key (ECDSA or RSA) of the version before."),
	F(force, RECORD_BOOL, .doc = "Also what is expired, weak, or without its intermediates."),
	F(advance, RECORD_BOOL, .doc = "It is presented at once."),
	F(replace, RECORD_BOOL,
		.doc = "Drop a version that is next already, or a request that is open."),
};
#undef F
const struct record_desc issue_order_desc = RECORD_DESC(struct issue_order, "order", order_fields,
	.doc = "What is to be done for a certificate of this server.");

void issue_note(const struct issue_place *place, const char *format, ...)
{
	char text[600];
	va_list arguments;

	if (place->notes == NULL || place->notes->count == ISSUE_NOTES_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	place->notes->items[place->notes->count++] = arena_text(place->arena, text);
}
