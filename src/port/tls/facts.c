#include "port/tls/facts.h"

#include "port/tls/pem.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *hex(struct arena *arena, const unsigned char *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";
	char *text = arena_alloc(arena, count * 2 + 1);

	for (size_t i = 0; i < count; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	return text;
}

/* RFC 2253 text; UTF-8 where it is some, else escaped. */
static const char *name_text(const X509_NAME *name, struct arena *arena)
{
	static const unsigned long flags[] = {
		XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB, XN_FLAG_RFC2253};
	BIO *bio = BIO_new(BIO_s_mem());
	const char *text = "";
	char *data;
	long length;

	for (size_t i = 0; bio != NULL && i < ARRAY_LENGTH(flags); i++) {
		struct str printed;

		(void)BIO_reset(bio);
		if (X509_NAME_print_ex(bio, name, 0, flags[i]) < 0)
			continue;
		length = BIO_get_mem_data(bio, &data);
		printed = str_make(data, length > 0 ? (size_t)length : 0);
		if (i == 0 && printed.n > TLS_NAME_TEXT_MAX)
			continue; /* cut only what is ASCII */
		if (!str_is_utf8(printed) || str_find(printed, '\0', 0) < printed.n)
			continue;
		text = arena_text_of(arena, str_part(printed, 0, TLS_NAME_TEXT_MAX));
		break;
	}
	BIO_free(bio);
	ERR_clear_error();
	return text;
}

/* All values of one attribute of a name, joined; UTF-8 without NUL, or left out. */
static const char *attribute(const X509_NAME *name, int nid, struct arena *arena)
{
	const char *text = NULL;

	for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0;) {
		unsigned char *utf8 = NULL;
		int length = ASN1_STRING_to_UTF8(
			&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
		struct str value = str_make(utf8, length > 0 ? (size_t)length : 0);
		size_t used = text != NULL ? strlen(text) + 2 : 0;

		if (value.n > 0 && used + value.n <= TLS_NAME_TEXT_MAX && str_is_utf8(value) &&
			str_find(value, '\0', 0) == value.n)
			text = arena_format(arena, "%s%s%.*s", text != NULL ? text : "",
				text != NULL ? ", " : "", STR_ARGS(value));
		OPENSSL_free(utf8);
	}
	ERR_clear_error();
	return text;
}

static int64_t moment(const ASN1_TIME *time)
{
	struct tm tm;

	if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

/* A name for comparison: printable ASCII only, lower case; NULL for anything else. */
static const char *dns_name(const ASN1_STRING *string, struct arena *arena)
{
	struct str bytes =
		str_make(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
	char *text;

	if (bytes.n == 0 || bytes.n > 255)
		return NULL;
	for (size_t i = 0; i < bytes.n; i++) {
		if (bytes.p[i] <= ' ' || bytes.p[i] > '~')
			return NULL;
	}
	text = arena_text_of(arena, bytes);
	str_lower_in_place(text, bytes.n);
	return text;
}

static void add_name(struct cert_facts *facts, const char *name)
{
	if (name != NULL)
		facts->names.items[facts->names.count++] = name;
}

static void alternative_names(X509 *certificate, struct arena *arena, struct cert_facts *facts)
{
	GENERAL_NAMES *names;
	int critical = -1;
	int count;

	names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
	/* -1: there is none.  One that cannot be read, or that stands there twice, still says that
	 * the common name does not count. */
	facts->has_san = names != NULL || critical != -1;
	count = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
	if (count > TLS_NAMES_MAX)
		count = TLS_NAMES_MAX;
	facts->names.items = arena_array(arena, (size_t)count + 1, sizeof(char *));
	for (int i = 0; i < count; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			add_name(facts, dns_name(name->d.dNSName, arena));
	}
	GENERAL_NAMES_free(names);
}

/* The last common name is the most specific one. */
static void common_name(X509 *certificate, struct arena *arena, struct cert_facts *facts)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = -1, last = -1;
	unsigned char *utf8 = NULL;
	int length;

	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
		last = at;
	if (last < 0)
		return;
	length = ASN1_STRING_to_UTF8(
		&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
	if (length > 0) {
		ASN1_STRING *string = ASN1_STRING_new();

		if (string != NULL && ASN1_STRING_set(string, utf8, length) == 1)
			add_name(facts, dns_name(string, arena));
		ASN1_STRING_free(string);
	}
	OPENSSL_free(utf8);
}

static const char *key_text(X509 *certificate, struct arena *arena)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	char group[64];
	const char *nist;

	if (key == NULL)
		return "unknown";
	if (EVP_PKEY_is_a(key, "EC")) {
		if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
			return "ECDSA";
		nist = EC_curve_nid2nist(OBJ_sn2nid(group));
		return arena_format(arena, "ECDSA %s", nist != NULL ? nist : group);
	}
	if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
		return arena_format(
			arena, "%s %d", EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
	return arena_text(arena, EVP_PKEY_get0_type_name(key));
}

static const char *serial_text(X509 *certificate, struct arena *arena)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);

	return hex(arena, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
}

static const char *spki_text(X509 *certificate, struct arena *arena)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned char *der = NULL;
	unsigned int count = 0;
	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);

	if (length > 0)
		EVP_Digest(der, (size_t)length, digest, &count, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return hex(arena, digest, count);
}

