/*
 * Copies of the two databases while mail goes on, below DATA/backup: for `sealpost backup`, which
 * takes them from there together with what the spool does not keep, and has them removed again.
 *
 *     none --begin--> queue --its last page--> trace (if asked for) --its last page--> done
 *                       |                        |
 *                       +-------- failed <-------+
 *
 * There is one at a time; a new one takes the place of one that is over.
 */
#include "base/moment.h"
#include "port/log/log.h"
#include "process/spool/state.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

static const char *const file_names[] = {"queue.db", "trace.db"};

enum part_state { PART_WAITS, PART_RUNS, PART_DONE, PART_FAILED, PART_NOT_ASKED };
static const char *const part_states[] = {"waits", "runs", "done", "failed", "not-asked"};

struct part {
	enum part_state state;
	int64_t pages, left;
	char text[256];
};

struct spool_backup {
	struct spool *spool;
	char name[32]; /* "20261122T081500.123Z" */
	char *directory;
	int64_t began_ms, ended_ms;
	struct part parts[2];
	bool is_given_up;
};

static char *path_of(const struct spool_backup *b, size_t part)
{
	size_t size = strlen(b->directory) + sizeof("/queue.db");
	char *path = mem_new(size);

	snprintf(path, size, "%s/%s", b->directory, file_names[part]);
	return path;
}

static bool is_under_way(const struct spool_backup *b)
{
	return b->parts[0].state == PART_RUNS || b->parts[1].state == PART_RUNS;
}

static void remove_copies(const char *directory)
{
	char path[4400];

	for (size_t i = 0; i < ARRAY_LENGTH(file_names); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, file_names[i]);
		unlink(path);
	}
	rmdir(directory);
}

/* Those of a server that ended meanwhile. */
static void sweep(const char *top)
{
	DIR *all = opendir(top);
	const struct dirent *entry;
	char path[4300];

	while (all != NULL && (entry = readdir(all)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", top, entry->d_name);
		remove_copies(path);
	}
	if (all != NULL)
		closedir(all);
}

static void forget(struct spool *spool)
{
	struct spool_backup *b = spool->backup;

	spool->backup = NULL;
	remove_copies(b->directory);
	free(b->directory);
	free(b);
}

void spool_backup_free(struct spool *spool)
{
	if (spool->backup != NULL)
		forget(spool);
}

/* ---- copying ----------------------------------------------------------------------------------
 */

static void begin_part(struct spool_backup *b, size_t part);

static void end_part(struct spool_backup *b, size_t part, const struct store_copied_so_far *so_far)
{
	struct part *p = &b->parts[part];

	p->state = so_far->e == ERR_OK ? PART_DONE : PART_FAILED;
	if (p->state == PART_FAILED)
		snprintf(p->text, sizeof(p->text), "%s",
			so_far->text[0] != '\0' ? so_far->text : err_text(so_far->e));
	if (p->state == PART_DONE && part == 0 && b->parts[1].state == PART_WAITS) {
		begin_part(b, 1);
		return;
	}
	b->ended_ms = b->spool->now_ms();
	log_event(p->state == PART_DONE ? LOG_INFO_LEVEL : LOG_ERROR_LEVEL, "backup.copied",
		LOG_TEXT("name", b->name), LOG_TEXT("result", part_states[p->state]),
		LOG_TEXT("reason", p->text), LOG_NUMBER("ms", b->ended_ms - b->began_ms));
}

static bool on_step(struct spool_backup *b, size_t part, const struct store_copied_so_far *so_far)
{
	b->parts[part].pages = so_far->pages;
	b->parts[part].left = so_far->left;
	if (b->is_given_up) {
		b->parts[part].state = PART_FAILED;
		forget(b->spool);
		return false;
	}
	if (so_far->is_over)
		end_part(b, part, so_far);
	return true;
}

static bool on_queue(void *context, const struct store_copied_so_far *so_far)
{
	return on_step(context, 0, so_far);
}

static bool on_trace(void *context, const struct store_copied_so_far *so_far)
{
	return on_step(context, 1, so_far);
}

static void begin_part(struct spool_backup *b, size_t part)
{
	char *path = path_of(b, part);

	b->parts[part].state = PART_RUNS;
	if (part == 0)
		store_copy_queue(b->spool->store, path, on_queue, b);
	else
		store_copy_trace(b->spool->store, path, on_trace, b);
	free(path);
}

/* ---- verbs ------------------------------------------------------------------------------------
 */

static json_t *part_json(const struct part *p)
{
	return json_pack("{s:s,s:I,s:I,s:o}", "state", part_states[p->state], "bytes",
		(json_int_t)(p->pages * PAGE), "left", (json_int_t)(p->left * PAGE), "reason",
		p->text[0] != '\0' ? spool_text_json(p->text) : json_null());
}

static json_t *backup_json(const struct spool_backup *b)
{
	const char *state = "done";

	if (is_under_way(b))
		state = "runs";
	else if (b->parts[0].state == PART_FAILED || b->parts[1].state == PART_FAILED)
		state = "failed";
	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:I}", "name", b->name, "state", state,
		"directory", b->directory, "began", spool_moment_json(b->began_ms), "ended",
		spool_moment_json(b->ended_ms), "queue", part_json(&b->parts[0]), "trace",
		part_json(&b->parts[1]), "generation", (json_int_t)b->spool->generation);
}

