/* One file from a web server, within limits. */
#include "cli/verb.h"

#include <curl/curl.h>
#include <string.h>

enum { TIMEOUT_S = 10, MAX_REDIRECTS = 3 };

struct fetching {
	struct buf body;
	const char *host;    /* of the first address */
	const char *problem; /* NULL: none of ours */
	struct cli *cli;
};

static size_t on_body(char *data, size_t one, size_t count, void *context)
{
	struct fetching *f = context;

	if (buf_put(&f->body, str_make(data, one * count)) == ERR_OK)
		return one * count;
	f->problem = "is larger than 1 MiB: that is no partner kit";
	return 0;
}

static const char *host_of(struct cli *cli, const char *url)
{
	CURLU *parts = curl_url();
	char *host = NULL;
	const char *text = NULL;

	if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		text = arena_text(cli->arena, host);
	curl_free(host);
	curl_url_cleanup(parts);
	return text;
}

static void set_up(CURL *curl, struct fetching *f, const char *url)
{
	const char *roots = cli_roots_path(f->cli);

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "sealpost");
	if (roots != NULL) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, roots);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
}

/* The place a redirection leads to, if it may be followed; else NULL and a problem. */
static const char *redirection(CURL *curl, struct fetching *f)
{
	char *to = NULL;
	const char *host;

	curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &to);
	host = to != NULL ? host_of(f->cli, to) : NULL;
	if (host != NULL && strcasecmp(host, f->host) == 0)
		return arena_text(f->cli->arena, to);
	f->problem = arena_format(f->cli->arena,
		"leads on to another host (%s): fetch it from there if you trust that",
		host != NULL ? cli_safe(f->cli, host) : "none");
	return NULL;
}

/* One request after the other, as long as it is led on within the host. */
static CURLcode perform(CURL *curl, struct fetching *f, const char *url)
{
	CURLcode code = CURLE_TOO_MANY_REDIRECTS;

	for (int i = 0; i <= MAX_REDIRECTS && url != NULL; i++) {
		long status = 0;

		buf_clear(&f->body);
		curl_easy_setopt(curl, CURLOPT_URL, url);
		code = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		if (code != CURLE_OK || status < 300 || status >= 400)
			return code;
		code = CURLE_TOO_MANY_REDIRECTS;
		url = redirection(curl, f);
	}
	return code;
}

int cli_fetch(struct cli *cli, const char *url, size_t max, struct str *ret)
{
	struct fetching f = {.cli = cli, .host = host_of(cli, url)};
	char words[CURL_ERROR_SIZE] = "";
	CURL *curl;
	CURLcode code;

	if (str_starts_nocase(str_of(url), (struct str)STR("http://")))
		return cli_fail(cli, CLI_FAILED,
			"%s: only https:// is fetched: over http:// anybody on the way could put "
			"his "
			"own certificate in",
			url);
	if (f.host == NULL)
		return cli_fail(
			cli, CLI_FAILED, "%s: is no address of the form https://HOST/...", url);
	curl = curl_easy_init();
	if (curl == NULL)
		return cli_fail(cli, CLI_FAILED, "%s: the HTTP library cannot be used", url);
	buf_init(&f.body, max);
	set_up(curl, &f, url);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
	code = perform(curl, &f, url);
	curl_easy_cleanup(curl);
	*ret = arena_copy(cli->arena, buf_str(&f.body));
	buf_free(&f.body);
	if (f.problem != NULL)
		return cli_fail(cli, CLI_FAILED, "%s: %s", url, f.problem);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return cli_fail(
			cli, CLI_FAILED, "%s: did not come within %d seconds", url, TIMEOUT_S);
	if (code != CURLE_OK)
		return cli_fail(cli, CLI_FAILED, "%s: %s", url,
			words[0] != '\0' ? words : curl_easy_strerror(code));
	return CLI_OK;
}