static void purposes(X509 *certificate, struct cert_facts *facts)
{
	uint32_t flags = X509_get_extension_flags(certificate);
	uint32_t usage = X509_get_extended_key_usage(certificate);

	facts->is_ca = (flags & EXFLAG_CA) != 0;
	facts->is_self_signed = (flags & EXFLAG_SS) != 0;
	facts->has_eku = (flags & EXFLAG_XKUSAGE) != 0;
	facts->allows_client = !facts->has_eku || (usage & (XKU_SSL_CLIENT | XKU_ANYEKU)) != 0;
	facts->allows_server = !facts->has_eku || (usage & (XKU_SSL_SERVER | XKU_ANYEKU)) != 0;
}

void tls_facts_of(X509 *certificate, struct arena *arena, struct cert_facts *ret)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int count = 0;
	const X509_NAME *name;
	const EVP_PKEY *key;
	const char *signature = OBJ_nid2ln(X509_get_signature_nid(certificate));

	memset(ret, 0, sizeof(*ret));
	ret->subject = name_text(X509_get_subject_name(certificate), arena);
	ret->issuer = name_text(X509_get_issuer_name(certificate), arena);
	name = X509_get_subject_name(certificate);
	ret->common_name = attribute(name, NID_commonName, arena);
	ret->organisation = attribute(name, NID_organizationName, arena);
	ret->organisational_unit = attribute(name, NID_organizationalUnitName, arena);
	ret->serial = serial_text(certificate, arena);
	X509_digest(certificate, EVP_sha256(), digest, &count);
	ret->sha256 = hex(arena, digest, count);
	ret->spki_sha256 = spki_text(certificate, arena);
	ret->not_before_ms = moment(X509_get0_notBefore(certificate));
	ret->not_after_ms = moment(X509_get0_notAfter(certificate));
	alternative_names(certificate, arena, ret);
	if (!ret->has_san)
		common_name(certificate, arena, ret);
	ret->key = key_text(certificate, arena);
	key = X509_get0_pubkey(certificate);
	ret->key_bits = key != NULL ? EVP_PKEY_get_bits(key) : 0;
	ret->signature = arena_text(arena, signature != NULL ? signature : "unknown");
	purposes(certificate, ret);
	ERR_clear_error();
}

void tls_stack_free(STACK_OF(X509) * *stack)
{
	if (*stack != NULL)
		sk_X509_pop_free(*stack, X509_free);
	*stack = NULL;
}

static enum err read_certificates(
	BIO *bio, size_t max, STACK_OF(X509) * stack, struct err_info *info)
{
	char words[256];
	X509 *certificate;
	unsigned long code;

	while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (sk_X509_push(stack, certificate) == 0)
			abort();
		if ((size_t)sk_X509_num(stack) > max)
			return err_set(info, ERR_TOO_MANY,
				"more than %zu certificates in one PEM text", max);
	}
	code = ERR_peek_last_error();
	if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
		return err_set(info, ERR_SYNTAX, "certificate %d is malformed: %s",
			sk_X509_num(stack) + 1, tls_library_words(words, sizeof(words)));
	ERR_clear_error();
	if (sk_X509_num(stack) == 0)
		return err_set(info, ERR_SYNTAX,
			"no certificate: \"-----BEGIN CERTIFICATE-----\" was expected");
	return ERR_OK;
}

