#include "cli/verb.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <time.h>

enum { MAX_ANSWER = 64 * 1024 * 1024, TIMEOUT_S = 60, LINES_TIMEOUT_S = 420, PAGE = 1000 };
/* One who manages an organisation only may be told to ask less often. */
enum { TRIES = 20, LONGEST_WAIT_S = 10, TOO_MANY = 429 };

/* An answer as it comes in. */
struct intake {
	struct buf body;
	char etag[64];
	/* where it is read line by line */
	struct cli *cli;
	CURL *curl;
	cli_line *line; /* NULL: as a whole */
	void *context;
};

/* Hand over the lines that are complete.  A problem is no such line: it stays. */
static void take_lines(struct intake *intake)
{
	struct str all = buf_str(&intake->body);
	long status = 0;
	size_t end;

	curl_easy_getinfo(intake->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 300)
		return;
	while ((end = str_find(all, '\n', 0)) < all.n) {
		json_t *json = json_loadb(all.p, end, JSON_REJECT_DUPLICATES, NULL);

		if (json != NULL)
			intake->line(intake->cli, json, intake->context);
		json_decref(json);
		buf_take(&intake->body, end + 1);
		all = buf_str(&intake->body);
	}
}

static size_t on_body(char *data, size_t one, size_t count, void *context)
{
	struct intake *intake = context;

	if (buf_put(&intake->body, str_make(data, one * count)) != ERR_OK)
		return 0;
	if (intake->line != NULL)
		take_lines(intake);
	return one * count;
}

static size_t on_header(char *data, size_t one, size_t count, void *context)
{
	struct intake *intake = context;
	struct str line = str_make(data, one * count);
	struct str name = str_cut(&line, ':');

	if (str_is_nocase(name, "etag")) {
		while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
			line.n--;
		line = str_trim(line);
		if (line.n < sizeof(intake->etag)) {
			memcpy(intake->etag, line.p, line.n);
			intake->etag[line.n] = '\0';
		}
	}
	return one * count;
}

/* Why no server answers, and what to do. */
static int unreachable(struct cli *cli, const char *socket, CURLcode code, long system_error)
{
	if (code == CURLE_OPERATION_TIMEDOUT)
		return cli_fail(cli, CLI_UNREACHABLE,
			"the server at %s did not answer within %d seconds", socket, TIMEOUT_S);
	if (system_error == EACCES || system_error == EPERM)
		return cli_fail(cli, CLI_UNREACHABLE,
			"%s: permission denied; use the server's user or root, or have yourself "
			"named under \"administrators\" in the node file",
			socket);
	return cli_fail(cli, CLI_UNREACHABLE,
		"no server answers at %s (%s); start one with `sealpost serve`, or say where it "
		"is with --node FILE or --socket PATH",
		socket, system_error != 0 ? strerror((int)system_error) : curl_easy_strerror(code));
}

/* problem+json in words. */
static int explain_problem(struct cli *cli, long status, const json_t *json)
{
	const char *title = cli_text(cli, json, "title");
	const char *detail = cli_text(cli, json, "detail");

	if (detail[0] != '\0')
		return cli_fail(cli, CLI_FAILED, "%s", detail);
	if (title[0] != '\0')
		return cli_fail(cli, CLI_FAILED, "%s", title);
	return cli_fail(cli, CLI_FAILED, "the server answered with status %ld", status);
}

static void set_up(CURL *curl, const struct cli_call *call, struct intake *intake)
{
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, intake);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, intake);
	curl_easy_setopt(
		curl, CURLOPT_TIMEOUT, (long)(intake->line != NULL ? LINES_TIMEOUT_S : TIMEOUT_S));
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
}

/* RET: status, system's error, seconds to wait before the next try. */
static CURLcode perform_once(struct cli *cli, const char *socket, const struct cli_call *call,
	struct intake *intake, long ret[3])
{
	curl_off_t wait = 0;
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	char *body = call->body != NULL ? json_dumps(call->body, JSON_COMPACT) : NULL;
	CURLcode code;

