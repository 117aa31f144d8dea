/* Chains and keys: put in order, and held against what partners would refuse. */
#include "port/issue/inside.h"

#include "base/moment.h"
#include "port/tls/keypair.h"
#include "port/tls/path.h"
#include "port/tls/strength.h"

#include <string.h>

/* The next certificate of a PEM text; empty: there is none. */
static struct str next_certificate(struct str *rest)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	static const char finish[] = "-----END CERTIFICATE-----";
	const char *from = rest->n > 0 ? memmem(rest->p, rest->n, begin, strlen(begin)) : NULL;
	const char *to = from != NULL ? memmem(from, rest->n - (size_t)(from - rest->p), finish,
						strlen(finish))
				      : NULL;
	struct str found = {0};

	if (to == NULL) {
		*rest = found;
		return found;
	}
	to += strlen(finish);
	found = str_make(from, (size_t)(to - from));
	*rest = str_part(*rest, (size_t)(to - rest->p), rest->n);
	return found;
}

/* The chain with the certificate first that KEY belongs to. */
static enum err leaf_first(const struct issue_place *place, struct issue_pair *pair, struct str key,
	struct err_info *info)
{
	struct err_info why = {0}, first = {0};
	struct str rest = pair->chain, one;
	enum err e = ERR_CERTIFICATE;
	size_t number = 0;

	while (e != ERR_OK && (one = next_certificate(&rest)).n > 0) {
		e = tls_keypair_check(arena_copy(place->arena, one), key, &why);
		if (number++ == 0)
			first = why;
	}
	if (number == 0)
		return err_set(info, ERR_CERTIFICATE, "%s: the chain holds no certificate",
			pair->chain_name);
	if (e != ERR_OK && pair->key_name != NULL)
		return err_set(info, first.code, "%s, %s: %s", pair->chain_name, pair->key_name,
			first.text);
	if (e != ERR_OK)
		return err_set(info, first.code, "%s: %s", pair->chain_name, first.text);
	if (number > 1)
		issue_note(place, "%s: the certificate of the key was number %zu; put first",
			pair->chain_name, number);
	pair->chain = str_of(
		arena_format(place->arena, "%.*s\n%.*s", STR_ARGS(one), STR_ARGS(pair->chain)));
	return ERR_OK;
}

static enum err find_path(const struct issue_place *place, const struct issue_order *order,
	const struct issue_pair *pair, struct tls_path *ret, struct err_info *info)
{
	struct tls_store *stores[2] = {
		tls_store_new(place->roots), tls_store_new(str_of(order->trust))};
	const struct tls_store *const both[] = {stores[0], stores[1]};
	struct err_info why = {0};
	enum err e =
		tls_path_of_pem(pair->chain, both, ARRAY_LENGTH(both), place->arena, ret, &why);

	for (size_t i = 0; i < ARRAY_LENGTH(stores); i++)
		tls_store_free(&stores[i]);
	return e == ERR_OK ? e : err_set(info, e, "%s: %s", pair->chain_name, why.text);
}

/* Each next one has issued the one before it; what does not belong to the chain is left out. */
static void take_in_order(
	const struct issue_place *place, struct issue_pair *pair, const struct tls_path *path)
{
	struct buf chain;

	buf_init(&chain, VAULT_FILE_MAX);
	for (size_t i = 0; i < path->count; i++)
		if (path->steps[i].is_presented)
			buf_format(&chain, "%.*s%s", STR_ARGS(path->steps[i].pem),
				path->steps[i].pem.p[path->steps[i].pem.n - 1] == '\n' ? "" : "\n");
	pair->chain = arena_copy(place->arena, buf_str(&chain));
	buf_free(&chain);
}

/* A certificate's text may hold anything: nothing of it shall drive a terminal. */
static const char *clean(const struct issue_place *place, const char *text)
{
	char *copy = arena_text(place->arena, text);

	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return copy;
}

/* Where the certificate says that its issuer's is: to be fetched by a person who looks at it. */
static const char *published_at(const struct issue_place *place, const struct tls_path_step *step)
{
	for (size_t i = 0; i < step->endpoint_count; i++)
		if (step->endpoints[i].kind == CERT_ENDPOINT_ISSUER)
			return arena_format(place->arena, " (published at %s)",
				clean(place, step->endpoints[i].url));
	return "";
}

