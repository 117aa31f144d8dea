/* The head of an HTTP request: whatever comes, the answer is one of those promised, does not change
 * when more follows, and the path is a part of what came. */
#include "core/publish/request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_one(struct str head, int status, const struct publish_request *request)
{
	static const int promised[] = {0, 200, 400, 405, 414, 431, 505};
	bool fine = false;

	for (size_t i = 0; i < sizeof(promised) / sizeof(promised[0]); i++)
		fine |= status == promised[i];
	if (!fine || (status == 0 && head.n >= PUBLISH_HEAD_MAX))
		abort();
	if (status == 200 &&
		(request->path.n == 0 || request->path.p[0] != '/' || request->path.p < head.p ||
			request->path.p + request->path.n > head.p + head.n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct publish_request request = {.is_head = false}, later = request;
	int before = 0;

	for (size_t n = 0; n <= size; n++) {
		struct str head = str_make(data, n);
		int status = publish_request_parse(head, n == size ? &later : &request);

		check_one(head, status, n == size ? &later : &request);
		if (before != 0 && status != before)
			abort();
		before = status;
	}
	return 0;
}