	intake->curl = curl;
	set_up(curl, call, intake);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(
		curl, CURLOPT_URL, arena_format(cli->arena, "http://sealpost%s", call->path));
	if (body != NULL) {
		headers = curl_slist_append(headers, "Content-Type: application/json");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
	}
	if (call->if_match != NULL)
		headers = curl_slist_append(
			headers, arena_format(cli->arena, "If-Match: %s", call->if_match));
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret[0]);
	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &ret[1]);
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait);
	ret[2] = (long)wait;
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	free(body);
	return code;
}

static CURLcode perform(struct cli *cli, const char *socket, const struct cli_call *call,
	struct intake *intake, long ret[3])
{
	CURLcode code = perform_once(cli, socket, call, intake, ret);

	for (int tries = 1;
		code == CURLE_OK && ret[0] == TOO_MANY && ret[2] <= LONGEST_WAIT_S && tries < TRIES;
		tries++) {
		const struct timespec wait = {.tv_sec = ret[2] > 0 ? ret[2] : 1};

		nanosleep(&wait, NULL);
		buf_clear(&intake->body);
		code = perform_once(cli, socket, call, intake, ret);
	}
	return code;
}

int cli_ask(struct cli *cli, const struct cli_call *call, struct cli_answer *ret)
{
	struct intake intake = {.etag = ""};
	const char *socket;
	long facts[3] = {0};
	CURLcode code;
	int status = cli_socket_path(cli, &socket);

	if (status != CLI_OK)
		return status;
	buf_init(&intake.body, MAX_ANSWER);
	code = perform(cli, socket, call, &intake, facts);
	if (code != CURLE_OK) {
		buf_free(&intake.body);
		return unreachable(cli, socket, code, facts[1]);
	}
	ret->status = facts[0];
	ret->json = json_loadb(buf_text(&intake.body), buf_length(&intake.body),
		JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (ret->json == NULL)
		ret->text = arena_text(cli->arena, buf_text(&intake.body));
	memcpy(ret->etag, intake.etag, sizeof(ret->etag));
	buf_free(&intake.body);
	if (ret->status >= 300) {
		status = explain_problem(cli, ret->status, ret->json);
		json_decref(ret->json);
		ret->json = NULL;
	}
	return status;
}

int cli_ask_text(struct cli *cli, const struct cli_call *call, struct str *ret)
{
	struct intake intake = {.etag = ""};
	const char *socket;
	long facts[3] = {0};
	CURLcode code;
	int status = cli_socket_path(cli, &socket);

	if (status != CLI_OK)
		return status;
	buf_init(&intake.body, MAX_ANSWER);
	code = perform(cli, socket, call, &intake, facts);
	if (code != CURLE_OK) {
		status = unreachable(cli, socket, code, facts[1]);
	} else if (facts[0] >= 300) {
		json_t *problem = json_loadb(buf_text(&intake.body), buf_length(&intake.body),
			JSON_REJECT_DUPLICATES, NULL);

		status = explain_problem(cli, facts[0], problem);
		json_decref(problem);
	} else {
		*ret = arena_copy(cli->arena, buf_str(&intake.body));
	}
	buf_free(&intake.body);
	return status;
}

int cli_ask_lines(struct cli *cli, const struct cli_call *call, cli_line *line, void *context)
{
	struct intake intake = {.cli = cli, .line = line, .context = context};
	const char *socket;
	long facts[3] = {0};
	CURLcode code;
	int status = cli_socket_path(cli, &socket);

	if (status != CLI_OK)
		return status;
	buf_init(&intake.body, MAX_ANSWER);
	code = perform(cli, socket, call, &intake, facts);
	if (code != CURLE_OK) {
		status = unreachable(cli, socket, code, facts[1]);
	} else if (facts[0] >= 300) {
		json_t *problem = json_loadb(buf_text(&intake.body), buf_length(&intake.body),
			JSON_REJECT_DUPLICATES, NULL);

		status = explain_problem(cli, facts[0], problem);
		json_decref(problem);
	}
	buf_free(&intake.body);
	return status;
}

int cli_get(struct cli *cli, const char *path, json_t **ret)
{
	struct cli_answer answer = {0};
	int status = cli_ask(cli, &(struct cli_call){.method = "GET", .path = path}, &answer);

	if (status == CLI_OK && answer.json == NULL)
		return cli_fail(cli, CLI_FAILED, "the server's answer is not JSON");
	if (status == CLI_OK)
		*ret = answer.json;
	return status;
}

const char *cli_escape(struct cli *cli, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	char *to = arena_alloc(cli->arena, strlen(text) * 3 + 1);
	char *p = to;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			strchr("-._~", c) != NULL) {
			*p++ = *text;
			continue;
		}
		*p++ = '%';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 15];
	}
	return to;
}