/* Would a partner find the way to a root by what he is shown? */
static enum err check_whole(const struct issue_place *place, const struct issue_pair *pair,
	const struct tls_path *path, struct err_info *info)
{
	const struct cert_facts *last = &path->steps[path->count - 1].facts;

	for (size_t i = 1; i < path->count; i++)
		if (!path->steps[i].is_presented && !path->steps[i].facts.is_self_signed)
			return err_set(info, ERR_CERTIFICATE,
				"%s: an intermediate certificate is missing: %s; add it behind the "
				"others",
				pair->chain_name, clean(place, path->steps[i].facts.subject));
	if (!path->is_complete && !last->is_self_signed && path->store < 0)
		return err_set(info, ERR_CERTIFICATE,
			"%s: the chain does not reach a root: the issuer of %s is neither in it "
			"nor known: %s%s. Add the missing intermediate certificates, or name the "
			"root (trust)",
			pair->chain_name, clean(place, last->subject), clean(place, last->issuer),
			published_at(place, &path->steps[path->count - 1]));
	return ERR_OK;
}

static enum err check_dates(const struct issue_place *place, const struct issue_pair *pair,
	const struct cert_facts *facts, struct err_info *info)
{
	char moment[MOMENT_TEXT_SIZE];

	if (facts->not_after_ms > place->now_ms)
		return ERR_OK;
	moment_format_rfc3339(facts->not_after_ms, moment);
	return err_set(info, ERR_CERTIFICATE, "%s: %s expired at %s", pair->chain_name,
		clean(place, facts->subject), moment);
}

static enum err check_chain(const struct issue_place *place, const struct issue_pair *pair,
	const struct tls_path *path, struct err_info *info)
{
	struct err_info why = {0};
	enum err e = check_whole(place, pair, path, info);

	for (size_t i = 0; i < path->count && e == ERR_OK; i++)
		if (path->steps[i].is_presented)
			e = check_dates(place, pair, &path->steps[i].facts, info);
	if (e == ERR_OK && tls_strength_check(pair->chain, &why) != ERR_OK)
		e = err_set(info, why.code, "%s: %s", pair->chain_name, why.text);
	return e;
}

/* Root certificates do not bound it: partners have them, or newer ones, themselves. */
static void take_dates(struct issue_pair *pair, const struct tls_path *path)
{
	pair->not_before_ms = path->steps[0].facts.not_before_ms;
	pair->not_after_ms = path->steps[0].facts.not_after_ms;
	for (size_t i = 1; i < path->count; i++) {
		const struct cert_facts *facts = &path->steps[i].facts;

		if (!path->steps[i].is_presented || facts->is_self_signed)
			continue;
		if (facts->not_before_ms > pair->not_before_ms)
			pair->not_before_ms = facts->not_before_ms;
		if (facts->not_after_ms < pair->not_after_ms)
			pair->not_after_ms = facts->not_after_ms;
	}
	pair->sha256 = path->steps[0].facts.sha256;
}

enum err issue_check(const struct issue_place *place, const struct issue_order *order,
	struct issue_pair *pair, struct str open, struct err_info *info)
{
	struct err_info why = {0};
	struct tls_path path;
	enum err e = ERR_OK;

	if (!pair->is_in_token)
		e = leaf_first(place, pair, open, info);
	if (e == ERR_OK)
		e = find_path(place, order, pair, &path, info);
	if (e != ERR_OK)
		return e;
	take_in_order(place, pair, &path);
	take_dates(pair, &path);
	if (tls_keypair_is_rsa(pair->chain, &pair->is_rsa, &why) != ERR_OK)
		return err_set(info, why.code, "%s: %s", pair->chain_name, why.text);
	e = check_chain(place, pair, &path, &why);
	if (e == ERR_OK)
		return ERR_OK;
	if (!order->force)
		return err_set(info, e, "%s", why.text);
	issue_note(place, "%s; imported all the same", why.text);
	return ERR_OK;
}

enum err issue_look(const struct issue_place *place, const struct issue_order *order,
	struct issue_pair *pair, struct err_info *info)
{
	struct tls_path path;
	enum err e = find_path(place, order, pair, &path, info);

	if (e == ERR_OK)
		take_dates(pair, &path);
	return e;
}
