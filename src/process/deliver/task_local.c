/* Delivery into a Maildir: one file for each recipient, written in steps on a worker thread. */
#include "process/deliver/task.h"

#include <stdio.h>

static void next_file(struct deliver_task *task);

static void write_step(struct deliver_task *task)
{
	struct str bytes;
	bool last = false;

	if (task->file == NULL || task->file_busy)
		return;
	if (deliver_content_take(&task->content, WIRE_WINDOW, &bytes, &last)) {
		task->file_busy = true;
		task->file_last = last;
		deliver_mailfile_write(task->file, bytes, last);
		return;
	}
	if (deliver_body_error(task->job->body) != ERR_OK) {
		struct deliver_verdict verdict = {.result = WIRE_DEFERRED,
			.token = "spool",
			.enhanced = "4.3.0",
			.text = arena_format(task->arena, "the content could not be read: %s",
				err_text(deliver_body_error(task->job->body))),
			.receipt = -1,
			.weight = DELIVER_WEIGHT_POLICY};

		deliver_mailfile_free(&task->file);
		deliver_task_blame(task, &verdict);
		deliver_task_log(task, &verdict, task->group->count);
		deliver_task_over(task);
	}
}

static int64_t receipt_of(struct deliver_task *task, const struct deliver_verdict *verdict)
{
	struct receipt receipt = {
		.direction = RECEIPT_OUT,
		.at_ms = runtime_now_ms(),
		.host = task->self->hostname,
		.organisation = task->route->organisation,
		.connector = task->route->connector,
		.required = task->route->required,
		.required_by = task->route->required_by,
		.attempt = RECEIPT_ATTEMPT_LOCAL,
		.verdict = CERT_NONE,
		.token = verdict->token,
		.reason = verdict->text,
		.total_ms = runtime_ticks_ms() - task->began_ticks,
	};

	return deliver_job_receipt(task->job, &receipt);
}

static void on_written(void *context, enum err error, const char *text)
{
	struct deliver_task *task = context;
	struct deliver_verdict verdict = {
		.result = error == ERR_OK ? WIRE_DELIVERED : WIRE_DEFERRED,
		.token = error == ERR_OK ? "ok" : "maildir",
		.enhanced = error == ERR_OK	? "2.0.0"
			    : error == ERR_FULL ? "4.3.1"
						: "4.2.0",
		.text = error == ERR_OK ? "written to the Maildir" : text,
		.weight = DELIVER_WEIGHT_REPLY,
	};

	task->file_busy = false;
	if (error == ERR_OK && !task->file_last) {
		write_step(task);
		return;
	}
	verdict.receipt = receipt_of(task, &verdict);
	deliver_job_settle(task->job, task->group->members[task->file_at], &verdict);
	deliver_task_log(task, &verdict, 1);
	deliver_mailfile_free(&task->file);
	task->file_at++;
	next_file(task);
}

/* A relative path lies below the first directory in which Maildirs may be written at all. */
static const char *whole_path(struct deliver_task *task)
{
	const struct model_node *node = task->self->node;
	const char *path = task->route->path;
	const char *root = node->maildirs.count > 0
				   ? node->maildirs.items[0]
				   : arena_format(task->arena, "%s/maildir", node->data);

	while (path[0] == '.' && path[1] == '/')
		path += 2;
	return path[0] == '/' ? path : arena_format(task->arena, "%s/%s", root, path);
}

static void next_file(struct deliver_task *task)
{
	const struct wire_job *wire = &task->job->wire;
	struct deliver_mailfile_options options;

	if (task->file_at >= task->group->count || task->job->is_orphan) {
		deliver_task_over(task);
		return;
	}
	options = (struct deliver_mailfile_options){
		.path = whole_path(task),
		.sender = wire->sender != NULL ? wire->sender : "",
		.recipient = wire->recipients.items[task->group->members[task->file_at]].address,
		.now_ms = runtime_now_ms(),
	};
	task->file_last = false;
	task->began_ticks = runtime_ticks_ms();
	task->file = deliver_mailfile_new(task->self->maildir, &options, on_written, task);
	deliver_content_start(&task->content, task->job->body,
		deliver_content_mode(task->route, MODEL_LEVEL_NONE));
	write_step(task);
}

void deliver_task_local_start(struct deliver_task *task)
{
	task->begun = true;
	next_file(task);
}

void deliver_task_local_body(struct deliver_task *task)
{
	write_step(task);
}