const char *cli_query(struct cli *cli, const char *path, const char *key, const char *value)
{
	if (value == NULL)
		return path;
	return arena_format(cli->arena, "%s%c%s=%s", path, strchr(path, '?') != NULL ? '&' : '?',
		key, cli_escape(cli, value));
}

int cli_get_pages(struct cli *cli, const char *path, size_t limit, json_t **ret)
{
	json_t *whole = NULL, *items = NULL;
	const char *cursor = NULL;

	for (;;) {
		size_t left = limit == 0 ? PAGE : limit - json_array_size(items);
		json_t *page = NULL;
		const char *next = cli_query(cli, path, "limit",
			arena_format(cli->arena, "%zu", left < PAGE ? left : (size_t)PAGE));
		int status = cli_get(cli, cli_query(cli, next, "cursor", cursor), &page);

		if (status != CLI_OK) {
			json_decref(whole);
			return status;
		}
		cursor = cli_text(cli, page, "next");
		if (whole == NULL) {
			whole = page;
			items = json_object_get(whole, "items");
		} else {
			json_array_extend(items, json_object_get(page, "items"));
			json_decref(page);
		}
		if (cursor[0] == '\0' || (limit != 0 && json_array_size(items) >= limit))
			break;
	}
	json_object_del(whole, "next");
	*ret = whole;
	return CLI_OK;
}

int cli_get_all(struct cli *cli, const char *path, size_t limit, json_t **ret)
{
	json_t *whole = NULL;
	int status = cli_get_pages(cli, path, limit, &whole);

	if (status == CLI_OK)
		*ret = json_incref(json_object_get(whole, "items"));
	json_decref(whole);
	return status;
}

int cli_full_name(struct cli *cli, const char *singular, const char *word, const char **ret)
{
	json_t *items = NULL;
	const json_t *item;
	const char *found = NULL;
	bool is_more = false;
	size_t i;
	int status;

	*ret = word;
	if (strchr(word, '/') != NULL)
		return CLI_OK;
	status = cli_get_all(cli, arena_format(cli->arena, "/v1/%ss", singular), 0, &items);
	if (status != CLI_OK)
		return status;
	json_array_foreach (items, i, item) {
		if (strcmp(cli_text(cli, item, "name"), word) != 0)
			continue;
		is_more = found != NULL;
		found = arena_format(cli->arena, "%s%s%s/%s", is_more ? found : "",
			is_more ? ", " : "", cli_text(cli, item, "organisation"), word);
	}
	json_decref(items);
	if (found == NULL)
		return cli_fail(cli, CLI_FAILED, "there is no %s %s", singular, word);
	if (is_more)
		return cli_usage(cli, "more than one %s has that name: %s", singular, found);
	*ret = found;
	return CLI_OK;
}

int cli_limit(struct cli *cli, size_t fallback, size_t *ret)
{
	const char *text = cli_option(cli, "limit");
	uint64_t value = fallback;

	if (text != NULL && (!str_to_u64(str_of(text), &value) || value > 1000000))
		return cli_usage(cli, "--limit: expected a number, found \"%s\"", text);
	*ret = (size_t)value;
	return CLI_OK;
}