enum err tls_stack_of_pem(struct str pem, size_t max, STACK_OF(X509) * *ret, struct err_info *info)
{
	STACK_OF(X509) * stack CLEANUP(tls_stack_free) = sk_X509_new_null();
	BIO *bio;
	enum err e;

	if (pem.n > INT_MAX)
		return err_set(info, ERR_TOO_LONG, "PEM text is too long");
	bio = BIO_new_mem_buf(pem.n > 0 ? pem.p : "", (int)pem.n);
	if (bio == NULL || stack == NULL)
		abort();
	ERR_clear_error();
	e = read_certificates(bio, max, stack, info);
	BIO_free(bio);
	if (e != ERR_OK)
		return e;
	*ret = stack;
	stack = NULL;
	return ERR_OK;
}

enum err tls_facts_of_pem(struct str pem, struct arena *arena, struct cert_facts **ret,
	size_t *ret_count, struct err_info *info)
{
	STACK_OF(X509) * stack CLEANUP(tls_stack_free) = NULL;
	struct cert_facts *facts;
	enum err e;

	e = tls_stack_of_pem(pem, TLS_PEM_MAX, &stack, info);
	if (e != ERR_OK)
		return e;
	*ret_count = (size_t)sk_X509_num(stack);
	facts = arena_array(arena, *ret_count, sizeof(*facts));
	for (size_t i = 0; i < *ret_count; i++)
		tls_facts_of(sk_X509_value(stack, (int)i), arena, &facts[i]);
	*ret = facts;
	return ERR_OK;
}

static void free_request(X509_REQ **request)
{
	X509_REQ_free(*request);
}

static void free_extensions(STACK_OF(X509_EXTENSION) * *extensions)
{
	sk_X509_EXTENSION_pop_free(*extensions, X509_EXTENSION_free);
}

/* As the certificate would be that has all of it. */
enum err tls_facts_of_request(
	struct str pem, struct arena *arena, struct cert_facts *ret, struct err_info *info)
{
	BIO *bio CLEANUP(tls_pem_free_bio) = tls_pem_bio(pem);
	X509_REQ *request CLEANUP(free_request) =
		bio != NULL ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
	X509 *like CLEANUP(tls_pem_free_certificate) = X509_new();
	STACK_OF(X509_EXTENSION) * extensions CLEANUP(free_extensions) =
		request != NULL ? X509_REQ_get_extensions(request) : NULL;
	struct cert_facts facts;

	if (request == NULL || like == NULL ||
		X509_set_subject_name(like, X509_REQ_get_subject_name(request)) != 1 ||
		X509_set_pubkey(like, X509_REQ_get0_pubkey(request)) != 1)
		return tls_pem_error(info, ERR_SYNTAX, "this is no request for a certificate");
	for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++)
		X509_add_ext(like, sk_X509_EXTENSION_value(extensions, i), -1);
	tls_facts_of(like, arena, &facts);
	*ret = (struct cert_facts){.subject = facts.subject,
		.common_name = facts.common_name,
		.organisation = facts.organisation,
		.organisational_unit = facts.organisational_unit,
		.names = facts.names,
		.has_san = facts.has_san,
		.key = facts.key,
		.key_bits = facts.key_bits,
		.spki_sha256 = facts.spki_sha256};
	return ERR_OK;
}

const char *tls_library_words(char *to, size_t size)
{
	const char *data = NULL;
	int flags = 0;
	unsigned long code = ERR_peek_error_data(&data, &flags);
	const char *reason = ERR_reason_error_string(code);

	if (reason != NULL && data != NULL && data[0] != '\0' && (flags & ERR_TXT_STRING) != 0)
		snprintf(to, size, "%s (%s)", reason, data);
	else
		snprintf(to, size, "%s", reason != NULL ? reason : "no reason given");
	ERR_clear_error();
	return to;
}