static int64_t size_of(const struct spool *spool, const char *file)
{
	char path[4200];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", spool->directory, file);
	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

/* False: answered. */
static bool has_room(struct spool_request *request, bool with_trace)
{
	struct spool *spool = request->spool;
	int64_t needed =
		size_of(spool, file_names[0]) + (with_trace ? size_of(spool, file_names[1]) : 0);
	struct store_counts counts;

	store_counts(spool->store, &counts);
	if (counts.disk_free - needed >= spool->settings.min_disk)
		return true;
	spool_answer_error(request, ERR_FULL,
		"the copies take %lld MB beside the data, of which %lld MB are free: make room%s",
		(long long)(needed >> 20), (long long)(counts.disk_free >> 20),
		with_trace ? ", or leave the trace out" : "");
	return false;
}

static enum err make_directory(struct spool_backup *b, const char *data)
{
	struct str digits = {0};
	char text[MOMENT_TEXT_SIZE], top[4200];
	size_t n = 0, size;

	moment_format_rfc3339(b->began_ms, text);
	for (digits = str_of(text); digits.n > 0; digits = str_make(digits.p + 1, digits.n - 1))
		if (*digits.p != '-' && *digits.p != ':' && n + 1 < sizeof(b->name))
			b->name[n++] = *digits.p;
	snprintf(top, sizeof(top), "%s/backup", data);
	size = strlen(top) + 1 + n + 1;
	b->directory = mem_new(size);
	snprintf(b->directory, size, "%s/%s", top, b->name);
	sweep(top);
	if ((mkdir(top, 0700) < 0 && errno != EEXIST) || mkdir(b->directory, 0700) < 0)
		return err_from_errno(errno);
	return ERR_OK;
}

void spool_manage_backup_begin(struct spool_request *request)
{
	struct spool *spool = request->spool;
	bool with_trace = !json_is_false(json_object_get(request->arguments, "trace"));
	struct spool_backup *b;
	enum err e;

	if (spool->backup != NULL && is_under_way(spool->backup)) {
		spool_answer_error(request, ERR_BUSY, "the backup %s is under way: wait for it",
			spool->backup->name);
		return;
	}
	if (!has_room(request, with_trace))
		return;
	spool_backup_free(spool);
	b = mem_new(sizeof(*b));
	b->spool = spool;
	b->began_ms = spool->now_ms();
	b->parts[1].state = with_trace ? PART_WAITS : PART_NOT_ASKED;
	spool->backup = b;
	e = make_directory(b, spool->directory);
	if (e != ERR_OK) {
		spool_answer_error(request, e, "%s: %s", b->directory, err_text(e));
		forget(spool);
		return;
	}
	log_event(LOG_INFO_LEVEL, "backup.begun", LOG_TEXT("name", b->name),
		LOG_TEXT("by", request->actor));
	begin_part(b, 0);
	spool_answer(request, backup_json(b));
}

/* NULL: answered. */
static struct spool_backup *named(struct spool_request *request)
{
	const char *name = spool_argument(request, "name");
	struct spool_backup *b = request->spool->backup;

	if (b != NULL && name != NULL && strcmp(b->name, name) == 0)
		return b;
	spool_answer_error(request, ERR_UNKNOWN,
		"there is no backup %s: it is over, or the server "
		"was restarted meanwhile",
		name != NULL ? name : "without a name");
	return NULL;
}

void spool_manage_backup_list(struct spool_request *request)
{
	const struct spool_backup *b = request->spool->backup;
	json_t *items = json_array();

	if (b != NULL)
		json_array_append_new(items, backup_json(b));
	spool_answer(request, json_pack("{s:o}", "items", items));
}

void spool_manage_backup_show(struct spool_request *request)
{
	const struct spool_backup *b = named(request);

	if (b != NULL)
		spool_answer(request, backup_json(b));
}

void spool_manage_backup_remove(struct spool_request *request)
{
	struct spool_backup *b = named(request);

	if (b == NULL)
		return;
	if (is_under_way(b))
		b->is_given_up = true; /* with its next step */
	else
		forget(request->spool);
	spool_answer(request, json_object());
}
