/* One hop, by libcurl: what it is told, and what its results mean. */
#include "port/http/inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADERS_MAX = 64 * 1024 };

static size_t on_body(char *data, size_t one, size_t count, void *context)
{
	struct http_exchange *x = context;

	if (buf_put(&x->body, str_make(data, one * count)) == ERR_OK)
		return one * count;
	x->is_too_large = true;
	return 0;
}

static size_t on_header(char *data, size_t one, size_t count, void *context)
{
	struct http_exchange *x = context;

	(void)data;
	x->header_bytes += one * count;
	if (x->header_bytes <= HEADERS_MAX)
		return one * count;
	x->is_too_large = true;
	return 0;
}

static bool address_of(const struct sockaddr *from, struct model_prefix *ret)
{
	if (from->sa_family == AF_INET)
		return http_prefix_of(&((const struct sockaddr_in *)from)->sin_addr, 4, ret);
	return from->sa_family == AF_INET6 &&
	       http_prefix_of(&((const struct sockaddr_in6 *)from)->sin6_addr, 16, ret);
}

/* The last word on where a connection goes, whatever led there. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct http_exchange *x = context;
	struct model_prefix address;
	bool is_known = false;

	if (purpose != CURLSOCKTYPE_IPCXN || !address_of(&to->addr, &address))
		return CURL_SOCKET_BAD;
	for (size_t i = 0; i < x->address_count; i++)
		is_known = is_known || memcmp(x->addresses[i].bytes, address.bytes, 16) == 0;
	if (!is_known)
		return CURL_SOCKET_BAD;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static int on_connected(void *context, char *remote, char *local, int port, int local_port)
{
	struct http_exchange *x = context;

	(void)local;
	(void)local_port;
	snprintf(x->address, sizeof(x->address), strchr(remote, ':') != NULL ? "[%s]:%d" : "%s:%d",
		remote, port);
	return CURL_PREREQFUNC_OK;
}

/* "+host:port:address,address": for this hop, then forgotten. */
static void pin(struct http_exchange *x)
{
	struct buf line;
	char text[64];

	buf_init(&line, 2048);
	buf_format(&line, "+%s:%u:", x->dial, x->dial_port);
	for (size_t i = 0; i < x->address_count; i++) {
		http_prefix_text(&x->addresses[i], text);
		buf_format(&line, strchr(text, ':') != NULL ? "%s[%s]" : "%s%s", i > 0 ? "," : "",
			text);
	}
	curl_slist_free_all(x->resolve);
	x->resolve = curl_slist_append(NULL, buf_text(&line));
	buf_free(&line);
	curl_easy_setopt(x->easy, CURLOPT_RESOLVE, x->resolve);
}

static void set_headers(struct http_exchange *x)
{
	const struct http_request *r = &x->request;

	curl_slist_free_all(x->headers);
	x->headers = curl_slist_append(NULL, "Accept: */*");
	/* Else the library waits a second for a leave that hardly anybody gives. */
	x->headers = curl_slist_append(x->headers, "Expect:");
	if (r->content_type != NULL)
		x->headers = curl_slist_append(
			x->headers, arena_format(x->arena, "Content-Type: %s", r->content_type));
	for (size_t i = 0; i < r->header_count; i++)
		x->headers = curl_slist_append(x->headers,
			arena_format(x->arena, "%s: %s", r->headers[i].name, r->headers[i].value));
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
	curl_easy_setopt(x->easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	if (r->content_type == NULL)
		return;
	curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
	curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, r->body.p);
}

static void set_trust(struct http_exchange *x)
{
	struct curl_blob roots = {.data = x->limits->roots,
		.len = x->limits->roots_length,
		.flags = CURL_BLOB_NOCOPY};

	curl_easy_setopt(x->easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(x->easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(x->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(x->easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(x->easy, CURLOPT_CAINFO, NULL);
	if (roots.len > 0)
		curl_easy_setopt(x->easy, CURLOPT_CAINFO_BLOB, &roots);
}

void http_transfer_start(struct http_exchange *x)
{
	CURL *easy = x->easy = curl_easy_init();

	if (easy == NULL)
		abort();
	x->words[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_URL, x->url);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "sealpost");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A connection is for those addresses that were looked at for it. */
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, x->limits->proxy != NULL ? x->limits->proxy : "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)x->body.max);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, x);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, x);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->words);
	pin(x);
	set_headers(x);
	set_trust(x);
	curl_multi_add_handle(x->http->multi, easy);
}

/* ---- results --------------------------------------------------------------------------------- */

static const struct {
	CURLcode code;
	const char *token;
} meanings[] = {
	{CURLE_OPERATION_TIMEDOUT, "timeout"},
	{CURLE_COULDNT_RESOLVE_PROXY, "proxy"},
	{CURLE_PROXY, "proxy"},
	{CURLE_SSL_CONNECT_ERROR, "tls"},
	{CURLE_SSL_CIPHER, "tls"},
	{CURLE_SSL_CERTPROBLEM, "tls"},
	{CURLE_SSL_CACERT_BADFILE, "tls"},
	{CURLE_PEER_FAILED_VERIFICATION, "tls"},
	{CURLE_SSL_ISSUER_ERROR, "tls"},
	{CURLE_GOT_NOTHING, "closed"},
	{CURLE_RECV_ERROR, "closed"},
	{CURLE_SEND_ERROR, "closed"},
	{CURLE_PARTIAL_FILE, "closed"},
	{CURLE_FILESIZE_EXCEEDED, "size"},
	{CURLE_COULDNT_RESOLVE_HOST, "not-found"},
};

static const char *connect_token(struct http_exchange *x)
{
	long number = 0;

	curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &number);
	switch (number) {
	case ECONNREFUSED:
		return "refused";
	case ETIMEDOUT:
		return "timeout";
	case ECONNRESET:
		return "closed";
	default:
		return "unreachable";
	}
}

const char *http_transfer_token(struct http_exchange *x, CURLcode code)
{
	const char *token = "http";

	if (x->is_too_large || code == CURLE_FILESIZE_EXCEEDED) {
		x->text = arena_format(x->arena, "%s: the answer is larger than %lld bytes",
			x->host, (long long)x->body.max);
		return "size";
	}
	x->text = arena_format(x->arena, "%s: %s", x->host,
		x->words[0] != '\0' ? x->words : curl_easy_strerror(code));
	if (code == CURLE_COULDNT_CONNECT)
		return x->limits->proxy != NULL ? "proxy" : connect_token(x);
	for (size_t i = 0; i < ARRAY_LENGTH(meanings); i++) {
		if (meanings[i].code == code)
			token = meanings[i].token;
	}
	/* The proxy's answer to CONNECT. */
	if (x->limits->proxy != NULL && code == CURLE_RECV_ERROR && x->address[0] == '\0')
		token = "proxy";
	return token;
}
