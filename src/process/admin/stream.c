/* Answers that are written line by line while the work goes on. */
#include "process/admin/count.h"
#include "process/admin/peer.h"

#include <event2/buffer.h>
#include <string.h>

void admin_stream_begin(struct admin_call *call, void (*gone)(struct admin_call *call))
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(call->request);

	evhttp_add_header(headers, "Content-Type", "application/x-ndjson");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_connection_set_timeout(evhttp_request_get_connection(call->request), ADMIN_STREAM_S);
	call->is_stream = true;
	call->gone = gone;
	admin_count_answer(call->admin, call->request, 200, 0);
	evhttp_send_reply_start(call->request, 200, "OK");
}

void admin_stream_line(struct admin_call *call, json_t *json)
{
	struct evbuffer *line;
	char *text;

	if (call->request != NULL) {
		line = evbuffer_new();
		text = json_dumps(json, JSON_COMPACT);
		if (text != NULL)
			evbuffer_add(line, text, strlen(text));
		evbuffer_add(line, "\n", 1);
		free(text);
		evhttp_send_reply_chunk(call->request, line);
		evbuffer_free(line);
	}
	json_decref(json);
}

void admin_stream_end(struct admin_call *call)
{
	struct evhttp_request *request = call->request;

	if (request != NULL) {
		struct evhttp_connection *connection = evhttp_request_get_connection(request);

		call->request = NULL;
		admin_peer_watch(connection);
		evhttp_connection_set_timeout(connection, ADMIN_IDLE_S);
		evhttp_send_reply_end(request);
	}
	admin_end(call);
}
